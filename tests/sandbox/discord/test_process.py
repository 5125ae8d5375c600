"""The bot as a process of its own, as it runs in production."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.sandbox.discord.conftest import Stage
from tests.sandbox.discord.samplebot import SKINS

ROOT = Path(__file__).parents[3]


async def test_bot_runs_as_a_process_and_is_killed(stage: Stage) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "tests.sandbox.discord.samplebot",
        env=os.environ | stage.discord.environment(),
        cwd=ROOT,
    )
    try:
        await stage.discord.bot_ready(20)
        reply = await stage.ana.slash("request", channel=stage.hall, item=SKINS[0])
        assert reply.text == f"1 × {SKINS[0]}"
    finally:
        process.kill()
        await process.wait()
    await stage.discord.wait_until(lambda: not stage.discord.gateway.ready, 5)
