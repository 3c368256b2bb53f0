"""A stack of stand-ins under the real supervisor, run as a process of its own.

`python -m tests.support.stand_ins FOLDER WORD…`: each word is a step. A part writes `NAME started`
and `NAME stopped` into FOLDER/events, and lives until it is told to stop:

    NAME          as it should be
    NAME=deaf     ignores the stop signal
    NAME=deaf-N   the same, and is given N seconds to hear it
    NAME=early    is told to stop with the first
    NAME=brittle  ends at once
    NAME=doomed   ends at once from its second life on
    NAME=file     is FOLDER/NAME.sh, which may be removed
    NAME=parent   has a child of its own in its group
    NAME=doomed-N the same, until its N-th life
    NAME!CODE     an errand that ends with this code
    NAME!wait     an errand that does not end
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from workers.embedded.part import Errand, ErrandFailed, Part, StackError, Step
from workers.embedded.supervisor import Supervisor

_PART = """
import os, signal, subprocess, sys, threading
name, kind = sys.argv[1:]
def note(event):
    with open("events", "a") as events:
        print(name, event, os.getpid(), file=events)
kind, _, number = kind.partition("-")
if kind == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
if kind == "parent":
    subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
note("started")
lives = open("events").read().count(name + " started")
if kind == "brittle" or (kind == "doomed" and 1 < lives < int(number or 10**9)):
    sys.exit(3)
signal.pause() if kind == "deaf" else signal.sigwait({signal.SIGTERM})
note("stopped")
"""
_ERRAND = """
import signal, sys
signal.pause() if sys.argv[1] == "wait" else sys.exit(int(sys.argv[1]))
"""


def _step(folder: Path, word: str) -> Step:
    if "!" in word:
        name, _, code = word.partition("!")
        return Errand(name, [sys.executable, "-c", _ERRAND, code])
    name, _, kind = word.partition("=")
    events, program = folder / "events", [sys.executable]
    deaf, _, seconds = kind.partition("-")
    if kind == "file":
        script = folder / f"{name}.sh"
        script.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        script.chmod(0o700)
        program = [str(script)]
    return Part(
        name,
        [*program, "-c", _PART, name, kind],
        ready=lambda: events.exists() and f"{name} started" in events.read_text(),
        patience=float(seconds or 0.5) if deaf == "deaf" else 50,
        told_first=kind == "early",
    )


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def main() -> int:
    folder, words = Path(sys.argv[1]), sys.argv[2:]
    os.chdir(folder)
    steps = [_step(folder, word) for word in words]
    parts = [step.name for step in steps if isinstance(step, Part)]
    supervisor = Supervisor(
        steps,
        env={**os.environ, "UPLOADS_STACK": str(folder)},
        run_dir=folder / "run",
        stop_order=parts[::-1],
        back_off_seconds=0.01,
        say=_say,
    )
    try:
        supervisor.run(lambda: _say("ready"))
    except ErrandFailed:
        return 1
    except StackError as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
