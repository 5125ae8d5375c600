"""Checking now, settling by hand, trying again: who may, what it does, and what comes second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.market import Purchase
from bot.domain.models import Actor, EventKind, PauseCause, RequestView, WaitReason
from bot.domain.money import CENT, DOLLAR, Micros
from bot.domain.states import AttemptState, LineState, RequestState
from bot.errors import Problem, UserFacingError
from bot.sandbox.skinsback import Fault
from bot.services.attention import unknown_stamp
from bot.store import purchases, settings
from tests.services.house import (
    ANA,
    ASIIMOV,
    BEA,
    GUILD,
    HOUR,
    MAX,
    MIA,
    MODS,
    OLGA,
    OTTO,
    REDLINE,
    SLATE,
    House,
    until,
    working,
)

OTHER_ADMIN = Actor(402, GUILD, administrator=True)
PAID = Micros(12_110_000)


async def unknown(house: House, *skins: tuple[str, int], attention: bool = True) -> RequestView:
    """Return a request of which nobody knows whether it was bought; a person is asked."""
    house.market.break_next("market_batch_buy", Fault.DROP, carried_out=False)
    view = await house.buy_until(await house.submit_approved(ANA, *skins))
    assert view.in_state(LineState.UNKNOWN) == view.lines
    if attention:
        async with house.database.writing() as tx:
            await tx.execute("UPDATE requests SET attention_at = ?", house.clock.now)
    return await house.view(view)


async def refused(call: Awaitable[object]) -> UserFacingError:
    """Return the problem that a call has with the person."""
    with pytest.raises(UserFacingError) as caught:
        await call
    return caught.value


def bought(
    house: House,
    view: RequestView,
    actor: Actor = OLGA,
    *,
    line_no: int = 1,
    buy_id: str = "987654",
    paid: str = "12.11",
    reason: str = "it stands in the panel",
) -> Awaitable[RequestView]:
    return house.attention.settle_bought(
        actor,
        view.request.request_id,
        unknown_stamp(view),
        line_no,
        buy_id=buy_id,
        paid=paid,
        reason=reason,
    )


def not_bought(
    house: House,
    view: RequestView,
    actor: Actor = OLGA,
    *,
    line_nos: tuple[int, ...] = (1,),
    reason: str = "the panel has no such purchase",
) -> Awaitable[RequestView]:
    return house.attention.settle_not_bought(
        actor, view.request.request_id, unknown_stamp(view), line_nos, reason=reason
    )


def again(
    house: House, view: RequestView, actor: Actor = MAX
) -> Awaitable[tuple[RequestView, int]]:
    request = view.request
    return house.attention.try_again(actor, request.request_id, request.digest[:16], view.rounds)


async def sold_out(house: House, actor: Actor = ANA) -> RequestView:
    """Return a bought request, one line bought and one not."""
    view = await house.submit_approved(actor, (REDLINE, 1), (ASIIMOV, 1))
    house.market.set_price(ASIIMOV, Micros(90 * DOLLAR))
    view = await house.buy_until(view)
    assert [line.state for line in view.lines] == [LineState.PURCHASED, LineState.REFUSED]
    house.market.set_price(ASIIMOV, Micros(71 * DOLLAR))
    # What was bought in the moment in which a balance is asked for may not be in it yet.
    house.clock.now += 1
    return view


class TestCheckNow:
    """A moderator has the market asked."""

    async def test_check_has_the_next_look_up_made_at_once(self, house: House) -> None:
        view = await unknown(house)
        assert (view.request.step_at or 0) > house.clock.now
        house.approved.clear()
        await house.attention.check_now(MAX, view.request.request_id)
        assert (await house.view(view)).request.step_at == house.clock.now
        assert house.approved.is_set()

    async def test_check_needs_no_person_to_have_been_asked(self, house: House) -> None:
        view = await unknown(house, attention=False)
        await house.attention.check_now(MAX, view.request.request_id)

    async def test_check_goes_on_while_buying_is_paused(self, house: House) -> None:
        view = await unknown(house)
        await house.pauses.pause(OLGA, "why")
        await house.attention.check_now(MAX, view.request.request_id)

    async def test_check_is_for_moderators_only(self, house: House) -> None:
        view = await unknown(house)
        for actor in (ANA, OLGA, OTTO):
            error = await refused(house.attention.check_now(actor, view.request.request_id))
            assert error.problem is Problem.NOT_APPROVER

    async def test_checks_in_a_row_don_t_hammer_the_market(self, house: House) -> None:
        view = await unknown(house)
        first = house.clock.now
        await house.attention.check_now(MAX, view.request.request_id)
        house.clock.now += 5_000
        error = await refused(house.attention.check_now(MIA, view.request.request_id))
        assert (error.problem, error.details) == (Problem.CHECKED_JUST_NOW, {"since": first})
        house.clock.now += 5_000
        await house.attention.check_now(MIA, view.request.request_id)

    async def test_check_of_what_is_known_says_so(self, house: House) -> None:
        view = await house.buy_until(await house.submit_approved(ANA))
        error = await refused(house.attention.check_now(MAX, view.request.request_id))
        assert error.problem is Problem.NOTHING_TO_CHECK
        assert error.details["state"] == "bought"

    async def test_check_of_what_is_on_the_wire_says_so(self, house: House) -> None:
        view = await unknown(house)
        async with house.database.writing() as tx:
            await purchases.open_resend(tx, view.request.request_id, at=house.clock.now)
        error = await refused(house.attention.check_now(MAX, view.request.request_id))
        assert error.problem is Problem.ON_THE_WIRE


class TestSettle:
    """An administrator settles what nobody else can tell."""

    async def test_what_was_bought_is_booked_and_told(self, house: House) -> None:
        view = await unknown(house)
        settled = await bought(house, view)
        (line,) = settled.lines
        assert line.last is not None
        assert (line.last.state, line.last.buy_id) == (AttemptState.PURCHASED, 987654)
        assert (line.last.settled_by, line.last.debited) == (OLGA.user_id, PAID)
        assert settled.request.state is RequestState.BOUGHT
        assert settled.request.attention_at is None
        (event,) = [one for one in await house.history(view) if one.kind is EventKind.SETTLED]
        assert event.actor_id == OLGA.user_id
        assert event.details == {
            "outcome": "bought",
            "lines": 1,
            "buy_id": 987654,
            "paid": "$12.11",
            "why": "it stands in the panel",
        }
        assert await house.pauses.standing(GUILD) is None

    async def test_parts_of_a_cent_are_booked_as_the_market_shows_them(self, house: House) -> None:
        view = await unknown(house)
        settled = await bought(house, view, paid="$12.0475")
        assert settled.debited_total == Micros(12_047_500)

    async def test_what_was_not_bought_ends_and_is_looked_for_still(self, house: House) -> None:
        view = await unknown(house, (REDLINE, 3))
        settled = await not_bought(house, view, line_nos=(1, 3))
        assert [line.state for line in settled.lines] == [
            LineState.REFUSED,
            LineState.UNKNOWN,
            LineState.REFUSED,
        ]
        assert settled.request.state is RequestState.BUYING
        assert settled.needs_a_person
        rest = await not_bought(house, settled, line_nos=(2,))
        assert rest.request.state is RequestState.BOUGHT
        async with house.database.reading() as tx:
            assert len(await purchases.settled_since(tx, 0, limit=9)) == 3
        details = [
            one.details for one in await house.history(view) if one.kind is EventKind.SETTLED
        ]
        assert [one["lines"] for one in details] == [2, 1]

    async def test_what_was_settled_as_not_bought_is_not_bought_by_itself(
        self, house: House
    ) -> None:
        """Also after a code for which another listing would be taken in place of the first."""
        view = await unknown(house)
        async with house.database.writing() as tx:
            await tx.execute("UPDATE attempts SET code = 5, sends = 2")
        settled = await not_bought(house, await house.view(view))
        assert settled.request.state is RequestState.BOUGHT
        assert len(house.market.batch_calls) == 1
        assert len(settled.to_try_again) == 1

    async def test_lines_that_were_open_beside_it_go_on(self, house: House) -> None:
        view = await unknown(house, (REDLINE, 1), (SLATE, 1))
        async with house.database.writing() as tx:
            await tx.execute(
                "UPDATE attempts SET state = 'refused', code = 5, ended_at = 1 WHERE line_no = 2"
            )
        settled = await not_bought(house, await house.view(view))
        assert settled.request.state is RequestState.BUYING
        assert settled.request.attention_at is None
        done = await house.buy_until(settled, RequestState.BOUGHT)
        assert done.lines[1].state is LineState.PURCHASED

    @pytest.mark.parametrize("actor", [OTTO, OTHER_ADMIN])
    async def test_operator_and_every_administrator_may(self, house: House, actor: Actor) -> None:
        view = await unknown(house)
        assert (await not_bought(house, view, actor)).request.state is RequestState.BOUGHT

    async def test_nobody_else_may(self, house: House) -> None:
        view = await unknown(house)
        for actor, problem in (
            (MAX, Problem.NOT_ADMINISTRATOR),
            (ANA, Problem.NOT_ADMINISTRATOR),
            (replace(ANA, administrator=True), Problem.OWN_REQUEST),
            (replace(OLGA, guild_id=GUILD + 1), Problem.SERVER_NOT_ALLOWED),
            (replace(OLGA, guild_id=None), Problem.SERVER_ONLY),
        ):
            for call in (bought(house, view, actor), not_bought(house, view, actor)):
                assert (await refused(call)).problem is problem
        assert (await house.view(view)).lines[0].state is LineState.UNKNOWN

    async def test_owner_of_the_steam_account_may_not(self, house: House) -> None:
        view = await unknown(house)
        await house.give_url(OLGA, partner=ANA.user_id)
        assert (await refused(bought(house, view))).problem is Problem.OWN_STEAM_ACCOUNT
        assert (
            await refused(house.attention.to_settle(OLGA, view.request.request_id))
        ).problem is Problem.OWN_STEAM_ACCOUNT

    async def test_nothing_is_settled_as_long_as_the_bot_finds_out_by_itself(
        self, house: House
    ) -> None:
        view = await unknown(house, attention=False)
        assert (await refused(bought(house, view))).problem is Problem.SETTLE_TOO_EARLY

    @pytest.mark.parametrize(
        ("typed", "problem"),
        [
            ({"buy_id": ""}, Problem.BUY_ID_WRONG),
            ({"buy_id": "12a"}, Problem.BUY_ID_WRONG),
            ({"buy_id": "0"}, Problem.BUY_ID_WRONG),
            ({"buy_id": "9" * 19}, Problem.BUY_ID_WRONG),
            ({"paid": "much"}, Problem.PRICE_WRONG),
            ({"paid": "0"}, Problem.PRICE_TOO_LOW),
            ({"paid": "0.0000"}, Problem.PRICE_TOO_LOW),
            ({"paid": "12,345"}, Problem.PRICE_WRONG),
            ({"reason": " \n "}, Problem.SETTLE_REASON_EMPTY),
        ],
    )
    async def test_what_can_t_be_read_settles_nothing(
        self, house: House, typed: dict[str, str], problem: Problem
    ) -> None:
        view = await unknown(house)
        assert (await refused(bought(house, view, **typed))).problem is problem  # type: ignore[arg-type]
        assert (await house.view(view)).lines[0].state is LineState.UNKNOWN

    async def test_not_bought_needs_a_reason_too(self, house: House) -> None:
        view = await unknown(house)
        error = await refused(not_bought(house, view, reason=" "))
        assert error.problem is Problem.SETTLE_REASON_EMPTY

    async def test_purchase_that_is_booked_already_is_not_booked_again(self, house: House) -> None:
        first = await house.buy_until(await house.submit_approved(ANA))
        assert first.lines[0].last is not None
        view = await unknown(house)
        error = await refused(bought(house, view, buy_id=f"#{first.lines[0].last.buy_id}"))
        assert error.problem is Problem.BUY_ID_BOOKED
        assert (await house.view(view)).lines[0].state is LineState.UNKNOWN

    async def test_more_than_the_ceiling_is_booked_as_it_is_and_raised(self, house: House) -> None:
        view = await unknown(house)
        settled = await bought(house, view, paid="13.03")
        assert settled.debited_total == Micros(13_030_000)
        assert EventKind.ALARM in [one.kind for one in await house.history(view)]
        async with house.database.reading() as tx:
            pause = await settings.get_pause(tx)
        assert pause is not None
        assert pause.cause is PauseCause.ALARM
        assert f"request #{view.request.number}, purchase 987654" in pause.details

    async def test_of_two_at_once_one_settles_and_the_other_hears_who(self, house: House) -> None:
        view = await unknown(house)
        results = await asyncio.gather(
            not_bought(house, view, OLGA),
            bought(house, view, OTHER_ADMIN),
            return_exceptions=True,
        )
        (error,) = [one for one in results if isinstance(one, UserFacingError)]
        assert error.problem is Problem.NOTHING_TO_SETTLE
        first = OLGA if isinstance(results[0], RequestView) else OTHER_ADMIN
        assert error.details["user_id"] == str(first.user_id)
        kinds = [one.kind for one in await house.history(view)]
        assert kinds.count(EventKind.SETTLED) == 1

    async def test_screen_from_before_settles_nothing(self, house: House) -> None:
        view = await unknown(house, (REDLINE, 2))
        await not_bought(house, view, line_nos=(1,))
        error = await refused(not_bought(house, view, OTHER_ADMIN, line_nos=(2,)))
        assert error.problem is Problem.SETTLE_CHANGED
        assert error.details["user_id"] == str(OLGA.user_id)
        wrong = await house.view(view)
        error = await refused(not_bought(house, wrong, line_nos=(1, 2)))
        assert error.problem is Problem.SETTLE_CHANGED
        assert (await house.view(view)).lines[1].state is LineState.UNKNOWN

    async def test_screen_about_an_earlier_try_of_a_line_settles_no_later_one(
        self, house: House
    ) -> None:
        view = await unknown(house)
        settled = await not_bought(house, view)
        house.market.break_next("market_batch_buy", Fault.DROP, carried_out=False)
        await again(house, settled)
        later = await house.buy_until(view)
        assert later.lines[0].state is LineState.UNKNOWN
        async with house.database.writing() as tx:
            await tx.execute("UPDATE requests SET attention_at = 1")
        assert (await refused(bought(house, view))).problem is Problem.SETTLE_CHANGED

    async def test_what_the_market_has_found_meanwhile_is_not_settled(self, house: House) -> None:
        view = await unknown(house)
        key = view.lines[0].last.purchase_key if view.lines[0].last else ""
        purchase = Purchase(5, key, 1, REDLINE, PAID, "1", "creating_trade", None, PAID, 1)
        async with house.database.writing() as tx:
            await house.booking.book(tx, key, purchase)
            await house.buying.go_on(tx, await house.view(view))
        error = await refused(not_bought(house, view))
        assert (error.problem, error.details["user_id"]) == (Problem.NOTHING_TO_SETTLE, "0")

    async def test_what_turns_up_after_all_is_booked_and_raised(self, house: House) -> None:
        """The promise on the screen: we go on looking."""
        house.market.break_next("market_batch_buy", Fault.DROP, carried_out=True)
        view = await house.buy_until(await house.submit_approved(ANA))
        async with house.database.writing() as tx:
            await tx.execute("UPDATE requests SET attention_at = 1")
        await not_bought(house, await house.view(view))
        await house.look_ups.look_for_settled()
        async with house.database.reading() as tx:
            pause = await settings.get_pause(tx)
        assert pause is not None
        assert "refused_and_bought" in pause.details


class TestTryAgain:
    """What was not bought is tried once more."""

    async def test_what_was_not_bought_is_tried_and_nothing_else(self, house: House) -> None:
        view = await sold_out(house)
        tried, lines = await again(house, view)
        assert (lines, tried.request.state) == (1, RequestState.BUYING)
        done = await house.buy_until(tried, RequestState.BOUGHT)
        assert [line.state for line in done.lines] == [LineState.PURCHASED] * 2
        assert [len(line.bought) for line in done.lines] == [1, 1]
        (event,) = [one for one in await house.history(view) if one.kind is EventKind.TRIED_AGAIN]
        assert (event.actor_id, event.details) == (MAX.user_id, {"lines": 1})

    async def test_of_two_at_once_one_has_it_tried_and_the_other_hears_who(
        self, house: House
    ) -> None:
        view = await sold_out(house)
        results = await asyncio.gather(
            again(house, view, MAX), again(house, view, MIA), return_exceptions=True
        )
        (error,) = [one for one in results if isinstance(one, UserFacingError)]
        first = MAX if isinstance(results[0], tuple) else MIA
        assert error.problem is Problem.TRIED_ALREADY
        assert error.details["user_id"] == str(first.user_id)

    async def test_click_on_a_card_from_before_another_round_does_nothing(
        self, house: House
    ) -> None:
        view = await sold_out(house)
        house.market.set_price(ASIIMOV, Micros(90 * DOLLAR))
        tried, _ = await again(house, view)
        done = await house.buy_until(tried, RequestState.BOUGHT)
        assert len(done.to_try_again) == 1
        assert (await refused(again(house, view, MIA))).problem is Problem.TRIED_ALREADY
        await again(house, done, MIA)

    async def test_who_may(self, house: House) -> None:
        view = await sold_out(house)
        roles = frozenset({MODS})
        for actor, problem in (
            (OLGA, Problem.NOT_APPROVER),
            (OTTO, Problem.NOT_APPROVER),
            (replace(ANA, role_ids=roles), Problem.OWN_REQUEST),
        ):
            assert (await refused(again(house, view, actor))).problem is problem
        await house.give_url(MIA, partner=ANA.user_id)
        assert (await refused(again(house, view, MIA))).problem is Problem.OWN_STEAM_ACCOUNT
        assert (await house.view(view)).request.state is RequestState.BOUGHT

    async def test_after_the_approval_has_grown_too_old_nothing_is_tried(
        self, house: House
    ) -> None:
        view = await sold_out(house)
        house.clock.now = view.request.expires_at or 0
        assert (await refused(again(house, view))).problem is Problem.TRY_AGAIN_TOO_LATE
        assert len(view.to_try_again) == 1
        assert await house.requests.end_approvals() == 1
        old = await house.view(view)
        assert old.to_try_again == ()
        assert (await refused(again(house, old))).problem is Problem.TRY_AGAIN_TOO_LATE
        assert await house.requests.end_approvals() == 0

    async def test_approval_that_still_counts_is_left_alone(self, house: House) -> None:
        await sold_out(house)
        house.clock.now += 23 * HOUR
        assert await house.requests.end_approvals() == 0

    async def test_everything_bought_is_nothing_to_try(self, house: House) -> None:
        view = await house.buy_until(await house.submit_approved(ANA))
        assert (await refused(again(house, view))).problem is Problem.NOTHING_TO_TRY

    async def test_no_line_is_tried_more_often_than_allowed(self, house: House) -> None:
        view = await sold_out(house)
        house.market.set_price(ASIIMOV, Micros(90 * DOLLAR))
        for _ in range(3):
            tried, _ = await again(house, view)
            view = await house.buy_until(tried, RequestState.BOUGHT)
        assert (await refused(again(house, view))).problem is Problem.NOTHING_TO_TRY

    async def test_card_that_shows_another_request_tries_nothing(self, house: House) -> None:
        view = await sold_out(house)
        call = house.attention.try_again(MAX, view.request.request_id, "f" * 16, 0)
        assert (await refused(call)).problem is Problem.REQUEST_CHANGED

    async def test_nothing_is_sent_while_buying_is_paused(self, house: House) -> None:
        view = await sold_out(house)
        await house.pauses.pause(OLGA, "why")
        tried, _ = await again(house, view)
        waiting = await house.buy_until(tried, waiting=True)
        assert waiting.request.state is RequestState.BUYING
        assert len(house.market.batch_calls) == 1
        await house.pauses.resume(OLGA)
        done = await house.buy_until(tried, RequestState.BOUGHT)
        assert done.lines[1].state is LineState.PURCHASED


class TestHolds:
    """What is tried again is held like an approval: one balance is never promised twice."""

    async def test_of_two_at_once_over_one_balance_one_is_refused_in_words_and_nothing_lost(
        self, house: House
    ) -> None:
        first, second = await sold_out(house), await sold_out(house, BEA)
        house.market.balance = Micros(again_total(first) + again_total(second) - CENT)
        asked_at_once(house, 2)
        results = await asyncio.gather(
            again(house, first, MAX), again(house, second, MIA), return_exceptions=True
        )
        (error,) = [one for one in results if isinstance(one, UserFacingError)]
        assert error.problem is Problem.BALANCE_LOW
        loser, winner = (first, second) if isinstance(results[1], tuple) else (second, first)
        assert error.details == {
            "number": loser.request.number,
            "needed": again_total(loser),
        }
        assert await house.view(loser) == loser
        kinds = [one.kind for one in await house.history(loser)]
        assert EventKind.TRIED_AGAIN not in kinds
        await house.buy_until(winner, RequestState.BOUGHT)
        house.market.balance = again_total(loser)
        house.clock.now += 1
        tried, _ = await again(house, loser)
        done = await house.buy_until(tried, RequestState.BOUGHT)
        assert [line.state for line in done.lines] == [LineState.PURCHASED] * 2

    async def test_beside_a_claim_at_once_the_approval_that_holds_already_goes_first(
        self, house: House
    ) -> None:
        old = await sold_out(house)
        new = await house.submit_approved(BEA)
        house.market.balance = Micros(again_total(old) + new.ceiling_total - CENT)
        asked_at_once(house, 2)
        async with working(house.worker().run()):
            error = await refused(again(house, old))
            done = await until_in(house, new, RequestState.BOUGHT)
        assert error.problem is Problem.BALANCE_LOW
        assert await house.view(old) == old
        assert [line.state for line in done.lines] == [LineState.PURCHASED]

    async def test_what_is_approved_while_it_is_tried_again_waits_for_the_balance(
        self, house: House
    ) -> None:
        old = await sold_out(house)
        house.market.balance = again_total(old)
        await house.pauses.pause(OLGA, "so that it is held and not bought yet")
        tried, _ = await again(house, old)
        await house.buy_until(tried, waiting=True)
        new = await house.submit_approved(BEA)
        async with house.database.writing() as tx:
            await settings.resume_guild(tx, GUILD)
        waiting = await house.buy_until(new, waiting=True)
        assert waiting.request.waits_for is WaitReason.BALANCE_LOW
        house.clock.now += HOUR
        done = await house.buy_until(tried, RequestState.BOUGHT)
        assert [line.state for line in done.lines] == [LineState.PURCHASED] * 2

    async def test_what_other_approved_requests_hold_is_not_promised_again(
        self, house: House
    ) -> None:
        """Also if they can't be bought yet themselves."""
        old = await sold_out(house)
        await house.set_up(undo_s=600)
        other = await house.submit_approved(BEA)
        house.market.balance = Micros(again_total(old) + other.ceiling_total - CENT)
        assert (await refused(again(house, old))).problem is Problem.BALANCE_LOW
        await house.requests.take_back(MAX, other.request.request_id, other.request.digest[:16])
        await again(house, old)

    async def test_two_that_are_held_for_never_wait_for_each_other(self, house: House) -> None:
        """When the balance falls below both after all, the older approval goes on."""
        first, second = await sold_out(house), await sold_out(house, BEA)
        await house.pauses.pause(OLGA, "so that both are held for and not bought yet")
        await again(house, second)
        await again(house, first)
        house.market.balance = again_total(first)
        async with house.database.writing() as tx:
            await settings.resume_guild(tx, GUILD)
        done = await house.buy_until(first, RequestState.BOUGHT)
        assert [line.state for line in done.lines] == [LineState.PURCHASED] * 2
        house.clock.now += HOUR
        waiting = await house.buy_until(second, waiting=True)
        assert waiting.request.waits_for is WaitReason.BALANCE_LOW

    @pytest.mark.parametrize("fault", [Fault.DROP, Fault.HTML_502])
    async def test_balance_that_can_t_be_had_has_nothing_tried(
        self, house: House, fault: Fault
    ) -> None:
        old = await sold_out(house)
        house.market.break_next("balance", fault)
        assert (await refused(again(house, old))).problem is Problem.BALANCE_UNKNOWN
        assert await house.view(old) == old
        await again(house, old)

    async def test_who_may_not_has_nobody_ask_the_market(self, house: House) -> None:
        old = await sold_out(house)
        asked = len(house.market.calls)
        assert (await refused(again(house, old, OLGA))).problem is Problem.NOT_APPROVER
        assert len(house.market.calls) == asked


def again_total(view: RequestView) -> Micros:
    """Return what is held for what is tried again."""
    return Micros(sum(line.line.ceiling for line in view.to_try_again))


def asked_at_once(house: House, parties: int) -> None:
    """Have nobody go on with a balance before so many have read it, so that all read the same."""
    balance, met, read = house.watch.balance, asyncio.Event(), 0

    async def together(**options: Any) -> Micros:
        nonlocal read
        amount = await balance(**options)
        read += 1
        if read >= parties:
            met.set()
        await met.wait()
        return amount

    house.watch.balance = together  # type: ignore[method-assign]


async def until_in(house: House, view: RequestView, state: RequestState) -> RequestView:
    """Wait until a request is in a state, for a worker that runs already."""

    async def there() -> bool:
        house.approved.set()
        return (await house.view(view)).request.state is state

    await until(there)
    return await house.view(view)
