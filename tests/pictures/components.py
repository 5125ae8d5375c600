"""Components of a message, each drawn as a block of the width that it gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bot.sandbox.discord.components import SELECTS, Kind
from tests.pictures import theme
from tests.pictures.controls import action_row, control
from tests.pictures.markdown import Reader
from tests.pictures.svg import Block, box, moved, stacked
from tests.pictures.tiles import tile
from tests.pictures.words import text_block

_GAP: Final = 8.0
_PADDING: Final = 14.0
_ACCENT_WIDTH: Final = 4.0
_THUMBNAIL: Final = 56.0
_PICTURE_MAX: Final = 112.0
_PICTURES_IN_A_ROW: Final = 4
_SPACES: Final = {1: 9.0, 2: 17.0}
"""Of a separator, by its spacing: pixels with the line in their middle."""


def drawn(components: Sequence[dict[str, Any]], width: float, reader: Reader) -> Block:
    """Return components under each other. Raises ``ValueError`` for what can't be drawn."""
    return stacked([_drawn(raw, width, reader) for raw in components], _GAP)


def _drawn(raw: dict[str, Any], width: float, reader: Reader) -> Block:
    match raw["type"]:
        case Kind.CONTAINER:
            return _container(raw, width, reader)
        case Kind.TEXT_DISPLAY:
            return text_block(raw["content"], width, reader)
        case Kind.SECTION:
            return _section(raw, width, reader)
        case Kind.ACTION_ROW:
            return action_row(raw, width)
        case Kind.MEDIA_GALLERY:
            return _gallery(raw, width)
        case Kind.SEPARATOR:
            return _separator(raw, width)
        case kind if kind == Kind.BUTTON or kind in SELECTS:
            return control(raw, width)
        case kind:
            raise ValueError(f"a component of type {kind} can't be drawn: {raw}")


def _container(raw: dict[str, Any], width: float, reader: Reader) -> Block:
    accent = raw.get("accent_color")
    left = _PADDING + (_ACCENT_WIDTH if accent is not None else 0)
    inner = drawn(raw["components"], width - left - _PADDING, reader)
    height = inner.height + 2 * _PADDING
    elements = [
        box(
            0.5,
            0.5,
            width - 1,
            height - 1,
            radius=8,
            fill=theme.CARD,
            stroke=theme.CARD_BORDER,
        )
    ]
    if accent is not None:
        elements.append(box(0, 0, _ACCENT_WIDTH, height, radius=2, fill=f"#{accent:06x}"))
    return Block(height, (*elements, moved(left, _PADDING, inner.elements)), width)


def _section(raw: dict[str, Any], width: float, reader: Reader) -> Block:
    beside = _accessory(raw["accessory"], width / 2)
    words = drawn(raw["components"], width - beside.width - 12, reader)
    height = max(words.height, beside.height)
    return Block(
        height,
        (
            moved(0, max(0.0, (beside.height - words.height) / 2), words.elements),
            moved(width - beside.width, 0, beside.elements),
        ),
        width,
    )


def _accessory(raw: dict[str, Any], width: float) -> Block:
    if raw["type"] == Kind.THUMBNAIL:
        side = _THUMBNAIL
        return Block(side, tuple(tile(raw.get("description") or "", side)), side)
    return control(raw, width)


def _gallery(raw: dict[str, Any], width: float) -> Block:
    """Return pictures side by side, in as many rows as they need."""
    items = raw["items"]
    columns = min(len(items), _PICTURES_IN_A_ROW)
    side = min(_PICTURE_MAX, (width - _GAP * (columns - 1)) / columns)
    elements = [
        moved(
            (number % columns) * (side + _GAP),
            (number // columns) * (side + _GAP),
            tile(item.get("description") or "", side),
        )
        for number, item in enumerate(items)
    ]
    rows = -(-len(items) // columns)
    return Block(rows * (side + _GAP) - _GAP, tuple(elements), width)


def _separator(raw: dict[str, Any], width: float) -> Block:
    height = _SPACES[raw.get("spacing", 1)]
    if not raw.get("divider", True):
        return Block(height, (moved(0, 0, ()),), width)
    line = box(0, (height - 1) / 2, width, 1, fill=theme.CARD_BORDER)
    return Block(height, (line,), width)
