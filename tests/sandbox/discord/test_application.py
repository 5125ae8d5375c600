"""Routes about the bot itself, its commands and its guilds."""

from __future__ import annotations

from tests.sandbox.discord.conftest import Api, Stage

COMMAND = {"name": "ask", "description": "Ask", "type": 1, "default_member_permissions": 32}


async def test_bot_knows_itself(stage: Stage, api: Api) -> None:
    _, me = await api("GET", "/users/@me")
    assert (me["id"], me["username"], me["bot"]) == (
        str(stage.discord.bot.id),
        "Quartermaster",
        True,
    )
    for path in ("/oauth2/applications/@me", "/applications/@me"):
        _, application = await api("GET", path)
        assert application["id"] == me["id"]
    _, ana = await api("GET", f"/users/{stage.ana.id}")
    assert (ana["username"], ana["global_name"]) == ("ana", "Ana")


async def test_gateway_is_here(stage: Stage, api: Api) -> None:
    url = stage.discord.environment()["DISCORD_GATEWAY_URL"]
    assert await api("GET", "/gateway") == (200, {"url": url})
    _, body = await api("GET", "/gateway/bot")
    assert (body["url"], body["shards"]) == (url, 1)


async def test_guild_is_read(stage: Stage, api: Api) -> None:
    path = f"/guilds/{stage.guild.id}"
    _, guild = await api("GET", path, with_counts="true")
    assert guild["approximate_member_count"] == len(stage.guild.members) == 6
    _, roles = await api("GET", path + "/roles")
    assert [role["name"] for role in roles[:2]] == ["@everyone", "Quartermaster"]
    _, channels = await api("GET", path + "/channels")
    private = channels[1]["permission_overwrites"]
    assert {each["id"] for each in private} == {
        str(stage.guild.id),
        str(stage.mods.id),
        str(stage.discord.bot.id),
    }
    _, member = await api("GET", f"{path}/members/{stage.max.id}")
    assert member["roles"] == [str(stage.mods.id)]
    _, channel = await api("GET", f"/channels/{stage.hall.id}")
    assert channel["name"] == "general"
    assert await api("POST", f"/channels/{stage.hall.id}/typing") == (204, "")


async def test_commands_of_both_scopes(stage: Stage, api: Api) -> None:
    app = f"/applications/{stage.discord.bot.id}"
    for path in (app + "/commands", f"{app}/guilds/{stage.guild.id}/commands"):
        status, made = await api("POST", path, COMMAND)
        assert status == 201
        _, replaced = await api("PUT", path, [COMMAND, COMMAND | {"name": "buy"}])
        assert replaced[0]["id"] == made["id"]
        one = f"{path}/{made['id']}"
        _, edited = await api("PATCH", one, {"description": "Ask for skins"})
        assert await api("GET", one) == (200, edited)
        assert await api("DELETE", one) == (204, "")
        status, answer = await api("GET", one)
        assert (status, answer["code"]) == (404, 10063)
        _, listed = await api("GET", path)
        assert [command["name"] for command in listed] == ["buy"]
    assert list(stage.discord.commands) == ["buy"]
    status, answer = await api("GET", "/applications/123/commands")
    assert (status, answer["code"]) == (403, 50001)
