"""Looking for skins from a basket: searches that can be paged through, and what is chosen of them.

A search is kept with its basket, so its screens work after a restart and on another device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.domain.limits import TYPED_NAME_MAX
from bot.domain.market import Quote
from bot.domain.models import Actor, Basket, Pick
from bot.domain.money import Micros, ceiling_for
from bot.domain.picking import Filters, Search
from bot.domain.plain_text import clean_line
from bot.errors import Problem, UserFacingError
from bot.services.baskets import Baskets, Shown, pick_of, put
from bot.services.catalogue import NO_FILTERS, Catalogue, Matches
from bot.services.clock import Clock
from bot.services.guilds import Guilds
from bot.store import baskets, searches, settings
from bot.store.database import Database

PAGE: Final = 25
"""Results on a page: as many as one select holds."""


@dataclass(frozen=True, slots=True)
class Found:
    """One page of what a search finds today. ``prices_at``: how old the prices are (unix ms)."""

    basket: Basket
    search: Search
    matches: Matches
    games: tuple[str, ...]
    prices_at: int | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen is in the basket now, as far as it can be. ``left_out``: the names of what
    found no room, is sold out, or costs more than was wanted.
    """

    basket: Basket
    picks: tuple[Pick, ...]
    left_out: tuple[str, ...]


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

    async def _keep(self, basket: Basket, search: Search) -> Found:
        found = await self._found(basket, search, 0)
        async with self._database.writing() as tx:
            search_id = await searches.add(tx, search, at=self._clock.now_ms())
        return replace(found, search=replace(search, search_id=search_id))

    async def _found(self, basket: Basket, search: Search, first: int) -> Found:
        games = (await self._guilds.get(basket.guild_id)).games
        matches = self._catalogue.search(
            search.typed, games, filters=search.filters, first=first, limit=PAGE
        )
        if first and not matches.quotes:
            # There are fewer than there were when the button was drawn.
            return await self._found(basket, search, max(0, (matches.total - 1) // PAGE * PAGE))
        return Found(basket, search, matches, games, self._catalogue.oldest_at(games))

    async def choose(
        self, actor: Actor, shown: Shown, search_id: int, skins: Sequence[tuple[str, str]]
    ) -> Chosen:
        """Put skins (game, market hash name) into the basket that was shown, as often as the
        search wants each.

        Raises ``UserFacingError`` (BASKET_CHANGED, SEARCH_FORGOTTEN).
        """
        basket = await self._baskets.open_shown(actor, shown)
        search = await self._known(basket, search_id)
        quotes = {skin: self._catalogue.find(*skin) for skin in skins}
        async with self._database.writing() as tx:
            guild = await settings.get_guild(tx, basket.guild_id)
            at = self._clock.now_ms()
            if not await baskets.change(tx, basket.request_id, revision=shown.revision, at=at):
                raise UserFacingError(Problem.BASKET_CHANGED)
            basket = await self._baskets.find_or_make(tx, basket.guild_id, basket.user_id)
            room, picks, left_out = guild.lines_max - basket.lines_count, [], []
            for skin, quote in quotes.items():
                if quote is None or skin[0] not in guild.games or not _fits(quote, search, room):
                    left_out.append(skin[1])
                    continue
                usual = ceiling_for(quote.price, guild.tolerance_bp)
                pick = pick_of(quote, search.quantity, search.ceiling or usual)
                await put(tx, basket, pick)
                room -= pick.quantity
                picks.append(pick)
            changed = await self._baskets.find_or_make(tx, basket.guild_id, basket.user_id)
        return Chosen(changed, tuple(picks), tuple(left_out))


def _fits(quote: Quote, search: Search, room: int) -> bool:
    enough = search.ceiling is None or search.ceiling >= quote.price
    return quote.count > 0 and enough and search.quantity <= room
