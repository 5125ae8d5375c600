"""Request ids, purchase keys and digests: what they are made of, and what changes them."""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.keys import (
    DIGEST_SHOWN,
    digest_of,
    new_mark,
    new_request_id,
    parse_purchase_key,
    purchase_key,
)
from bot.domain.models import Line, NoListing
from bot.domain.money import CENT, Micros

REQUEST_ID = "abcdefghij234567klmn"
IDS = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=20, max_size=20)
TWO_DIGITS = st.integers(1, 99)


class TestPurchaseKey:
    """The idempotency key at the market."""

    @given(IDS, TWO_DIGITS, TWO_DIGITS)
    def test_key_of_any_attempt_is_26_plain_characters_and_says_whose_it_is(
        self, request_id: str, line_no: int, attempt_no: int
    ) -> None:
        key = purchase_key(request_id, line_no, attempt_no)
        assert re.fullmatch("[a-z0-9]{26}", key)
        assert parse_purchase_key(key) == (request_id, line_no, attempt_no)

    @given(st.tuples(IDS, TWO_DIGITS, TWO_DIGITS), st.tuples(IDS, TWO_DIGITS, TWO_DIGITS))
    def test_key_of_another_attempt_is_another_key(
        self, one: tuple[str, int, int], other: tuple[str, int, int]
    ) -> None:
        assert (purchase_key(*one) == purchase_key(*other)) == (one == other)

    @pytest.mark.parametrize(("line_no", "attempt_no"), [(0, 1), (1, 0), (100, 1), (1, 100)])
    def test_key_beyond_two_digits_is_refused(self, line_no: int, attempt_no: int) -> None:
        with pytest.raises(ValueError, match="1 to 99"):
            purchase_key(REQUEST_ID, line_no, attempt_no)

    @pytest.mark.parametrize("request_id", ["", "abc", REQUEST_ID[:-1], REQUEST_ID.upper()])
    def test_key_of_what_is_no_request_id_is_refused(self, request_id: str) -> None:
        with pytest.raises(ValueError, match="request's id"):
            purchase_key(request_id, 1, 1)

    @pytest.mark.parametrize(
        "key",
        [
            "",
            f"qm{REQUEST_ID}",
            f"qm{REQUEST_ID}010",
            f"qm{REQUEST_ID}01011",
            f"qm{REQUEST_ID}0101\n",
            f" qm{REQUEST_ID}0101",
            f"QM{REQUEST_ID}0101",
            f"xx{REQUEST_ID}0101",
            f"qm{REQUEST_ID}0001",
            f"qm{REQUEST_ID}0100",
            f"qm{REQUEST_ID.replace('a', '1')}0101",
            f"qm{REQUEST_ID}٠١٠١",
            "somebody-elses-purchase",
        ],
    )
    def test_key_of_somebody_else_is_none_of_ours(self, key: str) -> None:
        assert parse_purchase_key(key) is None

    @given(st.text(max_size=40))
    def test_any_text_that_is_read_as_a_key_is_one_that_we_make(self, text: str) -> None:
        found = parse_purchase_key(text)
        assert found is None or purchase_key(*found) == text


class TestRandomNames:
    """What is drawn once: ids and marks."""

    def test_request_ids_when_drawn_are_unlike_and_fit_a_key(self) -> None:
        rng = Random(1)
        ids = [new_request_id(rng) for _ in range(1_000)]
        assert len(set(ids)) == 1_000
        assert all(parse_purchase_key(purchase_key(one, 1, 1)) for one in ids)
        assert len(set("".join(ids))) == 32

    def test_marks_when_drawn_fit_a_component_id_and_meet_none_of_discords(self) -> None:
        rng = Random(1)
        marks = [new_mark(rng) for _ in range(1_000)]
        assert all(1 << 24 <= mark < 1 << 31 for mark in marks)
        assert len(set(marks)) == 1_000


LINES = st.builds(
    Line,
    line_no=TWO_DIGITS,
    game=st.sampled_from(["cs2", "dota2", "rust"]),
    market_hash_name=st.text(max_size=12),
    listing_id=st.none() | st.integers(1, 10**12),
    quote=st.integers(0, 10**9).map(Micros),
    ceiling=st.integers(1, 10**6).map(lambda cents: Micros(cents * CENT)),
    class_id=st.text("0123456789", max_size=5),
)
BOUND = st.fixed_dictionaries(
    {
        "request_id": IDS,
        "guild_id": st.integers(1, 2**63 - 1),
        "version": st.integers(1, 99),
        "partner": st.integers(1, 2**32 - 1),
        "lines": st.lists(LINES, max_size=4),
    }
)


class TestDigest:
    """What an approval is bound to."""

    @given(BOUND)
    def test_digest_of_the_same_is_the_same_and_long_enough_to_show(
        self, bound: dict[str, Any]
    ) -> None:
        digest = digest_of(**bound)
        assert digest == digest_of(**{**bound, "lines": iter(bound["lines"])})
        assert re.fullmatch("[0-9a-f]{64}", digest)
        assert len(digest) > DIGEST_SHOWN

    @given(BOUND, BOUND, st.sampled_from(["request_id", "guild_id", "version", "partner"]))
    def test_digest_when_one_value_changes_is_another(
        self, bound: dict[str, Any], other: dict[str, Any], name: str
    ) -> None:
        assume(bound[name] != other[name])
        assert digest_of(**bound) != digest_of(**{**bound, name: other[name]})

    @given(
        BOUND.filter(lambda bound: bound["lines"]),
        LINES,
        st.sampled_from(["line_no", "game", "market_hash_name", "listing_id", "ceiling"]),
        st.randoms(use_true_random=False),
    )
    def test_digest_when_a_line_changes_is_another(
        self, bound: dict[str, Any], other: Line, name: str, rng: Random
    ) -> None:
        lines: list[Line] = list(bound["lines"])
        place = rng.randrange(len(lines))
        assume(getattr(lines[place], name) != getattr(other, name))
        lines[place] = replace(lines[place], **{name: getattr(other, name)})
        assert digest_of(**bound) != digest_of(**{**bound, "lines": lines})

    @given(BOUND, LINES, st.randoms(use_true_random=False))
    def test_digest_when_a_line_is_added_or_removed_is_another(
        self, bound: dict[str, Any], extra: Line, rng: Random
    ) -> None:
        longer = list(bound["lines"])
        longer.insert(rng.randrange(len(longer) + 1), extra)
        assert digest_of(**bound) != digest_of(**{**bound, "lines": longer})

    @given(BOUND, st.randoms(use_true_random=False))
    def test_digest_when_lines_change_places_is_another(
        self, bound: dict[str, Any], rng: Random
    ) -> None:
        def told_apart(lines: list[Line]) -> list[object]:
            return [
                (one.line_no, one.game, one.market_hash_name, one.listing_id, one.ceiling)
                for one in lines
            ]

        shuffled = list(bound["lines"])
        rng.shuffle(shuffled)
        assume(told_apart(shuffled) != told_apart(bound["lines"]))
        assert digest_of(**bound) != digest_of(**{**bound, "lines": shuffled})

    @given(BOUND, st.sampled_from(NoListing), st.integers(1, 10**9).map(Micros))
    def test_digest_when_only_what_was_seen_changes_stays(
        self, bound: dict[str, Any], why: NoListing, seen: Micros
    ) -> None:
        lines = [
            replace(line, no_listing=why, cheapest_seen=seen, quote=seen) for line in bound["lines"]
        ]
        assert digest_of(**bound) == digest_of(**{**bound, "lines": lines})
