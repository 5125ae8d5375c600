"""A request's life as a stateful model against the real store: what holds after every step.

Hypothesis takes the steps; a plain picture beside the database says what must stand in it then. The
market is an honest one that may be slow, silent or gone, and remembers every key.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import ClassVar, Final, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.domain.keys import digest_of, purchase_key
from bot.domain.limits import MISSES_NEEDED
from bot.domain.market import FAILED_STATUSES, Refusal
from bot.domain.models import MessageKind, NoListing, RequestView, WaitReason
from bot.domain.money import CENT, Micros
from bot.domain.states import TRANSITIONS
from bot.services.announcements import Announcements
from bot.services.holds import Balance, is_covered
from bot.services.this_run import ThisRun
from bot.store import deliveries, outbox, purchases, requests, totals
from bot.store import settings as guild_settings
from bot.store.database import Transaction
from bot.store.deliveries import Known
from tests.services.house import ManualClock, ScriptedDiscord
from tests.store import samples
from tests.store.desk import Desk
from tests.store.picture import Message, Picture, Row, Try
from tests.store.samples import DAY, GUILD, MAX, NOW, SEALED, URL, shown

GRACE: Final = 600_000
REQUESTS_MAX: Final = 3
DEBIT: Final = 1_240 * CENT
CEILING: Final = 1_302 * CENT
SOLD_OUT: Final = 5
BAD_ITEM: Final = 11
KINDS: Final = (MessageKind.APPROVAL_CARD, MessageKind.MEMBER_STATUS, MessageKind.RESULT)
ALLOWED: Final = {(before.value, after.value) for (before, _), after in TRANSITIONS.items()}
T = TypeVar("T")

PICK = st.integers(0, 11)
"""Which of those that a step is possible for."""

RIGHT = st.sampled_from([True, True, True, False])
SELDOM = st.sampled_from([False] * 5 + [True])


@dataclass(frozen=True)
class Luck:
    """What chance decides about the next thing that happens to a request."""

    wait_ms: int
    right: bool
    found: tuple[bool, bool]
    whole: str
    fates: tuple[str, str]
    shown: bool
    misses: int
    history: bool
    status: str


STATUSES: Final = (
    "waiting_accept",
    "accepted",
    "timeout",
    "trade_create_error",
    "rollback_supplier",
)
FATES: Final = ("told", "silently bought", "silence", "sold out", "sold out", "bad item")


def _lucks(rng: Random) -> list[Luck]:
    """Return what chance decides in a row, as even as dice: a life must get somewhere."""
    return [
        Luck(
            wait_ms=rng.choice([1] * 10 + [GRACE] * 10 + [DAY]),
            right=rng.random() < 0.9,
            found=(rng.random() < 0.8, rng.random() < 0.8),
            whole=rng.choice(["", "", "", "", "refused", "never left", "killed"]),
            fates=(rng.choice(FATES), rng.choice(FATES)),
            shown=rng.random() < 0.5,
            misses=rng.choice([1, MISSES_NEEDED, MISSES_NEEDED]),
            history=rng.random() < 0.8,
            status=rng.choice(STATUSES),
        )
        for _ in range(rng.randrange(1, 9))
    ]


DICE = st.integers(0, 2**32 - 1)


class _UndoneError(Exception):
    """The process dies in the middle of a transaction."""


class Life(RuleBasedStateMachine):
    """Some requests, the people and the worker that move them, and the market."""

    template: ClassVar[Path]
    seen: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(self.template)
        self.clock = ManualClock(NOW)
        self.announcements = Announcements(
            self.desk.database, ScriptedDiscord(), self.clock, Random(1), ThisRun(NOW)
        )
        self.pictures: list[Picture] = []
        self.on_way: dict[int, int] = {}
        self.listings = 0
        # What is true at the market: the status of what was bought under each key.
        self.bought: dict[str, str] = {}
        self.balance = 4 * CEILING
        self.left: Counter[str] = Counter()
        self.states: dict[str, tuple[str, int]] = {}
        self.disk = self.desk.on_disk()
        self.desk.write(_set_up)

    def teardown(self) -> None:
        """Count what this life has seen."""
        for picture in self.pictures:
            tries = list(picture.tries())
            self.seen["released"] += sum(one.released for one in tries)
            self.seen["settled"] += sum(one.settled for one in tries)
            self.seen["rounds"] += sum(row.round for row in picture.rows)
            self.seen["sent twice"] += sum(one.sends == 2 for one in tries)
            self.seen["substituted"] += sum(
                before.code == SOLD_OUT and before.round == after.round
                for row in picture.rows
                for before, after in pairwise(row.tries)
            )
        self.desk.close()

    @property
    def now(self) -> int:
        """The time of this step."""
        return self.clock.now

    def one(self, pick: int, found: Collection[T]) -> T:
        """Return one of those that a step is possible for; a moment later than the step before."""
        self.clock.now += 1
        return list(found)[pick % len(found)]

    def those(self, *states: str) -> list[Picture]:
        """Return the requests in these states."""
        return [one for one in self.pictures if one.state in states]

    def goes_before(self, picture: Picture) -> int:
        """Return what others hold before a request gets anything of the balance."""
        others = [one for one in self.pictures if one is not picture]
        pending = sum(row.pending for one in others for row in one.rows)
        ahead = [one for one in others if one.holds and one.turn < picture.turn]
        return pending + sum(row.unsent for one in ahead for row in one.rows)

    def is_covered(self, picture: Picture, needed: int) -> bool:
        """Ask the store whether the balance covers a hold, and expect what the picture says."""
        balance = Balance(Micros(self.balance), self.now)
        covered = self.desk.write(
            lambda tx: is_covered(tx, balance, request_id=picture.request_id, needed=Micros(needed))
        )
        assert covered == (needed + self.goes_before(picture) <= self.balance)
        return covered

    def buy(self, one: Try) -> None:
        """Buy it at the market, which takes the money at once."""
        self.bought[one.key] = "creating_trade"
        self.balance -= DEBIT

    async def tell(self, tx: Transaction, picture: Picture) -> None:
        """Have everybody told of a result."""
        await self.announcements.announce_result(tx, await shown(tx, picture.request_id))
        picture.touch()
        if "result" not in picture.messages:
            made = await _message(tx, picture.request_id, MessageKind.RESULT)
            picture.messages["result"] = made

    async def plan(self, tx: Transaction, picture: Picture, *, send: bool = False) -> None:
        """Plan the next step after something was recorded, as ``Buying.go_on`` does."""
        name = picture.request_id
        if picture.rows_that("unknown"):
            if send:
                await purchases.begin_search(tx, name, at=self.now, step_at=self.now)
                picture.begin_search(self.now)
        elif picture.step(self.now, GRACE) == "finish":
            assert await purchases.finish(tx, name, at=self.now)
            picture.finish()
        else:
            await purchases.go_on(tx, name, at=self.now)
            picture.go_on()
        await self.tell(tx, picture)

    # What people do

    @initialize(by_name=st.tuples(st.booleans(), st.booleans()), dice=DICE)
    def begin(self, by_name: tuple[bool, bool], dice: int) -> None:
        """Some way into a life: where everything starts, Hypothesis seldom comes far."""
        self.submit(list(by_name), right=True)
        self.submit([True, True], right=True)
        for more in range(4):
            self._let_happen(self.pictures[more % 2], 100 * dice + more)

    @precondition(lambda self: len(self.pictures) < REQUESTS_MAX)
    @rule(by_name=st.lists(st.booleans(), min_size=1, max_size=2), right=RIGHT)
    def submit(self, by_name: list[bool], right: bool) -> None:
        """A basket is sent, or one that has changed since it was shown."""
        self.clock.now += 1
        number = len(self.pictures) + 1
        rows = [
            Row(place, CEILING, None if plain else 100 * number + place)
            for place, plain in enumerate(by_name, start=1)
        ]
        picture = self.desk.write(lambda tx: self._submit(tx, number, rows, right=right))
        if picture is not None:
            self.pictures.append(picture)

    async def _submit(
        self, tx: Transaction, number: int, rows: list[Row], *, right: bool
    ) -> Picture | None:
        basket = await samples.draft(tx, number, user_id=number)
        lines = [samples.line(row.number, listing_id=row.listing_id) for row in rows]
        if not right:
            await tx.execute("UPDATE requests SET revision = 2 WHERE state = 'draft'")
        submitted = await samples.submit(tx, basket, lines)
        assert submitted is right
        if not submitted:
            await tx.execute("DELETE FROM picks")
            await tx.execute("DELETE FROM requests WHERE state = 'draft'")
            return None
        name, expires_at = basket.request_id, self.now + 3 * DAY
        await tx.execute(
            "UPDATE requests SET expires_at = ? WHERE request_id = ?", expires_at, name
        )
        view = await shown(tx, name)
        guild = await guild_settings.get_guild(tx, GUILD)
        await self.announcements.announce_submitted(tx, view, guild)
        picture = Picture(name, number, view.request.digest, 1, expires_at, rows)
        for kind in KINDS[:2]:
            picture.messages[kind] = await _message(tx, name, kind)
        return picture

    def _vote(self, picture: Picture, luck: Luck) -> None:
        """A moderator approves what their card shows."""
        digest = picture.digest if luck.right else "another"
        now = self.now
        happens = luck.right and picture.counts(self.now)

        async def work(tx: Transaction) -> None:
            name = picture.request_id
            done = await requests.approve(
                tx,
                name,
                digest=digest,
                by=MAX,
                at=now,
                claimable_at=now,
                expires_at=now + DAY,
            )
            assert done is happens
            if done:
                await outbox.touch(tx, name)

        self.desk.write(work)
        if happens:
            picture.state, picture.approved_digest = "approved", digest
            picture.decided_at = picture.claimable_at = self.now
            picture.expires_at, picture.waits_for = self.now + DAY, None
            picture.touch()

    @rule(pick=PICK, right=SELDOM, what=st.sampled_from(["deny", "cancel", "take back", "expire"]))
    def end(self, pick: int, right: bool, what: str) -> None:
        """Somebody wants to end it or undo it: seldom the right thing, and mostly too late."""
        is_open = self.those("pending", "approved")
        too_late = [one for one in self.pictures if one not in is_open]
        picture = self.one(pick, (is_open if right else too_late) or self.pictures)
        name, now = picture.request_id, self.now
        digest = picture.digest if right else "another"
        happens = {
            "deny": right and picture.state == "pending",
            "cancel": picture in is_open,
            "take back": right and picture.state == "approved",
            "expire": picture in is_open and not picture.counts(now),
        }[what]

        async def work(tx: Transaction) -> None:
            match what:
                case "deny":
                    done = await requests.deny(tx, name, digest=digest, by=MAX, reason="no", at=now)
                case "cancel":
                    done = await requests.cancel(tx, name, at=now)
                case "take back":
                    done = await requests.take_back(
                        tx, name, digest=digest, at=now, expires_at=now + DAY
                    )
                case _:
                    done = await requests.expire(tx, name, at=now)
            assert done is happens
            if done:
                await outbox.touch(tx, name)

        self.desk.write(work)
        if not happens:
            return
        picture.touch()
        if what == "take back":
            picture.void(now + DAY)
        elif what == "deny":
            picture.state, picture.decided_at = "denied", now
        else:
            picture.state = "cancelled" if what == "cancel" else "expired"
            picture.waits_for = None

    @precondition(lambda self: self.those("pending", "approved"))
    @rule(pick=PICK, seldom=SELDOM)
    def change_steam_account(self, pick: int, seldom: bool) -> None:
        """The member wants it on another account: another version, and nothing is approved."""
        picture = self.one(pick, self.those("pending", "approved"))
        if not seldom:
            return

        async def work(tx: Transaction) -> None:
            view = await shown(tx, picture.request_id)
            version, partner = view.request.version + 1, URL.partner + view.request.version
            digest = digest_of(
                request_id=picture.request_id,
                guild_id=GUILD,
                version=version,
                partner=partner,
                lines=[line.line for line in view.lines],
            )
            assert await requests.change_steam_account(
                tx,
                view,
                partner=partner,
                sealed_token=SEALED,
                version=version,
                digest=digest,
                at=self.now,
                expires_at=self.now + DAY,
            )
            await outbox.touch(tx, picture.request_id)
            picture.version, picture.digest = version, digest

        self.desk.write(work)
        picture.void(self.now + DAY)
        picture.touch()

    def _try_again(self, picture: Picture) -> None:
        """A moderator has what was not bought tried again, if the balance covers it."""
        rows = [row for row in picture.rows if row.can_be_tried_again]
        if not rows or not self.is_covered(picture, sum(row.ceiling for row in rows)):
            return

        async def work(tx: Transaction) -> bool:
            view = await shown(tx, picture.request_id)
            done = await purchases.try_again(tx, view, at=self.now)
            if done:
                await outbox.touch(tx, picture.request_id)
            return done

        assert self.desk.write(work) is picture.counts(self.now)
        if picture.counts(self.now):
            picture.state, picture.waits_for = "buying", None
            for row in rows:
                row.round, row.no_listing = row.round + 1, None
            picture.touch()

    def _settle_by_hand(self, picture: Picture) -> None:
        """An administrator says what the market's panel shows, and rightly so."""
        one = picture.rows_that("unknown")[0].last
        assert one is not None
        bought = (self._buy_id(one.key), DEBIT) if one.key in self.bought else None
        one.settled, one.buy_id = True, bought[0] if bought else None
        one.state, one.status = ("purchased", "creating_trade") if bought else ("refused", None)

        async def work(tx: Transaction) -> None:
            told = (bought[0], Micros(bought[1])) if bought else None
            assert await purchases.settle(tx, one.key, by=MAX, at=self.now, bought=told)
            await self.plan(tx, picture)

        self.desk.write(work)

    # What the worker does, and people about what it has done

    @rule(pick=PICK, dice=DICE)
    def next_things(self, pick: int, dice: int) -> None:
        """What comes next in the life of a request happens, well or not, and what comes then."""
        self._let_happen(self.one(pick, self.pictures), dice)

    @rule(dice=DICE)
    def next_things_of_the_newest(self, dice: int) -> None:
        """So it goes with the request that came last."""
        self._let_happen(self.pictures[-1], dice)

    @precondition(lambda self: self._under_way())
    @rule(dice=DICE)
    def next_things_of_the_oldest(self, dice: int) -> None:
        """And with the one that has been under way for the longest time."""
        self._let_happen(self._under_way()[0], dice)

    def _let_happen(self, picture: Picture, dice: int) -> None:
        # Hypothesis likes the same small numbers again and again; the moment tells them apart.
        for luck in _lucks(Random(f"{dice} {self.now}")):
            note(f"{picture.request_id} {picture.state}: {luck}")
            self.clock.now += luck.wait_ms
            if picture.state == "pending":
                self._vote(picture, luck)
            elif picture.state == "approved":
                self._claim(picture, luck)
            elif picture.state == "buying":
                self._take_step(picture, luck)
            elif picture.state == "bought":
                self._deliver(picture, luck.status)
                self._try_again(picture)
            self.all_holds()

    def _take_step(self, picture: Picture, luck: Luck) -> None:
        match picture.step(self.now, GRACE):
            case "wait":
                self._answer(picture, luck)
            case "look_up" if picture.attention_at is not None and luck.shown:
                self._settle_by_hand(picture)
            case "look_up":
                self._look_up(picture, luck)
            case "resend":
                self._resend(picture)
            case "ask_a_person":
                self._ask_a_person(picture)
            case "buy" if picture.counts(self.now):
                self._commit_attempts(picture, luck)
            case "buy":
                self._close_late_lines(picture)
            case _:
                self.desk.write(lambda tx: self.plan(tx, picture))

    def _claim(self, picture: Picture, luck: Luck) -> None:
        """The worker takes a request, if the balance covers it beside all that goes before it."""
        name, now = picture.request_id, self.now
        if not self.is_covered(picture, picture.to_send):
            self.seen["balance low"] += 1
            picture.waits_for, picture.claimable_at = "balance_low", now

            async def wait(tx: Transaction) -> None:
                await purchases.wait(tx, name, WaitReason.BALANCE_LOW, claimable_at=now, at=now)
                await outbox.touch(tx, name)

            self.desk.write(wait)
            picture.touch()
            return
        happens = luck.right and picture.counts(now)

        async def work(tx: Transaction) -> None:
            digest = picture.digest if luck.right else "another"
            assert await purchases.claim(tx, name, digest=digest, at=now) is happens
            if happens:
                await outbox.touch(tx, name)

        self.desk.write(work)
        if happens:
            picture.state, picture.waits_for = "buying", None
            picture.touch()

    def _commit_attempts(self, picture: Picture, luck: Luck) -> None:
        """What is for sale is written as sent, before a socket is opened; the rest is refused."""
        self.desk.write(lambda tx: self._commit(tx, picture, luck))

    async def _commit(self, tx: Transaction, picture: Picture, luck: Luck) -> None:
        name = picture.request_id
        for row in picture.rows_that("recheck"):
            assert row.last is not None
            assert await purchases.release(tx, row.last.key)
            row.last.released = True
        tries: list[Try] = []
        for row, there in zip(picture.rows_that("open"), luck.found, strict=False):
            if there:
                tries.append(self._next_try(picture, row))
                continue
            await purchases.refuse_line(tx, name, row.number, NoListing.SOLD_OUT, None)
            row.no_listing = "sold_out"
        if not tries:
            await self.plan(tx, picture)
            return
        await _send(tx, picture, tries)
        await outbox.touch(tx, name)
        picture.waits_for = None
        picture.touch()
        self.left.update(one.key for one in tries)

    def _next_try(self, picture: Picture, row: Row) -> Try:
        """Make the next try of an open line: under the same key if that provably never left."""
        last, number, unsent = row.last, 1, 0
        if last is not None and last.state == "not_sent":
            number, unsent = last.number, row.tries.pop().unsent
        elif last is not None:
            number = last.number + 1
        self.listings += 1
        made = Try(
            purchase_key(picture.request_id, row.number, number),
            number,
            row.listing_id or 10_000 + self.listings,
            row.ceiling,
            picture.approved_digest or "",
            row.round,
            unsent=unsent,
        )
        row.tries.append(made)
        return made

    @precondition(lambda self: any(one.tries for one in self._lines()))
    @rule(pick=PICK)
    def use_a_key_or_a_line_twice(self, pick: int) -> None:
        """A fault of ours wants to send a used key, or beside what is alive: nothing is written."""
        rows = [row for row in self._lines() if row.last and row.last.state != "not_sent"]
        if not rows:
            return
        row = self.one(pick, rows)
        assert row.last is not None
        picture = next(one for one in self.pictures if row in one.rows)
        last = row.last
        live = last.pending or (last.state == "purchased" and not last.released)
        numbers = [last.number, last.number + 1] if live else [last.number]
        for number in numbers:
            key = purchase_key(picture.request_id, row.number, number)
            again = Try(key, number, 1, CEILING, picture.digest, row.round)
            with pytest.raises(sqlite3.IntegrityError):
                self.desk.write(lambda tx, again=again: _send(tx, picture, [again]))  # type: ignore[misc]

    def _answer(self, picture: Picture, luck: Luck) -> None:
        """The call ends, well or not, for each line or for all; or the process does before it."""
        if luck.whole == "killed":
            self._restart(killed=luck.shown)
            return
        tries = [row.last for row in picture.rows_that("sent") if row.last]
        again = any(one.sends == 2 for one in tries)

        async def work(tx: Transaction) -> None:
            if luck.whole == "never left":
                await self._never_left(tx, picture, tries)
            elif luck.whole and not again:
                await self._refuse_whole(tx, picture, tries)
            else:
                await self._judge(tx, picture, tries, luck.fates)

        self.desk.write(work)

    async def _never_left(self, tx: Transaction, picture: Picture, tries: list[Try]) -> None:
        for one in tries:
            await purchases.record_not_sent(tx, one.key, at=self.now)
            one.state, one.sends = ("not_sent", 1) if one.sends == 1 else ("unknown", 1)
            one.unsent += 1
            self.left[one.key] -= 1
        await purchases.go_on(tx, picture.request_id, at=self.now)
        await outbox.touch(tx, picture.request_id)
        picture.go_on()
        picture.touch()

    async def _refuse_whole(self, tx: Transaction, picture: Picture, tries: list[Try]) -> None:
        name, now, reason = picture.request_id, self.now, WaitReason.MAINTENANCE
        for one in tries:
            refused = Refusal(-9, "")
            assert await purchases.record_refusal(tx, one.key, refused, whole=True, at=now)
            one.state, one.code, one.whole = "refused", -9, True
        if any(one.state == "purchased" for one in picture.tries()):
            await purchases.wait(tx, name, reason, claimable_at=now, at=now)
            picture.waits_for, picture.claimable_at = reason, now
        else:
            assert await purchases.give_back(tx, name, reason, claimable_at=now, at=now)
            picture.give_back(reason, now)
            self.seen["given back"] += 1
        await outbox.touch(tx, name)
        picture.touch()

    async def _judge(
        self, tx: Transaction, picture: Picture, tries: list[Try], fates: tuple[str, str]
    ) -> None:
        for one, fate in zip(tries, fates, strict=False):
            if one.key not in self.bought and "bought" in fate + "bought" * (fate == "told"):
                self.buy(one)
                if fate == "told":
                    await self._book(tx, one)
                    continue
            code = {"sold out": SOLD_OUT, "bad item": BAD_ITEM}.get(fate)
            if one.key in self.bought and one.sends == 2:
                code = 7  # duplicated_custom_id: its first send has bought it
            self.seen["resend refused"] += one.sends == 2 and code not in (None, 7)
            self.seen["resend refused as a duplicate"] += code == 7
            refusal = Refusal(code or 0, "")
            definite = code is not None and await purchases.record_refusal(
                tx, one.key, refusal, whole=False, at=self.now
            )
            assert definite is (code is not None and one.sends == 1)
            one.state, one.code = "refused" if definite else "unknown", code
            if not definite:
                await purchases.record_unknown(tx, one.key, message="", code=code)
        await self.plan(tx, picture, send=True)

    def _buy_id(self, key: str) -> int:
        return list(self.bought).index(key) + 1

    async def _book(self, tx: Transaction, one: Try) -> None:
        status, buy_id = self.bought[one.key], self._buy_id(one.key)
        told = samples.purchase(one.key, buy_id, offer_status=status)
        assert await purchases.record_purchase(tx, one.key, told, at=self.now)
        one.state, one.buy_id, one.status = "purchased", buy_id, status

    def _look_up(self, picture: Picture, luck: Luck) -> None:
        """Found is proof; else answers about each key alone, and now and then a history."""
        history = luck.history and picture.grace_from is not None

        async def work(tx: Transaction) -> None:
            name, news = picture.request_id, False
            for row in picture.rows_that("unknown"):
                assert row.last is not None
                if row.last.key not in self.bought:
                    for _ in range(luck.misses):
                        await purchases.record_miss(tx, row.last.key)
                    row.last.misses += luck.misses
                elif luck.shown:
                    await self._book(tx, row.last)
                    news = True
            if news:
                await purchases.begin_search(tx, name, at=self.now, step_at=self.now)
                picture.begin_search(self.now)
                await self.plan(tx, picture)
                return
            at = self.now if history else None
            await purchases.record_look_up(tx, name, history_at=at, step_at=self.now)
            await outbox.touch_card(tx, name)
            picture.look_ups += 1
            picture.history_at = at or picture.history_at
            picture.messages["approval_card"].wanted += 1

        self.desk.write(work)

    def _resend(self, picture: Picture) -> None:
        """What the market knows nothing of is sent once more, unchanged."""
        tries = [row.last for row in picture.rows_that("unknown") if row.last]
        again = {one.key for one in tries if one.sends == 1}

        async def work(tx: Transaction) -> list[str]:
            keys = await purchases.open_resend(tx, picture.request_id, at=self.now)
            await outbox.touch(tx, picture.request_id)
            return keys

        assert set(self.desk.write(work)) == again
        for one in tries:
            assert one.misses >= MISSES_NEEDED
            if one.key in again:
                one.state, one.sends = "sent", 2
        picture.waits_for = None
        picture.touch()
        self.left.update(again)

    def _ask_a_person(self, picture: Picture) -> None:
        """Nobody else can tell any more."""

        async def work(tx: Transaction) -> None:
            name = picture.request_id
            assert await purchases.ask_a_person(tx, name, at=self.now, step_at=self.now)
            await self.tell(tx, picture)

        self.desk.write(work)
        picture.attention_at, picture.look_ups = self.now, 0

    def _close_late_lines(self, picture: Picture) -> None:
        """The approval has grown too old before the turn of its last lines came."""

        async def work(tx: Transaction) -> None:
            view = await shown(tx, picture.request_id)
            late = [row.number for row in picture.rows_that("open")]
            await purchases.end_round(tx, view)
            for number in late:
                await purchases.refuse_line(
                    tx, picture.request_id, number, NoListing.TOO_LATE, None
                )
            for row in picture.rows_that("recheck"):
                assert row.last is not None
                row.round = row.last.round
            for row in picture.rows:
                row.no_listing = "too_late" if row.number in late else row.no_listing
            await self.plan(tx, picture)

        self.desk.write(work)
        assert picture.state == "bought"
        self.seen["too late"] += 1

    @precondition(lambda self: self.bought)
    @rule(pick=PICK, status=st.sampled_from(STATUSES))
    def deliver(self, pick: int, status: str) -> None:
        """The market says how a trade went on; it may change its mind until a key has ended."""
        self._deliver(self.one(pick, self.pictures), status)

    def _deliver(self, picture: Picture, status: str) -> None:
        known = [one for one in picture.tries() if one.state == "purchased" and not one.released]
        if not known:
            return
        one = known[-1]
        known_now = Known(status, Micros(DEBIT), None, self.now, self.now, None, self.now)

        async def work(tx: Transaction) -> bool:
            row = await tx.one("SELECT offer_status FROM attempts WHERE purchase_key = ?", one.key)
            assert row is not None
            await deliveries.record(tx, one.key, known_now)
            if news := bool(row["offer_status"] != status):
                await outbox.touch(tx, picture.request_id)
            return news

        assert self.desk.write(work) is (status != one.status)
        if status != one.status:
            picture.touch()
        one.status = self.bought[one.key] = status

    # What happens by itself

    @rule(ms=st.sampled_from([60_000, GRACE, GRACE, GRACE, GRACE, DAY]), paid_in=SELDOM)
    def time_passes(self, ms: int, paid_in: bool) -> None:
        """Nothing happens for a while, but that somebody may pay in."""
        self.clock.now += ms
        self.balance += CEILING * paid_in

    @precondition(lambda self: not all(one.counts(self.now) for one in self.pictures))
    @rule()
    def sweep(self) -> None:
        """What is too old is expired, and approvals that no longer count are noted as that."""
        old = [one for one in self.those("pending", "approved") if not one.counts(self.now)]
        ended = [one for one in self.those("bought") if one.expires_at and not one.counts(self.now)]

        async def work(tx: Transaction) -> None:
            names = await requests.too_old(tx, self.now, limit=9)
            assert set(names) == {one.request_id for one in old}
            for name in names:
                assert await requests.expire(tx, name, at=self.now)
            noted = await requests.end_approvals(tx, self.now, limit=9)
            assert set(noted) == {one.request_id for one in ended}
            for name in (*names, *noted):
                await outbox.touch(tx, name)

        self.desk.write(work)
        for one in old:
            one.state, one.waits_for = "expired", None
        for one in ended:
            one.expires_at = None
        for one in (*old, *ended):
            one.touch()

    @rule(killed=st.booleans(), seldom=SELDOM)
    def restart(self, killed: bool, seldom: bool) -> None:
        """The process ends and another begins: what was sent is unknown, and searched for."""
        if seldom or self._on_the_wire():
            self._restart(killed=killed)

    def _restart(self, *, killed: bool) -> None:
        self.desk.restart(killed=killed)
        self.on_way.clear()

        async def recover(tx: Transaction) -> None:
            await outbox.search_first(tx)
            wire = {one.request_id: one for one in self._on_the_wire()}
            assert set(await purchases.requests_on_the_wire(tx)) == set(wire)
            for name, picture in wire.items():
                assert await purchases.give_up_waiting(tx, name, message="stopped")
                for row in picture.rows_that("sent"):
                    assert row.last is not None
                    row.last.state = "unknown"
                    self.seen["resend cut off"] += row.last.sends == 2
                await self.tell(tx, picture)
            buying = {one.request_id: one for one in self.those("buying")}
            assert set(await purchases.in_buying(tx)) == set(buying)
            for name, picture in buying.items():
                await purchases.begin_search(tx, name, at=self.now, step_at=self.now)
                picture.begin_search(self.now)

        for picture in self.pictures:
            for message in picture.messages.values():
                message.state = "trying" if message.state == "waiting" else message.state
        self.desk.write(recover)

    @rule(pick=PICK)
    def die_in_a_transaction(self, pick: int) -> None:
        """All of it is undone: what changed, and that anybody is told."""
        picture = self.one(pick, self.pictures)

        async def work(tx: Transaction) -> None:
            name, at = picture.request_id, self.now
            await requests.cancel(tx, name, at=at)
            await purchases.give_up_waiting(tx, name, message="")
            await purchases.claim(tx, name, digest=picture.digest, at=at)
            await purchases.finish(tx, name, at=at)
            await self.announcements.announce_result(tx, await shown(tx, name))
            raise _UndoneError

        with pytest.raises(_UndoneError):
            self.desk.write(work)

    @precondition(lambda self: self._messages())
    @rule(pick=PICK, begin=st.booleans())
    def post(self, pick: int, begin: bool) -> None:
        """A message begins to be on its way, as it was drawn then; or one arrives."""
        if begin and (unposted := self._unposted()):
            message = self.one(pick, unposted)
            assert self.desk.write(lambda tx: outbox.mark_trying(tx, message.outbox_id))
            message.state = "trying"
            self.on_way[message.outbox_id] = message.wanted
        elif self.on_way:
            number, drawn = self.one(pick, self.on_way.items())
            message = next(one for one in self._messages() if one.outbox_id == number)
            at = {"channel_id": 5, "message_id": number}
            self.desk.write(lambda tx: outbox.mark_posted(tx, number, shown=drawn, **at))
            del self.on_way[number]
            message.state, message.shown = "posted", drawn
        elif self._stale():
            self._redraw()

    def _redraw(self) -> None:
        """Every message that shows something older than the database is found and drawn again."""

        async def work(tx: Transaction) -> list[int]:
            rows = await outbox.to_redraw(tx, self.now, limit=99)
            for row in rows:
                await outbox.mark_shown(tx, row.outbox_id, shown=row.wanted)
            return [row.outbox_id for row in rows]

        stale = self._stale()
        assert sorted(self.desk.write(work)) == sorted(one.outbox_id for one in stale)
        for message in stale:
            message.shown = message.wanted

    def _lines(self) -> list[Row]:
        return [row for one in self.pictures for row in one.rows]

    def _messages(self) -> list[Message]:
        return [message for one in self.pictures for message in one.messages.values()]

    def _unposted(self) -> list[Message]:
        unposted = [one for one in self._messages() if one.state in ("waiting", "trying")]
        return [one for one in unposted if one.outbox_id not in self.on_way]

    def _stale(self) -> list[Message]:
        return [one for one in self._messages() if one.state == "posted" and one.wanted > one.shown]

    def _on_the_wire(self) -> list[Picture]:
        return [one for one in self.pictures if one.rows_that("sent")]

    def _under_way(self) -> list[Picture]:
        return self.those("pending", "approved", "buying", "bought")

    # What holds after every step

    @invariant()
    def all_holds(self) -> None:
        """Look at everything that must hold."""
        self.disk = self.desk.on_disk()
        self.disk_is_what_the_picture_says()
        self.market_has_bought_each_line_once_at_most()
        self.only_what_was_approved_is_bought()
        self.holds_are_summed_up_and_covered()
        self.states_move_along_the_table_and_everybody_is_told()
        self.domain_reads_the_same_from_it()

    def disk_is_what_the_picture_says(self) -> None:
        """Every row, and nothing beside them."""
        pictured = {name: row for one in self.pictures for name, row in one.on_disk().items()}
        wrong = {name: row for name, row in self.disk.items() if pictured.get(name) != row}
        assert wrong == {}
        assert set(pictured) == set(self.disk)

    def market_has_bought_each_line_once_at_most(self) -> None:
        """At most one purchase of a line is alive, or may be; no key left more than twice."""
        for row in self._lines():
            assert (
                sum(self.bought.get(one.key) not in (None, *FAILED_STATUSES) for one in row.tries)
                <= 1
            )
            live = [
                one
                for one in row.tries
                if one.pending or (one.state == "purchased" and not one.released)
            ]
            assert len(live) <= 1
            if row.stands == "open":
                assert not live
        assert max(self.left.values(), default=0) <= 2
        known = {one.key: one for picture in self.pictures for one in picture.tries()}
        assert {key for key, times in self.left.items() if times} <= set(known)
        for key in self.bought:
            # Bought is bought, or not known yet; it is never called anything else.
            assert known[key].state in ("sent", "unknown", "purchased")

    def only_what_was_approved_is_bought(self) -> None:
        """What is held or sent bears the digest that a moderator approved, and no other price."""
        for picture in self.pictures:
            if picture.holds or picture.state == "bought":
                assert picture.digest == picture.approved_digest
            for row in picture.rows:
                assert all(one.price <= row.ceiling for one in row.tries)

    def holds_are_summed_up_and_covered(self) -> None:
        """What is held is what the picture says; what may be sent, the balance covers."""

        async def ask(tx: Transaction) -> tuple[list[int], list[int]]:
            ahead = [
                await purchases.spoken_for(tx, since=self.now + 1, besides=one.request_id)
                for one in self.pictures
            ]
            return [await totals.held(tx, one) for one in (None, GUILD)], list(ahead)

        held, ahead = self.desk.read(ask)
        assert held == [sum(one.held for one in self.pictures)] * 2
        assert ahead == [self.goes_before(one) for one in self.pictures]
        to_come = sum(
            one.price if one else row.ceiling
            for picture in self.those("buying")
            for row in picture.rows
            if row.stands in ("open", "recheck", "sent", "unknown")
            for one in [row.last if row.last and row.last.pending else None]
            if one is None or one.key not in self.bought
        )
        assert to_come <= self.balance

    def states_move_along_the_table_and_everybody_is_told(self) -> None:
        """A request that has moved has every message about it drawn again, whatever happened."""
        disk = self.disk
        for picture in self.pictures:
            name = picture.request_id
            rows = [disk[f"{name} {kind}"] for kind in KINDS if f"{name} {kind}" in disk]
            state, wanted = str(disk[name][0]), sum(int(row[2] or 0) for row in rows)
            before, wanted_before = self.states.get(name, (state, wanted))
            assert state == before or ((before, state) in ALLOWED and wanted > wanted_before)
            self.states[name] = (state, wanted)
            told = picture.state == "bought" or any(
                one.state in ("unknown", "purchased") for one in picture.tries()
            )
            assert len(rows) == 3 or (len(rows) == 2 and not told)
            self.seen[state] += 1

    def domain_reads_the_same_from_it(self) -> None:
        """Lines stand, and the next step is, what the picture says."""

        async def ask(tx: Transaction) -> list[RequestView]:
            return [await shown(tx, one.request_id) for one in self.pictures]

        for picture, view in zip(self.pictures, self.desk.read(ask), strict=True):
            stand = [row.stands for row in picture.rows]
            assert [line.state.value for line in view.lines] == stand
            if picture.state == "buying":
                step = view.next_step(self.now, grace_ms=GRACE)
                assert step.value == picture.step(self.now, GRACE)


async def _set_up(tx: Transaction) -> None:
    await guild_settings.add_guild(tx, GUILD)
    for column in ("approval_channel_id", "results_channel_id"):
        await guild_settings.set_place(tx, GUILD, column, 5)


async def _message(tx: Transaction, name: str, kind: MessageKind) -> Message:
    """Return a message that was announced just now."""
    row = await outbox.find(tx, name, kind)
    assert row is not None
    return Message(row.outbox_id, row.state, row.wanted, row.shown)


async def _send(tx: Transaction, picture: Picture, tries: list[Try]) -> None:
    """Write tries as sent."""
    await purchases.open_attempts(
        tx,
        picture.request_id,
        [
            purchases.NewAttempt(
                one.key,
                int(one.key[22:24]),
                one.number,
                one.listing_id,
                Micros(one.price),
                "",
                one.round,
            )
            for one in tries
        ],
        digest=tries[0].digest,
        market="sandbox",
        project="1001",
        steam_id=URL.steam_id,
        at=NOW,
    )


MUST_SEE: Final = frozenset(
    {
        "balance low",
        "given back",
        "released",
        "resend cut off",
        "resend refused",
        "resend refused as a duplicate",
        "rounds",
        "sent twice",
        "settled",
        "substituted",
        "too late",
    }
)


def test_life_of_requests_holds_its_invariants_after_every_step(empty_database: Path) -> None:
    """The same lives each time. One that fails is told as it was lived: shortening takes long."""
    Life.template, Life.seen = empty_database, Counter()
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=60,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    # Lives that get nowhere prove nothing.
    assert {what for what, times in Life.seen.items() if times} >= MUST_SEE
