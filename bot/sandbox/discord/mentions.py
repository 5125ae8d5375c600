"""Who a message really notifies.

Source: Discord's resources/message, "Allowed Mentions Object". Only text can mention: the content,
or the text displays of a Components V2 message; embeds never do. Without ``allowed_mentions`` an
ordinary message parses everything, an interaction's answer and a followup only users. Edits never
notify anyone, and so neither does the answer that completes a "thinking" one (discord-api-docs
#5497).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

_CODE: Final = re.compile(r"```.*?```|``.+?``|`[^`\n]+`", re.DOTALL)
_USER: Final = re.compile(r"(?<!\\)<@!?([0-9]{1,20})>")
_ROLE: Final = re.compile(r"(?<!\\)<@&([0-9]{1,20})>")
_EVERYONE: Final = re.compile(r"(?<!\\)@(?:everyone|here)")


@dataclass(frozen=True, slots=True)
class Mentions:
    """What of a text is taken as a mention, after ``allowed_mentions``."""

    users: frozenset[int] = frozenset()
    roles: frozenset[int] = frozenset()
    everyone: bool = False

    def __bool__(self) -> bool:
        return bool(self.users or self.roles or self.everyone)


def parse_mentions(
    text: str, allowed: dict[str, Any] | None, *, users_only_by_default: bool
) -> Mentions:
    """Return what ``text`` mentions; code spans and code blocks mention nobody."""
    plain = _CODE.sub(" ", text)
    users = frozenset(int(found) for found in _USER.findall(plain))
    roles = frozenset(int(found) for found in _ROLE.findall(plain))
    everyone = _EVERYONE.search(plain) is not None
    if allowed is None:
        parse = {"users"} if users_only_by_default else {"users", "roles", "everyone"}
        allowed = {}
    else:
        parse = set(allowed.get("parse") or ())
    if "users" not in parse:
        users &= {int(user_id) for user_id in allowed.get("users") or ()}
    if "roles" not in parse:
        roles &= {int(role_id) for role_id in allowed.get("roles") or ()}
    return Mentions(users, roles, everyone and "everyone" in parse)
