"""For members: the basket. ``/request``, and every button and select of its screens."""

from __future__ import annotations

import logging
from collections.abc import Awaitable

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.app import Quartermaster
from bot.domain.limits import LINES_HARD_MAX
from bot.domain.market import APP_IDS, Quote
from bot.domain.models import Actor, Pick
from bot.domain.money import CENT, Micros, format_usd, parse_typed_price
from bot.domain.states import RequestState
from bot.domain.typed import parse_listing_id, parse_quantity, split_listing
from bot.errors import Problem, UserFacingError
from bot.services.baskets import Added, Shown, Wish
from bot.services.requests import Sent
from bot.ui import text
from bot.ui.cards.basket import (
    add_modal,
    basket_screen,
    ceiling_modal,
    empty_question,
    line_screen,
    matches_screen,
    more_screen,
    note_modal,
)
from bot.ui.cards.member import sent_screen
from bot.ui.cards.repricing import moved_screen
from bot.ui.cards.trade_url import trade_url_screen
from bot.ui.custom_ids import Space, unpack
from bot.ui.guard import Click, Interaction, actor_of, show

log = logging.getLogger(__name__)

_CHOICE_MAX = 100
_ABOUT_BEGINS = text.CHOICE_ABOUT.partition("{")[0]


class BasketCog(commands.Cog):
    """The basket's command and its screens."""

    def __init__(self, bot: Quartermaster) -> None:
        self._frame = bot.frame
        self._baskets = bot.services.baskets
        self._repricing = bot.services.repricing
        self._requests = bot.services.requests
        self._catalogue = bot.services.catalogue
        self._guilds = bot.services.guilds
        self._trade_urls = bot.services.trade_urls
        handlers = {
            "add": self._ask_for_skin,
            "add_pick": self._add_pick,
            "choose": self._choose,
            "line": self._open_line,
            "less": self._less,
            "plus": self._plus,
            "ceiling": self._ask_for_ceiling,
            "set_ceiling": self._set_ceiling,
            "remove": self._remove,
            "page": self._page,
            "back": self._page,
            "more": self._more,
            "note": self._ask_for_note,
            "set_note": self._set_note,
            "empty": self._ask_to_empty,
            "empty_yes": self._empty,
            "url": self._trade_url,
            "send": self._send,
            "use_today": self._use_todays_prices,
            "drop_moved": self._remove_moved,
        }
        for verb, handler in handlers.items():
            bot.router.on(Space.BASKET, verb, handler)
        bot.router.on(Space.PANEL, "ask", self._panel)

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
            view = await self._screen(actor)
        else:
            name, listing = split_listing(_without_about(item))
            view = await self._wish(actor, name, str(quantity), max_price or "", listing)
        await show(interaction, view)

    @request.autocomplete("item")
    async def _autocomplete(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        try:
            self._guilds.require_allowed(actor_of(interaction))
            quotes = self._catalogue.search(current, tuple(APP_IDS)).quotes
        except UserFacingError:
            return []
        except Exception:
            # The library would only log it, and the person would see the list fail to load.
            log.exception("Autocomplete failed.")
            return []
        return [
            app_commands.Choice(name=_choice_name(quote), value=quote.market_hash_name)
            for quote in quotes
            if len(quote.market_hash_name) <= _CHOICE_MAX
        ]

    async def _panel(self, click: Click) -> None:
        await click.answer()
        await click.show(await self._screen(click.actor))

    async def _screen(self, actor: Actor, *, page: int = 0, notice: str = "") -> ui.LayoutView:
        basket = await self._baskets.open(actor)
        return basket_screen(
            basket,
            self._frame(),
            settings=await self._guilds.get(basket.guild_id),
            trade_url=await self._trade_urls.known(actor.user_id),
            page=page,
            notice=notice,
        )

    async def _screen_with_problem(self, actor: Actor, error: UserFacingError) -> ui.LayoutView:
        """Show the basket as it is, with what went wrong above it."""
        return await self._screen(actor, notice=text.explain(error, self._frame()))

    async def _wish(
        self, actor: Actor, name: str, quantity: str, ceiling: str, listing: str
    ) -> ui.LayoutView:
        await self._baskets.open(actor)
        try:
            wish = Wish(
                name,
                parse_quantity(quantity),
                parse_typed_price(ceiling) if ceiling.strip() else None,
                parse_listing_id(listing),
            )
            outcome = await self._baskets.add(actor, wish)
        except UserFacingError as error:
            return await self._screen_with_problem(actor, error)
        if isinstance(outcome, Added):
            pick = outcome.pick
            said = text.added(pick.market_hash_name, pick.quantity, pick.ceiling)
            if outcome.guessed:
                said = text.added_guessed(pick.market_hash_name, name)
            return await self._screen(actor, notice=said)
        return matches_screen(
            outcome.basket,
            name,
            outcome.matches.quotes,
            self._frame(),
            total=outcome.matches.total,
            quantity=wish.quantity,
            ceiling=wish.ceiling,
        )

    async def _ask_for_skin(self, click: Click) -> None:
        await click.ask(add_modal(await self._baskets.open(click.actor)))

    async def _add_pick(self, click: Click) -> None:
        await click.answer()
        given = click.fields
        view = await self._wish(
            click.actor,
            given.get("name", ""),
            given.get("quantity", ""),
            given.get("ceiling", ""),
            given.get("listing", ""),
        )
        await click.show(view)

    async def _choose(self, click: Click) -> None:
        await click.answer()
        quantity, _, cents = click.custom_id.tail.partition(".")
        ceiling = format_usd(Micros(int(cents) * CENT)) if cents.isdigit() else ""
        await click.show(await self._wish(click.actor, _chosen(click), quantity, ceiling, ""))

    async def _open_line(self, click: Click) -> None:
        await click.answer()
        await self._show_line(click, _number(_chosen(click)))

    async def _show_line(self, click: Click, pick_id: int, notice: str = "") -> None:
        basket = await self._baskets.open(click.actor)
        pick = next((one for one in basket.picks if one.pick_id == pick_id), None)
        if pick is None:
            stale = UserFacingError(Problem.BASKET_CHANGED)
            await click.show(await self._screen_with_problem(click.actor, stale))
            return
        quote = self._baskets.quote_of(pick)
        await click.show(line_screen(basket, pick, self._frame(), quote=quote, notice=notice))

    async def _less(self, click: Click) -> None:
        await self._change_quantity(click, -1)

    async def _plus(self, click: Click) -> None:
        await self._change_quantity(click, +1)

    async def _change_quantity(self, click: Click, by: int) -> None:
        await click.answer()
        before = await self._pick(click)
        try:
            await self._baskets.change_quantity(click.actor, _shown(click), _pick_id(click), by)
        except UserFacingError as error:
            await self._show_problem(click, error)
            return
        if before is not None and before.quantity + by < 1:
            await self._show_basket(click, text.removed(before.market_hash_name))
        else:
            await self._show_line(click, _pick_id(click))

    async def _pick(self, click: Click) -> Pick | None:
        basket = await self._baskets.open(click.actor)
        return next((one for one in basket.picks if one.pick_id == _pick_id(click)), None)

    async def _show_basket(self, click: Click, notice: str) -> None:
        await click.show(await self._screen(click.actor, notice=notice))

    async def _show_problem(self, click: Click, error: UserFacingError) -> None:
        """Show what went wrong on the screen it went wrong on; a stale one becomes the basket."""
        if error.problem is Problem.BASKET_CHANGED or await self._pick(click) is None:
            await click.show(await self._screen_with_problem(click.actor, error))
        else:
            words = text.explain(error, self._frame())
            await self._show_line(click, _pick_id(click), notice=words)

    async def _ask_for_ceiling(self, click: Click) -> None:
        try:
            basket = await self._baskets.open_shown(click.actor, _shown(click))
        except UserFacingError as error:
            await click.answer()
            await self._show_problem(click, error)
            return
        pick = next((one for one in basket.picks if one.pick_id == _pick_id(click)), None)
        if pick is None:
            raise UserFacingError(Problem.OUT_OF_DATE)
        await click.ask(ceiling_modal(basket, pick))

    async def _set_ceiling(self, click: Click) -> None:
        await click.answer()
        typed = click.fields.get("ceiling", "")
        try:
            ceiling = parse_typed_price(typed) if typed.strip() else None
            await self._baskets.set_ceiling(click.actor, _shown(click), _pick_id(click), ceiling)
        except UserFacingError as error:
            await self._show_problem(click, error)
            return
        pick = await self._pick(click)
        saved = text.ceiling_saved(pick.ceiling) if pick else ""
        await self._show_line(click, _pick_id(click), notice=saved)

    async def _remove(self, click: Click) -> None:
        await click.answer()
        pick = await self._pick(click)
        await self._change(
            click,
            self._baskets.remove(click.actor, _shown(click), _pick_id(click)),
            text.removed(pick.market_hash_name if pick else ""),
        )

    async def _change(self, click: Click, change: Awaitable[None], said: str) -> None:
        """Do one change of the basket, then show it with what was done or what went wrong."""
        try:
            await change
        except UserFacingError as error:
            await click.show(await self._screen_with_problem(click.actor, error))
            return
        await self._show_basket(click, said)

    async def _page(self, click: Click) -> None:
        await click.answer()
        page = _number(click.custom_id.tail) if click.custom_id.verb == "page" else 0
        await click.show(await self._screen(click.actor, page=page))

    async def _more(self, click: Click) -> None:
        await click.answer()
        await click.show(more_screen(await self._baskets.open(click.actor), self._frame()))

    async def _ask_for_note(self, click: Click) -> None:
        await click.ask(note_modal(await self._baskets.open(click.actor)))

    async def _set_note(self, click: Click) -> None:
        await click.answer()
        note = click.fields.get("note", "")
        change = self._baskets.set_note(click.actor, _shown(click), note)
        await self._change(click, change, text.NOTE_SAVED)

    async def _ask_to_empty(self, click: Click) -> None:
        await click.answer()
        await click.show(empty_question(await self._baskets.open(click.actor), self._frame()))

    async def _empty(self, click: Click) -> None:
        await click.answer()
        change = self._baskets.empty(click.actor, _shown(click))
        await self._change(click, change, text.EMPTIED)

    async def _trade_url(self, click: Click) -> None:
        await click.answer()
        known = await self._trade_urls.known(click.actor.user_id)
        await click.show(trade_url_screen(self._frame(), known=known, context="basket"))

    async def _send(self, click: Click) -> None:
        await click.answer()
        try:
            basket = await self._baskets.open_shown(click.actor, _shown(click))
            sent = await self._requests.submit(click.actor, basket.revision)
        except UserFacingError as error:
            await self._show_unsent(click, error)
            return
        await self._show_sent(click, sent)

    async def _show_sent(self, click: Click, sent: Sent) -> None:
        await click.show(
            sent_screen(
                sent.view,
                self._frame(),
                dm_failed=sent.dm_failed,
                results_channel_id=sent.results_channel_id,
            )
        )

    async def _show_unsent(self, click: Click, error: UserFacingError) -> None:
        if error.problem is Problem.TRADE_URL_UNKNOWN:
            words = text.explain(error, self._frame())
            screen = trade_url_screen(self._frame(), known=None, context="basket", notice=words)
            await click.show(screen)
        elif error.problem is Problem.PRICES_MOVED:
            await self._ask_about_prices(click)
        elif sent := await self._sent_a_moment_ago(click):
            await self._show_sent(click, sent)
        else:
            await click.show(await self._screen_with_problem(click.actor, error))

    async def _ask_about_prices(self, click: Click, notice: str = "") -> None:
        try:
            question = await self._repricing.question(click.actor, _shown(click))
        except UserFacingError as error:
            await click.show(await self._screen_with_problem(click.actor, error))
            return
        if question.moved:
            await click.show(moved_screen(question, self._frame(), notice=notice))
        else:
            await self._show_basket(click, text.MOVED_NOT_ANY_MORE)

    async def _use_todays_prices(self, click: Click) -> None:
        await click.answer()
        try:
            taken = await self._repricing.use_todays_prices(
                click.actor, _shown(click), click.custom_id.tail
            )
        except UserFacingError as error:
            if error.problem is Problem.PRICES_MOVED:
                await self._ask_about_prices(click, text.explain(error, self._frame()))
            else:
                await click.show(await self._screen_with_problem(click.actor, error))
            return
        await self._show_basket(click, text.prices_taken(taken))

    async def _remove_moved(self, click: Click) -> None:
        await click.answer()
        try:
            removed = await self._repricing.remove(
                click.actor, _shown(click), unpack(click.custom_id.tail)
            )
        except UserFacingError as error:
            await click.show(await self._screen_with_problem(click.actor, error))
            return
        await self._show_basket(click, text.moved_removed(removed))

    async def _sent_a_moment_ago(self, click: Click) -> Sent | None:
        """Return what the shown basket has become: who taps twice is told the same twice."""
        try:
            view = (await self._requests.own(click.actor, click.custom_id.subject)).view
        except UserFacingError:
            return None
        if view.request.state is not RequestState.PENDING:
            return None
        guild = await self._guilds.get(view.request.guild_id)
        return Sent(view, view.request.dm_closed, guild.results_channel_id)


def _choice_name(quote: Quote) -> str:
    about = text.choice_about(quote.price, quote.count)
    return f"{quote.market_hash_name[: _CHOICE_MAX - len(about)]}{about}"


def _without_about(item: str) -> str:
    """Return what was typed without the price behind it: whoever edits a suggestion sends both."""
    return item.partition(_ABOUT_BEGINS)[0]


def _chosen(click: Click) -> str:
    if not click.values:
        raise UserFacingError(Problem.OUT_OF_DATE)
    return click.values[0]


def _number(digits: str) -> int:
    return int(digits) if digits.isdecimal() else 0


def _shown(click: Click) -> Shown:
    return Shown(click.custom_id.subject, _number(click.custom_id.stamp))


def _pick_id(click: Click) -> int:
    return _number(click.custom_id.tail.partition(".")[0])


async def setup(bot: Quartermaster) -> None:
    """Add the cog."""
    await bot.add_cog(BasketCog(bot))
