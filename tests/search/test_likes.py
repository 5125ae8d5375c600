"""Words that are like a typed one: what is picked from among very many, against all of them."""

from __future__ import annotations

import random
from itertools import product
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.search.likes import Likes
from bot.search.turns import Turn, finish

SYLLABLES: Final = [a + b for a, b in product("bdfgklmnprstvz", "aeiou")]
WORDS: Final = sorted({"".join(some) for some in product(SYLLABLES[:24], SYLLABLES[24:], "lnrs")})
"""All of five letters, which are more than are compared one by one, and of six."""
BY_LENGTH: Final = {5: WORDS, 6: [word + "x" for word in WORDS], 3: ["awp", "pwa"]}
LIKES: Final = finish(Likes.building(BY_LENGTH, Turn()))
LETTERS: Final = "abcdefghiklmnoprstuvwxyz"


def changed(word: str, draw: random.Random) -> str:
    at = draw.randrange(len(word))
    letter = draw.choice(LETTERS)
    return draw.choice(
        [
            word[:at] + letter + word[at:],
            word[:at] + letter + word[at + 1 :],
            word[:at] + word[at + 1 :],
            word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
        ]
    )


def test_every_word_but_for_one_change_is_found() -> None:
    draw = random.Random(1)
    for _ in range(150):
        typed = changed(draw.choice(WORDS), draw)
        every = [word for words in BY_LENGTH.values() for word in words]
        alike = process.extract(typed, every, scorer=OSA.distance, score_cutoff=1, limit=None)
        found = LIKES.of(typed, 1)
        assert {*found.get(0, []), *found.get(1, [])} == {word for word, _, _ in alike}, typed


def test_nearly_every_word_but_for_two_changes_is_found() -> None:
    draw = random.Random(2)
    missed = 0
    for _ in range(150):
        word = draw.choice(WORDS) + "x"
        typed = changed(changed(word, draw), draw)
        found = LIKES.of(typed, 2)
        # What is like very many is cut, so the right one needn't be among so many others.
        like = [one for words in found.values() for one in words]
        missed += word not in like and len(like) < 40
    assert missed <= 8


def test_short_words_are_compared_with_all() -> None:
    assert LIKES.of("wap", 1) == {1: ["awp"]}
    assert LIKES.of("zzp", 2) == {2: ["awp"]}
