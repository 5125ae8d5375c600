"""Time that tests can move, and ids that carry it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final

DISCORD_EPOCH_MS: Final = 1_420_070_400_000
"""The first second of 2015, from which snowflakes count (reference, "Snowflakes")."""


class Clock:
    """Real time plus an offset, and unique ids that carry it.

    Ids are strictly increasing, so that sorting messages by id sorts them by time.
    """

    def __init__(self) -> None:
        self._offset_s = 0.0
        self._last_id = 0

    def now(self) -> float:
        """Return the seconds since 1970 on this clock."""
        return time.time() + self._offset_s

    def today(self) -> datetime:
        """Return the time on this clock as a date with zone."""
        return datetime.fromtimestamp(self.now(), UTC)

    def advance(self, seconds: float) -> None:
        """Move this clock forward; the clock of the bot stays where it is."""
        if seconds < 0:
            raise ValueError("time goes forward only")
        self._offset_s += seconds

    def snowflake(self) -> int:
        """Return a fresh id made now."""
        made_now = (int(self.now() * 1000) - DISCORD_EPOCH_MS) << 22
        self._last_id = max(made_now, self._last_id + 1)
        return self._last_id
