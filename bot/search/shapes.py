"""What the form of a market hash name tells: kind, quality, wear, phase, and where it ranks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from bot.search.aliases import Order
from bot.search.folding import fold

WEARS: Final = ("Factory New", "Minimal Wear", "Field-Tested", "Well-Worn", "Battle-Scarred")
"""From the best to the worst."""

PHASES: Final = (
    *("Phase 1", "Phase 2", "Phase 3", "Phase 4"),
    *("Ruby", "Sapphire", "Black Pearl", "Emerald"),
)


class Kind(StrEnum):
    """What sort of thing a name is; in the order in which people mean them."""

    SKIN = "skin"
    KNIFE = "knife"
    GLOVES = "gloves"
    AGENT = "agent"
    CASE = "case"
    OTHER = "other"
    PACKAGE = "package"
    CAPSULE = "capsule"
    KEY = "key"
    PIN = "pin"
    MUSIC_KIT = "music kit"
    CHARM = "charm"
    PATCH = "patch"
    STICKER = "sticker"
    GRAFFITI = "graffiti"


VANILLA: Final = "vanilla"
"""What people call a knife without a finish; no kind of its own."""


class Quality(StrEnum):
    """How a skin is made; in the order in which it is offered."""

    PLAIN = "plain"
    STATTRAK = "stattrak"
    SOUVENIR = "souvenir"


WEARABLE: Final = (Kind.SKIN, Kind.KNIFE, Kind.GLOVES)

_APART: Final = "\x01"
"""Before all other letters, so that what has no more of them comes first."""

_BEFORE_FINISH: Final = {Kind.KNIFE: "★ ", Kind.GLOVES: "gloves "}
"""How finishes that stand on other things too are told apart where their order is given."""

_ORDER: Final = {kind: max(0, place - 2) for place, kind in enumerate(Kind)}
"""Skins, knives and gloves are equals."""

_QUALITY_ORDER: Final = {quality: place for place, quality in enumerate(Quality)}
_WEAR: Final = re.compile(rf" \(({'|'.join(WEARS)})\)")
_PHASE: Final = re.compile(rf"\b({'|'.join(PHASES)})\b")
_QUALITY: Final = re.compile(r"^(?:★ )?(StatTrak™|Souvenir) ")
_HEADS: Final = {
    "Sticker": Kind.STICKER,
    "Sticker Slab": Kind.STICKER,
    "Graffiti": Kind.GRAFFITI,
    "Sealed Graffiti": Kind.GRAFFITI,
    "Patch": Kind.PATCH,
    "Charm": Kind.CHARM,
    "Music Kit": Kind.MUSIC_KIT,
}
_ENDS: Final = re.compile(r"\b(Case|Package|Capsule|Key|Pin)s?(?: \d+| Series \d+)*$")
_PARTS_KEPT: Final = 2_048
_WORDS_APART: Final = re.compile(r"[|()]")


@dataclass(frozen=True, slots=True)
class Shape:
    """A market hash name, taken apart."""

    name: str
    kind: Kind
    quality: Quality
    wear: int | None
    """Place in ``WEARS``."""
    head: str
    """What it is of, as the weapon of a skin; the whole of a name that has no parts."""
    finish: str
    phase: int
    """Place in ``PHASES``, from one; none is zero."""

    @property
    def is_vanilla(self) -> bool:
        """Say whether it is a knife without a finish."""
        return self.kind is Kind.KNIFE and not self.finish

    def rank(self, order: Order) -> str:
        """Return a text by which names stand in the order in which they are meant."""
        weapons = order.weapons
        base = self.finish or self.head
        length = len(base) if self.finish or self.kind is Kind.OTHER else 0
        place = weapons.get(self.head, len(weapons))
        wear = 0 if self.wear is None else self.wear + 1
        return (
            f"{_ORDER[self.kind]:02}{_QUALITY_ORDER[self.quality]}{self._fame(order):03}"
            f"{self.finish.count(' '):02}{place:03}{length:03}"
            f"{self.head}{_APART}{base}{_APART}{self.phase}{wear}"
        )

    def _fame(self, order: Order) -> int:
        if self.kind not in WEARABLE:
            return 0
        finish = f"{_BEFORE_FINISH.get(self.kind, '')}{self.finish}".rstrip()
        return order.finishes.get(finish, len(order.finishes))


def shape_of(name: str) -> Shape:
    """Take a name apart; every text has a shape."""
    quality = Quality.PLAIN
    rest = name
    if match := _QUALITY.match(name):
        quality = Quality.STATTRAK if match[1].startswith("Stat") else Quality.SOUVENIR
        rest = name[match.end() :]
    rest = rest.removeprefix("★ ")
    wear = None
    if match := _WEAR.search(rest):
        wear = WEARS.index(match[1])
        rest = rest[: match.start()] + rest[match.end() :]
    phase = 0
    if "Doppler" in rest and (match := _PHASE.search(rest)):
        phase = PHASES.index(match[1]) + 1
        rest = rest[: match.start()].rstrip(" -(") + rest[match.end() :].lstrip(")")
    head, _, finish = rest.partition(" | ")
    kind = _kind(name, head, finish, worn=wear is not None)
    return Shape(name, kind, quality, wear, head.strip(), finish.strip(), phase)


def _kind(name: str, head: str, finish: str, *, worn: bool) -> Kind:
    if name.startswith("★"):
        return Kind.GLOVES if head.endswith(("Gloves", "Wraps")) else Kind.KNIFE
    if worn:
        return Kind.SKIN
    if finish:
        return _HEADS.get(head, Kind.AGENT)
    match = _ENDS.search(name)
    return Kind(match[1].lower()) if match else Kind.OTHER


def parts_of(name: str) -> list[tuple[str, ...]]:
    """Return the folded words of a name, apart where a bar or a bracket divides it."""
    return [words for part in _WORDS_APART.split(name) if (words := _words_of_part(part))]


@lru_cache(maxsize=_PARTS_KEPT)
def _words_of_part(part: str) -> tuple[str, ...]:
    # Weapons, finishes, wears and events come again and again while an index is built.
    return tuple(fold(part).split())
