"""Time: intervals are as long as they were; a clock that is wrong is found out and waited for."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial

import pytest

from bot.domain.models import WaitReason
from bot.domain.states import RequestState
from bot.errors import MarketUnavailableError
from bot.services import clock_watch as module
from bot.services.clock import SystemClock
from bot.services.clock_watch import ClockWatch, TimeSource, WrongClock
from bot.services.waits import wait_for
from bot.store import plans
from tests.services.house import ANA, HOUR, MAX, MINUTE, NOW, House, until, working

MARKET, DISCORD = TimeSource.MARKET, TimeSource.DISCORD
MS = 1_000_000


@dataclass
class Machine:
    """A machine with both of its clocks, in milliseconds."""

    wall: int = NOW
    ticks: int = 5_000
    clock: SystemClock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = SystemClock(
            wall_ns=lambda: self.wall * MS, monotonic_ns=lambda: self.ticks * MS
        )

    def move(self, ms: int) -> None:
        """Let time pass."""
        self.wall += ms
        self.ticks += ms


@pytest.fixture
def machine() -> Machine:
    return Machine()


@dataclass
class Watched:
    """A watch on a machine's clock, and what it was told."""

    machine: Machine
    watch: ClockWatch
    changes: list[bool]

    def hear(self, source: TimeSource, ahead_s: float = 0, **headers: str) -> None:
        """Let an answer come from a source whose clock is so far ahead of the real time."""
        at = (self.machine.clock.now_ms() / 1000) + ahead_s
        self.watch.note(source, {"Date": formatdate(at, usegmt=True), **headers})


@pytest.fixture
def watched(machine: Machine, empty_house: House) -> Watched:
    changes: list[bool] = []
    watch = ClockWatch(machine.clock, empty_house.database, changed=lambda: changes.append(True))
    return Watched(machine, watch, changes)


class TestSystemClock:
    """It is set once and runs by the monotonic clock."""

    def test_clock_starts_with_the_machines(self, machine: Machine) -> None:
        assert machine.clock.now_ms() == machine.clock.wall_ms() == NOW

    def test_interval_is_as_long_as_it_was_although_the_machines_clock_is_set(
        self, machine: Machine
    ) -> None:
        machine.ticks += 1_500
        machine.wall -= HOUR
        assert machine.clock.now_ms() == NOW + 1_500
        assert machine.clock.wall_ms() == NOW - HOUR

    @pytest.mark.parametrize("step", [HOUR, -HOUR, 0])
    def test_clock_is_set_anew_and_says_by_how_much(self, machine: Machine, step: int) -> None:
        machine.wall += step
        assert machine.clock.resync() == step
        assert machine.clock.now_ms() == NOW + step
        machine.move(10)
        assert machine.clock.now_ms() == NOW + step + 10

    def test_real_clock_agrees_with_the_machine(self) -> None:
        clock = SystemClock()
        assert abs(clock.now_ms() - clock.wall_ms()) < 1_000


class TestVerdict:
    """More than a minute, twice in agreement, and nothing else."""

    def test_nobody_is_believed_before_anybody_has_spoken(self, watched: Watched) -> None:
        assert watched.watch.wrong is None
        assert not watched.watch.trusted
        watched.hear(DISCORD)
        assert watched.watch.trusted

    @pytest.mark.parametrize("ahead_s", [-3600, -62, 62, 3600])
    def test_clock_that_is_off_by_two_answers_is_wrong(
        self, watched: Watched, ahead_s: int
    ) -> None:
        watched.machine.wall += 4 * HOUR  # the machine agrees with nobody
        watched.hear(MARKET, ahead_s)
        assert watched.watch.wrong is None
        assert not watched.watch.trusted
        watched.machine.move(200)
        watched.hear(MARKET, ahead_s)
        wrong = watched.watch.wrong
        assert wrong is not None
        assert wrong.source is MARKET
        assert abs(wrong.ahead_s - ahead_s) <= 1

    @pytest.mark.parametrize("ahead_s", [-58, 0, 58])
    def test_difference_of_less_than_a_minute_is_nothing(
        self, watched: Watched, ahead_s: int
    ) -> None:
        for _ in range(3):
            watched.hear(MARKET, ahead_s)
        assert watched.watch.trusted

    def test_two_answers_that_contradict_each_other_prove_nothing(self, watched: Watched) -> None:
        for ahead_s in (300, -300, 900, 0, 500):
            watched.hear(MARKET, ahead_s)
            assert watched.watch.wrong is None
        assert not watched.watch.trusted

    def test_answers_of_two_sources_do_not_make_a_pair(self, watched: Watched) -> None:
        watched.hear(MARKET, 3600)
        watched.hear(DISCORD, 3600)
        assert watched.watch.wrong is None

    def test_answers_without_a_time_or_from_a_store_are_not_counted(self, watched: Watched) -> None:
        for _ in range(3):
            watched.hear(MARKET, 3600, Age="30")
            watched.hear(MARKET, 3600, Date="soon")
            watched.watch.note(MARKET, {})
        assert watched.watch.wrong is None
        assert not watched.watch.trusted

    def test_one_source_is_enough_whatever_the_other_says(self, watched: Watched) -> None:
        for _ in range(2):
            watched.machine.wall += 4 * HOUR
            watched.hear(MARKET)
            watched.hear(DISCORD, -7200)
        assert watched.watch.wrong == WrongClock(DISCORD, -7200)

    def test_clock_is_right_again_after_two_answers_and_both_ends_are_logged_once(
        self, watched: Watched, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.WARNING)
        watched.machine.wall += 4 * HOUR
        for _ in range(5):
            watched.hear(MARKET, 3600)
        watched.hear(MARKET)
        assert watched.watch.wrong is not None
        watched.hear(MARKET)
        assert watched.watch.wrong is None
        assert watched.watch.trusted
        watched.hear(MARKET)
        began, ended = [record.getMessage() for record in caplog.records]
        assert "the market is 3600 s ahead of it" in began
        assert "right again" in ended


class TestSettingItAnew:
    """Where the machine's clock is right and ours isn't, ours is set by it."""

    @pytest.mark.parametrize("step", [HOUR, -HOUR])
    def test_machine_whose_clock_was_set_or_that_slept_sets_ours(
        self, watched: Watched, step: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.WARNING)
        watched.machine.wall += step
        watched.hear(DISCORD, step / 1000)
        assert watched.machine.clock.now_ms() == NOW
        watched.hear(DISCORD, step / 1000)
        assert watched.machine.clock.now_ms() == NOW + step
        assert watched.watch.wrong is None
        [record] = caplog.records
        assert f"ours moves by {step // 1000} s" in record.getMessage()
        watched.hear(DISCORD)
        assert watched.watch.trusted

    def test_step_of_the_machine_that_nobody_confirms_changes_nothing(
        self, watched: Watched
    ) -> None:
        watched.machine.wall += HOUR
        for _ in range(3):
            watched.hear(MARKET)
        assert watched.machine.clock.now_ms() == NOW

    async def test_what_was_planned_moves_along(self, house: House) -> None:
        view = await house.submit_approved(ANA)
        before = house.clock.now
        async with house.database.writing() as tx:
            await tx.execute("UPDATE requests SET claimable_at = ?", before + 10_000)
            await tx.execute("UPDATE outbox SET next_at = ?", before + 2_000)
            await plans.move(tx, after=before, by=-HOUR)
            rows = await tx.all("SELECT DISTINCT next_at FROM outbox")
            assert [row["next_at"] for row in rows] == [before + 2_000 - HOUR]
            # What was due before stays due.
            await plans.move(tx, after=before, by=HOUR)
        assert (await house.view(view)).request.claimable_at == before + 10_000 - HOUR
        assert (await house.view(view)).request.expires_at == view.request.expires_at


class TestAsking:
    """In doubt at once; the market after a minute of silence too, and Discord only in doubt."""

    async def test_market_is_asked_at_start_and_after_a_minute_of_silence(
        self, watched: Watched
    ) -> None:
        asked: list[TimeSource] = []

        async def ask(source: TimeSource) -> None:
            asked.append(source)
            if source is MARKET:
                watched.hear(MARKET)

        watched.watch.probes = {each: partial(ask, each) for each in TimeSource}
        async with working(watched.watch.run()):
            await asyncio.sleep(0.05)
            assert asked == [MARKET]
            watched.watch._news.set()
            await asyncio.sleep(0.05)
            assert asked == [MARKET]
            watched.machine.move(MINUTE)
            watched.watch._news.set()
            await asyncio.sleep(0.05)
            assert asked == [MARKET] * 2

    @pytest.mark.parametrize("source", TimeSource)
    async def test_doubt_is_asked_about_at_once(self, watched: Watched, source: TimeSource) -> None:
        watched.machine.wall += 4 * HOUR
        watched.hear(MARKET)

        async def ask() -> None:
            watched.hear(source, 3600)

        async def wrong() -> bool:
            return watched.watch.wrong is not None

        watched.watch.probes = {source: ask}
        async with working(watched.watch.run()):
            await asyncio.sleep(0.05)
            watched.hear(source, 3600)
            await until(wrong)

    async def test_source_that_does_not_answer_ends_nothing(
        self, watched: Watched, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_PATIENCE_S", 0.01)
        monkeypatch.setattr(module, "_LOOK_S", 0.01)
        asked: list[bool] = []

        async def refuse_or_hang() -> None:
            asked.append(True)
            if len(asked) % 2:
                raise MarketUnavailableError("status: nothing")
            await asyncio.sleep(3600)

        watched.watch.probes = {MARKET: refuse_or_hang}
        async with working(watched.watch.run()):
            await asyncio.sleep(0.2)
        assert len(asked) >= 3


class TestWaiting:
    """While the clock is wrong nothing is bought and nothing expires; then all goes on."""

    async def test_request_waits_and_goes_on_by_itself(
        self, house: House, machine: Machine
    ) -> None:
        watch = ClockWatch(machine.clock, house.database, changed=house.approved.set)
        watched = Watched(machine, watch, [])
        machine.wall += 4 * HOUR
        worker = house.worker()
        worker._clock_watch = watch
        for _ in range(2):
            watched.hear(MARKET, 3600)
        view = await house.submit_approved(ANA)
        async with working(worker.run()), working(watch.run()):

            async def waits() -> bool:
                return (await house.view(view)).request.waits_for is WaitReason.CLOCK

            async def bought() -> bool:
                return (await house.view(view)).request.state is RequestState.BOUGHT

            await until(waits)
            assert house.market.batch_calls == []
            assert wait_for(WaitReason.CLOCK).for_ms == 5_000
            machine.wall = NOW
            house.clock.now += 1
            machine.ticks += 1
            for _ in range(2):
                watched.hear(MARKET)
            await until(bought)

    async def test_what_is_being_bought_is_not_too_late_by_a_clock_that_is_wrong(
        self, house: House, machine: Machine
    ) -> None:
        watch = ClockWatch(machine.clock, house.database, changed=house.approved.set)
        view = await house.buy_until(await house.submit_approved(ANA))
        for _ in range(2):
            Watched(machine, watch, []).hear(MARKET, -48 * 3600)
        async with house.database.writing() as tx:
            await tx.execute("UPDATE attempts SET offer_status = 'timeout'")
        view = await house.view(view)
        stamp = view.request.digest[:16]
        await house.attention.try_again(MAX, view.request.request_id, stamp, view.rounds)
        house.clock.now += 48 * HOUR
        worker = house.worker()
        worker._clock_watch = watch
        async with working(worker.run()):

            async def waits() -> bool:
                return (await house.view(view)).request.waits_for is WaitReason.CLOCK

            await until(waits)
        stands = await house.view(view)
        assert stands.request.state is RequestState.BUYING
        assert stands.rounds == 1

    async def test_nothing_expires_while_the_time_is_not_known(
        self, house: House, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bot.services.requests._DOUBT_S", 0.01)
        watch = ClockWatch(machine.clock, house.database, changed=house.approved.set)
        watched = Watched(machine, watch, [])
        house.requests._clock_watch = watch
        view = await house.submit(ANA)
        assert view.request.expires_at is not None
        house.clock.now = view.request.expires_at

        async def expired() -> bool:
            return (await house.view(view)).request.state is RequestState.EXPIRED

        async with working(house.requests.run_sweeper()):
            await asyncio.sleep(0.05)
            assert not await expired()  # nobody has told the time yet
            watched.hear(MARKET, 3600)
            await house.requests._expire_if_too_old(view.request.request_id)
            await asyncio.sleep(0.05)
            assert not await expired()
            watched.hear(MARKET)
            await until(expired)
