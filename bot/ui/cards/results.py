"""What a search found, page by page, to choose one or several skins from."""

from __future__ import annotations

from typing import Final

from discord import SelectOption, ui

from bot.domain.limits import TYPED_NAME_MAX
from bot.domain.market import Quote
from bot.domain.plain_text import clean_line, escape
from bot.domain.skin_keys import key_of
from bot.services.picking import PAGE, Found
from bot.ui import text
from bot.ui.cards.basket import Extra
from bot.ui.cards.frame import Frame
from bot.ui.cards.parts import (
    BLUE,
    Card,
    Item,
    button,
    named,
    option,
    picture_url,
    select,
)
from bot.ui.custom_ids import of_basket, one_time

PICTURES: Final = 6
"""Of a page: enough to see what the search understood. The menu has all of them."""


def place(search_id: int, first: int = 0) -> str:
    """Return the tail that says which search it is, and where its page begins."""
    return f"{search_id}.{first}"


def search_again(search_id: int) -> Extra:
    """Return the button that opens the search's modal with what was typed."""
    return Extra(text.BUTTON_SEARCH_AGAIN, "again", str(search_id))


def back_to_results(search_id: int, first: int) -> Extra:
    """Return the button that leads from the basket back to a page of results."""
    return Extra(text.BUTTON_MORE_RESULTS, "found", place(search_id, first))


def results_screen(found: Found, frame: Frame, *, notice: str = "") -> ui.LayoutView:
    """Return a page of what a search found: the first ones with pictures, all of them in a menu.

    The menu's id is new each time, because choosing the same again would send nothing otherwise.
    """
    basket, search, matches = found.basket, found.search, found.matches
    card = Card(frame, accent=BLUE)
    card.notice(notice)
    card.say(_head(found))
    for quote in matches.quotes[:PICTURES]:
        card.picture_row(
            text.ROW_ABOUT.format(skin=named(quote.market_hash_name), about=_about(quote, found)),
            picture_url(quote.game, quote.class_id),
            quote.market_hash_name,
        )
    if matches.quotes:
        tail = f"{place(search.search_id, matches.first)}.{one_time()}"
        card.row(
            select(
                of_basket(basket, "choose", tail),
                text.SELECT_MATCH,
                [_option(quote, found) for quote in matches.quotes[:PAGE]],
                several=True,
            )
        )
    card.row(
        *_page_buttons(found),
        button(text.BUTTON_SEARCH_AGAIN, of_basket(basket, "again", str(search.search_id))),
        button(text.BUTTON_BACK, of_basket(basket, "back")),
    )
    return card.build()


def _head(found: Found) -> str:
    search, matches = found.search, found.matches
    shown = len(matches.quotes[:PAGE])
    template = text.MATCHES_ALL if matches.total <= shown else text.MATCHES_ABOUT
    rows = [
        text.MATCHES_TITLE,
        template.format(
            typed=escape(clean_line(search.typed, length_max=TYPED_NAME_MAX)),
            matches=text.skins(matches.total),
            first=f"{matches.first + 1:,}",
            last=f"{matches.first + shown:,}",
            total=f"{matches.total:,}",
        ),
    ]
    if search.ceiling is not None:
        ceiling = text.usd(search.ceiling)
        one = search.quantity == 1
        asked = text.MATCHES_ASKED_CEILING_ONE if one else text.MATCHES_ASKED_CEILING
        rows.append(asked.format(quantity=search.quantity, ceiling=ceiling))
    elif search.quantity > 1:
        rows.append(text.MATCHES_ASKED.format(quantity=search.quantity))
    rows.append(text.MATCHES_NARROW if matches.total > shown else text.MATCHES_OTHER)
    rows.append(text.prices_below(found.prices))
    return "\n".join(rows)


def _page_buttons(found: Found) -> list[Item]:
    search_id, matches = found.search.search_id, found.matches
    if matches.total <= PAGE:
        return []
    before, after = max(0, matches.first - PAGE), matches.first + PAGE

    def turn(label: str, first: int, *, disabled: bool) -> Item:
        tail = place(search_id, first)
        return button(label, of_basket(found.basket, "found", tail), disabled=disabled)

    return [
        turn(text.BUTTON_PREVIOUS, before, disabled=matches.first == 0),
        turn(text.BUTTON_NEXT, after, disabled=after >= matches.total),
    ]


def _about(quote: Quote, found: Found) -> str:
    about = text.offer_of(quote, quote.game if len(found.games) > 1 else "")
    ceiling = found.search.ceiling
    too_dear = bool(quote.count) and ceiling is not None and quote.price > ceiling
    return text.MATCH_TOO_DEAR.format(about=about) if too_dear else about


def _option(quote: Quote, found: Found) -> SelectOption:
    key = key_of(quote.game, quote.market_hash_name)
    return option(quote.market_hash_name, key, _about(quote, found))
