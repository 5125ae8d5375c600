"""The steps of buying one claimed request: resolve, commit, call, record.

Invariants:
- Attempts are committed as *sent* before a socket is opened; their keys follow from the request.
- A key is sent a second time only unchanged, and only after the grace period of its look-ups; what
  is answered to that second send is never the end of a line, unless it is the purchase itself.
- While anything of a request is unknown, nothing else of it is sent.
- What is sent is what the approval's digest was bound to: read, and checked, in the transaction
  that writes the attempts.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.keys import digest_of, purchase_key
from bot.domain.market import (
    Answered,
    BuyOutcome,
    Listing,
    NotSent,
    Order,
    Purchase,
    Refusal,
    RefusedWhole,
    Unknown,
)
from bot.domain.models import (
    Attempt,
    EventKind,
    LineView,
    NoListing,
    PauseCause,
    RequestView,
    WaitReason,
)
from bot.domain.resolving import Found, NotFound, resolve
from bot.domain.states import AttemptState, LineState, RequestState, Step
from bot.domain.trade_url import TradeUrl
from bot.errors import MarketError, MarketRefusedError
from bot.services.announcements import Announcements
from bot.services.booking import Booking
from bot.services.clock import Clock
from bot.services.market_watch import MarketWatch
from bot.services.outcomes import Outcome, Unclear, Verdict, judge
from bot.services.steam_accounts import rest_of
from bot.services.timing import Timing
from bot.services.waits import (
    Wait,
    wait_after,
    wait_after_refusal,
    wait_for,
    wait_for_account,
)
from bot.skinsback.client import SkinsbackClient
from bot.skinsback.limiter import Token
from bot.skinsback.refusals import RefusalKind, Scope, rule_for
from bot.store import audit, outbox, purchases, requests, settings
from bot.store.database import Database, Transaction
from bot.store.purchases import NewAttempt
from bot.store.vault import Vault

log = logging.getLogger(__name__)

ON_THE_WIRE_MAX: Final = 4
UNSENT_MAX: Final = 3
"""So often a send that never left is repeated at once; then the market has to answer first."""

FRESH_MS: Final = 120_000
"""What was found out before a send is good for so long. A turn at the market can take longer, and
by then a failed purchase may have come back, the member gone, the gateway down."""

UNCLEAR_MAX: Final = 3
"""Requests in a row whose calls had no clear outcome, before nothing more is bought."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One call to be made. ``again``: its keys may have been sent before."""

    url: TradeUrl
    orders: tuple[Order, ...]
    again: bool


class Buying:
    """Buys one claimed request, from names to outcomes."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        market: SkinsbackClient,
        watch: MarketWatch,
        booking: Booking,
        announcements: Announcements,
        clock: Clock,
        timing: Timing,
        *,
        market_name: str,
        project: str,
    ) -> None:
        self._database = database
        self._vault = vault
        self._market = market
        self._watch = watch
        self._booking = booking
        self._announcements = announcements
        self._clock = clock
        self._timing = timing
        self._market_name = market_name
        self._project = project
        self._wire = asyncio.Semaphore(ON_THE_WIRE_MAX)

    def _now(self) -> int:
        return self._clock.now_ms()

    async def buy(
        self, view: RequestView, *, checked_at: int, still_failed: Collection[str] = frozenset()
    ) -> None:
        """Resolve, commit, call, record: a request in *buying* of which nothing is unknown.

        ``checked_at``: since when it is known that nothing stands in its way; if that is too long
        ago when its turn comes, nothing is sent, and its step is taken anew. ``still_failed``: keys
        of purchases that the market has called failed since; only their lines may be bought anew.
        """
        asked_at = self._now()
        try:
            listings = await self._look_up(view)
        except MarketError as error:
            await self.give_back(view, error)
            return
        async with self._wire:
            # Waited for before the attempts are committed, so that what is *sent* is sent at once.
            token = await self._market.reserve_buy()
            batch = None
            if await self._is_still_so(view, checked_at):
                batch = await self._database.write(
                    lambda tx: self._write_batch(tx, view, listings, asked_at, still_failed)
                )
            self._announcements.wake()
            if batch is not None:
                await self._call(view, batch, token)

    async def resend(self, view: RequestView, *, checked_at: int) -> None:
        """Send what the market knows nothing of once more: same listings, ceilings and keys.

        ``checked_at`` as in ``buy``.
        """
        async with self._wire:
            token = await self._market.reserve_buy()
            batch = None
            if await self._is_still_so(view, checked_at):
                batch = await self._commit_resend(view)
            self._announcements.wake()
            if batch is not None:
                await self._call(view, batch, token)

    async def _is_still_so(self, view: RequestView, checked_at: int) -> bool:
        """Say whether what was checked is still good; if not, have the next step taken anew.

        So it is too if the approval has grown too old meanwhile.
        """
        now = self._now()
        if now < min(checked_at + FRESH_MS, view.request.expires_at or 0):
            return True
        async with self._database.writing() as tx:
            await purchases.step_now(tx, view.request.request_id, at=now)
        return False

    async def _call(self, view: RequestView, batch: Batch, token: Token) -> None:
        outcome = await self._market.buy(
            batch.url.partner, batch.url.token, batch.orders, reserved=token
        )
        await self._note_outcome(view, batch, outcome)

    async def _look_up(self, view: RequestView) -> dict[str, list[Listing]]:
        """Return what is for sale under the names of the lines to buy, by game."""
        names: dict[str, set[str]] = {}
        for line in (*view.in_state(LineState.OPEN), *view.in_state(LineState.RECHECK)):
            names.setdefault(line.line.game, set()).add(line.line.market_hash_name)
        return {game: await self._market.search(game, sorted(of)) for game, of in names.items()}

    async def _may_send(self, tx: Transaction, request_id: str) -> RequestView | None:
        """Return a request as it stands if something of it may be sent now.

        A pause that has come meanwhile is written on it, and so is a Steam account that rests.
        Raises ``RuntimeError`` if it is not what was approved.
        """
        view = await requests.get(tx, request_id)
        if view is None or view.request.state is not RequestState.BUYING:
            return None
        require_as_approved(view)
        wait = await self.wait_for_account(tx, view)
        if await settings.is_paused(tx, view.request.guild_id):
            wait = wait_for(WaitReason.PAUSED)
        if wait is not None:
            await self.give_back_in(tx, view, wait)
            return None
        return view

    async def wait_for_account(self, tx: Transaction, view: RequestView) -> Wait | None:
        """Return the wait for a request's Steam account, if nothing may go to it at the moment.

        A second send of what is unknown waits as well: to an account that can't be sent to it would
        be the next trade that fails, and its Trade URL may be replaced. It is looked up meanwhile.
        """
        now = self._now()
        rest = await rest_of(tx, view.request, at=now)
        if rest is None:
            return None
        looked_up = self._timing.look_up_max_ms if view.in_state(LineState.UNKNOWN) else None
        return wait_for_account(rest, at=now, at_most_ms=looked_up)

    async def _write_batch(
        self,
        tx: Transaction,
        view: RequestView,
        listings: Mapping[str, Sequence[Listing]],
        asked_at: int,
        still_failed: Collection[str],
    ) -> Batch | None:
        """Write refused lines and *sent* attempts; None if nothing is to be sent."""
        request_id = view.request.request_id
        current = await self._may_send(tx, request_id)
        if current is None or self._step(current) is not Step.BUY:
            return None
        current = await self._release(tx, current, still_failed)
        # Requests that are bought at the same time must not compete for one listing.
        taken = await purchases.listings_taken(tx, since=asked_at)
        found: list[Found] = []
        for verdict in _resolve(current, listings, taken):
            match verdict:
                case Found():
                    found.append(verdict)
                case NotFound(line, why, cheapest):
                    await purchases.refuse_line(tx, request_id, line.line_no, why, cheapest)
        if not found:
            await self._close_pass(tx, await requests.get(tx, request_id) or current)
            return None
        url = await self._recipient(tx, current)
        attempts = [_new_attempt(current, one) for one in found]
        await purchases.open_attempts(
            tx,
            request_id,
            attempts,
            digest=current.request.digest,
            market=self._market_name,
            project=self._project,
            steam_id=url.steam_id,
            at=self._now(),
        )
        await self._record(tx, view, EventKind.SENT, lines=len(attempts))
        await outbox.touch(tx, request_id)
        orders = (Order(one.listing_id, one.max_price, one.purchase_key) for one in attempts)
        return Batch(url, tuple(orders), again=False)

    async def _release(
        self, tx: Transaction, view: RequestView, still_failed: Collection[str]
    ) -> RequestView:
        """Open the lines of purchases that have failed for certain for their next key."""
        to_try_again = view.in_state(LineState.RECHECK)
        if not to_try_again:
            return view
        for line in to_try_again:
            if line.last is not None and line.last.purchase_key in still_failed:
                await purchases.release(tx, line.last.purchase_key)
        return await requests.get(tx, view.request.request_id) or view

    async def _close_pass(self, tx: Transaction, view: RequestView) -> None:
        """Nothing could be sent: over, or for lack of an answer about what has failed, later."""
        if self._step(view) is Step.FINISH:
            await self.finish(tx, view)
        else:
            await self.give_back_in(tx, view, wait_for(WaitReason.MARKET_UNREACHABLE))

    async def _commit_resend(self, view: RequestView) -> Batch | None:
        """Write unknown attempts as *sent* again; None if nothing is to be sent."""
        request_id = view.request.request_id
        async with self._database.writing() as tx:
            current = await self._may_send(tx, request_id)
            if current is None or self._step(current) is not Step.RESEND:
                return None
            url = await self._recipient(tx, current)
            keys = await purchases.open_resend(tx, request_id, at=self._now())
            await self._record(tx, view, EventKind.RESENT, lines=len(keys))
            await outbox.touch(tx, request_id)
        attempts = [line.last for line in current.lines if line.last]
        orders = (
            Order(one.listing_id, one.max_price, one.purchase_key)
            for one in attempts
            if one.purchase_key in keys
        )
        return Batch(url, tuple(orders), again=True)

    def _step(self, view: RequestView) -> Step:
        return view.next_step(self._now(), grace_ms=self._timing.grace_ms)

    async def _recipient(self, tx: Transaction, view: RequestView) -> TradeUrl:
        """Return the request's own copy of the Trade URL, not what its member has by now."""
        sealed = await requests.sealed_token(tx, view.request.request_id)
        if view.request.partner is None or sealed is None:
            raise RuntimeError("an approved request goes to nobody")
        return TradeUrl(view.request.partner, self._vault.open(sealed))

    async def _note_outcome(self, view: RequestView, batch: Batch, outcome: BuyOutcome) -> None:
        match outcome:
            case Answered():
                await self._note_answer(view, batch, judge(batch.orders, outcome))
            case RefusedWhole(refusal):
                await self._note_refused_whole(view, batch, refusal)
            case NotSent():
                await self._note_not_sent(view, batch)
            case Unknown(_, Refusal(code, message)):
                await self._note_answer(view, batch, _same_for_all(batch, Unclear(message, code)))
            case Unknown(reason):
                await self._note_answer(view, batch, _same_for_all(batch, Unclear(reason)))
        self._announcements.wake()

    async def _note_answer(self, view: RequestView, batch: Batch, verdict: Verdict) -> None:
        await self._database.write(lambda tx: self._note_answer_in(tx, view, batch, verdict))

    async def _note_answer_in(
        self, tx: Transaction, view: RequestView, batch: Batch, verdict: Verdict
    ) -> None:
        """Record every line's outcome, the money and who must be told, in one transaction.

        It merges with what a look-up or the market's history has recorded meanwhile.
        """
        request_id = view.request.request_id
        for key, outcome in verdict.outcomes.items():
            await self._note_line(tx, key, outcome)
        for stray in verdict.strays:
            await self._booking.book_stray(tx, view, stray)
        current = await requests.get(tx, request_id) or view
        await self._record(tx, view, EventKind.ANSWERED, **_answer_to(current, batch))
        await self._count_unclear(tx, current, batch)
        await self.go_on(tx, current, send=True)

    async def _note_line(self, tx: Transaction, key: str, outcome: Outcome) -> None:
        match outcome:
            case Purchase():
                await self._booking.book(tx, key, outcome)
                # Booked under another key, it says nothing about this one: nobody waits any more.
                await purchases.record_unknown(tx, key, message="this purchase is another line's")
            case Refusal(code, message):
                definite = await purchases.record_refusal(
                    tx, key, outcome, whole=False, at=self._now()
                )
                if not definite:
                    # The listing, or the money, may be gone because the first send took it.
                    await purchases.record_unknown(tx, key, message=message, code=code)
            case Unclear(message, code):
                await purchases.record_unknown(tx, key, message=message, code=code)

    async def _count_unclear(self, tx: Transaction, view: RequestView, batch: Batch) -> None:
        """Pause buying when one request after the other has no clear outcome."""
        if not view.in_state(LineState.UNKNOWN):
            await purchases.note_clear_call(tx)
            return
        request_id = view.request.request_id
        in_a_row = await purchases.note_unclear_call(tx, request_id, at=self._now())
        if in_a_row >= UNCLEAR_MAX and not batch.again:
            await self._watch.pause_in(tx, PauseCause.UNKNOWNS, details=f"{in_a_row} in a row")

    async def go_on(self, tx: Transaction, view: RequestView, *, send: bool = False) -> None:
        """Plan a request's next step after something of it has been recorded, and have it told.

        ``send``: what was recorded is the outcome of a send, so the grace period begins with it.
        """
        request_id = view.request.request_id
        now = self._now()
        if view.in_state(LineState.UNKNOWN):
            if send:
                first = now + self._timing.first_look_up_ms
                await purchases.begin_search(tx, request_id, at=now, step_at=first)
            await self._announcements.announce_result(tx, view)
            return
        step = self._step(view)
        if step is Step.FINISH:
            await self.finish(tx, view)
            return
        await purchases.go_on(tx, request_id, at=now)
        if view.has_purchases:
            # A trade lives for minutes: nobody waits for the other lines to hear of it.
            await self._announcements.announce_result(tx, view)
        else:
            await outbox.touch(tx, request_id)

    async def _note_not_sent(self, view: RequestView, batch: Batch) -> None:
        """Try what never left again under the same keys, and after some tries leave it alone."""
        request_id = view.request.request_id
        async with self._database.writing() as tx:
            for order in batch.orders:
                await purchases.record_not_sent(tx, order.purchase_key, at=self._now())
            current = await requests.get(tx, request_id) or view
            unsent = max((line.last.unsent for line in current.lines if line.last), default=1)
            if unsent % UNSENT_MAX == 0:
                await self.give_back_in(tx, current, wait_for(WaitReason.MARKET_UNREACHABLE))
                return
            delay = self._timing.unsent_first_ms * 2 ** (unsent % UNSENT_MAX - 1)
            await purchases.go_on(tx, request_id, at=self._now() + delay)
            await outbox.touch(tx, request_id)

    async def _note_refused_whole(self, view: RequestView, batch: Batch, refusal: Refusal) -> None:
        rule = rule_for(refusal.code)
        line_by_line = rule.scope is Scope.LINE and rule.definite
        if batch.again or line_by_line or not rule.definite:
            outcome = refusal if line_by_line else Unclear(refusal.message, refusal.code)
            await self._note_answer(view, batch, _same_for_all(batch, outcome))
            return
        async with self._database.writing() as tx:
            for order in batch.orders:
                await purchases.record_refusal(
                    tx, order.purchase_key, refusal, whole=True, at=self._now()
                )
            await purchases.note_clear_call(tx)
            await self._watch.refused_to_sell_in(tx, refusal.code)
            current = await requests.get(tx, view.request.request_id) or view
            tries = max(len(line.attempts) for line in view.lines) + 1
            wait: Wait | None = wait_after_refusal(refusal, tries=tries)
            if rule.kind is RefusalKind.TOO_MANY_FAILURES:
                wait = await self.wait_for_account(tx, current) or wait
            if rule.kind is RefusalKind.TOKEN_WRONG and await self._token_is_new(tx, view, batch):
                wait = None
            await self.give_back_in(tx, current, wait, code=refusal.code)

    async def _token_is_new(self, tx: Transaction, view: RequestView, batch: Batch) -> bool:
        """Say whether the member has given another token while this one was being refused."""
        sealed = await requests.sealed_token(tx, view.request.request_id)
        return sealed is not None and self._vault.open(sealed) != batch.url.token

    async def give_back(self, view: RequestView, error: MarketError) -> None:
        """Leave a request for later because the market did not answer what is asked first."""
        code = error.code if isinstance(error, MarketRefusedError) else 0
        async with self._database.writing() as tx:
            await self._watch.refused_to_sell_in(tx, code)
            # Something of it may have been found at the market a moment ago.
            current = await requests.get(tx, view.request.request_id) or view
            await self.give_back_in(tx, current, wait_after(error), code=code)
        self._announcements.wake()

    async def give_back_in(
        self, tx: Transaction, view: RequestView, wait: Wait | None, *, code: int = 0
    ) -> None:
        """Back to approved, with what it waits for; nothing: it is tried again at once.

        What has purchases or unknown lines stays in *buying* and waits there.
        """
        request = view.request
        reason = wait.reason if wait else None
        until = self._now() + (wait.for_ms if wait else 0)
        if reason in (WaitReason.TRADE_URL_PARTNER, WaitReason.TRADE_URL_TOKEN):
            # What only the member can mend waits for the member, not for a time.
            until = request.expires_at or until
        claimed = request.state is RequestState.BUYING
        if not claimed or view.has_purchases or view.in_state(LineState.UNKNOWN):
            if reason is None:
                await purchases.go_on(tx, request.request_id, at=until)
            else:
                await purchases.wait(
                    tx, request.request_id, reason, claimable_at=until, at=self._now()
                )
        else:
            await purchases.give_back(
                tx, request.request_id, reason, claimable_at=until, at=self._now()
            )
        if view.request.waits_for is not reason or reason is None:
            await self._record(tx, view, EventKind.RETURNED, reason=reason or "", code=code)
        await outbox.touch(tx, request.request_id)

    async def close_late_lines(self, view: RequestView) -> None:
        """End the lines that were not sent while their approval counted."""
        async with self._database.writing() as tx:
            current = await requests.get(tx, view.request.request_id)
            if current is None or self._step(current) is not Step.BUY:
                return
            await purchases.end_round(tx, current)
            for line in current.in_state(LineState.OPEN):
                await purchases.refuse_line(
                    tx, current.request.request_id, line.line.line_no, NoListing.TOO_LATE, None
                )
            await self.finish(tx, await requests.get(tx, current.request.request_id) or current)
        self._announcements.wake()

    async def finish(self, tx: Transaction, view: RequestView) -> None:
        """Every line is definite: the request is bought, and everyone is told."""
        await purchases.finish(tx, view.request.request_id, at=self._now())
        await self._record(tx, view, EventKind.BOUGHT)
        await self._announcements.announce_result(tx, view)

    async def _record(
        self, tx: Transaction, view: RequestView, kind: EventKind, **details: str | int
    ) -> None:
        await audit.record_for(tx, kind, view.request, at=self._now(), details=details)


def _resolve(
    view: RequestView, listings: Mapping[str, Sequence[Listing]], taken: set[int]
) -> list[Found | NotFound]:
    """Return what each open line may have; what was resolved for another set of lines is left."""
    still_open = view.in_state(LineState.OPEN)
    refused = {line.line.line_no: line.refused_listings for line in still_open}
    verdicts: list[Found | NotFound] = []
    for game, on_sale in listings.items():
        lines = [line.line for line in still_open if line.line.game == game]
        free = [listing for listing in on_sale if listing.listing_id not in taken]
        verdicts += resolve(lines, free, refused=refused)
    return verdicts


def _answer_to(view: RequestView, batch: Batch) -> dict[str, int]:
    """Return what became of a call: of its own tries, not of those before or beside it."""
    found = Counter(
        attempt.state
        for order in batch.orders
        if (line := view.line_of(order.purchase_key)) is not None
        and (attempt := line.attempt(order.purchase_key)) is not None
    )
    purchased, refused = found[AttemptState.PURCHASED], found[AttemptState.REFUSED]
    unknown = len(batch.orders) - purchased - refused
    return {"purchased": purchased, "refused": refused, "unknown": unknown}


def _same_for_all(batch: Batch, outcome: Outcome) -> Verdict:
    return Verdict({order.purchase_key: outcome for order in batch.orders}, ())


def _new_attempt(view: RequestView, found: Found) -> NewAttempt:
    line = next(one for one in view.lines if one.line.line_no == found.line.line_no)
    attempt_no = next_attempt_no(line)
    return NewAttempt(
        purchase_key(view.request.request_id, line.line.line_no, attempt_no),
        line.line.line_no,
        attempt_no,
        found.listing.listing_id,
        line.line.ceiling,
        found.listing.class_id or line.line.class_id,
        line.line.round,
    )


def next_attempt_no(line: LineView) -> int:
    """Return the number of an open line's next attempt: the same for what provably never left."""
    last: Attempt | None = line.last
    if last is None:
        return 1
    if last.state is AttemptState.NOT_SENT:
        return last.attempt_no
    if last.state is AttemptState.REFUSED or last.released:
        return last.attempt_no + 1
    raise RuntimeError("a line with a live attempt must not be sent again")


def require_as_approved(view: RequestView) -> None:
    """Make sure that what is about to be sent is what the approval was bound to.

    Raises ``RuntimeError``.
    """
    request = view.request
    digest = digest_of(
        request_id=request.request_id,
        guild_id=request.guild_id,
        version=request.version,
        partner=request.partner or 0,
        lines=[line.line for line in view.lines],
    )
    if digest != request.digest:
        raise RuntimeError("a request is not what was approved")
