"""What people press: buttons and menus, in rows."""

from __future__ import annotations

from typing import Any, Final
from xml.etree.ElementTree import Element

from bot.sandbox.discord.components import SELECTS, Button, Kind, Select
from tests.pictures import theme
from tests.pictures.markdown import Ink, Style
from tests.pictures.svg import Block, Value, box, moved, path, tag
from tests.pictures.words import label

_HEIGHT: Final = 32.0
_PADDING: Final = 16.0
_WIDTH_MIN: Final = 60.0
_SIZE: Final = 14.0
_BASELINE: Final = 21.0
_GAP: Final = 8.0
_ARROW_WIDTH: Final = 20.0
_SELECT_HEIGHT: Final = 40.0
_CHEVRON_WIDTH: Final = 44.0
_DIMMED: Final = "0.5"

_ARROW: Final = (
    "M1 3h5v1.6h-3.4v6.8h6.8v-3.4h1.6v5h-10z"
    "M7.5 1h5.5v5.5h-1.6v-2.8l-4.7 4.7l-1.1-1.1l4.7-4.7h-2.8z"
)
_CHEVRON: Final = "M1 1l5 5l5-5"


def action_row(raw: dict[str, Any], width: float) -> Block:
    """Return a row of buttons, which flows onto more lines, or of one menu."""
    elements: list[Element] = []
    x = y = 0.0
    height = 0.0
    for item in raw["components"]:
        block = control(item, width)
        if x and x + block.width > width:
            x, y = 0.0, y + height + _GAP
        elements.append(moved(x, y, block.elements))
        x, height = x + block.width + _GAP, block.height
    return Block(y + height, tuple(elements), width)


def control(raw: dict[str, Any], width: float) -> Block:
    """Return a button or a menu at most ``width`` wide. Raises ``ValueError`` for what is none."""
    if raw["type"] == Kind.BUTTON:
        return _button(Button.parse(raw), width)
    if raw["type"] in SELECTS:
        return _select(Select.parse(raw), width)
    raise ValueError(f"no button and no menu: a component of type {raw['type']}")


def _button(button: Button, width: float) -> Block:
    if button.style not in theme.BUTTONS:
        raise ValueError(f"a button of style {button.style} can't be drawn")
    emoji = (button.raw.get("emoji") or {}).get("name")
    words = f"{emoji} {button.label}" if emoji and emoji != button.label else button.label
    extra = _ARROW_WIDTH if button.url is not None else 0.0
    marks, reach = label(
        words, _SIZE, width - 2 * _PADDING - extra, Style(Ink.STRONG), font_weight="500"
    )
    wide = max(_WIDTH_MIN, reach + extra + 2 * _PADDING)
    left = (wide - reach - extra) / 2
    elements = [
        box(0, 0, wide, _HEIGHT, radius=8, fill=theme.BUTTONS[button.style]),
        moved(left, _BASELINE, marks),
    ]
    if button.url is not None:
        arrow = path(_ARROW, fill=theme.INKS[Ink.STRONG])
        elements.append(moved(left + reach + 6, 9, [arrow]))
    return Block(_HEIGHT, _dimmed(elements, button.disabled), wide)


def _select(select: Select, width: float) -> Block:
    chosen = ", ".join(option.label for option in select.options if option.default)
    words = chosen or select.placeholder or "Make a selection"
    style = Style(Ink.BODY if chosen else Ink.MUTED)
    marks, _ = label(words, _SIZE, width - _CHEVRON_WIDTH - 12, style)
    chevron = path(
        _CHEVRON,
        fill="none",
        stroke=theme.INKS[Ink.BODY],
        stroke_width=2,
        stroke_linecap="round",
        stroke_linejoin="round",
    )
    look: dict[str, Value] = {"fill": theme.FIELD, "stroke": theme.CARD_BORDER}
    elements = [
        box(0.5, 0.5, width - 1, _SELECT_HEIGHT - 1, radius=8, **look),
        moved(12, 25, marks),
        moved(width - 28, 17, [chevron]),
    ]
    return Block(_SELECT_HEIGHT, _dimmed(elements, select.disabled), width)


def _dimmed(elements: list[Element], disabled: bool) -> tuple[Element, ...]:
    return (tag("g", *elements, opacity=_DIMMED),) if disabled else tuple(elements)
