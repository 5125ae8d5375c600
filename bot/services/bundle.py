"""All use cases in one hand, for the commands."""

from __future__ import annotations

from dataclasses import dataclass

from bot.services.approvals import Approvals
from bot.services.asking import Asking
from bot.services.attention import Attention
from bot.services.baskets import Baskets
from bot.services.books import Books
from bot.services.browsing import Browsing
from bot.services.catalogue import Catalogue
from bot.services.guilds import Guilds
from bot.services.market_watch import MarketWatch
from bot.services.missed import Missed
from bot.services.money import Money
from bot.services.pasting import Pasting
from bot.services.pauses import Pauses
from bot.services.picking import Picking
from bot.services.repricing import Repricing
from bot.services.requests import Requests
from bot.services.trade_urls import TradeUrls


@dataclass(frozen=True, slots=True)
class Services:
    """What a cog may call."""

    approvals: Approvals
    asking: Asking
    attention: Attention
    baskets: Baskets
    books: Books
    browsing: Browsing
    catalogue: Catalogue
    guilds: Guilds
    missed: Missed
    money: Money
    pasting: Pasting
    pauses: Pauses
    picking: Picking
    repricing: Repricing
    requests: Requests
    trade_urls: TradeUrls
    watch: MarketWatch
