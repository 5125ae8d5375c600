"""Discord's own OpenAPI document as a judge of what the bot sends and what the stand-in answers.

The document is the public ``discord/discord-api-spec``, ``specs/openapi.json``. It is read in two
ways that it does not say itself: a snowflake may be an integer, which Discord takes; and keys that
it does not know are wrong in requests, except the few that Discord takes all the same.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from jsonschema_rs import (
    Draft202012,
    Draft202012Validator,
    Registry,
    ValidationError,
    ValidationErrorKind,
)

BASE: Final = "urn:discord:openapi"

Json = dict[str, Any]

_UNDOCUMENTED: Final[Mapping[str, frozenset[str]]] = {
    "ApplicationCommandCreateRequest": frozenset({"nsfw"}),
    "ApplicationCommandUpdateRequest": frozenset({"nsfw"}),
    "IncomingWebhookUpdateForInteractionCallbackRequestPartial": frozenset({"tts"}),
    "IncomingWebhookUpdateRequestPartial": frozenset({"tts"}),
    "MessageEditRequestPartial": frozenset({"tts"}),
    "RichEmbed": frozenset({"flags"}),
}
"""Keys that discord.py sends and Discord takes, though the document does not name them."""

_DETAILS_MAX: Final = 5


@cache
def read(path: Path) -> ApiDocument:
    """Return the document in a file, which is read once in a process."""
    return ApiDocument(path)


class ApiDocument:
    """Judges requests and answers. Validators are made once for each place of the document."""

    def __init__(self, path: Path) -> None:
        document = json.loads(path.read_text(encoding="utf-8"))
        _loosen_snowflakes(document)
        _close_requests(document)
        self._paths: dict[str, Json] = document["paths"]
        self._registry = Registry([(BASE, document)], draft=Draft202012)
        self._validators: dict[str, Draft202012Validator] = {}

    def check_request(
        self, method: str, path: str, query: Mapping[str, str], body: object
    ) -> list[str]:
        """Return what is wrong with a request."""
        operation = self._operation(method, path)
        if operation is None:
            return ["the document has no such route"]
        declared = [*self._paths[path].get("parameters", []), *operation.get("parameters", [])]
        known = {each["name"] for each in declared if each["in"] == "query"}
        wrong = [f"unknown query parameter {name!r}" for name in query if name not in known]
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            place = (path, method.lower(), "requestBody", "content", "application/json", "schema")
            wrong += self._judge(("paths", *place), body)
        elif body is not None:
            wrong.append("the document has no body here")
        return wrong

    def check_answer(self, method: str, path: str, status: int, body: object) -> list[str]:
        """Return what is wrong with an answer of the stand-in."""
        operation = self._operation(method, path)
        if operation is None:
            return []
        responses = operation["responses"]
        key = str(status) if str(status) in responses else f"{status // 100}XX"
        if key not in responses:
            return [f"the document knows no status {status} here"]
        if "$ref" in responses[key]:
            name = responses[key]["$ref"].rsplit("/", 1)[1]
            place: tuple[str, ...] = ("components", "responses", name)
            response = {"content": True}
        else:
            place = ("paths", path, method.lower(), "responses", key)
            response = responses[key]
        if "content" not in response:
            return [] if body is None else ["the document has no body here"]
        return self._judge((*place, "content", "application/json", "schema"), body)

    def _operation(self, method: str, path: str) -> Json | None:
        operation: Json | None = self._paths.get(path, {}).get(method.lower())
        return operation

    def _judge(self, place: tuple[str, ...], body: object) -> list[str]:
        pointer = "/".join(step.replace("~", "~0").replace("/", "~1") for step in place)
        validator = self._validators.get(pointer)
        if validator is None:
            schema = {"$ref": f"{BASE}#/{quote(pointer, safe='/~')}"}
            validator = Draft202012Validator(schema, registry=self._registry)
            self._validators[pointer] = validator
        errors = [_explain(error) for error in validator.iter_errors(body)]
        return errors[:_DETAILS_MAX]


def _loosen_snowflakes(document: Json) -> None:
    document["components"]["schemas"]["SnowflakeType"] = {
        "anyOf": [{"type": "string", "pattern": "^(0|[1-9][0-9]*)$"}, {"type": "integer"}]
    }


def _close_requests(document: Json) -> None:
    """Forbid unknown keys in everything that a request body is made of."""
    schemas: dict[str, Json] = document["components"]["schemas"]
    bodies = (
        operation["requestBody"]
        for item in document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict) and "requestBody" in operation
    )
    for name in _reachable(schemas, bodies):
        schema = schemas[name]
        if schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("additionalProperties", False)
            for key in _UNDOCUMENTED.get(name, ()):
                schema["properties"].setdefault(key, {})


def _reachable(schemas: Mapping[str, Json], roots: Iterable[Json]) -> set[str]:
    """Return the names of the schemas that something refers to, directly or through others."""
    found: set[str] = set()
    waiting = [name for root in roots for name in _references(root)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(schemas[name])
    return found


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].rsplit("/", 1)[1]
        for inner in node.values():
            yield from _references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _references(inner)


def _explain(error: ValidationError) -> str:
    """Say what is wrong at the deepest place, in the branch of each ``oneOf`` that was meant."""
    while branches := [branch for branch in _branches(error) if branch]:
        depth = len(error.instance_path)
        error = min(branches, key=lambda branch: _misfit(branch, depth))[0]
    place = ".".join(str(step) for step in error.instance_path) or "body"
    return f"{place}: {textwrap.shorten(error.message, 400)[-200:]}"


def _branches(error: ValidationError) -> list[list[ValidationError]]:
    """Return what each branch of a choice has against the value."""
    match error.kind:
        case ValidationErrorKind.AnyOf(context) | ValidationErrorKind.OneOfNotValid(context):
            return context
        case _:
            return []


def _misfit(errors: list[ValidationError], depth: int) -> int:
    """Count the signs that a branch was not meant: another ``type``, or not even an object.

    ``depth``: how many steps down in the body the choice is.
    """
    return sum(
        error.instance_path[depth:] == ["type"]
        or (len(error.instance_path) == depth and isinstance(error.kind, ValidationErrorKind.Type))
        for error in errors
    )
