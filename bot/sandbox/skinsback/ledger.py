"""The stand-in's books: what was bought under which key, and how its trade goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from bot.domain.market import OfferStatus
from bot.domain.money import Micros

STEAM_ID_BASE: Final = 76561197960265728
"""SteamID64 is this plus the account id."""

_DAY: Final = 86_400.0

FAILED: Final = frozenset(OfferStatus) - {
    OfferStatus.CREATING_TRADE,
    OfferStatus.WAITING_ACCEPT,
    OfferStatus.ACCEPTED,
}
"""Statuses after which the member doesn't have the skin."""

TradePath = tuple[tuple[float, str], ...]
"""Statuses to come, each with the seconds after the one before; also such as nobody knows."""

_CREATED: Final = (3.0, OfferStatus.WAITING_ACCEPT)
_ACCEPTED: Final = (_CREATED, (20.0, OfferStatus.ACCEPTED))

PATHS: Final[dict[OfferStatus, TradePath]] = {
    OfferStatus.CREATING_TRADE: (),
    OfferStatus.WAITING_ACCEPT: (_CREATED,),
    OfferStatus.ACCEPTED: _ACCEPTED,
    OfferStatus.CANCELED: (_CREATED, (30.0, OfferStatus.CANCELED)),
    OfferStatus.TIMEOUT: (_CREATED, (600.0, OfferStatus.TIMEOUT)),
    OfferStatus.INVALID_TRADE_TOKEN: ((3.0, OfferStatus.INVALID_TRADE_TOKEN),),
    OfferStatus.USER_NOT_TRADABLE: ((3.0, OfferStatus.USER_NOT_TRADABLE),),
    OfferStatus.TRADE_CREATE_ERROR: ((5.0, OfferStatus.TRADE_CREATE_ERROR),),
    OfferStatus.ROLLBACK_USER: (*_ACCEPTED, (2 * _DAY, OfferStatus.ROLLBACK_USER)),
    OfferStatus.ROLLBACK_SUPPLIER: (*_ACCEPTED, (3 * _DAY, OfferStatus.ROLLBACK_SUPPLIER)),
}
"""How a trade gets to each status."""


@dataclass(slots=True)
class LedgerEntry:
    """One purchase that the stand-in made. Times are unix seconds of its own clock."""

    buy_id: int
    key: str | None
    listing_id: int
    game: str
    name: str
    class_id: str
    price: Micros
    debited: Micros
    max_price: Micros | None
    partner: int
    bought_at: float
    status: str = OfferStatus.CREATING_TRADE
    trade_offer_id: int | None = None
    refunded: bool = False
    history: list[tuple[float, str]] = field(default_factory=list)

    @property
    def steam_id(self) -> int:
        """The SteamID64 of the account that the skin is sent to."""
        return STEAM_ID_BASE + self.partner

    @property
    def alive(self) -> bool:
        """Whether the member has the skin or may still get it."""
        return self.status not in FAILED


@dataclass(slots=True)
class Call:
    """One call that came in. ``parameters`` and ``headers`` are without the secret."""

    method: str
    at: float
    parameters: dict[str, object]
    headers: dict[str, str]
    outcome: str = "not answered"
    """``success``, ``error <code>``, or the fault that was played."""
