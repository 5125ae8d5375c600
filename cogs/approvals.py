"""For moderators: ``/approvals``, and the buttons of the approval card."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import Quartermaster
from bot.domain.money import Micros
from bot.errors import MarketError, Problem, UserFacingError
from bot.ui import text
from bot.ui.cards.approval import approval_card, approval_details, deny_modal
from bot.ui.cards.history import history_screen
from bot.ui.cards.notices import moderator_notice
from bot.ui.cards.queue import private_card, queue_label, queue_screen
from bot.ui.custom_ids import Space
from bot.ui.guard import Click, actor_of, show

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]

_BALANCE_WAIT_S: Final = 3.0


class ApprovalCog(commands.Cog):
    """Deciding on requests."""

    def __init__(self, bot: Quartermaster) -> None:
        self._frame = bot.frame
        self._requests = bot.services.requests
        self._approvals = bot.services.approvals
        self._watch = bot.services.watch
        self._pauses = bot.services.pauses
        self._attention = bot.services.attention
        bot.router.on(Space.PANEL, "queue", self._queue)
        bot.router.on(Space.PANEL, "queue_show", self._show_chosen)
        bot.router.on(Space.REQUEST, "post_again", self._post_again)
        bot.router.on(Space.REQUEST, "approve", self._approve)
        bot.router.on(Space.REQUEST, "deny", self._ask_for_reason)
        bot.router.on(Space.REQUEST, "deny_reason", self._deny)
        bot.router.on(Space.REQUEST, "take_back", self._take_back)
        bot.router.on(Space.REQUEST, "details", self._details)
        bot.router.on(Space.REQUEST, "mod_history", self._history)
        bot.router.on(Space.REQUEST, "check_now", self._check_now)
        bot.router.on(Space.REQUEST, "try_again", self._try_again)

    @app_commands.command(name=text.CMD_APPROVALS_NAME, description=text.CMD_APPROVALS)
    @app_commands.describe(number=text.CMD_APPROVALS_NUMBER)
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_messages=True)
    async def approvals(
        self,
        interaction: discord.Interaction,
        number: app_commands.Range[int, 1, 1_000_000_000] | None = None,
    ) -> None:
        """Show what waits, or one request's card."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        actor = actor_of(interaction)
        if number is None:
            view = queue_screen(await self._approvals.queue(actor, 0), self._frame())
        else:
            view = private_card(await self._approvals.find(actor, number), self._frame())
        await show(interaction, view)

    @approvals.autocomplete("number")
    async def _suggest(
        self, interaction: Interaction, current: object
    ) -> list[app_commands.Choice[int]]:
        try:
            found = await self._approvals.suggest(actor_of(interaction), str(current))
        except UserFacingError:
            return []
        except Exception:
            # The library would only log it, and the person would see the list fail to load.
            log.exception("Autocomplete failed.")
            return []
        return [
            app_commands.Choice(name=queue_label(view), value=view.request.number) for view in found
        ]

    async def _queue(self, click: Click) -> None:
        await click.answer()
        queue = await self._approvals.queue(click.actor, click.custom_id.page or 0)
        await click.show(queue_screen(queue, self._frame()))

    async def _show_chosen(self, click: Click) -> None:
        await click.answer()
        if not click.values:
            raise UserFacingError(Problem.OUT_OF_DATE)
        card = await self._approvals.card(click.actor, click.values[0])
        await click.show(private_card(card, self._frame()))

    async def _post_again(self, click: Click) -> None:
        await click.answer()
        custom_id = click.custom_id
        reposted = await self._approvals.post_again(
            click.actor, custom_id.subject, custom_id.page or 0
        )
        frame = self._frame()
        await click.show(private_card(reposted.card, frame))
        words = text.card_posted_again(reposted, frame)
        await click.show_privately(moderator_notice(words, frame))

    async def _approve(self, click: Click) -> None:
        await click.answer()
        custom_id = click.custom_id
        try:
            view = await self._requests.approve(click.actor, custom_id.subject, custom_id.stamp)
        except UserFacingError as error:
            await self._explain(click, error)
            return
        paused = await self._pauses.standing(view.request.guild_id)
        if paused is not None:
            await self._say(click, text.approved_but_paused(view, paused, self._frame()))
        else:
            await self._say(click, text.approved(view, view.request.claimable_at or 0))

    async def _ask_for_reason(self, click: Click) -> None:
        custom_id = click.custom_id
        try:
            view = await self._requests.require_may_decide(
                click.actor, custom_id.subject, custom_id.stamp
            )
        except UserFacingError as error:
            await click.answer()
            await self._explain(click, error)
            return
        await click.ask(deny_modal(view.request))

    async def _deny(self, click: Click) -> None:
        await click.answer()
        custom_id = click.custom_id
        try:
            view = await self._requests.deny(
                click.actor, custom_id.subject, custom_id.stamp, click.fields.get("reason", "")
            )
        except UserFacingError as error:
            await self._explain(click, error)
            return
        await self._say(click, text.denied(view))

    async def _take_back(self, click: Click) -> None:
        await click.answer()
        custom_id = click.custom_id
        try:
            view = await self._requests.take_back(click.actor, custom_id.subject, custom_id.stamp)
        except UserFacingError as error:
            await self._explain(click, error)
            return
        await self._say(click, text.taken_back(view))

    async def _details(self, click: Click) -> None:
        # Back from the history it takes the place of the screen that it was asked for on.
        await (click.answer() if click.custom_id.tail else click.think())
        detail = await self._requests.details(click.actor, click.custom_id.subject)
        await click.show(
            approval_details(
                detail.view,
                detail.events,
                self._frame(),
                balance=await self._balance(),
                paused=await self._pauses.standing(detail.view.request.guild_id),
                lately=await self._attention.lately(click.actor, click.custom_id.subject),
            )
        )

    async def _history(self, click: Click) -> None:
        await click.answer()
        detail = await self._requests.details(click.actor, click.custom_id.subject)
        page = click.custom_id.page
        await click.show(
            history_screen(detail.view, detail.events, self._frame(), for_moderator=True, page=page)
        )

    async def _check_now(self, click: Click) -> None:
        await click.answer()
        view = await self._attention.check_now(click.actor, click.custom_id.subject)
        await self._say(click, text.checking_now(view))

    async def _try_again(self, click: Click) -> None:
        await click.answer()
        custom_id = click.custom_id
        rounds = int(custom_id.tail) if custom_id.tail.isdecimal() else -1
        view, lines = await self._attention.try_again(
            click.actor, custom_id.subject, custom_id.stamp, rounds
        )
        paused = await self._pauses.standing(view.request.guild_id)
        words = text.with_pause(text.trying_again(view, lines), paused, self._frame())
        await self._say(click, words)

    async def _balance(self) -> Micros | None:
        try:
            async with asyncio.timeout(_BALANCE_WAIT_S):
                return await self._watch.balance_to_show()
        except (MarketError, TimeoutError):
            return None

    async def _say(self, click: Click, words: str) -> None:
        """Answer; a card in private is drawn again, because nothing else keeps it as things are."""
        answer = moderator_notice(words, self._frame())
        if not click.on_private:
            await click.show(answer)
            return
        card = await self._approvals.card(click.actor, click.custom_id.subject)
        await click.show(private_card(card, self._frame()))
        await click.show_privately(answer)

    async def _explain(self, click: Click, error: UserFacingError) -> None:
        """Say who was first, or show the new version; anything else has its own sentence."""
        if error.problem not in (Problem.ALREADY_DECIDED, Problem.REQUEST_CHANGED):
            raise error
        detail = await self._requests.details(click.actor, click.custom_id.subject)
        if error.problem is Problem.ALREADY_DECIDED:
            await self._say(click, text.already_decided(detail.view))
            return
        await self._say(click, text.changed(detail.view))
        if click.on_private:
            return
        await click.show_privately(approval_card(detail.view, self._frame()))


async def setup(bot: Quartermaster) -> None:
    """Add the cog."""
    await bot.add_cog(ApprovalCog(bot))
