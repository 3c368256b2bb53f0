"""The cell for programs of others: what stays when paths must stay, with real children."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.support.cells import cell_children
from workers.rendering.installation import OfficeUnfit
from workers.rendering.office import within_bounds
from workers.rendering.office_trial import break_out
from workers.sandbox import program_calls, seccomp, warm
from workers.sandbox.confinement import NOBODY
from workers.sandbox.parent import Cell, CellBroken, CellCrashed
from workers.sandbox.premises import Premises
from workers.scratch import Scratch

MIB = 1024 * 1024
_BOOT = (
    "import sys; sys.path[:] = sys.argv.pop(1).split(chr(0x1f));"
    "from workers.sandbox import template, confinement, landlock, program_calls;"
)
WITHOUT = {
    "no lock at all": "confinement.confine_to = lambda premises, limits, parent: premises.enter();",
    "no Landlock": "landlock.deny_all_but = lambda openings: 0;",
    "no list of calls": "program_calls.install = lambda pid: None;",
    "no limits": "confinement._limit = lambda limits: None;",
}
OPEN = {
    "no lock at all": {"be root", "exec a file of its own", "AF_INET SOCK_DGRAM", "make a link"},
    "no Landlock": {"list /", "open /etc/passwd", "exec a file of its own", "read a program"},
    "no list of calls": {"AF_INET SOCK_DGRAM", "fork by libc", "change a mode", "perf_event_open"},
    "no limits": {"write a gigabyte in its folder"},
}


@pytest.fixture
def cell() -> Iterator[Cell]:
    made = Cell(seconds=120, memory_bytes=512 * MIB)
    yield made
    made.close()


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    return Scratch(tmp_path / "scratch")


def premises(folder: Path) -> Premises:
    return Premises(str(folder), ["/usr/lib"], [], file_bytes=MIB)


def test_every_probe_fails(cell: Cell, scratch: Scratch, file: BinaryIO, tmp_path: Path) -> None:
    """Network, processes, the worker and its files are out of reach; no probe is left out."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    secret.chmod(0o666)
    options = {"worker": os.getpid(), "secret": str(secret)}
    with scratch.folder("own", NOBODY) as folder:
        said = cell.run("program probe", file, options, premises=premises(folder)).result
    wanted = {
        *("AF_INET SOCK_STREAM", "AF_INET6 SOCK_DGRAM", "AF_NETLINK SOCK_DGRAM", "connect"),
        *(
            "connect a stream of this machine",
            "listen beside its folder",
            "read a program of the system",
        ),
        *("exec a file of its own", "open /etc/passwd", "open the worker's environment"),
        *("read a file of the worker", "write beside a file of the worker", "kill the worker"),
        *("write a gigabyte in its folder", "a fork bomb", "ptrace the worker", "be root"),
        *("unshare", "bpf", "keyctl", "io_uring_setup", "userfaultfd", "process_vm_readv"),
    }
    assert wanted <= set(said)
    assert {name: word for name, word in said.items() if word != "denied"} == {}
    assert secret.read_bytes() == b"secret"


@pytest.mark.parametrize("missing", WITHOUT)
def test_an_open_cell_is_named(
    missing: str, scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one of its locks does not hold, the trial says what could be done."""
    monkeypatch.setattr(warm, "_BOOT", f"{_BOOT}{WITHOUT[missing]}template.main()")
    cell = Cell(seconds=120, memory_bytes=512 * MIB)
    with scratch.folder("own", NOBODY) as folder, pytest.raises(OfficeUnfit) as caught:
        break_out(premises(folder), cell, scratch)
    cell.close()
    for probe in OPEN[missing]:
        assert probe in str(caught.value), caught.value


@pytest.mark.parametrize("version", [0, 1])
def test_without_landlock_there_is_no_weaker_cell(
    version: int, scratch: Scratch, file: BinaryIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is run, and the log says what is missing; the strict cell does without."""
    boot = f"{_BOOT}landlock._version = lambda: {version};template.main()"
    monkeypatch.setattr(warm, "_BOOT", boot)
    cell = Cell(seconds=120, memory_bytes=512 * MIB)
    with scratch.folder("own", NOBODY) as folder, pytest.raises(CellBroken) as caught:
        cell.run("program probe", file, premises=premises(folder))
    cell.close()
    assert f"Landlock version {version}, and 2 is needed" in caught.value.log


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize(
    ("act", "word"), [("litter", "wrote more than it may"), ("hide", "hid a folder")]
)
def test_one_that_fills_its_folder_is_ended(
    act: str, word: str, scratch: Scratch, file: BinaryIO, tmp_path: Path
) -> None:
    """Neither room nor names are without end, and what it made is gone, however deep."""
    cell = Cell(seconds=120, memory_bytes=512 * MIB)
    options = {"act": act}
    with scratch.folder("own", NOBODY) as folder:
        own, patrol = premises(folder), partial(within_bounds, folder)
        with pytest.raises(CellCrashed, match=word):
            cell.run("hostile", file, options, warm=options, premises=own, patrol=patrol)
    cell.close()
    assert cell_children() == []
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_list_knows_no_way_out(machine: str) -> None:
    """What reaches beyond the process is on no machine's list."""
    numbers, strict = program_calls.NUMBERS[machine], seccomp.MACHINES[machine]
    beyond = {
        # connect sendto sendmsg socketpair ptrace kill mount chroot setns unshare bpf keyctl link
        # symlink chmod chown mknod setxattr utimensat memfd_create userfaultfd perf_event_open
        "x86_64": {42, 44, 46, 53, 101, 62, 165, 161, 308, 272, 321, 250, 86, 88, 90, 92, 133, 188}
        | {280, 319, 323, 298, 265, 266, 268, 260, 259, 58, 57, 56, 435, 425, 41, 302, 257, 2, 72},
        "aarch64": {203, 206, 211, 199, 117, 129, 40, 51, 268, 97, 280, 219, 37, 36, 53, 54, 33, 5}
        | {88, 279, 282, 241, 220, 435, 425, 198, 261, 56, 25, 52, 55},
    }[machine]
    assert not beyond & {*numbers.allowed, *strict.allowed}
