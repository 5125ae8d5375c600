"""What is in the way of a server's choices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import discord
import pytest

from bot.domain.models import GuildSettings
from bot.ui.checks import NEEDED, check_places

EVERYONE, APPROVERS, OURS = 1, 2, 3
ALL = discord.Permissions(
    view_channel=True, send_messages=True, embed_links=True, read_message_history=True
)
NOTHING = discord.Permissions.none()


@dataclass(frozen=True)
class FakeRole:
    """As much of a role as the checks ask for."""

    id: int

    def is_default(self) -> bool:
        """Say whether it is @everyone."""
        return self.id == EVERYONE


@dataclass(frozen=True)
class FakeChannel:
    """As much of a channel: who may do what in it, by role id; None is the bot as a member."""

    permissions: dict[int | None, discord.Permissions]

    def permissions_for(self, who: object) -> discord.Permissions:
        """Return what somebody may do here."""
        return self.permissions.get(getattr(who, "id", None), NOTHING)


@dataclass
class FakeGuild:
    """As much of a server."""

    channels: dict[int, FakeChannel]
    me: object | None = field(default_factory=object)
    roles: tuple[int, ...] = (EVERYONE, APPROVERS, OURS)

    @property
    def default_role(self) -> FakeRole:
        """@everyone."""
        return FakeRole(EVERYONE)

    @property
    def self_role(self) -> FakeRole | None:
        """The bot's own role."""
        return FakeRole(OURS)

    def get_role(self, role_id: int) -> FakeRole | None:
        """Return a role that exists."""
        return FakeRole(role_id) if role_id in self.roles else None

    def get_channel(self, channel_id: int) -> FakeChannel | None:
        """Return a channel that exists."""
        return self.channels.get(channel_id)


def _guild(fake: FakeGuild) -> discord.Guild:
    return cast("discord.Guild", fake)


CHOSEN = GuildSettings(9, approver_role_id=APPROVERS, approval_channel_id=20, results_channel_id=30)
PRIVATE = FakeChannel({None: ALL, APPROVERS: ALL})
PUBLIC = FakeChannel({None: ALL, APPROVERS: ALL, EVERYONE: ALL})


def test_nothing_chosen_yet_is_nothing_done() -> None:
    findings = check_places(_guild(FakeGuild({})), GuildSettings(9))
    assert findings.done == 0
    assert findings.approver is None
    assert findings.approvals is None
    assert findings.results is None


def test_good_choices_are_done() -> None:
    findings = check_places(_guild(FakeGuild({20: PRIVATE, 30: PUBLIC})), CHOSEN)
    assert findings.done == 3
    assert findings.approvals is not None
    assert not findings.approvals.everyone_reads
    assert findings.approvals.approvers_read
    assert findings.results is not None
    assert findings.results.everyone_reads


@pytest.mark.parametrize("permission", NEEDED)
def test_a_missing_permission_is_named(permission: str) -> None:
    lacking = discord.Permissions(ALL.value)
    setattr(lacking, permission, False)
    channel = FakeChannel({None: lacking, APPROVERS: ALL})
    findings = check_places(_guild(FakeGuild({20: channel, 30: PUBLIC})), CHOSEN)
    assert findings.approvals is not None
    assert findings.approvals.missing == (permission,)
    assert findings.done == 2


def test_a_public_approval_channel_and_blind_approvers_are_noticed() -> None:
    channel = FakeChannel({None: ALL, EVERYONE: ALL})
    findings = check_places(_guild(FakeGuild({20: channel})), CHOSEN)
    assert findings.approvals is not None
    assert findings.approvals.everyone_reads
    assert not findings.approvals.approvers_read
    assert findings.results is not None
    assert not findings.results.exists
    assert findings.done == 2


def test_everyone_and_a_deleted_role_are_no_approvers() -> None:
    guild = _guild(FakeGuild({20: PRIVATE, 30: PUBLIC}))
    everyone = check_places(guild, GuildSettings(9, approver_role_id=EVERYONE))
    assert everyone.approver is not None
    assert everyone.approver.is_everyone
    assert not everyone.approver.ok
    gone = check_places(guild, GuildSettings(9, approver_role_id=77))
    assert gone.approver is not None
    assert not gone.approver.exists


def test_roles_that_may_ask_and_are_gone_are_noticed() -> None:
    chosen = GuildSettings(9, asker_role_ids=frozenset({APPROVERS, 77}))
    assert check_places(_guild(FakeGuild({})), chosen).askers_gone == {77}


def test_our_own_role_counts_until_the_cache_knows_us() -> None:
    channel = FakeChannel({OURS: ALL, APPROVERS: ALL})
    findings = check_places(_guild(FakeGuild({20: channel}, me=None)), CHOSEN)
    assert findings.approvals is not None
    assert findings.approvals.ok
