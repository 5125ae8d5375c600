"""A rehearsal's market remembers over a restart what was bought."""

from __future__ import annotations

from pathlib import Path

from bot.domain.market import OfferStatus, Order
from bot.domain.money import CENT, Micros
from bot.sandbox.skinsback import SkinsbackSandbox
from bot.skinsback.client import SkinsbackClient
from tests.sandbox.skinsback.conftest import REDLINE, START

KEY = "qmaaaaaaaaaaaaaaaaaaaa0101"


def client_of(market: SkinsbackSandbox) -> SkinsbackClient:
    environment = market.environment()
    return SkinsbackClient(
        url=environment["SKINSBACK_API_URL"],
        client_id=environment["SKINSBACK_CLIENT_ID"],
        client_secret=environment["SKINSBACK_CLIENT_SECRET"],
    )


async def test_purchase_when_the_market_starts_again_then_it_is_known_sold_and_goes_on(
    tmp_path: Path,
) -> None:
    path = tmp_path / "market"
    async with SkinsbackSandbox(size=0, clock=lambda: START, kept_in=path) as market:
        listing = market.listings(REDLINE)[0]
        order = Order(listing.listing_id, Micros(5_000 * CENT), KEY)
        async with client_of(market) as client:
            await client.buy(90382795, "AbCd_-12", [order])
        (bought,) = market.purchases
        left = market.balance
    async with SkinsbackSandbox(size=0, clock=lambda: START, kept_in=path) as market:
        assert (market.purchases, market.balance) == ([bought], left)
        assert listing not in market.listings(REDLINE)
        async with client_of(market) as client:
            found = await client.getinfo_by_keys([KEY])
            assert [one.buy_id for one in found.purchases] == [bought.buy_id]
            market.advance(30)
            assert market.purchases[0].status is OfferStatus.ACCEPTED
            await client.buy(90382795, "AbCd_-12", [order])
        assert len(market.by_key(KEY)) == 1


async def test_market_when_nothing_was_kept_then_it_starts_as_a_new_one(tmp_path: Path) -> None:
    async with SkinsbackSandbox(size=0, kept_in=tmp_path / "market") as market:
        assert market.purchases == []
    async with SkinsbackSandbox(size=0) as market:
        assert market.purchases == []


async def test_status_when_nobody_knows_it_then_it_is_kept_as_it_came(tmp_path: Path) -> None:
    path = tmp_path / "market"
    async with SkinsbackSandbox(size=0, clock=lambda: START, kept_in=path) as market:
        market.script_trades(((1.0, "under_review"), (60.0, OfferStatus.ACCEPTED)))
        order = Order(market.listings(REDLINE)[0].listing_id, Micros(5_000 * CENT), KEY)
        async with client_of(market) as client:
            await client.buy(90382795, "AbCd_-12", [order])
            market.advance(2)
            (found,) = (await client.getinfo_by_keys([KEY])).purchases
            assert found.offer_status == "under_review"
    async with SkinsbackSandbox(size=0, clock=lambda: START, kept_in=path) as market:
        assert market.purchases[0].status == "under_review"
        market.advance(70)
        assert market.purchases[0].status is OfferStatus.ACCEPTED
