"""The parser cell, with real children."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import psutil
import pytest

from tests.support.cells import BOOT_HOSTILE, cell_children, confined_child
from tests.support.waiting import eventually
from uploads.config import Settings
from workers.lineup import everything
from workers.sandbox import warm
from workers.sandbox.parent import (
    Cell,
    CellBroken,
    CellCrashed,
    CellKilled,
    CellOpen,
    CellSlow,
    CellTimeout,
    Measure,
    Reply,
)
from workers.sandbox.template import TASKS

ROOT = Path(__file__).parents[2]
MIB = 1024 * 1024

BOOT_OPEN = (
    "import sys; sys.path[:] = sys.argv.pop(1).split(chr(0x1f));"
    "from workers.sandbox import template, confinement;"
    "confinement.confine = lambda *_: None; template.main()"
)


def act(
    file: BinaryIO,
    name: str,
    *,
    seconds: int = 60,
    limit: int = 0,
    bare: bool = False,
    measure: Measure | None = None,
    **more: Any,
) -> Reply:
    """Run one act of the hostile task."""
    cell = Cell(seconds=seconds, memory_bytes=256 * MIB, confined=not bare)
    options = {"act": name, **more}
    try:
        loaded = {"act": name}
        return cell.run("hostile", file, options, payload_limit=limit, warm=loaded, measure=measure)
    finally:
        cell.close()


def test_every_probe_fails() -> None:
    """No way out of the cell that we know of is open, with all loaded that files will find."""
    cell = Cell(seconds=60, memory_bytes=256 * MIB)
    loaded = everything(Settings(), cell)
    # Programs have a cell of their own, and what probes is loaded with the probing.
    assert set(loaded) == {one for one in TASKS if "probe" not in one} - {"convert"}
    cell.prepare(loaded)
    cell.self_test()
    cell.close()


def test_the_probes_are_many(file: BinaryIO) -> None:
    """The self-test tries network, files, processes, memory and identity; none is left out."""
    options = {"worker": os.getpid()}
    cell = Cell(seconds=60, memory_bytes=256 * MIB)
    said = cell.run("probe", file, options).result
    cell.close()
    wanted = {
        *("AF_INET SOCK_STREAM", "AF_INET SOCK_DGRAM", "AF_UNIX SOCK_STREAM", "connect", "exec"),
        *("open /etc/passwd", "open the worker's environment", "write a file", "fork by libc"),
        *("a fork bomb", "write a gigabyte", "ptrace the template", "kill the template"),
        *(
            "kill 1",
            "kill the worker",
            "ptrace the worker",
            "unshare",
            "be root",
            "io_uring_setup",
            "bpf",
        ),
    }
    assert wanted <= set(said)
    assert set(said.values()) == {"denied"}


def test_an_open_cell_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without confinement the self-test raises, and says what it could do."""
    monkeypatch.setattr(warm, "_BOOT", BOOT_OPEN)
    cell = Cell(seconds=60, memory_bytes=256 * MIB)
    with pytest.raises(CellOpen) as caught:
        cell.self_test()
    cell.close()  # what was caught keeps it until it is collected, and other tests count templates
    for probe in ("open /etc/passwd", "AF_INET SOCK_STREAM", "fork by libc", "exec", "unshare"):
        assert probe in str(caught.value)


def test_holds_for_a_worker_without_root(tmp_path: Path) -> None:
    """A worker that is no root, even one with a capability, has a cell as tight that renders."""
    script = (
        "import os, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from workers.sandbox.parent import Cell\n"
        "from workers.rendering.render import Renderer\n"
        "cell = Cell(seconds=60, memory_bytes=268435456)\n"
        "cell.self_test()\n"
        "pictures = Renderer(cell).render(open(sys.argv[2], 'rb'), 'image/gif')\n"
        "print(os.geteuid(), pictures[0].width)\n"
    )
    picture = tmp_path / "a.gif"
    picture.write_bytes(b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;")
    # The capability lets another uid read an installation below a closed home.
    caps = "-all,+dac_override"
    power = [f"--inh-caps={caps}", f"--ambient-caps={caps}"]
    lower = ["setpriv", "--reuid=65533", "--regid=65533", "--clear-groups", *power]
    command = [sys.executable, "-c", script, str(ROOT), str(picture)]
    done = subprocess.run(
        [*(lower if os.geteuid() == 0 else []), *command], capture_output=True, text=True, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    uid, width = done.stdout.split()
    assert uid != "0"
    assert width == "1"


@pytest.mark.usefixtures("hostile")
class TestHostile:
    """What a file that took over its parser may try."""

    def test_reads_from_the_start(self, file: BinaryIO) -> None:
        """The child reads the file from its start, and the parent's position stays as it was."""
        file.seek(6)
        assert act(file, "read", more="ä").result == {
            "head": "bytes of a stran",
            "act": "read",
            "more": "ä",
        }
        assert file.tell() == 6

    def test_cannot_change_the_file(self, file: BinaryIO) -> None:
        """A file that the parent opened for writing is read-only for the child."""
        assert act(file, "write the file").result["errno"] > 0
        file.seek(0)
        assert file.read() == b"bytes of a stranger"

    @pytest.mark.parametrize("name", ["segv", "abort", "exit", "html", "memory"])
    def test_crash(self, file: BinaryIO, name: str) -> None:
        """A child that dies, hoards memory or talks nonsense is a crash, and leaves nothing."""
        with pytest.raises(CellCrashed) as caught:
            act(file, name)
        assert not isinstance(caught.value, CellBroken)
        assert cell_children() == []

    def test_killed(self, file: BinaryIO) -> None:
        """A child that somebody else killed says nothing about its file."""
        with pytest.raises(CellKilled):
            act(file, "be killed")
        assert cell_children() == []

    @pytest.mark.parametrize("name", ["spin", "close and live"])
    def test_timeout(self, file: BinaryIO, name: str) -> None:
        """A child that goes on for ever is killed in time, also when it closed its pipes."""
        with pytest.raises(CellTimeout):
            act(file, name, seconds=1)
        assert cell_children() == []

    def test_measure(self, file: BinaryIO) -> None:
        """Who took the processor is told from who was only late by the clock."""
        soon, late = time.monotonic() + 1, time.monotonic() + 60
        with pytest.raises(CellTimeout, match="processor time") as caught:
            act(file, "spin", measure=Measure(1, late))
        assert not isinstance(caught.value, CellSlow)
        with pytest.raises(CellSlow):
            act(file, "close and live", measure=Measure(60, soon))

    def test_flood(self, file: BinaryIO) -> None:
        """A child that says more than it may is killed at once."""
        before = psutil.Process().memory_info().rss
        with pytest.raises(CellCrashed, match="more than it may"):
            act(file, "flood", limit=1000)
        assert psutil.Process().memory_info().rss - before < 16 * MIB
        assert cell_children() == []

    def test_log(self, file: BinaryIO) -> None:
        """Error output is bounded, and is in the log text only."""
        with pytest.raises(CellCrashed) as caught:
            act(file, "flood the log")
        assert len(caught.value.log) <= 8192
        assert "secret sentence" in caught.value.log
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize(("size", "limit", "fits"), [(10, 10, True), (11, 10, False)])
    def test_payload(self, file: BinaryIO, size: int, limit: int, fits: bool) -> None:
        """A payload is returned up to its limit and refused above it."""
        if fits:
            assert act(file, "payload", size=size, limit=limit).payload == b"x" * size
        else:
            with pytest.raises(CellCrashed):
                act(file, "payload", size=size, limit=limit)

    def test_whole_group(self, file: BinaryIO) -> None:
        """What a child started, where nothing kept it from that, dies with it."""
        stray = act(file, "stray", bare=True).result["stray"]
        eventually(lambda: _is_dead(stray), 60)

    def test_broken(self, file: BinaryIO) -> None:
        """A cell that cannot start is our fault, not the file's."""
        with pytest.raises(CellBroken) as caught:
            act(file, "missing library")
        assert "a library that is not there" in caught.value.log

    def test_threads(self, file: BinaryIO) -> None:
        """A task that leaves a thread in the template is refused: a fork would lose it."""
        with pytest.raises(CellBroken) as caught:
            act(file, "leave a thread")
        assert "LeftThreads" in caught.value.log

    def test_usage(self, file: BinaryIO) -> None:
        """What a file took is told, also when the child was killed over it."""
        spent = act(file, "spend", mib=64).usage
        assert spent.cpu_seconds > 0
        assert 64 * MIB < spent.memory_bytes < 128 * MIB
        with pytest.raises(CellTimeout) as caught:
            act(file, "spin", seconds=1)
        assert 0 < caught.value.usage.cpu_seconds < 2

    def test_descriptors(self, file: BinaryIO) -> None:
        """Nothing stays open in the worker, however the child ends."""
        before = _descriptors()
        act(file, "read")
        with pytest.raises(CellCrashed):
            act(file, "segv")
        assert _descriptors() <= before


def test_dies_with_the_worker(tmp_path: Path) -> None:
    """A worker that is killed with SIGKILL takes its child with it."""
    script = (
        "import sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from workers.sandbox import warm, parent\n"
        f"warm._BOOT = {BOOT_HOSTILE!r}\n"
        "parent.Cell(seconds=60, memory_bytes=1<<28)"
        ".run('hostile', open(sys.argv[2], 'rb'), {'act': 'spin'}, warm={'act': 'spin'})\n"
    )
    target = tmp_path / "file"
    target.write_bytes(b"x")
    worker = subprocess.Popen([sys.executable, "-c", script, str(ROOT), str(target)])
    try:
        child = eventually(lambda: confined_child(worker.pid), 60)
        assert child is not None
    finally:
        worker.kill()
        worker.wait()
    eventually(lambda: _is_dead(child.pid), 60)


def _descriptors() -> set[tuple[str, str]]:
    """What this process has open. What a test before has left may be closed at any time."""
    found = set()
    for one in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the folder itself, while it was read
            found.add((one.name, str(one.readlink())))
    return found


def _is_dead(pid: int) -> bool:
    """Whether a process is gone, or a zombie that its new parent has not collected yet."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
