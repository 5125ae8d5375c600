"""What happened to a request, in order: one function from events to rows, for both who read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from discord import ui

from bot.domain.models import Event, RequestView
from bot.domain.plain_text import clean_line
from bot.ui import text
from bot.ui.cards.frame import Frame
from bot.ui.cards.parts import OPTION_MAX, Card, button
from bot.ui.custom_ids import of_request

TOGETHER_MS: Final = 60_000
"""Within so long of the first, what is alike is one row."""

PAGE_ROWS: Final = 25
PAGE_LENGTH: Final = 3_300
_NAMES_SHOWN: Final = 3

_COUNTED: Final = frozenset({"lines", "found", "purchased", "refused", "unknown"})
"""Details that add up when several events are one row."""
_NAMED: Final = frozenset({"line", "skin", "buy_id"})
"""Details that say which skin an event of the delivery is about."""


def history_rows(view: RequestView, events: Sequence[Event], *, for_moderator: bool) -> list[str]:
    """Return what happened, the earliest first; alike at about the same time is one row."""
    told = [event for event in events if text.is_told(event.kind, for_moderator=for_moderator)]
    rows: list[list[Event]] = []
    for event in told:
        if rows and _belongs(event, rows[-1][0]):
            rows[-1].append(event)
        else:
            rows.append([event])
    names = {line.line.line_no: line.line.market_hash_name for line in view.lines}
    return [text.event_in_words(_as_one(row, names), for_moderator=for_moderator) for row in rows]


def _is_about_skins(event: Event) -> bool:
    return "line" in event.details or "skin" in event.details


def _facts(event: Event) -> dict[str, str | int | None]:
    """Return what has to be equal for two events to be one row."""
    free = _NAMED if _is_about_skins(event) else frozenset()
    return {
        name: None if name in free or _is_count(name, value) else value
        for name, value in event.details.items()
    }


def _is_count(name: str, value: str | int) -> bool:
    return name in _COUNTED and isinstance(value, int)


def _belongs(event: Event, first: Event) -> bool:
    return (
        (event.kind, event.actor_id) == (first.kind, first.actor_id)
        and abs(event.at - first.at) <= TOGETHER_MS
        and _facts(event) == _facts(first)
    )


def _as_one(alike: Sequence[Event], names: dict[int, str]) -> Event:
    """Return one event that stands for several alike, with their skins and their counts."""
    first = alike[0]
    details = dict(first.details)
    if _is_about_skins(first):
        details |= _skins_of(alike, names)
    elif len(alike) > 1:
        counted = [name for name, value in details.items() if _is_count(name, value)]
        details |= {name: sum(_number(event, name) for event in alike) for name in counted}
        if not counted:
            details["times"] = len(alike)
    return Event(first.at, first.kind, first.actor_id, details)


def _number(event: Event, name: str) -> int:
    value = event.details[name]
    return value if isinstance(value, int) else 0


def _skins_of(alike: Sequence[Event], names: dict[int, str]) -> dict[str, str | int]:
    # One line may be heard of twice, and is one skin all the same.
    by_line = {event.details.get("line", -place): event for place, event in enumerate(alike)}
    found = [
        clean_line(
            str(event.details.get("skin") or names.get(_line_no(event), "")),
            length_max=OPTION_MAX,
        )
        for event in by_line.values()
    ]
    skins: dict[str, str | int] = {"skin": _shortened(_with_counts(found))}
    if len(found) > 1:
        skins["count"] = len(found)
    buy_ids = [str(event.details["buy_id"]) for event in alike if "buy_id" in event.details]
    if buy_ids:
        skins["buy_id"] = _shortened(list(dict.fromkeys(buy_ids)))
    return skins


def _line_no(event: Event) -> int:
    return _number(event, "line") if "line" in event.details else 0


def _with_counts(names: Iterable[str]) -> list[str]:
    return [
        name if times == 1 else text.SKIN_TIMES.format(skin=name, quantity=times)
        for name, times in Counter(names).items()
        if name
    ]


def _shortened(words: Sequence[str]) -> str:
    shown = ", ".join(words[:_NAMES_SHOWN])
    rest = len(words) - _NAMES_SHOWN
    return f"{shown} {text.AND_MORE.format(n=rest)}" if rest > 0 else shown


def say_history(
    card: Card, view: RequestView, events: Sequence[Event], *, for_moderator: bool
) -> None:
    """Add the latest of what happened to a card that has a **History** button for all of it."""
    card.rows(
        history_rows(view, events, for_moderator=for_moderator),
        head=text.DETAILS_HISTORY,
        more=text.HISTORY_EARLIER,
        keep_end=True,
    )


def history_screen(
    view: RequestView,
    events: Sequence[Event],
    frame: Frame,
    *,
    for_moderator: bool,
    page: int | None = None,
) -> ui.LayoutView:
    """Return a page of everything that happened to a request; without a number the latest."""
    pages = _pages(history_rows(view, events, for_moderator=for_moderator))
    last = len(pages) - 1
    page = last if page is None else max(0, min(page, last))
    verb, back, tail = (
        ("mod_history", "details", "here") if for_moderator else ("history", "show_one", "")
    )
    request = view.request
    card = Card(frame)
    card.say(text.HISTORY_TITLE.format(number=request.number))
    card.rows(pages[page])
    buttons = [button(text.BUTTON_BACK, of_request(request, back, tail))]
    if last:
        here, before, after = (of_request(request, verb, str(page + by)) for by in (0, -1, 1))
        number = text.BUTTON_PAGE.format(page=page + 1, pages=last + 1)
        buttons = [
            button(text.BUTTON_PREVIOUS, before, disabled=page == 0),
            button(number, here, disabled=True),
            button(text.BUTTON_NEXT, after, disabled=page == last),
            *buttons,
        ]
    card.row(*buttons)
    return card.build()


def _pages(rows: Sequence[str]) -> list[list[str]]:
    """Return the rows in pages that fit; those of the past stay as they are when more comes."""
    pages: list[list[str]] = [[]]
    room = PAGE_LENGTH
    for row in rows or [text.HISTORY_NOTHING]:
        if pages[-1] and (len(row) + 1 > room or len(pages[-1]) >= PAGE_ROWS):
            pages.append([])
            room = PAGE_LENGTH
        pages[-1].append(row)
        room -= len(row) + 1
    return pages
