"""A market with a clock of its own, and a caller that speaks to it without our client."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from bot.sandbox.skinsback import SkinsbackSandbox

START = 1_748_862_060.0
REDLINE = "AK-47 | Redline (Field-Tested)"

Post = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def market() -> AsyncIterator[SkinsbackSandbox]:
    async with SkinsbackSandbox(size=0, clock=lambda: START) as market:
        yield market


@pytest.fixture
async def post(market: SkinsbackSandbox) -> AsyncIterator[Post]:
    """Make one call and return its answer; ``headers`` and ``data`` replace ours."""
    settings = market.environment()
    authentication = {
        "X-CLIENT-ID": settings["SKINSBACK_CLIENT_ID"],
        "X-CLIENT-SECRET": settings["SKINSBACK_CLIENT_SECRET"],
    }

    async with aiohttp.ClientSession() as session:

        async def post(
            method: str,
            *,
            headers: dict[str, str] | None = None,
            data: Any = None,
            http: str = "POST",
            **parameters: Any,
        ) -> dict[str, Any]:
            async with session.request(
                http,
                settings["SKINSBACK_API_URL"],
                data=data or json.dumps({"method": method, **parameters}),
                headers=authentication if headers is None else headers,
            ) as response:
                assert response.status == 200
                answer = json.loads(await response.read(), parse_float=Decimal)
                assert isinstance(answer, dict)
                return answer

        yield post


@pytest.fixture
def buy(market: SkinsbackSandbox, post: Post) -> Post:
    """Buy listings of the Redline by place (cheapest first) under the given keys."""

    async def buy(*keys: str, places: list[int] | None = None, **changes: Any) -> dict[str, Any]:
        listings = market.listings(REDLINE)
        items = [
            {"id": listings[place].listing_id, "max_price": 20.5, "custom_id": key}
            for place, key in zip(places or range(len(keys)), keys, strict=True)
        ]
        parameters = {"partner": "42", "token": "Tok-en_1", "items": items, **changes}
        return await post("market_batch_buy", **parameters)

    return buy
