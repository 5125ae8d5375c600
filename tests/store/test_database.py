"""The file, its lock and its transactions: one writer, nothing half done, one clear line."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest

from bot.errors import DatabaseError
from bot.store.database import APPLICATION_ID, Database, Transaction, known_migrations
from bot.store.settings import get_meta, set_meta


async def count(tx: Transaction) -> int:
    row = await tx.one("SELECT count(*) AS count FROM meta")
    assert row is not None
    return int(row["count"])


class TestTransactions:
    """Whole or not at all, and never shared."""

    async def test_transaction_when_its_block_ends_is_on_disk(
        self, database: Database, tmp_path: Path
    ) -> None:
        async with database.writing() as tx:
            await set_meta(tx, "a", "1")
        with closing(sqlite3.connect(tmp_path / "quartermaster.db")) as other:
            assert other.execute("SELECT value FROM meta").fetchall() == [("1",)]

    async def test_transaction_when_its_block_raises_leaves_nothing(
        self, database: Database
    ) -> None:
        async def fails() -> None:
            async with database.writing() as tx:
                await set_meta(tx, "a", "1")
                raise KeyError

        with pytest.raises(KeyError):
            await fails()
        async with database.writing() as tx:
            assert await count(tx) == 0

    async def test_transaction_after_a_refused_row_leaves_nothing(self, database: Database) -> None:
        async def fails() -> None:
            async with database.writing() as tx:
                await set_meta(tx, "a", "1")
                await tx.execute("INSERT INTO meta (key, value) VALUES ('a', '2')")

        with pytest.raises(sqlite3.IntegrityError):
            await fails()
        async with database.reading() as tx:
            assert await get_meta(tx, "a") is None

    async def test_two_coroutines_at_once_never_share_a_transaction(
        self, database: Database
    ) -> None:
        written, may_fail = asyncio.Event(), asyncio.Event()

        async def fails() -> None:
            async with database.writing() as tx:
                await set_meta(tx, "from the one that fails", "1")
                written.set()
                await may_fail.wait()
                raise KeyError

        async def works() -> None:
            await written.wait()
            async with database.writing() as tx:
                await set_meta(tx, "from the one that works", "1")

        failing, working = asyncio.create_task(fails()), asyncio.create_task(works())
        await written.wait()
        await asyncio.sleep(0.02)
        assert not working.done()
        may_fail.set()
        await working
        with pytest.raises(KeyError):
            await failing
        async with database.reading() as tx:
            assert await get_meta(tx, "from the one that works") == "1"
            assert await get_meta(tx, "from the one that fails") is None

    @pytest.mark.parametrize("seed", range(6))
    async def test_transactions_when_cancelled_at_any_moment_are_whole_or_nothing(
        self, database: Database, seed: int
    ) -> None:
        rng = Random(seed)
        told: set[int] = set()

        async def write(number: int) -> None:
            async with database.writing() as tx:
                for part in range(3):
                    await set_meta(tx, f"{number}.{part}", "x")
            told.add(number)

        async def interrupt(task: asyncio.Task[None]) -> None:
            for _ in range(rng.randrange(1, 3)):
                for _ in range(rng.randrange(40)):
                    await asyncio.sleep(0)
                await asyncio.sleep(rng.random() * 0.002)
                task.cancel()

        for first in range(0, 60, 6):
            tasks = [asyncio.create_task(write(number)) for number in range(first, first + 6)]
            doomed = rng.sample(tasks, 4)
            await asyncio.gather(*(interrupt(task) for task in doomed))
            await asyncio.gather(*tasks, return_exceptions=True)
        async with database.writing() as tx:
            rows = await tx.all("SELECT key FROM meta")
        parts = [int(row["key"].partition(".")[0]) for row in rows]
        assert {parts.count(number) for number in parts} <= {3}
        assert told <= set(parts)
        assert 0 < len(told) < 60

    async def test_readings_when_cancelled_leave_no_old_picture_behind(
        self, database: Database
    ) -> None:
        rng = Random(5)

        async def read() -> None:
            async with database.reading() as tx:
                for _ in range(3):
                    await count(tx)

        for number in range(40):
            task = asyncio.create_task(read())
            await asyncio.sleep(rng.random() * 0.001)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            async with database.writing() as tx:
                await set_meta(tx, str(number), "x")
            async with database.reading() as tx:
                assert await count(tx) == number + 1

    async def test_reading_while_somebody_writes_is_one_picture(self, database: Database) -> None:
        async with database.reading() as tx:
            before = await count(tx)
            async with database.writing() as other:
                await set_meta(other, "a", "1")
            assert await count(tx) == before
        async with database.reading() as tx:
            assert await count(tx) == before + 1

    async def test_reading_when_it_tries_to_write_raises(self, database: Database) -> None:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            async with database.reading() as tx:
                await set_meta(tx, "a", "1")
        async with database.reading() as tx:
            assert await count(tx) == 0

    async def test_writer_is_set_up_for_money(self, database: Database) -> None:
        wanted = {"synchronous": 2, "foreign_keys": 1, "journal_mode": "wal"}
        async with database.writing() as tx:
            for pragma, value in wanted.items():
                row = await tx.one(f"PRAGMA {pragma}")
                assert row is not None
                assert row[0] == value

    async def test_insert_into_a_table_gives_its_id_and_execute_counts_rows(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            assert await tx.insert("INSERT INTO guilds (guild_id) VALUES (?)", 77) == 77
            await tx.execute_many("INSERT INTO guilds (guild_id) VALUES (?)", [(78,), (79,)])
            assert await tx.execute("UPDATE guilds SET undo_s = 0 WHERE guild_id > 77") == 2
            assert await tx.one("SELECT 1 FROM guilds WHERE guild_id = 1") is None
            assert [row["guild_id"] for row in await tx.all("SELECT * FROM guilds")] == [77, 78, 79]


class TestAtOnce:
    """A transaction's work is done on the connection's thread, by the rules of every other."""

    async def test_write_is_whole_and_on_disk_and_gives_back_what_the_work_does(
        self, database: Database, tmp_path: Path
    ) -> None:
        threads: set[int] = set()

        async def work(tx: Transaction) -> int:
            threads.add(threading.get_ident())
            await set_meta(tx, "a", "1")
            return await tx.at_once(count)

        assert await database.write(work) == 1
        assert threads == {thread.ident for thread in threading.enumerate()} & threads
        assert threading.get_ident() not in threads
        with closing(sqlite3.connect(tmp_path / "quartermaster.db")) as other:
            assert other.execute("SELECT value FROM meta").fetchall() == [("1",)]

    async def test_write_that_raises_leaves_nothing(self, database: Database) -> None:
        async def work(tx: Transaction) -> None:
            await set_meta(tx, "a", "1")
            raise KeyError

        with pytest.raises(KeyError):
            await database.write(work)
        assert await database.read(count) == 0
        async with database.writing() as tx:
            await set_meta(tx, "b", "1")
        assert await database.read(count) == 1

    async def test_work_that_waits_for_something_else_than_sql_leaves_nothing(
        self, database: Database
    ) -> None:
        async def work(tx: Transaction) -> None:
            await set_meta(tx, "a", "1")
            await asyncio.sleep(0)

        with pytest.raises(RuntimeError, match="something else than SQL"):
            await database.write(work)
        with pytest.raises(RuntimeError, match="something else than SQL"):
            await database.read(lambda _: asyncio.sleep(0))
        assert await database.read(count) == 0

    async def test_read_is_one_picture_and_can_not_write(self, database: Database) -> None:
        async def work(tx: Transaction) -> None:
            await set_meta(tx, "a", "1")

        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await database.read(work)
        assert await database.read(count) == 0

    async def test_write_notes_the_last_event_of_its_work(self, database: Database) -> None:
        async def work(tx: Transaction) -> None:
            tx.last_event = 7

        await database.write(work)
        assert await database.is_older_copy()

    async def test_work_when_cancelled_at_any_moment_is_whole_or_nothing(
        self, database: Database
    ) -> None:
        rng, told = Random(3), set()

        async def write(number: int) -> None:
            async def work(tx: Transaction) -> None:
                for part in range(3):
                    await set_meta(tx, f"{number}.{part}", "x")

            await database.write(work)
            told.add(number)

        for number in range(60):
            task = asyncio.create_task(write(number))
            for _ in range(rng.randrange(40)):
                await asyncio.sleep(0)
            await asyncio.sleep(rng.random() * 0.002)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        rows = await database.read(lambda tx: tx.all("SELECT key FROM meta"))
        parts = [int(row["key"].partition(".")[0]) for row in rows]
        assert {parts.count(number) for number in parts} <= {3}
        assert told <= set(parts)


def another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.executescript("CREATE TABLE songs (title); PRAGMA user_version = 1;")


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.executescript(
            f"CREATE TABLE meta (key); PRAGMA application_id = {APPLICATION_ID};"
            "PRAGMA user_version = 9999;"
        )


def half_migrated(path: Path) -> None:
    """Leave a database of ours in which the first migration can't succeed."""
    with closing(sqlite3.connect(path)) as other:
        other.executescript(f"CREATE TABLE meta (key); PRAGMA application_id = {APPLICATION_ID};")


class TestOpening:
    """Every way in which a file can't be used is one clear line, and leaves nothing running."""

    @pytest.mark.parametrize(
        ("make", "sentence"),
        [
            (lambda path: path.write_text("no database" * 200), "can't be used"),
            (lambda path: path.mkdir(), "can't be used"),
            (another_program, "belongs to another program"),
            (newer, "of version 9999"),
            (half_migrated, "can't be brought to version 1"),
        ],
        ids=["text", "folder", "another program", "newer", "half migrated"],
    )
    async def test_open_of_what_is_no_database_of_ours_is_one_line_and_touches_nothing(
        self, tmp_path: Path, make: Callable[[Path], None], sentence: str
    ) -> None:
        path = tmp_path / "x.db"
        make(path)
        before = None if path.is_dir() else path.read_bytes()
        threads = set(threading.enumerate())
        with pytest.raises(DatabaseError, match=sentence) as refused:
            await Database.open(path)
        assert "\n" not in str(refused.value)
        for thread in set(threading.enumerate()) - threads:
            thread.join(timeout=5)
            assert not thread.is_alive()
        assert before is None or tables(path, before) == tables(path, path.read_bytes())
        # The lock is free again: what was wrong can be put right without a restart.
        path.rename(tmp_path / "away")
        await (await Database.open(path)).close()

    async def test_open_where_no_folder_can_be_is_one_line(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(DatabaseError, match=r"can't be written.*a folder"):
            await Database.open(tmp_path / "file" / "deeper" / "x.db")

    async def test_open_makes_the_folders_that_are_missing(self, tmp_path: Path) -> None:
        path = tmp_path / "a" / "b c#?%" / "x.db"
        async with await Database.open(path) as database, database.writing() as tx:
            await set_meta(tx, "a", "1")
        async with await Database.open(path) as database, database.reading() as tx:
            assert await get_meta(tx, "a") == "1"

    async def test_open_a_second_time_in_one_process_is_refused(
        self, database: Database, tmp_path: Path
    ) -> None:
        with pytest.raises(DatabaseError, match="already running"):
            await Database.open(tmp_path / "quartermaster.db")
        async with database.writing() as tx:
            await set_meta(tx, "a", "1")

    async def test_open_from_another_process_is_refused_until_that_one_is_gone(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "x.db"
        program = (
            "import asyncio, pathlib, sys\n"
            "from bot.store.database import Database\n"
            "async def hold():\n"
            "    async with await Database.open(pathlib.Path(sys.argv[1])):\n"
            "        print('open', flush=True)\n"
            "        await asyncio.sleep(60)\n"
            "asyncio.run(hold())\n"
        )
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, str(path), stdout=asyncio.subprocess.PIPE
        )
        try:
            assert other.stdout is not None
            assert await other.stdout.readline() == b"open\n"
            with pytest.raises(DatabaseError, match="already running"):
                await Database.open(path)
        finally:
            os.kill(other.pid, signal.SIGKILL)
            await other.wait()
        await (await Database.open(path)).close()

    async def test_open_beside_the_bot_shares_the_file_and_changes_nothing_about_it(
        self, database: Database, tmp_path: Path
    ) -> None:
        path = tmp_path / "quartermaster.db"
        async with await Database.open(path, exclusive=False) as second:
            async with second.writing() as tx:
                await set_meta(tx, "a", "1")
            with pytest.raises(DatabaseError, match="already running"):
                await Database.open(path)
        async with database.reading() as tx:
            assert await get_meta(tx, "a") == "1"

    async def test_open_beside_a_bot_of_another_version_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "x.db"
        await (await Database.open(path)).close()
        with closing(sqlite3.connect(path)) as other:
            other.execute(f"PRAGMA user_version = {len(known_migrations()) - 1}")
        with pytest.raises(DatabaseError, match="Start the bot itself"):
            await Database.open(path, exclusive=False)


def tables(path: Path, content: bytes) -> object:
    """Return what is in a database file; text stays what it is."""
    if not content.startswith(b"SQLite format 3"):
        return content
    copy = path.with_name("copy.db")
    copy.write_bytes(content)
    with closing(sqlite3.connect(copy)) as connection:
        schema = connection.execute("SELECT type, name, sql FROM sqlite_schema").fetchall()
        version = connection.execute("PRAGMA user_version").fetchone()
    copy.unlink()
    return schema, version
