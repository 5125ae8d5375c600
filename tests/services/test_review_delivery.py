"""What a reviewer found about delivery: each of these went wrong once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import pytest

from bot.domain.market import OfferStatus
from bot.domain.models import RequestView, WaitReason
from bot.domain.states import RequestState
from bot.sandbox.skinsback import SkinsbackSandbox
from bot.sandbox.skinsback.ledger import LedgerEntry
from bot.services import following
from bot.services.following import Follower
from bot.services.outcomes import Alarm
from bot.store import plans
from tests.services.house import (
    ANA,
    ASIIMOV,
    HOUR,
    MINUTE,
    REDLINE,
    House,
    ManualClock,
)

LOOK = "market_getinfo"
DAY = 24 * HOUR


@pytest.fixture
async def market(clock: ManualClock) -> AsyncIterator[SkinsbackSandbox]:
    """The stand-in market, whose clock is ours and whose trades stay as they are put."""
    async with SkinsbackSandbox(size=0, clock=lambda: clock.now / 1000) as market:
        market.script_trades(())
        yield market


async def buy(house: House, *skins: tuple[str, int]) -> RequestView:
    """Return a request that was bought this moment."""
    return await house.buy_until(await house.submit_approved(ANA, *skins))


def entry(house: House, nth: int = 0) -> LedgerEntry:
    return house.market.purchases[nth]


async def status_of(house: House, view: RequestView, nth: int = 0) -> str | None:
    last = (await house.view(view)).lines[nth].last
    return last.offer_status if last else None


async def look(house: House, *, after_ms: int = 15_000) -> int:
    """Let time pass, ask about what is due then, and return how often the market was called."""
    house.clock.now += after_ms
    before = calls(house)
    await house.follower.look()
    return calls(house) - before


def calls(house: House) -> int:
    return sum(call.method == LOOK for call in house.market.calls)


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
