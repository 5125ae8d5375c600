"""Every answer of the market, from the code or the broken line to what people read about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bot.domain.models import SUBSTITUTED_CODES
from bot.domain.money import DOLLAR
from bot.sandbox.discord import Message
from bot.sandbox.skinsback import Fault
from bot.sandbox.skinsback.answers import ApiError
from bot.sandbox.skinsback.catalogue import build_catalogue
from bot.sandbox.skinsback.faults import Scripted
from bot.sandbox.skinsback.ledger import LedgerEntry
from bot.skinsback.refusals import RULES, RefusalKind, Scope, rule_for
from bot.ui import text
from tests.e2e.cases import Case, send
from tests.e2e.world import MARKET_SIZE, World

UNHEARD_OF = 99
UNCLEAR = "without a clear answer from the market yet"

WHOLE_CALL = [code for code, rule in RULES.items() if rule.scope is Scope.CALL]
PAUSING = [code for code, rule in RULES.items() if rule.pauses_buying]
PER_LINE = [code for code, rule in RULES.items() if rule.scope is Scope.LINE and rule.definite]

shared = pytest.mark.asyncio(loop_scope="module")


_GOODS = build_catalogue(1, MARKET_SIZE)
_FRESH = iter(
    [item.name for item in _GOODS if item.game == "cs2" and item.count > 4 and item.price < DOLLAR]
)


def goods(count: int) -> list[str]:
    """Return cheap skins that no other test of this module asks for."""
    return [next(_FRESH) for _ in range(count)]


def sentences(words: str) -> list[str]:
    """Return the sentences of a template that stand on a card as they stand in the table."""
    return [
        sentence
        for sentence in re.split(r"(?<=[.:;]) ", words)
        if not re.search(r"[*{}`]", sentence)
    ]


async def reads(message: Message, words: str, code: int | None = None) -> None:
    """Wait until a message says something of the table, with or without its code."""
    wanted = sentences(words)
    assert wanted, words
    await message.wait_for(lambda one: all(sentence in one.text for sentence in wanted))
    if code is None:
        assert "(code" not in message.text
    else:
        assert f"(code {code})" in message.text


def test_table_when_read_then_it_has_every_code_of_the_api() -> None:
    """What is walked through below is all that there is."""
    assert sorted(RULES) == [*range(-10, 0), *range(4, 11)]
    assert sorted(PAUSING) == [-10, -8, -5, -4, -3, -2, -1]
    assert PER_LINE == [4, 5, 6]


@shared
@pytest.mark.usefixtures("books")
async def test_batch_when_refused_as_a_whole_then_it_waits_and_says_for_what(
    shared_world: World,
) -> None:
    """Nothing was bought, the request keeps its approval, and the next try has the next key."""
    world = shared_world
    cases: dict[int, Case] = {}
    for code in WHOLE_CALL:
        if code in PAUSING:
            continue
        cases[code] = case = await send(world, (goods(1)[0], 1))
        world.market.refuse("market_batch_buy", code)
        await case.approve()
        await world.until(lambda case=case: case.row["waits_for"])  # type: ignore[misc]
        assert case.state == "approved"
        assert [(row["state"], row["code"], row["refused_whole"]) for row in case.attempts] == [
            ("refused", code, 1)
        ]
    assert world.rows("SELECT * FROM pauses") == []
    for code, case in cases.items():
        reason = text.REFUSALS[rule_for(code).kind]
        await reads(await case.status("approved, waiting"), reason.member)
        await reads(case.card, reason.moderator, code)
    assert not any(case.told_result for case in cases.values())
    # What the market refuses a Steam account for is counted from when it did.
    world.change("UPDATE attempts SET ended_at = ended_at - 3600001 WHERE code = 10")
    await world.hurry()
    for case in cases.values():
        await case.result("the skin is bought")
        assert [key[-4:] for key in case.keys_sent] == ["0101", "0102"]
        assert len(case.bought) == 1


@shared
@pytest.mark.usefixtures("books")
async def test_batch_when_refused_for_good_then_buying_pauses_and_the_operator_is_told(
    shared_world: World,
) -> None:
    """For each code that stays until somebody mends it: the notice, the log, both cards."""
    world = shared_world
    cases: dict[int, Case] = {}
    for code in PAUSING:
        cases[code] = case = await send(world, (goods(1)[0], 1))
        world.market.refuse("market_batch_buy", code)
        await case.approve()
        words = text.REFUSALS[rule_for(code).kind].moderator
        notice = await world.approvals.wait_for(
            lambda message, code=code: (  # type: ignore[misc]
                "Buying is paused" in message.text and f"(code {code})" in message.text
            )
        )
        await reads(notice, words, code)
        assert f"the market answers code {code} ({RULES[code].name})" in world.bot.log()
        assert world.max.notifications == []
        world.change("DELETE FROM pauses")
    for code, case in cases.items():
        reason = text.REFUSALS[rule_for(code).kind]
        await reads(await case.status("approved, waiting"), reason.member)
        await reads(case.card, reason.moderator, code)
        assert case.row["waits_for"] == "operator"
    await world.hurry()
    for case in cases.values():
        await case.result("the skin is bought")
        assert [key[-4:] for key in case.keys_sent] == ["0101", "0102"]


@pytest.mark.usefixtures("books")
async def test_market_when_it_refuses_us_then_buying_goes_on_by_itself_once_it_lets_us_in(
    empty_world: World,
) -> None:
    """The bot comes up with buying paused, takes requests, and needs no one to lift the pause."""
    world = await empty_world.set_up()
    world.market.ip_allowed = False
    await world.start(with_prices=False)
    notice = await world.approvals.wait_for("Buying is paused")
    await reads(notice, text.REFUSALS[RefusalKind.IP_REFUSED].moderator, -8)
    assert "code -8 (invalid_ip_address)" in world.bot.log()
    world.market.ip_allowed = True
    await world.restart()
    await notice.wait_for("Buying goes on")

    # A search that is refused means the same as a refused purchase.
    case = await send(world, (goods(1)[0], 1))
    world.market.refuse("market_search", -4)
    await case.approve()
    await case.waits("operator")
    await world.approvals.wait_for("(code -4)")
    assert "The market refuses us" in (await case.card.wait_for("The market refuses us")).text
    # The balance is told all the same, and that alone is no reason to try again at once.
    assert "Balance at SkinsBack" in (await world.max.click(case.card, "Details")).text
    await case.is_left_alone()
    await case.waits("paused")
    world.market.refuse("balance", -4)
    await world.restart(kill=True)
    await case.is_left_alone()
    await world.restart(kill=True)
    await case.result("the skin is bought")
    assert len(case.calls) == 1


@shared
@pytest.mark.usefixtures("books")
async def test_line_when_refused_then_the_result_says_why_and_the_rest_is_bought(
    shared_world: World,
) -> None:
    """The member reads what to do, the moderator the code; a gone listing is tried three times."""
    world = shared_world
    names = {code: goods(2) for code in PER_LINE}
    with refusing(world, {name: code for code, (name, _) in names.items()}):
        cases = {code: await send(world, (a, 1), (b, 1)) for code, (a, b) in names.items()}
        for case in cases.values():
            await case.approve()
            await case.result("1 of 2 skins bought")
            await world.until(lambda case=case: case.state == "bought")  # type: ignore[misc]
    for code, case in cases.items():
        reason = text.REFUSALS[rule_for(code).kind]
        await reads(await case.result(), reason.member)
        await reads(case.card, after_three_tries(code) or reason.again, code)
        await reads(await case.status("partly bought"), reason.member)
        assert case.state == "bought"
        tries = 3 if code in SUBSTITUTED_CODES else 1
        assert [(row["state"], row["code"]) for row in case.attempts] == [
            *[("refused", code)] * tries,
            ("purchased", None),
        ]
        assert len({row["listing_id"] for row in case.attempts}) == tries + 1
        assert [entry.name for entry in case.bought] == [names[code][1]]
        assert len(case.calls) == tries
    sent = {code: case.keys_sent for code, case in cases.items()}
    await cases[4].is_left_alone()
    assert {code: case.keys_sent for code, case in cases.items()} == sent


def after_three_tries(code: int) -> str:
    """Return what a moderator reads of a line of which no listing could be had, or ""."""
    templates = {5: text.SOLD_MEANWHILE, 6: text.DEARER_MEANWHILE}
    if code not in templates:
        return ""
    sentence = templates[code].format(listings="3 listings")
    return text.LOOKS_FOR_NEW_ONES.format(sentence=sentence)


@contextmanager
def refusing(world: World, codes: dict[str, int]) -> Iterator[None]:
    """Let the market refuse the lines of some names, each with a code."""
    buy = world.market._buy_listing

    def refuse(
        partner: int, line: dict[str, object], known: set[str] | None, bent: Scripted | None
    ) -> LedgerEntry:
        item = world.market.stock.owner(int(str(line["id"])))
        if item is not None and item.name in codes:
            raise ApiError(codes[item.name], f"answer {codes[item.name]}")
        return buy(partner, line, known, bent)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.market, "_buy_listing", refuse)
        yield


# What is not clear


def break_the_row(world: World) -> None:
    """Forget what was unclear: three requests of a world in a row would pause its buying."""
    world.change("DELETE FROM unclear_calls")


async def is_unknown(case: Case, *, lines: int = 1) -> None:
    """Make sure that everyone is told that it is not known, and that nothing is sent again."""
    result = await case.result("please don't ask for it again")
    status = await case.status("please don't ask for it again")
    await case.card.wait_for(UNCLEAR)
    for message in (result, status, case.card):
        assert message.text.count("Not confirmed") == 1, message.text
        assert "Nothing was paid" not in message.text
        assert "othing could be bought" not in message.text
        assert "Nothing was bought" not in message.text, message.text
    assert "(code" not in result.text + status.text
    assert re.search("Do not buy (it|them) by hand", case.card.text)
    assert [button.label for button in case.card.buttons] == ["Check now", "Details"]
    assert case.state == "buying"
    assert [row["state"] for row in case.attempts].count("unknown") == lines
    assert len(case.calls) == 1


@shared
@pytest.mark.usefixtures("books")
@pytest.mark.parametrize("fault", [Fault.DROP, Fault.CUT_BODY, Fault.HTML_502, Fault.REDIRECT])
async def test_batch_when_the_line_breaks_then_it_is_looked_up_and_not_sent_again(
    shared_world: World, fault: Fault
) -> None:
    """Whatever goes wrong after the call has left, it may have bought everything or nothing."""
    world = shared_world
    cases = []
    for carried_out in (True, False):
        break_the_row(world)
        case = await send(world, *((name, 1) for name in goods(2)))
        world.market.break_next("market_batch_buy", fault, carried_out=carried_out)
        await case.approve()
        await case.result()
        assert len(case.bought) == (2 if carried_out else 0)
        cases.append(case)
    found, missing = cases
    # Within seconds it is looked up: found is proof, and nothing is sent again.
    await found.result("all 2 skins bought")
    await found.card.wait_for("2 skins bought")
    assert [row["state"] for row in found.attempts] == ["purchased", "purchased"]
    await is_unknown(missing, lines=2)
    await are_left_alone(*cases)


@shared
@pytest.mark.usefixtures("books")
async def test_batch_when_refused_as_a_whole_with_a_code_of_a_line_then_it_is_unknown(
    shared_world: World,
) -> None:
    """A code where no document has it proves nothing."""
    cases = []
    for code in (4, 5, 6, 7, UNHEARD_OF):
        break_the_row(shared_world)
        case = await send(shared_world, (goods(1)[0], 1))
        shared_world.market.refuse("market_batch_buy", code, "what_is_this")
        await case.approve()
        await case.result()
        cases.append(case)
    for case in cases:
        await is_unknown(case)
    await are_left_alone(*cases)


@shared
@pytest.mark.usefixtures("books")
async def test_line_when_its_code_is_none_of_a_line_then_it_is_unknown(
    shared_world: World,
) -> None:
    """Neither a known code in the wrong place nor an unknown one is taken for a refusal."""
    world = shared_world
    codes = [code for code in (*RULES, UNHEARD_OF) if code not in PER_LINE]
    cases: dict[tuple[int, ...], Case] = {}
    for three in (tuple(codes[at : at + 3]) for at in range(0, len(codes), 3)):
        break_the_row(world)
        names = goods(len(three))
        cases[three] = case = await send(world, *((name, 1) for name in names))
        with refusing(world, dict(zip(names, three, strict=True))):
            await case.approve()
            await case.result()
    for three, case in cases.items():
        await case.card.wait_for(UNCLEAR)
        for message in (case.card, await case.result(), await case.status("❔")):
            assert message.text.count("❔") == len(three)
            assert message is case.card or "(code" not in message.text
        for code in three:
            assert f"(code {code})" in case.card.text
        assert [(row["state"], row["code"]) for row in case.attempts] == [
            ("unknown", code) for code in three
        ]
        assert case.bought == []
    assert f"The market said: “answer {UNHEARD_OF}”" in case.card.text
    assert world.rows("SELECT * FROM pauses") == []
    await are_left_alone(*cases.values())


@shared
@pytest.mark.usefixtures("books")
async def test_line_when_the_answer_contradicts_itself_then_only_this_line_is_unknown(
    shared_world: World,
) -> None:
    """A line in neither map, in both, or with a new code: the others are told as they are."""
    world = shared_world
    cases = []
    for fault, carried_out in (
        (Fault.LINE_MISSING, True),
        (Fault.LINE_MISSING, False),
        (Fault.LINE_IN_BOTH, True),
        (Fault.UNKNOWN_CODE, True),
        (Fault.UNKNOWN_CODE, False),
    ):
        break_the_row(world)
        first, second = goods(2)
        case = await send(world, (first, 1), (second, 2))
        world.market.break_next("market_batch_buy", fault, carried_out=carried_out)
        await case.approve()
        result = await case.result("2 of 3 skins bought")
        assert sum(result.text.count(f"· {sign} ") for sign in "📦⏱✅") == 2
        assert result.text.count("❔") == 1
        assert len(case.bought) == 2 + carried_out
        cases.append(case)
    for case in cases:
        if len(case.bought) == 3:
            await case.result("all 3 skins bought")
            assert {row["state"] for row in case.attempts} == {"purchased"}
            continue
        await case.card.wait_for(UNCLEAR)
        assert [row["state"] for row in case.attempts] == ["unknown", "purchased", "purchased"]
        assert case.state == "buying"
    await are_left_alone(*cases)


async def are_left_alone(*cases: Case) -> None:
    """Let everything that waits be looked at, and make sure that nothing was sent again."""
    await cases[0].is_left_alone()
    assert [len(case.calls) for case in cases] == [1] * len(cases)


@shared
@pytest.mark.usefixtures("books")
async def test_line_when_it_is_unknown_then_no_code_makes_a_card_say_that_nothing_was_bought(
    shared_world: World,
) -> None:
    """What a code means for a whole call says nothing about a line whose fate is not known."""
    break_the_row(shared_world)
    names = goods(3)
    case = await send(shared_world, *((name, 1) for name in names))
    with refusing(shared_world, dict(zip(names, (8, -9, -10), strict=True))):
        await case.approve()
        await case.card.wait_for(UNCLEAR)
    for message in (case.card, await case.result(), await case.status("❔")):
        assert "othing was bought" not in message.text
        assert "buying is paused" not in message.text
        assert "goes on" not in message.text


@shared
@pytest.mark.usefixtures("books")
async def test_batch_when_refused_with_an_unknown_code_then_it_is_shown_as_it_came(
    shared_world: World,
) -> None:
    """A code that nobody knows is shown to moderators as it came."""
    break_the_row(shared_world)
    case = await send(shared_world, (goods(1)[0], 1))
    shared_world.market.refuse("market_batch_buy", UNHEARD_OF, "what_is_this")
    await case.approve()
    await case.card.wait_for(UNCLEAR)
    assert f"(code {UNHEARD_OF})" in case.card.text
    assert "The market said: “what" in case.card.text
