"""Pausing and resuming: a server's own pause, and the end of those that came by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from bot.domain.limits import REASON_MAX
from bot.domain.models import (
    Actor,
    EventKind,
    GuildPause,
    MessageKind,
    PauseCause,
    WaitReason,
)
from bot.domain.plain_text import clean_line
from bot.errors import Problem, UserFacingError
from bot.services.announcements import Announcements, what_pauses
from bot.services.clock import Clock
from bot.services.guilds import Guilds
from bot.services.market_watch import lift
from bot.services.ports import Paused
from bot.store import audit, outbox, purchases, settings
from bot.store.database import Database, Transaction

LIFTED_BY_OPERATORS: Final = (
    PauseCause.ALARM,
    PauseCause.UNKNOWNS,
    PauseCause.BOOKS,
    PauseCause.NEW_DATABASE,
)
"""Causes that a person has to look into. The market's own no ends when the market says yes."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """What was lifted, and what still pauses buying for this server."""

    server: GuildPause | None
    deployment: tuple[PauseCause, ...]
    still: Paused | None


async def lift_all(tx: Transaction, *, at: int, by: int | None = None) -> list[PauseCause]:
    """Lift every pause of the deployment that only an operator may lift; return their causes."""
    return [cause for cause in LIFTED_BY_OPERATORS if await lift(tx, cause, at=at, by=by)]


class Pauses:
    """What people do about pauses."""

    def __init__(
        self,
        database: Database,
        guilds: Guilds,
        announcements: Announcements,
        clock: Clock,
        *,
        operator_ids: Collection[int],
        approved: asyncio.Event,
    ) -> None:
        self._database = database
        self._guilds = guilds
        self._announcements = announcements
        self._clock = clock
        self._operators = frozenset(operator_ids)
        self._approved = approved

    async def standing(self, guild_id: int) -> Paused | None:
        """Return everything that pauses buying for a server, or None if nothing does."""
        async with self._database.reading() as tx:
            return await what_pauses(tx, guild_id)

    async def pause(self, actor: Actor, reason: str) -> GuildPause:
        """Pause buying for the actor's server.

        Raises ``UserFacingError`` (PAUSE_REASON_EMPTY, PAUSED_ALREADY; and if they may not).
        """
        guild_id = self._guilds.require_administrator(actor)
        words = clean_line(reason, length_max=REASON_MAX)
        if not words:
            raise UserFacingError(Problem.PAUSE_REASON_EMPTY)
        now = self._clock.now_ms()
        pause = GuildPause(guild_id, now, actor.user_id, words)
        async with self._database.writing() as tx:
            await settings.add_guild(tx, guild_id)
            before = await settings.get_pause(tx) is not None
            if not await settings.pause_guild(tx, pause):
                raise _paused_already(await settings.get_guild_pause(tx, guild_id) or pause)
            await audit.record(
                tx,
                EventKind.PAUSED,
                guild_id=guild_id,
                at=now,
                actor_id=actor.user_id,
                details={"why": words},
            )
            channel_id = (await settings.get_guild(tx, guild_id)).approval_channel_id
            if channel_id is not None:
                await self._announcements.announce_pause(
                    tx, guild_id, channel_id, paused_before=before
                )
        self._announcements.wake()
        return pause

    async def resume(self, actor: Actor) -> Resumed:
        """Lift what the actor may lift: an administrator their server's pause, an operator the
        deployment's.

        Raises ``UserFacingError`` (NOT_PAUSED; and if they may not).
        """
        operator = actor.user_id in self._operators
        guild_id = (
            self._guilds.require_allowed(actor)
            if operator
            else self._guilds.require_administrator(actor)
        )
        now = self._clock.now_ms()
        async with self._database.writing() as tx:
            before = await what_pauses(tx, guild_id)
            if before is None:
                raise UserFacingError(Problem.NOT_PAUSED)
            own = await self._resume_server(tx, actor, guild_id, now)
            lifted = await lift_all(tx, at=now, by=actor.user_id) if operator else []
            still = await what_pauses(tx, guild_id)
        self._announcements.wake()
        self._approved.set()
        return Resumed(own, tuple(lifted), still)

    async def _resume_server(
        self, tx: Transaction, actor: Actor, guild_id: int, now: int
    ) -> GuildPause | None:
        """Lift the server's own pause if the actor may, and return what it was."""
        own = await settings.get_guild_pause(tx, guild_id)
        if own is None or not actor.administrator:
            return None
        await settings.resume_guild(tx, guild_id)
        await audit.record(tx, EventKind.RESUMED, guild_id=guild_id, at=now, actor_id=actor.user_id)
        await purchases.wait_no_longer(tx, (WaitReason.PAUSED,), at=now)
        await outbox.touch_kind(tx, guild_id, MessageKind.PAUSE_NOTICE)
        return own


def _paused_already(pause: GuildPause) -> UserFacingError:
    return UserFacingError(
        Problem.PAUSED_ALREADY,
        user_id=str(pause.paused_by),
        since=pause.since,
        reason=pause.reason,
    )
