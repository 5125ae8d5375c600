"""The market's protocol without any I/O: build the body of a request, parse an answer.

Numbers come from the market as JSON numbers or as strings and are exact decimals here; no binary
float is ever on the way. What is not understood is never guessed at: a buy becomes ``Unknown``, a
safe call raises. Texts of the market are cleaned and cut as soon as they are read.

Source: SkinsBack API documentation and the example answer of market_batch_buy.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar

from bot.domain.market import (
    Answered,
    BuyOutcome,
    Hint,
    Listing,
    Order,
    PriceRow,
    Purchase,
    Refusal,
    RefusedWhole,
    Unknown,
)
from bot.domain.money import CENT, Micros, from_decimal, to_decimal
from bot.errors import MarketRefusedError, MarketUnavailableError
from bot.skinsback.refusals import Scope, rule_for

Json = None | bool | int | str | Decimal | Sequence["Json"] | Mapping[str, "Json"]
"""What ``encode`` can write. There is no ``float`` in it on purpose."""

BATCH_MAX: Final = 25
"""Lines in one call, by our own limit: the vendor names none."""

NOT_FOUND: Final = 2
"""``error_code`` of market_getinfo for a purchase that it doesn't know."""

_TEXT_MAX: Final = 200
_EVENT_MAX: Final = 64 * 1024  # characters; an event has a few hundred
_ACCOUNT_ID_MAX: Final = 2**32 - 1
_ID_MAX: Final = 2**63 - 1  # what a column of the database holds
_MONEY_MAX: Final = Decimal(10**9)
_DIGITS_MAX: Final = 24  # before the point; keeps 1e999999 from being written out
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,23})(?:\.[0-9]{1,24})?(?:[eE][+-]?[0-9]{1,2})?")
# Control characters, line breaks, bidirectional overrides, and halves of surrogate pairs, which
# nothing can store.
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")

T = TypeVar("T")


class _MalformedError(ValueError):
    """Something in an answer is not what the protocol says. Its text is ours."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP."""

    status: int
    content_type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MarketStatus:
    """Whether the market sells at all; ``reason`` (``site_off``, ``no_bots``) when it doesn't."""

    available: bool
    reason: str


@dataclass(frozen=True, slots=True)
class PurchaseList:
    """Purchases found by a look-up.

    ``unreadable`` counts entries that are there and can't be read: while it isn't zero, a purchase
    that is missing from ``purchases`` may be one of them.
    """

    purchases: tuple[Purchase, ...]
    unreadable: int


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page of market_history. ``cursor`` is what the next page is asked with."""

    found: PurchaseList
    has_more: bool
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """One message of the market's socket: its name, cleaned, and its data as they came."""

    name: str
    data: object = field(repr=False)


# Requests


def encode(value: Json) -> str:
    """Return ``value`` as JSON, with a decimal written out exactly as a JSON number."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(k)}:{encode(v)}" for k, v in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ",".join(encode(v) for v in value) + "]"
    return json.dumps(value)


def auth_headers(client_id: str, client_secret: str) -> dict[str, str]:
    """Return the headers that every call carries. They hold the secret: never log them."""
    return {
        "X-CLIENT-ID": client_id,
        "X-CLIENT-SECRET": client_secret,
        "Content-Type": "application/json",
        "Accept": "application/json",
    }


def socket_parameters(client_id: str, client_secret: str) -> dict[str, str]:
    """Return what stands in the query of the socket's address. As good as the secret: see above."""
    signature = hashlib.md5(f"{client_id}{client_secret}".encode(), usedforsecurity=False)
    return {"shopid": client_id, "signature": signature.hexdigest()}


def request_body(method: str, parameters: Mapping[str, Json]) -> bytes:
    """Return the body of a call of ``method``."""
    return encode({"method": method, **parameters}).encode()


def batch_buy_body(partner: int, token: str, orders: Sequence[Order]) -> bytes:
    """Return the body that buys ``orders`` for the Steam account ``partner``.

    Raises ``ValueError`` for what must never be sent: no or too many lines, a listing or a purchase
    key twice, a ceiling that is not whole cents above zero. Source: market_batch_buy.
    """
    if not 0 < partner <= _ACCOUNT_ID_MAX:
        raise ValueError("partner is not a Steam account id")
    if not 0 < len(orders) <= BATCH_MAX:
        raise ValueError(f"a batch has 1 to {BATCH_MAX} lines, not {len(orders)}")
    if len({order.listing_id for order in orders}) < len(orders):
        raise ValueError("a listing stands twice in one batch")
    if len({order.purchase_key for order in orders}) < len(orders):
        raise ValueError("a purchase key stands twice in one batch")
    for order in orders:
        if order.listing_id <= 0 or not order.purchase_key:
            raise ValueError("a line needs a listing id and a purchase key")
        if order.max_price <= 0 or order.max_price % CENT:
            raise ValueError("a ceiling is whole cents, at least one")
    items: list[Json] = [
        {
            "id": order.listing_id,
            "max_price": to_decimal(order.max_price),
            "custom_id": order.purchase_key,
        }
        for order in orders
    ]
    return request_body(
        "market_batch_buy", {"partner": str(partner), "token": token, "items": items}
    )


# Answers


def parse_batch_buy(answer: Answer) -> BuyOutcome:
    """Return what an answer of market_batch_buy says. Never raises.

    An entry of ``purchased`` that can't be read is left out, and so is what ``unavailable`` says
    about the same listing: both lines stay unknown until they are looked up.
    """
    if not (200 <= answer.status < 300 or 400 <= answer.status < 500):
        return Unknown(f"HTTP status {answer.status}")
    try:
        document = _document(answer)
    except _MalformedError as problem:
        return Unknown(str(problem))
    match document.get("status"):
        case "success" if answer.status < 300:
            return _batch_answer(document)
        case "error" | "fail":
            return _whole_refusal(document)
    return Unknown(f"no status that we know, HTTP status {answer.status}")


def parse_search(answer: Answer, names: Iterable[str]) -> list[Listing]:
    """Return the listings of exactly these names (the market also finds parts of names).

    A listing with a phase stands under two names, and the longer one is its own; under two that are
    equally long nobody knows which it is, and it is left out. Raises ``MarketRefusedError`` and
    ``MarketUnavailableError``, as all parsers below do.
    """
    asked = set(names)
    found = _items(_successful(answer), _listing)
    named: dict[int, set[str]] = {}
    for listing in found:
        named.setdefault(listing.listing_id, set()).add(listing.market_hash_name)
    own = {listing_id: _longest(several) for listing_id, several in named.items()}
    return [
        listing
        for listing in found
        if listing.market_hash_name in asked and listing.market_hash_name == own[listing.listing_id]
    ]


def _longest(names: set[str]) -> str | None:
    """Return the longest of some names; None if it isn't the only one of its length."""
    longest = max(map(len, names))
    first, *others = (name for name in names if len(name) == longest)
    return None if others else first


def price_row(entry: object) -> PriceRow | None:
    """Return a row of the grouped price list, or None for one that can't be read.

    What costs nothing is no price: nobody gives skins away.
    """
    try:
        fields = _map(entry)
        row = PriceRow(
            _name(fields.get("name")),
            _money(fields.get("price")),
            _whole(fields.get("count")),
            _text(fields.get("classid")),
        )
    except _MalformedError:
        return None
    return row if row.price > 0 else None


def parse_balance(answer: Answer) -> Micros:
    """Return the project's balance, which may be below zero."""
    return _required(_money, _successful(answer).get("balance"), lowest=-_MONEY_MAX)


def parse_status(answer: Answer) -> MarketStatus:
    """Return whether the market is open."""
    document = _successful(answer)
    return MarketStatus(_required(_flag, document.get("available")), _text(document.get("reason")))


def parse_purchases(answer: Answer) -> PurchaseList:
    """Return the purchases of a look-up of several (market_getinfo with a list)."""
    purchases = []
    unreadable = 0
    for entry in _required(_list, _successful(answer).get("items")):
        try:
            purchases.append(_purchase(entry))
        except _MalformedError:
            unreadable += 1
    return PurchaseList(tuple(purchases), unreadable)


def parse_history(answer: Answer) -> HistoryPage:
    """Return one page of market_history."""
    document = _successful(answer)
    cursor = document.get("start_from")
    return HistoryPage(
        parse_purchases(answer),
        _required(_flag, document.get("has_more")),
        None if cursor is None else _text(cursor if isinstance(cursor, str) else str(cursor)),
    )


def read_event(text: str) -> Event | None:
    """Return a message of the socket, or ``None`` for what is none. Never raises."""
    if len(text) > _EVENT_MAX:
        return None
    try:
        message = DECODER.decode(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None
    name = _text(message.get("event")) if isinstance(message, dict) else ""
    return Event(name, message.get("data")) if name else None


def read_hint(data: object) -> Hint | None:
    """Return what an event says about a purchase, or ``None`` if it doesn't say about which one."""
    try:
        fields = _map(data)
        buy_id = _identifier(fields.get("buy_id"))
    except _MalformedError:
        return None
    key = fields.get("custom_id")
    return Hint(
        buy_id=buy_id,
        purchase_key=None if key in (None, "") else _or_none(_key, key),
        offer_status=_or_none(_name, fields.get("offer_status")),
        trade_offer_id=_or_none(_identifier, fields.get("tradeofferid")),
    )


def _document(answer: Answer) -> dict[str, object]:
    """Return the answer's JSON object. Raises ``_MalformedError``."""
    try:
        document: Any = DECODER.decode(answer.body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        kind = "an HTML page" if "html" in answer.content_type else "not JSON"
        raise _MalformedError(f"{kind}, HTTP status {answer.status}") from None
    if not isinstance(document, dict):
        raise _MalformedError("the answer is not a JSON object")
    return document


def _literal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond what a decimal can hold
        return Decimal("NaN")


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object] | None:
    """Return the object, or ``None`` for one that says two things under one name."""
    members = dict(pairs)
    return members if len(members) == len(pairs) else None


DECODER: Final = json.JSONDecoder(
    parse_float=_literal,
    parse_int=_literal,
    parse_constant=_no_constant,
    object_pairs_hook=_object,
)
"""Reads JSON with exact numbers. Raises ``ValueError`` and ``RecursionError``."""


def _batch_answer(document: dict[str, object]) -> BuyOutcome:
    if "purchased" not in document and "unavailable" not in document:
        return Unknown("success without a word about any line")
    try:
        bought = _map(document.get("purchased", []))
    except _MalformedError:
        return Unknown("the map of purchases can't be read")
    try:
        refused = _map(document.get("unavailable", []))
    except _MalformedError:
        refused = {}
    purchases: list[Purchase] = []
    doubtful: set[int] = set()
    for key, entry in bought.items():
        try:
            purchases.append(_batch_purchase(key, entry))
        except _MalformedError:
            hints = _listing_hints(key, entry)
            doubtful |= hints
            if not hints:  # something was bought and nobody can say for which line
                refused = {}
    unavailable = {
        listing_id: refusal
        for listing_id, refusal in _refused_lines(refused)
        if listing_id not in doubtful
    }
    return Answered(tuple(purchases), unavailable)


def _batch_purchase(key: str, entry: object) -> Purchase:
    purchase = _purchase(entry, _identifier(key))
    if purchase.listing_id != _identifier(key):
        raise _MalformedError("a purchase names two listings")
    return purchase


def _listing_hints(key: str, entry: object) -> set[int]:
    """Return the listings that an unreadable purchase may be about."""
    hints = set()
    item = entry.get("item") if isinstance(entry, dict) else None
    for hint in (key, item.get("id") if isinstance(item, dict) else None):
        try:
            hints.add(_identifier(hint))
        except _MalformedError:
            continue
    return hints


def _refused_lines(refused: dict[str, object]) -> Iterable[tuple[int, Refusal]]:
    for key, entry in refused.items():
        try:
            yield _identifier(key), _refusal(entry)
        except _MalformedError:
            continue


def _whole_refusal(document: dict[str, object]) -> BuyOutcome:
    if document.get("purchased", []) not in ([], {}):
        return Unknown("an error that lists purchases")
    try:
        refusal = _refusal(document)
    except _MalformedError:
        return Unknown("an error without a code")
    if rule_for(refusal.code).scope is not Scope.CALL:
        return Unknown(f"code {refusal.code} for the whole call", refusal)
    return RefusedWhole(refusal)


def _successful(answer: Answer) -> dict[str, object]:
    """Return the document of a successful safe call."""
    try:
        document = _document(answer)
    except _MalformedError as problem:
        failure = str(problem)
    else:
        require_success(document, answer.status)
        return document
    raise MarketUnavailableError(failure)


def require_success(document: Mapping[str, object], http_status: int) -> None:
    """Make sure that an answer to a safe call says that it went well.

    Raises ``MarketRefusedError`` and ``MarketUnavailableError``.
    """
    status = document.get("status")
    if status == "success" and 200 <= http_status < 300:
        return
    failure = f"no status that we know, HTTP status {http_status}"
    refusal: Refusal | None = None
    if status in ("error", "fail"):
        try:
            refusal = _refusal(document)
        except _MalformedError as problem:
            failure = str(problem)
    if refusal is not None:
        raise MarketRefusedError(refusal.code, refusal.message)
    raise MarketUnavailableError(failure)


def _required(parse: Callable[..., T], value: object, **options: Decimal) -> T:
    """Return ``parse(value)``, raising ``MarketUnavailableError`` where it is malformed."""
    try:
        return parse(value, **options)
    except _MalformedError as problem:
        failure = str(problem)
    raise MarketUnavailableError(failure)


def _items(document: dict[str, object], parse: Callable[[dict[str, object]], T]) -> list[T]:
    """Return the readable ones of ``items``.

    That none is readable is not an empty market: it raises ``MarketUnavailableError``.
    """
    entries = _required(_list, document.get("items"))
    found = []
    for entry in entries:
        try:
            found.append(parse(_map(entry)))
        except _MalformedError:
            continue
    if entries and not found:
        raise MarketUnavailableError("none of the items can be read")
    return found


def _listing(entry: dict[str, object]) -> Listing:
    return Listing(
        _identifier(entry.get("id")),
        _name(entry.get("name")),
        _money(entry.get("price")),
        _text(entry.get("classid")),
    )


def _purchase(entry: object, listing_id: int | None = None) -> Purchase:
    """Return one purchase; ``listing_id`` stands in where the entry doesn't name its listing.

    What identifies a purchase and what it cost must be right; what only describes it may be absent.
    """
    fields = _map(entry)
    item = _map(fields.get("item", []))
    key = fields.get("custom_id")
    return Purchase(
        buy_id=_identifier(fields.get("buy_id")),
        purchase_key=None if key in (None, "") else _key(key),
        listing_id=listing_id if item.get("id") is None else _identifier(item.get("id")),
        market_hash_name=_text(item.get("name")),
        price=_or_none(_money, item.get("price")),
        class_id=_text(item.get("classid")),
        offer_status=_name(fields.get("offer_status")),
        steam_id=None if fields.get("steamid") is None else _identifier(fields.get("steamid")),
        debited=_money(fields.get("balance_debited_sum")),
        bought_at=_or_none(_identifier, fields.get("date")),
        trade_offer_id=_or_none(_identifier, fields.get("tradeofferid")),
    )


def _or_none(parse: Callable[[object], T], value: object) -> T | None:
    try:
        return parse(value)
    except _MalformedError:
        return None


def _refusal(entry: object) -> Refusal:
    fields = _map(entry)
    code = _number(fields.get("error_code"))
    if code.as_tuple().exponent != 0 or abs(code) > 10**9:
        raise _MalformedError("an error code is not a whole number")
    return Refusal(int(code), _text(fields.get("error_message")))


def _map(value: object) -> dict[str, object]:
    """Return a JSON object; an empty PHP map comes as an empty list, or not at all."""
    if isinstance(value, dict):
        return value
    if value == []:
        return {}
    raise _MalformedError("a map is not a map")


def _list(value: object) -> list[object]:
    if isinstance(value, list):
        return value
    if value == {}:
        return []
    raise _MalformedError("a list is not a list")


def _number(value: object) -> Decimal:
    """Return a number that came as a JSON number or as a string."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) <= _DIGITS_MAX:
        return value
    raise _MalformedError("a number is not a number")


def _whole(value: object) -> int:
    number = _number(value)
    if number.as_tuple().exponent != 0 or not 0 <= number <= _ID_MAX:
        raise _MalformedError("a count is not a whole number")
    return int(number)


def _identifier(value: object) -> int:
    number = _whole(value)
    if number == 0:
        raise _MalformedError("an id is zero")
    return number


def _money(value: object, *, lowest: Decimal = Decimal(0)) -> Micros:
    number = _number(value)
    if not lowest <= number <= _MONEY_MAX:
        raise _MalformedError("an amount of money is out of range")
    return from_decimal(number)


def _flag(value: object) -> bool:
    """Return a truth value, which PHP also writes as 0, 1, "0" and "1"."""
    if isinstance(value, bool):
        return value
    number = _whole(value)
    if number > 1:
        raise _MalformedError("a truth value is neither true nor false")
    return number == 1


def _key(value: object) -> str:
    """Return a purchase key exactly as it came, so that only our own text equals ours.

    What can't be stored is written as escapes, which none of our keys contains.
    """
    if isinstance(value, str):
        return _UNSAFE.sub(lambda part: ascii(part[0])[1:-1], value)[:_TEXT_MAX]
    return str(_whole(value))


def _name(value: object) -> str:
    text = _text(value)
    if not isinstance(value, str) or not text:
        raise _MalformedError("a name is empty")
    return text


def _text(value: object) -> str:
    """Return a text of the market, cleaned and cut; empty for what is neither text nor number."""
    if isinstance(value, Decimal):
        number = _or_none(_number, value)
        value = None if number is None else f"{number:f}"
    return _UNSAFE.sub("", value)[:_TEXT_MAX].strip() if isinstance(value, str) else ""
