"""Parameters of a call as PHP reads them: a JSON object, or a form with arrays in its names."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Final
from urllib.parse import parse_qsl

_FIELD: Final = re.compile(r"(?P<name>[^\[]+)(?P<path>(?:\[[^\[\]]*\]){0,4})")
_STEP: Final = re.compile(r"\[([^\[\]]*)\]")


def read_parameters(body: bytes) -> dict[str, object]:
    """Return the parameters in ``body``, or none when it can't be read."""
    try:
        text = body.decode()
        if text.lstrip().startswith("{"):
            parameters = json.loads(text, parse_float=Decimal)
            return parameters if isinstance(parameters, dict) else {}
        return read_form(text)
    except (ValueError, RecursionError):
        return {}


def read_form(text: str) -> dict[str, object]:
    """Return a form's fields with ``a[0][b]=1`` unfolded.

    As in PHP, ``a[]`` opens a new element each time, so ``a[][x]=1&a[][y]=2`` has two elements.
    """
    root: dict[str, object] = {}
    for field, value in parse_qsl(text, keep_blank_values=True):
        match = _FIELD.fullmatch(field)
        if match is None:
            continue
        place = root
        *path, last = [match["name"], *_STEP.findall(match["path"])]
        for step in path:
            inner = place.setdefault(step or str(len(place)), {})
            if not isinstance(inner, dict):
                break
            place = inner
        else:
            place[last or str(len(place))] = value
    return {name: _lists(value) for name, value in root.items()}


def _lists(value: object) -> object:
    """Turn maps with the keys 0 to n-1 into lists."""
    if not isinstance(value, dict):
        return value
    inner = {key: _lists(each) for key, each in value.items()}
    if list(inner) == [str(n) for n in range(len(inner))]:
        return list(inner.values())
    return inner
