"""From what a person does to the bot's first answer, 200 at once; and from a click to the wire.

The bot is the real process, and its line to Discord has a tap.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bot.sandbox.discord import Channel, DiscordSandbox, Guild, Member, Message, Role
from bot.sandbox.discord.interactions import FIRST_ANSWER_S, Interaction
from bot.sandbox.process import BotProcess
from tests.bench.child import ROOT
from tests.bench.figures import Figure, Limit, Sample, middle_round, sample
from tests.bench.house import open_house, set_up, submit_requests
from tests.bench.market import MarketProcess
from tests.bench.tap import TapProcess
from tests.bench.wire import requests_on_the_wire

AT_ONCE: Final = 200
ROUNDS: Final = 7
"""The first one opens the connections and is told apart."""

CLICKS: Final = 30
BUDGET: Final = (Limit("p99", 100), Limit("most", FIRST_ANSWER_S * 1000))

_REDLINE: Final = "AK-47 | Redline (Field-Tested)"
_REQUESTS: Final = 60
_SETTLE_S: Final = 60.0
_PAUSE_S: Final = 0.5

Action = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class _Town:
    """A server with people, moderators among them."""

    discord: DiscordSandbox
    guild: Guild
    mods: Role
    hall: Channel
    approvals: Channel
    results: Channel
    members: tuple[Member, ...]
    moderators: tuple[Member, ...]
    cards: list[Message]


def _town(discord: DiscordSandbox) -> _Town:
    guild = discord.add_guild("Friday Cup")
    mods = guild.add_role("Skin Mods")
    hall = guild.add_channel("general")
    approvals = guild.add_channel("skin-approvals", visible_to=[mods])
    results = guild.add_channel("results")
    members = [guild.add_member(f"Member {each}") for each in range(AT_ONCE)]
    moderators = [guild.add_member(f"Moderator {each}", roles=[mods]) for each in range(_REQUESTS)]
    return _Town(
        discord, guild, mods, hall, approvals, results, tuple(members), tuple(moderators), []
    )


async def measure(folder: Path, market: MarketProcess) -> list[Figure]:
    """Let the bot answer, then a bare client, the same people doing the same things."""
    async with DiscordSandbox(validate=False) as discord:
        town = _town(discord)
        port = urlsplit(discord.environment()["DISCORD_API_URL"]).port
        async with TapProcess(port or 0) as tap:
            api = discord.environment()["DISCORD_API_URL"].replace(str(port), str(tap.port))
            environment = {
                **market.environment,
                **discord.environment(),
                "DISCORD_API_URL": api,
                "MARKET": "sandbox",
                "DATABASE_PATH": str(folder / "answers.db"),
            }
            await _seed(town, environment)
            bot = await BotProcess(environment, log_path=folder / "answers.log").start()
            try:
                await _everything_posted(town)
                rounds = [await _round(town, tap, wait=True) for _ in range(ROUNDS)]
                wire = await _clicks(town, market)
                await bot.stop()
            finally:
                if bot.running:
                    await bot.kill()
            bare, alone = await _with_bare_client(town, tap, environment)
    return [*_figures(rounds, bare), _click_figure(wire, alone)]


def _figures(rounds: Sequence[_Burst], bare: Sequence[_Burst]) -> list[Figure]:
    warm = [each.answered for each in rounds[1:]]
    best = min(each.p99 for each in warm)
    worst = max(each.p99 for each in warm)
    return [
        Figure(
            f"interaction → first answer, {AT_ONCE} at once",
            middle_round(warm),
            middle_round([each.answered for each in bare[1:]]),
            "a bare client that only defers",
            BUDGET,
            failures=sum(each.failed for each in rounds[1:]),
            notes=(
                "/request 40 %, /my-requests 30 %, Details 30 %, all handed to the bot at once",
                f"the middle one of {len(warm)} rounds; their p99: {best:.0f} to {worst:.0f}",
            ),
        ),
        Figure(
            f"interaction → first answer, {AT_ONCE} at once, every connection new",
            rounds[0].answered,
            bare[0].answered,
            "a bare client that only defers",
            (Limit("most", FIRST_ANSWER_S * 1000),),
            failures=rounds[0].failed,
            notes=("the first round after the start",),
        ),
    ]


def _click_figure(wire: Sequence[float], alone: Sequence[float]) -> Figure:
    return Figure(
        "click on Approve → batch buy on the wire, the real bot",
        sample(wire),
        sample(alone),
        "click → first answer of the bare client, one at a time",
        notes=(
            "acknowledged, approved, claimed, member looked up at Discord, balance and listings at",
            "the market, attempts committed, sent",
        ),
    )


async def _seed(town: _Town, environment: Mapping[str, str]) -> None:
    """Write the set-up and the requests into the database, before the bot is started."""
    async with open_house(environment) as bench:
        await set_up(
            bench.house.database,
            town.guild.id,
            approver_role=town.mods.id,
            approvals=town.approvals.id,
            results=town.results.id,
        )
        ids = [member.id for member in town.members[:_REQUESTS]]
        await submit_requests(bench, town.guild.id, ids, quantities=(2,), posting=False)


async def _everything_posted(town: _Town) -> None:
    """Wait until the bot has told everyone about the requests, and knows the prices."""
    await town.discord.bot_ready()
    await town.discord.wait_until(
        lambda: (
            len(_pending_cards(town)) == _REQUESTS
            and all(member.dms for member in town.members[:_REQUESTS])
        ),
        _SETTLE_S,
    )
    town.cards.extend(_pending_cards(town))
    await _prices_read(town)


async def _prices_read(town: _Town) -> None:
    """Wait until the bot suggests something: nobody is told when it has read the prices."""
    asker = town.members[-1]
    for _ in range(round(_SETTLE_S / _PAUSE_S)):
        if await asker.autocomplete("request", "item", "redline", channel=town.hall):
            return
        await asyncio.sleep(_PAUSE_S)
    raise RuntimeError("the bot never knew the prices")


def _pending_cards(town: _Town) -> list[Message]:
    return [card for card in town.approvals.messages if _button(card, ":approve")]


def _button(card: Message, verb: str) -> str | None:
    ids = [button.custom_id for button in card.buttons if button.custom_id]
    return next((each for each in ids if verb in each), None)


def _actions(town: _Town) -> list[Action]:
    """Return what 200 people do: 80 ask for a skin, 60 look at their requests, 60 at a card."""
    askers = town.members[_REQUESTS : 2 * AT_ONCE - 2 * _REQUESTS]
    asks = [_ask(town, member) for member in askers][: AT_ONCE - 2 * _REQUESTS]
    looks = [_look(town, member) for member in town.members[:_REQUESTS]]
    clicks = [
        _details(moderator, card)
        for moderator, card in zip(town.moderators, town.cards, strict=True)
    ]
    mixed = [action for three in zip(asks, looks, clicks, strict=False) for action in three]
    return [*mixed, *asks[len(looks) :]]


def _ask(town: _Town, member: Member) -> Action:
    return lambda: member.slash("request", channel=town.hall, timeout=_SETTLE_S, item=_REDLINE)


def _look(town: _Town, member: Member) -> Action:
    return lambda: member.slash("my-requests", channel=town.hall, timeout=_SETTLE_S)


def _details(moderator: Member, card: Message) -> Action:
    custom_id = _button(card, ":details")
    return lambda: moderator.click(card, custom_id=custom_id, timeout=_SETTLE_S)


@dataclass(frozen=True, slots=True)
class _Burst:
    """How long the first answers took, and how many never came or came too late."""

    answered: Sample
    failed: int


async def _round(town: _Town, tap: TapProcess, *, wait: bool) -> _Burst:
    """Let everyone act in one turn of the loop; ``wait`` until they have seen the whole answer."""
    known = set(town.discord.world.interactions)
    tasks = [asyncio.ensure_future(action()) for action in _actions(town)]
    await asyncio.sleep(0)
    # The sandbox's gateway has not sent the first one yet: its turn of the loop comes after.
    started = time.monotonic()
    interactions = [
        one for token, one in town.discord.world.interactions.items() if token not in known
    ]
    if len(interactions) != AT_ONCE:
        raise RuntimeError(f"{len(interactions)} people acted, not {AT_ONCE}")
    await _all_answered(interactions)
    if not wait:
        for task in tasks:
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(_PAUSE_S)
    stamps = await tap.answer_times()
    taken = [stamps[one.id] - started for one in interactions if one.id in stamps]
    failed = AT_ONCE - len(taken) + sum(each > FIRST_ANSWER_S for each in taken)
    return _Burst(sample(taken), failed)


async def _all_answered(interactions: Sequence[Interaction]) -> None:
    async def answered(one: Interaction) -> None:
        await one.changes.until(lambda: one.answer is not None, 2 * FIRST_ANSWER_S)

    await asyncio.gather(*map(answered, interactions))


async def _clicks(town: _Town, market: MarketProcess) -> list[float]:
    """Approve one card after another and return how long each took to the wire."""
    clicked: dict[str, float] = {}
    for moderator, card in zip(town.moderators[:CLICKS], town.cards[:CLICKS], strict=True):
        custom_id = _button(card, ":approve") or ""
        results = len(town.results.messages)
        clicked[custom_id.split(":")[1]] = time.time()
        await moderator.click(card, custom_id=custom_id)
        await _more_than(results, town)
    arrived = requests_on_the_wire(await market.wire_times())
    return [arrived[request_id] - at for request_id, at in clicked.items()]


async def _more_than(results: int, town: _Town) -> None:
    await town.discord.wait_until(lambda: len(town.results.messages) > results, _SETTLE_S)


async def _with_bare_client(
    town: _Town, tap: TapProcess, environment: Mapping[str, str]
) -> tuple[list[_Burst], list[float]]:
    """Do the same with the bare client in the bot's place."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.bareclient",
        cwd=ROOT,
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
    )
    try:
        await town.discord.bot_ready(with_commands=False)
        await asyncio.sleep(1)
        rounds = [await _round(town, tap, wait=False) for _ in range(ROUNDS)]
        alone = [await _one_defer(town, member) for member in town.members[:CLICKS]]
    finally:
        process.kill()
        await process.wait()
    return rounds, alone


async def _one_defer(town: _Town, member: Member) -> float:
    known = set(town.discord.world.interactions)
    task = asyncio.ensure_future(_look(town, member)())
    await asyncio.sleep(0)
    (one,) = (it for token, it in town.discord.world.interactions.items() if token not in known)
    await _all_answered([one])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    if one.latency is None:
        raise RuntimeError("the bare client did not answer")
    return one.latency
