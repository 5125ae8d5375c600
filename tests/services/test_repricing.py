"""Prices that moved above their limits in a basket: its member is asked, and nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from bot.domain.models import Basket
from bot.domain.money import DOLLAR, Micros, ceiling_for
from bot.errors import Problem, UserFacingError
from bot.services.baskets import Shown, Wish
from bot.services.repricing import Question
from tests.services.house import ANA, ASIIMOV, BEA, REDLINE, SLATE, House


async def refused(work: Awaitable[object]) -> Problem:
    """Return why something is refused."""
    with pytest.raises(UserFacingError) as why:
        await work
    return why.value.problem


def shown(basket: Basket) -> Shown:
    return Shown(basket.request_id, basket.revision)


async def costs(house: House, **prices: float) -> None:
    """Let the market ask for other prices in dollars, or for none: sold out."""
    names = {"redline": REDLINE, "asiimov": ASIIMOV, "slate": SLATE}
    for name, price in prices.items():
        if price:
            house.market.set_price(names[name], Micros(int(price * DOLLAR)))
        else:
            house.market.sell_out(names[name])
    await house.catalogue.refresh()


async def filled(house: House) -> Basket:
    """Fill Ana's basket: two Redlines, an Asiimov, a Slate, at 10, 20 and 5 dollars."""
    await house.give_url(ANA)
    await costs(house, redline=10, asiimov=20, slate=5)
    await house.pick(ANA, REDLINE, 2)
    await house.pick(ANA, ASIIMOV)
    return (await house.pick(ANA, SLATE)).basket


async def ask(house: House, basket: Basket) -> Question:
    return await house.repricing.question(ANA, shown(basket))


async def take(house: House, question: Question) -> Question:
    return await house.repricing.use_todays_prices(ANA, shown(question.basket), question.stamp)


class TestTheQuestion:
    """It names every row that can't be bought within its limit, and only those."""

    async def test_sending_what_is_above_its_limit_or_sold_out_asks_first(
        self, house: House
    ) -> None:
        basket = await filled(house)
        await costs(house, redline=12, asiimov=0, slate=5.2)
        assert await refused(house.requests.submit(ANA, basket.revision)) is Problem.PRICES_MOVED
        question = await ask(house, basket)
        assert question.basket == basket
        dearer, gone = question.moved
        assert (dearer.position, gone.position) == (0, 1)
        assert (dearer.picked, gone.picked) == basket.picks[:2]
        assert dearer.today is not None
        assert (dearer.today.quote, dearer.today.ceiling) == (12 * DOLLAR, 12.6 * DOLLAR)
        assert gone.today is None
        assert [pick.market_hash_name for pick in question.then.picks] == [REDLINE, SLATE]
        assert question.then.ceiling_total == 2 * 12.6 * DOLLAR + basket.picks[2].ceiling

    async def test_a_limit_of_their_own_below_todays_price_is_asked_about_too(
        self, house: House
    ) -> None:
        await filled(house)
        pick = (await house.baskets.open(ANA)).picks[1]
        basket = await house.baskets.open(ANA)
        await house.baskets.set_ceiling(ANA, shown(basket), pick.pick_id, Micros(50 * DOLLAR))
        basket = await house.baskets.open(ANA)
        await costs(house, asiimov=49)
        assert (await ask(house, basket)).moved == ()
        await costs(house, asiimov=51)
        (moved,) = (await ask(house, basket)).moved
        assert moved.picked.ceiling == 50 * DOLLAR
        assert moved.today is not None
        assert moved.today.ceiling == ceiling_for(Micros(51 * DOLLAR), 500)

    async def test_a_certain_listing_is_not_judged_by_the_price_of_others(
        self, house: House
    ) -> None:
        await house.give_url(ANA)
        listing = house.market.listings(REDLINE)[0]
        added = await house.baskets.add(ANA, Wish(REDLINE, listing_id=listing.listing_id))
        await costs(house, redline=500)
        assert (await ask(house, added.basket)).moved == ()
        assert (await house.requests.submit(ANA, added.basket.revision)).view.lines


class TestTheAnswers:
    """Each changes the basket that was shown, once; sending stays a press of its own."""

    async def test_todays_prices_are_taken_and_then_it_can_be_sent(self, house: House) -> None:
        basket = await filled(house)
        await costs(house, redline=12, asiimov=0)
        question = await ask(house, basket)
        assert await take(house, question) == question
        now = await house.baskets.open(ANA)
        assert now.revision == basket.revision + 1
        assert now.picks == question.then.picks
        assert await house.requests.list_own(ANA) == []
        sent = (await house.requests.submit(ANA, now.revision)).view
        assert [line.line.ceiling for line in sent.lines] == [
            *[12.6 * DOLLAR] * 2,
            basket.picks[2].ceiling,
        ]

    async def test_prices_that_move_again_before_the_answer_are_asked_about_again(
        self, house: House
    ) -> None:
        basket = await filled(house)
        await costs(house, redline=12)
        question = await ask(house, basket)
        for later in ({"redline": 13}, {"redline": 12, "asiimov": 0}, {"redline": 10}):
            await costs(house, **later)
            assert await refused(take(house, question)) is Problem.PRICES_MOVED
            assert (await house.baskets.open(ANA)).revision == basket.revision
        house.market.restock(ASIIMOV)
        await costs(house, redline=12, asiimov=20)
        await take(house, question)

    async def test_removing_takes_out_the_rows_that_were_shown(self, house: House) -> None:
        basket = await filled(house)
        await costs(house, redline=12, asiimov=0)
        question = await ask(house, basket)
        places = {one.position for one in question.moved}
        await costs(house, redline=14, slate=9)
        removed = await house.repricing.remove(ANA, shown(basket), places)
        assert [pick.market_hash_name for pick in removed] == [REDLINE, ASIIMOV]
        left = (await house.baskets.open(ANA)).picks
        assert [pick.market_hash_name for pick in left] == [SLATE]

    async def test_a_basket_that_was_changed_elsewhere_is_left_as_it_is(self, house: House) -> None:
        basket = await filled(house)
        await costs(house, redline=12)
        question = await ask(house, basket)
        now = (await house.pick(ANA, SLATE)).basket
        for late in (
            take(house, question),
            house.repricing.remove(ANA, shown(basket), {0}),
            ask(house, basket),
            # Somebody else's basket, by a forged id.
            house.repricing.use_todays_prices(BEA, shown(basket), question.stamp),
            house.repricing.remove(BEA, shown(now), {0}),
        ):
            assert await refused(late) is Problem.BASKET_CHANGED
        assert (await house.baskets.open(ANA)).revision == now.revision

    async def test_five_thumbs_at_once_answer_once(self, house: House) -> None:
        basket = await filled(house)
        await costs(house, redline=12)
        question = await ask(house, basket)
        answers = await asyncio.gather(
            *(take(house, question) for _ in range(3)),
            *(house.repricing.remove(ANA, shown(basket), {0}) for _ in range(2)),
            return_exceptions=True,
        )
        late = [one for one in answers if isinstance(one, UserFacingError)]
        assert [error.problem for error in late] == [Problem.BASKET_CHANGED] * 4
        assert (await house.baskets.open(ANA)).revision == basket.revision + 1

    async def test_rows_that_become_alike_become_one(self, house: House) -> None:
        basket = await filled(house)
        await house.baskets.add(ANA, Wish(REDLINE, 3, ceiling=Micros(11 * DOLLAR)))
        fits = Wish(REDLINE, ceiling=ceiling_for(Micros(12 * DOLLAR), 500))
        basket = (await house.baskets.add(ANA, fits)).basket
        await costs(house, redline=12)
        question = await ask(house, basket)
        assert len(question.moved) == 2
        await take(house, question)
        now = await house.baskets.open(ANA)
        rows = {pick.market_hash_name: pick.quantity for pick in now.picks}
        assert rows == {REDLINE: 6, ASIIMOV: 1, SLATE: 1}
        assert len(now.picks) == 3


class TestTodaysPrices:
    """What stays within its limit needs no question, and is shown at what it costs."""

    async def test_an_open_basket_shows_what_its_skins_cost_now(self, house: House) -> None:
        basket = await filled(house)
        await costs(house, redline=9, asiimov=0, slate=6)
        now = await house.baskets.open(ANA)
        redline, asiimov, slate = now.picks
        assert (redline.quote, redline.out_of_reach) == (9 * DOLLAR, False)
        assert (asiimov.quote, asiimov.sold_out) == (20 * DOLLAR, True)
        assert (slate.quote, slate.out_of_reach) == (6 * DOLLAR, True)
        assert [one.ceiling for one in now.picks] == [one.ceiling for one in basket.picks]
        assert now.revision == basket.revision

    async def test_the_request_says_what_its_skins_cost_when_it_was_sent(
        self, house: House
    ) -> None:
        basket = await filled(house)
        await costs(house, redline=9.5, asiimov=20.5)
        sent = (await house.requests.submit(ANA, basket.revision)).view
        assert [line.line.quote for line in sent.lines] == [
            *[9.5 * DOLLAR] * 2,
            20.5 * DOLLAR,
            5 * DOLLAR,
        ]
        assert sent.ceiling_total == basket.ceiling_total
        assert sent.request.digest
        stock = house.catalogue.find("cs2", REDLINE)
        assert stock is not None
        assert sent.lines[0].line.stock == stock.count
