"""What servers and the deployment have decided: set-up, confirmations, pauses, identity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from bot.domain.models import Delivery, GuildPause, GuildSettings, Pause, PauseCause
from bot.errors import DatabaseError
from bot.store.database import Row, Transaction

_IDENTITY: Final = ("market", "market_host", "client_id")
_BOOKS_AGREED_AT: Final = "books_agreed_at"
_OLDER_COPY_AT: Final = "older_copy_at"

GuildNumber = Literal["tolerance_bp", "lines_max", "open_requests_max", "undo_s"]
GuildPlace = Literal["approver_role_id", "approval_channel_id", "results_channel_id"]


async def get_meta(tx: Transaction, key: str) -> str | None:
    """Return what is remembered under ``key``."""
    row = await tx.one("SELECT value FROM meta WHERE key = ?", key)
    return None if row is None else str(row["value"])


async def set_meta(tx: Transaction, key: str, value: str) -> None:
    """Remember ``value`` under ``key``."""
    await tx.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        key,
        value,
    )


async def check_identity(tx: Transaction, **identity: str) -> None:
    """Bind a new database to its market and project; hold an old one against them.

    Raises ``DatabaseError`` if it belongs to another: its purchase keys and open requests mean
    nothing there.
    """
    for key in _IDENTITY:
        known = await get_meta(tx, key)
        if known is None:
            await set_meta(tx, key, identity[key])
        elif known != identity[key]:
            raise DatabaseError(
                f"This database belongs to another market or project ({key} was {known}, "
                f"now {identity[key]}). Put the old settings back, set another DATABASE_PATH, or "
                "close what is open with: python -m bot rebind"
            )


async def identity(tx: Transaction) -> dict[str, str]:
    """Return the market and project that a database belongs to; nothing of a new one."""
    known = {key: await get_meta(tx, key) for key in _IDENTITY}
    return {key: value for key, value in known.items() if value is not None}


async def rebind(tx: Transaction, **identity: str) -> None:
    """Bind a database to another market or project, of which it has seen nothing yet."""
    for key in _IDENTITY:
        await set_meta(tx, key, identity[key])
    await tx.execute("DELETE FROM meta WHERE key = ?", _BOOKS_AGREED_AT)


async def get_books_agreed_at(tx: Transaction) -> int | None:
    """Return until when (unix ms) the books agree with the market; None: they are new."""
    value = await get_meta(tx, _BOOKS_AGREED_AT)
    return None if value is None else int(value)


async def set_books_agreed_at(tx: Transaction, at: int) -> None:
    """Note until when the books agree with the market."""
    await set_meta(tx, _BOOKS_AGREED_AT, str(at))


async def get_older_copy_at(tx: Transaction) -> int | None:
    """Return when (unix ms) this database was last found to be an older copy of itself."""
    value = await get_meta(tx, _OLDER_COPY_AT)
    return None if value is None else int(value)


async def set_older_copy_at(tx: Transaction, at: int) -> None:
    """Note that this database is an older copy of itself."""
    await set_meta(tx, _OLDER_COPY_AT, str(at))


async def get_guild(tx: Transaction, guild_id: int) -> GuildSettings:
    """Return a server's settings; the defaults if it has decided nothing yet."""
    row = await tx.one("SELECT * FROM guilds WHERE guild_id = ?", guild_id)
    if row is None:
        return GuildSettings(guild_id)
    roles = await tx.all("SELECT role_id FROM asker_roles WHERE guild_id = ?", guild_id)
    return _guild(row, frozenset(int(role["role_id"]) for role in roles))


def _guild(row: Row, asker_role_ids: frozenset[int]) -> GuildSettings:
    return GuildSettings(
        guild_id=row["guild_id"],
        approver_role_id=row["approver_role_id"],
        approval_channel_id=row["approval_channel_id"],
        results_channel_id=row["results_channel_id"],
        asker_role_ids=asker_role_ids,
        tolerance_bp=row["tolerance_bp"],
        lines_max=row["lines_max"],
        open_requests_max=row["open_requests_max"],
        undo_s=row["undo_s"],
        delivery=Delivery(row["delivery"]) if row["delivery"] else None,
        games=tuple(row["games"].split(",")),
    )


async def add_guild(tx: Transaction, guild_id: int) -> None:
    """Make a row for a server that has none."""
    await tx.execute("INSERT OR IGNORE INTO guilds (guild_id) VALUES (?)", guild_id)


async def guilds_with_approval_channel(tx: Transaction) -> list[tuple[int, int]]:
    """Return the servers that have one, each with its approval channel."""
    rows = await tx.all(
        "SELECT guild_id, approval_channel_id FROM guilds WHERE approval_channel_id IS NOT NULL"
    )
    return [(row["guild_id"], row["approval_channel_id"]) for row in rows]


async def set_place(tx: Transaction, guild_id: int, place: GuildPlace, value: int) -> None:
    """Save the approver role or one of the channels."""
    await add_guild(tx, guild_id)
    await tx.execute(
        f"UPDATE guilds SET {place} = ? WHERE guild_id = ?",  # noqa: S608 - a Literal
        value,
        guild_id,
    )


async def set_games(tx: Transaction, guild_id: int, games: Sequence[str]) -> None:
    """Save whose skins can be asked for, at least one game's."""
    await add_guild(tx, guild_id)
    await tx.execute("UPDATE guilds SET games = ? WHERE guild_id = ?", ",".join(games), guild_id)


async def games_offered(tx: Transaction) -> frozenset[str]:
    """Return the games that any server offers."""
    rows = await tx.all("SELECT DISTINCT games FROM guilds")
    return frozenset(game for row in rows for game in row["games"].split(","))


async def set_delivery(tx: Transaction, guild_id: int, delivery: Delivery) -> None:
    """Save when approved requests are bought; those approved before stay as they are."""
    await add_guild(tx, guild_id)
    await tx.execute("UPDATE guilds SET delivery = ? WHERE guild_id = ?", delivery, guild_id)


async def set_numbers(tx: Transaction, guild_id: int, numbers: dict[GuildNumber, int]) -> None:
    """Save the limits; the table refuses what is out of range."""
    await add_guild(tx, guild_id)
    for name, value in numbers.items():
        await tx.execute(
            f"UPDATE guilds SET {name} = ? WHERE guild_id = ?",  # noqa: S608 - a Literal
            value,
            guild_id,
        )


async def set_asker_roles(tx: Transaction, guild_id: int, role_ids: Iterable[int]) -> None:
    """Save who may ask; no role at all means everyone."""
    await add_guild(tx, guild_id)
    await tx.execute("DELETE FROM asker_roles WHERE guild_id = ?", guild_id)
    await tx.execute_many(
        "INSERT INTO asker_roles (guild_id, role_id) VALUES (?, ?)",
        [(guild_id, role_id) for role_id in role_ids],
    )


async def confirm(tx: Transaction, guild_id: int, user_id: int, at: int) -> None:
    """Note that a moderator has shown on the test card that they can approve."""
    await tx.execute(
        "INSERT OR IGNORE INTO confirmations (guild_id, user_id, confirmed_at) VALUES (?, ?, ?)",
        guild_id,
        user_id,
        at,
    )


async def forget_confirmations(tx: Transaction, guild_id: int) -> None:
    """Forget them, because the role or the channel they were made with has changed."""
    await tx.execute("DELETE FROM confirmations WHERE guild_id = ?", guild_id)


async def confirmed_by(tx: Transaction, guild_id: int) -> list[int]:
    """Return the moderators who have confirmed, first first."""
    rows = await tx.all(
        "SELECT user_id FROM confirmations WHERE guild_id = ? ORDER BY confirmed_at, user_id",
        guild_id,
    )
    return [row["user_id"] for row in rows]


async def get_pause(tx: Transaction) -> Pause | None:
    """Return why buying is paused for the deployment; an alarm stands before the market's no."""
    return _pause(await tx.one("SELECT * FROM pauses ORDER BY cause LIMIT 1"))


def _pause(row: Row | None) -> Pause | None:
    if row is None:
        return None
    return Pause(PauseCause(row["cause"]), row["since"], row["code"], row["details"])


async def get_pauses(tx: Transaction) -> list[Pause]:
    """Return every cause for which buying is paused for the deployment."""
    rows = await tx.all("SELECT * FROM pauses ORDER BY cause")
    return [
        Pause(PauseCause(row["cause"]), row["since"], row["code"], row["details"]) for row in rows
    ]


async def pause(tx: Transaction, pause: Pause) -> bool:
    """Pause buying. Return whether it was not paused for this cause and code before."""
    known = await tx.one("SELECT code FROM pauses WHERE cause = ?", pause.cause)
    if known is not None and known["code"] == pause.code:
        return False
    await tx.execute(
        "INSERT INTO pauses (cause, since, code, details) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (cause) DO UPDATE SET since = excluded.since, code = excluded.code, "
        "details = excluded.details",
        pause.cause,
        pause.since,
        pause.code,
        pause.details,
    )
    return True


async def get_guild_pause(tx: Transaction, guild_id: int) -> GuildPause | None:
    """Return a server's own pause."""
    row = await tx.one("SELECT * FROM guild_pauses WHERE guild_id = ?", guild_id)
    if row is None:
        return None
    return GuildPause(row["guild_id"], row["since"], row["paused_by"], row["reason"])


async def pause_guild(tx: Transaction, pause: GuildPause) -> bool:
    """Pause a server. Return whether it was not paused before; a standing pause stays as it is."""
    changed = await tx.execute(
        "INSERT INTO guild_pauses (guild_id, since, paused_by, reason) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (guild_id) DO NOTHING",
        pause.guild_id,
        pause.since,
        pause.paused_by,
        pause.reason,
    )
    return changed == 1


async def resume_guild(tx: Transaction, guild_id: int) -> bool:
    """Lift a server's own pause. Return whether there was one."""
    return await tx.execute("DELETE FROM guild_pauses WHERE guild_id = ?", guild_id) > 0


async def is_paused(tx: Transaction, guild_id: int) -> bool:
    """Say whether nothing may be sent for a server: by its own pause or the deployment's."""
    return await get_pause(tx) is not None or await get_guild_pause(tx, guild_id) is not None


async def resume(tx: Transaction, cause: PauseCause) -> Pause | None:
    """Lift a pause. Return the one that was lifted, if there was one."""
    row = await tx.one("SELECT * FROM pauses WHERE cause = ?", cause)
    await tx.execute("DELETE FROM pauses WHERE cause = ?", cause)
    return _pause(row)
