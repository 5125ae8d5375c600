"""The few things that pictures are made of. Everything is escaped by the library's XML writer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Value = str | float


@dataclass(frozen=True, slots=True)
class Block:
    """Something drawn, with its upper left corner at the origin: how high, and of what."""

    height: float
    elements: tuple[Element, ...]
    width: float = 0.0


def tag(name: str, *children: Element, **attributes: Value) -> Element:
    """Return an element. An underscore in an attribute's name stands for a hyphen."""
    element = Element(
        name, {key.replace("_", "-"): shown(value) for key, value in attributes.items()}
    )
    element.extend(children)
    return element


def written(name: str, words: str, **attributes: Value) -> Element:
    """Return an element that holds words; what no XML may hold is left out."""
    element = tag(name, **attributes)
    element.text = _NOT_XML.sub("", words)
    return element


def shown(value: Value) -> str:
    """Return a value as an attribute has it: numbers with two decimals at most."""
    if isinstance(value, str):
        return _NOT_XML.sub("", value)
    return f"{value:.2f}".rstrip("0").rstrip(".")


def box(
    x: float, y: float, width: float, height: float, *, radius: float = 0, **look: Value
) -> Element:
    """Return a rectangle."""
    return tag("rect", x=x, y=y, width=width, height=height, rx=radius, **look)


def path(course: str, **look: Value) -> Element:
    """Return a path."""
    return tag("path", d=course, **look)


def moved(x: float, y: float, elements: Iterable[Element], *, scale: float = 1) -> Element:
    """Return elements together, at another place."""
    place = f"translate({shown(x)} {shown(y)})"
    if scale != 1:
        place += f" scale({shown(scale)})"
    return tag("g", *elements, transform=place)


def stacked(blocks: Iterable[Block], gap: float) -> Block:
    """Return blocks under each other."""
    elements: list[Element] = []
    height = 0.0
    for block in blocks:
        if not block.elements:
            continue
        y = height + gap if height else 0.0
        elements.append(moved(0, y, block.elements))
        height = y + block.height
    return Block(height, tuple(elements))


def document(width: float, height: float, title: str, elements: Iterable[Element]) -> str:
    """Return a whole SVG file. ``title`` is read to those who can't see it."""
    root = tag(
        "svg",
        written("title", title),
        *elements,
        xmlns="http://www.w3.org/2000/svg",
        width=width,
        height=height,
        viewBox=f"0 0 {shown(width)} {shown(height)}",
        role="img",
    )
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"
