"""Routes about the bot itself: its account, its application, its commands, the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.sandbox.discord import payloads
from bot.sandbox.discord.errors import ApiError, Code
from bot.sandbox.discord.rest import Call, Json, Route

if TYPE_CHECKING:
    from bot.sandbox.discord.gateway import Gateway
    from bot.sandbox.discord.rules import Rules
    from bot.sandbox.discord.state import Guild, World


class ApplicationRoutes:
    """Who the bot is, and which commands it has."""

    def __init__(self, world: World, gateway: Gateway, rules: Rules) -> None:
        self._world = world
        self._gateway = gateway
        self._rules = rules

    def routes(self) -> list[Route]:
        """Return these routes."""
        commands = "/applications/{application_id}/commands"
        in_guild = "/applications/{application_id}/guilds/{guild_id}/commands"
        return [
            Route("GET", "/users/@me", self._me),
            Route("GET", "/users/{user_id}", self._user),
            Route("GET", "/oauth2/applications/@me", self._application),
            Route("GET", "/applications/@me", self._application),
            Route("GET", "/gateway", self._gateway_url, needs_token=False),
            Route("GET", "/gateway/bot", self._gateway_bot),
            *(
                route
                for path in (commands, in_guild)
                for route in (
                    Route("GET", path, self._list_commands),
                    Route("PUT", path, self._overwrite_commands),
                    Route("POST", path, self._create_command, created=201),
                    Route("GET", path + "/{command_id}", self._get_command),
                    Route("PATCH", path + "/{command_id}", self._edit_command),
                    Route("DELETE", path + "/{command_id}", self._delete_command),
                )
            ),
        ]

    def _me(self, _call: Call) -> Json:
        return payloads.own_user(self._world.bot)

    def _user(self, call: Call) -> Json:
        user = self._world.users.get(call.id("user_id"))
        if user is None:
            raise ApiError(404, Code.UNKNOWN_USER)
        return payloads.user(user)

    def _application(self, _call: Call) -> Json:
        return payloads.application(self._world.bot, len(self._world.guilds))

    def _gateway_url(self, _call: Call) -> Json:
        return {"url": self._gateway.url}

    def _gateway_bot(self, _call: Call) -> Json:
        starts = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        return {"url": self._gateway.url, "shards": 1, "session_start_limit": starts}

    def _list_commands(self, call: Call) -> list[Json]:
        return self._commands(call)

    def _overwrite_commands(self, call: Call) -> list[Json]:
        """Replace all commands; one that keeps its name and type keeps its id."""
        self._rules.check_commands(call.body)
        commands = self._commands(call)
        guild = self._guild(call)
        ids = {(old["name"], old.get("type", 1)): old["id"] for old in commands}
        fresh = [self._completed(new, guild, ids) for new in call.body]
        commands[:] = fresh
        self._world.changes.announce()
        return fresh

    def _create_command(self, call: Call) -> Json:
        self._rules.check_commands([call.body])
        commands = self._commands(call)
        key = (call.body["name"], call.body.get("type", 1))
        ids = {(old["name"], old.get("type", 1)): old["id"] for old in commands}
        command = self._completed(call.body, self._guild(call), ids)
        commands[:] = [old for old in commands if (old["name"], old["type"]) != key]
        commands.append(command)
        self._world.changes.announce()
        return command

    def _get_command(self, call: Call) -> Json:
        for command in self._commands(call):
            if command["id"] == call.ids["command_id"]:
                return command
        raise ApiError(404, Code.UNKNOWN_COMMAND)

    def _edit_command(self, call: Call) -> Json:
        command = self._get_command(call)
        self._rules.check_commands([command | call.body])
        command |= call.body
        return command

    def _delete_command(self, call: Call) -> None:
        self._commands(call).remove(self._get_command(call))

    def _guild(self, call: Call) -> Guild | None:
        if "guild_id" not in call.ids:
            return None
        guild = self._world.guilds.get(call.id("guild_id"))
        if guild is None or not guild.has_bot:
            raise ApiError(403, Code.MISSING_ACCESS)
        return guild

    def _commands(self, call: Call) -> list[Json]:
        if call.id("application_id") != self._world.bot.id:
            raise ApiError(403, Code.MISSING_ACCESS)
        guild = self._guild(call)
        return self._world.global_commands if guild is None else guild.commands

    def _completed(
        self, command: Json, guild: Guild | None, ids: dict[tuple[str, int], str]
    ) -> Json:
        """Return a command as Discord gives it back."""
        kind = command.get("type", 1)
        done: dict[str, Any] = {
            "description": "",
            "default_member_permissions": None,
            "name_localizations": None,
            "description_localizations": None,
            "nsfw": False,
        } | {key: value for key, value in command.items() if value is not None}
        permissions = done["default_member_permissions"]
        done |= {
            "id": ids.get((command["name"], kind)) or str(self._world.clock.snowflake()),
            "application_id": str(self._world.bot.id),
            "version": str(self._world.clock.snowflake()),
            "type": kind,
            "default_member_permissions": None if permissions is None else str(permissions),
        }
        return done if guild is None else done | {"guild_id": str(guild.id)}
