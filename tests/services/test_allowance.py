"""A few at once, then one in each gap, whatever the hurry."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from bot.services.allowance import Allowance


class Ticks:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_few_at_once_and_then_one_in_each_gap() -> None:
    ticks = Ticks()
    allowance = Allowance(3, 10.0, monotonic=ticks)
    for _ in range(3):
        assert allowance.ahead_s() == 0
        await allowance.take()
    assert allowance.ahead_s() == 10
    ticks.now += 10
    assert allowance.ahead_s() == 0
    await allowance.take()
    assert allowance.ahead_s() == 10


async def test_a_long_rest_saves_no_more_than_a_few() -> None:
    ticks = Ticks()
    allowance = Allowance(3, 10.0, monotonic=ticks)
    ticks.now += 10_000
    taken = 0
    while allowance.ahead_s() == 0:
        await allowance.take()
        taken += 1
    assert taken == 3


async def test_in_the_long_run_it_is_one_in_each_gap() -> None:
    ticks = Ticks()
    allowance = Allowance(3, 10.0, monotonic=ticks)
    times: list[float] = []
    while ticks.now < 1_100:
        if allowance.ahead_s() == 0:
            await allowance.take()
            times.append(ticks.now)
        ticks.now += 0.25
    assert len(times) <= 3 + 100
    assert all(later - earlier >= 10 for earlier, later in pairwise(times[3:]))


async def test_it_really_waits() -> None:
    allowance = Allowance(1, 0.02)
    await allowance.take()
    waiting = asyncio.create_task(allowance.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    await waiting
