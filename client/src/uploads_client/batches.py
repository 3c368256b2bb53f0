"""The two calls for many files: room for each of them, and a document of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import httpx

from uploads_client import answers
from uploads_client.answers import Document, Grant
from uploads_client.errors import UploadsError
from uploads_client.retrying import leaves_doubt
from uploads_client.sources import Stopped
from uploads_client.wire import Wire, fresh_key, members_of

# Half of what the service takes in one call: twice as many cost it twice the time.
MOST = 25
_LIMITED = 429
# What may be said of all because of one: the halves tell of which.
_OF_ONE = frozenset({400, 413, 422})


class Batches:
    """Asks by `wire`, which can be stopped; `last` then asks what became of the last call."""

    def __init__(self, wire: Wire, last: Wire) -> None:
        self._wire, self._last = wire, last
        self._most = MOST

    def grants(self, claims: Sequence[dict[str, Any]]) -> Iterator[list[Grant | UploadsError]]:
        """A grant for each of these, or why there is none: in their order, some at a time.

        As many as a limit has room for are asked for at once, and the others when it has room
        again. Raises UploadsError for all that are left, and Stopped.
        """
        waiting, count = list(claims), len(claims)
        while waiting:
            some = waiting[: min(count, self._most)]
            try:
                found = self._grants(some)
            except UploadsError as error:
                count = fitting(error, len(some))
                self._most = count if count and _too_many(error) else self._most
                if count:
                    continue
                if error.status not in _OF_ONE:
                    raise
                found = [error]
            yield found
            waiting = waiting[len(some) :]
            count = len(waiting)

    def documents(self, uploads: Sequence[dict[str, Any]]) -> list[Document | UploadsError]:
        """A document of each of these, or why there is none. Raises UploadsError and Stopped."""
        answer = self._call("/upload-batches/complete", uploads)
        return documents_of(answer, len(uploads))

    def _grants(self, claims: Sequence[dict[str, Any]]) -> list[Grant | UploadsError]:
        answer = self._call("/upload-batches", claims)
        return [
            answers.problem(one["problem"]) if "problem" in one else _grant(one, claim["size"])
            for one, claim in zip(_items(answer, len(claims)), claims, strict=True)
        ]

    def _call(self, path: str, uploads: Sequence[dict[str, Any]]) -> httpx.Response:
        key, doubtful = fresh_key(), False

        def may_repeat(error: UploadsError) -> bool:
            nonlocal doubtful
            doubtful = leaves_doubt(error)
            return not fitting(error, len(uploads))

        asked: dict[str, Any] = {"headers": key, "json": {"uploads": uploads}}
        try:
            return self._wire.call("POST", path, may_repeat=may_repeat, **asked)
        except Stopped:
            if not doubtful:
                raise
            # Whether it was done is not known: the same call, under its key, tells.
            return self._last.call("POST", path, may_repeat=lambda error: False, **asked)


def _items(answer: httpx.Response, count: int) -> list[Any]:
    """What is said of each of so many things. Raises UploadsError."""
    found, _ = answers.page(members_of(answer))
    if len(found) != count or not all(isinstance(one, dict) for one in found):
        raise UploadsError(
            f"The answer is not one of {count} things, which were asked for.",
            code="unreadable-answer",
        )
    return found


def _grant(item: dict[str, Any], size: int) -> Grant:
    return answers.grant(item.get("upload"), size)


def documents_of(answer: httpx.Response, count: int) -> list[Document | UploadsError]:
    """A document of each of so many files, or why there is none. Raises UploadsError."""
    return [
        answers.problem(one["problem"])
        if "problem" in one
        else answers.document(one.get("document"))
        for one in _items(answer, count)
    ]


def fitting(error: UploadsError, count: int) -> int:
    """With how many of `count` it may be tried at once instead; 0 where that is no remedy."""
    if count > 1 and error.status in _OF_ONE:
        return count // 2
    left = error.left or 0
    return left if error.status == _LIMITED and left < count else 0


def _too_many(error: UploadsError) -> bool:
    """Whether the service says that it can never let so many in at once."""
    told = error.members.get("errors")
    pointers = (
        [one.get("pointer") for one in told if isinstance(one, dict)]
        if isinstance(told, list)
        else []
    )
    return pointers == ["/uploads"]
