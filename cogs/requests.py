"""For members: their requests. ``/my-requests``, and cancelling, also from the status message."""

from __future__ import annotations

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.app import Quartermaster
from bot.errors import Problem, UserFacingError
from bot.services.asking import AskedAgain
from bot.services.requests import Detail
from bot.ui import text
from bot.ui.cards.history import history_screen
from bot.ui.cards.member import cancel_question, request_detail, request_list
from bot.ui.cards.trade_url import trade_url_screen
from bot.ui.cards.trades import trades_screen
from bot.ui.custom_ids import Space
from bot.ui.guard import Click, actor_of, show


class RequestCog(commands.Cog):
    """A member's own requests."""

    def __init__(self, bot: Quartermaster) -> None:
        self._frame = bot.frame
        self._requests = bot.services.requests
        self._trade_urls = bot.services.trade_urls
        self._pauses = bot.services.pauses
        self._missed = bot.services.missed
        self._asking = bot.services.asking
        bot.router.on(Space.PANEL, "mine", self._list)
        bot.router.on(Space.PANEL, "show", self._show_chosen)
        bot.router.on(Space.REQUEST, "show_one", self._show_one)
        bot.router.on(Space.REQUEST, "cancel", self._ask_to_cancel)
        bot.router.on(Space.REQUEST, "cancel_yes", self._cancel)
        bot.router.on(Space.REQUEST, "new_url", self._new_url)
        bot.router.on(Space.REQUEST, "trades", self._trades)
        bot.router.on(Space.REQUEST, "send_now", self._send_now)
        bot.router.on(Space.REQUEST, "here", self._here)
        bot.router.on(Space.REQUEST, "ask_again", self._ask_again)
        bot.router.on(Space.REQUEST, "ask_all", self._ask_all_again)
        bot.router.on(Space.REQUEST, "history", self._history)

    @app_commands.command(name=text.CMD_MY_REQUESTS_NAME, description=text.CMD_MY_REQUESTS)
    @app_commands.describe(number=text.CMD_MY_REQUESTS_NUMBER)
    @app_commands.guild_only()
    async def my_requests(
        self,
        interaction: discord.Interaction,
        number: app_commands.Range[int, 1, 1_000_000_000] | None = None,
    ) -> None:
        """Show the list, or one request."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        actor = actor_of(interaction)
        if number is None:
            view = request_list(await self._requests.list_own(actor), self._frame())
        else:
            view = self._detail(await self._requests.own_number(actor, number))
        await show(interaction, view)

    def _detail(self, detail: Detail, notice: str = "") -> ui.LayoutView:
        return request_detail(detail.view, detail.events, self._frame(), notice=notice)

    async def _list(self, click: Click) -> None:
        await click.answer()
        await click.show(request_list(await self._requests.list_own(click.actor), self._frame()))

    async def _show_chosen(self, click: Click) -> None:
        await click.answer()
        if not click.values:
            raise UserFacingError(Problem.OUT_OF_DATE)
        await click.show(self._detail(await self._requests.own(click.actor, click.values[0])))

    async def _show_one(self, click: Click) -> None:
        await click.answer()
        detail = await self._requests.own(click.actor, click.custom_id.subject)
        await click.show(self._detail(detail))

    async def _history(self, click: Click) -> None:
        await click.answer()
        detail = await self._requests.own(click.actor, click.custom_id.subject)
        page = click.custom_id.page
        await click.show(
            history_screen(
                detail.view, detail.events, self._frame(), for_moderator=False, page=page
            )
        )

    async def _ask_to_cancel(self, click: Click) -> None:
        await click.answer()
        view = await self._requests.require_can_cancel(click.actor, click.custom_id.subject)
        await click.show(cancel_question(view, self._frame()))

    async def _cancel(self, click: Click) -> None:
        await click.answer()
        view = await self._requests.cancel(click.actor, click.custom_id.subject)
        detail = await self._requests.own(click.actor, click.custom_id.subject)
        await click.show(self._detail(detail, notice=text.cancelled(view)))

    async def _trades(self, click: Click) -> None:
        await click.answer()
        detail = await self._requests.own(click.actor, click.custom_id.subject)
        await click.show(trades_screen(detail.view, self._frame()))

    async def _send_now(self, click: Click) -> None:
        await click.answer()
        custom_id = click.custom_id
        view = await self._requests.send_now(click.actor, custom_id.subject, custom_id.stamp)
        paused = await self._pauses.standing(view.request.guild_id)
        detail = await self._requests.own(click.actor, custom_id.subject)
        words = text.sent_now(view, self._frame(), paused=paused is not None)
        await click.show(self._detail(detail, notice=words))

    async def _here(self, click: Click) -> None:
        await click.answer()
        told = await self._missed.here(click.actor, click.custom_id.subject)
        words = text.here_in_words(told.view, news=told.news)
        detail = await self._requests.own(click.actor, click.custom_id.subject)
        await click.show(self._detail(detail, words))

    async def _ask_again(self, click: Click) -> None:
        await click.answer()
        asked = await self._asking.for_missing(
            click.actor, click.custom_id.subject, note=text.ASKED_AGAIN_NOTE
        )
        await self._show_asked(click, asked)

    async def _ask_all_again(self, click: Click) -> None:
        await click.answer()
        asked = await self._asking.for_all(click.actor, click.custom_id.subject)
        await self._show_asked(click, asked)

    async def _show_asked(self, click: Click, asked: AskedAgain) -> None:
        detail = await self._requests.own(click.actor, click.custom_id.subject)
        await click.show(
            request_detail(
                detail.view,
                detail.events,
                self._frame(),
                notice=text.asked_again_in_words(asked, self._frame()),
                # In a DM there is no basket to show.
                basket_filled=click.actor.guild_id == asked.guild_id,
            )
        )

    async def _new_url(self, click: Click) -> None:
        await click.answer()
        await self._requests.own(click.actor, click.custom_id.subject)
        known = await self._trade_urls.known(click.actor.user_id)
        await click.show(
            trade_url_screen(self._frame(), known=known, context=click.custom_id.subject)
        )


async def setup(bot: Quartermaster) -> None:
    """Add the cog."""
    await bot.add_cog(RequestCog(bot))
