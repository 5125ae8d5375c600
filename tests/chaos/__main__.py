"""``make chaos ROUNDS=n SEED=s``: kill the bot at every moment and compare the books.

One line for each round in which something was violated, with the seed that plays it again, and a
table at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.chaos.report import Report
from tests.chaos.zygote import ROOT

_SEED_MAX: Final = 10**9
_LINE_MAX: Final = 16 * 1024 * 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Play rounds and return 1 if anything was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None, help="of the first round; counted up")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--at-once", type=int, default=3, help="rounds at a time in each worker")
    asked = parser.parse_args(arguments)
    seed = random.randrange(_SEED_MAX) if asked.seed is None else asked.seed
    base = Path(tempfile.mkdtemp(prefix="quartermaster-chaos-"))
    print(f"{asked.rounds} rounds from seed {seed}. Logs of failed rounds: {base}", flush=True)
    report = Report()
    started = time.monotonic()
    seeds = [str(seed + number) for number in range(asked.rounds)]
    asyncio.run(_play(seeds, base, report, workers=asked.workers, at_once=asked.at_once))
    print(report.table(time.monotonic() - started))
    return 1 if report.failed or report.rounds < asked.rounds else 0


async def _play(
    seeds: Sequence[str], base: Path, report: Report, *, workers: int, at_once: int
) -> None:
    waiting = list(reversed(seeds))
    await asyncio.gather(
        *(_work(waiting, base, report, at_once) for _ in range(min(workers, len(seeds))))
    )


async def _work(waiting: list[str], base: Path, report: Report, at_once: int) -> None:
    """Keep one worker busy with seeds until there are none left."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.chaos.worker",
        str(base),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=PIPE,
        stdout=PIPE,
        limit=_LINE_MAX,
    )
    if worker.stdin is None or worker.stdout is None:
        raise RuntimeError("the worker has no pipes")
    playing = 0
    while True:
        while waiting and playing < at_once:
            worker.stdin.write(f"{waiting.pop()}\n".encode())
            playing += 1
        if not playing:
            break
        line = await worker.stdout.readline()
        if not line:
            print(f"A worker has ended with {playing} rounds in hand.", flush=True)
            break
        playing -= 1
        _take(json.loads(line), base, report)
    worker.stdin.close()
    await worker.wait()


def _take(outcome: dict[str, Any], base: Path, report: Report) -> None:
    kinds = Counter(violation["kind"] for violation in outcome["violations"])
    report.add(kinds, outcome["tally"], outcome["seconds"])
    if kinds:
        first = outcome["violations"][0]
        summary = ", ".join(f"{kind} ×{times}" for kind, times in kinds.items())
        about = first["detail"].replace("\n", " ")[:160]
        folder = base / f"round-{outcome['seed']}"
        print(f"seed {outcome['seed']}: {summary}. First: {about} ({folder})", flush=True)


if __name__ == "__main__":
    sys.exit(main())
