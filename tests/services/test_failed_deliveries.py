"""Deliveries that failed: when an account rests, what lifts it, and what a member can do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.backoff import RESTS_AFTER
from bot.domain.market import FAILED_STATUSES, OfferStatus
from bot.domain.models import (
    Actor,
    EventKind,
    MessageKind,
    OutboxRow,
    RequestView,
    WaitReason,
)
from bot.domain.money import CENT, DOLLAR, Micros
from bot.domain.picking import LeftOut, Why
from bot.domain.states import LineState, RequestState
from bot.domain.trade_url import TradeUrl
from bot.errors import Problem, UserFacingError
from bot.sandbox.skinsback import Fault, SkinsbackSandbox
from bot.services.baskets import Added, Wish
from bot.services.missed import Told
from bot.services.ports import PostRefusedError
from bot.services.trade_urls import Confirmed
from bot.store import purchases, requests, settings
from tests.services.house import (
    ANA,
    APPROVALS,
    ASIIMOV,
    BEA,
    GUILD,
    HOUR,
    MAX,
    MIA,
    MINUTE,
    OLGA,
    REDLINE,
    SLATE,
    TOKEN,
    House,
    ManualClock,
    ScriptedDiscord,
    open_house,
    url_of,
)

RESTS = sorted(RESTS_AFTER)
TOKEN_WRONG = OfferStatus.INVALID_TRADE_TOKEN
TIMEOUT = OfferStatus.TIMEOUT


async def refused(call: Awaitable[object]) -> UserFacingError:
    """Return the problem that a call has with the person."""
    with pytest.raises(UserFacingError) as caught:
        await call
    return caught.value


async def becomes(
    house: House, view: RequestView, status: OfferStatus, *, after: int = MINUTE
) -> RequestView:
    """Let the market call every purchase of a request this, and have that learned."""
    for line in view.lines:
        if line.last is not None and line.last.buy_id is not None:
            (entry,) = house.market.by_key(line.last.purchase_key)
            house.market.move(entry, status)
    house.clock.now += after
    await house.follower.look()
    return await house.view(view)


async def bought(
    house: House, status: OfferStatus, *skins: tuple[str, int], actor: Actor = ANA
) -> RequestView:
    """Return a request that was bought and of whose trades the market says this."""
    house.market.script_trades(OfferStatus.CREATING_TRADE)
    view = await house.buy_until(await house.submit_approved(actor, *skins))
    return await becomes(house, view, status)


async def waiting(house: House, view: RequestView) -> RequestView:
    """Let the worker look at a request that has to wait."""
    return await house.buy_until(view, waiting=True)


def again(
    house: House, view: RequestView, actor: Actor = MAX
) -> Awaitable[tuple[RequestView, int]]:
    """Have what failed tried again, with the card as it is."""
    request = view.request
    return house.attention.try_again(actor, request.request_id, request.digest[:16], view.rounds)


async def give(
    house: House, token: str, *, partner: int = ANA.user_id, for_request: str | None = None
) -> Confirmed:
    """Enter and confirm a Trade URL of Ana's."""
    candidate_id, _ = await house.trade_urls.propose(ANA, url_of(partner, token))
    return await house.trade_urls.confirm(ANA, candidate_id, for_request=for_request)


class TestRest:
    """Nothing goes to an account whose next trade would fail as well."""

    @pytest.mark.parametrize("status", RESTS)
    async def test_next_request_waits_for_an_hour_and_then_goes(
        self, house: House, status: OfferStatus
    ) -> None:
        await bought(house, status)
        known_at = house.clock.now
        later = await waiting(house, await house.submit_approved(ANA))
        assert later.request.waits_for is WaitReason.STEAM_ACCOUNT_RESTS
        assert later.request.claimable_at == known_at + HOUR
        assert len(house.market.batch_calls) == 1
        done = await house.let_it_end(later)
        assert done.lines[0].state is LineState.PURCHASED
        assert house.clock.now >= known_at + HOUR

    @pytest.mark.parametrize("status", sorted(FAILED_STATUSES - RESTS_AFTER))
    async def test_what_may_well_work_the_next_time_lets_nothing_wait(
        self, house: House, status: OfferStatus
    ) -> None:
        await bought(house, status)
        done = await house.buy_until(await house.submit_approved(ANA))
        assert done.lines[0].state is LineState.PURCHASED

    async def test_account_counts_and_not_who_asks(self, house: House) -> None:
        await bought(house, TOKEN_WRONG)
        await house.give_url(BEA, partner=ANA.user_id)
        theirs = await waiting(house, await house.submit_approved(BEA))
        assert theirs.request.waits_for is WaitReason.STEAM_ACCOUNT_RESTS
        await house.give_url(BEA, partner=4711)
        elsewhere = await house.buy_until(await house.submit_approved(BEA))
        assert elsewhere.lines[0].state is LineState.PURCHASED

    async def test_restart_changes_nothing(
        self, path: Path, market: SkinsbackSandbox, discord: ScriptedDiscord, clock: ManualClock
    ) -> None:
        async with open_house(path, market, discord, clock) as house:
            await house.set_up()
            await bought(house, TOKEN_WRONG)
            known_at = clock.now
        async with open_house(path, market, discord, clock) as house:
            await house.catalogue.refresh()
            await house.worker().recover()
            view = await waiting(house, await house.submit_approved(ANA))
            assert view.request.claimable_at == known_at + HOUR
        async with open_house(path, market, discord, clock) as house:
            await house.worker().recover()
            clock.now = known_at + HOUR - 1
            assert (await waiting(house, view)).request.state is RequestState.APPROVED
            assert len(market.batch_calls) == 1
            clock.now += 1
            assert (await house.buy_until(view)).lines[0].state is LineState.PURCHASED

    async def test_one_that_is_alive_after_all_no_longer_counts(self, house: House) -> None:
        first = await bought(house, TOKEN_WRONG)
        await becomes(house, first, OfferStatus.ACCEPTED, after=15 * MINUTE)
        done = await house.buy_until(await house.submit_approved(ANA))
        assert done.lines[0].state is LineState.PURCHASED

    async def test_what_is_learned_of_during_a_step_still_stops_the_send(
        self, house: House
    ) -> None:
        """Looked at again in the transaction that writes the attempts."""
        await bought(house, TOKEN_WRONG)
        view = await house.submit_approved(ANA)
        async with house.database.writing() as tx:
            await purchases.claim(
                tx, view.request.request_id, digest=view.request.digest, at=house.clock.now
            )
        await house.buying.buy(await house.view(view), checked_at=house.clock.now)
        now = await house.view(view)
        assert (now.request.state, now.request.waits_for) == (
            RequestState.APPROVED,
            WaitReason.STEAM_ACCOUNT_RESTS,
        )
        assert len(house.market.batch_calls) == 1
        assert not now.lines[0].attempts

    async def test_what_is_being_tried_again_waits_as_well(self, house: House) -> None:
        other = await bought(house, OfferStatus.CREATING_TRADE)
        missed = await bought(house, TIMEOUT)
        tried, _ = await again(house, missed)
        await becomes(house, other, TOKEN_WRONG)
        stands = await waiting(house, tried)
        assert stands.request.state is RequestState.BUYING
        assert stands.request.waits_for is WaitReason.STEAM_ACCOUNT_RESTS

    async def test_what_is_unknown_is_looked_up_meanwhile_and_sent_again_with_the_new_url(
        self, house: House
    ) -> None:
        other = await bought(house, OfferStatus.CREATING_TRADE)
        house.market.break_next("market_batch_buy", Fault.DROP, carried_out=False)
        view = await house.buy_until(await house.submit_approved(ANA))
        assert view.lines[0].state is LineState.UNKNOWN
        await becomes(house, other, TOKEN_WRONG)
        kept = await house.let_time_pass(view, lambda _: False, for_ms=40 * MINUTE)
        assert len(house.market.batch_calls) == 2
        assert kept.lines[0].state is LineState.UNKNOWN
        assert kept.request.look_ups > 10
        await give(house, "NewToken")
        done = await house.let_it_end(kept, for_ms=10 * MINUTE)
        assert done.lines[0].state is LineState.PURCHASED
        first, second = house.market.batch_calls[1:]
        assert first.parameters["items"] == second.parameters["items"]
        assert second.parameters["token"] == "NewToken"


class TestNewUrl:
    """A Trade URL that is newer than the failure may do; the same one, or another's, may not."""

    async def test_new_token_lets_what_waits_go_on_at_once(self, house: House) -> None:
        failed = await bought(house, TOKEN_WRONG)
        view = await waiting(house, await house.submit_approved(ANA))
        house.clock.now += 5
        confirmed = await give(house, "NewToken")
        assert set(confirmed.renewed) == {1, 2}
        done = await house.buy_until(view)
        assert done.lines[0].state is LineState.PURCHASED
        assert house.market.batch_calls[-1].parameters["token"] == "NewToken"
        now = await house.view(failed)
        assert now.request.trade_url_at == house.clock.now
        assert (now.url_is_new, now.rests_until) == (True, None)
        assert (await house.history(failed))[-1].kind is EventKind.TRADE_URL_RENEWED

    async def test_same_url_again_lifts_nothing_and_says_so(self, house: House) -> None:
        failed = await bought(house, TOKEN_WRONG)
        view = await waiting(house, await house.submit_approved(ANA))
        house.clock.now += 5
        confirmed = await give(house, TOKEN)
        assert confirmed.same == (failed.request.number,)
        assert failed.request.number not in confirmed.renewed
        stands = await waiting(house, view)
        assert stands.request.waits_for is WaitReason.STEAM_ACCOUNT_RESTS
        assert (await house.view(failed)).request == failed.request

    async def test_request_that_is_sent_with_the_new_url_does_not_wait(self, house: House) -> None:
        await bought(house, TOKEN_WRONG)
        house.clock.now += 5
        await give(house, "NewToken")
        # Known for longer, it is the same one still.
        house.clock.now += 5
        await give(house, "NewToken")
        done = await house.buy_until(await house.submit_approved(ANA))
        assert done.lines[0].state is LineState.PURCHASED

    async def test_url_of_somebody_else_for_the_same_account_does_not_help_the_first(
        self, house: House
    ) -> None:
        failed = await bought(house, TOKEN_WRONG)
        house.clock.now += 5
        await house.give_url(BEA, partner=ANA.user_id, token="NewToken")
        error = await refused(again(house, failed))
        assert error.problem is Problem.STEAM_ACCOUNT_RESTS

    async def test_bought_request_is_reached_as_long_as_its_approval_counts(
        self, house: House
    ) -> None:
        failed = await bought(house, TOKEN_WRONG)
        house.clock.now = failed.request.expires_at or 0
        assert (await give(house, "NewToken")).renewed == ()
        async with house.database.reading() as tx:
            sealed = await requests.sealed_token(tx, failed.request.request_id)
        assert sealed is not None
        assert house.vault.open(sealed) == TOKEN

    async def test_another_account_touches_nothing_that_was_bought(self, house: House) -> None:
        failed = await bought(house, TOKEN_WRONG)
        confirmed = await give(house, "NewToken", partner=42, for_request=failed.request.request_id)
        assert confirmed.elsewhere == failed
        assert (confirmed.renewed, confirmed.back_to_moderators) == ((), ())
        assert await house.view(failed) == failed
        assert (await refused(again(house, failed))).problem is Problem.STEAM_ACCOUNT_RESTS

    async def test_another_account_for_what_arrived_has_nothing_to_ask_again(
        self, house: House
    ) -> None:
        done = await bought(house, OfferStatus.ACCEPTED)
        confirmed = await give(house, "NewToken", partner=42, for_request=done.request.request_id)
        assert confirmed.elsewhere is None


class TestAskAgain:
    """What did not arrive goes into the basket, for a new approval."""

    async def test_what_is_missing_is_put_in_at_the_old_ceiling_once(self, house: House) -> None:
        view = await bought(house, TIMEOUT, (REDLINE, 2), (SLATE, 1))
        slate = view.lines[2].last
        assert slate is not None
        house.market.move(house.market.by_key(slate.purchase_key)[0], OfferStatus.ACCEPTED)
        house.clock.now += HOUR
        await house.follower.look()
        for added in (2, 0):
            asked = await house.asking.for_missing(
                Actor(ANA.user_id), view.request.request_id, note="instead of #{number}"
            )
            assert (asked.number, asked.added, asked.left_out) == (1, added, ())
        basket = await house.baskets.open(ANA)
        (pick,) = basket.picks
        assert (pick.market_hash_name, pick.quantity) == (REDLINE, 2)
        assert pick.ceiling == view.lines[0].line.ceiling
        assert basket.note == "instead of #1"
        sent = await house.requests.submit(ANA, basket.revision)
        assert sent.view.request.state is RequestState.PENDING

    async def test_dearer_than_then_takes_todays_ceiling_and_sold_out_is_left_out(
        self, house: House
    ) -> None:
        view = await bought(house, TIMEOUT, (REDLINE, 1), (ASIIMOV, 1))
        house.market.set_price(REDLINE, view.lines[0].line.ceiling * 2)  # type: ignore[arg-type]
        house.market.sell_out(ASIIMOV)
        await house.catalogue.refresh()
        asked = await house.asking.for_missing(ANA, view.request.request_id, note="x")
        assert asked.added == 1
        assert asked.left_out == (LeftOut(ASIIMOV, Why.SOLD_OUT),)
        (pick,) = (await house.baskets.open(ANA)).picks
        assert pick.ceiling >= pick.quote > view.lines[0].line.ceiling
        assert pick.ceiling % CENT == 0

    async def test_of_several_ceilings_for_one_skin_the_lowest_is_kept(self, house: House) -> None:
        await house.give_url(ANA)
        await house.pick(ANA, REDLINE)
        added = await house.baskets.add(ANA, Wish(REDLINE, ceiling=Micros(99 * DOLLAR)))
        assert isinstance(added, Added)
        house.market.script_trades(OfferStatus.CREATING_TRADE)
        sent = await house.requests.submit(ANA, added.basket.revision)
        view = await becomes(house, await house.buy_until(await house.approve(sent.view)), TIMEOUT)
        assert (await house.asking.for_missing(ANA, view.request.request_id, note="x")).added == 2
        (pick,) = (await house.baskets.open(ANA)).picks
        assert (pick.quantity, pick.ceiling) == (2, view.lines[0].line.ceiling)

    async def test_full_basket_keeps_what_is_in_it(self, house: House) -> None:
        view = await bought(house, TIMEOUT, (REDLINE, 3))
        await house.pick(ANA, SLATE, 9)
        asked = await house.asking.for_missing(ANA, view.request.request_id, note="x")
        left = (LeftOut(REDLINE, Why.NO_ROOM, quantity=2),)
        assert (asked.added, asked.left_out) == (1, left)
        again = await house.asking.for_missing(ANA, view.request.request_id, note="x")
        assert (again.added, again.left_out) == (0, left)
        assert (await house.baskets.open(ANA)).lines_count == 10

    async def test_who_may_and_of_what(self, house: House) -> None:
        view = await bought(house, TIMEOUT)
        ask = house.asking.for_missing
        request_id = view.request.request_id
        assert (await refused(ask(BEA, request_id, note=""))).problem is Problem.NOT_YOURS
        assert (await refused(ask(MAX, request_id, note=""))).problem is Problem.NOT_YOURS
        await becomes(house, view, OfferStatus.ACCEPTED, after=15 * MINUTE)
        error = await refused(ask(ANA, request_id, note=""))
        assert error.problem is Problem.NOTHING_TO_ASK_AGAIN
        pending = await house.submit(ANA)
        error = await refused(ask(ANA, pending.request.request_id, note=""))
        assert error.problem is Problem.NOTHING_TO_ASK_AGAIN


class TestErrorTen:
    """The market refuses an account: 1, then 6, then 24 hours."""

    async def test_each_refusal_in_a_row_takes_longer(self, house: House) -> None:
        house.market.fail_user(ANA.user_id, 10)
        view = await house.submit_approved(ANA)
        for hours, calls in ((1, 1), (6, 2), (24, 3)):
            stands = await waiting(house, view)
            assert stands.request.waits_for is WaitReason.STEAM_ACCOUNT
            assert stands.request.claimable_at == house.clock.now + hours * HOUR
            # Before its time it is not even tried.
            house.clock.now += hours * HOUR - 1
            await waiting(house, view)
            assert len(house.market.batch_calls) == calls
            house.clock.now += 1
            async with house.database.writing() as tx:
                await tx.execute("UPDATE requests SET waits_for = NULL")

    async def test_other_requests_to_the_account_are_not_sent_meanwhile(self, house: House) -> None:
        house.market.fail_user(ANA.user_id, 10)
        first = await waiting(house, await house.submit_approved(ANA))
        await house.give_url(BEA, partner=ANA.user_id)
        theirs = await waiting(house, await house.submit_approved(BEA))
        assert theirs.request.claimable_at == first.request.claimable_at
        assert len(house.market.batch_calls) == 1

    async def test_new_url_does_not_end_it(self, house: House) -> None:
        house.market.fail_user(ANA.user_id, 10)
        view = await waiting(house, await house.submit_approved(ANA))
        house.clock.now += 5
        await give(house, "NewToken")
        stands = await waiting(house, view)
        assert stands.request.claimable_at == view.request.claimable_at
        assert len(house.market.batch_calls) == 1

    async def test_call_that_is_answered_otherwise_breaks_the_row(self, house: House) -> None:
        house.market.fail_user(ANA.user_id, 10)
        view = await waiting(house, await house.submit_approved(ANA))
        house.market.fail_user(ANA.user_id, None)
        await house.let_it_end(view)
        house.clock.now += MINUTE
        house.market.fail_user(ANA.user_id, 10)
        later = await waiting(house, await house.submit_approved(ANA))
        assert later.request.claimable_at == house.clock.now + HOUR

    async def test_moderators_hear_how_it_came_to_that(self, house: House) -> None:
        await bought(house, TIMEOUT, (REDLINE, 2))
        await bought(house, OfferStatus.TRADE_CREATE_ERROR)
        house.market.fail_user(ANA.user_id, 10)
        view = await waiting(house, await house.submit_approved(ANA))
        found = await house.attention.lately(MAX, view.request.request_id)
        assert found.failed == {"timeout": 2, "trade_create_error": 1}
        assert found.rest is not None
        assert (found.rest.reason, found.rest.until) == (
            WaitReason.STEAM_ACCOUNT,
            view.request.claimable_at,
        )
        error = await refused(house.attention.lately(ANA, view.request.request_id))
        assert error.problem is Problem.NOT_APPROVER
        house.clock.now += 25 * HOUR
        assert (await house.attention.lately(MAX, view.request.request_id)).failed == {}


class TestTryAgain:
    """A moderator is told when, instead of having it wait."""

    async def test_not_before_the_account_is_awake(self, house: House) -> None:
        failed = await bought(house, TOKEN_WRONG)
        known_at = house.clock.now
        assert failed.rests_until == known_at + HOUR
        house.clock.now += 30 * MINUTE
        error = await refused(again(house, failed))
        assert error.problem is Problem.STEAM_ACCOUNT_RESTS
        assert error.details["until"] == known_at + HOUR
        assert error.details["lately"] == "invalid_trade_token:1"
        assert (await house.view(failed)).request.state is RequestState.BOUGHT
        house.clock.now = known_at + HOUR
        tried, _ = await again(house, failed)
        assert (await house.let_it_end(tried)).lines[0].state is LineState.PURCHASED

    async def test_not_while_the_market_refuses_it(self, house: House) -> None:
        missed = await bought(house, TIMEOUT)
        house.market.fail_user(ANA.user_id, 10)
        view = await waiting(house, await house.submit_approved(ANA))
        error = await refused(again(house, missed))
        assert error.problem is Problem.STEAM_ACCOUNT_REFUSED
        assert error.details["until"] == view.request.claimable_at

    async def test_new_url_makes_it_possible_and_it_is_used(self, house: House) -> None:
        failed = await bought(house, TOKEN_WRONG)
        house.clock.now += 5
        await give(house, "NewToken")
        tried, _ = await again(house, failed)
        done = await house.buy_until(tried, RequestState.BOUGHT)
        assert done.lines[0].state is LineState.PURCHASED
        assert house.market.batch_calls[-1].parameters["token"] == "NewToken"

    async def test_accepted_after_all_before_another_try_is_not_bought_twice(
        self, house: House
    ) -> None:
        missed = await bought(house, TIMEOUT)
        tried, _ = await again(house, missed)
        (entry,) = house.market.purchases
        house.market.move(entry, OfferStatus.ACCEPTED)
        done = await house.buy_until(tried, RequestState.BOUGHT)
        assert len(house.market.purchases) == 1
        assert done.lines[0].state is LineState.PURCHASED
        assert done.missed == ()

    async def test_accepted_after_all_after_another_try_is_an_alarm(self, house: House) -> None:
        missed = await bought(house, TIMEOUT)
        tried, _ = await again(house, missed)
        await house.buy_until(tried, RequestState.BOUGHT)
        first, second = house.market.purchases
        house.market.move(first, OfferStatus.ACCEPTED)
        house.clock.now += HOUR
        await house.follower.look()
        now = await house.view(missed)
        assert [len(line.bought) for line in now.lines] == [2]
        assert now.debited_total == first.debited + second.debited
        async with house.database.reading() as tx:
            pause = await settings.get_pause(tx)
        assert pause is None
        alarms = [one for one in await house.history(missed) if one.kind is EventKind.ALARM]
        assert [one.details["alarm"] for one in alarms] == ["came_back"]
        notices = [row for row in await house.rows() if row[0] == MessageKind.DELIVERY_NOTICE]
        assert len(notices) == 1


class TestHere:
    """A member says that they are there, and the moderators hear of it once for each round."""

    async def here(self, house: House, view: RequestView, actor: Actor = ANA) -> Told:
        return await house.missed.here(actor, view.request.request_id)

    def told(self, house: House) -> list[int]:
        return [one.channel_id for one in house.discord.of(MessageKind.MEMBER_HERE)]

    async def test_moderators_are_told_once_and_the_card_says_so(self, house: House) -> None:
        missed = await bought(house, TIMEOUT, (REDLINE, 2))
        told = await self.here(house, missed, Actor(ANA.user_id))
        assert (told.news, told.view.member_is_here) == (True, True)
        assert not (await self.here(house, missed)).news
        await house.post_everything()
        assert self.told(house) == [APPROVALS]
        assert (await house.view(missed)).request.here_at is not None
        kinds = [event.kind for event in await house.history(missed)]
        assert kinds.count(EventKind.MEMBER_HERE) == 1

    async def test_it_goes_where_moderators_are_by_then(self, house: House) -> None:
        missed = await bought(house, TIMEOUT)
        await house.post_everything()

        async def gone(_: str, row: OutboxRow) -> None:
            if row.target_id == APPROVALS:
                raise PostRefusedError("404/10003")

        house.discord.trouble = gone
        await self.here(house, missed)
        await house.post_everything()
        assert self.told(house) == []
        await house.guilds.choose_place(OLGA, "approval_channel_id", 555)
        await house.post_everything()
        assert self.told(house) == [555]

    async def test_two_presses_at_once_tell_once(self, house: House) -> None:
        missed = await bought(house, TIMEOUT)
        both = await asyncio.gather(self.here(house, missed), self.here(house, missed))
        assert sorted(told.news for told in both) == [False, True]
        await house.post_everything()
        assert self.told(house) == [APPROVALS]

    async def test_later_press_renews_the_time_and_rings_nobody(self, house: House) -> None:
        missed = await bought(house, TIMEOUT)
        await self.here(house, missed)
        await house.post_everything()
        house.clock.now += HOUR
        told = await self.here(house, missed)
        assert (told.news, told.view.request.here_at) == (False, house.clock.now)
        await house.post_everything()
        assert self.told(house) == [APPROVALS]

    async def test_each_round_is_told_anew(self, house: House) -> None:
        missed = await bought(house, TIMEOUT)
        await self.here(house, missed)
        await house.post_everything()
        tried, _ = await again(house, missed)
        error = await refused(self.here(house, missed))
        assert error.problem is Problem.HERE_TRIED_ALREADY
        sent = await house.buy_until(tried, RequestState.BOUGHT)
        error = await refused(self.here(house, missed))
        assert error.problem is Problem.NOTHING_MISSED
        missed = await becomes(house, sent, TIMEOUT)
        # What was said before this trade was missed says nothing about now.
        assert not missed.member_is_here
        assert (await self.here(house, missed)).news
        await house.post_everything()
        assert self.told(house) == [APPROVALS, APPROVALS]

    async def test_nobody_is_told_of_what_was_tried_again_before_it_was_posted(
        self, house: House
    ) -> None:
        missed = await bought(house, TIMEOUT)
        await house.post_everything()
        house.discord.ready = False
        await self.here(house, missed)
        await again(house, missed)
        house.discord.ready = True
        await house.post_everything()
        assert self.told(house) == []

    async def test_only_its_member_says_so(self, house: House) -> None:
        missed = await bought(house, TIMEOUT)
        for actor in (BEA, MAX, MIA, replace(ANA, guild_id=GUILD + 1)):
            error = await refused(self.here(house, missed, actor))
            assert error.problem is Problem.NOT_YOURS
        error = await refused(house.missed.here(ANA, "nothing"))
        assert error.problem is Problem.NOT_YOURS

    @pytest.mark.parametrize("status", sorted(set(OfferStatus) - {TIMEOUT}))
    async def test_only_what_was_missed_is_asked_for(
        self, house: House, status: OfferStatus
    ) -> None:
        view = await bought(house, status)
        error = await refused(self.here(house, view))
        assert error.problem is Problem.NOTHING_MISSED

    async def test_too_late_says_so(self, house: House) -> None:
        missed = await bought(house, TIMEOUT)
        house.clock.now = missed.request.expires_at or 0
        assert (await refused(self.here(house, missed))).problem is Problem.HERE_TOO_LATE
        await house.requests.end_approvals()
        assert (await refused(self.here(house, missed))).problem is Problem.HERE_TOO_LATE

    async def test_nothing_is_sent_by_it(self, house: House) -> None:
        missed = await bought(house, TIMEOUT)
        await self.here(house, missed)
        assert (await house.view(missed)).request.state is RequestState.BOUGHT
        assert len(house.market.batch_calls) == 1


async def test_request_to_nobody_s_account_rests_for_nothing(house: House) -> None:
    """A Steam account is what all of this is about."""
    assert TradeUrl(ANA.user_id, TOKEN).steam_id
    view = await house.submit(ANA)
    found = await house.attention.lately(MAX, view.request.request_id)
    assert (found.failed, found.rest) == ({}, None)
