"""The market's events over real sockets: what is heard, each way to die, what is never told."""

from __future__ import annotations

import asyncio
import json
import logging
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.market import Hint
from bot.sandbox.skinsback import Greeting, SkinsbackSandbox
from bot.sandbox.skinsback.sockets import socket_signature
from bot.skinsback.events import EventTiming, MarketEvents, SocketState, parse_event

SECRET = "s3cr3t-of-the-merchant"
SIGNATURE = socket_signature("1001", SECRET)
REDLINE = "AK-47 | Redline (Field-Tested)"
REFUSES = (
    "The market's event socket refuses our Client ID or Secret; "
    "trades are followed by asking, more slowly."
)
FAST = EventTiming(
    connect_s=0.5,
    auth_s=0.5,
    ping_s=0.03,
    silence_s=2,
    close_s=0.1,
    backoff_first_s=0.01,
    backoff_max_s=0.05,
    stable_s=0.05,
    refused_s=0.2,
)


@pytest.fixture(autouse=True)
def _nothing_leaks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No record of any logger holds the address, its signature or the secret.

    A server's own record of who called is left out: it is not ours.
    """
    caplog.set_level(logging.DEBUG)
    yield
    for record in caplog.get_records("call"):
        text = f"{record.getMessage()} {record.exc_text} {record.exc_info} {record.__dict__}"
        if record.name != "aiohttp.access":
            assert not [one for one in (SECRET, SIGNATURE, "shopid", "ws://") if one in text]


@pytest.fixture
async def market() -> AsyncIterator[SkinsbackSandbox]:
    async with SkinsbackSandbox(client_secret=SECRET, size=0) as market:
        yield market


@dataclass
class Listener:
    """A listener that runs, and what it has heard."""

    events: MarketEvents
    task: asyncio.Task[None]
    hints: list[Hint] = field(default_factory=list)
    ups: list[bool] = field(default_factory=list)


@asynccontextmanager
async def listening(
    url: str, timing: EventTiming = FAST, *, secret: str = SECRET
) -> AsyncIterator[Listener]:
    """Listen at ``url`` until the end of the block; then it must go at once."""
    hints: list[Hint] = []
    ups: list[bool] = []
    events = MarketEvents(
        url,
        "1001",
        secret,
        Random(1),
        on_hint=hints.append,
        on_up=lambda: ups.append(events.up),
        timing=timing,
    )
    task = asyncio.create_task(events.run())
    try:
        yield Listener(events, task, hints, ups)
    finally:
        async with asyncio.timeout(1):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert not events.up


@asynccontextmanager
async def listening_to(
    market: SkinsbackSandbox, timing: EventTiming = FAST, *, secret: str = SECRET
) -> AsyncIterator[Listener]:
    async with listening(market.environment()["SKINSBACK_WS_URL"], timing, secret=secret) as one:
        yield one


@asynccontextmanager
async def bare_server(
    handle: Callable[[StreamReader, StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """Serve TCP with ``handle``; yield the address of the socket that isn't there."""
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws/"


async def until(condition: Callable[[], object], timeout_s: float = 5) -> None:
    end = asyncio.get_running_loop().time() + timeout_s
    while not condition():
        assert asyncio.get_running_loop().time() < end
        await asyncio.sleep(0.002)


async def buy(market: SkinsbackSandbox, key: str) -> int:
    """Buy one skin under ``key`` and return the market's id of the purchase."""
    listing_id = market.listings(REDLINE)[0].listing_id
    item = {"id": listing_id, "custom_id": key}
    await market.batch_buy({"partner": "42", "token": "Tok-en_1", "items": [item]})
    return market.by_key(key)[0].buy_id


def said(caplog: pytest.LogCaptureFixture, line: str) -> int:
    return sum(record.getMessage() == line for record in caplog.get_records("call"))


class TestParseEvent:
    """What a message means, whatever it is."""

    def test_parse_event_of_a_purchase_is_a_hint(self) -> None:
        entry = {
            "item": {"id": "62696971", "name": REDLINE, "price": "12.4", "classid": "1"},
            "buy_id": "129112705",
            "offer_status": "creating_trade",
            "steamid": "76561198050648523",
            "date": "1748862060",
            "balance_debited_sum": "12.4",
            "custom_id": "qmabcdefghij234567klmn0101",
        }
        assert parse_event(json.dumps({"event": "buy_item", "data": entry})) == Hint(
            129112705, "qmabcdefghij234567klmn0101", "creating_trade", None
        )

    def test_parse_event_of_a_status_is_a_hint(self) -> None:
        """The vendor's own example."""
        text = (
            '{"event":"status_change","data":{"item":{"id":"2516"},"buy_id":"65","offer_status":'
            '"waiting_accept","error_reason":null,"tradeofferid":"4176876858"}}'
        )
        assert parse_event(text) == Hint(65, None, "waiting_accept", 4176876858)

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, Hint(65, None, None, None)),
            ({"buy_id": 65}, Hint(65, None, None, None)),
            ({"tradeofferid": 4176876858}, Hint(65, None, None, 4176876858)),
            ({"tradeofferid": "0"}, Hint(65, None, None, None)),
            ({"tradeofferid": ""}, Hint(65, None, None, None)),
            ({"tradeofferid": [1]}, Hint(65, None, None, None)),
            ({"tradeofferid": "9" * 30}, Hint(65, None, None, None)),
            ({"offer_status": "reserved"}, Hint(65, None, "reserved", None)),
            ({"offer_status": "re\nserv\u202eed"}, Hint(65, None, "reserved", None)),
            ({"offer_status": 3}, Hint(65, None, None, None)),
            ({"offer_status": "s" * 1_000}, Hint(65, None, "s" * 200, None)),
            ({"custom_id": None}, Hint(65, None, None, None)),
            ({"custom_id": ""}, Hint(65, None, None, None)),
            ({"custom_id": 17}, Hint(65, "17", None, None)),
            ({"custom_id": {"a": 1}}, Hint(65, None, None, None)),
            ({"item": "?", "new": [{}]}, Hint(65, None, None, None)),
        ],
    )
    def test_parse_event_takes_what_it_can_read(
        self, changes: dict[str, Any], expected: Hint
    ) -> None:
        data = {"buy_id": "65", **changes}
        assert parse_event(json.dumps({"event": "status_change", "data": data})) == expected

    @pytest.mark.parametrize("data", ["absent", None, [], {}, 65, {"buy_id": "x"}, {"buy_id": 0}])
    def test_parse_event_without_a_purchase_is_nothing(self, data: Any) -> None:
        message = {"event": "status_change"} | ({} if data == "absent" else {"data": data})
        assert parse_event(json.dumps(message)) is None

    def test_parse_event_knows_what_is_about_the_connection(self) -> None:
        assert parse_event('{"event":"auth_success"}') is SocketState.AUTHENTICATED
        assert parse_event('\ufeff{"event":"auth_failed","data":[]}') is SocketState.REFUSED

    def test_parse_event_of_another_kind_is_nothing_and_named_in_the_log(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert parse_event('{"event":"balance_change","data":{"balance_value":"758.93"}}') is None
        assert parse_event(json.dumps({"event": "new\n\x1b[31mevent" + "!" * 90})) is None
        lines = [record.getMessage() for record in caplog.records]
        assert "balance_change" in lines[0]
        assert "758.93" not in lines[0]
        assert "new[31mevent!!!" in lines[1]
        assert len(lines[1]) < 100

    @pytest.mark.parametrize(
        "text", ["", "pong", "[]", "{}", "null", "NaN", "1e999999999", "[" * 60_000]
    )
    def test_parse_event_of_what_is_none_is_nothing(self, text: str) -> None:
        assert parse_event(text) is None

    def test_parse_event_of_a_huge_text_is_nothing(self) -> None:
        text = json.dumps({"event": "auth_success", "data": "x" * 70_000})
        assert parse_event(text) is None

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
        st.sampled_from(["buy_id", "offer_status", "tradeofferid", "custom_id"]),
    )
    def test_parse_event_survives_anything_anywhere(self, value: Any, name: str) -> None:
        for message in (
            value,
            {"event": value},
            {"event": "status_change", "data": value},
            {"event": "buy_item", "data": {"buy_id": 1, name: value}},
        ):
            parsed = parse_event(json.dumps(message))
            assert parsed is None or isinstance(parsed, Hint)

    @given(st.text())
    def test_parse_event_survives_any_text(self, text: str) -> None:
        assert parse_event(text) is None


class TestHearing:
    """A market that is well."""

    async def test_listener_is_known_to_the_market_and_hears_of_purchases(
        self, market: SkinsbackSandbox
    ) -> None:
        async with listening_to(market) as listener:
            await until(lambda: listener.events.up)
            buy_id = await buy(market, "k1")
            market.advance(3)
            await until(lambda: len(listener.hints) == 2)
        offer = market.by_key("k1")[0].trade_offer_id
        assert listener.hints == [
            Hint(buy_id, "k1", "creating_trade", None),
            Hint(buy_id, "k1", "waiting_accept", offer),
        ]
        assert listener.ups == [True]
        assert market.sockets.greeted == 1

    async def test_hints_come_as_they_are_told(self, market: SkinsbackSandbox) -> None:
        """Without keys, late, doubled, out of order, and in words that nobody knows."""
        async with listening_to(market) as listener:
            await until(lambda: listener.events.up)
            market.sockets.without_keys = True
            market.sockets.hold()
            buy_id = await buy(market, "k1")
            entry = market.by_key("k1")[0]
            for status in ("accepted", "waiting_accept", "waiting_accept", "reserved"):
                market.tell(entry, status)
            await asyncio.sleep(0.05)
            assert listener.hints == []
            market.sockets.release()
            await until(lambda: len(listener.hints) == 5)
        assert [hint.offer_status for hint in listener.hints] == [
            "creating_trade",
            "accepted",
            "waiting_accept",
            "waiting_accept",
            "reserved",
        ]
        assert {(hint.buy_id, hint.purchase_key) for hint in listener.hints} == {(buy_id, None)}

    async def test_garbage_is_survived(self, market: SkinsbackSandbox) -> None:
        garbage: list[str | bytes] = [
            "",
            "pong",
            "<html>502</html>",
            "[]",
            "[" * 50_000,
            '{"event":',
            '{"event":["status_change"]}',
            '{"event":"status_change","event":"status_change"}',
            '{"event":"status_change","data":[[]]}',
            '{"event":"status_change","data":{"buy_id":-1e99}}',
            '{"event":"auth_success"}',
            json.dumps({"event": "status_change", "data": {"buy_id": 1, "x": "y" * 100_000}}),
            b'{"event":"status_change","data":{"buy_id":"1","offer_status":"\xe2\x98"}}',
            b"\xff\xfe",
        ]
        async with listening_to(market) as listener:
            await until(lambda: listener.events.up)
            for text in garbage:
                await market.sockets.say(text)
            await market.sockets.say('{"event":"status_change","data":{"buy_id":"2"}}')
            await until(lambda: Hint(2, None, None, None) in listener.hints)
            assert listener.events.up
        assert [hint.buy_id for hint in listener.hints] == [1, 2]
        assert listener.ups == [True]
        assert market.sockets.greeted == 1

    @pytest.mark.parametrize("answers", [True, False])
    async def test_quiet_market_is_pinged_and_alive(
        self, market: SkinsbackSandbox, answers: bool
    ) -> None:
        """Also one that doesn't answer the text: it has to answer the frame."""
        market.sockets.answers_ping = answers
        async with listening_to(market, replace(FAST, silence_s=0.3)) as listener:
            await until(lambda: listener.events.up)
            await asyncio.sleep(0.7)
            assert listener.events.up
        assert market.sockets.greeted == 1
        assert market.sockets.pings >= 5

    async def test_what_a_callback_raises_ends_the_listener(self, market: SkinsbackSandbox) -> None:
        """A fault of ours is not to be taken for one of the line."""

        def fail(_: Hint) -> None:
            raise KeyError("a fault of ours")

        url = market.environment()["SKINSBACK_WS_URL"]
        events = MarketEvents(
            url, "1001", SECRET, Random(1), on_hint=fail, on_up=lambda: None, timing=FAST
        )
        task = asyncio.create_task(events.run())
        await until(lambda: events.up)
        await buy(market, "k1")
        with pytest.raises(KeyError, match="a fault of ours"):
            await task
        assert not events.up


async def fall_silent(market: SkinsbackSandbox) -> None:
    market.sockets.silent = True


async def close(market: SkinsbackSandbox) -> None:
    await market.sockets.drop()


async def cut(market: SkinsbackSandbox) -> None:
    market.sockets.cut()


async def cut_within_a_frame(market: SkinsbackSandbox) -> None:
    market.sockets.cut(within_a_frame=True)


async def say_too_much(market: SkinsbackSandbox) -> None:
    await market.sockets.say("x" * (1024 * 1024 + 1))


Death = Callable[[SkinsbackSandbox], Awaitable[None]]


class TestDying:
    """Whatever ends a connection, the next one comes, and says that something was missed."""

    @pytest.mark.parametrize("die", [fall_silent, close, cut, cut_within_a_frame, say_too_much])
    async def test_listener_comes_back_after(self, market: SkinsbackSandbox, die: Death) -> None:
        async with listening_to(market, replace(FAST, silence_s=0.3)) as listener:
            await until(lambda: listener.events.up)
            market.sockets.greeting = Greeting.CUT
            await die(market)
            await until(lambda: not listener.events.up)
            await buy(market, "missed")
            await until(lambda: market.sockets.greeted >= 3)
            assert listener.ups == [True]
            market.sockets.start_over()
            await until(lambda: listener.events.up)
            buy_id = await buy(market, "k2")
            await until(lambda: listener.hints)
        assert listener.ups == [True, True]
        assert listener.hints == [Hint(buy_id, "k2", "creating_trade", None)]

    @pytest.mark.parametrize("greeting", [Greeting.CUT, Greeting.SILENCE])
    async def test_listener_that_is_not_answered_tries_again(
        self, market: SkinsbackSandbox, greeting: Greeting
    ) -> None:
        market.sockets.greeting = greeting
        async with listening_to(market, replace(FAST, auth_s=0.05)) as listener:
            async with asyncio.timeout(5):
                while market.sockets.greeted < 3:
                    await asyncio.sleep(0.01)
                    with suppress(ConnectionError):  # talk is no answer to who we are
                        await market.sockets.say("pong")
            assert listener.ups == []
            assert not listener.events.up
            market.sockets.start_over()
            await until(lambda: listener.events.up)

    async def test_listener_waits_for_a_market_that_is_gone(self) -> None:
        async with SkinsbackSandbox(client_secret=SECRET, size=0) as market:
            port = int(market.environment()["SKINSBACK_WS_URL"].split(":")[2].split("/")[0])
            url = market.environment()["SKINSBACK_WS_URL"]
            watch = listening(url)
            listener = await watch.__aenter__()
            await until(lambda: listener.events.up)
        await until(lambda: not listener.events.up)
        await asyncio.sleep(0.1)
        async with SkinsbackSandbox(client_secret=SECRET, size=0, port=port):
            await until(lambda: listener.events.up)
            await watch.__aexit__(None, None, None)
        assert listener.ups == [True, True]

    async def test_pauses_grow_and_end_at_the_longest(self) -> None:
        at: list[float] = []

        async def hang_up(_: StreamReader, writer: StreamWriter) -> None:
            at.append(asyncio.get_running_loop().time())
            writer.close()

        timing = replace(FAST, backoff_first_s=0.04, backoff_max_s=0.32)
        async with bare_server(hang_up) as url, listening(url, timing):
            await until(lambda: len(at) >= 7)
        gaps = [after - before for before, after in pairwise(at)]
        bases = (0.04, 0.08, 0.16, 0.32, 0.32, 0.32)
        assert all(gap >= base * 0.75 for gap, base in zip(gaps, bases, strict=False))
        assert gaps[5] < 1
        # Chance makes some pauses shorter, so that not all listeners come back at once.
        assert any(gap < base for gap, base in zip(gaps, bases, strict=False))

    async def test_connection_that_lived_makes_the_next_pause_short(
        self, market: SkinsbackSandbox
    ) -> None:
        market.sockets.greeting = Greeting.CUT
        timing = replace(FAST, backoff_first_s=0.05, backoff_max_s=60, stable_s=0.4)
        async with listening_to(market, timing) as listener:
            await until(lambda: market.sockets.greeted == 4)
            market.sockets.start_over()
            await until(lambda: listener.events.up)  # the next pause would be 1.6 s
            await asyncio.sleep(0.5)
            await close(market)
            await until(lambda: not listener.events.up)
            await until(lambda: listener.events.up, timeout_s=0.6)

    async def test_connection_that_did_not_live_makes_the_next_pause_longer(
        self, market: SkinsbackSandbox
    ) -> None:
        market.sockets.greeting = Greeting.CUT
        timing = replace(FAST, backoff_first_s=0.05, backoff_max_s=60, stable_s=60)
        async with listening_to(market, timing) as listener:
            await until(lambda: market.sockets.greeted == 4)
            market.sockets.start_over()
            await until(lambda: listener.events.up)
            await close(market)
            await until(lambda: not listener.events.up)
            await asyncio.sleep(0.6)
            assert not listener.events.up

    async def test_trouble_is_said_once_until_it_is_over(
        self, market: SkinsbackSandbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        market.sockets.greeting = Greeting.CUT
        async with listening_to(market) as listener:
            await until(lambda: market.sockets.greeted >= 5)
            market.sockets.start_over()
            await until(lambda: listener.events.up)
            await close(market)
            await until(lambda: len(listener.ups) == 2)
        lines = [record.getMessage() for record in caplog.get_records("call")]
        lines = [line for line in lines if "event socket" in line]
        assert [" is up" in line for line in lines] == [False, True, False, True]
        assert "(closed, code 1000)" in lines[2]

    async def test_listener_that_is_sent_elsewhere_does_not_go(self) -> None:
        visited: list[str] = []

        async def move(request: web.Request) -> web.Response:
            visited.append(request.path)
            raise web.HTTPFound(f"/elsewhere/?{request.query_string}")

        app = web.Application()
        app.router.add_get("/{path:.*}", move)
        async with TestServer(app) as server:
            url = str(server.make_url("/ws/")).replace("http:", "ws:")
            async with listening(url):
                await until(lambda: len(visited) >= 3)
        assert set(visited) == {"/ws/"}

    @pytest.mark.parametrize("status", [200, 403, 502])
    async def test_listener_that_gets_a_page_tries_again(self, status: int) -> None:
        hits: list[int] = []

        async def page(_: web.Request) -> web.Response:
            hits.append(status)
            return web.Response(status=status, text="<html>nginx</html>")

        app = web.Application()
        app.router.add_get("/{path:.*}", page)
        async with TestServer(app) as server:
            url = str(server.make_url("/ws/")).replace("http:", "ws:")
            async with listening(url) as listener:
                await until(lambda: len(hits) >= 3)
                assert listener.ups == []


class TestRefusal:
    """Credentials that the market doesn't take."""

    async def test_wrong_secret_is_said_once_and_not_hammered(
        self, market: SkinsbackSandbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with listening_to(market, secret="another-secret") as listener:
            await until(lambda: said(caplog, REFUSES))
            began = asyncio.get_running_loop().time()
            before = market.sockets.greeted
            await until(lambda: market.sockets.greeted == before + 3)
            assert asyncio.get_running_loop().time() - began >= 3 * FAST.refused_s - 0.05
            assert not listener.events.up
            assert listener.ups == []
        assert said(caplog, REFUSES) == 1
        (record,) = [one for one in caplog.get_records("call") if one.getMessage() == REFUSES]
        assert record.levelno == logging.ERROR

    async def test_refusal_is_said_once_also_with_other_trouble_between(
        self, market: SkinsbackSandbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        timing = replace(FAST, refused_s=0.02)
        market.sockets.greeting = Greeting.REFUSE
        async with listening_to(market, timing) as listener:
            await until(lambda: market.sockets.greeted >= 2)
            market.sockets.greeting = Greeting.CUT
            at = market.sockets.greeted
            await until(lambda: market.sockets.greeted >= at + 3)
            market.sockets.greeting = Greeting.REFUSE
            at = market.sockets.greeted
            await until(lambda: market.sockets.greeted >= at + 3)
            assert said(caplog, REFUSES) == 1
            market.sockets.start_over()
            await until(lambda: listener.events.up)
            market.sockets.greeting = Greeting.REFUSE
            await close(market)
            await until(lambda: said(caplog, REFUSES) == 2)

    async def test_refusal_of_a_connection_that_was_up_is_one_too(
        self, market: SkinsbackSandbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with listening_to(market, replace(FAST, refused_s=60)) as listener:
            await until(lambda: listener.events.up)
            await market.sockets.say('{"event":"auth_failed"}')
            await until(lambda: not listener.events.up)
            await asyncio.sleep(0.1)
            assert market.sockets.greeted == 1
        assert said(caplog, REFUSES) == 1


class TestEnding:
    """``listening`` holds every end to a second and to a cancelled task; here, each phase."""

    async def test_end_of_a_connection_is_said_to_the_market(
        self, market: SkinsbackSandbox
    ) -> None:
        async with listening_to(market) as listener:
            await until(lambda: listener.events.up)
        await until(lambda: market.sockets.close_codes)
        assert market.sockets.close_codes == [1000]

    async def test_end_before_the_market_has_answered(self, market: SkinsbackSandbox) -> None:
        market.sockets.greeting = Greeting.SILENCE
        async with listening_to(market, replace(FAST, auth_s=60)):
            await until(lambda: market.sockets.greeted == 1)
        await until(lambda: market.sockets.close_codes)
        assert market.sockets.close_codes == [1000]

    async def test_end_while_connecting(self) -> None:
        arrived = asyncio.Event()

        async def hang(reader: StreamReader, writer: StreamWriter) -> None:
            arrived.set()
            with suppress(ConnectionError):
                while await reader.read(1024):
                    pass
            writer.close()

        async with bare_server(hang) as url, listening(url, replace(FAST, connect_s=60)):
            await arrived.wait()

    async def test_market_that_never_takes_the_call_is_left(self) -> None:
        calls = 0

        async def hang(reader: StreamReader, writer: StreamWriter) -> None:
            nonlocal calls
            calls += 1
            with suppress(ConnectionError):
                while await reader.read(1024):
                    pass
            writer.close()

        async with bare_server(hang) as url, listening(url, replace(FAST, connect_s=0.05)):
            await until(lambda: calls >= 3)

    async def test_end_in_the_pause_after_a_refusal(self, market: SkinsbackSandbox) -> None:
        market.sockets.greeting = Greeting.REFUSE
        async with listening_to(market, replace(FAST, refused_s=60)):
            await until(lambda: market.sockets.greeted == 1)
            await asyncio.sleep(0.05)
