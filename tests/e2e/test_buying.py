"""Buying: what is sent, what it waits for, what must never happen, and who hears of it."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.money import CENT, DOLLAR, Micros, format_usd
from bot.sandbox.discord import Member
from bot.sandbox.skinsback import Fault
from bot.sandbox.skinsback.answers import Answer, Parameters
from bot.sandbox.skinsback.ledger import Call
from tests.e2e.cases import hang_up, items_of, pick_up, send
from tests.e2e.world import ASIIMOV, REDLINE, World, shown

SLATE = "AK-47 | Slate (Field-Tested)"
NEO_NOIR = "M4A4 | Neo-Noir (Field-Tested)"
WATER = "Glock-18 | Water Elemental (Field-Tested)"
SAND_DUNE = "P250 | Sand Dune (Field-Tested)"
CASE = "Kilowatt Case"
STICKER = "Sticker | Natus Vincere (Holo) | Stockholm 2021"
BLAZE = "Desert Eagle | Blaze (Factory New)"

pytestmark = pytest.mark.usefixtures("books")
shared = pytest.mark.asyncio(loop_scope="module")


async def pick_listing(world: World, member: Member, name: str, listing_id: int) -> None:
    """Put one certain listing into a member's basket."""
    screen = shown(await member.slash("request", channel=world.hall))
    asked = await member.click(screen, "Add skins")
    assert asked.modal is not None
    await member.submit(asked.modal, {"Skin": name, "Listing number (optional)": str(listing_id)})


async def resume(world: World) -> str:
    """Run ``python -m bot resume`` beside the running bot, as the operator does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "resume",
        env={"PYTHONPATH": str(Path(__file__).parents[2]), **world.environment},
        cwd=world.folder,
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    assert process.returncode == 0
    return told.decode()


def calls_of(world: World, method: str) -> list[Call]:
    """Return the calls of a method."""
    return [call for call in world.market.calls if call.method == method]


# What is sent


@shared
async def test_batch_when_sent_then_it_takes_the_cheapest_listings_at_the_approved_ceilings(
    shared_world: World,
) -> None:
    """One call, every listing once, the cheapest first, each ceiling as it was approved."""
    world = shared_world
    offered = {name: world.market.listings(name) for name in (REDLINE, SAND_DUNE, ASIIMOV)}
    case = await send(world, (REDLINE, 3), (SAND_DUNE, 2), (ASIIMOV, 1))
    ceilings = world.rows(
        "SELECT ceiling FROM lines WHERE request_id = ? ORDER BY line_no", case.request_id
    )
    assert [row["ceiling"] for row in ceilings] == [
        *[1302 * CENT] * 3,
        *[4 * CENT] * 2,
        7476 * CENT,
    ]
    total = "$113.90"
    assert case.card.button("Approve").label == f"Approve {total}"
    assert total in (await case.approve()).text
    await case.result("all 6 skins bought")

    (call,) = case.calls
    items = items_of(call)
    wanted = [*offered[REDLINE][:3], *offered[SAND_DUNE][:2], offered[ASIIMOV][0]]
    assert [item["id"] for item in items] == [listing.listing_id for listing in wanted]
    sent = [str(item["max_price"]) for item in items]
    assert sent == ["13.02", "13.02", "13.02", "0.04", "0.04", "74.76"]
    assert [item["custom_id"][-4:] for item in items] == [f"{n:02d}01" for n in range(1, 7)]
    assert {len(str(item["custom_id"])) for item in items} == {26}
    assert call.parameters["partner"] == str(case.partner)
    assert [entry.price for entry in case.bought] == [listing.price for listing in wanted]
    assert case.state == "bought"


@shared
async def test_request_when_some_skins_cannot_be_had_then_the_others_are_bought(
    shared_world: World,
) -> None:
    """What is gone or too dear is refused with its reason before the call, the rest is bought."""
    world = shared_world
    member = world.guild.add_member("Picky")
    gone = world.market.listings(NEO_NOIR)[2]
    risen = world.market.listings(WATER)[1]
    await pick_listing(world, member, NEO_NOIR, gone.listing_id)
    await pick_listing(world, member, WATER, risen.listing_id)
    case = await send(world, (BLAZE, 1), (CASE, 1), (STICKER, 2), member=member)
    world.market.sell_listing(gone.listing_id)
    world.market.set_price(WATER, Micros(9 * DOLLAR))
    world.market.set_price(BLAZE, Micros(700 * DOLLAR))
    world.market.sell_out(CASE)
    stickers = world.market.listings(STICKER)
    for listing in stickers[1:]:
        world.market.sell_listing(listing.listing_id)
    await case.approve()

    result = await case.result("1 of 6 skins bought")
    assert "$700.00" in result.text
    for words in (
        "The very listing that you chose was sold or taken down",
        "The price rose above what was approved",
        "Nobody sold this when it was your turn",
    ):
        assert words in result.text
    await case.card.wait_for("1 of 6 skins bought")
    assert "another is never taken in its place" in case.card.text
    assert "The cheapest one was above the approved ceiling when we looked" in case.card.text
    (entry,) = case.bought
    assert (entry.name, entry.listing_id) == (STICKER, stickers[0].listing_id)
    assert len(case.keys_sent) == 1
    assert len(case.attempts) == 1


@shared
async def test_request_when_nothing_can_be_had_then_no_call_is_made(shared_world: World) -> None:
    """A batch with nothing in it never leaves."""
    world = shared_world
    case = await send(world, (SLATE, 2))
    world.market.set_price(SLATE, Micros(5 * DOLLAR))
    await case.approve()
    result = await case.result("nothing could be bought")
    assert "Nothing was paid" in result.text
    assert "cheapest $5.00, at most $4.36" in result.text
    await case.status("nothing bought")
    await case.is_left_alone()
    assert case.state == "bought"
    assert case.calls == []
    assert case.attempts == []


@shared
async def test_requests_when_many_are_approved_at_once_then_four_are_on_the_wire(
    shared_world: World,
) -> None:
    """A fifth purchase waits for its turn, and every one is made once."""
    world = shared_world
    cases = [await send(world, (ASIIMOV, 1)) for _ in range(7)]
    before = world.market.profile
    world.market.profile = replace(before, line_delay_s=1)
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            open_calls = [c for c in world.market.batch_calls if c.outcome == "not answered"]
            most = max(most, len(open_calls))
            await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(case.approve() for case in cases))
    await asyncio.gather(*(case.result("the skin is bought") for case in cases))
    watching.cancel()
    world.market.profile = before
    assert most == 4
    assert [len(case.calls) for case in cases] == [1] * 7


# What it waits for


@shared
async def test_request_when_the_balance_is_too_low_then_it_waits_until_it_is_topped_up(
    shared_world: World,
) -> None:
    """Nothing is sent that the balance does not cover, to the cent, and everyone is told why."""
    world = shared_world
    case = await send(world, (REDLINE, 2))
    balance = world.market.balance
    world.market.balance = Micros(2604 * CENT - 1000)
    await case.approve()
    await case.waits("balance_low")
    await case.status("The server's skin balance is too low at the moment")
    await case.card.wait_for("The SkinsBack balance doesn't cover this request")
    assert "$26.03" not in case.card.text
    await case.is_left_alone()
    world.market.balance = Micros(2604 * CENT)
    await world.hurry()
    await case.result("all 2 skins bought")
    world.market.balance = balance
    assert len(case.calls) == 1


@shared
async def test_requests_when_together_they_exceed_the_balance_then_none_is_refused_for_it(
    shared_world: World,
) -> None:
    """What is being bought is spoken for: the balance is never promised twice."""
    world = shared_world
    cases = [await send(world, (ASIIMOV, 1)) for _ in range(4)]
    balance = world.market.balance
    before = world.market.profile
    world.market.profile = replace(before, line_delay_s=0.2)
    world.market.balance = Micros(100 * DOLLAR)
    await asyncio.gather(*(case.approve() for case in cases))
    await world.until(lambda: sum(case.state == "bought" for case in cases) == 1)
    await world.until(lambda: sum(case.row["waits_for"] == "balance_low" for case in cases) == 3)
    assert sum(len(case.calls) for case in cases) == 1
    world.market.balance = balance
    world.market.profile = before
    await world.hurry()
    for case in cases:
        await case.result("the skin is bought")


@shared
async def test_request_when_its_member_has_left_then_it_waits_for_them(
    shared_world: World,
) -> None:
    """Nothing is bought for somebody who is not there; when they come back it goes on."""
    world = shared_world
    case = await send(world)
    case.member.leave()
    await case.approve()
    await case.waits("member_gone")
    await case.card.wait_for("The member has left the server")
    await case.is_left_alone()
    world.guild.add_member(case.member)
    await world.hurry()
    await case.result("the skin is bought")
    assert len(case.calls) == 1


@shared
async def test_request_when_nobody_could_be_told_then_it_waits(shared_world: World) -> None:
    """A trade lives ten minutes: while messages are behind, nothing is bought."""
    world = shared_world
    case = await send(world)
    world.change(
        "INSERT INTO outbox (kind, guild_id, to_member, target_id, mark, state, next_at, "
        "created_at) VALUES ('test_card', ?, 0, 1, 1, 'waiting', 9999999999999, 1)",
        world.guild.id,
    )
    await case.approve()
    await case.waits("cannot_tell")
    await case.card.wait_for("Messages to Discord are behind")
    await case.status("until I can write to Discord reliably")
    await case.is_left_alone()
    assert case.calls == []
    world.change("DELETE FROM outbox WHERE mark = 1")
    await world.hurry()
    await case.result("the skin is bought")


async def test_request_when_discord_is_gone_then_it_is_bought_once_it_is_back(
    empty_world: World,
) -> None:
    """Without Discord nobody would hear of the trade, so nothing is bought."""
    world = await (await empty_world.set_up(undo_s=1)).start()
    case = await send(world)
    await case.approve()
    await world.discord.stop_listening()
    await case.waits("cannot_tell")
    assert case.calls == []
    await world.discord.start_listening()
    # The library's own way back may take half a minute.
    await world.restart(kill=True)
    await world.hurry()
    await case.result("the skin is bought")
    assert len(case.calls) == 1


@shared
async def test_request_when_it_waited_for_too_long_then_it_is_not_tried_over_and_over(
    shared_world: World,
) -> None:
    """What has expired and is not swept yet costs no calls and is never bought."""
    world = shared_world
    case = await send(world)
    case.member.leave()
    await case.approve()
    await case.waits("member_gone")
    world.guild.add_member(case.member)
    asked = len(calls_of(world, "balance"))
    world.change(
        "UPDATE requests SET expires_at = ? WHERE request_id = ?",
        int(time.time() * 1000),
        case.request_id,
    )
    await world.hurry()
    await asyncio.sleep(0.3)
    assert len(calls_of(world, "balance")) == asked
    assert case.calls == []


@shared
async def test_batch_when_it_provably_never_left_then_it_is_sent_later_under_the_same_key(
    shared_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A market that takes no connection has bought nothing: the request waits, and goes on."""
    world = shared_world
    case = await send(world, (REDLINE, 2))
    look = world.market.stock.search

    def search_then_hang_up(parameters: Parameters) -> Answer:
        hang_up(world.market)
        return look(parameters)

    with monkeypatch.context() as patch:
        patch.setattr(world.market.stock, "search", search_then_hang_up)
        await case.approve()
        await case.waits("market_unreachable")
    assert case.calls == []
    assert [row["state"] for row in case.attempts] == ["not_sent", "not_sent"]
    await case.status("The market doesn't answer at the moment. Nothing was bought")
    await case.card.wait_for("The market can't be reached. Nothing was bought")
    await pick_up(world.market)
    await world.hurry()
    await case.result("all 2 skins bought")
    assert [key[-4:] for key in case.keys_sent] == ["0101", "0201"]
    assert "sent, no answer" not in (await world.max.click(case.card, "Details")).text


async def test_market_when_it_is_down_at_the_start_then_requests_are_taken_and_buying_waits(
    empty_world: World,
) -> None:
    """A market that can't be reached keeps nothing from starting, and nothing is lost by it."""
    world = await (await empty_world.set_up()).start()
    await world.until(world.prices_are_kept)
    assert await world.bot.stop() == 0
    hang_up(world.market)
    await world.start()
    case = await send(world)
    await case.approve()
    await case.waits("market_unreachable")
    await case.card.wait_for("The market can't be reached. Nothing was bought")
    await case.status("The market doesn't answer at the moment")
    await pick_up(world.market)
    await world.hurry()
    await case.result("the skin is bought")
    assert len(case.calls) == 1


async def test_request_when_its_server_may_not_spend_any_more_then_it_waits(
    empty_world: World,
) -> None:
    """What was approved before the operator took the server off the list is not bought."""
    world = await (await empty_world.set_up(undo_s=600)).start()
    case = await send(world)
    await case.approve()
    await world.bot.kill()
    world.change("UPDATE requests SET claimable_at = 0")
    await world.start(ALLOWED_GUILD_IDS="1")
    await case.waits("server_not_allowed")
    await case.card.wait_for("This server may not spend money at the moment")
    refused = await world.max.click(case.card, "Take back")
    assert "This server may not spend money yet" in refused.text
    await world.restart(kill=True)
    await world.hurry()
    await case.result("the skin is bought")
    assert len(case.calls) == 1


# What must never happen


NEVER = {
    Fault.FOREIGN_KEY: ("foreign_key", "a purchase that none of our orders asked for"),
    Fault.FOREIGN_STEAM_ID: (
        "wrong_steam_account",
        "a purchase for another Steam account than the approved one",
    ),
    Fault.DEBIT_ABOVE_CEILING: ("above_ceiling", "a purchase above its approved ceiling"),
}


async def test_purchase_when_it_is_not_what_was_ordered_then_buying_stops_until_resumed(
    world: World,
) -> None:
    """It is booked as it came, raised, and nothing more is bought before a person has looked."""
    for fault, (alarm, words) in NEVER.items():
        first = await send(world, (REDLINE, 2))
        second = await send(world)
        world.market.break_next("market_batch_buy", fault)
        await first.approve()
        notice = await world.approvals.wait_for(words)
        (entry, _) = first.bought
        assert str(entry.buy_id) in notice.text
        assert "alarm" in first.events
        await first.card.wait_for(f": {words}")
        assert "The market did something that must never happen" in first.card.text
        details = await world.max.click(first.card, "Details")
        assert f"⚠️ {words}" in details.text
        told = await first.status("")
        assert words not in told.text
        assert "must never happen" not in told.text
        assert f"must never happen: {alarm}, request {first.request_id}" in world.bot.log()
        if fault is Fault.FOREIGN_KEY:
            (stray,) = world.rows("SELECT * FROM strays")
            assert (stray["buy_id"], stray["debited"]) == (entry.buy_id, entry.debited)
            assert [row["state"] for row in first.attempts] == ["unknown", "purchased"]
            await first.result("1 of 2 skins bought")
        else:
            assert first.attempts[0]["debited"] == entry.debited
            paid = Micros(entry.debited + first.bought[1].debited)
            result = await first.result("all 2 skins bought")
            assert f"{format_usd(paid)} paid by the server" in result.text

        # A pause stops buying, not deciding; neither a restart nor an answering market lifts it.
        await second.approve()
        await second.waits("paused")
        await second.card.wait_for("Buying is paused. Nothing was bought")
        if fault is Fault.FOREIGN_KEY:
            await world.restart()
        await second.is_left_alone()
        assert second.calls == []

        assert "Buying goes on" in await resume(world)
        (ended,) = world.rows("SELECT * FROM events ORDER BY event_id DESC LIMIT 1")
        assert (ended["kind"], ended["guild_id"]) == ("resumed", world.guild.id)
        await world.hurry()
        await second.result("the skin is bought")
        await notice.wait_for("Buying goes on")
        assert len(first.calls) == len(second.calls) == 1


@shared
async def test_batch_when_buying_is_paused_while_listings_are_looked_up_then_it_is_not_sent(
    shared_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pause stops what has been claimed too, and the card says so."""
    world = shared_world
    case = await send(world)
    look = world.market.stock.search

    def search_then_pause(parameters: Parameters) -> Answer:
        world.change("INSERT INTO pauses (cause, since) VALUES ('alarm', 1)")
        return look(parameters)

    with monkeypatch.context() as patch:
        patch.setattr(world.market.stock, "search", search_then_pause)
        await case.approve()
        await case.waits("paused")
    assert case.calls == []
    assert case.attempts == []
    await case.card.wait_for("Buying is paused. Nothing was bought")
    await case.status("Buying is paused at the moment")
    assert "Buying goes on" in await resume(world)
    await world.hurry()
    await case.result("the skin is bought")


@shared
async def test_request_when_it_is_no_longer_what_was_approved_then_nothing_is_bought(
    shared_world: World,
) -> None:
    """An approval is bound to the lines, the ceilings and the account that the card showed."""
    world = shared_world
    case = await send(world)
    case.member.leave()
    await case.approve()
    await case.waits("member_gone")
    world.guild.add_member(case.member)
    world.change("UPDATE lines SET ceiling = 99990000 WHERE request_id = ?", case.request_id)
    await world.hurry()
    await case.waits("fault")
    await case.card.wait_for("Something went wrong on our side. Nothing was bought. The person who")
    await case.status("Something went wrong on our side. Nothing was bought, your request is kept")
    assert case.state == "approved"
    assert case.calls == []
    # It is neither lost nor stuck: what was approved is bought once it is that again.
    world.change("UPDATE lines SET ceiling = 13020000 WHERE request_id = ?", case.request_id)
    await world.hurry()
    await case.result("the skin is bought")
    forget_tracebacks(world)


def forget_tracebacks(world: World) -> None:
    """The fault that a test made itself is in the log with its traceback, as it should be."""
    log = world.bot.log()
    assert "Traceback" in log
    world.bot.log_path.write_text(log.replace("Traceback", "(expected)"))


async def test_approval_when_it_was_given_anew_meanwhile_then_its_own_undo_time_counts(
    empty_world: World,
) -> None:
    """What a first approval came to wait for is not laid upon the second one."""
    world = await (await empty_world.set_up(undo_s=1)).start()
    case = await send(world)
    world.market.break_next("balance", Fault.HANG, hang_s=0.5, times=1)
    asked = len(calls_of(world, "balance"))
    await case.approve()
    await world.until(lambda: len(calls_of(world, "balance")) > asked)
    taken = await world.mia.click(case.card, "Take back", as_of=case.with_button("Take back"))
    assert "is taken back" in taken.text
    at = time.time()
    again = await world.mia.click(case.card, "Approve", as_of=case.with_button("Approve"))
    assert "is approved" in again.text
    await case.result("the skin is bought")
    (call,) = case.calls
    assert 1.0 <= call.at - at < 5


# Who hears of it


@shared
async def test_result_when_the_dm_failed_then_it_pings_the_member_and_nobody_else(
    shared_world: World,
) -> None:
    """The message that is the only one to reach someone rings; no other does."""
    world = shared_world
    unreachable = world.guild.add_member("Closed")
    unreachable.close_dms()
    closed = await send(world, member=unreachable)
    reachable = await send(world)
    assert "can't be written to" in (await closed.card.wait_for("can't be written to")).text
    for case in (closed, reachable):
        await case.approve()
    loud = await closed.result("the skin is bought")
    quiet = await reachable.result("the skin is bought")
    assert loud.pinged(unreachable)
    assert loud.mentions_pinged.users == {unreachable.id}
    assert "Accept it within 10 minutes" in loud.text
    assert not quiet.mentions_pinged
    assert len(reachable.member.dms) == 1
    assert world.max.notifications == []
    balance = format_usd(world.market.balance)
    details = await world.max.click(closed.card, "Details")
    assert f"Balance at SkinsBack: {balance}" in details.text
    assert details.ephemeral
    for message in (*world.results.messages, *world.approvals.messages):
        assert balance not in message.text
