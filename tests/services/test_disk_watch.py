"""Little disk space stops buying before a full disk does, and says so once."""

from __future__ import annotations

import asyncio
import logging

import pytest

from bot.domain.models import WaitReason
from bot.services import disk_watch
from bot.services.disk_watch import ENOUGH_BYTES, LOW_BYTES, DiskWatch
from tests.services.house import ANA, House, until, working


class Probe:
    """Says how much is free, and counts how often it was asked."""

    def __init__(self, free: int | None) -> None:
        self.free = free
        self.asked = 0

    def __call__(self) -> int | None:
        """Return bytes."""
        self.asked += 1
        return self.free


async def test_disk_is_low_below_the_limit_until_there_is_clearly_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    probe = Probe(LOW_BYTES)
    watch = DiskWatch(probe, believed_s=0)
    caplog.set_level(logging.INFO)
    seen = []
    for free in (
        LOW_BYTES,
        LOW_BYTES - 1,
        0,
        LOW_BYTES,
        ENOUGH_BYTES - 1,
        ENOUGH_BYTES,
        LOW_BYTES,
        LOW_BYTES - 1,
    ):
        probe.free = free
        seen.append(await watch.is_low())
    assert seen == [False, True, True, True, True, False, False, True]
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO", "ERROR"]
    assert "nearly full (63 MiB free): nothing is bought until 80 MiB are" in caplog.messages[0]
    assert "has room again" in caplog.messages[1]


async def test_disk_of_which_nobody_knows_is_no_reason_to_wait() -> None:
    assert not await DiskWatch(Probe(None)).is_low()


async def test_disk_is_asked_seldom_however_often_somebody_wants_to_know() -> None:
    probe = Probe(0)
    watch = DiskWatch(probe, believed_s=0.2)
    assert all(await asyncio.gather(*(watch.is_low() for _ in range(50))))
    assert probe.asked == 1
    await asyncio.sleep(0.25)
    await watch.is_low()
    assert probe.asked == 2


async def test_disk_is_looked_at_while_nobody_asks(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(disk_watch, "_CHECK_S", 0.01)
    probe = Probe(0)

    async def asked() -> bool:
        return probe.asked >= 3

    async with working(DiskWatch(probe, believed_s=0).run()):
        await until(asked)
    assert len(caplog.records) == 1


async def test_request_when_the_disk_is_nearly_full_waits_and_is_bought_when_there_is_room(
    house: House,
) -> None:
    probe = Probe(LOW_BYTES - 1)
    house.disk = DiskWatch(probe, believed_s=0)
    view = await house.submit_approved(ANA)
    waiting = await house.buy_until(view, waiting=True)
    assert waiting.request.waits_for is WaitReason.DISK_FULL
    assert house.market.batch_calls == []
    assert not [call for call in house.market.calls if call.method == "balance"]
    probe.free = ENOUGH_BYTES
    house.clock.now += 31_000
    bought = await house.buy_until(view)
    assert bought.request.waits_for is None
    assert len(house.market.batch_calls) == 1
