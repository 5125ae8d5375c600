"""The names of one game, found while somebody types.

Every typed word is turned into sets of names, one for each way in which it may be meant, and sets
are whole numbers. The bits of a set are in the order in which names are meant, so what is found
needs no sorting: the lowest bits are what comes first.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from bot.search.aliases import aliases
from bot.search.bitsets import bits_of, first_of
from bot.search.folding import fold, written_out
from bot.search.meanings import Meanings
from bot.search.reading import TYPED_MAX, Level, read, words_typed
from bot.search.shapes import VANILLA, WEARS, Quality, parts_of, shape_of
from bot.search.turns import Turn, Turns, finish
from bot.search.vocabulary import Vocabulary

_SORTED_AT_ONCE: Final = 256
_SET_AT_ONCE: Final = 2_048
_NAME_FOLLOWS: Final = "\0"

_EXACT: Final = -1
"""The cost of just what was typed: nothing else is as near."""

_SHARDS: Final = 32
"""A table of tables, because a large one takes milliseconds whenever it has to grow."""


Rank = tuple[int, bool]
"""How far from what was typed, and whether not preferred: what is lower comes first."""


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found, best first: one page of it, and how much there is."""

    positions: tuple[int, ...]
    ranks: tuple[Rank, ...]
    """The rank of each; equal ones are as good as each other."""
    runs: tuple[tuple[Rank, int], ...]
    """How many of each rank were found, on this page or not, best first."""
    total: int
    exact: int | None
    """The name that is just what was typed, if it is the only one."""


class NameIndex:
    """The names of one game; immutable once built."""

    __slots__ = (
        *("_alike", "_all", "_folded", "_groups", "_ignored", "_meanings"),
        "names",
    )

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names: Sequence[str] = names
        """In the order in which they are meant; a position is an index into it."""
        self._all = (1 << len(names)) - 1
        self._folded: tuple[dict[int, int], ...] = tuple({} for _ in range(_SHARDS))
        """The first position of each text, by ``_compact``."""
        self._alike: dict[int, list[int]] = {}
        """All positions of each text that several names have."""
        self._groups: dict[str, int] = {}
        """Sets of names by kind, quality and wear."""
        self._meanings: Meanings
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
        made._groups = yield from made._look_at_shapes(turn)
        known = aliases()
        words = [*known.only, *known.words]
        vocabulary = yield from Vocabulary.building(
            made.names, turn, known=[word for word in words if " " not in word]
        )
        made._meanings = Meanings(vocabulary, known, made._groups)
        return made

    def _look_at_shapes(self, turn: Turn) -> Turns[dict[str, int]]:
        """Return the names of each kind, wear and quality."""
        groups: dict[str, list[int]] = {}
        for position, name in enumerate(self.names):
            shape = shape_of(name)
            self._note(hash("".join(chain(*parts_of(name)))), position)
            groups.setdefault(shape.kind, []).append(position)
            groups.setdefault(shape.quality, []).append(position)
            if shape.is_vanilla:
                groups.setdefault(VANILLA, []).append(position)
            if shape.wear is not None:
                groups.setdefault(WEARS[shape.wear], []).append(position)
            if turn.is_over():
                yield
        sets: dict[str, int] = dict.fromkeys(groups, 0)
        for group, positions in groups.items():
            for start in range(0, len(positions), _SET_AT_ONCE):
                sets[group] |= self.bits(positions[start : start + _SET_AT_ONCE])
                if turn.is_over():
                    yield
        return sets

    def _note(self, key: int, position: int) -> None:
        first = self._folded[key % _SHARDS].setdefault(key, position)
        if first != position:
            self._alike.setdefault(key, [first]).append(position)

    def _folding_like(self, text: str) -> list[int]:
        """Return the positions of the names that are this text when both are folded."""
        key = _compact(text)
        first = self._folded[key % _SHARDS].get(key)
        return self._alike.get(key, [] if first is None else [first])

    def position(self, name: str) -> int | None:
        """Return the position of a market hash name, or None if there is no such name."""
        return next((at for at in self._folding_like(name) if self.names[at] == name), None)

    def bits(self, positions: Iterable[int]) -> int:
        """Return the set of some positions; each has to be one of this index."""
        return bits_of(positions, len(self.names))

    def wear(self, wear: str) -> int:
        """Return the names in a wear, by its full name; one that doesn't exist has none."""
        return self._groups.get(wear, 0) if wear in WEARS else 0

    def stattrak(self) -> int:
        """Return the names of what counts kills."""
        return self._groups.get(Quality.STATTRAK, 0)

    def souvenir(self) -> int:
        """Return the names of souvenirs."""
        return self._groups.get(Quality.SOUVENIR, 0)

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

        ``among`` is the set of what may be found, and doesn't change what is meant: where it has
        nothing of that, nothing is found. ``preferred`` is the set of what comes first among
        equals; ``first`` and ``limit`` choose the page.
        """
        within = self._all if among is None else self._all & among
        typed = written_out(typed)
        words = words_typed(typed)
        if not words:
            return self._page([(0, within)], preferred, first, limit, exact=None)
        meant = read(words, self._meanings, self._ignored, self._all)
        levels = [(cost, bits & within) for cost, bits in meant]
        exact = self._exact(typed, within)
        if exact is not None:
            levels = _led_by(exact, levels)
        return self._page(levels, preferred, first, limit, exact=exact)

    def _exact(self, typed: str, within: int) -> int | None:
        alike = [at for at in self._folding_like(typed) if within >> at & 1]
        same = [at for at in alike if self.names[at] == typed.strip()]
        return same[0] if same else alike[0] if len(alike) == 1 else None

    @staticmethod
    def _page(
        levels: Iterable[Level], preferred: int | None, first: int, limit: int, *, exact: int | None
    ) -> Hits:
        positions: list[int] = []
        ranks: list[Rank] = []
        runs: list[tuple[Rank, int]] = []
        total = 0
        for cost, bits in levels:
            liked = bits if preferred is None else bits & preferred
            for part, rank in ((liked, (cost, False)), (bits & ~liked, (cost, True))):
                count = part.bit_count()
                runs.append((rank, count))
                skip = max(0, first - total)
                wanted = limit - len(positions)
                if wanted > 0 and skip < count:
                    found = first_of(part, wanted, skip=skip)
                    positions += found
                    ranks += [rank] * len(found)
                total += count
        return Hits(tuple(positions), tuple(ranks), tuple(runs), total, exact)


def _led_by(exact: int, levels: Iterable[Level]) -> list[Level]:
    bit = 1 << exact
    return [(_EXACT, bit), *((cost, bits & ~bit) for cost, bits in levels)]


def _compact(text: str) -> int:
    """Return a number for a text that is the same however its words are divided."""
    return hash(fold(text[:TYPED_MAX]).replace(" ", ""))


def _in_order(names: Iterable[str], turn: Turn) -> Turns[tuple[str, ...]]:
    """Sort names into the order in which they are meant, each once."""
    order = aliases().order
    # Plain texts, because the garbage collector would look through pairs again and again.
    runs: list[list[str]] = [[]]
    for name in names:
        runs[-1].append(f"{shape_of(name).rank(order)}{_NAME_FOLLOWS}{name}")
        if len(runs[-1]) == _SORTED_AT_ONCE:
            runs[-1].sort()
            runs.append([])
        if turn.is_over():
            yield
    runs[-1].sort()
    ordered: list[str] = []
    for ranked in heapq.merge(*runs):
        name = ranked.partition(_NAME_FOLLOWS)[2]
        if not ordered or ordered[-1] != name:
            ordered.append(name)
        if turn.is_over():
            yield
    return tuple(ordered)
