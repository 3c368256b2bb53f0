"""A daemon that speaks clamd's protocol and answers what a test tells it to."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from uploads.documents.model import EngineReport, Outcome
from workers.inspection.clamd import Clamd
from workers.inspection.engine import Subject

Talk = Callable[[socket.socket], None]
CONTENT = b"content " * 100_000
SMALL = b"a few harmless bytes"
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
        # The second is asked about where the reply to the first was odd.
        assert read_stream(peer) in (CONTENT, SMALL)
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


NO_MALWARE = {
    "Heuristics.Encrypted.PDF": "encrypted",
    "Heuristics.Limits.Exceeded.EmailHeaders": "too-large",
    "Heuristics.OLE2.ContainsMacros.VBA": "active-content",
    "Heuristics.Broken.Executable": "malformed-file",
    "Heuristics.Broken.Media.PNG.InvalidChunkLength": "malformed-file",
    "Heuristics.GPTPartitionIntersection": "malformed-file",
    "Heuristics.Zip.OverlappingFiles": "bomb",
    "Heuristics.XZ.DicSizeLimit": "bomb",
    "Heuristics.Phishing.Email.SpoofedDomain": "suspicious",
    "Heuristics.Structured.CreditCardNumber": "suspicious",
    "PUA.Win.Packer.Upx-1": "suspicious",
}
"""What clamd says of files that nobody calls infected."""

KNOWN_BY_HEURISTICS = (
    "Heuristics.Trojan.Swizzor.Gen",
    "Heuristics.Exploit.W32.MS05-002",
    "Heuristics.Phishing.URL.Blocked",
    "Heuristics.Safebrowsing.Suspected-malware_safebrowsing.clamav.net",
    "Heuristics.Something.New",
    "Win.Test.PUA.Heuristics.Encrypted.",
)

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
    *(
        (b"stream: %s FOUND\0" % name.encode(), Outcome.UNSCANNABLE, name, reason)
        for name, reason in NO_MALWARE.items()
    ),
    *(
        (b"stream: %s FOUND\0" % name.encode(), Outcome.INFECTED, name, None)
        for name in KNOWN_BY_HEURISTICS
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
    "fd[\u0663]: OK\0".encode(),
    b"stream:  FOUND\0",
    b"stream: FOUND\0",
    b"stream: Virus FOUND\nstream: OK\0",
    b"stream: Can't allocate memory ERROR\0",
    b"stream: Heuristics.Limits.Exceeded ERROR\0",
    b"COMMAND READ TIMED OUT\0",
    b"UNKNOWN COMMAND\0",
    b"stream: " + b"A" * 5000 + b" FOUND\0",
]
