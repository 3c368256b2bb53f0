"""The form of a cell's reply, and the check of one: it was written by a stranger.

After `ready`: one line of JSON, `{"result": {…}, "payload": LENGTH}`, then exactly that many
bytes. Knows nothing of processes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

READY = b"ready\n"  # said once confined, before the file is read
HEAD_LIMIT = 64 * 1024  # bytes of the line of JSON


class MalformedReply(Exception):
    """Raised when a reply is not of the form above."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one file took: processor seconds, and bytes of memory beyond the template's."""

    cpu_seconds: float = 0.0
    memory_bytes: int = 0


@dataclass(frozen=True)
class Reply:
    """What a task answered: a small object and some bytes. Form checked, content not.

    `usage` is the cell's own word.
    """

    result: dict[str, Any]
    payload: bytes = b""
    usage: Usage = field(default_factory=Usage)


def parse(said: bytes, payload_limit: int, usage: Usage | None = None) -> Reply:
    """Check what a child said after `ready`; `payload_limit` is in bytes.

    Raises MalformedReply.
    """
    line, newline, payload = said.partition(b"\n")
    if not newline or len(line) > HEAD_LIMIT:
        raise MalformedReply("no line of JSON")
    head = _object(line)
    if set(head) != {"result", "payload"} or not isinstance(head["result"], dict):
        raise MalformedReply("not a result and a payload")
    length = head["payload"]
    if type(length) is not int or length != len(payload) or length > payload_limit:
        raise MalformedReply("payload of another length")
    if not all(_storable(text) for text in _texts(head["result"])):
        raise MalformedReply("text that no database can store")
    return Reply(head["result"], payload, usage or Usage())


def _object(line: bytes) -> dict[str, Any]:
    try:
        head = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise MalformedReply("not JSON") from error
    if not isinstance(head, dict):
        raise MalformedReply("not an object")
    return head


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _texts(value: Any) -> Iterator[str]:
    """Every string in a JSON value, without recursion: its depth is the stranger's choice."""
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            rest += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            rest += item


def _storable(text: str) -> bool:
    """Whether text has no NUL and no lone surrogate, which PostgreSQL and UTF-8 refuse."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
