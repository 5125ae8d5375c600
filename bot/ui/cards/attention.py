"""Settling by hand: what is unknown, which of it, and what is known about it."""

from __future__ import annotations

from collections.abc import Collection

from discord import ButtonStyle, SelectOption, ui

from bot.domain.limits import REASON_MAX
from bot.domain.models import LineView, RequestView
from bot.domain.states import LineState
from bot.services.attention import unknown_stamp
from bot.ui import text
from bot.ui.cards.frame import Frame
from bot.ui.cards.parts import (
    AMBER,
    RED,
    Card,
    Field,
    button,
    modal,
    named,
    option,
    select,
)
from bot.ui.custom_ids import CustomId, Space, one_time, pack


def _id(view: RequestView, verb: str, tail: str = "") -> CustomId:
    """Return a custom id that is stamped with what is unknown, and not with what was approved."""
    return CustomId(Space.REQUEST, verb, view.request.request_id, unknown_stamp(view), tail)


def settle_screen(
    view: RequestView, frame: Frame, *, chosen: Collection[int] = (), notice: str = ""
) -> ui.LayoutView:
    """Return what can be settled by hand; ``chosen``: the numbers of the lines that are meant."""
    unknown = view.in_state(LineState.UNKNOWN)
    known = {line.line.line_no for line in unknown}
    picked = known if len(known) == 1 else known & set(chosen)
    card = Card(frame, accent=RED)
    card.notice(notice)
    title = text.SETTLE_TITLE.format(number=view.request.number)
    card.say(f"{title}\n{text.SETTLE_ABOUT}")
    mine = [line for line in unknown if line.line.line_no in picked]
    card.rows([_row(line) for line in unknown if line not in mine])
    card.rows([_row(line) for line in mine], head=text.SETTLE_CHOSEN)
    if len(unknown) > 1:
        card.say(text.SETTLE_ONE_BY_ONE if mine else text.SETTLE_CHOOSE)
        card.row(
            select(
                _id(view, "settle_choose"),
                text.SELECT_SETTLE,
                [_option(line, chosen=line in mine) for line in unknown],
                several=True,
            )
        )
    packed = pack(picked)
    buttons = []
    if len(mine) == 1:
        buttons.append(button(text.BUTTON_WAS_BOUGHT, _id(view, "settle_bought", packed)))
    if mine:
        not_bought = text.BUTTON_NOT_BOUGHT.format(skins=text.skins(len(mine)))
        buttons.append(button(not_bought, _id(view, "settle_not", packed), ButtonStyle.danger))
    card.row(*buttons)
    return card.build()


def _row(line: LineView) -> str:
    last = line.last
    if last is None:
        raise ValueError("a line without a try is not unknown")
    return text.ROW_SETTLE.format(
        line=line.line.line_no,
        skin=named(line.line.market_hash_name),
        ceiling=text.usd(line.line.ceiling),
        listing_id=last.listing_id,
        when=text.moment(last.sent_at),
        key=last.purchase_key,
    )


def _option(line: LineView, *, chosen: bool) -> SelectOption:
    number = line.line.line_no
    return option(
        text.SELECT_SETTLE_LABEL.format(line=number, skin=line.line.market_hash_name),
        str(number),
        text.SELECT_SETTLE_ABOUT.format(
            key=line.last.purchase_key if line.last else "", ceiling=text.usd(line.line.ceiling)
        ),
        chosen=chosen,
    )


def settled_screen(view: RequestView, frame: Frame, *, notice: str) -> ui.LayoutView:
    """Return what stands where the screen was once nothing is left to settle."""
    card = Card(frame, accent=AMBER)
    card.notice(notice)
    card.say(text.SETTLED_ALL.format(number=view.request.number))
    return card.build()


def _reason_field() -> Field:
    return Field(
        "reason",
        text.FIELD_HOW_KNOWN,
        text.FIELD_HOW_KNOWN_ABOUT,
        long=True,
        length_max=REASON_MAX,
    )


def bought_modal(view: RequestView, line_no: int) -> ui.Modal:
    """Return the modal that books a line as bought. Fields: buy_id, paid, reason."""
    return modal(
        text.MODAL_BOUGHT.format(number=view.request.number),
        _id(view, "settle_bought_now", f"{pack([line_no])}.{one_time()}"),
        Field("buy_id", text.FIELD_BUY_ID, text.FIELD_BUY_ID_ABOUT, length_max=20),
        Field("paid", text.FIELD_PAID, text.FIELD_PAID_ABOUT, length_max=20),
        _reason_field(),
    )


def not_bought_modal(view: RequestView, line_nos: Collection[int]) -> ui.Modal:
    """Return the modal that books lines as not bought. Field: reason."""
    return modal(
        text.MODAL_NOT_BOUGHT.format(number=view.request.number, skins=text.skins(len(line_nos))),
        _id(view, "settle_not_now", f"{pack(line_nos)}.{one_time()}"),
        _reason_field(),
    )
