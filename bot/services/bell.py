"""The rhythm of a worker: look for what is due, then wait for its time or for the bell."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress


async def work_at_the_bell(
    bell: asyncio.Event, start_what_is_due: Callable[[], Awaitable[float]]
) -> None:
    """Call ``start_what_is_due`` for ever; it returns for how many seconds there is nothing more.

    Ringing ``bell`` has it called at once; ringing it meanwhile is not lost.
    """
    while True:
        bell.clear()
        pause_s = await start_what_is_due()
        await heard(bell, pause_s)


async def heard(bell: asyncio.Event, timeout_s: float) -> bool:
    """Wait for the bell, at most so long; say whether it rang.

    Not ``asyncio.wait_for``: Python 3.11's swallows a cancellation that comes in the moment in
    which the bell rings, and then the worker never ends.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await bell.wait()
            return True
    return False
