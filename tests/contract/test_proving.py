"""Whether a store may be signed for: found out with rclone, with fronts before it and with stores
that keep no promise; what is written down of it, and what a grant then is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from tests.support.checking_store import checking
from tests.support.granted import DIGEST, give
from tests.support.lax_store import Powers, lax_store
from tests.support.line import TEXT, Line
from tests.support.ports import free_port
from tests.support.s3 import ACCESS_KEY, SECRET_KEY, client, running_s3
from uploads.config import Settings
from uploads.documents.errors import RecordsUnavailable, StoreUnproved
from uploads.documents.granting import SignedRequest
from uploads.documents.proofs import STANDS_FOR, Standing, StoreProof
from uploads.proofs import LastProof
from uploads.storage.protocol import Bucket
from uploads.storage.s3 import S3
from workers.doctor.trial import Trial
from workers.proving import Prover


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_s3(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path)
    made.proof = None
    yield made
    made.records.close()


def named(endpoint: str, public: str = "", **more: Any) -> Settings:
    """Settings of this store, known to clients under another address where one is given."""
    keys = {"s3_access_key": ACCESS_KEY, "s3_secret_key": SECRET_KEY, **more}
    return Settings(s3_endpoint=endpoint, s3_public_url=public, **keys)


def prover(line: Line, settings: Settings) -> Prover:
    return Prover(settings=settings, records=line.records, clock=line.clock)


def proved(line: Line, settings: Settings) -> StoreProof:
    """What a try writes down; grants go by it from now on."""
    prover(line, settings).prove()
    line.proof = LastProof(line.records, settings).read()
    assert line.proof is not None
    assert line.proof.tried_at == line.now
    return line.proof


def signed(line: Line, s3: S3) -> SignedRequest:
    """The request of a grant whose client promised a digest."""
    line.granting._storage = s3
    (made,) = line.granting.requests(give(line, expected_sha256=DIGEST), [1])
    return made


def names(request: SignedRequest) -> list[str]:
    return parse_qs(urlsplit(request.url).query)["X-Amz-SignedHeaders"]


def put(request: SignedRequest, body: bytes) -> int:
    headers = dict(request.headers)
    return urllib3.request("PUT", request.url, body=body, headers=headers, retries=False).status


def test_rclone_is_proved_without_checksums_and_nothing_stays_there(
    endpoint: str, line: Line
) -> None:
    found = proved(line, named(endpoint))
    assert (found.standing(line.now), found.found) == (Standing.PROVED, "")
    assert (found.checks_sha256, found.failed_at) == (False, None)
    s3 = client(endpoint)
    request = signed(line, s3)
    assert names(request) == ["content-length;content-type;host"]
    assert list(s3.list(Bucket.INCOMING)) == []


def test_a_store_that_looks_at_checksums_has_them_signed(endpoint: str, line: Line) -> None:
    with checking(endpoint) as front:
        s3 = client(endpoint, front)
        assert proved(line, named(endpoint, front)).checks_sha256
        request = signed(line, s3)
        assert names(request) == [
            "content-length;content-type;host;x-amz-checksum-sha256;x-amz-sdk-checksum-algorithm"
        ]
        assert put(request, TEXT.swapcase()) == 400
        assert list(s3.list(Bucket.INCOMING)) == []
        assert put(request, TEXT) == 200
        for one in s3.list(Bucket.INCOMING):
            s3.delete(Bucket.INCOMING, one.key)


@pytest.mark.parametrize("flaw", ["keeps", "refuses_all"])
def test_only_who_refuses_the_wrong_one_and_takes_the_right_one_looks_at_checksums(
    endpoint: str, line: Line, flaw: str
) -> None:
    """Grants may be had there all the same."""
    with checking(endpoint, **{flaw: True}) as front:
        found = proved(line, named(endpoint, front))
    assert (found.standing(line.now), found.checks_sha256) == (Standing.PROVED, False)


@pytest.mark.parametrize("powers", [Powers(), Powers(refuses=True)])
def test_a_store_that_keeps_no_promise_gets_no_grant(line: Line, powers: Powers) -> None:
    """Neither who takes anything from anybody, nor who takes nothing at all."""
    with lax_store(powers) as lax:
        found = proved(line, named(lax))
        assert found.standing(line.now) is Standing.DISPROVED
        assert "signatures: " in found.found
        with pytest.raises(StoreUnproved):
            signed(line, client(lax))


@pytest.mark.parametrize("promise", ["_signatures", "_expiry", "_length", "_type", "_strangers"])
def test_each_promise_counts(
    endpoint: str, line: Line, promise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is broken ends a proof, whatever else is kept; kept again, it is proved again."""
    settings = named(endpoint)
    assert proved(line, settings).standing(line.now) is Standing.PROVED
    from workers.doctor import store
    from workers.doctor.findings import Finding, State

    whole = getattr(store, promise)

    def broken(trial: Trial) -> Finding:
        found = whole(trial)
        return Finding(found.part, found.name, State.BROKEN, "staged")

    monkeypatch.setattr(store, promise, broken)
    assert proved(line, settings).standing(line.now) is Standing.DISPROVED
    monkeypatch.undo()
    assert proved(line, settings).standing(line.now) is Standing.PROVED


def test_a_store_that_is_away_has_its_last_proof_for_some_hours(
    endpoint: str, line: Line, tmp_path: Path
) -> None:
    """And no longer: what cannot be found out is not known."""
    port = free_port()
    settings = named(f"http://127.0.0.1:{port}")
    with running_s3(tmp_path / "s3", port):
        assert proved(line, settings).standing(line.now) is Standing.PROVED
    line.later(hours=1)
    away = proved(line, settings)
    assert (away.standing(line.now), away.failed_at) == (Standing.PROVED, None)
    assert away.found.startswith("signatures: ")
    line.later(seconds=STANDS_FOR.total_seconds() - 3601)
    assert line.granting.may_sign()
    line.later(seconds=1)
    assert proved(line, settings).standing(line.now) is Standing.LAPSED
    with pytest.raises(StoreUnproved):
        signed(line, client(endpoint))


def test_keys_that_the_store_refuses_end_the_proof_at_once(endpoint: str, line: Line) -> None:
    """It is not away: what would be signed with them it would refuse as well."""
    assert proved(line, named(endpoint)).standing(line.now) is Standing.PROVED
    found = proved(line, named(endpoint, s3_secret_key="that-of-another-store"))
    assert found.standing(line.now) is Standing.DISPROVED
    assert "answered 403" in found.found
    assert proved(line, named(endpoint)).standing(line.now) is Standing.PROVED


def test_what_never_answered_is_not_proved(endpoint: str, line: Line) -> None:
    """Neither the store itself, nor a front that only fails."""
    nobody = f"http://127.0.0.1:{free_port()}"
    assert proved(line, named(nobody)).standing(line.now) is Standing.UNTRIED
    with checking(endpoint, fails=True) as front:
        found = proved(line, named(endpoint, front))
    assert found.standing(line.now) is Standing.UNTRIED
    assert "Signature" not in found.found


def test_one_that_is_not_reached_from_here_is_tried_under_its_name(
    endpoint: str, line: Line
) -> None:
    public = f"http://127.0.0.1:{free_port()}"
    found = proved(line, named(endpoint, public))
    assert (found.address, found.standing(line.now)) == (public, Standing.PROVED)
    assert not found.checks_sha256


def test_it_is_tried_again_where_that_is_due(
    line: Line, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    find = Prover._find

    def counted(self: Prover) -> Any:
        tried.append(len(tried))
        return find(self)

    monkeypatch.setattr(Prover, "_find", counted)
    made = prover(line, named(endpoint))
    for minutes, times in ((0, 1), (10, 1), (49, 1), (1, 2), (10, 2)):
        line.later(minutes=minutes)
        made.renew()
        assert len(tried) == times
    with lax_store(Powers()) as lax:
        doubtful = prover(line, named(lax))
        for times in (3, 4):
            doubtful.renew()
            assert len(tried) == times


def test_a_database_that_is_away_stops_no_worker(
    line: Line, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: object) -> None:
        raise RecordsUnavailable("staged")

    monkeypatch.setattr(line.records, "write", away)
    prover(line, named(endpoint)).prove()
    monkeypatch.setattr(line.records, "glance", away)
    prover(line, named(endpoint)).renew()
    monkeypatch.undo()
    assert LastProof(line.records, named(endpoint)).read() is None
