"""Bought when the member says that they are there: once, by nobody else, and by nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Final

import pytest

from bot.domain.limits import APPROVED_EXPIRES_MS, READY_EXPIRES_MS, REMIND_AFTER_MS
from bot.domain.models import Actor, Delivery, EventKind, MessageKind, RequestView, WaitReason
from bot.domain.states import RequestState
from bot.errors import Problem, UserFacingError
from bot.sandbox.skinsback import SkinsbackSandbox
from bot.store import plans, purchases, requests
from tests.services.house import (
    ANA,
    BEA,
    GUILD,
    HOUR,
    MAX,
    MINUTE,
    OLGA,
    House,
    ManualClock,
    ScriptedDiscord,
    open_house,
    until,
    url_of,
    working,
)

READY, REMINDER = MessageKind.READY, MessageKind.REMINDER
IN_PRIVATE: Final = Actor(ANA.user_id)


@pytest.fixture
async def patient(house: House) -> House:
    """A house that buys when the member is ready, with ten seconds to take an approval back."""
    await house.set_up(undo_s=10, delivery=Delivery.WHEN_READY)
    return house


def stamp(view: RequestView) -> str:
    return view.request.digest[:16]


async def press(house: House, view: RequestView, actor: Actor = ANA) -> RequestView:
    return await house.requests.send_now(actor, view.request.request_id, stamp(view))


async def refused(work: Awaitable[object]) -> UserFacingError:
    with pytest.raises(UserFacingError) as why:
        await work
    return why.value


async def sweep(house: House) -> None:
    """Let the sweeper go round once."""
    swept = asyncio.Event()
    last_of_all = house.requests.remind

    async def remind() -> int:
        done = await last_of_all()
        swept.set()
        return done

    house.requests.remind = remind  # type: ignore[method-assign]
    async with working(house.requests.run_sweeper()):
        await asyncio.wait_for(swept.wait(), 5)
    house.requests.remind = last_of_all  # type: ignore[method-assign]


async def remind_at(house: House, view: RequestView) -> int | None:
    async with house.database.reading() as tx:
        row = await tx.one(
            "SELECT remind_at FROM requests WHERE request_id = ?", view.request.request_id
        )
    assert row is not None
    found: int | None = row["remind_at"]
    return found


async def is_left_alone(house: House, view: RequestView) -> None:
    """Make sure that nothing of it is bought, at any time until it expires."""
    request = (await house.view(view)).request
    assert request.expires_at is not None
    for at in (house.clock.now, request.expires_at - 1, request.expires_at):
        async with house.database.writing() as tx:
            assert await purchases.to_buy(tx, at, busy=(), users=(), limit=9) == []
            assert not await purchases.claim(tx, request.request_id, digest=request.digest, at=at)
    assert house.market.batch_calls == []


class TestApproval:
    """What is approved waits for its member, as the server wanted it then."""

    async def test_approval_waits_for_the_member_and_tells_them(self, patient: House) -> None:
        now = patient.clock.now
        view = await patient.submit_approved(ANA)
        request = view.request
        assert (request.state, request.waits_for) == (
            RequestState.APPROVED,
            WaitReason.MEMBER_READY,
        )
        assert request.waits_for_member
        assert request.expires_at == request.claimable_at == now + READY_EXPIRES_MS
        assert await remind_at(patient, view) == now + REMIND_AFTER_MS
        await is_left_alone(patient, view)
        await patient.post_everything()
        (message,) = patient.discord.of(READY)
        assert message.channel_id == ANA.user_id
        assert message.subject == await patient.view(view)

    @pytest.mark.parametrize("delivery", [None, Delivery.AT_ONCE])
    async def test_approval_elsewhere_is_bought_at_once(
        self, house: House, delivery: Delivery | None
    ) -> None:
        await house.set_up(undo_s=10, delivery=delivery)
        view = await house.submit_approved(ANA)
        assert view.request.waits_for is None
        assert view.request.claimable_at == house.clock.now + 10_000
        assert view.request.expires_at == house.clock.now + APPROVED_EXPIRES_MS
        assert await remind_at(house, view) is None
        error = await refused(press(house, view))
        assert error.problem is Problem.READY_ALREADY
        await house.post_everything()
        assert house.discord.of(READY) == []

    async def test_setting_that_changes_later_changes_nothing_about_what_is_approved(
        self, house: House
    ) -> None:
        await house.set_up(delivery=Delivery.AT_ONCE)
        at_once = await house.submit_approved(ANA)
        await house.guilds.choose_delivery(OLGA, Delivery.WHEN_READY)
        waiting = await house.submit_approved(BEA)
        await house.guilds.choose_delivery(OLGA, Delivery.AT_ONCE)
        assert (await house.view(waiting)).request.waits_for_member
        assert (await house.buy_until(at_once)).request.state is RequestState.BOUGHT
        assert (await house.view(waiting)).request.waits_for_member
        await press(house, waiting, BEA)
        assert (await house.buy_until(waiting)).request.state is RequestState.BOUGHT

    async def test_nothing_but_the_press_makes_it_due(self, patient: House) -> None:
        view = await patient.submit_approved(ANA)
        request_id = view.request.request_id
        now = patient.clock.now
        async with patient.database.writing() as tx:
            others = [reason for reason in WaitReason if reason is not WaitReason.MEMBER_READY]
            await purchases.wait_no_longer(tx, others, at=now)
            assert not await purchases.wait(
                tx, request_id, WaitReason.PAUSED, claimable_at=now, at=now
            )
            await purchases.step_now(tx, request_id, at=now, also_idle=True)
            await purchases.go_on(tx, request_id, at=now)
            # The clock turns out to have been four days fast.
            await plans.move(tx, after=now, by=-4 * 24 * HOUR)
        await patient.give_url(ANA, token="Another1")
        await patient.pauses.pause(OLGA, "for a while")
        await patient.pauses.resume(OLGA)
        after = (await patient.view(view)).request
        assert (after.waits_for_member, after.claimable_at) == (True, view.request.claimable_at)
        await is_left_alone(patient, view)


class TestPress:
    """One press of the right person, and it is bought."""

    @pytest.mark.parametrize("actor", [ANA, IN_PRIVATE], ids=["on the server", "in private"])
    async def test_press_has_it_bought(self, patient: House, actor: Actor) -> None:
        view = await patient.submit_approved(ANA)
        await patient.post_everything()
        patient.clock.now += 5 * HOUR
        patient.approved.clear()
        pressed = (await press(patient, view, actor)).request
        assert (pressed.waits_for, pressed.ready_at) == (None, patient.clock.now)
        assert pressed.claimable_at == patient.clock.now
        assert await remind_at(patient, view) is None
        assert patient.approved.is_set()
        (event,) = [one for one in await patient.history(view) if one.kind is EventKind.READY]
        assert (event.actor_id, event.at) == (ANA.user_id, patient.clock.now)
        bought = await patient.buy_until(view)
        assert bought.request.state is RequestState.BOUGHT
        assert len(patient.market.purchases) == 1

    async def test_press_at_once_leaves_the_time_to_take_the_approval_back(
        self, patient: House
    ) -> None:
        approved_at = patient.clock.now
        view = await patient.submit_approved(ANA)
        patient.clock.now += 3_000
        assert (await press(patient, view)).request.claimable_at == approved_at + 10_000
        undone = await patient.requests.take_back(MAX, view.request.request_id, stamp(view))
        assert undone.request.state is RequestState.PENDING
        again = await patient.approve(undone)
        assert again.request.waits_for_member
        assert again.request.ready_at is None

    async def test_two_presses_at_once_are_one(self, patient: House) -> None:
        view = await patient.submit_approved(ANA)
        patient.clock.now += MINUTE
        presses = await asyncio.gather(
            *(press(patient, view) for _ in range(5)), return_exceptions=True
        )
        assert [one.problem for one in presses if isinstance(one, UserFacingError)] == [
            Problem.READY_ALREADY
        ] * 4
        history = [event.kind for event in await patient.history(view)]
        assert history.count(EventKind.READY) == 1
        await patient.buy_until(view)
        assert len(patient.market.purchases) == 1
        assert (await refused(press(patient, view))).problem is Problem.READY_ALREADY

    @pytest.mark.parametrize("actor", [BEA, MAX, OLGA, Actor(ANA.user_id, GUILD + 1)], ids=str)
    async def test_press_of_anybody_else_changes_nothing(
        self, patient: House, actor: Actor
    ) -> None:
        view = await patient.submit_approved(ANA)
        assert (await refused(press(patient, view, actor))).problem is Problem.NOT_YOURS
        assert await patient.view(view) == view

    async def test_press_when_there_is_nothing_to_press_says_why(self, patient: House) -> None:
        view = await patient.submit(ANA)
        assert (await refused(press(patient, view))).problem is Problem.READY_NOT_APPROVED
        approved = await patient.approve(view)
        await patient.requests.take_back(MAX, view.request.request_id, stamp(view))
        assert (await refused(press(patient, approved))).problem is Problem.READY_NOT_APPROVED
        await patient.requests.deny(MAX, view.request.request_id, stamp(view), "No.")
        error = await refused(press(patient, approved))
        assert (error.problem, error.details) == (
            Problem.READY_OVER,
            {"number": 1, "state": "denied"},
        )
        other = await patient.submit_approved(BEA)
        await patient.requests.cancel(BEA, other.request.request_id)
        assert (await refused(press(patient, other, BEA))).problem is Problem.READY_OVER

    async def test_press_on_an_older_version_sends_nothing(self, patient: House) -> None:
        old = await patient.submit_approved(ANA)
        candidate_id, _ = await patient.trade_urls.propose(ANA, url_of(77))
        await patient.trade_urls.confirm(ANA, candidate_id, for_request=old.request.request_id)
        moved = await patient.view(old)
        assert moved.request.state is RequestState.PENDING
        assert (await refused(press(patient, old))).problem is Problem.READY_NOT_APPROVED
        again = await patient.approve(moved)
        assert (await refused(press(patient, old))).problem is Problem.OUT_OF_DATE
        assert (await patient.view(old)).request.waits_for_member
        assert (await press(patient, again)).request.ready_at == patient.clock.now

    async def test_press_and_every_other_way_out_at_once_never_both_happen(
        self, patient: House
    ) -> None:
        views = [await patient.submit_approved(Actor(700 + number, GUILD)) for number in range(12)]
        patient.clock.now += MINUTE

        async def other(number: int, view: RequestView) -> None:
            request = view.request
            if number % 3 == 0:
                await patient.requests.cancel(Actor(request.user_id), request.request_id)
            elif number % 3 == 1:
                await patient.requests.take_back(MAX, request.request_id, stamp(view))
            else:
                async with patient.database.writing() as tx:
                    at = (request.expires_at or 0) if number % 2 else 0
                    await requests.expire(tx, request.request_id, at=at)

        async with working(patient.worker().run()):
            works = [
                work
                for number, view in enumerate(views)
                for work in (
                    press(patient, view, Actor(view.request.user_id)),
                    other(number, view),
                )
            ]
            await asyncio.gather(*works, return_exceptions=True)

            async def settled() -> bool:
                patient.approved.set()
                now = [(await patient.view(view)).request for view in views]
                return not any(
                    one.state is RequestState.BUYING
                    or (one.state is RequestState.APPROVED and one.ready_at is not None)
                    for one in now
                )

            await until(settled)
        after = [await patient.view(view) for view in views]
        bought = [view for view in after if view.request.state is RequestState.BOUGHT]
        assert all(view.request.ready_at is not None for view in bought)
        keys = {str(entry.key)[2:22] for entry in patient.market.purchases}
        assert keys == {view.request.request_id for view in bought}


class TestMessages:
    """One question, one reminder, and no button where there is nothing to press."""

    async def test_question_is_drawn_again_when_it_is_answered_and_then_left(
        self, patient: House
    ) -> None:
        view = await patient.submit_approved(ANA)
        await patient.post_everything()
        await press(patient, view)
        await patient.post_everything()
        (message,) = patient.discord.of(READY)
        assert isinstance(message.subject, RequestView)
        assert message.subject.request.ready_at is not None
        patient.clock.now += MINUTE
        await patient.buy_until(view)
        await patient.post_everything()
        edits = message.edits
        async with patient.database.writing() as tx:
            await tx.execute("UPDATE outbox SET wanted = wanted + 1 WHERE state = 'posted'")
        await patient.post_everything()
        assert message.edits == edits

    async def test_question_that_was_answered_before_it_was_told_is_not_told(
        self, patient: House
    ) -> None:
        patient.discord.ready = False
        view = await patient.submit_approved(ANA)
        await press(patient, view)
        patient.discord.ready = True
        await patient.post_everything()
        assert patient.discord.of(READY) == []
        assert ("ready", "skipped") in await patient.rows()

    async def test_question_is_asked_anew_after_another_approval(self, patient: House) -> None:
        view = await patient.submit_approved(ANA)
        await patient.post_everything()
        await patient.requests.take_back(MAX, view.request.request_id, stamp(view))
        await patient.post_everything()
        (first,) = patient.discord.of(READY)
        assert isinstance(first.subject, RequestView)
        assert first.subject.request.state is RequestState.PENDING
        patient.clock.now += HOUR
        await patient.approve(await patient.view(view))
        await patient.post_everything()
        assert len(patient.discord.of(READY)) == 2
        assert len({message.mark for message in patient.discord.of(READY)}) == 2

    async def test_reminder_comes_once_also_over_restarts(
        self,
        path: Path,
        market: SkinsbackSandbox,
        discord: ScriptedDiscord,
        clock: ManualClock,
    ) -> None:
        async with open_house(path, market, discord, clock) as house:
            await house.set_up(delivery=Delivery.WHEN_READY)
            view = await house.submit_approved(ANA)
            await house.post_everything()
            clock.now = (view.request.decided_at or 0) + REMIND_AFTER_MS - 1
            await sweep(house)
            await house.post_everything()
            assert discord.of(REMINDER) == []
            clock.now += 1 + HOUR
            await sweep(house)
        for _ in range(3):
            async with open_house(path, market, discord, clock) as house:
                await sweep(house)
                await house.post_everything()
                await sweep(house)
                await house.post_everything()
        (reminder,) = discord.of(REMINDER)
        assert reminder.channel_id == ANA.user_id
        assert len(discord.of(READY)) == 1

    async def test_reminder_of_what_was_answered_meanwhile_is_not_posted(
        self, patient: House
    ) -> None:
        view = await patient.submit_approved(ANA)
        patient.clock.now += REMIND_AFTER_MS
        patient.discord.ready = False
        assert await patient.requests.remind() == 1
        await press(patient, view)
        patient.discord.ready = True
        await patient.post_everything()
        assert patient.discord.of(REMINDER) == []

    @pytest.mark.parametrize("how", ["pressed", "cancelled", "taken back"])
    async def test_nobody_is_reminded_of_what_is_no_longer_waited_for(
        self, patient: House, how: str
    ) -> None:
        view = await patient.submit_approved(ANA)
        if how == "pressed":
            await press(patient, view)
        elif how == "cancelled":
            await patient.requests.cancel(ANA, view.request.request_id)
        else:
            await patient.requests.take_back(MAX, view.request.request_id, stamp(view))
        patient.clock.now += REMIND_AFTER_MS
        await patient.requests.remind()
        await patient.post_everything()
        assert patient.discord.of(REMINDER) == []
        assert await patient.requests.remind() == 0


class TestNeverPressed:
    """It expires, nothing is held, both sides are told why, and nothing was bought."""

    async def test_unpressed_request_expires_and_says_why(self, patient: House) -> None:
        view = await patient.submit_approved(ANA)
        await patient.post_everything()
        patient.clock.now = (view.request.expires_at or 0) - 1
        await sweep(patient)
        await patient.post_everything()
        assert len(patient.discord.of(REMINDER)) == 1
        assert (await patient.view(view)).request.waits_for_member
        patient.clock.now += HOUR
        await sweep(patient)
        await patient.post_everything()
        over = await patient.view(view)
        assert over.request.never_ready
        async with patient.database.reading() as tx:
            assert await requests.sealed_token(tx, view.request.request_id) is None
            assert await purchases.spoken_for(tx, since=0, besides="") == 0
        event = (await patient.history(view))[-1]
        assert (event.kind, event.details) == (EventKind.EXPIRED, {"cause": "member_ready"})
        assert patient.market.batch_calls == []
        # Told anew, because an edit rings nobody's phone; and once.
        assert len(patient.discord.of(REMINDER)) == 2
        for kind in (MessageKind.APPROVAL_CARD, MessageKind.MEMBER_STATUS, READY, REMINDER):
            for message in patient.discord.of(kind):
                assert message.subject == over, kind
        assert (await refused(press(patient, view))).problem is Problem.READY_TOO_LATE

    async def test_bot_that_was_off_tells_the_end_and_reminds_of_nothing(
        self, patient: House
    ) -> None:
        view = await patient.submit_approved(ANA)
        await patient.post_everything()
        patient.clock.now = (view.request.expires_at or 0) + 24 * HOUR
        await sweep(patient)
        await sweep(patient)
        await patient.post_everything()
        (told,) = patient.discord.of(REMINDER)
        assert told.subject == await patient.view(view)

    async def test_press_that_comes_after_the_limit_expires_it(self, patient: House) -> None:
        view = await patient.submit_approved(ANA)
        patient.clock.now = view.request.expires_at or 0
        assert (await refused(press(patient, view))).problem is Problem.READY_TOO_LATE
        assert (await patient.view(view)).request.never_ready

    async def test_pressed_request_that_could_not_be_bought_expires_without_that_blame(
        self, patient: House
    ) -> None:
        view = await patient.submit_approved(ANA)
        await press(patient, view)
        patient.clock.now = view.request.expires_at or 0
        await sweep(patient)
        over = (await patient.view(view)).request
        assert (over.state, over.never_ready) == (RequestState.EXPIRED, False)
