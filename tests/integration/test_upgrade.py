"""A data folder that the last version left, started by this one: `uploads dev` on what is there."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime

import pytest

from tests.support import samples
from tests.support.earlier import EARLIER, left_behind, rows_of
from tests.support.facts import document, job, verdict
from tests.support.invariants import findings
from tests.support.links import got
from tests.support.people import Person
from tests.support.sqlite import migrated_sqlite
from tests.support.stack import COMMAND, Stack
from uploads import clock
from uploads.config import Settings
from uploads.documents.model import Scope, Segment, State
from uploads.documents.sharing import Wish
from uploads.records.migrate import needs_upgrade
from uploads.records.protocol import Work
from uploads.records.sql import SqlRecords
from uploads.wiring import Services, build
from workers.embedded.preflight import prepare_folder
from workers.embedded.stack_env import given_settings, write_stack_env

KEPT, WAITING = samples.txt(), samples.png()
EMAIL, PASSWORD = "alice@example.org", "alice has a long password"
SECONDS = 120
# Whatever the newest migration does.
BROKEN = """
CREATE TRIGGER broken BEFORE UPDATE ON alembic_version
BEGIN SELECT RAISE(ABORT, 'staged'); END
"""


class Left:
    """A stack that was stopped: its data folder, and what a user of it has."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.database = stack, stack.data / "uploads.db"
        self.kept, self.waiting = f"doc_{clock.new_id()}", f"doc_{clock.new_id()}"
        prepare_folder(stack.data)
        write_stack_env(stack.data, given_settings(), stack.port)
        head = migrated_sqlite(stack.root / "head.db")
        services = build(Settings.load(data=stack.data, port=stack.port, database_url=head))
        try:
            self._live(services)
            left_behind(f"sqlite:///{self.database}", EARLIER[-1], rows_of(head))
        finally:
            assert isinstance(services.records, SqlRecords)
            services.records.close()

    def _live(self, services: Services) -> None:
        """A clean file with a link to it, and one that nobody has inspected yet."""
        user = services.accounts.create_user(EMAIL, PASSWORD)
        scopes = {Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE}
        self.key = services.accounts.create_key(user.id, "tests", scopes)[1]
        now = clock.now()
        services.records.write(lambda work: self._add(work, user.id, now))
        actor = services.accounts.key_actor(self.key)
        assert actor is not None
        self.link = services.sharing.url(services.sharing.make(actor, Wish((self.kept,))).id)
        for key, content in (("clean/a/kept", KEPT), ("incoming/b/waiting", WAITING)):
            place = self.stack.data / "s3" / key
            place.parent.mkdir(parents=True)
            place.write_bytes(content)

    def _add(self, work: Work, owner: str, now: datetime) -> None:
        digest = hashlib.sha256(KEPT).hexdigest()
        dated = {"owner_id": owner, "created_at": now, "updated_at": now, "declared_type": None}
        text = {"name": "a.txt", "type": "text/plain", "size": len(KEPT), "sha256": digest}
        work.documents.add(document(self.kept, state=State.SCANNING, **text, **dated))
        seen = verdict(sha256=digest, size=len(KEPT), inspected_at=now)
        work.documents.add_verdict(self.kept, seen)
        clean = {"clean_key": "a/kept"}
        assert work.documents.move(self.kept, {State.SCANNING}, State.CLEAN, now, **clean)
        png = {"name": "b.png", "type": "image/png", "size": len(WAITING), "sha256": None}
        work.documents.add(document(self.waiting, **png, **dated))
        work.documents.add_segment(self.waiting, Segment(0, len(WAITING), "b/waiting"))
        work.jobs.add(job("job_waiting", self.waiting, created_at=now, not_before=now))


@pytest.fixture
def left() -> Iterator[Left]:
    stack = Stack({"UPLOADS_CLAMD": "off"})
    try:
        yield Left(stack)
    finally:
        stack.kill_everything()  # how it stops is shown elsewhere
        stack.close()


def test_what_the_last_version_left_is_served_and_goes_on(left: Left) -> None:
    """A migration that fails stops the start and changes nothing; the next start has all of it."""
    with closing(sqlite3.connect(left.database)) as database:
        database.execute(BROKEN)
    said = refused(left.stack)
    assert re.fullmatch(
        r"Error: Migration \d{4} \(.+\) failed: staged\. .+ as it was before\.\n", said
    )
    assert needs_upgrade(f"sqlite:///{left.database}")
    with closing(sqlite3.connect(left.database)) as database:
        database.execute("DROP TRIGGER broken")

    left.stack.start()
    alice = Person(left.stack, EMAIL, PASSWORD, left.key)
    left.stack.people.append(alice)
    assert alice.content(left.kept) == KEPT
    assert got(alice, left.link).content == KEPT
    assert alice.settle(left.waiting)["state"] == "clean"
    assert alice.content(left.waiting) == WAITING
    new = alice.upload("new.txt", KEPT)
    assert alice.settle(new)["state"] == "clean"
    assert alice.content(new) == KEPT
    with alice.browser() as browser:
        assert browser.get("/documents").status_code == 200
    used = alice.api.get("/me").json()["quota"]
    assert (used["files_used"], used["bytes_used"]) == (3, 2 * len(KEPT) + len(WAITING))
    assert findings(left.stack) == []
    assert len(list((left.stack.data / "backups").iterdir())) == 2


def refused(stack: Stack) -> str:
    """What a start says that must come to nothing."""
    words = [*COMMAND, "dev", "--port", str(stack.port), "--data", str(stack.data)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS)
    assert ended.returncode != 0
    assert "Ready" not in ended.stdout
    return ended.stderr
