"""The life of a request after the basket: sending, deciding, taking back, cancelling, expiring.

Whoever acts is checked here, where the action happens, inside the transaction that acts.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from bot.domain.keys import DIGEST_SHOWN, digest_of
from bot.domain.limits import (
    APPROVED_EXPIRES_MS,
    PENDING_EXPIRES_MS,
    READY_EXPIRES_MS,
    REASON_MAX,
    REMIND_AFTER_MS,
)
from bot.domain.models import (
    Actor,
    Basket,
    Delivery,
    Event,
    EventKind,
    GuildSettings,
    Line,
    MessageKind,
    OutboxState,
    Request,
    RequestView,
    WaitReason,
)
from bot.domain.plain_text import clean_line
from bot.domain.states import RequestEvent, RequestState, states_before
from bot.domain.trade_url import TradeUrl
from bot.errors import Problem, UserFacingError
from bot.services.announcements import Announcements
from bot.services.baskets import at_todays_prices, require_may_ask, skin_of
from bot.services.catalogue import Catalogue
from bot.services.clock import Clock
from bot.services.clock_watch import ClockWatch
from bot.services.guilds import Guilds
from bot.services.rights import own_request, require_approver, require_disinterested
from bot.services.statuses import close_if_settled
from bot.store import audit, baskets, outbox, recents, requests, settings, trade_urls
from bot.store.database import Database, Transaction
from bot.store.vault import Vault

LIST_MAX: Final = 10
_SWEEP_S: Final = 30.0
_DOUBT_S: Final = 1.0
_SWEEP_AT_ONCE: Final = 50
_DM_WAIT_S: Final = 8.0


@dataclass(frozen=True, slots=True)
class Sent:
    """A request has been sent. ``dm_failed``: the member can't be written to."""

    view: RequestView
    dm_failed: bool
    results_channel_id: int | None


@dataclass(frozen=True, slots=True)
class Detail:
    """One request with everything that happened to it."""

    view: RequestView
    events: tuple[Event, ...]


class Requests:
    """Use cases of submitted requests."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        guilds: Guilds,
        catalogue: Catalogue,
        announcements: Announcements,
        clock: Clock,
        *,
        approved: asyncio.Event,
        clock_watch: ClockWatch | None = None,
    ) -> None:
        self._database = database
        self._vault = vault
        self._guilds = guilds
        self._catalogue = catalogue
        self._announcements = announcements
        self._clock = clock
        self._approved = approved
        self._clock_watch = clock_watch

    async def submit(self, actor: Actor, revision: int) -> Sent:
        """Send the basket that was shown with ``revision`` for approval.

        Its lines say what the skins cost now, and their ceilings are those that were shown.
        Raises ``UserFacingError`` (BASKET_CHANGED, BASKET_EMPTY, TOO_MANY_LINES, TOO_MANY_OPEN,
        GAME_NOT_OFFERED, TRADE_URL_UNKNOWN, PRICES_MOVED, …); the basket stays.
        """
        guild_id = self._guilds.require_allowed(actor)
        async with self._database.writing() as tx:
            guild = await settings.get_guild(tx, guild_id)
            require_may_ask(actor, guild)
            basket = await baskets.find(tx, guild_id, actor.user_id)
            if basket is None or basket.revision != revision:
                raise UserFacingError(Problem.BASKET_CHANGED)
            basket = at_todays_prices(basket, self._catalogue)
            await _require_submittable(tx, basket, guild)
            url = await trade_urls.find(tx, self._vault, actor.user_id)
            if url is None:
                raise UserFacingError(Problem.TRADE_URL_UNKNOWN)
            view = await self._submit(tx, basket, url)
            row_id = await self._announcements.announce_submitted(tx, view, guild)
        self._announcements.wake()
        state = await self._announcements.settled(row_id, timeout_s=_DM_WAIT_S)
        return Sent(view, state is OutboxState.PARKED, guild.results_channel_id)

    async def _submit(self, tx: Transaction, basket: Basket, url: TradeUrl) -> RequestView:
        now = self._clock.now_ms()
        lines = lines_of(basket)
        submitted = await requests.submit(
            tx,
            basket,
            number=await requests.take_number(tx, basket.guild_id),
            digest=digest_of(
                request_id=basket.request_id,
                guild_id=basket.guild_id,
                version=1,
                partner=url.partner,
                lines=lines,
            ),
            partner=url.partner,
            sealed_token=self._vault.seal(url.token),
            lines=lines,
            at=now,
            expires_at=now + PENDING_EXPIRES_MS,
            trade_url_at=await trade_urls.known_since(tx, basket.user_id),
        )
        view = await requests.get(tx, basket.request_id)
        if not submitted or view is None:
            raise UserFacingError(Problem.BASKET_CHANGED)
        await recents.note(
            tx, basket.guild_id, basket.user_id, [skin_of(line) for line in lines], at=now
        )
        await self._record(tx, view.request, EventKind.SUBMITTED, basket.user_id)
        return view

    async def approve(self, actor: Actor, request_id: str, stamp: str) -> RequestView:
        """Approve what the card with ``stamp`` shows. Of two at once, one wins.

        Raises ``UserFacingError`` (NOT_APPROVER, OWN_REQUEST, OWN_STEAM_ACCOUNT, ALREADY_DECIDED,
        REQUEST_CHANGED, NO_SUCH_REQUEST).
        """
        await self._expire_if_too_old(request_id)
        decided = await self._database.write(lambda tx: self._decide(tx, actor, request_id, stamp))
        # First the worker that buys: a card that is drawn a moment later costs nobody anything.
        self._approved.set()
        self._announcements.wake()
        return decided

    async def _decide(
        self, tx: Transaction, actor: Actor, request_id: str, stamp: str
    ) -> RequestView:
        view, guild = await self._for_decision(tx, actor, request_id, stamp)
        if not await _approve(tx, view.request, guild, by=actor.user_id, at=self._clock.now_ms()):
            raise _already_decided(view.request)
        decided = await self._decided(tx, view, EventKind.APPROVED, actor.user_id)
        if decided.request.waits_for_member:
            await self._announcements.announce_part(tx, decided, MessageKind.READY)
        return decided

    async def deny(self, actor: Actor, request_id: str, stamp: str, reason: str) -> RequestView:
        """Deny what the card with ``stamp`` shows, with a reason that the member reads.

        Raises as ``approve`` does, and REASON_EMPTY.
        """
        text = clean_line(reason, length_max=REASON_MAX)
        if not text:
            raise UserFacingError(Problem.REASON_EMPTY)
        await self._expire_if_too_old(request_id)
        async with self._database.writing() as tx:
            view, _ = await self._for_decision(tx, actor, request_id, stamp)
            if not await requests.deny(
                tx,
                request_id,
                digest=view.request.digest,
                by=actor.user_id,
                reason=text,
                at=self._clock.now_ms(),
            ):
                raise _already_decided(view.request)
            decided = await self._decided(tx, view, EventKind.DENIED, actor.user_id, reason=text)
        self._announcements.wake()
        return decided

    async def require_may_decide(self, actor: Actor, request_id: str, stamp: str) -> RequestView:
        """Return the request if this actor could decide it now. Raises as ``approve`` does."""
        async with self._database.reading() as tx:
            view, _ = await self._for_decision(tx, actor, request_id, stamp)
        return view

    async def take_back(self, actor: Actor, request_id: str, stamp: str) -> RequestView:
        """Undo an approval before buying starts.

        Raises ``UserFacingError`` (TOO_LATE_TO_TAKE_BACK, and as ``approve`` does).
        """
        now = self._clock.now_ms()
        async with self._database.writing() as tx:
            view, _ = await require_approver(tx, self._guilds, actor, request_id)
            _require_stamp(view.request, stamp)
            if actor.user_id == view.request.user_id:
                raise UserFacingError(Problem.OWN_REQUEST)
            if not await requests.take_back(
                tx,
                request_id,
                digest=view.request.digest,
                at=now,
                expires_at=now + PENDING_EXPIRES_MS,
            ):
                raise UserFacingError(Problem.TOO_LATE_TO_TAKE_BACK, state=view.request.state.value)
            undone = await self._decided(tx, view, EventKind.TAKEN_BACK, actor.user_id)
        self._announcements.wake()
        return undone

    async def details(self, actor: Actor, request_id: str) -> Detail:
        """Return everything about a request for a moderator."""
        async with self._database.reading() as tx:
            view, _ = await require_approver(tx, self._guilds, actor, request_id)
            return Detail(view, tuple(await audit.of_request(tx, request_id)))

    async def list_own(self, actor: Actor) -> list[RequestView]:
        """Return a member's latest requests on this server."""
        guild_id = self._guilds.require_allowed(actor)
        async with self._database.reading() as tx:
            return await requests.of_member(tx, guild_id, actor.user_id, limit=LIST_MAX)

    async def own(self, actor: Actor, request_id: str) -> Detail:
        """Return a member's own request; also from a DM. Raises ``UserFacingError`` (NOT_YOURS)."""
        async with self._database.reading() as tx:
            view = await own_request(tx, actor, request_id)
            return Detail(view, tuple(await audit.of_request(tx, request_id)))

    async def own_number(self, actor: Actor, number: int) -> Detail:
        """Return a member's own request by its number.

        Raises ``UserFacingError`` (NO_SUCH_REQUEST).
        """
        guild_id = self._guilds.require_allowed(actor)
        async with self._database.reading() as tx:
            view = await requests.find_number(tx, guild_id, actor.user_id, number)
            if view is None:
                raise UserFacingError(Problem.NO_SUCH_REQUEST, number=number)
            return Detail(view, tuple(await audit.of_request(tx, view.request.request_id)))

    async def require_can_cancel(self, actor: Actor, request_id: str) -> RequestView:
        """Return one's own request if it can be cancelled now. Raises as ``cancel`` does."""
        async with self._database.reading() as tx:
            view = await own_request(tx, actor, request_id)
        if view.request.state not in states_before(RequestEvent.CANCEL):
            raise UserFacingError(Problem.TOO_LATE_TO_CANCEL, number=view.request.number)
        return view

    async def cancel(self, actor: Actor, request_id: str) -> RequestView:
        """Cancel one's own request until buying starts.

        Raises ``UserFacingError`` (NOT_YOURS, TOO_LATE_TO_CANCEL).
        """
        async with self._database.writing() as tx:
            view = await own_request(tx, actor, request_id)
            if not await requests.cancel(tx, request_id, at=self._clock.now_ms()):
                raise UserFacingError(Problem.TOO_LATE_TO_CANCEL, number=view.request.number)
            cancelled = await self._decided(tx, view, EventKind.CANCELLED, actor.user_id)
        self._announcements.wake()
        return cancelled

    async def send_now(self, actor: Actor, request_id: str, stamp: str) -> RequestView:
        """Have one's own request bought that waits until its member is there. Once only.

        Raises ``UserFacingError`` (NOT_YOURS, READY_ALREADY, READY_NOT_APPROVED, READY_TOO_LATE,
        READY_OVER, OUT_OF_DATE).
        """
        await self._expire_if_too_old(request_id)
        async with self._database.writing() as tx:
            view = await own_request(tx, actor, request_id)
            request = view.request
            guild = await settings.get_guild(tx, request.guild_id)
            shown = request.digest[:DIGEST_SHOWN] == stamp
            if not shown or not await requests.become_ready(
                tx,
                request_id,
                digest=request.digest,
                at=self._clock.now_ms(),
                undo_ms=guild.undo_s * 1000,
            ):
                raise _waits_for_no_member(request)
            ready = await self._decided(tx, view, EventKind.READY, actor.user_id)
        self._announcements.wake()
        self._approved.set()
        return ready

    async def run_sweeper(self) -> None:
        """Expire what is too old and remind who is waited for, for ever, as long as we know what
        time it is.
        """
        while True:
            if not self._knows_the_time:
                await asyncio.sleep(_DOUBT_S)
                continue
            async with self._database.reading() as tx:
                old = await requests.too_old(tx, self._clock.now_ms(), limit=_SWEEP_AT_ONCE)
            for request_id in old:
                await self._expire_if_too_old(request_id)
            ended = await self.end_approvals()
            reminded = await self.remind()
            more = _SWEEP_AT_ONCE in (len(old), ended, reminded)
            await asyncio.sleep(0 if more else _SWEEP_S)

    async def end_approvals(self) -> int:
        """Draw bought requests again whose approval no longer counts; return how many."""
        async with self._database.writing() as tx:
            ended = await requests.end_approvals(tx, self._clock.now_ms(), limit=_SWEEP_AT_ONCE)
            for request_id in ended:
                await close_if_settled(tx, request_id, at=self._clock.now_ms())
                await outbox.touch(tx, request_id)
        if ended:
            self._announcements.wake()
        return len(ended)

    async def remind(self) -> int:
        """Remind members, once each, that they are waited for; return how many were looked at."""
        now = self._clock.now_ms()
        async with self._database.writing() as tx:
            due = await requests.take_reminders(tx, now, limit=_SWEEP_AT_ONCE)
            for request_id in due:
                view = await requests.get(tx, request_id)
                if view is not None and view.request.waits_for_member:
                    await self._announcements.announce_part(tx, view, MessageKind.REMINDER)
        if due:
            self._announcements.wake()
        return len(due)

    @property
    def _knows_the_time(self) -> bool:
        return self._clock_watch is None or self._clock_watch.trusted

    async def _expire_if_too_old(self, request_id: str) -> None:
        """Expire in a transaction of its own, so that a refusal that follows doesn't undo it."""
        if not self._knows_the_time:
            return
        if await self._database.write(lambda tx: self._expire(tx, request_id)):
            self._announcements.wake()

    async def _expire(self, tx: Transaction, request_id: str) -> bool:
        view = await requests.get(tx, request_id)
        if view is None or not await requests.expire(tx, request_id, at=self._clock.now_ms()):
            return False
        if view.request.waits_for_member:
            cause = WaitReason.MEMBER_READY
            expired = await self._decided(tx, view, EventKind.EXPIRED, None, cause=cause)
            # An edit rings nobody's phone, and they lose what they were promised.
            await self._announcements.announce_part(tx, expired, MessageKind.REMINDER)
        else:
            await self._decided(tx, view, EventKind.EXPIRED, None)
        return True

    async def _for_decision(
        self, tx: Transaction, actor: Actor, request_id: str, stamp: str
    ) -> tuple[RequestView, GuildSettings]:
        view, guild = await require_approver(tx, self._guilds, actor, request_id)
        request = view.request
        await require_disinterested(tx, actor, request)
        if request.state is not RequestState.PENDING:
            raise _already_decided(request)
        _require_stamp(request, stamp)
        return view, guild

    async def _decided(
        self,
        tx: Transaction,
        view: RequestView,
        kind: EventKind,
        actor_id: int | None,
        **details: str | int,
    ) -> RequestView:
        """Write the event, have the cards drawn again and return the request as it now is."""
        await self._record(tx, view.request, kind, actor_id, **details)
        await outbox.touch(tx, view.request.request_id)
        return await requests.get(tx, view.request.request_id) or view

    async def _record(
        self,
        tx: Transaction,
        request: Request,
        kind: EventKind,
        actor_id: int | None,
        **details: str | int,
    ) -> None:
        await audit.record_for(
            tx, kind, request, at=self._clock.now_ms(), actor_id=actor_id, details=details
        )


async def _require_submittable(tx: Transaction, basket: Basket, guild: GuildSettings) -> None:
    if not basket.picks:
        raise UserFacingError(Problem.BASKET_EMPTY)
    if basket.lines_count > guild.lines_max:
        raise UserFacingError(
            Problem.TOO_MANY_LINES, lines_max=guild.lines_max, lines=basket.lines_count
        )
    open_numbers = await requests.open_numbers(tx, basket.guild_id, basket.user_id)
    if len(open_numbers) >= guild.open_requests_max:
        raise UserFacingError(
            Problem.TOO_MANY_OPEN,
            open=len(open_numbers),
            open_max=guild.open_requests_max,
            numbers=", ".join(f"#{number}" for number in open_numbers),
        )
    for pick in basket.picks:
        if pick.game not in guild.games:
            raise UserFacingError(Problem.GAME_NOT_OFFERED, skin=pick.market_hash_name)
    if any(pick.out_of_reach for pick in basket.picks):
        raise UserFacingError(Problem.PRICES_MOVED)


def lines_of(basket: Basket) -> list[Line]:
    """Return one line for each skin of the basket, quantities counted out."""
    singles = [pick for pick in basket.picks for _ in range(pick.quantity)]
    return [
        Line(
            line_no=line_no,
            game=pick.game,
            market_hash_name=pick.market_hash_name,
            listing_id=pick.listing_id,
            quote=pick.quote,
            ceiling=pick.ceiling,
            class_id=pick.class_id,
            usual=pick.usual,
            stock=pick.stock,
        )
        for line_no, pick in enumerate(singles, start=1)
    ]


async def _approve(
    tx: Transaction, request: Request, guild: GuildSettings, *, by: int, at: int
) -> bool:
    """Approve as the server wants it now: what it chooses later changes nothing about it."""
    if guild.delivery is Delivery.WHEN_READY:
        return await requests.approve(
            tx,
            request.request_id,
            digest=request.digest,
            by=by,
            at=at,
            # Never: its member's press brings this forward, and nothing else does.
            claimable_at=at + READY_EXPIRES_MS,
            expires_at=at + READY_EXPIRES_MS,
            waits_for=WaitReason.MEMBER_READY,
            remind_at=at + REMIND_AFTER_MS,
        )
    return await requests.approve(
        tx,
        request.request_id,
        digest=request.digest,
        by=by,
        at=at,
        claimable_at=at + guild.undo_s * 1000,
        expires_at=at + APPROVED_EXPIRES_MS,
    )


def _waits_for_no_member(request: Request) -> UserFacingError:
    """Return why there is nothing to send now."""
    match request.state:
        case RequestState.PENDING:
            return UserFacingError(Problem.READY_NOT_APPROVED, number=request.number)
        case RequestState.EXPIRED:
            return UserFacingError(Problem.READY_TOO_LATE, number=request.number)
        case RequestState.DENIED | RequestState.CANCELLED:
            state = request.state.value
            return UserFacingError(Problem.READY_OVER, number=request.number, state=state)
        case _ if request.waits_for_member:
            # A press on an older version, or a clock that nobody trusts.
            return UserFacingError(Problem.OUT_OF_DATE)
        case _:
            return UserFacingError(Problem.READY_ALREADY, number=request.number)


def _require_stamp(request: Request, stamp: str) -> None:
    if request.digest[:DIGEST_SHOWN] != stamp:
        raise UserFacingError(Problem.REQUEST_CHANGED, number=request.number)


def _already_decided(request: Request) -> UserFacingError:
    return UserFacingError(
        Problem.ALREADY_DECIDED,
        number=request.number,
        user_id=str(request.decided_by or 0),
        decided_at=request.decided_at or request.changed_at,
    )
