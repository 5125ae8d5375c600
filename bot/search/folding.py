"""Text as it is compared: without case, accents, marks and punctuation."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

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

_BEFORE: Final = str.maketrans(dict.fromkeys(_DROPPED, ""))
_AFTER: Final = str.maketrans(_SPELLED)
_NO_WORD: Final = re.compile(r"[\W_]+")


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
