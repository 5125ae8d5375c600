"""The messages that ask a member to say when they are there, and what they say afterwards."""

from __future__ import annotations

from typing import Any, Final

from discord import ButtonStyle, ui

from bot.domain.models import MessageKind, OutboxRow, Request, RequestView, WaitReason
from bot.domain.plain_text import clean_line, escape
from bot.ui import text
from bot.ui.cards.classic import Classic
from bot.ui.cards.frame import Frame
from bot.ui.cards.parts import button
from bot.ui.custom_ids import of_request

_GUILD_NAME_MAX: Final = 100


def ready_message(row: OutboxRow, view: RequestView, frame: Frame, *, guild_name: str) -> Classic:
    """Return the question whether to send it now, or a reminder of it, or what came of it.

    In a channel, where it stands if the member can't be written to, it names them.
    """
    request = view.request
    words = (
        _question(row, view, frame, guild_name)
        if request.waits_for_member
        else text.ready_over_in_words(view, frame)
    )
    if not row.to_member:
        words = text.READY_IN_CHANNEL.format(member=text.person(request.user_id), words=words)
    if frame.sandbox:
        words = f"{words}\n{text.SANDBOX}"
    return Classic(words, (_button(request),))


def _question(row: OutboxRow, view: RequestView, frame: Frame, guild_name: str) -> str:
    request = view.request
    asked_before = row.kind is MessageKind.REMINDER
    name = escape(clean_line(guild_name, length_max=_GUILD_NAME_MAX)) if row.to_member else ""
    about = text.READY_ABOUT if not name else text.READY_ABOUT_FROM
    title = text.READY_REMINDER_TITLE if asked_before else text.READY_TITLE
    said = [
        title.format(
            number=request.number,
            about=about.format(
                skins=text.skins(len(view.lines)), total=text.usd(view.ceiling_total), guild=name
            ),
        ),
        text.waits_in_words(WaitReason.MEMBER_READY, frame, for_moderator=False),
        text.READY_UNTIL.format(when=text.ago(request.expires_at or request.changed_at)),
    ]
    if not row.to_member:
        said.append(text.READY_ONLY_YOU)
    return "\n".join(said)


def _button(request: Request) -> ui.Button[Any]:
    if request.waits_for_member:
        return button(text.BUTTON_SEND_NOW, of_request(request, "send_now"), ButtonStyle.success)
    return button(
        text.BUTTON_SHOW_REQUEST.format(number=request.number), of_request(request, "show_one")
    )
