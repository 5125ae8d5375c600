"""What of a member's pasted lists is not in their basket yet, whatever device they look from."""

from __future__ import annotations

from dataclasses import dataclass

from bot.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Paste:
    """The lines that are left, and which form was sent last."""

    lines: tuple[str, ...] = ()
    form: str = ""


async def find(tx: Transaction, guild_id: int, user_id: int) -> Paste:
    """Return what is left of a member's lists on a server."""
    row = await tx.one(
        "SELECT rest, form FROM pastes WHERE guild_id = ? AND user_id = ?", guild_id, user_id
    )
    return Paste() if row is None else Paste(tuple(row["rest"].splitlines()), row["form"])


async def save(tx: Transaction, guild_id: int, user_id: int, paste: Paste) -> None:
    """Keep this instead of what was kept; the lines have no line breaks in them."""
    await tx.execute(
        "INSERT INTO pastes (guild_id, user_id, rest, form) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET rest = excluded.rest, form = excluded.form",
        guild_id,
        user_id,
        "\n".join(paste.lines),
        paste.form,
    )


async def count_left(tx: Transaction, guild_id: int, user_id: int) -> int:
    """Return how many lines are left of a member's lists."""
    return len((await find(tx, guild_id, user_id)).lines)
