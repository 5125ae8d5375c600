"""The store of one example, with its own event loop, and what is plainly read from its file."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from bot.store.database import Database, Transaction, Value
from tests.store.picture import Cell

T = TypeVar("T")


class Plain(Transaction):
    """A look that is taken where it is asked for."""

    def __init__(self, reader: sqlite3.Connection) -> None:
        self._reader = reader

    async def one(self, sql: str, *values: Value) -> sqlite3.Row | None:
        """Return the first row, or None."""
        row: sqlite3.Row | None = self._rows(sql, values).fetchone()
        return row

    async def all(self, sql: str, *values: Value) -> list[sqlite3.Row]:
        """Return all rows."""
        return self._rows(sql, values).fetchall()

    def _rows(self, sql: str, values: tuple[Value, ...]) -> sqlite3.Cursor:
        cursor = self._reader.cursor()
        cursor.row_factory = sqlite3.Row
        return cursor.execute(sql, values)


async def _finished(work: Awaitable[T]) -> T:
    return await work


class Desk:
    """The store of one example with its own event loop, and what is plainly read from its file."""

    def __init__(self, template: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="model"))
        self.loop = asyncio.new_event_loop()
        self.lives = 0
        self.path = self.folder / "0.db"
        shutil.copyfile(template, self.path)
        self.database = self._open()

    def _open(self) -> Database:
        database = self.loop.run_until_complete(Database.open(self.path))
        self._reader = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        return database

    def _shut(self) -> None:
        self._reader.close()
        self.loop.run_until_complete(self.database.close())

    def restart(self, *, killed: bool) -> None:
        """Close and open; ``killed``: with what lay on the disk before it was closed in order."""
        if killed:
            self.lives += 1
            after = self.folder / f"{self.lives}.db"
            for suffix in ("", "-wal", ".last"):
                with suppress(FileNotFoundError):
                    shutil.copyfile(f"{self.path}{suffix}", f"{after}{suffix}")
            self._shut()
            self.path = after
        else:
            self._shut()
        self.database = self._open()

    def close(self) -> None:
        """Leave nothing behind."""
        self._shut()
        self.loop.close()
        shutil.rmtree(self.folder)

    def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Do ``work`` in one write transaction."""

        async def do() -> T:
            async with self.database.writing() as tx:
                return await work(tx)

        return self.loop.run_until_complete(do())

    def read(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Ask what is committed with the store's functions, without a thread: fast, and often."""
        return self.loop.run_until_complete(_finished(work(Plain(self._reader))))

    def on_disk(self) -> dict[str, tuple[Cell, ...]]:
        """Return all that stands there, as ``Picture.on_disk`` says what must."""
        ask = self._reader.execute
        found: dict[str, tuple[Cell, ...]] = {}
        for name, *rest, sealed in ask(
            "SELECT request_id, state, digest, version, decided_at, claimable_at, expires_at, "
            "waits_for, grace_from, look_ups, history_at, attention_at, sealed_token FROM requests"
        ):
            found[name] = (*rest, sealed is not None)
        for name, number, *rest in ask(
            "SELECT request_id, line_no, ceiling, round, no_listing FROM lines"
        ):
            found[f"{name} {number}"] = tuple(rest)
        for name, *rest in ask(
            "SELECT purchase_key, line_no, attempt_no, state, digest, listing_id, max_price, "
            "round, sends, unsent, misses, code, refused_whole, buy_id, offer_status, released, "
            "settled_at IS NOT NULL FROM attempts"
        ):
            found[name] = tuple(rest)
        for name, kind, *rest in ask(
            "SELECT request_id, kind, outbox_id, state, wanted, shown FROM outbox"
        ):
            found[f"{name} {kind}"] = tuple(rest)
        return found
