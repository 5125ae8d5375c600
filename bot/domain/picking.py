"""Choosing a skin: what may narrow a search, and what makes a price doubtful."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.domain.money import Micros

DEAR_TIMES: Final = 3
"""A quote over so many times the usual price of its own skin is marked."""

FEW_LISTINGS: Final = 3
"""With fewer behind it, a quote is one or two sellers' wish, and soon gone."""


USUAL_DAYS: Final = 14
"""A price is held against those of so many days before."""

DAYS_NEEDED: Final = 3
"""With fewer of them nobody can tell what is usual."""


class Wear(StrEnum):
    """How worn a skin is, as it stands in its market hash name, best first."""

    FACTORY_NEW = "Factory New"
    MINIMAL_WEAR = "Minimal Wear"
    FIELD_TESTED = "Field-Tested"
    WELL_WORN = "Well-Worn"
    BATTLE_SCARRED = "Battle-Scarred"


class Doubt(StrEnum):
    """Why the price of a skin deserves a second look."""

    DEAR = "dear"
    FEW = "few"


def doubts_of(price: Micros, *, usual: Micros | None, stock: int | None) -> tuple[Doubt, ...]:
    """Return what is doubtful about a price.

    ``usual``: the skin's own median price of the last two weeks; ``stock``: how many listings are
    behind the price. What is not known raises no doubt, and what is sold out is told as that.
    """
    doubts = []
    if usual is not None and price > DEAR_TIMES * usual:
        doubts.append(Doubt.DEAR)
    if stock is not None and 0 < stock < FEW_LISTINGS:
        doubts.append(Doubt.FEW)
    return tuple(doubts)


def usual_of(prices: Iterable[Micros]) -> Micros | None:
    """Return the median of one price a day, or None while too few days are known."""
    ordered = sorted(prices)
    if len(ordered) < DAYS_NEEDED:
        return None
    return Micros((ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) // 2)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a search is narrowed to; nothing, as it is made."""

    game: str = ""
    price_min: Micros | None = None
    price_max: Micros | None = None
    wear: Wear | None = None
    stattrak: bool | None = None
    """Only with it, only without it, or both."""
    in_stock: bool = False


NO_FILTERS: Final = Filters()


@dataclass(frozen=True, slots=True)
class Search:
    """What a member looked for from their basket, and what they want of what they find."""

    search_id: int
    request_id: str
    typed: str
    quantity: int = 1
    ceiling: Micros | None = None
    filters: Filters = Filters()
    browsing: bool = False
    """Whether it was begun with ``/skins``."""
    one_skin: bool = False
    """Whether nothing is looked for, but one skin is looked at: ``typed`` of ``filters.game``."""


class Why(StrEnum):
    """Why a skin that was chosen is not in the basket."""

    NO_ROOM = "no_room"
    SOLD_OUT = "sold_out"
    TOO_DEAR = "too_dear"
    """Even the cheapest costs more than was wanted."""
    NOT_OFFERED = "not_offered"
    """The server does not offer its game, or no longer."""
    NO_PRICES = "no_prices"
    """The prices of its game have not been read yet."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """So many of a skin are not in the basket. ``cheapest``: today's price, where that is why."""

    market_hash_name: str
    why: Why
    cheapest: Micros | None = None
    quantity: int = 1
