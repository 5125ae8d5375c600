"""The words of a list of names: where each stands, by itself, by its beginning, by what is like it."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.search.bitsets import bits_of
from bot.search.shapes import parts_of
from bot.search.turns import Turn, Turns

_COMMON: Final = 1_024
"""Where a word stands in so many names, a set in one piece costs less than to make it."""

_BEGINNINGS: Final = range(3, 13)
"""Lengths of beginnings that are compared with what is typed and not finished."""

_LAST: Final = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Like:
    """A word of names that is like a typed one."""

    word: str
    changes: int


class Vocabulary:
    """Words and the positions of the names that have them; immutable once built."""

    __slots__ = (
        *("_beginnings", "_by_length", "_common", "_lines", "_places", "_size", "_starts"),
        *("_text", "_text_starts"),
    )

    def __init__(self, size: int) -> None:
        self._size = size
        self._lines: list[str] = []
        """All words in order."""
        self._starts = array("I", [0])
        """Where the places of each word begin in ``_places``."""
        self._places = array("I")
        self._common: dict[int, int] = {}
        """Words that stand in many names, by their number: their places in one piece."""
        self._text = ""
        """All words in order, one to a line, in which to look for what is inside of words."""
        self._text_starts = array("I")
        self._by_length: dict[int, list[str]] = {}
        self._beginnings: dict[int, list[str]] = {}

    @classmethod
    def building(
        cls, names: Sequence[str], turn: Turn, *, known: Iterable[str] = ()
    ) -> Turns[Vocabulary]:
        """Build it for names in their order; ``known`` are other words that a word may be like."""
        made = cls(len(names))
        places: defaultdict[str, list[int]] = defaultdict(list)
        for position, name in enumerate(names):
            for word in words_of(parts_of(name)):
                places[word].append(position)
            if turn.is_over():
                yield
        yield from made._keep(places, turn)
        yield from made._prepare_likes(known, turn)
        return made

    def _keep(self, places: dict[str, list[int]], turn: Turn) -> Turns[None]:
        for word in (yield from _in_order(places, turn)):
            found = places.pop(word)
            if len(found) < _COMMON:
                self._places.extend(found)
            else:
                self._common[len(self._lines)] = bits_of(found, self._size)
            self._starts.append(len(self._places))
            self._lines.append(word)
            if turn.is_over():
                yield
        start = 0
        for word in self._lines:
            self._text_starts.append(start)
            start += len(word) + 1
        self._text = "\n".join(self._lines)

    def _prepare_likes(self, known: Iterable[str], turn: Turn) -> Turns[None]:
        beginnings: dict[int, dict[str, None]] = {length: {} for length in _BEGINNINGS}
        for words in (self._lines, [word for word in known if self._at(word) is None]):
            for word in words:
                if not word.isdigit():
                    self._by_length.setdefault(len(word), []).append(word)
                    if words is self._lines:
                        for length in _BEGINNINGS[: max(0, len(word) - _BEGINNINGS.start)]:
                            beginnings[length][word[:length]] = None
                if turn.is_over():
                    yield
        for length, found in beginnings.items():
            self._beginnings[length] = list(found)
            if turn.is_over():
                yield
        # The first comparison of all builds tables inside the library.
        self.like("warming up", 1)

    def _at(self, word: str) -> int | None:
        at = bisect_left(self._lines, word)
        return at if at < len(self._lines) and self._lines[at] == word else None

    def _between(self, first: int, end: int) -> int:
        """Return where any word of a stretch stands."""
        return self._common_between(first, end) | self._rare_between(first, end)

    def _common_between(self, first: int, end: int) -> int:
        bits = 0
        for at, common in self._common.items():
            if first <= at < end:
                bits |= common
        return bits

    def _rare_between(self, first: int, end: int) -> int:
        bits = 0
        if self._starts[first] < self._starts[end]:
            bits = bits_of(self._places[self._starts[first] : self._starts[end]], self._size)
        return bits

    def exactly(self, word: str) -> int:
        """Return the names that have this word."""
        at = self._at(word)
        return 0 if at is None else self._between(at, at + 1)

    def has(self, word: str) -> bool:
        """Say whether any name has this word."""
        return self._at(word) is not None

    def beginning(self, with_this: str) -> int:
        """Return the names that have a word with this beginning."""
        return self._between(*self._stretch(with_this))

    def beginning_by_kind(self, with_this: str) -> tuple[int, int]:
        """Return the same for words that stand in few names, and for those in very many."""
        first, end = self._stretch(with_this)
        return self._rare_between(first, end), self._common_between(first, end)

    def _stretch(self, beginning: str) -> tuple[int, int]:
        first = bisect_left(self._lines, beginning)
        return first, bisect_right(self._lines, beginning + _LAST)

    def containing(self, part: str) -> int:
        """Return the names that have a word with this anywhere inside."""
        bits = 0
        found = self._text.find(part)
        while found >= 0:
            at = bisect_right(self._text_starts, found) - 1
            bits |= self._between(at, at + 1)
            end = self._text_starts[at + 1] if at + 1 < len(self._lines) else len(self._text)
            found = self._text.find(part, end)
        return bits

    def like(self, word: str, changes: int) -> list[Like]:
        """Return the words, of names or known, that so many changes make of this one."""
        lengths = range(len(word) - changes, len(word) + changes + 1)
        return self._alike(word, self._by_length, lengths, changes)

    def like_beginnings(self, word: str, changes: int) -> list[Like]:
        """Return beginnings of words that so many changes make of this one."""
        lengths = range(len(word) - changes, len(word) + changes + 1)
        return self._alike(word, self._beginnings, lengths, changes)

    @staticmethod
    def _alike(
        word: str, among: dict[int, list[str]], lengths: Iterable[int], changes: int
    ) -> list[Like]:
        found: list[Like] = []
        for length in lengths:
            for other, distance, _ in process.extract(
                word,
                among.get(length, ()),
                scorer=OSA.distance,
                score_cutoff=changes,
                limit=None,
            ):
                found.append(Like(other, int(distance)))
        return found


def _in_order(words: Iterable[str], turn: Turn) -> Turns[list[str]]:
    """Sort words, a first letter at a time."""
    by_letter: defaultdict[str, list[str]] = defaultdict(list)
    for word in words:
        by_letter[word[0]].append(word)
        if turn.is_over():
            yield
    ordered: list[str] = []
    for letter in sorted(by_letter):
        ordered += sorted(by_letter[letter])
        if turn.is_over():
            yield
    return ordered


_LETTERS_FOR_DIGITS: Final = str.maketrans("01345", "oieas")
_DIGIT_INSIDE: Final = re.compile(r"[a-z][01345](?=[a-z])")


def spoken(word: str) -> str | None:
    """Return how a player's name like ``s1mple`` is said, or None if it has no such digit."""
    letters = sum(char.isalpha() for char in word)
    if letters < 3 or not _DIGIT_INSIDE.search(word):
        return None
    return word.translate(_LETTERS_FOR_DIGITS)


_NEVER_JOINED: Final = ("stattrak", "souvenir")
"""They stand before half of all names, and nobody types them without a space."""


def words_of(parts: Iterable[Sequence[str]]) -> set[str]:
    """Return every word by which a name is found: its own, two joined, and as they are said."""
    found: set[str] = set()
    for words in parts:
        found.update(words)
        found.update(
            first + second for first, second in pairwise(words) if first not in _NEVER_JOINED
        )
        found.update(said for word in words if (said := spoken(word)))
        if len(words) > 2 and all(len(word) == 1 for word in words):
            found.add("".join(words))
    return found
