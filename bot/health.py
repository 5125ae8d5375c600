"""A health check for the container: is the bot connected, and can it read its database?"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from bot.errors import StartupError

HealthCheck = Callable[[], Awaitable[str | None]]
"""Returns what is wrong, in a few words, or None."""


@asynccontextmanager
async def health_server(port: int, check: HealthCheck) -> AsyncGenerator[None]:
    """Answer ``GET /healthz`` with 200 or 503 while the context lasts."""

    async def answer(_: web.Request) -> web.Response:
        wrong = await check()
        return web.Response(text=wrong or "ok", status=503 if wrong else 200)

    server = web.Application()
    server.router.add_get("/healthz", answer)
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    try:
        # All addresses, because the container's own health check is not the only one to ask.
        try:
            await web.TCPSite(runner, "0.0.0.0", port).start()  # noqa: S104
        except OSError as error:
            raise StartupError(
                f"HEALTH_PORT {port} can't be used: {error.strerror}. Set another one, or none."
            ) from None
        yield
    finally:
        await runner.cleanup()
