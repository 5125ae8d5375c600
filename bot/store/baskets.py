"""Baskets: the drafts, one for each member and server. Every change raises the revision."""

from __future__ import annotations

from typing import Final

from bot.domain.models import Basket, Pick
from bot.domain.money import Micros
from bot.store.database import Row, Transaction
from bot.store.pastes import count_left

_OF_DRAFTS: Final = ("picks", "searches")
"""What belongs to a draft, and goes with it when it is sent."""


def _pick(row: Row) -> Pick:
    return Pick(
        pick_id=row["pick_id"],
        game=row["game"],
        market_hash_name=row["market_hash_name"],
        listing_id=row["listing_id"],
        quantity=row["quantity"],
        quote=Micros(row["quote"]),
        ceiling=Micros(row["ceiling"]),
        class_id=row["class_id"],
        usual=None if row["usual"] is None else Micros(row["usual"]),
        stock=row["stock"],
    )


async def find(tx: Transaction, guild_id: int, user_id: int) -> Basket | None:
    """Return a member's basket, if there is one."""
    row = await tx.one(
        "SELECT * FROM requests WHERE guild_id = ? AND user_id = ? AND state = 'draft'",
        guild_id,
        user_id,
    )
    if row is None:
        return None
    picks = await tx.all(
        "SELECT * FROM picks WHERE request_id = ? ORDER BY pick_id", row["request_id"]
    )
    return Basket(
        request_id=row["request_id"],
        guild_id=guild_id,
        user_id=user_id,
        revision=row["revision"],
        note=row["note"],
        picks=tuple(_pick(pick) for pick in picks),
        pasted_left=await count_left(tx, guild_id, user_id),
    )


async def add(tx: Transaction, guild_id: int, user_id: int, *, request_id: str, at: int) -> Basket:
    """Make an empty basket."""
    await tx.execute(
        "INSERT INTO requests (request_id, guild_id, user_id, state, created_at, changed_at) "
        "VALUES (?, ?, ?, 'draft', ?, ?)",
        request_id,
        guild_id,
        user_id,
        at,
        at,
    )
    left = await count_left(tx, guild_id, user_id)
    return Basket(request_id, guild_id, user_id, revision=1, note="", picks=(), pasted_left=left)


async def change(tx: Transaction, request_id: str, *, revision: int, at: int) -> bool:
    """Raise the revision by compare-and-set. False: somebody else has changed it before us."""
    changed = await tx.execute(
        "UPDATE requests SET revision = revision + 1, changed_at = ? "
        "WHERE request_id = ? AND revision = ? AND state = 'draft'",
        at,
        request_id,
        revision,
    )
    return changed == 1


async def add_pick(tx: Transaction, request_id: str, pick: Pick) -> int:
    """Put a pick in and return its id; the ``pick_id`` that it carries is not looked at."""
    return await tx.insert(
        "INSERT INTO picks (request_id, game, market_hash_name, listing_id, quantity, quote, "
        "ceiling, class_id, usual, stock) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        request_id,
        pick.game,
        pick.market_hash_name,
        pick.listing_id,
        pick.quantity,
        pick.quote,
        pick.ceiling,
        pick.class_id,
        pick.usual,
        pick.stock,
    )


async def update_pick(tx: Transaction, pick: Pick) -> None:
    """Save quantity, quote and ceiling of a pick, and what the price list said of it."""
    await tx.execute(
        "UPDATE picks SET quantity = ?, quote = ?, ceiling = ?, usual = ?, stock = ? "
        "WHERE pick_id = ?",
        pick.quantity,
        pick.quote,
        pick.ceiling,
        pick.usual,
        pick.stock,
        pick.pick_id,
    )


async def remove_pick(tx: Transaction, pick_id: int) -> None:
    """Take a pick out."""
    await tx.execute("DELETE FROM picks WHERE pick_id = ?", pick_id)


async def remove_all_picks(tx: Transaction, request_id: str) -> None:
    """Empty the basket; its note stays."""
    await tx.execute("DELETE FROM picks WHERE request_id = ?", request_id)


async def set_note(tx: Transaction, request_id: str, note: str) -> None:
    """Save the note."""
    await tx.execute("UPDATE requests SET note = ? WHERE request_id = ?", note, request_id)


async def remove_draft_only(tx: Transaction, request_id: str) -> None:
    """Remove what only a draft has: picks and searches."""
    for table in _OF_DRAFTS:
        await tx.execute(f"DELETE FROM {table} WHERE request_id = ?", request_id)  # noqa: S608 - ours


async def all_drafts(tx: Transaction) -> list[str]:
    """Return the ids of all drafts."""
    rows = await tx.all("SELECT request_id FROM requests WHERE state = 'draft'")
    return [row["request_id"] for row in rows]


async def give_new_id(tx: Transaction, request_id: str, new_id: str, *, at: int) -> bool:
    """Give a draft another id, because the market knows purchases under the one that it has.

    Otherwise it would be sent under the keys of what was bought. Return whether it was a draft.
    """
    await tx.execute("PRAGMA defer_foreign_keys = ON")
    changed = await tx.execute(
        "UPDATE requests SET request_id = ?, revision = revision + 1, changed_at = ? "
        "WHERE request_id = ? AND state = 'draft'",
        new_id,
        at,
        request_id,
    )
    if changed:
        for table in _OF_DRAFTS:
            await tx.execute(
                f"UPDATE {table} SET request_id = ? WHERE request_id = ?",  # noqa: S608 - ours
                new_id,
                request_id,
            )
    return changed == 1
