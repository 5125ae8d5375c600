"""``python -m tests.bench``: measure, print, and exit with 1 if a budget is missed."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.bench import answers, follow, keystrokes, prices, queries, start, stored, wire
from tests.bench.figures import Figure, Verdict, machine, rule, table
from tests.bench.house import open_house
from tests.bench.market import MarketProcess

NAMES: Final = 37_000
"""As many as the market has for cs2."""

FEW: Final = 1_000
MANY: Final = 1_000_000
"""Stored requests: what is measured with so many is held against the same with few."""


async def _measure(many: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="quartermaster-bench-") as name:
        folder = Path(name)
        figures = await _with_stored(folder, many)
        # A market for each database: what is bought from another one would be found, and alarm.
        for part in (answers.measure, keystrokes.measure):
            async with MarketProcess(NAMES) as market:
                figures += await part(folder, market)
        figures += await prices.measure(folder)
        figures += await follow.measure()
    return figures


async def _with_stored(folder: Path, many: int) -> list[Figure]:
    """Measure what the number of stored requests must not change: with few, then with many."""
    figures: list[Figure] = []
    costs: list[queries.Costs] = []
    titles: list[str] = []
    for count in (FEW, many):
        database = await stored.build(folder, count)
        async with MarketProcess(NAMES) as market:
            environment = {**market.environment, "DATABASE_PATH": str(database.path)}
            async with open_house(environment) as bench:
                figures += await wire.measure(folder, market, bench, database)
                costs.append(await queries.measure(bench, database))
            titles.append(database.title)
            if count == many:
                figures += queries.figures(*costs, titles=titles)
                figures += await start.measure(folder, market, database)
    return figures


def main() -> int:
    """Run everything and return the process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument(
        "--stored", type=int, default=MANY, metavar="N", help=f"instead of {MANY:,}, for a trial"
    )
    options = parser.parse_args()
    as_json: bool = options.json
    started, about = time.monotonic(), machine()
    figures = asyncio.run(_measure(options.stored))
    took = time.monotonic() - started
    missed = [figure for figure in figures if figure.verdict is Verdict.MISSED]
    if as_json:
        told = {
            "machine": about,
            "took_s": round(took, 1),
            "met": not missed,
            "figures": [figure.as_json() for figure in figures],
        }
        print(json.dumps(told, indent=2))
    else:
        print(rule("What it takes, in milliseconds"))
        print(about, end="\n\n")
        print(table(figures), end="\n\n")
        print(rule("missed: " + str(len(missed)) if missed else "every budget is met"))
        print(f"took {took:.0f} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
