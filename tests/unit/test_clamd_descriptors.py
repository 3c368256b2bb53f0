"""Every form of reply about a descriptor, and what is handed over."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

import pytest

from tests.support.fake_clamd import (
    CONTENT,
    NO_ANSWERS,
    WORDS,
    daemon,
    inspect,
    never,
    on_file,
    receive_file,
    replies,
)
from uploads.documents.model import EngineReport, Outcome
from workers.inspection.clamd import Clamd
from workers.inspection.engine import EngineUnavailable, Subject

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
