"""Asking again: one press puts the skins of an old request into the basket, and never twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path

import pytest

from bot.domain.models import Actor, RequestView
from bot.domain.money import DOLLAR, Micros, ceiling_for
from bot.domain.picking import LeftOut, Why
from bot.domain.states import RequestState
from bot.errors import Problem, UserFacingError
from bot.sandbox.skinsback import SkinsbackSandbox
from bot.services.asking import AskedAgain
from bot.services.baskets import Wish
from bot.store import settings
from tests.services.house import (
    ANA,
    ASIIMOV,
    BEA,
    GUILD,
    MAX,
    REDLINE,
    SLATE,
    House,
    ManualClock,
    ScriptedDiscord,
    open_house,
)


async def refused(work: Awaitable[object]) -> Problem:
    """Return why something is refused."""
    with pytest.raises(UserFacingError) as why:
        await work
    return why.value.problem


async def cancelled(house: House, *skins: tuple[str, int]) -> RequestView:
    """Send a request of Ana's and cancel it."""
    view = await house.submit(ANA, *skins)
    return await house.requests.cancel(ANA, view.request.request_id)


async def again(house: House, view: RequestView, actor: Actor = ANA) -> AskedAgain:
    return await house.asking.for_all(actor, view.request.request_id)


async def in_basket(house: House, actor: Actor = ANA) -> list[tuple[str, int]]:
    basket = await house.baskets.open(actor)
    return [(pick.market_hash_name, pick.quantity) for pick in basket.picks]


class TestWhatIsAsked:
    """Everything that it was about, at today's prices and with today's usual room above them."""

    async def test_everything_is_in_at_todays_prices_and_the_old_request_is_untouched(
        self, house: House
    ) -> None:
        old = await cancelled(house, (REDLINE, 2), (ASIIMOV, 1))
        house.market.set_price(REDLINE, Micros(30 * DOLLAR))
        await house.catalogue.refresh()
        asked = await again(house, old)
        assert asked == AskedAgain(GUILD, old.request.number, 3, (), ())
        assert await in_basket(house) == [(REDLINE, 2), (ASIIMOV, 1)]
        redline = (await house.baskets.open(ANA)).picks[0]
        assert (redline.quote, redline.ceiling) == (30 * DOLLAR, ceiling_for(redline.quote, 500))
        assert (await house.baskets.open(ANA)).note == ""
        assert await house.view(old) == old

    async def test_a_ceiling_of_their_own_and_a_note_are_not_repeated(self, house: House) -> None:
        await house.give_url(ANA)
        await house.baskets.add(ANA, Wish(REDLINE, ceiling=Micros(99 * DOLLAR)))
        await house.baskets.add(ANA, Wish(REDLINE, ceiling=Micros(50 * DOLLAR)))
        revision = (await house.baskets.open(ANA)).revision
        sent = (await house.requests.submit(ANA, revision)).view
        await house.requests.cancel(ANA, sent.request.request_id)
        assert (await again(house, sent)).added == 2
        (pick,) = (await house.baskets.open(ANA)).picks
        assert (pick.quantity, pick.ceiling) == (2, ceiling_for(pick.quote, 500))

    async def test_a_certain_listing_is_asked_for_by_name_and_that_is_told(
        self, house: House
    ) -> None:
        await house.give_url(ANA)
        listing = house.market.listings(REDLINE)[2]
        await house.baskets.add(ANA, Wish(REDLINE, listing_id=listing.listing_id))
        basket = (await house.pick(ANA, SLATE)).basket
        sent = (await house.requests.submit(ANA, basket.revision)).view
        await house.requests.cancel(ANA, sent.request.request_id)
        asked = await again(house, sent)
        assert (asked.added, asked.by_name) == (2, (REDLINE,))
        basket = await house.baskets.open(ANA)
        assert [pick.listing_id for pick in basket.picks] == [None, None]

    async def test_it_works_in_a_direct_message_and_for_whoever_may_ask_no_more(
        self, house: House
    ) -> None:
        old = await cancelled(house)
        assert (await again(house, old, Actor(ANA.user_id))).added == 1
        assert await in_basket(house) == [(REDLINE, 1)]


class TestOnlyOnce:
    """What is there already is left as it is."""

    async def test_a_second_press_adds_nothing_and_changes_nothing(self, house: House) -> None:
        old = await cancelled(house, (REDLINE, 2), (ASIIMOV, 1))
        presses = await asyncio.gather(*(again(house, old) for _ in range(3)))
        assert sorted(asked.added for asked in presses) == [0, 0, 3]
        before = await house.baskets.open(ANA)
        assert (await again(house, old)).added == 0
        assert await house.baskets.open(ANA) == before

    async def test_what_is_in_the_basket_counts_whatever_its_limit(self, house: House) -> None:
        old = await cancelled(house, (REDLINE, 3), (ASIIMOV, 1))
        await house.baskets.add(ANA, Wish(REDLINE, 2, ceiling=Micros(77 * DOLLAR)))
        assert (await again(house, old)).added == 2
        assert await in_basket(house) == [(REDLINE, 2), (REDLINE, 1), (ASIIMOV, 1)]
        assert (await house.baskets.open(ANA)).picks[0].ceiling == 77 * DOLLAR


class TestLeftOut:
    """What can't be put in is named with its reason."""

    async def test_sold_out_and_no_room_are_told_apart(self, house: House) -> None:
        old = await cancelled(house, (ASIIMOV, 2), (REDLINE, 3), (SLATE, 1))
        house.market.sell_out(ASIIMOV)
        await house.catalogue.refresh()
        await house.set_up(lines_max=2)
        asked = await again(house, old)
        assert asked.added == 2
        assert set(asked.left_out) == {
            LeftOut(ASIIMOV, Why.SOLD_OUT, quantity=2),
            LeftOut(REDLINE, Why.NO_ROOM),
            LeftOut(SLATE, Why.NO_ROOM),
        }
        assert await in_basket(house) == [(REDLINE, 2)]

    async def test_a_game_that_is_no_longer_offered_is_left_out(self, house: House) -> None:
        old = await cancelled(house, (REDLINE, 2))
        async with house.database.writing() as tx:
            await settings.set_games(tx, GUILD, ("rust",))
        asked = await again(house, old)
        assert (asked.added, asked.left_out) == (
            0,
            (LeftOut(REDLINE, Why.NOT_OFFERED, quantity=2),),
        )

    async def test_without_prices_nothing_is_called_sold_out(
        self, path: Path, market: SkinsbackSandbox, discord: ScriptedDiscord, clock: ManualClock
    ) -> None:
        async with open_house(path, market, discord, clock) as house:
            await house.set_up()
            old = await cancelled(house)
        path.with_suffix(".prices").unlink()
        async with open_house(path, market, discord, clock) as house:
            asked = await again(house, old)
        assert asked.left_out == (LeftOut(REDLINE, Why.NO_PRICES),)


class TestOfWhat:
    """One's own requests that nothing happens to by itself any more."""

    @pytest.mark.parametrize("state", RequestState)
    async def test_only_what_is_decided_is_asked_for_again(
        self, house: House, state: RequestState
    ) -> None:
        if state is RequestState.DRAFT:
            draft = await house.baskets.open(ANA)
            assert await refused(house.asking.for_all(ANA, draft.request_id)) is Problem.NOT_YOURS
            return
        view = await house.submit(ANA)
        async with house.database.writing() as tx:
            await tx.execute(
                "UPDATE requests SET state = ?, sealed_token = iif(? IN ('pending', 'approved', "
                "'buying', 'bought'), sealed_token, NULL), decided_by = 1, decided_at = 1, "
                "claimable_at = 1",
                state.value,
                state.value,
            )
        if state in (RequestState.PENDING, RequestState.APPROVED, RequestState.BUYING):
            assert await refused(again(house, view)) is Problem.STILL_OPEN
            assert await in_basket(house) == []
        else:
            assert (await again(house, view)).added == 1

    async def test_nobody_asks_with_the_request_of_another(self, house: House) -> None:
        old = await cancelled(house)
        for other in (BEA, MAX):
            assert await refused(again(house, old, other)) is Problem.NOT_YOURS
            assert await in_basket(house, other) == []
