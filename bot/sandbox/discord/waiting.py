"""Waiting for things to happen, without polling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from bot.sandbox.discord.messages import Message

DEFAULT_TIMEOUT_S: Final = 10.0

Wanted: TypeAlias = "str | Callable[[Message], bool]"
"""What to wait for: a part of the text as a person reads it, or a condition."""


def condition(wanted: str | Callable[[Message], bool]) -> Callable[[Message], bool]:
    """Return the condition that ``wanted`` stands for."""
    if isinstance(wanted, str):
        return lambda message: wanted in message.text
    return wanted


class Changes:
    """Lets tests wait for a condition without polling.

    Whoever changes something calls ``announce``; every waiting condition is then looked at again.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    def announce(self) -> None:
        """Wake everyone whose condition holds now."""
        for holds, woken in self._waiting:
            if woken.done():
                continue
            try:
                if holds():
                    woken.set_result(None)
            except Exception as error:  # noqa: BLE001 - a condition's error belongs to who waits
                woken.set_exception(error)

    async def until(self, holds: Callable[[], bool], timeout: float) -> bool:
        """Wait until ``holds`` is true; return False when that took longer than ``timeout``."""
        if holds():
            return True
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (holds, woken)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(timeout):
                await woken
        except TimeoutError:
            return False
        finally:
            self._waiting.remove(entry)
        return True
