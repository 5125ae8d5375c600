"""``/approvals`` and the history: what waits, one card in private, a card that is put up again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from bot.sandbox.discord import Channel, Member, Message, Version
from tests.e2e.screens import labels
from tests.e2e.test_outbox import cards, new_server, parked, send
from tests.e2e.world import World, button_id, shown

pytestmark = pytest.mark.asyncio(loop_scope="module")

AGAIN = "Post the card again"


@pytest_asyncio.fixture(loop_scope="module")
async def server(shared_world: World) -> AsyncGenerator[World]:
    """A server of its own that is set up, and the bot that is shared."""
    yield new_server(shared_world)
    shared_world.discord.faults.clear()
    assert shared_world.discord.violations == []


async def open_queue(world: World, member: Member | None = None) -> Message:
    """Use /approvals."""
    return shown(await (member or world.max).slash("approvals", channel=world.hall))


async def open_card(world: World, number: int = 1, member: Member | None = None) -> Message:
    """Use /approvals with a number."""
    member = member or world.max
    return shown(await member.slash("approvals", channel=world.hall, number=number))


async def waiting_card(world: World, channel: Channel | None = None) -> Message:
    """Send a request and return its card."""
    await send(world)
    return await (channel or world.approvals).wait_for("Request #")


async def press(
    member: Member, private: Message, label: str, *, as_of: Version | None = None
) -> str:
    """Press a button of a card in private; return what is said beside the card, drawn again."""
    reply = await member.click(private, label, as_of=as_of)
    said = await reply.wait_for_followup()
    assert said.ephemeral
    return said.text


def link_of(message: Message, label: str) -> str:
    """Return where a link button leads."""
    return next(str(button.url) for button in message.buttons if button.label == label)


# The list, and one of them


async def test_list_when_requests_wait_then_each_stands_there_with_its_card_and_opens(
    shared_world: World, server: World
) -> None:
    """The oldest first; what is decided is gone from it; only the moderator sees it."""
    empty = await server.max.slash("approvals", channel=server.hall)
    assert empty.ephemeral
    assert "Nothing waits for a moderator" in empty.text
    for _ in range(3):
        await send(server)
    first = await server.approvals.wait_for("Request #1")
    await server.approvals.wait_for("Request #3")
    opened = await server.max.click(first, "Deny")
    await server.max.submit(opened.modal, {"Why?": "No."})
    screen = await open_queue(server)
    rows = [row for row in screen.text.splitlines() if row.startswith("#")]
    assert [row.partition(" ")[0] for row in rows] == ["#2", "#3"]
    assert "@Ann · 1 skin, $13.02 at most · waiting for approval, sent" in rows[0]
    assert "card" in rows[0]
    one = shown(await server.max.select(screen, "Open one", ["#3 · 1 skin, $13.02 at most"]))
    assert one is screen
    assert "Request #3: 1 skin" in one.text
    third = await server.approvals.wait_for("Request #3")
    place = f"{server.guild.id}/{server.approvals.id}/{third.id}"
    assert link_of(one, "Go to its card") == f"https://discord.com/channels/{place}"
    back = shown(await server.max.click(one, "All that wait"))
    assert back.text.startswith("2 requests wait for a moderator")
    assert shared_world.discord.violations == []


async def test_list_when_there_are_many_then_it_is_paged(
    shared_world: World, server: World
) -> None:
    """Every one of them stands on one of the pages."""
    shared_world.change(
        "UPDATE guilds SET open_requests_max = 10 WHERE guild_id = ?", server.guild.id
    )
    await send(server)
    await server.approvals.wait_for("Request #1")
    # Copies of it, because thirty of them by hand would take their time.
    shared_world.change(
        "INSERT INTO requests (request_id, guild_id, number, user_id, state, digest, partner, "
        "sealed_token, created_at, submitted_at, expires_at, changed_at) "
        "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 30) "
        "SELECT substr(request_id, 1, 17) || (100 + i), guild_id, i, user_id, state, digest, "
        "partner, sealed_token, created_at, submitted_at, expires_at, changed_at "
        "FROM requests, n WHERE guild_id = ? AND number = 1",
        server.guild.id,
    )
    screen = await open_queue(server)
    assert screen.text.startswith("30 requests wait for a moderator")
    seen: list[int] = []
    for page in (1, 2, 3):
        assert f"Page {page} of 3" in labels(screen)
        seen += [int(found) for found in re.findall(r"^#(\d+) ", screen.text, re.MULTILINE)]
        if page < 3:
            screen = shown(await server.max.click(screen, "▶"))
    assert seen == list(range(1, 31))
    assert "its card isn't posted" in screen.text
    back = shown(await server.max.click(screen, "◀"))
    assert "Page 2 of 3" in labels(back)


async def test_number_when_typed_then_those_that_wait_are_suggested(
    shared_world: World, server: World
) -> None:
    """To moderators only."""
    await send(server)
    await send(server)
    found = await server.max.autocomplete("approvals", "number", "", channel=server.hall)
    assert [(choice.value, choice.name) for choice in found] == [
        (1, "#1 · 1 skin, $13.02 at most · waiting for approval"),
        (2, "#2 · 1 skin, $13.02 at most · waiting for approval"),
    ]
    found = await server.max.autocomplete("approvals", "number", "2", channel=server.hall)
    assert [choice.value for choice in found] == [2]
    assert await server.olga.autocomplete("approvals", "number", "", channel=server.hall) == []


async def test_card_in_private_when_pressed_then_it_decides_and_shows_how_things_are(
    shared_world: World, server: World
) -> None:
    """And the card in the channel with it."""
    shared_world.change("UPDATE guilds SET undo_s = 60 WHERE guild_id = ?", server.guild.id)
    card = await waiting_card(server)
    private = await open_card(server)
    assert "Request #1 is approved" in await press(server.max, private, "Approve")
    assert "Request #1: approved" in private.text
    await card.wait_for("Approved by @Moe")
    late = await press(server.max, private, "Approve", as_of=private.versions[0])
    assert "@Moe already approved this" in late
    details = await server.max.click(private, "Details")
    assert details.message is not private
    assert "approved by @Moe" in details.text
    assert "request #1 is taken back" in await press(server.max, private, "Take back")
    assert "Approve $13.02" in labels(private)
    opened = await server.max.click(private, "Deny")
    denied = await server.max.submit(opened.modal, {"Why?": "Not this week."})
    await denied.wait_for_followup("is denied")
    assert "Request #1: denied" in private.text
    await card.wait_for("Not this week.")


async def test_request_when_asked_for_by_who_may_not_see_it_then_nothing_is_shown(
    shared_world: World, server: World
) -> None:
    """Another number, another server's number, a member, and an administrator without the role."""
    await waiting_card(server)
    other = new_server(shared_world)
    for number in (2, 1_000_000_000):
        reply = await server.max.slash("approvals", channel=server.hall, number=number)
        assert f"This server has no request #{number}." in reply.text
    reply = await other.max.slash("approvals", channel=other.hall, number=1)
    assert "This server has no request #1." in reply.text
    for given in ({}, {"number": 1}):
        reply = await server.olga.slash("approvals", channel=server.hall, given=given)
        assert "Only @Mods can look through the requests of this server." in reply.text


# A card that is gone


async def test_card_when_deleted_then_it_is_posted_again_once_and_works(
    shared_world: World, server: World
) -> None:
    """Pressed twice, the second time on an old screen."""
    card = await waiting_card(server)
    standing = await open_card(server)
    assert AGAIN not in labels(standing)
    card.delete()
    private = await open_card(server)
    assert "Go to its card" not in labels(private)
    assert "The card of request #1 is posted again" in await press(server.max, private, AGAIN)
    again = server.approvals.messages[-1]
    assert link_of(private, "Go to its card").endswith(f"/{again.id}")
    twice = await press(server.max, private, AGAIN, as_of=private.versions[0])
    assert "stands already, so nothing was posted" in twice
    assert cards(server.approvals) == ["Request #1"]
    done = await server.max.click(again, "Approve")
    assert "is approved" in done.text
    await server.results.wait_for("Request #1")
    await again.wait_for("1 skin bought")


async def test_card_when_two_moderators_post_it_at_once_then_it_stands_once(
    shared_world: World, server: World
) -> None:
    """One of them did it, and both have the link."""
    ned = server.guild.add_member("Ned", roles=[server.mods])
    card = await waiting_card(server)
    card.delete()
    mine, theirs = await open_card(server), await open_card(server, member=ned)
    replies = await asyncio.gather(
        press(server.max, mine, AGAIN), press(ned, theirs, AGAIN), press(server.max, mine, AGAIN)
    )
    assert sorted("is posted again" in said for said in replies) == [False, False, True]
    assert all("https://discord.com/channels/" in said for said in replies)
    await server.approvals.wait_for("Request #1")
    assert cards(server.approvals) == ["Request #1"]
    await asyncio.sleep(0.3)
    assert cards(server.approvals) == ["Request #1"]


async def test_card_when_its_channel_was_deleted_then_it_goes_to_the_one_chosen_now(
    shared_world: World, server: World
) -> None:
    """Before another one is chosen it says what is missing, and the private card works."""
    await waiting_card(server)
    server.approvals.delete()
    private = await open_card(server)
    said = await press(server.max, private, AGAIN)
    assert "could not be posted in" in said
    assert "the channel is gone" in said
    assert AGAIN in labels(private)
    await shared_world.until(lambda: parked(server) == 1)
    new = server.guild.add_channel("new-decisions", visible_to=[server.mods])
    shared_world.change(
        "UPDATE guilds SET approval_channel_id = ? WHERE guild_id = ?", new.id, server.guild.id
    )
    assert "is posted again" in await press(server.max, private, AGAIN)
    card = await new.wait_for("Request #1")
    reply = await server.max.click(card, "Approve")
    assert "is approved" in reply.text


async def test_card_when_its_channel_was_replaced_in_setup_then_a_standing_one_is_found_gone(
    shared_world: World, server: World
) -> None:
    """A card that had been posted does not move by itself: its channel was deleted with it."""
    await waiting_card(server)
    server.approvals.delete()
    panel = shown(await server.olga.slash("setup", channel=server.hall))
    new = server.guild.add_channel("new-decisions", visible_to=[server.mods])
    await server.olga.select(panel, "Choose the channel for approvals", [new])
    private = await open_card(server)
    assert "is posted again" in await press(server.max, private, AGAIN)
    await new.wait_for("Request #1")
    assert cards(new) == ["Request #1"]


async def test_post_again_when_pressed_by_who_is_no_moderator_any_more_then_nothing_is_posted(
    shared_world: World, server: World
) -> None:
    """The right is looked at in the moment of the press."""
    card = await waiting_card(server)
    card.delete()
    private = await open_card(server)
    server.max.roles.remove(server.mods)
    reply = await server.max.click(private, AGAIN)
    assert "Only @Mods can use these buttons. Nothing was changed." in reply.text
    assert cards(server.approvals) == []


@pytest.mark.asyncio(loop_scope="function")
async def test_screens_when_the_bot_was_started_anew_then_every_button_goes_on_working(
    world: World,
) -> None:
    """Nothing of them was in memory."""
    card = await world.submit(world.ana)
    screen = await open_queue(world)
    private = await open_card(world)
    mine = shown(await world.ana.slash("my-requests", channel=world.hall, given={"number": 1}))
    card.delete()
    gone = await open_card(world)
    await world.restart(kill=True)
    assert "is posted again" in await press(world.max, gone, AGAIN)
    history = shown(await world.ana.click(mine, "History"))
    assert "sent for approval by @Ana" in history.text
    shown(await world.max.select(screen, "Open one", ["#1 · 1 skin, $13.02 at most"]))
    assert "is approved" in await press(world.max, private, "Approve")
    await world.results.wait_for("Request #1")


# The history


async def test_history_when_a_request_went_its_way_then_member_and_moderator_read_it_in_order(
    shared_world: World, server: World
) -> None:
    """Each in their words, also after every message about it was deleted."""
    card = await waiting_card(server)
    await server.max.click(card, "Approve")
    result = await server.results.wait_for("Request #1")
    await card.wait_for("1 skin bought")
    request_id = button_id(card, ":details").split(":")[1]
    for number, kind in enumerate(("trade_waiting", "delivered")):
        shared_world.change(
            "INSERT INTO events (guild_id, request_id, at, kind, details) VALUES "
            "(?, ?, 1795000000000 + ?, ?, json_object('line', 1, 'buy_id', 4321))",
            server.guild.id,
            request_id,
            number,
            kind,
        )
    told = await server.ana.wait_for_dm("#1")
    for message in (card, result, told):
        message.delete()
    server.ana.close_dms()
    one = shown(await server.ana.slash("my-requests", channel=server.hall, given={"number": 1}))
    history = shown(await server.ana.click(one, "History"))
    assert history is one
    rows = history.text.splitlines()[1:]
    order = (
        "sent for approval by @Ann",
        "approved by @Moe",
        "buying began",
        "sent to the market: 1 skin",
        "the market answered: 1 bought, 0 not bought, 0 not confirmed",
        "buying is done",
        "waiting in Steam to be accepted: AK-47 | Redline (Field-Tested)",
        "delivered: AK-47 | Redline (Field-Tested)",
    )
    for row, words in zip(rows, order, strict=False):
        assert row.endswith(words), rows
    assert "4321" not in history.text
    back = shown(await server.ana.click(history, "Back"))
    assert "History" in labels(back)
    private = await open_card(server)
    details = shown(await server.max.click(private, "Details"))
    assert "delivered: AK-47 | Redline (Field-Tested), purchase 4321" in details.text
    whole = shown(await server.max.click(details, "History"))
    assert whole is details
    assert whole.text.splitlines()[1].endswith("sent for approval by @Ann")
    assert "purchase 4321" in whole.text
    shown(await server.max.click(whole, "Back"))
    assert "Balance at SkinsBack" in details.text


async def test_history_when_it_is_long_then_it_is_paged(shared_world: World, server: World) -> None:
    """The card keeps the latest and says how many came before; the pages have everything."""
    card = await waiting_card(server)
    request_id = button_id(card, ":details").split(":")[1]
    shared_world.change(
        "INSERT INTO events (guild_id, request_id, at, kind, actor_id, details) "
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) "
        "SELECT ?, ?, 1795000000000 + i * 100000, 'tried_again', ?, json_object('lines', i) FROM n",
        server.guild.id,
        request_id,
        server.max.id,
    )
    one = shown(await server.ana.slash("my-requests", channel=server.hall, given={"number": 1}))
    found = re.search(r"… (\d+) before that: press History", one.text)
    assert found is not None
    assert int(found[1]) + one.text.count("tried again by @Moe") in (200, 201)
    screen = shown(await server.ana.click(one, "History"))
    assert "200 skins" in screen.text
    for _ in range(3):
        screen = shown(await server.ana.click(screen, "◀"))
    assert "200 skins" not in screen.text
