"""Parameters are read as PHP reads them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot.sandbox.skinsback.forms import read_form, read_parameters


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ("method=balance", {"method": "balance"}),
        ("a=1&a=2", {"a": "2"}),
        ("a=", {"a": ""}),
        ("names[]=x&names[]=y", {"names": ["x", "y"]}),
        ("names%5B0%5D=x&names%5B1%5D=y", {"names": ["x", "y"]}),
        (
            "items[0][id]=5&items[0][max_price]=1.5&items[1][id]=6",
            {"items": [{"id": "5", "max_price": "1.5"}, {"id": "6"}]},
        ),
        ("items[][id]=5&items[][max_price]=1.5", {"items": [{"id": "5"}, {"max_price": "1.5"}]}),
        ("items[7][id]=5", {"items": {"7": {"id": "5"}}}),
        ("a=1&a[b]=2", {"a": "1"}),
        ("[x]=1", {}),
        ("a[b=1", {}),
    ],
)
def test_form(form: str, fields: dict[str, object]) -> None:
    assert read_form(form) == fields


@pytest.mark.parametrize(
    ("body", "parameters"),
    [
        (b'{"method":"x","max_price":8.10}', {"method": "x", "max_price": Decimal("8.10")}),
        (b"method=x", {"method": "x"}),
        (b"", {}),
        (b"{broken", {}),
        (b"[1]", {}),
        (b"\xff\xfe", {}),
        (b'{"a":' * 100_000, {}),
    ],
)
def test_body(body: bytes, parameters: dict[str, object]) -> None:
    assert read_parameters(body) == parameters
