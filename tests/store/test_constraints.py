"""The tables refuse what must never stand in them, whatever the code above them does."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from bot.domain.models import EventKind, MessageKind, NoListing, OutboxState, PauseCause
from bot.domain.states import AttemptState, RequestState
from bot.store import purchases
from bot.store.database import Database, Transaction, Value
from bot.store.purchases import NewAttempt
from tests.store import samples
from tests.store.samples import ANA, GUILD, NOW, SEALED, request_id

ATTEMPT: dict[str, Any] = {
    "purchase_key": f"qm{request_id()}0101",
    "request_id": request_id(),
    "line_no": 1,
    "attempt_no": 1,
    "state": "sent",
    "digest": "d",
    "market": "sandbox",
    "project": "1001",
    "listing_id": 5,
    "max_price": 20_000,
    "steam_id": 76_561_198_050_648_523,
    "sent_at": NOW,
}
REQUEST: dict[str, Any] = {
    "request_id": request_id(9),
    "guild_id": GUILD,
    "number": 99,
    "user_id": ANA,
    "state": "pending",
    "digest": "d",
    "partner": 42,
    "sealed_token": SEALED,
    "created_at": NOW,
    "submitted_at": NOW,
    "changed_at": NOW,
}
APPROVED = REQUEST | {"state": "approved", "decided_by": 1, "claimable_at": NOW}
DRAFT = {name: REQUEST[name] for name in ("request_id", "guild_id", "user_id", "created_at")} | {
    "state": "draft",
    "changed_at": NOW,
}
LINE: dict[str, Any] = {
    "request_id": request_id(),
    "line_no": 7,
    "game": "cs2",
    "market_hash_name": "x",
    "quote": 1,
    "ceiling": 10_000,
}
PICK = {name: value for name, value in LINE.items() if name != "line_no"} | {"quantity": 1}
OUTBOX: dict[str, Any] = {
    "kind": "result",
    "guild_id": GUILD,
    "request_id": request_id(),
    "to_member": 0,
    "target_id": 5,
    "mark": 1 << 24,
    "state": "waiting",
    "next_at": NOW,
    "created_at": NOW,
}
TRADE_URL: dict[str, Any] = {
    "user_id": ANA,
    "confirmed": 1,
    "candidate_id": "c",
    "partner": 42,
    "sealed_token": SEALED,
    "saved_at": NOW,
}
EVENT: dict[str, Any] = {
    "guild_id": GUILD,
    "request_id": request_id(),
    "at": NOW,
    "kind": "sent",
    "details": "{}",
}
GOOD = {
    "attempts": ATTEMPT,
    "requests": REQUEST,
    "lines": LINE,
    "picks": PICK,
    "outbox": OUTBOX,
    "trade_urls": TRADE_URL,
    "events": EVENT,
    "guilds": {"guild_id": 5},
    "strays": {
        "buy_id": 1,
        "request_id": request_id(),
        "market_hash_name": "x",
        "debited": 1,
        "seen_at": NOW,
    },
    "confirmations": {"guild_id": GUILD, "user_id": ANA, "confirmed_at": NOW},
    "asker_roles": {"guild_id": GUILD, "role_id": 5},
    "pauses": {"cause": "alarm", "since": NOW},
    "meta": {"key": "a", "value": "b"},
}


async def insert(tx: Transaction, table: str, row: dict[str, Value]) -> None:
    places = ", ".join("?" * len(row))
    await tx.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())


async def try_to_insert(database: Database, *rows: tuple[str, dict[str, Value]]) -> None:
    """Insert rows beside one pending request with two lines."""
    async with database.writing() as tx:
        await samples.pending(tx)
        for table, row in rows:
            await insert(tx, table, row)


@pytest.mark.parametrize("table", GOOD)
async def test_row_as_it_should_be_is_taken(database: Database, table: str) -> None:
    await try_to_insert(database, (table, GOOD[table]))


@pytest.mark.parametrize("table", GOOD)
async def test_row_of_the_wrong_type_is_refused(database: Database, table: str) -> None:
    numbers = [name for name, value in GOOD[table].items() if isinstance(value, int)]
    for name in numbers or ["value"]:
        wrong: Value = "not a number" if numbers else b"not a text"
        with pytest.raises(sqlite3.IntegrityError, match=r"cannot store|CHECK|datatype"):
            await try_to_insert(database, (table, GOOD[table] | {name: wrong}))


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("attempts", {"purchase_key": "qm-too-short"}),
        ("attempts", {"max_price": 0}),
        ("attempts", {"max_price": 10_001}),
        ("attempts", {"max_price": -10_000}),
        ("attempts", {"attempt_no": 0}),
        ("attempts", {"attempt_no": 100}),
        ("attempts", {"state": "bought"}),
        ("attempts", {"state": "purchased"}),
        ("attempts", {"state": "purchased", "buy_id": 1}),
        ("attempts", {"state": "purchased", "debited": 1}),
        ("attempts", {"state": "refused"}),
        ("attempts", {"refused_whole": 2}),
        ("requests", {"request_id": "short"}),
        ("requests", {"state": "sent"}),
        ("requests", {"number": None}),
        ("requests", {"digest": None}),
        ("requests", {"partner": None}),
        ("requests", {"submitted_at": None}),
        ("requests", {"partner": 0}),
        ("requests", {"partner": 2**32}),
        ("requests", {"dm_closed": 2}),
        ("requests", APPROVED | {"sealed_token": None}),
        ("requests", APPROVED | {"decided_by": None}),
        ("requests", APPROVED | {"claimable_at": None}),
        ("requests", APPROVED | {"state": "buying", "sealed_token": None}),
        ("requests", {"state": "closed"}),
        ("requests", {"state": "denied"}),
        ("requests", {"state": "cancelled"}),
        ("requests", {"state": "expired"}),
        ("lines", {"line_no": 0}),
        ("lines", {"line_no": 100}),
        ("lines", {"ceiling": 0}),
        ("lines", {"ceiling": 12_345}),
        ("lines", {"quote": -1}),
        ("lines", {"no_listing": "too expensive"}),
        ("picks", {"quantity": 0}),
        ("picks", {"quantity": 26}),
        ("picks", {"ceiling": 12_345}),
        ("picks", {"quote": -1}),
        ("picks", {"listing_id": 5, "quantity": 2}),
        ("outbox", {"kind": "gossip"}),
        ("outbox", {"state": "lost"}),
        ("outbox", {"state": "posted"}),
        ("outbox", {"state": "posted", "message_id": 1}),
        ("outbox", {"mark": 0}),
        ("outbox", {"mark": 2**31}),
        ("outbox", {"to_member": 2}),
        ("trade_urls", {"confirmed": 2}),
        ("trade_urls", {"partner": 0}),
        ("trade_urls", {"partner": 2**32}),
        ("events", {"details": "not json"}),
        ("guilds", {"tolerance_bp": 5_001}),
        ("guilds", {"tolerance_bp": -1}),
        ("guilds", {"lines_max": 0}),
        ("guilds", {"lines_max": 26}),
        ("guilds", {"open_requests_max": 0}),
        ("guilds", {"open_requests_max": 11}),
        ("guilds", {"undo_s": -1}),
        ("guilds", {"undo_s": 601}),
        ("pauses", {"cause": "a bad feeling"}),
        ("requests", {"look_ups": -1}),
        ("lines", {"round": -1}),
        ("lines", {"round": 10}),
        ("attempts", {"sends": 0}),
        ("attempts", {"sends": 3}),
        ("attempts", {"released": 2}),
        ("attempts", {"released": 1}),
        ("attempts", {"state": "unknown", "released": 1}),
        ("attempts", {"state": "not_sent", "released": 1}),
        ("attempts", {"settled_at": 1}),
        ("attempts", {"settled_by": 1}),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else value,
)
async def test_row_that_breaks_a_rule_is_refused(
    database: Database, table: str, change: dict[str, Value]
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="CHECK constraint failed"):
        await try_to_insert(database, (table, GOOD[table] | change))


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("requests", {"guild_id": 404}),
        ("lines", {"request_id": request_id(4)}),
        ("picks", {"request_id": request_id(4)}),
        ("attempts", {"request_id": request_id(4)}),
        ("attempts", {"line_no": 3}),
        ("strays", {"request_id": request_id(4)}),
        ("events", {"request_id": request_id(4)}),
        ("outbox", {"request_id": request_id(4)}),
        ("outbox", {"guild_id": 404}),
        ("confirmations", {"guild_id": 404}),
        ("asker_roles", {"guild_id": 404}),
    ],
)
async def test_row_about_nothing_is_refused(
    database: Database, table: str, change: dict[str, Value]
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        await try_to_insert(database, (table, GOOD[table] | change))


@pytest.mark.parametrize(
    ("table", "first", "second"),
    [
        # The same key, for whatever line and state: the market must never see it twice.
        (
            "attempts",
            {"state": "refused", "code": 5},
            {"request_id": request_id(), "line_no": 2, "state": "refused", "code": 5},
        ),
        # The same try under two keys.
        (
            "attempts",
            {"state": "refused", "code": 5},
            {"purchase_key": f"qm{request_id()}0199", "state": "refused", "code": 5},
        ),
        # One purchase of the market's, booked twice.
        (
            "attempts",
            {"state": "purchased", "buy_id": 1, "debited": 1},
            {
                "purchase_key": f"qm{request_id()}0201",
                "line_no": 2,
                "state": "purchased",
                "buy_id": 1,
                "debited": 1,
            },
        ),
        ("requests", {}, {"number": 99, "request_id": request_id(8)}),
        ("picks", {"listing_id": 5}, {"listing_id": 5}),
        ("lines", {}, {}),
        ("trade_urls", {}, {"candidate_id": "d"}),
        ("trade_urls", {}, {"user_id": 5}),
        ("strays", {}, {}),
        ("confirmations", {}, {"confirmed_at": NOW + 1}),
        ("asker_roles", {}, {}),
        ("pauses", {}, {"since": NOW + 1}),
        ("guilds", {}, {"undo_s": 1}),
    ],
)
async def test_row_a_second_time_is_refused(
    database: Database, table: str, first: dict[str, Value], second: dict[str, Value]
) -> None:
    rows = [(table, GOOD[table] | first), (table, GOOD[table] | second)]
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        await try_to_insert(database, *rows)


@pytest.mark.parametrize("alive", ["sent", "purchased", "unknown"])
@pytest.mark.parametrize("second", ["sent", "purchased", "unknown"])
async def test_second_live_attempt_of_a_line_is_refused(
    database: Database, alive: str, second: str
) -> None:
    bought = {"debited": 1}
    rows = (
        ("attempts", ATTEMPT | bought | {"state": alive, "buy_id": 1}),
        (
            "attempts",
            ATTEMPT
            | bought
            | {
                "purchase_key": f"qm{request_id()}0102",
                "attempt_no": 2,
                "state": second,
                "buy_id": 2,
            },
        ),
    )
    with pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE.*attempts.request_id"):
        await try_to_insert(database, *rows)


@pytest.mark.parametrize("over", ["refused", "not_sent"])
async def test_second_attempt_after_a_definite_end_is_taken(database: Database, over: str) -> None:
    second = {"purchase_key": f"qm{request_id()}0102", "attempt_no": 2}
    await try_to_insert(
        database,
        ("attempts", ATTEMPT | {"state": over, "code": 5}),
        ("attempts", ATTEMPT | second),
    )


async def test_second_draft_of_a_member_on_a_server_is_refused(database: Database) -> None:
    other = DRAFT | {"request_id": request_id(8)}
    with pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE.*requests.guild_id"):
        await try_to_insert(database, ("requests", DRAFT), ("requests", other))


async def test_draft_beside_a_sent_request_and_on_another_server_is_taken(
    database: Database,
) -> None:
    other = DRAFT | {"request_id": request_id(8), "guild_id": 5}
    await try_to_insert(
        database, ("requests", DRAFT), ("guilds", {"guild_id": 5}), ("requests", other)
    )


async def test_attempt_of_a_used_key_is_refused_in_the_middle_of_a_batch_and_undoes_it_all(
    database: Database,
) -> None:
    async with database.writing() as tx:
        view = await samples.buying(tx)
        (first, second) = samples.attempts(view)
        await samples.send(tx, view, tried=[second])
    with pytest.raises(sqlite3.IntegrityError):
        await _send(database, [first, second])
    async with database.reading() as tx:
        tried = await tx.all("SELECT purchase_key FROM attempts")
    assert [row["purchase_key"] for row in tried] == [second.purchase_key]


async def _send(database: Database, tried: list[NewAttempt]) -> None:
    async with database.writing() as tx:
        view = await samples.shown(tx, request_id())
        await samples.send(tx, view, tried=tried)


@pytest.mark.parametrize("kind", MessageKind)
async def test_message_of_every_kind_and_state_is_taken(
    database: Database, kind: MessageKind
) -> None:
    rows = [
        ("outbox", OUTBOX | {"kind": kind, "mark": mark, "state": state, "request_id": None})
        for mark, state in enumerate(OutboxState, start=1 << 24)
    ]
    stands: dict[str, Value] = {"channel_id": 1, "message_id": 2}
    await try_to_insert(database, *((table, row | stands) for table, row in rows))


async def test_words_of_the_domain_are_those_of_the_tables(database: Database) -> None:
    async with database.writing() as tx:
        view = await samples.buying(tx)
        for state in RequestState:
            if state is not RequestState.DRAFT:
                await samples.force_state(tx, view.request.request_id, state)
        for why in NoListing:
            await purchases.refuse_line(tx, view.request.request_id, 1, why, None)
        await samples.send(tx, view)
        for attempt_state in AttemptState:
            await tx.execute(
                "UPDATE attempts SET state = ?, code = 5, buy_id = line_no, debited = 1",
                attempt_state,
            )
        for cause in PauseCause:
            await insert(tx, "pauses", {"cause": cause, "since": NOW})
        for kind in EventKind:
            await insert(tx, "events", EVENT | {"kind": kind})


async def test_every_table_is_strict_and_every_state_is_one_of_a_list(database: Database) -> None:
    async with database.reading() as tx:
        tables = [row for row in await tx.all("PRAGMA table_list") if row["type"] == "table"]
        ours = [row for row in tables if not row["name"].startswith("sqlite_")]
        assert [row["name"] for row in ours if not row["strict"]] == []
        unchecked = set()
        for row in ours:
            found = await tx.one("SELECT sql FROM sqlite_schema WHERE name = ?", row["name"])
            assert found is not None
            for column in await tx.all(f"PRAGMA table_info({row['name']})"):
                name = column["name"]
                if name in ("state", "cause") and f"CHECK ({name} IN (" not in found["sql"]:
                    unchecked.add((row["name"], name))
        assert unchecked == set()


async def test_everything_about_a_request_or_on_a_server_refers_to_it(database: Database) -> None:
    """But for the history, which must be written even about what is gone."""
    async with database.reading() as tx:
        for table in GOOD:
            columns = {row["name"] for row in await tx.all(f"PRAGMA table_info({table})")}
            keys = {row["from"] for row in await tx.all(f"PRAGMA foreign_key_list({table})")}
            wanted = columns & {"request_id", "guild_id"}
            if table == "requests":
                wanted -= {"request_id"}
            if table in ("guilds", "events"):
                wanted -= {"guild_id"}
            assert wanted <= keys, table
