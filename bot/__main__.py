"""The only place that reads the environment and wires everything.

``python -m bot`` runs the bot; ``demo`` plays the whole story on this machine; ``resume`` lifts
what has paused buying by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import SystemRandom
from typing import Any, Final
from urllib.parse import urlsplit

from dotenv import dotenv_values

from bot import log as logs
from bot.app import Quartermaster, point_discord_at
from bot.config import SKINSBACK_API_URL, Settings
from bot.errors import DiscordUnreachableError, StartupError
from bot.health import health_server
from bot.sandbox.skinsback import SkinsbackSandbox
from bot.services.announcements import Announcements
from bot.services.attention import Attention
from bot.services.baskets import Baskets
from bot.services.booking import Booking
from bot.services.bundle import Services
from bot.services.buying import Buying
from bot.services.catalogue import Catalogue
from bot.services.clock import SystemClock
from bot.services.guilds import Guilds
from bot.services.looking_up import LookUps
from bot.services.market_watch import MarketWatch
from bot.services.pauses import Pauses, lift_all
from bot.services.purchasing import Purchasing
from bot.services.requests import Requests
from bot.services.this_run import ThisRun
from bot.services.timing import Timing
from bot.services.trade_urls import TradeUrls
from bot.skinsback.client import SkinsbackClient
from bot.store import settings as store_settings
from bot.store import vault as vaults
from bot.store.database import Database
from bot.store.prices import PriceFile
from bot.store.vault import Vault
from bot.ui import text
from bot.ui.posting import DiscordPoster

log = logging.getLogger("bot")

EXIT_STARTUP: Final = 78  # EX_CONFIG of sysexits.h: starting again changes nothing
EXIT_UNREACHABLE: Final = 75  # EX_TEMPFAIL: it may work later
EXIT_BROKEN: Final = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m bot", description=__doc__)
    parser.add_argument("command", nargs="?", default="run", choices=["run", "demo", "resume"])
    # The database, its key and the lock are for this user alone.
    os.umask(0o077)
    command: str = parser.parse_args(arguments).command
    try:
        if command == "demo":
            from bot.sandbox.demo import play

            return asyncio.run(play())
        settings = read_settings()
        logs.set_up(
            level=settings.log_level,
            log_format=settings.log_format,
            secrets=[settings.discord_token, settings.skinsback_client_secret, *settings.data_keys],
        )
        asyncio.run(run(settings) if command == "run" else resume(settings))
    except StartupError as error:
        print(f"Quartermaster can't start. {error}", file=sys.stderr)  # noqa: T201
        unreachable = isinstance(error, DiscordUnreachableError)
        return EXIT_UNREACHABLE if unreachable else EXIT_STARTUP
    except Exception:
        # Through the log, where secrets are masked, and not on the bare standard error.
        log.exception("Quartermaster broke and stops.")
        return EXIT_BROKEN
    return 0


def read_settings() -> Settings:
    """Return the settings from ``.env`` and the environment, which wins.

    Raises ``ConfigError``.
    """
    from_file = {name: value for name, value in dotenv_values(".env").items() if value}
    return Settings.from_mapping({**from_file, **os.environ})


async def run(settings: Settings) -> None:
    """Run the bot until it is told to stop. Raises ``StartupError``."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(await Database.open(settings.database_path))
        vault = open_vault(settings)
        project = await open_market(settings, stack)
        async with database.writing() as tx:
            await vaults.check(tx, vault)
            await store_settings.check_identity(
                tx,
                market=settings.market,
                market_host=urlsplit(project.url).hostname or "",
                client_id=project.client_id,
            )
        market = await stack.enter_async_context(
            SkinsbackClient(
                url=project.url,
                client_id=project.client_id,
                client_secret=project.client_secret,
            )
        )
        house = build(settings, database, vault, market, project=project.client_id)
        if settings.health_port is not None:
            await stack.enter_async_context(health_server(settings.health_port, house.check))
        await house.serve(settings.discord_token)


def open_vault(settings: Settings) -> Vault:
    """Return the vault: its keys are settings, or in a file beside the database."""
    if settings.data_keys:
        return Vault(settings.data_keys)
    path = settings.database_path
    return Vault([vaults.key_from_file(path.with_name(f"{path.name}.key"))])


@dataclass(frozen=True, slots=True)
class Project:
    """The merchant project that pays, and the address it is reached at."""

    url: str
    client_id: str
    client_secret: str = field(repr=False)


async def open_market(settings: Settings, stack: AsyncExitStack) -> Project:
    """Return the project; the sandbox's market is started here unless one is running."""
    client_id, secret = settings.skinsback_client_id, settings.skinsback_client_secret
    if settings.skinsback_api_url or not settings.sandbox:
        return Project(settings.skinsback_api_url or SKINSBACK_API_URL, client_id, secret)
    sandbox = await stack.enter_async_context(SkinsbackSandbox())
    environment = sandbox.environment()
    return Project(
        environment["SKINSBACK_API_URL"],
        environment["SKINSBACK_CLIENT_ID"],
        environment["SKINSBACK_CLIENT_SECRET"],
    )


@dataclass(frozen=True, slots=True)
class House:
    """Everything that runs."""

    database: Database
    bot: Quartermaster
    announcements: Announcements
    purchasing: Purchasing
    look_ups: LookUps
    services: Services

    async def check(self) -> str | None:
        """Return what is wrong with the bot's health."""
        if not self.bot.online:
            return "not connected to Discord"
        async with self.database.reading() as tx:
            await store_settings.get_meta(tx, "market")
        return None

    async def serve(self, token: str) -> None:
        """Connect and work until a signal or a failure, then stop in order.

        Raises ``StartupError`` if Discord can't be used at all, and whatever broke a worker.
        """
        await self.purchasing.recover()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        stopped = asyncio.create_task(stop.wait())
        async with self.bot:
            client = asyncio.create_task(self.bot.connect_for_good(token))
            buying = asyncio.create_task(self._buy_when_ready())
            others = [
                asyncio.create_task(work)
                for work in (
                    self.announcements.run(),
                    self.services.catalogue.run(),
                    self.services.requests.run_sweeper(),
                    self.services.watch.run(),
                    self.look_ups.run(),
                )
            ]
            everything = {stopped, client, buying, *others}
            done, _ = await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
            log.info("Stopping: what is on the wire is waited for.")
            # First nothing new is bought, then what was bought is told, then the client closes.
            for group in ([buying], others, [client, stopped]):
                await _end(group)
        for task in done:
            task.result()

    async def _buy_when_ready(self) -> None:
        await self.bot.first_ready.wait()
        await self.purchasing.run()


async def _end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def build(
    settings: Settings,
    database: Database,
    vault: Vault,
    market: SkinsbackClient,
    *,
    project: str,
    timing: Timing | None = None,
) -> House:
    """Wire everything; nothing runs yet."""
    timing = timing or Timing()
    point_discord_at(settings.discord_api_url, settings.discord_gateway_url)
    clock, rng, approved = SystemClock(), SystemRandom(), asyncio.Event()
    bot = Quartermaster(sandbox=settings.sandbox, operator_ids=settings.operator_ids)
    poster = DiscordPoster(bot, bot.frame, lambda: bot.online)
    announcements = Announcements(database, poster, clock, rng)
    guilds = Guilds(
        database,
        announcements,
        clock,
        allowed_guild_ids=settings.allowed_guild_ids,
        allow_all=settings.sandbox,
    )
    watch = MarketWatch(database, market, guilds, announcements, clock, approved=approved)
    prices = settings.database_path.with_name(f"{settings.database_path.name}.prices")
    catalogue = Catalogue(market, clock, PriceFile(prices))
    this_run = ThisRun(clock.now_ms(), caught_up=True)
    booking = Booking(
        watch, announcements, clock, rng, market_name=settings.market, project=project
    )
    buying = Buying(
        database,
        vault,
        market,
        watch,
        booking,
        announcements,
        clock,
        timing,
        market_name=settings.market,
        project=project,
    )
    look_ups = LookUps(database, market, booking, buying, announcements, clock, rng, timing)
    purchasing = Purchasing(
        database,
        buying,
        look_ups,
        watch,
        guilds,
        announcements,
        poster,
        poster,
        clock,
        timing,
        this_run,
        approved=approved,
    )
    services = Services(
        attention=Attention(
            database,
            vault,
            guilds,
            watch,
            buying,
            announcements,
            clock,
            operator_ids=settings.operator_ids,
            approved=approved,
        ),
        baskets=Baskets(database, guilds, catalogue, market, clock, rng),
        catalogue=catalogue,
        guilds=guilds,
        pauses=Pauses(
            database,
            guilds,
            announcements,
            clock,
            operator_ids=settings.operator_ids,
            approved=approved,
        ),
        requests=Requests(
            database, vault, guilds, catalogue, announcements, clock, approved=approved
        ),
        trade_urls=TradeUrls(database, vault, announcements, clock, rng, approved=approved),
        watch=watch,
    )
    bot.attach(services, database)
    bot.on_online = announcements.wake
    return House(database, bot, announcements, purchasing, look_ups, services)


async def resume(settings: Settings) -> None:
    """Lift every pause that a person has to look into, also while the bot runs.

    Raises ``StartupError``.
    """
    path = settings.database_path
    if not path.exists():
        raise StartupError(f"There is no database at {path}.")
    async with await Database.open(path, exclusive=False) as database, database.writing() as tx:
        lifted = await lift_all(tx, at=SystemClock().now_ms())
        still = await store_settings.get_pauses(tx)
    print(text.resumed_at_the_machine(lifted, still))  # noqa: T201


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
