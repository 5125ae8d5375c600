"""The real bot, in a process that was forked for it."""

from __future__ import annotations

# What the bot loads only while it runs, so that the fork server has it already.
import cogs.approvals
import cogs.baskets
import cogs.picking
import cogs.requests
import cogs.setup
import cogs.trade_urls  # noqa: F401
from bot.__main__ import main
from tests.chaos.zygote import Order


def live(_: Order) -> int:
    """Run the bot as it is until it ends and return its exit code."""
    return main(["run"])
