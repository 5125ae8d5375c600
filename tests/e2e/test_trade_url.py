"""Trade URLs: entering, changing and forgetting one, and what no place may ever show of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from bot.sandbox.discord import Member, Message
from tests.e2e.screens import answered_twice, labels, put, unanswered
from tests.e2e.world import PARTNER, REDLINE, TRADE_URL, World, shown, trade_url_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

OTHER_PARTNER = PARTNER + 1
STEAM = "https://steamcommunity.com/tradeoffer/new/"


@pytest_asyncio.fixture(loop_scope="module")
async def bea(shared_world: World) -> AsyncGenerator[Member]:
    """Someone new; whatever she does is answered, once."""
    yield shared_world.guild.add_member("Bea")
    assert unanswered(shared_world.discord) == []
    assert answered_twice(shared_world.discord) == []
    assert shared_world.discord.violations == []


async def enter(member: Member, screen: Message, url: str, *, button: str = "") -> Message:
    """Press the button that asks for the URL, type it and return the screen that answers."""
    wanted = button or next(
        label for label in labels(screen) if label in ("Enter Trade URL", "Change it")
    )
    opened = await member.click(screen, wanted)
    assert opened.modal is not None
    assert opened.modal.fields[0].prefilled == "", "a stored URL is never filled in"
    return shown(await member.submit(opened.modal, {"Trade URL": url}))


async def open_screen(world: World, member: Member) -> Message:
    """Use /trade-url and return its screen."""
    return shown(await member.slash("trade-url", channel=world.hall))


def saved(world: World, member: Member) -> list[int]:
    """Return the Steam accounts that the database has for a person, confirmed ones only."""
    sql = "SELECT partner FROM trade_urls WHERE user_id = ? AND confirmed = 1"
    return [row["partner"] for row in world.rows(sql, member.id)]


async def test_trade_url_when_entered_then_it_is_saved_only_after_the_account_was_confirmed(
    shared_world: World, bea: Member
) -> None:
    """A link to Steam's page, a modal, the profile to look at, and then it is saved."""
    reply = await bea.slash("trade-url", channel=shared_world.hall)
    assert reply.ephemeral
    screen = shown(reply)
    link = screen.button("Open it at Steam")
    assert link.url == "https://steamcommunity.com/my/tradeoffers/privacy"
    assert "Under Third-Party Sites, press Copy." in screen.text
    question = await enter(bea, screen, f" <{TRADE_URL}&extra=1>. ")
    assert "Is this your account?" in question.text
    assert question.button("Steam profile").url == (
        f"https://steamcommunity.com/profiles/{76561197960265728 + PARTNER}"
    )
    assert saved(shared_world, bea) == []
    reply = await bea.click(question, "Yes, that's me")
    assert "Your Trade URL is saved, for Steam account …8523." in reply.text
    assert saved(shared_world, bea) == [PARTNER]
    screen = await open_screen(shared_world, bea)
    assert f"Yours at the moment: …?partner={PARTNER}&token=Ab••••••" in screen.text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("hello", "There is no Trade URL in that text"),
        ("https://steamcommunity.com/id/somebody", "That link leads to a Steam profile"),
        ("https://store.steampowered.com/app/730", "leads to another page of Steam"),
        (TRADE_URL.replace("community", "cornmunity"), "which is not Steam"),
        (f"{STEAM}?token=AbCd_-12", "the number after partner="),
        (f"{STEAM}?partner=99999999999&token=AbCd_-12", "can't be a Steam account"),
        (f"{STEAM}?partner=76561198050648523&token=AbCd_-12", "stands a long SteamID"),
        (f"{STEAM}?partner={PARTNER}", "token= and the 8 characters after it"),
        (f"{STEAM}?partner={PARTNER}&token=AbCd", "come 8 characters, and here there are 4"),
        (f"{STEAM}?partner={PARTNER}&token=AbCd_-1234", "and here there are 10"),
        (f"{STEAM}?partner={PARTNER}&token=AbCd!$12", "characters that Steam doesn't use there"),
        (f"{TRADE_URL} {trade_url_of(OTHER_PARTNER)}", "more than one Trade URL"),
        ("x" * 4000, "There is no Trade URL in that text"),
    ],
)  # fmt: skip
async def test_trade_url_when_it_is_wrong_then_its_own_sentence_says_so_and_nothing_is_saved(
    shared_world: World, bea: Member, typed: str, said: str
) -> None:
    """Each with the way to the right one, on the screen where it can be tried again."""
    screen = await enter(bea, await open_screen(shared_world, bea), typed)
    assert said in screen.text
    assert "saved" in screen.text
    assert "your Trade URL page at Steam" in screen.text
    assert labels(screen) == ["Open it at Steam", "Enter Trade URL"]
    assert shared_world.rows("SELECT 1 FROM trade_urls WHERE user_id = ?", bea.id) == []


async def test_trade_url_when_a_wrong_one_is_typed_then_the_old_one_stays(
    shared_world: World, bea: Member
) -> None:
    """And it can be changed for one of another account."""
    await shared_world.give_trade_url(bea)
    screen = await enter(bea, await open_screen(shared_world, bea), "nonsense")
    assert "nothing was saved" in screen.text
    assert f"partner={PARTNER}" in screen.text
    question = await enter(bea, screen, trade_url_of(OTHER_PARTNER))
    question = await enter(bea, question, trade_url_of(OTHER_PARTNER), button="No, another one")
    assert saved(shared_world, bea) == [PARTNER]
    await bea.click(question, "Yes, that's me")
    assert saved(shared_world, bea) == [OTHER_PARTNER]


async def test_question_when_a_newer_url_was_typed_then_the_older_one_saves_nothing(
    shared_world: World, bea: Member
) -> None:
    """A yes is for the account that was shown with it."""
    first = await enter(bea, await open_screen(shared_world, bea), TRADE_URL)
    second = await enter(bea, await open_screen(shared_world, bea), trade_url_of(OTHER_PARTNER))
    reply = await bea.click(first, "Yes, that's me")
    assert "out of date" in reply.text
    assert saved(shared_world, bea) == []
    assert "Enter Trade URL" in labels(shown(reply)), "the way on stands under the sentence"
    await bea.click(second, "Yes, that's me")
    assert saved(shared_world, bea) == [OTHER_PARTNER]


async def test_question_when_another_member_answers_it_then_nothing_is_saved_for_anyone(
    shared_world: World, bea: Member
) -> None:
    """The question's id is no secret worth anything: it is looked up under who presses it."""
    question = await enter(bea, await open_screen(shared_world, bea), TRADE_URL)
    yes = next(b.custom_id for b in question.buttons if b.custom_id and ":yes" in b.custom_id)
    cleo = shared_world.guild.add_member("Cleo")
    screen = await open_screen(shared_world, cleo)
    screen.buttons[1].raw["custom_id"] = yes
    reply = await cleo.click(screen, custom_id=yes)
    assert "out of date" in reply.text
    assert saved(shared_world, cleo) == saved(shared_world, bea) == []


async def test_question_when_yes_is_tapped_twice_at_once_then_it_is_saved_once(
    shared_world: World, bea: Member
) -> None:
    """Neither tap fails."""
    question = await enter(bea, await open_screen(shared_world, bea), TRADE_URL)
    await asyncio.gather(*(bea.click(question, "Yes, that's me") for _ in range(2)))
    assert saved(shared_world, bea) == [PARTNER]


async def test_trade_url_when_forgotten_then_a_question_comes_first(
    shared_world: World, bea: Member
) -> None:
    """No keeps it; after yes nothing about it is left, a question that waits included."""
    await shared_world.give_trade_url(bea)
    waiting = await enter(bea, await open_screen(shared_world, bea), trade_url_of(OTHER_PARTNER))
    question = shown(await bea.click(await open_screen(shared_world, bea), "Forget it"))
    assert "Forget your Trade URL?" in question.text
    assert "Only the number of your Steam account stays noted, without the secret" in question.text
    screen = shown(await bea.click(question, "No, keep it"))
    assert f"partner={PARTNER}" in screen.text
    question = shown(await bea.click(screen, "Forget it"))
    reply = await bea.click(question, "Yes, forget it")
    assert "Your Trade URL is forgotten." in reply.text
    assert "Enter Trade URL" in labels(shown(reply))
    assert shared_world.rows("SELECT 1 FROM trade_urls WHERE user_id = ?", bea.id) == []
    kept = shared_world.rows("SELECT partner FROM steam_accounts WHERE user_id = ?", bea.id)
    assert kept == [{"partner": PARTNER}]
    assert "out of date" in (await bea.click(waiting, "Yes, that's me")).text
    again = await bea.click(question, "Yes, forget it", as_of=question.versions[-2])
    assert "There was no Trade URL to forget." in again.text


async def test_trade_url_when_used_in_direct_messages_then_it_works_there_too(
    shared_world: World, bea: Member
) -> None:
    """It is the person's own, on every server."""
    screen = shown(await bea.user.slash("trade-url"))
    question = shown(
        await bea.user.submit(
            (await bea.user.click(screen, "Enter")).modal, {"Trade URL": TRADE_URL}
        )
    )
    await bea.user.click(question, "Yes, that's me")
    assert saved(shared_world, bea) == [PARTNER]
    basket = await put(shared_world, bea, REDLINE)
    assert "To Steam account …8523" in basket.text


async def test_trade_url_when_renewed_for_the_same_account_then_an_open_request_goes_on_with_it(
    shared_world: World, bea: Member
) -> None:
    """The votes stay, and what is bought goes out with the new token."""
    card = await shared_world.submit(bea, (REDLINE, 1), url=trade_url_of(7001, "Old-tok1"))
    number = card.text.partition("#")[2].partition(":")[0]
    screen = await enter(bea, await open_screen(shared_world, bea), trade_url_of(7001, "New-tok1"))
    reply = await bea.click(screen, "Yes, that's me")
    assert f"Request #{number} uses the new Trade URL." in reply.text
    await shared_world.max.click(card, "Approve")
    await card.wait_for("1 skin bought")
    assert shared_world.market.batch_calls[-1].parameters["token"] == "New-tok1"


async def test_trade_url_when_of_another_account_then_a_sent_request_is_left_alone(
    shared_world: World, bea: Member
) -> None:
    """It says so, and the skins go where the moderators' card said."""
    card = await shared_world.submit(bea, (REDLINE, 1), url=trade_url_of(7002))
    number = card.text.partition("#")[2].partition(":")[0]
    before = card.text
    screen = await enter(bea, await open_screen(shared_world, bea), trade_url_of(7003))
    reply = await bea.click(screen, "Yes, that's me")
    assert f"Request #{number} still goes to the Steam account it was sent for" in reply.text
    assert card.text.splitlines()[0] == before.splitlines()[0]
    await shared_world.max.click(card, "Approve")
    await card.wait_for("1 skin bought")
    assert shared_world.market.batch_calls[-1].parameters["partner"] == "7002"


async def test_trade_url_when_the_market_refuses_the_old_one_then_the_new_one_lets_it_go_on(
    shared_world: World, bea: Member
) -> None:
    """From the button in the direct message; another account has to be approved anew."""
    world = shared_world
    world.market.fail_user(7004, 9)
    card = await world.submit(bea, (REDLINE, 1), url=trade_url_of(7004))
    await world.max.click(card, "Approve")
    told = await bea.wait_for_dm("Your Trade URL no longer works;")
    screen = shown(await bea.user.click(told, "New Trade URL"))
    assert told.text != screen.text, "the status message stays what it is"
    question = shown(
        await bea.user.submit(
            (await bea.user.click(screen, "Change it")).modal, {"Trade URL": trade_url_of(7005)}
        )
    )
    reply = await bea.user.click(question, "Yes, that's me")
    assert "now goes to another Steam account, so it has to be approved again." in reply.text
    await card.wait_for("Version 2")
    await world.max.click(card, "Approve")
    await card.wait_for("1 skin bought")
    assert world.market.batch_calls[-1].parameters["partner"] == "7005"
    await told.wait_for("bought")


@pytest.mark.asyncio(loop_scope="function")
async def test_token_when_everything_is_done_with_it_then_it_stands_nowhere_but_at_the_market(
    empty_world: World,
) -> None:
    """Not in what Discord was sent, not in the log at DEBUG, not on the disk as it was typed."""
    world = await (await empty_world.set_up()).start(LOG_LEVEL="DEBUG")
    token, wrong = "Sec-Ret7", "Cut-of7"
    card = await world.submit(world.ana, (REDLINE, 1), url=trade_url_of(PARTNER, token))
    await enter(world.ana, await open_screen(world, world.ana), trade_url_of(PARTNER, wrong))
    await open_screen(world, world.ana)
    await world.ana.click(await put(world, world.ana, REDLINE), "Trade URL")
    world.market.fail_user(PARTNER, 9)
    await world.max.click(card, "Approve")
    await world.ana.wait_for_dm("Your Trade URL no longer works;")
    assert world.market.batch_calls[-1].parameters["token"] == token
    await world.max.click(card, "Details")
    world.change("UPDATE requests SET sealed_token = x'00' WHERE state = 'approved'")
    await world.hurry()
    await world.until(lambda: "could not be bought" in world.bot.log())
    sent = "\n".join(json.dumps(request.json) for request in world.discord.requests)
    files = [path for path in world.folder.iterdir() if path.suffix != ".log"]
    assert {path.name for path in files} >= {"quartermaster.db", "quartermaster.db-wal"}
    disk = b"".join(path.read_bytes() for path in files)
    log = world.bot.log()
    assert "DEBUG" in log
    for secret in (token, wrong):
        assert secret not in sent
        assert secret not in log
        assert secret.encode() not in disk
