"""A large file costs the worker room on disk and no memory: it passes in pieces, to its last byte.

By the real store, engines and cell, in a process of its own whose peak the kernel keeps (VmHWM).
"""

from __future__ import annotations

import multiprocessing
import random
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.support.facts import document, job
from tests.support.line import Line
from tests.support.s3 import client, running_s3
from tests.support.samples import iso_media
from uploads.documents.model import Outcome, Verdict
from uploads.storage.protocol import Bucket, Storage
from workers.inspection.canaries import eicar
from workers.inspection.examining import Examiner, Source, TimeFor
from workers.inspection.structure import Structure
from workers.inspection.yara import Yara
from workers.sandbox.parent import Cell, Reply
from workers.scratch import Scratch

MIB = 1024 * 1024
LARGE = 640  # MiB
WORKER_BYTES = 32 * MIB
"""What the worker may grow by, whatever the size."""
CELL_BYTES = 160 * MIB
"""What a child may take beyond its template: the rules look at windows of 32 MiB."""


class WeighedCell(Cell):
    """Keeps what the kernel said of each child's memory."""

    def run(self, *args: Any, **options: Any) -> Reply:
        reply = super().run(*args, **options)
        self.bytes_each.append(reply.usage.memory_bytes)
        return reply

    bytes_each: list[int]


@dataclass(frozen=True)
class Told:
    """What the worker says of one file."""

    verdict: Verdict
    scratch: list[int]
    scratch_after: list[int]
    stored: int
    cells: list[int]
    peak: int


def worker(told: Connection, endpoint: str, folder: Path) -> None:
    """Inspects and puts away a small and a large file, each with a virus as its last bytes."""
    folder.mkdir()
    storage, line = client(endpoint), Line(folder)
    line.storage = storage  # type: ignore[assignment]
    cell = WeighedCell(30, 2048 * MIB)
    scratch = Scratch(folder / "scratch")
    examiner = Examiner(
        storage=storage,
        scratch_files=scratch,
        engines=[Structure(cell), Yara(cell)],
        absent=[],
        required=["structure", "yara"],
        clock=lambda: datetime.now(UTC),
        transfer_seconds=600,
        time_for=TimeFor(600, 600),
    )
    publisher = line._publisher()
    film = document(type="video/mp4", sha256=None)
    for mebibytes in (8, LARGE):
        cell.bytes_each = []
        sources = list(put(storage, mebibytes))
        with examiner.examined(job(), film, sources) as (path, verdict):
            during = sizes(scratch)
            publisher.store(Bucket.QUARANTINE, "film/1", path, verdict.size, verdict.sha256)
        kept = storage.stat(Bucket.QUARANTINE, "film/1")
        stored = kept.size if kept else 0
        told.send(Told(verdict, during, sizes(scratch), stored, cell.bytes_each, peak()))


def put(storage: Storage, mebibytes: int) -> Iterator[Source]:
    """A film in segments: its head, one mebibyte of frames again and again, and the bait."""
    frames, bait = random.Random(1).randbytes(MIB), eicar()
    size = mebibytes * MIB + len(bait)
    head = iso_media(b"isom") + struct.pack(">I4s", size + 8, b"mdat")
    for key, data in (("upl/head", head), ("upl/frames", frames), ("upl/bait", bait)):
        storage.put(Bucket.INCOMING, key, [data], len(data))
    yield Source(Bucket.INCOMING, "upl/head", len(head))
    yield from (Source(Bucket.INCOMING, "upl/frames", MIB) for _ in range(mebibytes))
    yield Source(Bucket.INCOMING, "upl/bait", len(bait))


def sizes(scratch: Scratch) -> list[int]:
    return [path.stat().st_size for path in scratch._root.iterdir()]


def peak() -> int:
    """The most memory that this process has ever had (proc_pid_status(5))."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return 1024 * int(found[1])


def test_a_large_file_is_inspected_whole_in_bounded_memory(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ours, its = context.Pipe()
    with running_s3(tmp_path / "s3") as endpoint:
        process = context.Process(target=worker, args=(its, endpoint, tmp_path / "worker"))
        process.start()
        its.close()
        small, large = ours.recv(), ours.recv()
        process.join()
    for told, mebibytes in ((small, 8), (large, LARGE)):
        assert told.verdict.size > mebibytes * MIB
        assert told.verdict.outcome is Outcome.INFECTED, "its last bytes were not read"
        assert told.scratch == [told.verdict.size]
        assert told.scratch_after == []
        assert told.stored == told.verdict.size
        assert len(told.cells) == 2
        assert max(told.cells) < CELL_BYTES, told.cells
    assert large.peak - small.peak < WORKER_BYTES, f"{small.peak:,} and then {large.peak:,} bytes"
