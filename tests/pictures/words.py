"""Texts drawn: paragraphs under each other, and single lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

from tests.pictures import theme
from tests.pictures.icons import icon
from tests.pictures.markdown import Ink, Paragraph, Reader, Shape, Span, Style, paragraphs
from tests.pictures.measure import EMOJI
from tests.pictures.svg import Block, Value, box, moved, stacked, written
from tests.pictures.typeset import Line, Run, clipped, flowed, width_of

_INDENT: Final = 24.0
_QUOTE_INDENT: Final = 14.0
_MARKER_GAP: Final = 6.0
_BASELINE: Final = 0.74
"""Where letters stand in the height of their line."""

_PLAIN: Final = Style()


def text_block(source: str, width: float, reader: Reader) -> Block:
    """Return a text of markdown, wrapped to ``width`` pixels."""
    return stacked([_paragraph(one, width) for one in paragraphs(source, reader)], gap=0)


def label(
    words: str, size: float, width: float, style: Style = _PLAIN, **look: Value
) -> tuple[list[Element], float]:
    """Return one line of plain words around a baseline at 0, cut to ``width``, and how wide it
    became.
    """
    line = clipped([Span(words, style)], size, width)
    return list(draw_line(line, 0, size, **look)), width_of(line)


def draw_line(line: Line, baseline: float, size: float, **look: Value) -> Iterator[Element]:
    """Yield what a line is made of; ``look`` overrides the colours of its inks."""
    for run in line:
        yield from _run(run, baseline, size, look)


def _paragraph(paragraph: Paragraph, width: float) -> Block:
    size = theme.SIZES[paragraph.shape]
    height = round(size * theme.LINE_HEIGHT)
    marker, reach = label(paragraph.marker, size, width)
    indent = {
        Shape.ITEM: max(_INDENT, reach + _MARKER_GAP),
        Shape.QUOTE: _QUOTE_INDENT,
    }.get(paragraph.shape, 0.0)
    lines = flowed(paragraph.spans, size, width - indent)
    elements: list[Element] = []
    for number, line in enumerate(lines):
        baseline = number * height + round(height * _BASELINE)
        elements.append(moved(indent, baseline, draw_line(line, 0, size)))
    total = float(height * len(lines))
    if paragraph.shape is Shape.QUOTE:
        elements.insert(0, box(0, 1, 4, total - 2, radius=2, fill="#4e5058"))
    if paragraph.marker:
        elements.insert(0, moved(indent - reach - _MARKER_GAP, round(height * _BASELINE), marker))
    return Block(total, tuple(elements))


def _run(run: Run, baseline: float, size: float, look: dict[str, Value]) -> Iterator[Element]:
    if EMOJI.fullmatch(run.text):
        yield icon(run.text, run.x + size * 0.05, baseline, size)
        return
    x, width, style = run.x, run.width, run.style
    if style.ink is Ink.MENTION:
        back = theme.MENTION_BACK
        yield box(x, baseline - size * 0.92, width, size * 1.22, radius=3, fill=back)
        x, width = x + 2, width - 4
    elif style.ink is Ink.CODE:
        back = theme.FIELD
        yield box(x - 2, baseline - size * 0.92, width + 4, size * 1.22, radius=3, fill=back)
    attributes: dict[str, Value] = {
        "x": x,
        "y": baseline,
        "font_size": size,
        "textLength": width,
        "lengthAdjust": "spacingAndGlyphs",
        "fill": theme.INKS[style.ink],
    }
    yield written("text", run.text, **(attributes | _face(style) | look))


def _face(style: Style) -> dict[str, Value]:
    face: dict[str, Value] = {}
    if style.bold:
        face["font_weight"] = "bold"
    if style.italic:
        face["font_style"] = "italic"
    if style.ink is Ink.CODE:
        face["font_family"] = theme.MONOSPACE
    lines = [
        name
        for name, drawn in (("underline", style.underlined), ("line-through", style.struck))
        if drawn
    ]
    if lines:
        face["text_decoration"] = " ".join(lines)
    return face
