"""Pasting a list: what is clear is in the basket at once, and no line of it is ever lost.

Only a skin's own name goes in by itself. Every other line is kept with its member, beyond this
basket too, until a match was chosen for it, it was written anew, or it was left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bot.domain.market import Listing, Quote
from bot.domain.models import Actor, Basket, GuildSettings, Pick
from bot.domain.money import Micros, ceiling_for
from bot.domain.pasted import Reading, WhyNot, has_numbers_of, is_name, read, split
from bot.domain.picking import Filters
from bot.domain.skin_keys import Skin
from bot.errors import MarketError, Problem, UserFacingError
from bot.search.folding import fold
from bot.services.baskets import Baskets, Shown, pick_of, put, require_ceiling, require_room
from bot.services.catalogue import Catalogue
from bot.services.clock import Clock
from bot.services.guilds import Guilds
from bot.skinsback.client import SkinsbackClient
from bot.skinsback.limiter import CallClass
from bot.store import baskets, pastes
from bot.store.database import Database, Transaction
from bot.store.pastes import Paste

PAGE: Final = 7
"""Lines on a screen, each with a menu of its own."""

OPTIONS: Final = 10
"""Matches that are offered for a line."""

READ_AT_ONCE: Final = 100
"""Lines that are looked at in one go; a request holds a quarter of them."""

KEPT_MAX: Final = 12_000
"""Characters that are kept of a member's lists: three of the longest without a single skin."""

_IN_STOCK: Final = Filters(in_stock=True)
_OFFERING: Final = frozenset(
    {
        WhyNot.UNCLEAR,
        WhyNot.SOLD_OUT,
        WhyNot.CEILING,
        WhyNot.LISTING_GONE,
        WhyNot.PRICE,
        WhyNot.PRICE_RANGE,
        WhyNot.CURRENCY,
    }
)
"""Where a skin can be offered that goes in with one tap."""


@dataclass(frozen=True, slots=True)
class Option:
    """A skin that a line may mean, and the ceiling that it would go in with."""

    quote: Quote
    ceiling: Micros


@dataclass(frozen=True, slots=True)
class LineLeft:
    """A line that isn't in the basket. ``number``: its place; ``wanted``: how it was understood;
    ``quote``: the skin of exactly that name.
    """

    number: int
    text: str
    why: WhyNot
    wanted: Reading
    quote: Quote | None = None
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class Rest:
    """Some of the ``total`` lines that are left; ``room``: how many skins the basket takes yet."""

    basket: Basket
    lines: tuple[LineLeft, ...]
    total: int
    first: int
    room: int


@dataclass(frozen=True, slots=True)
class Pasted:
    """What came of a list. ``read``: how many lines it had besides headings."""

    added: tuple[Pick, ...] = ()
    read: int = 0
    unread: int = 0
    """How many were only kept, because a list is read so many lines at a time."""
    dropped: int = 0
    """How many were not even kept, because so much is kept already."""
    outdated: bool = False
    """The basket had changed since the form was opened."""
    again: bool = False
    """The form was sent a second time, so nothing was done."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A line with the skin that it means, if that is clear, and what is in its way by itself."""

    text: str
    reading: Reading
    quote: Quote | None = None
    why: WhyNot | None = WhyNot.UNKNOWN
    heading: bool = False


@dataclass(slots=True)
class _Filling:
    """A basket as it fills up."""

    room: int
    tolerance_bp: int
    games: Collection[str]
    listings: set[int]
    picks: list[Pick] = field(default_factory=list)

    @classmethod
    def of(cls, basket: Basket, guild: GuildSettings) -> _Filling:
        listings = {pick.listing_id for pick in basket.picks if pick.listing_id is not None}
        room = guild.lines_max - basket.lines_count
        return cls(room, guild.tolerance_bp, guild.games, listings)

    def why_not(self, found: _Found) -> WhyNot | None:
        """Return what is in the way of a line, in this basket as well."""
        reading = found.reading
        if found.why is not None:
            return found.why
        if reading.listing_id in self.listings:
            return WhyNot.LISTING_TWICE
        return WhyNot.ROOM if reading.quantity > self.room else None

    def take(self, found: _Found) -> bool:
        """Put a line in unless something is in its way."""
        if found.quote is None or self.why_not(found) is not None:
            return False
        if found.quote.game not in self.games:
            return False  # since the line was looked at
        reading = found.reading
        ceiling = reading.ceiling or ceiling_for(found.quote.price, self.tolerance_bp)
        self.picks.append(
            pick_of(found.quote, reading.quantity, ceiling, listing_id=reading.listing_id)
        )
        self.room -= reading.quantity
        if reading.listing_id is not None:
            self.listings.add(reading.listing_id)
        return True

    def merged(self) -> list[Pick]:
        """Return what was put in, the same skin at the same ceiling once."""
        rows: dict[tuple[object, ...], Pick] = {}
        for pick in self.picks:
            row = (pick.game, pick.market_hash_name, pick.ceiling, pick.listing_id)
            before = rows.get(row)
            rows[row] = replace(pick, quantity=pick.quantity + (before.quantity if before else 0))
        return list(rows.values())


@dataclass(frozen=True, slots=True)
class _Form:
    """A form that was read, and what it meets. ``unread``: its lines that are only kept.

    ``before``: the lines that were left already. ``outdated``: the basket has changed since.
    """

    filling: _Filling
    found: Sequence[_Found]
    unread: tuple[str, ...]
    before: tuple[str, ...]
    outdated: bool


class Pasting:
    """Use cases of pasted lists. All raise ``UserFacingError`` if the actor may not ask."""

    def __init__(
        self,
        database: Database,
        guilds: Guilds,
        catalogue: Catalogue,
        market: SkinsbackClient,
        baskets_: Baskets,
        clock: Clock,
    ) -> None:
        self._database = database
        self._guilds = guilds
        self._catalogue = catalogue
        self._market = market
        self._baskets = baskets_
        self._clock = clock

    async def left(self, actor: Actor, first: int = 0) -> Rest:
        """Return a page of what is left, each line with today's reason and nearest matches."""
        basket = await self._baskets.open(actor)
        guild = await self._guilds.get(basket.guild_id)
        kept = (await self._kept(basket)).lines
        first = min(max(first, 0), max(0, len(kept) - 1)) // PAGE * PAGE
        shown = kept[first : first + PAGE]
        filling = _Filling.of(basket, guild)
        lines = []
        for number, found in enumerate(await self._look(shown, guild.games), start=first):
            why = filling.why_not(found) or WhyNot.NOT_YET
            lines.append(self._offer(number, replace(found, why=why), guild))
            await asyncio.sleep(0)  # looking for near matches takes as long as reading it did
        return Rest(basket, tuple(lines), len(kept), first, filling.room)

    async def lines(self, actor: Actor, shown: Shown) -> tuple[Basket, tuple[str, ...]]:
        """Return the lines that are left as they were typed. Raises (BASKET_CHANGED)."""
        basket = await self._baskets.open_shown(actor, shown)
        return basket, (await self._kept(basket)).lines

    async def put(self, actor: Actor, shown: Shown, typed: str, *, form: str) -> Pasted:
        """Put the clear lines of a list in, and keep the others behind those that are left.

        It is done whatever became of the basket that was shown, and once for each ``form``: who
        sends a form again that seems to hang does not get everything twice.
        """

        def keep(form: _Form) -> tuple[str, ...]:
            return (*form.before, *_take_all(form.filling, form.found), *form.unread)

        return await self._take_in(actor, shown, typed, form, keep)

    async def fix(
        self, actor: Actor, shown: Shown, typed: str, *, form: str, replaced: int
    ) -> Pasted:
        """Put the clear lines in that were written anew for the first ``replaced`` that were left.

        If the basket has changed meanwhile, some of them may be in it: then what was written is
        kept, and nothing is put in. A form that was sent before does nothing.
        """

        def keep(form: _Form) -> tuple[str, ...]:
            if not form.outdated:
                taken = _take_all(form.filling, form.found)
                return (*taken, *form.unread, *form.before[replaced:])
            meant = (*(one.text for one in form.found if not one.heading), *form.unread)
            return (*form.before, *(entry for entry in meant if entry not in form.before))

        return await self._take_in(actor, shown, typed, form, keep)

    async def _take_in(
        self,
        actor: Actor,
        shown: Shown,
        typed: str,
        form: str,
        keep: Callable[[_Form], tuple[str, ...]],
    ) -> Pasted:
        """Read a form, and save what ``keep`` leaves of it; one sent before does nothing."""
        entries = split(typed)
        if not entries:
            return Pasted()
        basket = await self._baskets.open(actor)
        found = await self._look_first(entries, basket)
        async with self._database.writing() as tx:
            basket, guild, before = await self._state(tx, actor)
            if before.form == form:
                return Pasted(read=len(entries), again=True)
            filling, unread = _Filling.of(basket, guild), tuple(entries[READ_AT_ONCE:])
            outdated = not shown.is_still(basket)
            kept = keep(_Form(filling, found, unread, before.lines, outdated))
            dropped = await self._save(tx, basket, filling, kept, form)
        return Pasted(
            tuple(filling.merged()),
            read=sum(not one.heading for one in found),
            unread=len(unread),
            dropped=dropped,
            outdated=outdated,
        )

    async def again(self, actor: Actor, shown: Shown) -> Pasted:
        """Put in what can be put in by now. Raises ``UserFacingError`` (BASKET_CHANGED)."""
        basket, lines = await self.lines(actor, shown)
        found = await self._look_first(lines, basket)
        async with self._database.writing() as tx:
            basket, guild, before = await self._state(tx, actor, shown)
            filling = _Filling.of(basket, guild)
            kept = (*_take_all(filling, found), *lines[READ_AT_ONCE:])
            await self._save(tx, basket, filling, kept, before.form)
        return Pasted(tuple(filling.merged()), read=len(lines))

    async def choose(
        self,
        actor: Actor,
        shown: Shown,
        number: int,
        skin: Skin,
        *,
        quantity: int,
        ceiling: Micros,
    ) -> Pick:
        """Put a skin (game, market hash name) in for a line, as it was offered.

        Raises ``UserFacingError`` (BASKET_CHANGED, SKIN_OUT_OF_STOCK, CEILING_BELOW_CHEAPEST,
        TOO_MANY_LINES); line and basket stay as they were.
        """
        basket = await self._baskets.open_shown(actor, shown)
        quote = self._catalogue.find(*skin)
        async with self._database.writing() as tx:
            basket, guild, before = await self._state(tx, actor, shown)
            if not 0 <= number < len(before.lines) or quantity < 1:
                raise UserFacingError(Problem.BASKET_CHANGED)
            if quote is None or quote.count == 0 or quote.game not in guild.games:
                raise UserFacingError(Problem.SKIN_OUT_OF_STOCK, skin=skin[1])
            require_room(basket, guild, quantity)
            require_ceiling(quote, ceiling)
            pick = pick_of(quote, quantity, ceiling)
            await self._change(tx, basket)
            await put(tx, basket, pick)
            await _keep(tx, basket, _without(before, number))
        return pick

    async def leave_out(
        self, actor: Actor, shown: Shown, number: int | None = None
    ) -> tuple[str, ...]:
        """Forget a line, or all of them, and return what was forgotten. Raises (BASKET_CHANGED)."""
        basket = await self._baskets.open_shown(actor, shown)
        async with self._database.writing() as tx:
            basket, _, before = await self._state(tx, actor, shown)
            if number is not None and not 0 <= number < len(before.lines):
                raise UserFacingError(Problem.BASKET_CHANGED)
            await self._change(tx, basket)
            after = Paste((), before.form) if number is None else _without(before, number)
            await _keep(tx, basket, after)
        return before.lines if number is None else (before.lines[number],)

    async def _kept(self, basket: Basket) -> Paste:
        async with self._database.reading() as tx:
            return await pastes.find(tx, basket.guild_id, basket.user_id)

    async def _state(
        self, tx: Transaction, actor: Actor, shown: Shown | None = None
    ) -> tuple[Basket, GuildSettings, Paste]:
        """Return basket, settings and lines as they are in this transaction.

        Raises ``UserFacingError`` (BASKET_CHANGED) if something else than that was shown.
        """
        basket, guild = await self._baskets.now(tx, actor)
        if shown is not None and not shown.is_still(basket):
            raise UserFacingError(Problem.BASKET_CHANGED)
        return basket, guild, await pastes.find(tx, basket.guild_id, basket.user_id)

    async def _change(self, tx: Transaction, basket: Basket) -> None:
        at = self._clock.now_ms()
        await baskets.change(tx, basket.request_id, revision=basket.revision, at=at)

    async def _save(
        self,
        tx: Transaction,
        basket: Basket,
        filling: _Filling,
        kept: Sequence[str],
        form: str,
    ) -> int:
        """Write what goes in and what is left; return how many lines there is no room to keep."""
        within = _within(kept)
        await self._change(tx, basket)
        for pick in filling.merged():
            await put(tx, basket, pick)
        await _keep(tx, basket, Paste(within, form))
        return len(kept) - len(within)

    async def _look_first(self, entries: Sequence[str], basket: Basket) -> list[_Found]:
        games = (await self._guilds.get(basket.guild_id)).games
        return await self._look(entries[:READ_AT_ONCE], games)

    async def _look(self, entries: Sequence[str], games: Sequence[str]) -> list[_Found]:
        """Return what each line means and whether that can be had, whatever the basket holds."""
        if self._catalogue.oldest_at(games) is None:
            return [_Found(entry, Reading(entry), why=WhyNot.NO_PRICES) for entry in entries]
        found = []
        for entry in entries:
            found.append(self._understand(entry, games))
            await asyncio.sleep(0)  # a hundred lines in one piece would keep others waiting
        return await self._with_listings(found)

    def _understand(self, entry: str, games: Sequence[str]) -> _Found:
        line = read(entry)
        for called in (self._called, self._called_like):
            for reading in line.readings:
                quote = None if reading.why is WhyNot.NO_NAME else called(reading.name, games)
                if quote is not None:
                    return _Found(entry, reading, quote, reading.why or _why_not(quote, reading))
        wanted = line.readings[0] if line.readings else Reading(entry)
        return _Found(entry, wanted, heading=line.heading)

    def _called(self, name: str, games: Sequence[str]) -> Quote | None:
        """Return the quote of exactly this name, if only one game has it."""
        quotes = [quote for game in games if (quote := self._catalogue.find(game, name))]
        return quotes[0] if len(quotes) == 1 else None

    def _called_like(self, name: str, games: Sequence[str]) -> Quote | None:
        """Return the quote of the only name that has the same letters."""
        if not fold(name):
            return None
        quotes = self._catalogue.search(name, games, limit=OPTIONS).quotes
        alike = [quote for quote in quotes if is_name(name, quote.market_hash_name)]
        return self._called(alike[0].market_hash_name, games) if len(alike) == 1 else None

    async def _with_listings(self, found: Sequence[_Found]) -> list[_Found]:
        """Return the lines, those about one listing with its own price if it is for sale."""
        wanted = [one for one in found if one.reading.listing_id is not None and one.quote]
        games = {one.quote.game for one in wanted if one.quote}
        for_sale = {game: await self._listings(game, wanted) for game in sorted(games)}
        return [_of_listing(one, for_sale) if one in wanted else one for one in found]

    async def _listings(self, game: str, wanted: Sequence[_Found]) -> list[Listing] | None:
        """Return what is for sale under the names of these lines; None if nobody can tell."""
        quotes = (one.quote for one in wanted if one.quote and one.quote.game == game)
        names = list(dict.fromkeys(quote.market_hash_name for quote in quotes))
        try:
            return await self._market.search(game, names, for_=CallClass.STATUS)
        except MarketError:
            return None

    def _offer(self, number: int, found: _Found, guild: GuildSettings) -> LineLeft:
        """Return a line with its reason and what can be chosen for it."""
        why, wanted, quote = found.why or WhyNot.NOT_YET, found.reading, found.quote
        # By name, where the line was about one listing.
        cheapest = quote and self._catalogue.find(quote.game, quote.market_hash_name)
        quotes: list[Quote] = []
        if why is WhyNot.UNKNOWN:
            why, wanted, quotes = self._guess(found.text, guild.games)
        elif quote is not None and why is WhyNot.SOLD_OUT:
            quotes = self._others(quote, Filters(in_stock=True, game=quote.game))
        elif cheapest is not None and cheapest.count:
            quotes = [cheapest]
            if why is WhyNot.CEILING:
                cheaper = Filters(in_stock=True, game=cheapest.game, price_max=wanted.ceiling)
                quotes += self._others(cheapest, cheaper)
        options = [
            _option(one, wanted, guild.tolerance_bp)
            for one in dict.fromkeys(quotes)
            if why in _OFFERING
        ]
        return LineLeft(number, found.text, why, wanted, quote, tuple(options[:OPTIONS]))

    def _guess(self, entry: str, games: Sequence[str]) -> tuple[WhyNot, Reading, list[Quote]]:
        """Return the nearest matches of the plainest reading that has any, and what that lacks.

        A number in a name that is looked for must stand in what is found: else "2 ak" finds skins
        as a name, and the two is forgotten.
        """
        readings = read(entry).likely
        if readings and readings[0].why is WhyNot.NO_NAME:
            return WhyNot.NO_NAME, readings[0], []
        for reading in readings:
            quotes = self._near(reading.name, games, _IN_STOCK)
            if near := [
                one for one in quotes if has_numbers_of(reading.name, one.market_hash_name)
            ]:
                return reading.why or WhyNot.UNCLEAR, reading, near
        return WhyNot.UNKNOWN, Reading(entry), []

    def _near(self, name: str, games: Sequence[str], filters: Filters) -> tuple[Quote, ...]:
        if not fold(name):
            return ()
        return self._catalogue.search(name, games, filters=filters, limit=OPTIONS).quotes

    def _others(self, quote: Quote, filters: Filters) -> list[Quote]:
        """Return the same skin in other conditions."""
        name = quote.market_hash_name.rpartition(" (")[0] or quote.market_hash_name
        near = self._near(name, (quote.game,), filters)
        return [one for one in near if one.market_hash_name != quote.market_hash_name]


def _why_not(quote: Quote, reading: Reading) -> WhyNot | None:
    """Return what is in the way of a skin at today's price; a listing has a price of its own."""
    if reading.listing_id is not None:
        return None
    if quote.count == 0:
        return WhyNot.SOLD_OUT
    dear = reading.ceiling is not None and reading.ceiling < quote.price
    return WhyNot.CEILING if dear else None


def _of_listing(found: _Found, for_sale: dict[str, list[Listing] | None]) -> _Found:
    """Return a line about one listing with its price, or with why it can't be had."""
    if found.quote is None or found.why is not None:
        return found
    listings = for_sale[found.quote.game]
    if listings is None:
        return replace(found, why=WhyNot.MARKET)
    for one in listings:
        right = one.market_hash_name == found.quote.market_hash_name
        if right and one.listing_id == found.reading.listing_id:
            quote = replace(found.quote, price=one.price, class_id=one.class_id, count=1)
            dear = found.reading.ceiling is not None and found.reading.ceiling < one.price
            return replace(found, quote=quote, why=WhyNot.CEILING if dear else None)
    return replace(found, why=WhyNot.LISTING_GONE)


def _option(quote: Quote, wanted: Reading, tolerance_bp: int) -> Option:
    """Return a skin with the line's ceiling, or with the usual one where that buys nothing."""
    usual = ceiling_for(quote.price, tolerance_bp)
    enough = wanted.ceiling is not None and wanted.ceiling >= quote.price
    return Option(quote, wanted.ceiling if enough and wanted.ceiling else usual)


def _take_all(filling: _Filling, found: Iterable[_Found]) -> list[str]:
    """Put in what can be, in order, and return the lines that are left; headings never are."""
    return [one.text for one in found if not filling.take(one) and not one.heading]


def _within(lines: Sequence[str]) -> tuple[str, ...]:
    """Return as many of the first lines as are kept of anybody."""
    length, count = 0, 0
    for line in lines:
        length += len(line) + 1
        count += length <= KEPT_MAX
    return tuple(lines[:count])


def _without(paste: Paste, number: int) -> Paste:
    return replace(paste, lines=(*paste.lines[:number], *paste.lines[number + 1 :]))


async def _keep(tx: Transaction, basket: Basket, paste: Paste) -> None:
    await pastes.save(tx, basket.guild_id, basket.user_id, paste)
