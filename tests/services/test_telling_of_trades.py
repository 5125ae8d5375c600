"""Telling of trades and of deliveries that went wrong: once, where people look, as things stand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest

from bot.domain.delivery import TOLD_ANEW_MS
from bot.domain.limits import REMIND_AFTER_MS
from bot.domain.market import OfferStatus
from bot.domain.models import Delivery, MessageKind, OutboxRow, OutboxState, RequestView
from bot.sandbox.skinsback.ledger import LedgerEntry
from bot.services.old_edits import OLD_EDIT_GAP_MS, OLD_MS
from bot.services.ports import PostRefusedError, PostUncertainError
from bot.store import outbox
from tests.services.house import (
    ANA,
    APPROVALS,
    BEA,
    HOUR,
    MINUTE,
    OLGA,
    REDLINE,
    RESULTS,
    House,
    Message,
    Trouble,
)
from tests.services.test_announcements import trouble

TRADES, NOTICE = MessageKind.TRADES, MessageKind.DELIVERY_NOTICE
CARD, STATUS, RESULT = MessageKind.APPROVAL_CARD, MessageKind.MEMBER_STATUS, MessageKind.RESULT
WAITS, ACCEPTED = OfferStatus.WAITING_ACCEPT, OfferStatus.ACCEPTED


async def bought(house: House, count: int = 2) -> RequestView:
    """Have skins bought whose trades are made and move only when a test says so."""
    house.market.script_trades(OfferStatus.CREATING_TRADE)
    view = await house.buy_until(await house.submit_approved(ANA, (REDLINE, count)))
    await house.post_everything()
    return view


async def move(house: House, status: OfferStatus, *entries: LedgerEntry) -> None:
    """Let trades go on, and the bot learn of it and tell."""
    for entry in entries or house.market.purchases:
        house.market.move(entry, status)
    await learn(house)
    await house.post_everything()


async def learn(house: House) -> None:
    """Let the bot ask the market about everything that it follows."""
    async with house.database.writing() as tx:
        await tx.execute("UPDATE attempts SET check_at = 0 WHERE check_at IS NOT NULL")
    await house.follower.look()


async def parts(house: House, kind: MessageKind = TRADES) -> list[OutboxRow]:
    """Return the rows of the outbox of a kind of which there may be several."""
    async with house.database.reading() as tx:
        rows = await tx.all("SELECT outbox_id FROM outbox WHERE kind = ? ORDER BY part", kind)
        found = [await outbox.get(tx, row["outbox_id"]) for row in rows]
    return [row for row in found if row is not None]


def told(message: Message, part: int = 0) -> list[str | None]:
    """Return the statuses of the trades that a message shows."""
    assert isinstance(message.subject, RequestView)
    return [attempt.offer_status for _, attempt in message.subject.told_in(part)]


def closed_dms(*kinds: MessageKind, channels: Sequence[int] = ()) -> Trouble:
    """Return a trouble: members take no messages of these kinds, and neither do some channels."""

    async def refuse(what: str, row: OutboxRow) -> None:
        if what == "post" and row.kind in kinds and (row.to_member or row.target_id in channels):
            raise PostRefusedError("Discord 403/50007")

    return refuse


class TestTrades:
    """The member is told in time, once, and the message says how things stand."""

    async def test_trades_that_wait_are_told_in_one_message_that_goes_on_showing_them(
        self, house: House
    ) -> None:
        await bought(house)
        first, second = house.market.purchases
        await move(house, WAITS, first)
        (message,) = house.discord.of(TRADES)
        assert (message.channel_id, told(message)) == (ANA.user_id, [WAITS])
        await move(house, WAITS, second)
        assert house.discord.of(TRADES) == [message]
        assert told(message) == [WAITS, WAITS]
        await move(house, ACCEPTED, first)
        await move(house, OfferStatus.TIMEOUT, second)
        assert told(message) == [ACCEPTED, OfferStatus.TIMEOUT]
        assert house.discord.count("post", TRADES) == 1

    async def test_later_trade_is_told_anew_because_an_edit_rings_nobodys_phone(
        self, house: House
    ) -> None:
        await bought(house)
        first, second = house.market.purchases
        await move(house, WAITS, first)
        house.clock.now += TOLD_ANEW_MS
        await move(house, WAITS, second)
        old, new = house.discord.of(TRADES)
        assert (told(old, 0), told(new, 1)) == ([WAITS], [WAITS])
        assert old.mark != new.mark
        await move(house, ACCEPTED)
        assert (told(old, 0), told(new, 1)) == ([ACCEPTED], [ACCEPTED])

    async def test_trade_that_was_over_before_anybody_could_be_told_is_not_told(
        self, house: House
    ) -> None:
        await bought(house, 1)
        house.discord.ready = False
        await move(house, WAITS)
        await move(house, ACCEPTED)
        house.discord.ready = True
        await house.post_everything()
        assert house.discord.of(TRADES) == []
        assert [row.state for row in await parts(house)] == [OutboxState.SKIPPED]

    async def test_message_whose_answer_was_lost_is_found_and_not_posted_again(
        self, house: House
    ) -> None:
        await bought(house, 1)
        house.discord.aftermath = trouble(PostUncertainError("gone"), what="post", kind=TRADES)
        await move(house, WAITS)
        assert len(house.discord.of(TRADES)) == house.discord.count("post", TRADES) == 1

    async def test_deleted_message_comes_back_only_while_a_trade_waits(self, house: House) -> None:
        await bought(house)
        first, second = house.market.purchases
        await move(house, WAITS)
        house.discord.messages.remove(house.discord.of(TRADES)[0])
        await move(house, ACCEPTED, first)
        (again,) = house.discord.of(TRADES)
        assert told(again) == [ACCEPTED, WAITS]
        house.discord.messages.remove(again)
        await move(house, ACCEPTED, second)
        assert house.discord.of(TRADES) == []
        assert [row.state for row in await parts(house)] == [OutboxState.SKIPPED]

    async def test_every_card_is_drawn_when_a_delivery_goes_on(self, house: House) -> None:
        view = await bought(house)
        for status in (WAITS, ACCEPTED, OfferStatus.ROLLBACK_USER):
            await move(house, status)
            now = await house.view(view)
            for kind in (CARD, STATUS, RESULT):
                (message,) = house.discord.of(kind)
                assert message.subject == now, (kind, status)


class TestClosedDms:
    """A member who can't be written to is called where they look."""

    async def test_member_is_called_in_the_results_channel_and_the_cards_say_why(
        self, house: House
    ) -> None:
        view = await bought(house)
        house.discord.trouble = closed_dms(TRADES)
        await move(house, WAITS)
        (message,) = house.discord.of(TRADES)
        assert message.channel_id == RESULTS
        (row,) = await parts(house)
        assert (row.to_member, row.state, row.mark) == (False, OutboxState.POSTED, message.mark)
        assert (await house.view(view)).request.dm_closed
        (card,) = house.discord.of(CARD)
        assert card.subject == await house.view(view)
        await move(house, ACCEPTED)
        assert told(message) == [ACCEPTED, ACCEPTED]
        # Refused once, then posted once.
        assert house.discord.count("post", TRADES) == 2

    @pytest.mark.parametrize("kind", [MessageKind.READY, MessageKind.REMINDER])
    async def test_what_else_is_urgent_is_called_out_too(
        self, house: House, kind: MessageKind
    ) -> None:
        await house.guilds.choose_delivery(OLGA, Delivery.WHEN_READY)
        house.discord.trouble = closed_dms(kind)
        view = await house.submit_approved(ANA)
        if kind is MessageKind.REMINDER:
            house.clock.now += REMIND_AFTER_MS
            await house.requests.remind()
        await house.post_everything()
        (row,) = await parts(house, kind)
        assert not row.to_member
        assert row.target_id == RESULTS
        assert (await house.view(view)).request.dm_closed

    async def test_without_a_results_channel_it_is_the_one_for_approvals(
        self, house: House
    ) -> None:
        await bought(house)
        async with house.database.writing() as tx:
            await tx.execute("UPDATE guilds SET results_channel_id = NULL")
        house.discord.trouble = closed_dms(TRADES)
        await move(house, WAITS)
        (message,) = house.discord.of(TRADES)
        assert message.channel_id == APPROVALS

    async def test_channel_that_refuses_too_parks_it_and_a_person_can_have_it_moved(
        self, house: House
    ) -> None:
        await bought(house)
        house.discord.trouble = closed_dms(TRADES, channels=[RESULTS])
        await move(house, WAITS)
        (row,) = await parts(house)
        assert (row.state, row.target_id) == (OutboxState.PARKED, RESULTS)
        assert [one.kind for one in (await house.guilds.setup_state(OLGA)).parked] == [TRADES]
        await house.guilds.choose_place(OLGA, "results_channel_id", 555)
        await house.post_everything()
        (message,) = house.discord.of(TRADES)
        assert (message.channel_id, told(message)) == (555, [WAITS, WAITS])

    async def test_what_was_parked_and_is_over_is_not_told_late(self, house: House) -> None:
        await bought(house)
        house.discord.trouble = closed_dms(TRADES, channels=[RESULTS])
        await move(house, WAITS)
        await move(house, ACCEPTED)
        house.discord.trouble = closed_dms(TRADES)
        await house.guilds.try_parked_again(OLGA)
        await house.post_everything()
        assert house.discord.of(TRADES) == []

    async def test_what_may_stand_in_their_messages_is_not_told_a_second_time(
        self, house: House
    ) -> None:
        await bought(house)
        house.discord.aftermath = trouble(PostUncertainError("gone"), what="post", kind=TRADES)
        house.discord.trouble = trouble(PostRefusedError("closed"), what="find", kind=TRADES)
        await move(house, WAITS)
        assert [one.channel_id for one in house.discord.of(TRADES)] == [ANA.user_id]
        assert [row.state for row in await parts(house)] == [OutboxState.PARKED]

    async def test_older_copy_that_forgot_the_call_repeats_it_nowhere(self, house: House) -> None:
        await bought(house)
        house.discord.trouble = closed_dms(TRADES)
        await move(house, WAITS)
        house.clock.now += 1_000
        house.this_run.older_copy_at = house.clock.now
        async with house.database.writing() as tx:
            await tx.execute(
                "UPDATE outbox SET to_member = 1, target_id = ?, state = 'trying', "
                "channel_id = NULL, message_id = NULL, shown = 0 WHERE kind = 'trades'",
                ANA.user_id,
            )
        await house.post_everything()
        assert [one.channel_id for one in house.discord.of(TRADES)] == [RESULTS]
        (row,) = await parts(house)
        assert (row.state, row.target_id) == (OutboxState.POSTED, RESULTS)

    async def test_deleted_call_comes_back_in_the_channel_of_today(self, house: House) -> None:
        await bought(house)
        first, _ = house.market.purchases
        house.discord.trouble = closed_dms(TRADES)
        await move(house, WAITS)
        house.discord.messages.remove(house.discord.of(TRADES)[0])
        await house.guilds.choose_place(OLGA, "results_channel_id", 555)
        await move(house, ACCEPTED, first)
        (message,) = house.discord.of(TRADES)
        assert (message.channel_id, told(message)) == (555, [ACCEPTED, WAITS])

    async def test_member_without_direct_messages_holds_up_nobody(self, house: House) -> None:
        await bought(house)
        house.discord.trouble = closed_dms(TRADES, channels=[RESULTS])
        await move(house, WAITS)
        other = await house.buy_until(await house.submit_approved(BEA))
        await house.post_everything()
        results = [one.subject for one in house.discord.of(RESULT)]
        assert other in results


class TestNotices:
    """The moderators hear of what went wrong after all."""

    async def test_return_is_told_where_requests_are_approved(self, house: House) -> None:
        await bought(house)
        first, second = house.market.purchases
        await move(house, ACCEPTED)
        assert house.discord.of(NOTICE) == []
        await move(house, OfferStatus.ROLLBACK_USER, first)
        await move(house, OfferStatus.ROLLBACK_SUPPLIER, second)
        (message,) = house.discord.of(NOTICE)
        assert message.channel_id == APPROVALS
        assert isinstance(message.subject, RequestView)
        assert [one.offer_status for _, one in message.subject.noticed_in(0)] == [
            OfferStatus.ROLLBACK_USER,
            OfferStatus.ROLLBACK_SUPPLIER,
        ]

    async def test_trade_that_is_stuck_is_told_once_and_that_it_arrived(self, house: House) -> None:
        await bought(house, 1)
        for _ in range(3):
            house.clock.now += HOUR
            await learn(house)
            await house.post_everything()
        (message,) = house.discord.of(NOTICE)
        await move(house, ACCEPTED)
        assert house.discord.of(NOTICE) == [message]
        assert isinstance(message.subject, RequestView)
        assert [one.offer_status for _, one in message.subject.noticed_in(0)] == [ACCEPTED]

    async def test_deleted_notice_comes_back_in_the_channel_of_today(self, house: House) -> None:
        await bought(house)
        first, second = house.market.purchases
        await move(house, ACCEPTED)
        await move(house, OfferStatus.ROLLBACK_USER, first)
        house.discord.messages.remove(house.discord.of(NOTICE)[0])
        await house.guilds.choose_place(OLGA, "approval_channel_id", 555)
        await move(house, OfferStatus.ROLLBACK_USER, second)
        (message,) = house.discord.of(NOTICE)
        assert message.channel_id == 555


class TestOldMessages:
    """Discord takes few edits of messages that are older than an hour."""

    async def test_old_messages_of_a_channel_are_drawn_apart_and_young_ones_at_once(
        self, house: House
    ) -> None:
        old = [await house.submit(actor) for actor in (ANA, ANA, BEA, BEA)]
        await house.post_everything()
        house.clock.now += OLD_MS + MINUTE
        young = await house.submit(ANA)
        await house.post_everything()
        drawn: list[tuple[int, int, str | None]] = []

        async def watch(what: str, row: OutboxRow) -> None:
            if what == "edit":
                drawn.append((house.clock.now, row.target_id, row.request_id))

        house.discord.trouble = watch
        began = house.clock.now
        for view in (*old, young):
            async with house.database.writing() as tx:
                await outbox.touch(tx, view.request.request_id)
        for step in range(80):
            if step == 2:
                # What changes while they wait for their turn is drawn with it.
                await house.requests.cancel(BEA, old[-1].request.request_id)
            house.clock.now += 250
            house.announcements.wake()
            await asyncio.sleep(0.01)
            if house.announcements._busy:
                await asyncio.wait(house.announcements._busy.values())
        at_once = [at for at, place, which in drawn if which == young.request.request_id]
        assert at_once
        # A step of the clock, on a machine that may be slow.
        assert max(at_once) - began <= 2_000
        for place in (APPROVALS, ANA.user_id, BEA.user_id):
            ids = {view.request.request_id for view in old}
            times = [at for at, where, which in drawn if where == place and which in ids]
            gaps = [later - at for at, later in pairwise(times)]
            assert min(gaps) >= OLD_EDIT_GAP_MS - 1_000
        async with house.database.reading() as tx:
            assert await outbox.next_at(tx) is None
        assert {one.subject for one in house.discord.of(CARD)} == {
            await house.view(view) for view in (*old, young)
        }
