"""Where a member's skins go: asked for on a screen, typed into a modal, confirmed on another."""

from __future__ import annotations

from collections.abc import Sequence

from discord import ButtonStyle, ui

from bot.domain.models import Request
from bot.domain.trade_url import TEXT_LENGTH_MAX, TRADE_URL_PAGE, TradeUrl
from bot.ui import text
from bot.ui.cards.frame import Frame
from bot.ui.cards.member import ask_again_button
from bot.ui.cards.parts import BLUE, GREEN, RED, Card, Field, button, link, modal
from bot.ui.custom_ids import NOTHING, CustomId, Space, one_time


def trade_url_screen(
    frame: Frame, *, known: TradeUrl | None, context: str = "", notice: str = ""
) -> ui.LayoutView:
    """Return where to find a Trade URL and the way to enter it.

    ``context`` is where to go on afterwards: "basket", a request's id or nothing.
    """
    card = Card(frame, accent=BLUE)
    card.notice(notice)
    enter = text.BUTTON_ENTER_URL if known is None else text.BUTTON_CHANGE_URL
    about = [text.URL_TITLE, text.URL_WHY]
    if known is not None:
        about.append(text.URL_KNOWN.format(masked=known.masked(), profile=known.profile_url))
    card.say("\n".join(about))
    card.say(text.url_how(enter))
    buttons = [
        link(text.BUTTON_STEAM_PAGE, TRADE_URL_PAGE),
        button(enter, CustomId(Space.TRADE_URL, "enter", tail=context), ButtonStyle.primary),
    ]
    if known is not None:
        buttons.append(
            button(text.BUTTON_FORGET, CustomId(Space.TRADE_URL, "forget", tail=context))
        )
    if context:
        buttons.append(button(text.BUTTON_BACK, CustomId(Space.TRADE_URL, "back", tail=context)))
    card.row(*buttons)
    return card.build()


def trade_url_modal(context: str) -> ui.Modal:
    """Return the modal that asks for the URL. Field: url. It is never filled in beforehand.

    The context is the subject of its id, because the tail is a one-time one.
    """
    subject = context or NOTHING
    return modal(
        text.MODAL_TRADE_URL,
        CustomId(Space.TRADE_URL, "save", subject, tail=one_time()),
        Field(
            "url",
            text.FIELD_URL,
            text.FIELD_URL_ABOUT,
            example=text.FIELD_URL_EXAMPLE,
            long=True,
            length_max=TEXT_LENGTH_MAX,
        ),
    )


def trade_url_confirm(
    url: TradeUrl, candidate_id: str, frame: Frame, *, context: str
) -> ui.LayoutView:
    """Return the question whether the account is theirs."""
    card = Card(frame, accent=BLUE)
    sentence = text.URL_CONFIRM.format(steam_id=url.steam_id, profile=url.profile_url)
    card.say(f"{text.URL_CONFIRM_TITLE}\n{sentence}")
    card.row(
        link(text.BUTTON_STEAM_PROFILE, url.profile_url),
        button(
            text.BUTTON_URL_YES,
            CustomId(Space.TRADE_URL, "yes", candidate_id, tail=context),
            ButtonStyle.success,
        ),
        button(text.BUTTON_URL_NO, CustomId(Space.TRADE_URL, "enter", tail=context)),
    )
    return card.build()


def trade_url_forget_question(frame: Frame, *, context: str = "") -> ui.LayoutView:
    """Return the question before a Trade URL is forgotten."""
    card = Card(frame, accent=RED)
    card.say(text.URL_FORGET)
    card.row(
        button(
            text.BUTTON_FORGET_YES,
            CustomId(Space.TRADE_URL, "forget_yes", tail=context),
            ButtonStyle.danger,
        ),
        button(text.BUTTON_KEEP, CustomId(Space.TRADE_URL, "show", tail=context)),
    )
    return card.build()


def trade_url_saved(
    url: TradeUrl, frame: Frame, *, notices: Sequence[str] = (), elsewhere: Request | None = None
) -> ui.LayoutView:
    """Return that it is saved, and what that means for requests that are already sent.

    ``elsewhere``: one that it can't help, and of which what is missing can be asked for again.
    """
    card = Card(frame, accent=GREEN)
    saved = text.URL_SAVED.format(steam_end=text.account_end(url.steam_id))
    card.say(f"{text.URL_SAVED_TITLE}\n{saved}")
    card.rows(notices)
    if elsewhere is not None:
        card.row(ask_again_button(elsewhere))
    return card.build()
