"""What clients are told to do."""

from __future__ import annotations

from dataclasses import dataclass

from bench.load.pacing import Pace


@dataclass(frozen=True, slots=True)
class Plan:
    """How many clients, how they come, and when they give up.

    `spacing` is the time in seconds between two clients' first connections, `deadline` the time
    after which everybody leaves. Without a pace a client sends as fast as it can.
    """

    port: int
    clients: int
    spacing: float = 0.0
    pace: Pace | None = None
    deadline: float = 120.0
    program: bool = False
    """Whether an ordinary program sends it (`load.program`), and not the one epoll."""
