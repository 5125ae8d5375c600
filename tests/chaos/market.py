"""The market of a round: every trade goes a way of its own, and answers are remembered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from random import Random
from typing import Any, Final

from aiohttp import web

from bot.domain.market import OfferStatus
from bot.sandbox.skinsback import SkinsbackSandbox
from bot.sandbox.skinsback.answers import Answer, ApiError
from bot.sandbox.skinsback.ledger import Call, LedgerEntry, TradePath

_UNKNOWN: Final = "under_review"
"""A status that no document names."""


class Mood(StrEnum):
    """How the trades of a round go."""

    GOOD = auto()
    """All are accepted, and stay so."""
    MIXED = auto()
    FAILING = auto()
    """Most of them, and soon: there is something to try again."""


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer that arrived in full said about purchases: statuses by the market's ids."""

    at: float
    """When the call came in: nothing that it says is older."""
    method: str
    statuses: Mapping[int, str]


def draw_way(rng: Random, mood: Mood) -> TradePath:
    """Return how a trade goes on: in tenths of a second what takes minutes and days in life."""
    made, waits = round(rng.uniform(0.02, 0.3), 3), round(rng.uniform(0.2, 0.7), 3)
    waiting = (made, OfferStatus.WAITING_ACCEPT)
    accepted = (waiting, (waits, OfferStatus.ACCEPTED))
    ways: dict[str, TradePath] = {
        "accepted": accepted,
        "canceled": (waiting, (waits, OfferStatus.CANCELED)),
        "timeout": (waiting, (waits, OfferStatus.TIMEOUT)),
        "invalid_trade_token": ((made, OfferStatus.INVALID_TRADE_TOKEN),),
        "user_not_tradable": ((made, OfferStatus.USER_NOT_TRADABLE),),
        "trade_create_error": ((made, OfferStatus.TRADE_CREATE_ERROR),),
        "rollback_user": (*accepted, (waits, OfferStatus.ROLLBACK_USER)),
        "rollback_supplier": (*accepted, (waits, OfferStatus.ROLLBACK_SUPPLIER)),
        "unknown": ((made, _UNKNOWN), *accepted),
        "unknown_later": (waiting, (waits, _UNKNOWN), (made, OfferStatus.ACCEPTED)),
        "waits_again": (waiting, (waits, _UNKNOWN), *accepted),
        "waits_again_for_ever": (waiting, (waits, _UNKNOWN), waiting),
        "unknown_for_ever": ((made, _UNKNOWN),),
        "never_made": (),
        "never_over": (waiting,),
    }
    if mood is Mood.GOOD:
        return accepted
    if mood is Mood.FAILING and rng.random() < 0.7:
        return ways[rng.choice(_SOON_FAILED)]
    return accepted if rng.random() < 0.35 else ways[rng.choice(sorted(ways))]


_SOON_FAILED: Final = (
    "canceled",
    "timeout",
    "timeout",
    "invalid_trade_token",
    "user_not_tradable",
    "trade_create_error",
)


class ChaosMarket(SkinsbackSandbox):
    """The stand-in market with drawn trades, but for those that a scene has scripted.

    ``told``: every answer to ``market_getinfo`` that was sent whole, in order.
    """

    def __init__(self, *, seed_of_trades: str, mood: Mood, **named: Any) -> None:
        super().__init__(**named)
        self.told: list[Told] = []
        self._seed_of_trades = seed_of_trades
        self._mood = mood
        self._bought: Counter[str] = Counter()

    @property
    def moves(self) -> bool:
        """Whether any trade has still to go further."""
        return any(status is not None for _, _, _, status in self._due)

    def _path_of(self, entry: LedgerEntry) -> TradePath:
        if self._paths:
            return super()._path_of(entry)
        self._bought[entry.name] += 1
        nth = self._bought[entry.name]
        return draw_way(Random(f"{self._seed_of_trades}/trade {entry.name} {nth}"), self._mood)

    async def _answer(self, call: Call, outcome: Answer | ApiError) -> web.Response:
        if call.method == "market_getinfo" and isinstance(outcome, dict):
            items: Any = outcome.get("items", [outcome])
            said = {int(item["buy_id"]): str(item["offer_status"]) for item in items}
            self.told.append(Told(call.at, call.method, said))
        return await super()._answer(call, outcome)
