"""Starting and stopping: one clear line for what is wrong, and nothing half running."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest
from cryptography.fernet import Fernet

from bot.sandbox.discord import DiscordSandbox, RateLimited
from bot.sandbox.process import BotProcess
from tests.e2e.screens import put
from tests.e2e.world import REDLINE, World, trade_url_of

SETTINGS_WRONG = 78
UNREACHABLE = 75

NOWHERE = {
    "DISCORD_TOKEN": "a-token",
    "DISCORD_API_URL": "http://127.0.0.1:9/api/v10",
    "DISCORD_GATEWAY_URL": "ws://127.0.0.1:9/gateway",
    "SKINSBACK_API_URL": "http://127.0.0.1:9/api.php",
}
"""Enough to start with, and an address where nobody listens."""


async def refused(
    folder: Path, environment: Mapping[str, str], *, code: int = SETTINGS_WRONG
) -> str:
    """Start the bot, hold it to one clear line and the exit code, and return the line."""
    given = {"DATABASE_PATH": str(folder / "quartermaster.db"), **environment}
    process = await BotProcess(given, log_path=folder / "refused.log").start()
    assert await process.ended() == code, process.log()
    lines = process.log().splitlines()
    assert "Traceback" not in process.log()
    clear = [line for line in lines if line.startswith("Quartermaster can't start. ")]
    assert len(clear) == 1, process.log()
    assert lines[-1] == clear[0]
    (folder / "refused.log").unlink()
    return clear[0]


# Settings


async def test_start_when_the_token_is_missing_then_one_line_says_so(tmp_path: Path) -> None:
    """With where each setting is explained."""
    line = await refused(tmp_path, {})
    assert "DISCORD_TOKEN is missing" in line
    assert ".env.example" in line


async def test_start_when_several_settings_are_bad_then_all_are_named_at_once(
    tmp_path: Path,
) -> None:
    """Nobody should have to start it once for each."""
    bad = {
        "MARKET": "steam",
        "HEALTH_PORT": "99999",
        "ALLOWED_GUILD_IDS": "1, two",
        "OPERATOR_IDS": "me",
        "LOG_LEVEL": "LOUD",
        "LOG_FORMAT": "xml",
        "DATA_KEYS": "short",
        "DISCORD_API_URL": "ftp://discord.com",
        "DISCORD_GATEWAY_URL": "http://127.0.0.1",
        "SKINSBACK_API_URL": "skinsback.com",
    }
    line = await refused(tmp_path, bad)
    for name in (*bad, "DISCORD_TOKEN"):
        assert name in line
    for value in ("short", "LOUD"):
        assert value not in line.split(), "a value may be a secret in the wrong place"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"MARKET": "skinsback", "SKINSBACK_API_URL": ""}, "SKINSBACK_CLIENT_ID is missing; SKINS"),
        (
            {
                "MARKET": "skinsback",
                "SKINSBACK_CLIENT_ID": "1",
                "SKINSBACK_CLIENT_SECRET": "s",
                "SKINSBACK_API_URL": "https://skinsback.com.evil.example/api.php",
            },
            "SKINSBACK_API_URL must be https://skinsback.com/",
        ),
        (
            {
                "MARKET": "skinsback",
                "SKINSBACK_CLIENT_ID": "1",
                "SKINSBACK_CLIENT_SECRET": "s",
                "SKINSBACK_API_URL": "http://skinsback.com/api.php",
            },
            "SKINSBACK_API_URL must be https://skinsback.com/",
        ),
    ],
    ids=["without credentials", "to another host", "without encryption"],
)
async def test_start_when_money_is_real_then_credentials_go_to_the_market_alone(
    tmp_path: Path, environment: dict[str, str], said: str
) -> None:
    """And they must be there."""
    assert said in await refused(tmp_path, {**NOWHERE, **environment})


# The database


async def test_start_when_the_database_cannot_be_used_then_one_line_says_why(
    tmp_path: Path,
) -> None:
    """A path that can't be written, a folder, a file of something else, another program's."""
    (tmp_path / "file").write_text("no folder")
    below = await refused(tmp_path, {**NOWHERE, "DATABASE_PATH": str(tmp_path / "file" / "q.db")})
    assert "can't be written" in below
    (tmp_path / "folder").mkdir()
    folder = await refused(tmp_path, {**NOWHERE, "DATABASE_PATH": str(tmp_path / "folder")})
    assert "can't be used" in folder
    (tmp_path / "letter.db").write_text("Dear database, " * 100)
    letter = await refused(tmp_path, {**NOWHERE, "DATABASE_PATH": str(tmp_path / "letter.db")})
    assert "not a database" in letter
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")
    other.close()
    foreign = await refused(tmp_path, {**NOWHERE, "DATABASE_PATH": str(tmp_path / "other.db")})
    assert "other.db" in foreign


async def test_start_when_the_database_belongs_to_others_then_it_is_left_alone(
    world: World,
) -> None:
    """Newer than the code, of another market, project or host, sealed with other keys."""
    await world.give_trade_url(world.ana)
    assert await world.bot.stop() == 0
    environment = world.environment
    url = environment["SKINSBACK_API_URL"]
    cases = [
        ({"SKINSBACK_CLIENT_ID": "2002"}, "belongs to another market or project"),
        ({"MARKET": "skinsback", "SKINSBACK_MINUTE_S": ""}, "belongs to another market or project"),
        ({"SKINSBACK_API_URL": url.replace("127.0.0.1", "localhost")}, "another market or project"),
        ({"DATA_KEYS": Fernet.generate_key().decode()}, "can't be opened with these DATA_KEYS"),
    ]
    for changed, said in cases:
        assert said in await refused(world.folder, {**environment, **changed}), changed
    key = world.database_path.with_name("quartermaster.db.key")
    kept = key.read_text()
    key.write_text(Fernet.generate_key().decode())
    assert "can't be opened" in await refused(world.folder, environment)
    key.write_text("no key")
    assert "holds no key" in await refused(world.folder, environment)
    key.write_text(kept)
    newer = world.folder / "newer.db"
    shutil.copy(world.database_path, newer)
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    line = await refused(world.folder, {**environment, "DATABASE_PATH": str(newer)})
    assert "The database is of version 999" in line
    assert "Start the newer Quartermaster" in line
    await world.start(DATA_KEYS=f"{Fernet.generate_key().decode()},{kept}")
    basket = await put(world, world.ana, REDLINE)
    assert "To Steam account …8523" in basket.text, "the old key still opens, behind a new one"


async def test_start_when_another_process_has_the_database_then_the_second_one_stops(
    world: World,
) -> None:
    """And the first goes on as if nothing had been."""
    line = await refused(world.folder, world.environment)
    assert "Another Quartermaster is already running with the database" in line
    assert REDLINE in (await put(world, world.ana, REDLINE)).text


async def test_start_when_the_health_port_is_taken_then_one_line_says_so(tmp_path: Path) -> None:
    """Another program's, or a bot's that still runs."""
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))
        other.listen()
        port = other.getsockname()[1]
        line = await refused(tmp_path, {**NOWHERE, "HEALTH_PORT": str(port)})
    assert f"HEALTH_PORT {port} can't be used" in line


# Discord


async def test_start_when_discord_refuses_the_token_then_one_line_says_so(
    empty_world: World,
) -> None:
    """Starting again would change nothing, so the code is that of wrong settings."""
    token = "a.wrong.token-that-must-not-be-shown"
    line = await refused(empty_world.folder, {**empty_world.environment, "DISCORD_TOKEN": token})
    assert "Discord refuses the DISCORD_TOKEN." in line
    assert token not in line


async def test_start_when_discord_cannot_be_reached_then_it_ends_so_that_it_is_started_again(
    empty_world: World,
) -> None:
    """REST, or only the gateway: it may work at the next start, and the code says so."""
    environment = empty_world.environment
    nobody = {**environment, "DISCORD_API_URL": "http://127.0.0.1:9/api/v10"}
    line = await refused(empty_world.folder, nobody, code=UNREACHABLE)
    assert "Discord can't be reached." in line
    silent = {**environment, "DISCORD_GATEWAY_URL": "ws://127.0.0.1:9/gateway"}
    line = await refused(empty_world.folder, silent, code=UNREACHABLE)
    assert "Discord can't be reached." in line


# The market


async def test_start_when_the_market_refuses_us_then_the_bot_comes_up_and_tells_the_operator(
    empty_world: World,
) -> None:
    """In the log and in the approval channel; what is approved waits until it is mended."""
    world = empty_world
    world.market.ip_allowed = False
    await world.set_up()
    await world.start(with_prices=False, OPERATOR_IDS=str(world.olga.id))
    world.approvals.allow(world.olga, "VIEW_CHANNEL")
    notice = await world.approvals.wait_for("Buying is paused")
    assert "The market refuses the internet address" in notice.text
    assert "(code -8)" in notice.text
    assert notice.pinged(world.olga)
    assert "@Olga, you run this bot: only you can mend this." in notice.text
    assert "Buying is paused: market_refuses_us, the market answers code -8" in world.bot.log()
    basket = await put(world, world.ana, REDLINE)
    assert "I have no price list of the market yet" in basket.text
    assert await world.bot.stop() == 0
    world.market.ip_allowed = True
    await world.start(SKINSBACK_CLIENT_SECRET="wrong-secret-never-shown", with_prices=False)
    again = await world.approvals.wait_for("(code -10)")
    assert "has to put the right SKINSBACK_CLIENT_ID" in again.text
    assert "wrong-secret" not in world.bot.log()
    assert await world.bot.stop() == 0
    await world.start()
    await again.wait_for("Buying goes on")


async def test_start_when_the_market_is_down_then_requests_are_taken_and_buying_waits(
    world: World,
) -> None:
    """With the prices of the last run; it goes on when the market is back."""
    await world.until(world.prices_are_kept)
    assert await world.bot.stop() == 0
    await world.start(SKINSBACK_API_URL="http://127.0.0.1:9/api.php")
    card = await world.submit(world.ana, (REDLINE, 1))
    reply = await world.max.click(card, "Approve")
    assert "is approved" in reply.text
    await card.wait_for("The market can't be reached. Nothing was bought.")
    await world.ana.wait_for_dm("The market doesn't answer at the moment.")
    assert await world.bot.stop() == 0
    await world.start()
    await world.hurry()
    await card.wait_for("1 skin bought")


# Running


async def test_commands_when_they_are_the_same_as_last_time_then_they_are_not_sent_again(
    empty_world: World,
) -> None:
    """And a panel's command links work after the second start as after the first."""
    world = await (await empty_world.set_up()).start()
    assert await world.bot.stop() == 0
    await world.start()
    puts = [request for request in world.discord.requests if request.method == "PUT"]
    assert len(puts) == 1
    assert {command["name"] for command in puts[0].json} == {
        "approvals",
        "request",
        "my-requests",
        "skins",
        "trade-url",
        "setup",
        "quartermaster",
    }
    reply = await world.ana.slash("my-requests", channel=world.hall)
    assert "</request:" in reply.message.source if reply.message else False
    assert await world.bot.stop() == 0


async def test_settings_when_they_stand_in_a_file_then_it_is_read_and_the_environment_wins(
    empty_world: World,
) -> None:
    """``.env`` in the folder that it is started in."""
    world = empty_world
    await world.set_up()
    given = {**world.environment, "LOG_FORMAT": "json", "LOG_LEVEL": "ERROR"}
    (world.folder / ".env").write_text("\n".join(f"{k}={v}" for k, v in given.items()))
    world.environment.clear()
    world.environment["DATABASE_PATH"] = given["DATABASE_PATH"]
    await world.start(LOG_LEVEL="INFO")
    assert REDLINE in (await put(world, world.ana, REDLINE)).text
    await world.until(lambda: "Ready on 1 servers" in world.bot.log())
    lines = [json.loads(line) for line in world.bot.log().splitlines()]
    assert {line["level"] for line in lines} <= {"INFO", "WARNING"}


async def test_health_when_asked_then_it_says_whether_the_bot_is_connected(
    empty_world: World,
) -> None:
    """200 while it is, 503 while it isn't; and a signal ends the bot in order."""
    world = await empty_world.set_up()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    await world.start(HEALTH_PORT=str(port))
    url = f"http://127.0.0.1:{port}/healthz"
    async with aiohttp.ClientSession() as session:
        assert await _status(session, url, 200) == "ok"
        await world.discord.stop_listening()
        try:
            assert await _status(session, url, 503) == "not connected to Discord"
        finally:
            await world.discord.start_listening()
        assert await _status(session, url, 200) == "ok"
    log = world.bot.log()
    assert "The connection to Discord is lost" in log
    assert "Traceback" not in log
    assert "ERROR" not in log
    world.bot._signal(signal.SIGINT)
    assert await world.bot.ended() == 0


async def _status(session: aiohttp.ClientSession, url: str, wanted: int) -> str:
    """Wait until the health check answers with a status, and return what it says."""
    async with asyncio.timeout(15):
        while True:
            async with session.get(url) as answer:
                if answer.status == wanted:
                    return await answer.text()
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("log_format", ["text", "json"])
async def test_log_when_everything_is_logged_then_no_secret_is_in_it(
    empty_world: World, log_format: str
) -> None:
    """At DEBUG, also where the library itself writes addresses with an interaction's token."""
    key = Fernet.generate_key().decode()
    world = await empty_world.set_up()
    await world.start(LOG_LEVEL="DEBUG", LOG_FORMAT=log_format, DATA_KEYS=key)
    for path in (r"/callback$", r"/webhooks/.+/@original$"):
        world.discord.faults.add(RateLimited(0.1), path=path, times=1)
    card = await world.submit(world.ana, (REDLINE, 1), url=trade_url_of(7, "Log-tok1"))
    world.market.refuse("market_batch_buy", -9)
    await world.max.click(card, "Approve")
    await card.wait_for("maintained")
    world.change("DROP TABLE picks")
    assert "Something went wrong on our side." in (await put(world, world.ana, REDLINE)).text
    assert await world.bot.stop() == 0
    log = world.bot.log()
    assert "rate limit" in log, "or nothing here was put to the test"
    assert "Traceback" in log
    secrets = [
        world.environment["DISCORD_TOKEN"],
        world.environment["SKINSBACK_CLIENT_SECRET"],
        "Log-tok1",
        key,
        *world.discord.world.interactions,
    ]
    assert [secret for secret in secrets if secret in log] == []


async def test_stop_when_nothing_is_under_way_then_it_ends_at_once_and_in_order(
    world: World,
) -> None:
    """Without a word of alarm, and everything that stands can be used after the next start."""
    card = await world.submit(world.ana, (REDLINE, 1))
    started = asyncio.get_running_loop().time()
    assert await world.bot.stop() == 0
    assert asyncio.get_running_loop().time() - started < 3
    log = world.bot.log()
    assert "Stopping: what is on the wire is waited for." in log
    assert "ERROR" not in log
    assert "Unclosed" not in log
    await world.start()
    await world.max.click(card, "Approve")
    await card.wait_for("1 skin bought")


async def test_token_when_it_is_changed_while_the_bot_runs_then_it_stops_with_one_line(
    empty_world: World,
) -> None:
    """Discord closes the gateway for good; nothing comes back from that by itself."""
    world = await empty_world.start(with_prices=False)
    await world.discord.drop_gateway(4004)
    assert await world.bot.ended() == SETTINGS_WRONG
    log = world.bot.log()
    assert "Discord has ended the connection for good (code 4004)" in log.splitlines()[-1]
    assert "Traceback" not in log


async def test_discord_when_it_appears_only_later_then_the_next_start_finds_it(
    tmp_path: Path,
) -> None:
    """What a supervisor does after the exit code that says "later"."""
    async with DiscordSandbox() as discord:
        environment = discord.environment()
        await discord.stop_listening()
        await refused(tmp_path, {**NOWHERE, **environment}, code=UNREACHABLE)
        await discord.start_listening()
        given = {**NOWHERE, **environment, "DATABASE_PATH": str(tmp_path / "quartermaster.db")}
        process = await BotProcess(given, log_path=tmp_path / "bot.log").start()
        await discord.bot_ready()
        assert await process.stop() == 0
