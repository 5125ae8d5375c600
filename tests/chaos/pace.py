"""The bot's waits, made short: what takes minutes in life takes seconds here. Tests only.

Durations that the bot takes from ``bot.services.timing`` are divided by ``FASTER``; waits that are
still constants of their modules are set one by one.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from functools import partial
from typing import Any, Final
from unittest.mock import patch

import discord.client
import discord.http

import bot.__main__ as main_module
from bot.domain import backoff, models
from bot.domain.delivery import Cadence
from bot.domain.models import WaitReason
from bot.sandbox.discord import routes_channels
from bot.sandbox.skinsback import market, server
from bot.services import waits
from bot.services.timing import Timing
from bot.skinsback.client import SkinsbackClient
from bot.skinsback.events import EventTiming, MarketEvents
from bot.skinsback.limiter import Limiter

FASTER: Final = 400
"""Ten minutes of grace become a second and a half."""

SETTLES_MS: Final = 1_200
"""In place of eight days: longer than any trade here takes to be reversed."""

_DELIVERY: Final[dict[str, float | tuple[int, ...]]] = {
    "SETTLES_MS": SETTLES_MS,
    "STUCK_MS": 1_500,
    "STUCK_WAITING_MS": 1_200,
}

_CADENCE: Final = Cadence(eager=60, calm=200, slow=300, settling=500)

_EVENTS: Final = EventTiming(
    connect_s=1.0,
    auth_s=0.4,
    ping_s=0.3,
    silence_s=0.9,
    close_s=0.1,
    backoff_first_s=0.05,
    backoff_max_s=0.3,
    stable_s=0.3,
    refused_s=0.4,
)

NONCE_S: Final = 0.4
"""How long the stand-in's Discord remembers a nonce in these rounds."""

_LEAST_MS: Final = 50
_SET_MS: Final = {
    "follow_gap_ms": 30,
    "books_every_ms": 2_000,
    "books_overlap_ms": 5_000,
    "look_up_late_max_ms": 600,
    "settled_gap_ms": 1_000,
}
"""What would be too often, or too late for a round, if it were divided as the others are."""

_LEAST_WAIT_MS: Final = 100
_LONGEST_WAIT_MS: Final = 600

_REST_MS: Final = 400
_REFUSED_MS: Final = (400, 600, 800)
"""How long a Steam account rests."""

_CONSTANTS: Final[dict[str, dict[str, float | tuple[int, ...]]]] = {
    "bot.domain.backoff": {"REST_MS": _REST_MS, "REFUSED_MS": _REFUSED_MS},
    "bot.services.steam_accounts": {"REST_MS": _REST_MS},
    "bot.domain.delivery": _DELIVERY,
    "bot.domain.models": {"SETTLES_MS": SETTLES_MS},
    "bot.services.following": {"_IDLE_MS": 300, "_SILENT_MS": 150},
    "bot.services.announcements": {
        "TOLD_ANEW_MS": 450,
        "EDIT_GAP_MS": 50,
        "BEHIND_MS": 3_000,
        "_FIRST_RETRY_MS": 60,
        "_LAST_RETRY_MS": 400,
        "_IDLE_S": 0.5,
        "_BLOCKED_S": 0.03,
    },
    "bot.services.market_watch": {"_CHECK_S": 0.3, "_HOLD_MS": 500},
    "bot.services.catalogue": {"_RETRY_S": 0.2},
    "bot.services.purchasing": {"_IDLE_S": 0.5},
    "bot.services.books": {"_RETRY_S": 0.2},
    "bot.__main__": {"SHUTDOWN_S": 3.0},
    "bot.services.requests": {"_DM_WAIT_S": 1.0, "_SWEEP_S": 0.5},
}
"""Waits that are constants of a module."""

MINUTE_S: Final = 1.0
"""How long the minute lasts in which the market counts calls."""


def hurry() -> None:
    """Shorten every wait of the bot in this process."""
    for module_name, constants in _CONSTANTS.items():
        module = importlib.import_module(module_name)
        for name, value in constants.items():
            if not hasattr(module, name):
                raise AttributeError(f"{module_name} has no {name}")
            setattr(module, name, value)
    _set(waits, "Wait", _ShortWait)
    hurried = _HurriedAsyncio()
    _set(discord.http, "asyncio", hurried)
    _set(discord.client, "asyncio", hurried)
    _set(main_module, "SkinsbackClient", _ImpatientClient)
    _set(main_module, "MarketEvents", partial(MarketEvents, timing=_EVENTS))
    _set(main_module, "build", _hurried_build(main_module.build))


def _set(owner: object, name: str, value: object) -> None:
    setattr(owner, name, value)


@contextmanager
def hurried_world() -> Iterator[None]:
    """Hurry the stand-ins in this process, and what messages say, which is drawn anew here."""
    with ExitStack() as stack:
        for owner, name, value in (
            (routes_channels, "NONCE_MEMORY_S", NONCE_S),
            (market, "_LATE_ACCEPT_S", 0.4),
            (market, "_LATE_REFUND_S", 0.6),
            (server, "_TICK_S", 0.05),
            (models, "SETTLES_MS", SETTLES_MS),
            (backoff, "REST_MS", _REST_MS),
            (backoff, "REFUSED_MS", _REFUSED_MS),
        ):
            stack.enter_context(patch.object(owner, name, value))
        yield


class _ImpatientClient(SkinsbackClient):
    """Does not wait for answers as long as the bot does."""

    def __init__(self, *, url: str, client_id: str, client_secret: str, limiter: Limiter) -> None:
        super().__init__(
            url=url,
            client_id=client_id,
            client_secret=client_secret,
            limiter=limiter,
            buy_timeout_s=1.5,
            call_timeout_s=0.8,
            pricelist_timeout_s=3.0,
            connect_timeout_s=1.0,
        )


_Wait = waits.Wait


class _ShortWait(_Wait):
    """A wait of seconds or hours as one of some tenths of a second."""

    __slots__ = ()

    def __init__(self, reason: WaitReason, for_ms: int) -> None:
        short = min(_LONGEST_WAIT_MS, max(_LEAST_WAIT_MS, for_ms // FASTER))
        _Wait.__init__(self, reason, short)


class _HurriedAsyncio:
    """``asyncio`` as the Discord library sees it: its pauses between tries are short."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    @staticmethod
    async def sleep(seconds: float) -> None:
        """Sleep, but never for long."""
        await asyncio.sleep(min(seconds / 10, 0.3))


def _hurried_build(build: Callable[..., Any]) -> Callable[..., Any]:
    def hurried(*arguments: Any, **named: Any) -> Any:
        house = build(*arguments, **named, timing=scaled_timing())
        # How long the library waits for more servers before it calls itself ready.
        house.bot._connection.guild_ready_timeout = 0.03
        return house

    return hurried


def scaled_timing() -> Timing:
    """Return the bot's durations, each ``FASTER``."""
    timing = Timing()
    shorter = {
        field.name: max(_LEAST_MS, getattr(timing, field.name) // FASTER)
        for field in fields(timing)
        if field.name != "cadence"
    }
    return replace(timing, cadence=_CADENCE, **(shorter | _SET_MS))


def grace_s() -> float:
    """Return how long the bot's grace period is here, in seconds."""
    return scaled_timing().grace_ms / 1000
