"""A copy is of one moment, sound, private, and never takes the place of something else."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from bot.domain.models import MessageKind
from bot.errors import DatabaseError
from bot.store import outbox
from bot.store.backup import back_up
from bot.store.database import Database
from bot.store.settings import get_meta, set_meta
from tests.store import samples


def keys(path: Path) -> set[str]:
    """Return what a copy remembers, after SQLite has found it sound."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {key for (key,) in copy.execute("SELECT key FROM meta")}


async def fill(database: Database, megabytes: int) -> None:
    async with database.writing() as tx:
        for number in range(megabytes):
            await set_meta(tx, f"large {number}", "x" * 1_000_000)


async def test_copy_beside_the_running_bot_has_what_was_committed_and_not_what_was_not(
    database: Database, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    async with database.writing() as tx:
        await samples.pending(tx)
        await set_meta(tx, "committed", "1")
    async with database.writing() as tx:
        await set_meta(tx, "not yet", "1")
        size = await asyncio.to_thread(back_up, tmp_path / "quartermaster.db", copy)
    assert keys(copy) == {"committed"}
    assert size == copy.stat().st_size
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir() if "copy" in path.name) == ["copy.db"]


async def test_copy_has_what_waits_to_be_posted_searched_for_first(
    database: Database, tmp_path: Path
) -> None:
    """When it is restored, it may stand already: an old message is not told anew."""
    async with database.writing() as tx:
        await samples.pending(tx)
        for mark, kind in enumerate((MessageKind.APPROVAL_CARD, MessageKind.MEMBER_STATUS), 1):
            await outbox.announce(
                tx,
                kind,
                guild_id=samples.GUILD,
                target_id=mark,
                mark=mark,
                at=samples.NOW,
                request_id=samples.request_id(),
            )
        await outbox.mark_posted(tx, 1, channel_id=1, message_id=2, shown=1)
    await asyncio.to_thread(back_up, tmp_path / "quartermaster.db", tmp_path / "copy.db")
    async with await Database.open(tmp_path / "copy.db") as copy, copy.reading() as tx:
        rows = await tx.all("SELECT state FROM outbox ORDER BY outbox_id")
        assert [row["state"] for row in rows] == ["posted", "trying"]
    async with database.reading() as tx:
        rows = await tx.all("SELECT state FROM outbox ORDER BY outbox_id")
        assert [row["state"] for row in rows] == ["posted", "waiting"]


async def test_copy_while_much_is_written_is_of_one_moment_and_holds_nobody_up(
    database: Database, tmp_path: Path
) -> None:
    """The bot commits after every step; nothing of that is in the copy, and no step is repeated."""
    await fill(database, 6)
    loop = asyncio.get_running_loop()
    steps: list[float] = []

    async def commit() -> None:
        started = loop.time()
        async with asyncio.timeout(5), database.writing() as tx:
            await set_meta(tx, f"during {len(steps)}", "x" * 300_000)
        steps.append(loop.time() - started)

    def between() -> None:
        asyncio.run_coroutine_threadsafe(commit(), loop).result(10)

    copy = tmp_path / "copy.db"
    await asyncio.to_thread(back_up, tmp_path / "quartermaster.db", copy, between_steps=between)
    assert 6 <= len(steps) <= 12
    assert keys(copy) == {f"large {number}" for number in range(6)}
    async with database.reading() as tx:
        assert await get_meta(tx, f"during {len(steps) - 1}") is not None


async def test_copy_of_a_database_that_nobody_has_open_can_be_opened_by_the_bot(
    tmp_path: Path,
) -> None:
    path, copy = tmp_path / "a b#?%.db", tmp_path / "copy #?%.db"
    async with await Database.open(path) as database, database.writing() as tx:
        await set_meta(tx, "a", "1")
    back_up(path, copy)
    async with await Database.open(copy) as database:
        async with database.writing() as tx:
            await set_meta(tx, "b", "2")
        async with database.reading() as tx:
            assert await get_meta(tx, "a") == "1"
    assert keys(path) == {"a"}


@pytest.mark.parametrize("what", ["file", "folder", "dangling link", "the database"])
async def test_copy_never_takes_the_place_of_anything(
    database: Database, tmp_path: Path, what: str
) -> None:
    copy = tmp_path / "copy.db"
    match what:
        case "file":
            copy.write_text("precious")
        case "folder":
            copy.mkdir()
        case "dangling link":
            copy.symlink_to(tmp_path / "elsewhere")
        case "the database":
            copy = tmp_path / "quartermaster.db"
    with pytest.raises(DatabaseError, match="exists already"):
        back_up(tmp_path / "quartermaster.db", copy)
    assert what != "file" or copy.read_text() == "precious"
    assert not (tmp_path / "elsewhere").exists()
    async with database.writing() as tx:
        await set_meta(tx, "a", "1")


async def test_copy_when_a_file_appears_at_its_place_meanwhile_leaves_it_alone(
    database: Database, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    await fill(database, 2)

    def between() -> None:
        copy.write_text("precious")

    with pytest.raises(DatabaseError, match="exists already"):
        await asyncio.to_thread(
            back_up,
            tmp_path / "quartermaster.db",
            copy,
            between_steps=between,
        )
    assert copy.read_text() == "precious"
    assert not copy.with_name("copy.db.new").exists()


def test_copy_of_what_is_no_database_of_ours_is_one_line_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    text, other, copy = tmp_path / "text.db", tmp_path / "other.db", tmp_path / "copy.db"
    text.write_text("no database" * 200)
    with closing(sqlite3.connect(other)) as foreign:
        foreign.execute("CREATE TABLE songs (title)")
    before = sorted(tmp_path.iterdir())
    for path, said in (
        (tmp_path / "nothing.db", "There is no database"),
        (text, "not a database"),
        (other, "no database of Quartermaster"),
    ):
        with pytest.raises(DatabaseError, match=said) as refused:
            back_up(path, copy)
        assert "\n" not in str(refused.value)
        assert sorted(tmp_path.iterdir()) == before


async def test_copy_to_where_nothing_can_be_written_is_one_line(
    database: Database, tmp_path: Path
) -> None:
    with pytest.raises(DatabaseError, match="can't be written: No such file"):
        back_up(tmp_path / "quartermaster.db", tmp_path / "missing" / "copy.db")
    (tmp_path / "copy.db.new").touch()
    with pytest.raises(DatabaseError, match=r"copy\.db\.new exists: another backup"):
        back_up(tmp_path / "quartermaster.db", tmp_path / "copy.db")
    assert (tmp_path / "copy.db.new").exists()
    assert not os.path.lexists(tmp_path / "copy.db")
