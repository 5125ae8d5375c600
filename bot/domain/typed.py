"""Small things that people type into fields: how many, and which listing."""

from __future__ import annotations

import re
from typing import Final

from bot.domain.limits import LINES_HARD_MAX
from bot.domain.plain_text import clean_line
from bot.errors import Problem, UserFacingError

_QUANTITY: Final = re.compile(r"(?:x\s?|×\s?)?([0-9]{1,4})(?:\s?x|\s?×)?", re.IGNORECASE)
_LISTING: Final = re.compile(r"#?\s?([0-9]{1,15})")
_NAME_AND_LISTING: Final = re.compile(r"(?P<name>.*\S)\s+#(?P<listing>[0-9]{1,15})")

_LISTING_ALONE: Final = re.compile(r"#\s?[0-9]{1,15}|[0-9]{6,15}")
"""No skin of the games is called like that."""

_WHOLE: Final = re.compile(r"([0-9]{1,6})\s?(?:s|seconds)?", re.IGNORECASE)
_PERCENT: Final = re.compile(r"(?P<whole>[0-9]{1,4})(?:[.,](?P<parts>[0-9]{1,2}))?\s?%?")

_SHOWN_MAX: Final = 40


def parse_quantity(text: str) -> int:
    """Parse how many: ``3``, ``x3``, ``3x``; nothing means one.

    Raises ``UserFacingError`` (QUANTITY_WRONG).
    """
    bare = text.strip()
    if not bare:
        return 1
    match = _QUANTITY.fullmatch(bare)
    if match is None or not 1 <= int(match[1]) <= LINES_HARD_MAX:
        raise UserFacingError(
            Problem.QUANTITY_WRONG,
            typed=clean_line(text, length_max=_SHOWN_MAX),
            highest=LINES_HARD_MAX,
        )
    return int(match[1])


def parse_listing_id(text: str) -> int | None:
    """Parse a listing id, with or without ``#``; nothing means none.

    Raises ``UserFacingError`` (LISTING_ID_WRONG).
    """
    bare = text.strip()
    if not bare:
        return None
    match = _LISTING.fullmatch(bare)
    if match is None or int(match[1]) == 0:
        raise UserFacingError(
            Problem.LISTING_ID_WRONG, typed=clean_line(text, length_max=_SHOWN_MAX)
        )
    return int(match[1])


def parse_buy_id(text: str) -> int:
    """Parse the market's number of a purchase, with or without ``#``.

    Raises ``UserFacingError`` (BUY_ID_WRONG).
    """
    match = _LISTING.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        raise UserFacingError(Problem.BUY_ID_WRONG, typed=clean_line(text, length_max=_SHOWN_MAX))
    return int(match[1])


def parse_whole_number(text: str) -> int | None:
    """Return a whole number as people type one into a settings form, or None if it is none."""
    match = _WHOLE.fullmatch(text.strip())
    return int(match[1]) if match else None


def parse_percent(text: str) -> int | None:
    """Return basis points for ``5``, ``5 %`` or ``7,5``, or None if it is no percentage."""
    match = _PERCENT.fullmatch(text.strip())
    if match is None:
        return None
    return int(match["whole"]) * 100 + int((match["parts"] or "").ljust(2, "0"))


def is_listing_alone(text: str) -> bool:
    """Say whether it is the number of a listing, without the name of its skin."""
    return _LISTING_ALONE.fullmatch(text.strip()) is not None


def split_listing(text: str) -> tuple[str, str]:
    """Split ``AK-47 | Redline (Field-Tested) #62696971`` into the name and the listing's number."""
    match = _NAME_AND_LISTING.fullmatch(text.strip())
    return (match["name"], match["listing"]) if match else (text, "")
