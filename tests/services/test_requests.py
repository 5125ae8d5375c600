"""Sending, deciding, taking back, cancelling, expiring: who may, when, and exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import product

import pytest

from bot.domain.keys import DIGEST_SHOWN
from bot.domain.limits import APPROVED_EXPIRES_MS, PENDING_EXPIRES_MS, REASON_MAX
from bot.domain.models import Actor, EventKind, RequestView
from bot.domain.money import DOLLAR, Micros
from bot.domain.states import RequestState
from bot.errors import Problem, UserFacingError
from bot.services.baskets import Wish
from bot.services.ports import PostRefusedError
from bot.services.requests import LIST_MAX, lines_of
from bot.store import requests, settings
from tests.services.house import (
    ANA,
    ASIIMOV,
    BEA,
    GUILD,
    HOUR,
    MAX,
    MIA,
    MODS,
    OLGA,
    REDLINE,
    RESULTS,
    House,
    until,
    url_of,
    working,
)

STRANGER = Actor(999, GUILD + 1, frozenset({MODS}))
IN_PRIVATE = Actor(ANA.user_id)


async def refused(work: Awaitable[object]) -> UserFacingError:
    """Return why something is refused."""
    with pytest.raises(UserFacingError) as why:
        await work
    return why.value


def stamp(view: RequestView) -> str:
    return view.request.digest[:DIGEST_SHOWN]


class TestSubmit:
    """From basket to request."""

    async def test_submitted_request_is_what_the_basket_was(self, house: House) -> None:
        await house.give_url(ANA)
        await house.pick(ANA, REDLINE, 2)
        await house.baskets.add(ANA, Wish(ASIIMOV, ceiling=Micros(80 * DOLLAR)))
        basket = await house.baskets.open(ANA)
        sent = await house.requests.submit(ANA, basket.revision)
        request = sent.view.request
        assert [line.line for line in sent.view.lines] == lines_of(basket)
        assert sent.view.ceiling_total == basket.ceiling_total
        assert (request.state, request.number, request.partner) == (
            RequestState.PENDING,
            1,
            ANA.user_id,
        )
        assert request.expires_at == house.clock.now + PENDING_EXPIRES_MS
        assert (sent.dm_failed, sent.results_channel_id) == (False, RESULTS)
        assert [event.kind for event in await house.history(sent.view)] == [EventKind.SUBMITTED]
        assert (await house.baskets.open(ANA)).picks == ()

    async def test_submit_to_a_member_who_cant_be_written_to_says_so_at_once(
        self, house: House
    ) -> None:
        async def refuse(what: str, row: object) -> None:
            raise PostRefusedError("closed")

        await house.give_url(ANA)
        basket = (await house.pick(ANA, REDLINE)).basket
        house.discord.trouble = refuse
        assert (await house.requests.submit(ANA, basket.revision)).dm_failed

    @pytest.mark.parametrize(
        ("actor", "problem"),
        [
            (IN_PRIVATE, Problem.SERVER_ONLY),
            (STRANGER, Problem.SERVER_NOT_ALLOWED),
            (BEA, Problem.BASKET_CHANGED),
        ],
    )
    async def test_submit_where_or_by_whom_it_cant_be_is_refused(
        self, house: House, actor: Actor, problem: Problem
    ) -> None:
        assert (await refused(house.requests.submit(actor, 1))).problem is problem

    async def test_submit_before_the_set_up_or_without_the_role_is_refused(
        self, house: House
    ) -> None:
        basket = (await house.pick(ANA, REDLINE)).basket
        await house.set_up(askers=[5, 6])
        error = await refused(house.requests.submit(ANA, basket.revision))
        assert (error.problem, error.details) == (
            Problem.NOT_ALLOWED_TO_ASK,
            {"role_ids": "5,6"},
        )
        asker = replace(ANA, role_ids=frozenset({6, 7}))
        assert (await refused(house.requests.submit(asker, basket.revision))).problem is (
            Problem.TRADE_URL_UNKNOWN
        )
        async with house.database.writing() as tx:
            await tx.execute("UPDATE guilds SET approver_role_id = NULL")
        assert (await refused(house.requests.submit(asker, basket.revision))).problem is (
            Problem.NOT_SET_UP
        )

    async def test_submit_of_an_empty_or_an_older_basket_is_refused(self, house: House) -> None:
        await house.give_url(ANA)
        basket = await house.baskets.open(ANA)
        assert (await refused(house.requests.submit(ANA, basket.revision))).problem is (
            Problem.BASKET_EMPTY
        )
        await house.pick(ANA, REDLINE)
        assert (await refused(house.requests.submit(ANA, basket.revision))).problem is (
            Problem.BASKET_CHANGED
        )

    async def test_submit_without_a_trade_url_is_refused_and_the_basket_stays(
        self, house: House
    ) -> None:
        basket = (await house.pick(ANA, REDLINE)).basket
        assert (await refused(house.requests.submit(ANA, basket.revision))).problem is (
            Problem.TRADE_URL_UNKNOWN
        )
        assert await house.baskets.open(ANA) == basket

    async def test_submit_beyond_the_open_requests_is_refused_and_names_them(
        self, house: House
    ) -> None:
        await house.set_up(open_max=2)
        await house.submit(ANA)
        await house.submit(ANA)
        basket = (await house.pick(ANA, REDLINE)).basket
        error = await refused(house.requests.submit(ANA, basket.revision))
        assert (error.problem, error.details) == (
            Problem.TOO_MANY_OPEN,
            {"open": 2, "open_max": 2, "numbers": "#2, #1"},
        )
        assert (await house.baskets.open(ANA)).picks == basket.picks

    async def test_submit_of_more_than_a_request_may_hold_by_now_is_refused(
        self, house: House
    ) -> None:
        await house.give_url(ANA)
        basket = (await house.pick(ANA, REDLINE, 3)).basket
        await house.set_up(lines_max=2)
        error = await refused(house.requests.submit(ANA, basket.revision))
        assert (error.problem, error.details) == (
            Problem.TOO_MANY_LINES,
            {"lines_max": 2, "lines": 3},
        )

    async def test_submit_of_a_game_that_is_not_offered_any_more_is_refused(
        self, house: House
    ) -> None:
        await house.give_url(ANA)
        basket = (await house.pick(ANA, REDLINE)).basket
        async with house.database.writing() as tx:
            await settings.set_games(tx, GUILD, ("rust",))
        error = await refused(house.requests.submit(ANA, basket.revision))
        assert (error.problem, error.details) == (Problem.GAME_NOT_OFFERED, {"skin": REDLINE})
        assert (await house.baskets.open(ANA)).picks == basket.picks

    async def test_submit_by_five_thumbs_at_once_is_one_request(self, house: House) -> None:
        await house.give_url(ANA)
        basket = (await house.pick(ANA, REDLINE)).basket
        sent = await asyncio.gather(
            *(house.requests.submit(ANA, basket.revision) for _ in range(5)),
            return_exceptions=True,
        )
        problems = [one.problem for one in sent if isinstance(one, UserFacingError)]
        assert problems == [Problem.BASKET_CHANGED] * 4
        assert len(await house.requests.list_own(ANA)) == 1


Decision = Callable[[House, Actor, RequestView], Awaitable[RequestView]]


async def approve(house: House, actor: Actor, view: RequestView) -> RequestView:
    return await house.requests.approve(actor, view.request.request_id, stamp(view))


async def deny(house: House, actor: Actor, view: RequestView) -> RequestView:
    return await house.requests.deny(actor, view.request.request_id, stamp(view), "No, sorry.")


async def take_back(house: House, actor: Actor, view: RequestView) -> RequestView:
    return await house.requests.take_back(actor, view.request.request_id, stamp(view))


async def may_decide(house: House, actor: Actor, view: RequestView) -> RequestView:
    return await house.requests.require_may_decide(actor, view.request.request_id, stamp(view))


DECISIONS: dict[str, Decision] = {"approve": approve, "deny": deny, "ask": may_decide}


class TestDeciding:
    """Only someone entitled, only what they saw, only once."""

    async def test_approval_is_bound_to_who_and_when_and_ages(self, house: House) -> None:
        await house.set_up(undo_s=10)
        view = await house.submit(ANA)
        house.clock.now += 5
        request = (await approve(house, MAX, view)).request
        assert request.state is RequestState.APPROVED
        assert (request.decided_by, request.decided_at) == (MAX.user_id, house.clock.now)
        assert request.claimable_at == house.clock.now + 10_000
        assert request.expires_at == house.clock.now + APPROVED_EXPIRES_MS
        assert house.approved.is_set()
        assert [(event.kind, event.actor_id) for event in await house.history(view)] == [
            (EventKind.SUBMITTED, ANA.user_id),
            (EventKind.APPROVED, MAX.user_id),
        ]

    async def test_denial_keeps_its_reason_clean_and_short(self, house: House) -> None:
        view = await house.submit(ANA)
        reason = "  not\nthis \u202e week " + "x" * 500
        denied = await house.requests.deny(MAX, view.request.request_id, stamp(view), reason)
        assert denied.request.state is RequestState.DENIED
        assert denied.request.decision_reason.startswith("not this week x")
        assert len(denied.request.decision_reason) <= REASON_MAX
        (event,) = [one for one in await house.history(view) if one.kind is EventKind.DENIED]
        assert event.details == {"reason": denied.request.decision_reason}

    @pytest.mark.parametrize("reason", ["", "   ", "\n\n", "\u200b\u202e"])
    async def test_denial_without_a_reason_decides_nothing(self, house: House, reason: str) -> None:
        view = await house.submit(ANA)
        error = await refused(
            house.requests.deny(MAX, view.request.request_id, stamp(view), reason)
        )
        assert error.problem is Problem.REASON_EMPTY
        assert (await house.view(view)).request.state is RequestState.PENDING

    @pytest.mark.parametrize("decision", DECISIONS)
    @pytest.mark.parametrize(
        ("actor", "problem"),
        [
            (Actor(MAX.user_id, GUILD), Problem.NOT_APPROVER),
            (OLGA, Problem.NOT_APPROVER),
            (replace(ANA, role_ids=MAX.role_ids), Problem.OWN_REQUEST),
            (STRANGER, Problem.SERVER_NOT_ALLOWED),
            (Actor(MAX.user_id, None, MAX.role_ids), Problem.SERVER_ONLY),
        ],
        ids=["without the role", "administrator", "own request", "elsewhere", "in private"],
    )
    async def test_decision_by_someone_who_may_not_changes_nothing(
        self, house: House, decision: str, actor: Actor, problem: Problem
    ) -> None:
        view = await house.submit(ANA)
        error = await refused(DECISIONS[decision](house, actor, view))
        assert error.problem is problem
        if problem is Problem.NOT_APPROVER:
            assert error.details == {"role_id": str(MODS)}
        assert await house.view(view) == view

    @pytest.mark.parametrize("afterwards", ["kept", "forgotten", "changed"])
    @pytest.mark.parametrize("decision", DECISIONS)
    async def test_decision_about_ones_own_steam_account_is_refused_even_after_forgetting_it(
        self, house: House, decision: str, afterwards: str
    ) -> None:
        await house.give_url(ANA, partner=4_242)
        await house.give_url(MAX, partner=4_242, token="Another1")
        if afterwards == "forgotten":
            assert await house.trade_urls.forget(MAX)
        elif afterwards == "changed":
            await house.give_url(MAX, partner=5_353)
        view = await house.submit(ANA)
        error = await refused(DECISIONS[decision](house, MAX, view))
        assert error.problem is Problem.OWN_STEAM_ACCOUNT
        assert (await DECISIONS[decision](house, MIA, view)).request.partner == 4_242

    @pytest.mark.parametrize("decision", DECISIONS)
    async def test_decision_on_an_older_card_is_refused(self, house: House, decision: str) -> None:
        old = await house.submit(ANA)
        candidate_id, _ = await house.trade_urls.propose(ANA, url_of(77))
        await house.trade_urls.confirm(ANA, candidate_id, for_request=old.request.request_id)
        error = await refused(DECISIONS[decision](house, MAX, old))
        assert (error.problem, error.details) == (Problem.REQUEST_CHANGED, {"number": 1})
        new = await house.view(old)
        assert (new.request.version, new.request.partner) == (2, 77)
        assert (await DECISIONS[decision](house, MAX, new)).request.version == 2

    @pytest.mark.parametrize("decision", DECISIONS)
    async def test_decision_after_another_says_who_was_first(
        self, house: House, decision: str
    ) -> None:
        view = await house.submit(ANA)
        await deny(house, MIA, view)
        error = await refused(DECISIONS[decision](house, MAX, view))
        assert error.problem is Problem.ALREADY_DECIDED
        assert error.details["user_id"] == str(MIA.user_id)
        assert error.details["decided_at"] == house.clock.now

    @pytest.mark.parametrize("decision", DECISIONS)
    async def test_decision_about_a_request_of_another_server_is_refused(
        self, house: House, decision: str
    ) -> None:
        view = await house.submit(ANA)
        async with house.database.writing() as tx:
            await settings.add_guild(tx, 5)
            await tx.execute("UPDATE requests SET guild_id = 5")
        error = await refused(DECISIONS[decision](house, MAX, view))
        assert error.problem is Problem.NO_SUCH_REQUEST

    @pytest.mark.parametrize(("one", "other"), list(product(["approve", "deny"], repeat=2)))
    async def test_two_moderators_at_once_decide_once(
        self, house: House, one: str, other: str
    ) -> None:
        view = await house.submit(ANA)
        made = await asyncio.gather(
            DECISIONS[one](house, MAX, view),
            DECISIONS[other](house, MIA, view),
            return_exceptions=True,
        )
        losers = [outcome for outcome in made if isinstance(outcome, UserFacingError)]
        assert [loser.problem for loser in losers] == [Problem.ALREADY_DECIDED]
        winner = MAX if made[1] in losers else MIA
        assert (await house.view(view)).request.decided_by == winner.user_id
        kinds = [event.kind for event in await house.history(view)]
        assert len(kinds) == 2

    @pytest.mark.parametrize("decision", ["approve", "deny"])
    async def test_decision_on_a_request_that_is_too_old_expires_it_instead(
        self, house: House, decision: str
    ) -> None:
        view = await house.submit(ANA)
        house.clock.now += PENDING_EXPIRES_MS
        error = await refused(DECISIONS[decision](house, MAX, view))
        assert error.problem is Problem.ALREADY_DECIDED
        assert (await house.view(view)).request.state is RequestState.EXPIRED
        assert (await house.history(view))[-1].kind is EventKind.EXPIRED


class TestTakingBack:
    """An approval can be undone until buying starts."""

    async def test_approval_that_is_taken_back_is_pending_again(self, house: House) -> None:
        view = await house.submit_approved(ANA)
        undone = await take_back(house, MIA, view)
        assert undone.request.state is RequestState.PENDING
        assert undone.request.decided_by is None
        assert undone.request.expires_at == house.clock.now + PENDING_EXPIRES_MS
        assert (await approve(house, MAX, undone)).request.state is RequestState.APPROVED

    async def test_taking_back_what_is_bought_or_was_never_approved_is_refused(
        self, house: House
    ) -> None:
        view = await house.submit(ANA)
        error = await refused(take_back(house, MAX, view))
        assert (error.problem, error.details) == (
            Problem.TOO_LATE_TO_TAKE_BACK,
            {"state": "pending"},
        )
        bought = await house.buy_until(await approve(house, MAX, view))
        error = await refused(take_back(house, MAX, bought))
        assert error.details == {"state": "bought"}

    @pytest.mark.parametrize(
        ("actor", "problem"),
        [
            (Actor(MAX.user_id, GUILD), Problem.NOT_APPROVER),
            (replace(ANA, role_ids=MAX.role_ids), Problem.OWN_REQUEST),
        ],
    )
    async def test_taking_back_by_someone_who_may_not_changes_nothing(
        self, house: House, actor: Actor, problem: Problem
    ) -> None:
        view = await house.submit_approved(ANA)
        assert (await refused(take_back(house, actor, view))).problem is problem
        assert await house.view(view) == view


class TestMember:
    """A member's own requests."""

    async def test_own_requests_are_listed_newest_first_and_found_by_number(
        self, house: House
    ) -> None:
        await house.set_up(open_max=10)
        for _ in range(3):
            await house.submit(ANA)
        await house.submit(BEA)
        listed = await house.requests.list_own(ANA)
        assert [view.request.number for view in listed] == [3, 2, 1]
        assert len(listed) <= LIST_MAX
        detail = await house.requests.own_number(ANA, 2)
        assert (detail.view, detail.events[0].kind) == (listed[1], EventKind.SUBMITTED)
        error = await refused(house.requests.own_number(ANA, 4))
        assert (error.problem, error.details) == (Problem.NO_SUCH_REQUEST, {"number": 4})

    async def test_own_request_is_shown_to_its_member_also_in_private_and_to_nobody_else(
        self, house: House
    ) -> None:
        view = await house.submit(ANA)
        for actor in (ANA, IN_PRIVATE):
            assert (await house.requests.own(actor, view.request.request_id)).view == view
        for actor in (BEA, MAX, Actor(ANA.user_id, GUILD + 1)):
            error = await refused(house.requests.own(actor, view.request.request_id))
            assert error.problem is Problem.NOT_YOURS
        assert (await refused(house.requests.own(ANA, "nothing"))).problem is Problem.NOT_YOURS

    async def test_details_are_for_moderators_of_the_server(self, house: House) -> None:
        view = await house.submit(ANA)
        assert (await house.requests.details(MAX, view.request.request_id)).view == view
        error = await refused(house.requests.details(ANA, view.request.request_id))
        assert error.problem is Problem.NOT_APPROVER

    @pytest.mark.parametrize("approved", [False, True])
    async def test_cancel_is_possible_until_buying_starts_and_erases_the_trade_url(
        self, house: House, approved: bool
    ) -> None:
        view = await house.submit(ANA)
        if approved:
            view = await approve(house, MAX, view)
        request_id = view.request.request_id
        assert await house.requests.require_can_cancel(IN_PRIVATE, request_id) == view
        cancelled = await house.requests.cancel(IN_PRIVATE, request_id)
        assert cancelled.request.state is RequestState.CANCELLED
        async with house.database.reading() as tx:
            assert await requests.sealed_token(tx, request_id) is None
        assert (await house.history(view))[-1].actor_id == ANA.user_id

    async def test_cancel_of_what_is_bought_or_somebody_elses_is_refused(
        self, house: House
    ) -> None:
        view = await house.submit_approved(ANA)
        request_id = view.request.request_id
        for work in (house.requests.cancel, house.requests.require_can_cancel):
            assert (await refused(work(BEA, request_id))).problem is Problem.NOT_YOURS
        bought = await house.buy_until(view)
        for work in (house.requests.cancel, house.requests.require_can_cancel):
            error = await refused(work(ANA, request_id))
            assert (error.problem, error.details["number"]) == (Problem.TOO_LATE_TO_CANCEL, 1)
        assert await house.view(view) == bought

    async def test_cancel_and_claim_at_once_never_both_happen(self, house: House) -> None:
        views = [await house.submit_approved(replace(ANA, user_id=700 + n)) for n in range(6)]
        async with working(house.worker().run()):
            house.approved.set()
            await asyncio.gather(
                *(
                    house.requests.cancel(Actor(view.request.user_id), view.request.request_id)
                    for view in views
                ),
                return_exceptions=True,
            )
            for view in views:
                await settled(house, view)
        cancelled = [
            view
            for view in views
            if (await house.view(view)).request.state is RequestState.CANCELLED
        ]
        assert len(house.market.purchases) == len(views) - len(cancelled)


async def settled(house: House, view: RequestView) -> None:
    async def over() -> bool:
        house.approved.set()
        state = (await house.view(view)).request.state
        return state in (RequestState.BOUGHT, RequestState.CANCELLED)

    await until(over)


class TestExpiring:
    """What waits too long is over."""

    async def test_sweeper_expires_what_is_too_old_and_nothing_else(self, house: House) -> None:
        old = await house.submit(ANA)
        approved = await house.submit_approved(BEA)
        house.clock.now += APPROVED_EXPIRES_MS - HOUR
        young = await house.submit(ANA)
        house.clock.now += HOUR
        everything = (old, approved, young)

        async def states() -> list[str]:
            return [(await house.view(view)).request.state.value for view in everything]

        async def one_is_over() -> bool:
            return "expired" in await states()

        async def all_are_over() -> bool:
            return set(await states()) == {"expired"}

        async with working(house.requests.run_sweeper()):
            await until(one_is_over)
        assert await states() == ["pending", "expired", "pending"]
        house.clock.now += PENDING_EXPIRES_MS
        async with working(house.requests.run_sweeper()):
            await until(all_are_over)
        events = await house.history(old)
        assert (events[-1].kind, events[-1].actor_id) == (EventKind.EXPIRED, None)

    async def test_sweeper_that_finds_very_many_goes_on_at_once(self, house: House) -> None:
        await house.set_up(open_max=10)
        view = await house.submit(ANA)
        request_id = view.request.request_id
        async with house.database.writing() as tx:
            for number in range(2, 60):
                other = f"{number:03d}".translate(str.maketrans("0123456789", "abcdefghij"))
                await tx.execute(
                    "INSERT INTO requests (request_id, guild_id, number, user_id, state, digest, "
                    "partner, sealed_token, submitted_at, created_at, changed_at, expires_at) "
                    "SELECT ? || substr(request_id, 4), guild_id, ?, user_id, state, digest, "
                    "partner, sealed_token, submitted_at, created_at, changed_at, expires_at "
                    "FROM requests WHERE request_id = ?",
                    other,
                    number,
                    request_id,
                )
        house.clock.now += PENDING_EXPIRES_MS

        async def none_is_left() -> bool:
            async with house.database.reading() as tx:
                return not await requests.too_old(tx, house.clock.now, limit=1)

        async with working(house.requests.run_sweeper()):
            await until(none_is_left)
