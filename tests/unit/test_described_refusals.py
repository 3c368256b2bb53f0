"""Each operation of the API, asked in every wrong way: it refuses with nothing undescribed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.described import document
from tests.support.facts import document as fact
from tests.support.program import program, services_at
from uploads.documents.model import State

LOOSE = ("default", "key", "address", "failed", "upload", "upload_key", "upload_address")
JSON, TEXT, FORM = "application/json", "text/plain", "multipart/form-data"
WAYS: dict[str, dict[str, Any]] = {
    "an unknown member of the query": {"query_string": "x=1"},
    "everything twice": {"query_string": "limit=1&limit=2&wait=0&wait=0&name=a&name=b"},
    "a query of wrong kinds": {"query_string": "limit=x&cursor=!&wait=x&state=x&name=%ff"},
    "text": {"data": b"hello", "content_type": TEXT},
    "no type": {"data": b"{}"},
    "another type": {"data": b"<a/>", "content_type": "application/xml"},
    "a form": {"data": {"a": "b"}},
    "a form of parts, cut off": {"data": b"--", "content_type": FORM},
    "no JSON": {"data": b"{", "content_type": JSON},
    "no object": {"data": b"[]", "content_type": JSON},
    "an empty object": {"data": b"{}", "content_type": JSON},
    "an unknown member": {"json": {"x": 1}},
    "members of wrong kinds": {
        "json": {"name": 1, "size": "x", "documents": 3, "url": 5, "numbers": "x", "events": 1}
    },
    "a member twice": {"data": b'{"name":"a","name":"b"}', "content_type": JSON},
    "far too much": {"data": b" " * 2_000_000, "content_type": JSON},
    "a coded body": {"data": b"{}", "headers": {"Content-Encoding": "gzip"}, "content_type": JSON},
    "a key that is none": {"headers": {"Idempotency-Key": "a b"}},
    "a digest that is none": {
        "headers": {"Repr-Digest": "x"},
        "data": b"x",
        "content_type": TEXT,
        "query_string": "name=a.txt",
    },
    "an id that was never seen": {"headers": {"Last-Event-ID": "x"}},
    "a range and conditions": {"headers": {"Range": "bytes=9-", "If-Match": '"x"'}},
    "a wrong key": {"headers": {"Authorization": "Bearer none"}},
}
OPERATIONS = [
    (method, path, operation)
    for path, item in document()["paths"].items()
    for method, operation in item.items()
    if path.startswith("/api/")
]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    rates = {f"rate_{name}": "100000/minute" for name in LOOSE}
    services = services_at(tmp_path_factory.mktemp("wrong"), "redis://127.0.0.1:9", **rates)
    with program(services) as client:
        yield client


@pytest.fixture(scope="module")
def things(api: FlaskClient) -> dict[str, str]:
    """What addresses can name, of the one who asks; what is deleted is nothing."""
    owner = api.get("/api/v1/me").get_json()["id"]
    clean = fact("doc_1", owner_id=owner, state=State.CLEAN, clean_key="key", sha256="ab" * 32)
    services = api.application.extensions["services"]
    services.records.write(lambda work: work.documents.add(clean))
    sent = {"links": {"documents": ["doc_1"]}, "webhooks": {"url": "https://example.org/x"}}
    made = {name: api.post(f"/api/v1/{name}", json=body) for name, body in sent.items()}
    return {
        "document_id": "doc_1",
        "link_id": made["links"].get_json()["id"],
        "webhook_id": made["webhooks"].get_json()["id"],
    }


@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=[f"{one[0]} {one[1]}" for one in OPERATIONS]
)
def test_what_an_operation_may_answer_stands_in_the_document(
    api: FlaskClient, things: dict[str, str], method: str, path: str, operation: dict[str, Any]
) -> None:
    """By status, and each problem by its code."""
    for names in (things, {}, dict.fromkeys(things, "%ff%00")):
        given = names if method != "delete" else {**names, "document_id": "doc_9", "link_id": "x"}
        filled = {name: given.get(name, "nothing") for name in re.findall(r"\{(\w+)\}", path)}
        url = path.format(**filled)
        for way, asked in WAYS.items():
            with api.open(url, method=method.upper(), **asked) as answer:
                assert _described(answer, method, operation), (way, answer.status, url)


def _described(answer: TestResponse, method: str, operation: dict[str, Any]) -> bool:
    said = operation["responses"].get(str(answer.status_code))
    if said is None or answer.status_code < 400 or method == "head":
        return said is not None
    code = answer.get_json(force=True)["code"]
    return code in said["$ref"].rpartition("/")[2].split(".")
