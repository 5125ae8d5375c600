"""A small world for end-to-end tests: a server with people, a market, and the bot as a process."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from bot.sandbox.discord import Channel, DiscordSandbox, Guild, Member, Message, Reply, Role
from bot.sandbox.process import BotProcess
from bot.sandbox.skinsback import SkinsbackSandbox
from bot.store import settings
from bot.store.database import Database
from tests.chaos.zygote import Zygote
from tests.e2e.forked import ForkedBot

REDLINE = "AK-47 | Redline (Field-Tested)"
ASIIMOV = "AWP | Asiimov (Field-Tested)"
PRICES_THERE = "There are prices of cs2"
"""What the bot's log says once skins can be asked for."""

PARTNER = 90382795
TOKEN = "AbCd_-12"
MINUTE_S = 2.0
"""How long a minute of the market lasts here: it is the one in which calls are counted."""
MARKET_SIZE = 1_000
"""Names of CS2 on sale: enough for pages, and few enough for a bot to start with them at once."""


def trade_url_of(partner: int, token: str = TOKEN) -> str:
    """Return the Trade URL of a Steam account."""
    return f"https://steamcommunity.com/tradeoffer/new/?partner={partner}&token={token}"


TRADE_URL = trade_url_of(PARTNER)


@dataclass
class World:
    """Everything a test needs, and the settings of the bot that it can change before a start."""

    discord: DiscordSandbox
    market: SkinsbackSandbox
    guild: Guild
    mods: Role
    hall: Channel
    approvals: Channel
    results: Channel
    ana: Member
    max: Member
    mia: Member
    olga: Member
    folder: Path
    environment: dict[str, str]
    zygote: Zygote | None
    """What the bot is forked off; without one it is started as a person would."""

    bots: list[BotProcess] = field(default_factory=list)
    program: str = "bot"
    """The module that runs the bot."""

    @property
    def database_path(self) -> Path:
        """Where the bot keeps its database."""
        return Path(self.environment["DATABASE_PATH"])

    @property
    def bot(self) -> BotProcess:
        """The bot that was started last."""
        return self.bots[-1]

    async def set_up(self, *, undo_s: int = 0, lines_max: int = 10, open_max: int = 1) -> Self:
        """Write the server's choices straight into the database, before the bot is started."""
        async with await Database.open(self.database_path) as database, database.writing() as tx:
            guild_id = self.guild.id
            await settings.set_place(tx, guild_id, "approver_role_id", self.mods.id)
            await settings.set_place(tx, guild_id, "approval_channel_id", self.approvals.id)
            await settings.set_place(tx, guild_id, "results_channel_id", self.results.id)
            await settings.set_numbers(
                tx,
                guild_id,
                {"undo_s": undo_s, "lines_max": lines_max, "open_requests_max": open_max},
            )
        return self

    @property
    def prices_path(self) -> Path:
        """Where the bot keeps the last price lists."""
        return self.database_path.with_name(f"{self.database_path.name}.prices")

    def prices_are_kept(self) -> bool:
        """Say whether the next start will have the prices that this one has read."""
        if not self.prices_path.exists():
            return False
        with closing(sqlite3.connect(self.prices_path, timeout=5)) as prices:
            tables = prices.execute("SELECT name FROM sqlite_master WHERE name = 'lists'")
            return bool(tables.fetchone() and prices.execute("SELECT 1 FROM lists").fetchone())

    async def start(self, *, with_prices: bool = True, **environment: str) -> Self:
        """Start the bot and wait until it is connected and (unless told otherwise) has prices."""
        settings = {**self.environment, **environment}
        log_path = self.folder / f"bot-{len(self.bots)}.log"
        if self.zygote is None or self.program != "bot":
            process = BotProcess(settings, log_path=log_path, program=self.program)
        else:
            process = ForkedBot(self.zygote, settings, log_path=log_path)
        # The one before may still seem to be connected.
        before = self.discord.gateway.identified
        self.bots.append(await process.start())
        await self.until(lambda: self.discord.gateway.identified > before)
        await self.discord.bot_ready(30, with_commands=len(self.bots) == 1)
        if with_prices:
            await self.until(lambda: PRICES_THERE in self.bot.log())
        return self

    async def restart(self, *, kill: bool = False) -> Self:
        """Stop or kill the bot and start it again on the same disk."""
        if kill:
            await self.bot.kill()
        else:
            assert await self.bot.stop() == 0
        return await self.start()

    async def give_trade_url(self, member: Member, url: str = TRADE_URL) -> Reply:
        """Enter and confirm a member's Trade URL with /trade-url."""
        screen = await member.slash("trade-url", channel=self.hall)
        asked = await member.click(_shown(screen), custom_id=_id(_shown(screen), ":enter"))
        assert asked.modal is not None
        question = await member.submit(asked.modal, {asked.modal.fields[0].label: url})
        return await member.click(_shown(question), custom_id=_id(_shown(question), ":yes"))

    async def fill_basket(self, member: Member, *skins: tuple[str, int]) -> Message:
        """Put skins into a member's basket with /request and return its screen."""
        screen: Message | None = None
        for name, quantity in skins:
            reply = await member.slash("request", channel=self.hall, item=name, quantity=quantity)
            screen = _shown(reply)
        assert screen is not None
        return screen

    async def submit(
        self, member: Member, *skins: tuple[str, int], url: str = TRADE_URL
    ) -> Message:
        """Send a request, the Trade URL included, and return its approval card."""
        before = {message.id for message in self.approvals.messages}
        await self.give_trade_url(member, url)
        screen = await self.fill_basket(member, *(skins or ((REDLINE, 1),)))
        await member.click(screen, custom_id=_id(screen, ":send"))
        return await self.approvals.wait_for(
            lambda message: (
                message.id not in before
                and any(":approve" in (button.custom_id or "") for button in message.buttons)
            )
        )

    def start_over(self) -> None:
        """Make everything that tests share as it was at first, whatever the one before did to it.

        What it left approved would be bought in the middle of the next test: it is too old now.
        """
        self.market.start_over()
        self.discord.faults.clear()
        self.change("DELETE FROM pauses")
        self.change("UPDATE requests SET expires_at = 1 WHERE state = 'approved'")
        self.change(
            "UPDATE guilds SET undo_s = 0, lines_max = 10, open_requests_max = 1, delivery = NULL "
            "WHERE guild_id = ?",
            self.guild.id,
        )

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Read the bot's database, also while it runs."""
        with closing(sqlite3.connect(self.database_path, timeout=5)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, values)]

    def change(self, sql: str, *values: object) -> None:
        """Change the bot's database behind its back, for example to let time pass."""
        with closing(sqlite3.connect(self.database_path, timeout=5)) as connection, connection:
            connection.execute(sql, values)

    async def until(self, holds: Callable[[], object], timeout: float = 30) -> None:
        """Wait for something that no message tells: of the market, the database or the log."""
        for _ in range(round(timeout / 0.02)):
            if holds():
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"waited {timeout} s in vain; {self.bot.log()[-2000:]}")

    async def hurry(self) -> None:
        """Let the time pass for which approved requests wait, and have them looked at."""
        self.change("UPDATE requests SET claimable_at = 0 WHERE state = 'approved'")
        self.change(
            "UPDATE requests SET step_at = 0 WHERE state = 'buying' AND waits_for IS NOT NULL"
        )
        # A confirmed Trade URL wakes the worker; Olga asks for nothing, so it does nothing else.
        await self.give_trade_url(self.olga, trade_url_of(1))


def _shown(reply: Reply) -> Message:
    assert reply.message is not None, reply
    return reply.message


def _id(message: Message, part: str) -> str:
    """Return the custom id of the one button whose id contains ``part``."""
    found = [b.custom_id for b in message.buttons if b.custom_id and part in b.custom_id]
    assert len(found) == 1, f"{part} on {message.render()}"
    return found[0]


shown = _shown
button_id = _id


@asynccontextmanager
async def small_world(folder: Path, zygote: Zygote | None) -> AsyncGenerator[World]:
    """Open a world without a bot; at its end, nothing that the bot sent may have been malformed."""
    spec = os.environ.get("DISCORD_OPENAPI_SPEC")
    async with (
        DiscordSandbox(openapi_spec=Path(spec) if spec else None) as discord,
        SkinsbackSandbox(minute_s=MINUTE_S, size=MARKET_SIZE) as market,
    ):
        guild = discord.add_guild("Friday Cup")
        mods = guild.add_role("Skin Mods", "MANAGE_MESSAGES")
        environment: Mapping[str, str] = {
            **discord.environment(),
            **market.environment(),
            "MARKET": "sandbox",
            "DATABASE_PATH": str(folder / "quartermaster.db"),
        }
        world = World(
            discord=discord,
            market=market,
            guild=guild,
            mods=mods,
            hall=guild.add_channel("general"),
            approvals=guild.add_channel("skin-approvals", visible_to=[mods]),
            results=guild.add_channel("results"),
            ana=guild.add_member("Ana"),
            max=guild.add_member("Max", roles=[mods]),
            mia=guild.add_member("Mia", roles=[mods]),
            olga=guild.add_member("Olga", administrator=True),
            folder=folder,
            environment=dict(environment),
            zygote=zygote,
        )
        try:
            yield world
        finally:
            for bot in world.bots:
                if bot.running:
                    await bot.kill()
        assert not discord.violations, discord.violations
