"""The stand-in's stock looks real and is always the same."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bot.domain.money import Micros
from bot.sandbox.skinsback.catalogue import WELL_KNOWN, build_catalogue


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
