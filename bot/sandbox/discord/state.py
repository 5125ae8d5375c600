"""The world that the stand-in plays: users, guilds, roles, channels, members.

Objects are changed through their methods, which tell the gateway what the bot may know. Ids are
ints here and become strings in payloads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from bot.sandbox.discord import payloads
from bot.sandbox.discord.clock import Clock
from bot.sandbox.discord.errors import SandboxError, Timeout
from bot.sandbox.discord.events import Event
from bot.sandbox.discord.people import Person
from bot.sandbox.discord.permissions import (
    BOT_BY_DEFAULT,
    EVERYONE_BY_DEFAULT,
    EVERYTHING,
    NOTHING,
    Overwrite,
    Permission,
    in_channel,
    in_guild,
    parse_permissions,
)
from bot.sandbox.discord.waiting import DEFAULT_TIMEOUT_S, Changes, Wanted, condition

if TYPE_CHECKING:
    from bot.sandbox.discord.interactions import Interaction
    from bot.sandbox.discord.messages import Message, Notification

TEXT_CHANNEL: Final = 0
DM_CHANNEL: Final = 1


class World:
    """Everything that exists, and who is told when it changes."""

    def __init__(self, bot_name: str) -> None:
        self.clock = Clock()
        self.changes = Changes()
        self.listeners: list[Callable[[Event], None]] = []
        self.users: dict[int, User] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.messages: dict[int, Message] = {}
        self.interactions: dict[str, Interaction] = {}
        self.global_commands: list[dict[str, Any]] = []
        self.bot = User(self, bot_name, bot=True)

    def tell(self, event: Event) -> None:
        """Hand an event to the gateway."""
        for listener in self.listeners:
            listener(event)

    def commands(self, guild: Guild | None) -> dict[str, dict[str, Any]]:
        """Return the slash commands that exist in a guild (or in DMs), by name."""
        own = guild.commands if guild is not None else []
        every = [*self.global_commands, *own]
        return {command["name"]: command for command in every if command.get("type", 1) == 1}


class User(Person):
    """A Discord account. ``dms_closed`` makes every message of the bot bounce with 50007."""

    def __init__(
        self, world: World, name: str, *, bot: bool = False, locale: str = "en-US"
    ) -> None:
        super().__init__(world)
        self.id = world.clock.snowflake()
        self.name = name
        self.bot = bot
        self.locale = locale
        self.dms_closed = False
        self.notifications: list[Notification] = []
        self._dm: Channel | None = None
        world.users[self.id] = self

    def __repr__(self) -> str:
        return f"<User {self.name}>"

    @property
    def user(self) -> User:
        """The account itself."""
        return self

    @property
    def mention(self) -> str:
        """What mentions this user in a text."""
        return f"<@{self.id}>"

    @property
    def dm_channel(self) -> Channel:
        """The direct messages between the bot and this user, opened when first asked for."""
        if self._dm is None:
            self._dm = Channel(self.world, name=self.name, recipient=self)
        return self._dm

    @property
    def dms(self) -> list[Message]:
        """The messages in the direct messages with the bot, oldest first."""
        return self.dm_channel.messages

    def close_dms(self) -> None:
        """Accept no more direct messages."""
        self.dms_closed = True

    def open_dms(self) -> None:
        """Accept direct messages again."""
        self.dms_closed = False

    async def wait_for_dm(self, wanted: Wanted = "", timeout: float = DEFAULT_TIMEOUT_S) -> Message:
        """Wait for a direct message, and return it."""
        return await self.dm_channel.wait_for(wanted, timeout)

    def shares_guild_with_bot(self) -> bool:
        """Tell whether this user and the bot are in one guild."""
        return any(
            guild.has_bot and self.id in guild.members_by_id for guild in self.world.guilds.values()
        )


class Role:
    """A role of a guild."""

    def __init__(self, guild: Guild, name: str, permissions: Permission, *, role_id: int) -> None:
        self.guild = guild
        self.id = role_id
        self.name = name
        self.permissions = permissions
        self.mentionable = False
        self.managed_by: User | None = None
        self.position = len(guild.roles_by_id)

    def __repr__(self) -> str:
        return f"<Role {self.name}>"

    @property
    def mention(self) -> str:
        """What mentions this role in a text."""
        return f"<@&{self.id}>"

    def allow(self, *names: str | Permission) -> None:
        """Give this role more permissions."""
        self.permissions |= parse_permissions(names)
        self._changed()

    def deny(self, *names: str | Permission) -> None:
        """Take permissions from this role."""
        self.permissions &= ~parse_permissions(names)
        self._changed()

    def make_mentionable(self) -> None:
        """Let everyone mention this role."""
        self.mentionable = True
        self._changed()

    def delete(self) -> None:
        """Delete this role; members lose it."""
        del self.guild.roles_by_id[self.id]
        for member in self.guild.members:
            if self in member.roles:
                member.roles.remove(self)
        data = {"guild_id": str(self.guild.id), "role_id": str(self.id)}
        self.guild.tell("GUILD_ROLE_DELETE", data)

    def _changed(self) -> None:
        data = {"guild_id": str(self.guild.id), "role": payloads.role(self)}
        self.guild.tell("GUILD_ROLE_UPDATE", data)


class Channel:
    """A text channel of a guild, or the direct messages with one user."""

    def __init__(
        self,
        world: World,
        *,
        name: str,
        guild: Guild | None = None,
        recipient: User | None = None,
    ) -> None:
        self.world = world
        self.id = world.clock.snowflake()
        self.name = name
        self.guild = guild
        self.recipient = recipient
        self.overwrites: dict[int, Overwrite] = {}
        self.position = len(guild.channels_by_id) if guild is not None else 0
        self.deleted = False
        self.posted: list[Message] = []
        self.nonces: dict[str, Message] = {}
        world.channels[self.id] = self

    def __repr__(self) -> str:
        return f"<Channel #{self.name}>"

    @property
    def type(self) -> int:
        """Discord's channel type."""
        return DM_CHANNEL if self.guild is None else TEXT_CHANNEL

    @property
    def mention(self) -> str:
        """What links to this channel in a text."""
        return f"<#{self.id}>"

    @property
    def messages(self) -> list[Message]:
        """The messages that exist and everyone in the channel sees, oldest first."""
        return [
            message
            for message in self.posted
            if not message.deleted and message.ephemeral_for is None and not message.loading
        ]

    def seen_by(self, person: Person) -> list[Message]:
        """Return the messages that one person sees here: also the ones only for them."""
        return [message for message in self.posted if message.visible_to(person)]

    def permissions_of(self, user: User) -> Permission:
        """Return what a user may do here, overwrites included; strangers may do nothing."""
        if self.guild is None:
            return EVERYTHING if user in (self.recipient, self.world.bot) else NOTHING
        member = self.guild.members_by_id.get(user.id)
        if member is None or (user is self.world.bot and not self.guild.has_bot):
            return NOTHING
        return in_channel(
            member.permissions,
            everyone=self.overwrites.get(self.guild.id),
            roles=[self.overwrites[role.id] for role in member.roles if role.id in self.overwrites],
            member=self.overwrites.get(user.id),
        )

    def allow(self, whom: Role | Member | User, *names: str | Permission) -> None:
        """Allow permissions here to a role or a person."""
        self.overwrites.setdefault(whom.id, Overwrite()).permit(parse_permissions(names))
        self._changed()

    def deny(self, whom: Role | Member | User, *names: str | Permission) -> None:
        """Deny permissions here to a role or a person."""
        self.overwrites.setdefault(whom.id, Overwrite()).forbid(parse_permissions(names))
        self._changed()

    def allow_bot(self, *names: str | Permission) -> None:
        """Allow permissions here to the bot."""
        self.allow(self.world.bot, *names)

    def deny_bot(self, *names: str | Permission) -> None:
        """Deny permissions here to the bot, for example ``deny_bot("SEND_MESSAGES")``."""
        self.deny(self.world.bot, *names)

    def delete(self) -> None:
        """Delete this channel with its messages."""
        if self.guild is None:
            raise SandboxError("direct messages cannot be deleted")
        data = payloads.channel(self)
        self.deleted = True
        del self.world.channels[self.id]
        del self.guild.channels_by_id[self.id]
        self.guild.tell("CHANNEL_DELETE", data)

    async def wait_for(self, wanted: Wanted = "", timeout: float = DEFAULT_TIMEOUT_S) -> Message:
        """Wait until a message here fits, and return the newest that does.

        ``wanted`` is a part of the text or a condition. Messages that are there already count.
        """
        fits = condition(wanted)

        def found() -> Message | None:
            return next((message for message in reversed(self.messages) if fits(message)), None)

        if not await self.world.changes.until(lambda: found() is not None, timeout):
            there = "\n".join(message.render() for message in self.messages) or "no messages"
            raise Timeout(f"waited {timeout} s for {wanted!r} in #{self.name}; there:\n{there}")
        message = found()
        if message is None:
            raise Timeout(f"{wanted!r} was in #{self.name} and is gone again")
        return message

    def _changed(self) -> None:
        if self.guild is not None:
            self.guild.tell("CHANNEL_UPDATE", payloads.channel(self))


class Member(Person):
    """One person in one guild."""

    def __init__(self, guild: Guild, user: User, roles: Iterable[Role] = ()) -> None:
        super().__init__(guild.world)
        self.guild = guild
        self._user = user
        self.roles = list(roles)
        self.nick: str | None = None
        self.joined_at = guild.world.clock.today()

    def __repr__(self) -> str:
        return f"<Member {self.name} of {self.guild.name}>"

    @property
    def home(self) -> Guild:
        """The guild in which this person acts."""
        return self.guild

    @property
    def user(self) -> User:
        """The account of this member."""
        return self._user

    @property
    def id(self) -> int:
        """The id of the account."""
        return self._user.id

    @property
    def name(self) -> str:
        """How the guild sees this person."""
        return self.nick or self._user.name

    @property
    def mention(self) -> str:
        """What mentions this person in a text."""
        return self._user.mention

    @property
    def permissions(self) -> Permission:
        """What this member's roles allow, before any channel's overwrites."""
        roles = [self.guild.everyone, *self.roles]
        return in_guild((role.permissions for role in roles), owner=self is self.guild.owner)

    @property
    def dms(self) -> list[Message]:
        """The direct messages between the bot and this person."""
        return self._user.dms

    @property
    def notifications(self) -> list[Notification]:
        """What rang this person's phone, oldest first."""
        return self._user.notifications

    async def wait_for_dm(self, wanted: Wanted = "", timeout: float = DEFAULT_TIMEOUT_S) -> Message:
        """Wait for a direct message to this person, and return it."""
        return await self._user.wait_for_dm(wanted, timeout)

    def close_dms(self) -> None:
        """Accept no more direct messages."""
        self._user.close_dms()

    def open_dms(self) -> None:
        """Accept direct messages again."""
        self._user.open_dms()

    def add_role(self, role: Role) -> None:
        """Give this member a role."""
        if role not in self.roles:
            self.roles.append(role)
        self._changed()

    def remove_role(self, role: Role) -> None:
        """Take a role from this member."""
        self.roles.remove(role)
        self._changed()

    def leave(self) -> None:
        """Leave the guild."""
        del self.guild.members_by_id[self.id]
        data = {"guild_id": str(self.guild.id), "user": payloads.user(self._user)}
        self.guild.tell("GUILD_MEMBER_REMOVE", data)

    def _changed(self) -> None:
        data = payloads.member(self) | {"guild_id": str(self.guild.id)}
        self.guild.tell("GUILD_MEMBER_UPDATE", data)


class Guild:
    """A server. It has @everyone, an owner, and the bot with a role of its own."""

    def __init__(self, world: World, name: str, *, locale: str) -> None:
        self.world = world
        self.id = world.clock.snowflake()
        self.name = name
        self.locale = locale
        self.has_bot = True
        self.roles_by_id: dict[int, Role] = {}
        self.channels_by_id: dict[int, Channel] = {}
        self.members_by_id: dict[int, Member] = {}
        self.commands: list[dict[str, Any]] = []
        self.everyone = self._new_role("@everyone", EVERYONE_BY_DEFAULT, role_id=self.id)
        self.bot_role = self._new_role(world.bot.name, BOT_BY_DEFAULT)
        self.bot_role.managed_by = world.bot
        self.owner = self._new_member(User(world, f"Owner of {name}"), [])
        self.bot_member = self._new_member(world.bot, [self.bot_role])
        world.guilds[self.id] = self

    def __repr__(self) -> str:
        return f"<Guild {self.name}>"

    @property
    def roles(self) -> list[Role]:
        """All roles, @everyone first."""
        return list(self.roles_by_id.values())

    @property
    def channels(self) -> list[Channel]:
        """All channels, in order."""
        return list(self.channels_by_id.values())

    @property
    def members(self) -> list[Member]:
        """Everyone, the owner and the bot included."""
        return list(self.members_by_id.values())

    def tell(self, name: str, data: dict[str, Any]) -> None:
        """Tell the bot what happened here, if it is here."""
        if self.has_bot:
            self.world.tell(Event(name, data, self.id))

    def add_role(self, name: str, *names: str | Permission) -> Role:
        """Make a role with some permissions (none by default)."""
        role = self._new_role(name, parse_permissions(names))
        self.tell("GUILD_ROLE_CREATE", {"guild_id": str(self.id), "role": payloads.role(role)})
        return role

    def add_channel(
        self, name: str, *, visible_to: Iterable[Role | Member] | None = None
    ) -> Channel:
        """Make a text channel; a private one if ``visible_to`` says for whom (and the bot)."""
        channel = Channel(self.world, name=name, guild=self)
        self.channels_by_id[channel.id] = channel
        if visible_to is not None:
            channel.overwrites[self.id] = Overwrite(deny=Permission.VIEW_CHANNEL)
            for whom in (self.bot_member, *visible_to):
                channel.overwrites[whom.id] = Overwrite(allow=Permission.VIEW_CHANNEL)
        self.tell("CHANNEL_CREATE", payloads.channel(channel))
        return channel

    def add_member(
        self,
        person: str | User | Member,
        *,
        roles: Iterable[Role] = (),
        permissions: Iterable[str | Permission] = (),
        administrator: bool = False,
        locale: str = "en-US",
    ) -> Member:
        """Let someone join: a new account by name, or one that exists.

        ``permissions`` and ``administrator`` come through a role of their own.
        """
        user = User(self.world, person, locale=locale) if isinstance(person, str) else person.user
        held = list(roles)
        granted = parse_permissions(permissions)
        if administrator:
            granted |= Permission.ADMINISTRATOR
        if granted:
            held.append(self.add_role(f"{user.name}'s permissions", granted))
        member = self._new_member(user, held)
        data = payloads.member(member) | {"guild_id": str(self.id)}
        self.tell("GUILD_MEMBER_ADD", data)
        return member

    def remove_bot(self) -> None:
        """Kick the bot out."""
        self.tell("GUILD_DELETE", {"id": str(self.id)})
        self.has_bot = False

    def return_bot(self) -> None:
        """Invite the bot again."""
        self.has_bot = True
        self.announce()

    def announce(self) -> None:
        """Tell the bot that it is in this guild."""
        self.tell("GUILD_CREATE", payloads.guild_create(self))

    def _new_role(self, name: str, permissions: Permission, role_id: int | None = None) -> Role:
        role = Role(self, name, permissions, role_id=role_id or self.world.clock.snowflake())
        self.roles_by_id[role.id] = role
        return role

    def _new_member(self, user: User, roles: list[Role]) -> Member:
        member = Member(self, user, roles)
        self.members_by_id[user.id] = member
        return member
