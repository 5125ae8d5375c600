"""What must be told is told once, in order, whatever Discord does and whenever the bot dies."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import replace
from functools import partial

import pytest
import pytest_asyncio

from bot.sandbox.discord import (
    Channel,
    DelayAnswer,
    Drop,
    DropAfter,
    Hang,
    RateLimited,
    Refuse,
    Reply,
    Status,
)
from bot.sandbox.discord.faults import Action, Fault
from bot.sandbox.skinsback import Fault as MarketFault
from tests.e2e.screens import CASE, labels, put
from tests.e2e.world import REDLINE, World, button_id, shown, trade_url_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

NONCE_FORGOTTEN_S = 600
"""Long after this Discord no longer knows a nonce, so only a search finds what stands."""


@pytest_asyncio.fixture(loop_scope="module")
async def server(shared_world: World) -> AsyncGenerator[World]:
    """A server of its own that is set up, and the bot that is shared."""
    yield new_server(shared_world)
    shared_world.discord.faults.clear()
    assert shared_world.discord.violations == []


def new_server(world: World) -> World:
    """Make a server and write its choices into the database of the running bot."""
    guild = world.discord.add_guild("Sunday Cup")
    mods = guild.add_role("Mods", "MANAGE_MESSAGES")
    made = replace(
        world,
        guild=guild,
        mods=mods,
        hall=guild.add_channel("lobby"),
        approvals=guild.add_channel("decisions", visible_to=[mods]),
        results=guild.add_channel("loot"),
        ana=guild.add_member("Ann"),
        max=guild.add_member("Moe", roles=[mods]),
        olga=guild.add_member("Odo", administrator=True),
    )
    world.change(
        "INSERT INTO guilds (guild_id, approver_role_id, approval_channel_id, results_channel_id, "
        "open_requests_max, undo_s) VALUES (?, ?, ?, ?, 5, 0)",
        guild.id,
        mods.id,
        made.approvals.id,
        made.results.id,
    )
    return made


async def send(world: World) -> None:
    """Let Ann send a request, wherever its card may get stuck."""
    await world.give_trade_url(world.ana, trade_url_of(world.ana.id % 4_000_000_000 + 1))
    reply = await world.ana.click(await put(world, world.ana, REDLINE), "Send for approval")
    await reply.wait_for("is sent", timeout=20)


def cards(channel: Channel) -> list[str]:
    """Return which requests the messages in a channel are about, oldest first."""
    return [
        found[0]
        for message in channel.messages
        if (found := re.search("request #[0-9]+", message.text, re.IGNORECASE))
    ]


def break_posts(world: World, channel: Channel, action: Action, times: int = 1) -> Fault:
    """Let the next posts into a channel fail."""
    path = rf"/channels/{channel.id}/messages$"
    return world.discord.faults.add(action, method="POST", path=path, times=times)


def is_posted(world: World) -> bool:
    """Say whether the database knows that the approval card stands."""
    return state_of_row(world, "approval_card") == "posted"


def parked(world: World) -> int:
    """Return how many of the server's messages Discord refuses."""
    sql = "SELECT 1 FROM outbox WHERE guild_id = ? AND state = 'parked'"
    return len(world.rows(sql, world.guild.id))


def state_of_row(world: World, kind: str) -> str:
    """Return the state of the server's latest outbox row of a kind; empty if there is none yet."""
    rows = world.rows(
        "SELECT state FROM outbox WHERE kind = ? AND guild_id = ?", kind, world.guild.id
    )
    return str(rows[-1]["state"]) if rows else ""


# Faults of the line


async def test_card_when_posting_it_fails_once_then_it_stands_exactly_once(
    shared_world: World, server: World
) -> None:
    """Refused for a moment, broken, cut before and cut after: the last one stands already."""
    actions: list[tuple[Action, int]] = [
        (RateLimited(0.3), 2),
        (Status(500), 1),
        (Status(502), 1),
        (Status(503), 1),
        (Drop(), 1),
        (DropAfter(), 1),
        (DropAfter(), 2),
    ]
    servers = [new_server(shared_world) for _ in actions]
    faults = [
        break_posts(one, one.approvals, action, times)
        for one, (action, times) in zip(servers, actions, strict=True)
    ]
    for one in servers:
        await send(one)
    for one in servers:
        await one.approvals.wait_for("Request #1")
        await shared_world.until(partial(is_posted, one))
    assert [fault.hits for fault in faults[:-1]] == [times for _, times in actions[:-1]]
    for one, (action, _) in zip(servers, actions, strict=True):
        assert cards(one.approvals) == ["Request #1"], action
        assert len(one.ana.dms) == 1, action
    reply = await servers[-1].max.click(servers[-1].approvals.messages[0], "Approve")
    assert "is approved" in reply.text


async def test_messages_when_one_is_stuck_then_their_order_is_kept_and_other_places_go_on(
    shared_world: World, server: World
) -> None:
    """A channel that fails for a while holds up itself only, and nothing overtakes in it."""
    stuck = break_posts(server, server.approvals, Status(503), times=100)
    for _ in range(3):
        await send(server)
    other = new_server(shared_world)
    await send(other)
    await other.approvals.wait_for("Request #1")
    assert stuck.hits
    assert cards(server.approvals) == []
    server.discord.faults.remove(stuck)
    await server.approvals.wait_for("Request #3", timeout=20)
    assert cards(server.approvals) == ["Request #1", "Request #2", "Request #3"]
    assert cards(server.ana.user.dm_channel) == [f"request #{n}" for n in (1, 2, 3)]


async def test_messages_when_discord_is_down_for_a_while_then_all_are_told_afterwards(
    shared_world: World, server: World
) -> None:
    """What was bought meanwhile is told once, on every message about it."""
    await send(server)
    card = await server.approvals.wait_for("Request #1")
    told = await server.ana.wait_for_dm("#1")
    shared_world.market.break_next("market_batch_buy", MarketFault.HANG, hang_s=1.5)
    before = len(shared_world.market.batch_calls)
    reply = await server.max.click(card, "Approve")
    assert "is approved" in reply.text
    await shared_world.until(lambda: len(shared_world.market.batch_calls) > before)
    await shared_world.discord.stop_listening()
    try:
        await shared_world.until(lambda: state_of_row(server, "result") == "waiting")
    finally:
        await shared_world.discord.start_listening()
    await server.results.wait_for("Request #1", timeout=30)
    await card.wait_for(lambda message: "Buying is under way" not in message.text, timeout=20)
    await told.wait_for(lambda message: "being bought" not in message.text, timeout=20)
    assert cards(server.results) == cards(server.approvals) == ["Request #1"]
    assert len(server.ana.dms) == 1


async def test_click_when_the_gateway_was_lost_then_it_is_answered_after_the_resume(
    shared_world: World, server: World
) -> None:
    """Discord tells what was missed, and the outbox goes on."""
    await send(server)
    card = await server.approvals.wait_for("Request #1")
    resumed = shared_world.discord.gateway.resumed
    await shared_world.discord.drop_gateway()
    reply = await server.max.click(card, "Approve")
    assert "is approved" in reply.text
    assert shared_world.discord.gateway.resumed == resumed + 1
    await server.results.wait_for("#1")


# Dying between the post and the record of it


@pytest.mark.asyncio(loop_scope="function")
async def test_messages_when_the_bot_dies_before_it_knows_that_they_stand_then_none_is_repeated(
    world: World,
) -> None:
    """Long after Discord has forgotten the nonce: card, status message and result are found."""
    dm = world.ana.user.dm_channel
    for channel in (world.approvals, dm):
        break_posts(world, channel, DelayAnswer(60))
    await world.give_trade_url(world.ana)
    screen = await put(world, world.ana, REDLINE)
    sending = asyncio.create_task(world.ana.click(screen, "Send for approval"))
    await world.approvals.wait_for("Request #1")
    await dm.wait_for("#1")
    await die(world)
    sending.cancel()
    await world.start()
    await world.until(lambda: state_of_row(world, "approval_card") == "posted")
    await world.until(lambda: state_of_row(world, "member_status") == "posted")
    card = world.approvals.messages[0]
    break_posts(world, world.results, DelayAnswer(60))
    await world.max.click(card, "Approve")
    await world.results.wait_for("Request #1")
    await die(world)
    await world.start()
    await card.wait_for("1 skin bought")
    await world.until(lambda: state_of_row(world, "result") == "posted")
    assert cards(world.approvals) == cards(world.results) == ["Request #1"]
    assert len(world.ana.dms) == 1
    assert len(world.market.purchases) == 1


@pytest.mark.asyncio(loop_scope="function")
async def test_messages_when_the_bot_dies_before_discord_has_them_then_they_are_posted(
    world: World,
) -> None:
    """Never sent, or sent and lost: after the restart they stand, once."""
    for channel in (world.approvals, world.ana.user.dm_channel):
        break_posts(world, channel, Hang())
    await world.give_trade_url(world.ana)
    screen = await put(world, world.ana, REDLINE)
    sending = asyncio.create_task(world.ana.click(screen, "Send for approval"))
    await world.until(lambda: state_of_row(world, "member_status") == "trying")
    await world.until(lambda: state_of_row(world, "approval_card") == "trying")
    for number in range(250):
        world.max.say(f"chatter {number}", channel=world.approvals)
    await die(world)
    sending.cancel()
    await world.start()
    card = await world.approvals.wait_for("Request #1")
    await world.ana.wait_for_dm("#1")
    await world.max.click(card, "Approve")
    await world.results.wait_for("Request #1")
    assert cards(world.approvals) == ["Request #1"]
    assert len(world.ana.dms) == 1


async def die(world: World) -> None:
    """Kill the bot, and let so much time pass that Discord has forgotten every nonce."""
    await world.bot.kill()
    world.discord.faults.clear()
    world.discord.advance(NONCE_FORGOTTEN_S)


# What Discord refuses for good


async def test_card_when_a_permission_is_missing_then_it_waits_and_setup_says_why(
    shared_world: World, server: World
) -> None:
    """It blocks nobody else and goes out, in order, once the permission is there."""
    server.approvals.deny_bot("SEND_MESSAGES")
    await send(server)
    await send(server)
    await server.ana.wait_for_dm("#2")
    await shared_world.until(lambda: parked(server) == 2)
    panel = shown(await server.olga.slash("setup", channel=server.hall))
    assert "⚠ 2 messages could not be posted in #decisions: a permission is missing" in panel.text
    assert "I lack: Send Messages" in panel.text
    reply = await server.olga.click(panel, "Try them again")
    assert "They are tried again now." in reply.text
    await shared_world.until(lambda: parked(server) == 2)
    server.approvals.allow_bot("SEND_MESSAGES")
    await server.olga.click(panel, "Check everything")
    await server.approvals.wait_for("Request #2")
    assert cards(server.approvals) == ["Request #1", "Request #2"]
    reply = await server.olga.click(panel, "Check everything")
    assert "could not be posted" not in reply.text
    assert "Try them again" not in labels(panel)


async def test_card_when_its_channel_is_gone_then_it_goes_to_the_one_that_is_chosen_next(
    shared_world: World, server: World
) -> None:
    """And works there."""
    server.approvals.delete()
    await send(server)
    await shared_world.until(lambda: state_of_row(server, "approval_card") == "parked")
    panel = shown(await server.olga.slash("setup", channel=server.hall))
    assert "1 message could not be posted in #unknown: the channel is gone." in panel.text
    new = server.guild.add_channel("new-decisions", visible_to=[server.mods])
    reply = await server.olga.select(panel, "Choose the channel for approvals", [new])
    assert "could not be posted" not in reply.text
    card = await new.wait_for("Request #1")
    reply = await server.max.click(card, "Approve")
    assert "is approved" in reply.text
    await server.results.wait_for("#1")


async def test_result_when_its_channel_refuses_it_then_it_goes_to_the_one_that_is_chosen_next(
    shared_world: World, server: World
) -> None:
    """The member has the direct message meanwhile, and setup says what is missing where."""
    server.results.deny_bot("VIEW_CHANNEL")
    await send(server)
    await server.max.click(await server.approvals.wait_for("Request #1"), "Approve")
    await server.ana.wait_for_dm("bought")
    await shared_world.until(lambda: state_of_row(server, "result") == "parked")
    panel = shown(await server.olga.slash("setup", channel=server.hall))
    assert "1 message could not be posted in #loot: I can't see the channel." in panel.text
    new = server.guild.add_channel("new-loot")
    await server.olga.select(panel, "Choose the channel for results", [new])
    result = await new.wait_for("Request #1")
    assert not result.pinged(server.ana)
    server.results.allow_bot("VIEW_CHANNEL")
    assert server.results.messages == []


async def test_cards_when_older_than_an_hour_then_all_show_the_end_in_the_end(
    shared_world: World, server: World
) -> None:
    """Discord lets a bot edit only a few old messages at a time; nothing else waits for it."""
    for _ in range(3):
        await send(server)
    last = await server.approvals.wait_for("Request #3")
    old = list(server.approvals.messages)
    shared_world.discord.advance(2 * 3600)
    for card in old:
        reply = await server.max.click(card, "Approve")
        assert "is approved" in reply.text
    for number in (1, 2, 3):
        await server.results.wait_for(f"Request #{number}")
    for card in old:
        await card.wait_for("1 skin bought", timeout=60)
    assert cards(server.approvals) == ["Request #1", "Request #2", "Request #3"]
    assert last in old


async def test_card_when_only_drawing_it_again_is_refused_then_it_is_not_posted_twice(
    shared_world: World, server: World
) -> None:
    """It stands, and is put right where it stands once that is allowed again."""
    await send(server)
    card = await server.approvals.wait_for("Request #1")
    approve = button_id(card, ":approve")
    closed = server.discord.faults.add(
        Refuse(403, 50001), method="PATCH", path=f"/channels/{server.approvals.id}/messages"
    )
    reply = await server.max.click(card, custom_id=approve)
    assert "is approved" in reply.text
    await server.results.wait_for("#1")
    await shared_world.until(lambda: state_of_row(server, "approval_card") == "parked")
    server.discord.faults.remove(closed)
    panel = shown(await server.olga.slash("setup", channel=server.hall))
    assert "1 message could not be posted in #decisions: I can't see the channel." in panel.text
    await server.olga.click(panel, "Try them again")
    await card.wait_for("1 skin bought")
    assert cards(server.approvals) == ["Request #1"]


async def test_card_when_it_stands_unknown_and_cannot_be_searched_then_it_is_not_repeated(
    shared_world: World, server: World
) -> None:
    """It was posted, the answer was lost, and then the bot may not look: a person has to help."""
    server.approvals.deny_bot("READ_MESSAGE_HISTORY")
    break_posts(server, server.approvals, DropAfter())
    await send(server)
    await shared_world.until(lambda: state_of_row(server, "approval_card") == "parked")
    shared_world.discord.advance(NONCE_FORGOTTEN_S)
    server.approvals.allow_bot("READ_MESSAGE_HISTORY")
    panel = shown(await server.olga.slash("setup", channel=server.hall))
    await server.olga.click(panel, "Try them again")
    await shared_world.until(lambda: state_of_row(server, "approval_card") == "posted")
    assert cards(server.approvals) == ["Request #1"]


# Messages that people delete


async def test_card_when_it_was_deleted_then_it_is_posted_again_as_long_as_it_can_be_decided(
    shared_world: World, server: World
) -> None:
    """With the next thing that happens to it, or when an administrator has everything checked."""
    await send(server)
    first = await server.approvals.wait_for("Request #1")
    first.delete()
    panel = shown(await server.olga.slash("setup", channel=server.hall))
    await server.olga.click(panel, "Check everything")
    second = await server.approvals.wait_for("Request #1")
    assert second is not first
    second.delete()
    partner = server.ana.id % 4_000_000_000 + 1
    await server.give_trade_url(server.ana, trade_url_of(partner, "Renewed1"))
    third = await server.approvals.wait_for("Request #1")
    reply = await server.max.click(third, "Approve")
    assert "is approved" in reply.text
    await server.results.wait_for("#1")
    await third.wait_for("1 skin bought")
    assert cards(server.approvals) == ["Request #1"]


async def test_card_when_it_was_deleted_and_the_request_is_over_then_it_stays_deleted(
    shared_world: World, server: World
) -> None:
    """There is nothing to decide about it."""
    await send(server)
    card = await server.approvals.wait_for("Request #1")
    card.delete()
    told = await server.ana.wait_for_dm("#1")
    question = shown(await server.ana.user.click(told, "Cancel request"))
    await server.ana.user.click(question, "Yes, cancel it")
    await told.wait_for("You cancelled it")
    await shared_world.until(lambda: state_of_row(server, "approval_card") == "skipped")
    assert cards(server.approvals) == []


async def test_card_when_it_never_stood_and_the_request_is_cancelled_then_it_is_never_posted(
    shared_world: World, server: World
) -> None:
    """Nobody has to look at what is over."""
    server.approvals.deny_bot("SEND_MESSAGES")
    await send(server)
    told = await server.ana.wait_for_dm("#1")
    question = shown(await server.ana.user.click(told, "Cancel request"))
    await server.ana.user.click(question, "Yes, cancel it")
    server.approvals.allow_bot("SEND_MESSAGES")
    panel = shown(await server.olga.slash("setup", channel=server.hall))
    await server.olga.click(panel, "Try them again")
    await shared_world.until(lambda: state_of_row(server, "approval_card") == "skipped")
    assert cards(server.approvals) == []


# Acknowledgements that fail


@pytest.mark.parametrize("action", [Drop(), DropAfter(), Status(403)], ids=repr)
async def test_click_when_its_acknowledgement_is_lost_then_nothing_is_changed_and_it_is_said(
    shared_world: World, server: World, action: Action
) -> None:
    """Approving, sending and cancelling happen only if Discord took the acknowledgement."""
    clicks = await three_clicks(server)
    for click in clicks:
        broken = break_callbacks(server, action, times=1)
        reply = await click
        assert broken.hits == 1
        assert "Something went wrong on our side." in reply.text
        assert "reference" in reply.text
    assert states(server) == ["draft", "pending"]
    reply = await server.max.click(server.approvals.messages[0], "Approve")
    assert "is approved" in reply.text


@pytest.mark.parametrize("action", [Refuse(404, 10062), Hang()], ids=repr)
async def test_click_when_its_acknowledgement_comes_too_late_then_nothing_is_changed(
    shared_world: World, server: World, action: Action
) -> None:
    """Discord has told the person already that it failed, so nothing must have happened."""
    clicks = await three_clicks(server)
    broken = break_callbacks(server, action, times=3)
    replies = await asyncio.gather(*clicks)
    assert broken.hits == 3
    assert all(reply.failed for reply in replies)
    assert states(server) == ["draft", "pending"]
    reply = await server.max.click(server.approvals.messages[0], "Approve")
    assert "is approved" in reply.text


async def three_clicks(server: World) -> list[Coroutine[None, None, Reply]]:
    """Prepare a click that approves, one that cancels and one that sends."""
    await send(server)
    card = await server.approvals.wait_for("Request #1")
    told = await server.ana.wait_for_dm("#1")
    question = shown(await server.ana.user.click(told, "Cancel request"))
    basket = await put(server, server.ana, CASE)
    return [
        server.max.click(card, "Approve"),
        server.ana.user.click(question, "Yes, cancel it"),
        server.ana.click(basket, "Send for approval"),
    ]


def break_callbacks(world: World, action: Action, *, times: int) -> Fault:
    """Let the next first answers to what people do fail."""
    return world.discord.faults.add(action, path=r"/interactions/\d+/.+/callback$", times=times)


def states(world: World) -> list[str]:
    """Return the states of the server's requests, the basket first."""
    rows = world.rows(
        "SELECT state FROM requests WHERE guild_id = ? ORDER BY number", world.guild.id
    )
    return [str(row["state"]) for row in rows]
