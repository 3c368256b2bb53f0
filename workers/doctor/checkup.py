"""Looks at one part after the other, each within its time: none can hide what others have to say.

A look that hangs is left behind on its thread, which ends with the process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from uploads.config import ConfigurationError
from uploads.documents.errors import StorageRefused, Unavailable
from uploads.logs import redact
from workers.doctor.findings import Finding, State

_WORDS = 300


@dataclass(frozen=True, slots=True)
class Look:
    """One thing to try; `seconds` is the most that it may take. `do` may raise anything."""

    part: str
    name: str
    do: Callable[[], Finding]
    seconds: float


def examine(looks: Iterable[Look], begun: Callable[[Look], None]) -> Iterator[Finding]:
    """Try them one after the other; `begun` is told of each before it is tried."""
    for look in looks:
        begun(look)
        yield _within_its_time(look)


def _within_its_time(look: Look) -> Finding:
    answers: SimpleQueue[Finding] = SimpleQueue()
    thread = threading.Thread(target=lambda: answers.put(_at_any_rate(look)), daemon=True)
    thread.start()
    try:
        return answers.get(timeout=look.seconds)
    except Empty:
        found = f"no answer within {look.seconds:g} seconds"
        return Finding(look.part, look.name, State.BROKEN, found, tried=False)


def attempt(look: Look) -> Finding:
    """What one look finds, however long it takes; an error that it raises is what was found."""
    try:
        return look.do()
    except Exception as error:  # noqa: BLE001 -- whatever a driver raises
        return _failed(look, error)


def _at_any_rate(look: Look) -> Finding:
    """The same on a thread of its own, from which nothing else would be heard."""
    try:
        return attempt(look)
    except BaseException as error:  # noqa: BLE001 -- also what would end a process
        return _failed(look, error)


def _failed(look: Look, error: BaseException) -> Finding:
    # A store that refuses our own keys has answered: what is signed with them is worth nothing.
    tried = isinstance(error, StorageRefused)
    return Finding(look.part, look.name, State.BROKEN, said(error), tried=tried)


def said(error: BaseException) -> str:
    """One line of what an error says, without credentials; a driver's own words where it wraps."""
    if isinstance(error, Unavailable):
        cause = getattr(error.__cause__, "orig", None)
        words = str(cause or error.cause)
    else:
        words = str(getattr(error, "orig", None) or error)
    lines = words.strip().splitlines() or [""]
    kind = "" if isinstance(error, ConfigurationError | Unavailable) else type(error).__name__
    text = ": ".join(word for word in (kind, lines[0][:_WORDS].rstrip(".")) if word)
    return str(redact(None, "info", {"text": text})["text"])
