"""What waits, is put off or never settles holds up no other that has to be looked at anew."""

from __future__ import annotations

import pytest

from tests.support.guarded import Guarded
from tests.support.line import TEXT
from uploads.documents.model import Document
from workers import rescanning


def learn(line: Guarded) -> None:
    """New signatures, which the engines prove themselves with."""
    line.reader.learn()
    line.later(minutes=5)
    line.canaries.try_all()


def rescanned(line: Guarded) -> list[str]:
    """The documents that wait for another look."""
    with line.records._engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT document_id FROM jobs WHERE kind = 'rescan' AND state = 'due'"
        )
        return [row[0] for row in rows]


def has_rescan(line: Guarded, document: Document) -> bool:
    return document.id in rescanned(line)


def test_one_old_file_is_looked_at_whatever_new_waits(line: Guarded) -> None:
    """Several at once else; and what is put off, new or old, holds up no other."""
    line.rescanner._at_once = 3
    published = [line.publish() for _ in range(4)]
    waiting = line.accept(TEXT)
    learn(line)
    assert (line.rescanner.look(), line.rescanner.look()) == (1, 0)
    line.reader.silent = True
    put_off = next(one for one in published if has_rescan(line, one))
    line.run(put_off)
    assert has_rescan(line, put_off)
    assert (line.rescanner.look(), line.rescanner.look()) == (1, 0)
    line.reader.silent = False
    line.later(minutes=5)
    line.canaries.try_all()
    line.run(waiting)
    assert line.rescanner.look() == 1
    assert len(rescanned(line)) == 3


def test_while_an_engine_is_away_rescans_do_not_pile_up(
    line: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rescanning, "_OPEN_MOST", 3)
    published = [line.publish() for _ in range(5)]
    learn(line)
    line.rescanner.look()
    line.reader.silent = True
    for number in (1, 2, 3):
        assert len(rescanned(line)) == number
        line.run(next(one for one in reversed(published) if has_rescan(line, one)))
        published = [one for one in published if not has_rescan(line, one)]
        line.rescanner.look()
    assert len(rescanned(line)) == 3
