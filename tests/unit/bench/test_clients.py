"""What the benchmark's clients send is what a server reads, and every failure is counted."""

from __future__ import annotations

import socket

import pytest
from multipart import MultipartSegment, PushMultipartParser

from bench.load import clients
from bench.load.pacing import Pace
from bench.load.plan import Plan
from bench.load.reply import Reply
from bench.load.upload import Upload, form_of_many, form_upload, raw_upload
from tests.support.answering import answering, serving
from tests.support.ports import free_port
from uploads.documents.policy import HEAD_BYTES
from uploads.documents.sniffing import sniff

SIZE = 3 * 1024 * 1024 + 77


def whole(upload: Upload, limit: int = 100_000) -> bytes:
    found = b""
    while len(found) < upload.size:
        found += b"".join(upload.buffers(len(found), limit))
    return found


@pytest.mark.parametrize("limit", [1000, 100_000, 100_000_000])
def test_a_body_has_the_length_that_its_head_names(limit: int) -> None:
    """In pieces of whatever size it is read."""
    upload = raw_upload("PUT", "/x", 80, SIZE, 200)
    head, _, body = whole(upload, limit).partition(b"\r\n\r\n")
    assert f"Content-Length: {SIZE}".encode() in head
    assert len(body) == SIZE


def test_a_form_has_the_same_file_in_it() -> None:
    """Between the part's headers and the closing boundary stands the raw body."""
    raw = whole(raw_upload("PUT", "/x", 80, SIZE, 200)).partition(b"\r\n\r\n")[2]
    form = whole(form_upload("/x", 80, SIZE, 200, "a.mp4", "file", fields=(("act", "put"),)))
    head, _, body = form.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert body.count(raw) == 1
    assert body.endswith(b"--\r\n")


@pytest.mark.parametrize("digest", [None, "f" * 64])
def test_a_form_of_many_has_each_file_in_it(digest: str | None) -> None:
    """Between the parts' headers stand the same bytes, under names of their own."""
    raw = whole(raw_upload("PUT", "/x", 80, SIZE, 200)).partition(b"\r\n\r\n")[2]
    upload = form_of_many("/x", 80, SIZE, 200, ["a.mp4", "b.mp4", "c.mp4"], digest)
    head, _, body = whole(upload).partition(b"\r\n\r\n")
    assert body == upload.body()
    assert f"Content-Length: {len(body)}".encode() in head
    kind = next(line for line in head.decode().split("\r\n") if line.startswith("Content-Type"))
    parser = PushMultipartParser(kind.partition("boundary=")[2].encode(), strict=True)
    events = [*parser.parse(body)]
    parser.close()
    names = [event.filename for event in events if isinstance(event, MultipartSegment)]
    found = b"".join(event for event in events if isinstance(event, bytes | bytearray))
    promised = [] if digest is None else [None]
    assert names == ["a.mp4", *promised, "b.mp4", *promised, "c.mp4", *promised]
    assert (upload.files, found) == (3, (raw + (digest or "").encode()) * 3)


def test_the_files_are_of_a_type_that_the_service_knows() -> None:
    raw = whole(raw_upload("PUT", "/x", 80, SIZE, 200)).partition(b"\r\n\r\n")[2]
    assert sniff(raw[:HEAD_BYTES]) == "video/mp4"


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 201 \r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ],
)
def test_a_reply_is_done_at_its_last_byte(text: bytes) -> None:
    """Byte by byte: not before the last, and then it is."""
    reply = Reply()
    for place in range(len(text)):
        assert not reply.done
        reply.feed(text[place : place + 1])
    assert reply.done
    assert reply.status == 201


def test_a_reply_without_a_length_ends_with_the_connection() -> None:
    reply = Reply()
    reply.feed(b"HTTP/1.1 201 Created\r\n\r\nwhat follows")
    assert not reply.done
    reply.feed(b"")
    assert reply.done
    assert reply.closes


def uploads(port: int, count: int, size: int) -> list[Upload]:
    return [raw_upload("POST", "/", port, size, 201) for _ in range(count)]


@pytest.mark.parametrize("pace", [None, Pace(16 * 1024, 0.001)])
def test_every_upload_arrives_whole_and_is_counted(pace: Pace | None) -> None:
    """More uploads than clients: connections are used again."""
    seen: list[tuple[str, bytes]] = []
    with serving(answering(201, seen)) as port:
        outcome = clients.run(Plan(port, 3, pace=pace), uploads(port, 10, 200_000))
    assert (outcome.succeeded, outcome.failures) == (10, {})
    assert [(what, len(body)) for what, body in seen] == [("POST /", 200_000)] * 10


def test_another_status_is_a_failure() -> None:
    with serving(answering(503, [])) as port:
        outcome = clients.run(Plan(port, 2), uploads(port, 4, 1000))
    assert (outcome.succeeded, outcome.failures) == (0, {"status 503": 4})


def test_a_refusal_in_the_middle_ends_the_upload() -> None:
    """A paced client that is told no sends nothing more, and goes on with the next."""

    def refuse(connection: socket.socket) -> None:
        with connection:
            connection.recv(100)
            connection.sendall(b"HTTP/1.1 413 x\r\nContent-Length: 0\r\n\r\n")
            while connection.recv(65536):
                pass

    with serving(refuse) as port:
        plan = Plan(port, 1, pace=Pace(1000, 0.005))
        outcome = clients.run(plan, uploads(port, 2, 1_000_000))
    assert outcome.failures == {"status 413": 2}


def test_a_closed_connection_is_a_failure() -> None:
    with serving(lambda connection: connection.close()) as port:
        outcome = clients.run(Plan(port, 2), uploads(port, 4, 1000))
    assert outcome.succeeded == 0
    assert outcome.failed == 4


def test_nobody_there_is_a_failure() -> None:
    port = free_port()
    outcome = clients.run(Plan(port, 2), uploads(port, 3, 1000))
    assert outcome.failures == {"ConnectionRefusedError": 3}


def test_who_is_not_served_in_time_is_counted() -> None:
    """Those who wait for an answer, and those who had not even begun."""
    held: list[socket.socket] = []
    with serving(held.append) as port:
        outcome = clients.run(Plan(port, 2, deadline=0.2), uploads(port, 5, 1000))
    for connection in held:
        connection.close()
    assert outcome.failures == {"not in time": 5}
