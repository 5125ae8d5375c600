"""Skins that are suggested while somebody types a name into a command."""

from __future__ import annotations

import logging
from typing import Final

from discord import app_commands

from bot.domain.skin_keys import KEY_MAX, key_of, skin_of_key
from bot.errors import UserFacingError
from bot.services.picking import Picking, Suggestion
from bot.ui import text
from bot.ui.cards.parts import clipped
from bot.ui.guard import Interaction, actor_of

log = logging.getLogger(__name__)

_PRICE_BEGINS: Final = f"{text.CHOICE_SEPARATOR}$"
_SOLD_OUT: Final = f"{text.CHOICE_SEPARATOR}{text.SOLD_OUT}"


async def suggest_skins(
    interaction: Interaction, picking: Picking, typed: str
) -> list[app_commands.Choice[str]]:
    """Return what fits, with price and stock; nothing for those who may not ask. Never raises."""
    try:
        found = await picking.suggest(actor_of(interaction), without_about(typed))
    except UserFacingError:
        return []
    except Exception:
        # The library would only log it, and the person would see the list fail to load.
        log.exception("Autocomplete failed.")
        return []
    return [
        app_commands.Choice(name=_label(one), value=value)
        for one in found
        if _says_it_all(value := _value(one), one)
    ]


def typed_skin(item: str) -> tuple[str, str]:
    """Return the game and the name that an option says; no game if the name alone tells it."""
    return skin_of_key(without_about(item))


def without_about(item: str) -> str:
    """Return what was typed without the price behind it: whoever edits a suggestion sends both."""
    return item.partition(_PRICE_BEGINS)[0].partition(_SOLD_OUT)[0]


def _value(one: Suggestion) -> str:
    quote = one.quote
    if one.shared:
        return key_of(quote.game, quote.market_hash_name)
    return quote.market_hash_name


def _says_it_all(value: str, one: Suggestion) -> bool:
    """Say whether a value has room for the whole name: it is all that comes back."""
    return len(value) <= KEY_MAX and skin_of_key(value)[1] == one.quote.market_hash_name


def _label(one: Suggestion) -> str:
    """Return name, price and stock; of a long name the end is cut, and never the price."""
    quote = one.quote
    about = text.choice_about(quote.price, quote.count, quote.game if one.shared else "")
    return clipped(quote.market_hash_name, KEY_MAX - len(about)) + about
