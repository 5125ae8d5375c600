"""``/quartermaster pause`` and ``resume``, and the pauses that came by themselves."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.models import PauseCause
from bot.domain.money import format_usd
from bot.sandbox.discord import SandboxError
from tests.e2e.cases import send
from tests.e2e.test_buying import resume
from tests.e2e.world import World

pytestmark = pytest.mark.usefixtures("books")


async def test_server_when_paused_then_everybody_hears_why_and_it_goes_on_when_resumed(
    world: World,
) -> None:
    """From the command to the notice, the answer to an approval, the cards, and the end."""
    told = await world.olga.slash(
        "quartermaster pause", channel=world.hall, reason="counting *all* skins"
    )
    assert told.ephemeral
    assert "Buying is paused for this server" in told.text
    notice = await world.approvals.wait_for("Buying is paused")
    assert f"by @{world.olga.name}" in notice.text
    assert "counting \\*all\\* skins" in notice.text or "counting *all* skins" in notice.text
    assert "/quartermaster resume" in notice.text

    twice = await world.olga.slash("quartermaster pause", channel=world.hall, reason="again")
    assert "Buying is paused here already" in twice.text
    assert "counting" in twice.text

    case = await send(world)
    approved = await case.approve()
    assert "Buying is paused at the moment" in approved.text
    assert "counting" in approved.text
    assert f"@{world.olga.name}" in approved.text
    await case.waits("paused")
    await case.card.wait_for("Buying is paused. Nothing was bought")
    details = await world.max.click(case.card, "Details")
    assert "counting" in details.text
    assert case.calls == []

    await world.restart(kill=True)
    await case.is_left_alone()
    lifted = await world.olga.slash("quartermaster resume", channel=world.hall)
    assert "is lifted" in lifted.text
    assert "Buying goes on" in lifted.text
    await case.result("the skin is bought")
    await notice.wait_for("Buying goes on")
    nothing = await world.olga.slash("quartermaster resume", channel=world.hall)
    assert "Buying isn't paused here" in nothing.text
    kinds = [row["kind"] for row in world.rows("SELECT kind FROM events WHERE request_id IS NULL")]
    assert [kind for kind in kinds if kind in ("paused", "resumed")] == ["paused", "resumed"]


async def test_pause_when_the_reason_is_empty_or_the_person_may_not_then_nothing_is_paused(
    world: World,
) -> None:
    """A blank reason is none; and the command isn't even offered to moderators."""
    blank = await world.olga.slash("quartermaster pause", channel=world.hall, reason="   ")
    assert "A pause needs a reason" in blank.text
    for person in (world.max, world.ana):
        with pytest.raises(SandboxError, match="permissions missing"):
            await person.slash("quartermaster pause", channel=world.hall, reason="no")
    assert world.rows("SELECT * FROM guild_pauses") == []
    both = await asyncio.gather(
        *(world.olga.slash("quartermaster pause", channel=world.hall, reason=f"{n}") for n in "12")
    )
    said = sorted(reply.text for reply in both)
    assert "Buying is paused for this server" in said[0]
    assert "Buying is paused here already" in said[1]


async def test_automatic_pause_when_lifted_in_discord_then_only_by_an_operator(
    empty_world: World,
) -> None:
    """An administrator is told who can; the operator lifts it for every server."""
    world = empty_world
    otto = world.guild.add_member("Otto", administrator=True)
    await world.set_up()
    await world.start(OPERATOR_IDS=str(otto.id))
    for cause in PauseCause:
        if cause is not PauseCause.MARKET_REFUSES_US:
            world.change("INSERT INTO pauses (cause, since) VALUES (?, 1)", cause.value)
    case = await send(world)
    approved = await case.approve()
    assert "must never happen" in approved.text
    await case.waits("paused")

    refused = await world.olga.slash("quartermaster resume", channel=world.hall)
    assert "Nothing was lifted" in refused.text
    assert f"run by @{otto.name}" in refused.text
    assert len(world.rows("SELECT * FROM pauses")) == 4

    lifted = await otto.slash("quartermaster resume", channel=world.hall)
    assert "Lifted for every server" in lifted.text
    assert "Buying goes on" in lifted.text
    assert world.rows("SELECT * FROM pauses") == []
    await case.result("the skin is bought")


async def test_resume_at_the_machine_when_run_then_it_lifts_every_automatic_pause(
    world: World,
) -> None:
    """All that a person has to look into; what the market says is left to the market."""
    assert "Nothing had paused buying" in await resume(world)
    for cause in PauseCause:
        world.change("INSERT INTO pauses (cause, since, code) VALUES (?, 1, -8)", cause.value)
    told = await resume(world)
    assert "the pause after an alarm" in told
    assert "the records were new" in told
    assert "still paused: the market refuses us" in told
    assert [row["cause"] for row in world.rows("SELECT * FROM pauses")] == ["market_refuses_us"]
    world.change("DELETE FROM pauses")


async def test_books_when_asked_for_then_they_agree_and_only_managers_see_them(
    world: World,
) -> None:
    """What was bought is in both books; the balance stands beside them, in private."""
    case = await send(world)
    await case.approve()
    await case.result("the skin is bought")
    shown = await world.olga.slash("quartermaster books", channel=world.hall)
    assert shown.ephemeral
    assert "Our records agree" in shown.text
    assert f"Balance at SkinsBack: {format_usd(world.market.balance)}" in shown.text
    with pytest.raises(SandboxError):
        await world.ana.slash("quartermaster books", channel=world.hall)
