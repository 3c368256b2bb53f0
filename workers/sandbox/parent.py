"""The worker's side of the cell: one confined child for one file, bounded, its answer doubted.

Whatever the child says was said by the stranger who wrote the file: it is bounded in bytes and
time, its shape is checked, and its error output goes to the log only. Never parses a file itself.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from workers.sandbox.answer import HEAD_LIMIT, MalformedReply, Reply, Usage, parse
from workers.sandbox.frames import Frames
from workers.sandbox.listener import Listener, TooMuch
from workers.sandbox.premises import Premises
from workers.sandbox.warm import Run, Template, TemplateLost

__all__ = [
    "Cell",
    "CellBroken",
    "CellCrashed",
    "CellFailure",
    "CellKilled",
    "CellOpen",
    "CellTimeout",
    "Reply",
    "Usage",
]

START_SECONDS = 30  # for interpreter and imports, on a busy machine; not the file's fault
FILES_PER_TEMPLATE = 500  # then the next one has its memory laid out anew
_PATROL_SECONDS = 0.2
# A fork copies the tables of all memory that its template has. So what comes with large libraries
# has templates to itself, and its probe with it: libraries leave things behind.
_FAMILIES = ("other", "render", "media")
_PROBES = ("probe", "render probe", "media probe")


class CellFailure(Exception):
    """Base of what can go wrong with a cell; `log` is for the log only, never for people.

    `usage` is what the child had taken by then.
    """

    def __init__(self, sentence: str, log: str = "", usage: Usage | None = None) -> None:
        super().__init__(sentence)
        self.log = log
        self.usage = usage or Usage()


class CellTimeout(CellFailure):
    """Raised when a file took the child longer than it may."""


class CellCrashed(CellFailure):
    """Raised when the child died over a file or broke the reply's form."""


class CellBroken(CellCrashed):
    """Raised when the child ended before it touched the file: ours to repair, not the file's."""


class CellKilled(CellFailure):
    """Raised when somebody else killed the child: the kernel, short of memory, or an operator.

    That is no word about the file. But a file may be the reason, so the start stays counted.
    """


class CellOpen(CellFailure):
    """Raised by the self-test when the cell does not hold; the worker must not start."""


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
    ) -> Reply:
        """Run `task` over an open file and return its checked reply.

        `file` must have a descriptor; its position stays as it is. `payload_limit` is in bytes.
        `warm` is what the task is loaded with; other words need another template. `sink` takes the
        frames of a task that hands some out, and may raise to have the child killed. `memory_bytes`
        is a stricter bound than the cell's own. A task that becomes a program of others keeps
        `premises`; `patrol` looks after them while it runs, and may raise as well.
        Raises CellTimeout, CellCrashed, CellKilled, or CellBroken when no byte of the file was
        read.
        """
        template = self._take(task, warm or {})
        try:
            order = self._order(task, dict(options or {}), memory_bytes, premises)
            passing = Frames(sink).pass_on if sink else bytes
            reply = self._ask(template, order, file, payload_limit, passing, patrol)
        except BaseException:
            template.close()
            raise
        self._give_back(_family(task), template)
        return reply

    def _take(self, task: str, warm: Mapping[str, Any]) -> Template:
        """Return a template that has loaded the task. Raises CellBroken."""
        with self._lock:
            idle = self._idle[_family(task)]
            template = idle.pop() if idle else None
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

    def _give_back(self, family: str, template: Template) -> None:
        if template.files >= FILES_PER_TEMPLATE:
            template.close()
            return
        with self._lock:
            self._idle[family].append(template)

    def _order(
        self, task: str, options: dict[str, Any], memory: int | None, premises: Premises | None
    ) -> dict[str, Any]:
        limits = {
            "cpu_seconds": 2 * self.seconds,  # of two threads; holds when nobody watches the clock
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

    def _ask(
        self,
        template: Template,
        order: dict[str, Any],
        file: BinaryIO,
        payload: int,
        passing: Callable[[bytes], bytes],
        patrol: Callable[[], None] | None,
    ) -> Reply:
        task, limit = order["task"], HEAD_LIMIT + 1 + payload
        try:
            with template.run(order, file, limit, passing) as run:
                try:
                    self._wait(task, template, run, patrol)
                except TooMuch as error:
                    raise CellCrashed(
                        f"{task} said more than it may", run.listener.log()
                    ) from error
                except MalformedReply as error:
                    raise CellCrashed(f"{task}: {error}", run.listener.log()) from error
        except TemplateLost as error:
            # With the template went the child: somebody killed it, perhaps because of this file.
            raise CellKilled(f"the {task} cell's template: {error}", error.log) from error
        said, log = run.listener.reply(), run.listener.log()
        _check_exit(task, run, log)
        try:
            return parse(said, payload, run.usage)
        except MalformedReply as error:
            raise CellCrashed(f"{task} answered out of form: {error}", log, run.usage) from error

    def _wait(
        self, task: str, template: Template, run: Run, patrol: Callable[[], None] | None
    ) -> None:
        """Wait for the child's end within both its times."""
        listener = run.listener
        if not listener.wait_ready(START_SECONDS):
            raise CellBroken(f"the {task} cell did not start", listener.log())
        late = self._outlives(listener, patrol)
        if late:
            template.kill()
        template.collect(run)
        if late:
            raise CellTimeout(
                f"{task} took longer than {self.seconds} s", listener.log(), run.usage
            )

    def _outlives(self, listener: Listener, patrol: Callable[[], None] | None) -> bool:
        """Whether the child is still there when its time has passed."""
        if patrol is None:
            return not listener.wait_end(self.seconds)
        left = float(self.seconds)
        while left > 0:
            if listener.wait_end(min(left, _PATROL_SECONDS)):
                return False
            patrol()
            left -= _PATROL_SECONDS
        return True

    def self_test(self) -> None:
        """Try to break out by every way we know, beside whatever the templates have loaded.

        Raises CellOpen naming what succeeded.
        """
        for probe in _PROBES:
            self._try(probe)

    def _try(self, probe: str) -> None:
        with Path(__file__).open("rb") as any_file:
            try:
                reply = self.run(probe, any_file, {"worker": os.getpid()})
            except CellFailure as error:
                raise CellOpen(f"the cell could not be tested: {error}", error.log) from error
        succeeded = [name for name, word in reply.result.items() if word != "denied"]
        if succeeded or not reply.result:
            raise CellOpen("the cell is open: " + ", ".join(sorted(succeeded) or ["no probe ran"]))


def _family(task: str) -> str:
    """Which tasks it shares templates with."""
    name = task.split(maxsplit=1)[0]
    return name if name in _FAMILIES else _FAMILIES[0]


def _check_exit(task: str, run: Run, log: str) -> None:
    code, used = run.code, run.usage
    assert code is not None
    if code == -signal.SIGXCPU:
        raise CellTimeout(f"{task} used up its processor time", log, used)
    if code == -signal.SIGKILL:
        raise CellKilled(f"the {task} cell was killed", log, used)
    if code != 0:
        how = f"died of signal {-code}" if code < 0 else f"ended with {code}"
        raise CellCrashed(f"{task} {how}", log, used)
