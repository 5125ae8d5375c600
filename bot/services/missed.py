"""What a member does about a trade that they missed: say that they are there now."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.delivery import TRADE_LIVES_MS
from bot.domain.models import Actor, EventKind, RequestView
from bot.domain.states import RequestState
from bot.errors import Problem, UserFacingError
from bot.services.announcements import Announcements
from bot.services.clock import Clock
from bot.services.rights import own_request
from bot.store import audit, outbox, requests
from bot.store.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class Told:
    """The moderators know that a member is there. ``news``: they are told by this very press."""

    view: RequestView
    news: bool


class Missed:
    """Asks for another try on a member's behalf. Nothing is sent by it: moderators decide."""

    def __init__(self, database: Database, announcements: Announcements, clock: Clock) -> None:
        self._database = database
        self._announcements = announcements
        self._clock = clock

    async def here(self, actor: Actor, request_id: str) -> Told:
        """Tell the moderators, once for each round of tries, that a member is in Steam now.

        Raises ``UserFacingError`` (NOT_YOURS, HERE_TRIED_ALREADY, HERE_TOO_LATE, NOTHING_MISSED).
        """
        now = self._clock.now_ms()
        async with self._database.writing() as tx:
            view = await own_request(tx, actor, request_id)
            self._require_missed(view, now)
            news = not await self._announcements.stands_for_round(tx, view)
            last = view.request.here_at
            if news or last is None or now >= last + TRADE_LIVES_MS:
                view = await self._note(tx, view, now)
        self._announcements.wake()
        return Told(view, news)

    def _require_missed(self, view: RequestView, now: int) -> None:
        request = view.request
        if request.state is RequestState.BUYING:
            raise UserFacingError(Problem.HERE_TRIED_ALREADY, number=request.number)
        if request.state in (RequestState.BOUGHT, RequestState.CLOSED) and (
            (request.expires_at or 0) <= now
        ):
            raise UserFacingError(Problem.HERE_TOO_LATE, number=request.number)
        if not view.missed:
            raise UserFacingError(Problem.NOTHING_MISSED, number=request.number)

    async def _note(self, tx: Transaction, view: RequestView, now: int) -> RequestView:
        request_id = view.request.request_id
        await requests.note_here(tx, request_id, at=now)
        await audit.record_for(
            tx, EventKind.MEMBER_HERE, view.request, at=now, actor_id=view.request.user_id
        )
        await self._announcements.announce_for_round(tx, view)
        await outbox.touch(tx, request_id)
        return await requests.get(tx, request_id) or view
