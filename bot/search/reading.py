"""Reading what was typed: all its words together, the strictest way that finds anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from bot.search.aliases import ALIAS_WORDS_MAX
from bot.search.folding import fold
from bot.search.meanings import Cost, Meanings, Sets, Word

TYPED_MAX: Final = 120
"""Characters that are read of what was typed."""

WORDS_MAX: Final = 12
_WORD_MAX: Final = 40

_JOINED: Final = 2
_FEW: Final = 7
"""In so few words, those that should be one are looked for with their misspellings."""

_LEVELS_MAX: Final = 24
"""Costs that are followed at a time; what is farther off than so many better ones is let go."""

_LEFT_OUT: Final = 8
"""What it costs to leave a word out, and one more for each of its letters, up to as many again."""

_LEFT_OUT_FILLER: Final = 1
_LEFT_OUT_PART: Final = 0.55
"""So much of what was typed may be left out."""

_SLACK: Final = 1
"""Where nothing fits strictly, what is so much worse than the best still counts."""

Level = tuple[int, int]
"""A cost, and the names at it."""


class _Step(NamedTuple):
    """From one place between the typed words to another, and the names that allow it."""

    end: int
    sets: Sets


def words_typed(typed: str) -> list[Word]:
    """Return the words of a text as they are looked for."""
    text = typed[:TYPED_MAX]
    words = fold(text)[:TYPED_MAX].split()[:WORDS_MAX]
    # After a space the last word is finished.
    ended = text[-1:].isspace()
    last = len(words) - 1
    return [Word(word[:_WORD_MAX], at == last and not ended) for at, word in enumerate(words)]


def read(
    words: Sequence[Word], meanings: Meanings, ignored: frozenset[str], within: int
) -> list[Level]:
    """Return the names that fit, best first, by the strictest way of reading that finds any.

    ``within`` is the set to look in. What a stricter way finds isn't mixed with what is only like
    it, so that paging through the results never leads into other things.
    """
    strict = _Reader(words, meanings.strictly, meanings)
    if levels := strict.levels(within):
        return levels
    told = [word for word in words if word.text not in ignored]
    if len(told) < len(words):
        levels = _Reader(told, meanings.strictly, meanings).levels(within) if told else []
        if levels:
            return [(cost + _LEFT_OUT_FILLER, bits) for cost, bits in levels]
    words = told or words

    def only_where_nothing_fits(word: Word) -> Sets:
        sets = meanings.strictly(word)
        # What only begins like a word that was finished may as well be another one, misspelt.
        enough = Cost.TYPO if word.is_last else Cost.SHORTENED
        fits = any(bits & within for cost, bits in sets if cost < enough)
        return sets if fits else (*sets, *meanings.loosely(word))

    def loosely(word: Word) -> Sets:
        return (*meanings.strictly(word), *meanings.loosely(word))

    for sets_of in (only_where_nothing_fits, loosely):
        if levels := _Reader(words, sets_of, meanings, joins=True).levels(within):
            return _close(levels, _SLACK)
    return _close(_Reader(words, loosely, meanings, leaves_out=True).levels(within), 0)


def _close(levels: list[Level], slack: int) -> list[Level]:
    return [level for level in levels if level[0] <= levels[0][0] + slack]


class _Reader:
    """One way of reading: what each word may mean, and whether words may be left out."""

    def __init__(
        self,
        words: Sequence[Word],
        sets_of: Callable[[Word], Sets],
        meanings: Meanings,
        *,
        joins: bool = False,
        leaves_out: bool = False,
    ) -> None:
        self._words = words
        self._sets_of = sets_of
        self._meanings = meanings
        self._joins = joins
        self._is_loose = joins or leaves_out
        self._left_out = [_LEFT_OUT + min(_LEFT_OUT, len(word.text)) for word in words]
        self._highest = int(sum(self._left_out) * _LEFT_OUT_PART) if leaves_out else None

    def levels(self, within: int) -> list[Level]:
        """Return the names that fit all words in any order, each at its lowest cost."""
        if not within:
            return []
        states: list[dict[int, int]] = [{0: within}, *({} for _ in self._words)]
        for start in range(len(self._words)):
            if here := _thinned(states[start]):
                for step in self._steps(start):
                    _walk(here, step, states[step.end], self._highest)
        return _thinned(states[-1])

    def _steps(self, start: int) -> Iterable[_Step]:
        word = self._words[start]
        yield _Step(start + 1, self._sets_of(word))
        if self._highest is not None:
            yield _Step(start + 1, ((self._left_out[start], -1),))
        for count in range(2, min(ALIAS_WORDS_MAX, len(self._words) - start) + 1):
            some = self._words[start : start + count]
            end = start + count
            phrase = " ".join(one.text for one in some)
            if sets := self._meanings.phrase(phrase):
                yield _Step(end, sets)
            if self._is_loose and (sets := self._meanings.phrase_loosely(phrase)):
                yield _Step(end, sets)
            if count == _JOINED and (sets := self._sets_joined(*some)):
                yield _Step(end, sets)

    def _sets_joined(self, first: Word, second: Word) -> Sets:
        word = Word(first.text + second.text, second.is_last)
        if len(word.text) > _WORD_MAX:
            return ()
        strict = self._meanings.strictly(word)
        if self._joins and len(self._words) <= _FEW:
            return (*strict, *self._meanings.misspelt(word))
        return strict


def _walk(here: list[Level], step: _Step, there: dict[int, int], highest: int | None) -> None:
    for cost, bits in here:
        for more, allowed in step.sets:
            total = cost + more
            if highest is not None and total > highest:
                break
            if fits := bits & allowed:
                there[total] = there.get(total, 0) | fits


def _thinned(state: dict[int, int]) -> list[Level]:
    """Return each name at its lowest cost only, and not too many costs."""
    seen = 0
    levels: list[Level] = []
    for cost in sorted(state)[:_LEVELS_MAX]:
        if fresh := state[cost] & ~seen:
            levels.append((cost, fresh))
            seen |= fresh
    return levels
