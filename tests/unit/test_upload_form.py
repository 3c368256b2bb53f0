"""The plain form's answer where it breaks off: a status that browsers take, and what is true."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from uploads.bodies import Part
from uploads.documents.errors import BodyTooLarge, HeadersTooLarge, SizeMismatch, UploadsError
from uploads.web import upload
from uploads.web.upload import Outcome


def answer(broken: UploadsError, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Outcome], int]:
    """What is said of a form that breaks off behind its first file."""

    def parts() -> Iterator[Part]:
        yield Part("file", "a.txt", None, iter(()))
        raise broken

    monkeypatch.setattr(upload, "_judge", lambda actor, part, further: Outcome(part.filename))
    with Flask(__name__).app_context():
        return upload._outcomes(None, parts())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("broken", "status"), [(BodyTooLarge(), 413), (HeadersTooLarge(), 413), (SizeMismatch(), 422)]
)
def test_a_form_that_breaks_off_is_never_a_success(
    broken: UploadsError, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answer(broken, monkeypatch)[1] == status


def test_other_files_are_spoken_of_as_certain_only_where_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One file that is far too large may have been the only one of its form."""
    (_, perhaps), _ = answer(BodyTooLarge(), monkeypatch)
    assert perhaps.name == "Other files of the form, if it had any"
    (_, certain), _ = answer(HeadersTooLarge(), monkeypatch)
    assert certain.name == "The other files of the form"
