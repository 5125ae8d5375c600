"""Texts as they are compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.search.folding import fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("★ StatTrak™ Karambit | Fade (Factory New)", "stattrak karambit fade factory new"),
        ("M4A1-S | Chantico's Fire", "m4a1 s chanticos fire"),
        ("Negev | Mjölnir", "negev mjolnir"),
        ("Saibā Oni", "saiba oni"),
        ("dev_texture", "dev texture"),
        ("Kiss♥Love", "kiss love"),
        ("龍王 (Dragon King)", "龍王 dragon king"),
        ("ＡＫ－４７", "ak 47"),
        ("Straße Łódź Ærø", "strasse lodz aero"),
        ("k\u0336a\u0337r\u0334a", "kara"),
        ("★™ | ()", ""),
        ("", ""),
    ],
)
def test_text_is_folded(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_again_changes_nothing_and_leaves_single_spaces(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert folded == " ".join(folded.split())
