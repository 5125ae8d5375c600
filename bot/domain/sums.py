"""Sums of money, and the purchases behind those that a person has to look after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bot.domain.money import Micros

WINDOWS_MS: Final = (86_400_000, 7 * 86_400_000, 30 * 86_400_000)
"""The rolling windows in which spending is told: a day, a week, a month; the longest last."""


@dataclass(frozen=True, slots=True)
class Sum:
    """An amount, and of how many purchases."""

    amount: Micros
    count: int


@dataclass(frozen=True, slots=True)
class NotBack:
    """A purchase that failed and whose money nobody has seen back, with what a person needs."""

    purchase_key: str
    request_id: str
    number: int
    user_id: int
    market_hash_name: str
    buy_id: int
    debited: Micros
    offer_status: str
    status_at: int
