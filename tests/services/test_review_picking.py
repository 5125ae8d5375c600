"""What a second look at picking found: whoever acts is asked where the basket changes, and no lie
of the market, no jump of a clock and no long list does harm.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bot.domain.market import APP_IDS, PriceRow
from bot.domain.models import Basket
from bot.domain.money import DOLLAR, Micros
from bot.domain.picking import Filters
from bot.errors import Problem, UserFacingError
from bot.sandbox.skinsback import Fault
from bot.sandbox.skinsback.catalogue import (
    FIRST_LISTING_ID,
    IDS_PER_ITEM,
    WELL_KNOWN,
    Item,
    build_catalogue,
)
from bot.search.index import Hits, NameIndex
from bot.search.turns import finish
from bot.services.baskets import Added, Shown, Wish
from bot.services.browsing import Listed
from bot.services.catalogue import Catalogue
from bot.services.pasting import LineLeft, Pasting
from bot.services.picking import PAGE
from bot.services.shelf import Rows, stocking
from bot.store import settings
from tests.services.house import ANA, GUILD, NOW, REDLINE, House, working

CASE = "Kilowatt Case"
HOODIE = "Blackout Hoodie"


@pytest.fixture(scope="session")
def few_items() -> list[Item]:
    """What the stand-in market always sells, one name in two games, and one of Rust alone."""
    known = {(game, name) for game, name, _ in WELL_KNOWN}
    items = [item for item in build_catalogue(1, 0) if (item.game, item.name) in known]
    begins = FIRST_LISTING_ID + len(items) * IDS_PER_ITEM
    return items + [
        Item("rust", name, "12", Micros(2 * DOLLAR), 9, begins + number * IDS_PER_ITEM)
        for number, name in enumerate((CASE, HOODIE))
    ]


async def refused(work: Awaitable[object]) -> UserFacingError:
    """Return why something is refused."""
    with pytest.raises(UserFacingError) as why:
        await work
    return why.value


def shown(basket: Basket) -> Shown:
    return Shown(basket.request_id, basket.revision)


async def offer(house: House, *games: str) -> None:
    """Have the server offer these games, whose prices are read."""
    async with house.database.writing() as tx:
        await settings.set_games(tx, GUILD, games)
    await house.catalogue.refresh()


class TestListingsOfSeveralGames:
    """A listing is found in whichever game it is, under a name that both have."""

    @pytest.mark.parametrize("game", ["cs2", "rust"])
    async def test_listing_is_found_in_the_game_that_has_it(self, house: House, game: str) -> None:
        await offer(house, "cs2", "rust")
        listing = house.market.listings(CASE, game)[1]
        added = await house.baskets.add(ANA, Wish(CASE, listing_id=listing.listing_id))
        assert isinstance(added, Added)
        assert (added.pick.game, added.pick.listing_id) == (game, listing.listing_id)


MEANWHILE = {
    "UPDATE guilds SET games = 'rust'": Problem.GAME_NOT_OFFERED,
    "UPDATE guilds SET approver_role_id = NULL": Problem.NOT_SET_UP,
}
"""What an administrator does while the market is asked, and what is said then."""


class TestAskedWhereItHappens:
    """What a member may do is looked at when the basket changes, not when the screen was opened."""

    @pytest.fixture
    def meanwhile(self, house: House, path: Path) -> Callable[[str], None]:
        """Have somebody do something in the moment in which the market answers."""

        def prepare(statement: str) -> None:
            def answered(_headers: object) -> None:
                with closing(sqlite3.connect(path)) as connection, connection:
                    connection.execute(statement)

            house.client.on_answer = answered

        return prepare

    @pytest.mark.parametrize("change", MEANWHILE)
    async def test_listing(
        self, house: House, meanwhile: Callable[[str], None], change: str
    ) -> None:
        listing = house.market.listings(REDLINE)[0]
        meanwhile(change)
        error = await refused(house.baskets.add(ANA, Wish(REDLINE, listing_id=listing.listing_id)))
        assert error.problem is MEANWHILE[change]

    @pytest.mark.parametrize("change", MEANWHILE)
    async def test_pasted_listing(
        self, house: House, path: Path, meanwhile: Callable[[str], None], change: str
    ) -> None:
        line = f"{REDLINE} #{house.market.listings(REDLINE)[0].listing_id}"
        at = shown(await house.baskets.open(ANA))
        meanwhile(change)
        with suppress(UserFacingError):
            await house.pasting.put(ANA, at, line, form="one")
        with closing(sqlite3.connect(path)) as looking:
            assert looking.execute("SELECT count(*) FROM picks").fetchone() == (0,)

    async def test_basket_with_a_game_that_is_not_offered_any_more_is_not_sent(
        self, house: House
    ) -> None:
        await offer(house, "cs2", "rust")
        await house.give_url(ANA)
        await house.pick(ANA, HOODIE)
        basket = (await house.pick(ANA, REDLINE)).basket
        await offer(house, "cs2")
        error = await refused(house.requests.submit(ANA, basket.revision))
        assert (error.problem, error.details) == (Problem.GAME_NOT_OFFERED, {"skin": HOODIE})
        basket = await house.baskets.open(ANA)
        await house.baskets.remove(ANA, shown(basket), basket.picks[0].pick_id)
        basket = await house.baskets.open(ANA)
        assert len((await house.requests.submit(ANA, basket.revision)).view.lines) == 1


class TestLongLists:
    """What a list holds up doesn't grow with where in it somebody looks."""

    @pytest.fixture
    def catalogue(self, house: House) -> Catalogue:
        """A catalogue of three games with names that are alike in cost."""
        rng = Random(5)
        for game in APP_IDS:
            rows = Rows()
            rows.add(
                PriceRow(f"{game} pen {n}", Micros(rng.randrange(1, 99)), rng.randrange(3), "")
                for n in range(300)
            )
            house.catalogue._put_up(finish(stocking(game, rows, read_at=NOW)))
        return house.catalogue

    @pytest.mark.parametrize("typed", ["", "pen", "rust", "rust pn"])
    def test_pages_of_three_games_hold_everything_once_in_one_order(
        self, catalogue: Catalogue, typed: str
    ) -> None:
        whole = catalogue.search(typed, list(APP_IDS), limit=1_000)
        paged = [
            quote
            for first in range(0, whole.total + 7, 7)
            for quote in catalogue.search(typed, list(APP_IDS), first=first, limit=7).quotes
        ]
        assert paged == list(whole.quotes)
        assert len(set(paged)) == whole.total
        in_stock = [quote.count > 0 for quote in whole.quotes]
        assert typed or in_stock == sorted(in_stock, reverse=True)

    def test_page_far_behind_asks_no_game_for_more_than_a_page(
        self, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[int] = []
        search = NameIndex.search

        def noted(index: NameIndex, typed: str, **how: Any) -> Hits:
            asked.append(how["limit"])
            return search(index, typed, **how)

        monkeypatch.setattr(NameIndex, "search", noted)
        found = catalogue.search("", list(APP_IDS), first=880)
        assert (found.total, len(found.quotes)) == (900, 20)
        assert catalogue.search("", list(APP_IDS), first=10**15).quotes == ()
        assert max(asked) <= PAGE

    @pytest.mark.parametrize("bounds", [(None, 20), (20, None), (30, 31), (0, 99), (50, 40)])
    def test_prices_that_are_asked_for_are_all_that_is_found(
        self, catalogue: Catalogue, bounds: tuple[int | None, int | None]
    ) -> None:
        lowest, highest = (None if one is None else Micros(one) for one in bounds)
        filters = Filters(price_min=lowest, price_max=highest)
        whole = catalogue.search("", list(APP_IDS), limit=1_000).quotes
        found = catalogue.search("", list(APP_IDS), filters=filters, limit=1_000).quotes
        assert found == tuple(
            quote for quote in whole if (lowest or 0) <= quote.price <= (highest or 99)
        )

    async def test_others_have_a_turn_between_the_lines_of_a_page(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        turns, seen = 0, []

        async def take_turns() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        def offer_noting(*given: Any) -> LineLeft:
            seen.append(turns)
            return offer_of(*given)

        lines = "\n".join(f"readline {number}" for number in range(5))
        await house.pasting.put(ANA, shown(await house.baskets.open(ANA)), lines, form="one")
        offer_of = house.pasting._offer
        monkeypatch.setattr(Pasting, "_offer", staticmethod(offer_noting))
        async with working(take_turns()):
            await house.pasting.left(ANA)
        assert len(set(seen)) == len(seen) == 5

    async def test_many_who_look_at_the_listings_of_one_skin_at_once_ask_the_market_once(
        self, house: House
    ) -> None:
        look = await house.browsing.look(ANA, "cs2", REDLINE)
        house.market.break_next("market_search", Fault.HTML_502)
        tapped = [house.browsing.listings(ANA, look.look_id) for _ in range(20)]
        answers = await asyncio.gather(*tapped, return_exceptions=True)
        assert len([one for one in answers if isinstance(one, UserFacingError)]) == 1
        assert len({one.read_at for one in answers if isinstance(one, Listed)}) == 1
        asked = [call for call in house.market.calls if call.method == "market_search"]
        assert len(asked) == 2
