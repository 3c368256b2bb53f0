"""clamd, asked by this service's client and by the barest one there can be."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.load.upload import Upload
from bench.systems.system import Running
from bench.trouble import StepFailed
from tests.support.clamd import running_clamd, shipped
from uploads.documents.model import Outcome
from workers.inspection.clamd import Clamd
from workers.inspection.engine import Subject

_SECONDS = 120
_SETTINGS = "one clamd on a local socket as `infra/clamav/clamd.conf` has it, one signature"


class NotClean(StepFailed):
    """Raised when a file was not called clean."""


def _takes_none(door: str, number: int, size: int) -> Upload:
    del door, number, size
    raise NotImplementedError("scans files, takes no uploads")


@contextmanager
def _scanning(folder: Path, scanner: Callable[[str], Callable[[Path], None]]) -> Iterator[Running]:
    with running_clamd(folder / "clamd", configuration=shipped) as address:
        yield Running(0, {"scanner": [os.getpid()]}, _takes_none, folder, scan=scanner(address))


class OwnClient:
    name = "uploads' ClamAV client"
    doors = ()
    settings = f"{_SETTINGS}; asked for its version before each file, as an inspection does"

    @contextmanager
    def start(self, folder: Path) -> Iterator[Running]:
        with _scanning(folder, _by_engine) as running:
            yield running


class RawClamd:
    name = "raw clamd"
    doors = ()
    settings = f"{_SETTINGS}; FILDES and nothing else"

    @contextmanager
    def start(self, folder: Path) -> Iterator[Running]:
        with _scanning(folder, _by_hand) as running:
            yield running


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
