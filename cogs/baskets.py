"""For members: the screens of a basket, with every button and select on them."""

from __future__ import annotations

from collections.abc import Awaitable

from discord.ext import commands

from bot.app import Quartermaster
from bot.domain.models import Basket, Pick
from bot.domain.money import CENT, Micros, parse_typed_price
from bot.domain.states import RequestState
from bot.errors import Problem, UserFacingError
from bot.services.requests import Sent
from bot.ui import text
from bot.ui.basket_screens import BasketScreens, chosen_in, shown_by
from bot.ui.cards.basket import (
    Extra,
    ceiling_modal,
    empty_question,
    line_screen,
    more_screen,
    note_modal,
    page_of,
)
from bot.ui.cards.member import sent_screen
from bot.ui.cards.repricing import moved_screen
from bot.ui.cards.trade_url import trade_url_screen
from bot.ui.custom_ids import Space, number_in, unpack
from bot.ui.guard import Click


class BasketCog(commands.Cog):
    """What is in a basket, what is done to it, and sending it."""

    def __init__(self, bot: Quartermaster) -> None:
        self._frame = bot.frame
        self._baskets = bot.services.baskets
        self._repricing = bot.services.repricing
        self._requests = bot.services.requests
        self._catalogue = bot.services.catalogue
        self._guilds = bot.services.guilds
        self._trade_urls = bot.services.trade_urls
        self._screens = BasketScreens(bot.services, bot.frame)
        handlers = {
            "line": self._open_line,
            "less": self._less,
            "plus": self._plus,
            "ceiling": self._ask_for_ceiling,
            "set_ceiling": self._set_ceiling,
            "remove": self._remove,
            "page": self._page,
            "back": self._back,
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

    async def _panel(self, click: Click) -> None:
        await click.answer()
        await click.show(await self._screens.draw(click.actor))

    async def _open_line(self, click: Click) -> None:
        await click.answer()
        await self._show_line(click, number_in(chosen_in(click)[0]))

    async def _show_line(self, click: Click, pick_id: int, notice: str = "") -> None:
        """Show a row as it is now; one that is gone becomes the basket."""
        basket = await self._baskets.open(click.actor)
        pick = _row_of(basket, pick_id)
        if pick is None:
            stale = UserFacingError(Problem.BASKET_CHANGED)
            await click.show(await self._screens.with_problem(click.actor, stale))
            return
        screen = line_screen(
            basket,
            pick,
            self._frame(),
            quote=self._baskets.quote_of(pick),
            notice=notice,
            prices=self._catalogue.age([pick.game]),
        )
        await click.show(screen)

    async def _less(self, click: Click) -> None:
        await self._change_quantity(click, -1)

    async def _plus(self, click: Click) -> None:
        await self._change_quantity(click, +1)

    async def _change_quantity(self, click: Click, by: int) -> None:
        await click.answer()
        before = await self._pick(click)
        try:
            await self._baskets.change_quantity(
                click.actor, shown_by(click), click.custom_id.number(), by
            )
        except UserFacingError as error:
            # Who taps twice in a hurry stays where they tap.
            await self._show_problem(click, error, stay=True)
            return
        if before is not None and before.quantity + by < 1:
            await self._show_basket(click, text.removed(before.market_hash_name))
        else:
            await self._show_line(click, click.custom_id.number())

    async def _pick(self, click: Click) -> Pick | None:
        """Return the row that a click is about, if it is still there."""
        return _row_of(await self._baskets.open(click.actor), click.custom_id.number())

    async def _show_basket(self, click: Click, notice: str = "", *, page: int = 0) -> None:
        await click.show(await self._screens.draw(click.actor, page=page, notice=notice))

    async def _show_problem(
        self, click: Click, error: UserFacingError, *, stay: bool = False
    ) -> None:
        """Show what went wrong on the screen it went wrong on.

        A stale one becomes the basket, unless it is to ``stay``; one whose row is gone always.
        """
        pick = await self._pick(click)
        if pick is None or (error.problem is Problem.BASKET_CHANGED and not stay):
            await click.show(await self._screens.with_problem(click.actor, error))
        else:
            await self._show_line(click, pick.pick_id, text.explain(error, self._frame()))

    async def _ask_for_ceiling(self, click: Click) -> None:
        try:
            basket = await self._baskets.open_shown(click.actor, shown_by(click))
        except UserFacingError as error:
            await click.answer()
            await self._show_problem(click, error)
            return
        pick = _row_of(basket, click.custom_id.number())
        if pick is None:
            raise UserFacingError(Problem.OUT_OF_DATE)
        await click.ask(ceiling_modal(basket, pick))

    async def _set_ceiling(self, click: Click) -> None:
        await click.answer()
        pick_id, seen = click.custom_id.number(), Micros(click.custom_id.number(1) * CENT)
        typed = click.fields.get("ceiling", "")
        try:
            ceiling = parse_typed_price(typed) if typed.strip() else None
            await self._baskets.set_ceiling(
                click.actor, shown_by(click), pick_id, ceiling, seen=seen
            )
        except UserFacingError as error:
            if error.problem is Problem.BASKET_CHANGED and typed.strip():
                await self._show_unsaved_ceiling(click, typed)
            else:
                await self._show_problem(click, error)
            return
        pick = await self._pick(click)
        saved = text.ceiling_saved(pick.ceiling) if pick else ""
        await self._show_line(click, pick_id, notice=saved)

    async def _show_unsaved_ceiling(self, click: Click, typed: str) -> None:
        """Show what was typed over what replaced it meanwhile."""
        pick = await self._pick(click)
        if pick is None:
            await self._show_basket(click, text.ceiling_changed(typed, None))
        else:
            await self._show_line(click, pick.pick_id, text.ceiling_changed(typed, pick.ceiling))

    async def _remove(self, click: Click) -> None:
        await click.answer()
        basket = await self._baskets.open(click.actor)
        pick_id = click.custom_id.number()
        pick = _row_of(basket, pick_id)
        await self._change(
            click,
            self._baskets.remove(click.actor, shown_by(click), pick_id),
            text.removed(pick.market_hash_name if pick else ""),
            page=page_of(basket, pick_id),
        )

    async def _change(
        self, click: Click, change: Awaitable[None], said: str, *, page: int = 0
    ) -> None:
        """Do one change of the basket, then show it with what was done or what went wrong."""
        try:
            await change
        except UserFacingError as error:
            await click.show(await self._screens.with_problem(click.actor, error, page=page))
            return
        await self._show_basket(click, said, page=page)

    async def _page(self, click: Click) -> None:
        await click.answer()
        await self._show_basket(click, page=click.custom_id.number())

    async def _back(self, click: Click) -> None:
        """Show the page that the row stands on that was left, or the first one."""
        await click.answer()
        basket = await self._baskets.open(click.actor)
        await self._show_basket(click, page=page_of(basket, click.custom_id.number()))

    async def _more(self, click: Click) -> None:
        await click.answer()
        basket = await self._baskets.open(click.actor)
        await click.show(more_screen(basket, self._frame(), page=click.custom_id.number()))

    async def _ask_for_note(self, click: Click) -> None:
        await click.ask(note_modal(await self._baskets.open(click.actor)))

    async def _set_note(self, click: Click) -> None:
        await click.answer()
        note = click.fields.get("note", "")
        seen = click.custom_id.tail.partition(".")[0]
        try:
            await self._baskets.set_note(click.actor, shown_by(click), note, seen=seen)
        except UserFacingError as error:
            if error.problem is not Problem.BASKET_CHANGED:
                raise
            again = Extra(text.BUTTON_NOTE, "note", "")
            words = text.note_changed(note)
            await click.show(await self._screens.draw(click.actor, notice=words, extra=again))
            return
        await self._show_basket(click, text.NOTE_SAVED)

    async def _ask_to_empty(self, click: Click) -> None:
        await click.answer()
        await click.show(empty_question(await self._baskets.open(click.actor), self._frame()))

    async def _empty(self, click: Click) -> None:
        await click.answer()
        change = self._baskets.empty(click.actor, shown_by(click))
        await self._change(click, change, text.EMPTIED)

    async def _trade_url(self, click: Click) -> None:
        await click.answer()
        known = await self._trade_urls.known(click.actor.user_id)
        await click.show(trade_url_screen(self._frame(), known=known, context="basket"))

    async def _send(self, click: Click) -> None:
        await click.answer()
        try:
            basket = await self._baskets.open_shown(click.actor, shown_by(click))
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
            await click.show(await self._screens.with_problem(click.actor, error))

    async def _ask_about_prices(self, click: Click, notice: str = "") -> None:
        try:
            question = await self._repricing.question(click.actor, shown_by(click))
        except UserFacingError as error:
            await click.show(await self._screens.with_problem(click.actor, error))
            return
        if question.moved:
            await click.show(moved_screen(question, self._frame(), notice=notice))
        else:
            await self._show_basket(click, text.MOVED_NOT_ANY_MORE)

    async def _use_todays_prices(self, click: Click) -> None:
        await click.answer()
        try:
            taken = await self._repricing.use_todays_prices(
                click.actor, shown_by(click), click.custom_id.tail
            )
        except UserFacingError as error:
            if error.problem is Problem.PRICES_MOVED:
                await self._ask_about_prices(click, text.explain(error, self._frame()))
            else:
                await click.show(await self._screens.with_problem(click.actor, error))
            return
        await self._show_basket(click, text.prices_taken(taken))

    async def _remove_moved(self, click: Click) -> None:
        await click.answer()
        try:
            removed = await self._repricing.remove(
                click.actor, shown_by(click), unpack(click.custom_id.tail)
            )
        except UserFacingError as error:
            await click.show(await self._screens.with_problem(click.actor, error))
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


def _row_of(basket: Basket, pick_id: int) -> Pick | None:
    return next((one for one in basket.picks if one.pick_id == pick_id), None)


async def setup(bot: Quartermaster) -> None:
    """Add the cog."""
    await bot.add_cog(BasketCog(bot))
