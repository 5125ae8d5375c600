"""Every method and every common error of the stand-in, as the vendor documents them."""

from __future__ import annotations

import asyncio
import json
import re
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from bot.domain.market import OfferStatus
from bot.domain.money import Micros
from bot.sandbox.skinsback import SkinsbackSandbox
from bot.sandbox.skinsback.server import sign
from bot.sandbox.skinsback.sockets import socket_signature
from tests.sandbox.skinsback.conftest import REDLINE, START, Post


def error(code: int, message: str) -> dict[str, object]:
    return {"status": "error", "error_code": code, "error_message": message}


# Who may call


async def test_get_is_refused(post: Post) -> None:
    assert await post("balance", http="GET") == error(-1, "please_use_post_method")


async def test_foreign_client_id_is_refused(post: Post) -> None:
    answer = await post("balance", headers={"X-CLIENT-ID": "7", "X-CLIENT-SECRET": "x"})
    assert answer == error(-2, "invalid_shopid")
    assert await post("balance", headers={}) == error(-2, "invalid_shopid")


async def test_wrong_secret_is_refused(post: Post, market: SkinsbackSandbox) -> None:
    headers = {"X-CLIENT-ID": "1001", "X-CLIENT-SECRET": "x"}
    assert await post("balance", headers=headers) == error(-10, "invalid_client_secret")
    assert "X-CLIENT-SECRET" not in market.calls[-1].headers


async def test_unknown_method_is_refused(post: Post) -> None:
    assert await post("market_steal") == error(-5, "invalid_method")
    assert await post("", data=b"{broken") == error(-5, "invalid_method")


async def test_older_signature_is_accepted(post: Post, market: SkinsbackSandbox) -> None:
    secret = market.environment()["SKINSBACK_CLIENT_SECRET"]
    parameters: dict[str, object] = {"method": "market_search", "game": "cs2", "shopid": "1001"}
    form = {**parameters, "names[0]": REDLINE, "sign": sign(parameters, secret)}
    answer = await post("", data=urlencode(form), headers={})
    assert answer["items"]
    form["game"] = "rust"
    assert await post("", data=urlencode(form), headers={}) == error(-3, "invalid_signature")
    assert "sign" not in market.calls[-1].parameters


def test_signature_is_over_sorted_scalars() -> None:
    parameters: dict[str, object] = {"shopid": "1", "method": "m", "sign": "x", "items": [1]}
    expected = sign({"method": "m", "shopid": "1"}, "k")
    assert sign(parameters, "k") == expected
    assert re.fullmatch(r"[0-9a-f]{40}", expected)


@pytest.mark.parametrize(
    ("switch", "value", "code"),
    [
        ("shop_active", False, -4),
        ("market_open", False, -6),
        ("calls_per_minute", 0, -7),
        ("ip_allowed", False, -8),
        ("under_maintenance", True, -9),
    ],
)
async def test_switches(
    post: Post, market: SkinsbackSandbox, switch: str, value: Any, code: int
) -> None:
    setattr(market, switch, value)
    assert (await post("market_search", names=[REDLINE]))["error_code"] == code


async def test_closed_market_still_tells_its_balance_and_status(
    post: Post, market: SkinsbackSandbox
) -> None:
    assert (await post("status"))["available"] is True
    market.market_open = False
    assert await post("status") == {"status": "success", "available": False, "reason": "no_bots"}
    assert (await post("balance"))["status"] == "success"


async def test_limit_is_counted_by_the_minute(post: Post, market: SkinsbackSandbox) -> None:
    market.calls_per_minute = 2
    answers = [await post("balance") for _ in range(3)]
    assert [answer.get("error_code") for answer in answers] == [None, None, -7]
    market.advance(61)
    assert (await post("balance"))["status"] == "success"


# Reading the market


async def test_search_finds_more_than_was_asked_and_promises_no_order(post: Post) -> None:
    items = (await post("market_search", game="cs2", names=[REDLINE]))["items"]
    assert {item["name"] for item in items} == {REDLINE, f"StatTrak™ {REDLINE}"}
    assert items[0].keys() == {"id", "name", "price", "classid"}
    assert items[0]["price"] > items[1]["price"]
    part = (await post("market_search", game="csgo", name="redline (field"))["items"]
    assert {item["name"] for item in part} >= {REDLINE}


@pytest.mark.parametrize(("parameters", "code"), [({}, 1), ({"names": []}, 1), ({"name": "AK"}, 2)])
async def test_search_without_a_name(post: Post, parameters: dict[str, Any], code: int) -> None:
    assert (await post("market_search", **parameters))["error_code"] == code


async def test_grouped_price_list_follows_the_stock(post: Post, market: SkinsbackSandbox) -> None:
    async def row() -> dict[str, Any] | None:
        items = (await post("market_pricelist", game="cs2"))["items"]
        return next((item for item in items if item["name"] == REDLINE), None)

    before = await row()
    assert before is not None
    assert before["price"] == Decimal("12.40")
    market.sell_listing(market.listings(REDLINE)[0].listing_id)
    market.set_price(REDLINE, Micros(15_125_000))
    after = await row()
    assert after is not None
    assert (after["price"], after["count"]) == (Decimal("15.125"), before["count"] - 1)
    market.sell_out(REDLINE)
    assert await row() is None


async def test_full_price_list_names_a_phase_under_the_same_id(post: Post) -> None:
    items = (await post("market_pricelist", game="cs2", full=1))["items"]
    doppler = "★ Butterfly Knife | Doppler (Factory New)"
    plain = {item["id"] for item in items if item["name"] == doppler}
    phased = {item["id"] for item in items if item["name"].startswith(f"{doppler} - ")}
    assert plain == phased != set()


async def test_balance_has_three_decimals(post: Post) -> None:
    answer = await post("balance")
    assert str(answer["balance"]) == "1000.000"


async def test_currencies(post: Post) -> None:
    assert {row["code"] for row in (await post("currencies"))["items"]} >= {"usd", "eur"}


# Buying


async def test_batch_answer_has_the_shape_of_the_example(
    buy: Post, market: SkinsbackSandbox
) -> None:
    answer = await buy("10000", places=[0])
    listing_id, purchased = answer["purchased"].popitem()
    assert answer["unavailable"] == []
    assert purchased == {
        "item": {
            "id": listing_id,
            "name": REDLINE,
            "price": Decimal("12.40"),
            "classid": market.stock.item(REDLINE, "cs2").class_id,
            "instanceid": "0",
        },
        "buy_id": market.purchases[0].buy_id,
        "offer_status": "creating_trade",
        "steamid": "76561197960265770",
        "date": "1748862060",
        "balance_debited_sum": Decimal("12.40"),
        "custom_id": "10000",
    }
    assert market.balance == 987_600_000


async def test_form_buys_as_json_does(post: Post, market: SkinsbackSandbox) -> None:
    listing = market.listings(REDLINE)[0]
    form = {
        "method": "market_batch_buy",
        "partner": "42",
        "token": "Tok-en_1",
        "items[0][id]": listing.listing_id,
        "items[0][max_price]": "12.40",
        "items[0][custom_id]": "k1",
    }
    assert str(listing.listing_id) in (await post("", data=urlencode(form)))["purchased"]
    assert market.by_key("k1")[0].max_price == 12_400_000


async def test_each_line_is_refused_for_its_own_reason(
    post: Post, buy: Post, market: SkinsbackSandbox
) -> None:
    await buy("k1", places=[0])
    listings = market.listings(REDLINE)
    market.sell_listing(listings[1].listing_id)
    items = [
        {"id": listings[0].listing_id, "max_price": "0.01", "custom_id": "k2"},
        {"id": listings[1].listing_id, "max_price": 100, "custom_id": "k3"},
        {"id": listings[2].listing_id, "max_price": 100, "custom_id": "k1"},
        {"id": market.listings("★ StatTrak™ Karambit | Fade (Factory New)")[0].listing_id},
    ]
    answer = await post("market_batch_buy", partner="42", token="Tok-en_1", items=items)
    assert answer["purchased"] == []
    assert [row["error_code"] for row in answer["unavailable"].values()] == [6, 5, 7, 4]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"partner": "me"}, 8),
        ({"partner": "0"}, 8),
        ({"partner": str(2**32)}, 8),
        ({"token": "short"}, 9),
        ({"token": None}, 9),
    ],
)
async def test_bad_trade_url_refuses_the_whole_call(
    buy: Post, market: SkinsbackSandbox, changes: dict[str, Any], code: int
) -> None:
    assert (await buy("k1", **changes))["error_code"] == code
    assert market.purchases == []
    assert market.batch_calls[-1].outcome == f"error {code}"


async def test_failing_user_is_refused_until_forgiven(buy: Post, market: SkinsbackSandbox) -> None:
    market.fail_user(42, 10)
    assert (await buy("k1"))["error_message"] == "too_many_failed_attempts_for_user"
    market.fail_user(42, None)
    assert (await buy("k1"))["status"] == "success"


async def test_stock_can_change_between_search_and_buy(buy: Post, market: SkinsbackSandbox) -> None:
    market.before_next_buy(lambda: market.sell_out(REDLINE))
    assert [row["error_code"] for row in (await buy("k1"))["unavailable"].values()] == [5]


async def test_single_buy_takes_the_cheapest_of_a_name(
    post: Post, market: SkinsbackSandbox
) -> None:
    to = {"partner": "42", "token": "Tok-en_1"}
    answer = await post("market_buy", name=REDLINE, game="cs2", custom_id="k1", **to)
    assert answer["item"]["price"] == Decimal("12.40")
    assert (await post("market_buy", id=answer["item"]["id"], **to))["error_code"] == 5
    assert (await post("market_buy", name="No such skin", **to))["error_code"] == 5
    assert (await post("market_buy", **to))["error_code"] == 1
    assert (await post("market_buy", name="AK", **to))["error_code"] == 2
    assert (await post("market_buy", name=REDLINE))["error_code"] == 3
    assert len(market.purchases) == 1


# Following


async def test_trade_moves_on_the_clock(buy: Post, post: Post, market: SkinsbackSandbox) -> None:
    await buy("k1")
    buy_id = market.purchases[0].buy_id
    seen = []
    for seconds in (0, 3, 20):
        market.advance(seconds)
        answer = await post("market_getinfo", buy_id=buy_id)
        seen.append((answer["offer_status"], "tradeofferid" in answer))
    assert seen == [("creating_trade", False), ("waiting_accept", True), ("accepted", True)]
    assert [status for _, status in market.purchases[0].history] == seen_statuses(seen)[1:]


def seen_statuses(seen: list[tuple[str, bool]]) -> list[str]:
    return [status for status, _ in seen]


@pytest.mark.parametrize("status", list(OfferStatus))
async def test_trade_can_be_scripted_to_any_status(
    buy: Post, market: SkinsbackSandbox, status: OfferStatus
) -> None:
    market.script_trades(OfferStatus.CANCELED)
    market.script_trades(status, name=REDLINE)
    market.script_trades(OfferStatus.TIMEOUT, partner=7)
    await buy("k1")
    market.advance(8 * 86_400)
    [purchase] = market.purchases
    assert purchase.status == status
    failed = status not in ("creating_trade", "waiting_accept", "accepted")
    assert purchase.alive is not failed
    assert (market.balance == 1_000_000_000) is failed


async def test_look_ups(buy: Post, post: Post, market: SkinsbackSandbox) -> None:
    await buy("k1", "k2")
    ids = [purchase.buy_id for purchase in market.purchases]
    by_key = await post("market_getinfo", custom_ids=["k1", "k2", "nobody"])
    by_id = await post("market_getinfo", buy_ids=[*ids, 1])
    assert by_key == by_id
    assert [item["custom_id"] for item in by_key["items"]] == ["k1", "k2"]
    assert (await post("market_getinfo", buy_id=1))["error_code"] == 2
    assert (await post("market_getinfo"))["error_code"] == 1


async def test_history_is_cut_into_pages(buy: Post, post: Post, market: SkinsbackSandbox) -> None:
    market._history_page = 2
    await buy("k1", "k2", "k3")
    market.advance(100)
    await buy("k4")
    window = {"starting": int(START), "ending": int(START) + 50}
    first = await post("market_history", **window)
    second = await post("market_history", **window, start_from=first["start_from"])
    assert (first["total_count"], first["has_more"], second["has_more"]) == (3, True, False)
    found = [item["custom_id"] for page in (first, second) for item in page["items"]]
    assert found == ["k1", "k2", "k3"]


# Events


async def test_socket_tells_what_happens(buy: Post, market: SkinsbackSandbox) -> None:
    settings = market.environment()
    signature = socket_signature(
        settings["SKINSBACK_CLIENT_ID"], settings["SKINSBACK_CLIENT_SECRET"]
    )
    url = f"{settings['SKINSBACK_WS_URL']}?shopid=1001&signature={signature}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        assert await socket.receive_json() == {"event": "auth_success"}
        await socket.send_str("ping")
        assert await socket.receive_str() == "pong"
        await buy("k1")
        market.advance(3)
        events = [await socket.receive_json() for _ in range(3)]
        assert [event["event"] for event in events] == [
            "balance_change",
            "buy_item",
            "status_change",
        ]
        assert events[0]["data"] == {"balance_value": "987.600"}
        assert events[1]["data"]["custom_id"] == "k1"
        assert events[2]["data"]["offer_status"] == "waiting_accept"
        assert events[2]["data"]["tradeofferid"].isdecimal()
        async with asyncio.timeout(5):
            await market.drop_sockets()
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_socket_with_a_wrong_signature_is_turned_away(market: SkinsbackSandbox) -> None:
    url = f"{market.environment()['SKINSBACK_WS_URL']}?shopid=1001&signature=x"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        assert await socket.receive_json() == {"event": "auth_failed"}
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_time_passes_by_itself() -> None:
    now = [START]
    async with SkinsbackSandbox(size=0, clock=lambda: now[0]) as market:
        await market.batch_buy(
            {
                "partner": "42",
                "token": "Tok-en_1",
                "items": [{"id": market.listings(REDLINE)[0].listing_id}],
            }
        )
        events: asyncio.Queue[Any] = asyncio.Queue()
        market.listeners.add(events)
        now[0] += 5
        async with asyncio.timeout(5):
            assert (await events.get())["data"]["offer_status"] == "waiting_accept"


def test_answers_are_ready_for_json() -> None:
    market = SkinsbackSandbox(size=0)
    assert json.loads(json.dumps(market.balances(), default=str))


async def test_market_that_starts_over_is_as_at_first_but_for_what_was_bought(
    market: SkinsbackSandbox, post: Post
) -> None:
    """Prices, stock, balance and manners; what was sold comes back under numbers of its own."""
    before = market.listings(REDLINE)
    seen: set[int] = set()
    for _ in range(3):
        seen |= {listing.listing_id for listing in market.listings(REDLINE)}
        gone = market.listings(REDLINE)[0].listing_id
        market.sell_listing(gone)
        market.set_price(REDLINE, Micros(15_125_000))
        market.balance = Micros(1)
        market.ip_allowed = False
        market.refuse("balance", -10)
        market.start_over()
        after = market.listings(REDLINE)
        assert [one.price for one in after] == [one.price for one in before]
        new = {one.listing_id for one in after} - seen
        assert len(new) == 1
        assert gone not in {one.listing_id for one in after}
        assert (await post("balance"))["balance"] == 1_000
    market.sell_out(REDLINE)
    market.start_over()
    assert len(market.listings(REDLINE)) == len(before)
    assert not {one.listing_id for one in market.listings(REDLINE)} & seen
