"""The bot as a process that was forked off one that has imported it: a start costs no imports."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from bot.sandbox.process import BotProcess
from tests.chaos.zygote import Bot, Order, Zygote

REAL_BOT: Final = "tests.e2e.bot"
_STOP_S: Final = 30.0


class ForkedBot(BotProcess):
    """``python -m bot run`` as it is after its imports."""

    def __init__(self, zygote: Zygote, settings: Mapping[str, str], *, log_path: Path) -> None:
        super().__init__(settings, log_path=log_path)
        self._zygote = zygote
        self._bot: Bot | None = None

    async def start(self) -> Self:
        """Fork the process off."""
        self.log_path.touch()
        self._bot = self._zygote.start(Order(self.environment, str(self.log_path)))
        return self

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._bot is not None and self._bot.running

    async def ended(self, timeout_s: float = _STOP_S) -> int:
        """Wait for the process's end and return its exit code. Raises ``TimeoutError``."""
        if self._bot is None:
            raise RuntimeError("the bot was never started")
        return await self._bot.wait(timeout_s)

    def _signal(self, number: signal.Signals) -> None:
        if self._bot is not None:
            self._bot.kill(number)
