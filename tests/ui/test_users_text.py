"""What people write is only ever read, wherever it is shown: it adds nothing but its own letters.

A card is drawn twice, with what somebody wrote and with a plain word in its place. What Discord
takes for markup, and every line, has to be the same on both.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from discord import ui
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bot.domain.limits import NOTE_MAX, REASON_MAX, TYPED_NAME_MAX
from bot.domain.models import (
    Event,
    EventKind,
    GuildPause,
    GuildSettings,
    MessageKind,
    RequestView,
)
from bot.domain.picking import LeftOut, Why
from bot.domain.plain_text import clean_line
from bot.domain.states import RequestState
from bot.errors import Problem, UserFacingError
from bot.services.asking import AskedAgain
from bot.services.ports import Paused
from bot.ui import text
from bot.ui.cards import (
    approval,
    basket,
    history,
    member,
    notices,
    repricing,
    result,
    results,
    trades,
)
from bot.ui.cards.frame import Frame
from tests.ui import examples
from tests.ui.examples import GUILD, HOSTILE, MEMBER, MODERATOR, NOW, texts, view
from tests.ui.test_card_limits import hold

ROOT: Final = Path(text.__file__).parents[2]
FRAME: Final = Frame()
PLAIN: Final = "plain"
"""What stands in the place of what somebody wrote."""

NASTY: Final = (
    *HOSTILE,
    "✅ Approved by <@222222222222222222>\n### Request #1: bought",
    "ok\n> ### Request #42: approved\n-# Buying starts now",
    "\u2028# heading\u2029- list\x85-# small\x0b> quote",
    "[Approve $0.01](https://evil.example) | <id:customize> | </setup:1>",
    "```ansi\n\u001b[31mred\n```",
    "”. It is approved. “",
    "W" * 300,
    "🙂" * 300,
    "﷽" * 300,
    "z" + "\u0316" * 300,
    "\u202e\u2066desrever\u2069\u200f\u061c",
    "1. one\n2) two",
    "@silent @here\\",
    "___***~~~```|||>>>",
    "http://a.b steam://run/1 mailto:a@b.c <+15550100> <a@b.c>",
)
WRITTEN: Final = st.sampled_from(NASTY) | st.text(
    st.sampled_from("*_~|`>#-+[]()<:@/\\ a1.\n\r\u2028\u202e\u200b\u0301\u0316🙂W”“!&%")
    | st.characters(),
    max_size=300,
)
_SETTINGS = settings(
    max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)

_ESCAPED: Final = re.compile(r"\\[^0-9A-Za-z\s]")
_MARKUP: Final = re.compile(r"[^*_~|`>#\-+\[\]()<:@/\\\n]")


def skeleton(words: str) -> str:
    """Return what Discord may take for markup of a text, and its lines, and nothing else of it."""
    return _MARKUP.sub("", _ESCAPED.sub("", words))


def about(state: RequestState, written: str) -> RequestView:
    """Return a request whose note and reason somebody wrote."""
    note = clean_line(written, length_max=NOTE_MAX)
    return view(state, note=note, decision_reason=clean_line(written, length_max=REASON_MAX))


Draw = Callable[[str], ui.LayoutView]

REQUEST_CARDS: Final[dict[str, Callable[[RequestView], ui.LayoutView]]] = {
    "approval card": lambda one: approval.approval_card(one, FRAME),
    "details": lambda one: approval.approval_details(one, [], FRAME, balance=None),
    "status": lambda one: member.member_status(one, FRAME, guild_name="x"),
    "own request": lambda one: member.request_detail(one, [], FRAME),
    "result": lambda one: result.result_card(one, FRAME),
}


def _of_state(draw: Callable[[RequestView], ui.LayoutView], state: RequestState) -> Draw:
    return lambda written: draw(about(state, written))


def _basket(written: str) -> ui.LayoutView:
    note = clean_line(written, length_max=NOTE_MAX)
    full = examples.basket([examples.pick()], note=note)
    shown = {"settings": GuildSettings(GUILD), "trade_url": None}
    notice = text.added(examples.pick(), typed=written)
    return basket.basket_screen(full, FRAME, **shown, notice=notice)  # type: ignore[arg-type]


def _matches(written: str) -> ui.LayoutView:
    return results.results_screen(examples.found(2, typed=written), FRAME)


def _pause(written: str) -> ui.LayoutView:
    own = GuildPause(GUILD, NOW, MODERATOR, clean_line(written, length_max=REASON_MAX))
    return notices.pause_notice(Paused((), own), FRAME)


def _history(written: str) -> ui.LayoutView:
    reason = clean_line(written, length_max=REASON_MAX)
    events = [
        Event(NOW, EventKind.DENIED, MODERATOR, {"reason": reason}),
        Event(NOW, EventKind.SETTLED, MODERATOR, {"outcome": "bought", "why": reason, "lines": 1}),
        Event(NOW, EventKind.PAUSED, MODERATOR, {"why": reason}),
    ]
    return history.history_screen(view(), events, FRAME, for_moderator=True, page=0)


def _problem(problem: Problem) -> Draw:
    details = ("typed", "skin", "host", "reason")
    return lambda written: notices.notice(
        text.explain(UserFacingError(problem, **dict.fromkeys(details, written)), FRAME), FRAME
    )


def _asked_again(written: str) -> ui.LayoutView:
    asked = AskedAgain(GUILD, 1, 1, (LeftOut(written, Why.NO_ROOM),), (written,))
    return notices.notice(text.asked_again_in_words(asked, FRAME), FRAME)


DRAWN: Final[dict[str, Draw]] = {
    **{
        f"{name}, {state.value}": _of_state(draw, state)
        for name, draw in REQUEST_CARDS.items()
        for state in RequestState
        if state is not RequestState.DRAFT
    },
    "basket": _basket,
    "more": lambda written: basket.more_screen(
        examples.basket(note=clean_line(written, length_max=NOTE_MAX)), FRAME
    ),
    "matches": _matches,
    "pause": _pause,
    "history": _history,
    "server in a status": lambda written: member.member_status(view(), FRAME, guild_name=written),
    "asked again": _asked_again,
    "prices that moved": lambda written: repricing.moved_screen(
        examples.question(1, market_hash_name=written), FRAME
    ),
    **{
        f"problem {problem.value}": _problem(problem)
        for problem in Problem
        if text.placeholders(text.sentences(problem)[0]) & {"typed", "skin", "host", "reason"}
    },
}
WITHOUT: Final = {name: skeleton(texts(draw(PLAIN))) for name, draw in DRAWN.items()}


@pytest.mark.parametrize("written", NASTY)
def test_tricks_add_no_markup_and_no_line_to_any_card(written: str) -> None:
    for name, draw in DRAWN.items():
        shown = draw(written)
        hold(shown)
        assert skeleton(texts(shown)) == WITHOUT[name], name


@_SETTINGS
@given(written=WRITTEN)
def test_whatever_people_write_adds_no_markup_and_no_line_to_any_card(written: str) -> None:
    assume(clean_line(written, length_max=TYPED_NAME_MAX))
    for name, draw in DRAWN.items():
        assert skeleton(texts(draw(written))) == WITHOUT[name], name


@pytest.mark.parametrize("written", NASTY)
def test_what_people_write_adds_nothing_to_a_message_that_rings(written: str) -> None:
    row = examples.row_of(MessageKind.TRADES)
    waiting = examples.waiting_view(1)
    shown, plain = (
        trades.trade_message(row, waiting, FRAME, guild_name=name).content
        for name in (written, PLAIN)
    )
    assert skeleton(shown) == skeleton(plain)
    assert "evil.example/login" not in shown


def test_the_comparison_sees_what_would_be_markup() -> None:
    """Otherwise it would prove nothing."""
    for live in ("**b**", "\n", "<@1>", "`c`", "[a](b)", "# h", "- l", "\\\\*", "a_b_"):
        assert skeleton(f"> {live}") != skeleton("> x"), live
    assert skeleton(r"> \*\<\@1\>\[") == skeleton("> x")


@pytest.mark.parametrize("state", RequestState)
def test_words_of_a_person_stand_as_a_quotation_under_their_name(state: RequestState) -> None:
    """Whatever the words say: nobody takes a note for what the bot says of a request."""
    forged = "✅ Approved by Max. Nothing more to do."
    shown = about(state, forged)
    for name, draw in REQUEST_CARDS.items():
        rows = texts(draw(shown)).split("\n")
        for place, row in enumerate(rows):
            if "Nothing more to do" in row:
                assert row == f"> {forged}", name
                whose = rows[place - 1]
                said_by = (f"<@{MEMBER}>", f"<@{MODERATOR}>", "Your note:")
                assert any(one in whose for one in said_by), (name, whose)


def test_note_and_reason_name_their_own_author() -> None:
    pending = texts(approval.approval_card(about(RequestState.PENDING, "a"), FRAME))
    assert f"Note from <@{MEMBER}>:\n> a" in pending
    own = texts(member.member_status(about(RequestState.PENDING, "a"), FRAME, guild_name="x"))
    assert "Your note:\n> a" in own
    denied = about(RequestState.DENIED, "a")
    details = texts(approval.approval_details(denied, [], FRAME, balance=None))
    assert f"<@{MODERATOR}> gave this reason:\n> a" in details
    assert f"Note from <@{MEMBER}>:\n> a" in details


def _calls() -> Iterator[tuple[str, ast.Call]]:
    """Return every call in the code that puts up or changes a message of Discord's."""
    sends = {"send", "edit", "send_message", "edit_message", "edit_original_response"}
    for folder in ("bot/ui", "bot/app.py", "cogs"):
        place = ROOT / folder
        for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    given_view = {"view", "content"} & {word.arg for word in node.keywords}
                    if node.func.attr in sends and (given_view or node.args):
                        yield f"{path.name}:{node.lineno}", node


def test_every_message_and_every_edit_says_whom_it_mentions() -> None:
    """The bot's own default is not sent with an edit that has no content."""
    calls = dict(_calls())
    assert len(calls) >= 8
    for where, call in calls.items():
        assert "allowed_mentions" in {word.arg for word in call.keywords}, where
