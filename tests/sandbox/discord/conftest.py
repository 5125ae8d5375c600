"""The stand-in with a small guild, a real bot on it, and a bare client for what needs no bot."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.sandbox.discord import Channel, DiscordSandbox, Guild, Member, Role
from tests.sandbox.discord.samplebot import SampleBot, point_at


@dataclass
class Stage:
    """A guild with people in it."""

    discord: DiscordSandbox
    guild: Guild
    mods: Role
    hall: Channel
    approvals: Channel
    ana: Member
    max: Member
    mia: Member
    olga: Member


@dataclass
class Api:
    """A bare client with the bot's token. Answers are (status, body)."""

    session: aiohttp.ClientSession
    base: str

    async def __call__(
        self, method: str, path: str, json: object = None, **query: str
    ) -> tuple[int, Any]:
        async with self.session.request(
            method, self.base + path, json=json, params=query
        ) as response:
            is_json = response.headers.get("Content-Type") == "application/json"
            return response.status, await response.json() if is_json else await response.text()


def openapi_spec() -> Path | None:
    """Return Discord's OpenAPI document, if this machine has it: then everything is held to it."""
    path = os.environ.get("DISCORD_OPENAPI_SPEC")
    return Path(path) if path else None


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """Serve a small guild; at the end, nothing may have broken Discord's rules."""
    async with DiscordSandbox(openapi_spec()) as discord:
        guild = discord.add_guild("Friday Cup")
        mods = guild.add_role("Skin Mods")
        yield Stage(
            discord=discord,
            guild=guild,
            mods=mods,
            hall=guild.add_channel("general"),
            approvals=guild.add_channel("skin-approvals", visible_to=[mods]),
            ana=guild.add_member("Ana", locale="pl"),
            max=guild.add_member("Max", roles=[mods]),
            mia=guild.add_member("Mia", roles=[mods]),
            olga=guild.add_member("Olga", administrator=True),
        )
        assert discord.violations == []


@asynccontextmanager
async def running_bot(discord: DiscordSandbox) -> AsyncIterator[SampleBot]:
    """Run the sample bot in this process until the block ends."""
    environment = discord.environment()
    point_at(environment)
    async with SampleBot() as bot:
        task = asyncio.create_task(bot.start(environment["DISCORD_TOKEN"]))
        await discord.bot_ready(10)
        await bot.wait_until_ready()
        yield bot
        await bot.close()
        await task


@pytest.fixture
async def bot(stage: Stage) -> AsyncIterator[SampleBot]:
    """Run the sample bot on the stage."""
    async with running_bot(stage.discord) as running:
        yield running


@pytest.fixture
async def api(stage: Stage) -> AsyncIterator[Api]:
    """Talk to the stand-in without a bot."""
    environment = stage.discord.environment()
    headers = {"Authorization": f"Bot {environment['DISCORD_TOKEN']}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield Api(session, environment["DISCORD_API_URL"])
