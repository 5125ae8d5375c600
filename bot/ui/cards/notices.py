"""Sentences by themselves: private answers, the pause, a server that may not spend."""

from __future__ import annotations

from discord import ui

from bot.services.ports import Paused
from bot.ui import text
from bot.ui.cards.frame import Frame
from bot.ui.cards.parts import AMBER, GREEN, RED, TEXT_MAX, Card, Item, clipped_markdown

_ROOM = TEXT_MAX - 200


def notice(words: str, frame: Frame, *buttons: Item) -> ui.LayoutView:
    """Return a private sentence, with what can be pressed next."""
    card = Card(frame)
    card.say(clipped_markdown(words, _ROOM))
    card.row(*buttons)
    return card.build()


def moderator_notice(words: str, frame: Frame) -> ui.LayoutView:
    """Return a private sentence to a moderator."""
    card = Card(frame, accent=AMBER)
    card.say(clipped_markdown(words, _ROOM))
    return card.build()


def pause_over(frame: Frame) -> ui.LayoutView:
    """Return what a pause notice becomes when the pause is lifted."""
    card = Card(frame, accent=GREEN)
    card.say(text.PAUSE_OVER)
    return card.build()


def pause_notice(paused: Paused, frame: Frame) -> ui.LayoutView:
    """Return, for an approval channel, that buying is paused, by whom and why, and what goes on."""
    card = Card(frame, accent=RED)
    card.say(text.PAUSE_TITLE)
    card.say(text.paused_in_words(paused, frame))
    card.say(text.PAUSE_KEPT)
    if frame.operator_ids and paused.deployment:
        card.say(text.PAUSE_OPERATORS.format(people=text.people(frame.operator_ids)))
    return card.build()


def server_not_allowed(guild_id: int, frame: Frame) -> ui.LayoutView:
    """Return what a server is told that the operator hasn't allowed."""
    card = Card(frame, accent=RED)
    sentence = text.NOT_ALLOWED.format(guild_id=guild_id)
    card.say(f"{text.NOT_ALLOWED_TITLE}\n{sentence}")
    return card.build()
