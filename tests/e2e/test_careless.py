"""Careless people: they press, choose and type at random, several at once, also what is long gone.

Nobody is left without one answer in words, nothing malformed is sent, and the books are right.
To play longer by hand: ``CARELESS_SECONDS=600 CARELESS_SEED=7 pytest -k careless``. The same seed
makes the same people, but not quite the same story: the bot and they run at the same time.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Final

import pytest

from bot.sandbox.discord import Member, Message, Modal, Reply, SandboxError, User, Version
from tests.e2e.screens import answered_twice, unanswered
from tests.e2e.world import ASIIMOV, REDLINE, World, trade_url_of

SECONDS: Final = float(os.environ.get("CARELESS_SECONDS", "15"))
SEED: Final = int(os.environ.get("CARELESS_SEED", "1"))

SECRET: Final = "zZ-typed"
TYPED: Final = (
    *(f"2x {REDLINE} @ 15\nredlin\nxyzzy 5 €", f"{REDLINE} #62000000\nkilowatt case x9"),
    *("redline ft", "kilowatt", ASIIMOV, "xyzzy", "", " ", "ünï", "x" * 50, "@everyone **b**"),
    *("12,50", "$13", "0", "-1", "1e9", "25.00.0", "3", "7", "25", "99", "#62000000", "62000001"),
    *(trade_url_of(77, SECRET), trade_url_of(78, SECRET), "https://steamcommunity.com/id/x"),
)
_LATEST: Final = 3
LIKED: Final = {
    **dict.fromkeys((":send", ":approve", ":deny", ":take_back", ":cancel_yes", ":yes"), 6.0),
    **dict.fromkeys((":forget", ":empty"), 0.3),
}
"""How gladly a button is pressed beside others: what brings requests on, and what ends all."""


@dataclass
class Crowd:
    """People who do things at random, and what they did last, for the story of a failure."""

    world: World
    people: list[Member]
    rng: Random
    deeds: deque[object] = field(default_factory=lambda: deque(maxlen=8))
    answered: int = 0

    async def step(self) -> None:
        """Let one to three people do something at the same time."""
        several = self.rng.choice((1, 1, 1, 2, 3))
        await asyncio.gather(*(self._act(self.rng.choice(self.people)) for _ in range(several)))
        assert self.world.discord.violations == [], self.deeds

    async def _act(self, person: Member) -> None:
        try:
            places = self._seen_by(person)
            if not places or self.rng.random() < 0.15:
                await self._use_a_command(person)
            else:
                await self._use(person, self.rng.choice(self.rng.choice(places)))
        except SandboxError:
            # A real client would not let them: it was gone, or was drawn again under their thumb.
            return

    def _seen_by(self, person: Member) -> list[list[Message]]:
        """Return the latest messages of each place where a person sees any."""
        world = self.world
        places = [
            world.hall.seen_by(person),
            world.approvals.seen_by(person),
            person.user.dm_channel.seen_by(person.user),
        ]
        latest = [[one for one in place if not one.loading][-_LATEST:] for place in places]
        return [place for place in latest if place]

    async def _use_a_command(self, person: Member) -> None:
        command = self.rng.choice(
            ("request", "request", "skins", "my-requests", "trade-url", "setup")
        )
        given: dict[str, object] = {}
        if command == "request" and self.rng.random() < 0.7:
            given["item"] = self.rng.choice((REDLINE, ASIIMOV, "kilowatt", self._typed(100) or "x"))
            given["quantity"] = self.rng.randint(1, 5)
            if self.rng.random() < 0.3:
                given["max_price"] = self._typed(20) or "1"
        reply = await person.slash(command, channel=self.world.hall, given=given)
        self._hold(reply, person, command, given)

    async def _use(self, person: Member, message: Message) -> None:
        """Press or choose something on a message, as it is or as it once was."""
        actor = person if message.channel.guild else person.user
        as_of = self.rng.choice(message.versions) if self.rng.random() < 0.3 else None
        selects = [one for one in (as_of or message).selects if not one.disabled]
        if selects and self.rng.random() < 0.4:
            await self._choose(actor, message, as_of)
            return
        ids = [
            one.custom_id
            for one in (as_of or message).buttons
            if one.custom_id and not one.disabled
        ]
        if not ids:
            return
        pressed = self.rng.choices(ids, [self._liking(one) for one in ids])[0]
        reply = await actor.click(message, custom_id=pressed, as_of=as_of)
        self._hold(reply, person, pressed)
        if reply.modal is not None:
            await self._fill_in(actor, reply.modal)

    async def _choose(self, actor: Member | User, message: Message, as_of: Version | None) -> None:
        world = self.world
        chosen = self.rng.choice([one for one in (as_of or message).selects if not one.disabled])
        values: list[object] = []
        if chosen.options:
            values = [self.rng.choice(chosen.options).value]
        elif "approver" in chosen.custom_id:
            values = [self.rng.choice((world.mods, world.guild.everyone))]
        elif "approvals" in chosen.custom_id or "results" in chosen.custom_id:
            values = [world.approvals if "approvals" in chosen.custom_id else world.results]
        reply = await actor.select(message, chosen.custom_id, values, as_of=as_of)
        self._hold(reply, actor, chosen.custom_id, values)

    async def _fill_in(self, actor: Member | User, modal: Modal) -> None:
        given = {
            one.label: self._typed(one.raw.get("max_length", 100))
            for one in modal.fields
            if self.rng.random() < 0.7
        }
        self._hold(await actor.submit(modal, given), actor, modal.custom_id, given)

    def _typed(self, at_most: int) -> str:
        return self.rng.choice(TYPED)[:at_most]

    def _liking(self, custom_id: str) -> float:
        return next((liking for part, liking in LIKED.items() if part in custom_id), 1.0)

    def _hold(self, reply: Reply, person: Member | User, *deed: object) -> None:
        """Hold an answer to what every answer has to be."""
        self.deeds.append((person.name, *deed))
        self.answered += 1
        assert not reply.failed, self.deeds
        assert reply.text or reply.modal is not None, self.deeds
        assert "this reference:" not in reply.text, (self.deeds, self.world.bot.log()[-3000:])


@pytest.mark.timeout(SECONDS + 150)
@pytest.mark.usefixtures("books")
async def test_people_when_careless_then_each_is_answered_once_and_the_books_are_right(
    world: World,
) -> None:
    """Whatever four people do, one of them a moderator and one an administrator."""
    world.change("UPDATE guilds SET open_requests_max = 3, undo_s = 1")
    people = [world.ana, world.max, world.olga, world.guild.add_member("Cy")]
    world.approvals.allow(world.olga, "VIEW_CHANNEL")
    for number, person in enumerate(people):
        await world.give_trade_url(person, trade_url_of(5_000 + number))
        await world.fill_basket(person, (REDLINE, number + 1))
    crowd = Crowd(world, people, Random(SEED))
    over = time.monotonic() + SECONDS
    while time.monotonic() < over:
        await crowd.step()
    assert crowd.answered
    assert unanswered(world.discord) == []
    assert answered_twice(world.discord) == []
    assert SECRET not in world.bot.log()
