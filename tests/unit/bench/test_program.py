"""What the benchmark's ordinary program sends is what the lean clients send, and is counted so."""

from __future__ import annotations

from itertools import count

import pytest

from bench.load import clients, program
from bench.load.plan import Plan
from bench.load.upload import Upload, form_upload, raw_upload
from tests.support.answering import answering, serving
from tests.support.ports import free_port

SIZE = 200_001


def made(kind: str, port: int) -> Upload:
    if kind == "raw":
        return raw_upload("PUT", "/a?b=c", port, SIZE, 201)
    return form_upload("/forms", port, SIZE, 201, "a.mp4", "file", fields=(("act", "put"),))


@pytest.mark.parametrize("kind", ["raw", "form"])
def test_both_kinds_of_clients_send_the_same(kind: str) -> None:
    """More uploads than threads; each whole, and each counted once."""
    seen: list[tuple[str, bytes]] = []
    with serving(answering(201, seen)) as port:
        lean = clients.run(Plan(port, 1), [made(kind, port)])
        outcome = program.run(Plan(port, 3, program=True), [made(kind, port)] * 10)
    assert (lean.succeeded, outcome.succeeded, outcome.failures) == (1, 10, {})
    assert seen == seen[:1] * 11
    assert len(seen[0][1]) >= SIZE


def test_a_target_is_signed_when_its_file_is_sent() -> None:
    seen: list[tuple[str, bytes]] = []
    numbers = count()
    late = Upload(*raw_parts(), expected=200, sign=lambda: f"/signed-{next(numbers)}")
    with serving(answering(200, seen)) as port:
        program.run(Plan(port, 1, program=True), [late] * 3)
    assert [what for what, _ in seen] == ["PUT /signed-0", "PUT /signed-1", "PUT /signed-2"]


def raw_parts() -> tuple[bytes, int, bytes]:
    upload = raw_upload("PUT", "/", 80, 1000, 200)
    return upload.head, upload.filler, upload.tail


def test_another_status_is_a_failure() -> None:
    with serving(answering(503, [])) as port:
        outcome = program.run(Plan(port, 2, program=True), [made("raw", port)] * 4)
    assert (outcome.succeeded, outcome.failures) == (0, {"status 503": 4})


def test_nobody_there_is_a_failure() -> None:
    port = free_port()
    outcome = program.run(Plan(port, 2, program=True), [made("raw", port)] * 3)
    assert outcome.failures == {"NewConnectionError": 3}
