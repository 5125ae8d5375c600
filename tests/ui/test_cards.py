"""What each card says and offers, state by state."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from discord import ui

from bot.domain.market import Quote, Refusal
from bot.domain.models import (
    Basket,
    Event,
    EventKind,
    GuildPause,
    GuildSettings,
    LineView,
    NoListing,
    Pause,
    PauseCause,
    Pick,
    RequestView,
    WaitReason,
)
from bot.domain.money import CENT, Micros
from bot.domain.picking import LeftOut, Search, Why
from bot.domain.plain_text import escape
from bot.domain.states import AttemptState, RequestState
from bot.domain.trade_url import TradeUrl
from bot.services.baskets import Left
from bot.services.catalogue import Matches, PriceAge
from bot.services.picking import Found
from bot.services.ports import Paused
from bot.services.waits import wait_after_refusal
from bot.skinsback.refusals import Scope, rule_for
from bot.ui import text
from bot.ui.cards import approval, member, notices, parts, result, results, setup, trade_url
from bot.ui.cards import basket as baskets
from bot.ui.cards.frame import Frame
from bot.ui.checks import PlaceFinding, RoleFinding, SetupFindings
from tests.ui import examples
from tests.ui.examples import (
    CODES,
    GUILD,
    HOSTILE,
    MEMBER,
    MODERATOR,
    NOW,
    attempt,
    basket,
    line,
    payloads,
    pick,
    texts,
    tried,
    verbs,
    view,
    words,
)

FRAME = Frame(commands={"request": 5, "my-requests": 6})
TOKEN = "aB3-_xYz"
URL = TradeUrl(examples.PARTNER, TOKEN)
AK = escape("AK-47 | Redline (Field-Tested)")


def mixed(state: RequestState = RequestState.BOUGHT, **changes: object) -> RequestView:
    """Return a request of which one skin was bought, one was sold out and one got dearer."""
    return view(
        state,
        [
            tried(1, AttemptState.PURCHASED),
            LineView(line(2, market_hash_name="USP-S", no_listing=NoListing.SOLD_OUT), ()),
            LineView(
                line(
                    3,
                    market_hash_name="AWP",
                    no_listing=NoListing.PRICE_ROSE,
                    cheapest_seen=Micros(78_100_000),
                ),
                (),
            ),
        ],
        **changes,
    )


# The approval card.


def test_a_pending_card_shows_who_what_and_how_much() -> None:
    shown = approval.approval_card(view(note="Prize for the Friday cup", dm_closed=True), FRAME)
    said = texts(shown)
    assert "Request #42: 3 skins, $39.06 at most" in said
    assert f"<@{MEMBER}>" in said
    assert "https://steamcommunity.com/profiles/76561198083722517" in said
    assert f"<t:{NOW // 1000}:R>" in said
    assert f"1. {AK} ×3 · $12.40, max $13.02" in said
    assert "> Prize for the Friday cup" in said
    assert "direct messages are closed" in said
    assert "Approve $39.06" in words(shown)
    assert verbs(shown) == ["approve", "deny", "details"]


def test_what_is_pressed_carries_the_digest_of_what_is_shown() -> None:
    shown = approval.approval_card(view(), FRAME)
    ids = [part["custom_id"] for part in payloads(shown) if part.get("custom_id")]
    assert ids[0] == f"req1:{examples.REQUEST_ID}:0123456789abcdef:approve"


def test_an_approved_card_says_when_buying_starts_and_can_be_taken_back() -> None:
    shown = approval.approval_card(view(RequestState.APPROVED, claimable_at=NOW + 10_000), FRAME)
    assert f"Approved by <@{MODERATOR}>" in texts(shown)
    assert f"Buying starts <t:{NOW // 1000 + 10}:R>" in texts(shown)
    assert verbs(shown) == ["take_back", "details"]


@pytest.mark.parametrize("reason", WaitReason)
def test_an_approved_card_says_what_it_waits_for(reason: WaitReason) -> None:
    waiting = view(RequestState.APPROVED, waits_for=reason, claimable_at=NOW, expires_at=NOW)
    said = texts(approval.approval_card(waiting, FRAME))
    assert text.WAITS[reason].moderator in said.replace(f"<@{MEMBER}>", "the member")
    asks_member = reason in text.NEEDS_URL
    assert "Buying starts" not in said
    status = member.member_status(waiting, FRAME, guild_name="A server")
    assert text.WAITS[reason].member in texts(status)
    assert ("new_url" in verbs(status)) is asks_member
    assert ("send_now" in verbs(status)) is (reason is WaitReason.MEMBER_READY)


def test_unknown_lines_are_said_to_be_unknown() -> None:
    shown = approval.approval_card(
        view(
            RequestState.BUYING,
            [tried(1, AttemptState.UNKNOWN), tried(2, AttemptState.PURCHASED)],
        ),
        FRAME,
    )
    said = texts(shown)
    assert "without a clear answer" in said
    assert "may or may not exist" in said
    assert "Do not buy them by hand" in said
    assert "$12.11" in said
    assert verbs(shown) == ["check_now", "details"]


def test_a_bought_card_groups_what_was_not_bought_by_its_reason() -> None:
    said = texts(approval.approval_card(mixed(), FRAME))
    assert "Request #42: 1 of 3 skins bought, $12.11" in said
    assert "Not bought: sold out" in said
    assert "Not bought: now above the approved price" in said
    assert "AWP: cheapest $78.10, at most $13.02" in said
    assert "not bought (at most $26.04)" in said


def test_everything_bought_says_nothing_of_what_was_not() -> None:
    everything = view(
        RequestState.BOUGHT, [tried(1, AttemptState.PURCHASED), tried(2, AttemptState.PURCHASED)]
    )
    said = texts(approval.approval_card(everything, FRAME))
    assert "2 skins bought, $24.22" in said
    assert "ot bought" not in said
    assert f"{AK} ×2 · $12.11 each" in said


def test_decided_cards_shrink_and_name_who_decided() -> None:
    denied = approval.approval_card(
        view(RequestState.DENIED, decision_reason="Too much for one week"), FRAME
    )
    assert f"Denied by <@{MODERATOR}>" in texts(denied)
    assert "> Too much for one week" in texts(denied)
    assert AK not in texts(denied)
    assert verbs(denied) == ["details"]
    cancelled = texts(approval.approval_card(view(RequestState.CANCELLED), FRAME))
    assert f"Cancelled by <@{MEMBER}>" in cancelled
    expired = texts(approval.approval_card(view(RequestState.EXPIRED, decided_by=None), FRAME))
    assert "Nobody decided in time" in expired
    late = texts(approval.approval_card(view(RequestState.EXPIRED), FRAME))
    assert f"<@{MODERATOR}> approved it, but" in late


def test_details_show_the_history_what_was_tried_and_the_balance() -> None:
    tries = [
        tried(1, AttemptState.PURCHASED),
        tried(2, AttemptState.REFUSED, code=5),
        tried(3, AttemptState.UNKNOWN, code=12_345, message="brand_new"),
        tried(4, AttemptState.NOT_SENT),
        tried(5, AttemptState.SENT),
        tried(6, AttemptState.UNKNOWN),
    ]
    shown = approval.approval_details(
        view(RequestState.BUYING, tries),
        [Event(NOW, EventKind.APPROVED, MODERATOR, {})],
        FRAME,
        balance=Micros(412_900_000),
    )
    said = texts(shown)
    assert "bought for $12.11 (purchase 4321)" in said
    assert "sold to someone else (code 5)" in said
    assert "(code 12345) The market said: “brand\\_new”" in said
    assert "it never left this machine" in said
    assert "sent, no answer yet" in said
    assert "no clear answer" in said
    assert f"approved by <@{MODERATOR}>" in said
    assert "Balance at SkinsBack: $412.90" in said
    pictures = [part for part in payloads(shown) if part["type"] == 12]
    assert pictures[0]["items"][0]["media"]["url"] == (
        "https://community.cloudflare.steamstatic.com/economy/image/class/730/310776543/256fx256f"
    )


@pytest.mark.parametrize("state", [RequestState.BUYING, RequestState.BOUGHT])
@pytest.mark.parametrize("alarm", text.ALARMS)
def test_an_alarm_stands_at_its_own_line_for_moderators_and_nowhere_for_the_member(
    alarm: str, state: RequestState
) -> None:
    how = AttemptState.UNKNOWN if alarm == "foreign_key" else AttemptState.PURCHASED
    lines = [
        tried(1, how, alarms=(alarm,)),
        LineView(line(2, market_hash_name="AWP"), (examples.attempt(2, how),)),
    ]
    request = view(state, lines)
    events = [Event(NOW, EventKind.ALARM, None, {"alarm": alarm, "buy_id": 7})]
    card = approval.approval_card(request, FRAME)
    rows = [row for row in texts(card).splitlines() if text.ALARMS[alarm] in row]
    paid = " · $12.11" if how is AttemptState.PURCHASED else ""
    assert rows == [f"⚠️ {AK}{paid}: {text.ALARMS[alarm]}"]
    assert payloads(card)[0]["accent_color"] == parts.RED
    details = texts(approval.approval_details(request, events, FRAME, balance=None))
    rows = [row for row in details.splitlines() if text.ALARMS[alarm] in row]
    assert rows[0].startswith(f"Line 1, try 1, {AK}: ")
    assert rows[1].endswith(f"the market did something unexpected: {text.ALARMS[alarm]}")
    for shown in (
        member.member_status(request, FRAME, guild_name="x"),
        member.request_detail(request, events, FRAME),
        result.result_card(request, FRAME),
    ):
        for never in (text.ALARMS[alarm], "⚠️", "never happen", "unexpected", "needs attention"):
            assert never not in texts(shown)


# What the market refused, from its code to the posted words.


def _bare(words: str) -> str:
    """Return the part of a template before its first command."""
    return words.partition(" {cmd_")[0]


@pytest.mark.parametrize("code", [code for code in CODES if rule_for(code).scope is not Scope.CALL])
def test_a_code_of_a_line_is_explained_wherever_it_is_posted(code: int) -> None:
    rule = rule_for(code)
    state = AttemptState.REFUSED if rule.definite else AttemptState.UNKNOWN
    tries = (attempt(1, state, code=code, message=rule.name),)
    # Chosen by its number, so that no other listing is taken in its place.
    chosen = LineView(line(1, listing_id=62_696_971), tries)
    refused = [chosen, tried(2, AttemptState.PURCHASED)]
    reason = text.REFUSALS[rule.kind]
    for request_state in (RequestState.BUYING, RequestState.BOUGHT):
        shown = view(request_state, refused)
        card = texts(approval.approval_card(shown, FRAME))
        assert _bare(reason.moderator) in card
        assert f"(code {code})" in card
        for public in (
            texts(result.result_card(shown, FRAME)),
            texts(member.member_status(shown, FRAME, guild_name="A server")),
            texts(member.request_detail(shown, [], FRAME)),
        ):
            assert _bare(reason.member) in public
            assert "(code" not in public
            assert reason.heading in public


@pytest.mark.parametrize("code", [code for code in CODES if rule_for(code).scope is Scope.CALL])
def test_a_code_of_a_call_is_explained_while_the_request_waits(code: int) -> None:
    rule = rule_for(code)
    waits_for = wait_after_refusal(Refusal(code, rule.name)).reason
    refused = tried(1, AttemptState.REFUSED, code=code, refused_whole=True)
    shown = view(RequestState.APPROVED, [refused], waits_for=waits_for, claimable_at=NOW)
    reason = text.REFUSALS[rule.kind]
    card = texts(approval.approval_card(shown, FRAME))
    assert reason.moderator in card
    assert f"(code {code})" in card
    status = texts(member.member_status(shown, FRAME, guild_name="A server"))
    assert reason.member in status
    assert "(code" not in status
    details = texts(approval.approval_details(shown, [], FRAME, balance=None))
    assert reason.heading in details


@pytest.mark.parametrize("why", NoListing)
def test_a_line_without_a_listing_is_explained_wherever_it_is_posted(why: NoListing) -> None:
    shown = view(RequestState.BOUGHT, [LineView(line(1, no_listing=why), ())])
    reason = text.NO_LISTINGS[why]
    assert _bare(reason.moderator) in texts(approval.approval_card(shown, FRAME))
    assert _bare(reason.member) in texts(result.result_card(shown, FRAME))
    assert _bare(reason.member) in texts(member.member_status(shown, FRAME, guild_name="x"))


def test_a_code_that_nobody_knows_is_shown_as_it_came_but_harmless() -> None:
    shown = view(
        RequestState.BUYING,
        [tried(1, AttemptState.UNKNOWN, code=12_345, message="brand_new <@1> @everyone")],
    )
    said = texts(approval.approval_card(shown, FRAME))
    assert "The market said: “brand\\_new \\<\\@1\\>" in said
    assert "(code 12345)" in said
    assert "@everyone" not in said


def test_more_reasons_than_a_card_holds_share_one_heading() -> None:
    lines = [tried(number, AttemptState.UNKNOWN, code=100 + number) for number in range(1, 12)]
    said = texts(approval.approval_card(view(RequestState.BUYING, lines), FRAME))
    assert text.HEADING_OTHERS in said
    assert said.count("❔") == 11


# The member's messages.


def test_the_status_follows_its_request() -> None:
    def said(shown: RequestView) -> str:
        return texts(member.member_status(shown, FRAME, guild_name="A *server*"))

    assert "from **A \\*server\\***" in said(view())
    assert "a moderator decides about it" in said(view())
    undo = said(view(RequestState.APPROVED, claimable_at=NOW + 10_000))
    assert f"Buying starts <t:{NOW // 1000 + 10}:R>" in undo
    denied = said(view(RequestState.DENIED, decision_reason="Too much"))
    assert f"<@{MODERATOR}> denied it" in denied
    assert "> Too much" in denied
    assert "You cancelled it" in said(view(RequestState.CANCELLED))
    assert "expired" in said(view(RequestState.EXPIRED))
    assert "partly bought" in said(mixed())
    assert "nothing bought" in said(view(RequestState.BOUGHT, [_sold_out()]))


def _sold_out() -> LineView:
    return LineView(line(1, no_listing=NoListing.SOLD_OUT), ())


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        (RequestState.PENDING, ["cancel"]),
        (RequestState.APPROVED, ["cancel"]),
        (RequestState.BUYING, []),
        (RequestState.BOUGHT, []),
        (RequestState.DENIED, []),
        (RequestState.CANCELLED, []),
        (RequestState.EXPIRED, []),
        (RequestState.CLOSED, []),
    ],
)
def test_a_member_can_cancel_until_buying_starts(state: RequestState, offered: list[str]) -> None:
    assert verbs(member.member_status(view(state), FRAME, guild_name="x")) == offered
    over = state not in (RequestState.PENDING, RequestState.APPROVED, RequestState.BUYING)
    offered += ["ask_all"] if over else []
    assert verbs(member.request_detail(view(state), [], FRAME)) == [*offered, "history", "mine"]


def test_a_member_is_told_how_to_take_what_was_bought() -> None:
    shown = member.member_status(mixed(), FRAME, guild_name="x")
    assert "within 10 minutes" in texts(shown)
    assert "We never ask you to log in" in texts(shown)
    assert parts.TRADE_OFFERS_PAGE in [part.get("url") for part in payloads(shown)]


def test_the_list_offers_each_request_once() -> None:
    shown = member.request_list([view(), mixed()], FRAME)
    assert "**#42** · waiting for approval · 3 skins, $39.06" in texts(shown)
    assert "**#42** · partly bought · 3 skins, $12.11" in texts(shown)
    assert verbs(shown) == ["show", "ask"]
    empty = member.request_list([], FRAME)
    assert "</request:5>" in texts(empty)
    assert verbs(empty) == ["ask"], "who came from the basket finds back"


def test_only_the_message_that_is_edited_says_that_it_changes() -> None:
    assert "This message changes" in texts(member.member_status(view(), FRAME, guild_name="x"))
    assert "This message changes" not in texts(member.request_detail(view(), [], FRAME))


def test_closed_direct_messages_are_said_at_submit() -> None:
    def said(channel_id: int | None, *, failed: bool) -> str:
        return texts(
            member.sent_screen(view(), FRAME, dm_failed=failed, results_channel_id=channel_id)
        )

    assert "by direct message" in said(5, failed=False)
    assert "I can't write to you" in said(5, failed=True)
    assert "<#5>" in said(5, failed=True)
    assert "I can't write to you" in said(None, failed=True)


def test_cancelling_is_asked_about_first() -> None:
    shown = member.cancel_question(view(), FRAME)
    assert verbs(shown) == ["cancel_yes", "show_one"]
    assert "Cancel request #42?" in texts(shown)


# The result message.


def test_the_result_tells_what_happened_to_each_skin() -> None:
    shown = result.result_card(mixed(), FRAME)
    said = texts(shown)
    assert f"<@{MEMBER}>: 1 of 3 skins bought" in said
    assert f"approved by <@{MODERATOR}>" in said
    assert f"**{AK}**\n$12.11 · 📦 bought" in said
    assert "✖ USP\\-S" in said
    assert "✖ AWP: cheapest $78.10, at most $13.02" in said
    assert "$12.11 paid by the server for 1 skin" in said
    assert not verbs(shown)


@pytest.mark.parametrize(("names", "pictured"), [(1, 1), (8, 8), (9, 0), (25, 0)])
def test_many_skins_share_a_gallery(names: int, pictured: int) -> None:
    lines = [
        LineView(
            line(number, market_hash_name=f"Skin {number}", class_id=str(number)),
            (attempt(number, AttemptState.PURCHASED),),
        )
        for number in range(1, names + 1)
    ]
    shown = result.result_card(view(RequestState.BOUGHT, lines), FRAME)
    found = payloads(shown)
    assert len([part for part in found if part["type"] == 11]) == pictured
    galleries = [part for part in found if part["type"] == 12]
    assert [len(part["items"]) for part in galleries] == ([] if pictured else [min(names, 10)])
    assert all(f"Skin {number}" in texts(shown) for number in range(1, names + 1))


def test_what_nobody_knows_is_never_said_to_be_nothing() -> None:
    unknown = view(RequestState.BOUGHT, [tried(1, AttemptState.UNKNOWN), _sold_out()])
    for card in EVERY_CARD.values():
        assert "othing could be bought" not in texts(card(unknown))
        assert "nothing bought" not in texts(card(unknown))
        assert "Nothing was paid." not in texts(result.result_card(unknown, FRAME)).split("\n")
    assert "no clear answer" in texts(result.result_card(unknown, FRAME))
    assert "may or may not" in texts(approval.approval_card(unknown, FRAME))


def test_nothing_bought_is_said_with_nothing_paid() -> None:
    said = texts(result.result_card(view(RequestState.BOUGHT, [_sold_out()]), FRAME))
    assert "nothing could be bought" in said
    assert "Nothing was paid." in said


def test_the_result_stands_in_for_a_message_that_could_not_be_sent() -> None:
    assert "within 10 minutes" not in texts(result.result_card(mixed(), FRAME))
    assert "within 10 minutes" in texts(result.result_card(mixed(dm_closed=True), FRAME))


# The basket.

SETTINGS = GuildSettings(GUILD)


def _basket(
    shown: Basket, page: int = 0, url: TradeUrl | None = URL, notice: str = ""
) -> ui.LayoutView:
    return baskets.basket_screen(
        shown, FRAME, settings=SETTINGS, trade_url=url, page=page, notice=notice
    )


def test_the_basket_shows_its_rows_and_sums() -> None:
    shown = _basket(basket([pick(1), pick(2, market_hash_name="AWP", quantity=1)], note="Cup"))
    said = texts(shown)
    assert "Your basket: 3 of 10 skins" in said
    assert f"**{AK}**\n2 × $12.40, at most $13.02 each" in said
    assert "3 skins: $37.20 today, $39.06 at most" in said
    assert "…2517" in said
    assert "Note: Cup" in said
    assert verbs(shown) == ["line", "send", "add", "paste", "url", "more"]


def test_an_empty_basket_offers_to_add_first() -> None:
    assert verbs(_basket(basket())) == ["add", "paste", "url", "more"]


def test_a_notice_stands_on_top() -> None:
    assert texts(_basket(basket([pick()]), notice="Added.")).startswith("Added.")


def test_a_basket_without_a_trade_url_says_so() -> None:
    assert text.BASKET_TO_NOBODY in texts(_basket(basket([pick()]), url=None))


@pytest.mark.parametrize(("page", "first"), [(-1, 1), (0, 1), (1, 8), (2, 15), (9, 15)])
def test_pages_are_turned_and_never_lost(page: int, first: int) -> None:
    shown = _basket(
        basket([pick(number, market_hash_name=f"Skin {number}") for number in range(1, 16)]), page
    )
    assert f"**Skin {first}**" in texts(shown)
    assert f"Page {(first - 1) // 7 + 1} of 3" in words(shown)
    assert verbs(shown).count("page") == 3


def test_one_row_has_its_own_screen() -> None:
    chosen = pick(9)
    quote = Quote("cs2", chosen.market_hash_name, Micros(12_500_000), 14, "1")
    shown = baskets.line_screen(basket([chosen]), chosen, FRAME, quote=quote)
    assert "2 × $12.50 today (14 for sale), $12.40 when you picked it" in texts(shown)
    assert verbs(shown) == ["less", "plus", "ceiling", "remove", "back"]
    tails = [part["custom_id"].split(":")[4] for part in payloads(shown) if part.get("custom_id")]
    assert tails == ["9"] * 5
    assert text.ago(NOW) in texts(
        baskets.line_screen(basket([chosen]), chosen, FRAME, quote=quote, prices=PriceAge(NOW))
    )


def test_a_certain_listing_can_not_be_multiplied() -> None:
    chosen = pick(9, listing_id=77, quantity=1)
    shown = baskets.line_screen(basket([chosen]), chosen, FRAME, quote=None)
    assert "Only listing 77" in texts(shown)
    disabled = [part["custom_id"].split(":")[3] for part in payloads(shown) if part.get("disabled")]
    assert disabled == ["less", "plus"]


def _several_found(total: int = 312, first: int = 0, **changes: Any) -> Found:
    quotes = tuple(
        Quote("cs2", f"Skin {number}", Micros(1_000_000), number % 25, "12")
        for number in range(first + 1, min(first + 25, total) + 1)
    )
    search = Search(31, examples.REQUEST_ID, "ski*", **changes)
    return Found(basket(), search, Matches(quotes, total, first), ("cs2",), PriceAge(NOW))


def test_several_matches_are_offered_with_their_prices() -> None:
    found = _several_found(quantity=2, ceiling=Micros(13_020_000))
    shown = results.results_screen(found, FRAME)
    said = texts(shown)
    assert "“ski\\*” fits 312 skins. Shown: 1 to 25 of 312." in said
    assert "You asked for 2, at most $13.02 each." in said
    assert "**Search again** with one word more" in said
    assert f"Prices from {text.ago(NOW)}" in said
    assert "**Skin 6**\n$1.00 · 6 for sale" in said
    assert "**Skin 7**" not in said
    chooser = next(part for part in payloads(shown) if part["type"] == 3)
    assert re.fullmatch(r"bas1:\w{20}:7:choose:31\.0\.[0-9a-f]{8}", chooser["custom_id"])
    assert (chooser["min_values"], chooser["max_values"]) == (1, 25)
    assert chooser["options"][0]["value"] == "cs2:Skin 1"
    assert chooser["options"][0]["description"] == "$1.00 · ⚠ only 1 for sale"
    assert chooser["options"][24]["description"] == "sold out"
    assert verbs(shown) == ["choose", "found", "found", "again", "back"]


def test_matches_over_the_limit_that_was_typed_are_marked() -> None:
    found = examples.found(2, quotes=[examples.quote(1, price=Micros(12_400_000), count=20)])
    found = replace(found, search=replace(found.search, ceiling=Micros(12_000_000)))
    shown = results.results_screen(found, FRAME)
    assert "You asked for one at $12.00 at most." in texts(shown)
    assert "$12.40 · 20 for sale · ⚠ over your limit" in texts(shown)
    assert "**Search again** with other words." in texts(shown)


def test_a_menu_of_results_is_another_one_each_time_it_is_drawn() -> None:
    """Choosing the same in the same menu sends nothing."""

    def menu(shown: ui.LayoutView, verb: str) -> str:
        ids = [str(part["custom_id"]) for part in payloads(shown) if part["type"] == 3]
        return next(one for one in ids if f":{verb}:" in one)

    found, full = _several_found(), basket([pick()])
    ids = {menu(results.results_screen(found, FRAME), "choose") for _ in range(2)}
    ids |= {menu(_basket(full), "line") for _ in range(2)}
    assert len(ids) == 4


@pytest.mark.parametrize(
    ("total", "first", "shown", "tails"),
    [
        (5, 0, "fits 5 skins.", []),
        (25, 0, "fits 25 skins.", []),
        (26, 0, "Shown: 1 to 25 of 26.", [("31.0", True), ("31.25", False)]),
        (26, 25, "Shown: 26 to 26 of 26.", [("31.0", False), ("31.50", True)]),
        (1_833, 50, "Shown: 51 to 75 of 1,833.", [("31.25", False), ("31.75", False)]),
    ],
)
def test_results_are_paged_and_say_where_they_are(
    total: int, first: int, shown: str, tails: list[tuple[str, bool]]
) -> None:
    screen = results.results_screen(_several_found(total, first), FRAME)
    assert shown in texts(screen)
    turning = [part for part in payloads(screen) if ":found:" in part.get("custom_id", "")]
    assert [(one["custom_id"].split(":")[4], one["disabled"]) for one in turning] == tails


def test_one_name_in_two_games_is_offered_for_each_with_its_game() -> None:
    quotes = tuple(Quote(game, "Skin", Micros(1_000_000), 3, "") for game in ("cs2", "rust"))
    found = replace(_several_found(), matches=Matches(quotes, 2), games=("cs2", "rust"))
    shown = results.results_screen(found, FRAME)
    chooser = next(part for part in payloads(shown) if part["type"] == 3)
    assert [option["value"] for option in chooser["options"]] == ["cs2:Skin", "rust:Skin"]
    assert chooser["options"][1]["description"] == "$1.00 · 3 for sale · Rust"


def test_what_limits_leave_stands_on_the_basket() -> None:
    def left(left: Left, picks: Sequence[Pick] = (pick(),)) -> str:
        return texts(
            baskets.basket_screen(
                basket(picks),
                FRAME,
                settings=SETTINGS,
                trade_url=URL,
                left=left,
                prices=PriceAge(NOW),
            )
        )

    assert "Left for you: 1 request · 3 more skins" in left(Left(3, 1, ()))
    assert f"-# Prices from {text.ago(NOW)}" in left(Left(3, 1, ()))
    assert "Left for you: 2 requests · 1 more skin" in left(Left(1, 2, (7,)))
    said = left(Left(0, 0, (8, 7)))
    assert "Left for you: no request until one is done (#8, #7) · no more skins" in said
    assert "Left for you: 1 request · 10 more skins" in left(Left(10, 1, ()), [])


def test_a_basket_says_row_by_row_what_was_left_out() -> None:
    rows = [
        text.left_out_in_words(LeftOut("A*", Why.NO_ROOM), 10),
        text.left_out_in_words(LeftOut("B", Why.SOLD_OUT), 10),
        text.left_out_in_words(LeftOut("C", Why.TOO_DEAR, Micros(2_000_000)), 10),
    ]
    shown = baskets.basket_screen(
        basket([pick()]),
        FRAME,
        settings=SETTINGS,
        trade_url=URL,
        notice=text.added_several([pick()] * 5),
        rows=rows,
        extra=results.back_to_results(31, 50),
    )
    said = texts(shown)
    assert said.startswith(f"Added: **{AK}**, **{AK}**, **{AK}** and 2 more.\n✖ **A\\***: no room")
    assert "a request holds 10 skins here" in said
    assert "✖ **B**: nobody sells it" in said
    assert "the cheapest costs $2.00, more than" in said
    assert verbs(shown) == ["line", "found", "send", "add", "paste", "url", "more"]
    assert text.added_several([]) == "Nothing was added."
    assert text.added_several([pick()]).startswith(f"Added: **{AK}** ×2, at most")


def test_pages_are_found_by_what_stands_on_them() -> None:
    full = basket([pick(number, market_hash_name=f"Skin {number}") for number in range(1, 16)])
    assert [baskets.page_of(full, number) for number in (1, 7, 8, 15, 99)] == [0, 0, 1, 2, 0]
    assert baskets.page_with(full, replace(full.picks[9], pick_id=0)) == 1
    assert baskets.page_with(full, pick(0, market_hash_name="gone")) == 0


def test_a_listing_is_told_from_the_same_skin_by_name() -> None:
    one = pick(quantity=1, listing_id=62696971)
    shown = _basket(basket([one]))
    menu = next(part for part in payloads(shown) if part["type"] == 3)
    assert "$12.40, at most $13.02 · listing 62696971" in texts(shown)
    assert menu["options"][0]["description"] == "$12.40, at most $13.02 · listing 62696971"
    assert "listing 62696971" in text.added(one, typed="redline")
    cheaper = Quote("cs2", one.market_hash_name, Micros(11_000_000), 9, "")
    said = texts(baskets.line_screen(basket([one]), one, FRAME, quote=cheaper))
    assert "$12.40 when you picked it; the cheapest one is $11.00 today (9 for sale)" in said


def test_emptying_says_what_goes_and_a_note_alone_is_seen() -> None:
    for of, what in (
        (basket([pick(quantity=1)]), "1 skin."),
        (basket([pick()], note="Cup"), "2 skins and the note."),
        (basket(note="Cup"), "the note."),
    ):
        assert texts(baskets.empty_question(of, FRAME)).endswith(f"What goes: {what}")
    assert "Note: Cup" in texts(_basket(basket(note="Cup")))


def test_selects_change_screens_and_buttons_open_modals() -> None:
    opens_modal = {"add", "ceiling", "note", "deny", "enter", "limits"}
    shown = _basket(basket([pick()]))
    selects = [part for part in payloads(shown) if part["type"] == 3]
    assert not {part["custom_id"].split(":")[3] for part in selects} & opens_modal


def test_modals_ask_with_their_fields_and_a_tail_for_one_time() -> None:
    def fields(modal: ui.Modal) -> list[str]:
        return [part["custom_id"] for part in payloads(modal) if part.get("custom_id")]

    assert fields(baskets.add_modal(basket())) == ["name", "quantity", "ceiling", "listing"]
    assert fields(baskets.ceiling_modal(basket(), pick())) == ["ceiling"]
    assert fields(baskets.note_modal(basket(note="Cup"))) == ["note"]
    assert fields(approval.deny_modal(view().request)) == ["reason"]
    assert fields(trade_url.trade_url_modal("basket")) == ["url"]
    assert fields(setup.limits_modal(SETTINGS)) == ["tolerance", "lines", "open", "undo"]
    makers: list[Callable[[], ui.Modal]] = [
        lambda: baskets.add_modal(basket()),
        lambda: baskets.ceiling_modal(basket(), pick()),
        lambda: baskets.note_modal(basket()),
        lambda: approval.deny_modal(view().request),
        lambda: trade_url.trade_url_modal(""),
        lambda: setup.limits_modal(SETTINGS),
    ]
    for make in makers:
        assert make().custom_id != make().custom_id


def test_a_modal_comes_back_with_what_was_typed() -> None:
    values = {"name": "redline ft", "quantity": "two"}
    given = {
        part["custom_id"]: part.get("value")
        for part in payloads(baskets.add_modal(basket(), values=values))
        if part.get("custom_id")
    }
    assert given["name"] == "redline ft"
    assert given["quantity"] == "two"
    assert not given["ceiling"]


# The Trade URL.


def test_the_screen_says_where_to_find_a_trade_url_before_it_asks() -> None:
    shown = trade_url.trade_url_screen(FRAME, known=None, context="basket")
    links = [part["url"] for part in payloads(shown) if part.get("url")]
    assert links == ["https://steamcommunity.com/my/tradeoffers/privacy"]
    assert verbs(shown) == ["enter", "back"]
    assert verbs(trade_url.trade_url_screen(FRAME, known=None)) == ["enter"]


def test_a_known_trade_url_is_masked() -> None:
    shown = trade_url.trade_url_screen(FRAME, known=URL)
    assert verbs(shown) == ["enter", "forget"]
    assert TOKEN not in str(payloads(shown))
    assert URL.masked() in texts(shown)


def test_the_account_is_confirmed_by_its_profile() -> None:
    shown = trade_url.trade_url_confirm(URL, "abcd1234", FRAME, context=examples.REQUEST_ID)
    assert URL.profile_url in [part.get("url") for part in payloads(shown)]
    ids = [part["custom_id"] for part in payloads(shown) if part.get("custom_id")]
    assert ids == [
        f"url1:abcd1234:-:yes:{examples.REQUEST_ID}",
        f"url1:-:-:enter:{examples.REQUEST_ID}",
    ]
    assert TOKEN not in str(payloads(shown))


# Set-up and notices.


def _panel(findings: SetupFindings, settings: GuildSettings = SETTINGS) -> ui.LayoutView:
    return setup.setup_panel(
        settings, FRAME, findings=findings, confirmed=[], parked=[], allowed=True
    )


def test_the_set_up_panel_names_what_is_missing() -> None:
    said = texts(
        _panel(
            SetupFindings(
                RoleFinding(11),
                PlaceFinding(12, everyone_reads=True, approvers_read=False),
                PlaceFinding(13, missing=("send_messages", "embed_links")),
            )
        )
    )
    assert "2 of 4 done" in said
    assert "When it is bought** ▫️ not chosen yet: until then at once." in said
    assert "Everyone can read <#12>" in said
    assert "<@&11> can't see <#12>" in said
    assert "In <#13> I lack: **Send Messages**, **Embed Links**" in said


def test_the_set_up_panel_offers_every_choice() -> None:
    assert verbs(_panel(SetupFindings())) == [
        "approver",
        "approvals",
        "results",
        "delivery",
        "askers",
        "games",
        "limits",
        "check",
        "test",
        "panel",
    ]


def test_a_select_never_stands_on_what_is_gone() -> None:
    chosen = GuildSettings(
        GUILD, approver_role_id=1, approval_channel_id=2, asker_role_ids=frozenset({3, 4})
    )
    gone = SetupFindings(
        RoleFinding(1, exists=False), PlaceFinding(2, exists=False), None, frozenset({3})
    )
    shown = _panel(gone, chosen)
    defaults = {
        part["custom_id"].split(":")[3]: [int(value["id"]) for value in part["default_values"]]
        for part in payloads(shown)
        if part.get("default_values")
    }
    assert defaults == {"askers": [4]}
    assert "1 is no longer there" in texts(shown)


def test_a_server_that_is_not_allowed_is_told_its_id_and_can_do_nothing() -> None:
    shown = setup.setup_panel(
        SETTINGS, FRAME, findings=SetupFindings(), confirmed=[], parked=[], allowed=False
    )
    assert f"`{GUILD}`" in texts(shown)
    assert not verbs(shown)


def test_the_test_card_says_who_has_confirmed() -> None:
    settings = GuildSettings(GUILD, approver_role_id=11)
    nobody = setup.test_card(settings, FRAME, confirmed=[])
    assert "Nobody has confirmed yet" in texts(nobody)
    assert verbs(nobody) == ["confirm"]
    assert f"<@{MODERATOR}>" in texts(setup.test_card(settings, FRAME, confirmed=[MODERATOR]))


@pytest.mark.parametrize("code", [-8, -10, -4, -1])
def test_a_pause_tells_moderators_who_can_help(code: int) -> None:
    pause = Pause(PauseCause.MARKET_REFUSES_US, NOW, code, "")
    said = texts(notices.pause_notice(Paused((pause,), None), FRAME))
    assert text.REFUSALS[rule_for(code).kind].moderator in said
    assert f"(code {code})" in said
    assert text.PAUSE_KEPT in said


# What holds for all of them.

EVERY_CARD: dict[str, Callable[[RequestView], ui.LayoutView]] = {
    "approval": lambda shown: approval.approval_card(shown, FRAME),
    "details": lambda shown: approval.approval_details(shown, [], FRAME, balance=None),
    "status": lambda shown: member.member_status(shown, FRAME, guild_name=shown.request.note),
    "result": lambda shown: result.result_card(shown, FRAME),
    "list": lambda shown: member.request_list([shown], FRAME),
    "detail": lambda shown: member.request_detail(shown, [], FRAME),
    "cancel": lambda shown: member.cancel_question(shown, FRAME),
}


def _harmless(said: str) -> None:
    unescaped = re.sub(r"\\.", "", said, flags=re.DOTALL)
    assert not re.search(r"<(@[!&]?|#|/\S+:|a?:\w+:)987654321098765432>", unescaped)
    assert "@everyone" not in unescaped
    assert "@here" not in unescaped
    assert "](https://evil" not in unescaped
    assert "://evil" not in unescaped
    assert "discord.gg/evil" not in unescaped
    assert "<t:0" not in unescaped
    assert "**bold**" not in unescaped
    assert "||spoiler" not in unescaped
    assert "```" not in unescaped
    assert "\u202e" not in said


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("card", EVERY_CARD)
def test_hostile_text_is_only_ever_read(card: str, hostile: str) -> None:
    lines = [
        LineView(line(1, market_hash_name=hostile), ()),
        LineView(
            line(2, market_hash_name=hostile),
            (attempt(2, AttemptState.UNKNOWN, code=99, message=hostile),),
        ),
        LineView(line(3, market_hash_name=hostile), (attempt(3, AttemptState.PURCHASED),)),
    ]
    for state in RequestState:
        shown = view(state, lines, note=hostile, decision_reason=hostile)
        said = texts(EVERY_CARD[card](shown))
        _harmless(said)
        for row in said.split("\n"):
            assert not row.startswith(("# ", "- list", "1. number"))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_in_a_basket_is_only_ever_read(hostile: str) -> None:
    chosen = pick(1, market_hash_name=hostile)
    full = basket([chosen], note=hostile)
    quote = Quote("cs2", hostile, Micros(1), 1, "")
    for shown in (
        _basket(full, notice=text.added(chosen, typed=hostile)),
        _basket(full, notice=text.added(chosen)),
        _basket(full, notice=text.removed(hostile)),
        baskets.more_screen(full, FRAME),
        baskets.line_screen(full, chosen, FRAME, quote=quote),
        results.results_screen(
            Found(
                full,
                Search(1, full.request_id, hostile),
                Matches((quote,), 1),
                ("cs2",),
                PriceAge(None),
            ),
            FRAME,
        ),
        _basket(full, notice=text.note_changed(hostile)),
        _basket(full, notice=text.ceiling_changed(hostile, CENT)),
        _basket(full, notice=text.added_several([chosen, chosen])),
        _basket(full, notice=text.left_out_in_words(LeftOut(hostile, Why.SOLD_OUT), 1)),
        notices.pause_notice(
            Paused(
                (Pause(PauseCause.ALARM, NOW, None, hostile),),
                GuildPause(GUILD, NOW, MODERATOR, hostile),
            ),
            FRAME,
        ),
    ):
        _harmless(texts(shown))


@pytest.mark.parametrize("card", EVERY_CARD)
@pytest.mark.parametrize("state", RequestState)
def test_a_card_is_drawn_from_its_request_alone(card: str, state: RequestState) -> None:
    shown = mixed(state)
    assert payloads(EVERY_CARD[card](shown)) == payloads(EVERY_CARD[card](shown))


@pytest.mark.parametrize("card", EVERY_CARD)
@pytest.mark.parametrize("state", RequestState)
def test_the_balance_and_the_token_stand_on_no_card(card: str, state: RequestState) -> None:
    drawn = str(payloads(EVERY_CARD[card](mixed(state))))
    assert "alance at" not in drawn
    assert "token" not in drawn


def test_the_sandbox_is_said_on_every_card_and_the_mark_stands_outermost() -> None:
    frame = Frame(sandbox=True, mark=1 << 25)
    for shown in (
        approval.approval_card(view(), frame),
        result.result_card(mixed(), frame),
        member.member_status(view(), frame, guild_name="x"),
        baskets.basket_screen(basket(), frame, settings=SETTINGS, trade_url=None),
        setup.panel_message(frame),
        notices.notice("x", frame),
    ):
        assert texts(shown).endswith(text.SANDBOX)
        assert payloads(shown)[0]["id"] == 1 << 25


def test_a_picture_is_shown_only_where_its_address_is_sure() -> None:
    assert parts.picture_url("cs2", "") is None
    assert parts.picture_url("unheard_of", "12") is None
    assert parts.picture_url("cs2", "../../evil") is None
    assert parts.picture_url("cs2", "١٢") is None
    assert parts.picture_url("dota2", "12") is not None
