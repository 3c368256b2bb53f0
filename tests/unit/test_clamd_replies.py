"""Every form of reply that a daemon could give: exactly one of them means clean."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.ports import free_port
from uploads.documents.model import EngineReport, Outcome
from uploads.scanner import CEILING_BYTES
from workers.inspection.clamd import Clamd
from workers.inspection.engine import EngineUnavailable, Subject

Talk = Callable[[socket.socket], None]
CONTENT = b"content " * 100_000
VERSION = b"ClamAV 1.4.6/27461/Thu Nov 19 08:24:27 2026\0"


@contextlib.contextmanager
def daemon(scan: Talk, version: bytes = VERSION, handed: Talk | None = None) -> Iterator[str]:
    """A daemon that answers VERSION, and gives each scan's connection to `scan`.

    With `handed` it listens on a local socket, and gives that one what comes by FILDES.
    """
    with contextlib.ExitStack() as ends:
        folder = ends.enter_context(tempfile.TemporaryDirectory(prefix="clamd-"))
        server = socket.socket(socket.AF_UNIX if handed else socket.AF_INET)
        server.bind(f"{folder}/s" if handed else ("127.0.0.1", 0))
        server.listen()
        talks = {b"zINSTREAM\0": scan, b"zFILDES\0": handed or scan}
        with serving(server, talks, version):
            port = "" if handed else server.getsockname()[1]
            yield f"{folder}/s" if handed else f"127.0.0.1:{port}"


@contextlib.contextmanager
def serving(server: socket.socket, talks: dict[bytes, Talk], version: bytes) -> Iterator[None]:

    def serve() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer, contextlib.suppress(OSError, struct.error, IndexError):
                command = b""
                while not command.endswith(b"\0"):
                    command += peer.recv(1)
                if command in talks:
                    talks[command](peer)
                else:
                    peer.sendall(version)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


def read_stream(peer: socket.socket) -> bytes:
    """Read an INSTREAM to its end as clamd does."""
    content = b""
    with peer.makefile("rb") as file:
        while length := struct.unpack(">L", file.read(4))[0]:
            content += file.read(length)
    return content


def replies(reply: bytes) -> Talk:
    def talk(peer: socket.socket) -> None:
        assert read_stream(peer) == CONTENT
        peer.sendall(reply)

    return talk


def receive_file(peer: socket.socket) -> int:
    """The descriptor that FILDES hands over, with one byte."""
    data, descriptors, _, _ = socket.recv_fds(peer, 16, 4)
    assert (len(data), len(descriptors)) == (1, 1)
    return descriptors[0]


def on_file(reply: bytes) -> Talk:
    def talk(peer: socket.socket) -> None:
        with os.fdopen(receive_file(peer), "rb") as file:
            assert file.read() == CONTENT
            peer.sendall(reply)

    return talk


def never(peer: socket.socket) -> None:
    """Answers so that nobody could take it for an answer to the other command."""
    peer.sendall(b"neither ERROR\0")


def inspect(tmp_path: Path, address: str, seconds: int = 60) -> EngineReport:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    subject = Subject(path, len(CONTENT), "0" * 64, "text/plain", "a.txt")
    return Clamd(address, seconds).inspect(subject)


WORDS = [
    (b"stream: OK\0", Outcome.CLEAN, None, None),
    (b"stream: Win.Test.EICAR_HDB-1 FOUND\0", Outcome.INFECTED, "Win.Test.EICAR_HDB-1", None),
    (b"stream: A(1f:68) FOUND\0", Outcome.INFECTED, "A(1f:68)", None),
    (b"stream: OK FOUND\0", Outcome.INFECTED, "OK", None),
    (b"stream: \xff\xfe FOUND\0", Outcome.INFECTED, "\ufffd\ufffd", None),
    (
        b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0",
        Outcome.UNSCANNABLE,
        "Heuristics.Limits.Exceeded.MaxFileSize",
        "too-large",
    ),
    (
        b"stream: Heuristics.Limits.Exceeded.MaxRecursion FOUND\0",
        Outcome.UNSCANNABLE,
        "Heuristics.Limits.Exceeded.MaxRecursion",
        "too-deep",
    ),
    (
        b"stream: Heuristics.Limits.Exceeded.MaxScanTime FOUND\0",
        Outcome.UNSCANNABLE,
        "Heuristics.Limits.Exceeded.MaxScanTime",
        "timeout",
    ),
    (
        b"stream: Heuristics.Encrypted.Zip FOUND\0",
        Outcome.UNSCANNABLE,
        "Heuristics.Encrypted.Zip",
        "encrypted",
    ),
    (b"INSTREAM size limit exceeded. ERROR\0", Outcome.UNSCANNABLE, None, "too-large"),
]

NO_ANSWERS = [
    b"",
    b"\0",
    b"stream: OK",
    b"stream: OK\n",
    b"stream: OK\n\0",
    b"stream: OK \0",
    b" stream: OK\0",
    b"stream: ok\0",
    b"OK\0",
    b"/tmp/x: OK\0",
    b"1: stream: OK\0",
    b"stream: OK\0stream: OK\0",
    b"stream: OK\0stream: Virus FOUND\0",
    b"stream:  FOUND\0",
    b"stream: FOUND\0",
    b"stream: Virus FOUND\nstream: OK\0",
    b"stream: Can't allocate memory ERROR\0",
    b"stream: Heuristics.Limits.Exceeded ERROR\0",
    b"COMMAND READ TIMED OUT\0",
    b"UNKNOWN COMMAND\0",
    b"stream: " + b"A" * 5000 + b" FOUND\0",
]


@pytest.mark.parametrize(("reply", "outcome", "finding", "reason"), WORDS)
def test_known_replies(
    tmp_path: Path, reply: bytes, outcome: Outcome, finding: str | None, reason: str | None
) -> None:
    with daemon(replies(reply)) as address:
        report = inspect(tmp_path, address)
    assert report == EngineReport("clamav", "1.4.6", outcome, "27461/2026-11-19", finding, reason)


@pytest.mark.parametrize("reply", NO_ANSWERS)
def test_everything_else_means_unavailable(tmp_path: Path, reply: bytes) -> None:
    with daemon(replies(reply)) as address, pytest.raises(EngineUnavailable):
        inspect(tmp_path, address)


OF_FILES = [
    (reply.replace(b"stream:", b"fd[10]:"), *rest)
    for reply, *rest in WORDS
    if reply.startswith(b"stream:")
]
NO_ANSWERS_OF_FILES = [
    *(reply.replace(b"stream:", b"fd[10]:") for reply in NO_ANSWERS),
    b"stream: OK\0",
    b"stream: Virus FOUND\0",
    b"fd[]: OK\0",
    b"fd[x]: OK\0",
    b"fd[-1]: OK\0",
    b"fd[1]2: OK\0",
    b"fd[10]: OK\0fd[10]: OK\0",
    b"fd[10]: Not a regular file ERROR\0",
    b"fd[10]: Empty file\0",
    b"INSTREAM size limit exceeded. ERROR\0",
    b"No file descriptor received. ERROR FOUND\0",
]


@pytest.mark.parametrize(("reply", "outcome", "finding", "reason"), OF_FILES)
def test_known_replies_about_a_descriptor(
    tmp_path: Path, reply: bytes, outcome: Outcome, finding: str | None, reason: str | None
) -> None:
    with daemon(never, handed=on_file(reply)) as address:
        report = inspect(tmp_path, address)
    assert report == EngineReport("clamav", "1.4.6", outcome, "27461/2026-11-19", finding, reason)


@pytest.mark.parametrize("reply", NO_ANSWERS_OF_FILES)
def test_everything_else_about_a_descriptor_means_unavailable(tmp_path: Path, reply: bytes) -> None:
    with daemon(never, handed=on_file(reply)) as address, pytest.raises(EngineUnavailable):
        inspect(tmp_path, address)


@pytest.mark.parametrize("reply", [b"fd[10]: OK\0", b"fd[10]: Virus FOUND\0"])
def test_an_answer_to_the_other_command_is_none(tmp_path: Path, reply: bytes) -> None:
    with daemon(replies(reply)) as address, pytest.raises(EngineUnavailable):
        inspect(tmp_path, address)


def test_what_is_handed_over_is_the_very_file_and_cannot_be_written(tmp_path: Path) -> None:
    """Nothing is opened by its path again, so no path can come to mean another file."""
    seen = []

    def talk(peer: socket.socket) -> None:
        descriptor = receive_file(peer)
        found, path = os.fstat(descriptor), (tmp_path / "file").stat()
        seen.append((found.st_ino == path.st_ino, fcntl.fcntl(descriptor, fcntl.F_GETFL) & 3))
        os.close(descriptor)
        peer.sendall(b"fd[10]: OK\0")

    with daemon(never, handed=talk) as address:
        assert inspect(tmp_path, address).outcome is Outcome.CLEAN
    assert seen == [(True, os.O_RDONLY)]


@pytest.mark.parametrize("size", [len(CONTENT) - 1, len(CONTENT) + 1])
def test_a_file_that_changes_its_size_under_the_scan_is_never_clean(
    tmp_path: Path, size: int
) -> None:
    def talk(peer: socket.socket) -> None:
        os.close(receive_file(peer))
        os.truncate(tmp_path / "file", size)
        peer.sendall(b"fd[10]: OK\0")

    with daemon(never, handed=talk) as address, pytest.raises(EngineUnavailable):
        inspect(tmp_path, address)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    (tmp_path / "link").symlink_to(tmp_path / "file")
    subject = Subject(tmp_path / "link", len(CONTENT), "0" * 64, "text/plain", "a.txt")
    with (
        daemon(never, handed=on_file(b"fd[10]: OK\0")) as address,
        pytest.raises(EngineUnavailable),
    ):
        Clamd(address, 60).inspect(subject)


def test_where_no_descriptor_arrives_the_bytes_are_sent(tmp_path: Path) -> None:
    """As under AppArmor, whose profile for clamd does not know our folder."""

    def refused(peer: socket.socket) -> None:
        os.close(receive_file(peer))
        peer.sendall(b"No file descriptor received. ERROR\0")

    with daemon(replies(b"stream: Virus FOUND\0"), handed=refused) as address:
        assert inspect(tmp_path, address).finding == "Virus"


@pytest.mark.parametrize("reply", [b"stream: OK\0", b"stream: Virus FOUND\0"])
def test_a_reply_in_single_bytes_is_put_together(tmp_path: Path, reply: bytes) -> None:
    def talk(peer: socket.socket) -> None:
        read_stream(peer)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in reply:
            peer.sendall(bytes([byte]))

    with daemon(talk) as address:
        assert inspect(tmp_path, address).outcome in (Outcome.CLEAN, Outcome.INFECTED)


def hang_up_early(reply: bytes) -> Talk:
    """Answer before the end of the stream, and stop listening."""

    def talk(peer: socket.socket) -> None:
        peer.recv(1000)
        peer.sendall(reply)

    return talk


def test_a_limit_said_before_the_end_is_heard(tmp_path: Path) -> None:
    """clamd closes while we still send: the broken pipe must not hide what it said."""
    path = tmp_path / "file"
    path.write_bytes(CONTENT * 20)
    subject = Subject(path, len(CONTENT) * 20, "0" * 64, "text/plain", "a.txt")
    with daemon(hang_up_early(b"INSTREAM size limit exceeded. ERROR\0")) as address:
        assert Clamd(address, 60).inspect(subject).reason == "too-large"


def test_ok_before_the_end_is_not_clean(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT * 20)
    subject = Subject(path, len(CONTENT) * 20, "0" * 64, "text/plain", "a.txt")
    with (
        daemon(hang_up_early(b"stream: OK\0")) as address,
        pytest.raises(EngineUnavailable),
    ):
        Clamd(address, 60).inspect(subject)


@pytest.mark.parametrize("size", [len(CONTENT) - 1, len(CONTENT) + 1])
def test_a_file_of_another_size_is_never_clean(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    with daemon(replies(b"stream: OK\0")) as address, pytest.raises(EngineUnavailable):
        Clamd(address, 60).inspect(Subject(path, size, "0" * 64, "text/plain", "a"))


def test_silence_ends_with_the_time_limit(tmp_path: Path) -> None:
    over, gone = threading.Event(), []

    def talk(peer: socket.socket) -> None:
        read_stream(peer)
        if not over.wait(60):
            gone.append("the daemon itself")

    with daemon(talk) as address:
        with pytest.raises(EngineUnavailable):
            inspect(tmp_path, address, seconds=1)
        over.set()
    assert gone == []


def test_a_trickle_of_bytes_does_not_move_the_time_limit(tmp_path: Path) -> None:
    over, gone = threading.Event(), []

    def talk(peer: socket.socket) -> None:
        read_stream(peer)
        for _ in range(200):
            if over.wait(0.3):
                return
            peer.sendall(b"s")
        gone.append("the daemon itself")

    with daemon(talk) as address:
        with pytest.raises(EngineUnavailable):
            inspect(tmp_path, address, seconds=1)
        over.set()
    assert gone == []


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (VERSION, ("1.4.6", "27461/2026-11-19")),
        (b"ClamAV 1.4.6/27461/Thu Nov  5 08:24:27 2026\0", ("1.4.6", "27461/2026-11-05")),
        (b"ClamAV 1.5.0-rc\0", ("1.5.0-rc", None)),
    ],
)
def test_version(reply: bytes, expected: tuple[str, str | None]) -> None:
    with daemon(replies(b""), reply) as address:
        assert Clamd(address, 60).version() == expected


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"ClamAV\0",
        b"ClamAV 1.4.6/27461\0",
        b"ClamAV 1/2/Thu Foo 99 08:24:27 2026\0",
        b"x" * 9999,
    ],
)
def test_a_version_in_no_known_form_means_unavailable(reply: bytes) -> None:
    with daemon(replies(b""), reply) as address, pytest.raises(EngineUnavailable):
        Clamd(address, 60).version()


def test_nobody_there_means_unavailable(tmp_path: Path) -> None:
    port = free_port()
    for address in (f"127.0.0.1:{port}", str(tmp_path / "none.sock"), "/" + "x" * 200):
        with pytest.raises(EngineUnavailable):
            Clamd(address, 1).version()


def test_beyond_the_ceiling_nothing_is_sent(tmp_path: Path) -> None:
    """clamd cannot read past 2 GiB - 1; it would look at the start and call it fine."""
    subject = Subject(tmp_path / "none", CEILING_BYTES + 1, "0" * 64, "video/mp4", "a.mp4")
    with daemon(replies(b"stream: OK\0")) as address:
        assert Clamd(address, 60).inspect(subject).reason == "too-large"


@pytest.mark.parametrize("address", ["", "clamd", "clamd:", ":3310", "::1:3310", "host:x", "[]:1"])
def test_an_address_that_is_none_is_refused_at_once(address: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        Clamd(address, 60)


def test_an_ipv6_address_stands_in_brackets() -> None:
    with pytest.raises(EngineUnavailable):
        Clamd("[::1]:1", 1).version()
