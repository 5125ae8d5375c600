"""For members: ``/skins``, which looks through what is on sale, and every click of its screens."""

from __future__ import annotations

from dataclasses import replace

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.app import Quartermaster
from bot.domain.models import Actor
from bot.domain.money import Micros, parse_typed_price
from bot.domain.picking import NO_FILTERS, Filters, Wear
from bot.domain.skin_keys import skin_of_key
from bot.domain.typed import parse_whole_number, split_listing
from bot.errors import Problem, UserFacingError
from bot.services.browsing import PAGE, Look
from bot.services.picking import Found
from bot.ui import text
from bot.ui.basket_screens import chosen_in, shown_by
from bot.ui.cards.skins import (
    ANY,
    STATTRAK_VALUES,
    Origin,
    filters_screen,
    find_modal,
    go_modal,
    listings_screen,
    prices_modal,
    skin_screen,
    skins_page,
)
from bot.ui.custom_ids import Space, number_in
from bot.ui.guard import Click, Handler, Interaction, actor_of, show
from bot.ui.suggestions import suggest_skins, typed_skin

_WEARS = {wear.name.lower(): wear for wear in Wear}


class SkinsCog(commands.Cog):
    """The command that browses, and its screens."""

    def __init__(self, bot: Quartermaster) -> None:
        self._frame = bot.frame
        self._browsing = bot.services.browsing
        self._picking = bot.services.picking
        self._guilds = bot.services.guilds
        handlers: dict[str, Handler] = {
            "page": self._page,
            "go": self._ask_for_page,
            "set_page": self._go_to_page,
            "look": self._look,
            "put": self._put,
            "filters": self._filters,
            "game": self._set_game,
            "wear": self._set_wear,
            "stattrak": self._set_stattrak,
            "stock": self._toggle_stock,
            "prices": self._ask_for_prices,
            "set_prices": self._set_prices,
            "clear": self._clear,
            "clear_here": self._clear_here,
            "find": self._ask_what_to_find,
            "set_find": self._find,
            "skin": self._skin,
            "add": self._add,
            "listings": self._listings,
            "listing": self._add_listing,
        }
        for verb, handler in handlers.items():
            bot.router.on(Space.SKINS, verb, self._or_from_the_beginning(handler))

    @app_commands.command(name=text.CMD_SKINS_NAME, description=text.CMD_SKINS)
    @app_commands.describe(name=text.CMD_SKINS_ITEM)
    @app_commands.guild_only()
    async def skins(
        self,
        interaction: discord.Interaction,
        name: app_commands.Range[str, 1, 200] | None = None,
    ) -> None:
        """Open the first page of what fits, or the one skin that it is."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        actor = actor_of(interaction)
        game, named = typed_skin(name or "")
        # A listing is picked on the screen of its skin.
        typed, _ = split_listing(named)
        found = await self._browsing.begin(actor, typed, filters=Filters(game=game))
        await show(interaction, await self._begun(actor, found))

    @skins.autocomplete("name")
    async def _autocomplete(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        return await suggest_skins(interaction, self._picking, current)

    async def _begun(self, actor: Actor, found: Found) -> ui.LayoutView:
        """Return the first screen of a search: a page, or the skin if it finds one only."""
        if found.matches.total != 1:
            return skins_page(found, self._frame())
        only = found.matches.quotes[0]
        look = await self._browsing.look(actor, only.game, only.market_hash_name)
        return skin_screen(look, self._frame(), Origin(found.search.search_id))

    def _or_from_the_beginning(self, handler: Handler) -> Handler:
        """Answer with everything on sale where a screen's search or skin is not known any more."""

        async def answer(click: Click) -> None:
            try:
                await handler(click)
            except UserFacingError as error:
                if error.problem is not Problem.SEARCH_FORGOTTEN:
                    raise
                if not click.interaction.response.is_done():
                    await click.answer()
                found = await self._browsing.begin(click.actor, "")
                await click.show(skins_page(found, self._frame(), text.SKINS_FORGOTTEN))

        return answer

    async def _found(self, click: Click) -> Found:
        """Return the list that a click is about, at the page that its custom id names if any."""
        search_id, first = click.custom_id.numbers(2)
        return await self._browsing.page(click.actor, search_id, first)

    async def _page(self, click: Click) -> None:
        await click.answer()
        await click.show(skins_page(await self._found(click), self._frame()))

    async def _ask_for_page(self, click: Click) -> None:
        await click.ask(go_modal(await self._found(click)))

    async def _go_to_page(self, click: Click) -> None:
        await click.answer()
        search_id = click.custom_id.number()
        typed = click.fields.get("page", "")
        page = parse_whole_number(typed)
        first = 0 if page is None else max(0, page - 1) * PAGE
        found = await self._browsing.page(click.actor, search_id, first)
        notice = text.page_unreadable(typed) if page is None else ""
        await click.show(skins_page(found, self._frame(), notice))

    async def _put(self, click: Click) -> None:
        await click.answer()
        search_id, first = click.custom_id.numbers(2)
        skins = [skin_of_key(key) for key in click.values]
        try:
            chosen = await self._picking.choose(
                click.actor, shown_by(click), search_id, skins, first=first
            )
            guild = await self._guilds.get(chosen.basket.guild_id)
            notice = text.skins_put(chosen.picks, chosen.left_out, guild.lines_max)
        except UserFacingError as error:
            changed = error.problem is Problem.BASKET_CHANGED
            notice = text.SKINS_STALE if changed else text.explain(error, self._frame())
        await click.show(skins_page(await self._found(click), self._frame(), notice))

    # One skin

    async def _look(self, click: Click) -> None:
        await click.answer()
        search_id, first = click.custom_id.numbers(2)
        try:
            key = skin_of_key(chosen_in(click)[0])
            skin = await self._picking.chosen_on(click.actor, search_id, first, key)
            look = await self._browsing.look(click.actor, *skin)
        except UserFacingError as error:
            # A list that doesn't know it any more is shown as it is now, if anything may be.
            found = await self._found(click)
            notice = text.explain(error, self._frame())
            await click.show(skins_page(found, self._frame(), notice))
            return
        await click.show(skin_screen(look, self._frame(), Origin(search_id, first)))

    async def _show_skin(self, click: Click, look: Look, notice: str = "") -> None:
        _, search_id, first = click.custom_id.numbers(3)
        await click.show(skin_screen(look, self._frame(), Origin(search_id, first), notice))

    async def _skin(self, click: Click) -> None:
        await click.answer()
        look_id = click.custom_id.number()
        await self._show_skin(click, await self._browsing.look_again(click.actor, look_id))

    async def _add(self, click: Click) -> None:
        await click.answer()
        look_id, _, _, had = click.custom_id.numbers(4)
        try:
            done = await self._browsing.add(click.actor, look_id, had=had)
        except UserFacingError as error:
            look = await self._browsing.look_again(click.actor, look_id)
            await self._show_skin(click, look, text.explain(error, self._frame()))
            return
        if done.pick is None:
            notice = text.SKIN_TAPPED_TWICE.format(n=done.look.in_basket)
        else:
            notice = text.added(replace(done.pick, quantity=1))
        await self._show_skin(click, done.look, notice)

    async def _listings(self, click: Click) -> None:
        await click.answer()
        await self._show_listings(click)

    async def _show_listings(self, click: Click, notice: str = "") -> None:
        look_id, search_id, first, place = click.custom_id.numbers(4)
        try:
            listed = await self._browsing.listings(click.actor, look_id)
        except UserFacingError as error:
            if error.problem is not Problem.MARKET_UNREACHABLE:
                raise
            look = await self._browsing.look_again(click.actor, look_id)
            await self._show_skin(click, look, notice or text.LISTINGS_UNREACHABLE)
            return
        origin = Origin(search_id, first)
        await click.show(listings_screen(listed, self._frame(), origin, first=place, notice=notice))

    async def _add_listing(self, click: Click) -> None:
        await click.answer()
        look_id = click.custom_id.number()
        listing_id = number_in(chosen_in(click)[0])
        try:
            pick = await self._browsing.put_listing(click.actor, look_id, listing_id)
            notice = text.listing_put(pick.market_hash_name, listing_id, pick.ceiling)
        except UserFacingError as error:
            notice = (
                text.listing_missed(listing_id)
                if error.problem is Problem.LISTING_GONE
                else text.explain(error, self._frame())
            )
        await self._show_listings(click, notice)

    # Filters

    async def _filters(self, click: Click) -> None:
        await click.answer()
        await click.show(filters_screen(await self._found(click), self._frame()))

    async def _narrow(self, click: Click, found: Found, filters: Filters, notice: str = "") -> None:
        """Show the filters screen with these filters; the same ones again are no new search."""
        if filters != found.search.filters:
            search_id = found.search.search_id
            found = await self._browsing.narrow(click.actor, search_id, filters)
        await click.show(filters_screen(found, self._frame(), notice))

    async def _set_game(self, click: Click) -> None:
        await click.answer()
        found, chosen = await self._found(click), chosen_in(click)[0]
        if chosen != ANY and chosen not in found.games:
            raise UserFacingError(Problem.OUT_OF_DATE)
        game = "" if chosen == ANY else chosen
        await self._narrow(click, found, replace(found.search.filters, game=game))

    async def _set_wear(self, click: Click) -> None:
        await click.answer()
        found = await self._found(click)
        wear = _WEARS.get(chosen_in(click)[0])
        await self._narrow(click, found, replace(found.search.filters, wear=wear))

    async def _set_stattrak(self, click: Click) -> None:
        await click.answer()
        found = await self._found(click)
        stattrak = STATTRAK_VALUES.get(chosen_in(click)[0])
        await self._narrow(click, found, replace(found.search.filters, stattrak=stattrak))

    async def _toggle_stock(self, click: Click) -> None:
        await click.answer()
        found = await self._found(click)
        in_stock = not found.search.filters.in_stock
        await self._narrow(click, found, replace(found.search.filters, in_stock=in_stock))

    async def _ask_for_prices(self, click: Click) -> None:
        await click.ask(prices_modal(await self._found(click)))

    async def _set_prices(self, click: Click) -> None:
        await click.answer()
        search_id = click.custom_id.number()
        found = await self._browsing.page(click.actor, search_id, 0)
        try:
            lowest = _price(click.fields.get("from", ""))
            highest = _price(click.fields.get("to", ""))
        except UserFacingError as error:
            words = text.explain(error, self._frame())
            await click.show(filters_screen(found, self._frame(), words))
            return
        swapped = lowest is not None and highest is not None and lowest > highest
        if swapped:
            lowest, highest = highest, lowest
        filters = replace(found.search.filters, price_min=lowest, price_max=highest)
        notice = text.FILTERS_SWAPPED.format(prices=text.price_range(filters)) if swapped else ""
        await self._narrow(click, found, filters, notice)

    async def _clear(self, click: Click) -> None:
        await click.answer()
        search_id = click.custom_id.number()
        found = await self._browsing.narrow(click.actor, search_id, NO_FILTERS)
        await click.show(skins_page(found, self._frame()))

    async def _clear_here(self, click: Click) -> None:
        await click.answer()
        await self._narrow(click, await self._found(click), NO_FILTERS)

    # Another search

    async def _ask_what_to_find(self, click: Click) -> None:
        await click.ask(find_modal(await self._found(click)))

    async def _find(self, click: Click) -> None:
        await click.answer()
        search_id = click.custom_id.number()
        # Should it be too long ago, what was typed is looked for all the same.
        before = await self._picking.known(click.actor, search_id)
        filters = NO_FILTERS if before is None else before.filters
        found = await self._browsing.begin(
            click.actor, click.fields.get("name", ""), filters=filters
        )
        await click.show(await self._begun(click.actor, found))


def _price(typed: str) -> Micros | None:
    """Return a price that was typed; nothing, or no money, is no limit."""
    bare = typed.strip().lstrip("$").strip()
    if not bare.strip("0.,"):
        return None
    return parse_typed_price(typed)


async def setup(bot: Quartermaster) -> None:
    """Add the cog."""
    await bot.add_cog(SkinsCog(bot))
