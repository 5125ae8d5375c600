"""What members asked for, for those who haven't typed anything yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from bot.domain.skin_keys import Skin
from bot.store.database import Row, Transaction

KEPT: Final = 25
"""Of one member: as many as are ever suggested."""


def _skin(row: Row) -> Skin:
    return row["game"], row["market_hash_name"]


async def note(
    tx: Transaction, guild_id: int, user_id: int, skins: Sequence[Skin], *, at: int
) -> None:
    """Note what a member asked for now, each as often as they want it; old ones are forgotten."""
    wanted = Counter(skins)
    await tx.execute_many(
        "INSERT INTO recent_skins (guild_id, user_id, game, market_hash_name, asked_at) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET asked_at = excluded.asked_at",
        [(guild_id, user_id, *skin, at) for skin in wanted],
    )
    await tx.execute(
        "DELETE FROM recent_skins WHERE guild_id = ?1 AND user_id = ?2 AND asked_at < "
        "(SELECT asked_at FROM recent_skins WHERE guild_id = ?1 AND user_id = ?2 "
        "ORDER BY asked_at DESC LIMIT 1 OFFSET ?3)",
        guild_id,
        user_id,
        KEPT - 1,
    )
    await tx.execute_many(
        "INSERT INTO wanted_skins (guild_id, game, market_hash_name, times) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET times = times + excluded.times",
        [(guild_id, *skin, times) for skin, times in wanted.items()],
    )


async def of_member(tx: Transaction, guild_id: int, user_id: int) -> list[Skin]:
    """Return what a member asked for, the latest first, at most ``KEPT``."""
    rows = await tx.all(
        "SELECT game, market_hash_name FROM recent_skins WHERE guild_id = ? AND user_id = ? "
        "ORDER BY asked_at DESC LIMIT ?",
        guild_id,
        user_id,
        KEPT,
    )
    return [_skin(row) for row in rows]


async def most_wanted(tx: Transaction, guild_id: int) -> list[Skin]:
    """Return what a server's members asked for most often, at most ``KEPT``."""
    rows = await tx.all(
        "SELECT game, market_hash_name FROM wanted_skins WHERE guild_id = ? "
        "ORDER BY times DESC LIMIT ?",
        guild_id,
        KEPT,
    )
    return [_skin(row) for row in rows]
