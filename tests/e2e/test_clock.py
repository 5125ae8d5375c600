"""A clock that is wrong: buying and expiry wait, the card says why, and all goes on by itself."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.models import WaitReason
from bot.ui import text
from tests.e2e.cases import send
from tests.e2e.world import World

HOUR_S = 3600.0


@pytest.mark.usefixtures("books")
async def test_market_an_hour_away_then_a_request_waits_and_goes_on_when_the_clock_is_right(
    empty_world: World,
) -> None:
    """The member and the moderators read why; nothing is bought and nothing expires meanwhile."""
    world = await empty_world.set_up()
    world.market.clock_skew_s = HOUR_S
    await world.start()
    await world.until(lambda: "the market is 3600 s ahead of it" in world.bot.log())
    old, new = await send(world), await send(world)
    await new.approve()
    words = text.WAITS[WaitReason.CLOCK]
    await new.card.wait_for(lambda card: words.moderator in card.text)
    assert words.member in (await new.status("approved, waiting")).text
    assert new.row["waits_for"] == "clock"
    world.change("UPDATE requests SET expires_at = 1 WHERE request_id = ?", old.request_id)
    await asyncio.sleep(2)
    assert (old.state, new.state) == ("pending", "approved")
    assert world.market.batch_calls == []
    world.market.clock_skew_s = 0.0
    await new.result("the skin is bought")
    await world.until(lambda: old.state == "expired", timeout=40)
    log = world.bot.log()
    assert log.count("The clock of this machine is wrong") == 1
    assert log.count("The clock of this machine is right again") == 1


@pytest.mark.usefixtures("books")
async def test_discord_an_hour_away_then_it_is_found_out_and_asked_until_it_agrees(
    world: World,
) -> None:
    """Whatever Discord answers tells the time; its own answers end the doubt."""
    case = await send(world)
    world.discord.clock_skew_s = -HOUR_S
    await world.give_trade_url(world.olga)
    await world.until(lambda: "Discord is 3600 s behind it" in world.bot.log())
    await case.approve()
    await case.waits("clock")
    world.discord.clock_skew_s = 0.0
    await case.result("the skin is bought")
