"""What becomes of a purchase after it was made: how long its trade lives, when to ask again.

Times are unix milliseconds. Source of the ten statuses and their horizons: SkinsBack API
documentation, "Purchase statuses"; Steam Trade Protection lets either side reverse a trade for
seven days, and the market itself waits eight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bot.domain.market import FAILED_STATUSES, OfferStatus

TRADE_LIVES_MS: Final = 600_000
"""A trade that nobody accepts is cancelled after ten minutes."""

SETTLES_MS: Final = 8 * 86_400_000
"""After its acceptance, or its end, nothing changes any more."""

STUCK_MS: Final = 3_600_000
"""So long a trade may be in the making before a person is asked."""

STUCK_WAITING_MS: Final = 1_800_000
"""So long it may wait: three times its life."""

TOLD_ANEW_MS: Final = 180_000
"""A message that is older no longer rings anybody's phone when it is edited."""

RETURNED: Final = frozenset({OfferStatus.ROLLBACK_USER, OfferStatus.ROLLBACK_SUPPLIER})
"""The trade was reversed after it had been accepted."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often the market is asked about a purchase, in milliseconds.

    ``eager``: while its trade is made or waits and nothing else tells us. ``calm``: the same while
    the market's events arrive, which bring the next question forward. ``slow``: of a trade that
    should be over by now. ``settling``: while it can only be reversed.
    """

    eager: int = 10_000
    calm: int = 60_000
    slow: int = 600_000
    settling: int = 6 * 3_600_000


def is_moving(offer_status: str | None) -> bool:
    """Say whether a trade is made or waits; a status that nobody knows counts as such."""
    return offer_status != OfferStatus.ACCEPTED and offer_status not in FAILED_STATUSES


def may_hint(before: str | None, told: str | None) -> bool:
    """Say whether an event may change the status by itself: a trade that begins to wait only.

    All else is asked for, because events come late, twice, and in any order.
    """
    return before == OfferStatus.CREATING_TRADE and told == OfferStatus.WAITING_ACCEPT


def is_settled(offer_status: str | None, *, since: int, looked_up_at: int) -> bool:
    """Say whether nothing changes any more: only a look-up later than the horizon proves that.

    ``since``: when it was accepted, or when it is known to have failed.
    """
    return not is_moving(offer_status) and looked_up_at > since + SETTLES_MS


def next_check_at(
    offer_status: str | None, *, status_at: int, since: int, at: int, cadence: Cadence, hinted: bool
) -> int:
    """Return when the market is asked again about a purchase that isn't settled.

    ``status_at``: since when its status is known; ``since`` as in ``is_settled``; ``hinted``: the
    market's events arrive.
    """
    age = at - status_at
    if is_moving(offer_status):
        if age > STUCK_MS:
            return at + cadence.slow
        return at + (cadence.calm if hinted else cadence.eager)
    if offer_status in FAILED_STATUSES and age < STUCK_MS:
        # Called over time, it may turn out to have been accepted all the same.
        return at + cadence.slow
    # Past the horizon, what could not be closed has no haste: the market may have forgotten it.
    ends_at = since + SETTLES_MS
    return min(at + cadence.settling, ends_at + 1) if at <= ends_at else at + cadence.settling


def is_stuck(offer_status: str | None, *, status_at: int, at: int) -> bool:
    """Say whether a delivery takes so long that a person should look."""
    if not is_moving(offer_status):
        return False
    waits = offer_status == OfferStatus.WAITING_ACCEPT
    return at - status_at >= (STUCK_WAITING_MS if waits else STUCK_MS)
