"""Wherever a PDF keeps a file it is looked at, or the PDF is not clean."""

from __future__ import annotations

import io
from typing import Any

import pytest

from tests.support import pdf_places
from uploads.documents.readers.limits import Limits
from workers.inspection import cell_structure, cell_yara, rulebook
from workers.inspection.rulebook import RULES_DIR

VIRUS, REFUSED, HONEST = pdf_places.hidden_virus(), pdf_places.refused(), pdf_places.honest()


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    rules = {"folders": [str(RULES_DIR)], "signatures": rulebook.digest(RULES_DIR)}
    cell_yara.warm_up({**Limits().options(), **rules})


def _ask(task: Any, media_type: str, data: bytes) -> dict[str, Any]:
    found, _ = task.run(io.BytesIO(data), {**Limits().options(), "type": media_type})
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize("label", VIRUS)
def test_a_virus_is_found_in_every_place(label: str) -> None:
    """And is shown as a member, so that every engine sees it."""
    assert _ask(cell_yara, *VIRUS[label])["finding"] == "EICAR_Test_File"
    assert _ask(cell_structure, *VIRUS[label]) == {"outcome": "clean"}


@pytest.mark.parametrize("label", REFUSED)
def test_what_cannot_be_looked_at_is_never_clean(label: str) -> None:
    media_type, data, reason = REFUSED[label]
    assert _ask(cell_structure, media_type, data).get("reason") == reason


@pytest.mark.parametrize("label", HONEST)
def test_honest_files_and_revisions_are_clean(label: str) -> None:
    assert _ask(cell_structure, *HONEST[label]) == {"outcome": "clean"}
    assert _ask(cell_yara, *HONEST[label]) == {"outcome": "clean"}
