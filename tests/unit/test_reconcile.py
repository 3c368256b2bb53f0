"""`uploads reconcile --check` sees each kind of damage; a check that cannot fail is none."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.line import TEXT, Line
from tests.support.reconciling import reconciler
from uploads.documents.model import Document, Outcome, Rendition
from uploads.storage.protocol import Bucket
from workers.reconcile import Report


def check(line: Line, scratch: Path) -> Report:
    return reconciler(line, scratch, timedelta(minutes=10)).check()


def clean(line: Line) -> Document:
    document = line.accept(TEXT)
    line.runner.run(line.job_of(document))
    return line.document(document.id)


def test_a_sound_service_has_no_findings(line: Line, tmp_path: Path) -> None:
    clean(line)
    line.accept(TEXT)
    report = check(line, tmp_path)
    assert report.ok
    assert report.checked["served objects"] == 1


def flip(line: Line, document: Document) -> None:
    place = (Bucket.CLEAN, str(document.clean_key))
    line.storage.objects[place] = (b"X" + TEXT[1:], line.now)


def lose(line: Line, document: Document) -> None:
    del line.storage.objects[Bucket.CLEAN, str(document.clean_key)]


def litter(line: Line, _: Document) -> None:
    line.storage.put(Bucket.QUARANTINE, "stray/object", [b"x"], 1)
    line.later(minutes=31)


def cancel(line: Line, _: Document) -> None:
    waiting = line.accept(TEXT)
    line.records.write(lambda work: work.jobs.cancel(waiting.id))


def dawdle(line: Line, _: Document) -> None:
    line.accept(TEXT)
    line.later(minutes=11)


def unpaint(line: Line, document: Document) -> None:
    picture = Rendition("thumbnail-200", "image/webp", 2, 2, 4, "p/1")
    line.records.write(lambda work: work.documents.add_rendition(document.id, picture))


@pytest.mark.parametrize(
    ("damage", "invariant"),
    [
        (flip, "I1"),
        (lose, "I1"),
        (litter, "I3"),
        (unpaint, "I3"),
        (cancel, "I2"),
        (dawdle, "I2"),
    ],
)
def test_each_damage_is_found(
    line: Line,
    tmp_path: Path,
    damage: Callable[[Line, Document], None],
    invariant: str,
) -> None:
    damage(line, clean(line))
    assert {finding.invariant for finding in check(line, tmp_path).findings} == {invariant}


def test_a_scratch_file_that_nobody_writes_is_found(line: Line, tmp_path: Path) -> None:
    scratch = tmp_path / "looked-at"
    scratch.mkdir()
    (scratch / "young").touch()
    assert check(line, scratch).ok
    os.utime(scratch / "young", (0, 0))
    assert [(one.invariant, one.subject) for one in check(line, scratch).findings] == [
        ("I3", "young")
    ]


def test_a_young_object_without_a_row_is_an_upload_under_way(line: Line, tmp_path: Path) -> None:
    line.storage.put(Bucket.INCOMING, "young/object", [b"x"], 1)
    assert check(line, tmp_path).ok


def lose_part(line: Line, _: Document) -> None:
    line.accept(TEXT)
    for place in [place for place in line.storage.objects if place[0] is Bucket.INCOMING]:
        del line.storage.objects[place]


def lose_kept(line: Line, _: Document) -> None:
    line.engine.outcome = Outcome.INFECTED
    clean(line)
    for place in [place for place in line.storage.objects if place[0] is Bucket.QUARANTINE]:
        del line.storage.objects[place]


@pytest.mark.parametrize(
    ("damage", "amiss"),
    [
        (lose_part, "I2: a part of what waits has no object"),
        (lose_kept, "I3: the bytes that are kept are missing"),
        (litter, "I3: an object in quarantine without a row"),
    ],
)
def test_each_kind_is_counted(
    line: Line, tmp_path: Path, damage: Callable[[Line, Document], None], amiss: str
) -> None:
    damage(line, clean(line))
    assert check(line, tmp_path).amiss_by_kind == {amiss: 1}
