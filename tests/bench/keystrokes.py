"""One keystroke of autocomplete over a whole game's names, and how good its answers are."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from rapidfuzz import fuzz, process, utils

from bot.search.index import NameIndex
from tests.bench.figures import Figure, Limit, sample
from tests.bench.house import open_house
from tests.bench.market import MarketProcess
from tests.search.names import market_names
from tests.search.quality import LOOKED_AT, Quality, finder, quality, queries

BUDGET: Final = (Limit("p50", 0.3), Limit("p99", 8))

TYPED: Final = (
    "ak redline",
    "AK-47 | Redline (Field-Tested)",
    "awp asiimov ft",
    "asimov",
    "m4a1 printstream mw",
    "m4a4 neo noir",
    "usp kill confirmed",
    "glock water elemental",
    "deagle blaze",
    "desert eagle blaze fn",
    "p250 sand dune",
    "butterfly doppler",
    "★ karambit fade",
    "stattrak karambit fade",
    "sport gloves vice",
    "st ak redline",
    "souvenir awp desert hydra",
    "sticker crown foil",
    "natus vincere holo stockholm",
    "kilowatt case",
    "music kit awolnation",
    "bayonet crimson web",
    "case hardened",
    "field-tested",
    "redline",
    "fade fn",
    "ak-47 vulcan minimal",
    "does not exist at all",
)
"""What people type; every beginning of it is one keystroke."""


FUZZY_EVERY: Final = 8
"""The fuzzy scan takes so long that it is given every eighth keystroke only."""

Find = Callable[[str], Sequence[str]]


async def measure(folder: Path, market: MarketProcess) -> list[Figure]:
    """Type everything, one key after another, into the bot's own catalogue."""
    environment = {**market.environment, "DATABASE_PATH": str(folder / "keystrokes.db")}
    async with open_house(environment) as bench:
        names = [quote.market_hash_name for quote in bench.quotes]
        catalogue = bench.house.services.catalogue
        figures = _typing(
            lambda typed: catalogue.search(typed, ["cs2"]), names, "the market's list"
        )
    index = NameIndex.build(market_names())
    return [
        *figures,
        *_typing(index.search, index.names, "names as the real market has them"),
        _judged(index),
    ]


def _typing(search: Callable[[str], object], names: Sequence[str], of: str) -> list[Figure]:
    """Type everything into a search, and into two that are simpler."""
    typed = [text[:end] for text in TYPED for end in range(1, len(text) + 1)]
    what = f"one keystroke over {len(names):,} names ({of})"
    found = sample(_timed(search, typed))
    return [
        Figure(
            what,
            found,
            sample(_timed(plain_scan(names), typed)),
            "“q in name” over the same names",
            BUDGET,
            notes=(f"every beginning of {len(TYPED)} texts, on the event loop",),
        ),
        Figure(
            what,
            found,
            sample(_timed(fuzzy_scan(names), typed[::FUZZY_EVERY])),
            "rapidfuzz's token_set_ratio over the same names",
            BUDGET,
        ),
    ]


def _timed(search: Callable[[str], object], typed: Sequence[str]) -> list[float]:
    took = []
    for text in typed:
        start = time.perf_counter()
        search(text)
        took.append(time.perf_counter() - start)
    return took


def _judged(index: NameIndex) -> Figure:
    """Return how good the answers are, beside those of the simpler searches."""
    rows = quality(finder(index))
    plain, fuzzy = quality(plain_scan(index.names)), quality(fuzzy_scan(index.names))
    everything = [rank for row in rows.values() for rank in row.ranks]
    typed = [query.typed for query in queries() if query.kind in rows]
    return Figure(
        f"{len(everything)} whole queries of two authors",
        sample(_timed(index.search, typed)),
        sample(_timed(plain_scan(index.names), typed)),
        "“q in name” over the same names",
        notes=(
            "right answers first / in the first 5 / in the first 25; then first of both scans:",
            *(
                f"{kind}: {_shares(row)}; {plain[kind].share(1):.0%}, {fuzzy[kind].share(1):.0%}"
                for kind, row in rows.items()
            ),
        ),
    )


def _shares(row: Quality) -> str:
    return " / ".join(f"{row.share(top):.0%}" for top in (1, 5, LOOKED_AT))


def plain_scan(names: Sequence[str]) -> Find:
    """Return the simplest search: names that what was typed is a part of."""
    folded = [(name.lower(), name) for name in names]

    def find(typed: str) -> list[str]:
        query = typed.lower()
        return [name for lower, name in folded if query in lower]

    return find


def fuzzy_scan(names: Sequence[str]) -> Find:
    """Return the search that a fuzzy library gives: the names most alike."""
    folded = [utils.default_process(name) for name in names]

    def find(typed: str) -> list[str]:
        best = process.extract(
            utils.default_process(typed), folded, scorer=fuzz.token_set_ratio, limit=LOOKED_AT
        )
        return [names[place] for _, _, place in best]

    return find
