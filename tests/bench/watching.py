"""What SQLite is asked, and how many steps of its machine each statement takes.

Python can't read SQLite's count of rows, but rows are walked step by step: a statement that takes
as many steps with a thousand stored requests as with a million reads as many rows.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.store.database import Database
from tests.store.test_plans import _walks

_PLANNED: Final = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
_LITERAL: Final = re.compile(r"[xX]?'(?:[^']|'')*'|\b[0-9]+\b")


@dataclass(slots=True)
class Statement:
    """One statement with its values in it, when it began (unix seconds), and its steps so far."""

    sql: str
    at: float
    steps: int = 0


@asynccontextmanager
async def watching(database: Database) -> AsyncGenerator[list[Statement]]:
    """Note every statement on both connections; it makes them slow, so nothing is timed here."""
    seen: list[Statement] = []
    connections = (database._writer, database._reader)
    for connection in connections:
        begins, steps = _ears(seen)
        await connection.set_trace_callback(begins)
        await connection.set_progress_handler(steps, 1)
    try:
        yield seen
    finally:
        for connection in connections:
            # The library's annotations forget that None ends it.
            await connection.set_trace_callback(None)  # type: ignore[arg-type]
            await connection.set_progress_handler(None, 0)  # type: ignore[arg-type]


def _ears(seen: list[Statement]) -> tuple[Callable[[str], None], Callable[[], int]]:
    """Return what notes the statements of one connection, and what counts their steps."""
    mine: list[Statement] = []

    def begins(sql: str) -> None:
        mine[:] = [Statement(sql, time.time())]
        seen.append(mine[0])

    def steps() -> int:
        mine[0].steps += 1
        return 0  # anything else interrupts the statement

    return begins, steps


def scans(path: Path, statements: Iterable[str]) -> list[str]:
    """Return the steps of query plans that walk a table which grows with every request."""
    # Alike but for their values, they have one plan: without values there are no statistics of one.
    different = {_LITERAL.sub("?", sql): sql for sql in statements if sql.startswith(_PLANNED)}
    found = []
    with closing(sqlite3.connect(path)) as connection:
        for shape, sql in different.items():
            plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
            found += [f"{row[3]} in {shape}" for row in plan if _walks(str(row[3]))]
    return found
