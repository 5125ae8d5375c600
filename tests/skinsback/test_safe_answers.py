"""Answers of the calls that change nothing: they raise where a buy would be unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.market import Listing
from bot.domain.money import Micros
from bot.errors import MarketError, MarketRefusedError, MarketUnavailableError
from bot.skinsback.protocol import (
    Answer,
    MarketStatus,
    parse_balance,
    parse_history,
    parse_purchases,
    parse_search,
    parse_status,
)

NAME = "AK-47 | Redline (Field-Tested)"
ROW = {"id": "5", "name": NAME, "price": "12.4", "classid": "77"}
FOUND = {
    "item": {"id": "5", "name": NAME, "price": 12.4, "classid": "77", "instanceid": "0"},
    "buy_id": "65",
    "offer_status": "waiting_accept",
    "steamid": "76561198050648523",
    "date": "1748862060",
    "balance_debited_sum": "12.4",
    "tradeofferid": "4176876858",
    "custom_id": "k1",
}


def answer(body: Any, status: int = 200) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, "application/json", raw)


def success(**fields: Any) -> Answer:
    return answer({"status": "success", **fields})


def test_search_keeps_only_the_names_asked_for() -> None:
    others = [{**ROW, "id": 6, "name": f"StatTrak™ {NAME}"}, {**ROW, "id": 7, "price": 12.5}]
    assert parse_search(success(items=[ROW, *others]), [NAME]) == [
        Listing(5, NAME, Micros(12_400_000), "77"),
        Listing(7, NAME, Micros(12_500_000), "77"),
    ]


@pytest.mark.parametrize("empty", [[], {}])
def test_search_that_finds_nothing_is_an_answer(empty: object) -> None:
    assert parse_search(success(items=empty), [NAME]) == []


@pytest.mark.parametrize(
    "broken", [{"id": 0}, {"price": -1}, {"price": None}, {"name": ""}, {"name": 7}, {"id": True}]
)
def test_broken_listing_is_not_offered(broken: dict[str, object]) -> None:
    found = parse_search(success(items=[{**ROW, **broken}, {**ROW, "id": 6}]), [NAME])
    assert [listing.listing_id for listing in found] == [6]


def test_items_of_which_none_can_be_read_are_no_empty_market() -> None:
    with pytest.raises(MarketUnavailableError):
        parse_search(success(items=[{"id": 5, "title": NAME}]), [NAME])


def test_listing_under_two_names_is_the_longer_one() -> None:
    """An item with a phase stands twice under one id."""
    plain, phased = (
        "★ Karambit | Doppler (Factory New)",
        "★ Karambit | Doppler (Factory New) - Ruby",
    )
    rows = [{**ROW, "name": name} for name in (plain, phased)] + [{**ROW, "id": 6, "name": plain}]
    for order in (rows, rows[::-1]):
        assert [one.listing_id for one in parse_search(success(items=order), [phased])] == [5]
        assert [one.listing_id for one in parse_search(success(items=order), [plain])] == [6]
        both = parse_search(success(items=order), [plain, phased])
        assert {(one.listing_id, one.market_hash_name) for one in both} == {(5, phased), (6, plain)}


def test_listing_under_two_names_of_one_length_is_nobodys() -> None:
    other = NAME.replace("AK-47", "AK-48")
    rows = [ROW, {**ROW, "name": other}, {**ROW, "id": 6}]
    found = parse_search(success(items=rows), [NAME, other])
    assert [one.listing_id for one in found] == [6]


@pytest.mark.parametrize(
    ("balance", "micros"),
    [(758.93, 758_930_000), ("758.935", 758_935_000), (0, 0), ("-1.5", -1_500_000)],
)
def test_balance(balance: object, micros: int) -> None:
    assert parse_balance(success(balance=balance)) == micros


@pytest.mark.parametrize("balance", [None, True, "", "1,5", "1 000", [], {}, 10**10, "nan"])
def test_balance_that_is_no_number_is_not_guessed(balance: object) -> None:
    with pytest.raises(MarketUnavailableError):
        parse_balance(success(balance=balance))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"available": True}, MarketStatus(available=True, reason="")),
        ({"available": "1"}, MarketStatus(available=True, reason="")),
        (
            {"available": False, "reason": "no_bots"},
            MarketStatus(available=False, reason="no_bots"),
        ),
        ({"available": 0, "reason": None}, MarketStatus(available=False, reason="")),
    ],
)
def test_status(fields: dict[str, object], expected: MarketStatus) -> None:
    assert parse_status(success(**fields)) == expected


@pytest.mark.parametrize("available", [None, "yes", 2, []])
def test_status_that_is_neither_true_nor_false_is_not_guessed(available: object) -> None:
    with pytest.raises(MarketUnavailableError):
        parse_status(success(available=available))


def test_look_up_counts_what_it_can_t_read() -> None:
    found = parse_purchases(success(items=[FOUND, {**FOUND, "buy_id": None}, "x"]))
    assert [purchase.purchase_key for purchase in found.purchases] == ["k1"]
    assert found.purchases[0].offer_status == "waiting_accept"
    assert found.unreadable == 2


def test_look_up_tolerates_entries_without_key() -> None:
    found = parse_purchases(success(items=[{**FOUND, "custom_id": None}]))
    assert found.purchases[0].purchase_key is None


@pytest.mark.parametrize("items", [None, "x", 3, {"65": FOUND}])
def test_look_up_without_a_list_is_not_an_empty_one(items: object) -> None:
    with pytest.raises(MarketUnavailableError):
        parse_purchases(success(items=items))


@pytest.mark.parametrize(("cursor", "text"), [(1000, "1000"), ("1000", "1000"), (None, None)])
def test_history_page_names_the_next_one(cursor: object, text: str | None) -> None:
    page = parse_history(success(items=[FOUND], has_more=True, start_from=cursor))
    assert (len(page.found.purchases), page.has_more, page.cursor) == (1, True, text)


def test_history_that_doesn_t_say_whether_it_ends_is_not_taken_as_its_end() -> None:
    with pytest.raises(MarketUnavailableError):
        parse_history(success(items=[FOUND]))


@pytest.mark.parametrize("status", ["error", "fail"])
@pytest.mark.parametrize("http", [200, 403, 503])
def test_error_code_is_raised_with_a_cleaned_message(status: str, http: int) -> None:
    body = {"status": status, "error_code": "-9", "error_message": "under\x00_maintenance"}
    with pytest.raises(MarketRefusedError) as caught:
        parse_balance(answer(body, http))
    assert (caught.value.code, caught.value.message) == (-9, "under_maintenance")
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("body", "http"),
    [
        (b"<html>S3CRET</html>", 502),
        (b"", 200),
        (b"[]", 200),
        (b"[" * 100_000, 200),
        (b'{"status":"success","balance":1}', 302),
        (b'{"status":"success","balance":1}', 500),
        (b'{"status":"error"}', 200),
        (b'{"balance":1}', 200),
    ],
)
def test_answer_that_is_not_understood_is_unavailable(body: bytes, http: int) -> None:
    with pytest.raises(MarketUnavailableError) as caught:
        parse_balance(answer(body, http))
    assert "S3CRET" not in str(caught.value)
    assert caught.value.__context__ is None


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(100, 599))
def test_bytes_at_random_raise_only_our_own_errors(body: bytes, http: int) -> None:
    for parse in (parse_balance, parse_status, parse_purchases, parse_history):
        with pytest.raises(MarketError):
            parse(answer(body, http))
