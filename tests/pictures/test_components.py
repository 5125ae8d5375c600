"""Every kind of component is drawn within its width, and what can't be drawn is named."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from bot.domain.models import RequestView
from bot.ui.cards.frame import Frame
from tests.pictures import theme
from tests.pictures.markdown import Reader
from tests.pictures.message import Said, picture
from tests.pictures.seen import SVG, marks, words
from tests.pictures.tiles import rarity
from tests.ui import examples
from tests.ui.test_card_limits import REQUEST_CARDS

READER = Reader(name=lambda sigil, snowflake: "@Ana", time=lambda at, style: "20:10")
RIGHT = theme.WIDTH - 16
"""Where every message ends."""


def text(content: str) -> dict[str, Any]:
    """Return a text."""
    return {"type": 10, "content": content}


def button(label: str, style: int = 2, **more: Any) -> dict[str, Any]:
    """Return a button."""
    return {"type": 2, "style": style, "label": label, "custom_id": "x"} | more


def row(*components: dict[str, Any]) -> dict[str, Any]:
    """Return a row."""
    return {"type": 1, "components": list(components)}


def select(*options: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a menu."""
    whole = {"placeholder": "Choose one", "options": list(options), "custom_id": "x"}
    return {"type": 3} | whole | more


def drawn(*components: dict[str, Any], content: str = "", private: bool = False) -> str:
    """Return a picture of a message."""
    said = Said("Quartermaster", "#results", "Today at 20:00", content, components, private)
    return picture(said, READER, "A <title> & more")


def fill_of(drawing: str, height: str) -> list[str | None]:
    """Return the colours of the boxes of a height."""
    boxes = marks(drawing, "rect")
    return [one.element.get("fill") for one in boxes if one.element.get("height") == height]


def test_window_names_the_place_the_author_and_who_sees_it() -> None:
    drawing = drawn(text("Hello"))
    assert words(drawing) == "#resultsQQuartermasterAPPTodayat20:00Hello"
    assert words(drawn(private=True)).endswith("Onlyyoucanseethis•Dismissmessage")


def test_picture_is_one_file_that_needs_nothing_else() -> None:
    """A page shows it as an image: no script, no other file, no HTML inside."""
    drawing = drawn({"type": 17, "components": [text("Hi"), row(button("Go", 5, url="https://x"))]})
    assert "https://x" not in drawing
    names = {one.tag.removeprefix(SVG) for one in ElementTree.fromstring(drawing).iter()}
    assert names <= {
        *("svg", "title", "defs", "linearGradient", "stop", "g", "rect", "path", "circle", "text")
    }
    assert drawing == drawn(
        {"type": 17, "components": [text("Hi"), row(button("Go", 5, url="https://x"))]}
    )


def test_what_xml_could_take_for_markup_is_only_read() -> None:
    drawing = drawn(text('<b> & "quoted" \x00\x1b]]>'), row(button("<&>")))
    assert '<b>&"quoted"]]>' in words(drawing)
    assert "<&>" in words(drawing)
    assert ElementTree.fromstring(drawing).findtext(f"{SVG}title") == "A <title> & more"


def test_container_is_as_high_as_what_it_holds_and_has_its_colour() -> None:
    def height(*components: dict[str, Any]) -> float:
        drawing = drawn({"type": 17, "accent_color": 0x00F0B2, "components": list(components)})
        (bar,) = [one for one in marks(drawing, "rect") if one.element.get("fill") == "#00f0b2"]
        return float(bar.element.get("height") or 0)

    one, two = height(text("one")), height(text("one\ntwo"))
    assert two - one == round(15 * theme.LINE_HEIGHT)
    drawing = drawn({"type": 17, "accent_color": None, "components": [text("no colour")]})
    assert fill_of(drawing, "48") == []


@pytest.mark.parametrize("style", [1, 2, 3, 4])
def test_button_has_the_colour_of_its_style(style: int) -> None:
    assert fill_of(drawn(row(button("Go", style))), "32") == [theme.BUTTONS[style]]


def test_button_that_is_disabled_is_dim_and_one_that_leads_away_has_an_arrow() -> None:
    def count(drawing: str, name: str) -> int:
        return len(marks(drawing, name))

    plain = drawn(row(button("Go")))
    assert 'opacity="0.5"' not in plain
    assert 'opacity="0.5"' in drawn(row(button("Go", disabled=True)))
    link = drawn(row(button("Go", 5, url="https://example.org")))
    assert count(link, "path") == count(plain, "path") + 1


def test_button_shows_its_emoji_before_its_label() -> None:
    plain, with_emoji = drawn(row(button("Go"))), drawn(row(button("Go", emoji={"name": "📦"})))
    assert words(plain) == words(with_emoji)
    assert len(marks(with_emoji, "path")) > len(marks(plain, "path"))


def test_row_of_long_buttons_flows_onto_more_lines() -> None:
    drawing = drawn(row(*(button("A long label of it " + "x" * 20) for _ in range(4))))
    boxes = [one for one in marks(drawing, "rect") if one.element.get("height") == "32"]
    assert len({one.y for one in boxes}) > 1
    assert all(one.right <= RIGHT for one in boxes)


def test_menu_shows_its_placeholder_or_what_is_chosen() -> None:
    chosen = {"label": "Blue", "value": "1", "default": True}
    assert "Chooseone" in words(drawn(row(select())))
    assert "Blue" in words(drawn(row(select(chosen, {"label": "Red", "value": "2"}))))
    assert 'opacity="0.5"' in drawn(row(select(disabled=True)))
    assert "Choosearole" in words(drawn(row(select(type=6, placeholder="Choose a role"))))


def test_section_has_its_picture_or_its_button_at_the_right() -> None:
    for accessory in (
        {"type": 11, "description": "AWP | Asiimov (Field-Tested)", "media": {"url": "x"}},
        button("Press"),
    ):
        drawing = drawn({"type": 9, "components": [text("w " * 300)], "accessory": accessory})
        boxes = [one for one in marks(drawing, "rect") if one.x > theme.WIDTH / 2]
        assert max(one.right for one in boxes if one.y > 60) == pytest.approx(RIGHT)
        left = min(one.x for one in boxes if one.y > 60 and one.width < 200)
        assert all(one.right < left for one in marks(drawing, "text") if "w w" in one.text)


def test_gallery_shows_every_picture_in_rows() -> None:
    items = [{"description": f"Thing {n}", "media": {"url": "x"}} for n in range(6)]
    drawing = drawn({"type": 12, "items": items})
    tiles = [one for one in marks(drawing, "rect") if "url(#" in (one.element.get("fill") or "")]
    assert len({(one.x, one.y) for one in tiles}) == 6
    assert all(one.right <= RIGHT for one in tiles)
    assert words(drawing).endswith("T0T1T2T3T4T5")


def test_separator_is_a_line_or_only_room() -> None:
    line, room = ({"type": 14, "divider": divider, "spacing": 2} for divider in (True, False))
    heights = {
        ElementTree.fromstring(drawn(text("a"), one, text("b"))).get("height")
        for one in (line, room)
    }
    assert len(heights) == 1
    assert len(fill_of(drawn(text("a"), line), "1")) == 1
    assert len(fill_of(drawn(text("a"), room), "1")) == 0


def test_tile_of_a_star_is_gold_and_every_other_always_the_same() -> None:
    assert rarity("★ Karambit | Doppler (Factory New)") == "#e4ae39"
    assert rarity("AWP | Asiimov (Field-Tested)") == rarity("AWP | Asiimov (Field-Tested)")


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ({"type": 13, "file": {"url": "attachment://x"}}, "type 13"),
        ({"type": 99}, "type 99"),
        (row({"type": 4}), "type 4"),
        (row(button("x", 6)), "style 6"),
        ({"type": 9, "components": [], "accessory": {"type": 12}}, "type 12"),
    ],
)
def test_what_cannot_be_drawn_is_named(raw: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        drawn({"type": 17, "components": [raw]})


@pytest.mark.parametrize("name", ["approval", "result", "status"])
@settings(max_examples=6, deadline=None, derandomize=True)
@given(view=examples.views(), frame=examples.FRAMES)
def test_any_card_of_the_bot_stays_within_the_picture(
    name: str, view: RequestView, frame: Frame
) -> None:
    """Names of any length and kind, and whatever people write into a note."""
    drawing = drawn(examples.payloads(REQUEST_CARDS[name](view, frame))[0])
    for mark in [*marks(drawing, "text"), *marks(drawing, "rect")]:
        assert mark.right <= theme.WIDTH, mark.text
