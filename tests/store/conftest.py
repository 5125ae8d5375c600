"""A real database file for every test."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store.database import Database


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that was migrated and closed; copying it is faster than making one."""

    async def make() -> None:
        await (await Database.open(path)).close()

    path = tmp_path_factory.mktemp("template") / "empty.db"
    asyncio.run(make())
    return path


@pytest.fixture
async def database(empty_database: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A new database."""
    path = tmp_path / "quartermaster.db"
    shutil.copyfile(empty_database, path)
    async with await Database.open(path) as database:
        yield database
