"""What people do about requests that went another way than planned.

A moderator has the market asked now, or has what was not bought tried again; an administrator
settles by hand what nobody else can tell. Whoever acts is checked where the action happens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final

from bot.domain.keys import DIGEST_SHOWN, stamp_of
from bot.domain.limits import CHECK_GAP_MS, REASON_MAX
from bot.domain.models import Actor, Attempt, EventKind, PauseCause, RequestView, WaitReason
from bot.domain.money import Micros, format_usd, parse_paid
from bot.domain.plain_text import clean_line
from bot.domain.states import LineState, RequestState
from bot.domain.typed import parse_buy_id
from bot.errors import MarketError, Problem, UserFacingError
from bot.services.announcements import Announcements
from bot.services.buying import Buying
from bot.services.clock import Clock
from bot.services.guilds import Guilds
from bot.services.holds import is_covered
from bot.services.market_watch import MarketWatch
from bot.services.outcomes import Alarm
from bot.services.rights import require_administrator, require_approver, require_disinterested
from bot.services.steam_accounts import Lately, lately
from bot.store import audit, outbox, purchases, requests
from bot.store.database import Database, Transaction

BOUGHT: Final = "bought"
NOT_BOUGHT: Final = "not bought"


def unknown_stamp(view: RequestView) -> str:
    """Return what a screen about the unknown purchases of a request is stamped with."""
    return stamp_of(attempt.purchase_key for attempt in _unknown(view).values())


class Attention:
    """Checking now, settling by hand, trying again."""

    def __init__(
        self,
        database: Database,
        guilds: Guilds,
        watch: MarketWatch,
        buying: Buying,
        announcements: Announcements,
        clock: Clock,
        *,
        operator_ids: Collection[int],
        approved: asyncio.Event,
    ) -> None:
        self._database = database
        self._guilds = guilds
        self._watch = watch
        self._buying = buying
        self._announcements = announcements
        self._clock = clock
        self._operators = frozenset(operator_ids)
        self._approved = approved
        # Gone after a restart, and with it nothing but the last ten seconds.
        self._checked: dict[str, int] = {}

    async def check_now(self, actor: Actor, request_id: str) -> RequestView:
        """Have the market asked about a request's unknown purchases now.

        Raises ``UserFacingError`` (NOTHING_TO_CHECK, ON_THE_WIRE, CHECKED_JUST_NOW; and if they
        may not).
        """
        now = self._clock.now_ms()
        async with self._database.writing() as tx:
            view, _ = await require_approver(tx, self._guilds, actor, request_id)
            request = view.request
            if request.state is RequestState.BUYING and view.in_state(LineState.SENT):
                raise UserFacingError(Problem.ON_THE_WIRE, number=request.number)
            if request.state is not RequestState.BUYING or not view.in_state(LineState.UNKNOWN):
                raise UserFacingError(
                    Problem.NOTHING_TO_CHECK, number=request.number, state=request.state.value
                )
            last = self._checked.get(request_id)
            if last is not None and now < last + CHECK_GAP_MS:
                raise UserFacingError(Problem.CHECKED_JUST_NOW, since=last)
            await purchases.step_now(tx, request_id, at=now)
        self._checked = {
            one: at for one, at in self._checked.items() if now < at + CHECK_GAP_MS
        } | {request_id: now}
        self._approved.set()
        return view

    async def to_settle(
        self, actor: Actor, request_id: str, stamp: str | None = None
    ) -> RequestView:
        """Return a request whose unknown purchases this actor may settle by hand.

        ``stamp``: of the screen that was acted on. Raises ``UserFacingError`` (NOT_ADMINISTRATOR,
        OWN_REQUEST, OWN_STEAM_ACCOUNT, NOTHING_TO_SETTLE, SETTLE_TOO_EARLY, SETTLE_CHANGED).
        """
        async with self._database.reading() as tx:
            return await self._to_settle(tx, actor, request_id, stamp)

    async def settle_bought(
        self,
        actor: Actor,
        request_id: str,
        stamp: str,
        line_no: int,
        *,
        buy_id: str,
        paid: str,
        reason: str,
    ) -> RequestView:
        """Book by hand that a line was bought: the market's number, what was paid, and why.

        Raises ``UserFacingError`` (BUY_ID_WRONG, BUY_ID_BOOKED, PRICE_WRONG and its kin,
        SETTLE_REASON_EMPTY; and as ``to_settle`` does).
        """
        why = _required(reason)
        number, amount = parse_buy_id(buy_id), parse_paid(paid)
        async with self._database.writing() as tx:
            view = await self._to_settle(tx, actor, request_id, stamp)
            attempt = _chosen(view, {line_no})[0]
            if await purchases.key_of_buy_id(tx, number) is not None:
                raise UserFacingError(Problem.BUY_ID_BOOKED, buy_id=str(number))
            await self._settle(tx, actor, attempt, (number, amount))
            await audit.record_for(
                tx,
                EventKind.SETTLED,
                view.request,
                at=self._clock.now_ms(),
                actor_id=actor.user_id,
                details={
                    "outcome": BOUGHT,
                    "lines": 1,
                    "buy_id": number,
                    "paid": format_usd(amount),
                    "why": why,
                },
            )
            if amount > attempt.max_price:
                await self._raise_above_ceiling(tx, view, number)
            settled = await self._go_on(tx, request_id)
        self._ring()
        return settled

    async def settle_not_bought(
        self,
        actor: Actor,
        request_id: str,
        stamp: str,
        line_nos: Collection[int],
        *,
        reason: str,
    ) -> RequestView:
        """Book by hand that lines were not bought, and why.

        Raises ``UserFacingError`` (SETTLE_REASON_EMPTY, and as ``to_settle`` does).
        """
        why = _required(reason)
        async with self._database.writing() as tx:
            view = await self._to_settle(tx, actor, request_id, stamp)
            chosen = _chosen(view, line_nos)
            for attempt in chosen:
                await self._settle(tx, actor, attempt, None)
            await audit.record_for(
                tx,
                EventKind.SETTLED,
                view.request,
                at=self._clock.now_ms(),
                actor_id=actor.user_id,
                details={"outcome": NOT_BOUGHT, "lines": len(chosen), "why": why},
            )
            settled = await self._go_on(tx, request_id)
        self._ring()
        return settled

    async def try_again(
        self, actor: Actor, request_id: str, stamp: str, rounds: int
    ) -> tuple[RequestView, int]:
        """Have everything that was not bought, or was bought in vain, tried once more.

        It is held for in the transaction that moves the request, if the balance covers it beside
        everything that is held already. ``rounds``: how often that was done before by the card that
        was pressed. Return the request and how many lines are tried. Raises ``UserFacingError``
        (TRIED_ALREADY, NOTHING_TO_TRY, TRY_AGAIN_TOO_LATE, STEAM_ACCOUNT_RESTS,
        STEAM_ACCOUNT_REFUSED, BALANCE_LOW, BALANCE_UNKNOWN, REQUEST_CHANGED, OWN_REQUEST,
        OWN_STEAM_ACCOUNT; and if they may not).
        """
        async with self._database.reading() as tx:
            await self._to_try_again(tx, actor, request_id, stamp, rounds)
        try:
            balance = await self._watch.known_balance()
        except MarketError as error:
            raise UserFacingError(Problem.BALANCE_UNKNOWN) from error
        async with self._database.writing() as tx:
            view = await self._to_try_again(tx, actor, request_id, stamp, rounds)
            lines = len(view.to_try_again)
            needed = Micros(sum(one.line.ceiling for one in view.to_try_again))
            if not await is_covered(tx, balance, request_id=request_id, needed=needed):
                raise UserFacingError(
                    Problem.BALANCE_LOW, number=view.request.number, needed=needed
                )
            now = self._clock.now_ms()
            if not await purchases.try_again(tx, view, at=now):
                raise RuntimeError("what was read as bought in this transaction is not")
            await audit.record_for(
                tx,
                EventKind.TRIED_AGAIN,
                view.request,
                at=now,
                actor_id=actor.user_id,
                details={"lines": lines},
            )
            await outbox.touch(tx, request_id)
            view = await requests.get(tx, request_id) or view
        self._announcements.wake()
        self._approved.set()
        return view, lines

    async def _to_try_again(
        self, tx: Transaction, actor: Actor, request_id: str, stamp: str, rounds: int
    ) -> RequestView:
        """Return a request of which this actor may have something tried again."""
        view, _ = await require_approver(tx, self._guilds, actor, request_id)
        request = view.request
        await require_disinterested(tx, actor, request)
        if request.digest[:DIGEST_SHOWN] != stamp:
            raise UserFacingError(Problem.REQUEST_CHANGED, number=request.number)
        if view.rounds != rounds or request.state is RequestState.BUYING:
            by, at = await _last(tx, request_id, EventKind.TRIED_AGAIN)
            raise UserFacingError(
                Problem.TRIED_ALREADY, number=request.number, user_id=by, decided_at=at
            )
        if (request.expires_at or 0) <= self._clock.now_ms():
            raise UserFacingError(Problem.TRY_AGAIN_TOO_LATE, number=request.number)
        if not view.to_try_again:
            raise UserFacingError(
                Problem.NOTHING_TO_TRY, number=request.number, state=request.state.value
            )
        await self._require_awake(tx, view)
        return view

    async def lately(self, actor: Actor, request_id: str) -> Lately:
        """Return, for a moderator, what failed lately at a request's Steam account.

        Raises ``UserFacingError`` if they may not.
        """
        async with self._database.reading() as tx:
            view, _ = await require_approver(tx, self._guilds, actor, request_id)
            return await lately(tx, view.request, at=self._clock.now_ms())

    async def _require_awake(self, tx: Transaction, view: RequestView) -> None:
        """Make sure that something may go to a request's Steam account now.

        Raises ``UserFacingError`` with until when it rests and what failed there in the last day.
        """
        if not view.to_try_again:
            return
        found = await lately(tx, view.request, at=self._clock.now_ms())
        if found.rest is None:
            return
        refused = found.rest.reason is WaitReason.STEAM_ACCOUNT
        raise UserFacingError(
            Problem.STEAM_ACCOUNT_REFUSED if refused else Problem.STEAM_ACCOUNT_RESTS,
            number=view.request.number,
            until=found.rest.until,
            lately=",".join(f"{status}:{times}" for status, times in found.failed.items()),
        )

    async def _to_settle(
        self, tx: Transaction, actor: Actor, request_id: str, stamp: str | None
    ) -> RequestView:
        operator = actor.user_id in self._operators
        view = await require_administrator(tx, self._guilds, actor, request_id, operator=operator)
        request = view.request
        await require_disinterested(tx, actor, request)
        if not _unknown(view):
            by, at = await _last(tx, request_id, EventKind.SETTLED)
            raise UserFacingError(
                Problem.NOTHING_TO_SETTLE, number=request.number, user_id=by, decided_at=at
            )
        if not view.needs_a_person:
            raise UserFacingError(Problem.SETTLE_TOO_EARLY, number=request.number)
        if stamp is not None and stamp != unknown_stamp(view):
            by, at = await _last(tx, request_id, EventKind.SETTLED)
            raise UserFacingError(
                Problem.SETTLE_CHANGED, number=request.number, user_id=by, decided_at=at
            )
        return view

    async def _settle(
        self, tx: Transaction, actor: Actor, attempt: Attempt, bought: tuple[int, Micros] | None
    ) -> None:
        settled = await purchases.settle(
            tx,
            attempt.purchase_key,
            by=actor.user_id,
            at=self._clock.now_ms(),
            bought=bought,
        )
        if not settled:
            raise RuntimeError("what was read as unknown in this transaction is not")

    async def _go_on(self, tx: Transaction, request_id: str) -> RequestView:
        """Plan the next step of what is left, and have everything drawn again."""
        view = await requests.get(tx, request_id)
        if view is None:
            raise RuntimeError("a request that was settled is gone")
        await self._buying.go_on(tx, view)
        return await requests.get(tx, request_id) or view

    def _ring(self) -> None:
        self._announcements.wake()
        self._approved.set()

    async def _raise_above_ceiling(self, tx: Transaction, view: RequestView, buy_id: int) -> None:
        """Booked as it is: the market took more than was approved, so nothing more is bought."""
        alarm = Alarm.ABOVE_CEILING.value
        await audit.record_for(
            tx,
            EventKind.ALARM,
            view.request,
            at=self._clock.now_ms(),
            details={"alarm": alarm, "buy_id": buy_id},
        )
        where = f"request #{view.request.number}, purchase {buy_id}"
        await self._watch.pause_in(tx, PauseCause.ALARM, details=f"{alarm}, {where}")


def _unknown(view: RequestView) -> dict[int, Attempt]:
    """Return the attempts of unknown outcome by their line."""
    return {line.line.line_no: line.last for line in view.in_state(LineState.UNKNOWN) if line.last}


async def _last(tx: Transaction, request_id: str, kind: EventKind) -> tuple[str, int]:
    """Return who did this to a request last, and when; "0" if nobody did."""
    events = [event for event in await audit.of_request(tx, request_id) if event.kind is kind]
    return (str(events[-1].actor_id or 0), events[-1].at) if events else ("0", 0)


def _chosen(view: RequestView, line_nos: Collection[int]) -> list[Attempt]:
    unknown = _unknown(view)
    if not line_nos or not set(line_nos) <= unknown.keys():
        raise UserFacingError(Problem.SETTLE_CHANGED, number=view.request.number)
    return [unknown[line_no] for line_no in sorted(line_nos)]


def _required(reason: str) -> str:
    words = clean_line(reason, length_max=REASON_MAX)
    if not words:
        raise UserFacingError(Problem.SETTLE_REASON_EMPTY)
    return words
