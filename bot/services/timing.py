"""How long things take that follow from nobody's choice: each with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.domain.delivery import Cadence


@dataclass(frozen=True, slots=True)
class Timing:
    """Durations in milliseconds. The defaults are the product's; tests bring shorter ones."""

    grace_ms: int = 600_000
    """After the last send, start or find, before a purchase that nobody knows counts as missing."""

    first_look_up_ms: int = 5_000
    """A market that was only slow has the purchase by then."""

    look_up_max_ms: int = 120_000
    """Between two look-ups during the grace period, which needs five of them."""

    look_up_late_max_ms: int = 3_600_000
    """Between two look-ups once a person has been asked."""

    unsent_first_ms: int = 1_000
    """After a send that provably never left; doubled for each further one."""

    settled_look_ups_ms: int = 8 * 86_400_000
    """So long a purchase that was settled by hand is still looked for: the market's own horizon."""

    settled_gap_ms: int = 1_800_000
    """Between two rounds of those look-ups."""

    books_overlap_ms: int = 600_000
    """How far the market's history is read back behind that, because its clock is another one."""

    books_young_ms: int = 600_000
    """Attempts younger than this are left out of a comparison: they may not be visible yet."""

    books_first_ms: int = 30 * 86_400_000
    """How far back a new database asks whether the project has bought under keys of ours."""

    books_every_ms: int = 86_400_000
    """Between two comparisons without a restart."""

    cadence: Cadence = field(default_factory=Cadence)
    """How often the market is asked about a purchase."""

    follow_gap_ms: int = 10_000
    """Between two rounds of those questions in the long run: it bounds their number."""
