"""How many batches were ever sent, written beside the database as well.

A database that has been put back from an older copy doesn't know of what was sent since. This file
does: where it counts further than the database, or is gone, the database is taken for such a copy.
"""

from __future__ import annotations

import logging
from pathlib import Path

log = logging.getLogger(__name__)


class SentFile:
    """The count in the file. It is only ever a warning, so it need not survive a loss of power."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> int | None:
        """Return the count, or None if there is none that can be read."""
        try:
            text = self._path.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return None
        return int(text) if text.isdecimal() and len(text) <= 18 else None

    def write(self, count: int) -> None:
        """Write the count, whole or not at all; a disk that can't take it is logged only."""
        fresh = self._path.with_name(f"{self._path.name}.new")
        try:
            fresh.write_text(str(count), encoding="ascii")
            fresh.replace(self._path)
        except OSError as error:
            log.warning("The count of what was sent could not be written: %s", error)
