"""Request bodies as streams: limits, forms, and clients that leave."""

from __future__ import annotations

import io
import random
import socket
from collections.abc import Iterator
from socket import SocketIO

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from uploads import bodies
from uploads.deadlines import Line
from uploads.documents.errors import (
    BodyTooLarge,
    HeadersTooLarge,
    Invalid,
    Malformed,
    SizeMismatch,
    UnsupportedMediaType,
    UploadsError,
)
from uploads.inbound import Inbound

BOUNDARY = "bound4ry"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def request(body: bytes, content_type: str = TYPE, length: int | None = None) -> Request:
    environ = EnvironBuilder(method="POST").get_environ()
    environ["CONTENT_TYPE"] = content_type
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body) if length is None else length)
    bodies.wrap(environ)
    return Request(environ)


def part(name: str, content: bytes, filename: str | None = "a.txt") -> bytes:
    file = f'; filename="{filename}"' if filename is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def read(body: bytes, content_type: str = TYPE) -> bytes:
    return b"".join(bodies.sole_file(request(body, content_type), 5).pieces)


def test_the_one_file_of_a_form_comes_out_whole() -> None:
    data = b"--bound4r\r\n" * 300_000
    assert read(part("file", data) + END) == data


class Cut(io.BytesIO):
    """A body that comes in pieces of a few bytes, as a network may cut it."""

    most = 1

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self.most)


@pytest.mark.parametrize("most", range(1, 16))
def test_a_form_may_be_cut_anywhere(most: int) -> None:
    """Between the last delimiter and its line break too, and in the middle of either."""
    body = part("file", b"content") + END
    made = request(body)
    cut = Cut(body)
    cut.most = most
    made.environ["wsgi.input"] = Inbound(cut, len(body))
    assert b"".join(bodies.sole_file(made, 5).pieces) == b"content"


class Cuts(io.BytesIO):
    """A body in pieces of these sizes, then the rest."""

    sizes: Iterator[int] = iter(())

    def read(self, size: int | None = -1) -> bytes:
        return super().read(next(self.sizes, -1))


TRAPS = (b"\r", b"\n", b"\r\n", b"\r\n--", f"\r\n--{BOUNDARY[:-1]}".encode(), b"\0", b"-" * 40)


@pytest.mark.parametrize("length", [None, "true", "short"])
@pytest.mark.parametrize("seed", range(60))
def test_pieces_that_pass_the_parser_by_come_out_as_from_the_parser(
    seed: int, length: str | None
) -> None:
    """Long pieces and short ones, with beginnings of a delimiter at every end of them."""
    chance = random.Random(seed)
    pieces = [
        chance.randbytes(chance.choice((0, 1, 30, 5000))) + chance.choice(TRAPS)
        for _ in range(chance.randrange(1, 12))
    ]
    content = b"".join(pieces)
    told = {"true": len(content), "short": len(content) - 1, None: None}[length]
    head = part("file", b"").removesuffix(b"\r\n" * 3)
    head += b"" if told is None else f"\r\nContent-Length: {told}".encode()
    body = head + b"\r\n\r\n" + content + b"\r\n" + END
    made, cuts = request(body), Cuts(body)
    cuts.sizes = iter([len(head) + 4, *(len(piece) or 1 for piece in pieces)])
    made.environ["wsgi.input"] = Inbound(cuts, len(body))
    if length == "short":
        with pytest.raises(Malformed):
            b"".join(bodies.sole_file(made, 5).pieces)
    else:
        assert b"".join(bodies.sole_file(made, 5).pieces) == content


@pytest.mark.parametrize("at", range(-40, 3))
def test_a_second_part_is_found_wherever_its_delimiter_is_cut(at: int) -> None:
    content = bytes(5000)
    begin = part("file", content).removesuffix(b"\r\n")
    body = begin + b"\r\n" + part("note", b"y" * 100, None) + END
    made, cuts = request(body), Cuts(body)
    cuts.sizes = iter([200, 4000, len(begin) + 20 + at - 4200])
    made.environ["wsgi.input"] = Inbound(cuts, len(body))
    with pytest.raises(Invalid):
        b"".join(bodies.sole_file(made, 5).pieces)


@pytest.mark.parametrize("most", [1, 7, 10_000])
@pytest.mark.parametrize("more", [b"x", b"\r\n", b"x" * 100])
def test_nothing_may_follow_the_last_delimiter(most: int, more: bytes) -> None:
    """However the client cut its body: in one piece the parser would let it pass."""
    body = part("file", b"content") + END + more
    made = request(body)
    cut = Cut(body)
    cut.most = most
    made.environ["wsgi.input"] = Inbound(cut, len(body))
    with pytest.raises(Malformed):
        b"".join(bodies.sole_file(made, 5).pieces)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("content-disposition: form-data; name=file; filename=b.html", Malformed),
        ("X: 1\r\nx: 2", Malformed),
        ("Content-Transfer-Encoding: base64", UnsupportedMediaType),
        ("Content-Encoding: gzip", UnsupportedMediaType),
    ],
)
def test_a_part_that_others_could_read_otherwise_is_refused(
    line: str, error: type[UploadsError]
) -> None:
    """Its bytes would be kept as they came, or its name be another one's."""
    plain = part("file", b"aGk=") + END
    assert read(plain) == b"aGk="
    with pytest.raises(error):
        read(plain.replace(b"\r\n\r\n", f"\r\n{line}\r\n\r\n".encode(), 1))


@pytest.mark.parametrize("coding", ["binary", "8bit", "7BIT"])
def test_a_part_that_says_that_it_is_not_coded_is_taken(coding: str) -> None:
    """Older programs say so of each part."""
    line = f"\r\nContent-Transfer-Encoding: {coding}\r\n\r\n".encode()
    assert read((part("file", b"x") + END).replace(b"\r\n\r\n", line, 1)) == b"x"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (END, Invalid),
        (part("other", b"x") + END, Invalid),
        (part("file", b"x", None) + END, Invalid),
        (part("file", b"x") + part("file", b"y") + END, Invalid),
        (part("file", b"x") + part("note", b"y", None) + END, Invalid),
        (part("file", b"x"), Malformed),
        (b"no form at all", Malformed),
        (b"", Malformed),
        (part("file", b"x", "a" * 9000) + END, HeadersTooLarge),
    ],
)
def test_any_other_form_is_refused(body: bytes, error: type[UploadsError]) -> None:
    with pytest.raises(error):
        read(body)


@pytest.mark.parametrize(
    ("content_type", "error"),
    [
        ("text/plain", UnsupportedMediaType),
        ("multipart/form-data", Malformed),
        ("multipart/form-data; boundary=" + "b" * 71, Malformed),
        ("multipart/mixed; boundary=x", UnsupportedMediaType),
    ],
)
def test_any_other_content_type_is_refused(content_type: str, error: type[UploadsError]) -> None:
    with pytest.raises(error):
        read(part("file", b"x") + END, content_type)


def test_too_many_parts_are_refused() -> None:
    with pytest.raises(HeadersTooLarge):
        list(bodies.form_parts(request(part("f", b"", None) * 100 + END), 5))


def test_a_part_that_nobody_reads_is_read_past() -> None:
    body = part("a", b"1" * 5000) + part("b", b"2") + END
    assert [one.field for one in bodies.form_parts(request(body), 5)] == ["a", "b"]


def test_a_part_is_not_read_past_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_SKIP_BYTES", 3_000_000)
    with pytest.raises(BodyTooLarge):
        list(bodies.form_parts(request(part("a", bytes(4_500_000)) + END), 5))


def test_a_part_that_its_reader_gave_up_is_not_read_past_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A refusal in the middle of a file closes its pieces; the bound holds all the same."""
    monkeypatch.setattr(bodies, "_SKIP_BYTES", 3_000_000)
    parts = bodies.form_parts(request(part("a", bytes(4_500_000)) + part("b", b"2") + END), 5)
    first = next(parts)

    def given_up() -> Iterator[bytes]:
        yield from first.pieces

    pieces = given_up()
    assert next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    with pytest.raises(BodyTooLarge):
        next(parts)


def test_each_part_may_be_read_past_on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file of a form is judged on its own: two that are refused do not add up."""
    monkeypatch.setattr(bodies, "_SKIP_BYTES", 3_000_000)
    body = part("a", bytes(2_000_000)) + part("b", bytes(2_000_000)) + END
    assert [one.field for one in bodies.form_parts(request(body), 5)] == ["a", "b"]


def test_a_fields_text_is_bounded() -> None:
    parts = bodies.form_parts(request(part("csrf", b"x" * 70_000, None) + END), 5)
    with pytest.raises(BodyTooLarge):
        next(parts).text()


def test_a_client_that_leaves_early_is_noticed() -> None:
    with pytest.raises(SizeMismatch):
        b"".join(bodies.raw_pieces(request(b"half", "text/plain", length=8), 5))


def test_a_connection_ends_with_a_body_that_does_not_come() -> None:
    """Nothing can follow it: to wait for another request would only hold the connection."""
    here, there = socket.socketpair()
    with here, there:
        line, ended = Line(here), []
        line.close_after = lambda: ended.append(True)
        there.sendall(b"half")
        there.shutdown(socket.SHUT_WR)
        incoming = Inbound(SocketIO(here, "r"), 8, line)
        with pytest.raises(SizeMismatch):
            incoming.read(8)
    assert ended


def test_lingering_stops_after_eight_mebibytes() -> None:
    incoming = request(bytes(20_000_000), "text/plain")
    bodies.inbound(incoming).linger()
    taken = 20_000_000 - len(incoming.environ["wsgi.input"]._source.read())
    assert 8 * 1024 * 1024 <= taken <= 9 * 1024 * 1024


def test_a_form_of_many_newlines_is_read_in_linear_time() -> None:
    """Near-boundaries once cost a parser quadratic time (CVE-2023-46136)."""
    data = b"\r\n" * 5_000_000
    assert read(part("file", data) + END) == data


def test_a_small_form_ends_at_its_bound() -> None:
    """The whole body counts, skipped parts and headers too; its last byte may be the bound's."""
    body = part("a", b"1" * 90) + part("b", b"2", None) + END
    fields = [one.field for one in bodies.small_form_parts(request(body), len(body))]
    assert fields == ["a", "b"]
    with pytest.raises(BodyTooLarge):
        list(bodies.small_form_parts(request(body), len(body) - 1))
