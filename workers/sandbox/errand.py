"""One file shown to one child, heard to its end, and its answer doubted.

Whatever the child says was said by the stranger who wrote the file: it is bounded in bytes and
time, its shape is checked, and its error output goes to the log only. Chooses no child.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from workers.sandbox.answer import HEAD_LIMIT, MalformedReply, Reply, parse
from workers.sandbox.failures import (
    CellBroken,
    CellCrashed,
    CellFailure,
    CellKilled,
    CellSlow,
    CellTimeout,
)
from workers.sandbox.frames import Frames
from workers.sandbox.listener import Listener, TooMuch
from workers.sandbox.warm import House, NotOrdered, Run, Template, TemplateLost

START_SECONDS = 30  # for interpreter and imports, on a busy machine; not the file's fault
_PATROL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be done with a file: the order as the template knows it, and how it is heard.

    `seconds` is the longest time after the child's start, `payload_limit` is in bytes; `sink` takes
    the frames of a task that hands some out; `patrol` looks after it meanwhile. Both may raise.
    """

    order: Mapping[str, Any]
    file: BinaryIO
    seconds: float
    payload_limit: int = 0
    sink: Callable[[bytes], None] | None = None
    patrol: Callable[[], None] | None = None

    @property
    def task(self) -> str:
        """The task's name."""
        return str(self.order["task"])

    def run(self, template: Template, house: House | None) -> tuple[Reply, Run]:
        """Have a child of this template do it; with a `house`, one that may rest there.

        Raises CellTimeout, CellCrashed, CellKilled, or CellBroken when no byte of the file was
        read.
        """
        limit = HEAD_LIMIT + 1 + self.payload_limit
        passing = Frames(self.sink).pass_on if self.sink else bytes
        run = None
        try:
            with template.run(self.order, self.file, limit, passing, house) as run:
                self._wait(template, run)
            return self._reply(run), run
        except NotOrdered as error:
            raise CellBroken(f"the {self.task} cell's template: {error}", error.log) from error
        except TemplateLost as error:
            # With the template went the child: somebody killed it, perhaps because of this file.
            raise CellKilled(f"the {self.task} cell's template: {error}", error.log) from error
        except (TooMuch, MalformedReply) as error:
            assert run is not None
            raise self._spoiled(str(error) or "more than it may", run) from error
        except CellFailure as failure:
            failure.number = run.number if run else 1
            raise

    def _spoiled(self, how: str, run: Run) -> CellCrashed:
        failure = CellCrashed(f"{self.task} said {how}", run.listener.log(), run.usage)
        failure.number = run.number
        return failure

    def _wait(self, template: Template, run: Run) -> None:
        """Wait until the child is done, within both its times."""
        listener = run.listener
        if not listener.wait_ready(START_SECONDS):
            raise CellBroken(f"the {self.task} cell did not start", listener.log())
        late = self._outlives(listener)
        if late:
            template.kill()
        template.collect(run)
        if late:
            sentence = f"{self.task} took longer than {self.seconds:g} s"
            raise CellSlow(sentence, listener.log(), run.usage)

    def _outlives(self, listener: Listener) -> bool:
        """Whether the child is still at it when its time has passed."""
        if self.patrol is None:
            return not listener.wait_end(self.seconds)
        left = float(self.seconds)
        while left > 0:
            if listener.wait_end(min(left, _PATROL_SECONDS)):
                return False
            self.patrol()
            left -= _PATROL_SECONDS
        return True

    def _reply(self, run: Run) -> Reply:
        self._check_exit(run)
        return parse(run.listener.reply(), self.payload_limit, run.usage)

    def _check_exit(self, run: Run) -> None:
        code, used, log = run.code, run.usage, run.listener.log()
        if run.rests or code == 0:
            return
        if code == -signal.SIGXCPU:
            raise CellTimeout(f"{self.task} used up its processor time", log, used)
        if code == -signal.SIGKILL:
            raise CellKilled(f"the {self.task} cell was killed", log, used)
        how = f"died of signal {-code}" if code and code < 0 else f"ended with {code}"
        raise CellCrashed(f"{self.task} {how}", log, used)
