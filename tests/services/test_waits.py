"""What a request waits for, and for how long: the table of refusals, walked through."""

from __future__ import annotations

import pytest

from bot.domain.limits import APPROVED_EXPIRES_MS
from bot.domain.market import Refusal
from bot.domain.models import WaitReason
from bot.errors import MarketError, MarketRefusedError, MarketUnavailableError
from bot.services.waits import wait_after, wait_after_refusal, wait_for
from bot.skinsback.refusals import RULES, Helper, Scope, rule_for

MINUTE = 60_000

# From the issue: 8 and 9 ask the member, 10 waits, -1 to -10 wait until the market is well.
EXPECTED = {
    8: WaitReason.TRADE_URL_PARTNER,
    9: WaitReason.TRADE_URL_TOKEN,
    10: WaitReason.STEAM_ACCOUNT,
    -1: WaitReason.OPERATOR,
    -2: WaitReason.OPERATOR,
    -3: WaitReason.OPERATOR,
    -4: WaitReason.OPERATOR,
    -5: WaitReason.OPERATOR,
    -6: WaitReason.MARKET_CLOSED,
    -7: WaitReason.RATE_LIMIT,
    -8: WaitReason.OPERATOR,
    -9: WaitReason.MAINTENANCE,
    -10: WaitReason.OPERATOR,
}


def test_codes_of_a_whole_call_are_all_expected_here() -> None:
    assert {code for code, rule in RULES.items() if rule.scope is Scope.CALL} == set(EXPECTED)


@pytest.mark.parametrize("code", EXPECTED)
def test_wait_after_a_refused_call_says_what_it_is_for_and_takes_its_time(code: int) -> None:
    wait = wait_after_refusal(Refusal(code, ""))
    assert wait.reason is EXPECTED[code]
    assert wait.for_ms >= MINUTE
    assert wait == wait_after(MarketRefusedError(code, ""))
    # Only what nobody but the operator can mend waits for the operator.
    assert (wait.reason is WaitReason.OPERATOR) == (rule_for(code).helper is Helper.OPERATOR)


@pytest.mark.parametrize("code", [-7, -6, -9, 10])
def test_wait_is_as_long_as_the_table_says(code: int) -> None:
    assert wait_after_refusal(Refusal(code, "")).for_ms == rule_for(code).wait_s * 1_000


@pytest.mark.parametrize(
    "error", [MarketUnavailableError("no answer"), MarketRefusedError(42, "?"), MarketError()]
)
def test_wait_after_anything_else_is_for_a_market_that_answers(error: MarketError) -> None:
    assert wait_after(error).reason is WaitReason.MARKET_UNREACHABLE
    assert wait_after(error).for_ms >= 30_000


def test_wait_after_a_refused_balance_is_for_money() -> None:
    assert wait_after_refusal(Refusal(4, "")).reason is WaitReason.BALANCE_LOW


@pytest.mark.parametrize(
    "reason",
    [
        WaitReason.PAUSED,
        WaitReason.SERVER_NOT_ALLOWED,
        WaitReason.MEMBER_GONE,
        WaitReason.BALANCE_LOW,
        WaitReason.CANNOT_TELL,
        WaitReason.MARKET_UNREACHABLE,
        WaitReason.OPERATOR,
        WaitReason.FAULT,
    ],
)
def test_wait_for_a_reason_of_ours_is_seconds_at_least(reason: WaitReason) -> None:
    wait = wait_for(reason)
    assert wait.reason is reason
    assert 1_000 <= wait.for_ms <= 10 * MINUTE


@pytest.mark.parametrize("code", EXPECTED)
def test_wait_grows_with_every_try_so_that_a_line_never_runs_out_of_keys(code: int) -> None:
    """A line has 99 purchase keys, and an approval lives for a day."""
    waits = [wait_after_refusal(Refusal(code, ""), tries=tries).for_ms for tries in range(1, 99)]
    assert waits == sorted(waits)
    assert waits[0] == wait_after_refusal(Refusal(code, "")).for_ms
    assert sum(waits) > APPROVED_EXPIRES_MS
