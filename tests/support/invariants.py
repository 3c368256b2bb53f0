"""The end of every test of faults and attacks: the promises hold, seen from outside.

I1 nothing is served but what was inspected as exactly those bytes · I2 everything accepted
settles · I3 nothing is left over · I4 no byte of one user reaches another one or the log ·
I5 memory, descriptors, processes and queues come back to what they were.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import psutil
import redis

from tests.support.people import PATIENCE, UNSETTLED, Person
from tests.support.stack import Stack
from tests.support.waiting import eventually
from workers.reconcile import make_reconciler

SERVED = {"clean", "released"}
MORE_BYTES = 64 * 1024 * 1024
MORE_DESCRIPTORS = 1.1
PICTURES = ("thumbnail-200", "thumbnail-800")


def invariants(stack: Stack, *people: Person) -> None:
    """I1–I3 for the whole service by its own reconciler, I1 and I2 for `people` over HTTP."""
    for person in people:
        _settled(person)
        for document in person.documents():
            _served_as_inspected(person, document)
    none(stack.temporary_files)
    none(lambda: findings(stack))


@dataclass(frozen=True)
class Use:
    """What a running stack takes: bytes and descriptors of web and worker, processes.

    Memory that is shared counts once: it would seem to be new when one of those who share it ends.
    """

    memory: Mapping[str, int]
    descriptors: int
    processes: int

    @classmethod
    def of(cls, stack: Stack) -> Use:
        memory, descriptors = Counter[str](), 0
        for name in ("gunicorn", "celery", "workers.sandbox"):
            for one in stack.named(name):
                size, files = _held_by(one)
                memory[name] += size
                descriptors += files
        return cls(memory, descriptors, len(stack.processes()))

    def beyond(self, before: Use) -> list[str]:
        """What is clearly more than before, in words."""
        found = []
        if sum(self.memory.values()) >= sum(before.memory.values()) + MORE_BYTES:
            found.append(f"{self.memory} bytes of memory, before {before.memory}")
        if self.descriptors > before.descriptors * MORE_DESCRIPTORS + 2:
            found.append(f"{self.descriptors} descriptors, before {before.descriptors}")
        if self.processes > before.processes:
            found.append(f"{self.processes} processes, before {before.processes}")
        return found


def _held_by(process: psutil.Process) -> tuple[int, int]:
    """Its part of memory that no file is behind, and descriptors; none of one that has ended."""
    try:
        told = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
        part = next(line for line in told.splitlines() if line.startswith("Pss_Anon:"))
        return int(part.split()[1]) * 1024, process.num_fds()
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return 0, 0


class Promises:
    """All five, for what `owner` did to `stack` since this was made; `stranger` may see nothing.

    `secret` are words that were in contents or credentials and have no place in the log. What is
    held for good after one test is held after all others: they fail with its word, and do not wait.
    """

    _held_for_good: ClassVar[str] = ""

    def __init__(self, stack: Stack, owner: Person, stranger: Person, before: Use) -> None:
        self._stack, self._owner, self._stranger, self._before = stack, owner, stranger, before
        self._log_starts = stack.log.stat().st_size
        self._known = {one["id"] for one in owner.documents()}

    def hold(self, *secret: bytes) -> None:
        _settled(self._owner)
        for document in self._new():
            _served_as_inspected(self._owner, document)
            self._is_nobody_elses(str(document["id"]))
        none(self._stack.temporary_files)
        none(lambda: findings(self._stack))
        self._log_is_silent(*secret)
        assert not self._held_for_good, self._held_for_good
        try:
            none(self._held)
        except AssertionError as error:
            Promises._held_for_good = f"since an earlier test: {error}"
            raise

    def clear(self) -> None:
        """Delete what has come since: whatever holds the promises next would read all of it."""
        self._owner.discard(*(str(one["id"]) for one in self._new()))

    def _new(self) -> list[dict[str, object]]:
        return [one for one in self._owner.documents() if one["id"] not in self._known]

    def _is_nobody_elses(self, document_id: str) -> None:
        """I4: for another user the document answers like one that never was."""
        unknown = self._stranger.api.get("/documents/doc_" + "0" * 26)
        for path in ("", "/content", *(f"/renditions/{name}" for name in PICTURES)):
            answer = self._stranger.api.get(f"/documents/{document_id}{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
            assert answer.json()["detail"] == unknown.json()["detail"]

    def _log_is_silent(self, *secret: bytes) -> None:
        """I4: the log has no credential, no signature and nothing of a content."""
        with self._stack.log.open("rb") as log:
            log.seek(self._log_starts)
            said = log.read()
        keys = (one.key.split(".")[2].encode() for one in (self._owner, self._stranger))
        for word in (*keys, b"X-Amz-Signature=", *secret):
            assert word not in said, word

    def _held(self) -> list[str]:
        """I5: messages that wait, jobs that are open, and what is held beyond what was before."""
        return _waiting(self._stack) + Use.of(self._stack).beyond(self._before)


def none(look: Callable[[], Collection[str]]) -> None:
    """Wait until nothing is found; fails with what still is."""
    found: Collection[str] = ()

    def gone() -> bool:
        nonlocal found
        found = look()
        return not found

    try:
        # Each look is at all rows and all bytes, or at all processes.
        eventually(gone, PATIENCE, every=1)
    except AssertionError:
        raise AssertionError(f"still there: {list(found)[:20]}") from None


def findings(stack: Stack) -> list[str]:
    """What the reconciler finds amiss (I1 to I3): the code behind the operator's command."""
    report = make_reconciler(stack.services()).check()
    return [f"{one.invariant}: {one.what}: {one.subject}" for one in report.findings]


def _waiting(stack: Stack) -> list[str]:
    """Messages in the worker's queues and jobs that are not done."""
    settings = stack.services().settings
    with redis.Redis.from_url(settings.redis_url) as client:
        counts = {queue: int(client.llen(queue)) for queue in ("uploads", "upkeep")}
    backlog = stack.services().records.read(lambda work: work.jobs.backlog())
    counts["jobs"] = sum(count for count, _ in backlog.values())
    return [f"{count} in {queue}" for queue, count in counts.items() if count]


def _settled(person: Person) -> None:
    def none_left() -> bool:
        return not {one["state"] for one in person.documents()} & UNSETTLED

    eventually(none_left, PATIENCE, every=0.2)


def _served_as_inspected(person: Person, document: dict[str, object]) -> None:
    """Bytes come out only of a clean document, and they are the bytes that were inspected."""
    answer = person.api.get(f"/documents/{document['id']}/content")
    if document["state"] in SERVED:
        assert answer.status_code == 302, answer.text
        served = person.fetch("GET", answer.headers["Location"])
        assert hashlib.sha256(served.content).hexdigest() == document["sha256"]
    else:
        assert answer.status_code in {404, 409, 410}, answer.text
        for name in PICTURES:
            refused = person.api.get(f"/documents/{document['id']}/renditions/{name}")
            assert refused.status_code in {404, 409, 410}, refused.text
