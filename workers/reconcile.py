"""Reads rows, objects and scratch side by side and says what does not fit: invariants I1 to I3.

I1 nothing is served but what was inspected as exactly those bytes; I2 everything accepted settles;
I3 no object or temporary file without its counterpart after the grace time. Changes nothing; what
is superfluous and may go, `clearing.py` announces.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from uploads import clock
from uploads.documents.errors import ObjectMissing
from uploads.documents.model import SERVABLE, UNSETTLED, Document, JobKind, Outcome, State
from uploads.records.protocol import Records, Work
from uploads.storage.protocol import Bucket, ObjectStat, Storage
from uploads.wiring import Services

SETTLE_WITHIN = timedelta(minutes=10)
Place = tuple[Bucket, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing amiss: the invariant it breaks, what it is, and whose id or key it is."""

    invariant: str
    what: str
    subject: str


@dataclass(slots=True)
class Report:
    """`checked` counts what was looked at, by kind; `strays` are the objects that nothing names."""

    findings: list[Finding] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)
    strays: list[tuple[Bucket, ObjectStat]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.findings

    @property
    def amiss_by_kind(self) -> Counter[str]:
        """How many things of each kind are amiss."""
        return Counter(f"{one.invariant}: {one.what}" for one in self.findings)

    def amiss(self, invariant: str, what: str, subject: str) -> None:
        self.findings.append(Finding(invariant, what, subject))


def make_reconciler(services: Services) -> Reconciler:
    """The reconciler of this stack, with its settings."""
    settings = services.settings
    return Reconciler(
        records=services.records,
        storage=services.storage,
        scratch_dir=settings.scratch_dir,
        clock=clock.now,
        grace=timedelta(seconds=settings.grace_seconds),
        settle_within=SETTLE_WITHIN,
    )


class Reconciler:
    """`grace` is how long leftovers may live, `settle_within` how long a document may take."""

    def __init__(
        self,
        *,
        records: Records,
        storage: Storage,
        scratch_dir: Path,
        clock: Callable[[], datetime],
        grace: timedelta,
        settle_within: timedelta,
    ) -> None:
        self._records = records
        self._storage = storage
        self._scratch_dir = scratch_dir
        self._clock = clock
        self._grace = grace
        self._settle_within = settle_within

    def check(self, progress: Callable[[Document], None] = lambda _: None) -> Report:
        """Look at everything. `progress` is told each document before its bytes are read.

        Objects are listed before the rows are read: what is put in between is younger than the
        grace time and no finding. Raises Unavailable when a part cannot be reached.
        """
        report = Report()
        objects = {bucket: list(self._storage.list(bucket)) for bucket in Bucket}
        there = {(bucket, one.key) for bucket, found in objects.items() for one in found}
        documents = self._records.read(lambda work: list(work.documents.all()))
        kept_until = self._announced()
        known = set(kept_until)
        for document in documents:
            progress(document)
            report.checked["documents"] += 1
            keys = set(self._keys(document))
            known |= keys
            self._check_served(document, report)
            self._check_settling(document, report)
            for place in keys - there:
                self._check_lost(document, place, kept_until.get(place), report)
        self._check_objects(objects, known, report)
        self._check_scratch(report)
        self._check_usage(report)
        self._check_deliveries(report)
        return report

    def _announced(self) -> dict[Place, datetime]:
        return self._records.read(
            lambda work: {(one.bucket, one.key): one.due_at for one in work.leftovers.all()}
        )

    def _keys(self, document: Document) -> Iterator[Place]:
        for segment in self._records.read(lambda work: work.documents.segments(document.id)):
            yield Bucket.INCOMING, segment.key
        yield from published(document)

    def _check_lost(
        self, document: Document, place: Place, kept_until: datetime | None, report: Report
    ) -> None:
        """I2 and I3: what waits and what is kept for the desk has its bytes; of what is served they
        are read anyway."""
        if place[0] is Bucket.INCOMING:
            invariant, what = "I2", "a part of what waits has no object"
        elif document.state in SERVABLE or kept_until is None or kept_until <= self._clock():
            return  # at the end of their time bytes go before their row
        else:
            invariant, what = "I3", "the bytes that are kept are missing"
        if self._storage.stat(*place) is not None:
            return
        current = self._records.read(lambda work: work.documents.find(document.id))
        if current is not None and place in set(self._keys(current)):
            report.amiss(invariant, what, document.id)

    def _check_served(self, document: Document, report: Report) -> None:
        """I1: a verdict of clean for exactly the bytes that are there."""
        if document.state not in SERVABLE:
            return
        verdict = document.verdict
        if document.clean_key is None or verdict is None:
            report.amiss("I1", "served without bytes or without a verdict", document.id)
            return
        if document.state is State.RELEASED:
            self._check_released(document, report)
        if document.state is State.CLEAN and verdict.outcome is not Outcome.CLEAN:
            report.amiss("I1", f"served with a verdict of {verdict.outcome.value}", document.id)
        actual = self._digest(Bucket.CLEAN, document.clean_key)
        report.checked["served objects"] += 1
        if actual != verdict.sha256 or actual != document.sha256:
            what = "the bytes are missing" if actual is None else "the bytes are not the inspected"
            if self._still(document):
                report.amiss("I1", what, document.id)
        for rendition in document.renditions:
            gone = self._storage.stat(Bucket.CLEAN, rendition.key) is None
            if gone and self._still(document):
                report.amiss("I3", f"rendition {rendition.name} has no object", document.id)

    def _check_released(self, document: Document, report: Report) -> None:
        """I1: two different people wanted exactly these bytes out, and nothing shows them."""
        release = self._records.read(lambda work: work.quarantine.release_of(document.id))
        agreed = release is not None and release.agreed and release.sha256 == document.sha256
        if not agreed and self._still(document):
            report.amiss("I1", "released without two administrators", document.id)
        if document.renditions:
            report.amiss("I1", "released, and there are pictures of it", document.id)

    def _still(self, document: Document) -> bool:
        """Whether the document is still as it was when we began to look at its bytes."""
        current = self._records.read(lambda work: work.documents.find(document.id))
        return current is not None and current.state is document.state

    def _digest(self, bucket: Bucket, key: str) -> str | None:
        digest = hashlib.sha256()
        try:
            with self._storage.open(bucket, key) as pieces:
                for piece in pieces:
                    digest.update(piece)
        except ObjectMissing:
            return None
        return digest.hexdigest()

    def _check_settling(self, document: Document, report: Report) -> None:
        """I2: what waits has a job and its bytes, and does not wait for too long."""
        if document.state not in UNSETTLED or document.state is State.RECEIVING:
            return
        report.checked["waiting documents"] += 1
        current = self._records.read(lambda work: work.documents.find(document.id))
        if current is None or current.state not in UNSETTLED:
            return  # it settled while we looked
        # Since its job began, not since it was accepted: its verdict may have been withdrawn.
        since = self._records.read(lambda work: work.jobs.open_since(document.id, JobKind.INSPECT))
        if since is None:
            report.amiss("I2", "waits without a job", document.id)
        if self._clock() - (since or document.created_at) > self._settle_within:
            report.amiss("I2", "has waited for too long", document.id)

    def _check_objects(
        self,
        objects: dict[Bucket, list[ObjectStat]],
        known: set[Place],
        report: Report,
    ) -> None:
        """I3: every object is in a row or in the ledger, or younger than the grace time."""
        young = self._clock() - self._grace
        for bucket, found in objects.items():
            for one in found:
                report.checked[f"objects in {bucket.value}"] += 1
                old = one.modified_at < young
                if old and (bucket, one.key) not in known and self._is_stray(bucket, one.key):
                    report.amiss("I3", f"an object in {bucket.value} without a row", one.key)
                    report.strays.append((bucket, one))

    def _is_stray(self, bucket: Bucket, key: str) -> bool:
        """Look again: rows change while a check runs, and open grants name keys."""
        if bucket is Bucket.INCOMING and self._records.read(lambda work: _named(work, key)):
            return False
        # In this order: what is published is announced until the very commit that names it.
        if self._records.read(lambda work: work.leftovers.announced(bucket, key)):
            return False
        document = self._records.read(
            lambda work: work.documents.find("doc_" + key.split("/", 1)[0])
        )
        if document is not None and (bucket, key) in set(self._keys(document)):
            return False
        return self._storage.stat(bucket, key) is not None

    def _check_usage(self, report: Report) -> None:
        """I3: what counts against a quota is what is there, neither more nor less."""
        for user_id in self._records.read(lambda work: work.usages.drifted()):
            report.amiss("I3", "the usage is not the sum of the documents", user_id)

    def _check_deliveries(self, report: Report) -> None:
        """I2: what is to be told is tried when it is due, whether or not it is heard."""
        before = self._clock() - self._settle_within
        for delivery_id in self._records.read(lambda work: work.deliveries.overdue(before, 100)):
            report.amiss("I2", "a delivery that nobody tries", delivery_id)

    def _check_scratch(self, report: Report) -> None:
        limit = time.time() - self._grace.total_seconds()
        for path in self._scratch_dir.glob("*"):
            report.checked["scratch files"] += 1
            try:
                if path.stat().st_mtime < limit:
                    report.amiss("I3", "a scratch file that nobody writes", path.name)
            except FileNotFoundError:
                continue  # its job ended while we looked


def published(document: Document) -> Iterator[Place]:
    """What of a document is in `clean` and `quarantine`."""
    if document.clean_key:
        yield Bucket.CLEAN, document.clean_key
    if document.quarantine_key:
        yield Bucket.QUARANTINE, document.quarantine_key
    for rendition in document.renditions:
        yield Bucket.CLEAN, rendition.key


def _named(work: Work, key: str) -> bool:
    """Whether an object of `incoming` is some document's or some grant's."""
    return work.grants.names(key) or work.documents.held(key)
