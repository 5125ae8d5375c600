"""Bad days: what the real client does when Discord fails, and what happened all the same."""

from __future__ import annotations

import asyncio

import aiohttp
import discord
import pytest

from bot.sandbox.discord import (
    Delay,
    DelayAnswer,
    Drop,
    DropAfter,
    Hang,
    RateLimited,
    Refuse,
    Status,
)
from tests.sandbox.discord.conftest import Api, Stage
from tests.sandbox.discord.samplebot import SampleBot

MESSAGES = r"/channels/\d+/messages$"


def hall_of(bot: SampleBot, stage: Stage) -> discord.PartialMessageable:
    """Return the hall as the bot writes to it."""
    return bot.get_partial_messageable(stage.hall.id, guild_id=stage.guild.id)


async def test_rate_limit_is_waited_out(stage: Stage, bot: SampleBot) -> None:
    fault = stage.discord.faults.add(RateLimited(0.05), method="POST", path=MESSAGES, times=2)
    await hall_of(bot, stage).send("patient")
    assert fault.hits == 2
    assert [message.text for message in stage.hall.messages] == ["patient"]
    statuses = [each.status for each in stage.discord.requests if each.method == "POST"]
    assert statuses[-3:] == [429, 429, 200]


async def test_server_error_is_retried_by_the_client(stage: Stage, bot: SampleBot) -> None:
    stage.discord.faults.add(Status(502), method="POST", path=MESSAGES, times=1)
    await hall_of(bot, stage).send("again")
    assert len(stage.hall.messages) == 1


async def test_503_is_not_retried(stage: Stage, bot: SampleBot) -> None:
    stage.discord.faults.add(Status(503), method="POST", path=MESSAGES, times=1)
    with pytest.raises(discord.DiscordServerError):
        await hall_of(bot, stage).send("once")
    assert stage.hall.messages == []


async def test_dropped_request_never_happened(stage: Stage, bot: SampleBot) -> None:
    stage.discord.faults.add(Drop(), method="POST", path=MESSAGES, times=1)
    with pytest.raises((aiohttp.ClientError, OSError)):
        await hall_of(bot, stage).send("lost")
    assert stage.hall.messages == []
    assert stage.discord.requests[-1].status == 0


async def test_message_is_there_though_its_answer_was_dropped(stage: Stage, bot: SampleBot) -> None:
    stage.discord.faults.add(DropAfter(), method="POST", path=MESSAGES, times=1)
    with pytest.raises((aiohttp.ClientError, OSError)):
        await hall_of(bot, stage).send("there", nonce="o1")
    assert [message.text for message in stage.hall.messages] == ["there"]
    again = await hall_of(bot, stage).send("there", nonce="o1")
    assert [message.id for message in stage.hall.messages] == [again.id]


async def test_any_refusal_can_be_played(stage: Stage, bot: SampleBot) -> None:
    stage.discord.faults.add(Refuse(403, 40003), path=r"/users/@me/channels")
    with pytest.raises(discord.Forbidden) as refused:
        await bot.create_dm(discord.Object(stage.ana.id))
    assert refused.value.code == 40003
    stage.discord.faults.clear()
    await bot.create_dm(discord.Object(stage.ana.id))


async def test_fault_can_wait_for_its_turn_and_be_taken_away(stage: Stage, api: Api) -> None:
    fault = stage.discord.faults.add(Status(500), path=MESSAGES, after=1)
    path = f"/channels/{stage.hall.id}/messages"
    statuses = [(await api("GET", path))[0] for _ in range(3)]
    stage.discord.faults.remove(fault)
    assert [*statuses, (await api("GET", path))[0]] == [200, 500, 500, 200]


async def test_slow_and_hanging_answers(stage: Stage, api: Api) -> None:
    path = f"/channels/{stage.hall.id}/messages"
    stage.discord.faults.add(Delay(0.1), method="POST", times=1)
    stage.discord.faults.add(DelayAnswer(0.1), method="POST", times=1)
    stage.discord.faults.add(Hang(), method="POST", times=1)
    slow = asyncio.create_task(api("POST", path, {"content": "slow"}))
    await asyncio.sleep(0.05)
    assert stage.hall.messages == []
    await slow
    late = asyncio.create_task(api("POST", path, {"content": "late"}))
    await stage.hall.wait_for("late")
    assert not late.done()
    await late
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(api("POST", path, {"content": "never"}), 0.1)


async def test_callback_that_fails_leaves_the_person_without_an_answer(
    stage: Stage, bot: SampleBot
) -> None:
    stage.discord.faults.add(Refuse(404, 10062), path=r"/interactions/.*/callback")
    reply = await stage.ana.slash("never", channel=stage.hall)
    assert reply.failed


async def test_limits_say_so_in_headers_and_refuse_beyond(stage: Stage, api: Api) -> None:
    stage.discord.limits.per_channel(2, 0.5)
    path = f"/channels/{stage.hall.id}/messages"
    statuses = [(await api("POST", path, {"content": "x"}))[0] for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert (await api("GET", path))[0] == 200
    stage.discord.advance(0.6)
    assert (await api("POST", path, {"content": "x"}))[0] == 200
    stage.discord.limits.per_channel(None)
    assert (await api("POST", path, {"content": "x"}))[0] == 200


async def test_client_obeys_the_limits(stage: Stage, bot: SampleBot) -> None:
    stage.discord.limits.per_channel(2, 0.2)
    for number in range(4):
        await hall_of(bot, stage).send(str(number))
    assert len(stage.hall.messages) == 4
    assert all(each.status != 429 for each in stage.discord.requests)
