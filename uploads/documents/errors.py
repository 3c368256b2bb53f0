"""The one catalogue of what can go wrong, in sentences for people.

Each class says when it is raised, has a stable `code` (the contract's word) and a `title`. The
message is the public sentence: what happened, why, what to do. Causes go to the log, never into a
sentence. Status numbers are unknown here: `uploads.errors` maps codes to them.
"""

from __future__ import annotations

from typing import Any, ClassVar


class UploadsError(Exception):
    """Base of everything this service raises on purpose.

    `members` are the extra members of the problem document, named in the contract.
    """

    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong on our side"
    sentence: ClassVar[str] = (
        "The service could not finish this request. Nothing was kept. Please try again; if it "
        "happens again, tell the operator the request id."
    )

    def __init__(self, sentence: str | None = None, **members: Any) -> None:
        self.public = sentence or self.sentence
        self.members = members
        super().__init__(self.public)


class Malformed(UploadsError):
    """Raised when a request or its body cannot be read as what it claims to be."""

    code = "malformed"
    title = "The request could not be read"
    sentence = "The request is not well formed. Check how it is built and send it again."


class Unauthenticated(UploadsError):
    """Raised when nobody is signed in, or a key or session is unknown, ended or revoked."""

    code = "unauthenticated"
    title = "Please sign in"
    sentence = (
        "This needs a signed-in user or a valid API key. Sign in, or send "
        "`Authorization: Bearer <key>`."
    )


class PasswordRequired(UploadsError):
    """Raised when a link with a password is used without it, or with another one.

    `released` is whether a file behind it was refused and then released, `shown` whether it will be
    shown and not saved: whoever is asked for the password is told.
    """

    released = shown = False
    code = "password-required"
    title = "This link has a password"
    sentence = (
        "Whoever made this link gave it a password, and the right one was not sent. Open it in a "
        "browser and type it in, or send it by HTTP Basic authentication with any user name."
    )


class Forbidden(UploadsError):
    """Raised when the caller is known but may not do this."""

    code = "forbidden"
    title = "Not allowed"
    sentence = "This key or account may not do that. Ask the operator for the scope it needs."


class CsrfRefused(UploadsError):
    """Raised when an unsafe request with a session cookie lacks this session's CSRF token."""

    code = "csrf"
    title = "The form is out of date"
    sentence = "The form's protection token is missing or old. Reload the page and try again."


class NotFound(UploadsError):
    """Raised when something does not exist, or belongs to somebody else."""

    code = "not-found"
    title = "Not found"
    sentence = "There is nothing here. Check the address or the id."


class MethodNotAllowed(UploadsError):
    """Raised when a resource does not know this method."""

    code = "method-not-allowed"
    title = "Method not allowed"
    sentence = "This address does not answer to this method. See the Allow header."


class NotClean(UploadsError):
    """Raised when content is asked for that is not clean or released."""

    code = "not-clean"
    title = "This file is not available"
    sentence = "Only files that were inspected and found clean can be downloaded."


class Conflict(UploadsError):
    """Raised when something else happened to the same thing first."""

    code = "conflict"
    title = "Changed meanwhile"
    sentence = "This was changed by somebody else at the same time. Look again and repeat."


class NotReleased(Conflict):
    """Raised when a refused file cannot be released, or not by this administrator."""

    title = "Not released"


class StillRunning(Conflict):
    """Raised when a request is sent again while the first one under its key is under way."""

    title = "Still under way"
    sentence = "The first request under this Idempotency-Key is under way. Ask again in a moment."

    def __init__(self, seconds: int = 1) -> None:
        """`seconds` after which to ask again."""
        self.seconds = seconds
        super().__init__()


class IdempotencyMismatch(UploadsError):
    """Raised when another request comes under an Idempotency-Key that was used before."""

    code = "idempotency-mismatch"
    title = "The key belongs to another request"
    sentence = "This Idempotency-Key was used for another request. Take a new one for this one."


class Gone(UploadsError):
    """Raised when content is asked for that was deleted or has expired."""

    code = "gone"
    title = "This file is gone"
    sentence = "The file was deleted or has expired. Its bytes are no longer kept."


class LinkEnded(Gone):
    """Raised when a link is used that was revoked, has expired, or whose document is gone, or while
    its owner is locked out."""

    title = "This link has ended"
    sentence = (
        "The link was revoked, its time is over, or what is behind it is not shared any more. Ask "
        "whoever gave it to you for a new one."
    )


class DownloadLimit(UploadsError):
    """Raised when a link was used as often as its owner allows."""

    code = "download-limit"
    title = "This link is used up"
    sentence = (
        "The link was used for as many downloads as it allows. Ask whoever gave it to you for a "
        "new one."
    )


class FileTooLarge(UploadsError):
    """Raised when a file's own bytes pass the limit of its type."""

    code = "file-too-large"
    title = "The file is too large"
    sentence = (
        "The file is larger than is accepted for its type. Make it smaller or split it; "
        "/api/v1/policy names the limits."
    )

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The file is larger than {limit:,} bytes, the most that is accepted for this type. "
            "Make it smaller or split it.",
            limit=limit,
        )


class QuotaExceeded(UploadsError):
    """Raised when a file does not fit into what its owner may keep."""

    code = "quota-exceeded"
    title = "There is no room for this file"
    sentence = (
        "The file does not fit into the space of this account. Delete documents that are no longer "
        "needed, or ask the operator for more."
    )

    def __init__(self, unit: str, quota: int, used: int, more: int = 1) -> None:
        """`unit` is `bytes` or `files`; `quota` and `used` count it, and `more` is what comes."""
        super().__init__(
            # To delete something would not help.
            f"The file alone is larger than the {quota:,} {unit} that this account has in all. "
            "Make it smaller or split it, or ask the operator for more space."
            if more > quota
            else f"The file does not fit: {used:,} of {quota:,} {unit} are used. Delete documents "
            "that are no longer needed, or ask the operator for more.",
            quota=quota,
            used=used,
        )


class BodyTooLarge(UploadsError):
    """Raised when a request body that is not a file passes its limit."""

    code = "body-too-large"
    title = "The request is too large"
    sentence = "The request carries more than this address reads. Send less."


class TypeNotAllowed(UploadsError):
    """Raised when a file is of a kind that the policy does not accept."""

    code = "type-not-allowed"
    title = "This kind of file is not accepted"
    sentence = (
        "Files of this kind are not accepted here. /api/v1/policy names those that are, by their "
        "endings."
    )

    def __init__(self, detected_type: str | None, allowed: list[str]) -> None:
        super().__init__(
            "Files of this kind are not accepted here. Accepted endings: "
            + ", ".join(allowed)
            + ".",
            detected_type=detected_type,
            allowed=allowed,
        )


class TypeMismatch(UploadsError):
    """Raised when name, declared type and content do not agree."""

    code = "type-mismatch"
    title = "The file's name and type do not agree"
    sentence = (
        "The file's name, its declared type and its content do not agree. Send the file under its "
        "right name and type."
    )

    def __init__(self, finding: str, declared_type: str | None, detected_type: str | None) -> None:
        """`finding` follows "By its name"; `detected_type` is None when nothing was sniffed."""
        super().__init__(
            f"By its name {finding}. Send the file under its right name and type.",
            declared_type=declared_type,
            detected_type=detected_type,
        )


class UnsupportedMediaType(UploadsError):
    """Raised when a route is sent a media type that it does not read."""

    code = "unsupported-media-type"
    title = "Unsupported media type"
    sentence = "This address does not read this Content-Type. See the API documentation."


class RangeNotSatisfiable(UploadsError):
    """Raised when a Range lies outside the content."""

    code = "range-not-satisfiable"
    title = "Range not satisfiable"
    sentence = "The requested range lies outside the file. Ask for a range inside it."


class PreconditionFailed(UploadsError):
    """Raised when a conditional request's condition does not hold."""

    code = "precondition-failed"
    title = "Precondition failed"
    sentence = "The resource has changed since you looked. Fetch it again."


class Misdirected(UploadsError):
    """Raised when a request names a host that this service is not."""

    code = "misdirected"
    title = "Wrong host"
    sentence = "This service does not answer under that host name. Use its public address."


class Invalid(UploadsError):
    """Raised when a well-formed request has wrong or unknown members."""

    code = "invalid"
    title = "Something in the request is not valid"
    sentence = "One or more values are not valid. See `errors` for each."


class EmptyFile(UploadsError):
    """Raised when a file has no bytes."""

    code = "empty-file"
    title = "The file is empty"
    sentence = "The file has no bytes in it. Check that it was saved, then send it again."


class BadName(UploadsError):
    """Raised when a file name is missing or cannot be made safe without guessing."""

    code = "bad-name"
    title = "The file name cannot be used"
    sentence = (
        "The file name is missing, too long, or holds a path or control characters. Rename the "
        "file and send it again."
    )


class MalformedFile(UploadsError):
    """Raised when a file's own structure shows that it would not pass inspection.

    `reason` is the word that `verdict.reason` has when only inspection finds it.
    """

    code = "malformed-file"
    title = "The file cannot be accepted as it is"
    sentence = "The file cannot be read as what it is. Save it anew and send it again."

    def __init__(self, reason: str = "malformed-file") -> None:
        super().__init__(_STRUCTURE.get(reason), reason=reason)


class DigestMismatch(UploadsError):
    """Raised when the bytes do not have the digest that the client announced."""

    code = "digest-mismatch"
    title = "The file was changed on its way"
    sentence = "The file's bytes do not have the announced SHA-256. Send the file again."

    def __init__(self, expected: str, actual: str) -> None:
        super().__init__(
            "The bytes that arrived do not have the announced SHA-256. Send the file again.",
            expected=expected,
            actual=actual,
        )


class SizeMismatch(UploadsError):
    """Raised when fewer or more bytes arrived than were announced."""

    code = "size-mismatch"
    title = "The file did not arrive whole"
    sentence = "The number of bytes differs from what was announced. Send the file again."


class Incomplete(UploadsError):
    """Raised when an upload is to be completed before all of its bytes are in the store."""

    code = "incomplete"
    title = "Bytes are missing"
    sentence = "Not all parts of this upload have arrived. Send those that are missing."

    def __init__(self, missing: list[int]) -> None:
        """`missing` are numbers of parts, the first thousand at most."""
        super().__init__(missing=missing)


class UploadExpired(UploadsError):
    """Raised when an upload is continued or completed after its time."""

    code = "upload-expired"
    title = "The upload has expired"
    sentence = "The time of this upload is over and its bytes are deleted. Begin a new one."


class RateLimited(UploadsError):
    """Raised when a caller asks more often than its limit."""

    code = "rate-limited"
    title = "Too many requests"
    sentence = "That was too much in a short time. Wait a minute, then try again."

    def __init__(self, seconds: int | None = None, sentence: str | None = None) -> None:
        """`seconds` until the next request is let in, where that is known.

        `sentence` says it in other words; its "a minute" becomes the time to wait.
        """
        self.seconds = seconds
        wait = "a minute" if seconds is None else _duration(seconds)
        super().__init__((sentence or self.sentence).replace("a minute", wait))


class BytesSpent(RateLimited):
    """Raised when a caller has sent as much as it may, so that nothing more of it is read."""

    sentence = "That was too much data in a short time. Wait a minute, then go on."


class HeadersTooLarge(UploadsError):
    """Raised when the header section of a request or a part passes its limit."""

    code = "headers-too-large"
    title = "Headers too large"
    sentence = "The headers are larger than this service reads. Send fewer or shorter ones."


class Unavailable(UploadsError):
    """Raised when a part of the service cannot be reached; the request may be repeated."""

    code = "unavailable"
    title = "Please try again in a moment"
    sentence = "A part of the service does not answer. Nothing was kept. Please try again soon."
    part: ClassVar[str] = "service"

    def __init__(self, cause: str = "") -> None:
        self.cause = cause
        super().__init__(part=self.part)


class StorageUnavailable(Unavailable):
    """Raised when the store cannot be reached, refuses, or ends in the middle of an object."""

    part = "storage"


class StorageRefused(StorageUnavailable):
    """Raised when the store does not take the service's own keys, or gives them no right to it."""


class StoreUnproved(StorageUnavailable):
    """Raised when a signed URL is asked for while the store is not proved to hold clients to it.

    `standing` is why not: nobody has tried it, it broke a promise, or the proof is too old.
    """

    title = "Signed URLs are out of service"
    sentence = (
        "The service signs URLs only for a store that was proved to hold clients to what is "
        "signed, and at present this one is not. Send the file through the service instead, or "
        "try again in ten minutes."
    )
    # By then a worker has tried the store again.
    seconds = 600

    def __init__(self, standing: str = "untried") -> None:
        self.standing = standing
        super().__init__(f"the store is {standing}")


class OtherBytes(StorageUnavailable):
    """Raised when the store gives other bytes than were inspected."""


class StorageFull(Unavailable):
    """Raised when the store has no room left."""

    code = "storage-full"
    title = "The store is full"
    sentence = "There is no room left for this. Tell the operator and try again later."
    part = "storage"


class Backlog(UploadsError):
    """Raised when a new upload comes while its owner's, or everybody's, wait too long already."""

    code = "backlog"
    title = "Too many files wait for inspection"
    sentence = (
        "No new files are taken in from you at present, because those that are here already, yours "
        "or everybody's, wait too long for their inspection. Nothing of this one was kept. Please "
        "send it again in a few minutes; if it is refused again, tell the operator."
    )
    # The oldest may be inspected by then; who comes too early costs little.
    seconds = 60


class RecordsUnavailable(Unavailable):
    """Raised when the database cannot be reached or stays locked past its retries."""

    part = "database"


class CommitUnknown(RecordsUnavailable):
    """Raised when the database went away between a commit and its answer: it may have happened."""

    title = "It is not known whether this was done"
    sentence = (
        "The database went away while it was told to keep this. It is not known whether it did. "
        "Ask again with the same Idempotency-Key; without one, look first whether it is there."
    )


class PasswordsBusy(Unavailable):
    """Raised when more passwords are to be checked at once than can be in a while."""

    title = "Too many passwords are being checked"
    sentence = (
        "More people give their passwords at the moment than can be checked. Yours was not looked "
        "at. Please try again soon."
    )
    part = "passwords"


class ObjectMissing(UploadsError):
    """Raised when the store has no object under a key that the records name."""


class IllegalMove(UploadsError):
    """Raised when code asks for a state change that the state machine does not have."""


class LeaseLost(UploadsError):
    """Raised when a worker's fencing token no longer holds its job: its work must not count."""


# What MalformedFile says by its reason, where it is not plain damage.
_STRUCTURE = {
    "active-content": "The file carries macros or other active content. Save it without them and "
    "send it again.",
    "bomb": "The file unpacks to far more than its size tells, or has more entries or pixels than "
    "are read here. It may be in order all the same: save it with smaller pictures, or in parts, "
    "and send it again.",
    "encrypted": "The file is encrypted, so it cannot be inspected. Remove its password and send "
    "it again.",
    "not-utf-8": "The file is JSON in UTF-16 or UTF-32, but JSON is always UTF-8. Save it as UTF-8 "
    "and send it again.",
    "second-format": "The file is two kinds of file in one. Save it anew and send it again.",
    "trailing-data": "Something is attached behind the end of the file. Save it anew without that "
    "and send it again.",
}


def _duration(seconds: int) -> str:
    """A time to wait, rounded up to whole minutes from two of them on."""
    if seconds == 1:
        return "a second"
    return f"{seconds} seconds" if seconds < 120 else f"{-(-seconds // 60)} minutes"


def catalogue() -> list[type[UploadsError]]:
    """Every class above, for the table's totality test and the problem pages."""
    found: list[type[UploadsError]] = []
    todo: list[type[UploadsError]] = [UploadsError]
    while todo:
        kind = todo.pop(0)
        found.append(kind)
        todo.extend(kind.__subclasses__())
    return found
