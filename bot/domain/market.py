"""What the market tells us, in our own types, whatever shape it came in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bot.domain.money import Micros
from bot.domain.picking import Doubt, doubts_of

APP_IDS = {"cs2": 730, "dota2": 570, "rust": 252490}
"""Steam's app id of each game that the market sells."""


class OfferStatus(StrEnum):
    """``offer_status`` of a purchase. A status that isn't here is kept as the text that came."""

    CREATING_TRADE = "creating_trade"
    WAITING_ACCEPT = "waiting_accept"
    ACCEPTED = "accepted"
    CANCELED = "canceled"
    TIMEOUT = "timeout"
    INVALID_TRADE_TOKEN = "invalid_trade_token"  # noqa: S105 - a status, not a secret
    USER_NOT_TRADABLE = "user_not_tradable"
    TRADE_CREATE_ERROR = "trade_create_error"
    ROLLBACK_USER = "rollback_user"
    ROLLBACK_SUPPLIER = "rollback_supplier"


FAILED_STATUSES = frozenset(OfferStatus) - {
    OfferStatus.CREATING_TRADE,
    OfferStatus.WAITING_ACCEPT,
    OfferStatus.ACCEPTED,
}
"""After these the member does not have the skin. The market may still change its mind."""


@dataclass(frozen=True, slots=True)
class Quote:
    """One row of the grouped price list: a market hash name, its cheapest price and its stock."""

    game: str
    market_hash_name: str
    price: Micros
    count: int
    class_id: str
    usual: Micros | None = None
    """Its own median price of the last two weeks, once there are enough days to tell."""

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """Why its price deserves a second look."""
        return doubts_of(self.price, usual=self.usual, stock=self.count)


class PriceRow(NamedTuple):
    """The same as it comes: there are tens of thousands of these, and few become a ``Quote``."""

    market_hash_name: str
    price: Micros
    stock: int
    class_id: str


@dataclass(frozen=True, slots=True)
class Listing:
    """One skin for sale, by its own id."""

    listing_id: int
    market_hash_name: str
    price: Micros
    class_id: str


@dataclass(frozen=True, slots=True)
class Order:
    """One line of a batch buy: this listing, for at most this much, under this purchase key."""

    listing_id: int
    max_price: Micros
    purchase_key: str


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase as the market reports it. ``steam_id`` is where the skin is sent."""

    buy_id: int
    purchase_key: str | None
    listing_id: int | None
    market_hash_name: str
    price: Micros | None
    class_id: str
    offer_status: str
    steam_id: int | None
    debited: Micros
    bought_at: int | None
    """Unix seconds by the market's clock."""
    trade_offer_id: int | None = None
    """Steam's number of the trade, once there is one."""


@dataclass(frozen=True, slots=True)
class Hint:
    """What the market's socket says about a purchase: worth asking about, and never the truth.

    It may be late, doubled, out of order, and about a purchase of anybody in the project.
    """

    buy_id: int
    purchase_key: str | None
    offer_status: str | None
    trade_offer_id: int | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error code of the market with its message, as they came."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The batch was carried out: what was bought, and by listing id what was not."""

    purchased: tuple[Purchase, ...]
    unavailable: dict[int, Refusal]


@dataclass(frozen=True, slots=True)
class RefusedWhole:
    """The whole call was refused; nothing of it was bought."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class NotSent:
    """Provably nothing left this machine. ``reason`` is ours and safe to log."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The call may have been carried out. ``reason`` is ours and safe to log.

    ``refusal``: the market answered with a code that proves nothing.
    """

    reason: str
    refusal: Refusal | None = None


BuyOutcome = Answered | RefusedWhole | NotSent | Unknown
