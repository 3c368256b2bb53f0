"""Looks at all parts at once, and waits for none longer than a probe's asker does.

A part that hangs says nothing: a stopped database takes what is sent and never answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from uploads.bounded import Bounded, Late

_SECONDS = 4.0  # whoever asks waits five
_log = structlog.get_logger(__name__)

Parts = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Look:
    """`late` is what is said of its parts where `do` does not return in time."""

    do: Callable[[], Parts]
    late: Mapping[str, dict[str, str]]


class Probes:
    """The looks of one process; each is under way once at the most."""

    def __init__(self, *looks: Look) -> None:
        self._looks = [(Bounded(look.do), look.late) for look in looks]

    def look(self) -> Parts:
        """What is said of each part, within some seconds."""
        end = time.monotonic() + _SECONDS
        found: Parts = {}
        for asked, late in [(look.begin(), late) for look, late in self._looks]:
            try:
                found |= asked.outcome(max(0.0, end - time.monotonic()))
            except Late:
                _log.warning("not_ready", part=", ".join(late), cause="no answer in time")
                found |= late
        return found
