"""What time it is elsewhere, as the headers of an answer tell it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def date_of(headers: Mapping[str, str]) -> datetime | None:
    """Return when an answer was made, to the second, or None if that can't be known.

    One that has an age comes from a store on the way.
    """
    header = headers.get("Date")
    if header is None or headers.get("Age", "0") != "0":
        return None
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)
