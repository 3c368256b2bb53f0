"""The check of whether everything fits together, on the records and the store of a line."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.support.line import GRACE, Line
from workers.reconcile import Reconciler


def reconciler(line: Line, scratch: Path, settle_within: timedelta) -> Reconciler:
    return Reconciler(
        records=line.records,
        storage=line.storage,
        scratch_dir=scratch,
        clock=line.clock,
        grace=GRACE,
        settle_within=settle_within,
    )
