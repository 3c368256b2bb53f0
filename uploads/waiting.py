"""Waiting among greenlets for what cannot be there yet: an answer, or a client's next request.

gevent's `recv` asks the kernel first, which raises because nothing has come, and then makes a timer
for this one wait. Here nothing is asked beforehand, and the timer is kept with the connection.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from gevent import get_hub, getcurrent, sleep

from uploads.lanes import among_greenlets

_AN_INSTANT = 1e-6


def readiness_of(sock: socket.socket, seconds: float) -> Callable[[], None] | None:
    """What returns when something has come, and raises TimeoutError after so many seconds.

    None for what is no plain socket among greenlets: TLS may hold what has come, and a thread
    waits in the kernel.
    """
    if not among_greenlets() or type(sock) is not socket.socket:
        return None
    hub: Any = get_hub()
    # The socket's own, so that whoever closes it ends the wait.
    readable: Any = sock._read_event  # type: ignore[attr-defined]
    # One that repeats begins with all of its time again; another one goes on with the rest of it.
    timer = hub.loop.timer(seconds, repeat=seconds)

    def wait() -> None:
        if readable.callback is not None or sock._read_event is not readable:  # type: ignore[attr-defined]
            return  # somebody else waits, or it is closed: `recv` says so
        timer.again(getcurrent().throw, TimeoutError("nothing came in time"), update=True)
        try:
            hub.wait(readable)
        finally:
            timer.stop()

    return wait


def answers_of(sock: socket.socket) -> Callable[[int], bytes]:
    """`sock.recv` for whoever has just asked something; raises TimeoutError after its timeout."""
    seconds = sock.gettimeout()
    wait = None if seconds is None else readiness_of(sock, seconds)
    if wait is None:
        return sock.recv

    def recv(size: int) -> bytes:
        wait()
        return sock.recv(size)

    return recv


def give_way() -> None:
    """Let all others have a turn, where one that never has to wait would keep them from it.

    By a timer, the shortest there is: among those that only pass the turn on (`sleep(0)`) gevent
    asks the kernel what has come but once in fifty turns.
    """
    if among_greenlets():
        sleep(_AN_INSTANT)
