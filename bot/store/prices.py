"""The last price list, in a file beside the database: a restart starts with it.

It is a copy of what the market says and can be lost at any time, so it is not in the database,
where it would stand in the way of the money's writer.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.domain.market import Quote
from bot.domain.money import Micros

log = logging.getLogger(__name__)


class PriceFile:
    """Saves and loads quotes. Blocking: call it in a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def save(self, quotes: Sequence[Quote], refreshed_at: int) -> None:
        """Replace the file, whole or not at all; a full disk costs a warm start and no more."""
        rows = [
            (quote.game, quote.market_hash_name, quote.price, quote.count, quote.class_id)
            for quote in quotes
        ]
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            new.write_text(json.dumps({"at": refreshed_at, "quotes": rows}), encoding="utf-8")
            new.replace(self._path)
        except OSError as error:
            log.warning("The price list could not be saved: %s", error.strerror)

    def load(self) -> tuple[list[Quote], int] | None:
        """Return the quotes and when they were read, or None if there are none to be had."""
        try:
            saved: Any = json.loads(self._path.read_text(encoding="utf-8"))
            quotes = [
                Quote(str(game), str(name), Micros(int(price)), int(count), str(class_id))
                for game, name, price, count, class_id in saved["quotes"]
            ]
            return quotes, int(saved["at"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            log.warning("The saved price list can't be read; it is read anew from the market.")
            return None
