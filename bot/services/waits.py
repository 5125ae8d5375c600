"""What an approved request may have to wait for, and for how long it is left alone then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bot.domain.market import Refusal
from bot.domain.models import WaitReason
from bot.errors import MarketError, MarketRefusedError
from bot.services.steam_accounts import Rest
from bot.skinsback.refusals import RefusalKind, rule_for

_WAIT_MS: Final = {
    WaitReason.PAUSED: 30_000,
    WaitReason.SERVER_NOT_ALLOWED: 300_000,
    WaitReason.MEMBER_GONE: 300_000,
    WaitReason.BALANCE_LOW: 60_000,
    WaitReason.CANNOT_TELL: 5_000,
    WaitReason.MARKET_UNREACHABLE: 30_000,
    WaitReason.BOOKS_FIRST: 5_000,
    WaitReason.OPERATOR: 300_000,
    WaitReason.DISK_FULL: 30_000,
    WaitReason.FAULT: 300_000,
    WaitReason.CLOCK: 5_000,
}
"""How long until it is looked at again, where the market's own table doesn't say."""

_LONGEST_MS: Final = 3_600_000

_WAITS_FOR: Final = {
    RefusalKind.INSUFFICIENT_FUNDS: WaitReason.BALANCE_LOW,
    RefusalKind.PARTNER_WRONG: WaitReason.TRADE_URL_PARTNER,
    RefusalKind.TOKEN_WRONG: WaitReason.TRADE_URL_TOKEN,
    RefusalKind.TOO_MANY_FAILURES: WaitReason.STEAM_ACCOUNT,
    RefusalKind.MARKET_DISABLED: WaitReason.MARKET_CLOSED,
    RefusalKind.MAINTENANCE: WaitReason.MAINTENANCE,
    RefusalKind.RATE_LIMITED: WaitReason.RATE_LIMIT,
}


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a request can't be bought now, and for how many milliseconds it is left alone."""

    reason: WaitReason
    for_ms: int


def wait_for(reason: WaitReason) -> Wait:
    """Return the wait for a reason of ours."""
    return Wait(reason, _WAIT_MS[reason])


def wait_for_the_books(*, market_silent: bool) -> Wait:
    """Return the wait for the comparison with the market's history, or for a silent market.

    Both end with the comparison, so they are equally short.
    """
    reason = WaitReason.MARKET_UNREACHABLE if market_silent else WaitReason.BOOKS_FIRST
    return Wait(reason, _WAIT_MS[WaitReason.BOOKS_FIRST])


def wait_for_account(rest: Rest, *, at: int, at_most_ms: int | None = None) -> Wait:
    """Return the wait for a Steam account that rests; with ``at_most_ms`` it is looked at sooner.

    So it is where purchases are looked up meanwhile.
    """
    for_ms = rest.until - at
    return Wait(rest.reason, for_ms if at_most_ms is None else min(for_ms, at_most_ms))


def wait_after(error: MarketError) -> Wait:
    """Return what a request waits for after a call that changes nothing has failed."""
    if isinstance(error, MarketRefusedError):
        return wait_after_refusal(Refusal(error.code, error.message))
    return wait_for(WaitReason.MARKET_UNREACHABLE)


def wait_after_refusal(refusal: Refusal, *, tries: int = 1) -> Wait:
    """Return what a request waits for after the market has refused a whole call.

    Every further try of a line has a purchase key of its own and there are 99 of them, so the wait
    doubles with each, up to an hour.
    """
    rule = rule_for(refusal.code)
    reason = _WAITS_FOR.get(rule.kind)
    if reason is None:
        reason = WaitReason.OPERATOR if rule.pauses_buying else WaitReason.MARKET_UNREACHABLE
    first_ms = rule.wait_s * 1000 or _WAIT_MS[WaitReason.BALANCE_LOW]
    longest_ms = max(first_ms, _LONGEST_MS)
    return Wait(reason, min(longest_ms, first_ms * 2 ** min(tries - 1, 10)))
