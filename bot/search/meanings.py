"""What a typed word could mean: the names it fits, by how far from what was typed they are."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from bot.search.aliases import Aliases, Meaning
from bot.search.shapes import VANILLA, WEARABLE, Kind
from bot.search.vocabulary import Vocabulary


class Cost(IntEnum):
    """How far a word of a name is from what was typed."""

    EXACT = 0
    """The word itself, or what it is short for."""
    SECOND = 1
    """What it is less often short for."""
    OTHER_KIND = 1
    """The word itself, in a thing of another kind than it asks for."""
    BEGUN = 1
    """The last word, which is still being typed."""
    BEGUN_COMMON = 2
    """The same, where the word stands in so many names that it says little, as a wear does."""
    SHORTENED = 2
    """Another word of which only the beginning was typed."""
    NEAR = 2
    JOINED = 2
    """Several words typed as one, and only found when taken apart."""
    INSIDE = 3
    TYPO = 4
    TYPO_BEGUN = 5
    TYPOS = 6
    TYPOS_BEGUN = 7
    TYPOS_SHORT = 8
    """Two changes of a short word."""


Sets = tuple[tuple[int, int], ...]
"""Costs, cheapest first, and the names for each."""

_KEPT: Final = 512
"""Words whose meanings are kept: less than ten kilobytes each in a list of 37,000 names."""

_TYPO_FROM: Final = 3
_BEGUN_TYPO_FROM: Final = 4
_TYPOS_FROM: Final = 5
_LONG: Final = 7
_SPLIT_MAX: Final = 32
_WAYS_MAX: Final = 4
_FILLER_FROM: Final = 3
_HALF_KNOWN_FROM: Final = 2
_HALF_FROM: Final = 4
_HALVES_MAX: Final = 2
_BEGUN_PIECE_FROM: Final = 2
_ALIAS_BEGUN_FROM: Final = 3
_TWICE: Final = re.compile(r"(.)\1+")


class Word(NamedTuple):
    """A word as it was typed, and whether it may be the beginning of a longer one."""

    text: str
    is_last: bool


class Meanings:
    """The meanings of typed words in one list of names; the latest are remembered."""

    __slots__ = (
        *("_aliases", "_fillers", "_kinds", "_loose", "_names_of", "_phrases", "_strict", "_typed"),
        *("_vocabulary", "_wrong"),
    )

    def __init__(self, vocabulary: Vocabulary, aliases: Aliases, kinds: Mapping[str, int]) -> None:
        self._vocabulary = vocabulary
        self._aliases = aliases
        self._kinds = kinds
        tables = (aliases.words, aliases.near, aliases.kinds)
        self._phrases = {typed for table in tables for typed in table if " " in typed}
        self._fillers = {word for word in aliases.ignored if len(word) >= _FILLER_FROM}
        self._typed = sorted([*aliases.only, *aliases.words])
        self._names_of: dict[Meaning, int] = {}
        self._strict: dict[Word, Sets] = {}
        self._loose: dict[Word, Sets] = {}
        self._wrong: dict[Word, Sets] = {}

    def strictly(self, word: Word) -> Sets:
        """Return the names that have this word, what it is short for, or what it begins."""
        return _remembered(self._strict, word, self._strictly)

    def loosely(self, word: Word) -> Sets:
        """Return the names that have something like this word, besides those found strictly."""
        return _remembered(self._loose, word, self._loosely)

    def misspelt(self, word: Word) -> Sets:
        """Return the names that have a word of which this may be a misspelling."""
        return _remembered(self._wrong, word, self._misspelt)

    def phrase(self, words: str) -> Sets:
        """Return the names for several typed words that stand for one thing together."""
        if words not in self._phrases:
            return ()
        strict = self._all_of(self._aliases.words.get(words, ()))
        return _sets([(Cost.EXACT, strict | self._of_kind(words))])

    def phrase_loosely(self, words: str) -> Sets:
        """Return the names that several typed words may stand for where nothing fits better."""
        near = self._aliases.near.get(words)
        return _sets([(Cost.NEAR * len(words.split()), self._all_of(near))]) if near else ()

    def is_only(self, word: str) -> bool:
        """Say whether a word has one meaning, and needs no looking for another."""
        return word in self._aliases.only

    def _strictly(self, word: Word) -> Sets:
        text, voc = word.text, self._vocabulary
        if self.is_only(text):
            return _sets([(Cost.EXACT, self._all_of(self._aliases.only[text]))])
        exact = voc.exactly(text)
        # One letter is the beginning of something sooner than all of it.
        is_begun = word.is_last and len(text) == 1 and text.isalpha()
        found = [
            (int(Cost.EXACT), self._all_of(self._aliases.words.get(text, ()))),
            (Cost.SECOND, self._all_of(self._aliases.second.get(text, ()))),
            (Cost.SECOND, voc.with_initials(text)),
        ]
        if kind := self._of_kind(text):
            found += [(Cost.EXACT, kind), (Cost.OTHER_KIND, exact)]
        else:
            found.append((Cost.BEGUN if is_begun else Cost.EXACT, exact))
        if word.is_last:
            found += [
                (Cost.BEGUN, voc.beginning_rare(text) | self._begun_aliases(text)),
                (Cost.BEGUN_COMMON, voc.beginning_common(text)),
            ]
        elif len(text) > 1:
            found.append((Cost.SHORTENED, voc.beginning(text)))
        return _sets(found)

    def _loosely(self, word: Word) -> Sets:
        if self.is_only(word.text):
            return _sets([(Cost.NEAR, self._vocabulary.with_initials(word.text))])
        near = self._all_of(self._aliases.near.get(word.text, ()))
        apart = self._taken_apart(word)
        found = [(int(Cost.NEAR), near), (Cost.JOINED, apart), *self.misspelt(word)]
        if not any(bits and cost <= Cost.TYPO for cost, bits in found):
            found += self._half_misspelt(word)
        return _sets(found)

    def _half_misspelt(self, word: Word) -> list[tuple[int, int]]:
        """Return the names for two words typed as one of which one is misspelt."""
        text = word.text
        places = range(_HALF_KNOWN_FROM, len(text) - _HALF_KNOWN_FROM + 1)
        ends = [at for at in places if len(text) - at >= _HALF_FROM and self._is_half(text[:at])]
        starts = [at for at in places if at >= _HALF_FROM and self._is_half(text[at:])]
        halves = [(text[:at], Word(text[at:], word.is_last)) for at in ends[-_HALVES_MAX:]]
        halves += [(text[at:], Word(text[:at], False)) for at in starts[:_HALVES_MAX]]
        return [
            (Cost.JOINED + cost, bits & known)
            for half, other in halves
            if (known := self._known(half))
            for cost, bits in self.misspelt(other)
        ]

    def _is_half(self, text: str) -> bool:
        if text in self._aliases.only or text in self._aliases.words:
            return True
        return len(text) > _HALF_KNOWN_FROM and self._vocabulary.has(text)

    def _misspelt(self, word: Word) -> Sets:
        text, voc = word.text, self._vocabulary
        if text.isdigit() or len(text) < _TYPO_FROM:
            return ()
        found = [
            (int(Cost.INSIDE), voc.containing(text)),
            # Shorter ones have too little left to be like anything.
            (Cost.TYPO, self._known(_TWICE.sub(r"\1", text)) if len(text) == _TYPO_FROM else 0),
        ]
        two = Cost.TYPOS if len(text) >= _LONG else Cost.TYPOS_SHORT
        found.append((Cost.TYPOS, voc.sounding_like(text)))
        likes = voc.like(text, 1 if len(text) < _TYPOS_FROM else 2)
        for changes, words in likes.items():
            cost = Cost.TYPO if changes < 2 else two
            found.append((cost, self._any_known([one for one in words if len(one) > 2])))
        if len(text) >= _BEGUN_TYPO_FROM:
            likes = voc.like_beginnings(text, 2 if len(text) > _LONG else 1)
            for changes, words in likes.items():
                cost = Cost.TYPO_BEGUN if changes < 2 else Cost.TYPOS_BEGUN
                found.append((cost, voc.any_beginning(words)))
        return _sets(found)

    def _known(self, word: str) -> int:
        """Return the names that have a word, or what it is short for."""
        return self._any_known([word])

    def _any_known(self, words: Sequence[str]) -> int:
        """Return the names that have any of these words, or what any of them is short for."""
        bits = self._vocabulary.any_exactly(words)
        for word in words:
            for table in (self._aliases.only, self._aliases.words):
                if word in table:
                    bits |= self._all_of(table[word])
        return bits

    def _begun_aliases(self, text: str) -> int:
        bits = 0
        if len(text) >= _ALIAS_BEGUN_FROM:
            for at in range(bisect_left(self._typed, text), len(self._typed)):
                if not self._typed[at].startswith(text):
                    break
                bits |= self._known(self._typed[at])
        return bits

    def _of_kind(self, text: str) -> int:
        name = self._aliases.kinds.get(text)
        if name is None:
            return 0
        if name == VANILLA:
            return self._kinds.get(VANILLA, 0)
        kind = Kind(name)
        if kind is not Kind.SKIN:
            return self._kinds.get(kind, 0)
        return _union(self._kinds.get(one, 0) for one in WEARABLE)

    def _all_of(self, meanings: Iterable[Meaning]) -> int:
        """Return the names that have all words of any of these meanings."""
        bits = 0
        for meaning in meanings:
            found = self._names_of.get(meaning)
            if found is None:
                found = self._names_of[meaning] = self._having(meaning)
            bits |= found
        return bits

    def _having(self, words: Iterable[str]) -> int:
        bits = -1
        for word in words:
            bits &= self._vocabulary.exactly(word)
        return bits

    def _taken_apart(self, word: Word) -> int:
        """Return the names for words that were typed without a space between them."""
        text = word.text[:_SPLIT_MAX]
        ways = self._ways_through(text)
        if whole := ways[-1]:
            return _union(self._of_pieces(way) for way in whole if self._tells(way))
        if not word.is_last:
            return 0
        longest = max(end for end, some in enumerate(ways) if some)
        if not longest or len(text) - longest < _BEGUN_PIECE_FROM:
            return 0
        begun = self._vocabulary.beginning(text[longest:])
        return _union(self._of_pieces(way) & begun for way in ways[longest])

    def _ways_through(self, text: str) -> list[list[Meaning]]:
        """Return for each place in a text the fewest pieces that lead there, in a few ways."""
        ways: list[list[Meaning]] = [[()], *([] for _ in text)]
        for end in range(1, len(text) + 1):
            for start in range(end):
                before, piece = ways[start], text[start:end]
                if not before or (len(piece) == 1 and not piece.isdigit() and piece != "s"):
                    continue
                count = len(before[0]) + 1
                fewest = len(ways[end][0]) if ways[end] else count
                if count <= fewest and self._is_piece(piece):
                    kept = ways[end] if count == fewest else []
                    ways[end] = [*kept, *((*way, piece) for way in before)][:_WAYS_MAX]
        return ways

    def _tells(self, pieces: Meaning) -> bool:
        """Say whether two of some pieces are words that say something."""
        return sum(piece not in self._fillers for piece in pieces) > 1

    def _is_piece(self, piece: str) -> bool:
        return (
            self._vocabulary.has(piece)
            or piece in self._aliases.only
            or piece in self._aliases.words
            or piece in self._fillers
        )

    def _of_pieces(self, pieces: Iterable[str]) -> int:
        bits = -1
        for piece in pieces:
            bits &= -1 if piece in self._fillers else self._known(piece)
        return bits


def _remembered(kept: dict[Word, Sets], word: Word, make: Callable[[Word], Sets]) -> Sets:
    found = kept.pop(word, None)
    if found is None:
        found = make(word)
        if len(kept) >= _KEPT:
            del kept[next(iter(kept))]
    # The latest stand last, so that those at the front are forgotten first.
    kept[word] = found
    return found


def _union(sets: Iterable[int]) -> int:
    bits = 0
    for one in sets:
        bits |= one
    return bits


def _sets(found: Iterable[tuple[int, int]]) -> Sets:
    """Return what was found by cost, each name only at its lowest."""
    by_cost: dict[int, int] = {}
    for cost, bits in found:
        if bits:
            by_cost[int(cost)] = by_cost.get(int(cost), 0) | bits
    seen = 0
    sets: list[tuple[int, int]] = []
    for cost in sorted(by_cost):
        if fresh := by_cost[cost] & ~seen:
            sets.append((cost, fresh))
            seen |= fresh
    return tuple(sets)
