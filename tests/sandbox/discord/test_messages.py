"""The REST side without a bot: messages, permissions, nonces, ages, pings."""

from __future__ import annotations

import aiohttp
import pytest

from bot.sandbox.discord import Channel, Mentions
from bot.sandbox.discord.permissions import Permission
from tests.sandbox.discord.conftest import Api, Stage

BUTTON = {"type": 2, "style": 1, "label": "Go", "custom_id": "go"}
V2 = 1 << 15


def messages_of(channel: Channel) -> str:
    """Return the path of a channel's messages."""
    return f"/channels/{channel.id}/messages"


async def test_component_ids_are_kept_and_given(stage: Stage, api: Api) -> None:
    row = {"type": 1, "components": [BUTTON | {"id": 2_000_000_001}]}
    status, body = await api("POST", messages_of(stage.hall), {"components": [row]})
    assert status == 200
    assert body["components"][0]["id"] == 1
    assert body["components"][0]["components"][0]["id"] == 2_000_000_001
    _, listed = await api("GET", messages_of(stage.hall))
    assert listed[0]["components"] == body["components"]


async def test_repeated_nonce_returns_the_first_message(stage: Stage, api: Api) -> None:
    draft = {"content": "once", "nonce": "o1", "enforce_nonce": True}
    _, first = await api("POST", messages_of(stage.hall), draft)
    _, again = await api("POST", messages_of(stage.hall), {**draft, "content": "twice"})
    assert (again["id"], again["content"], again["nonce"]) == (first["id"], "once", "o1")
    _, elsewhere = await api("POST", messages_of(stage.approvals), draft)
    assert elsewhere["id"] != first["id"]
    _, listed = await api("GET", messages_of(stage.hall))
    assert len(listed) == 1
    assert "nonce" not in listed[0]
    stage.discord.advance(181)
    _, later = await api("POST", messages_of(stage.hall), draft)
    assert later["id"] != first["id"]


async def test_nonce_counts_only_when_enforced(stage: Stage, api: Api) -> None:
    for _ in range(2):
        await api("POST", messages_of(stage.hall), {"content": "x", "nonce": "o1"})
    assert len(stage.hall.messages) == 2


async def test_pages_of_messages(stage: Stage, api: Api) -> None:
    for number in range(5):
        await api("POST", messages_of(stage.hall), {"content": str(number)})
    ids = [str(message.id) for message in stage.hall.messages]

    async def page(**query: str) -> str:
        _, listed = await api("GET", messages_of(stage.hall), **query)
        return "".join(message["content"] for message in listed)

    assert await page() == "43210"
    assert await page(limit="2") == "43"
    assert await page(before=ids[3], limit="2") == "21"
    assert await page(after=ids[1], limit="2") == "32"
    assert await page(around=ids[2], limit="3") == "321"


@pytest.mark.parametrize(
    ("denied", "method", "expected"),
    [
        ("VIEW_CHANNEL", "POST", (403, 50001)),
        ("VIEW_CHANNEL", "GET", (403, 50001)),
        ("SEND_MESSAGES", "POST", (403, 50013)),
    ],
)
async def test_missing_permissions_are_refused(
    stage: Stage, api: Api, denied: str, method: str, expected: tuple[int, int]
) -> None:
    stage.hall.deny_bot(denied)
    body = {"content": "x"} if method == "POST" else None
    status, answer = await api(method, messages_of(stage.hall), body)
    assert (status, answer["code"]) == expected
    stage.hall.allow_bot(denied)
    status, _ = await api(method, messages_of(stage.hall), body)
    assert status == 200


async def test_history_without_its_permission_is_empty(stage: Stage, api: Api) -> None:
    _, posted = await api("POST", messages_of(stage.hall), {"content": "x"})
    stage.hall.deny_bot("READ_MESSAGE_HISTORY")
    assert await api("GET", messages_of(stage.hall)) == (200, [])
    status, answer = await api("GET", f"{messages_of(stage.hall)}/{posted['id']}")
    assert (status, answer["code"]) == (403, 50013)


async def test_embeds_and_roles_of_the_bot_count(stage: Stage, api: Api) -> None:
    stage.guild.bot_role.deny("EMBED_LINKS")
    for role in (stage.guild.everyone,):
        role.deny("EMBED_LINKS")
    status, answer = await api("POST", messages_of(stage.hall), {"embeds": [{"title": "x"}]})
    assert (status, answer["code"]) == (403, 50013)


async def test_what_does_not_exist(stage: Stage, api: Api) -> None:
    gone = stage.guild.add_channel("gone")
    gone.delete()
    stage.ana.leave()
    answers = [
        await api("GET", f"/channels/{gone.id}"),
        await api("GET", f"{messages_of(stage.hall)}/123"),
        await api("GET", f"/guilds/{stage.guild.id}/members/{stage.ana.id}"),
        await api("GET", "/guilds/123"),
        await api("GET", "/users/123"),
    ]
    assert [(status, body["code"]) for status, body in answers] == [
        (404, 10003),
        (404, 10008),
        (404, 10007),
        (404, 10004),
        (404, 10013),
    ]


async def test_direct_messages_need_a_common_guild(stage: Stage, api: Api) -> None:
    _, channel = await api("POST", "/users/@me/channels", {"recipient_id": str(stage.ana.id)})
    path = f"/channels/{channel['id']}/messages"
    assert (await api("POST", path, {"content": "hi"}))[0] == 200
    stage.ana.leave()
    status, answer = await api("POST", path, {"content": "still there?"})
    assert (status, answer["code"]) == (403, 50278)
    status, answer = await api("POST", "/users/@me/channels", {"recipient_id": "123"})
    assert (status, answer["code"]) == (400, 50033)


async def test_stranger_gets_no_direct_messages(stage: Stage, api: Api) -> None:
    stranger = stage.discord.add_user("Stranger")
    path = messages_of(stranger.dm_channel)
    status, answer = await api("POST", path, {"content": "hello"})
    assert (status, answer["code"]) == (403, 50278)
    stage.guild.add_member(stranger)
    assert (await api("POST", path, {"content": "hello"}))[0] == 200
    assert [message.text for message in stranger.dms] == ["hello"]


async def test_old_messages_take_three_edits_in_six_seconds(stage: Stage, api: Api) -> None:
    _, posted = await api("POST", messages_of(stage.hall), {"content": "old"})
    path = f"{messages_of(stage.hall)}/{posted['id']}"
    stage.discord.advance(3601)
    statuses = [(await api("PATCH", path, {"content": str(n)}))[0] for n in range(3)]
    status, answer = await api("PATCH", path, {"content": "4"})
    assert statuses == [200, 200, 200]
    assert (status, answer["code"]) == (429, 30046)
    assert 0 < answer["retry_after"] <= 6
    stage.discord.advance(6.1)
    assert (await api("PATCH", path, {"content": "4"}))[0] == 200


async def test_removed_bot_reaches_nothing(stage: Stage, api: Api) -> None:
    stage.guild.remove_bot()
    answers = [
        await api("GET", f"/guilds/{stage.guild.id}"),
        await api("POST", messages_of(stage.hall), {"content": "x"}),
    ]
    assert [(status, body["code"]) for status, body in answers] == [(403, 50001)] * 2


async def test_only_own_messages_are_edited(stage: Stage, api: Api) -> None:
    theirs = stage.ana.say("my words", channel=stage.hall)
    path = f"{messages_of(stage.hall)}/{theirs.id}"
    status, answer = await api("PATCH", path, {"content": "x"})
    assert (status, answer["code"]) == (403, 50005)
    status, answer = await api("DELETE", path)
    assert (status, answer["code"]) == (403, 50013)
    stage.guild.bot_role.allow("MANAGE_MESSAGES")
    assert await api("DELETE", path) == (204, "")
    assert theirs.deleted


async def test_files_come_with_the_message(stage: Stage, api: Api) -> None:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("payload_json", '{"content": "look", "attachments": [{"id": 0}]}')
    form.add_field("files[0]", b"a,b", filename="books.csv", content_type="text/csv")
    async with api.session.post(api.base + messages_of(stage.hall), data=form) as response:
        body = await response.json()
    assert body["attachments"][0]["filename"] == "books.csv"
    assert "[file books.csv]" in stage.hall.messages[0].render()


async def test_v2_flag_comes_with_an_edit_that_clears_the_content(stage: Stage, api: Api) -> None:
    _, posted = await api("POST", messages_of(stage.hall), {"content": "wait"})
    text = [{"type": 10, "content": "done"}]
    body = {"content": None, "flags": V2, "components": text}
    status, _ = await api("PATCH", f"{messages_of(stage.hall)}/{posted['id']}", body)
    assert status == 200
    assert stage.hall.messages[0].is_v2
    assert stage.hall.messages[0].text == "done"


class TestPings:
    """Who is really told: the parsing itself is in ``test_mentions``."""

    async def test_plain_message_pings_whoever_it_mentions(self, stage: Stage, api: Api) -> None:
        await api("POST", messages_of(stage.hall), {"content": f"<@{stage.ana.id}> look"})
        message = stage.hall.messages[-1]
        assert message.mentions_pinged == Mentions(users=frozenset({stage.ana.id}))
        assert message.pinged(stage.ana)
        assert not message.pinged(stage.max)
        assert stage.ana.notifications[0].preview == "@Ana look"

    async def test_who_does_not_see_the_channel_is_not_told(self, stage: Stage, api: Api) -> None:
        await api("POST", messages_of(stage.approvals), {"content": f"<@{stage.ana.id}>"})
        assert stage.ana.notifications == []
        assert not stage.approvals.messages[-1].mentions_pinged

    async def test_role_is_pinged_only_if_mentionable_or_allowed(
        self, stage: Stage, api: Api
    ) -> None:
        stage.guild.everyone.deny("MENTION_EVERYONE")
        draft = {"content": f"<@&{stage.mods.id}> @everyone"}
        await api("POST", messages_of(stage.approvals), draft)
        assert stage.max.notifications == []
        stage.mods.make_mentionable()
        await api("POST", messages_of(stage.approvals), draft)
        pinged = stage.approvals.messages[-1].mentions_pinged
        assert pinged == Mentions(roles=frozenset({stage.mods.id}))
        assert len(stage.max.notifications) == len(stage.mia.notifications) == 1
        assert stage.ana.notifications == []

    async def test_edit_never_pings_but_is_parsed(self, stage: Stage, api: Api) -> None:
        _, posted = await api("POST", messages_of(stage.hall), {"content": "soon"})
        path = f"{messages_of(stage.hall)}/{posted['id']}"
        await api("PATCH", path, {"content": f"<@{stage.ana.id}>"})
        message = stage.hall.messages[-1]
        assert stage.ana.notifications == []
        assert message.mentions == Mentions(users=frozenset({stage.ana.id}))
        assert not message.mentions_pinged

    async def test_v2_message_pings_with_an_empty_preview(self, stage: Stage, api: Api) -> None:
        text = {"type": 10, "content": f"<@{stage.ana.id}>"}
        body = {"flags": V2, "components": [{"type": 17, "components": [text]}]}
        await api("POST", messages_of(stage.hall), body)
        assert [told.preview for told in stage.ana.notifications] == [""]

    async def test_silent_message_and_embeds_tell_nobody(self, stage: Stage, api: Api) -> None:
        mention = f"<@{stage.ana.id}>"
        await api("POST", messages_of(stage.hall), {"content": mention, "flags": 1 << 12})
        await api("POST", messages_of(stage.hall), {"embeds": [{"title": mention}]})
        assert stage.ana.notifications == []


def test_overwrites_apply_in_discords_order(stage: Stage) -> None:
    hall, ana = stage.hall, stage.ana.user
    hall.deny(stage.guild.everyone, "SEND_MESSAGES")
    assert Permission.SEND_MESSAGES not in hall.permissions_of(ana)
    assert Permission.EMBED_LINKS not in hall.permissions_of(ana)
    stage.ana.add_role(stage.mods)
    hall.allow(stage.mods, "SEND_MESSAGES")
    assert Permission.SEND_MESSAGES in hall.permissions_of(ana)
    hall.deny(stage.ana, "SEND_MESSAGES")
    assert Permission.SEND_MESSAGES not in hall.permissions_of(ana)
    assert Permission.SEND_MESSAGES in hall.permissions_of(stage.olga.user)
    stage.ana.remove_role(stage.mods)
    assert Permission.VIEW_CHANNEL not in stage.approvals.permissions_of(ana)
