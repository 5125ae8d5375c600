"""From the approval's commit to the batch buy on the market's doorstep."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Final

import aiohttp

from bot.domain.keys import DIGEST_SHOWN
from bot.domain.market import Order
from bot.domain.models import Actor, RequestView
from bot.domain.money import CENT, Micros
from bot.skinsback import protocol
from tests.bench.figures import Figure, Limit, sample
from tests.bench.house import TOKEN, Bench, PosterThatDraws, set_up, submit_requests
from tests.bench.market import MarketProcess
from tests.bench.stored import FIRST_MEMBER, MAIN_GUILD, MODERATOR, ROLE, Stored
from tests.bench.watching import scans, watching

APPROVALS: Final = 100
PACE_S: Final = 0.15
"""From one approval to the next; what the one before left to be drawn again falls into it."""

TRACED: Final = 10
QUANTITIES: Final = (3, 2)
BUDGET: Final = (Limit("p95", 25),)

_APPROVALS, _RESULTS = 903, 904
_RESULT_S: Final = 20.0
_KEY_START: Final = 2
_REQUEST_ID: Final = 20


@dataclass(frozen=True, slots=True)
class Approval:
    """When an approval was called for and when it was committed, by ``time.time``."""

    request_id: str
    called: float
    committed: float


@dataclass(frozen=True, slots=True)
class Traced:
    """What the database does for an approval, by the median.

    ``commits`` and ``statements`` are those between its commit and the wire; ``steps`` are
    SQLite's from the click to the posted result, with all that the workers ask meanwhile.
    """

    commits: int
    statements: int
    steps: int
    scans: tuple[str, ...]


async def measure(
    folder: Path, market: MarketProcess, bench: Bench, stored: Stored
) -> list[Figure]:
    """Approve one request after another, each once the result of the one before was posted."""
    await set_up(
        bench.house.database,
        MAIN_GUILD,
        approver_role=ROLE,
        approvals=_APPROVALS,
        results=_RESULTS,
    )
    async with at_work(bench):
        members = range(FIRST_MEMBER, FIRST_MEMBER + APPROVALS + TRACED)
        views = await submit_requests(
            bench, MAIN_GUILD, members, quantities=QUANTITIES, posting=True
        )
        traced = await _trace(bench, market, stored, views[APPROVALS:])
        approvals, bare = [], []
        # By turns, so that whatever else this machine does hits both alike.
        async with _bare(folder, market, commits=traced.commits) as baseline:
            for view in views[:APPROVALS]:
                approvals.append(await approve(bench, view))
                bare.append(await baseline.once(view, stored.count))
    arrived = requests_on_the_wire(await market.wire_times())
    return _figures(approvals, bare, arrived, traced, stored)


@asynccontextmanager
async def at_work(bench: Bench) -> AsyncGenerator[None]:
    """Have the workers that tell and buy run beside the block."""
    PosterThatDraws.results = asyncio.Queue()
    workers = [
        asyncio.create_task(bench.house.announcements.run()),
        asyncio.create_task(bench.house.purchasing.run()),
    ]
    try:
        yield
    finally:
        PosterThatDraws.results = None
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


def _figures(
    approvals: Sequence[Approval],
    bare: Sequence[Approval],
    arrived: Mapping[str, float],
    traced: Traced,
    stored: Stored,
) -> list[Figure]:
    taken = sample([arrived[each.request_id] - each.committed for each in bare])
    return [
        Figure(
            f"approval committed → batch buy on the wire, {stored.title}",
            sample([arrived[each.request_id] - each.committed for each in approvals]),
            taken,
            f"{traced.commits} commits, 2 look-ups and a buy, with nothing else",
            BUDGET,
            failures=len(traced.scans),
            notes=(
                (
                    f"{sum(QUANTITIES)} lines each; on the way: {traced.commits} commits, "
                    f"{traced.statements} SQL statements, balance and listings at the market"
                ),
                "whether the member is still there, Discord is asked too: here it answers at once",
                (
                    f"from the click to the posted result, polls included: {traced.steps:,} steps "
                    f"of SQLite, {len(traced.scans)} scans"
                ),
                *traced.scans,
            ),
        ),
        Figure(
            f"approval called → batch buy on the wire (with the approval itself), {stored.title}",
            sample([arrived[each.request_id] - each.called for each in approvals]),
            taken,
            "as above",
        ),
    ]


def requests_on_the_wire(wire_times: Mapping[str, float]) -> dict[str, float]:
    """Return when each request's first purchase key arrived, by the request's id."""
    arrived: dict[str, float] = {}
    for key, at in wire_times.items():
        request_id = key[_KEY_START : _KEY_START + _REQUEST_ID]
        arrived[request_id] = min(at, arrived.get(request_id, at))
    return arrived


async def approve(bench: Bench, view: RequestView) -> Approval:
    """Approve a request, and wait until its result was posted."""
    moderator = Actor(MODERATOR, MAIN_GUILD, frozenset({ROLE}))
    request = view.request
    results = PosterThatDraws.results
    if results is None:
        raise RuntimeError("nobody waits for results")
    called = time.time()
    # Nothing is awaited between the commit and the return, so nothing of ours has run since.
    await bench.house.services.requests.approve(
        moderator, request.request_id, request.digest[:DIGEST_SHOWN]
    )
    committed = time.time()
    async with asyncio.timeout(_RESULT_S):
        while await results.get() != request.request_id:
            pass
    await asyncio.sleep(max(0.0, called + PACE_S - time.time()))
    return Approval(request.request_id, called, committed)


async def _trace(
    bench: Bench, market: MarketProcess, stored: Stored, views: Sequence[RequestView]
) -> Traced:
    """Approve a few more with every SQL statement noted: that costs time, so these don't count.

    What the outbox writes meanwhile is counted too, because the wire waits for it as well.
    """
    async with watching(bench.house.database) as seen:
        approvals = [await approve(bench, view) for view in views]
    arrived = requests_on_the_wire(await market.wire_times())
    between = [
        [one.sql for one in seen if each.committed < one.at < arrived[each.request_id]]
        for each in approvals
    ]
    called = [*(each.called for each in approvals), time.time()]
    return Traced(
        round(median(sum(sql == "COMMIT" for sql in each) for each in between)),
        round(median(len(each) for each in between)),
        round(
            median(
                sum(one.steps for one in seen if begin <= one.at < end)
                for begin, end in pairwise(called)
            )
        ),
        tuple(scans(stored.path, [one.sql for one in seen])),
    )


@dataclass(frozen=True, slots=True)
class _Bare:
    """The same commits and calls with nothing else: no checks, no queue, no cards."""

    database: sqlite3.Connection
    session: aiohttp.ClientSession
    url: str
    headers: Mapping[str, str]
    commits: int

    async def once(self, view: RequestView, stored: int) -> Approval:
        """Do what has to be done for one request, under a key of its own."""
        names = sorted({line.line.market_hash_name for line in view.lines})
        place = f"{stored:010d}{view.request.number:010d}"
        started = time.time()
        for _ in range(self.commits):
            self.database.execute("BEGIN IMMEDIATE")
            self.database.execute("INSERT INTO rows VALUES (?)", (json.dumps(names),))
            self.database.execute("COMMIT")
        await self._post(self.session, protocol.request_body("balance", {}))
        search: dict[str, protocol.Json] = {"game": "cs2", "names": names}
        await self._post(self.session, protocol.request_body("market_search", search))
        orders = [Order(line, Micros(CENT), f"qm{place}{line:02d}01") for line in (1, 2)]
        async with aiohttp.ClientSession() as fresh:
            await self._post(fresh, protocol.batch_buy_body(1, TOKEN, orders))
        return Approval(place, started, started)

    async def _post(self, session: aiohttp.ClientSession, body: bytes) -> None:
        async with session.post(self.url, data=body, headers=dict(self.headers)) as response:
            await response.read()


@asynccontextmanager
async def _bare(folder: Path, market: MarketProcess, *, commits: int) -> AsyncGenerator[_Bare]:
    environment = market.environment
    headers = protocol.auth_headers(
        environment["SKINSBACK_CLIENT_ID"], environment["SKINSBACK_CLIENT_SECRET"]
    )
    with closing(sqlite3.connect(folder / "bare.db", isolation_level=None)) as database:
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            database.execute(f"PRAGMA {pragma}")
        database.execute("CREATE TABLE IF NOT EXISTS rows (body TEXT NOT NULL)")
        async with aiohttp.ClientSession() as session:
            yield _Bare(database, session, environment["SKINSBACK_API_URL"], headers, commits)
