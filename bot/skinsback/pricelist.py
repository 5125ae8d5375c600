"""A grouped price list, read while it arrives, without any I/O.

It may have megabytes, so neither its text nor its rows are ever there as a whole: bytes go in as
they come, in whatever pieces, and rows come out. What they are worth is known at the end only,
because the answer's status may stand behind them.

Source: SkinsBack API documentation, market_pricelist.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Generator
from typing import Final

from bot.domain.market import PriceRow
from bot.errors import MarketUnavailableError
from bot.skinsback.protocol import DECODER, price_row, require_success

_VALUE_MAX: Final = 64 * 1024
"""Characters of one row, or of what stands beside the rows: what is longer is no price list."""

_HEAD: Final = frozenset({"status", "error_code", "error_message"})
_SPACE: Final = re.compile(r"[ \t\n\r]*")

Reading = Generator[None, None, None]
"""A part of the reading, which pauses where more text is needed."""


class _BrokenError(ValueError):
    """What came is not the JSON of a price list."""


class PriceListReader:
    """Reads one answer of market_pricelist.

    ``unreadable``: how many rows were left out so far because they can't be read.
    """

    def __init__(self, http_status: int, content_type: str) -> None:
        self._http_status = http_status
        self._content_type = content_type
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text = ""
        self._at = 0
        self._ended = False
        self._found: object = None
        self._rows: list[PriceRow] = []
        self._readable = 0
        self.unreadable = 0
        self._document: dict[str, object] = {}
        self._reading = self._read()

    def feed(self, data: bytes) -> list[PriceRow]:
        """Return the rows that end in the next piece.

        Raises ``MarketUnavailableError`` as soon as it can be no price list.
        """
        self._advance(data)
        rows, self._rows = self._rows, []
        self._readable += len(rows)
        return rows

    def close(self) -> None:
        """Say that nothing more comes. Only if this returns may the rows be believed.

        Raises ``MarketRefusedError`` and ``MarketUnavailableError``. That no row can be read is not
        an empty market.
        """
        self._ended = True
        self._advance(b"")
        require_success(self._document, self._http_status)
        if "items" not in self._document:
            raise MarketUnavailableError("a price list without items")
        if self.unreadable and not self._readable:
            raise MarketUnavailableError("none of the items can be read")

    def _advance(self, data: bytes) -> None:
        try:
            self._text = self._text[self._at :] + self._decoder.decode(data, self._ended)
            self._at = 0
            next(self._reading, None)
        except (ValueError, RecursionError):
            kind = "an HTML page" if "html" in self._content_type else "not JSON"
        else:
            return
        raise MarketUnavailableError(f"{kind}, HTTP status {self._http_status}")

    def _read(self) -> Reading:
        yield from self._sign("{")
        yield from self._skip()
        if self._text[self._at] == "}":
            self._at += 1
        else:
            yield from self._members()
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                raise _BrokenError
            if self._ended:
                return
            yield

    def _members(self) -> Reading:
        while self._found != "}":
            yield from self._value()
            key = self._found
            if not isinstance(key, str) or key in self._document:
                raise _BrokenError
            yield from self._sign(":")
            yield from self._skip()
            if key == "items" and self._text[self._at] == "[":
                self._document[key] = None
                yield from self._items()
            else:
                yield from self._value()
                # An empty PHP map is as good as an empty list.
                if key == "items" and self._found != {}:
                    raise _BrokenError
                self._document[key] = self._found if key in _HEAD else None
            yield from self._sign(",}")

    def _items(self) -> Reading:
        self._at += 1
        yield from self._skip()
        if self._text[self._at] == "]":
            self._at += 1
            return
        while True:
            yield from self._value()
            row = price_row(self._found)
            if row is None:
                self.unreadable += 1
            else:
                self._rows.append(row)
            # Nothing but these stands between most rows, and there are tens of thousands of them.
            if self._text.startswith(",{", self._at):
                self._at += 1
                continue
            yield from self._sign(",]")
            if self._found == "]":
                return

    def _value(self) -> Reading:
        """Find the next value. It ends for certain only where something stands behind it."""
        if not self._text.startswith("{", self._at):
            yield from self._skip()
        while True:
            try:
                found, end = DECODER.raw_decode(self._text, self._at)
            except ValueError:
                # Wrong, or not all of it is there yet: only more text can tell.
                yield from self._more()
                continue
            if end < len(self._text):
                self._found, self._at = found, end
                return
            yield from self._more()

    def _sign(self, allowed: str) -> Reading:
        """Find one of some characters."""
        yield from self._skip()
        self._found = self._text[self._at]
        if self._found not in allowed:
            raise _BrokenError
        self._at += 1

    def _skip(self) -> Reading:
        """Go to the next character that is no space."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return
            yield from self._more()

    def _more(self) -> Reading:
        if self._ended or len(self._text) - self._at > _VALUE_MAX:
            raise _BrokenError
        yield
