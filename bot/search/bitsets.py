"""Sets of positions as whole numbers: bit ``n`` says that position ``n`` is in the set.

An AND or an OR of two sets of 37,000 names takes about a millionth of a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sized
from typing import Final

_ONE: Final = ord("1")
_FEW: Final = 800
_NOT_EMPTY: Final = re.compile(rb"[^\0]", re.DOTALL)
_BITS_OF_BYTE: Final = tuple(
    tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256)
)


def bits_of(positions: Iterable[int], size: int) -> int:
    """Return the set of some positions, each below ``size``."""
    if not size:
        return 0
    if isinstance(positions, Sized) and len(positions) < _FEW:
        data = bytearray(size // 8 + 1)
        for position in positions:
            data[position >> 3] |= 1 << (position & 7)
        return int.from_bytes(data, "little")
    # More work for the set as a whole, and less for each position.
    digits = bytearray(b"0") * size
    for position in positions:
        digits[position] = _ONE
    digits.reverse()
    return int(digits, 2)


def first_of(bits: int, count: int, *, skip: int = 0) -> list[int]:
    """Return the lowest ``count`` positions of a set, after so many that are skipped."""
    start = _start_of(bits, skip) if skip else 0
    rest = bits >> start
    data = rest.to_bytes((rest.bit_length() + 7) // 8, "little")
    found: list[int] = []
    for match in _NOT_EMPTY.finditer(data):
        if len(found) >= count:
            break
        at = match.start()
        base = start + at * 8
        found += [base + bit for bit in _BITS_OF_BYTE[data[at]]]
    return found[:count]


def _start_of(bits: int, skip: int) -> int:
    """Return the highest position with no more than ``skip`` of the set below it."""
    low, high = 0, bits.bit_length()
    while low < high:
        middle = (low + high + 1) // 2
        if (bits & ((1 << middle) - 1)).bit_count() <= skip:
            low = middle
        else:
            high = middle - 1
    return low
