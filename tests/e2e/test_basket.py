"""The basket: everything a member does before a request is sent, with careful and hasty thumbs."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from typing import Final

import pytest
import pytest_asyncio

from bot.sandbox.discord import Member, Message, Reply, SandboxError
from tests.e2e.screens import (
    CASE,
    answered_twice,
    forge,
    labels,
    open_basket,
    open_line,
    put,
    type_skin,
    unanswered,
)
from tests.e2e.world import ASIIMOV, REDLINE, World, button_id, shown

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHEAPEST_REDLINE = 62_000_000
DEARER_REDLINE = 62_000_003


@pytest_asyncio.fixture(loop_scope="module")
async def bea(shared_world: World) -> AsyncGenerator[Member]:
    """Someone new; whatever she does is answered, once."""
    yield shared_world.guild.add_member("Bea")
    assert unanswered(shared_world.discord) == []
    assert answered_twice(shared_world.discord) == []
    assert shared_world.discord.violations == []


def picks(world: World, member: Member) -> list[tuple[str, int, float]]:
    """Return what the database has in a member's basket: skin, how many, ceiling in dollars."""
    rows = world.rows(
        "SELECT market_hash_name, quantity, ceiling FROM picks JOIN requests USING (request_id) "
        "WHERE user_id = ? AND state = 'draft' ORDER BY pick_id",
        member.id,
    )
    return [(r["market_hash_name"], r["quantity"], r["ceiling"] / 1_000_000) for r in rows]


# Putting skins in


async def test_request_when_used_first_then_the_basket_is_empty_and_private(
    shared_world: World, bea: Member
) -> None:
    """Nobody else sees it, and it says what to do."""
    reply = await bea.slash("request", channel=shared_world.hall)
    assert reply.ephemeral
    assert "Your basket is empty" in reply.text
    assert "Left for you: 1 request · 10 more skins" in reply.text
    assert labels(shown(reply)) == ["Add skins", "Paste a list", "Trade URL", "More"]


async def test_autocomplete_when_a_suggestion_is_taken_then_the_skin_is_in_with_room_for_its_price(
    shared_world: World, bea: Member
) -> None:
    """The ceiling is the quote and 5 %, up to the cent."""
    choices = await bea.autocomplete("request", "item", "redl ak", channel=shared_world.hall)
    assert choices[0].name == f"{REDLINE} · $12.40 · 20 for sale"
    reply = await bea.slash("request", channel=shared_world.hall, item=choices[0], quantity=2)
    assert f"Added: {REDLINE} ×2" in reply.text
    assert "2 × $12.40, at most $13.02 each" in reply.text
    assert "2 skins: $24.80 today, $26.04 at most" in reply.text
    assert picks(shared_world, bea) == [(REDLINE, 2, 13.02)]
    edited = f"{choices[0].name} "
    reply = await bea.slash("request", channel=shared_world.hall, item=edited)
    assert f"Added: {REDLINE}," in reply.text, "clients send the label once it was edited"


async def test_skin_when_typed_freely_and_one_fits_then_it_is_taken_and_said(
    shared_world: World, bea: Member
) -> None:
    """By command and by modal; what was guessed can be undone."""
    screen = await put(shared_world, bea, "kilowatt")
    assert "It is the only match for “kilowatt”. Not that one?" in screen.text
    screen = await type_skin(bea, screen, name="AWP asiimov FT", quantity="3x")
    assert "It is the only match for “AWP asiimov FT”" in screen.text
    assert [(name, n) for name, n, _ in picks(shared_world, bea)] == [(CASE, 1), (ASIIMOV, 3)]


async def test_skin_when_several_fit_then_the_one_chosen_keeps_quantity_and_limit(
    shared_world: World, bea: Member
) -> None:
    """Nothing is in before one is chosen; a narrower search starts from there too."""
    screen = await open_basket(shared_world, bea)
    screen = await type_skin(bea, screen, name="redline ft", quantity="2", ceiling="$1,450.00")
    assert "“redline ft” fits 3 skins." in screen.text
    assert "You asked for 2, at most $1,450.00 each." in screen.text
    assert picks(shared_world, bea) == []
    chosen = shown(await bea.select(screen, "Choose the skin", [REDLINE]))
    assert f"Added: {REDLINE} ×2" in chosen.text
    assert picks(shared_world, bea) == [(REDLINE, 2, 1450.0)]


async def test_skin_when_more_fit_than_a_menu_holds_then_the_best_are_shown_and_it_says_so(
    shared_world: World, bea: Member
) -> None:
    """What everybody means stands first, and Search again leads on."""
    screen = await put(shared_world, bea, "ft")
    assert "Shown: 1 to 25 of 206." in screen.text
    assert len(screen.selects[0].options) == 25
    opened = await bea.click(screen, "Search again")
    reply = await bea.submit(opened.modal, {"Skin": CASE})
    assert f"Added: {CASE}" in reply.text


@pytest.mark.parametrize("typed", ["xyzzy", "!!!", "★", "@everyone **x**", "\u200b \u2800"])
async def test_skin_when_none_fits_then_it_says_so_and_the_basket_stays(
    shared_world: World, bea: Member, typed: str
) -> None:
    """Also where nothing but signs was typed, which would fit everything."""
    await put(shared_world, bea, CASE)
    reply = await bea.slash("request", channel=shared_world.hall, item=typed)
    assert "no skin" in reply.text.lower()
    assert "othing was added" in reply.text
    assert CASE in reply.text
    assert not shown(reply).mentions.everyone
    assert [name for name, _, _ in picks(shared_world, bea)] == [CASE]


async def test_skin_when_its_autocomplete_gets_nonsense_then_it_suggests_nothing(
    shared_world: World, bea: Member
) -> None:
    """And with nothing typed it suggests something."""
    assert await bea.autocomplete("request", "item", "xyzzy", channel=shared_world.hall) == []
    assert len(await bea.autocomplete("request", "item", "", channel=shared_world.hall)) == 25


# One certain listing


async def test_listing_when_named_by_its_number_then_only_that_one_is_in(
    shared_world: World, bea: Member
) -> None:
    """By ``name #id``; its own price counts, and there is only one of it."""
    screen = await put(shared_world, bea, f"{REDLINE} #{DEARER_REDLINE}")
    assert "$12.547, at most $13.18" in screen.text
    line = await open_line(bea, screen, REDLINE)
    assert f"Only listing {DEARER_REDLINE}" in line.text
    with pytest.raises(SandboxError, match="disabled"):
        await bea.click(line, "+1")
    again = await put(shared_world, bea, f"{REDLINE} #{DEARER_REDLINE}")
    assert f"Listing {DEARER_REDLINE} is in your basket already" in again.text
    beside = await put(shared_world, bea, REDLINE)
    assert "2 skins" in beside.text


async def test_listing_when_it_is_wrong_then_it_says_why_and_the_basket_stays(
    shared_world: World, bea: Member
) -> None:
    """Gone, of another skin, no number, or more than one of it."""
    screen = await open_basket(shared_world, bea)
    gone = await type_skin(bea, screen, name=REDLINE, listing="#69999999")
    assert f"Listing 69999999 of {REDLINE} is not for sale" in gone.text
    other = await type_skin(bea, gone, name=CASE, listing=str(DEARER_REDLINE))
    assert f"Listing {DEARER_REDLINE} of {CASE} is not for sale" in other.text
    vague = await type_skin(bea, other, name="redline", listing="69999999")
    assert "Listing 69999999 is not for sale under that name" in vague.text
    letters = await type_skin(bea, vague, name=REDLINE, listing="abc")
    assert "“abc” isn't a listing number" in letters.text
    several = await type_skin(bea, letters, name=REDLINE, listing=str(DEARER_REDLINE), quantity="2")
    assert "stands for one skin only" in several.text
    assert "Your basket is empty" in several.text
    found = await type_skin(bea, several, name="redline", listing=f"# {DEARER_REDLINE}")
    assert f"Added: {REDLINE}, listing {DEARER_REDLINE}, at most $" in found.text


async def test_listing_when_the_market_does_not_answer_then_nothing_is_added(
    shared_world: World, bea: Member
) -> None:
    """A listing is looked at before it is believed."""
    await put(shared_world, bea, CASE)
    shared_world.market.refuse("market_search", -9)
    screen = await put(shared_world, bea, f"{REDLINE} #{DEARER_REDLINE}")
    assert "The market doesn't answer at the moment" in screen.text
    assert CASE in screen.text


# Numbers that people type


@pytest.mark.parametrize(
    ("typed", "ceiling"),
    [("12,50", "$12.50"), ("$12.50", "$12.50"), ("12.5 USD", "$12.50"), (" 13 ", "$13.00")],
)
async def test_limit_when_typed_as_people_type_it_then_it_is_understood(
    shared_world: World, bea: Member, typed: str, ceiling: str
) -> None:
    """With a comma, a sign, or the currency behind it."""
    screen = await put(shared_world, bea, REDLINE, max_price=typed)
    assert f"at most {ceiling}" in screen.text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("cheap", "can't read “cheap” as a price"),
        ("12.345", "can't read “12.345” as a price"),
        ("-5", "can't read “-5” as a price"),
        ("0", "“0” is less than a cent"),
        ("99999999", "more than any skin costs: the highest price is $100,000.00"),
        (
            "12.39",
            f"The cheapest {REDLINE} costs $12.40 at the moment, more than your limit of $12",
        ),
    ],
)
async def test_limit_when_it_cannot_be_then_it_says_why_and_the_basket_stays(
    shared_world: World, bea: Member, typed: str, said: str
) -> None:
    """What was in it is still shown under the sentence."""
    await put(shared_world, bea, CASE)
    screen = await put(shared_world, bea, REDLINE, max_price=typed)
    assert said in screen.text
    assert CASE in screen.text
    assert [name for name, _, _ in picks(shared_world, bea)] == [CASE]


@pytest.mark.parametrize("typed", ["0", "-1", "26", "1.5", "two", "999"])
async def test_quantity_when_it_cannot_be_then_it_says_why_and_the_basket_stays(
    shared_world: World, bea: Member, typed: str
) -> None:
    """In the modal anything can be typed."""
    screen = await put(shared_world, bea, CASE)
    screen = await type_skin(bea, screen, name=REDLINE, quantity=typed)
    assert f"“{typed}” as a number of skins. Nothing was changed." in screen.text
    assert [name for name, _, _ in picks(shared_world, bea)] == [CASE]


async def test_basket_when_it_would_hold_too_much_then_it_says_how_much_it_holds(
    shared_world: World, bea: Member
) -> None:
    """By adding, by +1, and never a part of what was asked for."""
    await put(shared_world, bea, CASE, quantity=9)
    screen = await put(shared_world, bea, REDLINE, quantity=2)
    assert "A request holds 10 skins here, and that would make 11." in screen.text
    screen = await put(shared_world, bea, REDLINE)
    assert "10 skins" in screen.text
    line = await open_line(bea, screen, REDLINE)
    reply = await bea.click(line, "+1")
    assert "that would make 11" in reply.text
    assert [n for _, n, _ in picks(shared_world, bea)] == [9, 1]


# One row of it


async def test_row_when_changed_then_screen_and_database_follow(
    shared_world: World, bea: Member
) -> None:
    """More of it, fewer, out of it; the same skin at the same limit is one row."""
    await put(shared_world, bea, REDLINE)
    screen = await put(shared_world, bea, REDLINE)
    assert picks(shared_world, bea) == [(REDLINE, 2, 13.02)]
    line = await open_line(bea, screen, REDLINE)
    assert "2 × $12.40 today (20 for sale)" in line.text
    line = shown(await bea.click(line, "+1"))
    assert "3 × $12.40" in line.text
    for left in (2, 1):
        line = shown(await bea.click(line, "−1"))
        assert f"{left} × $12.40" in line.text
    screen = shown(await bea.click(line, "Back"))
    assert "Your basket: 1 of 10 skins" in screen.text
    line = await open_line(bea, screen, REDLINE)
    reply = await bea.click(line, "Remove")
    assert f"Removed: {REDLINE}." in reply.text
    assert "Your basket is empty" in reply.text
    assert picks(shared_world, bea) == []


async def test_row_when_its_limit_is_changed_then_it_is_checked_and_kept(
    shared_world: World, bea: Member
) -> None:
    """A bad one leaves the old one, and an empty one is today's price and the tolerance."""
    line = await open_line(bea, await put(shared_world, bea, REDLINE), REDLINE)

    async def limit(typed: str) -> str:
        opened = await bea.click(line, "Price limit")
        assert opened.modal is not None
        reply = await bea.submit(opened.modal, {opened.modal.fields[0].label: typed})
        assert shown(reply) is line
        return reply.text

    assert "The price limit is saved: at most $20.00 each." in await limit("20")
    assert "can't read “twenty” as a price" in await limit("twenty")
    assert "more than your limit of $12.00" in await limit("12")
    assert picks(shared_world, bea) == [(REDLINE, 1, 20.0)]
    assert "at most $13.02" in await limit("")
    assert picks(shared_world, bea) == [(REDLINE, 1, 13.02)]


async def test_basket_when_it_has_more_rows_than_fit_then_it_has_pages(
    shared_world: World, bea: Member
) -> None:
    """Each page shows and offers its own rows, and whoever comes back to one is on it again."""
    names = [
        choice.value
        for choice in await bea.autocomplete("request", "item", "case", channel=shared_world.hall)
    ][:9]
    for name in names:
        screen = await put(shared_world, bea, str(name))
    assert "Page 2 of 2" in labels(screen), "what was put in last is shown"
    first = shown(await bea.click(screen, "◀"))
    assert "Page 1 of 2" in labels(first)
    assert len(first.selects[0].options) == 7
    with pytest.raises(SandboxError, match="disabled"):
        await bea.click(first, "◀")
    second = shown(await bea.click(first, "▶"))
    assert [option.label for option in second.selects[0].options] == names[7:]
    for _ in range(2):
        line = await open_line(bea, second, str(names[8]))
        second = shown(await bea.click(line, "Back"))
        assert "Page 2 of 2" in labels(second)
    second = shown(await bea.click(shown(await bea.click(second, "More")), "Back"))
    assert "Page 2 of 2" in labels(second)
    line = await open_line(bea, second, str(names[8]))
    second = shown(await bea.click(line, "Remove"))
    assert f"Removed: {names[8]}." in second.text
    line = await open_line(bea, second, str(names[7]))
    reply = await bea.click(line, "Remove")
    assert not [label for label in labels(shown(reply)) if label.startswith("Page")]


# Note, and emptying it


async def test_note_when_set_then_shown_harmlessly_and_removed_when_emptied(
    shared_world: World, bea: Member
) -> None:
    """Whatever is typed is only ever read."""
    screen = await put(shared_world, bea, CASE)
    assert "No note" in screen.text

    async def note(text: str) -> Message:
        more = shown(await bea.click(screen, "More"))
        opened = await bea.click(more, "Note")
        return shown(await bea.submit(opened.modal, {"Note (optional)": text}))

    hostile = "@everyone # **bold** [x](https://evil.example) <@1>\n||spoiler|| \u202e `code`"
    screen = await note(hostile)
    assert (
        "Note: @\u200beveryone # **bold** [x](https://evil.example) <@1> ||spoiler||" in screen.text
    )
    assert not screen.mentions.everyone
    assert not screen.mentions.users
    screen = await note("")
    assert "No note" in screen.text
    assert CASE in screen.text


TRICKS: Final = (
    "@everyone <@1> # big\n> ### Request #1: approved\n-# [Approve $0.01](https://evil.example) "
    "`x` ||y|| \u202eesrever z\u0316\u0316\u0316\u0316\u0316\u0316 ✅ Approved by @Max"
)
"""What a careful reader must still see as the words of whoever wrote them."""


async def test_words_when_full_of_tricks_then_they_are_quoted_as_their_authors_and_do_nothing(
    shared_world: World, bea: Member
) -> None:
    """A note on the card and in Details, a reason in her message; nobody is pinged."""
    world = shared_world
    await world.give_trade_url(bea)
    screen = await put(world, bea, CASE)
    opened = await bea.click(shown(await bea.click(screen, "More")), "Note")
    screen = shown(await bea.submit(opened.modal, {"Note (optional)": TRICKS}))
    assert "is sent" in (await bea.click(screen, "Send for approval")).text
    card = await world.approvals.wait_for(
        lambda message: "Note from @Bea" in message.text and "Approve" in " ".join(labels(message))
    )
    opened = await world.max.click(card, "Deny")
    details = shown(await world.max.click(card, "Details"))
    await world.max.submit(opened.modal, {"Why?": TRICKS})
    told = await bea.wait_for_dm("@Max denied it")
    await card.wait_for("Denied by @Max")
    whose = ((details, f"Note from <@{bea.id}>:"), (card, "Denied by <@"), (told, "denied it"))
    for message, author in whose:
        rows = message.source.split("\n")
        places = [place for place, row in enumerate(rows) if "big" in row]
        assert len(places) == 1, rows
        assert author in rows[places[0] - 1]
        said = rows[places[0]]
        assert said.startswith(
            "> \\@\u200beveryone \\<\\@1\\> \\# big \\> \\#\\#\\# Request \\#1\\: approved"
        )
        assert "\u202e" not in said
        assert "](" not in said.replace("\\]\\(", "")
        assert not message.mentions.everyone
        assert message.mentions.users <= {bea.id}
        assert all("0.01" not in label for label in labels(message))


async def test_basket_when_emptied_then_a_question_comes_first_and_everything_goes(
    shared_world: World, bea: Member
) -> None:
    """The note too; No leaves it as it was."""
    screen = await put(shared_world, bea, CASE, quantity=2)
    opened = await bea.click(shown(await bea.click(screen, "More")), "Note")
    screen = shown(await bea.submit(opened.modal, {"Note (optional)": "for the cup"}))
    question = shown(await bea.click(shown(await bea.click(screen, "More")), "Empty the basket"))
    assert "What goes: 2 skins and the note." in question.text
    screen = shown(await bea.click(question, "No, keep it"))
    assert "for the cup" in screen.text
    question = shown(await bea.click(shown(await bea.click(screen, "More")), "Empty the basket"))
    reply = await bea.click(question, "Yes, empty it")
    assert "Your basket is empty now." in reply.text
    assert picks(shared_world, bea) == []
    screen = await put(shared_world, bea, CASE)
    assert "No note" in screen.text


# Copies, double taps, other devices


async def test_basket_when_shown_twice_then_the_older_copy_changes_nothing(
    shared_world: World, bea: Member
) -> None:
    """Every button of it shows how things are now; what changes nothing just works."""
    old = await put(shared_world, bea, REDLINE)
    basket = old.versions[-1]
    await open_line(bea, old, REDLINE)
    line = old.versions[-1]
    await put(shared_world, bea, CASE)
    now = picks(shared_world, bea)
    for label, stays in (("+1", True), ("Remove", False), ("Price limit", False)):
        reply = await bea.click(old, label, as_of=line)
        assert "This is an old copy of your basket, so the tap did nothing." in reply.text
        assert ("today (20 for sale)" in reply.text) == stays
        assert (CASE in reply.text) != stays
        assert picks(shared_world, bea) == now
    reply = await bea.click(old, "Send for approval", as_of=basket)
    assert "the tap did nothing" in reply.text
    for label in ("Back", "More"):
        reply = await bea.click(old, label, as_of=line if label == "Back" else basket)
        assert "the tap did nothing" not in reply.text
    reply = await bea.select(old, "Change or remove", [REDLINE], as_of=basket)
    assert "1 × $12.40 today" in reply.text
    await bea.click(old, "Remove")
    assert picks(shared_world, bea) == now[1:]


async def test_basket_when_a_modal_was_open_meanwhile_then_it_replaces_nothing_newer(
    shared_world: World, bea: Member
) -> None:
    """What else has changed doesn't matter; what was typed in vain is shown, never lost."""
    line = await open_line(bea, await put(shared_world, bea, REDLINE), REDLINE)
    limits = [await bea.click(line, "Price limit") for _ in range(3)]
    more = shown(await bea.click(await open_basket(shared_world, bea), "More"))
    notes = [await bea.click(more, "Note") for _ in range(2)]
    add = await bea.click(await open_basket(shared_world, bea), "Add skins")
    await put(shared_world, bea, CASE)

    async def limit(number: int, typed: str) -> str:
        modal = limits[number].modal
        assert modal is not None
        return (await bea.submit(modal, {modal.fields[0].label: typed})).text

    async def note(number: int, typed: str) -> Reply:
        return await bea.submit(notes[number].modal, {"Note (optional)": typed})

    assert "The price limit is saved: at most $99.00 each." in await limit(0, "99")
    said = await limit(1, "50")
    assert "yours (50) was not saved. Now it is at most $99.00 each." in said
    assert "The note is saved." in (await note(0, "for the cup")).text
    reply = await note(1, "for @everyone")
    assert "This is what you typed: “for @\u200beveryone”" in reply.text
    assert "Note: for the cup" in reply.text
    opened = await bea.click(shown(reply), "Note")
    assert opened.modal is not None
    assert opened.modal.fields[0].prefilled == "for the cup"
    reply = await bea.submit(add.modal, {"Skin": CASE})
    assert "the rest of it is untouched" in reply.text
    assert picks(shared_world, bea) == [(REDLINE, 1, 99.0), (CASE, 2, 0.44)]
    row = await open_line(bea, await open_basket(shared_world, bea), REDLINE)
    await bea.click(row, "Remove")
    assert "The skin that you typed a price limit for (50) is not in" in await limit(2, "50")


async def test_basket_when_sent_while_something_was_typed_then_the_next_one_has_it(
    shared_world: World, bea: Member
) -> None:
    """A skin goes into the next basket, and says so; a note is shown, because it was for the old
    one."""
    await shared_world.give_trade_url(bea)
    screen = await put(shared_world, bea, REDLINE)
    add = await bea.click(screen, "Add skins")
    note = await bea.click(shown(await bea.click(screen, "More")), "Note")
    await bea.click(await open_basket(shared_world, bea), "Send for approval")
    reply = await bea.submit(note.modal, {"Note (optional)": "cup"})
    assert "This is what you typed: “cup”" in reply.text
    reply = await bea.submit(add.modal, {"Skin": CASE})
    assert f"Added: {CASE}" in reply.text
    assert "Your basket was sent while you typed, so this is the next one." in reply.text
    assert "Left for you: no request until one is done (#" in reply.text
    assert picks(shared_world, bea) == [(CASE, 1, 0.44)]


async def test_button_when_tapped_twice_at_once_then_it_counts_once(
    shared_world: World, bea: Member
) -> None:
    """All taps show the row as it is now, and none fails."""
    line = await open_line(bea, await put(shared_world, bea, REDLINE), REDLINE)
    taps = await asyncio.gather(*(bea.click(line, "+1") for _ in range(4)))
    assert [tap.failed for tap in taps] == [False] * 4
    assert "2 × $12.40 today" in line.text
    assert picks(shared_world, bea) == [(REDLINE, 2, 13.02)]


async def test_basket_when_two_devices_add_at_once_then_both_skins_are_in(
    shared_world: World, bea: Member
) -> None:
    """Also the very first time, when both make the basket."""
    await asyncio.gather(
        put(shared_world, bea, REDLINE), put(shared_world, bea, CASE), put(shared_world, bea, CASE)
    )
    assert sorted((name, n) for name, n, _ in picks(shared_world, bea)) == [(REDLINE, 1), (CASE, 2)]


# Sending


async def test_send_when_no_trade_url_is_known_then_it_is_asked_for_and_the_basket_stays(
    shared_world: World, bea: Member
) -> None:
    """From the question straight on to the basket, and sent."""
    screen = await put(shared_world, bea, REDLINE)
    assert "No Trade URL yet" in screen.text
    screen = shown(await bea.click(screen, "Send for approval"))
    assert "I don't know yet where your skins should go. Nothing was sent." in screen.text
    assert picks(shared_world, bea) == [(REDLINE, 1, 13.02)]
    back = shown(await bea.click(screen, "Back"))
    assert REDLINE in back.text
    screen = shown(await bea.click(back, "Trade URL"))
    opened = await bea.click(screen, "Enter Trade URL")
    url = "https://steamcommunity.com/tradeoffer/new/?partner=4711&token=Basket-1"
    question = shown(await bea.submit(opened.modal, {"Trade URL": url}))
    screen = shown(await bea.click(question, "Yes, that's me"))
    assert "Your Trade URL is saved, for Steam account …" in screen.text
    assert REDLINE in screen.text
    reply = await bea.click(screen, "Send for approval")
    assert "is sent" in reply.text
    assert "1 skin, $13.02 at most" in reply.text
    assert "I keep you posted by direct message." in reply.text


async def test_send_when_the_basket_is_empty_or_too_many_are_open_then_it_says_so(
    shared_world: World, bea: Member
) -> None:
    """The basket is kept for later."""
    await shared_world.give_trade_url(bea)
    empty = await open_basket(shared_world, bea)
    forged = forge(empty, button_id(empty, ":add").replace(":add", ":send"))
    reply = await bea.click(empty, custom_id=forged)
    assert "Your basket is empty, so there is nothing to send." in reply.text
    sent = await bea.click(await put(shared_world, bea, REDLINE), "Send for approval")
    assert "is sent" in sent.text
    number = sent.text.partition("#")[2].split()[0]
    reply = await bea.click(await put(shared_world, bea, CASE), "Send for approval")
    assert f"You have 1 request open already (#{number}), and can have 1 at a time." in reply.text
    assert "Nothing was sent, and your basket is kept" in reply.text
    assert [name for name, _, _ in picks(shared_world, bea)] == [CASE]


async def test_send_when_tapped_twice_at_once_then_one_request_is_sent_and_both_are_told(
    shared_world: World, bea: Member
) -> None:
    """The second tap hears the same, not that nothing was done."""
    await shared_world.give_trade_url(bea)
    screen = await put(shared_world, bea, REDLINE)
    first, second = await asyncio.gather(
        bea.click(screen, "Send for approval"), bea.click(screen, "Send for approval")
    )
    assert "is sent" in first.text
    assert "is sent" in second.text
    sent = shared_world.rows(
        "SELECT count(*) AS n FROM requests WHERE user_id = ? AND state = 'pending'", bea.id
    )
    assert sent == [{"n": 1}]


async def test_basket_when_it_was_sent_then_its_old_buttons_never_touch_the_next_one(
    shared_world: World, bea: Member
) -> None:
    """Even where the next basket has come as far as the old one: it is another basket."""
    await shared_world.give_trade_url(bea)
    old = await put(shared_world, bea, REDLINE)
    more = shown(await bea.click(await open_basket(shared_world, bea), "More"))
    question = shown(await bea.click(more, "Empty the basket"))
    assert "is sent" in (await bea.click(old, "Send for approval")).text
    shared_world.change(
        "UPDATE requests SET state = 'cancelled', sealed_token = NULL WHERE user_id = ? "
        "AND state = 'pending'",
        bea.id,
    )
    await put(shared_world, bea, CASE)
    revisions = shared_world.rows("SELECT revision FROM requests WHERE user_id = ?", bea.id)
    assert {row["revision"] for row in revisions} == {2}, "the two can't be told apart by it"
    reply = await bea.click(old, "Send for approval", as_of=old.versions[0])
    assert "the tap did nothing" in reply.text
    reply = await bea.click(question, "Yes, empty it")
    assert "the tap did nothing" in reply.text
    assert [name for name, _, _ in picks(shared_world, bea)] == [CASE]


@pytest.mark.asyncio(loop_scope="function")
async def test_basket_when_the_bot_restarts_then_it_is_kept_and_its_old_buttons_work(
    world: World,
) -> None:
    """What is sold out or dearer by then is asked about, and answered to the next bot."""
    await world.give_trade_url(world.ana)
    await put(world, world.ana, REDLINE)
    await put(world, world.ana, CASE)
    before = await put(world, world.ana, ASIIMOV, max_price="72")
    results = await put(world, world.ana, "ft", max_price="500", quantity=2)
    await world.until(world.prices_are_kept)
    assert await world.bot.stop() == 0
    _rewrite_prices(world, {ASIIMOV: (73_000_000, 5), CASE: (415_000, 0)})
    await _start_with_old_prices(world)
    second = shown(await world.ana.click(results, "▶"))
    assert "Shown: 26 to 50 of 206." in second.text
    assert "You asked for 2, at most $500.00 each." in second.text
    opened = await world.ana.click(second, "Search again")
    assert opened.modal is not None
    assert [field.prefilled for field in opened.modal.fields] == ["ft", "2", "$500.00", ""]
    question = shown(await world.ana.click(before, "Send for approval"))
    assert "Nothing was sent. 2 rows of your basket can't be bought" in question.text
    assert f"{CASE}: picked at $0.415. Sold out today" in question.text
    assert f"{ASIIMOV}: picked at $71.20, at most $72.00. Today $73.00, new limit $76.65" in (
        question.text
    )
    assert "would be 2 skins, $89.67 at most. Now it is $85.46 at most." in question.text
    screen = shown(await world.ana.click(question, "Back"))
    assert "sold out at the moment" in screen.text
    assert "$73.00, at most $72.00\n⚠ costs more than your limit now" in screen.text
    question = shown(await world.ana.click(screen, "Send for approval"))
    assert await world.bot.stop() == 0
    await _start_with_old_prices(world)
    screen = shown(await world.ana.click(question, "Use today's prices"))
    assert "Your basket has today's prices now: $89.67 at most." in screen.text
    assert f"Taken out, because nobody sells it at the moment: {CASE}." in screen.text
    assert picks(world, world.ana) == [(REDLINE, 1, 13.02), (ASIIMOV, 1, 76.65)]
    assert f"Nobody sells {CASE} at the moment." in (await put(world, world.ana, CASE)).text
    reply = await world.ana.click(screen, "Send for approval")
    assert "2 skins, $89.67 at most" in reply.text


async def _start_with_old_prices(world: World) -> None:
    """Start the bot with the prices of its last run, because the market gives none."""
    world.market.refuse("market_pricelist", -9)
    await world.start()
    while not await world.ana.autocomplete("request", "item", "ak", channel=world.hall):
        pass  # the prices of the last run are still being read


async def test_prices_when_they_moved_then_the_member_is_asked_and_only_a_seen_figure_is_sent(
    shared_world: World, bea: Member
) -> None:
    """They move again before the answer, thumbs are double, and another device is in between."""
    world = shared_world
    await world.give_trade_url(bea)
    await put(world, bea, CASE)
    screen = await put(world, bea, REDLINE, quantity=2)
    world.change(
        "UPDATE picks SET quote = 9000000, ceiling = 10000000 WHERE market_hash_name = ?", REDLINE
    )
    question = shown(await bea.click(screen, "Send for approval"))
    assert f"{REDLINE} ×2: picked at $9.00, at most $10.00. Today $12.40, new limit $13.02" in (
        question.text
    )
    assert labels(question) == ["Use today's prices", "Remove it", "Back"]
    world.change("UPDATE guilds SET tolerance_bp = 1000")
    try:
        again = shown(await bea.click(question, "Use today's prices"))
        assert "Prices have moved once more since this was shown" in again.text
        assert "Today $12.40, new limit $13.64" in again.text
        assert picks(world, bea) == [(CASE, 1, 0.44), (REDLINE, 2, 10.0)]
        await asyncio.gather(*(bea.click(again, "Use today's prices") for _ in range(2)))
    finally:
        world.change("UPDATE guilds SET tolerance_bp = 500")
    said = [version.text for version in again.versions[-2:]]
    assert sum("has today's prices now: $27.72 at most" in text for text in said) == 1
    assert sum("so the tap did nothing" in text for text in said) == 1
    assert picks(world, bea) == [(CASE, 1, 0.44), (REDLINE, 2, 13.64)]
    world.change("UPDATE picks SET ceiling = 10000000 WHERE market_hash_name = ?", REDLINE)
    question = shown(await bea.click(await open_basket(world, bea), "Send for approval"))
    asked = question.versions[-1]
    await put(world, bea, ASIIMOV)
    for label in ("Use today's prices", "Remove it"):
        reply = await bea.click(question, label, as_of=asked)
        assert "the tap did nothing" in reply.text
    question = shown(await bea.click(shown(reply), "Send for approval"))
    screen = shown(await bea.click(question, "Remove it"))
    assert f"Removed: {REDLINE} ×2." in screen.text
    reply = await bea.click(screen, "Send for approval")
    assert "2 skins, $75.20 at most" in reply.text


def _rewrite_prices(world: World, changed: dict[str, tuple[int, int]]) -> None:
    """Change price and stock of some skins in the price list that the bot has kept."""
    with closing(sqlite3.connect(world.prices_path)) as prices, prices:
        for name, (price, stock) in changed.items():
            prices.execute(
                "UPDATE skins SET price = ?, stock = ? WHERE name = ?", (price, stock, name)
            )


async def test_panel_when_its_buttons_are_pressed_then_basket_and_list_open_privately(
    shared_world: World, bea: Member
) -> None:
    """For people who don't know commands."""
    setup = shown(await shared_world.olga.slash("setup", channel=shared_world.hall))
    reply = await shared_world.olga.click(setup, "Post the panel here")
    assert "The panel is posted here." in reply.text
    panel = await shared_world.hall.wait_for("Put the skins you would like into your basket")
    assert panel.ephemeral_for is None
    reply = await bea.click(panel, "Ask for skins")
    assert reply.ephemeral
    assert "Your basket is empty" in reply.text
    reply = await bea.click(panel, "My requests")
    assert reply.ephemeral
    assert "You haven't asked for anything here yet." in reply.text
