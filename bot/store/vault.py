"""Seals Trade URL tokens, so that a copied database is worth nothing to who copied it.

The keys come from ``DATA_KEYS`` (the first seals, all of them open, which is how keys are rotated),
or from a file beside the database that is made on the first start.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from bot.errors import DatabaseError
from bot.store.database import Transaction

_CANARY: Final = "vault_canary"
_KNOWN: Final = b"quartermaster"
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{43}=")  # 32 bytes


class Vault:
    """Seals and opens small secrets."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, secret: str) -> bytes:
        """Return ``secret`` sealed with the first key."""
        return self._fernet.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        """Return what was sealed. Raises ``DatabaseError`` if no key of ours opens it."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise DatabaseError("A stored secret can't be opened with these DATA_KEYS.") from None


def is_key(text: str) -> bool:
    """Say whether ``text`` can be one of ``DATA_KEYS``.

    The library is more forgiving: of two keys without a comma between it would take the first.
    """
    return _KEY.fullmatch(text) is not None


def key_from_file(path: Path) -> str:
    """Return the key in ``path``; a new one is made and written there if the file is missing.

    Raises ``DatabaseError`` if the file can't be read, written or holds no key.
    """
    try:
        if not path.exists():
            _write_key(path)
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise DatabaseError(f"The key file {path} can't be used: {reason}.") from None
    if not is_key(key):
        raise DatabaseError(f"The key file {path} holds no key. Put the right one back.")
    return key


def _write_key(path: Path) -> None:
    """Write a new key, whole or not at all: what it seals outlives a loss of power, and so it must.

    Only the holder of the database's lock comes here, so a file left half written is nobody else's.
    """
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(Fernet.generate_key())
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


async def check(tx: Transaction, vault: Vault) -> None:
    """Make sure that these keys open this database; a new database remembers them.

    Raises ``DatabaseError`` if they don't: then no Trade URL in it could be used.
    """
    row = await tx.one("SELECT value FROM meta WHERE key = ?", _CANARY)
    if row is None:
        sealed = vault.seal(_KNOWN.decode()).decode()
        await tx.execute("INSERT INTO meta (key, value) VALUES (?, ?)", _CANARY, sealed)
        return
    try:
        vault.open(str(row["value"]).encode())
    except DatabaseError:
        raise DatabaseError(
            "The stored Trade URLs can't be opened with these DATA_KEYS (or this key file). "
            "Put back the key that was in use, behind the new one if there is a new one."
        ) from None
