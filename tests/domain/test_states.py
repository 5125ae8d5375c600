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
    LastTry,
    LineState,
    RequestEvent,
    RequestState,
    Search,
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
    "bought": {"settle": "closed", "try_again": "buying"},
    "closed": {},
    "denied": {},
    "cancelled": {},
    "expired": {},
}
# What the market knows and our disk has forgotten is taken in wherever the request stands by now.
for _state in ("pending", "closed", "denied", "cancelled", "expired"):
    ALLOWED[_state] = {**ALLOWED[_state], "adopt": "bought"}

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
    of_ours = {state: set(ALLOWED[state.value]) - {"adopt"} for state in RequestState}
    assert {state for state, events in of_ours.items() if not events} == FINAL_STATES


def test_money_may_still_be_spent_only_on_open_requests() -> None:
    can_be_bought = {RequestState.BUYING}
    for _ in RequestState:
        can_be_bought |= {
            state for (state, _), after in TRANSITIONS.items() if after in OPEN_STATES
        }
    # From bought only by Try again, within the approval that it had.
    assert can_be_bought - {RequestState.DRAFT} == {*OPEN_STATES, RequestState.BOUGHT}
    assert states_before(RequestEvent.TRY_AGAIN) == (RequestState.BOUGHT,)
    assert not OPEN_STATES & FINAL_STATES


def test_what_is_adopted_is_never_bought_on() -> None:
    """Nobody's approval of the rest is known: it leads to bought, where nothing more is sent."""
    assert state_after(RequestEvent.ADOPT) is RequestState.BOUGHT
    assert RequestState.BOUGHT not in OPEN_STATES


TRIES = [
    LastTry(state, whole, failed, released, again, substitute)
    for state in AttemptState
    for whole, failed, released, again, substitute in product([False, True], repeat=5)
]


@pytest.mark.parametrize("no_listing", [False, True])
def test_line_without_an_attempt_is_open_until_it_finds_no_listing(no_listing: bool) -> None:
    expected = LineState.REFUSED if no_listing else LineState.OPEN
    assert line_state(no_listing=no_listing, last=None) is expected


@pytest.mark.parametrize("no_listing", [False, True])
@pytest.mark.parametrize("last", TRIES, ids=str)
def test_line_for_every_attempt_is_open_only_if_nothing_can_be_at_the_market(
    no_listing: bool, last: LastTry
) -> None:
    state = line_state(no_listing=no_listing, last=last)
    open_or_over = LineState.REFUSED if no_listing else LineState.OPEN
    if last.released:
        expected = open_or_over
    elif last.state in MAY_BE_AT_THE_MARKET and not last.failed:
        expected = LineState(last.state.value)
    elif last.state is AttemptState.PURCHASED:
        expected = LineState.RECHECK if last.tried_again else LineState.FAILED
    elif last.state in MAY_BE_AT_THE_MARKET:
        expected = LineState(last.state.value)
    elif last.state is AttemptState.NOT_SENT:
        expected = open_or_over
    else:
        again = last.refused_whole or last.tried_again or last.substitute
        expected = open_or_over if again else LineState.REFUSED
    assert state is expected


def _mixtures() -> Iterable[tuple[LineState, ...]]:
    return chain.from_iterable(
        combinations(LineState, count) for count in range(1, len(LineState) + 1)
    )


SEARCHES = [Search(*each) for each in product([False, True], repeat=4)]


@pytest.mark.parametrize("states", list(_mixtures()), ids="-".join)
def test_next_step_for_every_mixture_of_lines_sends_nothing_beside_an_unknown(
    states: tuple[LineState, ...],
) -> None:
    for search in SEARCHES:
        step = next_step([*states, *reversed(states)], search)
        if LineState.SENT in states:
            assert step is Step.WAIT
        elif LineState.UNKNOWN in states:
            assert step is _while_unknown(search)
        elif {LineState.OPEN, LineState.RECHECK} & set(states):
            assert step is Step.BUY
        else:
            assert step is Step.FINISH


def _while_unknown(search: Search) -> Step:
    """Return the step while nobody knows: sent once more only once, and only when all is over."""
    if search.person_asked or not (search.over or search.silent):
        return Step.LOOK_UP
    return Step.RESEND if search.over and search.may_resend else Step.ASK_A_PERSON
