"""Proofs about stores, in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from uploads.documents.proofs import StoreProof
from uploads.records.proof_table import store_proofs
from uploads.records.statements import upsert


class SqlProofs:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def last(self, address: str, bucket: str) -> StoreProof | None:
        row = self._connection.execute(
            select(store_proofs).where(
                store_proofs.c.address == address, store_proofs.c.bucket == bucket
            )
        ).one_or_none()
        return None if row is None else StoreProof(**row._mapping)

    def record(self, proof: StoreProof) -> None:
        self._put(proof, asdict(proof))

    def note_try(self, proof: StoreProof) -> None:
        self._put(proof, {"tried_at": proof.tried_at, "found": proof.found})

    def forget(self, before: datetime) -> None:
        self._connection.execute(delete(store_proofs).where(store_proofs.c.tried_at < before))

    def _put(self, proof: StoreProof, changes: Mapping[str, Any]) -> None:
        """Add a row, or change these columns of the one that is there."""
        statement = upsert(self._connection, store_proofs).values(**asdict(proof))
        self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[store_proofs.c.address, store_proofs.c.bucket], set_=dict(changes)
            )
        )
