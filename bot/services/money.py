"""Where the money is, for administrators; and what of it was seen back, which only a person knows.

The documents of the market don't say when, or whether, the money of a failed purchase returns to
the balance. So it counts as spent until somebody has looked and books it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from bot.domain.keys import stamp_of
from bot.domain.models import Actor, EventKind
from bot.domain.money import Micros, format_usd
from bot.domain.sums import NotBack, Sum
from bot.errors import MarketError, Problem, UserFacingError
from bot.services.announcements import Announcements
from bot.services.clock import Clock
from bot.services.guilds import Guilds
from bot.services.market_watch import MarketWatch
from bot.store import audit, outbox, requests, totals
from bot.store.database import Database, Transaction

NOT_BACK_PAGE: Final = 25
"""As many choices as a select holds."""

_BALANCE_WAIT_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Sums:
    """Of one server, or of all. ``spent``: in the last 24 hours, 7 days and 30 days."""

    held: Micros
    in_delivery: Sum
    not_back: Sum
    settling: Sum
    spent: tuple[Micros, ...]


@dataclass(frozen=True, slots=True)
class MoneyReport:
    """What an administrator sees. ``balance``: None if the market didn't tell it just now.

    ``deployment``: for who runs the bot only. ``not_back``: one page of what failed and was not
    seen back, the latest first.
    """

    balance: Micros | None
    here: Sums
    deployment: Sums | None
    not_back: tuple[NotBack, ...]
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class SeenBack:
    """What was booked as back just now, and how things are since."""

    report: MoneyReport
    amount: Micros
    count: int


class Money:
    """Shows the sums, and books what was seen back."""

    def __init__(
        self,
        database: Database,
        guilds: Guilds,
        watch: MarketWatch,
        announcements: Announcements,
        clock: Clock,
        *,
        operator_ids: Collection[int],
    ) -> None:
        self._database = database
        self._guilds = guilds
        self._watch = watch
        self._announcements = announcements
        self._clock = clock
        self._operators = frozenset(operator_ids)

    async def show(self, actor: Actor, page: int = 1) -> MoneyReport:
        """Return where a server's money is. ``page``: of what was not seen back, from 1.

        Raises ``UserFacingError`` (NOT_ADMINISTRATOR, and if the server may not spend).
        """
        guild_id = self._require_may(actor)
        balance = await self._balance()
        async with self._database.reading() as tx:
            here = await self._sums(tx, guild_id)
            all_of_it = await self._sums(tx, None) if actor.user_id in self._operators else None
            pages = max(1, -(-here.not_back.count // NOT_BACK_PAGE))
            page = min(max(1, page), pages)
            listed = await _page(tx, guild_id, page)
        return MoneyReport(balance, here, all_of_it, tuple(listed), page, pages)

    async def still(self, actor: Actor, page: int, stamp: str) -> MoneyReport:
        """Return the same, if the page with this stamp is what it was.

        Raises ``UserFacingError`` (NOT_BACK_CHANGED, and as ``show`` does).
        """
        guild_id = self._require_may(actor)
        async with self._database.reading() as tx:
            await _listed(tx, guild_id, page, stamp)
        return await self.show(actor, page)

    async def book_back(
        self, actor: Actor, page: int, stamp: str, places: Collection[int]
    ) -> SeenBack:
        """Book that the money of failed purchases was seen back.

        ``stamp``: of the page that was acted on; ``places``: on it, from 1. Of two at once one
        books. Raises ``UserFacingError`` (NOT_BACK_CHANGED, and as ``show`` does).
        """
        guild_id = self._require_may(actor)
        async with self._database.writing() as tx:
            listed = await _listed(tx, guild_id, page, stamp)
            chosen = [one for place, one in enumerate(listed, start=1) if place in places]
            await self._book(tx, actor, chosen)
        self._announcements.wake()
        amount = Micros(sum(one.debited for one in chosen))
        return SeenBack(await self.show(actor, page), amount, len(chosen))

    async def _book(self, tx: Transaction, actor: Actor, chosen: Collection[NotBack]) -> None:
        now = self._clock.now_ms()
        keys = [one.purchase_key for one in chosen]
        booked = await totals.book_back(tx, keys, by=actor.user_id, at=now)
        if len(booked) != len(keys):
            raise RuntimeError("what was read as not seen back in this transaction is")
        for request_id in sorted({one.request_id for one in chosen}):
            mine = [one for one in chosen if one.request_id == request_id]
            view = await requests.get(tx, request_id)
            if view is None:
                continue
            await audit.record_for(
                tx,
                EventKind.MONEY_BACK,
                view.request,
                at=now,
                actor_id=actor.user_id,
                details={
                    "lines": len(mine),
                    "paid": format_usd(Micros(sum(one.debited for one in mine))),
                },
            )
            await outbox.touch(tx, request_id)

    async def _sums(self, tx: Transaction, guild_id: int | None) -> Sums:
        return Sums(
            held=await totals.held(tx, guild_id),
            in_delivery=await totals.in_delivery(tx, guild_id),
            not_back=await totals.not_back(tx, guild_id),
            settling=await totals.settling(tx, guild_id),
            spent=await totals.spent(tx, guild_id, at=self._clock.now_ms()),
        )

    async def _balance(self) -> Micros | None:
        try:
            async with asyncio.timeout(_BALANCE_WAIT_S):
                return await self._watch.balance_to_show()
        except (MarketError, TimeoutError):
            return None

    def _require_may(self, actor: Actor) -> int:
        if actor.user_id in self._operators:
            return self._guilds.require_allowed(actor)
        return self._guilds.require_administrator(actor)


async def _page(tx: Transaction, guild_id: int, page: int) -> list[NotBack]:
    return await totals.list_not_back(
        tx, guild_id, limit=NOT_BACK_PAGE, offset=(page - 1) * NOT_BACK_PAGE
    )


async def _listed(tx: Transaction, guild_id: int, page: int, stamp: str) -> list[NotBack]:
    """Return a page that was acted on, if it is what it was; places on another mean others."""
    listed = await _page(tx, guild_id, page)
    if stamp != stamp_of(one.purchase_key for one in listed):
        last = await totals.last_booked(tx, guild_id)
        raise UserFacingError(
            Problem.NOT_BACK_CHANGED,
            user_id=str(last.by if last else 0),
            decided_at=last.at if last else "",
        )
    return listed
