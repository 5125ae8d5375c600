"""How an English word sounds, roughly: words that are spelt quite differently may sound alike."""

from __future__ import annotations

import re
from typing import Final

_TWICE: Final = re.compile(r"(.)\1+")
_SPELLINGS: Final = tuple(
    (re.compile(spelling), sound)
    for spelling, sound in (
        (r"^kn", "n"),
        (r"^wr", "r"),
        (r"ph", "f"),
        (r"gh(?=t)", ""),
        (r"c(?=[eiy])", "s"),
        (r"ck|c(?!h)|q", "k"),
        (r"x", "ks"),
        (r"z", "s"),
        (r"[aeiouy]+", "a"),
        (r"(?<=.)a$", ""),
    )
)
_SOUND_MIN: Final = 3
_LETTERS_MIN: Final = 4


def sound_of(word: str) -> str:
    """Return the sound of a folded word; vowels all sound the same. Short words have none."""
    if len(word) < _LETTERS_MIN or not word.isalpha() or not word.isascii():
        return ""
    sound = _TWICE.sub(r"\1", word)
    for spelling, sounds in _SPELLINGS:
        sound = spelling.sub(sounds, sound)
    sound = _TWICE.sub(r"\1", sound)
    return sound if len(sound) >= _SOUND_MIN else ""
