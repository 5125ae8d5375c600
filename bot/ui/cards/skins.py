"""The screens of ``/skins``: pages with pictures, filters, one skin, its listings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from discord import ButtonStyle, SelectOption, ui

from bot.domain.limits import TYPED_NAME_MAX
from bot.domain.market import Listing, Quote
from bot.domain.models import Basket
from bot.domain.picking import NO_FILTERS, Doubt, Wear
from bot.domain.plain_text import clean_line, escape
from bot.domain.skin_keys import key_of
from bot.services.browsing import PAGE, Listed, Look, count_in
from bot.services.picking import Found
from bot.ui import text
from bot.ui.cards.frame import Frame
from bot.ui.cards.parts import (
    BLUE,
    OPTIONS_MAX,
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
from bot.ui.custom_ids import of_basket, of_skins, one_time

_PRICE_LENGTH: Final = 20
_PAGE_LENGTH: Final = 10

ANY: Final = "any"
"""The value of the choice that takes a filter away."""

STATTRAK_VALUES: Final[dict[str, bool | None]] = {ANY: None, "only": True, "without": False}


@dataclass(frozen=True, slots=True)
class Origin:
    """From which page of which list a skin was opened: where Back leads."""

    search_id: int
    first: int = 0


def skins_page(found: Found, frame: Frame, notice: str = "") -> ui.LayoutView:
    """Return a page of what is on sale, with pictures."""
    basket, matches, filters = found.basket, found.matches, found.search.filters
    card = Card(frame, accent=BLUE)
    card.notice(notice)
    card.say("\n".join(_page_head(found)))
    for quote in matches.quotes:
        card.picture_row(
            text.ROW_ABOUT.format(skin=named(quote.market_hash_name), about=_about(quote, found)),
            picture_url(quote.game, quote.class_id),
            quote.market_hash_name,
        )
    here = (found.search.search_id, matches.first)
    options = _options(matches.quotes)
    if options:
        card.row(select(of_skins(basket, "look", *here), text.SELECT_LOOK, options))
    options = _options([quote for quote in matches.quotes if quote.count])
    if options:
        card.row(select(of_skins(basket, "put", *here), text.SELECT_PUT, options, several=True))
    if matches.total > PAGE:
        card.row(*_page_buttons(found))
    filter_, find = (
        button(text.BUTTON_FILTERS, of_skins(basket, "filters", here[0])),
        button(text.BUTTON_FIND, of_skins(basket, "find", here[0])),
    )
    clear = [] if filters == NO_FILTERS else [_clear(found, "clear")]
    card.row(filter_, *clear, find, _basket_button(basket))
    return card.build()


def _page_head(found: Found) -> list[str]:
    matches, search = found.matches, found.search
    typed = escape(clean_line(search.typed, length_max=TYPED_NAME_MAX))
    rows = [text.SKINS_TITLE_TYPED.format(typed=typed) if typed else text.SKINS_TITLE]
    if matches.quotes:
        last = matches.first + len(matches.quotes)
        one = matches.first + 1 == last
        rows.append(
            (text.SKINS_SHOWN_ONE if one else text.SKINS_SHOWN).format(
                first=f"{matches.first + 1:,}", last=f"{last:,}", total=f"{matches.total:,}"
            )
        )
    else:
        filtered = search.filters != NO_FILTERS
        rows.append(text.SKINS_NONE_LEFT if filtered else text.SKINS_NONE)
    if search.filters != NO_FILTERS:
        rows.append(text.filters_in_words(search.filters))
    rows.append(text.prices_below(found.prices))
    return rows


def _about(quote: Quote, found: Found) -> str:
    game = quote.game if len(found.games) > 1 else ""
    said = [text.offer_of(quote, game)]
    there = count_in(found.basket, quote.game, quote.market_hash_name)
    if there:
        said.append(text.SKIN_IN_BASKET.format(n=there))
    return " · ".join(said)


def _options(quotes: Sequence[Quote]) -> list[SelectOption]:
    return [
        option(
            quote.market_hash_name,
            key_of(quote.game, quote.market_hash_name),
            text.offer_of(quote),
        )
        for quote in quotes
    ]


def pages_of(found: Found) -> int:
    """Return how many pages a list fills, at least one."""
    return max(1, -(-found.matches.total // PAGE))


def _page_buttons(found: Found) -> list[Item]:
    first, pages, search_id = found.matches.first, pages_of(found), found.search.search_id
    page = first // PAGE + 1

    def turn(label: str, to: int, *, last: bool) -> Item:
        return button(label, of_skins(found.basket, "page", search_id, to), disabled=last)

    return [
        turn(text.BUTTON_PREVIOUS, max(0, first - PAGE), last=page == 1),
        button(
            text.BUTTON_PAGE.format(page=f"{page:,}", pages=f"{pages:,}"),
            of_skins(found.basket, "go", search_id),
        ),
        turn(text.BUTTON_NEXT, first + PAGE, last=page >= pages),
    ]


def _clear(found: Found, verb: str) -> Item:
    return button(text.BUTTON_CLEAR, of_skins(found.basket, verb, found.search.search_id))


def _basket_button(basket: Basket) -> Item:
    return button(
        text.BUTTON_BASKET.format(count=basket.lines_count), of_basket(basket, "back", "skins")
    )


def filters_screen(found: Found, frame: Frame, notice: str = "") -> ui.LayoutView:
    """Return what a list is narrowed to, to change it; every change is a new search."""
    basket, search_id, filters = found.basket, found.search.search_id, found.search.filters
    card = Card(frame, accent=BLUE)
    card.notice(notice)
    fit = text.plural(found.matches.total, text.FILTERS_FIT_ONE, text.FILTERS_FIT)
    card.say("\n".join([text.FILTERS_TITLE, text.filters_in_words(filters), fit]))
    for verb, placeholder, options in _filter_selects(found):
        card.row(select(of_skins(basket, verb, search_id), placeholder, options))
    stock = text.BUTTON_SOLD_OUT_TOO if filters.in_stock else text.BUTTON_IN_STOCK
    card.row(
        button(text.BUTTON_PRICES, of_skins(basket, "prices", search_id)),
        button(stock, of_skins(basket, "stock", search_id)),
        *([] if filters == NO_FILTERS else [_clear(found, "clear_here")]),
    )
    card.row(
        button(
            text.BUTTON_SHOW_SKINS.format(skins=text.skins(found.matches.total)),
            of_skins(basket, "page", search_id, 0),
            ButtonStyle.primary,
        )
    )
    return card.build()


def _filter_selects(found: Found) -> list[tuple[str, str, list[SelectOption]]]:
    """Return verb, placeholder and choices of what is chosen; with one game there is no choice."""
    filters = found.search.filters
    selects = []
    if len(found.games) > 1:
        games = [(ANY, text.FILTER_ANY_GAME)]
        games += [(game, text.game_name(game)) for game in found.games]
        selects.append(("game", text.SELECT_GAME, _marked(games, filters.game or ANY)))
    wears = [(ANY, text.FILTER_ANY_WEAR), *((wear.name.lower(), str(wear)) for wear in Wear)]
    wear = filters.wear.name.lower() if filters.wear else ANY
    selects.append(("wear", text.SELECT_WEAR, _marked(wears, wear)))
    kinds = [(value, text.FILTER_STATTRAK[kind]) for value, kind in STATTRAK_VALUES.items()]
    kind = next(value for value, kind in STATTRAK_VALUES.items() if kind is filters.stattrak)
    selects.append(("stattrak", text.SELECT_STATTRAK, _marked(kinds, kind)))
    return selects


def _marked(choices: Sequence[tuple[str, str]], chosen: str) -> list[SelectOption]:
    return [option(label, value, chosen=value == chosen) for value, label in choices]


def skin_screen(look: Look, frame: Frame, origin: Origin, notice: str = "") -> ui.LayoutView:
    """Return the screen of one skin: what it costs, and what can be done with it."""
    card = Card(frame, accent=BLUE)
    card.notice(notice)
    quote, basket = look.quote, look.basket
    class_id = quote.class_id if quote else ""
    card.picture_row(
        "\n".join(_skin_rows(look)), picture_url(look.game, class_id), look.market_hash_name
    )
    came = (look.look_id, origin.search_id, origin.first)
    card.row(
        button(
            _add_label(look),
            of_skins(basket, "add", *came, look.in_basket),
            ButtonStyle.success,
            disabled=quote is None or quote.count == 0,
        ),
        button(
            text.BUTTON_LISTINGS, of_skins(basket, "listings", *came, 0), disabled=quote is None
        ),
        button(text.BUTTON_TO_SKINS, of_skins(basket, "page", origin.search_id, origin.first)),
        _basket_button(basket),
    )
    return card.build()


def _add_label(look: Look) -> str:
    return text.BUTTON_ADD_MORE if look.in_basket else text.BUTTON_ADD_ONE


def _skin_rows(look: Look) -> list[str]:
    quote = look.quote
    rows = [text.LINE_TITLE.format(skin=named(look.market_hash_name))]
    if quote is None:
        rows.append(text.SKIN_GONE)
    elif quote.count == 0:
        rows.append(text.SKIN_NONE_LEFT)
    else:
        rows.append(text.SKIN_TODAY.format(price=text.usd(quote.price), count=f"{quote.count:,}"))
    if quote is not None and quote.usual is not None and Doubt.DEAR not in quote.doubts:
        rows.append(text.SKIN_USUAL.format(usual=text.usd(quote.usual)))
    if quote is not None and (doubts := text.doubts_in_words(quote)):
        rows.append(doubts)
    if look.in_basket:
        rows.append(
            text.SKIN_IN_BASKET_OF.format(
                n=look.in_basket,
                count=look.basket.lines_count,
                skins=text.skins(look.lines_max),
            )
        )
    rows.append(text.prices_below(look.prices))
    return rows


def listings_screen(
    listed: Listed, frame: Frame, origin: Origin, *, first: int, notice: str = ""
) -> ui.LayoutView:
    """Return the page of a skin's listings that begins at ``first``, or the last one there is."""
    look, listings = listed.look, listed.listings
    first = min(first, max(0, len(listings) - 1)) // OPTIONS_MAX * OPTIONS_MAX
    shown = listings[first : first + OPTIONS_MAX]
    had = {pick.listing_id for pick in look.basket.picks}
    card = Card(frame, accent=BLUE)
    card.notice(notice)
    title = text.LISTINGS_TITLE.format(skin=named(look.market_hash_name))
    if not shown:
        card.say(f"{title}\n{text.LISTINGS_NONE}")
    else:
        about = text.LISTINGS_ABOUT.format(button=_add_label(look))
        card.say(f"{title}\n{about}")
        card.rows([_listing_row(n, one, had) for n, one in enumerate(shown, first + 1)])
        card.say(_listings_read(listed, first, len(shown)))
    came = (look.look_id, origin.search_id, origin.first)
    free = [one for one in shown if one.listing_id not in had]
    if free:
        choose = of_skins(look.basket, "listing", *came, first)
        card.row(select(choose, text.SELECT_LISTING, [_listing_option(one) for one in free]))
    if len(listings) > OPTIONS_MAX:
        before, after = max(0, first - OPTIONS_MAX), first + OPTIONS_MAX
        card.row(
            button(
                text.BUTTON_PREVIOUS,
                of_skins(look.basket, "listings", *came, before),
                disabled=first == 0,
            ),
            button(
                text.BUTTON_NEXT,
                of_skins(look.basket, "listings", *came, after),
                disabled=after >= len(listings),
            ),
        )
    card.row(
        button(text.BUTTON_BACK, of_skins(look.basket, "skin", *came)),
        _basket_button(look.basket),
    )
    return card.build()


def _listings_read(listed: Listed, first: int, count: int) -> str:
    template = text.LISTINGS_READ if listed.total == len(listed.listings) else text.LISTINGS_CUT
    return template.format(
        first=first + 1,
        last=first + count,
        shown=len(listed.listings),
        total=f"{listed.total:,}",
        ago=text.ago(listed.read_at),
    )


def _listing_row(n: int, listing: Listing, had: set[int | None]) -> str:
    there = listing.listing_id in had
    return (text.LISTING_ROW_HAD if there else text.LISTING_ROW).format(
        n=n, price=text.usd(listing.price), listing_id=listing.listing_id
    )


def _listing_option(listing: Listing) -> SelectOption:
    words = text.LISTING_OPTION.format(price=text.usd(listing.price), listing_id=listing.listing_id)
    return option(words, str(listing.listing_id))


def find_modal(found: Found) -> ui.Modal:
    """Return the modal that asks what to look for, with the same filters. Field: name."""
    return modal(
        text.MODAL_FIND,
        _once(found, "set_find"),
        Field(
            "name",
            text.FIELD_NAME,
            text.FIELD_FIND_ABOUT,
            value=found.search.typed,
            required=False,
            length_max=TYPED_NAME_MAX,
        ),
    )


def prices_modal(found: Found) -> ui.Modal:
    """Return the modal that asks between which prices to look. Fields: from, to."""

    def field(name: str, label: str, about: str, value: str) -> Field:
        return Field(name, label, about, value, required=False, length_max=_PRICE_LENGTH)

    filters = found.search.filters
    lowest, highest = (
        "" if price is None else text.usd(price) for price in (filters.price_min, filters.price_max)
    )
    return modal(
        text.MODAL_PRICES,
        _once(found, "set_prices"),
        field("from", text.FIELD_FROM, text.FIELD_FROM_ABOUT, lowest),
        field("to", text.FIELD_TO, text.FIELD_TO_ABOUT, highest),
    )


def go_modal(found: Found) -> ui.Modal:
    """Return the modal that asks for a page. Field: page."""
    about = text.FIELD_PAGE_ABOUT.format(pages=f"{pages_of(found):,}")
    return modal(
        text.MODAL_GO,
        _once(found, "set_page"),
        Field("page", text.FIELD_PAGE, about, length_max=_PAGE_LENGTH),
    )


def _once(found: Found, verb: str) -> str:
    return of_skins(found.basket, verb, found.search.search_id, one_time())
