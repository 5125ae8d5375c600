"""The merchant project: which market is spoken to, and that its socket is the same one's."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.__main__ import Project, open_market
from bot.config import SKINSBACK_API_URL, SKINSBACK_WS_URL, Settings

REAL = {
    "DISCORD_TOKEN": "t",
    "MARKET": "skinsback",
    "SKINSBACK_CLIENT_ID": "1001",
    "SKINSBACK_CLIENT_SECRET": "client-secret",
}


async def project_of(**settings: str) -> Project:
    async with AsyncExitStack() as stack:
        return await open_market(Settings.from_mapping(settings), stack)


async def test_project_of_the_real_market_is_at_its_own_addresses() -> None:
    project = await project_of(**REAL)
    assert (project.url, project.ws_url) == (SKINSBACK_API_URL, SKINSBACK_WS_URL)
    assert "client-secret" not in repr(project)


@pytest.mark.parametrize(
    ("changes", "socket"),
    [
        ({"SKINSBACK_API_URL": "http://127.0.0.1:9/api.php"}, "ws://127.0.0.1:9/ws/"),
        ({"SKINSBACK_API_URL": "https://localhost/api.php"}, "wss://localhost/ws/"),
        (
            {
                "SKINSBACK_API_URL": "http://127.0.0.1:9/api.php",
                "SKINSBACK_WS_URL": "ws://127.0.0.1:8/events/",
            },
            "ws://127.0.0.1:8/events/",
        ),
    ],
)
async def test_socket_is_the_one_that_was_set_or_stands_beside_the_api(
    changes: dict[str, str], socket: str
) -> None:
    assert (await project_of(**REAL | changes)).ws_url == socket
    assert (await project_of(**REAL | changes | {"MARKET": "sandbox"})).ws_url == socket


async def test_project_of_the_built_in_market_has_its_socket(tmp_path: Path) -> None:
    """Whatever else is set: a rehearsal must not call anybody."""
    project = await project_of(
        DISCORD_TOKEN="t",
        DATABASE_PATH=str(tmp_path / "rehearsal.db"),
        SKINSBACK_WS_URL=SKINSBACK_WS_URL,
    )
    assert project.ws_url == project.url.replace("http:", "ws:").replace("api.php", "ws/")
