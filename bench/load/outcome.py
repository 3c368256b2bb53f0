"""What the clients of one run saw."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Outcome:
    """`seconds` from the first connection to the last answer; `latencies` of each success.

    `failures` counts what went wrong, by a word for it; `cpu` is what the clients themselves cost.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)
    cpu: float = 0.0

    @property
    def succeeded(self) -> int:
        return len(self.latencies)

    @property
    def failed(self) -> int:
        return sum(self.failures.values())

    def fail(self, what: str, count: int = 1) -> None:
        self.failures[what] = self.failures.get(what, 0) + count
