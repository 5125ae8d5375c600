"""Browsing: pages of what is on sale, one skin, its listings; no tap does more than it says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.market import Listing
from bot.domain.models import Basket
from bot.domain.money import DOLLAR, Micros
from bot.domain.picking import Filters, Wear
from bot.errors import Problem, UserFacingError
from bot.sandbox.skinsback import Fault, SkinsbackSandbox
from bot.services import browsing
from bot.services.browsing import PAGE, Browsing
from bot.services.picking import Found
from bot.skinsback.client import SkinsbackClient
from bot.skinsback.limiter import CallClass
from bot.store import searches, settings
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

SOME_CS2 = 19
"""How many of the market's items here are of the game that servers offer at first."""


async def refused(work: Awaitable[object]) -> Problem:
    """Return why something is refused."""
    with pytest.raises(UserFacingError) as why:
        await work
    return why.value.problem


def names(found: Found) -> list[str]:
    return [quote.market_hash_name for quote in found.matches.quotes]


def inside(basket: Basket) -> list[tuple[str, int, int | None]]:
    return [(pick.market_hash_name, pick.quantity, pick.listing_id) for pick in basket.picks]


def asked_for_listings(market: SkinsbackSandbox) -> int:
    return sum(call.method == "market_search" for call in market.calls)


class TestPages:
    """Everything that fits can be reached, whatever becomes of the list meanwhile."""

    async def test_pages_together_hold_everything_once(self, house: House) -> None:
        found = await house.browsing.begin(ANA, "")
        assert (found.matches.total, len(names(found))) == (SOME_CS2, PAGE)
        seen = names(found)
        for first in range(PAGE, SOME_CS2, PAGE):
            found = await house.browsing.page(ANA, found.search.search_id, first)
            assert found.matches.first == first
            seen += names(found)
        assert len(set(seen)) == len(seen) == SOME_CS2

    async def test_a_page_that_is_gone_is_the_last_one(self, house: House) -> None:
        found = await house.browsing.begin(ANA, "", filters=Filters(in_stock=True))
        search_id = found.search.search_id
        last = await house.browsing.page(ANA, search_id, 14)
        assert (last.matches.first, len(names(last))) == (14, SOME_CS2 - 14)
        for name in [*names(last), *names(found)[:2]]:
            house.market.sell_out(name)
        await house.catalogue.refresh()
        shown = await house.browsing.page(ANA, search_id, 14)
        assert (shown.matches.first, shown.matches.total, len(names(shown))) == (7, 12, 5)
        far = await house.browsing.page(ANA, search_id, 10**14)
        assert names(far) == names(shown)

    async def test_a_page_begins_where_pages_begin(self, house: House) -> None:
        found = await house.browsing.begin(ANA, "")
        middle = await house.browsing.page(ANA, found.search.search_id, 8)
        assert middle.matches.first == PAGE

    async def test_nothing_fits_is_an_empty_page(self, house: House) -> None:
        found = await house.browsing.begin(ANA, "xyzzy")
        assert (found.matches.quotes, found.matches.total) == ((), 0)
        again = await house.browsing.page(ANA, found.search.search_id, 70)
        assert (again.matches.quotes, again.matches.first) == ((), 0)

    async def test_filters_make_a_new_search_and_the_old_one_stays(self, house: House) -> None:
        old = await house.browsing.begin(ANA, "redline")
        filters = Filters(
            "cs2", Micros(5 * DOLLAR), Micros(20 * DOLLAR), Wear.FIELD_TESTED, stattrak=False
        )
        new = await house.browsing.narrow(ANA, old.search.search_id, filters)
        assert (names(new), new.search.filters) == ([REDLINE], filters)
        again = await house.browsing.page(ANA, old.search.search_id, 0)
        assert names(again) == names(old)
        assert len(names(old)) > 1
        assert new.search.browsing

    async def test_what_was_looked_at_pushes_no_list_out(self, house: House) -> None:
        found = await house.browsing.begin(ANA, "")
        look = await house.browsing.look(ANA, "cs2", REDLINE)
        for _ in range(searches.KEPT - 1):
            await house.browsing.begin(ANA, "awp")
            await house.browsing.look(ANA, "cs2", ASIIMOV)
        for _ in range(searches.KEPT):
            assert (await house.browsing.page(ANA, found.search.search_id, 0)).matches.total
            last = await house.browsing.look(ANA, "cs2", ASIIMOV)
        forgotten = refused(house.browsing.look_again(ANA, look.look_id))
        assert await forgotten is Problem.SEARCH_FORGOTTEN
        for _ in range(searches.KEPT):
            await house.browsing.begin(ANA, "awp")
        forgotten = refused(house.browsing.page(ANA, found.search.search_id, 0))
        assert await forgotten is Problem.SEARCH_FORGOTTEN
        assert (await house.browsing.look_again(ANA, last.look_id)).market_hash_name == ASIIMOV


EVERYTHING: Sequence[Callable[[Browsing], Awaitable[object]]] = (
    lambda browsing: browsing.begin(ANA, ""),
    lambda browsing: browsing.page(ANA, 1, 0),
    lambda browsing: browsing.narrow(ANA, 1, Filters()),
    lambda browsing: browsing.look(ANA, "cs2", REDLINE),
    lambda browsing: browsing.look_again(ANA, 2),
    lambda browsing: browsing.add(ANA, 2, had=0),
    lambda browsing: browsing.listings(ANA, 2),
    lambda browsing: browsing.put_listing(ANA, 2, 62_000_000),
)


async def test_who_may_not_ask_may_not_browse_either(house: House) -> None:
    found = await house.browsing.begin(ANA, "")
    look = await house.browsing.look(ANA, "cs2", REDLINE)
    assert (found.search.search_id, look.look_id) == (1, 2)
    await house.set_up(askers=[5])
    for use in EVERYTHING:
        assert await refused(use(house.browsing)) is Problem.NOT_ALLOWED_TO_ASK
    stranger = replace(ANA, guild_id=GUILD + 1)
    assert await refused(house.browsing.begin(stranger, "")) is Problem.SERVER_NOT_ALLOWED


async def test_what_others_look_at_is_nobody_elses(house: House) -> None:
    found = await house.browsing.begin(ANA, "")
    look = await house.browsing.look(ANA, "cs2", REDLINE)
    for use in (
        house.browsing.page(BEA, found.search.search_id, 0),
        house.browsing.look_again(BEA, look.look_id),
        house.browsing.look_again(ANA, found.search.search_id),
    ):
        assert await refused(use) is Problem.SEARCH_FORGOTTEN


class TestOneSkin:
    """A tap on "Add" adds one, never two, and is stopped by nothing that changed elsewhere."""

    async def test_a_skin_is_shown_with_its_price_and_what_is_in(self, house: House) -> None:
        await house.pick(ANA, REDLINE, 2)
        look = await house.browsing.look(ANA, "cs2", REDLINE)
        assert look.quote is not None
        assert (look.quote.price, look.in_basket, look.lines_max) == (12_400_000, 2, 10)
        assert look.prices.read_at == house.clock.now

    async def test_a_skin_that_is_not_offered_here_is_refused(self, house: House) -> None:
        for game, name in (("rust", "Big Grin"), ("cs2", "Big Grin"), ("", ""), ("cs2", "*" * 99)):
            assert await refused(house.browsing.look(ANA, game, name)) is Problem.SKIN_UNKNOWN

    async def test_a_game_that_is_not_offered_any_more_leaves_nothing_to_add(
        self, house: House
    ) -> None:
        look = await house.browsing.look(ANA, "cs2", REDLINE)
        async with house.database.writing() as tx:
            await settings.set_games(tx, GUILD, ["rust"])
        await house.catalogue.refresh()
        assert (await house.browsing.look_again(ANA, look.look_id)).quote is None
        adding = house.browsing.add(ANA, look.look_id, had=0)
        assert await refused(adding) is Problem.SKIN_OUT_OF_STOCK
        assert (await house.browsing.look(ANA, "rust", "Big Grin")).quote

    async def test_tapped_twice_adds_one(self, house: House) -> None:
        look = await house.browsing.look(ANA, "cs2", REDLINE)
        taps = [house.browsing.add(ANA, look.look_id, had=0) for _ in range(3)]
        done = await asyncio.gather(*taps)
        assert sum(one.pick is not None for one in done) == 1
        assert {one.look.in_basket for one in done} == {1}
        again = await house.browsing.add(ANA, look.look_id, had=1)
        assert inside(again.look.basket) == [(REDLINE, 2, None)]
        assert again.pick is not None
        assert again.pick.ceiling == 13_020_000

    async def test_a_basket_that_changed_elsewhere_is_no_obstacle(self, house: House) -> None:
        look = await house.browsing.look(ANA, "cs2", REDLINE)
        await house.pick(ANA, ASIIMOV)
        done = await house.browsing.add(ANA, look.look_id, had=look.in_basket)
        assert inside(done.look.basket) == [(ASIIMOV, 1, None), (REDLINE, 1, None)]
        assert done.look.basket.revision > look.basket.revision

    async def test_nothing_is_added_to_the_next_basket(self, house: House) -> None:
        look = await house.browsing.look(ANA, "cs2", REDLINE)
        await house.submit(ANA, (REDLINE, 1))
        adding = house.browsing.add(ANA, look.look_id, had=0)
        assert await refused(adding) is Problem.SEARCH_FORGOTTEN
        assert (await house.baskets.open(ANA)).picks == ()

    async def test_what_is_sold_out_or_has_no_room_stays_out(self, house: House) -> None:
        look = await house.browsing.look(ANA, "cs2", REDLINE)
        await house.set_up(lines_max=1)
        await house.pick(ANA, ASIIMOV)
        adding = house.browsing.add(ANA, look.look_id, had=0)
        assert await refused(adding) is Problem.TOO_MANY_LINES
        house.market.sell_out(REDLINE)
        await house.catalogue.refresh()
        adding = house.browsing.add(ANA, look.look_id, had=0)
        assert await refused(adding) is Problem.SKIN_OUT_OF_STOCK
        assert inside(await house.baskets.open(ANA)) == [(ASIIMOV, 1, None)]


class TestListings:
    """The market is asked once in half a minute, and believed only as far as it must be."""

    async def test_listings_come_cheapest_first_and_are_kept_for_a_while(
        self, house: House
    ) -> None:
        look = await house.browsing.look(ANA, "cs2", REDLINE)
        listed = await house.browsing.listings(ANA, look.look_id)
        assert list(listed.listings) == house.market.listings(REDLINE)
        assert (listed.total, listed.read_at) == (20, house.clock.now)
        house.clock.now += 29_000
        await house.browsing.look(BEA, "cs2", REDLINE)
        assert await house.browsing.listings(ANA, look.look_id) == listed
        assert asked_for_listings(house.market) == 1
        house.clock.now += 1_000
        house.market.sell_listing(listed.listings[0].listing_id)
        later = await house.browsing.listings(ANA, look.look_id)
        assert later.listings == listed.listings[1:]
        assert asked_for_listings(house.market) == 2

    async def test_too_many_are_cut_and_counted(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(browsing, "LISTINGS_MAX", 3)
        monkeypatch.setattr(browsing, "_SKINS_KEPT", 1)
        for name in (REDLINE, ASIIMOV, REDLINE):
            look = await house.browsing.look(ANA, "cs2", name)
            listed = await house.browsing.listings(ANA, look.look_id)
            assert list(listed.listings) == house.market.listings(name)[:3]
            assert listed.total == len(house.market.listings(name))
        assert asked_for_listings(house.market) == 3

    @pytest.mark.parametrize("fault", [Fault.HANG, Fault.HTML_502, Fault.CUT_BODY, None])
    async def test_a_market_that_does_not_answer_is_told(
        self, house: House, monkeypatch: pytest.MonkeyPatch, fault: Fault | None
    ) -> None:
        monkeypatch.setattr(browsing, "_PATIENCE_S", 0.2)
        look = await house.browsing.look(ANA, "cs2", REDLINE)
        if fault is None:
            house.market.refuse("market_search", -9)
        else:
            house.market.break_next("market_search", fault, hang_s=1)
        listing = house.browsing.listings(ANA, look.look_id)
        assert await refused(listing) is Problem.MARKET_UNREACHABLE
        assert (await house.browsing.listings(ANA, look.look_id)).listings

    async def test_a_listing_is_put_in_once_and_beside_the_cheapest(self, house: House) -> None:
        look = await house.browsing.look(ANA, "cs2", REDLINE)
        listing = (await house.browsing.listings(ANA, look.look_id)).listings[2]
        pick = await house.browsing.put_listing(ANA, look.look_id, listing.listing_id)
        assert (pick.listing_id, pick.quote, pick.quantity) == (
            listing.listing_id,
            listing.price,
            1,
        )
        again = house.browsing.put_listing(ANA, look.look_id, listing.listing_id)
        assert await refused(again) is Problem.LISTING_TWICE
        done = await house.browsing.add(ANA, look.look_id, had=1)
        assert inside(done.look.basket) == [(REDLINE, 1, listing.listing_id), (REDLINE, 1, None)]

    async def test_a_listing_that_is_gone_is_not_shown_any_more(self, house: House) -> None:
        look = await house.browsing.look(ANA, "cs2", REDLINE)
        first = (await house.browsing.listings(ANA, look.look_id)).listings[0]
        house.market.sell_listing(first.listing_id)
        for listing_id in (first.listing_id, 0, 10**15):
            putting = house.browsing.put_listing(ANA, look.look_id, listing_id)
            assert await refused(putting) is Problem.LISTING_GONE
        assert first not in (await house.browsing.listings(ANA, look.look_id)).listings
        house.market.sell_out(REDLINE)
        house.clock.now += 30_000
        assert (await house.browsing.listings(ANA, look.look_id)).listings == ()

    async def test_what_stands_twice_in_an_answer_is_shown_once(
        self, path: Path, market: SkinsbackSandbox, discord: ScriptedDiscord, clock: ManualClock
    ) -> None:
        async with open_house(path, market, discord, clock, client=Stammering) as house:
            await house.set_up()
            look = await house.browsing.look(ANA, "cs2", REDLINE)
            listed = await house.browsing.listings(ANA, look.look_id)
        assert (len(listed.listings), listed.total) == (20, 20)


class Stammering(SkinsbackClient):
    """A market that says everything twice."""

    async def search(
        self, game: str, names: Sequence[str], *, for_: CallClass = CallClass.BUY
    ) -> list[Listing]:
        """Return every listing twice."""
        return 2 * await super().search(game, names, for_=for_)
