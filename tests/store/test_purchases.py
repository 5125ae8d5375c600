"""Buying on disk: who is next, keys that are used once, outcomes that are never taken back."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import pytest

from bot.domain.keys import purchase_key
from bot.domain.market import Refusal
from bot.domain.models import Attempt, NoListing, WaitReason
from bot.domain.money import CENT, Micros
from bot.domain.states import AttemptState, LineState, RequestState
from bot.store import purchases, requests, totals
from bot.store.database import Database, Transaction
from tests.store import samples
from tests.store.samples import ANA, DAY, HOUR, MAX, NOW, line, request_id, shown

FIRST, SECOND = purchase_key(request_id(), 1, 1), purchase_key(request_id(), 2, 1)
SOLD = Refusal(5, "skin_unavailable")
BUSY = Refusal(-7, "request_limit_reached")


async def tried(tx: Transaction, key: str) -> Attempt:
    """Return an attempt by its key."""
    view = await shown(tx, request_id())
    return next(one for each in view.lines for one in each.attempts if one.purchase_key == key)


async def step_at(tx: Transaction, number: int, at: int) -> None:
    """Have the next step of a request in buying be due then."""
    await tx.execute("UPDATE requests SET step_at = ? WHERE request_id = ?", at, request_id(number))


async def to_buy(
    tx: Transaction,
    at: int = NOW,
    busy: Sequence[str] = (),
    users: Sequence[int] = (),
    limit: int = 9,
) -> list[int]:
    """Return the numbers of the requests to buy."""
    due = await purchases.to_buy(tx, at, busy=busy, users=users, limit=limit)
    return [(await shown(tx, one.request_id)).request.number for one in due]


async def to_look_up(
    tx: Transaction,
    at: int = NOW,
    busy: Sequence[str] = (),
    users: Sequence[int] = (),
    limit: int = 9,
) -> list[int]:
    """Return the numbers of the requests to look up."""
    due = await purchases.to_look_up(tx, at, busy=busy, users=users, limit=limit)
    return [(await shown(tx, one.request_id)).request.number for one in due]


class TestQueue:
    """Who is next."""

    async def test_to_buy_are_due_and_not_too_old_longest_waiting_first(
        self, database: Database
    ) -> None:
        times = {1: NOW - 5, 2: NOW, 3: NOW + 1, 4: NOW - 9}
        async with database.writing() as tx:
            for number, at in times.items():
                await samples.approved(tx, number, user_id=ANA + number)
                await tx.execute(
                    "UPDATE requests SET claimable_at = ? WHERE request_id = ?",
                    at,
                    request_id(number),
                )
            await samples.pending(tx, 5, user_id=ANA + 5)
            await samples.buying(tx, 6, user_id=ANA + 6)
            await step_at(tx, 6, NOW - 7)
            await samples.buying(tx, 7, user_id=ANA + 7)
            await step_at(tx, 7, NOW + 1)
            assert await to_buy(tx) == [4, 6, 1, 2]
            assert await to_buy(tx, limit=2) == [4, 6]
            assert await to_buy(tx, busy=[request_id(4)]) == [6, 1, 2]
            assert await to_buy(tx, users=[ANA + 4, ANA + 1]) == [6, 2]
            assert await to_buy(tx, at=NOW + DAY) == [6, 7]

    async def test_request_with_something_unknown_is_to_be_looked_up_and_never_to_be_bought(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            for number in (1, 2, 3):
                await samples.send(tx, await samples.buying(tx, number, user_id=ANA + number))
            assert await to_buy(tx) == await to_look_up(tx) == []
            for number in (1, 2):
                await purchases.give_up_waiting(tx, request_id(number), message="")
                await step_at(tx, number, NOW - number)
            assert await to_buy(tx) == []
            assert await to_look_up(tx) == [2, 1]
            assert await to_look_up(tx, limit=1) == [2]
            assert await to_look_up(tx, busy=[request_id(2)]) == [1]
            assert await to_look_up(tx, users=[ANA + 1]) == [2]
            assert await to_look_up(tx, at=NOW - 2) == [2]

    async def test_next_due_is_the_soonest_besides_those_in_hand_and_too_old(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            assert await purchases.next_due_at(tx, NOW, busy=[]) is None
            for number, at in {1: NOW - 5, 2: NOW + 3, 3: NOW + 7}.items():
                await samples.approved(tx, number, user_id=ANA + number)
                await tx.execute(
                    "UPDATE requests SET claimable_at = ?, expires_at = ? WHERE request_id = ?",
                    at,
                    NOW + number * HOUR,
                    request_id(number),
                )
            await samples.buying(tx, 4, user_id=ANA + 4)
            await step_at(tx, 4, NOW + 5)
            in_hand: list[str] = []
            soonest = []
            for number in (1, 2, 4, 3):
                soonest.append(await purchases.next_due_at(tx, NOW, busy=in_hand))
                in_hand.append(request_id(number))
            assert soonest == [NOW - 5, NOW + 3, NOW + 5, NOW + 7]
            assert await purchases.next_due_at(tx, NOW, busy=in_hand) is None
            late = NOW + 2 * HOUR
            assert await purchases.next_due_at(tx, late, busy=[request_id(4)]) == NOW + 7

    async def test_what_is_on_the_wire_is_not_due(self, database: Database) -> None:
        async with database.writing() as tx:
            await samples.send(tx, await samples.buying(tx))
            assert await purchases.next_due_at(tx, NOW + DAY, busy=[]) is None
            assert await to_buy(tx, at=NOW + DAY) == []

    async def test_in_buying_are_all_that_were_claimed(self, database: Database) -> None:
        async with database.writing() as tx:
            await samples.approved(tx, 1)
            await samples.buying(tx, 2, user_id=5)
            await samples.buying(tx, 3, user_id=6)
            assert sorted(await purchases.in_buying(tx)) == [request_id(2), request_id(3)]


class TestWaiting:
    """What an approved request waits for."""

    async def test_wait_is_news_only_when_the_reason_changes(self, database: Database) -> None:
        async with database.writing() as tx:
            await samples.approved(tx)

            async def wait(reason: WaitReason, at: int) -> bool:
                return await purchases.wait(tx, request_id(), reason, claimable_at=at, at=NOW)

            assert await wait(WaitReason.PAUSED, NOW + 1)
            assert not await wait(WaitReason.PAUSED, NOW + 2)
            assert await wait(WaitReason.BALANCE_LOW, NOW + 3)
            request = (await shown(tx, request_id())).request
            assert (request.waits_for, request.claimable_at) == (WaitReason.BALANCE_LOW, NOW + 3)

    async def test_wait_that_is_over_has_those_who_waited_for_it_looked_at_now(
        self, database: Database
    ) -> None:
        reasons = [WaitReason.PAUSED, WaitReason.OPERATOR, WaitReason.BALANCE_LOW]
        async with database.writing() as tx:
            for number, reason in enumerate(reasons, start=1):
                await samples.approved(tx, number)
                await purchases.wait(
                    tx, request_id(number), reason, claimable_at=NOW + HOUR, at=NOW
                )
            await samples.pending(tx, 4)
            await purchases.wait_no_longer(tx, reasons[:2], at=NOW)
            assert sorted(await to_buy(tx)) == [1, 2]
            # The card says what it waits for until it is claimed.
            assert (await shown(tx, request_id(1))).request.waits_for is WaitReason.PAUSED

    async def test_wait_in_buying_puts_the_next_step_off(self, database: Database) -> None:
        async with database.writing() as tx:
            await samples.buying(tx)
            assert await purchases.wait(
                tx, request_id(), WaitReason.PAUSED, claimable_at=NOW + 9, at=NOW
            )
            request = (await shown(tx, request_id())).request
            assert request.state is RequestState.BUYING
            assert (request.waits_for, request.step_at) == (WaitReason.PAUSED, NOW + 9)
            assert await to_buy(tx, at=NOW + 8) == []
            await purchases.wait_no_longer(tx, [WaitReason.PAUSED], at=NOW)
            assert await to_buy(tx) == [1]

    @pytest.mark.parametrize("state", [RequestState.PENDING, RequestState.BOUGHT])
    async def test_wait_of_a_request_that_is_not_to_be_bought_changes_nothing(
        self, database: Database, state: RequestState
    ) -> None:
        async with database.writing() as tx:
            await samples.pending(tx)
            await samples.force_state(tx, request_id(), state)
            before = await shown(tx, request_id())
            assert not await purchases.wait(
                tx, request_id(), WaitReason.PAUSED, claimable_at=NOW + 1, at=NOW + 1
            )
            assert await shown(tx, request_id()) == before

    async def test_claim_ends_the_wait(self, database: Database) -> None:
        async with database.writing() as tx:
            view = await samples.approved(tx)
            await purchases.wait(tx, request_id(), WaitReason.PAUSED, claimable_at=NOW, at=NOW)
            assert await purchases.claim(tx, request_id(), digest=view.request.digest, at=NOW)
            assert (await shown(tx, request_id())).request.waits_for is None

    async def test_give_back_has_what_found_no_listing_judged_anew(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            await samples.buying(tx)
            await purchases.refuse_line(tx, request_id(), 1, NoListing.PRICE_ROSE, Micros(7 * CENT))
            (refused, other) = (await shown(tx, request_id())).lines
            assert refused.state is LineState.REFUSED
            assert refused.line.cheapest_seen == 7 * CENT
            assert other.state is LineState.OPEN
            assert await purchases.give_back(
                tx, request_id(), WaitReason.RATE_LIMIT, claimable_at=NOW + 9, at=NOW
            )
            view = await shown(tx, request_id())
            assert [each.state for each in view.lines] == [LineState.OPEN, LineState.OPEN]
            assert view.lines[0].line.cheapest_seen is None
            assert (view.request.waits_for, view.request.claimable_at) == (
                WaitReason.RATE_LIMIT,
                NOW + 9,
            )

    async def test_give_back_of_a_request_that_is_bought_opens_none_of_its_lines(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            await samples.buying(tx)
            await purchases.refuse_line(tx, request_id(), 1, NoListing.SOLD_OUT, None)
            assert await purchases.finish(tx, request_id(), at=NOW)
            before = await shown(tx, request_id())
            assert not await purchases.give_back(tx, request_id(), None, claimable_at=NOW, at=NOW)
            assert await shown(tx, request_id()) == before


class TestKeys:
    """A purchase key is used for one send."""

    @pytest.mark.parametrize(
        "state", [state for state in AttemptState if state is not AttemptState.NOT_SENT]
    )
    async def test_key_that_may_have_left_is_never_opened_again(
        self, database: Database, state: AttemptState
    ) -> None:
        async with database.writing() as tx:
            view = await samples.buying(tx, lines=[line()])
            await samples.send(tx, view)
            await tx.execute(
                "UPDATE attempts SET state = ?, code = 5, buy_id = 1, debited = 1", state
            )
            before = await shown(tx, request_id())
            with pytest.raises(sqlite3.IntegrityError):
                await samples.send(tx, view)
            assert await shown(tx, request_id()) == before

    async def test_key_that_never_left_is_opened_again_as_if_for_the_first_time(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            view = await samples.buying(tx)
            await samples.send(tx, view)
            for key in (FIRST, SECOND):
                await purchases.record_not_sent(tx, key, at=NOW)
            assert {each.state for each in (await shown(tx, request_id())).lines} == {
                LineState.OPEN
            }
            await samples.send(tx, view)
            now = await tried(tx, FIRST)
            assert (now.state, now.ended_at, now.attempt_no) == (AttemptState.SENT, None, 1)
            assert len((await shown(tx, request_id())).lines[0].attempts) == 1

    async def test_next_key_after_a_refused_call_is_opened_beside_the_old_one(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            view = await samples.buying(tx)
            for key in await samples.send(tx, view):
                await purchases.record_refusal(tx, key, BUSY, whole=True, at=NOW)
            await samples.send(tx, view, attempt_no=2)
            states = [
                [attempt.state.value for attempt in each.attempts]
                for each in (await shown(tx, request_id())).lines
            ]
            assert states == [["refused", "sent"], ["refused", "sent"]]

    async def test_next_key_while_the_one_before_is_unknown_is_refused(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            view = await samples.buying(tx)
            await samples.send(tx, view)
            await purchases.record_unknown(tx, FIRST, message="no answer")
            with pytest.raises(sqlite3.IntegrityError):
                await samples.send(tx, view, attempt_no=2)

    async def test_attempt_when_opened_carries_all_that_a_look_up_needs(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            view = await samples.buying(tx, lines=[line()])
            await samples.send(tx, view)
            attempt = await tried(tx, FIRST)
            assert attempt.state is AttemptState.SENT
            assert (attempt.listing_id, attempt.max_price) == (1_001, line().ceiling)
            assert (attempt.steam_id, attempt.sent_at) == (samples.URL.steam_id, NOW)
            row = await tx.one("SELECT digest, market, project FROM attempts")
            assert row is not None
            assert tuple(row) == (view.request.digest, "sandbox", "1001")


class TestOutcomes:
    """What becomes of an attempt, and that nothing definite is taken back."""

    @pytest.mark.parametrize("state", AttemptState)
    async def test_outcomes_in_every_state_change_only_what_is_open(
        self, database: Database, state: AttemptState
    ) -> None:
        async with database.writing() as tx:
            view = await samples.buying(tx, lines=[line()])
            await samples.send(tx, view)

            async def outcome_of(kind: str) -> AttemptState:
                await tx.execute(
                    "UPDATE attempts SET state = ?, code = 5, buy_id = 9, debited = 1", state
                )
                match kind:
                    case "bought":
                        await purchases.record_purchase(
                            tx, FIRST, samples.purchase(FIRST, 9), at=NOW
                        )
                    case "refused":
                        await purchases.record_refusal(tx, FIRST, SOLD, whole=False, at=NOW)
                    case "not sent":
                        await purchases.record_not_sent(tx, FIRST, at=NOW)
                    case "unknown":
                        await purchases.record_unknown(tx, FIRST, message="no answer")
                    case "given up":
                        await purchases.give_up_waiting(tx, request_id(), message="no answer")
                return (await tried(tx, FIRST)).state

            kinds = ("bought", "refused", "not sent", "unknown", "given up")
            found = {kind: await outcome_of(kind) for kind in kinds}
        after_sent = {
            "bought": AttemptState.PURCHASED,
            "refused": AttemptState.REFUSED,
            "not sent": AttemptState.NOT_SENT,
            "unknown": AttemptState.UNKNOWN,
            "given up": AttemptState.UNKNOWN,
        }
        expected = {
            AttemptState.SENT: after_sent,
            # What was unknown can still turn out to be bought; nothing else is proof here.
            AttemptState.UNKNOWN: dict.fromkeys(kinds, state) | {"bought": AttemptState.PURCHASED},
        }.get(state, dict.fromkeys(kinds, state))
        assert found == expected

    async def test_purchase_when_booked_says_what_was_paid_and_is_news_once(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            view = await samples.buying(tx)
            await samples.send(tx, view)
            bought = samples.purchase(FIRST, 77, debited=Micros(12_345_678), class_id="999")
            assert await purchases.record_purchase(tx, FIRST, bought, at=NOW + 1)
            assert not await purchases.record_purchase(tx, FIRST, bought, at=NOW + 2)
            attempt = await tried(tx, FIRST)
            assert (attempt.buy_id, attempt.debited, attempt.ended_at) == (77, 12_345_678, NOW + 1)
            assert (attempt.offer_status, attempt.class_id) == ("creating_trade", "999")
            assert (await shown(tx, request_id())).debited_total == 12_345_678

    async def test_purchase_without_a_picture_keeps_the_one_that_was_seen(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            view = await samples.buying(tx)
            await samples.send(tx, view)
            await purchases.record_purchase(tx, FIRST, samples.purchase(FIRST, class_id=""), at=NOW)
            assert (await tried(tx, FIRST)).class_id == "310"

    async def test_alarm_stands_once_at_its_own_attempt_beside_others(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            await samples.send(tx, await samples.buying(tx))
            ours = samples.purchase(FIRST, listing_id=1_002)
            for alarm in ("above_ceiling", "wrong_steam_account", "above_ceiling"):
                await purchases.record_alarm(tx, request_id(), ours, alarm, foreign=False)
            foreign = samples.purchase("somebody-elses", listing_id=1_002)
            await purchases.record_alarm(tx, request_id(), foreign, "foreign_key", foreign=True)
            nameless = samples.purchase("somebody-elses", listing_id=99)
            await purchases.record_alarm(tx, request_id(), nameless, "foreign_key", foreign=True)
            both = ("above_ceiling", "wrong_steam_account")
            assert (await tried(tx, FIRST)).alarms == both
            assert (await tried(tx, SECOND)).alarms == ("foreign_key",)

    async def test_purchase_of_a_key_that_was_never_sent_is_not_booked_as_ours(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            await samples.buying(tx)
            foreign = samples.purchase("qm" + "z" * 20 + "0101")
            assert not await purchases.record_purchase(
                tx, foreign.purchase_key or "", foreign, at=NOW
            )
            await purchases.record_stray(tx, request_id(), foreign, at=NOW)
            await purchases.record_stray(tx, request_id(), foreign, at=NOW + 1)
            strays = await tx.all("SELECT buy_id, purchase_key, debited, seen_at FROM strays")
            assert [tuple(row) for row in strays] == [
                (1, foreign.purchase_key, foreign.debited, NOW)
            ]

    async def test_refusal_when_recorded_keeps_code_message_and_scope(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            view = await samples.buying(tx)
            await samples.send(tx, view)
            await purchases.record_refusal(tx, FIRST, SOLD, whole=False, at=NOW + 1)
            await purchases.record_refusal(tx, SECOND, BUSY, whole=True, at=NOW + 1)
            one, other = await tried(tx, FIRST), await tried(tx, SECOND)
            assert (one.code, one.message, one.refused_whole) == (5, "skin_unavailable", False)
            assert (other.code, other.refused_whole, other.ended_at) == (-7, True, NOW + 1)
            states = [each.state for each in (await shown(tx, request_id())).lines]
            # Both are to be tried again: the one by another listing, the other because it was not
            # judged.
            assert states == [LineState.OPEN, LineState.OPEN]

    async def test_refusal_of_a_second_send_is_no_end(self, database: Database) -> None:
        async with database.writing() as tx:
            await samples.send(tx, await samples.buying(tx))
            await purchases.give_up_waiting(tx, request_id(), message="")
            assert await purchases.open_resend(tx, request_id(), at=NOW + 1) == [FIRST, SECOND]
            assert not await purchases.record_refusal(tx, FIRST, SOLD, whole=False, at=NOW)
            assert not await purchases.record_refusal(tx, SECOND, BUSY, whole=True, at=NOW)
            assert {(await tried(tx, key)).state for key in (FIRST, SECOND)} == {AttemptState.SENT}

    async def test_third_send_of_a_key_is_never_opened(self, database: Database) -> None:
        async with database.writing() as tx:
            view = await samples.buying(tx)
            await samples.send(tx, view)
            await purchases.give_up_waiting(tx, request_id(), message="")
            await purchases.open_resend(tx, request_id(), at=NOW)
            for _ in range(3):
                await purchases.give_up_waiting(tx, request_id(), message="")
                assert await purchases.open_resend(tx, request_id(), at=NOW) == []
            for attempt_no in (1, 2):
                with pytest.raises(sqlite3.IntegrityError):
                    await samples.send(tx, view, attempt_no)

    async def test_second_send_that_never_left_was_none(self, database: Database) -> None:
        async with database.writing() as tx:
            await samples.send(tx, await samples.buying(tx))
            await purchases.give_up_waiting(tx, request_id(), message="")
            await purchases.open_resend(tx, request_id(), at=NOW)
            await purchases.record_not_sent(tx, FIRST, at=NOW)
            attempt = await tried(tx, FIRST)
            assert (attempt.state, attempt.sends, attempt.unsent) == (AttemptState.UNKNOWN, 1, 1)
            # Whatever is said of its second send now is said of none.
            assert not await purchases.record_refusal(tx, FIRST, SOLD, whole=False, at=NOW)
            assert await purchases.open_resend(tx, request_id(), at=NOW) == [FIRST]


class TestSearch:
    """How the search for unknown purchases is counted."""

    async def test_begin_counts_misses_and_history_anew(self, database: Database) -> None:
        async with database.writing() as tx:
            await samples.send(tx, await samples.buying(tx))
            assert not await purchases.begin_search(tx, request_id(), at=NOW, step_at=NOW + 5)
            await purchases.give_up_waiting(tx, request_id(), message="")
            assert await purchases.begin_search(tx, request_id(), at=NOW, step_at=NOW + 5)
            await purchases.record_miss(tx, FIRST)
            await purchases.record_look_up(tx, request_id(), history_at=NOW + 6, step_at=NOW + 9)
            request = (await shown(tx, request_id())).request
            assert (request.look_ups, request.history_at, request.step_at) == (1, NOW + 6, NOW + 9)
            assert ((await tried(tx, FIRST)).misses, (await tried(tx, SECOND)).misses) == (1, 0)
            await purchases.begin_search(tx, request_id(), at=NOW + 20, step_at=NOW + 25)
            request = (await shown(tx, request_id())).request
            assert (request.grace_from, request.look_ups, request.history_at) == (NOW + 20, 0, None)
            assert (await tried(tx, FIRST)).misses == 0

    async def test_attention_is_news_once_and_ends_with_the_last_unknown_line(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            await samples.send(tx, await samples.buying(tx))
            await purchases.give_up_waiting(tx, request_id(), message="")
            assert await purchases.ask_a_person(tx, request_id(), at=NOW + 1, step_at=NOW + 2)
            assert not await purchases.ask_a_person(tx, request_id(), at=NOW + 3, step_at=NOW + 4)
            await purchases.record_purchase(tx, FIRST, samples.purchase(FIRST, 1), at=NOW)
            await purchases.go_on(tx, request_id(), at=NOW)
            assert (await shown(tx, request_id())).request.attention_at == NOW + 1
            await purchases.record_purchase(tx, SECOND, samples.purchase(SECOND, 2), at=NOW)
            await purchases.go_on(tx, request_id(), at=NOW)
            assert (await shown(tx, request_id())).request.attention_at is None

    async def test_settled_as_not_bought_is_looked_for_and_found_it_is_booked(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            await samples.send(tx, await samples.buying(tx))
            await purchases.give_up_waiting(tx, request_id(), message="")
            assert await purchases.settle(tx, FIRST, by=MAX, at=NOW, bought=None)
            assert not await purchases.settle(tx, FIRST, by=MAX, at=NOW, bought=None)
            assert await purchases.settle(tx, SECOND, by=MAX, at=NOW, bought=(7, Micros(5)))
            assert await purchases.settled_since(tx, NOW, limit=9) == [FIRST]
            assert await purchases.settled_since(tx, NOW + 1, limit=9) == []
            await purchases.record_late_purchase(tx, FIRST, samples.purchase(FIRST, 8), at=NOW)
            assert await purchases.settled_since(tx, NOW, limit=9) == []
            states = [each.state for each in (await shown(tx, request_id())).lines]
            assert states == [LineState.PURCHASED, LineState.PURCHASED]

    async def test_refused_second_send_settled_as_not_bought_is_never_substituted(
        self, database: Database
    ) -> None:
        """The code is not the market's last word on the only send: nothing goes on by itself."""
        async with database.writing() as tx:
            await samples.send(tx, await samples.buying(tx, lines=[line()]))
            await purchases.give_up_waiting(tx, request_id(), message="")
            await purchases.open_resend(tx, request_id(), at=NOW)
            await purchases.record_unknown(tx, FIRST, message="sold", code=5)
            await purchases.settle(tx, FIRST, by=MAX, at=NOW, bought=None)
            (only,) = (await shown(tx, request_id())).lines
            assert only.state is LineState.REFUSED


class TestWire:
    """What is on the wire, and what it may cost."""

    async def test_wire_counts_what_is_sent_or_unknown_until_it_is_definite(
        self, database: Database
    ) -> None:
        ceiling = line().ceiling
        async with database.writing() as tx:
            assert await purchases.on_the_wire(tx) == 0
            view = await samples.buying(tx, lines=[line(1), line(2)])
            await samples.send(tx, view)
            assert await purchases.on_the_wire(tx) == 2 * ceiling
            assert await purchases.requests_on_the_wire(tx) == [request_id()]
            await purchases.record_unknown(tx, FIRST, message="no answer", code=42)
            assert await purchases.on_the_wire(tx) == 2 * ceiling
            assert await purchases.requests_on_the_wire(tx) == [request_id()]
            await purchases.record_refusal(tx, SECOND, SOLD, whole=False, at=NOW)
            assert await purchases.on_the_wire(tx) == ceiling
            assert await purchases.requests_on_the_wire(tx) == []
            await purchases.record_purchase(tx, FIRST, samples.purchase(FIRST), at=NOW)
            assert await purchases.on_the_wire(tx) == 0

    async def test_balance_is_spoken_for_by_what_was_claimed_sent_or_bought_since(
        self, database: Database
    ) -> None:
        ceiling = line().ceiling
        async with database.writing() as tx:

            async def spoken_for(since: int, besides: str = "") -> int:
                return await purchases.spoken_for(tx, since=since, besides=besides)

            assert await spoken_for(NOW) == 0
            view = await samples.buying(tx, lines=[line(1), line(2)])
            assert await spoken_for(NOW) == 2 * ceiling
            await samples.send(tx, view)
            assert await spoken_for(NOW) == 2 * ceiling
            await purchases.record_unknown(tx, FIRST, message="no answer")
            await purchases.record_refusal(tx, SECOND, SOLD, whole=False, at=NOW)
            assert await spoken_for(NOW) == 2 * ceiling
            cheaper = samples.purchase(FIRST, debited=Micros(ceiling - CENT))
            await purchases.record_purchase(tx, FIRST, cheaper, at=NOW + 5)
            # A balance that was read before the purchase doesn't know of it yet.
            assert await spoken_for(NOW + 5) == ceiling + ceiling - CENT
            # The refused one may be bought under its next listing: its hold stays until then.
            assert await spoken_for(NOW + 6) == ceiling
            assert await spoken_for(NOW + 6, besides=request_id()) == 0
            await purchases.finish(tx, request_id(), at=NOW)
            assert await spoken_for(NOW + 6) == 0

    async def test_of_any_two_that_hold_one_goes_first_and_never_both_or_none(
        self, database: Database
    ) -> None:
        """What is being bought goes before what is approved, and then the older approval."""
        async with database.writing() as tx:
            queue = [4, 1, 3, 2]
            for number in range(1, 5):
                maker = samples.buying if number in (1, 4) else samples.approved
                alone = [line(1, ceiling=Micros(CENT << number))]
                await maker(tx, number, user_id=number, lines=alone)
            for place, number in enumerate(queue):
                await tx.execute(
                    "UPDATE requests SET decided_at = ? WHERE request_id = ?",
                    NOW + place,
                    request_id(number),
                )
            for place, number in enumerate(queue):
                ahead = sum(CENT << before for before in queue[:place])
                goes_before = await purchases.spoken_for(tx, since=NOW, besides=request_id(number))
                assert goes_before == ahead
            await samples.pending(tx, 5, user_id=5)
            everything = await purchases.spoken_for(tx, since=NOW, besides=request_id(5))
            assert everything == await totals.held(tx, None) == CENT * (2 + 4 + 8 + 16)
            # Two approvals of the same moment have an order too.
            await tx.execute("UPDATE requests SET decided_at = ?", NOW)
            found = [
                await purchases.spoken_for(tx, since=NOW, besides=request_id(number))
                for number in (2, 3)
            ]
            assert sorted(found) == [CENT * (2 + 16), CENT * (2 + 16 + 4)]

    async def test_held_is_what_may_still_be_spent_from_the_approval_on_by_server(
        self, database: Database
    ) -> None:
        ceiling = line().ceiling
        async with database.writing() as tx:

            async def held() -> int:
                return await totals.held(tx, samples.GUILD)

            view = await samples.pending(tx, lines=[line(1), line(2), line(3)])
            assert await held() == 0
            request = view.request
            assert await requests.approve(
                tx,
                request.request_id,
                digest=request.digest,
                by=MAX,
                at=NOW,
                claimable_at=NOW,
                expires_at=NOW + 1,
            )
            assert await held() == 3 * ceiling
            assert await purchases.claim(tx, request.request_id, digest=request.digest, at=NOW)
            await purchases.refuse_line(tx, request_id(), 3, NoListing.SOLD_OUT, None)
            assert await held() == 2 * ceiling
            await samples.send(tx, view, tried=samples.attempts(view)[:2])
            await purchases.record_unknown(tx, FIRST, message="no answer")
            assert await held() == 2 * ceiling
            await purchases.record_purchase(tx, SECOND, samples.purchase(SECOND), at=NOW)
            held_by = [await totals.held(tx, one) for one in (None, samples.GUILD, 5)]
            assert held_by == [ceiling, ceiling, 0]
            await purchases.settle(tx, FIRST, by=MAX, at=NOW, bought=None)
            await purchases.finish(tx, request_id(), at=NOW)
            assert await held() == 0
            assert await purchases.try_again(tx, await shown(tx, request_id()), at=NOW)
            assert await held() == 2 * ceiling

    async def test_listings_are_taken_by_what_may_have_bought_them_since(
        self, database: Database
    ) -> None:
        async with database.writing() as tx:
            assert await purchases.listings_taken(tx, since=NOW) == set()
            view = await samples.buying(tx, lines=[line(1), line(2), line(3)])
            first, second, third = await samples.send(tx, view)
            assert await purchases.listings_taken(tx, since=NOW) == {1_001, 1_002, 1_003}
            await purchases.record_purchase(tx, first, samples.purchase(first), at=NOW + 5)
            await purchases.record_refusal(tx, second, SOLD, whole=False, at=NOW)
            await purchases.record_unknown(tx, third, message="no answer")
            assert await purchases.listings_taken(tx, since=NOW + 5) == {1_001, 1_003}
            assert await purchases.listings_taken(tx, since=NOW + 6) == {1_003}

    async def test_waiting_is_given_up_for_one_request_only(self, database: Database) -> None:
        async with database.writing() as tx:
            for number in (1, 2):
                view = await samples.buying(tx, number, user_id=ANA + number)
                await samples.send(tx, view)
            assert await purchases.give_up_waiting(tx, request_id(1), message="stopped")
            assert not await purchases.give_up_waiting(tx, request_id(1), message="stopped")
            assert await purchases.requests_on_the_wire(tx) == [request_id(2)]
            assert {one.state for one in (await shown(tx, request_id(1))).lines} == {
                LineState.UNKNOWN
            }

    async def test_request_of_which_something_is_unknown_counts_as_open(
        self, database: Database
    ) -> None:
        """It may still cost all that was approved for it."""
        async with database.writing() as tx:
            view = await samples.buying(tx)
            await samples.send(tx, view)
            request = view.request
            assert await requests.open_numbers(tx, request.guild_id, request.user_id) == [1]
            await purchases.give_up_waiting(tx, request_id(), message="stopped")
            assert await requests.open_numbers(tx, request.guild_id, request.user_id) == [1]
            await samples.force_state(tx, request_id(), RequestState.BOUGHT)
            assert await requests.open_numbers(tx, request.guild_id, request.user_id) == []
