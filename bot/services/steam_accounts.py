"""Steam accounts that rest: nothing more goes to them for a while, of any request on any server.

All of it follows from what is on disk about purchases and refusals, so a restart changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.backoff import LATELY_MS, REST_MS, refused_until, rests_until
from bot.domain.models import Request, WaitReason
from bot.skinsback.refusals import TOO_MANY_FAILURES
from bot.store import steam_accounts
from bot.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Rest:
    """Why nothing goes to a Steam account, and until when (unix milliseconds)."""

    reason: WaitReason
    until: int


@dataclass(frozen=True, slots=True)
class Lately:
    """How it came to that: trades to an account that failed in the last day, by status."""

    failed: Mapping[str, int]
    rest: Rest | None = None


async def rest_of(tx: Transaction, request: Request, *, at: int) -> Rest | None:
    """Return what keeps a request from being sent to its Steam account now, the longest of it."""
    steam_id = request.steam_id
    if steam_id is None:
        return None
    rests = []
    for status, status_at in (
        await steam_accounts.failed_at(tx, steam_id, since=at - REST_MS)
    ).items():
        until = rests_until(status, status_at=status_at, url_since=request.trade_url_at)
        if until is not None:
            rests.append(Rest(WaitReason.STEAM_ACCOUNT_RESTS, until))
    refused = await steam_accounts.refused_in_a_row(tx, steam_id, code=TOO_MANY_FAILURES)
    if refused is not None:
        until = refused_until(refused.at, in_a_row=refused.in_a_row)
        rests.append(Rest(WaitReason.STEAM_ACCOUNT, until))
    still = [rest for rest in rests if rest.until > at]
    return max(still, key=lambda rest: rest.until, default=None)


async def lately(tx: Transaction, request: Request, *, at: int) -> Lately:
    """Return what became of trades to a request's Steam account lately, for moderators only.

    Those of other requests, members and servers of the deployment are counted too: the market
    counts them.
    """
    if request.steam_id is None:
        return Lately({})
    return Lately(
        await steam_accounts.failed_lately(tx, request.steam_id, since=at - LATELY_MS),
        await rest_of(tx, request, at=at),
    )
