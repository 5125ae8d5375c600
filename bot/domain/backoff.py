"""When a Steam account rests: nothing more is sent to it for a while after trades came to nothing.

Every trade that fails brings the market nearer to refusing the account altogether (error 10), so
what would fail again is not tried. Times are unix milliseconds.
"""

from __future__ import annotations

from typing import Final

from bot.domain.market import OfferStatus

RESTS_AFTER: Final = frozenset({OfferStatus.INVALID_TRADE_TOKEN, OfferStatus.USER_NOT_TRADABLE})
"""Statuses after which the next trade would come to nothing as well."""

REST_MS: Final = 3_600_000
"""So long nothing goes to the account then, unless its Trade URL is replaced before."""

REFUSED_MS: Final = (3_600_000, 6 * 3_600_000, 24 * 3_600_000)
"""The same after the first, the second and every further refusal with error 10 in a row."""

LATELY_MS: Final = 24 * 3_600_000
"""What failed since then is told to whoever wonders how it came to a refusal."""


def rests_until(offer_status: str | None, *, status_at: int, url_since: int | None) -> int | None:
    """Return until when a failed trade keeps the next one from its Steam account; None: not at all.

    ``status_at``: since when its end is known. ``url_since``: since when the Trade URL that the
    next one would use is known; one that is newer than the end may do.
    """
    if offer_status not in RESTS_AFTER or (url_since is not None and url_since > status_at):
        return None
    return status_at + REST_MS


def refused_until(refused_at: int, *, in_a_row: int) -> int:
    """Return until when an account is left alone that the market has refused so often in a row."""
    return refused_at + REFUSED_MS[min(in_a_row, len(REFUSED_MS)) - 1]
