"""What the bench makes of durations: never a word about how long anything takes."""

from __future__ import annotations

import pytest

from tests.bench.figures import Figure, Limit, Sample, Verdict, middle_round, sample, table
from tests.bench.wire import requests_on_the_wire

FAST = Sample(count=10, p50=1, p95=2, p99=3, most=4)
SLOW = Sample(count=10, p50=10, p95=20, p99=30, most=40)


def figure(measured: Sample, baseline: Sample = FAST, *, failures: int = 0) -> Figure:
    """Return a figure with a budget that the fast sample keeps and the slow one breaks."""
    budget = (Limit("p95", 10), Limit("most", 35))
    return Figure("a thing", measured, baseline, "nothing", budget, failures=failures)


def test_percentiles_are_durations_that_were_measured() -> None:
    """The nearest rank, and the longest as it is."""
    of_hundred = sample([each / 1000 for each in range(1, 101)])
    assert (of_hundred.p50, of_hundred.p95, of_hundred.p99, of_hundred.most) == (50, 95, 99, 100)
    assert sample([0.002]) == Sample(1, 2, 2, 2, 2)
    with pytest.raises(ValueError, match="nothing was measured"):
        sample([])


def test_middle_round_is_neither_the_luckiest_nor_the_unluckiest() -> None:
    """By its p99; of two the better one."""
    middle = Sample(10, 5, 5, 5, 5)
    assert middle_round([SLOW, FAST, middle]) is middle
    assert middle_round([SLOW, FAST]) is FAST


@pytest.mark.parametrize(
    ("one", "verdict"),
    [
        (figure(FAST), Verdict.MET),
        (figure(SLOW), Verdict.MISSED),
        (figure(FAST, failures=1), Verdict.MISSED),
        (Figure("a thing", SLOW, FAST, "nothing"), Verdict.NONE),
        (Figure("a thing", FAST, FAST, "nothing", failures=1), Verdict.MISSED),
    ],
)
def test_verdict_is_about_the_budget_and_about_answers_that_never_came(
    one: Figure, verdict: Verdict
) -> None:
    """Without a budget nothing is missed; an answer that never came always is."""
    assert one.verdict is verdict


def test_table_says_when_even_the_baseline_misses() -> None:
    """Then the machine is too slow for the budget, and whoever reads it must know."""
    assert "the baseline alone" in table([figure(SLOW, SLOW)])
    assert "the baseline alone" not in table([figure(SLOW, FAST)])
    assert "the baseline alone" not in table([figure(FAST, SLOW)])


def test_first_purchase_key_of_a_request_is_its_arrival() -> None:
    """All keys of one call arrive together, and a request is told by its part of the key."""
    one, other = "a" * 20, "b" * 20
    keys = {f"qm{one}0101": 3.0, f"qm{one}0201": 2.0, f"qm{other}0101": 5.0}
    assert requests_on_the_wire(keys) == {one: 2.0, other: 5.0}
