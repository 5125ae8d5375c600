"""No query walks through a table that grows with every request, with or without statistics."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from types import ModuleType

import pytest
from cryptography.fernet import Fernet

from bot.domain.keys import purchase_key
from bot.domain.market import Refusal
from bot.domain.models import (
    Delivery,
    EventKind,
    GuildPause,
    MessageKind,
    NoListing,
    Pause,
    PauseCause,
    WaitReason,
)
from bot.domain.money import Micros
from bot.domain.picking import Search
from bot.store import (
    audit,
    baskets,
    deliveries,
    outbox,
    pastes,
    plans,
    purchases,
    recents,
    requests,
    searches,
    settings,
    steam_accounts,
    totals,
    trade_urls,
    vault,
)
from bot.store.database import Connection, Database, Row, Transaction, Value
from bot.store.deliveries import Known
from bot.store.vault import Vault
from tests.store import samples
from tests.store.samples import ANA, DAY, GUILD, MAX, NOW, URL, request_id

GROWING = {
    "attempts",
    "earlier",
    "events",
    "lines",
    "mine",
    "outbox",
    "pastes",
    "picks",
    "recent_skins",
    "requests",
    "strays",
    "trade_urls",
    "wanted_skins",
}
"""Tables that grow with every request, and the names that a query gives to one of them."""

SMALL = {
    "attempts_not_back",
    "attempts_to_check",
    "attempts_on_the_wire",
    "attempts_unclosed",
    "attempts_unsettled",
    "one_draft",
    "outbox_of_guilds",
    "outbox_parked",
    "outbox_to_post",
    "outbox_to_redraw",
    "requests_in_buying",
    "requests_open",
    "requests_to_claim",
    "requests_to_expire",
    "requests_to_remind",
    "requests_to_try_again",
    "wanted_skins_of_guild",
}
"""Indexes of what is open: they hold as much as goes on at the moment, however old the tables.

The last one is read in its order, and only its head (``test_recents.py``).
"""

MODULES: tuple[ModuleType, ...] = (
    audit,
    baskets,
    deliveries,
    outbox,
    pastes,
    purchases,
    recents,
    requests,
    searches,
    settings,
    steam_accounts,
    totals,
    trade_urls,
    vault,
)
CARD, TEST_CARD = MessageKind.APPROVAL_CARD, MessageKind.TEST_CARD
SAFE = Vault([Fernet.generate_key().decode()])

Call = Callable[[Transaction], Awaitable[object]]


async def submit(tx: Transaction) -> None:
    basket = await samples.draft(tx, 9, user_id=9)
    await baskets.set_note(tx, basket.request_id, "a note")
    await baskets.change(tx, basket.request_id, revision=1, at=NOW)
    await baskets.all_drafts(tx)
    await baskets.update_pick(tx, basket.picks[0])
    await samples.submit(tx, basket, [samples.line()])


async def empty(tx: Transaction) -> None:
    basket = await samples.draft(tx, 8, user_id=8)
    await baskets.remove_pick(tx, basket.picks[0].pick_id)
    await baskets.remove_all_picks(tx, basket.request_id)


async def look_for(tx: Transaction) -> None:
    basket = await samples.draft(tx, 17, user_id=17)
    search_id = await searches.add(tx, Search(0, basket.request_id, "redline"), at=NOW)
    await searches.find(tx, basket.request_id, search_id)
    await recents.note(tx, GUILD, ANA, [("cs2", "x")], at=NOW)
    await recents.of_member(tx, GUILD, ANA)
    await recents.most_wanted(tx, GUILD)


async def decide(tx: Transaction) -> None:
    request = (await samples.shown(tx, request_id())).request
    digest = request.digest
    await audit.record_for(tx, EventKind.APPROVED, request, at=NOW)
    times = {"at": NOW, "expires_at": NOW + 1}
    await requests.deny(tx, request_id(), digest="", by=MAX, reason="", at=NOW)
    await requests.approve(
        tx,
        request_id(),
        digest=digest,
        by=MAX,
        claimable_at=NOW,
        at=NOW,
        expires_at=NOW + 1,
        waits_for=WaitReason.MEMBER_READY,
        remind_at=NOW,
    )
    await requests.take_reminders(tx, NOW, limit=9)
    await requests.become_ready(tx, request_id(), digest=digest, at=NOW, undo_ms=1)
    await requests.take_back(tx, request_id(), digest=digest, **times)
    await requests.expire(tx, request_id(), at=NOW)
    view = await samples.shown(tx, request_id())
    await requests.change_steam_account(
        tx, view, partner=5, sealed_token=b"", version=2, digest="d", **times
    )
    await requests.renew_token(tx, request_id(), b"new", partner=5, at=NOW)
    await requests.sealed_token(tx, request_id())
    await requests.note_dm_closed(tx, request_id())
    await requests.cancel(tx, request_id(), at=NOW)


async def buy(tx: Transaction) -> None:
    view = await samples.buying(tx, 7, user_id=7)
    one, other = await samples.send(tx, view)
    await purchases.record_purchase(tx, one, samples.purchase(one), at=NOW)
    await purchases.record_refusal(tx, other, Refusal(5, ""), whole=False, at=NOW)
    await purchases.record_not_sent(tx, one, at=NOW)
    await purchases.record_unknown(tx, one, message="")
    await purchases.record_stray(tx, request_id(7), samples.purchase(None), at=NOW)
    await purchases.give_up_waiting(tx, request_id(7), message="")
    await purchases.refuse_line(tx, request_id(7), 1, NoListing.SOLD_OUT, Micros(1))
    await purchases.give_back(tx, request_id(7), None, claimable_at=NOW, at=NOW)
    await purchases.wait(tx, request_id(7), WaitReason.PAUSED, claimable_at=NOW, at=NOW)
    await purchases.finish(tx, request_id(7), at=NOW)


async def search(tx: Transaction) -> None:
    view = await samples.buying(tx, 6, user_id=6)
    request = view.request
    one, other = await samples.send(tx, view)
    await purchases.give_up_waiting(tx, request_id(6), message="")
    await purchases.begin_search(tx, request_id(6), at=NOW, step_at=NOW)
    await purchases.record_miss(tx, one)
    await purchases.record_look_up(tx, request_id(6), history_at=None, step_at=NOW)
    await purchases.open_resend(tx, request_id(6), at=NOW)
    await purchases.give_up_waiting(tx, request_id(6), message="")
    await purchases.ask_a_person(tx, request_id(6), at=NOW, step_at=NOW)
    await purchases.settle(tx, one, by=MAX, at=NOW, bought=None)
    await purchases.settle(tx, other, by=MAX, at=NOW, bought=(61, Micros(1)))
    await purchases.settled_since(tx, NOW, limit=9)
    await purchases.record_late_purchase(tx, one, samples.purchase(one, 62), at=NOW)
    await purchases.key_of_buy_id(tx, 62)
    await purchases.step_now(tx, request_id(6), at=NOW, also_idle=True)
    await purchases.go_on(tx, request_id(6), at=NOW)
    await purchases.finish(tx, request_id(6), at=NOW)
    await purchases.try_again(tx, await samples.shown(tx, request_id(6)), at=NOW)
    await purchases.end_round(tx, await samples.shown(tx, request_id(6)))
    await purchases.release(tx, one)
    key = purchase_key(request_id(6), 1, 2)
    kinds = {"line_round": 0, "max_price": Micros(10_000), "market": "", "project": "", "at": NOW}
    await purchases.adopt(tx, request, key, samples.purchase(key, 63), **kinds)  # type: ignore[arg-type]
    await requests.adopt(tx, request_id(6), at=NOW)
    await purchases.note_unclear_call(tx, request_id(6), at=NOW)
    await purchases.note_clear_call(tx)
    await baskets.give_new_id(
        tx, (await samples.draft(tx, 5, user_id=5)).request_id, "n" * 20, at=1
    )


async def deliver(tx: Transaction) -> None:
    view = await samples.buying(tx, 4, user_id=4)
    one, other = await samples.send(tx, view)
    await purchases.record_purchase(tx, one, samples.purchase(one, 41), at=NOW)
    await purchases.record_purchase(tx, other, samples.purchase(other, 42), at=NOW)
    for key in (one, other):
        await deliveries.record(tx, key, Known("timeout", Micros(1), 5, NOW, NOW, None, NOW))
    await deliveries.due(tx, NOW, limit=9)
    await deliveries.next_check_at(tx)
    await deliveries.note_checks(tx, [(one, NOW)], not_waiting=[one], at=NOW)
    await deliveries.check_now(tx, 41, at=NOW)
    await deliveries.check_soon(tx, at=NOW, horizon_ms=5)
    await deliveries.note_stuck(tx, one, at=NOW)
    await deliveries.note_told(tx, one, part=0)
    await deliveries.note_noticed(tx, one, part=0)
    await deliveries.close(tx, one, at=NOW)
    await outbox.latest_part(tx, request_id(4), MessageKind.TRADES)
    await outbox.touch_part(tx, request_id(4), MessageKind.TRADES, 0)
    await deliveries.touch_tellers(tx, request_id(4), closed_at=NOW)
    await purchases.finish(tx, request_id(4), at=NOW)
    await purchases.try_again(tx, await samples.shown(tx, request_id(4)), at=NOW)
    await purchases.end_round(tx, await samples.shown(tx, request_id(4)))
    await purchases.finish(tx, request_id(4), at=NOW)
    await deliveries.close(tx, other, at=NOW)
    await deliveries.close_request(tx, request_id(4), at=NOW + DAY)


async def announce(tx: Transaction) -> None:
    row_id = await outbox.announce(tx, TEST_CARD, guild_id=GUILD, target_id=5, mark=1 << 30, at=NOW)
    await outbox.get(tx, row_id)
    await outbox.mark_trying(tx, row_id)
    await outbox.mark_posted(tx, row_id, channel_id=5, message_id=6, shown=1)
    await outbox.mark_shown(tx, row_id, shown=1)
    await outbox.put_off(tx, row_id, next_at=NOW)
    await outbox.put_off_all(tx, [(row_id, NOW)])
    await outbox.fall_back(tx, row_id, target_id=5, at=NOW)
    await outbox.try_later(tx, row_id, next_at=NOW)
    await outbox.move_parked(tx, GUILD, MessageKind.APPROVAL_CARD, target_id=5)
    row = await outbox.get(tx, row_id)
    assert row is not None
    await outbox.post_again(tx, row, target_id=5, mark=(1 << 30) + 1, at=NOW)
    await outbox.leave(tx, row_id)
    await outbox.park(tx, row_id, "no")
    await outbox.skip(tx, row_id)


async def set_up(tx: Transaction) -> None:
    await settings.set_place(tx, GUILD, "approval_channel_id", 5)
    await settings.set_numbers(tx, GUILD, {"undo_s": 5})
    await settings.set_delivery(tx, GUILD, Delivery.WHEN_READY)
    await settings.set_games(tx, GUILD, ["cs2", "rust"])
    await settings.set_asker_roles(tx, GUILD, [1])
    await settings.confirm(tx, GUILD, MAX, NOW)
    await settings.forget_confirmations(tx, GUILD)
    await settings.pause(tx, Pause(PauseCause.ALARM, NOW, None, ""))
    await settings.resume(tx, PauseCause.ALARM)
    await settings.pause_guild(tx, GuildPause(GUILD, NOW, MAX, "why"))
    await settings.is_paused(tx, GUILD)
    await settings.resume_guild(tx, GUILD)
    await settings.set_meta(tx, "a", "b")
    await settings.check_identity(tx, market="a", market_host="b", client_id="c")
    await settings.identity(tx)
    await settings.set_books_agreed_at(tx, NOW)
    await settings.get_books_agreed_at(tx)
    await settings.set_older_copy_at(tx, NOW)
    await settings.get_older_copy_at(tx)
    await settings.rebind(tx, market="a", market_host="b", client_id="d")
    await vault.check(tx, SAFE)


async def give_url(tx: Transaction) -> None:
    await trade_urls.propose(tx, SAFE, ANA, URL, candidate_id="c", at=NOW)
    await trade_urls.find_candidate(tx, SAFE, ANA, "c")
    await trade_urls.confirm(tx, ANA, "c", at=NOW)
    await trade_urls.find(tx, SAFE, ANA)
    await trade_urls.known_since(tx, ANA)
    await trade_urls.forget(tx, ANA)


async def count_money(tx: Transaction) -> None:
    for guild_id in (GUILD, None):
        await totals.held(tx, guild_id)
        await totals.in_delivery(tx, guild_id)
        await totals.settling(tx, guild_id)
        await totals.not_back(tx, guild_id)
        await totals.spent(tx, guild_id, at=NOW)
    await totals.list_not_back(tx, GUILD, limit=25, offset=25)
    await totals.book_back(tx, ["x"], by=MAX, at=NOW)
    await totals.forget_back(tx, "x")
    await totals.last_booked(tx, GUILD)


CALLS: tuple[Call, ...] = (
    submit,
    empty,
    look_for,
    decide,
    buy,
    search,
    deliver,
    announce,
    set_up,
    give_url,
    count_money,
    lambda tx: outbox.begin_anew(tx, at=NOW),
    lambda tx: outbox.find_part(tx, request_id(), MessageKind.MEMBER_HERE, 0),
    lambda tx: requests.bought_of_member(tx, ANA, at=NOW),
    lambda tx: requests.note_here(tx, request_id(), at=NOW),
    lambda tx: steam_accounts.failed_at(tx, 1, since=NOW),
    lambda tx: steam_accounts.failed_lately(tx, 1, since=NOW),
    lambda tx: steam_accounts.refused_in_a_row(tx, 1, code=10),
    lambda tx: audit.of_request(tx, request_id()),
    lambda tx: audit.guilds_paused(tx, since=NOW),
    lambda tx: audit.record(tx, EventKind.PAUSED, guild_id=GUILD, at=NOW),
    lambda tx: baskets.find(tx, GUILD, ANA),
    lambda tx: pastes.save(tx, GUILD, ANA, pastes.Paste(("a line",), "form")),
    lambda tx: outbox.find(tx, request_id(), CARD),
    lambda tx: outbox.latest(tx, request_id(), CARD),
    lambda tx: outbox.next_at(tx),
    lambda tx: outbox.oldest_unposted_at(tx, GUILD, ANA),
    lambda tx: outbox.parked(tx, GUILD),
    lambda tx: outbox.retarget(tx, GUILD, CARD, target_id=5, at=NOW),
    lambda tx: outbox.skip_kind(tx, GUILD, TEST_CARD),
    lambda tx: outbox.to_post(tx, NOW, limit=9),
    lambda tx: outbox.to_redraw(tx, NOW, limit=9),
    lambda tx: outbox.is_to_redraw(tx, 1, NOW),
    lambda tx: outbox.touch(tx, request_id()),
    lambda tx: outbox.touch_everywhere(tx, TEST_CARD),
    lambda tx: outbox.touch_open_cards(tx, GUILD),
    lambda tx: outbox.touch_kind(tx, GUILD, TEST_CARD),
    lambda tx: outbox.unpark(tx, GUILD, at=NOW),
    lambda tx: purchases.to_buy(tx, NOW, busy=[request_id()], users=[1], limit=4),
    lambda tx: purchases.to_look_up(tx, NOW, busy=[request_id()], users=[1], limit=4),
    lambda tx: purchases.in_buying(tx),
    lambda tx: purchases.next_due_at(tx, NOW, busy=[request_id()]),
    lambda tx: purchases.listings_taken(tx, since=NOW),
    lambda tx: purchases.record_alarm(tx, "x", samples.purchase(None), "x", foreign=True),
    lambda tx: purchases.on_the_wire(tx),
    lambda tx: purchases.requests_on_the_wire(tx),
    lambda tx: purchases.state_of(tx, "x"),
    lambda tx: purchases.bought_between(tx, NOW, NOW + 1),
    lambda tx: purchases.correct_settled(tx, "x", samples.purchase(None)),
    lambda tx: outbox.search_first(tx),
    lambda tx: outbox.touch_open_requests(tx),
    lambda tx: plans.move(tx, after=NOW, by=1),
    lambda tx: purchases.spoken_for(tx, since=NOW, besides=""),
    lambda tx: purchases.wait_no_longer(tx, [WaitReason.PAUSED], at=NOW),
    lambda tx: requests.find_number(tx, GUILD, ANA, 1),
    lambda tx: requests.by_number(tx, GUILD, 1),
    lambda tx: requests.undecided(tx, GUILD),
    lambda tx: requests.partly_bought(tx, GUILD),
    lambda tx: requests.is_known(tx, request_id()),
    lambda tx: requests.of_member(tx, GUILD, ANA, limit=9),
    lambda tx: requests.open_numbers(tx, GUILD, ANA),
    lambda tx: requests.open_of_member(tx, ANA),
    lambda tx: requests.too_old(tx, NOW, limit=9),
    lambda tx: settings.confirmed_by(tx, GUILD),
    lambda tx: settings.get_guild(tx, GUILD),
    lambda tx: settings.get_guild_pause(tx, GUILD),
    lambda tx: settings.get_pause(tx),
    lambda tx: settings.games_offered(tx),
    lambda tx: settings.guilds_with_approval_channel(tx),
    lambda tx: outbox.is_coming(tx, GUILD, TEST_CARD),
    lambda tx: outbox.retire(tx, GUILD, TEST_CARD),
    lambda tx: outbox.touch_card(tx, request_id()),
    lambda tx: requests.end_approvals(tx, NOW, limit=9),
    lambda tx: settings.get_pauses(tx),
    lambda tx: trade_urls.ever_theirs(tx, ANA, 42),
)


class Watched(Transaction):
    """A transaction that remembers every statement and who made it."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.seen: dict[str, tuple[Value, ...]] = {}
        self.callers: set[tuple[str, str]] = set()

    def _note(self, sql: str, values: tuple[Value, ...]) -> None:
        self.seen[sql] = values
        self.callers |= {
            (str(frame.frame.f_globals.get("__name__")), frame.function)
            for frame in inspect.stack(0)
        }

    async def execute(self, sql: str, *values: Value) -> int:
        self._note(sql, values)
        return await super().execute(sql, *values)

    async def execute_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        every = [tuple(row) for row in rows]
        if every:
            self._note(sql, every[0])
        await super().execute_many(sql, every)

    async def insert(self, sql: str, *values: Value) -> int:
        self._note(sql, values)
        return await super().insert(sql, *values)

    async def one(self, sql: str, *values: Value) -> Row | None:
        self._note(sql, values)
        return await super().one(sql, *values)

    async def all(self, sql: str, *values: Value) -> list[Row]:
        self._note(sql, values)
        return await super().all(sql, *values)


async def fill(tx: Transaction) -> None:
    """Write enough finished requests that the planner has something to go by, and count them."""
    await settings.add_guild(tx, GUILD)
    ids = [(f"{number:020d}", number) for number in range(1_000, 2_200)]
    await tx.execute_many(
        "INSERT INTO requests (request_id, guild_id, number, user_id, state, digest, partner, "
        "submitted_at, created_at, changed_at) VALUES (?1, 111, ?2, ?2 % 40, "
        "CASE ?2 % 3 WHEN 0 THEN 'closed' WHEN 1 THEN 'denied' ELSE 'bought' END, 'd', 1, 1, 1, 1)",
        ids,
    )
    await tx.execute_many(
        "INSERT INTO lines (request_id, line_no, game, market_hash_name, quote, ceiling) "
        "VALUES (?1, 1 + ?2 % 1, 'cs2', 'x', 1, 10000)",
        ids,
    )
    await tx.execute_many(
        "INSERT INTO attempts (purchase_key, request_id, line_no, attempt_no, state, digest, "
        "market, project, listing_id, max_price, steam_id, sent_at, buy_id, debited) "
        "VALUES ('qm' || ?1 || '0101', ?1, 1, 1, 'purchased', '', '', '', 1, 10000, 1, 1, ?2, 1)",
        ids,
    )
    for place, kind in enumerate((CARD, MessageKind.MEMBER_STATUS, MessageKind.RESULT), start=1):
        await tx.execute_many(
            f"INSERT INTO outbox (kind, guild_id, request_id, to_member, target_id, mark, state, "
            f"channel_id, message_id, next_at, created_at, shown) VALUES ('{kind}', 111, ?1, 0, "
            f"?2 % 40, ?2 * 3 + {place}, 'posted', 1, 1, 1, 1, 1)",
            ids,
        )
    await tx.execute("ANALYZE")


@pytest.fixture(params=["a new database", "a database with statistics"])
async def watched(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[Watched]:
    """A transaction after every function of the store has been called in it."""
    async with database.writing() as tx:
        if request.param == "a database with statistics":
            await fill(tx)
        await samples.pending(tx)
        watched = Watched(tx._connection)
        for call in CALLS:
            await call(watched)
        # Set for the one that is rare, until the end of its transaction; the others have none.
        await tx.execute("PRAGMA defer_foreign_keys = OFF")
        yield watched


async def test_every_function_of_the_store_is_looked_at(watched: Watched) -> None:
    functions = {
        (module.__name__, name)
        for module in MODULES
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }
    assert functions - watched.callers == set()


async def test_every_query_finds_its_rows_by_an_index(watched: Watched) -> None:
    walks: list[tuple[str, str]] = []
    for sql, values in watched.seen.items():
        plan = await watched._connection.execute_fetchall(f"EXPLAIN QUERY PLAN {sql}", values)
        walks += [(str(row[3]), sql) for row in plan if _walks(str(row[3]))]
    assert walks == []


def _walks(step: str) -> bool:
    """Say whether a step of a plan reads all of a growing table, or all that a server ever had."""
    found = re.match(r"(SCAN|SEARCH) (\w+)(?: USING (?:COVERING )?INDEX (\w+))?(.*)", step)
    if found is None or found[2] not in GROWING or found[3] in SMALL:
        return False
    return found[1] == "SCAN" or found[4].strip() in ("", "(guild_id=?)")
