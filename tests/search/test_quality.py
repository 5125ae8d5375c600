"""How often people find what they mean: floors for each kind of query, as it was measured."""

from __future__ import annotations

from typing import Final

import pytest

from bot.search.index import NameIndex
from tests.search.names import market_names, other_names
from tests.search.quality import ELSEWHERE, Quality, finder, quality, queries

FLOORS: Final = {
    "typo2": (0.9, 0.95, 0.95),
    "sticker": (0.85, 0.95, 1.0),
    "slang": (0.9, 0.95, 1.0),
    "second slang": (0.97, 0.98, 1.0),
    "second two-typos": (0.95, 0.95, 0.95),
    "second dota2": (0.85, 0.9, 0.9),
    "second rust": (0.9, 0.9, 0.9),
}
OTHERWISE: Final = (0.95, 1.0, 1.0)
"""What part has a right answer first, among five, among twenty-five."""

QUERIES_MIN: Final = 700


def shortfalls(table: dict[str, Quality]) -> dict[str, object]:
    """Return the kinds of queries that are answered worse than they were."""
    worse: dict[str, object] = {}
    for kind, row in table.items():
        shares = [row.share(top) for top in (1, 5, 25)]
        floors = FLOORS.get(kind, OTHERWISE)
        if any(share < floor for share, floor in zip(shares, floors, strict=True)):
            worse[kind] = (shares, row.missed)
    return worse


def test_queries_find_what_was_meant(index: NameIndex) -> None:
    assert shortfalls(quality(finder(index))) == {}


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_queries_find_what_was_meant_in_other_games(kind: str) -> None:
    elsewhere = NameIndex.build(other_names(kind.rpartition(" ")[2]))
    assert shortfalls(quality(finder(elsewhere), of_kind=kind)) == {}


def test_queries_are_many_and_want_names_that_exist() -> None:
    asked = list(queries())
    assert len(asked) >= QUERIES_MIN
    every = (*market_names(), *other_names("dota2"), *other_names("rust"))
    names = {whole for name in every for whole in (name, name.rpartition(" (")[0])}
    names |= {f"{name.partition(' | ')[0]} | *" for name in every} | {"Forest Raiders *"}
    assert [query for query in asked if not names.issuperset(query.wanted)] == []
