"""Money: exact on the way in, exact on the way out, and never guessed from what people type."""

from __future__ import annotations

import decimal
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.money import (
    CEILING_MAX,
    CENT,
    Micros,
    ceil_to_cents,
    ceiling_for,
    format_usd,
    from_decimal,
    parse_typed_price,
    to_decimal,
)
from bot.errors import Problem, UserFacingError

AMOUNTS = st.integers(-(10**18), 10**18).map(Micros)
PRICES = st.integers(1, 10**12).map(Micros)


@settings(deadline=None)
@given(AMOUNTS)
def test_decimal_and_back_is_the_same_amount(amount: Micros) -> None:
    shown = to_decimal(amount)
    assert from_decimal(shown) == amount
    assert Fraction(shown) == Fraction(amount, 1_000_000)


@settings(deadline=None)
@given(AMOUNTS)
def test_decimal_has_at_least_cents_and_no_needless_zero(amount: Micros) -> None:
    whole, _, part = str(to_decimal(amount)).partition(".")
    assert whole.lstrip("-").isdecimal()
    assert 2 <= len(part) <= 6
    assert len(part) == 2 or not part.endswith("0")


@settings(deadline=None)
@given(st.decimals(-(10**9), 10**9, allow_nan=False, places=12))
def test_amount_is_rounded_half_up_once(amount: Decimal) -> None:
    with decimal.localcontext(prec=60):
        expected = (amount * 1_000_000).to_integral_value(ROUND_HALF_UP)
    assert from_decimal(amount) == expected


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("8.28", 8_280_000),
        ("8.279999999999999", 8_280_000),
        ("0.0000005", 1),
        ("0.00000049999999999999999999999999999999999", 0),
        ("-0.0000005", -1),
        ("0", 0),
        ("-0", 0),
        ("1E+3", 1_000_000_000),
        ("0E+5", 0),
        ("123456789012345678.123456", 123456789012345678123456),
    ],
)
def test_amounts_at_the_edge_of_a_micro(text: str, micros: int) -> None:
    assert from_decimal(Decimal(text)) == micros


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        from_decimal(Decimal(text))


def test_surrounding_decimal_context_changes_nothing() -> None:
    with decimal.localcontext(prec=3, rounding=decimal.ROUND_DOWN):
        assert from_decimal(Decimal("1234.567891")) == 1_234_567_891
        assert str(to_decimal(Micros(1_234_567_891))) == "1234.567891"
        assert ceiling_for(Micros(1_234_567_891), 500) == 1_296_300_000
        assert format_usd(Micros(1_234_567_891)) == "$1,234.567891"


@settings(deadline=None)
@given(PRICES, st.integers(0, 10_000))
def test_ceiling_is_the_least_whole_cents_that_hold_quote_and_tolerance(
    quote: Micros, tolerance_bp: int
) -> None:
    ceiling = ceiling_for(quote, tolerance_bp)
    wanted = Fraction(quote) * (10_000 + tolerance_bp) / 10_000
    assert ceiling % CENT == 0
    assert ceiling >= CENT
    assert wanted <= ceiling < wanted + CENT


@pytest.mark.parametrize(
    ("quote", "tolerance_bp", "ceiling"),
    [
        (12_400_000, 500, 13_020_000),
        (12_400_000, 0, 12_400_000),
        (12_400_001, 0, 12_410_000),
        (34_000, 500, 40_000),
        (1, 0, 10_000),
        (0, 500, 10_000),
    ],
)
def test_ceilings(quote: int, tolerance_bp: int, ceiling: int) -> None:
    assert ceiling_for(Micros(quote), tolerance_bp) == ceiling


@settings(deadline=None)
@given(AMOUNTS)
def test_whole_cents_are_never_less_and_never_a_cent_more(amount: Micros) -> None:
    rounded = ceil_to_cents(amount)
    assert rounded % CENT == 0
    assert rounded >= max(amount, CENT)
    assert rounded == CENT or rounded - amount < CENT


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "$0.00"),
        (12_400_000, "$12.40"),
        (1_234_500_000, "$1,234.50"),
        (100_000_000_000, "$100,000.00"),
        (34_000, "$0.034"),
        (758_935_000, "$758.935"),
        (-1_500_000, "-$1.50"),
        (-1, "-$0.000001"),
    ],
)
def test_amounts_as_people_read_them(micros: int, text: str) -> None:
    assert format_usd(Micros(micros)) == text


@settings(deadline=None)
@given(st.integers(1, CEILING_MAX // CENT))
def test_price_typed_as_it_is_shown_is_the_same_price(cents: int) -> None:
    amount = Micros(cents * CENT)
    assert parse_typed_price(format_usd(amount)) == amount
    assert parse_typed_price(str(to_decimal(amount)).replace(".", ",")) == amount


@pytest.mark.parametrize(
    ("typed", "cents"),
    [
        ("12.50", 1250),
        ("12,50", 1250),
        ("12.5", 1250),
        ("12", 1200),
        (" 12 ", 1200),
        ("$12.50", 1250),
        ("12.50$", 1250),
        ("$ 12.50", 1250),
        ("US$12", 1200),
        ("us $12", 1200),
        ("12 USD", 1200),
        ("USD 12", 1200),
        ("12usd", 1200),
        ("1,234.50", 123450),
        ("1.234,50", 123450),
        ("1 234,50", 123450),
        ("1\u00a0234,50", 123450),
        ("1'234.50", 123450),
        ("1 234", 123400),
        ("0.01", 1),
        ("0,01", 1),
        ("100000", 10_000_000),
        ("100,000.00", 10_000_000),
    ],
)
def test_prices_as_people_type_them(typed: str, cents: int) -> None:
    assert parse_typed_price(typed) == cents * CENT


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", Problem.PRICE_WRONG),
        ("$", Problem.PRICE_WRONG),
        ("free", Problem.PRICE_WRONG),
        ("12.345", Problem.PRICE_WRONG),
        ("12,345", Problem.PRICE_WRONG),
        ("1,234,50", Problem.PRICE_WRONG),
        ("1.234.50", Problem.PRICE_WRONG),
        ("12.", Problem.PRICE_WRONG),
        (".50", Problem.PRICE_WRONG),
        ("-5", Problem.PRICE_WRONG),
        ("+5", Problem.PRICE_WRONG),
        ("1e3", Problem.PRICE_WRONG),
        ("12 50", Problem.PRICE_WRONG),
        ("12..50", Problem.PRICE_WRONG),
        ("12 EUR", Problem.PRICE_WRONG),
        ("€12", Problem.PRICE_WRONG),
        ("10-12", Problem.PRICE_WRONG),
        ("12\n13", Problem.PRICE_WRONG),
        ("NaN", Problem.PRICE_WRONG),
        ("inf", Problem.PRICE_WRONG),
        ("１２", Problem.PRICE_WRONG),
        ("٣", Problem.PRICE_WRONG),
        ("12½", Problem.PRICE_WRONG),
        ("9" * 4000, Problem.PRICE_WRONG),
        ("0", Problem.PRICE_TOO_LOW),
        ("0.00", Problem.PRICE_TOO_LOW),
        ("100000.01", Problem.PRICE_TOO_HIGH),
        ("999999999", Problem.PRICE_TOO_HIGH),
    ],
)
def test_what_is_not_clearly_a_price_is_refused(typed: str, problem: Problem) -> None:
    with pytest.raises(UserFacingError) as caught:
        parse_typed_price(typed)
    assert caught.value.problem is problem


@settings(deadline=None)
@given(st.text("0123456789.,' $usdUSD\u00a0\u0663１½ſ−-+e\n", max_size=60))
def test_any_text_is_a_price_in_bounds_or_a_problem(typed: str) -> None:
    try:
        amount = parse_typed_price(typed)
    except UserFacingError as error:
        shown = str(error.details["typed"])
    else:
        assert CENT <= amount <= CEILING_MAX
        assert amount % CENT == 0
        return
    assert len(shown) <= 40
