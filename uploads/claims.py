"""The claim of a request on its Idempotency-Key: the row that others under the key run into.

It is made before the work and renewed every ten seconds while the request lives, however long that
is. What the request makes is committed together with its answer, and only while the claim is its
own: of two requests that ever were at work under one key, one makes something.

Crash window: a process that dies before that commit has made nothing, and leaves a claim that
nobody renews. After a minute it is begun anew.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta

import structlog

from uploads import clock
from uploads.background import Background
from uploads.documents.errors import Unavailable
from uploads.holds import RENEWED
from uploads.records.answering import Answer, Asked, Earlier
from uploads.records.protocol import Records, Work

ABANDONED = timedelta(minutes=1)
"""After how long a silence it passes for dead."""

_log = structlog.get_logger(__name__)


class ClaimLost(Exception):
    """Raised in the transaction of a request that passed for dead: it is undone.

    None of the errors that a verb would take for a refusal of what it was asked.
    """


class Claim:
    """The claim of one request, which begins `at`."""

    def __init__(self, records: Records, asked: Asked, at: datetime) -> None:
        self._records = records
        self._asked = asked
        # When the row may say that it was begun: while it is renewed, or where nobody knows whether
        # it was, there are two.
        self._times = [at]
        self._renewing = False

    def begin(self) -> Earlier | None:
        """Make the row, or tell of the earlier request. None is: go ahead."""
        asked, (at,) = self._asked, self._times
        # Each statement of it stands by itself, whoever comes in between.
        earlier = self._records.write_one(
            lambda work: work.answers.begin(asked, at, at - ABANDONED)
        )
        if earlier is None:
            renewals.add(self)
        return earlier

    def keep(self, work: Work, answer: Answer) -> None:
        """Leave the answer, in the transaction that makes what it tells of. Raises ClaimLost."""
        if not any(work.answers.keep(self._asked, at, answer) for at in list(self._times)):
            raise ClaimLost

    def end(self) -> None:
        """The answer is kept: nothing is renewed any more."""
        renewals.discard(self)

    def end_with(self, refusal: Answer | None) -> None:
        """The same where nothing was made: keep the refusal, or let the key go.

        An answer that was committed after all stays.
        """
        renewals.discard(self)
        times = list(self._times)

        def unit(work: Work) -> None:
            for at in times:
                if refusal is None:
                    work.answers.forget(self._asked, at)
                else:
                    work.answers.keep(self._asked, at, refusal)

        try:
            self._records.write_one(unit)
        except Unavailable as error:
            # It can be begun anew in a minute.
            _log.warning("key_not_let_go", cause=error.cause)

    def renew(self) -> None:
        """Say that the request is alive."""
        if self._renewing:
            return
        self._renewing = True
        try:
            self._renew(clock.now())
        except Unavailable as error:
            # Its commit decides all the same.
            _log.warning("claim_not_renewed", cause=error.cause)
        except Exception:  # noqa: BLE001 -- else nobody would hear of it
            _log.exception("claim_not_renewed")
        finally:
            self._renewing = False

    def _renew(self, now: datetime) -> None:
        before = list(self._times)
        self._times = [now, *before]

        def unit(work: Work) -> bool:
            return any(work.answers.renew(self._asked, at, now) for at in before)

        if self._records.write(unit):
            self._times = [now]
        else:
            # Answered meanwhile, or somebody else's: its commit finds out which.
            renewals.discard(self)


class _Renewals:
    """Renews the claims of all requests that are at work, by a thread of its own."""

    def __init__(self) -> None:
        self._living: set[Claim] = set()
        self._some = threading.Event()
        self._thread = Background("claims", self._go_on)

    def add(self, claim: Claim) -> None:
        self._living.add(claim)
        self._thread.start()
        self._some.set()

    def discard(self, claim: Claim) -> None:
        self._living.discard(claim)

    def renew_all(self) -> list[threading.Thread]:
        """Each by itself: together they share a commit, and none waits for another."""
        threads = [
            threading.Thread(target=claim.renew, daemon=True) for claim in list(self._living)
        ]
        for thread in threads:
            thread.start()
        return threads

    def _go_on(self) -> None:
        while True:
            if not self._living:
                self._some.clear()
                self._some.wait()
            time.sleep(RENEWED.total_seconds())
            self.renew_all()


renewals = _Renewals()
