"""A request's life, walked at random against the real store: what holds after every step."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Final, TypeVar

import pytest

from bot.domain.keys import purchase_key
from bot.domain.limits import MISSES_NEEDED
from bot.domain.market import FAILED_STATUSES, Purchase, Refusal
from bot.domain.models import Attempt, LineView, NoListing, RequestView, WaitReason
from bot.domain.money import Micros
from bot.domain.states import TRANSITIONS, AttemptState, LineState, RequestState, Step
from bot.services.buying import next_attempt_no
from bot.store import deliveries, purchases, requests
from bot.store.database import Database, Transaction
from bot.store.deliveries import Known
from tests.store import samples
from tests.store.samples import DAY, MAX, NOW, SEALED, request_id, shown

GRACE: Final = 600_000
STEPS: Final = 120
T = TypeVar("T")

ALLOWED: Final = {(before, after) for (before, _), after in TRANSITIONS.items()}


@dataclass
class Walk:
    """One life, as random as its seed. ``sends`` is what a market would have seen."""

    database: Database
    rng: Random
    now: int = NOW
    sends: Counter[str] = field(default_factory=Counter)
    at_the_market: dict[str, int] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    buy_ids: int = 0

    async def view(self) -> RequestView:
        async with self.database.reading() as tx:
            return await shown(tx, request_id())

    async def in_tx(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        async with self.database.writing() as tx:
            return await work(tx)

    async def go(self) -> None:
        """Take one random step, whatever the request's state, and check what must hold."""
        before = await self.view()
        sent_before = Counter(self.sends)
        step = self.rng.choice(STEPS_TO_TAKE)
        self.steps.append(step.__name__)
        self.now += self.rng.choice([1, 1_000, 60_000, GRACE])
        await step(self, before)
        after = await self.view()
        self.seen[after.request.state.value] += 1
        self._hold(before, after)
        self._hold_sends(before, self.sends - sent_before)

    def _hold_sends(self, before: RequestView, sent: Counter[str]) -> None:
        """Nothing is sent beside an unknown line; what is sent again was unknown."""
        unknown = {one.purchase_key: one for one in _unknown(before)}
        for key in sent:
            trail = " > ".join(self.steps[-12:])
            if not unknown:
                assert self.sends[key] == 1, trail
                continue
            assert key in unknown, trail
            assert unknown[key].sends == 1, trail
            assert unknown[key].misses >= MISSES_NEEDED, trail
            assert before.request.attention_at is None, trail

    def _hold(self, before: RequestView, after: RequestView) -> None:
        """Hold the invariants of money, over one step."""
        trail = " > ".join(self.steps[-12:])
        was, stands = before.request.state, after.request.state
        assert was is stands or (was, stands) in ALLOWED, trail
        for line in after.lines:
            live = [
                one
                for one in line.attempts
                if one.state in (AttemptState.SENT, AttemptState.UNKNOWN)
                or (one.state is AttemptState.PURCHASED and not one.released)
            ]
            assert len(live) <= 1, trail
            if line.state is LineState.OPEN:
                # What would be sent next is beside nothing that may be, or is, the member's.
                assert not live, trail
                assert not any(_alive(one) for one in line.attempts), trail
            for one in line.attempts:
                assert one.sends <= 2
                assert one.released is False or one.offer_status in FAILED_STATUSES, trail
        assert max(self.sends.values(), default=0) <= 2, trail
        known = {one.purchase_key: one.state for line in after.lines for one in line.attempts}
        assert set(self.sends) <= set(known), trail
        for key, buy_id in self.at_the_market.items():
            # Bought is bought, or not known yet; it is never called anything else.
            assert known[key] in (
                AttemptState.SENT,
                AttemptState.UNKNOWN,
                AttemptState.PURCHASED,
            ), (key, buy_id, trail)


def _alive(attempt: Attempt) -> bool:
    return attempt.state is AttemptState.PURCHASED and not attempt.failed


def _on_the_wire(view: RequestView) -> list[Attempt]:
    return [one.last for one in view.lines if one.last and one.state is LineState.SENT]


def _unknown(view: RequestView) -> list[Attempt]:
    return [one.last for one in view.lines if one.last and one.state is LineState.UNKNOWN]


# What people do


async def approve(walk: Walk, view: RequestView) -> None:
    request = view.request
    await walk.in_tx(
        lambda tx: requests.approve(
            tx,
            request.request_id,
            digest=request.digest,
            by=MAX,
            at=walk.now,
            claimable_at=walk.now,
            expires_at=walk.now + DAY,
        )
    )


async def take_back(walk: Walk, view: RequestView) -> None:
    digest = view.request.digest
    await walk.in_tx(
        lambda tx: requests.take_back(
            tx, request_id(), digest=digest, at=walk.now, expires_at=walk.now + DAY
        )
    )


async def seldom_deny_or_cancel(walk: Walk, view: RequestView) -> None:
    if walk.rng.random() > 0.03:
        return
    digest = view.request.digest
    if walk.rng.random() < 0.5:
        await walk.in_tx(lambda tx: requests.cancel(tx, request_id(), at=walk.now))
    else:
        await walk.in_tx(
            lambda tx: requests.deny(
                tx, request_id(), digest=digest, by=MAX, reason="", at=walk.now
            )
        )


async def renew_the_token(walk: Walk, view: RequestView) -> None:
    partner = view.request.partner or 0
    await walk.in_tx(
        lambda tx: requests.renew_token(tx, request_id(), SEALED, partner=partner, at=walk.now)
    )


async def settle(walk: Walk, view: RequestView) -> None:
    """An administrator settles, and rightly so."""
    if walk.rng.random() > 0.1:
        return
    for one in _unknown(view):
        bought: tuple[int, Micros] | None = None
        if (buy_id := walk.at_the_market.get(one.purchase_key)) is not None:
            bought = (buy_id, one.max_price)
        await walk.in_tx(
            lambda tx, one=one, bought=bought: purchases.settle(  # type: ignore[misc]
                tx, one.purchase_key, by=MAX, at=walk.now, bought=bought
            )
        )


async def try_again(walk: Walk, view: RequestView) -> None:
    await walk.in_tx(lambda tx: purchases.try_again(tx, view, at=walk.now))


# What the worker does


async def claim(walk: Walk, view: RequestView) -> None:
    digest = view.request.digest
    await walk.in_tx(lambda tx: purchases.claim(tx, request_id(), digest=digest, at=walk.now))


async def expire(walk: Walk, view: RequestView) -> None:
    await walk.in_tx(lambda tx: requests.expire(tx, request_id(), at=walk.now))


async def restart(walk: Walk, view: RequestView) -> None:
    if walk.rng.random() > 0.2:
        return

    async def work(tx: Transaction) -> None:
        await purchases.give_up_waiting(tx, request_id(), message="stopped")
        await purchases.begin_search(tx, request_id(), at=walk.now, step_at=walk.now)

    await walk.in_tx(work)


async def take_the_next_step(walk: Walk, view: RequestView) -> None:
    """Send, send again, or end, as the one pure function says; nothing else ever sends."""
    if view.request.state is not RequestState.BUYING:
        return
    match view.next_step(walk.now, grace_ms=GRACE):
        case Step.BUY:
            await _send(walk, view)
        case Step.RESEND:
            keys = await walk.in_tx(lambda tx: purchases.open_resend(tx, request_id(), at=walk.now))
            walk.sends.update(keys)
        case Step.ASK_A_PERSON:
            await walk.in_tx(
                lambda tx: purchases.ask_a_person(tx, request_id(), at=walk.now, step_at=walk.now)
            )
        case Step.FINISH:
            await walk.in_tx(lambda tx: purchases.finish(tx, request_id(), at=walk.now))
        case Step.LOOK_UP | Step.WAIT:
            return


async def _send(walk: Walk, view: RequestView) -> None:
    async def work(tx: Transaction) -> None:
        for line in view.in_state(LineState.RECHECK):
            assert line.last is not None
            await purchases.release(tx, line.last.purchase_key)
        now = await shown(tx, request_id())
        lines = [line for line in now.in_state(LineState.OPEN) if walk.rng.random() < 0.9]
        for line in now.in_state(LineState.OPEN):
            if line not in lines:
                await purchases.refuse_line(
                    tx, request_id(), line.line.line_no, NoListing.SOLD_OUT, None
                )
        tried = [_attempt(walk, line) for line in lines if next_attempt_no(line) < 99]
        if tried:
            walk.sends.update(await samples.send(tx, now, tried=tried))

    await walk.in_tx(work)


def _attempt(walk: Walk, line: LineView) -> purchases.NewAttempt:
    number = next_attempt_no(line)
    return purchases.NewAttempt(
        purchase_key(request_id(), line.line.line_no, number),
        line.line.line_no,
        number,
        listing_id=walk.rng.randrange(1, 10**6),
        max_price=line.line.ceiling,
        class_id="",
        round=line.line.round,
    )


async def outcome(walk: Walk, view: RequestView) -> None:
    """The answer to what is on the wire, of a market that may have bought on either send."""
    wire = _on_the_wire(view)
    if not wire:
        return
    whole = walk.rng.random() < 0.2
    unsent = not whole and walk.rng.random() < 0.15

    async def work(tx: Transaction) -> None:
        for one in wire:
            key = one.purchase_key
            if unsent:
                walk.sends[key] -= 1
                await purchases.record_not_sent(tx, key, at=walk.now)
                continue
            if whole and one.sends == 1:
                await purchases.record_refusal(tx, key, Refusal(-9, ""), whole=True, at=walk.now)
                continue
            await _judge(walk, tx, one)
        await purchases.begin_search(tx, request_id(), at=walk.now, step_at=walk.now)
        now = await shown(tx, request_id())
        if whole and not now.has_purchases and not now.in_state(LineState.UNKNOWN):
            await purchases.give_back(
                tx, request_id(), WaitReason.MAINTENANCE, claimable_at=walk.now, at=walk.now
            )

    await walk.in_tx(work)
    walk.sends += Counter()


async def _judge(walk: Walk, tx: Transaction, one: Attempt) -> None:
    key = one.purchase_key
    luck = walk.rng.random()
    if key not in walk.at_the_market and luck < 0.45:
        walk.buy_ids += 1
        walk.at_the_market[key] = walk.buy_ids
    bought = key in walk.at_the_market
    if luck < 0.3 and bought:
        await purchases.record_purchase(tx, key, _purchase(walk, key), at=walk.now)
    elif not bought and luck > 0.6:
        definite = await purchases.record_refusal(tx, key, Refusal(5, ""), whole=False, at=walk.now)
        if not definite:
            await purchases.record_unknown(tx, key, message="", code=5)
    else:
        # Error 7 on a second send of what the first has bought, or no answer at all.
        await purchases.record_refusal(tx, key, Refusal(7, ""), whole=False, at=walk.now) if (
            one.sends == 2
        ) else None
        await purchases.record_unknown(tx, key, message="")


def _purchase(walk: Walk, key: str, status: str = "creating_trade") -> Purchase:
    return replace(samples.purchase(key, walk.at_the_market[key]), offer_status=status)


async def look_up(walk: Walk, view: RequestView) -> None:
    """Found is proof; else misses, and now and then a history."""

    async def work(tx: Transaction) -> None:
        found = 0
        for one in _unknown(view):
            if one.purchase_key in walk.at_the_market and walk.rng.random() < 0.5:
                purchase = _purchase(walk, one.purchase_key)
                found += await purchases.record_purchase(
                    tx, one.purchase_key, purchase, at=walk.now
                )
            elif one.purchase_key not in walk.at_the_market:
                for _ in range(walk.rng.choice([1, MISSES_NEEDED])):
                    await purchases.record_miss(tx, one.purchase_key)
        if found:
            await purchases.begin_search(tx, request_id(), at=walk.now, step_at=walk.now)
            await purchases.go_on(tx, request_id(), at=walk.now)
        else:
            history = walk.now if walk.rng.random() < 0.7 else None
            await purchases.record_look_up(tx, request_id(), history_at=history, step_at=walk.now)

    await walk.in_tx(work)


async def deliver_or_fail(walk: Walk, view: RequestView) -> None:
    """The market says how a trade went on."""
    for line in view.lines:
        for one in line.attempts:
            if one.state is AttemptState.PURCHASED and not one.failed:
                status = walk.rng.choice(["waiting_accept", "accepted", "timeout", "canceled"])
                purchase = _purchase(walk, one.purchase_key, status)
                await walk.in_tx(
                    lambda tx, purchase=purchase: deliveries.record(  # type: ignore[misc]
                        tx,
                        purchase.purchase_key or "",
                        Known(purchase.offer_status, purchase.debited, None, 0, 0, None, 0),
                    )
                )


STEPS_TO_TAKE: Final[list[Callable[[Walk, RequestView], Coroutine[None, None, None]]]] = [
    approve,
    approve,
    take_back,
    seldom_deny_or_cancel,
    renew_the_token,
    settle,
    try_again,
    claim,
    claim,
    expire,
    restart,
    take_the_next_step,
    take_the_next_step,
    take_the_next_step,
    outcome,
    outcome,
    outcome,
    look_up,
    look_up,
    deliver_or_fail,
]


async def walk_a_life(template: Path, path: Path, seed: int) -> Walk:
    """Take all steps of one seed on a database of its own."""
    await asyncio.to_thread(shutil.copyfile, template, path)
    async with await Database.open(path) as database:
        async with database.writing() as tx:
            await samples.pending(tx)
        walk = Walk(database, Random(seed))
        for _ in range(STEPS):
            await walk.go()
        for line in (await walk.view()).lines:
            walk.seen["released"] += sum(one.released for one in line.attempts)
            walk.seen["settled"] += sum(one.settled_at is not None for one in line.attempts)
            walk.seen["rounds"] += line.line.round
    walk.seen["sent twice"] = sum(times == 2 for times in walk.sends.values())
    return walk


@pytest.mark.parametrize("seeds", [range(at, at + 8) for at in range(0, 40, 8)], ids=str)
async def test_random_life_never_sends_a_key_thrice_nor_beside_what_is_alive(
    empty_database: Path, tmp_path: Path, seeds: range
) -> None:
    """Pins: one live attempt a line; two sends a key, the second only after unknown."""
    seen: Counter[str] = Counter()
    for seed in seeds:
        seen += (await walk_a_life(empty_database, tmp_path / f"{seed}.db", seed)).seen
    # A walk that gets nowhere proves nothing.
    assert {"released", "settled", "rounds", "sent twice"} <= set(seen)
    assert {"approved", "buying", "bought"} <= set(seen)
