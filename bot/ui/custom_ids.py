"""Custom ids: which button, select or modal it is, about what, and what it showed.

``<space>1:<subject>:<stamp>:<verb>[:<tail>]``. The stamp tells a stale click: the digest of a
request's card, the revision of a basket. Never a price, a person or a state: those are read anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from secrets import token_hex
from typing import Final, Self

from bot.domain.keys import DIGEST_SHOWN
from bot.domain.models import Basket, Request


class Space(StrEnum):
    """What a custom id is about."""

    REQUEST = "req1"
    BASKET = "bas1"
    TRADE_URL = "url1"
    SETUP = "set1"
    PANEL = "pan1"
    MONEY = "mon1"
    SKINS = "ski1"


NOTHING: Final = "-"

_DIGITS_MAX: Final = 18

_PATTERN: Final = re.compile(
    r"(?P<space>[a-z]{3}1):(?P<subject>[a-z0-9-]{1,24}):(?P<stamp>[a-z0-9-]{1,16})"
    r":(?P<verb>[a-z_]{1,20})(?::(?P<tail>[a-z0-9._-]{1,30}))?"
)


@dataclass(frozen=True, slots=True)
class CustomId:
    """A parsed custom id, at most 98 characters long."""

    space: Space
    verb: str
    subject: str = NOTHING
    stamp: str = NOTHING
    tail: str = ""

    def __str__(self) -> str:
        """Return it as Discord gets it."""
        text = f"{self.space}:{self.subject}:{self.stamp}:{self.verb}"
        return f"{text}:{self.tail}" if self.tail else text

    @property
    def page(self) -> int | None:
        """The number of a page that the tail is, if it is one."""
        return int(self.tail) if self.tail.isdecimal() else None

    def number(self, place: int = 0) -> int:
        """Return the number at a place of the tail, ``12.25.f3``; 0 if there is none."""
        return self.numbers(place + 1)[place]

    def numbers(self, count: int) -> list[int]:
        """Return the first numbers of the tail; 0 for what isn't there."""
        parts = [*self.tail.split("."), *("",) * count]
        return [number_in(part) for part in parts[:count]]

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return what ``text`` says, or None if it is none of ours."""
        match = _PATTERN.fullmatch(text)
        if match is None or match["space"] not in set(Space):
            return None
        return cls(
            Space(match["space"]),
            match["verb"],
            match["subject"],
            match["stamp"],
            match["tail"] or "",
        )


def number_in(digits: str) -> int:
    """Return a number of ours, from a custom id or a menu; 0 for what is none, or too long.

    None of ours is longer, and no database takes what is.
    """
    return int(digits) if digits.isdecimal() and len(digits) <= _DIGITS_MAX else 0


def of_request(request: Request, verb: str, tail: str = "") -> str:
    """Return the custom id of a component on a card about a request."""
    stamp = request.digest[:DIGEST_SHOWN]
    return str(CustomId(Space.REQUEST, verb, request.request_id, stamp, tail))


def of_basket(basket: Basket, verb: str, tail: str = "") -> str:
    """Return the custom id of a component on a screen of the basket."""
    return str(CustomId(Space.BASKET, verb, basket.request_id, str(basket.revision), tail))


def of_skins(basket: Basket, verb: str, *numbers: int | str) -> str:
    """Return the custom id of a component of ``/skins``; ``numbers``: which search, which page."""
    tail = ".".join(str(number) for number in numbers)
    return str(CustomId(Space.SKINS, verb, basket.request_id, str(basket.revision), tail))


_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def pack(numbers: Iterable[int]) -> str:
    """Return a set of numbers from 0 to 99 in at most 20 characters of a custom id."""
    left, packed = sum(1 << number for number in set(numbers)), ""
    while left:
        left, digit = divmod(left, len(_DIGITS))
        packed = _DIGITS[digit] + packed
    return packed or _DIGITS[0]


def unpack(packed: str) -> frozenset[int]:
    """Return the set that ``pack`` was given; the empty set for what it never returned."""
    if not re.fullmatch("[0-9a-z]{1,20}", packed):
        return frozenset()
    bits = int(packed, len(_DIGITS))
    return frozenset(number for number in range(bits.bit_length()) if bits >> number & 1)


def one_time() -> str:
    """Return a tail for a modal: phones show the stale values of a modal whose id they know."""
    return token_hex(4)
