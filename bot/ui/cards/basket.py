"""The basket and its screens. Selects change screens, buttons open modals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from discord import ButtonStyle, SelectOption, ui

from bot.domain.limits import NOTE_MAX, TYPED_NAME_MAX
from bot.domain.market import Quote
from bot.domain.models import Basket, GuildSettings, Pick
from bot.domain.money import CENT
from bot.domain.plain_text import clean_line, escape
from bot.domain.trade_url import TradeUrl
from bot.services.baskets import Left, note_stamp
from bot.services.catalogue import PriceAge
from bot.ui import text
from bot.ui.cards.frame import Frame
from bot.ui.cards.parts import (
    BLUE,
    RED,
    Card,
    Field,
    Item,
    button,
    modal,
    named,
    option,
    picture_url,
    select,
)
from bot.ui.cards.paste import paste_button
from bot.ui.custom_ids import CustomId, Space, of_basket, one_time

PAGE: Final = 7
"""Rows on a page: each costs three of forty components, and the rest of the screen up to 19."""

_PRICE_LENGTH: Final = 20


def pages_of(basket: Basket) -> int:
    """Return how many pages the basket fills, at least one."""
    return max(1, -(-len(basket.picks) // PAGE))


@dataclass(frozen=True, slots=True)
class Extra:
    """One more button on the basket, for what has just happened."""

    label: str
    verb: str
    tail: str


def page_of(basket: Basket, pick_id: int) -> int:
    """Return the page that a row stands on; the first one if there is no such row."""
    places = [place for place, pick in enumerate(basket.picks) if pick.pick_id == pick_id]
    return places[0] // PAGE if places else 0


def page_with(basket: Basket, added: Pick) -> int:
    """Return the page that shows what has just been put in."""
    places = [place for place, pick in enumerate(basket.picks) if _same(pick, added)]
    return places[-1] // PAGE if places else 0


def _same(one: Pick, other: Pick) -> bool:
    return (one.game, one.market_hash_name, one.listing_id, one.ceiling) == (
        other.game,
        other.market_hash_name,
        other.listing_id,
        other.ceiling,
    )


def basket_screen(
    basket: Basket,
    frame: Frame,
    *,
    settings: GuildSettings,
    trade_url: TradeUrl | None,
    page: int = 0,
    notice: str = "",
    rows: Sequence[str] = (),
    left: Left | None = None,
    prices: PriceAge | None = None,
    extra: Extra | None = None,
) -> ui.LayoutView:
    """Return the basket; ``notice`` says what just happened, or what was in the way of it.

    ``rows``: more about that, shortened if there is no room. ``left``: what the server's limits
    leave. ``prices``: how old the prices in it are. Whoever has services draws it with
    ``BasketScreens``.
    """
    card = Card(frame, accent=BLUE)
    card.notice(notice, rows)
    more = [] if extra is None else [_extra(basket, extra)]
    if not basket.picks:
        note = _note(basket) if basket.note else ""
        words = "\n".join(filter(None, [text.BASKET_EMPTY, note]))
        card.say("\n".join(filter(None, [_with_left(words, basket), _left(left)])))
        card.row(*more)
        card.row(*_buttons(basket, trade_url, page=0))
        return card.build()
    page = min(max(page, 0), pages_of(basket) - 1)
    shown = basket.picks[page * PAGE : (page + 1) * PAGE]
    title = text.BASKET_TITLE.format(count=basket.lines_count, skins=text.skins(settings.lines_max))
    card.say(f"{title}\n{text.BASKET_PRIVATE}")
    for pick in shown:
        row = text.ROW_ABOUT.format(skin=named(pick.market_hash_name), about=text.pick_about(pick))
        card.picture_row(
            text.with_marks(row, pick),
            picture_url(pick.game, pick.class_id),
            pick.market_hash_name,
        )
    about = [_with_left(_totals(basket, trade_url), basket), _left(left), text.prices_below(prices)]
    card.say("\n".join(filter(None, about)))
    card.row(
        select(
            of_basket(basket, "line", one_time()),
            text.SELECT_LINE,
            [_pick_option(pick) for pick in shown],
        )
    )
    if pages_of(basket) > 1:
        more = [*_page_buttons(basket, page), *more]
    card.row(*more)
    card.row(*_buttons(basket, trade_url, page=page))
    return card.build()


def _extra(basket: Basket, extra: Extra) -> Item:
    custom_id = of_basket(basket, extra.verb, extra.tail)
    return button(extra.label, custom_id, ButtonStyle.primary)


def _left(left: Left | None) -> str:
    return "" if left is None else text.left_in_words(left)


def _totals(basket: Basket, trade_url: TradeUrl | None) -> str:
    total = text.BASKET_TOTAL.format(
        skins=text.skins(basket.lines_count),
        quote=text.usd(basket.quote_total),
        ceiling=text.usd(basket.ceiling_total),
    )
    to = (
        text.BASKET_TO_NOBODY
        if trade_url is None
        else text.BASKET_TO.format(steam_end=text.account_end(trade_url.steam_id))
    )
    return f"{total}\n{to}\n{_note(basket)}"


def _with_left(words: str, basket: Basket) -> str:
    left = text.basket_pasted_left(basket.pasted_left) if basket.pasted_left else ""
    return f"{words}\n{left}" if left else words


def _note(basket: Basket) -> str:
    note = clean_line(basket.note, length_max=NOTE_MAX)
    return text.BASKET_NOTE.format(note=escape(note)) if note else text.BASKET_NO_NOTE


def _pick_option(pick: Pick) -> SelectOption:
    return option(pick.market_hash_name, str(pick.pick_id), text.pick_about(pick))


def _page_buttons(basket: Basket, page: int) -> list[Item]:
    last = pages_of(basket) - 1
    return [
        button(text.BUTTON_PREVIOUS, of_basket(basket, "page", str(page - 1)), disabled=page == 0),
        button(
            text.BUTTON_PAGE.format(page=page + 1, pages=last + 1),
            of_basket(basket, "page", str(page)),
            disabled=True,
        ),
        button(text.BUTTON_NEXT, of_basket(basket, "page", str(page + 1)), disabled=page == last),
    ]


def _buttons(basket: Basket, trade_url: TradeUrl | None, *, page: int) -> list[Item]:
    """Return what can be done next, the most useful of it first and in colour."""
    add = button(
        text.BUTTON_ADD,
        of_basket(basket, "add"),
        ButtonStyle.secondary if basket.picks else ButtonStyle.primary,
    )
    url = button(
        text.BUTTON_URL,
        of_basket(basket, "url"),
        ButtonStyle.primary if basket.picks and trade_url is None else ButtonStyle.secondary,
    )
    more = button(text.BUTTON_MORE, of_basket(basket, "more", str(page)))
    if not basket.picks:
        return [add, paste_button(basket), url, more]
    send = button(
        text.BUTTON_SEND,
        of_basket(basket, "send"),
        ButtonStyle.secondary if trade_url is None else ButtonStyle.success,
    )
    return [send, add, paste_button(basket), url, more]


def line_screen(
    basket: Basket,
    pick: Pick,
    frame: Frame,
    *,
    quote: Quote | None,
    notice: str = "",
    prices: PriceAge | None = None,
) -> ui.LayoutView:
    """Return the screen of one row: how many of it, and what one may cost.

    ``pick`` is as it was picked, ``quote`` what the price list says now.
    """
    card = Card(frame, accent=BLUE)
    card.notice(notice)
    rows = [text.LINE_TITLE.format(skin=named(pick.market_hash_name))]
    if quote is None:
        rows.append(text.LINE_TODAY.format(quantity=pick.quantity, quote=text.usd(pick.quote)))
    else:
        template = text.LINE_NOW if quote.price == pick.quote else text.LINE_NOW_OTHER
        if pick.listing_id is not None:
            template = text.LINE_NOW_LISTING
        rows.append(
            template.format(
                quantity=pick.quantity,
                quote=text.usd(pick.quote),
                price=text.usd(quote.price),
                count=f"{quote.count:,}",
            )
        )
    limit = text.LINE_CEILING if pick.listing_id is None else text.LINE_CEILING_ONE
    rows.append(limit.format(ceiling=text.usd(pick.ceiling)))
    if pick.listing_id is not None:
        rows.append(text.LINE_LISTING.format(listing_id=pick.listing_id))
    rows = [text.with_marks("\n".join(rows), pick), text.prices_below(prices)]
    words = "\n".join(filter(None, rows))
    card.picture_row(words, picture_url(pick.game, pick.class_id), pick.market_hash_name)
    tail = str(pick.pick_id)
    card.row(
        button(text.BUTTON_LESS, of_basket(basket, "less", tail), disabled=pick.quantity <= 1),
        button(
            text.BUTTON_PLUS,
            of_basket(basket, "plus", tail),
            disabled=pick.listing_id is not None,
        ),
        button(text.BUTTON_CEILING, of_basket(basket, "ceiling", tail)),
        button(text.BUTTON_REMOVE, of_basket(basket, "remove", tail), ButtonStyle.danger),
        button(text.BUTTON_BACK, of_basket(basket, "back", tail)),
    )
    return card.build()


def more_screen(basket: Basket, frame: Frame, notice: str = "", *, page: int = 0) -> ui.LayoutView:
    """Return what is done to a basket less often; ``page``: where Back leads."""
    card = Card(frame, accent=BLUE)
    card.notice(notice)
    card.say(f"{text.MORE_TITLE}\n{_note(basket)}")
    card.row(
        button(text.BUTTON_NOTE, of_basket(basket, "note")),
        button(
            text.BUTTON_EMPTY,
            of_basket(basket, "empty"),
            ButtonStyle.danger,
            disabled=not basket.picks and not basket.note,
        ),
        button(text.BUTTON_FROM_OLD, CustomId(Space.PANEL, "mine", tail="here")),
        button(text.BUTTON_BACK, of_basket(basket, "page", str(page))),
    )
    return card.build()


def empty_question(basket: Basket, frame: Frame) -> ui.LayoutView:
    """Return the question before a basket is emptied."""
    card = Card(frame, accent=RED)
    card.say(text.empty_question(basket))
    card.row(
        button(text.BUTTON_EMPTY_YES, of_basket(basket, "empty_yes"), ButtonStyle.danger),
        button(text.BUTTON_KEEP, of_basket(basket, "back")),
    )
    return card.build()


def add_modal(basket: Basket, *, values: Mapping[str, str] | None = None) -> ui.Modal:
    """Return the modal that asks for a skin. Fields: name, quantity, ceiling, listing."""
    given = values or {}
    return modal(
        text.MODAL_ADD,
        of_basket(basket, "add_pick", one_time()),
        Field(
            "name",
            text.FIELD_NAME,
            text.FIELD_NAME_ABOUT,
            value=given.get("name", ""),
            length_max=TYPED_NAME_MAX,
        ),
        Field("quantity", text.FIELD_QUANTITY, value=given.get("quantity", "1"), length_max=3),
        Field(
            "ceiling",
            text.FIELD_AT_MOST,
            text.FIELD_AT_MOST_ABOUT,
            value=given.get("ceiling", ""),
            required=False,
            length_max=_PRICE_LENGTH,
        ),
        Field(
            "listing",
            text.FIELD_LISTING,
            text.FIELD_LISTING_ABOUT,
            value=given.get("listing", ""),
            required=False,
            length_max=_PRICE_LENGTH,
        ),
    )


def ceiling_modal(basket: Basket, pick: Pick) -> ui.Modal:
    """Return the modal that asks what one of a row may cost. Field: ceiling.

    Its id says which limit it replaces, in cents, so that it never replaces a newer one.
    """
    return modal(
        text.MODAL_CEILING,
        of_basket(basket, "set_ceiling", f"{pick.pick_id}.{pick.ceiling // CENT}.{one_time()}"),
        Field(
            "ceiling",
            text.FIELD_CEILING,
            text.FIELD_CEILING_ABOUT,
            value=text.usd(pick.ceiling),
            required=False,
            length_max=_PRICE_LENGTH,
        ),
    )


def note_modal(basket: Basket) -> ui.Modal:
    """Return the modal that asks for the note. Field: note; empty removes it.

    Its id says which note it replaces, so that it never replaces a newer one.
    """
    return modal(
        text.MODAL_NOTE,
        of_basket(basket, "set_note", f"{note_stamp(basket.note)}.{one_time()}"),
        Field(
            "note",
            text.FIELD_NOTE,
            text.FIELD_NOTE_ABOUT,
            value=basket.note,
            required=False,
            long=True,
            length_max=NOTE_MAX,
        ),
    )
