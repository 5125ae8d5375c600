"""What the bench makes is what a bot leaves behind, and its watch sees what is walked through."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from bot.domain.keys import parse_purchase_key
from bot.domain.states import LineState, RequestState
from bot.store import requests
from bot.store.database import Database
from tests.bench import stored
from tests.bench.watching import scans, watching

COUNT = 200
IN_FLIGHT = 40


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A database with requests that are over, and some in flight on a server of their own."""
    made = await stored.build(tmp_path, COUNT)
    stored.fill(
        made.path,
        IN_FLIGHT,
        guild_ids=[7],
        user_ids=range(1, IN_FLIGHT + 1),
        first=2 * COUNT,
        in_flight=True,
    )
    return made.path


async def test_what_is_stored_is_whole_and_can_be_read_by_the_bot(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        keys = [key for (key,) in connection.execute("SELECT purchase_key FROM attempts")]
        ids = [one for (one,) in connection.execute("SELECT request_id FROM requests")]
    assert all(parse_purchase_key(key) for key in keys)
    async with await Database.open(path) as database, database.reading() as tx:
        views = [view for one in ids if (view := await requests.get(tx, one))]
    assert len(views) >= COUNT + IN_FLIGHT
    in_flight = [view for view in views if view.request.guild_id == 7]
    assert Counter(view.request.state for view in in_flight) == {
        RequestState.APPROVED: IN_FLIGHT // 2,
        RequestState.BUYING: IN_FLIGHT // 2,
    }
    assert sum(bool(view.in_state(LineState.UNKNOWN)) for view in in_flight) == IN_FLIGHT // 4
    over = {view.request.state for view in views if view.request.guild_id != 7}
    assert not over & {RequestState.PENDING, RequestState.APPROVED, RequestState.BUYING}


async def test_watch_sees_a_walk_by_its_steps_and_by_its_plan(path: Path) -> None:
    async with await Database.open(path) as database:
        async with watching(database) as seen, database.reading() as tx:
            await tx.all("SELECT * FROM lines WHERE ceiling = ?", 1)
            await tx.all("SELECT * FROM lines WHERE request_id = ?", "'it''s 5'")
        async with database.reading() as tx:
            await tx.all("SELECT 1")
    asked = [one for one in seen if one.sql.startswith("SELECT")]
    walk, search = asked
    assert walk.steps > COUNT > search.steps > 0
    (found,) = scans(path, [one.sql for one in asked])
    assert found.startswith("SCAN lines in SELECT * FROM lines WHERE ceiling")
