"""What leaves this machine, byte for byte."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.market import Order
from bot.domain.money import CENT, Micros
from bot.skinsback.protocol import BATCH_MAX, auth_headers, batch_buy_body, encode, request_body

KEY = "qm01234567890123456789" + "0101"


def order(listing_id: int = 1, cents: int = 840, key: str = KEY) -> Order:
    return Order(listing_id, Micros(cents * CENT), key)


def test_batch_buy_body_byte_for_byte() -> None:
    body = batch_buy_body(90382795, "Ab_-1234", [order(62696971, 840), order(62697425, 1, "k2")])
    assert body == (
        b'{"method":"market_batch_buy","partner":"90382795","token":"Ab_-1234","items":['
        b'{"id":62696971,"max_price":8.40,"custom_id":"' + KEY.encode() + b'"},'
        b'{"id":62697425,"max_price":0.01,"custom_id":"k2"}]}'
    )


@settings(deadline=None)
@given(st.integers(1, 10**9))
def test_ceiling_goes_out_as_its_exact_number(cents: int) -> None:
    body = batch_buy_body(1, "Ab_-1234", [order(cents=cents)])
    sent = json.loads(body, parse_float=Decimal)
    assert sent["items"][0]["max_price"] == Decimal(cents) / 100


@pytest.mark.parametrize(
    "orders",
    [
        [],
        [order(n, key=f"k{n}") for n in range(1, BATCH_MAX + 2)],
        [order(1, key="a"), order(1, key="b")],
        [order(1, key="a"), order(2, key="a")],
        [order(0)],
        [order(-1)],
        [order(key="")],
        [order(cents=0)],
        [order(cents=-1)],
        [Order(1, Micros(12_345), "k")],
        [Order(1, Micros(1), "k")],
    ],
)
def test_orders_that_must_never_be_sent_are_a_programming_error(orders: list[Order]) -> None:
    with pytest.raises(ValueError, match=r"batch|line|ceiling"):
        batch_buy_body(1, "Ab_-1234", orders)


@pytest.mark.parametrize("partner", [0, -1, 2**32])
def test_partner_is_a_steam_account_id(partner: int) -> None:
    with pytest.raises(ValueError, match="partner"):
        batch_buy_body(partner, "Ab_-1234", [order()])


def test_full_batch_is_sent() -> None:
    orders = [order(n, key=f"k{n}") for n in range(1, BATCH_MAX + 1)]
    assert len(json.loads(batch_buy_body(1, "Ab_-1234", orders))["items"]) == BATCH_MAX


def test_search_body_keeps_names_with_stars() -> None:
    body = request_body("market_search", {"game": "cs2", "names": ["★ Karambit"]})
    assert json.loads(body) == {"method": "market_search", "game": "cs2", "names": ["★ Karambit"]}


TEXT = st.text('a0 -."\\\n\x00é★\u2028😀', max_size=8)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | TEXT
    | st.decimals(allow_nan=False, allow_infinity=False, places=6),
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=10,
)


@settings(deadline=None)
@given(JSON)
def test_encoded_value_reads_back_as_the_same_value(value: Any) -> None:
    assert json.loads(encode(value), parse_float=Decimal) == value


def test_authentication_is_by_headers_only() -> None:
    headers = auth_headers("1001", "s3cret")
    assert headers["X-CLIENT-ID"] == "1001"
    assert headers["X-CLIENT-SECRET"] == "s3cret"
    assert b"s3cret" not in request_body("balance", {})
