"""How many calls it takes to follow a thousand purchases, and how many edits a burst of events.

Ten minutes are played in one: every duration is a tenth of the product's, so that
the counts are those of the whole ten minutes.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Final

from bot.domain.delivery import Cadence
from bot.domain.market import OfferStatus
from bot.domain.models import Actor, RequestView
from bot.domain.money import DOLLAR, Micros
from bot.sandbox.skinsback import SkinsbackSandbox
from bot.services.timing import Timing
from bot.skinsback.events import MarketEvents
from tests.bench.figures import Figure, Limit, Sample
from tests.bench.house import Bench, PosterThatDraws, open_house, set_up, submit_requests
from tests.bench.stored import FIRST_MEMBER, MAIN_GUILD, MODERATOR, ROLE

SCALE: Final = 10
REQUESTS: Final = 40
LINES: Final = 25
BUYING_S: Final = 60 / SCALE
ACCEPTING_S: Final = 600 / SCALE
BUDGET: Final = (Limit("most", 100),)
BURST: Final = 100

_QUANTITIES: Final = (5, 5, 5, 5, 5)
_APPROVALS, _RESULTS = 903, 904
_LOOK: Final = "market_getinfo"
_NAIVE_EVERY_S: Final = 10
_BURST_S: Final = 5.0
_TIMEOUT_S: Final = 120.0


async def measure() -> list[Figure]:
    """Follow a thousand purchases with the market's events, and without; then a burst of them."""
    naive, with_events, edits = await _follow(events=True)
    naive_without, without, _ = await _follow(events=False)
    is_naive = f"asking about each of the same every {_NAIVE_EVERY_S} s"
    played = f"ten minutes in {ACCEPTING_S:.0f} s; all durations are a {SCALE}th"
    return [
        Figure(
            "market calls to follow 1,000 purchases to acceptance, with the socket up",
            _count(with_events),
            _count(naive),
            is_naive,
            BUDGET,
            notes=(played,),
            unit="calls",
        ),
        Figure(
            "the same with the socket down",
            _count(without),
            _count(naive_without),
            is_naive,
            notes=(played,),
            unit="calls",
        ),
        Figure(
            f"edits of one message under a burst of {BURST} events of its request",
            Sample(len(edits), *(_at(edits, share) for share in (0.5, 0.95, 0.99, 1.0))),
            _count(BURST),
            "an edit for each event",
            notes=("25 trades that begin to wait and end, within five seconds of real time",),
            unit="edits",
        ),
    ]


def _count(value: int) -> Sample:
    return Sample(1, value, value, value, value)


def _at(values: Sequence[int], share: float) -> float:
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, int(share * len(ordered))))]


async def _follow(*, events: bool) -> tuple[int, int, list[int]]:
    """Return the calls of asking about each, those of the bot, and the edits in a burst."""
    async with _world() as (market, bench):
        house = bench.house
        async with AsyncExitStack() as stack:
            if events:
                up = asyncio.Event()
                listener = _listener(market, bench, up)
                house.statuses.hinted = lambda: listener.up
                await stack.enter_async_context(_working(listener.run()))
                await asyncio.wait_for(up.wait(), _TIMEOUT_S)
            for work in (
                house.announcements.run(),
                house.purchasing.run(),
                house.follower.run(),
                house.follower.run_hints(),
            ):
                await stack.enter_async_context(_working(work))
            views = await submit_requests(
                bench,
                MAIN_GUILD,
                range(FIRST_MEMBER, FIRST_MEMBER + REQUESTS),
                quantities=_QUANTITIES,
                posting=False,
            )
            before = _calls(market)
            trading = asyncio.create_task(_trade(market))
            await _buy(bench, views)
            await trading
            await _until_known(bench)
            asked, naive = _calls(market) - before, _naive(market)
            edits = await _burst(market, bench) if events else []
        return naive, asked, edits


@asynccontextmanager
async def _world() -> AsyncGenerator[tuple[SkinsbackSandbox, Bench]]:
    cadence = Cadence()
    timing = Timing(
        cadence=Cadence(
            eager=cadence.eager // SCALE,
            calm=cadence.calm // SCALE,
            slow=cadence.slow // SCALE,
            settling=cadence.settling // SCALE,
        ),
        follow_gap_ms=Timing().follow_gap_ms // SCALE,
    )
    with tempfile.TemporaryDirectory(prefix="quartermaster-bench-") as folder:
        async with SkinsbackSandbox(
            size=4_000,
            balance=Micros(10_000_000 * DOLLAR),
            calls_per_minute=10**9,
            minute_s=0.01,
        ) as market:
            market.script_trades(())
            environment = {
                **market.environment(),
                "DATABASE_PATH": str(Path(folder) / "quartermaster.db"),
            }
            async with open_house(environment, timing=timing) as bench:
                await set_up(
                    bench.house.database,
                    MAIN_GUILD,
                    approver_role=ROLE,
                    approvals=_APPROVALS,
                    results=_RESULTS,
                )
                yield market, bench


def _listener(market: SkinsbackSandbox, bench: Bench, up: asyncio.Event) -> MarketEvents:
    environment = market.environment()

    def on_up() -> None:
        up.set()
        bench.house.follower.on_up()

    return MarketEvents(
        environment["SKINSBACK_WS_URL"],
        environment["SKINSBACK_CLIENT_ID"],
        environment["SKINSBACK_CLIENT_SECRET"],
        Random(1),
        on_hint=bench.house.follower.on_hint,
        on_up=on_up,
    )


@asynccontextmanager
async def _working(work: object) -> AsyncGenerator[None]:
    if not asyncio.iscoroutine(work):
        raise TypeError("work is a coroutine")
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _calls(market: SkinsbackSandbox) -> int:
    return sum(call.method == _LOOK for call in market.calls)


async def _buy(bench: Bench, views: Sequence[RequestView]) -> None:
    """Approve everything within a minute, as it is played."""
    moderator = Actor(MODERATOR, MAIN_GUILD, frozenset({ROLE}))
    for view in views:
        await bench.house.services.requests.approve(
            moderator, view.request.request_id, view.request.digest[:16]
        )
        await asyncio.sleep(BUYING_S / REQUESTS)


async def _trade(market: SkinsbackSandbox) -> None:
    """Let each trade begin to wait soon after its purchase, and be accepted within ten minutes."""
    rng = Random(4)
    moves: list[tuple[float, int, OfferStatus]] = []
    seen = 0
    done = 0
    while done < REQUESTS * LINES:
        now = time.monotonic()
        for place in range(seen, len(market.purchases)):
            waits = rng.uniform(5, 30) / SCALE
            accepted = rng.uniform(waits, ACCEPTING_S)
            moves += [
                (now + waits, place, OfferStatus.WAITING_ACCEPT),
                (now + accepted, place, OfferStatus.ACCEPTED),
            ]
        seen = len(market.purchases)
        due = sorted(one for one in moves if one[0] <= now)
        moves = [one for one in moves if one[0] > now]
        for _, place, status in due:
            market.move(market.purchases[place], status)
            done += status is OfferStatus.ACCEPTED
        await asyncio.sleep(0.01)


def _naive(market: SkinsbackSandbox) -> int:
    """Return how many calls it takes to ask about each purchase every ten seconds until then."""
    return sum(
        math.ceil((at - entry.bought_at) * SCALE / _NAIVE_EVERY_S)
        for entry in market.purchases
        for at, status in entry.history
        if status is OfferStatus.ACCEPTED
    )


async def _until_known(bench: Bench) -> None:
    """Wait until the bot knows of every acceptance."""
    async with asyncio.timeout(_TIMEOUT_S):
        while True:
            async with bench.house.database.reading() as tx:
                row = await tx.one("SELECT 1 FROM attempts WHERE offer_status <> 'accepted'")
            if row is None:
                return
            await asyncio.sleep(0.05)


async def _burst(market: SkinsbackSandbox, bench: Bench) -> list[int]:
    """Let the trades of one request move back and forth; return the edits of each message."""
    entries = market.purchases[:LINES]
    statuses = [OfferStatus.ROLLBACK_USER, OfferStatus.ACCEPTED]
    before = Counter(PosterThatDraws.edits)
    for nth in range(BURST):
        market.move(entries[nth % LINES], statuses[nth // LINES % 2])
        await asyncio.sleep(_BURST_S / BURST)
    await asyncio.sleep(_BURST_S)
    edited = PosterThatDraws.edits - before
    return sorted(edited.values())
