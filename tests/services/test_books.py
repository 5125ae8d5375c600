"""The books: the market's history against the database, with every difference."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.domain.keys import purchase_key
from bot.domain.market import OfferStatus, Order
from bot.domain.models import EventKind, MessageKind, PauseCause, WaitReason
from bot.domain.money import CENT, Micros
from bot.domain.states import LineState, RequestState
from bot.errors import MarketError, Problem, UserFacingError
from bot.sandbox.skinsback import Fault, SkinsbackSandbox
from bot.sandbox.skinsback.profile import Profile
from bot.services.books import BooksReport
from bot.store import settings
from bot.store.settings import get_meta
from bot.ui import text
from tests.services.house import (
    ANA,
    ASIIMOV,
    HOUR,
    MAX,
    MINUTE,
    NOW,
    OLGA,
    OTTO,
    REDLINE,
    House,
    ManualClock,
    ScriptedDiscord,
    open_house,
    until,
    working,
)


def copy_while_open(path: Path, copy: Path) -> None:
    """Copy a database that is in use, as ``python -m bot backup`` does."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


FOREIGN = "somebody-elses-order"


@pytest.fixture
async def market(clock: ManualClock) -> AsyncIterator[SkinsbackSandbox]:
    async with SkinsbackSandbox(size=0, clock=lambda: clock.now / 1000) as market:
        yield market


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def house(
    tmp_path: Path, market: SkinsbackSandbox, clock: ManualClock
) -> AsyncIterator[House]:
    async with open_house(tmp_path / "quartermaster.db", market, ScriptedDiscord(), clock) as house:
        await house.set_up()
        await house.books.compare()
        yield house


async def pause_of(house: House) -> PauseCause | None:
    async with house.database.reading() as tx:
        pause = await settings.get_pause(tx)
    return pause.cause if pause else None


async def bought(house: House, *skins: tuple[str, int]) -> BooksReport:
    """Buy something, and compare when it is old enough."""
    await house.buy_until(await house.submit_approved(ANA, *skins))
    house.clock.now += HOUR
    return await house.books.compare()


async def buy_behind_our_back(house: House, key: str, name: str = REDLINE) -> int:
    """Buy something at the market that our records know nothing of; return its buy id."""
    listing = house.market.listings(name)[0]
    order = Order(listing.listing_id, Micros(100_000 * CENT), key)
    await house.client.buy(ANA.user_id, "AbCd_-12", [order])
    return house.market.purchases[-1].buy_id


async def test_books_when_everything_is_right_agree_and_are_remembered(house: House) -> None:
    report = await bought(house, (REDLINE, 2))
    assert report.agrees
    assert (report.theirs, report.others, report.found, report.adopted) == (2, 0, 0, 0)
    assert await house.books.last() == report
    assert await pause_of(house) is None


async def test_books_when_they_agreed_are_read_from_a_little_before_that_on(house: House) -> None:
    await bought(house)
    house.clock.now += 24 * HOUR
    await house.books.compare()
    call = [call for call in house.market.calls if call.method == "market_history"][-1]
    earlier = int(str(call.parameters["starting"])) * 1000
    assert house.clock.now - 25 * HOUR - 25 * MINUTE < earlier < house.clock.now - 24 * HOUR


async def test_books_when_the_history_has_many_pages_read_them_all(house: House) -> None:
    house.market._history_page = 1
    assert (await bought(house, (REDLINE, 3))).theirs == 3


async def test_books_when_the_history_can_not_be_read_then_nothing_is_concluded(
    house: House,
) -> None:
    await house.buy_until(await house.submit_approved(ANA))
    house.clock.now += HOUR
    agreed = await house.books.last()
    house.market.break_next("market_history", Fault.DROP)
    with pytest.raises(MarketError):
        await house.books.compare()
    assert await house.books.last() == agreed
    assert await pause_of(house) is None


async def test_purchase_of_ours_when_the_market_lacks_it_then_buying_pauses(house: House) -> None:
    await bought(house)
    await house.buy_until(await house.submit_approved(ANA))
    lost = house.market.purchases.pop()
    house.clock.now += HOUR
    report = await house.books.compare()
    assert report.missing == (lost.buy_id,)
    assert not report.agrees
    assert await pause_of(house) is PauseCause.BOOKS


async def test_purchase_when_it_is_young_then_it_may_be_missing(house: House) -> None:
    await house.buy_until(await house.submit_approved(ANA))
    house.market.purchases.pop()
    house.clock.now += 5 * MINUTE
    assert (await house.books.compare()).agrees
    assert await pause_of(house) is None


async def test_purchase_under_a_key_that_no_request_explains_is_booked_and_pauses_buying(
    house: House,
) -> None:
    buy_id = await buy_behind_our_back(house, purchase_key("a" * 20, 1, 1))
    report = await house.books.compare()
    assert report.strays == (buy_id,)
    assert await pause_of(house) is PauseCause.ALARM
    async with house.database.reading() as tx:
        (row,) = await tx.all("SELECT buy_id, request_id FROM strays")
    assert (row["buy_id"], row["request_id"]) == (buy_id, None)


async def test_purchase_of_somebody_else_in_the_project_is_counted_and_left_alone(
    house: House,
) -> None:
    await buy_behind_our_back(house, FOREIGN)
    report = await house.books.compare()
    assert (report.theirs, report.others) == (0, 1)
    assert report.agrees


async def test_unknown_purchase_when_the_history_knows_it_then_it_is_booked_and_told(
    house: House,
) -> None:
    house.market.break_next("market_batch_buy", Fault.DROP)
    view = await house.buy_until(await house.submit_approved(ANA, (REDLINE, 2)))
    assert {line.state for line in view.lines} == {LineState.UNKNOWN}
    report = await house.books.compare()
    assert report.found == 2
    now = await house.view(view)
    assert now.request.state is RequestState.BOUGHT
    await house.post_everything()
    (result,) = house.discord.of(MessageKind.RESULT)
    assert result.subject == now


async def test_purchase_when_it_had_been_called_refused_then_it_is_booked_and_raised(
    house: House,
) -> None:
    house.market.before_next_buy(lambda: house.market.sell_out(REDLINE))
    view = await house.buy_until(await house.submit_approved(ANA))
    (line,) = view.lines
    assert line.state is LineState.REFUSED
    assert line.last is not None
    await buy_behind_our_back(house, line.last.purchase_key, ASIIMOV)
    report = await house.books.compare()
    assert report.late == 1
    assert await pause_of(house) is PauseCause.ALARM
    assert (await house.view(view)).lines[0].state is LineState.PURCHASED


async def test_lost_purchase_when_it_turns_up_in_daily_books_then_buying_pauses(
    house: House,
) -> None:
    """At a start the disk may have lost it; later somebody else must be using our keys."""
    view = await house.submit(ANA)
    await buy_behind_our_back(house, purchase_key(view.request.request_id, 1, 1))
    house.this_run.caught_up = True
    assert (await house.books.compare()).adopted == 1
    assert await pause_of(house) is PauseCause.BOOKS


async def test_new_database_at_a_project_that_bought_before_waits_for_the_operator(
    tmp_path: Path, market: SkinsbackSandbox, clock: ManualClock
) -> None:
    async with open_house(tmp_path / "1.db", market, ScriptedDiscord(), clock) as house:
        await house.set_up()
        await bought(house)
    async with open_house(tmp_path / "2.db", market, ScriptedDiscord(), clock) as house:
        await house.set_up()
        report = await house.books.compare()
        assert (report.theirs, report.strays) == (1, ())
        assert await pause_of(house) is PauseCause.NEW_DATABASE
        view = await house.buy_until(await house.submit_approved(ANA), waiting=True)
        assert view.request.waits_for is WaitReason.PAUSED


async def test_start_when_the_history_was_not_read_yet_then_nothing_is_sent(house: House) -> None:
    house.this_run.caught_up = False
    view = await house.buy_until(await house.submit_approved(ANA), waiting=True)
    assert view.request.waits_for is WaitReason.BOOKS_FIRST
    assert house.market.batch_calls == []
    await house.books.compare()
    house.clock.now += MINUTE
    assert (await house.buy_until(view)).request.state is RequestState.BOUGHT


async def test_older_copy_of_the_database_buys_and_tells_nothing_again(
    tmp_path: Path, market: SkinsbackSandbox, clock: ManualClock
) -> None:
    """A copy from before the purchase knows it after its start, and posts no second result."""
    path, copy = tmp_path / "quartermaster.db", tmp_path / "older.db"
    discord = ScriptedDiscord()
    async with open_house(path, market, discord, clock) as house:
        await house.set_up()
        await house.books.compare()
        approved = await house.submit_approved(ANA, (REDLINE, 2), (ASIIMOV, 1))
        await house.post_everything()
        copy_while_open(path, copy)
        await house.buy_until(approved)
        await house.post_everything()
    assert len(market.purchases) == 3
    shutil.copyfile(copy, path)
    clock.now += MINUTE
    async with open_house(path, market, discord, clock) as house:
        house.this_run.caught_up = False
        worker = house.worker()
        await worker.recover()
        assert house.this_run.older_copy_at == clock.now
        assert (await house.books.compare()).adopted == 3
        view = await house.buy_until(approved)
        await house.post_everything()
        assert [line.state for line in view.lines] == [LineState.PURCHASED] * 3
        assert EventKind.ADOPTED in {event.kind for event in await house.history(view)}
    assert len(market.purchases) == 3
    assert len(market.batch_calls) == 1
    assert len(discord.of(MessageKind.RESULT)) == 1


async def test_older_copy_when_the_purchase_shows_late_then_what_may_be_bought_waits(
    tmp_path: Path, clock: ManualClock
) -> None:
    path, copy = tmp_path / "quartermaster.db", tmp_path / "older.db"
    async with SkinsbackSandbox(
        size=0, clock=lambda: clock.now / 1000, profile=Profile(visible_after_s=120)
    ) as market:
        discord = ScriptedDiscord()
        async with open_house(path, market, discord, clock) as house:
            await house.set_up()
            await house.books.compare()
            approved = await house.submit_approved(ANA)
            copy_while_open(path, copy)
            await house.buy_until(approved)
        shutil.copyfile(copy, path)
        clock.now += 1_000
        async with open_house(path, market, discord, clock) as house:
            await house.worker().recover()
            await house.books.compare()
            view = await house.buy_until(approved, waiting=True)
            assert view.request.waits_for is WaitReason.BOOKS_FIRST
            clock.now += 11 * MINUTE
            view = await house.buy_until(approved)
            assert view.request.state is RequestState.BOUGHT
        assert len(market.batch_calls) == len(market.purchases) == 1


async def test_same_disk_after_a_restart_is_no_older_copy(
    tmp_path: Path, market: SkinsbackSandbox, clock: ManualClock
) -> None:
    path = tmp_path / "quartermaster.db"
    for _ in range(2):
        async with open_house(path, market, ScriptedDiscord(), clock) as house:
            await house.set_up()
            await house.worker().recover()
            assert house.this_run.older_copy_at is None
            await house.books.compare()
            await house.buy_until(await house.submit_approved(ANA))


async def test_status_that_the_history_tells_is_taken_as_it_is(house: House) -> None:
    house.market.script_trades(OfferStatus.TIMEOUT)
    view = await house.buy_until(await house.submit_approved(ANA))
    house.market.tick()
    house.clock.now += HOUR
    house.market.tick()
    await house.books.compare()
    assert (await house.view(view)).lines[0].state is LineState.FAILED


async def test_agreement_is_not_noted_while_entries_can_not_be_read(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.buy_until(await house.submit_approved(ANA))
    house.clock.now += HOUR
    async with house.database.reading() as tx:
        agreed_at = await get_meta(tx, "books_agreed_at")
    broken = house.market._info

    def without_buy_id(entry: object) -> object:
        return {**broken(entry), "buy_id": "?"}  # type: ignore[arg-type]

    monkeypatch.setattr(house.market, "_info", without_buy_id)
    report = await house.books.compare()
    assert (report.unreadable, report.missing) == (1, ())
    async with house.database.reading() as tx:
        assert await get_meta(tx, "books_agreed_at") == agreed_at


async def test_run_when_the_market_is_down_asks_again_until_it_answers(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.books._RETRY_S", 0.05)
    house.this_run.caught_up = False
    house.market.break_next("market_history", Fault.DROP, times=2)
    task = asyncio.create_task(house.books.run())

    async def caught_up() -> bool:
        return house.this_run.caught_up

    await until(caught_up)
    task.cancel()


class TestShowing:
    """``/quartermaster books``: for those who manage the server, and the operator."""

    async def test_books_show_the_last_comparison_and_the_balance(self, house: House) -> None:
        report = await bought(house)
        assert await house.books.show(OLGA) == (report, house.market.balance)
        assert await house.books.show(OTTO) == (report, house.market.balance)

    async def test_books_when_the_market_is_down_are_shown_without_the_balance(
        self, house: House
    ) -> None:
        house.market.break_next("balance", Fault.DROP)
        report, balance = await house.books.show(OLGA)
        assert report is not None
        assert balance is None

    async def test_books_are_nobody_elses(self, house: House) -> None:
        for actor in (ANA, MAX):
            with pytest.raises(UserFacingError) as refused:
                await house.books.show(actor)
            assert refused.value.problem is Problem.NOT_ADMINISTRATOR

    def test_words_name_every_difference_and_nothing_that_is_none(self) -> None:
        full = BooksReport(
            NOW, NOW - HOUR, 7, 2, 3, found=4, adopted=5, late=6, missing=(11, 12), strays=(13,)
        )
        words = text.books_in_words(full, Micros(CENT))
        for part in (
            "do not agree",
            "7 purchases",
            "2 of other",
            "4 had",
            "5 were",
            "6 had",
            "3 of",
        ):
            assert part in words
        for part in ("`11`, `12`", "`13`", "$0.01"):
            assert part in words
        calm = text.books_in_words(BooksReport(NOW, NOW - HOUR, 1), None)
        assert "agree with the market" in calm
        assert "1 purchase of ours" in calm
        for part in ("had no clear", "missing", "not at the market", "could not be read"):
            assert part not in calm
        assert "not been compared" in text.books_in_words(None, None)


async def test_copy_from_before_the_first_comparison_takes_in_what_it_knows_the_request_of(
    tmp_path: Path, market: SkinsbackSandbox, clock: ManualClock
) -> None:
    path, copy = tmp_path / "quartermaster.db", tmp_path / "older.db"
    discord = ScriptedDiscord()
    async with open_house(path, market, discord, clock) as house:
        await house.set_up()
        view = await house.submit_approved(ANA)
        copy_while_open(path, copy)
        await house.books.compare()
        await house.buy_until(view)
    shutil.copyfile(copy, path)
    async with open_house(path, market, discord, clock) as house:
        report = await house.books.compare()
        assert (report.theirs, report.adopted) == (1, 1)
        assert await pause_of(house) is None
        assert (await house.view(view)).lines[0].state is LineState.PURCHASED


async def test_draft_of_an_older_copy_gets_an_id_under_which_nothing_was_ever_sent(
    tmp_path: Path, market: SkinsbackSandbox, clock: ManualClock
) -> None:
    """Otherwise its keys, and the marks of its messages, would be those of what was lost."""
    path, copy = tmp_path / "quartermaster.db", tmp_path / "older.db"
    discord = ScriptedDiscord()
    async with open_house(path, market, discord, clock) as house:
        await house.set_up()
        await house.give_url(ANA)
        await house.pick(ANA, REDLINE)
        copy_while_open(path, copy)
        lost = await house.submit_approved(ANA, (ASIIMOV, 1))
    shutil.copyfile(copy, path)
    async with open_house(path, market, discord, clock) as house:
        await house.worker().recover()
        basket = await house.baskets.open(ANA)
        assert basket.request_id != lost.request.request_id
        assert [pick.market_hash_name for pick in basket.picks] == [REDLINE]
        sent = await house.requests.submit(ANA, basket.revision)
        assert sent.view.request.request_id == basket.request_id


async def test_start_when_the_market_is_silent_then_what_waits_says_so_until_it_answers(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal is an answer; what waits is looked at as soon as it has to say something else."""
    monkeypatch.setattr("bot.services.books._RETRY_S", 0.05)
    house.this_run.caught_up = False
    view = await house.buy_until(await house.submit_approved(ANA), waiting=True)
    assert view.request.waits_for is WaitReason.BOOKS_FIRST
    house.market.break_next("market_history", Fault.DROP, times=10_000)

    async def says_so() -> bool:
        return (await house.view(view)).request.waits_for is WaitReason.MARKET_UNREACHABLE

    async def is_bought() -> bool:
        return (await house.view(view)).request.state is RequestState.BOUGHT

    # No time passes on the clock: neither would be looked at if nobody brought it forward.
    assert not house.books.tried.is_set()
    async with working(house.worker().run()), working(house.books.run()):
        await until(says_so)
        assert house.books.tried.is_set()
        assert house.market.batch_calls == []
        house.market.start_over()
        await until(is_bought)
    assert len(house.market.batch_calls) == 1
