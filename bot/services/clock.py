"""Time, as an argument: tests bring their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

_NS_IN_MS: Final = 1_000_000


class Clock(Protocol):
    """Tells the time."""

    def now_ms(self) -> int:
        """Return unix milliseconds."""
        ...


class AnchoredClock(Clock, Protocol):
    """A clock that was set by the machine's and goes its own way from then on."""

    def wall_ms(self) -> int:
        """Return what the machine's clock says now, in unix milliseconds."""
        ...

    def resync(self) -> int:
        """Set it by the machine's clock again; return by how many milliseconds it moved."""
        ...


class SystemClock:
    """The machine's clock at the start, and the monotonic one since then.

    So an interval is as long as it was, whoever sets the machine's clock meanwhile.
    """

    def __init__(
        self,
        *,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._anchor_ns = wall_ns() - monotonic_ns()

    def now_ms(self) -> int:
        """Return unix milliseconds."""
        return (self._anchor_ns + self._monotonic_ns()) // _NS_IN_MS

    def wall_ms(self) -> int:
        """Return what the machine's clock says now, in unix milliseconds."""
        return self._wall_ns() // _NS_IN_MS

    def resync(self) -> int:
        """Set it by the machine's clock again; return by how many milliseconds it moved."""
        before = self.now_ms()
        self._anchor_ns = self._wall_ns() - self._monotonic_ns()
        return self.now_ms() - before
