"""Market hash names that look like the real list, made from the families in names.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, Final

_FAMILIES: Final = Path(__file__).with_name("names.toml")
_WEARS: Final = {
    "FN": "Factory New",
    "MW": "Minimal Wear",
    "FT": "Field-Tested",
    "WW": "Well-Worn",
    "BS": "Battle-Scarred",
}

Families = Mapping[str, Mapping[str, str]]


@cache
def market_names() -> tuple[str, ...]:
    """Return every name, each once; a knife with phases stands with and without them."""
    families: dict[str, Any] = tomllib.loads(_FAMILIES.read_text(encoding="utf-8"))
    makers = (_of_weapons, _of_knives, _of_gloves, _of_others, _of_tournaments)
    return tuple(dict.fromkeys(name for maker in makers for name in maker(families)))


def other_names(game: str) -> list[str]:
    """Return the names of a game other than cs2."""
    families: Families = tomllib.loads(_FAMILIES.read_text(encoding="utf-8"))
    return _split(families["elsewhere"][game])


def _split(text: str) -> list[str]:
    return text.split("|")


def _wears(families: Families, finish: str) -> list[str]:
    return [_WEARS[wear] for wear in families["wears"].get(finish, " ".join(_WEARS)).split()]


def _of_weapons(families: Families) -> Iterator[str]:
    for weapon, finishes in families["weapons"].items():
        for starred in _split(finishes):
            finish = starred.removesuffix("*")
            other = "StatTrak™" if finish == starred else "Souvenir"
            for wear in _wears(families, finish):
                for full in (finish, *_phased(families, weapon, finish)):
                    yield f"{weapon} | {full} ({wear})"
                    yield f"{other} {weapon} | {full} ({wear})"


def _phased(families: Families, weapon: str, finish: str) -> list[str]:
    """Return a finish with each of its phases, as the market writes them."""
    phases = families["phases"].get(finish)
    if phases is None or weapon in families["gloves"]:
        return []
    return [f"{finish} {phase}" for phase in _split(phases)]


def _of_knives(families: Families) -> Iterator[str]:
    for knife, sets in families["knives"].items():
        yield f"★ {knife}"
        yield f"★ StatTrak™ {knife}"
        for one in sets.split():
            for finish in _split(families["knife_finishes"][one]):
                for wear in _wears(families, finish):
                    for full in (finish, *_phased(families, knife, finish)):
                        yield f"★ {knife} | {full} ({wear})"
                        yield f"★ StatTrak™ {knife} | {full} ({wear})"


def _of_gloves(families: Families) -> Iterator[str]:
    for gloves, finishes in families["gloves"].items():
        for finish, wear in product(_split(finishes), _WEARS.values()):
            yield f"★ {gloves} | {finish} ({wear})"


def _of_others(families: Families) -> Iterator[str]:
    others = families["others"]
    for agent in _split(others["agents"]):
        yield agent.replace(" : ", " | ")
    yield from _split(others["cases"])
    for kit in _split(others["music"]):
        yield f"Music Kit | {kit}"
        yield f"StatTrak™ Music Kit | {kit}"
    yield from (f"Sticker | {sticker}" for sticker in _split(others["stickers"]))
    yield from (f"Charm | {charm}" for charm in _split(others["charms"]))
    yield from (f"Patch | {patch}" for patch in _split(others["patches"]))
    for motif, colour in product(_split(others["graffiti"]), _split(others["colours"])):
        yield f"Sealed Graffiti | {motif} ({colour})"


def _of_tournaments(families: Families) -> Iterator[str]:
    them = families["tournaments"]
    for event, quality in product(_split(them["events"]), _split(them["qualities"])):
        mark = f" {quality}" if quality else ""
        for who in (*_split(them["teams"]), *_split(them["players"])):
            yield f"Sticker | {who}{mark} | {event}"
    for event, quality in product(_split(them["past_events"]), _split(them["qualities"])):
        mark = f" {quality}" if quality else ""
        for team in _split(them["past_teams"]):
            yield f"Sticker | {team}{mark} | {event}"
