"""A local Discord for tests and the demo: gateway and REST for the bot, and people who use it.

The real discord.py client talks to it over real sockets; tests play members, moderators and
administrators through ``Member`` and ``User``. Gateway payloads follow Discord's documentation;
REST payloads can be held against Discord's OpenAPI document.

    async with DiscordSandbox() as discord:
        guild = discord.add_guild("Friday Cup")
        hall = guild.add_channel("general")
        ana = guild.add_member("Ana")
        ...  # start the bot with discord.environment()
        await discord.bot_ready()
        reply = await ana.slash("request", channel=hall, item="AK-47 | Redline (Field-Tested)")
        reply = await ana.click(reply.message, "Send for approval")
        assert "Request #1" in reply.text
        assert discord.violations == []
"""

from bot.sandbox.discord.components import Button, Field, Select
from bot.sandbox.discord.errors import SandboxError, Timeout
from bot.sandbox.discord.faults import (
    Delay,
    DelayAnswer,
    Drop,
    DropAfter,
    Hang,
    RateLimited,
    Refuse,
    Status,
)
from bot.sandbox.discord.interactions import Choice, Modal, Reply
from bot.sandbox.discord.mentions import Mentions
from bot.sandbox.discord.messages import Message, Notification, Version
from bot.sandbox.discord.permissions import Permission
from bot.sandbox.discord.rest import Request, Violation
from bot.sandbox.discord.server import DiscordSandbox
from bot.sandbox.discord.state import Channel, Guild, Member, Role, User

__all__ = [
    "Button",
    "Channel",
    "Choice",
    "Delay",
    "DelayAnswer",
    "DiscordSandbox",
    "Drop",
    "DropAfter",
    "Field",
    "Guild",
    "Hang",
    "Member",
    "Mentions",
    "Message",
    "Modal",
    "Notification",
    "Permission",
    "RateLimited",
    "Refuse",
    "Reply",
    "Request",
    "Role",
    "SandboxError",
    "Select",
    "Status",
    "Timeout",
    "User",
    "Version",
    "Violation",
]
