"""The README's pictures are there, and say what the cards say today.

That they are drawn from what the bot sends now is held where the demo is played anyway:
tests/e2e/test_demo.py.
"""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree

import pytest

from bot.ui import text
from tests.pictures.markdown import Reader, paragraphs
from tests.pictures.scenes import FOLDER, SCENES, Camera, Scene, store, stored
from tests.pictures.seen import SVG, squeezed, words
from tests.readme import README

_PLACEHOLDER: Final = re.compile(r"\{\w*\}")

SAID: Final = {
    "basket": (
        text.BASKET_TITLE,
        text.BASKET_PRIVATE,
        text.BASKET_TOTAL,
        text.BASKET_TO,
        text.SELECT_LINE,
        text.BUTTON_SEND,
        text.BUTTON_ADD,
    ),
    "approval": (
        text.REQUEST_TITLE,
        text.WHO_PENDING,
        text.EXPIRES,
        text.BUTTON_APPROVE,
        text.BUTTON_DENY,
        text.BUTTON_DETAILS,
    ),
    "result": (text.RESULT_SOME, text.RESULT_WHO, text.RESULT_TOTAL),
    "trade": (text.TRADES_MANY, text.TRADES_FROM, text.TRADES_SAFE, text.TRADES_PHONE),
}
"""Templates of what must be on each picture, whatever the names and sums."""


def fixed_parts(template: str) -> list[str]:
    """Return what a template always says, without markup and spaces."""
    reader = Reader(name=lambda sigil, snowflake: "", time=lambda at, style: "")
    markup = template.replace("({profile})", "(https://example.org)")
    read = "".join(span.text for part in paragraphs(markup, reader) for span in part.spans)
    icons = re.sub("[⏱✅]", "", read)
    return [squeezed(part) for part in _PLACEHOLDER.split(icons) if part.strip()]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_picture_is_shown_in_the_readme_and_says_what_the_card_says(scene: Scene) -> None:
    shown = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", README.read_text(encoding="utf-8"))
    place = scene.path.relative_to(README.parent).as_posix()
    assert [about for about, path in shown if path == place], f"the README doesn't show {place}"
    drawing = stored()[scene.name]
    assert ElementTree.fromstring(drawing).findtext(f"{SVG}title") == scene.title
    on_it = words(drawing)
    missing = [
        part for template in SAID[scene.name] for part in fixed_parts(template) if part not in on_it
    ]
    assert missing == [], "python -m tests.readme takes the picture anew"


def test_every_picture_in_the_folder_is_one_of_the_demo_and_none_shows_a_rehearsal() -> None:
    assert set(SAID) == {scene.name for scene in SCENES}
    assert {path.stem for path in FOLDER.glob("*.svg")} == set(SAID)
    assert not any("rehearsal" in drawing for drawing in stored().values())


def test_camera_that_saw_no_message_names_the_picture() -> None:
    with pytest.raises(LookupError, match="basket"):
        Camera().taken()


def test_store_is_what_stored_gives_back(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.pictures.scenes.FOLDER", tmp_path)
    store({scene.name: f"<{scene.name}/>" for scene in SCENES})
    assert stored() == {scene.name: f"<{scene.name}/>" for scene in SCENES}
