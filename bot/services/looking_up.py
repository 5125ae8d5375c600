"""Looking purchases up at the market: what nobody knows, what failed, what the disk has forgotten.

Found is proof. Not found is proof only as the answer to a look-up of that key alone; lists are
known to leave purchases out. The grace period of unknown purchases is over when enough of those
answers, enough time and the market's history have all been silent about them, counted anew from
every send, every start and every find in the same batch.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from bot.domain.keys import new_request_id, purchase_key
from bot.domain.limits import MISSES_NEEDED, TRIES_MAX
from bot.domain.market import FAILED_STATUSES, Purchase
from bot.domain.models import Attempt, EventKind, LineView, RequestView
from bot.domain.states import LineState, Step
from bot.errors import MarketError, MarketRefusedError, MarketUnavailableError
from bot.services.announcements import Announcements
from bot.services.booking import Booked, Booking
from bot.services.buying import Buying, next_attempt_no
from bot.services.clock import Clock
from bot.services.timing import Timing
from bot.skinsback.client import SkinsbackClient
from bot.skinsback.refusals import Scope, rule_for
from bot.store import audit, baskets, outbox, purchases, requests
from bot.store.database import Database, Transaction

log = logging.getLogger(__name__)

_JITTER: Final = 0.2
_SETTLED_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Answers:
    """What the market said about some keys: found, certainly not there, or (neither) no answer."""

    found: dict[str, Purchase]
    missing: frozenset[str]


class LookUps:
    """Asks the market about purchases, and records what it says."""

    def __init__(
        self,
        database: Database,
        market: SkinsbackClient,
        booking: Booking,
        buying: Buying,
        announcements: Announcements,
        clock: Clock,
        rng: Random,
        timing: Timing,
    ) -> None:
        self._database = database
        self._market = market
        self._booking = booking
        self._buying = buying
        self._announcements = announcements
        self._clock = clock
        self._rng = rng
        self._timing = timing

    async def ask(self, keys: Sequence[str]) -> Answers:
        """Ask about each key; nothing but the answers about each alone counts as *missing*."""
        found: dict[str, Purchase] = {}
        missing: set[str] = set()
        if len(keys) > 1:
            try:
                found |= await self._ask_for_all(keys)
            except MarketError as error:
                if _refuses_everything(error):
                    return Answers({}, frozenset())
        for key in keys:
            if key in found:
                continue
            try:
                answer = await self._market.getinfo_by_keys([key])
            except MarketError as error:
                if _ends_the_asking(error):
                    break
                continue
            mine = [one for one in answer.purchases if one.purchase_key == key]
            if mine:
                found[key] = mine[0]
            elif not answer.purchases and not answer.unreadable:
                missing.add(key)
        return Answers(found, frozenset(missing))

    async def _ask_for_all(self, keys: Sequence[str]) -> dict[str, Purchase]:
        answer = await self._market.getinfo_by_keys(keys)
        return {
            one.purchase_key: one
            for one in answer.purchases
            if one.purchase_key is not None and one.purchase_key in keys
        }

    async def look(self, view: RequestView) -> RequestView:
        """Make one pass of look-ups for a request's unknown lines; return it as it then stands."""
        unknown = _unknown(view)
        answers = await self.ask([attempt.purchase_key for attempt in unknown])
        found = dict(answers.found)
        history_at = None
        if self._history_is_due(view, unknown, answers):
            started_at = self._clock.now_ms()
            seen = await self._history(view, unknown)
            if seen is not None:
                found |= seen
                history_at = started_at
        async with self._database.writing() as tx:
            current = await self._record(tx, view, found, answers.missing, history_at)
        self._announcements.wake()
        return current

    def _history_is_due(
        self, view: RequestView, unknown: Sequence[Attempt], answers: Answers
    ) -> bool:
        since = view.request.grace_from
        if since is None or self._clock.now_ms() < since + self._timing.grace_ms:
            return False
        left = [one for one in unknown if one.purchase_key not in answers.found]
        return bool(left) and all(
            one.misses + (one.purchase_key in answers.missing) >= MISSES_NEEDED for one in left
        )

    async def _history(
        self, view: RequestView, unknown: Sequence[Attempt]
    ) -> dict[str, Purchase] | None:
        """Return which of some purchases the market's history knows; None without a whole answer.

        A history with entries that can't be read proves nothing. It is read from the approval on:
        an attempt tells of its last send only, and the first may have bought it.
        """
        keys = {attempt.purchase_key for attempt in unknown}
        overlap = self._timing.books_overlap_ms
        began_at = min(attempt.sent_at for attempt in unknown)
        starting = (min(began_at, view.request.decided_at or began_at) - overlap) // 1000
        ending = (self._clock.now_ms() + overlap) // 1000
        found: dict[str, Purchase] = {}
        try:
            async for page in self._market.whole_history(starting, ending):
                if page.unreadable:
                    return None
                found |= {
                    one.purchase_key: one
                    for one in page.purchases
                    if one.purchase_key is not None and one.purchase_key in keys
                }
        except MarketError:
            return None
        return found

    async def _record(
        self,
        tx: Transaction,
        view: RequestView,
        found: dict[str, Purchase],
        missing: Collection[str],
        history_at: int | None,
    ) -> RequestView:
        request_id = view.request.request_id
        now = self._clock.now_ms()
        news = 0
        for key, purchase in found.items():
            news += await self._booking.book(tx, key, purchase) is Booked.FOUND
        for key in missing:
            if key not in found:
                await purchases.record_miss(tx, key)
        if news:
            await audit.record_for(
                tx, EventKind.FOUND, view.request, at=now, details={"found": news}
            )
            # A slow server buys line after line: the others may follow.
            soon = now + self._timing.first_look_up_ms
            await purchases.begin_search(tx, request_id, at=now, step_at=soon)
            await self._buying.go_on(tx, await _reload(tx, view))
        else:
            step_at = now + self._pause_ms(view, now)
            await purchases.record_look_up(tx, request_id, history_at=history_at, step_at=step_at)
            await outbox.touch_card(tx, request_id)  # it says how often, and when next
        current = await _reload(tx, view)
        if current.next_step(now, grace_ms=self._timing.grace_ms) is Step.ASK_A_PERSON:
            await self._ask_a_person(tx, current, now)
        return await _reload(tx, view)

    async def _ask_a_person(self, tx: Transaction, view: RequestView, now: int) -> None:
        request = view.request
        later = now + self._timing.look_up_max_ms
        if await purchases.ask_a_person(tx, request.request_id, at=now, step_at=later):
            log.error("Request %s needs a person: its purchases are unknown.", request.request_id)
            await audit.record_for(tx, EventKind.NEEDS_ATTENTION, request, at=now)
            await self._announcements.announce_result(tx, view)

    def _pause_ms(self, view: RequestView, now: int) -> int:
        """Return how long until the next pass: growing, spread, and not past the grace period."""
        timing, request = self._timing, view.request
        late = request.attention_at is not None
        longest = timing.look_up_late_max_ms if late else timing.look_up_max_ms
        base = min(longest, timing.first_look_up_ms * 2 ** min(request.look_ups + 1, 20))
        pause = int(base * self._rng.uniform(1 - _JITTER, 1 + _JITTER))
        over_at = (request.grace_from or now) + timing.grace_ms
        if not late and now < over_at < now + pause:
            return over_at - now
        return pause

    async def recover(self, view: RequestView) -> bool:
        """Look for purchases of a request's lines to buy that our records may have lost.

        Return whether there were any. Raises ``MarketError`` if the market doesn't answer about
        every one of the keys that may be used next.
        """
        keys = [
            purchase_key(view.request.request_id, line.line.line_no, attempt_no)
            for line in (*view.in_state(LineState.OPEN), *view.in_state(LineState.RECHECK))
            for attempt_no in _numbers(_next_no(line))
        ]
        answers = await self.ask(keys)
        async with self._database.writing() as tx:
            for key, purchase in answers.found.items():
                await self._booking.book(tx, key, purchase)
        if len(answers.found) + len(answers.missing) < len(keys):
            raise MarketUnavailableError("market_getinfo: not every key was answered about")
        return bool(answers.found)

    async def give_drafts_new_ids(self, tx: Transaction) -> None:
        """Give every draft of an older copy another id: it may have been sent under the present."""
        for request_id in await baskets.all_drafts(tx):
            new_id = new_request_id(self._rng)
            await baskets.give_new_id(tx, request_id, new_id, at=self._clock.now_ms())

    async def still_failed(self, view: RequestView) -> frozenset[str]:
        """Return the keys of failed purchases, to be tried again, that the market calls failed now.

        Whatever else it says of them is recorded.
        """
        lines = view.in_state(LineState.RECHECK)
        answers = await self.ask([line.last.purchase_key for line in lines if line.last])
        async with self._database.writing() as tx:
            for key, purchase in answers.found.items():
                await self._booking.book(tx, key, purchase)
        return frozenset(
            key
            for key, purchase in answers.found.items()
            if purchase.offer_status in FAILED_STATUSES
        )

    async def run(self) -> None:
        """Go on looking, for ever, for what was settled by hand as not bought."""
        while True:
            await asyncio.sleep(self._timing.settled_gap_ms / 1000)
            await self.look_for_settled()

    async def look_for_settled(self) -> None:
        """Look once for what was settled as not bought: found all the same, it is an alarm."""
        since = self._clock.now_ms() - self._timing.settled_look_ups_ms
        async with self._database.reading() as tx:
            keys = await purchases.settled_since(tx, since, limit=_SETTLED_AT_ONCE)
        if not keys:
            return
        answers = await self.ask(keys)
        async with self._database.writing() as tx:
            for key, purchase in answers.found.items():
                await self._booking.book(tx, key, purchase)
        self._announcements.wake()


def _unknown(view: RequestView) -> list[Attempt]:
    return [line.last for line in view.in_state(LineState.UNKNOWN) if line.last]


def _refuses_everything(error: MarketError) -> bool:
    """Say whether a refusal is of every call alike: too many of them, or not from us."""
    return isinstance(error, MarketRefusedError) and rule_for(error.code).scope is Scope.CALL


def _ends_the_asking(error: MarketError) -> bool:
    """Say whether the market would not answer about other keys either."""
    return isinstance(error, MarketUnavailableError) or _refuses_everything(error)


def _next_no(line: LineView) -> int:
    """Return the number of the next attempt of a line that is open, or to be opened."""
    if line.state is LineState.RECHECK:
        return max(attempt.attempt_no for attempt in line.attempts) + 1
    return next_attempt_no(line)


def _numbers(first: int) -> range:
    """Return the attempt numbers that may have been used since the records were written."""
    return range(first, min(first + TRIES_MAX, 100))


async def _reload(tx: Transaction, view: RequestView) -> RequestView:
    return await requests.get(tx, view.request.request_id) or view
