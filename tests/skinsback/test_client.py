"""The client against a real server: what each fault of the line means, and how often it was hit."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.domain.market import Answered, BuyOutcome, NotSent, Order, PriceRow, RefusedWhole, Unknown
from bot.domain.money import Micros
from bot.errors import MarketRefusedError, MarketUnavailableError
from bot.sandbox.skinsback import Fault, ListLookup, Profile, SkinsbackSandbox
from bot.skinsback import client as client_module
from bot.skinsback.client import SkinsbackClient
from bot.skinsback.limiter import CallClass, Limiter, Token
from bot.skinsback.protocol import PurchaseList

SECRET = "s3cr3t-of-the-merchant"
TOKEN = "Tok-en_1"
PARTNER = 90382795
REDLINE = "AK-47 | Redline (Field-Tested)"
CEILING = Micros(100_000_000)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture(autouse=True)
def _nothing_leaks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    for record in caplog.get_records("call"):
        text = f"{record.getMessage()} {record.exc_text} {record.exc_info} {record.__dict__}"
        assert SECRET not in text
        assert TOKEN not in text


@pytest.fixture
async def market() -> AsyncIterator[SkinsbackSandbox]:
    async with SkinsbackSandbox(client_secret=SECRET, size=0) as market:
        yield market


def client_for(url: str, *, timeout_s: float = 0.3) -> SkinsbackClient:
    return SkinsbackClient(
        url=url,
        client_id="1001",
        client_secret=SECRET,
        buy_timeout_s=timeout_s,
        call_timeout_s=timeout_s,
        pricelist_timeout_s=5,
        connect_timeout_s=timeout_s / 2,
        limiter=Limiter(window_s=0.05),
    )


@pytest.fixture
async def client(market: SkinsbackSandbox) -> AsyncIterator[SkinsbackClient]:
    async with client_for(market.environment()["SKINSBACK_API_URL"]) as client:
        yield client


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[tuple[SkinsbackClient, list[web.Request]]]:
    """Serve every path with ``handler``; yield a client of it and the hits."""
    hits: list[web.Request] = []

    async def counted(request: web.Request) -> web.StreamResponse:
        hits.append(request)
        await request.read()
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", counted)
    async with TestServer(app) as server, client_for(str(server.make_url("/api.php"))) as client:
        yield client, hits


def order(market: SkinsbackSandbox, key: str = "k1", place: int = 0) -> Order:
    return Order(market.listings(REDLINE)[place].listing_id, CEILING, key)


async def buy(client: SkinsbackClient, *orders: Order) -> BuyOutcome:
    return await client.buy(PARTNER, TOKEN, orders or [Order(1, CEILING, "k1")])


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        assert isinstance(port, int)
        return port


# Buying


async def test_batch_is_bought_in_one_call(
    client: SkinsbackClient, market: SkinsbackSandbox
) -> None:
    first, second = order(market), order(market, "k2", 1)
    outcome = await buy(client, first, second)
    assert isinstance(outcome, Answered)
    assert {p.purchase_key: p.listing_id for p in outcome.purchased} == {
        "k1": first.listing_id,
        "k2": second.listing_id,
    }
    assert {p.steam_id for p in outcome.purchased} == {76561197960265728 + PARTNER}
    [call] = market.batch_calls
    assert call.parameters["partner"] == str(PARTNER)
    assert call.headers["X-CLIENT-ID"] == "1001"


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize(
    "fault", [Fault.HANG, Fault.DROP, Fault.CUT_BODY, Fault.HTML_502, Fault.REDIRECT]
)
async def test_fault_of_the_line_is_unknown_and_the_buy_is_sent_once(
    client: SkinsbackClient, market: SkinsbackSandbox, fault: Fault, carried_out: bool
) -> None:
    market.break_next("market_batch_buy", fault, carried_out=carried_out)
    outcome = await buy(client, order(market))
    assert isinstance(outcome, Unknown)
    assert len(market.batch_calls) == 1
    assert len(market.purchases) == carried_out


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_redirect_is_never_followed(code: int) -> None:
    async def elsewhere(_: web.Request) -> web.Response:
        return web.Response(status=code, headers={"Location": "/elsewhere"})

    async with served(elsewhere) as (client, hits):
        assert isinstance(await buy(client), Unknown)
        with pytest.raises(MarketUnavailableError):
            await client.balance()
        assert [hit.path for hit in hits] == ["/api.php", "/api.php"]


async def test_each_buy_has_a_connection_of_its_own() -> None:
    peers = []

    async def remember(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.append(request.transport.get_extra_info("peername"))
        return web.json_response({"status": "success", "purchased": [], "unavailable": []})

    async with served(remember) as (client, hits):
        for _ in range(3):
            assert await buy(client) == Answered((), {})
        assert len(set(peers)) == len(hits) == 3
        assert {hit.headers.get("Connection") for hit in hits} == {"close"}


async def test_kept_alive_connection_that_the_market_drops_is_not_tried_again() -> None:
    async def drop_second(request: web.Request) -> web.Response:
        if len(hits) > 1 and request.transport is not None:
            request.transport.abort()
        return web.json_response({"status": "success", "balance": 1})

    async with served(drop_second) as (client, hits):
        assert await client.balance() == 1_000_000
        with pytest.raises(MarketUnavailableError):
            await client.balance()
        assert len(hits) == 2


async def test_refused_connection_is_not_sent() -> None:
    async with client_for(f"http://127.0.0.1:{unused_port()}/api.php") as client:
        assert await buy(client) == NotSent("no connection: ClientConnectorError")
        with pytest.raises(MarketUnavailableError):
            await client.balance()


async def test_unknown_host_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_such_host(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", no_such_host)
    async with client_for("http://market.invalid/api.php") as client:
        assert isinstance(await buy(client), NotSent)


async def test_failed_tls_is_not_sent(market: SkinsbackSandbox) -> None:
    url = market.environment()["SKINSBACK_API_URL"].replace("http:", "https:")
    async with client_for(url, timeout_s=2) as client:
        assert isinstance(await buy(client, order(market)), NotSent)
    assert market.batch_calls == []


async def test_connection_that_nobody_accepts_is_not_sent() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        crowd = [socket.socket() for _ in range(4)]  # fills the queue of the kernel
        for each in crowd:
            each.setblocking(False)
            each.connect_ex(address)
        try:
            async with client_for(f"http://127.0.0.1:{address[1]}/api.php") as client:
                outcome = await buy(client)
        finally:
            for each in crowd:
                each.close()
    assert outcome == NotSent("no connection: ConnectionTimeoutError")


async def test_connection_dropped_before_the_request_is_read_is_unknown() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with client_for(f"http://127.0.0.1:{port}/api.php") as client:
            assert isinstance(await buy(client), Unknown)


async def test_answer_that_is_not_http_is_unknown() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with client_for(f"http://127.0.0.1:{port}/api.php") as client:
            assert isinstance(await buy(client), Unknown)


async def test_answer_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_BUY_BYTES", 1000)
    monkeypatch.setattr(client_module, "_PRICELIST_BYTES", 1000)

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 600)

    async with served(endless) as (client, _):
        outcome = await buy(client)
        assert isinstance(outcome, Unknown)
        assert "TooLarge" in outcome.reason
        with pytest.raises(MarketUnavailableError, match="TooLarge"):
            await prices_of(client)


async def test_unexpected_exception_of_the_library_is_unknown(
    client: SkinsbackClient, market: SkinsbackSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def explode(*_: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(client, "_post", explode)
    assert await buy(client, order(market)) == Unknown("no whole answer: RuntimeError")


async def test_cancelled_buy_propagates_and_may_be_carried_out(
    client: SkinsbackClient, market: SkinsbackSandbox
) -> None:
    arrived = asyncio.Event()
    market.before_next_buy(arrived.set)
    market.break_next("market_batch_buy", Fault.HANG)
    task = asyncio.create_task(buy(client, order(market)))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(market.batch_calls) == 1
    await asyncio.sleep(0)
    assert len(market.purchases) == 1


async def test_orders_that_must_never_be_sent_are_not(
    client: SkinsbackClient, market: SkinsbackSandbox
) -> None:
    with pytest.raises(ValueError, match="twice"):
        await buy(client, order(market), order(market))
    assert market.batch_calls == []


@pytest.mark.parametrize("code", [8, 9, 10, -4, -6, -7, -8, -9, -10])
async def test_refused_call_is_refused_as_a_whole(
    client: SkinsbackClient, market: SkinsbackSandbox, code: int
) -> None:
    market.refuse("market_batch_buy", code)
    outcome = await buy(client, order(market))
    assert isinstance(outcome, RefusedWhole)
    assert outcome.refusal.code == code


async def test_wrong_secret_is_refused_and_nowhere_repeated(
    client: SkinsbackClient, market: SkinsbackSandbox
) -> None:
    market._client_secret = "another"
    outcome = await buy(client, order(market))
    assert isinstance(outcome, RefusedWhole)
    assert outcome.refusal.code == -10


# Safe calls


async def test_search_finds_the_name_and_nothing_around_it(client: SkinsbackClient) -> None:
    found = await client.search("cs2", [REDLINE])
    assert {listing.market_hash_name for listing in found} == {REDLINE}
    assert len(found) > 1


async def test_price_list_balance_and_status(
    client: SkinsbackClient, market: SkinsbackSandbox
) -> None:
    rows = await prices_of(client)
    assert rows[REDLINE].price == 12_400_000
    assert rows[REDLINE].stock == len(market.listings(REDLINE))
    assert await client.balance() == 1_000_000_000
    assert (await client.status()).available


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DROP, Fault.CUT_BODY, Fault.HTML_502])
async def test_safe_call_is_not_repeated_and_its_error_holds_no_secret(
    client: SkinsbackClient, market: SkinsbackSandbox, fault: Fault
) -> None:
    market.break_next("balance", fault)
    with pytest.raises(MarketUnavailableError) as caught:
        await client.balance()
    assert len(market.calls) == 1
    assert SECRET not in repr(caught.value)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.CUT_BODY, Fault.HTML_502, Fault.REDIRECT])
async def test_price_list_that_breaks_off_is_not_repeated_and_its_error_holds_no_secret(
    client: SkinsbackClient, market: SkinsbackSandbox, fault: Fault
) -> None:
    market.break_next("market_pricelist", fault)
    with pytest.raises(MarketUnavailableError) as caught:
        await prices_of(client)
    assert len(market.calls) == 1
    assert SECRET not in repr(caught.value)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


async def test_refused_price_list_raises_its_code_and_backs_off_from_a_limit(
    market: SkinsbackSandbox,
) -> None:
    async with client_for(market.environment()["SKINSBACK_API_URL"]) as client:
        client._limiter = Watched(window_s=0.05)
        market.refuse("market_pricelist", -7)
        with pytest.raises(MarketRefusedError) as caught:
            await prices_of(client)
        assert caught.value.code == -7
        assert client._limiter._queue.closed_until > time.monotonic_ns()


def a_list(count: int) -> bytes:
    rows = [{"name": f"n{n}", "price": n + 1, "count": 1, "classid": "7"} for n in range(count)]
    return json.dumps({"status": "success", "items": rows}).encode()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)],
)
async def test_price_list_is_unpacked_a_little_at_a_time(
    encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    async def packed(_: web.Request) -> web.Response:
        return web.Response(body=pack(a_list(2_000)), headers={"Content-Encoding": encoding})

    async with served(packed) as (client, _):
        async with aclosing(client.pricelist("cs2")) as portions:
            sizes = [len(portion) async for portion in portions]
        assert sum(sizes) == 2_000
        assert max(sizes) < 50


@pytest.mark.parametrize(
    "filling",
    [b" " * 500_000, b'{"name":"x","price":"?"},' * 20_000],
    ids=["nothing", "rows that can't be read"],
)
async def test_whoever_reads_a_price_list_has_a_turn_also_where_there_are_no_rows(
    filling: bytes,
) -> None:
    body = a_list(1).replace(b"[", b"[" + filling, 1)

    async def packed(_: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})

    async with served(packed) as (client, _), aclosing(client.pricelist("cs2")) as portions:
        sizes = [len(portion) async for portion in portions]
    assert sum(sizes) == 1
    assert len(sizes) > len(filling) / 2_000


@pytest.mark.parametrize(
    "body",
    [gzip.compress(a_list(50))[:-60], b"no gzip", gzip.compress(b"")],
    ids=["cut off", "not packed", "nothing"],
)
async def test_price_list_that_is_packed_badly_is_no_answer(body: bytes) -> None:
    async def packed(_: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    async with served(packed) as (client, _):
        with pytest.raises(MarketUnavailableError):
            await prices_of(client)


async def test_price_list_that_grows_when_it_is_unpacked_or_is_packed_unasked_is_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "_PRICELIST_BYTES", 100_000)
    headers = {"Content-Encoding": "gzip"}

    async def packed(_: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(b" " * 10**6), headers=headers)

    async with served(packed) as (client, _):
        with pytest.raises(MarketUnavailableError, match="TooLarge"):
            await prices_of(client)
        headers["Content-Encoding"] = "br"
        with pytest.raises(MarketUnavailableError, match="Payload"):
            await prices_of(client)


async def test_refused_safe_call_raises_its_code(
    client: SkinsbackClient, market: SkinsbackSandbox
) -> None:
    market.refuse("market_search", -9)
    with pytest.raises(MarketRefusedError) as caught:
        await client.search("cs2", [REDLINE])
    assert caught.value.code == -9


async def test_purchases_are_found_by_key_by_id_and_in_the_history(
    client: SkinsbackClient, market: SkinsbackSandbox
) -> None:
    await buy(client, order(market), order(market, "k2", 1))
    by_key = await client.getinfo_by_keys(["k1", "k2", "k3"])
    assert [purchase.purchase_key for purchase in by_key.purchases] == ["k1", "k2"]
    ids = [purchase.buy_id for purchase in by_key.purchases]
    assert await client.getinfo_by_buy_ids(ids) == by_key
    page = await client.history(0, 2**32)
    assert page.found == by_key
    assert not page.has_more


async def test_history_is_read_in_pages(client: SkinsbackClient, market: SkinsbackSandbox) -> None:
    market._history_page = 2
    for place in range(3):
        await buy(client, order(market, f"k{place}"))
    first = await client.history(0, 2**32)
    second = await client.history(0, 2**32, first.cursor)
    assert (first.has_more, second.has_more) == (True, False)
    found = first.found.purchases + second.found.purchases
    assert [purchase.purchase_key for purchase in found] == ["k0", "k1", "k2"]


async def test_key_asked_for_alone_is_answered_whatever_the_market_does(
    client: SkinsbackClient, market: SkinsbackSandbox
) -> None:
    await buy(client, order(market))
    for lookup in ListLookup:
        market.profile = Profile(list_lookup=lookup)
        assert await client.getinfo_by_keys(["nobody"]) == PurchaseList((), 0)
        [found] = (await client.getinfo_by_keys(["k1"])).purchases
        assert found.purchase_key == "k1"


async def test_not_found_for_several_keys_stays_a_refusal(
    client: SkinsbackClient, market: SkinsbackSandbox
) -> None:
    market.profile = Profile(list_lookup=ListLookup.ERROR_FOR_ONE)
    with pytest.raises(MarketRefusedError):
        await client.getinfo_by_keys(["k1", "k2"])


@pytest.mark.parametrize(
    ("header", "moment"),
    [
        ("Sun, 22 Nov 2026 21:40:00 GMT", datetime(2026, 11, 22, 21, 40, tzinfo=UTC)),
        ("Sun, 22 Nov 2026 21:40:00 -0000", datetime(2026, 11, 22, 21, 40, tzinfo=UTC)),
        ("soon", None),
    ],
)
async def test_clock_of_the_market_is_its_date_header(header: str, moment: datetime | None) -> None:
    async def dated(_: web.Request) -> web.Response:
        return web.json_response({"status": "success", "balance": 1}, headers={"Date": header})

    async with served(dated) as (client, _):
        assert client.server_date is None
        await client.balance()
        assert client.server_date == moment


async def test_client_shows_the_headers_of_every_answer_in_the_moment_it_comes() -> None:
    async def cut(_: web.Request) -> web.StreamResponse:
        return web.Response(text="no json", headers={"X-Seen": "yes"})

    seen: list[str | None] = []
    async with served(cut) as (client, _):
        client.on_answer = lambda headers: seen.append(headers.get("X-Seen"))
        with pytest.raises(MarketUnavailableError):
            await client.status()
        await buy(client)
    assert seen == ["yes", "yes"]


async def test_answer_from_a_store_on_the_way_tells_no_time() -> None:
    async def stored(_: web.Request) -> web.Response:
        return web.json_response(
            {"status": "success", "balance": 1},
            headers={"Date": "Sun, 22 Nov 2026 21:40:00 GMT", "Age": "7"},
        )

    async with served(stored) as (client, _):
        await client.balance()
        assert client.server_date is None


# The limiter


async def prices_of(client: SkinsbackClient) -> dict[str, PriceRow]:
    """Read a whole price list."""
    return {row.market_hash_name: row async for rows in client.pricelist("cs2") for row in rows}


def calls_of(client: SkinsbackClient) -> dict[CallClass, list[Awaitable[object]]]:
    """Return one call of every kind, by the class it waits in."""
    return {
        CallClass.BUY: [buy(client), client.search("cs2", [REDLINE]), client.reserve_buy()],
        CallClass.LOOK_UP: [
            client.getinfo_by_keys(["k1"]),
            client.getinfo_by_buy_ids([1]),
            client.history(1, 2),
        ],
        CallClass.STATUS: [client.balance(), client.status()],
        CallClass.CATALOGUE: [prices_of(client)],
    }


class Watched(Limiter):
    """A limiter that remembers what was asked for."""

    def __init__(self, **options: float) -> None:
        super().__init__(window_s=options.get("window_s", 0.05))
        self.asked: list[CallClass] = []

    async def reserve(self, call_class: CallClass) -> Token:
        """Wait, and remember it."""
        self.asked.append(call_class)
        return await super().reserve(call_class)


async def test_every_call_waits_in_its_class(market: SkinsbackSandbox) -> None:
    async with client_for(market.environment()["SKINSBACK_API_URL"]) as client:
        for call_class, calls in calls_of(client).items():
            client._limiter = limiter = Watched()
            for call in calls:
                await call
            assert limiter.asked == [call_class] * len(calls)
        client._limiter = limiter = Watched()
        await client.balance(for_=CallClass.BUY)
        await client.search("cs2", [REDLINE], for_=CallClass.STATUS)
        assert limiter.asked == [CallClass.BUY, CallClass.STATUS]


async def test_purchase_with_a_reserved_token_is_sent_at_once_and_one_without_waits(
    market: SkinsbackSandbox,
) -> None:
    async with client_for(market.environment()["SKINSBACK_API_URL"]) as client:
        client._limiter = limiter = Watched()
        reserved = await client.reserve_buy()
        first, second, third = (order(market, f"k{place}", place) for place in range(3))
        await client.buy(PARTNER, TOKEN, [first], reserved=reserved)
        assert limiter.asked == [CallClass.BUY]
        await client.buy(PARTNER, TOKEN, [second], reserved=reserved)
        assert limiter.asked == [CallClass.BUY] * 2
        await client.buy(PARTNER, TOKEN, [third])
        assert limiter.asked == [CallClass.BUY] * 3
        assert len(market.batch_calls) == 3


async def test_refusal_for_the_limit_holds_up_every_call_of_the_project(
    market: SkinsbackSandbox,
) -> None:
    async with client_for(market.environment()["SKINSBACK_API_URL"]) as client:
        for method in ("balance", "market_batch_buy"):
            client._limiter = Watched(window_s=0.2)
            await client.status()
            market.refuse(method, -7)
            if method == "balance":
                with pytest.raises(MarketRefusedError):
                    await client.balance()
            else:
                assert isinstance(await buy(client), RefusedWhole)
            refused, loop = len(market.calls), asyncio.get_running_loop()
            began = loop.time()
            waiting = [
                asyncio.ensure_future(call) for calls in calls_of(client).values() for call in calls
            ]
            await asyncio.sleep(0.1)
            assert len(market.calls) == refused
            await asyncio.gather(*waiting)
            assert loop.time() - began >= 0.19


async def test_market_never_sees_more_than_the_limit_in_any_window_over_kills_and_new_starts() -> (
    None
):
    """Hundreds of calls of all classes, and a crash loop among them; a minute is three seconds."""
    burst, refill, window_s = 60, 60, 3.0
    async with SkinsbackSandbox(
        client_secret=SECRET, size=0, clock=time.monotonic, calls_per_minute=10**6
    ) as market:
        url = market.environment()["SKINSBACK_API_URL"]
        for life_s in (3.0, *[0.3] * 8, 2.0):
            limiter = Limiter(burst=burst, refill=refill, window_s=window_s)
            async with client_for(url, timeout_s=30) as client:
                client._limiter = limiter
                await asyncio.sleep(life_s * 2 / 3)
                flood = [
                    asyncio.ensure_future(call)
                    for _ in range(12)
                    for calls in calls_of(client).values()
                    for call in calls
                ]
                await asyncio.sleep(life_s / 3)
                for call in flood:
                    call.cancel()
                await asyncio.gather(*flood, return_exceptions=True)
        seen = [call.at for call in market.calls]
    # Less than a window, because on a busy machine calls are late on the way and come in a bunch.
    counts = [sum(start <= at <= start + 0.8 * window_s for at in seen) for start in seen]
    assert max(counts) <= burst + refill
    assert len(seen) >= burst
    assert len({call.method for call in market.calls}) == 7


async def test_client_outside_of_its_context_is_a_programming_error() -> None:
    with pytest.raises(RuntimeError):
        await client_for("http://127.0.0.1/api.php").balance()
