"""What every card needs beside its subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Frame:
    """What every card needs beside its subject. The same frame and subject draw the same card."""

    sandbox: bool = False
    """Nothing is real; every card says so."""

    commands: Mapping[str, int] = field(default_factory=dict)
    """Ids of our slash commands by name, so that a mention of one can be pressed."""

    mark: int | None = None
    """Random id of the outermost container: it finds the message again after a crash."""

    operator_ids: tuple[int, ...] = ()
    """Who runs this deployment: named where only they can help."""
