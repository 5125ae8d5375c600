"""The outbox on disk: order, trying, parking, and never a second message of one kind."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from bot.domain.models import MessageKind, OutboxRow, OutboxState
from bot.domain.states import RequestState
from bot.store import outbox, settings
from bot.store.database import Database, Transaction
from tests.store import samples
from tests.store.samples import ANA, GUILD, NOW, request_id

HERE, THERE, OTHER_GUILD = 51, 52, 112
CARD, STATUS, RESULT = MessageKind.APPROVAL_CARD, MessageKind.MEMBER_STATUS, MessageKind.RESULT
TEST_CARD = MessageKind.TEST_CARD


@dataclass
class Desk:
    """An open transaction, and short words for what is done in it."""

    tx: Transaction
    marks: int = field(default=1 << 24)

    async def announce(
        self,
        kind: MessageKind = CARD,
        *,
        target_id: int = HERE,
        about: str | None = None,
        guild_id: int = GUILD,
        at: int = NOW,
    ) -> int:
        self.marks += 1
        return await outbox.announce(
            self.tx,
            kind,
            guild_id=guild_id,
            target_id=target_id,
            mark=self.marks,
            at=at,
            request_id=about,
            to_member=kind is STATUS,
        )

    async def row(self, outbox_id: int) -> OutboxRow:
        found = await outbox.get(self.tx, outbox_id)
        assert found is not None
        return found

    async def due(self, at: int = NOW, limit: int = 99) -> list[int]:
        return [row.outbox_id for row in await outbox.to_post(self.tx, at, limit=limit)]

    async def stale(self, at: int = NOW, limit: int = 99) -> list[int]:
        return [row.outbox_id for row in await outbox.to_redraw(self.tx, at, limit=limit)]

    async def post(self, outbox_id: int, *, shown: int = 1) -> None:
        assert await outbox.mark_trying(self.tx, outbox_id)
        await outbox.mark_posted(self.tx, outbox_id, channel_id=HERE, message_id=7, shown=shown)


@pytest.fixture
async def desk(database: Database) -> Desk:
    """A desk on two servers and three requests; what is done at it is never committed."""
    async with database.writing() as tx:
        await settings.add_guild(tx, OTHER_GUILD)
        for number in (1, 2, 3):
            await samples.pending(tx, number, user_id=ANA + number)
    return Desk(Transaction(database._writer))


class TestOrder:
    """What is posted when."""

    async def test_messages_to_one_target_come_one_after_the_other(self, desk: Desk) -> None:
        first = await desk.announce(about=request_id(1))
        second = await desk.announce(about=request_id(2))
        elsewhere = await desk.announce(about=request_id(3), target_id=THERE)
        assert await desk.due() == [first, elsewhere]
        await desk.post(first)
        assert await desk.due() == [second, elsewhere]

    async def test_message_that_is_put_off_holds_back_those_behind_it_and_nobody_else(
        self, desk: Desk
    ) -> None:
        first = await desk.announce(about=request_id(1))
        await desk.announce(about=request_id(2))
        elsewhere = await desk.announce(about=request_id(3), target_id=THERE)
        await outbox.try_later(desk.tx, first, next_at=NOW + 10)
        assert await desk.due() == [elsewhere]
        assert await desk.due(NOW + 9) == [elsewhere]
        assert await desk.due(NOW + 10) == [first, elsewhere]

    @pytest.mark.parametrize("way", ["park", "skip"])
    async def test_message_that_is_given_up_holds_back_nobody(self, desk: Desk, way: str) -> None:
        first = await desk.announce(about=request_id(1))
        second = await desk.announce(about=request_id(2))
        await (outbox.park(desk.tx, first, "no") if way == "park" else outbox.skip(desk.tx, first))
        assert await desk.due() == [second]

    async def test_messages_when_many_are_due_come_oldest_first(self, desk: Desk) -> None:
        ids = [
            await desk.announce(TEST_CARD, target_id=place, at=NOW - place) for place in range(1, 6)
        ]
        assert await desk.due(limit=3) == ids[:3]

    async def test_next_time_is_the_soonest_of_what_waits_and_what_is_stale(
        self, desk: Desk
    ) -> None:
        assert await outbox.next_at(desk.tx) is None
        first = await desk.announce(about=request_id(1), at=NOW + 5)
        assert await outbox.next_at(desk.tx) == NOW + 5
        await desk.post(first)
        assert await outbox.next_at(desk.tx) is None
        await outbox.touch(desk.tx, request_id(1))
        await outbox.put_off(desk.tx, first, next_at=NOW + 70)
        assert await outbox.next_at(desk.tx) == NOW + 70
        await desk.announce(about=request_id(2), at=NOW + 90)
        assert await outbox.next_at(desk.tx) == NOW + 70


class TestTrying:
    """A row is marked before the post, and what stands is never marked again."""

    async def test_trying_is_noted_each_time_until_it_stands(self, desk: Desk) -> None:
        row_id = await desk.announce(about=request_id(1))
        assert await outbox.mark_trying(desk.tx, row_id)
        assert await outbox.mark_trying(desk.tx, row_id)
        row = await desk.row(row_id)
        assert (row.state, row.tries) == (OutboxState.TRYING, 2)
        assert await desk.due() == [row_id]
        await outbox.mark_posted(desk.tx, row_id, channel_id=HERE, message_id=7, shown=1)
        row = await desk.row(row_id)
        assert (row.state, row.channel_id, row.message_id) == (OutboxState.POSTED, HERE, 7)
        assert row.tries == 0
        assert await desk.due() == []

    async def test_search_that_ends_after_the_post_changes_nothing(self, desk: Desk) -> None:
        row_id = await desk.announce(about=request_id(1))
        await desk.post(row_id)
        before = await desk.row(row_id)
        await outbox.mark_posted(desk.tx, row_id, channel_id=THERE, message_id=8, shown=0)
        assert await desk.row(row_id) == before
        assert await desk.stale() == []

    @pytest.mark.parametrize("state", [OutboxState.POSTED, OutboxState.PARKED, OutboxState.SKIPPED])
    async def test_trying_what_is_not_to_be_posted_is_refused(
        self, desk: Desk, state: OutboxState
    ) -> None:
        row_id = await desk.announce(about=request_id(1))
        await desk.tx.execute("UPDATE outbox SET state = ?, channel_id = 1, message_id = 2", state)
        assert not await outbox.mark_trying(desk.tx, row_id)
        assert (await desk.row(row_id)).state is state


class TestRedrawing:
    """What a message shows is held against what the database wants."""

    async def test_touch_makes_what_stands_stale_until_it_shows_as_much(self, desk: Desk) -> None:
        row_id = await desk.announce(about=request_id(1))
        await desk.post(row_id)
        assert await desk.stale() == []
        await outbox.touch(desk.tx, request_id(1))
        await outbox.touch(desk.tx, request_id(1))
        assert await desk.stale() == [row_id]
        await outbox.mark_shown(desk.tx, row_id, shown=2)
        assert await desk.stale() == [row_id]
        await outbox.mark_shown(desk.tx, row_id, shown=3)
        assert await desk.stale() == []

    async def test_touch_of_a_request_reaches_its_messages_only(self, desk: Desk) -> None:
        mine = [await desk.announce(kind, about=request_id(1)) for kind in (CARD, STATUS, RESULT)]
        other = await desk.announce(about=request_id(2))
        test = await desk.announce(TEST_CARD)
        await outbox.touch(desk.tx, request_id(1))
        wanted = [(await desk.row(row_id)).wanted for row_id in (*mine, other, test)]
        assert wanted == [2, 2, 2, 1, 1]

    async def test_touch_of_a_kind_reaches_one_server_or_all_of_them(self, desk: Desk) -> None:
        here = await desk.announce(TEST_CARD)
        there = await desk.announce(TEST_CARD, guild_id=OTHER_GUILD)
        about = await desk.announce(CARD, about=request_id(1))
        await outbox.touch_kind(desk.tx, GUILD, TEST_CARD)
        await outbox.touch_everywhere(desk.tx, TEST_CARD)
        await outbox.touch_kind(desk.tx, GUILD, CARD)
        wanted = [(await desk.row(row_id)).wanted for row_id in (here, there, about)]
        assert wanted == [3, 2, 1]

    async def test_touch_of_open_cards_reaches_those_that_can_be_acted_on(self, desk: Desk) -> None:
        numbers = {1: "pending", 2: "approved", 3: "denied"}
        for number, state in numbers.items():
            await samples.force_state(desk.tx, request_id(number), RequestState(state))
        cards = [await desk.announce(about=request_id(number)) for number in numbers]
        result = await desk.announce(RESULT, about=request_id(2))
        await outbox.touch_open_cards(desk.tx, OTHER_GUILD)
        await outbox.touch_open_cards(desk.tx, GUILD)
        wanted = [(await desk.row(row_id)).wanted for row_id in (*cards, result)]
        assert wanted == [2, 2, 1, 1]

    async def test_redraw_that_is_put_off_waits_and_one_that_failed_counts(
        self, desk: Desk
    ) -> None:
        row_id = await desk.announce(about=request_id(1))
        await desk.post(row_id)
        await outbox.touch(desk.tx, request_id(1))
        await outbox.put_off(desk.tx, row_id, next_at=NOW + 10)
        assert await desk.stale(NOW + 9) == []
        assert await desk.stale(NOW + 10) == [row_id]
        await outbox.try_later(desk.tx, row_id, next_at=NOW + 20)
        assert await desk.stale(NOW + 19) == []
        assert (await desk.row(row_id)).tries == 1


class TestOneOfEach:
    """A request has one message of each kind."""

    async def test_find_gives_the_one_that_counts(self, desk: Desk) -> None:
        assert await outbox.find(desk.tx, request_id(1), CARD) is None
        first = await desk.announce(about=request_id(1))
        await outbox.skip(desk.tx, first)
        assert await outbox.find(desk.tx, request_id(1), CARD) is None
        second = await desk.announce(about=request_id(1))
        found = await outbox.find(desk.tx, request_id(1), CARD)
        assert found is not None
        assert found.outbox_id == second

    async def test_skip_of_a_kind_gives_up_a_servers_own_only(self, desk: Desk) -> None:
        here = await desk.announce(TEST_CARD)
        there = await desk.announce(TEST_CARD, guild_id=OTHER_GUILD)
        about = await desk.announce(CARD, about=request_id(1))
        await outbox.skip_kind(desk.tx, GUILD, TEST_CARD)
        await outbox.skip_kind(desk.tx, GUILD, CARD)
        states = [(await desk.row(row_id)).state for row_id in (here, there, about)]
        assert states == [OutboxState.SKIPPED, OutboxState.WAITING, OutboxState.WAITING]


class TestParking:
    """What Discord refuses is kept, and tried again when somebody has mended something."""

    async def test_parked_message_keeps_its_reason_and_is_tried_again_on_demand(
        self, desk: Desk
    ) -> None:
        row_id = await desk.announce(about=request_id(1))
        await outbox.park(desk.tx, row_id, "Discord 403/50013")
        (parked,) = await outbox.parked(desk.tx, GUILD)
        assert (parked.outbox_id, parked.parked_reason) == (row_id, "Discord 403/50013")
        assert await outbox.parked(desk.tx, OTHER_GUILD) == []
        assert await outbox.unpark(desk.tx, OTHER_GUILD, at=NOW) == 0
        assert await outbox.unpark(desk.tx, GUILD, at=NOW + 5) == 1
        assert await desk.due(NOW + 5) == [row_id]
        await desk.post(row_id)
        assert (await desk.row(row_id)).parked_reason == ""

    async def test_parked_message_that_stands_already_is_drawn_again_and_not_posted_twice(
        self, desk: Desk
    ) -> None:
        row_id = await desk.announce(about=request_id(1))
        await desk.post(row_id)
        await outbox.touch(desk.tx, request_id(1))
        await outbox.park(desk.tx, row_id, "Discord 403/50013")
        assert await outbox.unpark(desk.tx, GUILD, at=NOW) == 1
        assert await desk.due() == []
        assert await desk.stale() == [row_id]
        assert (await desk.row(row_id)).message_id == 7

    async def test_direct_message_that_is_parked_is_nobodys_to_mend(self, desk: Desk) -> None:
        row_id = await desk.announce(STATUS, about=request_id(1), target_id=ANA)
        await outbox.park(desk.tx, row_id, "Discord 403/50007")
        assert await outbox.parked(desk.tx, GUILD) == []
        assert await outbox.unpark(desk.tx, GUILD, at=NOW) == 0
        assert (await desk.row(row_id)).state is OutboxState.PARKED

    async def test_unparked_message_waits_from_now_on(self, desk: Desk) -> None:
        """Its age decides whether buying stops, and since when it is searched for."""
        row_id = await desk.announce(about=request_id(1))
        await outbox.park(desk.tx, row_id, "no")
        await outbox.unpark(desk.tx, GUILD, at=NOW + 5)
        assert await outbox.oldest_unposted_at(desk.tx, GUILD, ANA) == NOW + 5
        assert (await desk.row(row_id)).created_at == NOW + 5


class TestElsewhere:
    """Another channel, or the same message once more."""

    async def test_retarget_moves_what_stands_nowhere(self, desk: Desk) -> None:
        waiting = await desk.announce(about=request_id(1))
        parked = await desk.announce(about=request_id(2))
        posted = await desk.announce(about=request_id(3))
        result = await desk.announce(RESULT, about=request_id(1))
        status = await desk.announce(STATUS, about=request_id(1), target_id=ANA)
        await outbox.park(desk.tx, parked, "no")
        await desk.post(posted)
        await outbox.retarget(desk.tx, GUILD, CARD, target_id=THERE, at=NOW + 5)
        await outbox.retarget(desk.tx, GUILD, STATUS, target_id=THERE, at=NOW + 5)
        ids = (waiting, parked, posted, result, status)
        assert [(await desk.row(row_id)).target_id for row_id in ids] == [
            THERE,
            THERE,
            HERE,
            HERE,
            ANA,
        ]
        assert await desk.due(NOW + 5) == [waiting, result, status]

    async def test_retarget_leaves_alone_what_may_be_on_its_way(self, desk: Desk) -> None:
        """It is searched for where it was sent to."""
        trying = await desk.announce(about=request_id(1))
        assert await outbox.mark_trying(desk.tx, trying)
        await outbox.retarget(desk.tx, GUILD, CARD, target_id=THERE, at=NOW)
        row = await desk.row(trying)
        assert (row.target_id, row.state) == (HERE, OutboxState.TRYING)

    async def test_retarget_of_what_stood_in_the_old_channel_makes_it_a_new_message(
        self, desk: Desk
    ) -> None:
        row_id = await desk.announce(about=request_id(1))
        await desk.post(row_id)
        await outbox.park(desk.tx, row_id, "Discord 403/50001")
        await outbox.retarget(desk.tx, GUILD, CARD, target_id=THERE, at=NOW + 5)
        row = await desk.row(row_id)
        assert (row.state, row.message_id, row.created_at) == (OutboxState.WAITING, None, NOW + 5)

    async def test_post_again_makes_it_a_new_message_of_now(self, desk: Desk) -> None:
        """Its mark is new, so what was posted before now can't be it."""
        row_id = await desk.announce(about=request_id(1))
        await desk.post(row_id)
        gone = await desk.row(row_id)
        assert await outbox.post_again(desk.tx, gone, target_id=77, mark=99, at=NOW + 5)
        row = await desk.row(row_id)
        assert (row.state, row.mark, row.message_id) == (OutboxState.WAITING, 99, None)
        assert row.created_at == NOW + 5
        assert await desk.due(NOW + 5) == [row_id]

    async def test_post_again_of_what_has_changed_since_does_nothing(self, desk: Desk) -> None:
        """Asked for by somebody else, on its way, or standing anew since it was looked at."""
        row_id = await desk.announce(about=request_id(1))
        waiting = await desk.row(row_id)
        assert not await outbox.post_again(desk.tx, waiting, target_id=77, mark=99, at=NOW)
        await desk.post(row_id)
        gone = await desk.row(row_id)
        assert not await outbox.post_again(desk.tx, waiting, target_id=77, mark=99, at=NOW)
        assert await outbox.post_again(desk.tx, gone, target_id=77, mark=99, at=NOW)
        assert not await outbox.post_again(desk.tx, gone, target_id=77, mark=98, at=NOW)
        await desk.post(row_id)
        assert not await outbox.post_again(desk.tx, gone, target_id=77, mark=98, at=NOW)
        assert (await desk.row(row_id)).mark == 99

    async def test_latest_is_the_one_that_counts_and_else_the_last_that_was_given_up(
        self, desk: Desk
    ) -> None:
        assert await outbox.latest(desk.tx, request_id(1), CARD) is None
        first = await desk.announce(about=request_id(1))
        await outbox.skip(desk.tx, first)
        assert await outbox.latest(desk.tx, request_id(1), CARD) == await desk.row(first)
        second = await desk.announce(about=request_id(1))
        assert await outbox.latest(desk.tx, request_id(1), CARD) == await desk.row(second)
        assert await outbox.latest(desk.tx, request_id(1), RESULT) is None


async def test_oldest_unposted_counts_what_waits_on_that_server_only(desk: Desk) -> None:
    assert await outbox.oldest_unposted_at(desk.tx, GUILD, ANA) is None
    posted = await desk.announce(about=request_id(1), at=NOW - 9)
    await desk.post(posted)
    await desk.announce(TEST_CARD, guild_id=OTHER_GUILD, at=NOW - 8)
    parked = await desk.announce(about=request_id(2), at=NOW - 7)
    await outbox.park(desk.tx, parked, "no")
    trying = await desk.announce(about=request_id(3), at=NOW - 6)
    await desk.announce(RESULT, about=request_id(3), at=NOW - 5)
    await outbox.mark_trying(desk.tx, trying)
    assert await outbox.oldest_unposted_at(desk.tx, GUILD, ANA) == NOW - 6
    assert await outbox.oldest_unposted_at(desk.tx, OTHER_GUILD, ANA) == NOW - 8


async def test_start_searches_for_every_message_that_waits_also_of_no_request(desk: Desk) -> None:
    """An older copy of the disk may not know that it stands: it would be told twice."""
    waiting = [await desk.announce(about=request_id(1)), await desk.announce(TEST_CARD)]
    posted = await desk.announce(about=request_id(2), target_id=THERE)
    await desk.post(posted)
    await outbox.search_first(desk.tx)
    assert [(await desk.row(one)).state for one in waiting] == [OutboxState.TRYING] * 2
    assert (await desk.row(posted)).state is OutboxState.POSTED
