"""What became of each skin, as rows: shared by every card that tells it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bot.domain.models import LineView, RequestView
from bot.domain.money import Micros
from bot.domain.states import LineState
from bot.ui import text
from bot.ui.cards.frame import Frame
from bot.ui.cards.parts import Card, named

Words = Callable[[LineView, Frame], str]


@dataclass(frozen=True, slots=True)
class Alike:
    """Lines of one name that fared alike."""

    lines: tuple[LineView, ...]

    @property
    def first(self) -> LineView:
        """Any of them."""
        return self.lines[0]

    @property
    def shown(self) -> str:
        """Their name and how many."""
        return named(self.first.line.market_hash_name, len(self.lines))


def alike(lines: Iterable[LineView], *, by: Callable[[LineView], object]) -> list[Alike]:
    """Return lines of one name and the same ``by`` as one, in the order in which they came."""
    groups: dict[tuple[str, str, object], list[LineView]] = {}
    for line in lines:
        key = (line.line.game, line.line.market_hash_name, by(line))
        groups.setdefault(key, []).append(line)
    return [Alike(tuple(group)) for group in groups.values()]


def paid_for(line: LineView) -> Micros:
    """Return what the market took for a line."""
    return Micros(sum(attempt.debited or 0 for attempt in line.attempts))


def class_id_of(line: LineView) -> str:
    """Return the class of what was bought, or else of what was picked."""
    bought = line.last.class_id if line.last else ""
    return bought or line.line.class_id


def bought_groups(view: RequestView) -> list[Alike]:
    """Return what was bought, one row for each name and price."""
    return alike(view.in_state(LineState.PURCHASED), by=paid_for)


def paid_in_words(group: Alike) -> str:
    """Return what was paid for a row."""
    paid = text.usd(paid_for(group.first))
    return paid if len(group.lines) == 1 else text.PAID_EACH.format(paid=paid)


def bought_rows(view: RequestView) -> list[str]:
    """Return a row for everything that was bought."""
    return [
        text.ROW_BOUGHT.format(skin=group.shown, paid=paid_in_words(group))
        for group in bought_groups(view)
    ]


def open_rows(lines: Sequence[LineView]) -> list[str]:
    """Return a row for everything that is still to come."""
    return [
        text.ROW_OPEN.format(
            skin=group.shown,
            state=text.LINE_STATES[group.first.state],
            ceiling=text.usd(group.first.line.ceiling),
        )
        for group in alike(lines, by=lambda line: (line.state, line.line.ceiling))
    ]


def say_not_bought(
    card: Card, view: RequestView, frame: Frame, *, words: Words, heading: str, more: str
) -> None:
    """Add what was not bought, and what nobody knows yet, grouped by reason."""
    groups: dict[tuple[bool, str, str], list[LineView]] = {}
    for state in (LineState.REFUSED, LineState.UNKNOWN):
        for line in view.in_state(state):
            key = (state is LineState.UNKNOWN, text.refusal_heading(line), words(line, frame))
            groups.setdefault(key, []).append(line)
    for (unknown, title, sentence), lines in groups.items():
        template = text.HEADING_UNKNOWN if unknown else heading
        card.rows(
            _missing_rows(lines, unknown=unknown),
            head=f"{template.format(heading=title)}\n{sentence}",
            more=more,
        )


def _missing_rows(lines: Sequence[LineView], *, unknown: bool) -> list[str]:
    rows = []
    for group in alike(lines, by=lambda line: (line.line.ceiling, line.line.cheapest_seen)):
        line = group.first.line
        ceiling = text.usd(line.ceiling)
        if unknown:
            rows.append(text.ROW_UNKNOWN.format(skin=group.shown, ceiling=ceiling))
        elif line.cheapest_seen is not None:
            rows.append(
                text.ROW_REFUSED_SEEN.format(
                    skin=group.shown, cheapest=text.usd(line.cheapest_seen), ceiling=ceiling
                )
            )
        else:
            rows.append(text.ROW_REFUSED.format(skin=group.shown, ceiling=ceiling))
    return rows
