"""A client's connection that is read against a clock: nobody can draw out a request.

A socket's own timeout bounds each silence, not their sum, and says nothing of a byte now and then.
Knows nothing of HTTP: the parser and the body read from a `Line` as from the socket itself.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from uploads.waiting import give_way, readiness_of

_LONGEST_SEND = 30.0
# What the kernel holds unsent for one client (tcp(7), TCP_NOTSENT_LOWAT). Without a bound it takes
# megabytes, and tells of room only when a third of them are gone: a client that reads slowly but
# steadily would look like one that does not read at all.
_UNSENT_BYTES = 128 * 1024
# For how long a client may leave unacknowledged what was sent to it (tcp(7), TCP_USER_TIMEOUT), or
# have no room for more. One whose network is gone says no end: the kernel would go on for a quarter
# of an hour, and its stream of events would hold a place for as long.
_UNACKNOWLEDGED_MS = 120_000
# What is asked of a slow client at once; to copy so much costs nothing beside having read it.
_FEW_BYTES = 128 * 1024
# For how long a client that always has something ready is read before others have a turn, and from
# when on a read has waited: whoever waits has given way.
_TURN = 0.002
_WAITED = 0.001
# What is read at once where a request begins: headers, mostly all of them.
_FIRST_BYTES = 8192


@dataclass(frozen=True, slots=True)
class Pace:
    """How slow is too slow: fewer than `rate` bytes a second over `seconds` of waiting."""

    rate: int
    seconds: float


def nothing() -> None:
    return


def send_whole(sock: socket.socket, data: bytes) -> None:
    """As `sock.sendall`, for what mostly goes out at once: gevent's own asks for a buffer's size,
    a clock and a slice before it sends a byte.

    Raises TimeoutError when a part of it waits longer than the socket's timeout.
    """
    sent = sock.send(data)
    if sent < len(data):
        sock.sendall(memoryview(data)[sent:])


class Line:
    """A socket whose `recv` raises TimeoutError as soon as a bound is passed; else it is itself.

    Time counts against the pace only while the client is waited for: a store that is slow does
    not make the client slow.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        with suppress(OSError):  # a unix socket, behind which a proxy gathers
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)
        self._silence = _LONGEST_SEND
        self._end: float | None = None
        self._pace: Pace | None = None
        self._waited = 0.0
        self._came = 0
        self._idle: Callable[[], None] | None = None
        self._turn_began = 0.0
        self.received = 0
        self.expects = False
        """Whether the client waits to be told that it may send the body of the present request."""
        self.close_after: Callable[[], None] = nothing
        """Has the answer to the present request say that the connection ends with it."""

    def bound(
        self, silence: float, *, seconds: float | None = None, pace: Pace | None = None
    ) -> None:
        """From now on: each silence, the whole time in seconds where given, and the pace."""
        self._silence = silence
        self._end = None if seconds is None else time.monotonic() + seconds
        self._pace = pace
        self._waited, self._came = 0.0, 0

    def recv(self, size: int, flags: int = 0) -> bytes:
        """What has come, at least a byte of it, or none at the end of the stream."""
        began = time.monotonic()
        self._sock.settimeout(self._patience(began))
        try:
            data = self._sock.recv(size, flags)
        except TimeoutError:
            data = self._gathered(size)
        if len(data) < (size if size <= _FEW_BYTES else size // 2):
            # The socket's own bytes were allocated for `size`: kept for long, and cut short in
            # thousands, they leave holes that nothing fits in.
            data = bytes(memoryview(data))
        ended = time.monotonic()
        if self._pace is not None:
            self._waited += ended - began
            self._came += len(data)
        self.received += len(data)
        self._take_turns(began, ended)
        return data

    def there(self, size: int) -> bytes:
        """What has come already, if anything has: nobody is waited for."""
        self._sock.settimeout(0)
        try:
            data = self._sock.recv(size)
        except BlockingIOError:
            return b""
        self._came += len(data)
        self.received += len(data)
        return data

    def wake_at(self, size: int) -> None:
        """Have `recv` wait until so many bytes are there (SO_RCVLOWAT), or its time is up."""
        with suppress(OSError):  # a socket that has no such option, or is gone
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)

    def first(self, seconds: float) -> bytes:
        """What comes first within this time, which is the same each time; none at its end or the
        stream's."""
        self.bound(seconds)
        if self._idle is None:
            self._idle = readiness_of(self._sock, seconds) or nothing
        try:
            self._idle()
            return self.recv(_FIRST_BYTES)
        except TimeoutError:
            return self.there(_FIRST_BYTES)  # it may have come while this process was busy

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(_LONGEST_SEND)
        send_whole(self._sock, data)

    def send(self, data: bytes) -> int:
        self._sock.settimeout(_LONGEST_SEND)
        return self._sock.send(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def _take_turns(self, began: float, ended: float) -> None:
        """Give way now and then: a client that sends faster than its bytes are dealt with never
        has to be waited for, and nobody else would be served meanwhile."""
        if ended - began > _WAITED:
            self._turn_began = ended
        elif ended - self._turn_began > _TURN:
            give_way()
            self._turn_began = time.monotonic()

    def _gathered(self, size: int) -> bytes:
        """What has come although it was not enough to be woken. Raises TimeoutError for nothing."""
        self._sock.settimeout(0)
        try:
            return self._sock.recv(size)
        except BlockingIOError:
            raise TimeoutError("the client is silent") from None

    def _patience(self, now: float) -> float:
        """Seconds for which the next bytes are waited for. Raises TimeoutError."""
        patience = self._silence
        if self._end is not None:
            patience = min(patience, self._end - now)
        if self._pace is not None:
            patience = min(patience, self._left_of_window(self._pace))
        if patience <= 0:
            raise TimeoutError("the client takes too long")
        return patience

    def _left_of_window(self, pace: Pace) -> float:
        if self._came >= pace.rate * pace.seconds:
            self._waited, self._came = 0.0, 0
        return pace.seconds - self._waited
