"""The door for files under a key in miniature: a `Line` and `accept_once`, without HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask, Response, jsonify
from pydantic import SecretStr

from tests.support.line import TEXT, Line
from uploads import faults, receipts
from uploads.documents.intake import Offer
from uploads.documents.model import Document
from uploads.records.protocol import DocumentFilter

OFFER = Offer("a.txt", "text/plain", declared_size=len(TEXT))
SILENCE = 30
DEAD = timedelta(seconds=SILENCE + 31)


class Desk:
    """What the door hands to `accept_once`, without HTTP."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.app = Flask(__name__)
        self.app.extensions["services"] = SimpleNamespace(
            records=line.records,
            intake=line.intake,
            settings=SimpleNamespace(
                body_seconds=SILENCE, secret_key=SecretStr("s" * 32), earlier_secret_keys=()
            ),
        )

    def send(
        self,
        *pieces: bytes,
        offer: Offer = OFFER,
        key: str = "one",
        via: Iterator[bytes] | None = None,
    ) -> Response:
        def read() -> tuple[Offer, Iterator[bytes]]:
            return offer, iter(pieces or [TEXT]) if via is None else via

        with self.app.test_request_context("/documents", method="POST"):
            return receipts.accept_once(self.line.actor, key, read, render)

    @property
    def documents(self) -> list[Document]:
        return list(self.line.library.list(self.line.actor, DocumentFilter(), 50)[0])


@contextmanager
def desk_at(folder: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk over a line of its own, whose clock is everybody's."""
    line = Line(folder, database_url=database_url)
    monkeypatch.setattr("uploads.clock.now", line.clock)
    try:
        yield Desk(line)
    finally:
        line.records.close()
        faults.arm(None)


def render(document: Document) -> Response:
    answer = jsonify(id=document.id, sha256=document.sha256)
    answer.status_code, answer.headers["Location"] = 202, f"/here/{document.id}"
    return answer


def replayed(answer: Response) -> bool:
    return answer.headers.get("Idempotent-Replayed") == "true"
