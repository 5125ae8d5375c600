"""The question whether to send it now, what came of it, and what the cards say meanwhile."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from discord import ui
from hypothesis import HealthCheck, given, settings

from bot.domain.models import (
    REBOUND,
    Delivery,
    GuildSettings,
    MessageKind,
    OutboxRow,
    OutboxState,
    Request,
    RequestView,
    WaitReason,
)
from bot.domain.states import RequestState
from bot.ui import text
from bot.ui.cards import approval, member, setup
from bot.ui.cards.classic import Classic
from bot.ui.cards.frame import Frame
from bot.ui.cards.parts import button, link
from bot.ui.cards.ready import ready_message
from bot.ui.checks import PlaceFinding, RoleFinding, SetupFindings
from bot.ui.custom_ids import CustomId
from tests.ui import examples
from tests.ui.examples import GUILD, MEMBER, MODERATOR, NOW, payloads, texts, verbs, view

FRAME = Frame(commands={"request": 5, "my-requests": 6})
MARK = 1 << 30
WAITING: dict[str, Any] = {
    "waits_for": WaitReason.MEMBER_READY,
    "claimable_at": NOW + 9_000_000,
    "expires_at": NOW + 9_000_000,
}


def row(kind: MessageKind = MessageKind.READY, *, to_member: bool = True) -> OutboxRow:
    """Return the row of a message that asks."""
    return OutboxRow(
        outbox_id=1,
        kind=kind,
        guild_id=GUILD,
        request_id=examples.REQUEST_ID,
        to_member=to_member,
        target_id=5,
        mark=MARK,
        state=OutboxState.WAITING,
        channel_id=None,
        message_id=None,
        wanted=1,
        shown=0,
        tries=0,
        created_at=NOW,
        parked_reason="",
    )


def asked(state: RequestState = RequestState.APPROVED, **changes: Any) -> RequestView:
    """Return a request that waits for its member, or did."""
    return view(state, **{**WAITING, **changes})


def drawn(shown: RequestView, of: OutboxRow | None = None) -> Classic:
    """Return the message as a server called Friday Cup gets it."""
    return ready_message(of or row(), shown, FRAME, guild_name="Friday Cup")


def verbs_of(message: Classic) -> list[str]:
    """Return the verbs of its buttons."""
    ids = [CustomId.parse(one.custom_id or "") for one in message.buttons]
    return [custom_id.verb for custom_id in ids if custom_id is not None]


def test_the_question_says_what_to_press_and_until_when() -> None:
    message = drawn(asked())
    assert message.content.startswith("✅ **Request #42 is approved**: 3 skins, $39.06 at most")
    assert "from **Friday Cup**" in message.content
    assert "Nothing is bought until you press **Send it now**." in message.content
    assert "10 minutes to accept it" in message.content
    assert f"it expires <t:{(NOW + 9_000_000) // 1000}:R>" in message.content
    (press,) = message.buttons
    assert press.label == "Send it now"
    assert press.custom_id == f"req1:{examples.REQUEST_ID}:0123456789abcdef:send_now"


def test_the_reminder_says_that_it_is_one() -> None:
    message = drawn(asked(), row(MessageKind.REMINDER))
    assert message.content.startswith("⏳ **Request #42 still waits for you**")
    assert verbs_of(message) == ["send_now"]


def test_in_a_channel_it_names_the_member_and_not_the_server() -> None:
    message = drawn(asked(), row(to_member=False))
    assert message.content.startswith(f"<@{MEMBER}>: ✅")
    assert "Only you can press it." in message.content
    assert "Friday Cup" not in message.content
    assert verbs_of(message) == ["send_now"]


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (asked(waits_for=None, ready_at=NOW), f"was pressed <t:{NOW // 1000}:R>"),
        (view(RequestState.BUYING, ready_at=NOW), "was pressed"),
        (view(RequestState.BOUGHT, ready_at=NOW), "was pressed"),
        (view(RequestState.CLOSED, ready_at=NOW), "was pressed"),
        (view(RequestState.PENDING, ready_at=NOW), "waits for a decision again"),
        (view(RequestState.DENIED), "Request #42 is denied. Nothing was bought."),
        (view(RequestState.CANCELLED, ready_at=NOW), "is cancelled. Nothing was bought."),
        (asked(RequestState.EXPIRED), "was not pressed in time. Nothing was bought"),
        (view(RequestState.EXPIRED, ready_at=NOW), "is expired. Nothing was bought."),
        (view(RequestState.BOUGHT), "there is nothing to press any more"),
        (view(RequestState.APPROVED), "there is nothing to press any more"),
    ],
    ids=lambda value: value.request.state if isinstance(value, RequestView) else "",
)
def test_afterwards_it_says_what_came_of_it_and_offers_nothing_to_press(
    shown: RequestView, said: str
) -> None:
    for kind, to_member in product((MessageKind.READY, MessageKind.REMINDER), (True, False)):
        message = drawn(shown, row(kind, to_member=to_member))
        assert said in message.content
        assert verbs_of(message) == ["show_one"]
        assert message.buttons[0].label == "Show request #42"


def test_the_end_says_how_to_ask_again() -> None:
    assert "You can ask again: </request:5>" in drawn(asked(RequestState.EXPIRED)).content


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(shown=examples.views(), frame=examples.FRAMES)
def test_every_such_message_is_within_discords_limits(shown: RequestView, frame: Frame) -> None:
    waiting = replace(
        shown,
        request=replace(
            shown.request, state=RequestState.APPROVED, waits_for=WaitReason.MEMBER_READY
        ),
    )
    kinds = (MessageKind.READY, MessageKind.REMINDER)
    for one, kind, to_member in product((shown, waiting), kinds, (True, False)):
        message = ready_message(
            row(kind, to_member=to_member), one, frame, guild_name="*_`|@everyone" * 20
        )
        assert 1 <= len(message.content) <= 2_000
        assert (text.SANDBOX in message.content) is frame.sandbox
        assert "@everyone" not in message.content.replace("@\u200beveryone", "")
        found = payloads(message.view(MARK))
        assert [part["id"] for part in found if part["type"] == 2] == [MARK]
        assert all(CustomId.parse(part["custom_id"]) for part in found if part["type"] == 2)


async def test_a_classic_message_is_marked_on_its_first_button_and_kept_by_nobody() -> None:
    message = Classic("x", (link("One", "https://a.example"), button("Two", "pan1:-:-:mine")))
    shown = message.view(MARK)
    assert isinstance(shown, ui.View)
    assert shown.is_finished()
    ids = [part.get("id") for part in payloads(shown) if part["type"] == 2]
    assert ids == [MARK, None]


# The cards.


def test_the_approval_card_says_whom_it_waits_for_and_until_when() -> None:
    shown = approval.approval_card(asked(), FRAME)
    said = texts(shown)
    assert f"Nothing is bought until <@{MEMBER}> presses **Send it now**." in said
    assert f"It expires <t:{(NOW + 9_000_000) // 1000}:R>." in said
    assert "Buying starts" not in said
    assert "If it can't be bought" not in said
    assert verbs(shown) == ["take_back", "details"]
    pressed = texts(approval.approval_card(asked(waits_for=None, ready_at=NOW), FRAME))
    assert f"<@{MEMBER}> pressed **Send it now** <t:{NOW // 1000}:R>" in pressed
    assert "Buying starts" in pressed


def test_the_status_card_has_the_button_as_long_as_there_is_something_to_press() -> None:
    for shown in (
        member.member_status(asked(), FRAME, guild_name=""),
        member.request_detail(asked(), [], FRAME),
    ):
        assert verbs(shown)[:2] == ["send_now", "cancel"]
        assert "Nothing is bought until you press **Send it now**." in texts(shown)
        assert f"it expires <t:{(NOW + 9_000_000) // 1000}:R>" in texts(shown)
    for over in (
        asked(waits_for=None, ready_at=NOW),
        *(asked(state) for state in RequestState if state is not RequestState.APPROVED),
    ):
        assert "send_now" not in verbs(member.member_status(over, FRAME, guild_name=""))


def test_both_cards_say_that_it_was_never_pressed_and_that_nothing_is_held() -> None:
    over = asked(RequestState.EXPIRED, decided_by=MODERATOR)
    card = texts(approval.approval_card(over, FRAME))
    assert f"<@{MEMBER}> did not press **Send it now** in time" in card
    status = texts(member.member_status(over, FRAME, guild_name=""))
    assert "**Send it now** was not pressed in time" in status
    assert "You can ask again: </request:5>" in status
    for said in (card, status):
        assert "Nothing was bought, and nothing is held for it any more." in said
    moved = replace(over, request=replace(over.request, waits_for=None, decision_reason=REBOUND))
    assert "did not press" not in texts(approval.approval_card(moved, FRAME))


@pytest.mark.parametrize("state", RequestState)
def test_what_waits_for_its_member_is_told_from_what_did(state: RequestState) -> None:
    request: Request = asked(state).request
    assert request.waits_for_member is (state is RequestState.APPROVED)
    assert request.never_ready is (state is RequestState.EXPIRED)


# Set-up.


@pytest.mark.parametrize("chosen", [None, *Delivery])
def test_the_set_up_panel_asks_when_to_buy_and_recommends(chosen: Delivery | None) -> None:
    findings = SetupFindings(RoleFinding(1), PlaceFinding(2), PlaceFinding(3))
    shown = setup.setup_panel(
        GuildSettings(GUILD, 1, 2, 3, delivery=chosen),
        FRAME,
        findings=findings,
        confirmed=[],
        parked=[],
        allowed=True,
    )
    said = texts(shown)
    assert ("4 of 4 done" in said) is (chosen is not None)
    assert ("3 of 4 done" in said) is (chosen is None)
    # It has a default, so that requests need not wait for it.
    assert text.SETUP_READY in said
    (select,) = [one for one in payloads(shown) if "delivery" in str(one.get("custom_id"))]
    options = {one["value"]: one for one in select["options"]}
    assert list(options) == ["when_ready", "at_once"]
    assert "Recommended" in options["when_ready"]["description"]
    standing = [value for value, one in options.items() if one.get("default")]
    assert standing == ([] if chosen is None else [chosen.value])
    assert ("not chosen yet" in said) is (chosen is None)
