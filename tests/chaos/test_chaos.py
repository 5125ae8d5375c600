"""25 rounds of chaos, and that the checks find what is broken on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.chaos import mutants, pace
from tests.chaos.arena import Violation
from tests.chaos.plan import Plan, draw
from tests.chaos.round import Outcome, Script, play_round
from tests.chaos.zygote import CHAOS, Zygote

pytestmark = pytest.mark.timeout(400)
shared = pytest.mark.asyncio(loop_scope="module")

_SEEDS: Final = (*range(1, 24), 39, 46)
"""The last two have something to settle by hand, and something to try again."""
_A_CASE: Final = 5
_AT_ONCE: Final = 3
_TRIES: Final = 3

_OF_A_BUSY_MACHINE: Final = frozenset({"log", "unanswered", "stuck", "harness"})
"""What a machine that stands still for a second can look like: such a round is played again. What
was bought, approved, sent or told wrongly never is.
"""

CAN_BE_BROKEN: Final = [name for name, mutant in mutants.MUTANTS.items() if mutant.install]


@pytest.fixture(autouse=True)
def hurried() -> Iterator[None]:
    """Discord remembers nonces for less than a second, and trades are over as soon."""
    with pace.hurried_world():
        yield


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """A fork server."""
    with Zygote(CHAOS) as server:
        yield server


async def play_all(
    rounds: Sequence[tuple[Plan, Script | None]], zygote: Zygote, base: Path
) -> list[Outcome]:
    """Play some rounds, a few at a time."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def play(number: int, plan: Plan, script: Script | None) -> Outcome:
        folder = base / str(number)
        folder.mkdir()
        async with places:
            return await play_round(plan, zygote, folder, script)

    playing = (play(number, *each) for number, each in enumerate(rounds))
    return await asyncio.gather(*playing)


def violations(outcomes: Sequence[Outcome]) -> dict[str, tuple[Violation, ...]]:
    """Return what was violated, by the seeds of the rounds in which anything was."""
    return {each.seed: each.violations for each in outcomes if each.violations}


@shared
@pytest.mark.parametrize("first", range(0, len(_SEEDS), _A_CASE))
async def test_bot_when_killed_at_every_moment_then_the_books_are_right(
    first: int, zygote: Zygote, tmp_path: Path
) -> None:
    plans = {str(seed): draw(str(seed)) for seed in _SEEDS[first : first + _A_CASE]}
    for again in range(_TRIES):
        folder = tmp_path / str(again)
        folder.mkdir()
        outcomes = await play_all([(plan, None) for plan in plans.values()], zygote, folder)
        assert all(each.tally["starts"] > 1 for each in outcomes)
        wrong = violations(outcomes)
        certain = {
            seed: found
            for seed, found in wrong.items()
            if any(violation.kind not in _OF_A_BUSY_MACHINE for violation in found)
        }
        assert certain == {}
        plans = {seed: plans[seed] for seed in wrong}
        if not plans:
            return
    raise AssertionError(f"{_TRIES} times in a row: {wrong}")


@shared
async def test_rounds_of_a_sound_bot_in_the_scenes_of_the_mutants_are_without_fault(
    zygote: Zygote, tmp_path: Path
) -> None:
    """Else a mutant might be caught for what the scene does, and not for its fault."""
    rounds = [
        (mutants.MUTANTS[name].plan("", name), mutants.MUTANTS[name].scene)
        for name in CAN_BE_BROKEN
    ]
    assert violations(await play_all(rounds, zygote, tmp_path)) == {}


@shared
@pytest.mark.parametrize("name", CAN_BE_BROKEN)
async def test_checks_catch_a_bot_that_is_broken_on_purpose(
    name: str, zygote: Zygote, tmp_path: Path
) -> None:
    mutant = mutants.MUTANTS[name]
    seen: list[set[str]] = []
    for number in range(_TRIES):
        folder = tmp_path / str(number)
        folder.mkdir()
        outcome = await play_round(mutant.plan(name, str(number)), zygote, folder, mutant.scene)
        seen.append({violation.kind for violation in outcome.violations})
        if mutant.caught_as & seen[-1]:
            return
    raise AssertionError(f"never caught as {sorted(mutant.caught_as)}, but as {seen}")


def test_plan_of_a_seed_is_always_the_same() -> None:
    plans = [draw(str(seed)) for seed in range(50)]
    assert plans == [draw(str(seed)) for seed in range(50)]
    assert len(set(plans)) == len(plans)


def test_rounds_that_are_played_have_something_to_settle_and_to_try_again() -> None:
    plans = [draw(str(seed)) for seed in _SEEDS]
    assert any(plan.settles for plan in plans)
    assert any(life.step == "retry:committed" for plan in plans for life in plan.lives)


def test_durations_of_the_bot_are_shortened_and_keep_their_order() -> None:
    timing = pace.scaled_timing()
    assert pace.grace_s() < 5
    if timing is not None:
        assert timing.first_look_up_ms < timing.grace_ms < timing.settled_look_ups_ms
