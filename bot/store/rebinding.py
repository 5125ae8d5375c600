"""What has to be put in order before a database may serve another market or project.

Run once, by the operator, with the bot stopped: so these statements may walk whole tables.
"""

from __future__ import annotations

from bot.domain.models import REBOUND, RequestView
from bot.domain.states import RequestEvent, state_after, states_before
from bot.store import requests
from bot.store.database import Transaction


async def in_buying(tx: Transaction) -> list[RequestView]:
    """Return the requests that are being bought, or of which nobody knows whether they were."""
    return await _views(tx, "state = 'buying'")


async def still_open(tx: Transaction) -> list[RequestView]:
    """Return the requests that wait for a decision, or to be bought."""
    return await _views(tx, "state IN ('pending', 'approved')")


async def _views(tx: Transaction, where: str) -> list[RequestView]:
    rows = await tx.all(
        f"SELECT request_id FROM requests WHERE {where} ORDER BY guild_id, number"  # noqa: S608 - our own text
    )
    found = [await requests.get(tx, row["request_id"]) for row in rows]
    return [view for view in found if view is not None]


async def close(tx: Transaction, request_id: str, *, at: int) -> bool:
    """Expire an open request whatever its age, with the reason that its cards tell."""
    before = states_before(RequestEvent.EXPIRE)
    changed = await tx.execute(
        "UPDATE requests SET state = ?, changed_at = ?, decision_reason = ?, sealed_token = NULL, "  # noqa: S608 - our own text
        f"waits_for = NULL WHERE request_id = ? AND state IN ({', '.join('?' * len(before))})",
        state_after(RequestEvent.EXPIRE),
        at,
        REBOUND,
        request_id,
        *before,
    )
    return changed == 1


async def forget_listings(tx: Transaction, *, at: int) -> int:
    """Take picks of one particular listing out of the baskets; return how many there were.

    The numbers of listings are the old market's. The baskets' revisions rise, so that a screen
    that still shows such a pick can't be acted on.
    """
    await tx.execute(
        "UPDATE requests SET revision = revision + 1, changed_at = ? WHERE state = 'draft' "
        "AND request_id IN (SELECT request_id FROM picks WHERE listing_id IS NOT NULL)",
        at,
    )
    return await tx.execute("DELETE FROM picks WHERE listing_id IS NOT NULL")


async def follow_what_is_there(tx: Transaction, *, market: str, project: str, at: int) -> None:
    """Follow the purchases of this market and project, and none of another: nobody knows them here.

    A bought request of which nothing is followed any more closes as soon as its approval is over.
    """
    await tx.execute(
        "UPDATE attempts SET check_at = CASE WHEN market = ? AND project = ? THEN ? END "
        "WHERE state = 'purchased' AND closed_at IS NULL",
        market,
        project,
        at,
    )
    await tx.execute(
        "UPDATE requests SET expires_at = ? WHERE state = 'bought' AND expires_at IS NULL", at
    )
