"""Small files go up in forms of many, and each by itself where that is not to be had."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.batch_service import BatchService, limited, posted, problem, refusal
from uploads_client import File, NotReachable, Sent
from uploads_client.forms import LARGEST, MOST_BYTES

KIB = 1024
AWAY = problem(503, "unavailable")


def texts(count: int, size: int = 20) -> list[File]:
    return [File(b"%d" % n + bytes(size), f"{n}.txt") for n in range(count)]


def form(request: httpx.Request) -> bool:
    return request.url.path.endswith("/document-batches")


def sent(service: BatchService, files: list[File], at_once: int | None = None) -> list[Sent]:
    """What became of all, in their order."""
    with service.client(stream_up_to=LARGEST) as client:
        return sorted(client.upload_all(files, at_once=at_once), key=lambda one: one.place)


def keys(service: BatchService) -> set[str]:
    return {one.headers["Idempotency-Key"] for one in service.asked}


def codes(found: list[Sent]) -> list[str | None]:
    return [getattr(one.error, "code", None) if one.error else None for one in found]


def test_many_small_files_take_few_requests_and_keep_their_places() -> None:
    service, files = BatchService(), texts(120)
    found = sent(service, files)
    assert codes(found) == [None] * 120
    assert [one.document.name for one in found if one.document] == [file.name for file in files]
    assert sorted(name for names in service.forms() for name in names) == sorted(
        str(file.name) for file in files
    )
    assert {5, 15} & {len(names) for names in service.forms()}, "shares for all who send"
    assert max(len(names) for names in service.forms()) <= 25
    digests = [one.document.sent_sha256 for one in found if one.document]
    contents = [file.content for file in files if isinstance(file.content, bytes)]
    assert digests == [hashlib.sha256(content).hexdigest() for content in contents]
    assert service.counted().keys() == {"POST document-batches"}


def test_a_form_is_not_larger_than_what_fits_in_memory_with_others() -> None:
    service = BatchService()
    assert codes(sent(service, texts(40, LARGEST - 10), at_once=1)) == [None] * 40
    assert max(len(names) for names in service.forms()) == MOST_BYTES // LARGEST


def test_what_is_refused_keeps_no_other() -> None:
    service = BatchService()
    files = [*texts(2), File(b"MZ", "a.exe"), *texts(1)]
    assert codes(sent(service, files, at_once=1)) == [None, None, "type-not-allowed", None]
    assert len(service.forms()) == 1


@pytest.mark.parametrize("name", ['a"b.txt', "a%22.txt", "a\\b.txt", "a\nb.txt", "a" * 1100])
def test_a_name_that_forms_tell_in_different_ways_goes_in_the_address(name: str) -> None:
    service = BatchService()
    found = sent(service, [*texts(2), File(b"x", name)])
    assert codes(found) == [None] * 3
    assert found[2].document is not None
    assert found[2].document.name == name
    assert [len(names) for names in service.forms()] == [2]


def test_one_alone_is_streamed_and_so_is_what_has_no_size() -> None:
    service = BatchService()

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    assert codes(sent(service, [*texts(1), File(Pipe(b"x"), "p.txt")])) == [None, None]
    assert service.counted() == {"POST documents": 2}


@pytest.mark.parametrize("status", [404, 405])
def test_an_older_service_gets_them_one_by_one(status: int) -> None:
    """It is asked as often as forms are on their way at first, and no more."""
    service = BatchService(lambda one: refusal(status, "gone") if form(one) else None)
    assert codes(sent(service, texts(60), at_once=2)) == [None] * 60
    assert service.counted()["POST documents"] == 60
    assert service.counted()["POST document-batches"] <= 2


def test_a_limit_with_room_for_some_gets_these_and_the_others_later() -> None:
    service = BatchService(limited(form, [3, None, *[0] * 9, None]))
    assert codes(sent(service, texts(5), at_once=1)) == [None] * 5
    assert [len(names) for names in service.forms()] == [5, 3, *[2] * 10]


def test_a_service_that_takes_fewer_gets_fewer() -> None:
    def narrow(request: httpx.Request) -> httpx.Response | None:
        if form(request) and len(posted(request)) > 2:
            return refusal(422, "invalid", errors=[{"pointer": "file"}])
        return None

    assert codes(sent(BatchService(narrow), texts(9), at_once=1)) == [None] * 9


def test_what_a_part_that_is_away_refused_is_sent_again_under_its_key() -> None:
    """What is told of it may be wrong: its commit may have been done and not confirmed."""
    away = iter([True])

    def first(request: httpx.Request) -> httpx.Response | None:
        if not form(request) or not next(away, False):
            return None
        items = service.usual(request).json()["items"]
        return httpx.Response(200, json={"items": [*items[:2], {"problem": AWAY}]})

    service = BatchService(first)
    assert codes(sent(service, texts(3), at_once=1)) == [None] * 3
    assert service.counted() == {"POST document-batches": 2}
    assert len(keys(service)) == 1


def test_what_stays_away_keeps_none_of_the_others_documents() -> None:
    def last(request: httpx.Request) -> httpx.Response | None:
        if len(service.asked) > 1:
            return refusal(503, "unavailable")
        items = service.usual(request).json()["items"]
        return httpx.Response(200, json={"items": [*items[:2], {"problem": AWAY}]})

    service = BatchService(last)
    assert codes(sent(service, texts(3), at_once=1)) == [None, None, "unavailable"]
    assert len(keys(service)) == 1


def test_what_may_be_there_goes_under_no_other_key() -> None:
    """The answer was lost, and then a limit has room for some only: they wait for all of it."""
    trouble = iter([httpx.ReadError("gone"), *[2] * 3])

    def breaks(request: httpx.Request) -> httpx.Response | None:
        match next(trouble, None):
            case None:
                return None
            case int(room):
                headers = {"Retry-After": "0", "RateLimit": f'"user";r={room};t=1'}
                return refusal(429, "rate-limited", headers)
            case error:
                service.usual(request)
                raise error

    service = BatchService(breaks)
    assert codes(sent(service, texts(5), at_once=1)) == [None] * 5
    assert len(keys(service)) == 1
    assert {len(names) for names in service.forms()} == {5}


def test_a_file_that_grew_meanwhile_is_not_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "0.txt"
    path.write_bytes(b"x")

    def growing() -> Iterator[File]:
        yield File(path)
        path.write_bytes(bytes(LARGEST + 1))
        yield from texts(3)[1:]

    service = BatchService()
    with service.client(stream_up_to=LARGEST) as client:
        assert codes(list(client.upload_all(growing()))) == [None] * 3
    assert service.counted()["POST documents"] == 1
    assert sorted(name for names in service.forms() for name in names) == ["1.txt", "2.txt"]


def test_where_nobody_answers_nothing_more_is_begun() -> None:
    def silent(request: httpx.Request) -> httpx.Response | None:
        raise httpx.ConnectError("nobody")

    service = BatchService(silent)
    found = sent(service, texts(60), at_once=1)
    assert isinstance(found[0].error, NotReachable)
    assert {type(one.error).__name__ for one in found} == {"NotReachable", "NotDone"}
    assert {len(names) for names in service.forms()} == {25}


def test_a_broken_connection_sends_the_same_form_under_the_same_key() -> None:
    broken = iter([True])

    def breaks(request: httpx.Request) -> httpx.Response | None:
        if next(broken, False):
            service.usual(request)
            raise httpx.ReadError("gone")
        return None

    service = BatchService(breaks)
    assert codes(sent(service, texts(3), at_once=1)) == [None] * 3
    first, second = service.asked
    assert first.content == second.content
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
