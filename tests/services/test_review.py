"""What a reviewer with fresh eyes has broken: each test failed before its mend."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.keys import purchase_key
from bot.domain.market import Answered, BuyOutcome, OfferStatus, Order, Purchase, Refusal
from bot.domain.models import NoListing, PauseCause, RequestView, WaitReason
from bot.domain.states import RequestState
from bot.sandbox.skinsback import Fault, SkinsbackSandbox
from bot.skinsback.limiter import Token
from bot.store import purchases, requests, settings
from tests.services.house import (
    ANA,
    BEA,
    HOUR,
    MAX,
    MINUTE,
    REDLINE,
    House,
    ManualClock,
    ScriptedDiscord,
    open_house,
)
from tests.services.test_books import copy_while_open
from tests.store import samples

BUY, LOOK, HISTORY = "market_batch_buy", "market_getinfo", "market_history"


@pytest.fixture
async def market(clock: ManualClock) -> AsyncIterator[SkinsbackSandbox]:
    """The stand-in market, whose clock is ours."""
    async with SkinsbackSandbox(size=0, clock=lambda: clock.now / 1000) as market:
        yield market


def states(view: RequestView) -> list[str]:
    return [line.state.value for line in view.lines]


def asked_for(view: RequestView) -> bool:
    return view.request.attention_at is not None


def calls_of(house: House, method: str) -> int:
    return sum(call.method == method for call in house.market.calls)


def bought(view: RequestView, attempt_no: int = 1) -> Purchase:
    key = purchase_key(view.request.request_id, 1, attempt_no)
    return replace(samples.purchase(key, 1000 + attempt_no), steam_id=view.request.steam_id)


async def lost(house: House, view: RequestView) -> RequestView:
    """Have the next call of a request lost on its way, without a purchase."""
    house.market.break_next(BUY, Fault.DROP, carried_out=False)
    return await house.buy_until(view)


async def failed(house: House, view: RequestView) -> RequestView:
    """Have the one purchase of a bought request fail, and a moderator press **Try again**."""
    house.market.move(house.market.purchases[0], OfferStatus.TIMEOUT)
    key = purchase_key(view.request.request_id, 1, 1)
    answers = await house.look_ups.ask([key])
    async with house.database.writing() as tx:
        await house.booking.book(tx, key, answers.found[key])
    request = view.request
    view, _ = await house.attention.try_again(MAX, request.request_id, request.digest[:16], 0)
    return view


class TestOneAlive:
    """For one line at most one purchase is alive at the market."""

    async def test_unknown_substitute_is_not_sent_again_beside_a_late_purchase(
        self, house: House
    ) -> None:
        """The market called the first key refused, and has bought it all the same."""
        view = await house.submit_approved(ANA)
        async with house.database.writing() as tx:
            await purchases.claim(
                tx, view.request.request_id, digest=view.request.digest, at=house.clock.now
            )
            (first,) = await samples.send(tx, view)
            await purchases.record_refusal(tx, first, Refusal(5, ""), whole=False, at=1)
            await samples.send(tx, view, 2)
            await purchases.give_up_waiting(tx, view.request.request_id, message="")
            await purchases.begin_search(
                tx, view.request.request_id, at=house.clock.now, step_at=house.clock.now
            )
            late = replace(bought(view), steam_id=samples.URL.steam_id)
            await house.booking.book(tx, first, late)
            # The operator has looked at the alarm.
            await settings.resume(tx, PauseCause.ALARM)
        ended = await house.let_time_pass(view, lambda _: False, for_ms=2 * HOUR)
        assert house.market.batch_calls == []
        assert states(ended) == ["unknown"]
        assert asked_for(ended)

    async def test_failed_purchase_that_comes_back_while_its_turn_is_waited_for(
        self, house: House
    ) -> None:
        """Pins: an answer from long ago is no proof that a purchase has failed."""
        view = await house.buy_until(await house.submit_approved(ANA))
        view = await failed(house, view)
        reserve = house.client.reserve_buy

        async def in_a_queue() -> Token:
            if house.market.purchases[0].status is OfferStatus.TIMEOUT:
                house.clock.now += 8 * MINUTE
                house.market.purchases[0].status = OfferStatus.ACCEPTED
            return await reserve()

        house.client.reserve_buy = in_a_queue  # type: ignore[method-assign]
        ended = await house.let_it_end(view)
        assert states(ended) == ["purchased"]
        assert len(house.market.purchases) == 1

    async def test_older_copy_asks_for_further_tries_of_what_failed_too(self, house: House) -> None:
        """The copy knows the failed first key; the second was refused and the third bought."""
        view = await house.buy_until(await house.submit_approved(ANA))
        view = await failed(house, view)
        listing = house.market.listings(REDLINE)[0]
        key = purchase_key(view.request.request_id, 1, 3)
        order = Order(listing.listing_id, view.lines[0].line.ceiling, key)
        await house.client.buy(view.request.partner or 0, "AbCd_-12", [order])
        assert len(house.market.purchases) == 2
        house.clock.now += MINUTE
        house.market.tick()
        house.market.purchases[0].status = OfferStatus.TIMEOUT
        house.this_run.started_at = house.clock.now
        ended = await house.let_it_end(view)
        assert states(ended) == ["purchased"]
        assert len(house.market.purchases) == 2


class TestApproval:
    """Nothing is sent beyond the approval."""

    async def test_approval_that_ends_while_its_turn_is_waited_for(self, house: House) -> None:
        view = await house.submit_approved(ANA)
        reserve = house.client.reserve_buy

        async def in_a_queue() -> Token:
            house.clock.now += 25 * HOUR
            return await reserve()

        house.client.reserve_buy = in_a_queue  # type: ignore[method-assign]
        ended = await house.buy_until(view)
        assert house.market.batch_calls == []
        assert ended.lines[0].line.no_listing is NoListing.TOO_LATE

    async def test_request_that_is_held_up_again_before_its_send_can_be_cancelled(
        self, house: House
    ) -> None:
        """Killed between the claim and the send, and paused since: the member is not stuck."""
        view = await house.submit_approved(ANA)
        async with house.database.writing() as tx:
            await purchases.claim(
                tx, view.request.request_id, digest=view.request.digest, at=house.clock.now
            )
        await house.watch.pause(PauseCause.ALARM, details="x")
        waiting = await house.buy_until(view, waiting=True)
        assert waiting.request.waits_for is WaitReason.PAUSED
        assert waiting.request.state is RequestState.APPROVED
        await house.requests.cancel(ANA, view.request.request_id)


class TestNobodyIsStuck:
    """What can't be told is told, and ends."""

    async def test_answer_with_the_number_of_another_purchase_makes_its_line_unknown(
        self, house: House
    ) -> None:
        """It used to stay on the wire for ever, and was taken up without a pause."""
        await house.buy_until(await house.submit_approved(ANA))
        (first,) = house.market.purchases
        buy = house.client.buy

        async def repeats(*args: object, **kwargs: object) -> BuyOutcome:
            outcome = await buy(*args, **kwargs)  # type: ignore[arg-type]
            assert isinstance(outcome, Answered)
            return replace(
                outcome,
                purchased=tuple(replace(one, buy_id=first.buy_id) for one in outcome.purchased),
            )

        house.client.buy = repeats  # type: ignore[method-assign]
        view = await house.submit_approved(BEA)
        async with asyncio.timeout(3):
            assert states(await house.buy_until(view)) == ["unknown"]

    @pytest.mark.parametrize("method", [LOOK, HISTORY])
    async def test_silence_for_an_hour_is_told_to_a_person(self, house: House, method: str) -> None:
        view = await lost(house, await house.submit_approved(ANA))
        house.market.break_next(method, Fault.HTML_502, times=10_000)
        later = await house.let_time_pass(view, asked_for, for_ms=3 * HOUR)
        assert asked_for(later)
        assert len(house.market.batch_calls) == 1

    async def test_fault_of_ours_in_every_look_up_is_no_loop(self, house: House) -> None:
        view = await lost(house, await house.submit_approved(ANA))
        asked = 0

        async def breaks(_: object) -> RequestView:
            nonlocal asked
            asked += 1
            raise RuntimeError("a fault of ours")

        house.look_ups.look = breaks  # type: ignore[method-assign, assignment]
        later = await house.let_time_pass(view, asked_for, for_ms=HOUR)
        assert later.request.waits_for is WaitReason.FAULT
        assert asked < 20

    async def test_pause_does_not_have_the_history_read_twice_a_minute(self, house: House) -> None:
        view = await lost(house, await house.submit_approved(ANA))
        await house.watch.pause(PauseCause.ALARM, details="x")
        held = await house.let_time_pass(view, asked_for, for_ms=HOUR)
        assert held.request.waits_for is WaitReason.PAUSED
        assert calls_of(house, HISTORY) <= 40
        async with house.database.writing() as tx:
            await settings.resume(tx, PauseCause.ALARM)
            await purchases.wait_no_longer(tx, (WaitReason.PAUSED,), at=house.clock.now)
        assert states(await house.let_it_end(view)) == ["purchased"]

    @pytest.mark.parametrize("code", [-7, -10])
    async def test_refusal_of_every_call_ends_the_asking(self, house: House, code: int) -> None:
        house.market.refuse(LOOK, code, times=100)
        keys = [purchase_key("a" * 20, 1, number) for number in range(1, 11)]
        house.client._limiter.back_off = lambda: 0.0  # type: ignore[method-assign]
        answers = await house.look_ups.ask(keys)
        assert (answers.found, answers.missing) == ({}, frozenset())
        assert calls_of(house, LOOK) <= 2

    async def test_line_that_is_settled_during_a_look_up_does_not_hold_up_the_others(
        self, house: House
    ) -> None:
        view = await lost(house, await house.submit_approved(ANA))
        key = purchase_key(view.request.request_id, 1, 1)
        async with house.database.writing() as tx:
            await purchases.settle(tx, key, by=MAX.user_id, at=house.clock.now, bought=None)
            await purchases.step_now(tx, view.request.request_id, at=house.clock.now)
            await purchases.record_look_up(
                tx, view.request.request_id, history_at=None, step_at=house.clock.now + HOUR
            )
            now = await requests.get(tx, view.request.request_id)
        assert now is not None
        assert now.request.step_at == house.clock.now


async def test_books_know_an_old_purchase_that_an_older_copy_has_adopted_also_the_next_day(
    tmp_path: Path, path: Path, market: SkinsbackSandbox, clock: ManualClock
) -> None:
    """It was bought before the books agreed last: not to find it there again is no difference."""
    discord, copy = ScriptedDiscord(), tmp_path / "older.db"
    async with open_house(path, market, discord, clock) as house:
        await house.set_up()
        await house.books.compare()
        view = await house.submit_approved(ANA)
        copy_while_open(path, copy)
        await house.buy_until(view)
    shutil.copyfile(copy, path)
    clock.now += 2 * HOUR
    async with open_house(path, market, discord, clock) as house:
        house.this_run.caught_up = False
        await house.worker().recover()
        assert (await house.books.compare()).adopted == 1
        clock.now += 24 * HOUR
        report = await house.books.compare()
        assert report.missing == ()
        async with house.database.reading() as tx:
            assert await settings.get_pause(tx) is None


async def test_end_of_a_request_is_decided_on_what_is_true_then(house: House) -> None:
    """Pins: a round that was begun meanwhile is not ended by what was read before it."""
    house.market.sell_out(REDLINE)
    view = await house.buy_until(await house.submit_approved(ANA))
    assert states(view) == ["refused"]
    stale = replace(view, request=replace(view.request, state=RequestState.BUYING))
    request = view.request
    await house.attention.try_again(MAX, request.request_id, request.digest[:16], 0)
    await house.worker()._take_step_in_buying(stale)
    assert (await house.view(view)).request.state is RequestState.BUYING
