"""The one way in which an offer status gets into the records, whoever learns of it first.

An answer of the market is taken as it is; one of its events may say only that a trade begins to
wait. Learning of a status again changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from bot.domain.delivery import (
    RETURNED,
    Cadence,
    is_moving,
    is_stuck,
    may_hint,
    next_check_at,
)
from bot.domain.market import FAILED_STATUSES, OfferStatus, Purchase
from bot.domain.models import Attempt, EventKind, LineView, MessageKind, RequestView
from bot.domain.money import Micros
from bot.services.announcements import Announcements
from bot.services.clock import Clock
from bot.store import audit, deliveries, outbox, requests, totals
from bot.store.database import Transaction
from bot.store.deliveries import Followed, Known

log = logging.getLogger(__name__)

_JITTER: Final = 0.1


class Statuses:
    """Applies what the market says of purchases."""

    def __init__(
        self,
        announcements: Announcements,
        clock: Clock,
        rng: Random,
        cadence: Cadence,
    ) -> None:
        self._announcements = announcements
        self._clock = clock
        self._rng = rng
        self._cadence = cadence
        self.hinted: Callable[[], bool] = lambda: False
        """Says whether the market's events arrive, so that asking may be calm."""

    def next_check_at(self, followed: Followed, *, at: int) -> int:
        """Return when a purchase of which nothing is new is looked up next."""
        since = followed.accepted_at or followed.status_at
        return self._next(followed.offer_status, followed.status_at, since, at)

    def _next(self, offer_status: str | None, status_at: int, since: int, at: int) -> int:
        soonest = next_check_at(
            offer_status,
            status_at=status_at,
            since=since,
            at=at,
            cadence=self._cadence,
            hinted=self.hinted(),
        )
        # Later only, and never by more than a part of the interval.
        return soonest + int((soonest - at) * self._rng.uniform(0, _JITTER))

    async def apply(
        self, tx: Transaction, view: RequestView, line: LineView, key: str, purchase: Purchase
    ) -> bool:
        """Write what an answer says of a purchase that is booked; return whether that is news.

        ``line``: as it stood before the purchase was booked.
        """
        before = line.attempt(key)
        known = before is not None and before.buy_id == purchase.buy_id
        return await self._write(
            tx,
            view,
            line,
            key,
            before if known else None,
            purchase.offer_status,
            debited=purchase.debited,
            trade_offer_id=purchase.trade_offer_id,
        )

    async def hint(
        self,
        tx: Transaction,
        view: RequestView,
        line: LineView,
        attempt: Attempt,
        *,
        offer_status: str | None,
        trade_offer_id: int | None,
    ) -> bool:
        """Write what an event says of a purchase, as far as it may; return whether that is news.

        Without the number of the trade nobody can be told where to accept it: that is asked for.
        """
        if not may_hint(attempt.offer_status, offer_status) or trade_offer_id is None:
            return False
        return await self._write(
            tx,
            view,
            line,
            attempt.purchase_key,
            attempt,
            OfferStatus.WAITING_ACCEPT,
            debited=attempt.debited or Micros(0),
            trade_offer_id=trade_offer_id,
        )

    async def _write(
        self,
        tx: Transaction,
        view: RequestView,
        line: LineView,
        key: str,
        before: Attempt | None,
        offer_status: str,
        *,
        debited: Micros,
        trade_offer_id: int | None,
    ) -> bool:
        now = self._clock.now_ms()
        was = before.offer_status if before else None
        changed = before is None or was != offer_status
        corrected = before is not None and before.debited != debited
        found_trade = before is not None and trade_offer_id not in (None, before.trade_offer_id)
        news = changed or corrected or found_trade
        if before is not None and before.closed_at is not None and not news:
            return False  # the market's history has told of it once more
        status_at = now if before is None or changed else before.status_at or now
        accepted_at = None
        if offer_status == OfferStatus.ACCEPTED:
            accepted_at = (before.accepted_at if before and not changed else None) or now
        not_waiting_at = before.not_waiting_at if before else now
        if offer_status != OfferStatus.WAITING_ACCEPT:
            not_waiting_at = now
        await deliveries.record(
            tx,
            key,
            Known(
                offer_status=offer_status,
                debited=debited,
                trade_offer_id=trade_offer_id,
                status_at=status_at,
                not_waiting_at=not_waiting_at,
                accepted_at=accepted_at,
                check_at=self._next(offer_status, status_at, accepted_at or status_at, now),
            ),
        )
        if changed:
            await self._count_as_spent(tx, view, line, key, offer_status)
            await self._tell(tx, view, line, key, before, offer_status)
        if news:
            await self._redraw(tx, view, before)
        return news

    async def _count_as_spent(
        self, tx: Transaction, view: RequestView, line: LineView, key: str, offer_status: str
    ) -> None:
        """Take back that a purchase's money was booked as back, if it is alive after all."""
        if offer_status in FAILED_STATUSES or not await totals.forget_back(tx, key):
            return
        log.warning(
            "The money of purchase key %s had been booked as back, and it is alive after all.", key
        )
        await audit.record_for(
            tx,
            EventKind.SPENT_AFTER_ALL,
            view.request,
            at=self._clock.now_ms(),
            details={"line": line.line.line_no, "skin": line.line.market_hash_name},
        )

    async def _tell(
        self,
        tx: Transaction,
        view: RequestView,
        line: LineView,
        key: str,
        before: Attempt | None,
        offer_status: str,
    ) -> None:
        """Write a change into the history, and have those told who have something to do."""
        was = before.offer_status if before else None
        kind = _event_kind(was, offer_status)
        if kind is not None:
            await audit.record_for(
                tx,
                kind,
                view.request,
                at=self._clock.now_ms(),
                details={
                    "line": line.line.line_no,
                    "skin": line.line.market_hash_name,
                    "status": offer_status,
                },
            )
        if offer_status == OfferStatus.WAITING_ACCEPT:
            # One that waits once more has ten minutes again.
            part = await self._announcements.announce_part(tx, view, MessageKind.TRADES)
            await deliveries.note_told(tx, key, part=part)
        if _needs_moderators(was, offer_status):
            log.warning(
                "A purchase of request %s went from %s to %s.",
                view.request.request_id,
                was,
                offer_status,
            )
            await self._notice(tx, view, key)

    async def note_stuck(self, tx: Transaction, followed: Followed) -> None:
        """Have the moderators told, once, of a delivery that takes too long."""
        now = self._clock.now_ms()
        view = await requests.get(tx, followed.request_id)
        line = view.line_of(followed.purchase_key) if view else None
        if view is None or line is None:
            return
        if not await deliveries.note_stuck(tx, followed.purchase_key, at=now):
            return
        await audit.record_for(
            tx,
            EventKind.DELIVERY_STUCK,
            view.request,
            at=now,
            details={
                "line": line.line.line_no,
                "skin": line.line.market_hash_name,
                "status": followed.offer_status or "",
            },
        )
        await self._notice(tx, view, followed.purchase_key)
        await outbox.touch(tx, view.request.request_id)

    async def close(self, tx: Transaction, followed: Sequence[Followed]) -> None:
        """Follow purchases no further, and close the requests of which nothing is followed.

        Every message that tells of one says from now on that nothing changes any more.
        """
        now = self._clock.now_ms()
        closed = [one for one in followed if await deliveries.close(tx, one.purchase_key, at=now)]
        for request_id in sorted({one.request_id for one in closed}):
            await close_if_settled(tx, request_id, at=now)
            await outbox.touch(tx, request_id)
            await deliveries.touch_tellers(tx, request_id, closed_at=now)

    async def _notice(self, tx: Transaction, view: RequestView, key: str) -> None:
        part = await self._announcements.announce_part(tx, view, MessageKind.DELIVERY_NOTICE)
        await deliveries.note_noticed(tx, key, part=part)

    async def _redraw(self, tx: Transaction, view: RequestView, before: Attempt | None) -> None:
        request_id = view.request.request_id
        await outbox.touch(tx, request_id)
        if before is None:
            return
        if before.told_in is not None:
            await outbox.touch_part(tx, request_id, MessageKind.TRADES, before.told_in)
        if before.noticed_in is not None:
            await outbox.touch_part(tx, request_id, MessageKind.DELIVERY_NOTICE, before.noticed_in)


async def close_if_settled(tx: Transaction, request_id: str, *, at: int) -> None:
    """Close a bought request if nothing can change any more, and have its cards say so."""
    if not await deliveries.close_request(tx, request_id, at=at):
        return
    view = await requests.get(tx, request_id)
    if view is not None:
        await audit.record_for(tx, EventKind.CLOSED, view.request, at=at)
    await outbox.touch(tx, request_id)


def is_overdue(followed: Followed, *, at: int) -> bool:
    """Say whether the moderators have to be told that a delivery takes too long."""
    return followed.stuck_at is None and is_stuck(
        followed.offer_status, status_at=followed.status_at, at=at
    )


def _event_kind(was: str | None, now: str) -> EventKind | None:
    """Return what a change of status is in a request's history; None: nothing worth a line."""
    if now in RETURNED:
        return EventKind.ROLLED_BACK
    if now == OfferStatus.ACCEPTED:
        return EventKind.DELIVERED
    if now in FAILED_STATUSES:
        return EventKind.NOT_DELIVERED
    if now == OfferStatus.WAITING_ACCEPT:
        return EventKind.TRADE_WAITING
    if now == OfferStatus.CREATING_TRADE and was is None:
        return None
    return EventKind.STATUS_CHANGED


def _needs_moderators(was: str | None, now: str) -> bool:
    """Say whether a change is one that a person should look at."""
    if now in RETURNED:
        return True
    return was is not None and not is_moving(was)
