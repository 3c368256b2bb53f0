"""The whole document, put together by apispec out of an application's routes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from apispec import APISpec
from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from uploads.openapi import headers
from uploads.openapi.describing import description_of
from uploads.openapi.operations import Operation, tag_of
from uploads.openapi.problems import PROBLEMS
from uploads.openapi.told import DocumentEvent, TestEvent, webhooks
from uploads.security import csrf
from uploads.security.hosts import CONTENT

OPENAPI = "3.1.1"
_KEPT = "uploads.openapi"
_INFO = {
    "description": (
        "Takes files from people and programs who may be hostile, and hands back only what was "
        "inspected.\n\nErrors are `application/problem+json` (RFC 9457) with a stable `code`; "
        "`/problems/<code>` explains each. Lists are newest first, `next_cursor` leads to the next "
        "page. Somebody else's things answer like things that do not exist. Sizes are in bytes, "
        "times in UTC (RFC 3339), digests lowercase hexadecimal SHA-256. An address does not "
        "answer to other methods than those shown: 405 `method-not-allowed`, with `Allow`."
    ),
    "license": {"name": "MIT", "identifier": "MIT"},
}
_SECURITY = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, with the scopes that an operation names.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "session",
        "description": "The session of the pages' own scripts; `__Host-session` over TLS.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": csrf.HEADER,
        "description": "Beside a session, on everything that changes something: the page's token.",
    },
}
_HOST = {
    "url": "https://{host}",
    "description": "The content host, which knows no keys and no cookies.",
    "variables": {"host": {"default": "content.example.org"}},
}


class _Schemas(GenerateJsonSchema):
    """Models as people read them: no titles made of names, no defaults of null."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        found = super().default_schema(schema)
        return {name: found[name] for name in found if (name, found[name]) != ("default", None)}


def operations(app: Flask) -> list[Operation]:
    """Everything of the application that says what it is, in the order of its routes."""
    found = []
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        says = description_of(view)
        if says is not None:
            methods = (rule.methods or set()) - {"OPTIONS"}
            if "GET" in methods:
                methods -= {"HEAD"}
            found += [Operation(rule, method, view, says) for method in sorted(methods)]
    return found


def document(app: Flask) -> dict[str, Any]:
    """The OpenAPI document of this application's API."""
    found = operations(app)
    spec = APISpec("Uploads", "1", OPENAPI, info=_INFO, servers=[{"url": "/"}], webhooks=webhooks())
    for tag in {one.tag: tag_of(one) for one in found}.values():
        spec.tag(tag)
    _add_components(spec, found)
    for one in found:
        described = one.as_openapi()
        if one.rule.endpoint.startswith(f"{CONTENT}."):
            described["servers"] = [_HOST]
        spec.path(one.path, operations={one.method.lower(): described})
    return spec.to_dict()


def _add_components(spec: APISpec, found: Sequence[Operation]) -> None:
    """Everything that operations share and name."""
    models = [model for one in found for model in one.models()]
    for name, schema in _schemas([*models, *PROBLEMS.values(), DocumentEvent, TestEvent]).items():
        spec.components.schema(name, schema)
    for name in headers.HEADERS:
        spec.components.header(name, headers.as_openapi(name))
    parameters = {one.key: one for operation in found for one in operation.parameters()}
    for parameter in parameters.values():
        spec.components.parameter(parameter.key, parameter.place, parameter.as_openapi())
    refusals = {one for operation in found for one in operation.refusals().values()}
    for refusal in sorted(refusals, key=lambda one: one.name):
        spec.components.response(refusal.name, refusal.as_openapi())
    for name, scheme in _SECURITY.items():
        spec.components.security_scheme(name, scheme)


def text(app: Flask) -> str:
    """The document as it is served and checked in; made once for an application."""
    kept: str | None = app.extensions.get(_KEPT)
    if kept is None:
        kept = app.extensions[_KEPT] = json.dumps(document(app), indent=2) + "\n"
    return kept


def _schemas(models: Sequence[type[BaseModel]]) -> dict[str, Any]:
    """Every model, and what it is made of, by its name."""
    _, found = models_json_schema(
        [(model, "serialization") for model in dict.fromkeys(models)],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Schemas,
    )
    defined: dict[str, dict[str, Any]] = found["$defs"]
    return {name: _without(defined[name]) for name in sorted(defined)}


def _without(schema: dict[str, Any]) -> dict[str, Any]:
    """Its name is its title; what an enumeration says of itself is for those who read the code."""
    said = {"title", "description"} if "enum" in schema else {"title"}
    return {name: schema[name] for name in schema if name not in said}
