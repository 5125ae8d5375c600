"""Turns for edits of messages that are older than an hour, of which Discord takes few.

It answers too many of them with error 30046, for a whole channel, and lets the others wait behind
it. So each gets a turn of its own, in the order in which they ask, and shows then what is true
then. Nothing of it has to outlast a restart.
"""

from __future__ import annotations

from typing import Final

from bot.domain.models import OutboxRow

OLD_MS: Final = 3_600_000
OLD_EDIT_GAP_MS: Final = 3_000
"""Between two of them in a channel: Discord is known to take three in six seconds."""

_REMEMBERED: Final = 1_000
"""Channels and messages, before those are forgotten whose turn is long over."""


class OldEdits:
    """Says when a message may be edited.

    Turns of a channel lie apart, and a turn that is taken late moves the next one.
    """

    def __init__(self) -> None:
        self._turns: dict[int, int] = {}
        self._free_at: dict[int, int] = {}
        self._edited_at: dict[int, int] = {}
        self._asked_at = 0

    def turn_of(self, row: OutboxRow, now: int) -> int:
        """Return when a message may be edited: now at the soonest, and at once if it is young."""
        if row.channel_id is None or not is_old(row, now):
            return now
        if now < self._asked_at:
            # The clock was ahead and has been set: turns by what it said then would never come.
            for times in (self._turns, self._free_at, self._edited_at):
                times.clear()
        self._asked_at = now
        turn = self._turns.get(row.outbox_id)
        if turn is None:
            turn = max(now, self._free_at.get(row.channel_id, now))
            self._turns[row.outbox_id] = turn
            self._free_at[row.channel_id] = turn + OLD_EDIT_GAP_MS
        last = self._edited_at.get(row.channel_id)
        return turn if last is None else max(turn, last + OLD_EDIT_GAP_MS)

    def take(self, row: OutboxRow, now: int) -> None:
        """Note that a message is being edited: it needs another turn the next time."""
        if row.channel_id is None or not is_old(row, now):
            return
        self._turns.pop(row.outbox_id, None)
        self._edited_at[row.channel_id] = now
        self._forget(now)

    def _forget(self, now: int) -> None:
        if len(self._edited_at) + len(self._turns) <= _REMEMBERED:
            return
        past = now - OLD_EDIT_GAP_MS
        self._turns = {message: at for message, at in self._turns.items() if at > past}
        self._edited_at = {place: at for place, at in self._edited_at.items() if at > past}
        self._free_at = {place: at for place, at in self._free_at.items() if at > now}


def is_old(row: OutboxRow, now: int) -> bool:
    """Say whether Discord counts the edits of a message."""
    return now - row.created_at > OLD_MS
