"""What can be asked for: the grouped price list, in memory, refreshed in the background."""

from __future__ import annotations

import asyncio
import logging
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.market import Quote
from bot.errors import MarketError, Problem, UserFacingError
from bot.services.clock import Clock
from bot.skinsback.client import SkinsbackClient
from bot.store.prices import PriceFile

log = logging.getLogger(__name__)

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
    """The first of ``total`` quotes that match what was typed, best first."""

    quotes: tuple[Quote, ...]
    total: int


class Catalogue:
    """The price lists of the games that are offered."""

    def __init__(
        self,
        market: SkinsbackClient,
        clock: Clock,
        file: PriceFile,
        games: Sequence[str] = ("cs2",),
    ) -> None:
        self._market = market
        self._clock = clock
        self._file = file
        self._games = tuple(games)
        self._by_name: dict[str, Quote] = {}
        self._folded: list[tuple[str, Quote]] = []
        self._refreshed_at: int | None = None

    @property
    def refreshed_at(self) -> int | None:
        """When the prices were read, or None if they never were."""
        return self._refreshed_at

    def find(self, market_hash_name: str) -> Quote | None:
        """Return the quote of exactly this name."""
        return self._by_name.get(market_hash_name)

    def search(self, typed: str, *, limit: int = 25) -> Matches:
        """Return what matches every word typed, in any order; the exact name alone if it is one.

        Raises ``UserFacingError`` (CATALOGUE_MISSING) as long as no price list has been read.
        """
        if self._refreshed_at is None:
            raise UserFacingError(Problem.CATALOGUE_MISSING)
        if (quote := self._by_name.get(typed)) is not None:
            return Matches((quote,), 1)
        folded = fold(typed)
        words = " ".join(_SHORT.get(word, word) for word in folded.split()).split()
        words.sort(key=len, reverse=True)
        exact = [quote for name, quote in self._folded if name == folded] if words else []
        if len(exact) == 1:
            return Matches((exact[0],), 1)
        found = [entry for entry in self._folded if all(word in entry[0] for word in words)]
        # Words that begin a word come first: "ak" means AK-47 and not a part of StatTrak.
        found.sort(key=lambda entry: not all(f" {word}" in f" {entry[0]}" for word in words))
        return Matches(tuple(quote for _, quote in found[:limit]), len(found))

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


def _index(quotes: list[Quote]) -> tuple[dict[str, Quote], list[tuple[str, Quote]]]:
    """Return quotes by name, and their folded names in the order in which they are offered."""

    def rank(entry: tuple[str, Quote]) -> tuple[bool, bool, bool, int, str]:
        name, quote = entry
        return (quote.count == 0, "souvenir" in name, "stattrak" in name, len(name), name)

    folded = sorted(((fold(quote.market_hash_name), quote) for quote in quotes), key=rank)
    return {quote.market_hash_name: quote for quote in quotes}, folded
