"""What was bought and did not arrive, as people meet it: each button, each command."""

from __future__ import annotations

import asyncio
import time

import pytest

from bot.domain.market import OfferStatus
from bot.domain.money import format_usd
from bot.sandbox.discord import Member, Message
from tests.e2e.cases import Case, send
from tests.e2e.world import World, shown, trade_url_of

pytestmark = pytest.mark.usefixtures("books")
shared = pytest.mark.asyncio(loop_scope="module")

HOUR = 3_600_000


async def failed(
    world: World, status: OfferStatus, *skins: tuple[str, int], member: Member | None = None
) -> Case:
    """Return a request that was bought, and of whose trades the market has said this since then.

    The market and our records both say so, as if they had been asked about.
    """
    world.market.script_trades(OfferStatus.CREATING_TRADE)
    case = await send(world, *skins, member=member)
    await case.approve()
    await case.result("bought")
    for entry in case.bought:
        world.market.move(entry, status)
    at = int(time.time() * 1000)
    world.change(
        "UPDATE attempts SET offer_status = ?, status_at = ?, check_at = ? WHERE request_id = ?",
        status.value,
        at,
        at + 6 * HOUR,
        case.request_id,
    )
    await draw_again(case)
    await case.card.wait_for("not delivered")
    return case


async def draw_again(case: Case) -> None:
    """Have everything about a request drawn as it stands in the database."""
    case.world.change(
        "UPDATE outbox SET wanted = wanted + 1, next_at = 0 WHERE request_id = ?", case.request_id
    )
    await case.world.hurry()


def labels(message: Message) -> list[str]:
    """Return what can be pressed."""
    return [button.label for button in message.buttons]


async def balance(world: World, person: Member) -> Message:
    """Type the command."""
    return shown(await person.slash("quartermaster balance", channel=world.approvals))


# I'm here


@shared
async def test_member_who_missed_a_trade_says_so_and_a_moderator_has_it_sent_again(
    shared_world: World,
) -> None:
    """From the status message to the moderators' channel to another purchase, told once."""
    world = shared_world
    case = await failed(world, OfferStatus.TIMEOUT)
    status = await case.status("press I'm here")
    assert "refund" not in status.text
    reply = await case.member.click(status, "I'm here")
    assert "The moderators are told that you are in Steam now" in reply.text
    # Not "I write to you": who takes no direct messages is called in the results channel.
    assert "sent again and the trade waits, you are told" in reply.text
    called = await world.approvals.wait_for(
        lambda message: (
            "asks for another try of request" in message.text and f"#{case.number}:" in message.text
        )
    )
    assert not called.mentions_pinged.roles
    await case.card.wait_for("that they have Steam open")
    twice = await case.member.click(status, "I'm here")
    assert "know already" in twice.text

    world.market.script_trades(OfferStatus.ACCEPTED)
    tried = await world.max.click(called, "Try again")
    assert "1 skin of request" in tried.text
    await world.until(lambda: len(case.bought) == 2)
    await called.wait_for("Nothing waits for that any more")
    assert labels(called) == ["Details"]
    assert case.events.count("member_here") == 1
    late = await case.member.click(status, "I'm here", as_of=status.versions[-1])
    assert "Nothing of request" in late.text or "tried again" in late.text


@shared
async def test_member_who_comes_too_late_is_told_and_asks_again(shared_world: World) -> None:
    """What can't be tried any more goes into the basket, from /my-requests."""
    world = shared_world
    case = await failed(world, OfferStatus.TIMEOUT)
    status = await case.status("press I'm here")
    world.change("UPDATE requests SET expires_at = 1 WHERE request_id = ?", case.request_id)
    reply = await case.member.click(status, "I'm here")
    assert "It is too late for another try" in reply.text
    detail = shown(await case.member.slash("my-requests", channel=world.hall, number=case.number))
    assert "not accepted in time" in detail.text
    reply = await case.member.click(detail, "Ask again for these")
    assert f"1 skin of request #{case.number}" in reply.text
    again = await case.member.click(shown(reply), "Ask again for these")
    assert "your basket has all of request" in again.text
    basket = shown(await case.member.slash("request", channel=world.hall))
    assert "Your basket: 1 of 10 skins" in basket.text
    assert f"did not arrive of request #{case.number}" in basket.text


@shared
async def test_member_without_direct_messages_says_so_in_the_results_channel(
    shared_world: World,
) -> None:
    """Everybody sees the button, and only they can use it."""
    world = shared_world
    bea = world.guild.add_member("Bea of closed messages")
    bea.close_dms()
    case = await failed(world, OfferStatus.TIMEOUT, member=bea)
    result = await case.result("press I'm here")
    for stranger in (world.mia, world.ana):
        reply = await stranger.click(result, "I'm here")
        assert "belongs to another member" in reply.text
    assert case.row["here_at"] is None
    reply = await bea.click(result, "I'm here")
    assert reply.ephemeral
    assert "The moderators are told that you are in Steam now" in reply.text
    await case.card.wait_for("that they have Steam open")


# New Trade URL


@shared
async def test_new_trade_url_lets_a_moderator_try_again_at_once(shared_world: World) -> None:
    """Until then nobody can, and is told until when and what failed there."""
    world = shared_world
    case = await failed(world, OfferStatus.INVALID_TRADE_TOKEN)
    await case.status("Press New Trade URL")
    await case.card.wait_for("unless the member gives a new Trade URL")
    refused = await world.max.click(case.card, "Try again")
    assert "is not tried again yet" in refused.text
    assert "1 wrong Trade URL" in refused.text
    details = shown(await world.max.click(case.card, "Details"))
    assert "At this Steam account in the last 24 hours: 1 wrong Trade URL." in details.text
    assert "in the last 24 hours" not in case.card.text

    same = await case.give_url(trade_url_of(case.partner))
    assert "the same Trade URL" in same.text
    saved = await case.give_url(trade_url_of(case.partner, "NewToken"))
    assert f"Request #{case.number} uses the new Trade URL" in saved.text
    await case.card.wait_for("so Try again helps")
    world.market.script_trades(OfferStatus.ACCEPTED)
    tried = await world.max.click(case.card, "Try again")
    assert "1 skin of request" in tried.text
    await world.until(lambda: len(case.bought) == 2)
    assert case.calls[-1].parameters["token"] == "NewToken"


@shared
async def test_url_of_another_account_offers_to_ask_again(shared_world: World) -> None:
    """In a direct message too; the request itself stays where it was approved for."""
    world = shared_world
    case = await failed(world, OfferStatus.INVALID_TRADE_TOKEN)
    saved = shown(await case.give_url(trade_url_of(case.partner + 5_000_000)))
    assert "Skins for this account need a new approval" in saved.text
    reply = await case.member.click(saved, "Ask again for these")
    assert f"1 skin of request #{case.number}" in reply.text
    assert case.row["partner"] == case.partner
    assert case.events.count("trade_url_renewed") == 0


@shared
async def test_other_request_to_the_account_waits_and_its_cards_say_until_when(
    shared_world: World,
) -> None:
    """And goes on by itself once there is a new Trade URL."""
    world = shared_world
    world.change("UPDATE guilds SET open_requests_max = 3")
    case = await failed(world, OfferStatus.USER_NOT_TRADABLE)
    before = {message.id for message in world.approvals.messages}
    screen = await world.fill_basket(case.member, ("AK-47 | Redline (Field-Tested)", 1))
    await case.member.click(screen, "Send for approval")
    card = await world.approvals.wait_for(
        lambda message: message.id not in before and "Approve" in " ".join(labels(message))
    )
    await world.max.click(card, "Approve")
    await card.wait_for("nothing goes to it for an hour")
    assert "It goes on" in card.text
    status = await case.member.wait_for_dm(lambda message: "It goes on" in message.text)
    assert "New Trade URL" in labels(status)
    calls = len(world.market.batch_calls)
    await case.give_url(trade_url_of(case.partner, "NewToken"))
    await world.until(lambda: len(world.market.batch_calls) > calls)


# The money


@shared
async def test_administrators_see_where_the_money_is_and_book_what_is_back(
    shared_world: World,
) -> None:
    """Choose, press; of two at once one books, and everybody else is told why not."""
    world = shared_world
    case = await failed(world, OfferStatus.TIMEOUT, ("AK-47 | Redline (Field-Tested)", 2))
    other = world.guild.add_member("Another admin", administrator=True)
    reply = await world.olga.slash("quartermaster balance", channel=world.approvals)
    assert reply.ephemeral
    screens = [shown(reply), await balance(world, other)]
    assert f"Balance at SkinsBack, asked just now: {format_usd(world.market.balance)}" in (
        screens[0].text.replace("**", "")
    )
    assert "Not delivered, and the money not seen back" in screens[0].text
    chosen = [
        shown(await person.select(screen, "Choose what you have seen back", ["1"]))
        for person, screen in zip((world.olga, other), screens, strict=True)
    ]
    assert "You have chosen" in chosen[0].text
    replies = await asyncio.gather(
        world.olga.click(chosen[0], "Money is back"), other.click(chosen[1], "Money is back")
    )
    won = [reply for reply in replies if "Booked:" in reply.text]
    assert len(won) == 1
    (lost,) = (reply for reply in replies if reply is not won[0])
    first = world.olga if won[0] is replies[0] else other
    assert f"@{first.name} booked some of it" in lost.text
    assert "Nothing was booked by your click" in lost.text
    back = world.rows(
        "SELECT back_by FROM attempts WHERE request_id = ? AND back_at > 0", case.request_id
    )
    assert [row["back_by"] for row in back] == [first.id]
    details = shown(await world.max.click(case.card, "Details"))
    assert "its money is back since" in details.text


async def test_screens_about_money_and_buttons_for_members_survive_a_restart(
    world: World,
) -> None:
    """Nothing behind them is in memory."""
    case = await failed(world, OfferStatus.TIMEOUT)
    status = await case.status("press I'm here")
    screen = await balance(world, world.olga)
    await world.restart(kill=True)
    chosen = shown(await world.olga.select(screen, "Choose what you have seen back", ["1"]))
    await world.restart()
    booked = await world.olga.click(chosen, "Money is back")
    assert "1 purchase is back" in booked.text
    reply = await case.member.click(status, "I'm here")
    assert "The moderators are told" in reply.text
    await world.restart(kill=True)
    twice = await case.member.click(status, "I'm here")
    assert "know already" in twice.text
    await world.approvals.wait_for("asks for another try of request")
    said = "asks for another try of request"
    calls = [one for one in world.approvals.messages if said in one.text]
    assert len(calls) == 1
