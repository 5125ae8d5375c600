"""The message to the moderators that a member is there now, and what it says afterwards."""

from __future__ import annotations

from bot.domain.models import OutboxRow, RequestView
from bot.domain.money import Micros
from bot.ui import text
from bot.ui.cards.approval import try_again_button
from bot.ui.cards.classic import Classic
from bot.ui.cards.frame import Frame
from bot.ui.cards.parts import button
from bot.ui.custom_ids import of_request


def member_here(row: OutboxRow, view: RequestView, frame: Frame) -> Classic:
    """Return that a member asks for another try, as long as that round of tries is the last."""
    request = view.request
    details = button(text.BUTTON_DETAILS, of_request(request, "details"))
    member = text.person(request.user_id)
    if view.rounds != row.part or not view.missed or request.here_at is None:
        words = text.HERE_OVER.format(member=member, number=request.number)
        return Classic(_rehearsed(words, frame), (details,))
    total = Micros(sum(line.line.ceiling for line in view.missed))
    words = text.HERE_MESSAGE.format(
        member=member,
        when=text.ago(request.here_at),
        number=request.number,
        skins=text.skins(len(view.missed)),
        total=text.usd(total),
    )
    return Classic(_rehearsed(words, frame), (try_again_button(view), details))


def _rehearsed(words: str, frame: Frame) -> str:
    return f"{words}\n{text.SANDBOX}" if frame.sandbox else words
