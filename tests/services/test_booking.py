"""Whoever learns of a purchase first books it once; what must never happen is raised."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.keys import digest_of, purchase_key
from bot.domain.market import Order, Purchase, Refusal
from bot.domain.models import EventKind, NoListing, PauseCause, RequestView, WaitReason
from bot.domain.money import CENT, Micros
from bot.domain.states import LineState, RequestState
from bot.sandbox.skinsback import Fault, SkinsbackSandbox
from bot.services.booking import Booked
from bot.services.this_run import ThisRun
from bot.store import baskets, purchases, requests, settings
from tests.services.house import (
    ANA,
    ASIIMOV,
    GUILD,
    HOUR,
    MAX,
    MINUTE,
    REDLINE,
    House,
    ManualClock,
    ScriptedDiscord,
    open_house,
)
from tests.store import samples

BUY, LOOK = "market_batch_buy", "market_getinfo"


@pytest.fixture
async def market(clock: ManualClock) -> AsyncIterator[SkinsbackSandbox]:
    """The stand-in market, whose clock is ours."""
    async with SkinsbackSandbox(size=0, clock=lambda: clock.now / 1000) as market:
        yield market


def states(view: RequestView) -> list[str]:
    return [line.state.value for line in view.lines]


async def book(house: House, key: str, purchase: Purchase) -> Booked:
    async with house.database.writing() as tx:
        return await house.booking.book(tx, key, purchase)


async def alarms(house: House) -> list[str]:
    """Return what was raised, of whatever request."""
    async with house.database.reading() as tx:
        rows = await tx.all(
            "SELECT json_extract(details, '$.alarm') AS alarm FROM events "
            "WHERE kind = 'alarm' ORDER BY event_id"
        )
        pause = await settings.get_pause(tx)
    raised = [row["alarm"] for row in rows]
    # What came back is told to the moderators, and is no reason to buy nothing more.
    pausing = [alarm for alarm in raised if alarm != "came_back"]
    assert (pause is not None and pause.cause is PauseCause.ALARM) == bool(pausing)
    return raised


def bought(view: RequestView, line_no: int = 1, attempt_no: int = 1, **changes: object) -> Purchase:
    """Return a purchase as it should be of a line."""
    key = purchase_key(view.request.request_id, line_no, attempt_no)
    plain = samples.purchase(key, 1000 + 10 * line_no + attempt_no)
    return replace(plain, steam_id=view.request.steam_id, **changes)  # type: ignore[arg-type]


class TestAdopting:
    """A purchase that the records have lost, wherever its request stands by now."""

    async def in_state(self, house: House, state: str) -> RequestView:
        view = await house.submit(ANA, (REDLINE, 1), (ASIIMOV, 1))
        if state == "pending":
            return view
        if state == "cancelled":
            await house.requests.cancel(ANA, view.request.request_id)
            return await house.view(view)
        view = await house.approve(view)
        if state == "bought":
            house.market.sell_out(REDLINE)
            house.market.sell_out(ASIIMOV)
            return await house.buy_until(view)
        return view

    @pytest.mark.parametrize(
        ("state", "after", "lines"),
        [
            ("pending", "bought", ["purchased", "refused"]),
            ("cancelled", "bought", ["purchased", "refused"]),
            ("approved", "buying", ["purchased", "open"]),
            ("bought", "bought", ["purchased", "refused"]),
        ],
    )
    async def test_lost_purchase_is_adopted_once_and_nothing_unapproved_is_bought_on(
        self, house: House, state: str, after: str, lines: list[str]
    ) -> None:
        view = await self.in_state(house, state)
        purchase = bought(view)
        assert await book(house, purchase.purchase_key or "", purchase) is Booked.ADOPTED
        adopted = await house.view(view)
        assert (adopted.request.state.value, states(adopted)) == (after, lines)
        assert await book(house, purchase.purchase_key or "", purchase) is Booked.KNOWN
        assert await house.view(view) == adopted
        kinds = [event.kind for event in await house.history(view)]
        assert kinds.count(EventKind.ADOPTED) == 1
        assert await alarms(house) == []
        if state in ("pending", "cancelled"):
            assert adopted.lines[1].line.no_listing is NoListing.APPROVAL_LOST
            assert not adopted.lines[1].can_be_tried_again
        if state == "approved":
            # Pins: the rest goes on, and the adopted line has no second purchase.
            ended = await house.let_it_end(view)
            assert states(ended) == ["purchased", "purchased"]
            assert [entry.name for entry in house.market.purchases] == [ASIIMOV]

    async def test_draft_under_a_key_that_was_bought_gets_a_new_id(self, house: House) -> None:
        await house.give_url(ANA)
        basket = (await house.pick(ANA, REDLINE)).basket
        key = purchase_key(basket.request_id, 1, 1)
        stray = samples.purchase(key, 5)
        assert await book(house, key, stray) is Booked.STRAY
        async with house.database.reading() as tx:
            now = await baskets.find(tx, GUILD, ANA.user_id)
        assert now is not None
        assert now.request_id != basket.request_id
        assert now.lines_count == 1
        async with house.database.reading() as tx:
            (row,) = await tx.all("SELECT buy_id, purchase_key FROM strays")
        assert tuple(row) == (5, key)

    async def test_later_key_that_is_adopted_beside_a_failed_one_is_what_counts(
        self, house: House
    ) -> None:
        """An older copy: the failed first key is known, the second one was lost."""
        view = await house.submit_approved(ANA)
        first = bought(view, offer_status="timeout")
        second = bought(view, attempt_no=2)
        for purchase in (first, second):
            await book(house, purchase.purchase_key or "", purchase)
        assert states(await house.view(view)) == ["purchased"]


class TestWhatMustNeverHappen:
    """Booked as it came, raised once, and buying pauses."""

    @pytest.mark.parametrize(
        ("changes", "alarm"),
        [
            ({}, []),
            ({"steam_id": 42}, ["wrong_steam_account"]),
            ({"debited": Micros(999_999 * CENT)}, ["above_ceiling"]),
        ],
    )
    async def test_find_is_booked_as_it_came_and_raised_once(
        self, house: House, changes: dict[str, object], alarm: list[str]
    ) -> None:
        view = await house.submit_approved(ANA)
        house.market.break_next(BUY, Fault.DROP, carried_out=False)
        await house.buy_until(view)
        purchase = bought(view)
        purchase = replace(purchase, **changes)  # type: ignore[arg-type]
        key = purchase.purchase_key or ""
        assert await book(house, key, purchase) is Booked.FOUND
        for _ in range(2):
            assert await book(house, key, purchase) is Booked.KNOWN
        now = await house.view(view)
        assert (states(now), now.debited_total) == (["purchased"], purchase.debited)
        assert await alarms(house) == alarm

    @pytest.mark.parametrize("settled", [False, True])
    async def test_late_purchase_of_what_was_called_not_bought_is_booked_and_raised(
        self, house: House, settled: bool
    ) -> None:
        view = await house.submit_approved(ANA)
        if settled:
            house.market.break_next(BUY, Fault.DROP, carried_out=False)
            await house.buy_until(view)
        key = purchase_key(view.request.request_id, 1, 1)
        async with house.database.writing() as tx:
            if settled:
                await purchases.settle(tx, key, by=MAX.user_id, at=house.clock.now, bought=None)
            else:
                await purchases.claim(
                    tx, view.request.request_id, digest=view.request.digest, at=house.clock.now
                )
                await samples.send(tx, view)
                await purchases.record_refusal(tx, key, Refusal(5, ""), whole=False, at=1)
        late = bought(view) if settled else replace(bought(view), steam_id=samples.URL.steam_id)
        assert await book(house, key, late) is Booked.LATE
        assert await book(house, key, late) is Booked.KNOWN
        assert states(await house.view(view)) == ["purchased"]
        assert await alarms(house) == ["refused_and_bought"]

    async def test_settled_as_not_bought_is_looked_for_and_found_it_is_raised(
        self, house: House
    ) -> None:
        view = await house.submit_approved(ANA)
        house.market.break_next(BUY, Fault.DROP)
        await house.buy_until(view)
        (entry,) = house.market.purchases
        async with house.database.writing() as tx:
            await purchases.settle(
                tx, entry.key or "", by=MAX.user_id, at=house.clock.now, bought=None
            )
        house.clock.now += 7 * 24 * HOUR
        await house.look_ups.look_for_settled()
        now = await house.view(view)
        assert (states(now), now.debited_total) == (["purchased"], entry.debited)
        assert await alarms(house) == ["refused_and_bought"]

    async def test_late_purchase_beside_a_substitute_is_booked_and_neither_is_bought_again(
        self, house: House
    ) -> None:
        """Pins: once the substitute fails, the first one still counts, and no third is bought."""
        view = await house.submit_approved(ANA)
        cheapest = house.market.listings(REDLINE)[0].listing_id
        house.market.before_next_buy(lambda: house.market.sell_listing(cheapest))
        now = await house.let_it_end(view)
        assert [one.state.value for one in now.lines[0].attempts] == ["refused", "purchased"]
        late = bought(view)
        assert await book(house, late.purchase_key or "", late) is Booked.LATE
        assert await alarms(house) == ["refused_and_bought"]
        substitute = (await house.view(view)).lines[0].attempts[1]
        failed = replace(
            bought(view, attempt_no=2),
            buy_id=substitute.buy_id or 0,
            offer_status="timeout",
            debited=substitute.debited or Micros(0),
        )
        await book(house, substitute.purchase_key, failed)
        (line,) = (await house.view(view)).lines
        assert line.state is LineState.PURCHASED
        assert not line.can_be_tried_again

    async def test_late_purchase_before_a_refused_substitute_ends_the_line(
        self, house: House
    ) -> None:
        """Pins: a line with a purchase is never open, whatever was tried after it."""
        view = await house.submit_approved(ANA)
        async with house.database.writing() as tx:
            await purchases.claim(
                tx, view.request.request_id, digest=view.request.digest, at=house.clock.now
            )
            for number in (1, 2):
                (key,) = await samples.send(tx, view, number)
                await purchases.record_refusal(tx, key, Refusal(5, ""), whole=False, at=1)
            await purchases.go_on(tx, view.request.request_id, at=house.clock.now)
        late = replace(bought(view), steam_id=samples.URL.steam_id)
        await book(house, late.purchase_key or "", late)
        assert states(await house.view(view)) == ["purchased"]
        async with house.database.writing() as tx:
            await settings.resume(tx, PauseCause.ALARM)
        assert (await house.let_it_end(view)).request.state is RequestState.BOUGHT
        assert house.market.purchases == []

    async def test_same_purchase_under_two_keys_is_booked_under_the_first(
        self, house: House
    ) -> None:
        view = await house.submit_approved(ANA, (REDLINE, 2))
        house.market.break_next(BUY, Fault.DROP, carried_out=False)
        await house.buy_until(view)
        first = bought(view)
        other = replace(bought(view, 2), buy_id=first.buy_id)
        assert await book(house, first.purchase_key or "", first) is Booked.FOUND
        for booked in (Booked.STRAY, Booked.KNOWN):
            assert await book(house, other.purchase_key or "", other) is booked
        assert states(await house.view(view)) == ["purchased", "unknown"]
        assert await alarms(house) == ["foreign_key"]

    async def test_second_purchase_under_one_key_is_raised_and_changes_nothing(
        self, house: House
    ) -> None:
        """Pins: a double purchase is never taken for news about the first."""
        view = await house.submit_approved(ANA)
        before = await house.buy_until(view)
        second = bought(view, debited=Micros(3 * CENT))
        for booked in (Booked.STRAY, Booked.KNOWN):
            assert await book(house, second.purchase_key or "", second) is booked
        now = await house.view(view)
        assert [a.buy_id for line in now.lines for a in line.attempts] == [
            a.buy_id for line in before.lines for a in line.attempts
        ]
        assert (states(now), now.debited_total) == (states(before), before.debited_total)
        assert await alarms(house) == ["foreign_key"]

    async def test_purchase_that_came_back_after_it_was_bought_anew_is_raised(
        self, house: House
    ) -> None:
        view = await house.submit_approved(ANA)
        await house.buy_until(view)
        first = (await house.view(view)).lines[0].attempts[0]
        key = first.purchase_key
        plain = replace(bought(view), buy_id=first.buy_id or 0, debited=first.debited or Micros(0))
        await book(house, key, replace(plain, offer_status="timeout"))
        async with house.database.writing() as tx:
            assert await purchases.release(tx, key)
        await book(house, key, replace(plain, offer_status="accepted"))
        assert await alarms(house) == ["came_back"]
        # Pins: what is alive holds its line, released or not.
        assert states(await house.view(view)) == ["purchased"]


class TestThisRun:
    """What the disk may have forgotten is asked for before anything is sent."""

    async def test_run_that_has_not_caught_up_sends_nothing(self, house: House) -> None:
        view = await house.submit_approved(ANA)
        house.this_run.caught_up = False
        waiting = await house.buy_until(view, waiting=True)
        assert waiting.request.waits_for is WaitReason.BOOKS_FIRST
        assert house.market.batch_calls == []
        house.this_run.caught_up = True
        assert states(await house.let_it_end(view)) == ["purchased"]

    async def forgetful(self, house: House, number: int = 1) -> RequestView:
        """Return an approved request whose first keys were bought by what the disk forgot."""
        view = await house.submit_approved(ANA, (REDLINE, 1), (ASIIMOV, 1))
        listing = house.market.listings(REDLINE)[0]
        order = Order(
            listing.listing_id,
            view.lines[0].line.ceiling,
            purchase_key(view.request.request_id, 1, number),
        )
        await house.client.buy(ANA.user_id, "AbCd_-12", [order])
        house.clock.now += MINUTE
        house.this_run.started_at = house.clock.now
        return view

    @pytest.mark.parametrize("number", [1, 2, 3])
    async def test_found_under_one_of_the_next_three_keys_is_adopted_and_not_bought(
        self, house: House, number: int
    ) -> None:
        """Pins: a restored copy buys nothing again."""
        view = await self.forgetful(house, number)
        ended = await house.let_it_end(view)
        assert states(ended) == ["purchased", "purchased"]
        assert sorted(entry.name for entry in house.market.purchases) == [REDLINE, ASIIMOV]
        assert ended.lines[0].attempts[-1].attempt_no == number

    async def test_request_approved_in_this_run_is_not_looked_up(self, house: House) -> None:
        view = await house.submit_approved(ANA)
        await house.let_it_end(view)
        assert [call for call in house.market.calls if call.method == LOOK] == []

    async def test_keys_without_an_answer_have_nothing_sent(self, house: House) -> None:
        view = await house.submit_approved(ANA, (REDLINE, 1), (ASIIMOV, 1))
        house.clock.now += MINUTE
        house.this_run.started_at = house.clock.now
        house.market.break_next(LOOK, Fault.HTML_502, times=10_000)
        later = await house.let_time_pass(view, lambda _: False, for_ms=5 * MINUTE)
        assert (later.request.state, states(later)) == (RequestState.APPROVED, ["open", "open"])
        assert house.market.batch_calls == []
        house.market.mend()
        assert states(await house.let_it_end(view)) == ["purchased", "purchased"]

    async def test_find_before_the_answers_stop_keeps_the_request_in_buying(
        self, house: House
    ) -> None:
        """Pins: what has a purchase can't be cancelled as if it had none."""
        view = await self.forgetful(house)
        asked = house.client.getinfo_by_keys
        answered = 0

        async def stops(keys: list[str]) -> object:
            nonlocal answered
            answered += 1
            if answered > 1:
                house.market.break_next(LOOK, Fault.HTML_502)
            return await asked(keys)

        house.client.getinfo_by_keys = stops  # type: ignore[method-assign, assignment]
        waiting = await house.let_time_pass(view, lambda now: now.request.waits_for is not None)
        assert (waiting.request.state, states(waiting)) == (
            RequestState.BUYING,
            ["purchased", "open"],
        )
        house.client.getinfo_by_keys = asked  # type: ignore[method-assign]
        assert states(await house.let_it_end(view)) == ["purchased", "purchased"]
        assert len(house.market.purchases) == 2

    async def test_older_copy_waits_until_what_it_forgot_must_be_visible(
        self, path: Path, market: SkinsbackSandbox, discord: ScriptedDiscord, clock: ManualClock
    ) -> None:
        async with open_house(path, market, discord, clock) as house:
            await house.set_up()
            view = await house.submit(ANA)
            clock.now += MINUTE
            house.this_run.started_at = house.this_run.older_copy_at = clock.now
            view = await house.approve(view)
            waiting = await house.buy_until(view, waiting=True)
            assert waiting.request.waits_for is WaitReason.BOOKS_FIRST
            await house.let_time_pass(view, lambda _: False, for_ms=9 * MINUTE)
            assert market.batch_calls == []
            assert states(await house.let_it_end(view)) == ["purchased"]

    def test_run_may_have_forgotten_what_was_approved_or_submitted_before_it(self) -> None:
        run = ThisRun(100)
        assert run.may_have_forgotten(50, 99)
        assert not run.may_have_forgotten(50, 100)
        assert not run.may_have_forgotten(50, None)
        run.older_copy_at = 100
        assert run.may_have_forgotten(50, 100)
        assert not run.may_have_forgotten(100, 200)


class TestSubstitutes:
    """After a definite 5 or 6 the next listing, three tries, never for a listing by its id."""

    async def refusals(self, house: House, count: int, *, rise: bool = False) -> None:
        """Have the next calls find their listing sold, or dearer."""

        def strike(left: int) -> None:
            cheapest = house.market.listings(REDLINE)[0]
            if rise:
                house.market.set_price(REDLINE, Micros(cheapest.price + 500 * CENT * 100))
            else:
                house.market.sell_listing(cheapest.listing_id)
            if left > 1:
                house.market.before_next_buy(lambda: strike(left - 1))

        house.market.before_next_buy(lambda: strike(count))

    @pytest.mark.parametrize(("count", "state"), [(1, "purchased"), (2, "purchased")])
    async def test_sold_listing_is_substituted_under_the_next_key(
        self, house: House, count: int, state: str
    ) -> None:
        view = await house.submit_approved(ANA)
        await self.refusals(house, count)
        ended = await house.let_it_end(view)
        assert states(ended) == [state]
        attempts = ended.lines[0].attempts
        assert [one.attempt_no for one in attempts] == list(range(1, count + 2))
        assert len({one.listing_id for one in attempts}) == count + 1
        assert {one.max_price for one in attempts} == {view.lines[0].line.ceiling}
        assert len(house.market.purchases) == 1

    async def test_third_refusal_is_the_end(self, house: House) -> None:
        view = await house.submit_approved(ANA)
        await self.refusals(house, 9)
        ended = await house.let_it_end(view)
        assert (states(ended), len(ended.lines[0].attempts)) == (["refused"], 3)
        assert house.market.purchases == []

    async def test_no_other_listing_after_a_refusal_is_the_end(self, house: House) -> None:
        view = await house.submit_approved(ANA)
        house.market.before_next_buy(lambda: house.market.sell_out(REDLINE))
        ended = await house.let_it_end(view)
        assert states(ended) == ["refused"]
        assert ended.lines[0].line.no_listing is NoListing.SOLD_OUT
        assert len(ended.lines[0].attempts) == 1

    async def test_line_picked_by_its_listing_is_never_substituted(self, house: House) -> None:
        view = await house.submit(ANA)
        listing = house.market.listings(REDLINE)[0].listing_id
        async with house.database.writing() as tx:
            await tx.execute("UPDATE lines SET listing_id = ?", listing)
            current = await requests.get(tx, view.request.request_id)
            assert current is not None
            digest = digest_of(
                request_id=view.request.request_id,
                guild_id=view.request.guild_id,
                version=view.request.version,
                partner=view.request.partner or 0,
                lines=[line.line for line in current.lines],
            )
            await tx.execute("UPDATE requests SET digest = ?", digest)
        view = await house.approve(await house.view(view))
        await self.refusals(house, 1)
        ended = await house.let_it_end(view)
        assert (states(ended), len(ended.lines[0].attempts)) == (["refused"], 1)
        assert house.market.purchases == []

    async def test_pause_holds_the_substitute(self, house: House) -> None:
        view = await house.submit_approved(ANA, (REDLINE, 1), (ASIIMOV, 1))
        house.market.break_next(BUY, Fault.DEBIT_ABOVE_CEILING, line=1)
        await self.refusals(house, 1)
        held = await house.let_time_pass(view, lambda now: now.request.waits_for is not None)
        assert (held.request.state, held.request.waits_for) == (
            RequestState.BUYING,
            WaitReason.PAUSED,
        )
        assert sorted(states(held)) == ["open", "purchased"]
        assert len(house.market.batch_calls) == 1
