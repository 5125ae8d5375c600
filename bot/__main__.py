"""The only place that reads the environment and wires everything.

``python -m bot`` runs the bot; ``demo`` plays the whole story on this machine; ``resume`` lifts
what has paused buying by itself; ``backup`` copies the database; ``rebind`` brings it to another
market or project.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import Any, Final
from urllib.parse import urlsplit

from dotenv import dotenv_values

from bot import log as logs
from bot.app import Quartermaster, point_discord_at
from bot.config import SKINSBACK_API_URL, Settings
from bot.errors import DatabaseBrokenError, DiscordUnreachableError, StartupError
from bot.health import health_server
from bot.sandbox.skinsback import SkinsbackSandbox
from bot.services.announcements import Announcements
from bot.services.approvals import Approvals
from bot.services.asking import Asking
from bot.services.attention import Attention
from bot.services.baskets import Baskets
from bot.services.bell import heard
from bot.services.booking import Booking
from bot.services.books import Books
from bot.services.browsing import Browsing
from bot.services.bundle import Services
from bot.services.buying import Buying
from bot.services.catalogue import Catalogue
from bot.services.clock import SystemClock
from bot.services.clock_watch import ClockWatch, TimeSource
from bot.services.disk_watch import DiskWatch
from bot.services.following import Follower
from bot.services.guilds import Guilds
from bot.services.looking_up import LookUps
from bot.services.market_watch import MarketWatch
from bot.services.missed import Missed
from bot.services.money import Money
from bot.services.pace import Haste
from bot.services.pasting import Pasting
from bot.services.pauses import Pauses, lift_all
from bot.services.picking import Picking
from bot.services.purchasing import SHUTDOWN_S, Purchasing
from bot.services.rebinding import named, rebind
from bot.services.repricing import Repricing
from bot.services.requests import Requests
from bot.services.statuses import Statuses
from bot.services.this_run import ThisRun
from bot.services.timing import Timing
from bot.services.trade_urls import TradeUrls
from bot.skinsback.client import SkinsbackClient
from bot.skinsback.events import MarketEvents
from bot.skinsback.limiter import Limiter
from bot.store import settings as store_settings
from bot.store import vault as vaults
from bot.store.backup import back_up
from bot.store.database import Database
from bot.store.disk import free_bytes
from bot.store.prices import PriceFile, remove_prices
from bot.store.vault import Vault
from bot.ui import text
from bot.ui.posting import DiscordPoster

log = logging.getLogger("bot")

EXIT_STARTUP: Final = 78  # EX_CONFIG of sysexits.h: starting again changes nothing
EXIT_UNREACHABLE: Final = 75  # EX_TEMPFAIL: it may work later
EXIT_BROKEN: Final = 1

_FIRST_COMPARISON_S: Final = 2.0
"""The worker that buys waits so long for the books; then it says on what is due why it waits."""

_LAST_ANSWERS_S: Final = 3.0
"""Discord's own limit for an answer to what somebody does."""

_BREATH_S: Final = 0.001
"""Between two megabytes of a backup."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the process's exit code."""
    given = _parser().parse_args(arguments)
    # The database, its key and the lock are for this user alone.
    os.umask(0o077)
    try:
        if given.command == "demo":
            from bot.sandbox.demo import play

            return asyncio.run(play())
        settings = read_settings()
        logs.set_up(
            level=settings.log_level,
            log_format=settings.log_format,
            secrets=[settings.discord_token, settings.skinsback_client_secret, *settings.data_keys],
        )
        if given.command == "backup":
            backup(settings, given.path)
        else:
            asyncio.run(_COMMANDS[given.command or "run"](settings))
    except StartupError as error:
        print(f"Quartermaster can't {_AIMS[given.command]}. {error}", file=sys.stderr)  # noqa: T201
        unreachable = isinstance(error, DiscordUnreachableError)
        return EXIT_UNREACHABLE if unreachable else EXIT_STARTUP
    except DatabaseBrokenError as error:
        log.critical("Quartermaster stops, and has to be started again: %s.", error)
        return EXIT_BROKEN
    except Exception:
        # Through the log, where secrets are masked, and not on the bare standard error.
        log.exception("Quartermaster broke and stops.")
        return EXIT_BROKEN
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("run", help="run the bot; so it does without a command")
    commands.add_parser("demo", help="play the whole story on this machine")
    commands.add_parser("resume", help="lift the pause after an alarm")
    copying = commands.add_parser("backup", help="copy the database, also while the bot runs")
    copying.add_argument("path", type=Path, help="the file to make; it must not exist")
    commands.add_parser("rebind", help="bring a database to the market and project in the settings")
    return parser


def read_settings() -> Settings:
    """Return the settings from ``.env`` and the environment, which wins.

    Raises ``ConfigError``.
    """
    from_file = {name: value for name, value in dotenv_values(".env").items() if value}
    return Settings.from_mapping({**from_file, **os.environ})


async def run(settings: Settings) -> None:
    """Run the bot until it is told to stop. Raises ``StartupError`` and ``DatabaseBrokenError``."""
    # From the first moment: as process 1 of a container nothing but a handler hears a signal.
    stop = stop_signal()
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(await Database.open(settings.database_path))
        vault = open_vault(settings)
        project = await open_market(settings, stack)
        async with database.writing() as tx:
            await vaults.check(tx, vault)
            await store_settings.check_identity(tx, **identity_of(settings, project))
        market = await stack.enter_async_context(
            SkinsbackClient(
                url=project.url,
                client_id=project.client_id,
                client_secret=project.client_secret,
                limiter=Limiter(window_s=settings.skinsback_minute_s),
            )
        )
        house = build(settings, database, vault, market, project=project.client_id)
        if settings.health_port is not None:
            await stack.enter_async_context(health_server(settings.health_port, house.check))
        settle_memory()
        await house.serve(settings.discord_token, stop, listener(project, house))


def settle_memory() -> None:
    """Take what was loaded at the start out of the garbage collector's rounds.

    It lives as long as the process; each look through it would hold the event loop up for some 50
    milliseconds, and whoever clicks meanwhile.
    """
    gc.collect()
    gc.freeze()


def stop_signal() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def identity_of(settings: Settings, project: Project) -> dict[str, str]:
    """Return what a database is bound to."""
    return {
        "market": settings.market,
        "market_host": urlsplit(project.url).hostname or "",
        "client_id": project.client_id,
    }


def open_vault(settings: Settings) -> Vault:
    """Return the vault: its keys are settings, or in a file beside the database."""
    if settings.data_keys:
        return Vault(settings.data_keys)
    return Vault([vaults.key_from_file(key_file(settings))])


def key_file(settings: Settings) -> Path:
    """Return where the key of the stored Trade URLs is kept, unless ``DATA_KEYS`` are set."""
    return settings.database_path.with_name(f"{settings.database_path.name}.key")


def price_file(settings: Settings) -> Path:
    """Return where the last price lists are kept."""
    return settings.database_path.with_name(f"{settings.database_path.name}.prices")


@dataclass(frozen=True, slots=True)
class Project:
    """The merchant project that pays, and the address it is reached at."""

    url: str
    ws_url: str
    client_id: str
    client_secret: str = field(repr=False)


async def open_market(settings: Settings, stack: AsyncExitStack) -> Project:
    """Return the project; the sandbox's market is started here unless one is running."""
    client_id, secret = settings.skinsback_client_id, settings.skinsback_client_secret
    if settings.skinsback_api_url or not settings.sandbox:
        url = settings.skinsback_api_url or SKINSBACK_API_URL
        return Project(url, settings.skinsback_ws_url or _socket_beside(url), client_id, secret)
    path = settings.database_path
    sandbox = await stack.enter_async_context(
        SkinsbackSandbox(kept_in=path.with_name(f"{path.name}.market"))
    )
    environment = sandbox.environment()
    return Project(
        environment["SKINSBACK_API_URL"],
        environment["SKINSBACK_WS_URL"],
        environment["SKINSBACK_CLIENT_ID"],
        environment["SKINSBACK_CLIENT_SECRET"],
    )


def _socket_beside(api_url: str) -> str:
    """Return the socket of the market whose API this is, so that no other one hears of us."""
    address = urlsplit(api_url)
    scheme = "wss" if address.scheme == "https" else "ws"
    return f"{scheme}://{address.netloc}/ws/"


@dataclass(frozen=True, slots=True)
class House:
    """Everything that runs."""

    database: Database
    bot: Quartermaster
    announcements: Announcements
    purchasing: Purchasing
    look_ups: LookUps
    follower: Follower
    statuses: Statuses
    books: Books
    clock_watch: ClockWatch
    services: Services
    disk: DiskWatch

    async def check(self) -> str | None:
        """Return what is wrong with the bot's health."""
        if self.database.failed.is_set():
            return "the database has failed"
        if not self.bot.online:
            return "not connected to Discord"
        async with self.database.reading() as tx:
            await store_settings.get_meta(tx, "market")
        return None

    async def serve(self, token: str, stop: asyncio.Event, events: MarketEvents) -> None:
        """Connect and work until told to stop or a failure, then stop in order.

        Raises ``StartupError`` if Discord can't be used at all, ``DatabaseBrokenError`` if a
        COMMIT failed, and whatever broke a worker.
        """
        await self.purchasing.recover()
        stopped = asyncio.create_task(stop.wait())
        failed = asyncio.create_task(self.database.failed.wait())
        async with self.bot:
            client = asyncio.create_task(self.bot.connect_for_good(token))
            buying = asyncio.create_task(self._buy_when_ready())
            others = [
                asyncio.create_task(work)
                for work in (
                    # First in line at the market: nothing is bought before it has answered this.
                    self.books.run(),
                    self.announcements.run(),
                    self.services.catalogue.run(),
                    self.services.requests.run_sweeper(),
                    self.services.watch.run(),
                    self.look_ups.run(),
                    self.follower.run(),
                    self.follower.run_hints(),
                    events.run(),
                    self.disk.run(),
                    self.clock_watch.run(),
                )
            ]
            everything = {stopped, failed, client, buying, *others}
            done, _ = await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
            log.info("Stopping: what is on the wire is waited for.")
            # First nothing new is bought, then what was bought is told, then the client closes.
            await _end([buying])
            await self.bot.router.close(timeout_s=_LAST_ANSWERS_S)
            for group in (others, [client, stopped, failed]):
                await _end(group)
            # Nothing arrives any more; who was told meanwhile to try later has to hear it.
            await self.bot.router.close(timeout_s=_LAST_ANSWERS_S)
        if self.database.failed.is_set():
            raise DatabaseBrokenError("what was last written may or may not be on disk")
        for task in done:
            task.result()

    async def _buy_when_ready(self) -> None:
        await self.bot.first_ready.wait()
        # What is due would be put off, and its card drawn, for a comparison that is nearly through.
        await heard(self.books.tried, _FIRST_COMPARISON_S)
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
    clock_watch = ClockWatch(clock, database, changed=approved.set)
    bot = Quartermaster(sandbox=settings.sandbox, operator_ids=settings.operator_ids)
    poster = DiscordPoster(bot, bot.frame, lambda: bot.online)
    this_run = ThisRun(clock.now_ms())
    announcements = Announcements(database, poster, clock, rng, this_run)
    guilds = Guilds(
        database,
        announcements,
        clock,
        allowed_guild_ids=settings.allowed_guild_ids,
        allow_all=settings.sandbox,
    )
    watch = MarketWatch(database, market, guilds, announcements, clock, approved=approved)
    haste = Haste()
    catalogue = Catalogue(market, guilds, PriceFile(price_file(settings)), clock, rng, haste=haste)
    statuses = Statuses(announcements, clock, rng, timing.cadence)
    booking = Booking(
        watch, announcements, statuses, clock, rng, market_name=settings.market, project=project
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
    follower = Follower(
        database,
        market,
        booking,
        statuses,
        announcements,
        clock,
        clock_watch,
        timing,
        due=approved,
    )
    disk = DiskWatch(partial(free_bytes, settings.database_path))
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
        disk=disk,
        clock_watch=clock_watch,
        haste=haste,
        shutdown_s=SHUTDOWN_S,
    )
    books = Books(
        database,
        market,
        booking,
        buying,
        watch,
        announcements,
        clock,
        timing,
        this_run,
        guilds,
        operator_ids=settings.operator_ids,
        approved=approved,
    )
    baskets = Baskets(database, guilds, catalogue, market, clock, rng)
    picking = Picking(database, guilds, catalogue, baskets, clock)
    services = Services(
        approvals=Approvals(database, guilds, announcements, poster),
        asking=Asking(database, guilds, catalogue, baskets, clock),
        attention=Attention(
            database,
            guilds,
            watch,
            buying,
            announcements,
            clock,
            operator_ids=settings.operator_ids,
            approved=approved,
        ),
        baskets=baskets,
        books=books,
        browsing=Browsing(database, guilds, catalogue, baskets, picking, market, clock),
        catalogue=catalogue,
        guilds=guilds,
        missed=Missed(database, announcements, clock),
        money=Money(
            database, guilds, watch, announcements, clock, operator_ids=settings.operator_ids
        ),
        pauses=Pauses(
            database,
            guilds,
            announcements,
            clock,
            operator_ids=settings.operator_ids,
            approved=approved,
        ),
        pasting=Pasting(database, guilds, catalogue, market, baskets, clock),
        picking=picking,
        repricing=Repricing(database, catalogue, baskets, clock),
        requests=Requests(
            database,
            vault,
            guilds,
            catalogue,
            announcements,
            clock,
            approved=approved,
            clock_watch=clock_watch,
            haste=haste,
        ),
        trade_urls=TradeUrls(database, vault, announcements, clock, rng, approved=approved),
        watch=watch,
    )
    bot.attach(services, database)
    bot.on_online = announcements.wake
    watch_the_clock(clock_watch, market, bot)
    return House(
        database,
        bot,
        announcements,
        purchasing,
        look_ups,
        follower,
        statuses,
        books,
        clock_watch,
        services,
        disk,
    )


def listener(project: Project, house: House) -> MarketEvents:
    """Return who listens to the market's events and tells the follower."""
    events = MarketEvents(
        project.ws_url,
        project.client_id,
        project.client_secret,
        SystemRandom(),
        on_hint=house.follower.on_hint,
        on_up=house.follower.on_up,
    )
    house.statuses.hinted = lambda: events.up
    return events


def watch_the_clock(clock_watch: ClockWatch, market: SkinsbackClient, bot: Quartermaster) -> None:
    """Have every answer of the market and of Discord tell the time."""
    market.on_answer = partial(clock_watch.note, TimeSource.MARKET)
    bot.on_answer = partial(clock_watch.note, TimeSource.DISCORD)
    clock_watch.probes |= {
        TimeSource.MARKET: market.status,
        TimeSource.DISCORD: bot.ask_anything,
    }


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


def backup(settings: Settings, path: Path) -> None:
    """Copy the database, also while the bot runs. Raises ``StartupError``."""
    size = back_up(settings.database_path, path, between_steps=partial(time.sleep, _BREATH_S))
    keys = (
        "the DATA_KEYS of your settings"
        if settings.data_keys
        else f"the key file {key_file(settings)}"
    )
    print(  # noqa: T201
        f"The database was copied to {path} ({size / 1_000_000:.1f} MB) and the copy is sound. It "
        f"is worth nothing without {keys}: keep that too, in another place."
    )


async def rebind_database(settings: Settings) -> None:
    """Bind the database to the market and project in the settings. Raises ``StartupError``."""
    if not settings.database_path.exists():
        raise StartupError(f"There is no database at {settings.database_path}.")
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(await Database.open(settings.database_path))
        identity = identity_of(settings, await open_market(settings, stack))
        async with database.writing() as tx:
            done = await rebind(tx, at=SystemClock().now_ms(), **identity)
    if done is None:
        print("The database belongs to this market and project; nothing was changed.")  # noqa: T201
        return
    # Names and prices of the old market: what it sells would be offered until the first answer.
    remove_prices(price_file(settings))
    closed = f"closed, and their members are told at the next start: {named(done.closed)}"
    print(  # noqa: T201
        f"The database now belongs to {_in_words(identity)}; before, to {_in_words(done.before)}.\n"
        f"Open requests {closed if done.closed else 'there were none'}.\n"
        f"Picks of one particular listing taken out of baskets: {done.picks}.\n"
        "What was bought before stays as it is; look its trades up in the old project's panel."
    )


def _in_words(identity: Mapping[str, str]) -> str:
    return (
        f"{identity.get('market')} at {identity.get('market_host')}, "
        f"project {identity.get('client_id')}"
    )


_COMMANDS: Final[Mapping[str, Callable[[Settings], Coroutine[Any, Any, None]]]] = {
    "run": run,
    "resume": resume,
    "rebind": rebind_database,
}
_AIMS: Final[Mapping[str | None, str]] = {
    None: "start",
    "run": "start",
    "demo": "start",
    "resume": "resume",
    "backup": "make a backup",
    "rebind": "rebind the database",
}


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
