"""The stand-in market over HTTP and WebSocket, with faults on the way.

Source: SkinsBack API documentation, "General Information" and "Events real-time".
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from aiohttp import web

from bot.domain.money import Micros
from bot.sandbox.skinsback.answers import Answer, ApiError, Parameters
from bot.sandbox.skinsback.faults import LINE_FAULTS, Fault, FaultQueue, Scripted
from bot.sandbox.skinsback.forms import read_parameters
from bot.sandbox.skinsback.ledger import Call
from bot.sandbox.skinsback.market import START_BALANCE, Market
from bot.sandbox.skinsback.profile import Profile
from bot.sandbox.skinsback.sockets import EventSockets
from bot.skinsback.protocol import Json, encode
from bot.skinsback.refusals import RULES

_CALLS_KEPT: Final = 10_000
_TICK_S: Final = 0.2
_BODY_MAX: Final = 1024 * 1024
_HTML: Final = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_CURRENCIES: Final = (("usd", "US dollar", "1"), ("eur", "Euro", "0.86"), ("rub", "Ruble", "79.1"))

T = TypeVar("T")

_MARKET_METHODS: Final = frozenset(
    {
        "market_batch_buy",
        "market_buy",
        "market_getinfo",
        "market_history",
        "market_search",
        "market_pricelist",
    }
)


class SkinsbackSandbox(Market):
    """A market on 127.0.0.1, as an async context manager.

    Switches: ``shop_active``, ``market_open``, ``ip_allowed``, ``under_maintenance``, and
    ``calls_per_minute``, above which calls are refused with -7. ``minute_s`` is how long that
    minute lasts, which the bot is told too. ``clock_skew_s`` is added to the ``Date`` of every
    answer. ``sockets`` are those that listen to events. ``kept_in``: the file that the books
    outlive a restart in.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        client_id: str = "1001",
        client_secret: str = "sandbox-secret",  # noqa: S107 - it guards nothing
        seed: int = 1,
        size: int = 4_000,
        more: Mapping[str, int] | None = None,
        balance: Micros = START_BALANCE,
        profile: Profile | None = None,
        clock: Callable[[], float] = time.time,
        history_page: int = 1_000,
        calls_per_minute: int = 500,
        kept_in: Path | None = None,
        minute_s: float = 60,
    ) -> None:
        super().__init__(
            seed=seed,
            size=size,
            more=more,
            balance=balance,
            profile=profile,
            clock=clock,
            history_page=history_page,
        )
        self._kept_in = kept_in
        self.shop_active = True
        self.market_open = True
        self.ip_allowed = True
        self.under_maintenance = False
        self.calls_per_minute = calls_per_minute
        self.clock_skew_s = 0.0
        self._minute_s = minute_s
        self.calls: deque[Call] = deque(maxlen=_CALLS_KEPT)
        self._port = port
        self._client_id = client_id
        self._client_secret = client_secret
        self._faults = FaultQueue()
        self._arrivals: deque[float] = deque()
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.sockets = EventSockets(client_id, client_secret, self.listeners)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        if self._kept_in is not None:
            self.restore(self._kept_in)
        app = web.Application(client_max_size=_BODY_MAX)
        app.on_response_prepare.append(self._tell_the_time)
        app.router.add_route("*", "/api.php", self._handle)
        app.router.add_get("/ws/", self.sockets.serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self._keep(asyncio.create_task(self._keep_time()))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._keep_books()
        self.sockets.cut()
        if self._runner is not None:
            await self._runner.cleanup()

    def environment(self) -> dict[str, str]:
        """Return the settings that point the bot at this market."""
        return {
            "SKINSBACK_API_URL": f"http://127.0.0.1:{self._port}/api.php",
            "SKINSBACK_WS_URL": f"ws://127.0.0.1:{self._port}/ws/",
            "SKINSBACK_CLIENT_ID": self._client_id,
            "SKINSBACK_CLIENT_SECRET": self._client_secret,
            "SKINSBACK_MINUTE_S": f"{self._minute_s:g}",
        }

    @property
    def batch_calls(self) -> list[Call]:
        """Every market_batch_buy that arrived, whatever became of it."""
        return [call for call in self.calls if call.method == "market_batch_buy"]

    def refuse(self, method: str, code: int, message: str = "", times: int = 1) -> None:
        """Answer the next calls of ``method`` with an error code and do nothing."""
        text = message or (RULES[code].name if code in RULES else "")
        self._faults.add(method, Scripted(Fault.REFUSE, code=code, message=text), times)

    def break_next(
        self,
        method: str,
        fault: Fault,
        *,
        carried_out: bool = True,
        times: int = 1,
        line: int = 0,
        hang_s: float = 3600,
    ) -> None:
        """Let the next ``times`` calls of ``method`` go wrong.

        ``carried_out``: what was asked (for a fault of a line: that line) happens all the same.
        """
        self._faults.add(method, Scripted(fault, carried_out, line, hang_s), times)

    def mend(self) -> None:
        """Forget all scripted faults."""
        self._faults.clear()

    def start_over(self) -> None:
        """Be as at first, but for what was bought and what was called."""
        super().start_over()
        self.mend()
        self.shop_active = self.market_open = self.ip_allowed = True
        self.under_maintenance = False
        self.sockets.start_over()
        self._arrivals.clear()

    # HTTP

    async def _tell_the_time(self, _: web.Request, response: web.StreamResponse) -> None:
        if self.clock_skew_s:
            response.headers["Date"] = formatdate(time.time() + self.clock_skew_s, usegmt=True)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        parameters = read_parameters(await request.read())
        method = str(parameters.get("method", ""))
        call = Call(
            method,
            self.now(),
            {name: value for name, value in parameters.items() if name != "sign"},
            {name: text for name, text in request.headers.items() if "SECRET" not in name.upper()},
        )
        self.calls.append(call)
        self.tick()
        scripted = self._faults.take(method)
        on_the_way = scripted is not None and scripted.fault not in LINE_FAULTS
        if scripted is not None and on_the_way:
            if scripted.fault is Fault.REFUSE:
                return await self._answer(call, ApiError(scripted.code, scripted.message))
            call.outcome = scripted.fault.value
            if not scripted.carried_out:
                return await self._break(request, scripted, b"")
        # aiohttp lets a handler run on when its caller hangs up; so does a real market.
        outcome = await self._carry_out(request, parameters, scripted)
        self._keep_books()
        if scripted is not None and on_the_way:
            return await self._break(request, scripted, encode(_document(outcome)).encode())
        return await self._answer(call, outcome)

    async def _carry_out(
        self, request: web.Request, parameters: Parameters, scripted: Scripted | None
    ) -> Answer | ApiError:
        try:
            self._admit(request, parameters)
            return await self._call(parameters, scripted)
        except ApiError as error:
            return error

    def _admit(self, request: web.Request, parameters: Parameters) -> None:
        """Raise the errors that every method can give."""
        if request.method != "POST":
            raise ApiError(-1)
        if not self.ip_allowed:
            raise ApiError(-8)
        if self.under_maintenance:
            raise ApiError(-9)
        self._authenticate(request, parameters)
        self._count_call()
        if not self.shop_active:
            raise ApiError(-4)
        if parameters.get("method") in _MARKET_METHODS and not self.market_open:
            raise ApiError(-6)

    def _authenticate(self, request: web.Request, parameters: Parameters) -> None:
        named = request.headers.get("X-CLIENT-ID")
        if named is None:
            if str(parameters.get("shopid")) != self._client_id:
                raise ApiError(-2)
            expected = sign(parameters, self._client_secret)
            if not hmac.compare_digest(expected, str(parameters.get("sign"))):
                raise ApiError(-3)
        elif named != self._client_id:
            raise ApiError(-2)
        elif request.headers.get("X-CLIENT-SECRET") != self._client_secret:
            raise ApiError(-10)

    def _count_call(self) -> None:
        now = self.now()
        while self._arrivals and self._arrivals[0] <= now - self._minute_s:
            self._arrivals.popleft()
        self._arrivals.append(now)
        if len(self._arrivals) > self.calls_per_minute:
            raise ApiError(-7)

    async def _call(self, parameters: Parameters, scripted: Scripted | None) -> Answer:
        if parameters.get("method") == "market_batch_buy":
            return await self.batch_buy(parameters, scripted)
        if parameters.get("method") == "market_buy":
            return await self.buy(parameters)
        methods: dict[object, Callable[[Parameters], Answer]] = {
            "market_getinfo": self.getinfo,
            "market_history": self.history,
            "market_search": self.stock.search,
            "market_pricelist": lambda asked: self.stock.pricelist(asked, self.now()),
            "balance": lambda _: self.balances(),
            "status": lambda _: self._status(),
            "currencies": lambda _: _currencies(),
        }
        method = methods.get(parameters.get("method"))
        if method is None:
            raise ApiError(-5)
        return method(parameters)

    def _status(self) -> Answer:
        return (
            {"available": True} if self.market_open else {"available": False, "reason": "no_bots"}
        )

    async def _answer(self, call: Call, outcome: Answer | ApiError) -> web.Response:
        call.outcome = "success" if isinstance(outcome, dict) else f"error {outcome.code}"
        answer = _document(outcome)
        if self.profile.numbers_as_strings:
            answer = {name: _stringly(value) for name, value in answer.items()}
        # The bot may run in this very process, and a price list is long.
        text = (
            await asyncio.to_thread(encode, answer) if "last_update" in answer else encode(answer)
        )
        return web.Response(body=text.encode(), content_type="application/json")

    async def _break(
        self, request: web.Request, scripted: Scripted, body: bytes
    ) -> web.StreamResponse:
        """Answer as a broken line or a broken server would."""
        if scripted.fault is Fault.HTML_502:
            return web.Response(status=502, text=_HTML, content_type="text/html")
        if scripted.fault is Fault.REDIRECT:
            return web.Response(status=307, headers={"Location": str(request.url)})
        if scripted.fault is Fault.HANG:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), scripted.hang_s)
        if scripted.fault is Fault.CUT_BODY:
            response = web.StreamResponse(headers={"Content-Length": str(len(body) + 1)})
            await response.prepare(request)
            await response.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    # WebSocket

    async def drop_sockets(self) -> None:
        """Close every listener's socket; see ``sockets`` for other ways to die."""
        await self.sockets.drop()

    # Tasks

    def _keep(self, task: asyncio.Task[T]) -> asyncio.Task[T]:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self.tick()
            self._keep_books()

    def _keep_books(self) -> None:
        """Write the books before anybody is told: they are small, and this is no real market."""
        if self._kept_in is not None:
            self.save(self._kept_in)


def sign(parameters: Parameters, client_secret: str) -> str:
    """Return the older signature: over every scalar parameter, by name. Source: seen in clients."""
    text = "".join(
        f"{name}:{value};"
        for name, value in sorted(parameters.items())
        if name != "sign" and not isinstance(value, dict | list)
    )
    return hmac.new(client_secret.encode(), text.encode(), hashlib.sha1).hexdigest()


def _document(outcome: Answer | ApiError) -> Answer:
    if isinstance(outcome, ApiError):
        return {
            "status": "error",
            "error_code": outcome.code,
            "error_message": outcome.message,
        }
    return {"status": "success", **outcome}


def _stringly(value: Json) -> Json:
    """Return ``value`` with every number as a string, as the market answers now and then."""
    if isinstance(value, dict):
        return {name: _stringly(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_stringly(each) for each in value]
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return encode(value)
    return value


def _currencies() -> Answer:
    return {
        "items": [
            {"code": code, "name": name, "rate": Decimal(rate)} for code, name, rate in _CURRENCIES
        ]
    }
