"""One keystroke of autocomplete over a whole game's names."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from tests.bench.figures import Figure, Limit, sample
from tests.bench.house import open_house
from tests.bench.market import MarketProcess

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


async def measure(folder: Path, market: MarketProcess) -> list[Figure]:
    """Type everything, one key after another, into the bot's own catalogue."""
    environment = {**market.environment, "DATABASE_PATH": str(folder / "keystrokes.db")}
    async with open_house(environment) as bench:
        names = [quote.market_hash_name.lower() for quote in bench.quotes]
        keystrokes = [text[:end] for text in TYPED for end in range(1, len(text) + 1)]
        catalogue = bench.house.services.catalogue
        searched, scanned = [], []
        for typed in keystrokes:
            start = time.perf_counter()
            catalogue.search(typed, ["cs2"])
            searched.append(time.perf_counter() - start)
            query = typed.lower()
            start = time.perf_counter()
            found = [name for name in names if query in name]
            scanned.append(time.perf_counter() - start)
            del found
    return [
        Figure(
            f"one keystroke over {len(names):,} names",
            sample(searched),
            sample(scanned),
            "“q in name” over the same names",
            BUDGET,
            later=True,
            notes=(f"every beginning of {len(TYPED)} texts, on the event loop",),
        ),
    ]
