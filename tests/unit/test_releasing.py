"""The job `release`: what was agreed on is handed out whole or not at all, whatever dies when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.line import ALWAYS, GRACE, LEASE, TEXT, Line
from tests.support.quarantine import Quarantine
from uploads import faults
from uploads.documents.errors import StorageUnavailable
from uploads.documents.model import JobState, Rendition, State
from uploads.documents.releases import ReleaseState
from uploads.records.protocol import Leftover, Work
from uploads.storage.protocol import Bucket
from workers.reconcile import Reconciler


@pytest.fixture
def quarantine(line: Line) -> Quarantine:
    return Quarantine(line)


def findings(line: Line, folder: Path) -> list[str]:
    report = Reconciler(
        records=line.records,
        storage=line.storage,
        scratch_dir=folder,
        clock=line.clock,
        grace=GRACE,
        settle_within=timedelta(minutes=10),
    ).check()
    return [one.what for one in report.findings]


def crash(quarantine: Quarantine, job_id: str, step: str) -> None:
    """Run a job whose process dies at a step; its lease runs out."""
    faults.arm(f"{step}:fail")
    with pytest.raises(faults.FaultInjected):
        quarantine.runner.run(job_id)
    faults.arm(None)
    quarantine.line.later(seconds=LEASE.total_seconds() + 1)


def test_killed_between_copy_and_commit_it_is_done_again_and_the_copy_dies(
    quarantine: Quarantine, tmp_path: Path
) -> None:
    line, document = quarantine.line, quarantine.refused()
    job_id = quarantine.agreed(document)
    crash(quarantine, job_id, "r1")
    assert line.state(document) is State.INFECTED
    assert [bucket for bucket, _ in line.stored()] == ["quarantine", "clean"]
    quarantine.runner.run(job_id)
    assert quarantine.published(document) == TEXT
    line.later(minutes=31)
    line.reaper.reap_due()
    assert len(line.stored()) == 1
    assert findings(line, tmp_path) == []


def test_killed_after_the_commit_it_leaves_nothing_but_what_the_ledger_names(
    quarantine: Quarantine, tmp_path: Path
) -> None:
    line, document = quarantine.line, quarantine.refused()
    crash(quarantine, quarantine.agreed(document), "r2")
    assert line.state(document) is State.RELEASED
    line.reaper.reap_due()
    assert [bucket for bucket, _ in line.stored()] == ["clean"]
    assert findings(line, tmp_path) == []


def test_a_store_that_is_away_only_delays_it(quarantine: Quarantine) -> None:
    """Deferred, with its start given back, and done when the store is there again."""
    line, document = quarantine.line, quarantine.refused()
    job_id = quarantine.agreed(document)
    line.storage.broken = True
    for _ in range(5):
        quarantine.runner.run(job_id)
        line.later(minutes=2)
    job = line.job(job_id)
    assert (job.state, job.starts, job.deferrals) == (JobState.DUE, 0, 5)
    assert quarantine.standing(document) is ReleaseState.CONFIRMED
    line.storage.broken = False
    quarantine.runner.run(job_id)
    assert line.state(document) is State.RELEASED


def test_a_store_that_is_away_for_weeks_loses_nothing_that_was_agreed_on(
    quarantine: Quarantine,
) -> None:
    """The bytes' time is over meanwhile; they wait for the worker, as far as a week."""
    line, document = quarantine.line, quarantine.refused()
    line.later(days=29, hours=23)
    job_id = quarantine.agreed(document)
    line.later(days=6)
    line.tidier.tidy()
    line.reaper.reap_due()
    quarantine.runner.run(job_id)
    assert quarantine.published(document) == TEXT


@pytest.mark.parametrize("content", [None, b"X" + TEXT[1:], TEXT[1:], TEXT + b"X"])
def test_other_bytes_than_those_of_the_verdict_are_never_released(
    quarantine: Quarantine, content: bytes | None
) -> None:
    """Nothing comes into the clean bucket; the release has failed, and can be asked for anew."""
    line, document = quarantine.line, quarantine.refused()
    job_id = quarantine.agreed(document)
    quarantine.swap(document, content or b"")
    if content is None:
        del line.storage.objects[Bucket.QUARANTINE, document.quarantine_key or ""]
    quarantine.runner.run(job_id)
    assert line.state(document) is State.INFECTED
    assert "clean" not in {bucket for bucket, _ in line.stored()}
    assert line.job(job_id).state is JobState.DONE
    assert quarantine.standing(document) is ReleaseState.FAILED
    assert quarantine.trail(document)[-1][:2] == ("worker", "document.not-released")


def test_an_object_that_became_longer_is_not_taken_for_a_store_that_is_away(
    quarantine: Quarantine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store stops taking at the length it was told; to wait would be to wait for ever."""
    line, document = quarantine.line, quarantine.refused()
    job_id = quarantine.agreed(document)
    quarantine.swap(document, TEXT + bytes(2 * 1024 * 1024))

    def put(_bucket: Bucket, _key: str, body: Iterable[bytes], size: int) -> None:
        for piece in body:
            if len(piece) > size:
                raise StorageUnavailable("longer than announced")

    monkeypatch.setattr(line.storage, "put", put)
    quarantine.runner.run(job_id)
    assert (line.job(job_id).state, line.job(job_id).deferrals) == (JobState.DONE, 0)
    assert quarantine.standing(document) is ReleaseState.FAILED


@pytest.mark.parametrize("when", ["before", "between"])
def test_what_is_deleted_meanwhile_is_not_released(quarantine: Quarantine, when: str) -> None:
    """The copy that was made in vain dies with everything else."""
    line, document = quarantine.line, quarantine.refused()
    job_id = quarantine.agreed(document)
    if when == "between":
        honest = line.storage.put

        def put_and_delete(bucket: Bucket, key: str, body: object, size: int) -> None:
            honest(bucket, key, body, size)  # type: ignore[arg-type]
            line.library.delete(line.actor, document.id)

        line.storage.put = put_and_delete  # type: ignore[method-assign, assignment]
    else:
        line.library.delete(line.actor, document.id)
    quarantine.runner.run(job_id)
    assert line.state(document) is State.DELETED
    line.later(minutes=31)
    line.reaper.reap_due()
    assert line.stored() == []


def test_bytes_that_are_elsewhere_by_then_are_released_from_there(quarantine: Quarantine) -> None:
    """And nothing of them stays behind: those of a late hit follow it to quarantine."""
    line, document = quarantine.line, quarantine.refused()
    job_id, honest = quarantine.agreed(document), line.storage.put
    moved = Leftover(Bucket.QUARANTINE, "moved/one", line.now + ALWAYS)

    def unit(work: Work) -> None:
        work.documents.change(document.id, State.INFECTED, {"quarantine_key": moved.key})
        work.leftovers.add(moved)
        work.leftovers.add(Leftover(Bucket.QUARANTINE, document.quarantine_key or "", line.now))

    def put_and_move(bucket: Bucket, key: str, body: Iterable[bytes], size: int) -> None:
        line.storage.put = honest  # type: ignore[method-assign]
        honest(bucket, key, body, size)
        honest(moved.bucket, moved.key, [TEXT], len(TEXT))
        line.records.write(unit)

    line.storage.put = put_and_move  # type: ignore[method-assign]
    for _ in range(2):
        quarantine.runner.run(job_id)
        line.later(seconds=LEASE.total_seconds() + 1)
    assert quarantine.published(document) == TEXT
    line.later(minutes=31)
    line.reaper.reap_due()
    assert [bucket for bucket, _ in line.stored()] == ["clean"]


def test_a_job_without_two_administrators_does_nothing(quarantine: Quarantine) -> None:
    """Whoever made it: the row decides."""
    line, document = quarantine.line, quarantine.refused()
    job_id = quarantine.agreed(document)
    release = line.records.read(lambda work: work.quarantine.release_of(document.id))
    assert release is not None
    alone = type(release)(
        **{
            name: getattr(release, name)
            for name in release.__dataclass_fields__
            if name != "confirmed_by"
        },
        confirmed_by=release.asked_by,
    )
    line.records.write(lambda work: work.quarantine.keep(alone))
    quarantine.runner.run(job_id)
    assert line.state(document) is State.INFECTED
    assert line.job(job_id).state is JobState.DONE


def test_pictures_from_before_go_with_the_release(quarantine: Quarantine) -> None:
    line, document = quarantine.line, quarantine.refused()
    line.storage.put(Bucket.CLEAN, "a/picture", [b"x"], 1)
    picture = Rendition("thumbnail-200", "image/webp", 1, 1, 1, "a/picture")
    line.records.write(lambda work: work.documents.add_rendition(document.id, picture))
    assert quarantine.released(document).renditions == ()
    assert (Bucket.CLEAN, "a/picture") not in line.storage.objects


def test_the_reconciler_sees_what_nobody_agreed_on(quarantine: Quarantine, tmp_path: Path) -> None:
    line, document = quarantine.line, quarantine.released(quarantine.refused())
    assert findings(line, tmp_path) == []
    line.records.write(lambda work: work.quarantine.forget(document.id))
    assert findings(line, tmp_path) == ["released without two administrators"]


def test_a_released_file_outlives_the_time_of_refused_ones(quarantine: Quarantine) -> None:
    line, document = quarantine.line, quarantine.released(quarantine.refused())
    line.records.write(
        lambda work: work.leftovers.add(Leftover(Bucket.QUARANTINE, "old", line.now))
    )
    line.later(days=40)
    line.tidier.tidy()
    line.reaper.reap_due()
    assert quarantine.published(document) == TEXT
