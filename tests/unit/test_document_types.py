"""Document types in OpenDocuments: two that OpenOffice 2 named pass, as it wrote them."""

from __future__ import annotations

import io

import pytest

from tests.support.benign_files import ODF, opendocument, pack, with_members
from uploads.documents.readers.limits import Limits
from workers.inspection import cell_structure

ODT = ODF + "text"
MANIFEST = 'manifest:manifest PUBLIC "-//OpenOffice.org//DTD Manifest 1.0//EN" "Manifest.dtd"'
MATH = 'math:math PUBLIC "-//OpenOffice.org//DTD Modified W3C MathML 1.01//EN" "math.dtd"'


def _named(doctype: str, text: str = "x") -> bytes:
    """A part with this document type."""
    root = doctype.partition(" ")[0]
    spaces = f'xmlns:{root.partition(":")[0]}="u"'
    return f'<?xml version="1.0"?><!DOCTYPE {doctype}><{root} {spaces}>{text}</{root}>'.encode()


def _reason(data: bytes, media_type: str = ODT) -> str | None:
    options = {**Limits().options(), "type": media_type}
    return cell_structure.run(io.BytesIO(data), options)[0].get("reason")


def _with(part: bytes) -> bytes:
    return with_members(opendocument(ODT), {"Object 1/content.xml": part})


def test_documents_of_openoffice_2_are_clean() -> None:
    manifest = {"META-INF/manifest.xml": _named(MANIFEST), "Object 1/content.xml": _named(MATH)}
    document = with_members(opendocument(ODT), manifest)
    assert _reason(document) is None
    assert _reason(pack({"a.odt": document}), "application/zip") is None


@pytest.mark.parametrize(
    "doctype",
    [
        "math:math",
        'math:math SYSTEM "math.dtd"',
        MATH.replace('"math.dtd"', '"file:///etc/passwd"'),
        MATH.replace('"math.dtd"', '"http://127.0.0.1:9/math.dtd"'),
        MATH.replace('"math.dtd"', '"../math.dtd"'),
        MATH.replace('"math.dtd"', '"Manifest.dtd"'),
        MATH.replace("-//OpenOffice.org", "-//W3C"),
        MATH.replace("math:math", "office:document-content"),
        MATH + " []",
        MATH + ' [<!ENTITY a "b">]',
        MATH + ' [<!ENTITY % a SYSTEM "http://127.0.0.1:9/x"> %a;]',
        MANIFEST + ' [<!ATTLIST manifest:manifest a CDATA "b">]',
    ],
)
def test_any_other_document_type_is_refused(doctype: str) -> None:
    assert _reason(_with(_named(doctype))) == "malformed-file"


def test_entities_of_a_document_type_that_nobody_read_are_refused() -> None:
    assert _reason(_with(_named(MATH, "&a;"))) == "malformed-file"
