"""``make demo``: the real bot, as a process of its own, plays its main job on this machine.

Both its neighbours are stand-ins, so it needs no account, no token and no network. The demo fails
as soon as anybody in it sees something else than the story expects.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, TextIO

from bot.sandbox.demo.scene import open_scene
from bot.sandbox.demo.stage import Stage, UnexpectedError, Watch
from bot.sandbox.demo.story import tell
from bot.sandbox.discord import DiscordSandbox, SandboxError, Timeout
from bot.sandbox.process import BotProcess
from bot.sandbox.skinsback import Profile, Refund, SkinsbackSandbox

Meddle = Callable[[SkinsbackSandbox], None]

_READY_S: Final = 60.0
_STORY_S: Final = 150.0
_LOG_LINES: Final = 20
_TROUBLE: Final = re.compile(r"\b(ERROR|CRITICAL)\b|Traceback")


async def play(
    out: TextIO | None = None,
    *,
    meddle: Meddle | None = None,
    openapi_spec: Path | None = None,
    watch: Watch | None = None,
) -> int:
    """Play the demo and return 0 if everybody saw what they should have seen, else 1.

    ``meddle`` may upset the market before the story begins, to see that the demo notices.
    With ``openapi_spec`` every request of the bot is held against Discord's own document.
    ``watch`` sees every message that is shown.
    """
    stage = Stage(out or sys.stdout, watch=watch)
    folder = Path(tempfile.mkdtemp(prefix="quartermaster-demo-"))
    log_path = folder / "bot.log"
    try:
        async with asyncio.timeout(_STORY_S):
            await _play(stage, log_path, meddle, openapi_spec)
    except (UnexpectedError, SandboxError, Timeout, TimeoutError) as error:
        stage.fail(_in_words(stage.step, error, log_path))
        return 1
    except BaseException:
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)
    return 0


async def _play(
    stage: Stage, log_path: Path, meddle: Meddle | None, openapi_spec: Path | None
) -> None:
    async with (
        DiscordSandbox(openapi_spec) as discord,
        SkinsbackSandbox(profile=Profile(refund=Refund.LATE)) as market,
        AsyncExitStack() as stack,
    ):
        scene = open_scene(stage, discord, market)
        if meddle is not None:
            meddle(market)
        bot = BotProcess(
            {
                **discord.environment(),
                **market.environment(),
                "MARKET": "sandbox",
                "DATABASE_PATH": str(log_path.with_name("quartermaster.db")),
            },
            log_path=log_path,
        )
        stack.push_async_callback(_kill, bot)
        await bot.start()
        await _ready(discord, bot)
        stage.tell(
            "The bot runs as a process of its own. Discord and the market are stand-ins on this "
            "machine, and every message below is what the bot really sent. All of them end by "
            "saying that this is a rehearsal; from the second on that line is left out here. "
            "It is always Friday evening, 20:00, so that the demo reads the same every time."
        )
        await tell(scene)
        await _end(stage, discord, bot)


async def _ready(discord: DiscordSandbox, bot: BotProcess) -> None:
    """Wait until the bot is connected, but not longer than it lives."""
    ready = asyncio.create_task(discord.bot_ready(_READY_S))
    ended = asyncio.create_task(bot.ended(_READY_S))
    done, pending = await asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    if ended in done:
        raise UnexpectedError("the bot running", f"it ended with exit code {await ended}")
    await ready


async def _end(stage: Stage, discord: DiscordSandbox, bot: BotProcess) -> None:
    """Stop the bot, and look at what it left behind."""
    stage.step = "the bot is told to stop"
    code = await bot.stop()
    stage.expect(code == 0, "exit code 0", code)
    trouble = [line for line in bot.log().splitlines() if _TROUBLE.search(line)]
    stage.expect(not trouble, "nothing wrong in the bot's log", "\n".join(trouble))
    broken = discord.violations
    stage.expect(not broken, "every request as Discord wants it", "\n".join(map(str, broken)))
    stage.tell("Everybody saw what they should have seen, and the bot has stopped as it should.")


async def _kill(bot: BotProcess) -> None:
    if bot.running:
        await bot.kill()


def _in_words(step: str, error: Exception, log_path: Path) -> str:
    """Return at which step it went wrong, what was expected, what was seen, and the log's end."""
    if isinstance(error, UnexpectedError):
        expected, seen = error.expected, error.seen
    else:
        expected, seen = "the story to go on", str(error) or "it took too long"
    log = log_path.read_text(encoding="utf-8").splitlines() if log_path.exists() else []
    return "\n".join(
        [
            f"✖ At the step: {step}",
            f"  Expected: {expected}",
            "  Seen:",
            textwrap.indent(seen, "    "),
            f"  The bot's log is {log_path}. It ends with:",
            textwrap.indent("\n".join(log[-_LOG_LINES:]), "    "),
        ]
    )
