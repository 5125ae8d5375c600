"""Spans set into lines of a given width."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tests.pictures.markdown import Ink, Span, Style
from tests.pictures.measure import EMOJI, advance

ELLIPSIS: Final = "…"
_MENTION_PADDING: Final = 2.0
_PIECE: Final = re.compile(rf"\s+|{EMOJI.pattern}|(?:(?!{EMOJI.pattern})\S)+")


@dataclass(frozen=True, slots=True)
class Run:
    """Words of one style at their place in a line: pixels from its left, and how wide."""

    text: str
    style: Style
    x: float
    width: float


Line = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    style: Style
    width: float

    @property
    def is_space(self) -> bool:
        return not self.text.strip()


def flowed(spans: Iterable[Span], size: float, width: float) -> list[Line]:
    """Return lines no wider than ``width``, broken between words, or within one that is wider."""
    lines: list[list[_Piece]] = [[]]
    for word in _words(_pieces(spans, size)):
        if _width(lines[-1]) + _width(word) > width:
            if word[0].is_space:
                continue
            if lines[-1]:
                lines.append([])
        if _width(word) > width:
            lines += _broken(lines.pop(), word, size, width)
        elif lines[-1] or not word[0].is_space or len(lines) == 1:
            lines[-1] += word
    return [_line(pieces) for pieces in lines]


def clipped(spans: Iterable[Span], size: float, width: float) -> Line:
    """Return one line no wider than ``width``; what is cut off ends with an ellipsis."""
    pieces = list(_pieces(spans, size))
    if _width(pieces) <= width:
        return _line(pieces)
    kept: list[_Piece] = []
    for piece in pieces:
        for letter in _letters(piece):
            tail = _piece(ELLIPSIS, piece.style, size)
            one = _piece(letter, piece.style, size)
            if _width([*kept, one, tail]) > width:
                return _line([*kept, tail])
            kept.append(one)
    return _line(kept)


def width_of(line: Line) -> float:
    """Return how far a line reaches."""
    return line[-1].x + line[-1].width if line else 0.0


def _pieces(spans: Iterable[Span], size: float) -> Iterator[_Piece]:
    for span in spans:
        whole = span.style.ink is Ink.MENTION
        for text in [span.text] if whole else _PIECE.findall(span.text):
            yield _piece(text, span.style, size)


def _piece(text: str, style: Style, size: float) -> _Piece:
    width = advance(text, size, bold=style.bold, monospace=style.ink is Ink.CODE)
    if style.ink is Ink.MENTION:
        width += 2 * _MENTION_PADDING
    return _Piece(text, style, width)


def _width(pieces: Iterable[_Piece]) -> float:
    return sum(piece.width for piece in pieces)


def _words(pieces: Iterable[_Piece]) -> Iterator[list[_Piece]]:
    """Return what stays together: pieces between spaces, and each space for itself."""
    word: list[_Piece] = []
    for piece in pieces:
        if not piece.is_space:
            word.append(piece)
            continue
        if word:
            yield word
        word = []
        yield [piece]
    if word:
        yield word


def _broken(
    line: list[_Piece], word: Sequence[_Piece], size: float, width: float
) -> list[list[_Piece]]:
    """Put a word that is wider than a line onto as many lines as it needs."""
    lines = [line]
    for piece in word:
        for letter in _letters(piece):
            one = _piece(letter, piece.style, size)
            if lines[-1] and _width(lines[-1]) + one.width > width:
                lines.append([])
            lines[-1].append(one)
    return lines


def _letters(piece: _Piece) -> Sequence[str]:
    return [piece.text] if EMOJI.fullmatch(piece.text) else piece.text


def _line(pieces: Iterable[_Piece]) -> Line:
    """Join pieces of one style into runs; pictures and mentions stay for themselves.

    No run begins or ends with a space, because an SVG doesn't show those.
    """
    runs: list[Run] = []
    x, gap = 0.0, ""
    for piece in pieces:
        if piece.is_space:
            gap += piece.text
        elif runs and _alike(runs[-1], piece) and len(gap) <= 1:
            last = runs.pop()
            text = last.text + gap + piece.text
            runs.append(Run(text, piece.style, last.x, x + piece.width - last.x))
            gap = ""
        else:
            runs.append(Run(piece.text, piece.style, x, piece.width))
            gap = ""
        x += piece.width
    return tuple(runs)


def _alike(run: Run, piece: _Piece) -> bool:
    if run.style != piece.style or piece.style.ink is Ink.MENTION:
        return False
    return not EMOJI.fullmatch(run.text) and not EMOJI.fullmatch(piece.text)
