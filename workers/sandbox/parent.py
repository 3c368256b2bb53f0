"""The worker's side of the cell: whose child sees a file, and what happens at a doubt.

Keeps templates, each with a child at most. Never parses a file itself.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from workers.sandbox.answer import Reply, Usage
from workers.sandbox.errand import START_SECONDS, Errand
from workers.sandbox.failures import (
    CellBroken,
    CellCrashed,
    CellFailure,
    CellKilled,
    CellOpen,
    CellSlow,
    CellTimeout,
)
from workers.sandbox.premises import Premises
from workers.sandbox.warm import House, Template, TemplateLost

__all__ = [
    "Cell",
    "CellBroken",
    "CellCrashed",
    "CellFailure",
    "CellKilled",
    "CellOpen",
    "CellSlow",
    "CellTimeout",
    "Measure",
    "Reply",
    "Usage",
]

FILES_PER_TEMPLATE = 500  # then the next one has its memory laid out anew
# A fork copies the tables of all memory that its template has. So what comes with large libraries
# has templates to itself, and its probe with it: libraries leave things behind.
_FAMILIES = ("other", "render", "media")
_PROBES = ("probe", "render probe", "media probe")
_PATIENCE = 3  # by the clock, for each second of the processor


@dataclass(frozen=True, slots=True)
class Measure:
    """For a file that is to be judged by the processor's time, as the clock runs for others too.

    `cpu_seconds` may be taken, and no more than the cell's `seconds`; by the clock thrice these, up
    to `deadline` (`time.monotonic`).
    """

    cpu_seconds: float
    deadline: float


class Cell:
    """Starts throw-away children, each forked from a template that is thrown away at any doubt.

    `seconds` is the longest time for one file, after the child's start; `memory_bytes` is the
    address space it may take beyond what its libraries hold. Without `confined` a child has less
    than the worker but is no cell: only for an operator who said so. May be used by several
    threads: each has a template of its own while it runs. Not to be carried over a fork.
    """

    def __init__(self, seconds: int, memory_bytes: int, *, confined: bool = True) -> None:
        self.seconds = seconds
        self._memory_bytes = memory_bytes
        self._confined = confined
        self._lock = threading.Lock()
        self._idle: dict[str, list[Template]] = {family: [] for family in _FAMILIES}

    def prepare(self, tasks: Mapping[str, Mapping[str, Any]]) -> None:
        """Have templates load these tasks, each with its options, while we go on."""
        for family in {_family(task) for task in tasks}:
            template = Template()
            try:
                for task, options in tasks.items():
                    if _family(task) == family:
                        template.warm(task, options)
            except TemplateLost:
                template.close()  # whoever wants it next finds out why
                continue
            self._give_back(family, template)

    def close(self) -> None:
        """End all templates that nobody uses."""
        with self._lock:
            ended = [template for family in self._idle.values() for template in family]
            self._idle = {family: [] for family in _FAMILIES}
        for template in ended:
            template.close()

    def run(
        self,
        task: str,
        file: BinaryIO,
        options: Mapping[str, Any] | None = None,
        *,
        payload_limit: int = 0,
        warm: Mapping[str, Any] | None = None,
        sink: Callable[[bytes], None] | None = None,
        memory_bytes: int | None = None,
        premises: Premises | None = None,
        patrol: Callable[[], None] | None = None,
        whose: str | None = None,
        flawless: Callable[[Reply], bool] = lambda reply: True,
        measure: Measure | None = None,
    ) -> Reply:
        """Run `task` over an open file and return its checked reply.

        `file` must have a descriptor; its position stays as it is. `payload_limit` is in bytes.
        `warm` is what the task is loaded with; other words need another template. `sink` takes the
        frames of a task that hands some out, and may raise to have the child killed. `memory_bytes`
        is a stricter bound than the cell's own. A task that becomes a program of others keeps
        `premises`; `patrol` looks after them while it runs, and may raise as well.
        With `whose`, the file may be served by a child that served files of the same owner before:
        only where no more than their pictures hangs on what it says. The first reply that is not
        `flawless` is its last; the file is then shown once more, to a child of its own.
        With `measure` the processor's time decides, and CellSlow is no word about the file.
        Raises CellTimeout, CellCrashed, CellKilled, or CellBroken when no byte of the file was
        read.
        """
        cpu, clock = self._times(measure)
        order = self._order(task, dict(options or {}), cpu, memory_bytes, premises)
        errand = Errand(order, file, clock, payload_limit, sink, patrol)
        stays = whose is not None and self._confined and premises is None
        house = (task, whose, memory_bytes) if stays else None
        return self._served(errand, warm or {}, house, flawless)

    def _served(
        self,
        errand: Errand,
        warm: Mapping[str, Any],
        house: House | None,
        flawless: Callable[[Reply], bool],
    ) -> Reply:
        """Once; and once more where files before it may have harmed the child."""
        try:
            reply, number, good = self._serve(errand, warm, house, flawless)
        except (CellCrashed, CellTimeout) as failure:
            if failure.number == 1:
                raise
        else:
            if good or number == 1:
                return reply
        return self._serve(errand, warm, None, flawless)[0]

    def _serve(
        self,
        errand: Errand,
        warm: Mapping[str, Any],
        house: House | None,
        flawless: Callable[[Reply], bool],
    ) -> tuple[Reply, int, bool]:
        """The reply, which of its child's files it was about, and whether it is without flaw."""
        template = self._take(errand.task, warm, house)
        try:
            reply, run = errand.run(template, house)
            good = flawless(reply)
        except BaseException:
            template.close()
            raise
        if run.rests and not good:
            template.dismiss()
        self._give_back(_family(errand.task), template)
        return reply, run.number, good

    def _take(self, task: str, warm: Mapping[str, Any], house: House | None) -> Template:
        """Return a template that has loaded the task. Raises CellBroken."""
        template = self._idle_one(_family(task), house)
        if template is not None and not template.suits(task, warm):
            template.close()
            template = None
        template = template or Template()
        try:
            template.warm(task, warm)
            template.wait_warm(START_SECONDS)
        except TemplateLost as error:
            template.close()
            raise CellBroken(f"the {task} cell did not start: {error}", error.log) from error
        return template

    def _idle_one(self, family: str, house: House | None) -> Template | None:
        """One where a child of this house rests; else one without a child; else any."""
        with self._lock:
            idle = self._idle[family]
            order = sorted(idle, key=lambda one: (not one.awaits(house), not one.awaits(None)))
            if order:
                idle.remove(order[0])
            return order[0] if order else None

    def _give_back(self, family: str, template: Template) -> None:
        if template.files >= FILES_PER_TEMPLATE:
            template.close()
            return
        with self._lock:
            self._idle[family].append(template)

    def _times(self, measure: Measure | None) -> tuple[int, float]:
        """Seconds of the processor, and by the clock."""
        if measure is None:
            return 2 * self.seconds, self.seconds  # of two threads; when nobody watches the clock
        cpu = max(1, math.ceil(min(self.seconds, measure.cpu_seconds)))
        return cpu, max(1.0, min(_PATIENCE * self.seconds, measure.deadline - time.monotonic()))

    def _order(
        self,
        task: str,
        options: dict[str, Any],
        cpu: int,
        memory: int | None,
        premises: Premises | None,
    ) -> dict[str, Any]:
        limits = {
            "cpu_seconds": cpu,
            "memory_bytes": min(self._memory_bytes, memory or self._memory_bytes),
        }
        if premises:
            limits |= {"file_bytes": premises.file_bytes, "open_files": premises.open_files}
        return {
            "task": task,
            "options": options,
            "confined": self._confined,
            "limits": limits,
            "premises": premises.words() if premises else None,
        }

    def self_test(self) -> None:
        """Try to break out by every way we know, beside whatever the templates have loaded.

        Raises CellOpen naming what succeeded.
        """
        for probe in _PROBES:
            self._try(probe)
        for _ in range(2):  # a child that stays, before it has rested and after
            self._try("render probe", whose="the self-test")

    def _try(self, probe: str, whose: str | None = None) -> None:
        with Path(__file__).open("rb") as any_file:
            try:
                reply = self.run(probe, any_file, {"worker": os.getpid()}, whose=whose)
            except CellFailure as error:
                raise CellOpen(f"the cell could not be tested: {error}", error.log) from error
        succeeded = [name for name, word in reply.result.items() if word != "denied"]
        if succeeded or not reply.result:
            raise CellOpen("the cell is open: " + ", ".join(sorted(succeeded) or ["no probe ran"]))


def _family(task: str) -> str:
    """Which tasks it shares templates with."""
    name = task.split(maxsplit=1)[0]
    return name if name in _FAMILIES else _FAMILIES[0]
