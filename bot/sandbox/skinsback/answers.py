"""What goes in and out of the stand-in's methods."""

from __future__ import annotations

import re
from decimal import Decimal

from bot.skinsback.protocol import Json
from bot.skinsback.refusals import RULES

Answer = dict[str, Json]
Parameters = dict[str, object]


class ApiError(Exception):
    """An answer with an error code."""

    def __init__(self, code: int, message: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.message = RULES[code].name if message is None else message


def read_list(value: object) -> list[object]:
    """Return a parameter that came as a list; anything else is none."""
    return value if isinstance(value, list) else []


def read_number(value: object, default: Decimal) -> Decimal:
    """Return a parameter that came as a number or as text."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,9})?", value):
        return Decimal(value)
    return default
