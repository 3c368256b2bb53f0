"""The OpenAPI document: nothing missing, nothing made up, checked in as it is made."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.support import facts
from tests.support.described import FILE, check, document, resolved
from uploads.api import blueprint, linked, rendering
from uploads.api.content import blueprint as content
from uploads.api.operations import blueprint as operations
from uploads.documents import errors
from uploads.documents.errors import UploadsError, catalogue
from uploads.documents.granting import SignedRequest
from uploads.documents.grants import Grant, GrantMethod, GrantState
from uploads.documents.links import Disposition, Link
from uploads.documents.model import Document, State
from uploads.documents.showing import document_json
from uploads.errors import STATUS, problem
from uploads.openapi.__main__ import text
from uploads.openapi.examples import DOCUMENT
from uploads.openapi.problems import PROBLEMS

HERE = "https://files.example.org"
PAGE_ASSETS = {"/links/form.css"}
MADE: dict[type[UploadsError], UploadsError] = {
    errors.FileTooLarge: errors.FileTooLarge(10),
    errors.QuotaExceeded: errors.QuotaExceeded("bytes", 10, 9),
    errors.TypeNotAllowed: errors.TypeNotAllowed(None, [".pdf"]),
    errors.TypeMismatch: errors.TypeMismatch("it is a PDF", "image/png", None),
    errors.DigestMismatch: errors.DigestMismatch("ab" * 32, "cd" * 32),
    errors.Incomplete: errors.Incomplete([1, 3]),
    errors.NotClean: errors.NotClean(state="infected"),
    errors.Invalid: errors.Invalid(errors=[{"pointer": "/name", "detail": "required"}]),
}


def named(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def operations_of() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, item in document()["paths"].items()
        for method, operation in item.items()
    ]


def test_what_is_checked_in_is_what_the_code_says() -> None:
    """After a change: `make docs`."""
    assert FILE.read_text() == text()


def test_the_document_is_openapi_3_1() -> None:
    """It holds against the meta-schema, and every reference in it leads somewhere."""
    assert document()["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(document()).validate()


def test_every_route_is_in_the_document_and_no_other() -> None:
    """Those of the API, the probes and the content host, by address and method."""
    assert linked.blueprint is content
    app = Flask("uploads")
    for one in (blueprint, content, operations):
        app.register_blueprint(one)
    routes = {
        (rule.rule.replace("<", "{").replace(">", "}"), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static" and rule.rule not in PAGE_ASSETS
        # HEAD is GET's, but where it has a view of its own.
        for method in (rule.methods or set()) - {"OPTIONS"}
        if method != "HEAD" or "GET" not in (rule.methods or set())
    }
    assert routes == {(path, method) for path, method, _ in operations_of()}


def test_every_code_of_the_catalogue_is_in_the_document() -> None:
    """With its status; and each one but that of a wrong method is an answer somewhere."""
    assert set(PROBLEMS) == set(STATUS)
    schemas = document()["components"]["schemas"]
    for code, model in PROBLEMS.items():
        members = schemas[model.__name__]["properties"]
        assert (members["code"]["const"], members["status"]["const"]) == (code, STATUS[code])
    answered = {
        code for name in document()["components"]["responses"] for code in name.split(".")[1:]
    } - {"shown"}
    assert set(STATUS) - answered == {"method-not-allowed"}


@pytest.mark.parametrize("kind", catalogue(), ids=lambda kind: kind.__name__)
def test_every_refusal_has_the_members_that_the_document_says(kind: type[UploadsError]) -> None:
    """As `uploads.errors` renders it, no member more or less."""
    error = MADE.get(kind) or kind()
    check(named(PROBLEMS[kind.code].__name__), problem(error, "0123456789ab"))


def test_every_operation_says_what_it_is() -> None:
    """A name of its own, a sentence, an answer that is no refusal; the request id on all."""
    names = [operation["operationId"] for _, _, operation in operations_of()]
    assert len(set(names)) == len(names)
    for _, _, operation in operations_of():
        assert operation["summary"].endswith(".")
        assert any(status < "4" for status in operation["responses"])
        for response in operation["responses"].values():
            assert "X-Request-Id" in resolved(response)["headers"]


def test_only_what_needs_nobody_is_open_to_all() -> None:
    """The document, the probes and what a token opens."""
    public = {path for path, _, operation in operations_of() if operation["security"] == []}
    assert all(not path.startswith("/api/") for path in public - {"/api/v1/openapi.json"})
    assert "/api/v1/openapi.json" in public


def test_descriptions_cost_a_request_nothing() -> None:
    """A described view is the very function that was written, not one around it."""
    for name, view in inspect.getmembers(linked, inspect.isfunction):
        if name in {"link", "enter", "fetch"}:
            assert view.__code__.co_filename == linked.__file__


@pytest.mark.parametrize("state", State)
def test_documents_are_shown_as_described(state: State) -> None:
    """In each state, with all that one can have and with nothing of it."""
    whole = facts.document(
        state=state,
        verdict=facts.verdict(),
        renditions=(facts.rendition(),),
        expires_at=facts.after(60),
    )
    bare = facts.document(state=state, sha256=None, declared_type=None)
    for one in (whole, bare):
        check(named("Document"), document_json(one, HERE))


def test_the_document_in_the_examples_is_one() -> None:
    check(named("Document"), DOCUMENT)


def test_a_member_more_or_less_is_noticed() -> None:
    """The models let nothing pass that they do not name."""
    shown = document_json(facts.document(), HERE)
    with pytest.raises(Exception, match="owner_id"):
        check(named("Document"), {**shown, "owner_id": "usr_1"})
    with pytest.raises(Exception, match="size"):
        check(named("Document"), {name: shown[name] for name in shown if name != "size"})


@pytest.mark.parametrize("method", GrantMethod)
@pytest.mark.parametrize("state", GrantState)
def test_uploads_are_shown_as_described(method: GrantMethod, state: GrantState) -> None:
    """Open, with requests and what has arrived; and ended."""
    grant = _grant(method, state)
    signed = [SignedRequest(1, "PUT", HERE, {"Content-Length": "9"}, facts.after(60))]
    for requests, received in (([], {}), (signed, {1: 9})):
        shown = rendering.grant_json(grant, state, requests, received)
        check(named("Upload"), shown)


def test_links_are_shown_as_described() -> None:
    """With every limit and with none."""
    for limits in ({}, {"expires_at": facts.NOW, "max_downloads": 3, "password_hash": "hash"}):
        link = Link("lnk_1", "usr_1", ("doc_1",), Disposition.INLINE, facts.NOW, **limits)
        check(named("Link"), rendering.link_json(link, f"{HERE}/links/token"))


def _grant(method: GrantMethod, state: GrantState) -> Grant:
    document: Document = facts.document()
    return Grant(
        id="upl_1",
        owner_id="usr_1",
        name=document.name,
        size=document.size,
        declared_type=None,
        type=document.type,
        sha256=None,
        method=method,
        part_size=2**24,
        state=state,
        created_at=facts.NOW,
        expires_at=facts.after(60),
    )
