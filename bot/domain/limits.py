"""How much of anything is allowed, each with its reason."""

from __future__ import annotations

from typing import Final

LINES_HARD_MAX: Final = 25
"""One batch, one card and one select hold no more."""

OPEN_REQUESTS_HARD_MAX: Final = 10
TOLERANCE_HARD_MAX_BP: Final = 5_000
"""Half the price again. More is no tolerance but another price."""

UNDO_HARD_MAX_S: Final = 600

NOTE_MAX: Final = 200
"""A note fits on the approval card beside 25 lines of the longest names."""

REASON_MAX: Final = 200
TYPED_NAME_MAX: Final = 100
"""A market hash name has 69 characters at most (measured); a slash option up to 6,000."""

PASTE_MAX: Final = 4_000
"""Of a pasted list: what Discord lets into one field of a form."""

PENDING_EXPIRES_MS: Final = 72 * 3_600_000
APPROVED_EXPIRES_MS: Final = 24 * 3_600_000
READY_EXPIRES_MS: Final = 72 * 3_600_000
"""An approval that waits until its member says that they are there."""

REMIND_AFTER_MS: Final = READY_EXPIRES_MS // 2
"""When that member is reminded, once: late enough to be no nuisance, early enough to be there."""

TRIES_MAX: Final = 3
"""Of a line without anybody's doing: the first and two substitutes."""

ROUNDS_MAX: Final = 3
"""How often a moderator may have a line tried again."""

CHECK_GAP_MS: Final = 10_000
"""Between two checks that people ask for: impatience must not use up the market's calls."""

MISSES_NEEDED: Final = 5
"""Answered look-ups of one key alone, before its silence counts as evidence."""

SILENT_GRACES: Final = 6
"""Grace periods, an hour by default, after which a person is asked although the market's answers
are missing, or can't be read: they may never come."""

SILENT_PASSES: Final = 20
"""Passes of look-ups that this takes as well."""
