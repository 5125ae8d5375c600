"""What happened, in order; rows are only ever added."""

from __future__ import annotations

import json
from collections.abc import Mapping

from bot.domain.models import Event, EventKind, Request
from bot.store.database import Transaction


async def record(
    tx: Transaction,
    kind: EventKind,
    *,
    guild_id: int,
    at: int,
    request_id: str | None = None,
    actor_id: int | None = None,
    details: Mapping[str, str | int] | None = None,
) -> None:
    """Add an event. ``details`` are facts that anyone who may read the history may read."""
    tx.last_event = await tx.insert(
        "INSERT INTO events (guild_id, request_id, at, kind, actor_id, details) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        guild_id,
        request_id,
        at,
        kind,
        actor_id,
        json.dumps(dict(details or {})),
    )


async def record_for(
    tx: Transaction,
    kind: EventKind,
    request: Request,
    *,
    at: int,
    actor_id: int | None = None,
    details: Mapping[str, str | int] | None = None,
) -> None:
    """Add an event about a request."""
    await record(
        tx,
        kind,
        guild_id=request.guild_id,
        at=at,
        request_id=request.request_id,
        actor_id=actor_id,
        details=details,
    )


async def guilds_paused(tx: Transaction, *, since: int) -> list[int]:
    """Return the servers that were told of a pause at ``since`` or later."""
    rows = await tx.all(
        "SELECT DISTINCT guild_id FROM events WHERE kind = 'paused' AND at >= ?", since
    )
    return [row["guild_id"] for row in rows]


async def of_request(tx: Transaction, request_id: str) -> list[Event]:
    """Return everything that happened to a request, first first."""
    rows = await tx.all(
        "SELECT at, kind, actor_id, details FROM events WHERE request_id = ? ORDER BY event_id",
        request_id,
    )
    return [
        Event(row["at"], EventKind(row["kind"]), row["actor_id"], json.loads(row["details"]))
        for row in rows
    ]
