"""A member's own requests: the list, one of them, cancelling, and the one status message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from bot.sandbox.discord import Member, Message, Refuse
from bot.sandbox.skinsback import Fault
from tests.e2e.screens import CASE, answered_twice, forge, labels, put, unanswered
from tests.e2e.world import ASIIMOV, REDLINE, World, button_id, shown, trade_url_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def bea(shared_world: World) -> AsyncGenerator[Member]:
    """Someone new; whatever she does is answered, once."""
    yield shared_world.guild.add_member("Bea")
    assert unanswered(shared_world.discord) == []
    assert answered_twice(shared_world.discord) == []
    assert shared_world.discord.violations == []


def number_of(card: Message) -> int:
    """Return the number of the request that a card or message is about."""
    return int(card.text.partition("#")[2].partition(":")[0])


async def open_list(world: World, member: Member, **options: int) -> Message:
    """Use /my-requests."""
    return shown(await member.slash("my-requests", channel=world.hall, given=options))


def state_of(world: World, number: int) -> str:
    """Return the state that the database has of a request."""
    rows = world.rows("SELECT state FROM requests WHERE number = ?", number)
    return str(rows[0]["state"])


async def test_list_when_there_are_requests_then_each_stands_there_and_can_be_opened(
    shared_world: World, bea: Member
) -> None:
    """The newest first; the numbers are the server's."""
    world = shared_world
    assert "You haven't asked for anything here yet." in (await open_list(world, bea)).text
    denied = await world.submit(bea, (CASE, 1))
    opened = await world.max.click(denied, "Deny")
    await world.max.submit(opened.modal, {"Why?": "Not this week."})
    card = await world.submit(bea, (REDLINE, 2), (ASIIMOV, 1))
    screen = await open_list(world, bea)
    rows = screen.text.splitlines()
    assert rows[1].startswith(f"#{number_of(card)} · waiting for approval · 3 skins, $100.80")
    assert rows[2].startswith(f"#{number_of(denied)} · denied · 1 skin, $0.44")
    one = shown(await bea.select(screen, "Show one of them", [f"#{number_of(denied)}"]))
    assert one is screen
    assert "Not this week." in one.text
    assert "denied by @Max" in one.text
    back = shown(await bea.click(one, "All my requests"))
    assert back.text.startswith("Your requests")


async def test_number_when_given_then_that_request_is_shown_with_its_history(
    shared_world: World, bea: Member
) -> None:
    """An unknown one and someone else's read the same: nothing is given away."""
    world = shared_world
    card = await world.submit(bea, (REDLINE, 2))
    one = await open_list(world, bea, number=number_of(card))
    assert f"Your request #{number_of(card)}: waiting for approval" in one.text
    assert f"{REDLINE} ×2" in one.text
    assert "sent for approval by @Bea" in one.text
    unknown = await open_list(world, bea, number=999_999)
    assert "There is no request #999999 of yours here." in unknown.text
    cleo = world.guild.add_member("Cleo")
    foreign = await open_list(world, cleo, number=number_of(card))
    assert f"There is no request #{number_of(card)} of yours here." in foreign.text


async def test_cancel_when_asked_from_the_list_then_a_question_comes_first(
    shared_world: World, bea: Member
) -> None:
    """Card and status message say so, and nobody can approve it any more."""
    world = shared_world
    card = await world.submit(bea, (REDLINE, 1))
    approve = button_id(card, ":approve")
    one = await open_list(world, bea, number=number_of(card))
    question = shown(await bea.click(one, "Cancel request"))
    assert "1 skin, $13.02 at most. Nothing has been bought" in question.text
    one = shown(await bea.click(question, "No, keep it"))
    assert "waiting for approval" in one.text
    assert state_of(world, number_of(card)) == "pending"
    question = shown(await bea.click(one, "Cancel request"))
    done = shown(await bea.click(question, "Yes, cancel it"))
    assert f"Request #{number_of(card)} is cancelled. Nothing was bought." in done.text
    assert "Cancel request" not in labels(done)
    await card.wait_for("Cancelled by @Bea")
    await bea.wait_for_dm("You cancelled it")
    assert not card.buttons or "Approve" not in " ".join(labels(card))
    late = await world.max.click(card, custom_id=approve, as_of=card.versions[0])
    assert "The member cancelled this before" in late.text
    again = await bea.click(question, "Yes, cancel it", as_of=question.versions[-2])
    assert "can't be cancelled any more" in again.text


async def test_ask_again_when_pressed_then_the_same_is_in_the_basket_at_todays_prices_once(
    shared_world: World, bea: Member
) -> None:
    """From the basket's own screen, with double thumbs, and by an old copy of it all."""
    world = shared_world
    card = await world.submit(bea, (REDLINE, 2), (CASE, 1))
    number = number_of(card)
    opened = await world.max.click(card, "Deny")
    one = await open_list(world, bea, number=number)
    assert "Ask again" not in labels(one)
    early = forge(one, button_id(one, ":cancel").replace(":cancel", ":ask_all"))
    reply = await bea.click(one, custom_id=early)
    assert f"Request #{number} is still under way, so nothing was put" in reply.text
    await world.max.submit(opened.modal, {"Why?": "Not this week."})
    before = world.rows("SELECT * FROM requests WHERE number = ?", number)
    world.change("UPDATE lines SET quote = 1000000, ceiling = 1000000")

    basket = shown(await bea.slash("request", channel=world.hall))
    more = shown(await bea.click(basket, "More"))
    listed = shown(await bea.click(more, "Ask again from an old request"))
    one = shown(await bea.select(listed, "Show one of them", [f"#{number}"]))
    await asyncio.gather(*(bea.click(one, "Ask again") for _ in range(2)))
    said = [version.text for version in one.versions[-2:]]
    assert sum(f"today's prices: 3 skins of request #{number}." in text for text in said) == 1
    assert sum(f"your basket has all of request #{number}" in text for text in said) == 1
    basket = shown(await bea.click(one, "My basket"))
    assert "2 × $12.40, at most $13.02 each" in basket.text
    assert "3 skins" in basket.text
    again = await bea.click(one, "Ask again", as_of=one.versions[-2])
    assert "Nothing was added" in again.text
    assert world.rows("SELECT * FROM requests WHERE number = ?", number) == before
    reply = await bea.click(shown(await bea.slash("request", channel=world.hall)), "Send for")
    assert "3 skins, $26.48 at most" in reply.text


async def test_cancel_when_asked_in_the_direct_message_then_it_is_answered_there_privately(
    shared_world: World, bea: Member
) -> None:
    """The status message itself only ever shows the status."""
    world = shared_world
    card = await world.submit(bea, (REDLINE, 1))
    told = await bea.wait_for_dm(f"#{number_of(card)}")
    reply = await bea.user.click(told, "Cancel request")
    assert reply.ephemeral
    assert f"Cancel request #{number_of(card)}?" in reply.text
    assert "waiting for approval" in told.text
    done = await bea.user.click(shown(reply), "Yes, cancel it")
    assert "is cancelled. Nothing was bought." in done.text
    await told.wait_for("You cancelled it")
    assert told.buttons == []


async def test_cancel_when_tapped_twice_or_by_two_ways_at_once_then_it_happens_once(
    shared_world: World, bea: Member
) -> None:
    """A moderator who approves at that moment: one of the two, and the card says which."""
    world = shared_world
    card = await world.submit(bea, (REDLINE, 1))
    number = number_of(card)
    question = shown(await bea.click(await open_list(world, bea, number=number), "Cancel request"))
    taps = await asyncio.gather(
        bea.click(question, "Yes, cancel it"),
        bea.click(question, "Yes, cancel it"),
        world.max.click(card, "Approve"),
    )
    assert not any(tap.failed for tap in taps)
    events = world.rows(
        "SELECT kind FROM events JOIN requests USING (request_id) WHERE number = ? "
        "AND kind IN ('approved', 'cancelled')",
        number,
    )
    if state_of(world, number) == "cancelled":
        assert [row["kind"] for row in events].count("cancelled") == 1
        await card.wait_for("Cancelled by @Bea")
    else:
        assert [row["kind"] for row in events] == ["approved"]
        await card.wait_for("bought")


async def test_cancel_when_buying_has_begun_then_it_says_that_it_is_too_late(
    shared_world: World, bea: Member
) -> None:
    """By an old button in the list, by an old one in the direct message, at the question."""
    world = shared_world
    card = await world.submit(bea, (REDLINE, 1))
    number = number_of(card)
    told = await bea.wait_for_dm(f"#{number}")
    one = await open_list(world, bea, number=number)
    question = shown(await bea.click(await open_list(world, bea, number=number), "Cancel request"))
    world.market.break_next("market_batch_buy", Fault.HANG, hang_s=2)
    await world.max.click(card, "Approve")
    await world.until(lambda: state_of(world, number) == "buying")
    for reply in (
        await bea.click(one, "Cancel request"),
        await bea.click(question, "Yes, cancel it"),
        await bea.user.click(told, "Cancel request", as_of=told.versions[0]),
    ):
        assert f"Request #{number} can't be cancelled any more" in reply.text
    assert state_of(world, number) == "buying"


async def test_button_when_someone_else_presses_it_then_it_is_not_theirs(
    shared_world: World, bea: Member
) -> None:
    """Whatever a custom id says, a request is looked up under who presses."""
    world = shared_world
    card = await world.submit(bea, (REDLINE, 1))
    one = await open_list(world, bea, number=number_of(card))
    cancel = button_id(one, ":cancel")
    cleo = world.guild.add_member("Cleo")
    hers = await world.submit(cleo, (CASE, 1))
    screen = await open_list(world, cleo, number=number_of(hers))
    for verb in ("cancel", "cancel_yes", "show_one", "new_url"):
        forged = forge(screen, cancel.replace("cancel", verb))
        reply = await cleo.click(screen, custom_id=forged)
        assert "This belongs to another member" in reply.text, verb
    listed = await open_list(world, cleo)
    request_id = cancel.split(":")[1]
    listed.selects[0].raw["options"][0]["value"] = request_id
    reply = await cleo.select(listed, "Show one of them", [request_id])
    assert "This belongs to another member" in reply.text
    assert state_of(world, number_of(card)) == "pending"


async def test_button_when_pressed_on_another_server_then_it_does_nothing_there(
    shared_world: World, bea: Member
) -> None:
    """A card or screen carried elsewhere decides nothing there, and her list there is another."""
    world = shared_world
    card = await world.submit(bea, (REDLINE, 1))
    elsewhere = world.discord.add_guild("Elsewhere")
    hall = elsewhere.add_channel("general")
    there = elsewhere.add_member(bea)
    screen = shown(await there.slash("my-requests", channel=hall))
    assert "You haven't asked for anything here yet." in screen.text
    url = shown(await there.slash("trade-url", channel=hall))
    forged = forge(url, button_id(card, ":approve").replace("approve", "cancel"), button=1)
    reply = await there.click(url, custom_id=forged)
    assert "This belongs to another member" in reply.text
    basket = await there.slash("request", channel=hall)
    assert "the set-up isn't finished" in basket.text


async def test_status_message_when_the_request_goes_on_then_it_is_one_message_all_the_way(
    shared_world: World, bea: Member
) -> None:
    """Sent, approved, buying, bought: edited from then on, and it rings once."""
    world = shared_world
    world.change("UPDATE guilds SET undo_s = 60")
    try:
        card = await world.submit(bea, (REDLINE, 1), url=trade_url_of(8001))
        told = await bea.wait_for_dm("waiting for approval")
        assert "from Friday Cup" in told.text
        await world.max.click(card, "Approve")
        await told.wait_for("@Max approved it")
        assert "Buying starts in" in told.text
        await world.max.click(card, "Take back")
        await told.wait_for("waiting for approval")
        await world.mia.click(await card.wait_for(_can_be_approved), "Approve")
        await told.wait_for("@Mia approved it")
        world.market.break_next("market_batch_buy", Fault.HANG, hang_s=1.5)
        await world.hurry()
        await told.wait_for("being bought")
        result = await world.results.wait_for(f"Request #{number_of(card)}")
    finally:
        world.change("UPDATE guilds SET undo_s = 0")
    await told.wait_for(lambda message: "being bought" not in message.text)
    assert bea.dms == [told]
    assert len(bea.notifications) == 1
    assert not result.pinged(bea)


def _can_be_approved(message: Message) -> bool:
    return any(":approve" in (button.custom_id or "") for button in message.buttons)


async def test_direct_messages_when_closed_then_it_is_said_at_once_and_the_result_rings(
    shared_world: World, bea: Member
) -> None:
    """To her privately, to the moderators on the card, and the result names and pings her."""
    world = shared_world
    bea.close_dms()
    await world.give_trade_url(bea)
    screen = await put(world, bea, REDLINE)
    reply = await bea.click(screen, "Send for approval")
    assert "is sent" in reply.text
    assert "I can't write to you, so you could miss the 10 minutes" in reply.text
    assert "Watch #results" in reply.text
    card = await world.approvals.wait_for(
        lambda message: "@Bea can't be written to" in message.text and _can_be_approved(message)
    )
    await world.max.click(card, "Approve")
    result = await world.results.wait_for(f"Request #{number_of(card)}")
    assert result.pinged(bea)
    assert not result.pinged(world.max)
    assert bea.dms == []


async def test_direct_messages_when_closed_after_sending_then_the_result_rings_all_the_same(
    shared_world: World, bea: Member
) -> None:
    """A message that can't be edited any more is as good as none."""
    world = shared_world
    world.change("UPDATE guilds SET undo_s = 60")
    card = await world.submit(bea, (REDLINE, 1))
    told = await bea.wait_for_dm(f"#{number_of(card)}")
    closed = world.discord.faults.add(
        Refuse(403, 50007), method="PATCH", path=f"/channels/{told.channel.id}/messages"
    )
    try:
        await world.max.click(card, "Approve")
        await world.until(lambda: closed.hits > 0)
        await world.until(lambda: dm_closed(world, number_of(card)))
        await world.hurry()
        result = await world.results.wait_for(f"Request #{number_of(card)}")
    finally:
        world.change("UPDATE guilds SET undo_s = 0")
        world.discord.faults.remove(closed)
    assert result.pinged(bea)


def dm_closed(world: World, number: int) -> bool:
    """Say whether the database has it that the member can't be written to."""
    return bool(world.rows("SELECT 1 FROM requests WHERE number = ? AND dm_closed", number))
