"""What a reviewer found about delivery: each of these went wrong once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import pytest

from bot.domain.delivery import TRADE_LIVES_MS
from bot.domain.market import Answered, OfferStatus, Order
from bot.domain.models import RequestView, WaitReason
from bot.domain.money import Micros
from bot.domain.states import RequestState
from bot.sandbox.skinsback import Fault, SkinsbackSandbox
from bot.services import following
from bot.services.following import Follower
from bot.services.outcomes import Alarm
from bot.store import plans, purchases, totals
from tests.services.house import (
    ANA,
    ASIIMOV,
    BEA,
    HOUR,
    MAX,
    MINUTE,
    REDLINE,
    SLATE,
    TOKEN,
    House,
    ManualClock,
)
from tests.services.test_following import LOOK, buy, calls, entry

DAY = 24 * HOUR


@pytest.fixture
async def market(clock: ManualClock) -> AsyncIterator[SkinsbackSandbox]:
    """The stand-in market, whose clock is ours and whose trades stay as they are put."""
    async with SkinsbackSandbox(size=0, clock=lambda: clock.now / 1000) as market:
        market.script_trades(())
        yield market


async def status_of(house: House, view: RequestView, nth: int = 0) -> str | None:
    last = (await house.view(view)).lines[nth].last
    return last.offer_status if last else None


async def unposted(house: House) -> int:
    """Return how many messages stand nowhere or show what is old."""
    async with house.database.reading() as tx:
        row = await tx.one(
            "SELECT count(*) AS n FROM outbox WHERE state <> 'posted' OR wanted > shown"
        )
    assert row is not None
    return int(row["n"])


async def look(house: House, *, after_ms: int = 15_000) -> int:
    """Let time pass, ask about what is due then, and return how often the market was called."""
    house.clock.now += after_ms
    before = calls(house)
    await house.follower.look()
    return calls(house) - before


async def lose(house: House, *places: int) -> None:
    """Have the market know nothing of some purchases."""
    async with house.database.writing() as tx:
        for nth in places:
            await tx.execute(
                "UPDATE attempts SET buy_id = ? WHERE buy_id = ?",
                7 + nth,
                entry(house, nth).buy_id,
            )


def started_anew(house: House) -> Follower:
    return Follower(
        house.database,
        house.client,
        house.booking,
        house.statuses,
        house.announcements,
        house.clock,
        None,
        house.timing,
        due=house.approved,
    )


class TestFollowedToTheEnd:
    async def test_what_goes_to_another_account_is_settled_too(self, house: House) -> None:
        view = await buy(house)
        async with house.database.writing() as tx:
            await tx.execute("UPDATE attempts SET steam_id = 5")
        house.market.move(entry(house), OfferStatus.ACCEPTED)
        await look(house)
        last = (await house.view(view)).lines[0].last
        assert last is not None
        assert last.alarms == (Alarm.WRONG_STEAM_ACCOUNT,)
        await look(house, after_ms=8 * DAY + HOUR)
        await house.requests.end_approvals()
        assert (await house.view(view)).request.state is RequestState.CLOSED

    async def test_what_the_market_forgot_is_asked_about_no_faster_after_its_time(
        self, house: House
    ) -> None:
        await buy(house)
        house.market.move(entry(house), OfferStatus.ACCEPTED)
        await look(house)
        await lose(house, 0)
        assert await look(house, after_ms=9 * DAY) == 1
        assert [await look(house) for _ in range(5)] == [0] * 5
        assert await look(house, after_ms=7 * HOUR) == 1

    async def test_a_clock_that_was_behind_closes_nothing_too_early(self, house: House) -> None:
        view = await buy(house)
        house.market.move(entry(house), OfferStatus.ACCEPTED)
        await look(house)
        async with house.database.writing() as tx:
            await tx.execute(
                "UPDATE attempts SET accepted_at = accepted_at - ?, status_at = status_at - ?",
                30 * DAY,
                30 * DAY,
            )
        await look(house, after_ms=7 * HOUR)
        last = (await house.view(view)).lines[0].last
        assert last is not None
        assert last.closed_at is None
        await look(house, after_ms=8 * DAY + HOUR)
        last = (await house.view(view)).lines[0].last
        assert last is not None
        assert last.closed_at is not None

    async def test_a_clock_that_was_ahead_leaves_nothing_unasked(self, house: House) -> None:
        view = await buy(house)
        house.clock.now += 400 * DAY
        await look(house)
        await house.follower.look()
        before = house.clock.now
        house.clock.now -= 400 * DAY
        async with house.database.writing() as tx:
            await plans.move(tx, after=before, by=-400 * DAY)
        house.market.move(entry(house), OfferStatus.ACCEPTED)
        await look(house, after_ms=HOUR)
        assert await status_of(house, view) == "accepted"

    async def test_nor_does_it_over_a_restart(self, house: House) -> None:
        view = await buy(house)
        house.clock.now += 400 * DAY
        await look(house)
        house.clock.now -= 400 * DAY
        house.market.move(entry(house), OfferStatus.ACCEPTED)
        await started_anew(house).look()
        assert await status_of(house, view) == "accepted"


class TestTold:
    async def test_a_clock_that_was_ahead_keeps_no_message_back_after_a_restart(
        self, house: House
    ) -> None:
        await house.submit(ANA)
        await house.post_everything()
        await house.submit(BEA)
        year_later = house.clock.now + 365 * DAY
        async with house.database.writing() as tx:
            await tx.execute("UPDATE outbox SET next_at = ?, wanted = wanted + 1", year_later)
        await house.worker().recover()
        await house.post_everything()
        assert await unposted(house) == 0


class TestQuestions:
    async def test_several_that_the_market_leaves_out_cost_few_questions(
        self, house: House
    ) -> None:
        await buy(house, (REDLINE, 3), (ASIIMOV, 2))
        await lose(house, 0, 1, 2)
        assert await look(house) <= 8
        assert await look(house, after_ms=12 * MINUTE) <= 4

    async def test_what_no_question_was_left_for_is_not_put_off(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await buy(house, (REDLINE, 8), (ASIIMOV, 2))
        for one in house.market.purchases:
            house.market.move(one, OfferStatus.ACCEPTED)
        await look(house)
        places = range(len(house.market.purchases))
        await lose(house, *places)
        house.market.refuse(LOOK, 2, times=1_000)
        monkeypatch.setattr(following, "_QUESTIONS_MAX", 6)
        await look(house, after_ms=7 * HOUR)
        for _ in range(3):
            await look(house)
        assert len(house.follower._alone) == len(places)

    async def test_one_fault_keeps_no_other_from_being_followed(self, house: House) -> None:
        view = await buy(house, (REDLINE, 1), (ASIIMOV, 1))
        async with house.database.writing() as tx:
            # Nobody can be told of what is returned.
            await tx.execute(
                "UPDATE guilds SET approval_channel_id = NULL, results_channel_id = NULL"
            )
        for nth, status in enumerate((OfferStatus.ROLLBACK_USER, OfferStatus.ACCEPTED)):
            house.market.move(entry(house, nth), status)
        await look(house)
        assert await status_of(house, view, 1) == "accepted"
        assert await look(house) == 0


class TestAccounts:
    async def test_one_refused_call_of_several_lines_is_one_refusal(self, house: House) -> None:
        ticking = count(house.clock.now)
        house.clock.now_ms = lambda: next(ticking)  # type: ignore[method-assign]
        house.market.fail_user(ANA.user_id, 10)
        view = await house.submit_approved(ANA, (REDLINE, 4))
        view = await house.buy_until(view, waiting=True)
        assert view.request.waits_for is WaitReason.STEAM_ACCOUNT
        assert view.request.claimable_at is not None
        assert view.request.claimable_at < house.clock.now + 2 * HOUR


class TestByHand:
    async def settled(self, house: House, buy_id: int) -> RequestView:
        """Return a request whose purchase a person has settled with the market's number."""
        view = await house.submit_approved(ANA)
        house.market.break_next("market_batch_buy", Fault.DROP, carried_out=True)
        view = await house.buy_until(view)
        (unknown,) = view.lines[0].attempts
        async with house.database.writing() as tx:
            bought = (buy_id, Micros(10**6))
            await purchases.settle(
                tx, unknown.purchase_key, by=1, at=house.clock.now, bought=bought
            )
            await house.buying.finish(tx, view)
        return await house.view(view)

    async def test_a_number_of_somebody_elses_purchase_delivers_nothing(self, house: House) -> None:
        (listing, *_) = house.market.listings(SLATE)
        order = Order(listing.listing_id, Micros(10**9), "theirs")
        theirs = await house.client.buy(BEA.user_id, TOKEN, [order])
        assert isinstance(theirs, Answered)
        view = await self.settled(house, theirs.purchased[0].buy_id)
        for one in house.market.purchases:
            house.market.move(one, OfferStatus.ACCEPTED)
        await look(house)
        assert await status_of(house, view) == "creating_trade"
        await look(house, after_ms=2 * HOUR)
        last = (await house.view(view)).lines[0].last
        assert last is not None
        assert last.stuck_at is not None

    async def test_what_two_orders_name_is_spent_once(self, house: House) -> None:
        view = await buy(house, (REDLINE, 1), (ASIIMOV, 1))
        (told,) = (await house.client.getinfo_by_buy_ids([entry(house).buy_id])).purchases
        async with house.database.writing() as tx:
            before = await totals.spent(tx, None, at=house.clock.now)
            await house.booking.book(tx, entry(house, 1).key or "", told)
            assert await totals.spent(tx, None, at=house.clock.now) == before
            assert await totals.spent(tx, view.request.guild_id, at=house.clock.now) == before


class TestDeadline:
    async def test_a_trade_that_waits_again_has_ten_minutes_from_then(self, house: House) -> None:
        view = await buy(house)
        for status in ("under_review", OfferStatus.TIMEOUT):
            house.market.move(entry(house), status)
            await look(house, after_ms=15 * MINUTE)
            before = house.clock.now
            house.market.move(entry(house), OfferStatus.WAITING_ACCEPT)
            await look(house, after_ms=11 * MINUTE)
            last = (await house.view(view)).lines[0].last
            assert last is not None
            assert last.trade_ends_at is not None
            assert last.trade_ends_at >= before + TRADE_LIVES_MS


class TestTooLate:
    async def test_what_waits_for_its_account_ends_with_its_approval(self, house: House) -> None:
        view = await buy(house, (REDLINE, 1), (ASIIMOV, 1))
        house.market.move(entry(house), OfferStatus.TIMEOUT)
        await look(house)
        view = await house.view(view)
        house.market.fail_user(ANA.user_id, 10)
        for _ in range(2):
            async with house.database.writing() as tx:
                await tx.execute("UPDATE requests SET waits_for = NULL")
        house.clock.now += 23 * HOUR
        await house.attention.try_again(
            MAX, view.request.request_id, view.request.digest[:16], view.rounds
        )
        view = await house.buy_until(view, waiting=True)
        assert view.request.waits_for is WaitReason.STEAM_ACCOUNT
        assert view.request.step_at is not None
        assert view.request.expires_at is not None
        assert view.request.step_at <= view.request.expires_at
