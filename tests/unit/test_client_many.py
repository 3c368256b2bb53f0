"""Many files at once: which way each goes, and what one is to the others when it is in trouble."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import httpx
import pytest

from tests.support.batch_service import BatchService, limited, problem, refusal
from uploads_client import Client, DigestMismatch, File, NotDone, NotReachable, Sending, Sent

KIB = 1024


def texts(count: int, ending: str = "txt") -> list[File]:
    return [File(f"content {n}".encode(), f"{n}.{ending}") for n in range(count)]


def outcomes(client: Client, files: list[File], at_once: int | None = None) -> list[Sent]:
    """What became of all, in their order."""
    with client.upload_all(files, at_once=at_once) as sending:
        found = list(sending)
        assert sorted(one.place for one in found) == list(range(len(files)))
        return sending.ended


def codes(found: list[Sent]) -> list[str | None]:
    return [getattr(one.error, "code", None) if one.error else None for one in found]


def batch(request: httpx.Request) -> bool:
    return request.url.path.endswith("/upload-batches")


def test_many_files_take_few_requests_and_keep_their_places() -> None:
    """The first batch is small; each outcome says of which file it is."""
    service, files = BatchService(), texts(40)
    with service.client() as client:
        found = outcomes(client, files)
    assert [one.content for one in found] == files
    assert [one.document.id for one in found if one.document] == [f"doc_{n}" for n in range(40)]
    digests = [hashlib.sha256(f"content {n}".encode()).hexdigest() for n in range(40)]
    assert [one.document.sent_sha256 for one in found if one.document] == digests
    assert [len(one) for one in service.batches()] == [8, 25, 7]
    assert len(service.batches("/complete")) <= 4
    assert all(one["sha256"] for one in service.granted.values())
    assert service.aborted == []


def test_the_size_decides_about_the_way() -> None:
    service = BatchService()
    sizes = (1, 256 * KIB, 256 * KIB + 1, 600 * KIB)
    files = [File(bytes(size), f"{size}.txt") for size in sizes]
    with service.client(stream_up_to=512 * KIB, put_up_to=512 * KIB) as client:
        told: list[tuple[int, int | None]] = []
        found = list(client.upload_all(files, progress=lambda *now: told.append(now)))
    assert service.counted()["POST documents"] == 0
    assert service.forms() == [["1.txt", "262144.txt"]]
    assert service.batches() == [["262145.txt"]]
    assert found[-1].place == 3  # by itself, when all others have ended
    assert json.loads(service.asked[-3].content)["method"] == "multipart"
    assert told[-1] == (1112 * KIB + 2, 1112 * KIB + 2)


def test_what_is_refused_keeps_no_other(tmp_path: Path) -> None:
    """By the service, and by this machine."""
    service = BatchService()
    files = [*texts(2), *texts(1, "exe"), File(tmp_path / "missing.txt"), File(b"x")]
    with service.client() as client:
        found = outcomes(client, files)
    assert [one.document is not None for one in found] == [True, True, False, False, False]
    refused = found[2].error
    assert codes(found)[2] == "type-not-allowed"
    assert refused is not None
    assert getattr(refused, "members", {})["allowed"] == ["text/plain"]
    assert [type(one.error) for one in found[3:]] == [FileNotFoundError, ValueError]


@pytest.mark.parametrize("status", [404, 405, 503])
def test_a_service_that_cannot_grant_many_gets_them_one_by_one(status: int) -> None:
    """It is asked once; what is too large to be streamed is granted alone."""
    service = BatchService(lambda one: refusal(status, "gone", LATER) if batch(one) else None)
    files = [File(bytes(300 * KIB), f"{n}.txt") for n in range(6)]
    files.append(File(bytes(600 * KIB), "large.txt"))
    with service.client(stream_up_to=512 * KIB) as client:
        found = outcomes(client, files)
    assert codes(found) == [None] * 7
    assert service.counted()["POST upload-batches"] == 1
    assert service.counted()["POST documents"] == 6
    assert service.counted()["POST uploads"] == 1


LATER = {"Retry-After": "600"}


def test_a_limit_with_room_for_some_gets_these_and_the_others_later() -> None:
    """Three of five at once; the others wait as they are told, more often than tries are made."""
    service = BatchService(limited(batch, [3, None, *[0] * 9, None]))
    with service.client() as client:
        assert codes(outcomes(client, texts(5), at_once=5)) == [None] * 5
    sizes = [len(one) for one in service.batches()]
    assert sizes == [5, 3, *[2] * 10]
    assert len(service.granted) == 5


def test_a_service_that_never_lets_so_many_in_is_asked_for_fewer() -> None:
    def narrow(request: httpx.Request) -> httpx.Response | None:
        many = batch(request) and len(json.loads(request.content)["uploads"]) > 2
        return refusal(422, "invalid", errors=[{"pointer": "/uploads"}]) if many else None

    service = BatchService(narrow)
    with service.client() as client:
        assert codes(outcomes(client, texts(9))) == [None] * 9
    assert [len(one) for one in service.batches()] == [8, 4, 2, 2, 2, 2, 1]


def test_one_that_spoils_a_batch_is_refused_alone() -> None:
    def picky(request: httpx.Request) -> httpx.Response | None:
        return (
            refusal(400, "malformed") if batch(request) and b'"3.txt"' in request.content else None
        )

    with BatchService(picky).client() as client:
        found = outcomes(client, texts(6))
    assert codes(found) == [None, None, None, "malformed", None, None]


def test_what_the_store_lost_is_sent_again() -> None:
    """What is lost again and again ends, and its grant is given back."""
    service = BatchService()
    lost = {"upl_0": 1, "upl_1": 99}

    def forgetful(request: httpx.Request) -> httpx.Response | None:
        upload = request.url.path.strip("/")
        if request.method != "PUT" or not lost.get(upload):
            return None
        lost[upload] -= 1
        return httpx.Response(200)

    service.meddle = forgetful
    with service.client() as client:
        assert codes(outcomes(client, texts(3))) == [None, "incomplete", None]
    assert service.counted()["PUT upl_0"] == 2
    assert service.counted()["PUT upl_1"] == 3
    assert service.aborted == ["upl_1"]


def test_a_signature_whose_time_is_over_is_asked_for_anew() -> None:
    service = BatchService()
    old = iter([httpx.Response(403)])
    service.meddle = lambda one: next(old, None) if one.method == "PUT" else None
    with service.client() as client:
        assert codes(outcomes(client, texts(1))) == [None]
    assert service.counted()["POST parts"] == 1


def test_bytes_that_are_others_by_then_end_only_their_file() -> None:
    service = BatchService()

    def altered(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != "/upl_1":
            return None
        service.stored["upl_1"] = b"something else"
        return httpx.Response(200)

    service.meddle = altered
    with service.client() as client:
        found = outcomes(client, texts(3))
    assert isinstance(found[1].error, DigestMismatch)
    assert codes(found) == [None, "digest-mismatch", None]
    assert service.aborted[0] == "doc_1"


def test_a_part_of_the_service_that_is_away_for_one_is_asked_again() -> None:
    service = BatchService()
    away = iter([{"items": [{"problem": problem(503, "unavailable")}]}])

    def first(request: httpx.Request) -> httpx.Response | None:
        told = next(away, None) if request.url.path.endswith("/complete") else None
        return None if told is None else httpx.Response(200, json=told)

    service.meddle = first
    with service.client() as client:
        assert codes(outcomes(client, texts(1))) == [None]


def test_where_nobody_answers_nothing_more_is_begun() -> None:
    def away(request: httpx.Request) -> httpx.Response | None:
        raise httpx.ConnectError("refused")

    service = BatchService(away)
    with service.client() as client:
        found = outcomes(client, [File(b"a", f"{n}.txt") for n in range(50)], at_once=2)
    assert len(service.asked) <= 2 * 5
    kinds = {type(one.error) for one in found}
    assert kinds == {NotReachable, NotDone}


def test_an_answer_of_too_few_things_is_none() -> None:
    service = BatchService(
        lambda one: httpx.Response(200, json={"items": []}) if batch(one) else None
    )
    with service.client() as client:
        assert codes(outcomes(client, texts(2))) == ["unreadable-answer"] * 2


def test_nothing_to_send_is_nothing_sent() -> None:
    service = BatchService()
    with service.client() as client:
        assert list(client.upload_all([])) == []
        with pytest.raises(ValueError, match="at_once"):
            client.upload_all([], at_once=0)
        assert isinstance(client.upload_all([]), Sending)
    assert service.asked == []
