"""What waits for moderators as a private list, and a request's card in private."""

from __future__ import annotations

from typing import Any

from discord import ButtonStyle, ui

from bot.domain.models import RequestView
from bot.domain.money import Micros
from bot.domain.states import RequestState
from bot.services.approvals import CardPlace, Queue, RequestCard, Where
from bot.ui import text
from bot.ui.cards.approval import approval_card
from bot.ui.cards.frame import Frame
from bot.ui.cards.parts import Card, Item, button, link, option, select
from bot.ui.custom_ids import CustomId, Space, of_request


def queue_screen(queue: Queue, frame: Frame) -> ui.LayoutView:
    """Return a page of the list, with a select that opens one of them."""
    card = Card(frame)
    if not queue.cards:
        card.say(text.QUEUE_NONE)
        return card.build()
    card.say(text.plural(queue.total, text.QUEUE_ONE, text.QUEUE_MANY))
    card.rows([_row(one) for one in queue.cards])
    card.row(
        select(
            CustomId(Space.PANEL, "queue_show"),
            text.SELECT_QUEUE,
            [option(queue_label(one.view), one.view.request.request_id) for one in queue.cards],
        )
    )
    if queue.pages > 1:
        card.row(*_page_buttons(queue))
    return card.build()


def _page_buttons(queue: Queue) -> list[Item]:
    page, last = queue.page, queue.pages - 1
    return [
        button(text.BUTTON_PREVIOUS, _to_page(page - 1), disabled=page == 0),
        button(
            text.BUTTON_PAGE.format(page=page + 1, pages=last + 1), _to_page(page), disabled=True
        ),
        button(text.BUTTON_NEXT, _to_page(page + 1), disabled=page == last),
    ]


def _to_page(page: int) -> CustomId:
    return CustomId(Space.PANEL, "queue", tail=str(page))


def _row(one: RequestCard) -> str:
    view, place = one.view, one.place
    stands = place.where is Where.STANDS
    return text.QUEUE_ROW.format(
        number=view.request.number,
        member=text.person(view.request.user_id),
        skins=text.skins(_asked(view)[0]),
        total=text.usd(_asked(view)[1]),
        what=text.queue_what(view),
        card=text.QUEUE_CARD.format(url=text.card_url(view, place))
        if stands
        else text.QUEUE_NO_CARD,
    )


def _asked(view: RequestView) -> tuple[int, Micros]:
    """Return how many skins a moderator would act on, and the most that they may cost."""
    lines = view.to_try_again if view.request.state is RequestState.BOUGHT else view.lines
    return len(lines), Micros(sum(line.line.ceiling for line in lines))


def queue_label(view: RequestView) -> str:
    """Return a request in the list that appears while somebody types, or in a select."""
    count, total = _asked(view)
    return text.QUEUE_CHOICE.format(
        number=view.request.number,
        skins=text.skins(count),
        total=text.usd(total),
        state=text.STATE_NEEDS_A_PERSON if view.needs_a_person else text.state_in_words(view),
    )


def private_card(card: RequestCard, frame: Frame) -> ui.LayoutView:
    """Return a request's approval card as one moderator sees it: with the way to the one in the
    channel, or to have it posted again.
    """
    drawn = approval_card(card.view, frame)
    ways = [*_way_to_card(card.view, card.place), button(text.BUTTON_QUEUE, _to_page(0))]
    drawn.add_item(ui.ActionRow[Any](*ways))
    return drawn


def _way_to_card(view: RequestView, place: CardPlace) -> list[Item]:
    again = of_request(view.request, "post_again", str(place.copy))
    match place.where:
        case Where.STANDS:
            return [link(text.BUTTON_CARD, text.card_url(view, place))]
        case Where.GONE:
            return [button(text.BUTTON_POST_AGAIN, again, ButtonStyle.primary)]
        case Where.COMING:
            return [button(text.BUTTON_CARD_COMING, again, disabled=True)]
        case Where.NOWHERE:
            return []
