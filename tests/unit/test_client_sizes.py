"""A file that the service would refuse for its size is refused before it is read."""

from __future__ import annotations

import hashlib
import io
import os

import httpx
import pytest
from rich.progress import Progress as Bar

from uploads_client import Client, Method, Retries, UploadsError
from uploads_client.progress import Shown

MIB = 1024 * 1024
GIB = 1024 * MIB
POLICY = {
    "types": [
        {"extensions": ["jpg", "jpeg"], "max_bytes": 100 * MIB},
        {"extensions": ["mp4"], "max_bytes": 10 * GIB},
    ],
    "max_file_bytes": 10 * GIB,
}


class Untouched(io.BytesIO):
    """So many bytes, of which nobody may read one."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._size if whence == os.SEEK_END else offset

    def read(self, size: int | None = -1) -> bytes:
        raise InterruptedError("somebody reads it")


class Service:
    """Says what it takes, to keys that may ask, and refuses whatever it is offered."""

    def __init__(self, policy: int = 200) -> None:
        self.policy, self.asked = policy, list[str]()

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path.removeprefix("/api/v1"))
        if request.url.path == "/api/v1/policy":
            return httpx.Response(self.policy, json=POLICY)
        problem = {"code": "file-too-large", "detail": "Too large.", "limit": 10 * GIB}
        headers = {"Content-Type": "application/problem+json"}
        return httpx.Response(413, json=problem, headers=headers)


def sent(
    service: Service, content: bytes | Untouched, name: str = "film.mp4", method: Method = "auto"
) -> UploadsError:
    """What becomes of an upload."""
    transport = httpx.MockTransport(service.answer)
    retries = Retries(first=0)
    with (
        Client("http://service.test", "a-key", transport=transport, retries=retries) as client,
        pytest.raises(UploadsError) as refused,
    ):
        client.upload(content, name=name, method=method)
    return refused.value


@pytest.mark.parametrize(
    ("method", "name", "size", "asked"),
    [
        ("stream", "film.mp4", 11 * GIB, "/policy"),
        ("stream", "film", 11 * GIB, "/policy"),
        ("put", "photo.JPEG", 101 * MIB, "/policy"),
        ("multipart", "film.mp4", 11 * GIB, "/uploads"),
    ],
)
def test_what_is_too_large_is_not_read(method: Method, name: str, size: int, asked: str) -> None:
    """The policy tells of what would be hashed first; room for parts is asked for anyway."""
    service = Service()
    error = sent(service, Untouched(size), name, method)
    assert (error.code, service.asked) == ("file-too-large", [asked])
    assert error.members["limit"] == (100 * MIB if name == "photo.JPEG" else 10 * GIB)


@pytest.mark.parametrize("method", ["stream", "put"])
def test_what_is_accepted_is_read(method: Method) -> None:
    with pytest.raises(InterruptedError):
        sent(Service(), Untouched(101 * MIB), method=method)


def test_a_key_that_may_not_see_the_policy_sends_the_file_all_the_same() -> None:
    with pytest.raises(InterruptedError):
        sent(Service(policy=403), Untouched(101 * MIB), method="stream")


def test_a_policy_that_cannot_be_had_ends_it() -> None:
    assert sent(Service(policy=401), Untouched(101 * MIB), method="stream").status == 401


def test_a_small_file_is_offered_without_a_question() -> None:
    service = Service()
    sent(service, bytes(MIB), method="stream")
    assert service.asked == ["/documents"]


def test_one_put_is_not_begun_with_more_than_it_carries() -> None:
    with pytest.raises(ValueError, match="multipart"):
        sent(Service(), Untouched(5 * GIB + 1), method="put")


def test_reading_tells_how_far_it_is_before_anything_is_sent() -> None:
    told: list[tuple[str, int, int | None]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(201, json={"id": "doc_a", "size": MIB, "state": "clean"})

    transport = httpx.MockTransport(answer)
    with Client("http://service.test", "a-key", transport=transport) as client:
        found = client.upload(
            bytes(MIB),
            name="film.mp4",
            progress=lambda *now: told.append(("sent", *now)),
            reading=lambda *now: told.append(("read", *now)),
        )
    assert found.sent_sha256 == hashlib.sha256(bytes(MIB)).hexdigest()
    quarters = [quarter * MIB // 4 for quarter in range(1, 5)]
    assert told == [(what, done, MIB) for what in ("read", "sent") for done in quarters]


def test_the_bar_shows_reading_until_it_is_over() -> None:
    bar = Bar(disable=True)
    shown = Shown(bar, "film.mp4")

    def seen() -> list[tuple[str, float]]:
        return [(one.description, one.completed) for one in bar.tasks if one.visible]

    assert seen() == [("film.mp4", 0)]
    shown.reading(2, 3)
    assert seen() == [("film.mp4 (reading)", 2)]
    shown.reading(3, 3)
    shown(1, 3)
    assert seen() == [("film.mp4", 1)]
    shown.name("1 of 2 files")
    assert seen() == [("1 of 2 files", 1)]
