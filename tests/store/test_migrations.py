"""Migrations: in order, each whole or not at all, and never backwards."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Final

import aiosqlite
import pytest

from bot.domain.models import MessageKind
from bot.errors import DatabaseError
from bot.store import deliveries, outbox, recents, requests
from bot.store.database import APPLICATION_ID, Database, known_migrations, migrate
from tests.store.samples import DAY, NOW

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


REQUEST_COLUMNS: Final = (
    "request_id, guild_id, number, user_id, state, digest, partner, sealed_token, created_at, "
    "submitted_at, decided_at, decided_by, claimable_at, expires_at, waits_for, step_at, changed_at"
)
ATTEMPT_COLUMNS: Final = (
    "purchase_key, request_id, line_no, attempt_no, state, digest, market, project, listing_id, "
    "max_price, steam_id, sent_at, ended_at, code, buy_id, debited, offer_status, released, "
    "settled_at, settled_by"
)
OUTBOX_COLUMNS: Final = (
    "kind, guild_id, request_id, to_member, target_id, mark, copy, state, channel_id, message_id, "
    "wanted, shown, tries, next_at, parked_reason, created_at"
)


def of_request(name: str) -> str:
    return f"{name:q<20}"


def put(writer: sqlite3.Connection, table: str, columns: str, *values: object) -> None:
    places = ", ".join("?" * len(values))
    writer.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", values)


def add_request(writer: sqlite3.Connection, number: int, state: str, **changes: object) -> str:
    """Write a request of the first version, with two lines."""
    name = of_request(chr(96 + number))
    open_still = state in ("pending", "approved", "buying", "bought")
    decided = state in ("approved", "buying", "bought")
    row: dict[str, object] = {
        "request_id": name,
        "guild_id": 111,
        "number": None if state == "draft" else number,
        "user_id": 200 + number,
        "state": state,
        "digest": None if state == "draft" else "d" * 64,
        "partner": None if state == "draft" else 42,
        "sealed_token": b"sealed" if open_still else None,
        "created_at": NOW,
        "submitted_at": None if state == "draft" else NOW,
        "decided_at": NOW if decided else None,
        "decided_by": 301 if decided else None,
        "claimable_at": NOW if decided else None,
        "expires_at": NOW + DAY if open_still else None,
        "waits_for": None,
        "step_at": NOW if state == "buying" else None,
        "changed_at": NOW,
    } | changes
    put(writer, "requests", REQUEST_COLUMNS, *row.values())
    for line_no in (1, 2):
        columns = "request_id, line_no, game, market_hash_name, quote, ceiling"
        put(writer, "lines", columns, name, line_no, "cs2", "Redline", 10_000, 10_000)
    return name


def add_attempt(
    writer: sqlite3.Connection, request: str, line_no: int, state: str, *values: object
) -> None:
    """``values``: ended_at, code, buy_id, debited, offer_status, released, settled_at, _by."""
    put(
        writer,
        "attempts",
        ATTEMPT_COLUMNS,
        f"qm{request}0{line_no}01",
        request,
        line_no,
        1,
        state,
        "d" * 64,
        "sandbox",
        "1001",
        5,
        10_000,
        76561197960265770,
        NOW,
        *values,
    )


def fill(path: Path) -> None:
    """Write what a database of the first version may hold: every state of everything."""
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA foreign_keys = ON")
        writer.executescript(known_migrations()[0] + "\nPRAGMA user_version = 1;")
        put(writer, "guilds", "guild_id, approval_channel_id", 111, 121)
        states = ("draft", "pending", "approved", "denied", "cancelled", "expired", "closed")
        for number, state in enumerate(states, start=1):
            add_request(writer, number, state)
        buying = add_request(writer, 8, "buying")
        add_attempt(writer, buying, 1, "sent", *[None] * 5, 0, None, None)
        add_attempt(writer, buying, 2, "unknown", *[None] * 5, 0, None, None)
        bought = add_request(writer, 9, "bought")
        add_attempt(
            writer, bought, 1, "purchased", NOW, None, 1, 9_000, "creating_trade", 0, None, None
        )
        add_attempt(writer, bought, 2, "purchased", NOW, None, 2, 9_000, "timeout", 1, None, None)
        by_hand = add_request(writer, 10, "bought", expires_at=None)
        add_attempt(
            writer, by_hand, 1, "purchased", NOW, None, 3, 9_000, "creating_trade", 0, NOW, 401
        )
        add_attempt(writer, by_hand, 2, "refused", NOW, 5, *[None] * 3, 0, None, None)
        in_vain = add_request(writer, 11, "bought", expires_at=None)
        for line_no in (1, 2):
            add_attempt(writer, in_vain, line_no, "refused", NOW, 5, *[None] * 3, 0, None, None)
        rows = [
            (kind, 111, request, member, 121, place + 1, 2, state, 121 * stands, 9 * stands, 5, 4)
            for place, (kind, request, member, state, stands) in enumerate(
                (
                    ("approval_card", bought, 0, "posted", 1),
                    ("member_status", bought, 1, "parked", 0),
                    ("result", bought, 0, "trying", 0),
                    ("approval_card", buying, 0, "skipped", 1),
                    ("approval_card", buying, 0, "waiting", 0),
                    ("test_card", None, 0, "posted", 1),
                    ("pause_notice", None, 0, "skipped", 0),
                )
            )
        ]
        for row in rows:
            channel_id, message_id = row[8] or None, row[9] or None
            put(
                writer,
                "outbox",
                OUTBOX_COLUMNS,
                *row[:8],
                channel_id,
                message_id,
                *row[10:],
                3,
                NOW + 5,
                "why",
                NOW,
            )
        writer.commit()


async def everything(database: Database, sql: str) -> list[dict[str, object]]:
    async with database.reading() as tx:
        return [dict(row) for row in await tx.all(sql)]


class TestFromTheFirstVersionToDelivery:
    async def test_keeps_everything_and_breaks_no_reference(self, tmp_path: Path) -> None:
        fill(tmp_path / "x.db")
        tables = ("guilds", "requests", "lines", "attempts", "outbox")
        with closing(sqlite3.connect(tmp_path / "x.db")) as old:
            old.row_factory = sqlite3.Row
            before = {
                table: [dict(row) for row in old.execute(f"SELECT * FROM {table}")]
                for table in tables
            }
        async with await Database.open(tmp_path / "x.db") as database:
            for table in tables:
                after = await everything(database, f"SELECT * FROM {table}")
                kept = [
                    {name: row[name] for name in old_row if name != "expires_at"}
                    for row, old_row in zip(after, before[table], strict=True)
                ]
                assert kept == [
                    {name: value for name, value in row.items() if name != "expires_at"}
                    for row in before[table]
                ]
            async with database.writing() as tx:
                assert await tx.all("PRAGMA foreign_key_check") == []
                (whole,) = await tx.all("PRAGMA integrity_check")
                assert tuple(whole) == ("ok",)
                new = await outbox.announce(
                    tx, MessageKind.TEST_CARD, guild_id=111, target_id=121, mark=99, at=NOW
                )
        assert new == len(before["outbox"]) + 1

    async def test_follows_every_purchase_and_nothing_else(self, tmp_path: Path) -> None:
        fill(tmp_path / "x.db")
        async with await Database.open(tmp_path / "x.db") as database:
            async with database.reading() as tx:
                due = await deliveries.due(tx, NOW, limit=99)
            assert sorted(one.buy_id for one in due) == [1, 2, 3]
            assert {one.status_at for one in due} == {NOW}

    async def test_what_was_bought_in_vain_closes(self, tmp_path: Path) -> None:
        fill(tmp_path / "x.db")
        in_vain = of_request("k")
        async with await Database.open(tmp_path / "x.db") as database:
            async with database.writing() as tx:
                ended = await requests.end_approvals(tx, NOW + 1, limit=9)
                assert in_vain in ended
                closed = [
                    one for one in ended if await deliveries.close_request(tx, one, at=NOW + 1)
                ]
            assert closed == [in_vain]
            (row,) = await everything(
                database,
                f"SELECT state, sealed_token FROM requests WHERE request_id = '{in_vain}'",
            )
        assert row == {"state": "closed", "sealed_token": None}


async def test_what_was_asked_for_before_suggestions_were_kept_is_suggested(tmp_path: Path) -> None:
    fill(tmp_path / "x.db")
    async with await Database.open(tmp_path / "x.db") as database:
        async with database.reading() as tx:
            assert await recents.of_member(tx, 111, 202) == [("cs2", "Redline")]
            assert await recents.of_member(tx, 111, 201) == [], "a basket that was never sent"
            assert await recents.most_wanted(tx, 111) == [("cs2", "Redline")]
        (wanted,) = await everything(database, "SELECT times FROM wanted_skins")
        (guild,) = await everything(database, "SELECT games FROM guilds")
    assert (wanted, guild) == ({"times": 20}, {"games": "cs2"})
