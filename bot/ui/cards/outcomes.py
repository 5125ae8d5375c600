"""What became of each skin, as rows: shared by every card that tells it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.models import LineView, RequestView
from bot.domain.money import Micros
from bot.domain.states import LineState
from bot.services.outcomes import Alarm
from bot.ui import text
from bot.ui.cards.frame import Frame
from bot.ui.cards.parts import Card, named

REASONS_MAX: Final = 5
"""Each has a heading and sentences that are shown whole, out of 4,000 characters for all."""

LOSSES_MAX: Final = 2
"""The same of what was bought in vain, beside them."""

Words = Callable[[RequestView, LineView, Frame], text.Told]
"""How one of the two, member or moderator, reads why a line fared as it did."""


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


@dataclass(frozen=True, slots=True)
class Because:
    """Lines that were not bought, or not certainly bought, for one reason."""

    unknown: bool
    told: text.Told
    lines: tuple[LineView, ...]


def alike(lines: Iterable[LineView], *, by: Callable[[LineView], object]) -> list[Alike]:
    """Return lines of one name and the same ``by`` as one, in the order in which they came."""
    groups: dict[tuple[str, str, object], list[LineView]] = {}
    for line in lines:
        key = (line.line.game, line.line.market_hash_name, by(line))
        groups.setdefault(key, []).append(line)
    return [Alike(tuple(group)) for group in groups.values()]


def paid_for(line: LineView) -> Micros:
    """Return what the market took for what the member has of a line, or is sent."""
    return Micros(sum(one.debited or 0 for one in line.bought if not one.failed))


def lost_on(line: LineView) -> Micros:
    """Return what the market took for purchases of a line that the member does not have."""
    return Micros(sum(one.debited or 0 for one in line.lost))


def bought_lines(view: RequestView) -> tuple[LineView, ...]:
    """Return the lines of which anything was bought and paid, delivered or not."""
    return tuple(line for line in view.lines if line.bought)


def undelivered(view: RequestView) -> tuple[LineView, ...]:
    """Return the lines that were bought and paid, and of which nothing is the member's."""
    return tuple(line for line in bought_lines(view) if line.state is not LineState.PURCHASED)


def still_to_come(view: RequestView) -> tuple[LineView, ...]:
    """Return the lines that are at the market or have still to go there."""
    return tuple(
        line
        for state in (LineState.SENT, LineState.RECHECK, LineState.OPEN)
        for line in view.in_state(state)
    )


def class_id_of(line: LineView) -> str:
    """Return the class of what was bought, or else of what was picked."""
    bought = line.last.class_id if line.last else ""
    return bought or line.line.class_id


def bought_groups(view: RequestView) -> list[Alike]:
    """Return what was bought, one row for each name, price and state of its delivery."""
    return alike(
        view.in_state(LineState.PURCHASED),
        by=lambda line: (paid_for(line), text.trade_state(line.last)),
    )


def paid_in_words(group: Alike) -> str:
    """Return what was paid for a row."""
    paid = text.usd(paid_for(group.first))
    return paid if len(group.lines) == 1 else text.PAID_EACH.format(paid=paid)


def bought_rows(view: RequestView) -> list[str]:
    """Return a row for everything that was bought."""
    return [
        text.ROW_BOUGHT.format(
            sign=state.sign, skin=group.shown, paid=paid_in_words(group), state=state.words
        )
        for group in bought_groups(view)
        for state in (text.trade_state(group.first.last),)
    ]


def about_bought(group: Alike) -> str:
    """Return what stands beside a picture: what was paid, and how far the delivery has come."""
    state = text.trade_state(group.first.last)
    return text.ABOUT_BOUGHT.format(paid=paid_in_words(group), sign=state.sign, state=state.words)


def alarm_rows(view: RequestView) -> list[str]:
    """Return a row for everything that the market did and must never do; for moderators only."""
    rows = []
    for group in alike(view.lines, by=lambda line: (alarms_of(line), paid_for(line))):
        if alarms := alarms_of(group.first):
            template = text.ROW_ALARM if paid_for(group.first) else text.ROW_ALARM_UNPAID
            words = text.alarms_in_words(alarms)
            rows.append(template.format(skin=group.shown, paid=paid_in_words(group), alarm=words))
    return rows


def alarm_heading(view: RequestView) -> str:
    """Return what stands over those rows: whether buying was paused for any of them."""
    raised = {alarm for line in view.lines for alarm in alarms_of(line)}
    harmless = {alarm.value for alarm in Alarm if not alarm.pauses_buying}
    return text.HEADING_CAME_BACK if raised <= harmless else text.HEADING_ALARM


def alarms_of(line: LineView) -> tuple[str, ...]:
    """Return what was alarming about a line, each thing once."""
    return tuple(dict.fromkeys(alarm for attempt in line.attempts for alarm in attempt.alarms))


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


def reasons(view: RequestView, frame: Frame, words: Words) -> list[Because]:
    """Return what was not bought, and what nobody knows yet, grouped by reason."""
    groups: dict[tuple[bool, text.Told], list[LineView]] = {}
    for state in (LineState.UNKNOWN, LineState.REFUSED):
        for line in view.in_state(state):
            key = (state is LineState.UNKNOWN, words(view, line, frame))
            groups.setdefault(key, []).append(line)
    return [Because(unknown, told, tuple(lines)) for (unknown, told), lines in groups.items()]


def say_reasons(card: Card, found: Sequence[Because], *, more: str) -> None:
    """Add each reason with its skins; reasons beyond what a card can hold share one heading."""
    for because in found[:REASONS_MAX]:
        template = text.HEADING_UNKNOWN if because.unknown else text.HEADING_NOT_BOUGHT
        heading = template.format(heading=because.told.heading)
        card.rows(_missing_rows(because), head=f"{heading}\n{because.told.sentence}", more=more)
    others = [row for because in found[REASONS_MAX:] for row in _missing_rows(because)]
    card.rows(others, head=text.HEADING_OTHERS, more=more)


def say_losses(
    card: Card,
    view: RequestView,
    frame: Frame,
    words: Words,
    *,
    more: str,
    lines: Sequence[LineView] | None = None,
) -> None:
    """Add what was bought and paid and did not stay with the member, grouped by reason.

    ``lines``: of these only.
    """
    groups: dict[text.Told, list[LineView]] = {}
    for line in view.lines if lines is None else lines:
        if line.lost:
            groups.setdefault(words(view, line, frame), []).append(line)
    found = list(groups.items())
    for told, mine in found[:LOSSES_MAX]:
        heading = text.loss_heading(mine[0], told)
        card.rows(_lost_rows(mine), head=f"{heading}\n{told.sentence}", more=more)
    others = [
        text.ROW_LOST_OTHERWISE.format(row=row, heading=told.heading)
        for told, mine in found[LOSSES_MAX:]
        for row in _lost_rows(mine)
    ]
    card.rows(others, head=text.HEADING_LOST_OTHERS, more=more)


def _lost_rows(lines: Sequence[LineView]) -> list[str]:
    rows = []
    for group in alike(lines, by=lambda line: (lost_on(line), _is_final(line))):
        paid = text.usd(lost_on(group.first))
        shown = paid if len(group.lines) == 1 else text.PAID_EACH.format(paid=paid)
        template = text.ROW_LOST_FINAL if _is_final(group.first) else text.ROW_LOST
        rows.append(template.format(skin=group.shown, paid=shown))
    return rows


def _is_final(line: LineView) -> bool:
    """Say whether what was bought of a line in vain is followed no further."""
    return all(one.closed_at is not None for one in line.lost)


def _missing_rows(because: Because) -> list[str]:
    rows = []
    for group in alike(because.lines, by=lambda line: (line.line.ceiling, line.line.cheapest_seen)):
        line = group.first.line
        ceiling = text.usd(line.ceiling)
        if because.unknown:
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
