"""What people read of doubtful prices, of prices that moved, and of asking again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.market import OfferStatus, Quote
from bot.domain.models import GuildSettings, LineView, RequestView
from bot.domain.money import Micros
from bot.domain.picking import LeftOut, Why
from bot.domain.states import AttemptState, RequestState
from bot.services.asking import AskedAgain
from bot.ui import text
from bot.ui.cards import approval, basket, member
from bot.ui.cards.frame import Frame
from bot.ui.cards.repricing import moved_screen
from tests.ui import examples
from tests.ui.examples import GUILD, line, payloads, pick, texts, tried, verbs, view

FRAME = Frame(commands={"request": 5})


def quote(price: int, usual: int | None, count: int) -> Quote:
    """Return a quote; price and usual price in cents."""
    known = None if usual is None else Micros(usual * 10_000)
    return Quote("cs2", "AK-47", Micros(price * 10_000), count, "", known)


class TestDoubts:
    """A sign, and in words why a price deserves a second look."""

    @pytest.mark.parametrize(
        ("priced", "words"),
        [
            (quote(1240, None, 14), ""),
            (quote(3720, 1240, 14), ""),
            (quote(3721, 1240, 14), "⚠ 3.0 times its usual $12.40"),
            (quote(5208, 1240, 14), "⚠ 4.2 times its usual $12.40"),
            (quote(1_240_000, 1240, 14), "⚠ 1,000 times its usual $12.40"),
            (quote(1240, 1240, 2), "⚠ only 2 for sale"),
            (quote(1240, 1240, 1), "⚠ only 1 for sale"),
            (quote(1240, 1240, 3), ""),
            (quote(5208, 1240, 0), "⚠ 4.2 times its usual $12.40"),
            (quote(5208, 1240, 2), "⚠ 4.2 times its usual $12.40, only 2 for sale"),
        ],
    )
    def test_doubts_are_said_as_short_as_can_be(self, priced: Quote, words: str) -> None:
        assert text.doubts_in_words(priced) == words

    def test_a_certain_listing_is_not_called_one_of_few(self) -> None:
        assert text.doubts_in_words(pick(listing_id=5, stock=1)) == ""
        assert text.doubts_in_words(line(listing_id=5, stock=1)) == ""

    def test_they_stand_on_card_details_and_status_as_the_request_has_them(self) -> None:
        doubtful = LineView(line(usual=Micros(2_000_000), stock=2), ())
        shown = view(RequestState.PENDING, [doubtful])
        for said in (
            texts(approval.approval_card(shown, FRAME)),
            texts(approval.approval_details(shown, [], FRAME, balance=None)),
            texts(member.member_status(shown, FRAME, guild_name="x")),
        ):
            assert "max $13.02 · ⚠ 6.2 times its usual $2.00, only 2 for sale" in said
        assert "⚠" not in texts(approval.approval_card(view(), FRAME))

    def test_they_stand_in_the_basket_below_what_cant_be_had_at_all(self) -> None:
        doubtful = pick(usual=Micros(2_000_000), stock=2)
        for one, words in (
            (pick(stock=14), ""),
            (doubtful, "\n⚠ 6.2 times its usual $2.00, only 2 for sale"),
            (replace(doubtful, stock=0), "\n⚠ sold out at the moment"),
            (replace(doubtful, ceiling=Micros(1_000_000)), "\n⚠ costs more than your limit now"),
        ):
            full = examples.basket([one])
            settings = GuildSettings(GUILD)
            shown = basket.basket_screen(full, FRAME, settings=settings, trade_url=None)
            limit = text.usd(one.ceiling)
            assert f"at most {limit} each{words}" in texts(shown)
            assert texts(basket.line_screen(full, one, FRAME, quote=None)).endswith(
                f"At most {limit} each{words}"
            )

    def test_how_few_there_are_is_said_once(self) -> None:
        assert text.offer_of(quote(1_240, None, 20)) == "$12.40 · 20 for sale"
        assert text.offer_of(quote(1_240, 200, 2), "rust") == (
            "$12.40 · Rust · ⚠ 6.2 times its usual $2.00, only 2 for sale"
        )
        assert text.offer_of(quote(1_240, None, 0)) == "sold out"


class TestPricesThatMoved:
    """Each row with what it was picked at, its limit, and today's price."""

    def test_rows_and_sums_are_those_that_the_button_takes(self) -> None:
        shown = moved_screen(examples.question(2, stock=1), FRAME)
        said = texts(shown)
        assert "2 rows of your basket can't be bought within their price limits" in said
        assert (
            "×2: picked at $12.40, at most $13.02. Today **$15.00**, new limit **$15.75** · "
            "⚠ only 1 for sale"
        ) in said
        assert "your basket would be 4 skins, $63.00 at most. Now it is $52.08 at most." in said
        assert verbs(shown) == ["use_today", "drop_moved", "back"]
        one = moved_screen(examples.question(1), FRAME)
        assert "One row of your basket" in texts(one)
        labels = [[part.get("label") for part in payloads(drawn)] for drawn in (one, shown)]
        assert "Remove it" in labels[0]
        assert "Remove them" in labels[1]

    def test_what_is_sold_out_has_no_price_to_take(self) -> None:
        shown = moved_screen(examples.question(2, sold_out=True), FRAME)
        assert "picked at $12.40. **Sold out** today" in texts(shown)
        assert "would be" not in texts(shown)
        assert verbs(shown) == ["drop_moved", "back"]

    def test_the_stamp_is_another_for_every_other_price_ceiling_and_row(self) -> None:
        question = examples.question(2)
        first, second = question.moved
        assert first.today is not None
        dearer = replace(first, today=replace(first.today, quote=Micros(15_010_000)))
        laxer = replace(first, today=replace(first.today, ceiling=Micros(16_000_000)))
        gone = replace(first, today=None)
        others = [(dearer, second), (laxer, second), (gone, second), (first,), (second,), ()]
        stamps = [replace(question, moved=moved).stamp for moved in [(first, second), *others]]
        assert len(set(stamps)) == len(stamps)

    def test_what_was_done_is_said(self) -> None:
        said = text.prices_taken(examples.question(2))
        assert said.startswith("Your basket has today's prices now: $63.00 at most.")
        gone = text.prices_taken(examples.question(5, sold_out=True))
        assert gone.startswith("Taken out, because nobody sells it at the moment: ")
        assert gone.endswith(" and 2 more.")
        assert "×2" in text.moved_removed([pick()])


class TestAskingAgain:
    """What was added, what was left out and why, and where the basket is."""

    def test_everything_that_was_done_and_not_done_is_said(self) -> None:
        names = [f"Skin *{number}*" for number in range(5)]
        asked = AskedAgain(
            GUILD,
            42,
            3,
            (
                *(LeftOut(name, Why.SOLD_OUT) for name in names),
                LeftOut("B", Why.NO_ROOM, quantity=2),
                LeftOut("C", Why.NOT_OFFERED),
                LeftOut("D", Why.NO_PRICES),
            ),
            ("E",),
        )
        said = text.asked_again_in_words(asked, FRAME)
        assert "at today's prices: 3 skins of request #42." in said
        assert "Send for approval**: </request:5>" in said
        assert (
            "nobody sells it at the moment: Skin \\*0\\*, Skin \\*1\\*, Skin \\*2\\* and 2 more."
        ) in said
        assert "no room for more: B ×2." in said
        assert "no longer offers its game: C." in said
        assert "prices of its game are not read yet: D." in said
        assert "You had picked a certain listing of E." in said
        nothing = text.asked_again_in_words(AskedAgain(GUILD, 42, 0, (), ()), FRAME)
        assert nothing.startswith("Nothing was added: your basket has all of request #42")

    def _buttons(self, shown: RequestView, *, basket_filled: bool = False) -> list[str]:
        drawn = member.request_detail(shown, [], FRAME, basket_filled=basket_filled)
        return [one for one in verbs(drawn) if one in ("ask", "ask_again", "ask_all")]

    def test_what_is_over_can_be_asked_for_again(self) -> None:
        arrived = tried(1, AttemptState.PURCHASED, offer_status=OfferStatus.ACCEPTED)
        lost = tried(2, AttemptState.PURCHASED, offer_status=OfferStatus.TIMEOUT)
        closed = RequestState.CLOSED
        assert self._buttons(view(closed, [arrived])) == ["ask_all"]
        assert self._buttons(view(closed, [lost])) == ["ask_again"]
        partly = view(closed, [arrived, lost])
        assert self._buttons(partly) == ["ask_again", "ask_all"]
        assert self._buttons(partly, basket_filled=True) == ["ask", "ask_again", "ask_all"]
        said = examples.words(member.request_detail(partly, [], FRAME))
        assert "Ask again for these" in said
        assert "Ask again for all of it" in said
        assert "Ask again for all" not in examples.words(
            member.request_detail(view(closed, [arrived]), [], FRAME)
        )

    def test_the_basket_leads_to_old_requests(self) -> None:
        assert "mine" in verbs(basket.more_screen(examples.basket(), FRAME))
