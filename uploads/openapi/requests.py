"""What a file can be sent as, and what any door may refuse it for."""

from __future__ import annotations

from uploads.documents import errors
from uploads.openapi.describing import Content

FORM = Content(
    "multipart/form-data",
    {
        "type": "object",
        "properties": {
            "file": {
                "type": "string",
                "contentMediaType": "application/octet-stream",
                "description": "The file, under its own name.",
            }
        },
        "required": ["file"],
        "additionalProperties": False,
    },
)
MOST_FILES = 50
"""In one request, whichever way they go."""
FILES = Content(
    "multipart/form-data",
    {
        "type": "object",
        "properties": {
            "file": {
                "type": "array",
                "items": {"type": "string", "contentMediaType": "application/octet-stream"},
                "minItems": 1,
                "maxItems": MOST_FILES,
                "description": "The files, each under its own name.",
            },
            "sha256": {
                "type": "array",
                "items": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                "description": "The digest of each file, in their order; anywhere in the form.",
            },
        },
        "required": ["file"],
        "additionalProperties": False,
    },
)
RAW = Content(
    "application/octet-stream",
    {"description": "The file's bytes. Any other type but that of forms may be declared as well."},
)
"""The name is then in Content-Disposition, or in `?name=`."""

CLAIMS = (
    errors.BadName,
    errors.EmptyFile,
    errors.FileTooLarge,
    errors.QuotaExceeded,
    errors.StorageFull,
    errors.TypeMismatch,
    errors.TypeNotAllowed,
)
"""Why a file is refused by what is said of it."""
REFUSALS = (*CLAIMS, errors.MalformedFile)
"""Why a file is refused while it comes in."""
