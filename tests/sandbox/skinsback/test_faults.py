"""What the stand-in can be told to get wrong, and both ways of what the vendor leaves open."""

from __future__ import annotations

import asyncio
import random
from dataclasses import fields, replace
from typing import Any

import pytest

from bot.domain.market import OfferStatus
from bot.sandbox.skinsback import Fault, KeyCheck, ListLookup, Profile, Refund, SkinsbackSandbox
from tests.sandbox.skinsback.conftest import REDLINE, Post


def codes(answer: dict[str, object]) -> list[int]:
    unavailable = answer["unavailable"]
    return (
        [row["error_code"] for row in unavailable.values()] if isinstance(unavailable, dict) else []
    )


# Faults (those on the way are tested with the client, which counts the hits)


async def test_refusals_are_taken_in_order_and_carry_nothing_out(
    buy: Post, market: SkinsbackSandbox
) -> None:
    market.refuse("market_batch_buy", -9, times=2)
    market.refuse("market_batch_buy", 99, "something_new")
    answers = [await buy("k1") for _ in range(4)]
    assert [a.get("error_code") for a in answers] == [-9, -9, 99, None]
    assert answers[2]["error_message"] == "something_new"
    assert len(market.purchases) == 1


async def test_fault_waits_for_its_own_method(
    post: Post, buy: Post, market: SkinsbackSandbox
) -> None:
    market.refuse("balance", -9)
    assert (await buy("k1"))["status"] == "success"
    assert (await post("balance"))["error_code"] == -9
    market.refuse("balance", -9)
    market.mend()
    assert (await post("balance"))["status"] == "success"


@pytest.mark.parametrize("carried_out", [True, False])
async def test_line_is_left_out(buy: Post, market: SkinsbackSandbox, carried_out: bool) -> None:
    market.break_next("market_batch_buy", Fault.LINE_MISSING, line=1, carried_out=carried_out)
    answer = await buy("k1", "k2", "k3")
    assert {row["custom_id"] for row in answer["purchased"].values()} == {"k1", "k3"}
    assert codes(answer) == []
    assert len(market.by_key("k2")) == carried_out


async def test_line_is_named_in_both_maps(buy: Post, market: SkinsbackSandbox) -> None:
    market.break_next("market_batch_buy", Fault.LINE_IN_BOTH)
    answer = await buy("k1", "k2")
    assert len(answer["purchased"]) == 2
    assert len(answer["unavailable"]) == 1
    assert answer["unavailable"].keys() < answer["purchased"].keys()


@pytest.mark.parametrize("carried_out", [True, False])
async def test_line_has_a_code_that_nobody_knows(
    buy: Post, market: SkinsbackSandbox, carried_out: bool
) -> None:
    market.break_next("market_batch_buy", Fault.UNKNOWN_CODE, carried_out=carried_out)
    assert codes(await buy("k1")) == [42]
    assert len(market.purchases) == carried_out


async def test_purchase_goes_to_somebody_else_or_has_somebody_else_s_key(
    buy: Post, market: SkinsbackSandbox
) -> None:
    market.break_next("market_batch_buy", Fault.FOREIGN_STEAM_ID)
    market.break_next("market_batch_buy", Fault.FOREIGN_KEY)
    [first] = (await buy("k1"))["purchased"].values()
    [second] = (await buy("k2"))["purchased"].values()
    assert first["steamid"] != str(market.purchases[0].steam_id)
    assert second["custom_id"] != "k2"


async def test_more_than_the_ceiling_is_debited(buy: Post, market: SkinsbackSandbox) -> None:
    market.break_next("market_batch_buy", Fault.DEBIT_ABOVE_CEILING)
    await buy("k1")
    [purchase] = market.purchases
    assert purchase.debited == 21_500_000
    assert market.balance == 1_000_000_000 - 21_500_000


# What the vendor doesn't say


def play(market: SkinsbackSandbox, **changes: object) -> None:
    market.profile = replace(market.profile, **changes)  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize(("check", "code"), [(KeyCheck.FIRST, 7), (KeyCheck.LAST, 5)])
async def test_resend_of_a_bought_line_is_refused_by_key_or_by_stock(
    post: Post, buy: Post, market: SkinsbackSandbox, check: KeyCheck, code: int
) -> None:
    play(market, key_check=check)
    listing_id = market.listings(REDLINE)[0].listing_id
    await buy("k1")
    items = [{"id": listing_id, "max_price": 100, "custom_id": "k1"}]
    again = await post("market_batch_buy", partner="42", token="Tok-en_1", items=items)
    assert codes(again) == [code]
    assert len(market.by_key("k1")) == 1


@pytest.mark.parametrize(("burns", "expected"), [(True, [7]), (False, [])])
async def test_refused_key_is_burned_or_free(
    buy: Post, market: SkinsbackSandbox, burns: bool, expected: list[int]
) -> None:
    play(market, burns_refused_keys=burns)
    market.before_next_buy(lambda: market.sell_listing(market.listings(REDLINE)[0].listing_id))
    assert codes(await buy("k1")) == [5]
    assert codes(await buy("k1")) == expected


@pytest.mark.parametrize("atomic", [True, False])
async def test_two_calls_at_once_with_one_key(
    buy: Post, market: SkinsbackSandbox, atomic: bool
) -> None:
    play(market, atomic_keys=atomic, line_delay_s=0.05)
    await asyncio.gather(buy("k1", places=[0]), buy("k1", places=[1]))
    assert len(market.by_key("k1")) == (1 if atomic else 2)


async def test_purchase_shows_up_late(buy: Post, post: Post, market: SkinsbackSandbox) -> None:
    play(market, visible_after_s=120)
    await buy("k1")
    for method, asked in (("market_getinfo", {"custom_ids": ["k1"]}), ("market_history", {})):
        assert (await post(method, **asked))["items"] == []
    market.advance(120)
    for method, asked in (("market_getinfo", {"custom_ids": ["k1"]}), ("market_history", {})):
        assert len((await post(method, **asked))["items"]) == 1


@pytest.mark.parametrize(
    ("lookup", "keys"),
    [
        (ListLookup.COMPLETE, ["k1", "k2"]),
        (ListLookup.CUT, ["k1"]),
        (ListLookup.WITHOUT_KEY, [None, None]),
    ],
)
async def test_look_up_of_several_misbehaves(
    buy: Post, post: Post, market: SkinsbackSandbox, lookup: ListLookup, keys: list[str | None]
) -> None:
    play(market, list_lookup=lookup)
    await buy("k1", "k2")
    answer = await post("market_getinfo", custom_ids=["k1", "k2"])
    assert [item.get("custom_id") for item in answer["items"]] == keys


async def test_one_unknown_spoils_the_look_up(
    buy: Post, post: Post, market: SkinsbackSandbox
) -> None:
    play(market, list_lookup=ListLookup.ERROR_FOR_ONE)
    await buy("k1")
    assert (await post("market_getinfo", custom_ids=["k1"]))["items"]
    assert (await post("market_getinfo", custom_ids=["k1", "x"]))["error_code"] == 2


async def test_batch_is_bought_line_by_line_while_the_caller_is_gone(
    buy: Post, market: SkinsbackSandbox
) -> None:
    play(market, line_delay_s=0.05)
    events: asyncio.Queue[Any] = asyncio.Queue()
    market.listeners.add(events)
    calling = asyncio.ensure_future(buy("k1", "k2", "k3"))
    async with asyncio.timeout(5):
        await events.get()
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
        assert len(market.purchases) == 1
        while len(market.purchases) < 3:
            await events.get()
    assert [purchase.key for purchase in market.purchases] == ["k1", "k2", "k3"]


@pytest.mark.parametrize(
    ("refund", "balances"),
    [
        (Refund.AT_ONCE, [1000, 1000]),
        (Refund.LATE, [987, 1000]),
        (Refund.NEVER, [987, 987]),
    ],
)
async def test_money_of_a_failed_purchase(
    buy: Post, market: SkinsbackSandbox, refund: Refund, balances: list[int]
) -> None:
    play(market, refund=refund)
    market.script_trades(OfferStatus.CANCELED)
    await buy("k1")
    seen = []
    for seconds in (40, 4_000):
        market.advance(seconds)
        seen.append(market.balance // 1_000_000)
    assert seen == balances


async def test_timeout_may_be_followed_by_accepted(buy: Post, market: SkinsbackSandbox) -> None:
    play(market, accepts_after_timeout=True)
    market.script_trades(OfferStatus.TIMEOUT)
    await buy("k1")
    market.advance(610)
    [purchase] = market.purchases
    assert (purchase.status, purchase.refunded) == (OfferStatus.TIMEOUT, True)
    market.advance(90)
    assert (purchase.status, purchase.refunded) == (OfferStatus.ACCEPTED, False)
    assert market.balance == 987_600_000


async def test_numbers_and_empty_maps_come_in_both_shapes(
    buy: Post, post: Post, market: SkinsbackSandbox
) -> None:
    play(market, numbers_as_strings=True, empty_maps_as_lists=False)
    answer = await buy("k1")
    [purchased] = answer["purchased"].values()
    assert answer["unavailable"] == {}
    assert purchased["balance_debited_sum"] == "12.40"
    assert purchased["buy_id"] == str(market.purchases[0].buy_id)
    assert (await post("status"))["available"] is True


def test_drawn_profiles_follow_their_source_and_play_every_question_both_ways() -> None:
    assert Profile.draw(random.Random(5)) == Profile.draw(random.Random(5))
    drawn = [Profile.draw(random.Random(seed)) for seed in range(200)]
    for field in fields(Profile):
        assert len({getattr(profile, field.name) for profile in drawn}) > 1
