"""Requests as they are read back: views, lists, histories."""

from __future__ import annotations

from bot.domain.models import EventKind, WaitReason
from bot.domain.states import OPEN_STATES, RequestState
from bot.store import audit, purchases, requests
from bot.store.database import Database
from tests.store import samples
from tests.store.samples import ANA, DAY, GUILD, MAX, NOW, request_id, shown


async def test_request_when_submitted_reads_back_as_it_was_written(database: Database) -> None:
    async with database.writing() as tx:
        await samples.pending(tx)
    async with database.reading() as tx:
        request = (await shown(tx, request_id())).request
    assert (request.guild_id, request.user_id, request.number) == (GUILD, ANA, 1)
    assert (request.state, request.version, request.partner) == (
        RequestState.PENDING,
        1,
        samples.URL.partner,
    )
    assert (request.submitted_at, request.expires_at) == (NOW, NOW + 3 * DAY)
    assert request.waits_for is None
    assert not request.dm_closed


async def test_request_that_is_a_draft_or_unknown_is_none(database: Database) -> None:
    async with database.writing() as tx:
        basket = await samples.draft(tx)
        assert await requests.get(tx, basket.request_id) is None
        assert await requests.get(tx, "nobody") is None
        assert await requests.sealed_token(tx, "nobody") is None


async def test_request_by_number_is_its_members_alone(database: Database) -> None:
    async with database.writing() as tx:
        view = await samples.pending(tx)
        assert await requests.find_number(tx, GUILD, ANA, 1) == view
        assert await requests.find_number(tx, GUILD, MAX, 1) is None
        assert await requests.find_number(tx, GUILD + 1, ANA, 1) is None
        assert await requests.find_number(tx, GUILD, ANA, 2) is None


async def test_requests_of_a_member_are_newest_first_and_without_the_basket(
    database: Database,
) -> None:
    async with database.writing() as tx:
        for number in range(1, 6):
            await samples.pending(tx, number)
        await samples.pending(tx, 7, user_id=MAX)
        await samples.draft(tx, 8)
        found = await requests.of_member(tx, GUILD, ANA, limit=3)
        assert [view.request.number for view in found] == [5, 4, 3]
        assert await requests.of_member(tx, GUILD + 1, ANA, limit=3) == []


async def test_open_requests_are_those_on_which_money_may_still_be_spent(
    database: Database,
) -> None:
    states = [state for state in RequestState if state is not RequestState.DRAFT]
    async with database.writing() as tx:
        for number, state in enumerate(states, start=1):
            await samples.pending(tx, number)
            await samples.force_state(tx, request_id(number), state)
        open_numbers = await requests.open_numbers(tx, GUILD, ANA)
        assert {states[number - 1] for number in open_numbers} == OPEN_STATES
        assert open_numbers == sorted(open_numbers, reverse=True)
        assert await requests.open_numbers(tx, GUILD, MAX) == []
        reachable = await requests.open_of_member(tx, ANA)
        found = {(await shown(tx, one)).request.state for one in reachable}
        assert found == OPEN_STATES


async def test_too_old_are_those_that_still_wait_oldest_first(database: Database) -> None:
    states = [state for state in RequestState if state is not RequestState.DRAFT]
    async with database.writing() as tx:
        for number, state in enumerate(states, start=1):
            await samples.pending(tx, number)
            await samples.force_state(tx, request_id(number), state)
            await tx.execute(
                "UPDATE requests SET expires_at = ? WHERE request_id = ?",
                NOW - number,
                request_id(number),
            )
        old = await requests.too_old(tx, NOW, limit=9)
        assert [(await shown(tx, one)).request.state for one in old] == [
            RequestState.APPROVED,
            RequestState.PENDING,
        ]
        assert await requests.too_old(tx, NOW, limit=1) == old[:1]
        assert await requests.too_old(tx, NOW - 3, limit=9) == []


FOR_A_URL = (
    WaitReason.TRADE_URL_PARTNER,
    WaitReason.TRADE_URL_TOKEN,
    WaitReason.STEAM_ACCOUNT_RESTS,
)


async def test_new_token_ends_the_wait_for_one_and_no_other_wait(database: Database) -> None:
    async with database.writing() as tx:
        for number, reason in enumerate(WaitReason, start=1):
            await samples.approved(tx, number)
            await purchases.wait(tx, request_id(number), reason, claimable_at=NOW + DAY - 1, at=NOW)
            assert await requests.renew_token(
                tx, request_id(number), b"new", partner=samples.URL.partner, at=NOW + 5
            )
            request = (await shown(tx, request_id(number))).request
            if reason in FOR_A_URL:
                assert (request.waits_for, request.claimable_at) == (None, NOW + 5)
            else:
                assert (request.waits_for, request.claimable_at) == (reason, NOW + DAY - 1)


async def test_approval_that_is_taken_back_leaves_nothing_of_itself(database: Database) -> None:
    async with database.writing() as tx:
        before = (await samples.pending(tx)).request
        assert await requests.approve(
            tx,
            request_id(),
            digest=before.digest,
            by=MAX,
            at=NOW,
            claimable_at=NOW,
            expires_at=NOW + DAY,
        )
        assert await requests.take_back(
            tx, request_id(), digest=before.digest, at=NOW, expires_at=NOW + 3 * DAY
        )
        assert (await shown(tx, request_id())).request == before


async def test_closed_direct_messages_are_noted_for_one_request(database: Database) -> None:
    async with database.writing() as tx:
        await samples.pending(tx, 1)
        await samples.pending(tx, 2)
        await requests.note_dm_closed(tx, request_id(1))
        assert (await shown(tx, request_id(1))).request.dm_closed
        assert not (await shown(tx, request_id(2))).request.dm_closed


async def test_history_of_a_request_is_in_order_and_its_own(database: Database) -> None:
    async with database.writing() as tx:
        view = await samples.pending(tx, 1)
        other = await samples.pending(tx, 2)
        kinds = (EventKind.SUBMITTED, EventKind.APPROVED, EventKind.SENT)
        for at, kind in enumerate(kinds):
            await audit.record_for(
                tx, kind, view.request, at=NOW - at, actor_id=MAX, details={"lines": at}
            )
            await audit.record_for(tx, EventKind.DENIED, other.request, at=NOW)
        await audit.record(tx, EventKind.PAUSED, guild_id=GUILD, at=NOW)
        events = await audit.of_request(tx, request_id(1))
    assert [event.kind for event in events] == list(kinds)
    assert [event.details for event in events] == [{"lines": 0}, {"lines": 1}, {"lines": 2}]
    assert {event.actor_id for event in events} == {MAX}
