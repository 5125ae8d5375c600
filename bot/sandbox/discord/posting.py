"""Turning what the bot sends into messages, and telling those whom they mention.

The payloads were checked by ``rules`` before: here they are taken as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.sandbox.discord import payloads
from bot.sandbox.discord.components import complete
from bot.sandbox.discord.mentions import Mentions, parse_mentions
from bot.sandbox.discord.messages import (
    EPHEMERAL,
    IS_COMPONENTS_V2,
    LOADING,
    ORDINARY,
    SLASH_ANSWER,
    SUPPRESS_EMBEDS,
    SUPPRESS_NOTIFICATIONS,
    Message,
    Notification,
)
from bot.sandbox.discord.permissions import Permission

if TYPE_CHECKING:
    from bot.sandbox.discord.interactions import Interaction
    from bot.sandbox.discord.state import Channel, User

Json = dict[str, Any]

_KEPT_FLAGS = SUPPRESS_EMBEDS | EPHEMERAL | SUPPRESS_NOTIFICATIONS | IS_COMPONENTS_V2


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a multipart body."""

    key: str
    filename: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as the bot asks for it: the JSON and the files that came with it."""

    body: Json
    uploads: list[Upload] = field(default_factory=list)


def post(
    channel: Channel,
    draft: Draft,
    *,
    interaction: Interaction | None = None,
    ephemeral: bool = False,
) -> Message:
    """Post a message of the bot, and notify whom it mentions."""
    message = _blank(channel, interaction=interaction, ephemeral=ephemeral)
    message.flags |= draft.body.get("flags") or 0
    message.flags &= _KEPT_FLAGS
    message.nonce = None if draft.body.get("nonce") is None else str(draft.body["nonce"])
    _fill(message, draft)
    _publish(message)
    message.mentions_pinged = _ring(message)
    return message


def post_loading(channel: Channel, interaction: Interaction, *, ephemeral: bool) -> Message:
    """Post the "thinking" answer of a deferred interaction."""
    message = _blank(channel, interaction=interaction, ephemeral=ephemeral)
    message.flags |= LOADING
    _publish(message)
    return message


def say(channel: Channel, author: User, text: str) -> Message:
    """Post what a person writes."""
    message = _blank(channel, author=author)
    _fill(message, Draft({"content": text}))
    _publish(message)
    message.mentions_pinged = _ring(message)
    return message


def edit(message: Message, draft: Draft, *, completes: bool = False) -> None:
    """Change a message. Nobody is notified, whatever the text now mentions.

    ``completes`` is for the first content of a "thinking" answer: nobody calls that an edit.
    """
    flags = draft.body.get("flags") or 0
    message.flags = message.flags & ~LOADING | flags & (IS_COMPONENTS_V2 | SUPPRESS_EMBEDS)
    if not completes:
        message.edited_at = message.channel.world.clock.today()
    _fill(message, draft)
    message.announce("MESSAGE_UPDATE", payloads.message(message))


def _blank(
    channel: Channel,
    *,
    author: User | None = None,
    interaction: Interaction | None = None,
    ephemeral: bool = False,
) -> Message:
    world = channel.world
    answers_slash = (
        interaction is not None
        and interaction.type == payloads.SLASH_COMMAND
        and interaction.original is None
    )
    return Message(
        channel=channel,
        author=author or world.bot,
        id=world.clock.snowflake(),
        created_at=world.clock.today(),
        type=SLASH_ANSWER if answers_slash else ORDINARY,
        flags=EPHEMERAL if ephemeral else 0,
        interaction=interaction,
        ephemeral_for=interaction.user if ephemeral and interaction is not None else None,
    )


def _publish(message: Message) -> None:
    world = message.channel.world
    world.messages[message.id] = message
    message.channel.posted.append(message)
    message.announce("MESSAGE_CREATE", payloads.message(message))


def _fill(message: Message, draft: Draft) -> None:
    """Set what the draft names, keep the rest, and remember the outcome as a version."""
    body = draft.body
    world = message.channel.world
    if "attachments" in body or draft.uploads:
        message.attachments = _attachments(message, draft)
    if "content" in body:
        message.content = (body["content"] or "").strip()
    if "embeds" in body:
        message.embeds = [_completed_embed(embed) for embed in body["embeds"] or ()]
    if "components" in body:
        urls = {each["filename"]: each["url"] for each in message.attachments}
        message.components = complete(body["components"] or [], urls, world.clock.snowflake())
    message.mentions = parse_mentions(
        _text_that_mentions(message),
        body.get("allowed_mentions"),
        users_only_by_default=message.interaction is not None,
    )
    known = message.mentions.users & world.users.keys()
    message.mentions = Mentions(known, message.mentions.roles, message.mentions.everyone)
    message.remember()


def _text_that_mentions(message: Message) -> str:
    """Return the text in which Discord looks for mentions: never that of embeds."""
    if message.embeds:
        return message.content
    return message.source


def _completed_embed(embed: Json) -> Json:
    done = {key: value for key, value in embed.items() if value is not None}
    if "fields" in done:
        done["fields"] = [{"inline": False} | one for one in done["fields"]]
    return {"type": "rich"} | done


def _attachments(message: Message, draft: Draft) -> list[Json]:
    """Return what is attached after this draft: the files kept, and the files that came along."""
    world = message.channel.world
    named: list[Json] = draft.body.get("attachments") or []
    files = {upload.key: upload for upload in draft.uploads}
    kept_ids = {str(each["id"]) for each in named}
    kept = [each for each in message.attachments if each["id"] in kept_ids]
    described = {str(each["id"]): each.get("description") for each in named}
    for key, upload in files.items():
        attachment_id = str(world.clock.snowflake())
        url = f"https://cdn.invalid/attachments/{message.channel.id}/{attachment_id}/{upload.filename}"
        entry: Json = {
            "id": attachment_id,
            "filename": upload.filename,
            "size": len(upload.data),
            "content_type": upload.content_type,
            "url": url,
            "proxy_url": url,
        }
        if described.get(key):
            entry["description"] = described[key]
        kept.append(entry)
    return kept


def _ring(message: Message) -> Mentions:
    """Notify those whom a new message mentions, or the recipient of a direct message.

    Mentioning everyone, or a role that is not mentionable, needs a permission. Someone who cannot
    see the channel is not told.
    """
    if message.ephemeral_for is not None or message.flags & SUPPRESS_NOTIFICATIONS:
        return Mentions()
    channel = message.channel
    guild = channel.guild
    if guild is None:
        if channel.recipient is not None and message.author is not channel.recipient:
            _tell(message, channel.recipient)
        return message.mentions
    may_all = Permission.MENTION_EVERYONE in channel.permissions_of(message.author)
    roles = frozenset(
        role_id
        for role_id in message.mentions.roles
        if role_id in guild.roles_by_id and (may_all or guild.roles_by_id[role_id].mentionable)
    )
    everyone = message.mentions.everyone and may_all
    users = set()
    for member in guild.members:
        if Permission.VIEW_CHANNEL not in channel.permissions_of(member.user):
            continue
        named = member.id in message.mentions.users
        if named:
            users.add(member.id)
        if named or everyone or any(role.id in roles for role in member.roles):
            _tell(message, member.user)
    return Mentions(frozenset(users), roles, everyone)


def _tell(message: Message, user: User) -> None:
    if user is message.author:
        return
    preview = "" if message.is_v2 else message.text
    user.notifications.append(Notification(message, preview))
