"""A list of skins as people paste it: one on a line, with whatever else they write around a name.

Names hold digits, ``x``, ``-`` and ``@`` themselves, and nothing here knows which names there are.
So a line has several *readings*, the plainest first, and whoever has the price list takes the first
whose name is a skin's. A number that could be how many as well as a price is never guessed at.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from urllib.parse import unquote

from bot.domain.limits import LINES_HARD_MAX, PASTE_MAX
from bot.domain.money import Micros, parse_typed_price
from bot.domain.plain_text import clean_line
from bot.errors import Problem, UserFacingError

READ_MAX: Final = 250
"""A longer line names no skin: the longest name has 69 characters, a link to it 200."""

_RUN_MIN: Final = 3
"""From so many lines on that count 1, 2, 3, the numbers are those of the list."""

_YEARS: Final = range(1990, 2100)
"""Numbers at the end that belong to a name: Stockholm 2021."""


class WhyNot(StrEnum):
    """Why a line of a pasted list isn't in the basket."""

    NO_NAME = "no_name"
    NUMBER = "number"
    """It has a number that may be how many, or a price."""
    QUANTITY = "quantity"
    PRICE = "price"
    PRICE_RANGE = "price_range"
    CURRENCY = "currency"
    LISTING_QUANTITY = "listing_quantity"
    UNKNOWN = "unknown"
    UNCLEAR = "unclear"
    """No skin has exactly this name, and some have one like it."""
    SOLD_OUT = "sold_out"
    CEILING = "ceiling"
    ROOM = "room"
    LISTING_GONE = "listing_gone"
    LISTING_TWICE = "listing_twice"
    MARKET = "market"
    """Its listing could not be looked at."""
    NO_PRICES = "no_prices"
    NOT_YET = "not_yet"
    """Nothing is in its way any more."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a line may say. ``why``: what is wrong with it, whatever skin the name is."""

    name: str
    quantity: int = 1
    ceiling: Micros | None = None
    listing_id: int | None = None
    why: WhyNot | None = None


@dataclass(frozen=True, slots=True)
class PastedLine:
    """One line of a list. ``heading``: if no skin has its name, it never meant to be one."""

    text: str
    readings: tuple[Reading, ...]
    heading: bool = False
    decorated: bool = False
    """Whether something is clearly no part of a name, so that the first reading is hardly right."""

    @property
    def likely(self) -> tuple[Reading, ...]:
        """The readings to look for near matches by, if none of them is a name."""
        return self.readings[1:] if self.decorated else self.readings


def split(text: str) -> list[str]:
    """Return the lines of a pasted text that say anything, clean, without bullets and numbers.

    Splitting what was split and joined again changes nothing.
    """
    lines = [entry for line in text.splitlines() if (entry := _entry(line))]
    bare = _without_numbers(lines)
    # What counts even then would be taken for numbers again whenever it is split again.
    return bare if _without_numbers(bare) == bare else lines


def read(text: str) -> PastedLine:
    """Return what a line that ``split`` returned may say: its readings, the plainest first.

    There is none if the line is too long to be the name of anything.
    """
    if len(text) > READ_MAX:
        return PastedLine(text, ())
    heading = _HEADING.fullmatch(text) is not None
    plain = _of_link(text)
    peeled = _peeled(_Known(_columns(plain)))
    if not _says_anything(peeled.rest):
        return PastedLine(text, (peeled.reading(),), heading)
    whole = Reading(_tidy(plain))
    readings = [whole, peeled.reading(), *_guesses(peeled)]
    if glued := _GLUED.match(plain):
        apart = _peeled(_Known(f"{plain[: glued.end(1)]} {plain[glued.end(1) :]}"))
        readings += _guesses(apart)
    decorated = peeled.reading() != whole
    return PastedLine(text, tuple(dict.fromkeys(readings)), heading, decorated)


def is_name(typed: str, market_hash_name: str) -> bool:
    """Say whether a name was typed, but for case, accents, spaces, stars and punctuation."""
    letters = _letters(typed)
    return bool(letters) and letters == _letters(market_hash_name)


def has_numbers_of(typed: str, market_hash_name: str) -> bool:
    """Say whether every number that was typed as a word of its own stands in a name."""
    numbers = re.findall(r"(?<![^\W_])[0-9]+(?![^\W_])", typed)
    return set(numbers) <= set(re.findall(r"[0-9]+", market_hash_name))


def _letters(name: str) -> str:
    # The trade mark goes first, because NFKD would turn it into the letters TM.
    folded = unicodedata.normalize("NFKD", name.replace("™", "").casefold())
    return "".join(char for char in folded if char.isalnum())


def _says_anything(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_FENCE: Final = _pattern(r"`{3,}[a-z]{0,12}")
# What stands before a line without belonging to it; each time one of these.
_BULLET: Final = _pattern(
    r"[\s,;>+*•‣◦▪●○·–—−→➤►▶»_~`|-]+"
    r"|\[[ x✓✔]?\]"
    r"|[0-9]\ufe0f?\u20e3"
    r"|[0-9]{1,3}[.)](?=\s|[^\W\d])"
    r"|\#[0-9]{1,3}\s"
    r"|\#+\s(?=.*[0-9|])"
    r"|:[a-z0-9_]{2,32}:(?=\s)"
)
_NUMBERED: Final = _pattern(
    r"(?P<open>[(\[])?(?P<number>[0-9]{1,3})(?(open)[)\]])\s*[:–—-]?\s+(?=\S)"
)
_COLUMN: Final = (
    r"(?:name|item|skin|market[ _]?hash[ _]?name|quantity|qty|amount|count|price|max|id)"
)
_HEADING: Final = _pattern(rf"\#+\s[^0-9|]*|[^0-9|]*:|{_COLUMN}(?:\s?[,;|]\s?{_COLUMN})+")


def _entry(line: str) -> str:
    entry = clean_line(line.replace("\t", "; "), length_max=PASTE_MAX)
    while not _FENCE.fullmatch(entry):
        bare = clean_line(entry[_start_of(entry) :].rstrip(" ,;`|"), length_max=PASTE_MAX)
        if bare == entry:
            return entry if _says_anything(entry) else ""
        entry = bare
    return ""


def _start_of(line: str) -> int:
    """Return where a line begins behind its bullets."""
    start = 0
    while start < len(line):
        if match := _BULLET.match(line, start):
            start = match.end()
        elif _is_drawn(line[start]):
            start += 1
        else:
            break
    return start


def _is_drawn(char: str) -> bool:
    """Say whether it is a tick, an arrow or an emoji; the star is what knives are called."""
    return char not in "★™" and unicodedata.category(char) in {"So", "Sk", "Me"}


def _without_numbers(lines: list[str]) -> list[str]:
    """Return the lines without the numbers of the list, if they count from one."""
    numbered = [line for line in lines if not _HEADING.fullmatch(line)]
    found = [int(match["number"]) for line in numbered if (match := _NUMBERED.match(line))]
    if len(found) < _RUN_MIN or found != list(range(1, len(numbered) + 1)):
        return lines
    bare = [_NUMBERED.sub("", line, count=1) if line in numbered else line for line in lines]
    return [entry for line in bare if (entry := _entry(line))]


_LINK: Final = _pattern(r"https?://steamcommunity\.com/market/listings/[0-9]+/([^\s?#]+)\S*")
_QUOTED_COLUMN: Final = _pattern(r"[\"“”]\s?,\s?[\"“”]?|,\s?[\"“”]")
_COMMA_COLUMNS: Final = _pattern(
    r"(?P<name>.*[^0-9,]),(?P<quantity>[0-9]{1,4}),(?P<price>\$?[0-9]+\.[0-9]{1,2}|\$[0-9]+)"
)


def _of_link(text: str) -> str:
    """Return the line with a name for a link to Steam's market."""
    return clean_line(_LINK.sub(lambda link: unquote(link[1]), text), length_max=READ_MAX)


def _columns(text: str) -> str:
    """Return a row of a table so that no comma between columns can be taken for one in a price."""
    bare = _QUOTED_COLUMN.sub("; ", text).strip('"“” ')
    row = _COMMA_COLUMNS.fullmatch(bare)
    return f"{row['name']}; {row['quantity']}; {row['price']}" if row else bare


# A word, and no beginning of another: "max15" has one, "maxim" has none.
_WORD: Final = r"(?![^\W\d_])"
_DOLLAR: Final = rf"(?:\bus\s?\$|\$|(?:usd|us dollars?|dollars?|bucks){_WORD})"
_FOREIGN: Final = (
    r"(?:[€£¥￥₽₴₺₩₹₸฿₫₱₪₦₿]|\b(?:r|a|c|s|ca|au|nz|hk|nt|mx)\$"
    r"|(?:eur|euros?|gbp|pounds?|rub|rubles?|руб|грн|uah|cny|rmb|yuan|pln|zł|zl|czk|kč|huf|sek|nok"
    rf"|dkk|kr|brl|cad|aud|nzd|hkd|inr|jpy|krw|chf|try|kzt|ars){_WORD}\.?)"
)
_MARK: Final = (
    rf"(?:[@≤<=]+|\b(?:at most|at|max(?:imum)?\.?|up to|under|below|for|price|limit){_WORD})\s?:?"
)
_GROUPED: Final = r"[0-9]{1,3}(?:\s[0-9]{3})+(?:[.,][0-9]{1,2})?(?![0-9])"
_PRICE: Final = (
    rf"(?P<mark>{_MARK})?\s?(?P<before>{_DOLLAR}|{_FOREIGN})?\s?"
    rf"(?P<number>{_GROUPED}|[0-9][0-9.,']*)"
    rf"\s?(?P<after>{_DOLLAR}|{_FOREIGN})?(?P<each>\s?/?\s?\b(?:each|ea|apiece|max|or less)\b\.?)?"
)
_QUANTITY: Final = (
    r"(?:[x×*]\s?([0-9]{1,9})|([0-9]{1,9})\s?(?:[x×*]|(?:pcs?|pieces?|шт)\b\.?(?:\sof\b)?)"
    r"|(?:qty|quantity|count)\s?[:=]?\s?([0-9]{1,9}))"
)
_LISTING: Final = r"(?:(?:\#|\b(?:id|listing)\b\s?[:=#]?)\s?([0-9]{1,15})|([0-9]{7,15}))"


def _ends(pattern: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the patterns of something that stands at the end of a line, and at its beginning."""
    return (
        _pattern(rf"(?:^|(?<=[\s,;:|)\]])|(?=[@$]))[(\[]?{pattern}[)\]]?$"),
        _pattern(rf"^[(\[]?{pattern}[)\]]?(?=[\s,;:|]|$)"),
    )


_PRICES: Final = _ends(_PRICE)
_QUANTITIES: Final = _ends(_QUANTITY)
_LISTINGS: Final = _ends(_LISTING)
_GLUED: Final = _pattern(r"([0-9]{1,9})(?:x(?=[^\W\d_])|[×*](?=\S))")
_NO_PRICE: Final = _pattern(r"(?<=[\s)])@\s?\S.{0,30}$")
_IS_FOREIGN: Final = _pattern(_FOREIGN)
_CENTS: Final = _pattern(r".*[.,][0-9]{1,2}")
_FIRST_NUMBER: Final = _pattern(r"[(\[]?([0-9]{1,6})[)\]]?\s*[:–—|-]?\s+(?=\S)")
_LAST_NUMBER: Final = _pattern(r"(?<=[\s,;:|])([(\[])?([0-9]{1,6})[)\]]?$")


@dataclass(frozen=True, slots=True)
class _Known:
    """What is left of a line, and what was taken off it; a price may be what is wrong with it."""

    rest: str
    quantity: int | None = None
    price: Micros | WhyNot | None = None
    listing_id: int | None = None

    def reading(self) -> Reading:
        """Return what it says all in all."""
        quantity = 1 if self.quantity is None else self.quantity
        ceiling = None if isinstance(self.price, WhyNot) else self.price
        in_range = 1 <= quantity <= LINES_HARD_MAX
        return Reading(
            _tidy(self.rest), quantity if in_range else 1, ceiling, self.listing_id, self._why()
        )

    def _why(self) -> WhyNot | None:
        quantity = 1 if self.quantity is None else self.quantity
        if not _says_anything(self.rest):
            return WhyNot.NO_NAME
        if isinstance(self.price, WhyNot):
            return self.price
        if not 1 <= quantity <= LINES_HARD_MAX:
            return WhyNot.QUANTITY
        if self.listing_id is not None and quantity > 1:
            return WhyNot.LISTING_QUANTITY
        return None

    def without(self, match: re.Match[str]) -> str:
        """Return what is left when what was matched at either end is taken off."""
        before = self.rest[: match.start()].rstrip(" ,;:|=([–—-→/")
        return before or self.rest[match.end() :].lstrip(" ,;:|=)]–—-→/")


def _tidy(name: str) -> str:
    return name.strip(' ,;:|=–—-→/*_~`"“”„«»')


def _peeled(known: _Known) -> _Known:
    """Take off both ends whatever is clearly a number of skins, a price or a listing."""
    steps: Sequence[Callable[[_Known], _Known | None]] = (_off_listing, _off_quantity, _off_price)
    while further := next((taken for step in steps if (taken := step(known))), None):
        known = further
    return known


def _search(patterns: Sequence[re.Pattern[str]], text: str) -> Iterator[re.Match[str]]:
    return (match for pattern in patterns if (match := pattern.search(text)))


def _off_listing(known: _Known) -> _Known | None:
    if known.listing_id is None:
        for match in _search(_LISTINGS, known.rest):
            number = int(match[1] or match[2])
            return replace(known, rest=known.without(match), listing_id=number)
    return None


def _off_quantity(known: _Known) -> _Known | None:
    if known.quantity is None:
        for match in _search((*_QUANTITIES, _GLUED), known.rest):
            number = int(next(filter(None, match.groups())))
            return replace(known, rest=known.without(match), quantity=number)
    return None


def _off_price(known: _Known) -> _Known | None:
    if known.price is not None:
        return None
    for match in _search(_PRICES, known.rest):
        marked = any(match[name] for name in ("mark", "before", "after", "each"))
        if marked or _CENTS.fullmatch(match["number"]):
            return replace(known, rest=known.without(match), price=_price(match))
    for match in _search((_NO_PRICE,), known.rest):
        return replace(known, rest=known.without(match), price=WhyNot.PRICE)
    return None


def _price(match: re.Match[str]) -> Micros | WhyNot:
    if any(_IS_FOREIGN.fullmatch(match[name] or "") for name in ("before", "after")):
        return WhyNot.CURRENCY
    number = match["number"]
    between_columns = match.string[: match.start()].endswith(",") and "," in number
    # 2 100.50 is two thousand to some, and two for a hundred each to others.
    in_groups = " " in number and not (match["mark"] or match["before"])
    return WhyNot.NUMBER if between_columns or in_groups else _amount(number)


def _amount(number: str) -> Micros | WhyNot:
    try:
        return parse_typed_price(number.rstrip(".,'"))
    except UserFacingError as error:
        unreadable = error.problem is Problem.PRICE_WRONG
        return WhyNot.PRICE if unreadable else WhyNot.PRICE_RANGE


def _guesses(known: _Known) -> Iterator[Reading]:
    """Return the readings in which a bare number at either end is no part of the name."""
    if known.quantity is None and (first := _FIRST_NUMBER.match(known.rest)):
        led = replace(known, rest=known.without(first), quantity=int(first[1]))
        yield led.reading()
        yield from _without_last(led)
    yield from _without_last(known)


def _without_last(known: _Known) -> Iterator[Reading]:
    while (last := _LAST_NUMBER.search(known.rest)) and (shorter := _with_last(known, last)):
        yield shorter.reading()
        known = shorter


def _with_last(known: _Known, last: re.Match[str]) -> _Known | None:
    """Return the line without its last number, taken for what nothing else has said.

    It may be unclear what that is; a year is a part of the name.
    """
    if len(last[2]) == len("2021") and int(last[2]) in _YEARS:
        return None
    shorter = replace(known, rest=known.without(last))
    if known.quantity is None and (known.price is not None or last[1]):
        return replace(shorter, quantity=int(last[2]))
    if known.price is None:
        unclear = known.quantity is None
        return replace(shorter, price=WhyNot.NUMBER if unclear else _amount(last[2]))
    return None
