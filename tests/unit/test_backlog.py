"""New uploads are refused while files wait too long for their inspection; all else goes on."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support import facts
from tests.support.granted import complete, give, put
from tests.support.grants import ASKED
from tests.support.line import TEXT, Line
from tests.support.program import program, services_at
from uploads import clock
from uploads.backlog import BacklogGuard
from uploads.config import Settings
from uploads.documents.errors import Backlog, RecordsUnavailable
from uploads.documents.intake import Offer
from uploads.documents.model import Document, JobKind, State
from uploads.documents.proofs import StoreProof
from uploads.proofs import name_of

LIMIT = 3600
HELD_UP = 20
# The first two users of the line.
ACTOR, NEWCOMER = (f"id{number:024d}" for number in (1, 2))


class Ticks:
    """A monotonic clock that stands."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def guard(line: Line, limit: int = LIMIT, ticks: Ticks | None = None) -> BacklogGuard:
    """Of a process that has just started, unless it has a clock."""
    return BacklogGuard(line.records, limit_seconds=limit, now=line.clock, clock=ticks or Ticks())


def refuses(asked: BacklogGuard, owner: str = ACTOR) -> bool:
    try:
        asked.check(owner)
    except Backlog:
        return True
    return False


def put_off(line: Line, documents: Sequence[Document]) -> None:
    """What a worker does whose engine is away."""
    until = line.now + timedelta(seconds=60)
    for job_id in [line.job_of(document) for document in documents]:
        leased = line.records.write(lambda work, one=job_id: work.jobs.lease(one, line.now, until))  # type: ignore[misc]
        assert line.records.write(lambda work, one=leased: work.jobs.defer(one, until))  # type: ignore[misc]
    line.later(seconds=61)


def test_a_file_that_waits_for_longer_than_the_limit_closes_the_door(line: Line) -> None:
    """Until it is inspected; one that is just under way waits as well."""
    document = line.accept(TEXT)
    assert not refuses(guard(line))
    line.later(seconds=LIMIT)
    assert not refuses(guard(line))
    line.later(seconds=1)
    assert refuses(guard(line))
    assert not refuses(guard(line, limit=LIMIT + 60))
    assert not refuses(guard(line, limit=0))
    line.records.write(lambda work: work.jobs.lease(line.job_of(document), line.now, line.now))
    assert refuses(guard(line))
    line.runner.run(line.job_of(document))
    assert not refuses(guard(line))


def test_what_is_no_inspection_keeps_nobody_out(line: Line) -> None:
    document = line.accept(TEXT)
    line.records.write(lambda work: work.jobs.cancel(document.id))
    old = facts.job("old", document.id, kind=JobKind.RENDER, created_at=line.now)
    line.records.write(lambda work: work.jobs.add(old))
    line.later(seconds=2 * LIMIT)
    assert not refuses(guard(line))


def test_who_waits_behind_his_own_files_keeps_no_newcomer_out(line: Line) -> None:
    """As long as each owner has his turn; where somebody waits for that, nobody sends more."""
    for _ in range(3):
        first = line.accept(TEXT)
    line.later(seconds=LIMIT + 1)
    assert refuses(guard(line))
    assert refuses(guard(line), NEWCOMER), "nobody had a turn for an hour"
    line.runner.run(line.job_of(first))
    assert refuses(guard(line))
    assert not refuses(guard(line), NEWCOMER)
    line.accept(TEXT, owner=line.stranger)
    line.later(seconds=LIMIT - 1)
    line.runner.run(line.job_of(first))
    line.runner.run(line.job_of(first))
    line.later(seconds=2)
    assert refuses(guard(line))
    assert not refuses(guard(line), NEWCOMER), "it had its turn before the other's next one"


def test_a_few_files_that_are_put_off_keep_nobody_out_and_very_many_do(line: Line) -> None:
    """A file that the store cannot read is put off for ever, and is its owner's trouble alone."""
    waiting = [line.accept(TEXT) for _ in range(HELD_UP)]
    line.later(seconds=LIMIT)
    put_off(line, waiting[1:])
    assert refuses(guard(line)), "one was never put off"
    put_off(line, waiting[:1])
    assert refuses(guard(line)), "perhaps none of them can be read"
    assert not refuses(guard(line), NEWCOMER)
    line.runner.run(line.job_of(waiting[-1]))
    assert not refuses(guard(line))


def test_very_many_of_several_owners_are_an_outage(line: Line) -> None:
    waiting = [line.accept(TEXT) for _ in range(HELD_UP - 1)]
    waiting.append(line.accept(TEXT, owner=line.stranger))
    line.later(seconds=LIMIT)
    put_off(line, waiting)
    assert refuses(guard(line), "usr_who_has_sent_nothing")


def test_whoever_sent_very_many_hides_nobody_elses_that_are_put_off(line: Line) -> None:
    """An outage closes the door to all, also where its oldest files are all of one."""
    waiting = [line.accept(TEXT) for _ in range(HELD_UP + 1)]
    line.later(seconds=1)
    waiting.append(line.accept(TEXT, owner=line.stranger))
    line.later(seconds=LIMIT)
    put_off(line, waiting[:-1])
    line.runner.run(line.job_of(waiting[-1]))
    assert not refuses(guard(line), NEWCOMER), "only one's own are put off"
    other = line.accept(TEXT, owner=line.stranger)
    put_off(line, [other])
    assert not refuses(guard(line), NEWCOMER), "and one that came just now"
    line.later(seconds=LIMIT)
    put_off(line, [*waiting[:-1], other])
    assert refuses(guard(line), "usr_who_has_sent_nothing")


def test_a_process_looks_once_in_five_seconds(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks, looks = Ticks(), []
    document, glance = line.accept(TEXT), line.records.glance

    def counted(unit: Any) -> Any:
        looks.append(ticks.now)
        return glance(unit)

    monkeypatch.setattr(line.records, "glance", counted)
    asked = guard(line, ticks=ticks)
    assert not refuses(asked)
    line.later(seconds=LIMIT + 1)
    ticks.now = 4.9
    assert not refuses(asked)
    ticks.now = 5.0
    assert refuses(asked)
    line.records.write(lambda work: work.jobs.cancel(document.id))
    ticks.now = 9.9
    assert refuses(asked)
    ticks.now = 10.0
    assert not refuses(asked)
    assert looks == [0.0, 5.0, 10.0]
    monkeypatch.setattr(line.records, "glance", None)
    assert not refuses(guard(line, limit=0)), "who has no limit never looks"


def test_a_database_that_is_away_is_no_backlog(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was known before does not outlive it either; nobody looks again at once."""
    ticks, looks = Ticks(), []

    def away(_: object) -> None:
        looks.append(ticks.now)
        raise RecordsUnavailable("staged")

    asked = guard(line, ticks=ticks)
    line.accept(TEXT)
    line.later(seconds=LIMIT + 1)
    assert refuses(asked)
    monkeypatch.setattr(line.records, "glance", away)
    ticks.now = 5.0
    assert not refuses(asked)
    assert not refuses(asked)
    assert looks == [5.0]
    monkeypatch.undo()
    ticks.now = 10.0
    assert refuses(asked)


def test_a_file_is_refused_before_its_first_byte_and_leaves_nothing(line: Line) -> None:
    def never() -> Iterator[bytes]:
        raise AssertionError("a byte was read")
        yield b""

    line.accept(TEXT)
    line.later(seconds=LIMIT + 1)
    line.intake.check_backlog = guard(line).check
    with pytest.raises(Backlog):
        line.intake.accept(line.actor, Offer("a.txt", None), never())
    assert line.quotas.of(line.actor.user_id).files_used == 1
    assert len(line.stored()) == 1


def test_what_has_begun_goes_on(line: Line) -> None:
    """A body that comes, and a grant that was given; a new grant takes no room."""
    grant = give(line)
    put(line, grant)
    line.accept(TEXT)

    def pieces() -> Iterator[bytes]:
        yield TEXT
        line.later(seconds=LIMIT + 1)
        line.intake.check_backlog = guard(line).check
        yield TEXT

    line.intake.accept(line.actor, Offer("a.txt", None), pieces())
    assert refuses(guard(line))
    with pytest.raises(Backlog):
        give(line)
    assert line.granting.requests(grant, [1])
    assert complete(line, grant).state is State.QUARANTINED
    assert line.quotas.of(line.actor.user_id).files_used == 3


def test_the_limit_is_beyond_the_one_that_warns() -> None:
    assert Settings().refuse_backlog_seconds == LIMIT
    assert Settings(backlog_seconds=9999, refuse_backlog_seconds=0).refuse_backlog_seconds == 0
    for wrong in (900, 10):
        with pytest.raises(ValidationError, match="UPLOADS_REFUSE_BACKLOG_SECONDS must be larger"):
            Settings(refuse_backlog_seconds=wrong)


def test_each_door_says_why_and_when_to_come_again(tmp_path: Path, redis_url: str) -> None:
    """What was sent before is listed as ever; the code has its page."""
    services = services_at(tmp_path, redis_url)
    api = program(services)
    user = api.get("/api/v1/me").get_json()["id"]
    now, name = clock.now(), name_of(services.settings)
    old = now - timedelta(seconds=LIMIT + 1)
    waiting = facts.document("doc_1", owner_id=user, state=State.QUARANTINED)
    job = facts.job("job_1", "doc_1", created_at=old)
    services.records.write(lambda work: work.documents.add(waiting))
    services.records.write(lambda work: work.jobs.add(job))
    services.records.write(lambda work: work.proofs.record(StoreProof(*name, now, proved_at=now)))
    raw: dict[str, Any] = {"data": TEXT, "headers": {"Content-Type": "text/plain"}}
    keyed = {**raw, "headers": {"Content-Type": "text/plain", "Idempotency-Key": "k1"}}
    form = {"data": {"file": (io.BytesIO(TEXT), "a.txt")}}
    for path, sent in (
        ("documents?name=a.txt", raw),
        ("documents?name=a.txt", keyed),
        ("documents", form),
        ("uploads", {"json": ASKED}),
    ):
        answer = api.post(f"/api/v1/{path}", **sent)
        problem = answer.get_json()
        assert (answer.status_code, problem["code"]) == (503, "backlog"), answer.text
        assert answer.content_type == "application/problem+json"
        assert answer.headers["Retry-After"] == "60"
        assert problem["type"] == "/problems/backlog"
        assert problem["detail"] == Backlog.sentence
    assert api.get("/problems/backlog").status_code == 200
    listed = api.get("/api/v1/documents").get_json()["items"]
    assert [one["id"] for one in listed] == ["doc_1"]
    assert api.get("/api/v1/me").get_json()["quota"]["files_used"] == 1
    services.records.close()  # type: ignore[attr-defined]
