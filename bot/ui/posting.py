"""Discord as the services see it: where messages are put and who is where."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import aiohttp
import discord
from discord import ui

from bot.domain.models import GuildPause, MessageKind, OutboxRow, Pause, RequestView
from bot.services.announcements import FALLS_BACK
from bot.services.ports import (
    MessageGoneError,
    Paused,
    PauseOver,
    Posted,
    PostRefusedError,
    PostUncertainError,
    Subject,
    TestCard,
)
from bot.ui.cards.approval import approval_card
from bot.ui.cards.classic import Classic
from bot.ui.cards.delivery_notice import delivery_notice
from bot.ui.cards.frame import Frame
from bot.ui.cards.member import member_status
from bot.ui.cards.missed import member_here
from bot.ui.cards.notices import pause_notice, pause_over
from bot.ui.cards.ready import ready_message
from bot.ui.cards.result import result_card
from bot.ui.cards.setup import test_card
from bot.ui.cards.trades import trade_message

log = logging.getLogger(__name__)

_BAD_REQUEST: Final = 400
_OPENING_DMS_TOO_FAST: Final = 40003
_SEARCHED: Final = 5_000
"""Messages looked at before one of ours is taken for never posted: days of a busy channel."""
_CLOCK_SLACK: Final = timedelta(minutes=2)

_SILENT: Final = discord.AllowedMentions.none()

# A dropped connection comes as aiohttp's own exception: the library doesn't translate it.
_FAILURES: Final = (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError)


class DiscordPoster:
    """Posts, edits and finds our messages: all that isn't the answer to an interaction."""

    def __init__(
        self, client: discord.Client, frame: Callable[[], Frame], online: Callable[[], bool]
    ) -> None:
        self._client = client
        self._frame = frame
        self._online = online

    @property
    def ready(self) -> bool:
        """Whether the gateway is up."""
        return self._online()

    async def post(self, row: OutboxRow, subject: Subject) -> Posted:
        """Post a message; its mark is its nonce too, so Discord itself refuses a quick twin."""
        try:
            target = await self._target(row)
            drawn, pings = self._draw(row, subject), _pings(subject, row, self._frame())
            if isinstance(drawn, Classic):
                message = await target.send(
                    drawn.content, view=drawn.view(row.mark), nonce=row.mark, allowed_mentions=pings
                )
            else:
                message = await target.send(view=drawn, nonce=row.mark, allowed_mentions=pings)
        except _FAILURES as error:
            raise _translated(error) from None
        return Posted(message.channel.id, message.id)

    async def edit(self, row: OutboxRow, subject: Subject) -> None:
        """Draw a message again. An edit never pings."""
        if row.channel_id is None or row.message_id is None:
            raise MessageGoneError("the message never stood anywhere")
        channel = self._client.get_partial_messageable(row.channel_id)
        message = channel.get_partial_message(row.message_id)
        drawn = self._draw(row, subject)
        try:
            if isinstance(drawn, Classic):
                await message.edit(
                    content=drawn.content, view=drawn.view(row.mark), allowed_mentions=_SILENT
                )
            else:
                await message.edit(view=drawn, allowed_mentions=_SILENT)
        except discord.NotFound:
            raise MessageGoneError("the message is gone") from None
        except _FAILURES as error:
            raise _translated(error) from None

    async def stands(self, row: OutboxRow) -> bool | None:
        """Ask Discord for a message; None if it can't say."""
        if row.channel_id is None or row.message_id is None:
            return False
        channel = self._client.get_partial_messageable(row.channel_id)
        try:
            await channel.fetch_message(row.message_id)
        except discord.NotFound:
            return False
        except _FAILURES:
            return None
        return True

    async def find(self, row: OutboxRow) -> Posted | None:
        """Search among our own messages, from when the row was made on, for its mark."""
        since = datetime.fromtimestamp(row.created_at / 1000, UTC) - _CLOCK_SLACK
        self._require_history(row)
        try:
            target = await self._target(row)
            seen = 0
            async for message in target.history(limit=_SEARCHED, after=since):
                seen += 1
                if message.author == self._client.user and _has_mark(message, row.mark):
                    return Posted(message.channel.id, message.id)
        except _FAILURES as error:
            raise _translated(error) from None
        if seen >= _SEARCHED:
            raise PostRefusedError("too much was written since to search for it")
        return None

    def _require_history(self, row: OutboxRow) -> None:
        """Raise ``PostRefusedError`` where an empty history would prove nothing.

        Without Read Message History Discord answers with an empty list and not with a refusal.
        """
        guild = self._client.get_guild(row.guild_id)
        channel = None if row.to_member or guild is None else guild.get_channel(row.target_id)
        if guild is None or channel is None:
            return
        if not channel.permissions_for(guild.me).read_message_history:
            raise PostRefusedError("Read Message History is missing")

    async def is_member(self, guild_id: int, user_id: int) -> bool | None:
        """Ask Discord whether a person is on a server; None if it can't say."""
        guild = self._client.get_guild(guild_id)
        if guild is None or guild.unavailable:
            return None
        try:
            await guild.fetch_member(user_id)
        except discord.NotFound:
            return False
        except (discord.HTTPException, aiohttp.ClientError, OSError):
            return None
        return True

    async def _target(self, row: OutboxRow) -> discord.abc.Messageable:
        if row.to_member:
            return await self._client.create_dm(discord.Object(row.target_id))
        return self._client.get_partial_messageable(row.target_id, guild_id=row.guild_id)

    def _draw(self, row: OutboxRow, subject: Subject) -> ui.LayoutView | Classic:
        frame = replace(self._frame(), mark=row.mark)
        match subject:
            case TestCard(settings, confirmed):
                return test_card(settings, frame, confirmed=confirmed)
            case Paused():
                return pause_notice(subject, frame)
            case PauseOver():
                return pause_over(frame)
            case RequestView():
                return self._draw_request(row, subject, frame)

    def _draw_request(
        self, row: OutboxRow, view: RequestView, frame: Frame
    ) -> ui.LayoutView | Classic:
        guild = self._client.get_guild(row.guild_id)
        guild_name = guild.name if guild else ""
        match row.kind:
            case MessageKind.MEMBER_STATUS:
                return member_status(view, frame, guild_name=guild_name)
            case MessageKind.RESULT:
                return result_card(view, frame)
            case MessageKind.TRADES:
                return trade_message(row, view, frame, guild_name=guild_name)
            case MessageKind.DELIVERY_NOTICE:
                return delivery_notice(row, view, frame)
            case MessageKind.READY | MessageKind.REMINDER:
                return ready_message(row, view, frame, guild_name=guild_name)
            case MessageKind.MEMBER_HERE:
                return member_here(row, view, frame)
            case _:
                return approval_card(view, frame)


def _pings(subject: Subject, row: OutboxRow, frame: Frame) -> discord.AllowedMentions:
    """Say who may be pinged: a member whom nothing else reached, operators, and nobody else."""
    match subject:
        case RequestView(request) if row.kind is MessageKind.RESULT and request.dm_closed:
            return _only(request.user_id)
        case RequestView(request) if row.kind in FALLS_BACK and not row.to_member:
            return _only(request.user_id)
        case Paused(deployment, server) if _is_news(deployment, server):
            return _only(*frame.operator_ids)
        case _:
            return _SILENT


def _is_news(deployment: Sequence[Pause], server: GuildPause | None) -> bool:
    """Say whether the deployment's pause is what a notice is posted for, and not the server's."""
    return any(server is None or pause.since >= server.since for pause in deployment)


def _only(*user_ids: int) -> discord.AllowedMentions:
    users = [discord.Object(user_id) for user_id in user_ids]
    return discord.AllowedMentions(everyone=False, roles=False, users=users)


def _has_mark(message: discord.Message, mark: int) -> bool:
    """Say whether a message bears a mark: on its container, or on the first button of its rows."""
    return any(
        getattr(component, "id", None) == mark
        for outer in message.components
        for component in (outer, *getattr(outer, "children", ()))
    )


def _translated(error: Exception) -> PostRefusedError | PostUncertainError:
    """Return our own exception for what sending raised; no text of the library's goes on."""
    hurried = isinstance(error, discord.HTTPException) and error.code == _OPENING_DMS_TOO_FAST
    if isinstance(error, discord.Forbidden | discord.NotFound) and not hurried:
        return PostRefusedError(_reason(error))
    if isinstance(error, discord.HTTPException):
        if error.status == _BAD_REQUEST and not hurried:
            log.error("Discord calls a message of ours malformed.", exc_info=error)
            return PostRefusedError("malformed")
        return PostUncertainError(f"Discord answered {error.status}")
    return PostUncertainError(f"no answer from Discord: {type(error).__name__}")


def _reason(error: discord.Forbidden | discord.NotFound) -> str:
    return f"Discord {error.status}/{error.code}"
