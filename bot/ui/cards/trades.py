"""What tells a member that trades wait in Steam: ten minutes, and then they are cancelled.

The message rings a phone, so it is a classic one. Where it stands in public, because the member
can't be written to, it names them and shows no trade: those are shown to them alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from discord import ButtonStyle, ui

from bot.domain.models import Attempt, LineView, OutboxRow, RequestView
from bot.domain.plain_text import clean_line, escape
from bot.ui import text
from bot.ui.cards.classic import Classic
from bot.ui.cards.frame import Frame
from bot.ui.cards.parts import (
    AMBER,
    GREEN,
    LABEL_MAX,
    TRADE_OFFERS_PAGE,
    Card,
    button,
    fit,
    link,
)
from bot.ui.custom_ids import of_request

CONTENT_MAX: Final = 1950
"""Characters of a classic message; Discord takes 2,000, however it counts an emoji."""

LINKS_MAX: Final = 25
LINKS_IN_A_ROW: Final = 5

_TRADE: Final = "https://steamcommunity.com/tradeoffer/{trade_offer_id}/"
_NAME_LENGTHS: Final = (100, 60, 45, 35, 28, 22, 17, 13, 10)
"""Names are cut more and more until a list of them has room; the buttons have them whole."""
_GUILD_NAME_MAX: Final = 100

Tried = tuple[LineView, Attempt]
Rows = Callable[[int], list[str]]
"""Return rows with their names cut to so many characters."""


def trade_message(row: OutboxRow, view: RequestView, frame: Frame, *, guild_name: str) -> Classic:
    """Return one part of the messages about a request's trades, as those trades stand now."""
    told = _without_replaced(view.told_in(row.part))
    waiting = [pair for pair in view.waiting if pair in told]
    if not row.to_member:
        return _call(view, waiting, len(told), frame)
    before = [_title(view, waiting, len(told), guild_name)]
    after = [text.SANDBOX] if frame.sandbox else []
    if waiting:
        before.append(text.trades_until([attempt for _, attempt in waiting]))
        after = [text.TRADES_SAFE, text.TRADES_PHONE, *after]
    listed = waiting if len(waiting) > 1 else []
    others = [pair for pair in told if pair not in waiting]
    over: tuple[ui.Button[Any], ...] = (_all_offers(),)
    if not waiting and any(attempt.failed for _, attempt in others):
        after = [text.TRADES_LOST.format(number=view.request.number), *after]
        over = (_show_request(view), *over)
    content = composed(before, [lambda n: _rows(listed, n), lambda n: _rows(others, n)], after)
    return Classic(content, _links(waiting) or over)


def _without_replaced(told: Sequence[Tried]) -> list[Tried]:
    """Leave out what came to nothing where the same message tells of a later try of that line."""
    latest = {line.line.line_no: attempt for line, attempt in told}
    return [
        (line, attempt)
        for line, attempt in told
        if not attempt.failed or attempt is latest[line.line.line_no]
    ]


def _title(view: RequestView, waiting: Sequence[Tried], told: int, guild_name: str) -> str:
    guild = escape(clean_line(guild_name, length_max=_GUILD_NAME_MAX))
    template = text.TRADES_FROM if guild else text.TRADES_FROM_HERE
    where = template.format(guild=guild, number=view.request.number)
    if not waiting:
        return text.trades_over(told, where)
    if len(waiting) > 1:
        return text.TRADES_MANY.format(trades=text.trades(len(waiting)), where=where)
    return text.TRADES_ONE.format(skin=_name(waiting[0][0], _NAME_LENGTHS[0]), where=where)


def _call(view: RequestView, waiting: Sequence[Tried], told: int, frame: Frame) -> Classic:
    """Return what calls a member in public who can't be written to."""
    request = view.request
    template = text.TRADES_CALL_ONE if len(waiting) == 1 else text.TRADES_CALL_MANY
    said = [text.trades_over_in_channel(view, told, frame)]
    if waiting:
        said = [
            template.format(
                member=text.person(request.user_id),
                trades=text.trades(len(waiting)),
                number=request.number,
            ),
            text.trades_until([attempt for _, attempt in waiting]),
            text.TRADES_SAFE,
        ]
    if frame.sandbox:
        said.append(text.SANDBOX)
    return Classic("\n".join(said), (trades_button(view),))


def trades_button(view: RequestView) -> ui.Button[Any]:
    """Return the button that shows a member, and nobody else, which trades wait for them."""
    return button(text.BUTTON_TRADES, of_request(view.request, "trades"), ButtonStyle.primary)


def trades_screen(view: RequestView, frame: Frame) -> ui.LayoutView:
    """Return what that button shows: every trade of the request that waits, with its link."""
    waiting = view.waiting
    card = Card(frame, accent=AMBER if waiting else GREEN)
    links = _links(waiting)
    if waiting:
        title = text.TRADES_TITLE.format(number=view.request.number)
        card.say(f"{title}\n{text.trades_until([attempt for _, attempt in waiting])}")
        card.rows(_rows(waiting, _NAME_LENGTHS[0]))
        card.say(f"{text.TRADES_SAFE}\n{text.TRADES_PHONE}")
    else:
        card.say(text.no_trades(view))
        links = (_all_offers(),)
    for start in range(0, len(links), LINKS_IN_A_ROW):
        card.row(*links[start : start + LINKS_IN_A_ROW])
    card.row(_show_request(view))
    return card.build()


def _show_request(view: RequestView) -> ui.Button[Any]:
    label = text.BUTTON_SHOW_REQUEST.format(number=view.request.number)
    return button(label, of_request(view.request, "show_one"))


def _all_offers() -> ui.Button[Any]:
    return link(text.BUTTON_STEAM_OFFERS, TRADE_OFFERS_PAGE)


def _links(waiting: Sequence[Tried]) -> tuple[ui.Button[Any], ...]:
    """Return a link to each trade, called after its skin; those of one name are numbered."""
    seen: Counter[str] = Counter()
    links = []
    for line, attempt in waiting[:LINKS_MAX]:
        name = clean_line(line.line.market_hash_name, length_max=LABEL_MAX)
        seen[name] += 1
        again = text.BUTTON_TRADE_AGAIN.format(n=seen[name]) if seen[name] > 1 else ""
        label = clean_line(name or text.BUTTON_STEAM_OFFERS, length_max=LABEL_MAX - len(again))
        links.append(link(label + again, _trade_page(attempt)))
    return tuple(links)


def _trade_page(attempt: Attempt) -> str:
    """Return where a trade is accepted; without its number, where Steam lists all offers."""
    if attempt.trade_offer_id is None:
        return TRADE_OFFERS_PAGE
    return _TRADE.format(trade_offer_id=attempt.trade_offer_id)


def _name(line: LineView, length_max: int) -> str:
    return escape(clean_line(line.line.market_hash_name, length_max=length_max))


def _rows(tried: Iterable[Tried], length_max: int) -> list[str]:
    """Return a row for each skin and where its trade stands; those that are alike are one."""
    found: Counter[tuple[str, str]] = Counter(
        (line.line.market_hash_name, text.trade_row(attempt)) for line, attempt in tried
    )
    rows = []
    for (name, template), times in found.items():
        skin = escape(clean_line(name, length_max=length_max))
        if times > 1:
            skin = text.SKIN_TIMES.format(skin=skin, quantity=times)
        rows.append(template.format(skin=skin))
    return rows


def composed(before: Sequence[str], lists: Sequence[Rows], after: Sequence[str]) -> str:
    """Return the text of a classic message: its lists between what is said whole.

    Their names are cut as far as that helps; then the lists are shortened, the last ones first.
    """
    room = CONTENT_MAX - sum(len(words) + 1 for words in (*before, *after))
    shown: list[str] = []
    for length_max in _NAME_LENGTHS:
        shown = ["\n".join(rows(length_max)) for rows in lists]
        if sum(len(words) + 1 for words in shown) <= room:
            break
    else:
        shown = _shortened([rows(_NAME_LENGTHS[-1]) for rows in lists], room)
    return "\n".join(words for words in (*before, *shown, *after) if words)


def _shortened(lists: Sequence[list[str]], room: int) -> list[str]:
    """Return lists in at most so much room; each leaves those behind it enough to be counted."""
    shown = []
    for place, rows in enumerate(lists):
        kept = sum(len(text.TRADES_MORE) + 4 for later in lists[place + 1 :] if later)
        words = fit(rows, room - kept, text.TRADES_MORE)
        room -= len(words) + 1
        shown.append(words)
    return shown
