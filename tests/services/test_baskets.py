"""The basket: every mistake is one clear problem, and never loses what was in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.limits import NOTE_MAX
from bot.domain.models import Actor, Basket
from bot.domain.money import CENT, DOLLAR, Micros, ceiling_for, format_usd
from bot.errors import Problem, UserFacingError
from bot.sandbox.skinsback import Fault, SkinsbackSandbox
from bot.services.baskets import Added, Several, Shown, Wish
from tests.services.house import (
    ANA,
    ASIIMOV,
    BEA,
    GUILD,
    REDLINE,
    House,
    ManualClock,
    ScriptedDiscord,
    open_house,
)

CASE = "Kilowatt Case"


async def refused(work: Awaitable[object]) -> UserFacingError:
    """Return why something is refused."""
    with pytest.raises(UserFacingError) as why:
        await work
    return why.value


def shown(basket: Basket) -> Shown:
    return Shown(basket.request_id, basket.revision)


class TestOpening:
    """Everyone who may ask has one basket on a server."""

    async def test_open_makes_a_basket_once_and_keeps_it(self, house: House) -> None:
        first = await house.baskets.open(ANA)
        assert (first.picks, first.revision) == ((), 1)
        assert await house.baskets.open(ANA) == first
        assert (await house.baskets.open(BEA)).request_id != first.request_id

    async def test_open_by_two_devices_at_once_makes_one(self, house: House) -> None:
        opened = await asyncio.gather(*(house.baskets.open(ANA) for _ in range(5)))
        assert len({basket.request_id for basket in opened}) == 1

    async def test_open_by_someone_who_may_not_is_refused(self, house: House) -> None:
        await house.set_up(askers=[6, 5])
        error = await refused(house.baskets.open(ANA))
        assert (error.problem, error.details) == (
            Problem.NOT_ALLOWED_TO_ASK,
            {"role_ids": "5,6"},
        )
        asker = replace(ANA, role_ids=frozenset({5, 7}))
        assert (await house.baskets.open(asker)).user_id == ANA.user_id

    async def test_open_before_the_set_up_is_refused(self, empty_house: House) -> None:
        assert (await refused(empty_house.baskets.open(ANA))).problem is Problem.NOT_SET_UP

    async def test_open_elsewhere_is_refused(self, house: House) -> None:
        assert (await refused(house.baskets.open(Actor(1)))).problem is Problem.SERVER_ONLY
        error = await refused(house.baskets.open(Actor(1, GUILD + 1)))
        assert (error.problem, error.details) == (
            Problem.SERVER_NOT_ALLOWED,
            {"guild_id": str(GUILD + 1)},
        )


class TestAdding:
    """A skin goes in at today's price, with the server's tolerance or the member's own limit."""

    async def test_add_by_exact_name_takes_todays_price_and_the_tolerance(
        self, house: House
    ) -> None:
        added = await house.pick(ANA, REDLINE, 2)
        (pick,) = added.basket.picks
        quote = house.catalogue.find("cs2", REDLINE)
        assert quote is not None
        assert (pick.quantity, pick.quote) == (2, quote.price)
        assert pick.ceiling == ceiling_for(quote.price, 500)
        assert (pick.market_hash_name, pick.class_id) == (REDLINE, quote.class_id)
        assert not added.guessed
        assert added.basket.revision == 2

    async def test_add_by_a_part_of_the_name_says_that_it_was_guessed(self, house: House) -> None:
        added = await house.pick(ANA, "kilowatt")
        assert (added.pick.market_hash_name, added.guessed) == (CASE, True)

    async def test_add_of_what_fits_several_offers_them_and_changes_nothing(
        self, house: House
    ) -> None:
        before = await house.baskets.open(ANA)
        several = await house.baskets.add(ANA, Wish("ak-47 redline", 3))
        assert isinstance(several, Several)
        names = [quote.market_hash_name for quote in several.matches.quotes]
        assert REDLINE in names
        assert len(names) == several.matches.total > 1
        assert await house.baskets.open(ANA) == before

    async def test_add_of_the_same_again_is_one_row(self, house: House) -> None:
        await house.pick(ANA, REDLINE, 2)
        (pick,) = (await house.pick(ANA, REDLINE, 3)).basket.picks
        assert pick.quantity == 5

    async def test_add_of_the_same_at_another_limit_is_a_row_of_its_own(self, house: House) -> None:
        await house.pick(ANA, REDLINE)
        added = await house.baskets.add(ANA, Wish(REDLINE, ceiling=Micros(20 * DOLLAR)))
        assert isinstance(added, Added)
        assert [pick.quantity for pick in added.basket.picks] == [1, 1]
        assert added.basket.picks[1].ceiling == 20 * DOLLAR

    @pytest.mark.parametrize(
        ("wish", "problem", "details"),
        [
            (Wish("  \u200b "), Problem.SKIN_EMPTY, {}),
            (Wish("Dragon Lore"), Problem.SKIN_UNKNOWN, {"typed": "Dragon Lore"}),
            (Wish("???"), Problem.SKIN_UNKNOWN, {"typed": "???"}),
            (Wish(REDLINE, 2, listing_id=5), Problem.LISTING_QUANTITY, {}),
            (
                Wish(REDLINE, listing_id=5),
                Problem.LISTING_GONE,
                {"listing_id": "5", "skin": REDLINE},
            ),
            (Wish("#62696971"), Problem.LISTING_ALONE, {"typed": "#62696971"}),
            (Wish("62696971"), Problem.LISTING_ALONE, {"typed": "62696971"}),
            (Wish(REDLINE, 11), Problem.TOO_MANY_LINES, {"lines_max": 10, "lines": 12}),
        ],
        ids=lambda value: value.value if isinstance(value, Problem) else "",
    )
    async def test_add_that_cant_be_is_refused_and_changes_nothing(
        self, house: House, wish: Wish, problem: Problem, details: dict[str, object]
    ) -> None:
        before = (await house.pick(ANA, CASE)).basket
        error = await refused(house.baskets.add(ANA, wish))
        assert (error.problem, error.details) == (problem, details)
        assert await house.baskets.open(ANA) == before

    async def test_add_below_the_cheapest_says_both_prices(self, house: House) -> None:
        error = await refused(house.baskets.add(ANA, Wish(REDLINE, ceiling=Micros(5 * DOLLAR))))
        quote = house.catalogue.find("cs2", REDLINE)
        assert quote is not None
        assert (error.problem, error.details) == (
            Problem.CEILING_BELOW_CHEAPEST,
            {"skin": REDLINE, "cheapest": format_usd(quote.price), "ceiling": "$5.00"},
        )

    async def test_add_of_what_is_sold_out_is_refused(self, house: House) -> None:
        house.market.sell_out(CASE)
        await house.catalogue.refresh()
        error = await refused(house.baskets.add(ANA, Wish(CASE)))
        assert (error.problem, error.details) in (
            (Problem.SKIN_OUT_OF_STOCK, {"skin": CASE}),
            (Problem.SKIN_UNKNOWN, {"typed": CASE}),
        )

    async def test_add_before_the_prices_were_read_is_refused(
        self, path: Path, market: SkinsbackSandbox, discord: ScriptedDiscord, clock: ManualClock
    ) -> None:
        async with open_house(path, market, discord, clock) as house:
            await house.set_up()
        path.with_suffix(".prices").unlink()
        async with open_house(path, market, discord, clock) as house:
            error = await refused(house.baskets.add(ANA, Wish(REDLINE)))
        assert error.problem is Problem.CATALOGUE_MISSING


class TestListings:
    """One particular listing, by its number."""

    async def test_add_by_listing_takes_its_own_price(self, house: House) -> None:
        listing = house.market.listings(REDLINE)[3]
        added = await house.baskets.add(ANA, Wish(REDLINE, listing_id=listing.listing_id))
        assert isinstance(added, Added)
        assert (added.pick.listing_id, added.pick.quote) == (listing.listing_id, listing.price)
        assert added.pick.ceiling == ceiling_for(listing.price, 500)

    async def test_add_of_the_same_listing_twice_is_refused(self, house: House) -> None:
        wish = Wish(REDLINE, listing_id=house.market.listings(REDLINE)[0].listing_id)
        await house.baskets.add(ANA, wish)
        error = await refused(house.baskets.add(ANA, wish))
        assert (error.problem, error.details) == (
            Problem.LISTING_TWICE,
            {"listing_id": str(wish.listing_id)},
        )

    async def test_add_of_a_listing_under_another_name_is_refused(self, house: House) -> None:
        wish = Wish(ASIIMOV, listing_id=house.market.listings(REDLINE)[0].listing_id)
        assert (await refused(house.baskets.add(ANA, wish))).problem is Problem.LISTING_GONE

    async def test_add_of_a_listing_while_the_market_is_down_is_refused(self, house: House) -> None:
        house.market.break_next("market_search", Fault.HTML_502)
        wish = Wish(REDLINE, listing_id=house.market.listings(REDLINE)[0].listing_id)
        assert (await refused(house.baskets.add(ANA, wish))).problem is Problem.MARKET_UNREACHABLE

    async def test_listing_beside_the_same_skin_by_name_is_a_row_of_its_own(
        self, house: House
    ) -> None:
        await house.pick(ANA, REDLINE)
        listing = house.market.listings(REDLINE)[0]
        added = await house.baskets.add(ANA, Wish(REDLINE, listing_id=listing.listing_id))
        assert isinstance(added, Added)
        assert [pick.listing_id for pick in added.basket.picks] == [None, listing.listing_id]


class TestChanging:
    """Changes are made to the basket that was shown, or not at all."""

    async def test_quantity_goes_up_to_what_a_request_holds_and_down_to_none(
        self, house: House
    ) -> None:
        basket = (await house.pick(ANA, REDLINE, 9)).basket
        pick_id = basket.picks[0].pick_id
        await house.baskets.change_quantity(ANA, shown(basket), pick_id, +1)
        basket = await house.baskets.open(ANA)
        error = await refused(house.baskets.change_quantity(ANA, shown(basket), pick_id, +1))
        assert (error.problem, error.details) == (
            Problem.TOO_MANY_LINES,
            {"lines_max": 10, "lines": 11},
        )
        assert await house.baskets.open(ANA) == basket
        for _ in range(10):
            basket = await house.baskets.open(ANA)
            await house.baskets.change_quantity(ANA, shown(basket), pick_id, -1)
        assert (await house.baskets.open(ANA)).picks == ()

    async def test_quantity_of_a_listing_stays_one(self, house: House) -> None:
        listing = house.market.listings(REDLINE)[0]
        added = await house.baskets.add(ANA, Wish(REDLINE, listing_id=listing.listing_id))
        assert isinstance(added, Added)
        pick_id = added.basket.picks[0].pick_id
        error = await refused(house.baskets.change_quantity(ANA, shown(added.basket), pick_id, +1))
        assert error.problem is Problem.LISTING_QUANTITY

    async def test_limit_is_set_and_taken_back_to_the_tolerance_at_todays_price(
        self, house: House
    ) -> None:
        basket = (await house.pick(ANA, REDLINE)).basket
        pick_id = basket.picks[0].pick_id
        await house.baskets.set_ceiling(ANA, shown(basket), pick_id, Micros(20 * DOLLAR))
        basket = await house.baskets.open(ANA)
        assert basket.picks[0].ceiling == 20 * DOLLAR
        house.market.set_price(REDLINE, Micros(15 * DOLLAR))
        await house.catalogue.refresh()
        await house.baskets.set_ceiling(ANA, shown(basket), pick_id, None)
        (pick,) = (await house.baskets.open(ANA)).picks
        assert (pick.quote, pick.ceiling) == (15 * DOLLAR, 1_575 * CENT)
        assert house.baskets.quote_of(pick) == house.catalogue.find("cs2", REDLINE)

    async def test_limit_below_todays_price_is_refused(self, house: House) -> None:
        basket = (await house.pick(ANA, REDLINE)).basket
        pick_id = basket.picks[0].pick_id
        error = await refused(house.baskets.set_ceiling(ANA, shown(basket), pick_id, Micros(CENT)))
        assert error.problem is Problem.CEILING_BELOW_CHEAPEST
        assert await house.baskets.open(ANA) == basket

    async def test_note_is_one_clean_line_and_goes_with_everything_else(self, house: House) -> None:
        basket = (await house.pick(ANA, REDLINE)).basket
        await house.baskets.set_note(ANA, shown(basket), " for\nthe \u202e cup " + "x" * 500)
        basket = await house.baskets.open(ANA)
        assert basket.note.startswith("for the cup x")
        assert len(basket.note) <= NOTE_MAX
        await house.baskets.empty(ANA, shown(basket))
        basket = await house.baskets.open(ANA)
        assert (basket.picks, basket.note) == ((), "")

    async def test_removing_one_leaves_the_others(self, house: House) -> None:
        await house.pick(ANA, REDLINE)
        basket = (await house.pick(ANA, CASE)).basket
        await house.baskets.remove(ANA, shown(basket), basket.picks[0].pick_id)
        (left,) = (await house.baskets.open(ANA)).picks
        assert left == basket.picks[1]

    async def test_change_of_a_basket_that_has_changed_is_refused(self, house: House) -> None:
        old = (await house.pick(ANA, REDLINE)).basket
        now = (await house.pick(ANA, CASE)).basket
        pick_id = old.picks[0].pick_id
        baskets = house.baskets
        for change in (
            baskets.change_quantity(ANA, shown(old), pick_id, 1),
            baskets.set_ceiling(ANA, shown(old), pick_id, None),
            baskets.remove(ANA, shown(old), pick_id),
            baskets.empty(ANA, shown(old)),
            baskets.set_note(ANA, shown(old), "x"),
            baskets.open_shown(ANA, shown(old)),
            # Somebody else's basket, and a row that is not in one's own.
            baskets.empty(BEA, shown(now)),
            baskets.remove(ANA, shown(now), 999),
        ):
            assert (await refused(change)).problem is Problem.BASKET_CHANGED
        assert await baskets.open(ANA) == now
        assert await baskets.open_shown(ANA, shown(now)) == now

    async def test_change_of_a_basket_that_was_sent_never_reaches_the_next_one(
        self, house: House
    ) -> None:
        """A revision alone would tell nothing: the next basket soon has the same one."""
        await house.give_url(ANA)
        old = (await house.pick(ANA, REDLINE)).basket
        await house.requests.submit(ANA, old.revision)
        now = (await house.pick(ANA, CASE)).basket
        assert now.revision == old.revision
        assert (await refused(house.baskets.empty(ANA, shown(old)))).problem is (
            Problem.BASKET_CHANGED
        )
        assert await house.baskets.open(ANA) == now

    async def test_change_by_five_thumbs_at_once_is_one_change(self, house: House) -> None:
        basket = (await house.pick(ANA, REDLINE)).basket
        pick_id = basket.picks[0].pick_id
        made = await asyncio.gather(
            *(house.baskets.change_quantity(ANA, shown(basket), pick_id, 1) for _ in range(5)),
            return_exceptions=True,
        )
        assert made.count(None) == 1
        assert (await house.baskets.open(ANA)).picks[0].quantity == 2
