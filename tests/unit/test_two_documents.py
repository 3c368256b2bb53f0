"""One ZIP that is an Office document and an OpenDocument: looked at as both, whatever its name."""

from __future__ import annotations

import io
import zipfile

import pytest

from tests.support.acting_documents import fields
from tests.support.benign_files import DOCX, ODF, opendocument, pack, with_members, word
from uploads.documents.readers.limits import Limits
from workers.inspection import cell_structure

ODT = ODF + "text"
_SCRIPT = b"""<?xml version="1.0"?><o:document xmlns:o="o" xmlns:s="s" xmlns:x="x">
<s:event-listener x:href="vnd.sun.star.script:x"/></o:document>"""


def _reason(media_type: str, *packages: bytes) -> str | None:
    members: dict[str, bytes] = {}
    for package in packages:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            members |= {name: archive.read(name) for name in archive.namelist()}
    data = pack(members, stored=("mimetype",))
    options = {**Limits().options(), "type": media_type}
    return cell_structure.run(io.BytesIO(data), options)[0].get("reason")


@pytest.mark.parametrize(
    "hidden",
    [
        with_members(opendocument(ODT), {"content.xml": _SCRIPT}),
        with_members(opendocument(ODT), {"Basic/Standard/a.xml": b"<a/>"}),
    ],
)
def test_an_opendocument_in_an_office_document_is_looked_at(hidden: bytes) -> None:
    assert _reason(DOCX, word(), hidden) == "active-content"
    assert _reason(DOCX, hidden, word()) == "active-content"


def test_an_office_document_in_an_opendocument_is_looked_at() -> None:
    hidden = fields()["link of objects"][1]
    assert _reason(ODT, opendocument(ODT), hidden) == "active-content"
    assert _reason(ODT, opendocument(ODT), word()) is None
