"""Pasted lists: real-looking lines are read as they were meant, and no line breaks the reader."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.limits import LINES_HARD_MAX, PASTE_MAX
from bot.domain.money import CEILING_MAX, CENT, DOLLAR, Micros
from bot.domain.pasted import READ_MAX, Reading, WhyNot, has_numbers_of, is_name, read, split

R = "AK-47 | Redline (Field-Tested)"
STICKER = "Sticker | Natus Vincere (Holo) | Stockholm 2021"


def usd(amount: str) -> Micros:
    whole, _, cents = amount.partition(".")
    return Micros(int(whole) * DOLLAR + int((cents or "0").ljust(2, "0")) * CENT)


def the_one(text: str, name: str) -> Reading:
    """Return the first reading of a line that is about a name."""
    (line,) = split(text)
    return next(reading for reading in read(line).readings if reading.name == name)


class TestSplitting:
    """One skin on a line, whatever stands before it."""

    @pytest.mark.parametrize(
        "line",
        [
            "- {}",
            "* {}",
            "• {}",
            "– {}",
            "1. {}",
            "12) {}",
            "3.{}",
            "#1 {}",
            "[ ] {}",
            "- [x] {}",
            "✅ {}",
            "➡️ {}",
            "1️⃣ {}",
            "🔹{}",
            ":white_check_mark: {}",
            "> {}",
            "> - {},",
            "  {} ; ",
            "\ufeff{}\u200b",
            "`{}`",
            "| {} |",
            "## {}",
            "\t{}\t",
        ],
    )
    def test_line_is_freed_of_what_lists_have_around_a_name(self, line: str) -> None:
        assert split(line.format(R)) == [R]

    @pytest.mark.parametrize(
        "nothing",
        ["", "  ", "---", "```", "```py", "> ", "|---|---|", "• ", "!!!", "\u200b", "🔥🔥"],
    )
    def test_line_that_says_nothing_is_none(self, nothing: str) -> None:
        assert split(f"{R}\n{nothing}\r\n{R}") == [R, R]

    def test_numbers_of_a_list_go_when_they_count_from_one(self) -> None:
        assert split("Skins:\n1 AK-47\n2 - AWP\n(3) M4A4") == ["Skins:", "AK-47", "AWP", "M4A4"]
        assert split("1 AK-47\n2 AWP") == ["1 AK-47", "2 AWP"], "two may be how many"
        assert split("2 AK-47\n1 AWP\n3 M4A4") == ["2 AK-47", "1 AWP", "3 M4A4"]

    @pytest.mark.parametrize(
        "name",
        ["★ Karambit | Fade (Factory New)", "'The Doctor' Romanov | Sabre", "1st Lieutenant"],
    )
    def test_beginning_of_a_name_is_left_alone(self, name: str) -> None:
        assert split(name) == [name]

    @pytest.mark.parametrize("sign", ["✅", "1️⃣", "> ", "1. ", "; ", "# ", "1 ", "a; ", "2x ", "@ "])
    def test_form_full_of_signs_holds_nobody_up(self, sign: str) -> None:
        text = (sign * PASTE_MAX)[:PASTE_MAX]
        begun = time.perf_counter()
        for line in (*split(text), *split(text[:READ_MAX])):
            read(line)
        assert time.perf_counter() - begun < 1

    def test_columns_stay_apart(self) -> None:
        assert split("AK-47\t2\t15.00") == ["AK-47; 2; 15.00"]

    @settings(max_examples=60)
    @given(st.text(max_size=300) | st.text("123 .)-*>#|:ax\n\t`(2x@", max_size=80))
    @example("1 1 a\n2 2 b\n3 3 c")
    @example("`\u0301a")
    @example("a" * PASTE_MAX + "ﬃ")
    def test_splitting_again_changes_nothing(self, text: str) -> None:
        lines = split(text)
        assert split("\n".join(lines)) == lines
        assert all(lines)
        assert len("\n".join(lines)) <= 4 * max(1, len(text))


class TestReading:
    """How many, for how much, which one: what is clear is read, and what isn't is said."""

    @pytest.mark.parametrize(
        ("line", "quantity", "ceiling"),
        [
            (R, 1, None),
            (f"2x {R} @ 15", 2, "15"),
            (f"2 × {R}", 2, None),
            (f"2x{R}", 2, None),
            (f"x2 {R}", 2, None),
            (f"2 {R}", 2, None),
            (f"(2) {R}", 2, None),
            (f"2 pcs of {R}", 2, None),
            (f"{R} x2", 2, None),
            (f"{R} 2x", 2, None),
            (f"{R} (x2)", 2, None),
            (f"{R} (2)", 2, None),
            (f"{R} *2", 2, None),
            (f"{R}, qty: 2", 2, None),
            (f"{R} @15", 1, "15"),
            (f"{R}@15", 1, "15"),
            (f"{R} max 15", 1, "15"),
            (f"{R} - max. $15.5", 1, "15.50"),
            (f"{R} up to 15", 1, "15"),
            (f"{R} < 15", 1, "15"),
            (f"{R} 15$", 1, "15"),
            (f"{R} $15.50 each", 1, "15.50"),
            (f"{R} 15,50", 1, "15.50"),
            (f"{R}: 15.50 USD", 1, "15.50"),
            (f"{R} @ 1.234,50", 1, "1234.50"),
            (f"{R} @ 1,234.50", 1, "1234.50"),
            (f"{R} @ 1 234,50", 1, "1234.50"),
            (f"$15 - {R}", 1, "15"),
            (f"15.50 {R}", 1, "15.50"),
            (f"max 15: {R}", 1, "15"),
            (f"2 {R} 15", 2, "15"),
            (f"2x {R} 15", 2, "15"),
            (f"{R} - 2x - $15", 2, "15"),
            (f"{R} @ 15 x2", 2, "15"),
            (f"{R} x 2 [@ 15]", 2, "15"),
            (f"{R}\t2\t15.00", 2, "15"),
            (f"{R},2,15.00", 2, "15"),
            (f'"{R}",2,"15,50"', 2, "15.50"),
            (f"https://steamcommunity.com/market/listings/730/{R.replace(' ', '%20')} x2", 2, None),
        ],
    )
    def test_line_as_people_write_it_is_read(
        self, line: str, quantity: int, ceiling: str | None
    ) -> None:
        wanted = Reading(R, quantity, usd(ceiling) if ceiling else None)
        assert the_one(line, R) == wanted

    @pytest.mark.parametrize(
        ("line", "why"),
        [
            (f"{R} 15", WhyNot.NUMBER),
            (f"{R},2,15", WhyNot.NUMBER),
            (f"{R}; 2; 15", WhyNot.NUMBER),
            (f"{R} 2 100.50", WhyNot.NUMBER),
            (f"{R} 1 234,50 $", WhyNot.NUMBER),
            (f"{R} @ 1.234", WhyNot.PRICE),
            (f"{R} @ cheap", WhyNot.PRICE),
            (f"{R} @ -5", WhyNot.PRICE),
            (f"{R} @ 15k", WhyNot.PRICE),
            (f"{R} @ 0", WhyNot.PRICE_RANGE),
            (f"{R} $999999", WhyNot.PRICE_RANGE),
            (f"{R} 15,50 €", WhyNot.CURRENCY),
            (f"{R} €15", WhyNot.CURRENCY),
            (f"{R} @ 15 EUR", WhyNot.CURRENCY),
            (f"{R} R$ 15", WhyNot.CURRENCY),
            (f"15₽ {R}", WhyNot.CURRENCY),
            (f"0x {R}", WhyNot.QUANTITY),
            (f"26x {R}", WhyNot.QUANTITY),
            (f"{R} x100", WhyNot.QUANTITY),
            (f"2x {R} #62696971", WhyNot.LISTING_QUANTITY),
        ],
    )
    def test_line_that_is_not_clear_says_why(self, line: str, why: WhyNot) -> None:
        reading = the_one(line, R)
        assert reading.why is why
        assert reading.ceiling is None

    @pytest.mark.parametrize(
        "line",
        [
            f"{R} #62696971",
            f"{R} # 62696971",
            f"{R} id 62696971",
            f"{R} (id: 62696971)",
            f"{R} 62696971",
            f"#62696971 {R}",
            f"1x {R} #62696971",
        ],
    )
    def test_number_of_a_listing_is_read(self, line: str) -> None:
        assert the_one(line, R) == Reading(R, listing_id=62_696_971)

    @pytest.mark.parametrize("line", ["62696971", "#62696971", "x2", "$15", "2x @ 15"])
    def test_line_without_a_name_is_told_so(self, line: str) -> None:
        (entry,) = split(line)
        assert [reading.why for reading in read(entry).readings] == [WhyNot.NO_NAME]

    @pytest.mark.parametrize(
        "name",
        [
            "AK-47",
            "SSG 08 | Blood in the Water (Factory New)",
            "P250 | X-Ray (Factory New)",
            "XM1014 | Tranquility (Factory New)",
            "MP9 | Bulldozer",
            "CZ75-Auto | Victoria (Field-Tested)",
            "Sticker | 100 Thieves",
            "100 Thieves",
            "Sticker | s1mple (Gold) | Antwerp 2022",
            STICKER,
            "2020 RMR Legends",
            "Prisma 2 Case",
            "Music Kit | AWOLNATION, I Am",
            "Sticker | Hello AK-47",
            "Operation Phoenix x Bravo",
        ],
    )
    def test_name_with_numbers_in_it_comes_first_as_it_is(self, name: str) -> None:
        assert read(name).readings[0] == Reading(name)
        assert the_one(f"2x {name} @ 3", name) == Reading(name, 2, usd("3"))
        assert the_one(f"{name} x2", name) == Reading(name, 2)

    def test_x_of_a_weapon_is_not_the_times_of_a_number(self) -> None:
        xm = "XM1014 | Tranquility (Factory New)"
        assert the_one(f"2 {xm}", xm) == Reading(xm, 2)
        assert the_one(f"2x{xm}", xm) == Reading(xm, 2)
        assert the_one(f"2{xm}", xm) == Reading(xm, 2)

    @pytest.mark.parametrize("line", ["Knives:", "# My list", "Name; Quantity; Price", "skin,qty"])
    def test_heading_is_told_apart(self, line: str) -> None:
        assert [read(entry).heading for entry in split(line)] == [True]

    @pytest.mark.parametrize("line", [R, "AK-47:", "AWP | Asiimov:", "# AK-47", "Kilowatt Case"])
    def test_what_may_be_a_skin_is_no_heading(self, line: str) -> None:
        assert [read(entry).heading for entry in split(line)] == [False]

    def test_near_matches_are_looked_for_without_what_is_clearly_no_name(self) -> None:
        assert read("redlin ft x2").likely == (Reading("redlin ft", 2),)
        assert [one.name for one in read("2 redlin ft").likely] == ["2 redlin ft", "redlin ft"]
        assert read("100 thieves").likely[0] == Reading("100 thieves")

    def test_line_too_long_for_a_name_is_not_read(self) -> None:
        assert read("a" * (READ_MAX + 1)).readings == ()

    @settings(max_examples=60)
    @given(
        st.text(max_size=300)
        | st.lists(
            st.sampled_from(
                [
                    "2x",
                    "2",
                    "15.50",
                    "@",
                    "$",
                    "€",
                    "#6269697",
                    "x",
                    "(",
                    ")",
                    ",",
                    "1,234.5",
                    R,
                    "a",
                ]
            ),
            max_size=9,
        ).map(" ".join)
    )
    def test_any_line_has_readings_within_the_limits(self, text: str) -> None:
        for line in split(text):
            read_line = read(line)
            assert bool(read_line.readings) == (len(line) <= READ_MAX)
            for reading in read_line.readings:
                assert 1 <= reading.quantity <= LINES_HARD_MAX
                assert reading.ceiling is None or CENT <= reading.ceiling <= CEILING_MAX
                assert reading.ceiling is None or reading.ceiling % CENT == 0
                assert reading.why or any(char.isalnum() for char in reading.name)


class TestNames:
    """Only a name that is the same but for case, accents and punctuation is one."""

    @pytest.mark.parametrize(
        ("typed", "name", "same"),
        [
            ("ak 47 redline field tested", R, True),
            ("AK47|Redline(Field-Tested)", R, True),
            ("Stattrak AK-47 | Redline (Field-Tested)", f"StatTrak™ {R}", True),
            ("Karambit | Fade (Factory New)", "★ Karambit | Fade (Factory New)", True),
            ("Sticker | Maka", "Sticker | Mákǎ", True),
            ("AK-47 | Redline (FT)", R, False),
            ("Redline (Field-Tested)", R, False),
            (R, f"StatTrak™ {R}", False),
            ("Sticker", "Sticker | 鬼", False),
            ("★", "★", False),
        ],
    )
    def test_names_are_compared_by_their_letters(self, typed: str, name: str, same: bool) -> None:
        assert is_name(typed, name) is same

    def test_numbers_that_were_typed_tell_names_apart(self) -> None:
        assert has_numbers_of("stockholm 2021", STICKER)
        assert has_numbers_of("ak 47 or p 250", "AK-47 | P250")
        assert not has_numbers_of("2 ak 47", R)
        assert has_numbers_of("m4a1", R), "a number in a word isn't looked at"
