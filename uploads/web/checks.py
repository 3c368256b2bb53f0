"""What the page's script asks before it uploads a file: whether its name and beginning would do.

Browsers take an answer in the middle of an upload only as an error, which they also write into
their console, and only after megabytes went up. So the script asks first. The answer is advice:
the doors that take files judge for themselves what really comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flask import Response, jsonify, request

from uploads import bodies
from uploads.bodies import Part
from uploads.documents.errors import Invalid, UploadsError
from uploads.documents.intake import Offer
from uploads.documents.model import Scope
from uploads.errors import problem
from uploads.security import csrf
from uploads.security.principals import require_actor, services
from uploads.web import blueprint

# A head of 4 KiB, its part's header of at most 8 KiB, and the lines of the form.
_FORM_BYTES = 16 * 1024
_SIZE = re.compile(r"[0-9]{1,15}")


@blueprint.post("/upload-check")
def check() -> Response:
    """Say what an upload of this file would be refused for, if for anything that shows already.

    The form has the field `size`, in bytes, then the part `file` under the file's own name and
    type with its first 4 KiB: the same part as in the upload, so that both are read alike.
    """
    require_actor(Scope.DOCUMENTS_WRITE)
    csrf.check(request.headers.get(csrf.HEADER))
    offer, head = _question(bodies.small_form_parts(request, _FORM_BYTES))
    try:
        services().intake.check(offer, head)
    except UploadsError as error:
        return jsonify(problem=problem(error))
    return jsonify(problem=None)


def _question(parts: Iterator[Part]) -> tuple[Offer, bytes]:
    """Raises Invalid for any other form."""
    size = _size(next(parts, None))
    file = next(parts, None)
    if file is None or file.field != "file" or file.filename is None:
        raise _wrong("file", "the file's beginning is expected")
    head = b"".join(file.pieces)
    for part in parts:
        raise _wrong(part.field, "unknown field")
    return Offer(file.filename, file.content_type, declared_size=size), head


def _size(part: Part | None) -> int:
    text = part.text() if part is not None and part.field == "size" else ""
    if not _SIZE.fullmatch(text):
        raise _wrong("size", "the number of the file's bytes is expected")
    return int(text)


def _wrong(pointer: str, detail: str) -> Invalid:
    return Invalid(errors=[{"pointer": pointer, "detail": detail}])
