"""Deciding: who may, who was first, what an old card still does, and what can be taken back."""

from __future__ import annotations

import asyncio
import time

import pytest

from bot.sandbox.discord import Message, Refuse
from bot.store import settings
from bot.store.database import Database
from tests.e2e.cases import Case, deny, open_deny, send
from tests.e2e.world import REDLINE, World, shown, trade_url_of

OTHER_TOKEN = "zY-9_8xW"

pytestmark = pytest.mark.usefixtures("books")
shared = pytest.mark.asyncio(loop_scope="module")


# Two at once


@shared
async def test_two_approvals_when_clicked_at_once_then_one_wins_and_the_other_hears_who(
    shared_world: World,
) -> None:
    """Whoever comes second is told who was first, and one call buys the skin once."""
    world = shared_world
    case = await send(world)
    replies = await asyncio.gather(
        world.max.click(case.card, "Approve"), world.mia.click(case.card, "Approve")
    )
    winners = [reply for reply in replies if "is approved" in reply.text]
    assert len(winners) == 1
    first = world.max if winners[0] is replies[0] else world.mia
    (second,) = (reply for reply in replies if reply is not winners[0])
    assert f"@{first.name} already approved this" in second.text
    assert "Nothing changed by your click" in second.text
    assert second.ephemeral
    await case.result("the skin is bought")
    assert case.row["decided_by"] == first.id
    assert case.events.count("approved") == 1
    assert len(case.calls) == len(case.bought) == 1


@shared
@pytest.mark.parametrize("approves_first", [True, False])
async def test_approval_and_denial_when_sent_at_once_then_only_the_first_counts(
    shared_world: World, approves_first: bool
) -> None:
    """Whichever comes first decides; the other one changes nothing, in either order."""
    world = shared_world
    case = await send(world)
    asked = await open_deny(world.mia, case.card)
    clicks = [world.max.click(case.card, "Approve"), deny(world.mia, asked)]
    replies = await asyncio.gather(*(clicks if approves_first else reversed(clicks)))
    approved, denied = replies if approves_first else reversed(replies)
    if "is denied" in denied.text:
        assert f"@{world.mia.name} already denied this" in approved.text
        await case.status("Not this week.")
        await case.is_left_alone()
        assert case.state == "denied"
        assert case.row["sealed_token"] is None
        assert case.calls == []
    else:
        assert "is approved" in approved.text
        assert f"@{world.max.name} already approved this" in denied.text
        await case.result("the skin is bought")
        assert "denied" not in case.events
        assert len(case.calls) == len(case.bought) == 1


@shared
@pytest.mark.parametrize("approves_first", [True, False])
async def test_approval_and_cancellation_when_sent_at_once_then_either_all_or_nothing_happens(
    shared_world: World, approves_first: bool
) -> None:
    """Either it is bought and the member hears that it is too late, or nothing is bought."""
    world = shared_world
    case = await send(world)
    question = await case.ask_to_cancel()
    clicks = [world.max.click(case.card, "Approve"), case.member.click(question, "Yes")]
    replies = await asyncio.gather(*(clicks if approves_first else reversed(clicks)))
    approved, cancelled = replies if approves_first else reversed(replies)
    if "is cancelled" in cancelled.text:
        assert "is approved" in approved.text or "cancelled this before" in approved.text
        await case.is_left_alone()
        assert case.state == "cancelled"
        assert case.calls == []
    else:
        assert "is approved" in approved.text
        assert "can't be cancelled any more" in cancelled.text
        await case.result("the skin is bought")
        assert len(case.calls) == len(case.bought) == 1


@shared
async def test_approval_when_clicked_several_times_then_it_is_bought_once(
    shared_world: World,
) -> None:
    """Impatient clicks are all answered and count once; so does one on the card as it was."""
    world = shared_world
    case = await send(world)
    replies = await asyncio.gather(*(world.max.click(case.card, "Approve") for _ in range(4)))
    assert ["is approved" in reply.text for reply in replies].count(True) == 1
    assert ["already approved this" in reply.text for reply in replies].count(True) == 3
    await case.result("the skin is bought")
    late = await world.mia.click(case.card, "Approve", as_of=case.card.versions[0])
    assert f"@{world.max.name} already approved this" in late.text
    assert (await open_deny_refused(case)).count("already approved this") == 1
    assert len(case.calls) == len(case.bought) == 1


async def open_deny_refused(case: Case) -> str:
    """Press Deny on the card as it was at first, and return why no modal opens."""
    reply = await case.world.mia.click(case.card, "Deny", as_of=case.card.versions[0])
    assert reply.modal is None
    return reply.text


@shared
async def test_approval_when_the_request_is_too_old_then_it_expires_and_nothing_is_bought(
    shared_world: World,
) -> None:
    """A click decides nothing about what has expired, even if nobody has noticed that yet."""
    world = shared_world
    case = await send(world)
    world.change("UPDATE requests SET expires_at = 1 WHERE request_id = ?", case.request_id)
    reply = await world.max.click(case.card, "Approve")
    assert "This expired before anything was bought" in reply.text
    assert case.state == "expired"
    assert case.row["sealed_token"] is None
    await case.is_left_alone()


# Who may


@shared
async def test_click_when_not_entitled_then_it_is_refused_in_words_and_decides_nothing(
    shared_world: World,
) -> None:
    """The role counts as it is at the click, and nobody decides about their own."""
    world = shared_world
    case = await send(world)
    card = case.card
    for person in (case.member, world.mia, world.olga):
        world.approvals.allow(person, "VIEW_CHANNEL")

    for person in (case.member, world.olga):
        for button in ("Approve", "Deny", "Details"):
            reply = await person.click(card, button)
            assert "Only @Skin Mods can use these buttons" in reply.text, (person, button)
            assert reply.ephemeral

    world.mia.remove_role(world.mods)
    assert "Only @Skin Mods can use these buttons" in (await world.mia.click(card, "Approve")).text
    world.mia.add_role(world.mods)

    asked = await open_deny(world.mia, card)
    world.mia.remove_role(world.mods)
    assert "Only @Skin Mods can use these buttons" in (await deny(world.mia, asked)).text
    world.mia.add_role(world.mods)

    # The token is another one: it is the Steam account that counts, now and for good.
    asked = await open_deny(world.mia, card)
    await world.give_trade_url(world.mia, trade_url_of(case.partner, OTHER_TOKEN))
    assert "your own Steam account" in (await deny(world.mia, asked)).text
    for _ in ("theirs", "given up for another one"):
        for button in ("Approve", "Deny"):
            reply = await world.mia.click(card, button)
            assert "your own Steam account" in reply.text
            assert reply.modal is None
        await world.give_trade_url(world.mia, trade_url_of(2))

    case.member.add_role(world.mods)
    for button in ("Approve", "Deny"):
        reply = await case.member.click(card, button)
        assert "This is your own request" in reply.text

    asked = await open_deny(world.max, card)
    assert "needs a reason" in (await deny(world.max, asked, " \u200b ")).text
    assert case.state == "pending"
    assert case.events == ["submitted"]
    await case.is_left_alone()

    await case.approve(by=world.max)
    await case.result("the skin is bought")
    assert len(case.calls) == 1


async def test_card_when_clicked_on_another_server_or_in_a_dm_then_it_decides_nothing(
    empty_world: World,
) -> None:
    """A card that was forwarded or rebuilt elsewhere decides nothing there."""
    world = await empty_world.set_up()
    other = world.discord.add_guild("Other Cup")
    other_mods = other.add_role("Other Mods")
    hall = other.add_channel("general")
    async with await Database.open(world.database_path) as database, database.writing() as tx:
        await settings.set_place(tx, other.id, "approver_role_id", other_mods.id)
        await settings.set_place(tx, other.id, "approval_channel_id", hall.id)
        await settings.set_place(tx, other.id, "results_channel_id", hall.id)
    stranger = other.add_member("Stranger", roles=[other_mods])
    max_there = other.add_member(world.max, roles=[other_mods])
    await world.start()
    case = await send(world)
    first = case.card.versions[0]
    there = stranger.say("look at this", channel=hall)
    in_dm = world.max.user.say("look at this")
    for button in ("Approve", "Deny", "Details"):
        for person in (stranger, max_there):
            reply = await person.click(there, button, as_of=first)
            assert "There is no such request" in reply.text
            assert reply.modal is None
        reply = await world.max.user.click(in_dm, button, as_of=first)
        assert "This works in a server" in reply.text
    assert case.events == ["submitted"]
    await case.is_left_alone()


@shared
async def test_approval_when_discord_does_not_take_the_acknowledgement_then_nothing_is_approved(
    shared_world: World,
) -> None:
    """A click that its owner sees fail has changed nothing; the next one works."""
    world = shared_world
    case = await send(world)
    refusal = Refuse(404, 10062, "Unknown interaction")
    world.discord.faults.add(refusal, method="POST", path="/callback", times=1)
    clicked = asyncio.create_task(world.max.click(case.card, "Approve"))
    await asyncio.sleep(0.3)
    world.discord.advance(3)
    assert (await clicked).failed
    assert case.events == ["submitted"]
    await case.approve()
    await case.result("the skin is bought")
    assert len(case.calls) == 1


# Denying


@shared
async def test_denial_when_its_reason_is_hostile_then_the_member_reads_it_harmless(
    shared_world: World,
) -> None:
    """The reason stands on the card, in the DM and in /my-requests, word for word, and inert."""
    world = shared_world
    case = await send(world)
    names = f"@everyone <@{world.mia.id}> <@&{world.mods.id}> **bold** ||hidden||"
    reason = f"{names} [free skins](https://evil.example/) # title\n- list \u202egnirts"
    as_read = f"{names} [free skins](https://evil.example/) # title - list gnirts"
    told = len(world.mia.notifications)
    answer = await deny(world.max, await open_deny(world.max, case.card), reason)
    assert "is denied, and nothing was bought" in answer.text
    await case.card.wait_for("Denied by @Max")
    status = await case.status("@Max denied it")
    own = await case.member.slash("my-requests", channel=world.hall, number=case.number)
    for message in (case.card, status, shown(own)):
        plain = message.text.replace("\u200b", "").replace("\u2060", "")
        assert as_read in plain, message.text
        assert "↗" not in message.text.replace("Steam profile ↗", ""), "a link can be pressed"
        assert not message.mentions
    assert len(world.mia.notifications) == told
    assert [button.label for button in case.card.buttons] == ["Details"]
    assert case.row["sealed_token"] is None
    await case.is_left_alone()


# Another version


@shared
async def test_old_card_when_the_steam_account_changed_then_a_click_shows_the_new_version(
    shared_world: World,
) -> None:
    """Another Steam account voids the approval: it is asked for again, and by its new card only."""
    world = shared_world
    case = await send(world)
    world.market.fail_user(case.partner, 9)
    await case.approve()
    await case.card.wait_for("The member's Trade URL no longer works")
    assert "(code 9)" in case.card.text
    old = case.card.versions[0]

    # The new account is a moderator's own, so that this one can't approve it any more.
    other = case.partner + 1_000_000
    await world.give_trade_url(world.max, trade_url_of(other))
    changed = await case.give_url(trade_url_of(other))
    assert "now goes to another Steam account, so it has to be approved again" in changed.text
    assert case.row["decided_by"] is None

    for button in ("Approve", "Deny"):
        reply = await world.mia.click(case.card, button, as_of=old)
        assert f"Request #{case.number} has changed since you opened it" in reply.text
        assert "Nothing was decided" in reply.text
        assert reply.modal is None
        copy = await reply.wait_for_followup("Version 2")
        assert copy.ephemeral
    await case.is_left_alone()
    assert case.state == "pending"
    await case.card.wait_for("Version 2")
    assert "your own Steam account" in (await world.max.click(case.card, "Approve")).text

    # The copy that the late click got is as good as the card.
    reply = await world.mia.click(copy, "Approve")
    await reply.wait_for_followup("is approved")
    assert f"Request #{case.number}: approved" in copy.text
    await case.result("the skin is bought")
    assert [entry.partner for entry in case.bought] == [other]
    assert [key[-4:] for key in case.keys_sent] == ["0101", "0102"]
    assert case.events.count("approved") == 2
    await world.give_trade_url(world.max, trade_url_of(3))


@shared
async def test_request_when_its_trade_url_is_renewed_then_it_goes_on_by_itself(
    shared_world: World,
) -> None:
    """The same Steam account with a new token needs no new approval, and gets the next key."""
    world = shared_world
    case = await send(world)
    world.market.fail_user(case.partner, 8)
    await case.approve()
    await case.status("The market doesn't know the Steam account in your Trade URL")
    world.market.fail_user(case.partner, None)
    renewed = await case.give_url(trade_url_of(case.partner, OTHER_TOKEN))
    assert f"Request #{case.number} uses the new Trade URL" in renewed.text
    await case.result("the skin is bought")
    assert [call.parameters["token"] for call in case.calls] == ["AbCd_-12", OTHER_TOKEN]
    assert [entry.partner for entry in case.bought] == [case.partner]
    assert [key[-4:] for key in case.keys_sent] == ["0101", "0102"]
    assert case.events.count("approved") == 1


# Undo and restarts


async def test_approval_when_taken_back_in_time_then_nothing_is_bought(empty_world: World) -> None:
    """Nothing is bought before the time is over, nor after it was taken back."""
    world = await (await empty_world.set_up(undo_s=1)).start()
    case = await send(world)
    await case.approve()
    await case.card.wait_for("Until then it can be taken back")
    world.approvals.allow(case.member, "VIEW_CHANNEL")
    assert "Only @Skin Mods" in (await case.member.click(case.card, "Take back")).text
    case.member.add_role(world.mods)
    assert "your own request" in (await case.member.click(case.card, "Take back")).text
    reply = await world.mia.click(case.card, "Take back")
    assert f"approval of request #{case.number} is taken back" in reply.text
    again = await world.max.click(case.card, "Take back", as_of=case.with_button("Take back"))
    assert "can't be taken back any more" in again.text
    told = await world.give_trade_url(case.member, trade_url_of(4))
    assert "still goes to the Steam account it was sent for" in told.text
    await asyncio.sleep(1.2)
    assert case.state == "pending"
    assert case.calls == []

    at = time.time()
    reply = await world.mia.click(case.card, "Approve", as_of=case.with_button("Approve"))
    assert "is approved" in reply.text
    await case.result("the skin is bought")
    (call,) = case.calls
    assert call.at - at >= 1.0
    late = await world.max.click(case.card, "Take back", as_of=case.with_button("Take back"))
    assert "can't be taken back any more" in late.text
    assert [entry.partner for entry in case.bought] == [case.partner]


async def test_request_when_every_way_out_is_taken_at_once_then_exactly_one_is(
    empty_world: World,
) -> None:
    """When the time to take back ends, buying, taking back and cancelling meet."""
    world = await (await empty_world.set_up(undo_s=1)).start()
    cases = [await send(world) for _ in range(4)]
    questions = [await case.ask_to_cancel() for case in cases]
    at = time.monotonic()
    for case in cases:
        await case.approve()
    await cases[-1].card.wait_for("Until then it can be taken back")

    async def leave(case: Case, question: Message, delay_s: float) -> tuple[str, str]:
        await asyncio.sleep(max(0, at + 1 + delay_s - time.monotonic()))
        taken, cancelled = await asyncio.gather(
            world.mia.click(case.card, "Take back", as_of=case.with_button("Take back")),
            case.member.click(question, "Yes"),
        )
        return taken.text, cancelled.text

    delays = (-0.1, 0.0, 0.03, 0.06)
    answers = await asyncio.gather(*map(leave, cases, questions, delays))
    await world.until(lambda: all(case.state not in ("approved", "buying") for case in cases))
    for case, (taken, cancelled) in zip(cases, answers, strict=True):
        if case.calls:
            assert case.state == "bought"
            assert "can't be taken back" in taken
            assert "can't be cancelled" in cancelled
        else:
            # What was taken back can still be cancelled, but not the other way round.
            assert "is cancelled" in cancelled
            assert case.state == "cancelled"
            assert "is taken back" in taken or "can't be taken back" in taken
    await cases[0].is_left_alone()
    for case in cases:
        assert len(case.bought) == len(case.calls) == (case.state == "bought")


async def test_cards_when_the_bot_was_restarted_then_every_button_still_works(
    empty_world: World,
) -> None:
    """What stood before a restart or a crash decides after it, and is bought once."""
    world = await (await empty_world.set_up(undo_s=600)).start()
    bought = await send(world, (REDLINE, 2))
    denied = await send(world)
    cancelled = await send(world)
    asked = await open_deny(world.mia, denied.card)
    await world.restart()

    assert "Steam account" in (await world.max.click(bought.card, "Details")).text
    assert "is denied" in (await deny(world.mia, asked, "Too late.")).text
    await denied.status("Too late.")
    await cancelled.approve()
    await bought.approve()
    await cancelled.card.wait_for("Until then it can be taken back")
    await world.restart(kill=True)

    taken = await world.mia.click(
        cancelled.card, "Take back", as_of=cancelled.with_button("Take back")
    )
    assert "is taken back" in taken.text
    question = await cancelled.ask_to_cancel()
    assert "is cancelled" in (await cancelled.member.click(question, "Yes")).text
    await world.hurry()
    await bought.result("all 2 skins bought")
    assert len(bought.calls) == 1
    assert len(bought.bought) == 2
    assert cancelled.calls == denied.calls == []
    assert [message.text.count("bought") > 0 for message in world.results.messages] == [True]
