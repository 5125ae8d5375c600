"""Databases that hold as many requests as a deployment has after a long time, made in one go.

They are written past the store, as one ``INSERT ... SELECT`` for each table, into the tables and
indexes of the real migration. What is over has one line, and what was bought one attempt.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.store import settings
from bot.store.database import Database
from bot.store.last_event import LastEvent

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS

MAIN_GUILD: Final = 901
FIRST_MEMBER: Final = 10_000
MODERATOR: Final = 905
ROLE: Final = 902

_GUILDS: Final = 200
_MAIN_SHARE: Final = 50
"""Beside the other servers, so many times as much happens on the main one: a fifth of all."""

_PER_MEMBER: Final = 20
_ACTING: Final = 1_000
_NEWEST_DAYS: Final = 40
"""Older than the market's history that a new bot asks for, so the books need know none of them."""

_SPREAD_DAYS: Final = 360
_CACHE_KIB: Final = 512 * 1024
_STEAM_ID_BASE: Final = 76_561_197_960_265_728
_FIRST_BUY_ID: Final = 9_000_000_000
"""Above those of the sandbox's market, which counts from the bottom."""

_OVER: Final = """CASE WHEN luck < 650 THEN 'closed' WHEN luck < 850 THEN 'bought'
    WHEN luck < 930 THEN 'denied' WHEN luck < 970 THEN 'cancelled' ELSE 'expired' END"""
_IN_FLIGHT: Final = "CASE number % 2 WHEN 0 THEN 'approved' ELSE 'buying' END"

_NEW_ID: Final = (
    "replace(replace(replace(replace(lower(hex(randomblob(10))), "
    "'0', 'w'), '1', 'x'), '8', 'y'), '9', 'z')"
)
"""As random as the real ones, of letters that those have."""

_FRESH: Final = """
CREATE TEMP TABLE fresh AS
WITH RECURSIVE
    counted (number) AS (SELECT :first UNION ALL
                         SELECT number + 1 FROM counted WHERE number < :last),
    drawn AS (SELECT number, number * 2654435761 % 4294967296 AS dice FROM counted),
    told AS (SELECT *, dice / 65536 % 1000 AS luck FROM drawn)
SELECT number, {new_id} AS request_id, guild_id, user_id, luck, {state} AS state,
       :now - :newest - dice % (:spread + 1) AS at,
       10000 * (1 + dice % 40000) AS ceiling
FROM told
JOIN servers ON servers.place = dice / 256 % (SELECT count(*) FROM servers)
JOIN people ON people.place = number % (SELECT count(*) FROM people)
ORDER BY 2
"""

_BOUGHT: Final = "state IN ('closed', 'bought', 'buying')"
_TABLES: Final = (
    "INSERT OR IGNORE INTO guilds (guild_id) SELECT DISTINCT guild_id FROM servers",
    "UPDATE guilds SET last_number = max(last_number, :last)",
    """INSERT INTO requests (request_id, guild_id, number, user_id, state, digest, partner,
        sealed_token, created_at, submitted_at, decided_at, decided_by, claimable_at, expires_at,
        grace_from, step_at, changed_at)
    SELECT request_id, guild_id, number, user_id, state, lower(hex(randomblob(32))),
        100000 + user_id % 1000000000,
        CASE WHEN state IN ('bought', 'approved', 'buying') THEN randomblob(120) END,
        at, at, at + 30000, :moderator,
        CASE state WHEN 'approved' THEN :now + :hour ELSE at + 40000 END,
        at + :day, CASE state WHEN 'buying' THEN at END, CASE state WHEN 'buying' THEN :now END,
        at + 60000
    FROM fresh""",
    """INSERT INTO lines (request_id, line_no, game, market_hash_name, quote, ceiling, class_id)
    SELECT request_id, 1, 'cs2', 'Skin ' || number % 37000, ceiling - 10000, ceiling, '310'
    FROM fresh""",
    f"""INSERT INTO attempts (purchase_key, request_id, line_no, attempt_no, state, digest, market,
        project, listing_id, max_price, steam_id, sent_at, ended_at, code, buy_id, debited,
        offer_status)
    SELECT 'qm' || request_id || '0101', request_id, 1, 1, outcome, '', 'sandbox', '1001', number,
        ceiling, :steam + 100000 + user_id % 1000000000, at + 50000,
        CASE WHEN outcome IN ('purchased', 'refused') THEN at + 51000 END,
        CASE outcome WHEN 'refused' THEN 5 END,
        CASE outcome WHEN 'purchased' THEN :buy_id + number END,
        CASE outcome WHEN 'purchased' THEN ceiling - 10000 END,
        CASE outcome WHEN 'purchased' THEN 'accepted' END
    FROM (SELECT *, CASE WHEN state = 'buying' AND number % 4 = 1 THEN 'sent'
                         WHEN state = 'buying' THEN 'unknown'
                         WHEN luck % 25 = 0 THEN 'refused' ELSE 'purchased' END AS outcome
          FROM fresh WHERE {_BOUGHT})""",
    """INSERT INTO outbox (kind, guild_id, request_id, to_member, target_id, mark, state,
        channel_id, message_id, wanted, shown, parked_reason, next_at, created_at)
    SELECT kind, guild_id, request_id, to_member,
        CASE to_member WHEN 1 THEN user_id ELSE guild_id + 1000000 END,
        16777216 + (number * 3 + place) % 2000000000,
        CASE WHEN to_member AND luck % 200 = 7 THEN 'parked' ELSE 'posted' END,
        guild_id + 1000000, 5000000000 + number * 3 + place, 3, 3,
        CASE WHEN to_member AND luck % 200 = 7 THEN '403/50007' ELSE '' END, at + 60000, at
    FROM fresh JOIN (SELECT 0 AS place, 'approval_card' AS kind, 0 AS to_member
                     UNION ALL SELECT 1, 'member_status', 1 UNION ALL SELECT 2, 'result', 0)
    WHERE kind <> 'result' OR state IN ('closed', 'bought')""",
    """INSERT INTO events (guild_id, request_id, at, kind, actor_id, details)
    SELECT guild_id, request_id, at, 'submitted', user_id, '{}' FROM fresh""",
    """INSERT INTO events (guild_id, request_id, at, kind, actor_id, details)
    SELECT guild_id, request_id, at + 30000,
        CASE WHEN state IN ('denied', 'cancelled', 'expired') THEN state ELSE 'approved' END,
        :moderator, '{}' FROM fresh""",
    """INSERT OR IGNORE INTO trade_urls (user_id, confirmed, candidate_id, partner, sealed_token,
        saved_at)
    SELECT DISTINCT user_id, 1, 'c' || user_id, 100000 + user_id % 1000000000, randomblob(120), 1
    FROM people WHERE user_id >= :acting""",
    """INSERT INTO meta (key, value) VALUES ('sends', :last)
    ON CONFLICT (key) DO UPDATE SET value = max(CAST(value AS INTEGER), :last)""",
)


@dataclass(frozen=True, slots=True)
class Stored:
    """A database with ``count`` requests that are over."""

    count: int
    path: Path
    took_s: float

    @property
    def title(self) -> str:
        """What the figures call it."""
        return f"{self.count:,} stored"


async def build(folder: Path, count: int) -> Stored:
    """Make a database with ``count`` requests of many members on many servers."""
    started = time.monotonic()
    path = folder / f"stored-{count}.db"
    async with await Database.open(path) as database, database.writing() as tx:
        await settings.add_guild(tx, MAIN_GUILD)
    others = range(MAIN_GUILD + 1, MAIN_GUILD + _GUILDS)
    members = range(FIRST_MEMBER, FIRST_MEMBER + max(1, count // _PER_MEMBER))
    fill(path, count, guild_ids=[MAIN_GUILD] * _MAIN_SHARE + [*others], user_ids=members)
    # One member has as many on one server, whatever the number of all.
    fill(path, _PER_MEMBER, guild_ids=[MAIN_GUILD], user_ids=[FIRST_MEMBER], first=count + 1)
    return Stored(count, path, time.monotonic() - started)


def fill(
    path: Path,
    count: int,
    *,
    guild_ids: Sequence[int],
    user_ids: Sequence[int],
    first: int = 1,
    in_flight: bool = False,
) -> None:
    """Write requests numbered from ``first`` on into the database of a bot that doesn't run.

    They are over; or ``in_flight``: half of them approved and due in an hour, a quarter on the
    wire and a quarter unknown, all of them minutes old.
    """
    last = first + count - 1
    now = time.time_ns() // 1_000_000
    values = {
        "first": first,
        "last": last,
        "now": now,
        "newest": 2 * MINUTE_MS if in_flight else _NEWEST_DAYS * DAY_MS,
        "spread": MINUTE_MS if in_flight else _SPREAD_DAYS * DAY_MS,
        "hour": HOUR_MS,
        "day": DAY_MS,
        "moderator": MODERATOR,
        "steam": _STEAM_ID_BASE,
        "buy_id": _FIRST_BUY_ID,
        # Those who act in the bench have a Trade URL that can be read.
        "acting": FIRST_MEMBER + _ACTING,
    }
    with _in_bulk(path) as connection:
        for table, ids in (("servers", guild_ids), ("people", user_ids)):
            name = "guild_id" if table == "servers" else "user_id"
            connection.execute(f"CREATE TEMP TABLE {table} (place INTEGER PRIMARY KEY, {name})")
            connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", enumerate(ids))
        state = _IN_FLIGHT if in_flight else _OVER
        for sql in (_FRESH.format(new_id=_NEW_ID, state=state), *_TABLES):
            connection.execute(sql, values)
        (last_event,) = connection.execute(
            "SELECT coalesce(max(event_id), 0) FROM events"
        ).fetchone()
    # Otherwise the bot takes it for an older copy.
    noted = LastEvent(path.with_name(f"{path.name}.last"))
    noted.note(last_event)
    noted.close()


@contextmanager
def _in_bulk(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database without a journal and without waiting for the disk: it is for the bench."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in (
            "journal_mode=OFF",
            "synchronous=OFF",
            f"cache_size=-{_CACHE_KIB}",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        yield connection
        connection.execute("COMMIT")
