"""clamd, asked by this service's client and by the barest one there can be."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.systems.system import Running, takes_none
from bench.trouble import StepFailed
from tests.support.clamd import running_clamd, shipped
from uploads.documents.model import Outcome
from workers.inspection.clamd import Clamd
from workers.inspection.engine import Subject

_SECONDS = 120
_SETTINGS = "one clamd on a local socket as `infra/clamav/clamd.conf` has it, one signature"


class NotClean(StepFailed):
    """Raised when a file was not called clean."""


@dataclass(frozen=True, slots=True)
class ClamdClient:
    """A clamd of its own, and one who asks it; `scanner` makes him from its address."""

    name: str
    asked: str
    scanner: Callable[[str], Callable[[Path], None]]
    doors: tuple[str, ...] = ()

    @property
    def settings(self) -> str:
        return f"{_SETTINGS}; {self.asked}"

    @contextmanager
    def start(self, folder: Path) -> Iterator[Running]:
        with running_clamd(folder / "clamd", configuration=shipped) as address:
            scan = self.scanner(address)
            yield Running(0, {"scanner": [os.getpid()]}, takes_none, folder, scan=scan)


def _by_engine(address: str) -> Callable[[Path], None]:
    engine = Clamd(address, _SECONDS)

    def scan(path: Path) -> None:
        # An inspection knows the digest already, from reading the file.
        digest = hashlib.sha256(path.name.encode()).hexdigest()
        report = engine.inspect(Subject(path, path.stat().st_size, digest, "video/mp4", path.name))
        if report.outcome is not Outcome.CLEAN:
            raise NotClean(f"{report.outcome}: {report.finding or report.reason}")

    return scan


def _by_hand(address: str) -> Callable[[Path], None]:
    def scan(path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as peer, path.open("rb") as file:
            peer.connect(address)
            peer.sendall(b"zFILDES\0")
            socket.send_fds(peer, [b"\0"], [file.fileno()])
            reply = peer.recv(4096)
        if not reply.endswith(b": OK\0"):
            raise NotClean(repr(reply))

    return scan


OWN_CLIENT = ClamdClient(
    "uploads' ClamAV client",
    "asked for its version before each file, as an inspection does",
    _by_engine,
)
RAW_CLAMD = ClamdClient("raw clamd", "FILDES and nothing else", _by_hand)
