"""Whether the market lets us in: the pause that follows, who is told, and how it ends."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from bot.domain.models import MessageKind, Pause, PauseCause, WaitReason
from bot.errors import MarketRefusedError, MarketUnavailableError
from bot.sandbox.skinsback import Fault, SkinsbackSandbox
from bot.services.market_watch import lift
from bot.services.ports import Paused, PauseOver
from bot.skinsback.refusals import RULES
from bot.store import settings
from tests.services.house import (
    ANA,
    APPROVALS,
    GUILD,
    HOUR,
    House,
    ManualClock,
    ScriptedDiscord,
    open_house,
    until,
    working,
)

NOTICE = MessageKind.PAUSE_NOTICE
BROKEN = [code for code, rule in RULES.items() if rule.pauses_buying]
PASSING = [code for code, rule in RULES.items() if not rule.pauses_buying]


async def paused(house: House) -> Pause | None:
    async with house.database.reading() as tx:
        return await settings.get_pause(tx)


class TestBalance:
    """The cheapest call that needs everything to be right."""

    async def test_balance_is_told_exactly(self, house: House) -> None:
        assert await house.watch.balance() == house.market.balance
        assert await paused(house) is None

    @pytest.mark.parametrize("code", BROKEN)
    async def test_refusal_that_will_stay_pauses_buying_and_tells_every_approval_channel(
        self, house: House, code: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        house.market.refuse("balance", code)
        with pytest.raises(MarketRefusedError):
            await house.watch.balance()
        pause = await paused(house)
        assert pause is not None
        assert (pause.cause, pause.code, pause.since) == (
            PauseCause.MARKET_REFUSES_US,
            code,
            house.clock.now,
        )
        assert f"code {code}" in caplog.text
        await house.post_everything()
        (notice,) = house.discord.of(NOTICE)
        assert (notice.channel_id, notice.subject) == (APPROVALS, Paused((pause,), None))

    @pytest.mark.parametrize("code", PASSING)
    async def test_refusal_that_passes_pauses_nothing(self, house: House, code: int) -> None:
        house.market.refuse("balance", code)
        with pytest.raises(MarketRefusedError):
            await house.watch.balance()
        assert await paused(house) is None

    async def test_market_that_is_down_pauses_nothing(self, house: House) -> None:
        house.market.break_next("balance", Fault.HTML_502)
        with pytest.raises(MarketUnavailableError):
            await house.watch.balance()
        assert await paused(house) is None

    async def test_same_refusal_again_is_told_once_and_another_is_told_anew(
        self, house: House
    ) -> None:
        for code in (-10, -10, -8):
            house.market.refuse("balance", code)
            with pytest.raises(MarketRefusedError):
                await house.watch.balance()
            await house.post_everything()
        assert len(house.discord.of(NOTICE)) == 2


class TestEnd:
    """How a pause ends."""

    async def test_market_that_lets_us_in_again_ends_its_own_pause_and_says_so(
        self, house: House
    ) -> None:
        house.market.refuse("balance", -8)
        with pytest.raises(MarketRefusedError):
            await house.watch.balance()
        await house.post_everything()
        await house.watch.balance()
        assert await paused(house) is None
        assert house.approved.is_set()
        await house.post_everything()
        (notice,) = house.discord.of(NOTICE)
        assert notice.subject == PauseOver()

    async def test_alarm_is_ended_by_nobody_but_the_operator(self, house: House) -> None:
        await house.watch.pause(PauseCause.ALARM, details="above_ceiling")
        await house.watch.balance()
        pause = await paused(house)
        assert pause is not None
        assert pause.cause is PauseCause.ALARM
        async with house.database.writing() as tx:
            assert await lift(tx, PauseCause.ALARM, at=house.clock.now)
            assert not await lift(tx, PauseCause.ALARM, at=house.clock.now)
        assert await paused(house) is None

    async def test_balance_is_no_proof_that_we_may_buy_again(self, house: House) -> None:
        """Else a market that tells the balance and refuses to sell would be asked each minute."""
        async with house.database.writing() as tx:
            await house.watch.refused_to_sell_in(tx, -4)
        await house.watch.balance()
        assert await paused(house) is not None
        house.clock.now += HOUR
        await house.watch.balance()
        assert await paused(house) is None

    async def test_balance_at_a_start_is_tried_as_a_proof(self, house: House) -> None:
        async with house.database.writing() as tx:
            await house.watch.refused_to_sell_in(tx, -4)
        await house.watch.balance(at_start=True)
        assert await paused(house) is None

    async def test_refusal_to_sell_that_passes_pauses_nothing(self, house: House) -> None:
        async with house.database.writing() as tx:
            for code in PASSING:
                await house.watch.refused_to_sell_in(tx, code)
        assert await paused(house) is None

    async def test_request_that_waited_for_the_end_goes_on_at_once(self, house: House) -> None:
        view = await house.submit_approved(ANA)
        await house.watch.pause(PauseCause.ALARM)
        waiting = await house.buy_until(view, waiting=True)
        assert waiting.request.waits_for is WaitReason.PAUSED
        async with house.database.writing() as tx:
            await lift(tx, PauseCause.ALARM, at=house.clock.now)
        assert (await house.buy_until(view)).debited_total

    async def history(self, house: House) -> list[tuple[int, str, str, int]]:
        async with house.database.reading() as tx:
            rows = await tx.all(
                "SELECT guild_id, kind, details, at FROM events "
                "WHERE kind IN ('paused', 'resumed') ORDER BY event_id"
            )
        return [
            (row["guild_id"], row["kind"], json.loads(row["details"])["cause"], row["at"])
            for row in rows
        ]

    async def test_end_stands_in_the_history_of_every_server_that_was_told_and_of_no_other(
        self, path: Path, market: SkinsbackSandbox, discord: ScriptedDiscord, clock: ManualClock
    ) -> None:
        other, not_allowed, without_channel = GUILD + 1, GUILD + 2, GUILD + 3
        async with open_house(
            path, market, discord, clock, allowed=(GUILD, other, without_channel)
        ) as house:
            await house.set_up()
            async with house.database.writing() as tx:
                for guild_id in (other, not_allowed):
                    await settings.set_place(tx, guild_id, "approval_channel_id", 9)
                await settings.add_guild(tx, without_channel)
            lifted_at = []
            for _ in range(2):
                market.refuse("balance", -8)
                with pytest.raises(MarketRefusedError):
                    await house.watch.balance()
                clock.now += HOUR
                await house.watch.balance()
                lifted_at.append(clock.now)
                clock.now += HOUR
            ends = [
                (guild_id, at)
                for guild_id, kind, _, at in await self.history(house)
                if kind == "resumed"
            ]
            assert ends == [(guild_id, at) for at in lifted_at for guild_id in (GUILD, other)]

    async def test_end_of_one_of_two_pauses_is_no_end(self, house: House) -> None:
        """The operator has looked at the alarm, but the market refuses us still."""
        await house.watch.pause(PauseCause.ALARM)
        house.clock.now += HOUR
        await house.watch.pause(PauseCause.MARKET_REFUSES_US, code=-8)
        async with house.database.writing() as tx:
            assert await lift(tx, PauseCause.ALARM, at=house.clock.now)
        assert [kind for _, kind, _, _ in await self.history(house)] == ["paused", "paused"]
        house.clock.now += HOUR
        await house.watch.balance()
        (end,) = (await self.history(house))[2:]
        assert end == (GUILD, "resumed", "market_refuses_us", house.clock.now)


class TestWhoIsTold:
    """Only servers that may spend, and that have a place for it."""

    async def test_server_that_isnt_allowed_or_has_no_channel_is_not_told(
        self, path: Path, market: SkinsbackSandbox, discord: ScriptedDiscord, clock: ManualClock
    ) -> None:
        async with open_house(path, market, discord, clock) as house:
            await house.set_up()
            async with house.database.writing() as tx:
                await settings.set_place(tx, GUILD + 1, "approval_channel_id", 9)
                await settings.add_guild(tx, GUILD + 2)
            await house.watch.pause(PauseCause.ALARM)
            await house.post_everything()
            assert [notice.channel_id for notice in discord.of(NOTICE)] == [APPROVALS]


class TestRun:
    """The check at the start."""

    async def test_start_with_credentials_that_are_refused_comes_up_paused(
        self, house: House, market: SkinsbackSandbox
    ) -> None:
        market.refuse("balance", -10, times=99)

        async def is_paused() -> bool:
            return await paused(house) is not None

        async with working(house.watch.run()):
            await until(is_paused)

    async def test_start_while_the_market_is_down_goes_on(
        self, house: House, market: SkinsbackSandbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        market.break_next("balance", Fault.DROP, times=9)
        async with working(house.watch.run()):
            for _ in range(100):
                if "can't be used at the moment" in caplog.text:
                    break
                await asyncio.sleep(0.01)
        assert "can't be used at the moment" in caplog.text
        assert await paused(house) is None


async def test_pause_that_came_while_an_older_one_was_being_lifted_stands(house: House) -> None:
    """What is lifted is what is read in the transaction that lifts it."""
    async with house.database.writing() as tx:
        await settings.pause(tx, Pause(PauseCause.MARKET_REFUSES_US, house.clock.now, -10, ""))
    async with house.database.writing() as tx:
        asking = asyncio.create_task(house.watch.balance())
        await asyncio.sleep(0.2)
        assert not asking.done()
        await house.watch.refused_to_sell_in(tx, -8)
    await asking
    assert await paused(house) is not None


async def test_market_that_lets_us_in_is_heard_beside_an_alarm(house: House) -> None:
    """Whoever lifts the alarm later must not find a pause that is over."""
    async with house.database.writing() as tx:
        await settings.pause(tx, Pause(PauseCause.ALARM, house.clock.now, None, ""))
        await settings.pause(tx, Pause(PauseCause.MARKET_REFUSES_US, house.clock.now, -10, ""))
    await house.watch.balance()
    async with house.database.reading() as tx:
        assert [pause.cause for pause in await settings.get_pauses(tx)] == [PauseCause.ALARM]
