"""The main job: ask, approve, buy, and a result for every skin."""

from __future__ import annotations

from tests.e2e.world import ASIIMOV, REDLINE, World


async def test_request_when_approved_then_every_skin_is_bought_and_told(world: World) -> None:
    """One call buys everything, and member, moderators and channel are told."""
    card = await world.submit(world.ana, (REDLINE, 2), (ASIIMOV, 1))
    reply = await world.max.click(card, "Approve")
    assert "is approved" in reply.text
    result = await world.results.wait_for("all 3 skins bought")
    assert result.text.count("✅") == 3
    assert len(world.market.batch_calls) == 1
    assert len(world.market.purchases) == 3
    await card.wait_for("3 skins bought")
    await world.ana.wait_for_dm("bought")
    assert not result.pinged(world.ana)
    assert len(world.ana.dms) == 1
