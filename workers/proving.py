"""Proves the store: tries whether it holds clients to what is signed, and writes that down.

What is tried, and what follows from it, is the doctor's (`workers/doctor/store.py`): this module
says only who tries it when, and what becomes of it. A broken promise ends the proof at once. Where
it could not be found out the last proof stands, for hours at most (`documents/proofs.py`).

Crash window: an object whose try was killed is in no row, and found by the sweeper in `incoming`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import structlog

from uploads.config import Settings
from uploads.documents.errors import RecordsUnavailable
from uploads.documents.proofs import StoreProof
from uploads.proofs import LastProof, name_of
from uploads.records.protocol import Records, Work
from workers.doctor import store, store_checksum
from workers.doctor.checkup import attempt
from workers.doctor.findings import Finding, State
from workers.doctor.trial import Store

_KEPT = timedelta(days=30)
_log = structlog.get_logger(__name__)


class Prover:
    """Tries the store that these settings name, as clients find it."""

    def __init__(
        self, *, settings: Settings, records: Records, clock: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._records = records
        self._clock = clock

    def prove(self) -> None:
        """Try the store, whatever is known of it."""
        try:
            self.record(self._find())
        except RecordsUnavailable as error:
            _log.warning("proof_not_recorded", cause=error.cause)

    def renew(self) -> None:
        """Try it where the last proof is old, or there is none."""
        try:
            known = LastProof(self._records, self._settings).read()
        except RecordsUnavailable as error:
            _log.warning("store_not_tried", cause=error.cause)
            return
        if known is None or known.due(self._clock()):
            self.prove()

    def record(self, findings: Iterable[Finding]) -> Finding:
        """Write down what was found of a store, and say what follows. Raises RecordsUnavailable."""
        found = list(findings)
        outcome = store.grants(found)
        proof = self._proof(found, outcome)

        def unit(work: Work) -> None:
            (work.proofs.record if outcome.tried else work.proofs.note_try)(proof)
            work.proofs.forget(proof.tried_at - _KEPT)

        self._records.write(unit)
        if outcome.state is State.OK:
            _log.info("store_proved", store=proof.address, checks_sha256=proof.checks_sha256)
        elif outcome.tried:
            _log.error("store_disproved", store=proof.address, cause=proof.found)
        else:
            _log.warning("store_not_tried", store=proof.address, cause=proof.found)
        return outcome

    def _find(self) -> Iterable[Finding]:
        """Ends with the first thing that could not be found out: the store is away."""
        tried = Store(self._settings)
        for look in (*store.promises(tried), store_checksum.checksum(tried)):
            finding = attempt(look)
            yield finding
            if not finding.tried:
                return

    def _proof(self, found: Iterable[Finding], outcome: Finding) -> StoreProof:
        now = self._clock()
        well = outcome.state is State.OK
        address, bucket = name_of(self._settings)
        return StoreProof(
            address,
            bucket,
            tried_at=now,
            proved_at=now if well else None,
            failed_at=now if outcome.tried and not well else None,
            checks_sha256=well and _keeps(found, store_checksum.CHECKSUM),
            found="" if well else _why(found),
        )


def _keeps(found: Iterable[Finding], name: str) -> bool:
    return any(one.name == name and one.state is State.OK for one in found)


def _why(found: Iterable[Finding]) -> str:
    """What was found broken, or could not be found out."""
    bad = [one for one in found if one.part == store.PART and one.state is State.BROKEN]
    return "; ".join(f"{one.name}: {one.found}" for one in bad)[:500]
