"""How a slow client keeps to its bandwidth."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Send `piece` bytes each `interval` seconds."""

    piece: int
    interval: float

    @classmethod
    def over(cls, size: int, seconds: float, piece: int) -> Pace:
        """The pace at which `size` bytes take `seconds`."""
        return cls(piece, seconds * piece / size)

    def next_due(self, due: float, sent: float) -> float:
        """When the next piece may go, after one that was due at `due` went at `sent`.

        A line has a bandwidth: what a stall kept back is not sent in a burst afterwards. Only a
        lateness below half an interval, which is the clock's own, is made up for.
        """
        return max(due + self.interval, sent + self.interval / 2)
