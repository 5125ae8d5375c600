"""How often the market is called: one limiter for the merchant project, and nothing on disk.

Invariants:
- No sliding window ever holds more than ``burst + refill`` calls, whatever restarts fall in it: the
  bucket is empty at start, holds ``burst`` at most and gets ``refill`` for each window. What was
  handed out and is not used yet still counts as being in it.
- Nobody starves: each class has a guaranteed share of the refill, however much the others ask for.
- A call that hangs holds nothing: it took its token before it was sent, and that was all.

``TokenQueue`` is the rule, without a clock or a loop; ``Limiter`` is what is waited for.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from enum import IntEnum
from random import Random, SystemRandom
from typing import Final

BURST: Final = 100
REFILL: Final = 300
WINDOW_S: Final = 60.0
"""100 at once and 300 a minute: at most 400 of the 500 that the market lets a project make in a
minute, because others may use the project too."""

_NS: Final = 1_000_000_000
_CREDITS_MAX: Final = 2
_DOUBLINGS_MAX: Final = 3


class CallClass(IntEnum):
    """What a call is for, in the order in which waiting calls are served."""

    BUY = 0
    LOOK_UP = 1
    STATUS = 2
    CATALOGUE = 3


SHARES: Final[Mapping[CallClass, int]] = {
    CallClass.BUY: 40,
    CallClass.LOOK_UP: 30,
    CallClass.STATUS: 15,
    CallClass.CATALOGUE: 5,
}
"""The guaranteed share of each class, in percent of the refill. The rest goes by their order."""


class Token:
    """The right to make one call, asked for and perhaps not given yet."""

    __slots__ = ("call_class",)

    def __init__(self, call_class: CallClass) -> None:
        self.call_class = call_class


class TokenQueue:
    """Who may call when. Times are nanoseconds of one monotonic clock.

    Amounts are whole numbers, a token being ``window_ns`` of them, so that no rounding ever adds a
    call.
    """

    def __init__(self, *, burst: int, refill: int, window_ns: int, now: int) -> None:
        if burst < 1 or refill < 1 or window_ns < 1:
            raise ValueError("a limiter that never lets anybody call")
        self._burst = burst
        self._refill = refill
        self._token = window_ns
        self._level = 0
        self._filled_at = now
        self._waiting: dict[CallClass, deque[Token]] = {each: deque() for each in CallClass}
        self._credits = dict.fromkeys(CallClass, 0)
        self._out: dict[Token, int] = {}
        self._closed_until = now

    def ask(self, call_class: CallClass) -> Token:
        """Take a place at the end of a class."""
        token = Token(call_class)
        self._waiting[call_class].append(token)
        return token

    def serve(self, now: int) -> list[Token]:
        """Return the tokens that are given out now, in their order."""
        self._fill(now)
        served: list[Token] = []
        if now < self._closed_until:
            return served
        while self._level >= self._token and (call_class := self._next_class()) is not None:
            token = self._waiting[call_class].popleft()
            self._level -= self._token
            self._credits[call_class] = max(0, self._credits[call_class] - self._token * 100)
            self._out[token] = now
            served.append(token)
        return served

    def wait_ns(self, now: int) -> int | None:
        """Return after how long somebody can be served, or None if nobody waits."""
        self._fill(now)
        if not any(self._waiting.values()):
            return None
        missing = max(0, self._token - self._level)
        return max(-(-missing // self._refill), self._closed_until - now)

    def use(self, token: Token, now: int) -> bool:
        """Say whether the call may be made now: the token was given, less than a window ago."""
        self._fill(now)
        return self._out.pop(token, None) is not None

    def give_up(self, token: Token, now: int) -> None:
        """Leave the queue, or put back a token that wasn't used."""
        self._fill(now)
        if self._out.pop(token, None) is not None:
            self._level = min(self._room(), self._level + self._token)
        elif token in self._waiting[token.call_class]:
            self._waiting[token.call_class].remove(token)

    def close(self, until: int) -> None:
        """Serve nobody before ``until``."""
        self._closed_until = max(self._closed_until, until)

    @property
    def closed_until(self) -> int:
        """Until when nobody is or was served."""
        return self._closed_until

    def _fill(self, now: int) -> None:
        since = max(0, now - self._filled_at)
        self._filled_at += since
        # Oldest first. What was never used is lost, so that it can't be used in a later window.
        for token, given_at in list(self._out.items()):
            if given_at + self._token > now:
                break
            del self._out[token]
        self._level = min(self._room(), self._level + self._refill * since)
        for call_class, share in SHARES.items():
            earned = self._credits[call_class] + self._refill * since * share
            self._credits[call_class] = min(_CREDITS_MAX * self._token * 100, earned)

    def _room(self) -> int:
        return (self._burst - len(self._out)) * self._token

    def _next_class(self) -> CallClass | None:
        """Return whose turn it is: the first one that is owed a call, else the first one."""
        waiting = [each for each in CallClass if self._waiting[each]]
        owed = [each for each in waiting if self._credits[each] >= self._token * 100]
        return next(iter(owed or waiting), None)


class Limiter:
    """Waits for the right to call. One for each merchant project, in one event loop.

    At most ``burst + refill`` calls are made in any ``window_s`` seconds, over restarts too.
    ``now_ns`` is a monotonic clock; ``rng`` spreads the return after a back-off.
    """

    def __init__(
        self,
        *,
        burst: int = BURST,
        refill: int = REFILL,
        window_s: float = WINDOW_S,
        now_ns: Callable[[], int] = time.monotonic_ns,
        rng: Random | None = None,
    ) -> None:
        self._now = now_ns
        self._window_ns = round(window_s * _NS)
        self._queue = TokenQueue(
            burst=burst, refill=refill, window_ns=self._window_ns, now=now_ns()
        )
        self._rng = rng or SystemRandom()
        self._waiters: dict[Token, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._refused_in_a_row = 0

    async def take(self, call_class: CallClass) -> None:
        """Wait for the right to make one call, which must be made at once."""
        while not self.use(await self.reserve(call_class)):
            continue  # the process stood still for a whole window

    async def reserve(self, call_class: CallClass) -> Token:
        """Wait for the right to make one call a little later: ``use`` it, or ``give_up``.

        A token that is not used within a window is lost. A waiter that is cancelled gives its place
        up, and no token is lost.
        """
        token = self._queue.ask(call_class)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters[token] = future
        try:
            self._serve()
            await future
        except BaseException:
            self.give_up(token)
            raise
        finally:
            self._waiters.pop(token, None)
        return token

    def use(self, token: Token) -> bool:
        """Spend a token for a call that is made now; False: it is spent or too old, take anew."""
        return self._queue.use(token, self._now())

    def give_up(self, token: Token) -> None:
        """Put a token back that won't be used."""
        self._queue.give_up(token, self._now())
        self._serve()

    def back_off(self) -> float:
        """Serve nobody for a window, because the market has refused a call for its limit.

        With jitter it is up to a quarter more. Each refusal after such a pause doubles the next
        one, up to eight times, until a window has gone well. Those that come during a pause are
        answers to calls from before it. Return the pause, in seconds.
        """
        now, over = self._now(), self._queue.closed_until
        if now < over:
            return (over - now) / _NS
        if now - over > self._window_ns:
            self._refused_in_a_row = 0
        windows = (1 << self._refused_in_a_row) * self._rng.uniform(1, 1.25)
        pause_ns = round(windows * self._window_ns)
        self._refused_in_a_row = min(_DOUBLINGS_MAX, self._refused_in_a_row + 1)
        self._queue.close(now + pause_ns)
        self._serve()
        return pause_ns / _NS

    def _serve(self) -> None:
        """Serve whoever can be, and come again when the next one can."""
        now = self._now()
        for token in self._queue.serve(now):
            future = self._waiters[token]
            if not future.done():
                future.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wait_ns = self._queue.wait_ns(now)
        if wait_ns is not None:
            # A nanosecond too early would only mean to wait once more.
            self._timer = asyncio.get_running_loop().call_later(wait_ns / _NS, self._serve)
