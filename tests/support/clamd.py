"""A real clamd with its own configuration and one signature of our own: EICAR.

Started on a unix socket or on loopback, and ended by its process id.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.support.hostile_files import eicar
from tests.support.ports import free_port
from tests.support.waiting import eventually
from uploads import scanner

SIGNATURE = "Test.EICAR.UNOFFICIAL"
_CONFIG = """
Foreground yes
DatabaseDirectory {folder}/db
TemporaryDirectory {folder}/tmp
LogFile {folder}/clamd.log
FixStaleSocket yes
MaxThreads 4
ConcurrentDatabaseReload yes
SelfCheck 0
Bytecode no
PhishingSignatures no
MaxFileSize {limit}
MaxScanSize 1000M
StreamMaxLength {limit}
AlertExceedsMax yes
AlertEncrypted yes
{listen}
"""


SHIPPED = Path(__file__).parents[2] / "infra" / "clamav" / "clamd.conf"


def shipped(folder: Path, listen: str) -> str:
    """The configuration that the project ships; only places and the user are others."""
    others = {
        "LocalSocket": listen,
        "LocalSocketGroup": "",
        "DatabaseDirectory": f"DatabaseDirectory {folder}/db",
        "TemporaryDirectory": f"TemporaryDirectory {folder}/tmp",
        "LogFile": f"LogFile {folder}/clamd.log",
        "User": "",
    }
    lines = SHIPPED.read_text().splitlines()
    return "\n".join(others.get(line.partition(" ")[0], line) for line in lines) + "\n"


def own(limit: str) -> Callable[[Path, str], str]:
    """A configuration for tests; `limit` is the largest file and stream, as clamd writes it."""
    return lambda folder, listen: _CONFIG.format(folder=folder, limit=limit, listen=listen)


@contextlib.contextmanager
def running_clamd(
    folder: Path,
    *,
    tcp: bool = False,
    limit: str = "300M",
    configuration: Callable[[Path, str], str] | None = None,
) -> Iterator[str]:
    """Start clamd with its files below `folder`; yield its address once it answers."""
    program = shutil.which("clamd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    assert program, "clamd is missing: apt install clamav-daemon"
    (folder / "db").mkdir(parents=True)
    (folder / "tmp").mkdir()
    (folder / "db" / "test.ndb").write_text(f"Test.EICAR:0:*:{eicar().hex()}\n")
    # A socket's path may have 108 bytes, and test folders are deep.
    with tempfile.TemporaryDirectory(prefix="clamd-") as short:
        address, listen = _free_port() if tcp else _socket_in(Path(short))
        config = folder / "clamd.conf"
        config.write_text((configuration or own(limit))(folder, listen))
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(
                [program, "--config-file", str(config)], stdout=output, stderr=output
            )
        try:
            eventually(lambda: _answers(process, address, folder), seconds=60)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _socket_in(folder: Path) -> tuple[str, str]:
    return f"{folder}/clamd.sock", f"LocalSocket {folder}/clamd.sock"


def _free_port() -> tuple[str, str]:
    port = free_port()
    return f"127.0.0.1:{port}", f"TCPSocket {port}\nTCPAddr 127.0.0.1"


def _answers(process: subprocess.Popen[bytes], address: str, folder: Path) -> bool:
    assert process.poll() is None, (folder / "output").read_text() + (
        folder / "clamd.log"
    ).read_text()
    try:
        scanner.ping(address)
    except OSError:
        return False
    return True
