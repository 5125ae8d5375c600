"""What nobody but a person can tell: check now, settle by hand; and what is tried again."""

from __future__ import annotations

import asyncio
import time

import pytest

from bot.domain.money import DOLLAR, Micros, format_usd
from bot.sandbox.discord import Member, Message
from bot.sandbox.skinsback import Fault
from tests.e2e.cases import Case, send
from tests.e2e.world import ASIIMOV, REDLINE, World, shown

NEO_NOIR = "M4A4 | Neo-Noir (Field-Tested)"

pytestmark = pytest.mark.usefixtures("books")
shared = pytest.mark.asyncio(loop_scope="module")


async def unknown(
    world: World,
    *skins: tuple[str, int],
    carried_out: bool = False,
    attention: bool = True,
    member: Member | None = None,
) -> Case:
    """Return a request whose call was cut off, as if it had been looked up for long since."""
    world.market.break_next("market_batch_buy", Fault.DROP, carried_out=carried_out)
    case = await send(world, *skins, member=member)
    await case.approve()
    await case.result("no clear answer")
    world.change("DELETE FROM unclear_calls")
    now = int(time.time() * 1000)
    world.change(
        "UPDATE requests SET attention_at = ?, step_at = ?, look_ups = 9 WHERE request_id = ?",
        now if attention else None,
        now + 3_600_000,
        case.request_id,
    )
    world.change(
        "UPDATE outbox SET wanted = wanted + 1, next_at = 0 WHERE request_id = ?", case.request_id
    )
    await world.hurry()
    await case.card.wait_for("needs a person" if attention else "Asked the market 9 times")
    return case


async def open_screen(case: Case, person: Member) -> Message:
    """Press Settle by hand, and return the screen that answers."""
    return shown(await person.click(case.card, "Settle by hand"))


async def answer(person: Member, screen: Message, button: str, **fields: str) -> Message:
    """Press a button of the screen, fill in its form, and return the screen that answers."""
    asked = await person.click(screen, button)
    labels = {
        "buy_id": "Number of the purchase",
        "paid": "What was paid for it",
        "reason": "How do you know?",
    }
    given = {labels[name]: value for name, value in fields.items()}
    return shown(await person.submit(asked.modal, given))


# Check now


@shared
async def test_check_when_pressed_then_the_market_is_asked_and_what_it_knows_is_booked(
    shared_world: World,
) -> None:
    """A purchase that the market made is found as soon as a moderator asks."""
    world = shared_world
    case = await unknown(world, carried_out=True, attention=False)
    assert "stays held" in case.card.text
    assert not any(button.label == "Settle by hand" for button in case.card.buttons)
    reply = await world.max.click(case.card, "Check now")
    assert "The market is asked now about 1 skin" in reply.text
    assert reply.ephemeral
    await case.card.wait_for("1 skin bought")
    await case.result("the skin is bought")
    late = await world.mia.click(case.card, "Check now", as_of=case.with_button("Check now"))
    assert "There is nothing left to check" in late.text
    assert "it is bought" in late.text


@shared
async def test_check_when_pressed_too_often_or_by_others_then_each_hears_why_not(
    shared_world: World,
) -> None:
    """The market's calls are not for hammering, and not for everybody."""
    world = shared_world
    case = await unknown(world)
    nobody = await world.olga.click(case.card, "Check now")
    assert "can use these buttons" in nobody.text
    replies = await asyncio.gather(
        world.max.click(case.card, "Check now"), world.mia.click(case.card, "Check now")
    )
    said = sorted(reply.text for reply in replies)
    assert "The market is asked now" in said[0]
    assert "Please wait a few seconds" in said[1]
    await world.until(lambda: case.row["look_ups"] > 9)
    assert case.row["attention_at"] is not None


# Settle by hand


@shared
async def test_settling_when_not_bought_then_the_chosen_lines_end_and_the_rest_stays(
    shared_world: World,
) -> None:
    """Choose, say why, and see what is left; everyone is told, and Details keeps who and why."""
    world = shared_world
    case = await unknown(world, (REDLINE, 2), (ASIIMOV, 1))
    assert "Do not buy them by hand" in case.card.text
    await case.status("It takes longer than usual")
    refused = await world.max.click(case.card, "Settle by hand")
    assert "for people who may manage the server" in refused.text
    screen = await open_screen(case, world.olga)
    assert "SkinsBack panel" in screen.text
    for row in case.attempts:
        assert row["purchase_key"] in screen.text
    assert not any(button.label.startswith("Not bought") for button in screen.buttons)

    screen = shown(await world.olga.select(screen, "Choose what you know", ["1", "3"]))
    assert not any(button.label == "It was bought" for button in screen.buttons)
    screen = await answer(world.olga, screen, "Not bought (2 skins)", reason="   ")
    assert "Settling by hand needs a reason" in screen.text
    assert any(button.label == "Not bought (2 skins)" for button in screen.buttons)
    screen = await answer(world.olga, screen, "Not bought (2 skins)", reason="not in the panel")
    assert "Settled: 2 skins not bought" in screen.text
    await case.card.wait_for("settled as not bought")
    assert "needs a person" in case.card.text

    screen = await answer(world.olga, screen, "Not bought (1 skin)", reason="neither is this")
    assert "is unknown any more" in screen.text
    result = await case.result("nothing could be bought")
    assert "A person has looked into it" in result.text
    details = shown(await world.max.click(case.card, "Details"))
    assert "settled by hand by" in details.text
    assert "not in the panel" in details.text
    await case.card.wait_for(
        lambda card: "Try again (3 skins" in " ".join(button.label for button in card.buttons)
    )


@shared
async def test_settling_when_bought_then_it_is_booked_with_its_number_and_price(
    shared_world: World,
) -> None:
    """What can't be read is said on the screen; what is right is booked as the market has it."""
    world = shared_world
    other = await send(world)
    await other.approve()
    await other.result("the skin is bought")
    case = await unknown(world, carried_out=True)
    (entry,) = case.bought
    screen = await open_screen(case, world.olga)
    typed = {"paid": "12.40", "reason": "it stands in the panel"}
    screen = await answer(world.olga, screen, "It was bought", buy_id="soon", **typed)
    assert "digits only" in screen.text
    booked = other.bought[0].buy_id
    screen = await answer(world.olga, screen, "It was bought", buy_id=str(booked), **typed)
    assert f"Purchase {booked} is booked already" in screen.text
    wrong = {**typed, "paid": "much"}
    screen = await answer(world.olga, screen, "It was bought", buy_id=str(entry.buy_id), **wrong)
    assert "I can't read" in screen.text
    assert case.state == "buying"
    right = {**typed, "paid": format_usd(entry.price)}
    screen = await answer(world.olga, screen, "It was bought", buy_id=str(entry.buy_id), **right)
    assert f"Settled: bought for {format_usd(entry.price)}, purchase {entry.buy_id}" in screen.text
    await case.result("the skin is bought")
    await case.card.wait_for("1 skin bought")
    assert case.events.count("settled") == 1


@shared
async def test_settling_when_two_do_it_at_once_then_one_does_and_the_other_hears_who(
    shared_world: World,
) -> None:
    """And so does whoever comes later, with a screen or a card from before."""
    world = shared_world
    case = await unknown(world)
    other = world.guild.add_member("Second admin", administrator=True)
    screens = [await open_screen(case, person) for person in (world.olga, other)]
    asked = [
        (await person.click(screen, "Not bought")).modal
        for person, screen in zip((world.olga, other), screens, strict=True)
    ]
    before = case.with_button("Settle by hand")
    replies = await asyncio.gather(
        *(
            person.submit(modal, {"How do you know?": "I looked"})
            for person, modal in zip((world.olga, other), asked, strict=True)
        )
    )
    won = [reply for reply in replies if "Settled: 1 skin not bought" in reply.text]
    assert len(won) == 1
    first = world.olga if won[0] is replies[0] else other
    (second,) = (reply for reply in replies if reply is not won[0])
    assert f"@{first.name} settled it" in second.text
    assert case.events.count("settled") == 1
    loser, screen = (other, screens[1]) if first is world.olga else (world.olga, screens[0])
    stale = await loser.click(screen, "Not bought")
    assert stale.modal is None
    assert f"@{first.name} settled it" in stale.text
    await case.card.wait_for("nothing bought")
    late = await world.olga.click(case.card, "Settle by hand", as_of=before)
    assert "settled it" in late.text


@shared
async def test_settling_when_the_screen_shows_more_than_is_unknown_then_nothing_is_settled(
    shared_world: World,
) -> None:
    """A screen from before is never acted on; it is replaced by how things are now."""
    world = shared_world
    case = await unknown(world, (REDLINE, 2))
    old = await open_screen(case, world.olga)
    new = await open_screen(case, world.olga)
    new = shown(await world.olga.select(new, "Choose what you know", ["1"]))
    await answer(world.olga, new, "Not bought (1 skin)", reason="I looked")
    screen = shown(await world.olga.select(old, "Choose what you know", ["1", "2"]))
    assert "has changed since you opened this" in screen.text
    assert f"@{world.olga.name} settled some of it" in screen.text
    assert [button.label for button in screen.buttons] == ["It was bought", "Not bought (1 skin)"]
    assert case.events.count("settled") == 1


@shared
async def test_settling_when_it_is_one_s_own_request_then_somebody_else_has_to(
    shared_world: World,
) -> None:
    """Nobody settles what they have to gain from."""
    world = shared_world
    owner = world.guild.add_member("Owner", administrator=True)
    case = await unknown(world, member=owner)
    reply = await owner.click(case.card, "Settle by hand")
    assert "This is your own request" in reply.text
    assert case.events.count("settled") == 0


async def test_settling_when_the_bot_is_restarted_in_between_then_every_screen_still_works(
    world: World,
) -> None:
    """Screens have no memory behind them: the card, the select and the form survive."""
    case = await unknown(world, (REDLINE, 2))
    screen = await open_screen(case, world.olga)
    await world.restart(kill=True)
    screen = shown(await world.olga.select(screen, "Choose what you know", ["2"]))
    await world.restart()
    asked = await world.olga.click(screen, "Not bought (1 skin)")
    await world.restart(kill=True)
    screen = shown(await world.olga.submit(asked.modal, {"How do you know?": "I looked"}))
    assert "Settled: 1 skin not bought" in screen.text
    await case.card.wait_for("settled as not bought")
    again = await world.max.click(case.card, "Check now")
    assert "The market is asked now about 1 skin" in again.text


# Try again


async def partly(world: World) -> Case:
    """Return a request of which one skin was bought and one was too dear, and is not any more."""
    case = await send(world, (REDLINE, 1), (NEO_NOIR, 1))
    world.market.set_price(NEO_NOIR, Micros(50 * DOLLAR))
    await case.approve()
    await case.result("1 of 2 skins bought")
    await case.card.wait_for("Try again")
    world.market.set_price(NEO_NOIR, Micros(21 * DOLLAR))
    return case


@shared
async def test_trying_again_when_pressed_by_two_then_it_is_bought_once_and_the_other_hears_who(
    shared_world: World,
) -> None:
    """Only what was not bought, under the approved ceiling; old cards do nothing afterwards."""
    world = shared_world
    case = await partly(world)
    assert "helps only if the price falls" in case.card.text
    before = case.with_button("Try again (1 skin")
    replies = await asyncio.gather(
        world.max.click(case.card, "Try again"), world.mia.click(case.card, "Try again")
    )
    won = [reply for reply in replies if "1 skin of request" in reply.text]
    assert len(won) == 1
    first = world.max if won[0] is replies[0] else world.mia
    (second,) = (reply for reply in replies if reply is not won[0])
    assert f"@{first.name} had request #{case.number} tried again" in second.text
    await case.result("all 2 skins bought")
    assert len(case.bought) == 2
    late = await world.mia.click(case.card, "Try again", as_of=before)
    assert f"@{first.name} had request #{case.number} tried again" in late.text
    assert case.events.count("tried_again") == 1


@shared
async def test_trying_again_when_it_is_too_late_or_not_for_them_then_each_hears_why(
    shared_world: World,
) -> None:
    """The role is needed, and an approval counts for a day."""
    world = shared_world
    case = await partly(world)
    nobody = await world.olga.click(case.card, "Try again")
    assert "can use these buttons" in nobody.text
    world.change("UPDATE requests SET expires_at = 1 WHERE request_id = ?", case.request_id)
    late = await world.max.click(case.card, "Try again")
    assert "has grown too old" in late.text
    await case.is_left_alone()
    assert case.state == "bought"


async def test_trying_again_when_nobody_can_any_more_then_the_card_no_longer_offers_it(
    world: World,
) -> None:
    """The time is over in the database, so the card that is drawn from it says so too."""
    case = await partly(world)
    world.change("UPDATE requests SET expires_at = 1 WHERE request_id = ?", case.request_id)
    await world.restart()
    await case.card.wait_for(
        lambda message: not any(button.label.startswith("Try again") for button in message.buttons)
    )
    assert "Try again" not in case.card.text
