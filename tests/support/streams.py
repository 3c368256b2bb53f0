"""A reader of server-sent events, as a browser's EventSource reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.people import Person


@dataclass(frozen=True)
class Told:
    """One block of the stream; `data` of events alone, `kind` of comments is `:`."""

    kind: str
    id: str | None
    data: Any

    @property
    def state(self) -> str:
        return str(self.data["state"])


@contextmanager
def streaming(
    person: Person, path: str = "/events", last: str | None = None, **more: Any
) -> Iterator[Iterator[Told]]:
    headers = {"Last-Event-ID": last} if last is not None else {}
    with person.api.stream("GET", path, headers={**headers, **more}) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        yield _blocks(answer)


def _blocks(answer: httpx.Response) -> Iterator[Told]:
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line:
            name, _, text = line.partition(":")
            fields[name or ":"] = text.removeprefix(" ")
            continue
        kind = ":" if ":" in fields else fields.get("event", "")
        data = json.loads(fields["data"]) if "data" in fields else None
        yield Told(kind, fields.get("id"), data)
        fields = {}


def states(told: Iterator[Told], document_id: str, until: str) -> list[Told]:
    """The events of one document, up to the one with this state."""
    found = []
    for one in told:
        if one.kind == "state" and one.data["id"] == document_id:
            found.append(one)
            if one.state == until:
                return found
    raise AssertionError(f"the stream ended before {until}: {found}")
