"""What this run of the bot is: when it began, on which disk, and how far it has caught up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class ThisRun:
    """One run of the process. Times are unix milliseconds.

    ``older_copy_at``: when the database was last found to be an older copy of itself, so that what
    it says was never sent or told before may have been. ``caught_up``: the market's history since
    the books last agreed has been compared with the records; before that nothing is sent.
    ``market_silent``: the last try to read that history got no whole answer.
    """

    started_at: int
    older_copy_at: int | None = None
    caught_up: bool = False
    market_silent: bool = False

    def is_from_before_a_copy(self, submitted_at: int | None) -> bool:
        """Say whether a request is older than the last return of an older copy."""
        copied = self.older_copy_at
        return copied is not None and submitted_at is not None and submitted_at < copied

    def may_have_forgotten(self, submitted_at: int | None, decided_at: int | None) -> bool:
        """Say whether purchases of a request may be missing from the records.

        What was approved before this run may have been sent without a trace on this disk. On an
        older copy, so may everything that was submitted before it came back.
        """
        before_this_run = decided_at is not None and decided_at < self.started_at
        return before_this_run or self.is_from_before_a_copy(submitted_at)
