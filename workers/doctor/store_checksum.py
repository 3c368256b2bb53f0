"""Whether a store looks at a signed digest: no promise, but grants sign one where it does.

Apart from the other gaps because each worker tries it, and those need boto3.
"""

from __future__ import annotations

import hashlib
from functools import partial

from uploads.documents.errors import StorageUnavailable
from uploads.documents.granting import with_checksum
from workers.doctor.checkup import Look
from workers.doctor.findings import Finding, State
from workers.doctor.store import PART, look
from workers.doctor.trial import BODY, HEADERS, Store, Trial, Unclear

CHECKSUM = "checksum"
_OTHER = BODY.swapcase()
_ok = partial(Finding, PART, state=State.OK)
_gap = partial(Finding, PART, state=State.GAP)


def checksum(store: Store) -> Look:
    """Whether it holds a PUT against its signed x-amz-checksum-sha256."""
    return look(store, CHECKSUM, _checksum)


def _checksum(trial: Trial) -> Finding:
    """Two bodies, one under the digest of other bytes: only who refuses that one, and takes the
    other, looks at it."""
    if not trial.store.public_answers:
        found = "not tried: the public address cannot be reached from here"
        return _gap(CHECKSUM, found=found, follows="grants sign none until a worker has tried it")
    try:
        wrong, right = (_refuses_under(trial, promised) for promised in (_OTHER, BODY))
    except (Unclear, StorageUnavailable):
        found = "could not be found out"
        return Finding(PART, CHECKSUM, State.DEGRADED, found, "grants sign none until it is")
    if wrong and not right:
        return _ok(CHECKSUM, found="refuses bytes of another SHA-256 than was signed")
    follows = "grants sign none; the worker reads every byte before anything counts"
    found = "refuses what is signed rightly" if wrong else "takes bytes of any SHA-256"
    return _gap(CHECKSUM, found=found, follows=follows)


def _refuses_under(trial: Trial, promised: bytes) -> bool:
    """Whether it refuses the body under the signed digest of what was promised."""
    key, headers = trial.key(), with_checksum(HEADERS, hashlib.sha256(promised).hexdigest())
    return trial.refuses_put(trial.url("PUT", key, headers), key, BODY, **headers)
