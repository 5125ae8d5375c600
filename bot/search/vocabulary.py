"""The words of a list of names: where each is found, by its beginning, and by what is like it."""

from __future__ import annotations

import re
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zlib import crc32

from bot.search.bitsets import bits_of
from bot.search.likes import Likes
from bot.search.shapes import parts_of
from bot.search.sounds import sound_of
from bot.search.turns import Turn, Turns

_COMMON: Final = 1_024
"""Where a word stands in so many names, a set in one piece costs less than to make it."""

_BEGINNINGS: Final = range(3, 13)
"""Lengths of beginnings that are compared with what is typed and not finished."""

_JOINED_FROM: Final = 4
"""Joined words are compared with misspelt ones if they stand in so many names: there are very many
of them in a game whose names are sentences."""

_PLACE_BYTES: Final = array("I").itemsize
_LAST: Final = "\U0010ffff"

_INITIALS: Final = "\x01"
"""Before the first letters of words, which are no word themselves."""

_LINE_BITS: Final = 32
_LINE: Final = (1 << _LINE_BITS) - 1
_FINISHES_KEPT: Final = 2_048

_TABLE_BY: Final = 2
"""Letters at the beginning of a word that say in which table it is: a large one takes milliseconds
whenever it has to grow."""

_Places = defaultdict[str, defaultdict[str, bytearray]]


class Vocabulary:
    """Words and the positions of the names that have them; immutable once built."""

    __slots__ = (
        *("_beginnings", "_common", "_common_lines", "_likes", "_lines", "_places"),
        *("_size", "_sounds", "_starts", "_text", "_text_lines", "_text_starts"),
    )

    def __init__(self, size: int) -> None:
        self._size = size
        self._lines: list[str] = []
        """All words in order."""
        self._starts = array("I", [0])
        """Where the places of each word begin in ``_places``."""
        self._places = array("I")
        self._common_lines = array("I")
        self._common: dict[int, int] = {}
        """Words that stand in many names, by their number: their places in one piece."""
        self._text = ""
        """Words in order, one to a line, in which to look for what is inside of words."""
        self._text_starts = array("I")
        self._text_lines = array("I")
        self._sounds = array("Q")
        """For each word a number for its sound and, below that, its own number; in order."""
        self._likes: Likes
        self._beginnings: Likes

    @classmethod
    def building(
        cls, names: Sequence[str], turn: Turn, *, known: Iterable[str] = ()
    ) -> Turns[Vocabulary]:
        """Build it for names in their order; ``known`` are other words that a word may be like."""
        made = cls(len(names))
        # Bytes and not lists: the garbage collector would look through a hundred thousand lists
        # again and again while they are made, and stop everything for as long as that takes.
        places: _Places = defaultdict(lambda: defaultdict(bytearray))
        own: set[str] = set()
        for position, name in enumerate(names):
            parts = parts_of(name)
            words = own_words(parts)
            own |= words
            place = position.to_bytes(_PLACE_BYTES, sys.byteorder)
            for word in words | joined_words(parts) | finish_words(parts):
                places[word[:_TABLE_BY]][word] += place
            if turn.is_over():
                yield
        yield from made._keep(places, turn)
        yield from made._prepare_inside(own, turn)
        yield from made._prepare_likes(own, known, turn)
        return made

    def _keep(self, places: _Places, turn: Turn) -> Turns[None]:
        for start in sorted(places):
            table = places.pop(start)
            for word in sorted(table):
                found = array("I", bytes(table.pop(word)))
                if len(found) < _COMMON:
                    self._places.extend(found)
                else:
                    self._common_lines.append(len(self._lines))
                    self._common[len(self._lines)] = bits_of(found, self._size)
                self._starts.append(len(self._places))
                self._lines.append(word)
                if turn.is_over():
                    yield

    def _prepare_inside(self, own: Set[str], turn: Turn) -> Turns[None]:
        words: list[str] = []
        start = 0
        for at, word in enumerate(self._lines):
            if word in own:
                self._text_lines.append(at)
                self._text_starts.append(start)
                start += len(word) + 1
                words.append(word)
            if turn.is_over():
                yield
        self._text = "\n".join(words)
        sounds = array("Q")
        for at, word in zip(self._text_lines, words, strict=True):
            if sound := sound_of(word):
                sounds.append(_number_of(sound) | at)
            if turn.is_over():
                yield
        self._sounds.extend(sorted(sounds))

    def _prepare_likes(self, own: Set[str], known: Iterable[str], turn: Turn) -> Turns[None]:
        by_length: defaultdict[int, list[str]] = defaultdict(list)
        beginnings: dict[int, dict[str, None]] = {length: {} for length in _BEGINNINGS}
        for at, word in enumerate(self._lines):
            if not word.isdigit() and (word in own or self._stands_in(at) >= _JOINED_FROM):
                by_length[len(word)].append(word)
            if not word.isdigit() and word in own:
                for length in _BEGINNINGS[: max(0, len(word) - _BEGINNINGS.start)]:
                    beginnings[length][word[:length]] = None
            if turn.is_over():
                yield
        for word in known:
            if self._at(word) is None and not word.isdigit():
                by_length[len(word)].append(word)
        self._likes = yield from Likes.building(by_length, turn)
        self._beginnings = yield from Likes.building(beginnings, turn)
        # The first comparison of all builds tables inside the library.
        self.like("warming up", 1)

    def _stands_in(self, at: int) -> int:
        """Return how many names have a word; a very common one counts as many."""
        return _COMMON if at in self._common else self._starts[at + 1] - self._starts[at]

    def _at(self, word: str) -> int | None:
        at = bisect_left(self._lines, word)
        return at if at < len(self._lines) and self._lines[at] == word else None

    def _between(self, *stretches: tuple[int, int]) -> int:
        """Return where any word of some stretches stands."""
        bits = 0
        places = array("I")
        for first, end in stretches:
            bits |= self._common_between(first, end)
            places += self._places[self._starts[first] : self._starts[end]]
        return bits | bits_of(places, self._size) if places else bits

    def _common_between(self, first: int, end: int) -> int:
        bits = 0
        for at in range(
            bisect_left(self._common_lines, first), bisect_left(self._common_lines, end)
        ):
            bits |= self._common[self._common_lines[at]]
        return bits

    def exactly(self, word: str) -> int:
        """Return the names that have this word."""
        at = self._at(word)
        return 0 if at is None else self._between((at, at + 1))

    def with_initials(self, letters: str) -> int:
        """Return the names of whose finish these are the first letters."""
        return self.exactly(_INITIALS + letters)

    def has(self, word: str) -> bool:
        """Say whether any name has this word."""
        return self._at(word) is not None

    def beginning(self, with_this: str) -> int:
        """Return the names that have a word with this beginning."""
        return self._between(self._stretch(with_this))

    def beginning_common(self, with_this: str) -> int:
        """Return those of them in which such a word is one that stands in very many names."""
        return self._common_between(*self._stretch(with_this))

    def beginning_rare(self, with_this: str) -> int:
        """Return those of them in which such a word is one that stands in few names."""
        first, end = self._stretch(with_this)
        places = self._places[self._starts[first] : self._starts[end]]
        return bits_of(places, self._size) if places else 0

    def any_exactly(self, words: Iterable[str]) -> int:
        """Return the names that have any of these words."""
        lines = [at for word in words if (at := self._at(word)) is not None]
        return self._between(*((at, at + 1) for at in lines))

    def any_beginning(self, beginnings: Iterable[str]) -> int:
        """Return the names that have a word with any of these beginnings."""
        return self._between(*map(self._stretch, beginnings))

    def _stretch(self, beginning: str) -> tuple[int, int]:
        first = bisect_left(self._lines, beginning)
        return first, bisect_right(self._lines, beginning + _LAST)

    def containing(self, part: str) -> int:
        """Return the names that have a word with this anywhere inside."""
        stretches: list[tuple[int, int]] = []
        found = self._text.find(part)
        while found >= 0:
            at = bisect_right(self._text_starts, found) - 1
            stretches.append((self._text_lines[at], self._text_lines[at] + 1))
            # Once in a word is enough.
            after = self._text.find("\n", found)
            found = self._text.find(part, after) if after > 0 else -1
        return self._between(*stretches)

    def sounding_like(self, word: str) -> int:
        """Return the names that have a word that sounds like this one."""
        sound = sound_of(word)
        if not sound:
            return 0
        lowest = _number_of(sound)
        first = bisect_left(self._sounds, lowest)
        some = self._sounds[first : bisect_right(self._sounds, lowest | _LINE)]
        return self._between(*(((at & _LINE), (at & _LINE) + 1) for at in some))

    def like(self, word: str, changes: int) -> dict[int, list[str]]:
        """Return words, of names or known, by how many changes make them of this one."""
        return self._likes.of(word, changes)

    def like_beginnings(self, word: str, changes: int) -> dict[int, list[str]]:
        """Return beginnings of words by how many changes make them of this one."""
        return self._beginnings.of(word, changes)


def _number_of(sound: str) -> int:
    return crc32(sound.encode()) << _LINE_BITS


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


def own_words(parts: Iterable[Sequence[str]]) -> set[str]:
    """Return the words of a name, and how those are said that are written with digits."""
    found: set[str] = set()
    for words in parts:
        found.update(words)
        found.update(said for word in words if (said := spoken(word)))
    return found


def joined_words(parts: Iterable[Sequence[str]]) -> set[str]:
    """Return what people type as one word though a name has it as two."""
    found: set[str] = set()
    for words in parts:
        found.update(
            first + second for first, second in pairwise(words) if first not in _NEVER_JOINED
        )
        if len(words) > 2 and all(len(word) == 1 for word in words):
            found.add("".join(words))
    return found


def finish_words(parts: Sequence[tuple[str, ...]]) -> frozenset[str]:
    """Return by what else a finish of several words is found: all of them as one, its initials."""
    return _finish_words(parts[1]) if len(parts) > 1 and len(parts[1]) > 1 else frozenset()


@lru_cache(maxsize=_FINISHES_KEPT)
def _finish_words(words: tuple[str, ...]) -> frozenset[str]:
    letters = all(word.isalpha() for word in words)
    initials = [_INITIALS + "".join(word[0] for word in words)] if letters else []
    return frozenset(["".join(words), *initials])


def words_of(name: str) -> set[str]:
    """Return every word by which a name is found."""
    parts = parts_of(name)
    return own_words(parts) | joined_words(parts)
