"""Objects that are in no row are cleared by command, and never one that is or may come to be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from tests.support.line import GRACE, TEXT, Line
from tests.support.reconciling import reconciler
from uploads import clock
from uploads.documents.model import Rendition, State
from uploads.records.protocol import Leftover
from uploads.storage.protocol import Bucket
from workers.clearing import SAFE_AGE, Clearing
from workers.cli.reconcile import reconcile
from workers.reconcile import Place, Report

LONG = SAFE_AGE + GRACE + timedelta(seconds=1)
PATIENT = timedelta(days=100)
BOTH = [Bucket.CLEAN, Bucket.QUARANTINE]


@pytest.fixture
def clearing(line: Line) -> Clearing:
    """Of a time when keys that are made now are old."""
    line.now = clock.now()
    return Clearing(line.records, line.clock, GRACE)


def stray(line: Line, bucket: Bucket, name: str | None = None) -> Place:
    place = bucket, f"{clock.new_id()}/{name or clock.new_id()}"
    line.storage.put(*place, [b"x"], 1)
    return place


def found(line: Line, scratch: Path) -> Report:
    return reconciler(line, scratch, PATIENT).check()


@pytest.mark.parametrize("bucket", BOTH)
def test_what_no_row_names_goes_after_the_grace_time(
    line: Line, clearing: Clearing, tmp_path: Path, bucket: Bucket
) -> None:
    document = line.accept(TEXT)
    line.runner.run(line.job_of(document))
    place = stray(line, bucket)
    line.later(seconds=LONG.total_seconds())
    places = clearing.old_enough(found(line, tmp_path))
    assert places == [place]
    assert clearing.announce(places) == {bucket.value: 1}
    line.reaper.reap_due()
    assert place in line.storage.objects
    line.later(seconds=GRACE.total_seconds())
    line.reaper.reap_due()
    assert place not in line.storage.objects
    assert found(line, tmp_path).ok
    assert line.document(document.id).state is State.CLEAN


def test_what_is_young_by_any_clock_stays(line: Line, clearing: Clearing, tmp_path: Path) -> None:
    young = stray(line, Bucket.CLEAN)
    line.later(seconds=(GRACE + SAFE_AGE).total_seconds() / 2)
    assert [place for place in found(line, tmp_path).strays if place[0] is Bucket.CLEAN]
    assert clearing.old_enough(found(line, tmp_path)) == []
    # A store whose clock is behind, and keys that are none of ours.
    line.storage.objects[young] = b"x", line.now - timedelta(days=100)
    stray(line, Bucket.CLEAN, "someones")
    line.now = clock.now() + GRACE
    assert clearing.old_enough(found(line, tmp_path)) == []
    line.later(days=100)
    assert clearing.old_enough(found(line, tmp_path)) == [young]


def test_what_has_come_to_be_named_since_it_was_found_stays(line: Line, clearing: Clearing) -> None:
    document = line.accept(TEXT)
    line.runner.run(line.job_of(document))
    name = document.id.removeprefix("doc_")
    picture = Rendition("thumbnail-200", "image/webp", 2, 2, 4, f"{name}/{clock.new_id()}")
    under_way = Bucket.CLEAN, f"{name}/{clock.new_id()}"
    line.records.write(lambda work: work.documents.add_rendition(document.id, picture))
    due = line.now + timedelta(days=1)
    line.records.write(lambda work: work.leftovers.add(Leftover(*under_way, due)))
    kept: list[Place] = [
        (Bucket.CLEAN, str(line.document(document.id).clean_key)),
        (Bucket.CLEAN, picture.key),
        under_way,
    ]
    assert not clearing.announce(kept)
    announced = line.records.read(lambda work: list(work.leftovers.all()))
    assert [one for one in announced if one.bucket is Bucket.CLEAN] == [Leftover(*under_way, due)]


def test_what_is_committed_in_between_is_not_announced(
    line: Line, clearing: Clearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL shows it to the second statement: it is asked for what is named last."""
    asked: list[str] = []

    class Work:
        """What a publication looks like that commits between any two statements."""

        leftovers = SimpleNamespace(
            announced=lambda *_: asked.append("ledger"), add=lambda _: asked.append("announced")
        )
        documents = SimpleNamespace(find=lambda _: asked.append("row") or published)

    key = f"{clock.new_id()}/{clock.new_id()}"
    published = replace(line.accept(TEXT), clean_key=key)
    monkeypatch.setattr(line.records, "write", lambda unit: unit(Work))
    assert not clearing.announce([(Bucket.CLEAN, key)])
    assert asked == ["ledger", "row"]


@pytest.mark.parametrize(
    ("options", "said", "announced"),
    [(["--check"], None, 0), ([], "n\n", 0), ([], "y\n", 1), (["--yes"], None, 1)],
)
def test_the_command_looks_or_clears(
    line: Line,
    clearing: Clearing,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    said: str | None,
    announced: int,
) -> None:
    place = stray(line, Bucket.CLEAN)
    line.later(seconds=LONG.total_seconds())
    services = SimpleNamespace(
        records=line.records, settings=SimpleNamespace(grace_seconds=GRACE.total_seconds())
    )
    monkeypatch.setattr("workers.cli.reconcile.stack_settings", lambda: None)
    monkeypatch.setattr("workers.cli.reconcile.build", lambda _: services)
    monkeypatch.setattr(
        "workers.cli.reconcile.make_reconciler", lambda _: reconciler(line, tmp_path, PATIENT)
    )
    monkeypatch.setattr("uploads.clock.now", line.clock)
    told = CliRunner().invoke(reconcile, options, input=said)
    assert f"I3: an object in clean without a row: {place[1]}" in told.output
    assert "1 × I3: an object in clean without a row\n" in told.output
    assert told.exit_code == 1 - announced
    assert line.records.read(lambda work: work.leftovers.announced(*place)) is bool(announced)
