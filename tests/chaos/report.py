"""What many rounds have shown, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_KILLED: Final = "killed at "


@dataclass(eq=False)
class Report:
    """Adds up outcomes."""

    rounds: int = 0
    failed: int = 0
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    tally: Counter[str] = field(default_factory=Counter)

    def add(self, kinds: Mapping[str, int], tally: Mapping[str, int], seconds: float) -> None:
        """Add a round: its violations by kind, what it has seen, and how long it took."""
        self.rounds += 1
        self.failed += bool(kinds)
        self.seconds += seconds
        self.kinds.update(kinds)
        self.tally.update(tally)

    def table(self, wall_s: float) -> str:
        """Return what there is to know, two columns wide."""
        kills = {
            name.removeprefix(_KILLED): times
            for name, times in self.tally.items()
            if name.startswith(_KILLED)
        }
        rows = [
            ("rounds", str(self.rounds)),
            ("rounds with a violation", str(self.failed)),
            ("wall time", f"{wall_s:.0f} s, {self._each(wall_s):.2f} s a round"),
            ("a round by itself", f"{self._each(self.seconds):.1f} s"),
            ("", ""),
            ("kills", str(sum(kills.values()))),
            *((f"  {step}", str(times)) for step, times in sorted(kills.items())),
            ("", ""),
            *(
                (name, str(times))
                for name, times in sorted(self.tally.items())
                if not name.startswith(_KILLED)
            ),
            ("", ""),
            ("violations", str(sum(self.kinds.values()))),
            *((f"  {kind}", str(times)) for kind, times in self.kinds.most_common()),
        ]
        width = max(len(name) for name, _ in rows) + 2
        return "\n".join(f"{name:<{width}}{value}".rstrip() for name, value in rows)

    def _each(self, seconds: float) -> float:
        return seconds / self.rounds if self.rounds else 0.0
