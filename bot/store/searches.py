"""What members looked for: a results screen is paged through long after, on any device."""

from __future__ import annotations

from typing import Final

from bot.domain.money import Micros
from bot.domain.picking import Filters, Search, Wear
from bot.store.database import Row, Transaction

KEPT: Final = 10
"""Of one basket, lists and single skins each: as many screens as anybody has open."""


def _search(row: Row) -> Search:
    def money(column: str) -> Micros | None:
        return None if row[column] is None else Micros(row[column])

    return Search(
        search_id=row["search_id"],
        request_id=row["request_id"],
        typed=row["typed"],
        quantity=row["quantity"],
        ceiling=money("ceiling"),
        filters=Filters(
            game=row["game"],
            price_min=money("price_min"),
            price_max=money("price_max"),
            wear=Wear(row["wear"]) if row["wear"] else None,
            stattrak=None if row["stattrak"] is None else bool(row["stattrak"]),
            in_stock=bool(row["in_stock"]),
        ),
        browsing=bool(row["browsing"]),
        one_skin=bool(row["one_skin"]),
    )


async def add(tx: Transaction, search: Search, *, at: int) -> int:
    """Save a search and return its id, which is never used again; the oldest ones are forgotten.

    The ``search_id`` that it carries is not looked at.
    """
    filters = search.filters
    search_id = await tx.insert(
        "INSERT INTO searches (request_id, typed, quantity, ceiling, game, price_min, price_max, "
        "wear, stattrak, in_stock, browsing, one_skin, at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        search.request_id,
        search.typed,
        search.quantity,
        search.ceiling,
        filters.game,
        filters.price_min,
        filters.price_max,
        filters.wear or "",
        filters.stattrak,
        filters.in_stock,
        search.browsing,
        search.one_skin,
        at,
    )
    await tx.execute(
        "DELETE FROM searches WHERE request_id = ?1 AND one_skin = ?2 AND search_id <= (SELECT "
        "search_id FROM searches WHERE request_id = ?1 AND one_skin = ?2 ORDER BY search_id DESC "
        "LIMIT 1 OFFSET ?3)",
        search.request_id,
        search.one_skin,
        KEPT,
    )
    return search_id


async def find(tx: Transaction, request_id: str, search_id: int) -> Search | None:
    """Return a search of this basket, if it is still known."""
    row = await tx.one(
        "SELECT * FROM searches WHERE request_id = ? AND search_id = ?", request_id, search_id
    )
    return None if row is None else _search(row)
