"""Whether the balance covers what is about to be held: asked where the hold is written down."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.money import Micros
from bot.store import purchases
from bot.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Balance:
    """What the market says is left, and when it was asked (unix milliseconds).

    It may be as old as the question and the wait for the writer take, which is seconds. What we
    bought meanwhile is counted all the same; what others spend at the project nobody can know, and
    the market refuses what it then lacks.
    """

    amount: Micros
    asked_at: int


async def is_covered(tx: Transaction, balance: Balance, *, request_id: str, needed: Micros) -> bool:
    """Say whether ``balance`` covers what a request needs beside all that goes before it.

    For a new hold, which is the last in the queue, that is everything held. It must be asked in
    the write transaction that takes the hold: of two at once, one then sees the other's.
    """
    others = await purchases.spoken_for(tx, since=balance.asked_at, besides=request_id)
    return balance.amount >= needed + others
