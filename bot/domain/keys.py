"""Names that are made once and never made up again: request ids, purchase keys, digests.

The purchase key follows from the request, the line and the attempt. So the market itself refuses
the second purchase when our disk has forgotten the first, and one found there says whose it is.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from random import Random
from typing import Final

from bot.domain.models import Line

_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
_ID_LENGTH: Final = 20  # 5 bits each: 100 bits
_PREFIX: Final = "qm"

DIGEST_SHOWN: Final = 16
"""How many hex digits of a digest a custom id carries."""

_TWO_DIGITS: Final = "(0[1-9]|[1-9][0-9])"
_PURCHASE_KEY: Final = re.compile(f"{_PREFIX}([a-z2-7]{{{_ID_LENGTH}}}){_TWO_DIGITS}{_TWO_DIGITS}")


def new_request_id(rng: Random) -> str:
    """Return a new request id: 20 characters, 100 random bits."""
    return "".join(rng.choices(_ALPHABET, k=_ID_LENGTH))


def new_mark(rng: Random) -> int:
    """Return a mark for a message, too large to meet the component ids that Discord gives."""
    return rng.randrange(1 << 24, 1 << 31)


def mark_of(request_id: str, kind: str, copy: int, part: int = 0) -> int:
    """Return the mark of a message about a request; ``copy`` counts how often it was put up anew.

    ``part`` tells messages of one kind apart.

    It follows from the request's random id, so that a message which the records have lost is found
    again where it stands.
    """
    name = f"{request_id} {kind} {copy}" + (f" {part}" if part else "")
    digest = hashlib.sha256(name.encode()).digest()
    return (1 << 24) + int.from_bytes(digest[:8]) % ((1 << 31) - (1 << 24))


def purchase_key(request_id: str, line_no: int, attempt_no: int) -> str:
    """Return the idempotency key of one attempt: 26 characters of ``a-z0-9``.

    Raises ``ValueError`` for a line or an attempt beyond 1 to 99, and for an id that is none.
    """
    key = f"{_PREFIX}{request_id}{line_no:02d}{attempt_no:02d}"
    if parse_purchase_key(key) != (request_id, line_no, attempt_no):
        raise ValueError("a purchase key is a request's id, a line and an attempt, each 1 to 99")
    return key


def parse_purchase_key(key: str) -> tuple[str, int, int] | None:
    """Return request id, line and attempt of a key of ours, or None for anybody else's."""
    match = _PURCHASE_KEY.fullmatch(key)
    return (match[1], int(match[2]), int(match[3])) if match else None


def stamp_of(keys: Iterable[str]) -> str:
    """Return what a screen about purchases is stamped with: another set of keys, another stamp."""
    return hashlib.sha256(" ".join(sorted(keys)).encode()).hexdigest()[:DIGEST_SHOWN]


def digest_of(
    *, request_id: str, guild_id: int, version: int, partner: int, lines: Iterable[Line]
) -> str:
    """Return the digest that an approval is bound to: exact lines, ceilings and Steam account."""
    bound = [
        "qm1",
        request_id,
        guild_id,
        version,
        partner,
        [
            [line.line_no, line.game, line.market_hash_name, line.listing_id, line.ceiling]
            for line in lines
        ],
    ]
    text = json.dumps(bound, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
