"""Messages that must stand somewhere: neither lost nor repeated, in order for each target.

A row is written in the transaction of the change that it tells about. It is *trying* before the
post, so that after a crash its message is searched for, by its mark, before it is posted again.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.models import MessageKind, OutboxRow, OutboxState
from bot.store.database import Row, Transaction


def _row(row: Row) -> OutboxRow:
    return OutboxRow(
        outbox_id=row["outbox_id"],
        kind=MessageKind(row["kind"]),
        guild_id=row["guild_id"],
        request_id=row["request_id"],
        to_member=bool(row["to_member"]),
        target_id=row["target_id"],
        mark=row["mark"],
        part=row["part"],
        copy=row["copy"],
        state=OutboxState(row["state"]),
        channel_id=row["channel_id"],
        message_id=row["message_id"],
        wanted=row["wanted"],
        shown=row["shown"],
        tries=row["tries"],
        created_at=row["created_at"],
        parked_reason=row["parked_reason"],
    )


async def announce(
    tx: Transaction,
    kind: MessageKind,
    *,
    guild_id: int,
    target_id: int,
    mark: int,
    at: int,
    request_id: str | None = None,
    part: int = 0,
    to_member: bool = False,
    search_since: int | None = None,
) -> int:
    """Ask for a message and return its row's id. ``target_id`` is a channel, or a member to DM.

    ``search_since``: it may stand there since then without our knowing, so it is searched for.
    """
    return await tx.insert(
        "INSERT INTO outbox (kind, guild_id, request_id, part, to_member, target_id, mark, state, "
        "next_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        kind,
        guild_id,
        request_id,
        part,
        int(to_member),
        target_id,
        mark,
        OutboxState.WAITING if search_since is None else OutboxState.TRYING,
        at,
        at if search_since is None else search_since,
    )


async def search_first(tx: Transaction) -> None:
    """Have every message that waits to be posted searched for before that."""
    await tx.execute("UPDATE outbox SET state = 'trying' WHERE state IN ('waiting', 'trying')")


async def begin_anew(tx: Transaction, *, at: int) -> None:
    """Have everything that was put off looked at now: by what clock it was, nobody knows."""
    # In two halves, because each has its index.
    for unfinished in ("state IN ('waiting', 'trying')", "state = 'posted' AND wanted > shown"):
        await tx.execute(
            f"UPDATE outbox SET next_at = ? WHERE {unfinished} AND next_at > ?",  # noqa: S608 - ours
            at,
            at,
        )


async def touch_open_requests(tx: Transaction) -> None:
    """Have every message about a request that isn't over drawn again."""
    await tx.execute(
        "UPDATE outbox SET wanted = wanted + 1 WHERE state <> 'skipped' AND request_id IN "
        "(SELECT request_id FROM requests WHERE state IN ('pending', 'approved', 'buying'))"
    )


async def find(tx: Transaction, request_id: str, kind: MessageKind) -> OutboxRow | None:
    """Return the request's message of this kind."""
    row = await tx.one(
        "SELECT * FROM outbox WHERE request_id = ? AND kind = ? AND state <> 'skipped'",
        request_id,
        kind,
    )
    return None if row is None else _row(row)


async def latest(tx: Transaction, request_id: str, kind: MessageKind) -> OutboxRow | None:
    """Return the request's message of this kind, or the last one that was given up."""
    row = await tx.one(
        "SELECT * FROM outbox WHERE request_id = ? AND kind = ? "
        "ORDER BY state = 'skipped', outbox_id DESC LIMIT 1",
        request_id,
        kind,
    )
    return None if row is None else _row(row)


async def get(tx: Transaction, outbox_id: int) -> OutboxRow | None:
    """Return a row by its id."""
    row = await tx.one("SELECT * FROM outbox WHERE outbox_id = ?", outbox_id)
    return None if row is None else _row(row)


async def latest_part(tx: Transaction, request_id: str, kind: MessageKind) -> OutboxRow | None:
    """Return the last of a request's messages of a kind of which there may be several."""
    row = await tx.one(
        "SELECT * FROM outbox WHERE request_id = ? AND kind = ? ORDER BY part DESC LIMIT 1",
        request_id,
        kind,
    )
    return None if row is None else _row(row)


async def find_part(
    tx: Transaction, request_id: str, kind: MessageKind, part: int
) -> OutboxRow | None:
    """Return one of a request's messages of a kind of which there may be several, whatever came of
    it.
    """
    row = await tx.one(
        "SELECT * FROM outbox WHERE request_id = ? AND kind = ? AND part = ? "
        "ORDER BY outbox_id DESC LIMIT 1",
        request_id,
        kind,
        part,
    )
    return None if row is None else _row(row)


async def touch_part(tx: Transaction, request_id: str, kind: MessageKind, part: int) -> None:
    """Have one of a request's messages of a kind drawn again."""
    await tx.execute(
        "UPDATE outbox SET wanted = wanted + 1 "
        "WHERE request_id = ? AND kind = ? AND part = ? AND state <> 'skipped'",
        request_id,
        kind,
        part,
    )


async def touch(tx: Transaction, request_id: str) -> None:
    """Have every message about a request drawn again, but those that tell of a part of it."""
    await tx.execute(
        "UPDATE outbox SET wanted = wanted + 1 WHERE request_id = ? AND state <> 'skipped' "
        "AND kind NOT IN ('trades', 'delivery_notice')",
        request_id,
    )


async def touch_card(tx: Transaction, request_id: str) -> None:
    """Have the approval card of a request drawn again, and nothing else about it."""
    await tx.execute(
        "UPDATE outbox SET wanted = wanted + 1 "
        "WHERE request_id = ? AND kind = 'approval_card' AND state <> 'skipped'",
        request_id,
    )


async def touch_kind(tx: Transaction, guild_id: int, kind: MessageKind) -> None:
    """Have a server's messages of one kind, about no request, drawn again."""
    await tx.execute(
        "UPDATE outbox SET wanted = wanted + 1 "
        "WHERE guild_id = ? AND kind = ? AND request_id IS NULL AND state <> 'skipped'",
        guild_id,
        kind,
    )


async def touch_everywhere(tx: Transaction, kind: MessageKind) -> None:
    """Have the messages of one kind, about no request, drawn again on every server."""
    await tx.execute(
        "UPDATE outbox SET wanted = wanted + 1 "
        "WHERE kind = ? AND request_id IS NULL AND state <> 'skipped'",
        kind,
    )


async def touch_open_cards(tx: Transaction, guild_id: int) -> None:
    """Have a server's approval cards drawn again that can be acted on; a deleted one comes back."""
    # The plus has the open requests looked through, instead of all that the server ever had.
    await tx.execute(
        "UPDATE outbox SET wanted = wanted + 1 WHERE kind = ? AND state <> 'skipped' "
        "AND request_id IN (SELECT request_id FROM requests "
        "WHERE +guild_id = ? AND state IN ('pending', 'approved'))",
        MessageKind.APPROVAL_CARD,
        guild_id,
    )


async def skip_kind(tx: Transaction, guild_id: int, kind: MessageKind) -> None:
    """Give up a server's messages of one kind, about no request; a newer one takes over."""
    await tx.execute(
        "UPDATE outbox SET state = 'skipped' "
        "WHERE guild_id = ? AND kind = ? AND request_id IS NULL AND state <> 'skipped'",
        guild_id,
        kind,
    )


async def retire(tx: Transaction, guild_id: int, kind: MessageKind) -> None:
    """Leave a server's messages of one kind, about no request, as they stand from now on.

    One that has still to be drawn again is not: it would say for ever what is no longer true.
    """
    await tx.execute(
        "UPDATE outbox SET state = 'skipped' WHERE guild_id = ? AND kind = ? "
        "AND request_id IS NULL "
        "AND (state = 'parked' OR (state = 'posted' AND shown >= wanted))",
        guild_id,
        kind,
    )


async def is_coming(tx: Transaction, guild_id: int, kind: MessageKind) -> bool:
    """Say whether a server's message of one kind, about no request, has still to be posted."""
    row = await tx.one(
        "SELECT 1 FROM outbox WHERE guild_id = ? AND kind = ? AND request_id IS NULL "
        "AND state IN ('waiting', 'trying') LIMIT 1",
        guild_id,
        kind,
    )
    return row is not None


async def to_post(tx: Transaction, at: int, *, limit: int) -> list[OutboxRow]:
    """Return the first unposted message of each target, if its time has come."""
    rows = await tx.all(
        "SELECT * FROM outbox AS mine WHERE state IN ('waiting', 'trying') AND next_at <= ? "
        "AND NOT EXISTS (SELECT 1 FROM outbox AS earlier WHERE earlier.target_id = mine.target_id "
        "AND earlier.outbox_id < mine.outbox_id AND earlier.state IN ('waiting', 'trying')) "
        # The plus keeps SQLite from walking the whole table for the sake of this order.
        "ORDER BY +outbox_id LIMIT ?",
        at,
        limit,
    )
    return [_row(row) for row in rows]


async def to_redraw(tx: Transaction, at: int, *, limit: int) -> list[OutboxRow]:
    """Return messages that show something older than the database."""
    rows = await tx.all(
        "SELECT * FROM outbox WHERE state = 'posted' AND wanted > shown AND next_at <= ? "
        "ORDER BY next_at LIMIT ?",
        at,
        limit,
    )
    return [_row(row) for row in rows]


async def is_to_redraw(tx: Transaction, outbox_id: int, at: int) -> bool:
    """Say whether a message still shows something older than the database, and its time is here."""
    row = await tx.one(
        "SELECT 1 FROM outbox WHERE outbox_id = ? AND state = 'posted' AND wanted > shown "
        "AND next_at <= ?",
        outbox_id,
        at,
    )
    return row is not None


async def next_at(tx: Transaction) -> int | None:
    """Return when there is something to do next."""
    # In two halves, because each has its index and an OR of them has none.
    row = await tx.one(
        "SELECT min(next_at) AS soonest FROM ("
        "SELECT min(next_at) AS next_at FROM outbox WHERE state IN ('waiting', 'trying') "
        "UNION ALL "
        "SELECT min(next_at) FROM outbox WHERE state = 'posted' AND wanted > shown)"
    )
    return None if row is None else row["soonest"]


async def mark_trying(tx: Transaction, outbox_id: int) -> bool:
    """Note that the message may be on its way. False: it is no longer to be posted."""
    changed = await tx.execute(
        "UPDATE outbox SET state = 'trying', tries = tries + 1 "
        "WHERE outbox_id = ? AND state IN ('waiting', 'trying')",
        outbox_id,
    )
    return changed == 1


async def mark_posted(
    tx: Transaction, outbox_id: int, *, channel_id: int, message_id: int, shown: int
) -> None:
    """Note where the message stands and which state of things it shows.

    Of one that is known to stand nothing changes: a search for it has come too late.
    """
    await tx.execute(
        "UPDATE outbox SET state = 'posted', channel_id = ?, message_id = ?, shown = ?, "
        "tries = 0, parked_reason = '' WHERE outbox_id = ? AND state <> 'posted'",
        channel_id,
        message_id,
        shown,
        outbox_id,
    )


async def mark_shown(tx: Transaction, outbox_id: int, *, shown: int) -> None:
    """Note which state of things a message shows after an edit."""
    await tx.execute("UPDATE outbox SET shown = ?, tries = 0 WHERE outbox_id = ?", shown, outbox_id)


async def put_off(tx: Transaction, outbox_id: int, *, next_at: int) -> None:
    """Don't draw a message again before ``next_at``; what changes until then is drawn with it."""
    await tx.execute("UPDATE outbox SET next_at = ? WHERE outbox_id = ?", next_at, outbox_id)


async def try_later(tx: Transaction, outbox_id: int, *, next_at: int) -> None:
    """Leave a message for later."""
    await tx.execute(
        "UPDATE outbox SET next_at = ?, tries = tries + 1 WHERE outbox_id = ?", next_at, outbox_id
    )


async def park(tx: Transaction, outbox_id: int, reason: str, *, unknown: bool = False) -> None:
    """Discord refuses this message for good: keep it, with the reason, out of everybody's way.

    ``unknown``: what was refused is the search for it, so it may stand there all the same.
    """
    await tx.execute(
        "UPDATE outbox SET state = 'parked', parked_reason = ?, "
        "tries = CASE WHEN ? THEN max(tries, 1) ELSE 0 END WHERE outbox_id = ?",
        reason,
        int(unknown),
        outbox_id,
    )


async def fall_back(
    tx: Transaction, outbox_id: int, *, target_id: int, at: int, search: bool = False
) -> bool:
    """Tell in a channel what was to be told in a direct message that stands nowhere.

    It keeps its place in the order. ``search``: it may have been told there before without our
    knowing. Return whether it was one.
    """
    changed = await tx.execute(
        "UPDATE outbox SET to_member = 0, target_id = ?, state = ?, next_at = ?, tries = 0 "
        "WHERE outbox_id = ? AND to_member = 1 AND message_id IS NULL "
        "AND state IN ('waiting', 'trying')",
        target_id,
        OutboxState.TRYING if search else OutboxState.WAITING,
        at,
        outbox_id,
    )
    return changed == 1


async def put_off_all(tx: Transaction, until: Sequence[tuple[int, int]]) -> None:
    """Don't draw messages again before then: ``until`` has their ids, each with its time."""
    await tx.execute_many(
        "UPDATE outbox SET next_at = max(next_at, ?) WHERE outbox_id = ? AND state = 'posted'",
        [(next_at, outbox_id) for outbox_id, next_at in until],
    )


async def leave(tx: Transaction, outbox_id: int) -> None:
    """Leave a message as it stands from now on, unless it has still to be drawn again."""
    await tx.execute(
        "UPDATE outbox SET state = 'skipped' "
        "WHERE outbox_id = ? AND state = 'posted' AND shown >= wanted",
        outbox_id,
    )


async def skip(tx: Transaction, outbox_id: int) -> None:
    """What the message would say is no longer true."""
    await tx.execute("UPDATE outbox SET state = 'skipped' WHERE outbox_id = ?", outbox_id)


async def post_again(
    tx: Transaction,
    row: OutboxRow,
    *,
    target_id: int,
    mark: int,
    at: int,
    search_since: int | None = None,
) -> bool:
    """Ask anew for a message that stands nowhere any more. False: somebody has done so before.

    It is as new as its mark: it waits, and is searched for, from now on only, or as ``announce``.
    """
    changed = await tx.execute(
        "UPDATE outbox SET state = ?, target_id = ?, mark = ?, copy = copy + 1, "
        "message_id = NULL, channel_id = NULL, next_at = ?, tries = 0, created_at = ? "
        "WHERE outbox_id = ? AND copy = ? AND message_id IS ? "
        "AND state NOT IN ('waiting', 'trying')",
        OutboxState.WAITING if search_since is None else OutboxState.TRYING,
        target_id,
        mark,
        at,
        at if search_since is None else search_since,
        row.outbox_id,
        row.copy,
        row.message_id,
    )
    return changed == 1


async def retarget(
    tx: Transaction, guild_id: int, kind: MessageKind, *, target_id: int, at: int
) -> None:
    """Send what doesn't stand anywhere yet to the channel that is now the right one.

    An approval card that stands where it can't be drawn any more moves too, because people must
    act on it; a result that was told once is not told again.
    """
    sql = (
        "UPDATE outbox SET target_id = ?, state = 'waiting', channel_id = NULL, message_id = NULL, "
        "next_at = ?, tries = 0, created_at = ? WHERE guild_id = ? AND kind = ? AND to_member = 0"
    )
    moves = "1" if kind is MessageKind.APPROVAL_CARD else "message_id IS NULL"
    # One statement for each state, because no index covers both.
    for state in (
        f"state = 'parked' AND {moves}",
        "state IN ('waiting', 'trying') AND state = 'waiting'",
    ):
        await tx.execute(f"{sql} AND {state}", target_id, at, at, guild_id, kind)


async def move_parked(tx: Transaction, guild_id: int, kind: MessageKind, *, target_id: int) -> None:
    """Point what was refused, and stands nowhere, to the channel that is now the right one."""
    await tx.execute(
        "UPDATE outbox SET target_id = ? WHERE guild_id = ? AND kind = ? AND state = 'parked' "
        "AND to_member = 0 AND target_id <> ? AND message_id IS NULL AND tries = 0",
        target_id,
        guild_id,
        kind,
        target_id,
    )


async def unpark(tx: Transaction, guild_id: int, *, at: int) -> int:
    """Try a server's parked channel messages again. Return how many there were.

    What stands already, and could only not be drawn again, must not be posted a second time; what
    may stand is searched for first, from when it was made on.
    """
    return await tx.execute(
        "UPDATE outbox SET next_at = ?, "
        "state = CASE WHEN message_id IS NOT NULL THEN 'posted' "
        "WHEN tries > 0 THEN 'trying' ELSE 'waiting' END, "
        "created_at = CASE WHEN message_id IS NULL AND tries = 0 THEN ? ELSE created_at END, "
        "tries = 0 WHERE guild_id = ? AND state = 'parked' AND to_member = 0",
        at,
        at,
        guild_id,
    )


async def parked(tx: Transaction, guild_id: int) -> list[OutboxRow]:
    """Return a server's channel messages that Discord refuses."""
    rows = await tx.all(
        "SELECT * FROM outbox WHERE guild_id = ? AND state = 'parked' AND to_member = 0 "
        "ORDER BY outbox_id",
        guild_id,
    )
    return [_row(row) for row in rows]


async def oldest_unposted_at(tx: Transaction, guild_id: int, user_id: int) -> int | None:
    """Return since when the oldest message in a server's channels or to a member has waited."""
    row = await tx.one(
        "SELECT min(created_at) AS oldest FROM outbox "
        "WHERE state IN ('waiting', 'trying') AND guild_id = ? "
        "AND (to_member = 0 OR target_id = ?)",
        guild_id,
        user_id,
    )
    return None if row is None else row["oldest"]
