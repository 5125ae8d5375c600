"""Looking for skins from a basket: pages, what is chosen of them, and what is suggested."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

import pytest

from bot.domain.models import Actor, Basket
from bot.domain.money import CENT, DOLLAR, Micros
from bot.domain.picking import LeftOut, Why
from bot.domain.skin_keys import KEY_MAX, key_of, skin_of_key
from bot.errors import Problem, UserFacingError
from bot.sandbox.skinsback.catalogue import (
    FIRST_LISTING_ID,
    IDS_PER_ITEM,
    WELL_KNOWN,
    Item,
    build_catalogue,
)
from bot.services.baskets import Left, Shown, Wish, note_stamp
from bot.services.picking import PAGE, Found, Taken
from bot.store import baskets, searches, settings
from tests.services.house import ANA, ASIIMOV, BEA, GUILD, NOW, REDLINE, SLATE, House

CASE = "Kilowatt Case"
LONG = "Inscribed " + "x" * 140
PENS = [f"Pen {number:02d}" for number in range(60)]


@pytest.fixture(scope="session")
def few_items() -> list[Item]:
    """What the stand-in market always sells, sixty pens, one name in two games, and a long one."""
    known = {(game, name) for game, name, _ in WELL_KNOWN}
    items = [item for item in build_catalogue(1, 0) if (item.game, item.name) in known]
    begins = FIRST_LISTING_ID + len(items) * IDS_PER_ITEM
    more = [*(("cs2", name) for name in PENS), ("rust", CASE), ("cs2", LONG)]
    return items + [
        Item(game, name, "12", Micros(2 * DOLLAR), 9, begins + number * IDS_PER_ITEM)
        for number, (game, name) in enumerate(more)
    ]


async def refused(work: Awaitable[object]) -> Problem:
    """Return why something is refused."""
    with pytest.raises(UserFacingError) as why:
        await work
    return why.value.problem


def shown(basket: Basket) -> Shown:
    return Shown(basket.request_id, basket.revision)


def named(*names: str) -> list[tuple[str, str]]:
    return [("cs2", name) for name in names]


async def offer(house: House, *games: str) -> None:
    """Have the server offer these games, whose prices are read."""
    async with house.database.writing() as tx:
        await settings.set_games(tx, GUILD, games)
    await house.catalogue.refresh()


class TestPages:
    """A search is kept with its basket."""

    async def test_pages_follow_each_other_and_go_no_further_than_there_are(
        self, house: House
    ) -> None:
        found = await house.picking.begin(ANA, "pen", quantity=3, ceiling=Micros(3 * DOLLAR))
        search_id = found.search.search_id
        assert (found.matches.total, found.matches.first) == (60, 0)
        assert found.prices.read_at == NOW
        seen = [quote.market_hash_name for quote in found.matches.quotes]
        for first in (25, 50):
            page = await house.picking.page(ANA, search_id, first)
            assert page.search == found.search
            seen += [quote.market_hash_name for quote in page.matches.quotes]
        assert sorted(seen) == PENS
        for beyond in (75, 10**9):
            assert (await house.picking.page(ANA, search_id, beyond)).matches.first == 50

    async def test_search_of_somebody_else_or_of_a_basket_that_was_sent_is_forgotten(
        self, house: House
    ) -> None:
        found = await house.picking.begin(ANA, "pen")
        search_id = found.search.search_id
        forgotten = Problem.SEARCH_FORGOTTEN
        assert await refused(house.picking.page(BEA, search_id, 0)) is forgotten
        assert await house.picking.known(ANA, search_id) == found.search
        await house.submit(ANA)
        assert await refused(house.picking.page(ANA, search_id, 0)) is forgotten
        basket = await house.baskets.open(ANA)
        choosing = house.picking.choose(ANA, shown(basket), search_id, named(REDLINE))
        assert await refused(choosing) is forgotten
        assert await house.picking.known(ANA, search_id) is None

    async def test_of_one_basket_the_last_searches_are_kept(self, house: House) -> None:
        first = (await house.picking.begin(ANA, "pen")).search.search_id
        for _ in range(searches.KEPT):
            last = (await house.picking.begin(ANA, "redline")).search.search_id
        assert await house.picking.known(ANA, first) is None
        assert await house.picking.known(ANA, last) is not None


class TestTaking:
    """What is typed is put in if it can be only one skin, and looked for otherwise."""

    async def test_exact_name_leaves_nothing_to_search_again(self, house: House) -> None:
        taken = await house.picking.take(ANA, Wish(REDLINE, 2))
        assert isinstance(taken, Taken)
        assert (taken.added.pick.quantity, taken.search_id) == (2, None)

    async def test_guess_can_be_searched_again_with_what_was_typed(self, house: House) -> None:
        taken = await house.picking.take(ANA, Wish("romanov", 2, Micros(9 * DOLLAR)))
        assert isinstance(taken, Taken)
        assert taken.search_id is not None
        search = await house.picking.known(ANA, taken.search_id)
        assert search is not None
        assert (search.typed, search.quantity, search.ceiling) == ("romanov", 2, 9 * DOLLAR)

    async def test_several_are_a_page_of_results_of_the_same_search(self, house: House) -> None:
        found = await house.picking.take(ANA, Wish("pen", 2))
        assert isinstance(found, Found)
        assert len(found.matches.quotes) == PAGE
        again = await house.picking.page(ANA, found.search.search_id, 0)
        assert (again.search, again.matches) == (found.search, found.matches)

    async def test_what_was_typed_in_vain_is_remembered(self, house: House) -> None:
        wish = Wish(" xy\u202e zzy ", 3)
        assert await refused(house.picking.take(ANA, wish)) is Problem.SKIN_UNKNOWN
        search = await house.picking.known(ANA, await house.picking.remember(ANA, wish))
        assert search is not None
        assert (search.typed, search.quantity) == ("xy zzy", 3)

    async def test_name_in_two_games_is_the_one_of_the_game_that_is_named(
        self, house: House
    ) -> None:
        unknown = Problem.SKIN_UNKNOWN
        assert await refused(house.picking.take(ANA, Wish(CASE, game="rust"))) is unknown
        await offer(house, "cs2", "rust")
        for game in ("rust", "cs2"):
            taken = await house.picking.take(ANA, Wish(CASE, game=game))
            assert isinstance(taken, Taken)
            assert taken.added.pick.game == game


class TestChoosing:
    """As many as can be are put in; of the others it is said why not."""

    async def test_several_go_in_as_often_as_the_search_wants_each(self, house: House) -> None:
        found = await house.picking.begin(ANA, "ak", quantity=2)
        chosen = await house.picking.choose(
            ANA, shown(found.basket), found.search.search_id, named(REDLINE, SLATE)
        )
        assert chosen.left_out == ()
        rows = [(pick.market_hash_name, pick.quantity) for pick in chosen.basket.picks]
        assert rows == [(REDLINE, 2), (SLATE, 2)]
        assert chosen.basket.revision == found.basket.revision + 1
        assert await house.baskets.open(ANA) == chosen.basket

    async def test_what_cant_go_in_is_named_with_its_reason_and_the_rest_goes_in(
        self, house: House
    ) -> None:
        await house.pick(ANA, CASE, 7)
        found = await house.picking.begin(ANA, "", quantity=2, ceiling=Micros(50 * DOLLAR))
        house.market.sell_out(SLATE)
        await house.catalogue.refresh()
        chosen = await house.picking.choose(
            ANA,
            shown(found.basket),
            found.search.search_id,
            [*named(SLATE, ASIIMOV, REDLINE, PENS[0], "gone"), ("rust", "Tempered AK47")],
        )
        assert [(pick.market_hash_name, pick.ceiling) for pick in chosen.picks] == [
            (REDLINE, 50 * DOLLAR)
        ]
        assert set(chosen.left_out) == {
            LeftOut(SLATE, Why.SOLD_OUT),
            LeftOut(ASIIMOV, Why.TOO_DEAR, Micros(7_120 * CENT)),
            LeftOut(PENS[0], Why.NO_ROOM),
            LeftOut("gone", Why.SOLD_OUT),
            LeftOut("Tempered AK47", Why.NOT_OFFERED),
        }
        assert chosen.basket.lines_count == 9

    async def test_what_adds_nothing_changes_nothing(self, house: House) -> None:
        found = await house.picking.begin(ANA, "pen", ceiling=Micros(DOLLAR))
        chosen = await house.picking.choose(
            ANA, shown(found.basket), found.search.search_id, named(*PENS[:3])
        )
        assert (chosen.picks, chosen.basket) == ((), found.basket)

    async def test_choice_by_five_thumbs_at_once_counts_once(self, house: House) -> None:
        found = await house.picking.begin(ANA, "ak")
        choosing = (
            house.picking.choose(
                ANA, shown(found.basket), found.search.search_id, named(REDLINE, SLATE)
            )
            for _ in range(5)
        )
        made = await asyncio.gather(*choosing, return_exceptions=True)
        assert sum(isinstance(one, UserFacingError) for one in made) == 4
        assert (await house.baskets.open(ANA)).lines_count == 2

    async def test_choice_on_an_old_copy_is_refused(self, house: House) -> None:
        found = await house.picking.begin(ANA, "ak")
        await house.pick(ANA, CASE)
        choosing = house.picking.choose(
            ANA, shown(found.basket), found.search.search_id, named(REDLINE)
        )
        assert await refused(choosing) is Problem.BASKET_CHANGED

    async def test_name_too_long_for_a_menu_is_found_on_the_page_it_stood_on(
        self, house: House
    ) -> None:
        key = key_of("cs2", LONG)
        assert len(key) == KEY_MAX
        found = await house.picking.begin(ANA, "inscribed xxx")
        assert LONG in [quote.market_hash_name for quote in found.matches.quotes]
        chosen = await house.picking.choose(
            ANA, shown(found.basket), found.search.search_id, [skin_of_key(key)]
        )
        assert [pick.market_hash_name for pick in chosen.picks] == [LONG]


class TestSuggesting:
    """What fits, for those who may ask; before anything is typed, what was asked for before."""

    async def suggested(self, house: House, actor: Actor, typed: str = "") -> list[str]:
        found = await house.picking.suggest(actor, typed)
        return [one.quote.market_hash_name for one in found]

    async def test_nothing_typed_suggests_ones_own_first_and_then_what_is_wanted(
        self, house: House
    ) -> None:
        await house.submit(BEA, (PENS[0], 3), (REDLINE, 1))
        await house.submit(ANA, (SLATE, 1))
        house.clock.now += 1
        await house.submit(ANA, (ASIIMOV, 2))
        assert await self.suggested(house, ANA) == [ASIIMOV, SLATE, PENS[0], REDLINE]
        beas = await self.suggested(house, BEA, "  ")
        assert (set(beas[:2]), beas[2:]) == ({REDLINE, PENS[0]}, [ASIIMOV, SLATE])
        stranger = replace(ANA, user_id=777)
        assert (await self.suggested(house, stranger))[:2] == [PENS[0], ASIIMOV]

    async def test_what_nobody_sells_or_the_server_no_longer_offers_is_not_suggested(
        self, house: House
    ) -> None:
        await offer(house, "cs2", "rust")
        await house.baskets.add(ANA, Wish(CASE, game="rust"))
        await house.submit(ANA, (SLATE, 1), (REDLINE, 1))
        assert CASE in await self.suggested(house, ANA)
        house.market.sell_out(SLATE)
        await house.catalogue.refresh()
        await offer(house, "cs2")
        assert await self.suggested(house, ANA) == [REDLINE]

    async def test_a_request_that_was_not_sent_is_not_remembered(self, house: House) -> None:
        basket = (await house.pick(ANA, PENS[9])).basket
        assert await refused(house.requests.submit(ANA, basket.revision)) is (
            Problem.TRADE_URL_UNKNOWN
        )
        async with house.database.reading() as tx:
            assert await tx.all("SELECT * FROM recent_skins") == []

    async def test_new_server_is_suggested_something(self, house: House) -> None:
        assert len(await self.suggested(house, ANA)) == PAGE

    async def test_only_the_servers_games_and_only_those_who_may_ask(self, house: House) -> None:
        assert await self.suggested(house, ANA, "tempered") == []
        await offer(house, "cs2", "rust")
        assert await self.suggested(house, ANA, "tempered") == ["Tempered AK47"]
        shared = {
            (one.quote.game, one.shared)
            for one in await house.picking.suggest(ANA, "kilowatt case")
        }
        assert shared == {("cs2", True), ("rust", True)}
        assert not (await house.picking.suggest(ANA, REDLINE))[0].shared
        await house.set_up(askers=[6])
        assert await refused(house.picking.suggest(ANA, "")) is Problem.NOT_ALLOWED_TO_ASK

    async def test_suggesting_writes_nothing(self, house: House) -> None:
        async with house.database.reading() as tx:
            before = await tx.all("SELECT * FROM requests")
        for typed in ("", "ak", "xyzzy"):
            await house.picking.suggest(ANA, typed)
        async with house.database.reading() as tx:
            assert await tx.all("SELECT * FROM requests") == before == []


class TestLooking:
    """The basket as its screen shows it."""

    async def test_look_says_what_limits_leave_and_how_old_the_prices_are(
        self, house: House
    ) -> None:
        await house.set_up(open_max=2)
        number = (await house.submit(ANA)).request.number
        await house.pick(ANA, REDLINE, 7)
        seen = await house.baskets.look(ANA)
        assert seen.left == Left(3, 1, (number,))
        assert (seen.prices.read_at, seen.guild.lines_max) == (NOW, 10)
        await house.set_up(lines_max=5, open_max=1)
        assert (await house.baskets.look(ANA)).left == Left(0, 0, (number,))

    async def test_look_is_at_todays_prices_and_leaves_what_is_stored(self, house: House) -> None:
        listing = house.market.listings(SLATE)[1]
        await house.baskets.add(ANA, Wish(SLATE, listing_id=listing.listing_id))
        basket = (await house.pick(ANA, REDLINE)).basket
        house.market.set_price(REDLINE, Micros(15 * DOLLAR))
        house.market.set_price(SLATE, Micros(9 * DOLLAR))
        await house.catalogue.refresh()
        by_name = {
            pick.market_hash_name: pick for pick in (await house.baskets.look(ANA)).basket.picks
        }
        assert by_name[REDLINE].quote == 15 * DOLLAR
        assert by_name[REDLINE].ceiling == basket.picks[1].ceiling
        assert by_name[SLATE].quote == listing.price, "a certain listing is what it was seen as"
        async with house.database.reading() as tx:
            assert await baskets.find(tx, GUILD, ANA.user_id) == basket


class TestTypedMeanwhile:
    """What was typed on a screen that has changed since replaces only what it showed."""

    async def test_note_wins_unless_it_would_replace_a_newer_one(self, house: House) -> None:
        old = await house.baskets.open(ANA)
        await house.pick(ANA, REDLINE)
        seen = note_stamp("")
        await house.baskets.set_note(ANA, shown(old), "cup", seen=seen)
        assert (await house.baskets.open(ANA)).note == "cup"
        late = house.baskets.set_note(ANA, shown(old), "late", seen=seen)
        assert await refused(late) is Problem.BASKET_CHANGED
        assert (await house.baskets.open(ANA)).note == "cup"

    async def test_limit_wins_unless_it_would_replace_a_newer_one(self, house: House) -> None:
        old = (await house.pick(ANA, REDLINE)).basket
        (pick,) = old.picks
        await house.pick(ANA, CASE)
        limit = Micros(20 * DOLLAR)
        for ceiling, problem in ((limit, None), (Micros(30 * DOLLAR), Problem.BASKET_CHANGED)):
            work = house.baskets.set_ceiling(
                ANA, shown(old), pick.pick_id, ceiling, seen=pick.ceiling
            )
            if problem is None:
                await work
            else:
                assert await refused(work) is problem
        assert (await house.baskets.open(ANA)).picks[0].ceiling == limit

    async def test_neither_reaches_the_next_basket(self, house: House) -> None:
        await house.give_url(ANA)
        old = (await house.pick(ANA, REDLINE)).basket
        await house.requests.submit(ANA, old.revision)
        now = (await house.pick(ANA, REDLINE)).basket
        pick = now.picks[0]
        for work in (
            house.baskets.set_note(ANA, shown(old), "x", seen=note_stamp("")),
            house.baskets.set_ceiling(
                ANA, shown(old), pick.pick_id, Micros(20 * DOLLAR), seen=pick.ceiling
            ),
        ):
            assert await refused(work) is Problem.BASKET_CHANGED
        assert await house.baskets.open(ANA) == now
