"""Permissions: the bits, and how roles and channel overwrites add up.

Source: Discord's topics/permissions, "Permission Hierarchy" and "Permission Overwrites".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag
from typing import Final


class Permission(IntFlag):
    """The permissions that a bot with messages and commands can meet."""

    CREATE_INSTANT_INVITE = 1 << 0
    KICK_MEMBERS = 1 << 1
    BAN_MEMBERS = 1 << 2
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_AUDIT_LOG = 1 << 7
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    SEND_TTS_MESSAGES = 1 << 12
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    CHANGE_NICKNAME = 1 << 26
    MANAGE_NICKNAMES = 1 << 27
    MANAGE_ROLES = 1 << 28
    MANAGE_WEBHOOKS = 1 << 29
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38
    MODERATE_MEMBERS = 1 << 40
    PIN_MESSAGES = 1 << 51


def _all_of(permissions: Iterable[Permission]) -> Permission:
    total = 0
    for permission in permissions:
        total |= permission.value
    return Permission(total)


NOTHING: Final = Permission(0)
EVERYTHING: Final = _all_of(Permission)

EVERYONE_BY_DEFAULT: Final = (
    Permission.CREATE_INSTANT_INVITE
    | Permission.ADD_REACTIONS
    | Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.MENTION_EVERYONE
    | Permission.USE_EXTERNAL_EMOJIS
    | Permission.CHANGE_NICKNAME
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.CREATE_PRIVATE_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
)
"""What @everyone may do in a new server; mentioning everyone is part of it, so a bot that forgets
``allowed_mentions`` really pings."""

BOT_BY_DEFAULT: Final = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.SEND_MESSAGES_IN_THREADS
)

_NEED_SEND_MESSAGES: Final = (
    Permission.MENTION_EVERYONE
    | Permission.SEND_TTS_MESSAGES
    | Permission.ATTACH_FILES
    | Permission.EMBED_LINKS
)


def parse_permissions(names: Iterable[str | Permission]) -> Permission:
    """Return the permissions with these names, for example ``"SEND_MESSAGES"``."""
    return _all_of(Permission[name] if isinstance(name, str) else name for name in names)


@dataclass(slots=True)
class Overwrite:
    """What a channel allows and denies to one role or one member."""

    allow: Permission = NOTHING
    deny: Permission = NOTHING

    def permit(self, permissions: Permission) -> None:
        """Allow these, and deny them no more."""
        self.allow |= permissions
        self.deny &= ~permissions

    def forbid(self, permissions: Permission) -> None:
        """Deny these, and allow them no more."""
        self.deny |= permissions
        self.allow &= ~permissions


def in_guild(roles: Iterable[Permission], *, owner: bool) -> Permission:
    """Add up the permissions of a member's roles, @everyone included."""
    total = _all_of(roles)
    return EVERYTHING if owner or Permission.ADMINISTRATOR in total else total


def in_channel(
    base: Permission,
    *,
    everyone: Overwrite | None,
    roles: Iterable[Overwrite],
    member: Overwrite | None,
) -> Permission:
    """Apply a channel's overwrites to a member's ``base`` permissions, in Discord's order."""
    if Permission.ADMINISTRATOR in base:
        return EVERYTHING
    allowed = base
    if everyone is not None:
        allowed = allowed & ~everyone.deny | everyone.allow
    overwrites = list(roles)
    allowed &= ~_all_of(overwrite.deny for overwrite in overwrites)
    allowed |= _all_of(overwrite.allow for overwrite in overwrites)
    if member is not None:
        allowed = allowed & ~member.deny | member.allow
    if Permission.VIEW_CHANNEL not in allowed:
        return NOTHING
    if Permission.SEND_MESSAGES not in allowed:
        allowed &= ~_NEED_SEND_MESSAGES
    return allowed
