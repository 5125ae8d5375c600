"""What can be asked for: how lists are read, believed, kept and searched, and what if they fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from bot.domain.market import PriceRow, Quote
from bot.domain.money import Micros
from bot.domain.picking import NO_FILTERS, Doubt, Filters, Wear
from bot.errors import MarketRefusedError, MarketUnavailableError, Problem, UserFacingError
from bot.sandbox.skinsback import Fault
from bot.search.turns import finish
from bot.services import catalogue as module
from bot.services.catalogue import Catalogue, PriceAge, Trouble, TroubleKind
from bot.services.shelf import Rows, Shelf, stocking
from bot.skinsback.client import SkinsbackClient
from bot.store.prices import DAY_MS, PriceFile, day_of
from tests.services.house import (
    ASIIMOV,
    GUILD,
    MINUTE,
    NOW,
    OLGA,
    REDLINE,
    House,
    until,
    working,
)

WORN = "AK-47 | Redline (Well-Worn)"
STATTRAK = f"StatTrak™ {REDLINE}"
SOUVENIR = f"Souvenir {REDLINE}"
KARAMBIT = "★ Karambit | Fade (Factory New)"
LIST = {
    REDLINE: (12, 9),
    STATTRAK: (31, 3),
    SOUVENIR: (40, 2),
    WORN: (10, 0),
    KARAMBIT: (2_000, 1),
    "Café Crème": (1, 500),
}
"""What it costs in dollars, and how often it is for sale."""


def rows_of(listed: dict[str, tuple[int, int]]) -> list[PriceRow]:
    return [
        PriceRow(name, Micros(price * 10**6), stock, "77")
        for name, (price, stock) in listed.items()
    ]


def shelf_of(listed: dict[str, tuple[int, int]], *, game: str = "cs2", at: int = NOW) -> Shelf:
    rows = Rows()
    rows.add(rows_of(listed))
    return finish(stocking(game, rows, read_at=at))


@pytest.fixture
def prices_path(tmp_path: Path) -> Path:
    """Where the house keeps its prices."""
    return (tmp_path / "quartermaster.db").with_suffix(".prices")


@pytest.fixture
async def deaf(house: House, prices_path: Path) -> AsyncIterator[Catalogue]:
    """A catalogue that has read nothing yet, and can't reach the market."""
    nowhere = "http://127.0.0.1:9/"
    async with SkinsbackClient(url=nowhere, client_id="1", client_secret="s") as client:
        yield Catalogue(client, house.guilds, PriceFile(prices_path), house.clock, Random(1))


@pytest.fixture
def known(house: House) -> Catalogue:
    """A catalogue with a list of a few names, of which one is sold out."""
    house.catalogue._put_up(shelf_of(LIST))
    return house.catalogue


def found(catalogue: Catalogue, typed: str, filters: Filters = NO_FILTERS) -> list[str]:
    matches = catalogue.search(typed, ["cs2"], filters=filters)
    assert matches.total == len(matches.quotes)
    return [quote.market_hash_name for quote in matches.quotes]


class TestSearch:
    """What is typed finds what is meant; how well, ``tests/search`` says."""

    def test_search_for_the_exact_name_offers_nothing_beside_it(self, known: Catalogue) -> None:
        assert found(known, REDLINE) == [REDLINE]
        assert known.search(REDLINE, ["cs2"]).exact

    def test_name_that_others_begin_with_is_alone_only_as_the_market_spells_it(
        self, house: House
    ) -> None:
        names = [
            "★ Karambit",
            "★ Karambit | Fade (Factory New)",
            "★ Karambit | Lore (Field-Tested)",
        ]
        house.catalogue._put_up(shelf_of(dict.fromkeys(names, (5, 5))))
        assert found(house.catalogue, "★ Karambit") == names[:1]
        assert found(house.catalogue, "karambit") == names
        second = house.catalogue.search("karambit", ["cs2"], first=2, limit=2)
        assert [quote.market_hash_name for quote in second.quotes] == names[2:]
        assert (second.total, second.exact) == (3, False)
        assert found(house.catalogue, "karambit fade factory new") == names[1:2]

    def test_search_shows_what_is_sold_before_what_is_not_and_plain_before_others(
        self, known: Catalogue
    ) -> None:
        assert found(known, "redline ak") == [REDLINE, STATTRAK, SOUVENIR, WORN]
        assert known.find("cs2", WORN) == Quote("cs2", WORN, Micros(10**7), 0, "77")

    def test_search_for_what_there_isnt_finds_nothing(self, known: Catalogue) -> None:
        assert known.search("dragon lore", ["cs2"]).total == 0

    @pytest.mark.parametrize(
        ("filters", "names"),
        [
            (Filters(price_min=Micros(31 * 10**6)), {STATTRAK, SOUVENIR, KARAMBIT}),
            (Filters(price_max=Micros(10 * 10**6)), {WORN, "Café Crème"}),
            (Filters(price_min=Micros(11), price_max=Micros(12)), set()),
            (Filters(wear=Wear.WELL_WORN), {WORN}),
            (Filters(stattrak=True), {STATTRAK}),
            (Filters(stattrak=False, wear=Wear.FIELD_TESTED), {REDLINE, SOUVENIR}),
            (Filters(in_stock=True), LIST.keys() - {WORN}),
            (Filters(game="cs2"), set(LIST)),
            (Filters(game="rust"), set()),
        ],
    )
    def test_search_is_narrowed_by_each_filter(
        self, known: Catalogue, filters: Filters, names: set[str]
    ) -> None:
        assert set(found(known, "", filters)) == names
        assert (REDLINE in found(known, REDLINE, filters)) is (REDLINE in names)

    def test_search_gives_pages_of_one_game_and_of_several(self, known: Catalogue) -> None:
        known._put_up(shelf_of({REDLINE: (1, 1), "Big Grin": (5, 1), "Sold": (1, 0)}, game="rust"))
        for games in (["cs2"], ["cs2", "rust"]):
            everything = known.search("", games)
            assert everything.total == len(everything.quotes) == (6 if len(games) == 1 else 9)
            paged = [
                quote
                for first in range(0, everything.total + 2, 2)
                for quote in known.search("", games, first=first, limit=2).quotes
            ]
            assert paged == list(everything.quotes)
        assert [quote.game for quote in known.search("big grin", ["cs2", "rust"]).quotes] == [
            "rust"
        ]
        both = known.search(REDLINE, ["cs2", "rust"])
        assert [quote.game for quote in both.quotes[:2]] == ["cs2", "rust"]
        assert both.total == 4
        assert known.search("", ["rust", "dota2"]).total == 3

    async def test_search_before_any_list_was_read_says_so(self, deaf: Catalogue) -> None:
        with pytest.raises(UserFacingError) as refused:
            deaf.search("x", ["cs2"])
        assert refused.value.problem is Problem.CATALOGUE_MISSING
        assert deaf.age(["cs2"]) == PriceAge(None)


class TestStocking:
    """How a list becomes what is searched."""

    def test_name_that_stands_twice_has_the_cheaper_price_and_both_stocks(self) -> None:
        rows = Rows()
        for price, stock, class_id in ((5, 2, "a"), (4, 1, "b"), (6, 1, "c")):
            rows.add([PriceRow(REDLINE, Micros(price), stock, class_id)])
        shelf = finish(stocking("cs2", rows, read_at=NOW))
        assert shelf.find(REDLINE) == Quote("cs2", REDLINE, Micros(4), 4, "b")

    def test_name_that_stands_twice_has_the_price_at_which_there_are_any(self) -> None:
        rows = Rows()
        for price, stock in ((9, 2), (5, 0), (8, 2**63 - 1), (7, 0)):
            rows.add([PriceRow(REDLINE, Micros(price), stock, str(price))])
        quote = finish(stocking("cs2", rows, read_at=NOW)).find(REDLINE)
        assert quote == Quote("cs2", REDLINE, Micros(8), 2**63 - 1, "8")

    def test_name_without_a_phase_is_left_out_where_its_phases_have_all_it_has(self) -> None:
        plain = "★ Karambit | Doppler (Factory New)"
        phased = {f"{plain} - Phase 2": (900, 3), f"{plain} - Ruby": (4_000, 1)}
        other = "★ Bayonet | Gamma Doppler (Factory New)"
        others = {other: (300, 5), "★ Bayonet | Gamma Doppler Phase 1 (Factory New)": (310, 4)}
        alone = {"★ Gut Knife | Doppler (Factory New)": (90, 1)}
        shelf = shelf_of({plain: (900, 4), **phased, **others, **alone})
        assert set(shelf.index.names) == {*phased, *others, *alone}
        # It also goes where it was known before its phases were.
        before = shelf_of({plain: (900, 4), **alone})
        rows = Rows()
        rows.add(rows_of({plain: (900, 4), **phased, **alone}))
        shelf = finish(stocking("cs2", rows, read_at=NOW, before=before))
        assert set(shelf.index.names) == {*phased, *alone}

    def test_index_is_made_anew_only_for_new_names(self) -> None:
        before = shelf_of(LIST)
        fewer = {name: known for name, known in LIST.items() if name != REDLINE}
        for listed in (LIST, fewer):
            rows = Rows()
            rows.add(rows_of(listed))
            shelf = finish(stocking("cs2", rows, read_at=NOW, before=before))
            assert shelf.index is before.index
        assert shelf.find(REDLINE) == Quote("cs2", REDLINE, Micros(12 * 10**6), 0, "77")
        rows.add(rows_of({"New": (1, 1)}))
        newer = finish(stocking("cs2", rows, read_at=NOW, before=shelf))
        assert set(newer.index.names) == {*LIST, "New"}

    def test_list_of_nothing_is_a_shelf(self) -> None:
        assert shelf_of({}).listed == 0


class Scripted(SkinsbackClient):
    """A market whose price lists are written by the test."""

    lists: Sequence[PriceRow] = ()
    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    async def pricelist(self, game: str) -> AsyncGenerator[list[PriceRow]]:
        """Return the list in small portions, with something done between them."""
        for start in range(0, len(self.lists), 50):
            yield list(self.lists[start : start + 50])
            self.meanwhile()
            await asyncio.sleep(0)


@pytest.fixture
def scripted(house: House) -> Scripted:
    """The market of the house's catalogue from now on."""
    market = Scripted(url="", client_id="", client_secret="")
    house.catalogue._market = market
    return market


def many(count: int, price: int = 1) -> list[PriceRow]:
    return [PriceRow(f"Skin {n}", Micros(price), 5, str(n)) for n in range(count)]


class TestRefreshing:
    """The list is read anew, and the one before is kept when that fails."""

    async def test_refresh_brings_todays_prices_and_keeps_them(
        self, house: House, deaf: Catalogue
    ) -> None:
        house.market.set_price(REDLINE, Micros(15_000_000))
        house.clock.now += 5
        await house.catalogue.refresh()
        quote = house.catalogue.find("cs2", REDLINE)
        assert quote is not None
        assert quote.price == 15_000_000
        assert house.catalogue.refreshed_at("cs2") == house.clock.now
        async with working(deaf.run()):
            await until(_knows(deaf))
            assert deaf.find("cs2", REDLINE) == quote
            assert deaf.refreshed_at("cs2") == house.clock.now

    async def test_skin_that_is_sold_out_is_still_known_and_comes_back(self, house: House) -> None:
        before = house.catalogue.find("cs2", REDLINE)
        assert before is not None
        house.market.sell_out(REDLINE)
        await house.catalogue.refresh()
        assert house.catalogue.find("cs2", REDLINE) == replace(before, count=0)
        house.market.restock(REDLINE)
        await house.catalogue.refresh()
        assert house.catalogue.find("cs2", REDLINE) == before

    @pytest.mark.parametrize("fault", [Fault.HTML_502, Fault.CUT_BODY])
    async def test_refresh_that_fails_keeps_what_was_known_and_says_so(
        self, house: House, fault: Fault
    ) -> None:
        before = house.catalogue.find("cs2", REDLINE)
        house.market.set_price(REDLINE, Micros(1))
        house.market.break_next("market_pricelist", fault)
        house.clock.now += MINUTE
        with pytest.raises(MarketUnavailableError):
            await house.catalogue.refresh()
        house.clock.now += MINUTE
        house.market.refuse("market_pricelist", -6)
        with pytest.raises(MarketRefusedError):
            await house.catalogue.refresh()
        assert house.catalogue.find("cs2", REDLINE) == before
        trouble = Trouble(NOW + MINUTE, TroubleKind.UNREADABLE)
        assert house.catalogue.trouble("cs2") == trouble
        assert house.catalogue.age(["cs2", "rust"]) == PriceAge(NOW, trouble)
        await house.catalogue.refresh()
        assert house.catalogue.age(["cs2"]) == PriceAge(house.clock.now)

    async def test_list_that_is_empty_or_a_tenth_is_not_believed(
        self, house: House, scripted: Scripted, caplog: pytest.LogCaptureFixture
    ) -> None:
        scripted.lists = many(100)
        await house.catalogue.refresh()
        for lists, kind, word in (
            ((), TroubleKind.EMPTY, "is empty"),
            ([row._replace(stock=0) for row in many(100)], TroubleKind.EMPTY, "is empty"),
            (many(9), TroubleKind.SHRUNK, "has 9 names where 100 were known"),
        ):
            scripted.lists = lists
            house.clock.now += MINUTE
            await house.catalogue.refresh()
            assert house.catalogue.search("", ["cs2"]).quotes[0].count == 5
            assert house.catalogue.trouble("cs2") == Trouble(NOW + MINUTE, kind)
            assert word in caplog.text
        scripted.lists = many(10)
        await house.catalogue.refresh()
        assert house.catalogue.trouble("cs2") is None
        assert house.catalogue.search("", ["cs2"], filters=Filters(in_stock=True)).total == 10

    async def test_list_of_more_names_than_there_can_be_is_not_held_in_memory(
        self, house: House, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "NAMES_MAX", 120)
        read: list[int] = []
        scripted.meanwhile = lambda: read.append(50)
        scripted.lists = many(1_000)
        with pytest.raises(MarketUnavailableError, match="too many names"):
            await house.catalogue.refresh()
        assert len(read) < 4
        assert house.catalogue.find("cs2", REDLINE) is not None
        scripted.lists = many(120)
        await house.catalogue.refresh()
        in_stock = Filters(in_stock=True)
        assert house.catalogue.search("", ["cs2"], filters=in_stock).total == 120

    async def test_list_that_stays_small_is_believed_in_the_end(
        self, house: House, scripted: Scripted, caplog: pytest.LogCaptureFixture
    ) -> None:
        scripted.lists = many(1_000)
        await house.catalogue.refresh()
        # What jumps about is no new size of the market.
        for count in [90, 2] * 8 + [5, 7] * 5 + [7]:
            scripted.lists = many(count)
            await house.catalogue.refresh()
        assert house.catalogue.trouble("cs2") is not None
        await house.catalogue.refresh()
        assert house.catalogue.trouble("cs2") is None
        assert "it is believed" in caplog.text
        scripted.lists = many(6)
        await house.catalogue.refresh()
        assert house.catalogue.trouble("cs2") is None

    async def test_reader_sees_the_old_list_or_the_new_and_never_some_of_both(
        self, house: House, scripted: Scripted
    ) -> None:
        scripted.lists = many(400)
        await house.catalogue.refresh()
        seen: list[set[Micros]] = []

        def look() -> None:
            quotes = [house.catalogue.find("cs2", f"Skin {n}") for n in range(0, 400, 20)]
            seen.append({quote.price for quote in quotes if quote is not None})

        async def keep_looking() -> None:
            while True:
                look()
                await asyncio.sleep(0)

        scripted.lists, scripted.meanwhile = many(400, price=2), look
        async with working(keep_looking()):
            await house.catalogue.refresh()
        look()
        assert all(len(prices) == 1 for prices in seen)
        assert seen[0] == {1}
        assert seen[-1] == {2}

    async def test_games_are_read_as_servers_offer_them(self, house: House) -> None:
        """Soon after one is chosen, and cs2 always."""
        async with working(house.catalogue.run()):
            await asyncio.sleep(0.05)
            assert house.catalogue.refreshed_at("rust") is None
            await house.guilds.choose_games(OLGA, ["rust"])
            await until(_knows(house.catalogue, "rust"))
        assert house.catalogue.search("big grin", ["rust"]).total == 1
        assert house.catalogue.refreshed_at("dota2") is None
        assert (await house.guilds.get(GUILD)).games == ("rust",)

    async def test_list_that_fails_is_tried_again_at_growing_pauses(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_RETRY_S", 0.01)
        monkeypatch.setattr(module, "REFRESH_S", 0.5)
        house.market.break_next("market_pricelist", Fault.HTML_502, times=4)
        started = len(house.market.calls)
        async with working(house.catalogue.run()):
            await until(_well(house.catalogue))
        assert len(house.market.calls) == started + 5
        house.market.break_next("market_pricelist", Fault.HTML_502, times=99)
        pauses = [await house.catalogue._refreshed("cs2") for _ in range(18)]
        assert 0.009 <= pauses[0] <= 0.011
        assert 0.018 <= pauses[1] <= 0.022
        assert 0.45 <= pauses[-1] <= 0.55


def _knows(catalogue: Catalogue, game: str = "cs2") -> Callable[[], Awaitable[bool]]:
    async def known() -> bool:
        return catalogue.refreshed_at(game) is not None

    return known


def _well(catalogue: Catalogue) -> Callable[[], Awaitable[bool]]:
    async def well() -> bool:
        return catalogue._failures.get("cs2") == 0

    return well


class TestMemory:
    """What outlives a restart, and that nothing depends on it."""

    async def test_start_while_the_market_is_down_has_the_prices_of_the_last_run(
        self, deaf: Catalogue, house: House
    ) -> None:
        async with working(deaf.run()):
            await until(_knows(deaf))
            assert deaf.find("cs2", REDLINE) == house.catalogue.find("cs2", REDLINE)

    async def test_only_what_has_changed_is_written(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written: list[str] = []

        async def put(self: object, game: str, rows: Sequence[PriceRow]) -> None:
            written.extend(row[0] for row in rows)

        monkeypatch.setattr("bot.store.prices.KeptPrices.put", put)
        await house.catalogue.refresh()
        assert written == []
        house.market.set_price(REDLINE, Micros(10**6))
        house.market.sell_out(ASIIMOV)
        await house.catalogue.refresh()
        assert set(written) == {REDLINE, ASIIMOV}

    async def test_file_that_is_lost_on_the_way_is_written_whole_again(
        self, house: House, deaf: Catalogue, prices_path: Path
    ) -> None:
        for path in prices_path.parent.glob(f"{prices_path.name}*"):
            path.unlink()
        await house.catalogue.refresh()
        async with working(deaf.run()):
            await until(_knows(deaf))
            assert deaf.find("cs2", REDLINE) == house.catalogue.find("cs2", REDLINE)

    async def test_file_that_cant_be_used_stops_nothing_and_is_told(
        self, house: House, prices_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        for path in prices_path.parent.glob(f"{prices_path.name}*"):
            path.unlink()
        prices_path.mkdir()
        house.market.set_price(REDLINE, Micros(10**6))
        await house.catalogue.refresh()
        quote = house.catalogue.find("cs2", REDLINE)
        assert quote is not None
        assert quote.price == 10**6
        assert "could not be kept" in caplog.text

    async def test_price_far_above_what_is_usual_is_marked_once_three_days_are_known(
        self, house: House
    ) -> None:
        async def doubts() -> tuple[Doubt, ...]:
            await house.catalogue.refresh()
            quote = house.catalogue.find("cs2", REDLINE)
            assert quote is not None
            return quote.doubts

        house.clock.now = (day_of(NOW) + 1) * DAY_MS
        # The last price of a day stands for it; the first of the three has gone by.
        for _ in range(2):
            house.market.set_price(REDLINE, Micros(40_000_000))
            assert await doubts() == ()
            house.market.set_price(REDLINE, Micros(12_000_000))
            house.clock.now += DAY_MS - 1
            assert await doubts() == ()
            house.clock.now += 1
        house.market.set_price(REDLINE, Micros(36_000_000))
        assert await doubts() == ()
        house.market.set_price(REDLINE, Micros(36_000_001))
        assert await doubts() == (Doubt.DEAR,)
        for listing in house.market.listings(REDLINE)[2:]:
            house.market.sell_listing(listing.listing_id)
        assert await doubts() == (Doubt.DEAR, Doubt.FEW)

    async def test_what_is_usual_outlives_a_restart(self, house: House, deaf: Catalogue) -> None:
        for day in range(4):
            house.clock.now = NOW + day * DAY_MS
            await house.catalogue.refresh()
        known = house.catalogue.find("cs2", REDLINE)
        assert known is not None
        assert known.usual == known.price
        async with working(deaf.run()):
            await until(_knows(deaf))
            assert deaf.find("cs2", REDLINE) == known

    async def test_skin_that_nobody_sells_for_two_weeks_is_forgotten(self, house: House) -> None:
        house.market.sell_out(REDLINE)
        for day in (0, 14):
            house.clock.now = NOW + day * DAY_MS
            await house.catalogue.refresh()
            assert house.catalogue.find("cs2", REDLINE) is not None
        house.clock.now += DAY_MS
        await house.catalogue.refresh()
        assert house.catalogue.find("cs2", REDLINE) is None
        assert house.catalogue.find("cs2", ASIIMOV) is not None
