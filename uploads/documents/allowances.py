"""What one counted download may still be sent, where downloads are limited.

Each request takes what it asks for before its first byte, and gives back what a broken connection
left unsent. Crash window: a process that dies while it sends gives nothing back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

from uploads.documents.errors import DownloadLimit, Unavailable
from uploads.records.protocol import Records

# What is written to a client at once; it has half a minute for each of these.
_WRITE = 64 * 1024
# A player that jumps breaks one request off and begins the next in the same moment: what the first
# gives back is here a little later. In seconds, one after the other.
_PATIENCE = (0.05, 0.1, 0.2, 0.4, 0.8)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Allowance:
    """The bytes of one counted download, kept with its link."""

    records: Records
    link_id: str
    number: int

    def left(self) -> int:
        return self.records.read(lambda work: work.links.left(self.link_id, self.number))

    def take(self, amount: int) -> bool:
        """Whether as many were left."""
        return self.records.write(lambda work: work.links.spend(self.link_id, self.number, amount))

    def give_back(self, amount: int) -> None:
        try:
            self.records.write(lambda work: work.links.give_back(self.link_id, self.number, amount))
        except Unavailable as error:
            _log.warning("allowance_not_given_back", link=self.link_id, cause=error.cause)


class Charge:
    """Takes a request's bytes from its download's allowance, and gives back what was not sent.

    Without an allowance it only cuts. With a `pause` (it takes seconds) it waits a moment for what
    others are about to give back.
    """

    def __init__(
        self, allowance: Allowance | None, length: int, pause: Callable[[float], None] | None
    ) -> None:
        """Raises DownloadLimit where the allowance is used up."""
        self._allowance = allowance
        self._unsent = length
        if allowance is not None:
            _take(allowance, length, pause)

    def counted(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Cut for slow clients. A piece counts before it is sent: half of it may arrive."""
        for piece in pieces:
            for at in range(0, len(piece), _WRITE):
                part = piece[at : at + _WRITE]
                self._unsent -= len(part)
                yield part

    def settle(self) -> None:
        if self._allowance is not None and self._unsent > 0:
            self._allowance.give_back(self._unsent)


def _take(allowance: Allowance, length: int, pause: Callable[[float], None] | None) -> None:
    if allowance.take(length):
        return
    if pause is None:
        raise DownloadLimit
    for seconds in _PATIENCE:
        pause(seconds)
        # Only looked at while there is not enough: whoever has had all of it costs one write.
        if allowance.left() >= length and allowance.take(length):
            return
    raise DownloadLimit
