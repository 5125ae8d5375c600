"""Looking for skins: results that are paged and chosen from, searching again, and suggestions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from bot.sandbox.discord import Member, Message
from tests.e2e.screens import (
    CASE,
    answered_twice,
    labels,
    open_basket,
    open_line,
    put,
    type_skin,
    unanswered,
)
from tests.e2e.world import ASIIMOV, REDLINE, World, shown

pytestmark = pytest.mark.asyncio(loop_scope="module")

STATTRAK = "StatTrak™ AK-47 | Redline (Field-Tested)"


@pytest_asyncio.fixture(loop_scope="module")
async def bea(shared_world: World) -> AsyncGenerator[Member]:
    """Someone new; whatever she does is answered, once."""
    yield shared_world.guild.add_member("Bea")
    assert unanswered(shared_world.discord) == []
    assert answered_twice(shared_world.discord) == []
    assert shared_world.discord.violations == []


def picks(world: World, member: Member) -> list[tuple[str, int]]:
    """Return what the database has in a member's basket: skin and how many."""
    rows = world.rows(
        "SELECT market_hash_name, quantity FROM picks JOIN requests USING (request_id) "
        "WHERE user_id = ? AND state = 'draft' ORDER BY pick_id",
        member.id,
    )
    return [(row["market_hash_name"], row["quantity"]) for row in rows]


def names(screen: Message) -> list[str]:
    """Return what the menu of results offers."""
    return [option.label for option in screen.selects[0].options]


async def test_results_when_several_are_chosen_then_all_are_in_and_the_way_back_is_there(
    shared_world: World, bea: Member
) -> None:
    """Page by page, several at once, and on from where one was."""
    screen = await put(shared_world, bea, "ft", quantity=2)
    assert "Shown: 1 to 25 of 206." in screen.text
    assert labels(screen) == ["◀", "▶", "Search again", "Back"]
    first = names(screen)
    screen = shown(await bea.click(screen, "▶"))
    assert "Shown: 26 to 50 of 206." in screen.text
    second = names(screen)
    assert not set(first) & set(second)
    wanted = [second[0], second[3]]
    screen = shown(await bea.select(screen, "Choose the skin", wanted))
    assert f"Added: {wanted[0]}, {wanted[1]}." in screen.text
    assert "Left for you: 1 request · 6 more skins" in screen.text
    assert picks(shared_world, bea) == [(name, 2) for name in wanted]
    screen = shown(await bea.click(screen, "Back to the results"))
    assert "Shown: 26 to 50 of 206." in screen.text
    screen = shown(await bea.select(screen, "Choose the skin", [second[0]]))
    assert picks(shared_world, bea) == [(wanted[0], 4), (wanted[1], 2)], "the same once more"


async def test_results_when_not_all_chosen_can_be_in_then_the_others_are_named_with_why(
    shared_world: World, bea: Member
) -> None:
    """As many as fit go in; the price limit that was typed counts for each."""
    await put(shared_world, bea, CASE, quantity=7)
    screen = await put(shared_world, bea, "redline ft", quantity=2, max_price="20")
    assert "You asked for 2, at most $20.00 each." in screen.text
    screen = shown(await bea.select(screen, "Choose the skin", [STATTRAK, REDLINE]))
    assert f"Added: {REDLINE} ×2, at most $20.00 each." in screen.text
    assert f"✖ {STATTRAK}: the cheapest costs $31.05, more than you wanted" in screen.text
    screen = await put(shared_world, bea, "redline ft", quantity=2)
    screen = shown(await bea.select(screen, "Choose the skin", [STATTRAK]))
    assert "Nothing was added." in screen.text
    assert f"✖ {STATTRAK}: no room, a request holds 10 skins here" in screen.text
    assert picks(shared_world, bea) == [(CASE, 7), (REDLINE, 2)]


async def test_results_when_they_are_old_or_tapped_twice_then_nothing_is_in_twice(
    shared_world: World, bea: Member
) -> None:
    """A choice on an old copy shows the basket, and leads back to the results in one tap."""
    screen = await put(shared_world, bea, "redline ft")
    taps = await asyncio.gather(
        *(bea.select(screen, "Choose the skin", [REDLINE, STATTRAK]) for _ in range(3))
    )
    assert [tap.failed for tap in taps] == [False] * 3
    assert picks(shared_world, bea) == [(REDLINE, 1), (STATTRAK, 1)]
    other = await put(shared_world, bea, "redline ft")
    await put(shared_world, bea, CASE)
    reply = await bea.select(other, "Choose the skin", [REDLINE])
    assert "This is an old copy of your basket, so the tap did nothing." in reply.text
    assert len(picks(shared_world, bea)) == 3
    other = shown(await bea.click(shown(reply), "Back to the results"))
    await bea.select(other, "Choose the skin", [REDLINE])
    assert picks(shared_world, bea)[0] == (REDLINE, 2)
    # Of a basket that was sent nothing is left, its searches neither.
    await shared_world.give_trade_url(bea)
    old = await put(shared_world, bea, "redline ft")
    await bea.click(await open_basket(shared_world, bea), "Send for approval")
    reply = await bea.click(old, "Search again")
    assert reply.modal is not None
    assert [field.prefilled for field in reply.modal.fields] == ["", "1", "", ""]
    reply = await bea.select(old, "Choose the skin", [REDLINE])
    assert "the tap did nothing" in reply.text
    assert picks(shared_world, bea) == []


async def test_search_when_one_was_guessed_or_none_was_found_then_it_goes_on_from_what_was_typed(
    shared_world: World, bea: Member
) -> None:
    """Whatever goes wrong, the name is never typed again."""
    screen = await put(shared_world, bea, "kilowatt", quantity=2)
    assert f"Added: {CASE} ×2, at most $" in screen.text
    assert "It is the only match for “kilowatt”. Not that one?" in screen.text
    for typed, said, kept in (
        ({"name": "xyzzy **x**"}, "no skin called “xyzzy **x**”", ["1", "", ""]),
        ({"name": "redline ft", "quantity": "two"}, "“two” as a number of", ["1", "", ""]),
        ({"name": REDLINE, "ceiling": "12"}, "your limit of $12.00", ["1", "$12.00", ""]),
        ({"name": REDLINE, "listing": "abc"}, "“abc” isn't a listing", ["1", "", ""]),
        ({"name": REDLINE, "quantity": "3", "ceiling": "1.234"}, "“1.234”", ["3", "", ""]),
        (
            {"name": REDLINE, "quantity": "x", "ceiling": "15", "listing": "#77"},
            "“x” as a number of skins",
            ["1", "$15.00", "77"],
        ),
        ({"name": REDLINE, "listing": "77"}, "Listing 77 of", ["1", "", "77"]),
        ({"name": REDLINE, "quantity": "25"}, "that would make 27", ["25", "", ""]),
    ):
        screen = await type_skin(bea, screen, **typed)
        assert said in screen.text
        opened = await bea.click(screen, "Search again")
        assert opened.modal is not None
        assert [field.prefilled for field in opened.modal.fields] == [typed["name"], *kept]
        screen = shown(await bea.submit(opened.modal, {"Skin": "xyzzy"}))
    opened = await bea.click(screen, "Search again")
    screen = shown(await bea.submit(opened.modal, {"Skin": ASIIMOV, "How many": "1"}))
    assert f"Added: {ASIIMOV}" in screen.text
    assert "Search again" not in labels(screen)
    assert picks(shared_world, bea) == [(CASE, 2), (ASIIMOV, 1)]
    line = await open_line(bea, screen, ASIIMOV)
    assert "Search again" not in labels(line)


async def test_suggestions_when_nothing_is_typed_then_what_was_asked_for_before_comes_first(
    shared_world: World, bea: Member
) -> None:
    """One's own first, then what the server wants; what isn't asked for is no clutter."""
    hall = shared_world.hall
    ana = shared_world.ana
    await shared_world.submit(ana, (ASIIMOV, 2))
    await shared_world.submit(bea, (CASE, 1))
    offered = await bea.autocomplete("request", "item", "", channel=hall)
    assert [choice.value for choice in offered][:2] == [CASE, ASIIMOV]
    assert offered[1].name == f"{ASIIMOV} · $71.20 · 28 for sale"
    assert (await ana.autocomplete("request", "item", " ", channel=hall))[0].value == ASIIMOV
    edited = await bea.autocomplete("request", "item", offered[1].name, channel=hall)
    assert edited[0].value == ASIIMOV, "clients send the label once it was edited"
