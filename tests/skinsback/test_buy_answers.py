"""What an answer of market_batch_buy is taken to mean. A wrong guess here buys twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.market import Answered, BuyOutcome, Purchase, Refusal, RefusedWhole, Unknown
from bot.domain.money import Micros
from bot.skinsback.protocol import Answer, parse_batch_buy
from bot.skinsback.refusals import RULES, Scope

EXAMPLE = Path(__file__).parent.joinpath("fixtures/market_batch_buy.json").read_bytes()


def parse(body: Any, status: int = 200, content_type: str = "application/json") -> BuyOutcome:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse_batch_buy(Answer(status, content_type, raw))


def entry(listing_id: str = "1", **changes: Any) -> dict[str, Any]:
    """One entry of ``purchased``; a change to ``...`` leaves the field out."""
    fields = {
        "item": {
            "id": listing_id,
            "name": "AK-47 | Redline (Field-Tested)",
            "price": 8.28,
            "classid": "77",
            "instanceid": "0",
        },
        "buy_id": 65,
        "offer_status": "creating_trade",
        "steamid": "76561198050648523",
        "date": "1748862060",
        "balance_debited_sum": 8.28,
        "custom_id": "k1",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not ...}


def success(purchased: Any = None, unavailable: Any = None, **extra: Any) -> dict[str, Any]:
    return {
        "status": "success",
        "purchased": purchased if purchased is not None else {},
        "unavailable": unavailable if unavailable is not None else {},
        **extra,
    }


GONE = {"error_code": 5, "error_message": "skin_unavailable"}


def test_example_of_the_document_value_for_value() -> None:
    sabre: dict[str, Any] = {
        "market_hash_name": "'The Doctor' Romanov | Sabre",
        "class_id": "3608084106",
        "offer_status": "creating_trade",
        "steam_id": 76561198050648523,
        "bought_at": 1748862060,
    }
    assert parse(EXAMPLE) == Answered(
        purchased=(
            Purchase(
                buy_id=129112705,
                purchase_key="10000",
                listing_id=62696971,
                price=Micros(8_280_000),
                debited=Micros(8_280_000),
                **sabre,
            ),
            Purchase(
                buy_id=129112706,
                purchase_key="10001",
                listing_id=62697425,
                price=Micros(8_030_000),
                debited=Micros(8_030_000),
                **sabre,
            ),
        ),
        unavailable={
            62696979: Refusal(5, "skin_unavailable"),
            62697480: Refusal(5, "skin_unavailable"),
        },
    )


def stringly(value: Any) -> Any:
    match value:
        case dict():
            return {name: stringly(each) for name, each in value.items()}
        case bool() | str():
            return value
        case int() | float():
            return str(value)
    return value


def test_numbers_as_strings_mean_the_same() -> None:
    assert parse(stringly(json.loads(EXAMPLE))) == parse(EXAMPLE)


def test_byte_order_mark_and_html_content_type_don_t_hide_a_good_answer() -> None:
    assert parse(b"\xef\xbb\xbf" + EXAMPLE, content_type="text/html") == parse(EXAMPLE)


@pytest.mark.parametrize("empty", [[], {}])
def test_empty_maps_come_as_lists_too(empty: object) -> None:
    assert parse(success([], empty)) == Answered((), {})


def test_extra_fields_and_statuses_are_tolerated() -> None:
    outcome = parse(success({"1": entry(offer_status="reserved", float=1.5, x={"y": []})}, v=2))
    assert isinstance(outcome, Answered)
    assert outcome.purchased[0].offer_status == "reserved"


@pytest.mark.parametrize("missing", ["purchased", "unavailable"])
def test_map_that_is_not_there_is_empty(missing: str) -> None:
    body = success({"1": entry()}, {"2": GONE})
    del body[missing]
    outcome = parse(body)
    assert isinstance(outcome, Answered)
    assert len(outcome.purchased) == (missing != "purchased")
    assert len(outcome.unavailable) == (missing != "unavailable")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("buy_id", ...),
        ("buy_id", 0),
        ("buy_id", -1),
        ("buy_id", True),
        ("buy_id", "12x"),
        ("buy_id", 1.5),
        ("buy_id", 2**63),
        ("buy_id", None),
        ("balance_debited_sum", ...),
        ("balance_debited_sum", -0.01),
        ("balance_debited_sum", "8,28"),
        ("balance_debited_sum", "NaN"),
        ("balance_debited_sum", "Infinity"),
        ("balance_debited_sum", "1e99"),
        ("balance_debited_sum", 10**12),
        ("balance_debited_sum", False),
        ("balance_debited_sum", []),
        ("balance_debited_sum", " 8.28"),
        ("balance_debited_sum", "٨"),
        ("offer_status", ...),
        ("offer_status", ""),
        ("offer_status", 3),
        ("steamid", "x"),
        ("steamid", 0),
        ("custom_id", ["k1"]),
        ("custom_id", True),
        ("item", "a string"),
        ("item", {"id": "2"}),
        ("item", {"id": "x"}),
    ],
)
def test_broken_entry_is_left_out_and_the_others_stay(field: str, value: Any) -> None:
    outcome = parse(
        success({"1": entry(**{field: value}), "7": entry("7", custom_id="k7")}, {"3": GONE})
    )
    assert isinstance(outcome, Answered)
    assert [purchase.purchase_key for purchase in outcome.purchased] == ["k7"]
    assert outcome.unavailable == {3: Refusal(5, "skin_unavailable")}


@pytest.mark.parametrize("broken", [None, "x", [], [entry()], 5, {"buy_id": 1}])
def test_entry_that_is_no_entry_is_left_out(broken: Any) -> None:
    outcome = parse(success({"1": broken, "7": entry("7")}))
    assert isinstance(outcome, Answered)
    assert [purchase.listing_id for purchase in outcome.purchased] == [7]


@pytest.mark.parametrize(
    ("changes", "attribute", "expected"),
    [
        ({"custom_id": ...}, "purchase_key", None),
        ({"custom_id": ""}, "purchase_key", None),
        ({"custom_id": None}, "purchase_key", None),
        ({"custom_id": 10000}, "purchase_key", "10000"),
        ({"custom_id": "K1"}, "purchase_key", "K1"),
        ({"custom_id": " k1"}, "purchase_key", " k1"),
        ({"custom_id": "k\x001"}, "purchase_key", "k\\x001"),
        ({"custom_id": "k" * 300}, "purchase_key", "k" * 200),
        ({"steamid": ...}, "steam_id", None),
        ({"date": "soon"}, "bought_at", None),
        ({"item": ...}, "listing_id", 1),
        ({"item": {}}, "listing_id", 1),
        ({"item": []}, "price", None),
        ({"item": {"price": "dear"}}, "price", None),
        ({"item": {"classid": 77}}, "class_id", "77"),
        ({"balance_debited_sum": "0.4"}, "debited", 400_000),
        ({"balance_debited_sum": 0}, "debited", 0),
        ({"balance_debited_sum": "1.0E-5"}, "debited", 10),
        ({"balance_debited_sum": 8.279999999999999}, "debited", 8_280_000),
    ],
)
def test_field_that_only_describes_may_be_absent_or_odd(
    changes: dict[str, Any], attribute: str, expected: object
) -> None:
    outcome = parse(success({"1": entry(**changes)}))
    assert isinstance(outcome, Answered)
    assert getattr(outcome.purchased[0], attribute) == expected


def test_listing_in_both_maps_stays_in_both() -> None:
    outcome = parse(success({"1": entry()}, {"1": GONE}))
    assert isinstance(outcome, Answered)
    assert outcome.purchased[0].listing_id in outcome.unavailable


@pytest.mark.parametrize(
    ("key", "broken", "left"),
    [
        ("1", entry(buy_id=0), {2}),
        ("x", entry("1", buy_id=0), {2}),
        ("1", entry("2", buy_id=0), set()),
        ("x", "nothing to go by", set()),
        ("01", entry("1"), {2}),
    ],
)
def test_refusal_of_a_listing_that_may_be_bought_is_not_believed(
    key: str, broken: Any, left: set[int]
) -> None:
    outcome = parse(success({key: broken}, {"1": GONE, "2": GONE}))
    assert isinstance(outcome, Answered)
    assert outcome.purchased == ()
    assert set(outcome.unavailable) == left


@pytest.mark.parametrize("broken", [None, "gone", {}, {"error_code": "five"}, {"error_code": 5.5}])
def test_refusal_without_a_code_is_no_refusal(broken: Any) -> None:
    assert parse(success({}, {"1": broken, "2": GONE})) == Answered(
        (), {2: Refusal(5, "skin_unavailable")}
    )


@pytest.mark.parametrize("unreadable", [None, True, "none", [GONE]])
def test_purchases_are_kept_when_the_refusals_can_t_be_read(unreadable: Any) -> None:
    body = {**success({"1": entry()}), "unavailable": unreadable}
    outcome = parse(body)
    assert isinstance(outcome, Answered)
    assert [purchase.listing_id for purchase in outcome.purchased] == [1]
    assert outcome.unavailable == {}


def test_unknown_code_of_a_line_is_kept_as_it_came() -> None:
    refused = {"error_code": "17", "error_message": "error_item_unavailable"}
    assert parse(success({}, {"1": refused})) == Answered(
        (), {1: Refusal(17, "error_item_unavailable")}
    )


def test_text_of_the_market_is_cleaned_and_cut() -> None:
    nasty = "a\x00\x1b[31m\nb\u202e\u2028\ud800" + "c" * 300
    outcome = parse(success({}, {"1": {"error_code": 5, "error_message": nasty}}))
    assert isinstance(outcome, Answered)
    message = outcome.unavailable[1].message
    assert message.startswith("a[31mbccc")
    assert len(message) <= 200
    message.encode()


@pytest.mark.parametrize("status", ["error", "fail"])
@pytest.mark.parametrize("http", [200, 400, 403, 429])
@pytest.mark.parametrize("code", [c for c, rule in RULES.items() if rule.scope is Scope.CALL])
def test_known_code_for_the_whole_call_refuses_it(status: str, http: int, code: int) -> None:
    body = {"status": status, "error_code": code, "error_message": RULES[code].name}
    assert parse(body, http) == RefusedWhole(Refusal(code, RULES[code].name))


@pytest.mark.parametrize(
    "body",
    [
        {"status": "error", "error_code": 5, "error_message": "some_error"},
        {"status": "error", "error_code": 7},
        {"status": "error", "error_code": 11},
        {"status": "error", "error_code": 0},
        {"status": "error", "error_code": True},
        {"status": "error", "error_code": None},
        {"status": "error", "error_code": "-7x"},
        {"status": "error", "error_code": 10**12},
        {"status": "error"},
        {"status": "error", "error_code": 8, "purchased": {"1": entry()}},
        {"status": "error", "error_code": 8, "purchased": None},
        {"error_code": 8},
        {"status": "Success", "purchased": {}},
        {"status": "success"},
        {"status": "success", "purchased": "none"},
        {"status": "success", "purchased": [entry()]},
        {"status": "success", "purchased": None, "unavailable": {"1": GONE}},
        {"status": True},
        {},
        [],
        "error",
        None,
        8,
    ],
)
def test_answer_that_is_not_understood_is_unknown(body: Any) -> None:
    assert isinstance(parse(body), Unknown)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"<html>502 Bad Gateway</html>",
        EXAMPLE[:-2],
        EXAMPLE[: len(EXAMPLE) // 2],
        EXAMPLE + b"x",
        b"<br />Warning: something in api.php on line 3" + EXAMPLE,
        b'{"status":"success","purchased":{"1":NaN}}',
        b'{"status":"success","purchased":{"1":-Infinity}}',
        b'{"status":"\xff\xfe","purchased":{}}',
        b"[" * 200_000,
        b'{"a":' * 200_000,
        EXAMPLE.decode().encode("utf-16"),
        b'{"status":"success","status":"error","error_code":8}',
        b'{"status":"success","purchased":{},"purchased":{}}',
    ],
)
def test_body_that_is_not_one_json_answer_is_unknown(body: Any) -> None:
    assert isinstance(parse(body), Unknown)


@pytest.mark.parametrize("number", [b"1" * 100_000, b"1e999999999", b"1e99999999999999999999"])
def test_absurd_number_spoils_only_its_own_entry(number: bytes) -> None:
    body = json.dumps(success({"1": entry(), "2": entry("2", buy_id=66)})).encode()
    outcome = parse(body.replace(b": 65,", b": " + number + b","))
    assert isinstance(outcome, Answered)
    assert [purchase.buy_id for purchase in outcome.purchased] == [66]


@pytest.mark.parametrize("number", [b"1e999999999", b"1e-999999999", b"1e25"])
def test_absurd_number_is_never_written_out(number: bytes) -> None:
    body = json.dumps(success({"1": entry()})).encode().replace(b'"77"', number)
    outcome = parse(body)
    assert isinstance(outcome, Answered)
    assert outcome.purchased[0].class_id == ""


def test_name_twice_in_one_entry_spoils_only_that_entry() -> None:
    body = json.dumps(success({"1": entry(), "2": entry("2", buy_id=66)})).encode()
    outcome = parse(body.replace(b'"buy_id": 65', b'"buy_id": 65, "buy_id": 67'))
    assert isinstance(outcome, Answered)
    assert [purchase.buy_id for purchase in outcome.purchased] == [66]


def test_listing_twice_in_one_map_makes_the_call_unknown() -> None:
    one = json.dumps(entry()).encode()
    body = b'{"status":"success","purchased":{"1":' + one + b',"1":' + one + b"}}"
    assert isinstance(parse(body), Unknown)


@pytest.mark.parametrize("http", [0, 100, 301, 302, 307, 308, 500, 502, 503, 504, 520, 999])
@pytest.mark.parametrize(
    "body", [EXAMPLE, b'{"status":"error","error_code":8,"error_message":"x"}', b""]
)
def test_redirect_or_server_error_is_unknown_whatever_it_says(http: int, body: Any) -> None:
    assert isinstance(parse(body, http), Unknown)


@pytest.mark.parametrize("http", [400, 404, 429, 499])
def test_success_under_a_client_error_is_unknown(http: int) -> None:
    assert isinstance(parse(EXAMPLE, http), Unknown)


def test_reason_never_repeats_what_the_market_wrote() -> None:
    outcome = parse(b"<html>S3CRET</html>", content_type="text/html; S3CRET")
    assert isinstance(outcome, Unknown)
    assert "S3CRET" not in outcome.reason


NAMES = (
    *("status", "purchased", "unavailable", "error_code", "error_message", "item", "id", "1", "x"),
    *("buy_id", "offer_status", "balance_debited_sum", "custom_id", "steamid"),
)
# A fixed alphabet: for all of Unicode a fresh checkout first spends seconds on its tables.
TEXT = st.text('a0 -."\\\n\x00é★\u2028\ud800😀', max_size=8)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(100, 599))
def test_bytes_at_random_are_never_an_answer(body: Any, http: int) -> None:
    assert isinstance(parse(body, http), Unknown)


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries(
        {"status": st.sampled_from(["success", "error", "fail", 1, None])},
        optional={
            "purchased": ANYTHING | st.just({"1": entry()}),
            "unavailable": ANYTHING,
            "error_code": ANYTHING | st.integers(-12, 12),
        },
    ),
    st.integers(100, 599),
)
def test_json_at_random_is_believed_only_on_evidence(body: Any, http: int) -> None:
    outcome = parse(body, http)
    match outcome:
        case Answered():
            assert body["status"] == "success"
            assert 200 <= http < 300
            assert len(outcome.purchased) <= len(body.get("purchased", ()))
            refused = body.get("unavailable")
            said = refused.keys() if isinstance(refused, dict) else ()
            assert {str(listing_id) for listing_id in outcome.unavailable} <= set(said)
        case RefusedWhole(refusal):
            assert body["status"] in ("error", "fail")
            assert RULES[refusal.code].scope is Scope.CALL
            assert not body.get("purchased")
        case _:
            assert isinstance(outcome, Unknown)


@settings(deadline=None)
@given(st.data())
def test_example_with_a_byte_changed_never_raises(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(EXAMPLE) - 1))
    changed = EXAMPLE[:place] + data.draw(st.binary(max_size=3)) + EXAMPLE[place + 1 :]
    assert isinstance(parse(changed), Answered | Unknown)
