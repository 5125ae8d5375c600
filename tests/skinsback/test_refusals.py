"""The refusal table against the list of errors in the source document."""

from __future__ import annotations

import pytest

from bot.skinsback.refusals import RULES, Helper, RefusalKind, Scope, rule_for

LINE_CODES = {
    4: "insufficient_funds",
    5: "skin_unavailable",
    6: "skins_not_found_at_specified_price",
    7: "custom_id_already_exists",
}
CALL_CODES = {
    8: "invalid_partner_value",
    9: "invalid_token_value",
    10: "too_many_failed_attempts_for_user",
    -1: "please_use_post_method",
    -2: "invalid_shopid",
    -3: "invalid_signature",
    -4: "shop_not_active",
    -5: "invalid_method",
    -6: "market_disabled",
    -7: "request_limit_reached",
    -8: "invalid_ip_address",
    -9: "under_maintenance",
    -10: "invalid_client_secret",
}


def test_table_has_exactly_the_codes_of_the_document() -> None:
    names = {code: rule.name for code, rule in RULES.items()}
    assert names == LINE_CODES | CALL_CODES


@pytest.mark.parametrize("code", LINE_CODES)
def test_line_codes_are_given_for_lines(code: int) -> None:
    assert rule_for(code).scope is Scope.LINE


@pytest.mark.parametrize("code", CALL_CODES)
def test_call_codes_are_given_for_the_whole_call(code: int) -> None:
    assert rule_for(code).scope is Scope.CALL


def test_only_an_existing_key_proves_nothing() -> None:
    assert [code for code, rule in RULES.items() if not rule.definite] == [7]


def test_buying_pauses_for_what_only_the_operator_can_mend() -> None:
    pausing = {code for code, rule in RULES.items() if rule.pauses_buying}
    assert pausing == {-1, -2, -3, -4, -5, -8, -10}
    assert {rule_for(code).helper for code in pausing} == {Helper.OPERATOR}


@pytest.mark.parametrize(("code", "wait_s"), [(-7, 60), (-6, 300), (-9, 300), (10, 3600), (5, 0)])
def test_waits_before_asking_again(code: int, wait_s: int) -> None:
    assert rule_for(code).wait_s == wait_s


@pytest.mark.parametrize("code", [0, 1, 3, 11, -11, 42, 10**9])
def test_code_that_nobody_knows_is_never_definite(code: int) -> None:
    rule = rule_for(code)
    assert (rule.code, rule.kind) == (code, RefusalKind.UNKNOWN_CODE)
    assert rule.scope is Scope.NOWHERE
    assert (rule.definite, rule.retry_helps, rule.pauses_buying) == (False, False, False)
