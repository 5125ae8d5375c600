"""The real bot with short times between its questions about purchases, as a process of its own."""

from __future__ import annotations

import sys
from functools import partial
from typing import Final

import bot.__main__ as main_module
from bot.domain.delivery import Cadence
from bot.services import following
from bot.services.timing import Timing

TIMING: Final = Timing(
    cadence=Cadence(eager=150, calm=150, slow=500, settling=1_000), follow_gap_ms=50
)


IDLE_MS: Final = 200
"""How long the bot takes it easy when there is nothing to ask about."""


def main() -> int:
    """Run the bot until it ends and return its exit code."""
    if not hasattr(following, "_IDLE_MS"):
        raise AttributeError("the pause between two looks has another name now")
    setattr(following, "_IDLE_MS", IDLE_MS)  # noqa: B010 - a seam
    setattr(main_module, "build", partial(main_module.build, timing=TIMING))  # noqa: B010 - a seam
    return main_module.main(["run"])


if __name__ == "__main__":
    sys.exit(main())
