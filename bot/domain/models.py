"""The nouns: what a request is made of, as it stands in the database.

Times are unix milliseconds, money is micros, ids of people and places are Discord's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final

from bot.domain.backoff import RESTS_AFTER, rests_until
from bot.domain.delivery import SETTLES_MS, TRADE_LIVES_MS, is_moving
from bot.domain.limits import MISSES_NEEDED, ROUNDS_MAX, SILENT_GRACES, SILENT_PASSES, TRIES_MAX
from bot.domain.market import FAILED_STATUSES, OfferStatus
from bot.domain.money import Micros
from bot.domain.picking import Doubt, doubts_of
from bot.domain.states import (
    AttemptState,
    LastTry,
    LineState,
    RequestState,
    Search,
    Step,
    line_state,
    next_step,
)
from bot.domain.trade_url import steam_id_of

SUBSTITUTED_CODES = frozenset({5, 6})
"""skin_unavailable and skins_not_found_at_specified_price: another listing may do."""


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
    BOOKS_FIRST = "books_first"
    OPERATOR = "operator"
    FAULT = "fault"
    """Something went wrong on our own side."""
    TRADE_URL_PARTNER = "trade_url_partner"
    TRADE_URL_TOKEN = "trade_url_token"  # noqa: S105 - a reason, not a secret
    STEAM_ACCOUNT = "steam_account"
    """The market refuses it for a time, because too many trades to it came to nothing."""
    STEAM_ACCOUNT_RESTS = "steam_account_rests"
    """A trade to it could not be sent a short while ago, and the next one could not either."""
    DISK_FULL = "disk_full"
    CLOCK = "clock"
    MEMBER_READY = "member_ready"
    """Its member has to press **Send it now**; nothing else ends this wait."""


class NoListing(StrEnum):
    """Why a line was refused before anything was sent for it."""

    SOLD_OUT = "sold_out"
    PRICE_ROSE = "price_rose"
    LISTING_GONE = "listing_gone"
    TOO_LATE = "too_late"
    """The approval had grown too old before the line's turn came."""
    APPROVAL_LOST = "approval_lost"
    """The market knows purchases of its request, and our records no approval."""


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
    usual: Micros | None = None
    """Its own median price of the two weeks before it was picked, if that was known."""
    stock: int | None = None
    """How many were for sale when it was picked."""

    @property
    def sold_out(self) -> bool:
        """Whether nobody sold it when its price was looked at."""
        return self.stock == 0

    @property
    def out_of_reach(self) -> bool:
        """Whether it could not be bought at the price that it carries, within its ceiling."""
        return self.sold_out or self.quote > self.ceiling

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """Why its price deserves a second look; one listing is one by its nature."""
        stock = self.stock if self.listing_id is None else None
        return doubts_of(self.quote, usual=self.usual, stock=stock)


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
    round: int = 0
    """How often a moderator has had it tried again."""
    no_listing: NoListing | None = None
    cheapest_seen: Micros | None = None
    usual: Micros | None = None
    stock: int | None = None
    """What the price list said when it was picked: see ``Pick``."""

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """Why its price deserves a second look, as it was when it was picked."""
        stock = self.stock if self.listing_id is None else None
        return doubts_of(self.quote, usual=self.usual, stock=stock)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to buy one line, under one purchase key.

    ``sends``: how often it may have left. ``unsent``: sends that provably never left.
    ``misses``: answered look-ups of this key alone that did not find it, in this grace period.
    """

    purchase_key: str
    line_no: int
    attempt_no: int
    state: AttemptState
    listing_id: int
    max_price: Micros
    steam_id: int
    sent_at: int
    round: int = 0
    sends: int = 1
    unsent: int = 0
    misses: int = 0
    ended_at: int | None = None
    code: int | None = None
    message: str = ""
    refused_whole: bool = False
    buy_id: int | None = None
    debited: Micros | None = None
    offer_status: str | None = None
    released: bool = False
    settled_at: int | None = None
    settled_by: int | None = None
    class_id: str = ""
    alarms: tuple[str, ...] = ()
    """What the market did about it that must never happen; booked all the same."""
    trade_offer_id: int | None = None
    status_at: int | None = None
    """Since when its offer status is known."""
    not_waiting_at: int | None = None
    """The last moment in which its trade was known not to wait yet."""
    accepted_at: int | None = None
    closed_at: int | None = None
    stuck_at: int | None = None
    """Since when its delivery takes so long that a person should look."""
    told_in: int | None = None
    """The part of the trade messages that tells of it."""
    noticed_in: int | None = None
    """The part of the moderators' delivery notices that tells of it."""
    back_at: int | None = None
    """When the money of a purchase that failed was seen back."""
    back_by: int | None = None

    @property
    def waits(self) -> bool:
        """Whether its trade waits in Steam for the member."""
        alive = self.state is AttemptState.PURCHASED
        return alive and self.offer_status == OfferStatus.WAITING_ACCEPT

    @property
    def moves(self) -> bool:
        """Whether its trade is still made or waits, or nobody knows that it doesn't."""
        return self.state is AttemptState.PURCHASED and is_moving(self.offer_status)

    @property
    def is_stuck(self) -> bool:
        """Whether its trade takes too long, and has not moved since that was noticed."""
        noticed = self.stuck_at
        return self.moves and noticed is not None and noticed >= (self.status_at or 0)

    @property
    def trade_ends_at(self) -> int | None:
        """When a trade that waits is over, at the latest."""
        known = self.not_waiting_at
        return known + TRADE_LIVES_MS if self.waits and known is not None else None

    @property
    def final_at(self) -> int | None:
        """When an accepted trade can no longer be reversed."""
        return None if self.accepted_at is None else self.accepted_at + SETTLES_MS

    @property
    def failed(self) -> bool:
        """Whether it was bought and the member does not have it all the same."""
        return self.state is AttemptState.PURCHASED and self.offer_status in FAILED_STATUSES

    @property
    def weight(self) -> int:
        """How much it decides about its line: what may be bought before what is definitely over."""
        if self.state in (AttemptState.SENT, AttemptState.UNKNOWN):
            return 3
        if self.state is not AttemptState.PURCHASED:
            return 0
        return (0 if self.released else 1) if self.failed else 2


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
    step_at: int | None = None
    grace_from: int | None = None
    look_ups: int = 0
    history_at: int | None = None
    attention_at: int | None = None
    dm_closed: bool = False
    changed_at: int = 0
    ready_at: int | None = None
    """When the member pressed **Send it now**, on a server that delivers when they are ready."""
    here_at: int | None = None
    """When the member last asked for another try of a trade that they had missed."""
    trade_url_at: int | None = None
    """Since when its own copy of the Trade URL was known to be its member's."""

    @property
    def waits_for_member(self) -> bool:
        """Whether it is bought as soon as its member says that they are there, and not before."""
        waits = self.waits_for is WaitReason.MEMBER_READY
        return waits and self.state is RequestState.APPROVED

    @property
    def never_ready(self) -> bool:
        """Whether it expired because its member never said so."""
        waited = self.waits_for is WaitReason.MEMBER_READY
        return waited and self.state is RequestState.EXPIRED

    @property
    def steam_id(self) -> int | None:
        """The Steam account that its skins go to."""
        return None if self.partner is None else steam_id_of(self.partner)


@dataclass(frozen=True, slots=True)
class LineView:
    """A line with everything that was tried for it."""

    line: Line
    attempts: tuple[Attempt, ...]

    @property
    def last(self) -> Attempt | None:
        """The attempt that decides about the line: the latest, if none before it weighs more.

        A purchase can turn up under a key that was called refused, after a later one was tried.
        """
        return max(reversed(self.attempts), key=lambda one: one.weight, default=None)

    def attempt(self, purchase_key: str) -> Attempt | None:
        """Return what was tried under this key."""
        return next((one for one in self.attempts if one.purchase_key == purchase_key), None)

    @property
    def state(self) -> LineState:
        """Where the line stands."""
        last = self.last
        facts = None
        if last is not None:
            facts = LastTry(
                last.state,
                refused_whole=last.refused_whole,
                failed=last.failed,
                released=last.released and last.failed,
                tried_again=last.round < self.line.round,
                substitute=self._may_substitute(last),
            )
        return line_state(no_listing=self.line.no_listing is not None, last=facts)

    def _may_substitute(self, last: Attempt) -> bool:
        """Say whether the next listing may be taken; never in place of one picked by its id.

        What a person has settled is bought again only if a person says so.
        """
        if self.line.listing_id is not None or last.code not in SUBSTITUTED_CODES:
            return False
        # The code was a second send's, and a person's word ended it.
        if last.settled_at is not None:
            return False
        return len(self.refused_listings) < TRIES_MAX

    @property
    def may_be_resent(self) -> bool:
        """Whether its unknown attempt may be sent once more, as far as the line goes.

        Not beside a purchase that is alive under another key, which the market had called refused
        or the records had lost: it would be the second one.
        """
        last = self.last
        if last is None or last.state is not AttemptState.UNKNOWN or last.sends > 1:
            return False
        return all(one.failed for one in self.bought)

    @property
    def refused_listings(self) -> frozenset[int]:
        """The listings that this round has been refused."""
        return frozenset(
            attempt.listing_id
            for attempt in self.attempts
            if attempt.round == self.line.round
            and attempt.state is AttemptState.REFUSED
            and not attempt.refused_whole
            and attempt.settled_at is None
        )

    @property
    def can_be_tried_again(self) -> bool:
        """Whether a moderator may have it tried again: definite, not bought, and not too often."""
        return self.state in (LineState.REFUSED, LineState.FAILED) and (
            self.line.round < ROUNDS_MAX and self.line.no_listing is not NoListing.APPROVAL_LOST
        )

    @property
    def failed_with(self) -> str | None:
        """The market's status of a purchase that did not last, where that is where it stands."""
        return self.last.offer_status if self.last and self.state is LineState.FAILED else None

    @property
    def bought(self) -> tuple[Attempt, ...]:
        """Every purchase of it that was paid for, also one that did not last."""
        return tuple(one for one in self.attempts if one.state is AttemptState.PURCHASED)

    @property
    def lost(self) -> tuple[Attempt, ...]:
        """The purchases of it that were paid for and that the member does not have."""
        return tuple(one for one in self.attempts if one.failed)


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
        """What the market took for the lines that were bought, delivered or not."""
        return Micros(sum(attempt.debited or 0 for view in self.lines for attempt in view.attempts))

    @property
    def kept_total(self) -> Micros:
        """What it took for what the member has or is sent: without what came to nothing."""
        return Micros(
            sum(one.debited or 0 for view in self.lines for one in view.bought if not one.failed)
        )

    def told_in(self, part: int) -> tuple[tuple[LineView, Attempt], ...]:
        """Return the purchases that a part of the trade messages tells of, with their lines."""
        return self._tried(lambda attempt: attempt.told_in == part)

    def noticed_in(self, part: int) -> tuple[tuple[LineView, Attempt], ...]:
        """Return the same of a part of the moderators' delivery notices."""
        return self._tried(lambda attempt: attempt.noticed_in == part)

    def _tried(self, which: Callable[[Attempt], bool]) -> tuple[tuple[LineView, Attempt], ...]:
        return tuple((line, one) for line in self.lines for one in line.attempts if which(one))

    @property
    def waiting(self) -> tuple[tuple[LineView, Attempt], ...]:
        """The purchases whose trades wait in Steam now, with their lines, the most urgent first."""
        return tuple(sorted(self._tried(lambda one: one.waits), key=_ends_at))

    @property
    def moving(self) -> tuple[LineView, ...]:
        """The lines of which a trade is still made or waits."""
        return tuple(line for line in self.lines if any(one.moves for one in line.attempts))

    def line_of(self, purchase_key: str) -> LineView | None:
        """Return the line that was tried under this key."""
        return next((line for line in self.lines if line.attempt(purchase_key)), None)

    def in_state(self, state: LineState) -> tuple[LineView, ...]:
        """Return the lines in ``state``."""
        return tuple(view for view in self.lines if view.state is state)

    @property
    def open_total(self) -> Micros:
        """The most that the lines still to be sent may cost."""
        return Micros(
            sum(
                view.line.ceiling
                for view in self.lines
                if view.state in (LineState.OPEN, LineState.RECHECK)
            )
        )

    @property
    def has_purchases(self) -> bool:
        """Whether anything of it was ever bought."""
        return any(
            attempt.state is AttemptState.PURCHASED
            for view in self.lines
            for attempt in view.attempts
        )

    @property
    def needs_a_person(self) -> bool:
        """Whether nobody but a person can say what became of some of its purchases."""
        return self.request.attention_at is not None and bool(self.in_state(LineState.UNKNOWN))

    @property
    def to_try_again(self) -> tuple[LineView, ...]:
        """The lines that a moderator may have tried again, as long as the approval counts."""
        request = self.request
        if request.state is not RequestState.BOUGHT or request.expires_at is None:
            return ()
        return tuple(view for view in self.lines if view.can_be_tried_again)

    @property
    def missed(self) -> tuple[LineView, ...]:
        """The lines whose trade its member did not accept in time, and that can be tried again."""
        return tuple(line for line in self.to_try_again if line.failed_with == OfferStatus.TIMEOUT)

    @property
    def member_is_here(self) -> bool:
        """Whether its member has said since they missed trades that they are there now."""
        here_at = self.request.here_at
        ends = [line.last.status_at or 0 for line in self.missed if line.last]
        return here_at is not None and bool(ends) and here_at >= max(ends)

    @property
    def rests_until(self) -> int | None:
        """Until when its own failed trades keep it from being tried again; None: they don't.

        Others to the same Steam account may keep it longer.
        """
        ends = [
            rests_until(
                line.last.offer_status,
                status_at=line.last.status_at or 0,
                url_since=self.request.trade_url_at,
            )
            for line in self.to_try_again
            if line.last and line.failed_with
        ]
        return max((end for end in ends if end is not None), default=None)

    @property
    def url_is_new(self) -> bool:
        """Whether there is a new Trade URL since trades could not be sent, so that trying helps."""
        failed = [line for line in self.to_try_again if line.failed_with in RESTS_AFTER]
        return bool(failed) and self.rests_until is None

    @property
    def undelivered(self) -> tuple[LineView, ...]:
        """The lines that are over and of which nothing is its member's."""
        over = (LineState.FAILED, LineState.REFUSED)
        return tuple(line for line in self.lines if line.state in over)

    @property
    def rounds(self) -> int:
        """How often any of its lines was tried again: a click on an older card shows by it."""
        return sum(view.line.round for view in self.lines)

    def next_step(self, at: int, *, grace_ms: int) -> Step:
        """Return what this request, in *buying*, needs next."""
        return next_step([view.state for view in self.lines], self._search(at, grace_ms))

    def _search(self, at: int, grace_ms: int) -> Search:
        request = self.request
        unknown = [line.last for line in self.in_state(LineState.UNKNOWN) if line.last]
        since = request.grace_from
        over = (
            since is not None
            and at >= since + grace_ms
            and all(attempt.misses >= MISSES_NEEDED for attempt in unknown)
            and request.history_at is not None
            and request.history_at >= since + grace_ms
        )
        return Search(
            over=over,
            may_resend=any(line.may_be_resent for line in self.lines)
            and request.expires_at is not None
            and request.expires_at > at,
            person_asked=request.attention_at is not None,
            # A bot that stood still has not asked, and silence is an answer to questions only.
            silent=since is not None
            and at >= since + SILENT_GRACES * grace_ms
            and request.look_ups >= SILENT_PASSES,
        )

    def groups(self) -> list[LineGroup]:
        """Return the lines as rows ×n, in the order in which they were picked."""

        def looks(view: LineView) -> tuple[str, str, int | None, Micros, Micros]:
            line = view.line
            return (line.game, line.market_hash_name, line.listing_id, line.quote, line.ceiling)

        rows = [list(alike) for _, alike in groupby(self.lines, key=looks)]
        return [LineGroup(row[0].line, len(row)) for row in rows]


def _ends_at(tried: tuple[LineView, Attempt]) -> int:
    return tried[1].trade_ends_at or 0


@dataclass(frozen=True, slots=True)
class Basket:
    """A member's draft on a server. ``revision`` grows with every change, so stale clicks show."""

    request_id: str
    guild_id: int
    user_id: int
    revision: int
    note: str
    picks: tuple[Pick, ...]
    pasted_left: int = 0
    """How many lines of pasted lists aren't in it yet."""

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


class Delivery(StrEnum):
    """When an approved request is bought: a trade lives ten minutes only."""

    AT_ONCE = "at_once"
    WHEN_READY = "when_ready"
    """As soon as its member says that they are there to accept it."""


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
    delivery: Delivery | None = None
    """When approved requests are bought; None as long as nobody has chosen, and then at once."""
    games: tuple[str, ...] = ("cs2",)
    """Whose skins can be asked for, the first of ``APP_IDS`` first."""

    @property
    def ready(self) -> bool:
        """Whether everything that requests need has been chosen."""
        return None not in (
            self.approver_role_id,
            self.approval_channel_id,
            self.results_channel_id,
        )


REBOUND: Final = "rebound"
"""The reason of a request that expired because the bot went to another market or project."""


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
    FOUND = "found"
    """A purchase that nobody knew of was found at the market."""
    RESENT = "resent"
    NEEDS_ATTENTION = "needs_attention"
    SETTLED = "settled"
    TRIED_AGAIN = "tried_again"
    ADOPTED = "adopted"
    BOUGHT = "bought"
    READY = "ready"
    """Its member had it sent now."""
    TRADE_WAITING = "trade_waiting"
    """A trade waits in Steam for its member."""
    DELIVERED = "delivered"
    """A trade was accepted; that can be reversed for days."""
    NOT_DELIVERED = "not_delivered"
    """A purchase has failed: the member does not have the skin."""
    MEMBER_HERE = "member_here"
    """Its member asked for another try after a trade that timed out."""
    ROLLED_BACK = "rolled_back"
    """What had been delivered was taken back under Steam's trade protection."""
    STATUS_CHANGED = "status_changed"
    """To one that nobody knows, or the market took back what it had said for good."""
    DELIVERY_STUCK = "delivery_stuck"
    """A purchase has not moved for so long that a person has to look."""
    MONEY_BACK = "money_back"
    """The money of a purchase that failed was seen back."""
    SPENT_AFTER_ALL = "spent_after_all"
    """What was booked as back is not: the purchase is alive after all."""
    CLOSED = "closed"
    """Nothing can happen to any of its purchases any more."""
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
    UNKNOWNS = "unknowns"
    """Three different requests in a row without a clear outcome."""
    BOOKS = "books"
    """The market's history and our records disagree about what was bought."""
    NEW_DATABASE = "new_database"
    """The project has bought under keys of ours before, and these records know nothing of it."""


@dataclass(frozen=True, slots=True)
class GuildPause:
    """A server's own pause: by whom, since when, and why."""

    guild_id: int
    since: int
    paused_by: int
    reason: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Buying is paused since then. ``code`` is the market's, where it was the market."""

    cause: PauseCause
    since: int
    code: int | None
    details: str


class MessageKind(StrEnum):
    """What a message of ours is. One of each for a request, or of some: several, in parts."""

    APPROVAL_CARD = "approval_card"
    MEMBER_STATUS = "member_status"
    RESULT = "result"
    TEST_CARD = "test_card"
    PAUSE_NOTICE = "pause_notice"
    TRADES = "trades"
    """To the member: trades wait in Steam. Each part tells of those that came at about one time."""
    DELIVERY_NOTICE = "delivery_notice"
    """To the moderators: what was returned, is stuck, or arrived after all. In parts as well."""
    READY = "ready"
    """To the member: say when you are there to accept it."""
    REMINDER = "reminder"
    """The same, once more, and at last that nobody said so in time. In parts, as the one before."""
    MEMBER_HERE = "member_here"
    """To the moderators: the member is there now and asks for another try."""


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
    part: int = 0
    copy: int = 0
    """How often it was put up anew after somebody had deleted it."""
