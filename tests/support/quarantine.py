"""The quarantine desk over the line in miniature: refused files, and two administrators."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from datetime import timedelta
from io import BytesIO
from typing import Any
from zipfile import ZipFile

from sqlalchemy import NullPool, create_engine, select

from tests.support.line import GRACE, LEASE, TEXT, Line
from uploads.documents.desk import QuarantineDesk
from uploads.documents.model import Actor, Document, JobKind, Outcome, Role, Scope, User
from uploads.documents.releases import Case, ReleaseState
from uploads.records import tables
from uploads.storage.protocol import Bucket
from workers.jobs import Patience, Runner
from workers.places import Places
from workers.releasing import Releaser

WHY = "A false alarm: our own installer."


class Quarantine:
    """Two administrators at the desk, and the worker that carries out what they agree on."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.desk = QuarantineDesk(
            records=line.records,
            storage=line.storage,
            hints=line.hints,
            clock=line.clock,
            new_id=line.new_id,
        )
        self.bob, self.carol = (self.administrator(name) for name in ("bob", "carol"))
        self.releaser = Releaser(
            records=line.records,
            storage=line.storage,
            hints=line.hints,
            reaper=line.reaper,
            clock=line.clock,
            new_id=line.new_id,
            grace=GRACE,
            transfer_seconds=60,
        )
        self.runner = Runner(
            records=line.records,
            clock=line.clock,
            handlers={JobKind.RELEASE: self.releaser},
            patience=Patience(LEASE, timedelta(seconds=60), 3, timedelta(days=30)),
            places=Places(1),
            hints=line.hints,
        )

    def administrator(self, name: str) -> Actor:
        user = User(self.line.new_id(), f"{name}@example.org", "x", Role.ADMIN, self.line.now)
        self.line.records.write(lambda work: work.accounts.add_user(user))
        return Actor(user.id, user.email, Role.ADMIN, frozenset(Scope))

    def refused(
        self,
        content: bytes = TEXT,
        outcome: Outcome = Outcome.INFECTED,
        reason: str | None = None,
        name: str = "a.txt",
    ) -> Document:
        """A document that came in over the line and was refused."""
        self.line.engine.outcome, self.line.engine.reason = outcome, reason
        document = self.line.accept(content, name=name)
        self.line.runner.run(self.line.job_of(document))
        return self.line.document(document.id)

    def swap(self, document: Document, content: bytes) -> None:
        """Let the store have other bytes than were inspected."""
        place = (Bucket.QUARANTINE, document.quarantine_key or "")
        self.line.storage.objects[place] = (content, self.line.now)

    def ask(self, document: Document, actor: Actor | None = None, **other: str) -> Case:
        sha256 = other.get("sha256", hashlib.sha256(TEXT).hexdigest())
        reason = other.get("reason", WHY)
        return self.desk.release(actor or self.bob, document.id, sha256, reason)

    def agreed(self, document: Document) -> str:
        """Both have said yes; the id of the job that came of it."""
        self.ask(document)
        self.ask(document, self.carol, reason="Looked at it, too.")
        return self.line.job_of(document)

    def released(self, document: Document) -> Document:
        self.runner.run(self.agreed(document))
        return self.line.document(document.id)

    def standing(self, document: Document) -> ReleaseState | None:
        return self.desk.find(self.bob, document.id).release_state(self.line.now)

    def published(self, document: Document) -> bytes:
        key = self.line.document(document.id).clean_key or ""
        return self.line.storage.objects[Bucket.CLEAN, key][0]

    def taken(self, document: Document) -> bytes:
        """The ZIP of a sample."""
        sample = self.desk.sample(self.bob, document.id)
        with self.desk.open(self.bob, sample) as pieces:
            return b"".join(pieces)

    def trail(self, document: Document) -> list[tuple[str, str, dict[str, Any]]]:
        """What the audit trail says of a document, in order."""
        with create_engine(self.line.database_url, poolclass=NullPool).connect() as connection:
            rows = connection.execute(
                select(tables.audit)
                .where(tables.audit.c.subject == document.id)
                .order_by(tables.audit.c.id)
            ).all()
        return [(row.actor, row.action, _members(row.detail)) for row in rows]


def unsealed(zipped: bytes) -> dict[str, bytes]:
    """The members of a sample, as 7-Zip reads them: not the library that made it, and with more
    doubts. It checks the password, the code that authenticates each member, and the length."""
    program = shutil.which("7zz") or shutil.which("7z")
    assert program is not None, "7-Zip is missing: apt install 7zip"
    names = ZipFile(BytesIO(zipped)).namelist()
    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        file.write(zipped)
        file.flush()
        read = [program, "x", "-so", "-pinfected", file.name]
        return {name: subprocess.check_output([*read, name]) for name in names}


def _members(detail: Any) -> dict[str, Any]:
    return dict(json.loads(detail) if isinstance(detail, str) else detail)
