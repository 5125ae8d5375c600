"""What is worked out from a request's rows: groups, sums, and where each line stands."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.models import (
    Attempt,
    Basket,
    GuildSettings,
    Line,
    LineView,
    NoListing,
    Pick,
    Request,
    RequestView,
)
from bot.domain.money import CENT, Micros
from bot.domain.states import AttemptState, LineState, RequestState

REDLINE = "AK-47 | Redline (Field-Tested)"
ASIIMOV = "AWP | Asiimov (Field-Tested)"

REQUEST = Request(
    "abcdefghij234567klmn", 1, 7, 2, RequestState.BUYING, 1, 1, "d" * 64, "", 42, created_at=1
)
LINE = Line(1, "cs2", REDLINE, None, Micros(10 * CENT), Micros(11 * CENT), "")


def view(*lines: LineView) -> RequestView:
    return RequestView(REQUEST, lines)


def untried(*lines: Line) -> RequestView:
    return view(*(LineView(line, ()) for line in lines))


def attempt(attempt_no: int, state: AttemptState, debited: int | None = None) -> Attempt:
    paid = None if debited is None else Micros(debited)
    return Attempt("k", 1, attempt_no, state, 5, LINE.ceiling, 3, sent_at=1, debited=paid)


class TestGroups:
    """Lines that look alike are one row ×n."""

    def test_groups_of_alike_lines_are_one_row(self) -> None:
        lines = [replace(LINE, line_no=number) for number in (1, 2, 3)]
        (group,) = untried(*lines).groups()
        assert (group.line, group.quantity) == (lines[0], 3)

    @pytest.mark.parametrize(
        "change",
        [
            {"market_hash_name": ASIIMOV},
            {"game": "rust"},
            {"listing_id": 5},
            {"quote": Micros(9 * CENT)},
            {"ceiling": Micros(12 * CENT)},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_groups_of_lines_that_differ_are_rows_of_their_own(
        self, change: dict[str, str | int]
    ) -> None:
        other = replace(LINE, line_no=2, **change)  # type: ignore[arg-type]  # any one field
        assert [group.quantity for group in untried(LINE, other).groups()] == [1, 1]

    @given(st.lists(st.sampled_from([REDLINE, ASIIMOV]), min_size=1, max_size=25))
    def test_groups_of_any_lines_lose_none_and_keep_their_order(self, names: list[str]) -> None:
        lines = [
            replace(LINE, line_no=number, market_hash_name=name)
            for number, name in enumerate(names, start=1)
        ]
        groups = untried(*lines).groups()
        shown = [group.line.market_hash_name for group in groups for _ in range(group.quantity)]
        assert shown == names


class TestTotals:
    """Sums of money."""

    def test_totals_of_a_request_count_every_line_and_every_debit(self) -> None:
        tried = (attempt(1, AttemptState.REFUSED), attempt(2, AttemptState.PURCHASED, 104_003))
        other = replace(LINE, line_no=2, ceiling=Micros(5 * CENT))
        shown = view(LineView(LINE, tried), LineView(other, ()))
        assert shown.ceiling_total == 16 * CENT
        assert shown.debited_total == 104_003

    def test_totals_of_a_basket_count_quantities(self) -> None:
        three = Pick(1, "cs2", REDLINE, None, 3, Micros(10 * CENT), Micros(11 * CENT), "")
        one = Pick(2, "cs2", ASIIMOV, 5, 1, Micros(7 * CENT), Micros(8 * CENT), "")
        basket = Basket("abcdefghij234567klmn", 1, 2, 1, "", (three, one))
        assert basket.lines_count == 4
        assert basket.quote_total == 37 * CENT
        assert basket.ceiling_total == 41 * CENT


class TestLineView:
    """Where a line stands."""

    def test_line_when_tried_again_stands_where_its_last_attempt_does(self) -> None:
        tried = LineView(
            LINE, (attempt(1, AttemptState.REFUSED), attempt(2, AttemptState.PURCHASED, 1))
        )
        assert tried.state is LineState.PURCHASED
        assert tried.last is tried.attempts[1]

    def test_line_when_its_whole_call_was_refused_is_open(self) -> None:
        refused = attempt(1, AttemptState.REFUSED)
        assert LineView(LINE, (refused,)).state is LineState.REFUSED
        assert LineView(LINE, (replace(refused, refused_whole=True),)).state is LineState.OPEN

    def test_line_without_a_listing_is_refused_but_never_hides_a_purchase(self) -> None:
        line = replace(LINE, no_listing=NoListing.SOLD_OUT)
        assert LineView(line, ()).state is LineState.REFUSED
        for state in (AttemptState.SENT, AttemptState.PURCHASED, AttemptState.UNKNOWN):
            assert LineView(line, (attempt(1, state, 1),)).state.value == state.value

    def test_lines_when_asked_for_by_state_are_each_in_one(self) -> None:
        shown = view(
            LineView(LINE, ()),
            LineView(LINE, (attempt(1, AttemptState.UNKNOWN),)),
            LineView(LINE, (attempt(1, AttemptState.PURCHASED, 1),)),
        )
        assert sum(len(shown.in_state(state)) for state in LineState) == 3
        assert shown.in_state(LineState.UNKNOWN) == (shown.lines[1],)


def test_guild_is_ready_only_when_role_and_both_channels_are_chosen() -> None:
    chosen = GuildSettings(1, approver_role_id=2, approval_channel_id=3, results_channel_id=4)
    assert chosen.ready
    for field in fields(GuildSettings)[1:4]:
        assert not replace(chosen, **{field.name: None}).ready  # type: ignore[arg-type]  # names
