"""What is in the way of a server's choices, as the guild cache knows it at this moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import discord

from bot.domain.models import GuildSettings

NEEDED: Final = ("view_channel", "send_messages", "embed_links", "read_message_history")
"""What the bot needs where it posts; the last to find its own message again after a crash."""


@dataclass(frozen=True, slots=True)
class RoleFinding:
    """What there is to say about the approver role."""

    role_id: int
    exists: bool = True
    is_everyone: bool = False

    @property
    def ok(self) -> bool:
        """Whether it can be used."""
        return self.exists and not self.is_everyone


@dataclass(frozen=True, slots=True)
class PlaceFinding:
    """What there is to say about a channel that the bot posts in."""

    channel_id: int
    exists: bool = True
    missing: tuple[str, ...] = ()
    """Permissions that the bot lacks there, by their names in discord.py."""
    everyone_reads: bool = False
    approvers_read: bool = True

    @property
    def ok(self) -> bool:
        """Whether the bot can post there."""
        return self.exists and not self.missing


@dataclass(frozen=True, slots=True)
class SetupFindings:
    """What there is to say about a server's choices; None where nothing was chosen yet."""

    approver: RoleFinding | None = None
    approvals: PlaceFinding | None = None
    results: PlaceFinding | None = None
    askers_gone: frozenset[int] = frozenset()
    """Roles that may ask and no longer exist; if all are gone, nobody may ask."""

    @property
    def done(self) -> int:
        """How many of the three choices are made and work."""
        return sum(finding is not None and finding.ok for finding in self._needed)

    @property
    def all_done(self) -> bool:
        """Whether nothing is in the way of requests."""
        return self.done == len(self._needed)

    @property
    def _needed(self) -> tuple[RoleFinding | PlaceFinding | None, ...]:
        return (self.approver, self.approvals, self.results)


def check_places(guild: discord.Guild, settings: GuildSettings) -> SetupFindings:
    """Return what is in the way of a server's choices."""
    approver_id = settings.approver_role_id
    approver_role = None if approver_id is None else guild.get_role(approver_id)
    approver = None
    if approver_id is not None:
        approver = RoleFinding(
            approver_id,
            exists=approver_role is not None,
            is_everyone=approver_role is not None and approver_role.is_default(),
        )
    return SetupFindings(
        approver,
        _check_place(guild, settings.approval_channel_id, approver_role),
        _check_place(guild, settings.results_channel_id, approver_role),
        frozenset(one for one in settings.asker_role_ids if guild.get_role(one) is None),
    )


def _check_place(
    guild: discord.Guild, channel_id: int | None, approver_role: discord.Role | None
) -> PlaceFinding | None:
    if channel_id is None:
        return None
    channel = guild.get_channel(channel_id)
    if channel is None:
        return PlaceFinding(channel_id, exists=False)
    # Until the cache knows ourselves as a member, what our own role may is the best that it knows.
    ours = channel.permissions_for(_ourselves(guild))
    return PlaceFinding(
        channel_id,
        missing=tuple(name for name in NEEDED if not getattr(ours, name)),
        everyone_reads=channel.permissions_for(guild.default_role).view_channel,
        approvers_read=(
            approver_role is None or channel.permissions_for(approver_role).view_channel
        ),
    )


def _ourselves(guild: discord.Guild) -> discord.Member | discord.Role:
    me: discord.Member | None = guild.me
    return me or guild.self_role or guild.default_role
