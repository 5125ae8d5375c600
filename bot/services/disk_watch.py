"""Whether there is room to write down what a purchase needs, before it is made."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

_MIB: Final = 1024 * 1024

LOW_BYTES: Final = 64 * _MIB
"""With less than this nothing new is bought.

A request with everything that is told about it takes some 30 KB, but the write-ahead log beside
the database may grow by megabytes under a long reading (a backup), and the price list is written
anew, whole, every few minutes. A full disk would end the process in the middle of an order.
"""

ENOUGH_BYTES: Final = 80 * _MIB
"""With this it goes on; more than ``LOW_BYTES``, so that it doesn't change with every log line."""

_BELIEVED_S: Final = 5.0
_CHECK_S: Final = 30.0


class DiskWatch:
    """Asks how much is free, at most every five seconds, and says when it begins and ends.

    ``free`` returns bytes, or None if nobody knows; it blocks, so it is called in a thread.
    """

    def __init__(self, free: Callable[[], int | None], *, believed_s: float = _BELIEVED_S) -> None:
        self._free = free
        self._believed_s = believed_s
        self._asked_at: float | None = None
        self._low = False
        self._lock = asyncio.Lock()

    async def is_low(self) -> bool:
        """Say whether there is too little to buy anything; not knowing is no reason to wait."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if self._asked_at is None or now - self._asked_at >= self._believed_s:
                self._note(await asyncio.to_thread(self._free))
                self._asked_at = now
            return self._low

    def _note(self, free: int | None) -> None:
        before, limit = self._low, ENOUGH_BYTES if self._low else LOW_BYTES
        self._low = free is not None and free < limit
        if self._low and not before:
            log.error(
                "The disk of the database is nearly full (%d MiB free): nothing is bought until "
                "%d MiB are.",
                (free or 0) // _MIB,
                ENOUGH_BYTES // _MIB,
            )
        elif before and not self._low:
            log.info("The disk of the database has room again: buying goes on.")

    async def run(self) -> None:
        """Look for ever, so that the operator hears of it while nobody asks for anything."""
        while True:
            await self.is_low()
            await asyncio.sleep(_CHECK_S)
