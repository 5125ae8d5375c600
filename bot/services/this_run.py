"""What this run of the bot is: when it began, on which disk, and how far it has caught up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class ThisRun:
    """One run of the process. Times are unix milliseconds.

    ``older_copy``: the database may be a copy from before what was bought last, so what it says
    was never sent may have been. ``caught_up``: the market's history since the last sign of life
    has been compared with the records; before that nothing is sent.
    """

    started_at: int
    older_copy: bool = False
    caught_up: bool = False

    def may_have_forgotten(self, submitted_at: int | None, decided_at: int | None) -> bool:
        """Say whether purchases of a request may be missing from the records.

        What was approved before this run may have been sent without a trace on this disk. On an
        older copy, so may everything that was submitted before it.
        """
        told_at = submitted_at if self.older_copy else decided_at
        return told_at is not None and told_at < self.started_at
