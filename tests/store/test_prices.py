"""The price list beside the database: a warm start, never a reason not to start."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.market import Quote
from bot.domain.money import Micros
from bot.store.prices import PriceFile
from tests.store.samples import NOW, REDLINE

QUOTES = [
    Quote("cs2", REDLINE, Micros(12_400_000), 42, "310"),
    Quote("dota2", "★ Inscribed ™ Hook", Micros(1), 0, ""),
]


def test_prices_when_saved_are_loaded_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "x.db.prices"
    PriceFile(path).save(QUOTES, NOW)
    PriceFile(path).save(QUOTES[:1], NOW + 1)
    assert PriceFile(path).load() == (QUOTES[:1], NOW + 1)
    assert list(tmp_path.iterdir()) == [path]


def test_prices_of_a_first_start_are_none_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert PriceFile(tmp_path / "none").load() is None
    assert not caplog.records


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b'{"at": 1}',
        b'{"quotes": []}',
        b'{"at": 1, "quotes": 7}',
        b'{"at": 1, "quotes": [7]}',
        b'{"at": 1, "quotes": [["cs2", "x", "much", 1, ""]]}',
        b'{"at": 1, "quotes": [["cs2", "x", null, 1, ""]]}',
        b'{"at": "today", "quotes": []}',
        b"[" * 100_000,
    ],
    ids=lambda content: repr(content[:30]),
)
def test_prices_that_cant_be_read_are_none(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "prices"
    path.write_bytes(content)
    assert PriceFile(path).load() is None
    assert "read anew" in caplog.text


def test_prices_that_cant_be_saved_are_only_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    PriceFile(tmp_path / "file" / "prices").save(QUOTES, NOW)
    assert "could not be saved" in caplog.text
