"""What is planned for a time, when the clock turns out to have been wrong."""

from __future__ import annotations

from bot.store.database import Transaction


async def move(tx: Transaction, *, after: int, by: int) -> None:
    """Move what was planned for a moment after ``after`` along with the clock, by milliseconds.

    These are the steps of requests, the tries of messages and the look-ups of purchases; how much
    of a grace period is over stays the same. When a request expires, or its member is reminded,
    stays as it is: that was promised to people.
    """
    await tx.execute(
        "UPDATE requests SET claimable_at = claimable_at + ? "
        "WHERE state = 'approved' AND claimable_at > ? AND waits_for IS NOT 'member_ready'",
        by,
        after,
    )
    await tx.execute(
        "UPDATE requests SET step_at = step_at + CASE WHEN step_at > ? THEN ? ELSE 0 END, "
        "grace_from = grace_from + ?, history_at = history_at + ? WHERE state = 'buying'",
        after,
        by,
        by,
        by,
    )
    # In two halves, because each has its index.
    for unfinished in ("state IN ('waiting', 'trying')", "state = 'posted' AND wanted > shown"):
        await tx.execute(
            f"UPDATE outbox SET next_at = next_at + ? WHERE {unfinished} AND next_at > ?",  # noqa: S608
            by,
            after,
        )
    await tx.execute(
        "UPDATE attempts SET check_at = check_at + ? WHERE check_at > ?",
        by,
        after,
    )
