"""The nouns: what a request is made of, as it stands in the database.

Times are unix milliseconds, money is micros, ids of people and places are Discord's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from bot.domain.money import Micros
from bot.domain.states import AttemptState, LineState, RequestState, line_state


class WaitReason(StrEnum):
    """What an approved request waits for before it can be bought."""

    PAUSED = "paused"
    SERVER_NOT_ALLOWED = "server_not_allowed"
    MEMBER_GONE = "member_gone"
    BALANCE_LOW = "balance_low"
    CANNOT_TELL = "cannot_tell"
    MARKET_UNREACHABLE = "market_unreachable"
    MARKET_CLOSED = "market_closed"
    MAINTENANCE = "maintenance"
    RATE_LIMIT = "rate_limit"
    OPERATOR = "operator"
    TRADE_URL_PARTNER = "trade_url_partner"
    TRADE_URL_TOKEN = "trade_url_token"  # noqa: S105 - a reason, not a secret
    STEAM_ACCOUNT = "steam_account"
    CLOCK = "clock"


class NoListing(StrEnum):
    """Why a line was refused before anything was sent for it."""

    SOLD_OUT = "sold_out"
    PRICE_ROSE = "price_rose"
    LISTING_GONE = "listing_gone"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, where, and with which roles: all that is believed of an interaction.

    In a DM there is no server and there are no roles.
    """

    user_id: int
    guild_id: int | None = None
    role_ids: frozenset[int] = frozenset()
    administrator: bool = False
    """Has Manage Server."""


@dataclass(frozen=True, slots=True)
class Pick:
    """A row of the basket: a skin, how often, and the most that one may cost."""

    pick_id: int
    game: str
    market_hash_name: str
    listing_id: int | None
    quantity: int
    quote: Micros
    ceiling: Micros
    class_id: str


@dataclass(frozen=True, slots=True)
class Line:
    """One skin of a submitted request. ``line_no`` is 1 to 99 and never reused in its request."""

    line_no: int
    game: str
    market_hash_name: str
    listing_id: int | None
    quote: Micros
    ceiling: Micros
    class_id: str
    no_listing: NoListing | None = None
    cheapest_seen: Micros | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to buy one line, under one purchase key."""

    purchase_key: str
    line_no: int
    attempt_no: int
    state: AttemptState
    listing_id: int
    max_price: Micros
    steam_id: int
    sent_at: int
    ended_at: int | None = None
    code: int | None = None
    message: str = ""
    refused_whole: bool = False
    buy_id: int | None = None
    debited: Micros | None = None
    offer_status: str | None = None
    class_id: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A request's own row. ``digest`` is what an approval is bound to; a draft has none."""

    request_id: str
    guild_id: int
    number: int
    user_id: int
    state: RequestState
    revision: int
    version: int
    digest: str
    note: str
    partner: int | None
    created_at: int
    submitted_at: int | None = None
    decided_at: int | None = None
    decided_by: int | None = None
    decision_reason: str = ""
    claimable_at: int | None = None
    expires_at: int | None = None
    waits_for: WaitReason | None = None
    dm_closed: bool = False
    changed_at: int = 0


@dataclass(frozen=True, slots=True)
class LineView:
    """A line with everything that was tried for it."""

    line: Line
    attempts: tuple[Attempt, ...]

    @property
    def last(self) -> Attempt | None:
        """The latest attempt, if there was one."""
        return self.attempts[-1] if self.attempts else None

    @property
    def state(self) -> LineState:
        """Where the line stands."""
        return line_state(
            no_listing=self.line.no_listing is not None,
            last=self.last.state if self.last else None,
            refused_whole=self.last.refused_whole if self.last else False,
        )


@dataclass(frozen=True, slots=True)
class LineGroup:
    """Lines that look alike to a person, shown as one row ×n."""

    line: Line
    quantity: int


@dataclass(frozen=True, slots=True)
class RequestView:
    """One request with its lines: all that any card about it is drawn from."""

    request: Request
    lines: tuple[LineView, ...]

    @property
    def ceiling_total(self) -> Micros:
        """The most that the whole request may cost: what an approval holds."""
        return Micros(sum(view.line.ceiling for view in self.lines))

    @property
    def debited_total(self) -> Micros:
        """What the market took for the lines that were bought."""
        return Micros(sum(attempt.debited or 0 for view in self.lines for attempt in view.attempts))

    def in_state(self, state: LineState) -> tuple[LineView, ...]:
        """Return the lines in ``state``."""
        return tuple(view for view in self.lines if view.state is state)

    def groups(self) -> list[LineGroup]:
        """Return the lines as rows ×n, in the order in which they were picked."""

        def looks(view: LineView) -> tuple[str, str, int | None, Micros, Micros]:
            line = view.line
            return (line.game, line.market_hash_name, line.listing_id, line.quote, line.ceiling)

        rows = [list(alike) for _, alike in groupby(self.lines, key=looks)]
        return [LineGroup(row[0].line, len(row)) for row in rows]


@dataclass(frozen=True, slots=True)
class Basket:
    """A member's draft on a server. ``revision`` grows with every change, so stale clicks show."""

    request_id: str
    guild_id: int
    user_id: int
    revision: int
    note: str
    picks: tuple[Pick, ...]

    @property
    def lines_count(self) -> int:
        """How many skins are in it, quantities counted."""
        return sum(pick.quantity for pick in self.picks)

    @property
    def quote_total(self) -> Micros:
        """What it would cost at the prices seen."""
        return Micros(sum(pick.quote * pick.quantity for pick in self.picks))

    @property
    def ceiling_total(self) -> Micros:
        """The most that it may cost."""
        return Micros(sum(pick.ceiling * pick.quantity for pick in self.picks))


@dataclass(frozen=True, slots=True)
class GuildSettings:
    """What a server decides for itself with ``/setup``."""

    guild_id: int
    approver_role_id: int | None = None
    approval_channel_id: int | None = None
    results_channel_id: int | None = None
    asker_role_ids: frozenset[int] = frozenset()
    """Who may ask; empty means everyone."""
    tolerance_bp: int = 500
    lines_max: int = 10
    open_requests_max: int = 1
    undo_s: int = 10

    @property
    def ready(self) -> bool:
        """Whether everything that requests need has been chosen."""
        return None not in (
            self.approver_role_id,
            self.approval_channel_id,
            self.results_channel_id,
        )


class EventKind(StrEnum):
    """What can happen to a request or a server, for its history and the audit."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    DENIED = "denied"
    TAKEN_BACK = "taken_back"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    TRADE_URL_RENEWED = "trade_url_renewed"
    STEAM_ACCOUNT_CHANGED = "steam_account_changed"
    CLAIMED = "claimed"
    SENT = "sent"
    ANSWERED = "answered"
    RETURNED = "returned"
    BOUGHT = "bought"
    ALARM = "alarm"
    SETTING_CHANGED = "setting_changed"
    PAUSED = "paused"
    RESUMED = "resumed"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. ``details`` are facts, never secrets."""

    at: int
    kind: EventKind
    actor_id: int | None
    details: dict[str, str | int]


class PauseCause(StrEnum):
    """Why buying is paused for the whole deployment."""

    MARKET_REFUSES_US = "market_refuses_us"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Pause:
    """Buying is paused since then. ``code`` is the market's, where it was the market."""

    cause: PauseCause
    since: int
    code: int | None
    details: str


class MessageKind(StrEnum):
    """What a message of ours is. One of each for a request."""

    APPROVAL_CARD = "approval_card"
    MEMBER_STATUS = "member_status"
    RESULT = "result"
    TEST_CARD = "test_card"
    PAUSE_NOTICE = "pause_notice"


class OutboxState(StrEnum):
    """How far a message of ours has come."""

    WAITING = "waiting"
    TRYING = "trying"
    POSTED = "posted"
    PARKED = "parked"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message that must stand somewhere. ``mark`` is random and finds it again in its channel."""

    outbox_id: int
    kind: MessageKind
    guild_id: int
    request_id: str | None
    to_member: bool
    target_id: int
    mark: int
    state: OutboxState
    channel_id: int | None
    message_id: int | None
    wanted: int
    shown: int
    tries: int
    created_at: int
    parked_reason: str
