"""What is left of a pasted list, as it is drawn: within the limits, and harmless to read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.limits import PASTE_MAX
from bot.domain.models import GuildSettings
from bot.domain.money import CENT, Micros
from bot.domain.pasted import WhyNot
from bot.domain.trade_url import TradeUrl
from bot.services.pasting import PAGE, Pasted
from bot.ui import text
from bot.ui.cards import basket as baskets
from bot.ui.cards import paste
from bot.ui.cards.frame import Frame
from tests.ui import examples
from tests.ui.examples import HOSTILE, pasted_rest, payloads, pick, texts, verbs, words
from tests.ui.test_card_limits import hold

FRAME = Frame(sandbox=True, commands={"request": 10**18}, mark=1 << 30)


def menus(shown: Any) -> list[dict[str, Any]]:
    return [part for part in payloads(shown) if part["type"] == 3]


@pytest.mark.parametrize("why", WhyNot)
@pytest.mark.parametrize("count", [1, PAGE, PAGE + 1, 999])
def test_screen_of_the_longest_lines_holds(why: WhyNot, count: int) -> None:
    for first in (0, (count - 1) // PAGE * PAGE):
        for name in ("", "[" * examples.NAME_MAX, "🔪" * 60):
            rest = pasted_rest(count, first=first, why=why, name=name)
            shown = paste.paste_screen(rest, FRAME, notice="\\*" * 2000)
            hold(shown)
            assert len(menus(shown)) == min(PAGE, count - first)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_lines_are_only_ever_read(hostile: str) -> None:
    rest = pasted_rest(1, why=WhyNot.UNKNOWN)
    lines = (replace(rest.lines[0], text=hostile),)
    shown = paste.paste_screen(replace(rest, lines=lines), FRAME)
    question = paste.paste_leave_question(rest.basket, [hostile] * 9, FRAME)
    for screen in (shown, question):
        hold(screen)
        said = texts(screen)
        assert "@everyone" not in said
        assert "<@9" not in said
        assert "](https" not in said
        assert "\n# heading" not in said


def test_each_line_has_its_reason_and_a_menu_of_its_own() -> None:
    rest = pasted_rest(2, why=WhyNot.CEILING)
    shown = paste.paste_screen(rest, FRAME, notice="Added.")
    assert "2 lines not in your basket yet" in texts(shown)
    assert "It costs $12.40 at the moment, more than your limit of $12.40." in texts(shown)
    matching, bare = menus(shown)
    assert matching["placeholder"] == "“25x redlin 0”: choose the skin"
    assert matching["options"][0]["value"] == "cs2:1240:AK-47 | Redline (Field-Tested)0"
    about = "25 × $12.40 today, at most $12.40 each · 1,000,000 for sale"
    assert matching["options"][0]["description"] == about
    assert [one["value"] for one in bare["options"]] == [paste.LEAVE_OUT]
    assert ":paste_choose:0.25." in matching["custom_id"]
    assert verbs(shown)[2:] == ["paste_edit", "paste_again", "paste", "paste_leave", "back"]


def test_full_basket_is_named_as_what_is_in_the_way() -> None:
    rest = pasted_rest(1, why=WhyNot.ROOM)
    assert "It asks for 25 skins, and your basket has room for 3." in texts(
        paste.paste_screen(replace(rest, room=3), FRAME)
    )
    assert "Your basket is full." in texts(paste.paste_screen(replace(rest, room=0), FRAME))


def test_the_one_match_of_a_line_is_named_above_its_menu() -> None:
    rest = pasted_rest(1, why=WhyNot.UNCLEAR)
    assert "Which one do you mean?" in texts(paste.paste_screen(rest, FRAME))
    line = replace(rest.lines[0], options=rest.lines[0].options[:1])
    shown = texts(paste.paste_screen(replace(rest, lines=(line,)), FRAME))
    assert "Is it **AK\\-47 \\| Redline \\(Field\\-Tested\\)0**? Choose it below if it is." in shown


def test_pages_are_turned() -> None:
    first = paste.paste_screen(pasted_rest(PAGE + 1), FRAME)
    assert "Page 1 of 2" in words(first)
    disabled = [part["custom_id"] for part in payloads(first) if part.get("disabled")]
    assert [one.split(":", 3)[3] for one in disabled] == ["paste_page:0", "paste_page:0.0"]
    last = paste.paste_screen(pasted_rest(PAGE + 1, first=PAGE), FRAME)
    assert "Page 2 of 2" in words(last)
    assert len(menus(last)) == 1


def test_modal_for_fixing_holds_as_many_lines_as_a_field() -> None:
    hold(paste.paste_modal(examples.basket()))
    lines = ["x" * 99] * 41
    shown = paste.paste_fix_modal(examples.basket(), lines)
    hold(shown)
    (field,) = [part for part in payloads(shown) if part["type"] == 4]
    assert field["value"] == "\n".join(lines[:40])
    assert shown.custom_id.split(":")[4].startswith("40.")
    assert paste.fitting(["x" * PASTE_MAX]) == ["x" * PASTE_MAX]


@pytest.mark.parametrize(
    "picks", [[], [pick(n, market_hash_name="[" * 69, quantity=1) for n in range(1, 20)]]
)
def test_basket_says_what_is_left_and_leads_there(picks: list[Any]) -> None:
    for left, label in ((1, "1 line left"), (3, "3 lines left")):
        shown = baskets.basket_screen(
            examples.basket(picks, note="`" * 200, pasted_left=left),
            FRAME,
            settings=GuildSettings(examples.GUILD),
            trade_url=TradeUrl(examples.PARTNER, "aB3-_xYz"),
            notice="\\*" * 2000,
        )
        hold(shown)
        assert "of your list" in texts(shown)
        assert label in words(shown)
        assert "paste_left" in verbs(shown)
        assert "paste" not in verbs(shown)


@pytest.mark.parametrize(
    ("came", "said"),
    [
        (Pasted(), "There was no skin in what you sent"),
        (Pasted(read=2), "Nothing was added yet; each line below says why."),
        (Pasted(read=2, again=True), "so nothing was added now"),
        (
            Pasted((pick(quantity=2), pick(market_hash_name="A*", quantity=1)), read=2),
            "Added 3 skins: AK-47 | Redline (Field-Tested) ×2, A\\*.",
        ),
        (Pasted((pick(quantity=1),) * 7, read=9), ") and 2 more."),
        (Pasted(read=2, outdated=True), "Your basket had changed since you opened the form"),
        (Pasted(read=150, unread=50), "100 lines are read at a time; 50 lines after them"),
        (Pasted(read=2, dropped=1), "1 line at the end could not be kept"),
    ],
)
def test_what_came_of_a_list_is_said(came: Pasted, said: str) -> None:
    assert said in text.pasted(came).replace("\\-", "-").replace("\\|", "|").replace(
        "\\(", "("
    ).replace("\\)", ")")


def test_lines_that_were_fixed_too_late_are_said_to_be_kept() -> None:
    assert "nothing was put in" in text.pasted(Pasted(read=2, outdated=True), fixing=True)


def test_value_of_a_match_holds_the_longest_name_at_the_highest_price() -> None:
    value = paste.value_of("dota2", Micros(10_000_000 * CENT), "x" * examples.NAME_MAX)
    assert len(value) <= 100
