"""What the market says of purchases after they were made, as it stands on disk.

A purchase is followed from when it is booked (``check_at``) until it is closed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.domain.market import Purchase
from bot.domain.money import Micros
from bot.domain.states import RequestEvent
from bot.store.database import Transaction
from bot.store.requests import move


@dataclass(frozen=True, slots=True)
class Followed:
    """A purchase that is followed, with what was last known of it.

    ``steam_id``: where it should go; None if nobody knows, or if that is raised as wrong already.
    """

    purchase_key: str
    request_id: str
    buy_id: int
    offer_status: str | None
    debited: Micros
    trade_offer_id: int | None
    steam_id: int | None
    status_at: int
    accepted_at: int | None
    stuck_at: int | None
    check_at: int

    def is_news(self, purchase: Purchase) -> bool:
        """Say whether the market says anything else of it than is known."""
        return (
            purchase.offer_status != self.offer_status
            or purchase.debited != self.debited
            or purchase.trade_offer_id not in (None, self.trade_offer_id)
            or (self.steam_id is not None and purchase.steam_id not in (None, self.steam_id))
        )


@dataclass(frozen=True, slots=True)
class Known:
    """What is written of a purchase with an answer of the market, or one of its events."""

    offer_status: str
    debited: Micros
    trade_offer_id: int | None
    status_at: int
    not_waiting_at: int | None
    accepted_at: int | None
    check_at: int


async def due(tx: Transaction, until: int, *, limit: int) -> list[Followed]:
    """Return purchases that are looked up next by then, the longest due first."""
    rows = await tx.all(
        "SELECT purchase_key, request_id, buy_id, offer_status, debited, trade_offer_id, "
        "CASE WHEN instr(alarms, 'wrong_steam_account') = 0 THEN nullif(steam_id, 0) END "
        "AS steam_id, "
        "coalesce(status_at, ended_at, sent_at) AS status_at, accepted_at, stuck_at, check_at "
        "FROM attempts WHERE check_at <= ? ORDER BY check_at LIMIT ?",
        until,
        limit,
    )
    return [
        Followed(
            purchase_key=row["purchase_key"],
            request_id=row["request_id"],
            buy_id=row["buy_id"],
            offer_status=row["offer_status"],
            debited=Micros(row["debited"]),
            trade_offer_id=row["trade_offer_id"],
            steam_id=row["steam_id"],
            status_at=row["status_at"],
            accepted_at=row["accepted_at"],
            stuck_at=row["stuck_at"],
            check_at=row["check_at"],
        )
        for row in rows
    ]


async def next_check_at(tx: Transaction) -> int | None:
    """Return when any purchase is looked up next."""
    row = await tx.one("SELECT min(check_at) AS at FROM attempts WHERE check_at IS NOT NULL")
    return None if row is None else row["at"]


async def record(tx: Transaction, key: str, known: Known) -> None:
    """Write what is now known of a purchase."""
    await tx.execute(
        "UPDATE attempts SET offer_status = ?, debited = ?, "
        "trade_offer_id = coalesce(?, trade_offer_id), status_at = ?, not_waiting_at = ?, "
        "accepted_at = ?, check_at = ?, closed_at = NULL WHERE purchase_key = ? "
        "AND state = 'purchased'",
        known.offer_status,
        known.debited,
        known.trade_offer_id,
        known.status_at,
        known.not_waiting_at,
        known.accepted_at,
        known.check_at,
        key,
    )


async def note_checks(
    tx: Transaction, checks: Sequence[tuple[str, int]], *, not_waiting: Collection[str], at: int
) -> None:
    """Note when purchases are looked up next of which nothing is new.

    ``not_waiting``: those whose trade was just known not to wait yet.
    """
    await tx.execute_many(
        "UPDATE attempts SET check_at = ? WHERE purchase_key = ? AND check_at IS NOT NULL",
        [(check_at, key) for key, check_at in checks],
    )
    await tx.execute_many(
        "UPDATE attempts SET not_waiting_at = ? WHERE purchase_key = ? "
        "AND offer_status <> 'waiting_accept'",
        [(at, key) for key in not_waiting],
    )


async def check_now(tx: Transaction, buy_id: int, *, at: int) -> bool:
    """Have a purchase that is followed looked up now. Return whether it is one."""
    changed = await tx.execute(
        "UPDATE attempts SET check_at = min(check_at, ?) WHERE buy_id = ? AND check_at IS NOT NULL",
        at,
        buy_id,
    )
    return changed == 1


async def check_soon(tx: Transaction, *, at: int, horizon_ms: int) -> None:
    """Have everything looked up whose next look lies less than ``horizon_ms`` ahead."""
    await tx.execute(
        "UPDATE attempts SET check_at = ? WHERE check_at > ? AND check_at <= ?",
        at,
        at,
        at + horizon_ms,
    )


async def note_stuck(tx: Transaction, key: str, *, at: int) -> bool:
    """Note that a delivery needs a person. Return whether that is news."""
    changed = await tx.execute(
        "UPDATE attempts SET stuck_at = ? WHERE purchase_key = ? AND stuck_at IS NULL "
        "AND check_at IS NOT NULL",
        at,
        key,
    )
    return changed == 1


async def close(tx: Transaction, key: str, *, at: int) -> bool:
    """Follow a purchase no further. Return whether it was followed."""
    changed = await tx.execute(
        "UPDATE attempts SET closed_at = ?, check_at = NULL "
        "WHERE purchase_key = ? AND check_at IS NOT NULL",
        at,
        key,
    )
    return changed == 1


async def close_request(tx: Transaction, request_id: str, *, at: int) -> bool:
    """Close a bought request of which nothing can change any more; its Trade URL is erased.

    That is: no purchase of it is followed, and its approval no longer counts.
    """
    return await move(
        tx,
        request_id,
        RequestEvent.SETTLE,
        "sealed_token = NULL, expires_at = NULL",
        (),
        at=at,
        where="(expires_at IS NULL OR expires_at <= ?) AND NOT EXISTS (SELECT 1 FROM attempts "
        "WHERE attempts.request_id = requests.request_id AND attempts.check_at IS NOT NULL)",
        values=(at,),
    )


async def note_told(tx: Transaction, key: str, *, part: int) -> None:
    """Note which part of the trade messages tells of a purchase."""
    await tx.execute("UPDATE attempts SET told_in = ? WHERE purchase_key = ?", part, key)


async def note_noticed(tx: Transaction, key: str, *, part: int) -> None:
    """Note which part of the moderators' delivery notices tells of a purchase."""
    await tx.execute("UPDATE attempts SET noticed_in = ? WHERE purchase_key = ?", part, key)


async def touch_tellers(tx: Transaction, request_id: str, *, closed_at: int) -> None:
    """Have the parts of a request's messages drawn again that tell of what was closed then."""
    told = (
        "UPDATE outbox SET wanted = wanted + 1 WHERE request_id = ? AND state <> 'skipped' "
        "AND kind = 'trades' AND part IN "
        "(SELECT told_in FROM attempts WHERE request_id = ? AND closed_at = ?)"
    )
    noticed = (
        "UPDATE outbox SET wanted = wanted + 1 WHERE request_id = ? AND state <> 'skipped' "
        "AND kind = 'delivery_notice' AND part IN "
        "(SELECT noticed_in FROM attempts WHERE request_id = ? AND closed_at = ?)"
    )
    for sql in (told, noticed):
        await tx.execute(sql, request_id, request_id, closed_at)
