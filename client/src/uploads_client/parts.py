"""Sends the parts of one grant, several at a time, with requests that are signed anew in time."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial

from uploads_client import answers
from uploads_client.answers import Grant, SignedRequest
from uploads_client.crew import together
from uploads_client.errors import UploadsError
from uploads_client.sources import Body, Meter, Seekable, Stopped
from uploads_client.wire import Wire, members_of

# As many as are signed in one call, and how long before its end a request is not begun any more.
_AT_ONCE = 100
_MARGIN = timedelta(seconds=30)
# What stores say of a signed request whose time is over: Amazon 403, rclone 400.
_OVER = frozenset({400, 403})


class Tickets:
    """Signed requests by number; threads share them."""

    def __init__(self, wire: Wire, grant: Grant) -> None:
        self._wire, self._grant = wire, grant
        self._found = dict(grant.requests)
        self._lock = threading.Lock()

    def get(self, number: int) -> SignedRequest:
        """A request for this part that is still good for a while."""
        with self._lock:
            found = self._found.get(number)
            soon = datetime.now(UTC) + _MARGIN
            if found is None or (found.expires_at is not None and found.expires_at < soon):
                last = min(self._grant.part_count, number + _AT_ONCE - 1)
                found = self._sign(range(number, last + 1), number)
            return found

    def renew(self, number: int) -> SignedRequest:
        """A fresh one, for a part whose request the store no longer took."""
        with self._lock:
            return self._sign([number], number)

    def _sign(self, numbers: Iterable[int], wanted: int) -> SignedRequest:
        path = f"/uploads/{self._grant.id}/parts"
        answer = self._wire.call("POST", path, json={"numbers": list(numbers)})
        self._found.update(answers.parts(members_of(answer)))
        if wanted not in self._found:
            raise UploadsError(f"No request for part {wanted}.", code="unreadable-answer")
        return self._found[wanted]


class Parts:
    """The parts of one grant and the bytes that belong into them."""

    def __init__(
        self,
        wire: Wire,
        grant: Grant,
        source: Seekable,
        meter: Meter,
        workers: int = 1,
        stop: threading.Event | None = None,
    ) -> None:
        self._wire, self._grant, self._source = wire, grant, source
        self._tickets = Tickets(wire, grant)
        self._stop = stop or threading.Event()
        self._workers = workers
        self._bodies = {
            number: self._body(number, meter) for number in range(1, grant.part_count + 1)
        }

    def send(self, numbers: Iterable[int]) -> None:
        """Send these parts; the first that fails stops the others. Raises UploadsError."""
        sends = [partial(self.send_one, number) for number in numbers]
        together(sends, self._workers, self._stop)

    def send_and_digest(self) -> str:
        """Send all parts while another thread reads the file from its beginning.

        Returns the SHA-256 of all of it. Raises UploadsError.
        """
        found: list[str] = []
        sends = [partial(self.send_one, number) for number in self._bodies]

        def digest() -> None:
            found.append(self._source.digest(self._stop.is_set))

        together([digest, *sends], self._workers + 1, self._stop)
        return found[0]

    def send_one(self, number: int) -> None:
        """Send this part in the caller's thread. Raises UploadsError, and Stopped when it is."""
        body = self._bodies[number]

        def once() -> None:
            if self._stop.is_set():
                raise Stopped
            try:
                self._wire.put(self._tickets.get(number), body)
            except UploadsError as error:
                if error.status not in _OVER:
                    raise
                self._wire.put(self._tickets.renew(number), body)

        self._wire.repeat(once, sleep=self._stop.wait)

    def _body(self, number: int, meter: Meter) -> Body:
        offset = (number - 1) * self._grant.part_size
        size = min(self._grant.part_size, self._source.size - offset)
        return Body(lambda: self._source.pieces(offset, size, self._stop.is_set), meter)
