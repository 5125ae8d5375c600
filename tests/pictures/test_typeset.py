"""Words are measured and wrapped so that nothing reaches beyond its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pictures.markdown import Ink, Span, Style
from tests.pictures.measure import advance
from tests.pictures.typeset import ELLIPSIS, Line, clipped, flowed, width_of

BOLD = Style(Ink.STRONG, bold=True)
MENTION = Style(Ink.MENTION)


def read(line: Line) -> str:
    """Return a line's words, with a space wherever there is room between them."""
    shown = ""
    reach = 0.0
    for run in line:
        shown += " " if run.x - reach > 1 else ""
        shown += run.text
        reach = run.x + run.width
    return shown


@pytest.mark.parametrize(
    ("words", "bold", "width"),
    [
        ("Quartermaster", False, 6.446),
        ("Quartermaster", True, 6.891),
        ("é", False, 0.556),
        ("鬼", False, 1.0),
        ("✅", False, 1.3),
        ("⚠️", False, 1.3),
        ("a\u200b", False, 0.556),
    ],
)
def test_advance_is_that_of_helvetica(words: str, bold: bool, width: float) -> None:
    assert advance(words, 10, bold=bold) == pytest.approx(10 * width, abs=0.01)


def test_flowed_breaks_between_words() -> None:
    lines = flowed([Span("one two three")], 10, advance("one two", 10) + 1)
    assert [read(line) for line in lines] == ["one two", "three"]


def test_flowed_breaks_a_word_only_if_no_line_has_room_for_it() -> None:
    lines = flowed([Span("a wwwwww b")], 10, advance("wwwww", 10))
    assert [read(line) for line in lines] == ["a", "wwwww", "w b"]


def test_flowed_keeps_words_of_two_styles_together_and_spaces_out_of_runs() -> None:
    spans = [Span("see "), Span("bold", BOLD), Span(": more "), Span("@Skin Mods", MENTION)]
    (line,) = flowed(spans, 10, 500)
    assert [run.text for run in line] == ["see", "bold", ": more", "@Skin Mods"]
    assert read(line) == "see bold: more @Skin Mods"
    lines = flowed(spans[:3], 10, advance("see bold", 10, bold=True))
    assert [read(one) for one in lines] == ["see", "bold:", "more"]


def test_flowed_draws_every_emoji_for_itself() -> None:
    (line,) = flowed([Span("✅✅ done ⏱")], 10, 500)
    assert [run.text for run in line] == ["✅", "✅", "done", "⏱"]


def test_clipped_ends_with_an_ellipsis() -> None:
    width = advance("one tw…", 10)
    assert read(clipped([Span("one two three")], 10, width)) == "one tw…"
    assert read(clipped([Span("one two")], 10, advance("one two", 10))) == "one two"


@given(
    # White space at the end draws nothing, so a line that ends in it is whole without it.
    st.text(st.sampled_from("aW .,|✅⚠\ufe0f鬼★é@"), max_size=60).map(str.rstrip),
    st.sampled_from([BOLD, MENTION, Style(), Style(Ink.CODE)]),
    st.integers(60, 400),
)
def test_no_line_reaches_beyond_its_width_and_nothing_is_lost(
    words: str, style: Style, width: int
) -> None:
    spans = [Span("Aa ", Style()), Span(words, style)]
    lines = flowed(spans, 15, width)
    assert all(width_of(line) <= width + 0.01 for line in lines)
    shown = "".join(run.text for line in lines for run in line)
    assert "".join(shown.split()) == "".join(f"Aa{words}".split())
    cut = clipped(spans, 15, width)
    assert width_of(cut) <= width + 0.01
    assert cut == lines[0] if len(lines) == 1 else ELLIPSIS in cut[-1].text
