"""Each check finds what it is for: the evidence of a sound round, with one thing changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from bot.domain.market import OfferStatus
from bot.domain.money import Micros
from bot.sandbox.discord import Message
from bot.sandbox.skinsback import Profile
from bot.sandbox.skinsback.ledger import LedgerEntry
from tests.chaos import checks
from tests.chaos.arena import open_arena
from tests.chaos.checks import Evidence, Row, check
from tests.chaos.market import Told
from tests.chaos.mutants import asked
from tests.chaos.pace import hurried_world
from tests.chaos.people import approve
from tests.chaos.plan import Plan
from tests.chaos.round import come_to_rest, gather_evidence
from tests.chaos.troubles import SKINS
from tests.chaos.zygote import CHAOS, Zygote

WAITS_FOR_LONG: Final = ((0.1, OfferStatus.WAITING_ACCEPT), (1.5, OfferStatus.ACCEPTED))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sound(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """What is seen of a request for two skins that is bought as it should be."""
    plan = Plan(seed="1", profile=Profile(), lives=(), members=1)
    folder = tmp_path_factory.mktemp("sound")
    with hurried_world():
        return await _play_sound(plan, folder)


async def _play_sound(plan: Plan, folder: Path) -> Evidence:
    with Zygote(CHAOS) as zygote:
        async with open_arena(plan, zygote, folder) as arena:
            arena.market.script_trades(WAITS_FOR_LONG)
            await arena.start_for_good()
            card = await asked(arena, arena.members[0], (SKINS[0], 2))
            assert await approve(arena, arena.moderators[0], card)
            await arena.results.wait_for("2 skins")
            await come_to_rest(arena)
            return await gather_evidence(arena)


def kinds(evidence: Evidence) -> set[str]:
    """Return the kinds of violations that are found."""
    return {violation.kind for violation in check(evidence)}


def with_rows(evidence: Evidence, table: str, change: Callable[[Row], Row | None]) -> Evidence:
    """Return the evidence with every row of a table changed, or without it."""
    rows = [new for row in evidence.tables[table] if (new := change(row)) is not None]
    return replace(evidence, tables={**evidence.tables, table: rows})


def with_entry(evidence: Evidence, **changes: Any) -> Evidence:
    """Return the evidence with the first purchase of the ledger changed."""
    first, *others = evidence.ledger
    return replace(evidence, ledger=[replace(first, **changes), *others])


def another_purchase(evidence: Evidence) -> Evidence:
    """Buy the first line once more, under its next key."""
    first: LedgerEntry = evidence.ledger[0]
    again = replace(first, buy_id=first.buy_id + 9, key=f"{str(first.key)[:-2]}02")
    return replace(evidence, ledger=[*evidence.ledger, again])


def sent_twice(evidence: Evidence) -> Evidence:
    """Let the batch have arrived twice."""
    (batch,) = [call for call in evidence.calls if call.method == "market_batch_buy"]
    return replace(evidence, calls=[*evidence.calls, replace(batch, at=batch.at + 1)])


def next_key_sent(evidence: Evidence) -> Evidence:
    """Let a batch with the next keys have arrived, although the first were bought."""
    (batch,) = [call for call in evidence.calls if call.method == "market_batch_buy"]
    items: list[dict[str, Any]] = batch.parameters["items"]  # type: ignore[assignment]
    later = [{**item, "custom_id": f"{item['custom_id'][:-2]}02"} for item in items]
    again = replace(batch, parameters={**batch.parameters, "items": later})
    return replace(evidence, calls=[*evidence.calls, again])


def tried_again(evidence: Evidence, *, told_failed: bool) -> Evidence:
    """Let it have been bought anew on a moderator's word, with or without asking first."""
    (batch,) = [call for call in evidence.calls if call.method == "market_batch_buy"]
    asked = {
        "request_id": evidence.tables["attempts"][0]["request_id"],
        "kind": "tried_again",
        "at": int(batch.at * 1000) - 5,
        "details": json.dumps({"lines": 2}),
    }
    statuses = {row["buy_id"]: "timeout" for row in evidence.tables["attempts"]}
    told = [Told(batch.at - 0.001, "market_getinfo", statuses)] if told_failed else []
    sent = next_key_sent(evidence)
    events = [*evidence.tables["events"], asked]
    return replace(sent, tables={**sent.tables, "events": events}, told=told)


def came_back(evidence: Evidence, *, alarm: bool) -> Evidence:
    """Let the first purchase have been called over time, bought anew, and accepted after all."""
    first = evidence.ledger[0]
    twice = another_purchase(tried_again(evidence, told_failed=True))
    told = [Told(first.bought_at, "market_getinfo", {first.buy_id: "timeout"})]
    raised = {
        "request_id": evidence.tables["attempts"][0]["request_id"],
        "kind": "alarm",
        "at": 1,
        "details": json.dumps({"alarm": "came_back"}),
    }
    events = [*twice.tables["events"], *([raised] if alarm else [])]
    return replace(twice, told=told, tables={**twice.tables, "events": events})


def another_token(evidence: Evidence) -> Evidence:
    """Let the batch have carried a token that the member never gave."""
    calls = [
        replace(call, parameters={**call.parameters, "token": "Other-00"})
        if call.method == "market_batch_buy"
        else call
        for call in evidence.calls
    ]
    return replace(evidence, calls=calls)


def trade_messages(evidence: Evidence) -> list[Message]:
    """Return the messages that tell of trades."""
    marks = {str(row["mark"]) for row in evidence.tables["outbox"] if row["kind"] == "trades"}
    found = [message for message in evidence.messages if message.nonce in marks]
    assert found
    return found


IN_A_COMMAND = (
    "discord.app_commands.errors.CommandInvokeError: Command 'trade-url' raised an exception:"
)

TAMPERED: dict[str, tuple[str, Callable[[Evidence], Evidence]]] = {
    "a second purchase": ("bought twice", another_purchase),
    "a key of somebody else": ("not ours", lambda e: with_entry(e, key="somebody-else")),
    "no press of Approve": ("unapproved", lambda e: replace(e, pressed=())),
    "another account": ("unapproved", lambda e: with_entry(e, partner=5)),
    "another skin": ("unapproved", lambda e: with_entry(e, name="Big Grin")),
    "another version": (
        "unapproved",
        lambda e: with_rows(e, "lines", lambda row: {**row, "line_no": row["line_no"] + 1}),
    ),
    "a higher ceiling": ("above ceiling", lambda e: with_entry(e, max_price=Micros(10**9))),
    "a price above it": ("above ceiling", lambda e: with_entry(e, debited=Micros(10**9))),
    "a token never given": ("wrong account", another_token),
    "another debit": ("books", lambda e: with_entry(e, debited=Micros(1))),
    "a purchase not booked": (
        "books",
        lambda e: with_rows(e, "attempts", lambda row: {**row, "state": "refused"}),
    ),
    "a purchase that isn't there": ("books", lambda e: replace(e, ledger=())),
    "an alarm": (
        "paused",
        lambda e: with_rows(e, "events", lambda row: {**row, "kind": "alarm"}),
    ),
    "a second send": ("sent again", sent_twice),
    "the next key": ("next key", next_key_sent),
    "bought again unasked": ("bought again", next_key_sent),
    "bought again without a look": (
        "bought again",
        lambda e: tried_again(e, told_failed=False),
    ),
    "two for one without an alarm": ("bought twice", lambda e: came_back(e, alarm=False)),
    "another status": (
        "followed",
        lambda e: with_rows(e, "attempts", lambda row: {**row, "offer_status": "timeout"}),
    ),
    "closed and followed": (
        "followed",
        lambda e: with_rows(e, "attempts", lambda row: {**row, "check_at": 1, "closed_at": 2**50}),
    ),
    "neither closed nor followed": (
        "followed",
        lambda e: with_rows(
            e, "attempts", lambda row: {**row, "check_at": None, "closed_at": None}
        ),
    ),
    "closed too early": (
        "followed",
        lambda e: with_rows(
            e,
            "attempts",
            lambda row: {**row, "check_at": None, "closed_at": row["accepted_at"] + 900},
        ),
    ),
    "followed without a purchase": (
        "followed",
        lambda e: with_rows(e, "attempts", lambda row: {**row, "state": "refused", "check_at": 1}),
    ),
    "told in no message": (
        "trades told",
        lambda e: with_rows(e, "attempts", lambda row: {**row, "told_in": 7}),
    ),
    "seen waiting and not told": (
        "trades told",
        lambda e: with_rows(e, "attempts", lambda row: {**row, "told_in": None}),
    ),
    "waits and its message was skipped": (
        "trades told",
        lambda e: with_rows(
            with_rows(e, "attempts", lambda row: {**row, "offer_status": "waiting_accept"}),
            "outbox",
            lambda row: {**row, "state": "skipped"},
        ),
    ),
    "refused although direct messages are open": (
        "trades told",
        lambda e: with_rows(e, "outbox", lambda row: {**row, "state": "parked"}),
    ),
    "a trade message twice": (
        "told once",
        lambda e: replace(e, messages=[*e.messages, *trade_messages(e)]),
    ),
    "a minute full of calls": (
        "rate",
        lambda e: replace(e, calls=[*e.calls, *[e.calls[0]] * checks.CALLS_A_MINUTE]),
    ),
    "no request": ("lost", lambda e: replace(e, told_sent=[(9, 1)])),
    "no approval": (
        "lost",
        lambda e: with_rows(e, "requests", lambda row: {**row, "state": "pending"}),
    ),
    "approved for ever": (
        "stuck",
        lambda e: with_rows(e, "requests", lambda row: {**row, "state": "approved"}),
    ),
    "on the wire for ever": (
        "stuck",
        lambda e: with_rows(e, "attempts", lambda row: {**row, "state": "sent"}),
    ),
    "a message never posted": (
        "stuck",
        lambda e: with_rows(e, "outbox", lambda row: {**row, "state": "waiting"}),
    ),
    "a message lost": ("told once", lambda e: replace(e, messages=e.messages[:-1])),
    "a message twice": ("told once", lambda e: replace(e, messages=[*e.messages, *e.messages])),
    "a row lost": (
        "told once",
        lambda e: with_rows(e, "outbox", lambda row: None if row["kind"] == "result" else row),
    ),
    "another text": (
        "untrue",
        lambda e: replace(e, drawn={row_id: f"{words}." for row_id, words in e.drawn.items()}),
    ),
    "a traceback": (
        "log",
        lambda e: replace(
            e, logs={"bot": "Traceback (most recent call last):\n  File\nKeyError: 1\n"}
        ),
    ),
    "a secret": ("log", lambda e: replace(e, logs={"bot": f"token={next(iter(e.secrets))}"})),
}
"""By name: the kind of violation that must be found, and what was changed."""


@pytest.mark.asyncio(loop_scope="module")
async def test_check_of_a_sound_round_finds_nothing(sound: Evidence) -> None:
    await asyncio.sleep(0)
    assert check(sound) == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", TAMPERED)
async def test_check_finds_what_was_changed(name: str, sound: Evidence) -> None:
    kind, tamper = TAMPERED[name]
    assert kind in kinds(tamper(sound))


@pytest.mark.asyncio(loop_scope="module")
async def test_bought_again_after_it_was_called_failed_is_right(sound: Evidence) -> None:
    await asyncio.sleep(0)
    assert "bought again" not in kinds(tried_again(sound, told_failed=True))


@pytest.mark.asyncio(loop_scope="module")
async def test_two_for_one_are_forgiven_if_the_market_did_it_and_somebody_was_told(
    sound: Evidence,
) -> None:
    await asyncio.sleep(0)
    found = kinds(came_back(sound, alarm=True))
    assert "bought twice" not in found
    assert "paused" not in found


def test_every_kind_of_violation_has_a_case() -> None:
    assert {kind for kind, _ in TAMPERED.values()} == set(checks.CHECKS)


@pytest.mark.parametrize(
    "error",
    [
        "aiohttp.client_exceptions.ServerDisconnectedError: Server disconnected",
        "discord.errors.DiscordServerError: 500 Internal Server Error (error code: 0): ",
        "ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 1)",
        f"{IN_A_COMMAND} ServerDisconnectedError: Server disconnected",
    ],
)
def test_discord_failing_our_answers_is_no_fault_of_ours(error: str, sound: Evidence) -> None:
    log = f"a\nTraceback (most recent call last):\n  File\n{error}\n"
    assert list(checks._tracebacks(log)) == [log.rstrip("\n")]
    assert kinds(replace(sound, logs={"bot": log})) == set()
