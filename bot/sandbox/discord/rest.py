"""The REST side: reading requests, faults, checks, answers. ``routes_*`` say what routes do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from aiohttp import web

from bot.sandbox.discord.errors import ApiError, Code
from bot.sandbox.discord.faults import (
    Action,
    Delay,
    DelayAnswer,
    Drop,
    DropAfter,
    Faults,
    Hang,
    Limits,
    RateLimited,
    Refuse,
    Status,
    rate_limited_body,
)
from bot.sandbox.discord.posting import Draft, Upload

if TYPE_CHECKING:
    from bot.sandbox.discord.clock import Clock

API: Final = "/api/v10"
BODY_MAX: Final = 25 * 1024 * 1024
FOREVER_S: Final = 3600.0

Json = dict[str, Any]
Result = Json | list[Json] | None
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read: the ids of the path, the query, the JSON and the files."""

    ids: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    uploads: list[Upload]

    def id(self, name: str) -> int:
        """Return an id of the path."""
        text = self.ids[name]
        if not text.isdecimal():
            raise ApiError(400, Code.INVALID_FORM, errors={name: _not_a_snowflake(text)})
        return int(text)

    def draft(self, body: Json | None = None) -> Draft:
        """Return the message in this request (or in a part of it)."""
        return Draft(self.body if body is None else body, self.uploads)


def _not_a_snowflake(text: str) -> Json:
    detail = {"code": "NUMBER_TYPE_COERCE", "message": f'Value "{text}" is not snowflake.'}
    return {"_errors": [detail]}


@dataclass(frozen=True, slots=True)
class Route:
    """A method and path of the API, and what it does. ``created`` is the status of its success."""

    method: str
    path: str
    handle: Callable[[Call], Result]
    needs_token: bool = True
    created: int = 200


@dataclass(slots=True)
class Request:
    """One request as the bot made it, and how it was answered. Status 0: never answered."""

    method: str
    path: str
    json: Any
    at: float
    query: Mapping[str, str] = field(default_factory=dict)
    status: int = 0
    answer: Any = None


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that Discord would not take, or that its document does not allow."""

    where: str
    detail: str

    def __str__(self) -> str:
        return f"{self.where}: {self.detail}"


class Oracle(Protocol):
    """Whoever can tell whether requests and answers are as documented."""

    def check_request(
        self, method: str, path: str, query: Mapping[str, str], body: object
    ) -> list[str]:
        """Return what is wrong with a request."""

    def check_answer(self, method: str, path: str, status: int, body: object) -> list[str]:
        """Return what is wrong with an answer."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        """Return it for aiohttp. The content type has no charset: discord.py compares it whole."""
        if self.body is None:
            return web.Response(status=self.status, headers=self.headers)
        return web.Response(
            status=self.status,
            body=json.dumps(self.body).encode(),
            headers={**self.headers, "Content-Type": "application/json"},
        )


class Rest:
    """Serves the routes. Every request is logged; what breaks a rule is kept in ``violations``."""

    def __init__(self, clock: Clock, token: str, *, oracle: Oracle | None) -> None:
        self._clock = clock
        self._token = token
        self._oracle = oracle
        self.faults = Faults()
        self.limits = Limits(clock)
        self.requests: list[Request] = []
        self.violations: list[Violation] = []

    def install(self, router: web.UrlDispatcher, routes: list[Route]) -> None:
        """Add the routes, and the answer for every other path."""
        for route in routes:
            router.add_route(route.method, API + route.path, self._serve(route))
        router.add_route("*", API + "/{rest:.*}", self._unknown)

    def _serve(self, route: Route) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            path = request.path.removeprefix(API)
            body, uploads, readable = await _read(request)
            log = Request(request.method, path, body, self._clock.now(), dict(request.query))
            self.requests.append(log)
            action = self.faults.strike(request.method, path)
            answer = await self._before(action, request)
            if answer is None:
                call = Call(request.match_info, request.query, body, uploads)
                answer = self._answer(route, request, call, readable=readable)
                await self._after(action, request)
            log.status, log.answer = answer.status, answer.body
            return answer.response()

        return serve

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        body, _uploads, _readable = await _read(request)
        path = request.path.removeprefix(API)
        log = Request(request.method, path, body, self._clock.now(), dict(request.query), 404)
        self.requests.append(log)
        self.violations.append(Violation(f"{request.method} {path}", "no such route is played"))
        return _Answer(404, {"message": "404: Not Found", "code": 0}).response()

    def _answer(self, route: Route, request: web.Request, call: Call, *, readable: bool) -> _Answer:
        where = f"{route.method} {route.path}"
        if self._oracle is not None:
            wrong = self._oracle.check_request(route.method, route.path, call.query, call.body)
            self.violations += [Violation(where, detail) for detail in wrong]
        if readable:
            answer = self._handled(route, request, call)
        else:
            answer = self._refused(ApiError(400, Code.INVALID_JSON), where, {})
        if self._oracle is not None:
            wrong = self._oracle.check_answer(route.method, route.path, answer.status, answer.body)
            self.violations += [Violation(f"our answer to {where}", detail) for detail in wrong]
        return answer

    def _handled(self, route: Route, request: web.Request, call: Call) -> _Answer:
        if route.needs_token and request.headers.get("Authorization") != f"Bot {self._token}":
            return _Answer(401, {"message": "401: Unauthorized", "code": 0})
        headers: dict[str, str] = {}
        if "channel_id" in call.ids:
            allowance = self.limits.take(f"{route.method}:{call.ids['channel_id']}")
            if allowance is not None:
                headers = allowance.headers()
                if allowance.wait_s is not None:
                    return _rate_limited(allowance.wait_s, is_global=False, headers=headers)
        where = f"{route.method} {route.path}"
        try:
            result = route.handle(call)
        except ApiError as error:
            return self._refused(error, where, headers)
        except Exception as error:
            self.violations.append(Violation(f"the stand-in failed in {where}", repr(error)))
            raise
        return _Answer(204 if result is None else route.created, result, headers)

    def _refused(self, error: ApiError, where: str, headers: Mapping[str, str]) -> _Answer:
        if error.status == 400 and error.code in (
            Code.INVALID_FORM,
            Code.EMPTY_MESSAGE,
            Code.INVALID_JSON,
        ):
            self.violations.append(Violation(where, json.dumps(error.errors or str(error))))
        if error.retry_after is not None:
            headers = {**headers, **_rate_limit_headers(error.retry_after, is_global=False)}
        return _Answer(error.status, error.body(), headers)

    async def _before(self, action: Action | None, request: web.Request) -> _Answer | None:
        """Let a fault strike before the request is handled; return its answer if it has one."""
        match action:
            case Status(status):
                return _Answer(status)
            case RateLimited(retry_after, is_global):
                return _rate_limited(retry_after, is_global=is_global, headers={})
            case Refuse(status, code, message):
                return _Answer(status, {"message": message, "code": code})
            case Drop():
                _cut(request)
            case Delay(seconds):
                await asyncio.sleep(seconds)
            case Hang():
                await asyncio.sleep(FOREVER_S)
        return None

    async def _after(self, action: Action | None, request: web.Request) -> None:
        match action:
            case DropAfter():
                _cut(request)
            case DelayAnswer(seconds):
                await asyncio.sleep(seconds)


def _cut(request: web.Request) -> None:
    """Cut the connection; aiohttp takes the error for a client that went away."""
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionResetError("cut on purpose")


def _rate_limited(retry_after: float, *, is_global: bool, headers: Mapping[str, str]) -> _Answer:
    return _Answer(
        429,
        rate_limited_body(retry_after, is_global=is_global),
        {**headers, **_rate_limit_headers(retry_after, is_global=is_global)},
    )


def _rate_limit_headers(retry_after: float, *, is_global: bool) -> dict[str, str]:
    """Return the headers of a 429. Without ``Via`` a client takes it for a ban by Cloudflare."""
    headers = {"Via": "1.1 google", "Retry-After": f"{retry_after:.3f}"}
    return headers | ({"X-RateLimit-Global": "true"} if is_global else {})


async def _read(request: web.Request) -> tuple[Any, list[Upload], bool]:
    """Return the JSON, the files, and whether the JSON could be read."""
    uploads: list[Upload] = []
    if request.content_type == "multipart/form-data":
        text = await _read_parts(request, uploads)
    else:
        text = await request.text()
    if not text:
        return None, uploads, True
    try:
        return json.loads(text), uploads, True
    except ValueError:
        return None, uploads, False


async def _read_parts(request: web.Request, uploads: list[Upload]) -> str:
    text = ""
    form = await request.post()
    for name, value in form.items():
        if name == "payload_json" and isinstance(value, str):
            text = value
        elif isinstance(value, web.FileField):
            key = name.removeprefix("files[").removesuffix("]")
            data = value.file.read()
            uploads.append(Upload(key, value.filename, value.content_type, data))
    return text
