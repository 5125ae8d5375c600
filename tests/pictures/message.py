"""A whole message: where it stands, who wrote it, what it says, and who sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.etree.ElementTree import Element

from tests.pictures import theme
from tests.pictures.components import drawn
from tests.pictures.markdown import Ink, Reader, Style
from tests.pictures.svg import Block, box, document, moved, path, stacked, tag
from tests.pictures.tiles import gradients
from tests.pictures.words import label, text_block

_BAR_HEIGHT: Final = 40.0
_MARGIN: Final = 16.0
_LEFT: Final = 72.0
_HEAD_HEIGHT: Final = 24.0
_FOOT_HEIGHT: Final = 26.0
_EYE: Final = "M1 6c3-5 11-5 14 0c-3 5-11 5-14 0zM8 3.200a2.800 2.800 0 1 0 .01 0z"


@dataclass(frozen=True, slots=True)
class Said:
    """A message as it was sent, and what a window shows around it.

    ``place``: "#results", or "@Quartermaster" for a direct message; ``private``: whether only one
    person sees it; ``clock``: what it shows as the time at which it was sent.
    """

    author: str
    place: str
    clock: str
    content: str
    components: Sequence[dict[str, Any]]
    private: bool = False


def picture(said: Said, reader: Reader, title: str) -> str:
    """Return a message as an SVG file. Raises ``ValueError`` for what can't be drawn."""
    width = theme.WIDTH - _LEFT - _MARGIN
    body = stacked(
        [text_block(said.content, width, reader), drawn(said.components, width, reader)], 8
    )
    top = _BAR_HEIGHT + _MARGIN
    end = top + _HEAD_HEIGHT + body.height
    foot = _only_you() if said.private else Block(0, ())
    height = round(end + foot.height + _MARGIN)
    return document(
        theme.WIDTH,
        height,
        title,
        [
            gradients(),
            tag(
                "g",
                *_window(height, said.place),
                moved(_MARGIN, top, _avatar(said.author)),
                moved(_LEFT, top, _head(said)),
                moved(_LEFT, top + _HEAD_HEIGHT, body.elements),
                moved(_LEFT, end, foot.elements),
                font_family=theme.FONT,
            ),
        ],
    )


def _window(height: float, place: str) -> list[Element]:
    sign, name = place[:1], place[1:]
    quiet, wide = label(sign, 19, 30, Style(Ink.MUTED))
    words, _ = label(name, 15, theme.WIDTH - 60, Style(Ink.STRONG, bold=True))
    return [
        box(0.5, 0.5, theme.WIDTH - 1, height - 1, radius=10, fill=theme.WINDOW),
        path(
            f"M0.5 {_BAR_HEIGHT:g}v-29.5a10 10 0 0 1 10-10h579a10 10 0 0 1 10 10v29.5z",
            fill=theme.BAR,
        ),
        box(
            0.5,
            0.5,
            theme.WIDTH - 1,
            height - 1,
            radius=10,
            fill="none",
            stroke=theme.BORDER,
        ),
        moved(_MARGIN, 26, quiet),
        moved(_MARGIN + wide + 8, 25.5, words),
    ]


def _avatar(author: str) -> list[Element]:
    letter, reach = label(author[:1], 20, 40, Style(Ink.STRONG, bold=True))
    return [
        tag("circle", cx=20, cy=20, r=20, fill=theme.BLURPLE),
        moved(20 - reach / 2, 27, letter),
    ]


def _head(said: Said) -> list[Element]:
    name, reach = label(said.author, 15, 300, Style(Ink.STRONG, bold=True))
    app, app_reach = label("APP", 10, 40, Style(Ink.STRONG, bold=True))
    clock, _ = label(said.clock, 12, 120, Style(Ink.MUTED))
    badge = app_reach + 9
    return [
        moved(0, 14, name),
        moved(reach + 6, 2, [box(0, 0, badge, 15, radius=4, fill=theme.BLURPLE)]),
        moved(reach + 10.5, 13, app),
        moved(reach + 6 + badge + 8, 14, clock),
    ]


def _only_you() -> Block:
    """Return what Discord writes under a message that only one person sees."""
    quiet, reach = label("Only you can see this •", 12, 300, Style(Ink.MUTED))
    link, _ = label("Dismiss message", 12, 300, Style(Ink.LINK))
    eye = path(_EYE, fill=theme.QUIET, fill_rule="evenodd")
    return Block(
        _FOOT_HEIGHT,
        (
            moved(0, 11, [eye]),
            moved(22, 21, quiet),
            moved(22 + reach + 4, 21, link),
        ),
    )
