"""What can be asked for: the grouped price list, in memory, refreshed in the background."""

from __future__ import annotations

import asyncio
import logging
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.market import APP_IDS, Quote
from bot.domain.picking import Filters
from bot.errors import MarketError, Problem, UserFacingError
from bot.services.clock import Clock
from bot.skinsback.client import SkinsbackClient
from bot.store.prices import PriceFile

log = logging.getLogger(__name__)

NO_FILTERS: Final = Filters()
REFRESH_S: Final = 300.0
_RETRY_S: Final = 30.0
_MARKS: Final = str.maketrans("", "", "★™")
_WORD: Final = re.compile(r"[a-z0-9]+")
_SHORT: Final = {
    "fn": "factory new",
    "mw": "minimal wear",
    "ft": "field tested",
    "ww": "well worn",
    "bs": "battle scarred",
    "st": "stattrak",
}
"""What people type for the words that stand in every other name."""


def fold(text: str) -> str:
    """Return ``text`` as it is compared: no case, accents, stars or punctuation.

    The trade mark goes first, because NFKD would turn it into the letters TM.
    """
    bare = unicodedata.normalize("NFKD", text.translate(_MARKS).casefold())
    return " ".join(_WORD.findall("".join(c for c in bare if not unicodedata.combining(c))))


@dataclass(frozen=True, slots=True)
class Matches:
    """Some of ``total`` quotes that match what was typed, best first; ``first``: the first's place.

    ``exact``: what was typed is the name of the only quote.
    """

    quotes: tuple[Quote, ...]
    total: int
    first: int = 0
    exact: bool = False


class Catalogue:
    """The price lists of the games that are offered."""

    def __init__(
        self,
        market: SkinsbackClient,
        clock: Clock,
        file: PriceFile,
        games: Sequence[str] = tuple(APP_IDS),
    ) -> None:
        self._market = market
        self._clock = clock
        self._file = file
        self._games = tuple(games)
        self._by_name: dict[tuple[str, str], Quote] = {}
        self._folded: list[tuple[str, Quote]] = []
        self._refreshed_at: int | None = None

    def refreshed_at(self, game: str) -> int | None:
        """When the prices of a game were read (unix ms), or None if they never were."""
        return self._refreshed_at if game in self._games else None

    def oldest_at(self, games: Iterable[str]) -> int | None:
        """Since when the prices of all these games stand, or None if none was ever read."""
        return min(filter(None, map(self.refreshed_at, games)), default=None)

    def find(self, game: str, market_hash_name: str) -> Quote | None:
        """Return the quote of exactly this name."""
        return self._by_name.get((game, market_hash_name))

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
        if self.oldest_at(games) is None:
            raise UserFacingError(Problem.CATALOGUE_MISSING)
        for game in games:
            quote = self.find(game, typed)
            if quote is not None and _passes(quote, filters):
                return Matches((quote,), 1, exact=True)
        folded = fold(typed)
        words = " ".join(_SHORT.get(word, word) for word in folded.split()).split()
        words.sort(key=len, reverse=True)
        among = [
            entry for entry in self._folded if entry[1].game in games and _passes(entry[1], filters)
        ]
        exact = [quote for name, quote in among if name == folded] if words else []
        if len(exact) == 1:
            return Matches((exact[0],), 1, exact=True)
        found = [entry for entry in among if all(word in entry[0] for word in words)]
        # Words that begin a word come first: "ak" means AK-47 and not a part of StatTrak.
        found.sort(key=lambda entry: not all(f" {word}" in f" {entry[0]}" for word in words))
        shown = found[first : first + limit]
        return Matches(tuple(quote for _, quote in shown), len(found), first)

    async def refresh(self) -> None:
        """Read the price lists anew; one that comes back empty is not believed.

        Raises ``MarketError``; what was known stays.
        """
        quotes: list[Quote] = []
        for game in self._games:
            quotes += await self._market.pricelist(game)
        if not quotes:
            log.warning("The market's price list is empty; the one before is kept.")
            return
        self._by_name, self._folded = await asyncio.to_thread(_index, quotes)
        self._refreshed_at = self._clock.now_ms()
        await asyncio.to_thread(self._file.save, quotes, self._refreshed_at)

    async def _load(self) -> None:
        """Start with the prices of the last run, so that a market that is down stops nobody."""
        saved = await asyncio.to_thread(self._file.load)
        if saved is not None:
            quotes, self._refreshed_at = saved
            self._by_name, self._folded = await asyncio.to_thread(_index, quotes)

    async def run(self) -> None:
        """Refresh for ever."""
        await self._load()
        while True:
            try:
                await self.refresh()
                pause_s = REFRESH_S
            except MarketError as error:
                log.warning("The price list could not be read: %s", error)
                pause_s = _RETRY_S
            await asyncio.sleep(pause_s)


def _passes(quote: Quote, filters: Filters) -> bool:
    name, price = quote.market_hash_name, quote.price
    return (
        (not filters.game or quote.game == filters.game)
        and (filters.price_min is None or price >= filters.price_min)
        and (filters.price_max is None or price <= filters.price_max)
        and (filters.wear is None or f"({filters.wear})" in name)
        and (filters.stattrak is None or ("StatTrak" in name) is filters.stattrak)
        and (not filters.in_stock or quote.count > 0)
    )


def _index(
    quotes: list[Quote],
) -> tuple[dict[tuple[str, str], Quote], list[tuple[str, Quote]]]:
    """Return quotes by name, and their folded names in the order in which they are offered."""

    def rank(entry: tuple[str, Quote]) -> tuple[bool, bool, bool, int, str]:
        name, quote = entry
        return (quote.count == 0, "souvenir" in name, "stattrak" in name, len(name), name)

    folded = sorted(((fold(quote.market_hash_name), quote) for quote in quotes), key=rank)
    return {(quote.game, quote.market_hash_name): quote for quote in quotes}, folded
