"""How often something may be done: a few times at once, and in the long run once in each gap."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


def _monotonic() -> float:
    return asyncio.get_running_loop().time()


class Allowance:
    """``at_once`` times without waiting; each is allowed anew after ``gap_s`` seconds."""

    def __init__(
        self, at_once: int, gap_s: float, *, monotonic: Callable[[], float] = _monotonic
    ) -> None:
        self._at_once = at_once
        self._gap_s = gap_s
        self._monotonic = monotonic
        self._full_at = 0.0

    def ahead_s(self) -> float:
        """Return for how many seconds it is not allowed yet."""
        return max(0.0, self._full_at - self._monotonic() - (self._at_once - 1) * self._gap_s)

    async def take(self) -> None:
        """Wait until it is allowed, and count it."""
        await asyncio.sleep(self.ahead_s())
        self._full_at = max(self._full_at, self._monotonic()) + self._gap_s
