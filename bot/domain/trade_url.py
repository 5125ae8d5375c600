"""Steam's Trade URL, read from what people really paste.

The result is built from two checked values, a number and eight characters, and never from the text:
no link that somebody typed is ever stored or shown. The token lets its holder send trade offers to
the account, so it stands in no exception and in no ``repr``.

Two rules where a text can be read in two ways. A link that looks like a Trade URL and leads
elsewhere refuses the whole text, whatever else is in it: its owner should hear of it. And white
space is taken out of a Trade URL only where more of the same URL must follow; what stands after the
last ``=`` is never guessed together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from bot.domain.plain_text import is_invisible
from bot.errors import Problem, TradeUrlError

TRADE_URL_PAGE: Final = "https://steamcommunity.com/my/tradeoffers/privacy"
"""Where Steam shows everyone their own Trade URL."""

TOKEN_LENGTH: Final = 8
PARTNER_MAX: Final = 2**32 - 1

TEXT_LENGTH_MAX: Final = 4000
"""What a field of a Discord modal can hold. More is refused: a cut could leave half a URL."""

_STEAM_ID_BASE: Final = 76561197960265728

_HOSTS: Final = frozenset({"steamcommunity.com", "www.steamcommunity.com"})
_OTHER_STEAM_HOSTS: Final = frozenset(
    {
        "s.team",
        "steampowered.com",
        "www.steampowered.com",
        "store.steampowered.com",
        "help.steampowered.com",
    }
)
_SHOWN_HOST_LENGTH: Final = 60

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+")
_PARTNER: Final = re.compile(r"[1-9][0-9]{0,9}")
_STEAM_ID: Final = re.compile(r"[1-9][0-9]{16}")

# Every pattern below takes linear time: the parts of each that repeat can't match the same text.
_FLAGS: Final = re.IGNORECASE | re.ASCII

_AMPERSAND: Final = re.compile(r"&(?:amp;|#0?38;|#x26;)+|\\u0026", _FLAGS)
_BACKSLASH_ESCAPE: Final = re.compile(r"\\(?=[_~*&=?/-])")
_ENCODED_HOST: Final = re.compile(r"ttps?:[/\\]+(?P<authority>[^/\\?#\s%]*%[^/\\?#\s]*)", _FLAGS)
_DRESSING: Final = re.compile(r"[<>()\[\]{}|*,;\"'`´“”„‟‘’‚‛«»‹›「」『』（）【】《》〈〉＜＞]+")
_OFFER_HINT: Final = re.compile(r"tradeoff|partner=|token=", _FLAGS)
_IMITATION: Final = re.compile(r"commun|munity|xn--|[^\x00-\x7f]", _FLAGS)

_SCHEME_END: Final = re.compile(r":[/\\]")
_BEFORE_SCHEME_END: Final = re.compile(r"[^./\\@#?%]*+[.!?…]*+[a-z]*+", _FLAGS)
_WEB_SCHEMES: Final = ("ttp", "ttps")  # the first letter is easily missed when copying
_STEAM_CLIENT_LINK: Final = re.compile(r"steam://openurl(?:_external)?/+", _FLAGS)
_BROKEN_SCHEME: Final = re.compile(r"h?ttps?(?:[:;]/*|//+)|//+", _FLAGS)
_LABEL: Final = re.compile(r"\w{1,20}[:=](?=(?:www\.)?steamcommunity\.com)", re.IGNORECASE)
_DOTTED: Final = re.compile(r"\w\.\w")

_OFFER_PATH: Final = re.compile(r"/+tradeoffer/+new/*", _FLAGS)
_PROFILE_PATH: Final = re.compile(
    r"/+(?:id|profiles|user|p)/+[^/]++(?!/+tradeoffers)(?:/.*)?", _FLAGS
)
_SPLIT_PARTNER: Final = re.compile(r"partner=[0-9]+[^\w&#?/=]+[0-9]", re.IGNORECASE)


def _spaced(word: str) -> str:
    return " ?".join(map(re.escape, word))


_WRAPPED: Final = re.compile(
    rf"steamcommunity\.com ?/+ ?{_spaced('tradeoffer')} ?/+ ?{_spaced('new')} ?/* ?\? ?"
    rf"(?:{_spaced('partner')} ?= ?[0-9][0-9 ]*& ?{_spaced('token')} ?="
    rf"|{_spaced('token')} ?= ?[\w-][\w -]*& ?{_spaced('partner')} ?=)",
    _FLAGS,
)


def steam_id_of(partner: int) -> int:
    """Return the SteamID64 of an account id."""
    return _STEAM_ID_BASE + partner


def profile_url(partner: int) -> str:
    """Return the page of an account at Steam."""
    return f"https://steamcommunity.com/profiles/{steam_id_of(partner)}"


@dataclass(frozen=True, slots=True)
class TradeUrl:
    """Whom a trade offer goes to, and the secret that allows it."""

    partner: int
    """Steam's account id: an unsigned 32-bit number above zero."""
    token: str = field(repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.partner <= PARTNER_MAX:
            raise ValueError("the partner of a Trade URL is a 32-bit number above zero")
        if len(self.token) != TOKEN_LENGTH or not _TOKEN.fullmatch(self.token):
            raise ValueError("the token of a Trade URL is eight characters of its alphabet")

    @property
    def steam_id(self) -> int:
        """The account's SteamID64."""
        return steam_id_of(self.partner)

    @property
    def profile_url(self) -> str:
        """The account's page at Steam."""
        return profile_url(self.partner)

    def to_text(self) -> str:
        """Return the whole URL, with its secret."""
        page = "https://steamcommunity.com/tradeoffer/new/"
        return f"{page}?partner={self.partner}&token={self.token}"

    def masked(self) -> str:
        """Return what its owner may see to recognise it; even this is for nobody else."""
        return f"…?partner={self.partner}&token={self.token[:2]}{'•' * (TOKEN_LENGTH - 2)}"


@dataclass(frozen=True, slots=True)
class _Link:
    authority: str  # lower case, with whatever stands between the scheme and the path
    path: str
    query: str = field(repr=False)
    in_offer: bool  # the word around it has the looks of a Trade URL

    @property
    def is_foreign(self) -> bool:
        return self.authority not in _HOSTS and self.authority not in _OTHER_STEAM_HOSTS

    @property
    def is_imitation(self) -> bool:
        return self.is_foreign and (self.in_offer or bool(_IMITATION.search(self.authority)))

    @property
    def is_offer(self) -> bool:
        return self.authority in _HOSTS and bool(_OFFER_PATH.fullmatch(self.path))

    @property
    def is_profile(self) -> bool:
        return not self.is_foreign and bool(_PROFILE_PATH.fullmatch(self.path))


def parse_trade_url(text: str) -> TradeUrl:
    """Return the one Trade URL in ``text``. Raises only ``TradeUrlError``.

    Details: ``host`` (FOREIGN_HOST, where it can be shown), ``parameter`` (CONFLICTING),
    ``length`` and ``expected`` (TOKEN_CUT_OFF, TOKEN_TOO_LONG), ``length_max`` (TOO_LONG).
    """
    if len(text) > TEXT_LENGTH_MAX:
        raise TradeUrlError(Problem.TRADE_URL_TOO_LONG, length_max=TEXT_LENGTH_MAX)
    visible = _without_invisible(text)
    if not visible:
        raise TradeUrlError(Problem.TRADE_URL_EMPTY)
    # Decoded, this host would fall apart into a host and a path that no browser sees.
    if encoded := _ENCODED_HOST.search(visible):
        raise _foreign(encoded["authority"].lower())
    readable = _decoded(visible)
    links = list(_find_links(readable))
    for link in links:
        if link.is_imitation:
            raise _foreign(link.authority)
    if offers := [link for link in links if link.is_offer]:
        if _SPLIT_PARTNER.search(readable):
            raise TradeUrlError(Problem.TRADE_URL_PARTNER_WRONG)
        return _read_offers(offers)
    raise _nearest_problem(links)


def _without_invisible(text: str) -> str:
    return " ".join("".join(char for char in text if not is_invisible(char)).split())


def _decoded(text: str) -> str:
    """Return ``text`` without encodings and escapes, and with a wrapped Trade URL in one piece."""
    words = " ".join(_decoded_word(word) for word in text.split())
    plain = _BACKSLASH_ESCAPE.sub("", _AMPERSAND.sub("&", words))
    return _WRAPPED.sub(lambda match: match[0].replace(" ", ""), plain)


def _decoded_word(word: str) -> str:
    for _ in range(2):  # once for the link, once for a link that was handed on inside another
        # A space that was encoded doesn't end the link, so it must not become one that does.
        shown = (char for char in unquote(word) if not is_invisible(char))
        word = "".join("\ufffd" if char.isspace() else char for char in shown)
    return word


def _find_links(text: str) -> Iterator[_Link]:
    for word in text.split():
        in_offer = _OFFER_HINT.search(word) is not None
        for part in _DRESSING.split(word):
            if link := _read_link(_undressed(part), in_offer=in_offer):
                yield link


def _undressed(part: str) -> str:
    """Return ``part`` without the punctuation and the emphasis around it."""
    start, end = 0, len(part)
    while start < end and not (part[start].isalnum() or part[start] in "_/\\"):
        start += 1
    while end > start and not (part[end - 1].isalnum() or part[end - 1] in "_-"):
        end -= 1
    # A token may end in underscores of its own: only those go that a partner in front accounts for.
    while end > start and part[start] == "_":
        start += 1
        if part[end - 1] == "_":
            end -= 1
    return part[start:end]


def _read_link(part: str, *, in_offer: bool) -> _Link | None:
    scheme, rest = _split_scheme(_STEAM_CLIENT_LINK.sub("", part, count=1))
    # A backslash stays in the authority and makes it foreign: browsers and programs differ there.
    end = next((index for index, char in enumerate(rest) if char in "/?#"), len(rest))
    path, _, query = rest[end:].partition("#")[0].partition("?")
    link = _Link(rest[:end].lower(), path, query, in_offer)
    if scheme.endswith(_WEB_SCHEMES):
        return link if link.authority else None
    if scheme and not link.is_foreign:
        return None
    # Without a scheme much has a dot in it: a link is what goes on after its host, or Steam's own.
    goes_on = end < len(rest) or not link.is_foreign
    return link if goes_on and _DOTTED.search(link.authority) else None


def _split_scheme(part: str) -> tuple[str, str]:
    """Return the scheme, with anything glued to its front, and what follows it."""
    end = _SCHEME_END.search(part)
    if end and _BEFORE_SCHEME_END.fullmatch(part, 0, end.start()):
        return part[: end.start()].lower(), part[end.start() + 1 :].lstrip("/")
    for prefix in (_LABEL, _BROKEN_SCHEME):
        if match := prefix.match(part):
            part = part[match.end() :]
    return "", part


def _read_offers(links: list[_Link]) -> TradeUrl:
    """Return the Trade URL that all of ``links`` mean: the same one twice is one."""
    whole: set[TradeUrl] = set()
    problems: list[TradeUrlError] = []
    partners: set[str] = set()
    for link in links:
        values = _read_query(link.query)
        partners |= values["partner"] - {""}
        try:
            whole.add(_read_values(values))
        except TradeUrlError as error:
            problems.append(error)
    if not whole:
        raise problems[0]
    trade_url = whole.pop()
    if whole or partners != {str(trade_url.partner)}:
        raise TradeUrlError(Problem.TRADE_URL_SEVERAL)
    return trade_url


def _read_query(query: str) -> dict[str, set[str]]:
    values: dict[str, set[str]] = {"partner": set(), "token": set()}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        name = name.strip("?/\ufffd").lower()
        if name in values:
            values[name].add(value.strip("\ufffd"))
    return values


def _read_values(values: dict[str, set[str]]) -> TradeUrl:
    for parameter, given in values.items():
        if len(given) > 1:
            raise TradeUrlError(Problem.TRADE_URL_CONFLICTING, parameter=parameter)
    partner = _read_partner("".join(values["partner"]))
    return TradeUrl(partner, _read_token("".join(values["token"])))


def _read_partner(value: str) -> int:
    if not value:
        raise TradeUrlError(Problem.TRADE_URL_PARTNER_MISSING)
    if _STEAM_ID.fullmatch(value) and 0 < int(value) - _STEAM_ID_BASE <= PARTNER_MAX:
        raise TradeUrlError(Problem.TRADE_URL_PARTNER_STEAM_ID)
    if not _PARTNER.fullmatch(value) or int(value) > PARTNER_MAX:
        raise TradeUrlError(Problem.TRADE_URL_PARTNER_WRONG)
    return int(value)


def _read_token(value: str) -> str:
    if not value:
        raise TradeUrlError(Problem.TRADE_URL_TOKEN_MISSING)
    if not _TOKEN.fullmatch(value):
        raise TradeUrlError(Problem.TRADE_URL_TOKEN_WRONG)
    if len(value) == TOKEN_LENGTH:
        return value
    is_short = len(value) < TOKEN_LENGTH
    raise TradeUrlError(
        Problem.TRADE_URL_TOKEN_CUT_OFF if is_short else Problem.TRADE_URL_TOKEN_TOO_LONG,
        length=len(value),
        expected=TOKEN_LENGTH,
    )


def _nearest_problem(links: list[_Link]) -> TradeUrlError:
    """Return what to say about a text with no Trade URL in it."""
    if any(link.is_profile for link in links):
        return TradeUrlError(Problem.TRADE_URL_PROFILE_LINK)
    if any(not link.is_foreign for link in links):
        return TradeUrlError(Problem.TRADE_URL_OTHER_STEAM_PAGE)
    if links:
        return _foreign(links[0].authority)
    return TradeUrlError(Problem.TRADE_URL_NOT_A_LINK)


def _foreign(authority: str) -> TradeUrlError:
    """Return the problem with the host as a warning needs it: look-alike letters made visible."""
    host = authority.rpartition("@")[2]
    if not host or host in _HOSTS:
        host = authority
    # A token that slipped in here must not come out: it is bare of dots, or after a "=".
    host = re.split(r"=|%(?:25)*3d", host, maxsplit=1)[0]
    host = host[:_SHOWN_HOST_LENGTH] if "." in host or not host.isascii() else ""
    labels = (
        label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")
        for label in host.split(".")
    )
    shown = ".".join(labels)[:_SHOWN_HOST_LENGTH]
    if not shown:
        return TradeUrlError(Problem.TRADE_URL_FOREIGN_HOST)
    return TradeUrlError(Problem.TRADE_URL_FOREIGN_HOST, host=shown)
