"""Everything that Discord refuses although its document, or discord.py, would let it through."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from bot.sandbox.discord import DiscordSandbox
from bot.sandbox.discord.errors import ApiError
from bot.sandbox.discord.form import Form
from bot.sandbox.discord.interactions import Interaction, InteractionType
from bot.sandbox.discord.messages import Message
from bot.sandbox.discord.posting import Draft, post
from bot.sandbox.discord.rules import Rules
from bot.sandbox.discord.rules_components import check_modal

Json = dict[str, Any]

V2 = 1 << 15
RULES = Rules(enabled=True)


def button(**changes: object) -> Json:
    return {"type": 2, "style": 1, "label": "Go", "custom_id": "go", **changes}


def row(*components: Json) -> Json:
    return {"type": 1, "components": list(components)}


def options(count: int, **changes: object) -> list[Json]:
    return [{"label": f"L{n}", "value": f"v{n}", **changes} for n in range(count)]


def select(count: int = 2, **changes: object) -> Json:
    return {"type": 3, "custom_id": "s", "options": options(count), **changes}


def text(content: str = "x") -> Json:
    return {"type": 10, "content": content}


def section(*inside: Json, **changes: object) -> Json:
    return {"type": 9, "components": list(inside), "accessory": button(), **changes}


def box(*inside: Json) -> Json:
    return {"type": 17, "components": list(inside)}


def v2(*components: Json, **changes: object) -> Json:
    return {"flags": V2, "components": list(components), **changes}


def classic(*components: Json) -> Json:
    return {"content": "x", "components": list(components)}


def embed(**changes: object) -> Json:
    return {"embeds": [{"title": "x", **changes}]}


LINK = {"type": 2, "style": 5, "label": "Go", "url": "https://steamcommunity.com"}
PICTURE = {"type": 11, "media": {"url": "https://example.com/1.png"}}

GOOD_MESSAGES: list[Json] = [
    {"content": "x" * 2000},
    classic(*(row(*(button(custom_id=f"{r}.{n}") for n in range(5))) for r in range(5))),
    classic(row(select(25, placeholder="p" * 150, max_values=25))),
    classic(row(LINK)),
    classic(row(button(label=None, emoji={"name": "✅"}))),
    v2(box(section(text(), accessory=PICTURE), row(button())), text("x" * 3999)),
    v2(*(text() for _ in range(40))),
    v2({"type": 12, "items": [{"media": {"url": "attachment://a.png"}}] * 10}),
    embed(description="x" * 4096),
    {"content": "x", "allowed_mentions": {"parse": ["roles"], "users": ["1"]}},
    {"content": "x", "nonce": "n" * 25, "enforce_nonce": True},
]

BAD_MESSAGES: list[tuple[str, Json]] = [
    ("content", {"content": "x" * 2001}),
    ("content", {"content": 5}),
    ("nonce", {"content": "x", "nonce": "n" * 26}),
    ("exclusive", {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}),
    ("unknown", {"content": "x", "allowed_mentions": {"parse": ["all"]}}),
    ("users", {"content": "x", "allowed_mentions": {"users": [str(n) for n in range(101)]}}),
    ("embeds", {"embeds": [{"title": "x"}] * 11}),
    ("title", embed(title="x" * 257)),
    ("description", embed(description="x" * 4097)),
    ("fields", embed(fields=[{"name": "n", "value": "v"}] * 26)),
    ("value", embed(fields=[{"name": "n", "value": " "}])),
    ("shows something", {"embeds": [{"color": 1}]}),
    ("Embed size", {"embeds": [{"description": "x" * 3001}] * 2}),
    ("components", classic(*(row(button(custom_id=str(n))) for n in range(6)))),
    ("between 1 and 5", classic(row(*(button(custom_id=str(n)) for n in range(6))))),
    ("between 1 and 5", classic(row())),
    ("row of its own", classic(row(select(), button()))),
    ("IS_COMPONENTS_V2", classic(text())),
    ("IS_COMPONENTS_V2", {"components": [box(text())]}),
    ("content", v2(text(), content="x")),
    ("embeds", v2(text(), embeds=[{"title": "x"}])),
    ("41 components", v2(*(text() for _ in range(41)))),
    ("41 components", v2(box(*(text() for _ in range(40))))),
    ("characters of text", v2(text("x" * 2001), box(text("x" * 2000)))),
    ("custom id duplicated", classic(row(button(), button(label="Other")))),
    ("component id duplicated", classic(row(button(id=4), button(custom_id="b", id=4)))),
    ("required", classic(row(button(custom_id=None)))),
    ("custom_id", classic(row(button(custom_id="x" * 101)))),
    ("label", classic(row(button(label="x" * 81)))),
    ("label or an emoji", classic(row(button(label=None)))),
    ("no custom id", classic(row(LINK | {"custom_id": "x"}))),
    ("scheme", classic(row(LINK | {"url": "javascript:alert(1)"}))),
    ("url", classic(row(LINK | {"url": "https://x.example/" + "x" * 512}))),
    ("only links", classic(row(button(url="https://x.example")))),
    ("options", classic(row(select(26)))),
    ("options", classic(row(select(0)))),
    ("value duplicated", classic(row(select(options=options(2, value="same"))))),
    ("label", classic(row(select(options=options(1, label="x" * 101))))),
    ("value", classic(row(select(options=options(1, value="x" * 101))))),
    ("description", classic(row(select(options=options(1, description="x" * 101))))),
    ("placeholder", classic(row(select(placeholder="x" * 151)))),
    ("min is above max", classic(row(select(min_values=2, max_values=1)))),
    ("more values than", classic(row(select(2, max_values=3)))),
    ("options are chosen", classic(row(select(options=options(2, default=True))))),
    ("between 1 and 3", v2(section(*(text() for _ in range(4))))),
    ("between 1 and 3", v2(section())),
    ("required", v2(section(text(), accessory=None))),
    ("accessory", v2(section(text(), accessory=select()))),
    ("cannot stand here", v2(section(button()))),
    ("cannot stand here", v2(box(box(text())))),
    ("cannot stand here", v2(button())),
    ("content", v2(text(""))),
    ("between 1 and 10", v2({"type": 12, "items": [{"media": {"url": "https://x.example"}}] * 11})),
    ("scheme", v2({"type": 12, "items": [{"media": {"url": "file:///etc/passwd"}}]})),
    ("description", v2(section(text(), accessory=PICTURE | {"description": "x" * 1025}))),
    ("accent_color", v2({"type": 17, "components": [text()], "accent_color": 1 << 24})),
    ("spacing", v2(text(), {"type": 14, "spacing": 3})),
]


@pytest.mark.parametrize("body", GOOD_MESSAGES)
def test_message_within_the_limits_passes(body: Json) -> None:
    RULES.check_new_message(Draft(body))


@pytest.mark.parametrize(("why", "body"), BAD_MESSAGES)
def test_message_that_breaks_a_rule_is_refused(why: str, body: Json) -> None:
    with pytest.raises(ApiError) as refused:
        RULES.check_new_message(Draft(body))
    assert (refused.value.status, refused.value.code) == (400, 50035)
    assert why in str(refused.value.errors)


@pytest.mark.parametrize("body", [{}, {"content": "  "}, {"embeds": []}, {"flags": V2}])
def test_empty_message_is_refused(body: Json) -> None:
    with pytest.raises(ApiError) as refused:
        RULES.check_new_message(Draft(body))
    assert (refused.value.status, refused.value.code) == (400, 50006)


class TestEdits:
    """What counts is what the message becomes."""

    @pytest.fixture
    def plain(self) -> Message:
        channel = DiscordSandbox().add_guild("G").add_channel("c")
        return post(channel, Draft({"content": "x"}))

    def test_flag_with_content_left_is_refused(self, plain: Message) -> None:
        with pytest.raises(ApiError):
            RULES.check_edit(Draft(v2(text())), plain)
        RULES.check_edit(Draft(v2(text(), content=None)), plain)

    def test_content_cannot_come_to_a_v2_message(self, plain: Message) -> None:
        card = post(plain.channel, Draft(v2(text())))
        with pytest.raises(ApiError):
            RULES.check_edit(Draft({"content": "x"}), card)
        RULES.check_edit(Draft({"components": [text("new")]}), card)

    def test_nothing_left_is_refused(self, plain: Message) -> None:
        with pytest.raises(ApiError) as refused:
            RULES.check_edit(Draft({"content": ""}), plain)
        assert refused.value.code == 50006


def interaction(kind: InteractionType) -> Interaction:
    discord = DiscordSandbox()
    guild = discord.add_guild("G")
    member = guild.add_member("Ana")
    return Interaction(1, kind, member.user, guild.add_channel("c"), {})


def modal(*components: Json, **changes: object) -> Json:
    return {"title": "T", "custom_id": "m", "components": list(components), **changes}


def label(field: Json, **changes: object) -> Json:
    return {"type": 18, "label": "L", "component": field, **changes}


def text_input(**changes: object) -> Json:
    return {"type": 4, "style": 1, "custom_id": "t", **changes}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (InteractionType.COMMAND, {"type": 6}),
        (InteractionType.COMMAND, {"type": 7, "data": {"content": "x"}}),
        (InteractionType.COMMAND, {"type": 8, "data": {"choices": []}}),
        (InteractionType.COMMAND, {"type": 12}),
        (InteractionType.COMMAND, {}),
        (InteractionType.COMMAND, None),
        (InteractionType.COMMAND, {"type": 5, "data": {"flags": V2}}),
        (InteractionType.COMMAND, {"type": 4, "data": {"content": "x" * 2001}}),
        (InteractionType.AUTOCOMPLETE, {"type": 4, "data": {"content": "x"}}),
        (InteractionType.MODAL_SUBMIT, {"type": 9, "data": modal(label(text_input()))}),
        (
            InteractionType.AUTOCOMPLETE,
            {"type": 8, "data": {"choices": [{"name": "n", "value": "v"}] * 26}},
        ),
        (
            InteractionType.AUTOCOMPLETE,
            {"type": 8, "data": {"choices": [{"name": "n" * 101, "value": "v"}]}},
        ),
        (
            InteractionType.AUTOCOMPLETE,
            {"type": 8, "data": {"choices": [{"name": "n", "value": "v" * 101}]}},
        ),
        (
            InteractionType.AUTOCOMPLETE,
            {"type": 8, "data": {"choices": [{"name": "n", "value": 1 << 60}]}},
        ),
    ],
)
def test_answer_that_does_not_fit_is_refused(kind: InteractionType, body: Json | None) -> None:
    with pytest.raises(ApiError):
        RULES.check_callback(body, [], interaction(kind))


@pytest.mark.parametrize(
    ("why", "body"),
    [
        ("title", modal(label(text_input()), title="x" * 46)),
        ("custom_id", modal(label(text_input()), custom_id="x" * 101)),
        ("components", modal(*(label(text_input(custom_id=str(n))) for n in range(6)))),
        ("components", modal()),
        ("label", modal(label(text_input(), label="x" * 46))),
        ("description", modal(label(text_input(), description="x" * 101))),
        ("label needs a field", modal(label(button()))),
        ("cannot stand in a modal", modal(section(text()))),
        ("label has the text", modal(label(text_input(label="again")))),
        ("style", modal(label(text_input(style=3)))),
        ("max_length", modal(label(text_input(max_length=4001)))),
        ("min is above max", modal(label(text_input(min_length=9, max_length=3)))),
        ("value", modal(label(text_input(value="x" * 11, max_length=10)))),
        ("placeholder", modal(label(text_input(placeholder="x" * 101)))),
        ("disabled", modal(label(select(disabled=True)))),
        ("options", modal(label({"type": 21, "custom_id": "r", "options": options(1)}))),
        ("options", modal(label({"type": 22, "custom_id": "c", "options": options(11)}))),
        ("max_values", modal(label({"type": 19, "custom_id": "f", "max_values": 11}))),
        ("custom id duplicated", modal(label(text_input()), label(text_input()))),
        ("one text input", modal(row(button()))),
        ("label", modal(row(text_input()))),
    ],
)
def test_modal_that_breaks_a_rule_is_refused(why: str, body: Json) -> None:
    form = Form()
    check_modal(form, body)
    with pytest.raises(ApiError) as refused:
        form.finish()
    assert why in str(refused.value.errors)


def command(**changes: object) -> Json:
    return {"name": "ask", "description": "Ask", "type": 1, **changes}


def option(**changes: object) -> Json:
    return {"name": "item", "description": "A skin", "type": 3, **changes}


def with_options(*given: Json) -> list[Json]:
    return [command(options=list(given))]


GROUP = {"name": "g", "description": "d", "type": 2}
SUBCOMMAND = {"name": "s", "description": "d", "type": 1}


@pytest.mark.parametrize(
    "commands",
    [
        [command()],
        [command(name="my-requests")],
        [command(name="żądaj")],
        [command(type=3, name="Report Message", description="")],
        with_options(option(required=True), option(name="more")),
        with_options(GROUP | {"options": [SUBCOMMAND]}),
    ],
)
def test_good_commands_pass(commands: list[Json]) -> None:
    RULES.check_commands(commands)


@pytest.mark.parametrize(
    ("why", "commands"),
    [
        ("INVALID_NAME", [command(name="Ask")]),
        ("INVALID_NAME", [command(name="ask for")]),
        ("INVALID_NAME", [command(name_localizations={"pl": "Żądaj"})]),
        ("name", [command(name="x" * 33)]),
        ("description", [command(description="")]),
        ("description", [command(description="x" * 101)]),
        ("description", [command(type=2, description="x")]),
        ("duplicated", [command(), command()]),
        ("TOO_MANY", [command(name=f"c{n}") for n in range(101)]),
        ("options", with_options(*(option(name=f"o{n}") for n in range(26)))),
        ("duplicated", with_options(option(), option())),
        ("before optional", with_options(option(), option(name="more", required=True))),
        ("do not mix", with_options(option(), SUBCOMMAND)),
        ("nested too deep", with_options(SUBCOMMAND | {"options": [GROUP]})),
        (
            "choices",
            with_options(option(choices=[{"name": f"{n}", "value": "v"} for n in range(26)])),
        ),
        ("duplicated", with_options(option(choices=[{"name": "n", "value": "v"}] * 2))),
        ("name", with_options(option(choices=[{"name": "n" * 101, "value": "v"}]))),
        ("value", with_options(option(choices=[{"name": "n", "value": True}]))),
        ("exclude", with_options(option(autocomplete=True, choices=[{"name": "n", "value": "v"}]))),
        ("max_length", with_options(option(max_length=6001))),
        (
            "8000",
            with_options(
                *(
                    option(
                        name=f"o{n}",
                        choices=[{"name": f"{c}" + "x" * 90, "value": "x" * 90} for c in range(25)],
                    )
                    for n in range(2)
                )
            ),
        ),
    ],
)
def test_commands_that_break_a_rule_are_refused(why: str, commands: list[Json]) -> None:
    with pytest.raises(ApiError) as refused:
        RULES.check_commands(commands)
    assert why in str(refused.value.errors)


async def test_refusal_is_answered_and_remembered() -> None:
    async with DiscordSandbox() as discord, aiohttp.ClientSession() as session:
        hall = discord.add_guild("G").add_channel("hall")
        environment = discord.environment()
        url = f"{environment['DISCORD_API_URL']}/channels/{hall.id}/messages"
        headers = {"Authorization": f"Bot {environment['DISCORD_TOKEN']}"}
        for body in ({"content": "x" * 2001}, {"content": ""}):
            async with session.post(url, json=body, headers=headers) as response:
                assert response.status == 400
        async with session.post(url, data="{", headers=headers) as response:
            assert (await response.json())["code"] == 50109
        async with session.get(url + "/pins/none/such", headers=headers) as response:
            assert response.status == 404
        async with session.get(url) as response:
            assert response.status == 401
        assert len(discord.violations) == 4
        assert "Must be between 0 and 2000" in str(discord.violations[0])
        assert hall.messages == []


async def test_checks_can_be_switched_off_for_a_benchmark() -> None:
    rules = Rules(enabled=False)
    rules.check_new_message(Draft({"content": "x" * 2001}))
    rules.check_commands([{}])
    rules.check_callback({}, [], interaction(InteractionType.COMMAND))
