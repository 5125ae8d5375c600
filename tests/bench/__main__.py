"""``python -m tests.bench [--json]``: measure, print, and exit with 1 if a budget is missed."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.bench import answers, keystrokes, wire
from tests.bench.figures import Figure, Verdict, machine, rule, table
from tests.bench.market import MarketProcess

NAMES: Final = 37_000
"""As many as the market has for cs2."""


async def _measure() -> list[Figure]:
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="quartermaster-bench-") as name:
        folder = Path(name)
        async with MarketProcess(NAMES) as market:
            for part in (wire.measure, answers.measure, keystrokes.measure):
                figures += await part(folder, market)
    return figures


def main() -> int:
    """Run everything and return the process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    as_json: bool = parser.parse_args().json
    started, about = time.monotonic(), machine()
    figures = asyncio.run(_measure())
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
