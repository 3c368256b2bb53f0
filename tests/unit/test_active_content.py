"""Documents that act by themselves are refused, alone and inside of others; honest ones pass."""

from __future__ import annotations

import io

import pytest

from tests.support import acting_documents, acting_objects, acting_pdfs, nearby_documents
from uploads.documents.readers.limits import Limits
from workers.inspection import cell_structure

_PDFS = {f"pdf: {label}": one for label, one in acting_pdfs.hostile().items()}
_HONEST_PDFS = {f"pdf: {label}": one for label, one in acting_pdfs.HONEST.items()}
HOSTILE = acting_documents.hostile() | _PDFS | acting_objects.acting() | nearby_documents.hostile()
HONEST = acting_documents.HONEST | _HONEST_PDFS | acting_objects.honest() | nearby_documents.HONEST


def _structure(media_type: str, data: bytes) -> dict[str, object]:
    options = {**Limits().options(), "type": media_type}
    return cell_structure.run(io.BytesIO(data), options)[0]


@pytest.mark.parametrize("label", HOSTILE)
def test_a_document_that_acts_by_itself_is_refused(label: str) -> None:
    result = _structure(*HOSTILE[label])
    assert result.get("reason") == "active-content", result


@pytest.mark.parametrize("label", HONEST)
def test_an_honest_document_that_looks_alike_is_clean(label: str) -> None:
    assert _structure(*HONEST[label]) == {"outcome": "clean"}


@pytest.mark.parametrize("name", [b"Id", b"Target", b"TargetMode", b"Type"])
def test_a_template_that_says_two_things_is_refused(name: bytes) -> None:
    assert _structure(*nearby_documents.shadowed(name))["reason"] == "malformed-file"
