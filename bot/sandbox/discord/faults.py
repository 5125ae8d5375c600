"""Faults and rate limits on demand: what Discord does on a bad day.

``discord.faults.add(method="POST", path=r"/channels/\\d+/messages", times=2, action=Status(500))``
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any, Final

from bot.sandbox.discord.clock import Clock

ANY_NUMBER: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Status:
    """Answer with a bare status, as a proxy in front of Discord does: 500, 502, 503."""

    status: int


@dataclass(frozen=True, slots=True)
class RateLimited:
    """Answer 429 with the headers and the body of Discord's own rate limits."""

    retry_after: float = 0.2
    is_global: bool = False


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer with an error of the API: any status and code."""

    status: int
    code: int
    message: str = "Refused"


@dataclass(frozen=True, slots=True)
class Drop:
    """Cut the connection before the request is handled: it never happened."""


@dataclass(frozen=True, slots=True)
class DropAfter:
    """Handle the request, then cut the connection: it happened, and the bot cannot know."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Handle the request after some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class DelayAnswer:
    """Handle the request at once, and answer after some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Never answer, and never handle the request."""


Action = Status | RateLimited | Refuse | Drop | DropAfter | Delay | DelayAnswer | Hang


@dataclass(eq=False)
class Fault:
    """A fault that waits for its requests. ``hits`` says how often it has struck."""

    action: Action
    method: str | None
    path: re.Pattern[str]
    times: int
    after: int
    hits: int = 0
    seen: int = 0

    def takes(self, method: str, path: str) -> bool:
        """Tell whether a request is hit, and count it."""
        if self.method not in (None, method) or not self.path.search(path):
            return False
        self.seen += 1
        if self.seen <= self.after or self.hits >= self.times:
            return False
        self.hits += 1
        return True


class Faults:
    """The faults that are set up; the first that fits a request hits it."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(
        self,
        action: Action,
        *,
        method: str | None = None,
        path: str = "",
        times: int = ANY_NUMBER,
        after: int = 0,
    ) -> Fault:
        """Let requests fail: ``path`` is a regular expression; the first ``after`` ones pass."""
        fault = Fault(action, method, re.compile(path), times, after)
        self._faults.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Take one fault away."""
        self._faults.remove(fault)

    def clear(self) -> None:
        """Take all faults away."""
        self._faults.clear()

    def strike(self, method: str, path: str) -> Action | None:
        """Return what happens to a request; None if nothing."""
        for fault in self._faults:
            if fault.takes(method, path):
                return fault.action
        return None


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a request found of its bucket: the headers say it, and ``wait_s`` refuses."""

    limit: int
    remaining: int
    reset_after_s: float
    bucket: str
    wait_s: float | None

    def headers(self) -> dict[str, str]:
        """Return the headers of Discord's rate limits."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset-After": f"{self.reset_after_s:.3f}",
            "X-RateLimit-Bucket": self.bucket,
        }


@dataclass(eq=False)
class Limits:
    """Optional buckets: at most ``count`` requests in ``seconds`` for a method and channel.

    Discord does not publish its numbers; there are none here unless a test sets some.
    """

    clock: Clock
    count: int | None = None
    seconds: float = 5.0
    _used: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def per_channel(self, count: int | None, seconds: float = 5.0) -> None:
        """Allow so many sends (and, apart, edits) in each channel; None lifts the limit."""
        self.count = count
        self.seconds = seconds
        self._used.clear()

    def take(self, bucket: str) -> Allowance | None:
        """Count a request against its bucket; None if there are no limits."""
        if self.count is None:
            return None
        return take_from(self._used[bucket], bucket, self.clock.now(), self.count, self.seconds)


def take_from(used: deque[float], bucket: str, now: float, count: int, seconds: float) -> Allowance:
    """Count a request in a sliding window of ``seconds``."""
    while used and used[0] <= now - seconds:
        used.popleft()
    full = len(used) >= count
    if not full:
        used.append(now)
    reset_after = max(0.0, used[0] + seconds - now)
    return Allowance(
        limit=count,
        remaining=count - len(used),
        reset_after_s=reset_after,
        bucket=bucket,
        wait_s=reset_after if full else None,
    )


def rate_limited_body(retry_after: float, *, is_global: bool) -> dict[str, Any]:
    """Return the body of a 429."""
    return {
        "message": "You are being rate limited.",
        "code": 0,
        "retry_after": retry_after,
        "global": is_global,
    }
