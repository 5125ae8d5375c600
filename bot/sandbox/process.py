"""The real bot as a process of its own, for the demo and the end-to-end tests."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

_STOP_S: Final = 30.0
_INHERITED: Final = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")


class BotProcess:
    """``python -m bot`` with settings of ours only, its log in a file.

    ``program``: another module that runs the bot, with something about it changed.
    """

    def __init__(
        self, settings: Mapping[str, str], *, log_path: Path, program: str = "bot"
    ) -> None:
        self._settings = dict(settings)
        self._program = program
        self.log_path = log_path
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> Self:
        """Start the process; the sandbox tells when it is connected."""
        # An empty folder, so that no .env of the person at this machine is read.
        folder = self.log_path.parent
        with self.log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._program,
                env=self.environment,
                cwd=folder,
                stdout=log,
                stderr=log,
                stdin=asyncio.subprocess.DEVNULL,
            )
        return self

    @property
    def environment(self) -> dict[str, str]:
        """All that the process has in its environment."""
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        return {**inherited, "PYTHONPATH": str(_root()), **self._settings}

    @property
    def pid(self) -> int | None:
        """The process's number, once it was started."""
        return None if self._process is None else self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    async def ended(self, timeout_s: float = _STOP_S) -> int:
        """Wait for the process's end and return its exit code. Raises ``TimeoutError``."""
        if self._process is None:
            raise RuntimeError("the bot was never started")
        return await asyncio.wait_for(self._process.wait(), timeout_s)

    async def stop(self) -> int:
        """Ask it to stop (SIGTERM) and return the exit code."""
        self._signal(signal.SIGTERM)
        return await self.ended()

    async def kill(self) -> None:
        """End it at once (SIGKILL), as a crash would."""
        self._signal(signal.SIGKILL)
        await self.ended()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    def log(self) -> str:
        """Return everything it has logged."""
        return self.log_path.read_text(encoding="utf-8")


def _root() -> Path:
    return Path(__file__).resolve().parent.parent.parent
