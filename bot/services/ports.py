"""What the services need of Discord, and never more: the ui layer brings it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.domain.models import GuildPause, GuildSettings, OutboxRow, Pause, RequestView
from bot.errors import BotError


@dataclass(frozen=True, slots=True)
class TestCard:
    """What the test card of a server shows: who has confirmed so far."""

    settings: GuildSettings
    confirmed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Paused:
    """Why nothing is bought for a server: the deployment's pauses, and the server's own."""

    deployment: tuple[Pause, ...]
    server: GuildPause | None


@dataclass(frozen=True, slots=True)
class PauseOver:
    """The pause that a notice told about has been lifted, and no other one stands."""


Subject = RequestView | TestCard | Paused | PauseOver
"""What a message is about, as the database has it now."""


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a message stands."""

    channel_id: int
    message_id: int


class PostRefusedError(BotError):
    """Discord will not take this message there, however often it is tried. ``reason`` is ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PostUncertainError(BotError):
    """It may or may not have been posted, or can't be now: search, then try again."""


class MessageGoneError(BotError):
    """The message, or its channel, has been deleted."""


class Poster(Protocol):
    """Puts messages where people see them."""

    @property
    def ready(self) -> bool:
        """Whether Discord can be reached at the moment."""
        ...

    async def post(self, row: OutboxRow, subject: Subject) -> Posted:
        """Post a message. Raises ``PostRefusedError`` or ``PostUncertainError``."""
        ...

    async def edit(self, row: OutboxRow, subject: Subject) -> None:
        """Draw a message again. Raises ``MessageGoneError`` and what ``post`` raises."""
        ...

    async def stands(self, row: OutboxRow) -> bool | None:
        """Say whether a message still stands where it was posted; None if nobody can tell."""
        ...

    async def find(self, row: OutboxRow) -> Posted | None:
        """Search the target for a message of ours with the row's mark. Raises as ``post`` does."""
        ...


class Directory(Protocol):
    """Knows who is where."""

    async def is_member(self, guild_id: int, user_id: int) -> bool | None:
        """Say whether a person is on a server; None if nobody can tell at the moment."""
        ...
