"""The words that people type instead of names, read from aliases.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

_FILE: Final = Path(__file__).with_name("aliases.toml")

Meaning = tuple[str, ...]
"""Words of names, all of which are to be there."""

ALIAS_WORDS_MAX: Final = 3
"""So many typed words may stand for one thing."""


@dataclass(frozen=True, slots=True)
class Order:
    """How soon people mean something: the lower, the sooner; what isn't here comes last."""

    weapons: Mapping[str, int]
    finishes: Mapping[str, int]
    """Those of knives and gloves with a word before them, by ``Shape``."""


@dataclass(frozen=True, slots=True)
class Aliases:
    """What typed words mean besides themselves; keys are folded, longer ones hold spaces."""

    only: Mapping[str, tuple[Meaning, ...]]
    """Words that have no other meaning, not even as a word of a name."""
    words: Mapping[str, tuple[Meaning, ...]]
    second: Mapping[str, tuple[Meaning, ...]]
    """Meanings that come after the others of a word."""
    near: Mapping[str, tuple[Meaning, ...]]
    """Meanings that count where nothing fits better."""
    kinds: Mapping[str, str]
    """Words that ask for a kind of thing, by the name of a ``Kind``."""
    ignored: frozenset[str]
    order: Order


@cache
def aliases() -> Aliases:
    """Return the aliases of the file that comes with the program."""
    data: dict[str, Any] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return Aliases(
        only=_meanings(data["only"]),
        words=_meanings(data["words"]),
        second=_meanings(data["second"]),
        near=_meanings(data["near"]),
        kinds=data["kinds"],
        ignored=frozenset(data["ignored"]["words"].split()),
        order=Order(_places(data["order"]["weapons"]), _places(data["order"]["finishes"])),
    )


def _places(text: str) -> dict[str, int]:
    return {name: place for place, name in enumerate(text.split("|"))}


def _meanings(section: Mapping[str, list[str]]) -> dict[str, tuple[Meaning, ...]]:
    return {
        typed: tuple(tuple(meaning.split()) for meaning in meanings)
        for typed, meanings in section.items()
    }
