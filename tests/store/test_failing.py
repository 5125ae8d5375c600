"""An error at COMMIT is the end: what is on disk isn't known, so nobody goes on with a guess."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from bot.errors import DatabaseBrokenError
from bot.store.database import Database, Transaction
from bot.store.settings import get_meta, set_meta

TOO_LARGE: Final = """
import asyncio, json, pathlib, resource, sys
from bot.errors import DatabaseBrokenError
from bot.store.database import Database
from bot.store.settings import get_meta, set_meta

async def write(database, key, size):
    async with database.writing() as tx:
        await set_meta(tx, key, "x" * size)

async def main():
    path = pathlib.Path(sys.argv[1])
    said = {}
    async with await Database.open(path) as database:
        await write(database, "before", 1)
        wal = path.with_name(path.name + "-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (wal + 8_192, resource.RLIM_INFINITY))
        for key in ("too large", "after"):
            try:
                await write(database, key, 100_000 if key == "too large" else 1)
            except DatabaseBrokenError:
                said[key] = "broken"
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        try:
            await write(database, "with room again", 1)
        except DatabaseBrokenError:
            said["with room again"] = "broken"
        said["failed"] = database.failed.is_set()
    print(json.dumps(said))

asyncio.run(main())
"""


async def fail_to_commit(database: Database, key: str = "a") -> None:
    """Leave a row that refers to nothing, which SQLite is told to notice at the COMMIT only."""
    async with database.writing() as tx:
        await set_meta(tx, key, "1")
        await dangle(tx)


async def dangle(tx: Transaction) -> None:
    await tx.execute("PRAGMA defer_foreign_keys = ON")
    await tx.execute("INSERT INTO asker_roles (guild_id, role_id) VALUES (987, 1)")


async def test_commit_that_fails_is_told_to_the_caller_the_log_and_who_waits_for_it(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = asyncio.create_task(database.failed.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    with (
        caplog.at_level(logging.CRITICAL),
        pytest.raises(DatabaseBrokenError, match="FOREIGN KEY"),
    ):
        await fail_to_commit(database)
    async with asyncio.timeout(1):
        await waiting
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]
    assert "A COMMIT failed (FOREIGN KEY constraint failed)" in caplog.text


async def test_nothing_begins_after_a_commit_that_failed(tmp_path: Path) -> None:
    entered = 0
    async with await Database.open(tmp_path / "quartermaster.db") as database:
        with pytest.raises(DatabaseBrokenError):
            await fail_to_commit(database)
        for begin in (database.writing, database.reading) * 2:
            with pytest.raises(DatabaseBrokenError):
                async with begin():
                    entered += 1
    assert entered == 0
    async with await Database.open(tmp_path / "quartermaster.db") as again:
        async with again.reading() as tx:
            assert await get_meta(tx, "a") is None
        assert not again.failed.is_set()


async def test_those_who_waited_for_their_turn_get_none_after_a_commit_that_failed(
    database: Database,
) -> None:
    entered: list[int] = []

    async def write(number: int) -> None:
        async with database.writing() as tx:
            entered.append(number)
            await set_meta(tx, str(number), "1")

    first = asyncio.create_task(fail_to_commit(database))
    await asyncio.sleep(0)
    others = [asyncio.create_task(write(number)) for number in range(5)]
    outcomes = await asyncio.gather(first, *others, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {DatabaseBrokenError}
    assert entered == []


async def test_commit_that_fails_while_its_caller_is_cancelled_is_noted_all_the_same(
    database: Database,
) -> None:
    """Whoever asked is gone, and the next one must not go on as if it had been written."""
    committing = asyncio.Event()
    execute = database._execute

    async def slow(sql: str) -> None:
        committing.set()
        await execute(sql)

    database._execute = slow  # type: ignore[method-assign]
    task = asyncio.create_task(fail_to_commit(database))
    await committing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(1):
        await database.failed.wait()
    with pytest.raises(DatabaseBrokenError):
        async with database.writing():
            raise AssertionError


async def test_error_before_the_commit_rolls_back_and_is_no_reason_to_end(
    database: Database,
) -> None:
    """A refused row, a full disk in the middle of a statement, a fault in the block."""

    async def try_to(sql: str, *values: Any) -> None:
        async with database.writing() as tx:
            await set_meta(tx, "half", "1")
            await tx.execute(sql, *values)

    async with database.writing() as tx:
        row = await tx.one("PRAGMA page_count")
        assert row is not None
        await tx.execute(f"PRAGMA max_page_count = {row[0] + 2}")
    large = ("INSERT INTO meta (key, value) VALUES ('large', ?)", "x" * 1_000_000)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        await try_to(*large)
    with pytest.raises(sqlite3.IntegrityError):
        await try_to("INSERT INTO meta (key, value) VALUES ('half', '2')")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await try_to("DELETE FROM songs")
    assert not database.failed.is_set()
    async with database.writing() as tx:
        assert await get_meta(tx, "half") is None
        await set_meta(tx, "after", "1")


async def test_file_that_can_grow_no_more_fails_the_commit_and_the_next_start_reads_the_truth(
    tmp_path: Path,
) -> None:
    """In a process of its own, because its limit on file sizes is the process's."""
    path = tmp_path / "q.db"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        TOO_LARGE,
        str(path),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    assert json.loads(output) == {
        "too large": "broken",
        "after": "broken",
        "with room again": "broken",
        "failed": True,
    }
    async with await Database.open(path) as database:
        async with database.writing() as tx:
            assert await get_meta(tx, "before") == "x"
            await set_meta(tx, "again", "1")
        async with database.reading() as tx:
            (found,) = await tx.all("PRAGMA integrity_check")
            assert found[0] == "ok"
            # Whether it is there or not: whole, and the same as the writer's.
            assert len(await get_meta(tx, "too large") or "") in (0, 100_000)
            assert await get_meta(tx, "after") is None
            assert await get_meta(tx, "with room again") is None
