"""Buying, as it stands on disk: claims, attempts, outcomes.

An attempt is committed as *sent* before a socket is opened. Its purchase key is never used for a
second send here: the only way back is ``not_sent``, which is proof that nothing left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.market import Purchase, Refusal
from bot.domain.models import NoListing, WaitReason
from bot.domain.money import Micros
from bot.store.database import Transaction


@dataclass(frozen=True, slots=True)
class NewAttempt:
    """An attempt about to be sent."""

    purchase_key: str
    line_no: int
    attempt_no: int
    listing_id: int
    max_price: Micros
    class_id: str


async def claimable(tx: Transaction, at: int, *, limit: int) -> list[str]:
    """Return approved requests whose time has come, longest waiting first."""
    rows = await tx.all(
        "SELECT request_id FROM requests WHERE state = 'approved' AND claimable_at <= ? "
        "AND expires_at > ? ORDER BY claimable_at LIMIT ?",
        at,
        at,
        limit,
    )
    return [row["request_id"] for row in rows]


async def next_claimable_at(tx: Transaction, at: int, *, besides: Sequence[str]) -> int | None:
    """Return when the next approved request may be claimed, those in hand or too old left aside."""
    rows = await tx.all(
        "SELECT request_id, claimable_at FROM requests WHERE state = 'approved' "
        "AND expires_at > ? ORDER BY claimable_at LIMIT ?",
        at,
        len(besides) + 1,
    )
    row = next((row for row in rows if row["request_id"] not in besides), None)
    return None if row is None else row["claimable_at"]


async def claim(tx: Transaction, request_id: str, *, digest: str, at: int) -> bool:
    """Take a request to buy it: approved, of this digest, due and not too old."""
    changed = await tx.execute(
        "UPDATE requests SET state = 'buying', waits_for = NULL, changed_at = ? "
        "WHERE request_id = ? AND state = 'approved' AND digest = ? AND claimable_at <= ? "
        "AND expires_at > ?",
        at,
        request_id,
        digest,
        at,
        at,
    )
    return changed == 1


async def wait(
    tx: Transaction, request_id: str, reason: WaitReason, *, claimable_at: int, at: int
) -> bool:
    """Write on an approved request what it waits for. Return whether that is news."""
    news = await tx.one(
        "SELECT 1 FROM requests WHERE request_id = ? AND state = 'approved' AND waits_for IS NOT ?",
        request_id,
        reason,
    )
    await tx.execute(
        "UPDATE requests SET waits_for = ?, claimable_at = ?, changed_at = ? "
        "WHERE request_id = ? AND state = 'approved'",
        reason,
        claimable_at,
        at,
        request_id,
    )
    return news is not None


async def wait_no_longer(tx: Transaction, reasons: Sequence[WaitReason], *, at: int) -> None:
    """Have approved requests that wait for one of ``reasons`` looked at now."""
    for reason in reasons:
        await tx.execute(
            "UPDATE requests SET claimable_at = ? WHERE state = 'approved' AND waits_for = ?",
            at,
            reason,
        )


async def give_back(
    tx: Transaction, request_id: str, reason: WaitReason | None, *, claimable_at: int, at: int
) -> bool:
    """Put a request whose call bought nothing back to approved, with what it waits for.

    What had no listing in that pass is judged anew in the next one.
    """
    changed = await tx.execute(
        "UPDATE requests SET state = 'approved', waits_for = ?, claimable_at = ?, changed_at = ? "
        "WHERE request_id = ? AND state = 'buying'",
        reason,
        claimable_at,
        at,
        request_id,
    )
    if changed == 0:
        return False
    await tx.execute(
        "UPDATE lines SET no_listing = NULL, cheapest_seen = NULL "
        "WHERE request_id = ? AND no_listing IS NOT NULL",
        request_id,
    )
    return True


async def finish(tx: Transaction, request_id: str, *, at: int) -> bool:
    """Every line is definite: the request is bought."""
    changed = await tx.execute(
        "UPDATE requests SET state = 'bought', changed_at = ? "
        "WHERE request_id = ? AND state = 'buying'",
        at,
        request_id,
    )
    return changed == 1


async def in_buying(tx: Transaction) -> list[str]:
    """Return the requests that were being bought, for the start."""
    rows = await tx.all(
        "SELECT request_id FROM requests WHERE state = 'buying' ORDER BY changed_at"
    )
    return [row["request_id"] for row in rows]


async def refuse_line(
    tx: Transaction, request_id: str, line_no: int, why: NoListing, cheapest: Micros | None
) -> None:
    """Note that nothing can be bought for a line, and the cheapest price seen."""
    await tx.execute(
        "UPDATE lines SET no_listing = ?, cheapest_seen = ? WHERE request_id = ? AND line_no = ?",
        why,
        cheapest,
        request_id,
        line_no,
    )


async def open_attempts(
    tx: Transaction,
    request_id: str,
    attempts: Sequence[NewAttempt],
    *,
    digest: str,
    market: str,
    project: str,
    steam_id: int,
    at: int,
) -> None:
    """Write the attempts of one batch as *sent*.

    Raises ``sqlite3.IntegrityError`` if a key was used before by anything but a send that
    provably never left, or if a line has a live attempt: then nothing is sent.
    """
    for attempt in attempts:
        await tx.execute(
            "DELETE FROM attempts WHERE purchase_key = ? AND state = 'not_sent'",
            attempt.purchase_key,
        )
    await tx.execute_many(
        "INSERT INTO attempts (purchase_key, request_id, line_no, attempt_no, state, digest, "
        "market, project, listing_id, max_price, steam_id, sent_at, class_id) "
        "VALUES (?, ?, ?, ?, 'sent', ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                attempt.purchase_key,
                request_id,
                attempt.line_no,
                attempt.attempt_no,
                digest,
                market,
                project,
                attempt.listing_id,
                attempt.max_price,
                steam_id,
                at,
                attempt.class_id,
            )
            for attempt in attempts
        ],
    )


async def record_purchase(tx: Transaction, key: str, purchase: Purchase, *, at: int) -> bool:
    """Book a purchase under its key, as it was debited. Return whether it was not booked yet."""
    changed = await tx.execute(
        "UPDATE attempts SET state = 'purchased', ended_at = ?, buy_id = ?, debited = ?, "
        "offer_status = ?, class_id = CASE WHEN ? = '' THEN class_id ELSE ? END "
        "WHERE purchase_key = ? AND state IN ('sent', 'unknown')",
        at,
        purchase.buy_id,
        purchase.debited,
        purchase.offer_status,
        purchase.class_id,
        purchase.class_id,
        key,
    )
    return changed == 1


async def record_refusal(
    tx: Transaction, key: str, refusal: Refusal, *, whole: bool, at: int
) -> None:
    """Note that the only send of a key was refused; ``whole``: with its whole call."""
    await tx.execute(
        "UPDATE attempts SET state = 'refused', ended_at = ?, code = ?, message = ?, "
        "refused_whole = ? WHERE purchase_key = ? AND state = 'sent'",
        at,
        refusal.code,
        refusal.message,
        int(whole),
        key,
    )


async def record_not_sent(tx: Transaction, key: str, *, at: int) -> None:
    """Note the proof that nothing left this machine."""
    await tx.execute(
        "UPDATE attempts SET state = 'not_sent', ended_at = ? "
        "WHERE purchase_key = ? AND state = 'sent'",
        at,
        key,
    )


async def record_unknown(
    tx: Transaction, key: str, *, message: str, code: int | None = None
) -> None:
    """Note that nobody knows what became of an attempt."""
    await tx.execute(
        "UPDATE attempts SET state = 'unknown', code = ?, message = ? "
        "WHERE purchase_key = ? AND state = 'sent'",
        code,
        message,
        key,
    )


async def record_stray(tx: Transaction, request_id: str, purchase: Purchase, *, at: int) -> None:
    """Book a purchase that came under a key which we did not send."""
    await tx.execute(
        "INSERT OR IGNORE INTO strays (buy_id, request_id, purchase_key, market_hash_name, "
        "steam_id, debited, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        purchase.buy_id,
        request_id,
        purchase.purchase_key,
        purchase.market_hash_name,
        purchase.steam_id,
        purchase.debited,
        at,
    )


async def record_alarm(
    tx: Transaction, request_id: str, purchase: Purchase, alarm: str, *, foreign: bool
) -> None:
    """Note at the attempt of a purchase what must never happen and did.

    ``foreign``: its key is not ours to know, so it is noted where its listing was ordered too.
    """
    await tx.execute(
        "UPDATE attempts SET alarms = CASE alarms WHEN '' THEN ? ELSE alarms || ',' || ? END "
        "WHERE request_id = ? AND (purchase_key = ? OR (? AND listing_id = ?)) "
        "AND instr(alarms, ?) = 0",
        alarm,
        alarm,
        request_id,
        purchase.purchase_key,
        int(foreign),
        purchase.listing_id,
        alarm,
    )


async def requests_on_the_wire(tx: Transaction) -> list[str]:
    """Return the requests with attempts that were sent and not answered."""
    rows = await tx.all("SELECT DISTINCT request_id FROM attempts WHERE state = 'sent'")
    return [row["request_id"] for row in rows]


async def give_up_waiting(tx: Transaction, request_id: str, *, message: str) -> bool:
    """Nobody waits for the answer any more: what was *sent* is unknown. Return whether any was."""
    changed = await tx.execute(
        "UPDATE attempts SET state = 'unknown', message = ? "
        "WHERE request_id = ? AND state = 'sent'",
        message,
        request_id,
    )
    return changed > 0


async def on_the_wire(tx: Transaction) -> Micros:
    """Return the most that attempts without a known outcome may still cost."""
    row = await tx.one(
        "SELECT coalesce(sum(max_price), 0) AS total FROM attempts "
        "WHERE state IN ('sent', 'unknown')"
    )
    return Micros(row["total"] if row else 0)


async def spoken_for(tx: Transaction, *, since: int) -> Micros:
    """Return the most that a balance read at ``since`` may still lose to what was claimed before.

    That is what may be at the market, what was bought since, and what is about to be sent.
    """
    row = await tx.one(
        "SELECT (SELECT coalesce(sum(debited), 0) FROM attempts "
        "WHERE state = 'purchased' AND ended_at >= ?) + "
        "(SELECT coalesce(sum(ceiling), 0) FROM requests JOIN lines USING (request_id) "
        "WHERE requests.state = 'buying' AND NOT EXISTS (SELECT 1 FROM attempts "
        "WHERE attempts.request_id = requests.request_id "
        "AND attempts.state IN ('sent', 'unknown', 'purchased'))) AS total",
        since,
    )
    return Micros(await on_the_wire(tx) + (row["total"] if row else 0))


async def listings_taken(tx: Transaction, *, since: int) -> set[int]:
    """Return the listings that we may have bought, as far as a search at ``since`` can't tell."""
    rows = await tx.all(
        "SELECT listing_id FROM attempts WHERE state IN ('sent', 'unknown') "
        "UNION SELECT listing_id FROM attempts WHERE state = 'purchased' AND ended_at >= ?",
        since,
    )
    return {row["listing_id"] for row in rows}
