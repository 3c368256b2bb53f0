"""Which files are accepted: one judge over the table of `kinds`.

Name, declared type and content must agree. The name's last ending decides what a file is to be;
what the client declared and what the first bytes show must be among the names that this type goes
by. Knows nothing of doors, of stores and of what inspection finds later.

What the first bytes cannot tell apart is judged by `Watch` while the file streams by: a ZIP under
an Office ending (the telling member need not be the first one), an encrypted Office file (an OLE
container). An MP4 under an audio ending passes: many recorders write the general brand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from uploads.documents.errors import EmptyFile, TypeMismatch, TypeNotAllowed
from uploads.documents.kinds import KNOWN, FileType, phrase_of
from uploads.documents.readers.limits import Limits
from uploads.documents.sniffing import UNKNOWN, sniff
from uploads.documents.watching import Watch

HEAD_BYTES = 4096
TAIL_BYTES = 128 * 1024

_CLAIM_NOTHING = frozenset({"", "application/octet-stream", "binary/octet-stream"})


def _bare(declared_type: str | None) -> str:
    """A media type without its parameters, in lower case."""
    return (declared_type or "").partition(";")[0].strip().lower()


def _mismatch(kind: FileType, declared_type: str | None, found: str) -> TypeMismatch:
    return TypeMismatch(
        f"this should be {kind.phrase}, but its content looks like {phrase_of(found)}",
        _bare(declared_type)[:100] or None,
        found,
    )


def _ending(name: str) -> str:
    return name.strip().lower().lstrip(".")


def _check_known(endings: set[str]) -> None:
    known = {kind.extensions[0] for kind in KNOWN}
    if unknown := sorted(endings - known):
        raise ValueError(
            f"unknown file types {', '.join(unknown)}; known are {', '.join(sorted(known))}"
        )


class Policy:
    """The table as this operator configured it. Limits in bytes."""

    def __init__(
        self,
        *,
        max_bytes: int,
        allowed: Sequence[str] = (),
        max_bytes_by_type: Mapping[str, int] | None = None,
        limits: Limits | None = None,
        tail_bytes: int = TAIL_BYTES,
    ) -> None:
        """`allowed` names types by their first endings; empty means all but the active ones.

        `max_bytes_by_type` gives some of them, named likewise, a limit of their own, above or
        below the general one. `limits` bound what a file may unpack or decode to; of packages the
        last `tail_bytes` are kept for a look at their table.

        Raises ValueError when an ending is not the first one of a known type.
        """
        own = {_ending(name): limit for name, limit in (max_bytes_by_type or {}).items()}
        wanted = {_ending(name) for name in allowed}
        _check_known(wanted | set(own))
        self.max_bytes = max_bytes
        self.types = tuple(
            replace(kind, max_bytes=own.get(kind.extensions[0]))
            for kind in KNOWN
            if (kind.extensions[0] in wanted if wanted else not kind.active)
        )
        self._limits = limits or Limits()
        self._tail_bytes = tail_bytes
        self._by_ending = {ending: kind for kind in self.types for ending in kind.extensions}
        self._by_type = {kind.type: kind for kind in self.types}

    @property
    def extensions(self) -> list[str]:
        """Every accepted ending, in the order of the table."""
        return list(self._by_ending)

    def by_name(self, name: str) -> FileType:
        """The type that the name's last ending stands for. Raises TypeNotAllowed."""
        kind = self._find(name)
        if kind is None:
            raise TypeNotAllowed(None, self.extensions)
        return kind

    def by_type(self, type_: str) -> FileType | None:
        """The accepted type with this canonical media type, if there is one."""
        return self._by_type.get(type_)

    def check_declared(self, kind: FileType, declared_type: str | None) -> None:
        """Hold a client's media type, parameters and all, against `kind`.

        No type and octet-stream claim nothing. Raises TypeMismatch.
        """
        declared = _bare(declared_type)
        if declared not in _CLAIM_NOTHING and not kind.is_declared_as(declared):
            declared = declared[:100]
            finding = f"this is {kind.phrase}, but it was declared as {declared}"
            raise TypeMismatch(finding, declared, None)

    def judge(self, name: str, declared_type: str | None, head: bytes) -> FileType:
        """The type of a file with this clean name and these first `HEAD_BYTES` bytes.

        Raises TypeNotAllowed, TypeMismatch, and EmptyFile when there are no bytes.
        """
        kind = self._find(name)
        if kind is None:
            raise TypeNotAllowed(sniff(head) if head else None, self.extensions)
        self.check_declared(kind, declared_type)
        if not head:
            raise EmptyFile
        found = sniff(head[:HEAD_BYTES])
        if not kind.looks_like(found):
            raise _mismatch(kind, declared_type, found)
        return kind

    def watch(self, kind: FileType, declared_type: str | None) -> Watch:
        """Eyes for one file of this kind while it streams by."""

        def mismatch(found: str) -> TypeMismatch:
            return _mismatch(kind, declared_type, found or UNKNOWN)

        return Watch(kind.type, self._limits, self._tail_bytes, mismatch)

    def limit(self, kind: FileType) -> int:
        """The most bytes that a file of this kind may have."""
        return kind.max_bytes or self.max_bytes

    @property
    def largest(self) -> int:
        """The most bytes that any file may have."""
        return max(self.limit(kind) for kind in self.types)

    def _find(self, name: str) -> FileType | None:
        stem, dot, ending = name.rpartition(".")
        return self._by_ending.get(ending.lower()) if stem and dot else None
