"""Browsing with /skins: pages, filters, one skin, one listing, and the thumbs of hasty people."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from bot.sandbox.discord import Member, Message
from tests.e2e.cases import items_of
from tests.e2e.screens import CASE, answered_twice, forge, labels, put, unanswered
from tests.e2e.world import ASIIMOV, REDLINE, World, button_id, shown

pytestmark = pytest.mark.asyncio(loop_scope="module")

REDLINES = "redline ft"
LOOK = "Look at one"
PUT = "Add some of them"


@pytest_asyncio.fixture(loop_scope="module")
async def bea(shared_world: World) -> AsyncGenerator[Member]:
    """Someone new; whatever she does is answered, once."""
    yield shared_world.guild.add_member("Bea")
    assert unanswered(shared_world.discord) == []
    assert answered_twice(shared_world.discord) == []
    assert shared_world.discord.violations == []


async def browse(world: World, member: Member, name: str | None = None) -> Message:
    """Use /skins and return its screen."""
    given = {} if name is None else {"name": name}
    reply = await member.slash("skins", channel=world.hall, given=given)
    assert reply.ephemeral
    return shown(reply)


async def press(member: Member, screen: Message, label: str) -> Message:
    """Press a button and return the screen that answers."""
    return shown(await member.click(screen, label))


async def fill_in(member: Member, screen: Message, label: str, **fields: str) -> Message:
    """Press a button that opens a modal, fill it in and return the screen that answers."""
    opened = await member.click(screen, label)
    given = {name.replace("_", " "): value for name, value in fields.items()}
    assert opened.modal is not None
    named = {
        field.label: given[key]
        for field in opened.modal.fields
        if (key := field.label.partition(" ")[0]) in given
    }
    assert len(named) == len(given)
    return shown(await member.submit(opened.modal, named))


def total(screen: Message) -> int:
    """Return how many skins a page or the filters say there are."""
    found = re.search(r"(?:of |\n)([0-9,]+)(?: skins? fits?)?\n", f"\n{screen.text}\n")
    assert found, screen.text
    return int(found[1].replace(",", ""))


def picks(world: World, member: Member) -> list[tuple[str, int, int | None]]:
    """Return what the database has in a member's basket: skin, how many, which listing."""
    rows = world.rows(
        "SELECT market_hash_name, quantity, listing_id FROM picks JOIN requests USING (request_id) "
        "WHERE user_id = ? AND state = 'draft' ORDER BY pick_id",
        member.id,
    )
    return [(row["market_hash_name"], row["quantity"], row["listing_id"]) for row in rows]


def offered(screen: Message, menu: str) -> list[str]:
    """Return what a select of a screen offers."""
    select = next(one for one in screen.selects if (one.placeholder or "").startswith(menu))
    return [option.label for option in select.options]


async def test_pages_when_turned_then_all_that_fits_can_be_reached(
    shared_world: World, bea: Member
) -> None:
    """Forwards, back, straight to a page, past the end, with nonsense, and from old copies."""
    screen = await browse(shared_world, bea)
    everything = total(screen)
    assert everything >= 1_000
    assert "1 to 7 of" in screen.text
    assert "Prices from" in screen.text
    seen = offered(screen, LOOK)
    for first in (8, 15):
        screen = await press(bea, screen, "▶")
        assert f"{first} to {first + 6} of {everything:,}" in screen.text
        seen += offered(screen, LOOK)
    assert len(set(seen)) == 21
    screen = await press(bea, screen, "◀")
    assert offered(screen, LOOK) == seen[7:14]
    last = -(-everything // 7)
    screen = await fill_in(bea, screen, "Page 2", Page=str(last))
    assert f"{everything:,} of {everything:,}" in screen.text.replace(" to ", " of ")
    screen = await fill_in(bea, screen, f"Page {last}", Page="@everyone")
    assert "I can't read “@\u200beveryone” as a page" in screen.text
    for typed, page in (("999999", last), ("0", 1), ("3", 3)):
        screen = await fill_in(bea, screen, "Page", Page=typed)
        assert f"Page {page} of {last}" in labels(screen)
    reply = await bea.click(screen, "▶", as_of=screen.versions[0])
    assert "8 to 14 of" in reply.text, "an old copy leads where it says"
    place = screen.buttons.index(screen.button("▶"))
    custom_id = str(screen.button("▶").custom_id)
    far = forge(screen, custom_id.rpartition(".")[0] + ".9999999", button=place)
    reply = await bea.click(screen, custom_id=far)
    assert f"Page {last} of {last}" in labels(shown(reply)), "the list may have become shorter"


async def test_name_when_given_then_one_match_is_shown_at_once_and_none_says_so(
    shared_world: World, bea: Member
) -> None:
    """A suggestion, its label, parts of a name, and what nothing is called."""
    choices = await bea.autocomplete("skins", "name", "redl ak", channel=shared_world.hall)
    assert choices[0].name == f"{REDLINE} · $12.40 · 20 for sale"
    for typed in (choices[0], f"{choices[0].name} ", f"{REDLINE} #62696971"):
        reply = await bea.slash("skins", channel=shared_world.hall, given={"name": typed})
        assert "$12.40 today · 20 for sale" in reply.text
        assert labels(shown(reply)) == [
            "Add to basket",
            "Listings",
            "Back to the list",
            "Basket (0)",
        ]
    screen = await browse(shared_world, bea, "kilowatt")
    assert CASE in screen.text
    screen = await browse(shared_world, bea, "xyzzy **b** <@1>")
    assert "No skin fits that" in screen.text
    assert not screen.selects
    screen = await fill_in(bea, screen, "Search", Skin=REDLINES)
    assert "1 to 3 of 3" in screen.text
    screen = await fill_in(bea, screen, "Search", Skin="")
    assert total(screen) >= 1_000


async def test_filters_when_set_in_any_order_then_they_narrow_and_can_be_cleared(
    shared_world: World, bea: Member
) -> None:
    """Nonsense prices change nothing, swapped ones are swapped, old copies keep their own."""
    screen = await press(bea, await browse(shared_world, bea, "redline"), "Filters")
    assert "No filter is set." in screen.text
    everything = total(screen)
    assert not [one for one in screen.selects if one.placeholder == "Game"]
    for typed, said in (
        ({"From": "cheap"}, "can't read “cheap” as a price"),
        ({"To": "12.345"}, "can't read “12.345” as a price"),
        ({"From": "-5", "To": "7"}, "can't read “-5” as a price"),
        ({"To": "999999999"}, "more than any skin costs"),
    ):
        screen = await fill_in(bea, screen, "Price range", **typed)
        assert said in screen.text
        assert "No filter is set." in screen.text
    screen = await fill_in(bea, screen, "Price range", From="$50", To="5,00")
    assert "so I swapped them: $5.00 to $50.00." in screen.text
    screen = shown(await bea.select(screen, "StatTrak", ["Without StatTrak™"]))
    screen = await press(bea, screen, "Only for sale now")
    screen = shown(await bea.select(screen, "Wear", ["Field-Tested"]))
    said = "Only: Field-Tested · without StatTrak™ · $5.00 to $50.00 · for sale now"
    assert said in screen.text
    assert 1 <= total(screen) < everything
    page = await press(bea, screen, "Show")
    assert said in page.text
    assert REDLINE in offered(page, LOOK)
    screen = await press(bea, page, "Filters")
    screen = await fill_in(bea, screen, "Price range", From="0", To="")
    screen = await press(bea, screen, "Sold out ones too")
    assert "Only: Field-Tested · without StatTrak™\n" in screen.text
    reply = await bea.select(screen, "Wear", ["Factory New"], as_of=screen.versions[-3])
    assert "Factory New · without StatTrak™ · $5.00 to $50.00 · for sale now" in reply.text
    screen = await press(bea, shown(reply), "Clear filters")
    assert "No filter is set." in screen.text
    assert total(screen) == everything
    page = await press(bea, screen, "Show")
    page = await fill_in(bea, await press(bea, page, "Filters"), "Price range", To="0.01")
    page = await press(bea, page, "Show 0 skins")
    assert "No skin fits that with these filters" in page.text
    assert total(await press(bea, page, "Clear filters")) == everything


async def offer(world: World, *games: str) -> None:
    """Have the server offer these games."""
    panel = shown(await world.olga.slash("setup", channel=world.hall))
    reply = await world.olga.select(panel, "Choose the games", list(games))
    assert "Saved." in reply.text


async def test_game_when_several_are_offered_then_it_is_a_filter(
    shared_world: World, bea: Member
) -> None:
    """With one there is nothing to choose; what is not offered any more finds nothing."""
    screen = await press(bea, await browse(shared_world, bea, "ak"), "Filters")
    everything = total(screen)
    await offer(shared_world, "cs2", "rust")
    await shared_world.until(lambda: "There are prices of rust" in shared_world.bot.log())
    screen = await press(bea, await browse(shared_world, bea, "ak"), "Filters")
    assert total(screen) > everything
    screen = shown(await bea.select(screen, "Game", ["Rust"]))
    assert "Only: Rust" in screen.text
    page = await press(bea, screen, "Show")
    assert "for sale · Rust" in page.text
    await offer(shared_world, "cs2")
    reply = await bea.select(page, LOOK, offered(page, LOOK)[:1])
    assert "The market has no skin called" in reply.text
    assert "No skin fits that with these filters" in reply.text
    screen = await press(bea, shown(reply), "Clear filters")
    assert f"of {everything:,}" in screen.text


async def test_skins_when_added_from_a_page_then_one_of_each_is_in(
    shared_world: World, bea: Member
) -> None:
    """Several at once, as far as there is room; a stale page is told and shown anew."""
    shared_world.change("UPDATE guilds SET lines_max = 3")
    other = await browse(shared_world, bea, REDLINES)
    screen = await browse(shared_world, bea, REDLINES)
    two = offered(screen, PUT)[:2]
    screen = shown(await bea.select(screen, PUT, two))
    assert "Added to your basket: 2 skins, one of each." in screen.text
    assert screen.text.count("1 in your basket") == 2
    assert "Basket (2)" in labels(screen)
    reply = await bea.select(other, PUT, two)
    assert "Your basket has changed since this page was drawn, so nothing was added" in reply.text
    screen = shown(await bea.select(shown(reply), PUT, two))
    assert f"Added to your basket: {two[0]}, at most $" in screen.text
    assert f"✖ {two[1]}: no room" in screen.text
    assert picks(shared_world, bea) == [(two[0], 2, None), (two[1], 1, None)]


async def test_skin_when_tapped_twice_sent_and_tapped_again_then_it_is_in_once(
    shared_world: World, bea: Member
) -> None:
    """Two devices, a double tap, a restart in between, and a tap after it was sent."""
    page = await browse(shared_world, bea, REDLINES)
    skin = shown(await bea.select(page, LOOK, [REDLINE]))
    taps = await asyncio.gather(*(bea.click(skin, "Add to basket") for _ in range(3)))
    assert not any(tap.failed for tap in taps)
    assert picks(shared_world, bea) == [(REDLINE, 1, None)]
    assert "In your basket: 1 of it, and 1 of 10 skins in all" in skin.text
    reply = await bea.click(skin, "Add to basket", as_of=skin.versions[1])
    assert "That tap came twice or from an old screen" in reply.text
    await put(shared_world, bea, CASE)
    await shared_world.restart(kill=True)
    skin = await press(bea, skin, "Add one more")
    assert f"Added: {REDLINE}, at most $13.02." in skin.text
    assert picks(shared_world, bea) == [(REDLINE, 2, None), (CASE, 1, None)]
    page = await press(bea, skin, "Back to the list")
    assert "1 to 3 of 3" in page.text
    opened = await bea.click(page, "Search")
    skin = shown(await bea.select(page, LOOK, [REDLINE]))
    await shared_world.give_trade_url(bea)
    basket = await put(shared_world, bea, CASE)
    await bea.click(basket, custom_id=button_id(basket, ":send"))
    reply = await bea.click(skin, "Add one more")
    assert "is too long ago, so the tap did nothing" in reply.text
    assert "1 to 7 of" in reply.text
    assert picks(shared_world, bea) == []
    assert opened.modal is not None
    reply = await bea.submit(opened.modal, {"Skin": REDLINES})
    assert "1 to 3 of 3" in reply.text, "what was typed is looked for all the same"


async def test_listing_when_picked_then_this_one_is_asked_for_and_bought(
    shared_world: World, bea: Member
) -> None:
    """Cheapest first, pages, one that is gone, the same twice; the market is asked seldom."""
    world = shared_world
    item = next(
        item
        for item in world.market.stock._items
        if item.name != ASIIMOV and item.game == "cs2" and len(item.open_listings()) > 26
    )
    listings = world.market.listings(item.name)
    before = sum(call.method == "market_search" for call in world.market.calls)
    skin = await browse(world, bea, item.name)
    screen = await press(bea, skin, "Listings")
    assert "nothing is bought in its place" in screen.text
    assert f"1 to 25 of {len(listings)}" in screen.text
    screen = await press(bea, screen, "▶")
    assert f"26 to {len(listings)} of {len(listings)}" in screen.text
    last, gone = listings[-1], listings[-2]
    assert sum(call.method == "market_search" for call in world.market.calls) == before + 1
    world.market.sell_listing(gone.listing_id)
    screen = shown(await bea.select(screen, "Add one of", [str(gone.listing_id)]))
    assert f"Listing {gone.listing_id} was sold or taken back meanwhile" in screen.text
    assert picks(world, bea) == []
    screen = await press(bea, await press(bea, screen, "Back"), "Listings")
    screen = await press(bea, screen, "▶") if "▶" in labels(screen) else screen
    stale = screen.versions[-1]
    screen = shown(await bea.select(screen, "Add one of", [str(last.listing_id)]))
    assert f"Added to your basket: {item.name}, listing {last.listing_id}" in screen.text
    assert f"listing {last.listing_id} · in your basket" in screen.text
    reply = await bea.select(screen, "Add one of", [str(last.listing_id)], as_of=stale)
    assert f"Listing {last.listing_id} is in your basket already" in reply.text
    assert picks(world, bea) == [(item.name, 1, last.listing_id)]
    await world.give_trade_url(bea)
    basket = await press(bea, shown(reply), "Basket (1)")
    await bea.click(basket, custom_id=button_id(basket, ":send"))
    card = await world.approvals.wait_for(
        lambda message: f"listing {last.listing_id}" in message.text
    )
    calls = len(world.market.batch_calls)
    await world.max.click(card, custom_id=button_id(card, ":approve"))
    await world.hurry()
    await world.until(lambda: len(world.market.batch_calls) > calls)
    assert [one["id"] for one in items_of(world.market.batch_calls[-1])] == [last.listing_id]


async def test_market_when_it_does_not_answer_then_the_skin_stays_and_says_so(
    shared_world: World, bea: Member
) -> None:
    """The cheapest one can still be added; nobody who may not ask sees anything."""
    skin = await browse(shared_world, bea, ASIIMOV)
    shared_world.market.refuse("market_search", -9, times=1)
    skin = await press(bea, skin, "Listings")
    assert "The market doesn't answer at the moment" in skin.text
    skin = await press(bea, skin, "Add to basket")
    assert f"Added: {ASIIMOV}" in skin.text
    shared_world.market.sell_out(ASIIMOV)
    screen = await press(bea, skin, "Listings")
    assert "Nobody sells it at the moment" in screen.text
    shared_world.change(
        "INSERT INTO asker_roles (guild_id, role_id) VALUES (?, ?)",
        shared_world.guild.id,
        shared_world.mods.id,
    )
    for label in ("Back", "Basket"):
        assert "can ask for skins" in (await bea.click(screen, label)).text
    reply = await bea.slash("skins", channel=shared_world.hall)
    assert "can ask for skins" in reply.text
    shared_world.change("DELETE FROM asker_roles")
