"""A database goes to another market only when nothing of it is open at the old one."""

from __future__ import annotations

from typing import Final

import pytest

from bot.domain.models import REBOUND, EventKind, MessageKind
from bot.domain.states import RequestState
from bot.sandbox.skinsback import Fault
from bot.services.baskets import Wish
from bot.services.rebinding import RebindRefusedError, Rebound, rebind
from bot.store import baskets, settings
from bot.ui import text
from bot.ui.cards.frame import Frame
from tests.services.house import ANA, ASIIMOV, BEA, GUILD, HOUR, MAX, NOW, REDLINE, House

OLD: Final = {"market": "sandbox", "market_host": "127.0.0.1", "client_id": "1001"}
NEW: Final = {"market": "skinsback", "market_host": "skinsback.com", "client_id": "77"}


@pytest.fixture
async def bound(house: House) -> House:
    """A house whose database belongs to a market."""
    async with house.database.writing() as tx:
        await settings.check_identity(tx, **OLD)
        await settings.set_books_agreed_at(tx, NOW)
    return house


async def go(house: House, identity: dict[str, str] = NEW) -> Rebound | None:
    async with house.database.writing() as tx:
        return await rebind(tx, at=NOW + 5, **identity)


async def belongs_to(house: House) -> dict[str, str]:
    async with house.database.reading() as tx:
        return await settings.identity(tx)


async def test_rebind_closes_what_is_open_and_everyone_is_told(bound: House) -> None:
    pending = await bound.submit(ANA)
    approved = await bound.submit_approved(BEA)
    denied = await bound.submit(ANA)
    await bound.requests.deny(MAX, denied.request.request_id, denied.request.digest[:16], "no")
    await bound.post_everything()
    edits = {message.message_id: message.edits for message in bound.discord.messages}
    done = await go(bound)
    assert done is not None
    assert done.before == OLD
    assert [view.request.number for view in done.closed] == [1, 2]
    assert await belongs_to(bound) == NEW
    async with bound.database.writing() as tx:
        await settings.check_identity(tx, **NEW)
        assert await settings.get_books_agreed_at(tx) is None, (
            "at the new market nothing has been seen"
        )
    await bound.post_everything()
    for view in (pending, approved):
        now = await bound.view(view)
        assert now.request.state is RequestState.EXPIRED
        assert now.request.decision_reason == REBOUND
        history = await bound.history(view)
        assert (history[-1].kind, history[-1].details) == (EventKind.EXPIRED, {"cause": REBOUND})
        assert "expired: the bot went to another market account" in text.event_in_words(history[-1])
        assert "moved to another market account" in text.status_in_words(now, Frame())
        for kind in (MessageKind.APPROVAL_CARD, MessageKind.MEMBER_STATUS):
            row = await bound.message(view, kind)
            (message,) = [one for one in bound.discord.messages if one.mark == row.mark]
            assert message.subject == now
            assert message.edits > edits[message.message_id]
    assert (await bound.view(denied)).request.state is RequestState.DENIED
    async with bound.database.reading() as tx:
        kept = await tx.all("SELECT 1 FROM requests WHERE sealed_token IS NOT NULL")
    assert kept == []


async def test_rebind_keeps_baskets_but_not_the_listings_in_them(bound: House) -> None:
    listing = (await bound.client.search("cs2", [REDLINE]))[0]
    await bound.pick(ANA, ASIIMOV, 2)
    await bound.baskets.add(ANA, Wish(REDLINE, 1, listing_id=listing.listing_id))
    other = (await bound.pick(BEA, ASIIMOV)).basket
    before = await bound.baskets.open(ANA)
    assert [pick.listing_id for pick in before.picks] == [None, listing.listing_id]
    done = await go(bound)
    assert done is not None
    assert done.picks == 1
    async with bound.database.reading() as tx:
        after = await baskets.find(tx, GUILD, ANA.user_id)
        untouched = await baskets.find(tx, GUILD, BEA.user_id)
    assert after is not None
    assert after.picks == before.picks[:1]
    assert after.revision == before.revision + 1, "an old screen can't be acted on"
    assert untouched == other


@pytest.mark.parametrize("carried_out", [False, True])
async def test_rebind_while_anything_may_be_at_the_market_is_refused_and_changes_nothing(
    bound: House, carried_out: bool
) -> None:
    bound.market.break_next("market_batch_buy", Fault.DROP, carried_out=carried_out)
    unknown = await bound.buy_until(await bound.submit_approved(ANA))
    assert unknown.request.state is RequestState.BUYING
    waiting = await bound.submit(BEA)
    with pytest.raises(RebindRefusedError, match=rf"#1 \(server {GUILD}\).*old settings") as no:
        await go(bound)
    assert "\n" not in str(no.value)
    assert await belongs_to(bound) == OLD
    assert await bound.view(waiting) == waiting
    assert await bound.view(unknown) == unknown


async def test_rebind_leaves_what_was_bought_as_it_is(bound: House) -> None:
    bought = await bound.buy_until(await bound.submit_approved(ANA))
    done = await go(bound)
    assert done is not None
    assert done.closed == ()
    assert await bound.view(bought) == bought


async def test_rebind_to_where_it_belongs_already_does_nothing(bound: House) -> None:
    pending = await bound.submit(ANA)
    assert await go(bound, OLD) is None
    assert await bound.view(pending) == pending


@pytest.mark.parametrize("key", OLD)
async def test_rebind_when_anything_differs_is_done(bound: House, key: str) -> None:
    assert await go(bound, OLD | {key: "else"}) is not None
    assert await belongs_to(bound) == OLD | {key: "else"}


async def test_rebind_of_a_new_database_does_nothing(house: House) -> None:
    assert await go(house) is None
    assert await belongs_to(house) == {}


async def test_rebind_follows_nothing_at_the_new_market_that_was_bought_at_the_old(
    bound: House,
) -> None:
    view = await bound.buy_until(await bound.submit_approved(ANA))
    await go(bound)
    before = len(bound.market.calls)
    bound.clock.now += 60_000
    await bound.follower.look()
    assert len(bound.market.calls) == before
    await go(bound, OLD)
    await bound.follower.look()
    assert len(bound.market.calls) == before + 1
    await go(bound)
    bound.clock.now += 25 * HOUR
    await bound.requests.end_approvals()
    assert (await bound.view(view)).request.state is RequestState.CLOSED
