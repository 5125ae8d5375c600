"""For administrators: ``/quartermaster``, and what is settled by hand."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.app import Quartermaster
from bot.domain.limits import REASON_MAX
from bot.domain.models import RequestView
from bot.domain.states import LineState
from bot.errors import Problem, UserFacingError
from bot.ui import text
from bot.ui.cards.attention import bought_modal, not_bought_modal, settle_screen, settled_screen
from bot.ui.cards.money import money_screen
from bot.ui.cards.notices import moderator_notice
from bot.ui.custom_ids import Space, unpack
from bot.ui.guard import Click, actor_of, show

_ON_THE_SCREEN: Final = frozenset(
    {
        Problem.SETTLE_CHANGED,
        Problem.SETTLE_REASON_EMPTY,
        Problem.BUY_ID_WRONG,
        Problem.BUY_ID_BOOKED,
        Problem.PRICE_WRONG,
        Problem.PRICE_TOO_LOW,
        Problem.PRICE_TOO_HIGH,
    }
)
"""What is said on the screen that it happened on, which shows how things are now."""


@app_commands.guild_only()
@app_commands.default_permissions(manage_guild=True)
class AdministrationCog(
    commands.GroupCog,
    group_name=text.CMD_QUARTERMASTER_NAME,
    group_description=text.CMD_QUARTERMASTER,
):
    """The group of commands, and the screen on which purchases are settled by hand."""

    def __init__(self, bot: Quartermaster) -> None:
        super().__init__()
        self._frame = bot.frame
        self._pauses = bot.services.pauses
        self._attention = bot.services.attention
        self._books = bot.services.books
        self._money = bot.services.money
        bot.router.on(Space.REQUEST, "settle", self._open_settling)
        bot.router.on(Space.REQUEST, "settle_choose", self._choose)
        bot.router.on(Space.REQUEST, "settle_bought", self._ask_about_bought)
        bot.router.on(Space.REQUEST, "settle_bought_now", self._settle_bought)
        bot.router.on(Space.REQUEST, "settle_not", self._ask_about_not_bought)
        bot.router.on(Space.REQUEST, "settle_not_now", self._settle_not_bought)
        bot.router.on(Space.MONEY, "page", self._turn_money)
        bot.router.on(Space.MONEY, "choose", self._choose_money)
        bot.router.on(Space.MONEY, "back", self._book_back)

    @app_commands.command(name=text.CMD_PAUSE_NAME, description=text.CMD_PAUSE)
    @app_commands.describe(reason=text.CMD_PAUSE_REASON)
    async def pause(
        self, interaction: discord.Interaction, reason: app_commands.Range[str, 1, REASON_MAX]
    ) -> None:
        """Pause buying for the server."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._pauses.pause(actor_of(interaction), reason)
        frame = self._frame()
        await show(interaction, moderator_notice(text.paused_now(frame), frame))

    @app_commands.command(name=text.CMD_RESUME_NAME, description=text.CMD_RESUME)
    async def resume(self, interaction: discord.Interaction) -> None:
        """Lift what the person may lift."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        done = await self._pauses.resume(actor_of(interaction))
        frame = self._frame()
        await show(interaction, moderator_notice(text.resumed(done, frame), frame))

    @app_commands.command(name=text.CMD_BOOKS_NAME, description=text.CMD_BOOKS)
    async def books(self, interaction: discord.Interaction) -> None:
        """Show the last comparison of the records with the market's history."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        report, balance = await self._books.show(actor_of(interaction))
        await show(
            interaction, moderator_notice(text.books_in_words(report, balance), self._frame())
        )

    @app_commands.command(name=text.CMD_BALANCE_NAME, description=text.CMD_BALANCE)
    async def balance(self, interaction: discord.Interaction) -> None:
        """Show where the money is, and what of it may be back."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        report = await self._money.show(actor_of(interaction))
        await show(interaction, money_screen(report, self._frame()))

    async def _turn_money(self, click: Click) -> None:
        await click.answer()
        report = await self._money.show(click.actor, _page(click))
        await click.show(money_screen(report, self._frame()))

    async def _choose_money(self, click: Click) -> None:
        await click.answer()
        chosen = {int(value) for value in click.values if value.isdecimal()}
        try:
            report = await self._money.still(click.actor, _page(click), click.custom_id.stamp)
        except UserFacingError as error:
            await self._show_money(click, error)
            return
        await click.show(money_screen(report, self._frame(), chosen=chosen))

    async def _book_back(self, click: Click) -> None:
        await click.answer()
        packed = click.custom_id.tail.partition(".")[2]
        try:
            booked = await self._money.book_back(
                click.actor, _page(click), click.custom_id.stamp, unpack(packed)
            )
        except UserFacingError as error:
            await self._show_money(click, error)
            return
        words = text.money_is_back(booked.amount, booked.count)
        await click.show(money_screen(booked.report, self._frame(), notice=words))

    async def _show_money(self, click: Click, error: UserFacingError) -> None:
        """Say that somebody was faster on the screen as it is now; anything else has its answer."""
        if error.problem is not Problem.NOT_BACK_CHANGED:
            raise error
        report = await self._money.show(click.actor, _page(click))
        words = text.explain(error, self._frame())
        await click.show(money_screen(report, self._frame(), notice=words))

    async def _open_settling(self, click: Click) -> None:
        await click.answer()
        view = await self._attention.to_settle(click.actor, click.custom_id.subject)
        await click.show(settle_screen(view, self._frame()))

    async def _choose(self, click: Click) -> None:
        await click.answer()
        chosen = [int(value) for value in click.values if value.isdecimal()]
        try:
            view = await self._still(click)
        except UserFacingError as error:
            await self._explain(click, error)
            return
        await click.show(settle_screen(view, self._frame(), chosen=chosen))

    async def _still(self, click: Click) -> RequestView:
        """Return the request if what its screen showed as unknown still is all that is."""
        return await self._attention.to_settle(
            click.actor, click.custom_id.subject, click.custom_id.stamp
        )

    async def _ask_about_bought(self, click: Click) -> None:
        await self._ask(click, lambda view, chosen: bought_modal(view, min(chosen)))

    async def _ask_about_not_bought(self, click: Click) -> None:
        await self._ask(click, not_bought_modal)

    async def _ask(
        self, click: Click, draw: Callable[[RequestView, Collection[int]], ui.Modal]
    ) -> None:
        chosen = _chosen(click)
        try:
            view = await self._still(click)
        except UserFacingError as error:
            await click.answer()
            await self._explain(click, error, chosen)
            return
        await click.ask(draw(view, chosen))

    async def _settle_bought(self, click: Click) -> None:
        await click.answer()
        chosen, fields = _chosen(click), click.fields
        try:
            view = await self._attention.settle_bought(
                click.actor,
                click.custom_id.subject,
                click.custom_id.stamp,
                min(chosen),
                buy_id=fields.get("buy_id", ""),
                paid=fields.get("paid", ""),
                reason=fields.get("reason", ""),
            )
        except UserFacingError as error:
            await self._explain(click, error, chosen)
            return
        await self._show_rest(click, view, text.settled_bought(view, min(chosen)))

    async def _settle_not_bought(self, click: Click) -> None:
        await click.answer()
        chosen = _chosen(click)
        try:
            view = await self._attention.settle_not_bought(
                click.actor,
                click.custom_id.subject,
                click.custom_id.stamp,
                chosen,
                reason=click.fields.get("reason", ""),
            )
        except UserFacingError as error:
            await self._explain(click, error, chosen)
            return
        notice = text.SETTLED_NOT_BOUGHT_NOW.format(skins=text.skins(len(chosen)))
        await self._show_rest(click, view, notice)

    async def _show_rest(self, click: Click, view: RequestView, notice: str) -> None:
        left = view.in_state(LineState.UNKNOWN)
        draw = settle_screen if left else settled_screen
        await click.show(draw(view, self._frame(), notice=notice))

    async def _explain(
        self, click: Click, error: UserFacingError, chosen: Collection[int] = ()
    ) -> None:
        """Say what is in the way on the screen as it is now; anything else has its own answer."""
        if error.problem not in _ON_THE_SCREEN:
            raise error
        view = await self._attention.to_settle(click.actor, click.custom_id.subject)
        words = text.explain(error, self._frame())
        await click.show(settle_screen(view, self._frame(), chosen=chosen, notice=words))


def _page(click: Click) -> int:
    """Return the page of a list that a click is about."""
    number = click.custom_id.tail.partition(".")[0]
    return int(number) if number.isdecimal() else 1


def _chosen(click: Click) -> frozenset[int]:
    """Return the lines that a button or a modal is about."""
    chosen = unpack(click.custom_id.tail.partition(".")[0])
    if not chosen:
        raise UserFacingError(Problem.OUT_OF_DATE)
    return chosen


async def setup(bot: Quartermaster) -> None:
    """Add the cog."""
    await bot.add_cog(AdministrationCog(bot))
