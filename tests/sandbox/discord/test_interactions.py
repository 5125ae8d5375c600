"""Interactions without a bot: tokens, their lives, and what may answer what."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.sandbox.discord import Reply, Timeout
from bot.sandbox.discord.interactions import Interaction
from bot.sandbox.discord.messages import Message
from tests.sandbox.discord.conftest import Api, Stage

EPHEMERAL = 64
COMMAND = {"name": "ask", "description": "Ask", "type": 1, "options": []}


class Puppet:
    """Answers for the bot, step by step."""

    def __init__(self, stage: Stage, api: Api) -> None:
        self.stage = stage
        self.api = api
        self.app = str(stage.discord.bot.id)

    async def ask(self) -> tuple[asyncio.Task[Reply], Interaction]:
        """Let Ana use the command, and return what she waits for and what the bot was told."""
        await self.api("PUT", f"/applications/{self.app}/commands", [COMMAND])
        reply = asyncio.create_task(self.stage.ana.slash("ask", channel=self.stage.hall))
        await asyncio.sleep(0)
        return reply, list(self.stage.discord.world.interactions.values())[-1]

    async def answer(self, to: Interaction, kind: int, **data: object) -> tuple[int, Any]:
        path = f"/interactions/{to.id}/{to.token}/callback"
        body = {"type": kind, "data": data} if data else {"type": kind}
        return await self.api("POST", path, body, with_response="1")

    async def webhook(
        self, method: str, to: Interaction, path: str = "", body: object = None
    ) -> tuple[int, Any]:
        return await self.api(method, f"/webhooks/{self.app}/{to.token}{path}", body)


@pytest.fixture
def puppet(stage: Stage, api: Api) -> Puppet:
    return Puppet(stage, api)


async def test_payload_says_who_where_and_with_which_permissions(puppet: Puppet) -> None:
    told: list[dict[str, Any]] = []
    puppet.stage.discord.world.listeners.append(lambda event: told.append(event.data))
    reply, interaction = await puppet.ask()
    payload = told[-1]
    assert payload["member"]["user"]["id"] == str(puppet.stage.ana.id)
    assert payload["member"]["permissions"] == payload["channel"]["permissions"]
    assert payload["locale"] == "pl"
    assert payload["guild_locale"] == "en-US"
    assert payload["authorizing_integration_owners"] == {"0": str(puppet.stage.guild.id)}
    assert payload["context"] == 0
    assert payload["attachment_size_limit"] > 0
    await puppet.answer(interaction, 4, content="hi")
    assert (await reply).text == "hi"


async def test_answer_with_a_message_returns_it_and_a_deferred_one_does_not(
    puppet: Puppet,
) -> None:
    _, interaction = await puppet.ask()
    _, body = await puppet.answer(interaction, 4, content="hi")
    assert body["resource"]["type"] == 4
    assert body["resource"]["message"]["content"] == "hi"
    _, interaction = await puppet.ask()
    _, body = await puppet.answer(interaction, 5, flags=EPHEMERAL)
    assert "resource" not in body
    assert body["interaction"]["response_message_loading"]
    assert body["interaction"]["response_message_ephemeral"]
    await puppet.webhook("PATCH", interaction, "/messages/@original", {"content": "done"})


async def test_second_answer_is_refused(puppet: Puppet) -> None:
    _, interaction = await puppet.ask()
    await puppet.answer(interaction, 4, content="one")
    status, body = await puppet.answer(interaction, 4, content="two")
    assert (status, body["code"]) == (400, 40060)


async def test_token_is_dead_after_three_seconds(puppet: Puppet) -> None:
    _, interaction = await puppet.ask()
    puppet.stage.discord.advance(3.1)
    status, body = await puppet.answer(interaction, 4, content="late")
    assert (status, body["code"]) == (404, 10062)
    status, body = await puppet.webhook("POST", interaction, "", {"content": "late"})
    assert (status, body["code"]) == (404, 10015)


async def test_token_lives_for_fifteen_minutes(puppet: Puppet) -> None:
    _, interaction = await puppet.ask()
    await puppet.answer(interaction, 4, content="hi")
    puppet.stage.discord.advance(899)
    status, _ = await puppet.webhook("POST", interaction, "", {"content": "still here"})
    assert status == 200
    puppet.stage.discord.advance(2)
    status, body = await puppet.webhook("POST", interaction, "", {"content": "gone"})
    assert (status, body["code"]) == (401, 50027)


async def test_ephemeral_answer_is_changed_only_through_its_token(puppet: Puppet) -> None:
    reply, interaction = await puppet.ask()
    await puppet.answer(interaction, 4, content="secret", flags=EPHEMERAL)
    message = (await reply).message
    assert message is not None
    path = f"/channels/{puppet.stage.hall.id}/messages/{message.id}"
    status, body = await puppet.api("PATCH", path, {"content": "x"})
    assert (status, body["code"]) == (404, 10008)
    path = f"/messages/{message.id}"
    status, _ = await puppet.webhook("PATCH", interaction, path, {"content": "changed"})
    assert (status, message.text) == (200, "changed")
    assert await puppet.webhook("DELETE", interaction, "/messages/@original") == (204, "")
    assert message.deleted
    status, body = await puppet.webhook("GET", interaction, "/messages/@original")
    assert (status, body["code"]) == (404, 10008)


async def test_thinking_answer_keeps_its_privacy_and_pings_nobody(puppet: Puppet) -> None:
    reply, interaction = await puppet.ask()
    await puppet.answer(interaction, 5, flags=EPHEMERAL)
    thinking = interaction.original
    assert thinking is not None
    assert "is thinking" in thinking.render()
    await puppet.webhook("POST", interaction, "", {"content": f"<@{puppet.stage.max.id}>"})
    assert (await reply).message is thinking
    assert thinking.ephemeral
    assert puppet.stage.max.notifications == []


async def test_followup_pings_users_by_default_and_roles_not(puppet: Puppet) -> None:
    _, interaction = await puppet.ask()
    await puppet.answer(interaction, 4, content="hi")
    stage = puppet.stage
    text = f"<@{stage.max.id}> <@&{stage.mods.id}> @everyone"
    await puppet.webhook("POST", interaction, "", {"content": text})
    assert len(stage.max.notifications) == 1
    assert stage.mia.notifications == []


async def test_click_in_direct_messages_comes_from_a_user(puppet: Puppet) -> None:
    stage = puppet.stage
    told: list[dict[str, Any]] = []
    _, channel = await puppet.api(
        "POST", "/users/@me/channels", {"recipient_id": str(stage.ana.id)}
    )
    row = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}
    path = f"/channels/{channel['id']}/messages"
    await puppet.api("POST", path, {"content": "Ready?", "components": [row]})
    message: Message = await stage.ana.wait_for_dm("Ready")
    stage.discord.world.listeners.append(lambda event: told.append(event.data))
    reply = asyncio.create_task(stage.ana.click(message, "Go"))
    await asyncio.sleep(0)
    assert told[-1]["user"]["id"] == str(stage.ana.id)
    assert "member" not in told[-1]
    assert "guild_id" not in told[-1]
    assert told[-1]["context"] == 1
    interaction = list(stage.discord.world.interactions.values())[-1]
    _, body = await puppet.answer(interaction, 7, content="Going", components=[])
    assert body["resource"]["message"]["id"] == str(message.id)
    assert (await reply).text == "Going"


async def test_answer_that_changes_later_can_be_waited_for(puppet: Puppet) -> None:
    waiting, interaction = await puppet.ask()
    await puppet.answer(interaction, 4, content="Working")
    reply = await waiting
    done = asyncio.create_task(reply.wait_for("Done"))
    await puppet.webhook("PATCH", interaction, "/messages/@original", {"content": "Done"})
    assert await done is reply.message
    with pytest.raises(Timeout, match="Done"):
        await reply.wait_for("Undone", 0.01)


async def test_silent_acknowledgement_with_no_effect_is_an_answer(puppet: Puppet) -> None:
    stage = puppet.stage
    row = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}
    await puppet.api("POST", f"/channels/{stage.hall.id}/messages", {"components": [row]})
    reply = asyncio.create_task(stage.ana.click(stage.hall.messages[0], "Go"))
    await asyncio.sleep(0)
    interaction = list(stage.discord.world.interactions.values())[-1]
    await puppet.answer(interaction, 6)
    answered = await reply
    assert not answered.failed
    assert answered.deferred
    assert answered.message is None


async def test_radio_and_checkboxes_of_a_modal(puppet: Puppet) -> None:
    options = [{"label": "Now", "value": "now"}, {"label": "Later", "value": "later"}]

    def label(text: str, field: dict[str, Any]) -> dict[str, Any]:
        return {"type": 18, "label": text, "component": field}

    reply, interaction = await puppet.ask()
    await puppet.answer(
        interaction,
        9,
        title="When",
        custom_id="when:x1",
        components=[
            {"type": 10, "content": "Choose well"},
            label("Time", {"type": 21, "custom_id": "time", "options": options}),
            label("Days", {"type": 22, "custom_id": "days", "options": options}),
            label("Sure", {"type": 23, "custom_id": "sure"}),
            label("Mod", {"type": 5, "custom_id": "mod", "required": False}),
        ],
    )
    modal = (await reply).modal
    assert modal is not None
    assert modal.text == "Choose well"
    given = {
        "Time": "Later",
        "Days": ["Now", "Later"],
        "Sure": True,
        "Mod": puppet.stage.max,
    }
    submitted = asyncio.create_task(puppet.stage.ana.submit(modal, given))
    await asyncio.sleep(0)
    interaction = list(puppet.stage.discord.world.interactions.values())[-1]
    text, *labels = interaction.data["components"]
    assert text == {"type": 10, "id": 1}
    fields = [each["component"] for each in labels]
    assert fields[0]["value"] == "later"
    assert fields[1]["values"] == ["now", "later"]
    assert fields[2]["value"] is True
    assert fields[3]["values"] == [str(puppet.stage.max.id)]
    assert str(puppet.stage.max.id) in interaction.data["resolved"]["users"]
    await puppet.answer(interaction, 4, content="Noted")
    assert (await submitted).text == "Noted"
