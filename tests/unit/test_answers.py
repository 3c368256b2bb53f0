"""Answers leave with the headers of their kind, whole ones without Werkzeug's last look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response, jsonify
from werkzeug.test import EnvironBuilder, run_wsgi_app

from uploads.answers import Answer, Common
from uploads.api.rendering import created

COMMON = Common({"X-Frame-Options": "DENY"}, {"Cache-Control": "no-store"})


def sent(answer: Response, method: str = "GET") -> tuple[str, list[tuple[str, str]], bytes]:
    """Status, headers and body as a server gets them."""
    environ = EnvironBuilder(method=method).get_environ()
    body, status, headers = run_wsgi_app(answer, environ)
    whole = b"".join(body)
    body.close()  # type: ignore[attr-defined]
    return status, list(headers), whole


def made(body: Any = b"whole", **members: Any) -> Answer:
    answer = Answer(body, **members)
    answer.common = COMMON
    return answer


def test_what_all_answers_have_stands_once_whatever_a_view_said() -> None:
    answer = made(headers={"x-frame-options": "ALLOWALL", "X-Own": "1"})
    _, headers, body = sent(answer)
    assert [text for name, text in headers if name.lower() == "x-frame-options"] == ["DENY"]
    assert dict(headers)["X-Own"] == "1"
    assert body == b"whole"


def test_a_view_may_say_how_long_its_answer_is_kept() -> None:
    assert dict(sent(made())[1])["Cache-Control"] == "no-store"
    kept = [
        text
        for name, text in sent(made(headers={"cache-control": "private"}))[1]
        if name.lower() == "cache-control"
    ]
    assert kept == ["private"]


@pytest.mark.parametrize(
    ("members", "method"),
    [
        ({}, "HEAD"),
        ({"status": 204}, "GET"),
        ({"status": 304}, "GET"),
        ({"headers": {"Location": "/ä?ö"}}, "GET"),
        ({"headers": {"Content-Location": "/ä"}}, "GET"),
        ({"headers": {"Location": "/documents/doc_1"}, "status": 202}, "GET"),
        ({}, "GET"),
    ],
)
def test_it_goes_as_werkzeug_would_send_it(members: dict[str, Any], method: str) -> None:
    plain = Answer(b"whole", **members)
    plain.headers["X-Frame-Options"] = "DENY"
    plain.headers["Cache-Control"] = "no-store"
    status, headers, body = sent(made(**members), method)
    expected = sent(plain, method)
    assert (status, sorted(headers), body) == (expected[0], sorted(expected[1]), expected[2])


def test_a_stream_has_no_length_and_is_closed_at_its_end() -> None:
    ended: list[bool] = []

    def pieces() -> Iterator[bytes]:
        yield b"a"
        yield b"b"

    answer = made(pieces())
    answer.call_on_close(lambda: ended.append(True))
    _, headers, body = sent(answer)
    assert "Content-Length" not in dict(headers)
    assert (body, ended) == (b"ab", [True])


def test_a_body_in_one_piece_is_closed_when_it_is_out() -> None:
    ended: list[bool] = []
    answer = made()
    answer.call_on_close(lambda: ended.append(True))
    assert (sent(answer)[2], ended) == (b"whole", [True])


def test_what_others_make_becomes_an_answer() -> None:
    """Redirects of the routing, above all, have Werkzeug's class."""
    app = Flask(__name__)
    app.response_class = Answer
    with app.test_request_context():
        assert isinstance(app.make_response(Response("x")), Answer)


def test_a_new_thing_is_told_as_flask_would_tell_it() -> None:
    app = Flask(__name__)
    app.response_class = Answer
    members = {"name": 'Fahrpläne "2027".pdf', "size": 2**62, "parts": [{"b": None, "a": True}]}
    with app.test_request_context():
        expected = jsonify(members)
    expected.status_code, expected.headers["Location"] = 201, "/api/v1/uploads/upl_1"
    found = sent(created(members, "201 CREATED", "/api/v1/uploads/upl_1"))
    status, headers, body = sent(expected)
    assert (found[0], sorted(found[1]), found[2]) == (status, sorted(headers), body)
