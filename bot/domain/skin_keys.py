"""What stands for a skin in a menu: its game and its name, in what Discord has room for."""

from __future__ import annotations

import hashlib
from typing import Final

from bot.domain.market import APP_IDS

KEY_MAX: Final = 100
"""Characters that a value of a menu or of a suggestion may have."""

_DIGEST: Final = 8

Skin = tuple[str, str]
"""A game and a market hash name."""


def key_of(game: str, market_hash_name: str) -> str:
    """Return a skin's key, ``cs2:AK-47 | Redline (Field-Tested)``, at most 100 characters.

    A longer one is cut and ends in a digest: two skins never have the same key.
    """
    whole = f"{game}:{market_hash_name}"
    if len(whole) <= KEY_MAX:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:_DIGEST]
    return f"{whole[: KEY_MAX - _DIGEST - 1]}~{digest}"


def skin_of_key(key: str) -> Skin:
    """Return the game and the name that a key stands for; no game if it names none.

    Of a key that was cut it is what is left of the name: no skin is called so, and ``key_of`` makes
    the same key of it again.
    """
    game, colon, name = key.partition(":")
    return (game, name) if colon and game in APP_IDS else ("", key)
