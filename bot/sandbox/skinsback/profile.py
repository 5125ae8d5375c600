"""How a market may behave where the vendor says nothing: every way must be survived."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Self


class KeyCheck(StrEnum):
    """When a purchase key is looked at: before or after availability, price and funds."""

    FIRST = auto()
    LAST = auto()


class ListLookup(StrEnum):
    """How a look-up of several purchases misbehaves."""

    COMPLETE = auto()
    CUT = auto()
    """Of several that were asked for, the last half is silently left out."""
    ERROR_FOR_ONE = auto()
    """One unknown purchase makes the whole look-up error 2."""
    WITHOUT_KEY = auto()
    """The entries carry no ``custom_id``."""


class Refund(StrEnum):
    """When the money of a failed purchase is back on the balance."""

    AT_ONCE = auto()
    LATE = auto()
    NEVER = auto()


@dataclass(frozen=True, slots=True)
class Profile:
    """One consistent set of answers to the vendor's open questions. Times are seconds.

    ``line_delay_s`` is real time and is spent before each line of a batch, also while the caller is
    gone. ``visible_after_s`` is time of the market's clock.
    """

    key_check: KeyCheck = KeyCheck.FIRST
    burns_refused_keys: bool = False
    atomic_keys: bool = True
    visible_after_s: float = 0
    list_lookup: ListLookup = ListLookup.COMPLETE
    line_delay_s: float = 0
    refund: Refund = Refund.AT_ONCE
    accepts_after_timeout: bool = False
    numbers_as_strings: bool = False
    empty_maps_as_lists: bool = True

    @classmethod
    def draw(cls, source: random.Random) -> Self:
        """Return a profile with every question answered by ``source``."""
        return cls(
            key_check=source.choice(list(KeyCheck)),
            burns_refused_keys=source.random() < 0.5,
            atomic_keys=source.random() < 0.5,
            visible_after_s=source.choice((0, 120)),
            list_lookup=source.choice(list(ListLookup)),
            line_delay_s=source.choice((0, 0, 0.02, 0.2)),
            refund=source.choice(list(Refund)),
            accepts_after_timeout=source.random() < 0.2,
            numbers_as_strings=source.random() < 0.5,
            empty_maps_as_lists=source.random() < 0.5,
        )
