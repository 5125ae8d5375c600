"""Slash commands as Discord's client offers them: who may use one, and what can be typed.

Source: Discord's interactions/application-commands. Whatever a real client would not let a person
do is a ``SandboxError`` here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from bot.sandbox.discord import payloads
from bot.sandbox.discord.errors import SandboxError
from bot.sandbox.discord.interactions import Choice
from bot.sandbox.discord.permissions import Permission

if TYPE_CHECKING:
    from bot.sandbox.discord.state import Channel, Guild, User

Json = dict[str, Any]

STRING_MAX: Final = 6000
IN_GUILD: Final = 0
IN_BOT_DM: Final = 1


class OptionType(IntEnum):
    """The types of a command's options."""

    SUBCOMMAND = 1
    GROUP = 2
    STRING = 3
    INTEGER = 4
    BOOLEAN = 5
    USER = 6
    CHANNEL = 7
    ROLE = 8
    MENTIONABLE = 9
    NUMBER = 10
    ATTACHMENT = 11


_PLAIN: Final[dict[OptionType, tuple[type, ...]]] = {
    OptionType.STRING: (str,),
    OptionType.INTEGER: (int,),
    OptionType.BOOLEAN: (bool,),
    OptionType.NUMBER: (int, float),
}


@dataclass(frozen=True, slots=True)
class Typed:
    """A command with its subcommands, as typed: ``path`` are the nested options on the way."""

    root: Json
    path: tuple[Json, ...]

    @property
    def options(self) -> dict[str, Json]:
        """The options of the innermost command, by name."""
        innermost = self.path[-1] if self.path else self.root
        return {
            option["name"]: option
            for option in innermost.get("options") or ()
            if option["type"] > OptionType.GROUP
        }

    def data(self, options: list[Json], resolved: Json, guild: Guild | None) -> Json:
        """Return the interaction's data."""
        for nested in reversed(self.path):
            options = [{"name": nested["name"], "type": nested["type"], "options": options}]
        data: Json = {
            "id": self.root["id"],
            "name": self.root["name"],
            "type": 1,
            "options": options,
        }
        if "guild_id" in self.root and guild is not None:
            data["guild_id"] = str(guild.id)
        if resolved:
            data["resolved"] = resolved
        return data


def find_command(words: str, user: User, channel: Channel) -> Typed:
    """Return the command that someone types, for example ``"quartermaster pause"``.

    Raises ``SandboxError`` if Discord would not offer it to this person in this channel.
    """
    name, *rest = words.removeprefix("/").split()
    offered = channel.world.commands(channel.guild)
    if name not in offered:
        raise SandboxError(f"there is no command /{name}; there: {sorted(offered)}")
    root = offered[name]
    _check_offered(root, user, channel)
    path: list[Json] = []
    inner = root
    for word in rest:
        nested = {option["name"]: option for option in inner.get("options") or ()}
        if word not in nested or nested[word]["type"] > OptionType.GROUP:
            raise SandboxError(f"/{words}: there is no subcommand {word!r}; there: {list(nested)}")
        inner = nested[word]
        path.append(inner)
    if any(option["type"] <= OptionType.GROUP for option in inner.get("options") or ()):
        raise SandboxError(f"/{words} needs a subcommand")
    return Typed(root, tuple(path))


def _check_offered(command: Json, user: User, channel: Channel) -> None:
    """Check contexts, ``default_member_permissions`` and the channel's permissions."""
    name = command["name"]
    context = IN_GUILD if channel.guild is not None else IN_BOT_DM
    contexts = command.get("contexts")
    if contexts is None:
        contexts = [IN_GUILD, IN_BOT_DM] if command.get("dm_permission", True) else [IN_GUILD]
    if context not in contexts:
        place = "servers" if context == IN_GUILD else "direct messages"
        raise SandboxError(f"/{name} is not offered in {place}")
    if channel.guild is None:
        return
    held = channel.permissions_of(user)
    if Permission.USE_APPLICATION_COMMANDS not in held:
        raise SandboxError(f"{user.name} cannot use commands in #{channel.name}")
    if Permission.ADMINISTRATOR in held:
        return
    needed = command.get("default_member_permissions")
    if needed is not None and (int(needed) == 0 or int(needed) & ~held.value):
        raise SandboxError(f"/{name} is not offered to {user.name}: permissions missing")


def fill_in(typed: Typed, given: Mapping[str, object], channel: Channel) -> tuple[list[Json], Json]:
    """Return the options as Discord sends them, and the objects that they name.

    Raises ``SandboxError`` for a value that Discord's client would not let through.
    """
    offered = typed.options
    unknown = given.keys() - offered.keys()
    if unknown:
        raise SandboxError(f"there is no option {sorted(unknown)}; there: {sorted(offered)}")
    missing = [
        name for name, option in offered.items() if option.get("required") and name not in given
    ]
    if missing:
        raise SandboxError(f"the options {missing} are required")
    resolved: Json = {}
    options = [
        {
            "name": name,
            "type": option["type"],
            "value": _checked(option, given[name], channel, resolved),
        }
        for name, option in offered.items()
        if name in given
    ]
    return options, resolved


def _checked(option: Json, value: object, channel: Channel, resolved: Json) -> object:
    kind = OptionType(option["type"])
    if isinstance(value, Choice):
        value = value.value
    if kind in (OptionType.USER, OptionType.CHANNEL, OptionType.ROLE, OptionType.MENTIONABLE):
        return resolve(value, channel, resolved)
    if kind not in _PLAIN:
        raise SandboxError(f"option {option['name']}: {kind.name.lower()} is not played")
    wrong_bool = isinstance(value, bool) and kind != OptionType.BOOLEAN
    if not isinstance(value, _PLAIN[kind]) or wrong_bool:
        raise SandboxError(f"option {option['name']} takes {kind.name.lower()}, not {value!r}")
    if option.get("choices"):
        return _static_choice(option, value)
    _check_range(option, value)
    return value


def _static_choice(option: Json, value: object) -> object:
    for choice in option["choices"]:
        if value in (choice["name"], choice["value"]):
            return choice["value"]
    names = [choice["name"] for choice in option["choices"]]
    raise SandboxError(f"option {option['name']}: {value!r} is not one of {names}")


def _check_range(option: Json, value: object) -> None:
    name = option["name"]
    if isinstance(value, str):
        shortest, longest = option.get("min_length", 0), option.get("max_length", STRING_MAX)
        if not shortest <= len(value) <= longest:
            raise SandboxError(f"option {name}: a length of {len(value)} is not allowed")
    elif isinstance(value, int | float):
        lowest, highest = option.get("min_value"), option.get("max_value")
        if (lowest is not None and value < lowest) or (highest is not None and value > highest):
            raise SandboxError(f"option {name}: {value} is not between {lowest} and {highest}")


def resolve(value: object, channel: Channel, resolved: Json) -> str:
    """Note a user, role or channel (the object or its id) in ``resolved``, and return its id."""
    snowflake = value if isinstance(value, int) else getattr(value, "id", None)
    guild = channel.guild
    if guild is None or not isinstance(snowflake, int):
        raise SandboxError(f"{value!r} can't be chosen here")
    key = str(snowflake)
    if snowflake in guild.roles_by_id:
        resolved.setdefault("roles", {})[key] = payloads.role(guild.roles_by_id[snowflake])
    elif snowflake in guild.channels_by_id:
        body = payloads.channel(guild.channels_by_id[snowflake])
        body["permissions"] = str(
            guild.channels_by_id[snowflake].permissions_of(guild.world.bot).value
        )
        resolved.setdefault("channels", {})[key] = body
    elif snowflake in guild.members_by_id:
        member = guild.members_by_id[snowflake]
        permissions = str(channel.permissions_of(member.user).value)
        resolved.setdefault("users", {})[key] = payloads.user(member.user)
        resolved.setdefault("members", {})[key] = payloads.resolved_member(member, permissions)
    else:
        raise SandboxError(f"{value!r} is not in {guild.name}")
    return key
