"""Keys of skins in menus: short enough, and never two skins with the same one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.market import APP_IDS
from bot.domain.skin_keys import KEY_MAX, key_of, skin_of_key

NAME = "AK-47 | Redline (Field-Tested)"
GAMES = st.sampled_from(sorted(APP_IDS))


@given(game=GAMES, name=st.text(min_size=1, max_size=300))
def test_key_leads_back_to_its_skin_or_to_itself(game: str, name: str) -> None:
    key = key_of(game, name)
    assert 1 <= len(key) <= KEY_MAX
    assert skin_of_key(key) == (game, name) or key_of(*skin_of_key(key)) == key


def test_longest_names_that_begin_alike_have_keys_of_their_own() -> None:
    alike = [key_of("cs2", "x" * 200 + end) for end in "ab"]
    assert len(set(alike)) == 2


def test_key_of_one_name_in_two_games_tells_them_apart() -> None:
    assert skin_of_key(key_of("rust", NAME)) == ("rust", NAME)
    assert key_of("rust", NAME) != key_of("cs2", NAME)


def test_what_is_typed_freely_names_no_game() -> None:
    for typed in (NAME, "csgo: redline", "", ":", "Souvenir: what"):
        assert skin_of_key(typed) == ("", typed)
