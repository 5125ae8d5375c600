"""What can go wrong: for the bot (an API error), and for a test (something a person cannot do)."""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class Code(IntEnum):
    """The JSON error codes that the stand-in answers with (topics/opcodes-and-status-codes)."""

    UNKNOWN_CHANNEL = 10003
    UNKNOWN_GUILD = 10004
    UNKNOWN_MEMBER = 10007
    UNKNOWN_MESSAGE = 10008
    UNKNOWN_USER = 10013
    UNKNOWN_WEBHOOK = 10015
    UNKNOWN_INTERACTION = 10062
    UNKNOWN_COMMAND = 10063
    OLD_MESSAGE_EDITS = 30046
    ALREADY_ACKNOWLEDGED = 40060
    MISSING_ACCESS = 50001
    NOT_THE_AUTHOR = 50005
    EMPTY_MESSAGE = 50006
    CANNOT_SEND_TO_USER = 50007
    MISSING_PERMISSIONS = 50013
    INVALID_TOKEN = 50027
    INVALID_RECIPIENT = 50033
    INVALID_FORM = 50035
    INVALID_JSON = 50109
    NO_MUTUAL_GUILDS = 50278


_MESSAGES: dict[Code, str] = {
    Code.UNKNOWN_CHANNEL: "Unknown Channel",
    Code.UNKNOWN_GUILD: "Unknown Guild",
    Code.UNKNOWN_MEMBER: "Unknown Member",
    Code.UNKNOWN_MESSAGE: "Unknown Message",
    Code.UNKNOWN_USER: "Unknown User",
    Code.UNKNOWN_WEBHOOK: "Unknown Webhook",
    Code.UNKNOWN_INTERACTION: "Unknown interaction",
    Code.UNKNOWN_COMMAND: "Unknown application command",
    Code.OLD_MESSAGE_EDITS: (
        "Maximum number of edits to messages older than 1 hour reached. Try again later"
    ),
    Code.ALREADY_ACKNOWLEDGED: "Interaction has already been acknowledged.",
    Code.MISSING_ACCESS: "Missing Access",
    Code.NOT_THE_AUTHOR: "Cannot edit a message authored by another user",
    Code.EMPTY_MESSAGE: "Cannot send an empty message",
    Code.CANNOT_SEND_TO_USER: "Cannot send messages to this user",
    Code.MISSING_PERMISSIONS: "Missing Permissions",
    Code.INVALID_TOKEN: "Invalid Webhook Token",
    Code.INVALID_RECIPIENT: "Invalid Recipient(s)",
    Code.INVALID_FORM: "Invalid Form Body",
    Code.INVALID_JSON: "The request body contains invalid JSON.",
    Code.NO_MUTUAL_GUILDS: "Cannot send messages to this user due to having no mutual guilds",
}


class ApiError(Exception):
    """An error that the bot gets as the answer to a request."""

    def __init__(
        self,
        status: int,
        code: Code,
        *,
        errors: dict[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{status} {code.value}: {_MESSAGES[code]}")
        self.status = status
        self.code = code
        self.errors = errors
        self.retry_after = retry_after

    def body(self) -> dict[str, Any]:
        """Return the JSON body, as Discord writes it."""
        body: dict[str, Any] = {"message": _MESSAGES[self.code], "code": self.code.value}
        if self.errors is not None:
            body["errors"] = self.errors
        if self.retry_after is not None:
            body |= {"retry_after": self.retry_after, "global": False}
        return body


class SandboxError(Exception):
    """A person cannot do what the test asks for: no such button, not allowed, not visible."""


class Timeout(AssertionError):  # noqa: N818 - reads as what happened in a failing test
    """What a test waited for did not come. The text says what was there instead."""
