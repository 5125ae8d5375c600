"""How often people find what they mean: floors for each kind of query, as it was measured."""

from __future__ import annotations

from typing import Final

from bot.search.index import NameIndex
from tests.search.names import market_names
from tests.search.quality import finder, quality, queries

FLOORS: Final = {
    "typo2": (0.9, 0.95, 0.95),
    "sticker": (0.85, 0.95, 1.0),
    "slang": (0.9, 0.95, 1.0),
}
OTHERWISE: Final = (0.95, 1.0, 1.0)
"""What part has a right answer first, among five, among twenty-five."""

QUERIES_MIN: Final = 150


def test_queries_find_what_was_meant(index: NameIndex) -> None:
    worse = {}
    for kind, row in quality(finder(index)).items():
        shares = [row.share(top) for top in (1, 5, 25)]
        if any(
            share < floor for share, floor in zip(shares, FLOORS.get(kind, OTHERWISE), strict=True)
        ):
            worse[kind] = (shares, row.missed)
    assert worse == {}


def test_queries_are_many_and_want_names_that_exist() -> None:
    asked = list(queries())
    assert len(asked) >= QUERIES_MIN
    names = {whole for name in market_names() for whole in (name, name.rpartition(" (")[0])}
    assert [query for query in asked if not names.issuperset(query.wanted)] == []
