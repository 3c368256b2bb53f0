"""Tries whether the store holds a PUT against its signed checksum, as a client would find it.

Two small objects go up by the requests that a grant signs, to the public address: one under the
digest of other bytes, one under its own. Only a store that refuses the first, does not have it
afterwards, and takes the second is proved. What cannot be found out is not proved: grants then
promise nothing, and the worker's own reading is what counts, as always.

Crash window: an object whose prober died is in no row and found by the sweeper in `incoming`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import structlog
import urllib3
from redis import RedisError

from uploads.documents.errors import StorageUnavailable
from uploads.documents.granting import with_checksum
from uploads.proofs import Finding, StoreProof
from uploads.storage.protocol import Bucket, Storage

_BODY = b"what the store is asked to hold against a checksum\n"
_OTHER = _BODY.swapcase()
_URL_SECONDS = 60
_TIMEOUT = urllib3.Timeout(connect=3.0, read=10.0)
_log = structlog.get_logger(__name__)


class Prover:
    """The verb `prove`, for a worker's start and for every hour."""

    def __init__(self, *, storage: Storage, proof: StoreProof, new_id: Callable[[], str]) -> None:
        self._storage = storage
        self._proof = proof
        self._new_id = new_id

    def prove(self) -> None:
        """Try the store where the last finding is old, and tell everybody what was found."""
        try:
            if self._proof.due():
                finding = self.find()
                self._proof.record(finding)
                _log.info("store_tried", checks_sha256=finding.value)
        except RedisError as error:
            _log.warning("store_not_tried", cause=type(error).__name__)

    def find(self) -> Finding:
        """Try the store now. Nothing of it stays."""
        wrong, right = (f"{self._new_id()}/00001" for _ in range(2))
        try:
            refused = self._put(wrong, _OTHER)
            if refused < 500 and (refused < 400 or self._has(wrong)):
                return Finding.DISPROVED
            taken = self._put(right, _BODY)
            if max(refused, taken) >= 500:
                return Finding.UNKNOWN
            return Finding.PROVED if taken < 300 and self._has(right) else Finding.DISPROVED
        except (StorageUnavailable, urllib3.exceptions.HTTPError) as error:
            # Not its words: they may hold the address, and with it the signature.
            _log.warning("store_not_tried", cause=type(error).__name__)
            return Finding.UNKNOWN
        finally:
            self._delete(wrong)
            self._delete(right)

    def _put(self, key: str, promised: bytes) -> int:
        """Put the body under the digest of what was promised; the status."""
        plain = {"Content-Type": "text/plain", "Content-Length": str(len(_BODY))}
        headers = with_checksum(plain, hashlib.sha256(promised).hexdigest())
        seconds = _URL_SECONDS
        url = self._storage.sign_put(Bucket.INCOMING, key, headers=headers, seconds=seconds)
        with urllib3.PoolManager(retries=False, timeout=_TIMEOUT) as http:
            return http.request("PUT", url, body=_BODY, headers=headers, redirect=False).status

    def _has(self, key: str) -> bool:
        return self._storage.stat(Bucket.INCOMING, key) is not None

    def _delete(self, key: str) -> None:
        try:
            self._storage.delete(Bucket.INCOMING, key)
        except StorageUnavailable as error:
            _log.warning("left_to_the_sweeper", key=key, cause=error.cause)
