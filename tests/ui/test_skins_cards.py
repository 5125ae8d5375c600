"""The screens of /skins: what they say and offer, and that Discord takes them at their worst."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from discord import ui
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.limits import LINES_HARD_MAX
from bot.domain.market import Quote
from bot.domain.models import Basket
from bot.domain.money import Micros
from bot.domain.picking import NO_FILTERS, Filters, LeftOut, Wear, Why
from bot.services.browsing import LISTINGS_MAX, PAGE
from bot.ui import text
from bot.ui.cards import skins
from bot.ui.cards.frame import Frame
from tests.ui import examples
from tests.ui.examples import EVERY_FILTER, HOSTILE, NOW, found, listed, look, payloads, quote
from tests.ui.test_card_limits import _FEW, hold

FRAME = Frame(commands={"request": 5})
WORST_FRAME = Frame(sandbox=True, mark=(1 << 31) - 1)
FAR = skins.Origin(10**9 - 1, 10**5 - 1)
GAMES = ("cs2", "dota2", "rust")
NOTICE = "\\*" * 2000
LONGEST = "*" * examples.NAME_MAX

QUOTES = st.builds(
    Quote,
    game=st.sampled_from(GAMES),
    market_hash_name=examples.NAMES | st.just("[" * 120),
    price=examples.AMOUNTS,
    count=st.sampled_from([0, 1, 2, 10**6]),
    class_id=examples.CLASS_IDS,
    usual=st.none() | st.just(Micros(1)),
)
FILTERS = st.builds(
    Filters,
    game=st.sampled_from(["", *GAMES]),
    price_min=st.none() | examples.AMOUNTS,
    price_max=st.none() | examples.AMOUNTS,
    wear=st.none() | st.sampled_from(Wear),
    stattrak=st.sampled_from([None, True, False]),
    in_stock=st.booleans(),
)


def said(shown: ui.LayoutView) -> str:
    return examples.texts(shown)


def verbs(shown: ui.LayoutView, *, disabled: bool = False) -> list[str]:
    """Return what can be pressed and chosen, or what can't."""
    ids = [
        part["custom_id"]
        for part in payloads(shown)
        if part.get("custom_id") and bool(part.get("disabled")) is disabled
    ]
    return [":".join(custom_id.split(":")[3:]) for custom_id in ids]


def options(shown: ui.LayoutView, verb: str) -> list[dict[str, Any]]:
    """Return the choices of a select."""
    chooser = next(p for p in payloads(shown) if p["type"] == 3 and f":{verb}:" in p["custom_id"])
    return list(chooser["options"])


@_FEW
@given(
    quotes=st.lists(QUOTES, max_size=PAGE, unique_by=lambda one: (one.game, one.market_hash_name)),
    page=st.integers(0, 10_000),
    more=st.integers(0, 50_000),
    filters=FILTERS,
    games=st.sampled_from([GAMES, ("rust",)]),
    typed=st.sampled_from(["", "`" * 100, *HOSTILE]),
    basket=examples.baskets(),
    frame=examples.FRAMES,
)
def test_pages_and_filters_hold(
    quotes: list[Quote],
    page: int,
    more: int,
    filters: Filters,
    games: tuple[str, ...],
    typed: str,
    basket: Basket,
    frame: Frame,
) -> None:
    shown = found(
        0,
        first=page * PAGE,
        total=page * PAGE + len(quotes) + more,
        games=games,
        filters=filters,
        typed=typed,
        quotes=quotes,
        shown_with=basket,
    )
    for notice in ("", NOTICE):
        hold(skins.skins_page(shown, frame, notice))
        hold(skins.filters_screen(shown, frame, notice))
    hold(skins.find_modal(shown))
    hold(skins.prices_modal(shown))
    hold(skins.go_modal(shown))


def test_a_page_at_its_worst_has_no_room_for_another_skin() -> None:
    quotes = [
        quote(market_hash_name=f"{n}{LONGEST}"[:69], count=2, usual=Micros(1)) for n in range(PAGE)
    ]
    picks = [
        examples.pick(n, market_hash_name=one.market_hash_name, quantity=3)
        for n, one in enumerate(quotes)
    ]
    shown = found(
        0,
        first=70_000,
        total=80_000,
        games=GAMES,
        quotes=quotes,
        shown_with=examples.basket(picks),
    )
    page = skins.skins_page(shown, WORST_FRAME, NOTICE)
    hold(page)
    assert len(payloads(page)) == 39


@_FEW
@given(
    one=QUOTES,
    known=st.booleans(),
    basket=examples.baskets(),
    count=st.sampled_from([0, 1, 25, 26, LISTINGS_MAX]),
    more=st.sampled_from([0, 10**6]),
    first=st.sampled_from([0, 24, 25, 10**9]),
    frame=examples.FRAMES,
)
def test_a_skin_and_its_listings_hold(
    one: Quote, known: bool, basket: Basket, count: int, more: int, first: int, frame: Frame
) -> None:
    shown = look(one, shown_with=basket, quote=one if known else None, lines_max=LINES_HARD_MAX)
    cards = listed(count, total=count + more, shown=shown)
    for notice in ("", NOTICE):
        hold(skins.skin_screen(shown, frame, FAR, notice))
        hold(skins.listings_screen(cards, frame, FAR, first=first, notice=notice))


def test_a_page_says_where_it_is_and_how_old_its_prices_are() -> None:
    basket = examples.basket([examples.pick(market_hash_name="AK-47 | Redline 1")])
    shown = skins.skins_page(
        found(7, first=7, total=312, filters=NO_FILTERS, shown_with=basket), FRAME
    )
    assert "Skins on the market: “redline”" in said(shown)
    assert "8 to 14 of 312" in said(shown)
    assert f"<t:{NOW // 1000}:R>" in said(shown)
    assert "**AK\\-47 \\| Redline 0**\n$12.40 · 20 for sale" in said(shown)
    assert "$12.40 · 20 for sale · 2 in your basket" in said(shown)
    assert "Page 2 of 45" in examples.words(shown)
    assert "Only:" not in said(shown)
    number = 10**9 - 1
    assert verbs(shown) == [
        f"look:{number}.7",
        f"put:{number}.7",
        f"page:{number}.0",
        f"go:{number}",
        f"page:{number}.14",
        f"filters:{number}",
        f"find:{number}",
        "back:skins",
    ]
    assert options(shown, "look")[0]["value"] == "cs2:AK-47 | Redline 0"


def test_the_first_and_the_last_page_lead_no_further() -> None:
    number = 10**9 - 1
    first = skins.skins_page(found(7, total=15), FRAME)
    assert verbs(first, disabled=True) == [f"page:{number}.0"]
    last = skins.skins_page(found(1, first=14, total=15), FRAME)
    assert verbs(last, disabled=True) == [f"page:{number}.21"]
    assert "15 of 15" in said(last)
    only = skins.skins_page(found(3), FRAME)
    assert not [verb for verb in verbs(only) if verb.startswith("page")]


def test_what_is_sold_out_can_be_looked_at_and_not_added() -> None:
    quotes = [quote(1, count=0), quote(2)]
    shown = skins.skins_page(found(0, quotes=quotes), FRAME)
    assert "**AK\\-47 \\| Redline 1**\nsold out" in said(shown)
    assert len(options(shown, "look")) == 2
    assert [one["label"] for one in options(shown, "put")] == ["AK-47 | Redline 2"]
    none = skins.skins_page(found(0, quotes=quotes[:1]), FRAME)
    assert not [verb for verb in verbs(none) if verb.startswith("put")]


def test_an_empty_page_says_what_to_do() -> None:
    shown = skins.skins_page(found(0, filters=NO_FILTERS), FRAME)
    assert "No skin fits that. **Search** with fewer words" in said(shown)
    narrow = skins.skins_page(found(0), FRAME)
    assert "No skin fits that with these filters" in said(narrow)
    assert "Clear filters" in examples.words(narrow)


def test_a_game_is_named_only_where_there_are_several() -> None:
    quotes = [quote(1, game="rust")]
    several = skins.skins_page(found(0, quotes=quotes, games=GAMES), FRAME)
    assert "$12.40 · 20 for sale · Rust" in said(several)
    alone = skins.skins_page(found(0, quotes=quotes, games=("rust",)), FRAME)
    assert "Rust" not in said(alone)
    assert options(skins.filters_screen(found(1, games=GAMES), FRAME), "game")
    hidden = skins.filters_screen(found(1), FRAME)
    assert not [verb for verb in verbs(hidden) if verb.startswith("game")]


def test_filters_show_what_is_active_and_can_be_cleared() -> None:
    shown = skins.filters_screen(found(1, games=GAMES, total=312), FRAME)
    assert (
        "Only: Dota 2 · Field-Tested · without StatTrak™ · $5.00 to $20.00 · for sale now"
        in said(shown)
    )
    assert "312 skins fit" in said(shown)
    for verb, value in (("game", "dota2"), ("wear", "field_tested"), ("stattrak", "without")):
        assert [one["value"] for one in options(shown, verb) if one.get("default")] == [value]
    assert "Clear filters" in examples.words(shown)
    assert "Show 312 skins" in examples.words(shown)
    bare = skins.filters_screen(found(1, games=GAMES, filters=NO_FILTERS), FRAME)
    assert "No filter is set." in said(bare)
    assert "Clear filters" not in examples.words(bare)
    for verb in ("game", "wear", "stattrak"):
        assert [one["value"] for one in options(bare, verb) if one.get("default")] == [skins.ANY]


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        (replace(EVERY_FILTER, price_min=None), "up to $20.00"),
        (replace(EVERY_FILTER, price_max=None), "from $5.00"),
        (NO_FILTERS, ""),
    ],
)
def test_a_price_range_may_be_open_at_both_ends(filters: Filters, words: str) -> None:
    assert text.price_range(filters) == words


def test_a_skin_says_what_it_costs_and_why_that_is_doubtful() -> None:
    dear = quote(price=Micros(40_000_000), count=2, usual=Micros(12_400_000))
    basket = examples.basket([examples.pick(market_hash_name=dear.market_hash_name, quantity=3)])
    shown = skins.skin_screen(look(dear, shown_with=basket), FRAME, FAR)
    assert "$40.00 today · 2 for sale" in said(shown)
    assert "⚠ 3.2 times its usual $12.40, only 2 for sale" in said(shown)
    assert "In your basket: 3 of it, and 3 of 10 skins in all" in said(shown)
    assert "Add one more" in examples.words(shown)
    plain = skins.skin_screen(look(), FRAME, FAR)
    assert "⚠" not in said(plain)
    assert "In your basket" not in said(plain)
    assert "Add to basket" in examples.words(plain)


def test_a_skin_that_cannot_be_had_can_only_be_left() -> None:
    sold_out = skins.skin_screen(look(quote(count=0)), FRAME, FAR)
    assert "Nobody sells it at the moment." in said(sold_out)
    assert [verb.split(":")[0] for verb in verbs(sold_out)] == ["listings", "page", "back"]
    gone = skins.skin_screen(look(quote=None), FRAME, FAR)
    assert "the price list doesn't have it" in said(gone)
    assert [verb.split(":")[0] for verb in verbs(gone)] == ["page", "back"]


def test_listings_have_pages_and_tell_which_are_in_already() -> None:
    basket = examples.basket([examples.pick(listing_id=62_000_026, quantity=1)])
    shown = skins.listings_screen(listed(60, shown=look(shown_with=basket)), FRAME, FAR, first=25)
    assert "26. $12.425 · listing 62000025\n" in said(shown)
    assert "27. $12.426 · listing 62000026 · in your basket\n" in said(shown)
    assert f"26 to 50 of 60, read <t:{NOW // 1000}:R>" in said(shown)
    assert len(options(shown, "listing")) == 24
    assert options(shown, "listing")[0]["value"] == "62000025"
    cut = skins.listings_screen(listed(250, total=9_000), FRAME, FAR, first=10**6)
    assert "226 to 250 of the cheapest 250; 9,000 are for sale" in said(cut)
    none = skins.listings_screen(listed(0), FRAME, FAR, first=0)
    assert "Nobody sells it at the moment" in said(none)
    assert [verb.split(":")[0] for verb in verbs(none)] == ["skin", "back"]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_was_typed_or_named_is_only_ever_read(hostile: str) -> None:
    name = f"a{hostile}"[:69]
    one = quote(market_hash_name=name)
    shown = [
        skins.skins_page(found(0, quotes=[one], typed=hostile), FRAME),
        skins.skin_screen(look(one), FRAME, FAR),
        skins.listings_screen(listed(1, shown=look(one)), FRAME, FAR, first=0),
    ]
    words = [said(one) for one in shown]
    words.append(
        text.skins_put([examples.pick(market_hash_name=name)], [LeftOut(hostile, Why.SOLD_OUT)], 1)
    )
    words += [text.listing_put(name, 1, Micros(1)), text.page_unreadable(hostile)]
    for each in words:
        assert "<@" not in each.replace("\\<\\@", "")
        assert "](" not in each
        assert "@everyone" not in each
        assert "discord.gg/evil" not in each
        assert "https://evil" not in each


def test_what_was_added_and_what_was_not_is_said() -> None:
    one, two = examples.pick(1), examples.pick(2)
    assert "Added to your basket: **AK" in text.skins_put([one], [], 1)
    assert text.skins_put([one, two], [], 2) == "Added to your basket: 2 skins, one of each."
    both = text.skins_put([one, two], [LeftOut("Case", Why.NO_ROOM)], 10)
    assert both.startswith("Added to your basket: 2 skins")
    assert text.left_out_in_words(LeftOut("Case", Why.NO_ROOM), 10) in both
