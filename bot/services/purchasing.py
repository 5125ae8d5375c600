"""The one worker that buys. A click only records; what happens here follows from the database.

It never sleeps on a request: what must wait gets a time, and the next one is taken. Of a member's
requests one is in hand at a time, so that one whose calls always hang delays nobody else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.models import EventKind, RequestView, WaitReason
from bot.domain.states import LineState, RequestState, Step
from bot.errors import MarketError
from bot.services.announcements import Announcements
from bot.services.bell import heard, work_at_the_bell
from bot.services.buying import Buying, require_as_approved
from bot.services.clock import Clock
from bot.services.clock_watch import ClockWatch
from bot.services.disk_watch import DiskWatch
from bot.services.guilds import Guilds
from bot.services.holds import Balance, is_covered
from bot.services.looking_up import LookUps
from bot.services.market_watch import MarketWatch
from bot.services.pace import Haste
from bot.services.ports import Directory, Poster
from bot.services.this_run import ThisRun
from bot.services.timing import Timing
from bot.services.waits import Wait, wait_after, wait_for, wait_for_the_books
from bot.store import audit, outbox, purchases, requests, settings
from bot.store.database import Database, Transaction
from bot.store.purchases import Due

log = logging.getLogger(__name__)

BUYING_MAX: Final = 8
"""Requests to buy in hand; how many of them are on the wire at once is another limit."""

LOOKING_MAX: Final = 4
"""Requests looked up at once, beside those, so that neither waits for the other."""

_IDLE_S: Final = 30.0
SHUTDOWN_S: Final = 20.0
"""How long a stop waits for the answers to what is on the wire."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What is due, and when the first thing is that isn't; ``all``: nothing else is due."""

    to_buy: Sequence[Due]
    to_look_up: Sequence[Due]
    next_at: int | None
    all: bool


@dataclass(frozen=True, slots=True)
class _InHand:
    task: asyncio.Task[None]
    user_id: int
    looking: bool


class Purchasing:
    """Claims approved requests and takes every step of theirs until they are bought."""

    def __init__(
        self,
        database: Database,
        buying: Buying,
        look_ups: LookUps,
        watch: MarketWatch,
        guilds: Guilds,
        announcements: Announcements,
        poster: Poster,
        directory: Directory,
        clock: Clock,
        timing: Timing,
        this_run: ThisRun,
        *,
        approved: asyncio.Event,
        disk: DiskWatch | None = None,
        shutdown_s: float = SHUTDOWN_S,
        clock_watch: ClockWatch | None = None,
        haste: Haste | None = None,
    ) -> None:
        self._haste = haste or Haste()
        self._disk = disk
        self._shutdown_s = shutdown_s
        self._database = database
        self._buying = buying
        self._look_ups = look_ups
        self._watch = watch
        self._guilds = guilds
        self._announcements = announcements
        self._poster = poster
        self._directory = directory
        self._clock = clock
        self._timing = timing
        self._this_run = this_run
        self._wake = approved
        self._clock_watch = clock_watch
        self._busy: dict[str, _InHand] = {}
        self._recovered: set[str] = set()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Buy until cancelled; then let what is on the wire be answered, within reason."""
        try:
            await work_at_the_bell(self._wake, self._start_what_is_due)
        finally:
            self._stopping.set()
            late = [each.task for each in self._busy.values()]
            if late:
                await asyncio.wait(late, timeout=self._shutdown_s)
            for task in late:
                task.cancel()
            # Their transactions end here, and not under a database that is being closed.
            await asyncio.gather(*late, return_exceptions=True)

    async def recover(self) -> None:
        """At start, before anything is sent: what was on the wire is unknown now.

        The search for everything unknown begins anew; whatever else was being bought gets its next
        step as if nothing had happened.
        """
        older_copy = await self._database.is_older_copy()
        await self._database.write(lambda tx: self._recover(tx, older_copy=older_copy))
        await self._database.follow_last_event()

    async def _recover(self, tx: Transaction, *, older_copy: bool) -> None:
        now = self._now()
        if older_copy:
            await self._expect_forgotten(tx)
        self._this_run.older_copy_at = await settings.get_older_copy_at(tx)
        # Whether what waits to be posted stands already can't be told from the disk alone.
        await outbox.search_first(tx)
        await outbox.begin_anew(tx, at=now)
        for request_id in await purchases.requests_on_the_wire(tx):
            log.warning("Request %s was on the wire when the bot stopped.", request_id)
            await self._stop_waiting(tx, request_id, "the bot stopped before the answer")
        for request_id in await purchases.in_buying(tx):
            soon = now + self._timing.first_look_up_ms
            if not await purchases.begin_search(tx, request_id, at=now, step_at=soon):
                await purchases.step_now(tx, request_id, at=now, also_idle=True)

    async def _expect_forgotten(self, tx: Transaction) -> None:
        """Note that the database is an older copy: more was sent, and told, than it knows of."""
        log.warning(
            "The database seems to be an older copy: more has happened than it knows of. What was "
            "submitted before is looked up at the market before anything is sent for it."
        )
        await settings.set_older_copy_at(tx, self._now())
        await self._look_ups.give_drafts_new_ids(tx)
        await outbox.touch_open_requests(tx)

    def _now(self) -> int:
        return self._clock.now_ms()

    # What is due

    async def _start_what_is_due(self) -> float:
        work = await self._find_work()
        while self._start_some(work) and not work.all:
            work = await self._find_work()
        if work.next_at is None:
            return _IDLE_S
        # What is due already waits for a place, and whoever ends rings the bell.
        wait_s = (work.next_at - self._now()) / 1000
        return min(_IDLE_S, wait_s) if wait_s > 0 else _IDLE_S

    async def _find_work(self) -> _Work:
        # Noted here: what is in hand changes while the database is asked.
        busy = frozenset(self._busy)
        users = frozenset(each.user_id for each in self._busy.values())
        buying, looking = self._room(looking=False), self._room(looking=True)

        async def find(tx: Transaction) -> _Work:
            now = self._now()
            to_buy = await purchases.to_buy(tx, now, busy=busy, users=users, limit=buying)
            to_look_up = await purchases.to_look_up(tx, now, busy=busy, users=users, limit=looking)
            found = {due.request_id for due in (*to_buy, *to_look_up)}
            next_at = await purchases.next_due_at(tx, now, busy=busy | found)
            everything = len(to_buy) < buying and len(to_look_up) < looking
            return _Work(to_buy, to_look_up, next_at, everything)

        return await self._database.read(find)

    def _room(self, *, looking: bool) -> int:
        room = LOOKING_MAX if looking else BUYING_MAX
        return max(0, room - sum(each.looking is looking for each in self._busy.values()))

    def _start_some(self, work: _Work) -> bool:
        """Start what is due, one of each member's. Return whether anything was started."""
        users = {each.user_id for each in self._busy.values()}
        started = False
        for looking, due in ((False, work.to_buy), (True, work.to_look_up)):
            for one in due:
                if one.user_id not in users:
                    users.add(one.user_id)
                    self._start(one, looking=looking)
                    started = True
        return started

    def _start(self, due: Due, *, looking: bool) -> None:
        task = asyncio.create_task(self._take(due.request_id))
        self._busy[due.request_id] = _InHand(task, due.user_id, looking)

        def ended(_: asyncio.Task[None]) -> None:
            self._busy.pop(due.request_id, None)
            self._wake.set()

        task.add_done_callback(ended)

    # One request

    async def _take(self, request_id: str) -> None:
        try:
            view = await self._database.read(lambda tx: requests.get(tx, request_id))
            if view is not None:
                await self._take_step(view)
        except Exception:
            log.exception("Request %s could not be bought.", request_id)
            await self._put_aside(request_id)

    async def _take_step(self, view: RequestView) -> None:
        self._haste.now()
        match view.request.state:
            case RequestState.APPROVED:
                checked_at = self._now()
                match await self._obstacle(view) or await self._claim(view):
                    case Wait() as wait:
                        await self._put_off(view, wait)
                    case RequestView() as claimed:
                        await self._buy(claimed, checked_at)
            case RequestState.BUYING:
                await self._take_step_in_buying(view)
            case _:
                return

    async def _take_step_in_buying(self, view: RequestView) -> None:
        match self._step(view):
            case Step.LOOK_UP | Step.RESEND | Step.ASK_A_PERSON:
                # Asked once more before a second send: a pause may have lain between.
                looked = await self._look_ups.look(view)
                if self._step(looked) is Step.RESEND and not self._stopping.is_set():
                    await self._resend(looked)
            case Step.BUY if (view.request.expires_at or 0) <= self._now():
                if self._clock_is_wrong:
                    await self._put_off(view, wait_for(WaitReason.CLOCK))
                else:
                    await self._buying.close_late_lines(view)
            case Step.BUY if not self._stopping.is_set():
                checked_at = self._now()
                wait = await self._obstacle(view) or await self._uncovered(view)
                if wait is not None:
                    await self._put_off(view, wait)
                else:
                    await self._buy(view, checked_at)
            case Step.FINISH:
                async with self._database.writing() as tx:
                    current = await requests.get(tx, view.request.request_id)
                    if current is not None and self._is_at_its_end(current):
                        await self._buying.finish(tx, current)
                self._announcements.wake()
            case Step.BUY | Step.WAIT:
                return

    def _is_at_its_end(self, view: RequestView) -> bool:
        return view.request.state is RequestState.BUYING and self._step(view) is Step.FINISH

    @property
    def _clock_is_wrong(self) -> bool:
        return self._clock_watch is not None and self._clock_watch.wrong is not None

    def _step(self, view: RequestView) -> Step:
        return view.next_step(self._now(), grace_ms=self._timing.grace_ms)

    async def _resend(self, view: RequestView) -> None:
        checked_at = self._now()
        wait = await self._obstacle(view)
        if wait is not None:
            await self._put_off(view, wait)
        else:
            await self._buying.resend(view, checked_at=checked_at)

    async def _buy(self, view: RequestView, checked_at: int) -> None:
        request = view.request
        still_failed: frozenset[str] = frozenset()
        forgotten = self._this_run.may_have_forgotten(request.submitted_at, request.decided_at)
        try:
            if forgotten and request.request_id not in self._recovered:
                recovered = await self._look_ups.recover(view)
                self._recovered.add(request.request_id)
                if recovered:
                    async with self._database.writing() as tx:
                        await purchases.go_on(tx, request.request_id, at=self._now())
                    return
            if view.in_state(LineState.RECHECK):
                still_failed = await self._look_ups.still_failed(view)
        except MarketError as error:
            await self._buying.give_back(view, error)
            return
        await self._buying.buy(view, checked_at=checked_at, still_failed=still_failed)

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
        """After a fault of ours: what was sent is unknown, the rest is tried later."""
        wait = wait_for(WaitReason.FAULT)
        now = self._now()
        async with self._database.writing() as tx:
            stopped = await self._stop_waiting(tx, request_id, "a fault of the bot")
            view = await requests.get(tx, request_id)
            if view is None:
                return
            if stopped:
                await purchases.begin_search(
                    tx, request_id, at=now, step_at=now + self._timing.first_look_up_ms
                )
            else:
                await self._buying.give_back_in(tx, view, wait)
            await outbox.touch(tx, request_id)
        self._announcements.wake()

    async def _stop_waiting(self, tx: Transaction, request_id: str, message: str) -> bool:
        """Call what was on the wire unknown; return whether anything was."""
        if not await purchases.give_up_waiting(tx, request_id, message=message):
            return False
        view = await requests.get(tx, request_id)
        if view is not None:
            await self._announcements.announce_result(tx, view)
        return True

    # What is in the way

    async def _obstacle(self, view: RequestView) -> Wait | None:
        """Return what stands in the way of sending anything for a request now, or None."""
        request = view.request
        if not self._guilds.is_allowed(request.guild_id):
            return wait_for(WaitReason.SERVER_NOT_ALLOWED)
        if self._disk is not None and await self._disk.is_low():
            return wait_for(WaitReason.DISK_FULL)
        paused, rests, behind = await self._database.read(lambda tx: self._in_the_way(tx, view))
        if paused:
            return wait_for(WaitReason.PAUSED)
        if self._clock_is_wrong:
            return wait_for(WaitReason.CLOCK)
        if not self._this_run.caught_up:
            return wait_for_the_books(market_silent=self._this_run.market_silent)
        if self._may_not_be_visible_yet(view):
            return wait_for(WaitReason.BOOKS_FIRST)
        if rests is not None:
            return rests
        if behind or not self._poster.ready:
            return wait_for(WaitReason.CANNOT_TELL)
        match await self._directory.is_member(request.guild_id, request.user_id):
            case None:
                return wait_for(WaitReason.CANNOT_TELL)
            case False:
                return wait_for(WaitReason.MEMBER_GONE)
            case True:
                return None

    async def _in_the_way(
        self, tx: Transaction, view: RequestView
    ) -> tuple[bool, Wait | None, bool]:
        """Return whether buying is paused, the Steam account's rest, and whether news is behind."""
        request = view.request
        return (
            await settings.is_paused(tx, request.guild_id),
            await self._buying.wait_for_account(tx, view),
            await self._announcements.behind(tx, request.guild_id, request.user_id),
        )

    def _may_not_be_visible_yet(self, view: RequestView) -> bool:
        """Say whether another copy may have sent this a moment ago without a trace here."""
        run = self._this_run
        return (
            run.is_from_before_a_copy(view.request.submitted_at)
            and self._now() < (run.older_copy_at or 0) + self._timing.grace_ms
        )

    async def _put_off(self, view: RequestView, wait: Wait) -> None:
        request = view.request
        # What is looked up meanwhile has its own, growing intervals.
        until = max(self._now() + wait.for_ms, request.step_at or 0)
        async with self._database.writing() as tx:
            current = await requests.get(tx, request.request_id)
            if current is None or current.request.decided_at != request.decided_at:
                # Taken back, and perhaps approved anew: that approval has its own undo time.
                return
            if _can_be_given_back(current):
                await self._buying.give_back_in(tx, current, wait)
                self._announcements.wake()
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
        """Take a request if the balance covers it beside all that is held before it.

        Return it as claimed, or what it has to wait for; None if it is no longer to be bought.
        """
        require_as_approved(view)
        try:
            balance = await self._watch.known_balance()
        except MarketError as error:
            return wait_after(error)
        if self._stopping.is_set():
            return None
        claimed = await self._database.write(lambda tx: self._claim_in(tx, view, balance))
        self._announcements.wake()
        return claimed

    async def _claim_in(
        self, tx: Transaction, view: RequestView, balance: Balance
    ) -> RequestView | Wait | None:
        request = view.request
        if await settings.is_paused(tx, request.guild_id):
            return wait_for(WaitReason.PAUSED)
        if not await is_covered(tx, balance, request_id=request.request_id, needed=view.open_total):
            return wait_for(WaitReason.BALANCE_LOW)
        if not await purchases.claim(tx, request.request_id, digest=request.digest, at=self._now()):
            return None
        await audit.record_for(tx, EventKind.CLAIMED, request, at=self._now())
        await outbox.touch(tx, request.request_id)
        return await requests.get(tx, request.request_id)

    async def _uncovered(self, view: RequestView) -> Wait | None:
        """Return the wait for a balance that doesn't cover what a claimed request still needs.

        Its hold was taken before, and everyone counts it; the balance may have fallen since.
        """
        try:
            balance = await self._watch.known_balance()
        except MarketError as error:
            return wait_after(error)
        async with self._database.reading() as tx:
            covered = await is_covered(
                tx, balance, request_id=view.request.request_id, needed=view.open_total
            )
        return None if covered else wait_for(WaitReason.BALANCE_LOW)


def _can_be_given_back(view: RequestView) -> bool:
    """Say whether nothing of a claimed request was bought, so that it may be taken back again."""
    maybe_bought = view.in_state(LineState.UNKNOWN) or view.in_state(LineState.SENT)
    claimed = view.request.state is RequestState.BUYING
    return claimed and not view.has_purchases and not maybe_bought
