"""How well the search finds what people mean, by the queries of two authors."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bot.search.index import NameIndex

_BY_AUTHOR: Final = {"": "queries.toml", "second ": "queries_second.toml"}
ELSEWHERE: Final = ("second dota2", "second rust")
"""Kinds of queries that are asked of lists of other games."""

LOOKED_AT: Final = 25


@dataclass(frozen=True, slots=True)
class Query:
    """What is typed, what is wanted, and what is hard about it."""

    kind: str
    typed: str
    wanted: tuple[str, ...]
    """Names; one without a wear stands for all its wears, a star for whatever follows."""

    def is_met_by(self, name: str) -> bool:
        """Say whether a name is what was wanted."""
        return any(
            name.startswith(one.removesuffix("*"))
            if one.endswith("*")
            else name == one or name.startswith(f"{one} (")
            for one in self.wanted
        )


@dataclass(slots=True)
class Quality:
    """What part of the queries of a kind were answered how well, and which were not."""

    ranks: list[int | None] = field(default_factory=list)
    """Where the first right answer stood, from one; None where it wasn't in the first 25."""
    missed: list[str] = field(default_factory=list)

    def share(self, top: int) -> float:
        """Return the part of the queries with a right answer among the first so many."""
        return sum(rank is not None and rank <= top for rank in self.ranks) / len(self.ranks)


def queries() -> Iterator[Query]:
    """Yield every query of both files; the kinds of the second say so."""
    for author, file in _BY_AUTHOR.items():
        text = Path(__file__).with_name(file).read_text(encoding="utf-8")
        for kind, asked in tomllib.loads(text).items():
            for typed, wanted in asked.items():
                yield Query(f"{author}{kind}", typed, tuple(wanted.split(" ~ ")))


def quality(
    find: Callable[[str], Sequence[str]], *, of_kind: str | None = None
) -> dict[str, Quality]:
    """Ask the queries of cs2, or of one kind, of a search that returns names, best first."""
    table: dict[str, Quality] = {}
    for query in queries():
        if query.kind in ELSEWHERE if of_kind is None else query.kind != of_kind:
            continue
        found = find(query.typed)[:LOOKED_AT]
        rank = next((n for n, name in enumerate(found, 1) if query.is_met_by(name)), None)
        row = table.setdefault(query.kind, Quality())
        row.ranks.append(rank)
        if rank != 1:
            row.missed.append(f"{query.typed!r}: {rank}, first {found[:1]}")
    return table


def finder(index: NameIndex) -> Callable[[str], list[str]]:
    """Return the search of an index as ``quality`` asks it."""
    return lambda typed: [index.names[place] for place in index.search(typed).positions]
