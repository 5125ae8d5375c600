"""The names of one game, found while somebody types.

Every typed word is turned into sets of names, one for each way in which it may be meant, and sets
are whole numbers. The bits of a set are in the order in which names are meant, so what is found
needs no sorting: the lowest bits are what comes first.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from bot.search.aliases import aliases
from bot.search.bitsets import bits_of, first_of
from bot.search.folding import fold
from bot.search.meanings import Meanings
from bot.search.reading import TYPED_MAX, Level, read, words_typed
from bot.search.shapes import WEARS, Kind, Quality, Rank, Shape, shape_of
from bot.search.turns import Turn, Turns, finish
from bot.search.vocabulary import Vocabulary

_SORTED_AT_ONCE: Final = 256
_SEVERAL: Final = -1


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found, best first: one page of it, and how much there is."""

    positions: tuple[int, ...]
    costs: tuple[int, ...]
    """How far each is from what was typed; equal ones are as good as each other."""
    total: int
    exact: int | None
    """The name that is just what was typed, if it is the only one."""


class NameIndex:
    """The names of one game; immutable once built."""

    __slots__ = ("_all", "_folded", "_ignored", "_meanings", "_positions", "_qualities", "_wears", "names")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names: Sequence[str] = names
        """In the order in which they are meant; a position is an index into it."""
        self._all = (1 << len(names)) - 1
        self._positions: dict[str, int] = {}
        self._folded: dict[int, int] = {}
        self._wears: dict[str, int] = {}
        self._qualities: dict[Quality, int] = {}
        self._ignored = aliases().ignored

    @classmethod
    def build(cls, names: Iterable[str]) -> NameIndex:
        """Build the index of these names at once, which takes about a second for 37,000."""
        return finish(cls.building(names))

    @classmethod
    def building(cls, names: Iterable[str]) -> Generator[None, None, NameIndex]:
        """Build the index of these names, pausing about every millisecond."""
        turn = Turn()
        made = cls((yield from _in_order(names, turn)))
        kinds = yield from made._look_at_shapes(turn)
        known = aliases()
        words = [*known.only, *known.words]
        vocabulary = yield from Vocabulary.building(
            made.names, turn, known=[word for word in words if " " not in word]
        )
        made._meanings = Meanings(vocabulary, known, kinds)
        return made

    def _look_at_shapes(self, turn: Turn) -> Turns[dict[Kind, int]]:
        kinds: dict[Kind, list[int]] = {kind: [] for kind in Kind}
        wears: dict[str, list[int]] = {wear: [] for wear in WEARS}
        qualities: dict[Quality, list[int]] = {quality: [] for quality in Quality}
        for position, name in enumerate(self.names):
            shape = shape_of(name)
            self._positions[name] = position
            key = _compact(name)
            self._folded[key] = _SEVERAL if key in self._folded else position
            kinds[shape.kind].append(position)
            qualities[shape.quality].append(position)
            if shape.wear is not None:
                wears[WEARS[shape.wear]].append(position)
            if turn.is_over():
                yield
        for wear, positions in wears.items():
            self._wears[wear] = self.bits(positions)
            if turn.is_over():
                yield
        for quality, positions in qualities.items():
            self._qualities[quality] = self.bits(positions)
            if turn.is_over():
                yield
        return {kind: self.bits(positions) for kind, positions in kinds.items()}

    def position(self, name: str) -> int | None:
        """Return the position of a market hash name, or None if there is no such name."""
        return self._positions.get(name)

    def bits(self, positions: Iterable[int]) -> int:
        """Return the set of some positions; each has to be one of this index."""
        return bits_of(positions, len(self.names))

    def wear(self, wear: str) -> int:
        """Return the names in a wear, by its full name; one that doesn't exist has none."""
        return self._wears.get(wear, 0)

    def stattrak(self) -> int:
        """Return the names of what counts kills."""
        return self._qualities[Quality.STATTRAK]

    def souvenir(self) -> int:
        """Return the names of souvenirs."""
        return self._qualities[Quality.SOUVENIR]

    def search(
        self,
        typed: str,
        *,
        among: int | None = None,
        preferred: int | None = None,
        first: int = 0,
        limit: int = 25,
    ) -> Hits:
        """Return names for what was typed, best first; nothing typed finds everything.

        ``among`` is the set to look in, ``preferred`` the set of what comes first among equals;
        ``first`` and ``limit`` choose the page.
        """
        within = self._all if among is None else self._all & among
        words = words_typed(typed)
        if not words:
            return self._page([(0, within)], preferred, first, limit, exact=None)
        levels = read(words, self._meanings, self._ignored, within)
        exact = self._exact(typed, within)
        if exact is not None:
            levels = _led_by(exact, levels)
        return self._page(levels, preferred, first, limit, exact=exact)

    def _exact(self, typed: str, within: int) -> int | None:
        found = self._positions.get(typed.strip())
        if found is None:
            found = self._folded.get(_compact(typed), _SEVERAL)
        return found if found != _SEVERAL and within >> found & 1 else None

    @staticmethod
    def _page(
        levels: Iterable[Level], preferred: int | None, first: int, limit: int, *, exact: int | None
    ) -> Hits:
        positions: list[int] = []
        costs: list[int] = []
        total = 0
        for cost, bits in levels:
            for part in (bits,) if preferred is None else (bits & preferred, bits & ~preferred):
                count = part.bit_count()
                skip = max(0, first - total)
                wanted = limit - len(positions)
                if wanted > 0 and skip < count:
                    found = first_of(part, wanted, skip=skip)
                    positions += found
                    costs += [cost] * len(found)
                total += count
        return Hits(tuple(positions), tuple(costs), total, exact)


def _led_by(exact: int, levels: Iterable[Level]) -> list[Level]:
    bit = 1 << exact
    return [(0, bit), *((cost, bits & ~bit) for cost, bits in levels)]


def _compact(text: str) -> int:
    """Return a number for a text that is the same however its words are divided."""
    return hash(fold(text[:TYPED_MAX]).replace(" ", ""))


def _in_order(names: Iterable[str], turn: Turn) -> Turns[tuple[str, ...]]:
    """Sort names into the order in which they are meant, each once."""
    weapons = aliases().weapons
    runs: list[list[tuple[Rank, str]]] = [[]]
    for name in dict.fromkeys(names):
        shape: Shape = shape_of(name)
        runs[-1].append((shape.rank(weapons), name))
        if len(runs[-1]) == _SORTED_AT_ONCE:
            runs[-1].sort()
            runs.append([])
        if turn.is_over():
            yield
    runs[-1].sort()
    ordered: list[str] = []
    for _, name in heapq.merge(*runs, key=itemgetter(0)):
        ordered.append(name)
        if turn.is_over():
            yield
    return tuple(ordered)
