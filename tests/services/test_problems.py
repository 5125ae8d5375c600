"""Every refusal is said in its fullest sentence: the raiser gives what the sentence needs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from bot.errors import Problem
from bot.ui import text

ROOT: Final = Path(__file__).parents[2]

CANT_KNOW: Final = {
    # A host that could be a token is not repeated.
    ("bot/domain/trade_url.py", Problem.TRADE_URL_FOREIGN_HOST),
    # A moderator's card about a request that isn't there has no number.
    ("bot/services/rights.py", Problem.NO_SUCH_REQUEST),
    # What is unknown may have changed without anybody's doing.
    ("bot/services/attention.py", Problem.SETTLE_CHANGED),
}
"""Where a shorter sentence is right, because the fuller one's detail isn't to be had."""


@dataclass(frozen=True)
class Raised:
    """A place in the code where somebody is told what is wrong."""

    path: str
    line: int
    problem: Problem
    details: frozenset[str]


def raised() -> Iterator[Raised]:
    """Return every place where a problem is raised, with the details that it gives."""
    for folder in ("bot", "cogs"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                    continue
                if node.func.id not in ("UserFacingError", "TradeUrlError") or not node.args:
                    continue
                for part in ast.walk(node.args[0]):
                    if isinstance(part, ast.Attribute) and part.attr in Problem.__members__:
                        yield Raised(
                            path.relative_to(ROOT).as_posix(),
                            node.lineno,
                            Problem[part.attr],
                            frozenset(word.arg for word in node.keywords if word.arg),
                        )


SITES: Final = list(raised())


@pytest.mark.parametrize("site", SITES, ids=lambda site: f"{site.path}:{site.line}")
def test_problem_wherever_it_is_raised_has_all_that_its_fullest_sentence_needs(
    site: Raised,
) -> None:
    assert site.details <= text.DETAILS.keys()
    fullest = text.sentences(site.problem)[0]
    if (site.path, site.problem) not in CANT_KNOW:
        assert text.placeholders(fullest) <= site.details


def test_detail_that_is_given_is_said_somewhere() -> None:
    """What no sentence uses is either forgotten in the words or needless in the code."""
    unsaid = {
        (site.path, site.problem.value, detail)
        for site in SITES
        for detail in site.details
        if not any(detail in text.placeholders(words) for words in text.sentences(site.problem))
    }
    assert unsaid == set()


def test_sites_are_found_in_every_layer_that_raises() -> None:
    folders = {site.path.rpartition("/")[0] for site in SITES}
    assert folders >= {"bot/domain", "bot/services", "cogs"}
    assert len(SITES) > 60
