"""Told to stop, as any process and as the first one of a container; and stopping by itself."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from bot.sandbox.discord import Delay, DelayAnswer
from bot.sandbox.skinsback import Fault
from tests.e2e.cases import send
from tests.e2e.screens import unanswered
from tests.e2e.world import PRICES_THERE, REDLINE, World, button_id

FIRST_PROCESS: Final = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
RUN: Final = (sys.executable, "-m", "bot")
SOON: Final = """
import sys
import bot.__main__ as program
program.SHUTDOWN_S = 1.0
sys.exit(program.main(["run"]))
"""
"""The same program with a shorter bound, so that the test is short."""


@pytest.fixture(scope="module")
def zygote() -> None:
    """Nothing is forked off here: what starts and ends is a process as a person starts it."""


@dataclass
class Started:
    """A bot that was started in another way than the world does."""

    process: asyncio.subprocess.Process
    bot_pid: int
    log_path: Path

    def log(self) -> str:
        """Return everything it has logged."""
        return self.log_path.read_text()

    async def stop(self) -> tuple[int, float]:
        """Send SIGTERM to the bot; return the exit code and how many seconds it took."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        os.kill(self.bot_pid, signal.SIGTERM)
        code = await asyncio.wait_for(self.process.wait(), 40)
        return code, loop.time() - started


@asynccontextmanager
async def launch(
    world: World, command: Sequence[str], *, wrapped: bool = False
) -> AsyncIterator[Started]:
    """Run a command as the bot, with the world's settings, until it is connected."""
    log_path = world.folder / "launched.log"
    with log_path.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(Path(__file__).parents[2]),
                **world.environment,
            },
            cwd=world.folder,
            stdout=log,
            stderr=log,
        )
    try:
        await world.discord.bot_ready(30)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        pid = int(children.read_text().split()[0]) if wrapped else process.pid
        yield Started(process, pid, log_path)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def can_be_first() -> bool:
    """Say whether this machine lets us make a process the first one of a namespace."""
    try:
        probe = await asyncio.create_subprocess_exec(
            *FIRST_PROCESS, "true", stderr=asyncio.subprocess.DEVNULL
        )
    except FileNotFoundError:
        return False
    return await probe.wait() == 0


@pytest.mark.usefixtures("books")
async def test_stop_as_the_first_process_of_a_container_is_heard_and_in_order(
    empty_world: World,
) -> None:
    """The kernel keeps from process 1 every signal that it has no handler for."""
    world = await empty_world.set_up()
    first = await can_be_first()
    command = (*FIRST_PROCESS, *RUN) if first else RUN
    async with launch(world, command, wrapped=first) as bot:
        status = Path(f"/proc/{bot.bot_pid}/status").read_text()
        seen_as = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()
        # Where namespaces aren't ours to make, the same stop is held to as any process.
        assert seen_as[-1] == ("1" if first else str(bot.bot_pid))
        code, took = await bot.stop()
        assert code == 0
        assert took < 5
        assert "Stopping: what is on the wire is waited for." in bot.log()
        assert "Traceback" not in bot.log()


@pytest.mark.usefixtures("books")
async def test_stop_while_the_market_hangs_takes_no_longer_than_the_bound_and_the_purchase_is_found(
    empty_world: World,
) -> None:
    """What is cut off may have been bought: the next start finds it and sends nothing."""
    world = await empty_world.set_up()
    async with launch(world, (sys.executable, "-c", SOON)) as bot:
        await world.until(lambda: PRICES_THERE in bot.log())
        case = await send(world, (REDLINE, 2))
        world.market.break_next("market_batch_buy", Fault.HANG, carried_out=True, hang_s=60)
        await case.approve()
        await world.until(lambda: len(case.calls) == 1 and len(case.bought) == 2)
        code, took = await bot.stop()
        assert code == 0
        assert 0.9 < took < 6
        assert "Traceback" not in bot.log()
    assert [row["state"] for row in case.attempts] == ["sent", "sent"]
    await world.start()
    await case.result("all 2 skins bought")
    assert [row["state"] for row in case.attempts] == ["purchased", "purchased"]
    assert len(case.bought) == 2
    assert len(case.calls) == 1


async def test_bot_when_a_commit_fails_then_it_ends_with_one_line_and_the_next_start_goes_on(
    world: World,
) -> None:
    """Its disk takes no more: nothing is bought with a memory that differs from the disk."""
    case = await send(world)
    await world.until(lambda: not world.rows("SELECT 1 FROM outbox WHERE state <> 'posted'"))
    process = world.bot._process
    assert process is not None
    wal = world.database_path.with_name(f"{world.database_path.name}-wal")
    limit = wal.stat().st_size
    assert len(world.bot.log()) < limit / 2
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    click = asyncio.create_task(world.max.click(case.card, "Approve"))
    assert await world.bot.ended() == 1
    assert "Something went wrong on our side" in (await click).text
    log = world.bot.log()
    assert log.count("A COMMIT failed") == 1
    assert "Quartermaster stops, and has to be started again" in log.splitlines()[-1]
    assert case.calls == []
    await world.start()
    if case.state == "pending":
        await case.approve()
    await case.result("the skin is bought")
    assert len(case.calls) == 1


async def test_stop_while_a_click_is_being_answered_lets_the_answer_through(world: World) -> None:
    """Whoever pressed a button a moment before is not left with a failed interaction."""
    case = await send(world)
    world.market.break_next("balance", Fault.HANG, hang_s=1.0)
    asked = len([call for call in world.market.calls if call.method == "balance"])
    click = asyncio.create_task(world.max.click(case.card, "Details"))
    await world.until(
        lambda: len([call for call in world.market.calls if call.method == "balance"]) > asked
    )
    assert await world.bot.stop() == 0
    assert REDLINE in (await click).text


CALLBACK: Final = r"/interactions/\d+/[^/]+/callback$"
RESTARTING: Final = "I am being restarted; nothing was changed. Please try again in a minute."


async def test_stop_while_a_command_is_being_answered_lets_the_answer_through(world: World) -> None:
    """A command is waited for as a click is, and its transaction with it."""
    slow = world.discord.faults.add(DelayAnswer(1.0), path=CALLBACK, times=1)
    command = asyncio.create_task(world.ana.slash("request", channel=world.hall, item=REDLINE))
    await world.until(lambda: slow.hits)
    assert await world.bot.stop() == 0
    assert REDLINE in (await command).text
    assert [row["market_hash_name"] for row in world.rows("SELECT * FROM picks")] == [REDLINE]
    assert "Traceback" not in world.bot.log()


@pytest.mark.parametrize("told_s", [0.0, 1.2], ids=["at once", "when all else is closed"])
async def test_stop_when_something_arrives_meanwhile_then_it_is_not_begun_and_told_so(
    world: World, told_s: float
) -> None:
    """A command, a click and a suggestion, while a command from before is waited for."""
    screen = await world.fill_basket(world.ana, (REDLINE, 1))
    slow = world.discord.faults.add(DelayAnswer(1.2), path=CALLBACK, times=1)
    before = asyncio.create_task(world.max.slash("my-requests", channel=world.hall))
    await world.until(lambda: slow.hits)
    stop = asyncio.create_task(world.bot.stop())
    await world.until(lambda: "Stopping: what is on the wire" in world.bot.log())
    await asyncio.sleep(0.3)
    world.discord.faults.add(Delay(told_s), path=CALLBACK)
    command, click, suggested = await asyncio.gather(
        world.mia.slash("request", channel=world.hall, item=REDLINE),
        world.ana.click(screen, custom_id=button_id(screen, ":send")),
        world.olga.autocomplete("request", "item", "Redline", channel=world.hall),
    )
    assert await stop == 0
    for reply in (command, click):
        assert reply.ephemeral
        assert RESTARTING in reply.text
    assert suggested == []
    assert not (await before).failed
    assert unanswered(world.discord) == []
    assert len(world.rows("SELECT * FROM picks")) == 1
    assert world.rows("SELECT * FROM requests WHERE state <> 'draft'") == []
    # Cut off while it is told, a person may have heard it all the same, so the log has to say it.
    assert "can't be answered" not in world.bot.log()
    assert "Traceback" not in world.bot.log()


async def test_stop_when_a_command_takes_too_long_then_it_is_cut_off_without_a_traceback(
    world: World,
) -> None:
    """The wait has a bound, and nothing is left to meet a closed database."""
    slow = world.discord.faults.add(DelayAnswer(15), path=CALLBACK, times=1)
    command = asyncio.create_task(world.ana.slash("request", channel=world.hall, item=REDLINE))
    await world.until(lambda: slow.hits)
    started = asyncio.get_running_loop().time()
    assert await world.bot.stop() == 0
    assert 2.9 < asyncio.get_running_loop().time() - started < 6
    command.cancel()
    assert "What takes too long to answer is cut off: 1." in world.bot.log()
    assert "Traceback" not in world.bot.log()
