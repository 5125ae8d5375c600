"""Baskets on disk: what is in them, and a revision that tells stale clicks."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.domain.money import CENT, Micros
from bot.store import baskets, pastes
from bot.store.database import Database
from bot.store.pastes import Paste
from tests.store import samples
from tests.store.samples import ANA, GUILD, MAX, NOW, pick, request_id


async def test_basket_reads_back_as_it_was_filled(database: Database) -> None:
    picks = [pick(), pick(listing_id=5, quantity=1), pick(market_hash_name="other", game="rust")]
    async with database.writing() as tx:
        basket = await samples.draft(tx)
        await baskets.remove_all_picks(tx, basket.request_id)
        ids = [await baskets.add_pick(tx, basket.request_id, one) for one in picks]
        await baskets.set_note(tx, basket.request_id, "for the cup")
    async with database.reading() as tx:
        found = await baskets.find(tx, GUILD, ANA)
        assert found is not None
        expected = [replace(one, pick_id=made) for one, made in zip(picks, ids, strict=True)]
        assert list(found.picks) == expected
        assert (found.note, found.request_id, found.revision) == ("for the cup", request_id(), 1)
        assert await baskets.find(tx, GUILD, MAX) is None
        assert await baskets.find(tx, GUILD + 1, ANA) is None


async def test_change_by_five_at_once_is_made_by_one(database: Database) -> None:
    async with database.writing() as tx:
        await samples.draft(tx)

    async def change() -> bool:
        async with database.writing() as tx:
            return await baskets.change(tx, request_id(), revision=1, at=NOW)

    made = await asyncio.gather(*(change() for _ in range(5)))
    assert made.count(True) == 1
    async with database.reading() as tx:
        found = await baskets.find(tx, GUILD, ANA)
        assert found is not None
        assert found.revision == 2


async def test_change_of_what_was_sent_is_refused(database: Database) -> None:
    async with database.writing() as tx:
        view = await samples.pending(tx)
        revision = view.request.revision
        assert not await baskets.change(tx, request_id(), revision=revision, at=NOW)


async def test_pick_when_updated_or_removed_leaves_the_others(database: Database) -> None:
    async with database.writing() as tx:
        await samples.draft(tx)
        second = await baskets.add_pick(tx, request_id(), pick(market_hash_name="other"))
        basket = await baskets.find(tx, GUILD, ANA)
        assert basket is not None
        changed = replace(basket.picks[0], quantity=7, quote=Micros(5), ceiling=Micros(6 * CENT))
        await baskets.update_pick(tx, changed)
        found = await baskets.find(tx, GUILD, ANA)
        assert found is not None
        assert found.picks == (changed, basket.picks[1])
        await baskets.remove_pick(tx, changed.pick_id)
        found = await baskets.find(tx, GUILD, ANA)
        assert found is not None
        assert [one.pick_id for one in found.picks] == [second]


async def test_pick_that_is_gone_never_gives_its_id_to_another(database: Database) -> None:
    """A stale click about it must not reach the one that came after."""
    async with database.writing() as tx:
        await samples.draft(tx)
        gone = await baskets.add_pick(tx, request_id(), pick())
        await baskets.remove_pick(tx, gone)
        assert await baskets.add_pick(tx, request_id(), pick()) > gone


async def test_picks_when_emptied_leave_the_note(database: Database) -> None:
    async with database.writing() as tx:
        await samples.draft(tx)
        await baskets.set_note(tx, request_id(), "for the cup")
        await baskets.remove_all_picks(tx, request_id())
        found = await baskets.find(tx, GUILD, ANA)
        assert found is not None
        assert (found.picks, found.note) == ((), "for the cup")


async def test_lines_of_a_list_are_counted_with_the_basket_and_outlive_it(
    database: Database,
) -> None:
    async with database.writing() as tx:
        assert await pastes.find(tx, GUILD, ANA) == Paste()
        basket = await samples.draft(tx)
        assert basket.pasted_left == 0
        await pastes.save(tx, GUILD, ANA, Paste(("2x ak", "awp"), "one"))
        found = await baskets.find(tx, GUILD, ANA)
        assert found is not None
        assert found.pasted_left == 2
        await samples.submit(tx, found, [samples.line()])
        made = await baskets.add(tx, GUILD, ANA, request_id=request_id(2), at=NOW)
        assert (made.picks, made.pasted_left) == ((), 2)
        assert (
            await baskets.add(tx, GUILD, MAX, request_id=request_id(3), at=NOW)
        ).pasted_left == 0
        await pastes.save(tx, GUILD, ANA, Paste((), "two"))
        assert await pastes.find(tx, GUILD, ANA) == Paste((), "two")
        found = await baskets.find(tx, GUILD, ANA)
        assert found is not None
        assert found.pasted_left == 0
