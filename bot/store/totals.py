"""Sums of money: what is held, on its way, gone in vain and spent; of a server or of all of them.

A purchase counts as spent from when it is known, also one that failed, until a person has booked
that its money was seen back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.money import Micros
from bot.domain.sums import WINDOWS_MS, NotBack, Sum
from bot.store.database import Transaction
from bot.store.purchases import UNSENT
from bot.store.steam_accounts import FAILED

_HERE: Final = "(? IS NULL OR +guild_id = ?)"
"""Of a server, or of all. The plus keeps SQLite from walking through all that a server ever had."""


@dataclass(frozen=True, slots=True)
class Booked:
    """Who booked money as back last, and when."""

    by: int
    at: int


async def held(tx: Transaction, guild_id: int | None) -> Micros:
    """Return what approvals hold: the ceilings of what is to be sent and of what may have left."""
    row = await tx.one(
        "SELECT (SELECT coalesce(sum(max_price), 0) FROM attempts JOIN requests USING (request_id) "  # noqa: S608 - our own text
        f"WHERE attempts.state IN ('sent', 'unknown') AND {_HERE}) + "
        f"(SELECT coalesce(sum(ceiling), 0) {UNSENT} AND {_HERE}) AS total",
        *(guild_id,) * 4,
    )
    return Micros(row["total"] if row else 0)


async def in_delivery(tx: Transaction, guild_id: int | None) -> Sum:
    """Return what was bought and is on its way: neither accepted nor failed."""
    moving = f"coalesce(offer_status, '') <> 'accepted' AND ({FAILED}) IS NOT 1"
    return await _unclosed(tx, guild_id, moving)


async def settling(tx: Transaction, guild_id: int | None) -> Sum:
    """Return what was accepted and can still be returned."""
    return await _unclosed(tx, guild_id, "offer_status = 'accepted'")


async def _unclosed(tx: Transaction, guild_id: int | None, which: str) -> Sum:
    row = await tx.one(
        "SELECT coalesce(sum(debited), 0) AS amount, count(*) AS n FROM ("  # noqa: S608 - our own text
        "SELECT request_id, debited FROM attempts INDEXED BY attempts_unclosed "
        f"WHERE state = 'purchased' AND closed_at IS NULL AND {which}) "
        f"CROSS JOIN requests USING (request_id) WHERE {_HERE}",
        guild_id,
        guild_id,
    )
    return Sum(Micros(row["amount"]), row["n"]) if row else Sum(Micros(0), 0)


async def not_back(tx: Transaction, guild_id: int | None) -> Sum:
    """Return what was paid for purchases that failed, and not seen back."""
    row = await tx.one(
        "SELECT coalesce(sum(debited), 0) AS amount, count(*) AS n FROM ("  # noqa: S608 - our own text
        "SELECT request_id, debited FROM attempts INDEXED BY attempts_not_back "
        f"WHERE back_at IS NULL AND {FAILED}) "
        f"CROSS JOIN requests USING (request_id) WHERE {_HERE}",
        guild_id,
        guild_id,
    )
    return Sum(Micros(row["amount"]), row["n"]) if row else Sum(Micros(0), 0)


async def spent(tx: Transaction, guild_id: int | None, *, at: int) -> tuple[Micros, ...]:
    """Return what was spent in each of ``WINDOWS_MS`` before ``at``.

    Purchases under keys that are not ours count where their request is, or else for all only; what
    two keys name counts once.
    """
    amounts = ", ".join(
        f"coalesce(sum(CASE WHEN since >= ? THEN debited END), 0) AS window_{place}"
        for place in range(len(WINDOWS_MS))
    )
    starts = [at - window for window in WINDOWS_MS]
    row = await tx.one(
        f"SELECT {amounts} FROM ("  # noqa: S608 - our own text
        "SELECT request_id, ended_at AS since, debited FROM attempts INDEXED BY attempts_bought "
        "WHERE state = 'purchased' AND ended_at >= ? AND back_at IS NULL UNION ALL "
        "SELECT request_id, seen_at, debited FROM strays WHERE seen_at >= ? AND NOT EXISTS "
        "(SELECT 1 FROM attempts WHERE attempts.buy_id = strays.buy_id)) "
        f"LEFT JOIN requests USING (request_id) WHERE {_HERE}",
        *starts,
        starts[-1],
        starts[-1],
        guild_id,
        guild_id,
    )
    if row is None:
        return (Micros(0),) * len(WINDOWS_MS)
    return tuple(Micros(row[f"window_{place}"]) for place in range(len(WINDOWS_MS)))


async def list_not_back(
    tx: Transaction, guild_id: int, *, limit: int, offset: int
) -> list[NotBack]:
    """Return a server's failed purchases whose money was not seen back, the latest first."""
    rows = await tx.all(
        "SELECT purchase_key, request_id, number, user_id, market_hash_name, buy_id, debited, "  # noqa: S608 - our own text
        "offer_status, status_at FROM (SELECT * FROM attempts INDEXED BY attempts_not_back "
        f"WHERE back_at IS NULL AND {FAILED}) CROSS JOIN requests USING (request_id) "
        "JOIN lines USING (request_id, line_no) WHERE +guild_id = ? "
        "ORDER BY status_at DESC, purchase_key DESC LIMIT ? OFFSET ?",
        guild_id,
        limit,
        offset,
    )
    return [
        NotBack(
            purchase_key=row["purchase_key"],
            request_id=row["request_id"],
            number=row["number"],
            user_id=row["user_id"],
            market_hash_name=row["market_hash_name"],
            buy_id=row["buy_id"],
            debited=Micros(row["debited"]),
            offer_status=row["offer_status"],
            status_at=row["status_at"] or 0,
        )
        for row in rows
    ]


async def book_back(tx: Transaction, keys: Sequence[str], *, by: int, at: int) -> list[str]:
    """Note that the money of failed purchases was seen back. Return those that it was news of."""
    booked = []
    for key in keys:
        changed = await tx.execute(
            "UPDATE attempts SET back_at = ?, back_by = ? "  # noqa: S608 - our own text
            f"WHERE purchase_key = ? AND back_at IS NULL AND {FAILED}",
            at,
            by,
            key,
        )
        booked += [key] * changed
    return booked


async def forget_back(tx: Transaction, key: str) -> bool:
    """Count a purchase as spent again, which is alive after all. Return whether that is news."""
    changed = await tx.execute(
        "UPDATE attempts SET back_at = NULL, back_by = NULL "
        "WHERE purchase_key = ? AND back_at IS NOT NULL",
        key,
    )
    return changed == 1


async def last_booked(tx: Transaction, guild_id: int) -> Booked | None:
    """Return who of a server booked money as back last."""
    row = await tx.one(
        "SELECT back_by, back_at FROM (SELECT request_id, back_by, back_at FROM attempts "
        "INDEXED BY attempts_back WHERE back_at IS NOT NULL) CROSS JOIN requests "
        "USING (request_id) WHERE +guild_id = ? ORDER BY back_at DESC LIMIT 1",
        guild_id,
    )
    return None if row is None else Booked(row["back_by"], row["back_at"])
