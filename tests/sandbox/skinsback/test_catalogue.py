"""The stand-in's stock looks real and is always the same."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from bot.domain.money import Micros
from bot.domain.phases import without_phase
from bot.sandbox.skinsback.catalogue import WELL_KNOWN, build_catalogue
from bot.sandbox.skinsback.stock import Stock


def test_same_seed_makes_the_same_catalogue() -> None:
    assert build_catalogue(3, 500) == build_catalogue(3, 500)
    assert build_catalogue(3, 500) != build_catalogue(4, 500)


@pytest.mark.parametrize("size", [0, 30, 40_000])
def test_sizes(size: int) -> None:
    items = build_catalogue(1, size)
    games = [item.game for item in items]
    assert games.count("cs2") == max(size, 19)
    assert games.count("dota2") > 200
    assert games.count("rust") > 200
    assert len({(item.game, item.name) for item in items}) == len(items)
    assert len({item.first_id for item in items}) == len(items)


def test_other_games_have_as_many_names_as_are_wanted() -> None:
    games = [item.game for item in build_catalogue(1, 0, {"dota2": 900, "rust": 10})]
    assert games.count("dota2") == 900
    assert 200 < games.count("rust") < 900
    names = [item.name for item in build_catalogue(1, 0, {"dota2": 900, "rust": 900})]
    assert len(set(names)) == len(names)


def test_dopplers_have_phases_in_both_ways_in_which_they_are_written() -> None:
    phased = [item.name for item in build_catalogue(1, 4_000) if without_phase(item.name)]
    assert any(name.endswith(" - Ruby") for name in phased)
    assert any("Gamma Doppler Phase 2 (" in name for name in phased)


def test_price_of_a_name_doesn_t_depend_on_the_size() -> None:
    small = {item.name: item.price for item in build_catalogue(1, 300)}
    large = {item.name: item.price for item in build_catalogue(1, 3_000)}
    both = small.keys() & large.keys()
    assert len(both) > len(WELL_KNOWN)
    assert {name: small[name] for name in both} == {name: large[name] for name in both}


def test_items_of_the_demo_are_there_at_their_prices() -> None:
    prices = {item.name: item.price for item in build_catalogue(9, 0)}
    assert prices["AK-47 | Redline (Field-Tested)"] == 12_400_000
    assert prices["AWP | Asiimov (Field-Tested)"] == 71_200_000
    for name in (
        "M4A1-S | Printstream (Minimal Wear)",
        "USP-S | Kill Confirmed (Minimal Wear)",
        "Glock-18 | Water Elemental (Field-Tested)",
        "Desert Eagle | Blaze (Factory New)",
        "★ Butterfly Knife | Doppler (Factory New)",
        "Sticker | Crown (Foil)",
    ):
        assert name in prices


def test_next_listing_is_dearer_and_no_price_is_finer_than_a_tenth_of_a_cent() -> None:
    for item in build_catalogue(1, 300):
        prices = [listing.price for listing in item.as_listings()]
        assert prices[0] == item.price > 0
        assert len(prices) == item.count
        assert all(cheap < dear for cheap, dear in pairwise(prices))
        assert all(price % Micros(1_000) == 0 for price in prices)


def test_item_with_a_phase_stands_twice_in_the_grouped_list_and_is_found_twice() -> None:
    stock = Stock(1, 3_000)
    listed = {row["name"]: row for row in rows_of(stock.pricelist({}, 1))}
    phased = {name: plain for name in listed if (plain := without_phase(name)) is not None}
    assert phased
    plain = next(iter(phased.values()))
    own = [listed[name] for name, other in phased.items() if other == plain]
    assert listed[plain]["count"] == sum(row["count"] for row in own)
    assert listed[plain]["price"] == min(row["price"] for row in own)
    for asked in (plain, own[0]["name"]):
        found = rows_of(stock.search({"names": [asked]}))
        under = {row["name"] for row in found}
        assert {plain, own[0]["name"]} <= under <= {plain, *phased}
        ids = [row["id"] for row in found]
        assert all(ids.count(listing_id) == 2 for listing_id in ids)


def test_some_skins_have_few_listings() -> None:
    assert any(item.count < 3 for item in build_catalogue(1, 300))


def rows_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of an answer."""
    return list(answer["items"])
