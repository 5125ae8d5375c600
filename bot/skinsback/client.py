"""The market over HTTP.

Every call waits for its turn at the project's limiter. ``buy`` is sent at most once, on a
connection of its own, and always comes back with an outcome. All other calls change nothing at the
market; whether one is repeated, its caller decides.

No log line and no exception of this module holds a secret: the ``repr`` of aiohttp's exceptions
carries request headers, so only the names of their types go on.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Final, Self, TypeVar

import aiohttp

from bot.domain.market import (
    BuyOutcome,
    Listing,
    NotSent,
    Order,
    PriceRow,
    RefusedWhole,
    Unknown,
)
from bot.domain.money import Micros
from bot.errors import MarketRefusedError, MarketUnavailableError
from bot.skinsback import protocol
from bot.skinsback.dates import date_of
from bot.skinsback.limiter import CallClass, Limiter, Token
from bot.skinsback.pricelist import PriceListReader
from bot.skinsback.protocol import Answer, HistoryPage, Json, MarketStatus, PurchaseList
from bot.skinsback.refusals import RefusalKind, rule_for

log = logging.getLogger(__name__)

_MIB: Final = 1024 * 1024
_BUY_BYTES: Final = 8 * _MIB  # 25 lines are a few kilobytes
_CALL_BYTES: Final = 64 * _MIB  # a thousand purchases, or all listings of a common name
_PRICELIST_BYTES: Final = 256 * _MIB
_CHUNK: Final = 64 * 1024
_SLICE: Final = 1024
"""So much of a price list is read at once: about ten rows, a fraction of a millisecond."""

_PACKED: Final = {
    "gzip": zlib.MAX_WBITS | 16,
    "deflate": zlib.MAX_WBITS,
    "": None,
    "identity": None,
}
"""How an answer may be packed, and what zlib calls that."""

_LONG: Final = 256 * 1024
"""Reading a longer answer would hold up every click, so it is done in a thread."""

T = TypeVar("T")


class _TooLargeError(Exception):
    """An answer is larger than we are willing to hold."""


class SkinsbackClient:
    """One merchant project at the market.

    ``url`` is the whole address of ``api.php``. Timeouts are seconds: the total of a buy, of any
    other call, of a price list, and of connecting; the time in the ``limiter`` comes before them.
    All clients of one project share one limiter. Use it as an async context manager.
    """

    def __init__(
        self,
        *,
        url: str,
        client_id: str,
        client_secret: str,
        buy_timeout_s: float = 60,
        call_timeout_s: float = 30,
        pricelist_timeout_s: float = 180,
        connect_timeout_s: float = 10,
        limiter: Limiter | None = None,
    ) -> None:
        self._url = url
        self._limiter = limiter or Limiter()
        self._headers = protocol.auth_headers(client_id, client_secret)
        self._buy_timeout = aiohttp.ClientTimeout(
            total=buy_timeout_s, sock_connect=connect_timeout_s
        )
        self._call_timeout = aiohttp.ClientTimeout(
            total=call_timeout_s, sock_connect=connect_timeout_s
        )
        self._pricelist_timeout = aiohttp.ClientTimeout(
            total=pricelist_timeout_s, sock_connect=connect_timeout_s
        )
        self._session: aiohttp.ClientSession | None = None
        self._server_date: datetime | None = None
        self.on_answer: Callable[[Mapping[str, str]], None] = lambda _headers: None
        """Called with the headers of every answer, in the moment in which they come."""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def server_date(self) -> datetime | None:
        """The market's clock as its last answer told it, or ``None`` if that named no date."""
        return self._server_date

    async def reserve_buy(self) -> Token:
        """Wait for the right to make one purchase call, so that ``buy`` need not wait.

        It is good for a minute. One that is not used is lost, and no harm is done.
        """
        return await self._limiter.reserve(CallClass.BUY)

    async def buy(
        self,
        partner: int,
        token: str,
        orders: Sequence[Order],
        *,
        reserved: Token | None = None,
    ) -> BuyOutcome:
        """Send one market_batch_buy for the Steam account ``partner``, exactly once.

        Without ``reserved`` (see ``reserve_buy``), or with one that is too old, it waits for its
        turn first. Every outcome is returned; an exception is a ``ValueError`` for orders that must
        never be sent, before anything is sent, or the cancellation of the task. A cancelled call
        may have bought everything.
        """
        body = protocol.batch_buy_body(partner, token, orders)
        if reserved is None or not self._limiter.use(reserved):
            await self._limiter.take(CallClass.BUY)
        try:
            # A connection of its own: on a kept-alive one, "closed by the market" can't be told
            # apart from "carried out and then closed".
            async with aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
            ) as session:
                answer = await self._post(session, body, self._buy_timeout, _BUY_BYTES)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            outcome: BuyOutcome = NotSent(f"no connection: {type(error).__name__}")
        except Exception as error:  # noqa: BLE001 - whatever went wrong, it may have been bought
            outcome = Unknown(f"no whole answer: {type(error).__name__}")
        else:
            outcome = protocol.parse_batch_buy(answer)
        if isinstance(outcome, RefusedWhole):
            self._heed(outcome.refusal.code)
        if isinstance(outcome, NotSent | Unknown):
            log.warning(
                "A batch of %d lines: %s, %s", len(orders), type(outcome).__name__, outcome.reason
            )
        return outcome

    async def search(
        self, game: str, names: Sequence[str], *, for_: CallClass = CallClass.BUY
    ) -> list[Listing]:
        """Return the listings that stand under exactly these names.

        ``for_`` is what it is asked for, where that is not the usual, here and below: it decides
        whom the limiter serves first. Raises ``MarketRefusedError`` and ``MarketUnavailableError``,
        as all calls below do.
        """
        return await self._call(
            "market_search",
            {"game": game, "names": list(names)},
            lambda answer: protocol.parse_search(answer, names),
            for_=for_,
        )

    async def pricelist(self, game: str) -> AsyncGenerator[list[PriceRow]]:
        """Return the rows of the grouped price list of ``game``, some or none at a time, as they
        arrive.

        Not one of them may be believed before the last one was returned without an error; a name
        may stand twice. Whoever takes their time holds the market's answer up, and not the memory.
        Close it (``contextlib.aclosing``) if it isn't read to its end.
        """
        session, body = self._opened(), protocol.request_body("market_pricelist", {"game": game})
        await self._limiter.take(CallClass.CATALOGUE)
        try:
            # Unpacked by ourselves, so that no single piece becomes a megabyte at once.
            async with session.post(
                self._url,
                data=body,
                headers={**self._headers, "Accept-Encoding": "gzip, deflate"},
                timeout=self._pricelist_timeout,
                allow_redirects=False,
                auto_decompress=False,
            ) as response:
                self._note(response)
                reader = PriceListReader(response.status, response.content_type)
                async with aclosing(_unpacked(response)) as pieces:
                    async for piece in pieces:
                        # Without rows too: whatever is read, its reader can give way to others.
                        yield reader.feed(piece)
        except (aiohttp.ClientError, TimeoutError, OSError, zlib.error, _TooLargeError) as error:
            failure = type(error).__name__.removeprefix("_")
        else:
            self._end(reader, game)
            return
        log.info("market_pricelist got no whole answer: %s", failure)
        raise MarketUnavailableError(f"market_pricelist: {failure}")

    def _end(self, reader: PriceListReader, game: str) -> None:
        try:
            reader.close()
        except MarketRefusedError as refused:
            self._heed(refused.code)
            raise
        if reader.unreadable:
            log.warning("%d rows of the price list of %s can't be read.", reader.unreadable, game)

    async def balance(self, *, for_: CallClass = CallClass.STATUS) -> Micros:
        """Return the project's balance."""
        return await self._call("balance", {}, protocol.parse_balance, for_=for_)

    async def status(self) -> MarketStatus:
        """Return whether the market is open."""
        return await self._call("status", {}, protocol.parse_status, for_=CallClass.STATUS)

    async def getinfo_by_keys(self, keys: Sequence[str]) -> PurchaseList:
        """Look purchases up by their keys.

        A key that is missing from the answer is no proof unless it was asked for alone; then "not
        found" is an empty answer here. For several keys it stays ``MarketRefusedError``. Some
        answers don't name the keys: only with a single key asked for is it known whose they are.
        """
        found = await self._getinfo("custom_ids", list(keys))
        if len(keys) == 1 and len(found.purchases) == 1 and not found.purchases[0].purchase_key:
            named = replace(found.purchases[0], purchase_key=keys[0])
            return PurchaseList((named,), found.unreadable)
        return found

    async def getinfo_by_buy_ids(self, buy_ids: Sequence[int]) -> PurchaseList:
        """Look purchases up by the market's own ids; see ``getinfo_by_keys``."""
        return await self._getinfo("buy_ids", list(buy_ids))

    async def history(self, starting: int, ending: int, cursor: str | None = None) -> HistoryPage:
        """Return a page of the purchases between two moments (unix seconds, the market's clock)."""
        parameters: dict[str, Json] = {"starting": starting, "ending": ending}
        if cursor is not None:
            parameters["start_from"] = cursor
        return await self._call(
            "market_history", parameters, protocol.parse_history, for_=CallClass.LOOK_UP
        )

    async def whole_history(self, starting: int, ending: int) -> AsyncGenerator[PurchaseList]:
        """Return all pages of the purchases between two moments, as ``history`` does."""
        cursor: str | None = None
        while True:
            page = await self.history(starting, ending, cursor)
            yield page.found
            if not page.has_more:
                return
            if page.cursor is None or page.cursor == cursor:
                raise MarketUnavailableError("market_history: more is promised and not named")
            cursor = page.cursor

    async def _getinfo(self, parameter: str, ids: list[Json]) -> PurchaseList:
        try:
            return await self._call(
                "market_getinfo", {parameter: ids}, protocol.parse_purchases, for_=CallClass.LOOK_UP
            )
        except MarketRefusedError as refused:
            if len(ids) == 1 and refused.code == protocol.NOT_FOUND:
                return PurchaseList((), 0)
            raise

    async def _call(
        self,
        method: str,
        parameters: dict[str, Json],
        parse: Callable[[Answer], T],
        *,
        for_: CallClass,
    ) -> T:
        """Make one safe call. Raises ``MarketUnavailableError`` when there is no whole answer."""
        session, body = self._opened(), protocol.request_body(method, parameters)
        await self._limiter.take(for_)
        try:
            answer = await self._post(session, body, self._call_timeout, _CALL_BYTES)
        except (aiohttp.ClientError, TimeoutError, OSError, _TooLargeError) as error:
            failure = type(error).__name__.removeprefix("_")
        else:
            return await self._read(answer, parse)
        # Outside of the handler, so that no exception with the request in it hangs on ours.
        log.info("%s got no whole answer: %s", method, failure)
        raise MarketUnavailableError(f"{method}: {failure}")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the client is used outside of its context")
        return self._session

    def _note(self, response: aiohttp.ClientResponse) -> None:
        self._server_date = date_of(response.headers)
        self.on_answer(response.headers)

    async def _read(self, answer: Answer, parse: Callable[[Answer], T]) -> T:
        try:
            if len(answer.body) > _LONG:
                return await asyncio.to_thread(parse, answer)
            return parse(answer)
        except MarketRefusedError as refused:
            self._heed(refused.code)
            raise

    def _heed(self, code: int) -> None:
        """Back off from the market if it says that we call too often, all of us."""
        if rule_for(code).kind is RefusalKind.RATE_LIMITED:
            pause_s = self._limiter.back_off()
            log.warning("The market says that we call too often: no call for %.0f s.", pause_s)

    async def _post(
        self,
        session: aiohttp.ClientSession,
        body: bytes,
        timeout: aiohttp.ClientTimeout,
        limit: int,
    ) -> Answer:
        # aiohttp would repeat the purchase, and hand over the secret, wherever a redirect points.
        async with session.post(
            self._url, data=body, headers=self._headers, timeout=timeout, allow_redirects=False
        ) as response:
            self._note(response)
            received = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK):
                received += chunk
                if len(received) > limit:
                    raise _TooLargeError
            return Answer(response.status, response.content_type, bytes(received))


async def _unpacked(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
    """Return the body as it arrives, in small pieces, unpacked.

    Raises ``_TooLargeError``, ``zlib.error``, and ``aiohttp.ClientPayloadError`` for a packing that
    nobody asked for.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in _PACKED:
        raise aiohttp.ClientPayloadError("packed in a way that wasn't asked for")
    wbits = _PACKED[encoding]
    unpacker = None if wbits is None else zlib.decompressobj(wbits)
    received = 0
    async for chunk in response.content.iter_chunked(_SLICE):
        for piece in (chunk,) if unpacker is None else _unpack(unpacker, chunk):
            received += len(piece)
            if received > _PRICELIST_BYTES:
                raise _TooLargeError
            yield piece


def _unpack(unpacker: zlib._Decompress, chunk: bytes) -> Iterator[bytes]:
    """Return what is in a chunk, a slice at a time, however much it is."""
    while True:
        piece = unpacker.decompress(chunk, _SLICE)
        chunk = unpacker.unconsumed_tail
        yield piece
        if not chunk and len(piece) < _SLICE:
            return
