"""What can be asked for: how names are found, and what becomes of a list that can't be read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.market import Quote
from bot.domain.money import Micros
from bot.errors import MarketUnavailableError, Problem, UserFacingError
from bot.sandbox.skinsback import Fault
from bot.services.catalogue import Catalogue, fold
from bot.skinsback.client import SkinsbackClient
from bot.store.prices import PriceFile
from tests.services.house import NOW, REDLINE, House, ManualClock, until, working

NAMES = [
    "AK-47 | Redline (Field-Tested)",
    "AK-47 | Redline (Minimal Wear)",
    "StatTrak™ AK-47 | Redline (Field-Tested)",
    "Souvenir AK-47 | Redline (Field-Tested)",
    "AK-47 | Redline (Well-Worn)",
    "★ Karambit | Fade (Factory New)",
    "MP9 | Rose Iron (Factory New)",
    "Café Crème",
]


@pytest.fixture
async def catalogue(tmp_path: Path) -> AsyncIterator[Catalogue]:
    """A list of a few names, of which one is sold out, as the last run left it."""
    quotes = [Quote("cs2", name, Micros(10**6), 0 if "Well" in name else 3, "") for name in NAMES]
    file = PriceFile(tmp_path / "prices")
    file.save(quotes, NOW)
    nowhere = "http://127.0.0.1:9/"
    async with SkinsbackClient(url=nowhere, client_id="1", client_secret="s") as client:
        yield Catalogue(client, ManualClock(), file)


@pytest.fixture
async def loaded(catalogue: Catalogue) -> Catalogue:
    """The same, read from its file at the start while the market is down."""

    async def known() -> bool:
        return catalogue.find("cs2", NAMES[0]) is not None

    async with working(catalogue.run()):
        await until(known)
    return catalogue


def found(catalogue: Catalogue, typed: str) -> list[str]:
    return [quote.market_hash_name for quote in catalogue.search(typed, ["cs2"]).quotes]


class TestSearch:
    """What is typed finds what is meant."""

    @pytest.mark.parametrize(
        "typed",
        [
            "AK-47 | Redline (Field-Tested)",
            "ak-47 redline field tested",
            "ak 47 redline ft",
            "  AK-47 | REDLINE (FT) ",
        ],
    )
    async def test_search_for_the_whole_name_finds_it_alone_or_first(
        self, loaded: Catalogue, typed: str
    ) -> None:
        assert found(loaded, typed)[0] == NAMES[0]

    async def test_search_for_the_exact_name_offers_nothing_beside_it(
        self, loaded: Catalogue
    ) -> None:
        assert found(loaded, NAMES[0]) == [NAMES[0]]
        assert loaded.search(NAMES[0], ["cs2"]).total == 1

    async def test_search_by_words_in_any_order_finds_all_that_have_them(
        self, loaded: Catalogue
    ) -> None:
        names = found(loaded, "redline ak")
        assert set(names) == {name for name in NAMES if "Redline" in name}
        # Plain before StatTrak before Souvenir, and what is sold out last.
        assert names[-1] == "AK-47 | Redline (Well-Worn)"
        assert names.index(NAMES[0]) < names.index(NAMES[2]) < names.index(NAMES[3])

    @pytest.mark.parametrize(
        ("typed", "name"),
        [
            ("karambit fade", NAMES[5]),
            ("★ karambit fade", NAMES[5]),
            ("kara fad fn", NAMES[5]),
            ("stattrak redline", NAMES[2]),
            ("st redline ak", NAMES[2]),
            ("cafe creme", NAMES[7]),
            ("CAFÉ", NAMES[7]),
        ],
    )
    async def test_search_without_the_signs_that_nobody_types_finds_it(
        self, loaded: Catalogue, typed: str, name: str
    ) -> None:
        assert name in found(loaded, typed)

    async def test_search_for_what_there_isnt_finds_nothing(self, loaded: Catalogue) -> None:
        assert loaded.search("dragon lore", ["cs2"]).total == 0

    async def test_search_says_how_many_there_are_beyond_those_it_shows(
        self, loaded: Catalogue
    ) -> None:
        matches = loaded.search("", ["cs2"], limit=3)
        assert (len(matches.quotes), matches.total) == (3, len(NAMES))

    @given(st.text(max_size=30))
    def test_fold_of_any_text_is_plain_and_folds_to_itself(self, text: str) -> None:
        folded = fold(text)
        assert fold(folded) == folded
        assert folded == " ".join(folded.split())
        assert folded.isascii()

    async def test_search_before_any_list_was_read_says_so(self, catalogue: Catalogue) -> None:
        with pytest.raises(UserFacingError) as refused:
            catalogue.search("x", ["cs2"])
        assert refused.value.problem is Problem.CATALOGUE_MISSING


class TestRefreshing:
    """The list is read anew, and the one before is kept when that fails."""

    async def test_refresh_brings_todays_prices_and_saves_them(
        self, house: House, tmp_path: Path
    ) -> None:
        house.market.set_price(REDLINE, Micros(15_000_000))
        house.clock.now += 5
        await house.catalogue.refresh()
        quote = house.catalogue.find("cs2", REDLINE)
        assert quote is not None
        assert quote.price == 15_000_000
        assert house.catalogue.refreshed_at("cs2") == house.clock.now
        saved = PriceFile((tmp_path / "quartermaster.db").with_suffix(".prices")).load()
        assert saved is not None
        assert quote in saved[0]

    async def test_refresh_that_fails_keeps_what_was_known(self, house: House) -> None:
        before = house.catalogue.find("cs2", REDLINE)
        house.market.break_next("market_pricelist", Fault.HTML_502)
        with pytest.raises(MarketUnavailableError):
            await house.catalogue.refresh()
        assert house.catalogue.find("cs2", REDLINE) == before

    async def test_list_that_comes_back_empty_is_not_believed(
        self, house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def nothing(game: str) -> list[Quote]:
            return []

        before = house.catalogue.find("cs2", REDLINE)
        monkeypatch.setattr(house.client, "pricelist", nothing)
        await house.catalogue.refresh()
        assert house.catalogue.find("cs2", REDLINE) == before
        assert "empty" in caplog.text

    async def test_start_while_the_market_is_down_has_the_prices_of_the_last_run(
        self, loaded: Catalogue
    ) -> None:
        assert loaded.refreshed_at("cs2") == NOW
        assert loaded.find("cs2", REDLINE) is not None
