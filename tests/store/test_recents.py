"""What was asked for: the latest of a member, the most wanted of a server, each by its index."""

from __future__ import annotations

from bot.store import recents
from bot.store.database import Database, Row, Transaction, Value
from tests.store.samples import ANA, GUILD, MAX, NOW

AK, AWP, CASE = ("cs2", "AK"), ("cs2", "AWP"), ("rust", "Case")


async def test_latest_of_a_member_come_first_and_each_stands_once(database: Database) -> None:
    async with database.writing() as tx:
        await recents.note(tx, GUILD, ANA, [AK, AK, AWP], at=NOW)
        await recents.note(tx, GUILD, ANA, [CASE], at=NOW + 1)
        await recents.note(tx, GUILD, ANA, [AK], at=NOW + 2)
        await recents.note(tx, GUILD, MAX, [AWP], at=NOW + 3)
        await recents.note(tx, GUILD + 1, ANA, [AWP], at=NOW + 4)
        assert await recents.of_member(tx, GUILD, ANA) == [AK, CASE, AWP]
        assert await recents.of_member(tx, GUILD, MAX) == [AWP]
        assert await recents.of_member(tx, GUILD + 1, MAX) == []


async def test_most_wanted_of_a_server_are_counted_by_the_skin(database: Database) -> None:
    async with database.writing() as tx:
        await recents.note(tx, GUILD, ANA, [CASE, AWP, AWP], at=NOW)
        await recents.note(tx, GUILD, MAX, [AWP, AK, AK, AK, AK], at=NOW)
        await recents.note(tx, GUILD + 1, MAX, [CASE] * 9, at=NOW)
        assert await recents.most_wanted(tx, GUILD) == [AK, AWP, CASE]


async def test_of_one_member_no_more_is_kept_than_is_suggested(database: Database) -> None:
    async with database.writing() as tx:
        for day in range(40):
            await recents.note(tx, GUILD, ANA, [("cs2", f"{day}")], at=NOW + day)
        kept = await tx.all("SELECT count(*) AS n FROM recent_skins")
        assert kept[0]["n"] == recents.KEPT
        assert (await recents.of_member(tx, GUILD, ANA))[0] == ("cs2", "39")
        assert len(await recents.most_wanted(tx, GUILD)) == recents.KEPT


class Explaining(Transaction):
    """A transaction that says how it would read, instead of reading."""

    async def all(self, sql: str, *values: Value) -> list[Row]:
        rows = await super().all(f"EXPLAIN QUERY PLAN {sql}", *values)
        assert len(rows) == 1, "it would sort"
        assert "USING COVERING INDEX" in rows[0]["detail"]
        return []


async def test_reading_sorts_nothing(database: Database) -> None:
    """Both lists stand in an index in their order, so only what is shown is read."""
    async with database.reading() as tx:
        explaining = Explaining(tx._connection)
        await recents.of_member(explaining, GUILD, ANA)
        await recents.most_wanted(explaining, GUILD)
