"""The plain form's answer where it breaks off: a status that browsers take, and what is true."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from flask import Flask

from uploads.bodies import Part
from uploads.documents.errors import (
    BodyTooLarge,
    BytesSpent,
    HeadersTooLarge,
    SizeMismatch,
    UploadsError,
)
from uploads.web import results, upload
from uploads.web.upload import Outcome

Told = tuple[list[Outcome], UploadsError | None]


def answer(broken: UploadsError, monkeypatch: pytest.MonkeyPatch) -> Told:
    """What is said of a form that breaks off behind its first file."""

    def parts() -> Iterator[Part]:
        yield Part("file", "a.txt", None, iter(()))
        raise broken

    monkeypatch.setattr(upload, "_judge", lambda actor, part, further: Outcome(part.filename))
    with Flask(__name__).app_context():
        return upload._outcomes(None, parts())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("broken", "status", "wait"),
    [
        (BodyTooLarge(), 413, None),
        (HeadersTooLarge(), 413, None),
        (SizeMismatch(), 422, None),
        (BytesSpent(7), 429, "7"),
    ],
)
def test_a_form_that_breaks_off_is_never_a_success(
    broken: UploadsError, status: int, wait: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "page", str)
    with Flask(__name__).app_context():
        page = upload._broken_off(*answer(broken, monkeypatch))  # type: ignore[arg-type]
    assert (page.status_code, page.headers.get("Retry-After")) == (status, wait)


def test_other_files_are_spoken_of_as_certain_only_where_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One file that is far too large may have been the only one of its form."""
    (_, perhaps), _ = answer(BodyTooLarge(), monkeypatch)
    assert perhaps.name == "Other files of the form, if it had any"
    (_, certain), _ = answer(HeadersTooLarge(), monkeypatch)
    assert certain.name == "The other files of the form"


@pytest.mark.parametrize("filename", ["b.txt", None])
def test_no_more_is_read_of_a_form_than_may_be(
    filename: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the bytes are spent, not even to read past the other files; nor of what is no file."""
    read = list[int]()

    def much() -> Iterator[bytes]:
        for number in range(9):
            read.append(number)
            yield bytes(64 * 1024)

    def spent(actor: object) -> None:
        raise BytesSpent(7)

    monkeypatch.setattr(upload.upload_limits, "enter_another", spent)
    taken = SimpleNamespace(accept=lambda *_: SimpleNamespace(name="a.txt", id="doc_1"))
    monkeypatch.setattr(upload, "services", lambda: SimpleNamespace(intake=taken))
    parts = [Part("f", "a.txt", None, iter(())), Part("f", filename, None, much())]
    with Flask(__name__).app_context():
        outcomes, broken = upload._outcomes(None, iter(parts))  # type: ignore[arg-type]
    assert isinstance(broken, BytesSpent if filename else BodyTooLarge)
    assert [one.document_id for one in outcomes] == ["doc_1", None]
    assert len(read) == (0 if filename else 2)
