"""Markdown is taken apart as Discord does it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.plain_text import clean_line, escape
from tests.pictures.markdown import Ink, Paragraph, Reader, Shape, Span, Style, paragraphs

READER = Reader(
    name=lambda sigil, snowflake: f"{sigil}{snowflake}", time=lambda at, style: f"{style} of {at}"
)
BODY = Style()
BOLD = Style(Ink.STRONG, bold=True)


def one(source: str) -> Paragraph:
    """Return the only paragraph of a text."""
    (paragraph,) = paragraphs(source, READER)
    return paragraph


@pytest.mark.parametrize(
    ("source", "spans"),
    [
        ("plain words", [Span("plain words")]),
        (r"AK\-47 \| Redline \(FT\)", [Span("AK-47 | Redline (FT)")]),
        ("a **b c** d", [Span("a "), Span("b c", BOLD), Span(" d")]),
        (r"**a \*\* b**", [Span("a ** b", BOLD)]),
        (
            "**bold _both_**",
            [Span("bold ", BOLD), Span("both", Style(Ink.STRONG, bold=True, italic=True))],
        ),
        (
            "*one* _two_",
            [Span("one", Style(italic=True)), Span(" "), Span("two", Style(italic=True))],
        ),
        ("__under__", [Span("under", Style(underlined=True))]),
        ("~~gone~~", [Span("gone", Style(struck=True))]),
        ("||secret||", [Span("secret")]),
        ("`a **b**`", [Span("a **b**", Style(Ink.CODE))]),
        ("[a page](https://example.org/x)", [Span("a page", Style(Ink.LINK))]),
        ("https://example.org/x", [Span("https://example.org/x", Style(Ink.LINK))]),
        ("<@5>", [Span("@5", Style(Ink.MENTION))]),
        ("<@&6><#7>", [Span("@&6", Style(Ink.MENTION)), Span("#7", Style(Ink.MENTION))]),
        ("press </request:99>", [Span("press "), Span("/request", Style(Ink.MENTION))]),
        ("until <t:90:t>, <t:91:R>", [Span("until t of 90, R of 91")]),
        ("<:kappa:12345>", [Span(":kappa:")]),
        ("snake_case_name 2*3*4", [Span("snake_case_name 2*3*4")]),
        (r"\<@5> \`x\`", [Span("<@5> `x`")]),
        ("**open", [Span("**open")]),
    ],
)
def test_spans_of_a_line(source: str, spans: list[Span]) -> None:
    assert one(source) == Paragraph(Shape.PLAIN, tuple(spans))


@pytest.mark.parametrize(
    ("source", "shape", "ink", "marker"),
    [
        ("# words", Shape.TITLE, Ink.STRONG, ""),
        ("## words", Shape.HEADING, Ink.STRONG, ""),
        ("### words", Shape.SUBHEADING, Ink.STRONG, ""),
        ("-# words", Shape.SMALL, Ink.MUTED, ""),
        ("> words", Shape.QUOTE, Ink.BODY, ""),
        ("- words", Shape.ITEM, Ink.BODY, "•"),
        ("12. words", Shape.ITEM, Ink.BODY, "12."),
    ],
)
def test_line_begins_with_what_it_is(source: str, shape: Shape, ink: Ink, marker: str) -> None:
    paragraph = one(source)
    assert (paragraph.shape, paragraph.marker) == (shape, marker)
    assert [(span.text, span.style.ink) for span in paragraph.spans] == [("words", ink)]
    assert one(f"\\{source}").shape is Shape.PLAIN or marker == "12."


def test_lines_and_code_blocks_stand_under_each_other() -> None:
    shapes = [part.shape for part in paragraphs("a\n\n```py\n# b\n```\nc", READER)]
    assert shapes == [Shape.PLAIN, Shape.PLAIN, Shape.CODE, Shape.PLAIN]
    assert paragraphs("", READER) == []


@given(st.text(st.sampled_from("*_~|`>#-+[]()<:@/\\ aZ9.鬼é★™"), max_size=40))
def test_what_the_bot_escapes_is_read_as_it_was_typed(typed: str) -> None:
    """Nobody forges a line or a mention on a picture either."""
    cleaned = clean_line(typed, length_max=100)
    paragraph = one(f"x {escape(cleaned)}")
    assert paragraph == Paragraph(Shape.PLAIN, (Span(f"x {cleaned}", BODY),))
