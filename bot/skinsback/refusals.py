"""What each error code of the market means, as a table.

The sentences for people stand in ``bot.ui.text``; here stands what the program may conclude.
Source: SkinsBack API, market_batch_buy, "List of possible errors".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum, auto
from typing import Final


class Scope(StrEnum):
    """Where the market gives a code. A code found anywhere else is not understood."""

    LINE = auto()
    CALL = auto()
    NOWHERE = auto()


class RefusalKind(StrEnum):
    """What happened."""

    INSUFFICIENT_FUNDS = auto()
    SKIN_UNAVAILABLE = auto()
    PRICE_ROSE = auto()
    KEY_EXISTS = auto()
    PARTNER_WRONG = auto()
    TOKEN_WRONG = auto()
    TOO_MANY_FAILURES = auto()
    MARKET_DISABLED = auto()
    RATE_LIMITED = auto()
    MAINTENANCE = auto()
    IP_REFUSED = auto()
    CREDENTIALS_REFUSED = auto()
    SHOP_INACTIVE = auto()
    BOT_FAULT = auto()
    UNKNOWN_CODE = auto()


class Helper(StrEnum):
    """Who can do something about it."""

    NOBODY = auto()
    MEMBER = auto()
    MODERATOR = auto()
    OPERATOR = auto()
    TIME = auto()


@dataclass(frozen=True, slots=True)
class RefusalRule:
    """What one code means for the purchase that it refused.

    ``definite``: answered to the only send of a purchase key, it proves that nothing was bought.
    ``wait_s``: seconds before the market is asked for the same again.
    """

    code: int
    name: str
    scope: Scope
    kind: RefusalKind
    helper: Helper
    retry_helps: bool
    definite: bool = True
    pauses_buying: bool = False
    wait_s: int = 0


TOO_MANY_FAILURES: Final = 10
"""The code by which the market refuses a Steam account for a time that it doesn't tell."""

_HOUR: Final = 3600
_MARKET_WAIT: Final = 300
_RATE_WAIT: Final = 60  # the market counts calls a minute


def _line(
    code: int, name: str, kind: RefusalKind, helper: Helper, *, retry: bool, definite: bool = True
) -> RefusalRule:
    return RefusalRule(code, name, Scope.LINE, kind, helper, retry, definite=definite)


def _call(
    code: int, name: str, kind: RefusalKind, helper: Helper, *, wait_s: int = 0
) -> RefusalRule:
    return RefusalRule(code, name, Scope.CALL, kind, helper, retry_helps=True, wait_s=wait_s)


def _broken(code: int, name: str, kind: RefusalKind) -> RefusalRule:
    """Return a rule for what stays wrong for every request until the operator mends it."""
    return replace(
        _call(code, name, kind, Helper.OPERATOR, wait_s=_MARKET_WAIT), pauses_buying=True
    )


_RULES: Final = (
    _line(
        4,
        "insufficient_funds",
        RefusalKind.INSUFFICIENT_FUNDS,
        Helper.OPERATOR,
        retry=True,
    ),
    _line(5, "skin_unavailable", RefusalKind.SKIN_UNAVAILABLE, Helper.MEMBER, retry=False),
    _line(
        6,
        "skins_not_found_at_specified_price",
        RefusalKind.PRICE_ROSE,
        Helper.MEMBER,
        retry=False,
    ),
    # The key exists because an earlier send of it bought something, or because a refusal burned it.
    _line(
        7,
        "custom_id_already_exists",
        RefusalKind.KEY_EXISTS,
        Helper.NOBODY,
        retry=False,
        definite=False,
    ),
    _call(8, "invalid_partner_value", RefusalKind.PARTNER_WRONG, Helper.MEMBER),
    _call(9, "invalid_token_value", RefusalKind.TOKEN_WRONG, Helper.MEMBER),
    _call(
        TOO_MANY_FAILURES,
        "too_many_failed_attempts_for_user",
        RefusalKind.TOO_MANY_FAILURES,
        Helper.TIME,
        wait_s=_HOUR,
    ),
    _broken(-1, "please_use_post_method", RefusalKind.BOT_FAULT),
    _broken(-2, "invalid_shopid", RefusalKind.CREDENTIALS_REFUSED),
    _broken(-3, "invalid_signature", RefusalKind.CREDENTIALS_REFUSED),
    _broken(-4, "shop_not_active", RefusalKind.SHOP_INACTIVE),
    _broken(-5, "invalid_method", RefusalKind.BOT_FAULT),
    _call(-6, "market_disabled", RefusalKind.MARKET_DISABLED, Helper.TIME, wait_s=_MARKET_WAIT),
    _call(-7, "request_limit_reached", RefusalKind.RATE_LIMITED, Helper.TIME, wait_s=_RATE_WAIT),
    _broken(-8, "invalid_ip_address", RefusalKind.IP_REFUSED),
    _call(-9, "under_maintenance", RefusalKind.MAINTENANCE, Helper.TIME, wait_s=_MARKET_WAIT),
    _broken(-10, "invalid_client_secret", RefusalKind.CREDENTIALS_REFUSED),
)

RULES: Final = {rule.code: rule for rule in _RULES}


def rule_for(code: int) -> RefusalRule:
    """Return the rule of ``code``.

    A code that isn't in the table proves nothing: its rule is not definite, has no name and belongs
    to no scope.
    """
    return RULES.get(code) or RefusalRule(
        code,
        "",
        Scope.NOWHERE,
        RefusalKind.UNKNOWN_CODE,
        Helper.MODERATOR,
        retry_helps=False,
        definite=False,
    )
