"""How much a user may keep here: bytes and files, uploads on their way included.

A document counts from its first committed row until it is deleted or expires, whatever state it is
in: what was refused and is kept for the operator's desk occupies room like anything else, and can
be deleted. A grant counts like the document that it may become. What the service makes of it
(pictures) does not count. The room is returned with the tombstone, or with the end of the grant;
the bytes themselves follow at the next sweep.

The decision is made inside the transaction that adds the bytes, so uploads at the same time cannot
pass it together. `foresee` only spares a client the sending of what would be refused anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from uploads.documents.errors import NotFound, QuotaExceeded
from uploads.documents.grants import Grant
from uploads.documents.model import AuditEntry, Usage
from uploads.records.protocol import Records, Work


@dataclass(frozen=True, slots=True)
class Quota:
    """What a user uses and may use at most; a limit of None is none."""

    bytes_used: int
    bytes_limit: int | None
    files_used: int
    files_limit: int | None


_FRESH = timedelta(seconds=2)
_SMALL = 1024 * 1024
_MOST_SEEN = 1000
_NEVER = datetime.min.replace(tzinfo=UTC)
_NOTHING = Quota(0, 0, 0, 0)


class Quotas:
    """`bytes_limit` and `files_limit` hold for users without their own; 0 is no limit."""

    def __init__(
        self,
        *,
        records: Records,
        clock: Callable[[], datetime],
        bytes_limit: int,
        files_limit: int,
    ) -> None:
        self._records = records
        self._clock = clock
        self._bytes_limit = bytes_limit
        self._files_limit = files_limit
        self._seen: dict[str, tuple[datetime, Quota]] = {}

    def of(self, user_id: str) -> Quota:
        """What this user uses now, and may use."""
        return self._quota(self._records.glance(lambda work: work.usages.of(user_id)))

    def foresee(self, user_id: str, size: int | None) -> None:
        """Raises QuotaExceeded where a file of `size` bytes would not fit as things stand now.

        None is a size that nobody announced: then at least one byte must fit. Whoever had plenty
        of room a moment ago is not looked up again: for many small files that look would be a
        tenth of all the work, and what it misses `admit` refuses.
        """
        size = 1 if size is None else size
        now, (at, quota) = self._clock(), self._seen.get(user_id, (_NEVER, _NOTHING))
        if now - at > _FRESH or size > _SMALL or not _has_plenty(quota):
            quota = self.of(user_id)
            if len(self._seen) >= _MOST_SEEN:
                self._seen.clear()
            self._seen[user_id] = now, quota
        _refuse_past(quota, quota.bytes_used + size, quota.files_used + 1)

    def admit(self, usage: Usage, size: int) -> None:
        """Raises QuotaExceeded where `usage`, with a file of `size` bytes in it, is too much.

        To be called in the unit of work that added the file: raising undoes it.
        """
        quota = self._quota(usage)
        before = Quota(
            quota.bytes_used - size, quota.bytes_limit, quota.files_used - 1, quota.files_limit
        )
        _refuse_past(before, quota.bytes_used, quota.files_used)

    def add(self, grant: Grant, keep: Callable[[Work], None] | None = None) -> None:
        """Record an open grant, which takes its room from now on. Raises QuotaExceeded.

        The database decides where it is plain; in doubt the unit does which knows all of it.
        `keep` is called in the same transaction.
        """
        limits = self._bytes_limit, self._files_limit
        if keep is None and self._records.write_one(
            lambda work: work.grants.add_within(grant, *limits)
        ):
            return

        def unit(work: Work) -> None:
            if not work.grants.add_within(grant, *limits):
                self.admit(work.grants.add(grant), grant.size)
            if keep is not None:
                keep(work)

        self._records.write(unit)

    def set_limits(
        self, user_id: str, bytes_limit: int | None, files_limit: int | None, *, by: str
    ) -> Quota:
        """Give a user limits: None is the service's, 0 is none. Raises NotFound.

        A limit below what is used already takes nothing away; nothing more is let in.
        """

        def unit(work: Work) -> Usage:
            if work.accounts.user(user_id) is None:
                raise NotFound("There is no such user.")
            work.usages.set_limits(user_id, bytes_limit, files_limit)
            detail = {"bytes_limit": bytes_limit, "files_limit": files_limit}
            work.audit.append(AuditEntry(self._clock(), by, "quota-set", user_id, detail))
            return work.usages.of(user_id)

        quota = self._quota(self._records.write(unit))
        self._seen.pop(user_id, None)
        return quota

    def own_limits(self, user_id: str) -> tuple[int | None, int | None]:
        """Bytes and files as they were set for this user alone; None is the service's limit."""
        usage = self._records.read(lambda work: work.usages.of(user_id))
        return usage.bytes_limit, usage.files_limit

    def _quota(self, usage: Usage) -> Quota:
        return Quota(
            usage.bytes_used,
            _limit(usage.bytes_limit, self._bytes_limit),
            usage.files_used,
            _limit(usage.files_limit, self._files_limit),
        )


def _limit(own: int | None, default: int) -> int | None:
    return (default if own is None else own) or None


def _has_plenty(quota: Quota) -> bool:
    """Whether less than half of every limit is used, and still would be with a small file more."""
    bytes_then, files_then = quota.bytes_used + _SMALL, quota.files_used + 1
    return (quota.bytes_limit is None or 2 * bytes_then <= quota.bytes_limit) and (
        quota.files_limit is None or 2 * files_then <= quota.files_limit
    )


def _refuse_past(before: Quota, bytes_then: int, files_then: int) -> None:
    if before.files_limit is not None and files_then > before.files_limit:
        raise QuotaExceeded("files", before.files_limit, before.files_used)
    if before.bytes_limit is not None and bytes_then > before.bytes_limit:
        more = bytes_then - before.bytes_used
        raise QuotaExceeded("bytes", before.bytes_limit, before.bytes_used, more)
