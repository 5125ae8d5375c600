"""The JSON that Discord sends: users, members, roles, channels, guilds, messages, interactions.

Every key that discord.py insists on is there, and every key that Discord's OpenAPI document
requires. Keys without a value are left out rather than null, unless the document wants null.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.sandbox.discord.interactions import Interaction
    from bot.sandbox.discord.messages import Message
    from bot.sandbox.discord.state import Channel, Guild, Member, Role, User

Json = dict[str, Any]

ATTACHMENT_SIZE_LIMIT = 10 * 1024 * 1024
SLASH_COMMAND = 2


def timestamp(at: datetime) -> str:
    """Return a date as Discord writes it."""
    return at.isoformat(timespec="microseconds")


def user(of: User) -> Json:
    """Return a user object."""
    body: Json = {
        "id": str(of.id),
        "username": of.name.lower().replace(" ", "_"),
        "global_name": None if of.bot else of.name,
        "discriminator": "0" if not of.bot else "0001",
        "avatar": None,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
    }
    if of.bot:
        body |= {"bot": True, "username": of.name}
    return body


def own_user(of: User) -> Json:
    """Return the bot's own account."""
    return user(of) | {"mfa_enabled": True, "locale": "en-US", "verified": True, "email": None}


def member(of: Member) -> Json:
    """Return a guild member object."""
    return {
        "user": user(of.user),
        "nick": of.nick,
        "avatar": None,
        "banner": None,
        "roles": [str(held.id) for held in of.roles],
        "joined_at": timestamp(of.joined_at),
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "pending": False,
        "communication_disabled_until": None,
    }


def role(of: Role) -> Json:
    """Return a role object."""
    body: Json = {
        "id": str(of.id),
        "name": of.name,
        "permissions": str(of.permissions.value),
        "position": of.position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": of.managed_by is not None,
        "mentionable": of.mentionable,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }
    if of.managed_by is not None:
        body["tags"] = {"bot_id": str(of.managed_by.id)}
    return body


def channel(of: Channel) -> Json:
    """Return a channel object: a guild's text channel or direct messages."""
    last = str(of.posted[-1].id) if of.posted else None
    body: Json = {"id": str(of.id), "type": of.type, "flags": 0, "last_message_id": last}
    if of.guild is None:
        recipients = [user(of.recipient)] if of.recipient is not None else []
        return body | {"recipients": recipients}
    return body | {
        "guild_id": str(of.guild.id),
        "name": of.name,
        "position": of.position,
        "permission_overwrites": [
            {
                "id": str(whom),
                "type": 0 if whom in of.guild.roles_by_id else 1,
                "allow": str(overwrite.allow.value),
                "deny": str(overwrite.deny.value),
            }
            for whom, overwrite in of.overwrites.items()
        ],
        "nsfw": False,
        "topic": None,
        "parent_id": None,
        "rate_limit_per_user": 0,
    }


def guild(of: Guild) -> Json:
    """Return a guild object, as ``GET /guilds/{id}`` does."""
    return {
        "id": str(of.id),
        "name": of.name,
        "icon": None,
        "description": None,
        "home_header": None,
        "splash": None,
        "discovery_splash": None,
        "features": [],
        "banner": None,
        "owner_id": str(of.owner.id),
        "application_id": None,
        "region": "deprecated",
        "afk_channel_id": None,
        "afk_timeout": 300,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "widget_enabled": False,
        "widget_channel_id": None,
        "verification_level": 1,
        "roles": [role(each) for each in of.roles],
        "default_message_notifications": 0,
        "mfa_level": 0,
        "explicit_content_filter": 0,
        "max_presences": None,
        "max_members": 500_000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "vanity_url_code": None,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": of.locale,
        "rules_channel_id": None,
        "safety_alerts_channel_id": None,
        "public_updates_channel_id": None,
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "nsfw_level": 0,
        "emojis": [],
        "stickers": [],
        "incidents_data": None,
    }


def guild_create(of: Guild) -> Json:
    """Return the data of GUILD_CREATE. The gateway cuts the members to what the intents allow."""
    return guild(of) | {
        "joined_at": timestamp(of.bot_member.joined_at),
        "large": False,
        "unavailable": False,
        "member_count": len(of.members_by_id),
        "members": [member(each) for each in of.members],
        "channels": [channel(each) for each in of.channels],
        "threads": [],
        "presences": [],
        "voice_states": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def message(of: Message, *, with_nonce: bool = False) -> Json:
    """Return a message object. Only the answer to posting it repeats the nonce."""
    world = of.channel.world
    body: Json = {
        "id": str(of.id),
        "channel_id": str(of.channel.id),
        "type": of.type,
        "author": user(of.author),
        "content": of.content,
        "timestamp": timestamp(of.created_at),
        "edited_timestamp": timestamp(of.edited_at) if of.edited_at else None,
        "tts": False,
        "mention_everyone": of.mentions.everyone,
        "mentions": [user(world.users[each]) for each in sorted(of.mentions.users)],
        "mention_roles": [str(each) for each in sorted(of.mentions.roles)],
        "attachments": of.attachments,
        "embeds": of.embeds,
        "pinned": False,
        "flags": of.flags,
        "components": of.components,
    }
    if of.interaction is not None:
        body["application_id"] = body["webhook_id"] = str(world.bot.id)
        body["interaction_metadata"] = _metadata(of.interaction, of)
    if with_nonce and of.nonce is not None:
        body["nonce"] = of.nonce
    return body


def _metadata(of: Interaction, answer: Message | None = None) -> Json:
    """Return where a message comes from, in the three shapes that Discord has for it."""
    body: Json = {
        "id": str(of.id),
        "type": of.type.value,
        "user": user(of.user),
        "authorizing_integration_owners": _owners(of),
    }
    if answer is not None and of.original is not None and answer is not of.original:
        body["original_response_message_id"] = str(of.original.id)
    if of.parent is not None:
        body["triggering_interaction_metadata"] = _metadata(of.parent)
    elif of.source is not None:
        body["interacted_message_id"] = str(of.source.id)
    return body


def _owners(of: Interaction) -> Json:
    return {"0": str(of.channel.guild.id) if of.channel.guild else "0"}


def interaction(of: Interaction) -> Json:
    """Return the data of INTERACTION_CREATE: who, where, with which roles and permissions."""
    place = of.channel
    world = place.world
    body: Json = {
        "id": str(of.id),
        "application_id": str(world.bot.id),
        "type": of.type.value,
        "token": of.token,
        "version": 1,
        "data": of.data,
        "channel_id": str(place.id),
        "channel": channel(place),
        "app_permissions": str(place.permissions_of(world.bot).value),
        "attachment_size_limit": ATTACHMENT_SIZE_LIMIT,
        "authorizing_integration_owners": _owners(of),
        "context": 0 if place.guild else 1,
        "entitlements": [],
        "entitlement_sku_ids": [],
        "locale": of.user.locale,
    }
    if of.source is not None:
        body["message"] = message(of.source)
    if place.guild is None:
        return body | {"user": user(of.user)}
    permissions = str(place.permissions_of(of.user).value)
    body["channel"]["permissions"] = permissions
    return body | {
        "guild_id": str(place.guild.id),
        "guild_locale": place.guild.locale,
        "guild": {"id": str(place.guild.id), "locale": place.guild.locale, "features": []},
        "member": resolved_member(place.guild.members_by_id[of.user.id], permissions)
        | {"user": user(of.user)},
    }


def resolved_member(of: Member, permissions: str) -> Json:
    """Return a member as it stands in interactions: with permissions, without the user."""
    body = member(of) | {"permissions": permissions, "unusual_dm_activity_until": None}
    del body["user"]
    return body


def application(of: User, guild_count: int) -> Json:
    """Return the bot's application."""
    return {
        "id": str(of.id),
        "name": of.name,
        "icon": None,
        "description": "",
        "type": None,
        "bot": user(of),
        "summary": "",
        "bot_public": False,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": 0,
        "flags_new": "0",
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": user(of),
        "team": None,
        "approximate_guild_count": guild_count,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "eligible_oauth2_scopes": [],
    }
