"""The sandbox's market in a process of its own: ``python -m tests.bench.market <names> <more>``.

It answers at once, and tells when which purchase keys arrived. Its clock is ``time.time``, as is
that of whoever compares: one machine, one clock.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from bot.domain.money import DOLLAR, Micros
from bot.sandbox.skinsback import SkinsbackSandbox
from tests.bench.child import Child, answer


class MarketProcess(Child):
    """A market with ``names`` names, enough money and no limit on calls.

    ``more``: how many names the other games have.
    """

    def __init__(self, names: int, more: Mapping[str, int] = MappingProxyType({})) -> None:
        super().__init__("tests.bench.market", str(names), json.dumps(dict(more)))

    @property
    def environment(self) -> dict[str, str]:
        """The settings that lead the bot there."""
        return dict(self.hello)

    async def wire_times(self) -> dict[str, float]:
        """Return when each purchase key arrived in a batch buy, by key."""
        return dict(await self.ask())


async def _serve(names: int, more: Mapping[str, int]) -> None:
    async with SkinsbackSandbox(
        size=names,
        more=more,
        balance=Micros(10_000_000 * DOLLAR),
        calls_per_minute=10**9,
        minute_s=0.01,
    ) as market:
        await answer(market.environment(), lambda: _keys(market))


def _keys(market: SkinsbackSandbox) -> dict[str, float]:
    found: dict[str, float] = {}
    for call in market.batch_calls:
        items: Any = call.parameters.get("items")
        for item in items:
            found.setdefault(str(item["custom_id"]), call.at)
    return found


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), json.loads(sys.argv[2])))
