"""The last event that was ever committed, noted beside the database as well.

A database that was put back from an older copy doesn't know of what happened since. This file does:
where it is further than the database, or is gone, the database is taken for such a copy.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path
from typing import Final

_NUMBER: Final = struct.Struct("<q")


class LastEvent:
    """A number in a file that is written as fast as memory, and outlives a killed process.

    It may lag behind the disk after a loss of power, so it is a warning and no proof.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or make it. Raises ``OSError``."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_size < _NUMBER.size:
                os.ftruncate(descriptor, 0)
                os.ftruncate(descriptor, _NUMBER.size)
            self._memory = mmap.mmap(descriptor, _NUMBER.size)
        finally:
            os.close(descriptor)

    @property
    def event_id(self) -> int:
        """The number; 0 in a new file."""
        return int(_NUMBER.unpack_from(self._memory)[0])

    def note(self, event_id: int) -> None:
        """Write the number, unless a later one stands there: that one has happened too."""
        if event_id > self.event_id:
            self.set(event_id)

    def set(self, event_id: int) -> None:
        """Write the number, whatever stands there."""
        _NUMBER.pack_into(self._memory, 0, event_id)

    def close(self) -> None:
        """Close the file."""
        self._memory.close()
