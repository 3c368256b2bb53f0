"""Engines that fail their canaries publish nothing, and what they let pass is looked at anew."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.facts import NOW
from tests.support.guarded import BOUND, EVERY, Guarded
from tests.support.line import TEXT
from uploads.documents.canaries import Canary, Needs
from uploads.documents.model import State
from uploads.storage.protocol import Bucket
from workers.inspection import canaries
from workers.inspection.canaries import eicar
from workers.inspection.engine import EngineUnavailable, Subject


def test_an_engine_proves_itself_before_the_first_file(line: Guarded) -> None:
    line.publish()
    canary = line.canary()
    assert (canary.ok, canary.detail, canary.good_at) == (True, "", line.now - timedelta(seconds=1))
    assert canary.signatures == line.reader.signatures


def test_nothing_is_published_while_a_canary_fails(line: Guarded) -> None:
    line.reader.knows = ()
    waiting = line.accept(TEXT)
    job_id = line.job_of(waiting)
    for _ in range(5):
        line.runner.run(job_id)
        assert line.state(waiting) is State.QUARANTINED
        line.later(minutes=2)
    assert (line.job(job_id).starts, line.reader.seen) == (0, [])
    assert line.canary().detail == "called a virus clean"
    assert line.trail()[-1] == ("engine.failed", "yara")
    line.reader.knows = (b"EICAR",)
    line.runner.run(job_id)
    assert line.state(waiting) is State.CLEAN
    assert ("engine.well", "yara") in line.trail()


def test_what_became_clean_since_the_last_good_one_is_withdrawn_and_looked_at_anew(
    line: Guarded,
) -> None:
    line.reader.learn()
    before = line.publish()
    line.later(minutes=5)
    line.canaries.try_all()
    since = [line.publish(TEXT + bytes([65 + number]) * 9) for number in range(3)]
    objects = line.stored()
    line.reader.knows = ()
    assert line.canaries.try_all() == {"yara": "called a virus clean"}
    assert line.state(before) is State.CLEAN
    for document in since:
        assert line.state(document) is State.QUARANTINED
        assert ("document.withdrawn", document.id) in line.trail()
    line.work_off()  # deferred
    assert {line.state(document) for document in since} == {State.QUARANTINED}
    assert line.stored() == objects
    line.reader.knows = (b"EICAR", b"BBB")
    line.later(minutes=2)
    line.work_off()
    states = [line.state(document) for document in since]
    assert states == [State.CLEAN, State.INFECTED, State.CLEAN]
    # What is clean again was not copied, and what is not has left the clean bucket.
    again, lost = line.document(since[0].id), line.document(since[1].id)
    assert again.clean_key == since[0].clean_key
    assert (lost.clean_key, lost.quarantine_key is not None) == (None, True)
    line.later(minutes=31)
    line.reaper.reap_due()
    buckets = sorted(bucket for bucket, _ in line.stored())
    assert buckets == ["clean", "clean", "clean", "quarantine"]


def test_an_engine_that_is_away_takes_nothing_back(line: Guarded) -> None:
    document = line.publish()
    line.reader.silent = True
    line.later(minutes=5)
    assert line.canaries.try_all() == {"yara": "does not answer: staged"}
    assert line.state(document) is State.CLEAN
    assert line.canary().ok


def test_a_proof_grows_old(line: Guarded) -> None:
    line.publish()
    line.later(seconds=BOUND.total_seconds() + 1)
    with pytest.raises(EngineUnavailable):
        line.records.write(line.standing.vouch)
    assert line.standing.current() is None
    line.reader.silent = True
    waiting = line.accept(TEXT)
    line.run(waiting)
    assert line.state(waiting) is State.QUARANTINED


def test_an_engine_that_fears_everything_publishes_nothing_and_takes_nothing_back(
    line: Guarded,
) -> None:
    """Nothing that it passed is in doubt."""
    document = line.publish()
    line.reader.fears = True
    line.later(minutes=5)
    assert line.canaries.try_all() == {"yara": "called a harmless file infected"}
    assert line.state(document) is State.CLEAN
    with pytest.raises(EngineUnavailable):
        line.records.write(line.standing.vouch)


def test_a_canary_that_fails_during_an_inspection_stops_its_commit(line: Guarded) -> None:
    """However late: the commit that publishes asks in its own transaction."""
    line.canaries.try_all()
    document = line.accept(TEXT)

    def meanwhile(_: Subject) -> None:
        line.reader.knows, line.reader.meanwhile = (), None
        line.canaries.try_all()

    line.reader.meanwhile = meanwhile
    line.run(document)
    assert line.state(document) is State.QUARANTINED
    assert line.document(document.id).verdict is None
    line.reader.knows = (b"EICAR",)
    line.later(minutes=31)
    line.reaper.reap_due()
    line.run(document)
    assert line.state(document) is State.CLEAN
    assert len([one for one in line.stored() if one[0] == "clean"]) == 1


def test_a_withdrawal_that_was_cut_off_goes_on_before_anything_is_published(
    line: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = [line.publish(TEXT + bytes([65 + number]) * 9) for number in range(3)]
    line.reader.knows = ()
    line.later(minutes=5)

    monkeypatch.setattr(line.canaries, "_withdraw", lambda _: None)
    line.canaries.try_all()
    assert line.state(documents[0]) is State.CLEAN
    line.reader.knows = (b"EICAR",)
    line.canaries.try_all()
    assert line.canary().withdraw_from is not None
    with pytest.raises(EngineUnavailable):
        line.records.write(line.standing.vouch)
    monkeypatch.undo()
    line.canaries.try_all()
    assert {line.state(document) for document in documents} == {State.QUARANTINED}
    assert line.canary().withdraw_from is None
    line.records.write(line.standing.vouch)


def test_it_withdraws_once_and_not_what_others_publish_afterwards(line: Guarded) -> None:
    """Two hosts, each with a scanner of its own: the well one's verdicts are not in doubt."""
    document = line.publish()
    line.later(minutes=5)
    line.reader.knows = ()
    line.canaries.try_all()
    there = line.stand("there")
    line.reader.knows = (b"EICAR",)
    others = line.sing(there)
    line.try_stale, line.vouch = others.try_stale, there.vouch
    line.later(minutes=2)
    line.run(document)
    assert line.state(document) is State.CLEAN
    line.reader.knows = ()
    line.later(minutes=5)
    line.canaries.try_all()
    assert line.state(document) is State.CLEAN


def test_bytes_that_changed_in_the_store_meanwhile_are_not_clean_again(line: Guarded) -> None:
    document = line.publish()
    line.reader.knows = ()
    line.canaries.try_all()
    place = next(one for one in line.storage.objects if one[0] is Bucket.CLEAN)
    data, at = line.storage.objects[place]
    line.storage.objects[place] = (data.upper(), at)
    line.reader.knows = (b"EICAR",)
    line.later(minutes=2)
    job_id = line.job_of(document)
    for _ in range(4):
        line.runner.run(job_id)
        line.later(seconds=31)
    assert line.state(document) is State.FAILED


@pytest.mark.parametrize("step", ["s8", "s9", "s11", "s12", "s15"])
def test_a_crash_on_the_way_back_leaves_one_object(line: Guarded, step: str) -> None:
    document = line.publish()
    line.reader.knows = ()
    line.canaries.try_all()
    line.reader.knows = (b"EICAR",)
    line.later(minutes=2)
    job_id = line.job_of(document)
    line.crash_once(job_id, step)
    line.runner.run(job_id)
    assert line.document(document.id).clean_key == document.clean_key
    assert line.state(document) is State.CLEAN
    line.later(minutes=31)
    line.reaper.reap_due()
    assert [bucket for bucket, _ in line.stored()] == ["clean"]


def test_one_that_is_deleted_on_the_way_back_leaves_nothing(line: Guarded) -> None:
    document = line.publish()
    line.reader.knows = ()
    line.canaries.try_all()
    line.reader.knows = (b"EICAR",)
    line.later(minutes=2)
    line.reader.meanwhile = lambda _: line.library.delete(line.actor, document.id)
    line.run(document)
    assert line.state(document) is State.DELETED
    line.later(minutes=31)
    line.reaper.reap_due()
    assert line.stored() == []


def test_engines_are_asked_again_only_when_their_proof_is_old(line: Guarded) -> None:
    line.publish()
    first = line.canary().tried_at
    line.publish(TEXT * 2)
    assert line.canary().tried_at == first
    line.later(seconds=EVERY.total_seconds())
    line.publish(TEXT * 3)
    assert line.canary().tried_at > first


@pytest.mark.parametrize(
    ("changes", "strict", "hold"),
    [
        ({}, None, None),
        ({"reach": 99}, "reads 99 of 100 bytes that a file may have", None),
        ({"reach": None}, "reads 0 of 100 bytes that a file may have", None),
        ({"unpacks": None}, "was not tried yet with a large archive", None),
        ({"unpacks": 999}, "unpacks 999 of 1,000 bytes that an archive may have", None),
        ({"signatures": "1/2026-03-01"}, None, "has signatures that are 53 hours old"),
        ({"signatures": "1/2026-03-02"}, None, None),
        ({"signatures": None}, None, "does not say how old its signatures are"),
        ({"engine": "yara", "reach": None, "signatures": None}, None, None),
    ],
)
def test_what_stands_against_a_scanner_that_is_well(
    changes: dict[str, Any], strict: str | None, hold: str | None
) -> None:
    """Told to operators always; publishing waits for it in production, and where it is told to."""
    values = {"reach": 100, "unpacks": 1000, "signatures": "1/2026-03-04", **changes}
    canary = Canary(**{"engine": "clamav", "place": "", "tried_at": NOW, "ok": True, **values})
    needs = Needs(100, 1000, timedelta(hours=48))
    assert needs.check(canary, NOW) is None
    assert replace(needs, strict=True).check(canary, NOW) == strict
    assert replace(needs, hold=True).check(canary, NOW) == hold


def test_the_gate_waits_for_what_stands_against_a_scanner(line: Guarded) -> None:
    line.reader.name, line.reader.signatures = "clamav", "1/2026-11-01"
    for needs, waits in (({}, False), ({"hold": True}, True), ({"strict": True}, True)):
        standing = line.stand(engine="clamav", **needs)
        line.sing(standing).try_all()
        if waits:
            with pytest.raises(EngineUnavailable, match="clamav"):
                line.records.write(standing.vouch)
        else:
            line.records.write(standing.vouch)


def test_the_bait_is_the_one_that_every_scanner_knows() -> None:
    digest = hashlib.md5(eicar(), usedforsecurity=False).hexdigest()
    assert digest == "44d88612fea8a8f36de82e1278abb02f"


def test_no_file_of_ours_is_the_bait() -> None:
    """Neither the source nor what Python makes of it: scanners would take it away."""
    source = Path(canaries.__file__)
    for path in (source, Path(importlib.util.cache_from_source(str(source)))):
        assert not path.exists() or eicar() not in path.read_bytes()
