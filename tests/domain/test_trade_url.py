"""Trade URLs as people paste them, as they are forged, and as no one would ever write them."""

from __future__ import annotations

import re
import string
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.domain.trade_url import PARTNER_MAX, TEXT_LENGTH_MAX, TradeUrl, parse_trade_url
from bot.errors import Problem, TradeUrlError

TOKEN = "aB3_-xYz"
URL = f"https://steamcommunity.com/tradeoffer/new/?partner=46143802&token={TOKEN}"
WHOLE = TradeUrl(46143802, TOKEN)
QUERY = f"partner=46143802&token={TOKEN}"
REVERSED = f"https://steamcommunity.com/tradeoffer/new/?token={TOKEN}&partner=46143802"

DRESSINGS = [
    "{url}",
    "  {url}\n",
    "<{url}>",
    '"{url}"',
    "'{url}'",
    "“{url}”",
    "„{url}“",
    "«{url}»",
    "({url})",
    "[{url}]",
    "{url}.",
    "{url},",
    "{url}!",
    "{url})",
    "{url}…",
    "{url}/",
    "{url} 🙂",
    "{url}🙂",
    "`{url}`",
    "```\n{url}\n```",
    "**{url}**",
    "_{url}_",
    "__{url}__",
    "||{url}||",
    "~~{url}~~",
    "> {url}",
    "- {url}",
    "1. {url}",
    "[my trade link]({url})",
    "[{url}]({url})",
    "[trade](<{url}>)",
    "{url} {url}",
    "{url},{url}",
    "{url}#top",
    "{url}&l=german",
    "Link:{url}",
    "Trade={url}",
    "here it is.{url}",
    "ссылка:{url}",
    "My Trade URL is {url}, thanks a lot",
    "mine is 5 digits long {url} and I have 3 more questions",
    "\u202a{url}\u202c",
    "\ufeff{url}\u200b",
    "It starts with https://steamcommunity.com/tradeoffer/new/ and so does {url}",
    "my profile https://steamcommunity.com/id/ana and {url}",
    "https://discord.com/channels/1/2/3 {url}",
    "steam://openurl/{url}",
    "{url} or was it https://steamcommunity.com/tradeoffer/new/?partner=46143802&tok…",
]


@pytest.mark.parametrize("dressing", DRESSINGS)
def test_dressing_is_taken_off(dressing: str) -> None:
    assert parse_trade_url(dressing.format(url=URL)) == WHOLE


@pytest.mark.parametrize(
    "text",
    [
        f"http://steamcommunity.com/tradeoffer/new/?{QUERY}",
        f"steamcommunity.com/tradeoffer/new/?{QUERY}",
        f"www.steamcommunity.com/tradeoffer/new/?{QUERY}",
        f"https://www.steamcommunity.com/tradeoffer/new/?{QUERY}",
        f"//steamcommunity.com/tradeoffer/new/?{QUERY}",
        f"ttps://steamcommunity.com/tradeoffer/new/?{QUERY}",
        f"https//steamcommunity.com/tradeoffer/new/?{QUERY}",
        f"https:steamcommunity.com/tradeoffer/new/?{QUERY}",
        f"https:/steamcommunity.com/tradeoffer/new/?{QUERY}",
        f"https:// steamcommunity.com/tradeoffer/new/?{QUERY}",
        f"trade:steamcommunity.com/tradeoffer/new/?{QUERY}",
        f"https://steamcommunity.com/tradeoffer/new?{QUERY}",
        f"https://steamcommunity.com//tradeoffer/new//?{QUERY}",
        f"HTTPS://SteamCommunity.COM/TradeOffer/New/?{QUERY}",
        f"https://steamcommunity.com/tradeoffer/new/?Partner=46143802&Token={TOKEN}",
        f"https://steamcommunity.com/tradeoffer/new/?partner=46143802&amp;token={TOKEN}",
        f"https://steamcommunity.com/tradeoffer/new/?partner=46143802&amp;amp;token={TOKEN}",
        f"https://steamcommunity.com/tradeoffer/new/?partner=46143802\\u0026token={TOKEN}",
        f"https:\\/\\/steamcommunity.com\\/tradeoffer\\/new\\/?{QUERY}",
        URL.replace("_", "\\_"),
        REVERSED,
        f"https://steamcommunity.com/tradeoffer/new/?l=english&{QUERY}&utm_source=x&y",
        f"https://steamcommunity.com/tradeoffer/new/?{QUERY}&{QUERY}",
        f"https://steamcommunity.com/tradeoffer/new/??{QUERY}",
        quote(URL, safe=""),
        quote(quote(URL, safe=""), safe=""),
        URL.replace("_", "%5F").replace("-", "%2D"),
        URL.replace("&", "%26").replace("token=", "token%3D"),
        URL + "%20",
        URL + "%E2%80%8B",
        "\u200b".join(URL),
        URL.replace("?", "\ufeff?").replace("aB3", "a\u00adB\u20603"),
    ],
)
def test_other_spellings_are_understood(text: str) -> None:
    assert parse_trade_url(text) == WHOLE


@pytest.mark.parametrize(
    "text",
    [
        URL.replace("partner", "\npartner"),
        URL.replace("46143802", "4614\n3802"),
        URL.replace("46143802", "46143802\r\n"),
        URL.replace("token", "to\n  ken"),
        URL.replace("&", " &\n"),
        URL.replace("/new", "/ new").replace("tradeoffer", "trade\noffer"),
        REVERSED.replace("aB3_", "aB3\n_"),
        f"Hi all: {URL.replace('&', '& ')} is mine & I say thanks = a lot",
    ],
)
def test_wrap_is_undone_where_more_must_follow(text: str) -> None:
    assert parse_trade_url(text) == WHOLE


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (URL.replace(TOKEN, "aB3_ -xYz"), Problem.TRADE_URL_TOKEN_CUT_OFF),
        (URL.replace(TOKEN, "aB3\nthank"), Problem.TRADE_URL_TOKEN_CUT_OFF),
        (URL.replace(TOKEN, f"\n{TOKEN}"), Problem.TRADE_URL_TOKEN_MISSING),
        (REVERSED.replace("46143802", "4614\n3802"), Problem.TRADE_URL_PARTNER_WRONG),
        (REVERSED.replace("46143802", "4614, 3802"), Problem.TRADE_URL_PARTNER_WRONG),
        (REVERSED.replace("46143802", "46.143.802"), Problem.TRADE_URL_PARTNER_WRONG),
        (REVERSED.replace("46143802", "46,143,802"), Problem.TRADE_URL_PARTNER_WRONG),
        (URL.replace("46143802", "4614%203802"), Problem.TRADE_URL_PARTNER_WRONG),
    ],
)
def test_values_are_never_guessed_together(text: str, problem: Problem) -> None:
    assert problem_of(text) is problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", Problem.TRADE_URL_EMPTY),
        (" \n\t\u3000", Problem.TRADE_URL_EMPTY),
        ("\u200b\u2060\ud800", Problem.TRADE_URL_EMPTY),
        (URL + " " * TEXT_LENGTH_MAX, Problem.TRADE_URL_TOO_LONG),
        ("hello", Problem.TRADE_URL_NOT_A_LINK),
        ("e.g. version 3.5, me@mail.com", Problem.TRADE_URL_NOT_A_LINK),
        ("46143802", Problem.TRADE_URL_NOT_A_LINK),
        (QUERY, Problem.TRADE_URL_NOT_A_LINK),
        (f"/tradeoffer/new/?{QUERY}", Problem.TRADE_URL_NOT_A_LINK),
        ("https://", Problem.TRADE_URL_NOT_A_LINK),
        ("steamcommunlty.com", Problem.TRADE_URL_NOT_A_LINK),
        (f"ftp://steamcommunity.com/tradeoffer/new/?{QUERY}", Problem.TRADE_URL_NOT_A_LINK),
        (
            "https://steamcommunity.com/profiles/76561198006409530",
            Problem.TRADE_URL_PROFILE_LINK,
        ),
        ("steamcommunity.com/id/ana/", Problem.TRADE_URL_PROFILE_LINK),
        (
            "this is me: https://steamcommunity.com/id/ana/inventory.",
            Problem.TRADE_URL_PROFILE_LINK,
        ),
        ("https://s.team/p/abcd-efgh/XYZ", Problem.TRADE_URL_PROFILE_LINK),
        ("steamcommunity.com", Problem.TRADE_URL_OTHER_STEAM_PAGE),
        (
            "https://steamcommunity.com/id/ana/tradeoffers/privacy#trade_offer_access_url",
            Problem.TRADE_URL_OTHER_STEAM_PAGE,
        ),
        ("https://steamcommunity.com/tradeoffer/6012345678/", Problem.TRADE_URL_OTHER_STEAM_PAGE),
        (
            "https://steamcommunity.com/tradeoffer/newest/?" + QUERY,
            Problem.TRADE_URL_OTHER_STEAM_PAGE,
        ),
        ("https://steamcommunity.com/market/", Problem.TRADE_URL_OTHER_STEAM_PAGE),
        ("https://store.steampowered.com/app/730", Problem.TRADE_URL_OTHER_STEAM_PAGE),
        (
            "https://steamcommunity.com/linkfilter/?u=" + quote(URL, safe=""),
            Problem.TRADE_URL_OTHER_STEAM_PAGE,
        ),
        (
            "https://steamcommunity.com/tradeoffer/new/../../evil.com/?" + QUERY,
            Problem.TRADE_URL_OTHER_STEAM_PAGE,
        ),
        ("https://steamcommunity.com/tradeoffer/new/", Problem.TRADE_URL_PARTNER_MISSING),
        (URL.replace("46143802", ""), Problem.TRADE_URL_PARTNER_MISSING),
        (URL.replace("partner", "partners"), Problem.TRADE_URL_PARTNER_MISSING),
        (URL.replace("46143802", "0"), Problem.TRADE_URL_PARTNER_WRONG),
        (URL.replace("46143802", "-1"), Problem.TRADE_URL_PARTNER_WRONG),
        (URL.replace("46143802", "046143802"), Problem.TRADE_URL_PARTNER_WRONG),
        (URL.replace("46143802", "4294967296"), Problem.TRADE_URL_PARTNER_WRONG),
        (URL.replace("46143802", "9" * 3000), Problem.TRADE_URL_PARTNER_WRONG),
        (URL.replace("46143802", "ana"), Problem.TRADE_URL_PARTNER_WRONG),
        (URL.replace("46143802", "٤٦١٤"), Problem.TRADE_URL_PARTNER_WRONG),
        (URL.replace("46143802", "４６１４"), Problem.TRADE_URL_PARTNER_WRONG),
        (URL.replace("46143802", "76561197960265728"), Problem.TRADE_URL_PARTNER_WRONG),
        (URL.replace("46143802", "76561198006409530"), Problem.TRADE_URL_PARTNER_STEAM_ID),
        (URL.replace("&token=", ""), Problem.TRADE_URL_PARTNER_WRONG),
        (URL.removesuffix(f"&token={TOKEN}"), Problem.TRADE_URL_TOKEN_MISSING),
        (URL.removesuffix(f"ken={TOKEN}"), Problem.TRADE_URL_TOKEN_MISSING),
        (URL.removesuffix(TOKEN), Problem.TRADE_URL_TOKEN_MISSING),
        (URL[:-1], Problem.TRADE_URL_TOKEN_CUT_OFF),
        (URL[:-7], Problem.TRADE_URL_TOKEN_CUT_OFF),
        (URL[:-3] + "…", Problem.TRADE_URL_TOKEN_CUT_OFF),
        (URL + "a", Problem.TRADE_URL_TOKEN_TOO_LONG),
        (URL + "_", Problem.TRADE_URL_TOKEN_TOO_LONG),
        (URL.replace("xYz", "x+z"), Problem.TRADE_URL_TOKEN_WRONG),
        (URL.replace("xYz", "xуz"), Problem.TRADE_URL_TOKEN_WRONG),
        (URL.replace("xYz", "x.z"), Problem.TRADE_URL_TOKEN_WRONG),
        (URL.replace("xYz", "x%zz"), Problem.TRADE_URL_TOKEN_WRONG),
        (f"{URL}&partner=7", Problem.TRADE_URL_CONFLICTING),
        (f"{URL}&token=abcdefgh", Problem.TRADE_URL_CONFLICTING),
        (f"{URL}&note=a%26partner%3D7", Problem.TRADE_URL_CONFLICTING),
        (f"{URL} {URL.replace('46143802', '7')}", Problem.TRADE_URL_SEVERAL),
        (f"{URL} {URL.replace(TOKEN, 'abcdefgh')}", Problem.TRADE_URL_SEVERAL),
        (f"{URL.replace('46143802', '7')[:-3]} {URL}", Problem.TRADE_URL_SEVERAL),
    ],
)
def test_each_fault_has_its_own_problem(text: str, problem: Problem) -> None:
    assert problem_of(text) is problem


@pytest.mark.parametrize(
    ("text", "host"),
    [
        (f"https://steamcommunlty.com/tradeoffer/new/?{QUERY}", "steamcommunlty.com"),
        (f"steamcornmunity.com/tradeoffer/new/?{QUERY}", "steamcornmunity.com"),
        (
            f"https://steamcommunity.com.evil.ru/tradeoffer/new/?{QUERY}",
            "steamcommunity.com.evil.ru",
        ),
        (f"https://steamcommunity.co/tradeoffer/new/?{QUERY}", "steamcommunity.co"),
        (f"https://evil.com/steamcommunity.com/tradeoffer/new/?{QUERY}", "evil.com"),
        (f"evil.com/steamcommunity.com/tradeoffer/new/?{QUERY}", "evil.com"),
        (f"https://evil.com/?u={URL}", "evil.com"),
        (f"https://evil.com/?u={quote(URL, safe='')}", "evil.com"),
        (f"https://evil.com/{URL}", "evil.com"),
        (f"https://evil.com/%20{URL}", "evil.com"),
        (f"https://evil.com/({URL})", "evil.com"),
        (f"https://evil.com#{URL}", "evil.com"),
        (f"https://steamcommunity.com@evil.com/tradeoffer/new/?{QUERY}", "evil.com"),
        (f"https://steamcommunity.com:x@evil.com/tradeoffer/new/?{QUERY}", "evil.com"),
        (f"https://steamcommunity.com%2F@evil.com/tradeoffer/new/?{QUERY}", "evil.com"),
        (f"https://steamcommunity.com%252F@evil.com/tradeoffer/new/?{QUERY}", "evil.com"),
        (
            f"https://evil.com@steamcommunity.com/tradeoffer/new/?{QUERY}",
            "evil.com@steamcommunity.com",
        ),
        (f"https://steamcommunity.com\\@evil.com/tradeoffer/new/?{QUERY}", "evil.com"),
        (
            f"https://evil.com\\@steamcommunity.com/tradeoffer/new/?{QUERY}",
            "evil.com\\@steamcommunity.com",
        ),
        (
            f"https:\\\\steamcommunity.com\\tradeoffer/new/?{QUERY}",
            "\\\\steamcommunity.com\\tradeoffer",
        ),
        (f"https://steamcommunity.com:8080/tradeoffer/new/?{QUERY}", "steamcommunity.com:8080"),
        (f"https://m.steamcommunity.com/tradeoffer/new/?{QUERY}", "m.steamcommunity.com"),
        # A Cyrillic letter, a full-width one, an ideographic full stop: shown so that they differ.
        (
            f"https://steamcommun\u0456ty.com/tradeoffer/new/?{QUERY}",
            "xn--steamcommunty-eil.com",
        ),
        (f"https://\uff53teamcommunity.com/tradeoffer/new/?{QUERY}", "xn--teamcommunity-9s95e.com"),
        (f"https://steamcommunity\u3002com/tradeoffer/new/?{QUERY}", "xn--steamcommunitycom-fz2p"),
        (f"https://xn--steamcommunty-eil.com/tradeoffer/new/?{QUERY}", "xn--steamcommunty-eil.com"),
        (f"[steamcommunity.com](https://evil.com/tradeoffer/new/?{QUERY})", "evil.com"),
        (f"[{URL}](https://evil.com/x)", "evil.com"),
        (f"{URL} https://evil.com/tradeoffer/new/?partner=1", "evil.com"),
        (f"{URL} and https://steamcommunlty.com/id/ana", "steamcommunlty.com"),
        ("https://google.com", "google.com"),
        ("google.com/search?q=trade", "google.com"),
        (f"https://{'a' * 90}.com/tradeoffer/new/", "a" * 60),
        (f"https://steamcommunity.comtoken={TOKEN}/", "steamcommunity.comtoken"),
    ],
)
def test_foreign_host_is_refused_and_named(text: str, host: str) -> None:
    with pytest.raises(TradeUrlError) as caught:
        parse_trade_url(text)
    assert caught.value.problem is Problem.TRADE_URL_FOREIGN_HOST
    assert caught.value.details == {"host": host}


@pytest.mark.parametrize(
    "text",
    [
        f"https://{TOKEN}/",
        f"https://=token={TOKEN}",
        f"https://evil/steamcommunity.com/tradeoffer/new/?{QUERY}",
    ],
)
def test_foreign_host_that_could_be_a_token_is_not_named(text: str) -> None:
    with pytest.raises(TradeUrlError) as caught:
        parse_trade_url(text)
    assert caught.value.problem is Problem.TRADE_URL_FOREIGN_HOST
    assert caught.value.details == {}


def test_details_give_the_lengths() -> None:
    with pytest.raises(TradeUrlError) as caught:
        parse_trade_url(URL[:-3])
    assert caught.value.details == {"length": 5, "expected": 8}


@pytest.mark.parametrize("partner", [0, -1, PARTNER_MAX + 1])
def test_partner_out_of_bounds_makes_no_trade_url(partner: int) -> None:
    with pytest.raises(ValueError, match="32-bit"):
        TradeUrl(partner, TOKEN)


@pytest.mark.parametrize("token", ["", "short", "ninechars", "aB3_-xY ", "aB3_-xY\n", "aB3_-xYé"])
def test_bad_token_makes_no_trade_url_and_is_not_told(token: str) -> None:
    with pytest.raises(ValueError, match="alphabet") as caught:
        TradeUrl(1, token)
    assert not token or token not in str(caught.value)


def test_trade_url_hides_its_token() -> None:
    assert TOKEN not in repr(WHOLE)
    assert TOKEN not in f"{WHOLE}"
    assert WHOLE.masked() == "…?partner=46143802&token=aB••••••"


def test_trade_url_knows_the_steam_account() -> None:
    assert WHOLE.steam_id == 76561198006409530
    assert WHOLE.profile_url == "https://steamcommunity.com/profiles/76561198006409530"
    assert WHOLE.to_text() == URL


TOKEN_ALPHABET = string.ascii_letters + string.digits + "_-"
trade_urls = st.builds(
    TradeUrl,
    st.integers(1, PARTNER_MAX),
    st.text(TOKEN_ALPHABET, min_size=8, max_size=8),
)
EXAMPLES = settings(max_examples=300, deadline=None)
FRAGMENTS = [
    *"abAB09_-./\\:@?&#=%+<>()[]{}|*,;'\"` \n\t\u200b\u202e\u00a0é٣。．\ud800\x00\U0001f642",
    *(
        "https://",
        "//",
        "&amp;",
        "%2F",
        "%25",
        "%20",
        "token=",
        "partner=",
        "&partner=7",
        "evil.com",
    ),
    *("/tradeoffer/new/?", "steamcommunity.com", "](", "steam://openurl/", "@evil.com/", URL),
]


@st.composite
def mutated_urls(draw: st.DrawFn, fragments: list[str] = FRAGMENTS) -> tuple[TradeUrl, str]:
    trade_url = draw(trade_urls)
    text = trade_url.to_text()
    edits = st.tuples(st.integers(0, 90), st.integers(0, 2), st.sampled_from(["", *fragments]))
    for at, cut, put in draw(st.lists(edits, min_size=1, max_size=5)):
        text = text[:at] + put + text[at + cut :]
    return trade_url, text


anything = st.one_of(
    st.text(max_size=300),
    st.text(st.characters(), max_size=100),  # lone surrogates too
    st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join),
    mutated_urls().map(lambda drawn: drawn[1]),
)


@given(anything)
@EXAMPLES
def test_whatever_comes_is_a_trade_url_within_bounds_or_a_trade_url_error(text: str) -> None:
    try:
        trade_url = parse_trade_url(text)
    except TradeUrlError:
        return
    assert 0 < trade_url.partner <= PARTNER_MAX
    assert len(trade_url.token) == 8
    assert set(trade_url.token) <= set(TOKEN_ALPHABET)
    assert parse_trade_url(trade_url.to_text()) == trade_url


@given(trade_urls, st.sampled_from(DRESSINGS))
@EXAMPLES
def test_round_trip_in_every_dressing(trade_url: TradeUrl, dressing: str) -> None:
    assume("partner=46143802" not in dressing)
    assert parse_trade_url(dressing.format(url=trade_url.to_text())) == trade_url


@given(trade_urls, st.text(max_size=40), st.text(max_size=40))
@EXAMPLES
def test_words_around_it_change_nothing_or_refuse(
    trade_url: TradeUrl, before: str, after: str
) -> None:
    try:
        assert parse_trade_url(f"{before} {trade_url.to_text()} {after}") == trade_url
    except TradeUrlError:
        assert any(char in before + after for char in ".:/\\@%")


@given(mutated_urls())
@EXAMPLES
def test_token_is_never_in_an_error(drawn: tuple[TradeUrl, str]) -> None:
    trade_url, text = drawn
    try:
        parse_trade_url(text)
    except TradeUrlError as error:
        chain = (error.__cause__, error.__context__)
        told = f"{error} {error!r} {error.args} {error.details}"
        assert chain == (None, None)
        assert trade_url.token.lower() not in told.lower()


host_names = st.one_of(
    st.from_regex(r"[a-z0-9-]{1,12}(\.[a-z0-9-]{1,12}){1,3}", fullmatch=True),
    st.builds(
        lambda at, cut, put: "steamcommunity.com"[:at] + put + "steamcommunity.com"[at + cut :],
        st.integers(0, 18),
        st.integers(0, 2),
        st.sampled_from([*"abcmnrtlIi01-.@:\\еіс。．", "evil.", ".evil.com"]),
    ),
).filter(
    lambda host: (
        "." in host
        and host.lower() not in {"steamcommunity.com", "www.steamcommunity.com"}
        and host[0] not in ".-:@。．"  # read as punctuation before the link
        and host[-1] != "\\"  # with the slash that follows it, a slash as JSON may write it
    )
)


@given(
    trade_urls,
    host_names,
    st.sampled_from(
        [
            "https://{host}/tradeoffer/new/?{query}",
            "http://{host}/tradeoffer/new?{query}",
            "{host}/tradeoffer/new/?{query}",
            "https://www.{host}/tradeoffer/new/?{query}",
            "https://{host}/steamcommunity.com/tradeoffer/new/?{query}",
            "{host}/https://steamcommunity.com/tradeoffer/new/?{query}",
            "https://{host}/?to=https://steamcommunity.com/tradeoffer/new/?{query}",
            "https://{host}?{query}#https://steamcommunity.com/tradeoffer/new/?{query}",
            "https://steamcommunity.com@{host}/tradeoffer/new/?{query}",
            "https://steamcommunity.com.{host}/tradeoffer/new/?{query}",
            "https://steamcommunity.com\\@{host}/tradeoffer/new/?{query}",
            "https://steamcommunity.com%2f@{host}/tradeoffer/new/?{query}",
            "https://{host}\\@steamcommunity.com/tradeoffer/new/?{query}",
            "https://{host}@steamcommunity.com/tradeoffer/new/?{query}",
            "[https://steamcommunity.com/tradeoffer/new/?{query}](https://{host}/tradeoffer/new/)",
        ]
    ),
)
@EXAMPLES
def test_foreign_host_is_never_accepted(trade_url: TradeUrl, host: str, shape: str) -> None:
    query = trade_url.to_text().partition("?")[2]
    with pytest.raises(TradeUrlError):
        parse_trade_url(shape.format(host=host, query=query))


@given(mutated_urls([*"abcevil019./\\:@?#%-", "%2f", "@evil.com", "evil.com/", ".evil.com"]))
@EXAMPLES
def test_what_is_accepted_has_steams_host_for_other_readers_too(
    drawn: tuple[TradeUrl, str],
) -> None:
    text = drawn[1]
    assume(text.startswith("https://"))
    try:
        parse_trade_url(text)
    except TradeUrlError:
        return
    assert urlsplit(re.sub(r"^https:/+", "https://", text)).hostname in {
        "steamcommunity.com",
        "www.steamcommunity.com",
    }


@pytest.mark.parametrize(
    "piece",
    [
        *"a.:/\\@ _(&?=%;,\u0301",
        *("://", ".a", "&amp;", "%25", "s ", "partner=1 ", "https://", "steamcommunity.com/", URL),
        *("ttp://a%", "token=", "steamcommunity.com/tradeoffer/new/?token=a ", "a:", "xn--é."),
    ],
)
@pytest.mark.parametrize("end", ["", "!", "://steamcommunity.com/tradeoffer/new/?partner=1"])
def test_long_repetitions_end(piece: str, end: str) -> None:
    longest = (piece * TEXT_LENGTH_MAX)[: TEXT_LENGTH_MAX - len(end)] + end
    with pytest.raises(TradeUrlError):
        parse_trade_url(longest.replace(URL, URL[:-1]))
    with pytest.raises(TradeUrlError) as caught:
        parse_trade_url(piece * 100_000)
    assert caught.value.problem is Problem.TRADE_URL_TOO_LONG


def problem_of(text: str) -> Problem:
    with pytest.raises(TradeUrlError) as caught:
        parse_trade_url(text)
    return caught.value.problem
