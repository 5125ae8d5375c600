"""The Discord client: what it loads, when commands are synced, and how it closes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
import discord
import yarl
from discord.ext import commands

from bot.errors import DiscordUnreachableError, StartupError
from bot.services.bundle import Services
from bot.store.database import Database
from bot.store.settings import get_meta, set_meta
from bot.ui.cards.frame import Frame
from bot.ui.guard import Interaction, Router, Tree

log = logging.getLogger(__name__)

COGS: Final = (
    "cogs.baskets",
    "cogs.picking",
    "cogs.pasting",
    "cogs.skins",
    "cogs.requests",
    "cogs.trade_urls",
    "cogs.approvals",
    "cogs.setup",
    "cogs.administration",
)

_SYNCED_DIGEST: Final = "commands_digest"
_COMMAND_IDS: Final = "command_ids"


class Quartermaster(commands.Bot):
    """The bot as Discord sees it. ``services`` must be set before it is started."""

    services: Services

    def __init__(self, *, sandbox: bool, operator_ids: Iterable[int] = ()) -> None:
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=Tree,
            # Interactions need no intent; with this one, roles and channels are known.
            intents=discord.Intents(guilds=True),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=0.5,
            http_trace=self._trace(),
        )
        self._sandbox = sandbox
        self._operator_ids = tuple(sorted(operator_ids))
        self._command_ids: dict[str, int] = {}
        self._database: Database | None = None
        self.online = False
        self.on_online: Callable[[], None] = lambda: None
        self.on_answer: Callable[[Mapping[str, str]], None] = lambda _headers: None
        self.first_ready = asyncio.Event()
        self.router = Router(self.frame)
        if isinstance(self.tree, Tree):
            self.tree.frame = self.frame
            self.tree.router = self.router

    def _trace(self) -> aiohttp.TraceConfig:
        """Return what hands the headers of Discord's answers on in the moment they come."""

        async def answered(
            _session: aiohttp.ClientSession,
            _context: SimpleNamespace,
            request: aiohttp.TraceRequestEndParams,
        ) -> None:
            self.on_answer(request.response.headers)

        trace = aiohttp.TraceConfig()
        trace.on_request_end.append(answered)
        return trace

    async def ask_anything(self) -> None:
        """Make a small call whose answer tells the time. Raises ``DiscordUnreachableError``."""
        try:
            await self.application_info()
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            failure = type(error).__name__
        else:
            return
        raise DiscordUnreachableError(failure)

    def frame(self) -> Frame:
        """Return what every card needs beside its subject."""
        return Frame(
            sandbox=self._sandbox, commands=self._command_ids, operator_ids=self._operator_ids
        )

    def attach(self, services: Services, database: Database) -> None:
        """Give the bot what its commands call and where it remembers its commands."""
        self.services = services
        self._database = database

    async def setup_hook(self) -> None:
        """Load the commands, after login and before the gateway; a broken cog ends the start."""
        for name in COGS:
            await self.load_extension(name)
        await self._sync_commands()

    async def _sync_commands(self) -> None:
        """Tell Discord our commands if they are others than the last time."""
        if self._database is None:
            raise RuntimeError("the bot was started before it was attached")
        payload = [command.to_dict(self.tree) for command in self.tree.get_commands()]
        payload.sort(key=lambda command: str(command["name"]))
        text = json.dumps([self.application_id, payload], sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()
        async with self._database.reading() as tx:
            synced = await get_meta(tx, _SYNCED_DIGEST)
            known = await get_meta(tx, _COMMAND_IDS)
        if synced == digest and known:
            self._command_ids = json.loads(known)
            return
        try:
            answer = await self.tree.sync()
        except discord.HTTPException as error:
            # Old commands go on working; the next start tries again.
            log.error("Discord did not take our commands: %s", error.status)  # noqa: TRY400
            return
        self._command_ids = {command.name: command.id for command in answer}
        async with self._database.writing() as tx:
            await set_meta(tx, _SYNCED_DIGEST, digest)
            await set_meta(tx, _COMMAND_IDS, json.dumps(self._command_ids))
        log.info("Synced %d commands.", len(answer))

    def dispatch(self, event_name: str, /, *args: Any, **kwargs: Any) -> None:
        """Hand an event to its handlers, unless we are closed.

        The library ends the wait for a first READY only by itself, with a fault if it is closed.
        """
        if not self.is_closed():
            super().dispatch(event_name, *args, **kwargs)

    async def on_ready(self) -> None:
        """Discord has told us everything; may happen many times."""
        self.online = True
        self.first_ready.set()
        self.on_online()
        log.info("Ready on %d servers.", len(self.guilds))

    async def on_resumed(self) -> None:
        """The connection is back, and nothing was missed."""
        self.online = True
        self.on_online()

    async def on_disconnect(self) -> None:
        """The connection is gone; the library brings it back."""
        self.online = False

    async def on_interaction(self, interaction: Interaction) -> None:
        """Bring every click to its handler; commands go to the tree."""
        await self.router.dispatch(interaction)

    async def on_error(self, event_method: str, /, *_args: Any, **_kwargs: Any) -> None:
        """Log what an event handler raised, without the event's content."""
        log.error("The handler of %s failed.", event_method, exc_info=sys.exc_info())

    async def connect_for_good(self, token: str) -> None:
        """Connect and stay connected. Raises ``StartupError`` if it can't come up."""
        try:
            await self.start(token)
        except discord.LoginFailure:
            raise StartupError("Discord refuses the DISCORD_TOKEN. Copy it anew.") from None
        except discord.ConnectionClosed as error:
            # The library comes back by itself from every close but those that are for good.
            raise StartupError(
                f"Discord has ended the connection for good (code {error.code}), as it does when "
                "the DISCORD_TOKEN was changed. Copy it anew."
            ) from None
        except (discord.HTTPException, aiohttp.ClientError, OSError, AttributeError) as error:
            # The library raises AttributeError if the gateway can't be reached at the first try.
            if self.first_ready.is_set():
                raise
            log.debug("The first connection failed.", exc_info=error)
            raise DiscordUnreachableError(
                "Discord can't be reached. Check the machine's network, then start again."
            ) from None


def _calm_reconnects(record: logging.LogRecord) -> bool:
    """Log a lost connection, which comes back by itself, as one line and not as a fault of ours."""
    if record.exc_info and str(record.msg).startswith("Attempting a reconnect"):
        lost = type(record.exc_info[1]).__name__
        record.msg = f"The connection to Discord is lost ({lost}). {record.msg}"
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.exc_info = None
    return True


logging.getLogger("discord.client").addFilter(_calm_reconnects)

# Nobody speaks here: a warning that voice is missing would only worry the operator.
discord.VoiceClient.warn_nacl = False
discord.VoiceClient.warn_dave = False


def point_discord_at(api_url: str, gateway_url: str) -> None:
    """Send the library elsewhere than to Discord itself; for the sandbox. Empty: leave it."""
    if api_url:
        discord.http.Route.BASE = api_url
    if gateway_url:
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)
