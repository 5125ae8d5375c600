"""What the database is asked again and again, with few and with many stored requests.

An approval, a claim and a poll must cost with a million stored requests what they cost with a
thousand: no plan walks through a table that grows, and no statement takes more steps.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NoReturn

from bot.domain.keys import DIGEST_SHOWN
from bot.domain.models import Actor, EventKind, RequestView
from bot.store import audit, outbox, purchases, requests, settings
from bot.store.database import Transaction
from tests.bench.figures import Figure, Sample, sample
from tests.bench.house import Bench, submit_requests
from tests.bench.stored import DAY_MS, FIRST_MEMBER, MAIN_GUILD, MODERATOR, ROLE, Stored
from tests.bench.watching import scans, watching

STEPS_MAX: Final = 1.5
"""So many times the steps: what is open varies a little, what is stored is a thousandfold."""

_TIMES: Final = 30
_WATCHED: Final = 3
_ASKERS: Final = range(FIRST_MEMBER + 500_000, FIRST_MEMBER + 500_000 + _TIMES + _WATCHED)
_NOBODY: Final = "a" * 20
_APPROVAL: Final = "an approval"
_CLAIM: Final = "a claim"
_POLL: Final = "a poll: "

Ask = Callable[[Transaction, int], Awaitable[object]]

POLLS: Final[dict[str, Ask]] = {
    "purchases.to_buy": lambda tx, now: purchases.to_buy(tx, now, busy=[], users=[], limit=8),
    "purchases.to_look_up": lambda tx, now: purchases.to_look_up(
        tx, now, busy=[], users=[], limit=4
    ),
    "purchases.next_due_at": lambda tx, now: purchases.next_due_at(tx, now, busy=[]),
    "purchases.spoken_for": lambda tx, now: purchases.spoken_for(tx, since=now, besides=_NOBODY),
    "purchases.listings_taken": lambda tx, now: purchases.listings_taken(tx, since=now),
    "purchases.on_the_wire": lambda tx, _: purchases.on_the_wire(tx),
    "purchases.requests_on_the_wire": lambda tx, _: purchases.requests_on_the_wire(tx),
    "purchases.in_buying": lambda tx, _: purchases.in_buying(tx),
    "purchases.settled_since": lambda tx, now: purchases.settled_since(
        tx, now - 8 * DAY_MS, limit=100
    ),
    "purchases.bought_between": lambda tx, now: purchases.bought_between(tx, now - DAY_MS, now),
    "requests.too_old": lambda tx, now: requests.too_old(tx, now, limit=20),
    "requests.of_member": lambda tx, _: requests.of_member(tx, MAIN_GUILD, FIRST_MEMBER, limit=10),
    "outbox.to_post": lambda tx, now: outbox.to_post(tx, now, limit=32),
    "outbox.to_redraw": lambda tx, now: outbox.to_redraw(tx, now, limit=32),
    "outbox.next_at": lambda tx, _: outbox.next_at(tx),
    "outbox.oldest_unposted_at": lambda tx, _: outbox.oldest_unposted_at(
        tx, MAIN_GUILD, FIRST_MEMBER
    ),
}
"""What the workers ask when they look for what is due, and before each step of buying."""


class _UndoneError(Exception):
    """Ends a transaction without a trace."""


@dataclass(slots=True)
class Cost:
    """What one thing costs: seconds of some rounds, and steps of others."""

    seconds: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    scans: list[str] = field(default_factory=list)

    @property
    def time(self) -> Sample:
        """How long it takes."""
        return sample(self.seconds)

    @property
    def most_steps(self) -> int:
        """How many steps it takes at most."""
        return max(self.steps)


Costs = dict[str, Cost]


async def measure(bench: Bench, stored: Stored) -> Costs:
    """Do each thing some times, in a house whose workers stand still."""
    costs: Costs = {}
    views = await submit_requests(bench, MAIN_GUILD, _ASKERS, quantities=(3, 2), posting=False)
    costs[_APPROVAL] = await _cost(
        bench, stored, [partial(_approve, bench, view) for view in views]
    )
    approved = [await _as_it_is(bench, view) for view in views]
    costs[_CLAIM] = await _cost(
        bench,
        stored,
        [partial(_claim, bench, view) for view in approved],
    )
    for name, ask in POLLS.items():
        costs[_POLL + name] = await _cost(
            bench,
            stored,
            [partial(_poll, bench, ask)] * len(views),
        )
    return costs


async def _cost(
    bench: Bench, stored: Stored, rounds: Sequence[Callable[[], Awaitable[None]]]
) -> Cost:
    """Time all but the last rounds, and watch those."""
    cost = Cost()
    for once in rounds[:-_WATCHED]:
        started = time.perf_counter()
        await once()
        cost.seconds.append(time.perf_counter() - started)
    asked: list[str] = []
    for once in rounds[-_WATCHED:]:
        async with watching(bench.house.database) as seen:
            await once()
        cost.steps.append(sum(each.steps for each in seen))
        asked += [each.sql for each in seen]
    cost.scans = scans(stored.path, asked)
    return cost


async def _approve(bench: Bench, view: RequestView) -> None:
    request = view.request
    await bench.house.services.requests.approve(
        Actor(MODERATOR, MAIN_GUILD, frozenset({ROLE})),
        request.request_id,
        request.digest[:DIGEST_SHOWN],
    )


async def _as_it_is(bench: Bench, view: RequestView) -> RequestView:
    async with bench.house.database.reading() as tx:
        return await requests.get(tx, view.request.request_id) or view


async def _claim(bench: Bench, view: RequestView) -> None:
    """Ask and write what the worker does to claim a request, and undo it."""
    request, now = view.request, time.time_ns() // 1_000_000
    try:
        async with bench.house.database.writing() as tx:
            await settings.is_paused(tx, request.guild_id)
            await purchases.spoken_for(tx, since=now, besides=request.request_id)
            if not await purchases.claim(tx, request.request_id, digest=request.digest, at=now):
                raise RuntimeError("a request that was approved could not be claimed")
            await audit.record_for(tx, EventKind.CLAIMED, request, at=now)
            await outbox.touch(tx, request.request_id)
            await requests.get(tx, request.request_id)
            _undo()
    except _UndoneError:
        return


def _undo() -> NoReturn:
    raise _UndoneError


async def _poll(bench: Bench, ask: Ask) -> None:
    async with bench.house.database.reading() as tx:
        await ask(tx, time.time_ns() // 1_000_000)


def figures(few: Costs, many: Costs, *, titles: Sequence[str]) -> list[Figure]:
    """Return the costs with many stored requests, beside those with few."""
    polls = [name for name in many if name.startswith(_POLL)]
    return [
        _figure(f"{name}, {titles[1]}", [name], few, many, titles) for name in (_APPROVAL, _CLAIM)
    ] + [_figure(f"a poll, {titles[1]}", polls, few, many, titles)]


def _figure(
    what: str, names: Sequence[str], few: Costs, many: Costs, titles: Sequence[str]
) -> Figure:
    walks = [walk for name in names for cost in (few[name], many[name]) for walk in cost.scans]
    grown = [n for n in names if many[n].most_steps > STEPS_MAX * few[n].most_steps]
    notes = [
        f"{name.removeprefix(_POLL)}: p50 {few[name].time.p50:.2f} → {many[name].time.p50:.2f} ms, "
        f"{few[name].most_steps} → {many[name].most_steps} steps"
        for name in names
    ]
    notes.append(f"{len(walks)} of its query plans walk through a table that grows")
    return Figure(
        what,
        sample([second for name in names for second in many[name].seconds]),
        sample([second for name in names for second in few[name].seconds]),
        f"the same, {titles[0]}",
        failures=len(walks) + len(grown),
        notes=(*notes, *walks, *(f"MORE STEPS: {name}" for name in grown)),
    )
