"""/document-batches: what POST /documents does, for many small files in one form.

A request costs more than a small file does. So the form is read to its end, each file judged as it
comes, and only then all are stored and recorded, side by side: they share objects of the store and
commits. A form that breaks off leaves nothing behind. What is refused is told in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from flask import Response

from uploads import bodies, idempotency, receipts
from uploads.api import blueprint
from uploads.api.documents import accepted
from uploads.api.parsing import invalid, media_type
from uploads.api.rendering import each_told
from uploads.api.uploads import writer
from uploads.bodies import Part
from uploads.documents import errors
from uploads.documents.errors import (
    DigestMismatch,
    RecordsUnavailable,
    StillRunning,
    UploadsError,
)
from uploads.documents.intake import Intake, Offer, Received
from uploads.documents.model import Actor, Scope
from uploads.documents.showing import document_json
from uploads.idempotency import HEADER, REPLAYED, repeats_itself
from uploads.openapi.batch_shapes import CompletedFiles
from uploads.openapi.describing import Answer, described
from uploads.openapi.requests import FILES, MOST_FILES, REFUSALS
from uploads.receipts import Begun
from uploads.security.principals import present, services
from uploads.security.upload_limits import enter_another
from uploads.side_by_side import each_of, side_by_side

MOST_BYTES = 64 * 1024 * 1024
"""Of the whole form: what waits for its end lies in memory, and past that on a disk."""
_FILE, _DIGEST = "file", "sha256"
# What one request has under way at a time: of commits, and of objects for the store.
_AT_ONCE = 16
_SHA256 = re.compile(r"[0-9a-f]{64}")


@blueprint.post("/document-batches")
@described(
    "upload_documents",
    Answer(200, "Each is kept and will be inspected, or says why not.", CompletedFiles),
    takes=(FILES,),
    problems=(*REFUSALS, errors.Backlog, errors.DigestMismatch, errors.SizeMismatch),
    scope=Scope.DOCUMENTS_WRITE,
)
@repeats_itself
def upload_documents() -> Response:
    """Take up to 50 files as parts of one form, together at most 64 MiB.

    None is recorded before the form was read to its end, and a form that cannot be read leaves
    nothing. Each file is an upload to every limit; where not all are within the limits, none is
    taken (429); every other refusal is of one file, in its place. Fields named `sha256`, one for
    each file and in their order, promise the digests. Under an Idempotency-Key the file in the
    same place is taken once.
    """
    actor = writer()
    key = present().headers.get(HEADER)
    if key is not None:
        idempotency.check_key(key)
    files = Files(actor, key)
    try:
        files.read()
        if len(files) > 1:
            enter_another(actor, len(files) - 1)
        found = each_of(files.commit, range(len(files)), _AT_ONCE)
    except BaseException as error:
        files.give_up(error)
        raise
    files.give_up(UploadsError())  # whom nobody came to, since a part is away
    return each_told(found, replayed=files.replayed == len(files))


class Files:
    """The files of one form. What was received of them is recorded, or given up."""

    def __init__(self, actor: Actor, key: str | None) -> None:
        self._actor = actor
        self._key = key
        self.found: list[_One | UploadsError] = []
        self.replayed = 0

    def __len__(self) -> int:
        return len(self.found)

    def read(self) -> None:
        """Read the form to its end. Raises what the form itself is refused for, and Invalid."""
        silence, digests = services().settings.body_seconds, list[str]()
        # One part more, so that one file too many is told as such.
        most = 2 * MOST_FILES + 1
        for part in bodies.form_parts(present(), silence, most=most, max_bytes=MOST_BYTES):
            if part.field == _DIGEST and part.filename is None:
                digests.append(part.text())
            elif part.field != _FILE or part.filename is None:
                raise invalid((part.field[:100], f"only files named {_FILE}, and {_DIGEST}"))
            elif len(self) == MOST_FILES:
                raise invalid((_FILE, f"at most {MOST_FILES} in one request"))
            else:
                self.found.append(self._received(part))
        if not self.found:
            raise invalid((_FILE, "at least one is expected"))
        self._check_digests(digests)

    def commit(self, place: int) -> dict[str, Any]:
        """Record one. Raises why not."""
        one = self.found[place]
        if isinstance(one, UploadsError):
            raise one
        # Whatever becomes of it now, it sees to what it leaves.
        self.found[place] = UploadsError()
        return one.commit()

    def give_up(self, error: BaseException) -> None:
        """Keep nothing of those that are not recorded."""
        self._end(dict.fromkeys(self._waiting, error))

    @property
    def _waiting(self) -> dict[int, _One]:
        """Those that are neither refused nor recorded, by their places."""
        pairs = enumerate(self.found)
        return {place: one for place, one in pairs if not isinstance(one, UploadsError)}

    def _end(self, errors: Mapping[int, BaseException]) -> None:
        """Give up the files in these places, all at once: each writes, and waits for a database
        that is away as long as all together.
        """
        waiting = self._waiting
        left = [(waiting[place], error) for place, error in errors.items()]
        for place, error in errors.items():
            self.found[place] = error if isinstance(error, UploadsError) else UploadsError()
        side_by_side(lambda pair: pair[0].give_up(pair[1]), left, MOST_FILES)

    def _received(self, part: Part) -> _One | UploadsError:
        """Read one file; why it was refused, if it alone was."""
        try:
            return self._begun(part)
        except (*bodies.BROKEN, StillRunning, RecordsUnavailable):
            raise  # of the form: without records nothing can be done with the others either
        except UploadsError as error:
            return error

    def _begun(self, part: Part) -> _One:
        offer = Offer(part.filename, media_type(part.content_type))
        pieces = self.saying_so(part.pieces)
        if self._key is None:
            intake = services().intake
            return _Plain(intake, intake.receive(self._actor, offer, pieces))
        asked = idempotency.asked_in_place(self._actor, self._key, len(self))
        begun = receipts.receive_once(asked, self._actor, lambda: (offer, pieces), accepted)
        return _Keyed(begun, self._count_replayed)

    def _count_replayed(self) -> None:
        self.replayed += 1

    def saying_so(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Pass pieces on, while those before wait. Raises StillRunning when one lost its key."""
        waiting = [one.say_alive for one in self._waiting.values()]
        for piece in pieces:
            for say_alive in waiting:
                say_alive()
            yield piece
            del piece  # nobody keeps a piece while waiting for the next

    def _check_digests(self, promised: list[str]) -> None:
        """Refuse the files that are not what was promised. Raises Invalid."""
        if not promised:
            return
        if len(promised) != len(self) or not all(map(_SHA256.fullmatch, promised)):
            raise invalid((_DIGEST, "64 lowercase hexadecimal digits for each file, or none"))
        self._end(
            {
                place: DigestMismatch(promised[place], one.sha256)
                for place, one in self._waiting.items()
                if one.sha256 != promised[place]
            }
        )


class _One(Protocol):
    """A file that was received; one of `commit` and `give_up` must follow."""

    @property
    def sha256(self) -> str: ...

    def commit(self) -> dict[str, Any]: ...

    def give_up(self, error: BaseException) -> None: ...

    def say_alive(self) -> None: ...


class _Plain:
    """A file without a key."""

    def __init__(self, intake: Intake, received: Received) -> None:
        self._intake = intake
        self._received = received

    @property
    def sha256(self) -> str:
        return self._received.receiver.sha256

    def commit(self) -> dict[str, Any]:
        document = self._intake.commit(self._received)
        return {"document": document_json(document, services().settings.public_url)}

    def give_up(self, error: BaseException) -> None:
        self._intake.give_up(self._received, error)

    def say_alive(self) -> None:
        return


class _Keyed:
    """A file under the key of the form, by its place."""

    def __init__(self, begun: Begun, replayed: Callable[[], None]) -> None:
        self._begun = begun
        self._replayed = replayed
        self.give_up = begun.give_up
        self.say_alive = begun.say_alive

    @property
    def sha256(self) -> str:
        return self._begun.sha256

    def commit(self) -> dict[str, Any]:
        answer = self._begun.commit()
        if REPLAYED in answer.headers:
            self._replayed()
        return {"document": answer.get_json()}
