"""The line that each request leaves: structlog's own, written without it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from uploads import logs

MEMBERS = {"method": "POST", "route": "/x", "status": 202, "user": None, "seconds": 0.1}


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    import logging

    root = logging.getLogger()
    before, level, quick = root.handlers[:], root.level, logs._quick
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        yield
    root.handlers[:], logs._quick = before, quick
    root.setLevel(level)
    structlog.reset_defaults()


def said(capsys: pytest.CaptureFixture[str], **members: Any) -> dict[str, Any]:
    logs.asked(**{**MEMBERS, **members})
    found: dict[str, Any] = json.loads(capsys.readouterr().err)
    return found


def test_it_is_the_line_of_structlog(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "web")
    ours = said(capsys)
    logs._quick = None
    its = said(capsys)
    assert ours.pop("timestamp")[:10] == its.pop("timestamp")[:10]
    assert ours == its


def test_what_looks_like_a_secret_is_blotted_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "web")
    key = "upk.abc.a-secret-that-nobody-may-read"
    assert "secret" not in said(capsys, method=key)["method"]
    with structlog.contextvars.bound_contextvars(request_id=key):
        assert "secret" not in said(capsys)["request_id"]


def test_nobody_is_told_what_nobody_wants(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning", "web")
    logs.asked(**MEMBERS)
    logs.probed(**MEMBERS)
    assert capsys.readouterr().err == ""
