"""Send it now: asked by a message that rings, pressed once by the right person, or never."""

from __future__ import annotations

import asyncio

import pytest

from bot.sandbox.discord import Member, Message
from tests.e2e.cases import Case, send
from tests.e2e.world import ASIIMOV, REDLINE, World, button_id, shown

pytestmark = pytest.mark.usefixtures("books")
shared = pytest.mark.asyncio(loop_scope="module")

PRESS = "Send it now"


@pytest.fixture
def patient(shared_world: World) -> World:
    """The world of the module, where it is bought when the member is there."""
    shared_world.change(
        "UPDATE guilds SET delivery = 'when_ready' WHERE guild_id = ?", shared_world.guild.id
    )
    return shared_world


async def ask(world: World, *skins: tuple[str, int], member: Member | None = None) -> Case:
    """Let someone ask for skins, and have it approved."""
    case = await send(world, *skins, member=member)
    reply = await world.max.click(case.card, "Approve")
    assert f"Request #{case.number} is approved" in reply.text
    assert f"Nothing is bought until @{case.member.name} presses Send it now" in reply.text
    return case


async def question_of(case: Case) -> Message:
    """Return the message that asks the member, as they have it."""
    return await case.member.wait_for_dm(f"Request #{case.number} is approved")


@shared
async def test_press_when_the_member_is_there_then_it_is_bought_and_not_before(
    patient: World,
) -> None:
    """A message that says on the phone what it is about, and one press."""
    world = patient
    case = await ask(world, (REDLINE, 2), (ASIIMOV, 1))
    question = await question_of(case)
    assert not question.is_v2
    assert [note.preview for note in case.member.notifications][-1:] == [question.text]
    assert "3 skins, $100.80 at most, from Friday Cup" in question.text
    assert [button.label for button in question.buttons] == [PRESS]
    card = await case.card.wait_for("presses Send it now")
    assert "It expires in 3 days" in card.text
    status = await case.status("Nothing is bought until you press Send it now.")
    assert [button.label for button in status.buttons] == [PRESS, "Cancel request"]
    await case.is_left_alone()
    assert case.calls == []
    reply = await case.member.click(question, PRESS)
    assert f"Request #{case.number} is on its way" in reply.text
    assert reply.ephemeral
    await case.result("all 3 skins")
    assert len(case.calls) == 1
    assert len(case.bought) == 3
    after = await question.wait_for("Send it now was pressed")
    assert [button.label for button in after.buttons] == [f"Show request #{case.number}"]
    assert "ready" in case.events
    again = await case.member.click(question, PRESS, as_of=question.versions[0])
    assert f"Request #{case.number} is on its way already" in again.text
    assert len(case.calls) == 1
    assert [one for one in case.member.dms if not one.is_v2] == [question]


@shared
async def test_press_when_twice_at_once_then_one_counts(patient: World) -> None:
    """From the message and from the status card; each is answered."""
    case = await ask(patient)
    question = await question_of(case)
    status = await case.status("until you press")
    replies = await asyncio.gather(
        case.member.click(question, PRESS), case.member.click(status, PRESS)
    )
    said = sorted("on its way already" in reply.text for reply in replies)
    assert said == [False, True], [reply.text for reply in replies]
    await case.result("the skin is bought")
    assert len(case.calls) == len(case.bought) == 1
    assert case.events.count("ready") == 1


@shared
async def test_press_when_in_my_requests_then_it_is_the_same_button(patient: World) -> None:
    """Where it stands after the message has been scrolled away."""
    case = await ask(patient)
    one = shown(await case.member.slash("my-requests", channel=patient.hall, number=case.number))
    assert "approved, waiting for Send it now" in one.text
    reply = await case.member.click(one, PRESS)
    assert "is on its way" in reply.text
    assert PRESS not in [button.label for button in shown(reply).buttons]
    await case.result("the skin is bought")


@shared
async def test_press_when_buying_is_paused_then_it_says_so_and_goes_on_by_itself(
    patient: World,
) -> None:
    """The press counts, and nothing is lost."""
    world = patient
    case = await ask(world)
    question = await question_of(case)
    await world.olga.slash("quartermaster pause", channel=world.hall, reason="Counting.")
    reply = await case.member.click(question, PRESS)
    assert "Buying is paused at the moment. Your request is safe" in reply.text
    await case.waits("paused")
    await world.olga.slash("quartermaster resume", channel=world.hall)
    await case.result("the skin is bought")


@shared
async def test_press_when_the_approval_was_taken_back_then_nothing_is_bought(
    patient: World,
) -> None:
    """Whatever the message still showed; and another approval asks anew."""
    world = patient
    case = await ask(world)
    question = await question_of(case)
    taken = await world.max.click(await case.card.wait_for("presses Send it now"), "Take back")
    assert "is taken back" in taken.text
    await question.wait_for("waits for a decision again")
    reply = await case.member.click(question, PRESS, as_of=question.versions[0])
    assert "isn't approved at the moment: its approval was taken back" in reply.text
    assert case.calls == []
    await case.card.wait_for(lambda card: any("Approve" in one.label for one in card.buttons))
    await world.max.click(case.card, "Approve")
    await question.wait_for(lambda message: PRESS in [one.label for one in message.buttons])
    await case.member.click(question, PRESS)
    await case.result("the skin is bought")
    assert len(case.bought) == 1


@shared
async def test_press_when_it_has_expired_then_it_says_so_to_both(patient: World) -> None:
    """Nothing was bought, nothing is held, and a new message rings."""
    world = patient
    case = await ask(world)
    question = await question_of(case)
    press = button_id(question, ":send_now")
    world.change("UPDATE requests SET expires_at = 1 WHERE request_id = ?", case.request_id)
    reply = await case.member.click(question, custom_id=press)
    assert f"Request #{case.number} has expired. Nothing was bought" in reply.text
    told = await case.member.wait_for_dm(
        lambda message: message.id != question.id and "has expired" in message.text
    )
    assert "Send it now was not pressed in time" in told.text
    assert "You can ask again: /request" in told.text
    assert case.member.notifications[-1].message is told
    await question.wait_for("was not pressed in time")
    await case.status("Send it now was not pressed in time")
    card = await case.card.wait_for("did not press Send it now in time")
    assert "nothing is held for it any more" in card.text
    assert case.calls == []


@shared
async def test_direct_messages_when_closed_then_the_question_is_asked_in_the_channel(
    patient: World,
) -> None:
    """It rings there, and only the member's own press counts."""
    world = patient
    closed = world.guild.add_member("Cora")
    closed.close_dms()
    case = await ask(world, member=closed)
    question = await world.results.wait_for(f"equest #{case.number} is approved")
    assert not question.is_v2
    assert question.pinged(closed)
    assert "Only you can press it." in question.text
    for stranger in (world.ana, world.max):
        reply = await stranger.click(question, PRESS)
        assert "This belongs to another member, and only they can use it." in reply.text
        assert reply.ephemeral
    assert case.row["waits_for"] == "member_ready"
    reply = await closed.click(question, PRESS)
    assert "is on its way" in reply.text
    assert reply.ephemeral
    await case.result("the skin is bought")
    await question.wait_for("Send it now was pressed")


async def test_reminder_when_the_bot_is_killed_meanwhile_then_it_comes_once(world: World) -> None:
    """At its time, whenever the bot is there again; then the end is told, once too."""
    world.change("UPDATE guilds SET delivery = 'when_ready'")
    case = await ask(world)
    await question_of(case)
    world.change("UPDATE requests SET remind_at = 1")
    await world.restart(kill=True)
    reminder = await case.member.wait_for_dm(f"Request #{case.number} still waits for you")
    assert [button.label for button in reminder.buttons] == [PRESS]
    await world.restart(kill=True)
    # So old that an edit would ring nobody's phone.
    world.change("UPDATE outbox SET created_at = 1 WHERE kind = 'reminder'")
    world.change("UPDATE requests SET expires_at = 1")
    await world.restart(kill=True)
    await reminder.wait_for("was not pressed in time")
    await case.member.wait_for_dm(
        lambda message: message.id != reminder.id and "has expired" in message.text
    )
    await world.restart()
    told = [message.text for message in case.member.dms if not message.is_v2]
    assert len(told) == 3, told
    assert all("was not pressed in time" in text for text in told)
    assert case.calls == []
