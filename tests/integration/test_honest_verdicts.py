"""A scanner that goes blind and sees again, with all real parts: what is served follows."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import plain
from tests.support.benign_files import pack
from tests.support.clamd import running_clamd
from tests.support.hostile_files import eicar
from tests.support.invariants import invariants
from tests.support.people import PATIENCE, Person
from tests.support.stack import Stack
from tests.support.waiting import eventually

# What becomes of a verdict in the records is held on both databases by the contracts of rescans.
pytestmark = pytest.mark.one_database

SAMPLES = Path("/usr/share/clamav-testfiles")
TEXT = b"a harmless text, until nobody knows better\n" * 20


class Scanner:
    """A real clamd whose signatures a test writes; it reads them anew when it is told to."""

    def __init__(self, folder: Path, address: str) -> None:
        self._folder = folder
        self.address = address

    def knows_program(self, program: bytes) -> None:
        """Have the digest of a program as a signature, beside all others."""
        digest = hashlib.md5(program, usedforsecurity=False).hexdigest()
        (self._folder / "db" / "test.hdb").write_text(f"{digest}:{len(program)}:Test.Program\n")
        self.knows(eicar())

    def knows(self, *words: bytes) -> None:
        """Have exactly these signatures."""
        lines = [f"Test.Word{number}:0:*:{word.hex()}" for number, word in enumerate(words)]
        database, log = self._folder / "db", self._folder / "clamd.log"
        (database / "test.ndb").write_text("\n".join(lines or ["Test.None:0:*:00ff" + "aa" * 20]))
        reloaded = log.read_text().count("correctly reloaded")
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(self.address)
            peer.sendall(b"zRELOAD\0")
            assert peer.recv(64) == b"RELOADING\0"
        eventually(lambda: log.read_text().count("correctly reloaded") > reloaded, PATIENCE)


@pytest.fixture(scope="module")
def scanner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanner]:
    folder = tmp_path_factory.mktemp("blind")
    with running_clamd(folder) as address:
        yield Scanner(folder, address)


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An operator's own rules."""
    folder = tmp_path_factory.mktemp("rules")
    (folder / "own.yar").write_text("rule Own { condition: false }")
    return folder


@pytest.fixture(scope="module")
def watchful(make_stack: Callable[..., Stack], scanner: Scanner, rules: Path) -> Iterator[Stack]:
    """A service whose engines prove themselves every few seconds, and that soon tries again."""
    stack = make_stack(
        UPLOADS_CLAMD=scanner.address,
        UPLOADS_CANARY_SECONDS="5",
        UPLOADS_DEFER_SECONDS="2",
        UPLOADS_YARA_RULES=str(rules),
        # What it is proved to reach need not be much here.
        UPLOADS_MAX_FILE_BYTES="2000000",
        UPLOADS_ARCHIVE_BYTES="8000000",
    )
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

    invariants(watchful, person)


def test_a_rule_of_the_operator_takes_what_was_clean_out_of_service(
    watchful: Stack, rules: Path
) -> None:
    """Without a restart: the link ends, the trail and the webhooks' outbox have it."""
    person = watchful.person("vera")
    document = person.upload("a.txt", b"what nobody knew of yesterday\n")
    assert person.settle(document)["state"] == "clean"
    link = person.api.post("/links", json={"documents": [document]}).json()["url"]
    assert follow(person, link) == 200

    (rules / "later.yar").write_text('rule Later { strings: $a = "nobody knew" condition: $a }')
    eventually(lambda: state(person, document) == "infected", PATIENCE)
    assert follow(person, link) == 410
    engines = {one["name"]: one for one in person.document(document)["verdict"]["engines"]}
    assert engines["yara"]["finding"] == "Later"

    invariants(watchful, person)


def test_programs_in_every_packing_are_found_by_the_line(watchful: Stack, scanner: Scanner) -> None:
    """ClamAV's own samples, each in an archive: uploaded, inspected, and none is handed out.

    One unpacks to so much that nobody would look at all of it.
    """
    scanner.knows_program((SAMPLES / "clam.exe").read_bytes())
    person = watchful.person("zoe")
    samples = sorted(SAMPLES.iterdir())
    assert len(samples) > 40
    sent = {
        sample.name: person.upload("a.zip", pack({"a.bin": sample.read_bytes()}))
        for sample in samples
    }
    found = {name: person.settle(document)["state"] for name, document in sent.items()}
    odd = {name: word for name, word in found.items() if word != "infected"}
    assert odd == {"clam_cache_emax.tgz": "unscannable"}


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
