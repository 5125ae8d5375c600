"""The database's own word that this process was alive, for the start after a crash.

What the market did since the last beat may be missing in the books: there the comparison with its
history begins.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from bot.services.clock import Clock
from bot.store import settings
from bot.store.database import Database

log = logging.getLogger(__name__)

EVERY_S: Final = 15.0


class Heartbeat:
    """Writes the time, every 15 seconds.

    ``may_begin`` holds back the first beat: as long as what happened since the one before has not
    been looked up, a crash must find that one still.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        every_s: float = EVERY_S,
        may_begin: asyncio.Event | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._every_s = every_s
        self._may_begin = may_begin

    async def last(self) -> int | None:
        """Return when the latest beat was (unix ms); None: never, the database is new.

        Before ``run`` has begun this is the last sign of life of the process before.
        """
        async with self._database.reading() as tx:
            return await settings.get_heartbeat(tx)

    async def run(self) -> None:
        """Beat until cancelled; one that can't be written is missing, and no more."""
        if self._may_begin is not None:
            await self._may_begin.wait()
        while True:
            try:
                async with self._database.writing() as tx:
                    await settings.set_heartbeat(tx, self._clock.now_ms())
            except Exception:
                log.exception("The heartbeat could not be written.")
            await asyncio.sleep(self._every_s)
