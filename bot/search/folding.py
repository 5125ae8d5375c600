"""Text as it is compared: without case, accents, marks and punctuation."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import unquote

_DROPPED: Final = "™®©℠'’‘`´ʼ\u200b\u200c\u200d\ufeff"
"""Inside a word: what is left of it is still one word."""

_SPELLED: Final = {
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "ı": "i",
    "æ": "ae",
    "œ": "oe",
    "þ": "th",
}
"""Letters that Unicode doesn't take apart."""

_CYRILLIC: Final = {
    **dict(zip("абвгдезиклмнопрстуфхыэіє", "abvgdeziklmnoprstufhyeie", strict=True)),
    **dict(zip("жцчшщюяьъ", ("zh", "ts", "ch", "sh", "sh", "yu", "ya", "", ""), strict=True)),
}
"""Who writes in these letters often doesn't change the keyboard for a name."""

_BEFORE: Final = str.maketrans(dict.fromkeys(_DROPPED, ""))
_AFTER: Final = str.maketrans({**_SPELLED, **_CYRILLIC})
_PASTED_MAX: Final = 600
_LISTING: Final = re.compile(r"\S*/listings/\d+/([^/?#]+)(?:[?#]\S*)?")
_ESCAPED: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_NO_WORD: Final = re.compile(r"[\W_]+")


def written_out(typed: str) -> str:
    """Return the name that is meant by a link to a market's page, and other text as it is."""
    text = typed[:_PASTED_MAX]
    if "/listings/" in text:
        text = _LISTING.sub(r"\1", text)
    return unquote(text, errors="ignore") if _ESCAPED.search(text) else text


def fold(text: str) -> str:
    """Return the words of a text as they are compared, with one space between them.

    Hyphens, bars and brackets divide words, apostrophes don't: ``M4A1-S | Chantico's Fire`` is
    ``m4a1 s chanticos fire``.
    """
    # Before Unicode takes letters apart: it makes two letters of a trademark sign.
    bare = text.translate(_BEFORE)
    if not bare.isascii():
        apart = unicodedata.normalize("NFKD", bare)
        bare = "".join(char for char in apart if not unicodedata.combining(char))
        bare = bare.casefold().translate(_AFTER)
    return _NO_WORD.sub(" ", bare.lower()).strip()
