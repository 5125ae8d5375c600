"""The basket: what a member is about to ask for. No mistake ever loses what was in it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import Random

from bot.domain.keys import new_request_id
from bot.domain.limits import NOTE_MAX, TYPED_NAME_MAX
from bot.domain.market import Listing, Quote
from bot.domain.models import Actor, Basket, GuildSettings, Line, Pick
from bot.domain.money import Micros, ceiling_for, format_usd
from bot.domain.plain_text import clean_line
from bot.domain.skin_keys import Skin
from bot.domain.typed import is_listing_alone
from bot.errors import MarketError, Problem, UserFacingError
from bot.search.folding import fold
from bot.services.catalogue import Catalogue, Matches, PriceAge
from bot.services.clock import Clock
from bot.services.guilds import Guilds
from bot.skinsback.client import SkinsbackClient
from bot.skinsback.limiter import CallClass
from bot.store import baskets, requests, settings
from bot.store.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class Shown:
    """Which basket a screen showed, and how far it had come: what a click on it is about."""

    request_id: str
    revision: int

    def is_still(self, basket: Basket) -> bool:
        """Say whether this is the basket that was shown, unchanged; after sending it never is."""
        return (self.request_id, self.revision) == (basket.request_id, basket.revision)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a member wants of one skin, as far as they have said. ``game``: of this one only."""

    typed: str
    quantity: int = 1
    ceiling: Micros | None = None
    listing_id: int | None = None
    game: str = ""


@dataclass(frozen=True, slots=True)
class Added:
    """The wish is in the basket. ``guessed``: what was typed was not the exact name."""

    basket: Basket
    pick: Pick
    guessed: bool


@dataclass(frozen=True, slots=True)
class Several:
    """What was typed fits several skins: the member chooses."""

    basket: Basket
    matches: Matches
    games: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Left:
    """What the server's limits leave a member: how many more skins, and how many more requests.

    ``open_numbers``: of the requests that are open now.
    """

    skins: int
    requests: int
    open_numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """A basket at today's prices, and what its server says of it.

    ``prices``: how old they are.
    """

    basket: Basket
    guild: GuildSettings
    left: Left
    prices: PriceAge


class Baskets:
    """Use cases of the basket. All raise ``UserFacingError`` if the actor may not ask."""

    def __init__(
        self,
        database: Database,
        guilds: Guilds,
        catalogue: Catalogue,
        market: SkinsbackClient,
        clock: Clock,
        rng: Random,
    ) -> None:
        self._database = database
        self._guilds = guilds
        self._catalogue = catalogue
        self._market = market
        self._clock = clock
        self._rng = rng

    async def open(self, actor: Actor) -> Basket:
        """Return the member's basket at today's prices; an empty one is made if there is none."""
        guild_id = self._guilds.require_allowed(actor)
        async with self._database.reading() as tx:
            require_may_ask(actor, await settings.get_guild(tx, guild_id))
            basket = await baskets.find(tx, guild_id, actor.user_id)
        if basket is not None:
            return at_todays_prices(basket, self._catalogue)
        async with self._database.writing() as tx:
            return await self.find_or_make(tx, guild_id, actor.user_id)

    async def open_shown(self, actor: Actor, shown: Shown) -> Basket:
        """Return the basket that was shown. Raises ``UserFacingError`` (BASKET_CHANGED)."""
        basket = await self.open(actor)
        if not shown.is_still(basket):
            raise UserFacingError(Problem.BASKET_CHANGED)
        return basket

    async def look(self, actor: Actor) -> Overview:
        """Return the member's basket for its screen; nothing that is stored changes."""
        basket = await self.open(actor)
        async with self._database.reading() as tx:
            guild = await settings.get_guild(tx, basket.guild_id)
            numbers = await requests.open_numbers(tx, basket.guild_id, basket.user_id)
        left = Left(
            skins=max(0, guild.lines_max - basket.lines_count),
            requests=max(0, guild.open_requests_max - len(numbers)),
            open_numbers=tuple(numbers),
        )
        games = {pick.game for pick in basket.picks} or guild.games
        return Overview(basket, guild, left, self._catalogue.age(games))

    async def now(self, tx: Transaction, actor: Actor) -> tuple[Basket, GuildSettings]:
        """Return the member's basket and their server's settings as they are in this transaction.

        Whoever puts something in asks here: roles and settings may be others than when a screen was
        opened, or than before the market was asked. Raises ``UserFacingError`` if they may not ask.
        """
        guild_id = self._guilds.require_allowed(actor)
        guild = await settings.get_guild(tx, guild_id)
        require_may_ask(actor, guild)
        return await self.find_or_make(tx, guild_id, actor.user_id), guild

    async def find_or_make(self, tx: Transaction, guild_id: int, user_id: int) -> Basket:
        """Return a member's basket as it is in this transaction; made if there is none."""
        basket = await baskets.find(tx, guild_id, user_id)
        return basket or await baskets.add(
            tx,
            guild_id,
            user_id,
            request_id=new_request_id(self._rng),
            at=self._clock.now_ms(),
        )

    async def add(self, actor: Actor, wish: Wish) -> Added | Several:
        """Put a skin in, or offer what it may have been.

        Raises ``UserFacingError`` (SKIN_EMPTY, LISTING_ALONE, SKIN_UNKNOWN, SKIN_OUT_OF_STOCK,
        LISTING_GONE, LISTING_TWICE, LISTING_QUANTITY, CEILING_BELOW_CHEAPEST, TOO_MANY_LINES,
        GAME_NOT_OFFERED,
        CATALOGUE_MISSING, MARKET_UNREACHABLE); the basket stays as it was.
        """
        basket = await self.open(actor)
        typed = clean_line(wish.typed, length_max=TYPED_NAME_MAX)
        if not typed:
            raise UserFacingError(Problem.SKIN_EMPTY)
        if is_listing_alone(typed):
            raise UserFacingError(Problem.LISTING_ALONE, typed=typed)
        if wish.listing_id is not None and wish.quantity != 1:
            raise UserFacingError(Problem.LISTING_QUANTITY)
        offered = (await self._guilds.get(basket.guild_id)).games
        games = tuple(game for game in offered if wish.game in ("", game))
        # Nothing but punctuation leaves no word to search for, and would fit everything.
        if not games or not fold(typed):
            raise UserFacingError(Problem.SKIN_UNKNOWN, typed=typed)
        matches = self._catalogue.search(typed, games)
        if not matches.quotes:
            raise UserFacingError(Problem.SKIN_UNKNOWN, typed=typed)
        if wish.listing_id is not None:
            quote = await self._quote_of_listing(wish.listing_id, matches)
        elif matches.total > 1:
            return Several(basket, matches, offered)
        else:
            quote = matches.quotes[0]
        if quote.count == 0:
            raise UserFacingError(Problem.SKIN_OUT_OF_STOCK, skin=quote.market_hash_name)
        return await self._put_in(actor, quote, wish, guessed=not matches.exact)

    async def _quote_of_listing(self, listing_id: int, matches: Matches) -> Quote:
        """Return the quote of one listing, which must be for sale under a matching name now.

        A name may be a skin's in several games, so each game that has matches is asked.
        """
        by_game: dict[str, dict[str, Quote]] = {}
        for quote in matches.quotes:
            by_game.setdefault(quote.game, {})[quote.market_hash_name] = quote
        for game, by_name in by_game.items():
            for listing in await self._listings(game, list(by_name)):
                if listing.listing_id == listing_id:
                    quote = by_name[listing.market_hash_name]
                    return replace(quote, price=listing.price, class_id=listing.class_id, count=1)
        raise UserFacingError(
            Problem.LISTING_GONE,
            listing_id=str(listing_id),
            skin=matches.quotes[0].market_hash_name if matches.total == 1 else "",
        )

    async def _listings(self, game: str, names: list[str]) -> list[Listing]:
        try:
            return await self._market.search(game, names, for_=CallClass.STATUS)
        except MarketError:
            raise UserFacingError(Problem.MARKET_UNREACHABLE) from None

    async def _put_in(self, actor: Actor, quote: Quote, wish: Wish, *, guessed: bool) -> Added:
        now = self._clock.now_ms()
        async with self._database.writing() as tx:
            basket, guild = await self.now(tx, actor)
            require_offered(quote, guild)
            if wish.listing_id in {p.listing_id for p in basket.picks if p.listing_id}:
                raise UserFacingError(Problem.LISTING_TWICE, listing_id=str(wish.listing_id))
            require_room(basket, guild, wish.quantity)
            ceiling = wish.ceiling or ceiling_for(quote.price, guild.tolerance_bp)
            require_ceiling(quote, ceiling)
            await baskets.change(tx, basket.request_id, revision=basket.revision, at=now)
            pick = pick_of(quote, wish.quantity, ceiling, listing_id=wish.listing_id)
            await put(tx, basket, pick)
            changed, _ = await self.now(tx, actor)
        return Added(changed, pick, guessed)

    @asynccontextmanager
    async def _changing(
        self, actor: Actor, shown: Shown, *, still: Callable[[Basket], bool] | None = None
    ) -> AsyncGenerator[tuple[Transaction, Basket]]:
        """One change of the basket that was shown; of two at once, one is made.

        ``still`` says of that basket, however far it has come since, whether what is to be changed
        is as it was seen; without it nothing of the basket may have changed.
        """
        guild_id = self._guilds.require_allowed(actor)
        async with self._database.writing() as tx:
            require_may_ask(actor, await settings.get_guild(tx, guild_id))
            basket = await baskets.find(tx, guild_id, actor.user_id)
            if basket is None or basket.request_id != shown.request_id:
                raise UserFacingError(Problem.BASKET_CHANGED)
            if not (shown.is_still(basket) if still is None else still(basket)):
                raise UserFacingError(Problem.BASKET_CHANGED)
            at = self._clock.now_ms()
            await baskets.change(tx, basket.request_id, revision=basket.revision, at=at)
            yield tx, basket

    async def change_quantity(self, actor: Actor, shown: Shown, pick_id: int, by: int) -> None:
        """Raise or lower how many of a pick; from one down takes it out."""
        async with self._changing(actor, shown) as (tx, basket):
            guild = await settings.get_guild(tx, basket.guild_id)
            pick = _pick_of(basket, pick_id)
            if by > 0:
                if pick.listing_id is not None:
                    raise UserFacingError(Problem.LISTING_QUANTITY)
                require_room(basket, guild, by)
            if pick.quantity + by < 1:
                await baskets.remove_pick(tx, pick_id)
            else:
                await baskets.update_pick(tx, replace(pick, quantity=pick.quantity + by))

    async def set_ceiling(
        self,
        actor: Actor,
        shown: Shown,
        pick_id: int,
        ceiling: Micros | None,
        *,
        seen: Micros | None = None,
    ) -> None:
        """Set the most that one may cost; None: the quote plus the server's tolerance again.

        ``seen``: the limit that it replaces. As long as that stands it does not matter what else
        of the basket has changed: nobody types a number twice for the sake of another row.
        """

        def still(basket: Basket) -> bool:
            return any(one.pick_id == pick_id and one.ceiling == seen for one in basket.picks)

        async with self._changing(actor, shown, still=None if seen is None else still) as (
            tx,
            basket,
        ):
            guild = await settings.get_guild(tx, basket.guild_id)
            pick = at_todays_price(_pick_of(basket, pick_id), self._catalogue)
            wanted = ceiling or ceiling_for(pick.quote, guild.tolerance_bp)
            require_ceiling(pick, wanted)
            await baskets.update_pick(tx, replace(pick, ceiling=wanted))

    async def remove(self, actor: Actor, shown: Shown, pick_id: int) -> None:
        """Take a pick out."""
        async with self._changing(actor, shown) as (tx, basket):
            await baskets.remove_pick(tx, _pick_of(basket, pick_id).pick_id)

    async def empty(self, actor: Actor, shown: Shown) -> None:
        """Take everything out, the note too."""
        async with self._changing(actor, shown) as (tx, basket):
            await baskets.remove_all_picks(tx, basket.request_id)
            await baskets.set_note(tx, basket.request_id, "")

    async def set_note(
        self, actor: Actor, shown: Shown, note: str, *, seen: str | None = None
    ) -> None:
        """Set the note for the moderators.

        ``seen``: the stamp of the note that it replaces; as ``set_ceiling`` has it.
        """

        def still(basket: Basket) -> bool:
            return note_stamp(basket.note) == seen

        async with self._changing(actor, shown, still=None if seen is None else still) as (
            tx,
            basket,
        ):
            text = clean_line(note, length_max=NOTE_MAX)
            await baskets.set_note(tx, basket.request_id, text)

    def quote_of(self, pick: Pick) -> Quote | None:
        """Return what the catalogue says of a pick now."""
        return self._catalogue.find(pick.game, pick.market_hash_name)


def note_stamp(note: str) -> str:
    """Return what tells a note from another one, in 8 characters."""
    return hashlib.sha256(note.encode()).hexdigest()[:8]


def pick_of(quote: Quote, quantity: int, ceiling: Micros, *, listing_id: int | None = None) -> Pick:
    """Return a pick of what is quoted, not yet in any basket."""
    return Pick(
        pick_id=0,
        game=quote.game,
        market_hash_name=quote.market_hash_name,
        listing_id=listing_id,
        quantity=quantity,
        quote=quote.price,
        ceiling=ceiling,
        class_id=quote.class_id,
        usual=quote.usual,
        stock=quote.count,
    )


def at_todays_price(pick: Pick, catalogue: Catalogue) -> Pick:
    """Return a pick with what the price list says of it now; its ceiling stays.

    A particular listing keeps the price that it was seen at, and what is sold out the last one.
    Without a price list everything stays as it is: nobody can tell.
    """
    if pick.listing_id is not None or catalogue.refreshed_at(pick.game) is None:
        return pick
    quote = catalogue.find(pick.game, pick.market_hash_name)
    if quote is None or not quote.count:
        return replace(pick, stock=0)
    return replace(pick, quote=quote.price, usual=quote.usual, stock=quote.count)


def at_todays_prices(basket: Basket, catalogue: Catalogue) -> Basket:
    """Return a basket with what the price list says of its skins now."""
    return replace(basket, picks=tuple(at_todays_price(one, catalogue) for one in basket.picks))


def skin_of(one: Pick | Line) -> Skin:
    """Return which skin it is: its game and its market hash name."""
    return one.game, one.market_hash_name


async def put(tx: Transaction, basket: Basket, pick: Pick) -> None:
    """Put a pick in, into the row that is there for it if there is one."""
    alike = next((one for one in basket.picks if _same_row(one, pick)), None)
    if alike is None:
        await baskets.add_pick(tx, basket.request_id, pick)
    else:
        total = alike.quantity + pick.quantity
        await baskets.update_pick(tx, replace(pick, pick_id=alike.pick_id, quantity=total))


def require_may_ask(actor: Actor, guild: GuildSettings) -> None:
    """Raise ``UserFacingError`` (NOT_SET_UP, NOT_ALLOWED_TO_ASK) unless they may ask here."""
    if not guild.ready:
        raise UserFacingError(Problem.NOT_SET_UP)
    if guild.asker_role_ids and not guild.asker_role_ids & actor.role_ids:
        raise UserFacingError(
            Problem.NOT_ALLOWED_TO_ASK,
            role_ids=",".join(str(role_id) for role_id in sorted(guild.asker_role_ids)),
        )


def require_room(basket: Basket, guild: GuildSettings, more: int) -> None:
    """Raise ``UserFacingError`` (TOO_MANY_LINES) unless so many more skins have room."""
    if basket.lines_count + more > guild.lines_max:
        raise UserFacingError(
            Problem.TOO_MANY_LINES, lines_max=guild.lines_max, lines=basket.lines_count + more
        )


def require_offered(one: Quote | Pick, guild: GuildSettings) -> None:
    """Raise ``UserFacingError`` (GAME_NOT_OFFERED) for a skin of a game not offered here."""
    if one.game not in guild.games:
        raise UserFacingError(Problem.GAME_NOT_OFFERED, skin=one.market_hash_name)


def require_ceiling(priced: Quote | Pick, ceiling: Micros) -> None:
    """Raise ``UserFacingError`` (CEILING_BELOW_CHEAPEST) for a ceiling that buys nothing today."""
    price = priced.price if isinstance(priced, Quote) else priced.quote
    if ceiling < price:
        raise UserFacingError(
            Problem.CEILING_BELOW_CHEAPEST,
            skin=priced.market_hash_name,
            cheapest=format_usd(price),
            ceiling=format_usd(ceiling),
        )


def _pick_of(basket: Basket, pick_id: int) -> Pick:
    for pick in basket.picks:
        if pick.pick_id == pick_id:
            return pick
    raise UserFacingError(Problem.BASKET_CHANGED)


def _same_row(one: Pick, other: Pick) -> bool:
    """Say whether two picks are one row ×n: the same skin at the same ceiling, by name."""
    return (
        one.listing_id is None
        and other.listing_id is None
        and (one.game, one.market_hash_name, one.ceiling)
        == (other.game, other.market_hash_name, other.ceiling)
    )
