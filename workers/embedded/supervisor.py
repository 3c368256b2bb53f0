"""The supervisor: starts the parts in order, keeps them running, stops them in order.

One thread that waits for signals: SIGCHLD when a child ends, SIGINT, SIGTERM and SIGHUP when it
is time to stop. Knows no actual program (`stack.py` names them) and reads no settings.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.embedded.child import Child
from workers.embedded.part import HAS_SPOKEN, Errand, ErrandFailed, Part, StackError, Step

_STOP = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
_WAITED_FOR = {*_STOP, signal.SIGCHLD}
_PROBE_SECONDS = 0.1

# What kills a part again and again (a full disk, no memory) may pass: it is tried for ever, but
# ever more rarely. A life this long shows that it has passed.
_LONGEST_PAUSE_SECONDS = 30.0
_STEADY_SECONDS = 60.0


class _StopAsked(Exception):
    """Raised inside when a signal asks the supervisor to stop."""


@dataclass
class _Running:
    """A part and its present life: a child, or the time when it is started again."""

    part: Part
    child: Child | None
    since: float
    failures: int = 0
    again_at: float = 0.0


class Supervisor:
    """Runs the steps it is given until it is asked to stop, or until one of them fails to start.

    `stop_order` names the parts as they are stopped; `stop_seconds` bounds the whole stop.
    `back_off_seconds` is the pause before the first restart; each further one takes twice as long,
    up to half a minute.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        *,
        env: Mapping[str, str],
        run_dir: Path,
        stop_order: Sequence[str],
        say: Callable[[str], None],
        stop_seconds: float = 58.0,
        back_off_seconds: float = 0.5,
    ):
        self._steps = steps
        self._env = env
        self._run_dir = run_dir
        self._stop_order = stop_order
        self._say = say
        self._stop_seconds = stop_seconds
        self._back_off_seconds = back_off_seconds
        self._running: dict[str, _Running] = {}
        self._errand: Child | None = None

    def run(self, ready: Callable[[], None]) -> None:
        """Start everything, call `ready`, watch, and stop everything when a signal asks for it.

        Raises StackError, after everything was stopped, when a part does not start. Once all have
        been ready, a part that dies is started again however often that takes.
        """
        self._run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        # They stay blocked: a late second SIGTERM must not turn a clean stop into a death.
        signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
        try:
            for step in self._steps:
                self._take(step)
            ready()
            while True:
                self._wait(self._next_restart())
                self._mend()
        except _StopAsked:
            self._say("Stopping; Ctrl-C again kills at once.")
        finally:
            self._stop()

    def _take(self, step: Step) -> None:
        if isinstance(step, Errand):
            self._run_errand(step)
        else:
            running = _Running(step, self._start(step), time.monotonic())
            self._running[step.name] = running
            self._until_ready(running)

    def _start(self, part: Part) -> Child:
        try:
            part.before()
        except OSError as error:
            cause = f"{error.filename or part.argv[0]}: {error.strerror or error}"
            raise StackError(f"{part.name} cannot be started: {cause}.") from error
        return Child(
            part.name,
            part.argv,
            part.env or self._env,
            self._run_dir,
            takes_turns=part.takes_turns,
        )

    def _until_ready(self, running: _Running) -> None:
        part, deadline = running.part, time.monotonic() + running.part.ready_seconds
        while not part.ready():
            self._no_death()
            if time.monotonic() > deadline:
                raise StackError(f"{part.name} did not answer within {part.ready_seconds:g} s.")
            self._wait(_PROBE_SECONDS)
        # Somebody else may have answered in its place.
        self._no_death()

    def _no_death(self) -> None:
        """While starting, any death ends the start: the cause is in what the part just said."""
        for running in self._running.values():
            if running.child and running.child.ended():
                words = f"while the stack was starting{_where(running.part)}."
                raise StackError(f"{running.part.name} {running.child.outcome()} {words}")

    def _run_errand(self, errand: Errand) -> None:
        deadline = time.monotonic() + errand.seconds
        self._errand = Child(errand.name, errand.argv, errand.env or self._env, self._run_dir)
        while not self._errand.ended():
            self._no_death()
            if time.monotonic() > deadline:
                raise StackError(f"{errand.name} took longer than {errand.seconds:g} s.")
            self._wait(deadline - time.monotonic())
        if self._errand.returncode == HAS_SPOKEN:
            raise ErrandFailed(f"{errand.name} failed.")
        if self._errand.returncode != 0:
            raise StackError(f"{errand.name} {self._errand.outcome()}.")
        self._errand = None

    def _wait(self, seconds: float | None) -> None:
        """Wait for a child's end, at most so long. Raises _StopAsked when asked to stop."""
        if seconds is None:
            heard = signal.sigwaitinfo(_WAITED_FOR)
        else:
            heard = signal.sigtimedwait(_WAITED_FOR, max(0.0, seconds))  # type: ignore[assignment]
        if heard is not None and heard.si_signo in _STOP:
            raise _StopAsked

    def _next_restart(self) -> float | None:
        due = [running.again_at for running in self._running.values() if running.child is None]
        return min(due) - time.monotonic() if due else None

    def _mend(self) -> None:
        """Note what died, and start again what is due."""
        for running in self._running.values():
            if running.child is None:
                if time.monotonic() >= running.again_at:
                    self._start_again(running)
            elif running.child.ended():
                self._put_off(running, f"{running.part.name} {running.child.outcome()}")

    def _start_again(self, running: _Running) -> None:
        running.since = time.monotonic()
        try:
            running.child = self._start(running.part)
        except StackError as error:
            self._put_off(running, str(error).removesuffix("."))

    def _put_off(self, running: _Running, what_happened: str) -> None:
        """Plan the next start, the later the more often the part has failed without a break."""
        now = time.monotonic()
        running.failures = 1 if now - running.since > _STEADY_SECONDS else running.failures + 1
        doubled = self._back_off_seconds * 2 ** min(running.failures - 1, 20)
        pause = min(doubled, _LONGEST_PAUSE_SECONDS)
        where = _where(running.part) if running.failures > 1 else ""
        self._say(f"{what_happened}; it is started again in {pause:g} s{where}.")
        running.child, running.again_at = None, now + pause

    def _stop(self) -> None:
        """Stop the parts in their order; what does not listen is killed."""
        began, hurry = time.monotonic(), False
        deadline = began + self._stop_seconds
        if self._errand:
            self._errand.kill()
        for early in self._running.values():
            if early.child and early.part.told_first:
                early.child.tell(early.part.stop_signal)
        for name in self._stop_order:
            running = self._running.pop(name, None)
            if running and running.child:
                told = began if running.part.told_first else time.monotonic()
                end = min(deadline, told + running.part.patience)
                hurry = self._stop_one(running.part, running.child, end, hurry) or hurry
        for unnamed in self._running.values():
            if unnamed.child:
                unnamed.child.kill()
        self._running.clear()

    def _stop_one(self, part: Part, child: Child, end: float, hurry: bool) -> bool:
        """Stop one part until `end`; returns whether a second Ctrl-C asked to hurry."""
        if not hurry and not part.told_first:
            child.tell(part.stop_signal)
        while not hurry and not child.ended() and (left := end - time.monotonic()) > 0:
            heard = signal.sigtimedwait(_WAITED_FOR, left)
            # Only Ctrl-C: make and service managers may well send SIGTERM twice.
            hurry = heard is not None and heard.si_signo == signal.SIGINT
        if not child.ended():
            self._say(f"{part.name} is killed.")
        child.kill()
        return hurry


def _where(part: Part) -> str:
    return f"; {part.log} says why" if part.log else ""
