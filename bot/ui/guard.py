"""One router for buttons, selects and modals, and the one boundary for what goes wrong.

Views and modals are sent stopped, so that discord.py keeps none of them: every click comes here by
its custom id, before a restart as after it. Whatever happens, a click is answered, once, in words.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from secrets import choice
from typing import Any, Final, cast

import aiohttp
import discord
from discord import app_commands, ui

from bot.domain.models import Actor
from bot.errors import DatabaseBrokenError, Problem, UserFacingError
from bot.ui import text
from bot.ui.cards.frame import Frame
from bot.ui.cards.notices import notice
from bot.ui.custom_ids import CustomId, Space

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]
FrameMaker = Callable[[], Frame]

# Without letters and digits that look alike when somebody reads them out.
_REFERENCE_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_REFERENCE_LENGTH: Final = 5

_SILENT: Final = discord.AllowedMentions.none()

_UNKNOWN_INTERACTION: Final = 10062
_ALREADY_ACKNOWLEDGED: Final = 40060


def actor_of(interaction: Interaction) -> Actor:
    """Return who acts, where and with which roles: nothing else of an interaction is believed."""
    user = interaction.user
    roles = user.roles if isinstance(user, discord.Member) else []
    return Actor(
        user_id=user.id,
        guild_id=interaction.guild_id,
        role_ids=frozenset(role.id for role in roles),
        administrator=interaction.guild_id is not None and interaction.permissions.manage_guild,
    )


@dataclass(frozen=True, slots=True)
class Click:
    """A press of a button, a choice of a select or a modal that was sent."""

    interaction: Interaction
    custom_id: CustomId
    actor: Actor
    values: tuple[str, ...]
    fields: Mapping[str, str]

    @property
    def on_private(self) -> bool:
        """Whether it was pressed on a message that only the presser sees."""
        message = self.interaction.message
        return message is not None and message.flags.ephemeral

    async def think(self) -> None:
        """Acknowledge, and answer privately with a message of its own."""
        await self.interaction.response.defer(ephemeral=True, thinking=True)

    async def hold(self) -> None:
        """Acknowledge, and answer by drawing the clicked message again."""
        await self.interaction.response.defer()

    async def answer(self) -> None:
        """Acknowledge: a private screen is drawn again, anything else gets a private answer."""
        if self.on_private:
            await self.hold()
        else:
            await self.think()

    async def show(self, view: ui.LayoutView) -> None:
        """Answer what was acknowledged before."""
        await show(self.interaction, view)

    async def show_privately(self, view: ui.LayoutView) -> None:
        """Add a private message to what was acknowledged with ``hold``."""
        await self.interaction.followup.send(view=view, ephemeral=True, allowed_mentions=_SILENT)

    async def ask(self, modal: ui.Modal) -> None:
        """Open a modal; it must be the first answer."""
        await self.interaction.response.send_modal(modal)


Handler = Callable[[Click], Awaitable[None]]


class Router:
    """Brings every click to the handler of its custom id."""

    def __init__(self, frame: FrameMaker) -> None:
        self._frame = frame
        self._handlers: dict[tuple[Space, str], Handler] = {}
        self._answering: set[asyncio.Task[Any]] = set()
        self._closing = False

    def on(self, space: Space, verb: str, handler: Handler) -> None:
        """Have ``handler`` answer clicks with this verb.

        Raises ``ValueError`` if another one does already.
        """
        if (space, verb) in self._handlers:
            raise ValueError(f"{space} {verb} has a handler already")
        self._handlers[space, verb] = handler

    @property
    def verbs(self) -> frozenset[tuple[Space, str]]:
        """What has a handler."""
        return frozenset(self._handlers)

    async def dispatch(self, interaction: Interaction) -> None:
        """Answer an interaction if it is a click; commands are the tree's."""
        if interaction.type not in (
            discord.InteractionType.component,
            discord.InteractionType.modal_submit,
        ):
            return
        if not await self.admits(interaction):
            return
        try:
            click = _click(interaction)
            await self._handler(click.custom_id)(click)
        except Exception as error:  # noqa: BLE001 - the boundary
            await report(interaction, error, self._frame())

    async def admits(self, interaction: Interaction) -> bool:
        """Count the running task as one that answers somebody: a click, a command, a suggestion.

        Once :meth:`close` was called nothing is begun any more: that is said, and this is False.
        """
        task = asyncio.current_task()
        if task is not None:
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        if self._closing:
            await report(interaction, UserFacingError(Problem.RESTARTING), self._frame())
        return not self._closing

    async def close(self, *, timeout_s: float) -> None:
        """Begin nothing more, and wait for what is under way; what takes longer is cut off.

        Whatever is admitted meanwhile is only told so; a second call waits for that.
        """
        self._closing = True
        if not self._answering:
            return
        _, late = await asyncio.wait(set(self._answering), timeout=timeout_s)
        if late:
            log.warning("What takes too long to answer is cut off: %d.", len(late))
        for task in late:
            task.cancel()
        # Their transactions end here, and not under a database that is being closed.
        await asyncio.gather(*late, return_exceptions=True)

    def _handler(self, custom_id: CustomId) -> Handler:
        handler = self._handlers.get((custom_id.space, custom_id.verb))
        if handler is None:
            raise UserFacingError(Problem.OUT_OF_DATE)
        return handler


def _click(interaction: Interaction) -> Click:
    data = cast("dict[str, Any]", interaction.data or {})
    custom_id = CustomId.parse(str(data.get("custom_id", "")))
    if custom_id is None:
        raise UserFacingError(Problem.OUT_OF_DATE)
    return Click(
        interaction,
        custom_id,
        actor_of(interaction),
        tuple(str(value) for value in data.get("values", ())),
        dict(_fields(data.get("components", ()))),
    )


def _fields(components: Any) -> list[tuple[str, str]]:
    """Return the text inputs of a modal: each stands in a label."""
    inner = [part.get("component", {}) for part in components if isinstance(part, dict)]
    return [
        (str(field["custom_id"]), str(field.get("value") or ""))
        for field in inner
        if "custom_id" in field and "values" not in field
    ]


async def report(interaction: Interaction, error: Exception, frame: Frame) -> None:
    """Tell a person what went wrong: their part in words, ours as a reference.

    The reference stands in the log with the traceback; the exception's text goes nowhere else.
    """
    if isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    if isinstance(error, UserFacingError):
        words = text.explain(error, frame)
    elif isinstance(error, app_commands.CommandNotFound):
        words = text.explain(UserFacingError(Problem.OUT_OF_DATE), frame)
    elif _is_too_late(error):
        log.warning("Interaction %s came too late to be answered.", interaction.id)
        return
    else:
        reference = "".join(choice(_REFERENCE_ALPHABET) for _ in range(_REFERENCE_LENGTH))
        # A COMMIT that failed is told in the log where it failed, once, and ends the process.
        broken = isinstance(error, DatabaseBrokenError)
        log.error(
            "Reference %s: interaction %s%s",
            reference,
            interaction.id,
            ", the database has failed" if broken else "",
            exc_info=None if broken else error,
        )
        words = text.something_broke(reference, nothing_bought=False)
    try:
        if interaction.type is discord.InteractionType.autocomplete:
            # Nothing but suggestions can be said while somebody types.
            await interaction.response.autocomplete([])
        else:
            await reply(interaction, notice(words, frame))
    except (discord.HTTPException, aiohttp.ClientError, OSError) as failed:
        log.warning("Interaction %s can't be answered: %s", interaction.id, type(failed).__name__)


def _is_too_late(error: Exception) -> bool:
    """Say whether Discord has forgotten the interaction: nobody is listening any more."""
    return isinstance(error, discord.NotFound) and error.code == _UNKNOWN_INTERACTION


async def show(interaction: Interaction, view: ui.LayoutView) -> None:
    """Answer a command that was acknowledged; nothing on the answer mentions anybody.

    The bot's own default does not count for an edit without content, so it is said every time.
    """
    await interaction.edit_original_response(view=view, allowed_mentions=_SILENT)


async def reply(interaction: Interaction, view: ui.LayoutView) -> None:
    """Answer privately, whether or not the interaction was acknowledged before."""
    if not interaction.response.is_done():
        try:
            await interaction.response.send_message(
                view=view, ephemeral=True, allowed_mentions=_SILENT
            )
            return
        except discord.HTTPException as error:
            # Discord took an acknowledgement whose own answer was lost on its way to us.
            if error.code != _ALREADY_ACKNOWLEDGED:
                raise
    await interaction.followup.send(view=view, ephemeral=True, allowed_mentions=_SILENT)


class Tree(app_commands.CommandTree[Any]):
    """The command tree, with the same boundary around commands as around clicks."""

    frame: FrameMaker
    router: Router

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Let a command or a suggestion begin, unless the bot is stopping."""
        return await self.router.admits(interaction)

    async def on_error(
        self, interaction: Interaction, error: app_commands.AppCommandError, /
    ) -> None:
        """Report; nothing is left to the library, which would only log."""
        await report(interaction, error, self.frame())
