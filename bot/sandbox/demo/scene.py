"""Where the demo's story plays, who is in it, and what it is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.money import Micros, format_usd
from bot.sandbox.demo.players import Player
from bot.sandbox.demo.stage import Stage
from bot.sandbox.discord import Channel, DiscordSandbox, Message, Role
from bot.sandbox.skinsback import SkinsbackSandbox

REDLINE: Final = "AK-47 | Redline (Field-Tested)"
ASIIMOV: Final = "AWP | Asiimov (Field-Tested)"
NEO_NOIR: Final = "M4A4 | Neo-Noir (Field-Tested)"
KILL_CONFIRMED: Final = "USP-S | Kill Confirmed (Minimal Wear)"
WATER_ELEMENTAL: Final = "Glock-18 | Water Elemental (Field-Tested)"

WANTED: Final = (REDLINE, ASIIMOV, NEO_NOIR, KILL_CONFIRMED, WATER_ELEMENTAL)
BOUGHT: Final = (REDLINE, ASIIMOV, WATER_ELEMENTAL)

ANA_ON_STEAM: Final = 90382795

_PAID_ROW: Final = re.compile(r"^(?P<skin>.+)\n(?P<paid>\$\S+) · \S+ .+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Scene:
    """Where it plays, and who is in it."""

    stage: Stage
    market: SkinsbackSandbox
    balance_before: Micros
    mods: Role
    hall: Channel
    approvals: Channel
    results: Channel
    olga: Player
    ana: Player
    ben: Player
    max: Player
    mia: Player


def open_scene(stage: Stage, discord: DiscordSandbox, market: SkinsbackSandbox) -> Scene:
    """Make a server with its people, and the bot in it."""
    guild = discord.add_guild("Friday Cup")
    mods = guild.add_role("Skin Mods")
    hall = guild.add_channel("general")

    def player(name: str, *, roles: Sequence[Role] = (), administrator: bool = False) -> Player:
        member = guild.add_member(name, roles=roles, administrator=administrator)
        return Player(stage, member, hall)

    return Scene(
        stage=stage,
        market=market,
        balance_before=market.balance,
        mods=mods,
        hall=hall,
        approvals=guild.add_channel("skin-approvals", visible_to=[mods]),
        results=guild.add_channel("results"),
        olga=player("Olga", administrator=True),
        ana=player("Ana"),
        ben=player("Ben"),
        max=player("Max", roles=[mods]),
        mia=player("Mia", roles=[mods]),
    )


def paid_for(result: Message) -> dict[str, str]:
    """Return what a result says was paid, by skin."""
    return {found["skin"]: found["paid"] for found in _PAID_ROW.finditer(result.text)}


def price_now(market: SkinsbackSandbox, skin: str) -> str:
    """Return what the cheapest of a skin costs, as messages show it."""
    return format_usd(market.listings(skin)[0].price)
