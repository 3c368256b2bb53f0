"""The line in miniature with engines that have to prove themselves, and that tests can break."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from tests.support.line import GRACE, TEXT, Line
from uploads.documents.canaries import Canary, Needs
from uploads.documents.model import Document, EngineReport, JobKind, Outcome, State
from workers.inspection.canaries import Canaries
from workers.inspection.engine import EngineUnavailable, Subject
from workers.inspection.standing import Standing
from workers.rescanning import Rescanner

EVERY = timedelta(minutes=3)
BOUND = timedelta(minutes=13)
PLACE = "here"
VIRUS = b"this is the virus of a later signature\n"


@dataclass
class Reader:
    """An engine that reads: EICAR is a virus, and so is whatever `knows` has."""

    name: str = "yara"
    version: str = "1"
    signatures: str = "1/2026-11-20"
    knows: tuple[bytes, ...] = (b"EICAR",)
    fears: bool = False
    silent: bool = False
    reason: str | None = None
    seen: list[Subject] = field(default_factory=list)
    meanwhile: Callable[[Subject], object] | None = None

    def inspect(self, subject: Subject) -> EngineReport:
        if subject.name != "canary":
            self.seen.append(subject)
            if self.meanwhile is not None:
                self.meanwhile(subject)
        if self.silent:
            raise EngineUnavailable("staged")
        data = subject.path.read_bytes()
        outcome, finding, reason = Outcome.CLEAN, None, None
        if self.fears or any(word in data for word in self.knows):
            outcome, finding = Outcome.INFECTED, "Bad.Thing"
        elif self.reason is not None and subject.name != "canary":
            outcome, reason = Outcome.UNSCANNABLE, self.reason
        return EngineReport(self.name, self.version, outcome, self.signatures, finding, reason)

    def learn(self, *words: bytes) -> None:
        """Signatures have changed."""
        number = int(self.signatures.partition("/")[0]) + 1
        self.signatures, self.knows = f"{number}/2026-11-20", (*self.knows, *words)


class Guarded(Line):
    """`reader` is its one engine; `canaries`, `standing` and `rescanner` are the real ones."""

    def __init__(self, folder: Path, *, database_url: str | None = None, at_once: int = 1) -> None:
        super().__init__(folder, database_url=database_url, segment_bytes=64)
        self.reader = Reader()
        self.engine.inspect = self.reader.inspect  # type: ignore[method-assign]
        self.standing = self.stand()
        self.guard = self
        self.canaries = self.sing(self.standing)
        self.try_stale, self.vouch = self.canaries.try_stale, self.standing.vouch
        self.rescanner = Rescanner(
            records=self.records,
            examiner=self._examiner(),
            standing=self.standing,
            canaries=self.canaries,
            publisher=self._publisher(),
            hints=self.hints,
            clock=self.clock,
            new_id=self.new_id,
            grace=GRACE,
            keep_refused=timedelta(days=30),
            at_once=at_once,
        )
        self.runner._handlers = {**self.runner._handlers, JobKind.RESCAN: self.rescanner}

    def stand(self, place: str = PLACE, engine: str = "yara", **needs: bool) -> Standing:
        return Standing(
            records=self.records,
            engines=[engine],
            absent=[],
            place=place,
            clock=self.clock,
            bound=BOUND,
            needs=Needs(1, 1, timedelta(hours=48), **needs),
        )

    def sing(self, standing: Standing) -> Canaries:
        return Canaries(
            records=self.records,
            engines=[self.reader],
            standing=standing,
            probe=None,
            scratch_files=self.scratch,
            hints=self.hints,
            clock=self.clock,
            new_id=self.new_id,
            every=EVERY,
        )

    def publish(self, data: bytes = TEXT, name: str = "a.txt") -> Document:
        """Accept one and inspect it: clean."""
        document = self.accept(data, name=name)
        self.run(document)
        assert self.state(document) is State.CLEAN
        self.later(seconds=1)
        return self.document(document.id)

    def run(self, document: Document) -> None:
        self.runner.run(self.job_of(document))

    def canary(self) -> Canary:
        found = self.standing.last()
        return found["yara"]

    def trail(self) -> list[tuple[str, str]]:
        """What the audit trail has, as (action, subject)."""
        with self.records._engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT action, subject FROM audit ORDER BY id")
            return [(row[0], row[1]) for row in rows]
