"""Money: an integer count of millionths of a US dollar, decimal text in, decimal text out.

No binary float is ever on the way. A ceiling is whole cents, at least one; what is shown, approved,
held and sent is the same figure.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final, NewType

from bot.errors import Problem, UserFacingError

Micros = NewType("Micros", int)
"""Millionths of a US dollar."""

CENT: Final = Micros(10_000)
DOLLAR: Final = Micros(1_000_000)

CEILING_MAX: Final = Micros(100_000 * DOLLAR)
"""No skin on the market costs more; a larger number is a slip of the finger."""

_BASIS_POINTS: Final = 10_000

# A thousands group has three digits, so 12,50 is a price with a comma and 1,234.50 has a group.
_PARTS_OF_A_CENT: Final = re.compile(r"[0-9]{1,5}\.[0-9]{3,6}")
_TYPED_PRICE: Final = re.compile(
    r"(?P<whole>[0-9]{1,9}|[0-9]{1,3}(?:(?P<group>[ ,.'])[0-9]{3})(?:(?P=group)[0-9]{3})*)"
    r"(?:(?P<point>[.,])(?P<cents>[0-9]{1,2}))?"
)
_CURRENCY: Final = re.compile(r"^(?:us\s?)?\$|\$$|usd$|^usd", re.IGNORECASE)


def from_decimal(amount: Decimal) -> Micros:
    """Return ``amount`` dollars in micros, rounded half up to a millionth.

    Raises ``ValueError`` for what is not a finite number.
    """
    if not amount.is_finite():
        raise ValueError("an amount of money must be a finite number")
    # One rounding, at a precision that no amount exceeds: two would push 0.49999… up to one.
    exact = Context(prec=max(28, len(amount.as_tuple().digits) + 7))
    return Micros(int(amount.scaleb(6, exact).to_integral_value(ROUND_HALF_UP)))


def to_decimal(amount: Micros) -> Decimal:
    """Return ``amount`` in dollars, exactly, with at least two decimals."""
    whole, part = divmod(abs(amount), DOLLAR)
    sign = "-" if amount < 0 else ""
    decimals = f"{part:06d}".rstrip("0").ljust(2, "0")
    return Decimal(f"{sign}{whole}.{decimals}")


def ceil_to_cents(amount: Micros) -> Micros:
    """Return ``amount`` rounded up to whole cents, at least one cent."""
    return Micros(max(CENT, -(-amount // CENT) * CENT))


def ceiling_for(quote: Micros, tolerance_bp: int) -> Micros:
    """Return the ceiling for a quote: the quote plus tolerance (basis points), up to the cent."""
    return ceil_to_cents(Micros(-(-quote * (_BASIS_POINTS + tolerance_bp) // _BASIS_POINTS)))


def format_usd(amount: Micros) -> str:
    """Return ``amount`` as people read it: ``$1,234.50``, parts of a cent only if there are any."""
    sign = "-" if amount < 0 else ""
    return f"{sign}${to_decimal(Micros(abs(amount))):,f}"


def parse_typed_price(text: str) -> Micros:
    """Parse a price as people type it: ``12.50``, ``12,50``, ``$12.50``, ``12 USD``, ``1,234.50``.

    Raises ``UserFacingError`` (PRICE_WRONG, PRICE_TOO_LOW, PRICE_TOO_HIGH).
    """
    shown = text.strip()[:40]
    bare = _CURRENCY.sub("", text.replace("\u00a0", " ").strip()).strip()
    match = _TYPED_PRICE.fullmatch(bare)
    # 12.345 is twelve dollars to some and twelve thousand to others: money is never guessed.
    if match is None or (
        (match["group"] or " ") in ".," and match["point"] in (None, match["group"])
    ):
        raise UserFacingError(Problem.PRICE_WRONG, typed=shown)
    whole = re.sub(r"[^0-9]", "", match["whole"])
    amount = from_decimal(Decimal(f"{whole}.{match['cents'] or '0'}"))
    if amount < CENT:
        raise UserFacingError(Problem.PRICE_TOO_LOW, typed=shown)
    if amount > CEILING_MAX:
        raise UserFacingError(Problem.PRICE_TOO_HIGH, typed=shown, highest=format_usd(CEILING_MAX))
    return amount


def parse_paid(text: str) -> Micros:
    """Parse what was paid, as the market shows it: as any typed price, or with parts of a cent.

    Those come after a dot, three digits or more; what it was is shown again when it is booked.
    Raises as ``parse_typed_price`` does.
    """
    bare = _CURRENCY.sub("", text.strip()).strip()
    if not _PARTS_OF_A_CENT.fullmatch(bare):
        return parse_typed_price(text)
    amount = from_decimal(Decimal(bare))
    if amount <= 0:
        raise UserFacingError(Problem.PRICE_TOO_LOW, typed=bare)
    return amount
