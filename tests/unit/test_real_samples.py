"""ClamAV's own samples of every packing it knows (Debian's `clamav-testfiles`), by a real clamd.

Each holds one harmless program, packed in some way. clamd is given that program's hash as its
signature: what it finds, it has really unpacked.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.benign_files import pack
from tests.support.clamd import running_clamd
from tests.support.waiting import eventually
from uploads.documents.model import Outcome
from workers.inspection.clamd import Clamd
from workers.inspection.engine import Subject

SAMPLES = Path("/usr/share/clamav-testfiles")
BARE = "clam.exe"


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    """An engine whose clamd knows that program, and nothing of how it is packed."""
    folder = tmp_path_factory.mktemp("samples") / "clamd"
    assert (SAMPLES / BARE).exists(), "samples are missing: apt install clamav-testfiles"
    program = (SAMPLES / BARE).read_bytes()
    with running_clamd(folder) as address:
        digest = hashlib.md5(program, usedforsecurity=False).hexdigest()
        (folder / "db" / "test.hdb").write_text(f"{digest}:{len(program)}:Test.Program\n")
        engine = Clamd(address, 120)
        bare = _subject(folder / BARE, program)
        _reload(address)
        eventually(lambda: engine.inspect(bare).outcome is Outcome.INFECTED, 60)
        yield engine


@pytest.mark.parametrize("packed", [False, True], ids=["bare", "in a zip"])
def test_each_is_found(clamd: Clamd, tmp_path: Path, packed: bool) -> None:
    """As it is and inside an archive of ours. One is a bomb in there, and called unscannable."""
    samples = sorted(SAMPLES.iterdir())
    said = {}
    for sample in samples:
        data = sample.read_bytes()
        subject = _subject(tmp_path / "sample", pack({"a.bin": data}) if packed else data)
        said[sample.name] = clamd.inspect(subject).outcome
    assert len(said) > 40
    assert set(said.values()) <= {Outcome.INFECTED, Outcome.UNSCANNABLE}
    unseen = {name for name, outcome in said.items() if outcome is not Outcome.INFECTED}
    assert unseen == ({"clam_cache_emax.tgz"} if packed else set())


def _subject(path: Path, data: bytes) -> Subject:
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    return Subject(path, len(data), digest, "application/octet-stream", "a")


def _reload(address: str) -> None:
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(60)
        peer.connect(address)
        peer.sendall(b"zRELOAD\0")
        assert peer.recv(64).startswith(b"RELOADING")
