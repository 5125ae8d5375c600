"""Looking for skins from a basket: searches that can be paged through, and what is chosen of them.

A search is kept with its basket, so its screens work after a restart and on another device.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.domain.limits import TYPED_NAME_MAX
from bot.domain.market import APP_IDS, Quote
from bot.domain.models import Actor, Basket, GuildSettings, Pick
from bot.domain.money import Micros, ceiling_for
from bot.domain.picking import NO_FILTERS, Filters, LeftOut, Search, Why
from bot.domain.plain_text import clean_line
from bot.domain.skin_keys import Skin, key_of, skin_of_key
from bot.errors import Problem, UserFacingError
from bot.services.baskets import Added, Baskets, Shown, Wish, pick_of, put, require_may_ask
from bot.services.catalogue import Catalogue, Matches, PriceAge
from bot.services.clock import Clock
from bot.services.guilds import Guilds
from bot.store import baskets, recents, searches, settings
from bot.store.database import Database

PAGE: Final = 25
"""Results on a page, and suggestions: as many as one select holds."""


@dataclass(frozen=True, slots=True)
class Found:
    """One page of what a search finds today. ``prices``: how old its prices are."""

    basket: Basket
    search: Search
    matches: Matches
    games: tuple[str, ...]
    prices: PriceAge


@dataclass(frozen=True, slots=True)
class Taken:
    """What was typed is in the basket.

    ``search_id``: the search that it was guessed from, for whoever meant another one.
    """

    added: Added
    search_id: int | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen is in the basket now, as far as it can be; what is not is named."""

    basket: Basket
    picks: tuple[Pick, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A skin that is suggested. ``shared``: another game offered here has one of that name."""

    quote: Quote
    shared: bool


class Picking:
    """Use cases of looking for skins. All raise ``UserFacingError`` if the actor may not ask."""

    def __init__(
        self,
        database: Database,
        guilds: Guilds,
        catalogue: Catalogue,
        baskets_: Baskets,
        clock: Clock,
    ) -> None:
        self._database = database
        self._guilds = guilds
        self._catalogue = catalogue
        self._baskets = baskets_
        self._clock = clock

    async def begin(
        self,
        actor: Actor,
        typed: str,
        *,
        quantity: int = 1,
        ceiling: Micros | None = None,
        filters: Filters = NO_FILTERS,
        browsing: bool = False,
    ) -> Found:
        """Look for what was typed, and keep the search. Raises (CATALOGUE_MISSING)."""
        basket = await self._baskets.open(actor)
        search = Search(
            0,
            basket.request_id,
            clean_line(typed, length_max=TYPED_NAME_MAX),
            quantity,
            ceiling,
            filters,
            browsing,
        )
        return await self._keep(basket, search)

    async def take(self, actor: Actor, wish: Wish) -> Taken | Found:
        """Put the skin into the basket that was typed, or look for what it may have been.

        Raises as ``Baskets.add`` does.
        """
        outcome = await self._baskets.add(actor, wish)
        search = self._search_for(outcome.basket, wish)
        if not isinstance(outcome, Added):
            search = replace(search, search_id=await self._save(search))
            prices = self._catalogue.age(outcome.games)
            return Found(outcome.basket, search, outcome.matches, outcome.games, prices)
        return Taken(outcome, await self._save(search) if outcome.guessed else None)

    async def remember(self, actor: Actor, wish: Wish) -> int:
        """Keep what was typed in vain, so that nobody has to type it again; return the search."""
        return await self._save(self._search_for(await self._baskets.open(actor), wish))

    async def known(self, actor: Actor, search_id: int) -> Search | None:
        """Return a search of the member's basket, if it is still known."""
        basket = await self._baskets.open(actor)
        async with self._database.reading() as tx:
            return await searches.find(tx, basket.request_id, search_id)

    async def suggest(self, actor: Actor, typed: str) -> tuple[Suggestion, ...]:
        """Return what to suggest to somebody who types; what they and their server had before, as
        long as they have typed nothing.

        Raises ``UserFacingError`` (CATALOGUE_MISSING).
        """
        guild_id = self._guilds.require_allowed(actor)
        before: list[Skin] = []
        async with self._database.reading() as tx:
            guild = await settings.get_guild(tx, guild_id)
            require_may_ask(actor, guild)
            if not typed.strip():
                before = await recents.of_member(tx, guild_id, actor.user_id)
                before += await recents.most_wanted(tx, guild_id)
        quotes = (
            self._for_sale(before, guild.games)
            or self._catalogue.search(
                clean_line(typed, length_max=TYPED_NAME_MAX), guild.games, limit=PAGE
            ).quotes
        )
        return tuple(Suggestion(quote, self._is_shared(quote, guild.games)) for quote in quotes)

    def _for_sale(self, skins: Sequence[Skin], games: Sequence[str]) -> tuple[Quote, ...]:
        found = (self._catalogue.find(*skin) for skin in dict.fromkeys(skins) if skin[0] in games)
        return tuple(quote for quote in found if quote is not None and quote.count)[:PAGE]

    def _is_shared(self, quote: Quote, games: Sequence[str]) -> bool:
        others = (game for game in games if game != quote.game)
        return any(self._catalogue.find(game, quote.market_hash_name) for game in others)

    async def page(self, actor: Actor, search_id: int, first: int) -> Found:
        """Show the page of a search that begins at ``first``. Raises (SEARCH_FORGOTTEN)."""
        basket = await self._baskets.open(actor)
        return await self._found(basket, await self._known(basket, search_id), first)

    async def narrow(self, actor: Actor, search_id: int, filters: Filters) -> Found:
        """Look for the same with other filters: a new search, so that an old screen stays true."""
        basket = await self._baskets.open(actor)
        known = await self._known(basket, search_id)
        return await self._keep(basket, replace(known, filters=filters))

    async def _known(self, basket: Basket, search_id: int) -> Search:
        async with self._database.reading() as tx:
            search = await searches.find(tx, basket.request_id, search_id)
        if search is None:
            raise UserFacingError(Problem.SEARCH_FORGOTTEN)
        return search

    def _search_for(self, basket: Basket, wish: Wish) -> Search:
        typed = clean_line(wish.typed, length_max=TYPED_NAME_MAX)
        if typed and wish.listing_id is not None:
            typed = f"{typed} #{wish.listing_id}"  # as it may be typed, and is split again
        filters = Filters(game=wish.game)
        return Search(0, basket.request_id, typed, wish.quantity, wish.ceiling, filters)

    async def _keep(self, basket: Basket, search: Search) -> Found:
        found = await self._found(basket, search, 0)
        return replace(found, search=replace(search, search_id=await self._save(search)))

    async def _save(self, search: Search) -> int:
        async with self._database.writing() as tx:
            return await searches.add(tx, search, at=self._clock.now_ms())

    async def _found(self, basket: Basket, search: Search, first: int) -> Found:
        games = (await self._guilds.get(basket.guild_id)).games
        matches = self._catalogue.search(
            search.typed, games, filters=search.filters, first=first, limit=PAGE
        )
        if first and not matches.quotes:
            # There are fewer than there were when the button was drawn.
            return await self._found(basket, search, max(0, (matches.total - 1) // PAGE * PAGE))
        return Found(basket, search, matches, games, self._catalogue.age(games))

    async def chosen_on(self, actor: Actor, search_id: int, first: int, skin: Skin) -> Skin:
        """Return which skin was chosen on the page that begins at ``first``, by its whole name.

        Raises ``UserFacingError`` (SEARCH_FORGOTTEN).
        """
        if self._catalogue.find(*skin) is not None:
            return skin
        found = await self.page(actor, search_id, first)
        quote = _by_key(found.matches.quotes).get(skin)
        return skin if quote is None else (quote.game, quote.market_hash_name)

    async def choose(
        self,
        actor: Actor,
        shown: Shown,
        search_id: int,
        skins: Sequence[Skin],
        *,
        first: int = 0,
    ) -> Chosen:
        """Put skins into the basket that was shown, each as often as the search wants it.

        ``first``: where the page began that they were chosen on; only a name that was too long for
        a menu is looked for there. What can't be put in is left out, and the others go in.
        Raises ``UserFacingError`` (BASKET_CHANGED, SEARCH_FORGOTTEN).
        """
        basket = await self._baskets.open_shown(actor, shown)
        search = await self._known(basket, search_id)
        quotes = {skin: self._catalogue.find(*skin) for skin in skins}
        if None in quotes.values():
            cut = _by_key((await self._found(basket, search, first)).matches.quotes)
            quotes = {skin: quote or cut.get(skin) for skin, quote in quotes.items()}
        async with self._database.writing() as tx:
            basket, guild = await self._baskets.now(tx, actor)
            if not shown.is_still(basket):
                raise UserFacingError(Problem.BASKET_CHANGED)
            picks, left_out = _sort_out(quotes, search, basket, guild)
            if picks:
                at = self._clock.now_ms()
                await baskets.change(tx, basket.request_id, revision=basket.revision, at=at)
            for pick in picks:
                await put(tx, basket, pick)
            changed, _ = await self._baskets.now(tx, actor)
        return Chosen(changed, tuple(picks), tuple(left_out))


def _by_key(quotes: Iterable[Quote]) -> dict[Skin, Quote]:
    """Return quotes by what comes back of them from a menu, which cuts what is too long."""
    return {skin_of_key(key_of(one.game, one.market_hash_name)): one for one in quotes}


def _sort_out(
    quotes: Mapping[Skin, Quote | None], search: Search, basket: Basket, guild: GuildSettings
) -> tuple[list[Pick], list[LeftOut]]:
    """Return what goes into the basket of what was chosen, and what doesn't."""
    room = guild.lines_max - basket.lines_count
    picks: list[Pick] = []
    left_out: list[LeftOut] = []
    for (game, name), quote in quotes.items():
        if game in APP_IDS and game not in guild.games:
            left_out.append(LeftOut(name, Why.NOT_OFFERED))
        elif quote is None or not quote.count:
            left_out.append(LeftOut(name, Why.SOLD_OUT))
        elif search.ceiling is not None and quote.price > search.ceiling:
            left_out.append(LeftOut(quote.market_hash_name, Why.TOO_DEAR, quote.price))
        elif search.quantity > room:
            left_out.append(LeftOut(quote.market_hash_name, Why.NO_ROOM))
        else:
            usual = ceiling_for(quote.price, guild.tolerance_bp)
            picks.append(pick_of(quote, search.quantity, search.ceiling or usual))
            room -= search.quantity
    return picks, left_out
