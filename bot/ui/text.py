"""Every word that people read, in one place: cards only put these together.

The habits: first what happened, then whether money moved, then what to do. Nobody is blamed,
nothing is shouted, and the market's code numbers are for moderators, in brackets at the end.

Templates have named placeholders, counts go through ``plural``, and no sentence is glued together
from halves, so that all of it can be handed to translators as it stands. What came from a person
or from the market is escaped here or by the card, on its way into a template.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.delivery import RETURNED
from bot.domain.limits import (
    LINES_HARD_MAX,
    NOTE_MAX,
    OPEN_REQUESTS_HARD_MAX,
    REASON_MAX,
    TOLERANCE_HARD_MAX_BP,
    TYPED_NAME_MAX,
    UNDO_HARD_MAX_S,
)
from bot.domain.market import OfferStatus, Quote
from bot.domain.models import (
    REBOUND,
    SUBSTITUTED_CODES,
    Attempt,
    Basket,
    Delivery,
    Event,
    EventKind,
    GuildSettings,
    Line,
    LineView,
    NoListing,
    OutboxRow,
    Pause,
    PauseCause,
    Pick,
    Request,
    RequestView,
    WaitReason,
)
from bot.domain.money import CEILING_MAX, CENT, Micros, format_usd
from bot.domain.pasted import Reading, WhyNot
from bot.domain.picking import Doubt, Filters, LeftOut, Why
from bot.domain.plain_text import clean_line, escape
from bot.domain.states import FINAL_STATES, LineState, RequestState
from bot.domain.trade_url import TRADE_URL_PAGE
from bot.errors import Problem, UserFacingError
from bot.services.approvals import CardPlace, Reposted, Where
from bot.services.asking import AskedAgain
from bot.services.baskets import Left
from bot.services.books import BooksReport
from bot.services.catalogue import PriceAge, TroubleKind
from bot.services.money import MoneyReport, Sums
from bot.services.pasting import READ_AT_ONCE, LineLeft, Option, Pasted
from bot.services.pauses import LIFTED_BY_OPERATORS, Resumed
from bot.services.ports import Paused
from bot.services.repricing import Moved, Question
from bot.services.steam_accounts import Lately
from bot.skinsback.refusals import TOO_MANY_FAILURES, RefusalKind, rule_for
from bot.ui.cards.frame import Frame
from bot.ui.checks import PlaceFinding, RoleFinding, SetupFindings

# Slash commands.

CMD_REQUEST_NAME: Final = "request"
CMD_REQUEST: Final = "Ask for skins: opens your basket, which only you see"
CMD_REQUEST_ITEM: Final = "A skin to put into the basket; start typing its name"
CMD_REQUEST_QUANTITY: Final = "How many of it you would like; 1 if left out"
CMD_REQUEST_MAX_PRICE: Final = "The most that one may cost, in dollars, like 12.50"
CHOICE_SEPARATOR: Final = " · "
FOR_SALE: Final = "{price} · {count} for sale"
SOLD_OUT: Final = "sold out"
GAME_NAMES: Final[Mapping[str, str]] = {"cs2": "CS2", "dota2": "Dota 2", "rust": "Rust"}
CMD_MY_REQUESTS_NAME: Final = "my-requests"
CMD_MY_REQUESTS: Final = "Your requests: where each one stands and what happened to every skin"
CMD_MY_REQUESTS_NUMBER: Final = "Go straight to one request by its number"
CMD_SKINS_NAME: Final = "skins"
CMD_SKINS: Final = "Look through the market, with pictures, and put skins into your basket"
CMD_SKINS_ITEM: Final = "A name or parts of it, like redline ft; leave it out to see everything"
CMD_TRADE_URL_NAME: Final = "trade-url"
CMD_TRADE_URL: Final = "See, change or forget the Trade URL that your skins are sent to"
CMD_APPROVALS_NAME: Final = "approvals"
CMD_APPROVALS: Final = "For moderators: the requests that wait for you, or one of them"
CMD_APPROVALS_NUMBER: Final = "Go straight to one request by its number"
CMD_SETUP_NAME: Final = "setup"
CMD_SETUP: Final = "Choose who approves, where requests and results go, and the limits"
CMD_QUARTERMASTER_NAME: Final = "quartermaster"
CMD_QUARTERMASTER: Final = (
    "For people who manage this server: pause, resume, the books and the balance"
)
CMD_PAUSE_NAME: Final = "pause"
CMD_PAUSE: Final = "Buy nothing more for this server until it is resumed; deciding goes on"
CMD_PAUSE_REASON: Final = "Why; the moderators read it in the approval channel"
CMD_RESUME_NAME: Final = "resume"
CMD_RESUME: Final = (
    "Lift the pause of this server; who runs the bot also lifts what paused by itself"
)
CMD_BOOKS_NAME: Final = "books"
CMD_BALANCE_NAME: Final = "balance"
CMD_BALANCE: Final = "Where the money is: balance, held, on its way, not delivered, spent"
CMD_BOOKS: Final = "Whether our records agree with what the market says was bought"

COMMAND_NAMES: Final = (
    CMD_REQUEST_NAME,
    CMD_MY_REQUESTS_NAME,
    CMD_SKINS_NAME,
    CMD_TRADE_URL_NAME,
    CMD_APPROVALS_NAME,
    CMD_SETUP_NAME,
    CMD_QUARTERMASTER_NAME,
)
SUBCOMMAND_NAMES: Final = (
    f"{CMD_QUARTERMASTER_NAME} {CMD_PAUSE_NAME}",
    f"{CMD_QUARTERMASTER_NAME} {CMD_RESUME_NAME}",
    f"{CMD_QUARTERMASTER_NAME} {CMD_BOOKS_NAME}",
    f"{CMD_QUARTERMASTER_NAME} {CMD_BALANCE_NAME}",
)


# Small parts.

SANDBOX: Final = "-# 🧪 Sandbox: this is a rehearsal, no skin and no dollar in it is real."
LIST_MORE_DETAILS: Final = "… and {n} more: press **Details**"
LIST_MORE: Final = "… and {n} more"
AND_MORE: Final = "and {n} more"


def plural(n: int, one: str, many: str) -> str:
    """Return ``one`` or ``many`` with ``{n}`` filled in."""
    return (one if n == 1 else many).format(n=f"{n:,}")


def skins(n: int) -> str:
    """Return "1 skin" or "9 skins"."""
    return plural(n, "{n} skin", "{n} skins")


def requests(n: int) -> str:
    """Return "1 request" or "3 requests"."""
    return plural(n, "{n} request", "{n} requests")


def usd(amount: Micros) -> str:
    """Return an amount of money as people read it."""
    return format_usd(amount)


def person(user_id: int) -> str:
    """Return the mention of a member."""
    return f"<@{user_id}>"


def role(role_id: int) -> str:
    """Return the mention of a role."""
    return f"<@&{role_id}>"


def channel(channel_id: int) -> str:
    """Return the mention of a channel."""
    return f"<#{channel_id}>"


def ago(at: int) -> str:
    """Return a moment (unix milliseconds) as Discord counts to it: "2 minutes ago"."""
    return f"<t:{at // 1000}:R>"


def moment(at: int) -> str:
    """Return a moment (unix milliseconds) as date and time on the reader's clock."""
    return f"<t:{at // 1000}:f>"


def clock_time(at: int) -> str:
    """Return a moment (unix milliseconds) as the time of day, never a later one than it is."""
    return f"<t:{at // 60_000 * 60}:t>"


def day(at: int) -> str:
    """Return a moment (unix milliseconds) as a date, never an earlier one than it is."""
    return f"<t:{-(-at // 3_600_000) * 3_600}:D>"


def until_when(at: int) -> str:
    """Return a moment (unix milliseconds) on the reader's clock, and how far away it is."""
    return f"{moment(at)} ({ago(at)})"


def command(frame: Frame, name: str) -> str:
    """Return a command as a reader can press it, or in plain letters while its id is unknown."""
    command_id = frame.commands.get(name.partition(" ")[0])
    return f"`/{name}`" if command_id is None else f"</{name}:{command_id}>"


def choice_about(price: Micros, count: int, game: str = "") -> str:
    """Return what stands behind a name in the list that appears while somebody types.

    ``game``: named where the skin's name alone doesn't tell it.
    """
    return CHOICE_SEPARATOR + stock_of(price, count, game)


def stock_of(price: Micros, count: int, game: str = "") -> str:
    """Return what a skin costs and how many there are, for a menu; of which game, if given."""
    words = SOLD_OUT if count == 0 else FOR_SALE.format(price=usd(price), count=f"{count:,}")
    return words + CHOICE_SEPARATOR + game_name(game) if game else words


def game_name(game: str) -> str:
    """Return what people call a game of the market."""
    return GAME_NAMES.get(game, game)


DOUBT_SIGN: Final = "⚠"
DOUBT_DEAR: Final = "{times} times its usual {usual}"
DOUBT_FEW: Final = "only {count} for sale"


def doubts_in_words(priced: Quote | Pick | Line) -> str:
    """Return why a price deserves a second look, behind a sign; "" if it doesn't.

    Like "⚠ 4.2 times its usual $12.40, only 2 for sale". It has nothing to be escaped, so it can
    stand in a label too.
    """
    price, stock = (
        (priced.price, priced.count) if isinstance(priced, Quote) else (priced.quote, priced.stock)
    )
    words = []
    if Doubt.DEAR in priced.doubts and priced.usual:
        times = _times(price, priced.usual)
        words.append(DOUBT_DEAR.format(times=times, usual=usd(priced.usual)))
    if Doubt.FEW in priced.doubts:
        words.append(DOUBT_FEW.format(count=stock))
    return f"{DOUBT_SIGN} {', '.join(words)}" if words else ""


def _times(price: Micros, usual: Micros) -> str:
    """Return how many times one is the other: with a tenth as long as that tells anything."""
    tenths = price * 10 // usual
    return f"{tenths // 10}.{tenths % 10}" if tenths < 100 else f"{tenths // 10:,}"


MARK_SOLD_OUT: Final = "⚠ sold out at the moment"
MARK_ABOVE_CEILING: Final = "⚠ costs more than your limit now"


def with_marks(row: str, pick: Pick) -> str:
    """Return a row about a pick, with a line below it for what a member should notice.

    Whether it can be had at all stands before what is doubtful about its price.
    """
    marks = doubts_in_words(pick)
    if pick.sold_out:
        marks = MARK_SOLD_OUT
    elif pick.out_of_reach:
        marks = MARK_ABOVE_CEILING
    return f"{row}\n{marks}" if marks else row


def offer_of(quote: Quote, game: str = "") -> str:
    """Return what a skin costs, how many there are, and what is doubtful about that, each once.

    ``game``: as ``stock_of`` has it.
    """
    if Doubt.FEW not in quote.doubts:
        return with_doubts(stock_of(quote.price, quote.count, game), quote)
    price = usd(quote.price) + (CHOICE_SEPARATOR + game_name(game) if game else "")
    return with_doubts(price, quote)


def with_doubts(row: str, priced: Quote | Pick | Line) -> str:
    """Return a row about a price with what is doubtful about it at its end."""
    doubts = doubts_in_words(priced)
    return f"{row}{ROW_DOUBTS.format(doubts=doubts)}" if doubts else row


NOTE_OF: Final = "Note from {member}:"
NOTE_OF_YOURS: Final = "Your note:"
REASON_OF: Final = "{moderator} gave this reason:"


def quoted(words: str) -> str:
    """Return what a person wrote as a quotation, one line of it, harmless.

    What stands over it says whose words these are, so that they never pass for the bot's own.
    """
    return f"> {escape(clean_line(words, length_max=NOTE_MAX))}"


def note_in_words(request: Request, *, for_member: bool = False) -> str:
    """Return a request's note under the name of who wrote it; "" if there is none."""
    if not request.note:
        return ""
    whose = NOTE_OF_YOURS if for_member else NOTE_OF.format(member=person(request.user_id))
    return f"{whose}\n{quoted(request.note)}"


def denial_in_words(request: Request) -> str:
    """Return the reason of a denial under the name of who gave it; "" if there is none."""
    if request.state is not RequestState.DENIED or not request.decision_reason:
        return ""
    by = A_MODERATOR if request.decided_by is None else person(request.decided_by)
    return f"{REASON_OF.format(moderator=by)}\n{quoted(request.decision_reason)}"


def with_code(sentence: str, code: int | None) -> str:
    """Return a sentence for moderators with the market's code at its end."""
    return sentence if code is None else f"{sentence} (code {code})"


def _fill(template: str, frame: Frame, **values: str | int) -> str:
    commands = {
        f"cmd_{name.replace('-', '_').replace(' ', '_')}": command(frame, name)
        for name in (*COMMAND_NAMES, *SUBCOMMAND_NAMES)
    }
    return template.format(**commands, trade_url_page=TRADE_URL_LINK, **values)


def placeholders(template: str) -> frozenset[str]:
    """Return the details that ``template`` needs, without those that are always there."""
    names = {name for _, name, _, _ in string.Formatter().parse(template) if name}
    return frozenset(
        name for name in names if not name.startswith("cmd_") and name != "trade_url_page"
    )


TRADE_URL_LINK: Final = f"[your Trade URL page at Steam]({TRADE_URL_PAGE})"


# Problems: what can be wrong with what a person did.
# The first sentence whose details were all given is shown, so the last one needs none.

PROBLEMS: Final[Mapping[Problem, str | tuple[str, ...]]] = {
    Problem.TRADE_URL_EMPTY: (
        "The field was empty, so nothing was saved. Copy the whole Trade URL from "
        "{trade_url_page} and paste it."
    ),
    Problem.TRADE_URL_TOO_LONG: (
        (
            "That text is longer than {length_max} characters, too long to look for a Trade URL "
            "in it, so nothing was saved. Paste only the URL itself, from {trade_url_page}."
        ),
        (
            "That text is too long to look for a Trade URL in it, so nothing was saved. Paste "
            "only the URL itself, from {trade_url_page}."
        ),
    ),
    Problem.TRADE_URL_NOT_A_LINK: (
        "There is no Trade URL in that text, so nothing was saved. It begins with "
        "`https://steamcommunity.com/tradeoffer/new/` and stands on {trade_url_page}."
    ),
    Problem.TRADE_URL_PROFILE_LINK: (
        "That link leads to a Steam profile; to send you skins I need your *Trade URL*, which is "
        "another one. Nothing was saved. You find it on {trade_url_page}, a little further down."
    ),
    Problem.TRADE_URL_OTHER_STEAM_PAGE: (
        "That link leads to another page of Steam. Nothing was saved. The one I need begins with "
        "`https://steamcommunity.com/tradeoffer/new/` and stands on {trade_url_page}."
    ),
    Problem.TRADE_URL_FOREIGN_HOST: (
        (
            "That link leads to **{host}**, which is not Steam, and I haven't saved it. If "
            "somebody sent it to you, leave it closed and don't log in there. Your own Trade URL "
            "stands on {trade_url_page}."
        ),
        (
            "That link doesn't lead to Steam, and I haven't saved it. If somebody sent it to you, "
            "leave it closed and don't log in there. Your own Trade URL stands on "
            "{trade_url_page}."
        ),
    ),
    Problem.TRADE_URL_PARTNER_MISSING: (
        "A part of this Trade URL is missing: the number after `partner=`. Nothing was saved. "
        "Steam's own **Copy** button takes the whole of it: {trade_url_page}."
    ),
    Problem.TRADE_URL_PARTNER_WRONG: (
        "The number after `partner=` in this Trade URL can't be a Steam account. Nothing was "
        "saved. Please copy the URL once more with Steam's **Copy** button: {trade_url_page}."
    ),
    Problem.TRADE_URL_PARTNER_STEAM_ID: (
        "After `partner=` stands a long SteamID, where Steam puts a shorter number. Nothing was "
        "saved. Please copy the URL as Steam shows it: {trade_url_page}."
    ),
    Problem.TRADE_URL_TOKEN_MISSING: (
        "The end of this Trade URL is missing: `token=` and the 8 characters after it. Nothing "
        "was saved. Steam's own **Copy** button takes the whole of it: {trade_url_page}."
    ),
    Problem.TRADE_URL_TOKEN_CUT_OFF: (
        (
            "This Trade URL is cut off: after `token=` come {expected} characters, and here there "
            "are {length}. Nothing was saved. Steam's own **Copy** button takes the whole of it: "
            "{trade_url_page}."
        ),
        (
            "This Trade URL is cut off at its end. Nothing was saved. Steam's own **Copy** button "
            "takes the whole of it: {trade_url_page}."
        ),
    ),
    Problem.TRADE_URL_TOKEN_TOO_LONG: (
        (
            "After `token=` in a Trade URL come {expected} characters, and here there are "
            "{length}: perhaps something was typed behind it. Nothing was saved. Please copy it "
            "once more: {trade_url_page}."
        ),
        (
            "There is something behind the end of this Trade URL. Nothing was saved. Please copy "
            "it once more: {trade_url_page}."
        ),
    ),
    Problem.TRADE_URL_TOKEN_WRONG: (
        "After `token=` stand characters that Steam doesn't use there. Nothing was saved. Please "
        "copy the URL once more with Steam's **Copy** button: {trade_url_page}."
    ),
    Problem.TRADE_URL_CONFLICTING: (
        (
            "This Trade URL says `{parameter}=` twice, and differently each time. Nothing was "
            "saved. Please copy it once more: {trade_url_page}."
        ),
        (
            "This Trade URL says one thing twice, and differently each time. Nothing was saved. "
            "Please copy it once more: {trade_url_page}."
        ),
    ),
    Problem.TRADE_URL_SEVERAL: (
        "There is more than one Trade URL in that text, and I won't guess which is yours. Nothing "
        "was saved. Please paste only your own, from {trade_url_page}."
    ),
    Problem.TRADE_URL_UNKNOWN: (
        "I don't know yet where your skins should go. Nothing was sent. Enter your Trade URL "
        "once, with the button or with {cmd_trade_url}, and go on."
    ),
    Problem.PRICE_WRONG: (
        (
            "I can't read “{typed}” as a price. Nothing was changed. Write it in dollars and "
            "cents, like `12.50`."
        ),
        (
            "I can't read that as a price. Nothing was changed. Write it in dollars and cents, "
            "like `12.50`."
        ),
    ),
    Problem.PRICE_TOO_LOW: (
        "“{typed}” is less than a cent. Nothing was changed. The lowest price is `0.01`.",
        "That is less than a cent. Nothing was changed. The lowest price is `0.01`.",
    ),
    Problem.PRICE_TOO_HIGH: (
        (
            "“{typed}” is more than any skin costs: the highest price is {highest}. Nothing was "
            "changed."
        ),
        "That is more than any skin costs. Nothing was changed.",
    ),
    Problem.QUANTITY_WRONG: (
        (
            "I can't take “{typed}” as a number of skins. Nothing was changed. Write a whole "
            "number from 1 to {highest}."
        ),
        (
            "I can't take that as a number of skins. Nothing was changed. Write a whole number, "
            "like `1`."
        ),
    ),
    Problem.LISTING_ID_WRONG: (
        (
            "“{typed}” isn't a listing number: those are digits only. Nothing was added. Leave "
            "the field empty to get the cheapest one."
        ),
        (
            "That isn't a listing number: those are digits only. Nothing was added. Leave the "
            "field empty to get the cheapest one."
        ),
    ),
    Problem.SKIN_EMPTY: (
        "No skin was named, so nothing was added. Type a part of its name, like `redline ft`."
    ),
    Problem.LISTING_ALONE: (
        (
            "“{typed}” is only a number, and a listing is found by the name of its skin. Nothing "
            "was added. Write both, like `AK-47 | Redline (Field-Tested) #62696971`."
        ),
        (
            "A listing is found by the name of its skin. Nothing was added. Write both, like "
            "`AK-47 | Redline (Field-Tested) #62696971`."
        ),
    ),
    Problem.SKIN_UNKNOWN: (
        (
            "The market has no skin called “{typed}”. Nothing was added, and your basket is as it "
            "was. Try fewer words, like `redline ft`."
        ),
        (
            "The market has no skin of that name. Nothing was added, and your basket is as it "
            "was. Try fewer words, like `redline ft`."
        ),
    ),
    Problem.SKIN_OUT_OF_STOCK: (
        (
            "Nobody sells **{skin}** at the moment. Nothing was added or sent, and your basket is "
            "as it was."
        ),
        (
            "Nobody sells that skin at the moment. Nothing was added or sent, and your basket is "
            "as it was."
        ),
    ),
    Problem.GAME_NOT_OFFERED: (
        (
            "This server no longer offers the game of **{skin}**. Nothing was added or sent, and "
            "your basket is as it was. Take out what is of that game to send the rest."
        ),
        (
            "This server no longer offers the game of that skin. Nothing was added or sent, and "
            "your basket is as it was. Take out what is of that game to send the rest."
        ),
    ),
    Problem.LISTING_GONE: (
        (
            "Listing {listing_id} of **{skin}** is not for sale. Nothing was added. Leave the "
            "number out to get the cheapest one."
        ),
        (
            "Listing {listing_id} is not for sale under that name. Nothing was added. Leave the "
            "number out to get the cheapest one."
        ),
        (
            "That listing is not for sale. Nothing was added. Leave the number out to get the "
            "cheapest one."
        ),
    ),
    Problem.LISTING_TWICE: (
        (
            "Listing {listing_id} is in your basket already, and there is only one of it. Nothing "
            "was changed."
        ),
        (
            "That listing is in your basket already, and there is only one of it. Nothing was "
            "changed."
        ),
    ),
    Problem.LISTING_QUANTITY: (
        "A listing number stands for one skin only, so it can't be asked for more than once. "
        "Nothing was changed. Leave the number out to get several."
    ),
    Problem.CEILING_BELOW_CHEAPEST: (
        (
            "The cheapest **{skin}** costs {cheapest} at the moment, more than your limit of "
            "{ceiling}. Nothing was changed or sent. Raise the limit, or leave it empty."
        ),
        (
            "The cheapest one costs more than your limit at the moment. Nothing was changed or "
            "sent. Raise the limit, or leave it empty."
        ),
    ),
    Problem.TOO_MANY_LINES: (
        (
            "A request holds {lines_max} skins here, and that would make {lines}. Nothing was "
            "added or sent, and your basket is as it was."
        ),
        (
            "That would be more skins than a request holds here. Nothing was added or sent, and "
            "your basket is as it was."
        ),
    ),
    Problem.BASKET_EMPTY: (
        "Your basket is empty, so there is nothing to send. Put a skin in first: {cmd_request}"
    ),
    Problem.BASKET_CHANGED: (
        "This is an old copy of your basket, so the tap did nothing. Here is the current one."
    ),
    Problem.PRICES_MOVED: (
        "Prices have moved once more since this was shown, so nothing was changed or sent. This is "
        "how they are now."
    ),
    Problem.SEARCH_FORGOTTEN: (
        "That search is too long ago, so the tap did nothing. Press **Add skins** to look again."
    ),
    Problem.CATALOGUE_MISSING: (
        "I have no price list of the market yet, so nothing can be added. Your basket is as it "
        "was. Please try again in a minute."
    ),
    Problem.TOO_MANY_OPEN: (
        (
            "You have {open} open already ({numbers}), and can have {open_max} at a time. Nothing "
            "was sent, and your basket is kept: send it as soon as one is done, or cancel one in "
            "{cmd_my_requests}"
        ),
        (
            "You have as many open requests as you can have at a time. Nothing was sent, and your "
            "basket is kept: send it as soon as one is done, or cancel one in {cmd_my_requests}"
        ),
    ),
    Problem.NO_SUCH_REQUEST: (
        (
            "There is no request #{number} of yours here. {cmd_my_requests} lists those that "
            "there are."
        ),
        "There is no such request of yours here. {cmd_my_requests} lists those that there are.",
    ),
    Problem.TOO_LATE_TO_CANCEL: (
        (
            "Request #{number} can't be cancelled any more: buying has begun, or it was over "
            "before. {cmd_my_requests} shows what becomes of it."
        ),
        (
            "This request can't be cancelled any more: buying has begun, or it was over before. "
            "{cmd_my_requests} shows what becomes of it."
        ),
    ),
    Problem.NOTE_TOO_LONG: (
        (
            "The note is longer than {length_max} characters. The one from before was kept; "
            "please shorten it."
        ),
        "The note is too long. The one from before was kept; please shorten it.",
    ),
    Problem.OWN_REQUEST: (
        "This is your own request, so somebody else has to decide it. Nothing was changed."
    ),
    Problem.OWN_STEAM_ACCOUNT: (
        "These skins would go to your own Steam account, so somebody else has to decide. "
        "Nothing was changed."
    ),
    Problem.NOT_APPROVER: (
        "Only {role_id} can use these buttons. Nothing was changed.",
        "Only moderators with the approver role can use these buttons. Nothing was changed.",
    ),
    Problem.NOT_MODERATOR: (
        "Only {role_id} can look through the requests of this server.",
        "Only moderators with the approver role can look through the requests of this server.",
    ),
    Problem.NO_REQUEST_HERE: (
        "This server has no request #{number}. {cmd_approvals} lists those that wait for you.",
        "This server has no such request. {cmd_approvals} lists those that wait for you.",
    ),
    Problem.ALREADY_DECIDED: (
        ("Request #{number} was decided by {user_id} {decided_at}. Nothing changed by your click."),
        "Request #{number} isn't open to a decision any more. Nothing changed by your click.",
        "This request isn't open to a decision any more. Nothing changed by your click.",
    ),
    Problem.REQUEST_CHANGED: (
        (
            "Request #{number} has changed since you opened it, so nothing was decided. Please "
            "look at the new version."
        ),
        (
            "This request has changed since you opened it, so nothing was decided. Please look at "
            "the new version."
        ),
    ),
    Problem.TOO_LATE_TO_TAKE_BACK: (
        (
            "This approval can't be taken back any more: the request is {state}. Nothing changed "
            "by your click."
        ),
        "This approval can't be taken back any more. Nothing changed by your click.",
    ),
    Problem.REASON_EMPTY: (
        "A denial needs a reason, because the member reads it. Nothing was decided. One sentence "
        "is enough."
    ),
    Problem.READY_NOT_APPROVED: (
        (
            "Request #{number} isn't approved at the moment: its approval was taken back. Nothing "
            "was bought. You are asked again when a moderator approves it anew."
        ),
        (
            "This request isn't approved at the moment. Nothing was bought. You are asked again "
            "when a moderator approves it anew."
        ),
    ),
    Problem.READY_ALREADY: (
        (
            "Request #{number} is on its way already; nothing is bought twice by this. "
            "{cmd_my_requests} shows what becomes of it."
        ),
        (
            "This request is on its way already; nothing is bought twice by this. "
            "{cmd_my_requests} shows what becomes of it."
        ),
    ),
    Problem.READY_TOO_LATE: (
        (
            "Request #{number} has expired. Nothing was bought, and nothing is held for it any "
            "more. You can ask again: {cmd_request}"
        ),
        (
            "This request has expired. Nothing was bought, and nothing is held for it any more. "
            "You can ask again: {cmd_request}"
        ),
    ),
    Problem.READY_OVER: (
        "Request #{number} is {state}, so nothing is bought. You can ask again: {cmd_request}",
        "This request is over, so nothing is bought. You can ask again: {cmd_request}",
    ),
    Problem.PAUSE_REASON_EMPTY: (
        "A pause needs a reason, because the moderators read it. Nothing was paused. One sentence "
        "is enough."
    ),
    Problem.PAUSED_ALREADY: (
        (
            "Buying is paused here already, since {since} by {user_id}: “{reason}”. Nothing was "
            "changed. {cmd_quartermaster_resume} lifts it."
        ),
        "Buying is paused here already. Nothing was changed. {cmd_quartermaster_resume} lifts it.",
    ),
    Problem.NOT_PAUSED: "Buying isn't paused here, so there was nothing to lift.",
    Problem.NOTHING_TO_CHECK: (
        (
            "There is nothing left to check: everything about request #{number} is known, and it "
            "is {state}. Nothing changed by your click."
        ),
        "There is nothing left to check here. Nothing changed by your click.",
    ),
    Problem.CHECKED_JUST_NOW: (
        (
            "The market was asked about this {since}. Please wait a few seconds before you ask "
            "again; nothing changed by your click."
        ),
        "The market was asked about this a moment ago. Nothing changed by your click.",
    ),
    Problem.ON_THE_WIRE: (
        (
            "Request #{number} is at the market at this moment, and its answer is waited for. "
            "Nothing changed by your click."
        ),
        "This is at the market at this moment. Nothing changed by your click.",
    ),
    Problem.SETTLE_REASON_EMPTY: (
        "Settling by hand needs a reason, which is kept with your name. Nothing was settled. One "
        "sentence is enough: how do you know?"
    ),
    Problem.SETTLE_TOO_EARLY: (
        (
            "I am still finding out by myself what became of request #{number}, so nothing can be "
            "settled by hand yet. Its card says so when a person is needed."
        ),
        "I am still finding out by myself. Nothing can be settled by hand yet.",
    ),
    Problem.SETTLE_CHANGED: (
        (
            "What is unknown about request #{number} has changed since you opened this; {user_id} "
            "settled some of it {decided_at}. Nothing changed by your click. This is how it is now."
        ),
        (
            "What is unknown about request #{number} has changed since you opened this, so "
            "nothing was settled. This is how it is now."
        ),
        "This has changed since you opened it, so nothing was settled.",
    ),
    Problem.NOTHING_TO_SETTLE: (
        (
            "Nothing of request #{number} is unknown any more; {user_id} settled it {decided_at}. "
            "Nothing changed by your click."
        ),
        (
            "Nothing of request #{number} is unknown any more: the market has answered meanwhile. "
            "Nothing changed by your click."
        ),
        "Nothing of this is unknown any more. Nothing changed by your click.",
    ),
    Problem.BUY_ID_WRONG: (
        (
            "I can't take “{typed}” as the number of a purchase: those are digits only. Nothing "
            "was settled. SkinsBack shows it as `buy_id`."
        ),
        (
            "I can't take that as the number of a purchase: those are digits only. Nothing was "
            "settled. SkinsBack shows it as `buy_id`."
        ),
    ),
    Problem.BUY_ID_BOOKED: (
        (
            "Purchase {buy_id} is booked already, for another skin, so it can't be this one. "
            "Nothing was settled. Please look for the number once more."
        ),
        (
            "This purchase is booked already, for another skin. Nothing was settled. Please look "
            "for the number once more."
        ),
    ),
    Problem.NOTHING_TO_TRY: (
        (
            "There is nothing to try again: request #{number} is {state}. Nothing changed by your "
            "click."
        ),
        "There is nothing to try again here. Nothing changed by your click.",
    ),
    Problem.TRIED_ALREADY: (
        (
            "{user_id} had request #{number} tried again {decided_at}. Nothing changed by your "
            "click; the card shows what comes of it."
        ),
        (
            "Request #{number} is being bought already. Nothing changed by your click; the card "
            "shows what comes of it."
        ),
        "This is being tried already. Nothing changed by your click.",
    ),
    Problem.TRY_AGAIN_TOO_LATE: (
        (
            "The approval of request #{number} has grown too old, so nothing more is bought for "
            "it. Nothing changed by your click; the member can ask again."
        ),
        (
            "This approval has grown too old, so nothing more is bought for it. Nothing changed "
            "by your click; the member can ask again."
        ),
    ),
    Problem.BALANCE_LOW: (
        (
            "Trying request #{number} again needs {needed}, and the balance at SkinsBack doesn't "
            "cover that beside what is approved already. Nothing was bought and nothing was "
            "changed. Please press again when it was topped up, or when other requests are through."
        ),
        (
            "The balance at SkinsBack doesn't cover this beside what is approved already. Nothing "
            "was bought and nothing was changed. Please press again when it was topped up."
        ),
    ),
    Problem.BALANCE_UNKNOWN: (
        "The market doesn't tell the balance at the moment, so I can't check that it covers this. "
        "Nothing was bought and nothing was changed. Please press again in a minute."
    ),
    Problem.STEAM_ACCOUNT_RESTS: (
        (
            "Request #{number} is not tried again yet: a trade to its Steam account could not be "
            "sent a short while ago, and the next one could not either. It can be tried from "
            "{until} on, or as soon as the member gives a new Trade URL. At this account in the "
            "last 24 hours: {lately}. Nothing changed by your click."
        ),
        (
            "Not tried again yet: a trade to this Steam account could not be sent a short while "
            "ago. It can be tried within an hour, or as soon as the member gives a new Trade URL. "
            "Nothing changed by your click."
        ),
    ),
    Problem.STEAM_ACCOUNT_REFUSED: (
        (
            "Request #{number} is not tried again yet: the market has paused trades to its Steam "
            "account after too many that came to nothing, and trying at once makes it worse. It "
            "can be tried from {until} on. At this account in the last 24 hours: {lately}. Nothing "
            "changed by your click. (code 10)"
        ),
        (
            "Not tried again yet: the market has paused trades to this Steam account after too "
            "many that came to nothing. It can be tried from {until} on. Nothing changed by your "
            "click. (code 10)"
        ),
        (
            "Not tried again yet: the market has paused trades to this Steam account. Nothing "
            "changed by your click. (code 10)"
        ),
    ),
    Problem.HERE_TOO_LATE: (
        (
            "It is too late for another try: the approval of request #{number} no longer counts. "
            "Nothing more is bought for it. You can ask again for what you are missing: "
            "{cmd_my_requests} shows the request with **Ask again for these**."
        ),
        (
            "It is too late for another try: the approval no longer counts. You can ask again for "
            "what you are missing: {cmd_my_requests}"
        ),
    ),
    Problem.HERE_TRIED_ALREADY: (
        (
            "Request #{number} is being tried again at this moment. Keep Steam open: you are told "
            "as soon as a trade waits."
        ),
        "It is being tried again at this moment. You are told as soon as a trade waits.",
    ),
    Problem.NOTHING_MISSED: (
        (
            "Nothing of request #{number} waits for another try of yours. {cmd_my_requests} shows "
            "what became of each skin."
        ),
        "Nothing waits for another try of yours. {cmd_my_requests} shows where things stand.",
    ),
    Problem.NOTHING_TO_ASK_AGAIN: (
        (
            "Nothing of request #{number} is left to ask for again. {cmd_my_requests} shows what "
            "became of each skin."
        ),
        "Nothing of it is left to ask for again. {cmd_my_requests} shows where things stand.",
    ),
    Problem.STILL_OPEN: (
        (
            "Request #{number} is still under way, so nothing was put into your basket. You can "
            "ask for the same again when it is over."
        ),
        "It is still under way, so nothing was put into your basket.",
    ),
    Problem.NOT_BACK_CHANGED: (
        (
            "What is open here has changed since you opened it; {user_id} booked some of it "
            "{decided_at}. Nothing was booked by your click. This is how it is now."
        ),
        (
            "What is open here has changed since you opened it. Nothing was booked by your click. "
            "This is how it is now."
        ),
    ),
    Problem.NOT_ALLOWED_TO_ASK: (
        "Only {role_ids} can ask for skins here. Nothing was changed.",
        ("Only some roles can ask for skins here, and you have none of them. Nothing was changed."),
    ),
    Problem.NOT_ADMINISTRATOR: (
        "This is for people who may manage the server. Nothing was changed."
    ),
    Problem.NOT_YOURS: (
        "This belongs to another member, and only they can use it. Nothing was changed. Yours is "
        "here: {cmd_my_requests}"
    ),
    Problem.SERVER_ONLY: ("This works in a server, not in direct messages. Nothing was changed."),
    Problem.SERVER_NOT_ALLOWED: (
        (
            "This server may not spend money yet, so nothing can be asked for here. The person "
            "who runs the bot has to add `{guild_id}` to `ALLOWED_GUILD_IDS`."
        ),
        (
            "This server may not spend money yet, so nothing can be asked for here. The person "
            "who runs the bot can allow it."
        ),
    ),
    Problem.NOT_SET_UP: (
        "Skins can't be asked for here yet: the set-up isn't finished. Somebody who manages the "
        "server can do that with {cmd_setup}"
    ),
    Problem.OUT_OF_DATE: (
        "This is out of date, and nothing was changed. {cmd_my_requests} shows where things stand."
    ),
    Problem.RESTARTING: (
        "I am being restarted; nothing was changed. Please try again in a minute."
    ),
    Problem.EVERYONE_AS_APPROVER: (
        "@\u200beveryone can't be the approver role: then every member could spend the server's "
        "money. The role from before was kept. Please choose another."
    ),
    Problem.CANNOT_POST_HERE: (
        "I can't post in this channel, so the panel isn't there. Allow me View Channel, Send "
        "Messages and Embed Links here, then press the button again."
    ),
    Problem.SETTING_WRONG: (
        "**{setting}** has to be a number from {lowest} to {highest}. Nothing was changed.",
        "One of these isn't a number in its range. Nothing was changed.",
    ),
    Problem.MARKET_UNREACHABLE: (
        "The market doesn't answer at the moment. Nothing was bought and nothing was changed. "
        "Please try again in a minute."
    ),
}


_QUOTES: Final = str.maketrans("“”", '""')
"""What a person typed stands between the others, and must not seem to end before it does."""


def _shown_text(value: str | int) -> str:
    return escape(clean_line(str(value), length_max=TYPED_NAME_MAX).translate(_QUOTES))


def shown_as_typed(typed: str) -> str:
    """Return what a person typed to be shown between quotation marks, harmless."""
    return _shown_text(typed)


def _shown_money(value: str | int) -> str:
    return usd(Micros(value)) if isinstance(value, int) else escape(value)


def _shown_number(value: str | int) -> str:
    return f"{value:,}" if isinstance(value, int) else escape(value)


def _shown_id(value: str | int) -> str:
    return str(value) if isinstance(value, int) else escape(value)


def _shown_roles(value: str | int) -> str:
    ids = [part for part in str(value).replace(",", " ").split() if part.isdecimal()]
    return ", ".join(role(int(part)) for part in ids)


def _shown_person(value: str | int) -> str:
    return person(int(value)) if str(value).isdecimal() else ""


def _shown_requests(value: str | int) -> str:
    return requests(value) if isinstance(value, int) else escape(value)


def _shown_time(value: str | int) -> str:
    return ago(value) if isinstance(value, int) else escape(value)


def _shown_reason(value: str | int) -> str:
    return escape(clean_line(str(value), length_max=REASON_MAX).translate(_QUOTES))


def _shown_until(value: str | int) -> str:
    return until_when(value) if isinstance(value, int) else escape(value)


def _shown_lately(value: str | int) -> str:
    counted = [part.partition(":") for part in str(value).split(",")]
    return lately_in_words({status: int(n) for status, _, n in counted if n.isdecimal()})


def _shown_state(value: str | int) -> str:
    known = {state.value: words for state, words in STATES.items()}
    return known.get(str(value), escape(str(value)))


DETAILS: Final[Mapping[str, Callable[[str | int], str]]] = {
    "typed": _shown_text,
    "skin": _shown_text,
    "host": _shown_text,
    "parameter": _shown_text,
    "setting": _shown_text,
    "lowest": _shown_number,
    "highest": _shown_number,
    "lines": _shown_number,
    "lines_max": _shown_number,
    "open": _shown_requests,
    "open_max": _shown_number,
    "numbers": _shown_text,
    "length": _shown_number,
    "expected": _shown_number,
    "length_max": _shown_number,
    "number": _shown_id,
    "listing_id": _shown_id,
    "guild_id": _shown_id,
    "cheapest": _shown_money,
    "needed": _shown_money,
    "ceiling": _shown_money,
    "role_id": _shown_roles,
    "role_ids": _shown_roles,
    "user_id": _shown_person,
    "decided_at": _shown_time,
    "since": _shown_time,
    "until": _shown_until,
    "lately": _shown_lately,
    "reason": _shown_reason,
    "buy_id": _shown_id,
    "state": _shown_state,
}
"""How each detail of a ``UserFacingError`` is shown; money is micros or text, times are unix ms."""

_IDS: Final = frozenset({"number", "listing_id", "guild_id", "role_id", "role_ids", "user_id"})


def _is_known(name: str, value: str | int) -> bool:
    """Say whether a detail is known; a sentence without it is shown otherwise."""
    return value != "" and not (name in _IDS and value in ("0", 0))


def sentences(problem: Problem) -> tuple[str, ...]:
    """Return what can be said about a problem, the fullest first; the last needs no details."""
    words = PROBLEMS[problem]
    return (words,) if isinstance(words, str) else words


def _shown_setting(details: Mapping[str, str | int]) -> dict[str, str]:
    """Return a setting as the form names it, and its range in the form's unit."""
    name = str(details.get("setting", ""))
    shown = {"setting": SETTING_NAMES.get(name, escape(name))}
    if name == "tolerance_bp":
        shown |= {
            end: percent(value)
            for end, value in details.items()
            if end in ("lowest", "highest") and isinstance(value, int)
        }
    return shown


def explain(error: UserFacingError, frame: Frame) -> str:
    """Return the sentence for what went wrong."""
    given = {
        name: DETAILS[name](value)
        for name, value in error.details.items()
        if name in DETAILS and _is_known(name, value)
    }
    if error.problem is Problem.SETTING_WRONG:
        given |= _shown_setting(error.details)
    template = next(
        words for words in sentences(error.problem) if placeholders(words) <= given.keys()
    )
    return _fill(template, frame, **given)


BROKE_NOTHING_BOUGHT: Final = (
    "Something went wrong on our side, and nothing was bought by it. Please try once more; if it "
    "happens again, give a moderator this reference: **{reference}**"
)
BROKE: Final = (
    "Something went wrong on our side. What was sent or approved before is kept, and nothing is "
    "bought twice. If it happens again, give a moderator this reference: **{reference}**"
)


def something_broke(reference: str, nothing_bought: bool) -> str:
    """Return what a person reads about a fault of ours; the reference stands in the log."""
    return (BROKE_NOTHING_BOUGHT if nothing_bought else BROKE).format(reference=escape(reference))


# Why a skin was not bought, and what a request waits for.


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was not bought: over a group, to the member, to a moderator.

    ``again``: to a moderator whose card offers to try it again, where that can help.
    ``member_again``: to a member who is offered what may help.
    """

    heading: str
    member: str
    moderator: str
    again: str = ""
    member_again: str = ""


REFUSALS: Final[Mapping[RefusalKind, Reason]] = {
    RefusalKind.INSUFFICIENT_FUNDS: Reason(
        "the skin balance was too low",
        "The server's skin balance was too low at that moment. Nothing was paid, and the "
        "moderators can see it. Ask again once it is topped up: {cmd_request}",
        "The SkinsBack balance was too low for this. Nothing was paid. Top it up at SkinsBack; "
        "then the member can ask again.",
        "The SkinsBack balance was too low for this. Nothing was paid. Top it up at SkinsBack, "
        "then press **Try again**.",
    ),
    RefusalKind.SKIN_UNAVAILABLE: Reason(
        "sold to someone else",
        "Somebody else was a moment faster. Nothing was paid. You can ask again, for the next one "
        "on sale: {cmd_request}",
        "Sold to somebody else while we were buying. Nothing was paid. A new request looks for "
        "what is on sale then.",
        "Sold to somebody else while we were buying. Nothing was paid. **Try again** looks for new "
        "ones.",
    ),
    RefusalKind.PRICE_ROSE: Reason(
        "now above the approved price",
        "The price rose above what was approved. Nothing was paid. You can ask again at today's "
        "price: {cmd_request}",
        "The price rose above the approved ceiling before we could buy. Nothing was paid. The "
        "member can send a new request at today's price.",
        "The price rose above the approved ceiling before we could buy. Nothing was paid. **Try "
        "again** helps only if the price falls; otherwise the member can send a new request.",
    ),
    RefusalKind.KEY_EXISTS: Reason(
        "being checked with the market",
        "One purchase is being checked with the market: it may have gone through before. There is "
        "nothing you need to do; please don't ask for it again.",
        "The market knows this purchase key already, so the skin may have been bought before. It "
        "is not bought under another key. Do not buy it by hand.",
    ),
    RefusalKind.PARTNER_WRONG: Reason(
        "the market doesn't know the Steam account",
        "The market doesn't know the Steam account in your Trade URL. Nothing was bought. Copy the "
        "whole URL from Steam once more and press **New Trade URL**; your request then goes on.",
        "The market doesn't know the Steam account in the member's Trade URL. Nothing was "
        "bought. The member has been asked for another one; a different Steam account needs a "
        "new approval.",
    ),
    RefusalKind.TOKEN_WRONG: Reason(
        "the Trade URL has stopped working",
        "Your Trade URL no longer works; that is so whenever Steam makes a new one. Nothing was "
        "bought. Press **New Trade URL** and your request goes on.",
        "The member's Trade URL no longer works. Nothing was bought. The member has been asked for "
        "the new one; if it is for the same Steam account, the approval still counts.",
    ),
    RefusalKind.TOO_MANY_FAILURES: Reason(
        "trades to this Steam account are paused",
        "The market has paused trades to your Steam account, because too many lately were not "
        "accepted in time or could not be sent. Nothing was bought, and your request is kept. Make "
        "sure that you can trade in Steam, then wait: the market doesn't say how long.",
        "The market has paused trades to this Steam account after too many that came to nothing. "
        "Nothing was bought. We ask again by ourselves, but not soon: hurrying makes it worse.",
    ),
    RefusalKind.MARKET_DISABLED: Reason(
        "the market is closed",
        "The market is closed at the moment. Nothing was bought. Your request keeps its place and "
        "goes on when it opens.",
        "The market is closed. Nothing was bought. We ask again by ourselves; requests can be "
        "approved and denied meanwhile.",
    ),
    RefusalKind.RATE_LIMITED: Reason(
        "in line at the market",
        "There is much to buy at once, and your request is in line. Nothing was bought yet, and "
        "there is nothing you need to do.",
        "All the calls that the market allows in a minute are used up. Nothing was bought. It goes "
        "on by itself in about a minute.",
    ),
    RefusalKind.MAINTENANCE: Reason(
        "market maintenance",
        "The market is being maintained. Nothing was bought. Your request keeps its place and goes "
        "on afterwards.",
        "The market is being maintained. Nothing was bought. We ask again by ourselves; requests "
        "can be approved and denied meanwhile.",
    ),
    RefusalKind.IP_REFUSED: Reason(
        "buying is switched off",
        "Buying is switched off for the moment, and the people who run the bot know. Nothing was "
        "bought, and your request is kept.",
        "The market refuses the internet address of the machine that the bot runs on. Nothing was "
        "bought, and buying is paused. The person who runs the bot has to allow that address in "
        "the SkinsBack merchant panel.",
    ),
    RefusalKind.CREDENTIALS_REFUSED: Reason(
        "buying is switched off",
        "Buying is switched off for the moment, and the people who run the bot know. Nothing was "
        "bought, and your request is kept.",
        "The market refuses our credentials. Nothing was bought, and buying is paused. The person "
        "who runs the bot has to put the right `SKINSBACK_CLIENT_ID` and `SKINSBACK_CLIENT_SECRET` "
        "into its settings and start it again.",
    ),
    RefusalKind.SHOP_INACTIVE: Reason(
        "buying is switched off",
        "Buying is switched off for the moment, and the people who run the bot know. Nothing was "
        "bought, and your request is kept.",
        "The market says that our merchant project is not active. Nothing was bought, and buying "
        "is paused. The person who runs the bot has to activate it at SkinsBack.",
    ),
    RefusalKind.BOT_FAULT: Reason(
        "buying is switched off",
        "Buying is switched off for the moment, and the people who run the bot know. Nothing was "
        "bought, and your request is kept.",
        "The market didn't understand our call. Nothing was bought, and buying is paused. That "
        "is a fault in the bot: the person who runs it should report it.",
    ),
    RefusalKind.UNKNOWN_CODE: Reason(
        "no clear answer from the market",
        "The market hasn't given a clear answer. This may or may not be bought, so please don't "
        "ask for it again. If Steam shows you a trade offer that gives you this skin and asks for "
        "nothing, accept it within 10 minutes.",
        "The market answered something that we don't know, so this may or may not be bought. We "
        "look it up, and nothing is bought twice. Do not buy it by hand.",
    ),
}

NO_LISTINGS: Final[Mapping[NoListing, Reason]] = {
    NoListing.SOLD_OUT: Reason(
        "sold out",
        "Nobody sold this when it was your turn. Nothing was paid. You can ask again when it is "
        "back: {cmd_request}",
        "Nobody sold this any more when we looked. Nothing was paid. The member can ask again when "
        "it is back.",
        "Nobody sold this any more when we looked. Nothing was paid. **Try again** looks for new "
        "ones.",
    ),
    NoListing.PRICE_ROSE: Reason(
        "now above the approved price",
        "The price rose above what was approved. Nothing was paid. You can ask again at today's "
        "price: {cmd_request}",
        "The cheapest one was above the approved ceiling when we looked. Nothing was paid. The "
        "member can send a new request at today's price.",
        "The cheapest one was above the approved ceiling when we looked. Nothing was paid. **Try "
        "again** helps only if the price falls; otherwise the member can send a new request.",
    ),
    NoListing.LISTING_GONE: Reason(
        "the chosen listing was gone",
        "The very listing that you chose was sold or taken down. Nothing was paid. You can ask for "
        "another one: {cmd_request}",
        "The chosen listing was gone when we looked, and another is never taken in its place. "
        "Nothing was paid. The member can pick another one.",
    ),
    NoListing.TOO_LATE: Reason(
        "not bought in time",
        "This could not be bought before the approval grew too old. Nothing was paid for it. You "
        "can ask again: {cmd_request}",
        "This could not be bought while the approval counted, which is 24 hours. Nothing was paid "
        "for it. The member can ask again.",
    ),
    NoListing.APPROVAL_LOST: Reason(
        "not known to be approved",
        "Our records were restored from an older copy, and what was decided about this skin is "
        "not in them, so nothing is bought for it. You can ask again: {cmd_request}",
        "The records were restored from an older copy. The market knows purchases of this request, "
        "but no approval of this skin is left, so nothing is bought for it. The member can ask "
        "again.",
    ),
}

UNKNOWN: Final = Reason(
    "no answer from the market yet",
    "The market hasn't confirmed this. It may or may not be bought, so please don't ask for it "
    "again. If Steam shows you a trade offer that gives you this skin and asks for nothing, accept "
    "it within 10 minutes.",
    "No clear answer from the market. These purchases may or may not exist, and their money stays "
    "held. We look them up, and nothing is bought twice. Do not buy them by hand.",
)
NEEDS_A_PERSON: Final = Reason(
    "it takes longer than usual",
    "It takes longer than usual to find out whether this was bought: it may or may not be. A "
    "person looks into it, and there is nothing you need to do; please don't ask for it again. If "
    "Steam shows you a trade offer that gives you this skin and asks for nothing, accept it within "
    "10 minutes.",
    "The market gave no clear answer and does not know these purchases. They may or may not exist. "
    "**Do not buy them by hand.** Somebody who manages the server looks into the SkinsBack panel "
    "and settles them.",
)
SETTLED: Final = Reason(
    "settled as not bought",
    "A person has looked into it: this was not bought. As far as anybody knows, nothing was paid. "
    "You can ask again: {cmd_request}",
    "Settled by hand as not bought. As far as anybody knows, nothing was paid. We go on looking "
    "for it for 8 days and raise an alarm if it turns up.",
    "Settled by hand as not bought. As far as anybody knows, nothing was paid. **Try again** buys "
    "it anew; if the first purchase did exist after all, that makes two.",
)
SOLD_OUT_MEANWHILE: Final = (
    "Sold out while we were buying: {listings} tried, and none is left up to the approved ceiling. "
    "Nothing was paid."
)
SOLD_MEANWHILE: Final = "Sold to others while we were buying: {listings} tried. Nothing was paid."
DEARER_MEANWHILE: Final = (
    "Dearer than approved, or gone, by the time we bought: {listings} tried. Nothing was paid."
)
LOOKS_FOR_NEW_ONES: Final = "{sentence} **Try again** looks for new ones."

_PAID_ALL_THE_SAME: Final = (
    "Its money was paid, and nobody knows yet whether it comes back. It counts as spent."
)
_SEEN_BACK: Final = "Its money was booked as back."
_TRY_AGAIN_ASKS_FIRST: Final = (
    "**Try again** asks the market first, and buys anew only if it still says so."
)


def _undelivered(
    heading: str, member: str, moderator: str, *, again: str = "", member_again: str = ""
) -> Reason:
    """``again`` and ``member_again`` are what is added where it can be tried again."""
    helps = f"{moderator} {again} {_TRY_AGAIN_ASKS_FIRST}".replace("  ", " ")
    return Reason(heading, member, moderator, helps, f"{member} {member_again}".strip())


_MODERATORS_CAN: Final = "A moderator can send it again."
LOST_HERE: Final = (
    "You said {when} that you are there, and the moderators know: one of them can send it again."
)
LOST_NEW_URL: Final = (
    "You gave a new Trade URL {when}, and the moderators know: one of them can send it again."
)
LOST_ASK_AGAIN: Final = (
    "It can't be sent again under this approval. **Ask again for these** puts it into your basket."
)
MEMBER_RESTS: Final = (
    "Nothing can be sent to your Steam account before {when}, unless you give a **New Trade URL**."
)

UNDELIVERED: Final[Mapping[str, Reason]] = {
    OfferStatus.TIMEOUT: _undelivered(
        "not accepted in time",
        "This was bought, but its trade was not accepted within 10 minutes, so it was cancelled.",
        "The trade was not accepted within 10 minutes, so it was cancelled.",
        again="Better when the member is there: they are asked to press **I'm here**.",
        member_again=(
            "A moderator can send it again: press **I'm here** when you have Steam open, and they "
            "are told."
        ),
    ),
    OfferStatus.CANCELED: _undelivered(
        "the trade was declined",
        "This was bought, but its trade was declined in Steam.",
        "The trade was declined in Steam.",
        again="Ask the member first whether they want it.",
        member_again=(
            "If that was a slip, tell a moderator: they can send it again. You only ever receive; "
            "an offer that asks for anything of yours is not from us."
        ),
    ),
    OfferStatus.INVALID_TRADE_TOKEN: _undelivered(
        "the Trade URL has stopped working",
        "This was bought, but its trade could not be sent: your Trade URL had stopped working; "
        "that is so whenever Steam makes a new one.",
        "The trade could not be sent: the member's Trade URL had stopped working.",
        again="It helps once there is a new Trade URL; the member is asked for one.",
        member_again=(
            "Press **New Trade URL** and enter the one that Steam shows now; then a moderator can "
            "send it again."
        ),
    ),
    OfferStatus.USER_NOT_TRADABLE: _undelivered(
        "this Steam account can't trade at the moment",
        "This was bought, but Steam doesn't let your account trade at the moment. That is often "
        "so after a new phone, a new password or a ban; Steam says more on {trade_url_page}.",
        "Steam doesn't let the member's account trade at the moment; often that is so after a new "
        "phone, a new password or a ban.",
        again="It helps once the account can trade: ask the member.",
        member_again="Tell a moderator when it can trade again: they can send it once more.",
    ),
    OfferStatus.TRADE_CREATE_ERROR: _undelivered(
        "the trade could not be made",
        "This was bought, but Steam did not make the trade. It is nothing that you did.",
        "Steam did not make the trade; that often passes by itself.",
        member_again=_MODERATORS_CAN,
    ),
    OfferStatus.ROLLBACK_USER: _undelivered(
        "returned under Steam's trade protection",
        "This was delivered, and then your account returned it under Steam's trade protection. "
        "If that wasn't you, somebody else may have access to your Steam account.",
        "It was delivered, and the member's account returned it under Steam's trade protection.",
        again="Ask the member first what happened.",
    ),
    OfferStatus.ROLLBACK_SUPPLIER: _undelivered(
        "taken back by its seller",
        "This was delivered, and then its seller took it back under Steam's trade protection. It "
        "is nothing that you did.",
        "It was delivered, and its seller took it back under Steam's trade protection.",
        member_again=_MODERATORS_CAN,
    ),
}
"""What became of purchases that the member does not have, by the market's status."""

UNDELIVERED_IN_PUBLIC: Final[Mapping[str, str]] = {
    OfferStatus.USER_NOT_TRADABLE: "This was bought, but its trade could not be sent.",
    OfferStatus.ROLLBACK_USER: "This was delivered, and returned under Steam's trade protection.",
}
"""Where what the member reads is for nobody else."""

UNDELIVERED_OTHERWISE: Final = _undelivered(
    "the trade came to nothing",
    "This was bought, but it did not reach you.",
    "The trade came to nothing.",
    member_again=_MODERATORS_CAN,
)

LATELY: Final[Mapping[str, tuple[str, str]]] = {
    OfferStatus.TIMEOUT: ("{n} not accepted in time", "{n} not accepted in time"),
    OfferStatus.CANCELED: ("{n} declined", "{n} declined"),
    OfferStatus.INVALID_TRADE_TOKEN: ("{n} wrong Trade URL", "{n} wrong Trade URLs"),
    OfferStatus.USER_NOT_TRADABLE: (
        "{n} while the account couldn't trade",
        "{n} while the account couldn't trade",
    ),
    OfferStatus.TRADE_CREATE_ERROR: ("{n} not made by Steam", "{n} not made by Steam"),
    OfferStatus.ROLLBACK_USER: ("{n} returned by the account", "{n} returned by the account"),
    OfferStatus.ROLLBACK_SUPPLIER: ("{n} taken back by a seller", "{n} taken back by sellers"),
}
"""How trades to a Steam account have failed lately, one and several of a kind."""

LATELY_NOTHING: Final = "no trade that we know of came to nothing"


def lately_in_words(failed: Mapping[str, int]) -> str:
    """Return how many trades to a Steam account have failed lately, by kind."""
    counted = [
        plural(failed[status], one, several)
        for status, (one, several) in LATELY.items()
        if failed.get(status)
    ]
    return ", ".join(counted) or LATELY_NOTHING


def lately_rows(lately: Lately) -> list[str]:
    """Return for moderators how trades to a Steam account have fared, and until when it rests."""
    rest = lately.rest
    if not lately.failed and rest is None:
        return []
    rows = [DETAILS_LATELY.format(lately=lately_in_words(lately.failed))]
    if rest is not None:
        refused = rest.reason is WaitReason.STEAM_ACCOUNT
        template = DETAILS_RESTS if refused else DETAILS_RESTS_URL
        rows.append(
            with_code(
                template.format(until=until_when(rest.until)),
                TOO_MANY_FAILURES if refused else None,
            )
        )
    return rows


MARKET_SAID: Final = "The market said: “{message}”"
MARKET_SAID_MAX: Final = 80


@dataclass(frozen=True, slots=True)
class Waiting:
    """What an approved request waits for: to the member, to a moderator."""

    member: str
    moderator: str


WAITS: Final[Mapping[WaitReason, Waiting]] = {
    WaitReason.PAUSED: Waiting(
        "Buying is paused at the moment. Your request is safe and goes on when it is resumed.",
        "Buying is paused. Nothing was bought, and this keeps its place.",
    ),
    WaitReason.SERVER_NOT_ALLOWED: Waiting(
        "Buying is switched off for this server at the moment. Your request is kept.",
        "This server may not spend money at the moment. Nothing was bought. The person who runs "
        "the bot can allow it.",
    ),
    WaitReason.MEMBER_GONE: Waiting(
        "You have left the server, so nothing is bought. Your request is kept in case you come "
        "back.",
        "The member has left the server. Nothing was bought; it goes on only if they come back.",
    ),
    WaitReason.BALANCE_LOW: Waiting(
        "The server's skin balance is too low at the moment. Nothing was bought, your request is "
        "kept, and the moderators' card says so.",
        "The SkinsBack balance doesn't cover this request beside what was approved before it. "
        "Nothing was bought. Top it up at SkinsBack and it goes on by itself.",
    ),
    WaitReason.CANNOT_TELL: Waiting(
        "Your request waits until I can write to Discord reliably: a trade leaves you only "
        "10 minutes, so you must hear of it at once. Nothing was bought yet.",
        "Messages to Discord are behind, and the member has only 10 minutes for a trade. Nothing "
        "was bought; it goes on when they are through.",
    ),
    WaitReason.MARKET_UNREACHABLE: Waiting(
        "The market doesn't answer at the moment. Nothing was bought. Your request keeps its "
        "place.",
        "The market can't be reached. Nothing was bought. We try again by ourselves.",
    ),
    WaitReason.MARKET_CLOSED: Waiting(
        REFUSALS[RefusalKind.MARKET_DISABLED].member,
        REFUSALS[RefusalKind.MARKET_DISABLED].moderator,
    ),
    WaitReason.MAINTENANCE: Waiting(
        REFUSALS[RefusalKind.MAINTENANCE].member, REFUSALS[RefusalKind.MAINTENANCE].moderator
    ),
    WaitReason.RATE_LIMIT: Waiting(
        REFUSALS[RefusalKind.RATE_LIMITED].member, REFUSALS[RefusalKind.RATE_LIMITED].moderator
    ),
    WaitReason.BOOKS_FIRST: Waiting(
        "The bot has just started and first checks with the market what was bought before. "
        "Nothing was bought since, and your request goes on by itself.",
        "The bot has just started. Before it sends anything it compares its records with the "
        "market's history. Nothing was bought since; it goes on by itself.",
    ),
    WaitReason.OPERATOR: Waiting(
        "Buying is switched off for the moment, and the people who run the bot know. Nothing was "
        "bought, and your request is kept.",
        "The market refuses us, and only the person who runs the bot can help. Nothing was bought.",
    ),
    WaitReason.FAULT: Waiting(
        "Something went wrong on our side. Nothing was bought, your request is kept, and it is "
        "tried again by itself.",
        "Something went wrong on our side. Nothing was bought. The person who runs the bot finds "
        "it in the log. It is tried again by itself.",
    ),
    WaitReason.TRADE_URL_PARTNER: Waiting(
        REFUSALS[RefusalKind.PARTNER_WRONG].member, REFUSALS[RefusalKind.PARTNER_WRONG].moderator
    ),
    WaitReason.TRADE_URL_TOKEN: Waiting(
        REFUSALS[RefusalKind.TOKEN_WRONG].member, REFUSALS[RefusalKind.TOKEN_WRONG].moderator
    ),
    WaitReason.STEAM_ACCOUNT: Waiting(
        REFUSALS[RefusalKind.TOO_MANY_FAILURES].member,
        REFUSALS[RefusalKind.TOO_MANY_FAILURES].moderator,
    ),
    WaitReason.STEAM_ACCOUNT_RESTS: Waiting(
        "A trade to your Steam account could not be sent a short while ago, and the next one could "
        "not either, so nothing goes to it for an hour. Nothing was bought, and your request is "
        "kept. If your Trade URL has changed, press **New Trade URL** and it goes on at once.",
        "A trade to this Steam account could not be sent a short while ago, so nothing goes to it "
        "for an hour, or until the member gives a new Trade URL. Nothing was bought; it then goes "
        "on by itself.",
    ),
    WaitReason.DISK_FULL: Waiting(
        "Buying has stopped for the moment because the bot's disk is nearly full. Nothing was "
        "bought, and your request keeps its place.",
        "The bot's disk is nearly full, and a purchase must be written down safely. Nothing was "
        "bought. The person who runs the bot has to make room; then it goes on by itself.",
    ),
    WaitReason.CLOCK: Waiting(
        "My clock is wrong at the moment, and a trade is a matter of minutes. Nothing was bought, "
        "and your request goes on when the clock is right again.",
        "The bot's clock is more than a minute away from the market's or Discord's. Nothing was "
        "bought, and this keeps its place. The person who runs the bot has to set the machine's "
        "clock; the log says by how much it is off. It then goes on by itself.",
    ),
    WaitReason.MEMBER_READY: Waiting(
        "Nothing is bought until you press **Send it now**. Do that when you have Steam open: each "
        "trade leaves you 10 minutes to accept it.",
        "Nothing is bought until the member presses **Send it now**.",
    ),
}

WAITS_NOW: Final[Mapping[WaitReason, str]] = {
    WaitReason.PAUSED: "buying is paused",
    WaitReason.CLOCK: "the bot's clock is wrong",
    WaitReason.DISK_FULL: "the bot's disk is nearly full",
    WaitReason.FAULT: "something went wrong on our side, and it is tried again",
    WaitReason.SERVER_NOT_ALLOWED: "this server may not spend money at the moment",
    WaitReason.MEMBER_GONE: "the member has left the server",
    WaitReason.BALANCE_LOW: "the server's skin balance is too low for it",
    WaitReason.CANNOT_TELL: "messages to Discord are behind, and a trade lives for 10 minutes only",
    WaitReason.MARKET_UNREACHABLE: "the market doesn't answer",
    WaitReason.MARKET_CLOSED: "the market is closed",
    WaitReason.MAINTENANCE: "the market is being maintained",
    WaitReason.RATE_LIMIT: "there is much to buy at once",
    WaitReason.BOOKS_FIRST: "the records are compared with the market first",
    WaitReason.OPERATOR: "buying is switched off, and the people who run the bot know",
    WaitReason.TRADE_URL_PARTNER: "the market doesn't know the Steam account in the Trade URL",
    WaitReason.TRADE_URL_TOKEN: "the Trade URL no longer works",
    WaitReason.STEAM_ACCOUNT: "the market has paused trades to this Steam account",
    WaitReason.MEMBER_READY: "the member has to press **Send it now**",
    WaitReason.STEAM_ACCOUNT_RESTS: (
        "a trade to this Steam account could not be sent a short while ago"
    ),
}
WAITS_UNTIL: Final = "It goes on {when}."
WAITS_ASKED: Final = "It is tried again {when}."
"""Where nobody knows whether it goes on then."""
_UNTIL_A_TIME: Final = frozenset({WaitReason.STEAM_ACCOUNT, WaitReason.STEAM_ACCOUNT_RESTS})
"""What waits for a time that is known, and is not looked at before."""
REST_WAITS: Final = "What is still open waits and keeps its place: {why}."
REST_WAITS_FOR_URL: Final = "Press **New Trade URL** and it goes on."
NEEDS_URL: Final = frozenset(
    {
        WaitReason.TRADE_URL_PARTNER,
        WaitReason.TRADE_URL_TOKEN,
        WaitReason.STEAM_ACCOUNT_RESTS,
    }
)
"""What a new Trade URL ends."""


def waits_until(view: RequestView) -> str:
    """Return until when a request waits, where that is known; "" where it isn't."""
    request = view.request
    if request.waits_for not in _UNTIL_A_TIME or view.in_state(LineState.UNKNOWN):
        return ""
    at, ends_at = request.claimable_at, request.expires_at
    # What grows too old before says so in its own sentence.
    if at is None or (ends_at is not None and ends_at <= at):
        return ""
    asked = request.waits_for is WaitReason.STEAM_ACCOUNT
    return (WAITS_ASKED if asked else WAITS_UNTIL).format(when=until_when(at))


def rest_waits_in_words(view: RequestView, *, for_moderator: bool) -> str:
    """Return what the open rest of a request waits for that is being bought; "" for nothing."""
    reason = view.request.waits_for
    if reason is None:
        return ""
    words = f"{REST_WAITS.format(why=WAITS_NOW[reason])} {waits_until(view)}".strip()
    if for_moderator:
        kinds = _KINDS_OF_WAIT.get(reason, frozenset())
        code = refused_whole_code(view)
        known = code is not None and rule_for(code).kind in kinds
        return with_code(words, code if known else None)
    if reason in NEEDS_URL:
        return f"{words} {REST_WAITS_FOR_URL}"
    return words


_KINDS_OF_WAIT: Final[Mapping[WaitReason, frozenset[RefusalKind]]] = {
    WaitReason.BALANCE_LOW: frozenset({RefusalKind.INSUFFICIENT_FUNDS}),
    WaitReason.MARKET_CLOSED: frozenset({RefusalKind.MARKET_DISABLED}),
    WaitReason.MAINTENANCE: frozenset({RefusalKind.MAINTENANCE}),
    WaitReason.RATE_LIMIT: frozenset({RefusalKind.RATE_LIMITED}),
    WaitReason.OPERATOR: frozenset(
        {
            RefusalKind.IP_REFUSED,
            RefusalKind.CREDENTIALS_REFUSED,
            RefusalKind.SHOP_INACTIVE,
            RefusalKind.BOT_FAULT,
        }
    ),
    WaitReason.TRADE_URL_PARTNER: frozenset({RefusalKind.PARTNER_WRONG}),
    WaitReason.TRADE_URL_TOKEN: frozenset({RefusalKind.TOKEN_WRONG}),
    WaitReason.STEAM_ACCOUNT: frozenset({RefusalKind.TOO_MANY_FAILURES}),
}


def waits_in_words(
    reason: WaitReason, frame: Frame, *, for_moderator: bool, code: int | None = None
) -> str:
    """Return what an approved request waits for; ``code`` is the market's, where it was one.

    A code from before that has nothing to do with the reason is left out.
    """
    kind = None if code is None else rule_for(code).kind
    words: Waiting | Reason = WAITS[reason]
    if kind is None or kind not in _KINDS_OF_WAIT.get(reason, ()):
        code = None
    elif reason is WaitReason.OPERATOR:
        words = REFUSALS[kind]
    if for_moderator:
        return with_code(_fill(words.moderator, frame), code)
    return _fill(words.member, frame)


def refused_whole_code(view: RequestView) -> int | None:
    """Return the code with which the market refused the latest call as a whole, if it did."""
    refused = [
        attempt for line in view.lines for attempt in line.attempts[-1:] if attempt.refused_whole
    ]
    return max(refused, key=lambda attempt: attempt.sent_at).code if refused else None


def _reason_of(line: LineView) -> tuple[Reason, int | None, str]:
    """Return why a line was not bought, the market's code and what the market said beside it."""
    last = line.last
    sold = last is not None and last.code in SUBSTITUTED_CODES and bool(line.refused_listings)
    if line.line.no_listing is not None:
        if sold and line.line.no_listing is NoListing.SOLD_OUT:
            return REFUSALS[RefusalKind.SKIN_UNAVAILABLE], last.code if last else None, ""
        return NO_LISTINGS[line.line.no_listing], None, ""
    if line.state is LineState.REFUSED and last is not None and last.settled_at is not None:
        return SETTLED, None, ""
    if last is None or last.code is None:
        return UNKNOWN, None, ""
    kind = rule_for(last.code).kind
    said = last.message if kind is RefusalKind.UNKNOWN_CODE else ""
    if line.state is LineState.UNKNOWN and kind not in _SAYS_UNKNOWN:
        # A known code in the wrong place proves nothing, and neither do its words.
        return UNKNOWN, last.code, ""
    return REFUSALS[kind], last.code, said


_SAYS_UNKNOWN: Final = frozenset({RefusalKind.KEY_EXISTS, RefusalKind.UNKNOWN_CODE})


def _said(message: str) -> str:
    return escape(clean_line(message, length_max=MARKET_SAID_MAX).translate(_QUOTES))


@dataclass(frozen=True, slots=True)
class Told:
    """Why a line was not bought, as one of the two reads it: over its group, and the sentence."""

    heading: str
    sentence: str


def reason_for_member(view: RequestView, line: LineView, frame: Frame) -> Told:
    """Return why a line was not bought and what its member can do, without a code."""
    reason, _, _ = _reason_of(line)
    if line.state is LineState.UNKNOWN and view.needs_a_person:
        reason = NEEDS_A_PERSON
    return Told(reason.heading, _fill(reason.member, frame))


def reason_for_moderator(view: RequestView, line: LineView, frame: Frame) -> Told:
    """Return why a line was not bought and what a moderator can do, with the market's code."""
    reason, code, said = _reason_of(line)
    offered = line in view.to_try_again
    if line.state is LineState.UNKNOWN and view.needs_a_person:
        reason = NEEDS_A_PERSON
    sentence = _sold_in_words(line, offered=offered) or _fill(
        reason.again if offered and reason.again else reason.moderator, frame
    )
    if said:
        sentence = f"{sentence} {MARKET_SAID.format(message=_said(said))}"
    return Told(reason.heading, with_code(sentence, code))


def _sold_in_words(line: LineView, *, offered: bool) -> str:
    """Return what became of a line of which several listings were tried, or "" for any other."""
    last, tried = line.last, len(line.refused_listings)
    if line.state is not LineState.REFUSED or last is None or not tried:
        return ""
    if last.code not in SUBSTITUTED_CODES or line.line.listing_id is not None:
        return ""
    none_left = line.line.no_listing in (NoListing.SOLD_OUT, NoListing.PRICE_ROSE)
    if not none_left and tried == 1:
        return ""
    listings = plural(tried, "{n} listing", "{n} listings")
    template = SOLD_OUT_MEANWHILE if none_left else SOLD_MEANWHILE
    if not none_left and rule_for(last.code).kind is RefusalKind.PRICE_ROSE:
        template = DEARER_MEANWHILE
    sentence = template.format(listings=listings)
    return LOOKS_FOR_NEW_ONES.format(sentence=sentence) if offered else sentence


def _loss_of(attempt: Attempt) -> Reason:
    return UNDELIVERED.get(attempt.offer_status or "", UNDELIVERED_OTHERWISE)


def loss_heading(line: LineView, told: Told) -> str:
    """Return what stands over skins that were bought and did not stay with their member."""
    returned = line.lost[-1].offer_status in RETURNED
    return (HEADING_RETURNED if returned else HEADING_LOST).format(heading=told.heading)


def loss_for_member(view: RequestView, line: LineView, frame: Frame) -> Told:
    """Return why a skin that was bought did not stay with its member, and what helps, if it can."""
    reason = _loss_of(line.lost[-1])
    words = reason.member
    if line in lost_for_good(view):
        words = f"{words} {LOST_ASK_AGAIN}"
    elif line in view.to_try_again:
        words = _done_by_member(view, line, reason) or reason.member_again or reason.member
    return Told(reason.heading, _fill(words, frame))


def lost_for_good(view: RequestView) -> tuple[LineView, ...]:
    """Return what was bought in vain and can't be tried again: only asking again helps."""
    if view.request.state not in (RequestState.BOUGHT, RequestState.CLOSED):
        return ()
    lost = (line for line in view.undelivered if line.lost)
    return tuple(line for line in lost if line not in view.to_try_again)


def _done_by_member(view: RequestView, line: LineView, reason: Reason) -> str:
    """Return a loss without the question for what its member has done already; "" if nothing."""
    request = view.request
    if line in view.missed and view.member_is_here and request.here_at is not None:
        return f"{reason.member} {LOST_HERE.format(when=ago(request.here_at))}"
    if _has_new_url(view, line) and request.trade_url_at is not None:
        return f"{reason.member} {LOST_NEW_URL.format(when=ago(request.trade_url_at))}"
    return ""


def _has_new_url(view: RequestView, line: LineView) -> bool:
    return line.failed_with == OfferStatus.INVALID_TRADE_TOKEN and view.url_is_new


def loss_in_public(_view: RequestView, line: LineView, frame: Frame) -> Told:
    """Return the same for everybody to read, where there is nothing to press."""
    last = line.lost[-1]
    reason = _loss_of(last)
    words = UNDELIVERED_IN_PUBLIC.get(last.offer_status or "", reason.member)
    return Told(reason.heading, _fill(words, frame))


def loss_for_moderator(view: RequestView, line: LineView, frame: Frame) -> Told:
    """Return the same for a moderator: that money was paid, and what can be done."""
    last = line.lost[-1]
    reason = _loss_of(last)
    words = reason.moderator
    if line in view.to_try_again:
        asked_for = not _has_new_url(view, line)
        words = reason.again if asked_for else f"{words} {_TRY_AGAIN_ASKS_FIRST}"
    money = _PAID_ALL_THE_SAME if last.back_at is None else _SEEN_BACK
    return Told(reason.heading, f"{_fill(words, frame)} {money}")


# States and history.

STATES: Final[Mapping[RequestState, str]] = {
    RequestState.DRAFT: "not sent yet",
    RequestState.PENDING: "waiting for approval",
    RequestState.APPROVED: "approved",
    RequestState.BUYING: "being bought",
    RequestState.BOUGHT: "bought",
    RequestState.CLOSED: "done",
    RequestState.DENIED: "denied",
    RequestState.CANCELLED: "cancelled",
    RequestState.EXPIRED: "expired",
}
STATE_WAITING: Final = "approved, waiting"
STATE_READY: Final = "approved, waiting for Send it now"
STATE_UNSURE: Final = "without a clear answer from the market yet"
STATE_PARTLY: Final = "partly bought"
STATE_NOTHING: Final = "nothing bought"
STATE_UNDELIVERED: Final = "bought, and not all of it delivered"
STATE_UNDELIVERED_ALL: Final = "bought, but not delivered"
STATE_RETURNED: Final = "delivered, and gone again"
STATE_DELIVERED: Final = "delivered"
STATE_NEEDS_A_PERSON: Final = "needs a person"


def state_in_words(view: RequestView) -> str:
    """Return where a request stands, in a few words."""
    request = view.request
    if request.waits_for_member:
        return STATE_READY
    if request.state is RequestState.APPROVED and request.waits_for is not None:
        return STATE_WAITING
    over = request.state in (RequestState.BOUGHT, RequestState.CLOSED)
    if (over or request.state is RequestState.BUYING) and view.in_state(LineState.UNKNOWN):
        return STATE_UNSURE
    if over:
        bought = sum(bool(line.bought) for line in view.lines)
        if not bought:
            return STATE_NOTHING
        if bought < len(view.lines):
            return STATE_PARTLY
        kept = view.in_state(LineState.PURCHASED)
        if len(kept) < bought:
            return STATE_UNDELIVERED if kept else _nothing_kept(view)
        if request.state is RequestState.BOUGHT and all(_has_arrived(line) for line in kept):
            return STATE_DELIVERED
    return STATES[request.state]


def _nothing_kept(view: RequestView) -> str:
    ends = {line.lost[-1].offer_status for line in view.lines if line.lost}
    return STATE_RETURNED if ends <= RETURNED else STATE_UNDELIVERED_ALL


def _has_arrived(line: LineView) -> bool:
    return line.last is not None and line.last.offer_status == OfferStatus.ACCEPTED


LINE_STATES: Final[Mapping[LineState, str]] = {
    LineState.OPEN: "not tried yet",
    LineState.SENT: "at the market",
    LineState.PURCHASED: "bought",
    LineState.REFUSED: "not bought",
    LineState.FAILED: "bought, but not delivered",
    LineState.RECHECK: "to be tried again",
    LineState.UNKNOWN: "not confirmed",
}


@dataclass(frozen=True, slots=True)
class Happened:
    """What happened, for the member (nothing: it isn't theirs to read) and for moderators.

    As with problems, the first whose details are known is shown.
    """

    member: tuple[str, ...]
    moderator: tuple[str, ...]


def _for_both(*words: str) -> Happened:
    return Happened(words, words)


EVENTS: Final[Mapping[EventKind, Happened]] = {
    EventKind.SUBMITTED: _for_both("sent for approval by {actor}", "sent for approval"),
    EventKind.APPROVED: _for_both("approved by {actor}", "approved"),
    EventKind.DENIED: _for_both("denied by {actor}", "denied"),
    EventKind.TAKEN_BACK: _for_both("approval taken back by {actor}", "approval taken back"),
    EventKind.CANCELLED: _for_both("cancelled by {actor}", "cancelled"),
    EventKind.EXPIRED: _for_both("expired: {cause}", "expired"),
    EventKind.TRADE_URL_RENEWED: _for_both("new Trade URL, for the same Steam account"),
    EventKind.STEAM_ACCOUNT_CHANGED: _for_both(
        "another Steam account, so it has to be approved anew"
    ),
    EventKind.CLAIMED: _for_both("buying began"),
    EventKind.SENT: _for_both("sent to the market: {lines}", "sent to the market"),
    EventKind.ANSWERED: _for_both(
        "the market answered: {purchased} bought, {refused} not bought, {unknown} not confirmed",
        "the market answered",
    ),
    EventKind.RETURNED: _for_both(
        "nothing was bought: {reason}",
        "nothing was bought, it waits",
    ),
    EventKind.FOUND: Happened(
        (
            "the market confirmed what had not been clear: {found} bought",
            "the market confirmed what had not been clear",
        ),
        ("found at the market: {found}", "found at the market"),
    ),
    EventKind.RESENT: Happened(
        (
            "the market knew nothing of {lines}, so it was asked once more",
            "the market was asked once more",
        ),
        (
            "the market knew nothing of {lines}, so they were sent once more under the same keys",
            "what the market knew nothing of was sent once more under the same keys",
        ),
    ),
    EventKind.NEEDS_ATTENTION: Happened(
        ("it took longer than usual to find out what was bought, so a person looks into it",),
        ("nobody knows what became of some purchases: a person has to look",),
    ),
    EventKind.SETTLED: Happened(
        ("settled by hand by {actor} as {outcome}: {lines}", "settled by hand"),
        (
            (
                "settled by hand by {actor} as {outcome}: {lines}, purchase {buy_id}, {paid} "
                "paid; {why}"
            ),
            "settled by hand by {actor} as {outcome}: {lines}; {why}",
            "settled by hand by {actor}",
            "settled by hand",
        ),
    ),
    EventKind.TRIED_AGAIN: _for_both("tried again by {actor}: {lines}", "tried again"),
    EventKind.ADOPTED: Happened(
        ("a purchase was at the market that we didn't know of; now we do",),
        (
            "purchase {buy_id} was at the market and not in the records; it is now",
            "a purchase was at the market and not in the records; it is now",
        ),
    ),
    EventKind.BOUGHT: _for_both("buying is done"),
    EventKind.READY: _for_both("to be sent now, says {actor}", "to be sent now"),
    EventKind.TRADE_WAITING: _for_both("waiting in Steam to be accepted"),
    EventKind.DELIVERED: _for_both("delivered"),
    EventKind.NOT_DELIVERED: _for_both("not delivered ({status})", "not delivered"),
    EventKind.MEMBER_HERE: _for_both(
        "{actor} is there and asks for another try", "another try was asked for"
    ),
    EventKind.ROLLED_BACK: _for_both("{status}", "taken back under Steam's trade protection"),
    EventKind.STATUS_CHANGED: Happened(
        ("the market corrected what it had said",),
        ("the market now says something else ({status})", "the market now says something else"),
    ),
    EventKind.DELIVERY_STUCK: Happened(
        ("the delivery takes longer than usual, and a person looks into it",),
        (
            "the delivery doesn't move ({status}): a person has to look",
            "the delivery doesn't move: a person has to look",
        ),
    ),
    EventKind.MONEY_BACK: Happened(
        ("the server has its money back",),
        (
            "the money of {lines} was booked as back by {actor}",
            "money booked back by {actor}",
            "the money is back",
        ),
    ),
    EventKind.SPENT_AFTER_ALL: Happened(
        ("it was paid for after all",),
        ("counts as spent again, because it is alive after all",),
    ),
    EventKind.CLOSED: _for_both("done: nothing about it can change any more"),
    EventKind.ALARM: Happened(
        # What the market did wrong is between the moderators and the operator.
        (),
        ("the market did something unexpected: {alarm}", "needs attention"),
    ),
    EventKind.SETTING_CHANGED: _for_both(
        "{setting} changed by {actor}",
        "a setting was changed by {actor}",
        "a setting was changed",
    ),
    EventKind.PAUSED: Happened(
        ("buying was paused",),
        (
            "buying was paused by {actor}: {why}",
            "buying was paused by {actor}",
            "buying was paused",
        ),
    ),
    EventKind.RESUMED: Happened(
        ("buying was resumed",), ("buying was resumed by {actor}", "buying was resumed")
    ),
}

EVENT_ROW: Final = "{when} {what}"
EVENT_SKIN: Final = "{what}: {skin}"
EVENT_SKINS: Final = "{what}: {count} ({skin})"
EVENT_PURCHASE: Final = "{what}, purchase {buy_id}"
EVENT_TIMES: Final = "{what} ({n} times)"

WAITS_SHORT: Final[Mapping[WaitReason, str]] = {
    WaitReason.PAUSED: "buying was paused",
    WaitReason.SERVER_NOT_ALLOWED: "the server may not spend money",
    WaitReason.MEMBER_GONE: "the member has left",
    WaitReason.BALANCE_LOW: "the balance was too low",
    WaitReason.CANNOT_TELL: "messages to Discord were behind",
    WaitReason.MARKET_UNREACHABLE: "the market didn't answer",
    WaitReason.MARKET_CLOSED: "the market was closed",
    WaitReason.MAINTENANCE: "market maintenance",
    WaitReason.RATE_LIMIT: "too much to buy at once",
    WaitReason.BOOKS_FIRST: "the records were compared with the market first",
    WaitReason.OPERATOR: "the market refused us",
    WaitReason.FAULT: "something went wrong on our side",
    WaitReason.TRADE_URL_PARTNER: "the market didn't know the Steam account",
    WaitReason.TRADE_URL_TOKEN: "the Trade URL had stopped working",
    WaitReason.STEAM_ACCOUNT: "trades to the Steam account were paused",
    WaitReason.STEAM_ACCOUNT_RESTS: "a trade to the Steam account could not be sent before",
    WaitReason.DISK_FULL: "the bot's disk was nearly full",
    WaitReason.CLOCK: "the bot's clock was wrong",
    WaitReason.MEMBER_READY: "**Send it now** was not pressed in time",
}

WAITS_SHORT_MEMBER: Final[Mapping[WaitReason, str]] = {
    WaitReason.SERVER_NOT_ALLOWED: "buying was switched off",
    WaitReason.MEMBER_GONE: "you had left the server",
    WaitReason.BALANCE_LOW: "the server's skin balance was too low",
    WaitReason.OPERATOR: "buying was switched off",
    WaitReason.TRADE_URL_PARTNER: "the market didn't know the Steam account in your Trade URL",
    WaitReason.TRADE_URL_TOKEN: "your Trade URL had stopped working",
    WaitReason.STEAM_ACCOUNT: "trades to your Steam account were paused",
}
"""Where a member is told in other words, or less, than the moderators."""

TRADE_STATUSES: Final[Mapping[str, str]] = {
    OfferStatus.CREATING_TRADE: "the trade is being made",
    OfferStatus.WAITING_ACCEPT: "waiting in Steam to be accepted",
    OfferStatus.ACCEPTED: "accepted",
    **{status: reason.heading for status, reason in UNDELIVERED.items()},
}
TRADE_STATUSES_MODERATOR: Final[Mapping[str, str]] = {
    **TRADE_STATUSES,
    OfferStatus.ROLLBACK_USER: "returned by the member's account under Steam's trade protection",
    OfferStatus.ROLLBACK_SUPPLIER: "taken back by its seller under Steam's trade protection",
}

REBOUND_SHORT: Final = "the bot went to another market account"

ALARMS: Final[Mapping[str, str]] = {
    "foreign_key": "a purchase that none of our orders asked for",
    "wrong_steam_account": "a purchase for another Steam account than the approved one",
    "above_ceiling": "a purchase above its approved ceiling",
    "refused_and_bought": "a purchase that had been called refused or not bought",
    "came_back": "a purchase that did not arrive, was bought anew and was accepted after all",
}


def alarms_in_words(alarms: Sequence[str]) -> str:
    """Return what must never happen and did, for moderators."""
    return ", ".join(ALARMS.get(alarm, escape(alarm)) for alarm in alarms)


def is_told(kind: EventKind, *, for_moderator: bool) -> bool:
    """Say whether what happened is for these people to read."""
    words = EVENTS[kind]
    return bool(words.moderator if for_moderator else words.member)


_DETAIL_MAX: Final = 400
"""Longer than any reason and than the names of the skins of one event."""


def event_in_words(event: Event, *, for_moderator: bool = False) -> str:
    """Return one row of a history: when, what, by whom; for moderators with the market's code.

    ``skin``, ``count`` and ``times`` among the details: which skins, how many of them, how often.
    """
    details = {name: value for name, value in event.details.items() if value not in ("", None)}
    given = {
        name: escape(clean_line(str(value), length_max=_DETAIL_MAX))
        for name, value in details.items()
    }
    given.pop("actor", None)
    if event.actor_id is not None:
        given["actor"] = person(event.actor_id)
    for name in ("lines", "found", "count"):
        if isinstance(count := details.get(name), int):
            given[name] = skins(count)
    for name, known in _known(for_moderator=for_moderator).items():
        if (value := details.get(name)) in known:
            given[name] = known[str(value)]
        elif name == "status" and not for_moderator:
            given.pop(name, None)
    told = EVENTS[event.kind]
    templates = told.moderator if for_moderator else told.member
    template = next(words for words in templates if placeholders(words) <= given.keys())
    what = _which_skins(template.format(**given), given, for_moderator=for_moderator)
    code = details.get("code")
    if for_moderator and isinstance(code, int) and code:
        what = with_code(what, code)
    return EVENT_ROW.format(when=moment(event.at), what=what)


def _known(*, for_moderator: bool) -> Mapping[str, Mapping[str, str]]:
    """Return the words for what the details of an event name by a word of the program's."""
    told = WAITS_SHORT if for_moderator else {**WAITS_SHORT, **WAITS_SHORT_MEMBER}
    never_ready = WaitReason.MEMBER_READY
    return {
        "reason": {reason.value: words for reason, words in told.items()},
        "status": TRADE_STATUSES_MODERATOR if for_moderator else TRADE_STATUSES,
        "alarm": ALARMS,
        "setting": SETTING_NAMES,
        "cause": {REBOUND: REBOUND_SHORT, never_ready.value: WAITS_SHORT[never_ready]},
    }


def _which_skins(what: str, given: Mapping[str, str], *, for_moderator: bool) -> str:
    """Return what happened with the skins that it happened to, or how often."""
    if "skin" in given:
        template = EVENT_SKINS if "count" in given else EVENT_SKIN
        what = template.format(what=what, skin=given["skin"], count=given.get("count", ""))
        if for_moderator and "buy_id" in given:
            what = EVENT_PURCHASE.format(what=what, buy_id=given["buy_id"])
    if "times" in given:
        what = EVENT_TIMES.format(what=what, n=given["times"])
    return what


# Buttons, selects, fields.

BUTTON_APPROVE: Final = "Approve {total}"
BUTTON_DENY: Final = "Deny"
BUTTON_DETAILS: Final = "Details"
BUTTON_CARD: Final = "Go to its card"
BUTTON_POST_AGAIN: Final = "Post the card again"
BUTTON_CARD_COMING: Final = "Its card is being posted"
BUTTON_QUEUE: Final = "All that wait"
BUTTON_TAKE_BACK: Final = "Take back"
BUTTON_TRY_AGAIN: Final = "Try again ({skins}, {total})"
BUTTON_CHECK_NOW: Final = "Check now"
BUTTON_SETTLE: Final = "Settle by hand"
BUTTON_WAS_BOUGHT: Final = "It was bought"
BUTTON_NOT_BOUGHT: Final = "Not bought ({skins})"
BUTTON_CANCEL: Final = "Cancel request"
BUTTON_CANCEL_YES: Final = "Yes, cancel it"
BUTTON_CANCEL_NO: Final = "No, keep it"
BUTTON_HERE: Final = "I'm here"
BUTTON_ASK_AGAIN: Final = "Ask again for these"
BUTTON_ASK_ALL_AGAIN: Final = "Ask again"
BUTTON_ASK_REST_AGAIN: Final = "Ask again for all of it"
BUTTON_FROM_OLD: Final = "Ask again from an old request"
BUTTON_MY_BASKET: Final = "My basket"
BUTTON_USE_TODAY: Final = "Use today's prices"
BUTTON_REMOVE_IT: Final = "Remove it"
BUTTON_REMOVE_THEM: Final = "Remove them"
BUTTON_MONEY_BACK: Final = "Money is back: {amount}"
BUTTON_NEW_URL: Final = "New Trade URL"
BUTTON_SEND_NOW: Final = "Send it now"
BUTTON_SHOW_REQUEST: Final = "Show request #{number}"
BUTTON_BACK: Final = "Back"
BUTTON_HISTORY: Final = "History"
BUTTON_BACK_TO_LIST: Final = "All my requests"
BUTTON_SEND: Final = "Send for approval"
BUTTON_ADD: Final = "Add skins"
BUTTON_PASTE: Final = "Paste a list"
BUTTON_PASTE_FIX: Final = "Fix these lines"
BUTTON_PASTE_AGAIN: Final = "Try again"
BUTTON_PASTE_LEAVE: Final = "Leave them out"
BUTTON_PASTE_LEAVE_YES: Final = "Yes, leave them out"
BUTTON_PASTE_KEEP: Final = "No, keep them"
BUTTON_SEARCH_AGAIN: Final = "Search again"
BUTTON_MORE_RESULTS: Final = "Back to the results"
BUTTON_URL: Final = "Trade URL"
BUTTON_MORE: Final = "More"
BUTTON_LESS: Final = "−1"
BUTTON_PLUS: Final = "+1"
BUTTON_CEILING: Final = "Price limit"
BUTTON_REMOVE: Final = "Remove"
BUTTON_NOTE: Final = "Note"
BUTTON_EMPTY: Final = "Empty the basket"
BUTTON_EMPTY_YES: Final = "Yes, empty it"
BUTTON_KEEP: Final = "No, keep it"
BUTTON_PREVIOUS: Final = "◀"
BUTTON_NEXT: Final = "▶"
BUTTON_PAGE: Final = "Page {page} of {pages}"
BUTTON_STEAM_PAGE: Final = "Open it at Steam"
BUTTON_STEAM_PROFILE: Final = "Steam profile"
BUTTON_STEAM_OFFERS: Final = "Trade offers at Steam"
BUTTON_TRADES: Final = "Open my trades"
BUTTON_TRADE_AGAIN: Final = " ({n})"
BUTTON_ENTER_URL: Final = "Enter Trade URL"
BUTTON_CHANGE_URL: Final = "Change it"
BUTTON_FORGET: Final = "Forget it"
BUTTON_FORGET_YES: Final = "Yes, forget it"
BUTTON_URL_YES: Final = "Yes, that's me"
BUTTON_URL_NO: Final = "No, another one"
BUTTON_LIMITS: Final = "Limits"
BUTTON_CHECK: Final = "Check everything"
BUTTON_TEST: Final = "Post a test card"
BUTTON_PANEL: Final = "Post the panel here"
BUTTON_UNPARK: Final = "Try them again"
BUTTON_CONFIRM: Final = "I can approve"
BUTTON_ASK: Final = "Ask for skins"
BUTTON_MINE: Final = "My requests"

SELECT_LINE: Final = "Change or remove a skin"
SELECT_MATCH: Final = "Choose the skins you mean"
SELECT_PASTED: Final = "“{typed}”: choose the skin"
SELECT_PASTED_NONE: Final = "“{typed}”: leave it out?"
SELECT_PASTED_ABOUT: Final = "{quantity} × {price} today, at most {ceiling} each · {count} for sale"
SELECT_PASTED_ABOUT_ONE: Final = "{price} today, at most {ceiling} · {count} for sale"
SELECT_PASTED_LEAVE: Final = "Leave this line out"
SELECT_SETTLE: Final = "Choose what you know about"
SELECT_SETTLE_LABEL: Final = "{line}. {skin}"
SELECT_SETTLE_ABOUT: Final = "{key}, at most {ceiling}"
SELECT_REQUEST: Final = "Show one of them"
SELECT_REQUEST_LABEL: Final = "#{number}: {skins}, {total}"
SELECT_APPROVER: Final = "Choose the role that approves"
SELECT_APPROVALS: Final = "Choose the channel for approvals"
SELECT_RESULTS: Final = "Choose the channel for results"
SELECT_ASKERS: Final = "Everyone, or choose roles"

MODAL_DENY: Final = "Deny request #{number}"
MODAL_BOUGHT: Final = "Request #{number}: it was bought"
MODAL_NOT_BOUGHT: Final = "Request #{number}: {skins} not bought"
MODAL_ADD: Final = "Add a skin"
MODAL_PASTE: Final = "Paste a list"
MODAL_PASTE_FIX: Final = "Fix these lines"
MODAL_CEILING: Final = "Price limit"
MODAL_NOTE: Final = "Note for the moderators"
MODAL_TRADE_URL: Final = "Your Trade URL"
MODAL_LIMITS: Final = "Limits"

FIELD_REASON: Final = "Why?"
FIELD_REASON_ABOUT: Final = "The member reads this, and so does everyone who sees the card."
FIELD_BUY_ID: Final = "Number of the purchase"
FIELD_BUY_ID_ABOUT: Final = "SkinsBack shows it as buy_id. Digits only."
FIELD_PAID: Final = "What was paid for it"
FIELD_PAID_ABOUT: Final = "In dollars, as SkinsBack shows it, like 12.11."
FIELD_HOW_KNOWN: Final = "How do you know?"
FIELD_HOW_KNOWN_ABOUT: Final = "Kept in the request's history, with your name."
FIELD_NAME: Final = "Skin"
FIELD_NAME_ABOUT: Final = "Its name, or parts of it: redline ft"
FIELD_QUANTITY: Final = "How many"
FIELD_AT_MOST: Final = "At most, each (optional)"
FIELD_AT_MOST_ABOUT: Final = "In dollars, like 12.50. Empty: today's price and a little room."
FIELD_LISTING: Final = "Listing number (optional)"
FIELD_LISTING_ABOUT: Final = "For one certain skin that is for sale. Empty: the cheapest one."
FIELD_LIST: Final = "Your skins, one on a line"
FIELD_LIST_ABOUT: Final = (
    "How many and a price limit if you like. You are asked about what isn't clear."
)
FIELD_LIST_EXAMPLE: Final = "2x AK-47 | Redline (Field-Tested) @ 15"
FIELD_LIST_FIX: Final = "The lines that are not in yet"
FIELD_CEILING: Final = "At most, each"
FIELD_CEILING_ABOUT: Final = "In dollars, like 12.50. Nothing above it is ever paid."
FIELD_NOTE: Final = "Note (optional)"
FIELD_NOTE_ABOUT: Final = "What they are for. Shown on the card that is approved."
FIELD_URL: Final = "Trade URL"
FIELD_URL_ABOUT: Final = "The whole of it, with the token at its end. Only this bot stores it."
FIELD_URL_EXAMPLE: Final = "https://steamcommunity.com/tradeoffer/new/?partner=…&token=…"
FIELD_TOLERANCE: Final = "Room above today's price, in percent"
FIELD_TOLERANCE_ABOUT: Final = "0 to {highest}. For price limits that members leave empty."
FIELD_LINES: Final = "Skins in one request"
FIELD_LINES_ABOUT: Final = "1 to {highest}."
FIELD_OPEN: Final = "Open requests a member"
FIELD_OPEN_ABOUT: Final = "1 to {highest}, at the same time."
FIELD_UNDO: Final = "Seconds to take an approval back"
FIELD_UNDO_ABOUT: Final = "0 to {highest}. Buying starts when they are over."

SETTING_NAMES: Final[Mapping[str, str]] = {
    "tolerance_bp": FIELD_TOLERANCE,
    "lines_max": FIELD_LINES,
    "open_requests_max": FIELD_OPEN,
    "undo_s": FIELD_UNDO,
    "delivery": "When it is bought",
    "games": "Whose skins can be asked for",
}
LIMITS: Final[Mapping[str, int]] = {
    "tolerance": TOLERANCE_HARD_MAX_BP // 100,
    "lines": LINES_HARD_MAX,
    "open": OPEN_REQUESTS_HARD_MAX,
    "undo": UNDO_HARD_MAX_S,
    "note": NOTE_MAX,
    "reason": REASON_MAX,
}

# Rows.

ROW: Final = "{n}. {skin} · {quote}, max {ceiling}"
ROW_TIMES: Final = "{n}. {skin} ×{quantity} · {quote}, max {ceiling}"
ROW_LISTING: Final = " · listing {listing_id}"
ROW_DOUBTS: Final = " · {doubts}"
ABOUT_PICK: Final = "{quantity} × {quote}, at most {ceiling} each"
ABOUT_PICK_ONE: Final = "{quote}, at most {ceiling}"
ROW_ABOUT: Final = "**{skin}**\n{about}"
SKIN: Final = "{skin}"
SKIN_TIMES: Final = "{skin} ×{quantity}"
ROW_REFUSED: Final = "✖ {skin}: at most {ceiling}"
ROW_REFUSED_SEEN: Final = "✖ {skin}: cheapest {cheapest}, at most {ceiling}"
ROW_UNKNOWN: Final = "❔ {skin}: at most {ceiling}"
ROW_BOUGHT: Final = "{sign} {skin} · {paid} · {state}"
ABOUT_BOUGHT: Final = "{paid} · {sign} {state}"
HEADING_ALARM: Final = (
    "**The market did something that must never happen**\nIt is booked as it came, and buying was "
    "paused for it. The person who runs the bot finds it in the log."
)
HEADING_CAME_BACK: Final = (
    "**Perhaps arrived twice**\nThe market had called it not delivered, so it was bought anew; "
    "then the first one was accepted after all. Both count as spent, and buying goes on. Ask the "
    "member whether they have two."
)
ROW_ALARM: Final = "⚠️ {skin} · {paid}: {alarm}"
ROW_ALARM_UNPAID: Final = "⚠️ {skin}: {alarm}"
ROW_LOST: Final = "⚠ {skin} · {paid}"
ROW_LOST_FINAL: Final = "⚠ {skin} · {paid} · nothing changes about it any more"
ROW_LOST_OTHERWISE: Final = "{row} · {heading}"
ROW_SETTLE: Final = (
    "{line}. {skin} · at most {ceiling} · listing {listing_id} · sent {when} · `{key}`"
)
ROW_OPEN: Final = "▫️ {skin}: {state}, at most {ceiling}"
PAID_EACH: Final = "{paid} each"

# The approval card.

A_MODERATOR: Final = "A moderator"
REQUEST_TITLE: Final = "### Request #{number}: {what}"
PENDING_WHAT: Final = "{skins}, {total} at most"
WHO_PENDING: Final = "{member} · [Steam profile]({profile}) · sent {when}"
WHO_PENDING_NO_STEAM: Final = "{member} · sent {when}"
WHO: Final = "{member} · {skins}, {total} at most"
WHO_BOUGHT: Final = "{member} · approved by {moderator}"
WHO_BOUGHT_NOBODY: Final = "{member}"
DM_CLOSED: Final = "✉ {member} can't be written to: their direct messages are closed."
NEW_VERSION: Final = (
    "Version {version}: the Steam account has changed, so approvals from before don't count."
)
EXPIRES: Final = "Without a decision it expires {when}."
EXPIRES_APPROVED: Final = "If it can't be bought, it expires {when}."
APPROVED_BY: Final = "✅ Approved by {moderator} {when}"
APPROVED_HELD: Final = "Up to {total} will be spent."
BUYING_STARTS: Final = "Buying starts {when}. Until then it can be taken back."
WAITS_FOR_MEMBER: Final = (
    "Nothing is bought until {member} presses **Send it now**. It expires {when}."
)
MEMBER_PRESSED: Final = "{member} pressed **Send it now** {when}"
BUYING_NOW: Final = "Buying is under way. Nothing can be taken back any more."
HEADING_NOT_BOUGHT: Final = "**Not bought: {heading}**"
HEADING_UNKNOWN: Final = "**Not confirmed: {heading}**"
HEADING_LOST: Final = "**Bought, but not delivered: {heading}**"
HEADING_RETURNED: Final = "**Delivered, and gone again: {heading}**"
HEADING_LOST_OTHERS: Final = "**Bought, but not with the member, for other reasons**"
HEADING_OTHERS: Final = "**Not bought or not confirmed, for other reasons**"
HEADING_BOUGHT: Final = "**Bought**"
HEADING_OPEN: Final = "**Still to come**"
BOUGHT_ALL: Final = "{bought} bought, {paid}"
BOUGHT_SOME: Final = "{bought} of {skins} bought, {paid}"
BOUGHT_LOST: Final = "{what}, {lost} not delivered"
BOUGHT_NONE: Final = "nothing bought"
ASKED: Final = "Asked the market {times} since {since}, next {when}. {total} stays held."
ASKED_FIRST: Final = "The market is asked {when}. {total} stays held."
ASKED_NOW: Final = "It is at the market at this moment. {total} stays held."
TRY_AGAIN_UNTIL: Final = "It can be tried again; that ends {when}."
TRY_AGAIN_FROM: Final = (
    "Nothing goes to this Steam account before {when}, unless the member gives a new Trade URL."
)
URL_IS_NEW: Final = (
    "{member} has given a new Trade URL of the same Steam account {when}, so **Try again** helps."
)
MEMBER_IS_HERE: Final = "{member} said {when} that they have Steam open, and asks for another try."
FREE_AGAIN: Final = "Nothing was paid for what was not bought (at most {total})."
DENIED_BY: Final = "Denied by {moderator} {when}"
CANCELLED_BY: Final = "Cancelled by {member} {when}. Nothing was bought."
EXPIRED_REBOUND: Final = (
    "The person who runs the bot moved it to another market account {when}, so this could not go "
    "on. Nothing was bought; the member can ask again."
)
EXPIRED_PENDING: Final = "Nobody decided in time; it expired {when}. Nothing was bought."
EXPIRED_APPROVED: Final = (
    "{moderator} approved it, but it could not be bought in time; it expired {when}. "
    "Nothing was bought."
)
EXPIRED_NEVER_READY: Final = (
    "{moderator} approved it, but {member} did not press **Send it now** in time; it expired "
    "{when}. Nothing was bought, and nothing is held for it any more. The member can ask again."
)

DETAILS_TITLE: Final = "### Request #{number}: {state}"
DETAILS_STEAM: Final = "Steam account: [{steam_id}]({profile})"
DETAILS_BALANCE: Final = "Balance at SkinsBack: {balance}"
DETAILS_LATELY: Final = "At this Steam account in the last 24 hours: {lately}."
DETAILS_RESTS: Final = "Nothing goes to it before {until}."
DETAILS_RESTS_URL: Final = "Nothing goes to it before {until}, unless there is a new Trade URL."
DETAILS_HISTORY: Final = "**History**"
HISTORY_EARLIER: Final = "… {n} before that: press **History**"
HISTORY_TITLE: Final = "### Request #{number}: what happened"
HISTORY_NOTHING: Final = "Nothing yet."
DETAILS_TRIED: Final = "**What was tried**"
TRIED: Final = "Line {line}, try {attempt}, {skin}: {outcome}"
TRIED_ALARM: Final = "{outcome} ⚠️ {alarm}"
TRIED_BOUGHT: Final = "bought for {paid} (purchase {buy_id})"
TRIED_BOUGHT_NO_ID: Final = "bought for {paid}"
TRIED_SENT: Final = "sent, no answer yet"
TRIED_NOT_SENT: Final = "it never left this machine"
TRIED_REFUSED: Final = "{heading}"
TRIED_UNKNOWN: Final = "no clear answer"
TRIED_SETTLED: Final = "settled by hand as not bought"
TRIED_LOST: Final = "{what}, and not delivered: {heading}"
TRIED_LOST_BACK: Final = "{what}, and not delivered: {heading}; its money is back since {when}"

# Private answers to moderators.

APPROVED_NOW: Final = "Request #{number} is approved, for {total} at most. Buying starts {when}."
APPROVED_NOW_PAUSED: Final = (
    "Request #{number} is approved, for {total} at most. Buying is paused at the moment: it waits "
    "and keeps its place."
)
APPROVED_NOW_READY: Final = (
    "Request #{number} is approved, for {total} at most. Nothing is bought until {member} presses "
    "**Send it now**; they are asked now, and once more if they let it wait. It expires {when}."
)
CHECKING_NOW: Final = (
    "The market is asked now about {skins} of request #{number}. The card shows what comes of it; "
    "nothing is bought by this."
)
TRYING_AGAIN_NOW: Final = (
    "{skins} of request #{number} tried again, for {total} at most. Nothing above the approved "
    "ceilings is paid; the card shows what comes of it."
)
DENIED_NOW: Final = (
    "Request #{number} is denied, and nothing was bought. {member} can read the reason."
)
TAKEN_BACK_NOW: Final = (
    "The approval of request #{number} is taken back, and nothing was bought. It waits for a "
    "decision again."
)
ALREADY_APPROVED: Final = "{by} already approved this {at}. Nothing changed by your click."
ALREADY_DENIED: Final = "{by} already denied this {at}. Nothing changed by your click."
ALREADY_CANCELLED: Final = (
    "The member cancelled this before, so there is nothing to decide. Nothing changed by your "
    "click."
)
ALREADY_EXPIRED: Final = (
    "This expired before anything was bought. Nothing changed by your click; the member can ask "
    "again."
)
_ALREADY: Final[Mapping[str, str]] = {
    RequestState.APPROVED: ALREADY_APPROVED,
    RequestState.BUYING: ALREADY_APPROVED,
    RequestState.BOUGHT: ALREADY_APPROVED,
    RequestState.CLOSED: ALREADY_APPROVED,
    RequestState.DENIED: ALREADY_DENIED,
    RequestState.CANCELLED: ALREADY_CANCELLED,
    RequestState.EXPIRED: ALREADY_EXPIRED,
}
NOT_APPROVED_NOW: Final = (
    "Request #{number} isn't approved at the moment, so there is nothing to take back."
)
CHANGED: Final = (
    "Request #{number} has changed since you opened it: now {skins}, {total} at most. Nothing was "
    "decided; the card shows the new version."
)


def approved(view: RequestView, starts_at: int) -> str:
    """Return the answer to whoever has just approved."""
    request = view.request
    if request.waits_for_member:
        return APPROVED_NOW_READY.format(
            number=request.number,
            total=usd(view.ceiling_total),
            member=person(request.user_id),
            when=ago(request.expires_at or starts_at),
        )
    return APPROVED_NOW.format(
        number=view.request.number, total=usd(view.ceiling_total), when=ago(starts_at)
    )


def approved_but_paused(view: RequestView, paused: Paused, frame: Frame) -> str:
    """Return the answer to whoever has approved while buying is paused: also by whom and why."""
    words = APPROVED_NOW_PAUSED.format(number=view.request.number, total=usd(view.ceiling_total))
    if view.request.waits_for_member:
        words = approved(view, view.request.claimable_at or 0)
    return f"{words}\n{paused_in_words(paused, frame)}"


def with_pause(words: str, paused: Paused | None, frame: Frame) -> str:
    """Return an answer with the pause under it that holds up what was asked for, if there is."""
    return words if paused is None else f"{words}\n{paused_in_words(paused, frame)}"


def checking_now(view: RequestView) -> str:
    """Return the answer to whoever has the market asked."""
    unknown = len(view.in_state(LineState.UNKNOWN))
    return CHECKING_NOW.format(number=view.request.number, skins=skins(unknown))


def trying_again(view: RequestView, lines: int) -> str:
    """Return the answer to whoever has something tried again."""
    return TRYING_AGAIN_NOW.format(
        number=view.request.number, skins=skins(lines), total=usd(view.open_total)
    )


def asked_in_words(view: RequestView) -> str:
    """Return how often the market was asked about what is unknown, and when it is asked next."""
    request = view.request
    held = usd(Micros(sum(line.line.ceiling for line in view.in_state(LineState.UNKNOWN))))
    since = request.attention_at or request.grace_from
    if request.step_at is None:
        return ASKED_NOW.format(total=held)
    if not request.look_ups or since is None:
        return ASKED_FIRST.format(when=ago(request.step_at), total=held)
    times = plural(request.look_ups, "once", "{n} times")
    return ASKED.format(times=times, since=ago(since), when=ago(request.step_at), total=held)


def denied(view: RequestView) -> str:
    """Return the answer to whoever has just denied."""
    return DENIED_NOW.format(number=view.request.number, member=person(view.request.user_id))


def taken_back(view: RequestView) -> str:
    """Return the answer to whoever has just taken an approval back."""
    return TAKEN_BACK_NOW.format(number=view.request.number)


def already_decided(view: RequestView) -> str:
    """Return the answer to a click that came second: who was first, and when."""
    request = view.request
    template = _ALREADY.get(request.state)
    if template is None:
        return NOT_APPROVED_NOW.format(number=request.number)
    by = A_MODERATOR if request.decided_by is None else person(request.decided_by)
    return template.format(by=by, at=ago(request.decided_at or request.changed_at))


def changed(view: RequestView) -> str:
    """Return the answer to a click on a card that showed an older version."""
    return CHANGED.format(
        number=view.request.number, skins=skins(len(view.lines)), total=usd(view.ceiling_total)
    )


# The member's messages.

STATUS_TITLE: Final = "### Your request #{number}: {state}"
STATUS_FROM: Final = "{skins}, {total} at most · from **{guild}**"
STATUS_FROM_HERE: Final = "{skins}, {total} at most"
STATUS_PAID_FROM: Final = "{bought} of {skins}, {paid} paid · from **{guild}**"
STATUS_PAID_FROM_HERE: Final = "{bought} of {skins}, {paid} paid"
STATUS_PAID_IN_VAIN_FROM: Final = (
    "{bought} of {skins}, {paid} paid, {vain} for what did not arrive · from **{guild}**"
)
STATUS_PAID_IN_VAIN_FROM_HERE: Final = (
    "{bought} of {skins}, {paid} paid, {vain} for what did not arrive"
)
STATUS_PENDING: Final = (
    "It was sent {when}, and a moderator decides about it. Nothing has been bought yet."
)
STATUS_KEPT_UP: Final = "This message changes as it goes on."
STATUS_UNDO: Final = "{moderator} approved it {when}. Buying starts {starts}."
STATUS_APPROVED: Final = "{moderator} approved it {when}."
STATUS_BUYING: Final = "Buying is under way."
STATUS_DENIED: Final = "{moderator} denied it {when}. Nothing was bought. The reason:"
STATUS_DENIED_BARE: Final = "{moderator} denied it {when}. Nothing was bought."
STATUS_CANCELLED: Final = "You cancelled it {when}. Nothing was bought."
STATUS_EXPIRED_REBOUND: Final = (
    "The bot was moved to another market account {when}, so your request could not go on. Nothing "
    "was bought. You can ask again: {cmd_request}"
)
STATUS_EXPIRED_PENDING: Final = (
    "Nobody decided in time, so it expired {when}. Nothing was bought. You can ask again: "
    "{cmd_request}"
)
STATUS_EXPIRED_APPROVED: Final = (
    "It was approved but could not be bought in time, so it expired {when}. Nothing was bought. "
    "You can ask again: {cmd_request}"
)
STATUS_EXPIRED_NEVER_READY: Final = (
    "It was approved, but **Send it now** was not pressed in time, so it expired {when}. Nothing "
    "was bought, and nothing is held for it any more. You can ask again: {cmd_request}"
)
STATUS_TRADES: Final = (
    "The market sends each skin that was bought as a Steam trade offer. Accept it within "
    "10 minutes, or it is cancelled. You only receive: if an offer asks for anything of yours, "
    "decline it. We never ask you to log in."
)
SENT_TITLE: Final = "### Request #{number} is sent"
SENT: Final = (
    "{skins}, {total} at most. A moderator decides about it; until buying starts you can cancel it "
    "in {cmd_my_requests}"
)
SENT_DM: Final = "I keep you posted by direct message."
SENT_DM_CLOSED: Final = (
    "I can't write to you, so you could miss the 10 minutes for accepting a trade. Watch "
    "{channel}; for the next time, allow direct messages from this server."
)
SENT_DM_CLOSED_NOWHERE: Final = (
    "I can't write to you, so you could miss the 10 minutes for accepting a trade. For the next "
    "time, allow direct messages from this server."
)

# The question whether to send it now: plain messages, so that a phone shows what they say.

READY_ABOUT: Final = "{skins}, {total} at most"
READY_ABOUT_FROM: Final = "{skins}, {total} at most, from **{guild}**"
READY_TITLE: Final = "✅ **Request #{number} is approved**: {about}"
READY_REMINDER_TITLE: Final = "⏳ **Request #{number} still waits for you**: {about}"
READY_UNTIL: Final = "If you don't press it, it expires {when}."
READY_ONLY_YOU: Final = (
    "-# Only you can press it. I ask here because I can't write to you: allow direct messages from "
    "this server, or watch this channel."
)
READY_IN_CHANNEL: Final = "{member}: {words}"
READY_PRESSED: Final = "✅ Request #{number}: **Send it now** was pressed {when}."
READY_NOT_NEEDED: Final = "Request #{number} goes on; there is nothing to press any more."
READY_TAKEN_BACK: Final = (
    "Request #{number} waits for a decision again, so there is nothing to press at the moment. "
    "Nothing was bought."
)
READY_ENDED: Final = "Request #{number} is {state}. Nothing was bought."
READY_EXPIRED: Final = (
    "⌛ **Request #{number} has expired** {when}: **Send it now** was not pressed in time. Nothing "
    "was bought, and nothing is held for it any more. You can ask again: {cmd_request}"
)
SENT_NOW: Final = (
    "Request #{number} is on its way: buying starts {when}. Keep Steam open; each trade leaves you "
    "10 minutes to accept it."
)


def ready_over_in_words(view: RequestView, frame: Frame) -> str:
    """Return what became of a request whose member was asked to say when they are there."""
    request = view.request
    number = request.number
    if request.state is RequestState.PENDING:
        return READY_TAKEN_BACK.format(number=number)
    if request.never_ready:
        return _fill(READY_EXPIRED, frame, number=number, when=ago(request.changed_at))
    if request.state in FINAL_STATES - {RequestState.CLOSED}:
        return READY_ENDED.format(number=number, state=STATES[request.state])
    if request.ready_at is not None:
        return READY_PRESSED.format(number=number, when=ago(request.ready_at))
    return READY_NOT_NEEDED.format(number=number)


def sent_now(view: RequestView, frame: Frame, *, paused: bool) -> str:
    """Return the answer to the member who has just pressed *Send it now*."""
    request = view.request
    if paused:
        return waits_in_words(WaitReason.PAUSED, frame, for_moderator=False)
    when = ago(request.claimable_at or request.changed_at)
    return SENT_NOW.format(number=request.number, when=when)


QUEUE_ONE: Final = "### {n} request waits for a moderator"
QUEUE_MANY: Final = "### {n} requests wait for a moderator"
QUEUE_NONE: Final = (
    "### Nothing waits for a moderator\nEverything is decided, and nothing is left to be tried "
    "again."
)
QUEUE_ROW: Final = "**#{number}** · {member} · {skins}, {total} at most · {what} · {card}"
QUEUE_PENDING: Final = "waiting for approval, sent {when}"
QUEUE_APPROVED: Final = "approved {when}, not bought yet"
QUEUE_NEEDS_A_PERSON: Final = "**needs a person**, since then: {when}"
QUEUE_TRY_AGAIN: Final = "to be tried again, last tried {when}"
QUEUE_CARD: Final = "[card]({url})"
QUEUE_NO_CARD: Final = "its card isn't posted"
QUEUE_CHOICE: Final = "#{number} · {skins}, {total} at most · {state}"
SELECT_QUEUE: Final = "Open one of them"
CARD_STANDS_AGAIN: Final = "The card of request #{number} is posted again: {url}"
CARD_STANDS: Final = "The card of request #{number} stands already, so nothing was posted: {url}"
CARD_COMING: Final = "The card of request #{number} is about to be posted."
CARD_REFUSED: Final = (
    "The card of request #{number} could not be posted in {channel}: {reason}. Somebody with "
    "Manage Server can mend that or choose another channel: {cmd_setup}. Here in private it works "
    "all the same."
)
CARD_GONE_AGAIN: Final = (
    "The card of request #{number} was posted again before, and is gone once more. Nothing was "
    "posted by your click; press **Post the card again** if it should be."
)
CARD_OVER: Final = "Request #{number} is over: nothing can be decided, so no card is posted."


def card_posted_again(reposted: Reposted, frame: Frame) -> str:
    """Return the answer to *Post the card again*."""
    view, place = reposted.card.view, reposted.card.place
    details: dict[str, str | int] = {"number": view.request.number}
    match place.where:
        case Where.STANDS:
            template = CARD_STANDS_AGAIN if reposted.by_this_press else CARD_STANDS
            details["url"] = card_url(view, place)
        case Where.COMING:
            template = CARD_COMING
        case Where.NOWHERE:
            template = CARD_OVER
        case Where.GONE:
            template = CARD_REFUSED if place.parked_reason else CARD_GONE_AGAIN
            details["reason"] = _parked_reason(place.parked_reason)
            details["channel"] = channel(place.channel_id or 0)
    return _fill(template, frame, **details)


def card_url(view: RequestView, place: CardPlace) -> str:
    """Return the link to where a card stands."""
    return CARD_URL.format(
        guild=view.request.guild_id, channel=place.channel_id, message=place.message_id
    )


CARD_URL: Final = "https://discord.com/channels/{guild}/{channel}/{message}"


def queue_what(view: RequestView) -> str:
    """Return why a request waits for a moderator, and since when."""
    request = view.request
    if view.needs_a_person:
        return QUEUE_NEEDS_A_PERSON.format(when=ago(request.attention_at or request.changed_at))
    match request.state:
        case RequestState.PENDING:
            return QUEUE_PENDING.format(when=ago(request.submitted_at or request.created_at))
        case RequestState.APPROVED:
            return QUEUE_APPROVED.format(when=ago(request.decided_at or request.changed_at))
        case _:
            return QUEUE_TRY_AGAIN.format(when=ago(request.changed_at))


LIST_TITLE: Final = "### Your requests"
LIST_NONE: Final = "You haven't asked for anything here yet. {cmd_request} opens your basket."
LIST_ROW: Final = "**#{number}** · {state} · {skins}, {total} · {when}"
CANCEL_QUESTION: Final = (
    "### Cancel request #{number}?\n{skins}, {total} at most. Nothing has been bought, and nothing "
    "will be. **Ask again** puts the same skins into your basket later."
)
CANCELLED_NOW: Final = "Request #{number} is cancelled. Nothing was bought."


def cancelled(view: RequestView) -> str:
    """Return the answer to a member who has just cancelled."""
    return CANCELLED_NOW.format(number=view.request.number)


# Trades: what was bought on its way to the member.

TRADE_BOUGHT: Final = "bought"
TRADE_SENT: Final = "being sent"
TRADE_WAITS: Final = "waits in Steam until {when}"
TRADE_SENT_LONG: Final = "being sent, which takes longer than usual"
TRADE_WAITS_LONG: Final = "waits in Steam for longer than usual"
TRADE_WAITS_UNTIMED: Final = "waits in Steam"
TRADE_DELIVERED: Final = "delivered, final on {day}"
TRADE_DELIVERED_UNTIMED: Final = "delivered"
TRADE_FINAL: Final = "delivered for good"

COUNT_FINAL: Final = "{n} delivered for good"
COUNT_DELIVERED: Final = "{n} delivered"
COUNT_WAITING: Final = "{n} waiting in Steam until {when}"
COUNT_WAITING_FIRST: Final = "{n} waiting in Steam, the first until {when}"
COUNT_WAITING_UNTIMED: Final = "{n} waiting in Steam"
COUNT_SENT: Final = "{n} being sent"
COUNT_LOST: Final = "{n} not delivered"

TRADES_ONE: Final = "⏱ **{skin}**: your trade is waiting in Steam. {where}"
TRADES_MANY: Final = "⏱ {trades} wait for you in Steam. {where}"
TRADES_OVER: Final = "None of these trades waits in Steam any more. {where}"
TRADES_OVER_ONE: Final = "This trade doesn't wait in Steam any more. {where}"
TRADES_FROM: Final = "From **{guild}** (request #{number})."
TRADES_FROM_HERE: Final = "Request #{number}."
TRADES_UNTIL: Final = (
    "Accept it before {when} ({ago}): after that the trade is cancelled and nothing arrives."
)
TRADES_UNTIL_MANY: Final = (
    "Accept each in time, the first before {when} ({ago}): after that a trade is cancelled and "
    "nothing arrives."
)
TRADES_UNTIL_UNTIMED: Final = (
    "Accept within 10 minutes: after that a trade is cancelled and nothing arrives."
)
TRADES_SAFE: Final = (
    "You only receive. If an offer asks for anything of yours, decline it. We never ask you to "
    "log in."
)
TRADES_PHONE: Final = "On a phone, open the Steam app if the link asks for a password."
TRADES_ROW: Final = "{sign} {{skin}}: {state}"
TRADES_ROW_WAITS: Final = "⏱ {{skin}}: until {when}"
TRADES_MORE: Final = "… and {n} more"
TRADES_LOST: Final = (
    "Not everything arrived. **Show request #{number}** says why, and what can be done about it."
)
TRADES_CALL_ONE: Final = (
    "⏱ {member}, a trade waits for you in Steam (request #{number}). I can't write to you, so "
    "press **Open my trades**: only you see what it shows."
)
TRADES_CALL_MANY: Final = (
    "⏱ {member}, {trades} wait for you in Steam (request #{number}). I can't write to you, so "
    "press **Open my trades**: only you see what it shows."
)
TRADES_CALL_OVER: Final = (
    "{member}, none of these trades waits in Steam any more (request #{number}). What became of "
    "them: {cmd_my_requests}"
)
TRADES_CALL_OVER_ONE: Final = (
    "{member}, this trade doesn't wait in Steam any more (request #{number}). What became of it: "
    "{cmd_my_requests}"
)
TRADES_TITLE: Final = "### Your trades of request #{number}"
TRADES_NONE: Final = "No trade of request #{number} waits in Steam at the moment: {how}."


@dataclass(frozen=True, slots=True)
class TradeState:
    """Where a purchase stands on its way to the member, in a sign and a few words."""

    sign: str
    words: str


def trade_state(attempt: Attempt | None) -> TradeState:
    """Return where a purchase stands; without one, or if nobody has asked yet, it is bought."""
    status = attempt.offer_status if attempt else None
    if attempt is None or status is None:
        return TradeState("📦", TRADE_BOUGHT)
    if attempt.failed:
        return TradeState("✖", _loss_of(attempt).heading)
    if status == OfferStatus.ACCEPTED:
        return TradeState("✅", _delivered_in_words(attempt))
    if status != OfferStatus.WAITING_ACCEPT:
        return TradeState("📦", TRADE_SENT_LONG if attempt.is_stuck else TRADE_SENT)
    if attempt.is_stuck:
        return TradeState("⏱", TRADE_WAITS_LONG)
    ends_at = attempt.trade_ends_at
    words = TRADE_WAITS_UNTIMED if ends_at is None else TRADE_WAITS.format(when=clock_time(ends_at))
    return TradeState("⏱", words)


def _delivered_in_words(attempt: Attempt) -> str:
    if attempt.closed_at is not None:
        return TRADE_FINAL
    final_at = attempt.final_at
    return (
        TRADE_DELIVERED_UNTIMED if final_at is None else TRADE_DELIVERED.format(day=day(final_at))
    )


def counts_in_words(view: RequestView, *, with_lost: bool = False) -> str:
    """Return how many of the skins that were bought have come how far; "" if none was bought.

    ``with_lost``: and how many came to nothing.
    """
    found: Counter[str] = Counter()
    ends: set[int | None] = set()
    for line in view.in_state(LineState.PURCHASED):
        last = line.last
        if last is None or last.moves:
            waits = last is not None and last.waits
            found[COUNT_WAITING if waits else COUNT_SENT] += 1
            ends |= {last.trade_ends_at} if last is not None and waits else set()
        else:
            found[COUNT_DELIVERED if last.closed_at is None else COUNT_FINAL] += 1
    if with_lost:
        found[COUNT_LOST] = sum(bool(line.lost) for line in view.lines)
    times = sorted(clock_time(at) for at in ends if at is not None)
    waiting = COUNT_WAITING if len(set(times)) == 1 else COUNT_WAITING_FIRST
    order = (COUNT_FINAL, COUNT_DELIVERED, COUNT_WAITING, COUNT_SENT, COUNT_LOST)
    said = {COUNT_WAITING: waiting if times else COUNT_WAITING_UNTIMED}
    return ", ".join(
        said.get(what, what).format(n=found[what], when=times[0] if times else "")
        for what in order
        if found[what]
    )


def trades(n: int) -> str:
    """Return "1 trade" or "9 trades"."""
    return plural(n, "{n} trade", "{n} trades")


def trades_until(attempts: Sequence[Attempt]) -> str:
    """Return by when trades that wait have to be accepted; the most urgent stands first."""
    ends_at = attempts[0].trade_ends_at
    if ends_at is None:
        return TRADES_UNTIL_UNTIMED
    template = TRADES_UNTIL if len(attempts) == 1 else TRADES_UNTIL_MANY
    return template.format(when=clock_time(ends_at), ago=ago(ends_at))


def trades_over(told: int, where: str) -> str:
    """Return what a message about so many trades begins with when none of them waits any more."""
    return (TRADES_OVER_ONE if told == 1 else TRADES_OVER).format(where=where)


def trades_over_in_channel(view: RequestView, told: int, frame: Frame) -> str:
    """Return what a call for a member in public becomes when nothing waits any more."""
    request = view.request
    template = TRADES_CALL_OVER_ONE if told == 1 else TRADES_CALL_OVER
    return _fill(template, frame, member=person(request.user_id), number=request.number)


def trade_row(attempt: Attempt) -> str:
    """Return the row of a trade, with room for its skin."""
    if attempt.trade_ends_at is not None:
        return TRADES_ROW_WAITS.format(when=clock_time(attempt.trade_ends_at))
    state = trade_state(attempt)
    return TRADES_ROW.format(sign=state.sign, state=state.words)


def no_trades(view: RequestView) -> str:
    """Return the answer to a member who looks for trades when none waits."""
    how = counts_in_words(view, with_lost=True) or state_in_words(view)
    return TRADES_NONE.format(number=view.request.number, how=how)


# What moderators are told of deliveries that did not go as they should.

_NOBODY_KNOWS_MONEY: Final = (
    "We don't know whether the money comes back; until it is seen back it counts as spent."
)
NOTICE_TITLE: Final = "⚠ Request #{number} of {member}: news about what was bought."
NOTICE_RETURNED_MEMBER: Final = (
    "**Returned from {member}'s Steam account, under Steam's trade protection.** "
    + _NOBODY_KNOWS_MONEY
)
NOTICE_RETURNED_SUPPLIER: Final = (
    "**Taken back by its seller, under Steam's trade protection.** {member} had no part in that. "
    + _NOBODY_KNOWS_MONEY
)
NOTICE_LOST: Final = "**Not delivered: {heading}.** " + _NOBODY_KNOWS_MONEY
NOTICE_STUCK: Final = (
    "**The delivery takes too long.** The market goes on being asked about it, and nothing is "
    "bought in its place. If it stays so, ask SkinsBack, with the number of the purchase."
)
NOTICE_ARRIVED: Final = (
    "**Arrived after all.** It had taken too long, or been called not delivered. Its money counts "
    "as spent, also if it had been booked as back."
)
NOTICE_ARRIVED_TWICE: Final = (
    "**Arrived after all, and was bought again meanwhile: {member} may have two of it.** It had "
    "been called not delivered. The money of both counts as spent."
)
NOTICE_MOVES: Final = "**On its way again.** It had been called over, or had taken too long."
NOTICE_ROW: Final = "- {skin} · {paid}"
NOTICE_ROW_STUCK: Final = "- {skin}: {state}, unchanged since {since} (purchase {buy_id})"


def notice_lost(attempt: Attempt) -> str:
    """Return what stands over purchases that did not reach the member after all."""
    return NOTICE_LOST.format(heading=_loss_of(attempt).heading)


# The result message.

RESULT_ALL: Final = "### {member}: all {skins} bought"
RESULT_ONE: Final = "### {member}: the skin is bought"
RESULT_SOME: Final = "### {member}: {bought} of {skins} bought"
RESULT_LOST: Final = "### {member}: {bought} of {skins} bought, {lost} not delivered"
RESULT_NONE: Final = "### {member}: nothing could be bought"
RESULT_UNSURE: Final = "### {member}: no clear answer from the market yet"
RESULT_WHO: Final = "Request #{number} · approved by {moderator}"
RESULT_WHO_NOBODY: Final = "Request #{number}"
RESULT_IN_VAIN: Final = "{paid} paid by the server for what was not delivered."
RESULT_TOTAL: Final = "{paid} paid by the server for {skins}."
RESULT_NOTHING_PAID: Final = "Nothing was paid."

# The basket.

_NAMED: Final = 3
"""Skins that are named where something is said of several; the rest is counted."""

BASKET_TITLE: Final = "### Your basket: {count} of {skins}"
BASKET_PRIVATE: Final = "-# Only you see this. It is kept until you send it or empty it."
BASKET_EMPTY: Final = (
    "### Your basket is empty\nPut in what you would like to have; nothing is sent to anyone until "
    "you say so."
)
BASKET_TOTAL: Final = "**{skins}: {quote} today, {ceiling} at most**"
BASKET_TO: Final = "To Steam account …{steam_end}"
BASKET_TO_NOBODY: Final = "No Trade URL yet. Press **Trade URL** to say where your skins should go."
BASKET_NOTE: Final = "Note: {note}"
BASKET_NO_NOTE: Final = "No note"
BASKET_LEFT: Final = "Left for you: {left}"
BASKET_LEFT_NO_REQUEST: Final = "no request until one is done ({open})"
BASKET_LEFT_NO_SKIN: Final = "no more skins"
PRICES_SMALL: Final = "-# {prices}"
LINE_TITLE: Final = "### {skin}"
LINE_TODAY: Final = "{quantity} × {quote} when you picked it"
LINE_NOW: Final = "{quantity} × {price} today ({count} for sale)"
LINE_NOW_OTHER: Final = "{quantity} × {price} today ({count} for sale), {quote} when you picked it"
LINE_NOW_LISTING: Final = (
    "{quote} when you picked it; the cheapest one is {price} today ({count} for sale)"
)
LINE_CEILING: Final = "At most {ceiling} each"
LINE_CEILING_ONE: Final = "At most {ceiling}"
LINE_LISTING: Final = "Only listing {listing_id}: if it is gone, nothing is bought in its place."
MATCHES_TITLE: Final = "### Which ones do you mean?"
MATCHES_ABOUT: Final = "“{typed}” fits {matches}. Shown: {first} to {last} of {total}."
MATCHES_ALL: Final = "“{typed}” fits {matches}."
MATCHES_ASKED: Final = "You asked for {quantity}."
MATCHES_ASKED_CEILING: Final = "You asked for {quantity}, at most {ceiling} each."
MATCHES_ASKED_CEILING_ONE: Final = "You asked for one at {ceiling} at most."
MATCHES_NARROW: Final = (
    "Not among them? **Search again** with one word more, like `ft` or `stattrak`."
)
MATCHES_OTHER: Final = "Not among them? **Search again** with other words."
MATCH_TOO_DEAR: Final = "{about} · ⚠ over your limit"
MORE_TITLE: Final = "### More about your basket"
EMPTY_QUESTION: Final = "### Empty your basket?\nWhat goes: {what}."
EMPTY_SKINS_AND_NOTE: Final = "{skins} and the note"
EMPTY_NOTE: Final = "the note"

ADDED: Final = "Added: **{skin}** ×{quantity}, at most {ceiling} each."
ADDED_ONE: Final = "Added: **{skin}**, at most {ceiling}."
ADDED_LISTING: Final = "Added: **{skin}**, listing {listing_id}, at most {ceiling}."
ADDED_GUESSED: Final = (
    "{added} It is the only match for “{typed}”. Not that one? Press **Search again**, and remove "
    "it below."
)
ADDED_SEVERAL: Final = "Added: {skins}."
ADDED_NONE: Final = "Nothing was added."
ADDED_TO_CHANGED: Final = "Your basket had changed while you typed; the rest of it is untouched."
ADDED_TO_NEW: Final = "Your basket was sent while you typed, so this is the next one."
LEFT_OUT: Final[Mapping[Why, str]] = {
    Why.NO_ROOM: "✖ **{skin}**: no room, a request holds {lines_max} skins here",
    Why.SOLD_OUT: "✖ **{skin}**: nobody sells it at the moment",
    Why.TOO_DEAR: "✖ **{skin}**: the cheapest costs {cheapest}, more than you wanted to pay",
    Why.NOT_OFFERED: "✖ **{skin}**: this server no longer offers its game",
    Why.NO_PRICES: "✖ **{skin}**: the prices of its game are not read yet",
}
NOTE_CHANGED: Final = (
    "The note had changed while you typed, so yours was not saved. This is what you typed: “{note}”"
)
CEILING_CHANGED: Final = (
    "This price limit had changed while you typed, so yours ({typed}) was not saved. Now it is at "
    "most {ceiling} each."
)
CEILING_GONE: Final = (
    "The skin that you typed a price limit for ({typed}) is not in this basket any more."
)
REMOVED: Final = "Removed: **{skin}**."
EMPTIED: Final = "Your basket is empty now."
NOTE_SAVED: Final = "The note is saved."
CEILING_SAVED: Final = "The price limit is saved: at most {ceiling} each."


def empty_question(basket: Basket) -> str:
    """Return the question before a basket is emptied: what of it goes."""
    what = skins(basket.lines_count)
    if basket.note:
        what = EMPTY_SKINS_AND_NOTE.format(skins=what) if basket.picks else EMPTY_NOTE
    return EMPTY_QUESTION.format(what=what)


def added(pick: Pick, *, typed: str = "") -> str:
    """Return what stands over a screen after a skin was put in, and how its limit was read.

    ``typed``: what it is the only match for, if that is not its name.
    """
    template = ADDED_ONE if pick.quantity == 1 else ADDED
    if pick.listing_id is not None:
        template = ADDED_LISTING
    words = template.format(
        skin=_shown_text(pick.market_hash_name),
        quantity=pick.quantity,
        ceiling=usd(pick.ceiling),
        listing_id=pick.listing_id,
    )
    # A listing is no guess, however its name was typed.
    if typed and pick.listing_id is None:
        return ADDED_GUESSED.format(added=words, typed=_shown_text(typed))
    return words


def added_several(picks: Sequence[Pick]) -> str:
    """Return what stands over the basket after skins were chosen from results, or none."""
    if not picks:
        return ADDED_NONE
    if len(picks) == 1:
        return added(picks[0])
    names = [f"**{_shown_text(pick.market_hash_name)}**" for pick in picks]
    return ADDED_SEVERAL.format(skins=_some(names))


def pick_about(pick: Pick) -> str:
    """Return what a row of the basket says below its name, and a menu beside it."""
    template = ABOUT_PICK_ONE if pick.quantity == 1 else ABOUT_PICK
    if pick.listing_id is not None:
        template += ROW_LISTING
    return template.format(
        quantity=pick.quantity,
        quote=usd(pick.quote),
        ceiling=usd(pick.ceiling),
        listing_id=pick.listing_id,
    )


def left_out_in_words(left_out: LeftOut, lines_max: int) -> str:
    """Return one row about a skin that was chosen and is not in the basket."""
    return LEFT_OUT[left_out.why].format(
        skin=_shown_text(left_out.market_hash_name),
        lines_max=lines_max,
        cheapest="" if left_out.cheapest is None else usd(left_out.cheapest),
    )


def left_in_words(left: Left) -> str:
    """Return what the server's limits leave a member, the narrowest thing first."""
    if left.requests:
        wanted = plural(left.requests, "{n} request", "{n} requests")
    else:
        numbers = ", ".join(f"#{number}" for number in left.open_numbers)
        wanted = BASKET_LEFT_NO_REQUEST.format(open=numbers)
    room = plural(left.skins, "{n} more skin", "{n} more skins")
    parts = (wanted, room if left.skins else BASKET_LEFT_NO_SKIN)
    return BASKET_LEFT.format(left=CHOICE_SEPARATOR.join(parts))


def note_changed(typed: str) -> str:
    """Return what stands over the basket after a note that would have replaced a newer one."""
    return NOTE_CHANGED.format(note=escape(clean_line(typed, length_max=NOTE_MAX)))


def ceiling_changed(typed: str, now: Micros | None) -> str:
    """Return what stands over a screen after a limit that would have replaced a newer one.

    ``now``: the limit that stands; None: the skin is gone.
    """
    template = CEILING_GONE if now is None else CEILING_CHANGED
    return template.format(typed=_shown_text(typed), ceiling="" if now is None else usd(now))


def removed(skin: str) -> str:
    """Return what stands over the basket after a skin was taken out."""
    return REMOVED.format(skin=_shown_text(skin))


def ceiling_saved(ceiling: Micros) -> str:
    """Return what stands over the line after its price limit was changed."""
    return CEILING_SAVED.format(ceiling=usd(ceiling))


# Looking through the skins on the market.

SKINS_TITLE: Final = "### Skins on the market"
SKINS_TITLE_TYPED: Final = "### Skins on the market: “{typed}”"
SKINS_SHOWN: Final = "{first} to {last} of {total}"
SKINS_SHOWN_ONE: Final = "{first} of {total}"
SKINS_NONE: Final = "No skin fits that. **Search** with fewer words, like `redline ft`."
SKINS_NONE_LEFT: Final = (
    "No skin fits that with these filters. Press **Clear filters**, or change one in **Filters**."
)
SKINS_FILTERED: Final = "Only: {filters}"
SKINS_UNFILTERED: Final = "No filter is set."
SKINS_FORGOTTEN: Final = (
    "What that screen showed is too long ago, so the tap did nothing. Here are all skins, from the "
    "beginning."
)
SKINS_STALE: Final = (
    "Your basket has changed since this page was drawn, so nothing was added. Choose once more if "
    "you still want them."
)
SKINS_PUT: Final = "Added to your basket: {skins}, one of each."
SKINS_PUT_ONE: Final = "Added to your basket: **{skin}**, at most {ceiling}."
FILTERS_TITLE: Final = "### Filters"
FILTERS_FIT_ONE: Final = "1 skin fits"
FILTERS_FIT: Final = "{n} skins fit"
FILTERS_SWAPPED: Final = "The lower price is the first one, so I swapped them: {prices}."
FILTER_ANY_GAME: Final = "All games"
FILTER_ANY_WEAR: Final = "Any wear"
FILTER_STATTRAK: Final[Mapping[bool | None, str]] = {
    None: "With and without StatTrak™",
    True: "Only StatTrak™",
    False: "Without StatTrak™",
}
FILTERED_STATTRAK: Final[Mapping[bool, str]] = {True: "StatTrak™", False: "without StatTrak™"}
FILTER_IN_STOCK: Final = "for sale now"
FILTER_PRICES: Final = "{lowest} to {highest}"
FILTER_PRICE_MIN: Final = "from {lowest}"
FILTER_PRICE_MAX: Final = "up to {highest}"

SKIN_IN_BASKET: Final = "{n} in your basket"
SKIN_TODAY: Final = "{price} today · {count} for sale"
SKIN_NONE_LEFT: Final = "Nobody sells it at the moment."
SKIN_GONE: Final = "It can't be asked for here any more: the price list doesn't have it."
SKIN_USUAL: Final = "Usual price of the last two weeks: {usual}"
SKIN_IN_BASKET_OF: Final = "In your basket: {n} of it, and {count} of {skins} in all"
SKIN_TAPPED_TWICE: Final = (
    "That tap came twice or from an old screen, so nothing more was added. In your basket: {n} of "
    "it."
)

LISTINGS_TITLE: Final = "### Listings: {skin}"
LISTINGS_ABOUT: Final = (
    "Each of them is one certain skin, the cheapest first. If somebody else buys it before your "
    "request is bought, nothing is bought in its place. If you just want the cheapest, go back and "
    "press **{button}**."
)
LISTINGS_READ: Final = "-# {first} to {last} of {total}, read {ago}"
LISTINGS_CUT: Final = (
    "-# {first} to {last} of the cheapest {shown}; {total} are for sale, read {ago}"
)
LISTINGS_NONE: Final = "Nobody sells it at the moment, as far as the market tells."
LISTING_ROW: Final = "{n}. {price} · listing {listing_id}"
LISTING_ROW_HAD: Final = "{n}. {price} · listing {listing_id} · in your basket"
LISTING_OPTION: Final = "{price} · listing {listing_id}"
LISTING_PUT: Final = "Added to your basket: **{skin}**, listing {listing_id}, at most {ceiling}."
LISTING_MISSED: Final = (
    "Listing {listing_id} was sold or taken back meanwhile. Nothing was added; choose another one."
)
LISTINGS_UNREACHABLE: Final = (
    "The market doesn't answer at the moment, so its listings can't be shown. Nothing was changed. "
    "You can still add the cheapest one, or try again in a minute."
)
PAGE_UNREADABLE: Final = "I can't read “{typed}” as a page. Write a number, like `3`."

BUTTON_FILTERS: Final = "Filters"
BUTTON_FIND: Final = "Search"
BUTTON_CLEAR: Final = "Clear filters"
BUTTON_BASKET: Final = "Basket ({count})"
BUTTON_ADD_ONE: Final = "Add to basket"
BUTTON_ADD_MORE: Final = "Add one more"
BUTTON_LISTINGS: Final = "Listings"
BUTTON_TO_SKINS: Final = "Back to the list"
BUTTON_PRICES: Final = "Price range"
BUTTON_IN_STOCK: Final = "Only for sale now"
BUTTON_SOLD_OUT_TOO: Final = "Sold out ones too"
BUTTON_SHOW_SKINS: Final = "Show {skins}"
SELECT_LOOK: Final = "Look at one of them"
SELECT_PUT: Final = "Add some of them, one of each"
SELECT_GAME: Final = "Game"
SELECT_WEAR: Final = "Wear"
SELECT_STATTRAK: Final = "StatTrak™"
SELECT_LISTING: Final = "Add one of these listings"
MODAL_FIND: Final = "Search the market"
MODAL_PRICES: Final = "Price range"
MODAL_GO: Final = "Go to a page"
FIELD_FIND_ABOUT: Final = "Its name, or parts of it: redline ft. Empty: everything."
FIELD_FROM: Final = "From (optional)"
FIELD_TO: Final = "To (optional)"
FIELD_FROM_ABOUT: Final = "In dollars, like 5 or 12.50. Empty: no lowest price."
FIELD_TO_ABOUT: Final = "In dollars, like 5 or 12.50. Empty: no highest price."
FIELD_PAGE: Final = "Page"
FIELD_PAGE_ABOUT: Final = "1 to {pages}"


def price_range(filters: Filters) -> str:
    """Return between which prices a search looks, or nothing if between any."""
    lowest, highest = filters.price_min, filters.price_max
    if lowest is None:
        return "" if highest is None else FILTER_PRICE_MAX.format(highest=usd(highest))
    if highest is None:
        return FILTER_PRICE_MIN.format(lowest=usd(lowest))
    return FILTER_PRICES.format(lowest=usd(lowest), highest=usd(highest))


def filters_in_words(filters: Filters) -> str:
    """Return what a search is narrowed to, or that it isn't."""
    said = [
        game_name(filters.game) if filters.game else "",
        filters.wear or "",
        "" if filters.stattrak is None else FILTERED_STATTRAK[filters.stattrak],
        price_range(filters),
        FILTER_IN_STOCK if filters.in_stock else "",
    ]
    active = " · ".join(filter(None, said))
    return SKINS_FILTERED.format(filters=active) if active else SKINS_UNFILTERED


def skins_put(put: Sequence[Pick], left_out: Sequence[LeftOut], lines_max: int) -> str:
    """Return what stands over a page after some of it were added, and what was not."""
    said = []
    if len(put) == 1:
        name, ceiling = _shown_text(put[0].market_hash_name), usd(put[0].ceiling)
        said.append(SKINS_PUT_ONE.format(skin=name, ceiling=ceiling))
    elif put:
        said.append(SKINS_PUT.format(skins=skins(len(put))))
    said += [left_out_in_words(one, lines_max) for one in left_out]
    return "\n".join(said)


def listing_put(skin: str, listing_id: int, ceiling: Micros) -> str:
    """Return what stands over the listings after one was added."""
    return LISTING_PUT.format(skin=_shown_text(skin), listing_id=listing_id, ceiling=usd(ceiling))


def listing_missed(listing_id: int) -> str:
    """Return what stands over the listings after one was chosen that is gone."""
    return LISTING_MISSED.format(listing_id=listing_id)


def page_unreadable(typed: str) -> str:
    """Return what stands over a page after something was typed that is no number of a page."""
    return PAGE_UNREADABLE.format(typed=_shown_text(typed))


# A pasted list.

PASTE_TITLE: Final = "### {lines} not in your basket yet"
PASTE_KEPT: Final = (
    "-# Only you see this. What is left is kept until you choose a skin, fix it or leave it out."
)
PASTE_LINE: Final = "“{typed}”\n{reason}"
PASTE_LEAVE_QUESTION: Final = "### Leave them out?\nWhat is forgotten: {typed}"
PASTE_REASONS: Final[Mapping[WhyNot, str]] = {
    WhyNot.NO_NAME: "It has a number and no name. Write the name of the skin as well.",
    WhyNot.NUMBER: (
        "Its number may be how many, or a price. Write `x2` for how many and `@ 15` for a price."
    ),
    WhyNot.QUANTITY: "A line can ask for 1 to {highest} skins.",
    WhyNot.PRICE: "I can't read its price. Write it in dollars, like `@ 12.50`.",
    WhyNot.PRICE_RANGE: "A price limit can be {lowest_price} to {highest_price}.",
    WhyNot.CURRENCY: "Prices are in US dollars here. Write it in dollars, like `@ 12.50`.",
    WhyNot.LISTING_QUANTITY: (
        "A listing number stands for one skin only. Leave it out to get several."
    ),
    WhyNot.UNKNOWN: "The market has no skin of that name.",
    WhyNot.UNCLEAR: "Which one do you mean?",
    WhyNot.SOLD_OUT: "Nobody sells it at the moment.",
    WhyNot.CEILING: "It costs {price} at the moment, more than your limit of {ceiling}.",
    WhyNot.ROOM: "It asks for {skins}, and your basket has room for {room}.",
    WhyNot.LISTING_GONE: "Listing {listing_id} of it is not for sale.",
    WhyNot.LISTING_TWICE: (
        "Listing {listing_id} is in your basket already, and there is only one of it."
    ),
    WhyNot.MARKET: "The market doesn't answer, so I can't look at that listing. Try again later.",
    WhyNot.NO_PRICES: "I have no price list of the market yet. Try again in a minute.",
    WhyNot.NOT_YET: "It can go in now: press **Try again**.",
}
PASTE_IS_IT: Final = "Is it **{skin}**? Choose it below if it is."
PASTE_NO_ROOM: Final = "Your basket is full."
PASTED: Final = "Added {skins}: {names}."
PASTED_NOTHING: Final = "Nothing was added yet; each line below says why."
PASTED_EMPTY: Final = (
    "There was no skin in what you sent, so nothing was changed. Write one on a line, like "
    "`2x AK-47 | Redline (Field-Tested) @ 15`."
)
PASTED_OUTDATED: Final = (
    "Your basket had changed since you opened the form; what was in it is still there."
)
PASTED_LATE: Final = (
    "Your basket had changed while you were writing, so nothing was put in. What you wrote is kept "
    "here: press **Try again** to put in what is clear."
)
PASTED_TWICE: Final = (
    "That form came in twice. It was read the first time, so nothing was added now."
)
PASTED_UNREAD: Final = "{read} lines are read at a time; {lines} after them are only kept."
PASTED_DROPPED: Final = (
    "{lines} at the end could not be kept, because too many are waiting already. Paste them again "
    "when these are done."
)
PASTE_LEFT_OUT: Final = "Left out: {typed}."

_PASTED_NAMES: Final = 5


def lines(n: int) -> str:
    """Return "1 line" or "3 lines"."""
    return plural(n, "{n} line", "{n} lines")


def lines_left(n: int) -> str:
    """Return the button that leads to what is left of a pasted list."""
    return plural(n, "{n} line left", "{n} lines left")


def basket_pasted_left(n: int) -> str:
    """Return what the basket says about what is left of a pasted list."""
    return plural(
        n, "{n} line of your list is not in yet.", "{n} lines of your list are not in yet."
    )


def why_left(line: LineLeft, room: int) -> str:
    """Return why a line isn't in the basket, which takes ``room`` skins more."""
    if line.why is WhyNot.ROOM and room < 1:
        return PASTE_NO_ROOM
    if line.why is WhyNot.UNCLEAR and len(line.options) == 1:
        only = line.options[0].quote.market_hash_name
        return PASTE_IS_IT.format(skin=_shown_text(only))
    return PASTE_REASONS[line.why].format(
        highest=LINES_HARD_MAX,
        lowest_price=usd(CENT),
        highest_price=usd(CEILING_MAX),
        price=usd(line.quote.price) if line.quote else "",
        ceiling=usd(line.wanted.ceiling) if line.wanted.ceiling else "",
        skins=skins(line.wanted.quantity),
        room=room,
        listing_id=line.wanted.listing_id,
    )


def pasted_line(line: LineLeft, room: int) -> str:
    """Return a line as it was typed, and why it isn't in the basket."""
    return PASTE_LINE.format(typed=_shown_text(line.text), reason=why_left(line, room))


def pasted_option(option: Option, wanted: Reading) -> str:
    """Return what a skin would go in with, if it is chosen for a line."""
    template = SELECT_PASTED_ABOUT_ONE if wanted.quantity == 1 else SELECT_PASTED_ABOUT
    return template.format(
        quantity=wanted.quantity,
        price=usd(option.quote.price),
        ceiling=usd(option.ceiling),
        count=f"{option.quote.count:,}",
    )


def _pasted_names(pasted: Pasted) -> str:
    names = [_named_times(pick.market_hash_name, pick.quantity) for pick in pasted.added]
    return _some(names, at_most=_PASTED_NAMES)


def pasted(came: Pasted, *, fixing: bool = False) -> str:
    """Return what stands over the screen after a list was sent: all that came of it."""
    if not came.read:
        return PASTED_EMPTY
    if came.again:
        return PASTED_TWICE
    if fixing and came.outdated:
        return PASTED_LATE
    count = sum(pick.quantity for pick in came.added)
    said = [
        PASTED.format(skins=skins(count), names=_pasted_names(came)) if count else PASTED_NOTHING
    ]
    if came.outdated:
        said.append(PASTED_OUTDATED)
    if came.unread:
        said.append(PASTED_UNREAD.format(read=READ_AT_ONCE, lines=lines(came.unread)))
    if came.dropped:
        said.append(PASTED_DROPPED.format(lines=lines(came.dropped)))
    return " ".join(said)


def typed_lines(typed: Sequence[str]) -> str:
    """Return some lines of a list in quotes, the first of them if there are many."""
    return _some([f"“{_shown_text(line)}”" for line in typed], at_most=_PASTED_NAMES)


def pasted_left_out(typed: Sequence[str]) -> str:
    """Return what stands over the screen after lines were left out."""
    return PASTE_LEFT_OUT.format(typed=typed_lines(typed))


# The Trade URL.

URL_TITLE: Final = "### Your Trade URL"
URL_WHY: Final = (
    "It tells the market which Steam account your skins go to. With it somebody can send you trade "
    "offers, and nothing else: it can't take anything from you. It is stored encrypted, and nobody "
    "on this server is shown it."
)
URL_HOW: Final = (
    "1. Open {trade_url_page} (the button below leads there).\n"
    "2. Under *Third-Party Sites*, press **Copy**.\n"
    "3. Come back, press **{button}** and paste it."
)
URL_KNOWN: Final = "Yours at the moment: `{masked}`, for [this Steam account]({profile})."
URL_CONFIRM_TITLE: Final = "### Is this your account?"
URL_CONFIRM: Final = (
    "The Trade URL belongs to Steam account **{steam_id}**: {profile}\nSkins that go to it can't "
    "be called back, so please look at the profile before you say yes."
)
URL_FORGET: Final = (
    "### Forget your Trade URL?\nRequests that are already sent keep their own copy until they are "
    "done. For the next request you enter it again. Only the number of your Steam account stays "
    "noted, without the secret part of the URL: nobody may approve a request to their own account."
)
URL_SAVED: Final = "Your Trade URL is saved, for Steam account …{steam_end}."
URL_SAVED_TITLE: Final = "### Saved"
URL_FORGOTTEN: Final = "Your Trade URL is forgotten."
URL_NOTHING_TO_FORGET: Final = "There was no Trade URL to forget."
URL_RENEWED: Final = "Request #{number} uses the new Trade URL."
URL_VOIDED: Final = (
    "Request #{number} now goes to another Steam account, so it has to be approved again."
)
URL_SAME: Final = (
    "It is the same Trade URL that request #{number} could not be sent with. Steam shows the one "
    "that works now on {trade_url_page}; if it shows this one, make a new one there first."
)
URL_ELSEWHERE: Final = (
    "What was bought for request #{number} was approved for your other Steam account, and nothing "
    "of it goes to this one. Skins for this account need a new approval: **Ask again for these** "
    "puts what you are missing into your basket."
)
URL_UNTOUCHED: Final = (
    "Request #{number} still goes to the Steam account it was sent for; a new account never "
    "changes a request by itself."
)

# What a member missed, and asking for it again.

HERE_NOW: Final = (
    "The moderators are told that you are in Steam now. Keep it open: as soon as one of them has "
    "request #{number} sent again and the trade waits, you are told. Nothing is sent before."
)
HERE_BEFORE: Final = (
    "The moderators know already that you are waiting for request #{number}. As soon as one of "
    "them has it sent again and the trade waits, you are told."
)
HERE_MESSAGE: Final = (
    "{member} said {when} that they have Steam open, and asks for another try of request "
    "#{number}: {skins} not accepted in time, {total} at most."
)
HERE_OVER: Final = (
    "{member} asked for another try of request #{number}. Nothing waits for that any more."
)
ASKED_AGAIN: Final = (
    "In your basket now, at today's prices: {added} of request #{number}. Nothing is sent before "
    "you look at it and press **Send for approval**: {cmd_request}"
)
ASKED_AGAIN_NOTHING: Final = (
    "Nothing was added: your basket has all of request #{number} that it can have. Look at it with "
    "{cmd_request}"
)
ASKED_AGAIN_LEFT_OUT: Final[Mapping[Why, str]] = {
    Why.SOLD_OUT: "Left out, because nobody sells it at the moment: {skins}.",
    Why.NOT_OFFERED: "Left out, because this server no longer offers its game: {skins}.",
    Why.NO_PRICES: (
        "Left out, because the prices of its game are not read yet: {skins}. Please try again in a "
        "minute."
    ),
    Why.NO_ROOM: "Left out, because your basket has no room for more: {skins}.",
}
ASKED_AGAIN_BY_NAME: Final = (
    "You had picked a certain listing of {skins}. That is not repeated: it is now whichever is "
    "cheapest."
)
ASKED_AGAIN_NOTE: Final = "Instead of what did not arrive of request #{number}"


def here_in_words(view: RequestView, *, news: bool) -> str:
    """Return the answer to a member who says that they are there."""
    return (HERE_NOW if news else HERE_BEFORE).format(number=view.request.number)


def asked_again_in_words(asked: AskedAgain, frame: Frame) -> str:
    """Return the answer to a member who asks for the skins of a request again."""
    template = ASKED_AGAIN if asked.added else ASKED_AGAIN_NOTHING
    words = [_fill(template, frame, added=skins(asked.added), number=asked.number)]
    for why, sentence in ASKED_AGAIN_LEFT_OUT.items():
        left = [one for one in asked.left_out if one.why is why]
        if left:
            names = [_named_times(one.market_hash_name, one.quantity) for one in left]
            words.append(sentence.format(skins=_some(names)))
    if asked.by_name:
        names = [_shown_text(name) for name in asked.by_name]
        words.append(ASKED_AGAIN_BY_NAME.format(skins=_some(names)))
    return "\n".join(words)


def _named_times(name: str, quantity: int) -> str:
    shown = _shown_text(name)
    return shown if quantity == 1 else SKIN_TIMES.format(skin=shown, quantity=quantity)


def _some(names: Sequence[str], *, at_most: int = _NAMED) -> str:
    """Return the first of some names, and how many more there are."""
    shown = ", ".join(names[:at_most])
    rest = len(names) - at_most
    return f"{shown} {AND_MORE.format(n=rest)}" if rest > 0 else shown


# Prices that moved between basket and sending.

MOVED_TITLE: Final = "### Prices have moved"
MOVED_ABOUT_ONE: Final = (
    "Nothing was sent. One row of your basket can't be bought within its price limit today:"
)
MOVED_ABOUT: Final = (
    "Nothing was sent. {rows} rows of your basket can't be bought within their price limits today:"
)
MOVED_ROW: Final = (
    "- {skin}: picked at {quote}, at most {ceiling}. Today **{today}**, new limit **{new}**"
)
MOVED_ROW_SOLD_OUT: Final = "- {skin}: picked at {quote}. **Sold out** today"
MOVED_THEN: Final = (
    "At today's prices your basket would be {skins}, {total} at most. Now it is {before} at most."
)
MOVED_HOW: Final = (
    "-# **Use today's prices** raises these limits and takes out what is sold out; then you see "
    "your basket once more before you send it."
)
MOVED_TAKEN: Final = (
    "Your basket has today's prices now: {total} at most. Press **Send for approval** to send it."
)
MOVED_TAKEN_OUT: Final = "Taken out, because nobody sells it at the moment: {skins}."
MOVED_REMOVED: Final = "Removed: {skins}."
MOVED_NOT_ANY_MORE: Final = (
    "All of it is within its price limits again. Press **Send for approval** to send it."
)


def moved_row(one: Moved) -> str:
    """Return how a row of the basket was picked and what it costs today."""
    picked, today = one.picked, one.today
    skin = _named_times(picked.market_hash_name, picked.quantity)
    if today is None:
        return MOVED_ROW_SOLD_OUT.format(skin=skin, quote=usd(picked.quote))
    row = MOVED_ROW.format(
        skin=skin,
        quote=usd(picked.quote),
        ceiling=usd(picked.ceiling),
        today=usd(today.quote),
        new=usd(today.ceiling),
    )
    return with_doubts(row, today)


def prices_taken(question: Question) -> str:
    """Return what stands over the basket after today's prices were taken."""
    gone = [one.picked.market_hash_name for one in question.moved if one.today is None]
    words = []
    if question.then.picks:
        words.append(MOVED_TAKEN.format(total=usd(question.then.ceiling_total)))
    if gone:
        words.append(MOVED_TAKEN_OUT.format(skins=_some([_shown_text(name) for name in gone])))
    return "\n".join(words)


def moved_removed(picks: Sequence[Pick]) -> str:
    """Return what stands over the basket after the rows whose prices moved were taken out."""
    names = [_named_times(pick.market_hash_name, pick.quantity) for pick in picks]
    return MOVED_REMOVED.format(skins=_some(names))


# Set-up.

SETUP_STEPS: Final = 4
"""What a server is asked to choose; the last has a default until somebody does."""
SETUP_TITLE: Final = "### Set up Quartermaster: {done} of {all} done"
SETUP_APPROVER: Final = "**1. Who may approve** {finding}"
SETUP_APPROVALS: Final = "**2. Where requests are approved** {finding}"
SETUP_RESULTS: Final = "**3. Where results are posted** {finding}"
SETUP_DELIVERY: Final = "**4. When it is bought** {finding}"
SETUP_ASKERS: Final = "**5. Who may ask:** {who}"
ROLES_SHOWN: Final = 10
SETUP_EVERYONE: Final = "everyone"
SETUP_GAMES: Final = "**6. Whose skins can be asked for:** {games}. {prices}"
SELECT_GAMES: Final = "Choose the games"
PRICES_FROM: Final = "Prices from {when}."
PRICES_OLD: Final = (
    "The market's price list can't be read at the moment; these prices are from {when}."
)
PRICES_NOT_BELIEVED: Final = (
    "The market's price list looks wrong at the moment; these prices are from {when}."
)
PRICES_COMING: Final = "The first price list is still being read."
PRICES_NONE: Final = (
    "There are no prices yet: the market's price list couldn't be read, first {since}."
)
SETUP_LIMITS: Final = (
    "**Limits:** {lines} a request · {open} open a member · price limit = today's price + "
    "{tolerance} % · {undo} to take an approval back"
)
FINDING_NOT_CHOSEN: Final = "▫️ not chosen yet"
FINDING_DELIVERY: Final = "✅ {choice}"
FINDING_DELIVERY_NOT_CHOSEN: Final = (
    "▫️ not chosen yet: until then at once. A trade leaves the member 10 minutes to accept it; "
    "buying when they say that they are there loses far fewer."
)
DELIVERIES: Final[Mapping[Delivery, str]] = {
    Delivery.WHEN_READY: "When the member presses Send it now",
    Delivery.AT_ONCE: "At once after the approval",
}
DELIVERIES_ABOUT: Final[Mapping[Delivery, str]] = {
    Delivery.WHEN_READY: "Recommended: they are there for the 10 minutes that a trade lives",
    Delivery.AT_ONCE: "They are told when the trade waits, and may miss it",
}
SELECT_DELIVERY: Final = "Choose when it is bought"
FINDING_ROLE_OK: Final = "✅ {role}"
FINDING_ROLE_CONFIRMED: Final = "✅ {role}, confirmed on the test card by {people}"
FINDING_ROLE_GONE: Final = "❌ The role is gone. Please choose another."
FINDING_ROLE_EVERYONE: Final = (
    "❌ @\u200beveryone can't approve: then every member could spend the server's money. Please "
    "choose another role."
)
FINDING_CHANNEL_OK: Final = "✅ {channel}"
FINDING_CHANNEL_GONE: Final = "❌ The channel is gone, or I can't see it. Please choose another."
FINDING_MISSING: Final = "❌ In {channel} I lack: {permissions}. Please allow that there."
FINDING_EVERYONE_READS: Final = (
    "⚠ Everyone can read {channel}, and so every request and its denial."
)
FINDING_APPROVERS_BLIND: Final = "⚠ {role} can't see {channel}, so nobody would decide."
FINDING_MEMBERS_BLIND: Final = "⚠ Not everyone can read {channel}, so some won't see their results."
FINDING_ASKERS_GONE: Final = "⚠ Of these roles, {roles} no longer there. Please choose again."
PERMISSIONS: Final[Mapping[str, str]] = {
    "view_channel": "View Channel",
    "send_messages": "Send Messages",
    "embed_links": "Embed Links",
    "read_message_history": "Read Message History",
}
PARKED: Final = "⚠ {messages} could not be posted in {place}: {reason}."
PARKED_SHOWN: Final = 3
PARKED_MORE: Final = "⚠ And {messages} elsewhere."
PARKED_REASONS: Final[Mapping[str, str]] = {
    "10003": "the channel is gone",
    "50001": "I can't see the channel",
    "50013": "a permission is missing there",
    "malformed": "Discord found a fault in it; please tell the person who runs the bot",
}
PARKED_REASON: Final = "Discord refused it ({reason})"
SETUP_READY: Final = "It can be used now. Post a test card to see who can approve."
SETUP_SAVED: Final = "Saved."
TEST_POSTED: Final = "The test card is on its way to the approval channel."
PANEL_POSTED: Final = "The panel is posted here."
CHECKED: Final = "Checked just now."
UNPARKED: Final = "They are tried again now."
NOT_ALLOWED_TITLE: Final = "### This server may not spend money yet"
NOT_ALLOWED: Final = (
    "Nothing can be set up or bought here until the person who runs the bot adds `{guild_id}` to "
    "`ALLOWED_GUILD_IDS` and starts it again."
)

TEST_TITLE: Final = "### Test card: can you approve?"
TEST_ABOUT: Final = (
    "Requests will appear in this channel like this. Whoever has {role} presses the button once, "
    "so that everyone knows it works. Nothing is bought."
)
TEST_ABOUT_NO_ROLE: Final = (
    "Requests will appear in this channel like this. Moderators press the button once, so that "
    "everyone knows it works. Nothing is bought."
)
TEST_NOBODY: Final = "Nobody has confirmed yet."
TEST_CONFIRMED: Final = "Confirmed by {people}"
CONFIRMED_NOW: Final = "Noted: you can approve. Nothing was bought."

PANEL_TITLE: Final = "### Skins"
PANEL_ABOUT: Final = (
    "Put the skins you would like into your basket and send it; the moderators decide, and what "
    "they approve is bought and sent to your Steam account. Only you see your basket."
)

# Pause.

PAUSE_TITLE: Final = "### Buying is paused"
PAUSE_SINCE_SHORT: Final = "Since {when}: {why}"
PAUSE_SERVER: Final = "Paused for this server {when} by {person}: “{reason}”"
PAUSE_SERVER_RESUME: Final = "Whoever manages this server lifts it: {cmd_quartermaster_resume}"
PAUSE_ALARM: Final = (
    "The market did something that must never happen, so nothing more is bought until a person has "
    "looked at it. The person who runs the bot finds it in the log."
)
PAUSE_ALARM_SAYS: Final = "What was seen: {details}"
PAUSE_UNKNOWNS: Final = (
    "One request after the other got no clear answer from the market, so nothing more is bought "
    "until a person has looked at it. What is unknown is looked up all the same."
)
# The books.

BOOKS_TITLE: Final = "### The books"
BOOKS_NEVER: Final = (
    "The records have not been compared with the market yet: that is the first thing after a "
    "start, as soon as the market answers. Nothing is bought before."
)
BOOKS_AGREE: Final = "✅ Our records agree with the market's history. Compared {when}."
BOOKS_DIFFER: Final = (
    "❌ Our records and the market's history do not agree. Compared {when}. Look these purchases "
    "up in the SkinsBack panel; the log has more."
)
BOOKS_THEIRS: Final = "{theirs} of ours at the market since {since}, {others} of other programs."
BOOKS_FOUND: Final = "{found} had no clear outcome here and were found there."
BOOKS_ADOPTED: Final = "{adopted} were missing in our records and were taken in."
BOOKS_LATE: Final = "{late} had been called not bought here and were bought there."
BOOKS_MISSING: Final = "In our records and not at the market, by number: {numbers}."
BOOKS_STRAYS: Final = "At the market under a key of ours that nothing here explains: {numbers}."
BOOKS_UNREADABLE: Final = "{unreadable} of the market's entries could not be read."
BOOKS_BALANCE: Final = (
    "Balance at SkinsBack: {balance}. It is never compared, because others may use it too."
)
BOOKS_NO_BALANCE: Final = "The market doesn't tell the balance at the moment."


def books_in_words(report: BooksReport | None, balance: Micros | None) -> str:
    """Return what the last comparison has found, and the balance beside it."""
    rows = [BOOKS_TITLE, BOOKS_NEVER] if report is None else [BOOKS_TITLE, *_books_rows(report)]
    shown = BOOKS_NO_BALANCE if balance is None else BOOKS_BALANCE.format(balance=usd(balance))
    return "\n".join([*rows, shown])


def _books_rows(report: BooksReport) -> list[str]:
    verdict = BOOKS_AGREE if report.agrees else BOOKS_DIFFER
    rows = [
        verdict.format(when=ago(report.at)),
        BOOKS_THEIRS.format(
            theirs=_purchases(report.theirs), others=report.others, since=moment(report.since)
        ),
    ]
    for template, count in (
        (BOOKS_FOUND, report.found),
        (BOOKS_ADOPTED, report.adopted),
        (BOOKS_LATE, report.late),
        (BOOKS_UNREADABLE, report.unreadable),
    ):
        if count:
            (name,) = placeholders(template)
            rows.append(template.format(**{name: f"{count:,}"}))
    for template, numbers in ((BOOKS_MISSING, report.missing), (BOOKS_STRAYS, report.strays)):
        if numbers:
            rows.append(template.format(numbers=", ".join(f"`{number}`" for number in numbers)))
    return rows


MONEY_TITLE: Final = "### Where the money is"
MONEY_BALANCE: Final = "Balance at SkinsBack, asked just now: **{balance}**"
MONEY_NO_BALANCE: Final = "The market doesn't tell the balance at the moment; the rest is ours."
MONEY_HELD: Final = "Held for what is approved or being bought: {amount}"
MONEY_IN_DELIVERY: Final = "Bought and not accepted in Steam yet: {amount} ({purchases})"
MONEY_NOT_BACK: Final = "Not delivered, and the money not seen back: {amount} ({purchases})"
MONEY_SETTLING: Final = "Accepted, and can still be returned: {amount} ({purchases})"
MONEY_SPENT: Final = "Spent in the last 24 hours {day}, 7 days {week}, 30 days {month}"
MONEY_SPENT_ABOUT: Final = (
    "-# What was not delivered counts as spent until it is booked as back. Purchases count from "
    "when they were made."
)
MONEY_DEPLOYMENT: Final = "**The whole deployment, for who runs the bot**"
NOT_BACK_ABOUT: Final = (
    "**Is any of it back?** The market doesn't say whether, or when, the money of these returns: "
    "compare with the SkinsBack panel, then choose what you have seen and book it."
)
NOT_BACK_CHOSEN: Final = "**You have chosen**"
NOT_BACK_ROW: Final = (
    "{skin}, {paid} · request #{number} of {member} · purchase {buy_id} · {why} since {when}"
)
NOT_BACK_LABEL: Final = "#{number}: {skin}"
NOT_BACK_OPTION: Final = "{paid} · purchase {buy_id} · {why}"
NOT_BACK_PAGE: Final = "-# Page {page} of {pages}"
SELECT_NOT_BACK: Final = "Choose what you have seen back"
MONEY_IS_BACK: Final = (
    "Booked: {amount} of {purchases} is back. It no longer counts as spent, and your name stands "
    "beside it in the history."
)


def failed_as(offer_status: str) -> str:
    """Return in a few words why a purchase came to nothing."""
    return UNDELIVERED.get(offer_status, UNDELIVERED_OTHERWISE).heading


def money_in_words(report: MoneyReport) -> str:
    """Return the balance and a server's sums."""
    balance = (
        MONEY_NO_BALANCE
        if report.balance is None
        else MONEY_BALANCE.format(balance=usd(report.balance))
    )
    return "\n".join([MONEY_TITLE, balance, *_sums(report.here), MONEY_SPENT_ABOUT])


def deployment_money_in_words(sums: Sums) -> str:
    """Return the sums of all servers."""
    return "\n".join([MONEY_DEPLOYMENT, *_sums(sums)])


def _sums(sums: Sums) -> list[str]:
    day, week, month = (usd(amount) for amount in sums.spent)
    return [
        MONEY_HELD.format(amount=usd(sums.held)),
        *(
            template.format(amount=usd(of.amount), purchases=_purchases(of.count))
            for template, of in (
                (MONEY_IN_DELIVERY, sums.in_delivery),
                (MONEY_NOT_BACK, sums.not_back),
                (MONEY_SETTLING, sums.settling),
            )
        ),
        MONEY_SPENT.format(day=day, week=week, month=month),
    ]


def money_is_back(amount: Micros, count: int) -> str:
    """Return the answer to whoever has booked money as back."""
    return MONEY_IS_BACK.format(amount=usd(amount), purchases=_purchases(count))


def _purchases(n: int) -> str:
    return plural(n, "{n} purchase", "{n} purchases")


PAUSE_BOOKS: Final = (
    "Our records and the market's history disagree about what was bought, so nothing more is "
    "bought until a person has looked at it. The person who runs the bot finds it in the log."
)
PAUSE_NEW_DATABASE: Final = (
    "These records are new, but the market's history has purchases of ours that they know nothing "
    "of: perhaps another copy of the bot is running, or its database was replaced. Nothing is "
    "bought until the person who runs the bot says that it is right."
)
PAUSE_OPERATOR_RESUME: Final = (
    "Only the person who runs the bot can lift this: {cmd_quartermaster_resume} or "
    "`python -m bot resume`"
)
PAUSE_KEPT: Final = (
    "Requests can still be sent, approved, denied and cancelled; what is approved waits and keeps "
    "its place."
)
PAUSE_OPERATORS: Final = "{people}, you run this bot: only you can mend this."
PAUSE_OVER: Final = (
    "### Buying goes on\nIt was paused for a while; what was approved is bought now, in its order."
)
PAUSED_NOW: Final = (
    "Buying is paused for this server. What is on its way to the market at this moment is still "
    "answered; nothing else is bought. Approving, denying and cancelling go on. "
    "{cmd_quartermaster_resume} lifts it."
)
RESUMED_SERVER: Final = "The pause that {person} set {when} is lifted."
RESUMED_DEPLOYMENT: Final = "Lifted for every server: {causes}."
RESUMED_ALL: Final = "Buying goes on: what was approved is bought now, in its order."
RESUMED_NOTHING: Final = "Nothing was lifted, because you can't lift what pauses buying here."
RESUMED_STILL: Final = "Buying is still paused."
PAUSE_CAUSES: Final[Mapping[PauseCause, str]] = {
    PauseCause.MARKET_REFUSES_US: "the market refuses us",
    PauseCause.ALARM: "the pause after an alarm",
    PauseCause.UNKNOWNS: "the pause after answers that were not clear",
    PauseCause.BOOKS: "the pause because the records and the market disagreed",
    PauseCause.NEW_DATABASE: "the pause because the records were new",
}
RESUMED_MACHINE: Final = "Lifted: {causes}."
RESUMED_MACHINE_GOES_ON: Final = "Buying goes on."
RESUMED_MACHINE_NOTHING: Final = "Nothing had paused buying that a person has to lift."
RESUMED_MACHINE_STILL: Final = "Buying is still paused: {causes}."


def pause_in_words(pause: Pause, frame: Frame) -> str:
    """Return why buying is paused for the deployment, for moderators."""
    match pause.cause:
        case PauseCause.MARKET_REFUSES_US:
            if pause.code is None:
                return _fill(WAITS[WaitReason.OPERATOR].moderator, frame)
            reason = REFUSALS[rule_for(pause.code).kind]
            return with_code(_fill(reason.moderator, frame), pause.code)
        case PauseCause.UNKNOWNS:
            return PAUSE_UNKNOWNS
        case PauseCause.BOOKS:
            return _with_details(PAUSE_BOOKS, pause)
        case PauseCause.NEW_DATABASE:
            return PAUSE_NEW_DATABASE
        case PauseCause.ALARM:
            return _with_details(PAUSE_ALARM, pause)


def _with_details(words: str, pause: Pause) -> str:
    if not pause.details:
        return words
    what, _, rest = clean_line(pause.details, length_max=300).partition(", ")
    seen = ", ".join(part for part in (ALARMS.get(what, escape(what)), escape(rest)) if part)
    return f"{words}\n{PAUSE_ALARM_SAYS.format(details=seen)}"


def paused_in_words(paused: Paused, frame: Frame) -> str:
    """Return all that pauses buying for a server: since when, why, and who can lift it."""
    rows = []
    own = paused.server
    if own is not None:
        rows.append(
            PAUSE_SERVER.format(
                when=ago(own.since), person=person(own.paused_by), reason=_shown_reason(own.reason)
            )
        )
        rows.append(_fill(PAUSE_SERVER_RESUME, frame))
    for pause in paused.deployment:
        why = pause_in_words(pause, frame)
        rows.append(PAUSE_SINCE_SHORT.format(when=ago(pause.since), why=why))
    if any(pause.cause in LIFTED_BY_OPERATORS for pause in paused.deployment):
        rows.append(_fill(PAUSE_OPERATOR_RESUME, frame))
    return "\n".join(rows)


def paused_now(frame: Frame) -> str:
    """Return the answer to whoever has paused a server."""
    return _fill(PAUSED_NOW, frame)


def resumed(done: Resumed, frame: Frame) -> str:
    """Return what was lifted, and what still pauses buying."""
    rows = []
    if done.server is not None:
        rows.append(
            RESUMED_SERVER.format(person=person(done.server.paused_by), when=ago(done.server.since))
        )
    if done.deployment:
        rows.append(RESUMED_DEPLOYMENT.format(causes=_causes(done.deployment)))
    if done.still is None:
        rows.append(RESUMED_ALL)
    else:
        rows.append(RESUMED_STILL if rows else RESUMED_NOTHING)
        rows.append(paused_in_words(done.still, frame))
        if frame.operator_ids and done.still.deployment:
            rows.append(RUN_BY.format(people=people(frame.operator_ids)))
    return "\n".join(rows)


RUN_BY: Final = "This bot is run by {people}."


def _causes(causes: Iterable[PauseCause]) -> str:
    return ", ".join(PAUSE_CAUSES[cause] for cause in causes)


def resumed_at_the_machine(lifted: Sequence[PauseCause], still: Sequence[Pause]) -> str:
    """Return what ``python -m bot resume`` prints."""
    said = [RESUMED_MACHINE.format(causes=_causes(lifted)) if lifted else RESUMED_MACHINE_NOTHING]
    if still:
        causes = _causes(pause.cause for pause in still)
        said.append(RESUMED_MACHINE_STILL.format(causes=causes))
    elif lifted:
        said.append(RESUMED_MACHINE_GOES_ON)
    return " ".join(said)


# Settling by hand.

SETTLE_TITLE: Final = "### Settle request #{number} by hand"
SETTLE_ABOUT: Final = (
    "Look into the SkinsBack panel first: only there it shows whether these purchases exist. Each "
    "is named with its key, which SkinsBack calls `custom_id`.\n"
    "What you settle as bought is booked with what was paid. What you settle as not bought is free "
    "to be tried again, and if it did exist after all, it may then be bought twice. We go on "
    "looking for it for 8 days and raise an alarm if it turns up."
)
SETTLE_CHOSEN: Final = "**You have chosen**"
SETTLE_CHOOSE: Final = "Choose first which of them you know about."
SETTLE_ONE_BY_ONE: Final = "To book one as bought, choose it alone: each has its own number."
SETTLED_BOUGHT_NOW: Final = (
    "Settled: bought for {paid}, purchase {buy_id}. It is booked, and everyone is told."
)
SETTLED_NOT_BOUGHT_NOW: Final = "Settled: {skins} not bought. Everyone is told."
SETTLED_ALL: Final = "Nothing of request #{number} is unknown any more."


def settled_bought(view: RequestView, line_no: int) -> str:
    """Return the answer to whoever has booked a line as bought: also how the price was read."""
    booked = next(line for line in view.lines if line.line.line_no == line_no).bought[-1]
    paid = usd(booked.debited or Micros(0))
    return SETTLED_BOUGHT_NOW.format(paid=paid, buy_id=booked.buy_id)


def people(user_ids: Sequence[int], *, at_most: int = 10) -> str:
    """Return the mentions of some people, and how many more there are."""
    return _some([person(user_id) for user_id in user_ids], at_most=at_most)


def account_end(steam_id: int) -> str:
    """Return the end of a Steam account's number, enough to tell accounts apart."""
    return str(steam_id)[-4:]


def attempt_in_words(attempt: Attempt) -> str:
    """Return how one try ended that bought nothing for certain, with the market's code."""
    if attempt.settled_at is not None:
        return TRIED_SETTLED
    if attempt.code is None:
        return TRIED_UNKNOWN
    kind = rule_for(attempt.code).kind
    words = with_code(TRIED_REFUSED.format(heading=REFUSALS[kind].heading), attempt.code)
    if kind is RefusalKind.UNKNOWN_CODE and attempt.message:
        return f"{words} {MARKET_SAID.format(message=_said(attempt.message))}"
    return words


def bought_in_words(attempt: Attempt, what: str) -> str:
    """Return how one try ended that bought something: ``what``, and whether it stayed."""
    if not attempt.failed:
        return what
    heading = _loss_of(attempt).heading
    if attempt.back_at is not None:
        return TRIED_LOST_BACK.format(what=what, heading=heading, when=moment(attempt.back_at))
    return TRIED_LOST.format(what=what, heading=heading)


def status_in_words(view: RequestView, frame: Frame) -> str:
    """Return where a request stands and what its member can do, in sentences."""
    request = view.request
    moderator = person(request.decided_by) if request.decided_by is not None else A_MODERATOR
    when = ago(request.decided_at or request.changed_at)
    match request.state:
        case RequestState.DRAFT | RequestState.PENDING:
            sent = request.submitted_at or request.created_at
            return STATUS_PENDING.format(when=ago(sent))
        case RequestState.APPROVED:
            return _approved_status(view, frame, moderator, when)
        case RequestState.BUYING:
            waits = rest_waits_in_words(view, for_moderator=False)
            bought = STATUS_TRADES if view.moving else ""
            return f"{waits or STATUS_BUYING}\n{bought}".strip()
        case RequestState.BOUGHT | RequestState.CLOSED:
            approved_then = STATUS_APPROVED.format(moderator=moderator, when=when)
            return f"{approved_then}\n{STATUS_TRADES}" if view.moving else approved_then
        case RequestState.DENIED:
            if not request.decision_reason:
                return STATUS_DENIED_BARE.format(moderator=moderator, when=when)
            sentence = STATUS_DENIED.format(moderator=moderator, when=when)
            return f"{sentence}\n{quoted(request.decision_reason)}"
        case RequestState.CANCELLED:
            return STATUS_CANCELLED.format(when=ago(request.changed_at))
        case RequestState.EXPIRED:
            approved_before = request.decided_by is not None
            template = STATUS_EXPIRED_APPROVED if approved_before else STATUS_EXPIRED_PENDING
            if request.never_ready:
                template = STATUS_EXPIRED_NEVER_READY
            if request.decision_reason == REBOUND:
                template = STATUS_EXPIRED_REBOUND
            return _fill(template, frame, when=ago(request.changed_at))


def _approved_status(view: RequestView, frame: Frame, moderator: str, when: str) -> str:
    request = view.request
    if request.waits_for is not None:
        sentence = STATUS_APPROVED.format(moderator=moderator, when=when)
        waiting = waits_in_words(
            request.waits_for, frame, for_moderator=False, code=refused_whole_code(view)
        )
        if request.waits_for_member and request.expires_at is not None:
            waiting = f"{waiting}\n{READY_UNTIL.format(when=ago(request.expires_at))}"
        waiting = f"{waiting} {waits_until(view)}".strip()
        return f"{sentence}\n{waiting}"
    if request.claimable_at is None:
        return STATUS_APPROVED.format(moderator=moderator, when=when)
    return STATUS_UNDO.format(moderator=moderator, when=when, starts=ago(request.claimable_at))


def sent_in_words(view: RequestView, frame: Frame) -> str:
    """Return the answer to *Send for approval*, without what concerns direct messages."""
    title = SENT_TITLE.format(number=view.request.number)
    sentence = _fill(SENT, frame, skins=skins(len(view.lines)), total=usd(view.ceiling_total))
    return f"{title}\n{sentence}"


def list_none(frame: Frame) -> str:
    """Return what stands where a member's requests would be."""
    return _fill(LIST_NONE, frame)


def url_how(button: str) -> str:
    """Return the way to a Trade URL; ``button`` is what to press at its end."""
    return URL_HOW.format(trade_url_page=TRADE_URL_LINK, button=button)


# What the set-up panel finds.


def percent(basis_points: int) -> str:
    """Return basis points as percent, without idle zeros."""
    whole, part = divmod(basis_points, 100)
    return f"{whole}.{part:02d}".rstrip("0").rstrip(".")


def approver_in_words(finding: RoleFinding | None, confirmed: Sequence[int]) -> str:
    """Return the line of the set-up panel about the approver role."""
    if finding is None:
        words = FINDING_NOT_CHOSEN
    elif not finding.exists:
        words = FINDING_ROLE_GONE
    elif finding.is_everyone:
        words = FINDING_ROLE_EVERYONE
    elif confirmed:
        words = FINDING_ROLE_CONFIRMED.format(role=role(finding.role_id), people=people(confirmed))
    else:
        words = FINDING_ROLE_OK.format(role=role(finding.role_id))
    return SETUP_APPROVER.format(finding=words)


def _place_in_words(finding: PlaceFinding | None) -> str:
    if finding is None:
        return FINDING_NOT_CHOSEN
    if not finding.exists:
        return FINDING_CHANNEL_GONE
    if finding.missing:
        names = ", ".join(f"**{PERMISSIONS[name]}**" for name in finding.missing)
        return FINDING_MISSING.format(channel=channel(finding.channel_id), permissions=names)
    return FINDING_CHANNEL_OK.format(channel=channel(finding.channel_id))


def approvals_in_words(findings: SetupFindings) -> str:
    """Return the lines of the set-up panel about the approval channel."""
    finding = findings.approvals
    rows = [SETUP_APPROVALS.format(finding=_place_in_words(finding))]
    if finding is not None and finding.exists:
        place = channel(finding.channel_id)
        if finding.everyone_reads:
            rows.append(FINDING_EVERYONE_READS.format(channel=place))
        if not finding.approvers_read and findings.approver is not None:
            rows.append(
                FINDING_APPROVERS_BLIND.format(role=role(findings.approver.role_id), channel=place)
            )
    return "\n".join(rows)


def results_in_words(findings: SetupFindings) -> str:
    """Return the lines of the set-up panel about the results channel."""
    finding = findings.results
    rows = [SETUP_RESULTS.format(finding=_place_in_words(finding))]
    if finding is not None and finding.exists and not finding.everyone_reads:
        rows.append(FINDING_MEMBERS_BLIND.format(channel=channel(finding.channel_id)))
    return "\n".join(rows)


def askers_in_words(role_ids: Sequence[int], gone: int) -> str:
    """Return the lines of the set-up panel about who may ask."""
    who = ", ".join(role(role_id) for role_id in role_ids[:ROLES_SHOWN]) or SETUP_EVERYONE
    words = SETUP_ASKERS.format(who=who)
    if gone:
        roles = plural(gone, "{n} is", "{n} are")
        words = f"{words}\n{FINDING_ASKERS_GONE.format(roles=roles)}"
    return words


def delivery_in_words(delivery: Delivery | None) -> str:
    """Return the line of the set-up panel about when approved requests are bought."""
    words = FINDING_DELIVERY_NOT_CHOSEN
    if delivery is not None:
        words = FINDING_DELIVERY.format(choice=DELIVERIES[delivery])
    return SETUP_DELIVERY.format(finding=words)


def games_in_words(games: Sequence[str], prices: PriceAge | None) -> str:
    """Return the line of the set-up panel about the games, and how old their prices are."""
    named = ", ".join(map(game_name, games))
    about = "" if prices is None else prices_in_words(prices)
    return SETUP_GAMES.format(games=named, prices=about).rstrip()


def prices_in_words(prices: PriceAge) -> str:
    """Return how old prices are, and why they are not newer, as one sentence."""
    trouble = prices.trouble
    if prices.read_at is None:
        return PRICES_COMING if trouble is None else PRICES_NONE.format(since=ago(trouble.since))
    words = PRICES_FROM
    if trouble is not None:
        unread = trouble.kind is TroubleKind.UNREADABLE
        words = PRICES_OLD if unread else PRICES_NOT_BELIEVED
    return words.format(when=ago(prices.read_at))


def prices_below(prices: PriceAge | None) -> str:
    """Return the small line under prices that says how old they are; "" where nobody knows."""
    return "" if prices is None else PRICES_SMALL.format(prices=prices_in_words(prices))


def limits_in_words(settings: GuildSettings) -> str:
    """Return the line of the set-up panel about the limits."""
    return SETUP_LIMITS.format(
        lines=skins(settings.lines_max),
        open=requests(settings.open_requests_max),
        tolerance=percent(settings.tolerance_bp),
        undo=plural(settings.undo_s, "{n} second", "{n} seconds"),
    )


def parked_in_words(rows: Sequence[OutboxRow]) -> str:
    """Return how many messages could not be posted, where and why."""
    groups = Counter((row.target_id, row.parked_reason) for row in rows)
    shown = [
        PARKED.format(
            messages=_messages(count), place=channel(target_id), reason=_parked_reason(reason)
        )
        for (target_id, reason), count in groups.most_common(PARKED_SHOWN)
    ]
    rest = len(rows) - sum(count for _, count in groups.most_common(PARKED_SHOWN))
    if rest:
        shown.append(PARKED_MORE.format(messages=_messages(rest)))
    return "\n".join(shown)


def _messages(n: int) -> str:
    return plural(n, "{n} message", "{n} messages")


def _parked_reason(reason: str) -> str:
    known = PARKED_REASONS.get(reason.rpartition("/")[2])
    return known or PARKED_REASON.format(reason=escape(clean_line(reason, length_max=100)))


def test_in_words(role_id: int | None, confirmed: Sequence[int]) -> str:
    """Return the test card's text."""
    about = TEST_ABOUT_NO_ROLE if role_id is None else TEST_ABOUT.format(role=role(role_id))
    who = TEST_CONFIRMED.format(people=people(confirmed, at_most=20)) if confirmed else TEST_NOBODY
    return f"{TEST_TITLE}\n{about}\n{who}"
