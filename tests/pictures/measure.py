"""How wide words are, without a font: Helvetica's published widths, which Arial and most share.

Who looks at a picture may have another font; each run of words is therefore drawn with its width,
into which a browser fits it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_FIRST: Final = 0x20


def _table(widths: str) -> tuple[int, ...]:
    """Read widths in thousandths of the size, from the space on to the tilde."""
    return tuple(int(width) for width in widths.split())


_REGULAR: Final = _table(
    """
    278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278
    556 556 556 556 556 556 556 556 556 556 278 278 584 584 584 556
    1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778
    667 778 722 667 611 722 667 944 667 667 611 278 278 278 469 556
    333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556
    556 556 333 500 278 556 500 722 500 500 500 334 260 334 584
    """
)
_BOLD: Final = _table(
    """
    278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278
    556 556 556 556 556 556 556 556 556 556 333 333 584 584 584 611
    975 722 722 722 722 667 611 778 722 278 556 722 611 833 722 778
    667 778 722 667 611 722 667 944 667 667 611 333 278 333 584 556
    333 556 611 556 611 556 333 611 611 278 278 556 278 889 611 611
    611 611 389 556 333 611 556 778 556 556 500 389 280 389 584
    """
)
_OTHERS: Final = {
    "\u00a0": 278,
    "·": 278,
    "•": 350,
    "–": 556,
    "—": 1000,
    "‘": 222,
    "’": 222,
    "“": 400,
    "”": 400,
    "…": 1000,
    "×": 584,
    "−": 584,
    "€": 556,
    "™": 1000,
}
_MONOSPACE: Final = 602
_WIDE: Final = 1000
_LETTER: Final = 700
"""What an unknown letter takes at most, in the alphabets that aren't wide."""

_EMOJI_WIDTH: Final = 1.3

EMOJI: Final = re.compile(
    "(?![★☆])[\u2300-\u23ff\u25a0-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]\ufe0f?"
)
"""One picture in a text. A star is none: names of items are written with it."""


def advance(words: str, size: float, *, bold: bool = False, monospace: bool = False) -> float:
    """Return how wide ``words`` are at a size in pixels."""
    if EMOJI.fullmatch(words):
        return size * _EMOJI_WIDTH
    if monospace:
        return size * _MONOSPACE * len(words) / 1000
    table = _BOLD if bold else _REGULAR
    return size * sum(_width(char, table) for char in words) / 1000


def _width(char: str, table: tuple[int, ...]) -> int:
    place = ord(char) - _FIRST
    if 0 <= place < len(table):
        return table[place]
    if char in _OTHERS:
        return _OTHERS[char]
    if unicodedata.combining(char) or unicodedata.category(char) in ("Cf", "Cc", "Mn"):
        return 0
    base = unicodedata.normalize("NFD", char)[0]
    if base != char:
        return _width(base, table)
    if unicodedata.east_asian_width(char) in ("W", "F") or not char.isalpha():
        return _WIDE
    return _LETTER
