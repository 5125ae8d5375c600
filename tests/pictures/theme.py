"""Colours and sizes of Discord's dark theme, as near as needed."""

from __future__ import annotations

from typing import Final

from tests.pictures.markdown import Ink, Shape

WIDTH: Final = 600.0
"""Pixels of a whole picture: two thirds of a page at GitHub."""

FONT: Final = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif"
EMOJI_FONT: Final = "'Apple Color Emoji', 'Segoe UI Emoji', 'Noto Color Emoji', sans-serif"
MONOSPACE: Final = "Consolas, Menlo, 'Liberation Mono', monospace"

WINDOW: Final = "#313338"
BORDER: Final = "#1e1f22"
BAR: Final = "#2b2d31"
CARD: Final = "#2b2d31"
CARD_BORDER: Final = "#3f4147"
FIELD: Final = "#1e1f22"
MENTION_BACK: Final = "#3e4270"
BLURPLE: Final = "#5865f2"
WHITE: Final = "#ffffff"
QUIET: Final = "#949ba4"

INKS: Final = {
    Ink.BODY: "#dbdee1",
    Ink.STRONG: "#f2f3f5",
    Ink.MUTED: QUIET,
    Ink.LINK: "#00a8fc",
    Ink.MENTION: "#c9cdfb",
    Ink.CODE: "#dbdee1",
}

SIZES: Final = {
    Shape.PLAIN: 15.0,
    Shape.ITEM: 15.0,
    Shape.QUOTE: 15.0,
    Shape.CODE: 13.0,
    Shape.SMALL: 12.5,
    Shape.SUBHEADING: 17.0,
    Shape.HEADING: 20.0,
    Shape.TITLE: 24.0,
}
LINE_HEIGHT: Final = 1.36

BUTTONS: Final = {1: BLURPLE, 2: "#4e5058", 3: "#248046", 4: "#da373c", 5: "#4e5058"}
"""By style: primary, secondary, success, danger, link."""
