"""A refusal under an Idempotency-Key is told again as it was, whatever other answers veil."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.program import program, services_at


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        ("links", {"documents": ["doc_nobodys"]}, 404),
        ("links", {"documents": []}, 422),
        ("keys", {"name": "x", "scopes": ["admin"]}, 422),
        ("webhooks", {"url": "http://example.org/"}, 422),
    ],
)
def test_a_problem_is_told_again_to_the_byte(
    tmp_path: Path, path: str, sent: dict[str, Any], status: int
) -> None:
    with program(services_at(tmp_path, "redis://127.0.0.1:9")) as api:
        asked = {"json": sent, "headers": {"Idempotency-Key": "one"}}
        first, second = (api.post(f"/api/v1/{path}", **asked) for _ in range(2))
    assert (first.status_code, second.status_code) == (status, status), first.text
    assert (second.content_type, second.data) == (first.content_type, first.data)
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
