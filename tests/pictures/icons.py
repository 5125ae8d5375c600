"""The emoji of the bot's messages, drawn, so that they look the same wherever they are shown."""

from __future__ import annotations

from typing import Final
from xml.etree.ElementTree import Element

from tests.pictures import theme
from tests.pictures.svg import moved, path, written

_GRID: Final = 20
_GREEN: Final = "#3ba55d"
_RED: Final = "#dd2e44"
_YELLOW: Final = "#ffcc4d"
_WOOD: Final = "#d99e82"
_DARK_WOOD: Final = "#c1694f"
_STEEL: Final = "#aab8c2"
_DARK: Final = "#31373d"

_SQUARE: Final = "M3 1h14a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2h-14a2 2 0 0 1-2-2v-14a2 2 0 0 1 2-2z"
_DISC: Final = "M10 3.5a8 8 0 1 0 .01 0z"
_CROSS: Final = "M3 5l2-2l5 5l5-5l2 2l-5 5l5 5l-2 2l-5-5l-5 5l-2-2l5-5z"
_GLASS: Final = (
    "M4 1h12v2l-1 1c0 3-3 4-3 6c0 2 3 3 3 6l1 1v2h-12v-2l1-1c0-3 3-4 3-6c0-2-3-3-3-6l-1-1z"
)

_PATHS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "✅": ((_SQUARE, _GREEN), ("M4.5 10.5l2-2l2.5 2.5l5-6l2.2 1.8l-7 8.4z", theme.WHITE)),
    "❌": ((_CROSS, _RED),),
    "✖": ((_CROSS, _STEEL),),
    "⚠": (
        ("M10 1.5l9 16.5h-18z", _YELLOW),
        ("M9 7h2l-.4 6h-1.2zM9 14.3h2v2h-2z", _DARK),
    ),
    "⏱": (
        ("M8 .8h4v1.8h-4zM15.3 3.3l1.6 1.6l-1.3 1.3l-1.6-1.6z", _STEEL),
        (_DISC, _STEEL),
        ("M10 5.5a6 6 0 1 0 .01 0z", theme.WHITE),
        ("M9.3 7h1.4v4l2.6 1.8l-.8 1.2l-3.2-2.3z", _RED),
    ),
    "📦": (
        ("M1 6l9 3v10l-9-3.5z", _DARK_WOOD),
        ("M19 6l-9 3v10l9-3.5z", _WOOD),
        ("M1 6l9-4l9 4l-9 3.5z", "#e6b99f"),
        ("M4.8 4.3l9 3.3v3l2-.7v-3l-9-3.4z", "#f5e1d3"),
    ),
    "⏳": ((_GLASS, _STEEL), ("M7 5h6l-3 3.5zM6.5 16.5l3.5-4l3.5 4z", _YELLOW)),
    "⌛": ((_GLASS, _STEEL), ("M6.5 16.5l3.5-5.5l3.5 5.5z", _YELLOW)),
    "🧪": (
        ("M7 1h6v2h-1v5l4 8a2 2 0 0 1-2 3h-8a2 2 0 0 1-2-3l4-8v-5h-1z", _STEEL),
        (
            "M7.3 11h5.4l2 4.3a1.5 1.5 0 0 1-1.5 2h-6.4a1.5 1.5 0 0 1-1.5-2z",
            _GREEN,
        ),
    ),
    "✉": (
        ("M1 4h18v13h-18z", "#e1e8ed"),
        ("M1 4l9 7.5l9-7.5v2l-9 7.5l-9-7.5z", _STEEL),
    ),
    "▫": (("M6 6h8v8h-8z", "#e1e8ed"),),
    "◀": ((_SQUARE, theme.BLURPLE), ("M13 4.5v11l-8-5.5z", theme.WHITE)),
    "▶": ((_SQUARE, theme.BLURPLE), ("M7 4.5v11l8-5.5z", theme.WHITE)),
}


def icon(emoji: str, x: float, baseline: float, size: float) -> Element:
    """Return an emoji beside words of a size in pixels; one that isn't drawn here is a letter."""
    plain = emoji.removesuffix("\ufe0f")
    if plain not in _PATHS:
        return written(
            "text",
            emoji,
            x=x,
            y=baseline,
            font_size=size,
            font_family=theme.EMOJI_FONT,
            fill=theme.WHITE,
        )
    side = size * 1.2
    shapes = [path(course, fill=fill) for course, fill in _PATHS[plain]]
    return moved(x, baseline - size * 0.98, shapes, scale=side / _GRID)
