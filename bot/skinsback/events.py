"""The market's events over its WebSocket: hints, and never the truth.

What the socket tells may be late, doubled, out of order or lost, so a hint only says what is worth
asking about. Nothing that arrives ends the connection but its own end, a refusal and silence.

No log line and no exception of this module holds the socket's address: its query is as good as the
Client Secret, and aiohttp's exceptions carry it, so only the names of their types go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

import aiohttp

from bot.domain.market import Hint
from bot.skinsback import protocol

log = logging.getLogger(__name__)

_MESSAGE_BYTES: Final = 1024 * 1024  # a longer message ends the connection
_JITTER: Final = 0.25
_NAME_MAX: Final = 40  # characters of an event's name in the log
_ABOUT_A_PURCHASE: Final = frozenset({"buy_item", "status_change"})

_REFUSED: Final = (
    "The market's event socket refuses our Client ID or Secret; "
    "trades are followed by asking, more slowly."
)
_DOWN: Final = "The market's event socket is down (%s); trades are followed by asking, more slowly."

_Socket = aiohttp.ClientWebSocketResponse[bool]


class SocketState(StrEnum):
    """What the market says about the connection itself."""

    AUTHENTICATED = "auth_success"
    REFUSED = "auth_failed"


@dataclass(frozen=True, slots=True)
class EventTiming:
    """Durations in seconds. The defaults are the product's; tests bring shorter ones."""

    connect_s: float = 10
    auth_s: float = 10
    """From the connection to the market's word that it knows us."""

    ping_s: float = 30
    silence_s: float = 75
    """Nothing at all for so long is the end: at least two pings were not answered."""

    close_s: float = 1
    """For saying goodbye; who doesn't listen is left."""

    backoff_first_s: float = 1
    backoff_max_s: float = 60
    stable_s: float = 60
    """A connection that lived so long makes the next pause a short one again."""

    refused_s: float = 600
    """After our credentials were refused, which no haste mends."""


class _EndedError(Exception):
    """The connection is at its end. Its text is ours."""


class _RefusedError(Exception):
    """The market doesn't take our credentials."""


class MarketEvents:
    """Listens to one merchant project's events, for ever.

    ``url`` is the socket's address without a query. ``on_hint`` is called with every hint.
    ``on_up`` is called after every successful authentication: what happened before is lost, and
    has to be asked about. What they raise ends ``run``.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        rng: Random,
        *,
        on_hint: Callable[[Hint], None],
        on_up: Callable[[], None],
        timing: EventTiming | None = None,
    ) -> None:
        self._url = url
        self._parameters = protocol.socket_parameters(client_id, client_secret)
        self._rng = rng
        self._on_hint = on_hint
        self._on_up = on_up
        self._timing = timing or EventTiming()
        self._backoff_s = self._timing.backoff_first_s
        self._up_since: float | None = None
        self._told: set[str] = set()

    @property
    def up(self) -> bool:
        """Whether events reach us: the market knows us, and was heard of lately."""
        return self._up_since is not None

    async def run(self) -> None:
        """Listen until cancelled, and connect again whenever the connection ends."""
        async with aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), middlewares=(_once_and_here,)
        ) as session:
            while True:
                pause_s = await self._connection(session)
                await asyncio.sleep(pause_s)

    async def _connection(self, session: aiohttp.ClientSession) -> float:
        """Live through one connection and return how long to wait before the next."""
        try:
            await self._hear_out(session)
        except _RefusedError:
            self._tell(logging.ERROR, _REFUSED)
            return self._timing.refused_s * self._rng.uniform(1, 1 + _JITTER)
        except _EndedError as ended:
            reason = str(ended)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            reason = type(error).__name__.removeprefix("_")
        self._tell(logging.INFO, _DOWN, reason)
        pause_s = self._backoff_s * self._rng.uniform(1 - _JITTER, 1 + _JITTER)
        self._backoff_s = min(self._backoff_s * 2, self._timing.backoff_max_s)
        return pause_s

    def _tell(self, level: int, line: str, *details: str) -> None:
        """Log how things stand, each thing once until the socket is up again."""
        if line not in self._told:
            self._told.add(line)
            log.log(level, line, *details)

    async def _hear_out(self, session: aiohttp.ClientSession) -> None:
        """Connect and listen. Always ends with an exception."""
        async with asyncio.timeout(self._timing.connect_s):
            socket: _Socket = await session.ws_connect(
                self._url,
                params=self._parameters,
                autoping=False,  # a ping of theirs is a sign of life, which we want to see
                max_msg_size=_MESSAGE_BYTES,
                decode_text=False,  # a name that was cut within a character is no reason to part
            )
        pinging = asyncio.create_task(self._ping(socket))
        try:
            await self._listen(socket)
        finally:
            self._come_down()
            pinging.cancel()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._timing.close_s):
                    await socket.close()
            # If a ping couldn't be sent, the listening has noticed it, or the silence.
            await asyncio.gather(pinging, return_exceptions=True)

    async def _ping(self, socket: _Socket) -> None:
        """Say what the market wants to hear, and what every server has to answer, now and then."""
        while True:
            await asyncio.sleep(self._timing.ping_s)
            await socket.send_str("ping")
            await socket.ping()

    async def _listen(self, socket: _Socket) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timing.auth_s
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    text = await _next_text(socket)
            except TimeoutError:
                raise _EndedError("silence" if self.up else "no answer who we are") from None
            match parse_event(text):
                case Hint() as hint:
                    self._on_hint(hint)
                case SocketState.REFUSED:
                    raise _RefusedError
                case SocketState.AUTHENTICATED if not self.up:
                    self._come_up(loop.time())
            if self.up:
                deadline = loop.time() + self._timing.silence_s

    def _come_up(self, now: float) -> None:
        self._up_since = now
        self._told.clear()
        log.info("The market's event socket is up.")
        self._on_up()

    def _come_down(self) -> None:
        if self._up_since is not None:
            lived_s = asyncio.get_running_loop().time() - self._up_since
            if lived_s >= self._timing.stable_s:
                self._backoff_s = self._timing.backoff_first_s
        self._up_since = None


def parse_event(text: str) -> Hint | SocketState | None:
    """Return what a message of the socket means to us, which may be nothing. Never raises."""
    event = protocol.read_event(text)
    if event is None:
        return None
    if event.name in _ABOUT_A_PURCHASE:
        return protocol.read_hint(event.data)
    try:
        return SocketState(event.name)
    except ValueError:
        log.debug("An event that says nothing to us: %s", event.name[:_NAME_MAX])
        return None


async def _next_text(socket: _Socket) -> str:
    """Return what came next, empty for what is no text. Raises ``_EndedError``."""
    message = await socket.receive()
    match message.type:
        case aiohttp.WSMsgType.TEXT | aiohttp.WSMsgType.BINARY:
            data = message.data
            return data if isinstance(data, str) else data.decode(errors="replace")
        case aiohttp.WSMsgType.PING:
            await socket.pong(message.data)
            return ""
        case aiohttp.WSMsgType.PONG:
            return ""
    raise _EndedError(f"closed, code {socket.close_code}")


async def _once_and_here(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Ask once and nowhere else: aiohttp would repeat it at once, and follow a redirect anywhere.

    Raises ``_EndedError``.
    """
    try:
        response = await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _EndedError(type(error).__name__) from None
    if 300 <= response.status < 400:
        response.close()
        raise _EndedError(f"sent elsewhere, HTTP status {response.status}")
    return response
