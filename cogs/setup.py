"""For administrators: ``/setup``, one panel on which each choice is saved and checked at once."""

from __future__ import annotations

from typing import Final

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.app import Quartermaster
from bot.errors import Problem, UserFacingError
from bot.store.settings import GuildNumber, GuildPlace
from bot.ui import text
from bot.ui.cards.notices import moderator_notice
from bot.ui.cards.setup import limits_modal, panel_message, setup_panel
from bot.ui.checks import check_places
from bot.ui.custom_ids import Space
from bot.ui.guard import Click, Interaction, actor_of, show

_PLACES: Final[dict[str, GuildPlace]] = {
    "approver": "approver_role_id",
    "approvals": "approval_channel_id",
    "results": "results_channel_id",
}
_FIELDS: Final[dict[str, GuildNumber]] = {
    "tolerance": "tolerance_bp",
    "lines": "lines_max",
    "open": "open_requests_max",
    "undo": "undo_s",
}


class SetupCog(commands.Cog):
    """The set-up of a server."""

    def __init__(self, bot: Quartermaster) -> None:
        self._frame = bot.frame
        self._guilds = bot.services.guilds
        self._catalogue = bot.services.catalogue
        for verb in _PLACES:
            bot.router.on(Space.SETUP, verb, self._choose_place)
        bot.router.on(Space.SETUP, "askers", self._choose_askers)
        bot.router.on(Space.SETUP, "delivery", self._choose_delivery)
        bot.router.on(Space.SETUP, "games", self._choose_games)
        bot.router.on(Space.SETUP, "limits", self._ask_for_limits)
        bot.router.on(Space.SETUP, "set_limits", self._set_limits)
        bot.router.on(Space.SETUP, "check", self._check)
        bot.router.on(Space.SETUP, "test", self._post_test_card)
        bot.router.on(Space.SETUP, "panel", self._post_panel)
        bot.router.on(Space.SETUP, "unpark", self._unpark)
        bot.router.on(Space.SETUP, "confirm", self._confirm)

    @app_commands.command(name=text.CMD_SETUP_NAME, description=text.CMD_SETUP)
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def setup(self, interaction: discord.Interaction) -> None:
        """Show the panel."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await show(interaction, await self._panel(interaction))

    async def _panel(self, interaction: Interaction, notice: str = "") -> ui.LayoutView:
        state = await self._guilds.setup_state(actor_of(interaction))
        if interaction.guild is None:
            raise UserFacingError(Problem.SERVER_ONLY)
        return setup_panel(
            state.settings,
            self._frame(),
            findings=check_places(interaction.guild, state.settings),
            confirmed=state.confirmed,
            parked=state.parked,
            allowed=True,
            prices=self._catalogue.age(state.settings.games),
            notice=notice,
        )

    async def _show(self, click: Click, notice: str) -> None:
        await click.show(await self._panel(click.interaction, notice))

    async def _show_problem(self, click: Click, error: UserFacingError) -> None:
        await self._show(click, text.explain(error, self._frame()))

    async def _choose_place(self, click: Click) -> None:
        await click.answer()
        try:
            place = _PLACES[click.custom_id.verb]
            await self._guilds.choose_place(click.actor, place, _ids(click)[0])
        except UserFacingError as error:
            await self._show_problem(click, error)
            return
        await self._show(click, text.SETUP_SAVED)

    async def _choose_askers(self, click: Click) -> None:
        await click.answer()
        await self._guilds.choose_askers(click.actor, _ids(click, at_least=0))
        await self._show(click, text.SETUP_SAVED)

    async def _choose_delivery(self, click: Click) -> None:
        await click.answer()
        await self._guilds.choose_delivery(click.actor, click.values[0] if click.values else "")
        await self._show(click, text.SETUP_SAVED)

    async def _choose_games(self, click: Click) -> None:
        await click.answer()
        await self._guilds.choose_games(click.actor, click.values)
        await self._show(click, text.SETUP_SAVED)

    async def _ask_for_limits(self, click: Click) -> None:
        state = await self._guilds.setup_state(click.actor)
        await click.ask(limits_modal(state.settings))

    async def _set_limits(self, click: Click) -> None:
        await click.answer()
        typed = {setting: click.fields.get(name, "") for name, setting in _FIELDS.items()}
        try:
            await self._guilds.choose_limits(click.actor, typed)
        except UserFacingError as error:
            await self._show_problem(click, error)
            return
        await self._show(click, text.SETUP_SAVED)

    async def _check(self, click: Click) -> None:
        await click.answer()
        await self._guilds.check_cards(click.actor)
        await self._guilds.try_parked_again(click.actor)
        await self._show(click, text.CHECKED)

    async def _post_test_card(self, click: Click) -> None:
        await click.answer()
        try:
            await self._guilds.post_test_card(click.actor)
        except UserFacingError as error:
            await self._show_problem(click, error)
            return
        await self._show(click, text.TEST_POSTED)

    async def _post_panel(self, click: Click) -> None:
        await click.answer()
        await self._guilds.setup_state(click.actor)
        channel = click.interaction.channel
        if not isinstance(channel, discord.abc.Messageable):
            raise UserFacingError(Problem.SERVER_ONLY)
        try:
            await channel.send(
                view=panel_message(self._frame()),
                allowed_mentions=discord.AllowedMentions.none(),
            )
        except (discord.Forbidden, discord.NotFound):
            await self._show_problem(click, UserFacingError(Problem.CANNOT_POST_HERE))
            return
        await self._show(click, text.PANEL_POSTED)

    async def _unpark(self, click: Click) -> None:
        await click.answer()
        await self._guilds.try_parked_again(click.actor)
        await self._show(click, text.UNPARKED)

    async def _confirm(self, click: Click) -> None:
        await click.think()
        await self._guilds.confirm(click.actor)
        await click.show(moderator_notice(text.CONFIRMED_NOW, self._frame()))


def _ids(click: Click, *, at_least: int = 1) -> list[int]:
    ids = [int(value) for value in click.values if value.isdecimal()]
    if len(ids) < at_least:
        raise UserFacingError(Problem.OUT_OF_DATE)
    return ids


async def setup(bot: Quartermaster) -> None:
    """Add the cog."""
    await bot.add_cog(SetupCog(bot))
