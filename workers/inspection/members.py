"""An engine that is shown, beside the file itself, each thing that our own walk unpacks from it.

ClamAV unpacks as well, by its own parsers and within its own limits; what it cannot see that way,
as a PDF's attachments, it sees here. The walk is done in the cell, member after member comes out
of it into one scratch file, and none of them is parsed on the way.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from dataclasses import replace
from pathlib import Path

from uploads.documents.model import EngineReport, Outcome
from uploads.documents.readers.limits import Limits
from workers.inspection import celled
from workers.inspection.bundles import MOST, MOST_BYTES, SMALL_BYTES, write_bundle
from workers.inspection.cell_members import END, MORE
from workers.inspection.containers import may_hold
from workers.inspection.engine import (
    Engine,
    EngineLate,
    EngineSlowed,
    EngineUnavailable,
    Scanner,
    Subject,
)

_TYPE = "application/octet-stream"
_NAME = "member"
_ALONE = 32
"""So many are shown each by itself; of what is more, the small ones in bundles."""


class WithMembers:
    """`engine`, asked about a file and then about each of its members, nested ones included.

    It is asked once for its version, so a member costs one connection, and of many small ones some
    hundred cost one. The worst word of all is the word. `seconds` bounds what all members of one
    file may take together, unpacking included, and the file's own deadline.
    """

    def __init__(
        self, engine: Scanner, cell: celled.AnyCell, limits: Limits, seconds: float
    ) -> None:
        self._engine = engine
        self._cell = cell
        self._limits = limits
        self._seconds = seconds

    @property
    def name(self) -> str:
        return self._engine.name

    def inspect(self, subject: Subject) -> EngineReport:
        """Say what the file and all in it is. Raises: EngineUnavailable."""
        engine = self._engine.begin()
        whole = engine.inspect(subject)
        if whole.outcome is not Outcome.CLEAN or not may_hold(subject.type, subject.path):
            return whole
        deadline = min(subject.deadline, time.monotonic() + self._seconds)
        limits = replace(self._limits, deadline=deadline)
        with _Member(subject.path, deadline) as member:
            sink = _Shown(engine, member, deadline)
            try:
                answer = celled.ask(
                    self._cell, "members", subject, limits.options(), sink=sink.take
                )
                sink.finish()
            except _Enough as enough:
                return enough.report
            except EngineSlowed as error:
                raise EngineLate(str(error)) from error  # our walk mostly waits for the engine
            except OSError as error:
                raise EngineUnavailable(f"a member of a file: {error}") from error
        outcome, _, reason = answer  # what our walk found is not this engine's word
        answer = outcome, None, reason
        if outcome is Outcome.CLEAN and sink.open:
            answer = Outcome.UNSCANNABLE, None, "malformed-file"
        return celled.report(whole.name, whole.version, whole.signatures, answer)


class _Enough(Exception):
    """Raised when one member was not clean: what is left of the archive changes nothing."""

    def __init__(self, report: EngineReport) -> None:
        super().__init__(report.outcome)
        self.report = report


class _Member:
    """The scratch file that one member after the other is written to."""

    def __init__(self, beside: Path, deadline: float) -> None:
        self._deadline = deadline
        self.path = beside.with_name(beside.name + ".member")

    def __enter__(self) -> _Member:
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        self._file = os.fdopen(os.open(self.path, flags, 0o600), "w+b")
        self._digest = hashlib.sha256()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        self.path.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)

    def subject(self) -> Subject:
        """The member as it is now, for an engine."""
        self._file.flush()
        size, sha256 = self._file.tell(), self._digest.hexdigest()
        return Subject(self.path, size, sha256, _TYPE, _NAME, self._deadline)

    def small(self) -> bytes | None:
        """All of it, where it is small."""
        if (size := self._file.tell()) > SMALL_BYTES:
            return None
        self._file.flush()
        return os.pread(self._file.fileno(), size, 0)

    def begin_anew(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._digest = hashlib.sha256()


class _Shown:
    """Takes the cell's frames, and shows each member to the engine once it is whole."""

    def __init__(self, engine: Engine, member: _Member, deadline: float) -> None:
        self._engine = engine
        self._member = member
        self._deadline = deadline
        self._shown = 0
        self._small: list[bytes] = []
        self._small_bytes = 0
        self.open = False

    def take(self, frame: bytes) -> None:
        """Raises _Enough, EngineUnavailable, OSError; MalformedReply is the channel's own."""
        if frame[:1] == MORE:
            self._member.write(frame[1:])
            self.open = True
        elif frame == END:
            self._take_in()
            self._member.begin_anew()
            self.open = False
        else:
            raise _Enough(self._odd("malformed-file"))

    def finish(self) -> None:
        """Show what has waited to be shown with others. Raises as `take` does."""
        if not self._small:
            return
        small, self._small, self._small_bytes = self._small, [], 0
        self._member.begin_anew()
        write_bundle(self._member, small)
        if self._ask().outcome is Outcome.CLEAN:
            self._member.begin_anew()
            return
        for data in small:
            self._member.begin_anew()
            self._member.write(data)
            self._show()

    def _take_in(self) -> None:
        self._shown += 1
        data = self._member.small() if self._shown > _ALONE else None
        if data is None:
            self._show()
            return
        self._small.append(data)
        self._small_bytes += len(data)
        if len(self._small) >= MOST or self._small_bytes >= MOST_BYTES:
            self.finish()

    def _show(self) -> None:
        report = self._ask()
        if report.outcome is not Outcome.CLEAN:
            raise _Enough(report)

    def _ask(self) -> EngineReport:
        if time.monotonic() > self._deadline:
            raise EngineLate("over a file's members")
        return self._engine.inspect(self._member.subject())

    def _odd(self, reason: str) -> EngineReport:
        return EngineReport(self._engine.name, "", Outcome.UNSCANNABLE, reason=reason)
