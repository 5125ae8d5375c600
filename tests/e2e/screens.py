"""What the tests of screens share: opening them, and what must hold for every answer."""

from __future__ import annotations

from collections import Counter
from typing import Final

from bot.sandbox.discord import DiscordSandbox, Member, Message, Reply
from tests.e2e.world import World, shown

CASE: Final = "Kilowatt Case"
"""One that nothing else is called: typing a part of its name is enough."""


async def put(world: World, member: Member, item: str, **options: object) -> Message:
    """Use /request with an item and return the screen that answers."""
    given = {"item": item, **options}
    return shown(await member.slash("request", channel=world.hall, given=given))


async def open_basket(world: World, member: Member) -> Message:
    """Use /request and return the basket."""
    return shown(await member.slash("request", channel=world.hall))


async def type_skin(member: Member, screen: Message, **fields: str) -> Message:
    """Press "Add skins", fill in what is given, and return the screen that answers."""
    opened = await member.click(screen, "Add skins")
    labels = {
        "name": "Skin",
        "quantity": "How many",
        "ceiling": "At most, each (optional)",
        "listing": "Listing number (optional)",
    }
    given = {labels[field]: value for field, value in fields.items()}
    return shown(await member.submit(opened.modal, given))


async def open_line(member: Member, screen: Message, skin: str) -> Message:
    """Choose a row of the basket and return its screen."""
    return shown(await member.select(screen, "Change or remove", [skin]))


def forge(message: Message, custom_id: str, *, button: int = 0) -> str:
    """Give a button another custom id, as a message of an older version may have; return it."""
    message.buttons[button].raw["custom_id"] = custom_id
    return custom_id


def labels(message: Message) -> list[str]:
    """Return what the buttons of a message say."""
    return [button.label for button in message.buttons]


def unanswered(discord: DiscordSandbox) -> list[Reply]:
    """Return what people did and got no first answer to."""
    replies = [Reply(interaction) for interaction in discord.world.interactions.values()]
    return [reply for reply in replies if reply.failed]


def answered_twice(discord: DiscordSandbox) -> list[str]:
    """Return the interactions whose first answer Discord took more than once, or refused."""
    callbacks = [one for one in discord.requests if one.path.endswith("/callback")]
    taken = Counter(one.path for one in callbacks)
    return [path for path, times in taken.items() if times > 1]
