"""Long work beside everything else: a little at a time, and never as fast as the machine can."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final, Self, TypeVar

from bot.search.turns import Turns

_SLICE_S: Final = 0.000_25
"""So long the event loop is held up before it is given back. An approval needs it some twenty times
before it is on the wire, so a little each time is much."""

_LONGEST_S: Final = 0.004
"""What is counted as work at once, and not as a wait for somebody else."""


_MOMENT_S: Final = 0.1
"""How long background work stands still for something that can't wait."""

_STILL_MAX_S: Final = 1.0
"""And at most at a time: where one follows the other, it still gets on."""

T = TypeVar("T")


class Haste:
    """Says when something is under way that can't wait, like money that was just approved."""

    def __init__(self) -> None:
        self._calm = asyncio.Event()
        self._calm.set()
        self._timer: asyncio.TimerHandle | None = None

    def now(self) -> None:
        """Have background work stand still for a moment."""
        if self._timer is not None:
            self._timer.cancel()
        self._calm.clear()
        self._timer = asyncio.get_running_loop().call_later(_MOMENT_S, self._calm.set)

    async def over(self) -> None:
        """Wait until nothing is under way that can't wait, but not for ever."""
        if self._calm.is_set():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_STILL_MAX_S):
                await self._calm.wait()


class Pace:
    """The pace of one piece of background work, which takes a ``share`` of one processor.

    It stands still while there is ``haste``.
    """

    def __init__(
        self, share: float = 0.125, *, slice_s: float = _SLICE_S, haste: Haste | None = None
    ) -> None:
        self._rest = 1 / share - 1
        self._slice_s = slice_s
        self._haste = haste or Haste()
        self._since: float | None = None

    @classmethod
    def urgent(cls) -> Self:
        """Return the pace where somebody may be waiting for what is made.

        Its slices are longer, because no sleep is shorter than about a millisecond.
        """
        return cls(0.6, slice_s=0.002)

    async def breathe(self) -> None:
        """Give way to everybody else if there was enough work since the last time."""
        clock = asyncio.get_running_loop().time
        if self._since is None:
            self._since = clock()
        worked = clock() - self._since
        if worked < self._slice_s:
            return
        await asyncio.sleep(min(worked, _LONGEST_S) * self._rest)
        await self._haste.over()
        self._since = clock()

    async def through(self, work: Turns[T]) -> T:
        """Do all of some work that pauses by itself, and return what it made."""
        while True:
            try:
                next(work)
            except StopIteration as end:
                made: T = end.value
                return made
            await self.breathe()
