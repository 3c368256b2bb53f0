"""What a file costs every parser that sees it: in a real cell, by that cell's own accounting."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, BinaryIO

from uploads.documents.model import EngineReport
from workers.inspection.engine import Subject
from workers.inspection.structure import Structure
from workers.inspection.yara import Yara
from workers.rendering.render import Renderer, RenderTimeout, Unrenderable
from workers.sandbox.parent import Cell, CellFailure, CellTimeout, Reply, Usage

MIB = 1024 * 1024
# Far more than any of them takes, far less than what a bomb would, were it not stopped.
CPU_SECONDS = 2.0
MEMORY_BYTES = 256 * MIB
_SECONDS = 60


class Accounted(Cell):
    """A cell that keeps what each child took, and whose time was over."""

    def __init__(self) -> None:
        super().__init__(seconds=_SECONDS, memory_bytes=1024 * MIB)
        self.used: list[Usage] = []
        self.late: list[str] = []

    def run(self, task: str, file: BinaryIO, *given: Any, **named: Any) -> Reply:
        try:
            reply = super().run(task, file, *given, **named)
        except CellFailure as failure:
            self.used.append(failure.usage)
            if isinstance(failure, CellTimeout):
                self.late.append(task)
            raise
        self.used.append(reply.usage)
        return reply

    def begin_anew(self) -> None:
        """Forget what was counted."""
        self.used.clear()
        self.late.clear()

    def was_cheap(self) -> None:
        """Every parser stayed below the bounds, and none was ended by the clock."""
        assert len(self.used) >= 2
        assert self.late == []
        for used in self.used:
            assert 0 < used.cpu_seconds < CPU_SECONDS
            assert used.memory_bytes < MEMORY_BYTES


def subject_of(folder: Path, media_type: str, data: bytes) -> Subject:
    path = folder / "subject"
    path.write_bytes(data)
    return Subject(path, len(data), hashlib.sha256(data).hexdigest(), media_type, "a")


def inspected(cell: Cell, subject: Subject) -> list[EngineReport]:
    """What our own engines say of it."""
    return [Structure(cell).inspect(subject), Yara(cell).inspect(subject)]


def rendered(cell: Cell, subject: Subject) -> None:
    """Nothing that was refused is ever rendered; were it, it would be cheap as well."""
    renderer = Renderer(cell)
    if not renderer.handles(subject.type):
        return
    with subject.path.open("rb") as file:
        try:
            renderer.render(file, subject.type)
        except (Unrenderable, RenderTimeout):
            return
