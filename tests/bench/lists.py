"""Price lists, made once, by a process of their own: ``python -m tests.bench.lists <names>``.

Making them anew for every call would take a processor that is shared with what is measured.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from functools import partial

from aiohttp import web

from bot.domain.market import APP_IDS
from bot.sandbox.skinsback.stock import Stock
from bot.skinsback.protocol import encode
from tests.bench.child import Child, answer


class ListsProcess(Child):
    """A market that has nothing but price lists, with so many names of each game."""

    def __init__(self, names: Mapping[str, int]) -> None:
        super().__init__("tests.bench.lists", json.dumps(dict(names)))

    @property
    def url(self) -> str:
        """Where they are."""
        return str(self.hello)


async def _serve(names: Mapping[str, int]) -> None:
    stock = Stock(1, names["cs2"], names)
    lists = {
        game: encode({"status": "success", **stock.pricelist({"game": game}, 1)}).encode()
        for game in APP_IDS
    }
    app = web.Application()
    app.router.add_post("/api.php", partial(_answer, lists))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await answer(f"http://127.0.0.1:{runner.addresses[0][1]}/api.php", lambda: None)
    await runner.cleanup()


async def _answer(lists: Mapping[str, bytes], request: web.Request) -> web.Response:
    asked = await request.json()
    return web.Response(body=lists[asked["game"]], content_type="application/json")


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
