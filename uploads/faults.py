"""A seam for faults: numbered steps that do nothing unless a test armed one of them.

`UPLOADS_FAULT` names step, act and optionally a count, e.g. `s5:kill`, `s8:wait=2`,
`s4:fail@3` (the third time only). Acts: `kill` (SIGKILL to this process), `stop` (SIGSTOP),
`fail` (raises `FaultInjected`), `wait=SECONDS`. `Settings` refuses it in production.
`@FOLDER` in place of these arms whatever a file of that folder is named after, e.g. `s5:kill` or
`s5:kill#2`, from one moment to the next: whichever process comes to the step first takes the file
away, and the fault is its own. So a running service can be led from one fault to the next.

The steps of one upload: s1 headers accepted, s2 first bytes, s3 last byte, s4 segments stored,
s5 row and job committed, s6 answered, s7 message sent, s8 leased, s9 bytes read, s10 parsed,
s11 engines answered, s12 verdict committed, s13 published, s14 published bytes checked,
s15 CLEAN committed, s16 quarantine bytes removed, s17 rendition stored, s18 rendition committed.
And w1: webhooks' receivers have answered, and nothing of it is written down yet; r1: the bytes of a
release are stored, r2: RELEASED is committed; k1: what a request under an Idempotency-Key makes is
committed, and nobody was told.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_SPEC = re.compile(
    r"(?P<step>[swrk]\d{1,2}):(?P<act>kill|stop|fail|wait=(?P<wait>[\d.]+))(@(?P<nth>\d+))?"
)


class FaultInjected(Exception):
    """Raised at a step that was armed with `fail`."""


@dataclass(slots=True)
class _Armed:
    step: str
    act: Callable[[], None]
    nth: int
    seen: int = 0

    def passed(self, name: str) -> None:
        if self.step == name:
            self.seen += 1
            if self.nth in (0, self.seen):
                self.act()


@dataclass(slots=True)
class _Staged:
    """Faults that happen once each, to whoever is first to take their file away."""

    folder: Path

    def passed(self, name: str) -> None:
        for file in sorted(self.folder.glob(f"{name}:*")):
            fault = _read(file.name.partition("#")[0])
            try:
                file.unlink()
            except FileNotFoundError:
                # It is another process's.
                continue
            fault.act()


_armed: list[_Armed | _Staged] = []


def _act(name: str, wait: str | None) -> Callable[[], None]:
    def fail() -> None:
        raise FaultInjected(name)

    if wait is not None:
        return lambda: time.sleep(float(wait))
    if name == "fail":
        return fail
    number = signal.SIGKILL if name == "kill" else signal.SIGSTOP
    return lambda: os.kill(os.getpid(), number)


def arm(specification: str | None) -> None:
    """Arm the faults of a comma-separated specification, or of `@FOLDER`; none disarms all.

    Raises ValueError when a fault is not of the form above.
    """
    _armed.clear()
    for part in (specification or "").split(","):
        if part.startswith("@"):
            _armed.append(_Staged(Path(part[1:])))
        elif part.strip():
            _armed.append(_read(part.strip()))


def _read(text: str) -> _Armed:
    match = _SPEC.fullmatch(text)
    if match is None:
        raise ValueError(f"not a fault: {text!r}; write e.g. s5:kill or s8:wait=2@3")
    return _Armed(match["step"], _act(match["act"], match["wait"]), int(match["nth"] or 0))


def step(name: str) -> None:
    """Pass a numbered step; does nothing unless it was armed."""
    for fault in _armed:
        fault.passed(name)
