"""Phases of a skin: one finish that is sold in several colours, each at a price of its own.

The market names such a skin twice, with the phase and without; the longer name is the right one.
"""

from __future__ import annotations

import re
from typing import Final

_PHASE: Final = r"(?:Phase [1-4]|Ruby|Sapphire|Emerald|Black Pearl)"
# "Doppler Phase 2 (Factory New)" and "Doppler (Factory New) - Phase 2".
_WITHIN: Final = re.compile(rf"(?P<head>.*\bDoppler) \(?{_PHASE}\)?(?P<tail>(?: \([^()]+\))?)")
_BEHIND: Final = re.compile(rf"(?P<head>.*\bDoppler(?: \([^()]+\))?) (?:- {_PHASE}|\({_PHASE}\))")


def without_phase(market_hash_name: str) -> str | None:
    """Return the name of the same skin without its phase, or None for a name that has none."""
    if "Doppler" not in market_hash_name:
        return None
    found = _BEHIND.fullmatch(market_hash_name)
    if found is not None:
        return found["head"]
    found = _WITHIN.fullmatch(market_hash_name)
    return None if found is None else found["head"] + found["tail"]
