"""What answers look like. Tests hold each of them against its model."""

from __future__ import annotations

from typing import Any

_HERE = "https://files.example.org/api/v1/documents/doc_01kay5v3m2q8h0c6r9w4x7t1zn"
DOCUMENT: dict[str, Any] = {
    "id": "doc_01kay5v3m2q8h0c6r9w4x7t1zn",
    "name": "report.pdf",
    "size": 48213,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "declared_type": "application/pdf",
    "type": "application/pdf",
    "state": "clean",
    "verdict": {
        "outcome": "clean",
        "reason": None,
        "inspected_at": "2026-11-19T08:30:01.250Z",
        "engines": [
            {
                "name": "clamav",
                "version": "1.4.6",
                "signatures": "27461/2026-11-19",
                "outcome": "clean",
                "finding": None,
            }
        ],
    },
    "renditions": [
        {
            "name": "thumbnail-200",
            "type": "image/webp",
            "width": 200,
            "height": 283,
            "size": 5120,
            "url": f"{_HERE}/renditions/thumbnail-200",
        }
    ],
    "created_at": "2026-11-19T08:30:00.100Z",
    "updated_at": "2026-11-19T08:30:02.000Z",
    "expires_at": None,
    "links": {
        "self": _HERE,
        "content": f"{_HERE}/content",
    },
}
