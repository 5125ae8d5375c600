"""Which names have a phase, and what they are called without it."""

from __future__ import annotations

import pytest

from bot.domain.phases import without_phase

GAMMA = "★ Butterfly Knife | Gamma Doppler (Factory New)"
DOPPLER = "★ StatTrak™ Karambit | Doppler (Minimal Wear)"


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("★ Butterfly Knife | Gamma Doppler Phase 2 (Factory New)", GAMMA),
        ("★ Butterfly Knife | Gamma Doppler Emerald (Factory New)", GAMMA),
        ("★ Butterfly Knife | Gamma Doppler (Factory New) - Phase 4", GAMMA),
        ("★ Butterfly Knife | Gamma Doppler (Factory New) (Phase 1)", GAMMA),
        ("★ StatTrak™ Karambit | Doppler (Minimal Wear) - Ruby", DOPPLER),
        ("★ StatTrak™ Karambit | Doppler Sapphire (Minimal Wear)", DOPPLER),
        ("★ StatTrak™ Karambit | Doppler (Black Pearl) (Minimal Wear)", DOPPLER),
        ("★ Bayonet | Doppler - Black Pearl", "★ Bayonet | Doppler"),
        ("Glock-18 | Gamma Doppler Phase 3", "Glock-18 | Gamma Doppler"),
    ],
)
def test_name_with_a_phase_is_known_without_it(name: str, plain: str) -> None:
    assert without_phase(name) == plain
    assert without_phase(plain) is None


@pytest.mark.parametrize(
    "name",
    [
        "AK-47 | Redline (Field-Tested)",
        "Music Kit | Ruby, Doppler",
        "★ Bayonet | Doppler (Factory New) - Phase 5",
        "Sticker | Phase 2",
        "",
    ],
)
def test_name_without_a_phase_has_no_plainer_one(name: str) -> None:
    assert without_phase(name) is None
