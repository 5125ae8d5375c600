"""A consistent copy of the database, made beside the running bot."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from bot.errors import DatabaseError
from bot.store.database import APPLICATION_ID

_PAGES: Final = 256  # a megabyte


def back_up(database: Path, copy: Path, *, between_steps: Callable[[], None] = lambda: None) -> int:
    """Copy a database as of this moment and return the size of the copy in bytes. Blocking.

    ``between_steps`` is called after each megabyte: a short pause there gives the commits of the
    running bot their turn at the disk.

    It is written beside ``copy`` and gets its name only when it is whole and on disk. Raises
    ``DatabaseError``: nothing to copy, ``copy`` exists, or it can't be written or isn't sound.
    """
    if not database.exists():
        raise DatabaseError(f"There is no database at {database}.")
    if copy.exists() or copy.is_symlink():
        raise DatabaseError(f"{copy} exists already. A copy never takes another file's place.")
    new = copy.with_name(f"{copy.name}.new")
    try:
        # Made by us alone, for this user alone, before SQLite opens it.
        os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise DatabaseError(
            f"{new} exists: another backup is being made, or one was broken off. Remove it."
        ) from None
    except OSError as error:
        raise DatabaseError(f"{copy} can't be written: {error.strerror}.") from None
    try:
        _copy(database, new, between_steps)
        size = _sync(new)
        if copy.exists():
            raise DatabaseError(f"{copy} exists already. A copy never takes another file's place.")
        new.rename(copy)
        _sync(copy.parent)
    except (sqlite3.Error, OSError) as error:
        raise DatabaseError(f"The database can't be copied to {copy}: {error}.") from None
    finally:
        for tail in ("", "-journal", "-wal", "-shm"):
            with suppress(OSError):
                new.with_name(f"{new.name}{tail}").unlink(missing_ok=True)
    return size


def _copy(database: Path, new: Path, between_steps: Callable[[], None]) -> None:
    with (
        closing(_connect(database, "mode=ro")) as source,
        closing(_connect(new, "mode=rw")) as target,
    ):
        (application_id,) = source.execute("PRAGMA application_id").fetchone()
        if application_id != APPLICATION_ID:
            raise DatabaseError(f"{database} is no database of Quartermaster.")
        # One reading for the whole copy: it shows one moment and is never begun anew, however
        # much is written meanwhile, and in WAL mode a reader is in no writer's way.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        source.backup(target, pages=_PAGES, progress=lambda *_: between_steps())
        source.execute("ROLLBACK")
        # By the time it is restored, what waits to be posted may stand already: it is to be
        # searched for first, as after a crash.
        target.execute("UPDATE outbox SET state = 'trying' WHERE state = 'waiting'")
        # One file, without a log beside it; the bot sets its own mode when it opens it.
        target.execute("PRAGMA journal_mode = DELETE")
        verdict = [row[0] for row in target.execute("PRAGMA integrity_check(3)")]
        if verdict != ["ok"]:
            raise DatabaseError(f"The copy is not sound ({'; '.join(verdict)}); it was not kept.")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(str(path.resolve()))}?{mode}", uri=True, isolation_level=None
    )


def _sync(path: Path) -> int:
    """Have a file, or a folder's list of names, on disk; return its size."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
