"""The stand-in's event socket: who listens, and how badly they are served.

Source: SkinsBack API documentation, "Events real-time"; what goes wrong is what lines do.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from contextlib import suppress
from enum import StrEnum, auto
from typing import Any, Final

from aiohttp import WSMsgType, web

from bot.sandbox.skinsback.answers import Answer
from bot.skinsback.protocol import encode

_HALF_A_FRAME: Final = b'\x81\x7e\x01\x00{"event":"status_change","data":{"buy'


class Greeting(StrEnum):
    """What a listener hears first."""

    BY_SIGNATURE = auto()
    """``auth_success`` or ``auth_failed``, as its signature deserves."""
    REFUSE = auto()
    SILENCE = auto()
    """Nothing: neither who it is nor any event."""
    CUT = auto()
    """The line breaks before the answer."""


class EventSockets:
    """Every listener of one market's events.

    Switches, which count at once: ``greeting``; ``silent``, for no answer to any ping;
    ``answers_ping``, without which only the protocol's own pings are answered (the vendor doesn't
    say that the text is); ``without_keys``, for events as they were before they named
    ``custom_id``. ``greeted`` counts the connections, ``pings`` the texts ``ping``.
    """

    def __init__(
        self, client_id: str, client_secret: str, listeners: set[asyncio.Queue[Answer]]
    ) -> None:
        self._client_id = client_id
        self._signature = socket_signature(client_id, client_secret)
        self._listeners = listeners
        self._open: dict[web.WebSocketResponse, asyncio.Transport | None] = {}
        self._flowing = asyncio.Event()
        self.greeted = 0
        self.pings = 0
        self.close_codes: list[int | None] = []
        self.start_over()

    def start_over(self) -> None:
        """Serve everybody well from here on."""
        self.greeting = Greeting.BY_SIGNATURE
        self.silent = False
        self.answers_ping = True
        self.without_keys = False
        self._flowing.set()

    def hold(self) -> None:
        """Keep events back until ``release``; who is cut off meanwhile never gets them."""
        self._flowing.clear()

    def release(self) -> None:
        """Send what was kept back, and go on."""
        self._flowing.set()

    async def say(self, text: str | bytes) -> None:
        """Send a text to every listener, whatever it is; as bytes it need not even be one."""
        data = text.encode() if isinstance(text, str) else text
        for socket in list(self._open):
            await socket.send_frame(data, WSMsgType.TEXT)

    async def drop(self) -> None:
        """Close every listener's socket; what happens until it is back is lost to it."""
        for socket in list(self._open):
            await socket.close()

    def cut(self, *, within_a_frame: bool = False) -> None:
        """Break every line without a word, or with half a word."""
        for transport in self._open.values():
            if transport is None:
                continue
            if within_a_frame:
                transport.write(_HALF_A_FRAME)
                transport.close()
            else:
                transport.abort()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one listener until it goes."""
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        self.greeted += 1
        greeting = self.greeting
        if greeting is Greeting.CUT and request.transport is not None:
            request.transport.abort()
            return socket
        if greeting is Greeting.REFUSE or not self._knows(request):
            await socket.send_str(encode({"event": "auth_failed"}))
            await socket.close()
            return socket
        events: asyncio.Queue[Answer] = asyncio.Queue()
        sending = asyncio.create_task(self._send(socket, events))
        self._open[socket] = request.transport
        try:
            if greeting is not Greeting.SILENCE:
                await socket.send_str(encode({"event": "auth_success"}))
                self._listeners.add(events)
            async for message in socket:
                await self._answer(socket, message.type, message.data)
        finally:
            self.close_codes.append(socket.close_code)
            del self._open[socket]
            self._listeners.discard(events)
            sending.cancel()
        return socket

    def _knows(self, request: web.Request) -> bool:
        return request.query.get("shopid") == self._client_id and hmac.compare_digest(
            request.query.get("signature", ""), self._signature
        )

    async def _answer(self, socket: web.WebSocketResponse, kind: WSMsgType, data: Any) -> None:
        """Answer a ping, of the protocol or the text."""
        self.pings += data == "ping"
        if self.silent:
            return
        with suppress(ConnectionError):
            if kind is WSMsgType.PING:
                await socket.pong(data)
            elif data == "ping" and self.answers_ping:
                await socket.send_str("pong")

    async def _send(self, socket: web.WebSocketResponse, events: asyncio.Queue[Answer]) -> None:
        with suppress(ConnectionError):
            while True:
                event = await events.get()
                await self._flowing.wait()
                data = event.get("data")
                if self.without_keys and isinstance(data, dict):
                    data = {name: value for name, value in data.items() if name != "custom_id"}
                    event = {**event, "data": data}
                await socket.send_str(encode(event))


def socket_signature(client_id: str, client_secret: str) -> str:
    """Return what a listener proves itself with. Source: Events real-time, websockets."""
    return hashlib.md5(f"{client_id}{client_secret}".encode(), usedforsecurity=False).hexdigest()
