"""Holds real answers against the OpenAPI document that is checked in."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft202012Validator, FormatChecker

FILE = Path(__file__).parents[2] / "docs" / "openapi.json"
_AS_TEXT = {"integer": int, "string": str}


@cache
def document() -> dict[str, Any]:
    """The document as it is checked in."""
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def operation(route: str, method: str) -> dict[str, Any] | None:
    """The operation of a Flask route, where the document has it."""
    path = document()["paths"].get(route.replace("<", "{").replace(">", "}"), {})
    found: dict[str, Any] | None = path.get(method.lower())
    return found


def assert_described(answer: httpx.Response, described: dict[str, Any]) -> None:
    """Its status, its headers, its media type and its body are as the operation says."""
    status = str(answer.status_code)
    assert status in described["responses"], (described["operationId"], status, answer.text)
    response = resolved(described["responses"][status])
    for name, reference in response.get("headers", {}).items():
        header = resolved(reference)
        assert name in answer.headers or not header["required"], (name, dict(answer.headers))
        if name in answer.headers:
            read = _AS_TEXT[header["schema"]["type"]]
            check(header["schema"], read(answer.headers[name]))
    if "content" not in response:
        assert answer.content == b""
        return
    media_type = answer.headers["Content-Type"].partition(";")[0]
    content = response["content"]
    assert media_type in content or "*/*" in content, (media_type, list(content))
    if media_type.endswith("json") and media_type in content:
        check(content[media_type]["schema"], answer.json())


def resolved(found: dict[str, Any]) -> dict[str, Any]:
    """What a reference into the document names; anything else is what it is."""
    while "$ref" in found and len(found) == 1:
        place: Any = document()
        for step in found["$ref"].removeprefix("#/").split("/"):
            place = place[step]
        found = place
    return found


def check(schema: dict[str, Any], value: Any) -> None:
    """Raises jsonschema's error, which says where and why."""
    # What the schema refers to is looked up below the same root.
    whole = {**schema, "components": document()["components"]}
    Draft202012Validator(whole, format_checker=FormatChecker()).validate(value)
