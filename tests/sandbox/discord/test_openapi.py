"""How an OpenAPI document is read; the other tests hold the stand-in to Discord's own one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.discord.openapi import ApiDocument

PATH = "/channels/{channel_id}/messages"

SCHEMAS: dict[str, Any] = {
    "SnowflakeType": {"type": "string", "pattern": "^(0|[1-9][0-9]*)$"},
    "Button": {
        "type": "object",
        "properties": {"type": {"enum": [2]}, "label": {"type": "string", "maxLength": 80}},
        "required": ["type"],
    },
    "Text": {
        "type": "object",
        "properties": {"type": {"enum": [10]}, "content": {"type": "string"}},
        "required": ["type", "content"],
    },
    "Message": {
        "type": "object",
        "properties": {
            "to": {"$ref": "#/components/schemas/SnowflakeType"},
            "parts": {
                "type": "array",
                "items": {
                    "oneOf": [
                        {"type": "null"},
                        {"$ref": "#/components/schemas/Button"},
                        {"$ref": "#/components/schemas/Text"},
                    ]
                },
            },
        },
    },
    "Error": {"type": "object", "required": ["code"], "properties": {"code": {"type": "integer"}}},
}
JSON_OF = {"Message": {"application/json": {"schema": {"$ref": "#/components/schemas/Message"}}}}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "paths": {
        PATH: {
            "parameters": [{"name": "channel_id", "in": "path"}],
            "post": {
                "parameters": [{"name": "wait", "in": "query"}],
                "requestBody": {"content": JSON_OF["Message"]},
                "responses": {
                    "200": {"content": JSON_OF["Message"]},
                    "204": {"description": "nothing"},
                    "4XX": {"$ref": "#/components/responses/Refusal"},
                },
            },
            "get": {"responses": {"204": {"description": "nothing"}}},
        }
    },
    "components": {
        "schemas": SCHEMAS,
        "responses": {
            "Refusal": {
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
            }
        },
    },
}


@pytest.fixture
def document(tmp_path: Path) -> ApiDocument:
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    return ApiDocument(path)


@pytest.mark.parametrize("body", [{"to": "12"}, {"to": 12}, {"parts": [None, {"type": 2}]}, {}])
def test_good_request_passes(document: ApiDocument, body: Any) -> None:
    assert document.check_request("POST", PATH, {"wait": "1"}, body) == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"to": "x"}, "to: "),
        ({"colour": 1}, "'colour' was unexpected"),
        ({"parts": [{"type": 10}]}, 'parts.0: "content" is a required property'),
        ({"parts": [{"type": 2, "label": "x" * 81}]}, "parts.0.label: "),
    ],
)
def test_what_is_wrong_is_said_of_the_part_that_was_meant(
    document: ApiDocument, body: Any, why: str
) -> None:
    [found] = document.check_request("POST", PATH, {}, body)
    assert why in found


def test_unknown_routes_queries_and_bodies_are_wrong(document: ApiDocument) -> None:
    assert document.check_request("PUT", PATH, {}, None) == ["the document has no such route"]
    assert document.check_request("GET", PATH, {"limit": "1"}, {}) == [
        "unknown query parameter 'limit'",
        "the document has no body here",
    ]


def test_answers_are_judged_by_their_status(document: ApiDocument) -> None:
    assert document.check_answer("POST", PATH, 200, {"to": "1"}) == []
    assert document.check_answer("POST", PATH, 204, None) == []
    assert document.check_answer("POST", PATH, 404, {"code": 1}) == []
    assert document.check_answer("POST", PATH, 200, {"to": []}) != []
    assert document.check_answer("POST", PATH, 204, {}) == ["the document has no body here"]
    assert document.check_answer("POST", PATH, 404, {}) == ['body: "code" is a required property']
    assert document.check_answer("GET", PATH, 500, None) == [
        "the document knows no status 500 here"
    ]
