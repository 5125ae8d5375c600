"""What goes wrong outside of the bot, each by its name in a plan; ``heal`` ends all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bot.domain.market import OfferStatus
from bot.domain.money import DOLLAR, Micros
from bot.sandbox.discord import DiscordSandbox
from bot.sandbox.discord.faults import Action, Delay, Drop, DropAfter, RateLimited, Status
from bot.sandbox.skinsback.ledger import FAILED, LedgerEntry
from bot.sandbox.skinsback.sockets import Greeting
from tests.chaos.market import ChaosMarket
from tests.chaos.plan import Trouble
from tests.e2e.cases import hang_up, pick_up

SKINS: Final = (
    "AK-47 | Redline (Field-Tested)",
    "AWP | Asiimov (Field-Tested)",
    "M4A4 | Neo-Noir (Field-Tested)",
    "USP-S | Kill Confirmed (Minimal Wear)",
    "Glock-18 | Water Elemental (Field-Tested)",
    "Kilowatt Case",
)
"""What people ask for: cheap enough for many, and each with some listings."""

BALANCE: Final = Micros(20_000 * DOLLAR)

_PATHS: Final = (
    r"/channels/\d+/messages",
    r"/(interactions|webhooks)/",
    "",
)


@dataclass(eq=False)
class Scene:
    """What troubles can change."""

    discord: DiscordSandbox
    market: ChaosMarket
    disturbed: int = 0
    """Grows whenever an answer to people may fail without any fault of the bot."""
    down: int = 0
    """Discord is away as long as this isn't 0."""
    hung_up: bool = False

    @property
    def calm(self) -> bool:
        """Whether nothing stands between the bot and the people at the moment."""
        pending = any(fault.hits < fault.times for fault in self.discord.faults._faults)
        return not pending and not self.down and self.discord.gateway.ready


_Play = Callable[[Scene, Trouble], Awaitable[None]]


async def play(scene: Scene, trouble: Trouble) -> None:
    """Let a trouble happen; it returns when it is over or lies in wait."""
    await _ALL[trouble.what](scene, trouble)


async def heal(scene: Scene) -> None:
    """End every trouble."""
    market = scene.market
    market.mend()
    market.sockets.start_over()
    market._before_buy.clear()
    market.market_open = market.shop_active = market.ip_allowed = True
    market.under_maintenance = False
    market.balance = BALANCE
    if scene.hung_up:
        scene.hung_up = False
        await pick_up(market)
    scene.discord.faults.clear()
    if scene.down:
        scene.down = 0
        await scene.discord.start_listening()


# The market


async def _break_market(scene: Scene, trouble: Trouble) -> None:
    if trouble.fault is None:
        raise ValueError("a fault is missing")
    scene.market.break_next(
        trouble.method,
        trouble.fault,
        carried_out=trouble.carried_out,
        times=trouble.times,
        line=trouble.number,
        hang_s=trouble.seconds,
    )


async def _refuse_market(scene: Scene, trouble: Trouble) -> None:
    scene.market.refuse(trouble.method, trouble.number, times=trouble.times)


async def _hang_up(scene: Scene, trouble: Trouble) -> None:
    """Take no connection: what is sent now provably never leaves."""
    if scene.hung_up:
        return
    scene.hung_up = True
    hang_up(scene.market)
    await asyncio.sleep(trouble.seconds)
    if scene.hung_up:
        scene.hung_up = False
        await pick_up(scene.market)


def _switch(name: str, *, to: bool) -> _Play:
    async def switched(scene: Scene, trouble: Trouble) -> None:
        setattr(scene.market, name, to)
        await asyncio.sleep(trouble.seconds)
        setattr(scene.market, name, not to)

    return switched


async def _no_money(scene: Scene, trouble: Trouble) -> None:
    kept, scene.market.balance = scene.market.balance, Micros(DOLLAR)
    await asyncio.sleep(trouble.seconds)
    scene.market.balance = Micros(scene.market.balance + kept - DOLLAR)


async def _sell_out(scene: Scene, trouble: Trouble) -> None:
    scene.market.sell_out(SKINS[trouble.number % len(SKINS)])


async def _raise_price(scene: Scene, trouble: Trouble) -> None:
    name = SKINS[trouble.number % len(SKINS)]
    listings = scene.market.listings(name)
    if listings:
        scene.market.set_price(name, Micros(listings[0].price * 3 // 2))


async def _sell_listing_under_us(scene: Scene, trouble: Trouble) -> None:
    """Let somebody else buy all cheapest listings in the moment in which our call arrives."""

    def sell() -> None:
        for name in SKINS:
            for listing in scene.market.listings(name)[:1]:
                scene.market.sell_listing(listing.listing_id)

    scene.market.before_next_buy(sell)


# The market's events


async def _events_held(scene: Scene, trouble: Trouble) -> None:
    """Keep events back, and let all of them come at once."""
    scene.market.sockets.hold()
    await asyncio.sleep(trouble.seconds)
    scene.market.sockets.release()


async def _events_dropped(scene: Scene, _: Trouble) -> None:
    with suppress(ConnectionError):
        await scene.market.sockets.drop()


async def _events_cut(scene: Scene, trouble: Trouble) -> None:
    scene.market.sockets.cut(within_a_frame=trouble.times > 1)


async def _events_silent(scene: Scene, trouble: Trouble) -> None:
    """Send nothing and answer no ping, as behind a line that is dead and open."""
    sockets = scene.market.sockets
    sockets.silent = True
    sockets.hold()
    await asyncio.sleep(trouble.seconds)
    sockets.silent = False
    sockets.release()


def _greeted_with(greeting: Greeting) -> _Play:
    async def greeted(scene: Scene, trouble: Trouble) -> None:
        sockets = scene.market.sockets
        sockets.greeting = greeting
        sockets.cut()
        await asyncio.sleep(trouble.seconds)
        sockets.greeting = Greeting.BY_SIGNATURE

    return greeted


async def _events_nameless(scene: Scene, trouble: Trouble) -> None:
    """Send events as they were before they named our keys."""
    scene.market.sockets.without_keys = True
    await asyncio.sleep(trouble.seconds)
    scene.market.sockets.without_keys = False


def _told(statuses_of: Callable[[LedgerEntry], Sequence[str]]) -> _Play:
    """Return a trouble that tells of every purchase what is said of it here."""

    async def told(scene: Scene, trouble: Trouble) -> None:
        for _ in range(trouble.times):
            for entry in scene.market.purchases:
                for status in statuses_of(entry):
                    scene.market.tell(entry, status)
            await asyncio.sleep(0.1)

    return told


def _doubled(entry: LedgerEntry) -> Sequence[str]:
    return (entry.status, entry.status)


def _stale(entry: LedgerEntry) -> Sequence[str]:
    """All that was ever true of it, the latest first."""
    return [*(status for _, status in reversed(entry.history)), OfferStatus.CREATING_TRADE]


def _false(entry: LedgerEntry) -> Sequence[str]:
    """What ends a purchase, and what nobody knows."""
    ends = sorted(FAILED | {OfferStatus.ACCEPTED})
    return (ends[entry.buy_id % len(ends)], "never_heard_of")


# Discord


def _faulty(action: Action) -> _Play:
    async def faulty(scene: Scene, trouble: Trouble) -> None:
        scene.disturbed += 1
        scene.discord.faults.add(
            action,
            method="POST" if trouble.number < 2 else None,
            path=_PATHS[trouble.number % len(_PATHS)],
            times=trouble.times,
        )

    return faulty


async def _gateway_drop(scene: Scene, _: Trouble) -> None:
    scene.disturbed += 1
    with suppress(ConnectionError):  # a bot that dies just now has closed it already
        await scene.discord.drop_gateway()


async def _gateway_invalidate(scene: Scene, _: Trouble) -> None:
    scene.disturbed += 1
    with suppress(ConnectionError):
        await scene.discord.gateway.invalidate()


async def _discord_outage(scene: Scene, trouble: Trouble) -> None:
    """Be away altogether; for longer than a nonce is remembered, if it is a long one."""
    if scene.down:
        return
    scene.disturbed += 1
    scene.down = 1
    await scene.discord.stop_listening()
    await asyncio.sleep(trouble.seconds)
    if scene.down:
        scene.down = 0
        await scene.discord.start_listening()
    scene.disturbed += 1


_ALL: Final[dict[str, _Play]] = {
    "break_market": _break_market,
    "refuse_market": _refuse_market,
    "hang_up": _hang_up,
    "close_market": _switch("market_open", to=False),
    "maintenance": _switch("under_maintenance", to=True),
    "deactivate_shop": _switch("shop_active", to=False),
    "no_money": _no_money,
    "sell_out": _sell_out,
    "raise_price": _raise_price,
    "sell_listing_under_us": _sell_listing_under_us,
    "events_held": _events_held,
    "events_dropped": _events_dropped,
    "events_cut": _events_cut,
    "events_silent": _events_silent,
    "events_refused": _greeted_with(Greeting.REFUSE),
    "events_unwelcome": _greeted_with(Greeting.SILENCE),
    "events_nameless": _events_nameless,
    "events_doubled": _told(_doubled),
    "events_stale": _told(_stale),
    "events_false": _told(_false),
    "discord_500": _faulty(Status(500)),
    "discord_502": _faulty(Status(502)),
    "discord_429": _faulty(RateLimited(0.15)),
    "discord_drop": _faulty(Drop()),
    "discord_drop_after": _faulty(DropAfter()),
    "discord_slow": _faulty(Delay(0.4)),
    "gateway_drop": _gateway_drop,
    "gateway_invalidate": _gateway_invalidate,
    "discord_outage": _discord_outage,
}
