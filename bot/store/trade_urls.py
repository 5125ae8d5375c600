"""Trade URLs that people have given: one that is theirs, and perhaps one to be confirmed."""

from __future__ import annotations

from bot.domain.trade_url import TradeUrl
from bot.store.database import Row, Transaction
from bot.store.vault import Vault


def _trade_url(row: Row | None, vault: Vault) -> TradeUrl | None:
    return None if row is None else TradeUrl(row["partner"], vault.open(row["sealed_token"]))


async def find(tx: Transaction, vault: Vault, user_id: int) -> TradeUrl | None:
    """Return the Trade URL that a person has confirmed as theirs."""
    row = await tx.one("SELECT * FROM trade_urls WHERE user_id = ? AND confirmed = 1", user_id)
    return _trade_url(row, vault)


async def find_candidate(
    tx: Transaction, vault: Vault, user_id: int, candidate_id: str
) -> TradeUrl | None:
    """Return the Trade URL that waits for a person's "yes", if it is still this one."""
    row = await tx.one(
        "SELECT * FROM trade_urls WHERE user_id = ? AND confirmed = 0 AND candidate_id = ?",
        user_id,
        candidate_id,
    )
    return _trade_url(row, vault)


async def propose(
    tx: Transaction, vault: Vault, user_id: int, url: TradeUrl, *, candidate_id: str, at: int
) -> None:
    """Keep a Trade URL until its owner has said that the account is theirs."""
    await tx.execute("DELETE FROM trade_urls WHERE user_id = ? AND confirmed = 0", user_id)
    await tx.execute(
        "INSERT INTO trade_urls (user_id, confirmed, candidate_id, partner, sealed_token, saved_at)"
        " VALUES (?, 0, ?, ?, ?, ?)",
        user_id,
        candidate_id,
        url.partner,
        vault.seal(url.token),
        at,
    )


async def known_since(tx: Transaction, user_id: int) -> int | None:
    """Return since when the Trade URL that a person has confirmed is theirs."""
    row = await tx.one(
        "SELECT saved_at FROM trade_urls WHERE user_id = ? AND confirmed = 1", user_id
    )
    return None if row is None else row["saved_at"]


async def confirm(
    tx: Transaction, user_id: int, candidate_id: str, *, at: int, since: int | None = None
) -> bool:
    """Make the proposed Trade URL theirs. Return False if it is not the one proposed last.

    ``since``: they had the very same one before, and confirmed it then. That the Steam account is
    theirs is remembered from ``at`` on, whatever becomes of the URL.
    """
    known = await tx.one(
        "SELECT 1 FROM trade_urls WHERE user_id = ? AND confirmed = 0 AND candidate_id = ?",
        user_id,
        candidate_id,
    )
    if known is None:
        return False
    await tx.execute("DELETE FROM trade_urls WHERE user_id = ? AND confirmed = 1", user_id)
    await tx.execute(
        "UPDATE trade_urls SET confirmed = 1, saved_at = ? WHERE user_id = ?",
        at if since is None else since,
        user_id,
    )
    await tx.execute(
        "INSERT OR IGNORE INTO steam_accounts (user_id, partner, confirmed_at) "
        "SELECT user_id, partner, ? FROM trade_urls WHERE user_id = ? AND confirmed = 1",
        at,
        user_id,
    )
    return True


async def forget(tx: Transaction, user_id: int) -> bool:
    """Forget everything about a person's Trade URL but whose account it is.

    Return whether there was anything.
    """
    return await tx.execute("DELETE FROM trade_urls WHERE user_id = ?", user_id) > 0


async def ever_theirs(tx: Transaction, user_id: int, partner: int) -> bool:
    """Say whether a person has ever confirmed this Steam account as theirs."""
    row = await tx.one(
        "SELECT 1 FROM steam_accounts WHERE user_id = ? AND partner = ?", user_id, partner
    )
    return row is not None
