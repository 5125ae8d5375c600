"""What is left of a pasted list: each line with its reason, and a menu of what it may mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from discord import ButtonStyle, SelectOption, ui

from bot.domain.limits import PASTE_MAX, TYPED_NAME_MAX
from bot.domain.models import Basket
from bot.domain.money import CENT, Micros
from bot.domain.plain_text import clean_line
from bot.services.pasting import PAGE, LineLeft, Rest
from bot.ui import text
from bot.ui.cards.frame import Frame
from bot.ui.cards.parts import (
    AMBER,
    OPTION_MAX,
    RED,
    Card,
    Field,
    Item,
    button,
    modal,
    option,
    select,
)
from bot.ui.custom_ids import of_basket, one_time

LEAVE_OUT: Final = "-"
"""The value of the option that is no skin."""


def paste_screen(rest: Rest, frame: Frame, *, notice: str = "") -> ui.LayoutView:
    """Return a page of the lines that are left; ``notice`` says what just happened."""
    basket = rest.basket
    card = Card(frame, accent=AMBER)
    card.notice(notice)
    card.say(f"{text.PASTE_TITLE.format(lines=text.lines(rest.total))}\n{text.PASTE_KEPT}")
    for line in rest.lines:
        card.say(text.pasted_line(line, rest.room))
        card.row(_menu(basket, line))
    if rest.total > PAGE:
        card.row(*_page_buttons(rest))
    card.row(
        button(text.BUTTON_PASTE_FIX, of_basket(basket, "paste_edit"), ButtonStyle.primary),
        button(text.BUTTON_PASTE_AGAIN, of_basket(basket, "paste_again")),
        button(text.BUTTON_PASTE, of_basket(basket, "paste")),
        button(text.BUTTON_PASTE_LEAVE, of_basket(basket, "paste_leave"), ButtonStyle.danger),
        button(text.BUTTON_BACK, of_basket(basket, "back")),
    )
    return card.build()


def _menu(basket: Basket, line: LineLeft) -> Item:
    """Return the menu of a line: its nearest matches, and to leave it out."""
    options = [
        option(
            each.quote.market_hash_name,
            value,
            text.with_doubts(text.pasted_option(each, line.wanted), each.quote),
        )
        for each in line.options
        if len(value := value_of(each.quote.game, each.ceiling, each.quote.market_hash_name))
        <= OPTION_MAX
    ]
    placeholder = text.SELECT_PASTED if options else text.SELECT_PASTED_NONE
    # Another menu each time: choosing again what was chosen before would send nothing.
    tail = f"{line.number}.{line.wanted.quantity}.{one_time()}"
    return select(
        of_basket(basket, "paste_choose", tail),
        placeholder.format(typed=clean_line(line.text, length_max=TYPED_NAME_MAX)),
        [*options, SelectOption(label=text.SELECT_PASTED_LEAVE, value=LEAVE_OUT)],
    )


def value_of(game: str, ceiling: Micros, market_hash_name: str) -> str:
    """Return a match as the value of an option: what it goes in with is what was shown."""
    return f"{game}:{ceiling // CENT}:{market_hash_name}"


def _page_buttons(rest: Rest) -> list[Item]:
    page, last = rest.first // PAGE, (rest.total - 1) // PAGE
    return [
        button(
            text.BUTTON_PREVIOUS,
            of_basket(rest.basket, "paste_page", str(max(0, page - 1))),
            disabled=page == 0,
        ),
        button(
            text.BUTTON_PAGE.format(page=page + 1, pages=last + 1),
            of_basket(rest.basket, "paste_page", f"{page}.0"),
            disabled=True,
        ),
        button(
            text.BUTTON_NEXT,
            of_basket(rest.basket, "paste_page", f"{page + 1}.1"),
            disabled=page == last,
        ),
    ]


def paste_button(basket: Basket) -> Item:
    """Return the button of the basket that leads to a list, or to what is left of one."""
    if basket.pasted_left:
        left = text.lines_left(basket.pasted_left)
        return button(left, of_basket(basket, "paste_left"), ButtonStyle.primary)
    return button(text.BUTTON_PASTE, of_basket(basket, "paste"))


def paste_leave_question(basket: Basket, lines: Sequence[str], frame: Frame) -> ui.LayoutView:
    """Return the question before all lines are forgotten."""
    card = Card(frame, accent=RED)
    card.say(text.PASTE_LEAVE_QUESTION.format(typed=text.typed_lines(lines)))
    card.row(
        button(
            text.BUTTON_PASTE_LEAVE_YES, of_basket(basket, "paste_leave_yes"), ButtonStyle.danger
        ),
        button(text.BUTTON_PASTE_KEEP, of_basket(basket, "paste_left")),
    )
    return card.build()


def paste_modal(basket: Basket) -> ui.Modal:
    """Return the modal that asks for a list. Field: list."""
    return modal(
        text.MODAL_PASTE,
        of_basket(basket, "paste_put", one_time()),
        Field(
            "list",
            text.FIELD_LIST,
            text.FIELD_LIST_ABOUT,
            example=text.FIELD_LIST_EXAMPLE,
            long=True,
            length_max=PASTE_MAX,
        ),
    )


def paste_fix_modal(basket: Basket, lines: Sequence[str]) -> ui.Modal:
    """Return the modal with the lines that are left, as many as it holds. Field: list."""
    shown = fitting(lines)
    return modal(
        text.MODAL_PASTE_FIX,
        of_basket(basket, "paste_fix", f"{len(shown)}.{one_time()}"),
        Field(
            "list",
            text.FIELD_LIST_FIX,
            text.FIELD_LIST_ABOUT,
            value="\n".join(shown),
            long=True,
            length_max=PASTE_MAX,
        ),
    )


def fitting(lines: Sequence[str]) -> Sequence[str]:
    """Return as many of the first lines as a field holds whole."""
    length = -1
    for count, line in enumerate(lines):
        length += len(line) + 1
        if length > PASTE_MAX:
            return lines[:count]
    return lines
