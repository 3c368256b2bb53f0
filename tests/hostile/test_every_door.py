"""One policy at every door: the same file has the same end, digest and trail, however it came."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, create_engine, select

from tests.hostile.conftest import Canary
from tests.hostile.doors import CLEAN, DOORS, INFECTED, Door, Ends, Refused
from tests.hostile.files import FILES, MARK, File
from tests.support import grants, hostile_files, samples
from tests.support.invariants import Promises
from tests.support.people import Person
from tests.support.stack import Stack
from uploads.records import tables

# What comes in is judged before any database: once is enough.
pytestmark = pytest.mark.one_database

_MANY = 40
_INFECTED = ("eicar", "eicar in zip", "eicar in docx in zip", "script in pdf")
_ENDINGS = {
    "text/plain": "txt",
    "application/pdf": "pdf",
    "application/zip": "zip",
}


def by_put(person: Person, name: str, declared: str, content: bytes) -> httpx.Response:
    return by_grant(person, name, declared, content, "put")


def by_parts(person: Person, name: str, declared: str, content: bytes) -> httpx.Response:
    return by_grant(person, name, declared, content, "multipart")


def by_grant(
    person: Person, name: str, declared: str, content: bytes, method: str
) -> httpx.Response:
    """Ask, send what is granted straight to the store, and complete; the first refusal is it."""
    asked = {"name": name, "size": len(content), "method": method}
    answer = person.api.post("/uploads", json=asked | ({"type": declared} if declared else {}))
    if answer.status_code != 201:
        return answer
    grant, number = answer.json(), 1 if method == "multipart" else None
    assert grants.sent(person, grant, content, number).status_code == 200
    return person.api.post(f"/uploads/{grant['id']}/complete")


def by_batch(person: Person, name: str, declared: str, content: bytes) -> httpx.Response:
    """The same with the calls for many files, of which it is the only one."""
    asked = {"name": name, "size": len(content)} | ({"type": declared} if declared else {})
    answer = _sole(person.api.post("/upload-batches", json={"uploads": [asked]}))
    if answer.status_code != 201:
        return answer
    grant = answer.json()
    assert grants.sent(person, grant, content).status_code == 200
    completion = {"uploads": [{"id": grant["id"]}]}
    return _sole(person.api.post("/upload-batches/complete", json=completion))


def by_form_of_many(person: Person, name: str, declared: str, content: bytes) -> httpx.Response:
    """The only file of a form that may have many."""
    part = (name, content, declared) if declared else (name, content)
    return _sole(person.api.post("/document-batches", files={"file": part}))


def _sole(answer: httpx.Response) -> httpx.Response:
    """The only item of an answer, as the answer that it would be by itself."""
    if answer.status_code != 200:
        return answer
    ((made, said),) = answer.json()["items"][0].items()
    if made == "problem":
        headers = {"Content-Type": "application/problem+json"}
        return httpx.Response(said["status"], json=said, headers=headers)
    return httpx.Response({"upload": 201, "document": 202}[made], json=said)


ALL_DOORS: dict[str, Door] = {
    **DOORS,
    "signed PUT": by_put,
    "signed parts": by_parts,
    "signed PUT in a batch": by_batch,
    "form of many": by_form_of_many,
}


def benign() -> Iterator[File]:
    for ending, make in samples.SAMPLES.items():
        yield File(0, f"sample {ending}", f"a.{ending}", "", _always(make()), CLEAN)


def infected() -> Iterator[File]:
    found = hostile_files.infected_files()
    for label in _INFECTED:
        type_, content = found[label]
        yield File(1, label, f"a.{_ENDINGS[type_]}", "", _always(content), INFECTED)


def told() -> Iterator[File]:
    """The table's own files, of each row the first one; and what the worker alone finds."""
    chosen = {file.row: file for file in reversed(FILES)}
    yield from chosen.values()
    yield from (file for file in FILES if file.row == 7 and isinstance(file.expected, Ends))


def _always(content: bytes) -> Callable[[str], bytes]:
    return lambda _: content


CHOSEN = {"benign": [*benign()], "infected": [*infected()], "told": [*told()]}


@pytest.fixture
def engine(stack: Stack) -> Iterator[Engine]:
    made = create_engine(stack.services().settings.database_url)
    yield made
    made.dispose()


def test_there_are_enough_of_them() -> None:
    assert len({str(file) for files in CHOSEN.values() for file in files}) >= _MANY


@pytest.mark.parametrize("kind", CHOSEN)
def test_every_door_says_the_same(
    alice: Person, canary: Canary, promises: Promises, engine: Engine, kind: str
) -> None:
    """The word is one, before the 2xx or after it; digest, verdict and audit entry are the same."""
    answers = []
    for file in CHOSEN[kind]:
        content = file.content(canary.url)
        for door, send in ALL_DOORS.items():
            before = _newest(engine)
            answer = send(alice, file.name, file.declared, content)
            refusals = _refusals(engine, before)
            answers.append((file, door, content, answer, refusals))
    found = {
        (str(file), door): _end(alice, engine, answer, content, refusals)
        for file, door, content, answer, refusals in answers
    }
    for file in CHOSEN[kind]:
        ends = [found[str(file), door] for door in ALL_DOORS]
        assert [one["word"] for one in ends] == [_word(file.expected)] * len(ends), str(file)
        taken = [one for one in ends if "sha256" in one]
        assert all(one == taken[0] for one in taken), str(file)
    promises.hold(MARK)


def _word(expected: Refused | Ends) -> str:
    """What is said of a file: the same before its acceptance and after it."""
    if isinstance(expected, Refused):
        return expected.reason or expected.code
    return expected.reason or expected.state


def _end(
    person: Person, engine: Engine, answer: httpx.Response, content: bytes, refusals: list[str]
) -> dict[str, Any]:
    """What became of a file, without what differs each time."""
    said = answer.json()
    if answer.status_code != 202:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert refusals == [said["code"]]
        return {"word": said.get("reason") or said["code"]}
    assert refusals == []
    document = person.settle(said["id"])
    assert document["sha256"] == hashlib.sha256(content).hexdigest()
    verdict = document["verdict"]
    return {
        "word": verdict["reason"] or document["state"],
        **{name: document[name] for name in ("name", "size", "sha256", "type")},
        "engines": [
            (one["name"], one["version"], one["outcome"], one["finding"])
            for one in verdict["engines"]
        ],
        "trail": _trail(engine, document["id"]),
    }


def _newest(engine: Engine) -> int:
    with engine.connect() as connection:
        newest = connection.scalar(select(tables.audit.c.id).order_by(tables.audit.c.id.desc()))
    return int(newest or 0)


def _refusals(engine: Engine, after: int) -> list[str]:
    """The codes of refused uploads that were written down since."""
    with engine.connect() as connection:
        rows = connection.execute(
            select(tables.audit.c.subject)
            .where(tables.audit.c.id > after, tables.audit.c.action == "upload.refused")
            .order_by(tables.audit.c.id)
        )
        return list(rows.scalars())


def _trail(engine: Engine, document_id: str) -> list[tuple[str, str, Any]]:
    with engine.connect() as connection:
        rows = connection.execute(
            select(tables.audit.c.actor, tables.audit.c.action, tables.audit.c.detail)
            .where(tables.audit.c.subject == document_id)
            .order_by(tables.audit.c.id)
        )
        return [tuple(row) for row in rows]
