"""The stand-in's books on disk, so that a rehearsal goes on after a restart as real money would."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.domain.market import OfferStatus
from bot.domain.money import Micros
from bot.sandbox.skinsback.ledger import LedgerEntry

Due = tuple[float, int, str | None]
"""When something happens to the purchase of a buy id: its next status, or None for the refund."""


def write(
    path: Path,
    *,
    balance: Micros,
    keys: Iterable[str],
    purchases: Iterable[LedgerEntry],
    due: Iterable[Due],
) -> None:
    """Write the books, whole or not at all. Raises ``OSError``."""
    document = {
        "balance": balance,
        "keys": sorted(keys),
        "purchases": [asdict(entry) for entry in purchases],
        "due": [list(each) for each in due],
    }
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(json.dumps(document), encoding="utf-8")
    fresh.replace(path)


def read(path: Path) -> Mapping[str, Any] | None:
    """Return what ``write`` wrote, in the stand-in's own types; None if nothing was written yet."""
    if not path.exists():
        return None
    document = json.loads(path.read_text(encoding="utf-8"))
    return {
        "balance": Micros(document["balance"]),
        "keys": set(document["keys"]),
        "purchases": [_entry(fields) for fields in document["purchases"]],
        "due": [
            (at, buy_id, None if status is None else _status(status))
            for at, buy_id, status in document["due"]
        ],
    }


def _entry(fields: dict[str, Any]) -> LedgerEntry:
    history = [(at, _status(status)) for at, status in fields.pop("history")]
    status = _status(fields.pop("status"))
    return LedgerEntry(**fields, status=status, history=history)


def _status(text: str) -> str:
    """Return a status in its own type, if it has one."""
    return OfferStatus(text) if text in set(OfferStatus) else text
