"""Suggestions: name, price and stock within what Discord takes, and never an exception."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.market import Quote
from bot.domain.models import Actor
from bot.domain.money import Micros
from bot.domain.skin_keys import skin_of_key
from bot.errors import Problem, UserFacingError
from bot.services.picking import Picking, Suggestion
from bot.ui.suggestions import suggest_skins, typed_skin, without_about
from tests.ui.examples import AMOUNTS, GUILD, MEMBER

REDLINE = "AK-47 | Redline (Field-Tested)"
_INTERACTION = cast(
    Any,
    SimpleNamespace(
        user=SimpleNamespace(id=MEMBER),
        guild_id=GUILD,
        permissions=SimpleNamespace(manage_guild=False),
    ),
)


@dataclass
class Scripted:
    """Suggests what it was given, or raises it."""

    answer: tuple[Suggestion, ...] | Exception
    typed: str = ""

    async def suggest(self, actor: Actor, typed: str) -> tuple[Suggestion, ...]:
        assert actor.user_id == MEMBER
        self.typed = typed
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def suggest(answer: Scripted, typed: str = "") -> list[tuple[str, str]]:
    found = asyncio.run(suggest_skins(_INTERACTION, cast(Picking, answer), typed))
    return [(choice.name, choice.value) for choice in found]


def one(name: str, *, game: str = "cs2", count: int = 14, shared: bool = False) -> Suggestion:
    return Suggestion(Quote(game, name, Micros(12_400_000), count, ""), shared)


def test_choice_says_price_and_stock_and_is_worth_the_name() -> None:
    answer = Scripted((one(REDLINE), one("Case", count=0)))
    assert suggest(answer) == [
        (f"{REDLINE} · $12.40 · 14 for sale", REDLINE),
        ("Case · sold out", "Case"),
    ]


def test_one_name_in_two_games_is_worth_its_game_too() -> None:
    answer = Scripted((one("Case", shared=True), one("Case", game="rust", shared=True)))
    assert suggest(answer) == [
        ("Case · $12.40 · 14 for sale · CS2", "cs2:Case"),
        ("Case · $12.40 · 14 for sale · Rust", "rust:Case"),
    ]
    assert [typed_skin(value) for _, value in suggest(answer)] == [
        ("cs2", "Case"),
        ("rust", "Case"),
    ]


@given(
    name=st.text(st.characters(codec="utf-8"), min_size=1, max_size=130),
    price=AMOUNTS,
    count=st.integers(0, 10**6),
    game=st.sampled_from(["cs2", "dota2"]),
    shared=st.booleans(),
)
def test_every_choice_fits_and_its_price_is_never_cut(
    name: str, price: Micros, count: int, game: str, shared: bool
) -> None:
    choices = suggest(Scripted((Suggestion(Quote(game, name, price, count, ""), shared),)))
    for label, value in choices:
        assert 1 <= len(label) <= 100
        assert 1 <= len(value) <= 100
        assert ("for sale" if count else "sold out") in label
        assert skin_of_key(value)[1] == name
    assert len(choices) == 1 or len(name) > 94 or ":" in name


@pytest.mark.parametrize("typed", [f"{REDLINE} · $12.40 · 14 for sale ", f"{REDLINE} · sold out"])
def test_label_that_was_edited_is_searched_without_its_price(typed: str) -> None:
    answer = Scripted(())
    suggest(answer, typed)
    assert answer.typed.strip() == REDLINE
    assert without_about(REDLINE) == REDLINE


def test_trouble_suggests_nothing_and_is_told_only_where_it_is_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        assert suggest(Scripted(UserFacingError(Problem.NOT_SET_UP))) == []
        assert caplog.records == []
        assert suggest(Scripted(RuntimeError("ours"))) == []
        assert len(caplog.records) == 1
