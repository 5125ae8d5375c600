"""The price lists beside the database: a warm start, usual prices, never a reason not to start."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from bot.domain.money import Micros
from bot.store.prices import (
    DAY_MS,
    PORTION,
    KeptPrices,
    KeptSkin,
    PriceFile,
    PricesLostError,
    SkinRow,
    _on,
    day_of,
    remove_prices,
)
from tests.store.samples import NOW, REDLINE

TODAY = day_of(NOW)
HOOK = "★ Inscribed ™ Hook"


def row(name: str, price: int, stock: int = 3, *, seen_on: int = TODAY) -> SkinRow:
    return SkinRow(name, Micros(price), stock, "310", seen_on)


async def keep(file: PriceFile, *rows: SkinRow, at: int = NOW, game: str = "cs2") -> None:
    """Keep a whole list."""
    async with file.opened() as kept:
        await kept.put(game, rows)
        await kept.end(game, at)


async def kept_of(file: PriceFile, game: str = "cs2") -> list[KeptSkin]:
    async with file.opened() as kept:
        return [skin async for portion in kept.skins(game) for skin in portion]


async def rolled(file: PriceFile, today: int) -> dict[str, Micros | None]:
    usuals: dict[str, Micros | None] = {}
    async with file.opened() as kept:
        async for portion in kept.roll("cs2", today):
            usuals.update(portion)
    return usuals


async def live(file: PriceFile, prices: Sequence[int | None], *, name: str = REDLINE) -> None:
    """Let days pass, up to yesterday, on each of which a skin has a price or isn't sold."""
    last = row(name, 1)
    for ago, price in zip(range(len(prices), 0, -1), prices, strict=True):
        day = TODAY - ago
        await rolled(file, day)
        last = last._replace(stock=0) if price is None else row(name, price, seen_on=day)
        await keep(file, last, at=day * DAY_MS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.db.prices"


async def test_prices_when_kept_are_loaded_as_they_were(path: Path) -> None:
    file = PriceFile(path)
    await keep(file, row(REDLINE, 12_400_000), row(HOOK, 1, 0))
    await keep(file, row(REDLINE, 7), game="dota2", at=NOW + 1)
    await keep(file, row(REDLINE, 12_500_000, 41), at=NOW + 2)
    async with PriceFile(path).opened() as kept:
        assert await kept.lists() == {"cs2": NOW + 2, "dota2": NOW + 1}
    assert await kept_of(PriceFile(path)) == [
        KeptSkin(REDLINE, Micros(12_500_000), 41, "310", None),
        KeptSkin(HOOK, Micros(1), 0, "310", None),
    ]


async def test_prices_come_in_portions_and_can_be_forgotten(path: Path) -> None:
    file = PriceFile(path)
    names = [f"n{number:04d}" for number in range(2 * PORTION + 1)]
    await keep(file, *(row(name, 1) for name in names))
    async with file.opened() as kept:
        portions = [portion async for portion in kept.skins("cs2")]
        assert [len(portion) for portion in portions] == [PORTION, PORTION, 1]
        await kept.drop("cs2", names[1:])
        assert [len(portion) async for portion in kept.skins("cs2")] == [1]


async def test_prices_of_a_first_start_are_none_without_a_word(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with PriceFile(path).opened() as kept:
        assert await kept.lists() == {}
    assert await kept_of(PriceFile(path)) == []
    assert not caplog.records


class TestUsual:
    """The median of the two weeks before today."""

    async def test_usual_price_needs_three_days_and_today_is_none_of_them(self, path: Path) -> None:
        file = PriceFile(path)
        await live(file, [30, 10])
        await rolled(file, TODAY)
        await keep(file, row(REDLINE, 900))
        assert await rolled(file, TODAY) == {}
        assert await rolled(file, TODAY + 1) == {REDLINE: 30}
        assert (await kept_of(file))[0].usual == 30

    async def test_usual_price_is_found_once_a_day_also_after_a_restart(self, path: Path) -> None:
        await live(PriceFile(path), [10, 20, 30])
        assert await rolled(PriceFile(path), TODAY) == {REDLINE: 20}
        assert await rolled(PriceFile(path), TODAY) == {}
        assert (await kept_of(PriceFile(path)))[0].usual == 20

    async def test_a_price_long_ago_is_forgotten(self, path: Path) -> None:
        file = PriceFile(path)
        await live(file, [1] * 9 + [5] * 7 + [9_000] * 7)
        assert await rolled(file, TODAY) == {REDLINE: 4_502}
        assert await rolled(file, TODAY + 1) == {REDLINE: 9_000}

    async def test_days_on_which_nobody_sold_it_are_no_days(self, path: Path) -> None:
        file = PriceFile(path)
        await live(file, [10, None, 20, None, None, 60, None])
        assert await rolled(file, TODAY) == {REDLINE: 20}

    async def test_a_clock_that_was_years_ahead_for_a_while_stops_nothing(self, path: Path) -> None:
        file = PriceFile(path)
        await live(file, [10])
        await rolled(file, TODAY + 4_000)
        await live(file, [10, 20, 30])
        assert await rolled(file, TODAY) == {REDLINE: 20}

    async def test_what_is_not_sold_for_two_weeks_is_forgotten(self, path: Path) -> None:
        file = PriceFile(path)
        await keep(file, row(REDLINE, 5, 0, seen_on=TODAY - 14), row(HOOK, 7, 3, seen_on=1))
        assert await rolled(file, TODAY) == {}
        assert len(await kept_of(file)) == 2
        assert await rolled(file, TODAY + 1) == {HOOK: None}
        assert [skin.market_hash_name for skin in await kept_of(file)] == [HOOK]
        with closing(sqlite3.connect(path)) as looking:
            assert looking.execute("SELECT name FROM samples").fetchall() == [(HOOK,)]


def spoil(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    "content",
    [
        b'{"at": 1, "quotes": []}',
        b"\xff" * 5_000,
        b"SQLite format 3\x00" + b"\x10" * 9_000,
    ],
    ids=["as it was once", "noise", "noise with a head"],
)
async def test_file_that_is_no_price_list_is_told_and_begun_anew(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(content)
    file = PriceFile(path)
    await keep(file, row(REDLINE, 1))
    assert "read anew" in caplog.text
    assert len(await kept_of(PriceFile(path))) == 1
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    "statement",
    ["PRAGMA user_version = 7", "PRAGMA user_version = 0", "DROP TABLE skins"],
)
async def test_file_of_another_version_is_told_and_begun_anew(
    path: Path, statement: str, caplog: pytest.LogCaptureFixture
) -> None:
    await keep(PriceFile(path), row(REDLINE, 1))
    spoil(path, statement)
    file = PriceFile(path)
    try:
        assert await kept_of(file) == []
    except PricesLostError:
        assert await kept_of(file) == []
    assert "anew" in caplog.text
    await keep(file, row(REDLINE, 2))
    assert len(await kept_of(file)) == 1


async def test_file_that_is_damaged_while_it_is_used_is_told_and_begun_anew(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = PriceFile(path)
    await keep(file, *(row(f"n{number}", 1) for number in range(PORTION)))
    await rolled(file, TODAY + 1)
    spoil(path, "UPDATE samples SET days = x'00'", "UPDATE lists SET read_at = 1, rolled_on = 0")
    with pytest.raises(PricesLostError):
        await rolled(file, TODAY + 2)
    assert "damaged" in caplog.text
    assert await kept_of(file) == []


async def test_half_of_a_file_is_told_and_begun_anew(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await keep(PriceFile(path), *(row(f"n{number}", 1) for number in range(10 * PORTION)))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + b"\x55" * 4096)
    assert await kept_of(PriceFile(path)) == []
    assert "read anew" in caplog.text


async def test_place_that_cant_be_written_is_told_and_costs_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PricesLostError):
        await keep(PriceFile(tmp_path / "file" / "prices"), row(REDLINE, 1))
    assert "could not be kept" in caplog.text


async def test_disk_that_is_full_is_told_and_leaves_the_file_as_it_was(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = PriceFile(path)
    await keep(file, row(REDLINE, 1))

    def full(kept: KeptPrices) -> None:
        """A file that may not grow is to SQLite a disk that is full."""
        kept._file.sql.execute("PRAGMA max_page_count = 1")

    async def fill_it() -> None:
        async with file.opened() as kept:
            await _on(kept._thread, full, kept)
            await kept.put("cs2", [row(f"n{number}" * 40, 1) for number in range(PORTION)])

    with pytest.raises(PricesLostError):
        await fill_it()
    assert "could not be kept: database or disk is full" in caplog.text
    assert len(await kept_of(file)) == 1


async def test_whoever_is_cancelled_leaves_the_file_in_order(path: Path) -> None:
    file = PriceFile(path)

    async def work() -> None:
        async with file.opened() as kept:
            for number in range(1_000_000):
                await kept.put("cs2", [row(f"n{number}", 1)])

    for _ in range(3):
        task = asyncio.create_task(work())
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert len(await kept_of(file)) > 0


async def test_file_is_removed_with_all_that_is_beside_it(path: Path) -> None:
    await keep(PriceFile(path), row(REDLINE, 1))
    path.with_name(f"{path.name}-wal").touch()
    remove_prices(path)
    remove_prices(path)
    assert list(path.parent.iterdir()) == []
