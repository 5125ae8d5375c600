"""A price list read while it arrives: the same rows in whatever pieces, or none believed."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.market import PriceRow
from bot.domain.money import Micros
from bot.errors import MarketError, MarketRefusedError, MarketUnavailableError
from bot.skinsback.pricelist import PriceListReader

NAME = "AK-47 | Redline (Field-Tested)"
ROW = {"name": NAME, "price": 12.4, "count": 3, "classid": "77"}
READ = PriceRow(NAME, Micros(12_400_000), 3, "77")


def read(
    *pieces: bytes, status: int = 200, content_type: str = "application/json"
) -> tuple[list[PriceRow], int]:
    """Read a list that comes in these pieces; return its rows and how many can't be read."""
    reader = PriceListReader(status, content_type)
    rows = [row for piece in pieces for row in reader.feed(piece)]
    reader.close()
    return rows, reader.unreadable


def listed(*items: Any, **more: Any) -> bytes:
    return json.dumps({"status": "success", "last_update": 1, "items": items, **more}).encode()


LIST = (
    '\ufeff {"last_update": 1,\n "items" : [\r{"name":"★ K | \\u0041","price":"0.034","count":"1",'
    '"classid":78,"new":{"a":[1,{"b":"]}"}]}} ,{"name":"","price":1,"count":1},7,{"name":"B",'
    '"price":1e2,"count":0,"classid":null}\t] ,"more":[{}], "status":"success" } \n'
).encode()
ROWS = [PriceRow("★ K | A", Micros(34_000), 1, "78"), PriceRow("B", Micros(100_000_000), 0, "")]


def test_list_in_one_piece_and_byte_by_byte_is_the_same() -> None:
    assert read(LIST) == read(*(LIST[at : at + 1] for at in range(len(LIST)))) == (ROWS, 2)


@given(st.lists(st.integers(0, len(LIST)), max_size=12))
def test_list_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(LIST)]
    pieces = [LIST[begin:end] for begin, end in pairwise(ends)]
    assert read(*pieces) == (ROWS, 2)


@pytest.mark.parametrize("end", range(len(LIST.rstrip())))
def test_list_that_is_cut_off_is_never_believed(end: int) -> None:
    with pytest.raises(MarketUnavailableError):
        read(LIST[:end])


@given(st.binary(max_size=60), st.integers(0, len(LIST)), st.integers(0, 5))
def test_list_with_anything_in_it_is_read_or_refused_and_breaks_nothing(
    noise: bytes, at: int, left_out: int
) -> None:
    data = LIST[:at] + noise + LIST[at + left_out :]
    try:
        rows, _ = read(data[:at], data[at:])
    except MarketError:
        return
    assert all(row.market_hash_name and row.price >= 0 and row.stock >= 0 for row in rows)


@pytest.mark.parametrize("empty", [b"[]", b"{}", b" [ ] "])
def test_empty_list_is_an_answer(empty: bytes) -> None:
    assert read(b'{"items":' + empty + b',"status":"success"}') == ([], 0)


def test_numbers_are_exact_whatever_they_are_written_as() -> None:
    prices = ["0.1", 0.1, "8.28", 758.935, "1e-3", "0.0000005", 10**9]
    rows, unreadable = read(listed(*({**ROW, "price": price} for price in prices)))
    assert [row.price for row in rows] == [
        100_000, 100_000, 8_280_000, 758_935_000, 1_000, 1, 10**15,
    ]  # fmt: skip
    assert unreadable == 0


@pytest.mark.parametrize(
    "broken",
    [
        {"price": -1}, {"price": 0}, {"price": "1e-8"}, {"price": None}, {"price": True},
        {"price": "1,5"}, {"price": 10**10},
        {"name": 7}, {"name": " "}, {"name": None}, {"count": -1}, {"count": 1.5}, {"count": []},
        {"count": "1" * 40},
    ],
)  # fmt: skip
def test_row_that_cant_be_read_is_left_out_and_counted(broken: dict[str, object]) -> None:
    assert read(listed({**ROW, **broken}, ROW)) == ([READ], 1)


def test_row_that_says_two_things_about_one_is_left_out() -> None:
    twice = json.dumps(ROW)[:-1] + ',"price":1}'
    assert read(listed(ROW).replace(b"[", b"[" + twice.encode() + b",", 1)) == ([READ], 1)


def test_rows_of_which_none_can_be_read_are_no_empty_market() -> None:
    with pytest.raises(MarketUnavailableError, match="none of the items"):
        read(listed({"id": 5}, 7))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "null",
        "[]",
        '"x"',
        "<html><body>502</body></html>",
        '{"status":"success"}',
        '{"status":"success","items":null}',
        '{"status":"success","items":{"a":1}}',
        '{"status":"success","items":[],"items":[]}',
        '{"status":"success","items":[NaN]}',
        '{"status":"success","items":[1,]}',
        '{"status":"success","items":[]}}',
        '{"status":"success","items":[]} x',
        '{"status":"success" "items":[]}',
        '{"status":"success","items":[],}',
        '{7:"success","items":[]}',
        '{"status":"ok","items":[]}',
        '{"items":[]}',
        '{"status":"success","items":[' + "[" * 100_000,
        '{"status":"success","items":["' + "x" * 100_000,
    ],
    ids=lambda text: text[:40],
)
def test_what_is_no_price_list_is_no_answer(text: str) -> None:
    with pytest.raises(MarketUnavailableError):
        read(text.encode())


def test_bytes_that_are_no_text_are_no_answer() -> None:
    with pytest.raises(MarketUnavailableError, match="not JSON"):
        read(listed(ROW).replace(b"Redline", b"Red\xffine"))


def test_error_is_refused_also_where_it_comes_after_rows() -> None:
    error = b'{"status":"error","error_code":"-6","error_message":"market_disabled"}'
    with pytest.raises(MarketRefusedError) as refused:
        read(error)
    assert refused.value.code == -6
    with pytest.raises(MarketRefusedError):
        read(listed(ROW)[:-1].replace(b"success", b"fail") + b',"error_code":-9}')


def test_success_of_a_broken_server_is_none() -> None:
    with pytest.raises(MarketUnavailableError, match="HTTP status 500"):
        read(listed(ROW), status=500)
    with pytest.raises(MarketUnavailableError, match="an HTML page, HTTP status 502"):
        read(b"<html>", status=502, content_type="text/html")
