"""A scanner that goes blind, sees again and learns, with all real parts: what is served follows."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support import plain
from tests.support.clamd import running_clamd
from tests.support.hostile_files import eicar
from tests.support.invariants import invariants
from tests.support.people import PATIENCE, Person
from tests.support.stack import Stack
from tests.support.waiting import eventually
from uploads.storage.protocol import Bucket

_TODAY = datetime.now(UTC).strftime("%d %b %Y %H-%M +0000")
TEXT = b"a harmless text, until somebody knows better\n" * 20


class Scanner:
    """A real clamd whose signatures a test writes; it reads them anew when it is told to."""

    def __init__(self, folder: Path, address: str) -> None:
        self._folder = folder
        self._number = 100
        self.address = address

    def knows(self, *words: bytes) -> None:
        """Have exactly these signatures, under the next number."""
        lines = [f"Test.Word{number}:0:*:{word.hex()}" for number, word in enumerate(words)]
        database, log = self._folder / "db", self._folder / "clamd.log"
        # VERSION tells what this file's head says. Nobody but ClamAV's makers can sign a whole one.
        (database / "daily.cld").unlink(missing_ok=True)
        (database / "test.ndb").write_text("\n".join(lines or ["Test.None:0:*:00ff" + "aa" * 20]))
        reloaded = log.read_text().count("correctly reloaded")
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(self.address)
            peer.sendall(b"zRELOAD\0")
            assert peer.recv(64) == b"RELOADING\0"
        eventually(lambda: log.read_text().count("correctly reloaded") > reloaded, PATIENCE)
        self._number += 1
        head = f"ClamAV-VDB:{_TODAY}:{self._number}:1:90:{'0' * 32}:x:tests:1795076640"
        (database / "daily.cld").write_bytes(head.ljust(512).encode())


@pytest.fixture(scope="module")
def scanner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanner]:
    folder = tmp_path_factory.mktemp("blind")
    with running_clamd(folder) as address:
        yield Scanner(folder, address)


@pytest.fixture(scope="module")
def watchful(make_stack: Callable[..., Stack], scanner: Scanner) -> Iterator[Stack]:
    """A service whose engines prove themselves each second."""
    stack = make_stack(UPLOADS_CLAMD=scanner.address, UPLOADS_CANARY_SECONDS="1")
    yield stack
    stack.close()


def test_what_is_served_follows_what_the_scanner_is_worth(
    watchful: Stack, scanner: Scanner
) -> None:
    person = watchful.person("ulla")
    document = person.upload("a.txt", TEXT)
    assert person.settle(document)["state"] == "clean"
    made = person.api.post("/links", json={"documents": [document]})
    assert made.status_code == 201, made.text
    link = made.json()["url"]
    assert follow(person, link) == 200

    scanner.knows()
    eventually(lambda: state(person, document) == "quarantined", PATIENCE)
    assert person.api.get(f"/documents/{document}/content").status_code == 409
    assert follow(person, link) == 409
    eventually(lambda: readiness(watchful)["engines"]["status"] == "unavailable", PATIENCE)
    waiting = person.upload("b.txt", TEXT * 2)

    scanner.knows(eicar())
    assert [person.settle(one)["state"] for one in (document, waiting)] == ["clean", "clean"]
    assert follow(person, link) == 200
    eventually(lambda: readiness(watchful)["engines"]["status"] == "ok", PATIENCE)

    scanner.knows(eicar(), TEXT[:40])
    eventually(lambda: state(person, document) == "infected", PATIENCE)
    eventually(lambda: state(person, waiting) == "infected", PATIENCE)
    assert person.api.get(f"/documents/{document}/content").status_code == 409
    assert follow(person, link) == 410
    eventually(lambda: not served_objects(watchful, document), PATIENCE)
    invariants(watchful, person)


def state(person: Person, document_id: str) -> str:
    return str(person.document(document_id)["state"])


def follow(person: Person, link: str) -> int:
    """The status at the end of a link."""
    answer = person.fetch("GET", link)
    if answer.status_code == 303:
        answer = person.fetch("GET", str(answer.url.join(answer.headers["Location"])))
    return answer.status_code


def readiness(stack: Stack) -> dict[str, Any]:
    return dict(plain.get(f"{stack.base_url}/readyz").json()["parts"])


def served_objects(stack: Stack, document_id: str) -> list[str]:
    """What the clean bucket still has of a document."""
    prefix = document_id.removeprefix("doc_")
    found = stack.services().storage.list(Bucket.CLEAN)
    return [one.key for one in found if one.key.startswith(prefix)]
