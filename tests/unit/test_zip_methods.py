"""What is packed in a ZIP by bzip2 or LZMA is opened, and held to the same bounds as the rest."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.support import zip_methods
from tests.support.costs import Accounted, subject_of
from uploads.documents.model import Outcome
from uploads.documents.policy import TAIL_BYTES
from uploads.documents.readers.limits import Limits
from uploads.documents.readers.reading import Reading
from workers.inspection import cell_structure
from workers.inspection.structure import Structure
from workers.inspection.yara import Yara

ZIP = "application/zip"
HONEST, INFECTED, REFUSED = (
    zip_methods.honest(),
    zip_methods.infected(),
    zip_methods.refused(),
)


def _structure(data: bytes) -> dict[str, object]:
    return cell_structure.run(io.BytesIO(data), {**Limits().options(), "type": ZIP})[0]


@pytest.mark.parametrize("label", HONEST)
def test_an_honest_one_is_clean(label: str) -> None:
    reading = Reading(ZIP, Limits(), TAIL_BYTES)
    reading.feed(HONEST[label])
    reading.close()
    assert _structure(HONEST[label]) == {"outcome": "clean"}


@pytest.mark.parametrize("label", REFUSED)
def test_what_is_not_what_it_says_is_refused(label: str) -> None:
    data, reason = REFUSED[label]
    found = _structure(data)
    assert (found["outcome"], found["reason"]) == ("unscannable", reason)


def test_a_virus_in_one_is_found_at_little_cost(tmp_path: Path) -> None:
    """In the real cell, whose child can load no library and has little memory."""
    cell = Accounted()
    try:
        for data in INFECTED.values():
            subject = subject_of(tmp_path, ZIP, data)
            assert Yara(cell).inspect(subject).outcome is Outcome.INFECTED
        for data in (HONEST["bzip2"], HONEST["lzma"]):
            assert Structure(cell).inspect(subject_of(tmp_path, ZIP, data)).outcome is Outcome.CLEAN
        cell.was_cheap()
    finally:
        cell.close()
