"""Two machines with a web server, a worker and a schedule each, and either of them may die.

Shared are one PostgreSQL, one Redis, one store, one ClamAV, and nginx in front. A session belongs
to no machine. What was answered with 2xx settles, whichever of the two is killed or falls silent in
the middle of it: the other one does all that is left.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.support import samples
from tests.support.invariants import findings
from tests.support.people import PATIENCE, UNSETTLED, Browser, Person
from tests.support.site import Site, running_site
from tests.support.waiting import eventually

PHOTO = samples.photo_with_gps(0.3)
DIGEST = hashlib.sha256(PHOTO).hexdigest()
PICTURES = 2
FETCHED = 12
SENDERS = 3
# A client that hears nothing for so long gives up, and does not know what became of its file.
GIVES_UP_SECONDS = 8
# Each worker has two processes: of three at work at least one is on either machine.
BOTH_AT_WORK = 3


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site() as made:
        yield made


@pytest.fixture(scope="module")
def alice(site: Site) -> Iterator[Person]:
    made = site.person("alice")
    yield made
    made.close()


class Senders:
    """Several clients that send one file after the other, each slowly and never the same twice."""

    def __init__(self, site: Site, person: Person, prefix: str) -> None:
        self._site, self._person, self._prefix = site, person, prefix
        self.over = threading.Event()
        self.accepted: dict[str, str] = {}
        """The name of each file that was answered with 2xx, and its document."""
        self.unanswered: list[str] = []

    def send(self, number: int) -> None:
        headers = {**self._person.api.headers, "Content-Type": "image/jpeg"}
        with httpx.Client(
            base_url=f"{self._site.base_url}/api/v1",
            headers=headers,
            transport=self._site.transport(),
            timeout=GIVES_UP_SECONDS,
        ) as client:
            count = 0
            while not self.over.is_set():
                count += 1
                self._send_one(client, f"{self._prefix}-{number}-{count}.jpg")

    def _send_one(self, client: httpx.Client, name: str) -> None:
        try:
            answer = client.post("/documents", params={"name": name}, content=self._pieces())
        except httpx.TransportError:
            self.unanswered.append(name)
            return
        if answer.status_code == 202:
            self.accepted[name] = answer.json()["id"]
        else:
            assert answer.status_code in {502, 503, 504}, answer.text
            assert answer.json()["code"] == "unavailable"
            self.unanswered.append(name)

    def _pieces(self) -> Iterator[bytes]:
        half = len(PHOTO) // 2
        yield PHOTO[:half]
        self.over.wait(0.2)
        yield PHOTO[half:]


@contextmanager
def sending(site: Site, person: Person, prefix: str) -> Iterator[Senders]:
    """Files come in through nginx meanwhile, more than can be inspected."""
    made = Senders(site, person, prefix)
    threads = [threading.Thread(target=made.send, args=(one,)) for one in range(SENDERS)]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        made.over.set()
        for thread in threads:
            thread.join()


def in_the_middle(site: Site, senders: Senders) -> None:
    """Wait until both machines have taken files and inspect some."""
    records = site.services().records

    def scanning() -> int:
        found = records.read(lambda work: list(work.documents.all()))
        return sum(one.state == "scanning" for one in found)

    eventually(lambda: len(senders.accepted) >= SENDERS and scanning() >= BOTH_AT_WORK, PATIENCE)


def more_is_taken(senders: Senders) -> None:
    """Wait until as many again were answered: by whoever is left."""
    enough = len(senders.accepted) + 2 * SENDERS
    eventually(lambda: len(senders.accepted) >= enough, PATIENCE)


def all_settle(person: Person, senders: Senders) -> None:
    """All that was answered with 2xx is clean, has its pictures and is what was sent.

    Nothing was sent twice: each name is there once at most, whatever its client heard.
    """

    def settled() -> bool:
        return not {one["state"] for one in person.documents()} & UNSETTLED

    def drawn() -> bool:
        return all(len(one["renditions"]) == PICTURES for one in person.documents())

    eventually(settled, PATIENCE, every=0.2)
    found = person.documents()
    assert {(one["state"], one["sha256"]) for one in found} == {("clean", DIGEST)}
    eventually(drawn, PATIENCE, every=0.2)
    names = [one["name"] for one in found]
    assert len(names) == len(set(names))
    known = {one["name"]: one["id"] for one in found}
    assert senders.accepted.items() <= known.items()
    for document_id in [*senders.accepted.values()][-FETCHED:]:
        assert person.content(document_id) == PHOTO


def by_id(person: Person) -> dict[str, dict[str, Any]]:
    return {document["id"]: document for document in person.documents()}


def test_a_session_and_a_file_belong_to_no_machine(site: Site, alice: Person) -> None:
    """Signed in at one, used at the other; uploaded at either, shown and fetched at both."""
    one, other = (site.by(machine) for machine in site.machines)
    with Browser(one) as here, Browser(other) as there:  # type: ignore[arg-type]
        assert here.sign_in(alice.email, alice.password).status_code == 303
        there.cookies.update(here.cookies)
        assert there.get("/documents").status_code == 200
        # A form's token of one counts at the other; signed out there is signed out everywhere.
        left = there.post("/sign-out", data={"csrf_token": here.token("/documents")})
        assert left.status_code == 303
        assert here.get("/documents").status_code == 303
    people = [Person(front, alice.email, "", alice.key) for front in (one, other)]  # type: ignore[arg-type]
    sent = [person.upload(f"{n}.jpg", PHOTO) for n, person in enumerate(people)]
    for person in people:
        for document_id in sent:
            assert person.settle(document_id)["state"] == "clean"
            eventually(lambda: len(person.document(document_id)["renditions"]), PATIENCE)  # noqa: B023
            assert person.api.get(f"/documents/{document_id}/content").status_code == 302
        person.close()
    for document_id in sent:
        assert alice.content(document_id) == PHOTO
        picture = alice.api.get(f"/documents/{document_id}/renditions/thumbnail-200")
        shown = alice.fetch("GET", picture.headers["Location"])
        assert (shown.status_code, shown.headers["Content-Type"]) == (200, "image/webp")


def test_either_machine_may_die_in_the_middle_of_its_work(site: Site, alice: Person) -> None:
    """One is killed as a whole, and comes back; then the other one falls silent."""
    one, other = site.machines
    with sending(site, alice, "killed") as senders:
        in_the_middle(site, senders)
        one.kill()
        more_is_taken(senders)
    one.start()
    all_settle(alice, senders)
    eventually(one.ready, PATIENCE)

    with sending(site, alice, "silent") as senders:
        in_the_middle(site, senders)
        other.host.unplug()
        more_is_taken(senders)
    all_settle(alice, senders)
    before = by_id(alice)
    # Whoever comes back has work in his hands that others have done: it counts no more.
    other.host.plug_in()
    eventually(other.ready, PATIENCE)
    all_settle(alice, senders)
    after = by_id(alice)
    assert {document_id: after[document_id] for document_id in before} == before
    # A commit that the cable cut off is carried out now, and its client never heard of it.
    late = {document["name"] for key, document in after.items() if key not in before}
    assert late <= set(senders.unanswered)
    assert findings(site) == []  # type: ignore[arg-type]
