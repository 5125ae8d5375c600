"""The stand-in as a whole: one server on this machine that a real bot connects to."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from aiohttp import web

from bot.sandbox.discord.errors import Timeout
from bot.sandbox.discord.faults import Faults, Limits
from bot.sandbox.discord.gateway import UNKNOWN_ERROR, Gateway
from bot.sandbox.discord.rest import API, BODY_MAX, Request, Rest, Violation
from bot.sandbox.discord.routes_application import ApplicationRoutes
from bot.sandbox.discord.routes_channels import ChannelRoutes
from bot.sandbox.discord.routes_interactions import InteractionRoutes
from bot.sandbox.discord.rules import Rules
from bot.sandbox.discord.state import Guild, User, World
from bot.sandbox.discord.waiting import DEFAULT_TIMEOUT_S

HOST: Final = "127.0.0.1"
BACKLOG: Final = 2048
"""The default of 128 costs a burst of 200 connections a second each."""

TOKEN: Final = "sandbox-token-of-a-bot-that-does-not-exist"  # noqa: S105 - no secret: it opens nothing


class DiscordSandbox:
    """A local Discord: gateway, REST, and people who use the bot.

    ``async with DiscordSandbox() as discord`` serves on a random port; ``environment()`` tells the
    bot where. ``violations`` holds everything the bot sent that Discord would refuse (and, with
    ``openapi_spec``, whatever does not fit Discord's own document): tests assert that it is empty.
    ``validate=False`` switches all checks off, so that a benchmark measures the bot.
    ``clock_skew_s`` is added to the ``Date`` of every answer.
    """

    def __init__(
        self,
        openapi_spec: Path | None = None,
        *,
        validate: bool = True,
        bot_name: str = "Quartermaster",
    ) -> None:
        self.world = World(bot_name)
        self.gateway = Gateway(self.world, TOKEN)
        oracle = None
        if openapi_spec is not None and validate:
            from bot.sandbox.discord import openapi  # needs a development dependency

            oracle = openapi.read(openapi_spec)
        self._rest = Rest(self.world.clock, TOKEN, oracle=oracle)
        self._rules = Rules(enabled=validate)
        self.clock_skew_s = 0.0
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def __aenter__(self) -> DiscordSandbox:
        await self.start_listening()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop_listening()

    @property
    def bot(self) -> User:
        """The bot's account."""
        return self.world.bot

    @property
    def requests(self) -> list[Request]:
        """Every request of the bot, oldest first."""
        return self._rest.requests

    @property
    def violations(self) -> list[Violation]:
        """What broke Discord's rules, by the bot or by the stand-in itself."""
        return self._rest.violations

    @property
    def faults(self) -> Faults:
        """Faults to set up."""
        return self._rest.faults

    @property
    def limits(self) -> Limits:
        """Rate limits to set up; there are none at first."""
        return self._rest.limits

    @property
    def commands(self) -> dict[str, dict[str, Any]]:
        """The slash commands that the bot registered for every guild, by name."""
        return self.world.commands(None)

    def environment(self) -> dict[str, str]:
        """Return the environment variables that lead the bot here."""
        return {
            "DISCORD_API_URL": f"http://{HOST}:{self._port}{API}",
            "DISCORD_GATEWAY_URL": f"ws://{HOST}:{self._port}/gateway",
            "DISCORD_TOKEN": TOKEN,
        }

    def add_guild(self, name: str, *, locale: str = "en-US") -> Guild:
        """Make a guild with the bot in it; a connected bot is told."""
        guild = Guild(self.world, name, locale=locale)
        guild.announce()
        return guild

    def add_user(self, name: str, *, locale: str = "en-US") -> User:
        """Make an account that is in no guild yet."""
        return User(self.world, name, locale=locale)

    def advance(self, seconds: float) -> None:
        """Move the stand-in's clock: nonces are forgotten, tokens die, messages grow old."""
        self.world.clock.advance(seconds)
        self.world.changes.announce()
        for interaction in self.world.interactions.values():
            interaction.changes.announce()

    async def bot_ready(self, timeout: float = 30.0, *, with_commands: bool = True) -> None:
        """Wait until the bot is connected and (unless told otherwise) has commands."""

        def ready() -> bool:
            has_commands = bool(self.world.global_commands) or any(
                guild.commands for guild in self.world.guilds.values()
            )
            return self.gateway.ready and (has_commands or not with_commands)

        if not await self.world.changes.until(ready, timeout):
            asked = [f"{each.method} {each.path} -> {each.status}" for each in self.requests]
            raise Timeout(
                f"the bot is not ready after {timeout} s: connected: {self.gateway.ready}, "
                f"commands: {sorted(self.commands)}, requests: {asked}"
            )

    async def wait_until(
        self, holds: Callable[[], bool], timeout: float = DEFAULT_TIMEOUT_S
    ) -> None:
        """Wait until something about this world is true; looked at whenever a message changes."""
        if not await self.world.changes.until(holds, timeout):
            raise Timeout(f"waited {timeout} s in vain")

    async def drop_gateway(self, code: int = UNKNOWN_ERROR) -> None:
        """Break the gateway connection; with the default code the bot resumes."""
        await self.gateway.drop(code)

    async def start_listening(self) -> None:
        """Serve, on the same port as before if there was one."""
        app = web.Application(client_max_size=BODY_MAX)
        app.on_response_prepare.append(self._tell_the_time)
        app.router.add_get("/gateway", self.gateway.handle)
        app.router.add_get("/gateway/", self.gateway.handle)
        routes = [
            *ApplicationRoutes(self.world, self.gateway, self._rules).routes(),
            *ChannelRoutes(self.world, self._rules).routes(),
            *InteractionRoutes(self.world, self._rules).routes(),
        ]
        self._rest.install(app.router, routes)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self._port, backlog=BACKLOG, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.gateway.url = f"ws://{HOST}:{self._port}/gateway"

    async def _tell_the_time(self, _: web.Request, response: web.StreamResponse) -> None:
        if self.clock_skew_s:
            response.headers["Date"] = formatdate(time.time() + self.clock_skew_s, usegmt=True)

    async def stop_listening(self) -> None:
        """Be entirely down: every connection breaks, and new ones are refused."""
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        for site in list(runner.sites):
            await site.stop()
        if runner.server is not None:
            for connection in runner.server.connections:
                if connection.transport is not None:
                    connection.transport.abort()
        await runner.cleanup()
