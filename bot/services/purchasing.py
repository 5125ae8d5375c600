"""The one worker that buys. A click only records; what happens here follows from the database."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from bot.domain.models import EventKind, RequestView, WaitReason
from bot.domain.states import RequestState, Step, next_step
from bot.errors import MarketError
from bot.services.announcements import Announcements
from bot.services.bell import heard, work_at_the_bell
from bot.services.buying import Buying
from bot.services.clock import Clock
from bot.services.clock_watch import ClockWatch
from bot.services.guilds import Guilds
from bot.services.market_watch import MarketWatch
from bot.services.ports import Directory, Poster
from bot.services.waits import Wait, wait_after, wait_for
from bot.store import audit, outbox, purchases, requests, settings
from bot.store.database import Database, Transaction

log = logging.getLogger(__name__)

ON_THE_WIRE_MAX: Final = 4
_IDLE_S: Final = 30.0
_SHUTDOWN_S: Final = 20.0


class Purchasing:
    """Claims approved requests and buys them, at most four at a time."""

    def __init__(
        self,
        database: Database,
        buying: Buying,
        watch: MarketWatch,
        guilds: Guilds,
        announcements: Announcements,
        poster: Poster,
        directory: Directory,
        clock: Clock,
        *,
        approved: asyncio.Event,
        clock_watch: ClockWatch | None = None,
    ) -> None:
        self._database = database
        self._buying = buying
        self._watch = watch
        self._guilds = guilds
        self._announcements = announcements
        self._poster = poster
        self._directory = directory
        self._clock = clock
        self._wake = approved
        self._clock_watch = clock_watch
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Buy until cancelled; then let what is on the wire be answered, within reason."""
        try:
            await work_at_the_bell(self._wake, self._start_what_is_due)
        finally:
            self._stopping.set()
            if self._busy:
                await asyncio.wait(self._busy.values(), timeout=_SHUTDOWN_S)
            for task in list(self._busy.values()):
                task.cancel()

    async def recover(self) -> None:
        """At start, before anything is sent: what was on the wire is unknown now.

        A request that was claimed and had nothing sent is taken up again; one whose lines are all
        definite is finished.
        """
        async with self._database.writing() as tx:
            for request_id in await purchases.requests_on_the_wire(tx):
                log.warning("Request %s was on the wire when the bot stopped.", request_id)
                await self._stop_waiting(tx, request_id, "the bot stopped before the answer")
            stuck = await purchases.in_buying(tx)
        for request_id in stuck:
            async with self._database.writing() as tx:
                view = await requests.get(tx, request_id)
                if view is None:
                    continue
                match next_step([line.state for line in view.lines]):
                    case Step.BUY:
                        await purchases.give_back(
                            tx, request_id, None, claimable_at=self._now(), at=self._now()
                        )
                    case Step.FINISH:
                        await self._buying.finish(tx, view)
                    case Step.WAIT:
                        pass

    def _now(self) -> int:
        return self._clock.now_ms()

    async def _start_what_is_due(self) -> float:
        free = ON_THE_WIRE_MAX - len(self._busy)
        if free > 0:
            async with self._database.reading() as tx:
                due = await purchases.claimable(tx, self._now(), limit=free + len(self._busy))
            for request_id in due:
                if request_id not in self._busy and len(self._busy) < ON_THE_WIRE_MAX:
                    self._start(request_id)
        if len(self._busy) >= ON_THE_WIRE_MAX:
            return _IDLE_S
        async with self._database.reading() as tx:
            soonest = await purchases.next_claimable_at(tx, self._now(), besides=list(self._busy))
        if soonest is None:
            return _IDLE_S
        return min(_IDLE_S, max(0.0, (soonest - self._now()) / 1000))

    def _start(self, request_id: str) -> None:
        task = asyncio.create_task(self._take(request_id))
        self._busy[request_id] = task

        def ended(task: asyncio.Task[None]) -> None:
            self._busy.pop(request_id, None)
            self._wake.set()

        task.add_done_callback(ended)

    async def _take(self, request_id: str) -> None:
        try:
            async with self._database.reading() as tx:
                view = await requests.get(tx, request_id)
            if view is None or view.request.state is not RequestState.APPROVED:
                return
            match await self._obstacle(view) or await self._claim(view):
                case Wait() as wait:
                    await self._put_off(view, wait)
                case RequestView() as claimed:
                    await self._buying.buy(claimed)
        except Exception:
            log.exception("Request %s could not be bought.", request_id)
            await self._put_aside(request_id)

    async def _put_aside(self, request_id: str) -> None:
        """Leave a request alone; keep its place taken if not even that can be written down.

        Otherwise it would be due still, and tried over and over, with calls to the market each
        time.
        """
        while True:
            try:
                await self._leave_alone(request_id)
                return
            except Exception:
                log.exception("Request %s could not be put aside.", request_id)
            if await heard(self._stopping, _IDLE_S):
                return

    async def _leave_alone(self, request_id: str) -> None:
        """After a fault of ours: what was sent is unknown, the rest waits for the operator."""
        wait = wait_for(WaitReason.OPERATOR)
        until = self._now() + wait.for_ms
        async with self._database.writing() as tx:
            await self._stop_waiting(tx, request_id, "a fault of the bot")
            view = await requests.get(tx, request_id)
            if view is None:
                return
            step = next_step([line.state for line in view.lines])
            if view.request.state is RequestState.BUYING and step is Step.BUY:
                await purchases.give_back(
                    tx, request_id, wait.reason, claimable_at=until, at=self._now()
                )
            else:
                await purchases.wait(
                    tx,
                    request_id,
                    wait.reason,
                    claimable_at=until,
                    at=self._now(),
                )
            await outbox.touch(tx, request_id)
        self._announcements.wake()

    async def _stop_waiting(self, tx: Transaction, request_id: str, message: str) -> None:
        if await purchases.give_up_waiting(tx, request_id, message=message):
            view = await requests.get(tx, request_id)
            if view is not None:
                await self._announcements.announce_result(tx, view)

    async def _obstacle(self, view: RequestView) -> Wait | None:
        """Return what stands in the way of buying a request now, or None."""
        request = view.request
        if not self._guilds.is_allowed(request.guild_id):
            return wait_for(WaitReason.SERVER_NOT_ALLOWED)
        async with self._database.reading() as tx:
            paused = await settings.get_pause(tx) is not None
            behind = await self._announcements.behind(tx, request.guild_id, request.user_id)
        if paused:
            return wait_for(WaitReason.PAUSED)
        if self._clock_watch is not None and self._clock_watch.wrong:
            return wait_for(WaitReason.CLOCK)
        if behind or not self._poster.ready:
            return wait_for(WaitReason.CANNOT_TELL)
        match await self._directory.is_member(request.guild_id, request.user_id):
            case None:
                return wait_for(WaitReason.CANNOT_TELL)
            case False:
                return wait_for(WaitReason.MEMBER_GONE)
            case True:
                return None

    async def _put_off(self, view: RequestView, wait: Wait) -> None:
        request = view.request
        until = self._now() + wait.for_ms
        async with self._database.writing() as tx:
            current = await requests.get(tx, request.request_id)
            if current is None or current.request.decided_at != request.decided_at:
                # Taken back, and perhaps approved anew: that approval has its own undo time.
                return
            news = await purchases.wait(
                tx, request.request_id, wait.reason, claimable_at=until, at=self._now()
            )
            if news:
                await outbox.touch(tx, request.request_id)
        if news:
            log.info("Request %s waits: %s.", request.request_id, wait.reason.value)
            self._announcements.wake()

    async def _claim(self, view: RequestView) -> RequestView | Wait | None:
        """Take a request if the balance covers it beside all that was claimed before.

        Return it as claimed, or what it has to wait for; None if it is no longer to be bought.
        """
        request = view.request
        asked_at = self._now()
        try:
            balance = await self._watch.balance()
        except MarketError as error:
            return wait_after(error)
        if self._stopping.is_set():
            return None
        async with self._database.writing() as tx:
            if await settings.get_pause(tx) is not None:
                return wait_for(WaitReason.PAUSED)
            spoken_for = await purchases.spoken_for(tx, since=asked_at)
            if balance < view.ceiling_total + spoken_for:
                return wait_for(WaitReason.BALANCE_LOW)
            if not await purchases.claim(
                tx, request.request_id, digest=request.digest, at=self._now()
            ):
                return None
            await audit.record_for(tx, EventKind.CLAIMED, request, at=self._now())
            await outbox.touch(tx, request.request_id)
            claimed = await requests.get(tx, request.request_id)
        self._announcements.wake()
        return claimed
