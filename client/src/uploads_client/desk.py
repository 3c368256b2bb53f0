"""Who of a crew does what next, while many files are on their way.

Files wait here in the state in which they are: to be streamed, to be posted together, to be
granted, with a signed URL, or with their bytes in the store. Threads ask for something to do. It
knows nothing of the service.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from uploads_client import forms
from uploads_client.batches import MOST
from uploads_client.files import Item

Kind = Literal["stream", "post", "put", "grant", "complete"]
# Nobody waits longer for the bytes of others before it becomes a document.
_PATIENCE_SECONDS = 0.5
# So many bytes are hashed, and granted, before those of the last batch have gone.
_AHEAD_BYTES = 64 * 1024 * 1024
# What may make something of which nobody else would tell.
_MAKING: tuple[Kind, ...] = ("stream", "post", "grant", "complete")
# A form of fewer files is not worth it while there are more.
_FEW = 5
# Beside those that send: one asks for grants, and two complete.
BESIDE = 3


class Duty(NamedTuple):
    """What one thread does, with which files."""

    kind: Kind
    items: Sequence[Item]


class Desk:
    """Threads share it. `stop` ends all: nothing more is handed out, and waits are over."""

    def __init__(
        self,
        streamed: Iterable[Item],
        posted: Iterable[Item],
        granted: Iterable[Item],
        at_once: int,
    ) -> None:
        self.stop = threading.Event()
        self._changed = threading.Condition()
        self._at_once = at_once
        self._streamed, self._posted = deque(streamed), deque(posted)
        self._granted = deque(granted)
        self._ready, self._arrived = deque[Item](), deque[Item]()
        self._first_arrived = 0.0
        self._batch = at_once  # the first is small: its bytes are on their way the sooner
        self._busy = Counter[Kind]()

    def next(self) -> Duty | None:
        """What is to be done now, perhaps after a while; None when all is over."""
        with self._changed:
            while not self.stop.is_set():
                if duty := self._due():
                    self._busy[duty.kind] += 1
                    return duty
                if self._over():
                    break
                self._changed.wait(self._until_due() if self._may_complete() else None)
            self._changed.notify_all()
            return None

    def done(self, duty: Duty) -> None:
        """This was done, well or badly."""
        with self._changed:
            self._busy[duty.kind] -= 1
            self._changed.notify_all()

    def ready(self, items: Iterable[Item]) -> None:
        """These have a signed URL."""
        with self._changed:
            self._ready.extend(items)
            self._changed.notify_all()

    def arrived(self, item: Item) -> None:
        """Its bytes are in the store."""
        with self._changed:
            if not self._arrived:
                self._first_arrived = time.monotonic()
            self._arrived.append(item)
            self._changed.notify_all()

    def stream(self, items: Iterable[Item]) -> None:
        """These are streamed after all."""
        with self._changed:
            self._streamed.extend(items)
            self._changed.notify_all()

    def take_unposted(self) -> list[Item]:
        """Those that wait to be posted together; they are the caller's now."""
        with self._changed:
            return _taken(self._posted, len(self._posted))

    def take_ungranted(self) -> list[Item]:
        """Those that nobody has asked a grant for; they are the caller's now."""
        with self._changed:
            return _taken(self._granted, len(self._granted))

    def take_all(self) -> list[Item]:
        """Those of which nothing was sent; they are the caller's now."""
        with self._changed:
            queues = (self._streamed, self._posted, self._granted, self._ready)
            return [item for queue in queues for item in _taken(queue, len(queue))]

    def end(self, seconds: float, longer: float) -> None:
        """Hand nothing more out, and wait so long for calls of which the answer has to be known.

        And so much longer for forms: of each, many documents may come that nobody knows of.
        """
        with self._changed:
            self.stop.set()
            self._changed.notify_all()
            self._changed.wait_for(lambda: not any(self._busy[kind] for kind in _MAKING), seconds)
            self._changed.wait_for(lambda: not self._busy["post"], longer)

    def _due(self) -> Duty | None:
        if self._may_complete() and self._until_due() == 0.0:
            self._first_arrived = time.monotonic()
            return Duty("complete", _taken(self._arrived, MOST))
        if self._granted and not self._busy["grant"] and self._lacks():
            return Duty("grant", self._next_batch())
        if self._sending() < self._at_once:
            if self._ready:
                return Duty("put", _taken(self._ready, 1))
            if self._posted:
                return Duty("post", self._next_form())
            if self._streamed:
                return Duty("stream", _taken(self._streamed, 1))
        return None

    def _may_complete(self) -> bool:
        return bool(self._arrived) and self._busy["complete"] < BESIDE - 1

    def _until_due(self) -> float | None:
        """Seconds until what has arrived is completed; None where nothing has."""
        if not self._arrived:
            return None
        more = self._granted or self._ready or self._busy["grant"] or self._busy["put"]
        if len(self._arrived) >= MOST or not more:
            return 0.0
        return max(0.0, self._first_arrived + _PATIENCE_SECONDS - time.monotonic())

    def _lacks(self) -> bool:
        """Whether those that send will soon have nothing to send."""
        count = len(self._ready)
        held = sum(item.size or 0 for item in self._ready)
        return count < self._at_once or (count < MOST and held < _AHEAD_BYTES)

    def _next_batch(self) -> list[Item]:
        found = [self._granted.popleft()]
        held = found[0].size or 0
        while self._granted and len(found) < self._batch:
            held += self._granted[0].size or 0
            if held > _AHEAD_BYTES:
                break
            found.append(self._granted.popleft())
        self._batch = MOST
        return found

    def _next_form(self) -> list[Item]:
        """As many as one form takes, and of few files a share, so that all who send have some."""
        share = -(-len(self._posted) // self._at_once)
        most = min(max(share, _FEW), forms.MOST)
        found, held = list[Item](), 0
        while self._posted and len(found) < most:
            held += self._posted[0].size or 0
            if found and held > forms.MOST_BYTES:
                break
            found.append(self._posted.popleft())
        return found

    def _sending(self) -> int:
        return self._busy["stream"] + self._busy["post"] + self._busy["put"]

    def _over(self) -> bool:
        sending = self._streamed or self._posted or self._ready
        waiting = sending or self._granted or self._arrived
        return not waiting and not any(self._busy.values())


def _taken(queue: deque[Item], most: int) -> list[Item]:
    return [queue.popleft() for _ in range(min(most, len(queue)))]
