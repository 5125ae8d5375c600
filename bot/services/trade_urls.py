"""Where skins are sent: giving, confirming and forgetting a Trade URL.

A new URL of the same Steam account replaces the token in requests for which something may still be
bought. One of another account never silently touches a request: only the one it was given for goes
back to the moderators with it, and what was bought already has to be asked for anew.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Final

from bot.domain.keys import digest_of, new_request_id
from bot.domain.limits import PENDING_EXPIRES_MS
from bot.domain.market import OfferStatus
from bot.domain.models import Actor, EventKind, RequestView
from bot.domain.states import RequestEvent, RequestState, states_before
from bot.domain.trade_url import TradeUrl, parse_trade_url
from bot.errors import Problem, UserFacingError
from bot.services.announcements import Announcements
from bot.services.clock import Clock
from bot.store import audit, outbox, requests, trade_urls
from bot.store.database import Database, Transaction
from bot.store.vault import Vault

_MAY_MOVE: Final = states_before(RequestEvent.CHANGE_STEAM_ACCOUNT)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A Trade URL is now a person's own, and what that did to their open requests, by number."""

    url: TradeUrl
    renewed: tuple[int, ...]
    back_to_moderators: tuple[int, ...]
    untouched: tuple[int, ...]
    same: tuple[int, ...] = ()
    """Requests whose trades could not be sent with this very URL."""
    elsewhere: RequestView | None = None
    """The request that it was given for, which is bought and stays with its Steam account."""


class TradeUrls:
    """Use cases of Trade URLs. A person has one, on all servers."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        announcements: Announcements,
        clock: Clock,
        rng: Random,
        *,
        approved: asyncio.Event,
    ) -> None:
        self._database = database
        self._vault = vault
        self._announcements = announcements
        self._clock = clock
        self._rng = rng
        self._approved = approved

    async def known(self, user_id: int) -> TradeUrl | None:
        """Return a person's confirmed Trade URL."""
        async with self._database.reading() as tx:
            return await trade_urls.find(tx, self._vault, user_id)

    async def propose(self, actor: Actor, text: str) -> tuple[str, TradeUrl]:
        """Parse what was typed and keep it until its owner confirms; return the candidate's id.

        Raises ``TradeUrlError``; what was known stays.
        """
        url = parse_trade_url(text)
        candidate_id = new_request_id(self._rng)
        async with self._database.writing() as tx:
            await trade_urls.propose(
                tx,
                self._vault,
                actor.user_id,
                url,
                candidate_id=candidate_id,
                at=self._clock.now_ms(),
            )
        return candidate_id, url

    async def confirm(
        self, actor: Actor, candidate_id: str, *, for_request: str | None = None
    ) -> Confirmed:
        """Make the proposed Trade URL a person's own, and bring it to their open requests.

        ``for_request`` is the request whose **New Trade URL** they pressed: the only one that an
        account change reaches. Raises ``UserFacingError`` (OUT_OF_DATE) for an old question.
        """
        renewed: list[int] = []
        moved: list[int] = []
        untouched: list[int] = []
        async with self._database.writing() as tx:
            url = await self._take(tx, actor.user_id, candidate_id)
            for request_id in await requests.open_of_member(tx, actor.user_id):
                view = await requests.get(tx, request_id)
                if view is None:
                    continue
                if view.request.partner == url.partner:
                    await self._renew(tx, view, url)
                    renewed.append(view.request.number)
                elif request_id == for_request and view.request.state in _MAY_MOVE:
                    await self._change_account(tx, view, url)
                    moved.append(view.request.number)
                else:
                    untouched.append(view.request.number)
            now_theirs, same = await self._renew_bought(tx, actor.user_id, url)
            elsewhere = await self._bought_elsewhere(tx, actor.user_id, for_request, url)
        self._announcements.wake()
        self._approved.set()
        return Confirmed(
            url, (*renewed, *now_theirs), tuple(moved), tuple(untouched), same, elsewhere
        )

    async def _take(self, tx: Transaction, user_id: int, candidate_id: str) -> TradeUrl:
        """Make the candidate a person's own. Raises ``UserFacingError`` (OUT_OF_DATE)."""
        url = await trade_urls.find_candidate(tx, self._vault, user_id, candidate_id)
        since = None
        if url is not None and url == await trade_urls.find(tx, self._vault, user_id):
            since = await trade_urls.known_since(tx, user_id)
        now = self._clock.now_ms()
        if url is None or not await trade_urls.confirm(
            tx, user_id, candidate_id, at=now, since=since
        ):
            raise UserFacingError(Problem.OUT_OF_DATE)
        return url

    async def _renew_bought(
        self, tx: Transaction, user_id: int, url: TradeUrl
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Bring a URL of the same account to bought requests that can still be tried again.

        Return the numbers of those that it is news for, and of those which it has failed before.
        """
        renewed, same = [], []
        for request_id in await requests.bought_of_member(tx, user_id, at=self._clock.now_ms()):
            view = await requests.get(tx, request_id)
            if view is None or view.request.partner != url.partner:
                continue
            if await self._is_new(tx, view, url):
                await self._renew(tx, view, url)
                renewed.append(view.request.number)
            elif any(line.failed_with == OfferStatus.INVALID_TRADE_TOKEN for line in view.lines):
                same.append(view.request.number)
        return tuple(renewed), tuple(same)

    async def _bought_elsewhere(
        self, tx: Transaction, user_id: int, for_request: str | None, url: TradeUrl
    ) -> RequestView | None:
        """Return the request of theirs that a URL of another account was given for in vain.

        It was approved for the account that it goes to; what its member lacks has to be asked for
        anew.
        """
        view = await requests.get(tx, for_request) if for_request else None
        if view is None or view.request.user_id != user_id or view.request.partner == url.partner:
            return None
        over = view.request.state in (RequestState.BOUGHT, RequestState.CLOSED)
        return view if over and view.undelivered else None

    async def _is_new(self, tx: Transaction, view: RequestView, url: TradeUrl) -> bool:
        sealed = await requests.sealed_token(tx, view.request.request_id)
        return sealed is None or self._vault.open(sealed) != url.token

    async def forget(self, actor: Actor) -> bool:
        """Forget a person's Trade URL. Return whether there was one.

        Open requests keep their own copy until they close. Whose Steam account it is stays known,
        without the token: nobody decides on a request to an account of their own.
        """
        async with self._database.writing() as tx:
            return await trade_urls.forget(tx, actor.user_id)

    async def _renew(self, tx: Transaction, view: RequestView, url: TradeUrl) -> None:
        await requests.renew_token(
            tx,
            view.request.request_id,
            self._vault.seal(url.token),
            partner=url.partner,
            at=self._clock.now_ms(),
            new=await self._is_new(tx, view, url),
        )
        await self._record(tx, view, EventKind.TRADE_URL_RENEWED)

    async def _change_account(self, tx: Transaction, view: RequestView, url: TradeUrl) -> None:
        version = view.request.version + 1
        now = self._clock.now_ms()
        await requests.change_steam_account(
            tx,
            view,
            partner=url.partner,
            sealed_token=self._vault.seal(url.token),
            version=version,
            digest=digest_of(
                request_id=view.request.request_id,
                guild_id=view.request.guild_id,
                version=version,
                partner=url.partner,
                lines=[line.line for line in view.lines],
            ),
            at=now,
            expires_at=now + PENDING_EXPIRES_MS,
        )
        await self._record(tx, view, EventKind.STEAM_ACCOUNT_CHANGED)

    async def _record(self, tx: Transaction, view: RequestView, kind: EventKind) -> None:
        request = view.request
        await audit.record_for(tx, kind, request, at=self._clock.now_ms(), actor_id=request.user_id)
        await outbox.touch(tx, view.request.request_id)
