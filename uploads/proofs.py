"""What was proved of the store, as a web process asks for it: kept for seconds, read by its key.

Workers find it out (`workers/proving.py`) and write it into the database. An operator's word is no
proof, and a store may change its ways.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from uploads.config import Settings
from uploads.documents.proofs import StoreProof
from uploads.records.protocol import Records
from uploads.storage.protocol import Bucket

_KEPT_SECONDS = 2.0


def name_of(settings: Settings) -> tuple[str, str]:
    """What tells a store from others: the address that is signed for, and the bucket."""
    return settings.s3_public_url, f"{settings.s3_bucket_prefix}{Bucket.INCOMING}"


class LastProof:
    """The last proof about the store that these settings name. `clock` is monotonic seconds."""

    def __init__(
        self, records: Records, settings: Settings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._records = records
        self._name = name_of(settings)
        self._clock = clock
        self._found: StoreProof | None = None
        self._look_at = float("-inf")

    def __call__(self) -> StoreProof | None:
        """It, at most two seconds old; None where nobody has tried. Raises RecordsUnavailable."""
        if self._clock() >= self._look_at:
            if self._found is not None:
                # Those who come while this one looks hear what was known before.
                self._look_at = self._clock() + _KEPT_SECONDS
            self._found = self.read()
            self._look_at = self._clock() + _KEPT_SECONDS
        return self._found

    def read(self) -> StoreProof | None:
        """The same as it is in the database now. Raises RecordsUnavailable."""
        address, bucket = self._name
        return self._records.glance(lambda work: work.proofs.last(address, bucket))
