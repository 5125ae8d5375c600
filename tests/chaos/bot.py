"""The real bot with a few seams replaced, in a process that was forked for it."""

from __future__ import annotations

# What the bot loads only while it runs, so that the fork server has it already.
import cogs.approvals
import cogs.baskets
import cogs.picking
import cogs.requests
import cogs.setup
import cogs.trade_urls  # noqa: F401
from bot.__main__ import main
from tests.chaos import steps
from tests.chaos.mutants import MUTANTS
from tests.chaos.pace import hurry
from tests.chaos.zygote import Order


def live(order: Order) -> int:
    """Run the bot until it ends and return its exit code."""
    hurry()
    if order.mutant:
        break_it = MUTANTS[order.mutant].install
        if break_it is None:
            raise ValueError(f"{order.mutant!r} is not there yet")
        break_it()
    steps.install(steps.Fate(order.step, order.nth, order.delay_s))
    return main(["run"])
