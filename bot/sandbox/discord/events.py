"""What happens in the world, on its way to the gateway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the gateway may tell the bot.

    ``guild_id`` is None for what happens in DMs. ``without_content`` is sent instead of ``data`` to
    a bot without the message content intent.
    """

    name: str
    data: dict[str, Any]
    guild_id: int | None
    without_content: dict[str, Any] | None = None
