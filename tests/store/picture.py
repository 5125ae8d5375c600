"""A plain picture of requests, kept beside the store: what must stand on the disk after each step.

It knows nothing of SQL. What it says of a step is what the design says of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bot.domain.limits import MISSES_NEEDED, ROUNDS_MAX, SILENT_GRACES, SILENT_PASSES, TRIES_MAX
from bot.domain.market import FAILED_STATUSES
from bot.domain.models import SUBSTITUTED_CODES

OVER: Final = ("denied", "cancelled", "expired")
Cell = str | int | bool | None


@dataclass
class Try:
    """One purchase key of a line, and what came of it."""

    key: str
    number: int
    listing_id: int
    price: int
    digest: str
    round: int
    state: str = "sent"
    sends: int = 1
    unsent: int = 0
    misses: int = 0
    code: int | None = None
    whole: bool = False
    buy_id: int | None = None
    status: str | None = None
    released: bool = False
    settled: bool = False

    @property
    def pending(self) -> bool:
        """Whether it may be at the market and nobody knows."""
        return self.state in ("sent", "unknown")

    @property
    def failed(self) -> bool:
        """Whether it was bought in vain."""
        return self.state == "purchased" and self.status in FAILED_STATUSES


@dataclass
class Row:
    """One line."""

    number: int
    ceiling: int
    listing_id: int | None = None
    round: int = 0
    no_listing: str | None = None
    tries: list[Try] = field(default_factory=list)

    @property
    def last(self) -> Try | None:
        """The latest try: a next one is made only after the definite end of the one before."""
        return self.tries[-1] if self.tries else None

    @property
    def stands(self) -> str:
        """Where the line stands."""
        last = self.last
        may_be_sent = "refused" if self.no_listing else "open"
        if last is None or last.released or last.state == "not_sent":
            return may_be_sent
        if last.failed:
            return "recheck" if last.round < self.round else "failed"
        if last.state == "refused":
            again = last.whole or last.round < self.round or self._may_substitute(last)
            return may_be_sent if again else "refused"
        return last.state

    def _may_substitute(self, last: Try) -> bool:
        refused = {
            one.listing_id
            for one in self.tries
            if (one.round, one.state, one.whole, one.settled)
            == (self.round, "refused", False, False)
        }
        by_name = self.listing_id is None and not last.settled
        return by_name and last.code in SUBSTITUTED_CODES and len(refused) < TRIES_MAX

    @property
    def can_be_tried_again(self) -> bool:
        """Whether a moderator may have it tried again."""
        return self.stands in ("refused", "failed") and self.round < ROUNDS_MAX

    @property
    def unsent(self) -> int:
        """What is held for it although nothing of it is at the market."""
        live = any(
            one.pending or (one.state == "purchased" and one.round == self.round)
            for one in self.tries
            if not one.released
        )
        return 0 if live or self.no_listing else self.ceiling

    @property
    def pending(self) -> int:
        """What is held for it because it may be at the market."""
        return sum(one.price for one in self.tries if one.pending)


@dataclass
class Message:
    """A message that must stand somewhere; ``wanted`` counts what has happened to show since."""

    outbox_id: int
    state: str = "waiting"
    wanted: int = 1
    shown: int = 0


@dataclass
class Picture:
    """One request."""

    request_id: str
    user_id: int
    digest: str
    version: int
    expires_at: int | None
    rows: list[Row]
    state: str = "pending"
    approved_digest: str | None = None
    decided_at: int | None = None
    claimable_at: int | None = None
    waits_for: str | None = None
    grace_from: int | None = None
    look_ups: int = 0
    history_at: int | None = None
    attention_at: int | None = None
    messages: dict[str, Message] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether its open lines are held for."""
        return self.state in ("approved", "buying")

    @property
    def held(self) -> int:
        """What is held for it."""
        pending = sum(row.pending for row in self.rows)
        return pending + (sum(row.unsent for row in self.rows) if self.holds else 0)

    @property
    def turn(self) -> tuple[int, int, str]:
        """Its place in the queue for the balance: the lowest goes first."""
        if not self.holds:
            return (2, 0, "")
        return (int(self.state == "approved"), self.decided_at or 0, self.request_id)

    @property
    def to_send(self) -> int:
        """What its lines that may be sent next can cost."""
        return sum(row.ceiling for row in self.rows if row.stands in ("open", "recheck"))

    def counts(self, now: int) -> bool:
        """Say whether its approval, or its wait for one, is not too old."""
        return self.expires_at is not None and self.expires_at > now

    def step(self, now: int, grace_ms: int) -> str:
        """Return what it needs next while it is being bought."""
        unknown = [row.last for row in self.rows_that("unknown") if row.last]
        if self.rows_that("sent"):
            return "wait"
        if not unknown:
            return "buy" if self.rows_that("open", "recheck") else "finish"
        if self.attention_at is not None or self.grace_from is None:
            return "look_up"
        over_at = self.grace_from + grace_ms
        if not (
            now >= over_at
            and all(one.misses >= MISSES_NEEDED for one in unknown)
            and (self.history_at or 0) >= over_at
        ):
            silent = now >= self.grace_from + SILENT_GRACES * grace_ms
            return "ask_a_person" if silent and self.look_ups >= SILENT_PASSES else "look_up"
        once = any(one.sends == 1 for one in unknown)
        return "resend" if once and self.counts(now) else "ask_a_person"

    def rows_that(self, *stand: str) -> list[Row]:
        """Return the lines that stand so."""
        return [row for row in self.rows if row.stands in stand]

    def tries(self) -> Iterator[Try]:
        """Return every try of every line."""
        for row in self.rows:
            yield from row.tries

    def touch(self) -> None:
        """Something happened that its messages show."""
        for message in self.messages.values():
            message.wanted += 1

    def go_on(self) -> None:
        """It waits for nothing; if nothing is unknown any more, no person is needed either."""
        self.waits_for = None
        if not self.rows_that("unknown"):
            self.attention_at = None

    def begin_search(self, now: int) -> None:
        """Count the grace period anew, if anything is unknown."""
        unknown = self.rows_that("unknown")
        for row in unknown:
            assert row.last is not None
            row.last.misses = 0
        if unknown and self.state == "buying":
            self.grace_from, self.look_ups, self.history_at = now, 0, None
            self.waits_for = None

    def give_back(self, reason: str, now: int) -> None:
        """Back to approved; what had no listing is judged anew."""
        self.state, self.waits_for, self.claimable_at = "approved", reason, now
        for one in self.tries():
            if one.state == "not_sent":
                one.unsent = 0
        for row in self.rows:
            row.no_listing = None

    def finish(self) -> None:
        """Every line is definite."""
        self.state, self.waits_for, self.attention_at = "bought", None, None
        self.grace_from, self.look_ups, self.history_at = None, 0, None
        for row in self.rows:
            for one in row.tries:
                if one.state == "purchased" and not one.released:
                    one.round = row.round

    def void(self, expires_at: int) -> None:
        """The approval counts no longer."""
        self.state, self.expires_at = "pending", expires_at
        self.approved_digest = self.decided_at = self.claimable_at = self.waits_for = None

    def on_disk(self) -> dict[str, tuple[Cell, ...]]:
        """Return what must be read of it, by a name for each row."""
        found: dict[str, tuple[Cell, ...]] = {
            self.request_id: (
                self.state,
                self.digest,
                self.version,
                self.decided_at,
                self.claimable_at,
                self.expires_at,
                self.waits_for,
                self.grace_from,
                self.look_ups,
                self.history_at,
                self.attention_at,
                self.state not in OVER,
            )
        }
        for row in self.rows:
            found[f"{self.request_id} {row.number}"] = (row.ceiling, row.round, row.no_listing)
            for one in row.tries:
                found[one.key] = (
                    row.number,
                    one.number,
                    one.state,
                    one.digest,
                    one.listing_id,
                    one.price,
                    one.round,
                    one.sends,
                    one.unsent,
                    one.misses,
                    one.code,
                    one.whole,
                    one.buy_id,
                    one.status,
                    one.released,
                    one.settled,
                )
        for kind, message in self.messages.items():
            found[f"{self.request_id} {kind}"] = (
                message.outbox_id,
                message.state,
                message.wanted,
                message.shown,
            )
        return found
