"""Names to listings: which listing is bought for which line. Pure.

The rule: equal name, price within the ceiling, cheapest first, and no listing twice, because the
market's answer can't say two things about one id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.market import Listing
from bot.domain.models import Line, NoListing
from bot.domain.money import Micros


@dataclass(frozen=True, slots=True)
class Found:
    """A line and the listing to buy for it."""

    line: Line
    listing: Listing


@dataclass(frozen=True, slots=True)
class NotFound:
    """A line for which nothing may be bought; ``cheapest`` is the lowest price under its name."""

    line: Line
    why: NoListing
    cheapest: Micros | None


def resolve(
    lines: Sequence[Line],
    listings: Iterable[Listing],
    *,
    refused: Mapping[int, frozenset[int]] | None = None,
) -> list[Found | NotFound]:
    """Return for every line its listing or why it has none, in the order of ``lines``.

    ``refused``: by line number, listings that the market has refused for it already.

    Listings picked by their id come first, so that no line picked by name takes one away. Among
    equal names the lowest ceiling chooses first: so as many lines as possible get one.
    """
    by_name: dict[str, list[Listing]] = {}
    for listing in sorted(listings, key=lambda one: (one.price, one.listing_id)):
        by_name.setdefault(listing.market_hash_name, []).append(listing)
    taken: set[int] = set()
    verdicts: dict[int, Found | NotFound] = {}
    order = sorted(lines, key=lambda line: (line.listing_id is None, line.ceiling, line.line_no))
    for line in order:
        stock = by_name.get(line.market_hash_name, [])
        never = (refused or {}).get(line.line_no, frozenset())
        verdict = _resolve_line(line, stock, taken | never)
        if isinstance(verdict, Found):
            taken.add(verdict.listing.listing_id)
        verdicts[line.line_no] = verdict
    return [verdicts[line.line_no] for line in lines]


def _resolve_line(line: Line, stock: list[Listing], taken: set[int]) -> Found | NotFound:
    free = [listing for listing in stock if listing.listing_id not in taken]
    cheapest = free[0].price if free else None
    if line.listing_id is not None:
        picked = next((one for one in free if one.listing_id == line.listing_id), None)
        if picked is None:
            return NotFound(line, NoListing.LISTING_GONE, cheapest)
        if picked.price > line.ceiling:
            return NotFound(line, NoListing.PRICE_ROSE, picked.price)
        return Found(line, picked)
    if not free:
        return NotFound(line, NoListing.SOLD_OUT, None)
    if free[0].price > line.ceiling:
        return NotFound(line, NoListing.PRICE_ROSE, cheapest)
    return Found(line, free[0])
