"""What nobody knows is looked up, sent once more, and in the end handed to a person."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bot.domain.limits import MISSES_NEEDED
from bot.domain.models import EventKind, MessageKind, PauseCause, RequestView, WaitReason
from bot.domain.money import DOLLAR, Micros
from bot.domain.states import AttemptState, RequestState
from bot.sandbox.skinsback import Fault, SkinsbackSandbox
from bot.sandbox.skinsback.profile import ListLookup, Profile
from bot.store import settings
from tests.services.house import (
    ANA,
    ASIIMOV,
    BEA,
    HOUR,
    MINUTE,
    REDLINE,
    SLATE,
    TOKEN,
    House,
    ManualClock,
    ScriptedDiscord,
    open_house,
)

BUY, LOOK, HISTORY = "market_batch_buy", "market_getinfo", "market_history"
TIMEOUTS = {"buy_timeout_s": 0.4, "call_timeout_s": 0.4}


@pytest.fixture
async def market(clock: ManualClock) -> AsyncIterator[SkinsbackSandbox]:
    """The stand-in market, whose clock is ours."""
    async with SkinsbackSandbox(size=0, clock=lambda: clock.now / 1000) as market:
        yield market


def states(view: RequestView) -> list[str]:
    return [line.state.value for line in view.lines]


def calls_of(house: House, method: str) -> list[object]:
    return [call for call in house.market.calls if call.method == method]


def keys_sent(house: House) -> Counter[str]:
    """Return how often each key reached the market."""
    sent: Counter[str] = Counter()
    for call in house.market.batch_calls:
        items = call.parameters["items"]
        assert isinstance(items, list)
        sent.update(str(item["custom_id"]) for item in items)
    return sent


async def unknown(house: House, *skins: tuple[str, int], carried_out: bool = False) -> RequestView:
    """Return a request whose call was lost on the way."""
    view = await house.submit_approved(ANA, *(skins or ((REDLINE, 1),)))
    house.market.break_next(BUY, Fault.DROP, carried_out=carried_out)
    stuck = await house.buy_until(view)
    assert set(states(stuck)) == {"unknown"}
    return stuck


def misses(view: RequestView) -> list[int]:
    return [line.last.misses for line in view.lines if line.last]


def asked_for(view: RequestView) -> bool:
    return view.request.attention_at is not None


ON_THE_WAY = (Fault.HANG, Fault.DROP, Fault.CUT_BODY, Fault.HTML_502, Fault.REDIRECT)
IN_THE_ANSWER = (Fault.LINE_MISSING, Fault.LINE_IN_BOTH, Fault.UNKNOWN_CODE)


def _cells() -> Iterator[tuple[str, Fault, bool]]:
    """Yield every step with every fault that can strike in it, before and after the purchase."""
    for step in ("first send", "substitute", "resend", "look-up", "history"):
        of_a_buy = step not in ("look-up", "history")
        for fault in (*ON_THE_WAY, *IN_THE_ANSWER) if of_a_buy else ON_THE_WAY:
            # Only a line that was bought can stand in both maps.
            for after in (False, True) if fault is not Fault.LINE_IN_BOTH else (True,):
                yield step, fault, after


class TestEveryFault:
    """Every fault of transport, in every step of buying, with the end that it must come to."""

    WHOLE = (8, 9, 10, -1, -2, -3, -4, -5, -6, -7, -8, -9, -10)

    # step: what comes of a fault that struck before, and after, the purchase
    TABLE: ClassVar = {
        # The only send: looked up, and sent once more if the market never had it.
        "first send": ("bought by the second send", "bought by the first send"),
        # The substitute of a refused listing has the next key, and the same rules.
        "substitute": ("bought by the second send", "bought by the first send"),
        # After the second send nothing is sent any more: found, or a person looks.
        "resend": ("a person looks", "bought by the second send"),
        # A look-up, or a history, that isn't answered says nothing, and is asked again.
        "look-up": ("bought by the second send", "bought by the first send"),
        "history": ("bought by the second send", "bought by the first send"),
    }

    @pytest.mark.parametrize(("step", "fault", "after"), list(_cells()))
    async def test_fault_in_every_step_comes_to_the_end_of_the_table(
        self,
        path: Path,
        market: SkinsbackSandbox,
        discord: ScriptedDiscord,
        clock: ManualClock,
        step: str,
        fault: Fault,
        after: bool,
    ) -> None:
        timeouts = TIMEOUTS if fault is Fault.HANG else {}
        async with open_house(path, market, discord, clock, timeouts=timeouts) as house:
            await house.set_up()
            view = await house.submit_approved(ANA, (REDLINE, 1))
            self.script(house, step, fault, after=after)
            ended = await house.let_it_end(view)
            sends = set(keys_sent(house).values())
        expected = self.TABLE[step][after]
        last = ended.lines[0].last
        assert last is not None
        found = {
            "bought by the first send": (["purchased"], 1, 1),
            "bought by the second send": (["purchased"], 2, 1),
            "a person looks": (["unknown"], 2, 0),
        }[expected]
        assert (states(ended), last.sends, len(market.purchases)) == found
        assert max(sends) <= 2
        assert asked_for(ended) == (expected == "a person looks")
        assert last.attempt_no == (2 if step == "substitute" else 1)

    @staticmethod
    def script(house: House, step: str, fault: Fault, *, after: bool) -> None:
        """Let this fault strike in this step, before or after the purchase."""
        market = house.market
        if step in ("first send", "substitute"):
            if step == "substitute":
                cheapest = market.listings(REDLINE)[0]
                market.before_next_buy(lambda: market.sell_listing(cheapest.listing_id))
                # The first answer is clear; the fault is of the second call.
                market.before_next_buy(lambda: market.break_next(BUY, fault, carried_out=after))
            else:
                market.break_next(BUY, fault, carried_out=after)
        elif step == "resend":
            market.break_next(BUY, Fault.DROP, carried_out=False)
            market.break_next(BUY, fault, carried_out=after)
        else:
            market.break_next(BUY, Fault.DROP, carried_out=after)
            method = LOOK if step == "look-up" else HISTORY
            market.break_next(method, fault, times=3)

    @pytest.mark.parametrize("code", WHOLE)
    @pytest.mark.parametrize("step", ["first send", "substitute"])
    async def test_whole_refusal_of_an_only_send_is_definite_and_its_next_key_is_used(
        self, house: House, code: int, step: str
    ) -> None:
        view = await house.submit_approved(ANA)
        market = house.market
        if step == "substitute":
            cheapest = market.listings(REDLINE)[0]
            market.before_next_buy(lambda: market.sell_listing(cheapest.listing_id))
            market.before_next_buy(lambda: market.refuse(BUY, code))
        else:
            market.refuse(BUY, code)
        waiting = await house.let_time_pass(view, lambda now: now.request.waits_for is not None)
        assert states(waiting) == ["open"]
        assert waiting.request.state is RequestState.APPROVED
        assert market.purchases == []
        async with house.database.writing() as tx:
            await settings.resume(tx, PauseCause.MARKET_REFUSES_US)
        if code in (8, 9):
            await house.give_url(ANA, token="NewToken")
        bought = await house.let_it_end(view)
        assert states(bought) == ["purchased"]
        last = bought.lines[0].last
        assert last is not None
        assert last.attempt_no == (3 if step == "substitute" else 2)
        assert set(keys_sent(house).values()) == {1}

    @pytest.mark.parametrize("code", [*WHOLE, 4, 5, 6, 7, 42])
    async def test_refusal_of_a_resend_is_never_the_end_of_a_line(
        self, house: House, code: int
    ) -> None:
        """The listing or the money may be gone because the first send took it."""
        view = await unknown(house)
        house.market.refuse(BUY, code)
        ended = await house.let_time_pass(view, asked_for, for_ms=HOUR)
        assert states(ended) == ["unknown"]
        assert asked_for(ended)
        assert set(keys_sent(house).values()) == {2}
        assert [len(line.attempts) for line in ended.lines] == [1]

    @pytest.mark.parametrize("fault", ["sold", "dearer", "poor"])
    async def test_line_refusal_of_a_resend_is_never_substituted(
        self, house: House, fault: str
    ) -> None:
        """As the market itself answers: 5, 6 and 4 by line. Pins: no new key after a resend."""
        view = await unknown(house)
        listing = house.market.listings(REDLINE)[0].listing_id
        play: dict[str, Callable[[], None]] = {
            "sold": lambda: house.market.sell_listing(listing),
            "dearer": lambda: house.market.set_price(REDLINE, Micros(900 * DOLLAR)),
            "poor": lambda: setattr(house.market, "balance", Micros(0)),
        }
        house.market.before_next_buy(play[fault])
        ended = await house.let_time_pass(view, asked_for, for_ms=HOUR)
        assert states(ended) == ["unknown"]
        assert [len(line.attempts) for line in ended.lines] == [1]
        assert set(keys_sent(house).values()) == {2}
        assert ended.lines[0].last is not None
        assert ended.lines[0].last.code == {"sold": 5, "dearer": 6, "poor": 4}[fault]

    async def test_error_7_on_a_first_send_is_looked_up_and_found(self, house: House) -> None:
        """A second copy of the bot has bought it a moment ago."""
        view = await house.submit_approved(ANA)
        house.market.break_next(BUY, Fault.DROP)
        stuck = await house.buy_until(view)
        async with house.database.writing() as tx:
            await tx.execute("UPDATE attempts SET state = 'not_sent'")
            await tx.execute("UPDATE requests SET step_at = 0")
        assert states(await house.view(stuck)) == ["open"]
        bought = await house.let_it_end(view)
        assert states(bought) == ["purchased"]
        assert len(house.market.purchases) == 1
        assert [call.outcome for call in house.market.batch_calls] == ["drop", "success"]


class TestLookUps:
    """What counts as proof, and what does not."""

    async def test_found_is_proof_within_seconds_and_nothing_is_sent_again(
        self, house: House
    ) -> None:
        view = await unknown(house, (REDLINE, 2), carried_out=True)
        began_at = house.clock.now
        bought = await house.let_it_end(view)
        assert states(bought) == ["purchased", "purchased"]
        assert house.clock.now - began_at <= 10_000
        assert len(house.market.batch_calls) == 1
        assert EventKind.FOUND in [event.kind for event in await house.history(view)]

    @pytest.mark.parametrize("misbehaviour", ListLookup)
    @pytest.mark.parametrize("carried_out", [True, False])
    async def test_no_misbehaving_list_makes_anything_bought_twice(
        self, house: House, misbehaviour: ListLookup, carried_out: bool
    ) -> None:
        """Pins: a list's silence is never proof."""
        house.market.profile = Profile(list_lookup=misbehaviour)
        view = await unknown(house, (REDLINE, 2), (ASIIMOV, 1), carried_out=carried_out)
        bought = await house.let_it_end(view)
        assert states(bought) == ["purchased"] * 3
        assert len(house.market.purchases) == 3
        assert set(keys_sent(house).values()) == {1 if carried_out else 2}

    async def test_look_up_of_a_list_never_counts_as_a_miss(self, house: House) -> None:
        view = await unknown(house, (REDLINE, 2))
        house.market.break_next(LOOK, Fault.HTML_502, times=1)  # the list
        house.market.break_next(LOOK, Fault.HTML_502, times=1)  # the first key alone
        after = await house.look_ups.look(view)
        assert misses(after) == [0, 0]
        after = await house.look_ups.look(after)
        assert misses(after) == [1, 1]

    async def test_unanswered_look_ups_never_count(self, house: House) -> None:
        """Pins: however long the market is silent, nothing is sent again."""
        view = await unknown(house)
        house.market.break_next(LOOK, Fault.HTML_502, times=10_000)
        later = await house.let_time_pass(view, asked_for, for_ms=6 * HOUR)
        assert states(later) == ["unknown"]
        assert misses(later) == [0]
        assert len(house.market.batch_calls) == 1
        assert len(calls_of(house, LOOK)) < 2_000

    async def test_look_ups_refused_for_the_rate_never_count(self, house: House) -> None:
        view = await unknown(house)
        house.market.refuse(LOOK, -7, times=10_000)
        later = await house.let_time_pass(view, asked_for, for_ms=HOUR)
        assert (states(later), misses(later)) == (["unknown"], [0])
        assert len(house.market.batch_calls) == 1

    async def test_history_without_an_answer_holds_the_resend(self, house: House) -> None:
        view = await unknown(house)
        house.market.break_next(HISTORY, Fault.HTML_502, times=10_000)
        later = await house.let_time_pass(view, asked_for, for_ms=2 * HOUR)
        assert states(later) == ["unknown"]
        assert misses(later)[0] >= MISSES_NEEDED
        assert len(house.market.batch_calls) == 1

    async def test_history_with_the_key_is_proof_where_no_look_up_finds_it(
        self, house: House
    ) -> None:
        view = await unknown(house, carried_out=True)
        house.market.refuse(LOOK, 2, times=10_000)
        bought = await house.let_it_end(view)
        assert states(bought) == ["purchased"]
        assert len(house.market.batch_calls) == 1

    async def test_history_is_read_from_the_first_send_on_also_after_the_second(
        self, house: House
    ) -> None:
        """Pins: the second grace period looks where the first send may have bought."""
        view = await unknown(house, carried_out=True)
        entry = house.market.purchases.pop()
        house.market.refuse(LOOK, 2, times=10_000)
        house.clock.now += 2 * HOUR  # the bot stood still meanwhile
        resent = await house.let_time_pass(
            view, lambda now: now.lines[0].last is not None and now.lines[0].last.sends == 2
        )
        assert resent.lines[0].last is not None
        house.market.purchases.append(entry)
        bought = await house.let_it_end(view)
        assert states(bought) == ["purchased"]
        assert bought.lines[0].last is not None
        assert bought.lines[0].last.buy_id == entry.buy_id

    @pytest.mark.parametrize("lacking", ["time", "misses", "history"])
    async def test_grace_period_needs_time_and_misses_and_history(
        self, house: House, lacking: str
    ) -> None:
        view = await unknown(house)
        grace = house.timing.grace_ms
        since = view.request.grace_from
        assert since is not None
        async with house.database.writing() as tx:
            await tx.execute(
                "UPDATE attempts SET misses = ?", MISSES_NEEDED - (lacking == "misses")
            )
            await tx.execute(
                "UPDATE requests SET history_at = ?", since + grace - (lacking == "history")
            )
        at = since + grace - (lacking == "time")
        lacks = (await house.view(view)).next_step(at, grace_ms=grace)
        assert lacks.value == "look_up"
        async with house.database.writing() as tx:
            await tx.execute("UPDATE attempts SET misses = ?", MISSES_NEEDED)
            await tx.execute("UPDATE requests SET history_at = ?", since + grace)
        whole = (await house.view(view)).next_step(since + grace, grace_ms=grace)
        assert whole.value == "resend"

    async def test_grace_period_is_counted_anew_from_every_start(self, house: House) -> None:
        view = await unknown(house)
        for _ in range(4):
            await house.let_time_pass(view, lambda _: False, for_ms=9 * MINUTE)
            await house.worker().recover()
        assert len(house.market.batch_calls) == 1
        again = await house.view(view)
        assert (misses(again), again.request.grace_from) == ([0], house.clock.now)

    async def test_grace_period_is_counted_anew_from_a_find_in_the_same_batch(
        self, house: House
    ) -> None:
        """A slow server buys line after line."""
        view = await unknown(house, (REDLINE, 1), (ASIIMOV, 1), carried_out=True)
        late = house.market.purchases.pop()
        first = house.market.purchases.pop()
        await house.let_time_pass(view, lambda _: False, for_ms=9 * MINUTE)
        house.market.purchases.append(first)
        found = await house.let_time_pass(view, lambda now: "purchased" in states(now))
        found_at = house.clock.now
        assert found.request.grace_from == found_at
        assert sorted(states(found)) == ["purchased", "unknown"]
        await house.let_time_pass(view, lambda _: False, for_ms=9 * MINUTE)
        assert len(house.market.batch_calls) == 1
        house.market.purchases.append(late)
        assert states(await house.let_it_end(view)) == ["purchased"] * 2
        assert len(house.market.batch_calls) == 1

    async def test_purchases_that_show_after_two_minutes_are_found_and_not_sent_again(
        self, house: House
    ) -> None:
        house.market.profile = Profile(visible_after_s=120)
        view = await unknown(house, (REDLINE, 2), carried_out=True)
        bought = await house.let_it_end(view)
        assert states(bought) == ["purchased"] * 2
        assert len(house.market.batch_calls) == 1

    async def test_nothing_is_sent_beside_an_unknown_line(self, house: House) -> None:
        """Pins: one unknown line holds back the whole request, substitutes too."""
        view = await house.submit_approved(ANA, (REDLINE, 1), (ASIIMOV, 1))
        asiimov = house.market.listings(ASIIMOV)[0].listing_id
        house.market.before_next_buy(lambda: house.market.sell_listing(asiimov))
        house.market.break_next(BUY, Fault.LINE_MISSING, line=0)
        stuck = await house.buy_until(view)
        assert states(stuck) == ["unknown", "open"]
        bought = await house.let_it_end(view)
        assert states(bought) == ["purchased", "purchased"]
        assert bought.lines[1].last is not None
        assert bought.lines[1].last.attempt_no == 2


class TestResend:
    """Once more, unchanged, and never a third time."""

    async def test_resend_sends_exactly_the_missing_lines_unchanged(self, house: House) -> None:
        """Pins: same key, listing, ceiling and Steam account; nothing that was found."""
        view = await house.submit_approved(ANA, (REDLINE, 2), (SLATE, 1))
        house.market.break_next(BUY, Fault.LINE_MISSING, line=1, carried_out=False)
        stuck = await house.buy_until(view)
        assert states(stuck) == ["purchased", "unknown", "purchased"]
        # What is dearer or cheaper by now, and what the member has by now, changes nothing.
        await house.give_url(ANA, partner=77)
        bought = await house.let_it_end(view)
        assert states(bought) == ["purchased"] * 3
        first, again = (call.parameters for call in house.market.batch_calls)
        items, repeated = first["items"], again["items"]
        assert isinstance(items, list)
        assert repeated == [items[1]]
        assert (again["partner"], again["token"]) == (str(ANA.user_id), TOKEN)
        assert len({entry.steam_id for entry in house.market.purchases}) == 1

    async def test_resend_uses_the_requests_own_renewed_token(self, house: House) -> None:
        view = await unknown(house)
        await house.give_url(ANA, token="NewToken")
        assert states(await house.let_it_end(view)) == ["purchased"]
        tokens = [call.parameters["token"] for call in house.market.batch_calls]
        assert tokens == [TOKEN, "NewToken"]

    async def test_key_is_sent_at_most_twice_however_long_nobody_answers(
        self, house: House
    ) -> None:
        """Pins: never a third send; after the second grace period a person is asked, once."""
        view = await house.submit_approved(ANA, (REDLINE, 2))
        house.market.break_next(BUY, Fault.DROP, carried_out=False, times=10)
        await house.buy_until(view)
        ended = await house.let_it_end(view)
        assert states(ended) == ["unknown", "unknown"]
        asked_at = ended.request.attention_at
        assert asked_at is not None
        await house.let_time_pass(view, lambda _: False, for_ms=12 * HOUR)
        assert set(keys_sent(house).values()) == {2}
        kinds = [event.kind for event in await house.history(view)]
        assert kinds.count(EventKind.NEEDS_ATTENTION) == 1
        assert kinds.count(EventKind.RESENT) == 1
        await house.post_everything()
        (result,) = house.discord.of(MessageKind.RESULT)
        assert isinstance(result.subject, RequestView)
        assert (result.subject.request.attention_at, states(result.subject)) == (
            asked_at,
            ["unknown", "unknown"],
        )

    async def test_looking_goes_on_slowly_after_attention_and_a_find_ends_it(
        self, house: House
    ) -> None:
        view = await unknown(house, carried_out=True)
        entry = house.market.purchases.pop()
        house.market.refuse(BUY, 7)
        ended = await house.let_time_pass(view, asked_for)
        assert asked_for(ended)
        before = len(calls_of(house, LOOK))
        await house.let_time_pass(view, lambda _: False, for_ms=24 * HOUR)
        assert 20 <= len(calls_of(house, LOOK)) - before <= 60
        house.market.purchases.append(entry)
        bought = await house.let_time_pass(
            view, lambda now: now.request.state is RequestState.BOUGHT
        )
        assert states(bought) == ["purchased"]
        assert (bought.request.attention_at, bought.debited_total) == (None, entry.debited)
        assert set(keys_sent(house).values()) == {2}

    async def test_attention_of_a_request_ends_when_its_next_step_is_another(
        self, house: House
    ) -> None:
        """Otherwise a later unknown of the same request would never be sent again."""
        view = await house.submit_approved(ANA, (REDLINE, 1), (ASIIMOV, 1))
        asiimov = house.market.listings(ASIIMOV)[0].listing_id
        house.market.before_next_buy(lambda: house.market.sell_listing(asiimov))
        house.market.break_next(BUY, Fault.LINE_MISSING, line=0)
        await house.buy_until(view)
        entry = house.market.purchases.pop()
        house.market.refuse(BUY, 7)
        assert asked_for(await house.let_time_pass(view, asked_for))
        house.market.purchases.append(entry)
        house.market.break_next(BUY, Fault.DROP, carried_out=False)
        bought = await house.let_time_pass(
            view, lambda now: now.request.state is RequestState.BOUGHT
        )
        assert states(bought) == ["purchased", "purchased"]
        assert bought.lines[1].last is not None
        assert (bought.lines[1].last.attempt_no, bought.lines[1].last.sends) == (2, 2)

    async def test_pause_holds_the_resend_and_the_looking_goes_on(self, house: House) -> None:
        view = await unknown(house)
        await house.watch.pause(PauseCause.ALARM, details="x")
        held = await house.let_time_pass(view, asked_for, for_ms=HOUR)
        assert (states(held), held.request.waits_for) == (["unknown"], WaitReason.PAUSED)
        assert len(house.market.batch_calls) == 1

    async def test_three_requests_in_a_row_without_an_outcome_pause_buying(
        self, house: House
    ) -> None:
        for number in range(3):
            actor = replace(ANA, user_id=ANA.user_id + number)
            view = await house.submit_approved(actor)
            async with house.database.reading() as tx:
                assert await settings.get_pause(tx) is None
            house.market.break_next(BUY, Fault.DROP)
            await house.buy_until(view)
        async with house.database.reading() as tx:
            pause = await settings.get_pause(tx)
        assert pause is not None
        assert pause.cause is PauseCause.UNKNOWNS
        other = await house.submit_approved(replace(BEA, user_id=BEA.user_id + 50))
        waiting = await house.buy_until(other, waiting=True)
        assert waiting.request.waits_for is WaitReason.PAUSED

    async def test_one_clear_answer_between_unknowns_breaks_the_row(self, house: House) -> None:
        for number in range(4):
            view = await house.submit_approved(replace(ANA, user_id=ANA.user_id + number))
            if number != 2:
                house.market.break_next(BUY, Fault.DROP)
            await house.buy_until(view)
        async with house.database.reading() as tx:
            assert await settings.get_pause(tx) is None


class TestNotSent:
    """What provably never left is tried again under its own key, three times."""

    async def test_unplugged_market_is_tried_three_times_under_one_key_then_waited_for(
        self, house: House
    ) -> None:
        view = await house.submit_approved(ANA, (REDLINE, 2))
        real, ends = house.client._url, []
        search = house.client.search

        async def unplug(*arguments: object) -> object:
            found = await search(*arguments)  # type: ignore[arg-type]
            house.client._url = "http://127.0.0.1:9/api.php"
            ends.append(house.clock.now)
            return found

        house.client.search = unplug  # type: ignore[method-assign, assignment]
        balance = house.watch.balance

        async def plug(**options: Any) -> Micros:
            house.client._url = real
            return await balance(**options)

        house.watch.balance = plug  # type: ignore[method-assign]
        waiting = await house.let_time_pass(
            view, lambda now: now.request.waits_for is not None, for_ms=HOUR
        )
        assert waiting.request.state is RequestState.APPROVED
        assert waiting.request.waits_for is WaitReason.MARKET_UNREACHABLE
        assert len(ends) == 3
        attempts = [line.attempts for line in waiting.lines]
        assert [[one.attempt_no for one in each] for each in attempts] == [[1], [1]]
        assert {one.state for each in attempts for one in each} == {AttemptState.NOT_SENT}
        house.client.search = search  # type: ignore[method-assign]
        bought = await house.let_it_end(view)
        assert states(bought) == ["purchased", "purchased"]
        # Pins: never a new key for what never left.
        assert {key[-2:] for key in keys_sent(house)} == {"01"}


async def test_one_member_whose_calls_always_hang_delays_nobody(
    path: Path, market: SkinsbackSandbox, discord: ScriptedDiscord, clock: ManualClock
) -> None:
    async with open_house(path, market, discord, clock) as house:
        await house.set_up()
        hanging = [await house.submit_approved(ANA) for _ in range(5)]
        others = [
            await house.submit_approved(replace(BEA, user_id=BEA.user_id + number))
            for number in range(4)
        ]
        market.break_next(BUY, Fault.HANG)
        worker, done = house.worker(), {RequestState.BOUGHT}
        running = asyncio.create_task(worker.run())
        try:
            async with asyncio.timeout(5):
                while {(await house.view(view)).request.state for view in others} != done:
                    house.approved.set()
                    await asyncio.sleep(0.01)
            async with house.database.reading() as tx:
                sent = await tx.all("SELECT DISTINCT request_id FROM attempts WHERE state = 'sent'")
            assert len(sent) == 1
            assert sum(one.user_id == ANA.user_id for one in worker._busy.values()) == 1
            assert len([v for v in hanging if (await house.view(v)).lines[0].attempts]) == 1
        finally:
            for one in worker._busy.values():
                one.task.cancel()
            running.cancel()
            await asyncio.wait([running])
