"""An older copy of the database is recognised by the number of the last event beside it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from bot.domain.models import EventKind
from bot.store import audit
from bot.store.database import Database
from bot.store.last_event import LastEvent

GUILD = 111


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "quartermaster.db"


async def happen(path: Path, times: int = 1) -> None:
    """Record something on a database that is opened and closed."""
    async with await Database.open(path) as database:
        for _ in range(times):
            async with database.writing() as tx:
                await audit.record(tx, EventKind.PAUSED, guild_id=GUILD, at=1)


async def is_older_copy(path: Path) -> bool:
    async with await Database.open(path) as database:
        return await database.is_older_copy()


async def test_new_database_and_the_same_disk_are_no_older_copies(path: Path) -> None:
    assert not await is_older_copy(path)
    await happen(path, 3)
    assert not await is_older_copy(path)


async def test_older_copy_is_recognised_once_and_then_followed_again(
    path: Path, tmp_path: Path
) -> None:
    await happen(path)
    shutil.copyfile(path, tmp_path / "copy.db")
    await happen(path)
    shutil.copyfile(tmp_path / "copy.db", path)
    # As long as nobody has written down what follows from it, it is found again.
    assert await is_older_copy(path)
    assert await is_older_copy(path)
    async with await Database.open(path) as database:
        await database.follow_last_event()
        assert not await database.is_older_copy()
    assert not await is_older_copy(path)


async def test_copy_that_came_to_another_machine_is_recognised(path: Path) -> None:
    await happen(path)
    path.with_name(f"{path.name}.last").unlink()
    assert await is_older_copy(path)
    assert await is_older_copy(path)


@pytest.mark.parametrize("moved", [False, True])
async def test_older_copy_is_one_until_that_is_on_disk(
    path: Path, tmp_path: Path, moved: bool
) -> None:
    """Killed right after it was recognised, the next start recognises it again."""
    await happen(path)
    shutil.copyfile(path, tmp_path / "copy.db")
    await happen(path)
    shutil.copyfile(tmp_path / "copy.db", path)
    if moved:
        path.with_name(f"{path.name}.last").unlink()
    for _ in range(2):
        async with await Database.open(path) as database:
            assert await database.is_older_copy()


async def test_older_copy_in_which_something_happens_before_it_is_asked_is_one_still(
    path: Path, tmp_path: Path
) -> None:
    """As when ``python -m bot rebind`` is the first to open it."""
    await happen(path)
    shutil.copyfile(path, tmp_path / "copy.db")
    await happen(path, 5)
    shutil.copyfile(tmp_path / "copy.db", path)
    await happen(path, 2)
    assert await is_older_copy(path)


async def test_what_was_undone_is_not_noted(path: Path) -> None:
    await happen(path)
    async with await Database.open(path) as database:
        with suppress(sqlite3.IntegrityError):
            async with database.writing() as tx:
                await audit.record(tx, EventKind.PAUSED, guild_id=GUILD, at=1)
                await tx.execute("INSERT INTO asker_roles (guild_id, role_id) VALUES (5, NULL)")
                raise AssertionError("a role without a number was taken")
    assert not await is_older_copy(path)


async def test_event_that_only_the_disk_knows_is_no_older_copy(path: Path) -> None:
    """Killed between the commit and the note, the file is behind, and nothing is missing."""
    await happen(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO events (guild_id, at, kind, details) VALUES (1, 1, 'paused', '{}')"
        )
    assert not await is_older_copy(path)


def test_number_outlives_its_process_and_a_file_that_is_cut_is_a_new_one(tmp_path: Path) -> None:
    first = LastEvent(tmp_path / "last")
    assert first.event_id == 0
    first.note(7)
    first.note(5)
    second = LastEvent(tmp_path / "last")
    assert second.event_id == 7
    second.set(3)
    assert first.event_id == 3
    first.close()
    second.close()
    (tmp_path / "last").write_bytes(b"abc")
    cut = LastEvent(tmp_path / "last")
    assert cut.event_id == 0
    cut.close()
