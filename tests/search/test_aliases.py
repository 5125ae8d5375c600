"""The file of aliases: whoever adds a word to it is told here when it means nothing."""

from __future__ import annotations

from functools import cache
from typing import Final

from bot.sandbox.skinsback.catalogue import build_catalogue
from bot.search.aliases import ALIAS_WORDS_MAX, aliases
from bot.search.folding import fold
from bot.search.shapes import VANILLA, Kind, shape_of
from bot.search.vocabulary import words_of
from tests.search.names import market_names, other_names

MEANT_FOR_DOTA: Final = {("immortal",)}
"""No name of the stand-in has these words, and many of the real game have."""


@cache
def words_of_names() -> tuple[frozenset[str], ...]:
    """Return the words of every name, each different set once."""
    stand_in = (item.name for item in build_catalogue(1, 0))
    names = (*market_names(), *stand_in, *other_names("dota2"), *other_names("rust"))
    return tuple({frozenset(words_of(name)) for name in names})


def test_every_meaning_is_in_some_name() -> None:
    known = aliases()
    tables = (known.only, known.words, known.second, known.near)
    meanings = {one for table in tables for means in table.values() for one in means}
    unmet = set(meanings)
    for words in words_of_names():
        unmet -= {meaning for meaning in unmet if words.issuperset(meaning)}
    assert unmet == MEANT_FOR_DOTA


def test_every_alias_is_written_as_typed_text_is_compared() -> None:
    known = aliases()
    typed = [*known.only, *known.words, *known.second, *known.near, *known.kinds, *known.ignored]
    assert [alias for alias in typed if fold(alias) != alias] == []
    assert [alias for alias in typed if len(alias.split()) > ALIAS_WORDS_MAX] == []


def test_alias_with_one_meaning_hides_no_word_of_a_name() -> None:
    hidden = frozenset().union(*words_of_names())
    assert hidden.intersection(aliases().only) == set()


def test_no_alias_stands_in_two_tables_that_contradict_each_other() -> None:
    known = aliases()
    assert not set(known.only) & {*known.words, *known.second, *known.near, *known.kinds}
    assert set(known.second) <= set(known.words)


def test_kinds_and_weapons_exist() -> None:
    known = aliases()
    assert set(known.kinds.values()) <= {VANILLA, *(kind.value for kind in Kind)}
    shapes = [shape_of(name) for name in market_names()]
    assert set(known.order.weapons) <= {shape.head for shape in shapes}
    finishes = {f"★ {one.finish}".rstrip() for one in shapes if one.kind is Kind.KNIFE}
    finishes |= {f"gloves {one.finish}" for one in shapes if one.kind is Kind.GLOVES}
    finishes |= {one.finish for one in shapes if one.kind is Kind.SKIN}
    assert set(known.order.finishes) <= finishes
