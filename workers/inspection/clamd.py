"""ClamAV by the protocol of its daemon (`man clamd`, section COMMANDS), strictly.

Only one exact reply means clean. Whatever is unknown, late, cut off or doubled means that the
engine is unavailable, never that the file is fine. Each scan has a connection of its own, so that
no answer can belong to another file.

On a local socket clamd is handed an open descriptor of the file (FILDES): nothing is copied, it
needs no right to any path, and no path can come to mean another file meanwhile. Over TCP, and where
a security module takes the descriptor away, the bytes are sent (INSTREAM).
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import re
import socket
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

from uploads.documents.model import EngineReport, Outcome
from uploads.scanner import CEILING_BYTES
from workers.inspection.clamd_wire import HungUp, NoReply, parse_address, read_reply, send
from workers.inspection.engine import EngineErred, EngineLate, EngineUnavailable, Subject

_CONNECT_SECONDS = 5.0
_SMALL, _WELL = b"a few harmless bytes", "stream: OK"
_CLEAN = re.compile(r"(?:stream|fd\[[0-9]+\]): OK")
_FOUND = re.compile(r"(?:stream|fd\[[0-9]+\]): (?P<name>\S.*) FOUND")
_STREAM, _DESCRIPTOR = "stream: ", "fd["
# AppArmor and SELinux may forbid clamd to have it; the reply is about that and about no file.
_NOT_RECEIVED = "No file descriptor received. ERROR"
_VERSION = re.compile(
    r"ClamAV (?P<version>[^\s/]+)"
    r"(?:/(?P<number>\d+)/[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>\d{1,2})"
    r" [\d:]{8} (?P<year>\d{4}))?"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# What is no malware by ClamAV's own word (`man clamd.conf`: what the options for alerts, structured
# data and unwanted programs find), and mere guesses at phishing. Other heuristics know a virus by
# its code, and listed addresses are known (`Phishing.URL`, `Safebrowsing`). The first that fits.
_NOT_INFECTED = (
    ("Heuristics.Limits.Exceeded.MaxScanTime", "timeout"),
    ("Heuristics.Limits.Exceeded.MaxRecursion", "too-deep"),
    ("Heuristics.Limits.Exceeded", "too-large"),
    ("Heuristics.Encrypted.", "encrypted"),
    ("Heuristics.OLE2.ContainsMacros", "active-content"),
    ("Heuristics.Broken.", "malformed-file"),
    ("Heuristics.APMPartitionIntersection", "malformed-file"),
    ("Heuristics.GPTPartitionIntersection", "malformed-file"),
    ("Heuristics.MBRPartition", "malformed-file"),
    ("Heuristics.Zip.OverlappingFiles", "bomb"),
    ("Heuristics.XZ.DicSizeLimit", "bomb"),
    ("Heuristics.Phishing.Email.", "suspicious"),
    ("Heuristics.PDF.ObfuscatedNameObject", "suspicious"),
    ("Heuristics.Structured.", "suspicious"),
    ("PUA.", "suspicious"),
)
Answer = tuple[Outcome, str | None, str | None]


class Clamd:
    """A client of one clamd.

    `address` is the path of a unix socket, or `host:port` (IPv6 in brackets). `seconds` bounds
    the sending of a file and, once more, the wait for its answer.
    """

    name = "clamav"

    def __init__(self, address: str, seconds: int) -> None:
        self.address = address
        self._seconds = seconds
        self._family, self._peer = parse_address(address)

    def version(self) -> tuple[str, str | None]:
        """Return clamd's version and its signatures as `number/YYYY-MM-DD`, None without any.

        Raises: EngineUnavailable.
        """
        reply = self._ask(b"zVERSION\0")
        match = _VERSION.fullmatch(reply.strip())
        if match is None:
            raise EngineUnavailable(f"clamd answered VERSION with {reply[:200]!r}")
        if match["number"] is None:
            return match["version"], None
        try:
            day = date(int(match["year"]), _MONTHS.index(match["month"]) + 1, int(match["day"]))
        except ValueError as error:
            raise EngineUnavailable(f"clamd's signatures have no date: {reply[:200]!r}") from error
        return match["version"], f"{match['number']}/{day.isoformat()}"

    def inspect(self, subject: Subject) -> EngineReport:
        """Give clamd the file and translate its one reply. Raises: EngineUnavailable."""
        return self.begin().inspect(subject)

    def begin(self) -> Begun:
        """Ask for version and signatures, once for all that belongs to one document.

        They are asked for before the first scan: should clamd reload in between, the report names
        the older signatures, and a rescan that was not needed is the worst that follows.

        Raises: EngineUnavailable.
        """
        return Begun(self, *self.version())

    def scan(self, subject: Subject) -> Answer:
        """Outcome, finding and reason of one file. Raises: EngineUnavailable."""
        if subject.size > CEILING_BYTES:
            return Outcome.UNSCANNABLE, None, "too-large"
        try:
            with _opened(subject) as file:
                if self._family is socket.AF_UNIX:
                    reply = self._hand_over(file, subject)
                    if reply != _NOT_RECEIVED:
                        return _judge(reply, _DESCRIPTOR)
                reply, whole = self._stream(file, subject)
                return _judge(reply, _STREAM, whole=whole)
        except NoReply as error:
            # One that broke over it told its version just before; else it must be well at once.
            erred = isinstance(error, HungUp) or self._is_well()
            raise (EngineErred if erred else EngineUnavailable)(f"clamd: {error}") from error
        except TimeoutError as error:
            # One that is stopped or drowned answers nobody; then it is no word about the file.
            late = EngineLate if self._is_well() else EngineUnavailable
            raise late(f"clamd: {error}") from error
        except OSError as error:
            raise EngineUnavailable(f"clamd: {error}") from error

    def _is_well(self) -> bool:
        """Whether it looks at something small at once."""
        with contextlib.suppress(OSError), io.BytesIO(_SMALL) as file, self._connect() as peer:
            left = self._deadline(time.monotonic() + _CONNECT_SECONDS)
            return send(peer, file, len(_SMALL), left) and read_reply(peer, left) == _WELL
        return False

    def _hand_over(self, file: BinaryIO, subject: Subject) -> str:
        """Pass the descriptor (SCM_RIGHTS, with one byte that means nothing); return the reply."""
        with self._connect() as peer:
            peer.sendall(b"zFILDES\0")
            socket.send_fds(peer, [b"\0"], [file.fileno()])
            reply = read_reply(peer, self._deadline(subject.deadline))
        # Looked at again: what grew or shrank under the scan was not scanned.
        _check_size(file, subject.size)
        return reply

    def _stream(self, file: BinaryIO, subject: Subject) -> tuple[str, bool]:
        """Send the bytes; return the reply, and whether clamd took all of them before it."""
        with self._connect() as peer:
            whole = send(peer, file, subject.size, self._deadline(subject.deadline))
            return read_reply(peer, self._deadline(subject.deadline)), whole

    def _ask(self, command: bytes) -> str:
        try:
            with self._connect() as peer:
                peer.sendall(command)
                return read_reply(peer, self._deadline())
        except OSError as error:
            raise EngineUnavailable(f"clamd: {error}") from error

    def _connect(self) -> socket.socket:
        timeout = min(_CONNECT_SECONDS, self._seconds)
        if isinstance(self._peer, tuple):
            peer = socket.create_connection(self._peer, timeout=timeout)
        else:
            peer = socket.socket(self._family, socket.SOCK_STREAM)
            try:
                peer.settimeout(timeout)
                peer.connect(self._peer)
            except OSError:
                peer.close()
                raise
        peer.settimeout(self._seconds)
        return peer

    def _deadline(self, latest: float = math.inf) -> Callable[[], float]:
        """Return a function that gives the seconds left, and raises TimeoutError at none."""
        end = min(time.monotonic() + self._seconds, latest)

        def left() -> float:
            if (seconds := end - time.monotonic()) <= 0:
                raise TimeoutError("no answer in time")
            return seconds

        return left


@dataclass(frozen=True, slots=True)
class Begun:
    """One clamd while it looks at one document: the document itself, and its members."""

    clamd: Clamd
    version: str
    signatures: str | None

    @property
    def name(self) -> str:
        return self.clamd.name

    def inspect(self, subject: Subject) -> EngineReport:
        """Give clamd the file and translate its one reply. Raises: EngineUnavailable."""
        outcome, finding, reason = self.clamd.scan(subject)
        return EngineReport(self.name, self.version, outcome, self.signatures, finding, reason)

    def refuse(self, reason: str) -> EngineReport:
        """The report on a file that clamd is not asked about."""
        return EngineReport(
            self.name, self.version, Outcome.UNSCANNABLE, self.signatures, reason=reason
        )


def _opened(subject: Subject) -> BinaryIO:
    """The very file, for reading alone. Raises: OSError, also when it is not what it should be."""
    file = os.fdopen(os.open(subject.path, os.O_RDONLY | os.O_NOFOLLOW), "rb")
    try:
        _check_size(file, subject.size)
    except OSError:
        file.close()
        raise
    return file


def _check_size(file: BinaryIO, size: int) -> None:
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode) or found.st_size != size:
        raise OSError(f"the file under inspection has {found.st_size} bytes and should have {size}")


def _judge(reply: str, begins: str, *, whole: bool = True) -> Answer:
    """Translate a reply, which must begin as the command's replies do."""
    clean, found = _CLEAN.fullmatch(reply), _FOUND.fullmatch(reply)
    if reply.startswith(begins) and clean and whole:
        return Outcome.CLEAN, None, None
    if reply == "INSTREAM size limit exceeded. ERROR" and begins == _STREAM:
        return Outcome.UNSCANNABLE, None, "too-large"
    if found is None or not reply.startswith(begins):
        raise NoReply(f"answered {reply[:200]!r}{'' if whole else ' too early'}")
    finding = found["name"][:200]
    for prefix, reason in _NOT_INFECTED:
        if finding.startswith(prefix):
            return Outcome.UNSCANNABLE, finding, reason
    return Outcome.INFECTED, finding, None
