"""Pausing and resuming: who may, what a notice says, and what goes on meanwhile."""

from __future__ import annotations

import pytest

from bot.domain.models import (
    Actor,
    EventKind,
    GuildPause,
    MessageKind,
    Pause,
    PauseCause,
    WaitReason,
)
from bot.domain.states import RequestState
from bot.errors import Problem, UserFacingError
from bot.services.pauses import LIFTED_BY_OPERATORS, lift_all
from bot.services.ports import Paused, PauseOver, Subject
from bot.store import purchases, settings
from tests.services.house import (
    ANA,
    APPROVALS,
    BEA,
    GUILD,
    MAX,
    OLGA,
    OTTO,
    House,
    ScriptedDiscord,
)

NOTICE = MessageKind.PAUSE_NOTICE
OWN = GuildPause(GUILD, 0, OLGA.user_id, "counting skins")
BOTH = Actor(OTTO.user_id, GUILD, administrator=True)
"""Runs the deployment, and manages the server too."""


async def told(house: House) -> list[tuple[EventKind, int | None]]:
    """Return what happened to the server as a whole, and who did it."""
    async with house.database.reading() as tx:
        rows = await tx.all(
            "SELECT kind, actor_id FROM events WHERE request_id IS NULL "
            "AND kind IN ('paused', 'resumed') ORDER BY event_id"
        )
    return [(EventKind(row["kind"]), row["actor_id"]) for row in rows]


async def refused(call: object) -> UserFacingError:
    """Return the problem that a call has with the person."""
    with pytest.raises(UserFacingError) as caught:
        await call  # type: ignore[misc]
    return caught.value


def shown(discord: ScriptedDiscord) -> list[Subject]:
    """Return what every notice says, in the order in which they were posted."""
    return [notice.subject for notice in discord.of(NOTICE)]


class TestPause:
    """A server's own pause."""

    async def test_pause_is_kept_with_who_why_and_since_when_and_told_once(
        self, house: House, discord: ScriptedDiscord
    ) -> None:
        pause = await house.pauses.pause(OLGA, "  counting\n skins ")
        assert pause == GuildPause(GUILD, house.clock.now, OLGA.user_id, "counting skins")
        assert await house.pauses.standing(GUILD) == Paused((), pause)
        await house.post_everything()
        (notice,) = discord.of(NOTICE)
        assert (notice.channel_id, notice.subject) == (APPROVALS, Paused((), pause))
        assert await told(house) == [(EventKind.PAUSED, OLGA.user_id)]

    @pytest.mark.parametrize("actor", [ANA, MAX, OTTO])
    async def test_pause_is_for_administrators_only(self, house: House, actor: Actor) -> None:
        error = await refused(house.pauses.pause(actor, "why"))
        assert error.problem is Problem.NOT_ADMINISTRATOR
        assert await house.pauses.standing(GUILD) is None

    async def test_pause_of_a_server_that_may_not_spend_is_refused(self, house: House) -> None:
        elsewhere = Actor(OLGA.user_id, GUILD + 1, administrator=True)
        error = await refused(house.pauses.pause(elsewhere, "why"))
        assert error.problem is Problem.SERVER_NOT_ALLOWED

    @pytest.mark.parametrize("reason", ["", "  ", "\n\u200b"])
    async def test_pause_without_a_reason_is_none(self, house: House, reason: str) -> None:
        error = await refused(house.pauses.pause(OLGA, reason))
        assert error.problem is Problem.PAUSE_REASON_EMPTY
        assert await house.pauses.standing(GUILD) is None

    async def test_second_pause_changes_nothing_and_says_who_was_first(self, house: House) -> None:
        first = await house.pauses.pause(OLGA, "counting skins")
        house.clock.now += 1_000
        error = await refused(house.pauses.pause(BOTH, "another reason"))
        assert error.problem is Problem.PAUSED_ALREADY
        assert error.details == {
            "user_id": str(OLGA.user_id),
            "since": first.since,
            "reason": "counting skins",
        }
        assert await house.pauses.standing(GUILD) == Paused((), first)

    async def test_pause_works_before_the_server_is_set_up(self, empty_house: House) -> None:
        pause = await empty_house.pauses.pause(OLGA, "not yet")
        assert await empty_house.pauses.standing(GUILD) == Paused((), pause)
        assert await empty_house.rows() == []

    async def test_nothing_is_bought_meanwhile_and_deciding_goes_on(self, house: House) -> None:
        await house.pauses.pause(OLGA, "counting skins")
        view = await house.submit_approved(ANA)
        other = await house.submit(BEA)
        waiting = await house.buy_until(view, waiting=True)
        assert waiting.request.waits_for is WaitReason.PAUSED
        request = other.request
        await house.requests.deny(MAX, request.request_id, request.digest[:16], "no")
        assert (await house.view(other)).request.state is RequestState.DENIED
        await house.requests.cancel(ANA, view.request.request_id)
        assert house.market.batch_calls == []


class TestResume:
    """Who may lift what."""

    async def test_resume_lifts_the_servers_pause_and_what_waited_goes_on(
        self, house: House, discord: ScriptedDiscord
    ) -> None:
        pause = await house.pauses.pause(OLGA, "counting skins")
        view = await house.submit_approved(ANA)
        await house.buy_until(view, waiting=True)
        done = await house.pauses.resume(OLGA)
        assert (done.server, done.deployment, done.still) == (pause, (), None)
        assert house.approved.is_set()
        assert (await house.buy_until(view)).debited_total
        await house.post_everything()
        (notice,) = discord.of(NOTICE)
        assert notice.subject == PauseOver()
        assert await told(house) == [
            (EventKind.PAUSED, OLGA.user_id),
            (EventKind.RESUMED, OLGA.user_id),
        ]

    async def test_resume_of_what_is_not_paused_says_so(self, house: House) -> None:
        assert (await refused(house.pauses.resume(OLGA))).problem is Problem.NOT_PAUSED

    @pytest.mark.parametrize("actor", [ANA, MAX])
    async def test_resume_is_not_for_everybody(self, house: House, actor: Actor) -> None:
        await house.pauses.pause(OLGA, "why")
        error = await refused(house.pauses.resume(actor))
        assert error.problem is Problem.NOT_ADMINISTRATOR

    @pytest.mark.parametrize("cause", LIFTED_BY_OPERATORS)
    async def test_administrator_lifts_nothing_of_the_deployment(
        self, house: House, cause: PauseCause
    ) -> None:
        await house.watch.pause(cause)
        own = await house.pauses.pause(OLGA, "why")
        done = await house.pauses.resume(OLGA)
        assert (done.server, done.deployment) == (own, ())
        assert done.still == Paused((Pause(cause, house.clock.now, None, ""),), None)
        again = await house.pauses.resume(OLGA)
        assert (again.server, again.still) == (None, done.still)

    async def test_operator_lifts_everything_of_the_deployment_and_not_the_servers_own(
        self, house: House
    ) -> None:
        for cause in LIFTED_BY_OPERATORS:
            await house.watch.pause(cause)
        own = await house.pauses.pause(OLGA, "why")
        done = await house.pauses.resume(OTTO)
        assert done.server is None
        assert set(done.deployment) == set(LIFTED_BY_OPERATORS)
        assert done.still == Paused((), own)

    async def test_operator_who_manages_the_server_lifts_both(self, house: House) -> None:
        await house.watch.pause(PauseCause.BOOKS)
        await house.pauses.pause(OLGA, "why")
        done = await house.pauses.resume(BOTH)
        assert done.deployment == (PauseCause.BOOKS,)
        assert done.still is None

    async def test_nobody_lifts_the_markets_own_no(self, house: House) -> None:
        await house.watch.pause(PauseCause.MARKET_REFUSES_US, code=-8)
        done = await house.pauses.resume(BOTH)
        assert (done.server, done.deployment) == (None, ())
        assert done.still is not None

    async def test_row_of_unclear_calls_begins_anew_once_somebody_has_looked(
        self, house: House
    ) -> None:
        view = await house.submit(ANA)
        async with house.database.writing() as tx:
            await purchases.note_unclear_call(tx, view.request.request_id, at=1)
        await house.watch.pause(PauseCause.UNKNOWNS)
        async with house.database.writing() as tx:
            assert await lift_all(tx, at=house.clock.now) == [PauseCause.UNKNOWNS]
            assert await tx.all("SELECT * FROM unclear_calls") == []
        assert (EventKind.RESUMED, None) in await told(house)


class TestNotice:
    """Two pauses at once never hide each other, and none is told for ever."""

    async def test_both_stand_on_one_notice_until_both_are_lifted(
        self, house: House, discord: ScriptedDiscord
    ) -> None:
        await house.watch.pause(PauseCause.ALARM, details="above_ceiling")
        await house.post_everything()
        own = await house.pauses.pause(OLGA, "why")
        await house.post_everything()
        (deployment,) = (await house.pauses.standing(GUILD) or Paused((), None)).deployment
        assert shown(discord) == [Paused((deployment,), own)] * 2
        await house.pauses.resume(OLGA)
        await house.post_everything()
        assert shown(discord) == [Paused((deployment,), None)] * 2
        await house.pauses.resume(OTTO)
        await house.post_everything()
        assert shown(discord) == [PauseOver()] * 2
        last = await house.pauses.pause(OLGA, "once more")
        await house.post_everything()
        assert shown(discord) == [PauseOver(), PauseOver(), Paused((), last)]

    async def test_pause_that_is_over_before_it_was_told_is_not_told(
        self, house: House, discord: ScriptedDiscord
    ) -> None:
        discord.ready = False
        await house.pauses.pause(OLGA, "a slip")
        await house.pauses.resume(OLGA)
        discord.ready = True
        await house.post_everything()
        assert discord.of(NOTICE) == []

    async def test_notice_whose_end_was_not_shown_yet_shows_the_next_pause(
        self, house: House, discord: ScriptedDiscord
    ) -> None:
        """Else it would say for ever that buying is paused."""
        await house.pauses.pause(OLGA, "first")
        await house.post_everything()
        discord.ready = False
        await house.pauses.resume(OLGA)
        second = await house.pauses.pause(OLGA, "second")
        discord.ready = True
        await house.post_everything()
        assert {notice.subject for notice in discord.of(NOTICE)} == {Paused((), second)}
        await house.pauses.resume(OLGA)
        await house.post_everything()
        assert {notice.subject for notice in discord.of(NOTICE)} == {PauseOver()}

    async def test_pause_of_one_server_is_not_the_others(self, house: House) -> None:
        await house.pauses.pause(OLGA, "why")
        assert await house.pauses.standing(GUILD + 1) is None
        async with house.database.reading() as tx:
            assert await settings.is_paused(tx, GUILD)
            assert not await settings.is_paused(tx, GUILD + 1)
