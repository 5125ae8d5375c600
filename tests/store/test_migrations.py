"""Migrations: in order, each whole or not at all, and never backwards."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from importlib import resources
from pathlib import Path

import aiosqlite
import pytest

from bot.errors import DatabaseError
from bot.store.database import APPLICATION_ID, Database, known_migrations, migrate

FIRST = "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);"
SECOND = "CREATE TABLE b (x INTEGER) STRICT; ALTER TABLE a ADD COLUMN y INTEGER;"
BROKEN = "CREATE TABLE b (x INTEGER) STRICT; INSERT INTO a VALUES (2); CREATE TABLE a (x);"


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[aiosqlite.Connection]:
    """A connection as the database opens it, to an empty file."""
    async with aiosqlite.connect(tmp_path / "x.db", isolation_level=None) as connection:
        yield connection


async def standing(writer: aiosqlite.Connection) -> tuple[int, list[str], int]:
    """Return the version, the tables, and what is in the first of them."""
    version = await (await writer.execute("PRAGMA user_version")).fetchone()
    tables = await writer.execute_fetchall("SELECT name FROM sqlite_schema ORDER BY name")
    names = [row[0] for row in tables]
    rows = await writer.execute_fetchall("SELECT x FROM a") if "a" in names else []
    assert version is not None
    return version[0], names, len(list(rows))


async def test_migrate_an_empty_file_runs_all_in_order(writer: aiosqlite.Connection) -> None:
    await migrate(writer, [FIRST, SECOND])
    assert await standing(writer) == (2, ["a", "b"], 1)


async def test_migrate_when_the_second_breaks_leaves_the_first_and_nothing_of_the_second(
    writer: aiosqlite.Connection,
) -> None:
    with pytest.raises(DatabaseError, match=r"to version 2: .*stands unharmed at version 1"):
        await migrate(writer, [FIRST, BROKEN])
    assert await standing(writer) == (1, ["a"], 1)
    await migrate(writer, [FIRST, SECOND])
    assert await standing(writer) == (2, ["a", "b"], 1)


async def test_migrate_when_the_first_breaks_leaves_an_empty_file(
    writer: aiosqlite.Connection,
) -> None:
    with pytest.raises(DatabaseError, match="to version 1"):
        await migrate(writer, [BROKEN])
    assert await standing(writer) == (0, [], 0)
    await migrate(writer, [FIRST])
    assert await standing(writer) == (1, ["a"], 1)


async def test_migrate_again_does_nothing(writer: aiosqlite.Connection) -> None:
    await migrate(writer, [FIRST, SECOND])
    await migrate(writer, [FIRST, SECOND])
    assert await standing(writer) == (2, ["a", "b"], 1)


async def test_migrate_a_newer_database_is_refused_and_changes_nothing(
    writer: aiosqlite.Connection,
) -> None:
    await migrate(writer, [FIRST, SECOND])
    with pytest.raises(DatabaseError, match=r"version 2, .*up to 1 only"):
        await migrate(writer, [FIRST])
    assert await standing(writer) == (2, ["a", "b"], 1)


async def test_open_a_database_twice_finds_it_as_it_was_and_marked_as_ours(tmp_path: Path) -> None:
    def standing() -> tuple[object, int, int]:
        with closing(sqlite3.connect(tmp_path / "x.db")) as other:
            tables = other.execute("SELECT type, name, sql FROM sqlite_schema").fetchall()
            (version,) = other.execute("PRAGMA user_version").fetchone()
            (application_id,) = other.execute("PRAGMA application_id").fetchone()
        return tables, version, application_id

    await (await Database.open(tmp_path / "x.db")).close()
    first = standing()
    assert first[1:] == (len(known_migrations()), APPLICATION_ID)
    await (await Database.open(tmp_path / "x.db")).close()
    assert standing() == first


def test_known_migrations_are_every_file_in_the_folder() -> None:
    folder = resources.files("bot.store") / "migrations"
    files = sorted(entry.name for entry in folder.iterdir())
    assert [f"{number:04d}" for number in range(1, len(files) + 1)] == [name[:4] for name in files]
    assert known_migrations() == [(folder / name).read_text(encoding="utf-8") for name in files]


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        (["0002_b.sql"], "0001"),
        (["0001_a.sql", "0003_c.sql"], "0002"),
        (["0001_a.sql", "0001_b.sql"], "0002"),
    ],
)
def test_known_migrations_with_a_gap_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: list[str], missing: str
) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    for name in [*files, "notes.txt"]:
        (folder / name).write_text("SELECT 1;", encoding="utf-8")
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    with pytest.raises(RuntimeError, match=f"migration {missing} is missing"):
        known_migrations()
