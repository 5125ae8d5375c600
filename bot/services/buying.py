"""The steps of buying one claimed request: resolve, commit, call, record.

Invariants:
- Attempts are committed as *sent* before a socket is opened; their keys follow from the request.
- A key is sent once. While anything of a request is unknown, nothing of it is sent.
- What is sent is what the approval's digest was bound to: read, and checked, in the transaction
  that writes the attempts.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
    PauseCause,
    RequestView,
    WaitReason,
)
from bot.domain.resolving import Found, NotFound, resolve
from bot.domain.states import AttemptState, LineState, RequestState, Step, next_step
from bot.domain.trade_url import TradeUrl
from bot.errors import MarketError, MarketRefusedError
from bot.services.announcements import Announcements
from bot.services.clock import Clock
from bot.services.market_watch import MarketWatch
from bot.services.outcomes import Alarm, Outcome, Unclear, Verdict, judge
from bot.services.waits import Wait, wait_after, wait_after_refusal, wait_for
from bot.skinsback.client import SkinsbackClient
from bot.skinsback.refusals import RefusalKind, Scope, rule_for
from bot.store import audit, outbox, purchases, requests, settings
from bot.store.database import Database, Transaction
from bot.store.purchases import NewAttempt
from bot.store.vault import Vault

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """One call to be made."""

    url: TradeUrl
    orders: tuple[Order, ...]


class Buying:
    """Buys one claimed request, from names to outcomes."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        market: SkinsbackClient,
        watch: MarketWatch,
        announcements: Announcements,
        clock: Clock,
        *,
        market_name: str,
        project: str,
    ) -> None:
        self._database = database
        self._vault = vault
        self._market = market
        self._watch = watch
        self._announcements = announcements
        self._clock = clock
        self._market_name = market_name
        self._project = project

    def _now(self) -> int:
        return self._clock.now_ms()

    async def buy(self, view: RequestView) -> None:
        """Resolve, commit, call, record: a request in *buying* of which nothing is unknown."""
        asked_at = self._now()
        try:
            listings = await self._look_up(view)
        except MarketError as error:
            await self._give_back(view, error)
            return
        batch = await self._commit(view, listings, asked_at)
        self._announcements.wake()
        if batch is None:
            return
        outcome = await self._market.buy(batch.url.partner, batch.url.token, batch.orders)
        await self._note_outcome(view, batch, outcome)

    async def _look_up(self, view: RequestView) -> dict[str, list[Listing]]:
        """Return what is for sale under the names of the lines to buy, by game."""
        names: dict[str, set[str]] = {}
        for line in view.in_state(LineState.OPEN):
            names.setdefault(line.line.game, set()).add(line.line.market_hash_name)
        return {game: await self._market.search(game, sorted(of)) for game, of in names.items()}

    async def _commit(
        self, view: RequestView, listings: Mapping[str, Sequence[Listing]], asked_at: int
    ) -> Batch | None:
        """Write refused lines and *sent* attempts; None if nothing is to be sent."""
        request_id = view.request.request_id
        async with self._database.writing() as tx:
            current = await requests.get(tx, request_id)
            sealed = await requests.sealed_token(tx, request_id)
            if current is None or current.request.state is not RequestState.BUYING:
                return None
            _require_as_approved(current)
            if await settings.get_pause(tx) is not None:
                await self._give_back_in(tx, current, wait_for(WaitReason.PAUSED))
                return None
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
                await self.finish(tx, await requests.get(tx, request_id) or current)
                return None
            if current.request.partner is None or sealed is None:
                raise RuntimeError("an approved request goes to nobody")
            url = TradeUrl(current.request.partner, self._vault.open(sealed))
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
        return Batch(
            url,
            tuple(
                Order(attempt.listing_id, attempt.max_price, attempt.purchase_key)
                for attempt in attempts
            ),
        )

    async def _note_outcome(self, view: RequestView, batch: Batch, outcome: BuyOutcome) -> None:
        match outcome:
            case Answered():
                await self._note_answer(
                    view, judge(batch.orders, outcome, steam_id=batch.url.steam_id)
                )
            case RefusedWhole(refusal):
                await self._note_refused_whole(view, batch, refusal)
            case NotSent():
                async with self._database.writing() as tx:
                    for order in batch.orders:
                        await purchases.record_not_sent(tx, order.purchase_key, at=self._now())
                    await self._give_back_in(tx, view, wait_for(WaitReason.MARKET_UNREACHABLE))
            case Unknown(_, Refusal(code, message)):
                await self._note_answer(view, _same_for_all(batch, Unclear(message, code)))
            case Unknown(reason):
                await self._note_answer(view, _same_for_all(batch, Unclear(reason)))
        self._announcements.wake()

    async def _note_answer(self, view: RequestView, verdict: Verdict) -> None:
        """Record every line's outcome, the money and who must be told, in one transaction."""
        request_id = view.request.request_id
        async with self._database.writing() as tx:
            for key, outcome in verdict.outcomes.items():
                match outcome:
                    case Purchase():
                        await purchases.record_purchase(tx, key, outcome, at=self._now())
                    case Refusal():
                        await purchases.record_refusal(
                            tx, key, outcome, whole=False, at=self._now()
                        )
                    case Unclear(message, code):
                        await purchases.record_unknown(tx, key, message=message, code=code)
            for stray in verdict.strays:
                await purchases.record_stray(tx, request_id, stray, at=self._now())
            for alarm, purchase in verdict.alarms:
                foreign = alarm is Alarm.FOREIGN_KEY
                await purchases.record_alarm(tx, request_id, purchase, alarm, foreign=foreign)
                await self._record(
                    tx, view, EventKind.ALARM, alarm=alarm.value, buy_id=purchase.buy_id
                )
                number = view.request.number
                details = f"{alarm.value}, request #{number}, purchase {purchase.buy_id}"
                log.error(
                    "The market did what must never happen: %s, request %s, purchase %s",
                    alarm.value,
                    request_id,
                    purchase.buy_id,
                )
                await self._watch.pause_in(tx, PauseCause.ALARM, details=details)
            current = await requests.get(tx, request_id) or view
            await self._record(
                tx,
                view,
                EventKind.ANSWERED,
                purchased=len(current.in_state(LineState.PURCHASED)),
                refused=len(current.in_state(LineState.REFUSED)),
                unknown=len(current.in_state(LineState.UNKNOWN)),
            )
            if next_step([line.state for line in current.lines]) is Step.FINISH:
                await self.finish(tx, current)
            else:
                await self._announcements.announce_result(tx, current)

    async def _note_refused_whole(self, view: RequestView, batch: Batch, refusal: Refusal) -> None:
        rule = rule_for(refusal.code)
        if rule.scope is Scope.LINE and rule.definite:
            await self._note_answer(view, _same_for_all(batch, refusal))
            return
        if not rule.definite:
            unclear = Unclear(refusal.message, refusal.code)
            await self._note_answer(view, _same_for_all(batch, unclear))
            return
        async with self._database.writing() as tx:
            for order in batch.orders:
                await purchases.record_refusal(
                    tx, order.purchase_key, refusal, whole=True, at=self._now()
                )
            await self._watch.refused_to_sell_in(tx, refusal.code)
            tries = max(len(line.attempts) for line in view.lines) + 1
            wait: Wait | None = wait_after_refusal(refusal, tries=tries)
            if rule.kind is RefusalKind.TOKEN_WRONG and await self._token_is_new(tx, view, batch):
                wait = None
            await self._give_back_in(tx, view, wait, code=refusal.code)

    async def _token_is_new(self, tx: Transaction, view: RequestView, batch: Batch) -> bool:
        """Say whether the member has given another token while this one was being refused."""
        sealed = await requests.sealed_token(tx, view.request.request_id)
        return sealed is not None and self._vault.open(sealed) != batch.url.token

    async def _give_back(self, view: RequestView, error: MarketError) -> None:
        code = error.code if isinstance(error, MarketRefusedError) else 0
        async with self._database.writing() as tx:
            await self._watch.refused_to_sell_in(tx, code)
            await self._give_back_in(tx, view, wait_after(error), code=code)
        self._announcements.wake()

    async def _give_back_in(
        self, tx: Transaction, view: RequestView, wait: Wait | None, *, code: int = 0
    ) -> None:
        """Back to approved, with what it waits for; nothing: it is tried again at once."""
        request = view.request
        reason = wait.reason if wait else None
        until = self._now() + (wait.for_ms if wait else 0)
        if reason in (WaitReason.TRADE_URL_PARTNER, WaitReason.TRADE_URL_TOKEN):
            # What only the member can mend waits for the member, not for a time.
            until = request.expires_at or until
        await purchases.give_back(
            tx, request.request_id, reason, claimable_at=until, at=self._now()
        )
        await self._record(tx, view, EventKind.RETURNED, reason=reason or "", code=code)
        await outbox.touch(tx, request.request_id)

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
    lines = [line.line for line in view.in_state(LineState.OPEN)]
    verdicts: list[Found | NotFound] = []
    for game, on_sale in listings.items():
        free = [listing for listing in on_sale if listing.listing_id not in taken]
        verdicts += resolve([line for line in lines if line.game == game], free)
    return verdicts


def _same_for_all(batch: Batch, outcome: Outcome) -> Verdict:
    return Verdict({order.purchase_key: outcome for order in batch.orders}, (), ())


def _new_attempt(view: RequestView, found: Found) -> NewAttempt:
    line_no = found.line.line_no
    last = next(line.last for line in view.lines if line.line.line_no == line_no)
    attempt_no = _attempt_no(last)
    return NewAttempt(
        purchase_key(view.request.request_id, line_no, attempt_no),
        line_no,
        attempt_no,
        found.listing.listing_id,
        found.line.ceiling,
        found.listing.class_id or found.line.class_id,
    )


def _attempt_no(last: Attempt | None) -> int:
    """Return the next attempt's number: the same for what provably never left."""
    if last is None:
        return 1
    if last.state is AttemptState.NOT_SENT:
        return last.attempt_no
    if last.state is AttemptState.REFUSED:
        return last.attempt_no + 1
    raise RuntimeError("a line with a live attempt must not be sent again")


def _require_as_approved(view: RequestView) -> None:
    """Make sure that what is about to be sent is what the approval was bound to."""
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
