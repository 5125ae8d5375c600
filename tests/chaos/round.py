"""One round: the load, the kills, the rest, the comparison."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from bot.domain.models import MessageKind, OutboxRow, RequestView
from bot.sandbox.discord import Message, routes_channels
from bot.sandbox.discord.drawing import texts_of
from bot.sandbox.discord.interactions import FIRST_ANSWER_S, Interaction
from bot.sandbox.discord.server import TOKEN
from bot.store import outbox, requests
from bot.store.database import Database
from bot.ui.cards.approval import approval_card
from bot.ui.cards.frame import Frame
from bot.ui.cards.member import member_status
from bot.ui.cards.result import result_card
from tests.chaos import checks, pace, troubles
from tests.chaos.arena import Arena, Violation, open_arena
from tests.chaos.checks import Evidence, check
from tests.chaos.people import be_a_member, be_moderators
from tests.chaos.plan import Plan, Trouble
from tests.chaos.zygote import Zygote
from tests.e2e.cases import items_of

NONCE_S: Final = 0.4
"""How long the stand-in's Discord remembers a nonce in these rounds."""

_REST_S: Final = 20.0
_REST_OF_A_MUTANT_S: Final = 8.0
_STOPS_MAX: Final = 4
_LOOK_S: Final = 0.05
_LAST_LOAD_S: Final = 4.0
_ROUND_S: Final = 90.0

_MAY_WAIT_FOR: Final = ("trade_url_partner", "trade_url_token")
"""What only the member can mend."""
_ABOUT_REQUESTS: Final = (
    MessageKind.APPROVAL_CARD,
    MessageKind.MEMBER_STATUS,
    MessageKind.RESULT,
)
_TABLES: Final = ("requests", "lines", "attempts", "strays", "events", "outbox", "pauses", "meta")

Script = Callable[[Arena], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a round."""

    seed: str
    violations: tuple[Violation, ...]
    tally: dict[str, int]
    seconds: float


@contextmanager
def short_memory() -> Iterator[None]:
    """Let the stand-in's Discord forget nonces soon, in this process."""
    with patch.object(routes_channels, "NONCE_MEMORY_S", NONCE_S):
        yield


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
    deciding = asyncio.ensure_future(be_moderators(arena))
    going_wrong = asyncio.gather(*(_trouble(arena, each) for each in arena.plan.troubles))
    everything = (people, deciding, going_wrong)
    arena.load = people
    try:
        for life in arena.plan.lives:
            await arena.live(life)
        await going_wrong
        await troubles.heal(arena.scene)
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
    """Return what each message has to say, by the database as it is now."""
    drawn: dict[int, str] = {}
    async with await Database.open(arena.database_path) as database, database.reading() as tx:
        known = await tx.one("SELECT value FROM meta WHERE key = 'command_ids'")
        commands = json.loads(known["value"]) if known else {}
        for row_id in [row["outbox_id"] for row in await tx.all("SELECT outbox_id FROM outbox")]:
            row = await outbox.get(tx, row_id)
            view = await requests.get(tx, row.request_id) if row and row.request_id else None
            if row is not None and view is not None and row.kind in _ABOUT_REQUESTS:
                frame = Frame(sandbox=True, commands=commands, mark=row.mark)
                drawn[row_id] = _say(row, view, frame, guild_name=arena.guild.name)
    return drawn


def _say(row: OutboxRow, view: RequestView, frame: Frame, *, guild_name: str) -> str:
    match row.kind:
        case MessageKind.APPROVAL_CARD:
            card = approval_card(view, frame)
        case MessageKind.MEMBER_STATUS:
            card = member_status(view, frame, guild_name=guild_name)
        case _:
            card = result_card(view, frame)
    components: list[dict[str, Any]] = card.to_components()  # type: ignore[no-untyped-call]
    return "\n".join(texts_of("", [], components))


def _count(arena: Arena) -> None:
    """Add up what the round has seen."""
    tally = arena.tally
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
