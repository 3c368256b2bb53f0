"""A worker has as many processes as the machine, or the container around it, has room for."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from uploads.config import Settings
from uploads.config_forms import MIB
from workers import machine
from workers.sandbox.niceness import give_way
from workers.sandbox.warm import Template

GIB = 1024 * MIB
_WEIGHTS = Path("/proc/sys/kernel/sched_autogroup_enabled")


@pytest.mark.parametrize(
    ("processors", "gib", "processes"),
    [
        (1, 24, 2),
        (2, 24, 3),
        (2, 8, 3),
        (2, 7.6, 3),
        (2, 6, 2),
        (2, 1, 2),
        (8, 64, 9),
        (64, 512, 9),
    ],
)
def test_one_process_more_than_processors_as_far_as_memory_goes(
    monkeypatch: pytest.MonkeyPatch, processors: int, gib: float, processes: int
) -> None:
    monkeypatch.setattr(machine, "processors", lambda: processors)
    monkeypatch.setattr(machine, "memory_bytes", lambda: int(gib * GIB))
    assert machine.processes(Settings()) == processes


def test_what_was_set_is_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory_bytes", lambda: GIB)
    assert machine.processes(Settings(worker_processes=20)) == 20


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{text}\n")
    return folder


def test_limits_of_a_container_count(tmp_path: Path) -> None:
    """Version 2: `cpu.max` is quota and period in microseconds, `memory.max` bytes."""
    ours = written(tmp_path, cpu_dot_max="50000 100000", memory_dot_max=str(64 * MIB))
    assert machine.processors(ours) == 1
    assert machine.memory_bytes(ours) == 64 * MIB


def test_limits_of_an_older_container_count(tmp_path: Path) -> None:
    ours = written(
        tmp_path,
        cpu__cpu_dot_cfs_quota_us="90000",
        cpu__cpu_dot_cfs_period_us="100000",
        memory__memory_dot_limit_in_bytes=str(64 * MIB),
    )
    assert machine.processors(ours) == 1
    assert machine.memory_bytes(ours) == 64 * MIB


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"cpu_dot_max": "max 100000", "memory_dot_max": "max"},
        {"cpu__cpu_dot_cfs_quota_us": "-1", "cpu__cpu_dot_cfs_period_us": "100000"},
        {"cpu_dot_max": "", "memory_dot_max": "0x10"},
    ],
)
def test_without_limits_it_is_the_machine(tmp_path: Path, words: dict[str, str]) -> None:
    ours = written(tmp_path, **words)
    assert machine.processors(ours) == len(os.sched_getaffinity(0))
    assert machine.memory_bytes(ours) == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _nice_worker(told: Connection) -> None:
    os.setsid()
    give_way(7)
    template = Template()
    template.warm("structure", {})
    template.wait_warm(60)  # it is past its beginning
    told.send([_niceness(pid) for pid in (os.getpid(), template._process.pid)])
    template.close()


def _niceness(pid: int) -> tuple[int, str]:
    """Its own, and that of its session where sessions are weighed."""
    weighed = _WEIGHTS.exists() and _WEIGHTS.read_text().strip() == "1"
    session = Path(f"/proc/{pid}/autogroup").read_text().split()[-1] if weighed else "7"
    return os.getpriority(os.PRIO_PROCESS, pid), session


def test_a_worker_and_its_cells_give_way() -> None:
    """Templates have sessions of their own, which the kernel may weigh instead of processes."""
    context = multiprocessing.get_context("fork")
    ours, its = context.Pipe()
    worker = context.Process(target=_nice_worker, args=(its,))
    worker.start()
    assert ours.poll(60)
    assert ours.recv() == [(7, "7"), (7, "7")]
    worker.join()
