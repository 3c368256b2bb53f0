"""What the service answers, as plain typed values. Members that are not known here are ignored.

Times are aware, sizes are bytes, digests are lowercase hex SHA-256.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from uploads_client.errors import UploadsError

T = TypeVar("T")
UNSETTLED = frozenset({"receiving", "quarantined", "scanning"})
SERVED = frozenset({"clean", "released"})


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


def parts(members: Any) -> dict[int, SignedRequest]:
    """Signed requests by number out of an answer. Raises UploadsError where there are none."""
    return _read(_parts, members)


def limit(members: Any, name: str) -> int:
    """The most bytes of a file of this name, out of what the service says of itself.

    Raises UploadsError as above.
    """
    return _read(lambda found: _limit(found, name), members)


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


def _document(found: Mapping[str, Any]) -> Document:
    told = found.get("verdict")
    return Document(
        id=str(found["id"]),
        name=found.get("name"),
        size=int(found["size"]),
        sha256=found.get("sha256"),
        declared_type=found.get("declared_type"),
        type=found.get("type"),
        state=str(found["state"]),
        verdict=None if told is None else _verdict(told),
        renditions=tuple(_rendition(one) for one in found.get("renditions", ())),
        created_at=_moment(found.get("created_at")),
        updated_at=_moment(found.get("updated_at")),
        expires_at=_moment(found.get("expires_at")),
        members=dict(found),
    )


def _verdict(found: Mapping[str, Any]) -> Verdict:
    return Verdict(
        outcome=str(found["outcome"]),
        reason=found.get("reason"),
        inspected_at=_moment(found.get("inspected_at")),
        engines=tuple(_engine(one) for one in found.get("engines", ())),
    )


def _engine(found: Mapping[str, Any]) -> EngineReport:
    return EngineReport(
        name=str(found["name"]),
        version=found.get("version"),
        signatures=found.get("signatures"),
        outcome=str(found["outcome"]),
        finding=found.get("finding"),
    )


def _rendition(found: Mapping[str, Any]) -> Rendition:
    return Rendition(
        name=str(found["name"]),
        type=str(found["type"]),
        width=int(found["width"]),
        height=int(found["height"]),
        size=int(found["size"]),
        url=str(found["url"]),
    )


def _link(found: Mapping[str, Any]) -> Link:
    return Link(
        id=str(found["id"]),
        url=str(found["url"]),
        documents=tuple(found["documents"]),
        disposition=str(found["disposition"]),
        expires_at=_moment(found.get("expires_at")),
        max_downloads=found.get("max_downloads"),
        password_protected=bool(found["password_protected"]),
        downloads=int(found["downloads"]),
    )


def _grant(found: Mapping[str, Any], size: int) -> Grant:
    single = found["method"] == "put"
    made = Grant(
        id=str(found["id"]),
        method=str(found["method"]),
        part_size=size if single else int(found["part_size"]),
        part_count=1 if single else int(found["part_count"]),
        requests={1: _request(found["request"])} if single else _parts(found),
    )
    if -(-size // max(made.part_size, 1)) != made.part_count:
        raise ValueError("parts that do not add up to the file")
    return made


def _limit(found: Mapping[str, Any], name: str) -> int:
    ending = name.rpartition(".")[2].lower()
    own = [one["max_bytes"] for one in found["types"] if ending in one["extensions"]]
    return int(own[0] if own else found["max_file_bytes"])


def _parts(found: Mapping[str, Any]) -> dict[int, SignedRequest]:
    return {int(one["number"]): _request(one["request"]) for one in found["parts"]}


def _request(found: Mapping[str, Any]) -> SignedRequest:
    headers = {str(name): str(value) for name, value in found["headers"].items()}
    moment = _moment(found.get("expires_at"))
    return SignedRequest(str(found["method"]), str(found["url"]), headers, moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
