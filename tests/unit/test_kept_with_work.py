"""Under an Idempotency-Key nothing is ever committed without its answer, at whatever moment a
process dies: looked at after each commit of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Table, func, select

from tests.support.grants import ASKED
from tests.support.program import program, services_at
from uploads import clock
from uploads.documents.proofs import StoreProof
from uploads.proofs import name_of
from uploads.records.outbox_tables import webhooks
from uploads.records.protocol import Work
from uploads.records.sql import SqlRecords, SqlWork
from uploads.records.tables import answers, api_keys, grants
from uploads.wiring import Services


@pytest.fixture
def services(tmp_path: Path, redis_url: str) -> Iterator[Services]:
    made = services_at(tmp_path, redis_url, webhook_http=True)
    now = clock.now()
    proof = StoreProof(*name_of(made.settings), now, proved_at=now)
    made.records.write(lambda work: work.proofs.record(proof))
    yield made
    assert isinstance(made.records, SqlRecords)
    made.records.close()


@pytest.fixture
def api(services: Services) -> FlaskClient:
    return program(services)


def counted(services: Services, table: Table) -> tuple[int, int]:
    """How many were made, and how many answers that tell of one are kept."""

    def look(work: Work) -> tuple[int, int]:
        assert isinstance(work, SqlWork)
        made = select(func.count()).select_from(table)
        told = select(func.count()).select_from(answers).where(answers.c.status < 300)
        return work.connection.scalar(made) or 0, work.connection.scalar(told) or 0

    return services.records.read(look)


@pytest.mark.parametrize(
    ("path", "asked", "table", "count"),
    [
        ("/uploads", ASKED, grants, 1),
        ("/upload-batches", {"uploads": [ASKED] * 9}, grants, 9),
        ("/keys", {"name": "a", "scopes": ["documents:read"]}, api_keys, 1),
        ("/webhooks", {"url": "https://receiver.example/"}, webhooks, 1),
    ],
)
def test_after_each_commit_there_are_as_many_answers_as_things(
    services: Services,
    api: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    asked: dict[str, Any],
    table: Table,
    count: int,
) -> None:
    before, _ = counted(services, table)
    honest, seen = services.records.write, list[tuple[int, int]]()

    def write(unit: Callable[[Work], Any]) -> Any:
        done = honest(unit)
        made, told = counted(services, table)
        seen.append((made - before, told))
        return done

    monkeypatch.setattr(services.records, "write", write)
    answer = api.post(f"/api/v1{path}", json=asked, headers={"Idempotency-Key": "k"})
    assert answer.status_code in {200, 201}, answer.text
    assert seen[-1] == (count, count)
    assert [made for made, told in seen if made != told] == []
