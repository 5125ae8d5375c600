"""What waits for moderators, and a card that is put up again once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from bot.domain.models import Actor, MessageKind, OutboxRow, OutboxState, RequestView
from bot.domain.money import DOLLAR, Micros
from bot.domain.states import RequestState
from bot.errors import Problem, UserFacingError
from bot.services.approvals import PAGE, Queue, Where
from bot.services.ports import PostRefusedError, PostUncertainError
from bot.store import outbox
from tests.services.house import (
    ANA,
    APPROVALS,
    ASIIMOV,
    BEA,
    GUILD,
    MAX,
    MIA,
    MODS,
    OLGA,
    REDLINE,
    House,
    Message,
    no_trouble,
)
from tests.services.test_announcements import trouble
from tests.services.test_attention import sold_out, unknown

ELSEWHERE = 555
CARD = MessageKind.APPROVAL_CARD
GONE = "Discord 404/10003"


async def refused(work: Awaitable[object]) -> UserFacingError:
    """Return why something may not be done."""
    with pytest.raises(UserFacingError) as caught:
        await work
    return caught.value


def numbers(queue: Queue) -> list[int]:
    """Return which requests a page shows."""
    return [card.view.request.number for card in queue.cards]


def card_of(house: House, view: RequestView) -> Message:
    """Return the one card of a request that stands."""
    (card,) = [
        message
        for message in house.discord.of(CARD)
        if isinstance(message.subject, RequestView)
        and message.subject.request.request_id == view.request.request_id
    ]
    return card


async def posted(house: House) -> RequestView:
    """Return a request whose card stands."""
    view = await house.submit(ANA)
    await house.post_everything()
    return view


async def again(house: House, view: RequestView, copy: int = 0, by: Actor = MAX) -> bool:
    """Press *Post the card again*; return whether it was this press."""
    done = await house.approvals.post_again(by, view.request.request_id, copy)
    return done.by_this_press


class TestQueue:
    """The list."""

    async def test_everything_that_a_moderator_can_act_on_is_listed_the_oldest_first(
        self, house: House
    ) -> None:
        lost = await sold_out(house)
        unclear = await unknown(house)
        waiting = await house.submit(BEA)
        approved = await house.submit_approved(BEA)
        denied = await house.submit(BEA)
        await house.requests.deny(MAX, denied.request.request_id, denied.request.digest[:16], "no")
        await house.post_everything()
        queue = await house.approvals.queue(MAX, 0)
        wanted = [lost, unclear, waiting, approved]
        assert numbers(queue) == [view.request.number for view in wanted]
        assert (queue.total, queue.page, queue.pages) == (4, 0, 1)
        assert {card.place.where for card in queue.cards} == {Where.STANDS}

    async def test_what_is_bought_or_under_way_without_a_question_is_not_listed(
        self, house: House
    ) -> None:
        bought = await house.buy_until(await house.submit_approved(ANA))
        assert bought.request.state is RequestState.BOUGHT
        assert (await house.approvals.queue(MAX, 0)).total == 0
        async with house.database.writing() as tx:
            await tx.execute("UPDATE requests SET state = 'buying'")
        assert (await house.approvals.queue(MAX, 0)).total == 0

    async def test_what_was_not_bought_is_listed_as_long_as_it_can_be_tried_again(
        self, house: House
    ) -> None:
        view = await sold_out(house)
        assert numbers(await house.approvals.queue(MAX, 0)) == [view.request.number]
        async with house.database.writing() as tx:
            await tx.execute("UPDATE attempts SET offer_status = 'timeout' WHERE buy_id NOT NULL")
            await tx.execute("UPDATE lines SET round = 9 WHERE no_listing NOT NULL")
        again = await house.view(view)
        assert len(again.to_try_again) == 1
        assert numbers(await house.approvals.queue(MAX, 0)) == [view.request.number]
        async with house.database.writing() as tx:
            await tx.execute("UPDATE lines SET round = 9")
        assert (await house.approvals.queue(MAX, 0)).total == 0
        async with house.database.writing() as tx:
            await tx.execute("UPDATE lines SET round = 0")
            await tx.execute("UPDATE requests SET expires_at = NULL")
        assert (await house.approvals.queue(MAX, 0)).total == 0

    async def test_many_are_paged_and_every_one_stands_on_a_page(self, house: House) -> None:
        await house.set_up(open_max=10)
        members = [Actor(1_000 + number, GUILD) for number in range(3)]
        for place in range(2 * PAGE + 1):
            await house.submit(members[place // 10])
        pages = [await house.approvals.queue(MAX, page) for page in range(3)]
        assert [number for page in pages for number in numbers(page)] == [
            number + 1 for number in range(2 * PAGE + 1)
        ]
        assert {(page.total, page.pages) for page in pages} == {(2 * PAGE + 1, 3)}
        past = await house.approvals.queue(MAX, 99)
        assert (past.page, numbers(past)) == (2, numbers(pages[2]))

    async def test_requests_of_other_servers_are_not_listed(self, house: House) -> None:
        await house.submit(ANA)
        async with house.database.writing() as tx:
            await tx.execute("INSERT INTO guilds (guild_id) VALUES (999)")
            await tx.execute("UPDATE requests SET guild_id = 999 WHERE number NOT NULL")
        assert (await house.approvals.queue(MAX, 0)).total == 0
        assert await house.approvals.suggest(MAX, "") == []
        assert (await refused(house.approvals.find(MAX, 1))).problem is Problem.NO_REQUEST_HERE

    @pytest.mark.parametrize("actor", [ANA, OLGA])
    async def test_only_the_approver_role_may_look(self, house: House, actor: Actor) -> None:
        view = await house.submit(ANA)
        for work in (
            house.approvals.queue(actor, 0),
            house.approvals.suggest(actor, ""),
            house.approvals.find(actor, 1),
        ):
            error = await refused(work)
            assert error.problem is Problem.NOT_MODERATOR
            assert error.details["role_id"] == str(MODS)
        for deed in (
            house.approvals.card(actor, view.request.request_id),
            house.approvals.post_again(actor, view.request.request_id, 0),
        ):
            assert (await refused(deed)).problem is Problem.NOT_APPROVER

    async def test_suggestions_are_the_numbers_that_begin_as_typed(self, house: House) -> None:
        await house.set_up(open_max=10)
        for _ in range(10):
            await house.submit(ANA)
        await house.submit(BEA)

        async def suggested(typed: str) -> list[int]:
            return [view.request.number for view in await house.approvals.suggest(MAX, typed)]

        assert await suggested("") == list(range(1, 12))
        assert await suggested("1") == [1, 10, 11]
        assert await suggested(" #11") == [11]
        assert await suggested("x") == []


class TestFinding:
    """One request by its number, and where its card is."""

    async def test_card_that_stands_is_found_and_an_unknown_number_is_not(
        self, house: House
    ) -> None:
        view = await posted(house)
        found = await house.approvals.find(MAX, view.request.number)
        assert found.view == view
        assert (found.place.where, found.place.channel_id) == (Where.STANDS, APPROVALS)
        assert found.place.message_id == card_of(house, view).message_id
        error = await refused(house.approvals.find(MAX, 77))
        assert (error.problem, error.details["number"]) == (Problem.NO_REQUEST_HERE, 77)

    async def test_card_that_nobody_can_tell_about_counts_as_standing(self, house: House) -> None:
        view = await posted(house)
        house.discord.messages.clear()
        house.discord.trouble = trouble(PostUncertainError("503"), what="stands", kind=CARD)
        assert (await house.approvals.find(MAX, 1)).place.where is Where.STANDS
        assert (await house.approvals.find(MAX, 1)).place.where is Where.GONE
        assert (await house.view(view)).request.state is RequestState.PENDING

    async def test_discord_that_takes_too_long_is_not_waited_for(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await posted(house)

        async def never(_what: str, _row: OutboxRow) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr("bot.services.approvals._LOOK_S", 0.01)
        house.discord.trouble = never
        assert (await house.approvals.find(MAX, 1)).place.where is Where.STANDS

    async def test_card_that_is_not_posted_yet_is_coming(self, house: House) -> None:
        through = asyncio.Event()

        async def wait(_what: str, row: OutboxRow) -> None:
            if row.kind is CARD:
                await through.wait()

        house.discord.trouble = wait
        view = await house.submit(ANA)
        assert (await house.approvals.find(MAX, 1)).place.where is Where.COMING
        pressed = asyncio.create_task(house.approvals.post_again(MAX, view.request.request_id, 0))
        await asyncio.sleep(0.01)
        through.set()
        done = await pressed
        assert (done.by_this_press, done.card.place.where) == (False, Where.STANDS)
        assert house.discord.count("post", CARD) == 1

    async def test_what_is_over_needs_no_card(self, house: House) -> None:
        view = await posted(house)
        await house.requests.cancel(ANA, view.request.request_id)
        await house.post_everything()
        assert (await house.approvals.find(MAX, 1)).place.where is Where.STANDS
        house.discord.messages.clear()
        assert (await house.approvals.find(MAX, 1)).place.where is Where.NOWHERE
        assert not await again(house, view)
        await house.post_everything()
        assert house.discord.of(CARD) == []


class TestPostingAgain:
    """A card that is gone is put up again, once."""

    async def test_deleted_card_is_posted_in_the_channel_that_is_configured_now(
        self, house: House
    ) -> None:
        view = await posted(house)
        house.discord.messages.remove(card_of(house, view))
        await house.guilds.choose_place(OLGA, "approval_channel_id", ELSEWHERE)
        found = await house.approvals.find(MAX, 1)
        assert (found.place.where, found.place.copy) == (Where.GONE, 0)
        done = await house.approvals.post_again(MAX, view.request.request_id, 0)
        assert done.by_this_press
        card = card_of(house, view)
        assert card.channel_id == ELSEWHERE
        place = done.card.place
        assert (place.where, place.channel_id, place.message_id, place.copy) == (
            Where.STANDS,
            ELSEWHERE,
            card.message_id,
            1,
        )

    async def test_of_two_presses_at_once_one_posts_it_and_both_see_it_stand(
        self, house: House
    ) -> None:
        view = await posted(house)
        house.discord.messages.remove(card_of(house, view))
        request_id = view.request.request_id
        both = await asyncio.gather(
            house.approvals.post_again(MAX, request_id, 0),
            house.approvals.post_again(MIA, request_id, 0),
            house.approvals.post_again(MAX, request_id, 0),
        )
        assert sorted(one.by_this_press for one in both) == [False, False, True]
        assert {one.card.place.where for one in both} == {Where.STANDS}
        await house.post_everything()
        assert len(house.discord.of(CARD)) == 1

    async def test_card_that_stands_is_not_posted_twice(self, house: House) -> None:
        view = await posted(house)
        assert not await again(house, view)
        await house.post_everything()
        assert len(house.discord.of(CARD)) == 1
        assert house.discord.count("post", CARD) == 1

    async def test_button_from_before_it_was_posted_again_posts_nothing(self, house: House) -> None:
        view = await posted(house)
        house.discord.messages.remove(card_of(house, view))
        assert await again(house, view)
        house.discord.messages.remove(card_of(house, view))
        stale = await house.approvals.post_again(MIA, view.request.request_id, 0)
        assert (stale.by_this_press, stale.card.place.where) == (False, Where.GONE)
        assert stale.card.place.copy == 1
        assert house.discord.of(CARD) == []
        assert await again(house, view, copy=1)
        assert len(house.discord.of(CARD)) == 1

    async def test_card_that_was_refused_is_tried_where_it_belongs_now(self, house: House) -> None:
        house.discord.trouble = trouble(PostRefusedError(GONE), what="post", kind=CARD, times=2)
        view = await house.submit(ANA)
        await house.post_everything()
        found = await house.approvals.find(MAX, 1)
        assert (found.place.where, found.place.parked_reason) == (Where.GONE, GONE)
        refused_again = await house.approvals.post_again(MAX, view.request.request_id, 0)
        assert refused_again.by_this_press
        place = refused_again.card.place
        assert (place.where, place.parked_reason, place.copy) == (Where.GONE, GONE, 1)
        assert await again(house, view, copy=1)
        assert card_of(house, view).channel_id == APPROVALS

    async def test_card_of_which_the_search_was_refused_is_searched_for_by_its_old_mark(
        self, house: House
    ) -> None:
        """It may stand there all the same."""
        house.discord.aftermath = trouble(PostUncertainError("cut"), what="post", kind=CARD)
        house.discord.trouble = trouble(PostRefusedError("no"), what="find", kind=CARD, times=9)
        view = await house.submit(ANA)
        await house.post_everything()
        row = await house.message(view, CARD)
        assert (row.state, row.tries > 0) == (OutboxState.PARKED, True)
        house.discord.trouble = no_trouble
        assert await again(house, view)
        await house.post_everything()
        assert len(house.discord.of(CARD)) == 1
        assert (await house.message(view, CARD)).message_id == card_of(house, view).message_id

    async def test_card_that_was_given_up_is_posted_when_it_can_be_acted_on_after_all(
        self, house: House
    ) -> None:
        view = await posted(house)
        house.discord.messages.remove(card_of(house, view))
        async with house.database.writing() as tx:
            row = await outbox.find(tx, view.request.request_id, CARD)
            assert row is not None
            await outbox.skip(tx, row.outbox_id)
        assert (await house.approvals.find(MAX, 1)).place.where is Where.GONE
        assert await again(house, view)
        assert card_of(house, view).channel_id == APPROVALS

    async def test_card_posted_again_works_and_is_drawn_again(self, house: House) -> None:
        view = await house.submit(ANA, (REDLINE, 1), (ASIIMOV, 1))
        await house.post_everything()
        house.discord.messages.remove(card_of(house, view))
        house.market.set_price(REDLINE, Micros(12 * DOLLAR))
        assert await again(house, view)
        await house.approve(view)
        await house.post_everything()
        subject = card_of(house, view).subject
        assert isinstance(subject, RequestView)
        assert subject.request.state is RequestState.APPROVED
