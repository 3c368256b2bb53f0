"""Hosts on a wire of their own, on one machine: network namespaces, a bridge, a cable for each.

Nothing of it is seen from outside, and nothing of it reaches out: no host has a way anywhere else.
Whatever a thread starts while it is on a host (connections, threads, processes) stays there. A
namespace lives as long as something holds it; here only file descriptors do, so nothing is left of
it however the tests end.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.waiting import eventually

NETWORK = "10.213.7"
NET = f"{NETWORK}.0/24"
_CLONE_NEWNET = 0x40000000
_OURS = "/proc/thread-self/ns/net"
_SECONDS = 60
_libc = ctypes.CDLL(None, use_errno=True)


class Host:
    """One namespace with an address on the wire; `number` is the address's last part."""

    def __init__(self, name: str, number: int) -> None:
        self.name, self.address = name, f"{NETWORK}.{number}"
        before = os.open(_OURS, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _done(_libc.unshare(_CLONE_NEWNET))
            self._handle = os.open(_OURS, os.O_RDONLY | os.O_CLOEXEC)
            ip("link", "set", "lo", "up")
        finally:
            _done(_libc.setns(before, _CLONE_NEWNET))
            os.close(before)
        self._wire: Host | None = None

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This thread is on the host meanwhile."""
        before = os.open(_OURS, os.O_RDONLY | os.O_CLOEXEC)
        _done(_libc.setns(self._handle, _CLONE_NEWNET))
        try:
            yield
        finally:
            _done(_libc.setns(before, _CLONE_NEWNET))
            os.close(before)

    def plug_into(self, wire: Host) -> None:
        """Lay a cable to the bridge of the host that has one."""
        self._wire = wire
        # iproute2 takes a name with a slash for the path of a namespace.
        there = f"/proc/{os.getpid()}/fd/{wire._handle}"
        with self.entered():
            ip("link", "add", "eth0", "type", "veth", "peer", "name", self.name, "netns", there)
            ip("address", "add", f"{self.address}/24", "dev", "eth0")
            ip("link", "set", "eth0", "up")
        with wire.entered():
            ip("link", "set", "dev", self.name, "master", "wire", "up")

    def unplug(self) -> None:
        """Nothing comes through the cable any more; all that the host notices is silence."""
        assert self._wire
        with self._wire.entered():
            ip("link", "set", "dev", self.name, "down")

    def plug_in(self) -> None:
        assert self._wire
        with self._wire.entered():
            ip("link", "set", "dev", self.name, "up")

    # --- what runs there ---

    def processes(self) -> set[int]:
        """Those whose network is this one; none of our own."""
        inode, found = os.fstat(self._handle).st_ino, set()
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and (entry / "ns" / "net").stat().st_ino == inode:
                    found.add(int(entry.name))
            except OSError:
                continue  # it has just ended
        return found - {os.getpid()}

    def kill(self) -> None:
        """SIGKILL to everything there, until nothing is left that could answer."""
        eventually(self._killed, _SECONDS)

    def _killed(self) -> bool:
        found = {one for one in self.processes() if not _is_dead(one)}
        for one in found:
            try:
                os.kill(one, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return not found

    def close(self) -> None:
        self.kill()
        os.close(self._handle)


@contextmanager
def hosts(*names: str) -> Iterator[tuple[Host, ...]]:
    """So many hosts on one wire, whose bridge is in the first. All that runs there ends with it."""
    assert os.geteuid() == 0, "hosts are network namespaces, and these need root: run as root"
    with ExitStack() as ends:
        made = []
        for number, name in enumerate(names, 1):
            made.append(Host(name, number))
            ends.callback(made[-1].close)
        first, *others = made
        with first.entered():
            ip("link", "add", "wire", "type", "bridge")
            ip("address", "add", f"{first.address}/24", "dev", "wire")
            ip("link", "set", "wire", "up")
        for one in others:
            one.plug_into(first)
        yield tuple(made)


def ip(*words: str) -> None:
    """Run `ip`, in the namespace of this thread."""
    try:
        done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=_SECONDS)
    except FileNotFoundError:
        raise AssertionError("ip is missing: apt install iproute2") from None
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


def _done(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"no network namespaces here: {os.strerror(number)}")


def _is_dead(pid: int) -> bool:
    """Whether it only waits for its parent to notice."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return True
    return told.rpartition(")")[2].split()[0] in "ZX"
