"""The worker when the machine itself fails; everything else is played end to end."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import cast

import pytest

from bot.domain.models import RequestView
from bot.domain.money import DOLLAR, Micros
from bot.services.announcements import Announcements
from bot.services.buying import Buying
from bot.services.guilds import Guilds
from bot.services.holds import Balance
from bot.services.looking_up import LookUps
from bot.services.market_watch import MarketWatch
from bot.services.ports import Directory, Poster
from bot.services.purchasing import Purchasing
from bot.services.this_run import ThisRun
from bot.services.timing import Timing
from bot.store.database import Database, Transaction
from tests.store import samples


class World:
    """Whatever the worker asks, nothing stands in the way. Counts how often the market is asked."""

    ready = True

    def __init__(self) -> None:
        self.asked = 0

    def now_ms(self) -> int:
        return samples.NOW

    def is_allowed(self, guild_id: int) -> bool:
        return True

    async def behind(self, tx: Transaction, guild_id: int, user_id: int) -> bool:
        return False

    async def is_member(self, guild_id: int, user_id: int) -> bool | None:
        return True

    async def wait_for_account(self, tx: Transaction, view: RequestView) -> None:
        return None

    async def known_balance(self) -> Balance:
        self.asked += 1
        return Balance(Micros(1_000 * DOLLAR), samples.NOW)


def worker(database: Database, world: World) -> Purchasing:
    return Purchasing(
        database,
        cast(Buying, world),
        cast(LookUps, world),
        cast(MarketWatch, world),
        cast(Guilds, world),
        cast(Announcements, world),
        cast(Poster, world),
        cast(Directory, world),
        world,
        Timing(),
        ThisRun(samples.NOW, caught_up=True),
        approved=asyncio.Event(),
    )


async def test_request_when_nothing_can_be_written_then_the_market_is_not_asked_over_and_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk must not become a flood of calls, nor hold up the stop."""
    world = World()
    async with await Database.open(tmp_path / "quartermaster.db") as database:
        async with database.writing() as tx:
            await samples.approved(tx)

        @asynccontextmanager
        async def full() -> AsyncGenerator[Transaction]:
            raise sqlite3.OperationalError("database or disk is full")
            yield

        monkeypatch.setattr(database, "writing", full)
        running = asyncio.create_task(worker(database, world).run())
        await asyncio.sleep(0.3)
        assert world.asked == 1
        running.cancel()
        async with asyncio.timeout(2):
            with suppress(asyncio.CancelledError):
                await running
