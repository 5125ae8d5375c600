"""The outbox: what must be told is told once, in order for each target, whatever happens.

State changes write their rows through the functions below, in their own transaction. The worker
posts them, and draws a message again whenever what it shows is older than the database.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from random import Random
from typing import Final

from bot.domain.delivery import TOLD_ANEW_MS
from bot.domain.keys import mark_of, new_mark
from bot.domain.models import (
    GuildSettings,
    MessageKind,
    OutboxRow,
    OutboxState,
    RequestView,
)
from bot.domain.states import FINAL_STATES, RequestState
from bot.services.bell import heard, work_at_the_bell
from bot.services.clock import Clock
from bot.services.old_edits import OldEdits
from bot.services.ports import (
    MessageGoneError,
    Paused,
    PauseOver,
    Poster,
    PostRefusedError,
    PostUncertainError,
    Subject,
    TestCard,
)
from bot.services.this_run import ThisRun
from bot.store import outbox, requests, settings
from bot.store.database import Database, Transaction

log = logging.getLogger(__name__)

AT_ONCE: Final = 8
"""Messages on their way at the same time, each to another target."""

EDIT_GAP_MS: Final = 1_500
"""Between two edits of one message: what changes meanwhile is drawn with the next."""

TO_MEMBER: Final = frozenset(
    {MessageKind.MEMBER_STATUS, MessageKind.TRADES, MessageKind.READY, MessageKind.REMINDER}
)
"""Kinds that go to the member's direct messages."""

FALLS_BACK: Final = (MessageKind.TRADES, MessageKind.READY, MessageKind.REMINDER)
"""Kinds of those that call a member who can't be written to in a channel."""

ASKS_IF_READY: Final = frozenset({MessageKind.READY, MessageKind.REMINDER})
"""Kinds that ask the member to say when they are there."""

_FIRST_RETRY_MS: Final = 1_000
_LAST_RETRY_MS: Final = 60_000
_FAULTS_MAX: Final = 4
"""After so many faults of our own a message is put aside: it would hold up its whole channel."""

_IDLE_S: Final = 30.0
_BLOCKED_S: Final = 0.25
"""Something is due but stands behind another message of its target, or is on its way."""

BEHIND_MS: Final = 60_000
"""A message that is due for so long means that people can't be told: nothing new is bought."""


class Announcements:
    """Writes outbox rows, and posts them."""

    def __init__(
        self, database: Database, poster: Poster, clock: Clock, rng: Random, this_run: ThisRun
    ) -> None:
        self._database = database
        self._poster = poster
        self._this_run = this_run
        self._clock = clock
        self._rng = rng
        self._wake = asyncio.Event()
        self._busy: dict[int | tuple[str, int], asyncio.Task[None]] = {}
        self._waiting: dict[int, asyncio.Event] = {}
        self._posting: set[int] = set()
        self._old_edits = OldEdits()

    async def announce_submitted(
        self, tx: Transaction, view: RequestView, guild: GuildSettings
    ) -> int:
        """Ask for the approval card and the member's status message; return the latter's row."""
        request = view.request
        if guild.approval_channel_id is None:
            raise RuntimeError("a request was submitted where nobody can approve it")
        await outbox.announce(
            tx,
            MessageKind.APPROVAL_CARD,
            guild_id=request.guild_id,
            request_id=request.request_id,
            target_id=guild.approval_channel_id,
            mark=mark_of(request.request_id, MessageKind.APPROVAL_CARD, 0),
            at=self._clock.now_ms(),
        )
        return await outbox.announce(
            tx,
            MessageKind.MEMBER_STATUS,
            guild_id=request.guild_id,
            request_id=request.request_id,
            target_id=request.user_id,
            to_member=True,
            mark=mark_of(request.request_id, MessageKind.MEMBER_STATUS, 0),
            at=self._clock.now_ms(),
        )

    async def announce_result(self, tx: Transaction, view: RequestView) -> None:
        """Ask for the result message, once for each request, and have everything drawn again."""
        request = view.request
        if await outbox.find(tx, request.request_id, MessageKind.RESULT) is None:
            guild = await settings.get_guild(tx, request.guild_id)
            channel_id = guild.results_channel_id or guild.approval_channel_id
            if channel_id is None:
                raise RuntimeError("a request was bought where nobody can be told")
            await outbox.announce(
                tx,
                MessageKind.RESULT,
                guild_id=request.guild_id,
                request_id=request.request_id,
                target_id=channel_id,
                mark=mark_of(request.request_id, MessageKind.RESULT, 0),
                at=self._clock.now_ms(),
                search_since=self._may_stand_since(view),
            )
        await outbox.touch(tx, request.request_id)

    async def announce_part(self, tx: Transaction, view: RequestView, kind: MessageKind) -> int:
        """Have something told in a message of a kind of which a request may have several.

        The last one tells it too, unless it is so old that an edit rings nobody's phone any more.
        Return its part.
        """
        request, now = view.request, self._clock.now_ms()
        latest = await outbox.latest_part(tx, request.request_id, kind)
        if latest is not None and _still_rings(latest, now):
            await outbox.touch_part(tx, request.request_id, kind, latest.part)
            return latest.part
        part = latest.part + 1 if latest else 0
        to_member = kind in TO_MEMBER
        guild = await settings.get_guild(tx, request.guild_id)
        channel_id = guild.approval_channel_id or guild.results_channel_id
        if not to_member and channel_id is None:
            raise RuntimeError("a request was bought where nobody can be told")
        await outbox.announce(
            tx,
            kind,
            guild_id=request.guild_id,
            request_id=request.request_id,
            part=part,
            target_id=request.user_id if to_member else channel_id or 0,
            to_member=to_member,
            mark=mark_of(request.request_id, kind, 0, part),
            at=now,
            search_since=self._may_stand_since(view),
        )
        return part

    async def stands_for_round(self, tx: Transaction, view: RequestView) -> bool:
        """Say whether the moderators were told, or will be, in this round of tries that its member
        is there.
        """
        row = await outbox.find_part(
            tx, view.request.request_id, MessageKind.MEMBER_HERE, view.rounds
        )
        return row is not None

    async def announce_for_round(self, tx: Transaction, view: RequestView) -> None:
        """Tell the moderators that the member is there, once for each round of tries."""
        request = view.request
        kind, part = MessageKind.MEMBER_HERE, view.rounds
        if await self.stands_for_round(tx, view):
            return
        guild = await settings.get_guild(tx, request.guild_id)
        channel_id = guild.approval_channel_id or guild.results_channel_id
        if channel_id is None:
            raise RuntimeError("a request was bought where nobody can be told")
        await outbox.announce(
            tx,
            kind,
            guild_id=request.guild_id,
            request_id=request.request_id,
            part=part,
            target_id=channel_id,
            mark=mark_of(request.request_id, kind, 0, part),
            at=self._clock.now_ms(),
            search_since=self._may_stand_since(view),
        )

    def _may_stand_since(self, view: RequestView) -> int | None:
        """Return since when a message about a request may stand without a trace on this disk."""
        submitted_at = view.request.submitted_at
        return submitted_at if self._this_run.is_from_before_a_copy(submitted_at) else None

    async def announce_to_guild(
        self, tx: Transaction, kind: MessageKind, guild_id: int, channel_id: int
    ) -> None:
        """Ask for a message about no request; it takes the place of the one before."""
        await outbox.skip_kind(tx, guild_id, kind)
        await outbox.announce(
            tx,
            kind,
            guild_id=guild_id,
            target_id=channel_id,
            mark=new_mark(self._rng),
            at=self._clock.now_ms(),
        )

    async def announce_pause(
        self, tx: Transaction, guild_id: int, channel_id: int, *, paused_before: bool
    ) -> None:
        """Tell a server of a new pause; ``paused_before``: by another one that still stands.

        Every notice shows all that pauses the server as long as it can still change, so that
        none says for ever what is over.
        """
        kind = MessageKind.PAUSE_NOTICE
        if not paused_before:
            await outbox.retire(tx, guild_id, kind)
        await outbox.touch_kind(tx, guild_id, kind)
        if not await outbox.is_coming(tx, guild_id, kind):
            await outbox.announce(
                tx,
                kind,
                guild_id=guild_id,
                target_id=channel_id,
                mark=new_mark(self._rng),
                at=self._clock.now_ms(),
            )

    def wake(self) -> None:
        """Look at the outbox now: something was committed to it."""
        self._wake.set()

    async def settled(self, outbox_id: int, *, timeout_s: float) -> OutboxState | None:
        """Wait until a message is posted or refused; None if it takes longer."""
        done = self._waiting.setdefault(outbox_id, asyncio.Event())
        try:
            async with self._database.reading() as tx:
                row = await outbox.get(tx, outbox_id)
            if row is None or row.state in (OutboxState.WAITING, OutboxState.TRYING):
                if not await heard(done, timeout_s):
                    return None
                async with self._database.reading() as tx:
                    row = await outbox.get(tx, outbox_id)
        finally:
            self._waiting.pop(outbox_id, None)
        return row.state if row else None

    async def behind(self, tx: Transaction, guild_id: int, user_id: int) -> bool:
        """Say whether messages of a server, or to this member, wait too long to tell in time."""
        oldest = await outbox.oldest_unposted_at(tx, guild_id, user_id)
        return oldest is not None and oldest < self._clock.now_ms() - BEHIND_MS

    async def run(self) -> None:
        """Post and redraw until cancelled."""
        try:
            await work_at_the_bell(self._wake, self._start_what_is_due)
        finally:
            await self._drain()

    async def _drain(self) -> None:
        """Let what is on its way arrive, within reason: a lost answer costs a search later."""
        if self._busy:
            await asyncio.wait(self._busy.values(), timeout=5)
        late = list(self._busy.values())
        for task in late:
            task.cancel()
        # Their transactions end here, and not under a database that is being closed.
        await asyncio.gather(*late, return_exceptions=True)

    async def _start_what_is_due(self) -> float:
        """Start what can be started and return for how long there is nothing more to do."""
        if not self._poster.ready:
            return 1.0
        now = self._clock.now_ms()
        to_post, to_redraw, next_at = await self._database.read(lambda tx: _due(tx, now))
        for row in to_post:
            # Its place may have changed since it was started; it is posted there then.
            if row.outbox_id not in self._posting and self._start(row.target_id, self._post(row)):
                self._posting.add(row.outbox_id)
        self._start_redrawing(to_redraw, now)
        if next_at is None:
            return _IDLE_S
        if next_at <= now:
            return _BLOCKED_S
        return min(_IDLE_S, (next_at - now) / 1000)

    def _start_redrawing(self, rows: Sequence[OutboxRow], now: int) -> None:
        """Start what has its turn; what has to wait for it makes room for the others."""
        later: list[tuple[int, int]] = []
        for row in rows:
            if ("edit", row.outbox_id) in self._busy:
                continue
            turn = self._old_edits.turn_of(row, now)
            if turn > now:
                later.append((row.outbox_id, turn))
            elif self._start(("edit", row.outbox_id), self._redraw(row)):
                self._old_edits.take(row, now)
        if later:
            self._start(("turns", 0), self._put_off(later))

    async def _put_off(self, until: Sequence[tuple[int, int]]) -> None:
        async with self._database.writing() as tx:
            await outbox.put_off_all(tx, until)

    def _start(self, key: int | tuple[str, int], work: object) -> bool:
        """Start work unless it is under way, or too much is; return whether it was started."""
        if not asyncio.iscoroutine(work):
            raise TypeError("work is a coroutine")
        if key in self._busy or len(self._busy) >= AT_ONCE:
            work.close()
            return False
        task = asyncio.create_task(work)
        self._busy[key] = task

        def ended(task: asyncio.Task[None]) -> None:
            self._busy.pop(key, None)
            if not task.cancelled() and (error := task.exception()) is not None:
                # Not woken: it is due still, and would be tried without a pause.
                log.error("a message could not be handled", exc_info=error)
                return
            self._wake.set()

        task.add_done_callback(ended)
        return True

    async def _post(self, row: OutboxRow) -> None:
        tried = False
        try:
            if row.state is OutboxState.TRYING and await self._stands_already(row):
                return
            trying = await self._database.write(lambda tx: self._begin(tx, row))
            if trying is None:
                return
            current, subject = trying
            tried = True
            posted = await self._poster.post(current, subject)
            async with self._database.writing() as tx:
                await outbox.mark_posted(
                    tx,
                    row.outbox_id,
                    channel_id=posted.channel_id,
                    message_id=posted.message_id,
                    shown=current.wanted,
                )
        except PostRefusedError as error:
            # Refused the search, it may stand there all the same.
            gone = error.reason.endswith("/10003")  # with its channel, the message is gone too
            await self._park(row, error.reason, unknown=not tried and not gone)
        except Exception as error:  # noqa: BLE001 - one message never stops the others
            await self._try_later(row, error, counted=tried)
        finally:
            self._posting.discard(row.outbox_id)
            if done := self._waiting.get(row.outbox_id):
                async with self._database.reading() as tx:
                    now = await outbox.get(tx, row.outbox_id)
                if now is not None and now.state not in (OutboxState.WAITING, OutboxState.TRYING):
                    done.set()

    async def _begin(self, tx: Transaction, row: OutboxRow) -> tuple[OutboxRow, Subject] | None:
        """Note that a message may be on its way; None if it is not to be posted any more."""
        subject = await self._subject(tx, row)
        if subject is None:
            await outbox.skip(tx, row.outbox_id)
            return None
        if not await outbox.mark_trying(tx, row.outbox_id):
            return None
        # Its channel may have been changed since it was found to be due.
        return await outbox.get(tx, row.outbox_id) or row, subject

    async def _stands_already(self, row: OutboxRow) -> bool:
        """Search for a message that may have been posted before, and note it if it stands."""
        found = await self._poster.find(row)
        if found is None:
            return False
        async with self._database.writing() as tx:
            # What it shows may be old: 0 has it drawn again.
            await outbox.mark_posted(
                tx,
                row.outbox_id,
                channel_id=found.channel_id,
                message_id=found.message_id,
                shown=0,
            )
        return True

    async def _redraw(self, row: OutboxRow) -> None:
        try:
            stale = await self._database.read(lambda tx: self._if_stale(tx, row))
            if stale is None:
                return  # drawn since it was found to be due
            current, subject = stale
            if current is None or subject is None:
                async with self._database.writing() as tx:
                    await outbox.skip(tx, row.outbox_id)
                return
            await self._poster.edit(current, subject)
            await self._database.write(lambda tx: self._note_shown(tx, current, subject))
        except MessageGoneError:
            await self._replace(row)
        except PostRefusedError as error:
            await self._park(row, error.reason)
        except Exception as error:  # noqa: BLE001 - one message never stops the others
            await self._try_later(row, error)

    async def _note_shown(self, tx: Transaction, drawn: OutboxRow, subject: Subject) -> None:
        await outbox.mark_shown(tx, drawn.outbox_id, shown=drawn.wanted)
        if _has_had_its_say(drawn, subject):
            await outbox.leave(tx, drawn.outbox_id)
        await outbox.put_off(tx, drawn.outbox_id, next_at=self._clock.now_ms() + EDIT_GAP_MS)

    async def _if_stale(
        self, tx: Transaction, row: OutboxRow
    ) -> tuple[OutboxRow | None, Subject | None] | None:
        if not await outbox.is_to_redraw(tx, row.outbox_id, self._clock.now_ms()):
            return None
        return await outbox.get(tx, row.outbox_id), await self._subject(tx, row)

    async def _subject(self, tx: Transaction, row: OutboxRow) -> Subject | None:
        """Return what a message is about, or None if it has nothing to say any more."""
        match row.kind:
            case MessageKind.TEST_CARD:
                guild = await settings.get_guild(tx, row.guild_id)
                confirmed = await settings.confirmed_by(tx, row.guild_id)
                return TestCard(guild, tuple(confirmed))
            case MessageKind.PAUSE_NOTICE:
                paused = await what_pauses(tx, row.guild_id)
                return paused or (PauseOver() if row.message_id is not None else None)
            case _:
                view = await requests.get(tx, row.request_id or "")
        if view is None:
            return None
        # What may stand unknown was searched for before this is asked, and not found.
        stands = row.message_id is not None
        over = view.request.state in FINAL_STATES
        if row.kind in ASKS_IF_READY and not stands:
            return view if _is_to_be_asked(row, view) else None
        if row.kind is MessageKind.TRADES and not stands:
            # What was over before anybody could be told is on the other cards.
            return view if _waits(view, row) else None
        if row.kind is MessageKind.MEMBER_HERE and not stands:
            # Tried again before it could be told, or too late for that.
            return view if view.rounds == row.part and view.missed else None
        return None if row.kind is MessageKind.APPROVAL_CARD and over and not stands else view

    async def _replace(self, row: OutboxRow) -> None:
        """Somebody deleted the message: post it again as long as it can be acted on."""
        async with self._database.writing() as tx:
            view = await requests.get(tx, row.request_id) if row.request_id else None
            if view is not None and _is_to_stand(view, row):
                await self.post_again(tx, view, row)
            else:
                await outbox.skip(tx, row.outbox_id)

    async def post_again(self, tx: Transaction, view: RequestView, row: OutboxRow) -> bool:
        """Ask anew, where it belongs now, for a message about a request that stands nowhere.

        ``row``: as it was when that was found out. False: somebody has asked for it before.
        """
        target_id = await self._target_now(tx, row)
        # The search for it was refused, so it may stand there all the same, with the mark it had.
        unsure = row.message_id is None and row.tries > 0 and target_id == row.target_id
        new_mark_of = mark_of(view.request.request_id, row.kind, row.copy + 1, row.part)
        return await outbox.post_again(
            tx,
            row,
            target_id=target_id,
            mark=row.mark if unsure else new_mark_of,
            at=self._clock.now_ms(),
            search_since=row.created_at if unsure else self._may_stand_since(view),
        )

    async def _target_now(self, tx: Transaction, row: OutboxRow) -> int:
        """Return where a message like this one belongs by the server's present choices."""
        guild = await settings.get_guild(tx, row.guild_id)
        match row.kind:
            case MessageKind.APPROVAL_CARD:
                return guild.approval_channel_id or row.target_id
            case MessageKind.RESULT:
                return guild.results_channel_id or row.target_id
            case MessageKind.DELIVERY_NOTICE | MessageKind.MEMBER_HERE:
                return guild.approval_channel_id or row.target_id
            case _ if row.kind in FALLS_BACK and not row.to_member:
                return _where_members_look(guild) or row.target_id
            case _:
                return row.target_id

    async def _park(self, row: OutboxRow, reason: str, *, unknown: bool = False) -> None:
        log.warning("message %s (%s) is parked: %s", row.outbox_id, row.kind, reason)
        to_member = row.to_member and row.request_id is not None
        async with self._database.writing() as tx:
            # One that may stand in their direct messages is not told a second time.
            told = to_member and not unknown and await self._call_in_channel(tx, row)
            if not told:
                await outbox.park(tx, row.outbox_id, reason, unknown=unknown)
            if row.request_id and (told or row.kind is MessageKind.MEMBER_STATUS):
                await requests.note_dm_closed(tx, row.request_id)
                await outbox.touch(tx, row.request_id)

    async def _call_in_channel(self, tx: Transaction, row: OutboxRow) -> bool:
        """Have a member called in a channel whose direct messages refuse what is urgent."""
        if row.kind not in FALLS_BACK:
            return False
        target_id = _where_members_look(await settings.get_guild(tx, row.guild_id))
        if target_id is None:
            return False
        return await outbox.fall_back(
            tx,
            row.outbox_id,
            target_id=target_id,
            at=self._clock.now_ms(),
            search=self._this_run.is_from_before_a_copy(row.created_at),
        )

    async def _try_later(self, row: OutboxRow, error: Exception, *, counted: bool = False) -> None:
        expected = isinstance(error, PostUncertainError)
        log.warning(
            "message %s (%s) has to be tried again: %s",
            row.outbox_id,
            row.kind,
            error if expected else type(error).__name__,
            exc_info=None if expected else error,
        )
        if not expected and row.tries >= _FAULTS_MAX:
            await self._park(row, "a fault of the bot", unknown=True)
            return
        delay = min(_LAST_RETRY_MS, _FIRST_RETRY_MS * 2 ** min(row.tries, 10))
        next_at = self._clock.now_ms() + delay + self._rng.randrange(delay // 4)
        async with self._database.writing() as tx:
            if counted:
                await outbox.put_off(tx, row.outbox_id, next_at=next_at)
            else:
                await outbox.try_later(tx, row.outbox_id, next_at=next_at)


def _is_to_be_asked(row: OutboxRow, view: RequestView) -> bool:
    """Say whether a member has to be told that they must say when they are there, or were to."""
    request = view.request
    too_late = row.kind is MessageKind.REMINDER and request.never_ready
    return request.waits_for_member or too_late


def _has_had_its_say(row: OutboxRow, subject: Subject) -> bool:
    """Say whether a message that asked to be answered says now what stays true.

    Whatever happens to its request later, drawing it again would be in vain.
    """
    if row.kind not in ASKS_IF_READY or not isinstance(subject, RequestView):
        return False
    return subject.request.state not in (RequestState.PENDING, RequestState.APPROVED)


def _still_rings(row: OutboxRow, now: int) -> bool:
    """Say whether what is added to a message now is noticed, or will be when it is posted."""
    if row.state in (OutboxState.WAITING, OutboxState.TRYING):
        return True
    return row.state is OutboxState.POSTED and now < row.created_at + TOLD_ANEW_MS


async def _due(tx: Transaction, now: int) -> tuple[list[OutboxRow], list[OutboxRow], int | None]:
    """Return what is to be posted, what is to be drawn again, and when anything is due next."""
    limit = AT_ONCE * 4
    return (
        await outbox.to_post(tx, now, limit=limit),
        await outbox.to_redraw(tx, now, limit=limit),
        await outbox.next_at(tx),
    )


def _waits(view: RequestView, row: OutboxRow) -> bool:
    """Say whether any trade waits that a part of the trade messages tells of."""
    return any(one.waits for _, one in view.told_in(row.part))


def _is_to_stand(view: RequestView, row: OutboxRow) -> bool:
    """Say whether a message that somebody deleted is posted again: if it can be acted on."""
    if row.kind is MessageKind.TRADES:
        return _waits(view, row)
    return view.request.state not in FINAL_STATES


def _where_members_look(guild: GuildSettings) -> int | None:
    """Return the channel in which a member is called who can't be written to."""
    return guild.results_channel_id or guild.approval_channel_id


async def what_pauses(tx: Transaction, guild_id: int) -> Paused | None:
    """Return everything that pauses buying for a server, or None if nothing does."""
    paused = Paused(
        tuple(await settings.get_pauses(tx)), await settings.get_guild_pause(tx, guild_id)
    )
    return paused if paused.deployment or paused.server else None
