"""The tables of states: every pair of state and event, every kind of line."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, combinations, product

import pytest

from bot.domain.states import (
    FINAL_STATES,
    OPEN_STATES,
    TRANSITIONS,
    AttemptState,
    LineState,
    RequestEvent,
    RequestState,
    Step,
    line_state,
    next_step,
    state_after,
    states_before,
)

# The life of a request as the design draws it, written down a second time on purpose.
ALLOWED = {
    "draft": {"submit": "pending"},
    "pending": {
        "approve": "approved",
        "deny": "denied",
        "cancel": "cancelled",
        "expire": "expired",
        "change_steam_account": "pending",
    },
    "approved": {
        "claim": "buying",
        "take_back": "pending",
        "change_steam_account": "pending",
        "cancel": "cancelled",
        "expire": "expired",
    },
    "buying": {"finish": "bought", "return": "approved"},
    "bought": {"settle": "closed"},
    "closed": {},
    "denied": {},
    "cancelled": {},
    "expired": {},
}

MAY_BE_AT_THE_MARKET = {AttemptState.SENT, AttemptState.PURCHASED, AttemptState.UNKNOWN}


@pytest.mark.parametrize(("state", "event"), list(product(RequestState, RequestEvent)))
def test_transition_for_every_pair_leads_where_the_design_says(
    state: RequestState, event: RequestEvent
) -> None:
    after = TRANSITIONS.get((state, event))
    assert (after.value if after else None) == ALLOWED[state.value].get(event.value)


@pytest.mark.parametrize("event", RequestEvent)
def test_event_wherever_it_happens_leads_to_one_state(event: RequestEvent) -> None:
    reached = {after for (_, what), after in TRANSITIONS.items() if what is event}
    assert reached == {state_after(event)}
    assert set(states_before(event)) == {
        RequestState(state) for state, events in ALLOWED.items() if event.value in events
    }


def test_every_state_from_a_draft_is_reached_and_final_ones_are_the_end() -> None:
    reached = {RequestState.DRAFT}
    for _ in RequestState:
        reached |= {after for (state, _), after in TRANSITIONS.items() if state in reached}
    assert reached == set(RequestState)
    assert {state for state in RequestState if not ALLOWED[state.value]} == FINAL_STATES


def test_money_may_still_be_spent_only_on_open_requests() -> None:
    can_be_bought = {RequestState.BUYING}
    for _ in RequestState:
        can_be_bought |= {
            state for (state, _), after in TRANSITIONS.items() if after in OPEN_STATES
        }
    assert can_be_bought - {RequestState.DRAFT} == OPEN_STATES
    assert not OPEN_STATES & FINAL_STATES


@pytest.mark.parametrize("no_listing", [False, True])
@pytest.mark.parametrize("last", [None, *AttemptState])
@pytest.mark.parametrize("refused_whole", [False, True])
def test_line_for_every_attempt_is_open_only_if_nothing_can_be_at_the_market(
    no_listing: bool, last: AttemptState | None, refused_whole: bool
) -> None:
    state = line_state(no_listing=no_listing, last=last, refused_whole=refused_whole)
    if last in MAY_BE_AT_THE_MARKET:
        assert state.value == last.value
    elif last is AttemptState.REFUSED and not refused_whole:
        assert state is LineState.REFUSED
    else:
        assert state is (LineState.REFUSED if no_listing else LineState.OPEN)


def _mixtures() -> Iterable[tuple[LineState, ...]]:
    return chain.from_iterable(
        combinations(LineState, count) for count in range(1, len(LineState) + 1)
    )


@pytest.mark.parametrize("states", list(_mixtures()), ids="-".join)
def test_next_step_for_every_mixture_of_lines_sends_nothing_beside_an_unknown(
    states: tuple[LineState, ...],
) -> None:
    step = next_step([*states, *reversed(states)])
    if LineState.SENT in states or LineState.UNKNOWN in states:
        assert step is Step.WAIT
    elif LineState.OPEN in states:
        assert step is Step.BUY
    else:
        assert step is Step.FINISH
