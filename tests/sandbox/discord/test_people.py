"""The real discord.py bot, used by people."""

from __future__ import annotations

import asyncio

import pytest

from bot.sandbox.discord import SandboxError, Timeout
from bot.sandbox.discord.messages import Message
from tests.sandbox.discord.conftest import Stage
from tests.sandbox.discord.samplebot import SKINS, SampleBot


async def posted_card(stage: Stage, note: str = "") -> Message:
    """Let a moderator post a card, and return it."""
    reply = await stage.max.slash("post", channel=stage.approvals, note=note)
    assert reply.text.startswith("Posted")
    return stage.approvals.messages[-1]


async def test_slash_command_is_answered_only_to_who_used_it(stage: Stage, bot: SampleBot) -> None:
    reply = await stage.ana.slash("request", channel=stage.hall, item=SKINS[0], quantity=2)
    assert reply.text == f"2 × {SKINS[0]}"
    assert reply.ephemeral
    assert not reply.deferred
    assert reply.latency is not None
    assert reply.latency < 1
    assert stage.hall.messages == []
    assert stage.hall.seen_by(stage.ana) == [reply.message]
    assert stage.hall.seen_by(stage.max) == []


async def test_option_that_discord_would_not_let_through_is_an_error(
    stage: Stage, bot: SampleBot
) -> None:
    for given in (
        {},
        {"item": 3},
        {"item": "x", "quantity": 26},
        {"item": "x", "quantity": True},
        {"item": "x", "colour": "red"},
    ):
        with pytest.raises(SandboxError):
            await stage.ana.slash("request", channel=stage.hall, given=given)
    assert not stage.discord.world.interactions


async def test_command_that_is_not_offered_is_an_error(stage: Stage, bot: SampleBot) -> None:
    with pytest.raises(SandboxError, match="direct messages"):
        await stage.ana.user.slash("request", item="x")
    with pytest.raises(SandboxError, match="permissions missing"):
        await stage.ana.slash("say-to", channel=stage.hall, user=stage.max, text="hi")
    with pytest.raises(SandboxError, match="does not see"):
        await stage.ana.slash("post", channel=stage.approvals)
    with pytest.raises(SandboxError, match="no command"):
        await stage.ana.slash("buy")


async def test_autocomplete_suggests_and_its_choice_can_be_used(
    stage: Stage, bot: SampleBot
) -> None:
    choices = await stage.ana.autocomplete("request", "item", "REDL", channel=stage.hall)
    assert [choice.name for choice in choices] == [SKINS[0]]
    reply = await stage.ana.slash("request", channel=stage.hall, item=choices[0])
    assert reply.text == f"1 × {SKINS[0]}"


async def test_subcommand_is_found_by_its_words(stage: Stage, bot: SampleBot) -> None:
    reply = await stage.ana.slash("settings pause", channel=stage.hall, minutes=5)
    assert reply.text == "Paused for 5"
    assert stage.hall.messages == [reply.message]
    with pytest.raises(SandboxError, match="needs a subcommand"):
        await stage.ana.slash("settings", channel=stage.hall)


async def test_deferred_answer_is_waited_for(stage: Stage, bot: SampleBot) -> None:
    reply = await stage.max.slash("post", channel=stage.approvals)
    assert reply.deferred
    assert reply.text.startswith("Posted ")
    assert reply.message is not None
    assert reply.message.edited_at is None


async def test_first_followup_takes_the_place_of_the_thinking_answer(
    stage: Stage, bot: SampleBot
) -> None:
    reply = await stage.ana.slash("twice", channel=stage.hall)
    assert reply.text == "first"
    assert reply.ephemeral
    second = await reply.wait_for_followup("second")
    assert second.ephemeral
    assert stage.hall.seen_by(stage.ana) == [reply.message, second]


async def test_card_is_drawn_as_people_see_it(stage: Stage, bot: SampleBot) -> None:
    card = await posted_card(stage, f"for {stage.ana.mention} </request:1>")
    assert card.is_v2
    assert card.render().splitlines() == [
        "Quartermaster",
        "┃ Request 7: 1 skin" + " " * 50 + "[picture]",
        "┃ for @Ana /request",
        "┃ [Approve $12.40] [Deny] (Closed) [Steam ↗]",
    ]
    assert card.text == "Request 7: 1 skin\nfor @Ana /request"
    assert card.mentions_pinged.users == frozenset()


async def test_click_changes_the_card_and_knows_the_roles(stage: Stage, bot: SampleBot) -> None:
    card = await posted_card(stage)
    reply = await stage.max.click(card, "Approve")
    assert reply.message is card
    assert card.text == "Request 7: approved"
    assert [version.text for version in card.versions] == [
        "Request 7: 1 skin",
        "Request 7: approved",
    ]
    assert len(card.edits) == 1
    assert stage.mods.id in bot.seen_roles


async def test_two_clicks_at_once_have_one_winner(stage: Stage, bot: SampleBot) -> None:
    card = await posted_card(stage)
    replies = await asyncio.gather(
        stage.max.click(card, "Approve"), stage.mia.click(card, "Approve")
    )
    assert sorted(reply.text for reply in replies) == ["Already decided.", "Request 7: approved"]


async def test_button_that_nobody_could_press_is_an_error(stage: Stage, bot: SampleBot) -> None:
    card = await posted_card(stage)
    with pytest.raises(SandboxError, match="disabled"):
        await stage.max.click(card, "Closed")
    with pytest.raises(SandboxError, match="opens https"):
        await stage.max.click(card, "Steam")
    with pytest.raises(SandboxError, match="no button"):
        await stage.max.click(card, "Buy")
    with pytest.raises(SandboxError, match="more than one"):
        await stage.max.click(card, "")
    with pytest.raises(SandboxError, match="does not see"):
        await stage.ana.click(card, "Deny")
    assert bot.clicks == []


async def test_ephemeral_message_can_be_clicked_only_by_its_reader(
    stage: Stage, bot: SampleBot
) -> None:
    reply = await stage.ana.slash("choose", channel=stage.hall)
    with pytest.raises(SandboxError, match="does not see"):
        await stage.olga.select(reply.message, "Pick", [SKINS[0]])


async def test_answer_without_a_message_has_no_buttons(stage: Stage, bot: SampleBot) -> None:
    with pytest.raises(SandboxError, match="no message"):
        await stage.ana.click(None, "Approve")


async def test_button_of_an_older_version_can_still_be_pressed(
    stage: Stage, bot: SampleBot
) -> None:
    reply = await stage.ana.slash("choose", channel=stage.hall)
    message = reply.message
    assert message is not None
    await stage.ana.select(message, "Pick", [SKINS[0]])
    assert message.selects == []
    await stage.ana.select(message, "Pick", [SKINS[1]], as_of=message.versions[0])
    assert message.text == f"Picked {SKINS[1]}"


async def test_menus_of_every_kind_send_what_was_chosen(stage: Stage, bot: SampleBot) -> None:
    shown = await stage.ana.slash("choose", channel=stage.hall)
    menu = shown.message
    assert menu is not None
    by_role = await stage.ana.select(menu, "Who may", [stage.mods])
    by_channel = await stage.ana.select(menu, "channel", [stage.hall])
    assert (by_role.text, by_channel.text) == ("resolved: roles", "resolved: channels")
    picked = await stage.ana.select(menu, "Pick a skin", ["AWP"])
    assert picked.message is menu
    assert menu.text == f"Picked {SKINS[1]}"
    with pytest.raises(SandboxError):
        await stage.ana.select(menu, "Pick", [SKINS[0]])


async def test_menu_refuses_what_it_does_not_hold(stage: Stage, bot: SampleBot) -> None:
    menu = (await stage.ana.slash("choose", channel=stage.hall)).message
    with pytest.raises(SandboxError, match="takes 1 to 1"):
        await stage.ana.select(menu, "Pick", SKINS[:2])
    with pytest.raises(SandboxError, match="no option"):
        await stage.ana.select(menu, "Pick", ["Karambit"])
    with pytest.raises(SandboxError, match="can't hold"):
        await stage.ana.select(menu, "Who may", [stage.hall])


async def test_modal_is_filled_in_by_labels_and_keeps_the_rest(
    stage: Stage, bot: SampleBot
) -> None:
    card = await posted_card(stage)
    opened = await stage.max.click(card, "Deny")
    modal = opened.modal
    assert modal is not None
    assert [field.label for field in modal.fields] == ["Reason", "Note", "Kind"]
    reply = await stage.max.submit(modal, {"Reason": "too dear", "Kind": "Price"})
    assert reply.text == "too dear / as typed before / ['Price']"
    assert reply.ephemeral
    assert "Reason" in opened.render()


async def test_modal_refuses_what_its_fields_do_not_take(stage: Stage, bot: SampleBot) -> None:
    card = await posted_card(stage)
    modal = (await stage.max.click(card, "Deny")).modal
    for given in ({}, {"Reason": "x" * 201}, {"Reason": "x", "Colour": "red"}):
        with pytest.raises(SandboxError):
            await stage.max.submit(modal, given)
    with pytest.raises(SandboxError, match="Max's screen"):
        await stage.mia.submit(modal, {"Reason": "mine now"})


async def test_nothing_answered_in_three_seconds_is_a_failure(stage: Stage, bot: SampleBot) -> None:
    reply = await stage.ana.slash("never", channel=stage.hall)
    assert reply.failed
    assert reply.render() == "This interaction failed"
    assert reply.text == ""


async def test_moving_the_clock_ends_the_three_seconds(stage: Stage, bot: SampleBot) -> None:
    waiting = asyncio.create_task(stage.ana.slash("never", channel=stage.hall))
    await asyncio.sleep(0.05)
    stage.discord.advance(3)
    assert (await asyncio.wait_for(waiting, 0.5)).failed


async def test_direct_message_arrives_unless_they_are_closed(stage: Stage, bot: SampleBot) -> None:
    sent = await stage.olga.slash("say-to", channel=stage.hall, user=stage.ana, text="Hello")
    assert sent.text == "Sent"
    message = await stage.ana.wait_for_dm("Hello")
    assert [told.preview for told in stage.ana.notifications] == ["Hello"]
    assert stage.ana.dms == [message]
    stage.ana.close_dms()
    refused = await stage.olga.slash("say-to", channel=stage.hall, user=stage.ana, text="Again")
    assert refused.text == "Refused: 50007"
    assert stage.ana.dms == [message]


async def test_waiting_in_vain_says_what_was_there(stage: Stage, bot: SampleBot) -> None:
    card = await posted_card(stage)
    with pytest.raises(Timeout, match="Request 7: 1 skin"):
        await stage.approvals.wait_for("Request 8", 0.01)
    with pytest.raises(Timeout, match="Request 7: 1 skin"):
        await card.wait_for("approved", 0.01)
    with pytest.raises(Timeout, match="no messages"):
        await stage.ana.wait_for_dm("Hello", 0.01)


async def test_waiting_ends_with_the_deletion(stage: Stage, bot: SampleBot) -> None:
    card = await posted_card(stage)
    waiting = asyncio.create_task(card.wait_until_deleted())
    await bot.http.delete_message(stage.approvals.id, card.id)
    await waiting
    assert stage.approvals.messages == []
    assert "(deleted)" in card.render()


async def test_waiting_ends_with_the_edit(stage: Stage, bot: SampleBot) -> None:
    card = await posted_card(stage)
    waiting = asyncio.create_task(card.wait_for("approved"))
    await stage.max.click(card, "Approve")
    assert await waiting is card
