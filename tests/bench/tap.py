"""A tap in the bot's line to Discord: ``python -m tests.bench.tap <port>``.

It passes every byte on and stamps the moment at which the first answer to an interaction arrives:
what the stand-in then does with it, on the same cores, is not the bot's.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from typing import Final, cast

from tests.bench.child import Child, answer

_FIRST_ANSWER: Final = re.compile(rb"POST /api/v10/interactions/([0-9]+)/")
_BACKLOG: Final = 2048


class TapProcess(Child):
    """A tap before ``port`` on this machine."""

    def __init__(self, port: int) -> None:
        super().__init__("tests.bench.tap", str(port))

    @property
    def port(self) -> int:
        """Where the bot is sent to."""
        return int(self.hello)

    async def answer_times(self) -> dict[int, float]:
        """Return when each interaction was first answered, by its id, in monotonic seconds."""
        return {int(each): at for each, at in dict(await self.ask()).items()}


class _There(asyncio.Protocol):
    """The connection to the stand-in that belongs to one of the bot's."""

    def __init__(self, here: _Here) -> None:
        self._here = here

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._here.attach(cast("asyncio.Transport", transport))

    def data_received(self, data: bytes) -> None:
        self._here.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._here.transport.close()


class _Here(asyncio.Protocol):
    """One connection of the bot."""

    transport: asyncio.Transport

    def __init__(self, port: int, seen: dict[int, float]) -> None:
        self._port = port
        self._seen = seen
        self._there: asyncio.Transport | None = None
        self._held = bytearray()
        self._connecting: asyncio.Task[object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        connect = asyncio.get_running_loop().create_connection(
            lambda: _There(self), "127.0.0.1", self._port
        )
        self._connecting = asyncio.create_task(connect)

    def attach(self, there: asyncio.Transport) -> None:
        """Pass on what came before the connection stood."""
        self._there = there
        there.write(bytes(self._held))

    def data_received(self, data: bytes) -> None:
        if found := _FIRST_ANSWER.match(data):
            self._seen.setdefault(int(found[1]), time.monotonic())
        if self._there is None:
            self._held += data
        else:
            self._there.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._there is not None:
            self._there.close()


async def _serve(port: int) -> None:
    seen: dict[int, float] = {}
    server = await asyncio.get_running_loop().create_server(
        lambda: _Here(port, seen), "127.0.0.1", 0, backlog=_BACKLOG
    )
    async with server:
        await answer(server.sockets[0].getsockname()[1], lambda: seen)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
