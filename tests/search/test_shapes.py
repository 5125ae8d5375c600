"""What the form of a name tells."""

from __future__ import annotations

from typing import Final

import pytest

from bot.search.shapes import Kind, Quality, shape_of

SKIN: Final = ("skin", "plain")
GLOVES: Final = ("gloves", "plain")
GRAFFITI: Final = ("graffiti", "plain")
MUSIC: Final = ("music kit", "stattrak")


@pytest.mark.parametrize(
    ("name", "kind", "quality", "wear", "head", "finish", "phase"),
    [
        ("AK-47 | Redline (Field-Tested)", "skin", "plain", 2, "AK-47", "Redline", 0),
        ("StatTrak™ AWP | PAW (Factory New)", "skin", "stattrak", 0, "AWP", "PAW", 0),
        ("Souvenir AWP | Dragon Lore (Well-Worn)", "skin", "souvenir", 3, "AWP", "Dragon Lore", 0),
        ("★ Karambit", "knife", "plain", None, "Karambit", "", 0),
        (
            *("★ StatTrak™ Karambit | Gamma Doppler Phase 2 (Factory New)", "knife", "stattrak"),
            *(0, "Karambit", "Gamma Doppler", 2),
        ),
        (
            *("★ Karambit | Doppler (Factory New) - Phase 2", "knife", "plain"),
            *(0, "Karambit", "Doppler", 2),
        ),
        (
            *("★ Karambit | Doppler (Black Pearl) (Minimal Wear)", "knife", "plain"),
            *(1, "Karambit", "Doppler", 7),
        ),
        ("★ Hand Wraps | Jade (Battle-Scarred)", *GLOVES, 4, "Hand Wraps", "Jade", 0),
        ("M4A4 | 龍王 (Dragon King) (Minimal Wear)", *SKIN, 1, "M4A4", "龍王 (Dragon King)", 0),
        ("Special Agent Ava | FBI", "agent", "plain", None, "Special Agent Ava", "FBI", 0),
        ("Sticker | Battle Scarred", "sticker", "plain", None, "Sticker", "Battle Scarred", 0),
        ("Sealed Graffiti | EZ (Blue)", *GRAFFITI, None, "Sealed Graffiti", "EZ (Blue)", 0),
        ("StatTrak™ Music Kit | Skog, II", *MUSIC, None, "Music Kit", "Skog, II", 0),
        ("CS:GO Weapon Case 2", "case", "plain", None, "CS:GO Weapon Case 2", "", 0),
        ("Chroma Case Key", "key", "plain", None, "Chroma Case Key", "", 0),
        ("Rio Souvenir Package", "package", "plain", None, "Rio Souvenir Package", "", 0),
        ("Pins Capsule Series 1", "capsule", "plain", None, "Pins Capsule Series 1", "", 0),
        ("Tempered AK47", "other", "plain", None, "Tempered AK47", "", 0),
        ("", "other", "plain", None, "", "", 0),
    ],
)  # fmt: skip
def test_name_is_taken_apart(
    name: str, kind: str, quality: str, wear: int | None, head: str, finish: str, phase: int
) -> None:
    shape = shape_of(name)
    assert (shape.kind, shape.quality, shape.wear) == (Kind(kind), Quality(quality), wear)
    assert (shape.head, shape.finish, shape.phase) == (head, finish, phase)
