"""What reading the prices of three games costs: the event loop, an approval meanwhile, memory."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from random import Random
from typing import Final

from bot.__main__ import settle_memory
from bot.domain.market import APP_IDS
from bot.sandbox.discord import DiscordSandbox
from bot.sandbox.process import BotProcess
from bot.services.catalogue import Catalogue
from bot.services.clock import SystemClock
from bot.skinsback.client import SkinsbackClient
from bot.store import settings
from bot.store.database import Database
from bot.store.prices import PriceFile
from tests.bench import wire
from tests.bench.figures import Figure, Limit, Sample, sample
from tests.bench.house import Bench, open_house, set_up, submit_requests
from tests.bench.lists import ListsProcess
from tests.bench.market import MarketProcess
from tests.bench.stored import FIRST_MEMBER, MAIN_GUILD, ROLE

NAMES: Final = 37_000
MORE: Final = {"dota2": 25_000, "rust": 6_000}
HELD_UP: Final = (Limit("most", 8),)
MEMORY: Final = (Limit("most", 150),)

_TICK_S: Final = 0.001
_IDLE_S: Final = 5.0
_APPROVALS: Final = 60
_BLOCK: Final = 20
_CHANNELS: Final = (903, 904)
_READ_S: Final = 120.0
_POLL_S: Final = 0.1
_KIB_IN_MB: Final = 1024


async def measure(folder: Path) -> list[Figure]:
    """Measure all of it, with a market for each part."""
    figures = []
    async with ListsProcess({"cs2": NAMES, **MORE}) as lists, MarketProcess(NAMES) as market:
        environment = {**market.environment, "DATABASE_PATH": str(folder / "prices.db")}
        async with (
            open_house(environment) as bench,
            SkinsbackClient(url=lists.url, client_id="1", client_secret="none") as client,
        ):
            await _offer_all(bench.house.database)
            settle_memory()

            def another() -> Catalogue:
                file = PriceFile(folder / "other.prices")
                services = bench.house.services
                haste = services.catalogue.haste
                return Catalogue(
                    client, services.guilds, file, SystemClock(), Random(1), haste=haste
                )

            figures += await _loop(another)
            known = another()
            await _load(known)
            figures.append(await _approvals(market, bench, known))
    async with MarketProcess(NAMES, MORE) as market:
        figures.append(await _memory(folder, market))
    return figures


async def _offer_all(database: Database) -> None:
    async with database.writing() as tx:
        await settings.set_games(tx, MAIN_GUILD, list(APP_IDS))


async def _loop(another: Callable[[], Catalogue]) -> list[Figure]:
    """Hold a fast timer against everything that is done with price lists."""
    idle = await _held_up_while(asyncio.sleep(_IDLE_S))
    first = another()
    reading = await _held_up_while(first.refresh())
    again = await _held_up_while(first.refresh())
    warm = another()
    loading = await _held_up_while(_load(warm))
    names = sum(len(shelf.index.names) for shelf in warm._shelves.values())
    what = f"the event loop held up, {names:,} names of three games"
    is_idle = "the same loop with nothing to do"
    note = "how much later than asked a 1 ms timer comes"
    return [
        Figure(
            f"{what}: {about}",
            sample(late),
            sample(idle),
            is_idle,
            HELD_UP,
            notes=(note, f"it took {len(late) * _TICK_S + sum(late):.1f} s"),
        )
        for about, late in (
            ("read for the first time", reading),
            ("read again", again),
            ("read from the file at a start", loading),
        )
    ]


async def _load(catalogue: Catalogue) -> None:
    async for shelf in catalogue._memory.shelves():
        catalogue._put_up(shelf)


async def _held_up_while(work: Awaitable[None]) -> list[float]:
    """Return by how much each tick of a fast timer was late while ``work`` was done."""
    late: list[float] = []

    async def tick() -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(_TICK_S)
            late.append(time.perf_counter() - start - _TICK_S)

    async with _beside(tick()):
        await asyncio.sleep(_TICK_S)
        await work
        await asyncio.sleep(2 * _TICK_S)
    return late


@asynccontextmanager
async def _beside(work: Awaitable[None]) -> AsyncGenerator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _approvals(market: MarketProcess, bench: Bench, catalogue: Catalogue) -> Figure:
    """Approve while lists are read, and as often while they aren't."""
    await set_up(
        bench.house.database,
        MAIN_GUILD,
        approver_role=ROLE,
        approvals=_CHANNELS[0],
        results=_CHANNELS[1],
    )
    members = range(FIRST_MEMBER, FIRST_MEMBER + 2 * _APPROVALS)
    during: list[wire.Approval] = []
    idle: list[wire.Approval] = []
    async with wire.at_work(bench):
        views = await submit_requests(
            bench, MAIN_GUILD, members, quantities=wire.QUANTITIES, posting=True
        )
        # By turns, so that whatever else this machine does hits both alike.
        for start in range(0, len(views), 2 * _BLOCK):
            idle += [await wire.approve(bench, view) for view in views[start : start + _BLOCK]]
            async with _beside(_refreshing(catalogue)):
                block = views[start + _BLOCK : start + 2 * _BLOCK]
                during += [await wire.approve(bench, view) for view in block]
    arrived = wire.requests_on_the_wire(await market.wire_times())
    return Figure(
        "approval committed → batch buy on the wire, while price lists are read",
        sample([arrived[each.request_id] - each.committed for each in during]),
        sample([arrived[each.request_id] - each.committed for each in idle]),
        "the same while none is read",
        wire.BUDGET,
    )


async def _refreshing(catalogue: Catalogue) -> None:
    """Read all lists again and again, as it otherwise happens every five minutes."""
    while True:
        await catalogue.refresh()


async def _memory(folder: Path, market: MarketProcess) -> Figure:
    """Let the real bot read the lists, once without a file and once with, and look at its size."""
    async with DiscordSandbox(validate=False) as discord, MarketProcess(0) as bare_market:
        discord.add_guild("Friday Cup")
        async with await Database.open(folder / "memory.db") as database:
            await _offer_all(database)
        bare = await _sizes(folder / "bare.db", discord, bare_market, games=["cs2"])
        sizes = [
            await _sizes(folder / "memory.db", discord, market, games=list(APP_IDS))
            for _ in range(2)
        ]
    now = ", ".join(f"{size:.0f}" for size, _ in sizes)
    return Figure(
        "memory of the bot with the prices of three games, at its most",
        _sample([peak for _, peak in sizes]),
        _sample([bare[1]]),
        "the same bot with a handful of prices",
        MEMORY,
        notes=(
            "VmHWM of the process: first without a file, then with one and a list to read",
            f"and once they are read: {now}",
        ),
        unit="MB",
    )


async def _sizes(
    path: Path, discord: DiscordSandbox, market: MarketProcess, *, games: Sequence[str]
) -> tuple[float, float]:
    """Start the bot and stop it once it has read the lists; return its size then, and its most."""
    environment = {
        **market.environment,
        **discord.environment(),
        "MARKET": "sandbox",
        "DATABASE_PATH": str(path),
    }
    started = time.time_ns() // 1_000_000
    bot = await BotProcess(environment, log_path=path.with_suffix(".log")).start()
    try:
        await _wait_until_read(path, started, len(games))
        status = Path(f"/proc/{bot.pid}/status").read_text(encoding="utf-8")
    finally:
        await bot.stop()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    now, peak = (int(fields[name].split()[0]) / _KIB_IN_MB for name in ("VmRSS", "VmHWM"))
    return now, peak


async def _wait_until_read(path: Path, started: int, count: int) -> None:
    """Wait until this start has read and kept the lists of so many games."""
    prices = path.with_name(f"{path.name}.prices")
    for _ in range(round(_READ_S / _POLL_S)):
        with suppress(sqlite3.Error), closing(_reading(prices)) as kept:
            (read,) = kept.execute(
                "SELECT count(*) FROM lists WHERE read_at >= ?", (started,)
            ).fetchone()
            if read == count:
                return
        await asyncio.sleep(_POLL_S)
    raise RuntimeError("the price lists were never read")


def _reading(prices: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{prices}?mode=ro", uri=True)


def _sample(values: Sequence[float]) -> Sample:
    most = max(values)
    return Sample(len(values), min(values), most, most, most)
