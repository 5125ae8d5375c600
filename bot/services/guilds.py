"""What a server decides for itself, and whether it may spend anything at all."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from bot.domain.limits import (
    LINES_HARD_MAX,
    OPEN_REQUESTS_HARD_MAX,
    TOLERANCE_HARD_MAX_BP,
    UNDO_HARD_MAX_S,
)
from bot.domain.market import APP_IDS
from bot.domain.models import (
    Actor,
    Delivery,
    EventKind,
    GuildSettings,
    MessageKind,
    OutboxRow,
    Pause,
)
from bot.domain.typed import parse_percent, parse_whole_number
from bot.errors import Problem, UserFacingError
from bot.services.announcements import FALLS_BACK, Announcements
from bot.services.clock import Clock
from bot.store import audit, outbox, settings
from bot.store.database import Database, Transaction
from bot.store.settings import GuildNumber, GuildPlace

_CARDS_IN: dict[GuildPlace, tuple[MessageKind, ...]] = {
    "approval_channel_id": (
        MessageKind.APPROVAL_CARD,
        MessageKind.PAUSE_NOTICE,
        MessageKind.DELIVERY_NOTICE,
        MessageKind.MEMBER_HERE,
    ),
    # Beside it: what would be in a member's direct messages if they took any.
    "results_channel_id": (MessageKind.RESULT, *FALLS_BACK),
    "approver_role_id": (),
}

_RANGES: dict[GuildNumber, tuple[int, int]] = {
    "tolerance_bp": (0, TOLERANCE_HARD_MAX_BP),
    "lines_max": (1, LINES_HARD_MAX),
    "open_requests_max": (1, OPEN_REQUESTS_HARD_MAX),
    "undo_s": (0, UNDO_HARD_MAX_S),
}


@dataclass(frozen=True, slots=True)
class SetupState:
    """Everything that the set-up panel shows and the database knows."""

    settings: GuildSettings
    confirmed: tuple[int, ...]
    parked: tuple[OutboxRow, ...]
    pause: Pause | None


class Guilds:
    """The set-up of servers."""

    def __init__(
        self,
        database: Database,
        announcements: Announcements,
        clock: Clock,
        *,
        allowed_guild_ids: Collection[int],
        allow_all: bool,
    ) -> None:
        self._database = database
        self._announcements = announcements
        self._clock = clock
        self._allowed = frozenset(allowed_guild_ids)
        self._allow_all = allow_all
        self.games_changed = asyncio.Event()
        """Set when a server has chosen games, whose prices may not be known yet."""

    def is_allowed(self, guild_id: int) -> bool:
        """Say whether the operator lets this server spend money."""
        return guild_id in self._allowed or (self._allow_all and not self._allowed)

    def require_allowed(self, actor: Actor) -> int:
        """Return the server's id.

        Raises ``UserFacingError`` (SERVER_ONLY, SERVER_NOT_ALLOWED).
        """
        if actor.guild_id is None:
            raise UserFacingError(Problem.SERVER_ONLY)
        if not self.is_allowed(actor.guild_id):
            raise UserFacingError(Problem.SERVER_NOT_ALLOWED, guild_id=str(actor.guild_id))
        return actor.guild_id

    def require_administrator(self, actor: Actor) -> int:
        """Return the server's id if the actor may manage it.

        Raises ``UserFacingError`` (NOT_ADMINISTRATOR, and as ``require_allowed`` does).
        """
        guild_id = self.require_allowed(actor)
        if not actor.administrator:
            raise UserFacingError(Problem.NOT_ADMINISTRATOR)
        return guild_id

    async def get(self, guild_id: int) -> GuildSettings:
        """Return a server's settings."""
        async with self._database.reading() as tx:
            return await settings.get_guild(tx, guild_id)

    async def setup_state(self, actor: Actor) -> SetupState:
        """Return what the set-up panel shows. Raises ``UserFacingError`` if they may not."""
        guild_id = self.require_administrator(actor)
        async with self._database.reading() as tx:
            return SetupState(
                await settings.get_guild(tx, guild_id),
                tuple(await settings.confirmed_by(tx, guild_id)),
                tuple(await outbox.parked(tx, guild_id)),
                await settings.get_pause(tx),
            )

    async def choose_place(self, actor: Actor, place: GuildPlace, value: int) -> None:
        """Save the approver role or a channel, and send there what waits for the right place.

        Raises ``UserFacingError`` (EVERYONE_AS_APPROVER; and if they may not).
        """
        guild_id = self.require_administrator(actor)
        # The role @everyone has the id of its server.
        if place == "approver_role_id" and value == guild_id:
            raise UserFacingError(Problem.EVERYONE_AS_APPROVER)
        now = self._clock.now_ms()
        async with self._database.writing() as tx:
            before = await settings.get_guild(tx, guild_id)
            if getattr(before, place) == value:
                return
            await settings.set_place(tx, guild_id, place, value)
            if place != "results_channel_id":
                await settings.forget_confirmations(tx, guild_id)
                await outbox.skip_kind(tx, guild_id, MessageKind.TEST_CARD)
            for kind in _CARDS_IN[place]:
                await outbox.retarget(tx, guild_id, kind, target_id=value, at=now)
            await self._record(tx, actor, place, value)
        self._announcements.wake()

    async def choose_askers(self, actor: Actor, role_ids: Iterable[int]) -> None:
        """Save who may ask; no role, or @everyone among them, means everyone."""
        guild_id = self.require_administrator(actor)
        chosen = set(role_ids)
        if guild_id in chosen:
            chosen = set()
        async with self._database.writing() as tx:
            await settings.set_asker_roles(tx, guild_id, sorted(chosen))
            await self._record(tx, actor, "asker_roles", ",".join(map(str, sorted(chosen))))

    async def choose_delivery(self, actor: Actor, value: str) -> None:
        """Save when approved requests are bought. What is approved already stays as it is.

        Raises ``UserFacingError`` (OUT_OF_DATE for a choice that there isn't; if they may not).
        """
        guild_id = self.require_administrator(actor)
        if value not in set(Delivery):
            raise UserFacingError(Problem.OUT_OF_DATE)
        async with self._database.writing() as tx:
            await settings.set_delivery(tx, guild_id, Delivery(value))
            await self._record(tx, actor, "delivery", value)

    async def choose_games(self, actor: Actor, games: Iterable[str]) -> None:
        """Save whose skins can be asked for.

        Raises ``UserFacingError`` (OUT_OF_DATE for none, or one that there isn't; if they may not).
        """
        guild_id = self.require_administrator(actor)
        chosen = set(games)
        if not chosen or not chosen <= APP_IDS.keys():
            raise UserFacingError(Problem.OUT_OF_DATE)
        ordered = [game for game in APP_IDS if game in chosen]
        async with self._database.writing() as tx:
            await settings.set_games(tx, guild_id, ordered)
            await self._record(tx, actor, "games", ",".join(ordered))
        self.games_changed.set()

    async def games_offered(self) -> frozenset[str]:
        """Return the games that any server offers; a new one offers the first."""
        async with self._database.reading() as tx:
            return await settings.games_offered(tx) | {next(iter(APP_IDS))}

    async def choose_limits(self, actor: Actor, typed: Mapping[GuildNumber, str]) -> None:
        """Save the limits as they were typed, all of them or none.

        Raises ``UserFacingError`` (SETTING_WRONG with the setting and its range).
        """
        guild_id = self.require_administrator(actor)
        numbers = {name: _number(name, text) for name, text in typed.items()}
        async with self._database.writing() as tx:
            await settings.set_numbers(tx, guild_id, numbers)
            for name, value in numbers.items():
                await self._record(tx, actor, name, value)

    async def _record(self, tx: Transaction, actor: Actor, setting: str, value: str | int) -> None:
        await audit.record(
            tx,
            EventKind.SETTING_CHANGED,
            guild_id=actor.guild_id or 0,
            at=self._clock.now_ms(),
            actor_id=actor.user_id,
            details={"setting": setting, "value": value},
        )

    async def post_test_card(self, actor: Actor) -> None:
        """Ask for the test card. Raises ``UserFacingError`` (NOT_SET_UP; or if they may not)."""
        guild_id = self.require_administrator(actor)
        async with self._database.writing() as tx:
            guild = await settings.get_guild(tx, guild_id)
            if guild.approval_channel_id is None or guild.approver_role_id is None:
                raise UserFacingError(Problem.NOT_SET_UP)
            await self._announcements.announce_to_guild(
                tx, MessageKind.TEST_CARD, guild_id, guild.approval_channel_id
            )
        self._announcements.wake()

    async def confirm(self, actor: Actor) -> GuildSettings:
        """A moderator shows that they can approve. Raises ``UserFacingError`` (NOT_APPROVER)."""
        guild_id = self.require_allowed(actor)
        async with self._database.writing() as tx:
            guild = await settings.get_guild(tx, guild_id)
            if guild.approver_role_id is None or guild.approver_role_id not in actor.role_ids:
                raise UserFacingError(
                    Problem.NOT_APPROVER, role_id=str(guild.approver_role_id or 0)
                )
            await settings.confirm(tx, guild_id, actor.user_id, self._clock.now_ms())
            await outbox.touch_kind(tx, guild_id, MessageKind.TEST_CARD)
        self._announcements.wake()
        return guild

    async def check_cards(self, actor: Actor) -> None:
        """Have the cards drawn again that wait for a decision: a deleted one is posted anew.

        Without it nobody could decide, because Discord doesn't tell us of deleted messages.
        """
        guild_id = self.require_administrator(actor)
        async with self._database.writing() as tx:
            await outbox.touch_open_cards(tx, guild_id)
        self._announcements.wake()

    async def try_parked_again(self, actor: Actor) -> int:
        """Try the messages that Discord refused once more. Return how many there were."""
        guild_id = self.require_administrator(actor)
        async with self._database.writing() as tx:
            guild = await settings.get_guild(tx, guild_id)
            for place, kinds in _CARDS_IN.items():
                for kind in kinds:
                    if (target := getattr(guild, place)) is not None:
                        await outbox.move_parked(tx, guild_id, kind, target_id=target)
            count = await outbox.unpark(tx, guild_id, at=self._clock.now_ms())
        self._announcements.wake()
        return count


def _number(name: GuildNumber, text: str) -> int:
    lowest, highest = _RANGES[name]
    value = parse_percent(text) if name == "tolerance_bp" else parse_whole_number(text)
    if value is None or not lowest <= value <= highest:
        raise UserFacingError(Problem.SETTING_WRONG, setting=name, lowest=lowest, highest=highest)
    return value
