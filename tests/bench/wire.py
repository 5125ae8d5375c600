"""From the approval's commit to the batch buy on the market's doorstep."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
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
from tests.bench.house import TOKEN, Bench, PosterThatDraws, open_house, set_up, submit_requests
from tests.bench.market import MarketProcess

APPROVALS: Final = 100
PACE_S: Final = 0.15
"""From one approval to the next; what the one before left to be drawn again falls into it."""

TRACED: Final = 10
QUANTITIES: Final = (3, 2)
BUDGET: Final = (Limit("p95", 25),)

_GUILD, _ROLE, _APPROVALS, _RESULTS, _MODERATOR = 901, 902, 903, 904, 905
_FIRST_MEMBER: Final = 10_000
_RESULT_S: Final = 20.0
_KEY_START: Final = 2
_REQUEST_ID: Final = 20


@dataclass(frozen=True, slots=True)
class _Approval:
    request_id: str
    called: float
    committed: float


@dataclass(frozen=True, slots=True)
class Traced:
    """What the database does between the commit of an approval and the wire, by the median."""

    commits: int
    statements: int


async def measure(folder: Path, market: MarketProcess) -> list[Figure]:
    """Approve one request after another, each once the result of the one before was posted."""
    environment = {**market.environment, "DATABASE_PATH": str(folder / "wire.db")}
    async with open_house(environment) as bench:
        await set_up(
            bench.house.database,
            _GUILD,
            approver_role=_ROLE,
            approvals=_APPROVALS,
            results=_RESULTS,
        )
        PosterThatDraws.results = asyncio.Queue()
        workers = [
            asyncio.create_task(bench.house.announcements.run()),
            asyncio.create_task(bench.house.purchasing.run()),
        ]
        try:
            members = range(_FIRST_MEMBER, _FIRST_MEMBER + APPROVALS + TRACED)
            views = await submit_requests(
                bench, _GUILD, members, quantities=QUANTITIES, posting=True
            )
            traced = await _trace(bench, market, views[APPROVALS:])
            approvals, bare = [], []
            # By turns, so that whatever else this machine does hits both alike.
            async with _bare(folder, market, commits=traced.commits) as baseline:
                for view in views[:APPROVALS]:
                    approvals.append(await _approve(bench, view))
                    bare.append(await baseline.once(view))
        finally:
            PosterThatDraws.results = None
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        arrived = requests_on_the_wire(await market.wire_times())
    taken = sample([arrived[each.request_id] - each.committed for each in bare])
    return [
        Figure(
            "approval committed → batch buy on the wire",
            sample([arrived[each.request_id] - each.committed for each in approvals]),
            taken,
            f"{traced.commits} commits, 2 look-ups and a buy, with nothing else",
            BUDGET,
            notes=(
                (
                    f"{sum(QUANTITIES)} lines each; on the way: {traced.commits} commits, "
                    f"{traced.statements} SQL statements, balance and listings at the market"
                ),
                "whether the member is still there, Discord is asked too: here it answers at once",
            ),
        ),
        Figure(
            "approval called → batch buy on the wire (with the approval itself)",
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


async def _approve(bench: Bench, view: RequestView) -> _Approval:
    moderator = Actor(_MODERATOR, _GUILD, frozenset({_ROLE}))
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
    return _Approval(request.request_id, called, committed)


async def _trace(bench: Bench, market: MarketProcess, views: Sequence[RequestView]) -> Traced:
    """Approve a few more with every SQL statement noted: tracing costs time, so these don't count.

    What the outbox writes meanwhile is counted too, because the wire waits for it as well.
    """
    seen: list[tuple[float, str]] = []
    connections = (bench.house.database._writer, bench.house.database._reader)
    for connection in connections:
        await connection.set_trace_callback(lambda sql: seen.append((time.time(), sql)))
    approvals = [await _approve(bench, view) for view in views]
    for connection in connections:
        # The library's annotation forgets that None ends it.
        await connection.set_trace_callback(None)  # type: ignore[arg-type]
    arrived = requests_on_the_wire(await market.wire_times())
    between = [
        [sql for at, sql in seen if each.committed < at < arrived[each.request_id]]
        for each in approvals
    ]
    return Traced(
        round(median(sum(sql == "COMMIT" for sql in each) for each in between)),
        round(median(len(each) for each in between)),
    )


@dataclass(frozen=True, slots=True)
class _Bare:
    """The same commits and calls with nothing else: no checks, no queue, no cards."""

    database: sqlite3.Connection
    session: aiohttp.ClientSession
    url: str
    headers: Mapping[str, str]
    commits: int

    async def once(self, view: RequestView) -> _Approval:
        """Do what has to be done for one request, under a key of its own."""
        names = sorted({line.line.market_hash_name for line in view.lines})
        place = f"{view.request.number:020d}"
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
        return _Approval(place, started, started)

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
        database.execute("CREATE TABLE rows (body TEXT NOT NULL)")
        async with aiohttp.ClientSession() as session:
            yield _Bare(database, session, environment["SKINSBACK_API_URL"], headers, commits)
