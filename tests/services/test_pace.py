"""Long work in short turns: it gives way, and stands still for what can't wait."""

from __future__ import annotations

import asyncio
from functools import partial
from time import monotonic

import pytest

from bot.search.turns import Turns
from bot.services import pace
from bot.services.pace import Haste, Pace
from tests.services.house import until


def turns(count: int) -> Turns[int]:
    """Work that takes so many turns of a millisecond."""
    for _ in range(count):
        until = monotonic() + 0.001
        while monotonic() < until:
            pass
        yield
    return count


async def test_others_get_their_turns_while_long_work_is_done() -> None:
    """And what it made comes out at its end."""
    seen = 0

    async def other() -> None:
        nonlocal seen
        while True:
            seen += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    assert await Pace(0.5).through(turns(10)) == 10
    beside.cancel()
    assert seen >= 10


async def test_work_stands_still_for_haste_and_goes_on_after_it() -> None:
    """Not a turn of it is taken meanwhile."""
    haste, taken = Haste(), 0

    def counted() -> Turns[None]:
        nonlocal taken
        for _ in turns(1_000):
            taken += 1
            yield

    async def has_taken(count: int) -> bool:
        return taken >= count

    work = asyncio.create_task(Pace(0.9, haste=haste).through(counted()))
    await until(partial(has_taken, 5))
    haste.now()
    await asyncio.sleep(0.02)
    before = taken
    await asyncio.sleep(pace._MOMENT_S / 2)
    assert taken == before
    await until(partial(has_taken, before + 5))
    work.cancel()


async def test_haste_that_never_ends_holds_nothing_up_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One approval after the other must not keep prices old."""
    monkeypatch.setattr(pace, "_STILL_MAX_S", 0.05)
    haste = Haste()

    async def hurry() -> None:
        while True:
            haste.now()
            await asyncio.sleep(0.01)

    hurrying = asyncio.create_task(hurry())
    async with asyncio.timeout(20):
        assert await Pace(0.9, haste=haste).through(turns(5)) == 5
    hurrying.cancel()
