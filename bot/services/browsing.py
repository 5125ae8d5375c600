"""Looking through what is for sale: page by page, one skin, and the listings of one.

Which skin a screen shows is kept like a search, because a name doesn't fit into a button.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Final
from weakref import WeakValueDictionary

from bot.domain.limits import TYPED_NAME_MAX
from bot.domain.market import Listing, Quote
from bot.domain.models import Actor, Basket, GuildSettings, Pick
from bot.domain.money import ceiling_for
from bot.domain.picking import NO_FILTERS, Filters, Search
from bot.domain.plain_text import clean_line
from bot.domain.skin_keys import Skin
from bot.errors import MarketError, Problem, UserFacingError
from bot.services.baskets import Added, Baskets, Wish, pick_of, put, require_room, skin_of
from bot.services.catalogue import Catalogue, PriceAge
from bot.services.clock import Clock
from bot.services.guilds import Guilds
from bot.services.picking import Found, Picking
from bot.skinsback.client import SkinsbackClient
from bot.skinsback.limiter import CallClass
from bot.store import baskets, searches
from bot.store.database import Database, Transaction

PAGE: Final = 7
"""Skins on a page: each costs three of forty components, and the rest of the screen needs 19."""

LISTINGS_MAX: Final = 250
"""Of one skin, the cheapest: nobody pages through ten thousand cases."""

_FRESH_MS: Final = 30_000
_SKINS_KEPT: Final = 50
_PATIENCE_S: Final = 10.0
"""Longer than this nobody looks at a button that doesn't react."""


@dataclass(frozen=True, slots=True)
class Look:
    """One skin as it is for sale today; ``quote`` is None once the price lists don't have it.

    ``look_id`` stands for it in buttons, before a restart as after it; ``prices``: how old the
    price is (unix ms).
    """

    look_id: int
    game: str
    market_hash_name: str
    quote: Quote | None
    basket: Basket
    lines_max: int
    prices: PriceAge

    @property
    def in_basket(self) -> int:
        """How many of it are in the basket, particular listings too."""
        return count_in(self.basket, self.game, self.market_hash_name)


@dataclass(frozen=True, slots=True)
class PutIn:
    """What a tap on "Add" did. ``pick`` is None if another tap had been faster: nothing then."""

    look: Look
    pick: Pick | None


@dataclass(frozen=True, slots=True)
class Listed:
    """The cheapest listings of a skin, as the market told them at ``read_at`` (unix ms).

    ``total`` counts those too that are too many to be shown.
    """

    look: Look
    listings: tuple[Listing, ...]
    total: int
    read_at: int


@dataclass(frozen=True, slots=True)
class _Known:
    listings: tuple[Listing, ...]
    total: int
    read_at: int


class Browsing:
    """Use cases of ``/skins``. All raise ``UserFacingError`` if the actor may not ask here."""

    def __init__(
        self,
        database: Database,
        guilds: Guilds,
        catalogue: Catalogue,
        baskets_: Baskets,
        picking: Picking,
        market: SkinsbackClient,
        clock: Clock,
    ) -> None:
        self._database = database
        self._guilds = guilds
        self._catalogue = catalogue
        self._baskets = baskets_
        self._picking = picking
        self._market = market
        self._clock = clock
        self._known: dict[Skin, _Known] = {}
        self._turns = WeakValueDictionary[Skin, asyncio.Lock]()

    async def begin(self, actor: Actor, typed: str, *, filters: Filters = NO_FILTERS) -> Found:
        """Show the first page of what fits; nothing typed fits everything.

        Raises ``UserFacingError`` (CATALOGUE_MISSING).
        """
        return _page_of(await self._picking.begin(actor, typed, filters=filters, browsing=True))

    async def page(self, actor: Actor, search_id: int, first: int) -> Found:
        """Show the page that begins at ``first``; the last one if the list has become shorter.

        Raises ``UserFacingError`` (SEARCH_FORGOTTEN).
        """
        wanted = first // PAGE * PAGE
        found = await self._picking.page(actor, search_id, wanted)
        last = max(0, (found.matches.total - 1) // PAGE * PAGE)
        if wanted > last:
            found = await self._picking.page(actor, search_id, last)
        return _page_of(found)

    async def narrow(self, actor: Actor, search_id: int, filters: Filters) -> Found:
        """Show the first page of the same with other filters; the old screen stays true.

        Raises ``UserFacingError`` (SEARCH_FORGOTTEN).
        """
        return _page_of(await self._picking.narrow(actor, search_id, filters))

    async def look(self, actor: Actor, game: str, name: str) -> Look:
        """Show one skin, and keep which. Raises ``UserFacingError`` (SKIN_UNKNOWN)."""
        basket = await self._baskets.open(actor)
        guild = await self._guilds.get(basket.guild_id)
        if game not in guild.games or self._catalogue.find(game, name) is None:
            shown = clean_line(name, length_max=TYPED_NAME_MAX)
            raise UserFacingError(Problem.SKIN_UNKNOWN, typed=shown)
        search = Search(
            0,
            basket.request_id,
            name,
            filters=Filters(game=game),
            browsing=True,
            one_skin=True,
        )
        async with self._database.writing() as tx:
            look_id = await searches.add(tx, search, at=self._clock.now_ms())
        return self._look(replace(search, search_id=look_id), basket, guild)

    async def look_again(self, actor: Actor, look_id: int) -> Look:
        """Show the skin of a screen anew. Raises ``UserFacingError`` (SEARCH_FORGOTTEN)."""
        basket = await self._baskets.open(actor)
        async with self._database.reading() as tx:
            search = await _one_skin(tx, basket, look_id)
        return self._look(search, basket, await self._guilds.get(basket.guild_id))

    def _look(self, search: Search, basket: Basket, guild: GuildSettings) -> Look:
        game = search.filters.game
        return Look(
            search.search_id,
            game,
            search.typed,
            self._catalogue.find(game, search.typed) if game in guild.games else None,
            basket,
            guild.lines_max,
            self._catalogue.age([game]),
        )

    async def add(self, actor: Actor, look_id: int, *, had: int) -> PutIn:
        """Put one more of the skin of a screen into the basket, however that has changed.

        ``had``: how many of it the screen showed in the basket; with another number there by now
        the tap came twice, or from an old screen, and does nothing. Raises ``UserFacingError``
        (SEARCH_FORGOTTEN, SKIN_OUT_OF_STOCK, TOO_MANY_LINES); the basket stays as it was.
        """
        async with self._database.writing() as tx:
            basket, guild = await self._baskets.now(tx, actor)
            look = self._look(await _one_skin(tx, basket, look_id), basket, guild)
            if look.in_basket != had:
                return PutIn(look, None)
            quote = look.quote
            if quote is None or quote.count == 0:
                raise UserFacingError(Problem.SKIN_OUT_OF_STOCK, skin=look.market_hash_name)
            require_room(basket, guild, 1)
            pick = pick_of(quote, 1, ceiling_for(quote.price, guild.tolerance_bp))
            at = self._clock.now_ms()
            await baskets.change(tx, basket.request_id, revision=basket.revision, at=at)
            await put(tx, basket, pick)
            basket, _ = await self._baskets.now(tx, actor)
        return PutIn(replace(look, basket=basket), pick)

    async def listings(self, actor: Actor, look_id: int) -> Listed:
        """Return the listings of a screen's skin, the cheapest first, at most half a minute old.

        Raises ``UserFacingError`` (SEARCH_FORGOTTEN, MARKET_UNREACHABLE).
        """
        look = await self.look_again(actor, look_id)
        known = await self._listings(look.game, look.market_hash_name)
        return Listed(look, known.listings, known.total, known.read_at)

    async def put_listing(self, actor: Actor, look_id: int, listing_id: int) -> Pick:
        """Put one particular listing into the basket, if it is still for sale.

        Raises ``UserFacingError`` (SEARCH_FORGOTTEN, and all that ``Baskets.add`` raises).
        """
        look = await self.look_again(actor, look_id)
        try:
            outcome = await self._baskets.add(
                actor, Wish(look.market_hash_name, listing_id=listing_id, game=look.game)
            )
        except UserFacingError as error:
            if error.problem is Problem.LISTING_GONE:
                # The market was asked just now, so the list that it stood on is out of date.
                self._known.pop((look.game, look.market_hash_name), None)
            raise
        if not isinstance(outcome, Added):
            # Its name is no whole name any more: the price lists have changed under the screen.
            raise UserFacingError(Problem.SKIN_UNKNOWN, typed=look.market_hash_name)
        return outcome.pick

    async def _listings(self, game: str, name: str) -> _Known:
        """Return a skin's listings; of many who ask at once, one asks the market."""
        turn = self._turns.setdefault((game, name), asyncio.Lock())
        try:
            async with asyncio.timeout(_PATIENCE_S), turn:
                known = self._known.get((game, name))
                if known is None or not 0 <= self._clock.now_ms() - known.read_at < _FRESH_MS:
                    known = await self._read(game, name)
        except (MarketError, TimeoutError):
            raise UserFacingError(Problem.MARKET_UNREACHABLE) from None
        return known

    async def _read(self, game: str, name: str) -> _Known:
        now = self._clock.now_ms()
        found = await self._market.search(game, [name], for_=CallClass.STATUS)
        # An id that stands twice would be one choice twice, which Discord refuses.
        by_id = {listing.listing_id: listing for listing in found}
        cheapest = sorted(by_id.values(), key=lambda one: (one.price, one.listing_id))
        read = _Known(tuple(cheapest[:LISTINGS_MAX]), len(cheapest), now)
        self._known.pop((game, name), None)
        self._known[game, name] = read
        if len(self._known) > _SKINS_KEPT:
            del self._known[next(iter(self._known))]
        return read


async def _one_skin(tx: Transaction, basket: Basket, look_id: int) -> Search:
    search = await searches.find(tx, basket.request_id, look_id)
    if search is None or not search.one_skin:
        raise UserFacingError(Problem.SEARCH_FORGOTTEN)
    return search


def count_in(basket: Basket, game: str, name: str) -> int:
    """Return how many of a skin are in a basket, particular listings too."""
    return sum(pick.quantity for pick in basket.picks if skin_of(pick) == (game, name))


def _page_of(found: Found) -> Found:
    """Return a page of ours out of one of a search's, which is longer."""
    matches = replace(found.matches, quotes=found.matches.quotes[:PAGE])
    return replace(found, matches=matches)
