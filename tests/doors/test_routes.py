"""Every route × method × caller in one table, built against the app's own URL map.

A route that is added and not entered here fails the first test; every other test of this module
then holds for it as well: who may, who may not, and which headers each answer carries.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support import described, plain, samples
from tests.support import grants as granted
from tests.support.headers import assert_secure
from tests.support.people import PATIENCE, Browser, Person
from tests.support.requests import KEY, NOWHERE, asked, body_for, made_for
from tests.support.stack import Stack
from tests.support.waiting import eventually

# HEAD asks what GET asks where it has no row of its own; of the others no view, and so no database,
# comes to know.
once = pytest.mark.one_database
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
PNG = samples.png()
QUESTION = {"files": {"size": (None, "9"), "file": ("a.png", PNG)}}
FORM = {"files": {"file": ("a.png", PNG)}}


@dataclass(frozen=True)
class Row:
    """What the three callers get. Where `wrong` is None the route has no owner to be wrong about.

    `{clean}` in the address is a clean document of the right user, `{spare}` one made for this
    one request, `{open}` and `{sent}` are grants made for it, `{link}` is a link, `{token}` is a
    fresh token of the content host, `{style}` an address there, `{hook}` is a webhook and `{told}`
    a delivery of it. `site` is app, content or internal.
    """

    signed_out: int
    wrong: int
    right: int
    path: str = ""
    send: dict[str, Any] | None = None
    site: str = "app"


API, DOC = "/api/v1", "/api/v1/documents/<document_id>"
UPLOAD = "/api/v1/uploads/<upload_id>"
LINK = "/api/v1/links/<link_id>"
HOOK = f"{API}/webhooks/<webhook_id>"
CASE = f"{API}/admin/quarantine/<document_id>"
PAGE = "/documents/<document_id>"
TABLE: dict[tuple[str, str], Row] = {
    # For programs. Unknown callers are 401; other people's documents are 404.
    (f"{API}/documents", "GET"): Row(401, 200, 200),
    (f"{API}/documents", "POST"): Row(401, 202, 202, send=FORM),
    (DOC, "GET"): Row(401, 404, 200, f"{API}/documents/{{clean}}"),
    (DOC, "PATCH"): Row(401, 404, 200, f"{API}/documents/{{clean}}", {"json": {}}),
    (DOC, "DELETE"): Row(401, 404, 204, f"{API}/documents/{{spare}}"),
    (f"{DOC}/content", "GET"): Row(401, 404, 302, f"{API}/documents/{{clean}}/content"),
    (f"{DOC}/content", "HEAD"): Row(401, 404, 200, f"{API}/documents/{{clean}}/content"),
    (f"{DOC}/renditions/<name>", "GET"): Row(
        401, 404, 302, f"{API}/documents/{{clean}}/renditions/thumbnail-200"
    ),
    (f"{API}/uploads", "POST"): Row(401, 201, 201, send={"json": granted.ASKED}),
    (f"{API}/document-batches", "POST"): Row(401, 200, 200, send=FORM),
    (f"{API}/upload-batches", "POST"): Row(
        401, 200, 200, send={"json": {"uploads": [granted.ASKED]}}
    ),
    (f"{API}/upload-batches/complete", "POST"): Row(
        401, 200, 200, send={"json": {"uploads": [{"id": "{open}"}]}}
    ),
    (UPLOAD, "GET"): Row(401, 404, 200, f"{API}/uploads/{{open}}"),
    (UPLOAD, "DELETE"): Row(401, 404, 204, f"{API}/uploads/{{open}}"),
    (f"{UPLOAD}/parts", "POST"): Row(
        401, 404, 200, f"{API}/uploads/{{open}}/parts", {"json": {"numbers": [1]}}
    ),
    (f"{UPLOAD}/complete", "POST"): Row(401, 404, 202, f"{API}/uploads/{{sent}}/complete"),
    (f"{API}/links", "GET"): Row(401, 200, 200),
    (f"{API}/links", "POST"): Row(
        401, 404, 201, f"{API}/links", {"json": {"documents": ["{clean}"]}}
    ),
    (LINK, "GET"): Row(401, 404, 200, f"{API}/links/{{link}}"),
    (LINK, "DELETE"): Row(401, 404, 204, f"{API}/links/{{link}}"),
    (f"{DOC}/links", "GET"): Row(401, 404, 200, f"{API}/documents/{{clean}}/links"),
    (f"{API}/events", "GET"): Row(401, 200, 200),
    (f"{DOC}/events", "GET"): Row(401, 404, 200, f"{API}/documents/{{clean}}/events"),
    (f"{API}/keys", "GET"): Row(401, 200, 200),
    (f"{API}/keys", "POST"): Row(401, 201, 201, send={"json": KEY}),
    (f"{API}/keys/<key_id>", "DELETE"): Row(401, 404, 204, f"{API}/keys/{{key}}"),
    (f"{API}/webhooks", "GET"): Row(401, 200, 200),
    (f"{API}/webhooks", "POST"): Row(401, 201, 201, send={"json": {"url": NOWHERE}}),
    (HOOK, "GET"): Row(401, 404, 200, f"{API}/webhooks/{{hook}}"),
    (HOOK, "PATCH"): Row(401, 404, 200, f"{API}/webhooks/{{hook}}", {"json": {}}),
    (HOOK, "DELETE"): Row(401, 404, 204, f"{API}/webhooks/{{hook}}"),
    (f"{HOOK}/test", "POST"): Row(401, 404, 202, f"{API}/webhooks/{{hook}}/test"),
    (f"{HOOK}/rotate", "POST"): Row(401, 404, 200, f"{API}/webhooks/{{hook}}/rotate"),
    (f"{HOOK}/deliveries", "GET"): Row(401, 404, 200, f"{API}/webhooks/{{hook}}/deliveries"),
    (f"{HOOK}/deliveries/<delivery_id>/redeliver", "POST"): Row(
        401, 404, 202, f"{API}/webhooks/{{hook}}/deliveries/{{told}}/redeliver"
    ),
    # For administrators, of whom none of these three is one.
    (f"{API}/admin/quarantine", "GET"): Row(401, 403, 403),
    (CASE, "GET"): Row(401, 403, 403),
    (CASE, "DELETE"): Row(401, 403, 403),
    (f"{CASE}/release", "POST"): Row(401, 403, 403, send={"json": {}}),
    (f"{CASE}/sample", "GET"): Row(401, 403, 403),
    (f"{API}/policy", "GET"): Row(401, 200, 200),
    (f"{API}/me", "GET"): Row(401, 200, 200),
    (f"{API}/openapi.json", "GET"): Row(200, 200, 200),
    # For people. Unknown callers are led to the sign-in page, and get it for what they send.
    ("/", "GET"): Row(302, 302, 302),
    ("/sign-in", "GET"): Row(200, 302, 302),
    ("/sign-in", "POST"): Row(403, 401, 401, send={"data": {"email": "x@y.z", "password": "x"}}),
    ("/sign-out", "POST"): Row(403, 303, 303),
    ("/api/docs", "GET"): Row(200, 200, 200),
    ("/documents", "GET"): Row(303, 200, 200),
    ("/documents", "POST"): Row(401, 303, 303, send=FORM),
    ("/results/<key>", "GET"): Row(303, 404, 404, "/results/01arz3ndektsv4rrffq69g5fav"),
    ("/upload-check", "POST"): Row(401, 200, 200, send=QUESTION),
    (PAGE, "GET"): Row(303, 404, 200, "/documents/{clean}"),
    (f"{PAGE}/download", "GET"): Row(303, 404, 302, "/documents/{clean}/download"),
    (f"{PAGE}/download", "HEAD"): Row(303, 404, 200, "/documents/{clean}/download"),
    (f"{PAGE}/delete", "GET"): Row(303, 404, 200, "/documents/{clean}/delete"),
    (f"{PAGE}/links", "POST"): Row(
        401, 404, 303, "/documents/{clean}/links", {"data": {"lasts": "day"}}
    ),
    (f"{PAGE}/links/<link_id>/revoke", "POST"): Row(
        401, 404, 303, "/documents/{clean}/links/{link}/revoke"
    ),
    (f"{PAGE}/delete", "POST"): Row(401, 404, 303, "/documents/{spare}/delete"),
    # For everybody.
    ("/problems/<code>", "GET"): Row(200, 200, 200, "/problems/not-found"),
    ("/csp-reports", "POST"): Row(204, 204, 204, send={"json": {"csp-report": {}}}),
    ("/static/<path:filename>", "GET"): Row(200, 200, 200, "/static/logo.svg"),
    # The content host knows tokens and nobody's name.
    ("/renditions/<token>", "GET"): Row(200, 200, 200, "{token}", site="content"),
    ("/downloads/<token>", "GET"): Row(404, 404, 404, "/downloads/forged", site="content"),
    ("/links/<token>", "GET"): Row(404, 404, 404, "/links/forged", site="content"),
    ("/links/<token>", "POST"): Row(404, 404, 404, "/links/forged", site="content"),
    ("/links/form.css", "GET"): Row(200, 200, 200, "{style}", site="content"),
    ("/tickets/<ticket>", "GET"): Row(404, 404, 404, "/tickets/forged", site="content"),
    # For the operator's own network.
    ("/livez", "GET"): Row(200, 200, 200, site="internal"),
    ("/readyz", "GET"): Row(200, 200, 200, site="internal"),
    ("/metrics", "GET"): Row(200, 200, 200, site="internal"),
}


@pytest.fixture(scope="module")
def rules(stack: Stack) -> dict[str, set[str]]:
    """Address and methods of every route that the app has."""
    from uploads.app import create_app

    app = create_app(stack.services())
    found: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        found.setdefault(rule.rule, set()).update(rule.methods or ())
    return found


@pytest.fixture(scope="module")
def clean(alice: Person) -> str:
    document_id = alice.upload("route.png", PNG)
    assert alice.settle(document_id)["state"] == "clean"
    eventually(lambda: alice.document(document_id)["renditions"], PATIENCE)
    return document_id


Ask = Callable[[str, str, str], httpx.Response]


@pytest.fixture(scope="module")
def sessions(alice: Person, bob: Person) -> Iterator[dict[Person, Browser]]:
    """A browser of each, in which they stay signed in."""
    with alice.browser() as one, bob.browser() as other:
        yield {alice: one, bob: other}


@pytest.fixture(scope="module")
def ask(
    stack: Stack, alice: Person, bob: Person, clean: str, sessions: dict[Person, Browser]
) -> Ask:
    """Sends (route, method) as nobody, bob or alice, in the way that the route is meant for."""

    @contextmanager
    def browser_of(person: Person | None, route: str) -> Iterator[Browser]:
        if person is not None and route not in {"/sign-in", "/sign-out"}:
            yield sessions[person]
            return
        with person.browser() if person is not None else Browser(stack) as browser:
            yield browser

    def send(route: str, method: str, who: str) -> httpx.Response:
        row = TABLE.get((route, method)) or TABLE[route, "GET"]
        path = made_for(stack, alice, clean, row.path or route)
        person = {"nobody": None, "bob": bob, "alice": alice}[who]
        more = body_for(row.send or {}, clean)
        if person is not None and path.startswith(API):
            return asked(person, method, stack.base_url + path, **more)
        with browser_of(person, route) as browser:
            if person is not None and method == "POST":
                more["headers"] = {"X-CSRF-Token": browser.token("/documents")}
            return browser.request(method, path, **more)

    return send


def test_every_route_stands_in_the_table(rules: dict[str, set[str]]) -> None:
    """The table has every route and method of the app, and no other."""
    listed = {(rule, method) for rule, methods in rules.items() for method in methods}
    listed -= {(rule, method) for rule, method in listed if method in {"HEAD", "OPTIONS"}}
    assert listed == {(rule, method) for rule, method in TABLE if method != "HEAD"}


@pytest.mark.parametrize(("route", "method"), TABLE, ids=lambda word: str(word))
def test_each_caller_gets_what_is_due(ask: Ask, clean: str, route: str, method: str) -> None:
    """Nobody, somebody else and the owner each get their status, under all headers."""
    row = TABLE[route, method]
    found = []
    for who in ("nobody", "bob", "alice"):
        answer = ask(route, method, who)
        assert_secure(answer, content_host=row.site == "content")
        found.append(answer.status_code)
        if answer.status_code >= 400:
            assert clean not in answer.text
        if (said := described.operation(route, method)) is not None:
            described.assert_described(answer, said)
    assert found == [row.signed_out, row.wrong, row.right]


@once
@pytest.mark.parametrize(
    "route",
    [route for route, method in TABLE if method == "GET" and (route, "HEAD") not in TABLE],
)
def test_head_answers_like_get(ask: Ask, route: str) -> None:
    """HEAD has the status of GET and no body."""
    for who in ("nobody", "alice"):
        answer = ask(route, "HEAD", who)
        assert answer.status_code == ask(route, "GET", who).status_code
        assert answer.content == b""
        assert_secure(answer, content_host=TABLE[route, "GET"].site == "content")


def filled(path: str, name: str) -> str:
    """The path with the same name in each place."""
    return re.sub(r"\{\w+\}", name, path)


@once
def test_other_methods_are_refused(stack: Stack, rules: dict[str, set[str]], clean: str) -> None:
    """A method that a route does not have is 405 with Allow, TRACE among them; never a 500."""
    for (route, _), row in TABLE.items():
        if row.site == "content":
            continue
        path = filled(row.path or route, clean)
        for method in set(METHODS) - rules[route]:
            answer = plain.request(method, stack.base_url + path)
            assert answer.status_code == 405, (route, method, answer.status_code)
            assert set(answer.headers["Allow"].split(", ")) <= rules[route]
            assert_secure(answer)


@once
def test_options_says_what_there_is(stack: Stack, rules: dict[str, set[str]], clean: str) -> None:
    """OPTIONS names a route's methods and does nothing else."""
    for (route, _), row in TABLE.items():
        if row.site == "content":
            continue
        path = filled(row.path or route, clean)
        answer = plain.request("OPTIONS", stack.base_url + path)
        assert answer.status_code in {200, 204}, (route, answer.status_code)
        assert set(answer.headers["Allow"].split(", ")) == rules[route]
        assert_secure(answer)


@once
@pytest.mark.parametrize(
    "path", ["/nowhere", "/api/v1/nowhere", "/static/nowhere.js", "/static/../app.py", "/%00"]
)
def test_an_unknown_address_is_404_with_all_headers(stack: Stack, path: str) -> None:
    """Errors carry the same headers as everything else, as problem or as page."""
    answer = plain.get(stack.base_url + path)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]
    assert_secure(answer)
    page = plain.get(stack.base_url + path, headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert_secure(page)
