"""One SQLite file, one process: the lock, the writer, the reader, the migrations.

Invariants:
- Whoever holds a ``Transaction`` awaits nothing but SQL until it ends; a network call inside one
  would hold the only writer.
- What decides is read inside the write transaction that acts on it.
- A transaction is on disk when ``writing()`` is left (``synchronous=FULL``).
- After a COMMIT that failed no transaction begins any more: what it meant to write may or may not
  be on disk, and only a new start reads which.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import re
import sqlite3
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, closing, suppress
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote

import aiosqlite

from bot.errors import DatabaseBrokenError, DatabaseError
from bot.store.disk import require_local
from bot.store.last_event import LastEvent

log = logging.getLogger(__name__)

_BUSY_TIMEOUT_MS: Final = 5_000
_MIGRATION: Final = re.compile(r"([0-9]{4})_[a-z0-9_]+\.sql")

APPLICATION_ID: Final = 0x514D5452
"""Stands in the head of every database of ours; the first migration writes it."""

Value = int | str | bytes | None
Row = sqlite3.Row


T = TypeVar("T")
Ask = Callable[[sqlite3.Connection], T]
"""One statement and what is wanted of it, to be run where the connection lives."""


class Connection(aiosqlite.Connection):
    """A connection whose thread takes whole functions: each is one hop there and back.

    A hop costs more than most statements do, and the library takes three for a query.
    """

    @classmethod
    def to(cls, database: str | Path, *, uri: bool = False) -> Self:
        """Return a connection that is open once it is awaited; transactions are begun by hand."""
        connect = partial(sqlite3.connect, str(database), isolation_level=None, uri=uri)
        return cls(connect, iter_chunk_size=64)

    async def run(self, function: Ask[T]) -> T:
        """Run ``function`` on the connection's thread, after all that it was given before."""
        result: T = await self._execute(  # type: ignore[no-untyped-call]
            lambda: function(self._conn)
        )
        return result


class Transaction:
    """What store functions work on: a connection inside one transaction.

    ``last_event``: the id of the last event that was recorded in it; 0 if there was none.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._at_hand: sqlite3.Connection | None = None
        self.last_event = 0

    async def at_once(self, work: Work[T]) -> T:
        """Do ``work`` in this transaction without leaving the connection's thread between.

        It runs beside the event loop, so it may touch nothing of the loop's: no event, no task.
        Raises ``RuntimeError`` if it awaits anything but SQL.
        """
        if self._at_hand is not None:
            return await work(self)
        return await self._connection.run(partial(self._do, work))

    def _do(self, work: Work[T], connection: sqlite3.Connection) -> T:
        """Run a coroutine to its end where the connection lives: nothing in it has to wait."""
        self._at_hand, doing = connection, work(self)
        try:
            doing.send(None)
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            # What the work has to undo it may still do here.
            doing.close()
            self._at_hand = None
        raise RuntimeError("a transaction waited for something else than SQL")

    async def _ask(self, ask: Ask[T]) -> T:
        if self._at_hand is not None:
            return ask(self._at_hand)
        return await self._connection.run(ask)

    async def execute(self, sql: str, *values: Value) -> int:
        """Run one statement and return how many rows it changed."""
        return await self._ask(lambda sqlite: sqlite.execute(sql, values).rowcount)

    async def insert(self, sql: str, *values: Value) -> int:
        """Run one ``INSERT`` and return the row's id."""
        row_id = await self._ask(lambda sqlite: sqlite.execute(sql, values).lastrowid)
        if row_id is None:
            raise RuntimeError("an INSERT gave no row id")
        return row_id

    async def execute_many(self, sql: str, rows: Iterable[tuple[Value, ...]]) -> None:
        """Run one statement for each of ``rows``."""
        await self._ask(lambda sqlite: sqlite.executemany(sql, rows))

    async def one(self, sql: str, *values: Value) -> Row | None:
        """Return the first row, or None."""
        row: Row | None = await self._ask(lambda sqlite: sqlite.execute(sql, values).fetchone())
        return row

    async def all(self, sql: str, *values: Value) -> list[Row]:
        """Return all rows."""
        return await self._ask(lambda sqlite: sqlite.execute(sql, values).fetchall())


Work = Callable[[Transaction], Coroutine[Any, Any, T]]
"""What is done in one transaction: a coroutine function that awaits nothing but SQL."""


class Database:
    """The open database. Made by :meth:`open`, closed by leaving its context."""

    def __init__(
        self,
        writer: Connection,
        reader: Connection,
        lock_fd: int | None,
        last_event: LastEvent | None,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._lock_fd = lock_fd
        self._last_event = last_event
        self._write_lock = asyncio.Lock()
        self._read_lock = asyncio.Lock()
        self._failed = asyncio.Event()

    @property
    def failed(self) -> asyncio.Event:
        """Set for good once a COMMIT has failed: whoever waits for it ends the process."""
        return self._failed

    @classmethod
    async def open(cls, path: Path, *, exclusive: bool = True) -> Self:
        """Lock the file, bring it up to date and return it open.

        Not ``exclusive``: beside the running bot, for one small change by the operator; then it is
        not brought up to date, because the running bot may be an older one.
        Raises ``DatabaseError`` with one clear line: path not usable or on a network, another
        process has it, newer than this code, or not one of our databases.
        """
        require_local(path)
        lock_fd = _lock(path) if exclusive else None
        writer: Connection | None = None
        last_event: LastEvent | None = None
        try:
            _require_ours(path)
            writer = await _connect_writer(path)
            if exclusive:
                await migrate(writer)
                last_event = LastEvent(path.with_name(f"{path.name}.last"))
            else:
                await _require_up_to_date(writer)
            reader = await _connect(f"file:{quote(str(path))}?mode=ro", uri=True)
            return cls(writer, reader, lock_fd, last_event)
        except (sqlite3.Error, OSError) as error:
            await _close_quietly(writer, lock_fd)
            raise DatabaseError(f"The database {path} can't be used: {error}.") from None
        except BaseException:
            await _close_quietly(writer, lock_fd)
            raise

    async def close(self) -> None:
        """Close both connections and give the lock back, after the transaction under way."""
        async with self._write_lock, self._read_lock:
            await self._reader.close()
            if not self._failed.is_set():
                with suppress(sqlite3.Error):
                    await self._writer.execute("PRAGMA optimize")
            await self._writer.close()
        if self._last_event is not None:
            self._last_event.close()
        if self._lock_fd is not None:
            os.close(self._lock_fd)

    async def is_older_copy(self) -> bool:
        """Say whether more has happened than this database knows of.

        So it is until the finding is on disk and ``follow_last_event`` was called.
        """
        if self._last_event is None:
            return False
        known = await self._last_known_event()
        noted = self._last_event.event_id
        return noted > known or (noted == 0 and known > 0)

    async def follow_last_event(self) -> None:
        """Have what is noted beside the database follow it again, after a return of a copy."""
        if self._last_event is not None:
            self._last_event.set(await self._last_known_event())

    async def _last_known_event(self) -> int:
        async with self.reading() as tx:
            row = await tx.one("SELECT coalesce(max(event_id), 0) AS last FROM events")
        return int(row["last"]) if row else 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[Transaction]:
        """One write transaction: committed when the block ends, undone when it raises.

        Raises ``DatabaseBrokenError`` if the COMMIT fails, and ever after.
        """
        async with self._write_lock:
            self._require_whole()
            try:
                await self._writer.execute("BEGIN IMMEDIATE")
                # Again: a COMMIT whose caller was cancelled may have failed meanwhile.
                self._require_whole()
                tx = Transaction(self._writer)
                yield tx
                await self._commit()
                if tx.last_event and self._last_event is not None:
                    self._last_event.note(tx.last_event)
            except BaseException:
                # The worker thread is first in, first out: cancelled or not, this runs after the
                # statement in flight. "No transaction" means that it had ended already.
                with suppress(sqlite3.OperationalError):
                    await asyncio.shield(self._writer.execute("ROLLBACK"))
                raise

    async def write(self, work: Work[T]) -> T:
        """Do ``work`` in one transaction of ``writing``, and come back when it is committed.

        What is longer than a statement or two is so begun, done and committed in three hops.
        """
        async with self.writing() as tx:
            return await tx.at_once(work)

    async def _commit(self) -> None:
        """Commit. Whoever is cancelled meanwhile stops waiting; the outcome is noted all the same.

        Raises ``DatabaseBrokenError``.
        """
        commit = asyncio.ensure_future(self._execute("COMMIT"))
        commit.add_done_callback(self._note_commit)
        try:
            await asyncio.shield(commit)
        except sqlite3.Error as error:
            raise DatabaseBrokenError(f"a COMMIT failed: {error}") from error

    async def _execute(self, sql: str) -> None:
        await self._writer.execute(sql)

    def _note_commit(self, commit: asyncio.Future[None]) -> None:
        if commit.cancelled():
            # The event loop is closing with this statement under way: there is nobody to tell.
            self._failed.set()
        elif (error := commit.exception()) is not None and not self._failed.is_set():
            log.critical("A COMMIT failed (%s): nothing more is written.", error)
            self._failed.set()

    def _require_whole(self) -> None:
        if self._failed.is_set():
            raise DatabaseBrokenError("a COMMIT failed before: what is on disk isn't known")

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[Transaction]:
        """One consistent look at what is committed. Writing in it raises.

        Raises ``DatabaseBrokenError`` after a COMMIT that failed: what it shows may not be true.
        """
        async with self._read_lock:
            self._require_whole()
            try:
                await self._reader.execute("BEGIN")
                yield Transaction(self._reader)
            finally:
                with suppress(sqlite3.OperationalError):
                    await asyncio.shield(self._reader.execute("ROLLBACK"))

    async def read(self, work: Work[T]) -> T:
        """Do ``work`` in one look as ``reading`` gives it, all of it in one hop."""
        async with self._read_lock:
            self._require_whole()
            return await Transaction(self._reader).at_once(partial(_in_one_look, work))


async def _in_one_look(work: Work[T], tx: Transaction) -> T:
    await tx.execute("BEGIN")
    try:
        return await work(tx)
    finally:
        await tx.execute("ROLLBACK")


def _lock(path: Path) -> int:
    """Take the operating system's lock for this database and keep it for life."""
    # Of the file itself and not of a link to it, so that nobody comes in by another name.
    path = path.resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DatabaseError(
            f"DATABASE_PATH {path} can't be written: {error.strerror}. "
            "Give the bot a folder that it may write to."
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise DatabaseError(
            f"Another Quartermaster is already running with the database {path}. "
            "Stop that one first: two would buy beside each other."
        ) from None
    return descriptor


async def _connect(database: str | Path, *, uri: bool = False) -> Connection:
    connection = Connection.to(database, uri=uri)
    await connection
    connection.row_factory = sqlite3.Row
    return connection


async def _connect_writer(path: Path) -> Connection:
    writer = await _connect(path)
    try:
        # FULL, because NORMAL may lose the last commits with the power, and they are purchases.
        for pragma in (
            f"busy_timeout={_BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
        ):
            await writer.execute(f"PRAGMA {pragma}")
    except BaseException:
        # Its thread would keep the process from ending.
        await writer.close()
        raise
    return writer


async def _close_quietly(writer: aiosqlite.Connection | None, lock_fd: int | None) -> None:
    if writer is not None:
        await writer.close()
    if lock_fd is not None:
        os.close(lock_fd)


async def _number(writer: aiosqlite.Connection, sql: str) -> int:
    async with writer.execute(sql) as cursor:
        row = await cursor.fetchone()
    return int(row[0]) if row else 0


def _require_ours(path: Path) -> None:
    """Make sure that the file can be opened and is empty or ours, before anything is written.

    Without a thread: aiosqlite leaves one behind, and its traceback, when a file can't be opened.
    """
    with closing(sqlite3.connect(path)) as probe:
        (tables,) = probe.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        (application_id,) = probe.execute("PRAGMA application_id").fetchone()
    if tables and application_id != APPLICATION_ID:
        raise DatabaseError(
            f"The database {path} belongs to another program. Set another DATABASE_PATH."
        )


async def _require_up_to_date(writer: aiosqlite.Connection) -> None:
    known = len(known_migrations())
    if (version := await _number(writer, "PRAGMA user_version")) != known:
        raise DatabaseError(
            f"The database is of version {version}, and this Quartermaster needs version {known}. "
            "Start the bot itself with this version first."
        )


def known_migrations() -> list[str]:
    """Return the text of every migration, in order.

    Raises ``RuntimeError`` if their numbers don't run on from 0001.
    """
    folder = resources.files("bot.store") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if _MIGRATION.fullmatch(entry.name))
    for number, name in enumerate(names, start=1):
        if int(name[:4]) != number:
            raise RuntimeError(f"migration {number:04d} is missing")
    return [(folder / name).read_text(encoding="utf-8") for name in names]


async def migrate(writer: aiosqlite.Connection, migrations: list[str] | None = None) -> None:
    """Bring the database up to date, each migration with its version in one transaction.

    Raises ``DatabaseError`` if it is newer than this code or if a migration fails; then it stands
    where the last whole migration left it.
    """
    scripts = known_migrations() if migrations is None else migrations
    version = await _number(writer, "PRAGMA user_version")
    if version > len(scripts):
        raise DatabaseError(
            f"The database is of version {version}, and this Quartermaster knows versions up to "
            f"{len(scripts)} only. Start the newer Quartermaster that wrote it."
        )
    for number, script in enumerate(scripts[version:], start=version + 1):
        try:
            await writer.executescript(
                f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;"
            )
        except sqlite3.Error as error:
            with suppress(sqlite3.OperationalError):
                await writer.execute("ROLLBACK")
            raise DatabaseError(
                f"The database can't be brought to version {number}: {error}. "
                f"It stands unharmed at version {number - 1}."
            ) from error
