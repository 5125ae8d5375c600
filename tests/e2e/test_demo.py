"""The demo: it shows what the README says, always the same, and it fails if something is wrong."""

from __future__ import annotations

import asyncio
import io
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from bot.sandbox import demo
from bot.sandbox.demo import Meddle, play
from bot.sandbox.demo.stage import Stage, UnexpectedError, draw
from bot.sandbox.discord import DiscordSandbox, Message
from bot.sandbox.process import BotProcess
from bot.sandbox.skinsback import Fault, Refund, SkinsbackSandbox
from tests.pictures.scenes import Camera, stored
from tests.readme import END, README, START, excerpt, shown_in, updated

DAY_S: Final = 86_400


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the demo put its temporary folder where the test can see it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.timeout(300)
async def test_demo_when_played_twice_then_both_print_what_the_readme_shows(folder: Path) -> None:
    """Once as the command and once here, where Discord's own document judges every request."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "demo"),
        cwd=README.parent,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    printed, _ = await process.communicate()
    out = io.StringIO()
    camera = Camera()
    spec = os.environ.get("DISCORD_OPENAPI_SPEC")
    code = await play(out, openapi_spec=Path(spec) if spec else None, watch=camera.watch)
    assert (code, process.returncode) == (0, 0), out.getvalue()
    assert printed.decode() == out.getvalue()
    shown = shown_in(README.read_text(encoding="utf-8"))
    assert shown == excerpt(out.getvalue()), "python -m tests.readme brings the README up to date"
    old = [name for name, drawn in stored().items() if camera.taken()[name] != drawn]
    assert old == [], "python -m tests.readme takes these pictures anew"
    assert list(folder.iterdir()) == []


def _buys_nothing(market: SkinsbackSandbox) -> None:
    market.refuse("market_batch_buy", 5)


def _takes_more(market: SkinsbackSandbox) -> None:
    market.break_next("market_batch_buy", Fault.DEBIT_ABOVE_CEILING)


def _gives_money_back(market: SkinsbackSandbox) -> None:
    market.profile = replace(market.profile, refund=Refund.AT_ONCE)


@pytest.mark.timeout(200)
@pytest.mark.parametrize(
    ("meddle", "step", "expected", "seen"),
    [
        (
            _buys_nothing,
            "the bot buys",
            "a message that says “@Ana: 3 of 5 skins bought”",
            "Quartermaster\n",
        ),
        (_takes_more, "the bot buys", "the prices that the market asked", "Quartermaster\n"),
        (
            _gives_money_back,
            "the books are compared",
            "the same sum each time",
            "Spent in 24 hours, says the balance",
        ),
    ],
)
async def test_demo_when_the_market_misbehaves_then_it_fails_and_says_where(
    meddle: Meddle, step: str, expected: str, seen: str, folder: Path
) -> None:
    """The step, what was expected, what was seen, and the log, which is kept."""
    out = io.StringIO()
    assert await play(out, meddle=meddle) == 1
    _, _, words = out.getvalue().partition(f"✖ At the step: {step}\n")
    assert f"Expected: {expected}" in words
    assert seen in words.partition("Seen:\n    ")[2]
    (log_path,) = folder.glob("quartermaster-demo-*/bot.log")
    assert f"The bot's log is {log_path}" in words
    assert "Ready on 1 servers" in words


async def test_demo_when_the_bot_does_not_start_then_it_fails_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody waits for a bot that has ended."""

    def without_settings(_: Mapping[str, str], *, log_path: Path) -> BotProcess:
        return BotProcess({}, log_path=log_path)

    monkeypatch.setattr(demo, "BotProcess", without_settings)
    out = io.StringIO()
    assert await play(out) == 1
    assert "it ended with exit code 78" in out.getvalue()
    assert "DISCORD_TOKEN" in out.getvalue()


async def test_demo_when_the_log_has_an_error_then_it_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A story that went well isn't enough."""

    async def nothing(_: object) -> None:
        """Tell no story."""

    monkeypatch.setattr(demo, "tell", nothing)
    monkeypatch.setattr(BotProcess, "log", lambda _: "2026-11-22 ERROR   bot: it broke")
    out = io.StringIO()
    assert await play(out) == 1
    assert "bot: it broke" in out.getvalue()


async def test_draw_when_seconds_pass_then_reads_the_same() -> None:
    """Two runs of the demo are never equally fast."""
    async with DiscordSandbox() as discord:
        now = int(discord.world.clock.now())
        message = _said(discord, f"sent <t:{now}:R>, expires <t:{now + 3 * DAY_S}:R>")
        drawn = draw(message)
        discord.advance(7)
        assert draw(message) == drawn == "Ana\nsent a few seconds ago, expires in 3 days"
        discord.advance(DAY_S)
        assert draw(message) == "Ana\nsent 1 day ago, expires in 2 days"


async def test_draw_when_it_is_another_hour_then_every_clock_shows_that_evening() -> None:
    """A deadline stays as far away as it is, and neither today's date nor a second shows."""
    async with DiscordSandbox() as discord:
        now = int(discord.world.clock.now())
        message = _said(discord, f"bought <t:{now}:f>, until <t:{now + 590}:t>")
        drawn = draw(message)
        discord.advance(30)
        assert draw(message) == drawn == "Ana\nbought 20 November 2026 20:00, until 20:10"


async def test_stage_when_a_message_is_not_as_expected_then_stops() -> None:
    """Neither its words nor its buttons may be missing, nor that it is a rehearsal."""
    stage = Stage(io.StringIO())
    async with DiscordSandbox() as discord:
        message = _said(discord, "one skin bought")
        for says, buttons, without in (
            (("two skins",), (), ()),
            ((), ("Details",), ()),
            ((), (), ("bought",)),
            (("one skin",), (), ()),
        ):
            with pytest.raises(UnexpectedError) as caught:
                stage.show(message, *says, buttons=buttons, without=without)
            assert "one skin bought" in caught.value.seen
        with pytest.raises(UnexpectedError):
            stage.show_news(message, "one skin")


def test_updated_when_the_readme_has_more_then_only_the_block_changes() -> None:
    """What others write around it stays."""
    readme = updated("# Quartermaster\n\n", "old")
    assert readme == f"# Quartermaster\n\n{START}\n```text\nold\n```\n{END}\n"
    assert shown_in(updated(f"{readme}\nMore.\n", "new")) == "new"
    assert updated(f"{readme}\nMore.\n", "new").endswith(f"{END}\n\nMore.\n")
    with pytest.raises(LookupError):
        updated(START, "new")


def _said(discord: DiscordSandbox, text: str) -> Message:
    guild = discord.add_guild("Friday Cup")
    hall = guild.add_channel("general")
    return guild.add_member("Ana").say(text, channel=hall)
