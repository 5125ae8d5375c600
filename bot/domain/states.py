"""The life of a request, of a line and of an attempt: every transition, as a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
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
    TRY_AGAIN = "try_again"
    ADOPT = "adopt"
    """The market knows purchases of it that our records have lost."""
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
    (RequestState.BOUGHT, RequestEvent.TRY_AGAIN): RequestState.BUYING,
    (RequestState.BOUGHT, RequestEvent.SETTLE): RequestState.CLOSED,
    (RequestState.PENDING, RequestEvent.ADOPT): RequestState.BOUGHT,
    (RequestState.DENIED, RequestEvent.ADOPT): RequestState.BOUGHT,
    (RequestState.CANCELLED, RequestEvent.ADOPT): RequestState.BOUGHT,
    (RequestState.EXPIRED, RequestEvent.ADOPT): RequestState.BOUGHT,
    (RequestState.CLOSED, RequestEvent.ADOPT): RequestState.BOUGHT,
}
"""Everything that may happen; a pair that isn't here may not."""

OPEN_STATES: Final = frozenset({RequestState.PENDING, RequestState.APPROVED, RequestState.BUYING})
"""Counts against a member's open requests."""

FINAL_STATES: Final = frozenset(
    {RequestState.CLOSED, RequestState.DENIED, RequestState.CANCELLED, RequestState.EXPIRED}
)
"""Nothing more happens; the copy of the Trade URL is erased on the way in."""

DECIDED_STATES: Final = FINAL_STATES | {RequestState.BOUGHT}
"""Nothing is decided or bought any more by itself, so what it was about can be asked for anew."""


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
    """Nothing of it is at the market, and its next try is due."""
    SENT = "sent"
    PURCHASED = "purchased"
    FAILED = "failed"
    """Bought, and the market says that the skin did not arrive or was returned."""
    RECHECK = "recheck"
    """Failed and to be tried again, if the market still calls it failed then."""
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LastTry:
    """What decides about a line in its latest attempt.

    ``refused_whole``: with its whole call. ``failed``: the purchase did not last. ``released``: its
    definite end was seen. ``tried_again``: a moderator has asked for another round since.
    ``substitute``: the next listing may be taken in place of the refused one.
    """

    state: AttemptState
    refused_whole: bool = False
    failed: bool = False
    released: bool = False
    tried_again: bool = False
    substitute: bool = False


def line_state(*, no_listing: bool, last: LastTry | None) -> LineState:
    """Return where a line stands from its latest attempt and whether it found no listing.

    What may be at the market comes before all else. A line whose call was refused as a whole was
    not judged itself: it is open again.
    """
    open_or_over = LineState.REFUSED if no_listing else LineState.OPEN
    if last is None or last.released:
        return open_or_over
    match last.state:
        case AttemptState.SENT:
            return LineState.SENT
        case AttemptState.UNKNOWN:
            return LineState.UNKNOWN
        case AttemptState.PURCHASED if last.failed:
            return LineState.RECHECK if last.tried_again else LineState.FAILED
        case AttemptState.PURCHASED:
            return LineState.PURCHASED
        case AttemptState.REFUSED:
            again = last.refused_whole or last.tried_again or last.substitute
            return open_or_over if again else LineState.REFUSED
        case AttemptState.NOT_SENT:
            return open_or_over


class Step(StrEnum):
    """What a request in *buying* needs next."""

    WAIT = "wait"
    """Something is on the wire: its answer is waited for."""
    LOOK_UP = "look_up"
    RESEND = "resend"
    """The grace period is over and the market knows nothing of it: once more, unchanged."""
    ASK_A_PERSON = "ask_a_person"
    """So it was after the second send too, or the approval is too old for one."""
    BUY = "buy"
    FINISH = "finish"


@dataclass(frozen=True, slots=True)
class Search:
    """How far the search for unknown purchases has come.

    ``over``: the grace period has passed without a trace of them. ``may_resend``: one of them was
    sent once only, and the approval still counts. ``person_asked``: a person knows already.
    ``silent``: for far longer than that the market has not said enough to tell.
    """

    over: bool
    may_resend: bool
    person_asked: bool
    silent: bool = False


def next_step(lines: Iterable[LineState], search: Search) -> Step:
    """Return the next step of a request in *buying*, from the database alone.

    One unknown line holds back the whole request: nothing is sent beside it.
    """
    states = set(lines)
    if LineState.SENT in states:
        return Step.WAIT
    if LineState.UNKNOWN in states:
        if search.person_asked:
            return Step.LOOK_UP
        if not search.over:
            return Step.ASK_A_PERSON if search.silent else Step.LOOK_UP
        return Step.RESEND if search.may_resend else Step.ASK_A_PERSON
    if states & {LineState.OPEN, LineState.RECHECK}:
        return Step.BUY
    return Step.FINISH
