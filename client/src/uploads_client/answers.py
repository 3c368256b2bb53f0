"""What the service answers, as plain typed values. Members that are not known here are ignored.

Times are aware, sizes are bytes, digests are lowercase hex SHA-256. Those that are known are what
they should be, or the answer is an error: programs and terminals are given nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from uploads_client import values
from uploads_client.errors import BY_CODE, UploadsError

T = TypeVar("T")
UNSETTLED = frozenset({"receiving", "quarantined", "scanning"})
SERVED = frozenset({"clean", "released"})
# Ids stand in paths, and all three are shown as they are.
ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_STATE = re.compile(r"[a-z][a-z0-9_-]{0,40}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class EngineReport:
    """What one engine said."""

    name: str
    version: str | None
    signatures: str | None
    outcome: str
    finding: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the inspection said; `reason` says why a file is not clean."""

    outcome: str
    reason: str | None
    inspected_at: datetime | None
    engines: tuple[EngineReport, ...]


@dataclass(frozen=True, slots=True)
class Rendition:
    """A picture made of the document."""

    name: str
    type: str
    width: int
    height: int
    size: int
    url: str


@dataclass(frozen=True, slots=True)
class Document:
    """A file that the service took. `name` and `sha256` of a deleted one are None.

    `sent_sha256` is what this client read while it sent the file, None for all others; `members`
    is the answer as it came.
    """

    id: str
    name: str | None
    size: int
    sha256: str | None
    declared_type: str | None
    type: str | None
    state: str
    verdict: Verdict | None
    renditions: tuple[Rendition, ...]
    created_at: datetime | None
    updated_at: datetime | None
    expires_at: datetime | None
    members: Mapping[str, Any] = field(repr=False, compare=False, default_factory=dict)
    sent_sha256: str | None = field(compare=False, default=None)

    @property
    def settled(self) -> bool:
        """Whether the inspection has come to its end."""
        return self.state not in UNSETTLED

    @property
    def served(self) -> bool:
        """Whether its bytes can be had."""
        return self.state in SERVED


@dataclass(frozen=True, slots=True)
class Link:
    """Documents for people without an account. `url` is all that they need."""

    id: str
    url: str
    documents: tuple[str, ...]
    disposition: str
    expires_at: datetime | None
    max_downloads: int | None
    password_protected: bool
    downloads: int


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What has to be sent to the store, exactly so: every header is signed."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Room for one file, and signed requests for its parts by number, counted from 1.

    One by a single PUT has one part; `part_size` is then the size of the file.
    """

    id: str
    method: str
    part_size: int
    part_count: int
    requests: Mapping[int, SignedRequest]


def document(members: Any) -> Document:
    """A Document out of an answer. Raises UploadsError where it is none."""
    return _read(_document, members)


def link(members: Any) -> Link:
    """A Link out of an answer. Raises UploadsError where it is none."""
    return _read(_link, members)


def grant(members: Any, size: int) -> Grant:
    """A Grant for `size` bytes out of an answer. Raises UploadsError where it is none."""
    return _read(lambda found: _grant(found, size), members)


def problem(members: Any) -> UploadsError:
    """The error of one of many things, which stands where the thing would."""
    return _read(_problem, members)


def parts(members: Any) -> dict[int, SignedRequest]:
    """Signed requests by number out of an answer. Raises UploadsError where there are none."""
    return _read(_parts, members)


def limit(members: Any, name: str) -> int:
    """The most bytes of a file of this name, out of what the service says of itself.

    Raises UploadsError as above.
    """
    return _read(lambda found: _limit(found, name), members)


def missing(members: Any, part_count: int) -> list[int]:
    """The numbers of parts that the store does not have. Raises UploadsError as above."""
    return _read(lambda found: _missing(found, part_count), members)


def page(members: Any) -> tuple[list[Any], str | None]:
    """Items of a list and the cursor of what comes next. Raises UploadsError as above."""
    return _read(lambda found: (list(found["items"]), found.get("next_cursor")), members)


def _read(reader: Callable[[Mapping[str, Any]], T], members: Any) -> T:
    try:
        return reader(members)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UploadsError(
            f"The answer is not what this client knows how to read ({error!r}). Is this the address"
            " of the service, and is the client as new as it is?",
            code="unreadable-answer",
        ) from error


def _problem(found: Mapping[str, Any]) -> UploadsError:
    code = values.text(found["code"])
    return BY_CODE.get(code, UploadsError)(
        values.text(found["detail"]),
        code=code,
        status=values.count(found["status"]),
        request_id=values.text_or_none(found.get("request_id")),
        members=found,
    )


def _document(found: Mapping[str, Any]) -> Document:
    told = found.get("verdict")
    return Document(
        id=values.text(found["id"], ID),
        name=values.text_or_none(found.get("name")),
        size=values.count(found["size"]),
        sha256=values.text_or_none(found.get("sha256"), _DIGEST),
        declared_type=values.text_or_none(found.get("declared_type")),
        type=values.text_or_none(found.get("type")),
        state=values.text(found["state"], _STATE),
        verdict=None if told is None else _verdict(told),
        renditions=tuple(_rendition(one) for one in found.get("renditions", ())),
        created_at=values.moment(found.get("created_at")),
        updated_at=values.moment(found.get("updated_at")),
        expires_at=values.moment(found.get("expires_at")),
        members=dict(found),
    )


def _verdict(found: Mapping[str, Any]) -> Verdict:
    return Verdict(
        outcome=values.text(found["outcome"]),
        reason=values.text_or_none(found.get("reason")),
        inspected_at=values.moment(found.get("inspected_at")),
        engines=tuple(_engine(one) for one in found.get("engines", ())),
    )


def _engine(found: Mapping[str, Any]) -> EngineReport:
    return EngineReport(
        name=values.text(found["name"]),
        version=values.text_or_none(found.get("version")),
        signatures=values.text_or_none(found.get("signatures")),
        outcome=values.text(found["outcome"]),
        finding=values.text_or_none(found.get("finding")),
    )


def _rendition(found: Mapping[str, Any]) -> Rendition:
    return Rendition(
        name=values.text(found["name"]),
        type=values.text(found["type"]),
        width=values.count(found["width"]),
        height=values.count(found["height"]),
        size=values.count(found["size"]),
        url=values.text(found["url"]),
    )


def _link(found: Mapping[str, Any]) -> Link:
    most = found.get("max_downloads")
    return Link(
        id=values.text(found["id"], ID),
        url=values.text(found["url"]),
        documents=tuple(values.text(one, ID) for one in found["documents"]),
        disposition=values.text(found["disposition"]),
        expires_at=values.moment(found.get("expires_at")),
        max_downloads=None if most is None else values.count(most),
        password_protected=bool(found["password_protected"]),
        downloads=values.count(found["downloads"]),
    )


def _grant(found: Mapping[str, Any], size: int) -> Grant:
    single = found["method"] == "put"
    made = Grant(
        id=values.text(found["id"], ID),
        method=values.text(found["method"]),
        part_size=size if single else values.count(found["part_size"]),
        part_count=1 if single else values.count(found["part_count"]),
        requests={1: _request(found["request"])} if single else _parts(found),
    )
    if -(-size // max(made.part_size, 1)) != made.part_count:
        raise ValueError("parts that do not add up to the file")
    return made


def _limit(found: Mapping[str, Any], name: str) -> int:
    ending = name.rpartition(".")[2].lower()
    own = [one["max_bytes"] for one in found["types"] if ending in one["extensions"]]
    return values.count(own[0] if own else found["max_file_bytes"])


def _missing(found: Mapping[str, Any], part_count: int) -> list[int]:
    numbers = [values.count(one) for one in found.get("missing") or ()]
    if not all(1 <= one <= part_count for one in numbers):
        raise ValueError("parts that the file does not have")
    return numbers


def _parts(found: Mapping[str, Any]) -> dict[int, SignedRequest]:
    return {values.count(one["number"]): _request(one["request"]) for one in found["parts"]}


def _request(found: Mapping[str, Any]) -> SignedRequest:
    headers = {values.text(name): values.text(value) for name, value in found["headers"].items()}
    moment = values.moment(found.get("expires_at"))
    return SignedRequest(values.text(found["method"]), values.text(found["url"]), headers, moment)
