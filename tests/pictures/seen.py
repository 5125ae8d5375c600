"""What stands on a picture: for tests, read back from its XML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

SVG: Final = "{http://www.w3.org/2000/svg}"
_PLACE: Final = re.compile(r"translate\((?P<x>\S+) (?P<y>\S+)\)(?: scale\((?P<scale>\S+)\))?")


@dataclass(frozen=True, slots=True)
class Mark:
    """An element where it really is: its left, its baseline or top, and how far it reaches."""

    element: Element
    x: float
    y: float
    width: float

    @property
    def text(self) -> str:
        """Its words."""
        return self.element.text or ""

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.x + self.width


def marks(picture: str, name: str) -> list[Mark]:
    """Return the elements of a name in the order in which they are drawn."""
    root = ElementTree.fromstring(picture)
    return [mark for mark in _placed(root, 0, 0, 1) if mark.element.tag == f"{SVG}{name}"]


def words(picture: str) -> str:
    """Return all words on a picture, without any space: wrapping makes and eats those."""
    return squeezed("".join(mark.text for mark in marks(picture, "text")))


def squeezed(text: str) -> str:
    """Return words without any space."""
    return re.sub(r"\s+", "", text)


def _placed(element: Element, x: float, y: float, scale: float) -> Iterator[Mark]:
    place = _PLACE.fullmatch(element.get("transform", ""))
    if place is not None:
        x, y = x + scale * float(place["x"]), y + scale * float(place["y"])
        scale *= float(place["scale"] or 1)
    width = float(element.get("textLength") or element.get("width") or 0)
    yield Mark(
        element,
        x + scale * float(element.get("x", 0)),
        y + scale * float(element.get("y", 0)),
        scale * width,
    )
    for child in element:
        yield from _placed(child, x, y, scale)
