"""The rhythm of a worker: it hears every ring, and it can always be stopped."""

from __future__ import annotations

import asyncio

import pytest

from bot.services.bell import heard, work_at_the_bell
from tests.services.house import until


async def test_bell_that_rings_is_heard_and_one_that_doesnt_is_not() -> None:
    bell = asyncio.Event()
    assert not await heard(bell, 0.001)
    bell.set()
    assert await heard(bell, 5)


async def test_ring_while_the_worker_works_is_not_lost() -> None:
    bell, rounds = asyncio.Event(), 0

    async def look() -> float:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            bell.set()
        return 60

    worker = asyncio.create_task(work_at_the_bell(bell, look))
    await asyncio.sleep(0.01)
    assert rounds == 2
    worker.cancel()
    await asyncio.wait([worker])


@pytest.mark.parametrize("steps", range(6))
async def test_worker_that_is_stopped_in_the_moment_of_a_ring_stops(steps: int) -> None:
    """Nobody cancels it a second time: the whole bot would wait for it."""
    bell = asyncio.Event()

    async def look() -> float:
        return 60

    worker = asyncio.create_task(work_at_the_bell(bell, look))
    await asyncio.sleep(0.001)
    bell.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    worker.cancel()
    done, _ = await asyncio.wait([worker], timeout=1)
    assert done


async def test_worker_looks_again_when_it_is_time() -> None:
    bell, rounds = asyncio.Event(), 0

    async def look() -> float:
        nonlocal rounds
        rounds += 1
        return 0.001 if rounds < 4 else 60

    worker = asyncio.create_task(work_at_the_bell(bell, look))

    async def often() -> bool:
        return rounds == 4

    await until(often)
    worker.cancel()
    await asyncio.wait([worker])


async def test_worker_whose_look_fails_ends_with_that() -> None:
    async def look() -> float:
        raise KeyError

    with pytest.raises(KeyError):
        await work_at_the_bell(asyncio.Event(), look)
