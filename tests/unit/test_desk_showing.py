"""What the quarantine desk shows: lists, files with what is in them, sealed samples."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from tests.support.line import TEXT, Line
from tests.support.quarantine import Quarantine, unsealed
from uploads.documents.errors import StorageUnavailable
from uploads.documents.model import Outcome, State
from uploads.records.quarantining import DeskFilter

DIGEST = hashlib.sha256(TEXT).hexdigest()


@pytest.fixture
def quarantine(line: Line) -> Quarantine:
    return Quarantine(line)


def zipped(*names: str) -> bytes:
    made = BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, b"x" * 100)
    return made.getvalue()


def test_a_file_is_shown_with_all_that_was_said_of_it(quarantine: Quarantine) -> None:
    """The owner, every verdict, the first bytes; nothing of it is an archive."""
    document = quarantine.refused()
    found = quarantine.desk.look(quarantine.bob, document.id)
    assert found.case.emails[found.case.document.owner_id] == "ann@example.org"
    assert [one.engines[0].finding for one in found.verdicts] == ["Bad.Thing"]
    assert (found.head, found.members) == (TEXT[:256], None)
    assert found.case.kept_until == quarantine.line.now + timedelta(days=30)


def test_members_of_an_archive_are_named(quarantine: Quarantine) -> None:
    document = quarantine.refused(zipped("a.txt", "b/c.txt"), name="a.zip")
    members = quarantine.desk.look(quarantine.bob, document.id).members
    assert members is not None
    assert [(one.name, one.size) for one in members.items] == [("a.txt", 100), ("b/c.txt", 100)]
    assert (members.count, members.complete) == (2, True)


def test_what_hides_an_archive_or_only_speaks_of_one_is_told_apart(
    quarantine: Quarantine,
) -> None:
    hidden, said, empty = (quarantine.refused() for _ in range(3))
    quarantine.swap(hidden, b"GIF89a" + zipped("evil.exe"))
    quarantine.swap(said, b"a text about PK\5\6, which ends archives, and is none itself")
    quarantine.swap(empty, zipped())
    found = [quarantine.desk.look(quarantine.bob, one.id).members for one in (hidden, said, empty)]
    assert found[0] is not None
    assert [one.name for one in found[0].items] == ["evil.exe"]
    assert found[1] is None
    assert found[2] is not None
    assert (found[2].items, found[2].complete) == ((), True)


def test_a_sample_unzips_with_the_password_and_says_nothing_of_the_name(
    quarantine: Quarantine,
) -> None:
    """Encrypted, under the digest; who took it is on record. Nothing else finds the bytes in it."""
    document = quarantine.refused(name="invoice.txt")
    sealed = quarantine.taken(document)
    assert TEXT not in sealed
    assert b"invoice" not in sealed
    assert unsealed(sealed) == {f"{DIGEST}.bin": TEXT}
    with ZipFile(BytesIO(sealed)) as archive, pytest.raises((RuntimeError, NotImplementedError)):
        archive.read(archive.namelist()[0])
    assert quarantine.trail(document)[-1] == (
        quarantine.bob.user_id,
        "document.sampled",
        {"sha256": DIGEST},
    )


def test_a_sample_of_other_bytes_breaks_off(quarantine: Quarantine) -> None:
    document = quarantine.refused()
    quarantine.swap(document, b"X" + TEXT[1:])
    with pytest.raises(StorageUnavailable):
        quarantine.taken(document)


def test_the_list_is_cut_by_state_owner_and_text(quarantine: Quarantine) -> None:
    """Newest first, page by page; released ones only when they are asked for."""
    line, desk, bob = quarantine.line, quarantine.desk, quarantine.bob
    made = []
    for name in ("one.txt", "two.txt", "three.txt"):
        line.later(seconds=1)
        made.append(quarantine.refused(name=name))
    rejected = quarantine.refused(outcome=Outcome.UNSCANNABLE, reason="bomb", name="four.txt")
    quarantine.released(made[0])

    def ids(**chosen: Any) -> list[str]:
        return [one.id for one in desk.list(bob, DeskFilter(**chosen), 10)[0]]

    assert ids() == [rejected.id, made[2].id, made[1].id]
    assert ids(states={State.REJECTED}) == [rejected.id]
    assert ids(states={State.RELEASED}) == [made[0].id]
    assert ids(owner="Ann@example.org") == ids(owner=line.actor.user_id) == ids()
    assert ids(owner="eve@example.org") == ids(owner="\x00") == ids(text="\x00") == []
    assert ids(text="TWO") == [made[1].id]
    assert ids(text=DIGEST.upper()) == ids()
    first, cursor = desk.list(bob, DeskFilter(), 2)
    rest, end = desk.list(bob, DeskFilter(), 2, cursor)
    assert [one.id for one in [*first, *rest]] == ids()
    assert end is None
