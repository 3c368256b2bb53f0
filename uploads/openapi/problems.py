"""Refusals as models: one for each code of the catalogue, with what its class says of it.

The catalogue has the codes and the words, the table in `uploads.errors` the statuses. Only the
types of the further members are said here; a test makes every error and holds it against them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, create_model

from uploads.documents import errors
from uploads.documents.errors import UploadsError, catalogue
from uploads.documents.model import State
from uploads.errors import STATUS
from uploads.openapi.shapes import Bytes, Count, Shape

_FAILED = "Raised when something failed that nobody foresaw."
MEDIA_TYPE = "application/problem+json"


class WrongMember(Shape):
    """One wrong value: where it is (a JSON Pointer, or the name of a parameter), and why."""

    pointer: str
    detail: str


class Problem(Shape):
    """What was refused: what happened, why, and what to do (RFC 9457)."""

    model_config = ConfigDict(extra="forbid")

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str


_MEMBERS: dict[type[UploadsError], dict[str, Any]] = {
    errors.NotClean: {"state": State},
    errors.QuotaExceeded: {"quota": Count, "used": Count},
    errors.FileTooLarge: {"limit": Bytes},
    errors.TypeNotAllowed: {"detected_type": str | None, "allowed": list[str]},
    errors.TypeMismatch: {"declared_type": str | None, "detected_type": str | None},
    errors.Invalid: {"errors": list[WrongMember]},
    errors.MalformedFile: {"reason": str},
    errors.DigestMismatch: {"expected": str, "actual": str},
    errors.Incomplete: {"missing": list[int]},
    errors.Unavailable: {"part": str},
    errors.StorageFull: {"part": str},
}


def _model(kind: type[UploadsError]) -> type[Problem]:
    status = STATUS[kind.code]
    # On hosts other than the app's own it begins with the app's address.
    place = Field(pattern=f"/problems/{kind.code}$", examples=[f"/problems/{kind.code}"])
    members: dict[str, Any] = {
        "type": Annotated[str, place],
        "status": Literal[status],
        "code": Literal[kind.code],
        **_MEMBERS.get(kind, {}),
    }
    name = "Internal" if kind is UploadsError else kind.__name__
    fields: dict[str, Any] = {member: (type_, ...) for member, type_ in members.items()}
    said = _FAILED if kind is UploadsError else kind.__doc__
    return create_model(f"{name}Problem", __base__=Problem, __doc__=_told(said or ""), **fields)


def _told(said: str) -> str:
    """The first paragraph of an error's own description, as one says it to a client."""
    first = " ".join(said.partition("\n\n")[0].split())
    return first.replace("Raised when", "Answered when", 1)


def _by_code() -> dict[str, type[Problem]]:
    """The first class of each code: the general one stands before its special cases."""
    found: dict[str, type[Problem]] = {}
    for kind in catalogue():
        if kind.code not in found:
            found[kind.code] = _model(kind)
    return found


PROBLEMS = _by_code()
"""The model of each code's problem."""
