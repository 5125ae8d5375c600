"""Where the money is: balance, held, on its way, gone in vain, spent; and what is seen back."""

from __future__ import annotations

from collections.abc import Collection

from discord import ButtonStyle, ui

from bot.domain.keys import stamp_of
from bot.domain.money import Micros
from bot.domain.sums import NotBack
from bot.services.money import MoneyReport
from bot.ui import text
from bot.ui.cards.frame import Frame
from bot.ui.cards.parts import AMBER, BLUE, Card, button, named, option, select
from bot.ui.custom_ids import CustomId, Space, pack


def money_screen(
    report: MoneyReport, frame: Frame, *, chosen: Collection[int] = (), notice: str = ""
) -> ui.LayoutView:
    """Return the sums, and a page of what failed and was not seen back.

    ``chosen``: places on that page, from 1.
    """
    card = Card(frame, accent=AMBER if report.not_back else BLUE)
    card.notice(notice)
    card.say(text.money_in_words(report))
    if report.deployment is not None:
        card.say(text.deployment_money_in_words(report.deployment))
    if not report.not_back:
        return card.build()
    card.say(text.NOT_BACK_ABOUT)
    mine = [one for place, one in enumerate(report.not_back, start=1) if place in chosen]
    card.rows([_row(one) for one in mine], head=text.NOT_BACK_CHOSEN)
    card.row(
        select(
            _id(report, "choose", str(report.page)),
            text.SELECT_NOT_BACK,
            [
                option(
                    text.NOT_BACK_LABEL.format(number=one.number, skin=one.market_hash_name),
                    str(place),
                    text.NOT_BACK_OPTION.format(
                        paid=text.usd(one.debited),
                        why=text.failed_as(one.offer_status),
                        buy_id=one.buy_id,
                    ),
                    chosen=place in chosen,
                )
                for place, one in enumerate(report.not_back, start=1)
            ],
            several=True,
        )
    )
    buttons = []
    if mine:
        amount = text.usd(Micros(sum(one.debited for one in mine)))
        packed = f"{report.page}.{pack(chosen)}"
        label = text.BUTTON_MONEY_BACK.format(amount=amount)
        buttons.append(button(label, _id(report, "back", packed), ButtonStyle.success))
    if report.pages > 1:
        buttons += [
            button(
                text.BUTTON_PREVIOUS,
                _id(report, "page", f"{report.page - 1}.p"),
                disabled=report.page <= 1,
            ),
            button(
                text.BUTTON_NEXT,
                _id(report, "page", f"{report.page + 1}.n"),
                disabled=report.page >= report.pages,
            ),
        ]
        card.say(text.NOT_BACK_PAGE.format(page=report.page, pages=report.pages))
    card.row(*buttons)
    return card.build()


def _id(report: MoneyReport, verb: str, tail: str) -> CustomId:
    """Return a custom id that is stamped with the purchases of the page."""
    stamp = stamp_of(one.purchase_key for one in report.not_back)
    return CustomId(Space.MONEY, verb, stamp=stamp, tail=tail)


def _row(one: NotBack) -> str:
    return text.NOT_BACK_ROW.format(
        number=one.number,
        skin=named(one.market_hash_name),
        paid=text.usd(one.debited),
        buy_id=one.buy_id,
        why=text.failed_as(one.offer_status),
        when=text.moment(one.status_at),
        member=text.person(one.user_id),
    )
