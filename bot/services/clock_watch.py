"""Whether our clock is right, as the answers of the market and of Discord tell it.

Each answer carries a ``Date``. A difference of more than a minute is believed when a second answer
of the same source agrees. Then either the machine's clock is right and ours is set by it again (the
machine slept, or somebody has set its clock), or the machine's is wrong too, and what depends on
the time waits until it is right.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.domain.models import WaitReason
from bot.errors import BotError
from bot.services.bell import heard
from bot.services.clock import AnchoredClock
from bot.skinsback.dates import date_of
from bot.store import plans, purchases
from bot.store.database import Database

log = logging.getLogger(__name__)

OFF_MS: Final = 60_000
"""Less than this is nothing: a ``Date`` has whole seconds, and an answer takes its time."""

_AGREE_MS: Final = 10_000
_HALF_A_SECOND_MS: Final = 500
_QUIET_MS: Final = 60_000
_LOOK_S: Final = 5.0
_PATIENCE_S: Final = 30.0


class TimeSource(StrEnum):
    """Who tells us the time."""

    MARKET = "the market"
    DISCORD = "Discord"


@dataclass(frozen=True, slots=True)
class WrongClock:
    """By how many seconds the clock of ``source`` is ahead of ours (below zero: behind it)."""

    source: TimeSource
    ahead_s: int


@dataclass(frozen=True, slots=True)
class _Latest:
    """A source's latest answer: how far ahead it was, when, and whether that is believed."""

    ahead_ms: int
    at_ms: int
    wrong: bool

    @property
    def in_doubt(self) -> bool:
        return self.wrong or abs(self.ahead_ms) > OFF_MS


Probe = Callable[[], Awaitable[object]]


class ClockWatch:
    """Compares our clock with those of others.

    ``changed`` is called when what has waited for the clock may go on. ``probes`` are asked for
    anything at all, so that the answer tells the time; they may raise ``BotError``.
    """

    def __init__(
        self, clock: AnchoredClock, database: Database, *, changed: Callable[[], None]
    ) -> None:
        self._clock = clock
        self._database = database
        self._changed = changed
        self._latest: dict[TimeSource, _Latest] = {}
        self._moves: list[tuple[int, int]] = []
        self._let_go = False
        self._news = asyncio.Event()
        self._told = False
        self.probes: dict[TimeSource, Probe] = {}

    @property
    def wrong(self) -> WrongClock | None:
        """By how much our clock is wrong and who says so, or None if nobody does."""
        for source, latest in self._latest.items():
            if latest.wrong:
                return WrongClock(source, round(latest.ahead_ms / 1000))
        return None

    @property
    def trusted(self) -> bool:
        """Whether somebody has told the time since the start, and nobody another one."""
        return bool(self._latest) and not any(one.in_doubt for one in self._latest.values())

    def note(self, source: TimeSource, headers: Mapping[str, str]) -> None:
        """Compare the clocks: an answer with these headers has come this moment."""
        date = date_of(headers)
        if date is None:
            return
        theirs = round(date.timestamp() * 1000) + _HALF_A_SECOND_MS
        now = self._clock.now_ms()
        ahead, before = theirs - now, self._latest.get(source)
        agrees = before is not None and abs(ahead - before.ahead_ms) <= _AGREE_MS
        off = abs(ahead) > OFF_MS
        if agrees and off and abs(theirs - self._clock.wall_ms()) <= OFF_MS:
            self._set_by_the_machine()
            return
        wrong = off if agrees else before is not None and before.wrong
        self._latest[source] = latest = _Latest(ahead, now, wrong)
        if latest.in_doubt and not agrees:
            self._news.set()
        self._tell()

    def _set_by_the_machine(self) -> None:
        before = self._clock.now_ms()
        moved = self._clock.resync()
        log.warning("The machine's clock was set, or it slept: ours moves by %d s.", moved // 1000)
        self._latest.clear()
        self._moves.append((before, moved))
        self._news.set()
        self._tell()

    def _tell(self) -> None:
        """Log that the clock begins to be wrong or is right again, once."""
        wrong = self.wrong
        if wrong is not None and not self._told:
            log.error(
                "The clock of this machine is wrong: %s is %d s %s. Nothing is bought and "
                "nothing expires until they agree.",
                wrong.source.value,
                abs(wrong.ahead_s),
                "ahead of it" if wrong.ahead_s > 0 else "behind it",
            )
        elif wrong is None and self._told:
            log.warning("The clock of this machine is right again: buying goes on.")
            self._let_go = True
            self._news.set()
        self._told = wrong is not None

    async def run(self) -> None:
        """Ask for the time when it is in doubt or nobody has told it for a while, for ever."""
        while True:
            self._news.clear()
            await self._catch_up()
            for source, probe in self.probes.items():
                if self._wants_to_know(source):
                    await _ask(probe)
            # A doubt that has just come up is asked about at once, one that stays now and then.
            await heard(self._news, _LOOK_S)

    def _wants_to_know(self, source: TimeSource) -> bool:
        latest = self._latest.get(source)
        if latest is not None and latest.in_doubt:
            return True
        # Discord answers whenever somebody does something; it is asked only if it objects.
        if source is TimeSource.DISCORD:
            return False
        return latest is None or self._clock.now_ms() - latest.at_ms >= _QUIET_MS

    async def _catch_up(self) -> None:
        """Move what was planned by a clock that was wrong, and let go on what waited for it."""
        if not self._moves and not self._let_go:
            return
        moves, self._moves, self._let_go = self._moves, [], False
        async with self._database.writing() as tx:
            for after, by in moves:
                await plans.move(tx, after=after, by=by)
            await purchases.wait_no_longer(tx, (WaitReason.CLOCK,), at=self._clock.now_ms())
        self._changed()


async def _ask(probe: Probe) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await probe()
    except (BotError, TimeoutError) as error:
        log.debug("Nobody told the time: %s", type(error).__name__)
