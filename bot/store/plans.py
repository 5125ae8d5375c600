"""What is planned for a time, when the clock turns out to have been wrong."""

from __future__ import annotations

from bot.store.database import Transaction


async def move(tx: Transaction, *, after: int, by: int) -> None:
    """Move what was planned for a moment after ``after`` along with the clock, by milliseconds.

    These are the tries of approved requests and of messages. When a request expires stays as it is:
    that was promised to people.
    """
    await tx.execute(
        "UPDATE requests SET claimable_at = claimable_at + ? "
        "WHERE state = 'approved' AND claimable_at > ?",
        by,
        after,
    )
    await tx.execute("UPDATE outbox SET next_at = next_at + ? WHERE next_at > ?", by, after)
