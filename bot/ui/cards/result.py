"""The result message: what happened to each skin, for everyone to see. Never the balance."""

from __future__ import annotations

from typing import Final

from discord import ui

from bot.domain.models import RequestView
from bot.domain.money import Micros
from bot.domain.states import LineState
from bot.ui import text
from bot.ui.cards import outcomes
from bot.ui.cards.approval import pictures
from bot.ui.cards.frame import Frame
from bot.ui.cards.member import help_buttons
from bot.ui.cards.parts import (
    GALLERY_MAX,
    GREEN,
    ORANGE,
    TRADE_OFFERS_PAGE,
    Card,
    link,
    picture_url,
)

PICTURE_ROWS_MAX: Final = 8
"""A row with its picture costs three of forty components."""

REASONS_BESIDE_PICTURES_MAX: Final = 3
"""A row with its picture is shown whole, and so is the sentence of a reason."""


def result_card(view: RequestView, frame: Frame) -> ui.LayoutView:
    """Return the message in the results channel."""
    bought = view.in_state(LineState.PURCHASED)
    card = Card(frame, accent=GREEN if len(bought) == len(view.lines) else ORANGE)
    card.say(f"{_title(view)}\n{_who(view)}")
    found = outcomes.reasons(view, frame, text.reason_for_member)
    lost = outcomes.undelivered(view)
    losses = bool(lost)
    few = len(found) + 2 * losses <= REASONS_BESIDE_PICTURES_MAX
    _say_bought(card, view, with_pictures=few)
    # Where nothing else reaches them, this is where they can do something about it.
    only_here = view.request.dm_closed
    words = text.loss_for_member if only_here else text.loss_in_public
    outcomes.say_losses(card, view, frame, words, more=text.LIST_MORE, lines=lost)
    outcomes.say_reasons(card, found, more=text.LIST_MORE)
    card.rows(outcomes.open_rows(outcomes.still_to_come(view)), head=text.HEADING_OPEN)
    if outcomes.bought_lines(view):
        kept = text.RESULT_TOTAL.format(
            paid=text.usd(view.kept_total), skins=text.skins(len(bought))
        )
        vain = view.debited_total - view.kept_total
        spent = text.RESULT_IN_VAIN.format(paid=text.usd(Micros(vain))) if vain else ""
        card.say(f"{kept if bought else ''} {spent}".strip())
    elif not view.in_state(LineState.UNKNOWN):
        card.say(text.RESULT_NOTHING_PAID)
    if only_here:
        card.row(*help_buttons(view))
    if view.moving and view.request.dm_closed:
        # This message is the only one that reaches them.
        card.say(text.STATUS_TRADES)
        card.row(link(text.BUTTON_STEAM_OFFERS, TRADE_OFFERS_PAGE))
    return card.build()


def _title(view: RequestView) -> str:
    member = text.person(view.request.user_id)
    bought = len(outcomes.bought_lines(view))
    count = len(view.lines)
    if lost := len(outcomes.undelivered(view)):
        return text.RESULT_LOST.format(
            member=member, bought=bought, skins=text.skins(count), lost=lost
        )
    if not bought and view.in_state(LineState.UNKNOWN):
        return text.RESULT_UNSURE.format(member=member)
    if not bought:
        return text.RESULT_NONE.format(member=member)
    if bought < count:
        return text.RESULT_SOME.format(member=member, bought=bought, skins=text.skins(count))
    template = text.RESULT_ONE if count == 1 else text.RESULT_ALL
    return template.format(member=member, skins=text.skins(count))


def _who(view: RequestView) -> str:
    request = view.request
    if request.decided_by is None:
        return text.RESULT_WHO_NOBODY.format(number=request.number)
    return text.RESULT_WHO.format(number=request.number, moderator=text.person(request.decided_by))


def _say_bought(card: Card, view: RequestView, *, with_pictures: bool) -> None:
    groups = outcomes.bought_groups(view)
    if len(groups) > PICTURE_ROWS_MAX or not with_pictures:
        card.gallery(pictures(view.in_state(LineState.PURCHASED), at_most=GALLERY_MAX))
        card.rows(outcomes.bought_rows(view))
        return
    for group in groups:
        line = group.first.line
        card.picture_row(
            text.ROW_ABOUT.format(skin=group.shown, about=outcomes.about_bought(group)),
            picture_url(line.game, outcomes.class_id_of(group.first)),
            line.market_hash_name,
        )
