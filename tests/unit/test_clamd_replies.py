"""Every form of reply that a daemon could give: exactly one of them means clean."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from pathlib import Path

import pytest

from tests.support.fake_clamd import (
    CONTENT,
    NO_ANSWERS,
    VERSION,
    WORDS,
    Talk,
    daemon,
    inspect,
    read_stream,
    replies,
)
from tests.support.ports import free_port
from uploads.documents.model import EngineReport, Outcome
from uploads.scanner import CEILING_BYTES
from workers.inspection.clamd import Clamd
from workers.inspection.engine import EngineErred, EngineLate, EngineUnavailable, Subject
from workers.inspection.reach import WithinReach


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


@pytest.mark.parametrize("reply", [b"stream: OK\0", b"stream: Virus FOUND\0"])
def test_a_reply_in_single_bytes_is_put_together(tmp_path: Path, reply: bytes) -> None:
    def talk(peer: socket.socket) -> None:
        read_stream(peer)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in reply:
            peer.sendall(bytes([byte]))

    with daemon(talk) as address:
        assert inspect(tmp_path, address).outcome in (Outcome.CLEAN, Outcome.INFECTED)


def test_a_second_reply_after_a_while_is_heard(tmp_path: Path) -> None:
    """Whoever stops reading at the first would call it clean."""
    shown: list[bytes] = []

    def talk(peer: socket.socket) -> None:
        shown.append(read_stream(peer))
        peer.sendall(b"stream: OK\0")
        if len(shown) == 1:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # Nothing says when the first was read: a client that goes by then is not heard of.
            with contextlib.suppress(TimeoutError):
                peer.settimeout(0.5)
                peer.recv(1)
            peer.sendall(b"stream: Virus FOUND\0")

    with daemon(talk) as address, pytest.raises(EngineErred, match="more than one reply"):
        inspect(tmp_path, address)


@pytest.mark.parametrize(
    ("reply", "small", "kind"),
    [
        (b"fd[9]: foo ERROR\0", b"stream: OK\0", EngineErred),
        (b"fd[9]: foo ERROR\0", b"stream: foo ERROR\0", EngineUnavailable),
        (b"", b"", EngineErred),
    ],
    ids=["well", "not-well", "broken"],
)
def test_errors_over_one_file_are_the_files_doing(
    tmp_path: Path, reply: bytes, small: bytes, kind: type[EngineUnavailable]
) -> None:
    """Where it is well otherwise, or told its version just before it broke."""

    def talk(peer: socket.socket) -> None:
        peer.sendall(reply if read_stream(peer) == CONTENT else small)

    with daemon(talk) as address, pytest.raises(EngineUnavailable) as erred:
        inspect(tmp_path, address)
    assert type(erred.value) is kind


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
        with pytest.raises(EngineUnavailable) as silent:
            inspect(tmp_path, address, seconds=1)
        over.set()
    assert gone == []
    assert not isinstance(silent.value, EngineLate)


def test_one_that_is_well_and_does_not_answer_is_late(tmp_path: Path) -> None:
    """It looks at something small at once: so it is this file that takes so long."""

    def talk(peer: socket.socket) -> None:
        if read_stream(peer) == CONTENT:
            assert peer.recv(1) == b""
        else:
            peer.sendall(b"stream: OK\0")

    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    with daemon(talk) as address:
        with pytest.raises(EngineLate):
            inspect(tmp_path, address, seconds=1)
        subject = Subject(path, len(CONTENT), "0" * 64, "text/plain", "a", time.monotonic() + 1)
        with pytest.raises(EngineLate):
            Clamd(address, 600).inspect(subject)


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
    """clamd cannot read past 2 GiB - 3 bytes; it would look at the start and call it fine."""
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


def test_the_version_is_asked_for_once_for_all_of_one_document(tmp_path: Path) -> None:
    """However many files it has; each of them has a connection of its own."""
    asked: list[bytes] = []

    class Peeking(Clamd):
        def _ask(self, command: bytes) -> str:
            asked.append(command)
            return super()._ask(command)

    scans: list[int] = []

    def talk(peer: socket.socket) -> None:
        assert read_stream(peer) == CONTENT
        scans.append(peer.fileno())
        peer.sendall(b"stream: OK\0")

    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    subject = Subject(path, len(CONTENT), "0" * 64, "text/plain", "a.txt")
    with daemon(talk) as address:
        begun = WithinReach(Peeking(address, 60), lambda: len(CONTENT)).begin()
        reports = [begun.inspect(subject) for _ in range(3)]
    assert {(one.version, one.signatures) for one in reports} == {("1.4.6", "27461/2026-11-19")}
    assert (asked, len(scans)) == ([b"zVERSION\0"], 3)
