"""Scripted faults: what goes wrong with the next calls of a method."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Final


class Fault(StrEnum):
    """What goes wrong. The first six happen on the way, the others inside a batch answer."""

    REFUSE = auto()
    """Answered with an error code; nothing is carried out."""
    HANG = auto()
    DROP = auto()
    """The connection is cut before a byte of the answer."""
    CUT_BODY = auto()
    HTML_502 = auto()
    REDIRECT = auto()
    """A 307 to the same address: a client that follows it sends everything twice."""

    LINE_MISSING = auto()
    """A line is in neither map."""
    LINE_IN_BOTH = auto()
    """A bought line is also called unavailable."""
    UNKNOWN_CODE = auto()
    """A line is unavailable with a code that no document names."""
    FOREIGN_STEAM_ID = auto()
    FOREIGN_KEY = auto()
    DEBIT_ABOVE_CEILING = auto()
    """The line costs a dollar more than its ceiling, on the balance too."""


LINE_FAULTS: Final = frozenset(
    {
        Fault.LINE_MISSING,
        Fault.LINE_IN_BOTH,
        Fault.UNKNOWN_CODE,
        Fault.FOREIGN_STEAM_ID,
        Fault.FOREIGN_KEY,
        Fault.DEBIT_ABOVE_CEILING,
    }
)


@dataclass(frozen=True, slots=True)
class Scripted:
    """One fault to come.

    ``carried_out``: the call, or the line with this index, takes effect all the same. ``hang_s``:
    how long a hanging call is held, in real seconds, if the caller waits that long.
    """

    fault: Fault
    carried_out: bool = True
    line: int = 0
    hang_s: float = 3600
    code: int = 0
    message: str = ""


class FaultQueue:
    """Faults by method, each taken by one call, in the order they were scripted."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Scripted]] = {}

    def add(self, method: str, scripted: Scripted, times: int) -> None:
        """Let the next ``times`` calls of ``method`` go wrong this way."""
        self._waiting.setdefault(method, deque()).extend([scripted] * times)

    def take(self, method: str) -> Scripted | None:
        """Return what goes wrong with this call, and forget it."""
        waiting = self._waiting.get(method)
        return waiting.popleft() if waiting else None

    def clear(self) -> None:
        """Let everything go well from here on."""
        self._waiting.clear()
