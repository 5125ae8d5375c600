"""Rows to test with, written through the store's own functions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from bot.domain.keys import digest_of, purchase_key
from bot.domain.market import Purchase
from bot.domain.models import Basket, Line, Pick, RequestView
from bot.domain.money import CENT, Micros
from bot.domain.states import RequestState
from bot.domain.trade_url import TradeUrl
from bot.store import baskets, purchases, requests, settings
from bot.store.database import Transaction
from bot.store.purchases import NewAttempt

NOW: Final = 1_795_000_000_000
HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR

GUILD: Final = 111
ANA: Final = 201
MAX: Final = 301

REDLINE: Final = "AK-47 | Redline (Field-Tested)"
URL: Final = TradeUrl(90_382_795, "AbCd_-12")
SEALED: Final = b"sealed"


def request_id(number: int = 1) -> str:
    """Return a request's id, another for each number."""
    return f"{'abcdefghij'[number % 10]}{'abcdefghij'[number // 10 % 10]}" + "q" * 18


def line(line_no: int = 1, **changes: Any) -> Line:
    """Return a line of a request."""
    plain = Line(line_no, "cs2", REDLINE, None, Micros(1_240 * CENT), Micros(1_302 * CENT), "310")
    return replace(plain, **changes)


def pick(**changes: Any) -> Pick:
    """Return a row of a basket."""
    plain = Pick(0, "cs2", REDLINE, None, 2, Micros(1_240 * CENT), Micros(1_302 * CENT), "310")
    return replace(plain, **changes)


async def draft(tx: Transaction, number: int = 1, *, user_id: int = ANA) -> Basket:
    """Make a server, if it is missing, and a basket with one pick in it."""
    await settings.add_guild(tx, GUILD)
    basket = await baskets.add(tx, GUILD, user_id, request_id=request_id(number), at=NOW)
    await baskets.add_pick(tx, basket.request_id, pick())
    found = await baskets.find(tx, GUILD, user_id)
    assert found is not None
    return found


def digest(basket: Basket, lines: Sequence[Line], *, version: int = 1, url: TradeUrl = URL) -> str:
    """Return the digest of what a basket becomes."""
    return digest_of(
        request_id=basket.request_id,
        guild_id=basket.guild_id,
        version=version,
        partner=url.partner,
        lines=lines,
    )


async def submit(tx: Transaction, basket: Basket, lines: Sequence[Line]) -> bool:
    """Submit a basket as these lines."""
    return await requests.submit(
        tx,
        basket,
        number=await requests.take_number(tx, basket.guild_id),
        digest=digest(basket, lines),
        partner=URL.partner,
        sealed_token=SEALED,
        lines=lines,
        at=NOW,
        expires_at=NOW + 3 * DAY,
    )


async def shown(tx: Transaction, request_id: str) -> RequestView:
    """Return a request that must be there."""
    view = await requests.get(tx, request_id)
    assert view is not None
    return view


async def pending(
    tx: Transaction, number: int = 1, *, user_id: int = ANA, lines: Sequence[Line] = ()
) -> RequestView:
    """Return a request that waits for approval, of two lines or of those given."""
    basket = await draft(tx, number, user_id=user_id)
    assert await submit(tx, basket, lines or [line(1), line(2)])
    return await shown(tx, basket.request_id)


async def approved(tx: Transaction, number: int = 1, **changes: Any) -> RequestView:
    """Return a request that can be claimed at NOW."""
    view = await pending(tx, number, **changes)
    assert await requests.approve(
        tx,
        view.request.request_id,
        digest=view.request.digest,
        by=MAX,
        at=NOW,
        claimable_at=NOW,
        expires_at=NOW + DAY,
    )
    return await shown(tx, view.request.request_id)


async def buying(tx: Transaction, number: int = 1, **changes: Any) -> RequestView:
    """Return a request that has been claimed."""
    view = await approved(tx, number, **changes)
    request = view.request
    assert await purchases.claim(tx, request.request_id, digest=request.digest, at=NOW)
    return await shown(tx, request.request_id)


def attempts(view: RequestView, attempt_no: int = 1) -> list[NewAttempt]:
    """Return an attempt for each line."""
    return [
        NewAttempt(
            purchase_key(view.request.request_id, one.line.line_no, attempt_no),
            one.line.line_no,
            attempt_no,
            listing_id=1_000 + one.line.line_no,
            max_price=one.line.ceiling,
            class_id="310",
        )
        for one in view.lines
    ]


async def send(
    tx: Transaction, view: RequestView, attempt_no: int = 1, tried: Sequence[NewAttempt] = ()
) -> list[str]:
    """Write an attempt for each line, or those given, as sent, and return their keys."""
    made = list(tried) or attempts(view, attempt_no)
    await purchases.open_attempts(
        tx,
        view.request.request_id,
        made,
        digest=view.request.digest,
        market="sandbox",
        project="1001",
        steam_id=URL.steam_id,
        at=NOW,
    )
    return [attempt.purchase_key for attempt in made]


def purchase(key: str | None, buy_id: int = 1, **changes: Any) -> Purchase:
    """Return what the market says of a purchase."""
    plain = Purchase(
        buy_id,
        key,
        1_001,
        REDLINE,
        Micros(1_240 * CENT),
        "310",
        "creating_trade",
        URL.steam_id,
        Micros(1_240 * CENT),
        1_795_000_000,
    )
    return replace(plain, **changes)


async def force_state(tx: Transaction, request_id: str, state: RequestState) -> None:
    """Put a submitted request into any state, with all that the state asks for."""
    over = state in (
        RequestState.CLOSED,
        RequestState.DENIED,
        RequestState.CANCELLED,
        RequestState.EXPIRED,
    )
    await tx.execute(
        "UPDATE requests SET state = ?, decided_by = ?, decided_at = ?, claimable_at = ?, "
        "sealed_token = ? WHERE request_id = ?",
        state,
        MAX,
        NOW,
        NOW,
        None if over else SEALED,
        request_id,
    )


Maker = Callable[[Transaction], Awaitable[RequestView]]
