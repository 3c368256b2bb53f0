"""What stops the command from outside: Ctrl-C, SIGTERM and a closed terminal (SIGHUP), all alike.

Only the command listens: a program that uses the library has signals of its own.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_HEARD = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))


class Stop(KeyboardInterrupt):
    """Raised in the main thread by the first signal that asks the command to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        # What shells say of a program that a signal has ended.
        self.exit_code = 128 + number


@contextmanager
def heard() -> Iterator[None]:
    """In this block each raises Stop, except where whoever started the command ignores it."""
    before = {one: signal.getsignal(one) for one in _HEARD}
    for one, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(one, _stop)
    try:
        yield
    finally:
        for one, handler in before.items():
            if signal.getsignal(one) is _stop:
                signal.signal(one, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    # `timeout` sends its signal twice: the second may not break off the tidying up, which is short.
    for one in _HEARD:
        signal.signal(one, signal.SIG_IGN)
    raise Stop(number)
