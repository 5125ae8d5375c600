"""The books: what we say was bought against what the market's history says.

At every start, before anything is sent, and once a day. What the market knows and we don't is
recorded; purchases under keys of ours that nobody explains, and purchases of ours that the market
doesn't know, pause buying. The balance is never compared: others may use it too.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from bot.domain.keys import parse_purchase_key
from bot.domain.market import Purchase
from bot.domain.models import Actor, PauseCause, WaitReason
from bot.domain.money import Micros
from bot.domain.states import AttemptState, RequestState
from bot.errors import MarketError, MarketUnavailableError
from bot.services.announcements import Announcements
from bot.services.booking import Booked, Booking
from bot.services.buying import Buying
from bot.services.clock import Clock
from bot.services.guilds import Guilds
from bot.services.market_watch import MarketWatch
from bot.services.this_run import ThisRun
from bot.services.timing import Timing
from bot.skinsback.client import SkinsbackClient
from bot.store import purchases, requests, settings
from bot.store.database import Database, Transaction

log = logging.getLogger(__name__)

_REPORT: Final = "books_report"
_BALANCE_WAIT_S: Final = 3.0
_RETRY_S: Final = 5.0
"""As long as nobody may buy, a market that is back should be noticed as soon as we may ask."""

_UNTIL_COMPARED: Final = (WaitReason.BOOKS_FIRST, WaitReason.MARKET_UNREACHABLE)
_NAMED_MAX: Final = 10
"""Differences named one by one; of more there is only the number."""


@dataclass(frozen=True, slots=True)
class BooksReport:
    """One comparison. Times are unix milliseconds; ``missing`` and ``strays`` are buy ids.

    ``theirs``: purchases under our keys in the market's history; ``others``: those that are not
    ours. ``found``: outcomes that nobody knew; ``adopted``: purchases that our records had lost.
    """

    at: int
    since: int
    theirs: int = 0
    others: int = 0
    unreadable: int = 0
    found: int = 0
    adopted: int = 0
    late: int = 0
    missing: tuple[int, ...] = field(default=())
    strays: tuple[int, ...] = field(default=())

    @property
    def agrees(self) -> bool:
        """Whether nothing was found that must not be."""
        return not (self.missing or self.strays or self.late or self.unreadable)


@dataclass(frozen=True, slots=True)
class _History:
    """The market's purchases since a moment, read at ``read_at``."""

    since: int
    read_at: int
    purchases: tuple[Purchase, ...]
    unreadable: int


class Books:
    """Compares, records and remembers."""

    def __init__(
        self,
        database: Database,
        market: SkinsbackClient,
        booking: Booking,
        buying: Buying,
        watch: MarketWatch,
        announcements: Announcements,
        clock: Clock,
        timing: Timing,
        this_run: ThisRun,
        guilds: Guilds,
        *,
        operator_ids: Collection[int],
        approved: asyncio.Event,
    ) -> None:
        self._database = database
        self._market = market
        self._booking = booking
        self._buying = buying
        self._watch = watch
        self._announcements = announcements
        self._clock = clock
        self._timing = timing
        self._this_run = this_run
        self._guilds = guilds
        self._operators = frozenset(operator_ids)
        self._approved = approved
        self.tried = asyncio.Event()
        """Set once the first comparison of this run has ended, well or not."""

    async def run(self) -> None:
        """Compare at start, as often as it takes, and then once a day."""
        while True:
            try:
                report = await self.compare()
                pause_s = self._timing.books_every_ms / 1000
                log.log(
                    logging.INFO if report.agrees else logging.ERROR,
                    "The books %s with the market's history: %s of ours there.",
                    "agree" if report.agrees else "do not agree",
                    report.theirs,
                )
            except MarketError as error:
                log.warning("The market's history could not be read: %s", error)
                await self._tell_why_not(error)
                pause_s = _RETRY_S
            self.tried.set()
            await asyncio.sleep(pause_s)

    async def show(self, actor: Actor) -> tuple[BooksReport | None, Micros | None]:
        """Return the last comparison, and the balance that stands beside it if it can be had.

        Raises ``UserFacingError`` (NOT_ADMINISTRATOR, and if the server may not spend).
        """
        if actor.user_id not in self._operators:
            self._guilds.require_administrator(actor)
        try:
            async with asyncio.timeout(_BALANCE_WAIT_S):
                balance = await self._watch.balance_to_show()
        except (MarketError, TimeoutError):
            balance = None
        return await self.last(), balance

    async def _tell_why_not(self, error: MarketError) -> None:
        """Let what waits for the comparison say at once whether the market is silent."""
        run = self._this_run
        silent = isinstance(error, MarketUnavailableError)
        if run.caught_up or silent is run.market_silent:
            return
        run.market_silent = silent
        async with self._database.writing() as tx:
            await purchases.wait_no_longer(tx, _UNTIL_COMPARED, at=self._clock.now_ms())
        self._approved.set()

    async def last(self) -> BooksReport | None:
        """Return the last comparison."""
        async with self._database.reading() as tx:
            text = await settings.get_meta(tx, _REPORT)
        if text is None:
            return None
        facts: dict[str, Any] = json.loads(text)
        for name in ("missing", "strays"):
            facts[name] = tuple(facts[name])
        return BooksReport(**facts)

    async def compare(self) -> BooksReport:
        """Compare since the last agreement, record what we lacked and pause buying if we must.

        Raises ``MarketError`` if the history can't be read to its end.
        """
        agreed_at = await self._database.read(settings.get_books_agreed_at)
        history = await self._read(agreed_at)
        # Our records are read after the history: what was bought meanwhile is in both or in ours.
        report = await self._database.write(
            lambda tx: self._bring_in(tx, history, new=agreed_at is None)
        )
        self._this_run.caught_up = True
        self._this_run.market_silent = False
        self._announcements.wake()
        self._approved.set()
        return report

    async def _bring_in(self, tx: Transaction, history: _History, *, new: bool) -> BooksReport:
        """Bring a history into the records, and note what came of it."""
        if new:
            report = await self._open_new_books(tx, history)
        else:
            report = await self._compare(tx, history)
        ended = _UNTIL_COMPARED if not self._this_run.caught_up else (WaitReason.BOOKS_FIRST,)
        await purchases.wait_no_longer(tx, ended, at=history.read_at)
        await settings.set_meta(tx, _REPORT, json.dumps(asdict(report)))
        if report.agrees:
            until = history.read_at - self._timing.books_young_ms
            await settings.set_books_agreed_at(tx, until)
        return report

    async def _read(self, agreed_at: int | None) -> _History:
        """Read the history; of books that were never opened, the month before."""
        timing = self._timing
        read_at = self._clock.now_ms()
        since = read_at - timing.books_first_ms if agreed_at is None else agreed_at
        found: list[Purchase] = []
        unreadable = 0
        async for page in self._market.whole_history(
            max(0, since - timing.books_overlap_ms) // 1000,
            (read_at + timing.books_overlap_ms) // 1000,
        ):
            found += page.purchases
            unreadable += page.unreadable
        return _History(since, read_at, tuple(found), unreadable)

    async def _open_new_books(self, tx: Transaction, history: _History) -> BooksReport:
        """Begin the books of a new database; purchases of an older one want a person's word."""
        ours = [one for one in history.purchases if _is_ours(one)]
        adopted = 0
        for purchase in ours:
            key = purchase.purchase_key or ""
            if await requests.is_known(tx, (parse_purchase_key(key) or ("",))[0]):
                # A copy from before the first comparison: it knows the request all the same.
                adopted += await self._booking.book(tx, key, purchase) is Booked.ADOPTED
        if len(ours) > adopted:
            await self._watch.pause_in(
                tx, PauseCause.NEW_DATABASE, details=f"{len(ours) - adopted} purchases"
            )
        return BooksReport(
            history.read_at,
            history.since,
            theirs=len(ours),
            others=len(history.purchases) - len(ours),
            adopted=adopted,
        )

    async def _compare(self, tx: Transaction, history: _History) -> BooksReport:
        booked: dict[Booked, list[int]] = {kind: [] for kind in Booked}
        ours = [one for one in history.purchases if _is_ours(one)]
        changed: set[str] = set()
        for purchase in ours:
            key = purchase.purchase_key or ""
            if await purchases.state_of(tx, key) is AttemptState.SENT:
                continue  # on the wire this moment: its answer books it
            outcome = await self._booking.book(tx, key, purchase)
            booked[outcome].append(purchase.buy_id)
            if outcome is Booked.FOUND and (parsed := parse_purchase_key(key)):
                changed.add(parsed[0])
        for request_id in changed:
            await self._go_on(tx, request_id)
        missing = await self._missing(tx, history)
        report = BooksReport(
            history.read_at,
            history.since,
            theirs=len(ours),
            others=len(history.purchases) - len(ours),
            unreadable=history.unreadable,
            found=len(booked[Booked.FOUND]),
            adopted=len(booked[Booked.ADOPTED]),
            late=len(booked[Booked.LATE]),
            missing=_named(missing),
            strays=_named(booked[Booked.STRAY]),
        )
        # What is lacking at a start was lost with the disk; later, somebody else uses our keys.
        unexplained = report.adopted if self._this_run.caught_up else 0
        if missing or unexplained:
            await self._watch.pause_in(
                tx,
                PauseCause.BOOKS,
                details=f"missing at the market: {len(missing)}, not in our books: {unexplained}",
            )
        return report

    async def _go_on(self, tx: Transaction, request_id: str) -> None:
        view = await requests.get(tx, request_id)
        if view is None or view.request.state is not RequestState.BUYING:
            return
        now = self._clock.now_ms()
        soon = now + self._timing.first_look_up_ms
        await purchases.begin_search(tx, request_id, at=now, step_at=soon)
        await self._buying.go_on(tx, view)

    async def _missing(self, tx: Transaction, history: _History) -> list[int]:
        """Return purchases of ours that the market doesn't know and should by now."""
        if history.unreadable:
            return []
        known = {one.buy_id for one in history.purchases}
        ours = await purchases.bought_between(
            tx, history.since, history.read_at - self._timing.books_young_ms
        )
        return [buy_id for buy_id in ours if buy_id not in known]


def _is_ours(purchase: Purchase) -> bool:
    return (
        purchase.purchase_key is not None and parse_purchase_key(purchase.purchase_key) is not None
    )


def _named(buy_ids: Sequence[int]) -> tuple[int, ...]:
    return tuple(buy_ids[:_NAMED_MAX])
