"""Sets of positions as whole numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.search.bitsets import bits_of, first_of

SETS = st.sets(st.integers(0, 5_000))


@given(SETS)
def test_set_has_the_positions_it_was_made_of_however_it_is_made(positions: set[int]) -> None:
    bits = bits_of(sorted(positions), 5_001)
    assert bits == bits_of(iter(positions), 5_001) == sum(1 << one for one in positions)


@given(SETS, st.integers(0, 60), st.integers(0, 60))
def test_page_of_a_set_is_a_slice_of_its_positions(
    positions: set[int], skip: int, count: int
) -> None:
    bits = bits_of(positions, 5_001)
    assert first_of(bits, count, skip=skip) == sorted(positions)[skip : skip + count]


def test_many_positions_make_the_same_set() -> None:
    everything = range(4_000)
    assert bits_of(everything, 4_000) == (1 << 4_000) - 1
    assert bits_of([], 0) == 0
