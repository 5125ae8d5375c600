"""What outlives a restart of the prices: the last lists, and what each skin usually costs.

It is a help and no more: whatever is wrong with the file is in the log, and prices go on without
it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from bot.domain.market import APP_IDS, PriceRow
from bot.domain.money import Micros
from bot.services.pace import Pace
from bot.services.shelf import Rows, Shelf, positions_in, stocking
from bot.store.prices import PORTION, KeptPrices, PriceFile, PricesLostError, SkinRow, day_of

_LOOKED_AT: Final = 64
"""Names between two looks at the clock."""


class PriceMemory:
    """Reads and writes the file, at the ``pace`` of whoever refreshes the prices."""

    def __init__(self, file: PriceFile, pace: Pace) -> None:
        self._file = file
        self._pace = pace
        self._kept: dict[str, Shelf] = {}
        """What of each game is in the file, where all of it is."""

    async def shelves(self) -> AsyncGenerator[Shelf]:
        """Return the prices of the last run, a game at a time."""
        pace = Pace.urgent()
        try:
            async with self._file.opened() as kept:
                for game, read_at in (await kept.lists()).items():
                    shelf = await _load(kept, game, read_at, pace)
                    if shelf is not None:
                        self._kept[game] = shelf
                        yield shelf
        except PricesLostError:
            return

    async def usuals(self, game: str, read_at: int) -> dict[str, Micros | None] | None:
        """Return what each name usually costs, if that is found out now: once a day."""
        usuals: dict[str, Micros | None] = {}
        try:
            async with (
                self._file.opened() as kept,
                aclosing(kept.roll(game, day_of(read_at))) as portions,
            ):
                async for portion in portions:
                    usuals.update(portion)
                    await self._pace.breathe()
        except PricesLostError:
            return None
        return usuals or None

    async def keep(self, shelf: Shelf, rows: Rows) -> None:
        """Keep what has changed; if that can't be, the next start begins without prices."""
        known = self._kept.pop(shelf.game, None)
        try:
            async with self._file.opened() as kept:
                if shelf.game not in await kept.lists():
                    known = None
                async for portion in self._changed(shelf, rows, known):
                    await kept.put(shelf.game, portion)
                async for names in self._gone(shelf, known):
                    await kept.drop(shelf.game, names)
                await kept.end(shelf.game, shelf.read_at)
        except PricesLostError:
            return
        self._kept[shelf.game] = shelf

    async def _changed(
        self, shelf: Shelf, rows: Rows, known: Shelf | None
    ) -> AsyncGenerator[list[SkinRow]]:
        """Return what is not in the file yet, in portions."""
        # The first time it is all of it, and a restart may want it soon.
        pace = self._pace if known else Pace.urgent()
        portion: list[SkinRow] = []
        today = day_of(shelf.read_at)
        before = today if known is None else day_of(known.read_at)
        old_of = await pace.through(positions_in(known, shelf.index))
        for position, name in enumerate(shelf.index.names):
            row = shelf.row(position)
            old = old_of(position)
            if known is None or old is None or known.row(old) != row:
                portion.append(SkinRow(*row, today if name in rows.places else before))
            if len(portion) == PORTION:
                yield portion
                portion = []
            if position % _LOOKED_AT == 0:
                await pace.breathe()
        if portion:
            yield portion

    async def _gone(self, shelf: Shelf, known: Shelf | None) -> AsyncGenerator[list[str]]:
        """Return the names in the file that are not offered any more, in portions."""
        if known is None or known.index is shelf.index:
            return
        portion: list[str] = []
        new_of = await self._pace.through(positions_in(shelf, known.index))
        for position, name in enumerate(known.index.names):
            if new_of(position) is None:
                portion.append(name)
            if len(portion) == PORTION:
                yield portion
                portion = []
            if position % _LOOKED_AT == 0:
                await self._pace.breathe()
        if portion:
            yield portion


async def _load(kept: KeptPrices, game: str, read_at: int, pace: Pace) -> Shelf | None:
    rows, usuals = Rows(), dict[str, Micros | None]()
    async with aclosing(kept.skins(game)) as portions:
        async for portion in portions:
            rows.add(PriceRow(*skin[:4]) for skin in portion)
            usuals.update((skin.market_hash_name, skin.usual) for skin in portion)
            await pace.breathe()
    if not rows.places or game not in APP_IDS:
        return None
    return await pace.through(stocking(game, rows, read_at=read_at, usuals=usuals))
