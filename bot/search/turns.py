"""Long work in short turns, so that an event loop is never held up for long."""

from __future__ import annotations

from collections.abc import Generator
from time import perf_counter
from typing import Final, TypeVar

_TURN_S: Final = 0.000_25
"""Whoever waits for several answers of the loop one after another waits for a turn each time."""

Made = TypeVar("Made")
Turns = Generator[None, None, Made]
"""Work that pauses after a fraction of a millisecond; what it made comes at its end."""


class Turn:
    """How long the work has gone on since its last pause."""

    __slots__ = ("_end",)

    def __init__(self) -> None:
        self._end: float | None = None

    def is_over(self) -> bool:
        """Say whether it is time to pause; asked after each small step of the work.

        Once it said so, the next turn begins with the next question: a pause takes as long as it
        takes, and is no work.
        """
        now = perf_counter()
        if self._end is None:
            self._end = now + _TURN_S
        elif now >= self._end:
            self._end = None
            return True
        return False


def finish(work: Turns[Made]) -> Made:
    """Do work to its end without pausing, and return what it made."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            made: Made = end.value
            return made
