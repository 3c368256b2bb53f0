"""What a client hears at each door of grants while the store is not proved, and what goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.grants import ASKED
from tests.support.program import program, services_at
from tests.support.tallied import tallied
from uploads import clock
from uploads.documents.proofs import STANDS_FOR, StoreProof
from uploads.proofs import name_of
from uploads.wiring import Services


@pytest.fixture
def services(tmp_path: Path, redis_url: str) -> Iterator[Services]:
    made = services_at(tmp_path, redis_url)
    yield made
    made.records.close()  # type: ignore[attr-defined]


@pytest.fixture
def api(services: Services, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A program with a key. What was found of the store is looked up for each request."""
    monkeypatch.setattr("uploads.proofs._KEPT_SECONDS", 0.0)
    return program(services)


def found(services: Services, **changes: Any) -> None:
    """Write down a proof as a worker does, or what it became."""
    now, name = clock.now(), name_of(services.settings)
    proof = replace(StoreProof(*name, now, proved_at=now), **changes)
    services.records.write(lambda work: work.proofs.record(proof))


def refused(answer: Any) -> bool:
    """Whether it is the refusal that says where else to go, and when to ask again."""
    if answer.status_code != 503:
        return False
    problem = answer.get_json()
    assert (problem["code"], problem["part"]) == ("unavailable", "storage")
    assert "through the service" in problem["detail"]
    assert answer.content_type == "application/problem+json"
    return bool(answer.headers["Retry-After"] == "600")


def test_every_way_to_a_signed_put_is_closed_and_nothing_is_kept(
    services: Services, api: FlaskClient
) -> None:
    """Before the first proof, after the last one that stands, and from a broken promise on."""
    with tallied() as counts:
        assert refused(api.post("/api/v1/uploads", json=ASKED))
        found(services)
        granted = api.post("/api/v1/uploads", json=ASKED)
        assert granted.status_code == 201
        path = granted.headers["Location"]
        for changes in (
            {"failed_at": clock.now(), "proved_at": None},
            {"proved_at": clock.now() - STANDS_FOR},
        ):
            found(services, **changes)
            for method in ("put", "multipart", "auto"):
                assert refused(api.post("/api/v1/uploads", json={**ASKED, "method": method}))
            assert refused(api.post(f"{path}/parts", json={"numbers": [1]}))
        found(services)
        assert api.post(f"{path}/parts", json={"numbers": [1]}).status_code == 200
    assert api.get("/api/v1/me").get_json()["quota"]["files_used"] == 1
    name = "uploads_grants_refused_total"
    refusals = Counter({one: n for one, n in counts.items() if one.startswith(name)})
    assert refusals == {f"{name} untried": 1, f"{name} disproved": 4, f"{name} lapsed": 4}


def test_a_grant_that_there_is_can_be_looked_at_and_ended(
    services: Services, api: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no requests meanwhile; its room is back as ever."""
    monkeypatch.setattr(services.granting, "received", lambda _: {})
    found(services)
    path = api.post("/api/v1/uploads", json=ASKED).headers["Location"]
    assert api.get(path).get_json()["request"] is not None
    found(services, failed_at=clock.now(), proved_at=None)
    shown = api.get(path)
    assert (shown.status_code, shown.get_json()["state"]) == (200, "open")
    assert shown.get_json()["request"] is None


def test_a_proof_that_ends_between_two_looks_leaves_no_grant(
    services: Services, api: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judged while it stood, to be signed for when it did not: whoever hears 503 has nothing."""
    found(services)
    judge = services.intake.judge_claims

    def ended(*arguments: Any) -> Any:
        judged = judge(*arguments)
        found(services, failed_at=clock.now(), proved_at=None)
        return judged

    monkeypatch.setattr(services.intake, "judge_claims", ended)
    assert refused(api.post("/api/v1/uploads", json=ASKED))
    assert api.get("/api/v1/me").get_json()["quota"]["files_used"] == 0
