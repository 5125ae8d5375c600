"""The main job: ask, approve, buy, and a result for every skin."""

from __future__ import annotations

from tests.e2e.world import ASIIMOV, REDLINE, World


async def test_request_when_approved_then_every_skin_is_bought_and_told(world: World) -> None:
    """One call buys everything, member, moderators and channel are told, and the skins arrive."""
    card = await world.submit(world.ana, (REDLINE, 2), (ASIIMOV, 1))
    reply = await world.max.click(card, "Approve")
    assert "is approved" in reply.text
    result = await world.results.wait_for("all 3 skins bought")
    assert len(world.market.batch_calls) == 1
    assert len(world.market.purchases) == 3
    await card.wait_for("3 skins bought")
    await world.ana.wait_for_dm("bought")
    assert not result.pinged(world.ana)
    trades = await world.ana.wait_for_dm(lambda message: not message.is_v2)
    assert [told.message for told in world.ana.notifications][-1] is trades
    world.market.advance(60)
    await result.wait_for(lambda message: message.text.count("✅") == 3)
    assert len(world.ana.dms) == 2
