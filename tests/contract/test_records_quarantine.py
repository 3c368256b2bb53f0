"""The quarantine desk on both databases: its rows, and two who do something at the same moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.facts import NOW, SHA256, after, job, user, verdict
from tests.support.line import Line
from tests.support.quarantine import Quarantine
from uploads.documents.errors import Gone, NotReleased, UploadsError
from uploads.documents.model import Document, JobKind, Outcome, Role, State
from uploads.documents.releases import Release, ReleaseState
from uploads.records.protocol import Leftover
from uploads.records.quarantine import SqlQuarantine
from uploads.records.quarantining import DeskFilter
from uploads.records.sql import SqlRecords
from uploads.storage.protocol import Bucket

Add = Callable[..., Document]
ASKED = Release("doc_1", SHA256, "usr_2", NOW, "Because.", after(60))


@pytest.fixture
def quarantine(tmp_path: Path, database_url: str) -> Iterator[Quarantine]:
    line = Line(tmp_path, database_url=database_url)
    yield Quarantine(line)
    line.records.close()


def page(records: SqlRecords, limit: int = 10, before: Any = None, **chosen: Any) -> list[str]:
    found = records.read(lambda work: work.quarantine.page(DeskFilter(**chosen), limit, before))
    return [one.id for one in found]


def test_only_refused_files_are_at_the_desk_and_failed_ones_with_bytes(
    owned: SqlRecords, add: Add
) -> None:
    for state in State:
        add(f"doc_{state}", state=state, quarantine_key=f"q/{state}")
    add("doc_empty", state=State.FAILED)
    add("doc_damaged", state=State.FAILED, clean_key="c/1")
    shown = {"doc_infected", "doc_rejected", "doc_unscannable", "doc_failed", "doc_damaged"}
    assert set(page(owned)) == shown
    assert page(owned, states={State.RELEASED}) == ["doc_released"]
    assert page(owned, states=()) == []


def test_pages_go_on_where_the_one_before_ended(owned: SqlRecords, add: Add) -> None:
    for number in range(4):
        made = {"state": State.INFECTED, "created_at": after(number // 2)}
        add(f"doc_{number}", **made, quarantine_key=f"q/{number}")
    assert page(owned, 2) == ["doc_3", "doc_2"]
    assert page(owned, 2, (after(1), "doc_2")) == ["doc_1", "doc_0"]
    assert page(owned, 2, (after(1), "doc_\x00")) == []


def test_a_case_has_all_that_the_rows_say(owned: SqlRecords, add: Add) -> None:
    """Owner, who asked, until when bytes are kept, whether a worker is to do something."""
    add(state=State.INFECTED, quarantine_key="q/1")
    owned.write(
        lambda work: [
            work.accounts.add_user(user("usr_3", role=Role.ADMIN)),
            work.leftovers.add(Leftover(Bucket.QUARANTINE, "q/1", after(60))),
            work.quarantine.keep(replace(ASKED, asked_by="usr_3")),
            work.jobs.add(job(kind=JobKind.RELEASE)),
        ]
    )
    found = owned.read(lambda work: work.quarantine.find("doc_1"))
    assert found is not None
    assert found.kept_until == after(60)
    assert found.emails == {"usr_1": "usr_1@example.org", "usr_3": "usr_3@example.org"}
    assert (found.asker_stands, found.under_way) == (True, True)
    assert found.release == replace(ASKED, asked_by="usr_3")
    owned.write(lambda work: work.leftovers.doom(after(61), 10, timedelta(0)))
    owned.write(lambda work: work.jobs.cancel("doc_1"))
    found = owned.read(lambda work: work.quarantine.find("doc_1"))
    assert found is not None
    assert (found.kept_until, found.under_way) == (None, False)


@pytest.mark.parametrize("changes", [{"role": Role.USER}, {"disabled_at": NOW}])
def test_who_asked_stands_only_as_an_administrator(
    owned: SqlRecords, add: Add, changes: dict[str, Any]
) -> None:
    add(state=State.INFECTED)
    one = user("usr_3", **{"role": Role.ADMIN, **changes})
    owned.write(lambda work: work.accounts.add_user(one))
    owned.write(lambda work: work.accounts.set_disabled("usr_3", one.disabled_at))
    owned.write(lambda work: work.quarantine.keep(replace(ASKED, asked_by="usr_3")))
    found = owned.read(lambda work: work.quarantine.find("doc_1"))
    assert found is not None
    assert found.release_state(NOW) is ReleaseState.ENDED


def test_one_release_of_a_document_takes_the_place_of_another(owned: SqlRecords, add: Add) -> None:
    add(state=State.INFECTED)
    later = replace(ASKED, confirmed_by="usr_1", confirmed_at=after(1), confirmed_reason="Yes.")
    for release in (ASKED, later):
        owned.write(lambda work, kept=release: work.quarantine.keep(kept))  # type: ignore[misc]
        assert owned.read(lambda work: work.quarantine.release_of("doc_1")) == release
    owned.write(lambda work: work.documents.remove("doc_1"))
    assert owned.read(lambda work: work.quarantine.release_of("doc_1")) is None
    assert owned.read(lambda work: work.quarantine.find("doc_\x00")) is None


def test_every_verdict_is_kept_and_told_newest_first(owned: SqlRecords, add: Add) -> None:
    add(state=State.SCANNING)
    said = [verdict(Outcome.CLEAN), verdict(Outcome.INFECTED), verdict(Outcome.UNSCANNABLE)]
    for one in said:
        owned.write(lambda work, kept=one: work.documents.add_verdict("doc_1", kept))  # type: ignore[misc]
    assert owned.read(lambda work: work.quarantine.verdicts("doc_1")) == said[::-1]


def test_of_two_who_confirm_at_the_same_moment_one_is_too_late(
    quarantine: Quarantine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One job, one audit row; the other one hears that it is confirmed."""
    document, dave = quarantine.refused(), quarantine.administrator("dave")
    quarantine.ask(document)
    other = meanwhile(monkeypatch, lambda: quarantine.ask(document, dave))
    outcomes = [outcome(lambda: quarantine.ask(document, quarantine.carol)), other()]
    assert set(outcomes) == {NotReleased, None}
    confirmed = [one for one in quarantine.trail(document) if one[1].endswith("confirmed")]
    assert len(confirmed) == 1
    quarantine.runner.run(quarantine.line.job_of(document))
    assert quarantine.line.state(document) is State.RELEASED


def test_who_confirms_while_the_owner_deletes_leaves_nothing_behind(
    quarantine: Quarantine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is first: the document is deleted, and its bytes go."""
    document, line = quarantine.refused(), quarantine.line
    quarantine.ask(document)
    other = meanwhile(monkeypatch, lambda: line.library.delete(line.actor, document.id))
    said = outcome(lambda: quarantine.ask(document, quarantine.carol))
    assert (said in {None, Gone}, other()) == (True, None)
    assert line.state(document) is State.DELETED
    assert line.records.read(lambda work: work.quarantine.release_of(document.id)) is None
    assert line.records.read(lambda work: work.jobs.backlog()) == {}
    line.later(seconds=1)
    line.reaper.reap_due()
    assert line.stored() == []


def outcome(act: Callable[[], object]) -> type[UploadsError] | None:
    try:
        act()
    except (NotReleased, Gone) as error:
        return type(error)
    return None


def meanwhile(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]
) -> Callable[[], type[UploadsError] | None]:
    """Let it happen in another thread when the first one has read and decided; its outcome.

    It has half a second to come to its end; if it waits for a lock, the first goes on.
    """
    pool, begun = ThreadPoolExecutor(1), []
    honest = SqlQuarantine.keep

    def keep(self: SqlQuarantine, release: Release) -> None:
        if not begun:
            begun.append(pool.submit(outcome, act))
            wait(begun, timeout=0.5)
        honest(self, release)

    monkeypatch.setattr(SqlQuarantine, "keep", keep)

    def ended() -> type[UploadsError] | None:
        with pool:
            return begun[0].result(60)

    return ended
