"""The limiter: never over the limit, over restarts too; everyone in order, and nobody starves."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.skinsback.limiter import BURST, REFILL, SHARES, WINDOW_S, CallClass, Limiter, Token
from bot.skinsback.limiter import TokenQueue as Queue

SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
LIMIT: Final = 400


def queue(now: int = 0, **numbers: int) -> Queue:
    return Queue(**{"burst": 100, "refill": 300, "window_ns": MINUTE, **numbers}, now=now)


def full(**numbers: int) -> Queue:
    """Return a queue whose bucket is full, at one minute."""
    full = queue(**numbers)
    assert full.serve(MINUTE) == []
    return full


def fullest(times: Sequence[int], window: int = MINUTE) -> int:
    """Return how many calls the fullest window holds, both of its ends included."""
    ordered = sorted(times)
    return max(
        (bisect_left(ordered, start + window + 1) - place for place, start in enumerate(ordered)),
        default=0,
    )


def classes(tokens: Sequence[Token]) -> list[CallClass]:
    return [token.call_class for token in tokens]


# The limit

_pauses = st.sampled_from([0, 0, 1, SECOND, 7 * SECOND, 20 * SECOND, MINUTE, MINUTE + 1])
_doings = st.sampled_from(["call", "call", "hold", "use", "use", "give up"])
_lives = st.lists(
    st.lists(st.tuples(_pauses, _doings, st.integers(1, 20)), min_size=1, max_size=6), max_size=12
)


@given(lives=_lives)
def test_no_window_ever_holds_more_than_the_limit_whatever_restarts_fall_in_it(
    lives: list[list[tuple[int, str, int]]],
) -> None:
    """New limiters on the same clock, and more to call than can ever be called.

    What was given is used at once, later, too late, never, or given back. All numbers are a tenth.
    """
    now, calls = 0, list[int]()
    for life in lives:
        one, held = queue(now, burst=10, refill=30), list[Token]()
        for place in range(80):
            one.ask(CallClass(place % len(CallClass)))
        for pause, what, count in life:
            now += pause
            given = one.serve(now)
            if what == "hold":
                held += given
                continue
            calls += [now] * sum(one.use(token, now) for token in given)
            for token in held[:count]:
                if what == "use":
                    calls += [now] * one.use(token, now)
                elif what == "give up":
                    one.give_up(token, now)
            if what != "call":
                del held[:count]
    assert fullest(calls) <= 40


def test_limit_is_reached_so_that_the_test_above_says_something() -> None:
    one, calls = full(), list[int]()
    for _ in range(1_000):
        one.ask(CallClass.BUY)
    for now in range(MINUTE, 3 * MINUTE, SECOND // 10):
        calls += [now] * sum(one.use(token, now) for token in one.serve(now))
    assert fullest(calls) == LIMIT
    assert (BURST + REFILL, WINDOW_S) == (LIMIT, 60)


@given(st.lists(st.integers(0, 2 * SECOND), min_size=1, max_size=200))
def test_start_gives_nothing_so_a_crash_loop_never_calls_more_often_than_the_refill(
    lives: list[int],
) -> None:
    now, calls = 0, 0
    for life in lives:
        one = queue(now)
        for _ in range(LIMIT):
            one.ask(CallClass.CATALOGUE)
        assert one.serve(now) == []
        now += life
        calls += len(one.serve(now))
    assert calls * MINUTE <= REFILL * now


def test_clock_that_goes_backwards_gives_nothing() -> None:
    one = queue(now=MINUTE)
    one.ask(CallClass.BUY)
    assert one.serve(0) == []
    assert one.serve(MINUTE + SECOND // 5 - 1) == []
    assert len(one.serve(MINUTE + SECOND // 5)) == 1


# Who is next


def test_waiting_calls_are_served_by_class_and_within_one_by_who_came_first() -> None:
    one = full()
    asked = [one.ask(each) for each in (3, 1, 0, 2, 0, 3, 1) for each in [CallClass(each)]]
    served = one.serve(MINUTE)
    assert served == [asked[place] for place in (2, 4, 1, 6, 3, 0, 5)]


@given(
    crowds=st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), max_size=120),
    lone=st.sampled_from(CallClass),
)
def test_class_that_always_waits_gets_its_share_whatever_the_others_ask_for(
    crowds: list[list[int]], lone: CallClass
) -> None:
    """At every moment, and not only in the end: the share of the refill, less what is under way."""
    one, got, now = queue(), Counter[CallClass](), 0
    for _ in range(1_000):
        one.ask(lone)
    for crowd in crowds:
        for call_class in CallClass:
            for _ in range(crowd[call_class]):
                one.ask(call_class)
        now += SECOND
        for token in one.serve(now):
            got[token.call_class] += 1
            one.use(token, now)
        assert got[lone] >= now * REFILL * SHARES[lone] // (100 * MINUTE) - 3


def test_catalogue_is_served_within_seconds_while_everybody_else_floods() -> None:
    one, now = queue(), 0
    for call_class in (CallClass.BUY, CallClass.LOOK_UP, CallClass.STATUS):
        for _ in range(1_000):
            one.ask(call_class)
    prices = one.ask(CallClass.CATALOGUE)
    while prices not in one.serve(now):
        now += SECOND // 10
    assert now <= 10 * SECOND


def test_what_a_class_leaves_goes_down_the_order() -> None:
    one = queue()
    for call_class in (CallClass.LOOK_UP, CallClass.CATALOGUE):
        for _ in range(500):
            one.ask(call_class)
    got = Counter[CallClass]()
    for now in range(0, MINUTE + 1, SECOND // 10):
        served = one.serve(now)
        assert all(one.use(token, now) for token in served)
        got.update(classes(served))
    assert got.total() == REFILL
    # All but its share, which is 15, and what stands to its credit.
    assert 14 <= got[CallClass.CATALOGUE] <= 17


def test_shares_leave_something_over() -> None:
    assert set(SHARES) == set(CallClass)
    assert sum(SHARES.values()) < 100
    assert all(SHARES.values())


# Giving up


def test_waiter_that_leaves_gives_its_place_up() -> None:
    one = queue()
    first, second = one.ask(CallClass.BUY), one.ask(CallClass.BUY)
    one.give_up(first, 0)
    assert one.serve(SECOND // 5) == [second]
    one.give_up(first, 0)
    assert one.wait_ns(SECOND) is None


def test_token_that_is_put_back_is_given_to_the_next() -> None:
    one = queue()
    first, second = one.ask(CallClass.BUY), one.ask(CallClass.BUY)
    assert one.serve(SECOND // 5) == [first]
    one.give_up(first, SECOND // 5)
    assert one.serve(SECOND // 5) == [second]
    assert not one.use(first, SECOND // 5)


def test_token_is_good_once_and_for_less_than_a_window() -> None:
    one = queue()
    tokens = [one.ask(CallClass.BUY) for _ in range(2)]
    assert one.serve(SECOND) == tokens
    assert one.use(tokens[0], SECOND)
    assert not one.use(tokens[0], SECOND)
    assert not one.use(tokens[1], SECOND + MINUTE)
    assert not one.use(Token(CallClass.BUY), SECOND)


def test_tokens_that_are_held_count_as_being_in_the_bucket() -> None:
    """Otherwise it would fill up beside them, and all could be used at one moment."""
    one = full(burst=10)
    for _ in range(100):
        one.ask(CallClass.BUY)
    assert len(one.serve(MINUTE)) == 10
    assert one.serve(MINUTE + 30 * SECOND) == []
    # After a window they are lost, and the bucket fills again.
    assert len(one.serve(2 * MINUTE + 30 * SECOND)) == 10


@pytest.mark.parametrize("wrong", ["burst", "refill", "window_ns"])
def test_limiter_that_lets_nobody_call_is_a_mistake(wrong: str) -> None:
    with pytest.raises(ValueError, match="never"):
        queue(**{wrong: 0})


# Backing off


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_refusal_for_the_limit_stops_everybody_until_the_pause_is_over() -> None:
    clock = Hands()
    limiter = Limiter(now_ns=clock, rng=Random(1))
    clock.move(60)
    pause = limiter.back_off()
    assert 60 <= pause <= 75
    waiting = [asyncio.create_task(limiter.take(each)) for each in CallClass]
    clock.move(pause - 0.001)
    limiter._serve()
    await turns()
    assert not any(task.done() for task in waiting)
    clock.move(0.001)
    limiter._serve()
    await turns()
    assert all(task.done() for task in waiting)


def test_pause_grows_with_each_refusal_after_it_and_is_forgotten_after_a_good_window() -> None:
    clock = Hands()
    limiter = Limiter(now_ns=clock, rng=Random(2))
    pauses = []
    for _ in range(6):
        pauses.append(limiter.back_off())
        # Answers to calls from before the pause say nothing new.
        clock.move(1)
        assert limiter.back_off() == pytest.approx(pauses[-1] - 1)
        clock.move(pauses[-1] - 1)
    for pause, times in zip(pauses, (1, 2, 4, 8, 8, 8), strict=True):
        assert 60 * times <= pause <= 75 * times
    assert len({pause / round(pause / 60) for pause in pauses}) == 6
    clock.move(60.1)
    assert limiter.back_off() <= 75


# Waiting for it, in a loop


def quick(**numbers: float) -> Limiter:
    """Return a limiter whose minute is six tenths of a second: a call every two thousandths."""
    return Limiter(window_s=numbers.get("window_s", 0.6), burst=100, refill=300)


async def test_take_waits_as_long_as_it_must() -> None:
    limiter, loop = quick(), asyncio.get_running_loop()
    began = loop.time()
    for _ in range(50):
        await limiter.take(CallClass.STATUS)
    assert loop.time() - began >= 0.099


@given(seed=st.integers(0, 1_000))
def test_cancelled_waiters_lose_no_token_and_keep_nobody_waiting(seed: int) -> None:
    async def scenario() -> None:
        rng, clock = Random(seed), Hands()
        limiter = Limiter(now_ns=clock, burst=20, refill=20, window_s=20)
        clock.move(20)
        tasks = [asyncio.create_task(limiter.take(rng.choice(list(CallClass)))) for _ in range(40)]
        # Some have no token yet, some have one and have not woken up, some are through.
        await turns(rng.randrange(3))
        for task in rng.sample(tasks, 20):
            task.cancel()
        await turns(20)
        through = sum(task.done() and not task.cancelled() for task in tasks)
        left = sum(not task.done() for task in tasks)
        assert through == 20 or left == 0
        clock.move(20)
        limiter._serve()
        await turns(20)
        assert all(task.done() for task in tasks)

    asyncio.run(scenario())


async def test_call_that_hangs_holds_nothing() -> None:
    """A thousand calls that never end, and the next one is served as if they weren't there."""
    limiter = quick(window_s=0.06)

    async def hang() -> None:
        await limiter.take(CallClass.BUY)
        await asyncio.sleep(3600)

    hanging = [asyncio.create_task(hang()) for _ in range(300)]
    async with asyncio.timeout(5):
        await asyncio.sleep(0.2)
        await limiter.take(CallClass.STATUS)
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)


async def test_reserved_token_is_used_later_without_waiting_and_only_once() -> None:
    clock = Hands()
    limiter = Limiter(now_ns=clock)
    clock.move(1)
    token = await limiter.reserve(CallClass.BUY)
    clock.move(10)
    assert limiter.use(token)
    assert not limiter.use(token)
    late = await limiter.reserve(CallClass.BUY)
    clock.move(60)
    assert not limiter.use(late)


async def test_waiters_when_their_loop_is_told_to_stop_then_nothing_is_left_behind() -> None:
    limiter = Limiter()
    tasks = [asyncio.create_task(limiter.take(CallClass.BUY)) for _ in range(3)]
    await turns()
    assert limiter._timer is not None
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert limiter._timer is None
    assert not limiter._waiters
