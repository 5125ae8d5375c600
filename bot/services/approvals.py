"""For moderators: what waits for them, and the card of a request wherever they are.

A card's buttons work in private as in the channel; a card that is gone is put up again once.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.domain.models import Actor, MessageKind, OutboxRow, OutboxState, RequestView
from bot.domain.states import FINAL_STATES
from bot.errors import Problem, UserFacingError
from bot.services.announcements import Announcements
from bot.services.guilds import Guilds
from bot.services.ports import Poster
from bot.services.rights import require_approver, require_moderator
from bot.store import outbox, requests
from bot.store.database import Database, Transaction

PAGE: Final = 12
SUGGESTED_MAX: Final = 25
_LOOK_S: Final = 3.0
_POST_WAIT_S: Final = 8.0


class Where(StrEnum):
    """Where the card of a request is."""

    STANDS = "stands"
    COMING = "coming"
    """Asked for, and not posted yet."""
    GONE = "gone"
    """Deleted, or refused; it can be posted again."""
    NOWHERE = "nowhere"
    """There is none, and as nothing can be decided none is needed."""


@dataclass(frozen=True, slots=True)
class CardPlace:
    """Where the card of a request is. ``copy``: how often it has been put up anew."""

    where: Where
    channel_id: int | None
    message_id: int | None
    copy: int
    parked_reason: str = ""


@dataclass(frozen=True, slots=True)
class RequestCard:
    """A request, and where its card is."""

    view: RequestView
    place: CardPlace


@dataclass(frozen=True, slots=True)
class Queue:
    """A page of what waits for moderators, the oldest first. ``page`` counts from 0."""

    cards: tuple[RequestCard, ...]
    total: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Reposted:
    """What came of *Post the card again*."""

    card: RequestCard
    by_this_press: bool


class Approvals:
    """The list of what waits, and one request's card in private."""

    def __init__(
        self, database: Database, guilds: Guilds, announcements: Announcements, poster: Poster
    ) -> None:
        self._database = database
        self._guilds = guilds
        self._announcements = announcements
        self._poster = poster

    async def queue(self, actor: Actor, page: int) -> Queue:
        """Return a page of what waits; past the last one the last.

        Raises ``UserFacingError`` (NOT_MODERATOR, and if the server may not spend).
        """
        async with self._database.reading() as tx:
            guild = await require_moderator(tx, self._guilds, actor)
            waiting = await _waiting(tx, guild.guild_id)
            last = max(0, (len(waiting) - 1) // PAGE)
            page = max(0, min(page, last))
            shown = waiting[page * PAGE : (page + 1) * PAGE]
            views = [await requests.get(tx, request_id) for _, request_id in shown]
            cards = [
                RequestCard(view, _noted(view, await self._row(tx, view)))
                for view in views
                if view is not None
            ]
        return Queue(tuple(cards), len(waiting), page, last + 1)

    async def suggest(self, actor: Actor, typed: str) -> list[RequestView]:
        """Return what waits and whose number begins as typed, the oldest first.

        Raises as ``queue`` does.
        """
        async with self._database.reading() as tx:
            guild = await require_moderator(tx, self._guilds, actor)
            start = typed.strip().removeprefix("#")
            fitting = [
                request_id
                for number, request_id in await _waiting(tx, guild.guild_id)
                if str(number).startswith(start)
            ]
            found = [await requests.get(tx, one) for one in fitting[:SUGGESTED_MAX]]
        return [view for view in found if view is not None]

    async def find(self, actor: Actor, number: int) -> RequestCard:
        """Return a request of the server by its number, and where its card is.

        Raises ``UserFacingError`` (NO_REQUEST_HERE, and as ``queue`` does).
        """
        async with self._database.reading() as tx:
            guild = await require_moderator(tx, self._guilds, actor)
            view = await requests.by_number(tx, guild.guild_id, number)
            if view is None:
                raise UserFacingError(Problem.NO_REQUEST_HERE, number=number)
            row = await self._row(tx, view)
        return RequestCard(view, await self._place(view, row))

    async def card(self, actor: Actor, request_id: str) -> RequestCard:
        """Return a request, and where its card is.

        Raises ``UserFacingError`` (NOT_APPROVER, NO_SUCH_REQUEST, and if the server may not spend).
        """
        async with self._database.reading() as tx:
            view, _ = await require_approver(tx, self._guilds, actor, request_id)
            row = await self._row(tx, view)
        return RequestCard(view, await self._place(view, row))

    async def post_again(self, actor: Actor, request_id: str, copy: int) -> Reposted:
        """Put a card that is gone up in the approval channel that is now configured, once.

        ``copy``: how often that had been done when the pressed button was drawn. Raises as ``card``
        does.
        """
        async with self._database.reading() as tx:
            view, _ = await require_approver(tx, self._guilds, actor, request_id)
            row = await self._row(tx, view)
        place = await self._place(view, row)
        if row is None or place.where in (Where.STANDS, Where.NOWHERE):
            return Reposted(RequestCard(view, place), by_this_press=False)
        posted = False
        if place.where is Where.GONE and row.copy == copy:
            async with self._database.writing() as tx:
                view, _ = await require_approver(tx, self._guilds, actor, request_id)
                # The row as Discord was asked about it: whoever was first has changed it.
                if view.request.state not in FINAL_STATES:
                    posted = await self._announcements.post_again(tx, view, row)
            self._announcements.wake()
        await self._announcements.settled(row.outbox_id, timeout_s=_POST_WAIT_S)
        return Reposted(await self.card(actor, request_id), by_this_press=posted)

    async def _row(self, tx: Transaction, view: RequestView) -> OutboxRow | None:
        return await outbox.latest(tx, view.request.request_id, MessageKind.APPROVAL_CARD)

    async def _place(self, view: RequestView, row: OutboxRow | None) -> CardPlace:
        """Return where a card is, as Discord says: it doesn't tell us of deleted messages."""
        place = _noted(view, row)
        if row is None or row.message_id is None or row.state is OutboxState.SKIPPED:
            return place
        try:
            async with asyncio.timeout(_LOOK_S):
                stands = await self._poster.stands(row)
        except TimeoutError:
            stands = None
        if stands is None:
            return place
        return _placed(Where.STANDS if stands else _lost(view), row)


async def _waiting(tx: Transaction, guild_id: int) -> list[tuple[int, str]]:
    """Return number and id of everything that a moderator can act on, the oldest first."""
    found = await requests.undecided(tx, guild_id)
    for number, request_id in await requests.partly_bought(tx, guild_id):
        view = await requests.get(tx, request_id)
        if view is not None and view.to_try_again:
            found.append((number, request_id))
    return sorted(found)


def _lost(view: RequestView) -> Where:
    return Where.NOWHERE if view.request.state in FINAL_STATES else Where.GONE


def _noted(view: RequestView, row: OutboxRow | None) -> CardPlace:
    """Return where a card is as far as the database knows."""
    if row is None:
        return CardPlace(Where.NOWHERE, None, None, 0)
    match row.state:
        case OutboxState.WAITING | OutboxState.TRYING:
            return _placed(Where.COMING, row)
        case OutboxState.POSTED:
            return _placed(Where.STANDS, row)
        case OutboxState.PARKED | OutboxState.SKIPPED:
            return _placed(_lost(view), row)


def _placed(where: Where, row: OutboxRow) -> CardPlace:
    channel_id = row.channel_id if row.message_id is not None else row.target_id
    reason = row.parked_reason if row.state is OutboxState.PARKED else ""
    return CardPlace(where, channel_id, row.message_id, row.copy, reason)
