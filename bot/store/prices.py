"""The last price lists, in a file beside the database: a restart starts with them.

They are a copy of what the market says, and with them goes one price a day of the last two weeks.
It is not in the database, where it would stand in the way of the money's writer, and it can be lost
at any time: then it is told in the log and begun anew. So it never waits for the disk either.

Whoever uses it does so in small portions, so that neither the event loop nor the interpreter's lock
is held up for long.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import struct
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple, ParamSpec, TypeVar

from bot.domain.money import Micros
from bot.domain.picking import USUAL_DAYS, usual_of

log = logging.getLogger(__name__)

DAY_MS: Final = 24 * 60 * 60 * 1000
PORTION: Final = 128
"""Rows that are read or written at once: about a millisecond."""

_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE lists (
    game TEXT NOT NULL PRIMARY KEY,
    read_at INTEGER NOT NULL,
    rolled_on INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE skins (
    game TEXT NOT NULL,
    name TEXT NOT NULL,
    price INTEGER NOT NULL,
    stock INTEGER NOT NULL,
    class_id TEXT NOT NULL,
    seen_on INTEGER NOT NULL,
    usual INTEGER,
    PRIMARY KEY (game, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE samples (
    game TEXT NOT NULL,
    name TEXT NOT NULL,
    days BLOB NOT NULL,
    PRIMARY KEY (game, name)
) STRICT, WITHOUT ROWID;
"""
_SAMPLE: Final = struct.Struct("<Hq")
"""A day, as days since 1970, and the price on it."""

_NOT_ITS_FAULT: Final = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
    }
)
"""What the disk or the machine has to do with. After anything else the file is worth nothing."""

P = ParamSpec("P")
T = TypeVar("T")


class PricesLostError(Exception):
    """The file can't be used now; that is in the log already."""


class KeptSkin(NamedTuple):
    """What is kept of a name: its last price, how many there were, and what it usually costs."""

    market_hash_name: str
    price: Micros
    stock: int
    class_id: str
    usual: Micros | None


class SkinRow(NamedTuple):
    """What is to be kept of a name. ``seen_on``: the last day on which the market had it."""

    market_hash_name: str
    price: Micros
    stock: int
    class_id: str
    seen_on: int


def day_of(at: int) -> int:
    """Return the day (UTC, as days since 1970) of a time in unix milliseconds."""
    return at // DAY_MS


def remove_prices(path: Path) -> None:
    """Remove the file, and what SQLite has beside it. Raises ``OSError``."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


class PriceFile:
    """The file. It is open only while it is used, by one at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = asyncio.Lock()
        self._checked = False

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[KeptPrices]:
        """Open the file; it is made, and made anew, where there is none that can be used.

        Raises ``PricesLostError``, here and in the block, once it has told the log what is wrong.
        """
        async with self._lock:
            # A thread of its own, first in, first out: whoever is cancelled leaves it in order.
            thread = ThreadPoolExecutor(1, thread_name_prefix="prices")
            file = _File()
            try:
                await _on(thread, self._open, file)
                yield KeptPrices(thread, file)
                failure: Exception | None = None
            except (sqlite3.Error, struct.error, OSError) as error:
                failure = error
            finally:
                closed = thread.submit(file.close)
                thread.shutdown(wait=False)
                with suppress(sqlite3.Error):
                    await asyncio.wrap_future(closed)
            if failure is not None:
                await asyncio.to_thread(self._give_up, failure)
                raise PricesLostError

    def _open(self, file: _File) -> None:
        try:
            file.open(self._path, check=not self._checked)
        except (sqlite3.Error, _NotOursError) as error:
            file.close()
            if isinstance(error, sqlite3.Error) and _code(error) in _NOT_ITS_FAULT:
                raise
            log.warning("The saved price list can't be read; it is read anew from the market.")
            remove_prices(self._path)
            file.open(self._path, check=False)
        self._checked = True

    def _give_up(self, error: Exception) -> None:
        self._checked = False
        if isinstance(error, OSError) or _code(error) in _NOT_ITS_FAULT:
            log.warning("The price list could not be kept: %s.", error)
            return
        log.warning("The saved price list is damaged (%s); it is begun anew.", error)
        try:
            remove_prices(self._path)
        except OSError as kept:
            log.warning("It can't be removed: %s.", kept.strerror)


def _code(error: Exception) -> int | None:
    """Return SQLite's code for an error, without what it adds to it."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


class _NotOursError(Exception):
    """A file is no price list of this version."""


class _File:
    """The connection, in whose thread all of this runs."""

    def __init__(self) -> None:
        self._connection: sqlite3.Connection | None = None

    @property
    def sql(self) -> sqlite3.Connection:
        """The open connection."""
        if self._connection is None:
            raise RuntimeError("the price list is not open")
        return self._connection

    def open(self, path: Path, *, check: bool) -> None:
        """Connect; make the tables in a new file. Raises ``sqlite3.Error`` and _NotOursError."""
        connection = self._connection = sqlite3.connect(path, timeout=1, isolation_level=None)
        # A file that can be lost has no need to be safe: it never makes the disk write something
        # out, which the database beside it would have to wait for.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA journal_mode = WAL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0 and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            connection.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version = {_VERSION};COMMIT;")
        elif version != _VERSION:
            raise _NotOursError
        if check and connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise _NotOursError

    def close(self) -> None:
        """Close it, if it is open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


async def _on(
    thread: ThreadPoolExecutor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    return await asyncio.wrap_future(thread.submit(work, *args, **kwargs))


class KeptPrices:
    """The open file. Every method may raise what ``PriceFile.opened`` turns into one error."""

    def __init__(self, thread: ThreadPoolExecutor, file: _File) -> None:
        self._thread = thread
        self._file = file

    async def lists(self) -> dict[str, int]:
        """Return when (unix ms) which game's prices were read."""
        return await _on(self._thread, self._lists)

    def _lists(self) -> dict[str, int]:
        return dict(self._file.sql.execute("SELECT game, read_at FROM lists").fetchall())

    async def skins(self, game: str) -> AsyncGenerator[list[KeptSkin]]:
        """Return what is kept of a game, some at a time."""
        after = ""
        while portion := await _on(self._thread, self._skins, game, after):
            yield portion
            after = portion[-1].market_hash_name

    def _skins(self, game: str, after: str) -> list[KeptSkin]:
        rows = self._file.sql.execute(
            "SELECT name, price, stock, class_id, usual FROM skins "
            "WHERE game = ? AND name > ? ORDER BY name LIMIT ?",
            (game, after, PORTION),
        )
        return [KeptSkin(*row) for row in rows.fetchall()]

    async def roll(self, game: str, today: int) -> AsyncGenerator[dict[str, Micros | None]]:
        """Take the last prices from before today for samples of their days, once a day.

        Return what each skin usually costs, or nothing at all if that was done today. What the
        market has not had for two weeks is forgotten, and isn't among them.
        """
        read_on = await _on(self._thread, self._read_on, game, today)
        if read_on is None:
            return
        after = ""
        while portion := await _on(self._thread, self._roll, game, after, read_on, today):
            yield portion
            after = max(portion)
        await _on(self._thread, self._rolled, game, today)

    def _read_on(self, game: str, today: int) -> int | None:
        sql = self._file.sql
        sql.execute(
            "DELETE FROM skins WHERE game = ? AND stock = 0 AND seen_on < ?",
            (game, today - USUAL_DAYS),
        )
        row = sql.execute(
            # Also after a clock that was ahead: that day may be years away.
            "SELECT read_at FROM lists WHERE game = ? AND rolled_on <> ?",
            (game, today),
        ).fetchone()
        return None if row is None else day_of(row[0])

    def _roll(self, game: str, after: str, read_on: int, today: int) -> dict[str, Micros | None]:
        rows = self._file.sql.execute(
            "SELECT name, price, CASE WHEN stock > 0 THEN ? ELSE seen_on END, usual, days "
            "FROM skins LEFT JOIN samples USING (game, name) "
            "WHERE game = ? AND name > ? ORDER BY name LIMIT ?",
            (read_on, game, after, PORTION),
        ).fetchall()
        usuals: dict[str, Micros | None] = {}
        changed: list[tuple[Micros | None, str, str]] = []
        sampled: list[tuple[str, str, bytes]] = []
        for name, price, day, usual, before in rows:
            days, usuals[name] = _with_sample(before or b"", day, price, today)
            if usuals[name] != usual:
                changed.append((usuals[name], game, name))
            if days != before:
                sampled.append((game, name, days))
        with _transaction(self._file.sql) as sql:
            sql.executemany("UPDATE skins SET usual = ? WHERE game = ? AND name = ?", changed)
            sql.executemany("INSERT OR REPLACE INTO samples VALUES (?, ?, ?)", sampled)
        return usuals

    def _rolled(self, game: str, today: int) -> None:
        with _transaction(self._file.sql) as sql:
            sql.execute(
                "DELETE FROM samples WHERE game = ?1 AND NOT EXISTS "
                "(SELECT 1 FROM skins WHERE game = ?1 AND name = samples.name)",
                (game,),
            )
            sql.execute("UPDATE lists SET rolled_on = ? WHERE game = ?", (today, game))

    async def put(self, game: str, rows: Sequence[SkinRow]) -> None:
        """Keep some skins, a portion at most."""
        await _on(self._thread, self._put, game, rows)

    def _put(self, game: str, rows: Sequence[SkinRow]) -> None:
        with _transaction(self._file.sql) as sql:
            sql.executemany(
                "INSERT INTO skins (game, name, price, stock, class_id, seen_on) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (game, name) DO UPDATE SET "
                "price = excluded.price, stock = excluded.stock, class_id = excluded.class_id, "
                "seen_on = excluded.seen_on",
                [(game, *row) for row in rows],
            )

    async def drop(self, game: str, names: Sequence[str]) -> None:
        """Forget some skins, a portion at most."""
        await _on(self._thread, self._drop, game, names)

    def _drop(self, game: str, names: Sequence[str]) -> None:
        with _transaction(self._file.sql) as sql:
            sql.executemany(
                "DELETE FROM skins WHERE game = ? AND name = ?", [(game, name) for name in names]
            )

    async def end(self, game: str, read_at: int) -> None:
        """Say that all of a game's list is kept, and when it was read (unix ms)."""
        await _on(self._thread, self._end, game, read_at)

    def _end(self, game: str, read_at: int) -> None:
        self._file.sql.execute(
            "INSERT INTO lists (game, read_at, rolled_on) VALUES (?, ?, ?) "
            "ON CONFLICT (game) DO UPDATE SET read_at = excluded.read_at",
            (game, read_at, day_of(read_at)),
        )


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Generator[sqlite3.Connection]:
    """One transaction of a connection; of one that fails nothing stays once it is closed."""
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.execute("COMMIT")


def _with_sample(known: bytes, day: int, price: Micros, today: int) -> tuple[bytes, Micros | None]:
    """Return the samples of the two weeks before today with one more, and their median."""
    days = dict(_SAMPLE.iter_unpack(known))
    days[day] = price
    kept = {one: days[one] for one in sorted(days) if today - USUAL_DAYS <= one < today}
    packed = b"".join(_SAMPLE.pack(one, kept[one]) for one in kept)
    return packed, usual_of(Micros(each) for each in kept.values())
