"""One round: the load, the kills, the rest, the comparison."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bot.sandbox.discord import Message
from bot.sandbox.discord.interactions import FIRST_ANSWER_S, Interaction
from bot.sandbox.discord.server import TOKEN
from bot.store import outbox, requests
from bot.store.database import Database
from bot.ui.cards.frame import Frame
from bot.ui.posting import DiscordPoster
from tests.chaos import checks, pace, troubles
from tests.chaos.arena import Arena, Violation, open_arena
from tests.chaos.checks import Evidence, check
from tests.chaos.people import be_a_member, be_an_administrator, be_moderators
from tests.chaos.plan import Plan, Trouble
from tests.chaos.zygote import Zygote
from tests.e2e.cases import items_of

_REST_S: Final = 20.0
_REST_OF_A_MUTANT_S: Final = 8.0
_STOPS_MAX: Final = 4
_LOOK_S: Final = 0.05
_LAST_LOAD_S: Final = 4.0
_SETTLED_S: Final = 10.0
_ROUND_S: Final = 90.0

_MAY_WAIT_FOR: Final = ("trade_url_partner", "trade_url_token")
"""What only the member can mend."""
_TABLES: Final = ("requests", "lines", "attempts", "strays", "events", "outbox", "pauses", "meta")

Script = Callable[[Arena], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a round."""

    seed: str
    violations: tuple[Violation, ...]
    tally: dict[str, int]
    seconds: float


async def play_round(
    plan: Plan, zygote: Zygote, folder: Path, script: Script | None = None
) -> Outcome:
    """Play a round in an empty folder, or a directed scene in the place of the drawn load."""
    started = time.monotonic()
    violations: list[Violation] = []
    tally: Counter[str] = Counter()
    try:
        async with asyncio.timeout(_ROUND_S), open_arena(plan, zygote, folder) as arena:
            violations, tally = arena.violations, arena.tally
            await (script or drawn_load)(arena)
            await come_to_rest(arena)
            violations += check(await gather_evidence(arena))
            _count(arena)
    except TimeoutError:
        violations.append(Violation("stuck", f"the round was not over after {_ROUND_S} s"))
    except Exception:  # noqa: BLE001 - one round of many must not end the others
        violations.append(Violation("harness", traceback.format_exc()))
    return Outcome(plan.seed, tuple(violations), dict(tally), time.monotonic() - started)


async def drawn_load(arena: Arena) -> None:
    """Let people act and things go wrong while the bot dies as planned; then heal everything."""
    people = asyncio.gather(*(be_a_member(arena, member) for member in arena.members))
    deciding = asyncio.gather(be_moderators(arena), be_an_administrator(arena))
    going_wrong = asyncio.gather(*(_trouble(arena, each) for each in arena.plan.troubles))
    everything = (people, deciding, going_wrong)
    arena.load = people
    try:
        for life in arena.plan.lives:
            await arena.live(life)
        await going_wrong
        if arena.plan.settles:
            await arena.start_for_good()
            await _be_settled(arena)
        await troubles.heal(arena.scene)
        if not arena.up.is_set():
            await arena.start_for_good()
        await asyncio.wait({people}, timeout=_LAST_LOAD_S)
        # What came last is decided too.
        await asyncio.sleep(0.2)
    finally:
        for task in everything:
            task.cancel()
        ended = await asyncio.gather(*everything, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error


async def _be_settled(arena: Arena) -> None:
    """Wait, within reason, until nothing is unknown any more: the administrator sees to that."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_SETTLED_S):
            await arena.settled.wait()


async def _trouble(arena: Arena, trouble: Trouble) -> None:
    await asyncio.sleep(trouble.at_s)
    await troubles.play(arena.scene, trouble)


# Rest


async def come_to_rest(arena: Arena) -> None:
    """Wait until nothing is left to be done, then stop; the operator lifts what only he can.

    If something new has come up just before the stop, the bot is started for it once more.
    """
    for _ in range(_STOPS_MAX):
        if not await _is_quiet(arena):
            break
        await arena.stop()
        if not _unrest(arena):
            return
        await arena.start_for_good()
    await arena.stop()


async def _is_quiet(arena: Arena) -> bool:
    """Wait until nothing is left to be done; note it if that takes too long."""
    deadline = time.monotonic() + (_REST_OF_A_MUTANT_S if arena.plan.mutant else _REST_S)
    quiet = 0
    unrest = ["nothing was seen"]
    while quiet < 3 and time.monotonic() < deadline:
        unrest = _unrest(arena)
        quiet = 0 if unrest else quiet + 1
        if not arena.bot.running:
            arena.violate("crash", f"the bot ended by itself with code {arena.bot.code}")
            return False
        if _is_paused(arena):
            await arena.lift_pauses()
            quiet = 0
        await asyncio.sleep(_LOOK_S)
    if quiet < 3:
        arena.violate("stuck", f"no rest: {unrest}")
    return quiet == 3


def _unrest(arena: Arena) -> list[str]:
    """Return what is still to be done."""
    found = [f"interaction {each.id}" for each in _in_hand(arena)]
    with closing(sqlite3.connect(arena.database_path, timeout=5)) as connection:
        connection.row_factory = sqlite3.Row
        paused = _pauses(connection)
        if "market_refuses_us" in paused:
            found.append("the market refuses us")
        found += _untold(arena, connection)
        every = map(dict, connection.execute("SELECT * FROM requests"))
        looked_up = {row["request_id"] for row in every if row.get("attention_at") is not None}
        messages = connection.execute("SELECT * FROM outbox")
        found += [
            f"{row['kind']} {row['state']} {row['request_id']}"
            for row in messages
            if row["state"] in ("waiting", "trying")
            or (checks.is_behind(row) and row["request_id"] not in looked_up)
        ]
        open_requests = connection.execute(
            "SELECT *, EXISTS (SELECT 1 FROM attempts WHERE attempts.request_id = "
            "requests.request_id AND state = 'unknown') AS unknown FROM requests "
            "WHERE state IN ('approved', 'buying')"
        )
        found += [
            f"#{row['number']} {row['state']} {row['waits_for']}"
            for row in open_requests
            if not _rests(dict(row), paused=bool(paused))
        ]
    return found


def _untold(arena: Arena, connection: sqlite3.Connection) -> list[str]:
    """Return the trades that have still to move, or whose status has still to be heard of."""
    if arena.market.moves:
        return ["a trade has still to move"]
    if arena.plan.profile.visible_after_s > checks.SOON_S:
        return []
    said = {entry.buy_id: entry.status for entry in arena.market.purchases}
    followed = connection.execute(
        "SELECT buy_id, offer_status FROM attempts WHERE check_at IS NOT NULL"
    )
    return [
        f"purchase {row['buy_id']} is called {row['offer_status']}"
        for row in followed
        if said.get(row["buy_id"], row["offer_status"]) != row["offer_status"]
    ]


def _in_hand(arena: Arena) -> list[Interaction]:
    """Return what people did to this bot and it may still be at work on, watched or not."""
    since = arena.started_at[-1]
    return [
        each
        for each in arena.discord.world.interactions.values()
        if each.created_at > since
        and each.age_s < FIRST_ANSWER_S
        and (each.answer is None or (each.original is not None and each.original.loading))
    ]


def _pauses(connection: sqlite3.Connection) -> set[str]:
    return {row["cause"] for row in connection.execute("SELECT cause FROM pauses")}


def _rests(row: dict[str, Any], *, paused: bool) -> bool:
    if row["state"] == "buying":
        return row["attention_at"] is not None if checks.LOOKS_UP else bool(row["unknown"])
    return row["waits_for"] in _MAY_WAIT_FOR or (paused and row["waits_for"] == "paused")


def _is_paused(arena: Arena) -> bool:
    """Say whether buying is paused for something that doesn't pass by itself."""
    return bool(arena.rows("SELECT 1 FROM pauses WHERE cause <> 'market_refuses_us'"))


# Evidence


async def gather_evidence(arena: Arena) -> Evidence:
    """Return all that is known of a round whose bot was stopped."""
    posted = [
        message
        for message in arena.discord.world.messages.values()
        if message.author is arena.discord.bot and not message.deleted
    ]
    for violation in arena.discord.violations:
        arena.violate("malformed", str(violation))
    tokens = frozenset(url.token for urls in arena.urls.values() for url in urls)
    interactions = frozenset(arena.discord.world.interactions)
    secret = arena.environment["SKINSBACK_CLIENT_SECRET"]
    return Evidence(
        plan=arena.plan,
        ledger=tuple(arena.market.purchases),
        calls=tuple(arena.market.calls),
        tables={table: arena.rows(f"SELECT * FROM {table}") for table in _TABLES},
        drawn=await _draw_anew(arena),
        messages=posted,
        approvals_channel=arena.approvals.id,
        pressed=arena.pressed,
        told=tuple(arena.market.told),
        told_sent=arena.told_sent,
        urls=arena.urls,
        copied_at=arena.copied_at,
        copied_numbers=arena.copied_numbers,
        started_at=arena.started_at,
        grace_s=pace.grace_s(),
        logs={path.name: path.read_text(encoding="utf-8") for path in arena.folder.glob("*.log")},
        secrets=tokens | interactions | {TOKEN, secret},
    )


async def _draw_anew(arena: Arena) -> dict[int, str]:
    """Return what each message about a request has to say, by the database as it is now."""
    drawn: dict[int, str] = {}
    async with await Database.open(arena.database_path) as database, database.reading() as tx:
        known = await tx.one("SELECT value FROM meta WHERE key = 'command_ids'")
        frame = Frame(sandbox=True, commands=json.loads(known["value"]) if known else {})
        paper = Paper(arena.guild.name)
        poster = DiscordPoster(paper, lambda: frame, lambda: True)  # type: ignore[arg-type]
        posted = await tx.all("SELECT outbox_id FROM outbox WHERE state = 'posted'")
        for row_id in [row["outbox_id"] for row in posted]:
            row = await outbox.get(tx, row_id)
            view = await requests.get(tx, row.request_id) if row and row.request_id else None
            if row is not None and view is not None:
                await poster.post(row, view)
                drawn[row_id] = paper.said
    return drawn


class Paper:
    """In the place of Discord's client: what the poster posts is written down, and goes nowhere.

    ``said``: what the last message says, as ``checks.words_of`` has it.
    """

    def __init__(self, guild_name: str) -> None:
        self.said = ""
        self.id = 0
        self.name = guild_name
        self.channel = self

    def get_guild(self, _: int) -> Paper:
        """Return the server."""
        return self

    async def create_dm(self, _: object) -> Paper:
        """Return where direct messages go."""
        return self

    def get_partial_messageable(self, _: int, **__: object) -> Paper:
        """Return where a channel's messages go."""
        return self

    async def send(self, content: str = "", *, view: Any, **_: object) -> Paper:
        """Write a message down."""
        self.said = checks.words_of(content, view.to_components())
        return self


def _count(arena: Arena) -> None:
    """Add up what the round has seen."""
    tally = arena.tally
    for entry in arena.market.purchases:
        tally[f"trade ended as {entry.status}"] += 1
    told = arena.rows("SELECT kind, state FROM outbox WHERE kind IN ('trades', 'delivery_notice')")
    for row in told:
        tally[f"{row['kind']} {row['state']}"] += 1
    for kind in ("tried_again", "settled", "delivery_stuck", "alarm"):
        tally[f"event {kind}"] += len(arena.rows("SELECT 1 FROM events WHERE kind = ?", kind))
    tally["purchases closed"] += len(
        arena.rows("SELECT 1 FROM attempts WHERE closed_at IS NOT NULL")
    )
    tally["purchases"] += len(arena.market.purchases)
    batches = [call for call in arena.market.calls if call.method == "market_batch_buy"]
    tally["batches"] += len(batches)
    tally["calls"] += len(arena.market.calls)
    tally["look-ups"] += sum(call.method == "market_getinfo" for call in arena.market.calls)
    keys = Counter(str(line["custom_id"]) for call in batches for line in items_of(call))
    tally["resends"] += sum(times - 1 for times in keys.values())
    tally["refused lines"] += len(
        arena.rows("SELECT 1 FROM attempts WHERE state = 'refused' AND refused_whole = 0")
    )
    tally["unknown at the end"] += len(arena.rows("SELECT 1 FROM attempts WHERE state = 'unknown'"))
    tally["messages"] += sum(_is_announcement(m) for m in arena.discord.world.messages.values())


def _is_announcement(message: Message) -> bool:
    return message.interaction is None and not message.deleted
