"""Logging: lines for people or for machines, and no secret in either."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from bot.config import LogFormat

_MASK: Final = "•••"

_PATTERNS: Final = (
    # Trade URL tokens and the socket's signature: in a URL, also one that was encoded to be handed
    # on, in JSON, also inside a string, and in what Python writes of its objects.
    re.compile(
        r"(?i)((?:token|secret|signature|\bsign)(?:\\*['\"])?\s?(?:=|:|%(?:25)*3D)\s?(?:\\*['\"])?)"
        r"[\w%.-]{6,}"
    ),
    # An interaction's token lets anyone answer for the bot for a quarter of an hour.
    re.compile(r"(/(?:webhooks|interactions)/[0-9]+/)[\w.-]+"),
)


class Redactor(logging.Filter):
    """Masks secrets in a record's text and traceback before any handler writes it."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        known = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask; every record passes. What can't be masked is left out, and never raises."""
        try:
            record.msg = self.redact(record.getMessage())
        except Exception as error:  # noqa: BLE001 - a slip in a log line must not stop the bot
            record.msg = f"a log line that can't be written: {type(error).__name__}"
        record.args = ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self.redact(record.exc_text)
        if record.stack_info:
            record.stack_info = self.redact(record.stack_info)
        return True

    def redact(self, text: str) -> str:
        """Return ``text`` with everything masked that is a secret or looks like one."""
        if self._known is not None:
            text = self._known.sub(_MASK, text)
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\g<1>{_MASK}", text)
        return text


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        fields = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_text:
            fields["traceback"] = record.exc_text
        return json.dumps(fields, ensure_ascii=False)


def set_up(*, level: str, log_format: LogFormat, secrets: Iterable[str]) -> None:
    """Send every log line to standard error, redacted."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Redactor(secrets))
    handler.setFormatter(
        JsonFormatter()
        if log_format is LogFormat.JSON
        else logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # At DEBUG the library writes modal texts, request bodies and interaction tokens.
    logging.getLogger("discord").setLevel(max(logging.INFO, root.level))
    logging.getLogger("aiosqlite").setLevel(max(logging.INFO, root.level))
