"""A database of each earlier version under this one: all of it reads right, and can be used."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.earlier import EARLIER, Rows, left_behind, rows_of
from tests.support.facts import NOW, SHA256, after, document, grant, job, rendition, user, verdict
from tests.support.sqlite import migrated_sqlite
from uploads.documents.events import NAMES
from uploads.documents.links import Disposition, Link
from uploads.documents.model import (
    ApiKey,
    AuditEntry,
    JobKind,
    Outcome,
    Role,
    Scope,
    Segment,
    Session,
    State,
)
from uploads.documents.proofs import StoreProof
from uploads.documents.releases import Release
from uploads.documents.webhooks import SealedSecret, Webhook
from uploads.records.migrate import upgrade
from uploads.records.protocol import Leftover, Work
from uploads.records.sql import SqlRecords
from uploads.storage.protocol import Bucket

ROOT = Path(__file__).parents[2]
KEY = ApiKey("key_1", "usr_1", "ci", "hash", frozenset({Scope.DOCUMENTS_READ}), NOW)
SESSION = Session("ses_1", "usr_1", NOW, NOW, after(60))
GRANT = grant()
LINK = Link("lnk_1", "usr_1", ("doc_clean",), Disposition.INLINE, NOW, max_downloads=3)
HOOK = Webhook("whk_1", "usr_1", "https://example.org/h", NAMES, (SealedSecret("new"),), NOW)
RELEASE = Release("doc_infected", SHA256, "usr_1", NOW, "Because.", after(60))
PROOF = StoreProof("https://files.example.org", "incoming", NOW, proved_at=NOW)
LEFTOVER = Leftover(Bucket.INCOMING, "upl/old", after(60))

# What is read, and since which revision there is a place for it.
READ: dict[str, tuple[str, Callable[[Work], Any]]] = {
    "users": ("0001", lambda work: work.accounts.users()),
    "keys": ("0001", lambda work: work.accounts.key_and_user("key_1")),
    "sessions": ("0001", lambda work: work.accounts.session_and_user("ses_1")),
    "documents": ("0001", lambda work: sorted(work.documents.all(), key=lambda one: one.id)),
    "segments": ("0001", lambda work: work.documents.segments("doc_waiting")),
    "verdicts": ("0001", lambda work: work.quarantine.verdicts("doc_infected")),
    "jobs": ("0001", lambda work: [work.jobs.get("job_due"), work.jobs.backlog()]),
    "leftovers": ("0001", lambda work: list(work.leftovers.all())),
    # Filled by the migration that brought it.
    "usage": ("0001", lambda work: [work.usages.of("usr_1"), work.usages.drifted()]),
    "grants": ("0003", lambda work: work.grants.get("usr_1", "upl_1")),
    "links": ("0004", lambda work: work.links.get("usr_1", "lnk_1")),
    "webhooks": ("0005", lambda work: work.webhooks.get("usr_1", "whk_1")),
    "deliveries": ("0005", lambda work: work.deliveries.page("whk_1", 9, None)),
    "events": ("0005", lambda work: work.events.after("usr_1", 0, 9)),
    "releases": ("0006", lambda work: work.quarantine.release_of("doc_infected")),
    "proofs": ("0008", lambda work: work.proofs.last(PROOF.address, PROOF.bucket)),
}


def lived_in(work: Work) -> None:
    """A bit of everything, through the code of this version."""
    work.accounts.add_user(user(role=Role.ADMIN))
    work.accounts.add_key(KEY)
    work.accounts.add_session(SESSION)
    assert work.webhooks.add(HOOK, 10)
    for state in (State.CLEAN, State.INFECTED):
        work.documents.add(document(f"doc_{state}", state=State.SCANNING, size=1000))
        outcome = Outcome.CLEAN if state is State.CLEAN else Outcome.INFECTED
        work.documents.add_verdict(f"doc_{state}", verdict(outcome))
        work.documents.move(f"doc_{state}", {State.SCANNING}, state, NOW, **_KEYS[state])
    work.documents.add_rendition("doc_clean", rendition())
    work.documents.add(document("doc_waiting", size=70, sha256=None))
    work.documents.add_segment("doc_waiting", Segment(0, 70, "upl_2/a"))
    work.jobs.add(job("job_due", "doc_waiting", deferrals=2))
    work.documents.add(document("doc_coming", size=7, sha256=None, state=State.RECEIVING))
    work.documents.add_segment("doc_coming", Segment(0, 7, "upl_3/a"))
    work.leftovers.add(LEFTOVER)
    work.audit.append(AuditEntry(NOW, "usr_1", "signed-in", "usr_1", {"from": "192.0.2.1"}))


_KEYS = {State.CLEAN: {"clean_key": "c/1"}, State.INFECTED: {"quarantine_key": "q/1"}}
_LATER: dict[str, Callable[[Work], Any]] = {
    "0003": lambda work: work.grants.add(GRANT),
    "0004": lambda work: work.links.add(LINK),
    "0006": lambda work: work.quarantine.keep(RELEASE),
    "0008": lambda work: work.proofs.record(PROOF),
}


def _life(url: str, revision: str) -> tuple[Rows, dict[str, Any]]:
    """All rows of somebody who had this revision, and what they read as."""
    records = SqlRecords(url)
    try:
        records.write(lived_in)
        for since, unit in _LATER.items():
            if since <= revision:
                records.write(unit)
        return rows_of(url), told(records, revision)
    finally:
        records.close()


def told(records: SqlRecords, revision: str) -> dict[str, Any]:
    """What the records say of all that this revision had a place for."""
    asked = {name: read for name, (since, read) in READ.items() if since <= revision}
    return {name: records.read(read) for name, read in asked.items()}


@pytest.fixture
def left(tmp_path: Path) -> Callable[[str], tuple[Rows, dict[str, Any]]]:
    return lambda revision: _life(migrated_sqlite(tmp_path / "lived-in.db"), revision)


@pytest.fixture
def upgraded(empty_database_url: str) -> Iterator[SqlRecords]:
    records = SqlRecords(empty_database_url)
    yield records
    records.close()


@pytest.mark.parametrize("revision", EARLIER)
def test_what_an_earlier_version_left_reads_the_same(
    left: Any, empty_database_url: str, upgraded: SqlRecords, revision: str
) -> None:
    """And goes on: the job that was due is done, a file is added, the link is used."""
    rows, expected = left(revision)
    left_behind(empty_database_url, revision, rows)
    assert upgrade(empty_database_url)
    upgraded.ready()
    assert told(upgraded, revision) == expected
    _go_on(upgraded, revision)


def _go_on(records: SqlRecords, revision: str) -> None:
    before = records.read(lambda work: work.usages.of("usr_1"))
    taken = records.write(lambda work: work.jobs.lease("job_due", after(1), after(9)))
    assert taken is not None
    records.write(lambda work: _inspected(work, taken))
    found = records.read(lambda work: work.documents.find("doc_waiting"))
    assert found is not None
    assert found.state is State.CLEAN
    used = records.write(lambda work: work.documents.add(document("doc_new", size=5)))
    assert (used.bytes_used, used.files_used) == (before.bytes_used + 5, before.files_used + 1)
    assert records.read(lambda work: work.usages.drifted()) == []
    if revision >= "0004":
        assert records.write(lambda work: work.links.use("lnk_1", after(1), 9)) == 1
    if revision >= "0005":
        # The webhook hears of it, as of what had happened before.
        told_of = records.read(lambda work: work.deliveries.page("whk_1", 9, None))
        assert "doc_waiting" in {one.document_id for one in told_of}


def _inspected(work: Work, taken: Any) -> None:
    moves = ((State.QUARANTINED, State.SCANNING), (State.SCANNING, State.CLEAN))
    work.documents.add_verdict("doc_waiting", verdict())
    assert all(work.documents.move("doc_waiting", {old}, new, after(2)) for old, new in moves)
    assert work.jobs.finish(taken)
    assert work.jobs.open_count(JobKind.INSPECT) == 0


def test_of_two_processes_at_once_one_migrates_and_both_end_well(
    left: Any, empty_database: Callable[[], str]
) -> None:
    """An empty database, and one of the first version with rows."""
    rows, expected = left(EARLIER[0])
    urls = [empty_database(), empty_database()]
    left_behind(urls[1], EARLIER[0], rows)
    program = (
        "import sys; from uploads.records.migrate import upgrade; "
        "print('here', flush=True); sys.stdin.readline(); "
        "print(*[upgrade(url) for url in sys.argv[1:]])"
    )
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    both = [
        subprocess.Popen([sys.executable, "-c", program, *urls], cwd=ROOT, **pipes)
        for _ in range(2)
    ]
    for one in both:
        assert one.stdout
        assert one.stdout.readline() == "here\n"
    for one in both:
        assert one.stdin
        one.stdin.write("go\n")
        one.stdin.flush()
    answers = [one.communicate(timeout=240)[0].split() for one in both]
    assert [sorted(of_one) for of_one in zip(*answers, strict=True)] == [["False", "True"]] * 2
    upgraded = SqlRecords(urls[1])
    assert told(upgraded, EARLIER[0]) == expected
    upgraded.close()
