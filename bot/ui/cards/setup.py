"""The set-up panel, the test card, the limits, and the panel message for members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from discord import ButtonStyle, ChannelType, Object, ui

from bot.domain.models import Delivery, GuildSettings, OutboxRow
from bot.services.catalogue import PriceAge
from bot.ui import text
from bot.ui.cards.frame import Frame
from bot.ui.cards.notices import server_not_allowed
from bot.ui.cards.parts import BLUE, GREEN, Card, Field, Item, button, modal, option, select
from bot.ui.checks import PlaceFinding, SetupFindings
from bot.ui.custom_ids import CustomId, Space, one_time

_ASKERS_MAX = 10


def _id(verb: str, tail: str = "") -> str:
    return str(CustomId(Space.SETUP, verb, tail=tail))


def setup_panel(
    settings: GuildSettings,
    frame: Frame,
    *,
    findings: SetupFindings,
    confirmed: Sequence[int],
    parked: Sequence[OutboxRow],
    allowed: bool,
    prices: PriceAge | None = None,
    notice: str = "",
) -> ui.LayoutView:
    """Return the one panel on which a server is set up. ``prices``: of the games it offers."""
    if not allowed:
        return server_not_allowed(settings.guild_id, frame)
    done = findings.done + (settings.delivery is not None)
    card = Card(frame, accent=GREEN if done == text.SETUP_STEPS else BLUE)
    card.notice(notice)
    card.say(
        text.SETUP_TITLE.format(done=done, all=text.SETUP_STEPS)
        + "\n"
        + text.approver_in_words(findings.approver, confirmed)
    )
    card.row(_role_select("approver", text.SELECT_APPROVER, _standing_role(findings)))
    card.say(text.approvals_in_words(findings))
    card.row(_channel_select("approvals", text.SELECT_APPROVALS, _standing(findings.approvals)))
    card.say(text.results_in_words(findings))
    card.row(_channel_select("results", text.SELECT_RESULTS, _standing(findings.results)))
    card.say(text.delivery_in_words(settings.delivery))
    card.row(_delivery_select(settings.delivery))
    askers = sorted(settings.asker_role_ids)
    standing = [role_id for role_id in askers if role_id not in findings.askers_gone]
    card.say(text.askers_in_words(askers, len(findings.askers_gone)))
    card.row(
        ui.RoleSelect[Any](
            custom_id=_id("askers"),
            placeholder=text.SELECT_ASKERS,
            min_values=0,
            max_values=_ASKERS_MAX,
            default_values=[Object(role_id) for role_id in standing[:_ASKERS_MAX]],
        )
    )
    card.say(text.games_in_words(settings.games, prices))
    card.row(_games_select(settings.games))
    after = [text.limits_in_words(settings)]
    if findings.all_done and not confirmed:
        after.append(text.SETUP_READY)
    if parked:
        after.append(text.parked_in_words(parked))
    card.say("\n".join(after))
    buttons = [
        button(text.BUTTON_LIMITS, _id("limits")),
        button(text.BUTTON_CHECK, _id("check")),
        button(
            text.BUTTON_TEST,
            _id("test"),
            disabled=findings.approver is None or findings.approvals is None,
        ),
        button(text.BUTTON_PANEL, _id("panel"), disabled=not settings.ready),
    ]
    if parked:
        buttons.append(button(text.BUTTON_UNPARK, _id("unpark"), ButtonStyle.primary))
    card.row(*buttons)
    return card.build()


def _standing_role(findings: SetupFindings) -> int | None:
    """Return the chosen role if it still exists: a select can't stand on one that doesn't."""
    role = findings.approver
    return role.role_id if role is not None and role.exists else None


def _standing(place: PlaceFinding | None) -> int | None:
    return place.channel_id if place is not None and place.exists else None


def _role_select(verb: str, placeholder: str, chosen: int | None) -> ui.RoleSelect[Any]:
    return ui.RoleSelect[Any](
        custom_id=_id(verb),
        placeholder=placeholder,
        default_values=[] if chosen is None else [Object(chosen)],
    )


def _channel_select(verb: str, placeholder: str, chosen: int | None) -> ui.ChannelSelect[Any]:
    return ui.ChannelSelect[Any](
        custom_id=_id(verb),
        placeholder=placeholder,
        channel_types=[ChannelType.text],
        default_values=[] if chosen is None else [Object(chosen)],
    )


def _delivery_select(chosen: Delivery | None) -> Item:
    return select(
        _id("delivery"),
        text.SELECT_DELIVERY,
        [
            option(words, one, text.DELIVERIES_ABOUT[one], chosen=one is chosen)
            for one, words in text.DELIVERIES.items()
        ],
    )


def _games_select(chosen: Sequence[str]) -> Item:
    return select(
        _id("games"),
        text.SELECT_GAMES,
        [option(name, game, chosen=game in chosen) for game, name in text.GAME_NAMES.items()],
        several=True,
    )


def limits_modal(settings: GuildSettings) -> ui.Modal:
    """Return the modal that asks for the limits. Fields: tolerance, lines, open, undo."""
    return modal(
        text.MODAL_LIMITS,
        _id("set_limits", one_time()),
        Field(
            "tolerance",
            text.FIELD_TOLERANCE,
            text.FIELD_TOLERANCE_ABOUT.format(highest=text.LIMITS["tolerance"]),
            value=text.percent(settings.tolerance_bp),
            length_max=6,
        ),
        Field(
            "lines",
            text.FIELD_LINES,
            text.FIELD_LINES_ABOUT.format(highest=text.LIMITS["lines"]),
            value=str(settings.lines_max),
            length_max=3,
        ),
        Field(
            "open",
            text.FIELD_OPEN,
            text.FIELD_OPEN_ABOUT.format(highest=text.LIMITS["open"]),
            value=str(settings.open_requests_max),
            length_max=3,
        ),
        Field(
            "undo",
            text.FIELD_UNDO,
            text.FIELD_UNDO_ABOUT.format(highest=text.LIMITS["undo"]),
            value=str(settings.undo_s),
            length_max=4,
        ),
    )


def test_card(settings: GuildSettings, frame: Frame, *, confirmed: Sequence[int]) -> ui.LayoutView:
    """Return the card on which moderators show that they can approve."""
    card = Card(frame, accent=BLUE)
    card.say(text.test_in_words(settings.approver_role_id, confirmed))
    card.row(button(text.BUTTON_CONFIRM, _id("confirm"), ButtonStyle.success))
    return card.build()


def panel_message(frame: Frame) -> ui.LayoutView:
    """Return the message with buttons for members who don't know commands."""
    card = Card(frame, accent=BLUE)
    card.say(f"{text.PANEL_TITLE}\n{text.PANEL_ABOUT}")
    card.row(
        button(text.BUTTON_ASK, CustomId(Space.PANEL, "ask"), ButtonStyle.primary),
        button(text.BUTTON_MINE, CustomId(Space.PANEL, "mine")),
    )
    return card.build()
