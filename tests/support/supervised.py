"""The real supervisor over stand-in programs, as a process of its own that a test talks to."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]


class Supervised:
    """A supervisor over stand-ins, and what it said and did."""

    def __init__(self, folder: Path, *words: str):
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.stand_ins", str(folder), *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self._said = self.process.stdout

    def wait_for(self, words: str) -> str:
        """Read on until a line holds these words; the line."""
        seen = []
        for line in self._said:
            if words in line:
                return line.strip()
            seen.append(line)
        raise AssertionError(f"{words!r} was never said, but {seen}")

    def rest(self) -> str:
        """All that was said until the end and not waited for."""
        return self._said.read()

    def end(self, number: signal.Signals | None = None) -> int:
        if number is not None:
            self.process.send_signal(number)
        return self.process.wait(60)

    def events(self, event: str) -> list[str]:
        lines = (self.folder / "events").read_text().splitlines()
        return [line.split()[0] for line in lines if line.split()[1] == event]

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._said.close()
