"""What people type, made fit to be stored (``clean_…``) and to be shown (``escape``).

Cleaning comes first, before anything is written down: what is stored is already harmless to a log,
a database and a reader's eyes. Escaping comes last, where a text goes into Discord's markdown; a
stored text is never escaped.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

ELLIPSIS: Final = "…"

# Enough for any living script once it is composed, and too few to climb over the lines above.
_MARKS_MAX: Final = 4

_EMOJI_STYLE: Final = "\ufe0f"

# They have a letter's or a symbol's category and yet draw nothing, so a name can be made of them.
_BLANKS: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u2065\u2800\u3164\uffa0\U00016fe4\U0001d159"
)
_VARIATION_SELECTORS: Final = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_SKIN_TONES: Final = re.compile("[\U0001f3fb-\U0001f3ff]")

# Discord takes the backslash away before any character but a letter, a digit and a space.
_MARKDOWN: Final = re.compile(
    r"(?P<everyone>@(?=everyone|here))"
    r"|(?P<number>^[^\S\n]*[0-9]+)\."
    r"|(?P<special>[\\*_~|`>#\-+\[\]()<:@/])",
    re.MULTILINE | re.IGNORECASE,
)


def is_invisible(char: str) -> bool:
    """Return whether ``char`` draws nothing: controls, bidi, zero width, fillers, lone surrogates.

    White space is not meant: it separates words, and each caller decides what becomes of it.
    """
    if char.isspace():
        return False
    return (
        unicodedata.category(char) in {"Cc", "Cf", "Cs"}
        or char in _BLANKS
        or _VARIATION_SELECTORS.match(char) is not None
    )


def clean_line(text: str, *, length_max: int) -> str:
    """Return ``text`` as one line of at most ``length_max`` characters, which may be empty.

    Cleaning what is clean changes nothing.
    """
    return _cut(" ".join(_tidy(text).split()), length_max)


def clean_text(text: str, *, length_max: int) -> str:
    """Return ``text`` cleaned like a line, but with its line breaks and single empty lines kept."""
    lines = (" ".join(line.split()) for line in _tidy(text).splitlines())
    joined = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    return _cut(joined, length_max)


def escape(text: str) -> str:
    r"""Return ``text`` so that Discord's markdown shows it as it stands, and nothing else happens.

    No mention, link, invite, heading, list, quote, spoiler, code, timestamp or custom emoji comes
    of it. The result is at most twice as long: cut a text to half the room, then escape it, and
    never cut what is escaped. ``text`` has been cleaned before; what is invisible is left alone.
    """
    return _MARKDOWN.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    if match["everyone"]:
        # Discord looks for these two in the raw text, where a backslash before them is no help.
        return "\\@\u200b"
    if match["number"]:
        return match["number"] + "\\."
    return "\\" + match["special"]


def _tidy(text: str) -> str:
    """Return ``text`` composed (NFC), without what can't be seen and without towers of marks.

    Composing can make new neighbours and dropping can make new compositions, so both are repeated
    until nothing changes; after the first round each one shortens the text.
    """
    while (tidied := unicodedata.normalize("NFC", _drop(text))) != text:
        text = tidied
    return text


def _drop(text: str) -> str:
    kept: list[str] = []
    marks = 0
    after_visible = False
    for char in text:
        if char == _EMOJI_STYLE and after_visible:
            kept.append(char)  # the red heart and its like are two characters
            after_visible = False
        elif is_invisible(char):
            continue
        elif unicodedata.category(char) in {"Mn", "Me"}:
            # The limit comes before NFC, which sorts a run of marks in quadratic time.
            marks += 1
            after_visible = False
            if marks <= _MARKS_MAX:
                kept.append(char)
        else:
            marks = 0
            after_visible = not char.isspace()
            kept.append(char)
    return "".join(kept)


def _cut(text: str, length_max: int) -> str:
    if length_max < 1:
        raise ValueError("a text needs room for at least one character")
    if len(text) <= length_max:
        return text
    end = length_max - 1
    while end > 0 and _belongs_to_the_one_before(text[end]):
        end -= 1
    return text[:end].rstrip() + ELLIPSIS


def _belongs_to_the_one_before(char: str) -> bool:
    return unicodedata.category(char)[0] == "M" or _SKIN_TONES.match(char) is not None
