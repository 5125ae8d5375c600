"""What a member sees of their own requests: the status message, the list, one of them."""

from __future__ import annotations

from collections.abc import Sequence

from discord import ButtonStyle, ui

from bot.domain.backoff import RESTS_AFTER
from bot.domain.models import Event, Request, RequestView
from bot.domain.money import Micros
from bot.domain.plain_text import clean_line, escape
from bot.domain.states import DECIDED_STATES, LineState, RequestState
from bot.ui import text
from bot.ui.cards import outcomes
from bot.ui.cards.approval import request_rows
from bot.ui.cards.frame import Frame
from bot.ui.cards.history import say_history
from bot.ui.cards.parts import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    TRADE_OFFERS_PAGE,
    Card,
    Item,
    button,
    link,
    option,
    select,
)
from bot.ui.cards.trades import trades_button
from bot.ui.custom_ids import CustomId, Space, of_request

_CAN_CANCEL = frozenset({RequestState.PENDING, RequestState.APPROVED})
_MINE = CustomId(Space.PANEL, "mine", tail="here")
"""The tail says that the list takes the place of the screen that it was asked for on."""


def _accent(view: RequestView) -> int:
    match view.request.state:
        case RequestState.DRAFT | RequestState.PENDING:
            return BLUE
        case RequestState.APPROVED:
            return RED if view.request.waits_for in text.NEEDS_URL else AMBER
        case RequestState.BUYING:
            return RED if view.request.waits_for in text.NEEDS_URL else AMBER
        case RequestState.BOUGHT | RequestState.CLOSED:
            everything = len(view.in_state(LineState.PURCHASED)) == len(view.lines)
            return GREEN if everything else ORANGE
        case RequestState.DENIED | RequestState.CANCELLED | RequestState.EXPIRED:
            return GREY


def member_status(view: RequestView, frame: Frame, *, guild_name: str) -> ui.LayoutView:
    """Return the member's one message about a request, edited from submit on."""
    card = Card(frame, accent=_accent(view))
    _say_status(card, view, frame, guild_name=guild_name)
    card.row(*_member_buttons(view))
    return card.build()


def _say_status(card: Card, view: RequestView, frame: Frame, *, guild_name: str = "") -> None:
    request = view.request
    title = text.STATUS_TITLE.format(number=request.number, state=text.state_in_words(view))
    card.say(f"{title}\n{_about(view, guild_name)}")
    status = text.status_in_words(view, frame)
    # Only the message in the direct messages is edited later.
    kept_up = bool(guild_name) and request.state is RequestState.PENDING
    card.say(f"{status} {text.STATUS_KEPT_UP}" if kept_up else status)
    match request.state:
        case RequestState.BUYING | RequestState.BOUGHT | RequestState.CLOSED:
            _say_lines(card, view, frame)
        case _:
            card.rows(request_rows(view))
    if request.state is RequestState.PENDING:
        card.say(text.note_in_words(request, for_member=True))


def _about(view: RequestView, guild_name: str) -> str:
    """Return how much it is about: what it may cost until it is bought, then what was paid."""
    over = view.request.state in (RequestState.BOUGHT, RequestState.CLOSED)
    here, there = (
        (text.STATUS_PAID_FROM_HERE, text.STATUS_PAID_FROM)
        if over
        else (text.STATUS_FROM_HERE, text.STATUS_FROM)
    )
    vain = view.debited_total - view.kept_total
    if over and vain:
        here, there = text.STATUS_PAID_IN_VAIN_FROM_HERE, text.STATUS_PAID_IN_VAIN_FROM
    return (there if guild_name else here).format(
        skins=text.skins(len(view.lines)),
        total=text.usd(view.ceiling_total),
        bought=len(view.in_state(LineState.PURCHASED)),
        paid=text.usd(view.kept_total),
        vain=text.usd(Micros(vain)),
        guild=escape(clean_line(guild_name, length_max=100)),
    )


def _say_lines(card: Card, view: RequestView, frame: Frame) -> None:
    card.rows(outcomes.bought_rows(view), head=text.HEADING_BOUGHT)
    # What was bought again and kept is no loss of theirs.
    lost = outcomes.undelivered(view)
    outcomes.say_losses(card, view, frame, text.loss_for_member, more=text.LIST_MORE, lines=lost)
    if view.rests_until is not None:
        card.say(text.MEMBER_RESTS.format(when=text.until_when(view.rests_until)))
    found = outcomes.reasons(view, frame, text.reason_for_member)
    outcomes.say_reasons(card, found, more=text.LIST_MORE)
    card.rows(outcomes.open_rows(outcomes.still_to_come(view)), head=text.HEADING_OPEN)


def _member_buttons(view: RequestView, *, with_ask_again: bool = True) -> list[Item]:
    request = view.request
    buttons: list[Item] = []
    if request.waits_for_member:
        buttons.append(
            button(text.BUTTON_SEND_NOW, of_request(request, "send_now"), ButtonStyle.success)
        )
    under_way = request.state in (RequestState.APPROVED, RequestState.BUYING)
    if under_way and request.waits_for in text.NEEDS_URL:
        buttons.append(
            button(text.BUTTON_NEW_URL, of_request(request, "new_url"), ButtonStyle.primary)
        )
    buttons += help_buttons(view, with_ask_again=with_ask_again)
    if request.state in _CAN_CANCEL:
        buttons.append(button(text.BUTTON_CANCEL, of_request(request, "cancel")))
    if view.waiting:
        buttons.append(trades_button(view))
    # What isn't confirmed may be on its way all the same, and an offer lives ten minutes.
    coming = (*view.moving, *view.in_state(LineState.UNKNOWN))
    if coming and request.state in (RequestState.BUYING, RequestState.BOUGHT):
        buttons.append(link(text.BUTTON_STEAM_OFFERS, TRADE_OFFERS_PAGE))
    return buttons


def help_buttons(view: RequestView, *, with_ask_again: bool = True) -> list[Item]:
    """Return what a member can press about what was bought for them in vain.

    ``with_ask_again``: also where nothing else helps any more.
    """
    request = view.request
    buttons: list[Item] = []
    if view.missed:
        buttons.append(button(text.BUTTON_HERE, of_request(request, "here"), ButtonStyle.primary))
    failed = {line.failed_with for line in view.to_try_again if line.failed_with}
    if failed:
        style = ButtonStyle.primary if failed & RESTS_AFTER else ButtonStyle.secondary
        buttons.append(button(text.BUTTON_NEW_URL, of_request(request, "new_url"), style))
    if with_ask_again and text.lost_for_good(view):
        buttons.append(ask_again_button(request))
    return buttons


def ask_again_button(request: Request) -> Item:
    """Return the button that puts what a member lacks of a request into their basket."""
    return button(text.BUTTON_ASK_AGAIN, of_request(request, "ask_again"))


def sent_screen(
    view: RequestView, frame: Frame, *, dm_failed: bool, results_channel_id: int | None
) -> ui.LayoutView:
    """Return the answer to *Send for approval*."""
    card = Card(frame, accent=AMBER if dm_failed else BLUE)
    card.say(text.sent_in_words(view, frame))
    if not dm_failed:
        card.say(text.SENT_DM)
    elif results_channel_id is None:
        card.say(text.SENT_DM_CLOSED_NOWHERE)
    else:
        card.say(text.SENT_DM_CLOSED.format(channel=text.channel(results_channel_id)))
    card.row(button(text.BUTTON_MINE, _MINE))
    return card.build()


def request_list(views: Sequence[RequestView], frame: Frame, *, notice: str = "") -> ui.LayoutView:
    """Return a member's requests, in the order given, with a select that shows one of them."""
    card = Card(frame)
    card.notice(notice)
    if not views:
        card.say(f"{text.LIST_TITLE}\n{text.list_none(frame)}")
        card.row(_basket_button())
        return card.build()
    card.say(text.LIST_TITLE)
    card.rows([_list_row(view) for view in views])
    card.row(
        select(
            CustomId(Space.PANEL, "show"),
            text.SELECT_REQUEST,
            [
                option(_list_label(view), view.request.request_id, text.state_in_words(view))
                for view in views
            ],
        )
    )
    card.row(_basket_button())
    return card.build()


def _basket_button(style: ButtonStyle = ButtonStyle.secondary) -> Item:
    return button(text.BUTTON_MY_BASKET, CustomId(Space.PANEL, "ask"), style)


def _list_row(view: RequestView) -> str:
    request = view.request
    return text.LIST_ROW.format(
        number=request.number,
        state=text.state_in_words(view),
        skins=text.skins(len(view.lines)),
        total=_sum(view),
        when=text.ago(request.submitted_at or request.created_at),
    )


def _list_label(view: RequestView) -> str:
    return text.SELECT_REQUEST_LABEL.format(
        number=view.request.number, skins=text.skins(len(view.lines)), total=_sum(view)
    )


def _sum(view: RequestView) -> str:
    over = view.request.state in (RequestState.BOUGHT, RequestState.CLOSED)
    return text.usd(view.debited_total if over else view.ceiling_total)


def request_detail(
    view: RequestView,
    events: Sequence[Event],
    frame: Frame,
    *,
    notice: str = "",
    basket_filled: bool = False,
) -> ui.LayoutView:
    """Return one request of a member's own, with its history.

    ``basket_filled``: its skins have just been put into the basket, which is one press away.
    """
    card = Card(frame, accent=_accent(view))
    card.notice(notice)
    _say_status(card, view, frame)
    say_history(card, view, events, for_moderator=False)
    card.row(*_member_buttons(view, with_ask_again=False))
    card.row(
        *_again_buttons(view, basket_filled=basket_filled),
        button(text.BUTTON_HISTORY, of_request(view.request, "history")),
        button(text.BUTTON_BACK_TO_LIST, _MINE),
    )
    return card.build()


def _again_buttons(view: RequestView, *, basket_filled: bool) -> list[Item]:
    """Return how to ask for the same again: for what did not arrive, and for all of it."""
    request = view.request
    buttons: list[Item] = []
    if basket_filled:
        buttons.append(_basket_button(ButtonStyle.primary))
    bought = request.state in (RequestState.BOUGHT, RequestState.CLOSED)
    missing = bought and bool(view.undelivered)
    if missing:
        buttons.append(ask_again_button(request))
    if request.state in DECIDED_STATES and not (missing and view.undelivered == view.lines):
        label = text.BUTTON_ASK_REST_AGAIN if missing else text.BUTTON_ASK_ALL_AGAIN
        buttons.append(button(label, of_request(request, "ask_all")))
    return buttons


def cancel_question(view: RequestView, frame: Frame) -> ui.LayoutView:
    """Return the question before a request is cancelled."""
    request: Request = view.request
    card = Card(frame, accent=RED)
    card.say(
        text.CANCEL_QUESTION.format(
            number=request.number,
            skins=text.skins(len(view.lines)),
            total=text.usd(view.ceiling_total),
        )
    )
    card.row(
        button(text.BUTTON_CANCEL_YES, of_request(request, "cancel_yes"), ButtonStyle.danger),
        button(text.BUTTON_CANCEL_NO, of_request(request, "show_one")),
    )
    return card.build()
