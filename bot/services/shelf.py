"""The prices of one game: a snapshot that is never changed, and how the next one is made.

There are tens of thousands of names. An object for each would have the garbage collector hold up
the event loop, so what is known of them stands in columns, and a ``Quote`` is made when it is asked
for. Making a snapshot is work in short turns.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from heapq import merge
from typing import Final

from bot.domain.market import PriceRow, Quote
from bot.domain.money import Micros
from bot.domain.phases import without_phase
from bot.domain.picking import NO_FILTERS, Filters
from bot.search.index import Hits, NameIndex
from bot.search.turns import Turn, Turns

_UNKNOWN: Final = -1
_SORTED_AT_ONCE: Final = 256
_STOCK_MAX: Final = 2**63 - 1
"""What a column holds; two rows that lie about one name may have more between them."""


@dataclass(slots=True)
class Rows:
    """A price list as it came, in columns; ``places`` says where a name stands in them."""

    places: dict[str, int] = field(default_factory=dict)
    prices: array[int] = field(default_factory=lambda: array("q"))
    stocks: array[int] = field(default_factory=lambda: array("q"))
    class_ids: list[str] = field(default_factory=list)
    duplicates: set[str] = field(default_factory=set)
    """Names that were left out because they are there with their phases as well."""

    def add(self, rows: Iterable[PriceRow]) -> None:
        """Take some rows in. Should a name stand twice, both stocks count, and of the prices the
        cheaper one at which there are any.
        """
        for name, price, stock, class_id in rows:
            place = self.places.setdefault(name, len(self.prices))
            if place == len(self.prices):
                self.prices.append(price)
                self.stocks.append(stock)
                self.class_ids.append(class_id)
                continue
            before = self.stocks[place]
            self.stocks[place] = min(before + stock, _STOCK_MAX)
            if (not stock, price) < (not before, self.prices[place]):
                self.prices[place] = price
                self.class_ids[place] = class_id

    @property
    def for_sale(self) -> int:
        """How many of the names somebody sells."""
        return len(self.stocks) - self.stocks.count(0)

    def without_duplicates(self) -> Turns[None]:
        """Leave out what is there with its phase as well.

        That is a name whose phases have all the listings that it has: the market counts them twice.
        """
        turn, phased = Turn(), dict[str, int]()
        for name, place in self.places.items():
            plain = without_phase(name)
            if plain is not None and plain in self.places:
                phased[plain] = phased.get(plain, 0) + self.stocks[place]
            if turn.is_over():
                yield
        for plain, stock in phased.items():
            if self.stocks[self.places[plain]] <= stock:
                del self.places[plain]
                self.duplicates.add(plain)


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a game's price list said at ``read_at`` (unix ms). Positions are the index's."""

    game: str
    read_at: int
    index: NameIndex
    prices: array[int]
    stocks: array[int]
    class_ids: list[str]
    usuals: array[int]
    by_price: array[int]
    """All positions, the cheapest first."""
    in_stock: int
    """Which names somebody sells: the market's list doesn't name the others, and we still do."""

    @property
    def listed(self) -> int:
        """How many names somebody sells."""
        return self.in_stock.bit_count()

    def quote(self, position: int) -> Quote:
        """Return what is known of one name."""
        usual = self.usuals[position]
        return Quote(
            self.game,
            self.index.names[position],
            Micros(self.prices[position]),
            self.stocks[position],
            self.class_ids[position],
            None if usual == _UNKNOWN else Micros(usual),
        )

    def row(self, position: int) -> PriceRow:
        """Return what the price list said of one name."""
        return PriceRow(
            self.index.names[position],
            Micros(self.prices[position]),
            self.stocks[position],
            self.class_ids[position],
        )

    def find(self, market_hash_name: str) -> Quote | None:
        """Return the quote of exactly this name."""
        position = self.index.position(market_hash_name)
        return None if position is None else self.quote(position)

    def search(self, typed: str, among: int | None, *, limit: int, first: int = 0) -> Hits:
        """Return the names in a set that match what was typed, what is sold first."""
        return self.index.search(
            typed, among=among, preferred=self.in_stock, first=first, limit=limit
        )

    def passing(self, filters: Filters) -> int | None:
        """Return the set of names that pass; None for all."""
        if filters == NO_FILTERS:
            return None
        if filters.game not in ("", self.game):
            return 0
        passing = self._costing(filters.price_min, filters.price_max)
        if filters.wear is not None:
            passing &= self.index.wear(filters.wear)
        if filters.stattrak is not None:
            stattrak = self.index.stattrak()
            passing &= stattrak if filters.stattrak else ~stattrak
        if filters.in_stock:
            passing &= self.in_stock
        return passing

    def _costing(self, lowest: int | None, highest: int | None) -> int:
        """Return the set of names whose price is in a range; looking at each took milliseconds."""
        everything = (1 << len(self.index.names)) - 1
        if lowest is None and highest is None:
            return everything
        price_of: Callable[[int], int] = self.prices.__getitem__
        order = self.by_price
        start = 0 if lowest is None else bisect_left(order, lowest, key=price_of)
        end = len(order) if highest is None else bisect_right(order, highest, key=price_of)
        if end - start <= len(order) // 2:
            return self.index.bits(order[start:end])
        return everything & ~(self.index.bits(order[:start]) | self.index.bits(order[end:]))


def _by_price(prices: array[int]) -> Turns[array[int]]:
    """Return all positions, the cheapest first."""
    turn, runs = Turn(), list[list[int]]()
    for start in range(0, len(prices), _SORTED_AT_ONCE):
        run = range(start, min(start + _SORTED_AT_ONCE, len(prices)))
        runs.append(sorted(run, key=prices.__getitem__))
        if turn.is_over():
            yield
    order = array("i")
    for position in merge(*runs, key=prices.__getitem__):
        order.append(position)
        if turn.is_over():
            yield
    return order


def stocking(
    game: str,
    rows: Rows,
    *,
    read_at: int,
    before: Shelf | None = None,
    usuals: Mapping[str, Micros | None] | None = None,
) -> Turns[Shelf]:
    """Make the snapshot of a price list.

    Names of the one ``before`` that the list doesn't have are sold out. ``usuals``: what each
    usually costs, where that was found out anew; then what isn't in it is forgotten.
    """
    yield from rows.without_duplicates()
    index = yield from _index_of(rows, before, usuals)
    size, turn = len(index.names), Turn()
    shelf = Shelf(
        game,
        read_at,
        index,
        prices=array("q", bytes(8 * size)),
        stocks=array("q", bytes(8 * size)),
        class_ids=[""] * size,
        usuals=array("q", [_UNKNOWN]) * size,
        by_price=array("i"),
        in_stock=0,
    )
    old_of = yield from positions_in(before, index)
    in_stock = bytearray(b"0") * size  # its binary digits, the last one first
    for position, name in enumerate(index.names):
        place = rows.places.get(name)
        old = old_of(position)
        if place is not None:
            shelf.prices[position] = rows.prices[place]
            shelf.stocks[position] = rows.stocks[place]
            in_stock[size - 1 - position] += rows.stocks[place] > 0
            shelf.class_ids[position] = rows.class_ids[place]
        elif before is not None and old is not None:
            shelf.prices[position] = before.prices[old]
            shelf.class_ids[position] = before.class_ids[old]
        if usuals is not None:
            usual = usuals.get(name)
            shelf.usuals[position] = _UNKNOWN if usual is None else usual
        elif before is not None and old is not None:
            shelf.usuals[position] = before.usuals[old]
        if turn.is_over():
            yield
    order = yield from _by_price(shelf.prices)
    return replace(shelf, by_price=order, in_stock=int(in_stock or b"0", 2))


def positions_in(shelf: Shelf | None, index: NameIndex) -> Turns[Callable[[int], int | None]]:
    """Return what finds, for a position of an index, the position of the same name in a shelf.

    For some ten thousand names that is much less work than to ask the shelf's own index for each.
    """
    if shelf is None:
        return lambda _: None
    if shelf.index is index:
        return lambda position: position
    turn, places = Turn(), dict[str, int]()
    for position, name in enumerate(shelf.index.names):
        places[name] = position
        if turn.is_over():
            yield
    return lambda position: places.get(index.names[position])


def _index_of(
    rows: Rows, before: Shelf | None, usuals: Mapping[str, Micros | None] | None
) -> Turns[NameIndex]:
    """Return the index of all names; the one before where they are the same, as they mostly are."""
    if before is None:
        return (yield from NameIndex.building(rows.places))
    turn, names = Turn(), dict[str, None]()
    for name in before.index.names:
        known = usuals is None or name in usuals or name in rows.places
        if known and name not in rows.duplicates:
            names[name] = None
        if turn.is_over():
            yield
    kept = len(names)
    for name in rows.places:
        names[name] = None
        if turn.is_over():
            yield
    if len(before.index.names) == kept == len(names):
        return before.index
    return (yield from NameIndex.building(names))
