"""The world of one round: a Discord, a market, people, and one bot after another."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bot.domain.models import PauseCause
from bot.domain.trade_url import TradeUrl
from bot.sandbox.discord import Channel, DiscordSandbox, Guild, Member, Role
from bot.services.market_watch import lift
from bot.store import settings, trade_urls
from bot.store import vault as vaults
from bot.store.database import Database
from bot.store.vault import Vault
from tests.chaos.market import ChaosMarket
from tests.chaos.pace import MINUTE_S
from tests.chaos.plan import Life, Plan
from tests.chaos.steps import AFTER_BUYING
from tests.chaos.troubles import BALANCE, Scene
from tests.chaos.zygote import Bot, Order, Zygote

_START_S: Final = 15.0
_REFUSES_S: Final = 5.0
_STOP_S: Final = 12.0
_STEP_S: Final = 6.0
_AFTERWARDS_S: Final = 0.4
_DELIVERY_S: Final = 3.0
_LOOK_S: Final = 0.01
_STARTS_MAX: Final = 60
_UNREACHABLE: Final = 75
_REFUSED_TO_START: Final = 78
_FIRST_PARTNER: Final = 90_000_001


@dataclass(slots=True)
class Approval:
    """A press of Approve: on what, and whether the moderator was told that it is approved."""

    request_id: str
    stamp: str
    shown: str
    """What the card said when it was pressed."""
    by: int
    at_ms: int
    told: bool = False


@dataclass(frozen=True, slots=True)
class Violation:
    """What must never happen and did."""

    kind: str
    detail: str


def now_ms() -> int:
    """Return the time on the clock that the bot has too."""
    return time.time_ns() // 1_000_000


@dataclass(eq=False)
class Arena:
    """Everything of a round, and what was seen in it."""

    plan: Plan
    scene: Scene
    zygote: Zygote
    folder: Path
    environment: dict[str, str]
    guild: Guild
    mods: Role
    hall: Channel
    approvals: Channel
    results: Channel
    members: list[Member]
    moderators: list[Member]
    administrator: Member
    bots: list[Bot] = field(default_factory=list)
    up: asyncio.Event = field(default_factory=asyncio.Event)
    down: asyncio.Event = field(default_factory=asyncio.Event)
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the administrator has settled something by hand."""
    urls: dict[int, list[TradeUrl]] = field(default_factory=lambda: defaultdict(list))
    """Every Trade URL that a member has confirmed, or tried to."""
    pressed: list[Approval] = field(default_factory=list)
    told_sent: list[tuple[int, int]] = field(default_factory=list)
    """Number and member of every request that a member was told to be sent, with the time."""
    started_at: list[float] = field(default_factory=list)
    """When each bot was started, in unix seconds."""
    copied_at: list[int] = field(default_factory=list)
    """When the copies that came back were made."""
    copied_numbers: list[int] = field(default_factory=list)
    """The last number that had been given to a request in each of them."""
    violations: list[Violation] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)
    load: asyncio.Future[Any] | None = None
    """What members want; done when they want nothing more."""

    @property
    def discord(self) -> DiscordSandbox:
        """Where people are."""
        return self.scene.discord

    @property
    def market(self) -> ChaosMarket:
        """Where skins are bought."""
        return self.scene.market

    @property
    def bot(self) -> Bot:
        """The bot that was started last."""
        return self.bots[-1]

    @property
    def database_path(self) -> Path:
        """Where the bots keep their database."""
        return Path(self.environment["DATABASE_PATH"])

    def violate(self, kind: str, detail: str) -> None:
        """Note what must never happen."""
        self.violations.append(Violation(kind, detail))

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Read the database, also while a bot runs."""
        with closing(sqlite3.connect(self.database_path, timeout=5)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, values)]

    # The lives of the bot

    async def start(self, life: Life | None = None) -> bool:
        """Start a bot and wait until it is connected; say whether it came so far."""
        before = self.discord.gateway.identified
        bot = self._spawn(life or Life())
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if self.discord.gateway.identified > before and self.discord.gateway.ready:
                self.up.set()
                return True
            if not bot.running:
                return False
            await asyncio.sleep(_LOOK_S)
        if not self.scene.down:
            self.violate("start", f"not connected after {_START_S} s")
        return False

    def _spawn(self, life: Life) -> Bot:
        bot = self.zygote.start(self._order(life))
        self.bots.append(bot)
        self.started_at.append(time.time())
        self.tally["starts"] += 1
        self.down.clear()
        return bot

    def _order(self, life: Life) -> Order:
        return Order(
            self.environment,
            str(self.folder / f"bot-{len(self.bots)}.log"),
            step=life.step,
            nth=life.nth,
            delay_s=life.delay_s,
            mutant=self.plan.mutant,
        )

    async def live(self, life: Life) -> None:
        """Let the bot live one life, to its violent end."""
        copy = None
        if life.early:
            self._spawn(life)
            await self._wait_for_the_end(life.after_s)
            await self._end(self.bot)
            return
        await self.start(life)
        if life.older_copy or life.rival:
            await self._wait_for_the_end(life.after_s / 2)
            if life.older_copy:
                copy = self._copy_disk()
            if life.rival and self.bot.running:
                await self._try_a_rival()
        if life.step:
            await self._wait_for_its_step(
                _DELIVERY_S if life.step in AFTER_BUYING else _AFTERWARDS_S
            )
        else:
            await self._wait_for_the_end(life.after_s)
        if life.orderly and self.bot.running:
            await self.stop()
        else:
            await self._end(self.bot)
        await asyncio.sleep(life.down_s)
        if copy is not None:
            self._bring_back(copy)

    async def _wait_for_its_step(self, afterwards_s: float) -> None:
        """Wait until the bot has died, or until so long after members have all they want."""
        deadline = time.monotonic() + _STEP_S
        while time.monotonic() < deadline and self.bot.running:
            if self.load is not None and self.load.done():
                await self._wait_for_the_end(afterwards_s)
                return
            await asyncio.sleep(_LOOK_S)

    async def _wait_for_the_end(self, timeout_s: float) -> None:
        with suppress(TimeoutError):
            await self.bot.wait(timeout_s)

    async def _end(self, bot: Bot) -> None:
        """Kill the bot unless it has died already, and note at what."""
        self.up.clear()
        self.down.set()
        self.scene.disturbed += 1
        bot.kill()
        code = await bot.wait(_STOP_S)
        if code == -signal.SIGKILL:
            self.tally[f"killed at {bot.died_at or 'a random moment'}"] += 1
        elif code != _UNREACHABLE:
            self.violate("crash", f"the bot ended by itself with code {code}")

    async def start_for_good(self, life: Life | None = None) -> None:
        """Start a bot as a supervisor does: again and again until it stands."""
        for _ in range(_STARTS_MAX):
            if await self.start(life):
                return
            await self._end(self.bot)
            await asyncio.sleep(0.05)
        self.violate("start", "the bot never came up")

    async def stop(self) -> None:
        """Ask the bot to stop, and hold it to doing so in order."""
        self.up.clear()
        self.scene.disturbed += 1
        self.tally["stops"] += 1
        self.bot.kill(signal.SIGTERM)
        try:
            code = await self.bot.wait(_STOP_S)
        except TimeoutError:
            self.violate("stop", f"still there {_STOP_S} s after SIGTERM")
            self.bot.kill()
            code = await self.bot.wait(_STOP_S)
        else:
            if code not in (0, _UNREACHABLE):
                self.violate("stop", f"SIGTERM ended it with code {code}")
        self.down.set()

    async def lift_pauses(self) -> None:
        """Lift what only the operator lifts: beside the bot, as he does."""
        self.tally["pauses lifted"] += 1
        database = await Database.open(self.database_path, exclusive=False)
        async with database, database.writing() as tx:
            for cause in PauseCause:
                if cause is not PauseCause.MARKET_REFUSES_US:
                    await lift(tx, cause, at=now_ms())

    async def _try_a_rival(self) -> None:
        """Start a second process on the same disk: it must refuse."""
        log = str(self.folder / f"rival-{len(self.bots)}.log")
        rival = self.zygote.start(Order(self.environment, log, mutant=self.plan.mutant))
        self.tally["rivals"] += 1
        try:
            code = await rival.wait(_REFUSES_S)
        except TimeoutError:
            code = None
            rival.kill()
            await rival.wait(_STOP_S)
        # If the bot has died meanwhile, the rival is the only one.
        if code != _REFUSED_TO_START and self.bot.running:
            self.violate("rival", f"a second process on the same disk ended with {code}")

    # The disk

    def _copy_disk(self) -> Path:
        """Return a copy of the disk as it is at this moment, made while the bot runs."""
        copy = self.folder / f"copy-{len(self.bots)}.db"
        with (
            closing(sqlite3.connect(self.database_path, timeout=5)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
            (number,) = target.execute("SELECT max(last_number) FROM guilds").fetchone()
            self.copied_numbers.append(number)
        shutil.copy(_key_of(self.database_path), _key_of(copy))
        self.copied_at.append(now_ms())
        return copy

    def _bring_back(self, copy: Path) -> None:
        """Put an older copy in the place of the disk."""
        for name in ("-wal", "-shm"):
            self.database_path.with_name(self.database_path.name + name).unlink(missing_ok=True)
        shutil.move(copy, self.database_path)
        shutil.move(_key_of(copy), _key_of(self.database_path))
        self.tally["older copies"] += 1


def _key_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.key")


@asynccontextmanager
async def open_arena(plan: Plan, zygote: Zygote, folder: Path) -> AsyncGenerator[Arena]:
    """Open a world that is set up, with people who have a Trade URL, and no bot yet."""
    async with (
        DiscordSandbox() as discord,
        ChaosMarket(
            seed_of_trades=plan.seed,
            mood=plan.mood,
            size=1,
            balance=BALANCE,
            profile=plan.profile,
            minute_s=MINUTE_S,
        ) as market,
    ):
        guild = discord.add_guild("Friday Cup")
        mods = guild.add_role("Skin Mods")
        arena = Arena(
            plan=plan,
            scene=Scene(discord, market),
            zygote=zygote,
            folder=folder,
            environment={
                **discord.environment(),
                **market.environment(),
                "MARKET": "sandbox",
                "DATABASE_PATH": str(folder / "quartermaster.db"),
            },
            guild=guild,
            mods=mods,
            hall=guild.add_channel("general"),
            approvals=guild.add_channel("skin-approvals", visible_to=[mods]),
            results=guild.add_channel("results"),
            members=[guild.add_member(f"Member {n}") for n in range(1, plan.members + 1)],
            moderators=[guild.add_member(name, roles=[mods]) for name in ("Max", "Mia")],
            administrator=guild.add_member("Olga", administrator=True),
        )
        for member in arena.members[: plan.dms_closed]:
            member.close_dms()
        await _set_up(arena)
        try:
            yield arena
        finally:
            for bot in arena.bots:
                if bot.running:
                    bot.kill()
                    await bot.wait(_STOP_S)


async def _set_up(arena: Arena) -> None:
    """Write the server's choices and the members' Trade URLs straight into the database."""
    guild_id = arena.guild.id
    key = vaults.key_from_file(_key_of(arena.database_path))
    async with await Database.open(arena.database_path) as database, database.writing() as tx:
        await settings.set_place(tx, guild_id, "approver_role_id", arena.mods.id)
        await settings.set_place(tx, guild_id, "approval_channel_id", arena.approvals.id)
        await settings.set_place(tx, guild_id, "results_channel_id", arena.results.id)
        await settings.set_numbers(
            tx, guild_id, {"undo_s": arena.plan.undo_s, "lines_max": 4, "open_requests_max": 10}
        )
        for place, member in enumerate(arena.members):
            url = new_url(_FIRST_PARTNER + 1000 * place)
            name = f"candidate{place:011d}"
            await trade_urls.propose(
                tx, Vault([key]), member.id, url, candidate_id=name, at=now_ms()
            )
            await trade_urls.confirm(tx, member.id, name, at=now_ms())
            arena.urls[member.id].append(url)


def new_url(partner: int, version: int = 0) -> TradeUrl:
    """Return a Trade URL of an account; each version has a token of its own."""
    return TradeUrl(partner, f"Tk{version:02d}{partner % 10_000:04d}")
