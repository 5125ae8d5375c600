"""Routes about guilds, channels and messages, with their permissions."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Final

from bot.sandbox.discord import payloads, posting
from bot.sandbox.discord.errors import ApiError, Code
from bot.sandbox.discord.faults import take_from
from bot.sandbox.discord.permissions import Permission
from bot.sandbox.discord.rest import Call, Json, Route

if TYPE_CHECKING:
    from bot.sandbox.discord.messages import Message
    from bot.sandbox.discord.rules import Rules
    from bot.sandbox.discord.state import Channel, Guild, World

NONCE_MEMORY_S: Final = 180.0
"""How long a nonce is remembered: "the past few minutes", says Discord."""

OLD_AFTER_S: Final = 3600.0
OLD_EDITS: Final = 3
OLD_EDITS_WINDOW_S: Final = 6.0
PAGE: Final = 50


class ChannelRoutes:
    """What the bot reads and writes with its own token."""

    def __init__(self, world: World, rules: Rules) -> None:
        self._world = world
        self._rules = rules
        self._old_edits: defaultdict[int, deque[float]] = defaultdict(deque)

    def routes(self) -> list[Route]:
        """Return these routes."""
        messages = "/channels/{channel_id}/messages"
        one = messages + "/{message_id}"
        return [
            Route("GET", "/guilds/{guild_id}", self._get_guild),
            Route("GET", "/guilds/{guild_id}/roles", self._list_roles),
            Route("GET", "/guilds/{guild_id}/channels", self._list_channels),
            Route("GET", "/guilds/{guild_id}/members/{user_id}", self._get_member),
            Route("POST", "/users/@me/channels", self._open_dm),
            Route("GET", "/channels/{channel_id}", self._get_channel),
            Route("POST", "/channels/{channel_id}/typing", self._typing),
            Route("GET", messages, self._list_messages),
            Route("POST", messages, self._post_message),
            Route("GET", one, self._get_message),
            Route("PATCH", one, self._edit_message),
            Route("DELETE", one, self._delete_message),
        ]

    def _guild(self, call: Call) -> Guild:
        guild = self._world.guilds.get(call.id("guild_id"))
        if guild is None:
            raise ApiError(404, Code.UNKNOWN_GUILD)
        if not guild.has_bot:
            raise ApiError(403, Code.MISSING_ACCESS)
        return guild

    def _get_guild(self, call: Call) -> Json:
        guild = self._guild(call)
        body = payloads.guild(guild)
        if call.query.get("with_counts") in ("1", "true"):
            count = len(guild.members)
            body |= {"approximate_member_count": count, "approximate_presence_count": count}
        return body

    def _list_roles(self, call: Call) -> list[Json]:
        return [payloads.role(role) for role in self._guild(call).roles]

    def _list_channels(self, call: Call) -> list[Json]:
        return [payloads.channel(channel) for channel in self._guild(call).channels]

    def _get_member(self, call: Call) -> Json:
        member = self._guild(call).members_by_id.get(call.id("user_id"))
        if member is None:
            raise ApiError(404, Code.UNKNOWN_MEMBER)
        return payloads.member(member)

    def _open_dm(self, call: Call) -> Json:
        recipient = str((call.body or {}).get("recipient_id", ""))
        user = self._world.users.get(int(recipient)) if recipient.isdecimal() else None
        if user is None or user is self._world.bot:
            raise ApiError(400, Code.INVALID_RECIPIENT)
        return payloads.channel(user.dm_channel)

    def _channel(self, call: Call, *needed: Permission) -> Channel:
        """Return a channel that the bot sees and in which it has what it needs."""
        channel = self._world.channels.get(call.id("channel_id"))
        if channel is None:
            raise ApiError(404, Code.UNKNOWN_CHANNEL)
        held = channel.permissions_of(self._world.bot)
        if Permission.VIEW_CHANNEL not in held:
            raise ApiError(403, Code.MISSING_ACCESS)
        if any(permission not in held for permission in needed):
            raise ApiError(403, Code.MISSING_PERMISSIONS)
        return channel

    def _get_channel(self, call: Call) -> Json:
        return payloads.channel(self._channel(call))

    def _typing(self, call: Call) -> None:
        self._channel(call, Permission.SEND_MESSAGES)

    def _list_messages(self, call: Call) -> list[Json]:
        """Return the newest messages first. Without Read Message History there are just none."""
        channel = self._channel(call)
        limit = int(call.query.get("limit", PAGE))
        self._rules.check_page(limit)
        if Permission.READ_MESSAGE_HISTORY not in channel.permissions_of(self._world.bot):
            return []
        found = channel.messages
        if "before" in call.query:
            found = [message for message in found if message.id < int(call.query["before"])]
        if "after" in call.query:
            found = [message for message in found if message.id > int(call.query["after"])]
            found = found[:limit]
        if "around" in call.query:
            middle = int(call.query["around"])
            before = [message for message in found if message.id < middle][-(limit // 2) :]
            since = [message for message in found if message.id >= middle]
            found = before + since[: limit - len(before)]
        return [payloads.message(message) for message in reversed(found[-limit:])]

    def _post_message(self, call: Call) -> Json:
        channel = self._channel(call, Permission.SEND_MESSAGES)
        self._check_recipient(channel)
        draft = call.draft()
        self._rules.check_new_message(draft)
        self._check_parts(channel, draft)
        again = self._same_nonce(channel, draft.body)
        if again is not None:
            return payloads.message(again, with_nonce=True)
        message = posting.post(channel, draft)
        if message.nonce is not None:
            channel.nonces[message.nonce] = message
        return payloads.message(message, with_nonce=True)

    def _same_nonce(self, channel: Channel, body: Json) -> Message | None:
        """Return the message that was posted with this nonce a moment ago."""
        if not body.get("enforce_nonce") or body.get("nonce") is None:
            return None
        first = channel.nonces.get(str(body["nonce"]))
        if first is None:
            return None
        age = self._world.clock.now() - first.created_at.timestamp()
        return first if age <= NONCE_MEMORY_S else None

    def _check_recipient(self, channel: Channel) -> None:
        if channel.recipient is None:
            return
        if not channel.recipient.shares_guild_with_bot():
            raise ApiError(403, Code.NO_MUTUAL_GUILDS)
        if channel.recipient.dms_closed:
            raise ApiError(403, Code.CANNOT_SEND_TO_USER)

    def _check_parts(self, channel: Channel, draft: posting.Draft) -> None:
        held = channel.permissions_of(self._world.bot)
        if draft.body.get("embeds") and Permission.EMBED_LINKS not in held:
            raise ApiError(403, Code.MISSING_PERMISSIONS)
        if draft.uploads and Permission.ATTACH_FILES not in held:
            raise ApiError(403, Code.MISSING_PERMISSIONS)

    def _message(self, channel: Channel, call: Call) -> Message:
        """Return a message of the channel. Ephemeral ones do not exist for this endpoint."""
        message = self._world.messages.get(call.id("message_id"))
        if message is None or message.channel is not channel or message not in channel.messages:
            raise ApiError(404, Code.UNKNOWN_MESSAGE)
        return message

    def _get_message(self, call: Call) -> Json:
        channel = self._channel(call, Permission.READ_MESSAGE_HISTORY)
        return payloads.message(self._message(channel, call))

    def _edit_message(self, call: Call) -> Json:
        channel = self._channel(call)
        message = self._message(channel, call)
        if message.author is not self._world.bot:
            raise ApiError(403, Code.NOT_THE_AUTHOR)
        draft = call.draft()
        self._rules.check_edit(draft, message)
        self._check_parts(channel, draft)
        self._count_old_edit(message)
        posting.edit(message, draft)
        return payloads.message(message)

    def _count_old_edit(self, message: Message) -> None:
        """Refuse the fourth edit in 6 seconds of messages older than an hour (30046)."""
        now = self._world.clock.now()
        if now - message.created_at.timestamp() <= OLD_AFTER_S:
            return
        used = self._old_edits[message.channel.id]
        allowance = take_from(used, "old edits", now, OLD_EDITS, OLD_EDITS_WINDOW_S)
        if allowance.wait_s is not None:
            raise ApiError(429, Code.OLD_MESSAGE_EDITS, retry_after=allowance.wait_s)

    def _delete_message(self, call: Call) -> None:
        channel = self._channel(call)
        message = self._message(channel, call)
        own = message.author is self._world.bot
        if not own and Permission.MANAGE_MESSAGES not in channel.permissions_of(self._world.bot):
            raise ApiError(403, Code.MISSING_PERMISSIONS)
        message.delete()
