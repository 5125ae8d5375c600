"""A stop waits for what is on the wire, within its bound; what it cuts is unknown afterwards."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.domain.models import RequestView
from bot.domain.states import AttemptState, LineState, RequestState
from bot.sandbox.skinsback import Fault
from tests.services.house import ANA, BEA, House, until


def attempts(view: RequestView) -> list[AttemptState]:
    """Return where the attempts of a request stand."""
    return [attempt.state for line in view.lines for attempt in line.attempts]


async def stop_after(work: asyncio.Task[None]) -> float:
    """Stop a worker and return how many seconds that took."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    return loop.time() - started


async def test_stop_when_the_market_hangs_is_over_at_the_bound_and_the_next_start_knows_nothing(
    house: House,
) -> None:
    view = await house.submit_approved(ANA, ("AK-47 | Redline (Field-Tested)", 2))
    house.market.break_next("market_batch_buy", Fault.HANG, carried_out=True, hang_s=60)
    work = asyncio.create_task(house.worker(shutdown_s=0.3).run())
    house.approved.set()

    async def called() -> bool:
        return len(house.market.batch_calls) == 1

    await until(called)
    assert 0.25 <= await stop_after(work) < 2
    assert attempts(await house.view(view)) == [AttemptState.SENT, AttemptState.SENT]
    await house.worker().recover()
    now = await house.view(view)
    assert {line.state for line in now.lines} == {LineState.UNKNOWN}
    assert now.request.state is RequestState.BUYING
    assert len(house.market.batch_calls) == 1


async def test_stop_when_the_market_answers_within_the_bound_keeps_the_answer_and_claims_no_more(
    house: House,
) -> None:
    view = await house.submit_approved(ANA)
    other = await house.submit(BEA)
    house.market.profile = replace(house.market.profile, line_delay_s=0.4)
    work = asyncio.create_task(house.worker(shutdown_s=5).run())
    house.approved.set()

    async def called() -> bool:
        return len(house.market.batch_calls) == 1

    await until(called)
    stopping = asyncio.create_task(stop_after(work))
    await house.approve(other)
    assert await stopping < 2
    assert attempts(await house.view(view)) == [AttemptState.PURCHASED]
    assert (await house.view(other)).request.state is RequestState.APPROVED
    assert len(house.market.batch_calls) == 1
