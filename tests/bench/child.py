"""A process of our own beside the bench, which is asked one line and answers one line of JSON.

What stands in for the market and what stamps the bot's answers run apart, so that they neither
wait for the bench's event loop nor hold it up.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

ROOT: Final = Path(__file__).resolve().parent.parent.parent
_LINE_MAX: Final = 64 * 1024 * 1024
_ANSWER_S: Final = 60.0


class Child:
    """``python -m <module>``, as an async context manager; ``hello`` is its first answer."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self._process: Process | None = None
        self.hello: Any = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=PIPE,
            stdout=PIPE,
            limit=_LINE_MAX,
        )
        self.hello = await self._read()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def ask(self) -> Any:
        """Ask for what it has seen so far."""
        if self._process is None or self._process.stdin is None:
            raise RuntimeError("the process was never started")
        self._process.stdin.write(b"\n")
        return await self._read()

    async def _read(self) -> Any:
        if self._process is None or self._process.stdout is None:
            raise RuntimeError("the process was never started")
        async with asyncio.timeout(_ANSWER_S):
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(self._command)} has ended")
        return json.loads(line)


async def answer(hello: Any, seen: Callable[[], Any]) -> None:
    """Say hello, then answer every line with what was seen, until there are no more lines."""
    print(json.dumps(hello), flush=True)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    while await lines.readline():
        print(json.dumps(seen()), flush=True)
