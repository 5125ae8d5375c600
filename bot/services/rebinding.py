"""Bringing a database to another market or project: first what is open is closed, and told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.models import REBOUND, EventKind, RequestView
from bot.errors import StartupError
from bot.store import audit, outbox, rebinding, settings
from bot.store.database import Transaction


class RebindRefusedError(StartupError):
    """The database must stay with its market for now; the text says what has to be done first."""


@dataclass(frozen=True, slots=True)
class Rebound:
    """What was done. ``closed`` expired; ``picks`` were listings of the old market."""

    before: dict[str, str]
    closed: tuple[RequestView, ...]
    picks: int


async def rebind(tx: Transaction, *, at: int, **identity: str) -> Rebound | None:
    """Bind a database to ``identity``; None if it belongs there already, or to nobody yet.

    Its open requests expire and their messages are drawn again at the next start. What was bought
    stays as it is, and is followed no further until the database comes back to its market. Raises
    ``RebindRefusedError`` while anything is being bought: its purchase keys mean nothing at another
    market, so nobody could ever find out what became of it.
    """
    before = await settings.identity(tx)
    if not before or before == identity:
        return None
    if busy := await rebinding.in_buying(tx):
        raise RebindRefusedError(
            f"These requests are being bought, or nobody knows whether they were: {named(busy)}. "
            "Start the bot with the old settings until they are bought or settled, then run "
            "rebind again. Nothing was changed."
        )
    closed = await rebinding.still_open(tx)
    for view in closed:
        request = view.request
        if not await rebinding.close(tx, request.request_id, at=at):
            raise RuntimeError("an open request could not be closed")
        await audit.record_for(tx, EventKind.EXPIRED, request, at=at, details={"cause": REBOUND})
        await outbox.touch(tx, request.request_id)
    picks = await rebinding.forget_listings(tx, at=at)
    await rebinding.follow_what_is_there(
        tx, market=identity["market"], project=identity["client_id"], at=at
    )
    await settings.rebind(tx, **identity)
    return Rebound(before, tuple(closed), picks)


def named(views: Sequence[RequestView]) -> str:
    """Return requests as an operator finds them: number and server."""
    return ", ".join(f"#{view.request.number} (server {view.request.guild_id})" for view in views)
