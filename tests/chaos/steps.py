"""Named steps of the bot at which it kills itself, installed around its own functions.

A commit has three sides: just before it, inside it (SQLite is writing), and just after it. Which
commit it is shows from what was called with its transaction.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import re
import signal
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Final

import aiohttp

from bot.domain.models import Attempt, LineView, OutboxRow, RequestView
from bot.services.ports import Posted, Subject
from bot.services.statuses import Statuses
from bot.skinsback.client import SkinsbackClient
from bot.skinsback.protocol import Answer
from bot.store.database import Database, Transaction
from bot.ui.guard import Click
from bot.ui.posting import DiscordPoster
from tests.chaos.zygote import DIES_AT

_MARKS: Final = (
    ("bot.store.requests", "submit", "submitted"),
    ("bot.store.purchases", "record_miss", "missed"),
    ("bot.store.purchases", "ask_a_person", "attention"),
    ("bot.store.purchases", "adopt", "adopted"),
    ("bot.store.requests", "approve", "approved"),
    ("bot.store.purchases", "claim", "claimed"),
    ("bot.store.purchases", "open_attempts", "attempts"),
    ("bot.store.purchases", "record_purchase", "outcome"),
    ("bot.store.purchases", "record_refusal", "outcome"),
    ("bot.store.purchases", "record_unknown", "outcome"),
    ("bot.store.purchases", "record_not_sent", "not_sent"),
    ("bot.store.purchases", "open_resend", "resend"),
    ("bot.store.purchases", "try_again", "retry"),
    ("bot.store.outbox", "mark_posted", "told"),
    ("bot.store.purchases", "give_up_waiting", "recovered"),
    ("bot.store.deliveries", "close", "closed"),
)
"""Functions of the store, and what a transaction is in which one of them did something."""

SIDES: Final = ("before", "inside", "committed")

STEPS: Final = (
    "acknowledged",
    *(f"approved:{side}" for side in SIDES),
    "claimed:committed",
    "attempts:before",
    "attempts:committed",
    "half_body",
    "body_sent",
    *(f"outcome:{side}" for side in SIDES),
    "not_sent:committed",
    "missed:committed",
    "resend:before",
    "resend:committed",
    "resend_half_body",
    "resend_body_sent",
    "attention:committed",
    "adopted:committed",
    "retry:committed",
    "posted:approval_card",
    "posted:member_status",
    "posted:result",
    "posted:trades",
    "posted:delivery_notice",
    "edited:trades",
    "hinted:committed",
    *(f"status:{side}" for side in SIDES),
    "closed:committed",
    "told:inside",
    "submitted:committed",
    *(f"recovered:{side}" for side in SIDES),
)
"""Every step at which a round may kill."""

AFTER_BUYING: Final = frozenset(
    {
        "retry:committed",
        "posted:trades",
        "posted:delivery_notice",
        "edited:trades",
        "hinted:committed",
        *(f"status:{side}" for side in SIDES),
        "closed:committed",
    }
)
"""Those that come some time after the last that members want."""

_KEY: Final = re.compile(rb"qm[a-z2-7]{20}[0-9]{4}")


class Fate:
    """Where this process dies: at the nth time that it comes to a step, and so much later."""

    def __init__(self, step: str, nth: int, delay_s: float) -> None:
        self._step = step
        self._nth = nth
        self.delay_s = delay_s
        self._seen: Counter[str] = Counter()

    def has_come(self, step: str) -> bool:
        """Count a step; say whether it is the last one."""
        self._seen[step] += 1
        return step == self._step and self._seen[step] == self._nth

    def die(self, after_s: float = 0.0) -> None:
        """End this process as a loss of power would, without letting its loop go on before."""
        time.sleep(after_s)
        os.write(2, f"{DIES_AT}{self._step}\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)


def install(fate: Fate) -> None:
    """Have this process die at its step."""
    for module_name, function_name, mark in _MARKS:
        _mark(module_name, function_name, mark)
    _put(Statuses, "hint", _marked_if_news(Statuses.hint, "hinted"))
    _put(Statuses, "_tell", _marked_if_changed(Statuses._tell))
    _put(Database, "writing", _watched_writing(fate, Database.writing))
    for name in ("think", "hold"):
        _put(Click, name, _dies_after(fate, "acknowledged", getattr(Click, name)))
    _put(DiscordPoster, "post", _watched_post(fate, DiscordPoster.post))
    _put(DiscordPoster, "edit", _watched_edit(fate, DiscordPoster.edit))
    _put(SkinsbackClient, "_post", _watched_call(fate, SkinsbackClient._post))


def _put(owner: object, name: str, value: object) -> None:
    setattr(owner, name, value)


def _mark(module_name: str, function_name: str, mark: str) -> None:
    module = importlib.import_module(module_name)
    function = getattr(module, function_name)

    @wraps(function)
    async def marked(tx: Transaction, *arguments: Any, **named: Any) -> Any:
        did = await function(tx, *arguments, **named)
        if did not in (False, []):
            _mark_transaction(tx, mark)
        return did

    _put(module, function_name, marked)


def _mark_transaction(tx: Transaction, mark: str) -> None:
    vars(tx).setdefault("marks", set()).add(mark)


def _marked_if_news(method: Callable[..., Awaitable[bool]], mark: str) -> Callable[..., Any]:
    @wraps(method)
    async def marked(self: Statuses, tx: Transaction, *arguments: Any, **named: Any) -> bool:
        news = await method(self, tx, *arguments, **named)
        if news:
            _mark_transaction(tx, mark)
        return news

    return marked


def _marked_if_changed(tell: Callable[..., Awaitable[None]]) -> Callable[..., Any]:
    """Mark the transactions in which a purchase that was booked before gets another status."""

    @wraps(tell)
    async def marked(
        self: Statuses,
        tx: Transaction,
        view: RequestView,
        line: LineView,
        key: str,
        before: Attempt | None,
        offer_status: str,
    ) -> None:
        await tell(self, tx, view, line, key, before, offer_status)
        if before is not None:
            _mark_transaction(tx, "status")

    return marked


def _watched_writing(fate: Fate, writing: Callable[..., Any]) -> Callable[..., Any]:
    @asynccontextmanager
    async def watched(self: Database) -> AsyncGenerator[Transaction]:
        marks: set[str] = set()
        async with writing(self) as tx:
            yield tx
            marks = vars(tx).get("marks", set())
            for mark in sorted(marks):
                if fate.has_come(f"{mark}:before"):
                    fate.die()
                if fate.has_come(f"{mark}:inside"):
                    await _die_while_committing(fate, tx)
        for mark in sorted(marks):
            if fate.has_come(f"{mark}:committed"):
                fate.die()

    return watched


async def _die_while_committing(fate: Fate, tx: Transaction) -> None:
    """Hand the COMMIT to SQLite's thread and die without waiting for it."""
    committing = asyncio.ensure_future(tx._connection.execute("COMMIT"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    # Of a commit on a fast disk most is over after a millisecond.
    fate.die(after_s=fate.delay_s / 20)
    await committing


def _dies_after(
    fate: Fate, step: str, method: Callable[..., Awaitable[None]]
) -> Callable[..., Awaitable[None]]:
    @wraps(method)
    async def watched(self: Click) -> None:
        await method(self)
        if fate.has_come(step):
            fate.die()

    return watched


def _watched_post(fate: Fate, post: Callable[..., Awaitable[Posted]]) -> Callable[..., Any]:
    @wraps(post)
    async def watched(self: DiscordPoster, row: OutboxRow, subject: Subject) -> Posted:
        posted = await post(self, row, subject)
        if fate.has_come(f"posted:{row.kind.value}"):
            fate.die()
        return posted

    return watched


def _watched_edit(fate: Fate, edit: Callable[..., Awaitable[None]]) -> Callable[..., Any]:
    @wraps(edit)
    async def watched(self: DiscordPoster, row: OutboxRow, subject: Subject) -> None:
        await edit(self, row, subject)
        if fate.has_come(f"edited:{row.kind.value}"):
            fate.die()

    return watched


def _watched_call(fate: Fate, call: Callable[..., Awaitable[Answer]]) -> Callable[..., Any]:
    @wraps(call)
    async def watched(
        self: SkinsbackClient,
        session: aiohttp.ClientSession,
        body: bytes,
        timeout: aiohttp.ClientTimeout,
        limit: int,
    ) -> Answer:
        if b"market_batch_buy" not in body:
            return await call(self, session, body, timeout, limit)
        kind = "resend_" if _sent_before(body) else ""
        if fate.has_come(f"{kind}half_body"):
            await call(self, session, _half(fate, body), timeout, limit)
        if fate.has_come(f"{kind}body_sent"):
            session.trace_configs.append(_dies_once_sent(fate))
        return await call(self, session, body, timeout, limit)

    return watched


def _sent_before(body: bytes) -> bool:
    """Say whether a key of this batch was sent before, also by an earlier process."""
    keys = {key.decode() for key in _KEY.findall(body)}
    path = Path("sent-keys")
    known = set(path.read_text().split()) if path.exists() else set()
    with path.open("a") as file:
        file.write("\n".join(keys) + "\n")
    return bool(keys & known)


async def _half(fate: Fate, body: bytes) -> AsyncIterator[bytes]:
    """Send half a body and die."""
    yield body[: len(body) // 2]
    await asyncio.sleep(0.01 + fate.delay_s)
    fate.die()


def _dies_once_sent(fate: Fate) -> aiohttp.TraceConfig:
    """Die a moment after the whole body has left and before its answer is read."""
    trace = aiohttp.TraceConfig()

    async def sent(*_: object) -> None:
        asyncio.get_running_loop().call_later(0.001 + fate.delay_s, fate.die)

    trace.on_request_chunk_sent.append(sent)
    trace.freeze()
    return trace
