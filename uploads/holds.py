"""The hold of a request on its Idempotency-Key: the row that others under the same key run into.

Most files are here and recorded within a moment. Their row comes with the document, in its commit:
of two requests that are under way in the same moment, one commits it and the other finds it there.
Whoever takes longer has the row made beforehand, and says from time to time that it is alive.

Crash window: a process that dies before the commit leaves a row that nobody renews, or none.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from datetime import datetime, timedelta

import structlog

from uploads import clock
from uploads.background import Background
from uploads.documents.errors import StillRunning, Unavailable
from uploads.records.answering import Answer, Asked
from uploads.records.protocol import Records, Work

RENEWED = timedelta(seconds=10)
"""How often a request that is on its way says so."""

ASK_AGAIN_SECONDS = 5
_MOMENT = timedelta(seconds=0.1)
_log = structlog.get_logger(__name__)


class Hold:
    """The hold of one request, which began `at`.

    `patience` is how long nothing may be heard of another one until it passes for dead.
    """

    def __init__(self, records: Records, asked: Asked, at: datetime, patience: timedelta) -> None:
        self._records = records
        self._asked = asked
        self._at = at
        self._patience = patience
        self._turn = threading.Lock()
        self._tried = False
        self._begun = False
        self._entered = False
        self._lost = False
        self.over = False
        """Whether the request has ended, one way or the other."""

    def begin(self) -> None:
        """Make the row now. Raises StillRunning where somebody else has one."""
        with self._turn:
            if not (self._begun or self._lost or self.over):
                again, self._tried = self._tried, True
                self._begun = self._records.write(lambda work: self._make(work, again))
                self._lost = not self._begun
        if self._lost:
            raise StillRunning(ASK_AGAIN_SECONDS)

    def begin_unless_over(self) -> None:
        """The same for whoever looks on: a request that lost its key finds out by itself."""
        try:
            self.begin()
        except StillRunning:
            pass
        except Unavailable as error:
            # Its commit decides all the same.
            _log.warning("key_not_begun", cause=error.cause)
        except Exception:  # noqa: BLE001 -- else nobody would hear of it
            _log.exception("key_not_begun")

    def say_alive(self) -> None:
        """To be called while the request goes on. Raises StillRunning when its key is another's."""
        if self._lost:
            raise StillRunning(ASK_AGAIN_SECONDS)
        now = clock.now()
        if now - self._at < (RENEWED if self._begun else _MOMENT):
            return
        if self._begun:
            self._renew(now)
        else:
            self.begin()

    def enter(self, work: Work, fingerprint: str, answer: Answer) -> None:
        """Leave the answer, in the transaction that makes what it tells of.

        Raises StillRunning where the key is somebody else's.
        """
        if self._lost:
            raise StillRunning(ASK_AGAIN_SECONDS)
        asked = self._asked._replace(fingerprint=fingerprint)
        self._entered = work.answers.enter(asked, self._at, answer)
        if not self._entered:
            raise StillRunning(ASK_AGAIN_SECONDS)

    def withdraw(self, work: Work) -> None:
        """Take the row back with what its answer tells of."""
        if self._entered:
            work.answers.withdraw(self._asked, self._at)
        elif self._may_be_there():
            work.answers.forget(self._asked, self._at)

    def let_go(self) -> None:
        """The key is free again, unless its answer stands. Raises Unavailable."""
        with self._turn:  # nobody makes the row for it behind its back
            self.over = True
        if self._may_be_there():
            self._records.write(lambda work: work.answers.forget(self._asked, self._at))

    def is_anothers(self) -> bool:
        """Whether the key, which was let go here, is held or was answered elsewhere."""
        return self._records.glance(lambda work: work.answers.find(self._asked)) is not None

    def _make(self, work: Work, again: bool) -> bool:
        """Whether there is a row for it now; one whose commit was not confirmed may be there."""
        if again and work.answers.renew(self._asked, self._at, self._at):
            return True
        return work.answers.begin(self._asked, self._at, self._at - self._patience) is None

    def _may_be_there(self) -> bool:
        return self._tried and not self._lost

    def _renew(self, now: datetime) -> None:
        if not self._records.write(lambda work: work.answers.renew(self._asked, self._at, now)):
            self._lost = True
            raise StillRunning(ASK_AGAIN_SECONDS)
        self._at = now


class _Watch:
    """Sees to the rows of those who take longer than a moment, by a thread of its own."""

    def __init__(self) -> None:
        self._young: deque[Hold] = deque()
        self._some = threading.Event()
        self._thread = Background("holds", self._watch)

    def add(self, hold: Hold) -> None:
        self._young.append(hold)
        self._thread.start()
        self._some.set()

    def _watch(self) -> None:
        old: list[Hold] = []
        while True:
            if not old:
                self._some.wait()
            self._some.clear()
            time.sleep(_MOMENT.total_seconds())
            for hold in old:
                if not hold.over:
                    # Each by itself: together they share a commit, and none waits for another.
                    threading.Thread(target=hold.begin_unless_over, daemon=True).start()
            young = [self._young.popleft() for _ in range(len(self._young))]
            old = [hold for hold in young if not hold.over]


watch = _Watch()
