"""The one way in which a purchase at the market gets into the records.

Whoever learns of a purchase first, the answer to a batch, a look-up or the market's history, books
it here; learning of it again changes nothing. What must never happen is booked as it came, raised
as an alarm, and pauses buying.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from enum import StrEnum, auto
from random import Random

from bot.domain.keys import new_request_id, parse_purchase_key
from bot.domain.limits import ROUNDS_MAX
from bot.domain.market import OfferStatus, Purchase
from bot.domain.models import Attempt, EventKind, LineView, PauseCause, RequestView
from bot.domain.states import AttemptState
from bot.services.announcements import Announcements
from bot.services.clock import Clock
from bot.services.market_watch import MarketWatch
from bot.services.outcomes import Alarm
from bot.services.statuses import Statuses
from bot.store import audit, baskets, outbox, purchases, requests
from bot.store.database import Transaction

log = logging.getLogger(__name__)


class Booked(StrEnum):
    """What a purchase was to the records."""

    KNOWN = auto()
    """Nothing new, or a new status only."""
    FOUND = auto()
    """The outcome of an attempt that had none."""
    LATE = auto()
    """Of an attempt that was called refused, not sent or settled as not bought."""
    ADOPTED = auto()
    """Of a request that is known, under a key that the records had lost."""
    STRAY = auto()
    """Under a key that no request of ours explains."""


class Booking:
    """Books purchases."""

    def __init__(
        self,
        watch: MarketWatch,
        announcements: Announcements,
        statuses: Statuses,
        clock: Clock,
        rng: Random,
        *,
        market_name: str,
        project: str,
    ) -> None:
        self._watch = watch
        self._announcements = announcements
        self._statuses = statuses
        self._clock = clock
        self._rng = rng
        self._market_name = market_name
        self._project = project

    async def book(self, tx: Transaction, key: str, purchase: Purchase) -> Booked:
        """Book a purchase that the market made under ``key``, one of our own."""
        parsed = parse_purchase_key(key)
        view = await requests.get(tx, parsed[0]) if parsed else None
        line = _line(view, parsed[1]) if view and parsed else None
        if view is None or line is None:
            if parsed is not None:
                new_id = new_request_id(self._rng)
                await baskets.give_new_id(tx, parsed[0], new_id, at=self._clock.now_ms())
            return await self.book_stray(tx, None, purchase)
        attempt = line.attempt(key)
        if await purchases.key_of_buy_id(tx, purchase.buy_id) not in (None, key):
            # One purchase can't be the outcome of two orders: this one's is not known by it.
            return await self.book_stray(tx, view, purchase)
        booked = await self._book(tx, view, line, attempt, key, purchase)
        if booked is not Booked.STRAY and await purchases.key_of_buy_id(tx, purchase.buy_id) == key:
            await self._statuses.apply(tx, view, line, key, purchase)
        # Some answers don't name the keys.
        await self._raise_alarms(
            tx, view, line, attempt, replace(purchase, purchase_key=key), booked
        )
        return booked

    async def _book(
        self,
        tx: Transaction,
        view: RequestView,
        line: LineView,
        attempt: Attempt | None,
        key: str,
        purchase: Purchase,
    ) -> Booked:
        now = self._clock.now_ms()
        if attempt is None:
            await self._adopt(tx, view, line, key, purchase)
            return Booked.ADOPTED
        match attempt.state:
            case AttemptState.SENT | AttemptState.UNKNOWN:
                await purchases.record_purchase(tx, key, purchase, at=now)
                return Booked.FOUND
            case AttemptState.PURCHASED if attempt.buy_id != purchase.buy_id:
                if attempt.settled_at is None:
                    # Two purchases under one key: the market has bought twice for one order.
                    return await self.book_stray(tx, view, purchase)
                await purchases.correct_settled(tx, key, purchase)
                return Booked.KNOWN
            case AttemptState.PURCHASED:
                return Booked.KNOWN
            case AttemptState.REFUSED | AttemptState.NOT_SENT:
                await purchases.record_late_purchase(tx, key, purchase, at=now)
                await self._announcements.announce_result(tx, view)
                return Booked.LATE

    async def _adopt(
        self, tx: Transaction, view: RequestView, line: LineView, key: str, purchase: Purchase
    ) -> None:
        """Write what the records have lost; a request without its approval counts as bought."""
        now = self._clock.now_ms()
        request = view.request
        await purchases.adopt(
            tx,
            request,
            key,
            purchase,
            line_round=min(line.line.round, ROUNDS_MAX),
            max_price=line.line.ceiling,
            market=self._market_name,
            project=self._project,
            at=now,
        )
        log.warning(
            "Purchase %s of request %s was not in our records and is now.",
            purchase.buy_id,
            request.request_id,
        )
        await audit.record_for(
            tx, EventKind.ADOPTED, request, at=now, details={"buy_id": purchase.buy_id}
        )
        await requests.adopt(tx, request.request_id, at=now)
        await self._announcements.announce_result(tx, view)

    async def book_stray(
        self, tx: Transaction, view: RequestView | None, purchase: Purchase
    ) -> Booked:
        """Book a purchase that no order of ours explains, and raise it once."""
        request_id = view.request.request_id if view else None
        if not await purchases.record_stray(tx, request_id, purchase, at=self._clock.now_ms()):
            return Booked.KNOWN
        await self._raise(tx, view, Alarm.FOREIGN_KEY, purchase)
        return Booked.STRAY

    async def _raise_alarms(
        self,
        tx: Transaction,
        view: RequestView,
        line: LineView,
        attempt: Attempt | None,
        purchase: Purchase,
        booked: Booked,
    ) -> None:
        if booked is Booked.KNOWN and attempt is not None and _came_back(attempt, purchase):
            await self._raise(tx, view, Alarm.CAME_BACK, purchase)
        elif booked is Booked.LATE:
            await self._raise(tx, view, Alarm.REFUSED_AND_BOUGHT, purchase)
        raised = attempt.alarms if attempt else ()
        expected = (attempt.steam_id if attempt else 0) or view.request.steam_id
        if (
            purchase.steam_id not in (None, expected)
            and Alarm.WRONG_STEAM_ACCOUNT.value not in raised
        ):
            await self._raise(tx, view, Alarm.WRONG_STEAM_ACCOUNT, purchase)
        if booked is Booked.KNOWN and attempt and (attempt.debited or 0) >= purchase.debited:
            return
        if purchase.debited > (attempt.max_price if attempt else line.line.ceiling):
            await self._raise(tx, view, Alarm.ABOVE_CEILING, purchase)

    async def _raise(
        self, tx: Transaction, view: RequestView | None, alarm: Alarm, purchase: Purchase
    ) -> None:
        """Write an alarm into the history and the log, and pause buying if it is one to stop at."""
        log.error(
            "The market did what must never happen: %s, request %s, purchase %s",
            alarm.value,
            view.request.request_id if view else "of nobody",
            purchase.buy_id,
        )
        where = f", request #{view.request.number}" if view else ""
        if view is not None:
            details: dict[str, str | int] = {"alarm": alarm.value, "buy_id": purchase.buy_id}
            await audit.record_for(
                tx, EventKind.ALARM, view.request, at=self._clock.now_ms(), details=details
            )
            foreign = alarm is Alarm.FOREIGN_KEY
            request_id = view.request.request_id
            await purchases.record_alarm(tx, request_id, purchase, alarm, foreign=foreign)
            await outbox.touch(tx, request_id)
        if not alarm.pauses_buying:
            return
        await self._watch.pause_in(
            tx, PauseCause.ALARM, details=f"{alarm.value}{where}, purchase {purchase.buy_id}"
        )


def _line(view: RequestView, line_no: int) -> LineView | None:
    return next((line for line in view.lines if line.line.line_no == line_no), None)


def _came_back(attempt: Attempt, purchase: Purchase) -> bool:
    """Say whether a purchase that failed, and was bought anew, is alive after all."""
    return attempt.released and purchase.offer_status == OfferStatus.ACCEPTED and attempt.failed
