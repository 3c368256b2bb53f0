"""What is put around others to count them: their numbers, and that they stay what they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from tests.support.fakes import MemoryStorage
from tests.support.line import TEXT, Line, Word
from tests.support.tallied import tallied
from uploads import requests_counted
from uploads.documents.errors import (
    LeaseLost,
    ObjectMissing,
    RecordsUnavailable,
    StorageFull,
    StorageUnavailable,
)
from uploads.documents.model import JobKind, Outcome, Verdict
from uploads.inbound import Inbound
from uploads.storage.counted import CountedStorage
from uploads.storage.protocol import Bucket
from workers.counted import CountedCell, CountedEngine, CountedPublisher, counted
from workers.courier.call import Caller, CallFailed, Interrupted
from workers.courier.counted import CountedCaller
from workers.inspection.engine import EngineUnavailable, Subject
from workers.publishing import Publisher
from workers.sandbox.parent import Cell, CellBroken, CellCrashed, CellKilled, CellTimeout
from workers.scratch import ScratchUnavailable

SUBJECT = Subject(Path("nowhere"), 1, "ab" * 32, "text/plain", "a.txt")


@pytest.fixture
def counts() -> Iterator[Counter[str]]:
    with tallied() as found:
        yield found


@pytest.mark.parametrize(
    ("status", "method", "said"),
    [
        ("202 ACCEPTED", "POST", "POST 2xx"),
        ("404 NOT FOUND", "GET", "GET 4xx"),
        ("501 NOT IMPLEMENTED", "BREW", "other 5xx"),
    ],
)
def test_a_request_is_counted_by_template(
    counts: Counter[str], status: str, method: str, said: str
) -> None:
    """Its bodies by their bytes; a method that nobody knows has no name of its own."""
    body = Inbound(BytesIO(b"0123456789"), 10)
    body.read(10)
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "wsgi.input": body}
    requests_counted.name_route(environ, "/documents/<document_id>", "web")
    requests_counted.note(environ, status, 700, 0.1)
    assert counts == {
        f"uploads_http_request_seconds /documents/<document_id> {said}": 1,
        "uploads_http_sent_bytes_total web": 700,
        "uploads_http_received_bytes_total web": 10,
    }


def test_a_request_that_never_reached_the_app_has_no_route(counts: Counter[str]) -> None:
    requests_counted.note({}, "500 Oops", 0, 0.0)
    assert counts["uploads_http_request_seconds none other 5xx"] == 1


def test_calls_of_the_store_are_timed_and_failures_told_apart(counts: Counter[str]) -> None:
    store = CountedStorage(MemoryStorage())
    store.put(Bucket.CLEAN, "a/b", [b"hello"], 5)
    with store.open(Bucket.CLEAN, "a/b") as pieces:
        assert b"".join(pieces) == b"hello"
    with pytest.raises(ObjectMissing):
        store.first(Bucket.CLEAN, "a/c", 1)
    with pytest.raises(StorageUnavailable):
        store.put(Bucket.CLEAN, "a/b", [b"hell"], 5)
    assert counts["uploads_storage_errors_total put unavailable"] == 1
    assert counts["uploads_storage_seconds put"] == 2
    assert counts["uploads_storage_seconds get"] == 1
    assert not any("first" in name for name in counts if "errors" in name)


def test_a_store_that_breaks_off_while_it_is_read_has_failed(counts: Counter[str]) -> None:
    store = CountedStorage(MemoryStorage())
    store.put(Bucket.CLEAN, "a/b", [b"hello"], 5)
    for error, how in ((StorageUnavailable(), "unavailable"), (StorageFull(), "full")):
        with pytest.raises(type(error)), store.open_range(Bucket.CLEAN, "a/b", 0, 5):
            raise error
        assert counts[f"uploads_storage_errors_total get-range {how}"] == 1


@pytest.mark.parametrize("outcome", [Outcome.CLEAN, Outcome.INFECTED])
def test_an_engine_keeps_its_name_and_its_word(counts: Counter[str], outcome: Outcome) -> None:
    engine = CountedEngine(Word(outcome=outcome))
    assert (engine.name, engine.inspect(SUBJECT).outcome) == ("yara", outcome)
    assert counts == {f"uploads_inspection_seconds yara {outcome.value}": 1}


def test_an_engine_that_is_away_is_counted_as_that(counts: Counter[str]) -> None:
    with pytest.raises(EngineUnavailable):
        CountedEngine(Word(silent=True)).inspect(SUBJECT)
    assert counts == {"uploads_inspection_seconds yara unavailable": 1}


@pytest.mark.parametrize(
    ("error", "outcome", "part"),
    [
        (None, "done", None),
        (EngineUnavailable("staged"), "deferred", "engine"),
        (StorageUnavailable(), "deferred", "storage"),
        (StorageFull(), "deferred", "storage-full"),
        (RecordsUnavailable(), "deferred", "database"),
        (ScratchUnavailable(), "deferred", "scratch"),
        (LeaseLost(), "lost", None),
        (ObjectMissing(), "missing", None),
        (CellKilled("staged"), "killed", None),
        (RuntimeError("staged"), "failed", None),
    ],
)
def test_each_start_of_a_job_ends_as_something(
    line: Line, counts: Counter[str], error: Exception | None, outcome: str, part: str | None
) -> None:
    def handler(_: object) -> None:
        if error is not None:
            raise error

    job = line.job(line.job_of(line.accept(TEXT)))
    handle = counted(JobKind.INSPECT, handler)
    if error is None:
        handle(job)
    else:
        with pytest.raises(type(error)):
            handle(job)
    wanted = {"uploads_job_starts_total inspect": 1, f"uploads_job_seconds inspect {outcome}": 1}
    if part:
        wanted[f"uploads_job_deferrals_total inspect {part}"] = 1
    assert counts == wanted


def test_a_job_that_is_given_up_is_counted(line: Line, counts: Counter[str]) -> None:
    job_id = line.job_of(line.accept(TEXT))
    for _ in range(3):
        line.crash_once(job_id, "s8")
    line.runner.run(job_id)
    assert counts["uploads_job_failures_total inspect"] == 1


def test_what_is_settled_is_counted_once_it_is(
    line: Line, counts: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not where the publishing failed: that is done again."""
    document = line.accept(TEXT)
    job = line.job(line.job_of(document))
    verdict = Verdict(Outcome.INFECTED, None, "ab" * 32, 1, line.now)
    publisher = CountedPublisher.__new__(CountedPublisher)
    monkeypatch.setattr(Publisher, "conclude", lambda *_: None)
    publisher.conclude(job, document, Path("nowhere"), verdict)
    assert counts == {"uploads_settled_total infected": 1}

    def lost(*_: object) -> None:
        raise LeaseLost

    monkeypatch.setattr(Publisher, "conclude", lost)
    with pytest.raises(LeaseLost):
        publisher.conclude(job, document, Path("nowhere"), verdict)
    assert counts == {"uploads_settled_total infected": 1}


@pytest.mark.parametrize(
    ("failure", "how"),
    [
        (CellTimeout, "timeout"),
        (CellCrashed, "crashed"),
        (CellBroken, "broken"),
        (CellKilled, "killed"),
    ],
)
def test_a_childs_end_has_one_word(
    counts: Counter[str],
    monkeypatch: pytest.MonkeyPatch,
    file: BinaryIO,
    failure: type[Exception],
    how: str,
) -> None:
    def run(*_: object, **__: object) -> None:
        raise failure("staged")

    monkeypatch.setattr(Cell, "run", run)
    with pytest.raises(failure):
        CountedCell(seconds=1, memory_bytes=1).run("render", file, {}, payload_limit=1)
    assert counts == {f"uploads_cell_failures_total render {how}": 1}


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (204, "delivered"),
        (302, "redirect"),
        (410, "gone"),
        (500, "refused"),
        (CallFailed("timeout"), "timeout"),
        (Interrupted(), None),
    ],
)
def test_calls_of_webhooks_are_counted_by_outcome(
    counts: Counter[str], monkeypatch: pytest.MonkeyPatch, answer: int | Exception, word: str | None
) -> None:
    def post(*_: object) -> int:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(Caller, "post", post)
    caller = CountedCaller.__new__(CountedCaller)
    if isinstance(answer, Exception):
        with pytest.raises(type(answer)):
            caller.post("https://example.org", {}, b"")
    else:
        assert caller.post("https://example.org", {}, b"") == answer
    assert counts == ({f"uploads_webhook_calls_total {word}": 1} if word else {})
