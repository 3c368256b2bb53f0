"""Hostile files at every door: each ends as the table says, and the five promises hold."""

from __future__ import annotations

from itertools import groupby

import pytest

from tests.hostile.conftest import Canary
from tests.hostile.doors import DOORS, Ends, outcome
from tests.hostile.files import FILES, MARK, File
from tests.support import plain
from tests.support.invariants import Promises
from tests.support.people import Person

# What comes in is judged before any database: once is enough.
pytestmark = pytest.mark.one_database


def by_row(file: File) -> int:
    return file.row


ROWS = {row: list(files) for row, files in groupby(sorted(FILES, key=by_row), by_row)}


@pytest.mark.parametrize("row", ROWS)
def test_each_file_ends_as_the_table_says(
    alice: Person, canary: Canary, promises: Promises, row: int
) -> None:
    """One row of the requirements, through every door, with the same outcome."""
    found = {}
    for file in ROWS[row]:
        for door, send in DOORS.items():
            content = file.content(canary.url)
            answer = send(alice, file.name, file.declared, content)
            found[str(file), door] = outcome(alice, answer)
            if answer.status_code == 202:
                _comes_back_untouched(alice, answer.json()["id"], file, content)
    expected = {(str(file), door): file.expected for file in ROWS[row] for door in DOORS}
    assert found == expected
    promises.hold(MARK)


def _comes_back_untouched(person: Person, document_id: str, file: File, content: bytes) -> None:
    """What is clean comes back as it was sent, and as nothing that a browser would run."""
    document = person.document(document_id)
    if document["state"] != "clean":
        return
    answer = person.api.get(f"/documents/{document_id}/content")
    served = plain.get(answer.headers["Location"])
    assert served.content == content
    sent = {"text/x-source": "text/plain"}.get(document["type"], document["type"])
    assert served.headers["Content-Type"].partition(";")[0] == sent
    assert served.headers["Content-Disposition"].startswith("attachment")
    assert file.expected == Ends("clean")
