"""For members: looking for skins and putting them into the basket. ``/request`` and its screens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.app import Quartermaster
from bot.domain.limits import LINES_HARD_MAX
from bot.domain.models import Actor, Pick
from bot.domain.money import parse_typed_price
from bot.domain.skin_keys import skin_of_key
from bot.domain.typed import parse_listing_id, parse_quantity, split_listing
from bot.errors import Problem, UserFacingError
from bot.services.baskets import Shown, Wish
from bot.services.picking import Found, Taken
from bot.ui import text
from bot.ui.basket_screens import BasketScreens, chosen_in, shown_by
from bot.ui.cards.basket import add_modal
from bot.ui.cards.results import back_to_results, results_screen, search_again
from bot.ui.custom_ids import Space
from bot.ui.guard import Click, Interaction, actor_of, show
from bot.ui.suggestions import suggest_skins, typed_skin


class PickingCog(commands.Cog):
    """The command that opens the basket, and everything that puts skins into it by their names."""

    def __init__(self, bot: Quartermaster) -> None:
        self._frame = bot.frame
        self._baskets = bot.services.baskets
        self._guilds = bot.services.guilds
        self._picking = bot.services.picking
        self._screens = BasketScreens(bot.services, bot.frame)
        bot.router.on(Space.BASKET, "add", self._ask_for_skin)
        bot.router.on(Space.BASKET, "add_pick", self._add_pick)
        bot.router.on(Space.BASKET, "again", self._search_again)
        bot.router.on(Space.BASKET, "found", self._show_results)
        bot.router.on(Space.BASKET, "choose", self._choose)

    @app_commands.command(name=text.CMD_REQUEST_NAME, description=text.CMD_REQUEST)
    @app_commands.describe(
        item=text.CMD_REQUEST_ITEM,
        quantity=text.CMD_REQUEST_QUANTITY,
        max_price=text.CMD_REQUEST_MAX_PRICE,
    )
    @app_commands.guild_only()
    async def request(
        self,
        interaction: discord.Interaction,
        item: app_commands.Range[str, 1, 200] | None = None,
        quantity: app_commands.Range[int, 1, LINES_HARD_MAX] = 1,
        max_price: app_commands.Range[str, 1, 20] | None = None,
    ) -> None:
        """Open the basket, and put a skin in if one was named."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        actor = actor_of(interaction)
        if item is None:
            view = await self._screens.draw(actor)
        else:
            game, named = typed_skin(item)
            name, listing = split_listing(named)
            view = await self._wish(
                actor,
                Wish(name, game=game),
                quantity=str(quantity),
                ceiling=max_price or "",
                listing=listing,
            )
        await show(interaction, view)

    @request.autocomplete("item")
    async def _autocomplete(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        return await suggest_skins(interaction, self._picking, current)

    async def _wish(
        self,
        actor: Actor,
        wish: Wish,
        *,
        quantity: str = "",
        ceiling: str = "",
        listing: str = "",
        since: Shown | None = None,
    ) -> ui.LayoutView:
        """Put a skin in, or show what it may have been, or why not; what was typed is kept.

        ``since``: the basket on which the typing began, if that is long enough ago to matter.
        """
        before = await self._baskets.open(actor)
        wish, wrong = _as_typed(wish, quantity, ceiling, listing)
        try:
            if wrong is not None:
                raise wrong
            outcome = await self._picking.take(actor, wish)
        except UserFacingError as error:
            again = search_again(await self._picking.remember(actor, wish))
            return await self._screens.with_problem(actor, error, extra=again)
        if isinstance(outcome, Found):
            return results_screen(outcome, self._frame())
        late = ""
        if since is not None and not since.is_still(before):
            sent = since.request_id != before.request_id
            late = text.ADDED_TO_NEW if sent else text.ADDED_TO_CHANGED
        return await self._taken(actor, outcome, wish.typed, late)

    async def _taken(self, actor: Actor, taken: Taken, typed: str, late: str) -> ui.LayoutView:
        pick = taken.added.pick
        guessed = taken.search_id is not None
        said = text.added(pick, typed=typed if guessed else "")
        extra = None if taken.search_id is None else search_again(taken.search_id)
        notice = "\n".join(filter(None, [said, late]))
        return await self._screens.draw(actor, showing=pick, notice=notice, extra=extra)

    async def _ask_for_skin(self, click: Click) -> None:
        await click.ask(add_modal(await self._baskets.open(click.actor)))

    async def _add_pick(self, click: Click) -> None:
        await click.answer()
        given = click.fields
        view = await self._wish(
            click.actor,
            Wish(given.get("name", "")),
            quantity=given.get("quantity", ""),
            ceiling=given.get("ceiling", ""),
            listing=given.get("listing", ""),
            since=shown_by(click),
        )
        await click.show(view)

    async def _search_again(self, click: Click) -> None:
        """Open the modal with what was typed; with nothing if that is too long ago."""
        basket = await self._baskets.open(click.actor)
        search = await self._picking.known(click.actor, click.custom_id.number())
        values = {}
        if search is not None:
            name, listing = split_listing(search.typed)
            values = {
                "name": name,
                "quantity": str(search.quantity),
                "ceiling": "" if search.ceiling is None else text.usd(search.ceiling),
                "listing": listing,
            }
        await click.ask(add_modal(basket, values=values))

    async def _show_results(self, click: Click) -> None:
        await click.answer()
        search_id, first = click.custom_id.number(), click.custom_id.number(1)
        try:
            found = await self._picking.page(click.actor, search_id, first)
        except UserFacingError as error:
            await click.show(await self._screens.with_problem(click.actor, error))
            return
        await click.show(results_screen(found, self._frame()))

    async def _choose(self, click: Click) -> None:
        await click.answer()
        search_id, first = click.custom_id.number(), click.custom_id.number(1)
        skins = [skin_of_key(key) for key in chosen_in(click)]
        results = back_to_results(search_id, first)
        try:
            chosen = await self._picking.choose(
                click.actor, shown_by(click), search_id, skins, first=first
            )
        except UserFacingError as error:
            forgotten = error.problem is Problem.SEARCH_FORGOTTEN
            extra = None if forgotten else results
            await click.show(await self._screens.with_problem(click.actor, error, extra=extra))
            return
        guild = await self._guilds.get(chosen.basket.guild_id)
        view = await self._screens.draw(
            click.actor,
            showing=_last(chosen.picks),
            notice=text.added_several(chosen.picks),
            rows=[text.left_out_in_words(one, guild.lines_max) for one in chosen.left_out],
            extra=results,
        )
        await click.show(view)


def _as_typed(
    wish: Wish, quantity: str, ceiling: str, listing: str
) -> tuple[Wish, UserFacingError | None]:
    """Return a wish with the numbers that were typed, and what is wrong with the first of them.

    What can be read is taken, whatever is wrong with the others: nobody has to type it again.
    """
    steps: list[Callable[[Wish], Wish]] = [
        lambda wish: replace(wish, quantity=parse_quantity(quantity)),
        lambda wish: replace(wish, ceiling=parse_typed_price(ceiling) if ceiling.strip() else None),
        lambda wish: replace(wish, listing_id=parse_listing_id(listing)),
    ]
    wrong: UserFacingError | None = None
    for step in steps:
        try:
            wish = step(wish)
        except UserFacingError as error:
            wrong = wrong or error
    return wish, wrong


def _last(picks: tuple[Pick, ...]) -> Pick | None:
    return picks[-1] if picks else None


async def setup(bot: Quartermaster) -> None:
    """Add the cog."""
    await bot.add_cog(PickingCog(bot))
