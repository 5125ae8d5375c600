"""From "purchased" on: members are told of their trades in time, and every card shows the truth."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from bot.domain.delivery import RETURNED
from bot.domain.market import FAILED_STATUSES, OfferStatus
from bot.sandbox.discord import DelayAnswer, Hang, Member, Message, Refuse
from bot.sandbox.discord.faults import Action
from bot.sandbox.skinsback.sockets import Greeting
from bot.ui import text
from tests.e2e.cases import Case, send
from tests.e2e.screens import CASE, answered_twice, labels, unanswered
from tests.e2e.test_outbox import NONCE_FORGOTTEN_S
from tests.e2e.world import ASIIMOV, REDLINE, World, shown, small_world

shared = pytest.mark.asyncio(loop_scope="module")

QUICK = "tests.e2e.quick_bot"
WAITS, ACCEPTED, TIMEOUT = (
    OfferStatus.WAITING_ACCEPT,
    OfferStatus.ACCEPTED,
    OfferStatus.TIMEOUT,
)
MANY = (
    (REDLINE, 7),
    (CASE, 6),
    ("AK-47 | Slate (Field-Tested)", 4),
    ("Glock-18 | Water Elemental (Field-Tested)", 4),
    ("M4A4 | Neo-Noir (Field-Tested)", 4),
)
PARKED = "SELECT 1 FROM outbox WHERE state = 'parked' AND kind = 'trades' AND request_id = ?"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def following(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    """A world for all tests here whose bot asks often, and whose trades move when told to."""
    async with small_world(tmp_path_factory.mktemp("following"), None) as world:
        world.program = QUICK
        await world.set_up(lines_max=25)
        yield await world.start()
        assert unanswered(world.discord) == []
        assert answered_twice(world.discord) == []


async def bought(
    world: World, *skins: tuple[str, int], member: Member | None = None, closed: bool = False
) -> Case:
    """Have skins bought whose trades are made and go no further by themselves."""
    world.discord.faults.clear()
    world.market.start_over()
    world.market.script_trades(OfferStatus.CREATING_TRADE)
    case = await send(world, *skins, member=member)
    if closed:
        case.member.close_dms()
    await case.approve()
    await case.result("being sent")
    return case


def move(case: Case, status: OfferStatus, *places: int) -> None:
    """Let trades of a request go on: all of them, or those bought first, second, …"""
    for place, entry in enumerate(case.bought):
        if not places or place in places:
            case.world.market.move(entry, status)


def trade_messages(case: Case) -> list[Message]:
    """Return what the member was told of trades by direct message."""
    return [message for message in case.member.dms if re.search("[Tt]rades? ", message.source[:99])]


async def trade_message(case: Case, wanted: str) -> Message:
    """Wait for what the message about trades says."""
    return await case.member.wait_for_dm(
        lambda message: not message.is_v2 and wanted in message.text
    )


@shared
async def test_trade_that_waits_rings_and_has_its_deadline_and_link_and_goes_on_showing_the_truth(
    following: World,
) -> None:
    world = following
    case = await bought(world, (REDLINE, 1), (ASIIMOV, 1))
    by_name = {entry.name: place for place, entry in enumerate(case.bought)}
    redline, asiimov = case.bought[by_name[REDLINE]], case.bought[by_name[ASIIMOV]]
    move(case, WAITS, by_name[REDLINE])
    message = await trade_message(case, f"{REDLINE}: your trade is waiting in Steam.")
    assert "From Friday Cup (request #" in message.text
    assert re.search(r"Accept it before \d\d:\d\d \(in (9|10) minutes\)", message.text)
    assert "We never ask you to log in" in message.text
    assert [(button.label, button.url) for button in message.buttons] == [
        (REDLINE, f"https://steamcommunity.com/tradeoffer/{redline.trade_offer_id}/")
    ]
    rung = [told for told in case.member.notifications if told.message is message]
    assert [REDLINE in told.preview for told in rung] == [True]
    await case.card.wait_for("1 waiting in Steam until")
    await case.result("waits in Steam until")
    await case.status("waits in Steam until")

    move(case, WAITS, by_name[ASIIMOV])
    await message.wait_for("2 trades wait for you")
    assert labels(message) == [REDLINE, ASIIMOV]
    assert message.buttons[1].url is not None
    assert str(asiimov.trade_offer_id) in message.buttons[1].url
    await case.card.wait_for("2 waiting in Steam until")

    move(case, ACCEPTED, by_name[REDLINE])
    move(case, TIMEOUT, by_name[ASIIMOV])
    await message.wait_for("None of these trades waits in Steam any more")
    assert f"{REDLINE}: delivered, final on" in message.text
    assert f"{ASIIMOV}: not accepted in time" in message.text
    show = f"Show request #{case.number}"
    assert labels(message) == [show, "Trade offers at Steam"]
    opened = await case.member.click(message, show)
    assert "press I'm here when you have Steam open" in opened.text
    for told in (case.card, await case.result("delivered, final on"), await case.status("final")):
        await told.wait_for("delivered, final on")
        await told.wait_for("Bought, but not delivered: not accepted in time")
    assert len(trade_messages(case)) == 1
    # The edits rang nobody.
    assert len([told for told in case.member.notifications if told.message is message]) == 1


@shared
async def test_member_without_direct_messages_is_called_and_alone_sees_the_trades(
    following: World,
) -> None:
    world = following
    case = await bought(world, (REDLINE, 2), closed=True)
    move(case, WAITS)
    call = await world.results.wait_for(
        lambda message: f"2 trades wait for you in Steam (request #{case.number})" in message.text
    )
    assert call.mentions_pinged.users == {case.member.id}
    assert not call.mentions_pinged.roles
    assert "steamcommunity" not in call.source
    assert labels(call) == ["Open my trades"]
    rung = [told for told in case.member.notifications if told.message is call]
    assert ["2 trades wait" in told.preview for told in rung] == [True]
    await case.result("waits in Steam until")

    stranger = world.guild.add_member("Stranger")
    reply = await stranger.click(call, "Open my trades")
    assert reply.ephemeral
    assert "This belongs to another member" in reply.text
    opened = await case.member.click(call, "Open my trades")
    assert opened.ephemeral
    links = [button.url for button in shown(opened).buttons if button.url]
    assert links == [
        f"https://steamcommunity.com/tradeoffer/{entry.trade_offer_id}/" for entry in case.bought
    ]
    assert "Accept each in time" in opened.text

    move(case, ACCEPTED)
    await call.wait_for("none of these trades waits in Steam any more")
    assert call.mentions_pinged.users == {case.member.id}
    late = await case.member.click(call, "Open my trades")
    assert "No trade of request" in late.text
    assert "2 delivered" in late.text


@shared
async def test_member_opens_trades_from_their_requests_and_goes_back(following: World) -> None:
    world = following
    case = await bought(world)
    move(case, WAITS)
    status = await case.status("waits in Steam until")
    opened = shown(await case.member.click(status, "Open my trades"))
    assert [bool(button.url) for button in opened.buttons] == [True, False]
    assert "Your trades of request" in opened.text
    assert "waits in Steam until" in status.text


@shared
async def test_deleted_message_is_posted_again_only_while_a_trade_waits(following: World) -> None:
    world = following
    case = await bought(world, (REDLINE, 2))
    move(case, WAITS)
    message = await trade_message(case, "2 trades wait for you")
    message.delete()
    move(case, ACCEPTED, 0)
    again = await trade_message(case, "delivered, final on")
    assert again is not message
    assert "your trade is waiting" in again.text
    again.delete()
    move(case, ACCEPTED, 1)
    await case.card.wait_for("2 delivered")
    await world.until(
        lambda: world.rows(
            "SELECT 1 FROM outbox WHERE request_id = ? AND kind = 'trades' AND state = 'skipped'",
            case.request_id,
        )
    )
    assert [one for one in trade_messages(case) if not one.deleted] == []


@shared
async def test_twenty_five_trades_at_once_are_told_in_one_message_and_few_edits(
    following: World,
) -> None:
    world = following
    case = await bought(world, *MANY)
    card = case.card
    for entry in case.bought:
        world.market.move(entry, WAITS)
    message = await trade_message(case, "25 trades wait for you")
    assert len(message.buttons) == 25
    assert len({button.url for button in message.buttons}) == 25
    await card.wait_for("25 waiting in Steam")
    before = len(card.edits)
    for entry in case.bought:
        world.market.move(entry, ACCEPTED)
    await message.wait_for("None of these trades waits")
    await card.wait_for("25 delivered")
    await case.result("delivered, final on")
    assert len(card.edits) - before <= 4
    assert len(trade_messages(case)) == 1


@shared
async def test_old_message_whose_edit_is_refused_for_a_while_shows_the_truth_later(
    following: World,
) -> None:
    """Error 30046: too many edits of messages that are older than an hour."""
    world = following
    case = await bought(world)
    move(case, WAITS)
    message = await trade_message(case, "your trade is waiting")
    world.change(
        "UPDATE outbox SET created_at = created_at - 7200000 WHERE request_id = ?", case.request_id
    )
    path = rf"/channels/{message.channel.id}/messages/"
    fault = world.discord.faults.add(Refuse(429, 30046), method="PATCH", path=path, times=2)
    move(case, ACCEPTED)
    await message.wait_for("This trade doesn't wait", timeout=30)
    assert fault.hits == 2
    await case.status("delivered, final on")


@shared
async def test_what_was_returned_is_told_to_the_moderators_without_a_ping(
    following: World,
) -> None:
    world = following
    case = await bought(world, (REDLINE, 1), (ASIIMOV, 1))
    move(case, ACCEPTED)
    await case.card.wait_for("2 delivered")
    move(case, OfferStatus.ROLLBACK_USER, 0)
    notice = await world.approvals.wait_for(
        lambda message: f"Request #{case.number} of" in message.text
    )
    assert "Returned from" in notice.text
    assert "We don't know whether the money comes back" in notice.text
    assert not notice.mentions_pinged
    assert labels(notice) == ["Details"]
    move(case, OfferStatus.ROLLBACK_SUPPLIER, 1)
    await notice.wait_for("Taken back by its seller")
    await case.result("returned under Steam's trade protection")


@shared
async def test_channel_that_is_gone_holds_up_nobody(following: World) -> None:
    """The call for a member who can't be written to is kept for an administrator to see."""
    world = following
    gone = world.guild.add_channel("soon-gone")
    world.change("UPDATE guilds SET results_channel_id = ?", gone.id)
    case = await bought_in(world, gone.id)
    gone.delete()
    move(case, WAITS)
    await world.until(lambda: world.rows(PARKED, case.request_id))
    await case.card.wait_for("1 waiting in Steam until")
    await case.card.wait_for("can't be written to")
    world.change("UPDATE guilds SET results_channel_id = ?", world.results.id)
    other = await bought(world)
    move(other, WAITS)
    await trade_message(other, "your trade is waiting")


async def bought_in(world: World, channel_id: int) -> Case:
    """Have a skin bought for somebody without direct messages, with results elsewhere."""
    channel = world.discord.world.channels[channel_id]
    return await bought(replace(world, results=channel), closed=True)


@pytest.mark.parametrize("fault", [Hang(), DelayAnswer(60)])
async def test_bot_that_dies_while_it_tells_tells_it_once(tmp_path: Path, fault: Action) -> None:
    """Killed between the status and the post, or between the post and its answer."""
    async with small_world(tmp_path, None) as world:
        world.program = QUICK
        await (await world.set_up()).start()
        case = await bought(world)
        dm = case.member.dms[0].channel
        world.discord.faults.add(fault, method="POST", path=rf"/channels/{dm.id}/messages$")
        move(case, WAITS)
        await world.until(
            lambda: world.rows("SELECT 1 FROM outbox WHERE kind = 'trades' AND state = 'trying'")
        )
        if isinstance(fault, DelayAnswer):
            await trade_message(case, "your trade is waiting")
        world.discord.faults.clear()
        # Discord has forgotten the nonce by then: only a search finds what stands.
        world.discord.advance(NONCE_FORGOTTEN_S)
        await world.restart(kill=True)
        await trade_message(case, "your trade is waiting")
        await world.until(
            lambda: world.rows("SELECT 1 FROM outbox WHERE kind = 'trades' AND state = 'posted'")
        )
        move(case, ACCEPTED)
        await case.card.wait_for("1 delivered")
        assert len(trade_messages(case)) == 1


@shared
@pytest.mark.parametrize("status", sorted(FAILED_STATUSES))
async def test_trade_that_ends_otherwise_says_why_everywhere(
    following: World, status: OfferStatus
) -> None:
    case = await bought(following)
    move(case, WAITS)
    await trade_message(case, "waiting in Steam")
    if status in RETURNED:
        move(case, OfferStatus.ACCEPTED)
        await case.result("delivered")
    move(case, status)
    heading = text.UNDELIVERED[status].heading
    for said in (await case.status(heading), await case.result(heading)):
        assert "(code" not in said.text
    await case.card.wait_for(heading)
    await trade_message(case, "request #")


def _refuse(world: World) -> None:
    world.market.sockets.greeting = Greeting.REFUSE


def _keep_silent(world: World) -> None:
    world.market.sockets.greeting = Greeting.SILENCE


def _cut_the_greeting(world: World) -> None:
    world.market.sockets.greeting = Greeting.CUT


def _hold(world: World) -> None:
    world.market.sockets.hold()


@shared
@pytest.mark.parametrize("trouble", [_refuse, _keep_silent, _cut_the_greeting, _hold])
async def test_socket_when_it_dies_in_any_phase_then_the_trade_is_told_all_the_same(
    following: World, trouble: Callable[[World], None]
) -> None:
    world = following
    case = await bought(world)
    trouble(world)
    await world.market.drop_sockets()
    move(case, WAITS)
    await trade_message(case, "waiting in Steam")
    world.market.sockets.cut(within_a_frame=True)
    move(case, OfferStatus.ACCEPTED)
    await case.result("delivered")
    assert len(trade_messages(case)) == 1
