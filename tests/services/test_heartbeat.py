"""The last sign of life is there for the start after a crash, until that start is done with it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.services.heartbeat import Heartbeat
from bot.store import settings
from bot.store.database import Database
from tests.services.house import NOW, ManualClock, until, working


async def test_heartbeat_of_a_new_database_is_none_and_then_the_time(
    path: Path, clock: ManualClock
) -> None:
    async with await Database.open(path) as database:
        heartbeat = Heartbeat(database, clock, every_s=0.01)
        assert await heartbeat.last() is None

        async def beaten() -> bool:
            return await heartbeat.last() == clock.now

        async with working(heartbeat.run()):
            await until(beaten)
            clock.now += 15_000
            await until(beaten)
    async with await Database.open(path) as database:
        # What the process before left behind, until the new one's first beat.
        assert await Heartbeat(database, clock).last() == NOW + 15_000


async def test_heartbeat_waits_until_what_came_after_the_last_one_is_looked_up(
    path: Path, clock: ManualClock
) -> None:
    """A crash during that look-up has to find where it began."""
    async with await Database.open(path) as database:
        async with database.writing() as tx:
            await settings.set_heartbeat(tx, NOW - 60_000)
        looked_up = asyncio.Event()
        heartbeat = Heartbeat(database, clock, every_s=0.01, may_begin=looked_up)

        async def beaten() -> bool:
            return await heartbeat.last() == NOW

        async with working(heartbeat.run()):
            await asyncio.sleep(0.05)
            assert await heartbeat.last() == NOW - 60_000
            looked_up.set()
            await until(beaten)


async def test_heartbeat_that_cannot_be_written_is_missing_and_no_more(
    path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with await Database.open(path) as database:
        heartbeat = Heartbeat(database, clock, every_s=0.01)

        async def complained() -> bool:
            return "The heartbeat could not be written." in caplog.messages

        async def beaten() -> bool:
            return await heartbeat.last() == NOW

        with closing(sqlite3.connect(path)) as other:
            other.execute("ALTER TABLE meta RENAME TO elsewhere")
            async with working(heartbeat.run()):
                await until(complained)
                other.execute("ALTER TABLE elsewhere RENAME TO meta")
                await until(beaten)
