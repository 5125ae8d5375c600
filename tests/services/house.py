"""The services as they are wired for a start, on a real database and beside a scripted Discord."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Final

from bot.domain.models import Actor, Delivery, Event, MessageKind, OutboxRow, RequestView
from bot.domain.states import RequestState
from bot.sandbox.skinsback import SkinsbackSandbox
from bot.services.announcements import Announcements
from bot.services.approvals import Approvals
from bot.services.asking import Asking
from bot.services.attention import Attention
from bot.services.baskets import Added, Baskets, Wish
from bot.services.booking import Booking
from bot.services.books import Books
from bot.services.browsing import Browsing
from bot.services.buying import Buying
from bot.services.catalogue import Catalogue
from bot.services.disk_watch import DiskWatch
from bot.services.following import Follower
from bot.services.guilds import Guilds
from bot.services.looking_up import LookUps
from bot.services.market_watch import MarketWatch
from bot.services.missed import Missed
from bot.services.money import Money
from bot.services.pasting import Pasting
from bot.services.pauses import Pauses
from bot.services.picking import Picking
from bot.services.ports import MessageGoneError, Posted, PostUncertainError, Subject
from bot.services.purchasing import SHUTDOWN_S, Purchasing
from bot.services.repricing import Repricing
from bot.services.requests import Requests
from bot.services.statuses import Statuses
from bot.services.this_run import ThisRun
from bot.services.timing import Timing
from bot.services.trade_urls import TradeUrls
from bot.skinsback.client import SkinsbackClient
from bot.skinsback.limiter import Limiter
from bot.store import audit, outbox, purchases, requests, settings
from bot.store.database import Database
from bot.store.prices import PriceFile
from bot.store.vault import Vault
from tests.services.onlooker import Onlooker

NOW: Final = 1_795_000_000_000
MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE

GUILD, APPROVALS, RESULTS, MODS = 111, 121, 122, 131
ANA: Final = Actor(201, GUILD)
BEA: Final = Actor(202, GUILD)
MAX: Final = Actor(301, GUILD, frozenset({MODS}))
MIA: Final = Actor(302, GUILD, frozenset({MODS}))
OLGA: Final = Actor(401, GUILD, administrator=True)
OTTO: Final = Actor(501, GUILD)
"""Runs the deployment."""

REDLINE: Final = "AK-47 | Redline (Field-Tested)"
ASIIMOV: Final = "AWP | Asiimov (Field-Tested)"
SLATE: Final = "AK-47 | Slate (Field-Tested)"
TOKEN: Final = "AbCd_-12"
KEY: Final = "x" * 43 + "="


def url_of(partner: int, token: str = TOKEN) -> str:
    """Return a Trade URL as it is pasted."""
    return f"https://steamcommunity.com/tradeoffer/new/?partner={partner}&token={token}"


@dataclass
class ManualClock:
    """Stands still until it is moved."""

    now: int = NOW

    def now_ms(self) -> int:
        """Return unix milliseconds."""
        return self.now


@dataclass
class Message:
    """A message that stands in the scripted Discord."""

    message_id: int
    channel_id: int
    kind: MessageKind
    mark: int
    subject: Subject
    edits: int = 0


Trouble = Callable[[str, OutboxRow], Awaitable[None]]


async def no_trouble(_what: str, _row: OutboxRow) -> None:
    """Nothing goes wrong."""


@dataclass
class ScriptedDiscord:
    """Posts, edits and finds messages.

    ``trouble`` may raise, or never return, before a call is carried out; ``aftermath`` after it.
    """

    ready: bool = True
    messages: list[Message] = field(default_factory=list)
    calls: list[tuple[str, MessageKind]] = field(default_factory=list)
    trouble: Trouble = no_trouble
    aftermath: Trouble = no_trouble
    members: dict[int, bool | None] = field(default_factory=dict)
    last_id: int = 999
    """Of the message that was posted last: a deleted one's id is never given again."""

    async def post(self, row: OutboxRow, subject: Subject) -> Posted:
        """Put a message up."""
        await self._meet("post", row)
        ids = [message.message_id for message in self.messages]
        self.last_id = max(self.last_id, *ids, 0) + 1
        message = Message(self.last_id, row.target_id, row.kind, row.mark, subject)
        self.messages.append(message)
        await self.aftermath("post", row)
        return Posted(message.channel_id, message.message_id)

    async def edit(self, row: OutboxRow, subject: Subject) -> None:
        """Draw a message again."""
        await self._meet("edit", row)
        message = next((one for one in self.messages if one.message_id == row.message_id), None)
        if message is None:
            raise MessageGoneError
        message.subject = subject
        message.edits += 1
        await self.aftermath("edit", row)

    async def stands(self, row: OutboxRow) -> bool | None:
        """Look whether a message is there; trouble with that means that nobody can tell."""
        try:
            await self._meet("stands", row)
        except PostUncertainError:
            return None
        return row.message_id in {message.message_id for message in self.messages}

    async def find(self, row: OutboxRow) -> Posted | None:
        """Search for a message by its mark."""
        await self._meet("find", row)
        for message in self.messages:
            if (message.channel_id, message.mark) == (row.target_id, row.mark):
                return Posted(message.channel_id, message.message_id)
        return None

    async def is_member(self, guild_id: int, user_id: int) -> bool | None:
        """Say whether a person is on a server; everyone is until something else is said."""
        assert guild_id == GUILD
        return self.members.get(user_id, True)

    async def _meet(self, what: str, row: OutboxRow) -> None:
        self.calls.append((what, row.kind))
        await self.trouble(what, row)

    def of(self, kind: MessageKind) -> list[Message]:
        """Return the messages of a kind that stand."""
        return [message for message in self.messages if message.kind is kind]

    def count(self, what: str, kind: MessageKind) -> int:
        """Return how often something was tried."""
        return self.calls.count((what, kind))


Over = Callable[[RequestView], bool]


@dataclass
class House:
    """Everything that works together."""

    database: Database
    onlooker: Onlooker
    clock: ManualClock
    discord: ScriptedDiscord
    market: SkinsbackSandbox
    client: SkinsbackClient
    vault: Vault
    announcements: Announcements
    guilds: Guilds
    watch: MarketWatch
    catalogue: Catalogue
    booking: Booking
    buying: Buying
    look_ups: LookUps
    follower: Follower
    statuses: Statuses
    books: Books
    timing: Timing
    this_run: ThisRun
    baskets: Baskets
    pasting: Pasting
    picking: Picking
    browsing: Browsing
    asking: Asking
    repricing: Repricing
    requests: Requests
    trade_urls: TradeUrls
    pauses: Pauses
    attention: Attention
    missed: Missed
    money: Money
    approvals: Approvals
    approved: asyncio.Event
    disk: DiskWatch | None = None

    def worker(self, *, shutdown_s: float = SHUTDOWN_S) -> Purchasing:
        """Return a worker that buys; one that was stopped never starts again."""
        return Purchasing(
            self.database,
            self.buying,
            self.look_ups,
            self.watch,
            self.guilds,
            self.announcements,
            self.discord,
            self.discord,
            self.clock,
            self.timing,
            self.this_run,
            approved=self.approved,
            disk=self.disk,
            shutdown_s=shutdown_s,
        )

    async def set_up(
        self,
        *,
        undo_s: int = 0,
        lines_max: int = 10,
        open_max: int = 5,
        askers: Sequence[int] = (),
        delivery: Delivery | None = None,
    ) -> None:
        """Write the server's choices, and read the prices."""
        async with self.database.writing() as tx:
            await settings.set_place(tx, GUILD, "approver_role_id", MODS)
            await settings.set_place(tx, GUILD, "approval_channel_id", APPROVALS)
            await settings.set_place(tx, GUILD, "results_channel_id", RESULTS)
            await settings.set_asker_roles(tx, GUILD, askers)
            await settings.set_numbers(
                tx,
                GUILD,
                {"undo_s": undo_s, "lines_max": lines_max, "open_requests_max": open_max},
            )
            if delivery is not None:
                await settings.set_delivery(tx, GUILD, delivery)
        await self.catalogue.refresh()

    async def give_url(self, actor: Actor, partner: int | None = None, token: str = TOKEN) -> None:
        """Enter and confirm a person's Trade URL."""
        candidate_id, _ = await self.trade_urls.propose(
            actor, url_of(actor.user_id if partner is None else partner, token)
        )
        await self.trade_urls.confirm(actor, candidate_id)

    async def pick(self, actor: Actor, name: str, quantity: int = 1) -> Added:
        """Put a skin into a basket."""
        added = await self.baskets.add(actor, Wish(name, quantity))
        assert isinstance(added, Added)
        return added

    async def submit(self, actor: Actor, *skins: tuple[str, int]) -> RequestView:
        """Send a request for these skins, or for one Redline."""
        if await self.trade_urls.known(actor.user_id) is None:
            await self.give_url(actor)
        for name, quantity in skins or ((REDLINE, 1),):
            basket = (await self.pick(actor, name, quantity)).basket
        return (await self.requests.submit(actor, basket.revision)).view

    async def approve(self, view: RequestView, actor: Actor = MAX) -> RequestView:
        """Approve a request."""
        request = view.request
        return await self.requests.approve(actor, request.request_id, request.digest[:16])

    async def submit_approved(self, actor: Actor, *skins: tuple[str, int]) -> RequestView:
        """Send a request and have it approved."""
        return await self.approve(await self.submit(actor, *skins))

    async def view(self, view: RequestView) -> RequestView:
        """Return a request as it stands now."""
        with self.onlooker.looking() as tx:
            found = await requests.get(tx, view.request.request_id)
        assert found is not None
        return found

    async def history(self, view: RequestView) -> list[Event]:
        """Return what happened to a request."""
        async with self.database.reading() as tx:
            return await audit.of_request(tx, view.request.request_id)

    async def message(self, view: RequestView, kind: MessageKind) -> OutboxRow:
        """Return a request's row in the outbox."""
        async with self.database.reading() as tx:
            row = await outbox.find(tx, view.request.request_id, kind)
        assert row is not None
        return row

    async def rows(self) -> list[tuple[str, str]]:
        """Return kind and state of everything in the outbox, in order."""
        async with self.database.reading() as tx:
            found = await tx.all("SELECT kind, state FROM outbox ORDER BY outbox_id")
        return [(row["kind"], row["state"]) for row in found]

    def ring(self) -> None:
        """Have the workers look for what is due."""
        self.announcements.wake()
        self.approved.set()

    async def next_due_at(self) -> int | None:
        """Return when there is something to do next, for the worker or for the announcements."""
        with self.onlooker.looking() as tx:
            due = await purchases.next_due_at(tx, self.clock.now, busy=())
            telling = await outbox.next_at(tx)
        return min((at for at in (due, telling) if at is not None), default=None)

    async def post_everything(self) -> None:
        """Let time pass until there is nothing more to tell, or nothing that can be told."""
        for _ in range(60):
            with self.onlooker.looking() as tx:
                if await outbox.next_at(tx) is None:
                    return
            self.clock.now += 2_000
            self.announcements.wake()
            await asyncio.sleep(0.01)

    async def buy_until(
        self, view: RequestView, *states: RequestState, waiting: bool = False
    ) -> RequestView:
        """Let the worker go on until a request is in one of these states, or waits for something.

        Without any state named: until it is no longer approved or on the wire.
        """
        async with asyncio.timeout(5), working(self.worker().run()):
            while True:
                now = await self.view(view)
                if waiting:
                    over = now.request.waits_for is not None
                else:
                    over = now.request.state in (states or (RequestState.BOUGHT,))
                    over = over or (not states and _stuck(now))
                if over:
                    return now
                self.approved.set()
                await asyncio.sleep(0.005)

    async def let_time_pass(
        self,
        view: RequestView,
        over: Over,
        *,
        for_ms: int = 3 * HOUR,
        worker: Purchasing | None = None,
    ) -> RequestView:
        """Let the worker take every step of a request, each when it is due, until it is ``over``.

        Time goes from one due step to the next, and no further than ``for_ms``.
        """
        ends_at = self.clock.now + for_ms
        worker = worker or self.worker()
        async with asyncio.timeout(20), working(worker.run()):
            for beat in count():
                now = await self.view(view)
                if over(now):
                    return now
                if not worker._busy:
                    due = await self.next_due_at()
                    soonest = ends_at if due is None else min(due, ends_at)
                    if soonest >= ends_at:
                        self.clock.now = ends_at
                        return await self.view(view)
                    if soonest > self.clock.now:
                        self.clock.now = soonest
                        self.ring()
                # Whatever was done to the house before, and without a bell.
                if beat % 50 == 0:
                    self.ring()
                await asyncio.sleep(0.003)
        raise AssertionError("time does not end")

    async def let_it_end(self, view: RequestView, *, for_ms: int = 3 * HOUR) -> RequestView:
        """Let time pass until a request is bought, needs a person, or nothing more happens."""
        return await self.let_time_pass(view, _ended, for_ms=for_ms)


def _ended(view: RequestView) -> bool:
    request = view.request
    return request.state is RequestState.BOUGHT or request.attention_at is not None


async def until(happened: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something has happened, within reason."""
    async with asyncio.timeout(5):
        while True:
            if await happened():
                return
            await asyncio.sleep(0.01)


def _stuck(view: RequestView) -> bool:
    unknown = any(line.state.value == "unknown" for line in view.lines)
    return view.request.state is RequestState.BUYING and unknown


@asynccontextmanager
async def working(work: object) -> AsyncGenerator[None]:
    """Run a worker beside the block, and end it with the block."""
    assert asyncio.iscoroutine(work)
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=1)
    if not task.cancelled():
        task.result()


@asynccontextmanager
async def open_house(
    path: Path,
    market: SkinsbackSandbox,
    discord: ScriptedDiscord,
    clock: ManualClock,
    *,
    database: Database | None = None,
    client: type[SkinsbackClient] = SkinsbackClient,
    seed: int = 1,
    allowed: Sequence[int] = (GUILD,),
    timing: Timing | None = None,
    timeouts: Mapping[str, float] = MappingProxyType({}),
) -> AsyncGenerator[House]:
    """Wire everything on a database file; nothing but the announcements runs yet.

    ``timeouts``: of the client, in seconds, by their names there.
    """
    environment = market.environment()
    opened = database or await Database.open(path)
    async with (
        opened,
        client(
            url=environment["SKINSBACK_API_URL"],
            client_id=environment["SKINSBACK_CLIENT_ID"],
            client_secret=environment["SKINSBACK_CLIENT_SECRET"],
            limiter=Limiter(window_s=0.05),
            **timeouts,
        ) as caller,
    ):
        house = build_house(
            opened,
            caller,
            market,
            discord,
            clock,
            path=path,
            seed=seed,
            allowed=allowed,
            timing=timing or Timing(),
        )
        with closing(house.onlooker):
            async with working(house.announcements.run()):
                yield house


def build_house(
    database: Database,
    client: SkinsbackClient,
    market: SkinsbackSandbox,
    discord: ScriptedDiscord,
    clock: ManualClock,
    *,
    path: Path,
    seed: int,
    allowed: Sequence[int],
    timing: Timing,
) -> House:
    """Wire everything; nothing runs yet."""
    rng, approved, vault = Random(seed), asyncio.Event(), Vault([KEY])
    this_run = ThisRun(clock.now_ms(), caught_up=True)
    announcements = Announcements(database, discord, clock, rng, this_run)
    guilds = Guilds(
        database, announcements, clock, allowed_guild_ids=allowed, allow_all=not allowed
    )
    watch = MarketWatch(database, client, guilds, announcements, clock, approved=approved)
    catalogue = Catalogue(client, guilds, PriceFile(path.with_suffix(".prices")), clock, rng)
    statuses = Statuses(announcements, clock, rng, timing.cadence)
    booking = Booking(
        watch, announcements, statuses, clock, rng, market_name="sandbox", project="1001"
    )
    buying = Buying(
        database,
        vault,
        client,
        watch,
        booking,
        announcements,
        clock,
        timing,
        market_name="sandbox",
        project="1001",
    )
    baskets = Baskets(database, guilds, catalogue, client, clock, rng)
    picking = Picking(database, guilds, catalogue, baskets, clock)
    return House(
        database=database,
        onlooker=Onlooker(path),
        clock=clock,
        discord=discord,
        market=market,
        client=client,
        vault=vault,
        announcements=announcements,
        guilds=guilds,
        watch=watch,
        catalogue=catalogue,
        booking=booking,
        buying=buying,
        look_ups=LookUps(database, client, booking, buying, announcements, clock, rng, timing),
        statuses=statuses,
        follower=Follower(
            database,
            client,
            booking,
            statuses,
            announcements,
            clock,
            None,
            timing,
            due=approved,
        ),
        timing=timing,
        books=Books(
            database,
            client,
            booking,
            buying,
            watch,
            announcements,
            clock,
            timing,
            this_run,
            guilds,
            operator_ids=[OTTO.user_id],
            approved=approved,
        ),
        this_run=this_run,
        baskets=baskets,
        pasting=Pasting(database, guilds, catalogue, client, baskets, clock),
        picking=picking,
        browsing=Browsing(database, guilds, catalogue, baskets, picking, client, clock),
        asking=Asking(database, guilds, catalogue, baskets, clock),
        repricing=Repricing(database, catalogue, baskets, clock),
        requests=Requests(
            database, vault, guilds, catalogue, announcements, clock, approved=approved
        ),
        trade_urls=TradeUrls(database, vault, announcements, clock, rng, approved=approved),
        pauses=Pauses(
            database, guilds, announcements, clock, operator_ids=[OTTO.user_id], approved=approved
        ),
        approvals=Approvals(database, guilds, announcements, discord),
        attention=Attention(
            database,
            guilds,
            watch,
            buying,
            announcements,
            clock,
            operator_ids=[OTTO.user_id],
            approved=approved,
        ),
        missed=Missed(database, announcements, clock),
        money=Money(database, guilds, watch, announcements, clock, operator_ids=[OTTO.user_id]),
        approved=approved,
    )
