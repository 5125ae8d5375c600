"""The gateway with the real client: broken connections, events of changes, a whole outage."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from bot.sandbox.discord import payloads
from bot.sandbox.discord.events import Event
from bot.sandbox.discord.gateway import Intent, Session
from tests.sandbox.discord.conftest import Stage, running_bot
from tests.sandbox.discord.samplebot import SKINS, SampleBot


async def until_resumed(stage: Stage, times: int) -> None:
    """Wait until the bot has resumed that often."""
    await stage.discord.wait_until(lambda: stage.discord.gateway.resumed >= times, 15)


async def test_bot_asks_only_for_guilds(stage: Stage, bot: SampleBot) -> None:
    assert stage.discord.gateway.intents == Intent.GUILDS
    guild = bot.get_guild(stage.guild.id)
    assert guild is not None
    assert {role.name for role in guild.roles} >= {"@everyone", "Skin Mods", "Quartermaster"}
    assert guild.me.guild_permissions.send_messages
    private = guild.get_channel(stage.approvals.id)
    assert private is not None
    assert private.permissions_for(guild.me).view_channel
    assert not private.permissions_for(guild.default_role).view_channel


async def test_what_happens_while_the_connection_is_broken_is_replayed(
    stage: Stage, bot: SampleBot
) -> None:
    await stage.discord.drop_gateway()
    reply = await stage.ana.slash("request", channel=stage.hall, item=SKINS[0])
    assert not reply.failed
    assert stage.discord.gateway.resumed == 1
    assert bot.resumes == 1


async def test_bot_reconnects_when_asked_to(stage: Stage, bot: SampleBot) -> None:
    await stage.discord.gateway.ask_to_reconnect()
    await until_resumed(stage, 1)
    assert not (await stage.ana.slash("request", channel=stage.hall, item="x")).failed


async def test_invalid_session_makes_the_bot_identify_anew(stage: Stage, bot: SampleBot) -> None:
    gateway = stage.discord.gateway
    await gateway.invalidate()
    await stage.discord.wait_until(lambda: gateway.identified == 2 and gateway.ready)
    assert not (await stage.ana.slash("request", channel=stage.hall, item="x")).failed


async def test_changes_of_the_guild_reach_the_bot(stage: Stage, bot: SampleBot) -> None:
    role = stage.guild.add_role("Judges", "MANAGE_MESSAGES")
    channel = stage.guild.add_channel("results")
    channel.deny_bot("SEND_MESSAGES")
    stage.mods.delete()
    stage.approvals.delete()
    other = stage.discord.add_guild("Saturday Cup")
    third = stage.discord.add_guild("Sunday Cup")
    third.remove_bot()
    fourth = stage.discord.add_guild("Monday Cup")
    fourth.remove_bot()
    fourth.return_bot()
    await stage.ana.slash("request", channel=stage.hall, item="x")  # all events came before it
    guild = bot.get_guild(stage.guild.id)
    assert guild is not None
    seen = guild.get_role(role.id)
    assert seen is not None
    assert seen.permissions.manage_messages
    assert guild.get_role(stage.mods.id) is None
    assert guild.get_channel(stage.approvals.id) is None
    results = guild.get_channel(channel.id)
    assert results is not None
    assert not results.permissions_for(guild.me).send_messages
    assert bot.get_guild(other.id) is not None
    assert bot.get_guild(third.id) is None
    assert bot.get_guild(fourth.id) is not None


async def test_outage_is_survived(stage: Stage, bot: SampleBot) -> None:
    environment = stage.discord.environment()
    await stage.discord.stop_listening()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(environment["DISCORD_API_URL"] + "/gateway")
    await stage.discord.start_listening()
    assert stage.discord.environment() == environment
    await until_resumed(stage, 1)
    assert not (await stage.ana.slash("request", channel=stage.hall, item="x")).failed


async def test_second_bot_process_finds_the_world_as_it_was(stage: Stage) -> None:
    async with running_bot(stage.discord):
        await stage.max.slash("post", channel=stage.approvals)
    card = stage.approvals.messages[-1]
    async with running_bot(stage.discord) as second:
        await stage.max.click(card, "Approve")
        assert second.clicks == ["req1:7:approve"]
    assert card.text == "Request 7: approved"
    assert stage.discord.gateway.identified == 2


async def test_wrong_token_is_turned_away(stage: Stage) -> None:
    url = stage.discord.environment()["DISCORD_GATEWAY_URL"]
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.receive_json()
        await socket.send_json({"op": 2, "d": {"token": "wrong", "intents": 1}})
        closed = await socket.receive()
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 4004)


async def test_two_hundred_people_at_once(stage: Stage, bot: SampleBot) -> None:
    replies = await asyncio.gather(
        *(stage.ana.slash("request", channel=stage.hall, item=str(n)) for n in range(200))
    )
    assert {reply.text for reply in replies} == {f"1 × {n}" for n in range(200)}


class TestSession:
    """What a session is told, by its intents and its shard."""

    @staticmethod
    def session(intents: Intent, shard: tuple[int, int] = (0, 1)) -> Session:
        return Session("s", intents, shard)

    def test_events_need_their_intent(self) -> None:
        session = self.session(Intent.GUILDS)
        wanted = [
            name
            for name in (
                "INTERACTION_CREATE",
                "CHANNEL_CREATE",
                "GUILD_MEMBER_ADD",
                "MESSAGE_CREATE",
            )
            if session.wants(Event(name, {}, 1))
        ]
        assert wanted == ["INTERACTION_CREATE", "CHANNEL_CREATE"]

    def test_messages_have_an_intent_for_each_place(self) -> None:
        session = self.session(Intent.DIRECT_MESSAGES)
        assert session.wants(Event("MESSAGE_CREATE", {}, None))
        assert not session.wants(Event("MESSAGE_CREATE", {}, 1))

    def test_shard_hears_of_its_guilds_and_the_first_of_direct_messages(self) -> None:
        first, second = self.session(Intent(0), (0, 2)), self.session(Intent(0), (1, 2))
        for guild_id, expected in ((2 << 22, (True, False)), (3 << 22, (False, True))):
            event = Event("INTERACTION_CREATE", {}, guild_id)
            assert (first.wants(event), second.wants(event)) == expected
        event = Event("INTERACTION_CREATE", {}, None)
        assert (first.wants(event), second.wants(event)) == (True, False)

    def test_content_of_others_needs_its_intent(self) -> None:
        event = Event("MESSAGE_CREATE", {"content": "x"}, 1, {"content": ""})
        assert self.session(Intent.GUILD_MESSAGES).shown(event) == {"content": ""}
        assert self.session(Intent.MESSAGE_CONTENT).shown(event) == {"content": "x"}

    def test_members_are_listed_only_with_their_intent(self, stage: Stage) -> None:
        event = Event("GUILD_CREATE", payloads.guild_create(stage.guild), stage.guild.id)
        alone = self.session(Intent.GUILDS).shown(event)
        everyone = self.session(Intent.GUILDS | Intent.GUILD_MEMBERS).shown(event)
        assert [each["user"]["username"] for each in alone["members"]] == ["Quartermaster"]
        assert len(everyone["members"]) == everyone["member_count"] == 6
