"""Requests, baskets and everything else that cards are drawn from, ordinary and at their worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from discord import ui
from hypothesis import strategies as st

from bot.domain.limits import LINES_HARD_MAX, NOTE_MAX, REASON_MAX
from bot.domain.market import Listing, OfferStatus, Quote
from bot.domain.models import (
    Attempt,
    Basket,
    Event,
    EventKind,
    Line,
    LineView,
    MessageKind,
    NoListing,
    OutboxRow,
    OutboxState,
    Pick,
    Request,
    RequestView,
    WaitReason,
)
from bot.domain.money import CENT, Micros
from bot.domain.pasted import Reading, WhyNot
from bot.domain.picking import Filters, Search, Wear
from bot.domain.states import AttemptState, RequestState
from bot.domain.sums import NotBack, Sum
from bot.services.approvals import CardPlace, Queue, RequestCard, Where
from bot.services.browsing import Listed, Look
from bot.services.catalogue import Matches, PriceAge
from bot.services.money import MoneyReport, Sums
from bot.services.outcomes import Alarm
from bot.services.pasting import OPTIONS, PAGE, LineLeft, Option, Rest
from bot.services.picking import Found
from bot.services.repricing import Moved, Question
from bot.skinsback.refusals import RULES
from bot.ui.cards.frame import Frame

NOW: Final = 1_795_000_000_000
REQUEST_ID: Final = "abcdefghij234567klmn"
MEMBER: Final = 111_111_111_111_111_111
MODERATOR: Final = 222_222_222_222_222_222
GUILD: Final = 333_333_333_333_333_333
PARTNER: Final = 123_456_789

NAME_MAX: Final = 69
"""The longest real market hash name."""

CODES: Final = (*sorted(RULES), 12_345)
"""Every code of the market, and one that nobody knows."""

HOSTILE: Final = (
    "@everyone",
    "@here",
    "<@987654321098765432>",
    "<@&987654321098765432>",
    "<#987654321098765432>",
    "</request:987654321098765432>",
    "<t:0:R>",
    "<:kappa:987654321098765432>",
    "[free skins](https://evil.example)",
    "https://evil.example/login",
    "discord.gg/evil",
    "**bold** __under__ ~~gone~~ ||spoiler|| `code`",
    "```\nblock\n```",
    "> quote\n# heading\n- list\n1. number",
    "\u202egnirts\u200b\ufeff",
    "\\",
)
"""What must never do anything but be read."""

FRAMES: Final = st.builds(
    Frame,
    sandbox=st.booleans(),
    commands=st.sampled_from(
        [
            {},
            dict.fromkeys(
                ("request", "my-requests", "trade-url", "setup", "quartermaster"), 10**18
            ),
        ]
    ),
    mark=st.none() | st.integers(1 << 24, (1 << 31) - 1),
)


def line(line_no: int = 1, **changes: Any) -> Line:
    """Return a line of a request."""
    values: dict[str, Any] = {
        "game": "cs2",
        "market_hash_name": "AK-47 | Redline (Field-Tested)",
        "listing_id": None,
        "quote": Micros(12_400_000),
        "ceiling": Micros(13_020_000),
        "class_id": "310776543",
    }
    return Line(line_no, **(values | changes))


def attempt(line_no: int = 1, state: AttemptState = AttemptState.SENT, **changes: Any) -> Attempt:
    """Return a try to buy a line."""
    values: dict[str, Any] = {
        "purchase_key": f"qm{REQUEST_ID}{line_no:02d}01",
        "line_no": line_no,
        "attempt_no": 1,
        "state": state,
        "listing_id": 62_696_971,
        "max_price": Micros(13_020_000),
        "steam_id": 76_561_198_083_722_517,
        "sent_at": NOW,
    }
    if state is AttemptState.PURCHASED:
        values |= {"buy_id": 4321, "debited": Micros(12_110_000)}
    return Attempt(**(values | changes))


def tried(line_no: int, state: AttemptState, **changes: Any) -> LineView:
    """Return a line with one try."""
    return LineView(line(line_no), (attempt(line_no, state, **changes),))


def view(
    state: RequestState = RequestState.PENDING,
    lines: Sequence[LineView] | None = None,
    **changes: Any,
) -> RequestView:
    """Return a request with three lines, or with those given."""
    values: dict[str, Any] = {
        "request_id": REQUEST_ID,
        "guild_id": GUILD,
        "number": 42,
        "user_id": MEMBER,
        "revision": 3,
        "version": 1,
        "digest": "0123456789abcdef" * 4,
        "note": "",
        "partner": PARTNER,
        "created_at": NOW - 60_000,
        "submitted_at": NOW,
        "changed_at": NOW + 60_000,
    }
    if state not in (RequestState.DRAFT, RequestState.PENDING, RequestState.CANCELLED):
        values |= {"decided_by": MODERATOR, "decided_at": NOW + 30_000}
    shown = lines or [LineView(line(number), ()) for number in (1, 2, 3)]
    return RequestView(Request(state=state, **(values | changes)), tuple(shown))


def unknown_view(count: int, **changes: Any) -> RequestView:
    """Return a request that is being bought, of whose lines nobody knows what became."""
    lines = [tried(number, AttemptState.UNKNOWN) for number in range(1, count + 1)]
    return view(RequestState.BUYING, lines, step_at=NOW + 60_000, grace_from=NOW, **changes)


def refused_view(count: int, code: int = 4, **changes: Any) -> RequestView:
    """Return a bought request of which nothing was bought, as long as its approval counts."""
    lines = [tried(number, AttemptState.REFUSED, code=code) for number in range(1, count + 1)]
    values: dict[str, Any] = {"expires_at": NOW + 86_400_000} | changes
    return view(RequestState.BOUGHT, lines, **values)


def waiting_view(count: int, **changes: Any) -> RequestView:
    """Return a bought request whose trades all wait, and are told in the first message."""
    lines = [
        tried(
            number,
            AttemptState.PURCHASED,
            **{
                "offer_status": OfferStatus.WAITING_ACCEPT,
                "trade_offer_id": 4_176_000_000 + number,
                "status_at": NOW,
                "not_waiting_at": NOW,
                "told_in": 0,
            }
            | changes,
        )
        for number in range(1, count + 1)
    ]
    return view(RequestState.BOUGHT, lines)


def missed_view(count: int, **changes: Any) -> RequestView:
    """Return a bought request whose trades nobody accepted in time; it can be tried again."""
    lines = [
        tried(number, AttemptState.PURCHASED, offer_status=OfferStatus.TIMEOUT, status_at=NOW)
        for number in range(1, count + 1)
    ]
    values: dict[str, Any] = {"expires_at": NOW + 86_400_000} | changes
    return view(RequestState.BOUGHT, lines, **values)


def money_report(
    count: int, page: int = 1, pages: int = 1, *, balance: int | None = 412_900_000
) -> MoneyReport:
    """Return where the money is, with so many purchases on a page that were not seen back."""
    failed = [
        NotBack(
            f"qm{REQUEST_ID}{number:02d}01",
            REQUEST_ID,
            42,
            MEMBER,
            "*" * NAME_MAX,
            10**9 + number,
            Micros(12_400_000),
            OfferStatus.TIMEOUT,
            NOW,
        )
        for number in range(1, count + 1)
    ]
    several = Sum(Micros(10**12), 12_345)
    sums = Sums(Micros(10**12), several, several, several, (Micros(1),) * 3)
    shown = None if balance is None else Micros(balance)
    return MoneyReport(shown, sums, sums, tuple(failed), page, pages)


def basket(picks: Sequence[Pick] = (), **changes: Any) -> Basket:
    """Return a basket."""
    values: dict[str, Any] = {"note": ""} | changes
    return Basket(REQUEST_ID, GUILD, MEMBER, 7, picks=tuple(picks), **values)


def pick(pick_id: int = 1, **changes: Any) -> Pick:
    """Return a row of a basket."""
    values: dict[str, Any] = {
        "game": "cs2",
        "market_hash_name": "AK-47 | Redline (Field-Tested)",
        "listing_id": None,
        "quantity": 2,
        "quote": Micros(12_400_000),
        "ceiling": Micros(13_020_000),
        "class_id": "310776543",
    }
    return Pick(pick_id, **(values | changes))


EVERY_FILTER: Final = Filters(
    "dota2", Micros(5_000_000), Micros(20_000_000), Wear.FIELD_TESTED, stattrak=False, in_stock=True
)


def quote(number: int = 1, **changes: Any) -> Quote:
    """Return a skin on sale; each number has its own name."""
    values: dict[str, Any] = {
        "game": "cs2",
        "market_hash_name": f"AK-47 | Redline {number}",
        "price": Micros(12_400_000),
        "count": 20,
        "class_id": "310776543",
    }
    return Quote(**(values | changes))


def found(
    count: int,
    *,
    first: int = 0,
    total: int | None = None,
    games: tuple[str, ...] = ("cs2",),
    filters: Filters = EVERY_FILTER,
    typed: str = "redline",
    quotes: Sequence[Quote] = (),
    shown_with: Basket | None = None,
) -> Found:
    """Return a page of a list of skins."""
    search = Search(10**9 - 1, REQUEST_ID, typed, filters=filters, browsing=True)
    page = tuple(quotes) or tuple(quote(number) for number in range(count))
    matches = Matches(page, len(page) if total is None else total, first)
    return Found(shown_with or basket(), search, matches, games, PriceAge(NOW))


def look(shown: Quote | None = None, *, shown_with: Basket | None = None, **changes: Any) -> Look:
    """Return one skin that is looked at."""
    one = shown or quote()
    values: dict[str, Any] = {"quote": one, "lines_max": 10, "prices": PriceAge(NOW)}
    return Look(
        10**9 - 1, one.game, one.market_hash_name, basket=shown_with or basket(), **values | changes
    )


def listed(count: int, *, total: int | None = None, shown: Look | None = None) -> Listed:
    """Return the listings of a skin."""
    listings = tuple(
        Listing(62_000_000 + n, "AK-47 | Redline", Micros(12_400_000 + n * 1_000), "1")
        for n in range(count)
    )
    return Listed(shown or look(), listings, count if total is None else total, NOW)


def question(count: int, *, sold_out: bool = False, **changes: Any) -> Question:
    """Return what is asked about a basket of so many rows that all cost more, or are sold out."""
    picks = [pick(number, **changes) for number in range(1, count + 1)]
    quote, ceiling = Micros(15_000_000), Micros(15_750_000)
    moved = [
        Moved(place, one, None if sold_out else replace(one, quote=quote, ceiling=ceiling))
        for place, one in enumerate(picks)
    ]
    return Question(basket(picks), tuple(moved))


def pasted_rest(count: int, *, first: int = 0, why: WhyNot | None = None, name: str = "") -> Rest:
    """Return a page of what is left of a list, each line with another reason unless one is given.

    ``name``: of everything in it, instead of a short one.
    """
    reasons = list(WhyNot)
    price = Micros(99_999_990_000 if name else 12_400_000)
    lines = []
    for number in range(first, min(first + PAGE, count)):
        wanted = Reading(name or "redlin", 25, price, 10**14)
        found = [
            Quote(
                "cs2",
                f"{name or 'AK-47 | Redline (Field-Tested)'}{n}"[-NAME_MAX:],
                price,
                10**6,
                "1",
            )
            for n in range(OPTIONS)
        ]
        lines.append(
            LineLeft(
                number,
                name * 2 or f"25x redlin {number}",
                why or reasons[number % len(reasons)],
                wanted,
                found[0],
                tuple(Option(quote, price) for quote in found) if number % 2 == 0 else (),
            )
        )
    return Rest(basket(pasted_left=count), tuple(lines), count, first, 10**6)


# Names, notes and reasons at their longest, mostly of characters that are doubled by escaping.
_CHARACTERS: Final = st.sampled_from("*_~|`>#-+[]()<:@/\\ aZ9.鬼é★™")
NAMES: Final = st.text(_CHARACTERS, min_size=1, max_size=NAME_MAX) | st.sampled_from(
    ["*" * NAME_MAX, "[" * NAME_MAX, *(words[:NAME_MAX] for words in HOSTILE)]
)
NOTES: Final = st.text(_CHARACTERS, max_size=NOTE_MAX) | st.sampled_from(
    ["`" * NOTE_MAX, "", *HOSTILE]
)
REASONS: Final = st.text(_CHARACTERS, max_size=REASON_MAX) | st.just("_" * REASON_MAX)
AMOUNTS: Final = st.integers(1, 10_000_000).map(lambda cents: Micros(cents * CENT))
USUALS: Final = st.none() | st.just(Micros(1)) | AMOUNTS
STOCKS: Final = st.none() | st.sampled_from([0, 1, 2]) | st.integers(0, 10**6)
DEBITS: Final = st.integers(1, 100_000_000_000).map(Micros)
MESSAGES: Final = st.sampled_from(["", "skin_unavailable", "|" * 500, *HOSTILE])
CLASS_IDS: Final = st.sampled_from(["", "1", "4726582349", "../../evil", "12 34"])


@st.composite
def lines(draw: st.DrawFn, line_no: int, names: Sequence[str]) -> LineView:
    """Return a line that fared in any way."""
    quote = draw(AMOUNTS)
    no_listing = draw(st.none() | st.sampled_from(NoListing))
    made = Line(
        line_no,
        draw(st.sampled_from(["cs2", "dota2", "rust", "unheard_of"])),
        draw(st.sampled_from(names)),
        draw(st.none() | st.integers(1, 10**15)),
        quote,
        draw(AMOUNTS),
        draw(CLASS_IDS),
        round=draw(st.integers(0, 3)),
        no_listing=no_listing,
        usual=draw(USUALS),
        stock=draw(STOCKS),
        cheapest_seen=draw(st.none() | AMOUNTS) if no_listing else None,
    )
    return LineView(made, tuple(draw(st.lists(attempts(line_no), max_size=3))))


STATUSES: Final = st.none() | st.sampled_from([*OfferStatus, "a status that nobody knows"])


DELIVERIES: Final = st.fixed_dictionaries(
    {
        "trade_offer_id": st.none() | st.integers(1, 10**19),
        "status_at": st.none() | st.just(NOW),
        "not_waiting_at": st.none() | st.integers(NOW, NOW + 600_000),
        "accepted_at": st.none() | st.integers(NOW, NOW + 600_000_000),
        "closed_at": st.none() | st.just(NOW),
        "stuck_at": st.none() | st.just(NOW),
        "told_in": st.sampled_from([0, 0, 0, 1, None]),
        "noticed_in": st.sampled_from([0, 0, None]),
    }
)


@st.composite
def attempts(draw: st.DrawFn, line_no: int) -> Attempt:
    """Return a try that ended in any way."""
    state = draw(st.sampled_from(AttemptState))
    failed = state in (AttemptState.REFUSED, AttemptState.UNKNOWN)
    bought = state is AttemptState.PURCHASED
    return attempt(
        line_no,
        state,
        sent_at=draw(st.integers(NOW, NOW + 10_000)),
        alarms=draw(st.just(()) | st.lists(st.sampled_from(Alarm), unique=True).map(tuple)),
        code=draw(st.none() | st.sampled_from(CODES)) if failed else None,
        message=draw(MESSAGES) if failed else "",
        refused_whole=state is AttemptState.REFUSED and draw(st.booleans()),
        round=draw(st.integers(0, 3)),
        listing_id=draw(st.integers(1, 9)),
        offer_status=draw(STATUSES) if bought else None,
        released=bought and draw(st.booleans()),
        settled_at=draw(st.none() | st.just(NOW)),
        buy_id=draw(st.none() | st.integers(1, 10**12)) if bought else None,
        debited=draw(DEBITS) if bought else None,
        class_id=draw(CLASS_IDS),
        **(draw(DELIVERIES) if bought else {}),
    )


@st.composite
def views(draw: st.DrawFn) -> RequestView:
    """Return any request in any state, with 1 to 25 lines."""
    count = draw(st.sampled_from([1, 2, 8, 9, LINES_HARD_MAX]) | st.integers(1, LINES_HARD_MAX))
    names = draw(st.lists(NAMES, min_size=1, max_size=count))
    state = draw(st.sampled_from(RequestState))
    return view(
        state,
        [draw(lines(number, names)) for number in range(1, count + 1)],
        number=draw(st.integers(1, 10**6)),
        version=draw(st.integers(1, 99)),
        note=draw(NOTES),
        partner=draw(st.none() | st.integers(1, 2**32 - 1)),
        decided_by=draw(st.none() | st.just(MODERATOR)),
        decided_at=draw(st.none() | st.just(NOW)),
        decision_reason=draw(REASONS),
        claimable_at=draw(st.none() | st.just(NOW)),
        expires_at=draw(st.none() | st.just(NOW)),
        waits_for=draw(st.none() | st.sampled_from(WaitReason)),
        dm_closed=draw(st.booleans()),
        step_at=draw(st.none() | st.just(NOW)),
        grace_from=draw(st.none() | st.just(NOW)),
        attention_at=draw(st.none() | st.just(NOW)),
        look_ups=draw(st.integers(0, 10**4)),
        ready_at=draw(st.none() | st.just(NOW)),
    )


def card(view: RequestView, where: Where = Where.STANDS, **changes: Any) -> RequestCard:
    """Return a request with its card somewhere."""
    return RequestCard(view, CardPlace(where, 2**63 - 1, 2**63 - 2, 3, **changes))


def queue(
    views: Sequence[RequestView], *, where: Where = Where.STANDS, page: int = 0, pages: int = 1
) -> Queue:
    """Return a page of what waits for moderators."""
    alike = enumerate(views)
    others = [
        replace(one, request=replace(one.request, request_id=f"r{number}")) for number, one in alike
    ]
    total = 12 * (pages - 1) + len(views)
    return Queue(tuple(card(one, where) for one in others), total, page, pages)


EVENTS: Final = st.builds(
    Event,
    at=st.just(NOW),
    kind=st.sampled_from(EventKind),
    actor_id=st.none() | st.just(MODERATOR),
    details=st.dictionaries(
        st.sampled_from(
            [
                "lines",
                "purchased",
                "refused",
                "unknown",
                "code",
                "reason",
                "alarm",
                "setting",
                "line",
                "skin",
                "status",
                "buy_id",
                "x",
            ]
        ),
        st.integers(-10, 30) | st.sampled_from(["paused", "above_ceiling", *HOSTILE]),
        max_size=9,
    ),
)


@st.composite
def baskets(draw: st.DrawFn) -> Basket:
    """Return any basket, full to the brim at times."""
    picks = [
        pick(
            number,
            market_hash_name=draw(NAMES),
            listing_id=draw(st.none() | st.integers(1, 10**15)),
            quantity=draw(st.integers(1, LINES_HARD_MAX)),
            quote=draw(AMOUNTS),
            ceiling=draw(AMOUNTS),
            class_id=draw(CLASS_IDS),
            usual=draw(USUALS),
            stock=draw(STOCKS),
        )
        for number in range(1, draw(st.integers(0, LINES_HARD_MAX)) + 1)
    ]
    return basket(picks, note=draw(NOTES))


QUOTES: Final = st.builds(
    Quote,
    game=st.sampled_from(["cs2", "rust"]),
    market_hash_name=NAMES,
    price=AMOUNTS,
    count=st.sampled_from([1, 2]) | st.integers(1, 10**6),
    class_id=CLASS_IDS,
    usual=USUALS,
)


def payloads(shown: ui.LayoutView | ui.Modal | ui.View) -> list[dict[str, Any]]:
    """Return every component of a message or a modal as Discord gets it, nested ones too."""
    found: list[dict[str, Any]] = []

    def walk(component: Mapping[str, Any]) -> None:
        found.append(dict(component))
        for child in component.get("components", ()):
            walk(child)
        for name in ("accessory", "component"):
            if name in component:
                walk(component[name])

    for component in shown.to_components():
        walk(component)
    return found


def row_of(kind: MessageKind, **changes: Any) -> OutboxRow:
    """Return a message about the request, first to its member and not posted yet."""
    values: dict[str, Any] = {
        "guild_id": GUILD,
        "request_id": REQUEST_ID,
        "to_member": True,
        "target_id": MEMBER,
        "mark": 1 << 30,
        "state": OutboxState.WAITING,
        "channel_id": None,
        "message_id": None,
        "wanted": 1,
        "shown": 0,
        "tries": 0,
        "created_at": NOW,
        "parked_reason": "",
    }
    return OutboxRow(1, kind, **(values | changes))


def words(shown: ui.LayoutView | ui.Modal) -> str:
    """Return everything that a person reads on it, in order."""
    parts: list[str] = []
    for component in payloads(shown):
        parts.extend(
            str(component[name])
            for name in ("content", "label", "placeholder", "description")
            if component.get(name)
        )
        parts.extend(
            f"{option['label']} {option.get('description') or ''}"
            for option in component.get("options", ())
        )
    return "\n".join(parts)


def texts(shown: ui.LayoutView) -> str:
    """Return what stands in its texts, as markdown."""
    return "\n".join(part["content"] for part in payloads(shown) if "content" in part)


def verbs(shown: ui.LayoutView | ui.Modal) -> list[str]:
    """Return the verbs of what can be pressed, in order."""
    return [
        part["custom_id"].split(":")[3]
        for part in payloads(shown)
        if ":" in str(part.get("custom_id", ""))
    ]
