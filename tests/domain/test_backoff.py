"""How long a Steam account rests after what."""

from __future__ import annotations

import pytest

from bot.domain.backoff import REST_MS, RESTS_AFTER, refused_until, rests_until
from bot.domain.market import OfferStatus

AT = 1_795_000_000_000
HOUR = 3_600_000


@pytest.mark.parametrize("status", [*OfferStatus, None, "a status that nobody knows"])
def test_only_what_would_fail_again_lets_an_account_rest(status: str | None) -> None:
    until = rests_until(status, status_at=AT, url_since=None)
    assert (until is not None) == (status in ("invalid_trade_token", "user_not_tradable"))


@pytest.mark.parametrize("status", sorted(RESTS_AFTER))
def test_rest_ends_with_the_hour_or_with_a_url_that_is_newer(status: str) -> None:
    assert rests_until(status, status_at=AT, url_since=AT - 1) == AT + REST_MS
    # Known in the same moment, it may be the one that has just failed.
    assert rests_until(status, status_at=AT, url_since=AT) == AT + REST_MS
    assert rests_until(status, status_at=AT, url_since=AT + 1) is None


def test_refusals_in_a_row_take_1_then_6_then_24_hours() -> None:
    waits = [refused_until(AT, in_a_row=times) - AT for times in range(1, 6)]
    assert waits == [HOUR, 6 * HOUR, 24 * HOUR, 24 * HOUR, 24 * HOUR]
