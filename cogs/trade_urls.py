"""For members: where skins are sent. ``/trade-url`` and its screens, wherever they were opened."""

from __future__ import annotations

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.app import Quartermaster
from bot.domain.models import Actor
from bot.errors import Problem, TradeUrlError, UserFacingError
from bot.services.trade_urls import Confirmed
from bot.ui import text
from bot.ui.basket_screens import BasketScreens
from bot.ui.cards.member import request_detail
from bot.ui.cards.trade_url import (
    trade_url_confirm,
    trade_url_forget_question,
    trade_url_modal,
    trade_url_saved,
    trade_url_screen,
)
from bot.ui.custom_ids import NOTHING, Space
from bot.ui.guard import Click, actor_of, show

_BASKET = "basket"


class TradeUrlCog(commands.Cog):
    """A member's Trade URL."""

    def __init__(self, bot: Quartermaster) -> None:
        self._frame = bot.frame
        self._services = bot.services
        self._trade_urls = bot.services.trade_urls
        self._baskets = BasketScreens(bot.services, bot.frame)
        bot.router.on(Space.TRADE_URL, "show", self._show)
        bot.router.on(Space.TRADE_URL, "enter", self._enter)
        bot.router.on(Space.TRADE_URL, "save", self._save)
        bot.router.on(Space.TRADE_URL, "yes", self._confirm)
        bot.router.on(Space.TRADE_URL, "forget", self._ask_to_forget)
        bot.router.on(Space.TRADE_URL, "forget_yes", self._forget)
        bot.router.on(Space.TRADE_URL, "back", self._back)

    @app_commands.command(name=text.CMD_TRADE_URL_NAME, description=text.CMD_TRADE_URL)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
    @app_commands.allowed_installs(guilds=True, users=False)
    async def trade_url(self, interaction: discord.Interaction) -> None:
        """Show the Trade URL, masked, and what can be done with it."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        actor = actor_of(interaction)
        self._require_place(actor)
        view = await self._screen(actor, "")
        await show(interaction, view)

    async def _screen(self, actor: Actor, context: str, notice: str = "") -> ui.LayoutView:
        known = await self._trade_urls.known(actor.user_id)
        return trade_url_screen(self._frame(), known=known, context=context, notice=notice)

    def _require_place(self, actor: Actor) -> None:
        """A Trade URL is a person's own, so direct messages do; a server has to be allowed."""
        if actor.guild_id is not None:
            self._services.guilds.require_allowed(actor)

    async def _show(self, click: Click) -> None:
        await click.answer()
        await click.show(await self._screen(click.actor, click.custom_id.tail))

    async def _enter(self, click: Click) -> None:
        self._require_place(click.actor)
        await click.ask(trade_url_modal(click.custom_id.tail))

    async def _save(self, click: Click) -> None:
        await click.answer()
        self._require_place(click.actor)
        subject = click.custom_id.subject
        context = "" if subject == NOTHING else subject
        try:
            candidate_id, url = await self._trade_urls.propose(
                click.actor, click.fields.get("url", "")
            )
        except TradeUrlError as error:
            words = text.explain(error, self._frame())
            await click.show(await self._screen(click.actor, context, words))
            return
        await click.show(trade_url_confirm(url, candidate_id, self._frame(), context=context))

    async def _confirm(self, click: Click) -> None:
        await click.answer()
        self._require_place(click.actor)
        context = click.custom_id.tail
        try:
            confirmed = await self._trade_urls.confirm(
                click.actor,
                click.custom_id.subject,
                for_request=None if context in ("", _BASKET) else context,
            )
        except UserFacingError as error:
            if error.problem is not Problem.OUT_OF_DATE:
                raise
            words = text.explain(error, self._frame())
            await click.show(await self._screen(click.actor, context, words))
            return
        notices = _consequences(confirmed)
        saved = text.URL_SAVED.format(steam_end=text.account_end(confirmed.url.steam_id))
        if context == _BASKET:
            await click.show(
                await self._baskets.draw(click.actor, notice="\n".join([saved, *notices]))
            )
        else:
            elsewhere = confirmed.elsewhere.request if confirmed.elsewhere else None
            await click.show(
                trade_url_saved(confirmed.url, self._frame(), notices=notices, elsewhere=elsewhere)
            )

    async def _ask_to_forget(self, click: Click) -> None:
        await click.answer()
        context = click.custom_id.tail
        await click.show(trade_url_forget_question(self._frame(), context=context))

    async def _forget(self, click: Click) -> None:
        await click.answer()
        known = await self._trade_urls.forget(click.actor)
        words = text.URL_FORGOTTEN if known else text.URL_NOTHING_TO_FORGET
        await click.show(await self._screen(click.actor, click.custom_id.tail, words))

    async def _back(self, click: Click) -> None:
        await click.answer()
        if click.custom_id.tail == _BASKET:
            await click.show(await self._baskets.draw(click.actor))
            return
        detail = await self._services.requests.own(click.actor, click.custom_id.tail)
        await click.show(request_detail(detail.view, detail.events, self._frame()))


def _consequences(confirmed: Confirmed) -> list[str]:
    """Return what a new Trade URL did to requests that are already sent."""
    moved = confirmed.elsewhere
    return [
        *(text.URL_RENEWED.format(number=number) for number in confirmed.renewed),
        *(text.URL_VOIDED.format(number=number) for number in confirmed.back_to_moderators),
        *(text.URL_UNTOUCHED.format(number=number) for number in confirmed.untouched),
        *(
            text.URL_SAME.format(number=number, trade_url_page=text.TRADE_URL_LINK)
            for number in confirmed.same
        ),
        *([text.URL_ELSEWHERE.format(number=moved.request.number)] if moved else []),
    ]


async def setup(bot: Quartermaster) -> None:
    """Add the cog."""
    await bot.add_cog(TradeUrlCog(bot))
