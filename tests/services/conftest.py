"""A house that is set up, for every test."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox.skinsback import SkinsbackSandbox, stock
from bot.sandbox.skinsback.catalogue import WELL_KNOWN, Item, build_catalogue
from tests.services.house import NOW, House, ManualClock, ScriptedDiscord, open_house
from tests.store.conftest import empty_database

__all__ = ["empty_database"]


@pytest.fixture(scope="session")
def few_items() -> list[Item]:
    """What the stand-in market always sells; the hundreds beside it cost more time than a test."""
    names = {(game, name) for game, name, _ in WELL_KNOWN}
    return [item for item in build_catalogue(1, 0) if (item.game, item.name) in names]


@pytest.fixture(autouse=True)
def _small_market(few_items: list[Item], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every market of these tests sell few items, each with a stock of its own."""
    monkeypatch.setattr(stock, "build_catalogue", lambda *_: [replace(item) for item in few_items])


@pytest.fixture
def path(empty_database: Path, tmp_path: Path) -> Path:
    """A new database file."""
    path = tmp_path / "quartermaster.db"
    shutil.copyfile(empty_database, path)
    return path


@pytest.fixture
def clock() -> ManualClock:
    """Stands still until it is moved."""
    return ManualClock()


@pytest.fixture
def discord() -> ScriptedDiscord:
    """In which nothing goes wrong yet."""
    return ScriptedDiscord()


@pytest.fixture
async def market() -> AsyncIterator[SkinsbackSandbox]:
    """The stand-in market, whose clock stands still."""
    async with SkinsbackSandbox(size=0, clock=lambda: NOW / 1000) as market:
        yield market


@pytest.fixture
async def empty_house(
    path: Path, market: SkinsbackSandbox, discord: ScriptedDiscord, clock: ManualClock
) -> AsyncIterator[House]:
    """A house in which nothing was set up yet."""
    async with open_house(path, market, discord, clock) as house:
        yield house


@pytest.fixture
async def house(empty_house: House) -> House:
    """A house that is set up, without time to take back."""
    await empty_house.set_up()
    return empty_house
