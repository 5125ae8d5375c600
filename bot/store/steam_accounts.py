"""What lately became of trades to a Steam account, whoever asked for them and on which server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.domain.limits import LINES_HARD_MAX
from bot.store.database import Transaction

# Said as the index says it, or SQLite doesn't see that they are the same.
FAILED: Final = (
    "state = 'purchased' AND offer_status IN "
    "('canceled', 'timeout', 'invalid_trade_token', 'user_not_tradable', 'trade_create_error', "
    "'rollback_user', 'rollback_supplier')"
)
_CALLS: Final = 3
"""Beyond the third refusal in a row nothing changes any more."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The market has refused calls for an account so often in a row, the last time then."""

    in_a_row: int
    at: int


async def failed_at(tx: Transaction, steam_id: int, *, since: int) -> dict[str, int]:
    """Return how trades to an account have failed since then, and when each was known last."""
    rows = await tx.all(
        "SELECT offer_status, max(status_at) AS at FROM attempts "  # noqa: S608 - our own text
        f"WHERE steam_id = ? AND status_at > ? AND {FAILED} GROUP BY offer_status",
        steam_id,
        since,
    )
    return {row["offer_status"]: row["at"] for row in rows}


async def failed_lately(tx: Transaction, steam_id: int, *, since: int) -> Mapping[str, int]:
    """Return how many trades to an account have failed since then, by status."""
    rows = await tx.all(
        "SELECT offer_status, count(*) AS times FROM attempts "  # noqa: S608 - our own text
        f"WHERE steam_id = ? AND status_at > ? AND {FAILED} GROUP BY offer_status",
        steam_id,
        since,
    )
    return {row["offer_status"]: row["times"] for row in rows}


async def refused_in_a_row(tx: Transaction, steam_id: int, *, code: int) -> Refused | None:
    """Return how the latest calls for an account were refused with ``code``, if they were.

    A call is known by its request and its time: its lines were sent together, and their ends noted
    one after the other. What never left, was settled by hand, was refused for reasons of the
    market's own or has no answer yet says nothing.
    """
    calls = await tx.all(
        "SELECT max(at) AS at, min(refused) AS refused FROM (SELECT request_id, sent_at, "
        "coalesce(ended_at, sent_at) AS at, code IS ? AND state <> 'purchased' AS refused "
        "FROM attempts WHERE steam_id = ? AND settled_at IS NULL "
        "AND (state = 'purchased' OR (state = 'unknown' AND code = ?) "
        "OR (state = 'refused' AND (refused_whole = 0 OR code = ?))) "
        "ORDER BY sent_at DESC LIMIT ?) "
        "GROUP BY sent_at, request_id ORDER BY sent_at DESC LIMIT ?",
        code,
        steam_id,
        code,
        code,
        (_CALLS + 1) * LINES_HARD_MAX,
        _CALLS + 1,
    )
    times = 0
    while times < len(calls) and calls[times]["refused"]:
        times += 1
    return Refused(times, calls[0]["at"]) if times else None
