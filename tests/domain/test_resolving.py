"""Names to listings, against a brute force that tries every way to hand them out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.market import Listing
from bot.domain.models import Line, NoListing
from bot.domain.money import CENT, Micros
from bot.domain.resolving import Found, NotFound, resolve

REDLINE = "AK-47 | Redline (Field-Tested)"
ASIIMOV = "AWP | Asiimov (Field-Tested)"


def dollars(amount: int) -> Micros:
    return Micros(amount * 100 * CENT)


def wanted(
    line_no: int, ceiling: int, *, listing_id: int | None = None, name: str = REDLINE
) -> Line:
    return Line(line_no, "cs2", name, listing_id, Micros(0), dollars(ceiling), "")


def offered(listing_id: int, price: int, *, name: str = REDLINE) -> Listing:
    return Listing(listing_id, name, dollars(price), "")


def bought(verdicts: Sequence[Found | NotFound]) -> dict[int, int]:
    """Return the listing of each line that gets one."""
    return {one.line.line_no: one.listing.listing_id for one in verdicts if isinstance(one, Found)}


def refused(verdicts: Sequence[Found | NotFound]) -> dict[int, tuple[NoListing, Micros | None]]:
    """Return why each of the others gets none."""
    return {
        one.line.line_no: (one.why, one.cheapest) for one in verdicts if isinstance(one, NotFound)
    }


def may_have(line: Line, listing: Listing) -> bool:
    """Say whether a listing would do for a line, were it the only one."""
    return (
        listing.market_hash_name == line.market_hash_name
        and listing.price <= line.ceiling
        and line.listing_id in (None, listing.listing_id)
    )


def most_served(lines: Sequence[Line], listings: Sequence[Listing]) -> int:
    """Return how many lines can be served at all, by trying every way."""
    ids = tuple(sorted({listing.listing_id for listing in listings}))

    @cache
    def best(place: int, free: tuple[int, ...]) -> int:
        if place == len(lines):
            return 0
        line = lines[place]
        served = best(place + 1, free)
        for one in free:
            if any(may_have(line, each) for each in listings if each.listing_id == one):
                left = tuple(other for other in free if other != one)
                served = max(served, 1 + best(place + 1, left))
        return served

    return best(0, ids)


NAMES = st.sampled_from([REDLINE, ASIIMOV])
PRICES = st.integers(1, 5)
LINES = st.lists(
    st.tuples(PRICES, st.none() | st.integers(1, 7), NAMES), min_size=1, max_size=6
).map(
    lambda drawn: [
        wanted(number, ceiling, listing_id=listing_id, name=name)
        for number, (ceiling, listing_id, name) in enumerate(drawn, start=1)
    ]
)
STOCK = st.lists(
    st.tuples(st.integers(1, 7), PRICES, NAMES).map(
        lambda drawn: offered(drawn[0], drawn[1], name=drawn[2])
    ),
    max_size=7,
    unique_by=lambda listing: listing.listing_id,
)


@given(LINES, STOCK)
def test_resolve_any_lines_keeps_to_name_ceiling_and_pick_and_hands_nothing_out_twice(
    lines: list[Line], stock: list[Listing]
) -> None:
    verdicts = resolve(lines, stock)
    assert [verdict.line for verdict in verdicts] == lines
    found = [verdict for verdict in verdicts if isinstance(verdict, Found)]
    assert len({one.listing.listing_id for one in found}) == len(found)
    assert all(may_have(one.line, one.listing) and one.listing in stock for one in found)


@settings(max_examples=200)
@given(LINES, STOCK)
def test_resolve_any_lines_serves_as_many_as_can_be_served(
    lines: list[Line], stock: list[Listing]
) -> None:
    assert len(bought(resolve(lines, stock))) == most_served(lines, stock)


@given(LINES, STOCK)
def test_resolve_any_lines_leaves_nothing_cheaper_behind_than_it_takes(
    lines: list[Line], stock: list[Listing]
) -> None:
    found = [one for one in resolve(lines, stock) if isinstance(one, Found)]
    taken = {one.listing.listing_id for one in found}
    left = [listing for listing in stock if listing.listing_id not in taken]
    for one in found:
        if one.line.listing_id is None:
            alike = [other for other in left if may_have(one.line, other)]
            assert all(one.listing.price <= other.price for other in alike)


@given(LINES, STOCK)
def test_resolve_any_lines_says_why_one_gets_nothing(
    lines: list[Line], stock: list[Listing]
) -> None:
    verdicts = resolve(lines, stock)
    taken = set(bought(verdicts).values())
    for verdict in verdicts:
        if isinstance(verdict, Found):
            continue
        line = verdict.line
        left = [
            one
            for one in stock
            if one.listing_id not in taken and one.market_hash_name == line.market_hash_name
        ]
        match verdict.why:
            case NoListing.SOLD_OUT:
                assert not left
                assert line.listing_id is None
            case NoListing.PRICE_ROSE:
                assert verdict.cheapest is not None
                assert verdict.cheapest > line.ceiling
            case NoListing.LISTING_GONE:
                assert line.listing_id is not None
                assert line.listing_id not in {one.listing_id for one in left}


@given(LINES, STOCK, st.randoms(use_true_random=False))
def test_resolve_in_another_order_gives_every_line_the_same(
    lines: list[Line], stock: list[Listing], rng: Random
) -> None:
    verdicts = resolve(lines, stock)
    mixed_lines, mixed_stock = list(reversed(lines)), list(stock)
    rng.shuffle(mixed_stock)
    assert bought(resolve(mixed_lines, mixed_stock)) == bought(verdicts)


def test_line_at_exactly_its_ceiling_is_bought_and_a_millionth_above_is_not() -> None:
    above = Listing(1, REDLINE, Micros(dollars(5) + 1), "")
    assert bought(resolve([wanted(1, 5)], [offered(1, 5)])) == {1: 1}
    assert refused(resolve([wanted(1, 5)], [above])) == {
        1: (NoListing.PRICE_ROSE, Micros(dollars(5) + 1))
    }


def test_line_when_the_market_finds_a_longer_name_gets_nothing() -> None:
    longer = offered(1, 1, name=f"StatTrak™ {REDLINE}")
    assert refused(resolve([wanted(1, 5)], [longer])) == {1: (NoListing.SOLD_OUT, None)}


def test_picked_line_under_another_name_is_gone() -> None:
    stock = [offered(7, 1, name=ASIIMOV), offered(8, 2)]
    assert refused(resolve([wanted(1, 5, listing_id=7)], stock)) == {
        1: (NoListing.LISTING_GONE, dollars(2))
    }


def test_picked_line_above_its_ceiling_says_its_own_price_and_takes_no_other() -> None:
    stock = [offered(7, 9), offered(8, 1)]
    assert refused(resolve([wanted(1, 5, listing_id=7)], stock)) == {
        1: (NoListing.PRICE_ROSE, dollars(9))
    }


def test_picked_line_after_one_by_name_still_gets_its_listing() -> None:
    lines = [wanted(1, 5), wanted(2, 5, listing_id=7)]
    assert bought(resolve(lines, [offered(7, 1), offered(8, 2)])) == {1: 8, 2: 7}


def test_lines_that_pick_the_same_listing_get_it_once() -> None:
    lines = [wanted(1, 5, listing_id=7), wanted(2, 5, listing_id=7)]
    assert bought(resolve(lines, [offered(7, 1)])) == {1: 7}


def test_listing_that_the_market_names_twice_is_handed_out_once() -> None:
    stock = [offered(7, 1), offered(7, 1), offered(7, 2, name=ASIIMOV)]
    lines = [wanted(1, 5), wanted(2, 5), wanted(3, 5, name=ASIIMOV)]
    assert bought(resolve(lines, stock)) == {1: 7}


def test_low_ceiling_beside_a_high_one_leaves_both_served() -> None:
    lines = [wanted(1, 10), wanted(2, 3)]
    assert bought(resolve(lines, [offered(1, 2), offered(2, 8)])) == {1: 2, 2: 1}
