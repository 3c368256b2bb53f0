"""What a client of a grant does to the line in miniature, and what the check says of it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.support.line import GRACE, TEXT, Line
from uploads.documents.grants import Grant, GrantState
from uploads.documents.intake import Offer
from uploads.documents.model import Document
from uploads.storage.protocol import Bucket
from workers.reconcile import Reconciler

DIGEST = hashlib.sha256(TEXT).hexdigest()


def give(line: Line, size: int = len(TEXT), name: str = "a.txt", **more: object) -> Grant:
    offer = Offer(name, None, declared_size=size)
    given = line.granting.give(line.actor, replace(offer, **more), size, None)  # type: ignore[arg-type]
    return given.grant


def put(line: Line, grant: Grant, body: bytes = TEXT, number: int = 1) -> None:
    """What a client does with a signed request."""
    line.storage.put(Bucket.INCOMING, grant.part(number).key, [body], len(body))


def complete(line: Line, grant: Grant) -> Document:
    return line.completion.complete(line.actor, grant.id)


def state(line: Line, grant: Grant) -> GrantState:
    return line.granting.get(line.actor, grant.id).state


def used(line: Line) -> tuple[int, int]:
    """Bytes and files that count; fails where they are not the sum of what is there."""
    assert line.records.read(lambda work: work.usages.drifted()) == []
    quota = line.quotas.of(line.actor.user_id)
    return quota.bytes_used, quota.files_used


def tidy(line: Line) -> None:
    line.tidier.tidy()
    line.reaper.reap_due()


def sound(line: Line, scratch: Path) -> bool:
    return (
        Reconciler(
            records=line.records,
            storage=line.storage,
            scratch_dir=scratch / "scratch",
            clock=line.clock,
            grace=GRACE,
            settle_within=timedelta(minutes=10),
        )
        .check()
        .ok
    )
