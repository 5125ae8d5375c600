"""From the gateway's READY to a bot at work, with all that is stored and much in flight.

The bot is the real process, killed before each start, so that it finds purchases on the wire.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from bot.sandbox.discord import Channel, DiscordSandbox, Guild, Member, Role, posting
from bot.sandbox.process import BotProcess
from tests.bench import stored as databases
from tests.bench.child import ROOT
from tests.bench.figures import Figure, Limit, sample
from tests.bench.house import open_house, set_up, submit_requests
from tests.bench.market import MarketProcess
from tests.bench.stored import DAY_MS, MINUTE_MS, Stored
from tests.bench.wire import requests_on_the_wire

_T = TypeVar("_T")

STARTS: Final = 5
IN_FLIGHT: Final = 1_000
BUDGET: Final = (Limit("most", 2_000),)

_HISTORY: Final = 200
"""Requests of the member who asks at READY, on their own server."""

_TIMEOUT_S: Final = 120.0
_POLL_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class _Town:
    """A server whose members have requests in flight, and one who asks for a list of theirs."""

    discord: DiscordSandbox
    guild: Guild
    mods: Role
    hall: Channel
    approvals: Channel
    results: Channel
    asker: Member
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class _Started:
    """One start, in seconds: to READY from the process's start, and from READY on."""

    ready: float
    answered: float
    at_work: float
    bought: float
    first_word: str
    """What the worker has written first on what was due: its state, or what it waits for."""


@dataclass(frozen=True, slots=True)
class _InFlight:
    """What is put back before each start: the keys on the wire, and a request to be bought next."""

    keys: tuple[str, ...]
    due: tuple[str, ...]


async def measure(folder: Path, market: MarketProcess, stored: Stored) -> list[Figure]:
    """Start the bot some times, and a bare client as often."""
    async with DiscordSandbox(validate=False) as discord:
        town = _town(discord)
        environment = {
            **market.environment,
            **discord.environment(),
            "MARKET": "sandbox",
            "DATABASE_PATH": str(stored.path),
        }
        in_flight = await _seed(town, environment, stored)
        starts, bare = [], []
        for place in range(STARTS):
            _put_back(stored.path, in_flight, in_flight.due[place])
            log_path = folder / f"start-{place}.log"
            starts.append(
                await _start(town, market, environment, in_flight, place, log_path=log_path)
            )
            bare.append(await _bare_start(town, environment))
    return _figures(stored, starts, bare)


def _figures(
    stored: Stored, starts: Sequence[_Started], bare: Sequence[tuple[float, float]]
) -> list[Figure]:
    what = f"{stored.title}, {IN_FLIGHT:,} in flight"
    answered, at_work, bought = (
        sample([getattr(each, name) for each in starts])
        for name in ("answered", "at_work", "bought")
    )
    return [
        Figure(
            f"READY → answers and buys, {what}",
            sample([max(each.answered, each.at_work) for each in starts]),
            sample([answered for _, answered in bare]),
            "READY → first answer of a bare client that only defers",
            BUDGET,
            notes=(
                f"/my-requests sent at READY, answered in full: {answered}",
                f"all that was on the wire is looked into, and the worker runs: {at_work}",
                f"the first batch buy is at the market: {bought}",
                "the worker's first word on it: " + ", ".join(each.first_word for each in starts),
                "after SIGKILL each time; the database is in the system's cache",
            ),
        ),
        Figure(
            f"process started → READY, {what}",
            sample([each.ready for each in starts]),
            sample([ready for ready, _ in bare]),
            "the same of the bare client",
        ),
    ]


def _town(discord: DiscordSandbox) -> _Town:
    guild = discord.add_guild("Friday Cup")
    mods = guild.add_role("Skin Mods")
    return _Town(
        discord,
        guild,
        mods,
        guild.add_channel("general"),
        guild.add_channel("skin-approvals", visible_to=[mods]),
        guild.add_channel("results"),
        guild.add_member("Ana"),
        tuple(guild.add_member(f"Member {each}") for each in range(IN_FLIGHT + STARTS)),
    )


async def _seed(town: _Town, environment: Mapping[str, str], stored: Stored) -> _InFlight:
    """Leave everything as a bot leaves it that is killed in the middle of its work."""
    _end_what_is_open(stored.path)
    async with open_house(environment) as bench:
        await set_up(
            bench.house.database,
            town.guild.id,
            approver_role=town.mods.id,
            approvals=town.approvals.id,
            results=town.results.id,
        )
        askers = [member.id for member in town.members[IN_FLIGHT:]]
        views = await submit_requests(bench, town.guild.id, askers, quantities=(2,), posting=False)
    guild_ids, first = [town.guild.id], 2 * stored.count + 1
    databases.fill(
        stored.path, _HISTORY, guild_ids=guild_ids, user_ids=[town.asker.id], first=first
    )
    databases.fill(
        stored.path,
        IN_FLIGHT,
        guild_ids=guild_ids,
        user_ids=[member.id for member in town.members[:IN_FLIGHT]],
        first=first + _HISTORY,
        in_flight=True,
    )
    _post_messages(town, stored.path)
    with closing(sqlite3.connect(stored.path)) as connection:
        sent = connection.execute("SELECT purchase_key FROM attempts WHERE state = 'sent'")
        keys = tuple(key for (key,) in sent)
    return _InFlight(keys, tuple(view.request.request_id for view in views))


def _end_what_is_open(path: Path) -> None:
    """End what other measurements have left, on servers that this Discord doesn't have."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for sql in (
            (
                "UPDATE requests SET state = 'cancelled', sealed_token = NULL, step_at = NULL "
                "WHERE state IN ('pending', 'approved', 'buying')"
            ),
            "UPDATE outbox SET state = 'skipped' WHERE state IN ('waiting', 'trying')",
            "UPDATE outbox SET shown = wanted WHERE state = 'posted' AND wanted > shown",
        ):
            connection.execute(sql)


def _post_messages(town: _Town, path: Path) -> None:
    """Let the cards and status messages of what is in flight stand where the database says."""
    members = {member.id: member for member in town.members}
    with closing(sqlite3.connect(path)) as connection, connection:
        rows = connection.execute(
            "SELECT outbox_id, to_member, user_id "
            "FROM requests CROSS JOIN outbox USING (request_id) "
            "WHERE requests.state IN ('pending', 'approved', 'buying') "
            "AND requests.state <> 'pending' AND outbox.state <> 'skipped'"
        ).fetchall()
        for outbox_id, to_member, user_id in rows:
            channel = members[user_id].user.dm_channel if to_member else town.approvals
            message = posting.post(channel, posting.Draft({"content": "a request"}))
            connection.execute(
                "UPDATE outbox SET state = 'posted', parked_reason = '', channel_id = ?, "
                "message_id = ?, target_id = ? WHERE outbox_id = ?",
                (channel.id, message.id, user_id if to_member else channel.id, outbox_id),
            )


def _put_back(path: Path, in_flight: _InFlight, due: str) -> None:
    """Put on the wire again what the start before has taken for unknown; approve one more."""
    now = time.time_ns() // 1_000_000
    with closing(sqlite3.connect(path)) as connection, connection:
        if connection.execute("SELECT 1 FROM pauses").fetchone():
            raise RuntimeError("buying is paused")
        ids = [(key[2:22],) for key in in_flight.keys]
        connection.executemany(
            "UPDATE attempts SET state = 'sent' WHERE purchase_key = ?",
            [(key,) for key in in_flight.keys],
        )
        connection.executemany("UPDATE requests SET step_at = NULL WHERE request_id = ?", ids)
        connection.executemany(
            "DELETE FROM outbox WHERE kind = 'result' AND request_id = ? AND state <> 'skipped'",
            ids,
        )
        connection.execute(
            "UPDATE outbox SET shown = wanted WHERE state = 'posted' AND wanted > shown"
        )
        connection.execute(
            "UPDATE requests SET state = 'approved', decided_by = 1, decided_at = ?, "
            "claimable_at = ?, expires_at = ? WHERE request_id = ?",
            (now - MINUTE_MS, now, now + DAY_MS, due),
        )


async def _start(
    town: _Town,
    market: MarketProcess,
    environment: Mapping[str, str],
    in_flight: _InFlight,
    place: int,
    *,
    log_path: Path,
) -> _Started:
    """Start the bot and wait until it has answered and works; then kill it."""
    due = in_flight.due[place]
    identified = town.discord.gateway.identified
    started = time.monotonic()
    bot = await BotProcess(environment, log_path=log_path).start()
    try:
        await town.discord.wait_until(
            lambda: town.discord.gateway.identified > identified, _TIMEOUT_S
        )
        ready, ready_at = time.monotonic(), time.time()
        asked = town.asker.slash("my-requests", channel=town.hall, timeout=_TIMEOUT_S)
        (answered, _), (at_work, first_word) = await asyncio.gather(
            _after(ready, asked), _after(ready, _at_work(Path(environment["DATABASE_PATH"]), due))
        )
        bought_at = await _bought_at(market, due)
    finally:
        await bot.kill()
    return _Started(ready - started, answered, at_work, bought_at - ready_at, first_word)


async def _after(ready: float, done: Awaitable[_T]) -> tuple[float, _T]:
    result = await done
    return time.monotonic() - ready, result


async def _at_work(path: Path, due: str) -> str:
    """Wait until nothing is left on the wire from before, and the worker has taken what is due.

    Return what it has written on that.
    """
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        for _ in range(round(_TIMEOUT_S / _POLL_S)):
            left = connection.execute(
                "SELECT 1 FROM attempts WHERE state = 'sent' AND request_id <> ?", (due,)
            ).fetchone()
            taken = connection.execute(
                "SELECT coalesce(waits_for, state) FROM requests WHERE request_id = ? "
                "AND (state <> 'approved' OR waits_for IS NOT NULL)",
                (due,),
            ).fetchone()
            if taken and not left:
                return str(taken[0])
            await asyncio.sleep(_POLL_S)
    raise RuntimeError("the worker never took what was due")


async def _bought_at(market: MarketProcess, due: str) -> float:
    for _ in range(round(_TIMEOUT_S / _POLL_S)):
        arrived = requests_on_the_wire(await market.wire_times())
        if due in arrived:
            return arrived[due]
        await asyncio.sleep(_POLL_S * 10)
    raise RuntimeError("what was due was never bought")


async def _bare_start(town: _Town, environment: Mapping[str, str]) -> tuple[float, float]:
    """Return how long a bare client takes to READY, and from there to its first answer."""
    discord = town.discord
    identified = discord.gateway.identified
    started = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.bareclient",
        cwd=ROOT,
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
    )
    try:
        await discord.wait_until(lambda: discord.gateway.identified > identified, _TIMEOUT_S)
        ready = time.monotonic()
        known = set(discord.world.interactions)
        asking = asyncio.ensure_future(
            town.asker.slash("my-requests", channel=town.hall, timeout=_TIMEOUT_S)
        )
        await asyncio.sleep(0)
        (one,) = (it for token, it in discord.world.interactions.items() if token not in known)
        await one.changes.until(lambda: one.answer is not None, _TIMEOUT_S)
        answered = time.monotonic()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    finally:
        process.kill()
        await process.wait()
    return ready - started, answered - ready
