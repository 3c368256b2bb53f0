"""A change of UPLOADS_SECRET_KEY with both keys live: forms and repeated requests go on working."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
from flask import Flask, Response, request
from pydantic import SecretStr

from tests.support.desk import Desk
from tests.support.line import Line
from uploads.documents.errors import CsrfRefused, IdempotencyMismatch
from uploads.documents.receipts import Keep
from uploads.idempotency import Once, idempotent
from uploads.security import csrf

OLD, NEW = "s" * 32, "n" * 32


@contextmanager
def browser(secret: str, *earlier: str) -> Iterator[None]:
    """A request of a browser that is not signed in, to a service with these keys."""
    app = Flask(__name__)
    app.extensions["services"] = SimpleNamespace(
        settings=SimpleNamespace(
            secret_key=SecretStr(secret), earlier_secret_keys=earlier, https=False, public_url=""
        )
    )
    with app.test_request_context("/sign-in", method="POST", headers={"Cookie": "csrf=seed"}):
        yield


def test_a_form_that_was_shown_before_the_change_can_still_be_sent() -> None:
    with browser(OLD):
        before = csrf.token()
    with browser(NEW, "x" * 32, OLD):
        csrf.check(before)
        after = csrf.token()
    with browser(NEW):
        csrf.check(after)
        with pytest.raises(CsrfRefused):
            csrf.check(before)


def test_a_file_that_is_sent_again_after_the_change_is_the_same(line: Line) -> None:
    desk = Desk(line)
    settings = desk.app.extensions["services"].settings
    first = desk.send()
    settings.secret_key, settings.earlier_secret_keys = SecretStr(NEW), (OLD,)
    assert desk.send().get_data() == first.get_data()
    with pytest.raises(IdempotencyMismatch):
        desk.send(b"another file")
    settings.earlier_secret_keys = ()
    assert desk.send().get_data() == first.get_data(), "it is not told apart by a secret"
    assert len(desk.documents) == 1


def test_a_request_that_is_sent_again_after_the_change_is_done_once(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, done = Desk(line), list[bytes]()
    settings = desk.app.extensions["services"].settings
    known = replace(line.actor, via="key")
    monkeypatch.setattr("uploads.idempotency.current_actor", lambda: known)
    monkeypatch.setattr("uploads.security.csrf.current_actor", lambda: known)

    def act(keep: Keep[str]) -> str:
        done.append(request.get_data())
        desk.line.records.write(lambda work: keep(work, "done"))
        return "done"

    @idempotent
    def view() -> Once[str]:
        return Once(act, lambda text: Response(text, content_type="text/plain"))

    def send(body: bytes) -> Response:
        headers = {"Idempotency-Key": "one"}
        with desk.app.test_request_context("/x", method="POST", headers=headers, data=body):
            answer: Response = view()
            return answer

    send(b"a")
    settings.secret_key, settings.earlier_secret_keys = SecretStr(NEW), (OLD,)
    assert send(b"a").headers["Idempotent-Replayed"] == "true"
    with pytest.raises(IdempotencyMismatch):
        send(b"b")
    assert done == [b"a"]
