"""What is for sale at the stand-in, and the methods that only read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from bot.domain.market import Listing
from bot.domain.money import Micros, to_decimal
from bot.domain.phases import without_phase
from bot.sandbox.skinsback.answers import Answer, ApiError, Parameters, read_list
from bot.sandbox.skinsback.catalogue import FIRST_LISTING_ID, IDS_PER_ITEM, Item, build_catalogue

_NAME_MIN: Final = 3
_DOPPLER_PHASES: Final = ("Phase 1", "Phase 2", "Phase 3", "Phase 4", "Ruby", "Sapphire")


class Stock:
    """Everything for sale. A listing that is sold or withdrawn is gone for good."""

    def __init__(self, seed: int, size: int, more: Mapping[str, int] | None = None) -> None:
        self._items = build_catalogue(seed, size, more)
        self._by_name = {(item.game, item.name): item for item in self._items}
        self._phases: dict[tuple[str, str], list[Item]] = {}
        """The items with a phase, by the name that they have without it."""
        for item in self._items:
            if (plain := without_phase(item.name)) is not None:
                self._phases.setdefault((item.game, plain), []).append(item)

    def item(self, name: str, game: str) -> Item:
        """Return the item of a name. Raises ``KeyError``."""
        return self._by_name[game, name]

    def owner(self, listing_id: int) -> Item | None:
        """Return the item whose listing this is or was."""
        place = (listing_id - FIRST_LISTING_ID) // IDS_PER_ITEM
        return self._items[place] if 0 <= place < len(self._items) else None

    def set_price(self, name: str, game: str, price: Micros) -> None:
        """Let the cheapest listing of ``name`` cost ``price`` and the others follow it."""
        item = self.item(name, game)
        listings = item.open_listings()
        rise = price - min(listings.values(), default=price)
        item.listings = {listing_id: Micros(old + rise) for listing_id, old in listings.items()}

    def restock(self) -> None:
        """Offer of everything as many as at first, at the first prices."""
        for item in self._items:
            item.restock()

    def cheapest(self, parameters: Parameters) -> int:
        """Return the cheapest listing of the name asked for. Raises 1, 2 and 5."""
        name = parameters.get("name")
        if not isinstance(name, str):
            raise ApiError(1, "name_or_id_required")
        if len(name) < _NAME_MIN:
            raise ApiError(2, "name_min_length_3")
        item = self._by_name.get((_game(parameters), name))
        if item is None or not item.open_listings():
            raise ApiError(5)
        return item.as_listings()[0].listing_id

    def search(self, parameters: Parameters) -> Answer:
        """market_search: the listings of names; a name also finds what it is part of."""
        game = _game(parameters)
        names = [str(name) for name in read_list(parameters.get("names"))]
        single = parameters.get("name")
        if not names and not isinstance(single, str):
            raise ApiError(1, "name_or_names_required")
        if isinstance(single, str) and len(single) < _NAME_MIN:
            raise ApiError(2, "name_min_length_3")
        if isinstance(single, str):
            items = [i for i in self._items if i.game == game and single.lower() in i.name.lower()]
        else:
            wanted = dict.fromkeys(each for name in names for each in (name, f"StatTrak™ {name}"))
            items = [self._by_name[game, name] for name in wanted if (game, name) in self._by_name]
            items += [item for name in wanted for item in self._phases.get((game, name), ())]
        # No order is promised, so the dearest comes first and whoever wants the cheapest sorts.
        return {"items": [row for item in items for row in reversed(list(_rows(item)))]}

    def pricelist(self, parameters: Parameters, now: float) -> Answer:
        """market_pricelist: grouped by name, or every listing with ``full=1``."""
        items = [item for item in self._items if item.game == _game(parameters)]
        rows: Iterable[Answer]
        if str(parameters.get("full", "")) == "1":
            rows = (row for item in items for row in _full_rows(item))
        else:
            rows = (_grouped_row(item.name, [item]) for item in items if item.listings != {})
            rows = [*rows, *self._without_phases(_game(parameters))]
        return {"last_update": int(now), "items": list(rows)}

    def _without_phases(self, game: str) -> Iterator[Answer]:
        """Yield a row for each name that stands in the list with its phases as well."""
        for (of, plain), items in self._phases.items():
            sold = [item for item in items if item.listings != {}]
            if of == game and sold:
                yield _grouped_row(plain, sold)


def _listing_row(listing: Listing) -> Answer:
    return {
        "id": listing.listing_id,
        "name": listing.market_hash_name,
        "price": to_decimal(listing.price),
        "classid": listing.class_id,
    }


def _rows(item: Item) -> Iterator[Answer]:
    """Yield every listing, and again under the name without the phase where it has one."""
    plain = without_phase(item.name)
    for listing in item.as_listings():
        row = _listing_row(listing)
        yield row
        if plain is not None:
            yield {**row, "name": plain}


def _grouped_row(name: str, items: Sequence[Item]) -> Answer:
    cheapest = min(items, key=_cheapest)
    return {
        "name": name,
        "price": to_decimal(_cheapest(cheapest)),
        "count": sum(item.count if item.listings is None else len(item.listings) for item in items),
        "classid": cheapest.class_id,
    }


def _cheapest(item: Item) -> Micros:
    return item.price if item.listings is None else min(item.listings.values())


def _full_rows(item: Item) -> Iterator[Answer]:
    """Yield every listing; one with a phase twice, as the real list does."""
    if "Doppler" not in item.name or without_phase(item.name) is not None:
        yield from _rows(item)
        return
    for listing in item.as_listings():
        row = _listing_row(listing)
        yield row
        phase = _DOPPLER_PHASES[listing.listing_id % len(_DOPPLER_PHASES)]
        yield {**row, "name": f"{item.name} - {phase}"}


def _game(parameters: Parameters) -> str:
    game = str(parameters.get("game", "cs2"))
    return "cs2" if game == "csgo" else game
