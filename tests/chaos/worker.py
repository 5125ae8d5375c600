"""A process that plays rounds: seeds come in line by line, outcomes go out as lines of JSON."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

from tests.chaos.pace import hurried_world
from tests.chaos.plan import draw
from tests.chaos.round import Outcome, play_round
from tests.chaos.zygote import CHAOS, Zygote


async def play_seed(seed: str, zygote: Zygote, base: Path) -> Outcome:
    """Play the round of a seed; what it wrote is kept only if something was violated."""
    folder = base / f"round-{seed}"
    folder.mkdir(parents=True)
    outcome = await play_round(draw(seed), zygote, folder)
    if outcome.violations:
        found = "\n\n".join(f"{each.kind}: {each.detail}" for each in outcome.violations)
        (folder / "violations.txt").write_text(found, encoding="utf-8")
    else:
        shutil.rmtree(folder)
    return outcome


async def serve(base: Path) -> None:
    """Play every seed as soon as it is heard of, until there are no more."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    with hurried_world(), Zygote(CHAOS) as zygote:
        async with asyncio.TaskGroup() as playing:
            while line := await lines.readline():
                playing.create_task(_answer(line.decode().strip(), zygote, base))


async def _answer(seed: str, zygote: Zygote, base: Path) -> None:
    outcome = await play_seed(seed, zygote, base)
    print(json.dumps(asdict(outcome)), flush=True)


def main() -> None:
    """Serve."""
    # The stand-ins cut connections on purpose, and aiohttp would log each.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    asyncio.run(serve(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
