"""Following purchases: what became of each, from the answers of the market, until nothing changes.

The market's events only bring the next question forward. Many purchases are asked about in one
call, and only a few rounds of questions follow at once, so that the number of calls doesn't grow
with the number of purchases.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from bot.domain.delivery import is_settled
from bot.domain.keys import parse_purchase_key
from bot.domain.market import Hint, OfferStatus, Purchase
from bot.domain.states import LineState
from bot.errors import DatabaseBrokenError, MarketError, MarketRefusedError
from bot.services.allowance import Allowance
from bot.services.announcements import Announcements
from bot.services.bell import heard
from bot.services.booking import Booking
from bot.services.clock import Clock
from bot.services.clock_watch import ClockWatch
from bot.services.statuses import Statuses, is_overdue
from bot.services.timing import Timing
from bot.skinsback.client import SkinsbackClient
from bot.skinsback.refusals import Scope, rule_for
from bot.store import deliveries, purchases, requests
from bot.store.database import Database, Transaction
from bot.store.deliveries import Followed

log = logging.getLogger(__name__)

AT_ONCE: Final = 1_000
"""Purchases in one question: as many as the market puts on a page of its history."""

_QUESTIONS_MAX: Final = 24
"""Of one round: a list that is cut, or refused for the sake of one purchase, is asked in parts."""

_BOOKED_AT_ONCE: Final = 20
"""In one transaction: clicks wait for it."""

_HINTS_AT_ONCE: Final = 100
_IDLE_MS: Final = 5_000
_SILENT_MS: Final = 30_000
_EVER_MS: Final = 100 * 365 * 86_400_000
"""Further ahead than anything is planned, but by a clock that was wrong."""

_ROUNDS_AT_ONCE: Final = 10


@dataclass(frozen=True, slots=True)
class Answers:
    """What the market said about purchases.

    ``missing``: it was asked about each of them alone, and said nothing. ``silent``: it could not
    be asked about the rest.
    """

    found: dict[int, Purchase]
    missing: frozenset[int]
    silent: bool


class Follower:
    """Asks about purchases and hears about them."""

    def __init__(
        self,
        database: Database,
        market: SkinsbackClient,
        booking: Booking,
        statuses: Statuses,
        announcements: Announcements,
        clock: Clock,
        clock_watch: ClockWatch | None,
        timing: Timing,
        *,
        due: asyncio.Event,
    ) -> None:
        self._database = database
        self._market = market
        self._booking = booking
        self._statuses = statuses
        self._announcements = announcements
        self._clock = clock
        self._clock_watch = clock_watch
        self._timing = timing
        self._due = due
        self._allowance = Allowance(_ROUNDS_AT_ONCE, timing.follow_gap_ms / 1000)
        self._wake = asyncio.Event()
        self._heard = asyncio.Event()
        self._hints: dict[int, Hint] = {}
        self._strangers: set[int] = set()
        # After a start: everything. Later what moves, as soon as events arrive again.
        self._catch_up_ms = _EVER_MS
        # Purchases that the market knew nothing of in a list: they spoil the others' question.
        self._alone: set[int] = set()

    # Events

    def on_hint(self, hint: Hint) -> None:
        """Take an event of the market; of one purchase the last that says something counts."""
        before = self._hints.get(hint.buy_id)
        if before is not None and hint.offer_status == OfferStatus.CREATING_TRADE:
            return
        self._hints[hint.buy_id] = hint
        self._heard.set()

    def on_up(self) -> None:
        """Have everything looked up that may have changed while no events came."""
        self._catch_up_ms = max(self._catch_up_ms, self._timing.cadence.slow)
        self._wake.set()

    async def run_hints(self) -> None:
        """Write down what events say, for ever."""
        while True:
            await self._heard.wait()
            self._heard.clear()
            while self._hints:
                try:
                    await self.take_hints()
                except Exception:
                    # An event is lost at most; the purchases are asked about all the same.
                    log.exception("Events of the market could not be taken in.")

    async def take_hints(self) -> None:
        """Write down what some of the waiting events say, in one transaction."""
        ids = list(self._hints)[:_HINTS_AT_ONCE]
        hints = [self._hints.pop(each) for each in ids]
        strangers = await self._database.write(lambda tx: self._take_all(tx, hints))
        self._strangers |= strangers
        if strangers:
            self._due.set()
        self._wake.set()
        self._announcements.wake()

    async def _take_all(self, tx: Transaction, hints: Sequence[Hint]) -> set[int]:
        """Return the buy ids that are to be looked up although they aren't booked."""
        return {hint.buy_id for hint in hints if await self._take(tx, hint)}

    async def _take(self, tx: Transaction, hint: Hint) -> bool:
        key = await purchases.key_of_buy_id(tx, hint.buy_id)
        parsed = parse_purchase_key(key or hint.purchase_key or "")
        if key is None or parsed is None:
            return parsed is not None and await self._is_to_be_found(tx, parsed[0])
        view = await requests.get(tx, parsed[0])
        line = view.line_of(key) if view else None
        attempt = line.attempt(key) if line else None
        if view is None or line is None or attempt is None:
            return False
        if hint.offer_status == attempt.offer_status:
            return False
        applied = await self._statuses.hint(
            tx,
            view,
            line,
            attempt,
            offer_status=hint.offer_status,
            trade_offer_id=hint.trade_offer_id,
        )
        if not applied:
            await deliveries.check_now(tx, hint.buy_id, at=self._clock.now_ms())
        return False

    async def _is_to_be_found(self, tx: Transaction, request_id: str) -> bool:
        """Say whether a purchase under a key of ours that isn't booked is to be looked up."""
        view = await requests.get(tx, request_id)
        if view is None:
            return True
        if view.in_state(LineState.SENT):
            return False  # its own answer is on the way
        await purchases.step_now(tx, request_id, at=self._clock.now_ms())
        return True

    # Questions

    async def run(self) -> None:
        """Ask about purchases when their time has come, for ever."""
        while True:
            self._wake.clear()
            try:
                pause_ms = await self._until_due_ms()
                if pause_ms == 0:
                    # What comes up meanwhile is asked about together.
                    await self._allowance.take()
                    pause_ms = 0 if await self.look() else _SILENT_MS
            except Exception:
                log.exception("Purchases could not be followed; they are asked about again.")
                pause_ms = _SILENT_MS
            await heard(self._wake, pause_ms / 1000)

    async def _until_due_ms(self) -> int:
        if self._catch_up_ms or self._strangers:
            return 0
        async with self._database.reading() as tx:
            soonest = await deliveries.next_check_at(tx)
        if soonest is None:
            return _IDLE_MS
        return max(0, min(_IDLE_MS, soonest - self._clock.now_ms()))

    async def look(self) -> bool:
        """Ask about everything that is due; return whether the market answered."""
        asked_at = self._clock.now_ms()
        if self._catch_up_ms:
            horizon_ms, self._catch_up_ms = self._catch_up_ms, 0
            await self._database.write(
                lambda tx: deliveries.check_soon(tx, at=asked_at, horizon_ms=horizon_ms)
            )
        async with self._database.reading() as tx:
            soonest = await deliveries.next_check_at(tx)
            if not self._strangers and (soonest is None or soonest > asked_at):
                return True
            # What is due soon rides along: the call is made anyway.
            ahead = asked_at + self._timing.cadence.slow
            due = await deliveries.due(tx, ahead, limit=AT_ONCE)
        strangers, self._strangers = self._strangers, set()
        ids = list(dict.fromkeys([*(one.buy_id for one in due), *sorted(strangers)]))
        answers = _without_strangers(due, await self._ask(ids))
        await self._record(due, answers, asked_at)
        return not answers.silent

    async def _ask(self, buy_ids: Sequence[int]) -> Answers:
        """Ask about purchases, in as few questions as their answers allow."""
        alone = [each for each in buy_ids if each in self._alone]
        left = [[each for each in buy_ids if each not in self._alone], *([each] for each in alone)]
        found: dict[int, Purchase] = {}
        missing: set[int] = set()
        for _ in range(_QUESTIONS_MAX):
            while left and not left[0]:
                left.pop(0)
            if not left:
                break
            asked = left.pop(0)
            try:
                answer = await self._market.getinfo_by_buy_ids(asked)
            except MarketError as error:
                if (
                    not isinstance(error, MarketRefusedError)
                    or rule_for(error.code).scope is Scope.CALL
                ):
                    return Answers(found, frozenset(missing), silent=True)
                told = {}
            else:
                wanted = frozenset(asked)
                told = {one.buy_id: one for one in answer.purchases if one.buy_id in wanted}
            found |= told
            rest = [each for each in asked if each not in told]
            if len(asked) == 1:
                (self._alone.discard if told else self._alone.add)(asked[0])
                missing.update(rest)
            elif told:
                left.insert(0, rest)
            else:
                # One of them spoils it, or it knows none: the halves say which.
                half = len(asked) // 2
                left[:0] = [asked[:half], asked[half:]]
        return Answers(found, frozenset(missing), silent=False)

    async def _record(self, due: Sequence[Followed], answers: Answers, asked_at: int) -> None:
        news: list[tuple[str, Purchase]] = []
        quiet: list[Followed] = []
        mine = {one.buy_id for one in due}
        for one in due:
            purchase = answers.found.get(one.buy_id)
            if purchase is not None and one.is_news(purchase):
                news.append((one.purchase_key, purchase))
            elif purchase is not None or one.buy_id in answers.missing:
                # Nobody has asked about the others: they are the first of the next round.
                quiet.append(one)
        news += [
            (one.purchase_key, one)
            for one in answers.found.values()
            if one.buy_id not in mine and one.purchase_key and parse_purchase_key(one.purchase_key)
        ]
        for start in range(0, len(news), _BOOKED_AT_ONCE):
            await self._book_some(news[start : start + _BOOKED_AT_ONCE])
        await self._record_quiet(quiet, answers, asked_at)

    async def _book_some(self, news: Sequence[tuple[str, Purchase]]) -> None:
        """Book news; what can't be booked keeps no other from being followed."""
        try:
            await self._database.write(partial(self._book, news=news))
        except DatabaseBrokenError:
            raise
        except Exception:
            if len(news) > 1:
                for one in news:
                    await self._book_some([one])
                return
            ((key, purchase),) = news
            log.exception("What the market says of purchase %s can't be booked.", purchase.buy_id)
            later = self._clock.now_ms() + self._timing.cadence.slow
            async with self._database.writing() as tx:
                await deliveries.note_checks(
                    tx, [(key, later)], not_waiting=(), at=self._clock.now_ms()
                )
        self._announcements.wake()

    async def _book(self, tx: Transaction, news: Sequence[tuple[str, Purchase]]) -> None:
        for key, purchase in news:
            await self._booking.book(tx, key, purchase)

    @property
    def _knows_the_time(self) -> bool:
        return self._clock_watch is None or self._clock_watch.trusted

    async def _record_quiet(
        self, quiet: Sequence[Followed], answers: Answers, asked_at: int
    ) -> None:
        """Note when what did not change is looked up next; close it, or ask a person, in time."""
        now = self._clock.now_ms()
        checks = [(one.purchase_key, self._statuses.next_check_at(one, at=now)) for one in quiet]
        not_waiting = [
            one.purchase_key
            for one in quiet
            if one.offer_status != OfferStatus.WAITING_ACCEPT and one.buy_id in answers.found
        ]
        over = [
            one
            for one in quiet
            if self._knows_the_time and _is_over(one, answers.found.get(one.buy_id), asked_at)
        ]
        overdue = [one for one in quiet if is_overdue(one, at=now)]
        if not quiet:
            return
        await self._database.write(
            lambda tx: deliveries.note_checks(tx, checks, not_waiting=not_waiting, at=asked_at)
        )
        for start in range(0, len(over), _BOOKED_AT_ONCE):
            await self._database.write(
                partial(self._statuses.close, followed=over[start : start + _BOOKED_AT_ONCE])
            )
        for one in overdue:
            await self._database.write(partial(self._statuses.note_stuck, followed=one))
        if over or overdue:
            self._announcements.wake()


def _is_over(one: Followed, purchase: Purchase | None, asked_at: int) -> bool:
    """Say whether an answer of then is late enough for nothing to change any more.

    Our clock may have been behind when we learned of the status: before the market sold it,
    nothing was accepted.
    """
    if purchase is None:
        return False
    since = one.accepted_at or one.status_at
    sold_at = (purchase.bought_at or 0) * 1000
    if sold_at <= asked_at:
        since = max(since, sold_at)
    return is_settled(one.offer_status, since=since, looked_up_at=asked_at)


def _without_strangers(due: Sequence[Followed], answers: Answers) -> Answers:
    """Leave out what the market sold under another key than ours: a person has typed its number.

    Nothing is known about ours then, and after a while persons are asked.
    """
    strangers = frozenset(
        one.buy_id
        for one in due
        if (told := answers.found.get(one.buy_id))
        and told.purchase_key not in (None, one.purchase_key)
    )
    found = {buy_id: told for buy_id, told in answers.found.items() if buy_id not in strangers}
    return Answers(found, answers.missing | strangers, silent=answers.silent)
