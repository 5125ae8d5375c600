"""Words that are like a typed one but for a change or two, without comparing all with it."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.search.turns import Turn, Turns

_LIKE_MAX: Final = 40
"""So many words of one length are looked at, the most alike first."""

_SHORT: Final = 3
"""Words with so few letters are compared with all: a change may leave no part of them whole."""

_FEW: Final = 1_000
"""So many words are compared sooner than the right ones are picked from among them."""

_PART: Final = 2
_LAST: Final = "\U0010ffff"
_END_BITS: Final = 32
_END: Final = (1 << _END_BITS) - 1


class _Parts:
    """Words of one length by a part of them."""

    __slots__ = ("_places", "_stretches", "_words")

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._places = array("I")
        self._stretches: dict[str, int] = {}
        """Where the places of each part begin and end, as one number for the sake of memory."""

    @classmethod
    def building(
        cls, part_of: Callable[[str], str], words: Sequence[str], turn: Turn
    ) -> Turns[_Parts]:
        made = cls(words)
        by_part: defaultdict[str, array[int]] = defaultdict(lambda: array("I"))
        for place, word in enumerate(words):
            by_part[part_of(word)].append(place)
            if turn.is_over():
                yield
        for part, places in by_part.items():
            first = len(made._places)
            made._places += places
            made._stretches[sys.intern(part)] = first << _END_BITS | len(made._places)
        return made

    def having(self, part: str) -> list[str]:
        """Return the words with this part."""
        stretch = self._stretches.get(part, 0)
        places = self._places[stretch >> _END_BITS : stretch & _END]
        return [self._words[place] for place in places]


class Likes:
    """Words by their lengths, and of each length by its beginning, its middle and its end.

    A word with one change still begins or ends as it should. With two changes it does or has the
    letters after its first one, unless the changes lie at both ends and a letter has come or gone:
    such a word is missed, and the search is ten times as quick for it.
    """

    __slots__ = ("_ends", "_middles", "_words")

    def __init__(self) -> None:
        self._words: dict[int, tuple[str, ...]] = {}
        """In order."""
        self._middles: dict[int, _Parts] = {}
        """By what stands behind the first letter; only of lengths that have many words."""
        self._ends: dict[int, _Parts] = {}

    @classmethod
    def building(cls, by_length: Mapping[int, Iterable[str]], turn: Turn) -> Turns[Likes]:
        """Build it for words, given by their lengths, each once."""
        made = cls()
        for length, some in by_length.items():
            words = made._words[length] = tuple(sorted(some))
            if len(words) >= _FEW:
                made._middles[length] = yield from _Parts.building(_middle, words, turn)
                made._ends[length] = yield from _Parts.building(_end, words, turn)
        return made

    def of(self, word: str, changes: int) -> dict[int, list[str]]:
        """Return words by how many changes make them of this one, up to those that are asked for.

        What is like very many words is no misspelling of any one of them.
        """
        found: dict[int, list[str]] = {}
        for length in range(len(word) - changes, len(word) + changes + 1):
            alike = process.extract(
                word,
                self._worth_comparing(word, length),
                scorer=OSA.distance,
                score_cutoff=changes,
                limit=_LIKE_MAX,
            )
            for other, distance, _ in alike:
                found.setdefault(int(distance), []).append(other)
        return found

    def _worth_comparing(self, word: str, length: int) -> Sequence[str]:
        words = self._words.get(length, ())
        if len(word) <= _SHORT or len(words) < _FEW:
            return words
        first = bisect_left(words, word[0])
        some = dict.fromkeys(words[first : bisect_left(words, word[0] + _LAST)])
        some.update(dict.fromkeys(self._ends[length].having(_end(word))))
        # The second is of a word without its first letter.
        for middle in (_middle(word), word[:_PART]):
            some.update(dict.fromkeys(self._middles[length].having(middle)))
        return tuple(some)


def _middle(word: str) -> str:
    return word[1 : 1 + _PART]


def _end(word: str) -> str:
    return word[-_PART:]
