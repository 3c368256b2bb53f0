"""Clean files are looked at anew when signatures change: at their turn, with what comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.facts import rendition
from tests.support.guarded import VIRUS, Guarded
from tests.support.line import TEXT
from uploads import faults
from uploads.documents.links import Disposition, Link
from uploads.documents.model import Document, JobKind, Rendition, State
from uploads.records.protocol import Work
from uploads.storage.protocol import Bucket
from workers.inspection.engine import Subject
from workers.inspection.yara import Yara
from workers.sandbox.parent import Cell


def learn(line: Guarded, *words: bytes) -> None:
    """New signatures, and a look at what is due."""
    line.reader.learn(*words)
    line.later(minutes=5)
    line.canaries.try_all()
    line.rescanner.look()


def verdicts(line: Guarded, document: Document) -> int:
    with line.records._engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT document_id FROM verdicts")
        return [row[0] for row in rows].count(document.id)


def open_rescans(line: Guarded) -> int:
    return line.records.read(lambda work: work.jobs.open_count(JobKind.RESCAN))


def test_nothing_is_due_while_nothing_has_changed(line: Guarded) -> None:
    line.publish()
    line.canaries.try_all()
    assert line.rescanner.look() == 0


def test_clean_again_is_a_further_verdict_and_nothing_else(line: Guarded) -> None:
    document = line.publish()
    learn(line)
    objects = line.stored()
    line.run(document)
    found = line.document(document.id)
    assert (found.state, found.clean_key) == (State.CLEAN, document.clean_key)
    assert found.updated_at == document.updated_at
    assert found.verdict is not None
    assert found.verdict.engines[0].signatures == "2/2026-11-20"
    assert (verdicts(line, document), line.stored(), open_rescans(line)) == (2, objects, 0)
    assert line.rescanner.look() == 0


def test_one_after_the_other_until_all_are_up_to_date(line: Guarded) -> None:
    documents = [line.publish(TEXT + bytes([65 + number]) * 9) for number in range(3)]
    learn(line)
    for _ in documents:
        assert open_rescans(line) == 1
        line.hints.jobs.clear()
        line.sweeper.sweep()
        line.runner.run(line.hints.jobs[0])
    assert open_rescans(line) == 0
    assert [verdicts(line, document) for document in documents] == [2, 2, 2]
    # The newest first, and nothing of the jobs is kept.
    assert [subject.size for subject in line.reader.seen[3:]] == [len(TEXT) + 9] * 3


def furnish(line: Guarded, document: Document) -> Rendition:
    """Give it a link and a picture."""
    link = Link("link1", line.actor.user_id, (document.id,), Disposition.ATTACHMENT, line.now)
    picture = rendition("thumbnail-200", key="picture/one")

    def unit(work: Work) -> None:
        work.links.add(link)
        work.documents.add_rendition(document.id, picture)

    line.records.write(unit)
    return picture


def test_a_late_hit_is_out_of_service_in_one_commit_and_its_bytes_follow(line: Guarded) -> None:
    document = line.publish(VIRUS)
    picture = furnish(line, document)
    line.storage.put(Bucket.CLEAN, picture.key, [b"x"], 1)
    learn(line, VIRUS)
    job_id = line.job_of(document)
    honest = line.storage.put

    def broken(*_: object) -> None:
        line.storage.put = honest  # type: ignore[method-assign]
        raise faults.FaultInjected

    line.storage.put = broken  # type: ignore[method-assign,assignment]
    with pytest.raises(faults.FaultInjected):
        line.runner.run(job_id)
    struck = line.document(document.id)
    assert (struck.state, struck.renditions, struck.quarantine_key) == (State.INFECTED, (), None)
    ended = line.records.read(lambda work: work.links.find("link1"))
    assert ended is not None
    assert ended.ended_at is not None
    assert ("document.infected", document.id) in line.trail()
    events = line.records.read(lambda work: work.events.after(line.actor.user_id, 0, 99))
    assert events[-1].facts["state"] == "infected"
    assert events[-1].facts["verdict"]["outcome"] == "infected"
    line.later(seconds=31)
    line.runner.run(job_id)
    moved = line.document(document.id)
    assert (moved.state, moved.clean_key) == (State.INFECTED, None)
    assert moved.quarantine_key is not None
    assert line.storage.objects[Bucket.QUARANTINE, moved.quarantine_key][0] == VIRUS
    line.later(minutes=31)
    line.reaper.reap_due()
    assert [bucket for bucket, _ in line.stored()] == ["quarantine"]
    line.later(days=31)
    line.reaper.reap_due()
    assert line.stored() == []


def test_what_cannot_be_read_any_more_is_withdrawn_and_settled_by_the_line(line: Guarded) -> None:
    document = line.publish()
    line.reader.reason = "encrypted"
    learn(line)
    line.run(document)
    assert line.state(document) is State.QUARANTINED
    line.run(document)
    assert line.state(document) is State.UNSCANNABLE
    assert ("document.withdrawn", document.id) in line.trail()


def test_it_stays_served_while_engines_are_away(line: Guarded) -> None:
    document = line.publish(VIRUS)
    learn(line, VIRUS)
    line.reader.silent = True
    line.run(document)
    assert line.state(document) is State.CLEAN
    line.reader.silent = False
    line.later(minutes=2)
    line.run(document)
    assert line.state(document) is State.INFECTED


def test_clean_again_counts_only_where_the_engines_are_believed(line: Guarded) -> None:
    document = line.publish()
    learn(line)

    def meanwhile(_: Subject) -> None:
        line.reader.knows, line.reader.meanwhile = (), None
        line.canaries.try_all()

    line.reader.meanwhile = meanwhile
    line.run(document)
    assert verdicts(line, document) == 1


def test_who_was_only_looked_at_again_while_an_engine_was_blind_is_looked_at_once_more(
    line: Guarded,
) -> None:
    document = line.publish(VIRUS)
    line.later(minutes=10)
    learn(line)
    # Blind from here on, and nobody knows yet.
    line.reader.knows = ()
    line.run(document)
    assert (line.state(document), verdicts(line, document)) == (State.CLEAN, 2)
    line.canaries.try_all()
    assert line.state(document) is State.CLEAN
    line.reader.knows = (b"EICAR", VIRUS)
    line.later(minutes=1)
    line.canaries.try_all()
    assert line.rescanner.look() == 1
    line.run(document)
    assert line.state(document) is State.INFECTED


def test_a_document_that_kills_those_who_look_at_it_again_is_withdrawn(line: Guarded) -> None:
    document = line.publish()
    learn(line)
    job_id = line.job_of(document)
    for _ in range(3):
        line.crash_once(job_id, "s9")
    line.runner.run(job_id)
    assert line.state(document) is State.QUARANTINED
    line.run(document)
    assert line.state(document) is State.CLEAN


def test_one_that_is_deleted_while_it_is_looked_at_stays_deleted(line: Guarded) -> None:
    document = line.publish(VIRUS)
    learn(line, VIRUS)
    line.reader.meanwhile = lambda _: line.library.delete(line.actor, document.id)
    line.run(document)
    assert line.state(document) is State.DELETED
    line.later(minutes=31)
    line.reaper.reap_due()
    assert line.stored() == []


def test_older_signatures_never_replace_newer_ones(line: Guarded) -> None:
    """Another worker's scanner is behind: it does not look again, and nothing goes in circles."""
    line.reader.learn()
    document = line.publish()
    line.reader.signatures = "1/2026-11-20"
    line.later(minutes=5)
    line.canaries.try_all()
    assert line.rescanner.look() == 1
    line.run(document)
    assert (verdicts(line, document), open_rescans(line)) == (1, 0)


def test_signatures_that_change_in_between_are_noticed_at_once(line: Guarded) -> None:
    """Or the same document would be looked at again and again until the next canary."""
    document = line.publish()
    learn(line)
    line.reader.learn()
    line.run(document)
    assert line.canary().signatures == "3/2026-11-20"
    assert line.rescanner.look() == 0


def test_a_rule_that_comes_later_takes_a_file_out_of_service(line: Guarded, tmp_path: Path) -> None:
    """With the real engine in the real cell: an operator's rules are read anew, and name another
    set."""
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "own.yar").write_text("rule Own { condition: false }")
    yara = Yara(Cell(seconds=120, memory_bytes=1024**3), more_rules=rules)
    line.reader.inspect = yara.inspect  # type: ignore[method-assign]
    line.engine.inspect = yara.inspect  # type: ignore[method-assign]
    document = line.publish(VIRUS)
    line.later(minutes=5)
    line.canaries.try_all()
    assert line.rescanner.look() == 0
    (rules / "later.yar").write_text('rule Later { strings: $a = "of a later sig" condition: $a }')
    line.canaries.try_all()
    assert line.rescanner.look() == 1
    line.run(document)
    found = line.document(document.id)
    assert found.state is State.INFECTED
    assert found.verdict is not None
    assert found.verdict.engines[0].finding == "Later"
