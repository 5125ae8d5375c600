"""Looks at a database from outside: without a thread, and so at next to no cost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from bot.store.database import Row, Transaction, Value


class Onlooker(Transaction):
    """What is committed, on a connection of its own.

    A test that waits for something looks a hundred times for each change. Through the bot's own
    connection each look is a dozen hops to another thread and back, and waits behind the bot's.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, which must exist."""
        self.last_event = 0
        # There is no connection to write with, so an attempt to do so fails.
        self._sqlite = sqlite3.connect(
            f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None
        )
        self._sqlite.row_factory = sqlite3.Row

    def close(self) -> None:
        """Close the connection."""
        self._sqlite.close()

    @contextmanager
    def looking(self) -> Iterator[Transaction]:
        """One consistent look, in which nothing but SQL may be awaited."""
        self._sqlite.execute("BEGIN")
        try:
            yield self
        finally:
            self._sqlite.execute("ROLLBACK")

    async def one(self, sql: str, *values: Value) -> Row | None:
        """Return the first row, or None."""
        row: Row | None = self._sqlite.execute(sql, values).fetchone()
        return row

    async def all(self, sql: str, *values: Value) -> list[Row]:
        """Return all rows."""
        return self._sqlite.execute(sql, values).fetchall()
