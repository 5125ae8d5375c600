"""What people read of trades and deliveries, in every state of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.delivery import SETTLES_MS, TRADE_LIVES_MS
from bot.domain.market import OfferStatus
from bot.domain.models import LineView, MessageKind, RequestView
from bot.domain.states import AttemptState, RequestState
from bot.ui import text
from bot.ui.cards import approval, member, result
from bot.ui.cards.classic import Classic
from bot.ui.cards.delivery_notice import delivery_notice
from bot.ui.cards.frame import Frame
from bot.ui.cards.parts import TRADE_OFFERS_PAGE
from bot.ui.cards.trades import trade_message, trades_screen
from tests.ui.examples import (
    MEMBER,
    NOW,
    attempt,
    line,
    payloads,
    row_of,
    texts,
    tried,
    verbs,
    view,
    waiting_view,
)

FRAME = Frame(commands={"my-requests": 5})
DM = row_of(MessageKind.TRADES)
CALL = replace(DM, to_member=False)
NOTICE = row_of(MessageKind.DELIVERY_NOTICE, to_member=False)
AWP = "AWP | Asiimov (Field-Tested)"
ENDS_S = (NOW + TRADE_LIVES_MS) // 1000
UNTIL = f"<t:{ENDS_S // 60 * 60}:t>"


def delivered(*fates: dict[str, Any], state: RequestState = RequestState.BOUGHT) -> RequestView:
    """Return a request of one line for each fate of its purchase."""
    known = {"told_in": 0, "noticed_in": 0, "not_waiting_at": NOW, "status_at": NOW}
    return view(
        state,
        [
            tried(number, AttemptState.PURCHASED, **(known | fate))
            for number, fate in enumerate(fates, start=1)
        ],
    )


def status(value: str, **changes: Any) -> dict[str, Any]:
    """Return what is known of a purchase in this status."""
    accepted = {"accepted_at": NOW} if value == OfferStatus.ACCEPTED else {}
    return {"offer_status": value} | accepted | changes


def links(shown: Classic) -> list[tuple[str | None, str | None]]:
    """Return the buttons of a message that lead somewhere."""
    return [(button.label, button.url) for button in shown.buttons if button.url]


def told(shown: RequestView, *, to_member: bool = True) -> Classic:
    """Return the first message about a request's trades."""
    return trade_message(DM if to_member else CALL, shown, FRAME, guild_name="Friday_Cup")


class TestTradeMessage:
    """Ten minutes, said at once, with the one thing to press."""

    def test_one_trade_is_in_the_first_words_which_a_phone_shows(self) -> None:
        shown = told(waiting_view(1))
        assert shown.content.startswith(
            r"⏱ **AK\-47 \| Redline \(Field\-Tested\)**: your trade is waiting in Steam."
        )
        assert r"From **Friday\_Cup** (request #42)." in shown.content
        assert f"Accept it before {UNTIL} (<t:{ENDS_S}:R>)" in shown.content
        for said in ("You only receive", "decline it", "We never ask you to log in"):
            assert said in shown.content
        assert links(shown) == [
            ("AK-47 | Redline (Field-Tested)", "https://steamcommunity.com/tradeoffer/4176000001/")
        ]

    def test_several_have_a_row_and_a_button_each_and_those_alike_are_told_apart(self) -> None:
        three = waiting_view(3)
        other = replace(three.lines[1], line=line(2, market_hash_name=AWP))
        shown = told(replace(three, lines=(three.lines[0], other, three.lines[2])))
        assert "3 trades wait for you" in shown.content
        assert rf"⏱ AK\-47 \| Redline \(Field\-Tested\) ×2: until {UNTIL}" in shown.content
        assert rf"⏱ AWP \| Asiimov \(Field\-Tested\): until {UNTIL}" in shown.content
        assert [label for label, _ in links(shown)] == [
            "AK-47 | Redline (Field-Tested)",
            AWP,
            "AK-47 | Redline (Field-Tested) (2)",
        ]

    def test_most_urgent_stands_first_whatever_its_line(self) -> None:
        late = status(OfferStatus.WAITING_ACCEPT, not_waiting_at=NOW + 120_000, trade_offer_id=1)
        soon = status(OfferStatus.WAITING_ACCEPT, trade_offer_id=2)
        shown = told(delivered(late, soon))
        assert f"the first before {UNTIL} (<t:{ENDS_S}:R>)" in shown.content
        assert [url for _, url in links(shown)] == [
            "https://steamcommunity.com/tradeoffer/2/",
            "https://steamcommunity.com/tradeoffer/1/",
        ]

    def test_what_is_over_is_said_as_past_and_has_no_button(self) -> None:
        shown = told(
            delivered(
                status(OfferStatus.WAITING_ACCEPT, trade_offer_id=7),
                status(OfferStatus.ACCEPTED, trade_offer_id=8),
                status(OfferStatus.TIMEOUT, trade_offer_id=9),
                status(OfferStatus.ROLLBACK_SUPPLIER, trade_offer_id=10),
            )
        )
        assert "your trade is waiting" in shown.content
        assert "✅ AK\\-47 \\| Redline \\(Field\\-Tested\\): delivered, final on" in shown.content
        assert ": not accepted in time" in shown.content
        assert ": taken back by its seller" in shown.content
        assert [url for _, url in links(shown)] == ["https://steamcommunity.com/tradeoffer/7/"]

    def test_when_nothing_waits_any_more_it_says_so_and_keeps_a_button_for_its_mark(self) -> None:
        shown = told(delivered(status(OfferStatus.ACCEPTED)))
        assert shown.content.startswith("This trade doesn't wait in Steam any more.")
        both = told(delivered(status(OfferStatus.ACCEPTED), status(OfferStatus.ACCEPTED)))
        assert both.content.startswith("None of these trades waits in Steam any more.")
        assert "Accept" not in shown.content
        assert links(shown) == [(text.BUTTON_STEAM_OFFERS, TRADE_OFFERS_PAGE)]

    def test_when_something_did_not_arrive_it_leads_to_what_helps(self) -> None:
        shown = told(delivered(status(OfferStatus.ACCEPTED), status(OfferStatus.TIMEOUT)))
        assert "Not everything arrived. **Show request #42** says why" in shown.content
        assert [button.label for button in shown.buttons] == [
            "Show request #42",
            text.BUTTON_STEAM_OFFERS,
        ]

    def test_try_that_was_followed_by_another_one_is_not_told_beside_it(self) -> None:
        known = {"told_in": 0, "not_waiting_at": NOW, "status_at": NOW}
        tries = tuple(
            attempt(1, AttemptState.PURCHASED, attempt_no=number, **known, **fate)
            for number, fate in enumerate(
                (
                    status(OfferStatus.INVALID_TRADE_TOKEN),
                    status(OfferStatus.WAITING_ACCEPT, trade_offer_id=7),
                ),
                start=1,
            )
        )
        retried = view(RequestState.BOUGHT, [LineView(line(1), tries)])
        assert "stopped working" not in told(retried).content
        # In a message of its own it is all that there is to tell.
        apart = (tries[0], replace(tries[1], told_in=1))
        retried = view(RequestState.BOUGHT, [LineView(line(1), apart)])
        assert ": the Trade URL has stopped working" in told(retried).content

    def test_trade_without_its_number_leads_to_where_steam_lists_all(self) -> None:
        shown = told(delivered(status(OfferStatus.WAITING_ACCEPT, trade_offer_id=None)))
        assert [url for _, url in links(shown)] == [TRADE_OFFERS_PAGE]

    def test_part_tells_of_its_own_trades_only(self) -> None:
        both = delivered(
            status(OfferStatus.WAITING_ACCEPT, told_in=0, trade_offer_id=1),
            status(OfferStatus.WAITING_ACCEPT, told_in=1, trade_offer_id=2),
        )
        later = trade_message(replace(DM, part=1), both, FRAME, guild_name="")
        assert [url for _, url in links(later)] == ["https://steamcommunity.com/tradeoffer/2/"]
        assert "Request #42." in later.content

    def test_call_in_public_names_the_member_and_shows_no_trade(self) -> None:
        shown = told(waiting_view(2), to_member=False)
        assert shown.content.startswith(f"⏱ <@{MEMBER}>, 2 trades wait for you in Steam")
        assert "**Open my trades**" in shown.content
        assert "steamcommunity" not in shown.content
        assert links(shown) == []
        assert [button.label for button in shown.buttons] == ["Open my trades"]
        over = told(delivered(status(OfferStatus.ACCEPTED)), to_member=False)
        assert over.content.startswith(f"<@{MEMBER}>, this trade doesn't wait in Steam any more")
        accepted = status(OfferStatus.ACCEPTED)
        both = told(delivered(accepted, accepted), to_member=False)
        assert both.content.startswith(f"<@{MEMBER}>, none of these trades waits")
        assert [button.label for button in over.buttons] == ["Open my trades"]

    def test_its_own_member_is_shown_all_that_waits_now_whatever_part_told_of_it(self) -> None:
        both = delivered(
            status(OfferStatus.WAITING_ACCEPT, told_in=0, trade_offer_id=1),
            status(OfferStatus.WAITING_ACCEPT, told_in=None, trade_offer_id=2),
            status(OfferStatus.ACCEPTED),
        )
        shown = trades_screen(both, FRAME)
        assert [part["url"] for part in payloads(shown) if part.get("url")] == [
            "https://steamcommunity.com/tradeoffer/1/",
            "https://steamcommunity.com/tradeoffer/2/",
        ]
        assert UNTIL in texts(shown)
        over = delivered(status(OfferStatus.ACCEPTED), status(OfferStatus.TIMEOUT))
        assert texts(trades_screen(over, FRAME)) == (
            "No trade of request #42 waits in Steam at the moment: 1 delivered, 1 not delivered."
        )


class TestLiveCards:
    """Every card says of every skin how far its delivery has come."""

    @pytest.mark.parametrize(
        ("fate", "said"),
        [
            (status(OfferStatus.CREATING_TRADE), "📦 being sent"),
            (status("a status that nobody knows"), "📦 being sent"),
            (status(OfferStatus.WAITING_ACCEPT), f"⏱ waits in Steam until {UNTIL}"),
            (
                status(OfferStatus.ACCEPTED),
                f"✅ delivered, final on <t:{-(-(NOW + SETTLES_MS) // 3_600_000) * 3600}:D>",
            ),
            (status(OfferStatus.ACCEPTED, closed_at=NOW), "✅ delivered for good"),
        ],
    )
    def test_skin_is_told_as_it_stands(self, fate: dict[str, Any], said: str) -> None:
        one = delivered(fate)
        assert f"$12.11 · {said}" in texts(result.result_card(one, FRAME))
        sign, _, words = said.partition(" ")
        row = rf"{sign} AK\-47 \| Redline \(Field\-Tested\) · $12.11 · {words}"
        assert row in texts(approval.approval_card(one, FRAME))
        assert row in texts(member.member_status(one, FRAME, guild_name="x"))

    def test_purchase_that_came_to_nothing_says_when_nothing_changes_about_it(self) -> None:
        failed = delivered(status(OfferStatus.TIMEOUT))
        over = delivered(status(OfferStatus.TIMEOUT, closed_at=NOW))
        for card in (result.result_card, approval.approval_card):
            assert "nothing changes about it any more" not in texts(card(failed, FRAME))
            assert "nothing changes about it any more" in texts(card(over, FRAME))

    def test_equal_skins_are_one_row_only_as_long_as_they_fare_alike(self) -> None:
        alike = delivered(*[status(OfferStatus.CREATING_TRADE)] * 3)
        assert "×3** · $12.11 each" not in texts(approval.approval_card(alike, FRAME))
        assert "×3 · $12.11 each · being sent" in texts(approval.approval_card(alike, FRAME))
        split = delivered(
            status(OfferStatus.CREATING_TRADE),
            status(OfferStatus.WAITING_ACCEPT),
            status(OfferStatus.WAITING_ACCEPT, not_waiting_at=NOW + 1_000),
        )
        said = texts(approval.approval_card(split, FRAME))
        assert "· $12.11 · being sent" in said
        assert f"×2 · $12.11 each · waits in Steam until {UNTIL}" in said

    @pytest.mark.parametrize("state", [RequestState.BUYING, RequestState.BOUGHT])
    def test_approval_card_counts(self, state: RequestState) -> None:
        fates = [
            status(OfferStatus.ACCEPTED, closed_at=NOW),
            *[status(OfferStatus.ACCEPTED)] * 5,
            *[status(OfferStatus.WAITING_ACCEPT)] * 2,
            status(OfferStatus.CREATING_TRADE),
        ]
        said = texts(approval.approval_card(delivered(*fates, state=state), FRAME))
        assert (
            f"1 delivered for good, 5 delivered, 2 waiting in Steam until {UNTIL}, 1 being sent"
        ) in said
        later = status(OfferStatus.WAITING_ACCEPT, not_waiting_at=NOW + 120_000)
        said = texts(approval.approval_card(delivered(*fates, later, state=state), FRAME))
        assert f"3 waiting in Steam, the first until {UNTIL}" in said

    def test_member_opens_trades_only_while_one_waits(self) -> None:
        def shown(*fates: dict[str, Any]) -> list[str]:
            made = delivered(*fates)
            screens = (
                member.member_status(made, FRAME, guild_name="x"),
                member.request_detail(made, [], FRAME),
            )
            assert all(
                (text.STATUS_TRADES in texts(screen)) is bool(made.moving) for screen in screens
            )
            return [verb for screen in screens for verb in verbs(screen) if verb == "trades"]

        assert shown(status(OfferStatus.WAITING_ACCEPT)) == ["trades", "trades"]
        assert shown(status(OfferStatus.CREATING_TRADE)) == []
        assert shown(status(OfferStatus.ACCEPTED)) == []

    def test_request_that_was_delivered_says_so(self) -> None:
        made = delivered(status(OfferStatus.ACCEPTED), status(OfferStatus.ACCEPTED))
        assert "request #42: delivered" in texts(member.member_status(made, FRAME, guild_name="x"))
        moving = delivered(status(OfferStatus.ACCEPTED), status(OfferStatus.WAITING_ACCEPT))
        assert "request #42: bought" in texts(member.member_status(moving, FRAME, guild_name="x"))


class TestNotice:
    """Moderators read who returned what, and that nobody knows about the money."""

    def test_it_says_by_whom_a_skin_was_returned(self) -> None:
        shown = delivery_notice(
            NOTICE,
            delivered(status(OfferStatus.ROLLBACK_USER), status(OfferStatus.ROLLBACK_SUPPLIER)),
            FRAME,
        )
        assert f"Returned from <@{MEMBER}>'s Steam account" in shown.content
        assert "Taken back by its seller" in shown.content
        assert shown.content.count("We don't know whether the money comes back") == 2
        assert [button.label for button in shown.buttons] == ["Details"]

    def test_what_is_stuck_says_since_when_and_under_which_number(self) -> None:
        shown = delivery_notice(
            NOTICE, delivered(status(OfferStatus.CREATING_TRADE, stuck_at=NOW + 1)), FRAME
        )
        assert "The delivery takes too long" in shown.content
        state = "the trade is being made"
        assert f"{state}, unchanged since <t:{NOW // 1000}:R> (purchase 4321)" in shown.content

    @pytest.mark.parametrize(
        ("now", "said"),
        [
            (OfferStatus.CREATING_TRADE, "being sent, which takes longer than usual"),
            (OfferStatus.WAITING_ACCEPT, "waits in Steam for longer than usual"),
        ],
    )
    def test_what_is_stuck_is_so_on_every_card_until_it_moves(self, now: str, said: str) -> None:
        stuck = delivered(status(now, stuck_at=NOW + 1), state=RequestState.BOUGHT)
        moved = delivered(status(now, stuck_at=NOW - 1), state=RequestState.BOUGHT)
        for draw in (
            approval.approval_card,
            result.result_card,
            lambda shown, frame: member.member_status(shown, frame, guild_name=""),
        ):
            assert said in texts(draw(stuck, FRAME))
            assert "longer than usual" not in texts(draw(moved, FRAME))
        notice = delivery_notice(NOTICE, moved, FRAME).content
        assert "On its way again" in notice
        assert "unchanged" not in notice

    def test_what_arrived_after_all_says_whether_the_member_may_have_two(self) -> None:
        arrived = delivered(status(OfferStatus.ACCEPTED))
        assert "**Arrived after all.**" in delivery_notice(NOTICE, arrived, FRAME).content
        first = arrived.lines[0].attempts[0]
        for twin, two in (("accepted", True), ("creating_trade", True), ("timeout", False)):
            again = attempt(
                1,
                AttemptState.PURCHASED,
                purchase_key=f"{first.purchase_key[:-2]}02",
                attempt_no=2,
                buy_id=4322,
                offer_status=twin,
            )
            both = replace(arrived, lines=(LineView(line(1), (first, again)),))
            said = delivery_notice(NOTICE, both, FRAME).content
            assert ("may have two of it" in said) is two, twin
            assert "counts as spent" in said

    def test_it_is_drawn_from_how_things_stand_now(self) -> None:
        for now, said in (
            (status(OfferStatus.TIMEOUT), "Not delivered: not accepted in time."),
            (status(OfferStatus.WAITING_ACCEPT), "On its way again."),
            (status(OfferStatus.ACCEPTED, stuck_at=NOW), "Arrived after all."),
        ):
            assert said in delivery_notice(NOTICE, delivered(now), FRAME).content
