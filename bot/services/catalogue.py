"""What can be asked for: the price lists of the games that servers offer, kept fresh in memory.

Each game is one snapshot (``bot.services.shelf``), so a reader sees the old prices or the new, and
never some of both. Everything that takes long is done in short turns, and at leisure.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from bot.domain.market import APP_IDS, Quote
from bot.domain.picking import NO_FILTERS, Filters
from bot.errors import MarketError, MarketUnavailableError, Problem, UserFacingError
from bot.search.aliases import aliases
from bot.search.folding import fold
from bot.search.index import Hits
from bot.services.bell import heard
from bot.services.clock import Clock
from bot.services.guilds import Guilds
from bot.services.pace import Haste, Pace
from bot.services.price_memory import PriceMemory
from bot.services.shelf import Rows, Shelf, stocking
from bot.skinsback.client import SkinsbackClient
from bot.store.prices import PriceFile

log = logging.getLogger(__name__)

REFRESH_S: Final = 300.0
_RETRY_S: Final = 30.0
"""After a first failure; twice as long after each next one, up to ``REFRESH_S``."""

NAMES_MAX: Final = 200_000
"""Of one game: some five times as many as there are. More would fill the memory."""

_DOUBLINGS_MAX: Final = 10
_BEST: Final = 10
_JITTER: Final = 0.1
_SMALL: Final = 10
"""A list with less than the tenth of the names known is not believed..."""

_SMALL_TIMES: Final = 12
"""... until it has come so often in a row, alike in size: about an hour."""


@dataclass(frozen=True, slots=True)
class Matches:
    """Some of ``total`` quotes that match what was typed, best first; ``first``: the first's place.

    ``exact``: what was typed is the name of the only quote.
    """

    quotes: tuple[Quote, ...]
    total: int
    first: int = 0
    exact: bool = False


class TroubleKind(StrEnum):
    """Why prices are older than they should be."""

    UNREADABLE = "unreadable"
    """The market is not reached, refuses, or its answer isn't whole."""
    EMPTY = "empty"
    SHRUNK = "shrunk"
    """It names less than a tenth of what it named before."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A price list can't be read, or not be believed, since then (unix ms)."""

    since: int
    kind: TroubleKind


@dataclass(frozen=True, slots=True)
class PriceAge:
    """How far the prices of some games can be trusted: the oldest's time (unix ms; None: there are
    none), and what is in the way of newer ones.
    """

    read_at: int | None
    trouble: Trouble | None = None


class Catalogue:
    """The price lists of the games that are offered."""

    def __init__(
        self,
        market: SkinsbackClient,
        guilds: Guilds,
        file: PriceFile,
        clock: Clock,
        rng: Random,
        *,
        haste: Haste | None = None,
    ) -> None:
        self._market = market
        self._guilds = guilds
        self._clock = clock
        self._rng = rng
        # Read from its file now, while nobody waits.
        aliases()
        self.haste = haste or Haste()
        self._pace = Pace(haste=self.haste)
        self._memory = PriceMemory(file, self._pace)
        self._shelves: dict[str, Shelf] = {}
        self._troubles: dict[str, Trouble] = {}
        self._failures: dict[str, int] = {}
        self._small: dict[str, tuple[int, int]] = {}
        self._reading = asyncio.Lock()

    def refreshed_at(self, game: str) -> int | None:
        """When the prices of a game were read (unix ms), or None if they never were."""
        shelf = self._shelves.get(game)
        return None if shelf is None else shelf.read_at

    def oldest_at(self, games: Iterable[str]) -> int | None:
        """Since when the prices of all these games stand, or None if none was ever read."""
        return min(filter(None, map(self.refreshed_at, games)), default=None)

    def trouble(self, game: str) -> Trouble | None:
        """Return since when a game's price list can't be read or believed, and why."""
        return self._troubles.get(game)

    def age(self, games: Iterable[str]) -> PriceAge:
        """Return how old the prices of some games are, and what is wrong with the longest ill."""
        wanted = tuple(games)
        troubles = [self._troubles[game] for game in wanted if game in self._troubles]
        return PriceAge(
            self.oldest_at(wanted), min(troubles, key=lambda each: each.since, default=None)
        )

    def find(self, game: str, market_hash_name: str) -> Quote | None:
        """Return the quote of exactly this name; what is sold out has none in stock."""
        shelf = self._shelves.get(game)
        return None if shelf is None else shelf.find(market_hash_name)

    def search(
        self,
        typed: str,
        games: Sequence[str],
        *,
        filters: Filters = NO_FILTERS,
        first: int = 0,
        limit: int = 25,
    ) -> Matches:
        """Return what matches what was typed and the filters; an exact name alone if it is one.

        Raises ``UserFacingError`` (CATALOGUE_MISSING) as long as no price list has been read.
        """
        shelves = [self._shelves[game] for game in games if game in self._shelves]
        if not shelves:
            raise UserFacingError(Problem.CATALOGUE_MISSING)
        among = [shelf.passing(filters) for shelf in shelves]
        hits = [
            shelf.search(typed, passing, limit=max(limit, _BEST))
            for shelf, passing in zip(shelves, among, strict=True)
        ]
        exact = [
            shelf.quote(each.exact)
            for shelf, each in zip(shelves, hits, strict=True)
            if each.exact is not None
        ]
        if len(exact) == 1 and not _only_begins(typed, exact[0], shelves, hits):
            return Matches((exact[0],), 1, exact=True)
        total = sum(each.total for each in hits)
        if first:
            hits = [
                shelf.search(typed, passing, first=start, limit=count)
                for shelf, passing, (start, count) in zip(
                    shelves, among, _parts(hits, first, limit), strict=True
                )
            ]
        found = [
            (rank, shelf, position)
            for shelf, each in zip(shelves, hits, strict=True)
            for rank, position in zip(each.ranks, each.positions, strict=True)
        ]
        if len(shelves) > 1:
            found.sort(key=lambda one: one[0])
        return Matches(
            tuple(shelf.quote(position) for _, shelf, position in found[:limit]),
            total,
            first,
        )

    async def refresh(self) -> None:
        """Read the price lists of all games that are offered; one that is absurd isn't believed.

        What was known of a game stays if its list can't be read. Raises ``MarketError`` for the
        first that can't, once all were tried.
        """
        failed: MarketError | None = None
        for game in await self._offered():
            try:
                await self._refresh(game)
            except MarketError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    async def run(self) -> None:
        """Begin with the prices of the last run, and refresh for ever."""
        async for shelf in self._memory.shelves():
            self._put_up(shelf)
        clock, due = asyncio.get_running_loop().time, dict[str, float]()
        while True:
            self._guilds.games_changed.clear()
            offered = await self._offered()
            for game in offered:
                if due.get(game, 0.0) <= clock():
                    due[game] = clock() + await self._refreshed(game)
            soonest = min(due[game] for game in offered)
            await heard(self._guilds.games_changed, max(0.0, soonest - clock()))

    async def _offered(self) -> list[str]:
        """Return the games that are read, cs2 first."""
        offered = await self._guilds.games_offered()
        return [game for game in APP_IDS if game in offered]

    async def _refreshed(self, game: str) -> float:
        """Read a game's list; return after how many seconds it should be read again."""
        try:
            believed = await self._refresh(game)
        except MarketError as error:
            log.warning("The price list of %s could not be read: %s", game, error)
            believed = False
        failures = 0 if believed else self._failures.get(game, 0) + 1
        self._failures[game] = failures
        growing_s = _RETRY_S * 2 ** min(failures - 1, _DOUBLINGS_MAX)
        pause_s = min(REFRESH_S, growing_s) if failures else REFRESH_S
        return pause_s * self._rng.uniform(1 - _JITTER, 1 + _JITTER)

    async def _refresh(self, game: str) -> bool:
        """Read a game's list and put it up; say whether it was believed. Raises ``MarketError``."""
        async with self._reading:
            # Nobody can be served before there are any.
            pace = self._pace if game in self._shelves else Pace.urgent()
            try:
                rows = await self._read(game, pace)
            except MarketError:
                self._note_trouble(game, TroubleKind.UNREADABLE)
                raise
            before, read_at = self._shelves.get(game), self._clock.now_ms()
            absurd = self._absurd(game, rows.for_sale, 0 if before is None else before.listed)
            if absurd is not None:
                self._note_trouble(game, absurd)
                return False
            usuals = await self._memory.usuals(game, read_at)
            shelf = await pace.through(
                stocking(game, rows, read_at=read_at, before=before, usuals=usuals)
            )
            self._put_up(shelf)
            if self._troubles.pop(game, None) is not None:
                log.info("The price list of %s can be read again.", game)
            await self._memory.keep(shelf, rows)
            return True

    async def _read(self, game: str, pace: Pace) -> Rows:
        rows = Rows()
        async with aclosing(self._market.pricelist(game)) as portions:
            async for portion in portions:
                rows.add(portion)
                if len(rows.places) > NAMES_MAX:
                    raise MarketUnavailableError("a price list with too many names")
                await pace.breathe()
        return rows

    def _absurd(self, game: str, listed: int, known: int) -> TroubleKind | None:
        """Return why a list with so many names on sale can't be believed, when so many were."""
        if not listed:
            log.warning("The price list of %s is empty; the one before is kept.", game)
            return TroubleKind.EMPTY
        if listed * _SMALL >= known:
            self._small.pop(game, None)
            return None
        last, times = self._small.get(game, (listed, 0))
        alike = listed <= 2 * last and last <= 2 * listed
        times = times + 1 if alike else 1
        self._small[game] = (listed, times)
        if times >= _SMALL_TIMES:
            log.warning("The price list of %s stays at %d names: it is believed.", game, listed)
            del self._small[game]
            return None
        log.warning(
            "The price list of %s has %d names where %d were known; the one before is kept.",
            game,
            listed,
            known,
        )
        return TroubleKind.SHRUNK

    def _note_trouble(self, game: str, kind: TroubleKind) -> None:
        known = self._troubles.get(game)
        since = self._clock.now_ms() if known is None else known.since
        self._troubles[game] = Trouble(since, kind)

    def _put_up(self, shelf: Shelf) -> None:
        if shelf.game not in self._shelves:
            log.info("There are prices of %s: %d names.", shelf.game, len(shelf.index.names))
        self._shelves[shelf.game] = shelf


def _parts(hits: Sequence[Hits], first: int, limit: int) -> list[tuple[int, int]]:
    """Return where in each game the page of all of them begins, and how many it has of that game.

    Only how many there are of each rank is looked at, so the last page costs what the first does.
    """
    starts, counts = [0] * len(hits), [0] * len(hits)
    runs = [(rank, game, count) for game, each in enumerate(hits) for rank, count in each.runs]
    for _, game, count in sorted(runs):
        before = min(first, count)
        here = min(limit, count - before)
        first, limit = first - before, limit - here
        starts[game] += before
        counts[game] += here
    return list(zip(starts, counts, strict=True))


def _only_begins(typed: str, exact: Quote, shelves: Sequence[Shelf], hits: Sequence[Hits]) -> bool:
    """Say whether the name that was typed is also how others begin: "karambit" may be any of them.

    Spelt as the market spells it, it is meant. Those that begin so are among the best matches.
    """
    if typed == exact.market_hash_name:
        return False
    beginning = f"{fold(typed)} "
    return any(
        fold(shelf.index.names[position]).startswith(beginning)
        for shelf, each in zip(shelves, hits, strict=True)
        for position in each.positions[:_BEST]
    )
