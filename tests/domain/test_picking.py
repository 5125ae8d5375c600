"""What is usual for a price."""

from __future__ import annotations

from itertools import permutations

import pytest

from bot.domain.money import Micros
from bot.domain.picking import usual_of


@pytest.mark.parametrize(
    ("prices", "usual"),
    [
        ([], None),
        ([5, 5], None),
        ([1, 2, 900], 2),
        ([1, 2, 4, 900], 3),
        ([1, 2, 3, 900], 2),
        ([7] * 14, 7),
    ],
)
def test_usual_price_is_the_median_of_three_days_or_more(
    prices: list[int], usual: int | None
) -> None:
    for order in permutations(prices) if len(prices) < 5 else [prices]:
        assert usual_of(Micros(price) for price in order) == usual
