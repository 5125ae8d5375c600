"""What the operator does: copy the database, restore it, bring it to another market."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from bot.sandbox.skinsback import Fault
from tests.e2e.cases import send
from tests.e2e.world import ASIIMOV, REDLINE, World

REFUSED = 78


async def operate(world: World, *arguments: str, **changed: str) -> tuple[int, str]:
    """Run a command with the bot's settings and return its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *arguments,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[2]),
            **world.environment,
            **changed,
        },
        cwd=world.folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert "Traceback" not in output.decode()
    return process.returncode or 0, output.decode()


async def test_backup_while_the_bot_runs_is_sound_and_can_be_restored(world: World) -> None:
    """What was decided before is in it; the bot goes on with it as with any other database."""
    case = await send(world, (REDLINE, 2))
    copy = world.folder / "copies" / "monday.db"
    copy.parent.mkdir()
    code, said = await operate(world, "backup", str(copy))
    assert code == 0, said
    assert f"copied to {copy}" in said
    assert f"key file {world.database_path}.key" in said
    assert [path.name for path in copy.parent.iterdir()] == ["monday.db"]
    with closing(sqlite3.connect(f"{copy.as_uri()}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT state FROM requests").fetchall() == [("pending",)]
    code, said = await operate(world, "backup", str(copy))
    assert (code, "exists already" in said) == (REFUSED, True)

    assert await world.bot.stop() == 0
    for tail in ("-wal", "-shm"):
        world.database_path.with_name(f"{world.database_path.name}{tail}").unlink(missing_ok=True)
    shutil.copyfile(copy, world.database_path)
    await world.start()
    await case.approve()
    await case.result("all 2 skins bought")
    assert len(case.calls) == 1


async def test_backup_says_which_keys_belong_to_it_and_what_is_wrong(world: World) -> None:
    """One line each, and an exit code that a script understands."""
    key = world.database_path.with_name(f"{world.database_path.name}.key").read_text()
    code, said = await operate(world, "backup", str(world.folder / "a.db"), DATA_KEYS=key)
    assert code == 0
    assert "the DATA_KEYS of your settings" in said
    assert key not in said
    nothing = str(world.folder / "nothing.db")
    code, said = await operate(world, "backup", "b.db", DATABASE_PATH=nothing)
    assert code == REFUSED
    assert said.splitlines() == [
        f"Quartermaster can't make a backup. There is no database at {nothing}."
    ]


async def test_rebind_closes_what_is_open_and_the_bot_starts_with_the_new_project(
    world: World,
) -> None:
    """Told to the members and moderators at the next start, and only with the bot stopped."""
    case = await send(world)
    other = await world.fill_basket(world.mia, (ASIIMOV, 1))
    await world.until(world.prices_are_kept)
    code, said = await operate(world, "rebind", SKINSBACK_CLIENT_ID="2002")
    assert (code, "already running" in said) == (REFUSED, True)
    assert await world.bot.stop() == 0
    code, said = await operate(world, "rebind")
    assert code == 0
    assert "nothing was changed" in said
    assert case.state == "pending"
    assert world.prices_path.exists()
    code, said = await operate(world, "rebind", SKINSBACK_CLIENT_ID="2002")
    assert code == 0, said
    assert "now belongs to sandbox at 127.0.0.1, project 2002" in said
    assert f"#{case.number} (server {world.guild.id})" in said
    assert case.state == "expired"
    assert not world.prices_path.exists()
    world.environment["SKINSBACK_CLIENT_ID"] = "2002"
    await world.start(with_prices=False)
    await case.card.wait_for("moved it to another market account")
    await case.status("The bot was moved to another market account")
    assert case.card.buttons[0].label != "Approve $13.02"
    basket = await world.mia.slash("request", channel=world.hall)
    assert basket.message is not None
    assert ASIIMOV in basket.message.text
    assert other is not None


async def test_rebind_while_nobody_knows_what_was_bought_is_refused_in_one_line(
    world: World,
) -> None:
    """The old market is the only one that can ever tell."""
    case = await send(world)
    world.market.break_next("market_batch_buy", Fault.DROP, carried_out=False)
    await case.approve()
    await case.result("may or may not be bought")
    assert await world.bot.stop() == 0
    code, said = await operate(world, "rebind", SKINSBACK_CLIENT_ID="2002")
    assert code == REFUSED
    assert said.splitlines()[-1].startswith("Quartermaster can't rebind the database. These requ")
    assert f"#{case.number} (server {world.guild.id})" in said
    await world.start()
    assert case.state == "buying"


async def test_start_on_a_network_file_system_is_refused_with_one_line(empty_world: World) -> None:
    """As Linux names such a mount; two machines would believe that each has the lock."""
    world = empty_world
    mounts = world.folder / "mountinfo"
    mounts.write_text(f"1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / {world.folder} rw - nfs4 nas:/x rw\n")
    program = (
        "import pathlib, sys\n"
        "from bot.__main__ import main\n"
        "from bot.store import disk\n"
        f"disk.MOUNTS = pathlib.Path({str(mounts)!r})\n"
        "sys.exit(main([]))\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[2]),
            **world.environment,
        },
        cwd=world.folder,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == REFUSED
    (line,) = said.decode().splitlines()
    assert "is on a network file system (nfs4)" in line
    assert not world.database_path.exists()
