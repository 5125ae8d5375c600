"""What the services know of the market's socket: whether its events arrive."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class MarketSocket:
    """``up``: events arrive, so that asking may be calm."""

    up: bool = False
