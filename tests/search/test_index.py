"""Finding names while somebody types: what is found, in which order, and that nothing breaks it."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.search.folding import fold
from bot.search.index import NameIndex
from bot.search.shapes import WEARS
from bot.search.turns import Turn
from tests.search.names import market_names

REDLINES: Final = [
    *(f"AK-47 | Redline ({wear})" for wear in WEARS[1:]),
    *(f"StatTrak™ AK-47 | Redline ({wear})" for wear in WEARS[1:]),
]

PIECES: Final = [
    *("ak", "st", "kara", "redlin", "fn", "dopler", "p2", "the", "2014", "zzz", "★", "🔥", "s"),
    *("m4a1-s", "faderuby", "k\u0336a\u0337"),
]

SMALL: Final = NameIndex.build(
    [
        "StatTrak™ AK-47 | Redline (Field-Tested)",
        "Sticker | Redline Racer",
        "AK-47 | Redline (Battle-Scarred)",
        "AK-47 | Redline (Field-Tested)",
        "Souvenir AK-47 | Redline (Field-Tested)",
        "★ Karambit | Doppler (Factory New)",
        "★ Karambit | Doppler Phase 2 (Factory New)",
        "★ Karambit | Doppler Phase 1 (Factory New)",
        "★ Karambit",
        "AK-47 | Redline (Field-Tested)",
    ]
)


def found(index: NameIndex, typed: str, **how: int) -> list[str]:
    return [index.names[at] for at in index.search(typed, **how).positions]


class TestOrder:
    """What comes first."""

    def test_names_stand_in_the_order_in_which_they_are_meant_each_once(self) -> None:
        assert list(SMALL.names) == [
            "AK-47 | Redline (Field-Tested)",
            "AK-47 | Redline (Battle-Scarred)",
            "★ Karambit",
            "★ Karambit | Doppler (Factory New)",
            "★ Karambit | Doppler Phase 1 (Factory New)",
            "★ Karambit | Doppler Phase 2 (Factory New)",
            "StatTrak™ AK-47 | Redline (Field-Tested)",
            "Souvenir AK-47 | Redline (Field-Tested)",
            "Sticker | Redline Racer",
        ]

    def test_nothing_typed_finds_everything_in_that_order(self) -> None:
        for nothing in ("", "  ", "★ | ™"):
            hits = SMALL.search(nothing)
            assert hits.positions == tuple(range(len(SMALL.names)))
            assert (hits.total, hits.exact) == (len(SMALL.names), None)

    def test_plain_comes_before_stattrak_and_wears_from_the_best(self, index: NameIndex) -> None:
        assert found(index, "ak redline") == REDLINES

    def test_what_is_preferred_comes_first_among_equals_only(self, index: NameIndex) -> None:
        there = SMALL.bits([6, 8])
        assert found(SMALL, "ak redline", preferred=there)[0] == SMALL.names[6]
        # A better match that isn't there stays before one that is.
        redlines = index.bits(at for at, name in enumerate(index.names) if "Redline" in name)
        assert found(index, "ak red", preferred=redlines)[0] == "AK-47 | Red Laminate (Factory New)"
        phases = SMALL.bits([5])
        assert found(SMALL, "kara", preferred=phases)[0] == SMALL.names[5]
        assert found(SMALL, "★ Karambit", preferred=phases)[0] == SMALL.names[2]

    def test_typed_stattrak_means_stattrak_only(self, index: NameIndex) -> None:
        for typed in ("st ak redline", "ak redline stat trak", "stattrak ak redline"):
            assert found(index, typed) == REDLINES[4:]

    @pytest.mark.parametrize("typed", ["awp", "howl", "dragon lore", "redline", "hydra"])
    def test_skins_come_before_stickers_and_the_like(self, index: NameIndex, typed: str) -> None:
        heads = [name.partition(" | ")[0] for name in found(index, typed)]
        assert heads[0] not in ("Sticker", "Patch", "Charm", "Sealed Graffiti")

    @pytest.mark.parametrize(
        ("typed", "ending"), [("case", "Case"), ("howl pin", "Pin"), ("chroma key", "Key")]
    )
    def test_word_for_a_kind_asks_for_it(self, index: NameIndex, typed: str, ending: str) -> None:
        assert found(index, typed)[0].endswith(ending)

    def test_one_word_that_means_two_things_finds_both(self, index: NameIndex) -> None:
        names = found(index, "flip bs st", limit=100)
        assert any(name.endswith("(Battle-Scarred)") for name in names)
        assert any("Blue Steel" in name for name in names)
        names = found(index, "p2", limit=1_000)
        assert any("Phase 2" in name for name in names)
        assert any(name.startswith("P2000 | ") for name in names)

    def test_gem_finds_its_knife_where_names_have_no_phases(self) -> None:
        bare = NameIndex.build(name for name in SMALL.names if "Phase" not in name)
        assert found(bare, "kara ruby") == ["★ Karambit | Doppler (Factory New)"]
        assert found(bare, "karambit doppler phase 2") == ["★ Karambit | Doppler (Factory New)"]


class TestFilters:
    """Searching in a part of the names."""

    def test_wears_and_qualities_are_sets(self, index: NameIndex) -> None:
        for wear in WEARS:
            marks = {
                name.endswith(f"({wear})") for name in found(index, "", among=index.wear(wear))
            }
            assert marks == {True}
        assert index.wear("Mint") == index.wear("skin") == 0
        counted = found(index, "redline", among=index.stattrak() & index.wear("Field-Tested"))
        assert counted == [
            "StatTrak™ AK-47 | Redline (Field-Tested)",
            "StatTrak™ AWP | Redline (Field-Tested)",
        ]
        souvenirs = found(index, "dragon lore", among=index.souvenir())
        assert souvenirs == [f"Souvenir AWP | Dragon Lore ({wear})" for wear in WEARS]

    def test_what_fits_only_outside_of_the_part_is_not_found(self, index: NameIndex) -> None:
        part = index.bits(at for at, name in enumerate(index.names) if name.startswith("★"))
        assert found(index, "AK-47 | Redline (Field-Tested)", among=part) == []
        assert index.search("redline", among=0).total == 0

    def test_set_that_has_nothing_of_what_is_meant_leads_to_nothing_else(
        self, index: NameIndex
    ) -> None:
        assert found(index, "vice", among=index.stattrak()) == []
        assert found(index, "karambit ft", among=index.wear("Factory New")) == []


class TestPages:
    """Paging through what was found."""

    @pytest.mark.parametrize("typed", ["", "kara", "fade fn", "asimov", "doppler", "sticker navi"])
    def test_pages_together_are_everything_once_and_always_the_same(
        self, index: NameIndex, typed: str
    ) -> None:
        in_stock = index.bits(range(0, len(index.names), 3))
        total = index.search(typed).total
        upto = min(total, 700)
        whole = index.search(typed, preferred=in_stock, limit=upto)
        pages = [
            index.search(typed, preferred=in_stock, first=first, limit=25)
            for first in range(0, upto, 25)
        ]
        assert {page.total for page in pages} == {total}
        assert [at for page in pages for at in page.positions][:upto] == list(whole.positions)
        assert len(set(whole.positions)) == upto
        assert all(before <= after for before, after in pairwise(whole.ranks))
        assert sum(count for _, count in whole.runs) == total

    def test_page_after_the_last_is_empty(self) -> None:
        assert SMALL.search("karambit", first=4).positions == ()
        assert SMALL.search("karambit", first=3).positions == (5,)

    def test_total_counts_what_fits_and_not_what_is_only_like_it(self, index: NameIndex) -> None:
        assert index.search("ak redline").total == len(REDLINES)
        assert index.search("ak redlnie").total == len(REDLINES)
        assert index.search("ak redline cheap pls").total == len(REDLINES)
        assert index.search("does not exist at all").total == 0
        assert index.search("qwertzuiop").total == 0


class TestExact:
    """A name that was typed whole."""

    def test_every_name_is_found_first_by_itself(self, index: NameIndex) -> None:
        step = 41
        for name in index.names[::step]:
            hits = index.search(name)
            assert index.names[hits.positions[0]] == name
            assert hits.exact == hits.positions[0] == index.position(name)

    def test_every_name_is_found_first_as_it_is_compared(self, index: NameIndex) -> None:
        for name in index.names[7::61]:
            hits = index.search(fold(name))
            first = index.names[hits.positions[0]]
            assert first == name or fold(first) == fold(name)

    def test_exact_is_told_only_where_one_name_is_meant(self) -> None:
        twins = NameIndex.build(["Sticker | MOUZ (Foil)", "Sticker | Mouz Foil", "Mouz Case"])
        assert twins.search("sticker mouz foil").exact is None
        assert twins.search("Sticker | MOUZ (Foil)").exact == twins.position(
            "Sticker | MOUZ (Foil)"
        )
        assert twins.search("mouz").exact is None
        assert twins.search("MOUZCASE").exact == twins.position("Mouz Case")
        assert twins.search("mouz case", among=twins.bits([1, 2])).exact is None

    def test_position_is_of_a_whole_name_only(self, index: NameIndex) -> None:
        assert index.position("AK-47 | redline (Field-Tested)") is None
        assert index.position("") is None


class TestAnything:
    """Text from outside, whatever it is."""

    @settings(max_examples=150, deadline=None)
    @given(
        st.text(max_size=120)
        | st.lists(
            st.sampled_from(PIECES) | st.text(max_size=8),
            max_size=30,
        ).map(" ".join)
    )
    def test_any_text_is_answered_with_a_page(self, index: NameIndex, typed: str) -> None:
        hits = index.search(typed)
        assert len(hits.positions) == len(hits.ranks) == min(25, hits.total)
        assert len(set(hits.positions)) == len(hits.positions)
        assert all(0 <= at < len(index.names) for at in hits.positions)

    def test_answers_are_the_same_before_and_after_many_others(self, index: NameIndex) -> None:
        asked = ["ak redlien ft", "kara", "awp asimov"]
        before = [index.search(typed) for typed in asked]
        for number in range(1_500):
            index.search(f"w{number}")
        assert [index.search(typed) for typed in asked] == before

    def test_memory_for_words_is_bounded(self, index: NameIndex) -> None:
        for number in range(1_500):
            index.search(f"x{number}y")
        kept = index._meanings._strict, index._meanings._loose, index._meanings._wrong
        assert all(len(words) <= 512 for words in kept)

    def test_no_names_at_all_are_no_trouble(self) -> None:
        empty = NameIndex.build([])
        for typed in ("", "ak redline", "asimov", "a b c"):
            assert empty.search(typed).positions == ()
        assert empty.bits([]) == empty.stattrak() == 0


class TestBuilding:
    """The index is built while others have to be served."""

    def test_building_pauses_often_and_gives_what_building_at_once_gives(self) -> None:
        names = market_names()[::12]
        work = NameIndex.building(names)
        pauses = 0
        while True:
            try:
                next(work)
            except StopIteration as end:
                made: NameIndex = end.value
                break
            pauses += 1
        assert pauses > len(names) // 500
        whole = NameIndex.build(names)
        assert made.names == whole.names
        assert made.search("kara dopler") == whole.search("kara dopler")

    def test_turn_ends_after_its_time_and_begins_anew_when_asked_again(self) -> None:
        turn = Turn()
        asked = 0
        while not turn.is_over():
            asked += 1
        assert asked > 1
        assert not turn.is_over()


class TestReading:
    """What is found for what people type, by the rule that finds it."""

    @pytest.mark.parametrize(
        ("typed", "first"),
        [
            ("glock dt", "Glock-18 | Dragon Tattoo (Factory New)"),
            ("m4a1 bp", "M4A1-S | Blue Phosphor (Factory New)"),
            ("kara vanilla", "★ Karambit"),
            ("m9 no skin", "★ M9 Bayonet"),
            ("st vanilla kara", "★ StatTrak™ Karambit"),
            ("a", "AK-47 | Asiimov (Field-Tested)"),
            ("akk redlin", "AK-47 | Redline (Minimal Wear)"),
            ("m4a1s knite", "M4A1-S | Knight (Factory New)"),
            ("feenix chalk", "Tec-9 | Phoenix Chalk (Factory New)"),
            ("awpcapillaery", "AWP | Capillary (Factory New)"),
            ("katambitfade", "★ Karambit | Fade (Factory New)"),
            ("m4 inlivingcolro", "M4A4 | In Living Color (Factory New)"),
            ("dreamsandnightmares", "Dreams & Nightmares Case"),
            ("p2000 andgun", "P2000 | Handgun (Factory New)"),
            ("ак редлайн", "AK-47 | Redline (Minimal Wear)"),
            ("kara dopplerr phase 4", "★ Karambit | Doppler Phase 4 (Factory New)"),
            ("gloves", "★ Sport Gloves | Vice (Factory New)"),
            ("fade", "★ Karambit | Fade (Factory New)"),
            ("emerald", "★ Karambit | Gamma Doppler Emerald (Factory New)"),
            ("cs go weapon", "CS:GO Weapon Case"),
        ],
    )
    def test_what_is_meant_comes_first(self, index: NameIndex, typed: str, first: str) -> None:
        assert found(index, typed)[0] == first

    @pytest.mark.parametrize(
        "typed",
        [
            "https://x.com/listings/730/%E2%98%85%20Karambit%20%7C%20Fade%20%28Factory%20New%29?a=b#c",
            "steamcommunity.com/market/listings/730/★%20Karambit%20|%20Fade%20(Factory%20New)",
            "★%20Karambit%20%7C%20Fade%20(Factory%20New)",
        ],
    )
    def test_link_to_a_market_is_the_name_in_it(self, index: NameIndex, typed: str) -> None:
        hits = index.search(typed)
        assert hits.exact is not None
        assert index.names[hits.exact] == "★ Karambit | Fade (Factory New)"

    def test_broken_link_breaks_nothing(self, index: NameIndex) -> None:
        for typed in ("https://", "/listings/730/", "%%%20%zz%ff", "a" * 600 + "%20"):
            assert index.search(typed).total >= 0
