"""What an answered batch means: every key that was sent has one outcome, and nothing is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.market import Answered, Order, Purchase, Refusal
from bot.domain.money import CENT, Micros
from bot.services.outcomes import Unclear, Verdict, judge
from bot.skinsback.refusals import RULES, Scope, rule_for

STEAM_ID = 76_561_198_050_648_523
CEILING = Micros(1_302 * CENT)
ONE, TWO = Order(1, CEILING, "key-1"), Order(2, CEILING, "key-2")
SOLD = Refusal(5, "skin_unavailable")


def bought(
    key: str | None,
    listing_id: int | None = 1,
    *,
    buy_id: int = 1,
    debited: int = CEILING,
    steam_id: int | None = STEAM_ID,
) -> Purchase:
    return Purchase(
        buy_id,
        key,
        listing_id,
        "AK-47 | Redline (Field-Tested)",
        None,
        "",
        "creating_trade",
        steam_id,
        Micros(debited),
        None,
    )


def verdict(
    purchased: Sequence[Purchase] = (),
    unavailable: Mapping[int, Refusal] | None = None,
    orders: Sequence[Order] = (ONE, TWO),
) -> Verdict:
    answer = Answered(tuple(purchased), dict(unavailable or {}))
    return judge(orders, answer)


def shape(found: Verdict) -> dict[str, str]:
    """Return what became of each key, in a word."""
    return {key: type(outcome).__name__ for key, outcome in found.outcomes.items()}


class TestJudge:
    """Shape by shape."""

    def test_purchase_and_refusal_as_they_should_be_are_taken_as_they_are(self) -> None:
        purchase = bought("key-1", debited=CEILING - 1)
        found = verdict([purchase], {2: SOLD})
        assert found.outcomes == {"key-1": purchase, "key-2": SOLD}
        assert found.strays == ()

    def test_purchases_are_matched_by_key_and_not_by_listing(self) -> None:
        swapped = [bought("key-2", 1, buy_id=1), bought("key-1", 2, buy_id=2)]
        found = verdict(swapped)
        assert found.outcomes == {"key-1": swapped[1], "key-2": swapped[0]}

    def test_empty_answer_leaves_everything_unclear(self) -> None:
        assert shape(verdict()) == {"key-1": "Unclear", "key-2": "Unclear"}

    def test_line_in_neither_map_is_unclear_and_the_other_is_not(self) -> None:
        assert shape(verdict([], {2: SOLD})) == {"key-1": "Unclear", "key-2": "Refusal"}

    def test_line_in_both_maps_is_unclear(self) -> None:
        found = verdict([bought("key-1")], {1: SOLD, 2: SOLD})
        assert found.outcomes["key-1"] == Unclear(
            "the answer says both bought and not bought", SOLD.code
        )

    @pytest.mark.parametrize("code", sorted(RULES))
    def test_code_of_one_line_is_a_refusal_only_where_it_is_definite_about_a_line(
        self, code: int
    ) -> None:
        refusal = Refusal(code, "as it came")
        outcome = verdict([], {1: refusal}).outcomes["key-1"]
        rule = rule_for(code)
        if rule.scope is Scope.LINE and rule.definite:
            assert outcome == refusal
        else:
            assert outcome == Unclear("as it came", code)

    def test_definite_codes_of_a_line_are_those_of_the_document(self) -> None:
        definite = {
            code
            for code in RULES
            if isinstance(verdict([], {1: Refusal(code, "")}).outcomes["key-1"], Refusal)
        }
        assert definite == {4, 5, 6}

    @pytest.mark.parametrize("code", [0, 3, 11, 42, -11, 999])
    def test_code_that_nobody_knows_is_unclear_and_kept(self, code: int) -> None:
        outcome = verdict([], {1: Refusal(code, "what")}).outcomes["key-1"]
        assert outcome == Unclear("what", code)

    @pytest.mark.parametrize("key", [None, "", "somebody-elses", "key-3", "KEY-1", "key-1 "])
    def test_purchase_under_a_key_that_is_not_ours_is_a_stray(self, key: str | None) -> None:
        stray = bought(key)
        found = verdict([stray], {2: SOLD})
        assert found.strays == (stray,)
        assert shape(found) == {"key-1": "Unclear", "key-2": "Refusal"}

    def test_refusal_of_a_listing_that_was_bought_under_another_key_is_not_believed(self) -> None:
        found = verdict([bought("somebody-elses", 1)], {1: SOLD, 2: SOLD})
        assert shape(found) == {"key-1": "Unclear", "key-2": "Refusal"}

    def test_second_purchase_under_one_key_is_a_stray(self) -> None:
        first, second = bought("key-1", buy_id=1), bought("key-1", buy_id=2)
        found = verdict([first, second], {2: SOLD})
        assert found.outcomes["key-1"] == first
        assert found.strays == (second,)

    def test_one_purchase_is_the_outcome_of_one_key_only(self) -> None:
        """The second line that it is said to be is not known."""
        first, second = bought("key-1", 1, buy_id=7), bought("key-2", 2, buy_id=7)
        found = verdict([first, second])
        assert found.outcomes["key-1"] == first
        assert shape(found)["key-2"] == "Unclear"
        assert found.strays == (second,)

    def test_what_must_never_happen_is_taken_as_it_came(self) -> None:
        """Booking raises it; here nothing of it may get lost."""
        purchase = bought("key-1", debited=CEILING + 1, steam_id=STEAM_ID + 1)
        assert verdict([purchase]).outcomes["key-1"] == purchase


KEYS = [f"key-{number}" for number in range(1, 5)]
PURCHASES = st.builds(
    bought,
    st.none() | st.sampled_from([*KEYS, "somebody-elses"]),
    st.none() | st.integers(1, 6),
    buy_id=st.integers(1, 9),
    debited=st.integers(0, 2 * CEILING),
    steam_id=st.sampled_from([None, STEAM_ID, STEAM_ID + 1]),
)
REFUSALS = st.builds(Refusal, st.sampled_from([*RULES, 0, 42]), st.text(max_size=5))


@given(
    st.integers(1, 4),
    st.lists(PURCHASES, max_size=6),
    st.dictionaries(st.integers(1, 6), REFUSALS, max_size=6),
)
def test_any_answer_gives_every_key_one_outcome_and_loses_no_purchase(
    count: int, purchased: list[Purchase], unavailable: dict[int, Refusal]
) -> None:
    orders = [Order(number, CEILING, KEYS[number - 1]) for number in range(1, count + 1)]
    found = verdict(purchased, unavailable, orders)
    assert list(found.outcomes) == KEYS[:count]
    booked = [one for one in found.outcomes.values() if isinstance(one, Purchase)]
    unclear = {key for key, one in found.outcomes.items() if isinstance(one, Unclear)}
    for purchase in purchased:
        # Booked under its own key, kept as a stray, or its line says that nobody knows.
        assert purchase in booked or purchase in found.strays or purchase.purchase_key in unclear
    assert len({purchase.buy_id for purchase in booked}) == len(booked)
    for key, outcome in found.outcomes.items():
        if isinstance(outcome, Purchase):
            assert outcome.purchase_key == key
            assert outcome in purchased
        if isinstance(outcome, Refusal):
            assert key not in [purchase.purchase_key for purchase in purchased]
            assert unavailable[KEYS.index(key) + 1] == outcome
