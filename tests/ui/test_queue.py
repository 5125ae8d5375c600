"""The moderators' list, and a request's card in private."""

from __future__ import annotations

import pytest

from bot.domain.models import RequestView
from bot.domain.states import AttemptState, RequestState
from bot.services.approvals import CardPlace, Queue, Reposted, RequestCard, Where
from bot.ui import text
from bot.ui.cards import approval, queue
from bot.ui.cards.frame import Frame
from tests.ui import examples
from tests.ui.examples import GUILD, MEMBER, NOW, payloads, texts

FRAME = Frame()
URL = f"https://discord.com/channels/{GUILD}/{2**63 - 1}/{2**63 - 2}"


def buttons(shown: object) -> list[dict[str, object]]:
    """Return the buttons of a screen."""
    return [part for part in payloads(shown) if part["type"] == 2]  # type: ignore[arg-type]


def row_of(view: RequestView, where: Where = Where.STANDS) -> str:
    """Return a request's row in the list."""
    shown = queue.queue_screen(examples.queue([view], where=where), FRAME)
    return texts(shown).split("\n")[1]


@pytest.mark.parametrize(
    ("view", "what"),
    [
        (
            examples.view(submitted_at=NOW),
            f"waiting for approval, sent <t:{NOW // 1000}:R>",
        ),
        (
            examples.view(RequestState.APPROVED, decided_at=NOW),
            f"approved <t:{NOW // 1000}:R>, not bought yet",
        ),
        (
            examples.unknown_view(1, attention_at=NOW),
            f"**needs a person**, since then: <t:{NOW // 1000}:R>",
        ),
    ],
)
def test_row_says_who_how_much_why_since_when_and_where(view: RequestView, what: str) -> None:
    total = text.usd(view.ceiling_total)
    many = text.skins(len(view.lines))
    assert row_of(view) == (
        f"**#{view.request.number}** · <@{MEMBER}> · {many}, {total} at most · {what} · "
        f"[card]({URL})"
    )
    assert row_of(view, Where.GONE).endswith("· its card isn't posted")


def test_row_of_what_can_be_tried_again_counts_only_that() -> None:
    tries = [
        examples.tried(1, AttemptState.PURCHASED),
        examples.tried(2, AttemptState.REFUSED, settled_at=NOW, settled_by=1),
    ]
    view = examples.view(RequestState.BOUGHT, tries, expires_at=NOW, changed_at=NOW)
    assert [line.line.line_no for line in view.to_try_again] == [2]
    assert "· 1 skin, " in row_of(view)
    assert f"to be tried again, last tried <t:{NOW // 1000}:R>" in row_of(view)


def test_list_says_how_many_there_are_and_pages_through_them() -> None:
    views = [examples.view()] * 12
    first = queue.queue_screen(examples.queue(views, page=0, pages=3), FRAME)
    assert texts(first).startswith("### 36 requests wait for a moderator")
    assert [one["label"] for one in buttons(first)] == ["◀", "Page 1 of 3", "▶"]
    assert [bool(one.get("disabled")) for one in buttons(first)] == [True, True, False]
    (select,) = [part for part in payloads(first) if part["type"] == 3]
    assert len(select["options"]) == 12
    only = queue.queue_screen(examples.queue(views[:1]), FRAME)
    assert texts(only).startswith("### 1 request waits for a moderator")
    assert buttons(only) == []


def test_list_of_nothing_says_so() -> None:
    shown = queue.queue_screen(Queue((), 0, 0, 1), FRAME)
    assert texts(shown) == text.QUEUE_NONE


@pytest.mark.parametrize(
    ("where", "way"),
    [
        (Where.STANDS, ["Go to its card"]),
        (Where.GONE, ["Post the card again"]),
        (Where.COMING, ["Its card is being posted"]),
        (Where.NOWHERE, []),
    ],
)
@pytest.mark.parametrize("state", RequestState)
async def test_card_in_private_is_the_same_card_with_the_way_to_it(
    state: RequestState, where: Where, way: list[str]
) -> None:
    view = examples.view(state)
    plain = approval.approval_card(view, FRAME)
    shown = queue.private_card(examples.card(view, where), FRAME)
    assert texts(shown) == texts(plain)
    labels = [one["label"] for one in buttons(shown)]
    assert labels == [*[one["label"] for one in buttons(plain)], *way, "All that wait"]
    assert shown.is_finished()
    found = [one for one in buttons(shown) if one["label"] in way]
    if where is Where.STANDS:
        assert found[0]["url"] == URL
    if where is Where.GONE:
        assert str(found[0]["custom_id"]).endswith(":post_again:3")


@pytest.mark.parametrize(
    ("where", "by_this_press", "reason", "words"),
    [
        (Where.STANDS, True, "", f"is posted again: {URL}"),
        (Where.STANDS, False, "", f"stands already, so nothing was posted: {URL}"),
        (Where.COMING, True, "", "is about to be posted"),
        (Where.GONE, True, "Discord 404/10003", "the channel is gone. Somebody with Manage Server"),
        (Where.GONE, False, "", "gone once more. Nothing was posted by your click"),
        (Where.NOWHERE, False, "", "is over: nothing can be decided"),
    ],
)
def test_answer_to_post_again_says_what_came_of_it(
    where: Where, by_this_press: bool, reason: str, words: str
) -> None:
    place = CardPlace(where, 2**63 - 1, 2**63 - 2, 1, reason)
    card = RequestCard(examples.view(), place)
    said = text.card_posted_again(Reposted(card, by_this_press=by_this_press), FRAME)
    assert words in said
    assert "{" not in said
