"""The document as a page shows it: sections, operations and shapes, in words. For people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from uploads.openapi.problems import MEDIA_TYPE

Words = tuple[tuple[str, str | None], ...]
"""Pieces of a sentence; the second of each is the shape that it leads to, if it does."""
_BOUNDS = {
    "format": "{}",
    "minimum": "≥ {}",
    "maximum": "≤ {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "pattern": "{}",
    "default": "else {}",
}
_TITLES = {
    "content": "Content host",
    "linked": "Links in use",
    "me": "The caller",
    "openapi": "This document",
}
_UNSAID = {"uri", "uri-reference", "cursor"}


@dataclass(frozen=True, slots=True)
class Row:
    """A parameter, or a member of a shape."""

    name: str
    kind: Words
    says: str
    place: str
    required: bool


@dataclass(frozen=True, slots=True)
class Body:
    """One form of a body."""

    media_type: str
    kind: Words
    says: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `codes` are those of a refusal."""

    status: str
    says: str
    kind: Words
    headers: tuple[str, ...]
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """One operation. `needs` is what a caller must have: a scope, a session, nothing."""

    name: str
    method: str
    path: str
    summary: str
    description: str
    needs: str
    optional: bool
    parameters: tuple[Row, ...]
    bodies: tuple[Body, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """A model by its name: its members, or what it is one of, and what it looks like."""

    name: str
    says: str
    kind: Words
    rows: tuple[Row, ...]
    example: str | None


@dataclass(frozen=True, slots=True)
class Section:
    """The operations of one noun."""

    name: str
    title: str
    says: str
    operations: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """The whole page."""

    about: tuple[str, ...]
    sections: tuple[Section, ...]
    told: tuple[Shown, ...]
    shapes: tuple[Shape, ...]


def read(document: Mapping[str, Any]) -> Reading:
    """Everything of the document that people look up in it."""
    by_tag: dict[str, list[Shown]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            shown = _operation(document, method.upper(), path, operation)
            by_tag.setdefault(operation["tags"][0], []).append(shown)
    sections = tuple(
        Section(
            tag["name"],
            _TITLES.get(tag["name"], tag["name"].capitalize()),
            tag["description"],
            tuple(by_tag[tag["name"]]),
        )
        for tag in document["tags"]
    )
    told = tuple(
        _operation(document, "POST", name, item["post"])
        for name, item in document["webhooks"].items()
    )
    shapes = tuple(
        _shape(name, schema) for name, schema in document["components"]["schemas"].items()
    )
    return Reading(tuple(document["info"]["description"].split("\n\n")), sections, told, shapes)


def _operation(
    document: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]
) -> Shown:
    parameters = [_resolved(document, one) for one in operation["parameters"]]
    request = operation.get("requestBody", {})
    return Shown(
        name=operation["operationId"],
        method=method,
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        needs=_needs(operation["security"]),
        optional=not request.get("required", False),
        parameters=tuple(
            Row(one["name"], _words(one["schema"]), one["description"], one["in"], one["required"])
            for one in parameters
        ),
        bodies=tuple(_body(*content) for content in request.get("content", {}).items()),
        answers=tuple(
            _answer(status, _resolved(document, answer))
            for status, answer in operation["responses"].items()
        ),
    )


def _needs(security: list[dict[str, list[str]]]) -> str:
    for way in security:
        if "key" in way:
            return " ".join(way["key"]) or "any caller"
    return "nobody has to say who asks"


def _body(media_type: str, content: Mapping[str, Any]) -> Body:
    schema = content["schema"]
    return Body(media_type, _words(schema), schema.get("description", ""), _rows(schema))


def _answer(status: str, answer: Mapping[str, Any]) -> Answer:
    contents = answer.get("content", {})
    problem = contents.get(MEDIA_TYPE)
    codes = answer["description"].replace("`", "").split(", ") if problem else ()
    kind: Words = ()
    if not problem:
        for media_type, content in contents.items():
            kind = _words(content["schema"]) if "json" in media_type else ((media_type, None),)
    says = "" if problem else answer["description"]
    return Answer(status, says, kind, tuple(answer.get("headers", {})), tuple(codes))


def _shape(name: str, schema: Mapping[str, Any]) -> Shape:
    examples = schema.get("examples")
    example = json.dumps(examples[0], indent=2) if examples else None
    kind = () if "properties" in schema else _words(schema)
    return Shape(name, schema.get("description", ""), kind, _rows(schema), example)


def _rows(schema: Mapping[str, Any]) -> tuple[Row, ...]:
    required = schema.get("required", ())
    return tuple(
        Row(name, _words(one), one.get("description", ""), "", name in required)
        for name, one in schema.get("properties", {}).items()
    )


def _words(schema: Mapping[str, Any]) -> Words:
    return tuple(_pieces(schema))


def _pieces(schema: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield name, name
        return
    choices = schema.get("oneOf") or schema.get("anyOf")
    if choices:
        for number, choice in enumerate(choices):
            if number:
                yield " or ", None
            yield from _pieces(choice)
        return
    if "enum" in schema or "const" in schema:
        values = schema["enum"] if "enum" in schema else [schema["const"]]
        yield " | ".join(str(value) for value in values), None
    elif schema.get("type") == "array":
        yield "list of ", None
        yield from _pieces(schema.get("items", {}))
    else:
        yield schema.get("type", "bytes"), None
    bounds = [
        _BOUNDS[name].format(schema[name])
        for name in _BOUNDS
        if name in schema and schema[name] not in _UNSAID
    ]
    if bounds:
        yield ", " + ", ".join(bounds), None


def _resolved(document: Mapping[str, Any], found: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in found:
        return found
    place: Any = document
    for step in found["$ref"].removeprefix("#/").split("/"):
        place = place[step]
    resolved: Mapping[str, Any] = place
    return resolved
