"""What stands for an item's picture: Steam's own pictures are neither ours nor on this machine.

A tile in the colour of a rarity, with the outline of a kind of weapon, or with initials. Colour and
outline follow from the item's name, so that one item looks the same on every picture.
"""

from __future__ import annotations

import re
import zlib
from typing import Final
from xml.etree.ElementTree import Element

from tests.pictures import theme
from tests.pictures.markdown import Ink, Style
from tests.pictures.svg import box, moved, path, tag
from tests.pictures.words import label

_RARITIES: Final = ("#4b69ff", "#8847ff", "#d32ce6", "#eb4b4b")
_RARE: Final = "#e4ae39"
_GRID: Final = 48

_RIFLE: Final = (
    "M3 21h8v-3h2v2h11v-2h9l2 2h10v8l-8-3h-4l-3 8h-4l1-7h-3c0 4 2 7 4 9l-5 2c-2-3-4-7-4-11h-6"
    "v-2h-10z"
)
_SNIPER: Final = "M2 23h20v-2h3v-3h-4v-3h12v3h-4v3h5l3 1h9v8l-8-3h-3l-2 6h-4l1-6h-8v-2h-20z"
_PISTOL: Final = "M8 16h30l1 2h2v3h-3l1 4l3 11h-9l-3-8h-5c-3 0-4-2-4-4h-13v-6z"
_SMG: Final = "M7 21h5v-3h22l1 2h8v3h-6v3h-3l2 7h-4l-2-6h-4v12h-4v-12h-10v-2h-5z"
_KNIFE: Final = "M3 27c8-9 18-12 26-12v8h2l12 2v5l-12-1l-2 3h-3l-1-4c-8 2-15 2-22-1z"
_GLOVES: Final = "M15 40v-11l-6-8l3-3l6 5v-13h3v10h2v-12h3v12h2v-10h3v11h2v-7h3v14l-4 7v5z"

_OUTLINES: Final = (
    (re.compile(r"Gloves|Hand Wraps"), _GLOVES),
    (re.compile(r"Knife|Bayonet|Karambit|Daggers"), _KNIFE),
    (re.compile(r"AWP|SSG 08|SCAR-20|G3SG1"), _SNIPER),
    (
        re.compile(
            r"Glock-18|USP-S|P2000|P250|Five-SeveN|Tec-9|CZ75-Auto|Desert Eagle|R8 Revolver"
            r"|Dual Berettas|Zeus x27"
        ),
        _PISTOL,
    ),
    (re.compile(r"MAC-10|MP[579](?:-SD)?|UMP-45|P90|PP-Bizon"), _SMG),
    (
        re.compile(
            r"AK-47|M4A4|M4A1-S|FAMAS|Galil AR|AUG|SG 553|M249|Negev|Nova|XM1014|MAG-7|Sawed-Off"
        ),
        _RIFLE,
    ),
)
"""The first that a name contains."""


def tile(name: str, side: float) -> list[Element]:
    """Return a square that stands for the picture of an item."""
    colour = rarity(name)
    marks: list[Element] = [
        box(0, 0, side, side, radius=8, fill=theme.FIELD),
        box(0, 0, side, side, radius=8, fill=f"url(#{_gradient_id(colour)})"),
        box(side * 0.14, side - 4, side * 0.72, 2.5, radius=1.2, fill=colour),
    ]
    outline = next((shape for kind, shape in _OUTLINES if kind.search(name)), None)
    if outline is None:
        return [*marks, _initials(name, side)]
    drawn = path(outline, fill=theme.INKS[Ink.BODY], stroke=theme.FIELD, stroke_width=0.6)
    return [*marks, moved(side * 0.08, side * 0.02, [drawn], scale=side * 0.84 / _GRID)]


def rarity(name: str) -> str:
    """Return the colour of a tile: gold for what has a star, else any, but always the same."""
    if name.startswith("★"):
        return _RARE
    return _RARITIES[zlib.crc32(name.encode()) % len(_RARITIES)]


def gradients() -> Element:
    """Return the colours of all tiles, to stand once in a picture."""
    return tag("defs", *(_gradient(colour) for colour in (*_RARITIES, _RARE)))


def _gradient(colour: str) -> Element:
    return tag(
        "linearGradient",
        tag("stop", offset="0", stop_color=colour, stop_opacity="0.12"),
        tag("stop", offset="1", stop_color=colour, stop_opacity="0.62"),
        id=_gradient_id(colour),
        x1="0",
        y1="0",
        x2="0",
        y2="1",
    )


def _gradient_id(colour: str) -> str:
    return f"rarity-{colour.removeprefix('#')}"


def _initials(name: str, side: float) -> Element:
    letters = "".join(word[0] for word in re.findall(r"\w+", name)[:2]).upper()
    marks, reach = label(letters, side * 0.36, side, Style(Ink.STRONG, bold=True))
    return moved((side - reach) / 2, side * 0.62, marks)
