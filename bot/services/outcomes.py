"""What an answered batch means for each line that was sent. Pure.

Purchases are matched by purchase key, never by listing: the key is ours, the rest is the market's.
Whatever is not said clearly is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.market import Answered, Order, Purchase, Refusal
from bot.skinsback.refusals import Scope, rule_for


class Alarm(StrEnum):
    """What should not happen: it is booked as it came, raised, and most of it pauses buying."""

    FOREIGN_KEY = "foreign_key"
    WRONG_STEAM_ACCOUNT = "wrong_steam_account"
    ABOVE_CEILING = "above_ceiling"
    REFUSED_AND_BOUGHT = "refused_and_bought"
    """Called refused, not sent or not bought, and found bought all the same."""
    CAME_BACK = "came_back"
    """Failed, bought anew, and accepted after all: the member has two."""

    @property
    def pauses_buying(self) -> bool:
        """Whether nothing more is bought for it.

        Not for what came back: the market is known to call a trade over time that was accepted.
        """
        return self is not Alarm.CAME_BACK


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nobody knows what became of this line."""

    message: str
    code: int | None = None


Outcome = Purchase | Refusal | Unclear


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of every key that was sent, and purchases under nobody's key."""

    outcomes: dict[str, Outcome]
    strays: tuple[Purchase, ...]


def judge(orders: Sequence[Order], answer: Answered) -> Verdict:
    """Return what ``answer`` means for ``orders``."""
    keys = {order.purchase_key for order in orders}
    bought: dict[str, Purchase] = {}
    strays: list[Purchase] = []
    for purchase in answer.purchased:
        key = purchase.purchase_key
        twice = any(other.buy_id == purchase.buy_id for other in bought.values())
        if key is None or key not in keys or key in bought or twice:
            strays.append(purchase)
        else:
            bought[key] = purchase
    outcomes = {order.purchase_key: _outcome(order, bought, answer) for order in orders}
    return Verdict(outcomes, tuple(strays))


def _outcome(order: Order, bought: dict[str, Purchase], answer: Answered) -> Outcome:
    purchase = bought.get(order.purchase_key)
    refusal = answer.unavailable.get(order.listing_id)
    if purchase is not None and refusal is not None:
        return Unclear("the answer says both bought and not bought", refusal.code)
    if purchase is not None:
        return purchase
    if any(other.listing_id == order.listing_id for other in answer.purchased):
        return Unclear("this listing was bought under another key")
    if refusal is None:
        return Unclear("the answer leaves this line out")
    rule = rule_for(refusal.code)
    if not rule.definite or rule.scope is not Scope.LINE:
        return Unclear(refusal.message, refusal.code)
    return refusal
