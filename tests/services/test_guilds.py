"""The set-up of a server: who may, what is refused, and what a change does to what waits."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path

import pytest

from bot.domain.models import (
    Actor,
    Delivery,
    GuildSettings,
    MessageKind,
    OutboxState,
    PauseCause,
)
from bot.errors import Problem, UserFacingError
from bot.sandbox.skinsback import SkinsbackSandbox
from bot.services.ports import PostRefusedError
from bot.store import audit
from bot.store.settings import GuildNumber, GuildPlace
from tests.services.house import (
    ANA,
    APPROVALS,
    GUILD,
    MAX,
    MIA,
    MODS,
    OLGA,
    RESULTS,
    House,
    ManualClock,
    ScriptedDiscord,
    open_house,
)

ELSEWHERE = 555
CARD, RESULT = MessageKind.APPROVAL_CARD, MessageKind.RESULT


async def refused(work: Awaitable[object]) -> UserFacingError:
    """Return why something is refused."""
    with pytest.raises(UserFacingError) as why:
        await work
    return why.value


class TestAllowed:
    """A server that isn't allowed is told its id and can do nothing."""

    async def test_server_on_the_list_is_allowed_and_others_are_told_their_id(
        self, house: House
    ) -> None:
        assert house.guilds.require_allowed(ANA) == GUILD
        with pytest.raises(UserFacingError) as why:
            house.guilds.require_allowed(Actor(1, ELSEWHERE))
        assert (why.value.problem, why.value.details) == (
            Problem.SERVER_NOT_ALLOWED,
            {"guild_id": str(ELSEWHERE)},
        )

    async def test_rehearsal_without_a_list_allows_every_server(
        self, path: Path, market: SkinsbackSandbox, discord: ScriptedDiscord, clock: ManualClock
    ) -> None:
        async with open_house(path, market, discord, clock, allowed=[]) as house:
            assert house.guilds.is_allowed(GUILD)
            assert house.guilds.is_allowed(ELSEWHERE)


class TestWho:
    """Only people who may manage the server set it up."""

    @pytest.mark.parametrize(
        ("actor", "problem"),
        [
            (MAX, Problem.NOT_ADMINISTRATOR),
            (Actor(1, None, administrator=True), Problem.SERVER_ONLY),
            (Actor(1, ELSEWHERE, administrator=True), Problem.SERVER_NOT_ALLOWED),
        ],
    )
    async def test_set_up_by_someone_who_may_not_changes_nothing(
        self, house: House, actor: Actor, problem: Problem
    ) -> None:
        before = await house.guilds.get(GUILD)
        guilds = house.guilds
        for work in (
            guilds.setup_state(actor),
            guilds.choose_place(actor, "approver_role_id", 9),
            guilds.choose_askers(actor, [9]),
            guilds.choose_limits(actor, {"undo_s": "5"}),
            guilds.choose_delivery(actor, Delivery.WHEN_READY),
            guilds.choose_games(actor, ["rust"]),
            guilds.post_test_card(actor),
            guilds.try_parked_again(actor),
            guilds.check_cards(actor),
        ):
            assert (await refused(work)).problem is problem
        assert await house.guilds.get(GUILD) == before

    async def test_set_up_shows_an_administrator_everything(self, house: House) -> None:
        await house.guilds.confirm(MAX)
        await house.watch.pause(PauseCause.ALARM)
        state = await house.guilds.setup_state(OLGA)
        assert state.settings == GuildSettings(
            GUILD, MODS, APPROVALS, RESULTS, open_requests_max=5, undo_s=0
        )
        assert (state.confirmed, state.parked) == ((MAX.user_id,), ())
        assert state.pause is not None
        assert state.settings.ready


class TestPlaces:
    """The role and the channels."""

    async def test_everyone_as_approver_is_refused(self, house: House) -> None:
        """The role @everyone has the id of its server."""
        error = await refused(house.guilds.choose_place(OLGA, "approver_role_id", GUILD))
        assert error.problem is Problem.EVERYONE_AS_APPROVER
        assert (await house.guilds.get(GUILD)).approver_role_id == MODS

    @pytest.mark.parametrize(
        "place", ["approver_role_id", "approval_channel_id", "results_channel_id"]
    )
    async def test_choice_is_saved_and_stands_in_the_audit(
        self, house: House, place: GuildPlace
    ) -> None:
        await house.guilds.choose_place(OLGA, place, ELSEWHERE)
        assert getattr(await house.guilds.get(GUILD), place) == ELSEWHERE
        async with house.database.reading() as tx:
            rows = await tx.all("SELECT kind, actor_id, details FROM events")
        assert [(row["kind"], row["actor_id"]) for row in rows] == [
            ("setting_changed", OLGA.user_id)
        ]
        assert place in rows[0]["details"]

    async def test_choice_that_is_made_already_changes_nothing(self, house: House) -> None:
        await house.guilds.confirm(MAX)
        await house.guilds.choose_place(OLGA, "approver_role_id", MODS)
        state = await house.guilds.setup_state(OLGA)
        assert state.confirmed == (MAX.user_id,)
        async with house.database.reading() as tx:
            assert await tx.all("SELECT 1 FROM events") == []

    @pytest.mark.parametrize(
        ("place", "kept"),
        [
            ("approver_role_id", ()),
            ("approval_channel_id", ()),
            ("results_channel_id", (MAX.user_id,)),
        ],
    )
    async def test_confirmations_are_forgotten_when_what_they_were_made_with_changes(
        self, house: House, place: GuildPlace, kept: tuple[int, ...]
    ) -> None:
        await house.guilds.post_test_card(OLGA)
        await house.post_everything()
        await house.guilds.confirm(MAX)
        await house.guilds.choose_place(OLGA, place, ELSEWHERE)
        assert (await house.guilds.setup_state(OLGA)).confirmed == kept
        state = "posted" if kept else "skipped"
        assert ("test_card", state) in await house.rows()

    async def test_cards_that_stand_nowhere_go_to_the_new_channel(self, house: House) -> None:
        async def refuse(what: str, row: object) -> None:
            if getattr(row, "kind", None) is CARD and getattr(row, "target_id", 0) == APPROVALS:
                raise PostRefusedError("forbidden")

        house.discord.trouble = refuse
        view = await house.submit(ANA)
        await house.post_everything()
        assert (await house.message(view, CARD)).state is OutboxState.PARKED
        await house.guilds.choose_place(OLGA, "approval_channel_id", ELSEWHERE)
        await house.post_everything()
        (card,) = house.discord.of(CARD)
        assert (card.channel_id, card.subject) == (ELSEWHERE, await house.view(view))


class TestAskers:
    """Who may ask."""

    async def test_roles_are_saved_and_everyone_among_them_means_everyone(
        self, house: House
    ) -> None:
        await house.guilds.choose_askers(OLGA, [7, 6, 7])
        assert (await house.guilds.get(GUILD)).asker_role_ids == {6, 7}
        await house.guilds.choose_askers(OLGA, [6, GUILD])
        assert (await house.guilds.get(GUILD)).asker_role_ids == frozenset()
        await house.guilds.choose_askers(OLGA, [])
        assert (await house.guilds.get(GUILD)).asker_role_ids == frozenset()


class TestDelivery:
    """When approved requests are bought."""

    async def test_choice_is_saved_and_nobody_has_chosen_before(self, house: House) -> None:
        assert (await house.guilds.get(GUILD)).delivery is None
        assert (await house.guilds.get(GUILD)).ready
        for choice in Delivery:
            await house.guilds.choose_delivery(OLGA, choice.value)
            assert (await house.guilds.get(GUILD)).delivery is choice
        async with house.database.reading() as tx:
            rows = await tx.all("SELECT details FROM events WHERE kind = 'setting_changed'")
        assert '"delivery"' in rows[-1]["details"]

    async def test_choice_that_there_is_not_is_refused(self, house: House) -> None:
        error = await refused(house.guilds.choose_delivery(OLGA, "whenever"))
        assert error.problem is Problem.OUT_OF_DATE
        assert (await house.guilds.get(GUILD)).delivery is None


class TestGames:
    """Whose skins can be asked for."""

    async def test_choice_is_saved_in_order_told_in_the_audit_and_rings(self, house: House) -> None:
        assert (await house.guilds.get(GUILD)).games == ("cs2",)
        assert await house.guilds.games_offered() == {"cs2"}
        assert not house.guilds.games_changed.is_set()
        await house.guilds.choose_games(OLGA, ["rust", "dota2", "rust"])
        assert (await house.guilds.get(GUILD)).games == ("dota2", "rust")
        assert await house.guilds.games_offered() == {"cs2", "dota2", "rust"}
        assert house.guilds.games_changed.is_set()
        async with house.database.reading() as tx:
            rows = await tx.all("SELECT details FROM events WHERE kind = 'setting_changed'")
        assert '"dota2,rust"' in rows[-1]["details"]

    @pytest.mark.parametrize("games", [[], ["csgo"], ["cs2", "tf2"]])
    async def test_none_and_one_that_there_is_not_are_refused(
        self, house: House, games: list[str]
    ) -> None:
        error = await refused(house.guilds.choose_games(OLGA, games))
        assert error.problem is Problem.OUT_OF_DATE
        assert (await house.guilds.get(GUILD)).games == ("cs2",)


class TestLimits:
    """Limits as they are typed, all of them or none."""

    async def test_limits_are_read_as_people_type_them(self, house: House) -> None:
        await house.guilds.choose_limits(
            OLGA,
            {"tolerance_bp": "7,5 %", "lines_max": "25", "open_requests_max": "3", "undo_s": "30s"},
        )
        chosen = await house.guilds.get(GUILD)
        assert (chosen.tolerance_bp, chosen.lines_max) == (750, 25)
        assert (chosen.open_requests_max, chosen.undo_s) == (3, 30)

    @pytest.mark.parametrize(
        ("name", "text", "lowest", "highest"),
        [
            ("tolerance_bp", "50.01", 0, 5_000),
            ("tolerance_bp", "-1", 0, 5_000),
            ("tolerance_bp", "much", 0, 5_000),
            ("lines_max", "0", 1, 25),
            ("lines_max", "26", 1, 25),
            ("open_requests_max", "0", 1, 10),
            ("open_requests_max", "11", 1, 10),
            ("undo_s", "601", 0, 600),
            ("undo_s", "", 0, 600),
            ("undo_s", "1.5", 0, 600),
        ],
    )
    async def test_limit_out_of_range_is_named_with_its_range_and_none_is_saved(
        self, house: House, name: GuildNumber, text: str, lowest: int, highest: int
    ) -> None:
        before = await house.guilds.get(GUILD)
        typed: dict[GuildNumber, str] = {"lines_max": "5", "undo_s": "5"}
        error = await refused(house.guilds.choose_limits(OLGA, typed | {name: text}))
        assert (error.problem, error.details) == (
            Problem.SETTING_WRONG,
            {"setting": name, "lowest": lowest, "highest": highest},
        )
        assert await house.guilds.get(GUILD) == before

    @pytest.mark.parametrize(
        ("name", "texts"),
        [
            ("tolerance_bp", ("0", "50")),
            ("lines_max", ("1", "25")),
            ("open_requests_max", ("1", "10")),
            ("undo_s", ("0", "600")),
        ],
    )
    async def test_limit_at_either_end_is_taken_by_the_table_too(
        self, house: House, name: GuildNumber, texts: tuple[str, str]
    ) -> None:
        for text in texts:
            await house.guilds.choose_limits(OLGA, {name: text})


class TestTestCard:
    """Moderators show that they can approve."""

    async def test_test_card_needs_a_role_and_a_channel(self, empty_house: House) -> None:
        error = await refused(empty_house.guilds.post_test_card(OLGA))
        assert error.problem is Problem.NOT_SET_UP

    async def test_test_card_that_is_posted_again_takes_the_place_of_the_old_one(
        self, house: House
    ) -> None:
        for _ in range(2):
            await house.guilds.post_test_card(OLGA)
            await house.post_everything()
        rows = [row for row in await house.rows() if row[0] == "test_card"]
        assert rows == [("test_card", "skipped"), ("test_card", "posted")]

    async def test_confirmation_is_for_approvers_only(self, house: House) -> None:
        error = await refused(house.guilds.confirm(ANA))
        assert (error.problem, error.details) == (
            Problem.NOT_APPROVER,
            {"role_id": str(MODS)},
        )
        for actor in (MAX, MIA, MAX):
            await house.guilds.confirm(actor)
        state = await house.guilds.setup_state(OLGA)
        assert state.confirmed == (MAX.user_id, MIA.user_id)


async def test_deleted_cards_come_back_when_an_administrator_asks(house: House) -> None:
    view = await house.submit(ANA)
    await house.post_everything()
    house.discord.messages.remove(house.discord.of(CARD)[0])
    await house.guilds.check_cards(OLGA)
    await house.post_everything()
    (card,) = house.discord.of(CARD)
    assert card.subject == await house.view(view)


async def test_parked_messages_are_shown_and_tried_again(house: House) -> None:
    async def refuse(what: str, row: object) -> None:
        raise PostRefusedError("forbidden")

    house.discord.trouble = refuse
    view = await house.submit(ANA)
    await house.post_everything()
    (parked,) = (await house.guilds.setup_state(OLGA)).parked
    assert (parked.kind, parked.parked_reason) == (CARD, "forbidden")
    house.discord.trouble = ScriptedDiscord().trouble
    assert await house.guilds.try_parked_again(OLGA) == 1
    await house.post_everything()
    assert (await house.message(view, CARD)).state is OutboxState.POSTED
    async with house.database.reading() as tx:
        assert await audit.of_request(tx, view.request.request_id)
