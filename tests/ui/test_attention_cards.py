"""What cards say of what is unknown, what waits, what was bought in vain, and of new tries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.backoff import REST_MS, RESTS_AFTER
from bot.domain.delivery import RETURNED
from bot.domain.market import FAILED_STATUSES, OfferStatus
from bot.domain.models import (
    Attempt,
    Event,
    EventKind,
    GuildPause,
    LineView,
    NoListing,
    Pause,
    PauseCause,
    RequestView,
    WaitReason,
)
from bot.domain.money import Micros
from bot.domain.states import AttemptState, LineState, RequestState
from bot.services.outcomes import Alarm
from bot.services.pauses import LIFTED_BY_OPERATORS, Resumed
from bot.services.ports import Paused
from bot.ui import text
from bot.ui.cards import approval, attention, member, notices, result
from bot.ui.cards.frame import Frame
from bot.ui.custom_ids import CustomId, pack, unpack
from tests.ui.examples import (
    GUILD,
    MODERATOR,
    NOW,
    attempt,
    line,
    payloads,
    refused_view,
    texts,
    tried,
    unknown_view,
    verbs,
    view,
)

FRAME = Frame(commands={"request": 5, "trade-url": 6, "quartermaster": 7})
PAUSED_HERE = Paused((), GuildPause(GUILD, NOW, MODERATOR, "counting skins"))


def card(shown: RequestView) -> str:
    return texts(approval.approval_card(shown, FRAME))


def status(shown: RequestView) -> str:
    return texts(member.member_status(shown, FRAME, guild_name="A server"))


def told(shown: RequestView) -> str:
    return texts(result.result_card(shown, FRAME))


class TestUnknown:
    """How often the market was asked, when it is asked next, and who can do something."""

    def test_search_says_how_often_and_when_next_and_what_stays_held(self) -> None:
        shown = unknown_view(2, look_ups=3)
        said = card(shown)
        until = (NOW + 60_000) // 1000
        assert f"Asked the market 3 times since <t:{NOW // 1000}:R>, next <t:{until}:R>." in said
        assert "$26.04 stays held" in said
        assert "We look them up, and nothing is bought twice" in said
        assert verbs(approval.approval_card(shown, FRAME)) == ["check_now", "details"]

    def test_search_that_has_just_begun_says_when_it_is_asked(self) -> None:
        assert "The market is asked <t:" in card(unknown_view(1))
        assert "at the market at this moment" in card(
            view(RequestState.BUYING, [tried(1, AttemptState.UNKNOWN)], step_at=None)
        )

    def test_request_that_needs_a_person_says_so_to_both(self) -> None:
        shown = unknown_view(1, attention_at=NOW, look_ups=1)
        said = card(shown)
        assert "### Request #42: needs a person" in said
        assert "**Do not buy them by hand.**" in said
        assert "Asked the market once since" in said
        assert verbs(approval.approval_card(shown, FRAME)) == ["check_now", "settle", "details"]
        for public in (status(shown), told(shown)):
            assert "It takes longer than usual" in public
            assert "may or may not be" in public
            assert "needs a person" not in public

    def test_person_is_not_needed_once_nothing_is_unknown(self) -> None:
        shown = view(RequestState.BUYING, attention_at=NOW)
        assert verbs(approval.approval_card(shown, FRAME)) == ["details"]

    def test_what_was_settled_is_said_to_be_settled(self) -> None:
        settled = tried(1, AttemptState.REFUSED, settled_at=NOW, settled_by=MODERATOR, code=7)
        shown = view(RequestState.BOUGHT, [settled], expires_at=NOW)
        assert "Not bought: settled as not bought" in card(shown)
        assert "that makes two" in card(shown)
        assert "that makes two" not in card(view(RequestState.BOUGHT, [settled]))
        assert "A person has looked into it" in told(shown)
        details = texts(approval.approval_details(shown, [], FRAME, balance=None))
        assert "settled by hand as not bought" in details


class TestScreen:
    """Settling by hand."""

    def test_screen_of_one_line_needs_no_choice(self) -> None:
        shown = unknown_view(1, attention_at=NOW)
        screen = attention.settle_screen(shown, FRAME)
        assert verbs(screen) == ["settle_bought", "settle_not"]
        assert "qmabcdefghij234567klmn0101" in texts(screen)
        assert "SkinsBack panel" in texts(screen)
        assert "bought twice" in texts(screen)

    @pytest.mark.parametrize(
        ("chosen", "buttons"),
        [
            ([], []),
            ([2], ["settle_bought", "settle_not"]),
            ([1, 3], ["settle_not"]),
            ([9], []),
        ],
    )
    def test_screen_of_several_offers_what_the_choice_allows(
        self, chosen: list[int], buttons: list[str]
    ) -> None:
        shown = unknown_view(3, attention_at=NOW)
        screen = attention.settle_screen(shown, FRAME, chosen=chosen)
        assert verbs(screen) == ["settle_choose", *buttons]
        (menu,) = [part for part in payloads(screen) if part.get("options")]
        assert (menu["min_values"], menu["max_values"]) == (1, 3)
        marked = [int(one["value"]) for one in menu["options"] if one.get("default")]
        assert marked == [number for number in chosen if number <= 3]
        for part in payloads(screen):
            if part.get("custom_id", "").endswith(pack(chosen)) and buttons:
                parsed = CustomId.parse(part["custom_id"])
                assert parsed is not None
                assert unpack(parsed.tail) == frozenset(chosen)

    def test_screens_of_other_purchases_have_other_stamps(self) -> None:
        def stamp(shown: RequestView) -> str:
            (part, *_) = [
                one for one in payloads(attention.settle_screen(shown, FRAME)) if "custom_id" in one
            ]
            parsed = CustomId.parse(part["custom_id"])
            assert parsed is not None
            return parsed.stamp

        assert stamp(unknown_view(2)) == stamp(unknown_view(2, attention_at=NOW, look_ups=4))
        assert len({stamp(unknown_view(count)) for count in range(1, 26)}) == 25

    def test_forms_never_have_an_id_twice(self) -> None:
        shown = unknown_view(1)
        assert attention.bought_modal(shown, 1).custom_id != (
            attention.bought_modal(shown, 1).custom_id
        )


@pytest.mark.parametrize("numbers", [[], [0], [1, 2, 99], range(1, 100), [25]])
def test_a_set_of_lines_is_read_back_as_it_was_packed(numbers: list[int]) -> None:
    packed = pack(numbers)
    assert len(packed) <= 20
    assert unpack(packed) == frozenset(numbers)


@pytest.mark.parametrize("packed", ["", "-", "a-b", "Z", "0" * 21])
def test_what_was_never_packed_is_no_line(packed: str) -> None:
    assert unpack(packed) == frozenset()


class TestWaiting:
    """A request in *buying* says what its rest waits for, and never that nothing was bought."""

    @pytest.mark.parametrize("reason", WaitReason)
    def test_wait_is_said_to_both(self, reason: WaitReason) -> None:
        shown = view(
            RequestState.BUYING,
            [tried(1, AttemptState.PURCHASED), LineView(line(2), ())],
            waits_for=reason,
        )
        for said in (card(shown), status(shown)):
            assert f"What is still open waits and keeps its place: {text.WAITS_NOW[reason]}" in said
            assert "othing was bought" not in said
        assert "Buying is under way" not in card(shown)
        needs_url = reason in text.NEEDS_URL
        buttons = verbs(member.member_status(shown, FRAME, guild_name=""))
        assert ("new_url" in buttons) == needs_url

    @pytest.mark.parametrize(
        ("reason", "said"),
        [
            # The market doesn't say how long it refuses an account.
            (WaitReason.STEAM_ACCOUNT, "It is tried again <t:"),
            (WaitReason.STEAM_ACCOUNT_RESTS, "It goes on <t:"),
        ],
    )
    def test_wait_for_a_time_promises_no_more_than_is_known(
        self, reason: WaitReason, said: str
    ) -> None:
        waits = view(RequestState.APPROVED, waits_for=reason, claimable_at=NOW, expires_at=NOW + 1)
        assert said in card(waits)
        assert said in status(waits)

    def test_code_of_the_call_is_for_moderators(self) -> None:
        refused = tried(2, AttemptState.REFUSED, code=-9, refused_whole=True)
        shown = view(
            RequestState.BUYING,
            [tried(1, AttemptState.PURCHASED), refused],
            waits_for=WaitReason.MAINTENANCE,
        )
        assert "the market is being maintained. (code -9)" in card(shown)
        assert "(code" not in status(shown)


def lost(line_no: int, offer_status: str, **changes: int) -> LineView:
    return tried(line_no, AttemptState.PURCHASED, offer_status=offer_status, **changes)


class TestUndelivered:
    """What was bought and is not the member's: money was paid, and nobody promises it back."""

    def test_every_status_that_ends_so_has_words(self) -> None:
        assert set(text.UNDELIVERED) == FAILED_STATUSES == set(text.LATELY)
        for reason in text.UNDELIVERED.values():
            assert "bought" in reason.member or "delivered" in reason.member
            everything = " ".join([reason.member, reason.member_again, reason.moderator])
            assert "refund" not in everything.lower()
            assert "Try again" in reason.again
            assert "Try again" not in reason.moderator
            assert reason.member_again.startswith(reason.member)

    @pytest.mark.parametrize("offer_status", sorted(FAILED_STATUSES))
    def test_money_is_said_to_be_spent_until_it_is_booked_as_back(self, offer_status: str) -> None:
        gone = view(RequestState.BOUGHT, [lost(1, offer_status)])
        back = view(RequestState.BOUGHT, [lost(1, offer_status, back_at=NOW, back_by=MODERATOR)])
        assert "nobody knows yet whether it comes back. It counts as spent" in card(gone)
        assert "Its money was booked as back" in card(back)
        assert "counts as spent" not in card(back)
        details = texts(approval.approval_details(back, [], FRAME, balance=None))
        assert f"its money is back since <t:{NOW // 1000}:f>" in details

    @pytest.mark.parametrize("offer_status", sorted(FAILED_STATUSES))
    def test_it_counts_as_bought_and_paid_and_says_why_it_did_not_arrive(
        self, offer_status: str
    ) -> None:
        lines = [tried(1, AttemptState.PURCHASED), lost(2, offer_status), LineView(line(3), ())]
        refused = LineView(line(3, no_listing=NoListing.SOLD_OUT), ())
        shown = view(RequestState.BOUGHT, [*lines[:2], refused], expires_at=NOW)
        assert shown.lines[1].state is LineState.FAILED
        said = card(shown)
        assert "2 of 3 skins bought, $24.22, 1 not delivered" in said
        gone_again = offer_status in RETURNED
        what = "Delivered, and gone again" if gone_again else "Bought, but not delivered"
        assert f"{what}: {text.UNDELIVERED[offer_status].heading}" in said
        assert "⚠ AK\\-47 \\| Redline \\(Field\\-Tested\\) · $12.11" in said
        assert "It counts as spent" in said
        assert "Nothing was paid for what was not bought (at most $13.02)" in said
        public = told(shown)
        assert "2 of 3 skins bought, 1 not delivered" in public
        assert "$12.11 paid by the server for 1 skin. $12.11 paid by the server for what " in public
        assert "Nothing was paid." not in public.split("\n")
        assert "1 of 3 skins, $12.11 paid, $12.11 for what did not arrive" in status(shown)
        assert "It counts as spent" not in public + status(shown)
        listed = texts(member.request_list([shown], FRAME))
        assert "partly bought · 3 skins, $24.22" in listed

    def test_reason_beyond_those_with_sentences_still_stands_beside_its_skin(self) -> None:
        kinds = (OfferStatus.TIMEOUT, OfferStatus.CANCELED, OfferStatus.TRADE_CREATE_ERROR)
        lines = [lost(number, kind) for number, kind in enumerate(kinds, start=1)]
        shown = view(RequestState.BOUGHT, lines, expires_at=NOW)
        for said in (card(shown), status(shown), told(shown)):
            assert r"\(Field\-Tested\) · $12.11 · the trade could not be made" in said

    @pytest.mark.parametrize("offer_status", sorted(FAILED_STATUSES))
    def test_what_nobody_can_try_again_can_be_asked_for_anew(self, offer_status: str) -> None:
        """In the member's message too: in their list alone few would look for it."""
        open_still = view(RequestState.BOUGHT, [lost(1, offer_status)], expires_at=NOW)
        over = view(RequestState.BOUGHT, [lost(1, offer_status)])
        for shown, offered in ((open_still, False), (over, True)):
            assert ("**Ask again for these** puts it into your basket" in status(shown)) == offered
            buttons = verbs(member.member_status(shown, FRAME, guild_name=""))
            assert ("ask_again" in buttons) == offered
            listed = verbs(member.request_detail(shown, [], FRAME))
            assert listed.count("ask_again") == 1

    def test_what_the_member_has_done_since_is_not_asked_for_any_more(self) -> None:
        missed = view(
            RequestState.BOUGHT,
            [lost(1, OfferStatus.TIMEOUT, status_at=NOW)],
            expires_at=NOW,
        )
        assert "press **I'm here** when you have Steam open" in status(missed)
        here = replace(missed, request=replace(missed.request, here_at=NOW + 5_000))
        assert f"You said <t:{NOW // 1000 + 5}:R> that you are there" in status(here)
        assert "press **I'm here**" not in status(here)
        unsent = view(
            RequestState.BOUGHT,
            [lost(1, OfferStatus.INVALID_TRADE_TOKEN, status_at=NOW)],
            expires_at=NOW,
        )
        assert "Press **New Trade URL**" in status(unsent)
        assert "the member is asked for one" in card(unsent)
        given = replace(unsent, request=replace(unsent.request, trade_url_at=NOW + 5_000))
        assert f"You gave a new Trade URL <t:{NOW // 1000 + 5}:R>" in status(given)
        assert "Press **New Trade URL**" not in status(given)
        assert "the member is asked for one" not in card(given)
        assert "**Try again** asks the market first" in card(given)

    @pytest.mark.parametrize("offer_status", sorted(FAILED_STATUSES))
    def test_member_reads_until_when_nothing_goes_to_their_account(self, offer_status: str) -> None:
        shown = view(RequestState.BOUGHT, [lost(1, offer_status, status_at=NOW)], expires_at=NOW)
        until = f"before <t:{(NOW + REST_MS) // 1000}:f>"
        rests = offer_status in RESTS_AFTER
        assert (f"Nothing can be sent to your Steam account {until}" in status(shown)) == rests
        assert (until in card(shown)) == rests

    def test_everything_bought_and_not_everything_delivered_is_not_green(self) -> None:
        shown = view(RequestState.BOUGHT, [lost(1, OfferStatus.TIMEOUT)])
        assert text.state_in_words(shown) == "bought, but not delivered"
        some = view(RequestState.BOUGHT, [tried(2, AttemptState.PURCHASED), *shown.lines])
        assert text.state_in_words(some) == "bought, and not all of it delivered"
        returned = view(RequestState.BOUGHT, [lost(1, OfferStatus.ROLLBACK_USER)])
        assert text.state_in_words(returned) == "delivered, and gone again"
        assert "1 skin bought, $12.11, 1 not delivered" in card(shown)
        assert "nothing could be bought" not in told(shown)
        assert "Nothing was paid" not in told(shown)

    def test_what_is_to_be_tried_again_is_still_to_come_and_still_paid(self) -> None:
        again = LineView(
            line(1, round=1),
            (attempt(1, AttemptState.PURCHASED, offer_status=OfferStatus.TIMEOUT),),
        )
        assert again.state is LineState.RECHECK
        shown = view(RequestState.BUYING, [again])
        for said in (card(shown), status(shown), told(shown)):
            assert "to be tried again" in said
            assert "⚠" in said
            assert "$12.11" in said

    def test_what_was_bought_anew_is_paid_once_for_what_arrived_and_once_in_vain(self) -> None:
        tries = (
            attempt(1, AttemptState.PURCHASED, offer_status=OfferStatus.TIMEOUT, released=True),
            attempt(
                1,
                AttemptState.PURCHASED,
                attempt_no=2,
                buy_id=9,
                debited=Micros(12_500_000),
                offer_status=OfferStatus.ACCEPTED,
            ),
        )
        shown = view(RequestState.BOUGHT, [LineView(line(1, round=1), tries)])
        assert shown.lines[0].state is LineState.PURCHASED
        for said in (card(shown), told(shown)):
            assert "✅" in said
            assert "$12.50" in said
        assert "⚠ AK\\-47 \\| Redline \\(Field\\-Tested\\) · $12.11" in card(shown)
        assert "$24.61" in card(shown)
        assert "$12.50 paid by the server for 1 skin. $12.11 paid by the server for" in told(shown)
        assert "1 of 1 skin, $12.50 paid" in status(shown)
        assert "not accepted in time" not in status(shown)
        assert "not delivered: not accepted in time" in card(shown)
        details = texts(approval.approval_details(shown, [], FRAME, balance=None))
        assert "and not delivered: not accepted in time" in details


def sold(*codes: int, **changes: object) -> LineView:
    tries = [
        attempt(
            1, AttemptState.REFUSED, code=code, attempt_no=number, listing_id=number, message="x"
        )
        for number, code in enumerate(codes, start=1)
    ]
    return LineView(line(1, **changes), tuple(tries))


class TestTryAgain:
    """Offered as long as it can be had, where it can help, and nowhere else."""

    @pytest.mark.parametrize(
        ("fate", "words"),
        [
            (sold(4), "then press **Try again**"),
            (sold(5, 5, 5), "3 listings tried. Nothing was paid. **Try again** looks for new ones"),
            (
                sold(6, 6, 6),
                "Dearer than approved, or gone, by the time we bought: 3 listings tried",
            ),
            (sold(6, listing_id=9), "helps only if the price falls"),
            (LineView(line(1, no_listing=NoListing.SOLD_OUT), ()), "looks for new ones"),
            (LineView(line(1, no_listing=NoListing.PRICE_ROSE), ()), "only if the price falls"),
            (
                sold(5, 5, no_listing=NoListing.SOLD_OUT),
                "Sold out while we were buying: 2 listings tried, and none is left",
            ),
            (sold(5, no_listing=NoListing.PRICE_ROSE), "1 listing tried, and none is left"),
        ],
    )
    def test_reason_says_whether_it_helps_as_long_as_it_is_offered(
        self, fate: LineView, words: str
    ) -> None:
        shown = view(RequestState.BOUGHT, [fate], expires_at=NOW + 5_000)
        assert fate.state is LineState.REFUSED
        assert words in card(shown)
        assert "Try again" in card(shown)
        assert verbs(approval.approval_card(shown, FRAME)) == ["try_again", "details"]
        assert f"that ends <t:{(NOW + 5_000) // 1000}:R>" in card(shown)
        over = view(RequestState.BOUGHT, [fate])
        assert "Try again" not in card(over).replace("tried again", "")
        assert verbs(approval.approval_card(over, FRAME)) == ["details"]
        for public in (told(shown), status(shown)):
            assert "Try again" not in public

    def test_button_says_how_many_and_how_much_and_remembers_the_round(self) -> None:
        shown = refused_view(2)
        (part, *_) = [
            one for one in payloads(approval.approval_card(shown, FRAME)) if "custom_id" in one
        ]
        assert part["label"] == "Try again (2 skins, $26.04)"
        assert part["custom_id"].endswith(":try_again:0")

    def test_line_that_was_tried_too_often_is_not_offered(self) -> None:
        fate = LineView(line(1, round=3, no_listing=NoListing.SOLD_OUT), ())
        shown = view(RequestState.BOUGHT, [fate], expires_at=NOW)
        assert verbs(approval.approval_card(shown, FRAME)) == ["details"]
        assert "Try again" not in card(shown)


class TestPauses:
    """What pauses buying, in words."""

    @pytest.mark.parametrize("cause", PauseCause)
    def test_cause_has_words_of_its_own_and_says_who_can_lift_it(self, cause: PauseCause) -> None:
        others = {
            text.pause_in_words(Pause(other, NOW, None, ""), FRAME)
            for other in PauseCause
            if other is not cause
        }
        words = text.pause_in_words(Pause(cause, NOW, None, ""), FRAME)
        assert words not in others
        said = text.paused_in_words(Paused((Pause(cause, NOW, None, ""),), None), FRAME)
        assert words in said
        assert ("python -m bot resume" in said) == (cause in LIFTED_BY_OPERATORS)
        assert text.PAUSE_CAUSES[cause]

    def test_pause_of_the_server_says_by_whom_and_why(self) -> None:
        said = texts(notices.pause_notice(PAUSED_HERE, FRAME))
        assert f"by <@{MODERATOR}>: “counting skins”" in said
        assert "</quartermaster resume:7>" in said
        assert "python -m bot" not in said
        assert text.PAUSE_KEPT in said

    def test_operators_are_named_only_where_they_can_help(self) -> None:
        frame = Frame(operator_ids=(5,))
        assert "<@5>" not in texts(notices.pause_notice(PAUSED_HERE, frame))
        alarm = Paused((Pause(PauseCause.ALARM, NOW, None, ""),), PAUSED_HERE.server)
        assert "<@5>" in texts(notices.pause_notice(alarm, frame))

    def test_details_show_the_pause_of_what_can_still_be_bought(self) -> None:
        for state, shows in ((RequestState.APPROVED, True), (RequestState.DENIED, False)):
            details = approval.approval_details(
                view(state), [], FRAME, balance=None, paused=PAUSED_HERE
            )
            assert ("counting skins" in texts(details)) == shows

    def test_answer_to_resume_says_what_was_lifted_and_what_still_stands(self) -> None:
        everything = Resumed(PAUSED_HERE.server, (PauseCause.ALARM, PauseCause.BOOKS), None)
        said = text.resumed(everything, FRAME)
        assert f"<@{MODERATOR}>" in said
        assert "after an alarm" in said
        assert "Buying goes on" in said
        alarm = Paused((Pause(PauseCause.ALARM, NOW, None, ""),), None)
        nothing = text.resumed(Resumed(None, (), alarm), Frame(operator_ids=(5,)))
        assert "Nothing was lifted" in nothing
        assert "run by <@5>" in nothing
        assert "Buying goes on" not in nothing


@pytest.mark.parametrize(
    ("kind", "details", "words"),
    [
        (EventKind.PAUSED, {"why": "counting"}, "paused by <@{by}>: counting"),
        (
            EventKind.SETTLED,
            {"outcome": "bought", "lines": 1, "buy_id": 7, "paid": "$1.00", "why": "seen"},
            "as bought: 1 skin, purchase 7, $1.00 paid; seen",
        ),
        (
            EventKind.SETTLED,
            {"outcome": "not bought", "lines": 2, "why": "paused"},
            "as not bought: 2 skins; paused",
        ),
        (EventKind.TRIED_AGAIN, {"lines": 2}, "tried again by <@{by}>: 2 skins"),
    ],
)
def test_history_says_who_did_what_and_why(
    kind: EventKind, details: dict[str, str | int], words: str
) -> None:
    said = text.event_in_words(Event(NOW, kind, MODERATOR, details), for_moderator=True)
    assert words.format(by=MODERATOR) in said.replace("\\", "")


def test_a_purchase_that_failed_is_known_from_one_that_may_still_arrive() -> None:
    def bought(offer_status: str | None) -> Attempt:
        return attempt(1, AttemptState.PURCHASED, offer_status=offer_status)

    alive = LineView(line(1), (bought(OfferStatus.WAITING_ACCEPT),))
    assert (len(alive.bought), len(alive.lost)) == (1, 0)
    odd = LineView(line(1), (bought("a status that nobody knows"),))
    assert odd.lost == ()
    assert len(LineView(line(1), (bought(OfferStatus.CANCELED),)).lost) == 1


def test_what_concerns_the_members_account_alone_is_not_said_in_public() -> None:
    stopped = view(RequestState.BOUGHT, [lost(1, OfferStatus.USER_NOT_TRADABLE)])
    assert "a ban" in texts(member.member_status(stopped, FRAME, guild_name="A server"))
    assert "a ban" not in texts(result.result_card(stopped, FRAME))
    returned = view(RequestState.BOUGHT, [lost(1, OfferStatus.ROLLBACK_USER)])
    warning = "access to your Steam account"
    assert warning in texts(member.member_status(returned, FRAME, guild_name="A server"))
    public = texts(result.result_card(returned, FRAME))
    assert warning not in public
    assert "returned under Steam's trade protection" in public


@pytest.mark.parametrize("alarm", Alarm)
def test_card_says_that_buying_was_paused_only_where_it_was(alarm: Alarm) -> None:
    one = attempt(1, AttemptState.PURCHASED, alarms=(alarm.value,))
    said = texts(
        approval.approval_card(view(RequestState.BOUGHT, [LineView(line(1), (one,))]), FRAME)
    )
    assert text.alarms_in_words((alarm.value,)) in said
    assert ("buying was paused for it" in said) == alarm.pauses_buying
    assert ("buying goes on" in said) != alarm.pauses_buying
