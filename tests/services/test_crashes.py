"""The bot dies at every step of buying and telling: nothing is bought or told twice, or lost."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import pytest

from bot.domain.keys import parse_purchase_key
from bot.domain.market import BuyOutcome, Listing, Order
from bot.domain.models import MessageKind, RequestView
from bot.domain.money import DOLLAR, Micros
from bot.domain.states import LineState, RequestState
from bot.sandbox.skinsback import Fault, SkinsbackSandbox
from bot.services.timing import Timing
from bot.skinsback.client import SkinsbackClient
from bot.skinsback.limiter import CallClass, Token
from bot.skinsback.protocol import PurchaseList
from bot.store import outbox, requests
from bot.store.database import Database, Transaction
from tests.services.house import (
    ANA,
    ASIIMOV,
    NOW,
    REDLINE,
    House,
    ManualClock,
    Message,
    ScriptedDiscord,
    open_house,
    working,
)

LINES: Final = 3
QUICK: Final = Timing(grace_ms=60_000, look_up_max_ms=10_000)
"""Of a night in which a crash comes at every step; the proportions are the product's."""


@dataclass
class Fate:
    """When the process dies: before or after the n-th time that it does something.

    A dead process does nothing more: whoever comes by waits for ever, until the tasks are gone.
    """

    at: tuple[str, int, str] | None = None
    done: Counter[str] = field(default_factory=Counter)
    died: asyncio.Event = field(default_factory=asyncio.Event)

    async def strike(self, what: str, when: str) -> None:
        """Die if this is the moment."""
        await self.live_on()
        if when == "before":
            self.done[what] += 1
        if self.at == (what, self.done[what], when):
            self.died.set()
        await self.live_on()

    async def live_on(self) -> None:
        """Go on only if the process still lives."""
        if self.died.is_set():
            await asyncio.Event().wait()


class MortalDatabase(Database):
    """A database whose process can die before and after each commit."""

    fate: Fate

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[Transaction]:
        """One write transaction, if the process lives to see its end."""
        await self.fate.live_on()
        async with super().writing() as tx:
            yield tx
            await self.fate.strike("commit", "before")
        await self.fate.strike("commit", "after")

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[Transaction]:
        """One look, if the process lives to take it."""
        await self.fate.live_on()
        async with super().reading() as tx:
            yield tx


class MortalClient(SkinsbackClient):
    """A caller whose process can die before each call and before it has heard the answer."""

    fate: Fate

    async def buy(
        self, partner: int, token: str, orders: Sequence[Order], *, reserved: Token | None = None
    ) -> BuyOutcome:
        """Buy, if the process lives to do so."""
        await self.fate.strike("buy", "before")
        outcome = await super().buy(partner, token, orders, reserved=reserved)
        await self.fate.strike("buy", "after")
        return outcome

    async def search(
        self, game: str, names: Sequence[str], *, for_: CallClass = CallClass.BUY
    ) -> list[Listing]:
        """Search, if the process lives to do so."""
        await self.fate.strike("search", "before")
        found = await super().search(game, names, for_=for_)
        await self.fate.strike("search", "after")
        return found

    async def getinfo_by_keys(self, keys: Sequence[str]) -> PurchaseList:
        """Look purchases up, if the process lives to do so."""
        await self.fate.strike("look", "before")
        found = await super().getinfo_by_keys(keys)
        await self.fate.strike("look", "after")
        return found

    async def balance(self, *, for_: CallClass = CallClass.STATUS) -> Micros:
        """Ask for the balance, if the process lives to do so."""
        await self.fate.strike("balance", "before")
        balance = await super().balance(for_=for_)
        await self.fate.strike("balance", "after")
        return balance


async def kill() -> None:
    """End everything of the bot's at once, without letting it finish anything."""
    while doomed := [task for task in asyncio.all_tasks() if _is_the_bots(task)]:
        for task in doomed:
            task.cancel()
        await asyncio.wait(doomed, timeout=0.01)


def _is_the_bots(task: asyncio.Task[object]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and "/bot/services/" in code.co_filename


@dataclass(frozen=True)
class Evening:
    """A database with an approved request in it, and what stands in Discord about it."""

    path: Path
    messages: list[Message]
    view: RequestView


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Evening:
    """Two Redlines and an Asiimov, approved and told; nothing is bought yet."""
    path = tmp_path_factory.mktemp("evening") / "quartermaster.db"

    async def prepare() -> Evening:
        discord = ScriptedDiscord()
        async with (
            SkinsbackSandbox(size=0, clock=lambda: NOW / 1000) as market,
            open_house(path, market, discord, ManualClock()) as house,
        ):
            await house.set_up()
            view = await house.submit_approved(ANA, (REDLINE, 2), (ASIIMOV, 1))
            await house.post_everything()
        return Evening(path, discord.messages, view)

    return asyncio.run(prepare())


@dataclass
class Night:
    """One run of the story: the market and Discord stay, the bot comes and goes."""

    path: Path
    market: SkinsbackSandbox
    discord: ScriptedDiscord
    clock: ManualClock
    view: RequestView

    async def live(self, at: tuple[str, int, str] | None = None) -> Fate:
        """Start the bot and let it work until nothing is left to do, or it dies."""
        fate = Fate(at)
        self.discord.trouble = lambda what, _: fate.strike(what, "before")
        self.discord.aftermath = lambda what, _: fate.strike(what, "after")
        database = await MortalDatabase.open(self.path)
        database.fate = fate
        async with open_house(
            self.path,
            self.market,
            self.discord,
            self.clock,
            database=database,
            client=MortalClient,
            seed=self.clock.now,
            timing=QUICK,
        ) as house:
            assert isinstance(house.client, MortalClient)
            house.client.fate = fate
            living = asyncio.create_task(self._work(house))
            dying = asyncio.create_task(fate.died.wait())
            await asyncio.wait([living, dying], return_when=asyncio.FIRST_COMPLETED)
            dying.cancel()
            if not fate.died.is_set():
                await living
            living.cancel()
            # It may also die when it has done everything but the last stroke.
            await kill()
        return fate

    async def _work(self, house: House) -> None:
        worker = house.worker()
        await worker.recover()
        async with working(worker.run()):
            for beat in range(2_000):
                view = await house.view(self.view)
                with house.onlooker.looking() as tx:
                    told = await outbox.next_at(tx) is None
                over = view.request.state is RequestState.BOUGHT or view.request.attention_at
                if told and over:
                    break
                if not (worker._busy or house.announcements._busy):
                    soonest = await house.next_due_at()
                    if soonest is not None and soonest > self.clock.now:
                        self.clock.now = soonest
                        house.ring()
                if beat % 50 == 0:
                    house.ring()
                await asyncio.sleep(0.003)
            else:
                raise AssertionError(f"nothing more happens, and it isn't over: {view}")
        # A look-up that was under way has had the card drawn again.
        await house.post_everything()

    async def hold(self) -> None:
        """Fail unless every purchase is in the books once, and everyone was told once."""
        bought = Counter(
            key[1]
            for entry in self.market.purchases
            if (key := parse_purchase_key(entry.key or ""))
        )
        assert sum(bought.values()) == len(self.market.purchases)
        assert max(bought.values(), default=0) <= 1
        sent: dict[str, list[float]] = {}
        for call in self.market.batch_calls:
            for item in _items(call.parameters["items"]):
                sent.setdefault(str(item["custom_id"]), []).append(call.at)
        for first, *again in sent.values():
            assert len(again) <= 1
            assert all(at - first >= QUICK.grace_ms / 1000 for at in again)
        async with await Database.open(self.path) as database, database.reading() as tx:
            view = await requests.get(tx, self.view.request.request_id)
            assert view is not None
            events = [row["kind"] for row in await tx.all("SELECT kind FROM events")]
            rows = await tx.all("SELECT kind, state, wanted, shown FROM outbox")
        states = {line.line.line_no: line.state for line in view.lines}
        assert {no for no, state in states.items() if state is LineState.PURCHASED} == set(bought)
        for line in view.in_state(LineState.UNKNOWN):
            # The bot died before it knew whether its second send had left: a person is asked.
            assert line.last is not None
            assert line.last.sends == 2
            assert view.request.attention_at is not None
        done = LineState.UNKNOWN not in states.values()
        assert done == (view.request.state is RequestState.BOUGHT)
        assert events.count("bought") == done
        assert {(row["state"], row["wanted"] - row["shown"]) for row in rows} == {("posted", 0)}
        told = Counter(message.kind for message in self.discord.messages)
        # A trade may wait already when its purchase is found.
        assert told.pop(MessageKind.TRADES, 0) <= 1
        assert told == {
            MessageKind.APPROVAL_CARD: 1,
            MessageKind.MEMBER_STATUS: 1,
            MessageKind.RESULT: 1,
        }
        for message in self.discord.messages:
            assert isinstance(message.subject, RequestView)
            assert _told(message.subject) == _told(view)
            assert message.subject == view or not done


def _told(view: RequestView) -> tuple[object, ...]:
    """Return what people read of it; how far a search has come is not redrawn."""
    request = view.request
    return (request.state, request.attention_at, [line.state for line in view.lines])


def _items(items: object) -> list[dict[str, object]]:
    assert isinstance(items, list)
    return items


@pytest.fixture
async def night(evening: Evening, tmp_path: Path) -> AsyncIterator[Night]:
    """A copy of the evening, with an Asiimov that has become too dear."""
    async with new_night(evening, tmp_path / "quartermaster.db") as night:
        yield night


@asynccontextmanager
async def new_night(evening: Evening, path: Path) -> AsyncIterator[Night]:
    """Return a night of its own, with a new market."""
    shutil.copyfile(evening.path, path)
    clock = ManualClock(NOW + 60_000)
    async with SkinsbackSandbox(size=0, clock=lambda: clock.now / 1000) as market:
        market.set_price(ASIIMOV, Micros(500 * DOLLAR))
        discord = ScriptedDiscord(messages=deepcopy(evening.messages))
        yield Night(path, market, discord, clock, evening.view)


async def test_night_without_a_crash_buys_and_tells_everything(night: Night) -> None:
    fate = await night.live()
    await night.hold()
    assert len(night.market.purchases) == LINES - 1
    assert fate.done["commit"] >= 6


@pytest.mark.parametrize(
    ("what", "when"),
    [
        ("commit", "before"),
        ("commit", "after"),
        ("balance", "after"),
        ("search", "after"),
        ("buy", "before"),
        ("buy", "after"),
        ("post", "before"),
        ("post", "after"),
        ("edit", "after"),
    ],
)
async def test_night_with_a_crash_at_any_step_buys_and_tells_nothing_twice(
    evening: Evening, tmp_path: Path, what: str, when: str
) -> None:
    """Every other step in turn is the last one; then the bot starts again on the same disk."""
    for nth in range(1, 40, 2):
        async with new_night(evening, tmp_path / f"{nth}.db") as night:
            fate = await night.live((what, nth, when))
            if fate.died.is_set():
                await night.live()
            await night.hold()
        if not fate.died.is_set():
            break
    assert 1 < nth < 40


@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize(
    ("what", "when"),
    [
        ("commit", "before"),
        ("commit", "after"),
        ("buy", "before"),
        ("buy", "after"),
        ("look", "before"),
        ("look", "after"),
        ("post", "after"),
    ],
)
async def test_night_without_an_answer_and_with_a_crash_at_any_step_buys_and_tells_nothing_twice(
    evening: Evening, tmp_path: Path, what: str, when: str, carried_out: bool
) -> None:
    """The call is lost on the way; then the bot also dies while it looks, or sends once more."""
    for nth in range(1, 60, 7):
        async with new_night(evening, tmp_path / f"{nth}.db") as night:
            night.market.break_next("market_batch_buy", Fault.DROP, carried_out=carried_out)
            fate = await night.live((what, nth, when))
            if fate.died.is_set():
                await night.live()
            await night.hold()
        if not fate.died.is_set():
            break
    assert 1 < nth < 60


@pytest.mark.parametrize("seed", range(6))
async def test_night_with_a_crash_after_every_start_buys_and_tells_nothing_twice(
    night: Night, seed: int
) -> None:
    rng = Random(seed)
    steps = ["commit"] * 4 + ["buy", "search", "balance", "look", "post", "edit", "find"]
    for _ in range(4):
        if rng.random() < 0.5:
            fault = rng.choice([Fault.DROP, Fault.CUT_BODY, Fault.HTML_502, Fault.LINE_MISSING])
            carried_out = rng.random() < 0.5
            night.market.break_next("market_batch_buy", fault, carried_out=carried_out)
        await night.live((rng.choice(steps), rng.randrange(1, 7), rng.choice(["before", "after"])))
    await night.live()
    await night.hold()


async def test_crash_before_anything_was_sent_loses_nothing(night: Night) -> None:
    """The request that was claimed and not sent is taken up again by itself."""
    assert (await night.live(("search", 1, "after"))).died.is_set()
    assert night.market.batch_calls == []
    await night.live()
    await night.hold()
    assert len(night.market.purchases) == LINES - 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_crash_around_the_call_sends_once_more_only_what_the_market_never_had(
    night: Night, when: str
) -> None:
    """Whether it left can't be told from the disk: so nothing is guessed, and it is looked up."""
    assert (await night.live(("buy", 1, when))).died.is_set()
    died_at = night.clock.now
    assert len(night.market.batch_calls) == (when == "after")
    await night.live()
    await night.hold()
    (call,) = night.market.batch_calls
    assert (call.at >= (died_at + QUICK.grace_ms) / 1000) == (when == "before")
    assert len(night.market.purchases) == LINES - 1
