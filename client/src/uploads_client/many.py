"""Many files in one go: an iterator of what became of each."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Self

from uploads_client.answers import Document
from uploads_client.files import Sent
from uploads_client.transfers import Offer
from uploads_client.work import Work


class Sending(Iterator[Sent]):
    """Files on their way; gives what became of each as they end, which is not their order.

    They are sent whether or not anybody iterates, but for files in parts, which are sent by who
    does. `close`, and leaving a `with` block, stop what is not done: nothing more is begun, grants
    are given back, and `ended` has what became a document all the same.
    """

    def __init__(self, work: Work, alone: Callable[[Offer], Document]) -> None:
        self._work, self._alone = work, alone
        self._end = weakref.finalize(self, work.stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __next__(self) -> Sent:
        """The next that has ended. Raises what a callback raised, and what interrupts it."""
        if not self._end.alive:
            raise StopIteration
        try:
            while True:
                found = self._work.outcomes.get()
                if isinstance(found, Sent):
                    return found
                if found is not None:
                    raise found
                if not self._work.send_alone(self._alone):
                    raise StopIteration
                self._work.outcomes.put(None)
        except BaseException:
            self.close()
            raise

    @property
    def ended(self) -> list[Sent]:
        """All that have ended by now, in the order in which they were given."""
        return self._work.ended

    def close(self) -> None:
        """Stop what is not done, within a few seconds; a form that was sent whole is waited for a
        little longer. Quiet when that was done before.
        """
        self._end()
