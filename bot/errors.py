"""The exception tree.

``UserFacingError`` is the only kind whose meaning a member may read, and it carries a problem and
its details, never a sentence: the sentences stand in ``bot.ui.text``, where they can be translated.
Library exceptions are turned into one of these at the edge of the layer that raised them.
"""

from __future__ import annotations

from enum import StrEnum, auto


class BotError(Exception):
    """Everything that this program raises on purpose."""


class Problem(StrEnum):
    """What can be wrong with what a person did. Each has its sentence in ``bot.ui.text``."""

    # Trade URL
    TRADE_URL_EMPTY = auto()
    TRADE_URL_TOO_LONG = auto()  # the text around it, not the URL
    TRADE_URL_NOT_A_LINK = auto()
    TRADE_URL_PROFILE_LINK = auto()
    TRADE_URL_OTHER_STEAM_PAGE = auto()
    TRADE_URL_FOREIGN_HOST = auto()
    TRADE_URL_PARTNER_MISSING = auto()
    TRADE_URL_PARTNER_WRONG = auto()
    TRADE_URL_PARTNER_STEAM_ID = auto()  # a SteamID64 where the account id belongs
    TRADE_URL_TOKEN_MISSING = auto()
    TRADE_URL_TOKEN_CUT_OFF = auto()
    TRADE_URL_TOKEN_TOO_LONG = auto()
    TRADE_URL_TOKEN_WRONG = auto()
    TRADE_URL_CONFLICTING = auto()  # one parameter twice, with two values
    TRADE_URL_SEVERAL = auto()
    TRADE_URL_UNKNOWN = auto()  # an action needs a Trade URL and none is remembered
    # Numbers that people type
    PRICE_WRONG = auto()
    PRICE_TOO_LOW = auto()
    PRICE_TOO_HIGH = auto()
    QUANTITY_WRONG = auto()
    LISTING_ID_WRONG = auto()
    # Picks
    SKIN_EMPTY = auto()
    LISTING_ALONE = auto()  # a listing's number without the name of its skin
    SKIN_UNKNOWN = auto()
    SKIN_OUT_OF_STOCK = auto()
    GAME_NOT_OFFERED = auto()
    LISTING_GONE = auto()
    LISTING_TWICE = auto()
    LISTING_QUANTITY = auto()
    CEILING_BELOW_CHEAPEST = auto()
    TOO_MANY_LINES = auto()
    BASKET_EMPTY = auto()
    BASKET_CHANGED = auto()
    PRICES_MOVED = auto()  # above a ceiling of the basket, or sold out, since it was picked
    CATALOGUE_MISSING = auto()
    SEARCH_FORGOTTEN = auto()
    # Requests
    TOO_MANY_OPEN = auto()
    NO_SUCH_REQUEST = auto()
    TOO_LATE_TO_CANCEL = auto()
    NOTE_TOO_LONG = auto()
    # Decisions
    OWN_REQUEST = auto()
    OWN_STEAM_ACCOUNT = auto()
    NOT_APPROVER = auto()
    NOT_MODERATOR = auto()
    NO_REQUEST_HERE = auto()
    ALREADY_DECIDED = auto()
    REQUEST_CHANGED = auto()
    TOO_LATE_TO_TAKE_BACK = auto()
    REASON_EMPTY = auto()
    # Send it now
    READY_NOT_APPROVED = auto()
    READY_ALREADY = auto()
    READY_TOO_LATE = auto()
    READY_OVER = auto()
    # What went wrong, and what a person does about it
    PAUSE_REASON_EMPTY = auto()
    PAUSED_ALREADY = auto()
    NOT_PAUSED = auto()
    NOTHING_TO_CHECK = auto()
    CHECKED_JUST_NOW = auto()
    ON_THE_WIRE = auto()
    SETTLE_REASON_EMPTY = auto()
    SETTLE_TOO_EARLY = auto()
    SETTLE_CHANGED = auto()
    NOTHING_TO_SETTLE = auto()
    BUY_ID_WRONG = auto()
    BUY_ID_BOOKED = auto()
    NOTHING_TO_TRY = auto()
    TRIED_ALREADY = auto()
    TRY_AGAIN_TOO_LATE = auto()
    BALANCE_LOW = auto()
    BALANCE_UNKNOWN = auto()
    STEAM_ACCOUNT_RESTS = auto()  # its last trade could not be sent, and the next couldn't either
    STEAM_ACCOUNT_REFUSED = auto()  # by the market, after too many trades that came to nothing
    # What a member can do about a delivery that failed
    HERE_TOO_LATE = auto()
    HERE_TRIED_ALREADY = auto()
    NOTHING_MISSED = auto()
    NOTHING_TO_ASK_AGAIN = auto()
    STILL_OPEN = auto()  # asked for again, and not decided yet or being bought
    # Money
    NOT_BACK_CHANGED = auto()
    # Where and who
    NOT_ALLOWED_TO_ASK = auto()
    NOT_ADMINISTRATOR = auto()
    NOT_YOURS = auto()
    SERVER_ONLY = auto()
    SERVER_NOT_ALLOWED = auto()
    NOT_SET_UP = auto()
    OUT_OF_DATE = auto()
    RESTARTING = auto()
    # Set-up
    EVERYONE_AS_APPROVER = auto()
    SETTING_WRONG = auto()
    CANNOT_POST_HERE = auto()
    # The market
    MARKET_UNREACHABLE = auto()


class UserFacingError(BotError):
    """A person can read about this, and do something about it.

    ``details`` fill the sentence in ``bot.ui.text``; what came from a person is escaped there.
    """

    def __init__(self, problem: Problem, **details: str | int) -> None:
        super().__init__(problem.value)
        self.problem = problem
        self.details = details


class TradeUrlError(UserFacingError):
    """What was pasted is not one whole Trade URL. The only error that parsing one raises."""


class StartupError(BotError):
    """The bot can't start. Its text is one clear line for the operator and holds no secret."""


class DiscordUnreachableError(StartupError):
    """Discord can't be reached; starting again later may help."""


class ConfigError(StartupError):
    """Settings are missing or bad; every one of them is named."""


class DatabaseError(StartupError):
    """The database can't be used as it is: path, version, lock, market or key."""


class DatabaseBrokenError(BotError):
    """A COMMIT failed, so nobody knows what is on disk until the database is opened anew.

    The process ends; nothing may go on with what it remembers.
    """


class MarketError(BotError):
    """A call that changes nothing at the market failed. Buying never raises: see ``BuyOutcome``."""


class MarketUnavailableError(MarketError):
    """No usable answer: not reachable, too slow, or not what the protocol says."""


class MarketRefusedError(MarketError):
    """The market answered with one of its error codes."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"the market answered code {code}")
        self.code = code
        self.message = message
