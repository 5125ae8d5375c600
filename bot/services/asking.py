"""Asking again: the skins of a request that is over go into its member's basket once more.

The old request is only read. What is in the basket already is left as it is, so a second press
adds nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.domain.models import Actor, Basket, GuildSettings, LineView, Pick, RequestView
from bot.domain.money import Micros, ceiling_for
from bot.domain.picking import LeftOut, Why
from bot.domain.skin_keys import Skin
from bot.domain.states import DECIDED_STATES, RequestState
from bot.errors import Problem, UserFacingError
from bot.services.baskets import Baskets, pick_of, put, skin_of
from bot.services.catalogue import Catalogue
from bot.services.clock import Clock
from bot.services.guilds import Guilds
from bot.services.rights import own_request
from bot.store import baskets, settings
from bot.store.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """What was asked for is in the basket now, as far as it can be.

    ``added``: how many skins. ``by_name``: those of them that had been one certain listing, and
    are now whichever is cheapest.
    """

    guild_id: int
    number: int
    added: int
    left_out: tuple[LeftOut, ...]
    by_name: tuple[str, ...]


class Asking:
    """Use cases of asking again. They work from a DM too: whether a member may ask is seen when
    they open the basket.
    """

    def __init__(
        self,
        database: Database,
        guilds: Guilds,
        catalogue: Catalogue,
        baskets_: Baskets,
        clock: Clock,
    ) -> None:
        self._database = database
        self._guilds = guilds
        self._catalogue = catalogue
        self._baskets = baskets_
        self._clock = clock

    async def for_missing(self, actor: Actor, request_id: str, *, note: str) -> AskedAgain:
        """Put in what did not arrive of a member's request, at today's prices.

        What was approved as a ceiling is kept where it still covers the price, the lowest where a
        skin was in it at several. ``note``: for the
        moderators, if there is none, with ``{number}``. Raises ``UserFacingError`` (NOT_YOURS,
        NOTHING_TO_ASK_AGAIN, SERVER_NOT_ALLOWED).
        """
        async with self._database.writing() as tx:
            view = await own_request(tx, actor, request_id)
            number = view.request.number
            if (
                view.request.state not in (RequestState.BOUGHT, RequestState.CLOSED)
                or not view.undelivered
            ):
                raise UserFacingError(Problem.NOTHING_TO_ASK_AGAIN, number=number)
            approved = _lowest_ceilings(view.undelivered)
            basket, asked = await self._put_in(tx, actor, view, view.undelivered, approved)
            if asked.added and not basket.note:
                await baskets.set_note(tx, basket.request_id, note.format(number=number))
        return asked

    async def for_all(self, actor: Actor, request_id: str) -> AskedAgain:
        """Put in everything of a member's request that is decided, at today's prices and the
        server's usual ceilings.

        Raises ``UserFacingError`` (NOT_YOURS, STILL_OPEN, SERVER_NOT_ALLOWED).
        """
        async with self._database.writing() as tx:
            view = await own_request(tx, actor, request_id)
            if view.request.state not in DECIDED_STATES:
                raise UserFacingError(Problem.STILL_OPEN, number=view.request.number)
            _, asked = await self._put_in(tx, actor, view, view.lines, {})
        return asked

    async def _put_in(
        self,
        tx: Transaction,
        actor: Actor,
        view: RequestView,
        lines: Sequence[LineView],
        approved: Mapping[Skin, Micros],
    ) -> tuple[Basket, AskedAgain]:
        request = view.request
        self._guilds.require_allowed(replace(actor, guild_id=request.guild_id))
        guild = await settings.get_guild(tx, request.guild_id)
        basket = await self._baskets.find_or_make(tx, request.guild_id, actor.user_id)
        picks, left_out = self._to_add(_lacking(lines, basket), basket, guild, approved)
        if picks:
            await baskets.change(
                tx, basket.request_id, revision=basket.revision, at=self._clock.now_ms()
            )
            for pick in picks:
                await put(tx, basket, pick)
        listed = {skin_of(line.line) for line in lines if line.line.listing_id is not None}
        return basket, AskedAgain(
            request.guild_id,
            request.number,
            sum(pick.quantity for pick in picks),
            tuple(left_out),
            tuple(pick.market_hash_name for pick in picks if skin_of(pick) in listed),
        )

    def _to_add(
        self,
        lacking: Mapping[Skin, int],
        basket: Basket,
        guild: GuildSettings,
        approved: Mapping[Skin, Micros],
    ) -> tuple[list[Pick], list[LeftOut]]:
        room = max(0, guild.lines_max - basket.lines_count)
        picks: list[Pick] = []
        left_out: list[LeftOut] = []
        for skin, wanted in lacking.items():
            game, name = skin
            quote = self._catalogue.find(game, name)
            if game not in guild.games:
                left_out.append(LeftOut(name, Why.NOT_OFFERED, quantity=wanted))
            elif self._catalogue.refreshed_at(game) is None:
                left_out.append(LeftOut(name, Why.NO_PRICES, quantity=wanted))
            elif quote is None or not quote.count:
                left_out.append(LeftOut(name, Why.SOLD_OUT, quantity=wanted))
            else:
                quantity = min(wanted, room)
                room -= quantity
                ceiling = approved.get(skin, Micros(0))
                if ceiling < quote.price:
                    ceiling = ceiling_for(quote.price, guild.tolerance_bp)
                if quantity:
                    picks.append(pick_of(quote, quantity, ceiling))
                if quantity < wanted:
                    left_out.append(LeftOut(name, Why.NO_ROOM, quantity=wanted - quantity))
        return picks, left_out


def _lowest_ceilings(lines: Sequence[LineView]) -> dict[Skin, Micros]:
    lowest: dict[Skin, Micros] = {}
    for line in lines:
        skin = skin_of(line.line)
        lowest[skin] = min(line.line.ceiling, lowest.get(skin, line.line.ceiling))
    return lowest


def _lacking(lines: Sequence[LineView], basket: Basket) -> dict[Skin, int]:
    """Return how many of each skin of these lines the basket lacks, where it lacks any."""
    there: Counter[Skin] = Counter()
    for pick in basket.picks:
        there[skin_of(pick)] += pick.quantity
    return dict(Counter(skin_of(line.line) for line in lines) - there)
