"""Kills at the worst moments: nothing is bought twice, nothing is lost, nothing is guessed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.sandbox.skinsback import Fault
from tests.e2e.cases import Case, send
from tests.e2e.world import ASIIMOV, REDLINE, World

pytestmark = pytest.mark.usefixtures("books")

UNKNOWN = "The market hasn't confirmed this. It may or may not be bought"
DELAYS_S = (0.0, 0.05, 0.1)


def is_told_once(case: Case) -> None:
    """Make sure that one message stands in the results channel, however often it was edited."""
    posted = [m for m in case.world.results.messages if f"Request #{case.number} " in m.text]
    assert len(posted) == 1


async def is_told_unknown(case: Case) -> None:
    """Make sure that everybody reads that nobody knows, once, and that it is not called over."""
    result = await case.result(UNKNOWN)
    await case.status(UNKNOWN)
    await case.card.wait_for("Do not buy them by hand")
    for message in (result, case.card):
        assert "Not confirmed" in message.text
        assert "othing could be bought" not in message.text
        assert "Nothing was" not in message.text
    is_told_once(case)
    assert case.state == "buying"


@pytest.mark.parametrize("carried_out", [False, True])
async def test_bot_when_killed_while_the_batch_hangs_then_it_is_looked_up_and_not_sent_again(
    world: World, carried_out: bool
) -> None:
    """Whether the market has bought it or not, the call that was on the wire stays the only one."""
    case = await send(world, (REDLINE, 2))
    world.market.break_next("market_batch_buy", Fault.HANG, carried_out=carried_out)
    await case.approve()
    await world.until(lambda: len(case.calls) == 1 and len(case.bought) == 2 * carried_out)
    assert [row["state"] for row in case.attempts] == ["sent", "sent"]
    await world.restart(kill=True)
    # The market's history is read at the start: what was bought is found, the rest nobody knows.
    ended = ["purchased", "purchased"] if carried_out else ["unknown", "unknown"]
    if carried_out:
        await case.result("all 2 skins bought")
        await case.card.wait_for("2 skins bought")
    else:
        await is_told_unknown(case)
    assert [row["state"] for row in case.attempts] == ended

    late = await world.mia.click(case.card, "Approve", as_of=case.card.versions[0])
    assert "@Max already approved this" in late.text
    # The worker lives, and buys for others, beside what nobody knows and not from its listings.
    other = await send(world)
    await other.approve()
    await other.result("the skin is bought")
    unknown = {row["listing_id"] for row in case.attempts}
    assert not unknown & {entry.listing_id for entry in other.bought}
    await world.restart(kill=True)
    await case.is_left_alone()
    if not carried_out:
        await is_told_unknown(case)
    is_told_once(case)
    assert [row["state"] for row in case.attempts] == ended
    assert len(case.calls) == 1
    assert case.keys_sent == [row["purchase_key"] for row in case.attempts]


async def test_bot_when_killed_between_claim_and_call_then_it_is_bought_once(world: World) -> None:
    """A line without an attempt was never sent: it is taken up again, and gets the first key."""
    case = await send(world, (REDLINE, 2))
    world.market.break_next("market_search", Fault.HANG)
    await case.approve()
    await world.until(lambda: any(call.method == "market_search" for call in world.market.calls))
    assert case.state == "buying"
    assert case.attempts == []
    await world.restart(kill=True)
    await case.result("all 2 skins bought")
    assert [key[-4:] for key in case.keys_sent] == ["0101", "0201"]
    assert len(case.calls) == 1
    await case.card.wait_for("2 skins bought")


async def test_bot_when_killed_at_any_moment_then_each_skin_is_bought_at_most_once(
    world: World,
) -> None:
    """Wherever the kill strikes, what the market has is found, and the rest is told as unknown."""
    world.market.profile = replace(world.market.profile, line_delay_s=0.02)
    everything: list[Case] = []
    for delay_s in DELAYS_S:
        cases = [await send(world, (ASIIMOV, 1), (REDLINE, 1)) for _ in range(3)]
        clicks = [asyncio.create_task(world.max.click(case.card, "Approve")) for case in cases]
        await world.until(lambda case=cases[0]: case.state != "pending")  # type: ignore[misc]
        await asyncio.sleep(delay_s)
        await world.restart(kill=True)
        for click in clicks:
            click.cancel()
        for case in cases:
            if case.state == "pending":
                await case.approve()
        everything += cases
    for case in everything:
        await case.result()
        if not case.bought:
            # It never left, or not before the kill: for ten minutes nobody can know that.
            await is_told_unknown(case)
            assert {row["state"] for row in case.attempts} == {"unknown"}
            continue
        await case.result("all 2 skins bought")
        assert {row["state"] for row in case.attempts} == {"purchased"}
        assert case.state == "bought"
        assert len(case.bought) == 2
    await everything[0].is_left_alone()
    for case in everything:
        assert len(case.calls) <= 1
        assert len(case.attempts) == 2
        posted = [m for m in world.results.messages if f"Request #{case.number} " in m.text]
        assert len(posted) == 1
        # By now their trades may wait in Steam, which is a message of its own.
        told = [dm for dm in case.member.dms if dm.text.startswith(f"Your request #{case.number}:")]
        assert len(told) == 1


async def test_bot_when_stopped_while_the_market_answers_then_the_answer_is_kept_and_told_once(
    world: World,
) -> None:
    """An orderly stop waits for what is on the wire, and begins nothing new."""
    case = await send(world, (REDLINE, 2))
    waiting = await send(world)
    world.market.profile = replace(world.market.profile, line_delay_s=0.4)
    await case.approve()
    await world.until(lambda: len(case.calls) == 1)
    world.market.break_next("balance", Fault.HANG, hang_s=0.6)
    asked = len([call for call in world.market.calls if call.method == "balance"])
    await waiting.approve()
    await world.until(
        lambda: len([call for call in world.market.calls if call.method == "balance"]) > asked
    )
    assert await world.bot.stop() == 0
    assert case.state == "bought"
    assert [row["state"] for row in case.attempts] == ["purchased", "purchased"]
    assert waiting.state == "approved"
    assert waiting.calls == []

    world.market.profile = replace(world.market.profile, line_delay_s=0)
    await world.start()
    await case.result("all 2 skins bought")
    await case.card.wait_for("2 skins bought")
    await world.hurry()
    await waiting.result("the skin is bought")
    posted = [m for m in world.results.messages if f"Request #{case.number} " in m.text]
    assert len(posted) == 1
    assert len(case.calls) == len(waiting.calls) == 1
