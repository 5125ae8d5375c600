"""Numbers that people type into fields: what is understood, and that nothing else is."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.limits import LINES_HARD_MAX
from bot.domain.typed import (
    parse_listing_id,
    parse_percent,
    parse_quantity,
    parse_whole_number,
    split_listing,
)
from bot.errors import Problem, UserFacingError

REDLINE = "AK-47 | Redline (Field-Tested)"


def understood(parse: Callable[[str], int | None], typed: str) -> int | Problem | None:
    """Return what a parser makes of a text: its number, or the problem that it names."""
    try:
        return parse(typed)
    except UserFacingError as refused:
        return refused.problem


class TestQuantity:
    """How many."""

    @pytest.mark.parametrize(
        ("typed", "quantity"),
        [
            ("", 1),
            ("  ", 1),
            ("1", 1),
            (" 3 ", 3),
            ("x3", 3),
            ("3x", 3),
            ("3 X", 3),
            ("× 3", 3),
            ("03", 3),
            (str(LINES_HARD_MAX), LINES_HARD_MAX),
        ],
    )
    def test_quantity_as_people_type_it_is_read(self, typed: str, quantity: int) -> None:
        assert parse_quantity(typed) == quantity

    @pytest.mark.parametrize(
        "typed",
        ["0", "-1", "1.5", "two", "3 4", str(LINES_HARD_MAX + 1), "9999", "99999", "³", "٣"],
    )
    def test_quantity_that_is_none_is_refused_with_what_was_typed_and_the_range(
        self, typed: str
    ) -> None:
        with pytest.raises(UserFacingError) as refused:
            parse_quantity(typed)
        assert refused.value.problem is Problem.QUANTITY_WRONG
        assert refused.value.details == {"typed": typed, "highest": LINES_HARD_MAX}

    @given(st.text(max_size=12))
    def test_quantity_of_any_text_is_in_range_or_refused(self, typed: str) -> None:
        outcome = understood(parse_quantity, typed)
        assert outcome is Problem.QUANTITY_WRONG or outcome in range(1, LINES_HARD_MAX + 1)

    def test_quantity_that_is_a_novel_is_shown_short(self) -> None:
        with pytest.raises(UserFacingError) as refused:
            parse_quantity("many\n" * 1_000)
        shown = refused.value.details["typed"]
        assert isinstance(shown, str)
        assert len(shown) <= 40
        assert "\n" not in shown


class TestListingId:
    """One particular listing."""

    @pytest.mark.parametrize(
        ("typed", "listing_id"),
        [
            ("", None),
            (" ", None),
            ("62696971", 62696971),
            ("#62696971", 62696971),
            (" # 62696971 ", 62696971),
            ("007", 7),
            ("9" * 15, 10**15 - 1),
        ],
    )
    def test_listing_id_as_people_type_it_is_read(self, typed: str, listing_id: int | None) -> None:
        assert parse_listing_id(typed) == listing_id

    @pytest.mark.parametrize("typed", ["0", "#0", "#", "-5", "1.0", "12a", "##1", "9" * 16, "٣"])
    def test_listing_id_that_is_none_is_refused_with_what_was_typed(self, typed: str) -> None:
        with pytest.raises(UserFacingError) as refused:
            parse_listing_id(typed)
        assert refused.value.problem is Problem.LISTING_ID_WRONG
        assert refused.value.details == {"typed": typed}

    @given(st.text(max_size=20))
    def test_listing_id_of_any_text_fits_the_database_or_is_refused(self, typed: str) -> None:
        outcome = understood(parse_listing_id, typed)
        assert outcome in (None, Problem.LISTING_ID_WRONG) or outcome in range(1, 2**63)


class TestSettings:
    """Numbers in the settings form."""

    @pytest.mark.parametrize(
        ("typed", "value"),
        [("0", 0), (" 10 ", 10), ("10s", 10), ("10 seconds", 10), ("600 S", 600), ("007", 7)],
    )
    def test_whole_number_as_people_type_it_is_read(self, typed: str, value: int) -> None:
        assert parse_whole_number(typed) == value

    @pytest.mark.parametrize("typed", ["", "-1", "1.5", "ten", "1 minute", "10%", "1000000", "²"])
    def test_whole_number_that_is_none_is_not_guessed(self, typed: str) -> None:
        assert parse_whole_number(typed) is None

    @pytest.mark.parametrize(
        ("typed", "basis_points"),
        [
            ("5", 500),
            ("5%", 500),
            (" 5 % ", 500),
            ("7,5", 750),
            ("7.5 %", 750),
            ("7.05", 705),
            ("0.01", 1),
            ("0", 0),
            ("50", 5_000),
        ],
    )
    def test_percentage_as_people_type_it_is_read(self, typed: str, basis_points: int) -> None:
        assert parse_percent(typed) == basis_points

    @pytest.mark.parametrize("typed", ["", "%", "-5", "5,", ".5", "7.555", "5%%", "5 percent", "٥"])
    def test_percentage_that_is_none_is_not_guessed(self, typed: str) -> None:
        assert parse_percent(typed) is None

    @given(st.integers(0, 9_999), st.integers(0, 99), st.sampled_from(".,"))
    def test_percentage_of_any_size_is_exact(self, whole: int, parts: int, point: str) -> None:
        assert parse_percent(f"{whole}{point}{parts:02d} %") == whole * 100 + parts


class TestSplitListing:
    """A name with a listing's number behind it."""

    @pytest.mark.parametrize(
        ("typed", "name", "listing"),
        [
            (f"{REDLINE} #62696971", REDLINE, "62696971"),
            (f"  {REDLINE}   #7 ", REDLINE, "7"),
            (REDLINE, REDLINE, ""),
            ("#62696971", "#62696971", ""),
            (f"{REDLINE}#62696971", f"{REDLINE}#62696971", ""),
            (f"{REDLINE} #", f"{REDLINE} #", ""),
            ("", "", ""),
        ],
    )
    def test_split_takes_a_number_off_only_behind_a_name(
        self, typed: str, name: str, listing: str
    ) -> None:
        assert split_listing(typed) == (name, listing)

    @given(st.text(max_size=60))
    def test_split_of_any_text_gives_a_number_that_is_read(self, typed: str) -> None:
        name, listing = split_listing(typed)
        assert name in typed
        assert re.fullmatch("[0-9]{0,15}", listing)
