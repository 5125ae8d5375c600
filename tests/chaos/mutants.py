"""Deliberately broken bots, to show that the checks can fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault by name."""

    install: Callable[[], None]


MUTANTS: Final[dict[str, Mutant]] = {}
