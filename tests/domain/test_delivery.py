"""When the market is asked again about a purchase, and when nothing changes any more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.delivery import (
    SETTLES_MS,
    STUCK_MS,
    STUCK_WAITING_MS,
    Cadence,
    is_moving,
    is_settled,
    is_stuck,
    may_hint,
    next_check_at,
)
from bot.domain.market import FAILED_STATUSES, OfferStatus

NOW = 1_795_000_000_000
CADENCE = Cadence()
ALL = [*OfferStatus, "reserved"]
STATUSES = st.sampled_from(ALL)


@pytest.mark.parametrize("before", [*ALL, None])
@pytest.mark.parametrize("told", [*ALL, None])
def test_an_event_moves_one_way_only(before: str | None, told: str | None) -> None:
    assert may_hint(before, told) == (
        (before, told) == (OfferStatus.CREATING_TRADE, OfferStatus.WAITING_ACCEPT)
    )


@given(
    status=STATUSES,
    age=st.integers(0, 40 * 86_400_000),
    kept=st.integers(0, 40 * 86_400_000),
    hinted=st.booleans(),
)
def test_the_next_question_lies_ahead_and_never_far(
    status: str, age: int, kept: int, hinted: bool
) -> None:
    at = next_check_at(
        status,
        status_at=NOW - age,
        since=NOW - min(age, kept),
        at=NOW,
        cadence=CADENCE,
        hinted=hinted,
    )
    assert NOW < at <= NOW + CADENCE.settling
    if is_moving(status) and age <= STUCK_MS:
        assert at == NOW + (CADENCE.calm if hinted else CADENCE.eager)


def test_the_last_question_comes_as_soon_as_it_can_close() -> None:
    accepted_at = NOW - SETTLES_MS + 5_000
    at = next_check_at(
        "accepted", status_at=accepted_at, since=accepted_at, at=NOW, cadence=CADENCE, hinted=True
    )
    assert at == NOW + 5_001
    assert is_settled("accepted", since=accepted_at, looked_up_at=at)
    assert not is_settled("accepted", since=accepted_at, looked_up_at=at - 1)


@pytest.mark.parametrize("status", ["creating_trade", "waiting_accept", "reserved", None])
def test_what_moves_never_settles(status: str | None) -> None:
    assert not is_settled(status, since=0, looked_up_at=NOW)


@pytest.mark.parametrize("status", sorted(FAILED_STATUSES))
def test_a_failed_purchase_is_asked_about_for_eight_days_too(status: str) -> None:
    assert not is_settled(status, since=NOW, looked_up_at=NOW + SETTLES_MS)
    assert is_settled(status, since=NOW, looked_up_at=NOW + SETTLES_MS + 1)


@pytest.mark.parametrize(
    ("status", "after_ms"),
    [
        ("creating_trade", STUCK_MS),
        ("reserved", STUCK_MS),
        ("waiting_accept", STUCK_WAITING_MS),
        ("accepted", None),
        ("timeout", None),
    ],
)
def test_a_delivery_that_takes_too_long(status: str, after_ms: int | None) -> None:
    for age in (0, STUCK_WAITING_MS - 1, STUCK_WAITING_MS, STUCK_MS - 1, STUCK_MS, 10 * STUCK_MS):
        expected = after_ms is not None and age >= after_ms
        assert is_stuck(status, status_at=NOW - age, at=NOW) == expected
