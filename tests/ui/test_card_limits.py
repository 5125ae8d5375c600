"""Every card and modal, whatever it shows, stays within what Discord takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from discord import ui
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.market import APP_IDS, OfferStatus, Quote
from bot.domain.models import (
    Attempt,
    Basket,
    Event,
    GuildPause,
    GuildSettings,
    LineView,
    MessageKind,
    OutboxRow,
    OutboxState,
    Pause,
    PauseCause,
    RequestView,
    WaitReason,
)
from bot.domain.money import Micros
from bot.domain.picking import LeftOut, Search, Why
from bot.domain.states import AttemptState, RequestState
from bot.domain.trade_url import TradeUrl
from bot.services.approvals import PAGE, Where
from bot.services.baskets import Left
from bot.services.catalogue import Matches, PriceAge, Trouble, TroubleKind
from bot.services.picking import Found
from bot.services.ports import Paused
from bot.ui import text
from bot.ui.cards import (
    approval,
    attention,
    delivery_notice,
    history,
    member,
    missed,
    money,
    notices,
    parts,
    queue,
    repricing,
    result,
    results,
    setup,
    trade_url,
    trades,
)
from bot.ui.cards import basket as baskets
from bot.ui.cards.classic import Classic
from bot.ui.cards.frame import Frame
from bot.ui.checks import NEEDED, PlaceFinding, RoleFinding, SetupFindings
from bot.ui.custom_ids import CustomId
from tests.ui import examples
from tests.ui.examples import GUILD, HOSTILE, MODERATOR, NOW, payloads

_FEW = settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)

URL = TradeUrl(examples.PARTNER, "aB3-_xYz")

RequestCard = Callable[[RequestView, Frame], ui.LayoutView]

REQUEST_CARDS: dict[str, RequestCard] = {
    "approval": approval.approval_card,
    "result": result.result_card,
    "status": lambda view, frame: member.member_status(view, frame, guild_name="*" * 100),
    "status of an unknown server": lambda view, frame: member.member_status(
        view, frame, guild_name=""
    ),
    "cancel": member.cancel_question,
    "sent": lambda view, frame: member.sent_screen(
        view, frame, dm_failed=True, results_channel_id=5
    ),
}

OLD_PRICES = PriceAge(NOW, Trouble(NOW, TroubleKind.SHRUNK))


def hold(shown: ui.LayoutView | ui.Modal) -> None:
    """Fail unless Discord would take it, and our router would understand what comes of it."""
    found = payloads(shown)
    custom_ids = [part["custom_id"] for part in found if part.get("custom_id")]
    assert len(custom_ids) == len(set(custom_ids))
    assert all(1 <= len(custom_id) <= 100 for custom_id in custom_ids)
    for part in found:
        _hold_one(part)
    if isinstance(shown, ui.Modal):
        assert 1 <= len(shown.title) <= 45
        assert 1 <= len(shown.to_components()) <= 5
        assert CustomId.parse(shown.custom_id) is not None
        return
    assert all(CustomId.parse(custom_id) is not None for custom_id in custom_ids)
    assert len(found) <= 40
    assert sum(_length(part.get("content", "")) for part in found) <= 4000
    assert shown.total_children_count == len(found)
    marked = [part["id"] for part in found if part.get("id") is not None]
    assert len(marked) == len(set(marked))


def _length(content: str) -> int:
    """Return the length as JavaScript counts it, which is never less than ours."""
    return len(content.encode("utf-16-le")) // 2


def _hold_one(part: dict[str, Any]) -> None:
    match part["type"]:
        case 1:
            children = part["components"]
            assert 1 <= len(children) <= (5 if children[0]["type"] == 2 else 1)
        case 2:
            assert 1 <= len(part["label"]) <= 80
            assert len(part.get("url") or "") <= 512
        case 3:
            _hold_options(part["options"])
            assert len(part["placeholder"]) <= 150
        case 4:
            assert len(part.get("value") or "") <= part["max_length"] <= 4000
            assert len(part.get("placeholder") or "") <= 100
        case 5 | 6 | 7 | 8:
            assert 0 <= part["min_values"] <= part["max_values"] <= 25
            assert len(part.get("default_values") or ()) <= part["max_values"]
            assert len(part["placeholder"]) <= 150
        case 9:
            assert 1 <= len(part["components"]) <= 3
        case 10:
            assert len(part["content"]) >= 1
        case 11:
            assert part["media"]["url"].startswith("https://community.cloudflare.steamstatic.com/")
            assert len(part["description"]) <= 256
        case 12:
            assert 1 <= len(part["items"]) <= 10
        case 18:
            assert 1 <= len(part["label"]) <= 45
            assert len(part.get("description") or "") <= 100
        case _:
            assert part["type"] in (14, 17)


def _hold_options(options: list[dict[str, Any]]) -> None:
    assert 1 <= len(options) <= 25
    values = [option["value"] for option in options]
    assert len(values) == len(set(values))
    for option in options:
        assert 1 <= len(option["label"]) <= 100
        assert 1 <= len(option["value"]) <= 100
        assert len(option.get("description") or "") <= 100


@_FEW
@given(
    view=examples.views(),
    events=st.lists(examples.EVENTS, max_size=9),
    frame=examples.FRAMES,
    notice=st.sampled_from(["", "Saved.", "\\*" * 2000]),
)
def test_cards_about_any_request_hold(
    view: RequestView, events: list[Event], frame: Frame, notice: str
) -> None:
    for card in REQUEST_CARDS.values():
        hold(card(view, frame))
    many = events * 20
    hold(approval.approval_details(view, many, frame, balance=Micros(10**12)))
    hold(member.request_detail(view, many, frame, notice=notice, basket_filled=True))
    for for_moderator in (True, False):
        for page in (None, 0, 1, 10**9):
            hold(history.history_screen(view, many, frame, for_moderator=for_moderator, page=page))
    for where in Where:
        hold(queue.private_card(examples.card(view, where), frame))
    hold(queue.queue_screen(examples.queue([view] * PAGE, page=1, pages=10**6), frame))
    hold(approval.deny_modal(view.request))
    others = [
        replace(view, request=replace(view.request, request_id=f"r{number}"))
        for number in range(len(events) * 9)
    ]
    hold(member.request_list(others, frame, notice=notice))


def _deliveries(number: int, price: Micros) -> list[Attempt]:
    """Return a purchase in every state of its delivery, with a time of its own."""
    known: dict[str, Any] = {
        "debited": Micros(price - number),
        "buy_id": 10**12 + number,
        "trade_offer_id": 10**18 + number,
        "status_at": NOW,
        "not_waiting_at": NOW + number * 60_000,
        "told_in": 0,
        "noticed_in": 0,
    }
    ways: list[dict[str, Any]] = [{"offer_status": status} for status in OfferStatus]
    ways += [
        {"offer_status": OfferStatus.ACCEPTED, "accepted_at": NOW + number * 86_400_000},
        {"offer_status": OfferStatus.ACCEPTED, "accepted_at": NOW, "closed_at": NOW},
        {"offer_status": OfferStatus.CREATING_TRADE, "stuck_at": NOW},
        {"offer_status": OfferStatus.WAITING_ACCEPT, "stuck_at": NOW},
        {"offer_status": OfferStatus.TIMEOUT, "closed_at": NOW},
        {"offer_status": "a status that nobody knows"},
    ]
    return [examples.attempt(number, AttemptState.PURCHASED, **(known | way)) for way in ways]


def hold_classic(shown: Classic) -> None:
    """Fail unless Discord would take a classic message, and we would find it again."""
    assert 1 <= _length(shown.content) <= 2000
    rows = shown.view(1 << 30).to_components()
    assert 1 <= len(rows) <= 5
    buttons = [button for row in rows for button in row["components"]]
    assert 1 <= len(buttons) == len(shown.buttons) <= 25
    assert [button.get("id") for button in buttons] == [1 << 30, *[None] * (len(buttons) - 1)]
    for button in buttons:
        _hold_one(button)
        assert ("url" in button) != ("custom_id" in button)
        if "url" in button:
            assert button["url"].startswith("https://steamcommunity.com/")
        else:
            assert CustomId.parse(button["custom_id"]) is not None


def _hold_deliveries(view: RequestView, frame: Frame) -> None:
    """Hold what is told of a request's deliveries."""
    trades_row = examples.row_of(MessageKind.TRADES)
    for row in (trades_row, replace(trades_row, to_member=False)):
        for guild_name in ("", "*" * 100):
            hold_classic(trades.trade_message(row, view, frame, guild_name=guild_name))
    notice_row = examples.row_of(MessageKind.DELIVERY_NOTICE, to_member=False)
    hold_classic(delivery_notice.delivery_notice(notice_row, view, frame))
    hold(trades.trades_screen(view, frame))


@_FEW
@given(view=examples.views(), frame=examples.FRAMES)
def test_what_is_told_of_any_delivery_holds(view: RequestView, frame: Frame) -> None:
    _hold_deliveries(view, frame)


def test_trades_of_25_longest_names_have_a_line_and_a_button_each() -> None:
    frame = Frame(sandbox=True, commands={"my-requests": 10**18}, mark=1 << 30)
    row = examples.row_of(MessageKind.TRADES)
    for count in _EVERY_COUNT:
        view = _worst(RequestState.BOUGHT, count, "waiting")
        shown = trades.trade_message(row, view, frame, guild_name="*" * 100)
        assert len(shown.buttons) == count
        assert shown.content.count(": until <t:") == (count if count > 1 else 0)
        _hold_deliveries(view, frame)
    for status in OfferStatus:
        lines = [
            line
            if number % 2
            else LineView(line.line, (replace(line.attempts[0], offer_status=status),))
            for number, line in enumerate(view.lines)
        ]
        _hold_deliveries(replace(view, lines=tuple(lines)), frame)


def _worst(state: RequestState, count: int, how: str) -> RequestView:
    """Return a request of the longest names at the highest prices, each line with its own fate."""
    name = "[" * (examples.NAME_MAX - 2)
    price = Micros(99_999_990_000)
    lines = []
    for number in range(1, count + 1):
        line = examples.line(
            number,
            market_hash_name=f"{name}{number:02d}",
            quote=price,
            ceiling=price,
            listing_id=10**14 + number,
            usual=Micros(price // 100 - number * 10_000),
        )
        code = examples.CODES[number % len(examples.CODES)]
        tried = {
            "untouched": (),
            "bought": (
                examples.attempt(number, AttemptState.PURCHASED, debited=Micros(price - number)),
            ),
            "refused": (
                examples.attempt(number, AttemptState.REFUSED, code=code, message="|" * 300),
            ),
            "unknown": (
                examples.attempt(
                    number, AttemptState.UNKNOWN, code=number + 100, message="|" * 300
                ),
            ),
        }
        for status in OfferStatus:
            tried[f"lost: {status}"] = (
                examples.attempt(
                    number,
                    AttemptState.PURCHASED,
                    debited=Micros(price - number),
                    offer_status=status,
                ),
            )
        losses = [how for how in tried if how.startswith("lost")]
        tried["lost"] = tried[losses[number % len(losses)]]
        ways = _deliveries(number, price)
        tried["waiting"] = (
            next(one for one in ways if one.offer_status == OfferStatus.WAITING_ACCEPT),
        )
        tried["in delivery"] = (ways[number % len(ways)],)
        tried["settled"] = (
            examples.attempt(number, AttemptState.REFUSED, settled_at=NOW, settled_by=1),
        )
        tried["everything"] = tried[
            ["bought", "lost", "refused", "unknown", "settled", "untouched"][number % 6]
        ]
        tried["mixed"] = tried[["bought", "refused", "unknown", "untouched"][number % 4]]
        tried["half"] = tried["bought" if number % 2 else "refused"]
        lines.append(LineView(line, tried[how]))
    return examples.view(
        state,
        lines,
        note="`" * 200,
        decision_reason="`" * 200,
        dm_closed=True,
        version=2,
        expires_at=NOW,
        claimable_at=NOW,
        waits_for=WaitReason.STEAM_ACCOUNT if state is RequestState.BUYING else None,
        attention_at=NOW if how in ("unknown", "everything") else None,
        grace_from=NOW,
        step_at=NOW,
        look_ups=10**4,
    )


_EVERY_COUNT = range(1, 26)
_TELLING_COUNTS = (1, 2, 8, 9, 16, 24, 25)


@pytest.mark.parametrize(
    ("state", "how", "counts"),
    [
        *((state, "untouched", _TELLING_COUNTS) for state in RequestState),
        *((RequestState.BUYING, how, _TELLING_COUNTS) for how in ("refused", "unknown", "bought")),
        *((RequestState.BOUGHT, how, _TELLING_COUNTS) for how in ("refused", "bought", "half")),
        (RequestState.PENDING, "untouched", _EVERY_COUNT),
        (RequestState.BUYING, "mixed", _EVERY_COUNT),
        (RequestState.BOUGHT, "mixed", _EVERY_COUNT),
        (RequestState.BOUGHT, "half", _EVERY_COUNT),
        (RequestState.BUYING, "everything", _EVERY_COUNT),
        (RequestState.BUYING, "unknown", _EVERY_COUNT),
        (RequestState.BOUGHT, "everything", _EVERY_COUNT),
        (RequestState.BOUGHT, "lost", _EVERY_COUNT),
        (RequestState.BUYING, "in delivery", _TELLING_COUNTS),
        (RequestState.BOUGHT, "in delivery", _EVERY_COUNT),
        (RequestState.CLOSED, "in delivery", _TELLING_COUNTS),
        (RequestState.BOUGHT, "settled", _TELLING_COUNTS),
    ],
)
def test_the_longest_names_hold_for_1_to_25_lines(
    state: RequestState, how: str, counts: Sequence[int]
) -> None:
    frame = Frame(sandbox=True, commands={"request": 10**18, "my-requests": 10**18}, mark=1 << 30)
    for count in counts:
        view = _worst(state, count, how)
        for card in REQUEST_CARDS.values():
            hold(card(view, frame))
        hold(member.request_detail(view, [], frame, notice="\\*" * 2000))
        hold(approval.approval_details(view, [], frame, balance=Micros(1)))
        _hold_deliveries(view, frame)
        hold(queue.private_card(examples.card(view, Where.GONE), frame))
        for where in (Where.STANDS, Where.GONE):
            shown = queue.queue_screen(
                examples.queue([view] * PAGE, where=where, page=1, pages=9), frame
            )
            hold(shown)
            rows = [part for part in payloads(shown) if "**#" in part.get("content", "")]
            assert len(rows[0]["content"].split("\n")) == PAGE
        if how == "unknown":
            for chosen in ([], [1], range(1, count + 1)):
                hold(attention.settle_screen(view, frame, chosen=chosen, notice="\\*" * 2000))
            hold(attention.bought_modal(view, count))
            hold(attention.not_bought_modal(view, range(1, count + 1)))
            hold(attention.settled_screen(view, frame, notice="\\*" * 2000))


_LEFT_OUT = st.lists(
    st.builds(LeftOut, examples.NAMES, st.sampled_from(Why), st.none() | examples.AMOUNTS),
    max_size=25,
).map(lambda some: [text.left_out_in_words(one, 25) for one in some])
_EXTRAS = st.none() | st.sampled_from(
    [results.search_again(10**12), results.back_to_results(10**12, 40_000)]
)


@_FEW
@given(
    basket=examples.baskets(),
    page=st.integers(-2, 9),
    notice=st.sampled_from(["", "Added.", "\\*" * 2000]),
    rows=_LEFT_OUT,
    extra=_EXTRAS,
    known=st.booleans(),
    frame=examples.FRAMES,
)
def test_screens_of_any_basket_hold(
    basket: Basket,
    page: int,
    notice: str,
    rows: list[str],
    extra: baskets.Extra | None,
    known: bool,
    frame: Frame,
) -> None:
    hold(
        baskets.basket_screen(
            basket,
            frame,
            settings=GuildSettings(GUILD),
            trade_url=URL if known else None,
            page=page,
            notice=notice,
            rows=rows,
            left=Left(25, 0, tuple(range(10**6, 10**6 + 10))),
            prices=OLD_PRICES,
            extra=extra,
        )
    )
    hold(baskets.more_screen(basket, frame, notice, page=3))
    hold(baskets.empty_question(basket, frame))
    hold(baskets.note_modal(basket))
    for pick in basket.picks[:3]:
        quote = Quote("cs2", pick.market_hash_name, pick.quote, 10**6, "1")
        for today in (None, quote):
            shown = baskets.line_screen(
                basket,
                pick,
                frame,
                quote=today,
                notice=notice,
                prices=OLD_PRICES,
            )
            hold(shown)
        hold(baskets.ceiling_modal(basket, replace(pick, pick_id=10**9)))


def test_a_basket_of_the_longest_names_holds_with_all_that_can_stand_on_it() -> None:
    """One component is left, for one more button in the last row."""
    frame = Frame(sandbox=True, commands={"request": 10**18}, mark=1 << 30)
    name = "[" * (examples.NAME_MAX - 2)
    for count in _EVERY_COUNT:
        picks = [
            examples.pick(
                number,
                market_hash_name=f"{name}{number:02d}",
                quote=Micros(99_999_990_000),
                ceiling=Micros(99_999_990_000),
                listing_id=10**14 + number,
            )
            for number in range(1, count + 1)
        ]
        rows = [
            text.left_out_in_words(LeftOut(f"{name}{number:02d}", Why.NO_ROOM), 25)
            for number in range(1, 26)
        ]
        shown = baskets.basket_screen(
            examples.basket(picks, note="`" * 200),
            frame,
            settings=GuildSettings(GUILD, lines_max=25),
            trade_url=URL,
            notice=text.added_several(picks),
            rows=rows,
            left=Left(0, 0, tuple(range(10**6, 10**6 + 10))),
            prices=OLD_PRICES,
            extra=results.back_to_results(10**12, 40_000),
        )
        hold(shown)
        assert len(payloads(shown)) <= 40
        assert "no room" in str(payloads(shown))


def test_emoji_are_counted_as_the_most_careful_counts_them() -> None:
    written = "🙂" * 200
    for state in (RequestState.PENDING, RequestState.DENIED):
        worst = _worst(state, 25, "untouched")
        view = replace(worst, request=replace(worst.request, note=written, decision_reason=written))
        hold(approval.approval_card(view, Frame(sandbox=True)))
        hold(approval.approval_details(view, [], Frame(sandbox=True), balance=Micros(1)))


@pytest.mark.parametrize("count", [1, 2, 8, 25])
@pytest.mark.parametrize("sold_out", [True, False])
def test_the_question_about_prices_holds(count: int, sold_out: bool) -> None:
    question = examples.question(
        count,
        sold_out=sold_out,
        market_hash_name="[" * examples.NAME_MAX,
        ceiling=Micros(99_999_990_000),
        usual=Micros(1),
        stock=1,
    )
    hold(repricing.moved_screen(question, Frame(sandbox=True), notice="\\*" * 2000))


def test_25_doubtful_rows_of_the_longest_names_all_stand_on_the_approval_card() -> None:
    """At what skins cost: doubts must not push rows off the card that is decided on."""
    lines = [
        LineView(
            examples.line(
                number,
                market_hash_name=f"★ StatTrak™ Butterfly Knife | Gamma Doppler Phase 2 ({number})",
                quote=Micros(1_234_560_000),
                ceiling=Micros(1_296_290_000),
                usual=Micros(312_400_000),
                stock=2 if number % 5 == 0 else 14,
            ),
            (),
        )
        for number in range(1, 26)
    ]
    shown = approval.approval_card(examples.view(lines=lines, note="x" * 200), Frame())
    hold(shown)
    said = examples.texts(shown)
    assert "\n25. " in said
    assert said.count("⚠ 3.9 times its usual $312.40") == 25
    assert said.count(", only 2 for sale") == 5


@_FEW
@given(
    quotes=st.lists(
        examples.QUOTES, max_size=25, unique_by=lambda one: (one.game, one.market_hash_name)
    ),
    typed=st.sampled_from(["", "x", "`" * 100, *HOSTILE]),
    first=st.sampled_from([0, 25, 39_975]),
    quantity=st.integers(1, 25),
    ceiling=st.none() | examples.AMOUNTS,
    notice=st.sampled_from(["", "\\*" * 2000]),
    frame=examples.FRAMES,
)
def test_results_hold(
    quotes: list[Quote],
    typed: str,
    first: int,
    quantity: int,
    ceiling: Any,
    notice: str,
    frame: Frame,
) -> None:
    basket = examples.basket()
    search = Search(10**12, basket.request_id, typed, quantity, ceiling)
    matches = Matches(tuple(quotes), first + len(quotes) + 25, first)
    found = Found(basket, search, matches, ("cs2", "rust"), OLD_PRICES)
    hold(results.results_screen(found, frame, notice=notice))


@pytest.mark.parametrize("count", _EVERY_COUNT)
def test_results_with_names_longer_than_a_menu_has_room_for_hold(count: int) -> None:
    quotes = tuple(
        Quote("dota2", f"{'[' * 150}{number:02d}", Micros(99_999_990_000), 10**6, "1")
        for number in range(count)
    )
    basket = examples.basket()
    search = Search(1, basket.request_id, "[" * 100)
    found = Found(basket, search, Matches(quotes, 10**5, 25), ("cs2", "dota2"), OLD_PRICES)
    shown = results.results_screen(found, Frame(sandbox=True), notice="\\*" * 2000)
    hold(shown)
    (menu,) = (part for part in payloads(shown) if part["type"] == 3)
    assert len({one["value"] for one in menu["options"]}) == count


@pytest.mark.parametrize("values", [{}, {"name": "x" * 300, "quantity": "9" * 50, "ceiling": "$"}])
def test_the_modal_for_a_skin_holds(values: dict[str, str]) -> None:
    hold(baskets.add_modal(examples.basket(), values=values))


def _places(number: int) -> Iterator[PlaceFinding | None]:
    yield None
    yield PlaceFinding(number)
    yield PlaceFinding(number, exists=False)
    yield PlaceFinding(number, missing=NEEDED, everyone_reads=True, approvers_read=False)


@_FEW
@given(
    approver=st.sampled_from(
        [None, RoleFinding(1), RoleFinding(1, exists=False), RoleFinding(1, is_everyone=True)]
    ),
    approvals=st.sampled_from(list(_places(10**18))),
    results=st.sampled_from(list(_places(10**18 + 1))),
    askers=st.frozensets(st.integers(10**18, 10**18 + 400), max_size=60),
    confirmed=st.lists(st.integers(10**18, 10**19 - 1), max_size=200),
    parked=st.integers(0, 60),
    reason=st.sampled_from(["Discord 403/50013", "malformed", "", "`" * 300]),
    notice=st.sampled_from(["", "\\*" * 2000]),
    allowed=st.booleans(),
    frame=examples.FRAMES,
)
def test_the_set_up_panel_holds(
    approver: Any,
    approvals: Any,
    results: Any,
    askers: frozenset[int],
    confirmed: list[int],
    parked: int,
    reason: str,
    notice: str,
    allowed: bool,
    frame: Frame,
) -> None:
    chosen = GuildSettings(
        GUILD,
        approver_role_id=approver and approver.role_id,
        approval_channel_id=approvals and approvals.channel_id,
        results_channel_id=results and results.channel_id,
        asker_role_ids=askers,
        games=tuple(APP_IDS),
    )
    rows = [parked_row(number % 7, f"{reason}{number % 3}") for number in range(parked)]
    gone = frozenset(sorted(askers)[::2])
    hold(
        setup.setup_panel(
            chosen,
            frame,
            findings=SetupFindings(approver, approvals, results, gone),
            confirmed=confirmed,
            parked=rows,
            allowed=allowed,
            prices=PriceAge(1, Trouble(1, TroubleKind.SHRUNK)) if parked else None,
            notice=notice,
        )
    )
    hold(setup.test_card(chosen, frame, confirmed=confirmed))
    hold(setup.limits_modal(chosen))


def parked_row(number: int, reason: str) -> OutboxRow:
    """Return a message that Discord refused."""
    return OutboxRow(
        number,
        MessageKind.RESULT,
        GUILD,
        None,
        to_member=False,
        target_id=10**18 + number,
        mark=1,
        state=OutboxState.PARKED,
        channel_id=None,
        message_id=None,
        wanted=1,
        shown=0,
        tries=1,
        created_at=NOW,
        parked_reason=reason,
    )


@pytest.mark.parametrize("count", [0, 1, 25])
@pytest.mark.parametrize("balance", [None, 10**12])
def test_the_money_screen_holds(count: int, balance: int | None) -> None:
    report = examples.money_report(count, 2, 3, balance=balance)
    for chosen in (range(0), range(1, 26)):
        shown = money.money_screen(report, Frame(sandbox=True), chosen=chosen, notice="x" * 2000)
        hold(shown)


@pytest.mark.parametrize("count", [1, 25])
def test_the_message_that_a_member_is_there_holds(count: int) -> None:
    view = examples.missed_view(count, here_at=NOW)
    for part in (view.rounds, view.rounds + 1):
        shown = missed.member_here(replace(parked_row(1, ""), part=part), view, Frame(sandbox=True))
        assert len(shown.content) <= 2000
        for button in shown.buttons:
            assert CustomId.parse(button.custom_id or "") is not None


@pytest.mark.parametrize("context", ["", "basket", examples.REQUEST_ID])
@pytest.mark.parametrize("known", [None, URL])
def test_screens_of_the_trade_url_hold(context: str, known: TradeUrl | None) -> None:
    frame = Frame(sandbox=True)
    hold(trade_url.trade_url_screen(frame, known=known, context=context, notice="\\*" * 2000))
    hold(trade_url.trade_url_modal(context))
    hold(trade_url.trade_url_confirm(URL, "abcd1234", frame, context=context))
    hold(trade_url.trade_url_forget_question(frame, context=context))
    hold(trade_url.trade_url_saved(URL, frame, notices=["Request #42 goes on."] * 60))


@pytest.mark.parametrize("cause", PauseCause)
@pytest.mark.parametrize("code", [None, *examples.CODES])
def test_notices_hold(cause: PauseCause, code: int | None) -> None:
    frame = Frame(sandbox=True)
    pauses = [Pause(each, NOW, code, "`" * 1000) for each in PauseCause]
    own = GuildPause(GUILD, NOW, MODERATOR, "`" * 200)
    one = Pause(cause, NOW, code, "`" * 1000)
    operated = replace(frame, operator_ids=tuple(range(10**18, 10**18 + 30)))
    hold(notices.pause_notice(Paused((one,), None), operated))
    hold(notices.pause_notice(Paused((), own), operated))
    hold(notices.pause_notice(Paused(tuple(pauses), own), operated))
    hold(
        approval.approval_details(
            examples.view(), [], frame, balance=None, paused=Paused(tuple(pauses), own)
        )
    )
    hold(notices.notice("\\*" * 5000, frame))
    hold(notices.pause_over(frame))
    hold(notices.moderator_notice("x" * 5000, frame))
    hold(notices.server_not_allowed(MODERATOR, frame))
    hold(setup.panel_message(frame))


def test_a_clipped_text_never_ends_in_half_an_escape() -> None:
    for length in range(1, 12):
        cut = parts.clipped_markdown("\\*" * 10, length)
        assert len(cut) <= length
        assert (len(cut) - len(cut.rstrip("…").rstrip("\\"))) in (0, 1) or "\\…" not in cut


def test_a_list_that_is_cut_says_how_many_are_missing() -> None:
    rows = [f"row {number}" for number in range(10)]
    cut = parts.fit(rows, 40, "and {n} more")
    shown = cut.split("\n")
    assert len(cut) <= 40
    assert shown[-1] == f"and {10 - (len(shown) - 1)} more"


async def test_cards_are_stopped_so_that_the_library_keeps_none_of_them() -> None:
    frame = Frame()
    assert approval.approval_card(examples.view(), frame).is_finished()
    assert baskets.add_modal(examples.basket()).is_finished()
