"""What a text mentions, by Discord's rules of ``allowed_mentions``."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sandbox.discord.mentions import Mentions, parse_mentions

TEXT = "<@1> <@!2> <@&3> @everyone"


def mentions(users: tuple[int, ...], roles: tuple[int, ...], everyone: bool) -> Mentions:
    return Mentions(frozenset(users), frozenset(roles), everyone)


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        (None, mentions((1, 2), (3,), True)),
        ({}, mentions((), (), False)),
        ({"parse": []}, mentions((), (), False)),
        ({"parse": ["users"]}, mentions((1, 2), (), False)),
        ({"parse": ["roles", "everyone"]}, mentions((), (3,), True)),
        ({"parse": [], "users": ["2", "9"]}, mentions((2,), (), False)),
        ({"parse": ["everyone"], "roles": [3]}, mentions((), (3,), True)),
    ],
)
def test_allowed_mentions(allowed: dict[str, Any] | None, expected: Mentions) -> None:
    assert parse_mentions(TEXT, allowed, users_only_by_default=False) == expected


def test_answers_to_interactions_mention_only_users_by_default() -> None:
    assert parse_mentions(TEXT, None, users_only_by_default=True) == mentions((1, 2), (), False)


@pytest.mark.parametrize("text", ["`<@1>`", "```\n@here\n```", "\\<@1>", "``a ` <@&3>``"])
def test_code_and_escapes_mention_nobody(text: str) -> None:
    assert not parse_mentions(text, None, users_only_by_default=False)
