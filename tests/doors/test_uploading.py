"""POST /documents: every way of sending one file, and what is checked on the way."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Iterator

import pytest

from tests.support import raw, samples
from tests.support.people import Person
from tests.support.raw import FORM_TYPE, form
from tests.support.stack import Stack
from uploads.documents.model import Scope

TARGET = "/api/v1/documents"
TEXT = b"hello, world\n"
MIB = 1024 * 1024
FILE = b'form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain'


def headers(stack: Stack, person: Person, **more: str) -> dict[str, str]:
    return {
        "Host": f"127.0.0.1:{stack.port}",
        "Authorization": f"Bearer {person.key}",
        **{name.replace("_", "-"): text for name, text in more.items()},
    }


def test_the_answer_is_the_document_in_quarantine(stack: Stack, alice: Person) -> None:
    """An accepted upload is answered 202 with the document and its address."""
    answer = alice.post("Grüße 1.txt", TEXT, "text/plain")
    assert answer.status_code == 202
    document = answer.json()
    assert answer.headers["Location"] == f"{TARGET}/{document['id']}"
    assert document["id"].startswith("doc_")
    assert document["state"] == "quarantined"
    assert document["name"] == "Grüße 1.txt"
    assert document["size"] == len(TEXT)
    assert document["declared_type"] == "text/plain"
    assert document["type"] == "text/plain"
    assert document["sha256"] == hashlib.sha256(TEXT).hexdigest()
    assert document["verdict"] is None
    assert document["renditions"] == []
    assert document["links"]["self"] == stack.base_url + answer.headers["Location"]


@pytest.mark.parametrize(
    "disposition",
    [
        "attachment; filename*=UTF-8''%E2%82%AC.txt",
        "attachment; filename=\"euro.txt\"; filename*=UTF-8''%E2%82%AC.txt",
    ],
)
def test_a_raw_body_is_named_by_its_disposition(alice: Person, disposition: str) -> None:
    """A raw body takes its name from Content-Disposition, the extended form first."""
    sent = {"Content-Type": "text/plain; charset=utf-8", "Content-Disposition": disposition}
    answer = alice.api.post("/documents", content=TEXT, headers=sent)
    assert answer.status_code == 202, answer.text
    assert answer.json()["name"] == "€.txt"
    assert answer.json()["declared_type"] == "text/plain"


def test_a_chunked_raw_body_by_a_plain_socket(stack: Stack, alice: Person) -> None:
    """A body of unknown length is read to its last chunk."""
    sent = headers(stack, alice, Transfer_Encoding="chunked", Content_Type="image/png")
    data = samples.png()
    pieces = [data[at : at + 7] for at in range(0, len(data), 7)]
    request = [raw.head("POST", f"{TARGET}?name=a.png", sent), *raw.chunked(pieces)]
    answer = raw.exchange(stack.port, request)
    assert answer.status == 202, answer.body
    assert answer.json["sha256"] == hashlib.sha256(data).hexdigest()


def test_a_chunked_form_by_a_plain_socket(stack: Stack, alice: Person) -> None:
    """A form may come chunked as well, cut anywhere."""
    body = form((FILE, TEXT))
    sent = headers(stack, alice, Transfer_Encoding="chunked", Content_Type=FORM_TYPE)
    pieces = [body[at : at + 1] for at in range(len(body))]
    answer = raw.exchange(stack.port, [raw.head("POST", TARGET, sent), *raw.chunked(pieces)])
    assert answer.status == 202, answer.body
    assert answer.json["size"] == len(TEXT)


def test_a_body_of_bad_chunks_keeps_nothing(stack: Stack, alice: Person) -> None:
    """A chunked body with a broken chunk is no upload."""
    before = {one["id"] for one in alice.documents()}
    sent = headers(stack, alice, Transfer_Encoding="chunked")
    request = [raw.head("POST", f"{TARGET}?name=a.txt", sent), b"5\r\nhello\r\nnonsense\r\n"]
    answer = raw.exchange(stack.port, request)
    assert (answer.status, answer.code) == (400, "malformed")
    assert {one["id"] for one in alice.documents()} == before


@pytest.mark.parametrize("stranger", [False, True])
def test_a_body_of_crumbs_is_cut_short(stack: Stack, alice: Person, stranger: bool) -> None:
    """Chunks of a byte: taken apart for minutes, nobody else would be served by that process."""
    before = {one["id"] for one in alice.documents()}
    sent = headers(stack, alice, Transfer_Encoding="chunked")
    if stranger:
        del sent["Authorization"]
    request = [raw.head("POST", f"{TARGET}?name=a.txt", sent), b"1\r\nx\r\n" * 500_000]
    answer = raw.exchange(stack.port, request)
    expected = (401, "unauthenticated") if stranger else (400, "malformed")
    assert (answer.status, answer.code) == expected
    assert answer.headers["connection"] == "close"
    assert {one["id"] for one in alice.documents()} == before


def _to_the_end(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def test_who_asks_beforehand_is_told_to_go_on_only_with_what_is_taken(
    stack: Stack, alice: Person
) -> None:
    """`Expect: 100-continue`: the body of what is refused by its head is not asked for."""
    sent = headers(stack, alice, Content_Length="5", Content_Type="text/plain")
    asks = {**sent, "Expect": "100-continue"}
    with socket.create_connection(("127.0.0.1", stack.port), timeout=raw.SECONDS) as connection:
        connection.sendall(raw.head("POST", f"{TARGET}?name=a.txt", asks))
        assert connection.recv(25, socket.MSG_WAITALL) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert raw.exchange_on(connection, [b"hello"]).status == 202
    for name, status in (("a.exe", b"415"), ("a.txt", b"401")):
        if status == b"401":
            del asks["Authorization"]
        with socket.create_connection(("127.0.0.1", stack.port), timeout=raw.SECONDS) as connection:
            connection.sendall(raw.head("POST", f"{TARGET}?name={name}", asks))
            said = _to_the_end(connection)
        assert said.startswith(b"HTTP/1.1 " + status)
        assert said.count(b"HTTP/1.1 ") == 1


def test_an_early_refusal_can_be_read_after_sending_everything(stack: Stack, alice: Person) -> None:
    """A client that would send 90 MiB of the wrong type before it reads still gets the sentence.

    The service takes 8 MiB of them and ends the connection; the rest lies in socket buffers.
    """
    size = 90 * MIB
    sent = headers(stack, alice, Content_Length=str(size), Content_Type="application/pdf")

    taken = 0

    def request() -> Iterator[bytes]:
        nonlocal taken
        yield raw.head("POST", f"{TARGET}?name=big.pdf", sent)
        while taken < size:
            taken += MIB
            yield bytes(MIB)

    answer = raw.exchange(stack.port, request())
    assert (answer.status, answer.code) == (415, "type-mismatch")
    assert taken < 40 * MIB


def test_a_refusal_comes_before_the_body(stack: Stack, alice: Person) -> None:
    """What can be judged by the head is answered while the body is still on its way."""
    sent = headers(stack, alice, Content_Length="50000000", Content_Type="text/plain")
    request = [raw.head("POST", f"{TARGET}?name=a.exe", sent), b"only the beginning"]
    answer = raw.exchange(stack.port, request)
    assert (answer.status, answer.code) == (415, "type-not-allowed")
    assert "txt" in answer.json["allowed"]


def test_the_digest_is_enforced_when_it_is_sent(alice: Person) -> None:
    """Repr-Digest is checked: right, wrong, and unreadable are told apart."""
    right = hashlib.sha256(TEXT).digest()
    wrong = hashlib.sha256(b"something else").digest()

    def send(value: str) -> tuple[int, dict[str, str]]:
        answer = alice.post("a.txt", TEXT, headers={"Repr-Digest": value})
        return answer.status_code, answer.json()

    assert send(f"sha-256=:{base64.b64encode(right).decode()}:")[0] == 202
    status, problem = send(f"sha-256=:{base64.b64encode(wrong).decode()}:")
    assert (status, problem["code"]) == (422, "digest-mismatch")
    assert (problem["expected"], problem["actual"]) == (wrong.hex(), right.hex())
    assert send("sha-256=:nonsense:")[0] == 400
    assert send("md5=:XUFAKrxLKna5cZ2REBfFkg==:")[0] == 400


def test_a_key_for_reading_cannot_upload(stack: Stack, alice: Person) -> None:
    """Uploading needs the scope for writing."""
    reader = Person(stack, alice.email, "", stack.key(alice.email, Scope.DOCUMENTS_READ))
    answer = reader.post("a.txt", TEXT)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert reader.api.get("/documents").status_code == 200
    reader.close()
