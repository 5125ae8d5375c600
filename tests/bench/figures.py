"""What was measured, what it may be, and how both are told."""

from __future__ import annotations

import math
import os
import platform
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

_WIDTH: Final = 100


class Verdict(StrEnum):
    """Whether a budget is kept."""

    MET = "met"
    MISSED = "MISSED"
    NONE = "no budget"


@dataclass(frozen=True, slots=True)
class Sample:
    """Many durations of one thing, in milliseconds."""

    count: int
    p50: float
    p95: float
    p99: float
    most: float

    def __str__(self) -> str:
        parts = (("p50", self.p50), ("p95", self.p95), ("p99", self.p99), ("max", self.most))
        return "  ".join(f"{name} {_number(value)}" for name, value in parts)


def sample(seconds: Sequence[float]) -> Sample:
    """Return the percentiles of some durations: each is one that was really measured."""
    if not seconds:
        raise ValueError("nothing was measured")
    ordered = sorted(each * 1000 for each in seconds)

    def nearest_rank(share: float) -> float:
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    return Sample(
        len(ordered), nearest_rank(0.5), nearest_rank(0.95), nearest_rank(0.99), ordered[-1]
    )


def middle_round(rounds: Sequence[Sample]) -> Sample:
    """Return the round in the middle by its p99: neither the luckiest nor the unluckiest."""
    return sorted(rounds, key=lambda each: each.p99)[(len(rounds) - 1) // 2]


@dataclass(frozen=True, slots=True)
class Limit:
    """One condition of a budget: ``p50``, ``p95``, ``p99`` or ``most`` is at most so many ms."""

    percentile: str
    at_most: float

    def __str__(self) -> str:
        name = "max" if self.percentile == "most" else self.percentile
        return f"{name} ≤ {_number(self.at_most)}"

    def holds(self, measured: Sample) -> bool:
        """Say whether a sample keeps to it."""
        return float(getattr(measured, self.percentile)) <= self.at_most


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table."""

    what: str
    measured: Sample
    baseline: Sample
    baseline_is: str
    budget: tuple[Limit, ...] = ()
    failures: int = 0
    """How many had no answer at all, or one that came too late."""
    notes: tuple[str, ...] = ()
    unit: str = "ms"

    @property
    def verdict(self) -> Verdict:
        """Whether the budget is kept."""
        if not self.budget:
            return Verdict.MISSED if self.failures else Verdict.NONE
        kept = not self.failures and all(limit.holds(self.measured) for limit in self.budget)
        return Verdict.MET if kept else Verdict.MISSED

    @property
    def floor_misses(self) -> bool:
        """Whether the baseline, which does nothing of ours, breaks the budget on this machine."""
        return not all(limit.holds(self.baseline) for limit in self.budget)

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            **asdict(self),
            "verdict": self.verdict.name.lower(),
            "floor_misses": self.floor_misses,
        }


def table(figures: Sequence[Figure]) -> str:
    """Return the figures for people, in milliseconds."""
    return "\n\n".join("\n".join(_rows(figure)) for figure in figures)


def _rows(figure: Figure) -> list[str]:
    budget = ", ".join(str(limit) for limit in figure.budget) or "none, for information"
    rows = [
        figure.what if figure.unit == "ms" else f"{figure.what} ({figure.unit}, not ms)",
        f"  budget    {budget}",
        f"  measured  {figure.measured}  ({figure.measured.count:,} times)",
        f"  baseline  {figure.baseline}  ({figure.baseline_is})",
        f"  met?      {figure.verdict.value}",
    ]
    if figure.failures:
        rows.append(f"  failures  {figure.failures}")
    if figure.verdict is Verdict.MISSED and figure.floor_misses:
        rows[4] += "; on this machine the baseline alone misses it too"
    return rows + [f"  · {note}" for note in figure.notes]


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def machine() -> str:
    """Return what the figures were measured on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"
    return (
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {cores} cores, "
        f"{platform.system()} {platform.machine()}, load before the run {load}"
    )


def rule(title: str) -> str:
    """Return a line that begins a part of the output."""
    return f"── {title} ".ljust(_WIDTH, "─")
