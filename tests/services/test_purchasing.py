"""The worker that buys: what it waits for, what it sends, and what it makes of every answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.keys import purchase_key
from bot.domain.market import (
    Answered,
    BuyOutcome,
    Order,
    Refusal,
    RefusedWhole,
    Unknown,
)
from bot.domain.models import (
    Attempt,
    EventKind,
    LineView,
    MessageKind,
    NoListing,
    OutboxRow,
    PauseCause,
    RequestView,
    WaitReason,
)
from bot.domain.money import DOLLAR, Micros
from bot.domain.states import AttemptState, RequestState, Step
from bot.sandbox.skinsback import Fault, SkinsbackSandbox
from bot.services.buying import next_attempt_no
from bot.services.market_watch import lift
from bot.services.waits import wait_after_refusal, wait_for
from bot.skinsback.client import SkinsbackClient
from bot.skinsback.limiter import Token
from bot.skinsback.refusals import RULES, Scope
from bot.store import purchases, settings
from bot.store.database import Database
from tests.services.house import (
    ANA,
    ASIIMOV,
    BEA,
    HOUR,
    MAX,
    NOW,
    REDLINE,
    SLATE,
    TOKEN,
    House,
    ManualClock,
    ScriptedDiscord,
    open_house,
    until,
    working,
)
from tests.store import samples

BROKEN = [code for code, rule in RULES.items() if rule.pauses_buying]
WHOLE = [code for code, rule in RULES.items() if rule.scope is Scope.CALL]


def states(view: RequestView) -> list[str]:
    return [line.state.value for line in view.lines]


class TestBuying:
    """From approval to result."""

    async def test_approved_request_is_bought_in_one_call_within_its_ceilings(
        self, house: House
    ) -> None:
        view = await house.submit_approved(ANA, (REDLINE, 2), (ASIIMOV, 1))
        bought = await house.buy_until(view)
        assert states(bought) == ["purchased"] * 3
        (call,) = house.market.batch_calls
        assert (call.parameters["partner"], call.parameters["token"]) == (str(ANA.user_id), TOKEN)
        keys = [entry.key for entry in house.market.purchases]
        expected = [purchase_key(view.request.request_id, line, 1) for line in (1, 2, 3)]
        assert sorted(key or "" for key in keys) == expected
        spent = sum(entry.debited for entry in house.market.purchases)
        assert bought.debited_total == spent <= view.ceiling_total
        kinds = [event.kind for event in await house.history(view)]
        assert kinds == [
            EventKind.SUBMITTED,
            EventKind.APPROVED,
            EventKind.CLAIMED,
            EventKind.SENT,
            EventKind.ANSWERED,
            EventKind.BOUGHT,
        ]

    async def test_names_that_cant_be_had_are_refused_before_anything_is_sent(
        self, house: House
    ) -> None:
        view = await house.submit_approved(ANA, (REDLINE, 1), (ASIIMOV, 1), (SLATE, 1))
        house.market.sell_out(REDLINE)
        house.market.set_price(ASIIMOV, Micros(500 * DOLLAR))
        bought = await house.buy_until(view)
        assert states(bought) == ["refused", "refused", "purchased"]
        lines = [line.line for line in bought.lines]
        assert [line.no_listing for line in lines] == [
            NoListing.SOLD_OUT,
            NoListing.PRICE_ROSE,
            None,
        ]
        assert [line.cheapest_seen for line in lines[:2]] == [None, 500 * DOLLAR]
        assert [len(line.attempts) for line in bought.lines] == [0, 0, 1]
        # The history tells of the answer to what was sent, and of nothing else.
        (answered,) = (
            event for event in await house.history(view) if event.kind is EventKind.ANSWERED
        )
        assert answered.details == {"purchased": 1, "refused": 0, "unknown": 0}

    async def test_request_of_which_nothing_can_be_had_is_bought_without_a_call(
        self, house: House
    ) -> None:
        view = await house.submit_approved(ANA, (REDLINE, 2))
        house.market.sell_out(REDLINE)
        bought = await house.buy_until(view)
        assert states(bought) == ["refused", "refused"]
        assert house.market.batch_calls == []
        await house.post_everything()
        assert house.discord.of(MessageKind.RESULT)[0].subject == bought

    async def test_listing_that_is_sold_between_search_and_call_is_refused_by_the_market(
        self, house: House
    ) -> None:
        view = await house.submit_approved(ANA, (REDLINE, 1), (ASIIMOV, 1))
        house.market.before_next_buy(lambda: house.market.sell_out(REDLINE))
        bought = await house.buy_until(view)
        assert states(bought) == ["refused", "purchased"]
        refused = bought.lines[0].last
        assert refused is not None
        assert (refused.state, refused.code) == (AttemptState.REFUSED, 5)

    async def test_history_counts_of_each_answer_its_own_lines(self, house: House) -> None:
        view = await house.submit_approved(ANA, (REDLINE, 1), (ASIIMOV, 1))
        first = house.market.listings(REDLINE)[0].listing_id
        house.market.before_next_buy(lambda: house.market.sell_listing(first))
        bought = await house.buy_until(view)
        assert states(bought) == ["purchased", "purchased"]
        told = [
            event.details for event in await house.history(view) if event.kind is EventKind.ANSWERED
        ]
        assert told == [
            {"purchased": 1, "refused": 1, "unknown": 0},
            {"purchased": 1, "refused": 0, "unknown": 0},
        ]

    async def test_two_requests_at_once_never_compete_for_one_listing(self, house: House) -> None:
        for listing in house.market.listings(REDLINE)[2:]:
            house.market.sell_listing(listing.listing_id)
        first, second = await house.submit_approved(ANA), await house.submit_approved(BEA)
        async with working(house.worker().run()):
            bought = await asyncio.gather(house_bought(house, first), house_bought(house, second))
        assert [states(view) for view in bought] == [["purchased"], ["purchased"]]

    async def test_at_most_four_requests_are_on_the_wire_at_once(
        self, house: House, market: SkinsbackSandbox
    ) -> None:
        market.profile = replace(market.profile, line_delay_s=0.05)
        actors = [replace(ANA, user_id=ANA.user_id + number) for number in range(6)]
        views = [await house.submit_approved(actor) for actor in actors]
        most = 0
        async with working(house.worker().run()):
            for _ in range(400):
                async with house.database.reading() as tx:
                    most = max(most, len(await purchases.requests_on_the_wire(tx)))
                    left = await purchases.in_buying(tx) or await purchases.to_buy(
                        tx, house.clock.now, busy=(), users=(), limit=9
                    )
                if not left:
                    break
                await asyncio.sleep(0.005)
        assert most == 4
        assert {states(await house.view(view))[0] for view in views} == {"purchased"}


async def house_bought(house: House, view: RequestView) -> RequestView:
    """Wait until a request is bought by a worker that runs already."""

    async def bought() -> bool:
        house.approved.set()
        return (await house.view(view)).request.state is RequestState.BOUGHT

    await until(bought)
    return await house.view(view)


class TestWaiting:
    """What stands in the way is written on the request, once, and is looked at again."""

    async def test_paused_deployment_sends_nothing(self, house: House) -> None:
        view = await house.submit_approved(ANA)
        await house.watch.pause(PauseCause.ALARM, details="x")
        waiting = await house.buy_until(view, waiting=True)
        await held(house, waiting, WaitReason.PAUSED)
        async with house.database.writing() as tx:
            assert await lift(tx, PauseCause.ALARM, at=house.clock.now)
        assert states(await house.buy_until(view)) == ["purchased"]

    async def test_server_that_isnt_allowed_any_more_spends_nothing(
        self, path: Path, market: SkinsbackSandbox, discord: ScriptedDiscord, clock: ManualClock
    ) -> None:
        async with open_house(path, market, discord, clock) as house:
            await house.set_up()
            view = await house.submit_approved(ANA)
        async with open_house(path, market, discord, clock, allowed=[5]) as house:
            waiting = await house.buy_until(view, waiting=True)
            await held(house, waiting, WaitReason.SERVER_NOT_ALLOWED)

    @pytest.mark.parametrize(
        ("there", "reason"), [(False, WaitReason.MEMBER_GONE), (None, WaitReason.CANNOT_TELL)]
    )
    async def test_member_who_isnt_there_gets_nothing_until_they_are(
        self, house: House, there: bool | None, reason: WaitReason
    ) -> None:
        view = await house.submit_approved(ANA)
        house.discord.members[ANA.user_id] = there
        await held(house, await house.buy_until(view, waiting=True), reason)
        house.discord.members[ANA.user_id] = True
        house.clock.now += HOUR
        assert states(await house.buy_until(view)) == ["purchased"]

    async def test_gateway_that_is_down_has_nothing_bought(self, house: House) -> None:
        view = await house.submit_approved(ANA)
        house.discord.ready = False
        await held(house, await house.buy_until(view, waiting=True), WaitReason.CANNOT_TELL)

    async def test_outbox_that_is_behind_has_nothing_bought(self, house: House) -> None:
        async def refuse(what: str, row: OutboxRow) -> None:
            if row.kind is MessageKind.APPROVAL_CARD:
                raise KeyError

        view = await house.submit_approved(ANA)
        await house.post_everything()
        house.discord.trouble = refuse
        await house.submit(BEA)
        house.clock.now += 2 * 60_000
        await held(house, await house.buy_until(view, waiting=True), WaitReason.CANNOT_TELL)

    async def test_balance_must_cover_the_ceilings_and_not_only_the_prices(
        self, house: House
    ) -> None:
        view = await house.submit_approved(ANA)
        house.market.balance = Micros(view.ceiling_total - 10_000)
        await held(house, await house.buy_until(view, waiting=True), WaitReason.BALANCE_LOW)
        house.market.balance = view.ceiling_total
        house.clock.now += HOUR
        assert states(await house.buy_until(view)) == ["purchased"]

    async def test_balance_is_never_promised_to_two_requests_at_once(
        self, house: House, market: SkinsbackSandbox
    ) -> None:
        first, second = await house.submit_approved(ANA), await house.submit_approved(BEA)
        market.balance = Micros(first.ceiling_total + second.ceiling_total - 10_000)

        async def one_bought_and_one_waits() -> bool:
            views = [await house.view(view) for view in (first, second)]
            return len(market.purchases) == 1 and any(view.request.waits_for for view in views)

        async with working(house.worker().run()):
            await until(one_bought_and_one_waits)
        assert len(market.batch_calls) == 1
        assert market.balance >= 0

    async def test_balance_that_an_unknown_line_may_still_cost_is_kept_back(
        self, house: House
    ) -> None:
        first = await house.submit_approved(ANA)
        house.market.break_next("market_batch_buy", Fault.DROP, carried_out=False)
        await house.buy_until(first)
        second = await house.submit_approved(BEA)
        house.market.balance = Micros(first.ceiling_total + second.ceiling_total - 10_000)
        waiting = await house.buy_until(second, waiting=True)
        assert waiting.request.waits_for is WaitReason.BALANCE_LOW

    async def test_balance_that_an_older_approval_holds_is_kept_for_it(
        self, house: House, market: SkinsbackSandbox
    ) -> None:
        """And nobody waits for a younger one: else two would wait for each other."""
        await house.set_up(undo_s=600)
        first = await house.submit_approved(ANA)
        await house.set_up(undo_s=0)
        house.clock.now += 1
        second = await house.submit_approved(BEA)
        market.balance = Micros(first.ceiling_total + second.ceiling_total - 10_000)
        waiting = await house.buy_until(second, waiting=True)
        assert waiting.request.waits_for is WaitReason.BALANCE_LOW
        # What is told late would be a reason to buy nothing.
        await house.post_everything()
        house.clock.now += 11 * 60_000
        assert states(await house.buy_until(first)) == ["purchased"]
        await house.post_everything()
        # What the skin cost less than its ceiling is left, and is enough.
        house.clock.now += HOUR
        assert states(await house.buy_until(second)) == ["purchased"]

    async def test_balance_is_free_again_when_an_older_approval_is_taken_back(
        self, house: House, market: SkinsbackSandbox
    ) -> None:
        await house.set_up(undo_s=600)
        first = await house.submit_approved(ANA)
        await house.set_up(undo_s=0)
        house.clock.now += 1
        second = await house.submit_approved(BEA)
        market.balance = second.ceiling_total
        await house.buy_until(second, waiting=True)
        await house.requests.take_back(MAX, first.request.request_id, first.request.digest[:16])
        await house.post_everything()
        house.clock.now += HOUR
        assert states(await house.buy_until(second)) == ["purchased"]

    @pytest.mark.parametrize("method", ["balance", "market_search"])
    async def test_market_that_gives_no_answer_is_waited_for(
        self, house: House, method: str
    ) -> None:
        view = await house.submit_approved(ANA)
        house.market.break_next(method, Fault.HTML_502)
        await held(house, await house.buy_until(view, waiting=True), WaitReason.MARKET_UNREACHABLE)
        house.clock.now += HOUR
        assert states(await house.buy_until(view)) == ["purchased"]

    async def test_wait_of_an_hour_is_told_once(self, house: House) -> None:
        view = await house.submit_approved(ANA)
        await house.post_everything()
        house.discord.members[ANA.user_id] = False
        await house.buy_until(view, waiting=True)
        wanted = (await house.message(view, MessageKind.APPROVAL_CARD)).wanted
        async with working(house.worker().run()):
            for _ in range(12):
                house.clock.now += 5 * 60_000
                house.approved.set()
                await asyncio.sleep(0.005)
        assert (await house.message(view, MessageKind.APPROVAL_CARD)).wanted == wanted

    async def test_undo_time_is_waited_for(self, house: House) -> None:
        await house.set_up(undo_s=10)
        view = await house.submit_approved(ANA)
        async with working(house.worker().run()):
            house.clock.now += 9_999
            house.approved.set()
            await asyncio.sleep(0.02)
            assert (await house.view(view)).request.state is RequestState.APPROVED
        house.clock.now += 1
        assert states(await house.buy_until(view)) == ["purchased"]

    async def test_request_that_is_too_old_is_left_to_expire_and_asks_nobody_anything(
        self, house: House
    ) -> None:
        view = await house.submit_approved(ANA)
        house.clock.now += 25 * HOUR
        calls = len(house.market.calls)
        async with working(house.worker().run()):
            house.approved.set()
            await asyncio.sleep(0.05)
        assert len(house.market.calls) == calls
        assert (await house.view(view)).request.state is RequestState.APPROVED


async def held(house: House, view: RequestView, reason: WaitReason) -> None:
    """Fail unless a request waits for this, with nothing sent and something to look forward to."""
    assert (view.request.state, view.request.waits_for) == (RequestState.APPROVED, reason)
    assert view.request.claimable_at == house.clock.now + wait_for(reason).for_ms
    assert all(line.attempts == () for line in view.lines)
    assert house.market.batch_calls == []


class TestRefusedWhole:
    """A call that is refused as a whole buys nothing, and the request waits."""

    @pytest.mark.parametrize("code", WHOLE)
    async def test_refused_call_puts_the_request_back_with_what_it_waits_for(
        self, house: House, code: int
    ) -> None:
        view = await house.submit_approved(ANA, (REDLINE, 2))
        house.market.refuse("market_batch_buy", code)
        waiting = await house.buy_until(view, waiting=True)
        expected = wait_after_refusal(Refusal(code, ""))
        assert (waiting.request.state, waiting.request.waits_for) == (
            RequestState.APPROVED,
            expected.reason,
        )
        assert states(waiting) == ["open", "open"]
        assert {one.code for line in waiting.lines for one in line.attempts} == {code}
        asks_member = expected.reason.value.startswith("trade_url")
        assert waiting.request.claimable_at == (
            waiting.request.expires_at if asks_member else house.clock.now + expected.for_ms
        )
        async with house.database.reading() as tx:
            pause = await settings.get_pause(tx)
        assert (pause is not None) == (code in BROKEN)
        returned = (await house.history(view))[-1]
        assert returned.kind is EventKind.RETURNED
        assert returned.details == {"reason": expected.reason.value, "code": code}

    async def test_call_after_a_refused_one_goes_out_under_the_next_keys(
        self, house: House
    ) -> None:
        view = await house.submit_approved(ANA, (REDLINE, 2))
        house.market.refuse("market_batch_buy", -9)
        await house.buy_until(view, waiting=True)
        house.clock.now += HOUR
        bought = await house.buy_until(view)
        assert states(bought) == ["purchased", "purchased"]
        keys = [[one.purchase_key[-2:] for one in line.attempts] for line in bought.lines]
        assert keys == [["01", "02"], ["01", "02"]]

    async def test_new_trade_url_of_the_same_account_lets_the_request_go_on(
        self, house: House
    ) -> None:
        view = await house.submit_approved(ANA)
        house.market.refuse("market_batch_buy", 9)
        await house.buy_until(view, waiting=True)
        await house.give_url(ANA, token="NewToken")
        assert states(await house.buy_until(view)) == ["purchased"]
        assert [call.parameters["token"] for call in house.market.batch_calls] == [
            TOKEN,
            "NewToken",
        ]

    async def test_new_token_that_comes_while_the_old_one_is_refused_is_used_at_once(
        self, path: Path, market: SkinsbackSandbox, discord: ScriptedDiscord, clock: ManualClock
    ) -> None:
        """Otherwise the request would wait for what it has already got."""

        class Slow(SkinsbackClient):
            refusals = 1

            async def buy(
                self,
                partner: int,
                token: str,
                orders: Sequence[Order],
                *,
                reserved: Token | None = None,
            ) -> BuyOutcome:
                if not self.refusals:
                    return await super().buy(partner, token, orders, reserved=reserved)
                self.refusals -= 1
                await house.give_url(ANA, token="NewToken")
                return RefusedWhole(Refusal(9, "invalid_token_value"))

        async with open_house(path, market, discord, clock, client=Slow) as house:
            await house.set_up()
            view = await house.submit_approved(ANA)
            async with working(house.worker().run()):
                await house_bought(house, view)
        assert [call.parameters["token"] for call in market.batch_calls] == ["NewToken"]


class TestUnknown:
    """What nobody knows holds the request, and is looked up before anything else is sent."""

    @pytest.mark.parametrize("fault", [Fault.DROP, Fault.CUT_BODY, Fault.HTML_502, Fault.REDIRECT])
    @pytest.mark.parametrize("carried_out", [True, False])
    async def test_call_without_a_whole_answer_is_unknown_and_sent_again_only_if_it_never_bought(
        self, house: House, fault: Fault, carried_out: bool
    ) -> None:
        view = await house.submit_approved(ANA, (REDLINE, 2))
        house.market.break_next("market_batch_buy", fault, carried_out=carried_out)
        stuck = await house.buy_until(view)
        assert states(stuck) == ["unknown", "unknown"]
        assert stuck.request.state is RequestState.BUYING
        await house.post_everything()
        (result,) = house.discord.of(MessageKind.RESULT)
        assert result.subject == await house.view(view)
        sent_at = min(one.sent_at for line in stuck.lines for one in line.attempts)
        early = await house.let_time_pass(view, bought_or_resent(house), for_ms=9 * 60_000)
        assert len(house.market.batch_calls) == 1
        assert states(early) == (["purchased"] * 2 if carried_out else ["unknown"] * 2)
        bought = await house.let_it_end(view)
        assert states(bought) == ["purchased", "purchased"]
        assert len(house.market.batch_calls) == 2 - carried_out
        first, again = house.market.batch_calls[0], house.market.batch_calls[-1]
        assert again.parameters == first.parameters
        if not carried_out:
            assert house.clock.now >= sent_at + 10 * 60_000

    @pytest.mark.parametrize("fault", [Fault.LINE_MISSING, Fault.LINE_IN_BOTH, Fault.UNKNOWN_CODE])
    async def test_line_that_the_answer_is_unclear_about_is_unknown_and_the_others_are_not(
        self, house: House, fault: Fault
    ) -> None:
        view = await house.submit_approved(ANA, (REDLINE, 2))
        house.market.break_next("market_batch_buy", fault, line=1)
        stuck = await house.buy_until(view)
        assert states(stuck) == ["purchased", "unknown"]
        assert stuck.request.state is RequestState.BUYING

    async def test_call_that_never_left_is_made_again_under_the_same_keys(
        self, path: Path, market: SkinsbackSandbox, discord: ScriptedDiscord, clock: ManualClock
    ) -> None:
        async with open_house(path, market, discord, clock, client=Unplugged) as house:
            await house.set_up()
            view = await house.submit_approved(ANA, (REDLINE, 2))
            bought = await house.let_it_end(view)
        assert states(bought) == ["purchased", "purchased"]
        assert [len(line.attempts) for line in bought.lines] == [1, 1]
        assert {line.last.attempt_no for line in bought.lines if line.last} == {1}
        assert len(market.batch_calls) == 1


def bought_or_resent(house: House) -> Callable[[RequestView], bool]:
    return lambda view: (
        view.request.state is RequestState.BOUGHT or len(house.market.batch_calls) > 1
    )


class Unplugged(SkinsbackClient):
    """The first buy finds nobody listening."""

    unplugged = True

    async def buy(
        self, partner: int, token: str, orders: Sequence[Order], *, reserved: Token | None = None
    ) -> BuyOutcome:
        """Buy from a port where nobody is, the first time."""
        if self.unplugged:
            self.unplugged = False
            real, self._url = self._url, "http://127.0.0.1:9/api.php"
            try:
                return await super().buy(partner, token, orders, reserved=reserved)
            finally:
                self._url = real
        return await super().buy(partner, token, orders, reserved=reserved)


class TestAlarms:
    """What must never happen is booked as it is, told, and stops everything."""

    @pytest.mark.parametrize(
        ("fault", "alarm", "line"),
        [
            (Fault.FOREIGN_KEY, "foreign_key", "unknown"),
            (Fault.FOREIGN_STEAM_ID, "wrong_steam_account", "purchased"),
            (Fault.DEBIT_ABOVE_CEILING, "above_ceiling", "purchased"),
        ],
    )
    async def test_alarm_is_booked_and_pauses_buying(
        self, house: House, fault: Fault, alarm: str, line: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        view = await house.submit_approved(ANA)
        house.market.break_next("market_batch_buy", fault)
        now = await house.buy_until(view)
        assert states(now) == [line]
        (entry,) = house.market.purchases
        if line == "purchased":
            assert now.debited_total == entry.debited
        async with house.database.reading() as tx:
            pause = await settings.get_pause(tx)
            strays = await tx.all("SELECT buy_id, debited FROM strays")
        assert pause is not None
        assert pause.cause is PauseCause.ALARM
        assert alarm in pause.details
        assert [tuple(row) for row in strays] == (
            [(entry.buy_id, entry.debited)] if fault is Fault.FOREIGN_KEY else []
        )
        assert alarm in caplog.text
        assert EventKind.ALARM in [event.kind for event in await house.history(view)]
        assert [each.last.alarms for each in now.lines if each.last] == [(alarm,)]
        await house.post_everything()
        assert house.discord.of(MessageKind.PAUSE_NOTICE)


class TestFaultsOfOurs:
    """A fault of ours after the call never makes a second call of it."""

    async def answer(
        self, path: Path, market: SkinsbackSandbox, outcome: Callable[[Sequence[Order]], BuyOutcome]
    ) -> tuple[RequestView, int]:
        """Have a buy of two lines answered in some way; return the request and the calls."""
        calls = 0

        class Scripted(SkinsbackClient):
            async def buy(
                self,
                partner: int,
                token: str,
                orders: Sequence[Order],
                *,
                reserved: Token | None = None,
            ) -> BuyOutcome:
                nonlocal calls
                calls += 1
                return outcome(orders)

        discord, clock = ScriptedDiscord(), ManualClock()
        async with open_house(path, market, discord, clock, client=Scripted) as house:
            await house.set_up()
            view = await house.submit_approved(ANA, (REDLINE, 2))
            now = await house.buy_until(view)
            async with working(house.worker().run()):
                house.clock.now += 3 * HOUR
                house.approved.set()
                await asyncio.sleep(0.03)
            return now, calls

    async def test_exception_of_the_caller_leaves_it_unknown(
        self, path: Path, market: SkinsbackSandbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(orders: Sequence[Order]) -> BuyOutcome:
            raise KeyError("surprise")

        view, calls = await self.answer(path, market, fail)
        assert (states(view), calls) == (["unknown", "unknown"], 1)
        assert "could not be bought" in caplog.text

    async def test_purchase_that_is_booked_already_leaves_it_unknown(
        self, path: Path, market: SkinsbackSandbox
    ) -> None:
        """One purchase can't be two: the second line that it is said to be is not known."""

        def twice(orders: Sequence[Order]) -> BuyOutcome:
            bought = [samples.purchase(order.purchase_key, buy_id=7) for order in orders]
            return Answered(tuple(bought), {})

        view, calls = await self.answer(path, market, twice)
        assert (states(view), calls) == (["purchased", "unknown"], 1)

    @pytest.mark.parametrize("code", [7, 42])
    async def test_refusal_that_proves_nothing_leaves_it_unknown(
        self, path: Path, market: SkinsbackSandbox, code: int
    ) -> None:
        view, calls = await self.answer(
            path, market, lambda _: RefusedWhole(Refusal(code, "as it came"))
        )
        assert (states(view), calls) == (["unknown", "unknown"], 1)
        assert {line.last.code for line in view.lines if line.last} == {code}

    async def test_reason_of_an_unknown_outcome_is_kept(
        self, path: Path, market: SkinsbackSandbox
    ) -> None:
        view, _ = await self.answer(path, market, lambda _: Unknown("no whole answer: X"))
        assert {line.last.message for line in view.lines if line.last} == {"no whole answer: X"}

    async def test_request_that_isnt_what_was_approved_is_not_sent(
        self, house: House, caplog: pytest.LogCaptureFixture
    ) -> None:
        view = await house.submit_approved(ANA)
        async with house.database.writing() as tx:
            await tx.execute("UPDATE lines SET ceiling = ceiling * 10")
        waiting = await house.buy_until(view, waiting=True)
        assert house.market.batch_calls == []
        assert waiting.request.waits_for is WaitReason.FAULT
        assert "not what was approved" in caplog.text

    @pytest.mark.parametrize("reason", [WaitReason.OPERATOR, WaitReason.FAULT])
    async def test_request_that_only_a_person_could_help_goes_on_once_a_pause_is_lifted(
        self, house: House, reason: WaitReason
    ) -> None:
        """Whoever lifts a pause has looked: nothing waits for its five minutes then."""
        view = await house.submit_approved(ANA)
        async with house.database.writing() as tx:
            later = house.clock.now + HOUR
            await purchases.wait(
                tx, view.request.request_id, reason, claimable_at=later, at=house.clock.now
            )
        await house.watch.pause(PauseCause.ALARM)
        async with house.database.writing() as tx:
            await lift(tx, PauseCause.ALARM, at=house.clock.now)
        assert (await house.buy_until(view)).debited_total

    async def test_disk_that_is_full_is_not_tried_over_and_over(
        self, path: Path, market: SkinsbackSandbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Each try asks Discord and the market something."""
        caplog.set_level(logging.CRITICAL)
        async with open_house(path, market, ScriptedDiscord(), ManualClock()) as house:
            await house.set_up()
            await house.submit_approved(ANA)
            await house.post_everything()
            async with house.database.writing() as tx:
                await tx.execute(
                    "CREATE TRIGGER full BEFORE UPDATE ON requests "
                    "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
                )
            calls = len(market.calls)
            async with working(house.worker().run()):
                await asyncio.sleep(0.2)
            assert len(market.calls) - calls <= 2


class TestRecover:
    """What a start makes of what it finds."""

    async def recovered(self, database: Database, house: House, number: int = 1) -> RequestView:
        await house.worker().recover()
        async with database.reading() as tx:
            return await samples.shown(tx, samples.request_id(number))

    async def test_recover_a_request_of_which_nothing_was_sent_has_its_next_step_taken(
        self, house: House
    ) -> None:
        async with house.database.writing() as tx:
            await samples.buying(tx)
            await purchases.refuse_line(tx, samples.request_id(), 1, NoListing.SOLD_OUT, None)
            await tx.execute("UPDATE requests SET step_at = NULL")
        view = await self.recovered(house.database, house)
        assert (view.request.state, view.request.waits_for) == (RequestState.BUYING, None)
        assert view.request.step_at == house.clock.now
        assert states(view) == ["refused", "open"]

    async def test_recover_a_request_that_was_on_the_wire_calls_it_unknown_and_tells(
        self, house: House
    ) -> None:
        async with house.database.writing() as tx:
            await samples.send(tx, await samples.buying(tx))
        view = await self.recovered(house.database, house)
        assert (view.request.state, states(view)) == (
            RequestState.BUYING,
            ["unknown", "unknown"],
        )
        assert (await house.message(view, MessageKind.RESULT)).state.value in ("waiting", "posted")
        again = await self.recovered(house.database, house)
        assert again == view

    @pytest.mark.parametrize(
        ("outcomes", "expected", "step"),
        [
            (("bought", "bought"), ["purchased", "purchased"], Step.FINISH),
            (("bought", "refused"), ["purchased", "open"], Step.BUY),
            (("bought", "no listing"), ["purchased", "refused"], Step.FINISH),
            (("bought", "unknown"), ["purchased", "unknown"], Step.LOOK_UP),
            (("bought", "sent"), ["purchased", "unknown"], Step.LOOK_UP),
            (("refused", "sent"), ["open", "unknown"], Step.LOOK_UP),
            (("no listing", "sent"), ["refused", "unknown"], Step.LOOK_UP),
            (("not sent", "not sent"), ["open", "open"], Step.BUY),
            (("whole", "whole"), ["open", "open"], Step.BUY),
            (("bought", "not sent"), ["purchased", "open"], Step.BUY),
            (("unknown", "not sent"), ["unknown", "open"], Step.LOOK_UP),
            (("resent", "unknown"), ["unknown", "unknown"], Step.LOOK_UP),
            (("resent", "bought"), ["unknown", "purchased"], Step.LOOK_UP),
        ],
    )
    async def test_recover_every_mixture_of_lines_sends_nothing_beside_an_unknown(
        self, house: House, outcomes: tuple[str, str], expected: list[str], step: Step
    ) -> None:
        async with house.database.writing() as tx:
            view = await samples.buying(tx)
            for outcome, attempt in zip(outcomes, samples.attempts(view), strict=True):
                key = attempt.purchase_key
                if outcome == "no listing":
                    await purchases.refuse_line(
                        tx, samples.request_id(), attempt.line_no, NoListing.SOLD_OUT, None
                    )
                    continue
                await samples.send(tx, view, tried=[attempt])
                match outcome:
                    case "bought":
                        bought = samples.purchase(key, buy_id=attempt.line_no)
                        await purchases.record_purchase(tx, key, bought, at=NOW)
                    case "refused" | "whole":
                        await purchases.record_refusal(
                            tx, key, Refusal(5, ""), whole=outcome == "whole", at=NOW
                        )
                    case "not sent":
                        await purchases.record_not_sent(tx, key, at=NOW)
                    case "unknown":
                        await purchases.record_unknown(tx, key, message="")
                    case "resent":
                        await purchases.record_unknown(tx, key, message="")
                        await purchases.open_resend(tx, samples.request_id(), at=NOW)
        calls = len(house.market.calls)
        found = await self.recovered(house.database, house)
        assert (found.request.state, states(found)) == (RequestState.BUYING, expected)
        assert found.next_step(house.clock.now, grace_ms=house.timing.grace_ms) is step
        wait_ms = house.timing.first_look_up_ms if step is Step.LOOK_UP else 0
        assert found.request.step_at == house.clock.now + wait_ms
        assert len(house.market.calls) == calls

    async def test_recover_leaves_everything_else_alone(self, house: House) -> None:
        async with house.database.writing() as tx:
            before = [
                await samples.pending(tx, 1, user_id=1),
                await samples.approved(tx, 2, user_id=2),
            ]
        await house.worker().recover()
        assert [await house.view(view) for view in before] == before


class TestAttemptNumber:
    """The number of the next attempt, and with it its key."""

    @staticmethod
    def tried(*states: AttemptState, **changes: Any) -> LineView:
        return LineView(
            samples.line(),
            tuple(
                replace(Attempt("k", 1, number, state, 5, Micros(10_000), 3, sent_at=1), **changes)
                for number, state in enumerate(states, start=3)
            ),
        )

    def test_first_attempt_is_the_first(self) -> None:
        assert next_attempt_no(self.tried()) == 1

    def test_attempt_that_never_left_is_made_again_under_its_own_number(self) -> None:
        assert next_attempt_no(self.tried(AttemptState.NOT_SENT)) == 3

    def test_attempt_after_a_refused_one_has_the_next_number(self) -> None:
        assert next_attempt_no(self.tried(AttemptState.REFUSED)) == 4

    def test_attempt_after_a_purchase_that_failed_for_certain_has_the_next_number(self) -> None:
        failed = self.tried(AttemptState.PURCHASED, released=True, offer_status="timeout")
        assert next_attempt_no(failed) == 4

    @pytest.mark.parametrize(
        "state", [AttemptState.SENT, AttemptState.PURCHASED, AttemptState.UNKNOWN]
    )
    def test_attempt_beside_a_live_one_is_never_made(self, state: AttemptState) -> None:
        for tried in (
            self.tried(state),
            self.tried(state, AttemptState.REFUSED),
            self.tried(AttemptState.REFUSED, state),
        ):
            with pytest.raises(RuntimeError, match="must not be sent again"):
                next_attempt_no(tried)


async def test_stop_lets_what_is_on_the_wire_be_answered_and_claims_nothing_new(
    house: House, market: SkinsbackSandbox
) -> None:
    market.profile = replace(market.profile, line_delay_s=0.3)
    first = await house.submit_approved(ANA)
    worker = asyncio.create_task(house.worker().run())

    async def called() -> bool:
        return bool(market.batch_calls)

    await until(called)
    worker.cancel()
    second = await house.submit_approved(BEA)
    await asyncio.wait([worker], timeout=5)
    assert (await house.view(first)).request.state is RequestState.BOUGHT
    assert (await house.view(second)).request.state is RequestState.APPROVED
    assert len(market.batch_calls) == 1


async def test_take_back_while_the_worker_looks_wins_or_loses_but_never_both(house: House) -> None:
    """Of claim and take back exactly one happens, and a claimed request is bought."""
    wins = 0
    for number in range(8):
        view = await house.submit_approved(replace(ANA, user_id=ANA.user_id + number))
        async with working(house.worker().run()):
            house.approved.set()
            await asyncio.sleep(0.001 * number)
            request = view.request
            stamp = request.digest[:16]
            taken = await asyncio.gather(
                house.requests.take_back(MAX, request.request_id, stamp), return_exceptions=True
            )
            won = not isinstance(taken[0], BaseException)
            wins += won
            if won:
                assert (await house.view(view)).request.state is RequestState.PENDING
            else:
                await house_bought(house, view)
    assert len(house.market.purchases) == 8 - wins
