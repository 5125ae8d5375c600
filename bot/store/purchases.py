"""Buying, as it stands on disk: claims, attempts, outcomes.

An attempt is committed as *sent* before a socket is opened. Its purchase key is sent a second time
by ``resend`` only, once; ``not_sent`` is proof that a send never left, and doesn't count.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.keys import parse_purchase_key
from bot.domain.market import FAILED_STATUSES, OfferStatus, Purchase, Refusal
from bot.domain.models import NoListing, Request, RequestView, WaitReason
from bot.domain.money import Micros
from bot.domain.states import AttemptState, LineState, RequestEvent
from bot.store.database import Row, Transaction
from bot.store.requests import move


@dataclass(frozen=True, slots=True)
class NewAttempt:
    """An attempt about to be sent."""

    purchase_key: str
    line_no: int
    attempt_no: int
    listing_id: int
    max_price: Micros
    class_id: str
    round: int = 0


@dataclass(frozen=True, slots=True)
class Due:
    """A request whose next step is due, and since when."""

    request_id: str
    user_id: int
    at: int


async def to_buy(
    tx: Transaction, at: int, *, busy: Collection[str], users: Collection[int], limit: int
) -> list[Due]:
    """Return requests of which something may be sent now, longest waiting first.

    Left out are those in hand (``busy``) and those of members who have one in hand (``users``).
    """
    in_hand = (json.dumps(sorted(busy)), json.dumps(sorted(users)))
    approved = await tx.all(
        "SELECT request_id, user_id, claimable_at AS at FROM requests "
        "WHERE state = 'approved' AND claimable_at <= ? AND expires_at > ? "
        "AND waits_for IS NOT 'member_ready' "
        "AND request_id NOT IN (SELECT value FROM json_each(?)) "
        "AND user_id NOT IN (SELECT value FROM json_each(?)) ORDER BY claimable_at LIMIT ?",
        at,
        at,
        *in_hand,
        limit,
    )
    buying = await tx.all(
        "SELECT request_id, user_id, step_at AS at FROM requests "
        "WHERE state = 'buying' AND step_at <= ? AND NOT EXISTS (SELECT 1 FROM attempts "
        "WHERE attempts.request_id = requests.request_id AND attempts.state = 'unknown') "
        "AND request_id NOT IN (SELECT value FROM json_each(?)) "
        "AND user_id NOT IN (SELECT value FROM json_each(?)) ORDER BY step_at LIMIT ?",
        at,
        *in_hand,
        limit,
    )
    return sorted(_due([*approved, *buying]), key=lambda due: due.at)[:limit]


async def to_look_up(
    tx: Transaction, at: int, *, busy: Collection[str], users: Collection[int], limit: int
) -> list[Due]:
    """Return requests with something unknown whose next look-up is due; else as ``to_buy``."""
    rows = await tx.all(
        "SELECT request_id, user_id, step_at AS at FROM requests "
        "WHERE state = 'buying' AND step_at <= ? AND EXISTS (SELECT 1 FROM attempts "
        "WHERE attempts.request_id = requests.request_id AND attempts.state = 'unknown') "
        "AND request_id NOT IN (SELECT value FROM json_each(?)) "
        "AND user_id NOT IN (SELECT value FROM json_each(?)) ORDER BY step_at LIMIT ?",
        at,
        json.dumps(sorted(busy)),
        json.dumps(sorted(users)),
        limit,
    )
    return _due(rows)


def _due(rows: Sequence[Row]) -> list[Due]:
    return [Due(row["request_id"], row["user_id"], row["at"]) for row in rows]


async def next_due_at(tx: Transaction, at: int, *, busy: Collection[str]) -> int | None:
    """Return when the next step of any request is due, those in hand or too old left aside."""
    in_hand = json.dumps(sorted(busy))
    # In two halves, because each has its index.
    row = await tx.one(
        "SELECT min(soonest) AS soonest FROM ("
        "SELECT min(claimable_at) AS soonest FROM requests WHERE state = 'approved' "
        "AND expires_at > ? AND request_id NOT IN (SELECT value FROM json_each(?)) UNION ALL "
        "SELECT min(step_at) FROM requests WHERE state = 'buying' "
        "AND request_id NOT IN (SELECT value FROM json_each(?)))",
        at,
        in_hand,
        in_hand,
    )
    return None if row is None else row["soonest"]


async def claim(tx: Transaction, request_id: str, *, digest: str, at: int) -> bool:
    """Take a request to buy it: approved, of this digest, due, not too old, its member ready."""
    changed = await tx.execute(
        "UPDATE requests SET state = 'buying', waits_for = NULL, step_at = ?, changed_at = ? "
        "WHERE request_id = ? AND state = 'approved' AND digest = ? AND claimable_at <= ? "
        "AND expires_at > ? AND waits_for IS NOT 'member_ready'",
        at,
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
    """Write on a request what its next send waits for. Return whether that is news.

    What waits for its member waits for nothing else: only they end that. What is being bought waits
    no longer than its approval counts: then the rest of it is over.
    """
    news = await tx.one(
        "SELECT 1 FROM requests WHERE request_id = ? AND state IN ('approved', 'buying') "
        "AND waits_for IS NOT 'member_ready' AND waits_for IS NOT ?",
        request_id,
        reason,
    )
    await tx.execute(
        "UPDATE requests SET waits_for = ?, claimable_at = ?, "
        "step_at = CASE WHEN state <> 'buying' THEN NULL "
        "WHEN expires_at > ? THEN min(expires_at, ?) ELSE ? END, changed_at = ? "
        "WHERE request_id = ? AND state IN ('approved', 'buying') "
        "AND waits_for IS NOT 'member_ready'",
        reason,
        claimable_at,
        at,
        claimable_at,
        claimable_at,
        at,
        request_id,
    )
    return news is not None


async def go_on(tx: Transaction, request_id: str, *, at: int) -> None:
    """Have the next step of a request in *buying* taken; it waits for nothing any more.

    Without anything unknown left, no person is needed either: what becomes unknown next is
    another matter.
    """
    await tx.execute(
        "UPDATE requests SET waits_for = NULL, step_at = ?, changed_at = ?, "
        "attention_at = CASE WHEN EXISTS (SELECT 1 FROM attempts "
        "WHERE attempts.request_id = requests.request_id AND attempts.state = 'unknown') "
        "THEN attention_at END "
        "WHERE request_id = ? AND state = 'buying'",
        at,
        at,
        request_id,
    )


async def wait_no_longer(tx: Transaction, reasons: Sequence[WaitReason], *, at: int) -> None:
    """Have requests that wait for one of ``reasons`` looked at now."""
    for reason in reasons:
        await tx.execute(
            "UPDATE requests SET claimable_at = ? WHERE state = 'approved' AND waits_for = ?",
            at,
            reason,
        )
        await tx.execute(
            "UPDATE requests SET step_at = ? WHERE state = 'buying' AND waits_for = ?",
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
        "UPDATE requests SET state = 'approved', waits_for = ?, claimable_at = ?, step_at = NULL, "
        "changed_at = ? WHERE request_id = ? AND state = 'buying'",
        reason,
        claimable_at,
        at,
        request_id,
    )
    if changed == 0:
        return False
    await tx.execute(
        "UPDATE attempts SET unsent = 0 WHERE request_id = ? AND state = 'not_sent'", request_id
    )
    await tx.execute(
        "UPDATE lines SET no_listing = NULL, cheapest_seen = NULL "
        "WHERE request_id = ? AND no_listing IS NOT NULL",
        request_id,
    )
    return True


async def finish(tx: Transaction, request_id: str, *, at: int) -> bool:
    """Every line is definite: the request is bought.

    What was to be bought anew and turned out to be alive is this round's purchase from now on: if
    it fails later, it may be tried again.
    """
    changed = await tx.execute(
        "UPDATE requests SET state = 'bought', waits_for = NULL, step_at = NULL, "
        "grace_from = NULL, look_ups = 0, history_at = NULL, attention_at = NULL, changed_at = ? "
        "WHERE request_id = ? AND state = 'buying'",
        at,
        request_id,
    )
    await tx.execute(
        "UPDATE attempts SET round = (SELECT round FROM lines "
        "WHERE lines.request_id = attempts.request_id AND lines.line_no = attempts.line_no) "
        "WHERE request_id = ? AND state = 'purchased' AND released = 0",
        request_id,
    )
    return changed == 1


async def in_buying(tx: Transaction) -> list[str]:
    """Return the requests that were being bought, for the start."""
    rows = await tx.all("SELECT request_id FROM requests WHERE state = 'buying' ORDER BY step_at")
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
    rows = await tx.all(
        "DELETE FROM attempts WHERE state = 'not_sent' "
        "AND purchase_key IN (SELECT value FROM json_each(?)) RETURNING purchase_key, unsent",
        json.dumps([attempt.purchase_key for attempt in attempts]),
    )
    unsent = {row["purchase_key"]: row["unsent"] for row in rows}
    await tx.execute_many(
        "INSERT INTO attempts (purchase_key, request_id, line_no, attempt_no, state, digest, "
        "market, project, listing_id, max_price, steam_id, sent_at, class_id, round, unsent) "
        "VALUES (?, ?, ?, ?, 'sent', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
                attempt.round,
                unsent.get(attempt.purchase_key, 0),
            )
            for attempt in attempts
        ],
    )
    await _on_the_wire(tx, request_id)


async def _on_the_wire(tx: Transaction, request_id: str) -> None:
    await tx.execute(
        "UPDATE requests SET step_at = NULL, waits_for = NULL WHERE request_id = ?", request_id
    )


async def open_resend(tx: Transaction, request_id: str, *, at: int) -> list[str]:
    """Write the unknown attempts that were sent once as *sent* again; return their keys.

    What they say stays: the same listings, ceilings and Steam account. One beside a purchase of its
    line that is alive under another key is left out: it would be the second one.
    """
    rows = await tx.all(
        "UPDATE attempts SET state = 'sent', sends = 2, sent_at = ? "
        "WHERE request_id = ? AND state = 'unknown' AND sends = 1 AND NOT EXISTS (SELECT 1 "
        "FROM attempts AS other WHERE other.request_id = attempts.request_id "
        "AND other.line_no = attempts.line_no AND other.state = 'purchased' "
        "AND other.offer_status NOT IN (SELECT value FROM json_each(?))) RETURNING purchase_key",
        at,
        request_id,
        json.dumps(sorted(FAILED_STATUSES)),
    )
    await _on_the_wire(tx, request_id)
    return [row["purchase_key"] for row in rows]


async def adopt(
    tx: Transaction,
    request: Request,
    key: str,
    purchase: Purchase,
    *,
    line_round: int,
    max_price: Micros,
    market: str,
    project: str,
    at: int,
) -> None:
    """Write an attempt that our records have lost and the market knows as a purchase."""
    parsed = parse_purchase_key(key)
    # When it was sent is lost. The books look for what was sent since they agreed last, and this
    # may be from long before.
    since = request.submitted_at or at
    sent_at = since if purchase.bought_at is None else min(at, purchase.bought_at * 1000)
    if parsed is None or parsed[0] != request.request_id:
        raise ValueError("a purchase is adopted under a key of its own request")
    live = await tx.one(
        "SELECT 1 FROM attempts WHERE request_id = ? AND line_no = ? AND released = 0 "
        "AND state IN ('sent', 'purchased', 'unknown')",
        request.request_id,
        parsed[1],
    )
    await tx.execute(
        "INSERT INTO attempts (purchase_key, request_id, line_no, attempt_no, state, digest, "
        "market, project, listing_id, max_price, steam_id, sent_at, ended_at, class_id, round, "
        "buy_id, debited, offer_status, released) "
        "VALUES (?, ?, ?, ?, 'purchased', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        key,
        request.request_id,
        parsed[1],
        parsed[2],
        request.digest,
        market,
        project,
        purchase.listing_id or 0,
        max_price,
        purchase.steam_id or 0,
        sent_at,
        at,
        purchase.class_id,
        line_round,
        purchase.buy_id,
        purchase.debited,
        purchase.offer_status,
        int(live is not None),
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


async def record_late_purchase(tx: Transaction, key: str, purchase: Purchase, *, at: int) -> None:
    """Book a purchase under a key that was called refused, not sent or settled as not bought.

    If its line has been bought under another key since, both are booked.
    """
    await tx.execute(
        "UPDATE attempts SET state = 'purchased', ended_at = ?, buy_id = ?, debited = ?, "
        "offer_status = ?, released = EXISTS (SELECT 1 FROM attempts AS other "
        "WHERE other.request_id = attempts.request_id AND other.line_no = attempts.line_no "
        "AND other.purchase_key <> attempts.purchase_key AND other.released = 0 "
        "AND other.state IN ('sent', 'purchased', 'unknown')) "
        "WHERE purchase_key = ? AND state IN ('refused', 'not_sent')",
        at,
        purchase.buy_id,
        purchase.debited,
        purchase.offer_status,
        key,
    )


async def release(tx: Transaction, key: str) -> bool:
    """Note that a purchase has definitely failed, so that its line may have its next key."""
    changed = await tx.execute(
        "UPDATE attempts SET released = 1 WHERE purchase_key = ? AND state = 'purchased'", key
    )
    return changed == 1


async def record_refusal(
    tx: Transaction, key: str, refusal: Refusal, *, whole: bool, at: int
) -> bool:
    """Note that the only send of a key was refused; ``whole``: with its whole call.

    Answered to a second send it proves nothing, and False is returned.
    """
    changed = await tx.execute(
        "UPDATE attempts SET state = 'refused', ended_at = ?, code = ?, message = ?, "
        "refused_whole = ? WHERE purchase_key = ? AND state = 'sent' AND sends = 1",
        at,
        refusal.code,
        refusal.message,
        int(whole),
        key,
    )
    return changed == 1


async def record_not_sent(tx: Transaction, key: str, *, at: int) -> None:
    """Note the proof that nothing left this machine; of a second send: that it was none."""
    await tx.execute(
        "UPDATE attempts SET state = 'not_sent', ended_at = ?, unsent = unsent + 1 "
        "WHERE purchase_key = ? AND state = 'sent' AND sends = 1",
        at,
        key,
    )
    await tx.execute(
        "UPDATE attempts SET state = 'unknown', sends = 1, unsent = unsent + 1 "
        "WHERE purchase_key = ? AND state = 'sent' AND sends = 2",
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


async def record_miss(tx: Transaction, key: str) -> None:
    """Note that a look-up of this key alone was answered and did not find it."""
    await tx.execute(
        "UPDATE attempts SET misses = misses + 1 WHERE purchase_key = ? AND state = 'unknown'", key
    )


async def begin_search(tx: Transaction, request_id: str, *, at: int, step_at: int) -> bool:
    """Begin the grace period of a request's unknown lines anew. Return whether there are any."""
    unknown = await tx.execute(
        "UPDATE attempts SET misses = 0 WHERE request_id = ? AND state = 'unknown'", request_id
    )
    if unknown:
        await tx.execute(
            "UPDATE requests SET grace_from = ?, look_ups = 0, history_at = NULL, step_at = ?, "
            "waits_for = NULL "
            "WHERE request_id = ? AND state = 'buying'",
            at,
            step_at,
            request_id,
        )
    return unknown > 0


async def record_look_up(
    tx: Transaction, request_id: str, *, history_at: int | None, step_at: int
) -> None:
    """Note that one pass of look-ups is over; ``history_at``: the history had none of them.

    If nothing is unknown any more, because a person has settled it meanwhile, the next step is
    another one, and its time stays.
    """
    await tx.execute(
        "UPDATE requests SET look_ups = look_ups + 1, step_at = ?, "
        "history_at = coalesce(?, history_at) WHERE request_id = ? AND state = 'buying' "
        "AND EXISTS (SELECT 1 FROM attempts "
        "WHERE attempts.request_id = requests.request_id AND attempts.state = 'unknown')",
        step_at,
        history_at,
        request_id,
    )


async def step_now(tx: Transaction, request_id: str, *, at: int, also_idle: bool = False) -> bool:
    """Have a request's next step taken now; ``also_idle``: even of one that seems on the wire.

    Return whether there is one to take.
    """
    changed = await tx.execute(
        "UPDATE requests SET step_at = ? "
        "WHERE request_id = ? AND state = 'buying' AND (step_at IS NOT NULL OR ?)",
        at,
        request_id,
        int(also_idle),
    )
    return changed == 1


async def ask_a_person(tx: Transaction, request_id: str, *, at: int, step_at: int) -> bool:
    """Note that a person has to look at a request. Return whether that is news."""
    changed = await tx.execute(
        "UPDATE requests SET attention_at = ?, look_ups = 0, step_at = ?, changed_at = ? "
        "WHERE request_id = ? AND state = 'buying' AND attention_at IS NULL",
        at,
        step_at,
        at,
        request_id,
    )
    return changed == 1


async def settle(
    tx: Transaction,
    key: str,
    *,
    by: int,
    at: int,
    bought: tuple[int, Micros] | None,
) -> bool:
    """End an unknown attempt by hand: ``bought`` is buy id and debit, or None for not bought.

    Raises ``sqlite3.IntegrityError`` for a buy id that is booked already.
    """
    buy_id, debited = bought or (None, None)
    changed = await tx.execute(
        "UPDATE attempts SET state = ?, ended_at = ?, settled_at = ?, settled_by = ?, buy_id = ?, "
        "debited = ?, offer_status = ?, status_at = ?, check_at = ? "
        "WHERE purchase_key = ? AND state = 'unknown'",
        "refused" if bought is None else "purchased",
        at,
        at,
        by,
        buy_id,
        debited,
        None if bought is None else OfferStatus.CREATING_TRADE,
        None if bought is None else at,
        None if bought is None else at,
        key,
    )
    return changed == 1


async def correct_settled(tx: Transaction, key: str, purchase: Purchase) -> None:
    """Put what the market says in place of what was settled by hand as bought."""
    await tx.execute(
        "UPDATE attempts SET buy_id = ?, debited = ?, offer_status = ? "
        "WHERE purchase_key = ? AND state = 'purchased' AND settled_at IS NOT NULL",
        purchase.buy_id,
        purchase.debited,
        purchase.offer_status,
        key,
    )


async def settled_since(tx: Transaction, since: int, *, limit: int) -> list[str]:
    """Return keys that were settled by hand as not bought since then."""
    rows = await tx.all(
        "SELECT purchase_key FROM attempts WHERE settled_at >= ? AND state = 'refused' "
        "ORDER BY settled_at LIMIT ?",
        since,
        limit,
    )
    return [row["purchase_key"] for row in rows]


async def try_again(tx: Transaction, view: RequestView, *, at: int) -> bool:
    """Have every line of a bought request that can be tried again bought in a further round."""
    if not await move(
        tx,
        view.request.request_id,
        RequestEvent.TRY_AGAIN,
        "step_at = ?, waits_for = NULL",
        (at,),
        at=at,
        where="expires_at > ?",
        values=(at,),
    ):
        return False
    for line in view.lines:
        if line.can_be_tried_again:
            await tx.execute(
                "UPDATE lines SET round = round + 1, no_listing = NULL, cheapest_seen = NULL "
                "WHERE request_id = ? AND line_no = ?",
                view.request.request_id,
                line.line.line_no,
            )
    return True


async def end_round(tx: Transaction, view: RequestView) -> None:
    """Give up trying purchases again that have failed and were not asked about in time."""
    for line in view.in_state(LineState.RECHECK):
        if line.last is not None:
            await tx.execute(
                "UPDATE lines SET round = ? WHERE request_id = ? AND line_no = ?",
                line.last.round,
                view.request.request_id,
                line.line.line_no,
            )


async def state_of(tx: Transaction, key: str) -> AttemptState | None:
    """Return where the attempt under a key stands."""
    row = await tx.one("SELECT state FROM attempts WHERE purchase_key = ?", key)
    return None if row is None else AttemptState(row["state"])


async def bought_between(tx: Transaction, since: int, until: int) -> list[int]:
    """Return the buy ids of purchases whose outcome was known in that time, from the market."""
    rows = await tx.all(
        "SELECT buy_id FROM attempts WHERE state = 'purchased' AND settled_at IS NULL "
        "AND ended_at >= ? AND ended_at < ? AND sent_at >= ?",
        since,
        until,
        since,
    )
    return [row["buy_id"] for row in rows]


async def key_of_buy_id(tx: Transaction, buy_id: int) -> str | None:
    """Return the key that a purchase of the market is booked under."""
    row = await tx.one("SELECT purchase_key FROM attempts WHERE buy_id = ?", buy_id)
    return None if row is None else row["purchase_key"]


async def note_unclear_call(tx: Transaction, request_id: str, *, at: int) -> int:
    """Note a call without a clear outcome; return of how many requests in a row there were any."""
    await tx.execute(
        "INSERT INTO unclear_calls (request_id, at) VALUES (?, ?) "
        "ON CONFLICT (request_id) DO UPDATE SET at = excluded.at",
        request_id,
        at,
    )
    row = await tx.one("SELECT count(*) AS n FROM unclear_calls")
    return int(row["n"]) if row else 0


async def note_clear_call(tx: Transaction) -> None:
    """Note a call that was answered clearly: whatever was unclear before, the row is broken."""
    await tx.execute("DELETE FROM unclear_calls")


async def record_stray(
    tx: Transaction, request_id: str | None, purchase: Purchase, *, at: int
) -> bool:
    """Book a purchase that came under a key which we did not send. Return whether that is news."""
    changed = await tx.execute(
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
    return changed == 1


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


UNSENT: Final = (
    "FROM (SELECT request_id, guild_id, 0 AS turn, decided_at FROM requests "
    "WHERE state = 'buying' UNION ALL "
    "SELECT request_id, guild_id, 1, decided_at FROM requests WHERE state = 'approved') AS holder "
    "JOIN lines USING (request_id) WHERE no_listing IS NULL "
    "AND NOT EXISTS (SELECT 1 FROM attempts WHERE attempts.request_id = lines.request_id "
    "AND attempts.line_no = lines.line_no AND attempts.released = 0 "
    # One of an earlier round failed, and is about to be bought anew.
    "AND attempts.round = lines.round "
    "AND attempts.state IN ('sent', 'unknown', 'purchased'))"
)
"""The lines that are held for and not at the market; one that was refused is held for until its
request is through, because its next listing may be tried."""

_LAST_IN_THE_QUEUE: Final = (2, 0, "")


async def spoken_for(tx: Transaction, *, since: int, besides: str) -> Micros:
    """Return the most of a balance read at ``since`` that goes to others before this request.

    That is what may be at the market, what was bought since, and what is held by those ahead of
    it: what is being bought goes before what is approved, and then the older approval. So of any
    two the later one waits, and never both for each other. A request that holds nothing itself
    comes last, behind everything held.
    """
    place = await tx.one(
        "SELECT CASE state WHEN 'buying' THEN 0 ELSE 1 END AS turn, decided_at FROM requests "
        "WHERE request_id = ? AND state IN ('approved', 'buying')",
        besides,
    )
    turn, decided_at, name = (
        (place["turn"], place["decided_at"], besides) if place else _LAST_IN_THE_QUEUE
    )
    row = await tx.one(
        "SELECT (SELECT coalesce(sum(max_price), 0) FROM attempts "  # noqa: S608 - our own text
        "WHERE state IN ('sent', 'unknown') AND request_id <> ?) + "
        "(SELECT coalesce(sum(debited), 0) FROM attempts "
        "WHERE state = 'purchased' AND ended_at >= ?) + "
        f"(SELECT coalesce(sum(ceiling), 0) {UNSENT} "
        "AND (turn, decided_at, request_id) < (?, ?, ?)) AS total",
        besides,
        since,
        turn,
        decided_at,
        name,
    )
    return Micros(row["total"] if row else 0)


async def listings_taken(tx: Transaction, *, since: int) -> set[int]:
    """Return the listings that we may have bought, as far as a search at ``since`` can't tell."""
    rows = await tx.all(
        "SELECT listing_id FROM attempts WHERE state IN ('sent', 'unknown') "
        "UNION SELECT listing_id FROM attempts WHERE state = 'purchased' AND ended_at >= ?",
        since,
    )
    return {row["listing_id"] for row in rows}
