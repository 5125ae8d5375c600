"""Markup as people read it."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sandbox.discord.drawing import read
from tests.sandbox.discord.conftest import Api, Stage


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("**2** of __three__ ~~four~~ *five* _six_", "2 of three four five six"),
        ("***both***", "both"),
        ("a * b * c, snake_case_name", "a * b * c, snake_case_name"),
        ("# Title\n-# small\n> quote", "Title\nsmall\n> quote"),
        (r"\*kept\* \| \# 1\. \[a\]", "*kept* | # 1. [a]"),
        ("`AK-47 | **Redline**` is `` a`b ``", "AK-47 | **Redline** is a`b"),
        (r"\`no code\`", "`no code`"),
        ("```py\nx = 1\n```", "x = 1"),
        ("[Steam](https://steamcommunity.com) now", "Steam ↗ now"),
        ("</my-requests:12> <:coin:34>", "/my-requests :coin:"),
        ("<@1> <@&2> <#3>", "@unknown-user @unknown-role #unknown"),
        ("★ Karambit | Doppler (Factory New)", "★ Karambit | Doppler (Factory New)"),
    ],
)
def test_markup_is_read(stage: Stage, source: str, seen: str) -> None:
    assert read(source, stage.hall) == seen


@pytest.mark.parametrize(
    ("away_s", "seen"),
    [
        (0, "in 0 seconds"),
        (540, "in 9 minutes"),
        (-1, "1 second ago"),
        (-7200, "2 hours ago"),
        (8 * 86_400, "in 8 days"),
    ],
)
def test_relative_times_are_spoken(stage: Stage, away_s: int, seen: str) -> None:
    at = round(stage.discord.world.clock.now()) + away_s
    drawn = read(f"<t:{at}:R>", stage.hall)
    assert drawn in (seen, seen.replace("in 0 seconds", "1 second ago"))


@pytest.mark.parametrize(
    ("style", "seen"),
    [
        ("", "14 November 2023 22:13"),
        (":f", "14 November 2023 22:13"),
        (":F", "Tuesday, 14 November 2023 22:13"),
        (":d", "14/11/2023"),
        (":D", "14 November 2023"),
        (":t", "22:13"),
        (":T", "22:13:20"),
    ],
)
def test_dates_are_shown(stage: Stage, style: str, seen: str) -> None:
    assert read(f"<t:1700000000{style}>", stage.hall) == seen


def test_names_are_shown(stage: Stage) -> None:
    source = f"{stage.ana.mention} {stage.mods.mention} {stage.hall.mention}"
    assert read(source, stage.approvals) == "@Ana @Skin Mods #general"


async def test_whole_message_is_drawn(stage: Stage, api: Api) -> None:
    components: list[dict[str, Any]] = [
        {
            "type": 17,
            "components": [
                {"type": 10, "content": "word " * 20},
                {"type": 14},
                {"type": 12, "items": [{"media": {"url": "https://x.example/1.png"}}] * 2},
                {
                    "type": 1,
                    "components": [
                        {
                            "type": 3,
                            "custom_id": "s",
                            "placeholder": "Change a skin",
                            "options": [{"label": "A", "value": "a"}],
                        }
                    ],
                },
                {
                    "type": 9,
                    "components": [{"type": 10, "content": "Who"}],
                    "accessory": {
                        "type": 2,
                        "style": 2,
                        "emoji": {"name": "✅"},
                        "label": "Yes",
                        "custom_id": "y",
                    },
                },
            ],
        }
    ]
    body = {"flags": 1 << 15, "components": components}
    await api("POST", f"/channels/{stage.hall.id}/messages", body)
    assert stage.hall.messages[0].render().splitlines() == [
        "Quartermaster",
        "┃ " + ("word " * 15).strip(),
        "┃ " + ("word " * 5).strip(),
        "┃ ────────────────────────",
        "┃ [picture] [picture]",
        "┃ [Change a skin ▾]",
        "┃ Who" + " " * 66 + "[✅ Yes]",
    ]


async def test_embeds_are_drawn_with_a_bar(stage: Stage, api: Api) -> None:
    embed = {"title": "Bought", "fields": [{"name": "Paid", "value": "$12.11"}]}
    await api("POST", f"/channels/{stage.hall.id}/messages", {"content": "Now", "embeds": [embed]})
    assert stage.hall.messages[0].render() == "Quartermaster\nNow\n┃ Bought\n┃ Paid\n┃ $12.11"
