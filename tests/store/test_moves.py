"""Every way from state to state is one compare-and-set: of several at once, exactly one is it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import combinations
from typing import Final

import pytest

from bot.domain.models import NoListing, WaitReason
from bot.domain.states import (
    FINAL_STATES,
    OPEN_STATES,
    RequestEvent,
    RequestState,
    state_after,
    states_before,
)
from bot.domain.trade_url import TradeUrl
from bot.store import baskets, purchases, requests
from bot.store.database import Database, Transaction
from tests.store import samples
from tests.store.samples import ANA, DAY, GUILD, MAX, NOW, SEALED, line, request_id, shown

Move = Callable[[Transaction], Awaitable[bool]]

OTHER_URL: Final = TradeUrl(42, "ZyXw_-98")
LATE: Final = NOW + 4 * DAY


async def _approve(tx: Transaction) -> bool:
    view = await shown(tx, request_id())
    return await requests.approve(
        tx,
        request_id(),
        digest=view.request.digest,
        by=MAX,
        at=NOW,
        claimable_at=NOW,
        expires_at=NOW + DAY,
    )


async def _deny(tx: Transaction) -> bool:
    digest = (await shown(tx, request_id())).request.digest
    return await requests.deny(tx, request_id(), digest=digest, by=MAX, reason="no", at=NOW)


async def _take_back(tx: Transaction) -> bool:
    digest = (await shown(tx, request_id())).request.digest
    return await requests.take_back(tx, request_id(), digest=digest, at=NOW, expires_at=NOW + DAY)


async def _cancel(tx: Transaction) -> bool:
    return await requests.cancel(tx, request_id(), at=NOW)


async def _expire(tx: Transaction) -> bool:
    return await requests.expire(tx, request_id(), at=LATE)


async def _change_account(tx: Transaction) -> bool:
    view = await shown(tx, request_id())
    return await requests.change_steam_account(
        tx,
        view,
        partner=OTHER_URL.partner,
        sealed_token=b"other",
        version=view.request.version + 1,
        digest="e" * 64,
        at=NOW,
        expires_at=NOW + DAY,
    )


async def _claim(tx: Transaction) -> bool:
    digest = (await shown(tx, request_id())).request.digest
    return await purchases.claim(tx, request_id(), digest=digest, at=NOW)


async def _give_back(tx: Transaction) -> bool:
    return await purchases.give_back(
        tx, request_id(), WaitReason.PAUSED, claimable_at=NOW + 1, at=NOW
    )


async def _finish(tx: Transaction) -> bool:
    return await purchases.finish(tx, request_id(), at=NOW)


async def _try_again(tx: Transaction) -> bool:
    return await purchases.try_again(tx, await shown(tx, request_id()), at=NOW)


MOVES: Final[dict[RequestEvent, Move]] = {
    RequestEvent.APPROVE: _approve,
    RequestEvent.DENY: _deny,
    RequestEvent.TAKE_BACK: _take_back,
    RequestEvent.CANCEL: _cancel,
    RequestEvent.EXPIRE: _expire,
    RequestEvent.CHANGE_STEAM_ACCOUNT: _change_account,
    RequestEvent.CLAIM: _claim,
    RequestEvent.RETURN: _give_back,
    RequestEvent.FINISH: _finish,
    RequestEvent.TRY_AGAIN: _try_again,
}
SUBMITTED: Final = [state for state in RequestState if state is not RequestState.DRAFT]


async def in_state(database: Database, state: RequestState) -> None:
    """Have a request stand in a state."""
    async with database.writing() as tx:
        await samples.pending(tx)
        await samples.force_state(tx, request_id(), state)


async def alone(database: Database, move: Move) -> bool:
    """Make one move in a transaction of its own."""
    async with database.writing() as tx:
        return await move(tx)


async def state_of(database: Database) -> RequestState:
    async with database.reading() as tx:
        return (await shown(tx, request_id())).request.state


def test_every_event_but_three_is_moved_here() -> None:
    """Submitting starts from a basket and has tests of its own; nothing closes requests yet.

    What is adopted moves by two events, and has its own test below.
    """
    assert set(RequestEvent) - set(MOVES) == {
        RequestEvent.SUBMIT,
        RequestEvent.SETTLE,
        RequestEvent.ADOPT,
    }


@pytest.mark.parametrize("state", SUBMITTED)
async def test_adopting_from_every_state_leads_where_nothing_unapproved_is_bought(
    database: Database, state: RequestState
) -> None:
    await in_state(database, state)
    moved = await alone(database, lambda tx: requests.adopt(tx, request_id(), at=NOW))
    after = await state_of(database)
    if state is RequestState.APPROVED:
        assert (moved, after) == (True, RequestState.BUYING)
    elif state in states_before(RequestEvent.ADOPT):
        assert (moved, after) == (True, RequestState.BOUGHT)
        async with database.reading() as tx:
            lines = (await shown(tx, request_id())).lines
        assert {line.line.no_listing for line in lines} == {NoListing.APPROVAL_LOST}
        assert not any(line.can_be_tried_again for line in lines)
    else:
        assert (moved, after) == (False, state)


@pytest.mark.parametrize("state", SUBMITTED)
@pytest.mark.parametrize("event", MOVES)
async def test_move_from_every_state_happens_only_where_the_table_allows_it(
    database: Database, state: RequestState, event: RequestEvent
) -> None:
    await in_state(database, state)
    moved = await alone(database, MOVES[event])
    assert moved == (state in states_before(event))
    assert await state_of(database) == (state_after(event) if moved else state)


@pytest.mark.parametrize("event", MOVES)
async def test_move_by_five_at_once_is_made_by_one(database: Database, event: RequestEvent) -> None:
    await in_state(database, states_before(event)[0])
    made = await asyncio.gather(*(alone(database, MOVES[event]) for _ in range(5)))
    if event is RequestEvent.CHANGE_STEAM_ACCOUNT:
        # It stays pending and starts a new version each time that somebody asks anew.
        assert all(made)
    else:
        assert made.count(True) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    list(
        combinations([event for event in MOVES if RequestState.APPROVED in states_before(event)], 2)
    ),
)
async def test_two_ways_out_of_approved_at_once_never_both_start_from_it(
    database: Database, one: RequestEvent, other: RequestEvent
) -> None:
    await in_state(database, RequestState.APPROVED)
    seen: list[RequestState] = []

    async def watched(move: Move) -> bool:
        async with database.writing() as tx:
            before = (await shown(tx, request_id())).request.state
            moved = await move(tx)
            if moved:
                seen.append(before)
            return moved

    assert any(await asyncio.gather(watched(MOVES[one]), watched(MOVES[other])))
    assert seen.count(RequestState.APPROVED) == 1


@pytest.mark.parametrize(
    "event", [RequestEvent.APPROVE, RequestEvent.DENY, RequestEvent.TAKE_BACK, RequestEvent.CLAIM]
)
async def test_decision_about_another_digest_changes_nothing(
    database: Database, event: RequestEvent
) -> None:
    state = states_before(event)[0]
    await in_state(database, state)
    async with database.writing() as tx:
        before = await shown(tx, request_id())
        decisions: dict[RequestEvent, Awaitable[bool]] = {
            RequestEvent.APPROVE: requests.approve(
                tx,
                request_id(),
                digest="f" * 64,
                by=MAX,
                at=NOW,
                claimable_at=NOW,
                expires_at=NOW + DAY,
            ),
            RequestEvent.DENY: requests.deny(
                tx, request_id(), digest="f" * 64, by=MAX, reason="no", at=NOW
            ),
            RequestEvent.TAKE_BACK: requests.take_back(
                tx, request_id(), digest="f" * 64, at=NOW, expires_at=NOW + DAY
            ),
            RequestEvent.CLAIM: purchases.claim(tx, request_id(), digest="f" * 64, at=NOW),
        }
        made = {kind: await decision for kind, decision in decisions.items()}
        assert not any(made.values())
        assert await shown(tx, request_id()) == before


async def test_account_change_of_an_older_version_changes_nothing(database: Database) -> None:
    await in_state(database, RequestState.PENDING)
    async with database.writing() as tx:
        old = await shown(tx, request_id())
        assert await _change_account(tx)
        assert not await requests.change_steam_account(
            tx,
            old,
            partner=7,
            sealed_token=b"third",
            version=2,
            digest="f" * 64,
            at=NOW,
            expires_at=NOW,
        )
        request = (await shown(tx, request_id())).request
        assert (request.partner, request.version, request.digest) == (42, 2, "e" * 64)
        assert await requests.sealed_token(tx, request_id()) == b"other"


class TestAge:
    """Too old is refused to the millisecond, and too young as well."""

    @pytest.mark.parametrize(("at", "moved"), [(NOW + 3 * DAY - 1, True), (NOW + 3 * DAY, False)])
    async def test_approve_is_possible_until_it_expires(
        self, database: Database, at: int, moved: bool
    ) -> None:
        async with database.writing() as tx:
            view = await samples.pending(tx)
            assert moved == await requests.approve(
                tx,
                request_id(),
                digest=view.request.digest,
                by=MAX,
                at=at,
                claimable_at=at,
                expires_at=at + DAY,
            )

    @pytest.mark.parametrize(
        ("at", "moved"), [(NOW - 1, False), (NOW, True), (NOW + DAY - 1, True), (NOW + DAY, False)]
    )
    async def test_claim_is_possible_from_its_time_until_it_expires(
        self, database: Database, at: int, moved: bool
    ) -> None:
        async with database.writing() as tx:
            view = await samples.approved(tx)
            digest = view.request.digest
            assert await purchases.claim(tx, request_id(), digest=digest, at=at) == moved

    @pytest.mark.parametrize(("at", "moved"), [(NOW + DAY - 1, False), (NOW + DAY, True)])
    async def test_expire_is_possible_only_when_it_is_too_old(
        self, database: Database, at: int, moved: bool
    ) -> None:
        async with database.writing() as tx:
            await samples.approved(tx)
            assert await requests.expire(tx, request_id(), at=at) == moved


class TestSecret:
    """The copy of the Trade URL lives as long as the request is open."""

    @pytest.mark.parametrize("event", MOVES)
    async def test_token_is_erased_on_the_way_into_a_final_state_and_kept_otherwise(
        self, database: Database, event: RequestEvent
    ) -> None:
        await in_state(database, states_before(event)[0])
        assert await alone(database, MOVES[event])
        async with database.reading() as tx:
            sealed = await requests.sealed_token(tx, request_id())
        assert (sealed is None) == (state_after(event) in FINAL_STATES)

    @pytest.mark.parametrize("state", SUBMITTED)
    async def test_token_is_renewed_as_long_as_something_may_still_be_sent(
        self, database: Database, state: RequestState
    ) -> None:
        await in_state(database, state)
        async with database.writing() as tx:
            before = await requests.sealed_token(tx, request_id())
            renewed = await requests.renew_token(
                tx, request_id(), b"new", partner=samples.URL.partner, at=NOW
            )
            after = await requests.sealed_token(tx, request_id())
        # What was bought can be tried again as long as its approval counts.
        reached = state in OPEN_STATES or state is RequestState.BOUGHT
        assert renewed == reached
        assert after == (b"new" if renewed else before)

    async def test_token_of_another_account_never_gets_into_a_request(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            await samples.approved(tx)
            assert not await requests.renew_token(tx, request_id(), b"new", partner=42, at=NOW)
            assert await requests.sealed_token(tx, request_id()) == SEALED


class TestSubmit:
    """From basket to request."""

    async def test_submit_by_five_at_once_happens_once(self, database: Database) -> None:
        async with database.writing() as tx:
            basket = await samples.draft(tx)

        async def send() -> bool:
            async with database.writing() as tx:
                return await samples.submit(tx, basket, [line()])

        made = await asyncio.gather(*(send() for _ in range(5)))
        assert made.count(True) == 1
        async with database.reading() as tx:
            assert len((await shown(tx, basket.request_id)).lines) == 1

    async def test_submit_of_a_basket_that_has_changed_changes_nothing(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            basket = await samples.draft(tx)
            assert await baskets.change(tx, basket.request_id, revision=1, at=NOW)
            assert not await samples.submit(tx, basket, [line()])
            now = await baskets.find(tx, GUILD, ANA)
            assert now is not None
            assert now.picks == basket.picks
            assert await requests.get(tx, basket.request_id) is None

    async def test_submit_takes_the_picks_out_and_leaves_room_for_a_new_basket(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            lines = [line(1), line(2, listing_id=5)]
            view = await samples.pending(tx, lines=lines)
            assert [one.line for one in view.lines] == lines
            assert await tx.all("SELECT * FROM picks") == []
            assert await baskets.find(tx, GUILD, ANA) is None
            await samples.draft(tx, 2)

    async def test_numbers_of_a_server_are_its_own_and_none_is_given_twice(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            await samples.draft(tx)
            await tx.execute("INSERT INTO guilds (guild_id) VALUES (5)")
            taken = [await requests.take_number(tx, guild) for guild in (GUILD, GUILD, 5, GUILD)]
            assert taken == [1, 2, 1, 3]
            with pytest.raises(RuntimeError):
                await requests.take_number(tx, 404)
