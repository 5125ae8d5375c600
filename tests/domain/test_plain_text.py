"""What people type, cleaned to be stored and escaped to be shown."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.plain_text import clean_line, clean_text, escape

LONG = 1000


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("  Prize for  the\nFriday cup \t", "Prize for the Friday cup"),
        ("a\r\nb\x0bc\x85d\u2028e\u2029f\u00a0g\u3000h", "a b c d e f g h"),
        ("e\u0301", "é"),
        ("e\u200d\u0301", "é"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("a\u200bb\u2060c\ufeffd\u00ade\U000e0041", "abcde"),
        ("a\x00b\x1bc\x7fd", "abcd"),
        ("a\ud800b\udfffc", "abc"),
        ("\u3164\u115f\u2800\uffa0", ""),
        ("\u200b \u200b", ""),
        ("\ufe0f", ""),
        ("❤\ufe0f", "❤\ufe0f"),
        ("❤\ufe0f\ufe0f\ufe0f", "❤\ufe0f"),
        ("1\ufe0f\u20e3", "1\ufe0f\u20e3"),
        ("a\U000e0100b\ufe01", "ab"),
        ("กี่ Việt हिन्दी עִבְרִית", "กี่ Việt हिन्दी עִבְרִית"),
        ("z" + "\u0316" * 50 + "a", "z" + "\u0316" * 4 + "a"),
        ("z" + "\u0316\u200b" * 50, "z" + "\u0316" * 4),
        ("★ Karambit | Doppler (Factory New)", "★ Karambit | Doppler (Factory New)"),
        ("龍王™ 🙂", "龍王™ 🙂"),
    ],
)
def test_line_is_cleaned(typed: str, cleaned: str) -> None:
    assert clean_line(typed, length_max=LONG) == cleaned


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("\n\n one  \r\n two\u200b\n\n\n\n\x0b three \n", "one\ntwo\n\nthree"),
        ("one\u2028two\x85three", "one\ntwo\nthree"),
        ("\n \u200b \n", ""),
    ],
)
def test_text_keeps_its_lines(typed: str, cleaned: str) -> None:
    assert clean_text(typed, length_max=LONG) == cleaned


@pytest.mark.parametrize(
    ("typed", "length_max", "cut"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("abcd efg", 6, "abcd…"),
        ("abcd  " + "\u200b" * 90, 4, "abcd"),
        ("abcdx\u0316\u0316fg", 6, "abcd…"),
        ("abcd👍\U0001f3fdfg", 6, "abcd…"),
        ("ab", 1, "…"),
        ("a", 1, "a"),
    ],
)
def test_line_is_cut_between_what_people_see_as_characters(
    typed: str, length_max: int, cut: str
) -> None:
    assert clean_line(typed, length_max=length_max) == cut


def test_room_for_nothing_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="room"):
        clean_line("", length_max=0)


nasty = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "a \n\r\u200b\u0301\u0316\u0327\u0958\u093c\ufe0f\u200d\ud800\u1100\u1161❤"
        ),
    ),
    max_size=60,
)


@given(nasty, st.integers(1, 40))
@example("\u0958\ufe0f\u0301", 40)
@settings(max_examples=800, deadline=None)
def test_cleaning_holds_its_promises(typed: str, length_max: int) -> None:
    line = clean_line(typed, length_max=length_max)
    text = clean_text(typed, length_max=length_max)
    assert clean_line(line, length_max=length_max) == line
    assert clean_text(text, length_max=length_max) == text
    assert "\n" not in line
    assert "\n\n\n" not in text
    for cleaned in (line, text):
        assert len(cleaned) <= length_max
        assert cleaned == cleaned.strip()
        assert "  " not in cleaned
        assert unicodedata.is_normalized("NFC", cleaned)
        assert not {unicodedata.category(char) for char in cleaned.replace("\n", "")} & {
            "Cc",
            "Cf",
            "Cs",
            "Zl",
            "Zp",
        }
        cleaned.encode()


@pytest.mark.parametrize(
    "piece", ["\u0301\u0316", "a\u0301\u0316\u200b", "\u200b", " \n", "\ufe0f", "\u0903", "\ud800"]
)
def test_long_repetitions_end(piece: str) -> None:
    assert len(clean_text(piece * 50_000, length_max=200)) <= 200


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain words, 12.50 & more!", "plain words, 12.50 & more!"),
        ("<@123> <@&4> <#5>", r"\<\@123\> \<\@&4\> \<\#5\>"),
        ("@everyone @here", "\\@\u200beveryone \\@\u200bhere"),
        (
            "</request:1> <t:0:R> <:x:1> <a:x:1>",
            r"\<\/request\:1\> \<t\:0\:R\> \<\:x\:1\> \<a\:x\:1\>",
        ),
        ("https://evil.com discord.gg/x", r"https\:\/\/evil.com discord.gg\/x"),
        ("[a\nb](https://evil)", "\\[a\nb\\]\\(https\\:\\/\\/evil\\)"),
        ("# a\n-# b\n> c\n- d\n* e", "\\# a\n\\-\\# b\n\\> c\n\\- d\n\\* e"),
        ("1. a\n 23. b\n3.5", "1\\. a\n 23\\. b\n3\\.5"),
        ("1) a", r"1\) a"),
        (
            "**a** __b__ ~~c~~ ||d|| `e` ```f```",
            r"\*\*a\*\* \_\_b\_\_ \~\~c\~\~ \|\|d\|\| \`e\` \`\`\`f\`\`\`",
        ),
        ("\\*", "\\\\\\*"),
        ("AK-47 | Redline (Field-Tested)", r"AK\-47 \| Redline \(Field\-Tested\)"),
    ],
)
def test_markdown_is_escaped(text: str, escaped: str) -> None:
    assert escape(text) == escaped


@given(
    st.text(st.one_of(st.sampled_from("\\*_~|`>#-[]()<:@./+1a \n"), st.characters()), max_size=80)
)
@example("@everyone")
@settings(max_examples=500, deadline=None)
def test_escaped_text_reads_the_same_and_means_nothing(text: str) -> None:
    cleaned = clean_text(text, length_max=LONG)
    escaped = escape(cleaned)
    assert len(escaped) <= 2 * len(cleaned)
    assert re.sub(r"\\([^0-9A-Za-z\s])", r"\1", escaped).replace("\u200b", "") == cleaned
    bare = re.sub(r"\\[^0-9A-Za-z\s]", "", escaped)
    assert not set(bare) & set("\\*_~|`>#-[]()<:@/+")
    assert not re.search(r"^\s*[0-9]+\.", escaped, re.MULTILINE)
