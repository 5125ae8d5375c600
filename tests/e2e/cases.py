"""One request as a test follows it, from the card to the market's ledger; and the books of all."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass
from itertools import count
from typing import Any

from aiohttp import web

from bot.sandbox.discord import Member, Message, Reply, Version
from bot.sandbox.skinsback import SkinsbackSandbox
from bot.sandbox.skinsback.ledger import STEAM_ID_BASE, Call, LedgerEntry
from bot.services.timing import Timing
from tests.e2e.world import TOKEN, World, button_id, shown, trade_url_of

GRACE_S = Timing().grace_ms / 1000
_FRESH = count(70_000_001)


@dataclass(frozen=True)
class Case:
    """A request that was sent. Nothing here looks at other requests of the same world."""

    world: World
    member: Member
    partner: int
    card: Message
    number: int
    request_id: str

    @property
    def row(self) -> dict[str, Any]:
        """The request as it stands in the database."""
        (row,) = self.world.rows("SELECT * FROM requests WHERE request_id = ?", self.request_id)
        return row

    @property
    def state(self) -> str:
        """Where it stands."""
        return str(self.row["state"])

    @property
    def attempts(self) -> list[dict[str, Any]]:
        """Everything that was tried for it."""
        return self.world.rows(
            "SELECT * FROM attempts WHERE request_id = ? ORDER BY purchase_key", self.request_id
        )

    @property
    def events(self) -> list[str]:
        """The kinds of everything that happened to it."""
        rows = self.world.rows(
            "SELECT kind FROM events WHERE request_id = ? ORDER BY event_id", self.request_id
        )
        return [row["kind"] for row in rows]

    @property
    def calls(self) -> list[Call]:
        """Every batch that reached the market with a key of this request in it."""
        return [
            call
            for call in self.world.market.batch_calls
            if any(self.request_id in str(item["custom_id"]) for item in items_of(call))
        ]

    @property
    def keys_sent(self) -> list[str]:
        """Every key that reached the market, as often as it did."""
        return [str(item["custom_id"]) for call in self.calls for item in items_of(call)]

    @property
    def bought(self) -> list[LedgerEntry]:
        """What the market has bought for it, whatever we know of it."""
        return [entry for entry in self.world.market.purchases if self.request_id in str(entry.key)]

    @property
    def told_result(self) -> bool:
        """Whether its message stands in the results channel."""
        return any(
            f"Request #{self.number} " in message.text for message in self.world.results.messages
        )

    async def approve(self, by: Member | None = None) -> Reply:
        """Have it approved."""
        reply = await (by or self.world.max).click(self.card, "Approve")
        assert f"Request #{self.number} is approved" in reply.text, reply.text
        return reply

    async def result(self, wanted: str = "") -> Message:
        """Wait for its message in the results channel."""
        return await self.world.results.wait_for(
            lambda message: f"Request #{self.number} " in message.text and wanted in message.text
        )

    async def status(self, wanted: str) -> Message:
        """Wait for what the member's status message says."""
        return await self.member.wait_for_dm(
            lambda message: f"request #{self.number}:" in message.text and wanted in message.text
        )

    async def ask_to_cancel(self) -> Message:
        """Press Cancel in the status message; the answer asks whether one is sure."""
        status = await self.status("")
        return shown(await self.member.click(status, "Cancel request"))

    async def is_left_alone(self) -> None:
        """Let everything that waits be looked at, and make sure that nothing more is sent."""
        sent = self.keys_sent
        await self.world.hurry()
        await asyncio.sleep(0.1)
        assert self.keys_sent == sent

    async def waits(self, reason: str) -> None:
        """Wait until it stands in the database what it waits for."""
        await self.world.until(lambda: self.row["waits_for"] == reason)

    async def give_url(self, url: str) -> Reply:
        """Press New Trade URL in the status message, enter another one and confirm it."""
        status = await self.member.wait_for_dm(
            lambda message: any(button.label == "New Trade URL" for button in message.buttons)
        )
        screen = shown(await self.member.click(status, "New Trade URL"))
        asked = await self.member.click(screen, custom_id=button_id(screen, ":enter"))
        assert asked.modal is not None
        question = await self.member.submit(asked.modal, {asked.modal.fields[0].label: url})
        return await self.member.click(
            shown(question), custom_id=button_id(shown(question), ":yes")
        )

    def with_button(self, label: str) -> Version:
        """Return the card as it last was when it had this button."""
        found = [
            version
            for version in self.card.versions
            if any(button.label.startswith(label) for button in version.buttons)
        ]
        assert found, f"the card never had {label!r}"
        return found[-1]


async def send(world: World, *skins: tuple[str, int], member: Member | None = None) -> Case:
    """Let someone new, with a Steam account of their own, ask for skins."""
    partner = next(_FRESH)
    asking = member or world.guild.add_member(f"Member {partner}")
    card = await world.submit(asking, *skins, url=trade_url_of(partner))
    found = re.search(r"Request #([0-9]+)", card.text)
    assert found is not None, card.text
    number = int(found[1])
    (row,) = world.rows(
        "SELECT request_id FROM requests WHERE number = ? AND guild_id = ?", number, world.guild.id
    )
    return Case(world, asking, partner, card, number, row["request_id"])


def items_of(call: Call) -> list[dict[str, Any]]:
    """Return the lines of a batch as they were sent."""
    items = call.parameters["items"]
    assert isinstance(items, list)
    return items


async def open_deny(moderator: Member, card: Message) -> Reply:
    """Press Deny; the answer is the modal that asks for the reason."""
    asked = await moderator.click(card, "Deny")
    assert asked.modal is not None, asked.text
    return asked


async def deny(moderator: Member, asked: Reply, reason: str = "Not this week.") -> Reply:
    """Send the modal with a reason."""
    assert asked.modal is not None
    return await moderator.submit(asked.modal, {"Why?": reason})


# The market's line


def hang_up(market: SkinsbackSandbox) -> None:
    """Take no new connections; those that stand go on."""
    assert market._runner is not None
    for site in market._runner.sites:
        server = getattr(site, "_server", None)
        assert isinstance(server, asyncio.Server)
        server.close()


async def pick_up(market: SkinsbackSandbox) -> None:
    """Take connections again, at the same address."""
    runner = market._runner
    assert runner is not None
    for site in list(runner.sites):
        await site.stop()
    await web.TCPSite(runner, "127.0.0.1", market._port).start()


# What must be true of every request, whatever was played


def check_books(world: World) -> None:
    """Hold the ledger, the calls, the database, the messages and the log against each other."""
    _check_money(world)
    _check_discretion(world)


def _check_money(world: World) -> None:
    """No key is sent anew too soon or thrice, nothing bought twice, unapproved or unnoticed."""
    sent: dict[str, list[float]] = {}
    for call in world.market.batch_calls:
        for item in items_of(call):
            sent.setdefault(str(item["custom_id"]), []).append(call.at)
    for used, (first, *again) in sent.items():
        assert len(again) <= 1, used
        assert all(at - first >= GRACE_S for at in again), used
    bought = {entry.key: entry for entry in world.market.purchases}
    assert len(bought) == len(world.market.purchases)
    attempts = {
        row["purchase_key"]: row
        for row in world.rows(
            "SELECT a.*, l.ceiling, l.market_hash_name, r.state AS stands, r.decided_by "
            "FROM attempts a JOIN lines l USING (request_id, line_no) "
            "JOIN requests r USING (request_id)"
        )
    }
    live = Counter(
        (row["request_id"], row["line_no"])
        for row in attempts.values()
        if row["state"] in ("sent", "purchased", "unknown") and not row["released"]
    )
    assert [line for line, times in live.items() if times > 1] == []
    for bought_key, entry in bought.items():
        key = str(bought_key)
        row = attempts[key]
        assert row["state"] in ("sent", "purchased", "unknown"), (key, row["state"])
        assert row["stands"] in ("buying", "bought"), (key, row["stands"])
        assert row["decided_by"] is not None
        assert row["max_price"] == row["ceiling"] == entry.max_price
        assert (row["market_hash_name"], row["listing_id"]) == (entry.name, entry.listing_id)
        assert row["steam_id"] == STEAM_ID_BASE + entry.partner
    for key, row in attempts.items():
        if row["state"] == "purchased":
            assert (row["buy_id"], row["debited"]) == (bought[key].buy_id, bought[key].debited)


def _check_discretion(world: World) -> None:
    """Only members whose DM failed are pinged; no balance and no secret is told."""
    unreachable = {row["user_id"] for row in world.rows("SELECT * FROM requests WHERE dm_closed")}
    for channel in world.guild.channels:
        for message in channel.messages:
            pinged = message.mentions_pinged
            assert not pinged.roles, message.text
            assert not pinged.everyone, message.text
            assert pinged.users <= unreachable, message.text
            for version in message.versions:
                assert "Balance at" not in version.text
                assert TOKEN not in version.text
    for bot in world.bots:
        log = bot.log()
        for secret in (TOKEN, *(world.environment[name] for name in _SECRETS)):
            assert secret not in log
        assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:3000]


_SECRETS = ("DISCORD_TOKEN", "SKINSBACK_CLIENT_SECRET")
