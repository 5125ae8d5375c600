"""A basket whose skins cost more by now than their price limits: its member is asked first.

What they answer carries what they were shown: prices that have moved again since are asked about
anew. Nothing is sent by an answer; the basket then shows what it would cost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from bot.domain.keys import DIGEST_SHOWN
from bot.domain.models import Actor, Basket, GuildSettings, Pick
from bot.domain.money import ceiling_for
from bot.errors import Problem, UserFacingError
from bot.services.baskets import (
    Baskets,
    Shown,
    at_todays_price,
    require_may_ask,
    skin_of,
)
from bot.services.catalogue import Catalogue
from bot.services.clock import Clock
from bot.store import baskets, settings
from bot.store.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class Moved:
    """A row of the basket that can't be bought within its limit today.

    ``position``: its place in the basket, from 0. ``picked``: as it was put in. ``today``: at
    today's price and the server's usual ceiling; None: sold out.
    """

    position: int
    picked: Pick
    today: Pick | None


@dataclass(frozen=True, slots=True)
class Question:
    """What a member is asked about a basket before it is sent."""

    basket: Basket
    moved: tuple[Moved, ...]

    @property
    def stamp(self) -> str:
        """What tells these rows at these prices and ceilings from any others."""
        facts = [
            (one.picked.pick_id, one.today and (one.today.quote, one.today.ceiling))
            for one in self.moved
        ]
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:DIGEST_SHOWN]

    @property
    def then(self) -> Basket:
        """The basket as it would be at today's prices, without what is sold out."""
        instead = {one.picked.pick_id: one.today for one in self.moved}
        picks = [instead.get(pick.pick_id, pick) for pick in self.basket.picks]
        return replace(self.basket, picks=tuple(pick for pick in picks if pick is not None))


class Repricing:
    """Use cases of prices that moved. All raise ``UserFacingError`` as ``Baskets.open`` does, and
    BASKET_CHANGED.
    """

    def __init__(
        self, database: Database, catalogue: Catalogue, baskets_: Baskets, clock: Clock
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._baskets = baskets_
        self._clock = clock

    async def question(self, actor: Actor, shown: Shown) -> Question:
        """Return what has to be asked about the basket that was shown; maybe nothing any more."""
        basket = await self._baskets.open_shown(actor, shown)
        async with self._database.reading() as tx:
            return await self._question(tx, actor, basket, shown)

    async def use_todays_prices(self, actor: Actor, shown: Shown, stamp: str) -> Question:
        """Take today's prices, with the server's usual ceilings, for what the question showed, and
        take out what is sold out. Return that question.

        Raises ``UserFacingError`` (PRICES_MOVED) if prices are no longer those that were shown.
        """
        basket = await self._baskets.open_shown(actor, shown)
        async with self._database.writing() as tx:
            question = await self._question(tx, actor, basket, shown)
            if question.stamp != stamp:
                raise UserFacingError(Problem.PRICES_MOVED)
            await self._claim(tx, shown)
            await self._take(tx, question)
        return question

    async def _take(self, tx: Transaction, question: Question) -> None:
        """Save today's prices; what becomes alike by them becomes one row."""
        moved = {one.picked.pick_id for one in question.moved}
        rows = {_looks(one): one for one in question.basket.picks if one.pick_id not in moved}
        for one in question.moved:
            if one.today is None:
                await baskets.remove_pick(tx, one.picked.pick_id)
                continue
            row = one.today
            if alike := rows.get(_looks(row)):
                await baskets.remove_pick(tx, one.picked.pick_id)
                row = replace(row, pick_id=alike.pick_id, quantity=alike.quantity + row.quantity)
            await baskets.update_pick(tx, row)
            rows[_looks(row)] = row

    async def remove(self, actor: Actor, shown: Shown, positions: Collection[int]) -> list[Pick]:
        """Take out the rows at these places of the basket that was shown, and return them."""
        basket = await self._baskets.open_shown(actor, shown)
        removed = [pick for place, pick in enumerate(basket.picks) if place in positions]
        async with self._database.writing() as tx:
            await self._claim(tx, shown)
            for pick in removed:
                await baskets.remove_pick(tx, pick.pick_id)
        return removed

    async def _claim(self, tx: Transaction, shown: Shown) -> None:
        """Make the one change of the basket that was shown."""
        at = self._clock.now_ms()
        if not await baskets.change(tx, shown.request_id, revision=shown.revision, at=at):
            raise UserFacingError(Problem.BASKET_CHANGED)

    async def _question(
        self, tx: Transaction, actor: Actor, opened: Basket, shown: Shown
    ) -> Question:
        basket = await baskets.find(tx, opened.guild_id, opened.user_id)
        if basket is None or not shown.is_still(basket):
            raise UserFacingError(Problem.BASKET_CHANGED)
        guild = await settings.get_guild(tx, basket.guild_id)
        require_may_ask(actor, guild)
        return Question(basket, tuple(self._moved(basket.picks, guild)))

    def _moved(self, picks: Sequence[Pick], guild: GuildSettings) -> list[Moved]:
        moved = []
        for position, picked in enumerate(picks):
            today = at_todays_price(picked, self._catalogue)
            if today.sold_out:
                moved.append(Moved(position, picked, None))
            elif today.out_of_reach:
                ceiling = ceiling_for(today.quote, guild.tolerance_bp)
                moved.append(Moved(position, picked, replace(today, ceiling=ceiling)))
        return moved


def _looks(pick: Pick) -> tuple[str, str, int, int | None]:
    return (*skin_of(pick), pick.ceiling, pick.listing_id)
