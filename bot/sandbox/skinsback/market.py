"""The stand-in's market without a server: stock, balance, purchases and their trades.

Its methods take parameters as they were parsed and return answers as maps, or raise ``ApiError``.
Time is the injected clock plus what ``advance`` added; nothing here waits, but for the real delay
of a slow batch (``Profile.line_delay_s``).

Source: SkinsBack API documentation; for what it leaves open, ``Profile``.
"""

from __future__ import annotations

import asyncio
import heapq
import re
import time
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Final

from bot.domain.market import Listing, OfferStatus
from bot.domain.money import CENT, DOLLAR, Micros, from_decimal, to_decimal
from bot.sandbox.skinsback import keeping
from bot.sandbox.skinsback.answers import Answer, ApiError, Parameters, read_list, read_number
from bot.sandbox.skinsback.catalogue import Item
from bot.sandbox.skinsback.faults import Fault, Scripted
from bot.sandbox.skinsback.ledger import FAILED, PATHS, LedgerEntry, TradePath
from bot.sandbox.skinsback.profile import KeyCheck, ListLookup, Profile, Refund
from bot.sandbox.skinsback.stock import Stock
from bot.skinsback.protocol import Json

START_BALANCE: Final = Micros(1_000 * DOLLAR)

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{8}")
_PARTNER_MAX: Final = 2**32 - 1
_LATE_REFUND_S: Final = 3600.0
_LATE_ACCEPT_S: Final = 90.0
_SAMPLE_KEY: Final = "somebody-elses-purchase"
_UNKNOWN_CODE: Final = 42


class Market:
    """One merchant project at a market that follows ``profile``.

    ``purchases`` is everything that was ever bought, in order; ``balance`` what is left.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        size: int = 4_000,
        more: Mapping[str, int] | None = None,
        balance: Micros = START_BALANCE,
        profile: Profile | None = None,
        clock: Callable[[], float] = time.time,
        history_page: int = 1_000,
    ) -> None:
        self.profile = profile or Profile()
        self.balance = balance
        self.purchases: list[LedgerEntry] = []
        self.listeners: set[asyncio.Queue[Answer]] = set()
        self._clock = clock
        self._ahead = 0.0
        self._history_page = history_page
        self.stock = Stock(seed, size, more)
        self._keys: set[str] = set()
        self._failing: dict[int, int] = {}
        self._paths: list[tuple[str | None, int | None, TradePath]] = []
        self._before_buy: list[Callable[[], None]] = []
        self._due: list[tuple[float, int, LedgerEntry, str | None]] = []
        self._sequence = count()
        # A market that starts again has forgotten everything, but must not give out an old number:
        # counted from the clock, it would have had to sell more than one skin each second.
        self._unsaved = False
        self._buy_ids = count(int(self.now()) % 10**10 + 129_000_000)

    # Control, for tests and the demo

    def now(self) -> float:
        """Return the market's time in unix seconds."""
        return self._clock() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let time pass: trades move, money comes back."""
        self._ahead += seconds
        self.tick()

    def listings(self, name: str, game: str = "cs2") -> list[Listing]:
        """Return what is for sale under a name, cheapest first."""
        return self.stock.item(name, game).as_listings()

    def set_price(self, name: str, price: Micros, game: str = "cs2") -> None:
        """Let the cheapest listing of ``name`` cost ``price`` and the others follow it."""
        self.stock.set_price(name, game, price)

    def sell_out(self, name: str, game: str = "cs2") -> None:
        """Let somebody else buy everything under ``name``."""
        self.stock.item(name, game).listings = {}

    def restock(self, name: str, game: str = "cs2") -> None:
        """Let others offer ``name`` anew, as often as at first and at the first prices."""
        self.stock.item(name, game).restock()

    def sell_listing(self, listing_id: int) -> None:
        """Let somebody else buy one listing."""
        item = self.stock.owner(listing_id)
        if item is not None:
            item.open_listings().pop(listing_id, None)

    def start_over(self) -> None:
        """Be as at first, but for what was bought: balance, prices, stock, and no trouble ahead."""
        self.balance = START_BALANCE
        self.profile = Profile()
        self.stock.restock()
        self._failing.clear()
        self._paths.clear()
        self._before_buy.clear()

    def before_next_buy(self, action: Callable[[], None]) -> None:
        """Run ``action`` when the next buy has arrived and nothing of it is done yet."""
        self._before_buy.append(action)

    def fail_user(self, partner: int, code: int | None) -> None:
        """Refuse every buy for this Steam account with 8, 9 or 10; ``None`` ends it."""
        if code is None:
            self._failing.pop(partner, None)
        else:
            self._failing[partner] = code

    def script_trades(
        self, path: OfferStatus | TradePath, *, name: str | None = None, partner: int | None = None
    ) -> None:
        """Let trades from now on go this way: all, those of a name, or those to an account."""
        steps = PATHS[path] if isinstance(path, OfferStatus) else path
        self._paths.insert(0, (name, partner, steps))

    def by_key(self, key: str) -> list[LedgerEntry]:
        """Return every purchase ever made under a key: more than one is a double purchase."""
        return [entry for entry in self.purchases if entry.key == key]

    def move(self, entry: LedgerEntry, status: str) -> None:
        """Change a purchase's status now, with its money and its event."""
        if status == entry.status:
            return
        self._unsaved = True
        entry.status = status
        entry.history.append((self.now(), status))
        if status == OfferStatus.WAITING_ACCEPT:
            entry.trade_offer_id = 4_176_000_000 + entry.buy_id % 10**8
        if status in FAILED:
            self._refund_by_profile(entry)
            if status == OfferStatus.TIMEOUT and self.profile.accepts_after_timeout:
                self._plan(self.now() + _LATE_ACCEPT_S, entry, OfferStatus.ACCEPTED)
        elif entry.refunded:
            entry.refunded = False
            self._book(-entry.debited)
        self._publish("status_change", _status_change(entry))

    def tell(self, entry: LedgerEntry, status: str) -> None:
        """Send an event that says ``status``, whatever is true: again, too late, never heard of."""
        self._publish("status_change", {**_status_change(entry), "offer_status": status})

    def tick(self) -> None:
        """Carry out everything that is due by now."""
        while self._due and self._due[0][0] <= self.now():
            _, _, entry, status = heapq.heappop(self._due)
            if status is not None:
                self.move(entry, status)
            elif not entry.refunded and not entry.alive:
                entry.refunded = True
                self._book(entry.debited)

    def save(self, path: Path) -> None:
        """Write what was bought to a file, if anything has changed. Raises ``OSError``."""
        if self._unsaved:
            due = [(at, entry.buy_id, status) for at, _, entry, status in self._due]
            keeping.write(
                path, balance=self.balance, keys=self._keys, purchases=self.purchases, due=due
            )
            self._unsaved = False

    def restore(self, path: Path) -> None:
        """Go on from what ``save`` wrote; what was sold stays sold."""
        kept = keeping.read(path)
        if kept is None:
            return
        self.balance, self._keys, self.purchases = kept["balance"], kept["keys"], kept["purchases"]
        entries = {entry.buy_id: entry for entry in self.purchases}
        for at, buy_id, status in kept["due"]:
            self._plan(at, entries[buy_id], status)
        for entry in self.purchases:
            self.sell_listing(entry.listing_id)

    # The methods of the API

    async def batch_buy(self, parameters: Parameters, scripted: Scripted | None = None) -> Answer:
        """market_batch_buy. ``scripted`` may bend one line of the answer."""
        self._run_before_buy()
        partner = self._recipient(parameters)
        lines = [line for line in read_list(parameters.get("items")) if isinstance(line, dict)]
        known = None if self.profile.atomic_keys else set(self._keys)
        purchased: dict[str, Json] = {}
        unavailable: dict[str, Json] = {}
        for place, line in enumerate(lines):
            # Two calls with the same keys can meet here, as they can in a real market.
            await asyncio.sleep(self.profile.line_delay_s)
            bent = scripted if scripted is not None and scripted.line == place else None
            listing_id = str(line.get("id"))
            try:
                entry = self._buy_listing(partner, line, known, bent)
            except ApiError as error:
                unavailable[listing_id] = _line_error(error)
            else:
                purchased[listing_id] = self._purchased(entry)
            if bent is not None:
                _bend(bent.fault, listing_id, purchased, unavailable)
        return {"purchased": self._php(purchased), "unavailable": self._php(unavailable)}

    async def buy(self, parameters: Parameters) -> Answer:
        """market_buy: one skin, by listing or the cheapest of a name."""
        self._run_before_buy()
        if not parameters.get("partner") or not parameters.get("token"):
            raise ApiError(3, "partner_or_token_required")
        line = dict(parameters)
        if not parameters.get("id"):
            line["id"] = self.stock.cheapest(parameters)
        return self._purchased(self._buy_listing(self._recipient(parameters), line, None, None))

    def getinfo(self, parameters: Parameters) -> Answer:
        """market_getinfo: one purchase, or several by the market's ids or by our keys."""
        visible = list(self._visible())
        if "buy_id" in parameters:
            found = [each for each in visible if str(each.buy_id) == str(parameters["buy_id"])]
            if not found:
                raise ApiError(2, "offer_not_found")
            return self._info(found[0])
        field = "buy_ids" if "buy_ids" in parameters else "custom_ids"
        asked = {str(each) for each in read_list(parameters.get(field))}
        if not asked:
            raise ApiError(1, "buy_id_or_custom_id_required")
        found = [
            entry
            for entry in visible
            if str(entry.buy_id if field == "buy_ids" else entry.key) in asked
        ]
        misbehaviour = self.profile.list_lookup
        if misbehaviour is ListLookup.ERROR_FOR_ONE and len(found) < len(asked):
            raise ApiError(2, "offer_not_found")
        if misbehaviour is ListLookup.CUT and len(asked) > 1:
            found = found[: len(found) // 2]
        infos = [self._info(entry) for entry in found]
        if misbehaviour is ListLookup.WITHOUT_KEY:
            for info in infos:
                del info["custom_id"]
        return {"items": infos}

    def history(self, parameters: Parameters) -> Answer:
        """market_history: the purchases between two moments, in pages."""
        starting = read_number(parameters.get("starting"), Decimal(0))
        ending = read_number(parameters.get("ending"), Decimal(10**12))
        cursor = int(read_number(parameters.get("start_from"), Decimal(0)))
        found = [entry for entry in self._visible() if starting <= int(entry.bought_at) <= ending]
        page = found[cursor : cursor + self._history_page]
        return {
            "total_count": len(found),
            "has_more": cursor + len(page) < len(found),
            "start_from": cursor + len(page),
            "items": [self._info(entry) for entry in page],
        }

    def balances(self) -> Answer:
        """balance: what is left, and what was spent, with three decimals."""
        spent = Micros(sum(entry.debited for entry in self.purchases if not entry.refunded))
        left = _mills(self.balance)
        return {
            "balance": left,
            "deals_sum": _mills(spent),
            "withdraw_sum": _mills(Micros(0)),
            "balance_in_currencies": {"usd": left, "eur": left * Decimal("0.86")},
        }

    # Buying

    def _run_before_buy(self) -> None:
        actions, self._before_buy = self._before_buy, []
        for action in actions:
            action()

    def _recipient(self, parameters: Parameters) -> int:
        """Return the account that the skins go to. Raises 8, 9 and 10."""
        partner = str(parameters.get("partner"))
        if not partner.isdecimal() or not 0 < int(partner) <= _PARTNER_MAX:
            raise ApiError(8)
        if int(partner) in self._failing:
            raise ApiError(self._failing[int(partner)])
        if not _TOKEN.fullmatch(str(parameters.get("token"))):
            raise ApiError(9)
        return int(partner)

    def _buy_listing(
        self,
        partner: int,
        line: dict[str, object],
        known: set[str] | None,
        bent: Scripted | None,
    ) -> LedgerEntry:
        """Buy one listing. Raises 4 to 7; ``known`` are the keys as a careless market saw them."""
        if bent is not None and not bent.carried_out:
            raise ApiError(5)
        key = None if line.get("custom_id") is None else str(line["custom_id"])
        taken = key is not None and key in (self._keys if known is None else known)
        if taken and self.profile.key_check is KeyCheck.FIRST:
            raise ApiError(7)
        listing_id = int(read_number(line.get("id"), Decimal(0)))
        limit = read_number(line.get("max_price"), Decimal(-1))
        max_price = None if limit < 0 else from_decimal(limit)
        try:
            item, price = self._offered(listing_id, max_price)
        except ApiError:
            if key is not None and self.profile.burns_refused_keys:
                self._keys.add(key)
            raise
        if taken:
            raise ApiError(7)
        if bent is not None and bent.fault is Fault.DEBIT_ABOVE_CEILING:
            price = Micros((max_price or price) + DOLLAR)
        if key is not None:
            self._keys.add(key)
        del item.open_listings()[listing_id]
        entry = LedgerEntry(
            buy_id=next(self._buy_ids),
            key=key,
            listing_id=listing_id,
            game=item.game,
            name=item.name,
            class_id=item.class_id,
            price=price,
            debited=price,
            max_price=max_price,
            partner=partner,
            bought_at=self.now(),
        )
        self._record(entry)
        return entry

    def _offered(self, listing_id: int, max_price: Micros | None) -> tuple[Item, Micros]:
        """Return what a listing costs now. Raises 5, 6 and 4."""
        item = self.stock.owner(listing_id)
        price = None if item is None else item.open_listings().get(listing_id)
        if item is None or price is None:
            raise ApiError(5)
        if max_price is not None and price > max_price:
            raise ApiError(6)
        if price > self.balance:
            raise ApiError(4)
        return item, price

    def _record(self, entry: LedgerEntry) -> None:
        self.purchases.append(entry)
        self._book(-entry.debited)
        at = entry.bought_at
        for delay, status in self._path_of(entry):
            at += delay
            self._plan(at, entry, status)
        self._publish("buy_item", {**self._purchased(entry), "buy_id": str(entry.buy_id)})

    def _path_of(self, entry: LedgerEntry) -> TradePath:
        for name, partner, path in self._paths:
            if name in (None, entry.name) and partner in (None, entry.partner):
                return path
        return PATHS[OfferStatus.ACCEPTED]

    # Money and time

    def _refund_by_profile(self, entry: LedgerEntry) -> None:
        if self.profile.refund is Refund.AT_ONCE:
            self._plan(self.now(), entry, None)
        elif self.profile.refund is Refund.LATE:
            self._plan(self.now() + _LATE_REFUND_S, entry, None)

    def _plan(self, at: float, entry: LedgerEntry, status: str | None) -> None:
        """Plan a status, or with ``None`` the refund."""
        heapq.heappush(self._due, (at, next(self._sequence), entry, status))

    def _book(self, amount: int) -> None:
        self._unsaved = True
        self.balance = Micros(self.balance + amount)
        self._publish("balance_change", {"balance_value": str(_mills(self.balance))})

    def _publish(self, event: str, data: Answer) -> None:
        for listener in self.listeners:
            listener.put_nowait({"event": event, "data": data})

    # Reading

    def _visible(self) -> Iterator[LedgerEntry]:
        latest = self.now() - self.profile.visible_after_s
        return (entry for entry in self.purchases if entry.bought_at <= latest)

    def _purchased(self, entry: LedgerEntry) -> Answer:
        """Return an entry of ``purchased``, shaped as in the example answer."""
        answer: Answer = {
            "item": {
                "id": str(entry.listing_id),
                "name": entry.name,
                "price": to_decimal(entry.price),
                "classid": entry.class_id,
                "instanceid": "0",
            },
            "buy_id": entry.buy_id,
            "offer_status": OfferStatus.CREATING_TRADE.value,
            "steamid": str(entry.steam_id),
            "date": str(int(entry.bought_at)),
            "balance_debited_sum": to_decimal(entry.debited),
        }
        if entry.key is not None:
            answer["custom_id"] = entry.key
        return answer

    def _info(self, entry: LedgerEntry) -> dict[str, Json]:
        """Return an entry as market_getinfo and market_history give it."""
        answer = {"custom_id": None, **self._purchased(entry), "offer_status": str(entry.status)}
        if entry.trade_offer_id is not None:
            answer["tradeofferid"] = str(entry.trade_offer_id)
        return answer

    def _php(self, entries: dict[str, Json]) -> Json:
        return [] if not entries and self.profile.empty_maps_as_lists else entries


def _bend(
    fault: Fault, listing_id: str, purchased: dict[str, Json], unavailable: dict[str, Json]
) -> None:
    """Say something wrong about one line of an answer."""
    entry = purchased.get(listing_id)
    if fault is Fault.LINE_IN_BOTH and entry is not None:
        unavailable[listing_id] = _line_error(ApiError(5))
    elif fault is Fault.FOREIGN_STEAM_ID and isinstance(entry, dict):
        entry["steamid"] = "76561198000000001"
    elif fault is Fault.FOREIGN_KEY and isinstance(entry, dict):
        entry["custom_id"] = _SAMPLE_KEY
    elif fault in (Fault.LINE_MISSING, Fault.UNKNOWN_CODE):
        purchased.pop(listing_id, None)
        unavailable.pop(listing_id, None)
        if fault is Fault.UNKNOWN_CODE:
            unavailable[listing_id] = _line_error(ApiError(_UNKNOWN_CODE, "reservation_canceled"))


def _line_error(error: ApiError) -> Answer:
    return {"error_code": error.code, "error_message": error.message}


def _status_change(entry: LedgerEntry) -> Answer:
    offer = entry.trade_offer_id
    return {
        "item": {"id": str(entry.listing_id)},
        "buy_id": str(entry.buy_id),
        "offer_status": str(entry.status),
        "error_reason": None,
        "tradeofferid": None if offer is None else str(offer),
        "custom_id": entry.key,
    }


def _mills(amount: Micros) -> Decimal:
    """Return an amount with the three decimals that balances carry."""
    return Decimal(amount // (CENT // 10)).scaleb(-3)
