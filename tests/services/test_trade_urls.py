"""Where skins go: given, confirmed, renewed, and never silently somewhere else."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from bot.domain.limits import PENDING_EXPIRES_MS
from bot.domain.models import Actor, EventKind
from bot.domain.states import RequestState
from bot.domain.trade_url import TradeUrl
from bot.errors import Problem, TradeUrlError, UserFacingError
from bot.services.trade_urls import Confirmed
from bot.store import requests
from tests.services.house import ANA, BEA, TOKEN, House, url_of

IN_PRIVATE = Actor(ANA.user_id)


async def refused(work: Awaitable[object]) -> UserFacingError:
    """Return why something is refused."""
    with pytest.raises(UserFacingError) as why:
        await work
    return why.value


async def give(
    house: House, partner: int, token: str = TOKEN, *, for_request: str | None = None
) -> Confirmed:
    """Enter and confirm a Trade URL of Ana's."""
    candidate_id, _ = await house.trade_urls.propose(ANA, url_of(partner, token))
    return await house.trade_urls.confirm(ANA, candidate_id, for_request=for_request)


class TestGiving:
    """Entered, asked about, and only then remembered."""

    async def test_url_counts_once_its_owner_has_said_yes(self, house: House) -> None:
        candidate_id, url = await house.trade_urls.propose(IN_PRIVATE, f" <{url_of(42)}> ")
        assert url == TradeUrl(42, TOKEN)
        assert await house.trade_urls.known(ANA.user_id) is None
        confirmed = await house.trade_urls.confirm(IN_PRIVATE, candidate_id)
        assert confirmed == Confirmed(url, (), (), ())
        assert await house.trade_urls.known(ANA.user_id) == url

    async def test_text_that_is_none_changes_nothing(self, house: House) -> None:
        await house.give_url(ANA, 42)
        with pytest.raises(TradeUrlError):
            await house.trade_urls.propose(ANA, "my trade url is a secret")
        assert await house.trade_urls.known(ANA.user_id) == TradeUrl(42, TOKEN)

    async def test_yes_to_an_older_question_or_somebody_elses_is_refused(
        self, house: House
    ) -> None:
        old, _ = await house.trade_urls.propose(ANA, url_of(42))
        new, _ = await house.trade_urls.propose(ANA, url_of(43))
        for work in (
            house.trade_urls.confirm(ANA, old),
            house.trade_urls.confirm(BEA, new),
            house.trade_urls.confirm(ANA, "nothing"),
        ):
            assert (await refused(work)).problem is Problem.OUT_OF_DATE
        await house.trade_urls.confirm(ANA, new)
        assert (await refused(house.trade_urls.confirm(ANA, new))).problem is Problem.OUT_OF_DATE

    async def test_forgetting_leaves_open_requests_their_copy(self, house: House) -> None:
        view = await house.submit(ANA)
        assert await house.trade_urls.forget(ANA)
        assert not await house.trade_urls.forget(ANA)
        assert await house.trade_urls.known(ANA.user_id) is None
        assert (await house.buy_until(await house.approve(view))).debited_total


class TestSameAccount:
    """A new URL of the same account replaces the token in open requests."""

    @pytest.mark.parametrize("approved", [False, True])
    async def test_new_token_goes_into_open_requests_and_voids_nothing(
        self, house: House, approved: bool
    ) -> None:
        view = await house.submit(ANA)
        if approved:
            view = await house.approve(view)
        confirmed = await give(house, ANA.user_id, "NewToken")
        assert (confirmed.renewed, confirmed.back_to_moderators) == ((1,), ())
        now = await house.view(view)
        assert (now.request.state, now.request.digest) == (
            view.request.state,
            view.request.digest,
        )
        async with house.database.reading() as tx:
            sealed = await requests.sealed_token(tx, view.request.request_id)
        assert sealed is not None
        assert house.vault.open(sealed) == "NewToken"
        assert (await house.history(view))[-1].kind is EventKind.TRADE_URL_RENEWED

    async def test_new_token_never_reaches_what_is_over_or_somebody_elses(
        self, house: House
    ) -> None:
        mine = await house.submit(ANA)
        await house.requests.cancel(ANA, mine.request.request_id)
        await house.give_url(BEA, partner=ANA.user_id)
        theirs = await house.submit(BEA)
        confirmed = await give(house, ANA.user_id, "NewToken")
        assert confirmed.renewed == ()
        async with house.database.reading() as tx:
            assert await requests.sealed_token(tx, mine.request.request_id) is None
            sealed = await requests.sealed_token(tx, theirs.request.request_id)
        assert sealed is not None
        assert house.vault.open(sealed) == TOKEN


class TestOtherAccount:
    """A URL of another account never silently touches a request."""

    async def test_other_account_leaves_every_request_where_it_was_going(
        self, house: House
    ) -> None:
        view = await house.submit_approved(ANA)
        confirmed = await give(house, 42)
        assert (confirmed.renewed, confirmed.back_to_moderators) == ((), ())
        assert confirmed.untouched == (1,)
        assert await house.view(view) == view
        bought = await house.buy_until(view)
        assert {line.last.steam_id for line in bought.lines if line.last} == {
            TradeUrl(ANA.user_id, TOKEN).steam_id
        }

    async def test_other_account_for_one_request_makes_it_a_new_version_to_be_approved(
        self, house: House
    ) -> None:
        one = await house.submit_approved(ANA)
        two = await house.submit_approved(ANA)
        house.clock.now += 5
        confirmed = await give(house, 42, for_request=one.request.request_id)
        assert (confirmed.back_to_moderators, confirmed.untouched) == ((1,), (2,))
        moved = (await house.view(one)).request
        assert (moved.state, moved.version, moved.partner) == (RequestState.PENDING, 2, 42)
        assert moved.digest != one.request.digest
        assert (moved.decided_by, moved.claimable_at) == (None, None)
        assert moved.expires_at == house.clock.now + PENDING_EXPIRES_MS
        assert await house.view(two) == two
        assert (await house.history(one))[-1].kind is EventKind.STEAM_ACCOUNT_CHANGED
        again = await house.approve(await house.view(one))
        bought = await house.buy_until(again)
        assert {line.last.steam_id for line in bought.lines if line.last} == {
            TradeUrl(42, TOKEN).steam_id
        }

    async def test_other_account_for_somebody_elses_request_changes_nothing(
        self, house: House
    ) -> None:
        theirs = await house.submit(BEA)
        await give(house, 42, for_request=theirs.request.request_id)
        assert await house.view(theirs) == theirs

    async def test_other_account_for_what_is_bought_changes_nothing(self, house: House) -> None:
        bought = await house.buy_until(await house.submit_approved(ANA))
        confirmed = await give(house, 42, for_request=bought.request.request_id)
        assert confirmed.back_to_moderators == ()
        assert await house.view(bought) == bought
