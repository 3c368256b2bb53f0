"""The doors through which one file can come, and what may become of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from tests.support.people import Person

Door = Callable[[Person, str, str, bytes], httpx.Response]


def by_form(person: Person, name: str, declared: str, content: bytes) -> httpx.Response:
    return person.post(name, content, declared)


def by_body(person: Person, name: str, declared: str, content: bytes) -> httpx.Response:
    headers = {"Content-Type": declared} if declared else {}
    return person.api.post("/documents", params={"name": name}, content=content, headers=headers)


DOORS: dict[str, Door] = {"form": by_form, "raw body": by_body}


@dataclass(frozen=True)
class Refused:
    """Not taken in: the answer's status and code, and the reason where the code has one."""

    status: int
    code: str
    reason: str | None = None


@dataclass(frozen=True)
class Ends:
    """Taken in, and settled so: `reason` is the verdict's."""

    state: str
    reason: str | None = None


CLEAN = Ends("clean")
INFECTED = Ends("infected")
WRONG_TYPE = Refused(415, "type-mismatch")
NOT_ALLOWED = Refused(415, "type-not-allowed")
BAD_NAME = Refused(422, "bad-name")
EMPTY = Refused(422, "empty-file")


def malformed(reason: str) -> Refused:
    return Refused(422, "malformed-file", reason)


def outcome(person: Person, answer: httpx.Response) -> Refused | Ends:
    """What became of a file that was answered so."""
    said = answer.json()
    if answer.status_code != 202:
        assert answer.headers["Content-Type"] == "application/problem+json"
        return Refused(answer.status_code, said["code"], said.get("reason"))
    document = person.settle(said["id"])
    return Ends(document["state"], document["verdict"]["reason"])
