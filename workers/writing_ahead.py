"""The ledger's side of a published object: its key is a leftover until a commit makes it count.

Crash window: an object whose bytes took longer to store than the grace time, of a process that
dies before it can say so, is in no row; `uploads reconcile` names and clears it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from uploads.documents.errors import LeaseLost, StorageUnavailable
from uploads.records.protocol import Leftover, Records
from uploads.storage.protocol import Bucket
from workers.inspection.engine import EngineUnavailable


@contextmanager
def written_ahead(
    records: Records, clock: Callable[[], datetime], grace: timedelta, bucket: Bucket, key: str
) -> Iterator[None]:
    """Announce the key before its bytes are put in the block, and again where it certainly failed.

    A row whose time is over is deleted with its object, and there may have been none yet: a store
    or a process that was held up for longer than the grace time would leave an object in no row.
    What fails otherwise may be committed all the same, and is not announced: it may count.
    """

    def announce() -> None:
        records.write(lambda work: work.leftovers.add(Leftover(bucket, key, clock() + grace)))

    announce()
    try:
        yield
    except (EngineUnavailable, LeaseLost, StorageUnavailable):
        announce()
        raise
