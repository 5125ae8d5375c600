"""What goes wrong inside: everyone is answered, once, in words, and the log has the rest."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
import pytest_asyncio

from bot.sandbox.discord import Drop, DropAfter, Member, Reply
from bot.sandbox.discord.interactions import InteractionType
from tests.e2e.screens import CASE, answered_twice, forge, open_basket, open_line, put, unanswered
from tests.e2e.world import REDLINE, World, button_id, shown

pytestmark = pytest.mark.asyncio(loop_scope="module")

REFERENCE = re.compile(r"give a moderator this reference: ([A-Z2-9]{5})")


@pytest_asyncio.fixture(loop_scope="module")
async def bea(shared_world: World) -> AsyncGenerator[Member]:
    """Someone new; whatever happens, she is answered."""
    yield shared_world.guild.add_member("Bea")
    assert unanswered(shared_world.discord) == []
    assert shared_world.discord.violations == []


@contextmanager
def broken(world: World, table: str) -> Generator[None]:
    """Take a table away from the running bot, as a corrupt disk or a bad migration would."""
    world.change(f"ALTER TABLE {table} RENAME TO {table}_away")
    try:
        yield
    finally:
        world.change(f"ALTER TABLE {table}_away RENAME TO {table}")


def assert_reported(world: World, reply: Reply, kind: str) -> None:
    """Hold the answer to a reference that stands in the log with its traceback, and to no more."""
    found = REFERENCE.search(reply.text)
    assert found, (kind, reply.text)
    assert reply.ephemeral
    for inner in ("table", "picks", "sqlite", "Error", "Traceback"):
        assert inner not in reply.text, kind
    logged = world.bot.log()
    assert f"Reference {found[1]}: interaction {reply.interaction.id}" in logged
    after = logged.partition(f"Reference {found[1]}")[2]
    assert "Traceback (most recent call last)" in after
    assert "no such table" in after


async def test_error_when_unexpected_then_a_reference_is_shown_and_the_log_has_the_traceback(
    shared_world: World, bea: Member
) -> None:
    """In a command, a button, a select and a modal; everything works again afterwards."""
    world = shared_world
    basket = await put(world, bea, CASE)
    more = shown(await bea.click(await open_basket(world, bea), "More"))
    note = await bea.click(more, "Note")
    cleo = world.guild.add_member("Cleo")
    card = await world.submit(cleo, (REDLINE, 1))
    with broken(world, "picks"):
        replies = {
            "command": await bea.slash("request", channel=world.hall),
            "command with a skin": await bea.slash("request", channel=world.hall, item=CASE),
            "button": await bea.click(basket, "More"),
            "button that opens a modal": await bea.click(basket, "Add skins"),
            "select": await bea.select(basket, "Change or remove", [CASE]),
            "modal": await bea.submit(note.modal, {"Note (optional)": "late"}),
        }
        for kind, reply in replies.items():
            assert_reported(world, reply, kind)
    assert len({REFERENCE.findall(reply.text)[0] for reply in replies.values()}) == len(replies)
    with broken(world, "events"):
        reply = await world.max.click(card, "Approve")
        assert_reported(world, reply, "approve")
    rows = world.rows("SELECT state FROM requests WHERE user_id = ?", cleo.id)
    assert rows == [{"state": "pending"}], "half an approval is none"
    reply = await bea.submit(note.modal, {"Note (optional)": "in time"})
    assert "Note: in time" in reply.text
    reply = await world.max.click(card, "Approve")
    assert "is approved" in reply.text
    assert answered_twice(world.discord) == []


async def test_autocomplete_when_it_fails_then_it_suggests_nothing_and_the_log_has_the_traceback(
    shared_world: World, bea: Member
) -> None:
    """There is nowhere to show a reference while somebody types."""
    command = shared_world.discord.commands["request"]
    options = [{"name": "item", "type": 3, "value": ["no text"], "focused": True}]
    data: dict[str, Any] = {
        "id": command["id"], "name": "request", "type": 1, "options": options
    }  # fmt: skip
    interaction = bea._act(InteractionType.AUTOCOMPLETE, shared_world.hall, data)
    reply = await interaction.settle(5)
    assert not reply.failed
    assert interaction.choices == []
    assert "Autocomplete failed." in shared_world.bot.log()


async def test_command_when_it_no_longer_exists_then_a_sentence_says_so(
    shared_world: World, bea: Member
) -> None:
    """Discord's clients keep old commands for a while; the same for their autocomplete."""
    old = {
        "id": "1", "application_id": "1", "version": "1", "type": 1, "name": "give",
        "description": "What an older version had",
        "options": [
            {"type": 3, "name": "skin", "description": "…", "required": False, "autocomplete": True}
        ],
    }  # fmt: skip
    shared_world.discord.world.global_commands.append(old)
    try:
        reply = await bea.slash("give", channel=shared_world.hall, skin="x")
        assert "This is out of date, and nothing was changed." in reply.text
        assert await bea.autocomplete("give", "skin", "x", channel=shared_world.hall) == []
    finally:
        shared_world.discord.world.global_commands.remove(old)


async def test_command_when_its_options_are_those_of_another_version_then_a_sentence_says_so(
    shared_world: World, bea: Member
) -> None:
    """A number out of range, or text where a number stands now: no fault of ours, no reference."""
    options = shared_world.discord.commands["request"]["options"]
    quantity = next(option for option in options if option["name"] == "quantity")
    before = dict(quantity)
    try:
        quantity["max_value"] = 1000
        screen = await put(shared_world, bea, CASE, quantity=999)
        assert "I can't take “999” as a number of skins." in screen.text
        quantity["type"] = 3
        screen = await put(shared_world, bea, CASE, quantity="many")
        assert "I can't take “many” as a number of skins." in screen.text
    finally:
        quantity |= before


def _of(basket: str, verb: str) -> str:
    return basket.replace(":more", f":{verb}")


GARBAGE: list[Callable[[str], str]] = [
    lambda _: "x",
    lambda _: "garbage",
    lambda _: "approve",
    lambda _: "req2:aaaaaaaaaaaaaaaaaaaa:0123456789abcdef:approve",
    lambda _: "req1:aaaaaaaaaaaaaaaaaaaa:0123456789abcdef:explode",
    lambda _: "req1:aaaaaaaaaaaaaaaaaaaa:0123456789abcdef:cancel",
    lambda _: "req1:-:-:deny_reason",
    lambda _: "req1:aaaaaaaaaaaaaaaaaaaa:0123456789abcdef:approve:" + "9" * 40,
    lambda _: "url1:-:-:yes:basket",
    lambda _: "url1:-:-:back",
    lambda _: "pan1:-:-:show",
    lambda _: "set1:-:-:approver",
    lambda _: "ünï1:-:-:cöde",
    lambda _: "'; DROP TABLE requests; --",
    lambda _: "x" * 100,
    lambda basket: _of(basket, "line"),
    lambda basket: _of(basket, "choose:" + "9" * 20),
    lambda basket: _of(basket, "choose:1." + "9" * 25),
    lambda basket: _of(basket, "page:" + "9" * 30),
    lambda basket: _of(basket, "plus:" + "9" * 30),
    lambda basket: _of(basket, "ceiling:9.z"),
    lambda basket: _of(basket, "set_ceiling"),
    lambda basket: _of(basket, "set_note"),
    lambda basket: _of(basket, "add_pick"),
]


async def test_button_when_nobody_knows_its_id_then_a_sentence_answers_it(
    shared_world: World, bea: Member
) -> None:
    """Of an older version, of a newer one, of nobody: never silence, never a fault."""
    for garbage in GARBAGE:
        basket = await open_basket(shared_world, bea)
        custom_id = forge(basket, garbage(button_id(basket, ":more")), button=2)
        reply = await bea.click(basket, custom_id=custom_id)
        assert reply.text, custom_id
        assert not REFERENCE.search(reply.text), (custom_id, reply.text)
    assert shared_world.rows("SELECT count(*) AS n FROM picks WHERE 0") == [{"n": 0}]


async def test_answer_when_it_is_lost_after_the_deed_then_the_deed_is_kept_and_it_is_said(
    shared_world: World, bea: Member
) -> None:
    """What was approved is approved; nobody is left with "is thinking"."""
    world = shared_world
    card = await world.submit(bea, (REDLINE, 1))
    world.discord.faults.add(Drop(), method="PATCH", path=r"/webhooks/.+/@original$", times=1)
    reply = await world.max.click(card, "Approve")
    assert "What was sent or approved before is kept" in reply.text
    await card.wait_for("1 skin bought")
    world.discord.faults.add(DropAfter(), method="PATCH", path=r"/webhooks/.+/@original$", times=1)
    reply = await world.max.click(card, "Details")
    assert "Steam account:" in reply.text
    assert REFERENCE.search((await reply.wait_for_followup("Something went wrong")).text)


async def test_line_screen_when_its_skin_was_removed_elsewhere_then_the_basket_is_shown(
    shared_world: World, bea: Member
) -> None:
    """A select of an older copy names a row that is gone."""
    old = await put(shared_world, bea, CASE)
    line = await open_line(bea, await open_basket(shared_world, bea), CASE)
    await bea.click(line, "Remove")
    reply = await bea.select(old, "Change or remove", [CASE])
    assert "This is an old copy of your basket, so the tap did nothing." in reply.text
    assert "Your basket is empty" in reply.text
