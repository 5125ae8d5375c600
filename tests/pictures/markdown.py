"""Discord's markdown, taken apart: a text becomes paragraphs, and a paragraph becomes spans."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Ink(StrEnum):
    """What a span is drawn as, besides its weight."""

    BODY = "body"
    STRONG = "strong"
    MUTED = "muted"
    LINK = "link"
    MENTION = "mention"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Style:
    """How a span looks."""

    ink: Ink = Ink.BODY
    bold: bool = False
    italic: bool = False
    underlined: bool = False
    struck: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """Words that look alike. A mention is never broken over two lines."""

    text: str
    style: Style = Style()


class Shape(StrEnum):
    """What a line of the source is."""

    PLAIN = "plain"
    TITLE = "title"
    HEADING = "heading"
    SUBHEADING = "subheading"
    SMALL = "small"
    QUOTE = "quote"
    ITEM = "item"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One line of the source. ``marker`` stands before an item of a list: "•" or "1."."""

    shape: Shape
    spans: tuple[Span, ...]
    marker: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who knows what stands behind the numbers in a text.

    ``name`` takes what a mention begins with ("@", "@&", "#") and its id; ``time`` takes Unix
    seconds and the style's letter.
    """

    name: Callable[[str, int], str]
    time: Callable[[int, str | None], str]


_LINE: Final = re.compile(
    r"(?P<hashes>\#{1,3})[ ]+(?=\S)|(?P<small>-\#)[ ]+(?=\S)|(?P<quote>>)[ ]+"
    r"|[ ]*(?P<bullet>[-*])[ ]+(?=\S)|[ ]*(?P<count>[0-9]{1,3}\.)[ ]+(?=\S)"
)
_BLOCK: Final = re.compile(r"```(?:\w*\n)?(.*?)```\n?", re.DOTALL)
_INSIDE: Final = r"(?:\\.|[^\\\n])+?"
_TOKEN: Final = re.compile(
    rf"""
      \\(?P<escaped>_|[^\w\s])
    | (?P<ticks>`+)(?P<code>.+?)(?P=ticks)(?!`)
    | <(?P<sigil>@&|@!?|\#)(?P<id>[0-9]{{1,20}})>
    | </(?P<command>[^:>]{{1,100}}):[0-9]{{1,20}}>
    | <a?:(?P<emoji>\w{{1,32}}):[0-9]{{1,20}}>
    | <t:(?P<at>-?[0-9]{{1,13}})(?::(?P<style>[tTdDfFR]))?>
    | \[(?P<label>(?:\\.|[^\]\\\n])+)\]\(<?(?P<url>https?://[^)\s>]+)>?\)
    | \*\*(?=\S)(?P<bold>{_INSIDE})(?<=\S)\*\*
    | __(?=\S)(?P<underlined>{_INSIDE})(?<=\S)__
    | ~~(?=\S)(?P<struck>{_INSIDE})(?<=\S)~~
    | \|\|(?P<spoiler>{_INSIDE})\|\|
    | (?<![\w*])\*(?=\S)(?P<starred>{_INSIDE})(?<=\S)\*(?![\w*])
    | (?<!\w)_(?=\S)(?P<scored>{_INSIDE})(?<=\S)_(?!\w)
    | <?(?P<bare>https?://[^\s>]+)>?
    """,
    re.VERBOSE,
)
_HEADINGS: Final = (Shape.TITLE, Shape.HEADING, Shape.SUBHEADING)


def paragraphs(source: str, reader: Reader) -> list[Paragraph]:
    """Return a text's lines, each with its spans; an empty line is a paragraph without any."""
    found: list[Paragraph] = []
    end = 0
    for block in _BLOCK.finditer(source):
        found += _lines(source[end : block.start()].removesuffix("\n"), reader)
        found += [_code_line(line) for line in block[1].strip("\n").split("\n")]
        end = block.end()
    return found + _lines(source[end:], reader)


def _lines(source: str, reader: Reader) -> list[Paragraph]:
    return [_paragraph(line, reader) for line in source.split("\n")] if source else []


def _code_line(line: str) -> Paragraph:
    return Paragraph(Shape.CODE, (Span(line, Style(Ink.CODE)),) if line else ())


def _paragraph(line: str, reader: Reader) -> Paragraph:
    start = _LINE.match(line)
    if start is None:
        return Paragraph(Shape.PLAIN, _joined(_spans(line, Style(), reader)))
    rest = line[start.end() :]
    if start["hashes"]:
        style = Style(Ink.STRONG, bold=True)
        shape = _HEADINGS[len(start["hashes"]) - 1]
        return Paragraph(shape, _joined(_spans(rest, style, reader)))
    if start["small"]:
        return Paragraph(Shape.SMALL, _joined(_spans(rest, Style(Ink.MUTED), reader)))
    spans = _joined(_spans(rest, Style(), reader))
    if start["quote"]:
        return Paragraph(Shape.QUOTE, spans)
    return Paragraph(Shape.ITEM, spans, start["count"] or "•")


def _spans(source: str, style: Style, reader: Reader) -> Iterator[Span]:
    end = 0
    for token in _TOKEN.finditer(source):
        if token.start() > end:
            yield Span(source[end : token.start()], style)
        yield from _token(token, style, reader)
        end = token.end()
    if end < len(source):
        yield Span(source[end:], style)


def _token(token: re.Match[str], style: Style, reader: Reader) -> Iterator[Span]:
    """Return the spans of what is no plain text."""
    mention = replace(style, ink=Ink.MENTION)
    if token["escaped"]:
        yield Span(token["escaped"], style)
    elif token["code"]:
        yield Span(token["code"].strip() or token["code"], replace(style, ink=Ink.CODE))
    elif token["id"]:
        yield Span(reader.name(token["sigil"], int(token["id"])), mention)
    elif token["command"]:
        yield Span(f"/{token['command']}", mention)
    elif token["emoji"]:
        yield Span(f":{token['emoji']}:", style)
    elif token["at"]:
        yield Span(reader.time(int(token["at"]), token["style"]), style)
    elif token["bare"]:
        yield Span(token["bare"], replace(style, ink=Ink.LINK))
    else:
        yield from _nested(token, style, reader)


def _nested(token: re.Match[str], style: Style, reader: Reader) -> Iterator[Span]:
    """Return the spans of what may have more markup inside."""
    looks = {
        "label": replace(style, ink=Ink.LINK),
        "bold": replace(style, bold=True, ink=_stronger(style.ink)),
        "underlined": replace(style, underlined=True),
        "struck": replace(style, struck=True),
        "spoiler": style,
        "starred": replace(style, italic=True),
        "scored": replace(style, italic=True),
    }
    for name, look in looks.items():
        if token[name]:
            yield from _spans(token[name], look, reader)


def _stronger(ink: Ink) -> Ink:
    return Ink.STRONG if ink is Ink.BODY else ink


def _joined(spans: Iterator[Span]) -> tuple[Span, ...]:
    """Join neighbours that look alike; two mentions stay two."""
    joined: list[Span] = []
    for span in spans:
        alike = joined and joined[-1].style == span.style and span.style.ink is not Ink.MENTION
        if alike:
            joined[-1] = Span(joined[-1].text + span.text, span.style)
        else:
            joined.append(span)
    return tuple(joined)
