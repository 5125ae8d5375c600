"""What happened to a request: in order, alike as one row, for whom it is, and all of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from bot.domain.models import Event, EventKind, LineView, RequestView
from bot.domain.plain_text import escape
from bot.domain.states import RequestState
from bot.ui import text
from bot.ui.cards import approval, history, member
from bot.ui.cards.frame import Frame
from tests.ui import examples
from tests.ui.examples import MEMBER, MODERATOR, NOW, payloads, texts

FRAME = Frame()
AWP = "AWP | Asiimov (Field-Tested)"
M4 = "M4A4 | Asiimov (Field-Tested)"


def event(kind: EventKind, at: int = 0, actor_id: int | None = None, **details: str | int) -> Event:
    """Return an event so many milliseconds after the first."""
    return Event(NOW + at, kind, actor_id, details)


def waiting(line: int, at: int = 0, skin: str = AWP) -> Event:
    """Return that a line's trade waits."""
    return event(EventKind.TRADE_WAITING, at, line=line, skin=skin, buy_id=100 + line)


def rows(*events: Event, for_moderator: bool = False, view: RequestView | None = None) -> list[str]:
    """Return the rows without their times."""
    found = history.history_rows(
        view or examples.view(RequestState.BOUGHT), events, for_moderator=for_moderator
    )
    return [re.sub(r"^<t:\d+:f> ", "", row) for row in found]


def labels(shown: object) -> dict[str, dict[str, object]]:
    """Return the buttons of a screen by what they say."""
    return {part["label"]: part for part in payloads(shown) if part["type"] == 2}  # type: ignore[arg-type]


def test_rows_are_in_order_with_the_time_of_each() -> None:
    events = [event(EventKind.SUBMITTED, 0, MEMBER), event(EventKind.DENIED, 90_000, MODERATOR)]
    first, second = history.history_rows(examples.view(), events, for_moderator=False)
    assert first == f"<t:{NOW // 1000}:f> sent for approval by <@{MEMBER}>"
    assert second == f"<t:{NOW // 1000 + 90}:f> denied by <@{MODERATOR}>"


def test_what_is_alike_at_about_the_same_time_is_one_row_with_a_count() -> None:
    assert rows(waiting(1), waiting(2, 500), waiting(3, 60_000, M4)) == [
        f"waiting in Steam to be accepted: 3 skins ({escape(AWP)} ×2, {escape(M4)})"
    ]
    assert rows(waiting(1), for_moderator=True) == [
        f"waiting in Steam to be accepted: {escape(AWP)}, purchase 101"
    ]


@pytest.mark.parametrize(
    "other",
    [
        waiting(2, 60_001),
        event(EventKind.DELIVERED, 0, line=2, skin=AWP, buy_id=102),
        event(EventKind.TRADE_WAITING, 0, MODERATOR, line=2, skin=AWP, buy_id=102),
        event(EventKind.TRADE_WAITING, 0, line=2, skin=AWP, buy_id=102, status="x"),
    ],
)
def test_what_is_of_another_time_kind_person_or_fact_is_a_row_of_its_own(other: Event) -> None:
    assert len(rows(waiting(1), other)) == 2


def test_counts_of_what_is_alike_add_up_and_the_rest_is_counted() -> None:
    assert rows(event(EventKind.SENT, lines=1), event(EventKind.SENT, lines=2)) == [
        "sent to the market: 3 skins"
    ]
    assert rows(*[event(EventKind.CLAIMED)] * 3) == ["buying began (3 times)"]
    answer = {"refused": 0, "unknown": 1}
    assert rows(
        event(EventKind.ANSWERED, purchased=1, **answer),
        event(EventKind.ANSWERED, purchased=2, **answer),
    ) == ["the market answered: 3 bought, 0 not bought, 2 not confirmed"]


def test_what_was_settled_by_hand_is_never_put_together() -> None:
    details: dict[str, str | int] = {"outcome": "bought", "lines": 1, "paid": "$1.00", "why": "a"}
    settled = [event(EventKind.SETTLED, 0, MODERATOR, buy_id=one, **details) for one in (1, 2)]
    assert len(rows(*settled, for_moderator=True)) == 2


def test_a_line_is_named_by_the_request_and_counted_once() -> None:
    view = examples.view(
        RequestState.BOUGHT, [LineView(examples.line(7, market_hash_name="Case"), ())]
    )
    assert rows(event(EventKind.DELIVERED, line=7), view=view) == ["delivered: Case"]
    twice = [event(EventKind.DELIVERED, line=7)] * 2
    assert rows(*twice, view=view) == ["delivered: Case"]
    assert rows(event(EventKind.DELIVERED, line=99), view=view) == ["delivered"]


def test_names_are_harmless_and_of_many_the_first_are_said() -> None:
    many = [waiting(number, 0, f"*{number}*") for number in range(1, 26)]
    assert rows(*many) == [
        r"waiting in Steam to be accepted: 25 skins (\*1\*, \*2\*, \*3\* and 22 more)"
    ]


def test_the_member_reads_nothing_that_is_for_the_moderators() -> None:
    events = [
        event(EventKind.CLAIMED),
        event(EventKind.ALARM, 0, None, alarm="above_ceiling", buy_id=7),
        event(EventKind.CLAIMED),
        event(EventKind.SETTLED, 0, MODERATOR, outcome="not bought", lines=2, why="seen"),
        event(EventKind.ADOPTED, buy_id=4321),
        event(EventKind.RETURNED, reason="operator", code=-8),
        event(EventKind.ROLLED_BACK, line=1, skin=AWP, status="rollback_supplier", buy_id=5),
    ]
    mine, theirs = rows(*events), rows(*events, for_moderator=True)
    assert mine[:2] == [
        "buying began (2 times)",
        f"settled by hand by <@{MODERATOR}> as not bought: 2 skins",
    ]
    assert mine[-1].startswith("taken back by its seller: AWP")
    for never in ("unexpected", "above", "seen", "4321", "code", "refused us", "purchase 5"):
        assert not any(never in row for row in mine), never
        assert any(never in row for row in theirs), never


def story(count: int) -> Sequence[Event]:
    """Return so many events that are all different."""
    return [event(EventKind.DENIED, number, number + 1) for number in range(count)]


def test_a_card_keeps_the_latest_and_says_how_many_came_before() -> None:
    view, events = examples.view(), story(300)
    for shown, verb in (
        (member.request_detail(view, events, FRAME), ":history"),
        (approval.approval_details(view, events, FRAME, balance=None), ":mod_history"),
    ):
        head, first, *rest = texts(shown).partition("**History**")[2].split("\n")
        assert head == ""
        found = re.fullmatch(r"… (\d+) before that: press \*\*History\*\*", first)
        assert found is not None
        listed = [row for row in rest if "denied by" in row]
        assert int(found[1]) + len(listed) == 300
        assert "<@300>" in listed[-1]
        assert str(labels(shown)["History"]["custom_id"]).endswith(verb)


@pytest.mark.parametrize("for_moderator", [True, False])
def test_all_of_it_stands_on_the_pages_in_order(for_moderator: bool) -> None:
    view, events = examples.view(), story(60)

    def page(number: int | None) -> tuple[list[str], dict[str, dict[str, object]]]:
        shown = history.history_screen(
            view, events, FRAME, for_moderator=for_moderator, page=number
        )
        return re.findall(r"denied by <@(\d+)>", texts(shown)), labels(shown)

    listed = [page(number)[0] for number in range(3)]
    assert [one for row in listed for one in row] == [str(number) for number in range(1, 61)]
    latest, buttons = page(None)
    assert latest == listed[-1]
    assert page(99)[0] == listed[-1]
    assert list(buttons) == ["◀", "Page 3 of 3", "▶", "Back"]
    assert [bool(part.get("disabled")) for part in buttons.values()] == [False, True, True, False]
    assert str(buttons["◀"]["custom_id"]).endswith(":1")


def test_pages_of_the_past_stay_as_they_are_when_more_happens() -> None:
    view = examples.view()
    before, after = (
        texts(history.history_screen(view, story(count), FRAME, for_moderator=True, page=0))
        for count in (30, 90)
    )
    assert before == after


def test_a_request_to_which_nothing_happened_has_a_page_that_says_so() -> None:
    shown = history.history_screen(examples.view(), [], FRAME, for_moderator=False)
    assert text.HISTORY_NOTHING in texts(shown)
    assert list(labels(shown)) == ["Back"]
