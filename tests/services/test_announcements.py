"""The outbox's worker: told once, in order, whatever Discord does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.domain.models import MessageKind, OutboxRow, OutboxState, RequestView
from bot.domain.states import RequestState
from bot.services import ports
from bot.services.announcements import BEHIND_MS, EDIT_GAP_MS
from bot.services.ports import PostRefusedError, PostUncertainError
from bot.store import outbox
from tests.services.house import (
    ANA,
    APPROVALS,
    BEA,
    GUILD,
    MAX,
    MIA,
    OLGA,
    RESULTS,
    House,
    ScriptedDiscord,
    Trouble,
)

ELSEWHERE = 555
CARD, STATUS, RESULT = MessageKind.APPROVAL_CARD, MessageKind.MEMBER_STATUS, MessageKind.RESULT


def trouble(error: Exception, *, what: str, kind: MessageKind, times: int = 1) -> Trouble:
    """Return a trouble that meets the next calls of one sort."""
    left = times

    async def meet(asked: str, row: OutboxRow) -> None:
        nonlocal left
        if (asked, row.kind) == (what, kind) and left > 0:
            left -= 1
            raise error

    return meet


@pytest.fixture
async def view(house: House) -> AsyncIterator[RequestView]:
    """A request that was submitted and told."""
    view = await house.submit(ANA)
    await house.post_everything()
    yield view
    unposted = {row for row in await house.rows() if row[1] in ("waiting", "trying")}
    assert unposted == set()


class TestPosting:
    """What is asked for stands once."""

    async def test_submitted_request_is_told_to_moderators_and_member_once(
        self, house: House, view: RequestView
    ) -> None:
        assert [(one.kind, one.channel_id) for one in house.discord.messages] == [
            (CARD, APPROVALS),
            (STATUS, ANA.user_id),
        ]
        assert {one.subject for one in house.discord.messages} == {view}

    async def test_post_that_was_refused_is_parked_and_noted_and_the_card_says_so(
        self, house: House
    ) -> None:
        house.discord.trouble = trouble(PostRefusedError("closed"), what="post", kind=STATUS)
        view = await house.submit(ANA)
        await house.post_everything()
        row = await house.message(view, STATUS)
        assert (row.state, row.parked_reason) == (OutboxState.PARKED, "closed")
        assert (await house.view(view)).request.dm_closed
        (card,) = house.discord.messages
        assert isinstance(card.subject, RequestView)
        assert card.subject.request.dm_closed
        assert house.discord.count("post", STATUS) == 1

    async def test_card_that_was_refused_says_nothing_about_the_members_messages(
        self, house: House
    ) -> None:
        house.discord.trouble = trouble(PostRefusedError("forbidden"), what="post", kind=CARD)
        view = await house.submit(ANA)
        await house.post_everything()
        assert (await house.message(view, CARD)).state is OutboxState.PARKED
        assert not (await house.view(view)).request.dm_closed
        assert house.discord.of(STATUS)

    async def test_post_that_never_left_is_searched_for_and_posted(self, house: House) -> None:
        house.discord.trouble = trouble(PostUncertainError("503"), what="post", kind=CARD)
        await house.submit(ANA)
        await house.post_everything()
        assert len(house.discord.of(CARD)) == 1
        assert house.discord.count("find", CARD) >= 1

    async def test_post_whose_answer_was_lost_is_found_and_not_posted_again(
        self, house: House
    ) -> None:
        house.discord.aftermath = trouble(PostUncertainError("timeout"), what="post", kind=CARD)
        view = await house.submit(ANA)
        await house.post_everything()
        (card,) = house.discord.of(CARD)
        row = await house.message(view, CARD)
        assert (row.state, row.message_id) == (OutboxState.POSTED, card.message_id)
        assert house.discord.count("post", CARD) == 1

    async def test_post_that_breaks_in_an_unforeseen_way_is_tried_again(
        self, house: House, caplog: pytest.LogCaptureFixture
    ) -> None:
        house.discord.trouble = trouble(KeyError("surprise"), what="post", kind=CARD, times=2)
        await house.submit(ANA)
        await house.post_everything()
        assert len(house.discord.of(CARD)) == 1
        assert "has to be tried again: KeyError" in caplog.text

    async def test_target_that_fails_holds_up_nobody_else(self, house: House) -> None:
        house.discord.trouble = trouble(PostUncertainError("503"), what="post", kind=CARD, times=99)
        await house.submit(ANA)
        await house.submit(BEA)
        await house.post_everything()
        assert {one.channel_id for one in house.discord.of(STATUS)} == {ANA.user_id, BEA.user_id}
        assert house.discord.of(CARD) == []

    async def test_target_that_hangs_holds_up_nobody_else(self, house: House) -> None:
        forever = asyncio.Event()

        async def hang(what: str, row: OutboxRow) -> None:
            if row.target_id == APPROVALS:
                await forever.wait()

        house.discord.trouble = hang
        await house.submit(ANA)
        await house.submit(BEA)
        assert len(house.discord.of(STATUS)) == 2
        forever.set()
        await house.post_everything()
        assert len(house.discord.of(CARD)) == 2

    async def test_messages_to_one_target_keep_their_order_through_a_failure(
        self, house: House
    ) -> None:
        house.discord.trouble = trouble(PostUncertainError("503"), what="post", kind=CARD, times=3)
        first, second = await house.submit(ANA), await house.submit(BEA)
        await house.post_everything()
        shown = [one.subject for one in house.discord.of(CARD)]
        assert shown == [await house.view(first), await house.view(second)]

    async def test_message_that_breaks_every_time_is_put_aside_and_holds_up_nobody(
        self, house: House, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A fault of ours about one request must not keep its whole channel waiting."""
        view = await house.submit(ANA)
        await house.post_everything()
        broken = view.request.request_id

        async def fail(what: str, row: OutboxRow) -> None:
            if row.kind is RESULT and row.request_id == broken:
                raise KeyError("a card that can't be drawn")

        house.discord.trouble = fail
        await house.buy_until(await house.approve(view))
        other = await house.buy_until(await house.submit_approved(BEA))
        for _ in range(8):
            house.clock.now += 60_000
            await house.post_everything()
        row = await house.message(view, RESULT)
        assert (row.state, row.parked_reason) == (OutboxState.PARKED, "a fault of the bot")
        assert [one.subject for one in house.discord.of(RESULT)] == [other]
        assert "is parked: a fault of the bot" in caplog.text

    async def test_nothing_is_tried_while_discord_is_out_of_reach(self, house: House) -> None:
        house.discord.ready = False
        async with house.database.writing() as tx:
            await house.announcements.announce_to_guild(tx, MessageKind.TEST_CARD, GUILD, APPROVALS)
        house.announcements.wake()
        await asyncio.sleep(0.02)
        assert house.discord.calls == []
        house.discord.ready = True
        house.announcements.wake()
        await house.post_everything()
        assert len(house.discord.of(MessageKind.TEST_CARD)) == 1

    async def test_card_of_a_request_that_is_over_before_it_was_posted_is_left_out(
        self, house: House
    ) -> None:
        house.discord.trouble = trouble(PostUncertainError("503"), what="post", kind=CARD, times=1)
        view = await house.submit(ANA)
        await house.requests.cancel(ANA, view.request.request_id)
        await house.post_everything()
        assert house.discord.of(CARD) == []
        assert ("approval_card", "skipped") in await house.rows()
        (status,) = house.discord.of(STATUS)
        assert status.subject == await house.view(view)


class TestDrawing:
    """What stands shows what is, and no more often than needed."""

    async def test_changes_in_quick_succession_are_drawn_together(
        self, house: House, view: RequestView
    ) -> None:
        (card,) = house.discord.of(CARD)
        before = card.edits
        for _ in range(20):
            async with house.database.writing() as tx:
                await outbox.touch(tx, view.request.request_id)
            house.announcements.wake()
            await asyncio.sleep(0.001)
        house.clock.now += EDIT_GAP_MS - 1
        house.announcements.wake()
        await asyncio.sleep(0.02)
        assert card.edits <= before + 1
        await house.post_everything()
        assert card.edits <= before + 2

    async def test_change_while_a_message_is_being_drawn_is_drawn_afterwards(
        self, house: House, view: RequestView
    ) -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow(what: str, row: OutboxRow) -> None:
            if (what, row.kind) == ("edit", CARD):
                begun.set()
                await go_on.wait()

        house.discord.trouble = slow
        approved = await house.approve(view)
        await begun.wait()
        await house.requests.take_back(MAX, view.request.request_id, approved.request.digest[:16])
        go_on.set()
        await house.post_everything()
        (card,) = house.discord.of(CARD)
        assert card.subject == await house.view(view)
        assert isinstance(card.subject, RequestView)
        assert card.subject.request.state is RequestState.PENDING

    async def test_message_that_somebody_deleted_comes_back_while_it_can_be_acted_on(
        self, house: House, view: RequestView
    ) -> None:
        (card,) = house.discord.of(CARD)
        house.discord.messages.remove(card)
        await house.approve(view)
        await house.post_everything()
        (again,) = house.discord.of(CARD)
        assert again.mark != card.mark
        assert again.subject == await house.view(view)
        assert (await house.message(view, CARD)).message_id == again.message_id

    async def test_message_whose_channel_was_deleted_comes_back_in_the_one_chosen_since(
        self, house: House, view: RequestView
    ) -> None:
        house.discord.messages.remove(house.discord.of(CARD)[0])
        await house.guilds.choose_place(OLGA, "approval_channel_id", ELSEWHERE)
        await house.approve(view)
        await house.post_everything()
        (card,) = house.discord.of(CARD)
        assert card.channel_id == ELSEWHERE

    async def test_message_that_somebody_deleted_stays_away_when_it_is_over(
        self, house: House, view: RequestView
    ) -> None:
        house.discord.messages.remove(house.discord.of(CARD)[0])
        await house.requests.cancel(ANA, view.request.request_id)
        await house.post_everything()
        assert house.discord.of(CARD) == []
        assert ("approval_card", "skipped") in await house.rows()

    async def test_edit_that_fails_for_a_while_is_made_when_it_can_be(
        self, house: House, view: RequestView
    ) -> None:
        house.discord.trouble = trouble(PostUncertainError("503"), what="edit", kind=CARD, times=4)
        await house.approve(view)
        await house.post_everything()
        (card,) = house.discord.of(CARD)
        assert card.subject == await house.view(view)

    async def test_edit_that_is_refused_parks_it_and_a_person_can_have_it_tried_again(
        self, house: House, view: RequestView
    ) -> None:
        house.discord.trouble = trouble(PostRefusedError("forbidden"), what="edit", kind=CARD)
        await house.approve(view)
        await house.post_everything()
        assert (await house.message(view, CARD)).state is OutboxState.PARKED
        assert await house.guilds.try_parked_again(OLGA) == 1
        await house.post_everything()
        (card,) = house.discord.of(CARD)
        assert card.subject == await house.view(view)

    async def test_test_card_names_who_has_confirmed(self, house: House) -> None:
        await house.guilds.post_test_card(OLGA)
        await house.post_everything()
        await house.guilds.confirm(MAX)
        await house.guilds.confirm(MIA)
        await house.post_everything()
        (card,) = house.discord.of(MessageKind.TEST_CARD)
        assert isinstance(card.subject, ports.TestCard)
        assert card.subject.confirmed == (MAX.user_id, MIA.user_id)


class TestResult:
    """The result message."""

    async def test_result_stands_once_in_its_channel_and_is_drawn_anew(self, house: House) -> None:
        view = await house.submit_approved(ANA)
        bought = await house.buy_until(view)
        await house.post_everything()
        (result,) = house.discord.of(RESULT)
        assert (result.channel_id, result.subject) == (RESULTS, bought)
        async with house.database.writing() as tx:
            await house.announcements.announce_result(tx, bought)
        await house.post_everything()
        assert house.discord.of(RESULT) == [result]

    async def test_result_without_a_channel_of_its_own_goes_where_it_was_approved(
        self, house: House
    ) -> None:
        view = await house.submit_approved(ANA)
        async with house.database.writing() as tx:
            await tx.execute("UPDATE guilds SET results_channel_id = NULL")
        await house.buy_until(view)
        await house.post_everything()
        (result,) = house.discord.of(RESULT)
        assert result.channel_id == APPROVALS


class TestSettled:
    """Waiting for one message."""

    async def test_settled_when_it_stands_or_is_refused_says_which(self, house: House) -> None:
        house.discord.trouble = trouble(PostRefusedError("closed"), what="post", kind=STATUS)
        view = await house.submit(ANA)
        card, status = await house.message(view, CARD), await house.message(view, STATUS)
        wait = house.announcements.settled
        assert await wait(card.outbox_id, timeout_s=5) is OutboxState.POSTED
        assert await wait(status.outbox_id, timeout_s=5) is OutboxState.PARKED

    async def test_settled_when_it_takes_too_long_is_none(self, house: House) -> None:
        house.discord.ready = False
        async with house.database.writing() as tx:
            await house.announcements.announce_to_guild(tx, MessageKind.TEST_CARD, GUILD, APPROVALS)
            rows = await outbox.to_post(tx, house.clock.now, limit=1)
        assert await house.announcements.settled(rows[0].outbox_id, timeout_s=0.01) is None

    async def test_settled_that_is_asked_for_before_the_post_hears_of_it(
        self, house: House, discord: ScriptedDiscord
    ) -> None:
        go_on = asyncio.Event()

        async def slow(what: str, row: OutboxRow) -> None:
            await go_on.wait()

        discord.trouble = slow
        async with house.database.writing() as tx:
            await house.announcements.announce_to_guild(tx, MessageKind.TEST_CARD, GUILD, APPROVALS)
            (row,) = await outbox.to_post(tx, house.clock.now, limit=1)
        house.announcements.wake()
        waiting = asyncio.create_task(house.announcements.settled(row.outbox_id, timeout_s=5))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        go_on.set()
        assert await waiting is OutboxState.POSTED


async def test_behind_when_a_servers_message_is_due_for_too_long(house: House) -> None:
    house.discord.trouble = trouble(PostUncertainError("503"), what="post", kind=CARD, times=99)
    await house.submit(ANA)

    async def behind(guild_id: int) -> bool:
        async with house.database.reading() as tx:
            return await house.announcements.behind(tx, guild_id, ANA.user_id)

    assert not await behind(GUILD)
    house.clock.now += BEHIND_MS
    assert not await behind(GUILD)
    house.clock.now += 1
    assert await behind(GUILD)
    assert not await behind(GUILD + 1)
