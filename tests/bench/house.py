"""The bot's own services in this process, wired as in ``python -m bot``, but without Discord."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar, Final
from unittest.mock import patch

from discord import ui

from bot.__main__ import House, build, open_market, open_vault
from bot.config import Settings
from bot.domain.market import Quote
from bot.domain.models import Actor, MessageKind, OutboxRow, OutboxState, RequestView
from bot.domain.money import DOLLAR, Micros
from bot.services.baskets import Wish
from bot.services.ports import Posted, Subject
from bot.services.timing import Timing
from bot.skinsback.client import SkinsbackClient
from bot.skinsback.limiter import Limiter
from bot.store import settings as store_settings
from bot.store import vault as vaults
from bot.store.database import Database
from bot.ui.cards.classic import Classic
from bot.ui.posting import DiscordPoster

TOKEN: Final = "AbCd_-12"
_DEAREST: Final = Micros(40 * DOLLAR)
_FIRST_PARTNER: Final = 100_000
_EVERYTHING: Final = 1_000_000


class PosterThatDraws(DiscordPoster):
    """Draws every message as the bot does, and takes it for posted at once."""

    _posted = 0
    edits: ClassVar[Counter[int]] = Counter()
    """How often each message was drawn again, by its row."""

    results: asyncio.Queue[str] | None = None
    """The ids of the requests whose result was posted."""

    @property
    def ready(self) -> bool:
        """Discord is always there."""
        return True

    async def post(self, row: OutboxRow, subject: Subject) -> Posted:
        """Draw, and post nothing."""
        _as_sent(row, self._draw(row, subject))
        PosterThatDraws._posted += 1
        if row.kind is MessageKind.RESULT and self.results is not None and row.request_id:
            self.results.put_nowait(row.request_id)
        return Posted(row.target_id, PosterThatDraws._posted)

    async def edit(self, row: OutboxRow, subject: Subject) -> None:
        """Draw, and edit nothing."""
        _as_sent(row, self._draw(row, subject))
        PosterThatDraws.edits[row.outbox_id] += 1

    async def stands(self, row: OutboxRow) -> bool | None:
        """Nothing is ever deleted."""
        return True

    async def find(self, row: OutboxRow) -> Posted | None:
        """Nothing is ever uncertain."""
        return None

    async def is_member(self, guild_id: int, user_id: int) -> bool | None:
        """Everyone is there."""
        return True


def _as_sent(row: OutboxRow, drawn: ui.LayoutView | Classic) -> str:
    """Return a card as it would be sent: building that is part of drawing it."""
    view = drawn.view(row.mark) if isinstance(drawn, Classic) else drawn
    return json.dumps(view.to_components())


@dataclass(frozen=True, slots=True)
class Bench:
    """The services, and what is for sale."""

    house: House
    quotes: tuple[Quote, ...]


@asynccontextmanager
async def open_house(
    environment: Mapping[str, str], *, timing: Timing | None = None
) -> AsyncGenerator[Bench]:
    """Open the database and wire everything; nothing runs yet, but the prices are read.

    The books are compared with the market's history, without which nothing would be bought.
    """
    settings = Settings.from_mapping({"DISCORD_TOKEN": "none", "MARKET": "sandbox", **environment})
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(await Database.open(settings.database_path))
        vault = open_vault(settings)
        async with database.writing() as tx:
            await vaults.check(tx, vault)
        project = await open_market(settings, stack)
        market = await stack.enter_async_context(
            SkinsbackClient(
                url=project.url,
                client_id=project.client_id,
                client_secret=project.client_secret,
                limiter=Limiter(window_s=settings.skinsback_minute_s),
            )
        )
        with patch("bot.__main__.DiscordPoster", PosterThatDraws):
            house = build(
                settings, database, vault, market, project=project.client_id, timing=timing
            )
        await house.services.catalogue.refresh()
        await house.books.compare()
        yield Bench(house, house.services.catalogue.search("", ["cs2"], limit=_EVERYTHING).quotes)


async def set_up(
    database: Database, guild_id: int, *, approver_role: int, approvals: int, results: int
) -> None:
    """Make the server's choices: no time to take back, and the longest requests."""
    async with database.writing() as tx:
        await store_settings.set_place(tx, guild_id, "approver_role_id", approver_role)
        await store_settings.set_place(tx, guild_id, "approval_channel_id", approvals)
        await store_settings.set_place(tx, guild_id, "results_channel_id", results)
        await store_settings.set_numbers(
            tx, guild_id, {"undo_s": 0, "lines_max": 25, "open_requests_max": 1}
        )


async def submit_requests(
    bench: Bench,
    guild_id: int,
    user_ids: Sequence[int],
    *,
    quantities: Sequence[int],
    posting: bool,
) -> list[RequestView]:
    """Let each member send one request for skins that nobody else asks for.

    ``posting``: the outbox runs, so it is waited for as ever.
    """
    quotes = iter(
        quote for quote in bench.quotes if quote.price < _DEAREST and quote.count > max(quantities)
    )
    services = bench.house.services
    views = []
    for user_id in user_ids:
        actor = Actor(user_id=user_id, guild_id=guild_id)
        candidate_id, _ = await services.trade_urls.propose(
            actor,
            "https://steamcommunity.com/tradeoffer/new/"
            f"?partner={_FIRST_PARTNER + user_id % 10**9}&token={TOKEN}",
        )
        await services.trade_urls.confirm(actor, candidate_id)
        for quantity in quantities:
            await services.baskets.add(actor, Wish(next(quotes).market_hash_name, quantity))
        basket = await services.baskets.open(actor)
        views.append(await _submit(bench, actor, basket.revision, posting=posting))
    return views


async def _submit(bench: Bench, actor: Actor, revision: int, *, posting: bool) -> RequestView:
    requests = bench.house.services.requests
    if posting:
        return (await requests.submit(actor, revision)).view

    async def at_once(*_: object, **__: object) -> OutboxState | None:
        return None

    # Nothing is posted before the real bot starts, so nobody waits for it here.
    with patch.object(bench.house.announcements, "settled", at_once):
        return (await requests.submit(actor, revision)).view
