"""Submitted requests. Every way from state to state is one compare-and-set.

The functions that decide answer "did *I* do it": False means that somebody else was first, or that
the request is no longer what was shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final

from bot.domain.market import FAILED_STATUSES
from bot.domain.models import (
    Attempt,
    Basket,
    Line,
    LineView,
    NoListing,
    Request,
    RequestView,
    WaitReason,
)
from bot.domain.money import Micros
from bot.domain.states import (
    AttemptState,
    RequestEvent,
    RequestState,
    state_after,
    states_before,
)
from bot.store.baskets import remove_draft_only
from bot.store.database import Row, Transaction, Value

_FOR_A_URL: Final = json.dumps(
    [WaitReason.TRADE_URL_PARTNER, WaitReason.TRADE_URL_TOKEN, WaitReason.STEAM_ACCOUNT_RESTS]
)
"""What a new Trade URL may end."""
_FAILED: Final = ", ".join(f"'{status}'" for status in sorted(FAILED_STATUSES))


def _request(row: Row) -> Request:
    return Request(
        request_id=row["request_id"],
        guild_id=row["guild_id"],
        number=row["number"] or 0,
        user_id=row["user_id"],
        state=RequestState(row["state"]),
        revision=row["revision"],
        version=row["version"],
        digest=row["digest"] or "",
        note=row["note"],
        partner=row["partner"],
        created_at=row["created_at"],
        submitted_at=row["submitted_at"],
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
        decision_reason=row["decision_reason"],
        claimable_at=row["claimable_at"],
        expires_at=row["expires_at"],
        waits_for=WaitReason(row["waits_for"]) if row["waits_for"] else None,
        step_at=row["step_at"],
        grace_from=row["grace_from"],
        look_ups=row["look_ups"],
        history_at=row["history_at"],
        attention_at=row["attention_at"],
        dm_closed=bool(row["dm_closed"]),
        changed_at=row["changed_at"],
        ready_at=row["ready_at"],
        here_at=row["here_at"],
        trade_url_at=row["trade_url_at"],
    )


def _line(row: Row) -> Line:
    seen = row["cheapest_seen"]
    return Line(
        line_no=row["line_no"],
        game=row["game"],
        market_hash_name=row["market_hash_name"],
        listing_id=row["listing_id"],
        quote=Micros(row["quote"]),
        ceiling=Micros(row["ceiling"]),
        class_id=row["class_id"],
        round=row["round"],
        no_listing=NoListing(row["no_listing"]) if row["no_listing"] else None,
        cheapest_seen=None if seen is None else Micros(seen),
        usual=None if row["usual"] is None else Micros(row["usual"]),
        stock=row["stock"],
    )


def _attempt(row: Row) -> Attempt:
    debited = row["debited"]
    return Attempt(
        purchase_key=row["purchase_key"],
        line_no=row["line_no"],
        attempt_no=row["attempt_no"],
        state=AttemptState(row["state"]),
        listing_id=row["listing_id"],
        max_price=Micros(row["max_price"]),
        steam_id=row["steam_id"],
        sent_at=row["sent_at"],
        round=row["round"],
        sends=row["sends"],
        unsent=row["unsent"],
        misses=row["misses"],
        ended_at=row["ended_at"],
        code=row["code"],
        message=row["message"],
        refused_whole=bool(row["refused_whole"]),
        buy_id=row["buy_id"],
        debited=None if debited is None else Micros(debited),
        offer_status=row["offer_status"],
        released=bool(row["released"]),
        settled_at=row["settled_at"],
        settled_by=row["settled_by"],
        class_id=row["class_id"],
        alarms=tuple(row["alarms"].split(",")) if row["alarms"] else (),
        trade_offer_id=row["trade_offer_id"],
        status_at=row["status_at"],
        not_waiting_at=row["not_waiting_at"],
        accepted_at=row["accepted_at"],
        closed_at=row["closed_at"],
        stuck_at=row["stuck_at"],
        told_in=row["told_in"],
        noticed_in=row["noticed_in"],
        back_at=row["back_at"],
        back_by=row["back_by"],
    )


async def get(tx: Transaction, request_id: str) -> RequestView | None:
    """Return a submitted request with its lines and attempts."""
    row = await tx.one(
        "SELECT * FROM requests WHERE request_id = ? AND state <> 'draft'", request_id
    )
    if row is None:
        return None
    lines = await tx.all("SELECT * FROM lines WHERE request_id = ? ORDER BY line_no", request_id)
    tried = await tx.all(
        "SELECT * FROM attempts WHERE request_id = ? ORDER BY line_no, attempt_no", request_id
    )
    attempts = [_attempt(attempt) for attempt in tried]
    return RequestView(
        _request(row),
        tuple(
            LineView(
                _line(line),
                tuple(attempt for attempt in attempts if attempt.line_no == line["line_no"]),
            )
            for line in lines
        ),
    )


async def is_known(tx: Transaction, request_id: str) -> bool:
    """Say whether there is a submitted request of this id."""
    row = await tx.one(
        "SELECT 1 FROM requests WHERE request_id = ? AND state <> 'draft'", request_id
    )
    return row is not None


async def find_number(
    tx: Transaction, guild_id: int, user_id: int, number: int
) -> RequestView | None:
    """Return a member's own request by its number."""
    row = await tx.one(
        "SELECT request_id FROM requests WHERE guild_id = ? AND number = ? AND user_id = ?",
        guild_id,
        number,
        user_id,
    )
    return None if row is None else await get(tx, row["request_id"])


async def by_number(tx: Transaction, guild_id: int, number: int) -> RequestView | None:
    """Return a server's request by its number."""
    row = await tx.one(
        "SELECT request_id FROM requests WHERE guild_id = ? AND number = ?", guild_id, number
    )
    return None if row is None else await get(tx, row["request_id"])


async def undecided(tx: Transaction, guild_id: int) -> list[tuple[int, str]]:
    """Return number and id of a server's requests that a moderator can decide or undo, or that
    need a person.
    """
    # The plus has the open requests looked through, instead of all that the server ever had.
    rows = await tx.all(
        "SELECT number, request_id FROM requests WHERE +guild_id = ? "
        "AND state IN ('pending', 'approved', 'buying') "
        "AND (state <> 'buying' OR attention_at IS NOT NULL)",
        guild_id,
    )
    return [(row["number"], row["request_id"]) for row in rows]


async def partly_bought(tx: Transaction, guild_id: int) -> list[tuple[int, str]]:
    """Return number and id of a server's bought requests with a line that no purchase is alive of,
    as long as their approval counts.
    """
    rows = await tx.all(
        "SELECT number, request_id FROM requests "  # noqa: S608 - our own words
        "WHERE +guild_id = ? AND state = 'bought' "
        "AND expires_at IS NOT NULL AND EXISTS (SELECT 1 FROM lines "
        "WHERE lines.request_id = requests.request_id AND NOT EXISTS (SELECT 1 FROM attempts "
        "WHERE attempts.request_id = lines.request_id AND attempts.line_no = lines.line_no "
        "AND attempts.state = 'purchased' AND (attempts.offer_status IS NULL "
        f"OR attempts.offer_status NOT IN ({_FAILED}))))",
        guild_id,
    )
    return [(row["number"], row["request_id"]) for row in rows]


async def of_member(
    tx: Transaction, guild_id: int, user_id: int, *, limit: int
) -> list[RequestView]:
    """Return a member's latest requests, newest first."""
    rows = await tx.all(
        "SELECT request_id FROM requests WHERE user_id = ? AND guild_id = ? AND number IS NOT NULL "
        "ORDER BY number DESC LIMIT ?",
        user_id,
        guild_id,
        limit,
    )
    found = [await get(tx, row["request_id"]) for row in rows]
    return [view for view in found if view is not None]


async def open_numbers(tx: Transaction, guild_id: int, user_id: int) -> list[int]:
    """Return the numbers of a member's open requests on a server."""
    rows = await tx.all(
        "SELECT number FROM requests WHERE user_id = ? AND guild_id = ? "
        "AND state IN ('pending', 'approved', 'buying') ORDER BY number DESC",
        user_id,
        guild_id,
    )
    return [row["number"] for row in rows]


async def take_number(tx: Transaction, guild_id: int) -> int:
    """Return the server's next request number."""
    row = await tx.one(
        "UPDATE guilds SET last_number = last_number + 1 WHERE guild_id = ? RETURNING last_number",
        guild_id,
    )
    if row is None:
        raise RuntimeError("a request needs a server that is known")
    return int(row["last_number"])


async def submit(
    tx: Transaction,
    basket: Basket,
    *,
    number: int,
    digest: str,
    partner: int,
    sealed_token: bytes,
    lines: Sequence[Line],
    at: int,
    expires_at: int,
    trade_url_at: int | None = None,
) -> bool:
    """Turn the basket into a pending request, unless it has changed since it was shown.

    ``trade_url_at``: since when its Trade URL is known.
    """
    if not await move(
        tx,
        basket.request_id,
        RequestEvent.SUBMIT,
        "number = ?, digest = ?, partner = ?, sealed_token = ?, submitted_at = ?, expires_at = ?, "
        "trade_url_at = ?",
        (number, digest, partner, sealed_token, at, expires_at, trade_url_at),
        at=at,
        where="revision = ?",
        values=(basket.revision,),
    ):
        return False
    await tx.execute_many(
        "INSERT INTO lines (request_id, line_no, game, market_hash_name, listing_id, quote, "
        "ceiling, class_id, usual, stock) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                basket.request_id,
                line.line_no,
                line.game,
                line.market_hash_name,
                line.listing_id,
                line.quote,
                line.ceiling,
                line.class_id,
                line.usual,
                line.stock,
            )
            for line in lines
        ],
    )
    await remove_draft_only(tx, basket.request_id)
    return True


async def move(
    tx: Transaction,
    request_id: str,
    event: RequestEvent,
    columns: str,
    set_to: Iterable[Value],
    *,
    at: int,
    where: str = "1",
    values: Iterable[Value] = (),
) -> bool:
    """Take a request from state to state, if it stands where ``event`` may happen.

    ``columns`` and ``where`` are our own SQL. Return whether it was us.
    """
    before = states_before(event)
    changed = await tx.execute(
        f"UPDATE requests SET state = ?, changed_at = ?, {columns} "  # noqa: S608 - our own text
        f"WHERE request_id = ? AND state IN ({', '.join('?' * len(before))}) AND ({where})",
        state_after(event),
        at,
        *set_to,
        request_id,
        *before,
        *values,
    )
    return changed == 1


async def approve(
    tx: Transaction,
    request_id: str,
    *,
    digest: str,
    by: int,
    at: int,
    claimable_at: int,
    expires_at: int,
    waits_for: WaitReason | None = None,
    remind_at: int | None = None,
) -> bool:
    """Approve exactly what ``digest`` stands for, unless it is too old or already decided.

    ``waits_for``: what it waits for from the beginning; ``remind_at``: when its member is reminded.
    """
    return await move(
        tx,
        request_id,
        RequestEvent.APPROVE,
        "decided_by = ?, decided_at = ?, decision_reason = '', claimable_at = ?, expires_at = ?, "
        "waits_for = ?, remind_at = ?, ready_at = NULL",
        (by, at, claimable_at, expires_at, waits_for, remind_at),
        at=at,
        where="digest = ? AND expires_at > ?",
        values=(digest, at),
    )


async def deny(
    tx: Transaction, request_id: str, *, digest: str, by: int, reason: str, at: int
) -> bool:
    """Deny what ``digest`` stands for."""
    return await move(
        tx,
        request_id,
        RequestEvent.DENY,
        "decided_by = ?, decided_at = ?, decision_reason = ?, sealed_token = NULL",
        (by, at, reason),
        at=at,
        where="digest = ?",
        values=(digest,),
    )


async def take_back(
    tx: Transaction, request_id: str, *, digest: str, at: int, expires_at: int
) -> bool:
    """Undo an approval; once buying has started this answers False."""
    return await move(
        tx,
        request_id,
        RequestEvent.TAKE_BACK,
        "decided_by = NULL, decided_at = NULL, claimable_at = NULL, waits_for = NULL, "
        "expires_at = ?",
        (expires_at,),
        at=at,
        where="digest = ?",
        values=(digest,),
    )


async def cancel(tx: Transaction, request_id: str, *, at: int) -> bool:
    """Cancel for the member; once buying has started this answers False."""
    return await move(
        tx, request_id, RequestEvent.CANCEL, "sealed_token = NULL, waits_for = NULL", (), at=at
    )


async def too_old(tx: Transaction, at: int, *, limit: int) -> list[str]:
    """Return requests that have waited too long."""
    rows = await tx.all(
        "SELECT request_id FROM requests "
        "WHERE state IN ('pending', 'approved') AND expires_at <= ? ORDER BY expires_at LIMIT ?",
        at,
        limit,
    )
    return [row["request_id"] for row in rows]


async def end_approvals(tx: Transaction, at: int, *, limit: int) -> list[str]:
    """Note on bought requests that their approval no longer counts; return which ones.

    Their cards follow from the database alone, so that the time is over has to stand there.
    """
    rows = await tx.all(
        "UPDATE requests SET expires_at = NULL WHERE request_id IN (SELECT request_id "
        "FROM requests WHERE state = 'bought' AND expires_at <= ? ORDER BY expires_at LIMIT ?) "
        "RETURNING request_id",
        at,
        limit,
    )
    return [row["request_id"] for row in rows]


async def expire(tx: Transaction, request_id: str, *, at: int) -> bool:
    """Expire a request that is too old. That its member never said to be ready stays noted."""
    return await move(
        tx,
        request_id,
        RequestEvent.EXPIRE,
        "sealed_token = NULL, "
        "waits_for = CASE waits_for WHEN 'member_ready' THEN 'member_ready' END",
        (),
        at=at,
        where="expires_at <= ?",
        values=(at,),
    )


async def become_ready(
    tx: Transaction, request_id: str, *, digest: str, at: int, undo_ms: int
) -> bool:
    """Have what waits for its member bought, as soon as nobody can take its approval back.

    False: it doesn't wait for that, isn't what ``digest`` stands for, or is too old.
    """
    changed = await tx.execute(
        "UPDATE requests SET waits_for = NULL, ready_at = ?, remind_at = NULL, changed_at = ?, "
        "claimable_at = max(?, decided_at + ?) WHERE request_id = ? AND state = 'approved' "
        "AND waits_for = 'member_ready' AND digest = ? AND expires_at > ?",
        at,
        at,
        at,
        undo_ms,
        request_id,
        digest,
        at,
    )
    return changed == 1


async def take_reminders(tx: Transaction, at: int, *, limit: int) -> list[str]:
    """Return requests whose member was to be reminded by now, each once."""
    rows = await tx.all(
        "UPDATE requests SET remind_at = NULL WHERE request_id IN (SELECT request_id "
        "FROM requests WHERE remind_at <= ? ORDER BY remind_at LIMIT ?) RETURNING request_id",
        at,
        limit,
    )
    return [row["request_id"] for row in rows]


async def renew_token(
    tx: Transaction,
    request_id: str,
    sealed_token: bytes,
    *,
    partner: int,
    at: int,
    new: bool = True,
) -> bool:
    """Replace the token of a request of the same Steam account that a new one can still help.

    So it can as long as something may be bought for it. ``new``: it is another one than before.
    What waited for a Trade URL waits no longer; whether its Steam account still rests is looked at
    anew.
    """
    changed = await tx.execute(
        "UPDATE requests SET sealed_token = ?, changed_at = ?, "
        "trade_url_at = CASE WHEN ? THEN ? ELSE trade_url_at END, "
        "claimable_at = CASE WHEN waits_for IN (SELECT value FROM json_each(?)) THEN ? "
        "ELSE claimable_at END, "
        "step_at = CASE WHEN state = 'buying' AND waits_for IN (SELECT value FROM json_each(?)) "
        "THEN ? ELSE step_at END, "
        "waits_for = CASE WHEN waits_for IN (SELECT value FROM json_each(?)) THEN NULL "
        "ELSE waits_for END "
        "WHERE request_id = ? AND partner = ? AND (state IN ('pending', 'approved', 'buying') "
        "OR (state = 'bought' AND expires_at > ?))",
        sealed_token,
        at,
        int(new),
        at,
        _FOR_A_URL,
        at,
        _FOR_A_URL,
        at,
        _FOR_A_URL,
        request_id,
        partner,
        at,
    )
    return changed == 1


async def change_steam_account(
    tx: Transaction,
    view: RequestView,
    *,
    partner: int,
    sealed_token: bytes,
    version: int,
    digest: str,
    at: int,
    expires_at: int,
) -> bool:
    """Send a request to another Steam account: a new version, and the approval is void."""
    return await move(
        tx,
        view.request.request_id,
        RequestEvent.CHANGE_STEAM_ACCOUNT,
        "partner = ?, sealed_token = ?, version = ?, digest = ?, decided_by = NULL, "
        "decided_at = NULL, claimable_at = NULL, waits_for = NULL, expires_at = ?, "
        "trade_url_at = ?",
        (partner, sealed_token, version, digest, expires_at, at),
        at=at,
        where="version = ?",
        values=(view.request.version,),
    )


async def open_of_member(tx: Transaction, user_id: int) -> list[str]:
    """Return a person's requests, on every server, that may still be bought for the first time."""
    rows = await tx.all(
        "SELECT request_id FROM requests "
        "WHERE user_id = ? AND state IN ('pending', 'approved', 'buying')",
        user_id,
    )
    return [row["request_id"] for row in rows]


async def bought_of_member(tx: Transaction, user_id: int, *, at: int) -> list[str]:
    """Return a person's bought requests, on every server, whose approval still counts."""
    rows = await tx.all(
        "SELECT request_id FROM requests "
        "WHERE +user_id = ? AND state = 'bought' AND expires_at IS NOT NULL AND expires_at > ? "
        "ORDER BY expires_at",
        user_id,
        at,
    )
    return [row["request_id"] for row in rows]


async def note_here(tx: Transaction, request_id: str, *, at: int) -> None:
    """Note that the member is there now, and asks for another try."""
    await tx.execute("UPDATE requests SET here_at = ? WHERE request_id = ?", at, request_id)


async def sealed_token(tx: Transaction, request_id: str) -> bytes | None:
    """Return the request's own copy of the Trade URL's token, sealed."""
    row = await tx.one("SELECT sealed_token FROM requests WHERE request_id = ?", request_id)
    return None if row is None else row["sealed_token"]


async def note_dm_closed(tx: Transaction, request_id: str) -> None:
    """Note that the member can't be written to."""
    await tx.execute("UPDATE requests SET dm_closed = 1 WHERE request_id = ?", request_id)


async def adopt(tx: Transaction, request_id: str, *, at: int) -> bool:
    """Take in that the market knows purchases of a request; return whether that moved it.

    One that was approved is being bought. One whose approval the records have lost counts as
    bought, and its other lines are not: nobody's approval of them is known.
    """
    if await move(
        tx, request_id, RequestEvent.CLAIM, "step_at = ?, waits_for = NULL", (at,), at=at
    ):
        return True
    if not await move(
        tx,
        request_id,
        RequestEvent.ADOPT,
        "waits_for = NULL, expires_at = ?",
        (at,),
        at=at,
    ):
        return False
    await tx.execute(
        "UPDATE lines SET no_listing = ? WHERE request_id = ? AND NOT EXISTS (SELECT 1 "
        "FROM attempts WHERE attempts.request_id = lines.request_id "
        "AND attempts.line_no = lines.line_no)",
        NoListing.APPROVAL_LOST,
        request_id,
    )
    return True
