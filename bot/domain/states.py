"""The life of a request, of a line and of an attempt: every transition, as a table."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class RequestState(StrEnum):
    """Where a request stands."""

    DRAFT = "draft"
    PENDING = "pending"
    APPROVED = "approved"
    BUYING = "buying"
    BOUGHT = "bought"
    CLOSED = "closed"
    DENIED = "denied"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class RequestEvent(StrEnum):
    """What moves a request."""

    SUBMIT = "submit"
    APPROVE = "approve"
    DENY = "deny"
    CANCEL = "cancel"
    EXPIRE = "expire"
    CHANGE_STEAM_ACCOUNT = "change_steam_account"
    TAKE_BACK = "take_back"
    CLAIM = "claim"
    RETURN = "return"
    FINISH = "finish"
    SETTLE = "settle"


TRANSITIONS: Final[dict[tuple[RequestState, RequestEvent], RequestState]] = {
    (RequestState.DRAFT, RequestEvent.SUBMIT): RequestState.PENDING,
    (RequestState.PENDING, RequestEvent.APPROVE): RequestState.APPROVED,
    (RequestState.PENDING, RequestEvent.DENY): RequestState.DENIED,
    (RequestState.PENDING, RequestEvent.CANCEL): RequestState.CANCELLED,
    (RequestState.PENDING, RequestEvent.EXPIRE): RequestState.EXPIRED,
    (RequestState.PENDING, RequestEvent.CHANGE_STEAM_ACCOUNT): RequestState.PENDING,
    (RequestState.APPROVED, RequestEvent.CLAIM): RequestState.BUYING,
    (RequestState.APPROVED, RequestEvent.TAKE_BACK): RequestState.PENDING,
    (RequestState.APPROVED, RequestEvent.CHANGE_STEAM_ACCOUNT): RequestState.PENDING,
    (RequestState.APPROVED, RequestEvent.CANCEL): RequestState.CANCELLED,
    (RequestState.APPROVED, RequestEvent.EXPIRE): RequestState.EXPIRED,
    (RequestState.BUYING, RequestEvent.FINISH): RequestState.BOUGHT,
    (RequestState.BUYING, RequestEvent.RETURN): RequestState.APPROVED,
    (RequestState.BOUGHT, RequestEvent.SETTLE): RequestState.CLOSED,
}
"""Everything that may happen; a pair that isn't here may not."""

OPEN_STATES: Final = frozenset({RequestState.PENDING, RequestState.APPROVED, RequestState.BUYING})
"""Counts against a member's open requests."""

FINAL_STATES: Final = frozenset(
    {RequestState.CLOSED, RequestState.DENIED, RequestState.CANCELLED, RequestState.EXPIRED}
)
"""Nothing more happens; the copy of the Trade URL is erased on the way in."""


def states_before(event: RequestEvent) -> tuple[RequestState, ...]:
    """Return the states in which ``event`` may happen, for a compare-and-set."""
    return tuple(state for state, what in TRANSITIONS if what is event)


def state_after(event: RequestEvent) -> RequestState:
    """Return where ``event`` leads; every event leads to one state only."""
    return next(after for (_, what), after in TRANSITIONS.items() if what is event)


class AttemptState(StrEnum):
    """Where an attempt to buy stands. ``sent`` means *may have left*."""

    SENT = "sent"
    PURCHASED = "purchased"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


class LineState(StrEnum):
    """Where a line stands, as far as buying goes."""

    OPEN = "open"
    """Nothing of it is at the market: never sent, not sent, or refused with its whole call."""
    SENT = "sent"
    PURCHASED = "purchased"
    REFUSED = "refused"
    UNKNOWN = "unknown"


def line_state(
    *, no_listing: bool, last: AttemptState | None, refused_whole: bool = False
) -> LineState:
    """Return where a line stands from its latest attempt and whether it found no listing.

    What may be at the market comes before all else. A line whose call was refused as a whole was
    not judged itself: it is open again.
    """
    match last:
        case AttemptState.SENT:
            return LineState.SENT
        case AttemptState.PURCHASED:
            return LineState.PURCHASED
        case AttemptState.UNKNOWN:
            return LineState.UNKNOWN
        case AttemptState.REFUSED if not refused_whole:
            return LineState.REFUSED
        case None | AttemptState.NOT_SENT | AttemptState.REFUSED:
            return LineState.REFUSED if no_listing else LineState.OPEN


class Step(StrEnum):
    """What a request in *buying* needs next."""

    WAIT = "wait"
    """Something is on the wire, or its outcome is unknown: nothing may be sent."""
    BUY = "buy"
    FINISH = "finish"


def next_step(lines: Iterable[LineState]) -> Step:
    """Return the next step of a request in *buying*, from its lines alone.

    One unknown line holds back the whole request: nothing is sent beside it.
    """
    states = set(lines)
    if states & {LineState.SENT, LineState.UNKNOWN}:
        return Step.WAIT
    if LineState.OPEN in states:
        return Step.BUY
    return Step.FINISH
