"""Pasting: what is clear goes in, once, and everything else is kept with its reason."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.models import Basket
from bot.domain.money import CENT, DOLLAR, Micros, ceiling_for
from bot.domain.pasted import WhyNot
from bot.errors import Problem, UserFacingError
from bot.sandbox.skinsback import Fault, SkinsbackSandbox
from bot.services.baskets import Shown
from bot.services.pasting import KEPT_MAX, PAGE, READ_AT_ONCE, LineLeft, Pasted
from bot.store import settings
from tests.services.house import (
    ANA,
    ASIIMOV,
    BEA,
    GUILD,
    REDLINE,
    SLATE,
    House,
    ManualClock,
    ScriptedDiscord,
    open_house,
)

CASE = "Kilowatt Case"


def shown(basket: Basket) -> Shown:
    return Shown(basket.request_id, basket.revision)


async def paste(house: House, text: str, *, form: str = "one", at: Shown | None = None) -> Pasted:
    """Paste a list into what the basket is now."""
    at = at or shown(await house.baskets.open(ANA))
    return await house.pasting.put(ANA, at, text, form=form)


async def rows(house: House) -> list[tuple[str, int, Micros]]:
    """Return what is in the basket: skin, how many, ceiling."""
    basket = await house.baskets.open(ANA)
    return [(pick.market_hash_name, pick.quantity, pick.ceiling) for pick in basket.picks]


async def left(house: House) -> list[LineLeft]:
    return list((await house.pasting.left(ANA)).lines)


async def texts(house: House) -> list[str]:
    return [line.text for line in await left(house)]


def having(
    house: House, monkeypatch: pytest.MonkeyPatch, where: str, name: str, **changes: object
) -> None:
    """Have the price list say something else about one skin of a game."""
    known = house.catalogue.find
    quote = known("cs2", name)
    assert quote is not None
    changed = replace(quote, **changes)  # type: ignore[arg-type]
    monkeypatch.setattr(
        house.catalogue, "find", lambda *skin: changed if skin == (where, name) else known(*skin)
    )


def usual(house: House, name: str, tolerance_bp: int = 500) -> Micros:
    quote = house.catalogue.find("cs2", name)
    assert quote is not None
    return ceiling_for(quote.price, tolerance_bp)


class TestWhatIsClear:
    """A skin's own name goes in by itself, with what its line says besides."""

    async def test_list_is_in_the_basket_at_once(self, house: House) -> None:
        before = await house.baskets.open(ANA)
        pasted = await paste(
            house,
            f"My list:\r\n- 2x {REDLINE} @ 15\n\n1x {ASIIMOV.upper()}\n> kilowatt  case,\n",
        )
        assert await rows(house) == [
            (REDLINE, 2, 15 * DOLLAR),
            (ASIIMOV, 1, usual(house, ASIIMOV)),
            (CASE, 1, usual(house, CASE)),
        ]
        assert [pick.quantity for pick in pasted.added] == [2, 1, 1]
        assert not pasted.outdated
        assert not pasted.again
        after = await house.baskets.open(ANA)
        assert (after.revision, after.pasted_left) == (before.revision + 1, 0)

    async def test_same_skin_on_two_lines_is_one_row(self, house: House) -> None:
        await house.pick(ANA, REDLINE)
        pasted = await paste(house, f"{REDLINE}\n2x {REDLINE}\n{REDLINE} @ 20\nak-47 redline")
        assert await rows(house) == [
            (REDLINE, 4, usual(house, REDLINE)),
            (REDLINE, 1, 20 * DOLLAR),
        ]
        assert [pick.quantity for pick in pasted.added] == [3, 1]
        assert await texts(house) == ["ak-47 redline"]

    async def test_name_alone_decides_what_a_number_means(self, house: House) -> None:
        sticker = "Sticker | Natus Vincere (Holo) | Stockholm 2021"
        await paste(house, f"2 {sticker}\n{sticker} x3 @ 5")
        assert await rows(house) == [
            (sticker, 2, usual(house, sticker)),
            (sticker, 3, 5 * DOLLAR),
        ]

    async def test_listing_goes_in_at_its_own_price(self, house: House) -> None:
        one, other = house.market.listings(REDLINE)[3:5]
        case = house.market.listings(CASE)[0]
        await paste(
            house,
            f"{REDLINE} #{one.listing_id}\nak-47 redline field tested {other.listing_id} @ 20\n"
            f"{CASE} id {case.listing_id}",
        )
        picks = (await house.baskets.open(ANA)).picks
        assert [(pick.listing_id, pick.quote) for pick in picks] == [
            (one.listing_id, one.price),
            (other.listing_id, other.price),
            (case.listing_id, case.price),
        ]
        assert picks[0].ceiling == ceiling_for(one.price, 500)
        assert picks[1].ceiling == 20 * DOLLAR
        looks = [call for call in house.market.calls if call.method == "market_search"]
        assert len(looks) == 1, "one look for the whole list"


class TestWhatIsNot:
    """Each other line stays, with its reason and what it may mean."""

    @pytest.mark.parametrize(
        ("line", "why", "offered"),
        [
            ("ak-47 redline ft", WhyNot.UNCLEAR, REDLINE),
            ("2x redline @ 15", WhyNot.UNCLEAR, REDLINE),
            ("xyzzy", WhyNot.UNKNOWN, None),
            ("鬼", WhyNot.UNKNOWN, None),
            ("x" * 300, WhyNot.UNKNOWN, None),
            ("62696971", WhyNot.NO_NAME, None),
            (f"{REDLINE} 15", WhyNot.NUMBER, None),
            (f"26x {REDLINE}", WhyNot.QUANTITY, None),
            (f"{REDLINE} @ 1.234", WhyNot.PRICE, REDLINE),
            (f"{REDLINE} @ 0", WhyNot.PRICE_RANGE, REDLINE),
            (f"{REDLINE} 15 €", WhyNot.CURRENCY, REDLINE),
            ("redline ft @ 15€", WhyNot.CURRENCY, REDLINE),
            (f"{REDLINE} @ 5", WhyNot.CEILING, REDLINE),
            (f"11x {REDLINE}", WhyNot.ROOM, None),
            (f"{REDLINE} #5", WhyNot.LISTING_GONE, REDLINE),
            (f"2x {REDLINE} #5", WhyNot.LISTING_QUANTITY, None),
        ],
        ids=lambda value: value.value if isinstance(value, WhyNot) else "",
    )
    async def test_line_stays_with_its_reason(
        self, house: House, line: str, why: WhyNot, offered: str | None
    ) -> None:
        pasted = await paste(house, f"{CASE}\n{line}")
        assert [pick.market_hash_name for pick in pasted.added] == [CASE]
        (only,) = await left(house)
        assert (only.text, only.why) == (line, why)
        if offered is None:
            assert only.options == ()
        else:
            assert only.options[0].quote.market_hash_name == offered
            assert all(option.ceiling >= option.quote.price for option in only.options)
        assert (await house.baskets.open(ANA)).pasted_left == 1

    async def test_limit_is_offered_with_a_match_only_where_it_buys_something(
        self, house: House
    ) -> None:
        await paste(house, f"3x ak-47 redline @ 15\n{REDLINE} @ 5")
        unclear, dear = await left(house)
        assert (unclear.wanted.quantity, unclear.wanted.ceiling) == (3, 15 * DOLLAR)
        ceilings = {option.quote.market_hash_name: option.ceiling for option in unclear.options}
        stattrak = f"StatTrak™ {REDLINE}"
        assert ceilings == {REDLINE: 15 * DOLLAR, stattrak: usual(house, stattrak)}
        assert dear.options[0].ceiling == usual(house, REDLINE)

    async def test_sold_out_skin_is_told_with_others_like_it(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        having(house, monkeypatch, "cs2", REDLINE, count=0)
        await paste(house, REDLINE)
        (only,) = await left(house)
        assert only.why is WhyNot.SOLD_OUT
        assert [one.quote.market_hash_name for one in only.options] == [f"StatTrak™ {REDLINE}"]

    async def test_line_that_finds_no_room_stays_and_a_smaller_one_goes_in(
        self, house: House
    ) -> None:
        await paste(house, f"8x {REDLINE}\n3x {ASIIMOV}\n2x {CASE}\n{SLATE}")
        assert [(name, n) for name, n, _ in await rows(house)] == [(REDLINE, 8), (CASE, 2)]
        rest = await house.pasting.left(ANA)
        assert [(line.text, line.why) for line in rest.lines] == [
            (f"3x {ASIIMOV}", WhyNot.ROOM),
            (SLATE, WhyNot.ROOM),
        ]
        assert rest.room == 0

    async def test_listing_twice_is_taken_once(self, house: House) -> None:
        listing = house.market.listings(REDLINE)[0].listing_id
        await paste(house, f"{REDLINE} #{listing}\n{REDLINE} #{listing}")
        (only,) = await left(house)
        assert only.why is WhyNot.LISTING_TWICE
        assert len(await rows(house)) == 1

    async def test_listing_stays_while_the_market_is_down(self, house: House) -> None:
        line = f"{REDLINE} #{house.market.listings(REDLINE)[0].listing_id}"
        house.market.break_next("market_search", Fault.HTML_502)
        await paste(house, f"{line}\n{CASE}")
        assert [name for name, _, _ in await rows(house)] == [CASE]
        house.market.break_next("market_search", Fault.HTML_502)
        (only,) = await left(house)
        assert (only.text, only.why) == (line, WhyNot.MARKET)
        (only,) = await left(house)
        assert only.why is WhyNot.NOT_YET
        await house.pasting.again(ANA, shown(await house.baskets.open(ANA)))
        assert [name for name, _, _ in await rows(house)] == [CASE, REDLINE]
        assert await left(house) == []

    async def test_list_before_the_prices_were_read_is_kept(
        self, path: Path, market: SkinsbackSandbox, discord: ScriptedDiscord, clock: ManualClock
    ) -> None:
        async with open_house(path, market, discord, clock) as house:
            await house.set_up()
        path.with_suffix(".prices").unlink()
        async with open_house(path, market, discord, clock) as house:
            pasted = await paste(house, f"My skins:\n{REDLINE}")
            assert pasted.added == ()
            assert {line.why for line in await left(house)} == {WhyNot.NO_PRICES}
            await house.catalogue.refresh()
            await house.pasting.again(ANA, shown(await house.baskets.open(ANA)))
            assert [name for name, _, _ in await rows(house)] == [REDLINE]
            assert await left(house) == []

    async def test_name_in_two_games_is_never_taken_by_itself(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with house.database.writing() as tx:
            await settings.set_games(tx, GUILD, ["cs2", "rust"])
        having(house, monkeypatch, "rust", REDLINE, game="rust")
        await paste(house, f"{REDLINE}\n{CASE}")
        assert [name for name, _, _ in await rows(house)] == [CASE]

    @pytest.mark.parametrize("nothing", ["", "\u200b \n```\n```", "---", "Skins:"])
    async def test_list_without_a_skin_changes_nothing_that_counts(
        self, house: House, nothing: str
    ) -> None:
        pasted = await paste(house, nothing)
        assert (pasted.added, await left(house)) == ((), [])


class TestForms:
    """Forms come late, twice, and after the basket has moved on."""

    async def test_form_that_is_sent_twice_counts_once(self, house: House) -> None:
        at = shown(await house.baskets.open(ANA))
        taps = await asyncio.gather(
            *(paste(house, f"{REDLINE}\nfoo", form="a", at=at) for _ in range(4))
        )
        assert sorted(tap.again for tap in taps) == [False, True, True, True]
        assert [(name, n) for name, n, _ in await rows(house)] == [(REDLINE, 1)]
        assert await texts(house) == ["foo"]
        await paste(house, f"{REDLINE}\nfoo", form="b")
        assert [(name, n) for name, n, _ in await rows(house)] == [(REDLINE, 2)]
        assert await texts(house) == ["foo", "foo"]

    async def test_form_of_an_older_basket_adds_what_is_clear_and_says_so(
        self, house: House
    ) -> None:
        old = shown(await house.baskets.open(ANA))
        await house.pick(ANA, CASE)
        pasted = await paste(house, f"{REDLINE}\nfoo", at=old)
        assert pasted.outdated
        assert [name for name, _, _ in await rows(house)] == [CASE, REDLINE]

    async def test_lines_that_are_fixed_take_the_place_of_the_old_ones(self, house: House) -> None:
        await paste(house, "redlin\nasimov\nfoo")
        basket = await house.baskets.open(ANA)
        pasted = await house.pasting.fix(
            ANA, shown(basket), f"2x {REDLINE}\nasiimov", form="two", replaced=2
        )
        assert [pick.market_hash_name for pick in pasted.added] == [REDLINE]
        assert await texts(house) == ["asiimov", "foo"]
        second = await house.pasting.fix(
            ANA, shown(basket), f"2x {REDLINE}\nasiimov", form="two", replaced=2
        )
        assert second.again
        assert [(name, n) for name, n, _ in await rows(house)] == [(REDLINE, 2)]

    async def test_lines_that_are_fixed_too_late_are_kept_and_put_nowhere(
        self, house: House
    ) -> None:
        """One of them may have been chosen meanwhile, and would be in twice."""
        await paste(house, "redline\nfoo")
        old = shown(await house.baskets.open(ANA))
        quote = (await left(house))[0].options[0]
        await house.pasting.choose(
            ANA, old, 0, ("cs2", quote.quote.market_hash_name), quantity=1, ceiling=quote.ceiling
        )
        pasted = await house.pasting.fix(ANA, old, f"{REDLINE}\nfoo", form="two", replaced=2)
        assert pasted.outdated
        assert pasted.added == ()
        assert len(await rows(house)) == 1
        assert [(line.text, line.why) for line in await left(house)] == [
            ("foo", WhyNot.UNKNOWN),
            (REDLINE, WhyNot.NOT_YET),
        ]

    async def test_fixing_with_nothing_leaves_everything(self, house: House) -> None:
        await paste(house, "foo")
        at = shown(await house.baskets.open(ANA))
        assert await house.pasting.fix(ANA, at, " \n", form="two", replaced=1) == Pasted()
        assert await texts(house) == ["foo"]


class TestChoosing:
    """A match goes in as it was offered, and its line goes."""

    async def test_chosen_match_takes_quantity_and_limit_of_its_line(self, house: House) -> None:
        await paste(house, "foo\n3x redline ft @ 15")
        at = shown(await house.baskets.open(ANA))
        line = (await left(house))[1]
        pick = await house.pasting.choose(
            ANA, at, 1, ("cs2", REDLINE), quantity=3, ceiling=line.options[0].ceiling
        )
        assert (pick.quantity, pick.ceiling) == (3, 15 * DOLLAR)
        assert await rows(house) == [(REDLINE, 3, 15 * DOLLAR)]
        assert await texts(house) == ["foo"]

    async def test_choice_that_cant_be_leaves_line_and_basket(self, house: House) -> None:
        await paste(house, "redline ft\nfoo")
        await house.pick(ANA, CASE, 8)
        before = await house.baskets.open(ANA)
        at = shown(before)

        async def refused(name: str, quantity: int, ceiling: int, *, number: int = 0) -> Problem:
            with pytest.raises(UserFacingError) as why:
                await house.pasting.choose(
                    ANA,
                    at,
                    number,
                    ("cs2", name),
                    quantity=quantity,
                    ceiling=Micros(ceiling * DOLLAR),
                )
            return why.value.problem

        assert await refused(REDLINE, 3, 20) is Problem.TOO_MANY_LINES
        assert await refused(REDLINE, 1, 5) is Problem.CEILING_BELOW_CHEAPEST
        assert await refused("gone", 1, 20) is Problem.SKIN_OUT_OF_STOCK
        assert await refused(REDLINE, 1, 20, number=2) is Problem.BASKET_CHANGED
        assert await house.baskets.open(ANA) == before

    async def test_two_thumbs_on_one_line_put_it_in_once(self, house: House) -> None:
        await paste(house, "redline ft\nasiimov ft")
        at = shown(await house.baskets.open(ANA))
        made = await asyncio.gather(
            *(
                house.pasting.choose(
                    ANA, at, 0, ("cs2", REDLINE), quantity=1, ceiling=Micros(1_302 * CENT)
                )
                for _ in range(4)
            ),
            return_exceptions=True,
        )
        problems = [one.problem for one in made if isinstance(one, UserFacingError)]
        assert problems == [Problem.BASKET_CHANGED] * 3
        assert [(name, n) for name, n, _ in await rows(house)] == [(REDLINE, 1)]
        assert await texts(house) == ["asiimov ft"]

    async def test_lines_are_left_out_one_by_one_and_all_at_once(self, house: House) -> None:
        await paste(house, "foo\nbar\nbaz")
        old = shown(await house.baskets.open(ANA))
        assert await house.pasting.leave_out(ANA, old, 1) == ("bar",)
        with pytest.raises(UserFacingError) as why:
            await house.pasting.leave_out(ANA, old)
        assert why.value.problem is Problem.BASKET_CHANGED
        assert await house.pasting.leave_out(ANA, shown(await house.baskets.open(ANA))) == (
            "foo",
            "baz",
        )
        assert await left(house) == []

    async def test_nobody_touches_the_lines_of_another_member(self, house: House) -> None:
        await paste(house, "foo")
        at = shown(await house.baskets.open(ANA))
        with pytest.raises(UserFacingError):
            await house.pasting.leave_out(BEA, at)
        assert (await house.pasting.left(BEA)).total == 0
        assert await texts(house) == ["foo"]


class TestKeeping:
    """What is left outlives everything but its member's will."""

    async def test_lines_outlive_a_restart_and_the_basket(
        self, path: Path, market: SkinsbackSandbox, discord: ScriptedDiscord, clock: ManualClock
    ) -> None:
        async with open_house(path, market, discord, clock) as house:
            await house.set_up()
            await house.give_url(ANA)
            await paste(house, f"9x {REDLINE}\n2x {CASE}")
            basket = await house.baskets.open(ANA)
            await house.requests.submit(ANA, basket.revision)
        async with open_house(path, market, discord, clock) as house:
            await house.catalogue.refresh()
            basket = await house.baskets.open(ANA)
            assert (basket.picks, basket.pasted_left) == ((), 1)
            await house.pasting.again(ANA, shown(basket))
            assert [(name, n) for name, n, _ in await rows(house)] == [(CASE, 2)]

    async def test_lines_come_in_pages_and_a_page_too_far_is_the_last(self, house: House) -> None:
        await paste(house, "\n".join(f"foo {number}a" for number in range(PAGE + 2)))
        rest = await house.pasting.left(ANA, 999)
        assert (rest.first, rest.total) == (PAGE, PAGE + 2)
        assert [line.number for line in rest.lines] == [PAGE, PAGE + 1]
        assert (await house.pasting.left(ANA, -5)).first == 0

    async def test_long_list_is_read_in_part_and_kept_as_a_whole(self, house: House) -> None:
        lines = [f"foo {number}a" for number in range(READ_AT_ONCE)]
        pasted = await paste(house, "\n".join([*lines, REDLINE]))
        assert (pasted.added, pasted.unread, pasted.dropped) == ((), 1, 0)
        assert (await house.pasting.left(ANA)).total == READ_AT_ONCE + 1
        await house.pasting.leave_out(ANA, shown(await house.baskets.open(ANA)), 0)
        await house.pasting.again(ANA, shown(await house.baskets.open(ANA)))
        assert [name for name, _, _ in await rows(house)] == [REDLINE]

    async def test_fixed_lines_beyond_what_is_read_are_said_to_be_only_kept(
        self, house: House
    ) -> None:
        await paste(house, "foo")
        lines = [f"foo {number}a" for number in range(READ_AT_ONCE + 2)]
        at = shown(await house.baskets.open(ANA))
        pasted = await house.pasting.fix(ANA, at, "\n".join(lines), form="two", replaced=1)
        assert (pasted.unread, (await house.pasting.left(ANA)).total) == (2, len(lines))

    async def test_more_than_is_kept_is_said_to_be_dropped(self, house: House) -> None:
        words = "y" * 99
        for number in range(4):
            pasted = await paste(house, "\n".join([words] * 39), form=str(number))
        rest = await house.pasting.left(ANA)
        assert rest.total == KEPT_MAX // 100
        assert pasted.dropped == 4 * 39 - rest.total
