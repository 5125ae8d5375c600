"""The world as a fixture: set up, with the bot running."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.sandbox.discord import interactions
from tests.chaos.zygote import Zygote
from tests.e2e.cases import check_books
from tests.e2e.forked import REAL_BOT
from tests.e2e.world import World, small_world


@pytest.fixture(autouse=True)
def patient_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let people wait for what follows a silent acknowledgement as long as a busy machine needs."""
    monkeypatch.setattr(interactions, "QUIET_S", 8.0)


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote | None]:
    """What bots are forked off; tests of the process itself have none."""
    with Zygote(REAL_BOT) as zygote:
        yield zygote


@pytest.fixture
async def empty_world(tmp_path: Path, zygote: Zygote | None) -> AsyncGenerator[World]:
    """A world in which nothing was set up and no bot runs yet."""
    async with small_world(tmp_path, zygote) as world:
        yield world


@pytest.fixture
async def world(empty_world: World) -> World:
    """A world that is set up, without time to take back, and in which the bot runs."""
    await empty_world.set_up()
    return await empty_world.start()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world_of_module(
    tmp_path_factory: pytest.TempPathFactory, zygote: Zygote | None
) -> AsyncGenerator[World]:
    """The same for all tests of a module; they use it as ``shared_world``."""
    async with small_world(tmp_path_factory.mktemp("shared"), zygote) as world:
        await world.set_up()
        yield await world.start()


@pytest.fixture
def shared_world(world_of_module: World) -> World:
    """The world of the module as it was at first, for tests that bring people of their own."""
    world_of_module.start_over()
    return world_of_module


@pytest.fixture
def books(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test plays, the books are right after it."""
    shared = "shared_world" in request.fixturenames
    world: World = request.getfixturevalue("shared_world" if shared else "empty_world")
    yield
    check_books(world)
