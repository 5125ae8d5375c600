"""What servers and the deployment have decided."""

from __future__ import annotations

import sqlite3

import pytest

from bot.domain.models import GuildSettings, Pause, PauseCause
from bot.errors import DatabaseError
from bot.store import settings
from bot.store.database import Database
from tests.store.samples import GUILD, MAX, NOW

IDENTITY = {"market": "skinsback", "market_host": "skinsback.com", "client_id": "1001"}


class TestGuild:
    """The set-up of a server."""

    async def test_guild_that_decided_nothing_has_the_defaults(self, database: Database) -> None:
        async with database.writing() as tx:
            assert await settings.get_guild(tx, GUILD) == GuildSettings(GUILD)
            await settings.add_guild(tx, GUILD)
            assert await settings.get_guild(tx, GUILD) == GuildSettings(GUILD)

    async def test_guild_reads_back_every_choice(self, database: Database) -> None:
        async with database.writing() as tx:
            await settings.set_place(tx, GUILD, "approver_role_id", 1)
            await settings.set_place(tx, GUILD, "approval_channel_id", 2)
            await settings.set_place(tx, GUILD, "results_channel_id", 3)
            await settings.set_asker_roles(tx, GUILD, [5, 4])
            await settings.set_numbers(
                tx,
                GUILD,
                {"tolerance_bp": 750, "lines_max": 25, "open_requests_max": 10, "undo_s": 0},
            )
        async with database.reading() as tx:
            assert await settings.get_guild(tx, GUILD) == GuildSettings(
                GUILD, 1, 2, 3, frozenset({4, 5}), 750, 25, 10, 0
            )
            assert await settings.guilds_with_approval_channel(tx) == [(GUILD, 2)]

    async def test_asker_roles_when_chosen_anew_replace_the_old_ones(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            await settings.set_asker_roles(tx, GUILD, [4, 5])
            await settings.set_asker_roles(tx, GUILD + 1, [4])
            await settings.set_asker_roles(tx, GUILD, [6])
            assert (await settings.get_guild(tx, GUILD)).asker_role_ids == {6}
            await settings.set_asker_roles(tx, GUILD, [])
            assert (await settings.get_guild(tx, GUILD)).asker_role_ids == frozenset()
            assert (await settings.get_guild(tx, GUILD + 1)).asker_role_ids == {4}

    async def test_number_out_of_range_is_refused_by_the_table(self, database: Database) -> None:
        async with database.writing() as tx:
            with pytest.raises(sqlite3.IntegrityError):
                await settings.set_numbers(tx, GUILD, {"lines_max": 26})

    async def test_confirmations_are_kept_in_order_until_they_are_forgotten(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            await settings.add_guild(tx, GUILD)
            await settings.add_guild(tx, GUILD + 1)
            for user_id, at in ((MAX, NOW), (5, NOW - 1), (MAX, NOW - 2)):
                await settings.confirm(tx, GUILD, user_id, at)
            await settings.confirm(tx, GUILD + 1, MAX, NOW)
            assert await settings.confirmed_by(tx, GUILD) == [5, MAX]
            await settings.forget_confirmations(tx, GUILD)
            assert await settings.confirmed_by(tx, GUILD) == []
            assert await settings.confirmed_by(tx, GUILD + 1) == [MAX]


class TestPause:
    """Buying is paused while there is a cause."""

    async def test_pause_is_news_once_for_each_cause_and_code(self, database: Database) -> None:
        refused = Pause(PauseCause.MARKET_REFUSES_US, NOW, -10, "")
        async with database.writing() as tx:
            assert await settings.get_pause(tx) is None
            assert await settings.pause(tx, refused)
            assert not await settings.pause(tx, Pause(refused.cause, NOW + 1, -10, ""))
            assert await settings.get_pause(tx) == refused
            other = Pause(refused.cause, NOW + 2, -8, "")
            assert await settings.pause(tx, other)
            assert await settings.get_pause(tx) == other

    async def test_pause_after_an_alarm_stands_until_the_alarm_is_lifted(
        self, database: Database
    ) -> None:
        refused = Pause(PauseCause.MARKET_REFUSES_US, NOW, -10, "")
        alarm = Pause(PauseCause.ALARM, NOW + 1, None, "above_ceiling")
        async with database.writing() as tx:
            await settings.pause(tx, refused)
            await settings.pause(tx, alarm)
            assert await settings.get_pause(tx) == alarm
            assert await settings.resume(tx, PauseCause.MARKET_REFUSES_US)
            assert await settings.get_pause(tx) == alarm
            assert await settings.resume(tx, PauseCause.ALARM)
            assert not await settings.resume(tx, PauseCause.ALARM)
            assert await settings.get_pause(tx) is None


class TestIdentity:
    """A database belongs to one market and project."""

    async def test_identity_of_a_new_database_is_remembered(self, database: Database) -> None:
        async with database.writing() as tx:
            await settings.check_identity(tx, **IDENTITY)
            await settings.check_identity(tx, **IDENTITY)
            assert {key: await settings.get_meta(tx, key) for key in IDENTITY} == IDENTITY

    @pytest.mark.parametrize("key", IDENTITY)
    async def test_identity_that_differs_in_anything_is_one_clear_line(
        self, database: Database, key: str
    ) -> None:
        async with database.writing() as tx:
            await settings.check_identity(tx, **IDENTITY)
            with pytest.raises(DatabaseError, match=rf"{key} was {IDENTITY[key]}, now else") as no:
                await settings.check_identity(tx, **(IDENTITY | {key: "else"}))
            assert "\n" not in str(no.value)
            await settings.check_identity(tx, **IDENTITY)

    async def test_what_is_remembered_is_replaced(self, database: Database) -> None:
        async with database.writing() as tx:
            await settings.set_meta(tx, "a", "1")
            await settings.set_meta(tx, "a", "2")
            assert await settings.get_meta(tx, "a") == "2"
            assert await settings.get_meta(tx, "b") is None
