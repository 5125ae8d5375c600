"""Whether the market lets us in, and the pause of the whole deployment when it doesn't."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from bot.domain.models import EventKind, MessageKind, Pause, PauseCause, WaitReason
from bot.domain.money import Micros
from bot.errors import MarketError, MarketRefusedError
from bot.services.announcements import Announcements
from bot.services.clock import Clock
from bot.services.guilds import Guilds
from bot.services.holds import Balance
from bot.skinsback.client import SkinsbackClient
from bot.skinsback.limiter import CallClass
from bot.skinsback.refusals import rule_for
from bot.store import audit, outbox, purchases, settings
from bot.store.database import Database, Transaction

log = logging.getLogger(__name__)

_CHECK_S: Final = 60.0

_REFUSED_TO_SELL: Final = "a purchase was refused"
_HOLD_MS: Final = 300_000
"""A balance that is told is no proof that we may buy again, so it is not tried every minute."""

_UNTIL_LIFTED: Final = (WaitReason.PAUSED, WaitReason.OPERATOR, WaitReason.FAULT)
"""Whoever lifts a pause has looked at the log, so a fault of ours is tried again then too."""


async def lift(tx: Transaction, cause: PauseCause, *, at: int, by: int | None = None) -> bool:
    """Lift a pause, say so where it was told, and let go on what waited for that.

    Return whether there was one.
    """
    lifted = await settings.resume(tx, cause)
    if lifted is None:
        return False
    if cause is PauseCause.UNKNOWNS:
        # Whoever lifted it has looked: the next unclear call is the first of a new row.
        await purchases.note_clear_call(tx)
    if cause is PauseCause.BOOKS:
        # So has whoever lifted this: what was different until now is not found again every day.
        await settings.set_books_agreed_at(tx, at)
    await purchases.wait_no_longer(tx, _UNTIL_LIFTED, at=at)
    await outbox.touch_everywhere(tx, MessageKind.PAUSE_NOTICE)
    if await settings.get_pause(tx) is None:
        for guild_id in await audit.guilds_paused(tx, since=lifted.since):
            await audit.record(
                tx,
                EventKind.RESUMED,
                guild_id=guild_id,
                at=at,
                actor_id=by,
                details={"cause": cause.value},
            )
    return True


class MarketWatch:
    """Asks for the balance, which is the cheapest call that needs everything to be right."""

    def __init__(
        self,
        database: Database,
        market: SkinsbackClient,
        guilds: Guilds,
        announcements: Announcements,
        clock: Clock,
        *,
        approved: asyncio.Event,
    ) -> None:
        self._database = database
        self._market = market
        self._guilds = guilds
        self._announcements = announcements
        self._clock = clock
        self._approved = approved

    async def balance(self, *, at_start: bool = False, for_: CallClass = CallClass.BUY) -> Micros:
        """Return the balance, which is asked ``for_`` buying unless it is said for what.

        An answer, or the lack of one, also sets or lifts the pause for a market that refuses us.
        Raises ``MarketError``.
        """
        try:
            balance = await self._market.balance(for_=for_)
        except MarketRefusedError as error:
            if rule_for(error.code).pauses_buying:
                await self.pause(PauseCause.MARKET_REFUSES_US, code=error.code)
            raise
        await self._lift(at_start=at_start)
        return balance

    async def known_balance(self) -> Balance:
        """Return the balance, to hold something of it. Raises ``MarketError``."""
        asked_at = self._clock.now_ms()
        return Balance(await self.balance(), asked_at)

    async def balance_to_show(self) -> Micros:
        """Return the balance for a person's eyes: buying and look-ups go first."""
        return await self.balance(for_=CallClass.STATUS)

    async def pause(self, cause: PauseCause, *, code: int | None = None, details: str = "") -> None:
        """Pause buying for the deployment and tell the operator, in the log and on the servers."""
        async with self._database.writing() as tx:
            news = await self.pause_in(tx, cause, code=code, details=details)
        if news:
            self._announcements.wake()

    async def pause_in(
        self, tx: Transaction, cause: PauseCause, *, code: int | None = None, details: str = ""
    ) -> bool:
        """Pause buying within a transaction; return whether that is news."""
        now = self._clock.now_ms()
        before = await settings.get_pause(tx) is not None
        if not await settings.pause(tx, Pause(cause, now, code, details)):
            return False
        log.error(
            "Buying is paused: %s%s%s",
            cause.value,
            f", the market answers code {code} ({rule_for(code).name})" if code else "",
            f", {details}" if details else "",
        )
        for guild_id, channel_id in await settings.guilds_with_approval_channel(tx):
            if not self._guilds.is_allowed(guild_id):
                continue
            await audit.record(
                tx,
                EventKind.PAUSED,
                guild_id=guild_id,
                at=now,
                details={"cause": cause.value, "code": code or 0},
            )
            own = await settings.get_guild_pause(tx, guild_id)
            await self._announcements.announce_pause(
                tx, guild_id, channel_id, paused_before=before or own is not None
            )
        return True

    async def refused_to_sell_in(self, tx: Transaction, code: int) -> None:
        """Pause buying if the market refuses a purchase for a reason that will stay."""
        if rule_for(code).pauses_buying:
            await self.pause_in(
                tx, PauseCause.MARKET_REFUSES_US, code=code, details=_REFUSED_TO_SELL
            )

    async def _lift(self, *, at_start: bool) -> None:
        # Nearly always there is none, and then nobody has to wait for the writer.
        if await self._database.read(_refusal) is None:
            return
        now = self._clock.now_ms()
        async with self._database.writing() as tx:
            pause = await _refusal(tx)
            if pause is None:
                return
            if pause.details == _REFUSED_TO_SELL and not at_start and now < pause.since + _HOLD_MS:
                return
            await lift(tx, PauseCause.MARKET_REFUSES_US, at=now)
        log.info("The market lets us in again: buying goes on.")
        self._announcements.wake()
        self._approved.set()

    async def run(self) -> None:
        """Check at start, and go on checking while the market refuses us."""
        first = True
        while True:
            async with self._database.reading() as tx:
                refused = await _refusal(tx) is not None
            if first or refused:
                try:
                    await self.balance(at_start=first, for_=CallClass.STATUS)
                    if first:
                        log.info("The market answers.")
                except MarketError as error:
                    log.warning("The market can't be used at the moment: %s", error)
            first = False
            await asyncio.sleep(_CHECK_S)


async def _refusal(tx: Transaction) -> Pause | None:
    """Return the pause for a market that refuses us, whatever else pauses buying beside it."""
    pauses = await settings.get_pauses(tx)
    return next((one for one in pauses if one.cause is PauseCause.MARKET_REFUSES_US), None)
