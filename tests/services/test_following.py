"""Purchases are followed to their end: by events as hints, by answers as the truth."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.domain.delivery import SETTLES_MS, TRADE_LIVES_MS
from bot.domain.keys import purchase_key
from bot.domain.market import Hint, OfferStatus
from bot.domain.models import Attempt, EventKind, MessageKind, RequestView
from bot.domain.states import LineState, RequestState
from bot.sandbox.skinsback import Fault, SkinsbackSandbox
from bot.sandbox.skinsback.ledger import LedgerEntry
from bot.sandbox.skinsback.profile import ListLookup, Profile
from bot.services.following import Follower
from bot.store import purchases, requests
from tests.services.house import (
    ANA,
    ASIIMOV,
    BEA,
    HOUR,
    MAX,
    MINUTE,
    REDLINE,
    SLATE,
    House,
    ManualClock,
)

LOOK = "market_getinfo"
DAY = 24 * HOUR
FAILED = sorted(
    set(OfferStatus)
    - {OfferStatus.CREATING_TRADE, OfferStatus.WAITING_ACCEPT, OfferStatus.ACCEPTED}
)


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


def attempt_of(view: RequestView, nth: int = 0) -> Attempt:
    last = view.lines[nth].last
    assert last is not None
    return last


def hint(entry: LedgerEntry, status: str, **changes: object) -> Hint:
    told = Hint(entry.buy_id, entry.key, status, entry.trade_offer_id)
    return replace(told, **changes)  # type: ignore[arg-type]


async def hear(house: House, *hints: Hint) -> None:
    for one in hints:
        house.follower.on_hint(one)
        await house.follower.take_hints()


async def look(house: House, *, after_ms: int = 15_000) -> None:
    """Let time pass, and ask about what is due then."""
    house.clock.now += after_ms
    house.market.tick()
    await house.follower.look()


async def book(house: House) -> None:
    """Book once more what the market says of every purchase, as the books do."""
    for one in house.market.purchases:
        (found,) = (await house.client.getinfo_by_buy_ids([one.buy_id])).purchases
        async with house.database.writing() as tx:
            await house.booking.book(tx, one.key or "", found)


def calls(house: House) -> int:
    return sum(call.method == LOOK for call in house.market.calls)


async def kinds(house: House, view: RequestView) -> list[EventKind]:
    """Return what happened after it was bought."""
    found = [event.kind for event in await house.history(view)]
    return found[found.index(EventKind.BOUGHT) + 1 :]


async def rows(house: House, view: RequestView, kind: MessageKind) -> list[tuple[int, str]]:
    async with house.database.reading() as tx:
        found = await tx.all(
            "SELECT part, state FROM outbox WHERE request_id = ? AND kind = ? ORDER BY part",
            view.request.request_id,
            kind,
        )
    return [(row["part"], row["state"]) for row in found]


class TestHints:
    async def test_a_trade_that_begins_to_wait_is_told_without_a_call(self, house: House) -> None:
        view = await buy(house)
        bought_at = house.clock.now
        house.clock.now += 20_000
        house.market.move(entry(house), OfferStatus.WAITING_ACCEPT)
        await hear(house, hint(entry(house), "waiting_accept"))
        attempt = attempt_of(await house.view(view))
        assert calls(house) == 0
        assert attempt.waits
        assert attempt.trade_offer_id == entry(house).trade_offer_id
        assert attempt.trade_ends_at == bought_at + TRADE_LIVES_MS
        assert attempt.told_in == 0
        assert await kinds(house, view) == [EventKind.TRADE_WAITING]
        assert len(await rows(house, view, MessageKind.TRADES)) == 1

    async def test_a_trade_without_its_number_is_asked_for_first(self, house: House) -> None:
        view = await buy(house)
        house.market.move(entry(house), OfferStatus.WAITING_ACCEPT)
        await hear(house, hint(entry(house), "waiting_accept", trade_offer_id=None))
        assert not attempt_of(await house.view(view)).waits
        await house.follower.look()
        assert attempt_of(await house.view(view)).trade_offer_id == entry(house).trade_offer_id

    @pytest.mark.parametrize("status", ["accepted", "timeout", "rollback_user", "never_heard_of"])
    async def test_any_other_status_is_believed_only_of_an_answer(
        self, house: House, status: str
    ) -> None:
        view = await buy(house)
        await hear(house, hint(entry(house), status))
        assert attempt_of(await house.view(view)).offer_status == "creating_trade"
        assert calls(house) == 0
        await house.follower.look()  # the market itself still says creating_trade
        assert calls(house) == 1
        assert attempt_of(await house.view(view)).offer_status == "creating_trade"

    async def test_an_event_brings_the_next_question_forward(self, house: House) -> None:
        view = await buy(house)
        house.market.move(entry(house), OfferStatus.WAITING_ACCEPT)
        house.statuses.hinted = lambda: True
        await look(house)
        assert calls(house) == 1
        house.market.move(entry(house), OfferStatus.ACCEPTED)
        await look(house, after_ms=1_000)
        assert calls(house) == 1  # not due yet
        await hear(house, hint(entry(house), "accepted"))
        await house.follower.look()
        assert calls(house) == 2
        assert attempt_of(await house.view(view)).offer_status == "accepted"

    async def test_late_and_repeated_events_change_nothing(self, house: House) -> None:
        view = await buy(house)
        waiting = hint(entry(house), "waiting_accept", trade_offer_id=5)
        await hear(house, waiting, waiting)
        house.market.move(entry(house), OfferStatus.WAITING_ACCEPT)
        house.market.move(entry(house), OfferStatus.ACCEPTED)
        await look(house)
        before = await house.view(view)
        await hear(house, waiting, hint(entry(house), "creating_trade"))
        after = await house.view(view)
        assert attempt_of(after).offer_status == "accepted"
        assert await kinds(house, view) == [EventKind.TRADE_WAITING, EventKind.DELIVERED]
        assert after.lines == before.lines

    async def test_a_stranger_under_our_key_is_only_looked_up(self, house: House) -> None:
        view = await house.submit_approved(ANA)
        house.market.break_next("market_batch_buy", Fault.DROP, carried_out=True)
        view = await house.buy_until(view)
        assert view.in_state(LineState.UNKNOWN)
        bought = entry(house)
        house.market.move(bought, OfferStatus.WAITING_ACCEPT)
        await hear(house, hint(bought, "waiting_accept"))
        assert (await house.view(view)).in_state(LineState.UNKNOWN)
        await house.follower.look()
        assert attempt_of(await house.view(view)).waits
        assert attempt_of(await house.view(view)).buy_id == bought.buy_id

    async def test_somebody_elses_purchase_is_nothing_to_us(self, house: House) -> None:
        await hear(
            house,
            Hint(77, None, "waiting_accept", 5),
            Hint(78, "not-ours", "accepted", 5),
            Hint(79, purchase_key("z" * 20, 1, 1), "accepted", None),
        )
        house.market.refuse(LOOK, 2, times=9)
        await house.follower.look()
        async with house.database.reading() as tx:
            assert await tx.one("SELECT 1 FROM strays") is None


class TestAnswers:
    @pytest.mark.parametrize("status", FAILED)
    async def test_a_failed_delivery_is_written_down_with_its_reason(
        self, house: House, status: OfferStatus
    ) -> None:
        view = await buy(house)
        house.market.move(entry(house), OfferStatus.WAITING_ACCEPT)
        await look(house)
        house.market.move(entry(house), status)
        await look(house)
        now = await house.view(view)
        assert attempt_of(now).offer_status == status
        assert now.lines[0].state is LineState.FAILED
        returned = status in (OfferStatus.ROLLBACK_USER, OfferStatus.ROLLBACK_SUPPLIER)
        last = EventKind.ROLLED_BACK if returned else EventKind.NOT_DELIVERED
        assert await kinds(house, view) == [EventKind.TRADE_WAITING, last]

    async def test_accepted_is_provisional_until_it_is_final(self, house: House) -> None:
        view = await buy(house)
        house.market.move(entry(house), OfferStatus.ACCEPTED)
        await look(house)
        attempt = attempt_of(await house.view(view))
        assert attempt.accepted_at == house.clock.now
        assert attempt.final_at == house.clock.now + SETTLES_MS
        assert attempt.closed_at is None

    async def test_a_status_that_nobody_knows_is_kept_as_it_came(self, house: House) -> None:
        view = await buy(house)
        told = (await house.client.getinfo_by_buy_ids([entry(house).buy_id])).purchases[0]
        async with house.database.writing() as tx:
            await house.booking.book(
                tx, entry(house).key or "", replace(told, offer_status="reserved")
            )
        assert attempt_of(await house.view(view)).offer_status == "reserved"
        assert await kinds(house, view) == [EventKind.STATUS_CHANGED]

    async def test_a_rollback_corrects_and_tells_the_moderators(self, house: House) -> None:
        view = await buy(house)
        house.market.move(entry(house), OfferStatus.ACCEPTED)
        await look(house)
        house.market.move(entry(house), OfferStatus.ROLLBACK_USER)
        await look(house, after_ms=7 * HOUR)
        now = await house.view(view)
        assert now.lines[0].state is LineState.FAILED
        assert attempt_of(now).accepted_at is None
        assert len(await rows(house, view, MessageKind.DELIVERY_NOTICE)) == 1
        assert attempt_of(now).noticed_in == 0

    async def test_called_over_time_and_accepted_all_the_same(self, house: House) -> None:
        view = await buy(house)
        house.market.move(entry(house), OfferStatus.TIMEOUT)
        await look(house)
        assert (await house.view(view)).lines[0].state is LineState.FAILED
        house.market.move(entry(house), OfferStatus.ACCEPTED)
        await look(house, after_ms=12 * MINUTE)
        now = await house.view(view)
        assert now.lines[0].state is LineState.PURCHASED
        assert now.to_try_again == ()
        assert len(await rows(house, view, MessageKind.DELIVERY_NOTICE)) == 1

    async def test_tried_again_found_alive_and_returned_later_it_can_be_tried_again(
        self, house: House
    ) -> None:
        view = await buy(house)
        house.market.move(entry(house), OfferStatus.TIMEOUT)
        await look(house)
        view = await house.view(view)
        stamp = view.request.digest[:16]
        await house.attention.try_again(MAX, view.request.request_id, stamp, view.rounds)
        house.market.move(entry(house), OfferStatus.ACCEPTED)
        view = await house.buy_until(view)
        assert view.lines[0].state is LineState.PURCHASED
        house.market.move(entry(house), OfferStatus.ROLLBACK_SUPPLIER)
        await look(house, after_ms=7 * HOUR)
        view = await house.view(view)
        assert view.lines[0].state is LineState.FAILED
        assert view.to_try_again == view.lines
        assert len(house.market.purchases) == 1

    async def test_a_delivery_that_takes_too_long_is_told_once(self, house: House) -> None:
        view = await buy(house)
        for _ in range(4):
            await look(house, after_ms=20 * MINUTE)
        assert attempt_of(await house.view(view)).stuck_at is not None
        assert await kinds(house, view) == [EventKind.DELIVERY_STUCK]
        assert len(await rows(house, view, MessageKind.DELIVERY_NOTICE)) == 1
        house.market.move(entry(house), OfferStatus.ACCEPTED)
        await look(house, after_ms=20 * MINUTE)
        assert attempt_of(await house.view(view)).offer_status == "accepted"

    async def test_a_trade_that_waits_for_three_lives_needs_a_person(self, house: House) -> None:
        view = await buy(house)
        house.market.move(entry(house), OfferStatus.WAITING_ACCEPT)
        await look(house)
        await look(house, after_ms=29 * MINUTE)
        assert attempt_of(await house.view(view)).stuck_at is None
        await look(house, after_ms=2 * MINUTE)
        assert attempt_of(await house.view(view)).stuck_at is not None

    async def test_trades_that_come_together_stand_in_one_message(self, house: House) -> None:
        view = await buy(house, (REDLINE, 2), (ASIIMOV, 1))
        house.market.move(entry(house, 0), OfferStatus.WAITING_ACCEPT)
        await look(house)
        house.market.move(entry(house, 1), OfferStatus.WAITING_ACCEPT)
        await look(house)
        assert [part for part, _ in await rows(house, view, MessageKind.TRADES)] == [0]
        house.market.move(entry(house, 2), OfferStatus.WAITING_ACCEPT)
        await house.post_everything()
        await look(house, after_ms=4 * MINUTE)
        now = await house.view(view)
        assert [part for part, _ in await rows(house, view, MessageKind.TRADES)] == [0, 1]
        assert [attempt_of(now, nth).told_in for nth in range(3)] == [0, 0, 1]


class TestTrades:
    async def test_a_trade_that_waits_again_is_told_if_it_never_was(self, house: House) -> None:
        view = await buy(house)
        house.discord.ready = False
        for status in (OfferStatus.WAITING_ACCEPT, "under_review"):
            house.market.move(entry(house), status)
            await look(house)
        house.discord.ready = True
        await house.post_everything()
        assert await rows(house, view, MessageKind.TRADES) == [(0, "skipped")]
        house.market.move(entry(house), OfferStatus.WAITING_ACCEPT)
        await look(house)
        await house.post_everything()
        assert await rows(house, view, MessageKind.TRADES) == [(0, "skipped"), (1, "posted")]
        assert attempt_of(await house.view(view)).told_in == 1

    async def test_a_trade_that_waits_again_is_told_once(self, house: House) -> None:
        view = await buy(house)
        for status in (OfferStatus.WAITING_ACCEPT, "under_review", OfferStatus.WAITING_ACCEPT):
            house.market.move(entry(house), status)
            await look(house)
            await house.post_everything()
        assert await rows(house, view, MessageKind.TRADES) == [(0, "posted")]

    async def test_a_trade_that_waits_once_more_rings_once_more(self, house: House) -> None:
        view = await buy(house)
        for after_ms in (15_000, 4 * MINUTE):
            house.market.move(entry(house), OfferStatus.WAITING_ACCEPT)
            await look(house)
            await house.post_everything()
            house.market.move(entry(house), OfferStatus.CREATING_TRADE)
            await look(house, after_ms=after_ms)
            await house.post_everything()
        house.market.move(entry(house), OfferStatus.WAITING_ACCEPT)
        await look(house)
        await house.post_everything()
        # The second time the first message was young enough, the third time it was not.
        assert await rows(house, view, MessageKind.TRADES) == [(0, "posted"), (1, "posted")]
        assert attempt_of(await house.view(view)).told_in == 1


class TestSettling:
    async def accepted(self, house: House, *skins: tuple[str, int]) -> RequestView:
        view = await buy(house, *skins)
        for one in house.market.purchases:
            house.market.move(one, OfferStatus.ACCEPTED)
        await look(house)
        return view

    async def wanted(self, house: House, view: RequestView) -> dict[str, int]:
        """Return by kind how often a request's messages were to be drawn."""
        async with house.database.reading() as tx:
            found = await tx.all(
                "SELECT kind, wanted FROM outbox WHERE request_id = ?", view.request.request_id
            )
        return {row["kind"]: row["wanted"] for row in found}

    async def sweep(self, house: House) -> None:
        await house.requests.end_approvals()

    async def test_closed_by_an_answer_later_than_eight_days(self, house: House) -> None:
        view = await self.accepted(house)
        for _ in range(35):
            await look(house, after_ms=6 * HOUR)
            await self.sweep(house)
        assert (await house.view(view)).request.state is RequestState.CLOSED
        attempt = attempt_of(await house.view(view))
        assert attempt.accepted_at is not None
        assert attempt.closed_at is not None
        assert attempt.closed_at > attempt.accepted_at + SETTLES_MS
        assert (await kinds(house, view))[-1] is EventKind.CLOSED
        async with house.database.reading() as tx:
            assert await requests.sealed_token(tx, view.request.request_id) is None
        before = calls(house)
        await look(house, after_ms=9 * DAY)
        assert calls(house) == before

    async def test_every_message_that_tells_of_it_is_drawn_again(self, house: House) -> None:
        view = await buy(house, (REDLINE, 1), (ASIIMOV, 1))
        for one in house.market.purchases:
            house.market.move(one, OfferStatus.WAITING_ACCEPT)
        await look(house)
        await house.post_everything()
        house.market.move(entry(house, 0), OfferStatus.ROLLBACK_USER)
        house.market.move(entry(house, 1), OfferStatus.ACCEPTED)
        await look(house)
        before = await self.wanted(house, view)
        house.clock.now += 8 * DAY + HOUR
        await house.follower.look()
        assert attempt_of(await house.view(view)).closed_at is not None
        after = await self.wanted(house, view)
        drawn_again = sorted(kind for kind, wanted in after.items() if wanted > before[kind])
        told = ["approval_card", "delivery_notice", "member_status", "result", "trades"]
        assert drawn_again == told

    async def test_what_is_closed_is_opened_again_by_news_alone(self, house: House) -> None:
        view = await self.accepted(house)
        await look(house, after_ms=8 * DAY + HOUR)
        closed = attempt_of(await house.view(view))
        assert closed.closed_at is not None
        house.clock.now += HOUR
        await book(house)
        assert attempt_of(await house.view(view)) == closed
        house.market.move(entry(house), OfferStatus.ROLLBACK_USER)
        await book(house)
        assert attempt_of(await house.view(view)).closed_at is None
        assert EventKind.ROLLED_BACK in await kinds(house, view)

    async def test_not_by_time_alone(self, house: House) -> None:
        view = await self.accepted(house)
        house.market.break_next(LOOK, Fault.HTML_502, times=50)
        for _ in range(40):
            await look(house, after_ms=6 * HOUR)
        assert attempt_of(await house.view(view)).closed_at is None

    async def test_a_bot_that_was_off_for_long_asks_before_it_closes(self, house: House) -> None:
        view = await self.accepted(house)
        house.clock.now += 20 * DAY
        house.market.move(entry(house), OfferStatus.ROLLBACK_SUPPLIER)
        await look(house)
        now = await house.view(view)
        assert now.lines[0].state is LineState.FAILED
        assert attempt_of(now).closed_at is None
        assert EventKind.ROLLED_BACK in await kinds(house, view)

    async def test_no_line_closes_its_request_before_the_others(self, house: House) -> None:
        view = await buy(house, (REDLINE, 1), (ASIIMOV, 1))
        house.market.move(entry(house, 0), OfferStatus.ACCEPTED)
        await look(house)
        house.clock.now += DAY
        house.market.move(entry(house, 1), OfferStatus.ACCEPTED)
        await look(house)
        house.clock.now += 8 * DAY - HOUR
        await look(house)
        await self.sweep(house)
        now = await house.view(view)
        assert attempt_of(now, 0).closed_at is not None
        assert attempt_of(now, 1).closed_at is None
        assert now.request.state is RequestState.BOUGHT
        await look(house, after_ms=DAY)
        assert (await house.view(view)).request.state is RequestState.CLOSED

    async def test_a_request_of_which_nothing_was_bought_closes_with_its_approval(
        self, house: House
    ) -> None:
        view = await house.submit_approved(ANA)
        house.market.sell_out(REDLINE)
        view = await house.buy_until(view)
        house.clock.now += 25 * HOUR
        await self.sweep(house)
        assert (await house.view(view)).request.state is RequestState.CLOSED


class TestQuestions:
    async def bought_by_two(self, house: House) -> list[RequestView]:
        ana = await buy(house, (REDLINE, 3), (ASIIMOV, 2))
        bea = await house.buy_until(await house.submit_approved(BEA, (SLATE, 3)))
        return [ana, bea]

    async def states_after_a_round(self, house: House) -> set[str | None]:
        for one in house.market.purchases:
            house.market.move(one, OfferStatus.ACCEPTED)
        await look(house)
        views = [await house.view(one) for one in self.views]
        return {line.last.offer_status for view in views for line in view.lines if line.last}

    @pytest.mark.parametrize("lookup", ListLookup)
    async def test_every_purchase_is_learned_of_however_lists_misbehave(
        self, house: House, lookup: ListLookup
    ) -> None:
        self.views = await self.bought_by_two(house)
        house.market.profile = Profile(list_lookup=lookup)
        assert await self.states_after_a_round(house) == {"accepted"}
        assert calls(house) <= 5

    async def test_one_that_the_market_does_not_know_spoils_no_other(self, house: House) -> None:
        self.views = await self.bought_by_two(house)
        async with house.database.writing() as tx:
            await tx.execute(
                "UPDATE attempts SET buy_id = 7 WHERE buy_id = ?", entry(house, 2).buy_id
            )
        house.market.profile = Profile(list_lookup=ListLookup.ERROR_FOR_ONE)
        assert await self.states_after_a_round(house) == {"accepted", "creating_trade"}
        before = calls(house)
        await look(house, after_ms=12 * MINUTE)
        assert calls(house) - before <= 2

    async def test_the_number_of_calls_does_not_grow_with_the_purchases(self, house: House) -> None:
        await self.bought_by_two(house)
        await look(house)
        assert calls(house) == 1

    async def test_a_market_that_does_not_answer_changes_nothing_and_is_asked_again(
        self, house: House
    ) -> None:
        view = await buy(house)
        house.market.move(entry(house), OfferStatus.ACCEPTED)
        house.market.break_next(LOOK, Fault.DROP)
        await look(house)
        assert attempt_of(await house.view(view)).offer_status == "creating_trade"
        await look(house)
        assert attempt_of(await house.view(view)).offer_status == "accepted"

    async def test_what_was_missed_is_caught_up_when_events_arrive_again(
        self, house: House
    ) -> None:
        view = await buy(house)
        house.statuses.hinted = lambda: True
        await look(house)
        house.market.move(entry(house), OfferStatus.ACCEPTED)
        await look(house, after_ms=1_000)
        assert attempt_of(await house.view(view)).offer_status == "creating_trade"
        house.follower.on_up()
        await house.follower.look()
        assert attempt_of(await house.view(view)).offer_status == "accepted"

    async def test_after_a_start_everything_is_asked_about(self, house: House) -> None:
        view = await buy(house)
        house.market.move(entry(house), OfferStatus.ACCEPTED)
        await look(house)
        house.market.move(entry(house), OfferStatus.ROLLBACK_USER)
        await look(house, after_ms=1_000)
        assert attempt_of(await house.view(view)).offer_status == "accepted"
        follower = Follower(
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
        await follower.look()
        assert attempt_of(await house.view(view)).offer_status == "rollback_user"

    async def test_settled_by_hand_it_is_followed_too(self, house: House) -> None:
        view = await house.submit_approved(ANA)
        house.market.break_next("market_batch_buy", Fault.DROP, carried_out=True)
        view = await house.buy_until(view)
        bought = entry(house)
        key = bought.key or ""
        async with house.database.writing() as tx:
            await purchases.settle(
                tx, key, by=1, at=house.clock.now, bought=(bought.buy_id, bought.debited)
            )
        house.market.move(bought, OfferStatus.ACCEPTED)
        await look(house)
        assert attempt_of(await house.view(view)).offer_status == "accepted"
