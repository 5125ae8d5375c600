"""The question before a basket is sent whose prices have moved above its limits."""

from __future__ import annotations

from discord import ButtonStyle, ui

from bot.services.repricing import Question
from bot.ui import text
from bot.ui.cards.frame import Frame
from bot.ui.cards.parts import AMBER, Card, Item, button
from bot.ui.custom_ids import of_basket, pack


def moved_screen(question: Question, frame: Frame, *, notice: str = "") -> ui.LayoutView:
    """Return what moved, row by row, and what can be done about it; nothing of it sends.

    Its buttons carry what it shows: **Use today's prices** does nothing at any other prices.
    """
    basket, then, moved = question.basket, question.then, question.moved
    card = Card(frame, accent=AMBER)
    card.notice(notice)
    about = text.MOVED_ABOUT_ONE
    if len(moved) > 1:
        about = text.MOVED_ABOUT.format(rows=len(moved))
    card.say(f"{text.MOVED_TITLE}\n{about}")
    card.rows([text.moved_row(one) for one in moved])
    dearer = any(one.today for one in moved)
    if dearer:
        total = text.MOVED_THEN.format(
            skins=text.skins(then.lines_count),
            total=text.usd(then.ceiling_total),
            before=text.usd(basket.ceiling_total),
        )
        card.say(f"{total}\n{text.MOVED_HOW}")
    remove = text.BUTTON_REMOVE_IT if len(moved) == 1 else text.BUTTON_REMOVE_THEM
    positions = pack(one.position for one in moved)
    buttons: list[Item] = []
    if dearer:
        use = of_basket(basket, "use_today", question.stamp)
        buttons.append(button(text.BUTTON_USE_TODAY, use, ButtonStyle.primary))
    buttons += [
        button(remove, of_basket(basket, "drop_moved", positions)),
        button(text.BUTTON_BACK, of_basket(basket, "back")),
    ]
    card.row(*buttons)
    return card.build()
