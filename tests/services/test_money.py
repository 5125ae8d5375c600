"""Where the money is: sums that follow the market's ledger, and what is booked as seen back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from random import Random

import pytest

from bot.domain.keys import stamp_of
from bot.domain.market import FAILED_STATUSES, OfferStatus
from bot.domain.models import Actor, EventKind, MessageKind, RequestView
from bot.domain.money import Micros
from bot.domain.sums import Sum
from bot.errors import Problem, UserFacingError
from bot.sandbox.skinsback import Fault
from bot.sandbox.skinsback.ledger import LedgerEntry
from bot.services.money import MoneyReport, SeenBack
from bot.store import purchases, settings
from tests.services.house import (
    ANA,
    BEA,
    GUILD,
    HOUR,
    MAX,
    OLGA,
    OTTO,
    REDLINE,
    SLATE,
    House,
)
from tests.store import samples

OTHER_ADMIN = Actor(402, GUILD, administrator=True)
DAY = 24 * HOUR
GLOCK = "Glock-18 | Water Elemental (Field-Tested)"
NEO_NOIR = "M4A4 | Neo-Noir (Field-Tested)"
NONE = Sum(Micros(0), 0)


async def refused(call: Awaitable[object]) -> UserFacingError:
    """Return the problem that a call has with the person."""
    with pytest.raises(UserFacingError) as caught:
        await call
    return caught.value


async def failed(house: House, count: int = 1, *more: tuple[str, int]) -> RequestView:
    """Return a request whose trades nobody accepted in time."""
    house.market.script_trades(OfferStatus.CREATING_TRADE)
    view = await house.buy_until(await house.submit_approved(ANA, (REDLINE, count), *more))
    for entry in house.market.purchases:
        house.market.move(entry, OfferStatus.TIMEOUT)
    house.clock.now += 60_000
    await house.follower.look()
    return await house.view(view)


def stamp(report: MoneyReport) -> str:
    """Return what the screen of a report is stamped with."""
    return stamp_of(one.purchase_key for one in report.not_back)


def book(
    house: House, report: MoneyReport, places: set[int], actor: Actor = OLGA
) -> Awaitable[SeenBack]:
    """Book what stands in these places of a screen."""
    return house.money.book_back(actor, report.page, stamp(report), places)


class TestShown:
    """What an administrator sees."""

    async def test_sums_go_from_held_to_delivery_to_settling(self, house: House) -> None:
        house.market.script_trades(OfferStatus.CREATING_TRADE)
        view = await house.submit_approved(ANA, (REDLINE, 2))
        report = await house.money.show(OLGA)
        assert report.balance == house.market.balance
        assert report.here.held == view.ceiling_total
        assert (report.here.in_delivery, report.here.spent) == (NONE, (0, 0, 0))
        await house.buy_until(view)
        spent = Micros(sum(entry.debited for entry in house.market.purchases))
        here = (await house.money.show(OLGA)).here
        assert (here.held, here.in_delivery) == (0, Sum(spent, 2))
        assert (here.not_back, here.settling, here.spent) == (NONE, NONE, (spent,) * 3)
        for entry in house.market.purchases:
            house.market.move(entry, OfferStatus.ACCEPTED)
        house.clock.now += 60_000
        await house.follower.look()
        here = (await house.money.show(OLGA)).here
        assert (here.in_delivery, here.settling) == (NONE, Sum(spent, 2))
        house.clock.now += 9 * DAY
        await house.follower.look()
        here = (await house.money.show(OLGA)).here
        assert (here.settling, here.spent) == (NONE, (0, 0, spent))
        house.clock.now += 30 * DAY
        assert (await house.money.show(OLGA)).here.spent == (0, 0, 0)

    async def test_what_is_unknown_is_held(self, house: House) -> None:
        house.market.break_next("market_batch_buy", Fault.DROP, carried_out=False)
        view = await house.buy_until(await house.submit_approved(ANA, (REDLINE, 2)))
        assert (await house.money.show(OLGA)).here.held == view.ceiling_total

    async def test_market_that_does_not_answer_hides_only_the_balance(self, house: House) -> None:
        await failed(house)
        house.market.break_next("balance", Fault.DROP, times=9)
        report = await house.money.show(OLGA)
        assert report.balance is None
        assert report.here.not_back.count == 1

    async def test_every_server_sees_its_own_and_the_operator_all(self, house: House) -> None:
        view = await failed(house)
        async with house.database.writing() as tx:
            await settings.add_guild(tx, GUILD + 1)
            await tx.execute("UPDATE requests SET guild_id = ?", GUILD + 1)
        paid = view.debited_total
        report = await house.money.show(OLGA)
        assert (report.here.not_back, report.here.spent, report.not_back) == (NONE, (0, 0, 0), ())
        assert report.deployment is None
        whole = (await house.money.show(OTTO)).deployment
        assert whole is not None
        assert (whole.not_back, whole.spent) == (Sum(paid, 1), (paid,) * 3)

    async def test_purchase_that_no_order_explains_is_spent_as_well(self, house: House) -> None:
        view = await house.submit(ANA)
        async with house.database.writing() as tx:
            for buy_id, request_id in ((1, view.request.request_id), (2, None)):
                await purchases.record_stray(
                    tx, request_id, samples.purchase(None, buy_id), at=house.clock.now
                )
        amount = samples.purchase(None).debited
        report = await house.money.show(replace(OTTO, administrator=True))
        assert report.here.spent == (amount,) * 3
        assert report.deployment is not None
        assert report.deployment.spent == (2 * amount,) * 3

    async def test_who_may(self, house: House) -> None:
        for actor, problem in (
            (ANA, Problem.NOT_ADMINISTRATOR),
            (MAX, Problem.NOT_ADMINISTRATOR),
            (replace(OLGA, guild_id=None), Problem.SERVER_ONLY),
            (replace(OLGA, guild_id=GUILD + 1), Problem.SERVER_NOT_ALLOWED),
        ):
            assert (await refused(house.money.show(actor))).problem is problem
            booking = house.money.book_back(actor, 1, "x", {1})
            assert (await refused(booking)).problem is problem

    async def test_pages_are_of_25_and_one_beyond_the_last_is_the_last(self, house: House) -> None:
        await house.set_up(lines_max=25)
        await failed(house, 7, (SLATE, 7), (GLOCK, 7), (NEO_NOIR, 4))
        await failed(house, 3)
        first = await house.money.show(OLGA)
        assert (len(first.not_back), first.page, first.pages) == (25, 1, 2)
        last = await house.money.show(OLGA, 9)
        assert (len(last.not_back), last.page, last.pages) == (3, 2, 2)
        everything = {one.purchase_key for one in (*first.not_back, *last.not_back)}
        assert len(everything) == 28
        assert (await house.money.show(OLGA, 0)).page == 1


class TestSeenBack:
    """Money counts as spent until a person has seen it back."""

    async def test_what_was_chosen_is_booked_and_nothing_else(self, house: House) -> None:
        view = await failed(house, 3)
        report = await house.money.show(OLGA)
        first, second, third = report.not_back
        booked = await book(house, report, {1, 3})
        assert (booked.amount, booked.count) == (first.debited + third.debited, 2)
        assert booked.report.not_back == (second,)
        assert booked.report.here.spent[0] == second.debited
        now = await house.view(view)
        back = {one.purchase_key: one.back_by for line in now.lines for one in line.lost}
        assert back == {first.purchase_key: 401, second.purchase_key: None, third.purchase_key: 401}
        (event,) = [one for one in await house.history(view) if one.kind is EventKind.MONEY_BACK]
        assert (event.actor_id, event.details["lines"]) == (OLGA.user_id, 2)

    async def test_cards_are_drawn_again(self, house: House) -> None:
        view = await failed(house)
        await house.post_everything()
        before = (await house.message(view, MessageKind.APPROVAL_CARD)).wanted
        await book(house, await house.money.show(OLGA), {1})
        assert (await house.message(view, MessageKind.APPROVAL_CARD)).wanted > before

    async def test_of_two_at_once_one_books_and_the_other_hears_who(self, house: House) -> None:
        view = await failed(house)
        report = await house.money.show(OLGA)
        results = await asyncio.gather(
            book(house, report, {1}, OLGA),
            book(house, report, {1}, OTHER_ADMIN),
            return_exceptions=True,
        )
        (error,) = [one for one in results if isinstance(one, UserFacingError)]
        first = OLGA if isinstance(results[0], SeenBack) else OTHER_ADMIN
        assert error.problem is Problem.NOT_BACK_CHANGED
        assert error.details["user_id"] == str(first.user_id)
        kinds = [event.kind for event in await house.history(view)]
        assert kinds.count(EventKind.MONEY_BACK) == 1

    async def test_screen_from_before_books_nothing(self, house: House) -> None:
        await failed(house, 2)
        old = await house.money.show(OLGA)
        await book(house, old, {1})
        error = await refused(book(house, old, {2}))
        assert error.problem is Problem.NOT_BACK_CHANGED
        assert (await refused(house.money.still(OLGA, 1, stamp(old)))).problem is error.problem
        assert (await house.money.show(OLGA)).here.not_back.count == 1

    async def test_other_servers_purchases_are_out_of_reach(self, house: House) -> None:
        await failed(house)
        report = await house.money.show(OLGA)
        async with house.database.writing() as tx:
            await settings.add_guild(tx, GUILD + 1)
            await tx.execute("UPDATE requests SET guild_id = ?", GUILD + 1)
        assert (await refused(book(house, report, {1}))).problem is Problem.NOT_BACK_CHANGED

    @pytest.mark.parametrize("status", [OfferStatus.ACCEPTED, OfferStatus.WAITING_ACCEPT])
    async def test_what_is_alive_after_all_is_spent_again_and_moderators_hear(
        self, house: House, status: OfferStatus
    ) -> None:
        view = await failed(house)
        await book(house, await house.money.show(OLGA), {1})
        (entry,) = house.market.purchases
        house.market.move(entry, status)
        house.clock.now += HOUR
        await house.follower.look()
        here = (await house.money.show(OLGA)).here
        assert (here.not_back, here.spent[0]) == (NONE, entry.debited)
        now = await house.view(view)
        assert [(one.back_at, one.back_by) for one in now.lines[0].bought] == [(None, None)]
        kinds = [event.kind for event in await house.history(view)]
        assert kinds.count(EventKind.SPENT_AFTER_ALL) == 1
        assert (await house.message(view, MessageKind.DELIVERY_NOTICE)).part == 0

    async def test_another_way_of_failing_leaves_it_back(self, house: House) -> None:
        view = await failed(house)
        await book(house, await house.money.show(OLGA), {1})
        house.market.move(house.market.purchases[0], OfferStatus.CANCELED)
        house.clock.now += HOUR
        await house.follower.look()
        assert (await house.money.show(OLGA)).here.spent == (0, 0, 0)
        assert (await house.view(view)).lines[0].lost[0].back_at is not None


@pytest.mark.parametrize("seed", range(6))
async def test_sums_follow_the_ledger_whatever_happens(house: House, seed: int) -> None:
    """A random walk: what is bought, what becomes of it, what is booked, and time."""
    rng = Random(seed)
    house.market.script_trades(OfferStatus.CREATING_TRADE)
    bought_at: dict[int, int] = {}
    back: set[int] = set()
    for _ in range(14):
        match rng.choice(("buy", "move", "move", "move", "book", "wait")):
            case "buy":
                actor, skin = rng.choice((ANA, BEA)), rng.choice((REDLINE, SLATE))
                view = await house.submit_approved(actor, (skin, rng.randint(1, 3)))
                async with house.database.writing() as tx:
                    # Accounts that rest are another test's.
                    await tx.execute("UPDATE requests SET trade_url_at = ?", house.clock.now + 1)
                await house.buy_until(view)
                for entry in house.market.purchases:
                    bought_at.setdefault(entry.buy_id, house.clock.now)
            case "move" if house.market.purchases:
                entry = rng.choice(house.market.purchases)
                # A trade that is being made is asked about soon, one that is over every 6 hours.
                house.market.move(entry, rng.choice(list(OfferStatus)))
                house.clock.now += 7 * HOUR
                await house.follower.look()
                back -= {one.buy_id for one in house.market.purchases if one.alive}
            case "book":
                report = await house.money.show(OLGA)
                places = {place for place in range(1, 26) if rng.random() < 0.5}
                chosen = [
                    one for place, one in enumerate(report.not_back, start=1) if place in places
                ]
                await book(house, report, places)
                back |= {one.buy_id for one in chosen}
            case _:
                house.clock.now += rng.randrange(3 * DAY)
                await house.follower.look()
        await _compare(house, bought_at, back)


async def _compare(house: House, bought_at: dict[int, int], back: set[int]) -> None:
    def total(entries: list[LedgerEntry]) -> Sum:
        return Sum(Micros(sum(entry.debited for entry in entries)), len(entries))

    ledger, here = house.market.purchases, (await house.money.show(OLGA)).here
    lost = [one for one in ledger if one.status in FAILED_STATUSES and one.buy_id not in back]
    moving = (OfferStatus.CREATING_TRADE, OfferStatus.WAITING_ACCEPT)
    assert here.not_back == total(lost)
    assert here.in_delivery == total([one for one in ledger if one.status in moving])
    kept = [one for one in ledger if one.status is OfferStatus.ACCEPTED]
    assert here.settling.amount <= total(kept).amount
    for days, spent in zip((1, 7, 30), here.spent, strict=True):
        since = house.clock.now - days * DAY
        counted = [
            one for one in ledger if bought_at[one.buy_id] >= since and one.buy_id not in back
        ]
        assert spent == total(counted).amount
    assert here.held == 0
