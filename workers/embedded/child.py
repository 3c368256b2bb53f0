"""A child process of the supervisor: started in its own session, gone when the supervisor is.

Knows how a process is started, noticed and ended; not why.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from uploads.lifeline import die_with_parent
from workers.embedded.part import StackError

_ALL_SIGNALS = signal.valid_signals()


def take_turns() -> None:
    """Interrupt nobody on being woken, with all that is started from now on. Refused, nothing."""
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


class Child:
    """A started program and everything in its process group."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        run_dir: Path,
        *,
        takes_turns: bool = False,
    ):
        """Start the program. Raises StackError when there is no such program."""
        parent = os.getpid()

        def before_exec() -> None:
            # The supervisor waits for its signals with them blocked; a child must not inherit that.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ALL_SIGNALS)
            die_with_parent(parent)
            if takes_turns:
                take_turns()

        try:
            # The session of its own keeps the terminal's Ctrl-C away: the supervisor alone decides.
            self._process = subprocess.Popen(  # noqa: S603
                list(argv),
                env=dict(env),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=before_exec,
            )
        except OSError as error:
            raise StackError(f"{name} cannot be started: {argv[0]}: {error.strerror}.") from error
        self._pid_file = run_dir / f"{name}.pid"
        self._note_pid()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ended(self) -> bool:
        """Whether the program has ended; what is left of its group is killed then."""
        if self._process.returncode is None and self._is_over():
            self.kill()
        return self._process.returncode is not None

    def outcome(self) -> str:
        """How it ended, in words."""
        code = self._process.returncode
        if code is not None and code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"ended with code {code}"

    @property
    def returncode(self) -> int | None:
        """As subprocess has it; None until `ended` has said so."""
        return self._process.returncode

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to the program itself; what it started hears of it from the program."""
        # Popen.send_signal() would reap a program that just ended, and `kill` then spare its group.
        if self._process.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End the program and its whole group at once; nothing when that was done already."""
        if self._process.returncode is not None:
            return
        # The program is reaped last: until then nobody else can be given its group's number.
        os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        with suppress(OSError):
            self._pid_file.unlink(missing_ok=True)

    def _note_pid(self) -> None:
        """Tell people the program's number. A full disk is no reason to end what just started."""
        unfinished = self._pid_file.with_suffix(".new")
        try:
            unfinished.write_text(f"{self.pid}\n")
            unfinished.replace(self._pid_file)
        except OSError:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)

    def _is_over(self) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
